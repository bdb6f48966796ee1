/* SPDX-License-Identifier: Apache-2.0 */
/* The consumer's loop: facts into the engine, actions out of it. */
#include "consumer.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#include "clock.h"
#include "command.h"
#include "name.h"
#include "plugin.h"
#include "task.h"

static uint64_t now_ns(const struct metafora_consumer *c)
{
	return mf_loop_now_ns(&c->loop);
}

void mf_consumer_timed(struct metafora_consumer *c, uint64_t t0_ns,
		       const char *plugin, const char *call)
{
	uint64_t ms = (now_ns(c) - t0_ns) / MF_NS_PER_MS;

	if (ms < MF_SLOW_MS)
		return;
	c->metrics.n_slow_calls++;
	mf_log(&c->log, METAFORA_LOG_WARN,
	       "slow call plugin=%s call=%s ms=%llu", plugin, call,
	       (unsigned long long)ms);
}

/* --- the engine's end --------------------------------------------------------- */

/* The session is over.  The loop goes on while handlers run. */
static void leave(struct metafora_consumer *c)
{
	if (c->has_left)
		return;
	c->has_left = true;
	c->end_error = c->engine.fatal;
	c->left_handlers = c->runner.n_live > 0;
	if (!c->has_joined) {
		c->start_error =
			c->engine.fatal ? c->engine.fatal : METAFORA_ESTOPPED;
		mf_gate_open(&c->joined);
	}
	/* The loop ends with the last handler: nobody need watch it. */
	mf_guard_set_timeout(c->guard, 0, c->engine.grace_ns);
	mf_log(&c->log, METAFORA_LOG_INFO, "left the cluster handlers=%zu",
	       c->runner.n_live);
	mf_gate_open(&c->left);
	if (!c->runner.n_live)
		mf_loop_quit(&c->loop);
}

static void fail(struct metafora_consumer *c)
{
	static const struct mf_event shutdown = {.kind = MF_EV_SHUTDOWN};

	mf_log(&c->log, METAFORA_LOG_ERROR, "cannot go on error=%s text=\"%s\"",
	       metafora_error_name(c->engine.fatal),
	       metafora_strerror(c->engine.fatal));
	mf_engine_step(&c->engine, now_ns(c), &shutdown);
}

int mf_consumer_step(struct metafora_consumer *c, const struct mf_event *event)
{
	int fatal = c->engine.fatal;
	int result = mf_engine_step(&c->engine, now_ns(c), event);

	if (c->engine.fatal && !fatal)
		fail(c);
	return result;
}

static void close_session(struct metafora_consumer *c)
{
	if (c->closing)
		return;
	c->closing = true;
	if (!c->state || c->engine.link == MF_LINK_FAILED)
		leave(c);
	else
		c->ops->close(c->state);
}

/* --- actions ---------------------------------------------------------------------- */

/* Newer than the table's first version, and optional. */
static bool can_evict(const struct metafora_node_ops *ops)
{
	return ops && ops->size >= offsetof(struct metafora_node_ops, evict) +
					   sizeof(ops->evict) &&
	       ops->evict;
}

static void ask_plan(struct metafora_consumer *c)
{
	const struct metafora_balancer_ops *ops = c->balancer->ops;
	struct metafora_balance balance = {
		.cluster = &c->engine.view,
		.node = c->node,
		.now_ns = now_ns(c),
		.random = mf_prng_next(&c->host.prng),
	};
	struct mf_event event = {.kind = MF_EV_PLAN};

	mf_plan_clear(&c->plan);
	event.plan.wish_ns =
		ops->balance(c->balancer->state, &balance, &c->plan);
	mf_consumer_timed(c, balance.now_ns, ops->name, "balance");
	event.plan.releases = c->plan.releases.tasks;
	event.plan.n_releases = c->plan.releases.n;
	event.plan.queues = c->plan.queues.tasks;
	event.plan.n_queues = c->plan.queues.n;
	event.plan.withdrawals = c->plan.withdrawals.tasks;
	event.plan.n_withdrawals = c->plan.withdrawals.n;
	if (can_evict(c->ops)) {
		event.plan.evictions = c->plan.evictions.tasks;
		event.plan.n_evictions = c->plan.evictions.n;
	}
	mf_consumer_step(c, &event);
}

/* Returns the time when it was asked. */
static uint64_t ask_question(struct metafora_consumer *c,
			     struct metafora_cluster_task *task)
{
	const struct metafora_balancer_ops *ops = c->balancer->ops;
	struct metafora_balance balance = {
		.cluster = &c->engine.view,
		.node = c->node,
		.now_ns = now_ns(c),
		.random = mf_prng_next(&c->host.prng),
	};
	struct mf_event event = {.kind = MF_EV_ANSWER};

	event.answer.task = task;
	event.answer.answer = ops->can_claim(c->balancer->state, &balance, task,
					     &event.answer.until_ns);
	mf_consumer_timed(c, balance.now_ns, ops->name, "can_claim");
	if (event.answer.answer > METAFORA_CLAIM_NO_UNTIL_CHANGE)
		mf_log(&c->log, METAFORA_LOG_WARN,
		       "balancer gave an answer that is none balancer=%s "
		       "answer=%d",
		       ops->name, (int)event.answer.answer);
	mf_consumer_step(c, &event);
	return balance.now_ns;
}

/* Returns whether questions are left for another time. */
static bool ask_questions(struct metafora_consumer *c)
{
	uint64_t end_ns = mf_clock_add_ms(now_ns(c), MF_QUESTIONS_MS);
	struct metafora_cluster_task *task;
	size_t n;

	for (n = 0; n < MF_QUESTIONS_MAX; n++) {
		task = mf_engine_question(&c->engine);
		if (!task)
			return false;
		/* One at least, however slow the clock or the balancer. */
		if (ask_question(c, task) >= end_ns)
			break;
	}
	return true;
}

/* Ask handlers that warm up how far they are, if it is time to. */
static void ask_prepare(struct metafora_consumer *c)
{
	const struct metafora_handler *handler = c->handler;
	struct mf_entry *entry, *next;

	for (entry = TAILQ_FIRST(&c->engine.preparing); entry; entry = next) {
		struct mf_event event = {.kind = MF_EV_PREPARED};
		uint64_t t0_ns = now_ns(c);

		next = TAILQ_NEXT(entry, in_preparing);
		if (entry->prepare_ns > t0_ns)
			continue;
		event.prepared.entry = entry;
		if (!entry->deleted)
			event.prepared.answer_ms =
				handler->prepare(handler->arg, entry->task->id);
		mf_consumer_timed(c, t0_ns, "handler", "prepare");
		mf_consumer_step(c, &event);
	}
}

static void stop_handlers(struct metafora_consumer *c)
{
	struct mf_entry *entry;

	while ((entry = mf_engine_take_stop(&c->engine))) {
		if (entry->state == MF_ADRIFT)
			mf_runner_revoke(entry->run);
		mf_runner_stop(&c->runner, entry->run, entry->stop_reason);
	}
}

static void send_verbs(struct metafora_consumer *c)
{
	typedef void (*verb_fn)(void *, const struct metafora_entry *, size_t);
	const verb_fn fns[MF_N_VERBS] = {
		[METAFORA_VERB_CLAIM] = c->ops->claim,
		[METAFORA_VERB_QUEUE] = c->ops->queue,
		[METAFORA_VERB_WITHDRAW] = c->ops->withdraw,
		[METAFORA_VERB_RELEASE] = c->ops->release,
		[METAFORA_VERB_DONE] = c->ops->done,
	};
	static const char *const names[MF_N_VERBS] = {
		"claim", "queue", "withdraw", "release", "done",
	};
	struct metafora_entry entries[MF_VERBS_MAX];
	int verb;

	for (verb = 0; verb < MF_N_VERBS; verb++) {
		size_t n;

		while ((n = mf_engine_take_verbs(&c->engine, verb, entries,
						 MF_VERBS_MAX)) > 0) {
			uint64_t t0_ns = now_ns(c);

			fns[verb](c->state, entries, n);
			mf_consumer_timed(c, t0_ns, c->ops->name, names[verb]);
		}
	}
}

static void send_evictions(struct metafora_consumer *c)
{
	struct metafora_eviction evictions[MF_VERBS_MAX];
	size_t n;

	while ((n = mf_engine_take_evictions(&c->engine, evictions,
					     MF_VERBS_MAX)) > 0) {
		uint64_t t0_ns = now_ns(c);

		mf_log(&c->log, METAFORA_LOG_WARN,
		       "waiters that do not take their turn are evicted n=%zu",
		       n);
		c->ops->evict(c->state, evictions, n);
		mf_consumer_timed(c, t0_ns, c->ops->name, "evict");
	}
}

static void act(struct metafora_consumer *c)
{
	struct mf_engine *e = &c->engine;

	stop_handlers(c);
	if (c->closing || e->link != MF_LINK_UP)
		return;
	/* First the record, so that others see why claims go. */
	if (e->publish) {
		e->publish = false;
		c->record.state = e->member_state;
		c->ops->publish(c->state, &c->record);
	}
	send_verbs(c);
	send_evictions(c);
	if (e->refresh) {
		e->refresh = false;
		c->ops->refresh(c->state);
	}
}

static void report_repairs(struct metafora_consumer *c)
{
	if (c->engine.n_repairs == c->n_repairs)
		return;
	mf_log(&c->log, METAFORA_LOG_WARN, "reconcile repaired claims n=%llu",
	       (unsigned long long)(c->engine.n_repairs - c->n_repairs));
	c->n_repairs = c->engine.n_repairs;
}

void mf_consumer_pump(void *arg)
{
	static const struct mf_event time = {.kind = MF_EV_TIME};
	struct metafora_consumer *c = arg;
	struct mf_engine *e = &c->engine;
	bool more;

	if (!c->engine_ready)
		return;
	if (c->has_left) {
		stop_handlers(c);
		return;
	}
	if (!c->state && !c->engine.shutting_down)
		return;
	if (mf_engine_next_ns(e) <= now_ns(c))
		mf_consumer_step(c, &time);
	if (mf_engine_take_balance(e, now_ns(c)))
		ask_plan(c);
	ask_prepare(c);
	more = ask_questions(c);
	act(c);
	report_repairs(c);
	if (e->close)
		close_session(c);
	mf_loop_timer_set(&c->loop, &c->engine_timer,
			  more ? now_ns(c) : mf_engine_next_ns(e));
}

/* --- handlers ------------------------------------------------------------------------- */

static void start_handler(struct metafora_consumer *c,
			  const struct metafora_verdict *v)
{
	struct mf_entry *entry = c->engine.start;
	struct mf_event event = {.kind = MF_EV_STARTED};
	int error = METAFORA_ENOMEM;

	if (!c->lease)
		c->lease = mf_lease_new(c->engine.deadline_ns);
	event.started.entry = entry;
	if (c->lease)
		error = mf_runner_start(&c->runner, entry, entry->task->id,
					entry->token, v->properties,
					v->size_bytes, c->lease,
					&event.started.run);
	if (error)
		mf_log(&c->log, METAFORA_LOG_WARN,
		       "handler did not start error=%s",
		       metafora_error_name(error));
	mf_consumer_step(c, &event);
}

void mf_consumer_returned(void *arg, struct metafora_task *task,
			  enum metafora_outcome outcome)
{
	struct metafora_consumer *c = arg;
	struct mf_event event = {.kind = MF_EV_RETURNED};

	event.returned.entry = mf_task_cookie(task);
	event.returned.outcome = outcome;
	event.returned.ran_ns = now_ns(c) - mf_task_started_ns(task);
	event.returned.asked = metafora_task_stopping(task);
	mf_consumer_step(c, &event);
	mf_runner_reap(&c->runner, task);
	if (c->has_left && !c->runner.n_live)
		mf_loop_quit(&c->loop);
}

/* Returns whether it is worth a line. */
static bool is_stubborn(const struct metafora_consumer *c,
			const struct mf_entry *entry)
{
	uint64_t stopped_ns = entry->run ? mf_task_stopped_ns(entry->run) : 0;

	return stopped_ns && now_ns(c) - stopped_ns >= 4 * c->step_ns &&
	       !mf_guarded_returned(&entry->run->guarded);
}

static void report_stubborn(struct metafora_consumer *c,
			    const struct mf_entry *entry)
{
	uint64_t ms = (now_ns(c) - mf_task_stopped_ns(entry->run)) /
		      MF_NS_PER_MS;
	char id[3 * METAFORA_TASK_ID_MAX + 1];

	if (mf_name_encode(entry->task->id, id, sizeof(id)))
		id[0] = '\0';
	mf_log(&c->log, METAFORA_LOG_WARN,
	       "handler does not stop task=%s reason=%s ms=%llu", id,
	       metafora_stop_reason_name(
		       metafora_task_stop_reason(entry->run)),
	       (unsigned long long)ms);
}

void mf_consumer_report(struct metafora_consumer *c)
{
	const struct mf_entry *entry;
	size_t n = 0;

	if (now_ns(c) - c->reported_ns < 4 * c->step_ns)
		return;
	c->reported_ns = now_ns(c);
	TAILQ_FOREACH(entry, &c->engine.entries, in_all) {
		if (is_stubborn(c, entry) && ++n <= MF_STUBBORN_MAX)
			report_stubborn(c, entry);
	}
	if (n > MF_STUBBORN_MAX)
		mf_log(&c->log, METAFORA_LOG_WARN,
		       "more handlers do not stop n=%zu", n - MF_STUBBORN_MAX);
}

/* --- facts ------------------------------------------------------------------------------- */

static struct metafora_consumer *consumer_of(const struct metafora_host *host)
{
	return mf_host_of(host)->owner;
}

/* What the plug-in told us made no sense in part, or did not fit in memory. */
static void check_fact(struct metafora_consumer *c, const char *what, int error)
{
	if (error)
		mf_log(&c->log, METAFORA_LOG_WARN,
		       "fact taken in part only what=%s error=%s", what,
		       metafora_error_name(error));
}

static void drop_lease(struct metafora_consumer *c)
{
	if (c->lease)
		mf_lease_unref(c->lease);
	c->lease = NULL;
}

static void joined(struct metafora_consumer *c,
		   const struct metafora_session_fact *fact)
{
	uint64_t timeout_ns = (uint64_t)fact->timeout_ms * MF_NS_PER_MS;

	c->step_ns = timeout_ns / 4;
	mf_loop_timer_set(&c->loop, &c->step_timer, now_ns(c) + c->step_ns);
	mf_guard_set_timeout(c->guard, timeout_ns, c->engine.grace_ns);
	mf_log(&c->log, METAFORA_LOG_INFO,
	       "connected session=%llx timeout_ms=%lld buckets=%u",
	       (unsigned long long)fact->session, (long long)fact->timeout_ms,
	       fact->n_buckets);
	if (c->has_joined)
		return;
	c->has_joined = true;
	mf_gate_open(&c->joined);
}

/* How long the node was out of touch, and how many sessions it had. */
static void count_session(struct metafora_consumer *c,
			  const struct metafora_session_fact *fact,
			  uint64_t before)
{
	struct mf_consumer_metrics *m = &c->metrics;
	const bool up = c->engine.link == MF_LINK_UP;

	if (before && c->engine.session != before &&
	    fact->state != METAFORA_SESSION_CLOSED)
		m->n_sessions_lost++;
	if (c->engine.session && c->engine.session != before)
		m->n_sessions++;
	if (up && m->suspended_since_ns) {
		m->suspended_ns += now_ns(c) - m->suspended_since_ns;
		m->suspended_since_ns = 0;
	} else if (!up && !m->suspended_since_ns && c->has_joined) {
		m->suspended_since_ns = now_ns(c);
	}
}

static void sink_session(const struct metafora_host *host,
			 const struct metafora_session_fact *fact)
{
	struct metafora_consumer *c = consumer_of(host);
	struct mf_event event = {.kind = MF_EV_SESSION, .session = fact};
	uint64_t session = c->engine.session;

	if (c->has_left)
		return;
	mf_consumer_step(c, &event);
	count_session(c, fact, session);
	if (session && c->engine.session != session)
		drop_lease(c);
	switch (fact->state) {
	case METAFORA_SESSION_CONNECTED:
		if (!c->engine.fatal)
			joined(c, fact);
		break;
	case METAFORA_SESSION_SUSPENDED:
		mf_log(&c->log, METAFORA_LOG_WARN, "connection suspended");
		break;
	case METAFORA_SESSION_LOST:
		mf_log(&c->log, METAFORA_LOG_WARN, "session lost session=%llx",
		       (unsigned long long)session);
		break;
	case METAFORA_SESSION_FAILED:
		if (!c->closing)
			break;
		/* It gave up while it was to leave: no CLOSED will come. */
		leave(c);
		break;
	case METAFORA_SESSION_CLOSED:
		leave(c);
		break;
	}
}

static void sink_lease(const struct metafora_host *host, uint64_t deadline_ns)
{
	struct metafora_consumer *c = consumer_of(host);
	struct mf_event event = {.kind = MF_EV_LEASE,
				 .deadline_ns = deadline_ns};
	uint64_t before_ns = c->engine.deadline_ns;

	mf_consumer_step(c, &event);
	if (!c->lease)
		return;
	atomic_store(&c->lease->deadline_ns, c->engine.deadline_ns);
	if (c->engine.deadline_ns < before_ns)
		mf_guard_wake(c->guard);
}

static void sink_tasks(const struct metafora_host *host, uint32_t bucket,
		       const struct metafora_task_fact *facts, size_t n)
{
	struct mf_event event = {.kind = MF_EV_TASKS};

	event.tasks.bucket = bucket;
	event.tasks.facts = facts;
	event.tasks.n = n;
	check_fact(consumer_of(host), "tasks",
		   mf_consumer_step(consumer_of(host), &event));
}

static void sink_claims(const struct metafora_host *host, uint32_t bucket,
			const struct metafora_claim_fact *facts, size_t n)
{
	struct mf_event event = {.kind = MF_EV_CLAIMS};

	event.claims.bucket = bucket;
	event.claims.facts = facts;
	event.claims.n = n;
	check_fact(consumer_of(host), "claims",
		   mf_consumer_step(consumer_of(host), &event));
}

static void sink_members(const struct metafora_host *host,
			 const struct metafora_member_record *records, size_t n)
{
	struct mf_event event = {.kind = MF_EV_MEMBERS};

	event.members.records = records;
	event.members.n = n;
	check_fact(consumer_of(host), "members",
		   mf_consumer_step(consumer_of(host), &event));
}

static void sink_verdicts(const struct metafora_host *host,
			  const struct metafora_verdict *verdicts, size_t n)
{
	struct metafora_consumer *c = consumer_of(host);
	size_t i;

	for (i = 0; i < n; i++) {
		struct mf_event event = {.kind = MF_EV_VERDICT,
					 .verdict = &verdicts[i]};

		mf_consumer_step(c, &event);
		if (c->engine.start)
			start_handler(c, &verdicts[i]);
	}
}

/* --- commands -------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	enum mf_event_kind kind;
} builtins[] = {
	{METAFORA_COMMAND_FREEZE, MF_EV_FREEZE},
	{METAFORA_COMMAND_UNFREEZE, MF_EV_UNFREEZE},
	{METAFORA_COMMAND_BALANCE, MF_EV_BALANCE},
	{METAFORA_COMMAND_STOP_TASK, MF_EV_STOP_TASK},
	{METAFORA_COMMAND_DRAIN, MF_EV_DRAIN},
	{METAFORA_COMMAND_UNDRAIN, MF_EV_UNDRAIN},
};

static int execute_own(struct metafora_consumer *c, const char *name,
		       const char *argument,
		       struct metafora_command_reply *reply)
{
	uint64_t t0_ns = now_ns(c);
	int error;

	if (!c->command_fn)
		return METAFORA_ENOTSUP;
	error = c->command_fn(c->command_arg, name, argument, reply);
	mf_consumer_timed(c, t0_ns, "application", "command");
	return error > 0 ? METAFORA_EINVAL : error;
}

int mf_consumer_execute(struct metafora_consumer *c, const char *name,
			const char *argument,
			struct metafora_command_reply *reply)
{
	char logged[3 * METAFORA_COMMAND_NAME_MAX + 1];
	int error;
	size_t i;

	c->metrics.n_commands++;
	for (i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++) {
		if (!strcmp(name, builtins[i].name))
			break;
	}
	if (i < sizeof(builtins) / sizeof(builtins[0])) {
		struct mf_event event = {.kind = builtins[i].kind};

		if (event.kind == MF_EV_STOP_TASK)
			event.task = argument;
		error = mf_consumer_step(c, &event);
	} else {
		error = execute_own(c, name, argument, reply);
	}
	if (mf_name_encode(name, logged, sizeof(logged)))
		logged[0] = '\0';
	mf_log(&c->log, error ? METAFORA_LOG_WARN : METAFORA_LOG_INFO,
	       "command command=%s result=%s", logged,
	       metafora_error_name(error) ? metafora_error_name(error) : "?");
	return error;
}

static void sink_command(const struct metafora_host *host,
			 const struct metafora_command_fact *fact)
{
	struct metafora_consumer *c = consumer_of(host);
	struct metafora_command_reply reply = {NULL};
	struct mf_command command;
	const char *text;
	int error;

	error = mf_command_decode(fact->data, fact->size_bytes, &command);
	if (error) {
		mf_log(&c->log, METAFORA_LOG_WARN,
		       "command not understood error=%s",
		       metafora_error_name(error));
		c->ops->ack(c->state, fact->id, error,
			    metafora_strerror(error));
		return;
	}
	error = mf_consumer_execute(c, command.name, command.argument, &reply);
	text = reply.text ? reply.text : error ? metafora_strerror(error) : "";
	c->ops->ack(c->state, fact->id, error, text);
	mf_command_reply_fini(&reply);
	mf_command_fini(&command);
}

const struct metafora_node_sink mf_consumer_sink = {
	.abi_version = METAFORA_COORDINATOR_ABI,
	.size = sizeof(struct metafora_node_sink),
	.session = sink_session,
	.lease = sink_lease,
	.tasks = sink_tasks,
	.claims = sink_claims,
	.members = sink_members,
	.verdicts = sink_verdicts,
	.command = sink_command,
};
