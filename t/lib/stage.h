/* SPDX-License-Identifier: Apache-2.0 */
/* A stage for handlers: a runner on a loop, without a consumer around it. */
#ifndef T_STAGE_H
#define T_STAGE_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "guard.h"
#include "handler.h"
#include "lease.h"
#include "logbook.h"
#include "loop.h"
#include "runner.h"
#include "world.h"

/* How long a test waits for what must happen. */
#define STAGE_PATIENCE_MS 30000
#define STAGE_TASKS_MAX 2048

struct stage {
	struct world *world; /* NULL: real threads and clock */
	struct logbook logbook;
	struct mf_log log;
	struct mf_loop loop;
	struct mf_guard *guard; /* NULL: none */
	struct mf_lease *lease; /* of tasks to be started */
	struct mf_runner runner;
	/*
	 * What the runner told, in order.  Written by the owner; read by the
	 * test after it has waited for n_returned.
	 */
	struct metafora_task *returned[STAGE_TASKS_MAX];
	enum metafora_outcome outcomes[STAGE_TASKS_MAX];
	atomic_uint n_returned;
	sem_t one_returned;
	unsigned int n_reaped; /* by stage_close too */
	atomic_uint n_aborted; /* what METAFORA_LOST_ABORT did */
	atomic_uint n_stalled;
	int error; /* of the last stage_start */
};

/*
 * Open a stage; without a world on real threads.  Takes over the reference to
 * the handler.  The lease at first never ends.
 */
void stage_open(struct stage *stage, struct world *world,
		struct metafora_handler *handler);
/* Add a guard that watches the loop; before the first task. */
void stage_add_guard(struct stage *stage, enum metafora_lost_policy policy);
/* Reap what has returned; nothing else may be left. */
void stage_close(struct stage *stage);

/* Call fn(arg) on the owner thread and wait until it has returned. */
void stage_call(struct stage *stage, void (*fn)(void *arg), void *arg);

/* Start a task on the owner thread; NULL and stage->error if it fails. */
struct metafora_task *stage_start(struct stage *stage, const char *id);
void stage_stop(struct stage *stage, struct metafora_task *task,
		enum metafora_stop_reason reason);
void stage_revoke(struct stage *stage, struct metafora_task *task);
/* Reap the task that returned next; it must have. */
void stage_reap(struct stage *stage);
/* Wait until n tasks have returned since the stage was opened. */
bool stage_wait_returned(struct stage *stage, unsigned int n);

/* A new session: tasks to be started get this lease. */
void stage_renew_session(struct stage *stage, uint64_t deadline_ns);

#endif
