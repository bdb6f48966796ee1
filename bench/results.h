/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a benchmark, gathered over its repeats. */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include <stdio.h>

#define RESULTS_METRIC_BYTES 64

/*
 * One more value of a metric, measured under params (the text of a JSON
 * object).  The unit is a static string.
 */
void results_add(const char *metric, const char *unit, const char *params,
		 double value);
/* The median so far, over all params; 0 if there is no value. */
double results_median(const char *metric);
/* What has not been printed yet, a JSON object a line. */
void results_print(FILE *out);

#endif
