/* SPDX-License-Identifier: Apache-2.0 */
/* Goes through seeds, up to the first that fails. */
#include "seeds.h"

#include <stdlib.h>

#include "tap.h"

void seeds_init(struct seeds *seeds)
{
	*seeds = (struct seeds){
		.n_failures = CU_get_number_of_failures(),
	};
}

bool seeds_next(struct seeds *seeds, unsigned long n)
{
	const char *wish = getenv("MF_TEST_SEED");

	if (CU_get_number_of_failures() > seeds->n_failures) {
		tap_note("seed %llu", (unsigned long long)seeds->seed);
		return false;
	}
	if (seeds->n_rounds == (wish ? 1 : n))
		return false;
	seeds->n_rounds++;
	seeds->seed = wish ? strtoull(wish, NULL, 10) : seeds->n_rounds;
	return true;
}
