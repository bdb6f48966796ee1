/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the fair balancer: what its files share. */
#ifndef MF_FAIR_H
#define MF_FAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <metafora/balancer.h>

#include "adopted.h"
#include "pace.h"
#include "quota.h"

#define MF_FAIR_NS_PER_MS UINT64_C(1000000)
#define MF_FAIR_NOBODY SIZE_MAX

/* A node that stands first in lines of ours without being able to take over. */
struct mf_fair_stall {
	uint64_t node; /* hash of its name */
	uint64_t since_ns;
	bool seen; /* scratch */
};

/* Such nodes remembered at a time. */
#define MF_FAIR_STALLS_MAX 64

struct mf_fair {
	/* Const after start. */
	uint64_t grace_ns;
	uint64_t delay_ns;
	uint64_t stall_ns;
	bool (*filter)(void *arg, const struct metafora_member *member);
	void *filter_arg;

	/*
	 * Owner: what follows from the view of that version.  The names in
	 * members are the view's, valid only while the view is the same.
	 */
	bool known;
	uint64_t version;
	uint64_t n_tasks;
	unsigned int n_buckets;
	struct mf_quota_member *members; /* as the view numbers them */
	struct mf_quota_member **takers; /* those with a deficit */
	size_t n_room;   /* of both arrays */
	size_t n_members;
	size_t n_takers;
	size_t self;     /* index in members, or MF_FAIR_NOBODY */

	struct mf_adopted adopted; /* owner */
	struct mf_pace pace;
	struct mf_fair_stall stalls[MF_FAIR_STALLS_MAX]; /* owner */
	size_t n_stalls;
};

/* --- fair.c ------------------------------------------------------------------ */

/*
 * What a member has room for within its quota.  What it stands in line for
 * counts as if it had it: otherwise it would end with both.
 */
static inline uint64_t mf_fair_deficit(const struct mf_quota_member *m)
{
	uint64_t n = m->n_owned + m->n_waiting;

	return n < m->quota ? m->quota - n : 0;
}

/* The earlier of two times; 0 is never. */
static inline uint64_t mf_fair_sooner(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

/* The member with that place in the task's line, 0 the owner's; or NULL. */
static inline struct mf_quota_member *
mf_fair_place(const struct mf_fair *fair,
	      const struct metafora_cluster_task *task, size_t place)
{
	size_t i = metafora_cluster_task_member(task, place);

	return i < fair->n_members ? &fair->members[i] : NULL;
}

/*
 * The first waiter of a task, if it can take it: active and below its quota;
 * or NULL.
 */
struct mf_quota_member *
mf_fair_waiter(const struct mf_fair *fair,
	       const struct metafora_cluster_task *task);
/*
 * An owner gives tasks away bucket by bucket, and in few groups of owners all
 * begin with the same, so that few buckets change and few need be looked
 * through.  More than one group, so that what has moved once is seldom the
 * first to move again.
 */
#define MF_FAIR_GROUPS 8
static inline unsigned int mf_fair_group(const struct mf_quota_member *owner)
{
	return owner->hash % MF_FAIR_GROUPS;
}
static inline unsigned int mf_fair_start(const struct mf_fair *fair,
					 unsigned int group)
{
	return (uint64_t)group * fair->n_buckets / MF_FAIR_GROUPS;
}
/*
 * In which order an owner gives tasks away, lowest first.  All nodes know it,
 * whatever else they see: it hangs on names only.
 */
uint64_t mf_fair_rank(const struct mf_fair *fair,
		      const struct mf_quota_member *owner,
		      const struct metafora_cluster_task *task);

/* --- fair_give.c: what this node gives away ---------------------------------- */

/*
 * This node has more than its share: plan what to release.  Returns when to go
 * on, 0 if only a change of the view calls for more.
 */
uint64_t mf_fair_give(struct mf_fair *fair,
		      const struct metafora_balance *balance,
		      struct metafora_plan *plan);
/*
 * See what became of a task that was given away to probe.  Returns when to
 * look again, 0 if only a change of the view calls for it.
 */
uint64_t mf_fair_learn(struct mf_fair *fair,
		       const struct metafora_balance *balance);

/*
 * Plan to evict waiters that have stood in the way for too long.  Returns as
 * mf_fair_give().
 */
uint64_t mf_fair_evict(struct mf_fair *fair,
		       const struct metafora_balance *balance,
		       struct metafora_plan *plan);

/* --- fair_pull.c: what this node queues for ---------------------------------- */

/*
 * Plan which lines to stand in and which to leave.  Returns when to go on, 0
 * if only a change of the view calls for more.
 */
uint64_t mf_fair_pull(struct mf_fair *fair,
		      const struct metafora_balance *balance,
		      struct metafora_plan *plan);

#endif
