/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of a benchmark: values of several runs, shown as a table or JSON. */
#include "figures.h"

#include <stdlib.h>

struct spread {
	double median, min, max;
};

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return (left > right) - (left < right);
}

/* Of figure i. */
static struct spread spread_of(const double *values, size_t n_runs, size_t n,
			       size_t i)
{
	double column[FIGURES_RUNS_MAX];
	struct spread spread;
	size_t run;

	for (run = 0; run < n_runs; run++)
		column[run] = values[run * n + i];
	qsort(column, n_runs, sizeof(*column), compare);
	spread.min = column[0];
	spread.max = column[n_runs - 1];
	spread.median = (column[(n_runs - 1) / 2] + column[n_runs / 2]) / 2;
	return spread;
}

void figures_print(FILE *out, const struct figure *figures, size_t n,
		   const double *values, size_t n_runs, const char *params,
		   bool json)
{
	size_t i;

	if (!json) {
		fprintf(out, "%s, %zu runs\n", params, n_runs);
		fprintf(out, "%-16s %10s %10s %10s  %-10s %s\n", "metric",
			"median", "min", "max", "unit", "meaning");
	}
	for (i = 0; i < n; i++) {
		struct spread s = spread_of(values, n_runs, n, i);

		if (json)
			fprintf(out,
				"{\"metric\": \"%s\", \"unit\": \"%s\", "
				"\"median\": %.3f, \"min\": %.3f, "
				"\"max\": %.3f, \"runs\": %zu, "
				"\"params\": %s}\n",
				figures[i].metric, figures[i].unit, s.median,
				s.min, s.max, n_runs, params);
		else
			fprintf(out, "%-16s %10.1f %10.1f %10.1f  %-10s %s\n",
				figures[i].metric, s.median, s.min, s.max,
				figures[i].unit, figures[i].meaning);
	}
}
