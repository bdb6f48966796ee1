/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of a benchmark: values of several runs, shown as a table or JSON. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stddef.h>
#include <stdio.h>

#define FIGURES_RUNS_MAX 100

struct figure {
	const char *metric; /* letters, digits, "-", "_" and "." */
	const char *unit;
	const char *meaning; /* a line for people */
};

void figures_sort(double *values, size_t n);
/* n is not 0. */
double figures_median(const double *sorted, size_t n);

/*
 * Print one figure of n values as a JSON object on a line of its own.  params
 * is the text of a JSON object that says what was measured.
 */
void figures_print_line(FILE *out, const struct figure *figure,
			const double *values, size_t n, const char *params);

/*
 * Print a table of n figures; values[run][i] is figure i of a run, n in a row.
 * With a path, write them there too, as an array of such objects; "-" is
 * standard output, and there is no table.  If that fails, it ends the program.
 */
void figures_tell(const char *json_path, const struct figure *figures, size_t n,
		  const double *values, size_t n_runs, const char *params);

#endif
