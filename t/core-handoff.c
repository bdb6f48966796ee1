/* SPDX-License-Identifier: Apache-2.0 */
/* The engine alone: standing in lines, taking over, and clearing lines. */
#include <metafora.h>

#include "engine_stage.h"

/* The line of "t": other owns by token 3, then me by 7, then a third. */
static void line(const char *first, const char *second, const char *third)
{
	const struct metafora_claim_fact facts[] = {
		{.task = "t", .node = first, .token = 3},
		{.task = "t", .node = second, .token = 7},
		{.task = "t", .node = third, .token = 9},
	};
	struct mf_event event = {.kind = MF_EV_CLAIMS};

	event.claims.facts = facts;
	event.claims.n = third ? 3 : second ? 2 : 1;
	step(event);
}

static size_t n_waiting(void)
{
	return metafora_member_n_waiting(metafora_cluster_self(&engine.view));
}

static size_t n_owned(void)
{
	return metafora_member_n_owned(metafora_cluster_self(&engine.view));
}

/* Whether a plan to queue leads to anything. */
static bool queues(void)
{
	plan(false, true);
	return state() == MF_QUEUING;
}

/* --- getting in line ----------------------------------------------------------- */

static void a_plan_to_queue_is_sent_and_counts_at_once(void)
{
	struct metafora_entry sent[8];
	uint64_t version;

	reach(MF_NONE);
	claims("t", "other", 3);
	version = metafora_cluster_version(&engine.view);
	CU_ASSERT_TRUE(queues());
	CU_ASSERT_EQUAL(n_waiting(), 1);
	CU_ASSERT_EQUAL(n_owned(), 0);
	CU_ASSERT_TRUE(metafora_cluster_version(&engine.view) > version);
	CU_ASSERT_EQUAL_FATAL(send_verb(METAFORA_VERB_QUEUE, sent), 1);
	CU_ASSERT_STRING_EQUAL(sent[0].task, "t");
	CU_ASSERT_NOT_EQUAL(sent[0].attempt, 0);
	/* A second time it is in line already. */
	plan(false, true);
	CU_ASSERT_EQUAL(engine.n_entries, 1);
	CU_ASSERT_EQUAL(n_waiting(), 1);
}

static void nobody_queues_for_what_can_be_claimed_or_is_not_there(void)
{
	reach(MF_NONE);
	CU_ASSERT_FALSE(queues());
	claims("t", "other", 3);
	tasks(NULL, 0);
	CU_ASSERT_FALSE(queues());
	tasks("t", 2);
	CU_ASSERT_TRUE(queues());
}

static void a_full_frozen_or_draining_node_does_not_queue(void)
{
	reach(MF_NONE);
	claims("t", "other", 3);
	command(MF_EV_FREEZE);
	CU_ASSERT_FALSE(queues());
	command(MF_EV_UNFREEZE);
	command(MF_EV_DRAIN);
	CU_ASSERT_FALSE(queues());
	command(MF_EV_UNDRAIN);
	engine.config.max_tasks = 1;
	engine.n_entries = 1;
	CU_ASSERT_FALSE(queues());
	engine.n_entries = 0;
	CU_ASSERT_TRUE(queues());
}

static void nobody_queues_without_lines_or_with_a_short_lease(void)
{
	reach(MF_NONE);
	claims("t", "other", 3);
	engine.config.has_lines = false;
	CU_ASSERT_FALSE(queues());
	engine.config.has_lines = true;
	now += 3 * S;
	CU_ASSERT_FALSE(queues());
	lease(now + 4 * S);
	CU_ASSERT_TRUE(queues());
}

/* A released task reclaimed by its releaser, by way of the line. */
static void what_was_given_away_is_not_queued_for_at_once(void)
{
	reach(MF_RUNNING);
	plan(true, false);
	returned(METAFORA_RELEASE);
	send_all();
	verdict(METAFORA_RESULT_ENDED, attempt());
	claims("t", "other", 9);
	CU_ASSERT_FALSE(queues());
	pass(MF_GIVEN_AWAY_MS * MF_NS_PER_MS);
	CU_ASSERT_TRUE(queues());
}

/* Ping-pong with a node that refuses what it is offered. */
static void what_failed_here_is_not_queued_for_until_the_back_off_ends(void)
{
	reach(MF_QUEUED);
	verdict(METAFORA_RESULT_OWNED, attempt());
	start(NULL);
	CU_ASSERT_EQUAL(state(), MF_RELEASING);
	send_all();
	verdict(METAFORA_RESULT_ENDED, attempt());
	claims("t", "other", 9);
	CU_ASSERT_FALSE(queues());
	pass(S);
	CU_ASSERT_TRUE(queues());
}

/* --- warming up ------------------------------------------------------------------ */

static void what_warms_up_counts_as_waiting_but_is_in_no_line(void)
{
	reach(MF_PREPARING);
	CU_ASSERT_EQUAL(n_waiting(), 1);
	CU_ASSERT_EQUAL(send_verb(METAFORA_VERB_QUEUE, NULL), 0);
	CU_ASSERT_TRUE(mf_engine_next_ns(&engine) <= now);
	prepared(0);
	CU_ASSERT_EQUAL(send_verb(METAFORA_VERB_QUEUE, NULL), 1);
	CU_ASSERT_EQUAL(n_waiting(), 1);
}

static void it_is_asked_again_when_the_handler_says(void)
{
	reach(MF_PREPARING);
	pass(0);
	prepared(300);
	CU_ASSERT_EQUAL(entry()->prepare_ns, now + 300 * MF_NS_PER_MS);
	CU_ASSERT_EQUAL(mf_engine_next_ns(&engine),
			now + 20 * MF_NS_PER_MS);
	CU_ASSERT_EQUAL(state(), MF_PREPARING);
}

/* A prepare that hangs. */
static void who_is_never_ready_gets_in_line_when_the_time_is_over(void)
{
	int i;

	reach(MF_PREPARING);
	for (i = 0; i < 4; i++) {
		prepared(INT64_MAX);
		CU_ASSERT_EQUAL(state(), MF_PREPARING);
		CU_ASSERT_TRUE(entry()->prepare_ns <= now + (5 - i) * S);
		lease(now + 4 * S);
		pass(S);
	}
	pass(S);
	lease(now + 4 * S);
	prepared(INT64_MAX);
	CU_ASSERT_EQUAL(state(), MF_QUEUING);
}

/* A prepare that fails. */
static void who_cannot_leaves_the_task_alone_for_a_while(void)
{
	reach(MF_PREPARING);
	prepared(-1);
	CU_ASSERT_EQUAL(engine.n_entries, 0);
	CU_ASSERT_EQUAL(n_waiting(), 0);
	plan(false, true);
	CU_ASSERT_EQUAL(engine.n_entries, 0);
	pass(S);
	plan(false, true);
	CU_ASSERT_EQUAL(state(), MF_PREPARING);
}

static void a_task_that_nobody_runs_is_not_kept_waiting_for_warmth(void)
{
	reach(MF_PREPARING);
	claims(NULL, NULL, 0);
	CU_ASSERT_EQUAL(send_verb(METAFORA_VERB_QUEUE, NULL), 1);
	verdict(METAFORA_RESULT_OWNED, attempt());
	CU_ASSERT_PTR_NOT_NULL(engine.start);
	start(RUN);
}

static void a_task_deleted_while_it_warms_up_is_forgotten(void)
{
	reach(MF_PREPARING);
	claims(NULL, NULL, 0);
	reach(MF_PREPARING);
	tasks(NULL, 0);
	prepared(0);
	CU_ASSERT_EQUAL(engine.n_entries, 0);
}

static void each_that_warms_up_is_asked_in_its_time(void)
{
	const struct metafora_task_fact facts[] = {{"t", 0}, {"u", 0}};
	const struct metafora_claim_fact line[] = {{"t", "other", 3},
						   {"u", "other", 4}};
	struct metafora_cluster_task *both[2];
	struct mf_event event = {.kind = MF_EV_TASKS};

	reach(MF_NONE);
	engine.config.prepare_timeout_ms = 60000;
	event.tasks.facts = facts;
	event.tasks.n = 2;
	step(event);
	event = (struct mf_event){.kind = MF_EV_CLAIMS};
	event.claims.facts = line;
	event.claims.n = 2;
	step(event);
	both[0] = mf_view_find(&engine.view, "t");
	both[1] = mf_view_find(&engine.view, "u");
	event = (struct mf_event){.kind = MF_EV_PLAN};
	event.plan.queues = both;
	event.plan.n_queues = 2;
	step(event);
	pass(0);
	event = (struct mf_event){.kind = MF_EV_PREPARED};
	event.prepared.entry = both[0]->entry;
	event.prepared.answer_ms = 1;
	step(event);
	event.prepared.entry = both[1]->entry;
	event.prepared.answer_ms = 2;
	step(event);
	CU_ASSERT_EQUAL(mf_engine_next_ns(&engine), now + MF_NS_PER_MS);
	/* The first rings; the second is not forgotten. */
	pass(MF_NS_PER_MS);
	CU_ASSERT_EQUAL(mf_engine_next_ns(&engine), now + MF_NS_PER_MS);
}

/* --- taking over --------------------------------------------------------------- */

static void a_waiter_runs_when_it_is_promoted(void)
{
	reach(MF_QUEUED);
	line("other", "me", NULL);
	verdict(METAFORA_RESULT_OWNED, attempt());
	CU_ASSERT_PTR_EQUAL(engine.start, entry());
	start(RUN);
	CU_ASSERT_EQUAL(state(), MF_RUNNING);
	CU_ASSERT_EQUAL(n_waiting(), 0);
	CU_ASSERT_EQUAL(n_owned(), 1);
}

static void a_waiter_whose_lease_is_short_gives_the_task_on(void)
{
	reach(MF_QUEUED);
	now += 3 * S;
	verdict(METAFORA_RESULT_OWNED, attempt());
	CU_ASSERT_PTR_NULL(engine.start);
	CU_ASSERT_EQUAL(send_verb(METAFORA_VERB_RELEASE, NULL), 1);
}

static void a_promotion_that_crosses_a_withdrawal_starts_nothing(void)
{
	reach(MF_QUEUED);
	plan_withdraw();
	send_all();
	verdict(METAFORA_RESULT_OWNED, attempt());
	CU_ASSERT_PTR_NULL(engine.start);
	CU_ASSERT_EQUAL(state(), MF_WITHDRAWING);
	verdict(METAFORA_RESULT_ENDED, attempt());
	CU_ASSERT_EQUAL(engine.n_entries, 0);
}

static void a_late_promotion_of_an_older_attempt_starts_nothing(void)
{
	uint64_t old;

	reach(MF_QUEUED);
	old = attempt();
	verdict(METAFORA_RESULT_VANISHED, old);
	pass(MF_BEATEN_MS * MF_NS_PER_MS);
	CU_ASSERT_TRUE(queues());
	send_all();
	verdict(METAFORA_RESULT_OWNED, old);
	CU_ASSERT_PTR_NULL(engine.start);
	CU_ASSERT_EQUAL(state(), MF_QUEUING);
}

/* --- leaving the line ---------------------------------------------------------- */

static void a_plan_to_withdraw_gives_the_place_back(void)
{
	struct metafora_entry sent[8];

	reach(MF_QUEUED);
	plan_withdraw();
	CU_ASSERT_EQUAL(n_waiting(), 0);
	CU_ASSERT_EQUAL_FATAL(send_verb(METAFORA_VERB_WITHDRAW, sent), 1);
	CU_ASSERT_EQUAL(sent[0].token, 7);
}

static void a_place_that_was_not_asked_for_yet_is_just_forgotten(void)
{
	reach(MF_NONE);
	claims("t", "other", 3);
	CU_ASSERT_TRUE(queues());
	plan_withdraw();
	CU_ASSERT_EQUAL(engine.n_entries, 0);
	CU_ASSERT_EQUAL(send_verb(METAFORA_VERB_QUEUE, NULL), 0);
	CU_ASSERT_EQUAL(send_verb(METAFORA_VERB_WITHDRAW, NULL), 0);
}

static void what_runs_is_not_withdrawn(void)
{
	reach(MF_RUNNING);
	plan_withdraw();
	CU_ASSERT_EQUAL(state(), MF_RUNNING);
}

static void one_that_was_evicted_starts_over(void)
{
	reach(MF_QUEUED);
	verdict(METAFORA_RESULT_VANISHED, attempt());
	CU_ASSERT_EQUAL(engine.n_entries, 0);
	CU_ASSERT_EQUAL(n_waiting(), 0);
}

/* --- clearing a line ------------------------------------------------------------- */

static size_t take_eviction(struct metafora_eviction *out)
{
	return mf_engine_take_evictions(&engine, out, 1);
}

static void the_first_waiter_is_evicted_by_both_tokens(void)
{
	struct metafora_eviction eviction;

	reach(MF_RUNNING);
	entry()->token = 3;
	line("me", "other", "third");
	plan_evict();
	plan_evict();
	CU_ASSERT_EQUAL_FATAL(take_eviction(&eviction), 1);
	CU_ASSERT_STRING_EQUAL(eviction.task, "t");
	CU_ASSERT_EQUAL(eviction.token, 3);
	CU_ASSERT_STRING_EQUAL(eviction.waiter, "other");
	CU_ASSERT_EQUAL(eviction.waiter_token, 7);
	CU_ASSERT_EQUAL(take_eviction(&eviction), 0);
}

static void nobody_is_evicted_from_a_line_that_is_not_ours(void)
{
	struct metafora_eviction eviction;

	reach(MF_QUEUED);
	line("other", "me", "third");
	plan_evict();
	CU_ASSERT_EQUAL(take_eviction(&eviction), 0);
	reach(MF_RUNNING);
	plan_evict();
	CU_ASSERT_EQUAL(take_eviction(&eviction), 0);
}

static void an_eviction_that_time_has_overtaken_is_not_sent(void)
{
	struct metafora_eviction eviction;

	reach(MF_RUNNING);
	entry()->token = 3;
	line("me", "other", NULL);
	plan_evict();
	line("me", NULL, NULL);
	CU_ASSERT_EQUAL(take_eviction(&eviction), 0);
	line("me", "other", NULL);
	plan_evict();
	command(MF_EV_STOP_TASK);
	CU_ASSERT_EQUAL(take_eviction(&eviction), 0);
}

static void evictions_wait_for_the_link(void)
{
	struct metafora_eviction eviction;

	reach(MF_RUNNING);
	entry()->token = 3;
	line("me", "other", NULL);
	plan_evict();
	session(METAFORA_SESSION_SUSPENDED, 0);
	CU_ASSERT_EQUAL(take_eviction(&eviction), 0);
	session(METAFORA_SESSION_CONNECTED, 1);
	CU_ASSERT_EQUAL(take_eviction(&eviction), 1);
}

static const struct tap_case cases[] = {
	{"a plan to queue is sent and counts at once",
	 a_plan_to_queue_is_sent_and_counts_at_once},
	{"nobody queues for what can be claimed or is not there",
	 nobody_queues_for_what_can_be_claimed_or_is_not_there},
	{"a full, frozen or draining node does not queue",
	 a_full_frozen_or_draining_node_does_not_queue},
	{"nobody queues without lines or with a short lease",
	 nobody_queues_without_lines_or_with_a_short_lease},
	{"what was given away is not queued for at once",
	 what_was_given_away_is_not_queued_for_at_once},
	{"what failed here is not queued for until the back-off ends",
	 what_failed_here_is_not_queued_for_until_the_back_off_ends},
	{"what warms up counts as waiting, but is in no line",
	 what_warms_up_counts_as_waiting_but_is_in_no_line},
	{"it is asked again when the handler says",
	 it_is_asked_again_when_the_handler_says},
	{"who is never ready gets in line when the time is over",
	 who_is_never_ready_gets_in_line_when_the_time_is_over},
	{"who cannot leaves the task alone for a while",
	 who_cannot_leaves_the_task_alone_for_a_while},
	{"a task that nobody runs is not kept waiting for warmth",
	 a_task_that_nobody_runs_is_not_kept_waiting_for_warmth},
	{"a task deleted while it warms up is forgotten",
	 a_task_deleted_while_it_warms_up_is_forgotten},
	{"each that warms up is asked in its time",
	 each_that_warms_up_is_asked_in_its_time},
	{"a waiter runs when it is promoted", a_waiter_runs_when_it_is_promoted},
	{"a waiter whose lease is short gives the task on",
	 a_waiter_whose_lease_is_short_gives_the_task_on},
	{"a promotion that crosses a withdrawal starts nothing",
	 a_promotion_that_crosses_a_withdrawal_starts_nothing},
	{"a late promotion of an older attempt starts nothing",
	 a_late_promotion_of_an_older_attempt_starts_nothing},
	{"a plan to withdraw gives the place back",
	 a_plan_to_withdraw_gives_the_place_back},
	{"a place that was not asked for yet is just forgotten",
	 a_place_that_was_not_asked_for_yet_is_just_forgotten},
	{"what runs is not withdrawn", what_runs_is_not_withdrawn},
	{"one that was evicted starts over", one_that_was_evicted_starts_over},
	{"the first waiter is evicted by both tokens",
	 the_first_waiter_is_evicted_by_both_tokens},
	{"nobody is evicted from a line that is not ours",
	 nobody_is_evicted_from_a_line_that_is_not_ours},
	{"an eviction that time has overtaken is not sent",
	 an_eviction_that_time_has_overtaken_is_not_sent},
	{"evictions wait for the link", evictions_wait_for_the_link},
};

TAP_MAIN(cases, engine_setup, engine_teardown)
