/* SPDX-License-Identifier: Apache-2.0 */
/* A small seeded generator of random numbers (not for secrets). */
#ifndef MF_PRNG_H
#define MF_PRNG_H

#include <stdint.h>

struct mf_prng {
	uint64_t state[4];
};

/* xoshiro256**, seeded through splitmix64; any seed will do. */
void mf_prng_seed(struct mf_prng *prng, uint64_t seed);
uint64_t mf_prng_next(struct mf_prng *prng);
/* Uniform in [low, high]; low <= high. */
uint64_t mf_prng_between(struct mf_prng *prng, uint64_t low, uint64_t high);

#endif
