/* SPDX-License-Identifier: Apache-2.0 */
/* The engine alone: what should not come, or comes late, does no harm. */
#include <metafora.h>

#include "engine_stage.h"

/* --- sessions and leases -------------------------------------------------- */

static bool claims_when_asked(void)
{
	if (mf_engine_question(&engine))
		answer(METAFORA_CLAIM_YES, 0);
	return send_verb(METAFORA_VERB_CLAIM, NULL) > 0;
}

static void everything_read(void)
{
	members(METAFORA_MEMBER_ACTIVE);
	tasks("t", 1);
	claims(NULL, NULL, 0);
}

static void the_lease_of_a_lost_session_says_nothing_of_the_next(void)
{
	reach(MF_NONE);
	session(METAFORA_SESSION_LOST, 0);
	session(METAFORA_SESSION_CONNECTED, 2);
	everything_read();
	CU_ASSERT_FALSE(claims_when_asked());
	lease(now + 4 * S);
	pass(MF_RETRY_MS * MF_NS_PER_MS);
	CU_ASSERT_TRUE(claims_when_asked());
}

static void told_of_the_same_session_twice_it_goes_on(void)
{
	reach(MF_RUNNING);
	session(METAFORA_SESSION_CONNECTED, 1);
	CU_ASSERT_EQUAL(state(), MF_RUNNING);
	CU_ASSERT_TRUE(mf_view_complete(&engine.view));
}

/* Before: handlers of a session that was gone went on as if it were not. */
static void a_silently_new_session_that_is_refused_still_ends_the_old(void)
{
	engine.config.lease_grace_ms = T_MS / 4;
	lease(now + 4 * S);
	reach(MF_RUNNING);
	engine.config.lease_grace_ms = T_MS / 4;
	connected(METAFORA_SESSION_CONNECTED, 2, T_MS / 2, 1);
	CU_ASSERT_EQUAL(engine.fatal, METAFORA_ECONFIG);
	CU_ASSERT_EQUAL(state(), MF_ADRIFT);
	CU_ASSERT_EQUAL(engine.session, 0);
}

static void a_session_timeout_that_is_none_is_fatal(void)
{
	const int64_t timeouts[] = {0, -1, INT64_MIN, INT64_MAX,
				    MF_TIMEOUT_MAX_MS + 1};
	size_t i;

	for (i = 0; i < sizeof(timeouts) / sizeof(timeouts[0]); i++) {
		engine_teardown();
		engine_setup();
		connected(METAFORA_SESSION_CONNECTED, 1, timeouts[i], 1);
		CU_ASSERT_EQUAL(engine.fatal, METAFORA_EPROTO);
	}
}

static void no_buckets_are_fatal(void)
{
	connected(METAFORA_SESSION_CONNECTED, 1, T_MS, 0);
	CU_ASSERT_EQUAL(engine.fatal, METAFORA_ERANGE);
}

static void other_buckets_are_fine_when_nothing_runs(void)
{
	reach(MF_CLAIMING);
	session(METAFORA_SESSION_LOST, 0);
	connected(METAFORA_SESSION_CONNECTED, 2, T_MS, 3);
	CU_ASSERT_EQUAL(engine.fatal, 0);
	CU_ASSERT_FALSE(mf_view_complete(&engine.view));
	CU_ASSERT_PTR_NULL(mf_view_find(&engine.view, "t"));
}

static void a_loss_during_shutdown_ends_it_when_the_handlers_return(void)
{
	reach(MF_RUNNING);
	command(MF_EV_SHUTDOWN);
	session(METAFORA_SESSION_LOST, 0);
	CU_ASSERT_EQUAL(state(), MF_ADRIFT);
	CU_ASSERT_FALSE(engine.close);
	returned(METAFORA_RELEASE);
	CU_ASSERT_TRUE(engine.close);
}

static void a_loss_ends_the_wait_for_the_lease(void)
{
	reach(MF_RUNNING);
	engine.config.shutdown_grace_ms = 100;
	command(MF_EV_SHUTDOWN);
	pass(S);
	CU_ASSERT_TRUE(engine.leaving);
	CU_ASSERT_FALSE(engine.close);
	session(METAFORA_SESSION_LOST, 0);
	CU_ASSERT_TRUE(engine.close);
}

static void without_leases_shutdown_waits_for_none(void)
{
	reach(MF_RUNNING);
	lease(METAFORA_NO_DEADLINE);
	command(MF_EV_SHUTDOWN);
	pass(29 * S);
	CU_ASSERT_FALSE(engine.close);
	pass(2 * S);
	CU_ASSERT_TRUE(engine.close);
}

/* --- verdicts that should not be ------------------------------------------ */

static void a_claim_that_stands_in_line_is_withdrawn(void)
{
	struct metafora_entry sent[8];

	reach(MF_CLAIMING);
	verdict(METAFORA_RESULT_QUEUED, attempt());
	CU_ASSERT_EQUAL_FATAL(send_verb(METAFORA_VERB_WITHDRAW, sent), 1);
	CU_ASSERT_EQUAL(sent[0].token, 7);
	verdict(METAFORA_RESULT_ENDED, attempt());
	CU_ASSERT_EQUAL(state(), MF_NONE);
}

/* Before: it was forgotten, and blocked the line when it came first. */
static void a_claim_that_was_not_first_after_all_leaves_the_line(void)
{
	const enum mf_state from[] = {MF_FINISHING, MF_RELEASING};
	struct metafora_entry sent[8];
	int i;

	for (i = 0; i < 2; i++) {
		reach(from[i]);
		failure(METAFORA_ENOTOWNER);
		CU_ASSERT_EQUAL(state(), MF_WITHDRAWING);
		CU_ASSERT_EQUAL_FATAL(send_verb(METAFORA_VERB_WITHDRAW, sent),
				      1);
		CU_ASSERT_EQUAL(sent[0].token, 7);
		/* It tries until it has. */
		failure(METAFORA_ENOTOWNER);
		pass(MF_RETRY_MS * MF_NS_PER_MS);
		CU_ASSERT_EQUAL(send_verb(METAFORA_VERB_WITHDRAW, NULL), 1);
		verdict(METAFORA_RESULT_ENDED, attempt());
		CU_ASSERT_EQUAL(state(), MF_NONE);
	}
}

static void a_promotion_that_crosses_a_withdrawal_starts_nothing(void)
{
	reach(MF_QUEUED);
	command(MF_EV_FREEZE);
	send_all();
	verdict(METAFORA_RESULT_OWNED, attempt());
	CU_ASSERT_PTR_NULL(engine.start);
	CU_ASSERT_EQUAL(state(), MF_WITHDRAWING);
	verdict(METAFORA_RESULT_ENDED, attempt());
	CU_ASSERT_EQUAL(state(), MF_NONE);
}

static void a_claim_on_a_full_broker_waits_longer(void)
{
	reach(MF_CLAIMING);
	failure(METAFORA_EFULL);
	CU_ASSERT_EQUAL(state(), MF_NONE);
	pass((MF_FULL_MS - 1) * MF_NS_PER_MS);
	lease(now + 4 * S);
	CU_ASSERT_FALSE(claims_when_asked());
	pass(MF_NS_PER_MS);
	CU_ASSERT_TRUE(claims_when_asked());
}

/* --- handlers ------------------------------------------------------------- */

/*
 * The guard asks handlers to stop when the loop is late; then the lease turns
 * out to have been renewed.  Before: that looked as if the task gave itself
 * back, and it was left alone for longer each time.
 */
static void a_task_stopped_by_the_guard_does_not_back_off(void)
{
	struct mf_event event = {.kind = MF_EV_RETURNED};

	reach(MF_RUNNING);
	event.returned.entry = entry();
	event.returned.outcome = METAFORA_RELEASE;
	event.returned.asked = true;
	step(event);
	CU_ASSERT_EQUAL(state(), MF_RELEASING);
	send_all();
	verdict(METAFORA_RESULT_ENDED, attempt());
	claims(NULL, NULL, 0);
	CU_ASSERT_TRUE(claims_when_asked());
}

/* Before: who saw both lives in two reads forgot it, who saw one did not. */
static void another_life_of_a_task_does_not_inherit_the_back_off(void)
{
	reach(MF_RUNNING);
	returned(METAFORA_RELEASE);
	send_all();
	verdict(METAFORA_RESULT_ENDED, attempt());
	claims(NULL, NULL, 0);
	CU_ASSERT_FALSE(claims_when_asked());
	tasks("t", 2);
	CU_ASSERT_TRUE(claims_when_asked());
}

/* --- balancers ------------------------------------------------------------ */

static void a_wish_for_the_past_does_not_keep_the_loop_busy(void)
{
	struct mf_event event = {.kind = MF_EV_PLAN};

	reach(MF_NONE);
	now += S;
	CU_ASSERT_TRUE(mf_engine_take_balance(&engine, now));
	event.plan.wish_ns = 1;
	step(event);
	CU_ASSERT_FALSE(mf_engine_take_balance(&engine, now));
	CU_ASSERT_EQUAL(mf_engine_next_ns(&engine),
			now + MF_WISH_MIN_MS * MF_NS_PER_MS);
	now += MF_WISH_MIN_MS * MF_NS_PER_MS;
	CU_ASSERT_TRUE(mf_engine_take_balance(&engine, now));
}

static void no_until_the_past_does_not_keep_the_loop_busy(void)
{
	reach(MF_NONE);
	mf_engine_take_balance(&engine, now + S);
	answer(METAFORA_CLAIM_NO_UNTIL, now);
	CU_ASSERT_PTR_NULL(mf_engine_question(&engine));
	CU_ASSERT_EQUAL(mf_engine_next_ns(&engine),
			now + MF_WISH_MIN_MS * MF_NS_PER_MS);
	pass(MF_WISH_MIN_MS * MF_NS_PER_MS);
	CU_ASSERT_PTR_NOT_NULL(mf_engine_question(&engine));
}

/* --- reconcile ------------------------------------------------------------ */

static void minute(void)
{
	lease(now + 200 * S);
	pass(76 * S);
}

/* Before: nothing ever ended such an entry, nor let the task be claimed. */
static void a_place_in_line_that_stays_missing_is_given_up(void)
{
	reach(MF_QUEUED);
	claims("t", "other", 3);
	minute();
	CU_ASSERT_EQUAL(state(), MF_QUEUED);
	minute();
	CU_ASSERT_EQUAL(state(), MF_WITHDRAWING);
	CU_ASSERT_EQUAL(send_verb(METAFORA_VERB_WITHDRAW, NULL), 1);
	CU_ASSERT_EQUAL(engine.n_repairs, 1);
}

static void a_claim_missing_for_a_moment_only_is_not_lost(void)
{
	int i;

	reach(MF_RUNNING);
	for (i = 0; i < 3; i++) {
		claims(NULL, NULL, 0);
		minute();
		claims("t", "me", 7);
		minute();
	}
	CU_ASSERT_EQUAL(state(), MF_RUNNING);
	CU_ASSERT_EQUAL(engine.n_repairs, 0);
}

static void nothing_is_repaired_while_out_of_touch(void)
{
	reach(MF_RUNNING);
	claims(NULL, NULL, 0);
	session(METAFORA_SESSION_SUSPENDED, 0);
	minute();
	minute();
	minute();
	CU_ASSERT_EQUAL(engine.n_repairs, 0);
	CU_ASSERT_FALSE(engine.refresh);
	session(METAFORA_SESSION_CONNECTED, 1);
	minute();
	CU_ASSERT_TRUE(engine.refresh);
}

static const struct tap_case cases[] = {
	{"the lease of a lost session says nothing of the next",
	 the_lease_of_a_lost_session_says_nothing_of_the_next},
	{"told of the same session twice, it goes on",
	 told_of_the_same_session_twice_it_goes_on},
	{"a silently new session that is refused still ends the old",
	 a_silently_new_session_that_is_refused_still_ends_the_old},
	{"a session timeout that is none is fatal",
	 a_session_timeout_that_is_none_is_fatal},
	{"no buckets are fatal", no_buckets_are_fatal},
	{"other buckets are fine when nothing runs",
	 other_buckets_are_fine_when_nothing_runs},
	{"a loss during shutdown ends it when the handlers return",
	 a_loss_during_shutdown_ends_it_when_the_handlers_return},
	{"a loss ends the wait for the lease",
	 a_loss_ends_the_wait_for_the_lease},
	{"without leases shutdown waits for none",
	 without_leases_shutdown_waits_for_none},
	{"a claim that stands in line is withdrawn",
	 a_claim_that_stands_in_line_is_withdrawn},
	{"a claim that was not first after all leaves the line",
	 a_claim_that_was_not_first_after_all_leaves_the_line},
	{"a promotion that crosses a withdrawal starts nothing",
	 a_promotion_that_crosses_a_withdrawal_starts_nothing},
	{"a claim on a full broker waits longer",
	 a_claim_on_a_full_broker_waits_longer},
	{"a task stopped by the guard does not back off",
	 a_task_stopped_by_the_guard_does_not_back_off},
	{"another life of a task does not inherit the back-off",
	 another_life_of_a_task_does_not_inherit_the_back_off},
	{"a wish for the past does not keep the loop busy",
	 a_wish_for_the_past_does_not_keep_the_loop_busy},
	{"no until the past does not keep the loop busy",
	 no_until_the_past_does_not_keep_the_loop_busy},
	{"a place in line that stays missing is given up",
	 a_place_in_line_that_stays_missing_is_given_up},
	{"a claim missing for a moment only is not lost",
	 a_claim_missing_for_a_moment_only_is_not_lost},
	{"nothing is repaired while out of touch",
	 nothing_is_repaired_while_out_of_touch},
};

TAP_MAIN(cases, engine_setup, engine_teardown)
