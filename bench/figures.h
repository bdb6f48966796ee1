/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of a benchmark: values of several runs, shown as a table or JSON. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define FIGURES_RUNS_MAX 100

struct figure {
	const char *metric; /* letters, digits and "-" */
	const char *unit;
	const char *meaning; /* a line for people */
};

/*
 * Print n figures; values[run][i] is figure i of a run, n in a row.  params
 * is the text of a JSON object that says what was measured.  The values are
 * sorted on the way.
 */
void figures_print(FILE *out, const struct figure *figures, size_t n,
		   const double *values, size_t n_runs, const char *params,
		   bool json);

/*
 * Write them as one JSON array of objects to the file at path.  False if that
 * failed; errno says why.
 */
bool figures_write(const char *path, const struct figure *figures, size_t n,
		   const double *values, size_t n_runs, const char *params);

#endif
