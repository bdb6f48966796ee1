/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks seen to, submitted without waiting, and looked at, through the API. */
#include <metafora.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scene.h"
#include "tap.h"

#define SHORT_MS 30
#define N_MANY 3000

static char long_id[METAFORA_TASK_ID_MAX + 2];
static char big[METAFORA_PROPERTIES_MAX + 1];

static void setup(void)
{
	memset(long_id, 'x', sizeof(long_id) - 1);
	memset(big, 'x', sizeof(big));
	scene_open(10000);
}

static void teardown(void)
{
	scene_close();
}

#define REFUSED(error, call, ...)                                              \
	CU_ASSERT_EQUAL(metafora_client_##call(__VA_ARGS__), METAFORA_##error)

static int ensure(const char *id, const char *properties, int64_t timeout_ms)
{
	return metafora_client_ensure(scene.client, id, properties,
				      strlen(properties), timeout_ms);
}

static size_t n_tasks(void)
{
	struct metafora_listing *listing;
	size_t n;

	CU_ASSERT_EQUAL_FATAL(metafora_client_list(scene.client, NULL, NULL, 0,
						   LONG_MS, &listing),
			      0);
	n = metafora_listing_size(listing);
	metafora_listing_free(listing);
	return n;
}

/* --- ensure ------------------------------------------------------------------- */

static void ensure_refuses_bad_arguments(void)
{
	struct metafora_client *client = scene.client;
	struct metafora_batch *batch;

	CU_ASSERT_EQUAL_FATAL(metafora_batch_new(&batch), 0);
	REFUSED(EINVAL, ensure, NULL, "a", "p", 1, LONG_MS);
	REFUSED(EINVAL, ensure, client, NULL, "p", 1, LONG_MS);
	REFUSED(EINVAL, ensure, client, "a", NULL, 1, LONG_MS);
	REFUSED(EINVAL, ensure, client, "a", "p", 1, 0);
	REFUSED(EEMPTY, ensure, client, "", "p", 1, LONG_MS);
	REFUSED(ENAMETOOLONG, ensure, client, long_id, "p", 1, LONG_MS);
	REFUSED(E2BIG, ensure, client, "a", big, sizeof(big), LONG_MS);
	REFUSED(EINVAL, ensure_batch, NULL, batch, LONG_MS);
	REFUSED(EINVAL, ensure_batch, client, NULL, LONG_MS);
	REFUSED(EINVAL, ensure_batch, client, batch, -1);
	CU_ASSERT_EQUAL(metafora_client_ensure_batch(client, batch, LONG_MS),
			0);
	metafora_batch_free(batch);
	CU_ASSERT_EQUAL(n_tasks(), 0);
}

static void ensure_accepts_the_same_task_again(void)
{
	CU_ASSERT_EQUAL(ensure("a", "one", LONG_MS), 0);
	CU_ASSERT_EQUAL(ensure("a", "one", LONG_MS), 0);
	CU_ASSERT_EQUAL(ensure("a", "two", LONG_MS), METAFORA_EEXIST);
	CU_ASSERT_EQUAL(ensure("a", "one more", LONG_MS), METAFORA_EEXIST);
	CU_ASSERT_EQUAL(ensure("a", "", LONG_MS), METAFORA_EEXIST);
	CU_ASSERT_EQUAL(ensure("none", "", LONG_MS), 0);
	CU_ASSERT_EQUAL(
		metafora_client_ensure(scene.client, "none", NULL, 0, LONG_MS),
		0);
	CU_ASSERT_EQUAL(n_tasks(), 2);
}

static void ensure_settles_an_unknown_outcome(void)
{
	metafora_embedded_lose(scene.broker, NULL, 1, false);
	CU_ASSERT_EQUAL(ensure("answer", "p", LONG_MS), 0);
	metafora_embedded_lose(scene.broker, NULL, 3, true);
	CU_ASSERT_EQUAL(ensure("request", "p", LONG_MS), 0);
	CU_ASSERT_EQUAL(n_tasks(), 2);
	/* Not for ever. */
	metafora_embedded_lose(scene.broker, NULL, 1000, true);
	CU_ASSERT_TRUE(metafora_error_is_unknown_outcome(
		ensure("never", "p", SHORT_MS)));
	metafora_embedded_lose(scene.broker, NULL, 0, true);
	CU_ASSERT_EQUAL(n_tasks(), 2);
}

static void *delete_it(void *arg)
{
	CU_ASSERT_EQUAL(metafora_client_delete(scene.client, arg, LONG_MS), 0);
	return NULL;
}

/* With the scene's lock held; there is one task. */
static bool is_being_stopped(void *arg)
{
	(void)arg;
	return scene.runs && scene.runs->n_stops > 0;
}

static void ensure_waits_for_a_former_life(void)
{
	static char id[] = "a";
	struct metafora_consumer *consumer;
	pthread_t thread;

	CU_ASSERT_EQUAL(scene_submit(id, "stubborn"), 0);
	consumer = scene_start("n1", scene.async);
	CU_ASSERT_TRUE(scene_wait_running(id, "n1"));
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, delete_it, id), 0);
	CU_ASSERT_TRUE(scene_wait(is_being_stopped, NULL, LONG_MS));
	CU_ASSERT_EQUAL(ensure(id, "", SHORT_MS), METAFORA_EBUSY);
	scene_let_go(NULL);
	CU_ASSERT_EQUAL(ensure(id, "", LONG_MS), 0);
	pthread_join(thread, NULL);
	metafora_consumer_free(consumer);
	CU_ASSERT_EQUAL(n_tasks(), 1);
}

static struct metafora_batch *make_batch(size_t n)
{
	struct metafora_batch *batch;
	char id[32];
	size_t i;

	CU_ASSERT_EQUAL_FATAL(metafora_batch_new(&batch), 0);
	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "job%zu", i);
		CU_ASSERT_EQUAL_FATAL(metafora_batch_add(batch, id, strlen(id),
							 id, strlen(id)),
				      0);
	}
	return batch;
}

static void ensure_batch_settles_each_task(void)
{
	struct metafora_batch *batch = make_batch(N_MANY);
	size_t i;

	/* One is there, one is another, some get lost on the way. */
	CU_ASSERT_EQUAL(ensure("job7", "job7", LONG_MS), 0);
	CU_ASSERT_EQUAL(ensure("job8", "other", LONG_MS), 0);
	metafora_embedded_lose(scene.broker, NULL, 500, false);
	CU_ASSERT_EQUAL(metafora_client_ensure_batch(scene.client, batch,
						     LONG_MS),
			METAFORA_EEXIST);
	for (i = 0; i < N_MANY; i++)
		CU_ASSERT_EQUAL(metafora_batch_error(batch, i),
				i == 8 ? METAFORA_EEXIST : 0);
	CU_ASSERT_EQUAL(n_tasks(), N_MANY);
	CU_ASSERT_EQUAL(metafora_client_delete(scene.client, "job8", LONG_MS),
			0);
	CU_ASSERT_EQUAL(metafora_client_ensure_batch(scene.client, batch,
						     LONG_MS),
			0);
	CU_ASSERT_EQUAL(n_tasks(), N_MANY);
	metafora_batch_free(batch);
}

/* --- without waiting ------------------------------------------------------------- */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int n_calls;
	int error;
	char id[METAFORA_TASK_ID_MAX + 1];
	int inner; /* what a blocking call within it returned */
} told = {.lock = PTHREAD_MUTEX_INITIALIZER,
	  .changed = PTHREAD_COND_INITIALIZER};

static void on_submitted(void *arg, const char *id, int error)
{
	int inner = metafora_client_delete(scene.client, "none", LONG_MS);

	CU_ASSERT_PTR_EQUAL(arg, &told);
	pthread_mutex_lock(&told.lock);
	told.inner = inner;
	told.error = error;
	snprintf(told.id, sizeof(told.id), "%s", id);
	told.n_calls++;
	pthread_cond_broadcast(&told.changed);
	pthread_mutex_unlock(&told.lock);
}

static void wait_until_told(unsigned int n)
{
	pthread_mutex_lock(&told.lock);
	while (told.n_calls < n)
		pthread_cond_wait(&told.changed, &told.lock);
	pthread_mutex_unlock(&told.lock);
}

static int submit_async(const char *id, int64_t timeout_ms)
{
	return metafora_client_submit_async(scene.client, id, "p", 1,
					    timeout_ms, on_submitted, &told);
}

static void submit_async_tells_what_came_of_it(void)
{
	told.n_calls = 0;
	CU_ASSERT_EQUAL(submit_async("a", LONG_MS), 0);
	wait_until_told(1);
	CU_ASSERT_EQUAL(told.error, 0);
	CU_ASSERT_STRING_EQUAL(told.id, "a");
	CU_ASSERT_EQUAL(told.inner, METAFORA_ETHREAD);
	CU_ASSERT_EQUAL(submit_async("a", LONG_MS), 0);
	wait_until_told(2);
	CU_ASSERT_EQUAL(told.error, METAFORA_EEXIST);
	metafora_embedded_cut(scene.broker, NULL, true);
	CU_ASSERT_EQUAL(submit_async("b", SHORT_MS), 0);
	wait_until_told(3);
	CU_ASSERT_EQUAL(told.error, METAFORA_ETIMEDOUT);
	metafora_embedded_cut(scene.broker, NULL, false);
}

static void submit_async_refuses_bad_arguments(void)
{
	struct metafora_client *client = scene.client;

	told.n_calls = 0;
	REFUSED(EINVAL, submit_async, NULL, "a", "p", 1, LONG_MS, on_submitted,
		&told);
	REFUSED(EINVAL, submit_async, client, NULL, "p", 1, LONG_MS,
		on_submitted, &told);
	REFUSED(EINVAL, submit_async, client, "a", NULL, 1, LONG_MS,
		on_submitted, &told);
	REFUSED(EINVAL, submit_async, client, "a", "p", 1, 0, on_submitted,
		&told);
	REFUSED(EINVAL, submit_async, client, "a", "p", 1, LONG_MS, NULL, NULL);
	REFUSED(EEMPTY, submit_async, client, "", "p", 1, LONG_MS, on_submitted,
		&told);
	REFUSED(ENAMETOOLONG, submit_async, client, long_id, "p", 1, LONG_MS,
		on_submitted, &told);
	REFUSED(E2BIG, submit_async, client, "a", big, sizeof(big), LONG_MS,
		on_submitted, &told);
	CU_ASSERT_EQUAL(n_tasks(), 0);
	CU_ASSERT_EQUAL(told.n_calls, 0);
}

static void many_are_submitted_without_waiting_and_bounded(void)
{
	unsigned int n = 0;
	char id[32];
	int error;

	told.n_calls = 0;
	metafora_embedded_cut(scene.broker, NULL, true);
	do {
		snprintf(id, sizeof(id), "job%u", n);
		error = submit_async(id, LONG_MS);
		n += !error;
	} while (!error);
	CU_ASSERT_EQUAL(error, METAFORA_EFULL);
	CU_ASSERT_EQUAL(n, 1000);
	metafora_embedded_cut(scene.broker, NULL, false);
	wait_until_told(n);
	CU_ASSERT_EQUAL(told.error, 0);
	CU_ASSERT_EQUAL(n_tasks(), n);
}

static void freeing_the_client_ends_submissions_under_way(void)
{
	struct metafora_client *client;

	told.n_calls = 0;
	metafora_embedded_cut(scene.broker, NULL, true);
	CU_ASSERT_EQUAL_FATAL(metafora_client_new(scene.coordinator, NULL, NULL,
						  METAFORA_LOG_ERROR, &client),
			      0);
	CU_ASSERT_EQUAL(metafora_client_submit_async(client, "a", "p", 1,
						     LONG_MS, on_submitted,
						     &told),
			0);
	metafora_client_free(client);
	CU_ASSERT_EQUAL(told.n_calls, 1);
	CU_ASSERT_EQUAL(told.error, METAFORA_ESTOPPED);
	metafora_embedded_cut(scene.broker, NULL, false);
}

/* --- looking ------------------------------------------------------------------------ */

static void looking_refuses_bad_arguments(void)
{
	struct metafora_client *client = scene.client;
	void *const here = &told;
	struct metafora_task_info *info = here;
	struct metafora_listing *listing = here;

	REFUSED(EINVAL, task, NULL, "a", LONG_MS, &info);
	REFUSED(EINVAL, task, client, NULL, LONG_MS, &info);
	REFUSED(EINVAL, task, client, "a", 0, &info);
	REFUSED(EINVAL, task, client, "a", LONG_MS, NULL);
	REFUSED(EEMPTY, task, client, "", LONG_MS, &info);
	REFUSED(ENAMETOOLONG, task, client, long_id, LONG_MS, &info);
	REFUSED(ENOENT, task, client, "a", LONG_MS, &info);
	REFUSED(EINVAL, list_details, NULL, NULL, NULL, 0, LONG_MS, &listing);
	REFUSED(EINVAL, list_details, client, NULL, NULL, 0, 0, &listing);
	REFUSED(EINVAL, list_details, client, NULL, NULL, 0, LONG_MS, NULL);
	REFUSED(ENAMETOOLONG, list_details, client, long_id, NULL, 0, LONG_MS,
		&listing);
	CU_ASSERT_PTR_EQUAL(info, here);
	CU_ASSERT_PTR_EQUAL(listing, here);
}

static void nothing_is_known_of_no_task(void)
{
	CU_ASSERT_PTR_NULL(metafora_task_info_id(NULL));
	CU_ASSERT_PTR_NULL(metafora_task_info_properties(NULL));
	CU_ASSERT_EQUAL(metafora_task_info_size_bytes(NULL), 0);
	CU_ASSERT_PTR_NULL(metafora_task_info_owner(NULL));
	CU_ASSERT_EQUAL(metafora_task_info_token(NULL), 0);
	CU_ASSERT_EQUAL(metafora_task_info_since_ms(NULL), 0);
	CU_ASSERT_EQUAL(metafora_task_info_submitted_ms(NULL), 0);
	CU_ASSERT_EQUAL(metafora_task_info_n_waiters(NULL), 0);
	CU_ASSERT_PTR_NULL(metafora_task_info_waiter(NULL, 0));
	metafora_task_info_free(NULL);
	CU_ASSERT_EQUAL(metafora_listing_since_ms(NULL, 0), 0);
	CU_ASSERT_PTR_NULL(metafora_node_list_host(NULL, 0));
	CU_ASSERT_PTR_NULL(metafora_node_list_version(NULL, 0));
	CU_ASSERT_EQUAL(metafora_node_list_pid(NULL, 0), 0);
	CU_ASSERT_EQUAL(metafora_node_list_since_ms(NULL, 0), 0);
}

static void a_task_nobody_owns_is_described(void)
{
	struct metafora_task_info *info;

	CU_ASSERT_EQUAL(scene_submit("a", ""), 0);
	CU_ASSERT_EQUAL_FATAL(
		metafora_client_task(scene.client, "a", LONG_MS, &info), 0);
	CU_ASSERT_STRING_EQUAL(metafora_task_info_id(info), "a");
	CU_ASSERT_EQUAL(metafora_task_info_size_bytes(info), 0);
	CU_ASSERT_STRING_EQUAL(metafora_task_info_properties(info), "");
	CU_ASSERT_PTR_NULL(metafora_task_info_owner(info));
	CU_ASSERT_EQUAL(metafora_task_info_token(info), 0);
	CU_ASSERT_EQUAL(metafora_task_info_since_ms(info), 0);
	CU_ASSERT_TRUE(metafora_task_info_submitted_ms(info) > 0);
	CU_ASSERT_EQUAL(metafora_task_info_n_waiters(info), 0);
	CU_ASSERT_PTR_NULL(metafora_task_info_waiter(info, 0));
	metafora_task_info_free(info);
}

static void check_details(uint64_t token)
{
	struct metafora_listing *listing;

	CU_ASSERT_EQUAL_FATAL(metafora_client_list_details(scene.client, NULL,
							   NULL, 0, LONG_MS,
							   &listing),
			      0);
	CU_ASSERT_EQUAL(metafora_listing_size(listing), 1);
	CU_ASSERT_STRING_EQUAL(metafora_listing_owner(listing, 0), "n1");
	CU_ASSERT_EQUAL(metafora_listing_token(listing, 0), token);
	CU_ASSERT_TRUE(metafora_listing_since_ms(listing, 0) > 0);
	CU_ASSERT_EQUAL(metafora_listing_since_ms(listing, 1), 0);
	metafora_listing_free(listing);
}

static void check_node(void)
{
	struct metafora_node_list *nodes;

	CU_ASSERT_EQUAL_FATAL(
		metafora_client_nodes(scene.client, LONG_MS, &nodes), 0);
	CU_ASSERT_EQUAL(metafora_node_list_size(nodes), 1);
	CU_ASSERT_TRUE(strlen(metafora_node_list_host(nodes, 0)) > 0);
	CU_ASSERT_STRING_EQUAL(metafora_node_list_version(nodes, 0),
			       metafora_version());
	CU_ASSERT_EQUAL(metafora_node_list_pid(nodes, 0), (uint32_t)getpid());
	CU_ASSERT_TRUE(metafora_node_list_since_ms(nodes, 0) > 0);
	CU_ASSERT_PTR_NULL(metafora_node_list_host(nodes, 1));
	metafora_node_list_free(nodes);
}

static void an_owned_task_is_described_with_its_owner(void)
{
	struct metafora_consumer *consumer;
	struct metafora_task_info *info;

	CU_ASSERT_EQUAL(scene_submit("a", "finish"), 0);
	consumer = scene_start("n1", scene.async);
	CU_ASSERT_TRUE(scene_wait_running("a", "n1"));
	CU_ASSERT_EQUAL_FATAL(
		metafora_client_task(scene.client, "a", LONG_MS, &info), 0);
	CU_ASSERT_EQUAL(metafora_task_info_size_bytes(info), 6);
	CU_ASSERT_STRING_EQUAL(metafora_task_info_properties(info), "finish");
	CU_ASSERT_STRING_EQUAL(metafora_task_info_owner(info), "n1");
	CU_ASSERT_EQUAL(metafora_task_info_token(info), scene_run("a")->token);
	CU_ASSERT_TRUE(metafora_task_info_since_ms(info) >=
		       metafora_task_info_submitted_ms(info));
	check_details(metafora_task_info_token(info));
	check_node();
	metafora_task_info_free(info);
	metafora_consumer_free(consumer);
}

static const struct tap_case cases[] = {
	{"ensure refuses bad arguments", ensure_refuses_bad_arguments},
	{"ensure accepts the same task again, no other",
	 ensure_accepts_the_same_task_again},
	{"ensure settles an unknown outcome",
	 ensure_settles_an_unknown_outcome},
	{"ensure waits for a former life of the task",
	 ensure_waits_for_a_former_life},
	{"ensure_batch settles each task", ensure_batch_settles_each_task},
	{"submit_async tells what came of it",
	 submit_async_tells_what_came_of_it},
	{"submit_async refuses bad arguments",
	 submit_async_refuses_bad_arguments},
	{"submissions without waiting are bounded",
	 many_are_submitted_without_waiting_and_bounded},
	{"freeing the client ends submissions under way",
	 freeing_the_client_ends_submissions_under_way},
	{"looking at tasks refuses bad arguments",
	 looking_refuses_bad_arguments},
	{"nothing is known of no task", nothing_is_known_of_no_task},
	{"a task nobody owns is described", a_task_nobody_owns_is_described},
	{"an owned task is described with its owner",
	 an_owned_task_is_described_with_its_owner},
};

TAP_MAIN(cases, setup, teardown)
