/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rendezvous hashing: every node works out the same order of nodes for a task
 * without a word, in integers, so that all machines agree.
 */
#ifndef MF_RENDEZVOUS_H
#define MF_RENDEZVOUS_H

#include <stdbool.h>
#include <stdint.h>

/* Largest share a bid can have. */
#define MF_BID_SHARE_MAX UINT32_MAX

/*
 * What a node bids for a task.  Over many tasks a node with twice the share
 * of another has the better bid twice as often.
 */
struct mf_bid {
	uint64_t lot;   /* drawn by task and node, smaller is better */
	uint64_t share; /* what the lot is divided by, 1 to the maximum */
	uint64_t pair;  /* decides between equals */
};

/* Hash of an ID or name: the same on every machine and for ever. */
uint64_t mf_rendezvous_hash(const char *name);

/* Hash of a task and a node together, from the hashes of each. */
uint64_t mf_rendezvous_pair(uint64_t task, uint64_t node);

struct mf_bid mf_rendezvous_bid(uint64_t task, uint64_t node, uint64_t share);
bool mf_bid_beats(const struct mf_bid *a, const struct mf_bid *b);

#endif
