/* SPDX-License-Identifier: Apache-2.0 */
/* A strict reader of the Prometheus text format. */
#ifndef T_PROM_H
#define T_PROM_H

#include <stdbool.h>

/*
 * Whether the text keeps to all of it: every family once, HELP, TYPE, then its
 * samples and nothing between; names and labels well formed, no sample twice,
 * counters named _total and never negative, histograms cumulative up to +Inf
 * with sum and count.  If not, a note says where.
 */
bool prom_accepts(const char *text);

/*
 * The value of the sample of that name whose labels contain the text (NULL:
 * any); NaN if there is none.
 */
double prom_value(const char *text, const char *name, const char *label);

#endif
