/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster as one node sees it: a read-only view. */
#ifndef METAFORA_CLUSTER_H
#define METAFORA_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <metafora/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The view, its members and its tasks.  Borrowed: a balancer or an inspecting
 * callback may use the pointers during its call only, on the thread it was
 * called on.  Nothing here blocks or allocates.  The view can be late: it
 * shows what the broker last said.
 */
struct metafora_cluster;
struct metafora_member;
struct metafora_cluster_task;

enum metafora_member_state {
	METAFORA_MEMBER_ACTIVE = 0,
	METAFORA_MEMBER_FROZEN = 1,
	METAFORA_MEMBER_DRAINING = 2,
};

/* "active", "frozen", "draining"; NULL if it is none.  Since: 0.1. */
METAFORA_API const char *
metafora_member_state_name(enum metafora_member_state state);

/* --- the whole; all Since: 0.1 ------------------------------------------ */

/*
 * Changes whenever anything below changes that a balancer may look at; never
 * goes back.
 */
METAFORA_API uint64_t
metafora_cluster_version(const struct metafora_cluster *cluster);
/* Whether the coordinator lets a node queue in line for an owned task. */
METAFORA_API bool
metafora_cluster_has_lines(const struct metafora_cluster *cluster);
/* Tasks that exist. */
METAFORA_API size_t
metafora_cluster_n_tasks(const struct metafora_cluster *cluster);
/* Tasks that exist and that nobody has claimed. */
METAFORA_API size_t
metafora_cluster_n_unowned(const struct metafora_cluster *cluster);
/*
 * Buckets that the tasks are in, numbered from 0; 0 until the broker has said
 * how many.
 */
METAFORA_API unsigned int
metafora_cluster_n_buckets(const struct metafora_cluster *cluster);
/*
 * Tasks of this node on their way to others: their handlers were asked to stop,
 * and their claims are not gone yet.
 */
METAFORA_API size_t
metafora_cluster_n_leaving(const struct metafora_cluster *cluster);

/* --- members ------------------------------------------------------------ */

/* Living members, sorted by name (bytewise); i too large gives NULL. */
METAFORA_API size_t
metafora_cluster_n_members(const struct metafora_cluster *cluster);
METAFORA_API const struct metafora_member *
metafora_cluster_member(const struct metafora_cluster *cluster, size_t i);
/* The member of that name, or NULL. */
METAFORA_API const struct metafora_member *
metafora_cluster_find_member(const struct metafora_cluster *cluster,
			     const char *name);
/*
 * This node's own member, NULL until the broker lists it.
 */
METAFORA_API const struct metafora_member *
metafora_cluster_self(const struct metafora_cluster *cluster);

METAFORA_API const char *
metafora_member_name(const struct metafora_member *member);
METAFORA_API enum metafora_member_state
metafora_member_state(const struct metafora_member *member);
METAFORA_API double
metafora_member_weight(const struct metafora_member *member);
/* Most tasks it takes; 0 is no limit. */
METAFORA_API uint64_t
metafora_member_capacity(const struct metafora_member *member);
/*
 * Tasks it owns.  For this node's own member: tasks it holds or is claiming
 * at this moment, without those that are stopping or being released.
 */
METAFORA_API size_t
metafora_member_n_owned(const struct metafora_member *member);
/*
 * Tasks it waits for in line.  For this node's own member: lines it stands in
 * or is about to at this moment.
 */
METAFORA_API size_t
metafora_member_n_waiting(const struct metafora_member *member);

/* --- tasks -------------------------------------------------------------- */

/* The task of that ID, or NULL. */
METAFORA_API const struct metafora_cluster_task *
metafora_cluster_find_task(const struct metafora_cluster *cluster,
			   const char *id);
/*
 * Walk: all tasks; those nobody has claimed; those that somebody waits for
 * behind the owner; those whose handlers run here and have not been asked to
 * stop; those of one bucket.  Begin with NULL; NULL ends it.  No order.
 */
METAFORA_API const struct metafora_cluster_task *
metafora_cluster_next_task(const struct metafora_cluster *cluster,
			   const struct metafora_cluster_task *previous);
METAFORA_API const struct metafora_cluster_task *
metafora_cluster_next_unowned(const struct metafora_cluster *cluster,
			      const struct metafora_cluster_task *previous);
METAFORA_API const struct metafora_cluster_task *
metafora_cluster_next_waited(const struct metafora_cluster *cluster,
			     const struct metafora_cluster_task *previous);
METAFORA_API const struct metafora_cluster_task *
metafora_cluster_next_own(const struct metafora_cluster *cluster,
			  const struct metafora_cluster_task *previous);
METAFORA_API const struct metafora_cluster_task *
metafora_cluster_next_in_bucket(const struct metafora_cluster *cluster,
				unsigned int bucket,
				const struct metafora_cluster_task *previous);

METAFORA_API const char *
metafora_cluster_task_id(const struct metafora_cluster_task *task);
/*
 * Bucket of the broker's folders the task is in: work on several tasks is
 * cheapest bucket by bucket.
 */
METAFORA_API unsigned int
metafora_cluster_task_bucket(const struct metafora_cluster_task *task);
/* Name of the node that is first in line, NULL if nobody is. */
METAFORA_API const char *
metafora_cluster_task_owner(const struct metafora_cluster_task *task);
/* Claims behind the owner's, in order; i too large gives NULL. */
METAFORA_API size_t
metafora_cluster_task_n_waiters(const struct metafora_cluster_task *task);
METAFORA_API const char *
metafora_cluster_task_waiter(const struct metafora_cluster_task *task,
			     size_t i);
/*
 * Which member holds a place in its line, 0 the owner, 1 the first waiter and
 * so on, as metafora_cluster_member numbers them; SIZE_MAX if nobody holds it,
 * or one that is no member.
 */
METAFORA_API size_t
metafora_cluster_task_member(const struct metafora_cluster_task *task,
			     size_t place);
/* Since when this node has seen it unowned; 0 if it is owned. */
METAFORA_API uint64_t
metafora_cluster_task_unowned_since_ns(const struct metafora_cluster_task *task);
/* When this node's handler for it was started; 0 if none runs. */
METAFORA_API uint64_t
metafora_cluster_task_started_ns(const struct metafora_cluster_task *task);

#ifdef __cplusplus
}
#endif
#endif
