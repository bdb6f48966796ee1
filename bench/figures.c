/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of a benchmark: values of several runs, shown as a table or JSON. */
#include "figures.h"

#include <stdlib.h>
#include <string.h>

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

static void print_object(FILE *out, const struct figure *figure,
			 const struct spread *s, size_t n_runs,
			 const char *params)
{
	fprintf(out,
		"{\"metric\": \"%s\", \"unit\": \"%s\", \"median\": %.3f, "
		"\"min\": %.3f, \"max\": %.3f, \"runs\": %zu, "
		"\"params\": %s}",
		figure->metric, figure->unit, s->median, s->min, s->max,
		n_runs, params);
}

void figures_print(FILE *out, const struct figure *figures, size_t n,
		   const double *values, size_t n_runs, const char *params,
		   bool json)
{
	int width = 16;
	size_t i;

	for (i = 0; i < n; i++) {
		if (strlen(figures[i].metric) > (size_t)width)
			width = (int)strlen(figures[i].metric);
	}
	if (!json) {
		fprintf(out, "%s, %zu runs\n", params, n_runs);
		fprintf(out, "%-*s %10s %10s %10s  %-10s %s\n", width,
			"metric", "median", "min", "max", "unit", "meaning");
	}
	for (i = 0; i < n; i++) {
		struct spread s = spread_of(values, n_runs, n, i);

		if (json) {
			print_object(out, &figures[i], &s, n_runs, params);
			fputc('\n', out);
			continue;
		}
		fprintf(out, "%-*s %10.1f %10.1f %10.1f  %-10s %s\n", width,
			figures[i].metric, s.median, s.min, s.max,
			figures[i].unit, figures[i].meaning);
	}
}

bool figures_write(const char *path, const struct figure *figures, size_t n,
		   const double *values, size_t n_runs, const char *params)
{
	FILE *out = fopen(path, "we");
	bool failed;
	size_t i;

	if (!out)
		return false;
	for (i = 0; i < n; i++) {
		struct spread s = spread_of(values, n_runs, n, i);

		fputs(i ? ",\n" : "[\n", out);
		print_object(out, &figures[i], &s, n_runs, params);
	}
	fputs("\n]\n", out);
	failed = ferror(out);
	return fclose(out) == 0 && !failed;
}
