/* SPDX-License-Identifier: Apache-2.0 */
/* Many asynchronous tasks through the shared library: none is lost. */
#include <metafora.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tap.h"

#define N_TASKS 2000 /* times MF_TEST_SCALE */
#define N_NODES_MAX 4
#define LONG_MS 120000
#define ID_PREFIX "task-"

static struct metafora_embedded_broker *broker;
static struct metafora_coordinator *coordinator;
static struct metafora_handler *handler;
static struct metafora_client *client;
static struct metafora_consumer *nodes[N_NODES_MAX];
static size_t n_nodes;
static size_t n_tasks;

/* What the handler knows of each task. */
struct seen {
	/* Who takes it out of here finishes it. */
	_Atomic(struct metafora_task *) task;
	atomic_uint n_running; /* at this moment */
	atomic_uint n_done;
};

static struct seen *seen;
static atomic_bool work_is_done;
static atomic_size_t n_wrong; /* starts that should not have been */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static size_t n_running; /* guarded by lock */

/* --- the handler ------------------------------------------------------------- */

static struct seen *seen_of(const struct metafora_task *task)
{
	const char *id = metafora_task_id(task);

	return &seen[strtoul(id + strlen(ID_PREFIX), NULL, 10)];
}

static void count(int by)
{
	pthread_mutex_lock(&lock);
	n_running += (size_t)by;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void finish(struct seen *s, enum metafora_outcome outcome)
{
	struct metafora_task *task = atomic_exchange(&s->task, NULL);

	if (!task)
		return;
	if (outcome == METAFORA_DONE)
		atomic_fetch_add(&s->n_done, 1);
	if (metafora_task_finish(task, outcome))
		atomic_fetch_add(&n_wrong, 1);
}

static int on_start(void *arg, struct metafora_task *task)
{
	struct seen *s = seen_of(task);
	size_t size = 0;
	const char *properties = metafora_task_properties(task, &size);

	(void)arg;
	if (atomic_fetch_add(&s->n_running, 1) || atomic_load(&s->n_done) ||
	    size != strlen(metafora_task_id(task)) ||
	    strcmp(properties, metafora_task_id(task)))
		atomic_fetch_add(&n_wrong, 1);
	atomic_store(&s->task, task);
	count(1);
	/* It moved while all were finished: now it is here. */
	if (atomic_load(&work_is_done))
		finish(s, METAFORA_DONE);
	return 0;
}

static void on_stop(void *arg, struct metafora_task *task)
{
	(void)arg;
	finish(seen_of(task), METAFORA_RELEASE);
}

static void on_end(void *arg, struct metafora_task *task)
{
	(void)arg;
	atomic_fetch_sub(&seen_of(task)->n_running, 1);
	count(-1);
}

static bool wait_for_running(size_t n)
{
	struct timespec deadline;
	bool reached;
	int error = 0;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += LONG_MS / 1000;
	pthread_mutex_lock(&lock);
	while (n_running != n && !error)
		error = pthread_cond_timedwait(&changed, &lock, &deadline);
	reached = n_running == n;
	pthread_mutex_unlock(&lock);
	return reached;
}

/* --- fixture ----------------------------------------------------------------- */

static void setup(void)
{
	size_t i;

	n_tasks = tap_scaled(N_TASKS);
	n_nodes = 0;
	n_running = 0;
	atomic_store(&n_wrong, 0);
	atomic_store(&work_is_done, false);
	seen = calloc(n_tasks, sizeof(*seen));
	CU_ASSERT_PTR_NOT_NULL_FATAL(seen);
	for (i = 0; i < n_tasks; i++)
		atomic_init(&seen[i].task, NULL);
	CU_ASSERT_EQUAL_FATAL(metafora_embedded_broker_new(10000, &broker), 0);
	CU_ASSERT_EQUAL_FATAL(
		metafora_embedded_coordinator_new(broker, &coordinator), 0);
	CU_ASSERT_EQUAL_FATAL(
		metafora_handler_new_async(on_start, NULL, &handler), 0);
	CU_ASSERT_EQUAL_FATAL(metafora_handler_set_stop(handler, on_stop), 0);
	CU_ASSERT_EQUAL_FATAL(metafora_handler_set_end(handler, on_end), 0);
	CU_ASSERT_EQUAL_FATAL(metafora_client_new(coordinator, NULL, NULL,
						  METAFORA_LOG_ERROR, &client),
			      0);
}

static void teardown(void)
{
	size_t i;

	for (i = 0; i < n_nodes; i++)
		metafora_consumer_free(nodes[i]);
	metafora_client_free(client);
	metafora_handler_free(handler);
	metafora_coordinator_free(coordinator);
	metafora_embedded_broker_free(broker);
	free(seen);
}

static void start_nodes(size_t n)
{
	char name[32];

	while (n_nodes < n) {
		snprintf(name, sizeof(name), "node%zu", n_nodes);
		CU_ASSERT_EQUAL_FATAL(metafora_consumer_new(name, coordinator,
							    NULL, handler,
							    &nodes[n_nodes]),
				      0);
		n_nodes++;
		CU_ASSERT_EQUAL_FATAL(
			metafora_consumer_start(nodes[n_nodes - 1], LONG_MS),
			0);
	}
}

/* Properties of a task are its ID. */
static void submit_all(void)
{
	struct metafora_batch *batch;
	char id[32];
	size_t i;

	CU_ASSERT_EQUAL_FATAL(metafora_batch_new(&batch), 0);
	for (i = 0; i < n_tasks; i++) {
		size_t n = (size_t)snprintf(id, sizeof(id), ID_PREFIX "%zu", i);

		CU_ASSERT_EQUAL_FATAL(metafora_batch_add(batch, id, n, id, n),
				      0);
	}
	CU_ASSERT_EQUAL(metafora_client_submit_batch(client, batch, LONG_MS),
			0);
	metafora_batch_free(batch);
}

/* The number of tasks that the broker has, and of those with an owner. */
static size_t list(size_t *n_owned)
{
	struct metafora_listing *listing;
	size_t n, i;

	CU_ASSERT_EQUAL_FATAL(
		metafora_client_list(client, NULL, NULL, 0, LONG_MS, &listing),
		0);
	n = metafora_listing_size(listing);
	*n_owned = 0;
	for (i = 0; i < n; i++)
		*n_owned += metafora_listing_owner(listing, i) != NULL;
	metafora_listing_free(listing);
	return n;
}

/* Each listing asks the broker: that takes its time, and yields. */
static bool wait_for_empty_broker(void)
{
	struct timespec now, deadline;
	size_t n_owned;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += LONG_MS / 1000;
	do {
		if (list(&n_owned) == 0)
			return true;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < deadline.tv_sec);
	return false;
}

static void check_all_done_once(void)
{
	size_t n_done_once = 0;
	size_t i;

	for (i = 0; i < n_tasks; i++)
		n_done_once += atomic_load(&seen[i].n_done) == 1;
	CU_ASSERT_EQUAL(n_done_once, n_tasks);
}

static void finish_all(void)
{
	size_t i;

	atomic_store(&work_is_done, true);
	for (i = 0; i < n_tasks; i++)
		finish(&seen[i], METAFORA_DONE);
}

static void stop_nodes(void)
{
	size_t i;

	for (i = 0; i < n_nodes; i++)
		CU_ASSERT_EQUAL(metafora_consumer_close(nodes[i]), 0);
	for (i = 0; i < n_nodes; i++)
		CU_ASSERT_EQUAL(metafora_consumer_stop(nodes[i]), 0);
}

static void run_to_the_end(size_t n)
{
	size_t n_owned;

	start_nodes(n);
	submit_all();
	CU_ASSERT_FATAL(wait_for_running(n_tasks));
	CU_ASSERT_EQUAL(list(&n_owned), n_tasks);
	finish_all();
	CU_ASSERT(wait_for_empty_broker());
	CU_ASSERT(wait_for_running(0));
	check_all_done_once();
	CU_ASSERT_EQUAL(atomic_load(&n_wrong), 0);
	stop_nodes();
	CU_ASSERT_EQUAL(list(&n_owned), 0);
}

/* --- cases -------------------------------------------------------------------- */

static void one_node(void)
{
	run_to_the_end(1);
}

static void several_nodes(void)
{
	run_to_the_end(N_NODES_MAX);
}

static void shutdown_releases(void)
{
	size_t n_owned;

	submit_all();
	start_nodes(1);
	CU_ASSERT_FATAL(wait_for_running(n_tasks));
	list(&n_owned);
	CU_ASSERT_EQUAL(n_owned, n_tasks);
	stop_nodes();
	CU_ASSERT(wait_for_running(0));
	CU_ASSERT_EQUAL(list(&n_owned), n_tasks);
	CU_ASSERT_EQUAL(n_owned, 0);
	CU_ASSERT_EQUAL(atomic_load(&n_wrong), 0);
}

static const struct tap_case cases[] = {
	{"one node claims, runs and finishes many tasks", one_node},
	{"several nodes claim, run and finish many tasks", several_nodes},
	{"a shutdown releases many tasks and leaves them to others",
	 shutdown_releases},
};

TAP_MAIN(cases, setup, teardown)
