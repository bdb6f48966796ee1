/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fair balancer, on clusters in rounds.  Built twice: with NO_LINES nobody
 * can queue, and moves go through the open.
 */
#include <metafora.h>
#include <string.h>

#include "rounds.h"
#include "seeds.h"
#include "tap.h"

/* Longer than a claim's grace and its stagger, so all that can happen has. */
#define QUIET_MS 6000
#define LIMIT_MS 120000
/* What fair comes with. */
#define CLAIM_DELAY_MS 200

#ifdef NO_LINES
static const bool no_lines = true;
#else
static const bool no_lines = false;
#endif

static struct rounds r;
static struct seeds seeds;

static void setup(void)
{
	seeds_init(&seeds);
	rounds_init(&r, 1);
	r.no_lines = no_lines;
}

static void teardown(void)
{
	rounds_fini(&r);
}

static bool next_seed(unsigned int n)
{
	if (!seeds_next(&seeds, n))
		return false;
	rounds_fini(&r);
	rounds_init(&r, seeds.seed);
	r.no_lines = no_lines;
	return true;
}

static struct metafora_balancer *fair(void)
{
	struct metafora_balancer *balancer = NULL;

	CU_ASSERT_EQUAL_FATAL(metafora_balancer_fair_new(&balancer), 0);
	return balancer;
}

static void join(size_t n)
{
	for (; n; n--)
		rounds_join(&r, fair());
}

static bool settles(void)
{
	return rounds_settle(&r, QUIET_MS, LIMIT_MS);
}

/* Nodes and tasks, settled; counts begin anew. */
static void start(size_t n_nodes, size_t n_tasks)
{
	join(n_nodes);
	rounds_submit(&r, n_tasks);
	CU_ASSERT_TRUE_FATAL(settles());
	rounds_reset_counts(&r);
}

/* --- sharing -------------------------------------------------------------------- */

static void a_cluster_starts_even_without_a_move(void)
{
	join(3);
	rounds_submit(&r, 1000);
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
	CU_ASSERT_EQUAL(r.n_moves, 0);
	CU_ASSERT_EQUAL(r.n_claims - r.n_beaten, 1000);
}

static void most_tasks_are_claimed_at_once_and_by_one_node(void)
{
	join(10);
	rounds_run(&r, 1000);
	rounds_submit(&r, 1000);
	rounds_run(&r, 2 * ROUNDS_TICK_MS);
	CU_ASSERT_TRUE(rounds_n_unowned(&r) < 150);
	/* Two claim delays later each task has been offered to three. */
	rounds_run(&r, 500);
	CU_ASSERT_TRUE(rounds_n_unowned(&r) < 15);
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
	CU_ASSERT_TRUE(r.n_beaten < 50);
	CU_ASSERT_EQUAL(r.n_moves, 0);
}

static void tasks_that_come_one_by_one_are_shared_too(void)
{
	size_t i;

	join(4);
	for (i = 0; i < 200; i++) {
		rounds_submit(&r, 1);
		rounds_run(&r, ROUNDS_TICK_MS);
	}
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
	CU_ASSERT_EQUAL(rounds_most_moves(&r), 0);
}

static void heavier_nodes_get_more(void)
{
	join(3);
	rounds_set_weight(&r, 1, 2.0);
	rounds_set_weight(&r, 2, 0.5);
	rounds_submit(&r, 700);
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 0), 200);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 1), 400);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 2), 100);
	CU_ASSERT_EQUAL(r.n_moves, 0);

	rounds_set_weight(&r, 2, 4.0);
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 0), 100);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 1), 200);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 2), 400);
	CU_ASSERT_EQUAL(r.n_moves, 300);
}

/* --- joining and leaving ---------------------------------------------------------- */

static void a_joining_node_gets_its_share_in_the_fewest_moves(void)
{
	start(4, 1001);
	join(1);
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
	CU_ASSERT_EQUAL(r.n_moves, rounds_n_owned(&r, 4));
	CU_ASSERT_EQUAL(rounds_most_moves(&r), 1);
	/* Who gave away did not claim it back. */
	CU_ASSERT_EQUAL(no_lines ? r.n_claims : r.n_handed, r.n_moves);
}

static void two_that_join_at_once_end_even(void)
{
	start(3, 1000);
	join(2);
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
	CU_ASSERT_EQUAL(r.n_moves,
			rounds_n_owned(&r, 3) + rounds_n_owned(&r, 4));
	CU_ASSERT_EQUAL(rounds_most_moves(&r), 1);
}

static void many_join_one_that_has_all(void)
{
	start(1, 500);
	join(30);
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
	CU_ASSERT_EQUAL(r.n_moves, 500 - rounds_n_owned(&r, 0));
	CU_ASSERT_EQUAL(rounds_most_moves(&r), 1);
}

static void the_tasks_of_a_dead_node_are_shared_without_moves(void)
{
	start(5, 1000);
	rounds_die(&r, 2);
	rounds_run(&r, 3 * ROUNDS_TICK_MS);
	/* Nearly all at once. */
	CU_ASSERT_TRUE(rounds_n_unowned(&r) < 50);
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
	CU_ASSERT_EQUAL(r.n_moves, 0);
}

/*
 * By chance some are first in rank for more tasks than they have room for.
 * The next in rank sees that they are full, and need not wait for them.
 */
static void after_a_death_no_task_waits_for_a_claim_delay(void)
{
	const size_t n_tasks = 2500;
	const size_t n_nodes = 4;
	size_t victim, lag, i;

	while (next_seed(2)) {
		lag = 2 * (seeds.seed % 2); /* in ticks, of the latest */
		start(n_nodes, n_tasks);
		for (victim = 0; victim + 2 < n_nodes; victim++) {
			size_t n_lost = rounds_n_owned(&r, victim);

			for (i = 0; i < n_nodes; i++)
				r.nodes[i].lag = lag * i / (n_nodes - 1);
			rounds_reset_counts(&r);
			rounds_die(&r, victim);
			rounds_run(&r, CLAIM_DELAY_MS - ROUNDS_TICK_MS);
			CU_ASSERT_EQUAL(rounds_n_unowned(&r), 0);
			/* Nor do several claim the same for that. */
			CU_ASSERT_TRUE(r.n_claims <= n_lost + n_lost / 50);
			CU_ASSERT_TRUE(settles());
		}
	}
}

static void the_last_node_takes_all(void)
{
	start(4, 400);
	rounds_die(&r, 0);
	rounds_die(&r, 1);
	rounds_die(&r, 2);
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 3), 400);
	CU_ASSERT_EQUAL(r.n_moves, 0);
}

static void one_task_never_moves_whoever_joins_or_leaves(void)
{
	size_t i;
	int owner;

	start(1, 1);
	for (i = 1; i < 20; i++) {
		join(1);
		rounds_run(&r, i % 3 ? 100 : 5000);
	}
	owner = r.truth.owner[0];
	CU_ASSERT_EQUAL(owner, 0);
	for (i = 1; i < 20; i += 2) {
		rounds_die(&r, i);
		rounds_run(&r, i % 3 ? 100 : 5000);
	}
	CU_ASSERT_EQUAL(r.truth.owner[0], owner);
	CU_ASSERT_EQUAL(r.n_claims, 0);
	CU_ASSERT_EQUAL(r.n_moves, 0);
	/* It is still taken over when it must be. */
	rounds_die(&r, 0);
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_EQUAL(r.n_moves, 0);
}

static void fewer_tasks_than_nodes_stay_where_they_are(void)
{
	start(12, 7);
	join(5);
	rounds_run(&r, 60000);
	CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
	CU_ASSERT_EQUAL(r.n_claims, 0);
	CU_ASSERT_EQUAL(r.n_moves, 0);
}

static void deleted_tasks_are_evened_out(void)
{
	size_t i;

	start(3, 300);
	for (i = 0; i < 300; i++) {
		if (r.truth.owner[i] == 0)
			rounds_delete(&r, i);
	}
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
	CU_ASSERT_EQUAL(rounds_most_moves(&r), 1);
}

/* --- states ------------------------------------------------------------------------- */

static void a_draining_node_ends_empty_and_the_others_even(void)
{
	start(4, 400);
	rounds_set_state(&r, 1, METAFORA_MEMBER_DRAINING);
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 1), 0);
	CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
	CU_ASSERT_EQUAL(r.n_moves, 0);
	/* Back again. */
	rounds_set_state(&r, 1, METAFORA_MEMBER_ACTIVE);
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
	CU_ASSERT_EQUAL(r.n_moves, 100);
}

static void a_frozen_node_keeps_what_it_has_and_gets_no_more(void)
{
	start(4, 400);
	rounds_set_state(&r, 3, METAFORA_MEMBER_FROZEN);
	rounds_submit(&r, 90);
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 3), 100);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 0), 130);
	CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
	CU_ASSERT_EQUAL(r.n_moves, 0);
	join(1);
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 3), 100);
	CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
	rounds_set_state(&r, 3, METAFORA_MEMBER_ACTIVE);
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
	CU_ASSERT_TRUE(rounds_most_moves(&r) <= 1);
}

static void a_frozen_node_balances_by_command(void)
{
	start(2, 400);
	rounds_set_state(&r, 0, METAFORA_MEMBER_FROZEN);
	join(2);
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 0), 200);
	rounds_balance(&r, 0);
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 0), 100);
	CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
	/* A second time there is nothing to do. */
	rounds_reset_counts(&r);
	rounds_balance(&r, 0);
	CU_ASSERT_EQUAL(r.n_moves, 0);
}

/* --- limits and refusals --------------------------------------------------------------- */

static void a_full_node_leaves_the_rest_to_others(void)
{
	join(3);
	rounds_set_capacity(&r, 0, 10);
	rounds_submit(&r, 310);
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 0), 10);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 1), 150);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 2), 150);
	CU_ASSERT_EQUAL(r.n_moves, 0);
}

static void with_all_full_the_cluster_is_quiet(void)
{
	unsigned long n_asked;
	size_t i;

	join(2);
	rounds_set_capacity(&r, 0, 10);
	rounds_set_capacity(&r, 1, 20);
	rounds_submit(&r, 100);
	rounds_run(&r, 20000);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 0), 10);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 1), 20);
	n_asked = r.nodes[0].n_asked + r.nodes[1].n_asked;
	rounds_run(&r, 600000);
	CU_ASSERT_EQUAL(r.nodes[0].n_asked + r.nodes[1].n_asked, n_asked);
	CU_ASSERT_EQUAL(r.n_moves, 0);
	/* There is room again: by a node, or by tasks that end. */
	join(1);
	rounds_run(&r, 5000);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 2), 70);
	rounds_submit(&r, 5);
	rounds_set_capacity(&r, 2, 70);
	rounds_run(&r, 20000);
	for (i = 0; i < 100; i++) {
		if (r.truth.owner[i] == 0)
			rounds_delete(&r, i);
	}
	rounds_run(&r, 5000);
	CU_ASSERT_EQUAL(rounds_n_unowned(&r), 0);
}

static void no_task_is_given_up_while_others_wait_unowned(void)
{
	join(2);
	rounds_set_capacity(&r, 0, 10);
	rounds_set_capacity(&r, 1, 10);
	rounds_submit(&r, 40);
	rounds_run(&r, 10000);
	/* Node 1 has room now: for what nobody has, not for what 0 has. */
	rounds_set_capacity(&r, 0, 5);
	rounds_set_capacity(&r, 1, 15);
	rounds_run(&r, 10000);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 0), 10);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 1), 15);
	CU_ASSERT_EQUAL(r.n_moves, 0);
}

static void a_refusing_node_starves_no_task(void)
{
	join(3);
	r.nodes[1].refuses = true;
	rounds_submit(&r, 300);
	/* All had their chance, then the grace and twice its stagger. */
	rounds_run(&r, 2 * 2000 + 1000);
	CU_ASSERT_EQUAL(rounds_n_unowned(&r), 0);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 1), 0);
}

static void what_nobody_else_wants_does_not_bounce(void)
{
	join(3);
	r.nodes[1].refuses = true;
	rounds_submit(&r, 300);
	rounds_run(&r, 3600 * 1000);
	CU_ASSERT_EQUAL(rounds_n_unowned(&r), 0);
	/*
	 * Each of two nodes probes with one task: in 20 s, 40 s, ..., 640 s.
	 * With lines there is no need to: nobody queues.
	 */
	CU_ASSERT_TRUE(r.n_moves >= 10 || !no_lines);
	CU_ASSERT_TRUE(r.n_moves == 0 || no_lines);
	CU_ASSERT_TRUE(r.n_moves <= 22);
	CU_ASSERT_TRUE(rounds_most_moves(&r) <= 2);
}

static void a_node_that_refuses_no_more_gets_its_share(void)
{
	join(3);
	r.nodes[1].refuses = true;
	rounds_submit(&r, 300);
	rounds_run(&r, 10000);
	r.nodes[1].refuses = false;
	/* The others hold on to what they took for 20 s. */
	rounds_run(&r, 30000);
	CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
	CU_ASSERT_EQUAL(rounds_most_moves(&r), 1);
}

static void a_change_of_members_ends_the_holding_back(void)
{
	join(3);
	r.nodes[1].refuses = true;
	rounds_submit(&r, 300);
	rounds_run(&r, 600 * 1000);
	r.nodes[1].refuses = false;
	join(1);
	rounds_run(&r, 2000);
	CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
}

/* --- late views ------------------------------------------------------------------------- */

static void lag(unsigned int most)
{
	size_t i;

	for (i = 0; i < r.n_nodes; i++)
		r.nodes[i].lag = mf_prng_between(&r.prng, 0, most);
}

static void late_views_cost_time_but_no_moves(void)
{
	while (next_seed(20)) {
		join(5);
		lag(40); /* 0.8 s */
		rounds_submit(&r, 200);
		CU_ASSERT_TRUE(settles());
		CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
		CU_ASSERT_EQUAL(r.n_moves, 0);
		join(2);
		lag(40);
		CU_ASSERT_TRUE(settles());
		CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
		CU_ASSERT_EQUAL(rounds_most_moves(&r), 1);
		rounds_reset_counts(&r);
		rounds_die(&r, 0);
		CU_ASSERT_TRUE(settles());
		CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
		CU_ASSERT_EQUAL(r.n_moves, 0);
	}
}

static void a_grace_beyond_all_lags_keeps_very_late_views_even(void)
{
	size_t i;

	while (next_seed(5)) {
		join(4);
		rounds_submit(&r, 100);
		CU_ASSERT_TRUE(settles());
		join(2);
		for (i = 0; i < r.n_nodes; i++)
			metafora_balancer_fair_set_unclaimed_grace_ms(
				r.nodes[i].balancer, 20000);
		lag(ROUNDS_LAG_MAX); /* 8 s */
		CU_ASSERT_TRUE(rounds_settle(&r, 60000, 600000));
		CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
		CU_ASSERT_TRUE(rounds_most_moves(&r) <= 1);
	}
}

static void views_later_than_the_grace_cause_no_thrash(void)
{
	while (next_seed(5)) {
		join(4);
		lag(ROUNDS_LAG_MAX); /* 8 s: four times the grace */
		rounds_submit(&r, 100);
		rounds_run(&r, 60000);
		join(2);
		lag(ROUNDS_LAG_MAX);
		rounds_run(&r, 3600 * 1000);
		/* Not even, as some are too slow; but left in peace. */
		CU_ASSERT_EQUAL(rounds_n_unowned(&r), 0);
		CU_ASSERT_TRUE(rounds_most_moves(&r) <= 12);
		CU_ASSERT_TRUE(r.n_moves <= 150);
		lag(0);
		CU_ASSERT_TRUE(rounds_settle(&r, 700 * 1000, 3600 * 1000));
		CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
	}
}

/* --- any cluster ----------------------------------------------------------------------------- */

static size_t random_node(void)
{
	size_t i;

	do
		i = mf_prng_between(&r.prng, 0, r.n_nodes - 1);
	while (!r.nodes[i].alive);
	return i;
}

static size_t n_active(void)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < r.n_nodes; i++)
		n += r.nodes[i].alive &&
		     r.nodes[i].state == METAFORA_MEMBER_ACTIVE;
	return n;
}

static void disturb(void)
{
	size_t node = random_node();
	size_t i;

	switch (mf_prng_between(&r.prng, 0, 5)) {
	case 0:
		if (n_active() > 1)
			rounds_die(&r, node);
		break;
	case 1:
		if (n_active() > 1)
			rounds_set_state(&r, node,
					 mf_prng_between(&r.prng, 0, 1)
						 ? METAFORA_MEMBER_FROZEN
						 : METAFORA_MEMBER_DRAINING);
		break;
	case 2:
		rounds_set_state(&r, node, METAFORA_MEMBER_ACTIVE);
		break;
	case 3:
		for (i = 0; i < r.n_tasks; i++) {
			if (mf_prng_between(&r.prng, 0, 9) == 0)
				rounds_delete(&r, i);
		}
		break;
	case 4:
		rounds_submit(&r, mf_prng_between(&r.prng, 1, 60));
		break;
	default:
		if (r.n_nodes < ROUNDS_NODES_MAX - 2)
			join(mf_prng_between(&r.prng, 1, 2));
	}
}

static void after_any_disturbance_nodes_are_even_and_no_task_moved_twice(void)
{
	int step;

	while (next_seed(25)) {
		start(mf_prng_between(&r.prng, 1, 8),
		      mf_prng_between(&r.prng, 0, 200));
		for (step = 0; step < 12; step++) {
			rounds_reset_counts(&r);
			disturb();
			lag(seeds.seed % 2 ? 0 : 20);
			CU_ASSERT_TRUE(settles());
			CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
			CU_ASSERT_TRUE(rounds_most_moves(&r) <= 1);
		}
	}
}

static void many_disturbances_at_a_time_end_even(void)
{
	int step;

	while (next_seed(25)) {
		start(mf_prng_between(&r.prng, 1, 8),
		      mf_prng_between(&r.prng, 0, 200));
		for (step = 0; step < 40; step++) {
			disturb();
			lag(30);
			rounds_run(&r, mf_prng_between(&r.prng, 20, 1500));
		}
		CU_ASSERT_TRUE(rounds_settle(&r, 30000, 600000));
		CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
	}
}

static void a_settled_cluster_is_quiet(void)
{
	unsigned long n_asked = 0, n_balanced = 0;
	size_t i;

	start(5, 1003);
	for (i = 0; i < 5; i++) {
		n_asked -= r.nodes[i].n_asked;
		n_balanced -= r.nodes[i].n_balanced;
	}
	rounds_run(&r, 3600 * 1000);
	for (i = 0; i < 5; i++) {
		n_asked += r.nodes[i].n_asked;
		n_balanced += r.nodes[i].n_balanced;
	}
	CU_ASSERT_EQUAL(n_asked, 0);
	CU_ASSERT_EQUAL(n_balanced, 0);
	CU_ASSERT_EQUAL(r.n_claims, 0);
}

static const struct tap_case cases[] = {
	{"a cluster starts even without a move",
	 a_cluster_starts_even_without_a_move},
	{"most tasks are claimed at once and by one node",
	 most_tasks_are_claimed_at_once_and_by_one_node},
	{"tasks that come one by one are shared too",
	 tasks_that_come_one_by_one_are_shared_too},
	{"heavier nodes get more", heavier_nodes_get_more},
	{"a joining node gets its share in the fewest moves",
	 a_joining_node_gets_its_share_in_the_fewest_moves},
	{"two that join at once end even", two_that_join_at_once_end_even},
	{"many join one that has all", many_join_one_that_has_all},
	{"the tasks of a dead node are shared without moves",
	 the_tasks_of_a_dead_node_are_shared_without_moves},
	{"after a death no task waits for a claim delay",
	 after_a_death_no_task_waits_for_a_claim_delay},
	{"the last node takes all", the_last_node_takes_all},
	{"one task never moves, whoever joins or leaves",
	 one_task_never_moves_whoever_joins_or_leaves},
	{"fewer tasks than nodes stay where they are",
	 fewer_tasks_than_nodes_stay_where_they_are},
	{"deleted tasks are evened out", deleted_tasks_are_evened_out},
	{"a draining node ends empty and the others even",
	 a_draining_node_ends_empty_and_the_others_even},
	{"a frozen node keeps what it has and gets no more",
	 a_frozen_node_keeps_what_it_has_and_gets_no_more},
	{"a frozen node balances by command", a_frozen_node_balances_by_command},
	{"a full node leaves the rest to others",
	 a_full_node_leaves_the_rest_to_others},
	{"with all full the cluster is quiet",
	 with_all_full_the_cluster_is_quiet},
	{"no task is given up while others wait unowned",
	 no_task_is_given_up_while_others_wait_unowned},
	{"a refusing node starves no task", a_refusing_node_starves_no_task},
	{"what nobody else wants does not bounce",
	 what_nobody_else_wants_does_not_bounce},
	{"a node that refuses no more gets its share",
	 a_node_that_refuses_no_more_gets_its_share},
	{"a change of members ends the holding back",
	 a_change_of_members_ends_the_holding_back},
	{"late views cost time but no moves",
	 late_views_cost_time_but_no_moves},
	{"a grace beyond all lags keeps very late views even",
	 a_grace_beyond_all_lags_keeps_very_late_views_even},
	{"views later than the grace cause no thrash",
	 views_later_than_the_grace_cause_no_thrash},
	{"after any disturbance nodes are even and no task moved twice",
	 after_any_disturbance_nodes_are_even_and_no_task_moved_twice},
	{"many disturbances at a time end even",
	 many_disturbances_at_a_time_end_even},
	{"a settled cluster is quiet", a_settled_cluster_is_quiet},
};

TAP_MAIN(cases, setup, teardown)
