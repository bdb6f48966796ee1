/* SPDX-License-Identifier: Apache-2.0 */
/* How many tasks each member of a cluster should hold: a pure function. */
#ifndef MF_QUOTA_H
#define MF_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <metafora/cluster.h>

/* More tasks than this are not shared out. */
#define MF_QUOTA_TASKS_MAX UINT32_MAX
/* Larger weights count as this. */
#define MF_QUOTA_WEIGHT_MAX 1000.0

struct mf_quota_member {
	/* --- in --- */
	const char *name;
	uint64_t hash; /* mf_rendezvous_hash(name) */
	enum metafora_member_state state;
	bool excluded;     /* gets nothing, whatever its state */
	double weight;     /* not a finite number above 0: gets nothing */
	uint64_t capacity; /* most tasks; 0 is no limit */
	uint64_t n_owned;
	/* --- out --- */
	uint64_t quota;
	uint64_t floor; /* the quota, if it is not rounded up */
	/* --- the caller's own, not looked at --- */
	uint64_t n_waiting; /* lines it stands in */
	uint64_t n_lined;   /* scratch */
	uint64_t first;     /* scratch */
	/* --- scratch --- */
	uint64_t units; /* of weight */
	uint64_t limit; /* capacity, or all there is to share */
	uint64_t rest;  /* fraction of the share, in units of the total weight */
};

/*
 * Set the quota of each of n members (at most 2^20) for a cluster of n_tasks;
 * what frozen members hold is not shared.  order is room for n pointers.
 *
 * The quotas add up to the tasks shared, or to the sum of the capacities if
 * that is less.  A member that its capacity does not hold back gets its exact
 * share by weight, rounded down or up; who gets the ups: first those that hold
 * so many already, then by the larger fraction, then by rendezvous hash.  Of
 * the counts nothing else matters but whether they are above the floor, unless
 * the member is frozen.  The order of the members makes no difference, nor
 * does the machine: it is all integers.
 */
void mf_quota(struct mf_quota_member *members, size_t n, uint64_t n_tasks,
	      struct mf_quota_member **order);

#endif
