/* SPDX-License-Identifier: Apache-2.0 */
/* A whole cluster on the virtual clock in which one allocation fails. */
#include <metafora.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "consumer.h"
#include "oom.h"
#include "request.h"
#include "tap.h"
#include "world.h"

#define N_TASKS 4
#define SESSION_MS 4000
/* How long a cluster may take to recover from one failure. */
#define DEADLINE_MS 30000
#define REQUEST_MS 60000
/* Even ones have trouble with the broker besides. */
#define N_SEEDS 4

struct node {
	const char *name;
	struct metafora_consumer *consumer;
};

static struct life {
	struct world *world;
	struct metafora_embedded_broker *broker;
	struct metafora_coordinator *coordinator;
	struct metafora_client *client;
	struct metafora_handler *handler;
	struct node n1, n2;

	/* By the number in the ID. */
	struct metafora_task *tasks[N_TASKS]; /* NULL: it does not run */
	unsigned int n_runs[N_TASKS];
	bool wanted[N_TASKS];
	bool expired;

	bool answered;
	int answer; /* error of the answer */
} life;

static const char *const ids[N_TASKS] = {"t0", "t1", "t2", "t3"};

/*
 * Whether to make a call again: out of memory must mean that it did nothing
 * and can be made again.
 */
static bool again(int error)
{
	if (error != METAFORA_ENOMEM)
		return false;
	CU_ASSERT_TRUE(oom_failed());
	return true;
}

#define MAKE(call) WRITE(call, 0)

/*
 * The same for a write, whose answer may get lost for want of memory, too:
 * then the second try may find it done.
 */
#define WRITE(call, if_done)                                                   \
	do {                                                                   \
		int error_ = (call);                                           \
                                                                               \
		if (error_ == METAFORA_EUNKNOWN && (if_done)) {                \
			CU_ASSERT_TRUE(oom_failed());                          \
			error_ = (call);                                       \
			error_ = error_ == (if_done) ? 0 : error_;             \
		} else if (again(error_)) {                                    \
			error_ = (call);                                       \
		}                                                              \
		if (error_)                                                    \
			tap_note("%s: %s", #call, metafora_strerror(error_));  \
		CU_ASSERT_EQUAL_FATAL(error_, 0);                              \
	} while (0)

static bool until(bool (*cond)(void *arg), void *arg)
{
	uint64_t deadline_ns =
		mf_clock_add_ms(world_now_ns(life.world), DEADLINE_MS);

	return world_run_until(life.world, cond, arg, deadline_ns) ||
	       cond(arg);
}

/* --- handlers ----------------------------------------------------------------- */

static unsigned int number_of(const struct metafora_task *task)
{
	return metafora_task_id(task)[1] - '0';
}

static void finish(unsigned int i, enum metafora_outcome outcome)
{
	struct metafora_task *task = life.tasks[i];

	life.tasks[i] = NULL;
	CU_ASSERT_EQUAL(metafora_task_finish(task, outcome), 0);
}

static int start(void *arg, struct metafora_task *task)
{
	unsigned int i = number_of(task);

	(void)arg;
	CU_ASSERT_STRING_EQUAL(metafora_task_properties(task, NULL), ids[i]);
	if (life.tasks[i]) {
		/* A session was ended while its node still believed. */
		CU_ASSERT_TRUE(life.expired);
		CU_ASSERT_STRING_NOT_EQUAL(metafora_task_node(life.tasks[i]),
					   metafora_task_node(task));
		finish(i, METAFORA_RELEASE);
	}
	life.tasks[i] = task;
	life.n_runs[i]++;
	return 0;
}

static void stop(void *arg, struct metafora_task *task)
{
	(void)arg;
	if (life.tasks[number_of(task)] == task)
		finish(number_of(task), METAFORA_RELEASE);
}

static bool wanted_run(void *arg)
{
	unsigned int i;

	(void)arg;
	for (i = 0; i < N_TASKS; i++)
		if (!life.tasks[i] != !life.wanted[i])
			return false;
	return true;
}

static unsigned int n_on(const struct node *node)
{
	unsigned int n = 0;
	unsigned int i;

	for (i = 0; i < N_TASKS; i++)
		n += life.tasks[i] && !strcmp(metafora_task_node(life.tasks[i]),
					      node->name);
	return n;
}

static bool are_even(void *arg)
{
	return wanted_run(arg) && n_on(&life.n1) == n_on(&life.n2);
}

/* --- nodes -------------------------------------------------------------------- */

static void ignore(void *arg, const struct metafora_cluster *cluster)
{
	(void)arg;
	CU_ASSERT_PTR_NOT_NULL(cluster);
}

/* The calls that need memory, where they need not wait for the loop. */
static int command(void *arg, const char *name, const char *argument,
		   struct metafora_command_reply *reply)
{
	struct node *node = arg;
	struct metafora_task_list *list = NULL;
	int error;

	(void)argument;
	if (strcmp(name, "look") != 0)
		return METAFORA_ENOTSUP;
	error = metafora_consumer_tasks(node->consumer, 1, &list);
	metafora_task_list_free(list);
	list = NULL;
	if (!error)
		error = metafora_consumer_ignored(node->consumer, 1, &list);
	metafora_task_list_free(list);
	if (!error)
		error = metafora_consumer_inspect(node->consumer, ignore, NULL,
						  1);
	if (!error)
		error = metafora_command_reply_text(reply, "seen");
	return error;
}

static bool has_begun(void *arg)
{
	const struct node *node = arg;

	return node->consumer->has_joined || node->consumer->has_left;
}

static bool has_left(void *arg)
{
	const struct node *node = arg;

	return node->consumer->has_left;
}

static int try_to_join(struct node *node)
{
	int error;

	MAKE(mf_consumer_new_on(&life.world->runtime, node->name,
				life.coordinator, NULL, life.handler,
				&node->consumer));
	metafora_consumer_set_command_handler(node->consumer, command, node);
	error = mf_consumer_begin(node->consumer);
	if (!error) {
		CU_ASSERT_TRUE_FATAL(until(has_begun, node));
		error = node->consumer->start_error;
	}
	if (error)
		metafora_consumer_free(node->consumer);
	return error;
}

/* A start that failed for want of memory leaves nothing: try another. */
static void join(struct node *node, const char *name)
{
	node->name = name;
	MAKE(try_to_join(node));
}

static void leave(struct node *node)
{
	CU_ASSERT_EQUAL(metafora_consumer_close(node->consumer), 0);
	CU_ASSERT_TRUE_FATAL(until(has_left, node));
	CU_ASSERT_EQUAL(node->consumer->end_error, 0);
	metafora_consumer_free(node->consumer);
}

/* --- the client ---------------------------------------------------------------- */

static void on_answer(void *arg, const struct metafora_reply *reply)
{
	(void)arg;
	life.answered = true;
	life.answer = reply->error;
	if (!reply->error && reply->n_errors)
		life.answer = reply->errors[0];
}

static bool is_answered(void *arg)
{
	(void)arg;
	return life.answered;
}

/* What became of a request, of which error tells if it was taken on. */
static int answer_to(int error)
{
	if (error)
		return error;
	CU_ASSERT_TRUE_FATAL(until(is_answered, NULL));
	life.answered = false;
	return life.answer;
}

static int ask_nodes(void)
{
	return answer_to(
		mf_client_nodes(life.client, REQUEST_MS, on_answer, NULL));
}

static int ask_list(void)
{
	return answer_to(mf_client_list(life.client, "t", NULL, 0, REQUEST_MS,
					on_answer, NULL));
}

static int ask_get(const char *id)
{
	return answer_to(
		mf_client_get(life.client, id, REQUEST_MS, on_answer, NULL));
}

static int ask_remove(const char *id)
{
	return answer_to(
		mf_client_remove(life.client, id, REQUEST_MS, on_answer, NULL));
}

static int ask_command(const char *node, const char *name,
		       const char *argument)
{
	return answer_to(mf_client_command(life.client, node, name, argument,
					   REQUEST_MS, on_answer, NULL));
}

static int ask_submit(const struct metafora_batch *batch)
{
	return answer_to(mf_client_submit(life.client, batch, REQUEST_MS,
					  on_answer, NULL));
}

static void submit(unsigned int i)
{
	struct metafora_batch *batch = NULL;

	MAKE(metafora_batch_new(&batch));
	MAKE(metafora_batch_add(batch, ids[i], 2, ids[i], 2));
	WRITE(ask_submit(batch), METAFORA_EEXIST);
	metafora_batch_free(batch);
	life.wanted[i] = true;
}

static int try_client(void)
{
	int error = mf_client_new_on(&life.world->runtime, life.coordinator,
				     NULL, NULL, METAFORA_LOG_INFO,
				     &life.client);

	if (error)
		return error;
	error = ask_nodes();
	if (error)
		metafora_client_free(life.client);
	return error;
}

/* --- a life -------------------------------------------------------------------- */

static void found(void)
{
	MAKE(metafora_embedded_broker_new(SESSION_MS, &life.broker));
	MAKE(metafora_embedded_coordinator_new(life.broker, &life.coordinator));
	MAKE(metafora_handler_new_async(start, NULL, &life.handler));
	metafora_handler_set_stop(life.handler, stop);
	MAKE(try_client());
}

static bool is_gone(void *arg)
{
	const char *id = arg;

	return again(life.answer = ask_get(id)) ? false
						: life.answer == METAFORA_ENOENT;
}

/* Poll in between steps of the world. */
static void await_gone(const char *id)
{
	unsigned int i;

	for (i = 0; i < 100 && !is_gone((void *)(uintptr_t)id); i++)
		world_run_for(life.world, 100 * MF_NS_PER_MS);
	CU_ASSERT_EQUAL(life.answer, METAFORA_ENOENT);
}

static int stop_t2(void)
{
	const struct metafora_task *task = life.tasks[2];

	/* Stopped by a try before, it may not run yet. */
	if (!task)
		return METAFORA_ENOENT;
	return ask_command(metafora_task_node(task), "stop_task", "t2");
}

static void end_some(void)
{
	unsigned int n_before = life.n_runs[2];

	finish(0, METAFORA_DONE);
	life.wanted[0] = false;
	await_gone("t0");
	life.wanted[1] = false;
	WRITE(ask_remove("t1"), METAFORA_ENOENT);
	CU_ASSERT_PTR_NULL(life.tasks[1]);
	MAKE(ask_list());
	CU_ASSERT_TRUE_FATAL(until(are_even, NULL));
	WRITE(stop_t2(), METAFORA_ENOENT);
	CU_ASSERT_TRUE(until(wanted_run, NULL));
	CU_ASSERT_TRUE(life.n_runs[2] > n_before);
	WRITE(ask_command("n1", "look", NULL), METAFORA_EUNKNOWN);
}

/* What brokers do: come late, lose an answer, forget a session. */
static void trouble(void)
{
	MAKE(metafora_embedded_delay(life.broker, "n1", 0, 20));
	MAKE(metafora_embedded_lose(life.broker, "n1", 1, false));
	MAKE(metafora_embedded_lose(life.broker, "n2", 1, true));
}

static bool is_even_after_loss(void *arg)
{
	const uint64_t *session = arg;

	return life.n1.consumer->engine.session != *session && are_even(NULL);
}

static void lose_a_session(void)
{
	uint64_t session = life.n1.consumer->engine.session;

	life.expired = true;
	MAKE(metafora_embedded_expire(life.broker, "n1"));
	CU_ASSERT_TRUE_FATAL(until(is_even_after_loss, &session));
	life.expired = false;
}

static void live(void *arg)
{
	const uint64_t *seed = arg;
	unsigned int i;

	memset(&life, 0, sizeof(life));
	oom_pause();
	life.world = world_new(*seed);
	oom_resume();
	found();
	if (*seed % 2 == 0)
		trouble();
	join(&life.n1, "n1");
	for (i = 0; i < N_TASKS; i++)
		submit(i);
	CU_ASSERT_TRUE_FATAL(until(wanted_run, NULL));
	join(&life.n2, "n2");
	CU_ASSERT_TRUE_FATAL(until(are_even, NULL));
	lose_a_session();
	end_some();
	leave(&life.n1);
	CU_ASSERT_TRUE(until(wanted_run, NULL));
	leave(&life.n2);
	metafora_client_free(life.client);
	metafora_handler_free(life.handler);
	metafora_coordinator_free(life.coordinator);
	metafora_embedded_broker_free(life.broker);
	oom_pause();
	world_free(life.world);
	oom_resume();
}

static void memory_that_runs_out_once_stops_no_cluster(void)
{
	const char *given = getenv("MF_TEST_SEED");
	unsigned long n_seeds = tap_scaled(N_SEEDS);
	uint64_t first = given ? strtoull(given, NULL, 0) : 1;
	uint64_t last = given ? first : n_seeds < 2 ? 2 : n_seeds;
	uint64_t seed;
	size_t n = 0;

	for (seed = first; seed <= last; seed++) {
		unsigned int n_failures = CU_get_number_of_failures();

		n += oom_for_each(live, &seed);
		if (CU_get_number_of_failures() != n_failures)
			tap_note("seed %llu", (unsigned long long)seed);
	}
	tap_note("%zu allocations failed, one in each life", n);
	CU_ASSERT_TRUE(n > (last - first + 1) * 400);
}

static const struct tap_case cases[] = {
	{"memory that runs out once stops no cluster",
	 memory_that_runs_out_once_stops_no_cluster},
};

TAP_MAIN(cases, NULL, NULL)
