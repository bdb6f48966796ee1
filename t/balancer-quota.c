/* SPDX-License-Identifier: Apache-2.0 */
/* The quota function, by examples and on random clusters. */
#include "quota.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "prng.h"
#include "rendezvous.h"
#include "tap.h"

#define N_MAX 1000
#define TASKS_MAX 1000000

static struct mf_prng prng;
static struct mf_quota_member members[N_MAX + 1];
static char names[N_MAX + 1][16];

static void setup(void)
{
	mf_prng_seed(&prng, 20240229);
}

static uint64_t between(uint64_t low, uint64_t high)
{
	return mf_prng_between(&prng, low, high);
}

static bool one_in(unsigned int n)
{
	return between(1, n) == 1;
}

static struct mf_quota_member *member(size_t i, double weight)
{
	memset(&members[i], 0, sizeof(members[i]));
	snprintf(names[i], sizeof(names[i]), "node-%zu", i);
	members[i].name = names[i];
	members[i].hash = mf_rendezvous_hash(names[i]);
	members[i].weight = weight;
	return &members[i];
}

static void share(size_t n, uint64_t n_tasks)
{
	static struct mf_quota_member *order[N_MAX + 1];

	mf_quota(members, n, n_tasks, order);
}

static uint64_t sum(size_t n)
{
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < n; i++)
		total += members[i].quota;
	return total;
}

static bool shares(const struct mf_quota_member *m)
{
	return m->state == METAFORA_MEMBER_ACTIVE && !m->excluded &&
	       m->weight > 0 && isfinite(m->weight);
}

static double random_weight(void)
{
	switch (between(0, 3)) {
	case 0:
		return 1.0;
	case 1:
		return (double)between(1, 10);
	case 2:
		return (double)between(1, 1000000) / 1000.0;
	default:
		return (double)between(1, 1000) / 10.0;
	}
}

/* A cluster of any size and mix; returns how many members. */
static size_t random_cluster(uint64_t *n_tasks)
{
	size_t n = one_in(3) ? between(1, N_MAX) : between(1, 12);
	bool with_weights = one_in(2);
	bool with_limits = one_in(2);
	bool with_states = one_in(2);
	size_t i;

	*n_tasks = one_in(2) ? between(0, TASKS_MAX) : between(0, 5 * n);
	for (i = 0; i < n; i++) {
		struct mf_quota_member *m = member(i, 1.0);

		if (with_weights)
			m->weight = random_weight();
		if (with_limits && one_in(2))
			m->capacity = between(1, 2 * *n_tasks / n + 1);
		if (with_states && one_in(4))
			m->state = one_in(2) ? METAFORA_MEMBER_FROZEN
					     : METAFORA_MEMBER_DRAINING;
		if (with_states && one_in(10))
			m->excluded = true;
		m->n_owned = between(0, 2 * *n_tasks / n + 1);
	}
	return n;
}

/* What there is to share, and what can be placed of it. */
static uint64_t n_shared(size_t n, uint64_t n_tasks)
{
	uint64_t n_frozen = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (members[i].state == METAFORA_MEMBER_FROZEN)
			n_frozen += members[i].n_owned;
	}
	return n_frozen < n_tasks ? n_tasks - n_frozen : 0;
}

static uint64_t n_placeable(size_t n, uint64_t n_tasks)
{
	uint64_t n_room = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (shares(&members[i]))
			n_room += members[i].capacity ? members[i].capacity
						      : n_tasks;
	}
	n_tasks = n_shared(n, n_tasks);
	return n_room < n_tasks ? n_room : n_tasks;
}

/* --- random clusters -------------------------------------------------------- */

static void quotas_add_up_to_the_tasks_or_the_room(void)
{
	unsigned int bad = 0;
	unsigned int round;

	for (round = 0; round < 2000; round++) {
		uint64_t n_tasks;
		size_t n = random_cluster(&n_tasks);

		share(n, n_tasks);
		bad += sum(n) != n_placeable(n, n_tasks);
	}
	CU_ASSERT_EQUAL(bad, 0);
}

static void only_the_active_get_tasks_and_within_their_capacity(void)
{
	unsigned int bad = 0;
	unsigned int round;

	for (round = 0; round < 1000; round++) {
		uint64_t n_tasks;
		size_t n = random_cluster(&n_tasks);
		size_t i;

		share(n, n_tasks);
		for (i = 0; i < n; i++) {
			bad += !shares(&members[i]) && members[i].quota;
			bad += members[i].capacity &&
			       members[i].quota > members[i].capacity;
		}
	}
	CU_ASSERT_EQUAL(bad, 0);
}

/* Tasks per weight at which the tasks are used up: found without the code. */
static long double water_level(size_t n, uint64_t n_tasks)
{
	long double low = 0, high = 1;
	int step;
	size_t i;

	for (i = 0; i < n; i++) {
		if (shares(&members[i]) &&
		    n_tasks / (long double)members[i].weight > high)
			high = n_tasks / (long double)members[i].weight;
	}
	for (step = 0; step < 200; step++) {
		long double middle = (low + high) / 2;
		long double used = 0;

		for (i = 0; i < n; i++) {
			const struct mf_quota_member *m = &members[i];
			long double part = middle * (long double)m->weight;

			if (!shares(m))
				continue;
			if (m->capacity && part > m->capacity)
				part = m->capacity;
			used += part;
		}
		if (used < n_tasks)
			low = middle;
		else
			high = middle;
	}
	return high;
}

static void each_is_within_one_of_its_exact_share(void)
{
	unsigned int bad = 0;
	unsigned int round;

	for (round = 0; round < 200; round++) {
		uint64_t n_tasks;
		size_t n = random_cluster(&n_tasks);
		long double level;
		size_t i;

		share(n, n_tasks);
		level = water_level(n, n_shared(n, n_tasks));
		for (i = 0; i < n; i++) {
			const struct mf_quota_member *m = &members[i];
			long double exact = level * (long double)m->weight;

			if (!shares(m))
				continue;
			if (m->capacity && exact > m->capacity)
				exact = m->capacity;
			bad += fabsl(exact - m->quota) > 1 + 1e-3L;
		}
	}
	CU_ASSERT_EQUAL(bad, 0);
}

static void equal_weights_differ_by_one_at_most(void)
{
	unsigned int bad = 0;
	unsigned int round;

	for (round = 0; round < 1000; round++) {
		double weight = random_weight();
		uint64_t least = UINT64_MAX;
		uint64_t most = 0;
		uint64_t n_tasks;
		size_t n = random_cluster(&n_tasks);
		size_t i;

		for (i = 0; i < n; i++) {
			/* Among others, which have limits and weights. */
			if (one_in(2)) {
				members[i].weight = weight;
				members[i].capacity = 0;
			}
		}
		share(n, n_tasks);
		for (i = 0; i < n; i++) {
			const struct mf_quota_member *m = &members[i];

			if (!shares(m) || m->weight != weight || m->capacity)
				continue;
			least = m->quota < least ? m->quota : least;
			most = m->quota > most ? m->quota : most;
		}
		bad += least != UINT64_MAX && most - least > 1;
	}
	CU_ASSERT_EQUAL(bad, 0);
}

static void the_order_of_the_members_makes_no_difference(void)
{
	static uint64_t before[N_MAX];
	unsigned int bad = 0;
	unsigned int round;

	for (round = 0; round < 500; round++) {
		uint64_t n_tasks;
		size_t n = random_cluster(&n_tasks);
		size_t i;

		share(n, n_tasks);
		for (i = 0; i < n; i++)
			before[i] = members[i].quota;
		for (i = n - 1; i > 0; i--) {
			size_t j = between(0, i);
			struct mf_quota_member m = members[i];

			members[i] = members[j];
			members[j] = m;
		}
		share(n, n_tasks);
		for (i = 0; i < n; i++) {
			size_t was = strtoul(members[i].name + 5, NULL, 10);

			bad += members[i].quota != before[was];
		}
	}
	CU_ASSERT_EQUAL(bad, 0);
}

static void counts_matter_only_as_to_reaching_the_ceil(void)
{
	static uint64_t before[N_MAX];
	unsigned int n_changed = 0;
	unsigned int bad = 0;
	unsigned int round;

	for (round = 0; round < 500; round++) {
		uint64_t n_tasks;
		size_t n = random_cluster(&n_tasks);
		size_t i;

		share(n, n_tasks);
		for (i = 0; i < n; i++) {
			struct mf_quota_member *m = &members[i];

			before[i] = m->quota;
			if (m->state == METAFORA_MEMBER_FROZEN)
				continue;
			if (m->n_owned > m->floor)
				m->n_owned = m->floor + 1 + between(0, 1000);
			else
				m->n_owned = between(0, m->floor);
			n_changed++;
		}
		share(n, n_tasks);
		for (i = 0; i < n; i++)
			bad += members[i].quota != before[i];
	}
	CU_ASSERT_EQUAL(bad, 0);
	CU_ASSERT_TRUE(n_changed > 1000);
}

/*
 * Tasks that must move for n equal members to be even again, whoever is
 * rounded up: all above the floor, but for as many as there are ups.
 */
static uint64_t fewest_moves(size_t n, uint64_t n_tasks)
{
	uint64_t floor = n_tasks / n;
	uint64_t n_ups = n_tasks % n;
	uint64_t n_above = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		uint64_t n_owned = members[i].n_owned;

		if (n_owned <= floor)
			continue;
		n_above += n_owned - floor;
		if (n_ups) {
			n_ups--;
			n_above--;
		}
	}
	return n_above;
}

static uint64_t moves(size_t n)
{
	uint64_t n_moves = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (members[i].n_owned > members[i].quota)
			n_moves += members[i].n_owned - members[i].quota;
	}
	return n_moves;
}

static void settle(size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		members[i].n_owned = members[i].quota;
}

static void joining_and_leaving_move_as_few_as_can_be(void)
{
	unsigned int bad = 0;
	unsigned int round;

	for (round = 0; round < 1000; round++) {
		size_t n = between(2, one_in(10) ? N_MAX : 20);
		uint64_t n_tasks = between(0, one_in(2) ? TASKS_MAX : 3 * n);
		size_t i;

		for (i = 0; i < n; i++)
			member(i, 1.0);
		share(n, n_tasks);
		settle(n);
		share(n, n_tasks);
		bad += moves(n) != 0;

		/* The last leaves: only its tasks move. */
		share(n - 1, n_tasks);
		bad += moves(n - 1) != 0;
		settle(n - 1);

		/* It comes back with nothing. */
		members[n - 1].n_owned = 0;
		share(n, n_tasks);
		bad += moves(n) != fewest_moves(n, n_tasks);
		bad += moves(n) != members[n - 1].quota;
	}
	CU_ASSERT_EQUAL(bad, 0);
}

static void one_task_more_moves_none_of_the_others(void)
{
	unsigned int bad = 0;
	unsigned int round;

	for (round = 0; round < 300; round++) {
		size_t n = between(1, 50);
		uint64_t n_tasks = between(1, 10 * n);
		size_t i;

		for (i = 0; i < n; i++)
			member(i, 1.0);
		share(n, n_tasks);
		settle(n);
		share(n, n_tasks + 1);
		bad += moves(n) != 0;
		bad += sum(n) != n_tasks + 1;
	}
	CU_ASSERT_EQUAL(bad, 0);
}

/* --- examples ------------------------------------------------------------------ */

static void weights_are_followed_exactly(void)
{
	member(0, 1);
	member(1, 2);
	member(2, 3);
	share(3, 600);
	CU_ASSERT_EQUAL(members[0].quota, 100);
	CU_ASSERT_EQUAL(members[1].quota, 200);
	CU_ASSERT_EQUAL(members[2].quota, 300);
}

static void one_heavy_member_among_many_light_ones_gets_its_share(void)
{
	size_t i;

	member(0, 1000);
	for (i = 1; i <= N_MAX; i++)
		member(i, 0.1);
	share(N_MAX + 1, 10000000);
	/* 1000 of 1100, and 0.1 of 1100. */
	CU_ASSERT_TRUE(members[0].quota - 9090909 <= 1);
	for (i = 1; i <= N_MAX; i++) {
		if (members[i].quota != 909 && members[i].quota != 910)
			break;
	}
	CU_ASSERT_EQUAL(i, N_MAX + 1);
	CU_ASSERT_EQUAL(sum(N_MAX + 1), 10000000);
}

static void the_ceil_stays_with_who_holds_it(void)
{
	size_t holder;
	size_t i;

	for (holder = 0; holder < 5; holder++) {
		for (i = 0; i < 5; i++)
			member(i, 1)->n_owned = 2;
		members[holder].n_owned = 3;
		share(5, 11);
		for (i = 0; i < 5; i++)
			CU_ASSERT_EQUAL(members[i].quota, i == holder ? 3 : 2);
	}
}

static void a_holder_comes_before_a_larger_fraction(void)
{
	member(0, 1.4)->n_owned = 2; /* of 10 tasks: 1.4 */
	member(1, 1.6);              /* 1.6 */
	member(2, 7);                /* 7 */
	share(3, 10);
	CU_ASSERT_EQUAL(members[0].quota, 2);
	CU_ASSERT_EQUAL(members[1].quota, 1);
	CU_ASSERT_EQUAL(members[2].quota, 7);
}

static void the_larger_fraction_comes_before_the_hash(void)
{
	member(0, 1.4);
	member(1, 1.6);
	member(2, 7);
	share(3, 10);
	CU_ASSERT_EQUAL(members[0].quota, 1);
	CU_ASSERT_EQUAL(members[1].quota, 2);
	CU_ASSERT_EQUAL(members[2].quota, 7);
}

static void the_larger_hash_decides_between_equals(void)
{
	size_t best = 0;
	size_t i;

	for (i = 0; i < 7; i++) {
		member(i, 1);
		if (members[i].hash > members[best].hash)
			best = i;
	}
	share(7, 1);
	for (i = 0; i < 7; i++)
		CU_ASSERT_EQUAL(members[i].quota, i == best);
}

static void the_name_decides_between_equal_hashes(void)
{
	member(0, 1)->hash = 5;
	member(1, 1)->hash = 5;
	share(2, 1);
	CU_ASSERT_EQUAL(members[0].quota, 1);
	members[0].name = "z";
	share(2, 1);
	CU_ASSERT_EQUAL(members[0].quota, 0);
	CU_ASSERT_EQUAL(members[1].quota, 1);
}

static void a_share_without_fraction_is_not_rounded_up(void)
{
	member(0, 2)->n_owned = 9; /* exactly 2 of 4; the others 1.5, 0.5 */
	member(1, 1.5);
	member(2, 0.5);
	share(3, 4);
	CU_ASSERT_EQUAL(members[0].quota, 2);
	CU_ASSERT_EQUAL(sum(3), 4);
}

static void what_the_full_cannot_take_is_shared_again(void)
{
	/* 100 each; 0 takes 10, so 130 each; now 1 is too small as well. */
	member(0, 1)->capacity = 10;
	member(1, 1)->capacity = 120;
	member(2, 1);
	member(3, 1);
	share(4, 400);
	CU_ASSERT_EQUAL(members[0].quota, 10);
	CU_ASSERT_EQUAL(members[1].quota, 120);
	CU_ASSERT_EQUAL(members[2].quota, 135);
	CU_ASSERT_EQUAL(members[3].quota, 135);
}

static void a_capacity_that_is_not_reached_changes_nothing(void)
{
	member(0, 1)->capacity = 5;
	member(1, 1);
	share(2, 10);
	CU_ASSERT_EQUAL(members[0].quota, 5);
	CU_ASSERT_EQUAL(members[1].quota, 5);
	members[0].capacity = UINT64_MAX;
	share(2, 10);
	CU_ASSERT_EQUAL(members[0].quota, 5);
	CU_ASSERT_EQUAL(members[1].quota, 5);
}

static void with_all_full_the_rest_is_left_over(void)
{
	member(0, 1)->capacity = 3;
	member(1, 100)->capacity = 4;
	share(2, 1000);
	CU_ASSERT_EQUAL(members[0].quota, 3);
	CU_ASSERT_EQUAL(members[1].quota, 4);
}

static void what_frozen_members_hold_is_not_shared(void)
{
	member(0, 1);
	member(1, 1);
	member(2, 1)->n_owned = 30;
	members[2].state = METAFORA_MEMBER_FROZEN;
	share(3, 90);
	CU_ASSERT_EQUAL(members[0].quota, 30);
	CU_ASSERT_EQUAL(members[1].quota, 30);
	CU_ASSERT_EQUAL(members[2].quota, 0);
	/* Frozen and filtered out: it still has them. */
	members[2].excluded = true;
	share(3, 90);
	CU_ASSERT_EQUAL(sum(3), 60);
	/* A late view: more than all. */
	members[2].n_owned = 1000;
	share(3, 90);
	CU_ASSERT_EQUAL(sum(3), 0);
}

static void what_draining_and_excluded_members_hold_is_shared(void)
{
	member(0, 1);
	member(1, 1)->n_owned = 30;
	member(2, 1)->n_owned = 30;
	members[1].state = METAFORA_MEMBER_DRAINING;
	members[2].excluded = true;
	share(3, 90);
	CU_ASSERT_EQUAL(members[0].quota, 90);
	CU_ASSERT_EQUAL(members[1].quota, 0);
	CU_ASSERT_EQUAL(members[2].quota, 0);
}

static void senseless_weights_get_nothing(void)
{
	const double weights[] = {0.0, -0.0, -1.0, NAN, INFINITY, -INFINITY};
	size_t n = sizeof(weights) / sizeof(weights[0]);
	size_t i;

	for (i = 0; i < n; i++)
		member(i, weights[i]);
	share(n, 100);
	CU_ASSERT_EQUAL(sum(n), 0);
	member(n, 1);
	share(n + 1, 100);
	CU_ASSERT_EQUAL(members[n].quota, 100);
	CU_ASSERT_EQUAL(sum(n + 1), 100);
}

static void weights_beyond_the_limit_count_as_the_limit(void)
{
	member(0, 1e300);
	member(1, 1000);
	member(2, 2000);
	share(3, 300);
	CU_ASSERT_EQUAL(members[0].quota, 100);
	CU_ASSERT_EQUAL(members[1].quota, 100);
	CU_ASSERT_EQUAL(members[2].quota, 100);
}

static void the_smallest_weights_still_share(void)
{
	member(0, 5e-324);
	member(1, 5e-324);
	share(2, 10);
	CU_ASSERT_EQUAL(members[0].quota, 5);
	CU_ASSERT_EQUAL(members[1].quota, 5);
	/* Next to nothing, but with nobody else to take the rest. */
	member(2, 1000)->capacity = 4;
	share(3, 10);
	CU_ASSERT_EQUAL(members[0].quota, 3);
	CU_ASSERT_EQUAL(members[1].quota, 3);
	CU_ASSERT_EQUAL(members[2].quota, 4);
	/* The one that fills up is found, whatever the order. */
	members[0].capacity = 100;
	members[1].capacity = 2;
	share(3, 10);
	CU_ASSERT_EQUAL(members[0].quota, 4);
	CU_ASSERT_EQUAL(members[1].quota, 2);
	members[0].capacity = 2;
	members[1].capacity = 100;
	share(3, 10);
	CU_ASSERT_EQUAL(members[0].quota, 2);
}

static void nothing_to_share_or_nobody_to_share_it_is_no_trouble(void)
{
	struct mf_quota_member *order[1];

	mf_quota(NULL, 0, 10, order);
	member(0, 1)->capacity = 3;
	members[0].quota = 77;
	share(1, 0);
	CU_ASSERT_EQUAL(members[0].quota, 0);
	members[0].state = METAFORA_MEMBER_DRAINING;
	members[0].quota = 77;
	share(1, 5);
	CU_ASSERT_EQUAL(sum(1), 0);
}

static void only_the_ratio_of_the_weights_counts(void)
{
	member(0, ldexp(1, -60));
	member(1, ldexp(3, -60));
	share(2, 400);
	CU_ASSERT_EQUAL(members[0].quota, 100);
	CU_ASSERT_EQUAL(members[1].quota, 300);
}

static void the_largest_numbers_do_not_overflow(void)
{
	size_t i;

	for (i = 0; i < N_MAX; i++)
		member(i, i % 2 ? 1000 : 999.999)->capacity =
			UINT64_MAX - i;
	share(N_MAX, UINT64_MAX);
	CU_ASSERT_EQUAL(sum(N_MAX), MF_QUOTA_TASKS_MAX);
	for (i = 0; i < N_MAX; i++)
		members[i].capacity = MF_QUOTA_TASKS_MAX / 2000 + i;
	share(N_MAX, UINT64_MAX);
	CU_ASSERT_EQUAL(sum(N_MAX),
			(uint64_t)MF_QUOTA_TASKS_MAX / 2000 * N_MAX +
				N_MAX * (N_MAX - 1) / 2);
}

static void ten_thousand_members_are_soon_served(void)
{
	const size_t n = 10000;
	struct mf_quota_member *m = calloc(n, sizeof(*m));
	struct mf_quota_member **order = calloc(n, sizeof(*order));
	struct timespec begin, end;
	uint64_t total = 0;
	size_t i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_PTR_NOT_NULL_FATAL(order);
	for (i = 0; i < n; i++) {
		m[i].name = "";
		m[i].hash = mf_prng_next(&prng);
		m[i].weight = random_weight();
		m[i].capacity = one_in(2) ? between(1, 2000) : 0;
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	mf_quota(m, n, 10000000, order);
	clock_gettime(CLOCK_MONOTONIC, &end);
	for (i = 0; i < n; i++)
		total += m[i].quota;
	CU_ASSERT_EQUAL(total, 10000000);
	tap_note("quotas of 10,000 members for 10,000,000 tasks: %.0f us",
		 (double)(end.tv_sec - begin.tv_sec) * 1e6 +
			 (double)(end.tv_nsec - begin.tv_nsec) / 1e3);
	free(order);
	free(m);
}

static const struct tap_case cases[] = {
	{"quotas add up to the tasks, or to the room",
	 quotas_add_up_to_the_tasks_or_the_room},
	{"only the active get tasks, and within their capacity",
	 only_the_active_get_tasks_and_within_their_capacity},
	{"each is within one of its exact share",
	 each_is_within_one_of_its_exact_share},
	{"equal weights differ by one at most",
	 equal_weights_differ_by_one_at_most},
	{"the order of the members makes no difference",
	 the_order_of_the_members_makes_no_difference},
	{"counts matter only as to reaching the ceil",
	 counts_matter_only_as_to_reaching_the_ceil},
	{"joining and leaving move as few as can be",
	 joining_and_leaving_move_as_few_as_can_be},
	{"one task more moves none of the others",
	 one_task_more_moves_none_of_the_others},
	{"weights are followed exactly", weights_are_followed_exactly},
	{"one heavy member among many light ones gets its share",
	 one_heavy_member_among_many_light_ones_gets_its_share},
	{"the ceil stays with who holds it", the_ceil_stays_with_who_holds_it},
	{"a holder comes before a larger fraction",
	 a_holder_comes_before_a_larger_fraction},
	{"the larger fraction comes before the hash",
	 the_larger_fraction_comes_before_the_hash},
	{"the larger hash decides between equals",
	 the_larger_hash_decides_between_equals},
	{"the name decides between equal hashes",
	 the_name_decides_between_equal_hashes},
	{"a share without fraction is not rounded up",
	 a_share_without_fraction_is_not_rounded_up},
	{"what the full cannot take is shared again",
	 what_the_full_cannot_take_is_shared_again},
	{"a capacity that is not reached changes nothing",
	 a_capacity_that_is_not_reached_changes_nothing},
	{"with all full the rest is left over",
	 with_all_full_the_rest_is_left_over},
	{"what frozen members hold is not shared",
	 what_frozen_members_hold_is_not_shared},
	{"what draining and excluded members hold is shared",
	 what_draining_and_excluded_members_hold_is_shared},
	{"senseless weights get nothing", senseless_weights_get_nothing},
	{"weights beyond the limit count as the limit",
	 weights_beyond_the_limit_count_as_the_limit},
	{"the smallest weights still share", the_smallest_weights_still_share},
	{"nothing to share, or nobody to share it, is no trouble",
	 nothing_to_share_or_nobody_to_share_it_is_no_trouble},
	{"only the ratio of the weights counts",
	 only_the_ratio_of_the_weights_counts},
	{"the largest numbers do not overflow",
	 the_largest_numbers_do_not_overflow},
	{"ten thousand members are soon served",
	 ten_thousand_members_are_soon_served},
};

TAP_MAIN(cases, setup, NULL)
