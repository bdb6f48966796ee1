/* SPDX-License-Identifier: Apache-2.0 */
/* The engine alone: every event in every state. */
#include <metafora.h>

#include "engine_stage.h"

enum what {
	TIME,
	LEASE_RENEWED,
	LEASE_LAPSED,
	SUSPENDED,
	SAME_SESSION,
	NEW_SESSION,
	LOST,
	FAILED,
	CLOSED,
	TASK_GONE,
	TASK_REBORN,
	LINE_EMPTY,
	LINE_OTHER,
	MEMBERS_READ,
	V_OWNED,
	V_QUEUED,
	V_BEATEN,
	V_GONE,
	V_ENDED,
	V_VANISHED,
	V_FAILED,
	V_UNKNOWN,
	V_STALE,
	RET_DONE,
	RET_RELEASE,
	FREEZE,
	UNFREEZE,
	DRAIN,
	UNDRAIN,
	BALANCE,
	STOP_TASK,
	PLAN_RELEASE,
	PLAN_QUEUE,
	PLAN_WITHDRAW,
	PLAN_EVICT,
	WARM,
	COOLER,
	CANNOT,
	SHUTDOWN,
	N_WHATS
};

static bool makes_sense(enum mf_state from, enum what what)
{
	/* Only a handler that runs can return. */
	if (what == RET_DONE || what == RET_RELEASE)
		return mf_state_has_handler(from);
	return true;
}

static void apply(enum what what)
{
	switch (what) {
	case TIME:
		pass(1);
		break;
	case LEASE_RENEWED:
		lease(now + 4 * S);
		break;
	case LEASE_LAPSED:
		pass(3 * S);
		break;
	case SUSPENDED:
		session(METAFORA_SESSION_SUSPENDED, 0);
		break;
	case SAME_SESSION:
		session(METAFORA_SESSION_SUSPENDED, 0);
		session(METAFORA_SESSION_CONNECTED, 1);
		break;
	case NEW_SESSION:
		session(METAFORA_SESSION_CONNECTED, 2);
		break;
	case LOST:
		session(METAFORA_SESSION_LOST, 0);
		break;
	case FAILED:
		session(METAFORA_SESSION_FAILED, 0);
		break;
	case CLOSED:
		session(METAFORA_SESSION_CLOSED, 0);
		break;
	case TASK_GONE:
		tasks(NULL, 0);
		break;
	case TASK_REBORN:
		tasks("t", 2);
		break;
	case LINE_EMPTY:
		claims(NULL, NULL, 0);
		break;
	case LINE_OTHER:
		claims("t", "other", 9);
		break;
	case MEMBERS_READ:
		members(METAFORA_MEMBER_ACTIVE);
		break;
	case V_OWNED:
		verdict(METAFORA_RESULT_OWNED, attempt());
		start(RUN);
		break;
	case V_QUEUED:
		verdict(METAFORA_RESULT_QUEUED, attempt());
		break;
	case V_BEATEN:
		verdict(METAFORA_RESULT_BEATEN, attempt());
		break;
	case V_GONE:
		verdict(METAFORA_RESULT_GONE, attempt());
		break;
	case V_ENDED:
		verdict(METAFORA_RESULT_ENDED, attempt());
		break;
	case V_VANISHED:
		verdict(METAFORA_RESULT_VANISHED, attempt());
		break;
	case V_FAILED:
		verdict(METAFORA_RESULT_FAILED, attempt());
		break;
	case V_UNKNOWN:
		verdict(METAFORA_RESULT_UNKNOWN, attempt());
		break;
	case V_STALE:
		verdict(METAFORA_RESULT_ENDED, attempt() + 1000);
		break;
	case RET_DONE:
		returned(METAFORA_DONE);
		break;
	case RET_RELEASE:
		returned(METAFORA_RELEASE);
		break;
	case FREEZE:
		command(MF_EV_FREEZE);
		break;
	case UNFREEZE:
		command(MF_EV_UNFREEZE);
		break;
	case DRAIN:
		command(MF_EV_DRAIN);
		break;
	case UNDRAIN:
		command(MF_EV_UNDRAIN);
		break;
	case BALANCE:
		command(MF_EV_BALANCE);
		break;
	case STOP_TASK:
		command(MF_EV_STOP_TASK);
		break;
	case PLAN_RELEASE:
		plan(true, false);
		break;
	case PLAN_QUEUE:
		plan(false, true);
		break;
	case PLAN_WITHDRAW:
		plan_withdraw();
		break;
	case PLAN_EVICT:
		plan_evict();
		break;
	case WARM:
		prepared(0);
		break;
	case COOLER:
		prepared(100);
		break;
	case CANNOT:
		prepared(-1);
		break;
	case SHUTDOWN:
		command(MF_EV_SHUTDOWN);
		break;
	case N_WHATS:
		break;
	}
}

/* Where the event leads; the state itself where the table says nothing. */
#define STAY 0
#define TO(state) ((state) + 1)
static const unsigned char leads[MF_N_STATES][N_WHATS] = {
	[MF_CLAIMING] = {[NEW_SESSION] = TO(MF_NONE),
			 [LOST] = TO(MF_NONE),
			 [FAILED] = TO(MF_NONE),
			 [CLOSED] = TO(MF_NONE),
			 [V_OWNED] = TO(MF_RUNNING),
			 [V_QUEUED] = TO(MF_WITHDRAWING),
			 [V_BEATEN] = TO(MF_NONE),
			 [V_GONE] = TO(MF_NONE),
			 [V_ENDED] = TO(MF_NONE),
			 [V_VANISHED] = TO(MF_NONE),
			 [V_FAILED] = TO(MF_NONE),
			 [V_UNKNOWN] = TO(MF_WITHDRAWING)},
	[MF_PREPARING] = {[NEW_SESSION] = TO(MF_NONE),
			  [LOST] = TO(MF_NONE),
			  [FAILED] = TO(MF_NONE),
			  [CLOSED] = TO(MF_NONE),
			  [LINE_EMPTY] = TO(MF_QUEUING),
			  [FREEZE] = TO(MF_NONE),
			  [DRAIN] = TO(MF_NONE),
			  [PLAN_WITHDRAW] = TO(MF_NONE),
			  [WARM] = TO(MF_QUEUING),
			  [CANNOT] = TO(MF_NONE),
			  [SHUTDOWN] = TO(MF_NONE)},
	[MF_QUEUING] = {[NEW_SESSION] = TO(MF_NONE),
			[LOST] = TO(MF_NONE),
			[FAILED] = TO(MF_NONE),
			[CLOSED] = TO(MF_NONE),
			[V_OWNED] = TO(MF_RUNNING),
			[V_QUEUED] = TO(MF_QUEUED),
			[V_BEATEN] = TO(MF_NONE),
			[V_GONE] = TO(MF_NONE),
			[V_ENDED] = TO(MF_NONE),
			[V_VANISHED] = TO(MF_NONE),
			[V_FAILED] = TO(MF_NONE),
			[V_UNKNOWN] = TO(MF_WITHDRAWING)},
	[MF_QUEUED] = {[NEW_SESSION] = TO(MF_NONE),
		       [LOST] = TO(MF_NONE),
		       [FAILED] = TO(MF_NONE),
		       [CLOSED] = TO(MF_NONE),
		       [TASK_GONE] = TO(MF_WITHDRAWING),
		       [TASK_REBORN] = TO(MF_WITHDRAWING),
		       [V_OWNED] = TO(MF_RUNNING),
		       [V_BEATEN] = TO(MF_NONE),
		       [V_GONE] = TO(MF_WITHDRAWING),
		       [V_ENDED] = TO(MF_NONE),
		       [V_VANISHED] = TO(MF_NONE),
		       [V_FAILED] = TO(MF_NONE),
		       [V_UNKNOWN] = TO(MF_WITHDRAWING),
		       [FREEZE] = TO(MF_WITHDRAWING),
		       [DRAIN] = TO(MF_WITHDRAWING),
		       [PLAN_WITHDRAW] = TO(MF_WITHDRAWING),
		       [SHUTDOWN] = TO(MF_WITHDRAWING)},
	[MF_WITHDRAWING] = {[NEW_SESSION] = TO(MF_NONE),
			    [LOST] = TO(MF_NONE),
			    [FAILED] = TO(MF_NONE),
			    [CLOSED] = TO(MF_NONE),
			    [V_ENDED] = TO(MF_NONE),
			    [V_VANISHED] = TO(MF_NONE)},
	[MF_RUNNING] = {[LEASE_LAPSED] = TO(MF_STOPPING),
			[NEW_SESSION] = TO(MF_ADRIFT),
			[LOST] = TO(MF_ADRIFT),
			[FAILED] = TO(MF_ADRIFT),
			[CLOSED] = TO(MF_ADRIFT),
			[TASK_GONE] = TO(MF_STOPPING),
			[TASK_REBORN] = TO(MF_STOPPING),
			[V_GONE] = TO(MF_STOPPING),
			[V_VANISHED] = TO(MF_ADRIFT),
			[RET_DONE] = TO(MF_FINISHING),
			[RET_RELEASE] = TO(MF_RELEASING),
			[DRAIN] = TO(MF_STOPPING),
			[STOP_TASK] = TO(MF_STOPPING),
			[PLAN_RELEASE] = TO(MF_STOPPING),
			[SHUTDOWN] = TO(MF_STOPPING)},
	[MF_STOPPING] = {[NEW_SESSION] = TO(MF_ADRIFT),
			 [LOST] = TO(MF_ADRIFT),
			 [FAILED] = TO(MF_ADRIFT),
			 [CLOSED] = TO(MF_ADRIFT),
			 [V_VANISHED] = TO(MF_ADRIFT),
			 [RET_DONE] = TO(MF_FINISHING),
			 [RET_RELEASE] = TO(MF_RELEASING)},
	[MF_RELEASING] = {[NEW_SESSION] = TO(MF_NONE),
			  [LOST] = TO(MF_NONE),
			  [FAILED] = TO(MF_NONE),
			  [CLOSED] = TO(MF_NONE),
			  [V_ENDED] = TO(MF_NONE),
			  [V_VANISHED] = TO(MF_NONE)},
	[MF_FINISHING] = {[NEW_SESSION] = TO(MF_NONE),
			  [LOST] = TO(MF_NONE),
			  [FAILED] = TO(MF_NONE),
			  [CLOSED] = TO(MF_NONE),
			  [V_ENDED] = TO(MF_NONE),
			  [V_VANISHED] = TO(MF_NONE)},
	[MF_ADRIFT] = {[RET_DONE] = TO(MF_NONE), [RET_RELEASE] = TO(MF_NONE)},
};

static void every_event_in_every_state(void)
{
	int from, what;
	int to;

	for (from = MF_NONE; from < MF_N_STATES; from++) {
		for (what = 0; what < N_WHATS; what++) {
			if (!makes_sense(from, what))
				continue;
			reach(from);
			CU_ASSERT_EQUAL_FATAL(state(), (enum mf_state)from);
			engine_check();
			apply(what);
			to = leads[from][what] == STAY ? from
						       : leads[from][what] - 1;
			if (state() != (enum mf_state)to)
				tap_note("from %s event %d: %s instead of %s",
					 mf_state_name(from), what,
					 mf_state_name(state()),
					 mf_state_name(to));
			CU_ASSERT_EQUAL(state(), (enum mf_state)to);
			engine_check();
		}
	}
}

static void two_events_after_each_other_keep_it_consistent(void)
{
	int from, first, second;

	for (from = MF_NONE; from < MF_N_STATES; from++) {
		for (first = 0; first < N_WHATS; first++) {
			for (second = 0; second < N_WHATS; second++) {
				if (!makes_sense(from, first))
					continue;
				reach(from);
				apply(first);
				if (!makes_sense(state(), second))
					continue;
				apply(second);
				engine_check();
			}
		}
	}
}

static const struct tap_case cases[] = {
	{"every event in every state", every_event_in_every_state},
	{"two events after each other keep it consistent",
	 two_events_after_each_other_keep_it_consistent},
};

TAP_MAIN(cases, engine_setup, engine_teardown)
