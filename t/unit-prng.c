/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers: the right ones, and spread evenly. */
#include <string.h>

#include "prng.h"
#include "tap.h"

static void the_same_seed_gives_the_same_numbers(void)
{
	struct mf_prng a;
	struct mf_prng b;
	int i;

	mf_prng_seed(&a, 42);
	mf_prng_seed(&b, 42);
	for (i = 0; i < 1000; i++)
		CU_ASSERT_EQUAL(mf_prng_next(&a), mf_prng_next(&b));
}

static void neighbouring_seeds_give_other_numbers(void)
{
	uint64_t seen[200];
	struct mf_prng prng;
	int i;
	int k;

	for (i = 0; i < 200; i++) {
		mf_prng_seed(&prng, (uint64_t)i);
		seen[i] = mf_prng_next(&prng);
		for (k = 0; k < i; k++)
			CU_ASSERT_NOT_EQUAL(seen[k], seen[i]);
	}
}

static void the_numbers_are_those_of_the_published_generator(void)
{
	/* xoshiro256** from the state 1, 2, 3, 4. */
	static const uint64_t expected[] = {11520, 0, 1509978240,
					    1215971899390074240};
	struct mf_prng prng = {.state = {1, 2, 3, 4}};
	int i;

	for (i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(mf_prng_next(&prng), expected[i]);
	/* splitmix64 from 0: the seeding. */
	mf_prng_seed(&prng, 0);
	CU_ASSERT_EQUAL(prng.state[0], 0xe220a8397b1dcdaf);
	CU_ASSERT_EQUAL(prng.state[1], 0x6e789e6aa1b965f4);
}

static void a_range_is_met_and_kept(void)
{
	struct mf_prng prng;
	unsigned int seen[7] = {0};
	int i;

	mf_prng_seed(&prng, 3);
	for (i = 0; i < 70000; i++) {
		uint64_t x = mf_prng_between(&prng, 10, 16);

		CU_ASSERT_TRUE_FATAL(x >= 10 && x <= 16);
		seen[x - 10]++;
	}
	/* 10,000 expected of each; 500 off would be 5 standard deviations. */
	for (i = 0; i < 7; i++)
		CU_ASSERT_TRUE(seen[i] > 9500 && seen[i] < 10500);
}

static void a_range_of_more_than_half_of_all_numbers_is_even(void)
{
	const uint64_t high = UINT64_MAX / 3 * 2;
	struct mf_prng prng;
	unsigned int n_low = 0;
	int i;

	/* A plain remainder would draw from the lower half 2 times in 3. */
	mf_prng_seed(&prng, 4);
	for (i = 0; i < 10000; i++) {
		uint64_t x = mf_prng_between(&prng, 0, high);

		CU_ASSERT_TRUE_FATAL(x <= high);
		n_low += x < high / 2;
	}
	CU_ASSERT_TRUE(n_low > 4750 && n_low < 5250);
}

static void ranges_of_one_and_of_all_work(void)
{
	struct mf_prng a;
	struct mf_prng b;

	mf_prng_seed(&a, 5);
	CU_ASSERT_EQUAL(mf_prng_between(&a, 9, 9), 9);
	CU_ASSERT_EQUAL(mf_prng_between(&a, UINT64_MAX, UINT64_MAX),
			UINT64_MAX);
	memcpy(&b, &a, sizeof(a));
	CU_ASSERT_EQUAL(mf_prng_between(&a, 0, UINT64_MAX), mf_prng_next(&b));
}

static const struct tap_case cases[] = {
	{"the same seed gives the same numbers",
	 the_same_seed_gives_the_same_numbers},
	{"neighbouring seeds give other numbers",
	 neighbouring_seeds_give_other_numbers},
	{"the numbers are those of the published generator",
	 the_numbers_are_those_of_the_published_generator},
	{"a range is met and kept", a_range_is_met_and_kept},
	{"a range of more than half of all numbers is even",
	 a_range_of_more_than_half_of_all_numbers_is_even},
	{"ranges of one and of all work", ranges_of_one_and_of_all_work},
};

TAP_MAIN(cases, NULL, NULL)
