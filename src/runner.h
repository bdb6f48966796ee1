/* SPDX-License-Identifier: Apache-2.0 */
/* Running handlers: starts them, asks them to stop, hears when they return. */
#ifndef MF_RUNNER_H
#define MF_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <metafora/task.h>

#include "guard.h"
#include "handler.h"
#include "lease.h"
#include "log.h"
#include "loop.h"

/* Callbacks that take longer on the owner thread are logged by name. */
#define MF_SLOW_CALLBACK_MS 100

/*
 * One per consumer, on its loop.  All calls but one: owner thread.
 */
struct mf_runner {
	struct mf_loop *loop;             /* const */
	struct metafora_handler *handler; /* const, borrowed */
	struct mf_guard *guard;           /* const, borrowed; NULL: none */
	const struct mf_log *log;         /* const */
	const char *node;                 /* const */
	/*
	 * A handler returned.  Called on the owner thread, from the loop, once
	 * per task.  The task is still valid; mf_runner_reap must be called
	 * for it, now or later.
	 */
	void (*returned)(void *arg, struct metafora_task *task,
			 enum metafora_outcome outcome);
	void *arg;
	size_t n_live; /* owner: started and not reaped */
};

/*
 * Start the handler.  cookie is the caller's (see mf_task_cookie).  *out is
 * set before the handler begins.  Returns 0; METAFORA_ENOMEM, METAFORA_ESYS
 * (no thread), METAFORA_EHANDLER (start callback refused): then nothing runs,
 * *out is as it was and returned() is not called.  The loop must run until
 * every task that was started is reaped.
 */
int mf_runner_start(struct mf_runner *runner, void *cookie, const char *id,
		    uint64_t token, const void *properties, size_t size_bytes,
		    struct mf_lease *lease, struct metafora_task **out);

/* Whether the calling thread is one of a threaded handler.  Any thread. */
bool mf_runner_is_handler(const struct mf_runner *runner);

/*
 * Ask to stop: sets flag, waits and descriptor, then calls the handler's stop
 * callback (each time; the first reason stays).  Nothing happens if the
 * handler has returned.
 */
void mf_runner_stop(struct mf_runner *runner, struct metafora_task *task,
		    enum metafora_stop_reason reason);

/*
 * The claim is lost: the deadline that the task shows becomes 0, for good, and
 * flag, waits and descriptor are set (METAFORA_STOP_LOST); mf_runner_stop must
 * follow for the callback.  The lost policy applies when a stop grace has
 * passed.
 */
void mf_runner_revoke(struct metafora_task *task);

/* After returned(): join the thread, end callback, free. */
void mf_runner_reap(struct mf_runner *runner, struct metafora_task *task);

void *mf_task_cookie(const struct metafora_task *task);
uint64_t mf_task_started_ns(const struct metafora_task *task);
/* First asked to stop; 0 if not. */
uint64_t mf_task_stopped_ns(const struct metafora_task *task);

#endif
