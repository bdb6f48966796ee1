/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's dealings with the balancer: questions, and what it plans. */
#include "engine_parts.h"

#include <metafora/error.h>

#include "clock.h"

static bool has_room(const struct mf_engine *e)
{
	return !e->config.max_tasks || e->n_entries < e->config.max_tasks;
}

struct metafora_cluster_task *mf_engine_question(struct mf_engine *e)
{
	if (!mf_engine_may_claim(e) || !has_room(e))
		return NULL;
	return TAILQ_FIRST(&e->view.asking);
}

/* A balancer's wish, which must not keep the loop busy. */
static uint64_t not_at_once(uint64_t now_ns, uint64_t wish_ns)
{
	uint64_t soonest_ns = mf_clock_add_ms(now_ns, MF_WISH_MIN_MS);

	return wish_ns > soonest_ns ? wish_ns : soonest_ns;
}

int mf_engine_answer(struct mf_engine *e, uint64_t now_ns,
		       struct metafora_cluster_task *task,
		       enum metafora_can_claim answer, uint64_t until_ns)
{
	struct mf_entry *entry;
	int error;

	if (answer == METAFORA_CLAIM_YES && mf_engine_lease_holds(e, now_ns)) {
		entry = mf_engine_new_entry(e, task);
		if (entry) {
			mf_engine_consider(e, task);
			mf_engine_move(e, entry, MF_CLAIMING);
			mf_engine_send(e, entry, METAFORA_VERB_CLAIM);
			return 0;
		}
		until_ns = mf_clock_add_ms(now_ns, MF_RETRY_MS);
	} else if (answer == METAFORA_CLAIM_YES) {
		until_ns = mf_clock_add_ms(now_ns, MF_RETRY_MS);
	} else if (answer == METAFORA_CLAIM_NO_UNTIL) {
		until_ns = not_at_once(now_ns, until_ns);
	} else {
		until_ns = 0;
	}
	error = mf_ignore_refused(e->ignore, task->id, until_ns);
	if (error) {
		/* Not to be asked again and again in one go: at a refresh. */
		TAILQ_REMOVE(&e->view.asking, task, in_asking);
		task->asking = false;
		mf_engine_set_alarm(e, MF_ALARM_REFRESH,
				    mf_clock_add_ms(now_ns, MF_REFRESH_MS));
		return error;
	}
	mf_engine_consider(e, task);
	return 0;
}

bool mf_engine_take_balance(struct mf_engine *e, uint64_t now_ns)
{
	bool asked = e->balance_asked;

	if (e->link != MF_LINK_UP || !mf_view_complete(&e->view) ||
	    e->member_state == METAFORA_MEMBER_DRAINING)
		return false;
	if (!asked && (e->alarms[MF_ALARM_BALANCE] > now_ns ||
		       e->member_state != METAFORA_MEMBER_ACTIVE))
		return false;
	e->balance_asked = false;
	/* Before the plan comes back, so that its wish can be earlier. */
	e->alarms[MF_ALARM_BALANCE] = mf_clock_add_ms(
		now_ns, mf_engine_jittered_ms(e, e->config.balance_interval_ms));
	/* What was refused until a change may be asked again. */
	if (e->balanced_version != e->view.version)
		mf_engine_reconsider(e, false);
	e->balanced_version = e->view.version;
	return true;
}

/* Stand in line for a task of another's. */
static int queue(struct mf_engine *e, uint64_t now_ns,
		 struct metafora_cluster_task *task)
{
	struct mf_entry *entry;

	if (!e->config.has_lines || !mf_engine_may_claim(e) || !has_room(e) ||
	    !mf_engine_lease_holds(e, now_ns) || !task->exists ||
	    task->unowned || task->entry)
		return 0;
	/* It failed here, or was given away from here, a moment ago. */
	if (mf_ignore_has(e->ignore, task->id))
		return 0;
	entry = mf_engine_new_entry(e, task);
	if (!entry)
		return METAFORA_ENOMEM;
	if (e->config.prepare_timeout_ms) {
		entry->prepare_ns = now_ns;
		entry->prepared_ns = mf_clock_add_ms(
			now_ns, e->config.prepare_timeout_ms);
		mf_engine_move(e, entry, MF_PREPARING);
	} else {
		mf_engine_get_in_line(e, entry);
	}
	return 0;
}

void mf_engine_prepared(struct mf_engine *e, uint64_t now_ns,
			struct mf_entry *entry, int64_t answer_ms)
{
	if (entry->deleted) {
		mf_engine_end_entry(e, entry);
		return;
	}
	if (answer_ms < 0) {
		mf_engine_leave_alone(
			e, entry,
			mf_clock_add_ms(now_ns, e->config.backoff_min_ms));
		mf_engine_end_entry(e, entry);
		return;
	}
	entry->prepare_ns = mf_clock_add_ms(now_ns, answer_ms);
	if (entry->prepare_ns > entry->prepared_ns)
		entry->prepare_ns = entry->prepared_ns;
	if (answer_ms == 0 || now_ns >= entry->prepared_ns)
		mf_engine_get_in_line(e, entry);
	else
		mf_engine_set_alarm(e, MF_ALARM_PREPARE, entry->prepare_ns);
}

/* Leave a line; one that is not reached yet is left when it is. */
static void leave_line(struct mf_engine *e, struct mf_entry *entry)
{
	if (entry->state == MF_QUEUED)
		mf_engine_withdraw(e, entry, entry->token);
	else if ((entry->state == MF_PREPARING ||
		  (entry->state == MF_QUEUING &&
		   entry->sending == MF_UNSENT)) &&
		 entry->task->exists) /* it may be picked twice: keep it */
		mf_engine_end_entry(e, entry); /* nothing is there */
}

static void evict(struct mf_engine *e, struct mf_entry *entry)
{
	if (entry->state != MF_RUNNING || entry->evict_due ||
	    entry->task->n_line < 2)
		return;
	entry->evict_due = true;
	TAILQ_INSERT_TAIL(&e->evictions, entry, in_evictions);
}

int mf_engine_plan(struct mf_engine *e, uint64_t now_ns,
		     const struct mf_event *event)
{
	int error = 0;
	size_t i;

	for (i = 0; i < event->plan.n_withdrawals; i++) {
		struct mf_entry *entry = event->plan.withdrawals[i]->entry;

		if (entry)
			leave_line(e, entry);
	}
	for (i = 0; i < event->plan.n_evictions; i++) {
		struct mf_entry *entry = event->plan.evictions[i]->entry;

		if (entry)
			evict(e, entry);
	}
	for (i = 0; i < event->plan.n_releases; i++) {
		struct mf_entry *entry = event->plan.releases[i]->entry;

		if (entry && entry->state == MF_RUNNING)
			mf_engine_ask_to_stop(e, entry, METAFORA_STOP_BALANCE);
	}
	for (i = 0; i < event->plan.n_queues && !error; i++)
		error = queue(e, now_ns, event->plan.queues[i]);
	if (event->plan.wish_ns)
		mf_engine_set_alarm(e, MF_ALARM_BALANCE,
				    not_at_once(now_ns, event->plan.wish_ns));
	return error;
}

size_t mf_engine_take_evictions(struct mf_engine *e,
				struct metafora_eviction *out, size_t max)
{
	struct mf_entry *entry;
	size_t n = 0;

	if (e->link != MF_LINK_UP)
		return 0;
	while (n < max && (entry = TAILQ_FIRST(&e->evictions))) {
		const struct metafora_cluster_task *task = entry->task;

		entry->evict_due = false;
		TAILQ_REMOVE(&e->evictions, entry, in_evictions);
		/* It may have gone meanwhile, or we may. */
		if (entry->state != MF_RUNNING || task->n_line < 2 ||
		    mf_view_line(task)[0].token != entry->token)
			continue;
		out[n].task = task->id;
		out[n].token = entry->token;
		out[n].waiter = mf_view_line(task)[1].node->name;
		out[n].waiter_token = mf_view_line(task)[1].token;
		n++;
	}
	e->counts.evicted += n;
	return n;
}
