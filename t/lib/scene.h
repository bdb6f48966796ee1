/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scene for tests through the public interface: an embedded broker with a
 * client, handlers that do what a task's properties say, a log to wait for.
 */
#ifndef T_SCENE_H
#define T_SCENE_H

#include <metafora.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Longer than anything takes that happens at all. */
#define LONG_MS 60000

/* One run of a handler.  Guarded by the scene's lock. */
struct scene_run {
	struct scene_run *next; /* the one before it */
	struct metafora_task *task; /* NULL: over */
	char id[METAFORA_TASK_ID_MAX + 1];
	char node[METAFORA_NODE_NAME_MAX + 1];
	char manner[16];
	uint64_t token;
	uint64_t began_ns, ended_ns; /* CLOCK_BOOTTIME; 0: not yet */
	uint64_t deadline_ns; /* the last that a handler who ignores saw */
	enum metafora_stop_reason reason;
	unsigned int n_stops; /* calls of the stop callback */
	bool end_called;
};

struct scene_line {
	struct scene_line *next; /* the one before it */
	enum metafora_log_level level;
	char text[METAFORA_LOG_LINE_BYTES];
};

/*
 * There is one.  Everything below but the handlers is called by the test's
 * main thread.
 */
extern struct scene {
	struct metafora_embedded_broker *broker;
	struct metafora_coordinator *coordinator;
	struct metafora_client *client;
	struct metafora_handler *threaded, *async;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct scene_run *runs;   /* guarded by lock; newest first */
	struct scene_line *lines; /* guarded by lock; newest first */
	/* Two handlers that believed in one task at a time: none must. */
	unsigned int n_overlaps; /* guarded by lock */
	bool all_let_go;         /* guarded by lock */
	char let_go[METAFORA_TASK_ID_MAX + 1]; /* guarded by lock */
} scene;

void scene_open(int64_t session_timeout_ms);
/* Consumers must have been freed. */
void scene_close(void);

/*
 * What the handlers do is the task's properties:
 *   ""         run until asked to stop, then release
 *   "done"     return DONE at once
 *   "release"  return RELEASE at once
 *   "finish"   run until asked to stop, then DONE
 *   "stubborn" ignore being asked to stop until let go
 *   "block"    (asynchronous) stay in the start callback until let go
 *   "refuse"   (asynchronous) return an error from start
 */
int scene_submit(const char *id, const char *manner);
/* A consumer with a handler of the scene's and the log; not started. */
struct metafora_consumer *scene_new(const char *node,
				    struct metafora_handler *handler);
struct metafora_consumer *scene_start(const char *node,
				      struct metafora_handler *handler);
/* Let stubborn and blocking handlers of a task go on; NULL: all. */
void scene_let_go(const char *id);

/* Wait until a condition holds, looked at with the lock held. */
bool scene_wait(bool (*cond)(void *arg), void *arg, int64_t timeout_ms);
/* Wait until the newest run of the task runs, on that node (NULL: any). */
bool scene_wait_running(const char *id, const char *node);
/* Wait until the task has run n times to the end. */
bool scene_wait_ended(const char *id, unsigned int n);
/* Wait until a line of the log contains all of these (others NULL). */
bool scene_wait_line(const char *a, const char *b);
/* The newest run of the task; NULL: none.  Its fields are stable if it ended. */
const struct scene_run *scene_run(const char *id);
unsigned int scene_n_runs(const char *id);
unsigned int scene_n_lines(const char *text);

/* The log sink. */
void scene_log(void *arg, enum metafora_log_level level, const char *line);
uint64_t scene_now_ns(void);

#endif
