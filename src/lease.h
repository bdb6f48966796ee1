/* SPDX-License-Identifier: Apache-2.0 */
/* The lease of one session: a deadline that handlers read without a lock. */
#ifndef MF_LEASE_H
#define MF_LEASE_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * Counted: the session's holder and every task started under it have a
 * reference, so that a task of an old session never sees the new one's lease.
 */
struct mf_lease {
	atomic_uint n_refs;
	/* Atomic: written by the owner, read by guard and handlers. */
	_Atomic uint64_t deadline_ns;
};

struct mf_lease *mf_lease_new(uint64_t deadline_ns); /* NULL: no memory */
struct mf_lease *mf_lease_ref(struct mf_lease *lease);
void mf_lease_unref(struct mf_lease *lease);

#endif
