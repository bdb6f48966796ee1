/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a task object, as runner and guard share it. */
#ifndef MF_TASK_H
#define MF_TASK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <metafora/task.h>

#include "gate.h"
#include "guard.h"
#include "lease.h"
#include "loop.h"
#include "runner.h"

/* Not ended yet; beside the values of enum metafora_outcome. */
#define MF_OUTCOME_NONE (-1)

/*
 * One process may hold very many of these, so there is no lock, no condition
 * and no descriptor in it before somebody asks for one.  One allocation: the
 * properties and the ID follow the struct.
 */
struct metafora_task {
	struct mf_guarded guarded;       /* the guard's; holds the lease */
	struct metafora_post post;       /* of the end, to the runner's loop */
	struct mf_runner *runner;        /* const */
	void *cookie;                    /* const */
	uint64_t token;                  /* const */
	uint64_t started_ns;             /* const */
	pthread_t thread;                /* owner; threaded handlers only */
	_Atomic(void *) context;         /* atomic: the application's */
	_Atomic uint64_t stopped_ns;     /* atomic: guard or owner writes it */
	struct mf_gate stop_gate;        /* open: asked to stop */
	atomic_int stop_fd;              /* -1: none; published once */
	uint32_t size_bytes;             /* const */
	atomic_uchar stop_reason;        /* reason and flag in one */
	atomic_schar outcome;            /* MF_OUTCOME_NONE: it runs */
	atomic_bool revoked;             /* the claim is lost */
	char bytes[];                    /* properties, NUL, ID, NUL */
};

/* NULL: no memory.  Takes a reference to the lease. */
struct metafora_task *
mf_task_new(struct mf_runner *runner, void *cookie, const char *id,
	    uint64_t token, const void *properties, size_t size_bytes,
	    struct mf_lease *lease);
void mf_task_free(struct metafora_task *task);

/*
 * The handler has ended: keep the outcome and post to the owner, who may free
 * the task at once.  False, and nothing done, if it had ended already.  Any
 * thread.
 */
bool mf_task_end(struct metafora_task *task, enum metafora_outcome outcome);

/* Whether it is one of the enum's values. */
static inline bool mf_outcome_is_valid(enum metafora_outcome outcome)
{
	return outcome == METAFORA_DONE || outcome == METAFORA_RELEASE;
}

#endif
