/* SPDX-License-Identifier: Apache-2.0 */
/* A client on the embedded broker, through the shared library. */
#include <metafora.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define LONG_MS 60000
#define SHORT_MS 30
#define N_THREADS 8
#define N_EACH 40
#define N_MANY 5000

static struct metafora_embedded_broker *broker;
static struct metafora_coordinator *coordinator;
static struct metafora_client *client;

static void setup(void)
{
	CU_ASSERT_EQUAL_FATAL(metafora_embedded_broker_new(10000, &broker), 0);
	CU_ASSERT_EQUAL_FATAL(
		metafora_embedded_coordinator_new(broker, &coordinator), 0);
	CU_ASSERT_EQUAL_FATAL(metafora_client_new(coordinator, NULL, NULL,
						  METAFORA_LOG_ERROR, &client),
			      0);
}

static void teardown(void)
{
	metafora_client_free(client);
	metafora_coordinator_free(coordinator);
	metafora_embedded_broker_free(broker);
}

/* --- helpers ----------------------------------------------------------------- */

static int submit(const char *id, const char *properties)
{
	return metafora_client_submit(client, id, properties,
				      strlen(properties), LONG_MS);
}

static void check_properties(const char *id, const char *expected)
{
	void *properties = NULL;
	size_t size = 0;

	CU_ASSERT_EQUAL(
		metafora_client_get(client, id, &properties, &size, LONG_MS),
		0);
	CU_ASSERT_EQUAL(size, strlen(expected));
	if (properties)
		CU_ASSERT_STRING_EQUAL(properties, expected);
	free(properties);
}

/* Check that a listing shows just these IDs, given with spaces between. */
static void check_list(const char *prefix, const char *after, size_t limit,
		       const char *expected, bool more)
{
	struct metafora_listing *listing;
	char ids[256] = "";
	size_t i;

	CU_ASSERT_EQUAL_FATAL(metafora_client_list(client, prefix, after, limit,
						   LONG_MS, &listing),
			      0);
	for (i = 0; i < metafora_listing_size(listing); i++) {
		size_t used = strlen(ids);

		snprintf(ids + used, sizeof(ids) - used, "%s%s", i ? " " : "",
			 metafora_listing_id(listing, i));
	}
	CU_ASSERT_STRING_EQUAL(ids, expected);
	CU_ASSERT_EQUAL(metafora_listing_more(listing), more);
	metafora_listing_free(listing);
}

/* A batch of job0, job1, ...; each has properties of its own. */
static struct metafora_batch *make_batch(size_t n)
{
	char id[32], properties[48];
	struct metafora_batch *batch;
	size_t i;

	CU_ASSERT_EQUAL_FATAL(metafora_batch_new(&batch), 0);
	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "job%zu", i);
		snprintf(properties, sizeof(properties), "{\"n\": %zu}", i);
		CU_ASSERT_EQUAL_FATAL(metafora_batch_add(batch, id, strlen(id),
							 properties,
							 strlen(properties)),
				      0);
	}
	return batch;
}

/* --- bad arguments -------------------------------------------------------------- */

static char long_id[METAFORA_TASK_ID_MAX + 2];
static char long_node[METAFORA_NODE_NAME_MAX + 2];
static char long_name[METAFORA_COMMAND_NAME_MAX + 2];
static char long_argument[METAFORA_COMMAND_ARGUMENT_MAX + 2];
static char long_properties[METAFORA_PROPERTIES_MAX + 1];

static void fill(char *text, size_t bytes)
{
	memset(text, 'x', bytes - 1);
	text[bytes - 1] = '\0';
}

static void fill_all(void)
{
	fill(long_id, sizeof(long_id));
	fill(long_node, sizeof(long_node));
	fill(long_name, sizeof(long_name));
	fill(long_argument, sizeof(long_argument));
	fill(long_properties, sizeof(long_properties));
}

#define REFUSED(error, call, ...)                                              \
	CU_ASSERT_EQUAL(metafora_client_##call(__VA_ARGS__), METAFORA_##error)

static void new_refuses_bad_arguments(void)
{
	struct metafora_client *none = NULL;

	REFUSED(EINVAL, new, NULL, NULL, NULL, METAFORA_LOG_INFO, &none);
	REFUSED(EINVAL, new, coordinator, NULL, NULL, METAFORA_LOG_INFO, NULL);
	REFUSED(EINVAL, new, coordinator, NULL, NULL,
		(enum metafora_log_level)17, &none);
	CU_ASSERT_PTR_NULL(none);
	metafora_client_free(NULL);
}

static void submit_refuses_bad_arguments(void)
{
	struct metafora_batch *batch = make_batch(1);

	fill_all();
	REFUSED(EINVAL, submit, NULL, "a", "p", 1, LONG_MS);
	REFUSED(EINVAL, submit, client, NULL, "p", 1, LONG_MS);
	REFUSED(EINVAL, submit, client, "a", NULL, 1, LONG_MS);
	REFUSED(EINVAL, submit, client, "a", "p", 1, 0);
	REFUSED(EINVAL, submit, client, "a", "p", 1, -1);
	REFUSED(EEMPTY, submit, client, "", "p", 1, LONG_MS);
	REFUSED(ENAMETOOLONG, submit, client, long_id, "p", 1, LONG_MS);
	REFUSED(E2BIG, submit, client, "a", long_properties,
		sizeof(long_properties), LONG_MS);

	REFUSED(EINVAL, submit_batch, NULL, batch, LONG_MS);
	REFUSED(EINVAL, submit_batch, client, NULL, LONG_MS);
	REFUSED(EINVAL, submit_batch, client, batch, 0);
	CU_ASSERT_EQUAL(metafora_batch_error(batch, 0), METAFORA_ESTATE);
	metafora_batch_free(batch);
	check_list(NULL, NULL, 0, "", false);
}

static void delete_refuses_bad_arguments(void)
{
	fill_all();
	CU_ASSERT_EQUAL(submit("a", ""), 0);
	REFUSED(EINVAL, delete, NULL, "a", LONG_MS);
	REFUSED(EINVAL, delete, client, NULL, LONG_MS);
	REFUSED(EINVAL, delete, client, "a", 0);
	REFUSED(EEMPTY, delete, client, "", LONG_MS);
	REFUSED(ENAMETOOLONG, delete, client, long_id, LONG_MS);
	REFUSED(ENOENT, delete, client, "b", LONG_MS);
	check_list(NULL, NULL, 0, "a", false);
}

static void reads_refuse_bad_arguments(void)
{
	struct metafora_node_list *nodes = NULL;
	struct metafora_listing *listing = NULL;
	void *properties = NULL;
	size_t size = 42;

	fill_all();
	CU_ASSERT_EQUAL(submit("a", ""), 0);
	REFUSED(EINVAL, list, NULL, NULL, NULL, 0, LONG_MS, &listing);
	REFUSED(EINVAL, list, client, NULL, NULL, 0, 0, &listing);
	REFUSED(EINVAL, list, client, NULL, NULL, 0, LONG_MS, NULL);
	REFUSED(ENAMETOOLONG, list, client, long_id, NULL, 0, LONG_MS,
		&listing);
	REFUSED(ENAMETOOLONG, list, client, NULL, long_id, 0, LONG_MS,
		&listing);
	CU_ASSERT_PTR_NULL(listing);

	REFUSED(EINVAL, get, NULL, "a", &properties, &size, LONG_MS);
	REFUSED(EINVAL, get, client, NULL, &properties, &size, LONG_MS);
	REFUSED(EINVAL, get, client, "a", NULL, &size, LONG_MS);
	REFUSED(EINVAL, get, client, "a", &properties, NULL, LONG_MS);
	REFUSED(EINVAL, get, client, "a", &properties, &size, 0);
	REFUSED(EEMPTY, get, client, "", &properties, &size, LONG_MS);
	REFUSED(ENAMETOOLONG, get, client, long_id, &properties, &size,
		LONG_MS);
	REFUSED(ENOENT, get, client, "b", &properties, &size, LONG_MS);
	CU_ASSERT_PTR_NULL(properties);
	CU_ASSERT_EQUAL(size, 42);

	REFUSED(EINVAL, nodes, NULL, LONG_MS, &nodes);
	REFUSED(EINVAL, nodes, client, 0, &nodes);
	REFUSED(EINVAL, nodes, client, LONG_MS, NULL);
	CU_ASSERT_PTR_NULL(nodes);
}

static void command_refuses_bad_arguments(void)
{
	char *result = NULL;

	fill_all();
	REFUSED(EINVAL, command, NULL, "n", "freeze", NULL, LONG_MS, &result);
	REFUSED(EINVAL, command, client, NULL, "freeze", NULL, LONG_MS,
		&result);
	REFUSED(EINVAL, command, client, "n", NULL, NULL, LONG_MS, &result);
	REFUSED(EINVAL, command, client, "n", "caf\xe9", NULL, LONG_MS,
		&result);
	REFUSED(EINVAL, command, client, "n", "freeze", NULL, 0, &result);
	REFUSED(EEMPTY, command, client, "", "freeze", NULL, LONG_MS, &result);
	REFUSED(EEMPTY, command, client, "n", "", NULL, LONG_MS, &result);
	REFUSED(ENAMETOOLONG, command, client, long_node, "freeze", NULL,
		LONG_MS, &result);
	REFUSED(ENAMETOOLONG, command, client, "n", long_name, NULL, LONG_MS,
		&result);
	REFUSED(E2BIG, command, client, "n", "freeze", long_argument, LONG_MS,
		&result);
	REFUSED(ENOENT, command, client, "n", "freeze", NULL, LONG_MS, &result);
	CU_ASSERT_PTR_NULL(result);
}

/* --- tasks ------------------------------------------------------------------------ */

static void a_submitted_task_can_be_read(void)
{
	CU_ASSERT_EQUAL(submit("job1", "{\"x\": 1}"), 0);
	CU_ASSERT_EQUAL(
		metafora_client_submit(client, "job2", NULL, 0, LONG_MS), 0);
	check_properties("job1", "{\"x\": 1}");
	check_properties("job2", "");
	check_list(NULL, NULL, 0, "job1 job2", false);
}

static void a_task_is_submitted_once(void)
{
	CU_ASSERT_EQUAL(submit("job1", "first"), 0);
	CU_ASSERT_EQUAL(submit("job1", "second"), METAFORA_EEXIST);
	check_properties("job1", "first");
	CU_ASSERT_EQUAL(metafora_client_delete(client, "job1", LONG_MS), 0);
	CU_ASSERT_EQUAL(submit("job1", "second"), 0);
	check_properties("job1", "second");
}

static void the_largest_task_fits(void)
{
	void *properties = NULL;
	size_t size = 0;

	fill_all();
	long_id[METAFORA_TASK_ID_MAX] = '\0';
	CU_ASSERT_EQUAL(metafora_client_submit(client, long_id, long_properties,
					       METAFORA_PROPERTIES_MAX,
					       LONG_MS),
			0);
	CU_ASSERT_EQUAL_FATAL(metafora_client_get(client, long_id, &properties,
						  &size, LONG_MS),
			      0);
	CU_ASSERT_EQUAL(size, METAFORA_PROPERTIES_MAX);
	CU_ASSERT_EQUAL(memcmp(properties, long_properties, size), 0);
	free(properties);
}

static void an_id_may_hold_any_bytes_but_nul(void)
{
	char id[METAFORA_TASK_ID_MAX + 1];
	int byte;

	for (byte = 1; byte < 256; byte++) {
		snprintf(id, sizeof(id), "%c/:%%..%c", byte, byte);
		CU_ASSERT_EQUAL(submit(id, id), 0);
		check_properties(id, id);
		CU_ASSERT_EQUAL(metafora_client_delete(client, id, LONG_MS), 0);
	}
	check_list(NULL, NULL, 0, "", false);
}

static void deleting_a_task_spares_those_with_longer_names(void)
{
	CU_ASSERT_EQUAL(submit("job1", "one"), 0);
	CU_ASSERT_EQUAL(submit("job10", "ten"), 0);
	CU_ASSERT_EQUAL(submit("job", "none"), 0);
	CU_ASSERT_EQUAL(metafora_client_delete(client, "job1", LONG_MS), 0);
	check_list(NULL, NULL, 0, "job job10", false);
	check_properties("job10", "ten");
	CU_ASSERT_EQUAL(metafora_client_delete(client, "job1", LONG_MS),
			METAFORA_ENOENT);
	check_list(NULL, NULL, 0, "job job10", false);
}

static void a_listing_is_sorted_and_can_be_narrowed(void)
{
	CU_ASSERT_EQUAL(submit("b", ""), 0);
	CU_ASSERT_EQUAL(submit("a2", ""), 0);
	CU_ASSERT_EQUAL(submit("\xc3\xa4", ""), 0);
	CU_ASSERT_EQUAL(submit("a", ""), 0);
	CU_ASSERT_EQUAL(submit("a10", ""), 0);
	CU_ASSERT_EQUAL(submit("A", ""), 0);
	check_list(NULL, NULL, 0, "A a a10 a2 b \xc3\xa4", false);
	check_list("a", NULL, 0, "a a10 a2", false);
	check_list("a", "a10", 0, "a2", false);
	check_list("", "a1", 0, "a10 a2 b \xc3\xa4", false);
	check_list("a", NULL, 3, "a a10 a2", false);
	check_list("a", NULL, 2, "a a10", true);
	check_list("a", "a10", 1, "a2", false);
	check_list("z", NULL, 0, "", false);
	check_list("a", "b", 0, "", false);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Read all pages and check that they give all of the batch, sorted. */
static void check_pages(const struct metafora_batch *batch, size_t limit)
{
	static const char *ids[N_MANY];
	char last[METAFORA_TASK_ID_MAX + 1] = "";
	struct metafora_listing *page;
	size_t n_read = 0;
	bool more = true;
	size_t i;

	for (i = 0; i < N_MANY; i++)
		ids[i] = metafora_batch_id(batch, i);
	qsort(ids, N_MANY, sizeof(ids[0]), by_bytes);
	while (more) {
		CU_ASSERT_EQUAL_FATAL(metafora_client_list(client, NULL, last,
							   limit, LONG_MS,
							   &page),
				      0);
		CU_ASSERT_TRUE_FATAL(metafora_listing_size(page) > 0);
		CU_ASSERT_TRUE_FATAL(metafora_listing_size(page) <= limit);
		CU_ASSERT_TRUE_FATAL(n_read + metafora_listing_size(page) <=
				     N_MANY);
		for (i = 0; i < metafora_listing_size(page); i++)
			CU_ASSERT_STRING_EQUAL(metafora_listing_id(page, i),
					       ids[n_read + i]);
		n_read += i;
		snprintf(last, sizeof(last), "%s",
			 metafora_listing_id(page, i - 1));
		more = metafora_listing_more(page);
		metafora_listing_free(page);
	}
	CU_ASSERT_EQUAL(n_read, N_MANY);
}

static void thousands_are_submitted_in_one_call(void)
{
	struct metafora_batch *batch = make_batch(N_MANY);
	char id[32], properties[48];
	size_t i;

	CU_ASSERT_EQUAL(metafora_client_submit_batch(client, batch, LONG_MS),
			0);
	for (i = 0; i < N_MANY; i++)
		CU_ASSERT_EQUAL(metafora_batch_error(batch, i), 0);
	check_pages(batch, 700);
	for (i = 0; i < N_MANY; i += 613) {
		snprintf(id, sizeof(id), "job%zu", i);
		snprintf(properties, sizeof(properties), "{\"n\": %zu}", i);
		check_properties(id, properties);
	}
	/* Once more: all of them are there already, and are left alone. */
	CU_ASSERT_EQUAL(metafora_client_delete(client, "job4321", LONG_MS), 0);
	CU_ASSERT_EQUAL(metafora_client_submit_batch(client, batch, LONG_MS),
			METAFORA_EEXIST);
	for (i = 0; i < N_MANY; i++)
		CU_ASSERT_EQUAL(metafora_batch_error(batch, i),
				i == 4321 ? 0 : METAFORA_EEXIST);
	metafora_batch_free(batch);
}

static void a_batch_with_the_same_id_twice_submits_the_first(void)
{
	struct metafora_batch *batch;

	CU_ASSERT_EQUAL_FATAL(metafora_batch_new(&batch), 0);
	CU_ASSERT_EQUAL(metafora_batch_add(batch, "job1", 4, "first", 5), 0);
	CU_ASSERT_EQUAL(metafora_batch_add(batch, "job1", 4, "second", 6), 0);
	CU_ASSERT_EQUAL(metafora_batch_add(batch, "job10", 4, "third", 5), 0);
	CU_ASSERT_EQUAL(metafora_batch_add(batch, "job10", 5, "ten", 3), 0);
	CU_ASSERT_EQUAL(metafora_client_submit_batch(client, batch, LONG_MS),
			METAFORA_EEXIST);
	CU_ASSERT_EQUAL(metafora_batch_error(batch, 0), 0);
	CU_ASSERT_EQUAL(metafora_batch_error(batch, 1), METAFORA_EEXIST);
	CU_ASSERT_EQUAL(metafora_batch_error(batch, 2), METAFORA_EEXIST);
	CU_ASSERT_EQUAL(metafora_batch_error(batch, 3), 0);
	check_properties("job1", "first");
	check_properties("job10", "ten");
	metafora_batch_free(batch);
}

/* --- several users ------------------------------------------------------------------ */

/* Submits, reads, lists and deletes tasks of its own; counts what is wrong. */
static void *use_the_client(void *arg)
{
	size_t *n_wrong = arg;
	struct metafora_listing *listing;
	char id[64], prefix[32];
	void *properties;
	size_t size;
	size_t i;

	snprintf(prefix, sizeof(prefix), "user%p-", arg);
	for (i = 0; i < N_EACH; i++) {
		snprintf(id, sizeof(id), "%s%zu", prefix, i);
		*n_wrong += metafora_client_submit(client, id, id, strlen(id),
						   LONG_MS) != 0;
		if (metafora_client_get(client, id, &properties, &size,
					LONG_MS)) {
			++*n_wrong;
			continue;
		}
		*n_wrong += strcmp(properties, id) != 0;
		free(properties);
	}
	if (metafora_client_list(client, prefix, NULL, 0, LONG_MS, &listing)) {
		++*n_wrong;
		return NULL;
	}
	*n_wrong += metafora_listing_size(listing) != N_EACH;
	for (i = 0; i < metafora_listing_size(listing); i++)
		*n_wrong += metafora_client_delete(
				    client, metafora_listing_id(listing, i),
				    LONG_MS) != 0;
	metafora_listing_free(listing);
	return NULL;
}

static void several_threads_use_one_client(void)
{
	size_t n_wrong[N_THREADS] = {0};
	pthread_t threads[N_THREADS];
	size_t i;

	for (i = 0; i < N_THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL,
						     use_the_client,
						     &n_wrong[i]),
				      0);
	for (i = 0; i < N_THREADS; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(n_wrong[i], 0);
	}
	check_list(NULL, NULL, 0, "", false);
}

static void a_client_keeps_what_it_needs(void)
{
	struct metafora_client *other;

	CU_ASSERT_EQUAL_FATAL(metafora_client_new(coordinator, NULL, NULL,
						  METAFORA_LOG_ERROR, &other),
			      0);
	metafora_coordinator_free(coordinator);
	metafora_embedded_broker_free(broker);
	coordinator = NULL;
	broker = NULL;
	CU_ASSERT_EQUAL(submit("job1", "shared"), 0);
	CU_ASSERT_EQUAL(metafora_client_delete(other, "job1", LONG_MS), 0);
	metafora_client_free(other);
	check_list(NULL, NULL, 0, "", false);
}

/* --- faults --------------------------------------------------------------------------- */

static void calls_wait_for_the_connection(void)
{
	CU_ASSERT_EQUAL(submit("job1", "one"), 0);
	CU_ASSERT_EQUAL(metafora_embedded_cut(broker, NULL, true), 0);
	CU_ASSERT_EQUAL(metafora_client_delete(client, "job1", SHORT_MS),
			METAFORA_ETIMEDOUT);
	CU_ASSERT_EQUAL(
		metafora_client_submit(client, "job2", NULL, 0, SHORT_MS),
		METAFORA_ETIMEDOUT);
	CU_ASSERT_EQUAL(metafora_embedded_cut(broker, NULL, false), 0);
	/* What was given up is not done later. */
	check_list(NULL, NULL, 0, "job1", false);
}

static void a_lost_answer_leaves_the_outcome_unknown(void)
{
	CU_ASSERT_EQUAL(metafora_embedded_lose(broker, NULL, 1, false), 0);
	CU_ASSERT_EQUAL(submit("job1", "kept"), METAFORA_EUNKNOWN);
	check_properties("job1", "kept");
	CU_ASSERT_EQUAL(metafora_embedded_lose(broker, NULL, 1, true), 0);
	CU_ASSERT_EQUAL(submit("job2", "lost"), METAFORA_EUNKNOWN);
	check_list(NULL, NULL, 0, "job1", false);
	CU_ASSERT_EQUAL(submit("job2", "again"), 0);
}

static void a_slow_broker_is_waited_for(void)
{
	CU_ASSERT_EQUAL(metafora_embedded_delay(broker, NULL, 5, 20), 0);
	CU_ASSERT_EQUAL(submit("job1", "slow"), 0);
	check_properties("job1", "slow");
	check_list(NULL, NULL, 0, "job1", false);
	CU_ASSERT_EQUAL(metafora_client_delete(client, "job1", LONG_MS), 0);
}

static void fail_finding(void *arg, const struct metafora_finding *finding)
{
	(void)arg;
	CU_FAIL("nothing can be found");
	(void)finding;
}

static void nothing_can_be_wrong_with_it(void)
{
	CU_ASSERT_EQUAL(metafora_client_check(client, false, fail_finding, NULL,
					      LONG_MS),
			METAFORA_ENOTSUP);
}

static const struct tap_case cases[] = {
	{"new refuses bad arguments", new_refuses_bad_arguments},
	{"submit refuses bad arguments", submit_refuses_bad_arguments},
	{"delete refuses bad arguments", delete_refuses_bad_arguments},
	{"list, get and nodes refuse bad arguments",
	 reads_refuse_bad_arguments},
	{"command refuses bad arguments", command_refuses_bad_arguments},
	{"a submitted task can be read", a_submitted_task_can_be_read},
	{"a task is submitted once", a_task_is_submitted_once},
	{"the largest task fits", the_largest_task_fits},
	{"an ID may hold any bytes but NUL", an_id_may_hold_any_bytes_but_nul},
	{"deleting a task spares those with longer names",
	 deleting_a_task_spares_those_with_longer_names},
	{"a listing is sorted and can be narrowed",
	 a_listing_is_sorted_and_can_be_narrowed},
	{"thousands are submitted in one call",
	 thousands_are_submitted_in_one_call},
	{"a batch with the same ID twice submits the first",
	 a_batch_with_the_same_id_twice_submits_the_first},
	{"several threads use one client", several_threads_use_one_client},
	{"a client keeps what it needs", a_client_keeps_what_it_needs},
	{"calls wait for the connection", calls_wait_for_the_connection},
	{"a lost answer leaves the outcome unknown",
	 a_lost_answer_leaves_the_outcome_unknown},
	{"a slow broker is waited for", a_slow_broker_is_waited_for},
	{"the embedded broker needs no check", nothing_can_be_wrong_with_it},
};

TAP_MAIN(cases, setup, teardown)
