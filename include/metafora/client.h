/* SPDX-License-Identifier: Apache-2.0 */
/* The submitting and operating side. */
#ifndef METAFORA_CLIENT_H
#define METAFORA_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <metafora/cluster.h>
#include <metafora/coordinator.h>
#include <metafora/log.h>
#include <metafora/task.h>
#include <metafora/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A client: one session with the broker, one thread of its own.  All calls
 * may be made from any thread, several at a time; at most 1,000 requests of a
 * client are under way at a time.  They block up to their timeout_ms (> 0).
 * They must not be made from a callback of a consumer that shares the
 * coordinator's broker in this process (it would block its loop).
 *
 * Arguments are checked before anything is sent.  Errors that every call
 * below may return besides its own:
 *
 *   METAFORA_EINVAL        an argument is NULL, or timeout_ms not above 0
 *   METAFORA_ENOMEM        out of memory; nothing was written
 *   METAFORA_EFULL         too many requests under way; nothing was done
 *   METAFORA_ETIMEDOUT     no answer in time; a write may have been done
 *   METAFORA_EUNKNOWN      connection lost; a write may have been done
 *   METAFORA_EDISCONNECTED not connected to the broker; nothing was done
 *   METAFORA_EAUTH, METAFORA_EVERSION, METAFORA_ENAMESPACE  the broker
 *                          refuses; see error.h
 *   METAFORA_EPROTO        the coordinator's answer makes no sense
 *   METAFORA_ESTOPPED      the client is being freed; a write that was under
 *                          way may have been done
 *   METAFORA_ETHREAD       called from the client's own thread, by its log
 *                          sink for example
 *   METAFORA_ESYS          the system refused a semaphore; nothing was done
 */
struct metafora_client;

/*
 * Make a client and connect it in the background: calls wait for the
 * connection as part of their timeout.  Keeps a reference of its own to the
 * coordinator.  log may be NULL (silence); log_arg outlives the client.
 * Waits for the client's thread to begin, not for the broker.
 * Returns 0, METAFORA_EINVAL (also: level is none), METAFORA_ENOMEM,
 * METAFORA_ESYS, METAFORA_ENOTSUP (the coordinator has no client side), or
 * what the plug-in's open returned.  Since: 0.1.
 */
METAFORA_API int metafora_client_new(struct metafora_coordinator *coordinator,
				     metafora_log_fn log, void *log_arg,
				     enum metafora_log_level level,
				     struct metafora_client **out);

/*
 * Close the client and free it: calls under way end with METAFORA_ESTOPPED;
 * none may be begun any more.  Blocks until they and the client's thread have
 * ended: as long as the coordinator takes to close, 30 s at most.  NULL is
 * allowed.  Not from the client's own thread (it would wait for itself: the
 * call is ignored and an error logged).  Since: 0.1.
 */
METAFORA_API void metafora_client_free(struct metafora_client *client);

/*
 * Begin to close, without waiting: calls under way, and all later ones, end
 * with METAFORA_ESTOPPED.  For who is told to end while other threads are in
 * calls; metafora_client_free() must still follow.  NULL is allowed.  Any
 * thread, the client's own too, but no signal handler.  Since: 0.1.
 */
METAFORA_API void metafora_client_close(struct metafora_client *client);

/*
 * Submit one task.  properties may be NULL if size_bytes is 0.  0 means that
 * the broker has it.
 * Returns 0, METAFORA_EEMPTY, METAFORA_ENAMETOOLONG (over
 * METAFORA_TASK_ID_MAX), METAFORA_E2BIG (over METAFORA_PROPERTIES_MAX),
 * METAFORA_EEXIST (a task of that ID exists), METAFORA_EBUSY (a deleted task
 * of that ID is still being stopped).  Since: 0.1.
 */
METAFORA_API int metafora_client_submit(struct metafora_client *client,
					const char *id, const void *properties,
					size_t size_bytes, int64_t timeout_ms);

/* Many tasks in one call.  Owned by the caller; not thread-safe. */
struct metafora_batch;

/*
 * Make an empty batch; free it (NULL is allowed).
 * Returns 0, METAFORA_EINVAL, METAFORA_ENOMEM.  Any thread; do not block.
 * Since: 0.1.
 */
METAFORA_API int metafora_batch_new(struct metafora_batch **out);
METAFORA_API void metafora_batch_free(struct metafora_batch *batch);

/*
 * Add a task; ID and properties are copied.  id_bytes is the length of the ID
 * in bytes.  On an error the batch is as before.
 * Returns 0, METAFORA_EINVAL, METAFORA_EEMPTY, METAFORA_ENAMETOOLONG,
 * METAFORA_ENUL (a NUL inside the ID), METAFORA_E2BIG, METAFORA_ENOMEM.
 * Since: 0.1.
 */
METAFORA_API int metafora_batch_add(struct metafora_batch *batch,
				    const char *id, size_t id_bytes,
				    const void *properties, size_t size_bytes);

/* Tasks in the batch; ID of one (NULL if i is too large).  Since: 0.1. */
METAFORA_API size_t metafora_batch_size(const struct metafora_batch *batch);
METAFORA_API const char *metafora_batch_id(const struct metafora_batch *batch,
					   size_t i);

/*
 * What became of task i in the last submit of the batch, as
 * metafora_client_submit() would return it; METAFORA_ESTATE if it was not
 * submitted, METAFORA_EINVAL if i is too large.  Since: 0.1.
 */
METAFORA_API int metafora_batch_error(const struct metafora_batch *batch,
				      size_t i);

/*
 * Submit all tasks of a batch, in the order they were added; an empty one is
 * submitted at once.  The batch must not be used meanwhile, and is kept: a
 * task that is submitted again gives METAFORA_EEXIST.  A large batch goes to
 * the broker in several requests, so a part of it may succeed.
 * Returns 0 if every task was submitted, else the error of the first that
 * was not: see metafora_batch_error() for each.  Since: 0.1.
 */
METAFORA_API int metafora_client_submit_batch(struct metafora_client *client,
					      struct metafora_batch *batch,
					      int64_t timeout_ms);

/*
 * Delete a task.  If it runs, its handler is asked to stop; the call returns
 * when the task and the claim on it are gone.  After METAFORA_ETIMEDOUT the
 * task may be gone already while its handler still stops.
 * Returns 0, METAFORA_EEMPTY, METAFORA_ENAMETOOLONG, METAFORA_ENOENT.
 * Since: 0.1.
 */
METAFORA_API int metafora_client_delete(struct metafora_client *client,
					const char *id, int64_t timeout_ms);

/*
 * The tasks whose IDs begin with prefix (NULL: all) and sort after `after`
 * (NULL: from the first), at most limit of them (0: no limit), sorted by ID
 * bytewise.  To page, pass the last ID of a listing as `after` while
 * metafora_listing_more().  *out is the caller's, to be freed.
 * Returns 0, METAFORA_ENAMETOOLONG (prefix or after longer than an ID can
 * be).  Since: 0.1.
 */
struct metafora_listing;
METAFORA_API int metafora_client_list(struct metafora_client *client,
				      const char *prefix, const char *after,
				      size_t limit, int64_t timeout_ms,
				      struct metafora_listing **out);

/*
 * Rows of a listing.  i too large gives NULL, 0.  Strings are valid as long as
 * the listing.  Any thread; do not block.  NULL may be freed.  Since: 0.1.
 */
METAFORA_API size_t
metafora_listing_size(const struct metafora_listing *listing);
/* Whether more tasks follow behind the limit. */
METAFORA_API bool
metafora_listing_more(const struct metafora_listing *listing);
METAFORA_API const char *
metafora_listing_id(const struct metafora_listing *listing, size_t i);
/* Node that owns it, NULL if nobody does. */
METAFORA_API const char *
metafora_listing_owner(const struct metafora_listing *listing, size_t i);
/* Token of the owner's claim, 0 if nobody owns it. */
METAFORA_API uint64_t
metafora_listing_token(const struct metafora_listing *listing, size_t i);
METAFORA_API void metafora_listing_free(struct metafora_listing *listing);

/*
 * The properties of one task: *properties is allocated for the caller, who
 * frees it with free(); a NUL that is not counted follows.
 * Returns 0, METAFORA_EEMPTY, METAFORA_ENAMETOOLONG, METAFORA_ENOENT.
 * Since: 0.1.
 */
METAFORA_API int metafora_client_get(struct metafora_client *client,
				     const char *id, void **properties,
				     size_t *size_bytes, int64_t timeout_ms);

/*
 * The living nodes, sorted by name (bytewise).  *out is the caller's, to be
 * freed.  Since: 0.1.
 */
struct metafora_node_list;
METAFORA_API int metafora_client_nodes(struct metafora_client *client,
				       int64_t timeout_ms,
				       struct metafora_node_list **out);

/*
 * Rows of a node list.  i too large gives NULL, 0.  Strings are valid as long
 * as the list.  Any thread; do not block.  NULL may be freed.  Since: 0.1.
 */
METAFORA_API size_t
metafora_node_list_size(const struct metafora_node_list *list);
METAFORA_API const char *
metafora_node_list_name(const struct metafora_node_list *list, size_t i);
METAFORA_API enum metafora_member_state
metafora_node_list_state(const struct metafora_node_list *list, size_t i);
METAFORA_API double
metafora_node_list_weight(const struct metafora_node_list *list, size_t i);
METAFORA_API uint64_t
metafora_node_list_capacity(const struct metafora_node_list *list, size_t i);
METAFORA_API size_t
metafora_node_list_n_owned(const struct metafora_node_list *list, size_t i);
METAFORA_API void metafora_node_list_free(struct metafora_node_list *list);

/*
 * Send a command to a node and wait until it has been carried out.  name is
 * UTF-8; argument may be NULL and hold any bytes.  If result is not NULL,
 * *result is set to the text of the answer (may be empty), allocated for the
 * caller, who frees it with free(), whenever the node answered: with 0 and
 * with the node's error.  Otherwise it is untouched: set it to NULL before.
 * Returns 0, the node's error (METAFORA_ENOTSUP: it does not know the
 * command), METAFORA_EEMPTY, METAFORA_ENAMETOOLONG (node or name),
 * METAFORA_EINVAL (also: name is not UTF-8), METAFORA_E2BIG (over
 * METAFORA_COMMAND_ARGUMENT_MAX), METAFORA_ENOENT (no living node of that
 * name, or it died before answering).  Since: 0.1.
 */
METAFORA_API int metafora_client_command(struct metafora_client *client,
					 const char *node, const char *name,
					 const char *argument,
					 int64_t timeout_ms, char **result);

#ifdef __cplusplus
}
#endif
#endif
