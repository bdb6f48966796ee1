/* SPDX-License-Identifier: Apache-2.0 */
/* A task as its handler sees it, while this node owns it. */
#ifndef METAFORA_TASK_H
#define METAFORA_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <metafora/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Limits, before any encoding. */
#define METAFORA_TASK_ID_MAX 200
#define METAFORA_NODE_NAME_MAX 100
#define METAFORA_PROPERTIES_MAX 1000000

/*
 * A task that this node owns.  The library owns the object.  It is valid from
 * the start of its handler until a threaded handler's run returns, or until
 * metafora_task_finish() of an asynchronous one has returned; inside a stop
 * or end callback it is valid during that call.  All calls below may be made
 * from any thread and from any callback while it is valid.
 */
struct metafora_task;

/* How a handler ended. */
enum metafora_outcome {
	/* The work is complete: remove the task, never run it again. */
	METAFORA_DONE = 0,
	/* The work goes on: let it run again, here or elsewhere. */
	METAFORA_RELEASE = 1,
};

/* Why a handler was asked to stop. */
enum metafora_stop_reason {
	METAFORA_STOP_NONE = 0,     /* it was not */
	METAFORA_STOP_BALANCE = 1,  /* the balancer gives the task away */
	METAFORA_STOP_COMMAND = 2,  /* a stop_task command */
	METAFORA_STOP_DRAIN = 3,    /* this node drains */
	METAFORA_STOP_SHUTDOWN = 4, /* the consumer shuts down */
	METAFORA_STOP_DELETED = 5,  /* a client deleted the task */
	METAFORA_STOP_LEASE = 6,    /* the lease is about to end */
	METAFORA_STOP_LOST = 7,     /* the claim or the session is lost */
};

/* The ID.  Valid as long as the task.  Does not block.  Since: 0.1. */
METAFORA_API const char *
metafora_task_id(const struct metafora_task *task);

/*
 * The properties given at submission, *size_bytes of them (size_bytes may be
 * NULL); a NUL that is not counted follows.  Never NULL.  Valid as long as
 * the task.  Does not block.  Since: 0.1.
 */
METAFORA_API const void *
metafora_task_properties(const struct metafora_task *task, size_t *size_bytes);

/* The name of this node.  Valid as long as the task.  Since: 0.1. */
METAFORA_API const char *
metafora_task_node(const struct metafora_task *task);

/*
 * The fencing token of this ownership: later owners of the same task have
 * strictly greater ones, so that a store can refuse a stale writer.  Takes no
 * lock.  Since: 0.1.
 */
METAFORA_API uint64_t
metafora_task_token(const struct metafora_task *task);

/*
 * When the lease ends, in nanoseconds of CLOCK_BOOTTIME: after this instant
 * another node may own the task.  It moves forward while the node is in touch
 * with the broker.  UINT64_MAX if the broker knows no leases; 0 once the claim
 * is lost.  Takes no lock.  Since: 0.1.
 */
METAFORA_API uint64_t
metafora_task_lease_deadline_ns(const struct metafora_task *task);

/*
 * How long the lease still lasts, in milliseconds, rounded down; 0 when it
 * has ended, INT64_MAX if the broker knows no leases.  Takes no lock.
 * Since: 0.1.
 */
METAFORA_API int64_t
metafora_task_lease_remaining_ms(const struct metafora_task *task);

/*
 * Whether the handler has been asked to stop.  Takes no lock.  Since: 0.1.
 */
METAFORA_API bool
metafora_task_stopping(const struct metafora_task *task);

/*
 * The first reason given for the stop, METAFORA_STOP_NONE before.  Takes no
 * lock.  Since: 0.1.
 */
METAFORA_API enum metafora_stop_reason
metafora_task_stop_reason(const struct metafora_task *task);

/*
 * Wait until the handler is asked to stop.  Blocks up to timeout_ms (0 polls,
 * negative waits without limit).  Several threads may wait.  Not from a
 * callback of the library (start, stop, end: METAFORA_ETHREAD, unless
 * timeout_ms is 0).
 * Returns 0 when asked to stop, METAFORA_ETIMEDOUT.  Since: 0.1.
 */
METAFORA_API int metafora_task_stop_wait(struct metafora_task *task,
					 int64_t timeout_ms);

/*
 * Store in *fd a descriptor that becomes and stays readable when the handler
 * is asked to stop, for poll, select or epoll.  It is made at the first call
 * and the same afterwards.  The library owns it: do not read or close it; it
 * is closed on exec, and when the task ceases to be valid.  Does not block.
 * Returns 0, METAFORA_EINVAL, METAFORA_ESYS (no descriptor left).
 * Since: 0.1.
 */
METAFORA_API int metafora_task_stop_fd(struct metafora_task *task, int *fd);

/*
 * End an asynchronous task.  May be called before start has returned.  The
 * caller must not use the task afterwards; the library calls the handler's
 * end callback when no other callback for the task can come.  Does not block.
 * Returns 0, METAFORA_EINVAL (also for an outcome that is none),
 * METAFORA_ESTATE (already finished, or the handler is threaded).
 * Since: 0.1.
 */
METAFORA_API int metafora_task_finish(struct metafora_task *task,
				      enum metafora_outcome outcome);

/*
 * Attach a pointer of the application to the task and read it back (NULL at
 * first).  The library does not look at it.  Takes no lock; the two are
 * ordered like an atomic store and load.  Since: 0.1.
 */
METAFORA_API void metafora_task_set_context(struct metafora_task *task,
					    void *context);
METAFORA_API void *
metafora_task_context(const struct metafora_task *task);

/*
 * The name of a stop reason, such as "balance"; NULL if it is none.  Static.
 * Since: 0.1.
 */
METAFORA_API const char *
metafora_stop_reason_name(enum metafora_stop_reason reason);

#ifdef __cplusplus
}
#endif
#endif
