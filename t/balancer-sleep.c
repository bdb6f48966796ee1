/* SPDX-License-Identifier: Apache-2.0 */
/* The sleep balancer: emptier nodes are first. */
#include <metafora.h>
#include <stdio.h>
#include <string.h>

#include "plugin.h"
#include "rounds.h"
#include "sim.h"
#include "tap.h"
#include "view.h"

#define MS UINT64_C(1000000)
#define START_NS (UINT64_C(5000000) * MS)
#define DELAY_MS 100
#define LONGEST_MS 1000

static struct metafora_cluster view;
static struct metafora_balancer *balancer;
static struct rounds r;

static struct metafora_balancer *make(void)
{
	struct metafora_balancer *made = NULL;

	CU_ASSERT_EQUAL_FATAL(metafora_balancer_sleep_new(&made), 0);
	CU_ASSERT_EQUAL(metafora_balancer_sleep_set_delay_ms(made, DELAY_MS),
			0);
	CU_ASSERT_EQUAL(
		metafora_balancer_sleep_set_longest_ms(made, LONGEST_MS), 0);
	return made;
}

/* A node that sees one task, which nobody owns. */
static void setup(void)
{
	struct metafora_member_record record = {
		.node = "a",
		.session = 1,
		.weight = 1,
	};
	struct metafora_task_fact fact = {.task = "t"};

	rounds_init(&r, 3);
	balancer = make();
	CU_ASSERT_EQUAL_FATAL(mf_view_init(&view, "a", true), 0);
	CU_ASSERT_EQUAL_FATAL(mf_view_begin(&view, 1), 0);
	CU_ASSERT_EQUAL(mf_view_members(&view, &record, 1), 0);
	CU_ASSERT_EQUAL(mf_view_tasks(&view, START_NS, 0, &fact, 1), 0);
	CU_ASSERT_EQUAL(mf_view_claims(&view, START_NS, 0, NULL, 0), 0);
}

static void teardown(void)
{
	metafora_balancer_free(balancer);
	mf_view_fini(&view);
	rounds_fini(&r);
}

static enum metafora_can_claim ask(uint64_t after_ms, uint64_t *until_ns)
{
	struct metafora_balance balance = {
		.cluster = &view,
		.node = "a",
		.now_ns = START_NS + after_ms * MS,
	};

	return balancer->ops->can_claim(
		balancer->state, &balance,
		metafora_cluster_find_task(&view, "t"), until_ns);
}

/* After how many milliseconds a node that has so many claims the task. */
static uint64_t claims_after_ms(size_t n_owned)
{
	uint64_t until_ns;
	uint64_t ms = 0;

	view.n_held = n_owned;
	while (ms < 10000 && ask(ms, &until_ns) != METAFORA_CLAIM_YES)
		ms++;
	return ms;
}

/* --- single decisions ----------------------------------------------------------- */

static void each_task_of_ones_own_is_one_delay_more(void)
{
	uint64_t first_ms = claims_after_ms(0);
	size_t n;

	CU_ASSERT_TRUE(first_ms <= DELAY_MS);
	for (n = 1; n <= LONGEST_MS / DELAY_MS; n++)
		CU_ASSERT_EQUAL(claims_after_ms(n), first_ms + n * DELAY_MS);
}

static void the_longest_wait_is_bounded(void)
{
	uint64_t first_ms = claims_after_ms(0);

	CU_ASSERT_EQUAL(claims_after_ms(11), first_ms + LONGEST_MS);
	CU_ASSERT_EQUAL(claims_after_ms(SIZE_MAX), first_ms + LONGEST_MS);
	/* Nor does it concern who has none. */
	metafora_balancer_sleep_set_longest_ms(balancer, 1);
	CU_ASSERT_EQUAL(claims_after_ms(0), first_ms);
	CU_ASSERT_EQUAL(claims_after_ms(1), first_ms + 1);
}

static void the_longest_times_do_not_overflow(void)
{
	uint64_t until_ns = 0;

	metafora_balancer_sleep_set_delay_ms(balancer, 60000);
	metafora_balancer_sleep_set_longest_ms(balancer, 3600000);
	view.n_held = SIZE_MAX;
	CU_ASSERT_EQUAL(ask(3599999, &until_ns), METAFORA_CLAIM_NO_UNTIL);
	CU_ASSERT_EQUAL(ask(3600000 + 60000, &until_ns), METAFORA_CLAIM_YES);
}

static void who_must_wait_is_told_until_when(void)
{
	uint64_t first_ms = claims_after_ms(0);
	uint64_t until_ns = 0;

	/* Its turn: within the last delay it is told the very moment. */
	view.n_held = 5;
	CU_ASSERT_EQUAL(ask(first_ms + 420, &until_ns),
			METAFORA_CLAIM_NO_UNTIL);
	CU_ASSERT_TRUE(until_ns > START_NS + (first_ms + 499) * MS);
	CU_ASSERT_TRUE(until_ns <= START_NS + (first_ms + 500) * MS);
	/* Before, it is asked again after a delay. */
	CU_ASSERT_EQUAL(ask(0, &until_ns), METAFORA_CLAIM_NO_UNTIL);
	CU_ASSERT_EQUAL(until_ns, START_NS + DELAY_MS * MS);
	/* It has fewer by then. */
	view.n_held = 0;
	CU_ASSERT_EQUAL(ask(DELAY_MS, &until_ns), METAFORA_CLAIM_YES);
}

static void who_is_not_listed_does_not_claim(void)
{
	uint64_t until_ns;

	CU_ASSERT_EQUAL(mf_view_members(&view, NULL, 0), 0);
	CU_ASSERT_EQUAL(ask(100000, &until_ns),
			METAFORA_CLAIM_NO_UNTIL_CHANGE);
}

static void options_are_checked(void)
{
	struct metafora_balancer *dumb = NULL;

	CU_ASSERT_EQUAL(metafora_balancer_sleep_new(NULL), METAFORA_EINVAL);
	CU_ASSERT_EQUAL_FATAL(metafora_balancer_dumb_new(&dumb), 0);
#define CHECK(set, least, most)                                               \
	do {                                                                  \
		CU_ASSERT_EQUAL(set(balancer, (least)-1), METAFORA_ERANGE);   \
		CU_ASSERT_EQUAL(set(balancer, least), 0);                     \
		CU_ASSERT_EQUAL(set(balancer, most), 0);                      \
		CU_ASSERT_EQUAL(set(balancer, (most) + 1), METAFORA_ERANGE);  \
		CU_ASSERT_EQUAL(set(balancer, -1), METAFORA_ERANGE);          \
		CU_ASSERT_EQUAL(set(balancer, INT64_MIN), METAFORA_ERANGE);   \
		CU_ASSERT_EQUAL(set(balancer, INT64_MAX), METAFORA_ERANGE);   \
		CU_ASSERT_EQUAL(set(dumb, least), METAFORA_EINVAL);           \
		CU_ASSERT_EQUAL(set(NULL, least), METAFORA_EINVAL);           \
	} while (0)
	CHECK(metafora_balancer_sleep_set_delay_ms, 1, 60000);
	CHECK(metafora_balancer_sleep_set_longest_ms, 1, 3600000);
#undef CHECK
	metafora_balancer_free(dumb);
}

/* --- in rounds ------------------------------------------------------------------ */

static void emptier_nodes_get_the_new_tasks(void)
{
	rounds_join(&r, make());
	rounds_submit(&r, 6);
	rounds_run(&r, 2000);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 0), 6);
	rounds_join(&r, make());
	rounds_submit(&r, 6);
	rounds_run(&r, 2000);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 0), 6);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 1), 6);
}

static void nothing_is_released(void)
{
	rounds_join(&r, make());
	rounds_submit(&r, 30);
	rounds_run(&r, 10000);
	rounds_join(&r, make());
	rounds_run(&r, 60000);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 0), 30);
	CU_ASSERT_EQUAL(r.n_moves, 0);
}

static void many_tasks_are_claimed_in_bounded_time(void)
{
	size_t i;

	for (i = 0; i < 3; i++)
		rounds_join(&r, make());
	rounds_submit(&r, 1000);
	rounds_run(&r, LONGEST_MS + DELAY_MS + 2 * ROUNDS_TICK_MS);
	CU_ASSERT_EQUAL(rounds_n_unowned(&r), 0);
}

/* --- a whole cluster ------------------------------------------------------------- */

static bool all_run(struct sim *sim)
{
	return sim_all_joined(sim) && sim_answered(sim) && sim_all_run(sim);
}

static void a_cluster_shares_roughly_and_moves_nothing(void)
{
	struct sim *sim = sim_new(&sim_embedded, 11, 2000);
	char name[16];
	int i;

	sim->balancer = make;
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		sim_join(sim, name);
	}
	CU_ASSERT_TRUE_FATAL(sim_until(sim, sim_all_joined, 10000));
	sim_submit(sim, 0, 40);
	CU_ASSERT_TRUE(sim_until(sim, all_run, 2000));
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		tap_note("%s: %u", name, sim_count(sim_node(sim, name)));
		CU_ASSERT_TRUE(sim_count(sim_node(sim, name)) >= 9);
		CU_ASSERT_TRUE(sim_count(sim_node(sim, name)) <= 11);
	}
	/* The one that dies is replaced, and that is all. */
	sim_kill(sim_node(sim, "n0"));
	CU_ASSERT_TRUE(sim_until(sim, sim_all_run, 10000));
	sim_join(sim, "n5");
	sim_for(sim, 60000);
	CU_ASSERT_EQUAL(sim_count(sim_node(sim, "n5")), 0);
	CU_ASSERT_TRUE(sim->n_starts <= 40 + 11);
	CU_ASSERT_EQUAL(sim->n_broken, 0);
	sim_free(sim);
}

static const struct tap_case cases[] = {
	{"each task of one's own is one delay more",
	 each_task_of_ones_own_is_one_delay_more},
	{"the longest wait is bounded", the_longest_wait_is_bounded},
	{"the longest times do not overflow",
	 the_longest_times_do_not_overflow},
	{"who must wait is told until when", who_must_wait_is_told_until_when},
	{"who is not listed does not claim", who_is_not_listed_does_not_claim},
	{"options are checked", options_are_checked},
	{"emptier nodes get the new tasks", emptier_nodes_get_the_new_tasks},
	{"nothing is released", nothing_is_released},
	{"many tasks are claimed in bounded time",
	 many_tasks_are_claimed_in_bounded_time},
	{"a cluster shares roughly and moves nothing",
	 a_cluster_shares_roughly_and_moves_nothing},
};

TAP_MAIN(cases, setup, teardown)
