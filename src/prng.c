/* SPDX-License-Identifier: Apache-2.0 */
/* xoshiro256**, seeded through splitmix64. */
#include <assert.h>

#include "prng.h"

static uint64_t rotate_left(uint64_t x, unsigned int n)
{
	return (x << n) | (x >> (64 - n));
}

static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

void mf_prng_seed(struct mf_prng *prng, uint64_t seed)
{
	unsigned int i;

	/* Never all zero, the one state the generator could not leave. */
	for (i = 0; i < 4; i++)
		prng->state[i] = splitmix(&seed);
}

uint64_t mf_prng_next(struct mf_prng *prng)
{
	uint64_t *s = prng->state;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate_left(s[3], 45);
	return result;
}

uint64_t mf_prng_between(struct mf_prng *prng, uint64_t low, uint64_t high)
{
	uint64_t range = high - low + 1;
	uint64_t uneven;
	uint64_t x;

	assert(low <= high);
	if (range == 0) /* all 2^64 numbers */
		return mf_prng_next(prng);
	/* 2^64 modulo range: so many numbers would favour some remainders. */
	uneven = -range % range;
	do
		x = mf_prng_next(prng);
	while (x < uneven);
	return low + x % range;
}
