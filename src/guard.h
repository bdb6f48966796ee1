/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lease guard: a small loop of its own that stops handlers when the lease
 * runs out although the consumer's loop may be stuck, and that notices when
 * it is.
 */
#ifndef MF_GUARD_H
#define MF_GUARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <metafora/consumer.h>

#include "lease.h"
#include "log.h"
#include "loop.h"

/* Handlers that outlive their lease: named in the log at most so many at once. */
#define MF_GUARD_REPORTS_MAX 1000

/* Where the guard has a task.  Each is on one list at most. */
enum mf_guarded_where {
	MF_GUARDED_OFF = 0,     /* on none: not watched, or nothing to do */
	MF_GUARDED_LEASE = 1,   /* lease->tasks */
	MF_GUARDED_LOST = 2,    /* guard->lost: the claim is lost */
	MF_GUARDED_OVERDUE = 3, /* guard->overdue: about to be reported */
};

/* What the guard sees of a running task; embedded in it. */
struct mf_guarded {
	struct mf_lease *lease;        /* const while watched, the task's */
	TAILQ_ENTRY(mf_guarded) link;  /* guarded by guard->lock */
	uint64_t lost_ns;              /* guarded by guard->lock */
	enum mf_guarded_where where;   /* guarded by guard->lock */
};

struct mf_guard_config {
	struct mf_runtime *runtime;
	const struct mf_log *log;      /* borrowed */
	enum metafora_lost_policy policy;
	struct mf_loop *watched;       /* the consumer's loop; borrowed */
	/*
	 * The watched loop has taken no step for a session timeout.  Called
	 * once per stall, on the guard's thread.
	 */
	void (*stalled)(void *arg);
	void *arg;
	/* What METAFORA_LOST_ABORT does; NULL: abort().  For tests. */
	void (*abort_fn)(void *arg);
};

struct mf_guard;

/* Returns 0, METAFORA_ENOMEM, METAFORA_ESYS.  Not started. */
int mf_guard_new(const struct mf_guard_config *config, struct mf_guard **out);
/* Returns 0 or what the runtime's start does. */
int mf_guard_start(struct mf_guard *guard);
/*
 * Ends the guard's loop, if it was started; watched tasks are no longer looked
 * after.  Not from the guard's thread.
 */
void mf_guard_stop(struct mf_guard *guard);
/* Stops it if need be.  No task may be watched any more.  NULL is allowed. */
void mf_guard_free(struct mf_guard *guard);

/* The guard's own loop: tests stop it together with the consumer's. */
struct mf_loop *mf_guard_loop(struct mf_guard *guard);

/*
 * A session has begun: its timeout, and how long before a lease's end
 * handlers are asked to stop.  The watched loop must take a step every quarter
 * of the timeout from now on; 0 stops watching the loop.  Any thread.
 */
void mf_guard_set_timeout(struct mf_guard *guard, uint64_t timeout_ns,
			  uint64_t grace_ns);

/*
 * A lease's deadline is earlier than it was.  One that moves on needs no call:
 * the guard looks again when the old time comes.  Any thread.
 */
void mf_guard_wake(struct mf_guard *guard);

/*
 * Look after a running task until unwatch: at its lease's deadline less the
 * grace it is asked to stop, at the deadline it is overdue.  Owner thread of
 * the consumer.
 */
void mf_guard_watch(struct mf_guard *guard, struct mf_guarded *guarded);
void mf_guard_unwatch(struct mf_guard *guard, struct mf_guarded *guarded);
/*
 * The claim of a watched task is lost and it was asked to stop: whatever its
 * lease says, it is overdue when a grace has passed from now.  Owner thread of
 * the consumer.
 */
void mf_guard_lost(struct mf_guard *guard, struct mf_guarded *guarded);

/*
 * Of the task (src/task.c), called by the guard with guard->lock held: they
 * must neither block nor call back.
 */

/* Set flag, waits, descriptor; idempotent.  Any thread. */
void mf_guarded_request_stop(struct mf_guarded *guarded,
			     enum metafora_stop_reason reason,
			     uint64_t now_ns);
bool mf_guarded_returned(const struct mf_guarded *guarded);
const char *mf_guarded_id(const struct mf_guarded *guarded);

#endif
