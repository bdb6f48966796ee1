/* SPDX-License-Identifier: Apache-2.0 */
/* A histogram of times, from a tenth of a millisecond to ten seconds. */
#ifndef MF_HISTOGRAM_H
#define MF_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

/* Upper bounds: nanoseconds, and seconds as text. */
#define MF_HISTOGRAM_BOUNDS(X)                                                \
	X(100000, "0.0001")                                                   \
	X(500000, "0.0005")                                                   \
	X(1000000, "0.001")                                                   \
	X(5000000, "0.005")                                                   \
	X(10000000, "0.01")                                                   \
	X(50000000, "0.05")                                                   \
	X(100000000, "0.1")                                                   \
	X(500000000, "0.5")                                                   \
	X(1000000000, "1")                                                    \
	X(5000000000, "5")                                                    \
	X(10000000000, "10")
#define MF_HISTOGRAM_N_BOUNDS 11

struct mf_histogram {
	/* Up to each bound and above the one before; the last: above all. */
	uint64_t n[MF_HISTOGRAM_N_BOUNDS + 1];
	uint64_t sum_ns;
};

static inline void mf_histogram_add(struct mf_histogram *histogram, uint64_t ns)
{
#define MF_HISTOGRAM_NS(ns_, text) UINT64_C(ns_),
	static const uint64_t bounds_ns[] = {
		MF_HISTOGRAM_BOUNDS(MF_HISTOGRAM_NS)};
#undef MF_HISTOGRAM_NS
	size_t i = 0;

	while (i < MF_HISTOGRAM_N_BOUNDS && ns > bounds_ns[i])
		i++;
	histogram->n[i]++;
	histogram->sum_ns += ns;
}

#endif
