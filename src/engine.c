/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: what a node does with tasks, as a pure step. */
#include "engine_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#include "clock.h"

/* --- roles and times ----------------------------------------------------- */

bool mf_engine_may_claim(const struct mf_engine *e)
{
	return e->link == MF_LINK_UP && mf_view_complete(&e->view) &&
	       e->member_state == METAFORA_MEMBER_ACTIVE;
}

static void set_member_state(struct mf_engine *e)
{
	enum metafora_member_state state = METAFORA_MEMBER_ACTIVE;

	if (e->shutting_down || e->drained)
		state = METAFORA_MEMBER_DRAINING;
	else if (e->frozen)
		state = METAFORA_MEMBER_FROZEN;
	if (state == e->member_state)
		return;
	e->member_state = state;
	e->publish = true;
}

uint64_t mf_engine_jittered_ms(struct mf_engine *e, int64_t ms)
{
	uint64_t quarter = ms / 4;

	return mf_prng_between(&e->prng, ms - quarter, ms + quarter);
}

static void balance_soon(struct mf_engine *e, uint64_t now_ns)
{
	mf_engine_set_alarm(
		e, MF_ALARM_BALANCE,
		mf_clock_add_ms(now_ns, e->config.balance_debounce_ms));
}

/* The node owes nothing any more: leave. */
static void close_if_empty(struct mf_engine *e)
{
	if (e->shutting_down && e->n_entries == 0)
		e->close = true;
}

static void arm_lease(struct mf_engine *e)
{
	if (e->deadline_ns == METAFORA_NO_DEADLINE)
		e->alarms[MF_ALARM_LEASE] = MF_NEVER;
	else if (e->leaving)
		e->alarms[MF_ALARM_LEASE] = e->deadline_ns;
	else
		e->alarms[MF_ALARM_LEASE] =
			e->deadline_ns > e->grace_ns
				? e->deadline_ns - e->grace_ns
				: 0;
}

/* --- session and lease --------------------------------------------------- */

/* All claims are gone.  Handlers that run are adrift. */
static void lose_claims(struct mf_engine *e)
{
	struct mf_entry *entry, *next;

	for (entry = TAILQ_FIRST(&e->entries); entry; entry = next) {
		next = TAILQ_NEXT(entry, in_all);
		if (entry->state == MF_ADRIFT)
			continue;
		if (!mf_state_has_handler(entry->state)) {
			mf_engine_end_entry(e, entry);
			continue;
		}
		mf_engine_move(e, entry, MF_ADRIFT);
		mf_engine_ask_to_stop(e, entry, METAFORA_STOP_LOST);
	}
	e->alarms[MF_ALARM_LEASE] = MF_NEVER;
	e->session = 0;
	if (e->leaving)
		e->close = true;
}

/* The times that follow from the session timeout. */
static int set_times(struct mf_engine *e, int64_t timeout_ms)
{
	uint64_t quarter_ns, grace_ns;

	if (timeout_ms <= 0 || timeout_ms > MF_TIMEOUT_MAX_MS)
		return METAFORA_EPROTO;
	quarter_ns = (uint64_t)timeout_ms * MF_NS_PER_MS / 4;
	grace_ns = (uint64_t)e->config.lease_grace_ms * MF_NS_PER_MS;
	if (grace_ns > quarter_ns)
		return METAFORA_ECONFIG;
	e->grace_ns = grace_ns ? grace_ns : quarter_ns;
	return 0;
}

static int begin_session(struct mf_engine *e,
			 const struct metafora_session_fact *fact)
{
	int error;

	/* Handlers adrift hang on tasks of the old buckets. */
	if (e->n_entries && fact->n_buckets != e->view.n_buckets)
		return METAFORA_EVERSION;
	error = mf_view_begin(&e->view, fact->n_buckets);
	if (!error)
		e->session = fact->session;
	return error;
}

static int connected(struct mf_engine *e, uint64_t now_ns,
		     const struct metafora_session_fact *fact)
{
	bool same = e->session == fact->session;
	int error;

	/* A silently new session is an expiry that nobody told. */
	if (!same)
		lose_claims(e);
	error = set_times(e, fact->timeout_ms);
	if (!error && !same)
		error = begin_session(e, fact);
	if (error) {
		e->fatal = error;
		return error;
	}
	e->link = MF_LINK_UP;
	arm_lease(e);
	balance_soon(e, now_ns);
	return 0;
}

static int step_session(struct mf_engine *e, uint64_t now_ns,
			const struct metafora_session_fact *fact)
{
	switch (fact->state) {
	case METAFORA_SESSION_CONNECTED:
		return connected(e, now_ns, fact);
	case METAFORA_SESSION_SUSPENDED:
		if (e->link == MF_LINK_UP)
			e->link = MF_LINK_SUSPENDED;
		return 0;
	case METAFORA_SESSION_LOST:
		e->link = MF_LINK_DOWN;
		e->deadline_ns = 0; /* was of that session */
		lose_claims(e);
		return 0;
	case METAFORA_SESSION_FAILED:
		e->link = MF_LINK_FAILED;
		e->fatal = fact->error ? fact->error : METAFORA_ESESSION;
		lose_claims(e);
		return 0;
	case METAFORA_SESSION_CLOSED:
		e->link = MF_LINK_FAILED;
		lose_claims(e);
		return 0;
	}
	return METAFORA_EPROTO;
}

static void stop_all(struct mf_engine *e, enum metafora_stop_reason reason)
{
	struct mf_entry *entry;

	TAILQ_FOREACH(entry, &e->entries, in_all) {
		if (entry->state == MF_RUNNING || entry->state == MF_STOPPING)
			mf_engine_ask_to_stop(e, entry, reason);
	}
}

static void step_lease(struct mf_engine *e, uint64_t deadline_ns)
{
	if (e->leaving)
		return;
	e->deadline_ns = deadline_ns;
	if (e->link != MF_LINK_DOWN)
		arm_lease(e);
}

static void lease_alarm(struct mf_engine *e, uint64_t now_ns)
{
	if (e->leaving) {
		/* Nobody believes any more: now the claims may go. */
		e->close = true;
		return;
	}
	if (mf_engine_lease_holds(e, now_ns))
		arm_lease(e);
	else
		stop_all(e, METAFORA_STOP_LEASE);
}

/* --- what the view says -------------------------------------------------- */

static void task_changed(struct mf_engine *e,
			 struct metafora_cluster_task *task)
{
	struct mf_entry *entry = task->entry;
	bool deleted = !task->exists || task->reborn;

	task->reborn = false;
	if (deleted) /* another life has nothing to do with it */
		mf_ignore_forget(e->ignore, task->id);
	if (entry && deleted) {
		entry->deleted = true;
		if (entry->state == MF_RUNNING)
			mf_engine_ask_to_stop(e, entry, METAFORA_STOP_DELETED);
		else if (entry->state == MF_QUEUED)
			mf_engine_withdraw(e, entry, entry->token);
	} else if (entry && entry->state == MF_PREPARING && task->unowned) {
		/* Nobody runs it meanwhile: better cold than late. */
		mf_engine_get_in_line(e, entry);
	}
	mf_engine_consider(e, task);
}

static void consider_id(struct mf_engine *e, const char *id)
{
	struct metafora_cluster_task *task = mf_view_find(&e->view, id);

	if (task)
		mf_engine_consider(e, task);
}

/*
 * Consider some of those again; what is refused anew meanwhile is not counted,
 * so that this comes to an end.
 */
static void consider_again(struct mf_engine *e)
{
	char id[METAFORA_TASK_ID_MAX + 1];
	size_t n;

	for (n = 0; n < MF_CONSIDERED_MAX && e->n_again; n++) {
		e->n_again--;
		if (mf_ignore_pop_refused(e->ignore, e->again_all, id))
			consider_id(e, id);
		else
			e->n_again = 0;
	}
	if (!e->n_again)
		e->again_all = false;
}

void mf_engine_reconsider(struct mf_engine *e, bool all)
{
	e->again_all |= all;
	e->n_again = mf_ignore_n_refused(e->ignore, e->again_all);
	consider_again(e);
}

static int take_facts(struct mf_engine *e, uint64_t now_ns, int error)
{
	struct metafora_cluster_task *task;
	bool members_changed = e->view.members_changed;
	bool changed = members_changed;

	while ((task = mf_view_pop_changed(&e->view))) {
		changed = true;
		task_changed(e, task);
		mf_view_settle(&e->view, task);
	}
	e->view.members_changed = false;
	if (members_changed)
		mf_engine_reconsider(e, true);
	if (changed)
		balance_soon(e, now_ns);
	if (error == METAFORA_ENOMEM)
		mf_engine_set_alarm(e, MF_ALARM_REFRESH,
				    mf_clock_add_ms(now_ns, MF_REFRESH_MS));
	return error;
}

/* The broker has not shown the claim for a whole interval: it is lost. */
static void repair_missing(struct mf_engine *e, struct mf_entry *entry)
{
	e->n_repairs++;
	if (entry->state == MF_QUEUED) {
		mf_engine_withdraw(e, entry, entry->token);
		return;
	}
	mf_engine_move(e, entry, MF_ADRIFT);
	mf_engine_ask_to_stop(e, entry, METAFORA_STOP_LOST);
}

/* The slow repair of claims that no entry knows, and the other way round. */
static void reconcile(struct mf_engine *e, uint64_t now_ns)
{
	struct metafora_cluster_task *task = NULL;
	struct mf_entry *entry;

	while ((task = mf_view_next(&e->view, task))) {
		const struct mf_vclaim *claim =
			mf_view_own_claim(&e->view, task);
		bool stray = claim && !task->entry;

		if (stray && task->stray) {
			entry = mf_engine_new_entry(e, task);
			if (!entry)
				break;
			e->n_repairs++;
			mf_engine_withdraw(e, entry, claim->token);
			stray = false;
		}
		task->stray = stray;
	}
	TAILQ_FOREACH(entry, &e->entries, in_all) {
		bool has_claim = entry->state == MF_QUEUED ||
				 entry->state == MF_RUNNING ||
				 entry->state == MF_STOPPING;

		if (!has_claim || mf_view_own_claim(&e->view, entry->task))
			entry->missing_since_ns = 0;
		else if (!entry->missing_since_ns)
			entry->missing_since_ns = now_ns;
		else
			repair_missing(e, entry);
	}
	e->refresh = true;
}

/* --- commands and shutdown ----------------------------------------------- */

static int step_stop_task(struct mf_engine *e, const char *id)
{
	struct metafora_cluster_task *task = mf_view_find(&e->view, id);
	struct mf_entry *entry = task ? task->entry : NULL;

	if (!entry || !mf_state_has_handler(entry->state))
		return METAFORA_ENOENT;
	mf_engine_ask_to_stop(
		e, entry,
		entry->state == MF_RUNNING
			? METAFORA_STOP_COMMAND
			: (enum metafora_stop_reason)entry->stop_reason);
	return 0;
}

static void leave_lines(struct mf_engine *e)
{
	struct mf_entry *entry, *next;

	for (entry = TAILQ_FIRST(&e->entries); entry; entry = next) {
		next = TAILQ_NEXT(entry, in_all);
		if (entry->state == MF_QUEUED) {
			mf_engine_withdraw(e, entry, entry->token);
		} else if (entry->state == MF_PREPARING) {
			mf_engine_end_entry(e, entry);
		} else if ((entry->state == MF_CLAIMING ||
			    entry->state == MF_QUEUING) &&
			   entry->sending == MF_UNSENT) {
			mf_engine_end_entry(
				e, entry); /* never sent: nothing is there */
		}
	}
}

static void step_role(struct mf_engine *e, uint64_t now_ns,
		      enum mf_event_kind kind)
{
	switch (kind) {
	case MF_EV_FREEZE:
		e->frozen = true;
		break;
	case MF_EV_UNFREEZE:
		e->frozen = false;
		break;
	case MF_EV_DRAIN:
		e->drained = true;
		break;
	case MF_EV_UNDRAIN:
		e->drained = false;
		break;
	default:
		break;
	}
	set_member_state(e);
	if (e->member_state != METAFORA_MEMBER_ACTIVE)
		leave_lines(e);
	if (kind == MF_EV_DRAIN)
		stop_all(e, METAFORA_STOP_DRAIN);
	mf_engine_reconsider(e, true);
	balance_soon(e, now_ns);
}

static void step_shutdown(struct mf_engine *e, uint64_t now_ns)
{
	if (e->shutting_down)
		return;
	e->shutting_down = true;
	set_member_state(e);
	leave_lines(e);
	stop_all(e, METAFORA_STOP_SHUTDOWN);
	e->alarms[MF_ALARM_SHUTDOWN] =
		mf_clock_add_ms(now_ns, e->config.shutdown_grace_ms);
}

/*
 * The grace is over.  Claims of handlers that still run must outlast the
 * deadline these handlers know: renew the lease no more and wait for its end.
 */
static void shutdown_alarm(struct mf_engine *e, uint64_t now_ns)
{
	bool owns = false;
	struct mf_entry *entry;

	e->alarms[MF_ALARM_SHUTDOWN] = MF_NEVER;
	TAILQ_FOREACH(entry, &e->entries, in_all)
		owns = owns || entry->state == MF_RUNNING ||
		       entry->state == MF_STOPPING;
	if (!owns || e->deadline_ns == METAFORA_NO_DEADLINE ||
	    e->deadline_ns <= now_ns) {
		e->close = true;
		return;
	}
	e->leaving = true;
	arm_lease(e);
}

/* --- time ---------------------------------------------------------------- */

static bool rings(struct mf_engine *e, enum mf_alarm alarm, uint64_t now_ns)
{
	if (e->alarms[alarm] > now_ns)
		return false;
	e->alarms[alarm] = MF_NEVER;
	return true;
}

static void step_time(struct mf_engine *e, uint64_t now_ns)
{
	char id[METAFORA_TASK_ID_MAX + 1];
	struct metafora_cluster_task *task;
	struct mf_entry *entry;
	size_t n = 0;

	if (rings(e, MF_ALARM_LEASE, now_ns))
		lease_alarm(e, now_ns);
	if (rings(e, MF_ALARM_PREPARE, now_ns)) {
		/* Who drives the engine asks those that are due. */
		TAILQ_FOREACH(entry, &e->preparing, in_preparing) {
			if (entry->prepare_ns > now_ns)
				mf_engine_set_alarm(e, MF_ALARM_PREPARE,
						    entry->prepare_ns);
		}
	}
	if (rings(e, MF_ALARM_RETRY, now_ns)) {
		while ((entry = TAILQ_FIRST(&e->retry)))
			mf_engine_send(e, entry, entry->verb);
	}
	if (rings(e, MF_ALARM_RECONCILE, now_ns)) {
		e->alarms[MF_ALARM_RECONCILE] = mf_clock_add_ms(
			now_ns, mf_engine_jittered_ms(e, MF_RECONCILE_MS));
		if (e->link == MF_LINK_UP && mf_view_complete(&e->view))
			reconcile(e, now_ns);
	}
	if (rings(e, MF_ALARM_REFRESH, now_ns)) {
		e->refresh = true;
		TAILQ_FOREACH(task, &e->view.unowned, in_unowned)
			mf_engine_consider(e, task);
	}
	if (rings(e, MF_ALARM_SHUTDOWN, now_ns))
		shutdown_alarm(e, now_ns);
	consider_again(e);
	while (n++ < MF_CONSIDERED_MAX &&
	       mf_ignore_pop_due(e->ignore, now_ns, id))
		consider_id(e, id);
}

uint64_t mf_engine_next_ns(const struct mf_engine *e)
{
	uint64_t next = e->n_again ? 0 : mf_ignore_next_ns(e->ignore);
	int i;

	for (i = 0; i < MF_N_ALARMS; i++) {
		/* The balancer cannot be asked then: no use in waking up. */
		if (i == MF_ALARM_BALANCE && !mf_engine_may_claim(e))
			continue;
		if (e->alarms[i] < next)
			next = e->alarms[i];
	}
	return next;
}

/* --- the step ------------------------------------------------------------ */

static int dispatch(struct mf_engine *e, uint64_t now_ns,
		    const struct mf_event *ev)
{
	switch (ev->kind) {
	case MF_EV_TIME:
		step_time(e, now_ns);
		return 0;
	case MF_EV_SESSION:
		return step_session(e, now_ns, ev->session);
	case MF_EV_LEASE:
		step_lease(e, ev->deadline_ns);
		return 0;
	case MF_EV_TASKS:
		return take_facts(e, now_ns,
				  mf_view_tasks(&e->view, now_ns,
						ev->tasks.bucket,
						ev->tasks.facts, ev->tasks.n));
	case MF_EV_CLAIMS:
		return take_facts(
			e, now_ns,
			mf_view_claims(&e->view, now_ns, ev->claims.bucket,
				       ev->claims.facts, ev->claims.n));
	case MF_EV_MEMBERS:
		return take_facts(e, now_ns,
				  mf_view_members(&e->view, ev->members.records,
						  ev->members.n));
	case MF_EV_VERDICT:
		mf_engine_verdict(e, now_ns, ev->verdict);
		return 0;
	case MF_EV_STARTED:
		ev->started.entry->run = ev->started.run;
		ev->started.entry->started_ns = now_ns;
		if (ev->started.run) {
			e->counts.started++;
			return 0;
		}
		e->counts.not_started++;
		mf_engine_returned(e, now_ns, ev->started.entry,
				   METAFORA_RELEASE, 0, false);
		return 0;
	case MF_EV_RETURNED:
		mf_engine_returned(e, now_ns, ev->returned.entry,
				   ev->returned.outcome, ev->returned.ran_ns,
				   ev->returned.asked);
		return 0;
	case MF_EV_PREPARED:
		mf_engine_prepared(e, now_ns, ev->prepared.entry,
				   ev->prepared.answer_ms);
		return 0;
	case MF_EV_ANSWER:
		return mf_engine_answer(e, now_ns, ev->answer.task,
				   ev->answer.answer, ev->answer.until_ns);
	case MF_EV_PLAN:
		return mf_engine_plan(e, now_ns, ev);
	case MF_EV_FREEZE:
	case MF_EV_UNFREEZE:
	case MF_EV_DRAIN:
	case MF_EV_UNDRAIN:
		step_role(e, now_ns, ev->kind);
		return 0;
	case MF_EV_BALANCE:
		e->balance_asked = true;
		return 0;
	case MF_EV_STOP_TASK:
		return step_stop_task(e, ev->task);
	case MF_EV_SHUTDOWN:
		step_shutdown(e, now_ns);
		return 0;
	case MF_N_EVENTS:
		break;
	}
	return METAFORA_EINVAL;
}

int mf_engine_step(struct mf_engine *e, uint64_t now_ns,
		   const struct mf_event *event)
{
	int result;

	e->start = NULL;
	result = dispatch(e, now_ns, event);
	close_if_empty(e);
	return result;
}

struct mf_entry *mf_engine_take_stop(struct mf_engine *e)
{
	struct mf_entry *entry = TAILQ_FIRST(&e->stops);

	if (entry) {
		entry->stop_due = false;
		TAILQ_REMOVE(&e->stops, entry, in_stops);
	}
	return entry;
}

size_t mf_engine_take_verbs(struct mf_engine *e, enum metafora_verb verb,
			    struct metafora_entry *out, size_t max)
{
	struct mf_entry *entry;
	size_t n = 0;

	if (e->link != MF_LINK_UP)
		return 0;
	while (n < max && (entry = TAILQ_FIRST(&e->unsent[verb]))) {
		mf_engine_unlink_verb(e, entry);
		entry->sending = MF_SENT;
		out[n].task = entry->task->id;
		out[n].attempt = entry->attempt;
		out[n].token = entry->token;
		n++;
	}
	if (verb == METAFORA_VERB_CLAIM)
		e->counts.claims_tried += n;
	else if (verb == METAFORA_VERB_QUEUE)
		e->counts.queued += n;
	return n;
}

int mf_engine_init(struct mf_engine *e, const struct mf_engine_config *config,
		   uint64_t now_ns)
{
	int i;

	memset(e, 0, sizeof(*e));
	e->config = *config;
	TAILQ_INIT(&e->entries);
	TAILQ_INIT(&e->stops);
	TAILQ_INIT(&e->preparing);
	TAILQ_INIT(&e->evictions);
	TAILQ_INIT(&e->retry);
	for (i = 0; i < MF_N_VERBS; i++)
		TAILQ_INIT(&e->unsent[i]);
	for (i = 0; i < MF_N_ALARMS; i++)
		e->alarms[i] = MF_NEVER;
	mf_prng_seed(&e->prng, config->seed);
	e->ignore = mf_ignore_new();
	if (!e->ignore)
		return METAFORA_ENOMEM;
	if (mf_view_init(&e->view, config->node, config->has_lines)) {
		mf_ignore_free(e->ignore);
		return METAFORA_ENOMEM;
	}
	e->alarms[MF_ALARM_RECONCILE] =
		mf_clock_add_ms(now_ns, mf_engine_jittered_ms(e, MF_RECONCILE_MS));
	return 0;
}

void mf_engine_fini(struct mf_engine *e)
{
	struct mf_entry *entry;

	while ((entry = TAILQ_FIRST(&e->entries))) {
		assert(!entry->run);
		mf_engine_unlink_verb(e, entry);
		TAILQ_REMOVE(&e->entries, entry, in_all);
		entry->task->entry = NULL;
		free(entry);
	}
	mf_view_fini(&e->view);
	mf_ignore_free(e->ignore);
}
