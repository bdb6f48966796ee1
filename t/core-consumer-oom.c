/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking calls of a consumer when memory runs out, on threads. */
#include <metafora.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "oom.h"
#include "scene.h"
#include "tap.h"

#define N_TASKS 3

static const char *const ids[N_TASKS] = {"job1", "job2", "job3"};

/*
 * Make a call, and again if memory ran out, which must mean that it did
 * nothing, or if that left the outcome unknown: then it may be done already.
 */
#define MAKE(call, if_done)                                                    \
	do {                                                                   \
		int error_ = (call);                                           \
                                                                               \
		if (error_ == METAFORA_ENOMEM) {                               \
			CU_ASSERT_TRUE(oom_failed());                          \
			error_ = (call);                                       \
		} else if (error_ == METAFORA_EUNKNOWN) {                      \
			CU_ASSERT_TRUE(oom_failed());                          \
			error_ = (call);                                       \
			error_ = error_ == (if_done) ? 0 : error_;             \
		}                                                              \
		if (error_)                                                    \
			tap_note("%s: %s", #call, metafora_strerror(error_));  \
		CU_ASSERT_EQUAL_FATAL(error_, 0);                              \
	} while (0)

static int make_and_start(struct metafora_consumer **out)
{
	struct metafora_consumer *consumer = NULL;
	int error = metafora_consumer_new("n1", scene.coordinator, NULL,
					  scene.threaded, &consumer);

	if (error) {
		CU_ASSERT_PTR_NULL(consumer);
		return error;
	}
	metafora_consumer_set_release_backoff_ms(consumer, 1, 1);
	error = metafora_consumer_start(consumer, LONG_MS);
	if (error)
		metafora_consumer_free(consumer);
	else
		*out = consumer;
	return error;
}

static void look(struct metafora_consumer *consumer)
{
	struct metafora_task_list *list = NULL;
	char *text = NULL;

	MAKE(metafora_consumer_tasks(consumer, LONG_MS, &list), 0);
	CU_ASSERT_EQUAL(metafora_task_list_size(list), N_TASKS);
	metafora_task_list_free(list);
	MAKE(metafora_consumer_ignored(consumer, LONG_MS, &list), 0);
	metafora_task_list_free(list);
	MAKE(metafora_consumer_command(consumer, "balance", NULL, LONG_MS), 0);
	MAKE(metafora_consumer_status_json(consumer, LONG_MS, &text), 0);
	free(text);
	MAKE(metafora_consumer_metrics(consumer, LONG_MS, &text), 0);
	free(text);
}

static void submit_all(void)
{
	size_t i;

	for (i = 0; i < N_TASKS; i++)
		MAKE(scene_submit(ids[i], i == 1 ? "finish" : ""),
		     METAFORA_EEXIST);
	for (i = 0; i < N_TASKS; i++)
		CU_ASSERT_TRUE_FATAL(scene_wait_running(ids[i], "n1"));
}

/* Its handler has ended; that the task is gone comes a little later. */
static int wait_until_gone(const char *id)
{
	void *properties;
	size_t size_bytes;
	int error;

	do {
		error = metafora_client_get(scene.client, id, &properties,
					    &size_bytes, LONG_MS);
		if (!error)
			free(properties);
	} while (!error);
	return error == METAFORA_ENOENT ? 0 : error;
}

static void live(void)
{
	struct metafora_consumer *consumer = NULL;

	MAKE(make_and_start(&consumer), 0);
	submit_all();
	look(consumer);
	MAKE(metafora_client_delete(scene.client, "job1", LONG_MS),
	     METAFORA_ENOENT);
	CU_ASSERT_EQUAL(scene_run("job1")->reason, METAFORA_STOP_DELETED);
	MAKE(metafora_consumer_command(consumer, "stop_task", "job2", LONG_MS),
	     0);
	CU_ASSERT_TRUE(scene_wait_ended("job2", 1));
	MAKE(wait_until_gone("job2"), 0);
	CU_ASSERT_EQUAL(metafora_consumer_stop(consumer), 0);
	metafora_consumer_free(consumer);
}

/*
 * Broker and client are there already: their threads come and go outside of
 * the life.  Returns whether an allocation failed.
 */
static bool live_with_failure(size_t position)
{
	unsigned int n_failures = CU_get_number_of_failures();
	bool failed;

	scene_open(1000);
	oom_fail_at(position);
	live();
	failed = oom_failed();
	oom_fail_at(0);
	scene_close();
	if (CU_get_number_of_failures() != n_failures)
		tap_note("that was with allocation %zu failing", position);
	return failed;
}

static void memory_that_runs_out_once_stops_no_consumer(void)
{
	size_t n = 0;

	while (live_with_failure(n + 1))
		n++;
	tap_note("%zu allocations failed, one in each life", n);
	CU_ASSERT_TRUE(n > 100);
}

static const struct tap_case cases[] = {
	{"memory that runs out once stops no consumer",
	 memory_that_runs_out_once_stops_no_consumer},
};

TAP_MAIN(cases, NULL, NULL)
