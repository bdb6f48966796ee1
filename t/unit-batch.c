/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: what they take, refuse and tell. */
#include <metafora.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "oom.h"
#include "tap.h"

static struct metafora_batch *batch;

static void setup(void)
{
	CU_ASSERT_EQUAL_FATAL(metafora_batch_new(&batch), 0);
}

static void teardown(void)
{
	metafora_batch_free(batch);
	batch = NULL;
}

static void tasks_are_kept_in_the_order_they_were_added(void)
{
	char id[32], properties[32];
	size_t i;

	CU_ASSERT_EQUAL(metafora_batch_size(batch), 0);
	for (i = 0; i < 1000; i++) {
		int n = snprintf(id, sizeof(id), "job%zu", i);

		snprintf(properties, sizeof(properties), "p%zu", i);
		CU_ASSERT_EQUAL(metafora_batch_add(batch, id, (size_t)n,
						   properties,
						   strlen(properties)),
				0);
	}
	CU_ASSERT_EQUAL(metafora_batch_size(batch), 1000);
	for (i = 0; i < 1000; i++) {
		snprintf(id, sizeof(id), "job%zu", i);
		snprintf(properties, sizeof(properties), "p%zu", i);
		CU_ASSERT_STRING_EQUAL(metafora_batch_id(batch, i), id);
		CU_ASSERT_EQUAL(batch->tasks[i].size_bytes, strlen(properties));
		CU_ASSERT_EQUAL(memcmp(batch->tasks[i].properties, properties,
				       strlen(properties)),
				0);
		CU_ASSERT_EQUAL(metafora_batch_error(batch, i),
				METAFORA_ESTATE);
	}
}

static void the_length_form_takes_just_so_many_bytes(void)
{
	CU_ASSERT_EQUAL(metafora_batch_add(batch, "job10", 4, NULL, 0), 0);
	CU_ASSERT_STRING_EQUAL(metafora_batch_id(batch, 0), "job1");
}

static void a_bad_task_leaves_the_batch_as_it_was(void)
{
	static char big[METAFORA_PROPERTIES_MAX + 1];
	char id[METAFORA_TASK_ID_MAX + 1];

	memset(id, 'x', sizeof(id));
	CU_ASSERT_EQUAL(metafora_batch_add(batch, "job1", 4, "p", 1), 0);

	CU_ASSERT_EQUAL(metafora_batch_add(NULL, "a", 1, NULL, 0),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_batch_add(batch, NULL, 1, NULL, 0),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_batch_add(batch, "a", 1, NULL, 1),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_batch_add(batch, "a", 0, NULL, 0),
			METAFORA_EEMPTY);
	CU_ASSERT_EQUAL(metafora_batch_add(batch, id, sizeof(id), NULL, 0),
			METAFORA_ENAMETOOLONG);
	CU_ASSERT_EQUAL(metafora_batch_add(batch, id, SIZE_MAX, NULL, 0),
			METAFORA_ENAMETOOLONG);
	CU_ASSERT_EQUAL(metafora_batch_add(batch, "a\0b", 3, NULL, 0),
			METAFORA_ENUL);
	CU_ASSERT_EQUAL(metafora_batch_add(batch, "a", 2, NULL, 0),
			METAFORA_ENUL);
	CU_ASSERT_EQUAL(metafora_batch_add(batch, "a", 1, big, sizeof(big)),
			METAFORA_E2BIG);
	CU_ASSERT_EQUAL(metafora_batch_add(batch, "a", 1, big, SIZE_MAX),
			METAFORA_E2BIG);

	CU_ASSERT_EQUAL(metafora_batch_size(batch), 1);
	CU_ASSERT_STRING_EQUAL(metafora_batch_id(batch, 0), "job1");
}

static void the_largest_task_is_taken(void)
{
	static char big[METAFORA_PROPERTIES_MAX];
	char id[METAFORA_TASK_ID_MAX];

	memset(id, 'x', sizeof(id));
	CU_ASSERT_EQUAL(
		metafora_batch_add(batch, id, sizeof(id), big, sizeof(big)), 0);
	CU_ASSERT_EQUAL(strlen(metafora_batch_id(batch, 0)), sizeof(id));
}

static void what_is_not_there_is_said_to_be_so(void)
{
	CU_ASSERT_EQUAL(metafora_batch_new(NULL), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_batch_size(NULL), 0);
	CU_ASSERT_PTR_NULL(metafora_batch_id(NULL, 0));
	CU_ASSERT_PTR_NULL(metafora_batch_id(batch, 0));
	CU_ASSERT_EQUAL(metafora_batch_error(NULL, 0), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_batch_error(batch, 0), METAFORA_EINVAL);
	metafora_batch_free(NULL);
}

/* Adds enough for the arrays to grow, and checks what is there at the end. */
static void fill(void *arg)
{
	struct metafora_batch *own;
	size_t n_added = 0;
	char id[32];
	size_t i;
	int error;

	(void)arg;
	error = metafora_batch_new(&own);
	if (error) {
		CU_ASSERT_EQUAL(error, METAFORA_ENOMEM);
		return;
	}
	for (i = 0; i < 40; i++) {
		snprintf(id, sizeof(id), "job%zu", n_added);
		error = metafora_batch_add(own, id, strlen(id), "p", 1);
		if (error)
			CU_ASSERT_EQUAL(error, METAFORA_ENOMEM);
		n_added += !error;
	}
	/* One failure costs one task: the next try succeeds. */
	CU_ASSERT_EQUAL(n_added, oom_failed() ? 39 : 40);
	CU_ASSERT_EQUAL(metafora_batch_size(own), n_added);
	for (i = 0; i < n_added; i++) {
		snprintf(id, sizeof(id), "job%zu", i);
		CU_ASSERT_STRING_EQUAL(metafora_batch_id(own, i), id);
	}
	metafora_batch_free(own);
}

static void running_out_of_memory_leaves_the_batch_as_it_was(void)
{
	CU_ASSERT_TRUE(oom_for_each(fill, NULL) > 40);
}

static const struct tap_case cases[] = {
	{"tasks are kept in the order they were added",
	 tasks_are_kept_in_the_order_they_were_added},
	{"the length form takes just so many bytes",
	 the_length_form_takes_just_so_many_bytes},
	{"a bad task leaves the batch as it was",
	 a_bad_task_leaves_the_batch_as_it_was},
	{"the largest task is taken", the_largest_task_is_taken},
	{"what is not there is said to be so",
	 what_is_not_there_is_said_to_be_so},
	{"running out of memory leaves the batch as it was",
	 running_out_of_memory_leaves_the_batch_as_it_was},
};

TAP_MAIN(cases, setup, teardown)
