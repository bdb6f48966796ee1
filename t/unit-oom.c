/* SPDX-License-Identifier: Apache-2.0 */
/* The out-of-memory harness does what the tests that use it believe. */
#include "oom.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

static void setup(void)
{
	oom_this_thread_only(false);
	oom_fail_at(0);
}

static bool try_malloc(void)
{
	void *volatile p = malloc(16); /* or it would be left out */

	free(p);
	return p != NULL;
}

static void only_the_chosen_allocation_fails(void)
{
	oom_fail_at(2);
	CU_ASSERT_TRUE(try_malloc());
	CU_ASSERT_FALSE(oom_failed());
	errno = 0;
	CU_ASSERT_FALSE(try_malloc());
	CU_ASSERT_EQUAL(errno, ENOMEM);
	CU_ASSERT_TRUE(oom_failed());
	CU_ASSERT_TRUE(try_malloc());
}

static void every_kind_of_allocation_is_counted_and_can_fail(void)
{
	const size_t before = oom_count();
	void *volatile sink;

	oom_fail_at(1);
	CU_ASSERT_PTR_NULL(sink = calloc(1, 8));
	oom_fail_at(1);
	CU_ASSERT_PTR_NULL(sink = realloc(NULL, 64));
	oom_fail_at(1);
	CU_ASSERT_PTR_NULL(sink = reallocarray(NULL, 8, 8));
	oom_fail_at(1);
	CU_ASSERT_PTR_NULL(sink = aligned_alloc(64, 64));
	oom_fail_at(1);
	CU_ASSERT_PTR_NULL(sink = strdup("three"));
	oom_fail_at(1);
	CU_ASSERT_PTR_NULL(sink = strndup("three", 2));
	CU_ASSERT_EQUAL(oom_count() - before, 6);
}

static void jansson_fails_too(void)
{
	json_t *object;

	oom_fail_at(1);
	CU_ASSERT_PTR_NULL(json_object());
	CU_ASSERT_TRUE(oom_failed());
	object = json_object();
	CU_ASSERT_PTR_NOT_NULL(object);
	json_decref(object);
}

static void a_paused_thread_neither_counts_nor_fails(void)
{
	const size_t before = oom_count();

	oom_fail_at(1);
	oom_pause();
	oom_pause();
	CU_ASSERT_TRUE(try_malloc());
	oom_resume();
	CU_ASSERT_TRUE(try_malloc());
	oom_resume();
	CU_ASSERT_EQUAL(oom_count(), before);
	CU_ASSERT_FALSE(try_malloc());
}

static void *allocate_often(void *arg)
{
	size_t *n_refused = arg;
	int i;

	for (i = 0; i < 1000; i++)
		*n_refused += !try_malloc();
	return NULL;
}

static size_t refused_in_two_threads(void)
{
	size_t n_refused[2] = {0, 0};
	pthread_t threads[2];
	int i;

	oom_pause();
	for (i = 0; i < 2; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL,
						     allocate_often,
						     &n_refused[i]),
				      0);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	oom_resume();
	return n_refused[0] + n_refused[1];
}

static void one_allocation_fails_though_many_threads_allocate(void)
{
	const size_t before = oom_count();

	oom_fail_at(1500);
	CU_ASSERT_EQUAL(refused_in_two_threads(), 1);
	CU_ASSERT_EQUAL(oom_count() - before, 2000);
}

static void other_threads_are_spared_on_request(void)
{
	const size_t before = oom_count();

	oom_this_thread_only(true);
	oom_fail_at(1);
	CU_ASSERT_EQUAL(refused_in_two_threads(), 0);
	CU_ASSERT_EQUAL(oom_count(), before);
	CU_ASSERT_FALSE(try_malloc());
}

struct runs {
	size_t n;
	size_t n_spoilt;
	unsigned int positions; /* bit i: allocation i was refused */
};

static void three_allocations(void *arg)
{
	struct runs *runs = arg;
	int i;

	for (i = 0; i < 3; i++)
		if (!try_malloc())
			runs->positions |= 1u << i;
	runs->n++;
	runs->n_spoilt += oom_failed();
}

static void each_position_fails_once_and_then_none(void)
{
	struct runs runs = {0};

	CU_ASSERT_EQUAL(oom_for_each(three_allocations, &runs), 3);
	CU_ASSERT_EQUAL(runs.n, 4);
	CU_ASSERT_EQUAL(runs.n_spoilt, 3);
	CU_ASSERT_EQUAL(runs.positions, 7);
	CU_ASSERT_TRUE(try_malloc());
}

static const struct tap_case cases[] = {
	{"only the chosen allocation fails", only_the_chosen_allocation_fails},
	{"every kind of allocation is counted and can fail",
	 every_kind_of_allocation_is_counted_and_can_fail},
	{"jansson fails too", jansson_fails_too},
	{"a paused thread neither counts nor fails",
	 a_paused_thread_neither_counts_nor_fails},
	{"one allocation fails though many threads allocate",
	 one_allocation_fails_though_many_threads_allocate},
	{"other threads are spared on request",
	 other_threads_are_spared_on_request},
	{"each position fails once and then none",
	 each_position_fails_once_and_then_none},
};

TAP_MAIN(cases, setup, NULL)
