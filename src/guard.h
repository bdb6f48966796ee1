/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lease guard: a small loop of its own that stops handlers when the lease
 * runs out although the consumer's loop may be stuck, and that notices when
 * it is.
 */
#ifndef MF_GUARD_H
#define MF_GUARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <metafora/consumer.h>

#include "log.h"
#include "loop.h"

/*
 * What the guard sees of a running task; embedded in it.  All but the links is
 * the task's: the guard goes through the callbacks below.
 */
struct mf_guarded {
	struct mf_guarded *prev, *next; /* guarded by guard->lock */
	bool late_reported;             /* guarded by guard->lock */
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
int mf_guard_start(struct mf_guard *guard);
/* Ends the guard's loop; watched tasks are no longer looked after. */
void mf_guard_stop(struct mf_guard *guard);
void mf_guard_free(struct mf_guard *guard);

/*
 * A session has begun: its timeout, and how long before a lease's end
 * handlers are asked to stop.  The watched loop must take a step every quarter
 * of the timeout from now on; 0 stops watching the loop.  Any thread.
 */
void mf_guard_set_timeout(struct mf_guard *guard, uint64_t timeout_ns,
			  uint64_t grace_ns);

/* A lease's deadline is earlier than it was, or a first one is there. */
void mf_guard_wake(struct mf_guard *guard);

/* Look after a running task until unwatch.  Owner thread of the consumer. */
void mf_guard_watch(struct mf_guard *guard, struct mf_guarded *guarded);
void mf_guard_unwatch(struct mf_guard *guard, struct mf_guarded *guarded);

/*
 * Of the task (src/task.c), called by the guard with guard->lock held: they
 * must neither block nor call back.
 */
uint64_t mf_guarded_deadline_ns(const struct mf_guarded *guarded);
/* Set flag, waits, descriptor; idempotent. */
void mf_guarded_request_stop(struct mf_guarded *guarded,
			     enum metafora_stop_reason reason);
bool mf_guarded_returned(const struct mf_guarded *guarded);
const char *mf_guarded_id(const struct mf_guarded *guarded);

#endif
