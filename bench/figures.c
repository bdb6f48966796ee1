/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of a benchmark: values of several runs, shown as a table or JSON. */
#include "figures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

struct spread {
	double median, min, max;
};

static int ascending(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return (left > right) - (left < right);
}

void figures_sort(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), ascending);
}

double figures_median(const double *sorted, size_t n)
{
	return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

/* Of every stride-th value. */
static struct spread spread_of(const double *values, size_t n, size_t stride)
{
	double column[FIGURES_RUNS_MAX];
	struct spread spread;
	size_t i;

	for (i = 0; i < n; i++)
		column[i] = values[i * stride];
	figures_sort(column, n);
	spread.median = figures_median(column, n);
	spread.min = column[0];
	spread.max = column[n - 1];
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

void figures_print_line(FILE *out, const struct figure *figure,
			const double *values, size_t n, const char *params)
{
	const struct spread s = spread_of(values, n, 1);

	print_object(out, figure, &s, n, params);
	fputc('\n', out);
}

static void print_table(const struct figure *figures, size_t n,
			const double *values, size_t n_runs, const char *params)
{
	int width = 16;
	size_t i;

	for (i = 0; i < n; i++) {
		if (strlen(figures[i].metric) > (size_t)width)
			width = (int)strlen(figures[i].metric);
	}
	printf("%s, %zu runs\n", params, n_runs);
	printf("%-*s %10s %10s %10s  %-10s %s\n", width, "metric", "median",
	       "min", "max", "unit", "meaning");
	for (i = 0; i < n; i++) {
		const struct spread s = spread_of(values + i, n_runs, n);

		printf("%-*s %10.1f %10.1f %10.1f  %-10s %s\n", width,
		       figures[i].metric, s.median, s.min, s.max,
		       figures[i].unit, figures[i].meaning);
	}
}

static void write_array(const char *path, const struct figure *figures,
			size_t n, const double *values, size_t n_runs,
			const char *params)
{
	FILE *out = strcmp(path, "-") ? fopen(path, "we") : stdout;
	size_t i;

	if (!out)
		bench_die("%s: %s", path, strerror(errno));
	for (i = 0; i < n; i++) {
		const struct spread s = spread_of(values + i, n_runs, n);

		fputs(i ? ",\n" : "[\n", out);
		print_object(out, &figures[i], &s, n_runs, params);
	}
	fputs("\n]\n", out);
	if (fflush(out) || ferror(out) || fclose(out))
		bench_die("%s: %s", path, strerror(errno));
}

void figures_tell(const char *json_path, const struct figure *figures, size_t n,
		  const double *values, size_t n_runs, const char *params)
{
	if (!json_path || strcmp(json_path, "-"))
		print_table(figures, n, values, n_runs, params);
	if (json_path)
		write_array(json_path, figures, n, values, n_runs, params);
}
