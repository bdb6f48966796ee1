/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a client and of its requests. */
#include <metafora.h>
#include <stdlib.h>
#include <string.h>

#include "oom.h"
#include "puppet.h"
#include "request.h"
#include "tap.h"

static void requests_reach_the_coordinator_as_they_were_made(void)
{
	const struct metafora_reply fine = {.error = 0};
	struct outcome o = {0};

	CU_ASSERT_EQUAL(
		mf_client_remove(client, "job1", TIMEOUT_MS, on_outcome, &o),
		0);
	CU_ASSERT_EQUAL(puppet_answered(&o, &fine), 0);
	CU_ASSERT_STRING_EQUAL(puppet.op, "remove");
	CU_ASSERT_STRING_EQUAL(puppet.name, "job1");

	o = (struct outcome){0};
	CU_ASSERT_EQUAL(mf_client_list(client, "jo", "job1", 7, TIMEOUT_MS,
				       on_outcome, &o),
			0);
	CU_ASSERT_EQUAL(puppet_answered(&o, &fine), 0);
	CU_ASSERT_STRING_EQUAL(puppet.op, "list");
	CU_ASSERT_STRING_EQUAL(puppet.name, "jo");
	CU_ASSERT_STRING_EQUAL(puppet.after, "job1");
	CU_ASSERT_EQUAL(puppet.limit, 7);

	o = (struct outcome){0};
	CU_ASSERT_EQUAL(mf_client_list(client, NULL, NULL, 0, TIMEOUT_MS,
				       on_outcome, &o),
			0);
	CU_ASSERT_EQUAL(puppet_answered(&o, &fine), 0);
	CU_ASSERT_STRING_EQUAL(puppet.name, "");
	CU_ASSERT_STRING_EQUAL(puppet.after, "");

	o = (struct outcome){0};
	CU_ASSERT_EQUAL(
		mf_client_get(client, "job2", TIMEOUT_MS, on_outcome, &o), 0);
	CU_ASSERT_EQUAL(puppet_answered(&o, &fine), 0);
	CU_ASSERT_STRING_EQUAL(puppet.op, "get");
	CU_ASSERT_STRING_EQUAL(puppet.name, "job2");

	o = (struct outcome){0};
	CU_ASSERT_EQUAL(mf_client_nodes(client, TIMEOUT_MS, on_outcome, &o), 0);
	CU_ASSERT_EQUAL(puppet_answered(&o, &fine), 0);
	CU_ASSERT_STRING_EQUAL(puppet.op, "nodes");

	o = (struct outcome){0};
	CU_ASSERT_EQUAL(mf_client_command(client, "n1", "stop_task", "job1",
					  TIMEOUT_MS, on_outcome, &o),
			0);
	CU_ASSERT_EQUAL(puppet_answered(&o, &fine), 0);
	CU_ASSERT_STRING_EQUAL(puppet.op, "command");
	CU_ASSERT_STRING_EQUAL(puppet.name, "n1");
	CU_ASSERT_STRING_EQUAL(puppet.data, "{\"command\":\"stop_task\","
					    "\"argument\":\"job1\"}");
}

static void a_submission_is_copied(void)
{
	const int errors[] = {0, METAFORA_EEXIST};
	const struct metafora_reply reply = {.errors = errors, .n_errors = 2};
	struct outcome o = {0};
	struct metafora_batch *batch;

	CU_ASSERT_EQUAL_FATAL(metafora_batch_new(&batch), 0);
	CU_ASSERT_EQUAL(metafora_batch_add(batch, "job1", 4, NULL, 0), 0);
	CU_ASSERT_EQUAL(metafora_batch_add(batch, "job10", 5, "ten", 3), 0);
	CU_ASSERT_EQUAL(
		mf_client_submit(client, batch, TIMEOUT_MS, on_outcome, &o), 0);
	metafora_batch_free(batch);
	CU_ASSERT_EQUAL(puppet_answered(&o, &reply), 0);
	CU_ASSERT_EQUAL(o.reply.n_errors, 2);
	CU_ASSERT_STRING_EQUAL(puppet.op, "submit");
	CU_ASSERT_STRING_EQUAL(puppet.name, "job1");
	CU_ASSERT_EQUAL(puppet.n_submissions, 2);
	CU_ASSERT_EQUAL(puppet.size_bytes, 3);
	CU_ASSERT_EQUAL(memcmp(puppet.data, "ten", 3), 0);
}

static void one_submit_request_is_bounded(void)
{
	struct metafora_batch *empty = puppet_batch(0, 0);
	struct metafora_batch *many = puppet_batch(MF_SUBMIT_TASKS_MAX + 1, 0);
	struct metafora_batch *big = puppet_batch(2, MF_SUBMIT_BYTES_MAX / 2);
	struct outcome o = {0};

	CU_ASSERT_EQUAL(
		mf_client_submit(client, empty, TIMEOUT_MS, on_outcome, &o),
		METAFORA_EINVAL);
	CU_ASSERT_EQUAL(
		mf_client_submit(client, many, TIMEOUT_MS, on_outcome, &o),
		METAFORA_E2BIG);
	CU_ASSERT_EQUAL(
		mf_client_submit(client, big, TIMEOUT_MS, on_outcome, &o),
		METAFORA_E2BIG);
	world_run_for(world, SOON_NS);
	CU_ASSERT_EQUAL(puppet.n_requests, 0);
	CU_ASSERT_EQUAL(o.n_calls, 0);
	metafora_batch_free(empty);
	metafora_batch_free(many);
	metafora_batch_free(big);
}

static void bad_arguments_are_refused_before_anything_is_sent(void)
{
	char id[METAFORA_TASK_ID_MAX + 2];
	char node[METAFORA_NODE_NAME_MAX + 2];
	struct outcome o = {0};

	memset(id, 'x', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	memset(node, 'x', sizeof(node) - 1);
	node[sizeof(node) - 1] = '\0';

#define REFUSED(error, call, ...)                                              \
	CU_ASSERT_EQUAL(mf_client_##call(__VA_ARGS__, on_outcome, &o),         \
			METAFORA_##error)
	REFUSED(EINVAL, submit, client, NULL, 1);
	REFUSED(EINVAL, remove, NULL, "a", 1);
	REFUSED(EINVAL, remove, client, NULL, 1);
	REFUSED(EINVAL, remove, client, "a", 0);
	REFUSED(EINVAL, remove, client, "a", -1);
	REFUSED(EEMPTY, remove, client, "", 1);
	REFUSED(ENAMETOOLONG, remove, client, id, 1);
	REFUSED(EINVAL, get, NULL, "a", 1);
	REFUSED(EINVAL, get, client, NULL, 1);
	REFUSED(EINVAL, get, client, "a", 0);
	REFUSED(EEMPTY, get, client, "", 1);
	REFUSED(ENAMETOOLONG, get, client, id, 1);
	REFUSED(EINVAL, list, NULL, NULL, NULL, 0, 1);
	REFUSED(EINVAL, list, client, NULL, NULL, 0, 0);
	REFUSED(ENAMETOOLONG, list, client, id, NULL, 0, 1);
	REFUSED(ENAMETOOLONG, list, client, NULL, id, 0, 1);
	REFUSED(EINVAL, nodes, NULL, 1);
	REFUSED(EINVAL, nodes, client, 0);
	REFUSED(EINVAL, command, NULL, "n", "freeze", NULL, 1);
	REFUSED(EINVAL, command, client, NULL, "freeze", NULL, 1);
	REFUSED(EINVAL, command, client, "n", NULL, NULL, 1);
	REFUSED(EINVAL, command, client, "n", "freeze", NULL, 0);
	REFUSED(EEMPTY, command, client, "", "freeze", NULL, 1);
	REFUSED(EEMPTY, command, client, "n", "", NULL, 1);
	REFUSED(ENAMETOOLONG, command, client, node, "freeze", NULL, 1);
	REFUSED(ENAMETOOLONG, command, client, "n", id, NULL, 1);
#undef REFUSED
	CU_ASSERT_EQUAL(mf_client_nodes(client, 1, NULL, NULL),
			METAFORA_EINVAL);
	world_run_for(world, SOON_NS);
	CU_ASSERT_EQUAL(puppet.n_requests, 0);
	CU_ASSERT_EQUAL(o.n_calls, 0);
}

static void an_unanswered_request_times_out_and_is_cancelled(void)
{
	const struct metafora_reply late = {.error = 0};
	struct outcome o = {0};

	CU_ASSERT_EQUAL(
		mf_client_get(client, "job1", TIMEOUT_MS, on_outcome, &o), 0);
	world_run_for(world, (TIMEOUT_MS - 1) * MF_NS_PER_MS);
	CU_ASSERT_EQUAL(o.n_calls, 0);
	world_run_for(world, 2 * MF_NS_PER_MS);
	CU_ASSERT_EQUAL(o.n_calls, 1);
	CU_ASSERT_EQUAL(o.error, METAFORA_ETIMEDOUT);
	CU_ASSERT_EQUAL(puppet.n_cancelled, 1);
	CU_ASSERT_EQUAL(puppet.cancelled, puppet.request);
	/* An answer may be under way already. */
	puppet_answer(puppet.request, &late);
	CU_ASSERT_EQUAL(o.n_calls, 1);
}

static void an_answer_to_no_request_is_ignored(void)
{
	const struct metafora_reply fine = {.error = 0};
	struct outcome o = {0};

	CU_ASSERT_EQUAL(
		mf_client_get(client, "job1", TIMEOUT_MS, on_outcome, &o), 0);
	world_run_for(world, SOON_NS);
	puppet_answer(0, &fine);
	puppet_answer(puppet.request + 1, &fine);
	CU_ASSERT_EQUAL(o.n_calls, 0);
	CU_ASSERT_EQUAL(puppet_answered(&o, &fine), 0);
	puppet_answer(puppet.request, &fine);
	CU_ASSERT_EQUAL(o.n_calls, 1);
}

static void requests_under_way_are_limited(void)
{
	const struct metafora_reply fine = {.error = 0};
	static struct outcome o; /* outlives the case */
	size_t i;

	for (i = 0; i < MF_CLIENT_REQUESTS_MAX; i++)
		CU_ASSERT_EQUAL(
			mf_client_get(client, "a", TIMEOUT_MS, on_outcome, &o),
			0);
	CU_ASSERT_EQUAL(mf_client_get(client, "a", TIMEOUT_MS, on_outcome, &o),
			METAFORA_EFULL);
	world_run_for(world, SOON_NS);
	CU_ASSERT_EQUAL(puppet.n_requests, MF_CLIENT_REQUESTS_MAX);
	CU_ASSERT_EQUAL(mf_client_get(client, "a", TIMEOUT_MS, on_outcome, &o),
			METAFORA_EFULL);
	puppet_answer(puppet.request, &fine);
	CU_ASSERT_EQUAL(o.n_calls, 1);
	CU_ASSERT_EQUAL(mf_client_get(client, "a", TIMEOUT_MS, on_outcome, &o),
			0);
	CU_ASSERT_EQUAL(mf_client_get(client, "a", TIMEOUT_MS, on_outcome, &o),
			METAFORA_EFULL);
	/* All time out, and so there is room for as many again. */
	world_run_for(world, 2 * TIMEOUT_MS * MF_NS_PER_MS);
	CU_ASSERT_EQUAL(o.n_calls, MF_CLIENT_REQUESTS_MAX + 1);
	for (i = 0; i < MF_CLIENT_REQUESTS_MAX; i++)
		CU_ASSERT_EQUAL(
			mf_client_get(client, "a", TIMEOUT_MS, on_outcome, &o),
			0);
}

static void ask_again(void *arg, const struct metafora_reply *reply)
{
	on_outcome(arg, reply);
	if (reply->error != METAFORA_ESTOPPED)
		CU_ASSERT_EQUAL(
			mf_client_get(client, "a", TIMEOUT_MS, ask_again, arg),
			0);
}

static void an_answer_may_lead_to_the_next_request(void)
{
	const struct metafora_reply fine = {.error = 0};
	static struct outcome o; /* outlives the case */
	size_t i;

	/* Also when there is room for no other. */
	for (i = 0; i < MF_CLIENT_REQUESTS_MAX; i++)
		CU_ASSERT_EQUAL(
			mf_client_get(client, "a", TIMEOUT_MS, ask_again, &o),
			0);
	world_run_for(world, SOON_NS);
	puppet_answer(puppet.request, &fine);
	puppet_answer(puppet.request, &fine);
	CU_ASSERT_EQUAL(o.n_calls, 2);
	CU_ASSERT_EQUAL(puppet.n_requests, MF_CLIENT_REQUESTS_MAX + 2);
}

static void closing_ends_open_requests(void)
{
	struct outcome sent = {0}, posted = {0}, refused = {0};

	CU_ASSERT_EQUAL(
		mf_client_get(client, "a", TIMEOUT_MS, on_outcome, &sent), 0);
	world_run_for(world, SOON_NS);
	CU_ASSERT_EQUAL(
		mf_client_get(client, "b", TIMEOUT_MS, on_outcome, &posted), 0);
	mf_client_close(client);
	mf_client_close(client);
	CU_ASSERT_EQUAL(
		mf_client_get(client, "c", TIMEOUT_MS, on_outcome, &refused),
		METAFORA_ESTOPPED);
	world_run_for(world, SOON_NS);
	CU_ASSERT_EQUAL(sent.n_calls, 1);
	CU_ASSERT_EQUAL(sent.error, METAFORA_ESTOPPED);
	CU_ASSERT_EQUAL(posted.n_calls, 1);
	CU_ASSERT_EQUAL(posted.error, METAFORA_ESTOPPED);
	CU_ASSERT_EQUAL(refused.n_calls, 0);
	CU_ASSERT_EQUAL(puppet.n_closes, 1);
	CU_ASSERT_EQUAL(puppet.n_frees, 1);
}

static void send_nothing(struct metafora_client *to,
			 const struct mf_request *request)
{
	(void)to;
	(void)request;
	puppet.n_requests++;
}

static void a_request_that_the_close_overtakes_is_not_sent(void)
{
	static const struct mf_request_kind kind = {
		.name = "late",
		.send = send_nothing,
	};
	struct outcome waiting = {0}, ended = {0};
	struct mf_request *first, *second;

	/* Two threads have got so far when a third one closes. */
	CU_ASSERT_EQUAL_FATAL(mf_request_new(client, &kind, 0, &first), 0);
	CU_ASSERT_EQUAL_FATAL(mf_request_new(client, &kind, 0, &second), 0);
	puppet.deaf = true;
	mf_client_close(client);
	mf_request_post(first, MF_NEVER, on_outcome, &waiting);
	world_run_for(world, SOON_NS);
	CU_ASSERT_EQUAL(waiting.n_calls, 1);
	CU_ASSERT_EQUAL(waiting.error, METAFORA_ESTOPPED);

	/* And when the loop has ended, there is nobody to take it. */
	puppet.host->post(puppet.host, &puppet.closed_post);
	world_run_for(world, SOON_NS);
	CU_ASSERT_EQUAL(puppet.n_frees, 1);
	mf_request_post(second, MF_NEVER, on_outcome, &ended);
	CU_ASSERT_EQUAL(ended.n_calls, 1);
	CU_ASSERT_EQUAL(ended.error, METAFORA_ESTOPPED);
	CU_ASSERT_EQUAL(puppet.n_requests, 0);
}

static void close_from_within(void *arg, const struct metafora_reply *reply)
{
	on_outcome(arg, reply);
	mf_client_close(client);
}

static void an_answer_may_close_the_client(void)
{
	const struct metafora_reply fine = {.error = 0};
	struct outcome first = {0}, second = {0};

	CU_ASSERT_EQUAL(
		mf_client_get(client, "b", TIMEOUT_MS, on_outcome, &second), 0);
	world_run_for(world, SOON_NS);
	CU_ASSERT_EQUAL(mf_client_get(client, "a", TIMEOUT_MS,
				      close_from_within, &first),
			0);
	CU_ASSERT_EQUAL(puppet_answered(&first, &fine), 0);
	CU_ASSERT_EQUAL(second.error, METAFORA_ESTOPPED);
	CU_ASSERT_EQUAL(puppet.n_frees, 1);
}

static void when_open_fails_requests_get_its_error(void)
{
	struct outcome o = {0};

	metafora_client_free(client);
	puppet.open_error = METAFORA_EAUTH;
	puppet.n_frees = 0;
	puppet_open_client();
	CU_ASSERT_EQUAL(mf_client_get(client, "a", TIMEOUT_MS, on_outcome, &o),
			0);
	world_run_for(world, SOON_NS);
	CU_ASSERT_EQUAL(o.n_calls, 1);
	CU_ASSERT_EQUAL(o.error, METAFORA_EAUTH);
	mf_client_close(client);
	world_run_for(world, SOON_NS);
	CU_ASSERT_EQUAL(puppet.n_requests, 0);
	CU_ASSERT_EQUAL(puppet.n_frees, 0);
}

static void a_coordinator_that_does_not_close_is_left_behind(void)
{
	struct metafora_client *left = client;
	uint64_t begin_ns = world_now_ns(world);

	world_run_for(world, SOON_NS);
	puppet.deaf = true;
	metafora_client_free(client);
	client = NULL;
	CU_ASSERT_TRUE(world_now_ns(world) - begin_ns <
		       2 * MF_CLIENT_CLOSE_MAX_MS * MF_NS_PER_MS);
	CU_ASSERT_EQUAL(puppet.n_frees, 0);
	/* It may still talk to a host that is there, and nothing happens. */
	puppet.sink->closed(puppet.host);
	CU_ASSERT_EQUAL(puppet.n_frees, 0);

	/* What the library leaks on purpose, the test cleans up. */
	metafora_coordinator_free(left->coordinator);
	mf_loop_fini(&left->loop);
	pthread_cond_destroy(&left->changed);
	pthread_mutex_destroy(&left->lock);
	free(left);
}

static void a_coordinator_without_client_side_is_refused(void)
{
	struct metafora_coordinator bare = {.client_ops = NULL};
	struct metafora_client *none = NULL;

#define MAKE(coordinator, level, out)                                          \
	mf_client_new_on(&world->runtime, coordinator, NULL, NULL, level, out)
	CU_ASSERT_EQUAL(MAKE(&bare, METAFORA_LOG_ERROR, &none),
			METAFORA_ENOTSUP);
	CU_ASSERT_EQUAL(MAKE(NULL, METAFORA_LOG_ERROR, &none), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(MAKE(coordinator, (enum metafora_log_level)4, &none),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(MAKE(coordinator, METAFORA_LOG_ERROR, NULL),
			METAFORA_EINVAL);
#undef MAKE
	CU_ASSERT_PTR_NULL(none);
}

/* A client's whole life, with a request of each sort of memory. */
static void live(void *arg)
{
	const int errors[] = {0, 0};
	const struct metafora_reply reply = {.errors = errors, .n_errors = 2};
	struct outcome o = {0};
	int error;

	(void)arg;
	oom_pause();
	puppet_setup();
	metafora_client_free(client);
	oom_resume();
	error = mf_client_new_on(&world->runtime, coordinator, NULL, NULL,
				 METAFORA_LOG_ERROR, &client);
	if (error) {
		CU_ASSERT_EQUAL(error, METAFORA_ENOMEM);
		client = NULL;
		goto out;
	}
	error = mf_client_command(client, "n", "freeze", "caf\xe9", TIMEOUT_MS,
				  on_outcome, &o);
	world_run_for(world, SOON_NS);
	/* It is refused at once, or ends with the error, or is sent. */
	if (error || o.n_calls) {
		CU_ASSERT_EQUAL(error ? error : o.error, METAFORA_ENOMEM);
		CU_ASSERT_TRUE(oom_failed());
		CU_ASSERT_EQUAL(puppet.n_requests, 0);
		/* The next one is none the worse for it. */
		o = (struct outcome){0};
		CU_ASSERT_EQUAL(
			mf_client_get(client, "a", TIMEOUT_MS, on_outcome, &o),
			0);
		world_run_for(world, SOON_NS);
	}
	CU_ASSERT_EQUAL(client->n_requests, 1);
	puppet_answer(puppet.request, &reply);
	CU_ASSERT_EQUAL(o.n_calls, 1);
	CU_ASSERT_EQUAL(o.error, 0);
	CU_ASSERT_EQUAL(client->n_requests, 0);
out:
	puppet_teardown();
}

static void running_out_of_memory_is_an_error(void)
{
	puppet_teardown();
	CU_ASSERT_TRUE(oom_for_each(live, NULL) > 5);
	puppet_setup();
}

static const struct tap_case cases[] = {
	{"requests reach the coordinator as they were made",
	 requests_reach_the_coordinator_as_they_were_made},
	{"a submission is copied", a_submission_is_copied},
	{"one submit request is bounded", one_submit_request_is_bounded},
	{"bad arguments are refused before anything is sent",
	 bad_arguments_are_refused_before_anything_is_sent},
	{"an unanswered request times out and is cancelled",
	 an_unanswered_request_times_out_and_is_cancelled},
	{"an answer to no request is ignored",
	 an_answer_to_no_request_is_ignored},
	{"requests under way are limited", requests_under_way_are_limited},
	{"an answer may lead to the next request",
	 an_answer_may_lead_to_the_next_request},
	{"closing ends open requests", closing_ends_open_requests},
	{"a request that the close overtakes is not sent",
	 a_request_that_the_close_overtakes_is_not_sent},
	{"an answer may close the client", an_answer_may_close_the_client},
	{"when open fails, requests get its error",
	 when_open_fails_requests_get_its_error},
	{"a coordinator that does not close is left behind",
	 a_coordinator_that_does_not_close_is_left_behind},
	{"a coordinator without client side is refused",
	 a_coordinator_without_client_side_is_refused},
	{"running out of memory is an error",
	 running_out_of_memory_is_an_error},
};

TAP_MAIN(cases, puppet_setup, puppet_teardown)
