/* SPDX-License-Identifier: Apache-2.0 */
/* Watching the cluster as a stream of events. */
#ifndef METAFORA_WATCH_H
#define METAFORA_WATCH_H

#include <stdint.h>

#include <metafora/client.h>
#include <metafora/cluster.h>
#include <metafora/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A watch begins with what is there, told as if it had just come about, then
 * SYNCED, then tells what changes.  Events are the differences between two
 * states that the broker gave, one after the other: what came and went in
 * between is not told, and what was told last is always how things were.  So
 * they may be late and may skip, but they add up.  While the client is out of
 * touch nothing is told; after CONNECTED the differences follow, then SYNCED
 * again.
 *
 * Order: what concerns one task is told in order, SUBMITTED before OWNED; what
 * concerns different tasks or nodes is not ordered.  A task that is deleted
 * while it runs is REMOVED at once, its handler may still be stopping.
 */
enum metafora_event_type {
	METAFORA_EVENT_SYNCED = 0,       /* all there is has been told */
	METAFORA_EVENT_CONNECTED = 1,    /* in touch with the broker */
	METAFORA_EVENT_DISCONNECTED = 2, /* out of touch; see error */
	METAFORA_EVENT_NODE_JOINED = 3,
	METAFORA_EVENT_NODE_CHANGED = 4, /* state, weight or capacity */
	METAFORA_EVENT_NODE_LEFT = 5,
	METAFORA_EVENT_TASK_SUBMITTED = 6,
	METAFORA_EVENT_TASK_REMOVED = 7, /* done, or deleted */
	METAFORA_EVENT_TASK_OWNED = 8,   /* by node; before perhaps another's */
	METAFORA_EVENT_TASK_FREED = 9,   /* nobody owns it; node did */
};

/*
 * "SYNCED", "NODE_JOINED", ...; NULL if it is none.  Static.  Any thread; does
 * not block.  Since: 0.1.
 */
METAFORA_API const char *
metafora_event_type_name(enum metafora_event_type type);

/* An event; it and its strings are valid during the call of the watch. */
struct metafora_event;

/* What an event says; what its type does not have is NULL, 0.  Since: 0.1. */
METAFORA_API enum metafora_event_type
metafora_event_type(const struct metafora_event *event);
METAFORA_API const char *
metafora_event_task(const struct metafora_event *event);
METAFORA_API const char *
metafora_event_node(const struct metafora_event *event);
/* OWNED, FREED: token of the claim. */
METAFORA_API uint64_t metafora_event_token(const struct metafora_event *event);
/* NODE_JOINED, NODE_CHANGED. */
METAFORA_API enum metafora_member_state
metafora_event_state(const struct metafora_event *event);
METAFORA_API double metafora_event_weight(const struct metafora_event *event);
METAFORA_API uint64_t
metafora_event_capacity(const struct metafora_event *event);
/* DISCONNECTED: why, 0: the connection was lost, it will come back. */
METAFORA_API int metafora_event_error(const struct metafora_event *event);

/*
 * Told each event, one at a time, on the client's thread: nothing is queued,
 * so it must not block (it would hold up the client's own calls), and blocking
 * calls of the client are refused in it (METAFORA_ETHREAD).  It may free the
 * watch.
 */
typedef void (*metafora_event_fn)(void *arg,
				  const struct metafora_event *event);

/*
 * Begin to watch; any number of watches may share a client, which keeps one
 * picture of the cluster for all (about 100 bytes for a task).  fn may be
 * called before this returns, until the watch is freed or the client closed.
 * *out is the caller's, to be freed before the client.  Any thread; does not
 * block.  Returns 0, METAFORA_EINVAL, METAFORA_ENOMEM, METAFORA_ESYS,
 * METAFORA_ESTOPPED (the client is being closed), METAFORA_ENOTSUP (the
 * coordinator cannot watch).  Since: 0.1.
 */
struct metafora_watch;
METAFORA_API int metafora_client_watch(struct metafora_client *client,
				       metafora_event_fn fn, void *arg,
				       struct metafora_watch **out);

/*
 * End it: fn is not called any more when this returns; waits for a call that
 * is under way, except within fn itself.  NULL is allowed.  Any thread.
 * Since: 0.1.
 */
METAFORA_API void metafora_watch_free(struct metafora_watch *watch);

#ifdef __cplusplus
}
#endif
#endif
