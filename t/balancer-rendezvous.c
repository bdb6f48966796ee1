/* SPDX-License-Identifier: Apache-2.0 */
/* Rendezvous hashing: who is best suited for a task. */
#include "rendezvous.h"

#include <math.h>
#include <stdio.h>

#include "tap.h"

#define N_TASKS 20000

static uint64_t hash_of(const char *kind, unsigned int number)
{
	char name[32];

	snprintf(name, sizeof(name), "%s-%u", kind, number);
	return mf_rendezvous_hash(name);
}

static unsigned int best_of(uint64_t task, const uint64_t *shares,
			    unsigned int n)
{
	struct mf_bid best = {0, 0, 0};
	unsigned int winner = n;
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct mf_bid bid;

		if (!shares[i])
			continue;
		bid = mf_rendezvous_bid(task, hash_of("node", i), shares[i]);
		if (winner == n || mf_bid_beats(&bid, &best)) {
			best = bid;
			winner = i;
		}
	}
	return winner;
}

/* Five standard deviations: once in millions, and the hash is fixed. */
static void check_spread(const uint64_t *shares, unsigned int n)
{
	unsigned int won[16] = {0};
	double total = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		total += (double)shares[i];
	for (i = 0; i < N_TASKS; i++)
		won[best_of(hash_of("task", i), shares, n)]++;
	for (i = 0; i < n; i++) {
		double part = (double)shares[i] / total;
		double expected = N_TASKS * part;
		double sigma = sqrt(expected * (1 - part));

		/* The cubic in place of the logarithm costs up to 1 %. */
		CU_ASSERT_TRUE(fabs(won[i] - expected) <
			       5 * sigma + 0.01 * expected);
	}
}

static void equal_shares_win_equally_often(void)
{
	const uint64_t shares[] = {7, 7, 7, 7, 7, 7, 7, 7, 7, 7};

	check_spread(shares, 10);
}

static void larger_shares_win_as_much_more_often(void)
{
	const uint64_t few[] = {1, 2};
	const uint64_t some[] = {1, 2, 3, 10};
	const uint64_t large[] = {MF_BID_SHARE_MAX, MF_BID_SHARE_MAX / 2,
				  MF_BID_SHARE_MAX / 100};

	check_spread(few, 2);
	check_spread(some, 4);
	check_spread(large, 3);
}

static void who_goes_leaves_only_its_own_tasks_to_others(void)
{
	uint64_t shares[] = {5, 5, 5, 5, 5};
	unsigned int i;

	for (i = 0; i < 2000; i++) {
		uint64_t task = hash_of("task", i);
		unsigned int before, after;

		shares[2] = 5;
		before = best_of(task, shares, 5);
		shares[2] = 0;
		after = best_of(task, shares, 5);
		if (before != 2 && after != before)
			break;
	}
	CU_ASSERT_EQUAL(i, 2000);
}

static void of_two_bids_one_beats_the_other(void)
{
	unsigned int i;

	for (i = 0; i < 2000; i++) {
		uint64_t task = hash_of("task", i);
		struct mf_bid a =
			mf_rendezvous_bid(task, hash_of("node", 1), i + 1);
		struct mf_bid b = mf_rendezvous_bid(task, hash_of("node", 2),
						    2000 - i);

		if (mf_bid_beats(&a, &b) == mf_bid_beats(&b, &a) ||
		    mf_bid_beats(&a, &a))
			break;
	}
	CU_ASSERT_EQUAL(i, 2000);
}

static void a_task_called_like_a_node_is_no_special_case(void)
{
	uint64_t a = mf_rendezvous_hash("a");
	uint64_t b = mf_rendezvous_hash("b");

	CU_ASSERT_NOT_EQUAL(mf_rendezvous_pair(a, b), mf_rendezvous_pair(b, a));
	CU_ASSERT_NOT_EQUAL(mf_rendezvous_pair(a, a), mf_rendezvous_pair(b, b));
}

/* Another hash in one release would make nodes of two releases disagree. */
static void the_hash_is_for_ever(void)
{
	CU_ASSERT_EQUAL(mf_rendezvous_hash(""),
			UINT64_C(0xf52a15e9a9b5e89b));
	CU_ASSERT_EQUAL(mf_rendezvous_hash("node-1"),
			UINT64_C(0x13950d4ef307e655));
	CU_ASSERT_EQUAL(mf_rendezvous_pair(1, 2),
			UINT64_C(0x12ae30237b17df14));
	CU_ASSERT_EQUAL(mf_rendezvous_bid(1, 2, 3).lot, 253306932);
}

static const struct tap_case cases[] = {
	{"equal shares win equally often", equal_shares_win_equally_often},
	{"larger shares win as much more often",
	 larger_shares_win_as_much_more_often},
	{"who goes leaves only its own tasks to others",
	 who_goes_leaves_only_its_own_tasks_to_others},
	{"of two bids one beats the other", of_two_bids_one_beats_the_other},
	{"a task called like a node is no special case",
	 a_task_called_like_a_node_is_no_special_case},
	{"the hash is for ever", the_hash_is_for_ever},
};

TAP_MAIN(cases, NULL, NULL)
