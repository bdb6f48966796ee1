/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a table, a verdict and a file of what the benchmarks print. */
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 4096

/* --- bars --------------------------------------------------------------------- */

enum relation { AT_MOST, AT_LEAST, EQUAL };

/* A median against a limit, or so many times another median. */
static const struct bar {
	const char *metric;
	enum relation relation;
	double limit;
	const char *other; /* NULL: the limit stands alone */
} bars[] = {
	{"cold_start.claims_decided_per_s", AT_LEAST, 3,
	 "raw.pipelined_creates_per_s"},
	{"cold_start.running_per_s", AT_LEAST, 1,
	 "raw.pipelined_creates_per_s"},
	{"cold_start.claim_znodes_per_task", AT_MOST, 1.1, NULL},
	{"failover.after_expiry_ms", AT_MOST, 300, NULL},
	{"join.settled_ms", AT_MOST, 1500, NULL},
	{"join.spread", AT_MOST, 1, NULL},
	{"join.moves", EQUAL, 1, "join.minimum_moves"},
	{"move.gap_p50_ms", AT_MOST, 10, NULL},
	{"move.gap_p99_ms", AT_MOST, 100, NULL},
	{"idle.writes_per_node_per_quarter_timeout", AT_MOST, 1, NULL},
	{"idle.cpu_percent_per_node", AT_MOST, 0.1, NULL},
	{"memory.bytes_per_owned_task", AT_MOST, 1024, NULL},
	{"memory.bytes_per_known_task", AT_MOST, 300, NULL},
	{"scale.all_running_s", AT_MOST, 30, NULL},
	{"scale.cost_ratio", AT_MOST, 2, NULL},
	{"balancer.decision_ms", AT_MOST, 50, NULL},
	{"balancer.cold_slice_ms", AT_MOST, 50, NULL},
};

#define N_BARS (sizeof(bars) / sizeof(bars[0]))

static double median_of(const json_t *object)
{
	return json_number_value(json_object_get(object, "median"));
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* The first of that name; NULL: it was not measured. */
static const json_t *find(const json_t *results, const char *metric)
{
	const json_t *object;
	size_t i;

	json_array_foreach(results, i,
			   object) if (!strcmp(text_of(object, "metric"),
					       metric)) return object;
	return NULL;
}

static bool is_met(enum relation relation, double value, double limit)
{
	switch (relation) {
	case AT_MOST:
		return value <= limit;
	case AT_LEAST:
		return value >= limit;
	case EQUAL:
		break;
	}
	return fabs(value - limit) < 1e-9;
}

static void print_bar(const json_t *results, const struct bar *bar)
{
	static const char *const signs[] = {
		[AT_MOST] = "<=",
		[AT_LEAST] = ">=",
		[EQUAL] = "=",
	};
	const json_t *result = find(results, bar->metric);
	const json_t *other = bar->other ? find(results, bar->other) : NULL;
	double limit = bar->limit;
	double value;

	if (!result || (bar->other && !other)) {
		printf("%-42s not measured\n", bar->metric);
		return;
	}
	value = median_of(result);
	limit *= other ? median_of(other) : 1;
	printf("%-42s %12.3f %2s %12.3f  ", bar->metric, value,
	       signs[bar->relation], limit);
	if (is_met(bar->relation, value, limit))
		printf("met\n");
	else
		printf("MISSED: %.2f times the bar\n", value / limit);
}

/* --- the table ------------------------------------------------------------------ */

static void print_result(const json_t *result)
{
	char *params = json_dumps(json_object_get(result, "params"), 0);

	printf("%-42s %12.3f %12.3f %12.3f %-7s %3d  %s\n",
	       text_of(result, "metric"), median_of(result),
	       json_number_value(json_object_get(result, "min")),
	       json_number_value(json_object_get(result, "max")),
	       text_of(result, "unit"),
	       (int)json_integer_value(json_object_get(result, "runs")),
	       params ? params : "");
	free(params);
}

static void print_all(const json_t *results)
{
	const json_t *result;
	size_t i;

	printf("%-42s %12s %12s %12s %-7s %s\n", "metric", "median", "min",
	       "max", "unit", "runs");
	json_array_foreach(results, i, result) print_result(result);
	printf("\nBars, of medians:\n");
	for (i = 0; i < N_BARS; i++)
		print_bar(results, &bars[i]);
}

/* --- reading ---------------------------------------------------------------------- */

static void die(const char *path, const char *why)
{
	fprintf(stderr, "report: %s: %s\n", path, why);
	exit(1);
}

/* An object in each line, perhaps with a comma; brackets are passed over. */
static void read_results(FILE *in, json_t *results)
{
	char line[LINE_BYTES];
	json_error_t error;
	json_t *object;

	while (fgets(line, sizeof(line), in)) {
		if (line[0] != '{')
			continue;
		object = json_loads(line, JSON_DISABLE_EOF_CHECK, &error);
		if (!object || !*text_of(object, "metric") ||
		    json_array_append_new(results, object))
			die("standard input", "a line is no result");
	}
}

int main(int argc, char **argv)
{
	json_t *results = json_array();

	if (argc != 2 || argv[1][0] == '-') {
		fprintf(stderr,
			"usage: report FILE\n"
			"Reads results, a JSON object a line, from standard "
			"input; writes an array of\n"
			"them to FILE, and prints a table and what bars are "
			"met.\n");
		return 2;
	}
	if (!results)
		die(argv[1], "out of memory");
	read_results(stdin, results);
	if (json_dump_file(results, argv[1],
			   JSON_INDENT(2) | JSON_REAL_PRECISION(10)))
		die(argv[1], "cannot be written");
	print_all(results);
	json_decref(results);
	return 0;
}
