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

/*
 * The same without blocking: fn is called once, on the client's thread, with
 * what metafora_client_submit() would return; id is valid during the call.
 * fn must not block and must not make blocking calls of the client
 * (METAFORA_ETHREAD); it may submit the next task.  It is called for every
 * task that was taken, at the latest when its timeout has passed or the client
 * is freed (METAFORA_ESTOPPED).  Returns 0: fn will be called (perhaps before
 * this returns); an error of an argument, METAFORA_EFULL, METAFORA_ENOMEM or
 * METAFORA_ESTOPPED: it will not.  Any thread, the client's own too; does not
 * block.  Since: 0.1.
 */
typedef void (*metafora_submitted_fn)(void *arg, const char *id, int error);
METAFORA_API int metafora_client_submit_async(
	struct metafora_client *client, const char *id, const void *properties,
	size_t size_bytes, int64_t timeout_ms, metafora_submitted_fn fn,
	void *arg);

/*
 * See to it that a task is there: as metafora_client_submit(), but a task of
 * that ID that has the same properties already is a success too, and what may
 * succeed later is tried again until the timeout has passed: a lost
 * connection, an unknown outcome, a deleted task of that ID that is still
 * being stopped.  So it may be called again and again.  A task that is carried
 * out and removed within the call may be submitted once more by it.
 * Returns 0, METAFORA_EEXIST (a task of that ID has other properties), or as
 * metafora_client_submit().  Since: 0.1.
 */
METAFORA_API int metafora_client_ensure(struct metafora_client *client,
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
 * metafora_client_ensure() for all tasks of a batch; all else as
 * metafora_client_submit_batch().  Since: 0.1.
 */
METAFORA_API int metafora_client_ensure_batch(struct metafora_client *client,
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
 * The same, and since when each owner has owned its task.  With ZooKeeper the
 * plain listing reads one list of names per bucket, whatever the number of
 * tasks; this one reads each claim that owns a listed task besides: with many
 * tasks, page.
 * Returns as metafora_client_list(); METAFORA_ENOTSUP (the coordinator cannot
 * tell).  Since: 0.1.
 */
METAFORA_API int metafora_client_list_details(
	struct metafora_client *client, const char *prefix, const char *after,
	size_t limit, int64_t timeout_ms, struct metafora_listing **out);

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
/*
 * When the owner's claim was made, in ms of the broker's wall clock since 1970;
 * 0 if nobody owns it or the listing is without details.  A claim that waited
 * in line was made before it owned.
 */
METAFORA_API int64_t
metafora_listing_since_ms(const struct metafora_listing *listing, size_t i);
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
 * All there is to know about one task.  *out is the caller's, to be freed.
 * Returns 0, METAFORA_EEMPTY, METAFORA_ENAMETOOLONG, METAFORA_ENOENT,
 * METAFORA_ENOTSUP (the coordinator cannot tell).  Since: 0.1.
 */
struct metafora_task_info;
METAFORA_API int metafora_client_task(struct metafora_client *client,
				      const char *id, int64_t timeout_ms,
				      struct metafora_task_info **out);

/*
 * What it says; NULL gives NULL, 0.  Pointers are valid as long as the info.
 * Any thread; do not block.  NULL may be freed.  Since: 0.1.
 */
METAFORA_API const char *
metafora_task_info_id(const struct metafora_task_info *info);
/* Its properties and their size; a NUL that is not counted follows. */
METAFORA_API const void *
metafora_task_info_properties(const struct metafora_task_info *info);
METAFORA_API size_t
metafora_task_info_size_bytes(const struct metafora_task_info *info);
/* Node that owns it, NULL if nobody does; token and age of its claim or 0. */
METAFORA_API const char *
metafora_task_info_owner(const struct metafora_task_info *info);
METAFORA_API uint64_t
metafora_task_info_token(const struct metafora_task_info *info);
METAFORA_API int64_t
metafora_task_info_since_ms(const struct metafora_task_info *info);
/* When it was submitted, in ms of the broker's wall clock since 1970. */
METAFORA_API int64_t
metafora_task_info_submitted_ms(const struct metafora_task_info *info);
/* Nodes that wait in line behind the owner, in order; i too large: NULL. */
METAFORA_API size_t
metafora_task_info_n_waiters(const struct metafora_task_info *info);
METAFORA_API const char *
metafora_task_info_waiter(const struct metafora_task_info *info, size_t i);
METAFORA_API void metafora_task_info_free(struct metafora_task_info *info);

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
/* Host and process it runs in, and its version of the library, for people. */
METAFORA_API const char *
metafora_node_list_host(const struct metafora_node_list *list, size_t i);
METAFORA_API uint32_t
metafora_node_list_pid(const struct metafora_node_list *list, size_t i);
METAFORA_API const char *
metafora_node_list_version(const struct metafora_node_list *list, size_t i);
/* When it was started, in ms of its own wall clock since 1970. */
METAFORA_API int64_t
metafora_node_list_since_ms(const struct metafora_node_list *list, size_t i);
METAFORA_API void metafora_node_list_free(struct metafora_node_list *list);

/*
 * Look for what is not as it should be at the broker: things that are missing,
 * that nobody of this library has made, that contradict each other.  Reads all
 * that there is, with many tasks that takes long; what is seen for a moment in
 * any busy cluster is looked at twice, some seconds apart.  With repair,
 * mends what provably harms nobody.  Then fn is called for each finding, on
 * the calling thread; findings are valid during the call.
 * Returns 0; METAFORA_EFULL (there were more findings than are told),
 * METAFORA_ENOTSUP (the coordinator has nothing that could be wrong).
 * METAFORA_EVERSION says that the layout record is broken, or of another
 * version: nothing else can be looked at.  Since: 0.1.
 */
typedef void (*metafora_finding_fn)(void *arg,
				    const struct metafora_finding *finding);
METAFORA_API int metafora_client_check(struct metafora_client *client,
				       bool repair, metafora_finding_fn fn,
				       void *arg, int64_t timeout_ms);

/*
 * Send a command to a node and wait until it has been carried out.  Commands
 * of one client to one node are carried out in the order they were sent, each
 * at least once: after a broken connection perhaps twice.  What a node has not
 * carried out when it ends is dropped: its next life does not see it.  name is
 * UTF-8; argument may be NULL and hold any bytes.  If result is not NULL,
 * *result is set to the text of the answer (may be empty), allocated for the
 * caller, who frees it with free(), whenever the node answered: with 0 and
 * with the node's error.  Otherwise it is untouched: set it to NULL before.
 * Returns 0, the node's error (METAFORA_ENOTSUP: it does not know the
 * command), METAFORA_EEMPTY, METAFORA_ENAMETOOLONG (node or name),
 * METAFORA_EINVAL (also: name is not UTF-8), METAFORA_E2BIG (over
 * METAFORA_COMMAND_ARGUMENT_MAX), METAFORA_ENOENT (no living node of that
 * name, or it died before answering), METAFORA_EFULL (also:
 * METAFORA_COMMANDS_MAX wait for the node already).  Since: 0.1.
 */
METAFORA_API int metafora_client_command(struct metafora_client *client,
					 const char *node, const char *name,
					 const char *argument,
					 int64_t timeout_ms, char **result);

/*
 * The same without waiting for the node: 0 means that the broker keeps the
 * command for it.  Nobody will learn what came of it; the node removes it.
 * Returns as metafora_client_command(), but no error of the node's;
 * METAFORA_ENOTSUP (the coordinator can only wait).  Since: 0.1.
 */
METAFORA_API int metafora_client_command_send(struct metafora_client *client,
					      const char *node,
					      const char *name,
					      const char *argument,
					      int64_t timeout_ms);

/*
 * Send a command to every living node and wait for all of them, or for the
 * timeout.  Nodes that join meanwhile do not get it.  *out is the caller's, to
 * be freed: a row for each node, sorted by name, none if no node lives.
 * Returns 0 if the nodes could be listed; what became of each is in its row.
 * Otherwise an error of an argument, or as metafora_client_nodes(): nothing
 * was sent.  Since: 0.1.
 */
struct metafora_answers;
METAFORA_API int metafora_client_command_all(struct metafora_client *client,
					     const char *name,
					     const char *argument,
					     int64_t timeout_ms,
					     struct metafora_answers **out);

/*
 * Rows: the node, what metafora_client_command() to it would have returned,
 * and its text ("" if there is none).  i too large gives NULL,
 * METAFORA_EINVAL.  Strings are valid as long as the answers.  Any thread; do
 * not block.  NULL may be freed.  Since: 0.1.
 */
METAFORA_API size_t
metafora_answers_size(const struct metafora_answers *answers);
METAFORA_API const char *
metafora_answers_node(const struct metafora_answers *answers, size_t i);
METAFORA_API int metafora_answers_error(const struct metafora_answers *answers,
					size_t i);
METAFORA_API const char *
metafora_answers_text(const struct metafora_answers *answers, size_t i);
METAFORA_API void metafora_answers_free(struct metafora_answers *answers);

#ifdef __cplusplus
}
#endif
#endif
