/* SPDX-License-Identifier: Apache-2.0 */
/* The engine when memory is short: consistent, and it gets there in the end. */
#include <metafora.h>
#include <string.h>

#include "engine_stage.h"
#include "oom.h"
#include "view_check.h"

/*
 * The broker: tasks "a" and "b", which nobody owned, and "c", which "other"
 * owns.  Who stands in their lines, in order.
 */
static const char *const ids[] = {"a", "b", "c"};
#define N_TASKS 3
static struct {
	bool mine;
	bool others;
	uint64_t token;
} lines[N_TASKS];
static uint64_t last_token;
static bool asked_before[N_TASKS];

static void check(void)
{
	if (engine.start) /* its handler is about to be started */
		return;
	oom_pause();
	engine_check();
	view_check(&engine.view);
	oom_resume();
}

/* Take the event; what memory did not suffice for is read again. */
static int try(struct mf_event event)
{
	bool short_before = oom_failed();
	int error = step(event);

	if (error == METAFORA_ENOMEM) {
		CU_ASSERT_TRUE(oom_failed() && !short_before);
	} else {
		CU_ASSERT_EQUAL(error, 0);
	}
	check();
	return error;
}

/* --- what the broker says ------------------------------------------------- */

static void read_tasks(void)
{
	struct metafora_task_fact facts[N_TASKS];
	struct mf_event event = {.kind = MF_EV_TASKS};
	int i;

	for (i = 0; i < N_TASKS; i++)
		facts[i] = (struct metafora_task_fact){ids[i], 1};
	event.tasks.facts = facts;
	event.tasks.n = N_TASKS;
	try(event);
}

static void read_claims(void)
{
	struct metafora_claim_fact facts[2 * N_TASKS];
	struct mf_event event = {.kind = MF_EV_CLAIMS};
	size_t n = 0;
	int i;

	for (i = 0; i < N_TASKS; i++) {
		if (lines[i].others)
			facts[n++] = (struct metafora_claim_fact){
				ids[i], "other", 1};
		if (lines[i].mine)
			facts[n++] = (struct metafora_claim_fact){
				ids[i], "me", lines[i].token};
	}
	event.claims.facts = facts;
	event.claims.n = n;
	try(event);
}

static void read_members(void)
{
	const struct metafora_member_record records[] = {
		{.node = "me", .session = 1, .weight = 1},
		{.node = "other", .session = 2, .weight = 1},
	};
	struct mf_event event = {.kind = MF_EV_MEMBERS};

	event.members.records = records;
	event.members.n = 2;
	try(event);
}

static void read_all(void)
{
	read_members();
	read_tasks();
	read_claims();
}

static void answer_entry(enum metafora_verb verb,
			 const struct metafora_entry *sent)
{
	struct metafora_verdict v = {
		.verb = verb,
		.task = sent->task,
		.attempt = sent->attempt,
		.properties = "",
	};
	int i = sent->task[0] - 'a';

	if (verb == METAFORA_VERB_CLAIM || verb == METAFORA_VERB_QUEUE) {
		lines[i].mine = true;
		lines[i].token = ++last_token + 10;
		v.token = lines[i].token;
		v.result = lines[i].others ? METAFORA_RESULT_QUEUED
					   : METAFORA_RESULT_OWNED;
	} else {
		lines[i].mine = false;
		v.result = METAFORA_RESULT_ENDED;
	}
	try((struct mf_event){.kind = MF_EV_VERDICT, .verdict = &v});
	if (engine.start) {
		struct mf_event event = {.kind = MF_EV_STARTED};

		event.started.entry = engine.start;
		event.started.run = RUN;
		try(event);
	}
}

static void answer_all(void)
{
	struct metafora_entry sent[8];
	size_t i, n;
	int verb;

	for (verb = 0; verb < MF_N_VERBS; verb++) {
		n = send_verb(verb, sent);
		for (i = 0; i < n; i++)
			answer_entry(verb, &sent[i]);
	}
}

/* --- what the balancer says ----------------------------------------------- */

/* It lets each task wait for a moment when it is asked for the first time. */
static enum metafora_can_claim can_claim(const char *id)
{
	int i = id[0] - 'a';

	if (asked_before[i])
		return METAFORA_CLAIM_YES;
	asked_before[i] = true;
	return METAFORA_CLAIM_NO_UNTIL;
}

static void ask(void)
{
	struct metafora_cluster_task *task;
	struct metafora_cluster_task *queue;
	int n = 0;

	while ((task = mf_engine_question(&engine))) {
		struct mf_event event = {.kind = MF_EV_ANSWER};

		event.answer.task = task;
		event.answer.answer = can_claim(task->id);
		event.answer.until_ns = now + 10 * MF_NS_PER_MS;
		try(event);
		/* The same question for ever would be the end of the loop. */
		CU_ASSERT_TRUE_FATAL(++n <= 2 * N_TASKS);
	}
	if (mf_engine_take_balance(&engine, now)) {
		struct mf_event event = {.kind = MF_EV_PLAN};

		queue = mf_view_find(&engine.view, "c");
		event.plan.queues = &queue;
		event.plan.n_queues = queue ? 1 : 0;
		event.plan.wish_ns = now + S;
		try(event);
	}
}

/* What the consumer's loop does, once in a while. */
static void turn(void)
{
	now += 100 * MF_NS_PER_MS;
	lease(now + 4 * S);
	try((struct mf_event){.kind = MF_EV_TIME});
	ask();
	answer_all();
	read_claims();
	if (engine.refresh) {
		engine.refresh = false;
		read_all();
	}
}

static enum mf_state state_of(const char *id)
{
	const struct metafora_cluster_task *task =
		mf_view_find(&engine.view, id);

	return task && task->entry ? task->entry->state : MF_NONE;
}

/* Both tasks run and the third is waited for, however memory was. */
static void settle(void)
{
	int i;

	for (i = 0; i < 30; i++)
		turn();
	CU_ASSERT_EQUAL_FATAL(state_of("a"), MF_RUNNING);
	CU_ASSERT_EQUAL(state_of("b"), MF_RUNNING);
	CU_ASSERT_EQUAL(state_of("c"), MF_QUEUED);
	CU_ASSERT_EQUAL(engine.fatal, 0);
}

static void give_back(const char *id)
{
	struct mf_event event = {.kind = MF_EV_RETURNED};

	event.returned.entry = mf_view_find(&engine.view, id)->entry;
	event.returned.outcome = METAFORA_RELEASE;
	try(event);
}

static void return_all(void)
{
	struct mf_event event = {.kind = MF_EV_RETURNED};
	struct mf_entry *e, *next;

	for (e = TAILQ_FIRST(&engine.entries); e; e = next) {
		next = TAILQ_NEXT(e, in_all);
		if (!mf_state_has_handler(e->state))
			continue;
		event.returned.entry = e;
		event.returned.outcome = METAFORA_RELEASE;
		try(event);
	}
}

static void lose_and_rejoin(void)
{
	int i;

	session(METAFORA_SESSION_LOST, 0);
	for (i = 0; i < N_TASKS; i++)
		lines[i].mine = false;
	lease(now + 4 * S);
	session(METAFORA_SESSION_CONNECTED, 2);
	read_all();
	return_all();
}

static void live(void)
{
	read_all();
	settle();
	/* It backs off, or not for lack of memory; then it runs again. */
	give_back("a");
	settle();
	lose_and_rejoin();
	settle();
	command(MF_EV_SHUTDOWN);
	check();
	return_all();
	answer_all();
	CU_ASSERT_TRUE(engine.close);
}

static void a_life(void *arg)
{
	const struct mf_engine_config config = {
		.node = "me",
		.has_lines = true,
		.balance_interval_ms = 60000,
		.balance_debounce_ms = 20,
		.shutdown_grace_ms = 30000,
		.backoff_min_ms = 1000,
		.backoff_max_ms = 1000,
		.seed = 1,
	};
	int error;

	(void)arg;
	now = 1000 * S;
	memset(lines, 0, sizeof(lines));
	memset(asked_before, 0, sizeof(asked_before));
	lines[2].others = true;
	error = mf_engine_init(&engine, &config, now);
	CU_ASSERT_EQUAL(error, oom_failed() ? METAFORA_ENOMEM : 0);
	if (error)
		return;
	lease(now + 4 * S);
	session(METAFORA_SESSION_CONNECTED, 1);
	CU_ASSERT_EQUAL(engine.fatal, oom_failed() ? METAFORA_ENOMEM : 0);
	if (!engine.fatal)
		live();
	mf_engine_fini(&engine);
}

static void each_allocation_may_fail_once(void)
{
	size_t n = oom_for_each(a_life, NULL);

	tap_note("%zu allocations", n);
	CU_ASSERT_TRUE(n > 20);
}

static const struct tap_case cases[] = {
	{"each allocation may fail once", each_allocation_may_fail_once},
};

TAP_MAIN(cases, NULL, NULL)
