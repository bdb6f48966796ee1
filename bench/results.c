/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a benchmark, gathered over its repeats. */
#include "results.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"

#define PARAMS_BYTES 256

static struct result {
	struct figure figure;
	char params[PARAMS_BYTES];
	double values[FIGURES_RUNS_MAX];
	size_t n;
	bool is_printed;
} * results;
static size_t n_results;

static struct result *find(const char *metric, const char *params)
{
	size_t i;

	for (i = 0; i < n_results; i++)
		if (!strcmp(results[i].figure.metric, metric) &&
		    (!params || !strcmp(results[i].params, params)))
			return &results[i];
	return NULL;
}

static struct result *add(const char *metric, const char *unit,
			  const char *params)
{
	struct result *result;

	results = realloc(results, (n_results + 1) * sizeof(*results));
	if (!results)
		abort();
	result = &results[n_results++];
	*result = (struct result){.figure = {metric, unit, ""}};
	snprintf(result->params, sizeof(result->params), "%s", params);
	return result;
}

void results_add(const char *metric, const char *unit, const char *params,
		 double value)
{
	struct result *result = find(metric, params);

	if (!result)
		result = add(metric, unit, params);
	if (result->n < FIGURES_RUNS_MAX)
		result->values[result->n++] = value;
}

static int compare(const void *left, const void *right)
{
	const double a = *(const double *)left;
	const double b = *(const double *)right;

	return (a > b) - (a < b);
}

double results_median(const char *metric)
{
	struct result *result = find(metric, NULL);

	if (!result)
		return 0;
	qsort(result->values, result->n, sizeof(double), compare);
	return (result->values[(result->n - 1) / 2] +
		result->values[result->n / 2]) /
	       2;
}

void results_print(FILE *out)
{
	size_t i;

	for (i = 0; i < n_results; i++) {
		if (!results[i].is_printed)
			figures_print(out, &results[i].figure, 1,
				      results[i].values, results[i].n,
				      results[i].params, true);
		results[i].is_printed = true;
	}
	fflush(out);
}
