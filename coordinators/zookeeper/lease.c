/* SPDX-License-Identifier: Apache-2.0 */
/* Computes the lease's deadline from pairs of lease writes. */
#include "lease.h"

#include <string.h>

#define NS_PER_MS 1000000ULL

void mf_zk_lease_begin(struct zk_lease *lease, int64_t timeout_ms,
		       uint64_t opened_ns)
{
	*lease = (struct zk_lease){ 0 };
	lease->timeout_ns = (uint64_t)timeout_ms * NS_PER_MS;
	lease->margin_ns = lease->timeout_ns / 32;
	lease->deadline_ns = opened_ns + lease->timeout_ns - lease->margin_ns;
}

void mf_zk_lease_reconnected(struct zk_lease *lease)
{
	lease->n_proofs = 0;
}

void mf_zk_lease_acknowledged(struct zk_lease *lease, uint64_t sent_ns,
			      uint64_t answered_ns)
{
	uint64_t deadline_ns;
	unsigned int i;

	for (i = 0; i < lease->n_proofs; i++) {
		const struct zk_proof *proof = &lease->proofs[i];

		if (proof->answered_ns + lease->timeout_ns / 4 > sent_ns)
			continue;
		deadline_ns = proof->sent_ns + lease->timeout_ns -
			      lease->margin_ns;
		if (deadline_ns > lease->deadline_ns)
			lease->deadline_ns = deadline_ns;
	}
	if (lease->n_proofs == ZK_LEASE_PROOFS)
		memmove(&lease->proofs[0], &lease->proofs[1],
			--lease->n_proofs * sizeof(lease->proofs[0]));
	lease->proofs[lease->n_proofs].sent_ns = sent_ns;
	lease->proofs[lease->n_proofs].answered_ns = answered_ns;
	lease->n_proofs++;
}

uint64_t mf_zk_lease_interval_ns(const struct zk_lease *lease)
{
	return lease->timeout_ns / 4 + lease->timeout_ns / 128 + 1;
}
