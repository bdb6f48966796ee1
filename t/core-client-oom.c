/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking calls of a client when memory runs out, on threads. */
#include <metafora.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "oom.h"
#include "tap.h"

#define LONG_MS 60000

static struct metafora_embedded_broker *broker;
static struct metafora_coordinator *coordinator;
static struct metafora_client *client;

/*
 * Whether to make a call again: out of memory means that nothing was done, so
 * the second try must find everything as the first did.
 */
static bool again(int error)
{
	if (error != METAFORA_ENOMEM)
		return false;
	CU_ASSERT_TRUE(oom_failed());
	return true;
}

/* Expect a result, at the first try or at the second. */
#define EXPECT(expected, call)                                                 \
	do {                                                                   \
		int error_ = (call);                                           \
                                                                               \
		if (again(error_))                                             \
			error_ = (call);                                       \
		CU_ASSERT_EQUAL(error_, expected);                             \
	} while (0)

static void submit_all(void)
{
	struct metafora_batch *batch;
	int error;

	EXPECT(0, metafora_client_submit(client, "job1", "one", 3, LONG_MS));
	oom_pause();
	CU_ASSERT_EQUAL_FATAL(metafora_batch_new(&batch), 0);
	CU_ASSERT_EQUAL_FATAL(metafora_batch_add(batch, "job2", 4, "2", 1), 0);
	CU_ASSERT_EQUAL_FATAL(metafora_batch_add(batch, "job3", 4, "3", 1), 0);
	oom_resume();
	error = metafora_client_submit_batch(client, batch, LONG_MS);
	if (again(error)) {
		/* What was not done of it is done now. */
		size_t n_before = metafora_batch_error(batch, 0) == 0;

		n_before += metafora_batch_error(batch, 1) == 0;
		error = metafora_client_submit_batch(client, batch, LONG_MS);
		CU_ASSERT_EQUAL(error, n_before ? METAFORA_EEXIST : 0);
	} else {
		CU_ASSERT_EQUAL(error, 0);
	}
	metafora_batch_free(batch);
}

static void read_all(void)
{
	struct metafora_node_list *nodes = NULL;
	struct metafora_listing *listing = NULL;
	void *properties = NULL;
	size_t size;

	EXPECT(0,
	       metafora_client_list(client, NULL, NULL, 0, LONG_MS, &listing));
	CU_ASSERT_EQUAL(metafora_listing_size(listing), 3);
	metafora_listing_free(listing);
	EXPECT(0, metafora_client_nodes(client, LONG_MS, &nodes));
	CU_ASSERT_PTR_NOT_NULL(nodes);
	metafora_node_list_free(nodes);
	EXPECT(0, metafora_client_get(client, "job1", &properties, &size,
				      LONG_MS));
	CU_ASSERT_PTR_NOT_NULL_FATAL(properties);
	CU_ASSERT_STRING_EQUAL(properties, "one");
	free(properties);
}

static void see_to_all(void)
{
	struct metafora_task_info *info = NULL;
	struct metafora_listing *listing = NULL;
	struct metafora_answers *answers = NULL;

	EXPECT(0, metafora_client_ensure(client, "job1", "one", 3, LONG_MS));
	EXPECT(METAFORA_EEXIST,
	       metafora_client_ensure(client, "job1", "two", 3, LONG_MS));
	EXPECT(0, metafora_client_task(client, "job1", LONG_MS, &info));
	CU_ASSERT_STRING_EQUAL(metafora_task_info_properties(info), "one");
	metafora_task_info_free(info);
	EXPECT(0, metafora_client_list_details(client, NULL, NULL, 0, LONG_MS,
					       &listing));
	CU_ASSERT_EQUAL(metafora_listing_size(listing), 3);
	metafora_listing_free(listing);
	EXPECT(METAFORA_ENOENT, metafora_client_command_send(client, "n1", "x",
							     NULL, LONG_MS));
	EXPECT(0, metafora_client_command_all(client, "x", NULL, LONG_MS,
					      &answers));
	CU_ASSERT_EQUAL(metafora_answers_size(answers), 0);
	metafora_answers_free(answers);
}

static void live(void *arg)
{
	char *result = NULL;
	int error;

	(void)arg;
	oom_pause();
	CU_ASSERT_EQUAL_FATAL(metafora_embedded_broker_new(10000, &broker), 0);
	CU_ASSERT_EQUAL_FATAL(
		metafora_embedded_coordinator_new(broker, &coordinator), 0);
	oom_resume();
	error = metafora_client_new(coordinator, NULL, NULL, METAFORA_LOG_ERROR,
				    &client);
	if (again(error))
		error = metafora_client_new(coordinator, NULL, NULL,
					    METAFORA_LOG_ERROR, &client);
	CU_ASSERT_EQUAL_FATAL(error, 0);
	submit_all();
	read_all();
	see_to_all();
	EXPECT(METAFORA_ENOENT,
	       metafora_client_command(client, "n1", "dump", "caf\xe9", LONG_MS,
				       &result));
	CU_ASSERT_PTR_NULL(result);
	EXPECT(0, metafora_client_delete(client, "job1", LONG_MS));
	metafora_client_free(client);
	metafora_coordinator_free(coordinator);
	metafora_embedded_broker_free(broker);
}

static void memory_that_runs_out_once_delays_but_spoils_nothing(void)
{
	CU_ASSERT_TRUE(oom_for_each(live, NULL) > 20);
}

static const struct tap_case cases[] = {
	{"memory that runs out once delays, but spoils nothing",
	 memory_that_runs_out_once_delays_but_spoils_nothing},
};

TAP_MAIN(cases, NULL, NULL)
