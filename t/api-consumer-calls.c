/* SPDX-License-Identifier: Apache-2.0 */
/* Consumers asked, commanded and stopped: every error of each call. */
#include <metafora.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "canned_node.h"
#include "scene.h"
#include "tap.h"

#define SHORT_MS 30
#define SESSION_MS 10000

#define RETURNS(error, call, ...)                                              \
	CU_ASSERT_EQUAL(metafora_consumer_##call(__VA_ARGS__), error)
#define REFUSED(error, call, ...) RETURNS(METAFORA_##error, call, __VA_ARGS__)

static void setup(void)
{
	scene_open(SESSION_MS);
}

static void teardown(void)
{
	scene_close();
}

static void fill(char *text, size_t bytes)
{
	memset(text, 'x', bytes - 1);
	text[bytes - 1] = '\0';
}

/* --- stopped ------------------------------------------------------------------ */

static void calls_that_need_a_start_say_so(void)
{
	struct metafora_consumer *consumer = scene_new("n1", scene.async);
	struct metafora_task_list *list = NULL;

	REFUSED(ESTATE, close, consumer);
	REFUSED(ESTATE, wait, consumer, LONG_MS);
	REFUSED(ESTATE, stop, consumer);
	REFUSED(ESTATE, command, consumer, "freeze", NULL, LONG_MS);
	REFUSED(ESTATE, tasks, consumer, LONG_MS, &list);
	REFUSED(ESTATE, ignored, consumer, LONG_MS, &list);
	REFUSED(ESTATE, inspect, consumer, canned_inspect, NULL, LONG_MS);
	CU_ASSERT_PTR_NULL(list);
	/* None of them counted as a start. */
	RETURNS(0, start, consumer, LONG_MS);
	metafora_consumer_free(consumer);
}

static void calls_after_the_stop_say_so(void)
{
	struct metafora_consumer *consumer = scene_start("n1", scene.async);
	struct metafora_task_list *list = NULL;

	RETURNS(0, stop, consumer);
	REFUSED(ESTOPPED, stop, consumer);
	REFUSED(ESTOPPED, command, consumer, "freeze", NULL, LONG_MS);
	REFUSED(ESTOPPED, tasks, consumer, LONG_MS, &list);
	REFUSED(ESTOPPED, ignored, consumer, LONG_MS, &list);
	REFUSED(ESTOPPED, inspect, consumer, canned_inspect, NULL, LONG_MS);
	CU_ASSERT_PTR_NULL(list);
	RETURNS(0, close, consumer);
	RETURNS(0, wait, consumer, LONG_MS);
	metafora_consumer_free(consumer);
}

static void calls_after_the_end_say_so(void)
{
	struct metafora_consumer *consumer = scene_start("n1", scene.async);
	struct metafora_task_list *list = NULL;

	RETURNS(0, close, consumer);
	RETURNS(0, close, consumer);
	RETURNS(0, wait, consumer, -1);
	RETURNS(0, wait, consumer, 0);
	REFUSED(ESTOPPED, tasks, consumer, LONG_MS, &list);
	REFUSED(ESTOPPED, command, consumer, "freeze", NULL, LONG_MS);
	REFUSED(EALREADY, start, consumer, LONG_MS);
	RETURNS(0, stop, consumer);
	REFUSED(ESTOPPED, stop, consumer);
	metafora_consumer_free(consumer);
}

static void close_wait_and_stop_check_their_arguments(void)
{
	REFUSED(EINVAL, close, NULL);
	REFUSED(EINVAL, wait, NULL, LONG_MS);
	REFUSED(EINVAL, stop, NULL);
}

static void wait_times_out_while_the_consumer_lives(void)
{
	struct metafora_consumer *consumer = scene_start("n1", scene.async);

	REFUSED(ETIMEDOUT, wait, consumer, 0);
	REFUSED(ETIMEDOUT, wait, consumer, SHORT_MS);
	RETURNS(0, command, consumer, "freeze", NULL, LONG_MS);
	metafora_consumer_free(consumer);
}

static void wait_and_stop_return_the_error_that_ended_it(void)
{
	struct canned_node canned = {0};
	struct metafora_consumer *consumer = canned_consumer(&canned, scene.async);

	RETURNS(0, start, consumer, LONG_MS);
	canned_fail(&canned, METAFORA_EAUTH);
	REFUSED(EAUTH, wait, consumer, -1);
	REFUSED(EAUTH, wait, consumer, 0);
	REFUSED(ESTOPPED, command, consumer, "freeze", NULL, LONG_MS);
	REFUSED(EAUTH, stop, consumer);
	REFUSED(ESTOPPED, stop, consumer);
	metafora_consumer_free(consumer);
	CU_ASSERT_EQUAL(canned.n_freed, 1);
}

static void free_after_a_fatal_error_needs_no_stop(void)
{
	struct canned_node canned = {0};
	struct metafora_consumer *consumer = canned_consumer(&canned, scene.async);

	RETURNS(0, start, consumer, LONG_MS);
	canned_fail(&canned, METAFORA_EVERSION);
	REFUSED(EVERSION, wait, consumer, -1);
	metafora_consumer_free(consumer);
	CU_ASSERT_EQUAL(canned.n_freed, 1);
}

static void free_stops_what_runs(void)
{
	struct metafora_consumer *consumer = scene_start("n1", scene.threaded);

	CU_ASSERT_EQUAL(scene_submit("a", ""), 0);
	CU_ASSERT_TRUE(scene_wait_running("a", "n1"));
	metafora_consumer_free(consumer);
	CU_ASSERT_TRUE(scene_run("a")->end_called);
	CU_ASSERT_EQUAL(scene_run("a")->reason, METAFORA_STOP_SHUTDOWN);
}

/* --- calls from callbacks ------------------------------------------------------ */

/* What the calls returned on the consumer's own thread. */
struct inside {
	struct metafora_consumer *consumer;
	int stop, wait, command, tasks, ignored, inspect, close;
	bool inspected_at_once;
};

static void note_inspected(void *arg, const struct metafora_cluster *cluster)
{
	bool *inspected = arg;

	*inspected = cluster != NULL;
}

static void call_from_inside(void *arg, const struct metafora_cluster *cluster)
{
	struct inside *in = arg;
	struct metafora_task_list *list = NULL;

	(void)cluster;
	in->stop = metafora_consumer_stop(in->consumer);
	in->wait = metafora_consumer_wait(in->consumer, LONG_MS);
	in->command = metafora_consumer_command(in->consumer, "freeze", NULL,
						LONG_MS);
	in->tasks = metafora_consumer_tasks(in->consumer, LONG_MS, &list);
	metafora_task_list_free(list);
	in->ignored = metafora_consumer_ignored(in->consumer, LONG_MS, &list);
	metafora_task_list_free(list);
	in->inspect = metafora_consumer_inspect(in->consumer, note_inspected,
						&in->inspected_at_once,
						LONG_MS);
	/* Ignored, or this would be the end. */
	metafora_consumer_free(in->consumer);
	in->close = metafora_consumer_close(in->consumer);
}

static void a_callback_can_look_and_close_but_not_wait(void)
{
	struct metafora_consumer *consumer = scene_start("n1", scene.async);
	struct inside in = {.consumer = consumer};

	RETURNS(0, inspect, consumer, call_from_inside, &in, LONG_MS);
	CU_ASSERT_EQUAL(in.stop, METAFORA_ETHREAD);
	CU_ASSERT_EQUAL(in.wait, METAFORA_ETHREAD);
	CU_ASSERT_EQUAL(in.command, METAFORA_ETHREAD);
	CU_ASSERT_EQUAL(in.tasks, 0);
	CU_ASSERT_EQUAL(in.ignored, 0);
	CU_ASSERT_EQUAL(in.inspect, 0);
	CU_ASSERT_TRUE(in.inspected_at_once);
	CU_ASSERT_EQUAL(in.close, 0);
	CU_ASSERT_EQUAL(scene_n_lines("free called from a callback"), 1);
	RETURNS(0, wait, consumer, LONG_MS);
	RETURNS(0, stop, consumer);
	metafora_consumer_free(consumer);
}

static struct inside from_run;

static enum metafora_outcome run_inside(void *arg, struct metafora_task *task)
{
	(void)arg;
	(void)task;
	from_run.stop = metafora_consumer_stop(from_run.consumer);
	from_run.wait = metafora_consumer_wait(from_run.consumer, LONG_MS);
	metafora_consumer_free(from_run.consumer);
	from_run.close = metafora_consumer_close(from_run.consumer);
	return METAFORA_DONE;
}

/* free used to wait for the very handler that had called it. */
static void a_handlers_own_thread_does_not_wait_for_itself(void)
{
	struct metafora_handler *handler = NULL;

	CU_ASSERT_EQUAL_FATAL(
		metafora_handler_new_threaded(run_inside, NULL, &handler), 0);
	from_run = (struct inside){.consumer = scene_new("n1", handler)};
	RETURNS(0, start, from_run.consumer, LONG_MS);
	CU_ASSERT_EQUAL(scene_submit("a", ""), 0);
	RETURNS(0, wait, from_run.consumer, LONG_MS);
	CU_ASSERT_EQUAL(from_run.stop, METAFORA_ETHREAD);
	CU_ASSERT_EQUAL(from_run.wait, METAFORA_ETHREAD);
	CU_ASSERT_EQUAL(from_run.close, 0);
	CU_ASSERT_EQUAL(scene_n_lines("free called from a callback"), 1);
	metafora_consumer_free(from_run.consumer);
	metafora_handler_free(handler);
}

/* --- commands, lists, a look ---------------------------------------------------- */

static char long_command[METAFORA_COMMAND_NAME_MAX + 2];
static char long_argument[METAFORA_COMMAND_ARGUMENT_MAX + 2];

static void command_checks_its_arguments(void)
{
	struct metafora_consumer *consumer = scene_start("n1", scene.async);

	fill(long_command, sizeof(long_command));
	fill(long_argument, sizeof(long_argument));
	REFUSED(EINVAL, command, NULL, "freeze", NULL, LONG_MS);
	REFUSED(EINVAL, command, consumer, NULL, NULL, LONG_MS);
	REFUSED(EINVAL, command, consumer, "freeze", NULL, 0);
	REFUSED(EINVAL, command, consumer, "freeze", NULL, -1);
	REFUSED(EINVAL, command, consumer, "caf\xe9", NULL, LONG_MS);
	REFUSED(EEMPTY, command, consumer, "", NULL, LONG_MS);
	REFUSED(ENAMETOOLONG, command, consumer, long_command, NULL, LONG_MS);
	REFUSED(E2BIG, command, consumer, "freeze", long_argument, LONG_MS);
	CU_ASSERT_EQUAL(scene_n_lines("command command="), 0);
	metafora_consumer_free(consumer);
}

static void command_returns_what_the_command_does(void)
{
	struct metafora_consumer *consumer = scene_new("n1", scene.async);
	struct metafora_consumer *plain = scene_start("n2", scene.async);

	RETURNS(0, set_command_handler, consumer, canned_command, NULL);
	RETURNS(0, start, consumer, LONG_MS);
	RETURNS(0, command, consumer, "freeze", NULL, LONG_MS);
	RETURNS(0, command, consumer, "unfreeze", "", LONG_MS);
	RETURNS(0, command, consumer, "balance", NULL, LONG_MS);
	REFUSED(ENOENT, command, consumer, "stop_task", "a", LONG_MS);
	REFUSED(ENOENT, command, consumer, "stop_task", NULL, LONG_MS);
	RETURNS(0, command, consumer, "succeed", "x", LONG_MS);
	REFUSED(EBUSY, command, consumer, "fail", NULL, LONG_MS);
	REFUSED(EINVAL, command, consumer, "positive", NULL, LONG_MS);
	REFUSED(ENOTSUP, command, consumer, "dance", NULL, LONG_MS);
	REFUSED(ENOTSUP, command, plain, "succeed", NULL, LONG_MS);
	metafora_consumer_free(consumer);
	metafora_consumer_free(plain);
}

static void lists_and_inspect_check_their_arguments(void)
{
	struct metafora_consumer *consumer = scene_start("n1", scene.async);
	struct metafora_task_list *list = NULL;

	REFUSED(EINVAL, tasks, NULL, LONG_MS, &list);
	REFUSED(EINVAL, tasks, consumer, 0, &list);
	REFUSED(EINVAL, tasks, consumer, -1, &list);
	REFUSED(EINVAL, tasks, consumer, LONG_MS, NULL);
	REFUSED(EINVAL, ignored, NULL, LONG_MS, &list);
	REFUSED(EINVAL, ignored, consumer, 0, &list);
	REFUSED(EINVAL, ignored, consumer, LONG_MS, NULL);
	REFUSED(EINVAL, inspect, NULL, canned_inspect, NULL, LONG_MS);
	REFUSED(EINVAL, inspect, consumer, NULL, NULL, LONG_MS);
	REFUSED(EINVAL, inspect, consumer, canned_inspect, NULL, 0);
	CU_ASSERT_PTR_NULL(list);
	metafora_consumer_free(consumer);
}

static void a_list_has_nothing_behind_its_end(void)
{
	struct metafora_consumer *consumer = scene_start("n1", scene.async);
	struct metafora_task_list *list = NULL;

	CU_ASSERT_EQUAL_FATAL(
		metafora_consumer_tasks(consumer, LONG_MS, &list), 0);
	CU_ASSERT_EQUAL(metafora_task_list_size(list), 0);
	CU_ASSERT_PTR_NULL(metafora_task_list_id(list, 0));
	CU_ASSERT_PTR_NULL(metafora_task_list_id(list, SIZE_MAX));
	CU_ASSERT_EQUAL(metafora_task_list_token(list, 0), 0);
	CU_ASSERT_EQUAL(metafora_task_list_started_ns(list, 0), 0);
	CU_ASSERT_EQUAL(metafora_task_list_stopped_ns(list, 0), 0);
	CU_ASSERT_EQUAL(metafora_task_list_until_ns(list, 0), 0);
	metafora_task_list_free(list);
	CU_ASSERT_EQUAL(metafora_task_list_size(NULL), 0);
	CU_ASSERT_PTR_NULL(metafora_task_list_id(NULL, 0));
	metafora_task_list_free(NULL);
	metafora_consumer_free(consumer);
}

/* The consumer's loop, held up inside of a callback. */
static struct hold {
	struct metafora_consumer *consumer;
	bool held, let_go;
} hold;

static bool is_held(void *arg)
{
	(void)arg;
	return hold.held;
}

static void hold_up(void *arg, const struct metafora_cluster *cluster)
{
	(void)arg;
	(void)cluster;
	pthread_mutex_lock(&scene.lock);
	hold.held = true;
	pthread_cond_broadcast(&scene.changed);
	while (!hold.let_go)
		pthread_cond_wait(&scene.changed, &scene.lock);
	pthread_mutex_unlock(&scene.lock);
}

static void *hold_on_thread(void *arg)
{
	(void)arg;
	RETURNS(0, inspect, hold.consumer, hold_up, NULL, LONG_MS);
	return NULL;
}

static void calls_time_out_when_the_loop_is_held_up(void)
{
	struct metafora_task_list *list = NULL;
	bool inspected = false;
	pthread_t thread;

	hold = (struct hold){.consumer = scene_start("n1", scene.async)};
	CU_ASSERT_EQUAL_FATAL(
		pthread_create(&thread, NULL, hold_on_thread, NULL), 0);
	CU_ASSERT_TRUE_FATAL(scene_wait(is_held, NULL, LONG_MS));
	REFUSED(ETIMEDOUT, tasks, hold.consumer, SHORT_MS, &list);
	REFUSED(ETIMEDOUT, ignored, hold.consumer, SHORT_MS, &list);
	REFUSED(ETIMEDOUT, command, hold.consumer, "freeze", NULL, SHORT_MS);
	REFUSED(ETIMEDOUT, inspect, hold.consumer, note_inspected, &inspected,
		SHORT_MS);
	CU_ASSERT_PTR_NULL(list);
	pthread_mutex_lock(&scene.lock);
	hold.let_go = true;
	pthread_cond_broadcast(&scene.changed);
	pthread_mutex_unlock(&scene.lock);
	pthread_join(thread, NULL);
	/* Behind them all: none of them has been carried out late. */
	RETURNS(0, command, hold.consumer, "balance", NULL, LONG_MS);
	CU_ASSERT_FALSE(inspected);
	CU_ASSERT_EQUAL(scene_n_lines("command=freeze"), 0);
	metafora_consumer_free(hold.consumer);
}

static const struct tap_case cases[] = {
	{"calls that need a start say so", calls_that_need_a_start_say_so},
	{"calls after the stop say so", calls_after_the_stop_say_so},
	{"calls after the end say so", calls_after_the_end_say_so},
	{"close, wait and stop check their arguments",
	 close_wait_and_stop_check_their_arguments},
	{"wait times out while the consumer lives",
	 wait_times_out_while_the_consumer_lives},
	{"wait and stop return the error that ended it",
	 wait_and_stop_return_the_error_that_ended_it},
	{"free after a fatal error needs no stop",
	 free_after_a_fatal_error_needs_no_stop},
	{"free stops what runs", free_stops_what_runs},
	{"a callback can look and close, but not wait",
	 a_callback_can_look_and_close_but_not_wait},
	{"a handler's own thread does not wait for itself",
	 a_handlers_own_thread_does_not_wait_for_itself},
	{"command checks its arguments", command_checks_its_arguments},
	{"command returns what the command does",
	 command_returns_what_the_command_does},
	{"lists and inspect check their arguments",
	 lists_and_inspect_check_their_arguments},
	{"a list has nothing behind its end",
	 a_list_has_nothing_behind_its_end},
	{"calls time out when the loop is held up",
	 calls_time_out_when_the_loop_is_held_up},
};

TAP_MAIN(cases, setup, teardown)
