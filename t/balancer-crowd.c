/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fair balancer in clusters of any size: each node within one task of its
 * share, by the fewest moves, no task twice, in few rounds; and nodes that see
 * all that late.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "crowd.h"
#include "seeds.h"
#include "tap.h"

#define LIMIT_ROUNDS 300
#define HUGE_NODES 1000
#define HUGE_TASKS_MAX 1000000

static struct crowd c;
static struct seeds seeds;

static void setup(void)
{
	seeds_init(&seeds);
}

static uint64_t dice(uint64_t low, uint64_t high)
{
	return mf_prng_between(&c.prng, low, high);
}

/* --- what is right -------------------------------------------------------------- */

/* Tasks that are shared, and the weight of all that share. */
struct pool {
	uint64_t n_tasks;
	uint64_t weight;
};

static struct pool pool_of(void)
{
	struct pool pool = {c.n_tasks, 0};
	size_t i;

	for (i = 0; i < c.n_nodes; i++) {
		if (crowd_shares(&c, i))
			pool.weight += c.nodes[i].weight;
		else if (c.nodes[i].alive &&
			 c.nodes[i].state == METAFORA_MEMBER_FROZEN)
			pool.n_tasks -= c.nodes[i].n_tasks;
	}
	return pool;
}

/*
 * The fewest tasks that must be given away, whoever is rounded up: all that is
 * above the floor of a share, but for one each of those with a fraction while
 * there are shares rounded up.
 */
static uint64_t fewest_moves(void)
{
	struct pool pool = pool_of();
	uint64_t n_ups = pool.n_tasks;
	uint64_t n_above = 0;
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < c.n_nodes; i++) {
		uint64_t part = pool.n_tasks * c.nodes[i].weight;
		uint64_t least;

		if (!crowd_shares(&c, i))
			continue;
		least = part / pool.weight;
		n_ups -= least;
		if (c.nodes[i].n_tasks <= least)
			continue;
		n += c.nodes[i].n_tasks - least;
		n_above += part % pool.weight != 0;
	}
	return n - (n_above < n_ups ? n_above : n_ups);
}

/* Nodes that have not their share, rounded up or down. */
static size_t n_uneven(void)
{
	struct pool pool = pool_of();
	size_t n = 0;
	size_t i;

	for (i = 0; i < c.n_nodes; i++) {
		uint64_t part = pool.n_tasks * c.nodes[i].weight;
		uint64_t least = crowd_shares(&c, i) ? part / pool.weight : 0;

		if (!crowd_shares(&c, i))
			continue;
		n += c.nodes[i].n_tasks < least ||
		     c.nodes[i].n_tasks >
			     least + (part % pool.weight != 0);
	}
	return n;
}

/* --- what happens ------------------------------------------------------------------ */

static unsigned int weight_max;

static size_t any_node(void)
{
	size_t i;

	do
		i = dice(0, c.n_nodes - 1);
	while (!c.nodes[i].alive);
	return i;
}

static size_t n_sharing(void)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < c.n_nodes; i++)
		n += crowd_shares(&c, i);
	return n;
}

/* One node; whether it left tasks in the open. */
static bool disturb_node(void)
{
	size_t node = any_node();
	bool is_last = crowd_shares(&c, node) && n_sharing() == 1;

	switch (dice(0, 5)) {
	case 0:
		if (is_last)
			return false;
		crowd_die(&c, node);
		return true;
	case 1:
		if (is_last)
			return false;
		crowd_set_state(&c, node, METAFORA_MEMBER_DRAINING);
		return true;
	case 2:
		if (!is_last)
			crowd_set_state(&c, node, METAFORA_MEMBER_FROZEN);
		return false;
	case 3:
		crowd_set_state(&c, node, METAFORA_MEMBER_ACTIVE);
		return false;
	case 4:
		crowd_set_weight(&c, node, dice(1, weight_max));
		return false;
	default:
		if (c.n_nodes < c.nodes_max)
			crowd_join(&c, dice(1, weight_max));
		return false;
	}
}

/* Nodes that have the tasks by chance; not settled. */
static void start(size_t n_nodes, size_t n_tasks, size_t n_joining,
		  bool with_lag)
{
	size_t i;

	crowd_init(&c, seeds.seed, n_tasks, n_nodes + n_joining, with_lag);
	for (i = 0; i < n_nodes; i++)
		crowd_join(&c, dice(1, weight_max));
	for (i = 0; i < n_tasks; i++)
		crowd_give(&c, i, dice(0, n_nodes - 1));
}

/* After a change: even, by the fewest moves.  Returns the rounds it took. */
static uint64_t settle_and_check(bool in_the_open)
{
	uint64_t fewest = fewest_moves();
	uint64_t n_rounds;

	crowd_reset_counts(&c);
	n_rounds = crowd_settle(&c, LIMIT_ROUNDS);
	CU_ASSERT_TRUE(n_rounds <= (in_the_open ? LIMIT_ROUNDS : 3));
	CU_ASSERT_EQUAL(n_uneven(), 0);
	CU_ASSERT_EQUAL(c.n_moves, fewest);
	CU_ASSERT_TRUE(crowd_most_moves(&c) <= 1);
	return n_rounds;
}

/* Disturbances of up to so many nodes at a time. */
static void live(unsigned int n_disturbances, size_t n_most)
{
	unsigned int i;

	settle_and_check(false);
	for (i = 0; i < n_disturbances; i++) {
		size_t n = dice(1, n_most);
		bool in_the_open = false;

		for (; n; n--)
			in_the_open |= disturb_node();
		settle_and_check(in_the_open);
	}
}

/* --- cases -------------------------------------------------------------------------- */

static void small_clusters_end_even_by_the_fewest_moves(void)
{
	weight_max = 1;
	while (seeds_next(&seeds, tap_scaled(300))) {
		start(1 + seeds.seed % 12, seeds.seed * 37 % 300, 20, false);
		live(8, 4);
		crowd_fini(&c);
	}
}

static void weights_are_followed_to_within_one_task(void)
{
	weight_max = 7;
	while (seeds_next(&seeds, tap_scaled(300))) {
		start(1 + seeds.seed % 12, seeds.seed * 37 % 300, 20, false);
		live(8, 4);
		crowd_fini(&c);
	}
}

static void so_it_is_with_hundreds_of_nodes(void)
{
	while (seeds_next(&seeds, tap_scaled(4))) {
		weight_max = seeds.seed % 2 ? 1 : 5;
		start(50 + seeds.seed * 53 % 200, 2000 * seeds.seed % 9000, 40,
		      false);
		live(4, 30);
		crowd_fini(&c);
	}
}

/* Counts alone do not tell when they see it: no bound but that it ends even. */
static void nodes_that_see_it_late_end_even_too(void)
{
	size_t i;
	int step;

	while (seeds_next(&seeds, tap_scaled(100))) {
		weight_max = seeds.seed % 2 ? 1 : 4;
		start(1 + seeds.seed % 30, seeds.seed * 97 % 800, 40, true);
		for (step = 0; step < 5; step++) {
			uint64_t n_rounds;
			size_t n;

			for (n = step ? dice(1, 5) : 0; n; n--)
				disturb_node();
			for (i = 0; i < c.n_nodes; i++)
				c.nodes[i].lag = dice(0, CROWD_LAG_MAX);
			crowd_reset_counts(&c);
			n_rounds = crowd_settle(&c, LIMIT_ROUNDS);
			CU_ASSERT_TRUE(n_rounds <= LIMIT_ROUNDS);
			CU_ASSERT_EQUAL(n_uneven(), 0);
			CU_ASSERT_TRUE(crowd_most_moves(&c) <= 1);
		}
		crowd_fini(&c);
	}
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report(const char *what, double began, uint64_t n_rounds)
{
	tap_note("%s: %llu rounds, %llu moves (the fewest), %llu claims, %llu "
		 "of them beaten, %.1f s",
		 what, (unsigned long long)n_rounds,
		 (unsigned long long)c.n_moves, (unsigned long long)c.n_claims,
		 (unsigned long long)c.n_beaten, seconds() - began);
}

/* MF_TEST_SCALE=50 makes it a million tasks. */
static void a_thousand_nodes_end_even_by_the_fewest_moves(void)
{
	unsigned long n_tasks = tap_scaled(20000);
	double began = seconds();
	uint64_t n_rounds;
	size_t i;

	seeds.seed = 1;
	weight_max = 3;
	if (n_tasks > HUGE_TASKS_MAX)
		n_tasks = HUGE_TASKS_MAX;
	start(HUGE_NODES, n_tasks, 50, false);
	tap_note("%d nodes, %lu tasks, weights 1 to 3", HUGE_NODES, n_tasks);
	n_rounds = settle_and_check(false);
	report("owned by chance", began, n_rounds);

	began = seconds();
	crowd_join(&c, 1);
	n_rounds = settle_and_check(false);
	report("one joins", began, n_rounds);

	began = seconds();
	for (i = 0; i < 20; i++)
		crowd_join(&c, dice(1, 3));
	n_rounds = settle_and_check(false);
	report("twenty join at once", began, n_rounds);

	began = seconds();
	crowd_die(&c, 7);
	n_rounds = settle_and_check(true);
	report("one dies", began, n_rounds);

	began = seconds();
	for (i = 0; i < 10; i++) {
		crowd_set_state(&c, 100 + i, METAFORA_MEMBER_FROZEN);
		crowd_set_state(&c, 200 + i, METAFORA_MEMBER_DRAINING);
		crowd_set_weight(&c, 300 + i, 4);
		crowd_join(&c, 2);
	}
	n_rounds = settle_and_check(true);
	report("ten each freeze, drain, weigh more and join", began, n_rounds);
	crowd_fini(&c);
}

static const struct tap_case cases[] = {
	{"small clusters end even by the fewest moves",
	 small_clusters_end_even_by_the_fewest_moves},
	{"weights are followed to within one task",
	 weights_are_followed_to_within_one_task},
	{"so it is with hundreds of nodes", so_it_is_with_hundreds_of_nodes},
	{"nodes that see it late end even too",
	 nodes_that_see_it_late_end_even_too},
	{"a thousand nodes end even by the fewest moves",
	 a_thousand_nodes_end_even_by_the_fewest_moves},
};

TAP_MAIN(cases, setup, NULL)
