/* SPDX-License-Identifier: Apache-2.0 */
/* The engine alone: its rules of verbs, times, questions and shutdown. */
#include <metafora.h>

#include "engine_stage.h"

/* --- verbs ----------------------------------------------------------------------- */

static void a_claim_carries_its_attempt_and_a_release_its_token(void)
{
	struct metafora_entry sent[8];

	reach(MF_NONE);
	answer(METAFORA_CLAIM_YES, 0);
	CU_ASSERT_EQUAL_FATAL(send_verb(METAFORA_VERB_CLAIM, sent), 1);
	CU_ASSERT_STRING_EQUAL(sent[0].task, "t");
	CU_ASSERT_EQUAL(sent[0].attempt, entry()->attempt);
	CU_ASSERT_NOT_EQUAL(sent[0].attempt, 0);
	verdict(METAFORA_RESULT_OWNED, attempt());
	start(RUN);
	returned(METAFORA_RELEASE);
	CU_ASSERT_EQUAL_FATAL(send_verb(METAFORA_VERB_RELEASE, sent), 1);
	CU_ASSERT_EQUAL(sent[0].token, 7);
}

static void nothing_is_sent_while_suspended_and_all_of_it_afterwards(void)
{
	reach(MF_RUNNING);
	session(METAFORA_SESSION_SUSPENDED, 0);
	returned(METAFORA_DONE);
	CU_ASSERT_EQUAL(send_verb(METAFORA_VERB_DONE, NULL), 0);
	session(METAFORA_SESSION_CONNECTED, 1);
	CU_ASSERT_EQUAL(send_verb(METAFORA_VERB_DONE, NULL), 1);
}

static void a_verb_of_unknown_outcome_is_sent_again_after_a_while(void)
{
	reach(MF_RELEASING);
	verdict(METAFORA_RESULT_UNKNOWN, attempt());
	CU_ASSERT_EQUAL(send_verb(METAFORA_VERB_RELEASE, NULL), 0);
	CU_ASSERT_TRUE(mf_engine_next_ns(&engine) <=
		       now + MF_RETRY_MS * MF_NS_PER_MS);
	pass(MF_RETRY_MS * MF_NS_PER_MS);
	CU_ASSERT_EQUAL(send_verb(METAFORA_VERB_RELEASE, NULL), 1);
}

static void a_claim_of_unknown_outcome_is_withdrawn_by_session(void)
{
	struct metafora_entry sent[8];

	reach(MF_CLAIMING);
	verdict(METAFORA_RESULT_UNKNOWN, attempt());
	CU_ASSERT_EQUAL_FATAL(send_verb(METAFORA_VERB_WITHDRAW, sent), 1);
	CU_ASSERT_EQUAL(sent[0].token, 0);
}

static void an_answer_to_an_older_attempt_changes_nothing(void)
{
	uint64_t old;

	reach(MF_CLAIMING);
	old = attempt();
	verdict(METAFORA_RESULT_BEATEN, old);
	pass(MF_BEATEN_MS * MF_NS_PER_MS);
	answer(METAFORA_CLAIM_YES, 0);
	send_all();
	CU_ASSERT_NOT_EQUAL(attempt(), old);
	verdict(METAFORA_RESULT_OWNED, old);
	CU_ASSERT_EQUAL(state(), MF_CLAIMING);
	CU_ASSERT_PTR_NULL(engine.start);
}

/* A refused claim in a tight loop, as seen with a view that trailed behind. */
static void a_claim_in_vain_is_not_tried_again_at_once(void)
{
	reach(MF_CLAIMING);
	verdict(METAFORA_RESULT_BEATEN, attempt());
	CU_ASSERT_PTR_NULL(mf_engine_question(&engine));
	pass(MF_BEATEN_MS * MF_NS_PER_MS);
	CU_ASSERT_PTR_NOT_NULL(mf_engine_question(&engine));
}

/* --- lease ----------------------------------------------------------------------- */

static void stops_handlers_a_grace_before_the_lease_ends(void)
{
	reach(MF_RUNNING);
	CU_ASSERT_EQUAL(mf_engine_next_ns(&engine) <= now + 3 * S, true);
	pass(3 * S - 1);
	CU_ASSERT_EQUAL(state(), MF_RUNNING);
	pass(1);
	CU_ASSERT_EQUAL(state(), MF_STOPPING);
	CU_ASSERT_PTR_EQUAL_FATAL(mf_engine_take_stop(&engine), entry());
	CU_ASSERT_EQUAL(entry()->stop_reason, METAFORA_STOP_LEASE);
}

static void renewing_the_lease_keeps_handlers_running(void)
{
	int i;

	reach(MF_RUNNING);
	for (i = 0; i < 20; i++) {
		pass(S);
		lease(now + 4 * S);
		CU_ASSERT_EQUAL(state(), MF_RUNNING);
	}
}

static void starts_nothing_when_the_lease_is_too_short(void)
{
	struct metafora_entry sent[8];

	reach(MF_CLAIMING);
	now += 3 * S;
	verdict(METAFORA_RESULT_OWNED, attempt());
	CU_ASSERT_PTR_NULL(engine.start);
	CU_ASSERT_EQUAL(state(), MF_RELEASING);
	CU_ASSERT_EQUAL_FATAL(send_verb(METAFORA_VERB_RELEASE, sent), 1);
	CU_ASSERT_EQUAL(sent[0].token, 7);
}

static void a_grace_above_a_quarter_of_the_timeout_is_refused(void)
{
	engine.config.lease_grace_ms = T_MS / 4 + 1;
	lease(now + 4 * S);
	session(METAFORA_SESSION_CONNECTED, 1);
	CU_ASSERT_EQUAL(engine.fatal, METAFORA_ECONFIG);
}

static void a_loss_is_told_to_the_handler_and_blocks_a_new_claim(void)
{
	reach(MF_RUNNING);
	session(METAFORA_SESSION_LOST, 0);
	CU_ASSERT_PTR_EQUAL_FATAL(mf_engine_take_stop(&engine), entry());
	CU_ASSERT_EQUAL(entry()->stop_reason, METAFORA_STOP_LOST);
	lease(now + 4 * S);
	session(METAFORA_SESSION_CONNECTED, 2);
	members(METAFORA_MEMBER_ACTIVE);
	tasks("t", 1);
	claims(NULL, NULL, 0);
	CU_ASSERT_PTR_NULL(mf_engine_question(&engine));
	returned(METAFORA_RELEASE);
	CU_ASSERT_PTR_NOT_NULL(mf_engine_question(&engine));
}

static void another_number_of_buckets_under_running_handlers_is_fatal(void)
{
	const struct metafora_session_fact fact = {
		.state = METAFORA_SESSION_CONNECTED,
		.session = 2,
		.timeout_ms = T_MS,
		.n_buckets = 2,
	};

	reach(MF_RUNNING);
	session(METAFORA_SESSION_LOST, 0);
	step((struct mf_event){.kind = MF_EV_SESSION, .session = &fact});
	CU_ASSERT_EQUAL(engine.fatal, METAFORA_EVERSION);
}

/* --- questions -------------------------------------------------------------------- */

static void asks_nothing_before_the_view_is_complete(void)
{
	lease(now + 4 * S);
	session(METAFORA_SESSION_CONNECTED, 1);
	tasks("t", 1);
	claims(NULL, NULL, 0);
	CU_ASSERT_PTR_NULL(mf_engine_question(&engine));
	CU_ASSERT_FALSE(mf_engine_take_balance(&engine, now + S));
	members(METAFORA_MEMBER_ACTIVE);
	CU_ASSERT_PTR_NOT_NULL(mf_engine_question(&engine));
}

static void asks_again_when_the_time_has_come(void)
{
	reach(MF_NONE);
	answer(METAFORA_CLAIM_NO_UNTIL, now + S);
	CU_ASSERT_PTR_NULL(mf_engine_question(&engine));
	CU_ASSERT_TRUE(mf_engine_next_ns(&engine) <= now + S);
	pass(S - 1);
	CU_ASSERT_PTR_NULL(mf_engine_question(&engine));
	pass(1);
	CU_ASSERT_PTR_NOT_NULL(mf_engine_question(&engine));
}

static void asks_again_when_the_members_change_even_before_the_time(void)
{
	const struct metafora_member_record alone = {
		.node = "me", .session = 1, .weight = 1};
	struct mf_event event = {.kind = MF_EV_MEMBERS};

	reach(MF_NONE);
	answer(METAFORA_CLAIM_NO_UNTIL, now + 100 * S);
	members(METAFORA_MEMBER_ACTIVE);
	CU_ASSERT_PTR_NULL(mf_engine_question(&engine));
	event.members.records = &alone;
	event.members.n = 1;
	step(event);
	CU_ASSERT_PTR_NOT_NULL(mf_engine_question(&engine));
}

static void asks_again_at_the_next_balance_after_a_change(void)
{
	reach(MF_NONE);
	answer(METAFORA_CLAIM_NO_UNTIL_CHANGE, 0);
	now += 20 * MF_NS_PER_MS;
	CU_ASSERT_TRUE(mf_engine_take_balance(&engine, now));
	answer(METAFORA_CLAIM_NO_UNTIL_CHANGE, 0);
	claims("t", "other", 9);
	claims(NULL, NULL, 0);
	CU_ASSERT_PTR_NULL(mf_engine_question(&engine));
	now += 20 * MF_NS_PER_MS;
	CU_ASSERT_TRUE(mf_engine_take_balance(&engine, now));
	CU_ASSERT_PTR_NOT_NULL(mf_engine_question(&engine));
}

static void a_senseless_answer_counts_as_no_until_a_change(void)
{
	reach(MF_NONE);
	answer(77, 0);
	CU_ASSERT_PTR_NULL(mf_engine_question(&engine));
	CU_ASSERT_EQUAL(engine.n_entries, 0);
}

#define MANY (2 * MF_CONSIDERED_MAX + 1)

/* Very many tasks, all of them refused until a time. */
static void refuse_many(uint64_t until_ns)
{
	static struct metafora_task_fact facts[MANY];
	static char ids[MANY][16];
	struct mf_event event = {.kind = MF_EV_TASKS};
	size_t i;

	for (i = 0; i < MANY; i++) {
		snprintf(ids[i], sizeof(ids[i]), "many-%zu", i);
		facts[i].task = ids[i];
	}
	join();
	event.tasks.facts = facts;
	event.tasks.n = MANY;
	step(event);
	while (mf_engine_question(&engine))
		answer(METAFORA_CLAIM_NO_UNTIL, until_ns);
}

static size_t n_questions(void)
{
	const struct metafora_cluster_task *task;
	size_t n = 0;

	TAILQ_FOREACH(task, &engine.view.asking, in_asking)
		n++;
	return n;
}

static void very_many_are_asked_again_in_parts_that_are_due_at_once(void)
{
	refuse_many(now + S);
	pass(S);
	CU_ASSERT_EQUAL(n_questions(), MF_CONSIDERED_MAX);
	CU_ASSERT_TRUE(mf_engine_next_ns(&engine) <= now);
	pass(0);
	CU_ASSERT_EQUAL(n_questions(), 2 * MF_CONSIDERED_MAX);
	pass(0);
	CU_ASSERT_EQUAL(n_questions(), MANY);
	/* But for the balancer. */
	CU_ASSERT_TRUE(mf_engine_take_balance(&engine, now));
	CU_ASSERT_TRUE(mf_engine_next_ns(&engine) > now);
}

static void so_they_are_when_the_members_change(void)
{
	refuse_many(now + 100 * S);
	members(METAFORA_MEMBER_FROZEN);
	CU_ASSERT_EQUAL(n_questions(), MF_CONSIDERED_MAX);
	CU_ASSERT_TRUE(mf_engine_next_ns(&engine) <= now);
	/* What is refused meanwhile does not keep it going for ever. */
	while (mf_engine_question(&engine))
		answer(METAFORA_CLAIM_NO_UNTIL, now + 100 * S);
	pass(0);
	CU_ASSERT_EQUAL(n_questions(), MF_CONSIDERED_MAX);
	pass(0);
	CU_ASSERT_EQUAL(n_questions(), MF_CONSIDERED_MAX + 1);
	CU_ASSERT_TRUE(mf_engine_next_ns(&engine) > now);
}

static void claims_no_more_than_the_limit(void)
{
	const struct metafora_task_fact facts[] = {{"a", 0}, {"b", 0}};
	struct mf_event event = {.kind = MF_EV_TASKS};

	engine.config.max_tasks = 1;
	join();
	event.tasks.facts = facts;
	event.tasks.n = 2;
	step(event);
	answer(METAFORA_CLAIM_YES, 0);
	CU_ASSERT_PTR_NULL(mf_engine_question(&engine));
}

static void a_frozen_or_draining_node_asks_nothing(void)
{
	reach(MF_NONE);
	command(MF_EV_FREEZE);
	CU_ASSERT_PTR_NULL(mf_engine_question(&engine));
	CU_ASSERT_TRUE(engine.publish);
	command(MF_EV_UNFREEZE);
	CU_ASSERT_PTR_NOT_NULL(mf_engine_question(&engine));
	command(MF_EV_DRAIN);
	CU_ASSERT_PTR_NULL(mf_engine_question(&engine));
	CU_ASSERT_EQUAL(engine.member_state, METAFORA_MEMBER_DRAINING);
	command(MF_EV_UNDRAIN);
	CU_ASSERT_PTR_NOT_NULL(mf_engine_question(&engine));
}

static void balance_is_asked_by_command_even_while_frozen(void)
{
	reach(MF_RUNNING);
	command(MF_EV_FREEZE);
	now += S;
	CU_ASSERT_FALSE(mf_engine_take_balance(&engine, now));
	command(MF_EV_BALANCE);
	CU_ASSERT_TRUE(mf_engine_take_balance(&engine, now));
	CU_ASSERT_FALSE(mf_engine_take_balance(&engine, now));
}

static void changes_are_gathered_before_the_balancer_is_asked(void)
{
	reach(MF_NONE);
	now += S;
	CU_ASSERT_TRUE(mf_engine_take_balance(&engine, now));
	claims("t", "other", 9);
	CU_ASSERT_FALSE(mf_engine_take_balance(&engine, now));
	CU_ASSERT_EQUAL(mf_engine_next_ns(&engine), now + 20 * MF_NS_PER_MS);
	now += 20 * MF_NS_PER_MS;
	CU_ASSERT_TRUE(mf_engine_take_balance(&engine, now));
	CU_ASSERT_FALSE(mf_engine_take_balance(&engine, now));
}

static void the_interval_has_jitter(void)
{
	uint64_t first, second;

	reach(MF_NONE);
	now += S;
	mf_engine_take_balance(&engine, now);
	first = engine.alarms[MF_ALARM_BALANCE] - now;
	now += 90 * S;
	mf_engine_take_balance(&engine, now);
	second = engine.alarms[MF_ALARM_BALANCE] - now;
	CU_ASSERT_NOT_EQUAL(first, second);
	CU_ASSERT_TRUE(first >= 45 * S && first <= 75 * S);
	CU_ASSERT_TRUE(second >= 45 * S && second <= 75 * S);
}

/* --- giving back -------------------------------------------------------------------- */

static uint64_t back_off_ns(void)
{
	verdict(METAFORA_RESULT_OWNED, attempt());
	start(RUN);
	returned(METAFORA_RELEASE);
	send_all();
	verdict(METAFORA_RESULT_ENDED, attempt());
	CU_ASSERT_PTR_NULL(mf_engine_question(&engine));
	return mf_ignore_next_ns(engine.ignore) - now;
}

static void a_task_that_gives_itself_back_waits_longer_each_time(void)
{
	uint64_t expected = 1000;
	int i;

	reach(MF_CLAIMING);
	for (i = 0; i < 8; i++) {
		uint64_t ns = back_off_ns();

		CU_ASSERT_TRUE(ns <= expected * MF_NS_PER_MS);
		CU_ASSERT_TRUE(ns >= expected * 3 / 4 * MF_NS_PER_MS);
		lease(now + 100 * S);
		pass(ns);
		answer(METAFORA_CLAIM_YES, 0);
		send_all();
		expected = expected * 2 > 8000 ? 8000 : expected * 2;
	}
}

static void a_task_given_away_is_left_to_others_for_a_moment(void)
{
	reach(MF_RUNNING);
	plan(true, false);
	returned(METAFORA_RELEASE);
	send_all();
	verdict(METAFORA_RESULT_ENDED, attempt());
	claims(NULL, NULL, 0);
	CU_ASSERT_PTR_NULL(mf_engine_question(&engine));
	pass(MF_GIVEN_AWAY_MS * MF_NS_PER_MS);
	CU_ASSERT_PTR_NOT_NULL(mf_engine_question(&engine));
}

static void a_handler_that_does_not_start_is_released_and_backs_off(void)
{
	reach(MF_CLAIMING);
	verdict(METAFORA_RESULT_OWNED, attempt());
	start(NULL);
	CU_ASSERT_EQUAL(state(), MF_RELEASING);
	CU_ASSERT_TRUE(mf_ignore_has(engine.ignore, "t"));
}

static void done_of_a_deleted_task_only_gives_up_the_claim(void)
{
	reach(MF_RUNNING);
	tasks("t", 2); /* deleted and submitted again */
	returned(METAFORA_DONE);
	CU_ASSERT_EQUAL(send_verb(METAFORA_VERB_DONE, NULL), 0);
	CU_ASSERT_EQUAL(send_verb(METAFORA_VERB_RELEASE, NULL), 1);
}

static void stop_task_of_what_does_not_run_is_refused(void)
{
	reach(MF_CLAIMING);
	CU_ASSERT_EQUAL(
		step((struct mf_event){.kind = MF_EV_STOP_TASK, .task = "t"}),
		METAFORA_ENOENT);
	CU_ASSERT_EQUAL(step((struct mf_event){.kind = MF_EV_STOP_TASK,
					       .task = "other"}),
			METAFORA_ENOENT);
}

static void stop_task_works_while_frozen(void)
{
	reach(MF_RUNNING);
	command(MF_EV_FREEZE);
	CU_ASSERT_EQUAL(
		step((struct mf_event){.kind = MF_EV_STOP_TASK, .task = "t"}),
		0);
	CU_ASSERT_PTR_NOT_NULL(mf_engine_take_stop(&engine));
}

/* --- shutdown ----------------------------------------------------------------------- */

static void leaves_when_the_last_claim_is_gone(void)
{
	reach(MF_RUNNING);
	command(MF_EV_SHUTDOWN);
	CU_ASSERT_FALSE(engine.close);
	returned(METAFORA_RELEASE);
	send_all();
	CU_ASSERT_FALSE(engine.close);
	verdict(METAFORA_RESULT_ENDED, attempt());
	CU_ASSERT_TRUE(engine.close);
}

static void a_stuck_handler_keeps_its_claim_until_the_lease_has_ended(void)
{
	uint64_t deadline;

	engine.config.shutdown_grace_ms = 1000;
	reach(MF_RUNNING);
	engine.config.shutdown_grace_ms = 1000;
	command(MF_EV_SHUTDOWN);
	pass(S);
	CU_ASSERT_TRUE(engine.leaving);
	CU_ASSERT_FALSE(engine.close);
	deadline = engine.deadline_ns;
	/* The coordinator goes on renewing: it must not be believed. */
	lease(now + 100 * S);
	CU_ASSERT_EQUAL(engine.deadline_ns, deadline);
	now = deadline - 1;
	pass(0);
	CU_ASSERT_FALSE(engine.close);
	pass(1);
	CU_ASSERT_TRUE(engine.close);
	CU_ASSERT_EQUAL(state(), MF_STOPPING);
}

static void a_claim_that_comes_through_during_shutdown_is_given_up(void)
{
	reach(MF_CLAIMING);
	command(MF_EV_SHUTDOWN);
	verdict(METAFORA_RESULT_OWNED, attempt());
	CU_ASSERT_PTR_NULL(engine.start);
	CU_ASSERT_EQUAL(state(), MF_RELEASING);
}

static void what_comes_through_for_a_drained_node_is_given_up(void)
{
	reach(MF_CLAIMING);
	command(MF_EV_DRAIN);
	CU_ASSERT_EQUAL(state(), MF_CLAIMING);
	verdict(METAFORA_RESULT_OWNED, attempt());
	CU_ASSERT_PTR_NULL(engine.start);
	CU_ASSERT_EQUAL(state(), MF_RELEASING);
}

static void a_claim_on_a_task_deleted_meanwhile_is_given_up(void)
{
	reach(MF_CLAIMING);
	tasks(NULL, 0);
	verdict(METAFORA_RESULT_OWNED, attempt());
	CU_ASSERT_PTR_NULL(engine.start);
	CU_ASSERT_EQUAL(state(), MF_RELEASING);
}

static void a_place_in_line_is_given_up_when_no_longer_wanted(void)
{
	reach(MF_QUEUING);
	command(MF_EV_FREEZE);
	verdict(METAFORA_RESULT_QUEUED, attempt());
	CU_ASSERT_EQUAL(state(), MF_WITHDRAWING);
	reach(MF_QUEUING);
	tasks(NULL, 0);
	verdict(METAFORA_RESULT_QUEUED, attempt());
	CU_ASSERT_EQUAL(state(), MF_WITHDRAWING);
}

static void a_claim_that_was_never_sent_is_dropped_at_shutdown(void)
{
	reach(MF_NONE);
	answer(METAFORA_CLAIM_YES, 0);
	session(METAFORA_SESSION_SUSPENDED, 0);
	command(MF_EV_SHUTDOWN);
	CU_ASSERT_EQUAL(state(), MF_NONE);
	CU_ASSERT_TRUE(engine.close);
}

/* --- reconcile ---------------------------------------------------------------------- */

static void minute(void)
{
	lease(now + 200 * S);
	pass(76 * S);
}

static void a_claim_of_ours_that_nobody_knows_is_withdrawn(void)
{
	struct metafora_entry sent[8];

	reach(MF_NONE);
	claims("t", "me", 9);
	minute();
	CU_ASSERT_EQUAL(state(), MF_NONE);
	CU_ASSERT_TRUE(engine.refresh);
	minute();
	CU_ASSERT_EQUAL(state(), MF_WITHDRAWING);
	CU_ASSERT_EQUAL_FATAL(send_verb(METAFORA_VERB_WITHDRAW, sent), 1);
	CU_ASSERT_EQUAL(sent[0].token, 9);
	CU_ASSERT_NOT_EQUAL(sent[0].attempt, 0);
	CU_ASSERT_EQUAL(engine.n_repairs, 1);
}

static void a_handler_whose_claim_stays_missing_is_stopped(void)
{
	reach(MF_RUNNING);
	lease(now + 400 * S);
	claims(NULL, NULL, 0);
	minute();
	CU_ASSERT_EQUAL(state(), MF_RUNNING);
	minute();
	CU_ASSERT_EQUAL(state(), MF_ADRIFT);
	CU_ASSERT_EQUAL(engine.n_repairs, 1);
}

static void a_settled_engine_has_nothing_to_do_for_long(void)
{
	reach(MF_RUNNING);
	lease(METAFORA_NO_DEADLINE);
	now += S;
	mf_engine_take_balance(&engine, now);
	pass(0);
	CU_ASSERT_TRUE(mf_engine_next_ns(&engine) >= now + 40 * S);
}

static const struct tap_case cases[] = {
	{"a claim carries its attempt and a release its token",
	 a_claim_carries_its_attempt_and_a_release_its_token},
	{"nothing is sent while suspended, and all of it afterwards",
	 nothing_is_sent_while_suspended_and_all_of_it_afterwards},
	{"a verb of unknown outcome is sent again after a while",
	 a_verb_of_unknown_outcome_is_sent_again_after_a_while},
	{"a claim of unknown outcome is withdrawn by session",
	 a_claim_of_unknown_outcome_is_withdrawn_by_session},
	{"an answer to an older attempt changes nothing",
	 an_answer_to_an_older_attempt_changes_nothing},
	{"a claim in vain is not tried again at once",
	 a_claim_in_vain_is_not_tried_again_at_once},
	{"stops handlers a grace before the lease ends",
	 stops_handlers_a_grace_before_the_lease_ends},
	{"renewing the lease keeps handlers running",
	 renewing_the_lease_keeps_handlers_running},
	{"starts nothing when the lease is too short",
	 starts_nothing_when_the_lease_is_too_short},
	{"a grace above a quarter of the timeout is refused",
	 a_grace_above_a_quarter_of_the_timeout_is_refused},
	{"a loss is told to the handler and blocks a new claim",
	 a_loss_is_told_to_the_handler_and_blocks_a_new_claim},
	{"another number of buckets under running handlers is fatal",
	 another_number_of_buckets_under_running_handlers_is_fatal},
	{"asks nothing before the view is complete",
	 asks_nothing_before_the_view_is_complete},
	{"asks again when the time has come",
	 asks_again_when_the_time_has_come},
	{"asks again when the members change, even before the time",
	 asks_again_when_the_members_change_even_before_the_time},
	{"asks again at the next balance after a change",
	 asks_again_at_the_next_balance_after_a_change},
	{"a senseless answer counts as no until a change",
	 a_senseless_answer_counts_as_no_until_a_change},
	{"very many are asked again in parts that are due at once",
	 very_many_are_asked_again_in_parts_that_are_due_at_once},
	{"so they are when the members change",
	 so_they_are_when_the_members_change},
	{"claims no more than the limit", claims_no_more_than_the_limit},
	{"a frozen or draining node asks nothing",
	 a_frozen_or_draining_node_asks_nothing},
	{"balance is asked by command even while frozen",
	 balance_is_asked_by_command_even_while_frozen},
	{"changes are gathered before the balancer is asked",
	 changes_are_gathered_before_the_balancer_is_asked},
	{"the interval has jitter", the_interval_has_jitter},
	{"a task that gives itself back waits longer each time",
	 a_task_that_gives_itself_back_waits_longer_each_time},
	{"a task given away is left to others for a moment",
	 a_task_given_away_is_left_to_others_for_a_moment},
	{"a handler that does not start is released and backs off",
	 a_handler_that_does_not_start_is_released_and_backs_off},
	{"done of a deleted task only gives up the claim",
	 done_of_a_deleted_task_only_gives_up_the_claim},
	{"stop_task of what does not run is refused",
	 stop_task_of_what_does_not_run_is_refused},
	{"stop_task works while frozen", stop_task_works_while_frozen},
	{"leaves when the last claim is gone",
	 leaves_when_the_last_claim_is_gone},
	{"a stuck handler keeps its claim until the lease has ended",
	 a_stuck_handler_keeps_its_claim_until_the_lease_has_ended},
	{"a claim that comes through during shutdown is given up",
	 a_claim_that_comes_through_during_shutdown_is_given_up},
	{"what comes through for a drained node is given up",
	 what_comes_through_for_a_drained_node_is_given_up},
	{"a claim on a task deleted meanwhile is given up",
	 a_claim_on_a_task_deleted_meanwhile_is_given_up},
	{"a place in line is given up when no longer wanted",
	 a_place_in_line_is_given_up_when_no_longer_wanted},
	{"a claim that was never sent is dropped at shutdown",
	 a_claim_that_was_never_sent_is_dropped_at_shutdown},
	{"a claim of ours that nobody knows is withdrawn",
	 a_claim_of_ours_that_nobody_knows_is_withdrawn},
	{"a handler whose claim stays missing is stopped",
	 a_handler_whose_claim_stays_missing_is_stopped},
	{"a settled engine has nothing to do for long",
	 a_settled_engine_has_nothing_to_do_for_long},
};

TAP_MAIN(cases, engine_setup, engine_teardown)
