/* SPDX-License-Identifier: Apache-2.0 */
/* Leases: counted, so that they live as long as a task shows their deadline. */
#include "lease.h"

#include <assert.h>
#include <stdlib.h>

struct mf_lease *mf_lease_new(uint64_t deadline_ns)
{
	struct mf_lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		return NULL;
	atomic_init(&lease->n_refs, 1);
	atomic_init(&lease->deadline_ns, deadline_ns);
	TAILQ_INIT(&lease->tasks);
	return lease;
}

struct mf_lease *mf_lease_ref(struct mf_lease *lease)
{
	atomic_fetch_add(&lease->n_refs, 1);
	return lease;
}

void mf_lease_unref(struct mf_lease *lease)
{
	if (!lease || atomic_fetch_sub(&lease->n_refs, 1) != 1)
		return;
	assert(TAILQ_EMPTY(&lease->tasks));
	free(lease);
}
