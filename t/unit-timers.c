/* SPDX-License-Identifier: Apache-2.0 */
/* The heap of timers, also against a naive model. */
#include <stdlib.h>

#include "clock.h"
#include "prng.h"
#include "tap.h"
#include "timers.h"

#define N_MODEL 64
#define N_OPERATIONS 100000
#define N_MANY 20000

static struct mf_timers timers;

static void setup(void)
{
	mf_timers_init(&timers);
}

static void nothing_is_due_when_none_is_set(void)
{
	struct mf_timer timer;

	mf_timer_init(&timer, NULL, NULL);
	CU_ASSERT_EQUAL(mf_timers_next_ns(&timers), MF_NEVER);
	CU_ASSERT_PTR_NULL(mf_timers_pop(&timers, MF_NEVER));
	mf_timers_cancel(&timers, &timer); /* not set: no effect */
	CU_ASSERT_PTR_NULL(mf_timers_pop(&timers, MF_NEVER));
}

static void a_timer_is_due_at_its_time_and_not_before(void)
{
	struct mf_timer timer;

	mf_timer_init(&timer, NULL, NULL);
	mf_timers_set(&timers, &timer, 100);
	CU_ASSERT_TRUE(timer.set);
	CU_ASSERT_EQUAL(mf_timers_next_ns(&timers), 100);
	CU_ASSERT_PTR_NULL(mf_timers_pop(&timers, 99));
	CU_ASSERT_PTR_EQUAL(mf_timers_pop(&timers, 100), &timer);
	CU_ASSERT_FALSE(timer.set);
	CU_ASSERT_PTR_NULL(mf_timers_pop(&timers, 100));
}

static void ties_come_in_the_order_of_setting(void)
{
	struct mf_timer timer[10];
	int i;

	for (i = 0; i < 10; i++) {
		mf_timer_init(&timer[i], NULL, NULL);
		mf_timers_set(&timers, &timer[i], 7);
	}
	/* Setting anew moves to the end, though the time is the same. */
	mf_timers_set(&timers, &timer[0], 7);
	for (i = 1; i < 10; i++)
		CU_ASSERT_PTR_EQUAL(mf_timers_pop(&timers, 7), &timer[i]);
	CU_ASSERT_PTR_EQUAL(mf_timers_pop(&timers, 7), &timer[0]);
}

static void setting_anew_moves_a_timer_both_ways(void)
{
	struct mf_timer a;
	struct mf_timer b;

	mf_timer_init(&a, NULL, NULL);
	mf_timer_init(&b, NULL, NULL);
	mf_timers_set(&timers, &a, 10);
	mf_timers_set(&timers, &b, 20);
	mf_timers_set(&timers, &a, 30);
	CU_ASSERT_EQUAL(mf_timers_next_ns(&timers), 20);
	mf_timers_set(&timers, &a, 5);
	CU_ASSERT_EQUAL(mf_timers_next_ns(&timers), 5);
	CU_ASSERT_PTR_EQUAL(mf_timers_pop(&timers, 100), &a);
	CU_ASSERT_PTR_EQUAL(mf_timers_pop(&timers, 100), &b);
	CU_ASSERT_PTR_NULL(mf_timers_pop(&timers, 100));
}

static void any_one_of_a_heap_can_be_cancelled(void)
{
	struct mf_timer timer[16];
	int cancelled;
	int i;

	for (cancelled = 0; cancelled < 16; cancelled++) {
		for (i = 0; i < 16; i++) {
			mf_timer_init(&timer[i], NULL, NULL);
			/* Neither ascending nor descending. */
			mf_timers_set(&timers, &timer[i],
				      (uint64_t)(i * 7 % 16));
		}
		/* Gives the heap some depth. */
		CU_ASSERT_PTR_EQUAL(mf_timers_pop(&timers, 0), &timer[0]);
		mf_timers_cancel(&timers, &timer[cancelled]);
		for (i = 1; i < 16; i++) {
			int due = i * 7 % 16; /* 7 is its own inverse mod 16 */

			if (due == cancelled)
				continue;
			CU_ASSERT_PTR_EQUAL(mf_timers_pop(&timers, MF_NEVER),
					    &timer[due]);
		}
		CU_ASSERT_PTR_NULL(mf_timers_pop(&timers, MF_NEVER));
	}
}

static void the_extremes_of_time_are_times(void)
{
	struct mf_timer first;
	struct mf_timer last;

	mf_timer_init(&first, NULL, NULL);
	mf_timer_init(&last, NULL, NULL);
	mf_timers_set(&timers, &last, MF_NEVER);
	mf_timers_set(&timers, &first, 0);
	CU_ASSERT_PTR_EQUAL(mf_timers_pop(&timers, 0), &first);
	CU_ASSERT_PTR_NULL(mf_timers_pop(&timers, MF_NEVER - 1));
	CU_ASSERT_TRUE(last.set);
	mf_timers_cancel(&timers, &last);
	CU_ASSERT_PTR_NULL(mf_timers_pop(&timers, MF_NEVER));
}

/* The same by looking at all of them. */
static struct mf_timer *model_first(struct mf_timer *timer)
{
	struct mf_timer *first = NULL;
	int i;

	for (i = 0; i < N_MODEL; i++)
		if (timer[i].set &&
		    (!first || timer[i].at_ns < first->at_ns ||
		     (timer[i].at_ns == first->at_ns &&
		      timer[i].order < first->order)))
			first = &timer[i];
	return first;
}

static void random_operations_agree_with_a_naive_model(void)
{
	struct mf_timer timer[N_MODEL];
	struct mf_prng prng;
	unsigned int n_wrong = 0;
	int i;

	mf_prng_seed(&prng, 1);
	for (i = 0; i < N_MODEL; i++)
		mf_timer_init(&timer[i], NULL, NULL);
	for (i = 0; i < N_OPERATIONS; i++) {
		struct mf_timer *one =
			&timer[mf_prng_between(&prng, 0, N_MODEL - 1)];
		struct mf_timer *first;
		uint64_t now_ns;

		/* Few different times: many ties. */
		switch (mf_prng_between(&prng, 0, 3)) {
		case 0:
		case 1:
			mf_timers_set(&timers, one,
				      mf_prng_between(&prng, 0, 40));
			break;
		case 2:
			mf_timers_cancel(&timers, one);
			n_wrong += one->set;
			break;
		default:
			now_ns = mf_prng_between(&prng, 0, 40);
			first = model_first(timer);
			if (first && first->at_ns > now_ns)
				first = NULL;
			n_wrong += mf_timers_pop(&timers, now_ns) != first;
			break;
		}
		first = model_first(timer);
		n_wrong += mf_timers_next_ns(&timers) !=
			   (first ? first->at_ns : MF_NEVER);
	}
	CU_ASSERT_EQUAL(n_wrong, 0);
}

static void many_timers_come_out_sorted(void)
{
	struct mf_timer *timer = calloc(N_MANY, sizeof(*timer));
	struct mf_timer *popped;
	struct mf_prng prng;
	uint64_t before = 0;
	unsigned int n = 0;
	int i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(timer);
	mf_prng_seed(&prng, 2);
	for (i = 0; i < N_MANY; i++)
		mf_timers_set(&timers, &timer[i], mf_prng_next(&prng));
	while ((popped = mf_timers_pop(&timers, MF_NEVER))) {
		CU_ASSERT_TRUE(before <= popped->at_ns);
		before = popped->at_ns;
		n++;
	}
	CU_ASSERT_EQUAL(n, N_MANY);
	free(timer);
}

static const struct tap_case cases[] = {
	{"nothing is due when none is set", nothing_is_due_when_none_is_set},
	{"a timer is due at its time and not before",
	 a_timer_is_due_at_its_time_and_not_before},
	{"ties come in the order of setting",
	 ties_come_in_the_order_of_setting},
	{"setting anew moves a timer both ways",
	 setting_anew_moves_a_timer_both_ways},
	{"any one of a heap can be cancelled",
	 any_one_of_a_heap_can_be_cancelled},
	{"the extremes of time are times", the_extremes_of_time_are_times},
	{"random operations agree with a naive model",
	 random_operations_agree_with_a_naive_model},
	{"many timers come out sorted", many_timers_come_out_sorted},
};

TAP_MAIN(cases, setup, NULL)
