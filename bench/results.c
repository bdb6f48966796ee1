/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a benchmark, gathered over its repeats. */
#include "results.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"

#define PARAMS_BYTES 256

static struct result {
	char metric[RESULTS_METRIC_BYTES];
	const char *unit;
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
		if (!strcmp(results[i].metric, metric) &&
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
	*result = (struct result){.unit = unit};
	snprintf(result->metric, sizeof(result->metric), "%s", metric);
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

double results_median(const char *metric)
{
	struct result *result = find(metric, NULL);

	if (!result)
		return 0;
	figures_sort(result->values, result->n);
	return figures_median(result->values, result->n);
}

void results_print(FILE *out)
{
	size_t i;

	for (i = 0; i < n_results; i++) {
		struct result *result = &results[i];
		const struct figure figure = {result->metric, result->unit, ""};

		if (!result->is_printed)
			figures_print_line(out, &figure, result->values,
					   result->n, result->params);
		result->is_printed = true;
	}
	fflush(out);
}
