/* SPDX-License-Identifier: Apache-2.0 */
/* An engine on a stage, driven by hand. */
#include "engine_stage.h"

#include <stddef.h>
#include <string.h>

char run_mark;
struct mf_engine engine;
uint64_t now;

static void check_move(void *arg, const struct mf_entry *entry,
		       enum mf_state from)
{
	(void)arg;
	CU_ASSERT_TRUE(mf_state_may_move(from, entry->state));
}

int step(struct mf_event event)
{
	return mf_engine_step(&engine, now, &event);
}

void session(enum metafora_session_state state, uint64_t id)
{
	connected(state, id, T_MS, 1);
}

void connected(enum metafora_session_state state, uint64_t id,
	       int64_t timeout_ms, uint32_t n_buckets)
{
	const struct metafora_session_fact fact = {
		.state = state,
		.session = id,
		.timeout_ms = timeout_ms,
		.n_buckets = n_buckets,
	};

	step((struct mf_event){.kind = MF_EV_SESSION, .session = &fact});
}

void lease(uint64_t deadline_ns)
{
	step((struct mf_event){.kind = MF_EV_LEASE,
			       .deadline_ns = deadline_ns});
}

void tasks(const char *id, uint64_t birth)
{
	const struct metafora_task_fact fact = {.task = id, .birth = birth};
	struct mf_event event = {.kind = MF_EV_TASKS};

	event.tasks.facts = &fact;
	event.tasks.n = id ? 1 : 0;
	step(event);
}

void claims(const char *id, const char *node, uint64_t token)
{
	const struct metafora_claim_fact fact = {
		.task = id, .node = node, .token = token};
	struct mf_event event = {.kind = MF_EV_CLAIMS};

	event.claims.facts = &fact;
	event.claims.n = id ? 1 : 0;
	step(event);
}

void members(enum metafora_member_state state)
{
	const struct metafora_member_record records[] = {
		{.node = "me", .session = 1, .state = state, .weight = 1},
		{.node = "other", .session = 2, .weight = 1},
	};
	struct mf_event event = {.kind = MF_EV_MEMBERS};

	event.members.records = records;
	event.members.n = 2;
	step(event);
}

struct mf_entry *entry(void)
{
	return TAILQ_FIRST(&engine.entries);
}

enum mf_state state(void)
{
	return entry() ? entry()->state : MF_NONE;
}

void verdict(enum metafora_result result, uint64_t attempt)
{
	const struct metafora_verdict v = {
		.result = result,
		.task = "t",
		.attempt = attempt,
		.token = 7,
		.error = result == METAFORA_RESULT_FAILED
				 ? METAFORA_EDISCONNECTED
				 : METAFORA_EUNKNOWN,
		.properties = "",
	};

	step((struct mf_event){.kind = MF_EV_VERDICT, .verdict = &v});
}

void failure(int error)
{
	const struct metafora_verdict v = {
		.result = METAFORA_RESULT_FAILED,
		.task = "t",
		.attempt = attempt(),
		.error = error,
	};

	step((struct mf_event){.kind = MF_EV_VERDICT, .verdict = &v});
}

uint64_t attempt(void)
{
	return entry() ? entry()->attempt : 1;
}

void start(struct metafora_task *run)
{
	struct mf_event event = {.kind = MF_EV_STARTED};

	if (!engine.start)
		return;
	event.started.entry = engine.start;
	event.started.run = run;
	step(event);
}

void returned(enum metafora_outcome outcome)
{
	struct mf_event event = {.kind = MF_EV_RETURNED};

	event.returned.entry = entry();
	event.returned.outcome = outcome;
	event.returned.ran_ns = S;
	step(event);
}

void answer(enum metafora_can_claim a, uint64_t until_ns)
{
	struct mf_event event = {.kind = MF_EV_ANSWER};

	event.answer.task = mf_engine_question(&engine);
	event.answer.answer = a;
	event.answer.until_ns = until_ns;
	CU_ASSERT_PTR_NOT_NULL_FATAL(event.answer.task);
	step(event);
}

void plan(bool release, bool queue)
{
	struct metafora_cluster_task *task = mf_view_find(&engine.view, "t");
	struct mf_event event = {.kind = MF_EV_PLAN};

	event.plan.releases = &task;
	event.plan.n_releases = task && release;
	event.plan.queues = &task;
	event.plan.n_queues = task && queue;
	step(event);
}

void prepared(int64_t answer_ms)
{
	struct mf_event event = {.kind = MF_EV_PREPARED};

	event.prepared.entry = TAILQ_FIRST(&engine.preparing);
	event.prepared.answer_ms = answer_ms;
	if (event.prepared.entry)
		step(event);
}

void plan_withdraw(void)
{
	struct metafora_cluster_task *task = mf_view_find(&engine.view, "t");
	struct mf_event event = {.kind = MF_EV_PLAN};

	event.plan.withdrawals = &task;
	event.plan.n_withdrawals = task ? 1 : 0;
	step(event);
}

void plan_evict(void)
{
	struct metafora_cluster_task *task = mf_view_find(&engine.view, "t");
	struct mf_event event = {.kind = MF_EV_PLAN};

	event.plan.evictions = &task;
	event.plan.n_evictions = task ? 1 : 0;
	step(event);
}

void pass(uint64_t ns)
{
	now += ns;
	step((struct mf_event){.kind = MF_EV_TIME});
}

size_t send_verb(enum metafora_verb verb, struct metafora_entry *out)
{
	struct metafora_entry mine[8];

	return mf_engine_take_verbs(&engine, verb, out ? out : mine, 8);
}

void send_all(void)
{
	int verb;

	for (verb = 0; verb < MF_N_VERBS; verb++)
		send_verb(verb, NULL);
}

void engine_setup(void)
{
	const struct mf_engine_config config = {
		.node = "me",
		.has_lines = true,
		.balance_interval_ms = 60000,
		.balance_debounce_ms = 20,
		.shutdown_grace_ms = 30000,
		.backoff_min_ms = 1000,
		.backoff_max_ms = 8000,
		.seed = 1,
		.moved = check_move,
	};

	now = 1000 * S;
	CU_ASSERT_EQUAL_FATAL(mf_engine_init(&engine, &config, now), 0);
}

void engine_teardown(void)
{
	struct mf_entry *e;

	TAILQ_FOREACH(e, &engine.entries, in_all)
		e->run = NULL;
	mf_engine_fini(&engine);
}

static bool listed(const struct mf_entries *list, const struct mf_entry *e,
		   size_t link)
{
	const struct mf_entry *i;

	for (i = list->tqh_first; i;) {
		if (i == e)
			return true;
		memcpy(&i, (const char *)i + link, sizeof(i));
	}
	return false;
}

/* What is counted agrees with what there is. */
static void check_counts(void)
{
	const struct mf_engine_counts *counts = &engine.counts;
	size_t n_in_state[MF_N_STATES] = {0};
	const struct mf_entry *e;
	uint64_t n_open = 0;

	TAILQ_FOREACH(e, &engine.entries, in_all) {
		n_in_state[e->state]++;
		n_open += e->state == MF_CLAIMING && e->sending != MF_UNSENT;
	}
	CU_ASSERT_EQUAL(memcmp(n_in_state, engine.n_in_state,
			       sizeof(n_in_state)), 0);
	CU_ASSERT_EQUAL(counts->claims_tried,
			counts->claims_won + counts->claims_lost + n_open);
	CU_ASSERT_TRUE(counts->moved_out <= counts->released);
	CU_ASSERT_TRUE(counts->done + counts->released <=
		       counts->claims_won + counts->moved_in);
}

void engine_check(void)
{
	const size_t in_verbs = offsetof(struct mf_entry, in_verbs);
	const size_t in_stops = offsetof(struct mf_entry, in_stops);
	const struct mf_entry *e;
	const size_t in_evictions = offsetof(struct mf_entry, in_evictions);
	size_t n = 0, n_held = 0, n_own = 0, n_queued = 0, n_leaving = 0;

	TAILQ_FOREACH(e, &engine.entries, in_all) {
		n++;
		n_held += e->state == MF_RUNNING || e->state == MF_CLAIMING;
		n_own += e->state == MF_RUNNING;
		n_queued += e->state == MF_PREPARING ||
			    e->state == MF_QUEUING || e->state == MF_QUEUED;
		n_leaving += e->state == MF_STOPPING ||
			     e->state == MF_RELEASING;
		CU_ASSERT_NOT_EQUAL(e->state, MF_NONE);
		CU_ASSERT_PTR_EQUAL(e->task->entry, e);
		CU_ASSERT_EQUAL(!!e->run, mf_state_has_handler(e->state));
		CU_ASSERT_EQUAL(e->stop_due,
				listed(&engine.stops, e, in_stops));
		CU_ASSERT_EQUAL(e->state == MF_PREPARING,
				listed(&engine.preparing, e,
				       offsetof(struct mf_entry,
						in_preparing)));
		CU_ASSERT_EQUAL(e->evict_due,
				listed(&engine.evictions, e, in_evictions));
		CU_ASSERT_EQUAL(e->sending == MF_UNSENT,
				listed(&engine.unsent[e->verb], e, in_verbs));
		CU_ASSERT_EQUAL(e->sending == MF_RETRY,
				listed(&engine.retry, e, in_verbs));
		CU_ASSERT_FALSE(e->task->asking);
	}
	check_counts();
	CU_ASSERT_EQUAL(n, engine.n_entries);
	CU_ASSERT_EQUAL(n_held, engine.view.n_held);
	CU_ASSERT_EQUAL(n_queued, engine.view.n_queued);
	CU_ASSERT_EQUAL(n_leaving, engine.view.n_leaving);
	n = 0;
	TAILQ_FOREACH(e, &engine.view.own, in_own)
		n++;
	CU_ASSERT_EQUAL(n, n_own);
}

static void restart(void)
{
	engine_teardown();
	engine_setup();
}

void join(void)
{
	lease(now + 4 * S);
	session(METAFORA_SESSION_CONNECTED, 1);
	members(METAFORA_MEMBER_ACTIVE);
	tasks("t", 1);
	claims(NULL, NULL, 0);
}

/* Bring a fresh engine with one task "t" into a state. */
void reach(enum mf_state to)
{
	restart();
	join();
	if (to == MF_NONE)
		return;
	if (to == MF_PREPARING || to == MF_QUEUING || to == MF_QUEUED) {
		claims("t", "other", 3);
		if (to == MF_PREPARING)
			engine.config.prepare_timeout_ms = 5000;
		plan(false, true);
		send_all();
		if (to == MF_QUEUED)
			verdict(METAFORA_RESULT_QUEUED, attempt());
		return;
	}
	answer(METAFORA_CLAIM_YES, 0);
	send_all();
	if (to == MF_CLAIMING)
		return;
	if (to == MF_WITHDRAWING) {
		verdict(METAFORA_RESULT_UNKNOWN, attempt());
		send_all();
		return;
	}
	verdict(METAFORA_RESULT_OWNED, attempt());
	start(RUN);
	claims("t", "me", 7);
	if (to == MF_RUNNING)
		return;
	if (to == MF_ADRIFT) {
		verdict(METAFORA_RESULT_VANISHED, attempt());
	} else if (to == MF_FINISHING) {
		returned(METAFORA_DONE);
	} else {
		command(MF_EV_STOP_TASK);
		if (to == MF_RELEASING)
			returned(METAFORA_RELEASE);
	}
	send_all();
}

void command(enum mf_event_kind kind)
{
	step((struct mf_event){.kind = kind, .task = "t"});
}
