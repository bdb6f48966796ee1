/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking calls of a client, with a coordinator of the test's own. */
#include <errno.h>
#include <metafora.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tap.h"

#define LONG_MS 60000
#define SHORT_MS 30
#define N_THREADS 8

/*
 * The coordinator gives one answer to whatever it is asked, or none.  It
 * lives on the client's thread; the test looks at it under the lock.
 */
static struct canned {
	const struct metafora_host *host;
	const struct metafora_client_sink *sink;
	int open_error;
	struct metafora_reply reply;
	/* Of submit: this error for each task whose ID ends in '7'. */
	int error_of_sevens;
	/* Of the second request. */
	int error_of_second;
	size_t n_answered_max; /* is silent after so many */
	void (*inside)(void);  /* called within the operation */
	struct metafora_post closed_post;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t n_requests, n_cancelled;
	size_t n_under_way, n_under_way_max;
	size_t n_tasks, n_tasks_max, bytes_max;
	char data[256]; /* of the newest command */
} canned;

struct answer {
	struct metafora_post post; /* first */
	uint64_t request;
	bool second;
	size_t n_errors;
	int errors[];
};

static void deliver_answer(struct metafora_post *post, bool dropped)
{
	struct answer *answer = (struct answer *)(void *)post;
	struct metafora_reply reply = canned.reply;

	pthread_mutex_lock(&canned.lock);
	canned.n_under_way--;
	pthread_mutex_unlock(&canned.lock);
	if (answer->n_errors) {
		reply.errors = answer->errors;
		reply.n_errors = answer->n_errors;
	}
	if (answer->second)
		reply.error = canned.error_of_second;
	if (!dropped)
		canned.sink->reply(canned.host, answer->request, &reply);
	free(answer);
}

/* Note the request; the answer to it, or NULL if there is to be none. */
static struct answer *take(uint64_t request, size_t n_errors)
{
	struct answer *answer;
	bool silent, second;

	if (canned.inside)
		canned.inside();
	pthread_mutex_lock(&canned.lock);
	silent = canned.n_requests++ >= canned.n_answered_max;
	second = canned.n_requests == 2;
	if (!silent && ++canned.n_under_way > canned.n_under_way_max)
		canned.n_under_way_max = canned.n_under_way;
	pthread_cond_broadcast(&canned.changed);
	pthread_mutex_unlock(&canned.lock);
	if (silent)
		return NULL;
	answer = calloc(1, sizeof(*answer) + n_errors * sizeof(int));
	if (!answer)
		abort();
	answer->second = second && canned.error_of_second;
	answer->post.deliver = deliver_answer;
	answer->request = request;
	answer->n_errors = n_errors;
	return answer;
}

static void give(struct answer *answer)
{
	if (answer)
		canned.host->post(canned.host, &answer->post);
}

static int op_open(void *config, const struct metafora_host *host,
		   const struct metafora_client_sink *sink, void **state)
{
	(void)config;
	if (canned.open_error)
		return canned.open_error;
	canned.host = host;
	canned.sink = sink;
	*state = &canned;
	return 0;
}

static void op_submit(void *state, uint64_t request,
		      const struct metafora_submission *submissions, size_t n)
{
	struct answer *answer = take(request, n);
	size_t bytes = 0;
	size_t i;

	(void)state;
	for (i = 0; i < n; i++) {
		const char *id = submissions[i].task;

		bytes += strlen(id) + submissions[i].size_bytes;
		if (answer && id[strlen(id) - 1] == '7')
			answer->errors[i] = canned.error_of_sevens;
	}
	pthread_mutex_lock(&canned.lock);
	canned.n_tasks += n;
	if (n > canned.n_tasks_max)
		canned.n_tasks_max = n;
	if (n > 1 && bytes > canned.bytes_max)
		canned.bytes_max = bytes;
	pthread_mutex_unlock(&canned.lock);
	give(answer);
}

static void op_remove(void *state, uint64_t request, const char *task)
{
	(void)state;
	(void)task;
	give(take(request, 0));
}

static void op_list(void *state, uint64_t request, const char *prefix,
		    const char *after, size_t limit)
{
	(void)state;
	(void)prefix;
	(void)after;
	(void)limit;
	give(take(request, 0));
}

static void op_get(void *state, uint64_t request, const char *task)
{
	(void)state;
	(void)task;
	give(take(request, 0));
}

static void op_nodes(void *state, uint64_t request)
{
	(void)state;
	give(take(request, 0));
}

static void op_command(void *state, uint64_t request, const char *node,
		       const void *data, size_t size_bytes)
{
	(void)state;
	(void)node;
	if (size_bytes >= sizeof(canned.data))
		abort();
	pthread_mutex_lock(&canned.lock);
	memcpy(canned.data, data, size_bytes);
	canned.data[size_bytes] = '\0';
	pthread_mutex_unlock(&canned.lock);
	give(take(request, 0));
}

static void op_check(void *state, uint64_t request, bool repair)
{
	strcpy(canned.data, repair ? "repair" : "look");
	op_nodes(state, request);
}

static void op_cancel(void *state, uint64_t request)
{
	(void)state;
	(void)request;
	pthread_mutex_lock(&canned.lock);
	canned.n_cancelled++;
	pthread_mutex_unlock(&canned.lock);
}

static void deliver_closed(struct metafora_post *post, bool dropped)
{
	(void)post;
	if (!dropped)
		canned.sink->closed(canned.host);
}

static void op_close(void *state)
{
	(void)state;
	canned.closed_post.deliver = deliver_closed;
	canned.host->post(canned.host, &canned.closed_post);
}

static void op_free(void *state)
{
	(void)state;
}

static const struct metafora_client_ops ops = {
	.abi_version = METAFORA_COORDINATOR_ABI,
	.size = sizeof(ops),
	.name = "canned",
	.open = op_open,
	.submit = op_submit,
	.remove = op_remove,
	.list = op_list,
	.get = op_get,
	.nodes = op_nodes,
	.command = op_command,
	.cancel = op_cancel,
	.close = op_close,
	.free = op_free,
	.check = op_check,
};

/* --- fixture --------------------------------------------------------------- */

static struct metafora_coordinator *coordinator;
static struct metafora_client *client;

static void open_client(void)
{
	CU_ASSERT_EQUAL_FATAL(metafora_client_new(coordinator, NULL, NULL,
						  METAFORA_LOG_ERROR, &client),
			      0);
}

static void setup(void)
{
	memset(&canned, 0, sizeof(canned));
	canned.n_answered_max = SIZE_MAX;
	pthread_mutex_init(&canned.lock, NULL);
	pthread_cond_init(&canned.changed, NULL);
	CU_ASSERT_EQUAL_FATAL(
		metafora_coordinator_new(NULL, &ops, NULL, NULL, &coordinator),
		0);
	open_client();
}

static void teardown(void)
{
	metafora_client_free(client);
	client = NULL;
	metafora_coordinator_free(coordinator);
	pthread_cond_destroy(&canned.changed);
	pthread_mutex_destroy(&canned.lock);
}

/* Wait until the coordinator has seen so many requests. */
static void await_requests(size_t n)
{
	struct timespec deadline;
	int error = 0;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += LONG_MS / 1000;
	pthread_mutex_lock(&canned.lock);
	while (canned.n_requests < n && error != ETIMEDOUT)
		error = pthread_cond_timedwait(&canned.changed, &canned.lock,
					       &deadline);
	CU_ASSERT_TRUE_FATAL(canned.n_requests >= n);
	pthread_mutex_unlock(&canned.lock);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * (int64_t)1000 + now.tv_nsec / 1000000;
}

/* --- cases ------------------------------------------------------------------- */

static void submit_returns_the_error_of_its_task(void)
{
	CU_ASSERT_EQUAL(metafora_client_submit(client, "job1", "p", 1, LONG_MS),
			0);
	canned.error_of_sevens = METAFORA_EBUSY;
	CU_ASSERT_EQUAL(
		metafora_client_submit(client, "job7", NULL, 0, LONG_MS),
		METAFORA_EBUSY);
	CU_ASSERT_EQUAL(metafora_client_submit(client, "job1", "p", 1, LONG_MS),
			0);
}

static void get_copies_the_properties(void)
{
	void *properties = NULL;
	size_t size = 0;

	canned.reply.data = "a\0b";
	canned.reply.size_bytes = 3;
	CU_ASSERT_EQUAL_FATAL(metafora_client_get(client, "job1", &properties,
						  &size, LONG_MS),
			      0);
	CU_ASSERT_EQUAL(size, 3);
	CU_ASSERT_EQUAL(memcmp(properties, "a\0b", 4), 0);
	free(properties);

	canned.reply.data = NULL;
	canned.reply.size_bytes = 0;
	properties = NULL;
	CU_ASSERT_EQUAL_FATAL(metafora_client_get(client, "job1", &properties,
						  &size, LONG_MS),
			      0);
	CU_ASSERT_EQUAL(size, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(properties);
	CU_ASSERT_EQUAL(*(char *)properties, '\0');
	free(properties);
}

static void list_copies_the_rows(void)
{
	const struct metafora_task_row rows[] = {
		{"job1", "n1", 77, 1000},
		{"job10", NULL, 0, 1000},
		{"job2", "n2", 78, 1001}};
	struct metafora_listing *listing = NULL;

	canned.reply.tasks = rows;
	canned.reply.n_tasks = 3;
	canned.reply.more = true;
	CU_ASSERT_EQUAL_FATAL(
		metafora_client_list(client, NULL, NULL, 0, LONG_MS, &listing),
		0);
	CU_ASSERT_EQUAL(metafora_listing_size(listing), 3);
	CU_ASSERT_TRUE(metafora_listing_more(listing));
	CU_ASSERT_STRING_EQUAL(metafora_listing_id(listing, 0), "job1");
	CU_ASSERT_STRING_EQUAL(metafora_listing_owner(listing, 0), "n1");
	CU_ASSERT_EQUAL(metafora_listing_token(listing, 0), 77);
	CU_ASSERT_EQUAL(metafora_listing_since_ms(listing, 0), 1000);
	CU_ASSERT_STRING_EQUAL(metafora_listing_id(listing, 1), "job10");
	CU_ASSERT_PTR_NULL(metafora_listing_owner(listing, 1));
	CU_ASSERT_EQUAL(metafora_listing_token(listing, 1), 0);
	CU_ASSERT_EQUAL(metafora_listing_since_ms(listing, 1), 0);
	CU_ASSERT_STRING_EQUAL(metafora_listing_id(listing, 2), "job2");
	CU_ASSERT_STRING_EQUAL(metafora_listing_owner(listing, 2), "n2");

	CU_ASSERT_PTR_NULL(metafora_listing_id(listing, 3));
	CU_ASSERT_PTR_NULL(metafora_listing_owner(listing, 3));
	CU_ASSERT_EQUAL(metafora_listing_token(listing, 3), 0);
	metafora_listing_free(listing);

	CU_ASSERT_EQUAL(metafora_listing_size(NULL), 0);
	CU_ASSERT_FALSE(metafora_listing_more(NULL));
	CU_ASSERT_PTR_NULL(metafora_listing_id(NULL, 0));
	metafora_listing_free(NULL);
}

static void nodes_copies_the_rows(void)
{
	const struct metafora_member_row rows[] = {
		{.record = {.node = "n1",
			    .state = METAFORA_MEMBER_FROZEN,
			    .weight = 2.5,
			    .capacity = 9},
		 .n_owned = 4},
		{.record = {.node = "n2", .weight = 1}},
	};
	struct metafora_node_list *list = NULL;

	canned.reply.members = rows;
	canned.reply.n_members = 2;
	CU_ASSERT_EQUAL_FATAL(metafora_client_nodes(client, LONG_MS, &list), 0);
	CU_ASSERT_EQUAL(metafora_node_list_size(list), 2);
	CU_ASSERT_STRING_EQUAL(metafora_node_list_name(list, 0), "n1");
	CU_ASSERT_EQUAL(metafora_node_list_state(list, 0),
			METAFORA_MEMBER_FROZEN);
	CU_ASSERT_EQUAL(metafora_node_list_weight(list, 0), 2.5);
	CU_ASSERT_EQUAL(metafora_node_list_capacity(list, 0), 9);
	CU_ASSERT_EQUAL(metafora_node_list_n_owned(list, 0), 4);
	CU_ASSERT_STRING_EQUAL(metafora_node_list_name(list, 1), "n2");

	CU_ASSERT_PTR_NULL(metafora_node_list_name(list, 2));
	CU_ASSERT_EQUAL(metafora_node_list_state(list, 2), 0);
	CU_ASSERT_EQUAL(metafora_node_list_weight(list, 2), 0);
	CU_ASSERT_EQUAL(metafora_node_list_capacity(list, 2), 0);
	CU_ASSERT_EQUAL(metafora_node_list_n_owned(list, 2), 0);
	metafora_node_list_free(list);

	CU_ASSERT_EQUAL(metafora_node_list_size(NULL), 0);
	CU_ASSERT_PTR_NULL(metafora_node_list_name(NULL, 0));
	metafora_node_list_free(NULL);
}

static void count_finding(void *arg, const struct metafora_finding *finding)
{
	size_t *n = arg;

	CU_ASSERT_STRING_EQUAL(finding->path, *n ? "/b" : "/a");
	CU_ASSERT_STRING_EQUAL(finding->what, "is odd");
	CU_ASSERT_EQUAL(finding->remedy, METAFORA_REMEDY_FAILED);
	CU_ASSERT_EQUAL(finding->error, METAFORA_EAUTH);
	++*n;
}

static void check_tells_each_finding(void)
{
	const struct metafora_finding findings[] = {
		{"/a", "is odd", METAFORA_REMEDY_FAILED, METAFORA_EAUTH},
		{"/b", "is odd", METAFORA_REMEDY_FAILED, METAFORA_EAUTH},
	};
	const struct metafora_finding odd = {"/a", NULL, 0, 0};
	size_t n = 0;

	canned.reply.findings = findings;
	canned.reply.n_findings = 2;
	CU_ASSERT_EQUAL(
		metafora_client_check(client, 1, count_finding, &n, LONG_MS),
		0);
	CU_ASSERT_EQUAL(n, 2);
	CU_ASSERT_STRING_EQUAL(canned.data, "repair");
	canned.reply.more = true;
	n = 0;
	CU_ASSERT_EQUAL(
		metafora_client_check(client, 0, count_finding, &n, LONG_MS),
		METAFORA_EFULL);
	CU_ASSERT_EQUAL(n, 2);
	CU_ASSERT_STRING_EQUAL(canned.data, "look");
	canned.reply.findings = &odd;
	canned.reply.n_findings = 1;
	CU_ASSERT_EQUAL(
		metafora_client_check(client, 0, count_finding, &n, LONG_MS),
		METAFORA_EPROTO);
	CU_ASSERT_EQUAL(n, 2);
	CU_ASSERT_EQUAL(metafora_client_check(client, 0, NULL, NULL, 1),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_client_check(NULL, 0, count_finding, &n, 1),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_client_check(client, 0, count_finding, &n, 0),
			METAFORA_EINVAL);
}

static void command_copies_the_answer_of_the_node(void)
{
	char *result = NULL;

	canned.reply.data = "done";
	canned.reply.size_bytes = 4;
	CU_ASSERT_EQUAL(metafora_client_command(client, "n1", "dump", "all",
						LONG_MS, &result),
			0);
	CU_ASSERT_STRING_EQUAL(canned.data,
			       "{\"command\":\"dump\",\"argument\":\"all\"}");
	CU_ASSERT_PTR_NOT_NULL_FATAL(result);
	CU_ASSERT_STRING_EQUAL(result, "done");
	free(result);
	CU_ASSERT_EQUAL(metafora_client_command(client, "n1", "dump", NULL,
						LONG_MS, NULL),
			0);
	CU_ASSERT_STRING_EQUAL(canned.data,
			       "{\"command\":\"dump\",\"argument\":\"\"}");

	/* The node's refusal bears a text, too. */
	canned.reply.error = METAFORA_ENOTSUP;
	result = NULL;
	CU_ASSERT_EQUAL(metafora_client_command(client, "n1", "dump", NULL,
						LONG_MS, &result),
			METAFORA_ENOTSUP);
	CU_ASSERT_PTR_NOT_NULL_FATAL(result);
	CU_ASSERT_STRING_EQUAL(result, "done");
	free(result);

	canned.reply.error = 0;
	canned.reply.data = "";
	canned.reply.size_bytes = 0;
	result = NULL;
	CU_ASSERT_EQUAL(metafora_client_command(client, "n1", "dump", NULL,
						LONG_MS, &result),
			0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(result);
	CU_ASSERT_STRING_EQUAL(result, "");
	free(result);
}

/*
 * Make every call that has outputs, expecting one error from each, and check
 * that the outputs are untouched.
 */
static void check_all_fail(int error, int64_t timeout_ms)
{
	void *const here = &canned;
	struct metafora_listing *listing = here;
	struct metafora_node_list *list = here;
	char *result = here;
	void *properties = here;
	size_t size = 42;

	CU_ASSERT_EQUAL(metafora_client_submit(client, "a", "p", 1, timeout_ms),
			error);
	CU_ASSERT_EQUAL(metafora_client_delete(client, "a", timeout_ms), error);
	CU_ASSERT_EQUAL(metafora_client_get(client, "a", &properties, &size,
					    timeout_ms),
			error);
	CU_ASSERT_EQUAL(metafora_client_list(client, NULL, NULL, 0, timeout_ms,
					     &listing),
			error);
	CU_ASSERT_EQUAL(metafora_client_nodes(client, timeout_ms, &list),
			error);
	CU_ASSERT_EQUAL(metafora_client_command(client, "n", "dump", NULL,
						timeout_ms, &result),
			error);
	CU_ASSERT_PTR_EQUAL(properties, here);
	CU_ASSERT_EQUAL(size, 42);
	CU_ASSERT_PTR_EQUAL(listing, here);
	CU_ASSERT_PTR_EQUAL(list, here);
	CU_ASSERT_PTR_EQUAL(result, here);
}

static void a_refused_call_leaves_its_outputs_untouched(void)
{
	canned.reply.error = METAFORA_EAUTH;
	check_all_fail(METAFORA_EAUTH, LONG_MS);
}

static void a_call_without_answer_times_out(void)
{
	const int64_t begin_ms = now_ms();

	canned.n_answered_max = 0;
	check_all_fail(METAFORA_ETIMEDOUT, SHORT_MS);
	CU_ASSERT_TRUE(now_ms() - begin_ms >= 6 * SHORT_MS);
	CU_ASSERT_EQUAL(canned.n_requests, 6);
	/* The last cancel may still run as its call returns; close orders. */
	metafora_client_free(client);
	client = NULL;
	CU_ASSERT_EQUAL(canned.n_cancelled, 6);
}

static int inner_error;

static void call_from_within(void)
{
	struct metafora_batch *batch;

	inner_error = METAFORA_ETHREAD;
	check_all_fail(METAFORA_ETHREAD, LONG_MS);
	CU_ASSERT_EQUAL_FATAL(metafora_batch_new(&batch), 0);
	CU_ASSERT_EQUAL(metafora_batch_add(batch, "a", 1, NULL, 0), 0);
	CU_ASSERT_EQUAL(metafora_client_submit_batch(client, batch, LONG_MS),
			METAFORA_ETHREAD);
	CU_ASSERT_EQUAL(metafora_batch_error(batch, 0), METAFORA_ESTATE);
	metafora_batch_free(batch);
	metafora_client_free(client); /* ignored */
}

static void calls_from_the_clients_own_thread_are_refused(void)
{
	inner_error = 0;
	canned.inside = call_from_within;
	CU_ASSERT_EQUAL(metafora_client_delete(client, "a", LONG_MS), 0);
	CU_ASSERT_EQUAL(inner_error, METAFORA_ETHREAD);
}

static void *get_until_stopped(void *arg)
{
	int *error = arg;
	void *properties;
	size_t size;

	*error = metafora_client_get(client, "a", &properties, &size, LONG_MS);
	return NULL;
}

static void *submit_until_stopped(void *arg)
{
	struct metafora_batch *batch;
	int *error = arg;
	char id[32];
	size_t i;

	*error = metafora_batch_new(&batch);
	for (i = 0; i < 20000 && !*error; i++) {
		snprintf(id, sizeof(id), "job%zu", i);
		*error = metafora_batch_add(batch, id, strlen(id), NULL, 0);
	}
	if (*error)
		return NULL;
	*error = metafora_client_submit_batch(client, batch, LONG_MS);
	for (i = 0; i < metafora_batch_size(batch); i++)
		if (metafora_batch_error(batch, i) != METAFORA_ESTOPPED)
			*error = METAFORA_ESTATE;
	metafora_batch_free(batch);
	return NULL;
}

static void freeing_the_client_ends_calls_under_way(void)
{
	pthread_t threads[N_THREADS];
	int errors[N_THREADS];
	size_t i;

	canned.n_answered_max = 0;
	for (i = 0; i < N_THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL,
						     i ? get_until_stopped
						       : submit_until_stopped,
						     &errors[i]),
				      0);
	/* The batch has several of its parts under way. */
	await_requests(N_THREADS - 1 + 4);
	metafora_client_free(client);
	client = NULL;
	for (i = 0; i < N_THREADS; i++) {
		pthread_join(threads[i], NULL);
		CU_ASSERT_EQUAL(errors[i], METAFORA_ESTOPPED);
	}
}

static void closing_the_client_ends_calls_under_way(void)
{
	pthread_t thread;
	int error;

	canned.n_answered_max = 0;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, get_until_stopped,
					     &error),
			      0);
	await_requests(1);
	metafora_client_close(client);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(error, METAFORA_ESTOPPED);
	CU_ASSERT_EQUAL(metafora_client_delete(client, "t", LONG_MS),
			METAFORA_ESTOPPED);
	/* Once more does no harm, and neither does nothing. */
	metafora_client_close(client);
	metafora_client_close(NULL);
}

static void making_a_client_returns_the_error_of_open(void)
{
	struct metafora_client *none = NULL;

	canned.open_error = METAFORA_ECONFIG;
	CU_ASSERT_EQUAL(metafora_client_new(coordinator, NULL, NULL,
					    METAFORA_LOG_ERROR, &none),
			METAFORA_ECONFIG);
	CU_ASSERT_PTR_NULL(none);
}

/* --- batches ------------------------------------------------------------------- */

static struct metafora_batch *make_batch(size_t n, size_t size_bytes)
{
	char *properties = calloc(1, size_bytes + 1);
	struct metafora_batch *batch;
	char id[32];
	size_t i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(properties);
	CU_ASSERT_EQUAL_FATAL(metafora_batch_new(&batch), 0);
	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "job%zu", i);
		CU_ASSERT_EQUAL_FATAL(metafora_batch_add(batch, id, strlen(id),
							 properties,
							 size_bytes),
				      0);
	}
	free(properties);
	return batch;
}

static void a_large_batch_goes_in_parts_of_bounded_size(void)
{
	struct metafora_batch *batch = make_batch(5000, 10);
	size_t i;

	canned.error_of_sevens = METAFORA_EEXIST;
	CU_ASSERT_EQUAL(metafora_client_submit_batch(client, batch, LONG_MS),
			METAFORA_EEXIST);
	for (i = 0; i < 5000; i++)
		CU_ASSERT_EQUAL(metafora_batch_error(batch, i),
				i % 10 == 7 ? METAFORA_EEXIST : 0);
	CU_ASSERT_EQUAL(canned.n_tasks, 5000);
	CU_ASSERT_EQUAL(canned.n_requests, 5);
	CU_ASSERT_EQUAL(canned.n_tasks_max, 1000);
	CU_ASSERT_TRUE(canned.n_under_way_max <= 4);
	metafora_batch_free(batch);
}

static void a_batch_of_large_tasks_goes_in_parts_of_bounded_size(void)
{
	struct metafora_batch *batch = make_batch(40, 100000);
	struct metafora_batch *largest = make_batch(3, METAFORA_PROPERTIES_MAX);

	CU_ASSERT_EQUAL(metafora_client_submit_batch(client, batch, LONG_MS),
			0);
	CU_ASSERT_EQUAL(canned.n_tasks, 40);
	CU_ASSERT_EQUAL(canned.n_requests, 8);
	CU_ASSERT_EQUAL(canned.n_tasks_max, 5);
	CU_ASSERT_TRUE(canned.bytes_max <= 512 * 1024);
	CU_ASSERT_EQUAL(metafora_client_submit_batch(client, largest, LONG_MS),
			0);
	CU_ASSERT_EQUAL(canned.n_requests, 8 + 3);
	metafora_batch_free(batch);
	metafora_batch_free(largest);
}

static void an_empty_batch_is_submitted_at_once(void)
{
	struct metafora_batch *batch = make_batch(0, 0);

	CU_ASSERT_EQUAL(metafora_client_submit_batch(client, batch, LONG_MS),
			0);
	CU_ASSERT_EQUAL(canned.n_requests, 0);
	metafora_batch_free(batch);
}

static void what_a_batch_did_not_get_done_in_time_is_told(void)
{
	struct metafora_batch *batch = make_batch(9000, 0);
	size_t i;

	/* Five parts are answered, four are under way and then given up. */
	canned.n_answered_max = 5;
	CU_ASSERT_EQUAL(metafora_client_submit_batch(client, batch, SHORT_MS),
			METAFORA_ETIMEDOUT);
	for (i = 0; i < 9000; i++) {
		int error = metafora_batch_error(batch, i);

		/* On a slow machine fewer are answered in time. */
		CU_ASSERT_TRUE(error == METAFORA_ETIMEDOUT ||
			       (!error && i < 5000));
	}
	/* The next submit of it begins anew. */
	canned.n_answered_max = SIZE_MAX;
	CU_ASSERT_EQUAL(metafora_client_submit_batch(client, batch, LONG_MS),
			0);
	for (i = 0; i < 9000; i++)
		CU_ASSERT_EQUAL(metafora_batch_error(batch, i), 0);
	metafora_batch_free(batch);
}

static void a_part_that_is_refused_fails_its_tasks_only(void)
{
	struct metafora_batch *batch = make_batch(3000, 0);
	size_t i;

	canned.error_of_second = METAFORA_EDISCONNECTED;
	CU_ASSERT_EQUAL(metafora_client_submit_batch(client, batch, LONG_MS),
			METAFORA_EDISCONNECTED);
	for (i = 0; i < 3000; i++)
		CU_ASSERT_EQUAL(metafora_batch_error(batch, i),
				i / 1000 == 1 ? METAFORA_EDISCONNECTED : 0);
	CU_ASSERT_EQUAL(metafora_batch_error(batch, 3000), METAFORA_EINVAL);
	metafora_batch_free(batch);
}

static const struct tap_case cases[] = {
	{"submit returns the error of its task",
	 submit_returns_the_error_of_its_task},
	{"get copies the properties", get_copies_the_properties},
	{"list copies the rows", list_copies_the_rows},
	{"nodes copies the rows", nodes_copies_the_rows},
	{"check tells each finding", check_tells_each_finding},
	{"command copies the answer of the node",
	 command_copies_the_answer_of_the_node},
	{"a refused call leaves its outputs untouched",
	 a_refused_call_leaves_its_outputs_untouched},
	{"a call without answer times out", a_call_without_answer_times_out},
	{"calls from the client's own thread are refused",
	 calls_from_the_clients_own_thread_are_refused},
	{"freeing the client ends calls under way",
	 freeing_the_client_ends_calls_under_way},
	{"closing the client ends calls under way, and refuses later ones",
	 closing_the_client_ends_calls_under_way},
	{"making a client returns the error of open",
	 making_a_client_returns_the_error_of_open},
	{"a large batch goes in parts of bounded size",
	 a_large_batch_goes_in_parts_of_bounded_size},
	{"a batch of large tasks goes in parts of bounded size",
	 a_batch_of_large_tasks_goes_in_parts_of_bounded_size},
	{"an empty batch is submitted at once",
	 an_empty_batch_is_submitted_at_once},
	{"what a batch did not get done in time is told",
	 what_a_batch_did_not_get_done_in_time_is_told},
	{"a part that is refused fails its tasks only",
	 a_part_that_is_refused_fails_its_tasks_only},
};

TAP_MAIN(cases, setup, teardown)
