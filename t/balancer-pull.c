/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fair balancer with lines: the fewest moves, how soon they are done, and
 * what becomes of waiters that do not take their turn.
 */
#include <metafora.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin.h"
#include "rounds.h"
#include "seeds.h"
#include "tap.h"

#define QUIET_MS 6000
#define LIMIT_MS 120000
#define NS_PER_MS UINT64_C(1000000)
/* What a round takes: to see, to queue, to be seen, and to stop. */
#define ROUND_MS (ROUNDS_STOP_MS + 3 * ROUNDS_TICK_MS)

static struct rounds r;
static struct seeds seeds;

static void setup(void)
{
	seeds_init(&seeds);
	rounds_init(&r, 1);
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
	return true;
}

static void join(size_t n)
{
	for (; n; n--) {
		struct metafora_balancer *balancer = NULL;

		CU_ASSERT_EQUAL_FATAL(metafora_balancer_fair_new(&balancer),
				      0);
		rounds_join(&r, balancer);
	}
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

static uint64_t dice(uint64_t low, uint64_t high)
{
	return mf_prng_between(&r.prng, low, high);
}

/* --- the fewest moves ------------------------------------------------------------ */

static bool shares(size_t i)
{
	return r.nodes[i].alive &&
	       r.nodes[i].state == METAFORA_MEMBER_ACTIVE;
}

/*
 * The fewest tasks that active nodes of equal weight must give away: all that
 * is above the share, but for one each while there are shares rounded up.
 */
static unsigned long fewest_moves(void)
{
	size_t n_shared = 0, n_nodes = 0, n_up, n_above = 0, least;
	unsigned long n = 0;
	size_t i;

	for (i = 0; i < r.n_tasks; i++)
		n_shared += r.truth.exists[i];
	for (i = 0; i < r.n_nodes; i++) {
		n_nodes += shares(i);
		if (r.nodes[i].alive &&
		    r.nodes[i].state == METAFORA_MEMBER_FROZEN)
			n_shared -= rounds_n_owned(&r, i);
	}
	least = n_shared / n_nodes;
	n_up = n_shared % n_nodes;
	for (i = 0; i < r.n_nodes; i++) {
		size_t n_owned = rounds_n_owned(&r, i);

		if (!shares(i) || n_owned <= least)
			continue;
		n_above++;
		n += n_owned - least;
	}
	return n - (n_above < n_up ? n_above : n_up);
}

static size_t n_sharing(void)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < r.n_nodes; i++)
		n += shares(i);
	return n;
}

static size_t any_node(void)
{
	size_t i;

	do
		i = dice(0, r.n_nodes - 1);
	while (!r.nodes[i].alive);
	return i;
}

/* Some at a time: nodes join, die, drain, freeze, come back; tasks end. */
static void disturb(void)
{
	size_t n = dice(1, 3);
	size_t i;

	for (; n; n--) {
		size_t node = any_node();

		switch (dice(0, 5)) {
		case 0:
			if (n_sharing() > 1 || !shares(node))
				rounds_die(&r, node);
			break;
		case 1:
			if (n_sharing() > 1)
				rounds_set_state(
					&r, node,
					dice(0, 1) ? METAFORA_MEMBER_FROZEN
						   : METAFORA_MEMBER_DRAINING);
			break;
		case 2:
			rounds_set_state(&r, node, METAFORA_MEMBER_ACTIVE);
			break;
		case 3:
			for (i = 0; i < r.n_tasks; i++) {
				if (dice(0, 9) == 0)
					rounds_delete(&r, i);
			}
			break;
		default:
			if (r.n_nodes < ROUNDS_NODES_MAX - 4)
				join(dice(1, 4));
		}
		if (n_sharing() == 0)
			join(1);
	}
}

static void any_disturbance_ends_even_by_the_fewest_moves(void)
{
	unsigned long fewest;
	int i;

	while (next_seed(60)) {
		start(dice(1, 10), dice(0, 400));
		for (i = 0; i < 10; i++) {
			disturb();
			rounds_reset_counts(&r);
			fewest = fewest_moves();
			CU_ASSERT_TRUE(settles());
			CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
			CU_ASSERT_EQUAL(r.n_moves, fewest);
			CU_ASSERT_TRUE(rounds_most_moves(&r) <= 1);
			CU_ASSERT_EQUAL(rounds_n_waiting(&r), 0);
		}
	}
}

static void late_views_make_no_task_move_twice(void)
{
	size_t i;
	int step;

	while (next_seed(40)) {
		start(dice(1, 10), dice(0, 400));
		for (step = 0; step < 6; step++) {
			disturb();
			for (i = 0; i < r.n_nodes; i++)
				r.nodes[i].lag = dice(0, 40); /* 0.8 s */
			rounds_reset_counts(&r);
			CU_ASSERT_TRUE(settles());
			CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
			CU_ASSERT_TRUE(rounds_most_moves(&r) <= 1);
			CU_ASSERT_EQUAL(rounds_n_waiting(&r), 0);
		}
	}
}

static void joins_are_settled_within_three_rounds(void)
{
	uint64_t began_ns;

	while (next_seed(40)) {
		start(dice(1, 12), dice(0, 600));
		join(dice(1, 12));
		began_ns = r.now_ns;
		CU_ASSERT_TRUE(settles());
		CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
		CU_ASSERT_TRUE(r.changed_ns - began_ns <=
			       3 * ROUND_MS * NS_PER_MS);
	}
}

static void weights_are_followed_by_the_fewest_moves(void)
{
	size_t before[ROUNDS_NODES_MAX];
	unsigned long n_given;
	size_t i;

	while (next_seed(40)) {
		start(dice(2, 8), dice(0, 400));
		for (i = 0; i < r.n_nodes; i++) {
			before[i] = rounds_n_owned(&r, i);
			rounds_set_weight(&r, i, dice(1, 40) / 10.0);
		}
		CU_ASSERT_TRUE(settles());
		/* Who has less than before gave that away, and nobody more. */
		n_given = 0;
		for (i = 0; i < r.n_nodes; i++) {
			if (rounds_n_owned(&r, i) < before[i])
				n_given += before[i] - rounds_n_owned(&r, i);
		}
		CU_ASSERT_EQUAL(r.n_moves, n_given);
		CU_ASSERT_TRUE(rounds_most_moves(&r) <= 1);
	}
}

/* --- known faults of others -------------------------------------------------------- */

static void a_restarted_node_does_not_win_every_claim(void)
{
	start(3, 90);
	rounds_die(&r, 1);
	CU_ASSERT_TRUE(settles());
	/* Empty, it comes back as new tasks come. */
	join(1);
	rounds_submit(&r, 60);
	CU_ASSERT_TRUE(settles());
	CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 3), 50);
	CU_ASSERT_EQUAL(r.n_moves, 0);
}

static void two_over_quota_that_see_different_ties_move_no_more(void)
{
	while (next_seed(40)) {
		/* Both above the share, one task for one of them to keep. */
		start(2, 11);
		join(1);
		r.nodes[0].lag = dice(0, 30);
		r.nodes[1].lag = dice(0, 30);
		CU_ASSERT_TRUE(settles());
		CU_ASSERT_TRUE(rounds_spread(&r) <= 1);
		CU_ASSERT_EQUAL(r.n_moves, 3);
	}
}

static void a_frozen_nodes_tasks_are_nobodys_share(void)
{
	start(3, 90);
	rounds_set_state(&r, 0, METAFORA_MEMBER_FROZEN);
	join(2);
	CU_ASSERT_TRUE(settles());
	/* 60 tasks for four; what is frozen is not waited for either. */
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 0), 30);
	CU_ASSERT_EQUAL(rounds_spread(&r), 0);
	CU_ASSERT_EQUAL(r.n_moves, 30);
	CU_ASSERT_EQUAL(rounds_n_waiting(&r), 0);
}

/* The broker says that we own more than we know of: not ours to give. */
static void a_count_above_our_own_leads_to_nothing(void)
{
	const struct metafora_member_record records[] = {
		{.node = "me", .session = 1, .weight = 1},
		{.node = "other", .session = 2, .weight = 1},
	};
	const struct metafora_task_fact facts[] = {{"a", 0}, {"b", 0}};
	const struct metafora_claim_fact claims[] = {{"a", "me", 1},
						     {"b", "me", 2}};
	struct metafora_balancer *fair = NULL;
	struct metafora_plan plan = {0};
	struct metafora_cluster view;
	struct metafora_balance balance = {.cluster = &view,
					   .node = "me",
					   .now_ns = 1000 * NS_PER_MS};

	CU_ASSERT_EQUAL_FATAL(metafora_balancer_fair_new(&fair), 0);
	CU_ASSERT_EQUAL_FATAL(mf_view_init(&view, "me", true), 0);
	CU_ASSERT_EQUAL_FATAL(mf_view_begin(&view, 1), 0);
	mf_view_members(&view, records, 2);
	mf_view_tasks(&view, 1, 0, facts, 2);
	mf_view_claims(&view, 1, 0, claims, 2);
	CU_ASSERT_EQUAL(fair->ops->balance(fair->state, &balance, &plan), 0);
	CU_ASSERT_EQUAL(plan.releases.n, 0);
	CU_ASSERT_EQUAL(plan.queues.n, 0);
	metafora_balancer_free(fair);
	mf_plan_fini(&plan);
	mf_view_fini(&view);
}

/* --- waiters --------------------------------------------------------------------- */

static void nothing_above_the_share_is_released_to_nobody(void)
{
	start(1, 40);
	join(1);
	r.nodes[1].refuses = true; /* queues for nothing */
	rounds_run(&r, 60000);
	CU_ASSERT_EQUAL(r.n_moves, 0);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 0), 40);
	r.nodes[1].refuses = false;
	rounds_run(&r, 5000);
	CU_ASSERT_EQUAL(r.n_moves, 20);
	CU_ASSERT_EQUAL(r.n_handed, 20);
	CU_ASSERT_EQUAL(r.n_claims, 0);
}

/* A second node waits; its freezing is seen before its waiting. */
static void stall(void)
{
	start(1, 40);
	r.nodes[0].lag = 100; /* 2 s */
	join(1);
	r.nodes[1].stalls = true;
	rounds_run(&r, 500);
	CU_ASSERT_EQUAL(rounds_n_waiting(&r), 20);
	rounds_set_state(&r, 1, METAFORA_MEMBER_FROZEN);
	r.nodes[0].lag = 0;
	rounds_run(&r, 1000);
	CU_ASSERT_EQUAL(r.n_moves, 0);
	CU_ASSERT_EQUAL(rounds_n_waiting(&r), 20);
}

static void a_waiter_that_stalls_is_evicted_after_a_timeout(void)
{
	stall();
	rounds_run(&r, 8000);
	CU_ASSERT_EQUAL(r.n_evicted, 0);
	rounds_run(&r, 2000);
	CU_ASSERT_EQUAL(r.n_evicted, 20);
	CU_ASSERT_EQUAL(rounds_n_waiting(&r), 0);
	CU_ASSERT_EQUAL(r.n_moves, 0);
	rounds_run(&r, 60000);
	CU_ASSERT_EQUAL(r.n_evicted, 20);
}

static void a_waiter_that_recovers_in_time_is_not_evicted(void)
{
	stall();
	rounds_run(&r, 5000);
	r.nodes[1].stalls = false;
	rounds_set_state(&r, 1, METAFORA_MEMBER_ACTIVE);
	rounds_run(&r, 20000);
	CU_ASSERT_EQUAL(r.n_evicted, 0);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 1), 20);
	CU_ASSERT_EQUAL(r.n_moves, 20);
}

static void a_stalled_waiter_does_not_keep_others_from_their_share(void)
{
	stall();
	join(1);
	rounds_run(&r, 1000);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 2), 20);
	CU_ASSERT_EQUAL(r.n_evicted, 0);
}

static void one_that_stops_slowly_keeps_only_its_own_waiters(void)
{
	start(2, 60);
	r.nodes[0].stop_ms = 60000;
	join(1);
	rounds_run(&r, 3000);
	/* The other owner has handed over its part long since. */
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 2), 10);
	CU_ASSERT_EQUAL(rounds_n_waiting(&r), 10);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 0), 30);
	rounds_run(&r, 60000);
	CU_ASSERT_EQUAL(rounds_spread(&r), 0);
	CU_ASSERT_EQUAL(r.n_moves, 20);
}

/*
 * Of nine tasks three nodes have four, one and four; w waits for one of ours
 * or two, and for two of z's or one.  Returns what we release.
 */
static size_t honour_one_that_waits_for_three(bool two_of_ours)
{
	static const char *const ids[] = {"m1", "m2", "m3", "m4", "w1",
					  "z1", "z2", "z3", "z4"};
	const struct metafora_member_record records[] = {
		{.node = "m", .session = 1, .weight = 1},
		{.node = "w", .session = 2, .weight = 1},
		{.node = "z", .session = 3, .weight = 1},
	};
	struct metafora_claim_fact claims[12] = {{NULL, NULL, 0}};
	struct metafora_task_fact facts[9] = {{NULL, 0}};
	struct mf_entry entries[4] = {{0}};
	struct metafora_balancer *fair = NULL;
	struct metafora_plan plan = {0};
	struct metafora_cluster view;
	struct metafora_balance balance = {.cluster = &view,
					   .node = "m",
					   .now_ns = 1000 * NS_PER_MS};
	const char *waited = two_of_ours ? "m1 m2 z1" : "m1 z1 z2";
	size_t n = 0;
	size_t i;

	for (i = 0; i < 9; i++) {
		facts[i].task = claims[n].task = ids[i];
		claims[n].node = ids[i][0] == 'm' ? "m" :
				 ids[i][0] == 'w' ? "w" : "z";
		claims[n++].token = i + 1;
		if (!strstr(waited, ids[i]))
			continue;
		claims[n].task = ids[i];
		claims[n].node = "w";
		claims[n++].token = 20 + i;
	}
	CU_ASSERT_EQUAL_FATAL(metafora_balancer_fair_new(&fair), 0);
	CU_ASSERT_EQUAL_FATAL(mf_view_init(&view, "m", true), 0);
	CU_ASSERT_EQUAL_FATAL(mf_view_begin(&view, 1), 0);
	mf_view_members(&view, records, 3);
	mf_view_tasks(&view, 1, 0, facts, 9);
	mf_view_claims(&view, 1, 0, claims, n);
	for (i = 0; i < 4; i++) {
		entries[i].task = mf_view_find(&view, ids[i]);
		entries[i].task->entry = &entries[i];
		entries[i].state = MF_RUNNING;
		TAILQ_INSERT_TAIL(&view.own, &entries[i], in_own);
	}
	view.n_held = 4;
	fair->ops->balance(fair->state, &balance, &plan);
	n = plan.releases.n;
	for (i = 0; i < 4; i++)
		entries[i].task->entry = NULL;
	metafora_balancer_free(fair);
	mf_plan_fini(&plan);
	mf_view_fini(&view);
	return n;
}

/* It has use for two of three, and leaves the first: one of ours. */
static void what_a_waiter_will_leave_is_not_handed_over(void)
{
	CU_ASSERT_EQUAL(honour_one_that_waits_for_three(false), 0);
	CU_ASSERT_EQUAL(honour_one_that_waits_for_three(true), 1);
}

static void a_timeout_out_of_range_is_refused(void)
{
	struct metafora_balancer *fair = NULL, *dumb = NULL;

	CU_ASSERT_EQUAL_FATAL(metafora_balancer_fair_new(&fair), 0);
	CU_ASSERT_EQUAL_FATAL(metafora_balancer_dumb_new(&dumb), 0);
#define SET metafora_balancer_fair_set_waiter_timeout_ms
	CU_ASSERT_EQUAL(SET(fair, 99), METAFORA_ERANGE);
	CU_ASSERT_EQUAL(SET(fair, 3600001), METAFORA_ERANGE);
	CU_ASSERT_EQUAL(SET(fair, -1), METAFORA_ERANGE);
	CU_ASSERT_EQUAL(SET(fair, 100), 0);
	CU_ASSERT_EQUAL(SET(fair, 3600000), 0);
	CU_ASSERT_EQUAL(SET(dumb, 1000), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(SET(NULL, 1000), METAFORA_EINVAL);
#undef SET
	metafora_balancer_free(fair);
	metafora_balancer_free(dumb);
}

/* --- pace ------------------------------------------------------------------------ */

static void a_rate_is_kept_and_the_share_reached(void)
{
	start(1, 100);
	CU_ASSERT_EQUAL(metafora_balancer_fair_set_max_moves_per_second(
				r.nodes[0].balancer, 10),
			0);
	join(1);
	rounds_run(&r, 2000);
	CU_ASSERT_TRUE(r.n_moves >= 15 && r.n_moves <= 21);
	rounds_run(&r, 5000);
	CU_ASSERT_EQUAL(r.n_moves, 50);
	CU_ASSERT_EQUAL(rounds_spread(&r), 0);
}

static void only_so_many_are_on_their_way_at_a_time(void)
{
	int i;

	start(1, 100);
	r.nodes[0].stop_ms = 500;
	CU_ASSERT_EQUAL(metafora_balancer_fair_set_max_moving_percent(
				r.nodes[0].balancer, 5),
			0);
	join(1);
	for (i = 0; i < 100; i++) {
		rounds_run(&r, 100);
		CU_ASSERT_TRUE(r.nodes[0].view.n_leaving <= 5);
	}
	CU_ASSERT_EQUAL(r.n_moves, 50);
	CU_ASSERT_EQUAL(rounds_spread(&r), 0);
}

static void the_least_share_on_its_way_is_one(void)
{
	start(1, 10);
	CU_ASSERT_EQUAL(metafora_balancer_fair_set_max_moving_percent(
				r.nodes[0].balancer, 1),
			0);
	join(1);
	rounds_run(&r, 5000);
	CU_ASSERT_EQUAL(rounds_spread(&r), 0);
}

static void after_moves_it_cools_down(void)
{
	start(1, 60);
	CU_ASSERT_EQUAL(metafora_balancer_fair_set_cool_down_ms(
				r.nodes[0].balancer, 10000),
			0);
	join(1);
	rounds_run(&r, 1000);
	CU_ASSERT_EQUAL(r.n_moves, 30);
	join(1);
	rounds_run(&r, 8000);
	/* The other one has given its part. */
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 0), 30);
	CU_ASSERT_EQUAL(rounds_n_owned(&r, 1), 20);
	rounds_run(&r, 3000);
	CU_ASSERT_EQUAL(rounds_spread(&r), 0);
	CU_ASSERT_EQUAL(r.n_moves, 50);
}

static void a_pace_out_of_range_is_refused(void)
{
	struct metafora_balancer *fair = NULL;

	CU_ASSERT_EQUAL_FATAL(metafora_balancer_fair_new(&fair), 0);
#define RATE metafora_balancer_fair_set_max_moves_per_second
	CU_ASSERT_EQUAL(RATE(fair, -1), METAFORA_ERANGE);
	CU_ASSERT_EQUAL(RATE(fair, 1000001), METAFORA_ERANGE);
	CU_ASSERT_EQUAL(RATE(fair, 1000000), 0);
	CU_ASSERT_EQUAL(RATE(fair, 0), 0);
	CU_ASSERT_EQUAL(RATE(NULL, 1), METAFORA_EINVAL);
#undef RATE
#define PERCENT metafora_balancer_fair_set_max_moving_percent
	CU_ASSERT_EQUAL(PERCENT(fair, 0), METAFORA_ERANGE);
	CU_ASSERT_EQUAL(PERCENT(fair, -1), METAFORA_ERANGE);
	CU_ASSERT_EQUAL(PERCENT(fair, 101), METAFORA_ERANGE);
	CU_ASSERT_EQUAL(PERCENT(fair, 100), 0);
	CU_ASSERT_EQUAL(PERCENT(NULL, 1), METAFORA_EINVAL);
#undef PERCENT
#define COOL metafora_balancer_fair_set_cool_down_ms
	CU_ASSERT_EQUAL(COOL(fair, -1), METAFORA_ERANGE);
	CU_ASSERT_EQUAL(COOL(fair, 3600001), METAFORA_ERANGE);
	CU_ASSERT_EQUAL(COOL(fair, 0), 0);
	CU_ASSERT_EQUAL(COOL(NULL, 1), METAFORA_EINVAL);
#undef COOL
	metafora_balancer_free(fair);
}

/* --- many ------------------------------------------------------------------------ */

#define MANY_NODES 1000
#define MANY_JOINING 10
#define MANY_TASKS 100000

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* All but the last few have all tasks between them. */
struct many {
	struct metafora_member_record members[MANY_NODES];
	struct metafora_task_fact tasks[MANY_TASKS];
	struct metafora_claim_fact claims[MANY_TASKS];
	char names[MANY_NODES][16];
	char ids[MANY_TASKS][16];
	bool picked[MANY_TASKS];
};

static struct many *many_new(void)
{
	struct many *many = calloc(1, sizeof(*many));
	size_t i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(many);
	for (i = 0; i < MANY_NODES; i++) {
		snprintf(many->names[i], sizeof(many->names[i]), "n%04zu", i);
		many->members[i].node = many->names[i];
		many->members[i].session = i + 1;
		many->members[i].weight = 1;
	}
	for (i = 0; i < MANY_TASKS; i++) {
		snprintf(many->ids[i], sizeof(many->ids[i]), "t%06zu", i);
		many->tasks[i].task = many->claims[i].task = many->ids[i];
		many->claims[i].node =
			many->names[i % (MANY_NODES - MANY_JOINING)];
		many->claims[i].token = i + 1;
	}
	return many;
}

/* What one node queues for; the longest that it took. */
static size_t pull(struct many *many, const char *node, double *longest)
{
	struct metafora_balancer *fair = NULL;
	struct metafora_plan plan = {0};
	struct metafora_cluster view;
	struct metafora_balance balance = {.cluster = &view,
					   .node = node,
					   .now_ns = 1000 * NS_PER_MS};
	double began;
	size_t i;

	CU_ASSERT_EQUAL_FATAL(metafora_balancer_fair_new(&fair), 0);
	CU_ASSERT_EQUAL_FATAL(mf_view_init(&view, node, true), 0);
	CU_ASSERT_EQUAL_FATAL(mf_view_begin(&view, 1), 0);
	mf_view_members(&view, many->members, MANY_NODES);
	mf_view_tasks(&view, 1, 0, many->tasks, MANY_TASKS);
	mf_view_claims(&view, 1, 0, many->claims, MANY_TASKS);
	began = seconds();
	fair->ops->balance(fair->state, &balance, &plan);
	if (seconds() - began > *longest)
		*longest = seconds() - began;
	for (i = 0; i < plan.queues.n; i++) {
		size_t task = strtoul(
			metafora_cluster_task_id(plan.queues.tasks[i]) + 1,
			NULL, 10);

		/* Nobody else has picked it. */
		CU_ASSERT_FALSE(many->picked[task]);
		many->picked[task] = true;
	}
	i = plan.queues.n;
	metafora_balancer_free(fair);
	mf_plan_fini(&plan);
	mf_view_fini(&view);
	return i;
}

static void ten_that_join_a_thousand_pick_their_shares_without_a_clash(void)
{
	struct many *many = many_new();
	double longest = 0;
	size_t i;

	for (i = MANY_NODES - MANY_JOINING; i < MANY_NODES; i++)
		CU_ASSERT_EQUAL(pull(many, many->names[i], &longest),
				MANY_TASKS / MANY_NODES);
	tap_note("1,000 members, 100,000 tasks: a plan takes %.0f ms",
		 longest * 1e3);
	free(many);
}

static const struct tap_case cases[] = {
	{"any disturbance ends even by the fewest moves",
	 any_disturbance_ends_even_by_the_fewest_moves},
	{"late views make no task move twice",
	 late_views_make_no_task_move_twice},
	{"joins are settled within three rounds",
	 joins_are_settled_within_three_rounds},
	{"weights are followed by the fewest moves",
	 weights_are_followed_by_the_fewest_moves},
	{"a restarted node does not win every claim",
	 a_restarted_node_does_not_win_every_claim},
	{"two over quota that see different ties move no more",
	 two_over_quota_that_see_different_ties_move_no_more},
	{"a frozen node's tasks are nobody's share",
	 a_frozen_nodes_tasks_are_nobodys_share},
	{"a count above our own leads to nothing",
	 a_count_above_our_own_leads_to_nothing},
	{"nothing above the share is released to nobody",
	 nothing_above_the_share_is_released_to_nobody},
	{"a waiter that stalls is evicted after a timeout",
	 a_waiter_that_stalls_is_evicted_after_a_timeout},
	{"a waiter that recovers in time is not evicted",
	 a_waiter_that_recovers_in_time_is_not_evicted},
	{"a stalled waiter does not keep others from their share",
	 a_stalled_waiter_does_not_keep_others_from_their_share},
	{"one that stops slowly keeps only its own waiters",
	 one_that_stops_slowly_keeps_only_its_own_waiters},
	{"what a waiter will leave is not handed over",
	 what_a_waiter_will_leave_is_not_handed_over},
	{"a timeout out of range is refused", a_timeout_out_of_range_is_refused},
	{"a rate is kept, and the share reached",
	 a_rate_is_kept_and_the_share_reached},
	{"only so many are on their way at a time",
	 only_so_many_are_on_their_way_at_a_time},
	{"the least share on its way is one", the_least_share_on_its_way_is_one},
	{"after moves it cools down", after_moves_it_cools_down},
	{"a pace out of range is refused", a_pace_out_of_range_is_refused},
	{"ten that join a thousand pick their shares without a clash",
	 ten_that_join_a_thousand_pick_their_shares_without_a_clash},
};

TAP_MAIN(cases, setup, teardown)
