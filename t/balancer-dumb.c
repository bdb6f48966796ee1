/* SPDX-License-Identifier: Apache-2.0 */
/* The dumb balancer: first come, first served. */
#include <metafora.h>

#include "rounds.h"
#include "tap.h"

static struct rounds r;

static struct metafora_balancer *dumb(void)
{
	struct metafora_balancer *balancer = NULL;

	CU_ASSERT_EQUAL_FATAL(metafora_balancer_dumb_new(&balancer), 0);
	return balancer;
}

static void setup(void)
{
	rounds_init(&r, 7);
}

static void teardown(void)
{
	rounds_fini(&r);
}

static void every_task_is_claimed_at_once_and_none_moves(void)
{
	rounds_join(&r, dumb());
	rounds_run(&r, ROUNDS_TICK_MS);
	rounds_submit(&r, 100);
	rounds_run(&r, ROUNDS_TICK_MS);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 0), 100);
	rounds_join(&r, dumb());
	rounds_run(&r, 60000);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 0), 100);
	CU_ASSERT_EQUAL(r.n_moves, 0);
}

static void the_tasks_of_the_dead_go_to_the_living(void)
{
	rounds_join(&r, dumb());
	rounds_join(&r, dumb());
	rounds_submit(&r, 100);
	rounds_run(&r, 200);
	CU_ASSERT_EQUAL(rounds_n_unowned(&r), 0);
	rounds_die(&r, 0);
	rounds_run(&r, 200);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 1), 100);
}

static void the_argument_is_checked(void)
{
	CU_ASSERT_EQUAL(metafora_balancer_dumb_new(NULL), METAFORA_EINVAL);
}

static const struct tap_case cases[] = {
	{"every task is claimed at once and none moves",
	 every_task_is_claimed_at_once_and_none_moves},
	{"the tasks of the dead go to the living",
	 the_tasks_of_the_dead_go_to_the_living},
	{"the argument is checked", the_argument_is_checked},
};

TAP_MAIN(cases, setup, teardown)
