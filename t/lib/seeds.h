/* SPDX-License-Identifier: Apache-2.0 */
/* The rounds of a case, each with a seed. */
#ifndef T_SEEDS_H
#define T_SEEDS_H

#include <stdbool.h>
#include <stdint.h>

struct seeds {
	uint64_t seed; /* of this round */
	unsigned long n_rounds;
	unsigned int n_failures; /* before the case */
};

/* A case begins. */
void seeds_init(struct seeds *seeds);
/*
 * Begin with the next of n seeds, from 1 on; MF_TEST_SEED asks for one only.
 * False after the last, or after the first that failed, which is named.
 */
bool seeds_next(struct seeds *seeds, unsigned long n);

#endif
