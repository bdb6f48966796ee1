/* SPDX-License-Identifier: Apache-2.0 */
/* The application's code for tasks: how to run one, how to stop one. */
#ifndef METAFORA_HANDLER_H
#define METAFORA_HANDLER_H

#include <stddef.h>
#include <stdint.h>

#include <metafora/task.h>
#include <metafora/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A handler.  Immutable once given to a consumer; may serve several consumers.
 * Counted: metafora_handler_free() drops the caller's reference, a consumer
 * holds its own.
 */
struct metafora_handler;

/*
 * Run a task to its end on a thread of its own, where it may block as long as
 * it likes.  It should return soon after it is asked to stop; see
 * metafora_task_stop_wait(), _stopping() and _stop_fd().
 */
typedef enum metafora_outcome (*metafora_run_fn)(void *arg,
						 struct metafora_task *task);

/*
 * Begin a task and return at once, on the consumer's own thread: it must not
 * block.  0 if the task has begun: metafora_task_finish() must follow, from
 * any thread.  Any other value: it has not begun and the task is released;
 * finish must not be called.
 */
typedef int (*metafora_start_fn)(void *arg, struct metafora_task *task);

/*
 * Asked to stop: called on the consumer's own thread, after the stop flag,
 * waits and descriptor have been set; must not block.  May come more than
 * once for a task (again for shutdown after a balance, for example), never
 * two at a time, and never after end.
 */
typedef void (*metafora_stop_fn)(void *arg, struct metafora_task *task);

/*
 * The last call for a task, on the consumer's own thread, after it finished
 * or start refused it: nothing else uses the task any more; free what hangs on
 * it.  A task for which no thread could be made never gets here.  Must not
 * block.
 */
typedef void (*metafora_end_fn)(void *arg, struct metafora_task *task);

/*
 * Warm up for a task that another node still runs: this node is about to stand
 * in line for it, and the other gives the task up when it sees that.  Called on
 * the consumer's own thread; must not block, but begin, and say how far it is.
 *
 * Returns 0: ready, or nothing to do; more: not yet, ask again in so many ms;
 * less: it cannot be run here, and the task is left alone for a while.
 *
 * Only a help: properties are not known before the task is owned.  The task
 * may never start here, so what is warm must be able to go cold again, and one
 * that nobody owns, or whose time to warm up is over, starts without.
 */
typedef int64_t (*metafora_prepare_fn)(void *arg, const char *id);

/*
 * Make a threaded handler.  arg is passed to every callback and must outlive
 * the consumers.  Any thread; does not block.
 * Returns 0, METAFORA_EINVAL, METAFORA_ENOMEM.  Since: 0.1.
 */
METAFORA_API int metafora_handler_new_threaded(metafora_run_fn run, void *arg,
					       struct metafora_handler **out);

/*
 * Make an asynchronous handler: no thread per task, so that one process can
 * hold very many.  Otherwise as above.  Since: 0.1.
 */
METAFORA_API int metafora_handler_new_async(metafora_start_fn start, void *arg,
					    struct metafora_handler **out);

/*
 * Set the optional callbacks.  Before the handler is given to a consumer.
 * Returns 0, METAFORA_EINVAL, METAFORA_ESTATE (in use).  Since: 0.1.
 */
METAFORA_API int metafora_handler_set_stop(struct metafora_handler *handler,
					   metafora_stop_fn stop);
METAFORA_API int metafora_handler_set_end(struct metafora_handler *handler,
					  metafora_end_fn end);

/*
 * Set the optional prepare callback, and how long a task may take to warm up
 * before this node stands in line for it all the same: 1 to 3,600,000.  NULL:
 * none.  Before the handler is given to a consumer.
 * Returns 0, METAFORA_EINVAL, METAFORA_ERANGE, METAFORA_ESTATE (in use).
 * Since: 0.1.
 */
METAFORA_API int metafora_handler_set_prepare(struct metafora_handler *handler,
					      metafora_prepare_fn prepare,
					      int64_t timeout_ms);

/*
 * Stack of a threaded handler's threads; default 256 KiB, at least what the
 * system asks for, at most 1 GiB.  Returns 0, METAFORA_EINVAL, METAFORA_ERANGE,
 * METAFORA_ESTATE (in use), METAFORA_ENOTSUP (asynchronous).  Since: 0.1.
 */
METAFORA_API int
metafora_handler_set_stack_bytes(struct metafora_handler *handler,
				 size_t stack_bytes);

/*
 * Drop the caller's reference.  NULL is allowed.  Any thread; does not block.
 * Since: 0.1.
 */
METAFORA_API void metafora_handler_free(struct metafora_handler *handler);

#ifdef __cplusplus
}
#endif
#endif
