/* SPDX-License-Identifier: Apache-2.0 */
/* Rendezvous hashing in integers. */
#include "rendezvous.h"

/* Binary digits of a lot behind the point; 64 << 26 still fits 32 bits. */
#define LOT_DIGITS 26

/* Spread every bit over all (the finish of splitmix64). */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

uint64_t mf_rendezvous_hash(const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *name; name++) {
		hash ^= (unsigned char)*name;
		hash *= UINT64_C(0x100000001b3);
	}
	return mix(hash);
}

uint64_t mf_rendezvous_pair(uint64_t task, uint64_t node)
{
	/* Not symmetric: a task may well be called like a node. */
	return mix(task + 3 * node);
}

/*
 * -log2(hash / 2^64), in units of 2^-26.  With hash uniform that is
 * exponentially distributed, and the smallest of several such lots, each
 * divided by its share, belongs to a node with the probability of its share.
 * The logarithm between two powers of two is a cubic with the right slope at
 * both ends, wrong by less than 0.006: enough to spread tasks, and unlike
 * libm's the same everywhere.
 */
static uint64_t draw_lot(uint64_t hash)
{
	const uint64_t one = UINT64_C(1) << LOT_DIGITS;
	const uint64_t slope_0 = 29708761; /* 1 / ln 2 - 1 */
	const uint64_t bend = 11008710;    /* 3 / (2 ln 2) - 2 */
	uint64_t whole = 0;
	uint64_t f, log2;

	if (hash == 0)
		return 64 * one;
	while (!(hash >> 63)) {
		hash <<= 1;
		whole++;
	}
	f = hash << 1 >> (64 - LOT_DIGITS);
	log2 = slope_0 - (bend * f >> LOT_DIGITS);
	log2 = f + ((f * (one - f) >> LOT_DIGITS) * log2 >> LOT_DIGITS);
	return (whole + 1) * one - log2;
}

struct mf_bid mf_rendezvous_bid(uint64_t task, uint64_t node, uint64_t share)
{
	struct mf_bid bid;

	bid.pair = mf_rendezvous_pair(task, node);
	bid.lot = draw_lot(bid.pair);
	bid.share = share;
	return bid;
}

bool mf_bid_beats(const struct mf_bid *a, const struct mf_bid *b)
{
	/* a.lot / a.share < b.lot / b.share; 32 bits times 32 bits. */
	uint64_t left = a->lot * b->share;
	uint64_t right = b->lot * a->share;

	return left != right ? left < right : a->pair > b->pair;
}
