/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a node may give tasks away. */
#ifndef MF_PACE_H
#define MF_PACE_H

#include <stdint.h>

/* All zero is no limit. */
struct mf_pace {
	/* Const after start. */
	uint64_t cost_ns;         /* of one move: a second over the rate */
	unsigned int moving_percent; /* most under way at a time */
	uint64_t cool_down_ns;    /* after having given away */

	/* Owner. */
	uint64_t last_ns;   /* when the credit was last reckoned */
	uint64_t credit_ns; /* time saved up for moves */
	uint64_t cool_ns;   /* nothing before */
};

/*
 * How many of n a node with n_held tasks, n_leaving of them on their way, may
 * give away now.  If fewer than n, *again_ns is when to ask again.
 */
uint64_t mf_pace_allow(struct mf_pace *pace, uint64_t now_ns, uint64_t n_held,
		       uint64_t n_leaving, uint64_t n, uint64_t *again_ns);
/* So many were given away. */
void mf_pace_spend(struct mf_pace *pace, uint64_t now_ns, uint64_t n);

#endif
