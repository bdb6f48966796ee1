/* SPDX-License-Identifier: Apache-2.0 */
/* A broker, a client, handlers and a log for tests of the public interface. */
#include "scene.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tap.h"

/* How often a handler that ignores a stop notes its deadline. */
#define LOOK_MS 5
/* Runs of handlers in one scene at most. */
#define RUNS_MAX 2000

struct scene scene;

/* Not allocated: handlers also run when memory runs out. */
static struct scene_run runs[RUNS_MAX]; /* guarded by lock */
static size_t n_runs;                   /* guarded by lock */

static void die(const char *what)
{
	printf("Bail out! scene: %s\n", what);
	fflush(stdout);
	abort();
}

uint64_t scene_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* --- waits ------------------------------------------------------------------ */

static struct timespec in_ms(int64_t ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += ms % 1000 * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_nsec -= 1000000000;
		at.tv_sec++;
	}
	return at;
}

bool scene_wait(bool (*cond)(void *arg), void *arg, int64_t timeout_ms)
{
	const struct timespec until = in_ms(timeout_ms);
	int error = 0;
	bool holds;

	pthread_mutex_lock(&scene.lock);
	while (!(holds = cond(arg)) && error != ETIMEDOUT)
		error = pthread_cond_timedwait(&scene.changed, &scene.lock,
					       &until);
	pthread_mutex_unlock(&scene.lock);
	return holds;
}

struct sought {
	const char *a, *b;
	unsigned int n;
};

static struct scene_run *find_run(const char *id)
{
	struct scene_run *run = scene.runs;

	while (run && strcmp(run->id, id))
		run = run->next;
	return run;
}

static bool is_running(void *arg)
{
	const struct sought *sought = arg;
	const struct scene_run *run = find_run(sought->a);

	return run && run->task &&
	       (!sought->b || !strcmp(run->node, sought->b));
}

bool scene_wait_running(const char *id, const char *node)
{
	struct sought sought = {.a = id, .b = node};

	return scene_wait(is_running, &sought, LONG_MS);
}

static bool has_ended(void *arg)
{
	const struct sought *sought = arg;
	const struct scene_run *run;
	unsigned int n = 0;

	for (run = scene.runs; run; run = run->next)
		n += !strcmp(run->id, sought->a) && run->end_called;
	return n >= sought->n;
}

bool scene_wait_ended(const char *id, unsigned int n)
{
	struct sought sought = {.a = id, .n = n};

	return scene_wait(has_ended, &sought, LONG_MS);
}

static bool has_line(void *arg)
{
	const struct sought *sought = arg;
	const struct scene_line *line;

	for (line = scene.lines; line; line = line->next) {
		if (strstr(line->text, sought->a) &&
		    (!sought->b || strstr(line->text, sought->b)))
			return true;
	}
	return false;
}

bool scene_wait_line(const char *a, const char *b)
{
	struct sought sought = {.a = a, .b = b};

	return scene_wait(has_line, &sought, LONG_MS);
}

unsigned int scene_n_lines(const char *text)
{
	const struct scene_line *line;
	unsigned int n = 0;

	pthread_mutex_lock(&scene.lock);
	for (line = scene.lines; line; line = line->next)
		n += strstr(line->text, text) != NULL;
	pthread_mutex_unlock(&scene.lock);
	return n;
}

const struct scene_run *scene_run(const char *id)
{
	const struct scene_run *run;

	pthread_mutex_lock(&scene.lock);
	run = find_run(id);
	pthread_mutex_unlock(&scene.lock);
	return run;
}

unsigned int scene_n_runs(const char *id)
{
	const struct scene_run *run;
	unsigned int n = 0;

	pthread_mutex_lock(&scene.lock);
	for (run = scene.runs; run; run = run->next)
		n += !strcmp(run->id, id);
	pthread_mutex_unlock(&scene.lock);
	return n;
}

void scene_log(void *arg, enum metafora_log_level level, const char *text)
{
	struct scene_line *line = calloc(1, sizeof(*line));

	(void)arg;
	if (!line || strlen(text) >= sizeof(line->text))
		die("log line does not fit");
	line->level = level;
	strcpy(line->text, text);
	pthread_mutex_lock(&scene.lock);
	line->next = scene.lines;
	scene.lines = line;
	pthread_cond_broadcast(&scene.changed);
	pthread_mutex_unlock(&scene.lock);
}

/* --- handlers ---------------------------------------------------------------- */

/* Whether another handler believes in the task, too.  With the lock held. */
static bool overlaps(const struct scene_run *run)
{
	const struct scene_run *other;

	for (other = scene.runs; other; other = other->next) {
		if (other->task && !strcmp(other->id, run->id) &&
		    metafora_task_lease_deadline_ns(other->task) >
			    run->began_ns)
			return true;
	}
	return false;
}

static struct scene_run *new_run(void)
{
	struct scene_run *run;

	pthread_mutex_lock(&scene.lock);
	if (n_runs == RUNS_MAX)
		die("too many runs");
	run = &runs[n_runs++];
	pthread_mutex_unlock(&scene.lock);
	memset(run, 0, sizeof(*run));
	return run;
}

static struct scene_run *begin(struct metafora_task *task)
{
	struct scene_run *run = new_run();

	run->task = task;
	snprintf(run->id, sizeof(run->id), "%s", metafora_task_id(task));
	snprintf(run->node, sizeof(run->node), "%s", metafora_task_node(task));
	snprintf(run->manner, sizeof(run->manner), "%s",
		 (const char *)metafora_task_properties(task, NULL));
	run->token = metafora_task_token(task);
	run->began_ns = scene_now_ns();
	metafora_task_set_context(task, run);
	pthread_mutex_lock(&scene.lock);
	scene.n_overlaps += overlaps(run);
	run->next = scene.runs;
	scene.runs = run;
	pthread_cond_broadcast(&scene.changed);
	pthread_mutex_unlock(&scene.lock);
	return run;
}

/* The handler is about to return. */
static void finish(struct scene_run *run, struct metafora_task *task)
{
	pthread_mutex_lock(&scene.lock);
	run->reason = metafora_task_stop_reason(task);
	run->ended_ns = scene_now_ns();
	run->task = NULL;
	pthread_cond_broadcast(&scene.changed);
	pthread_mutex_unlock(&scene.lock);
}

static bool is_let_go(const struct scene_run *run)
{
	return scene.all_let_go || !strcmp(scene.let_go, run->id);
}

/* Stay until let go, noting how far the lease has reached meanwhile. */
static void be_stubborn(struct scene_run *run, struct metafora_task *task)
{
	pthread_mutex_lock(&scene.lock);
	while (!is_let_go(run)) {
		const struct timespec until = in_ms(LOOK_MS);
		uint64_t deadline_ns = metafora_task_lease_deadline_ns(task);

		if (deadline_ns > run->deadline_ns)
			run->deadline_ns = deadline_ns;
		pthread_cond_timedwait(&scene.changed, &scene.lock, &until);
	}
	pthread_mutex_unlock(&scene.lock);
}

static enum metafora_outcome run_task(void *arg, struct metafora_task *task)
{
	struct scene_run *run = begin(task);
	enum metafora_outcome outcome = METAFORA_RELEASE;

	(void)arg;
	if (!strcmp(run->manner, "stubborn"))
		be_stubborn(run, task);
	else if (!strcmp(run->manner, "done"))
		outcome = METAFORA_DONE;
	else if (strcmp(run->manner, "release") != 0)
		metafora_task_stop_wait(task, -1);
	if (!strcmp(run->manner, "finish"))
		outcome = METAFORA_DONE;
	finish(run, task);
	return outcome;
}

static void finish_async(struct scene_run *run, struct metafora_task *task,
			 enum metafora_outcome outcome)
{
	finish(run, task);
	metafora_task_finish(task, outcome);
}

static int start_task(void *arg, struct metafora_task *task)
{
	struct scene_run *run = begin(task);

	(void)arg;
	if (!strcmp(run->manner, "block")) {
		be_stubborn(run, task);
	} else if (!strcmp(run->manner, "done")) {
		finish_async(run, task, METAFORA_DONE);
	} else if (!strcmp(run->manner, "release")) {
		finish_async(run, task, METAFORA_RELEASE);
	} else if (!strcmp(run->manner, "refuse")) {
		finish(run, task);
		return -1;
	}
	return 0;
}

static void stop_threaded(void *arg, struct metafora_task *task)
{
	struct scene_run *run = metafora_task_context(task);

	(void)arg;
	if (!run)
		return; /* its thread has not come so far */
	pthread_mutex_lock(&scene.lock);
	run->n_stops++;
	pthread_cond_broadcast(&scene.changed);
	pthread_mutex_unlock(&scene.lock);
}

static void stop_async(void *arg, struct metafora_task *task)
{
	struct scene_run *run = metafora_task_context(task);
	bool stubborn;

	stop_threaded(arg, task);
	pthread_mutex_lock(&scene.lock);
	stubborn = !strcmp(run->manner, "stubborn") && !is_let_go(run);
	pthread_mutex_unlock(&scene.lock);
	if (!stubborn)
		finish_async(run, task,
			     !strcmp(run->manner, "finish") ? METAFORA_DONE
							    : METAFORA_RELEASE);
}

static void end_task(void *arg, struct metafora_task *task)
{
	struct scene_run *run = metafora_task_context(task);

	(void)arg;
	pthread_mutex_lock(&scene.lock);
	run->end_called = true;
	pthread_cond_broadcast(&scene.changed);
	pthread_mutex_unlock(&scene.lock);
}

void scene_let_go(const char *id)
{
	struct scene_run *run;

	pthread_mutex_lock(&scene.lock);
	if (id)
		snprintf(scene.let_go, sizeof(scene.let_go), "%s", id);
	else
		scene.all_let_go = true;
	pthread_cond_broadcast(&scene.changed);
	/* Asynchronous ones that were asked and did not obey do so now. */
	for (run = scene.runs; run; run = run->next) {
		if (run->task && run->n_stops && is_let_go(run) &&
		    metafora_task_finish(run->task, METAFORA_RELEASE) == 0) {
			run->reason = METAFORA_STOP_NONE;
			run->ended_ns = scene_now_ns();
			run->task = NULL;
		}
	}
	pthread_mutex_unlock(&scene.lock);
}

/* --- the whole --------------------------------------------------------------- */

int scene_submit(const char *id, const char *manner)
{
	return metafora_client_submit(scene.client, id, manner, strlen(manner),
				      LONG_MS);
}

struct metafora_consumer *scene_new(const char *node,
				    struct metafora_handler *handler)
{
	struct metafora_consumer *consumer = NULL;

	CU_ASSERT_EQUAL_FATAL(metafora_consumer_new(node, scene.coordinator,
						    NULL, handler, &consumer),
			      0);
	CU_ASSERT_EQUAL(metafora_consumer_set_log(consumer, scene_log, NULL,
						  METAFORA_LOG_DEBUG),
			0);
	CU_ASSERT_EQUAL(
		metafora_consumer_set_balance_debounce_ms(consumer, 1), 0);
	return consumer;
}

struct metafora_consumer *scene_start(const char *node,
				      struct metafora_handler *handler)
{
	struct metafora_consumer *consumer = scene_new(node, handler);

	CU_ASSERT_EQUAL_FATAL(metafora_consumer_start(consumer, LONG_MS), 0);
	return consumer;
}

static void make_handlers(void)
{
	CU_ASSERT_EQUAL_FATAL(
		metafora_handler_new_threaded(run_task, NULL, &scene.threaded),
		0);
	metafora_handler_set_stop(scene.threaded, stop_threaded);
	metafora_handler_set_end(scene.threaded, end_task);
	CU_ASSERT_EQUAL_FATAL(
		metafora_handler_new_async(start_task, NULL, &scene.async), 0);
	metafora_handler_set_stop(scene.async, stop_async);
	metafora_handler_set_end(scene.async, end_task);
}

void scene_open(int64_t session_timeout_ms)
{
	pthread_condattr_t attr;

	memset(&scene, 0, sizeof(scene));
	n_runs = 0;
	pthread_mutex_init(&scene.lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&scene.changed, &attr);
	pthread_condattr_destroy(&attr);
	CU_ASSERT_EQUAL_FATAL(
		metafora_embedded_broker_new(session_timeout_ms, &scene.broker),
		0);
	CU_ASSERT_EQUAL_FATAL(
		metafora_embedded_coordinator_new(scene.broker,
						  &scene.coordinator),
		0);
	CU_ASSERT_EQUAL_FATAL(metafora_client_new(scene.coordinator, NULL, NULL,
						  METAFORA_LOG_ERROR,
						  &scene.client),
			      0);
	make_handlers();
}

void scene_close(void)
{
	const struct scene_run *run;
	struct scene_line *line;

	metafora_client_free(scene.client);
	metafora_handler_free(scene.threaded);
	metafora_handler_free(scene.async);
	metafora_coordinator_free(scene.coordinator);
	metafora_embedded_broker_free(scene.broker);
	CU_ASSERT_EQUAL(scene.n_overlaps, 0);
	for (run = scene.runs; run; run = run->next) {
		CU_ASSERT_PTR_NULL(run->task);
		CU_ASSERT_TRUE(run->end_called);
	}
	while ((line = scene.lines)) {
		scene.lines = line->next;
		free(line);
	}
	pthread_cond_destroy(&scene.changed);
	pthread_mutex_destroy(&scene.lock);
}
