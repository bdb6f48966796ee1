/* SPDX-License-Identifier: Apache-2.0 */
/* The lease of one session: a deadline that handlers read without a lock. */
#ifndef MF_LEASE_H
#define MF_LEASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct mf_guarded;
TAILQ_HEAD(mf_guarded_list, mf_guarded);

/*
 * Counted: the session's holder and every task started under it have a
 * reference, so that a task of an old session never sees the new one's lease.
 * All its tasks must be watched by one guard.
 */
struct mf_lease {
	atomic_uint n_refs;
	/* Atomic: written by the owner, read by guard and handlers. */
	_Atomic uint64_t deadline_ns;
	/*
	 * The guard's, guarded by guard->lock.  Tasks of one session end at
	 * one instant, so the guard looks at the lease, not at every task.
	 */
	TAILQ_ENTRY(mf_lease) link;     /* iff tasks is not empty */
	struct mf_guarded_list tasks;   /* watched, deadline not reached */
	bool stop_asked;                /* of each of them */
};

struct mf_lease *mf_lease_new(uint64_t deadline_ns); /* NULL: no memory */
struct mf_lease *mf_lease_ref(struct mf_lease *lease);
void mf_lease_unref(struct mf_lease *lease);

#endif
