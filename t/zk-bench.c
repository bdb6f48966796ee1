/* SPDX-License-Identifier: Apache-2.0 */
/* The benchmark of clusters runs, tells all it should, and leaves nothing. */
#include <dirent.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process.h"
#include "tap.h"
#include "zklink.h"
#include "zkserver.h"

#define LONG_MS 250000

static const char *const metrics[] = {
	"raw.sync_creates_per_s",
	"raw.pipelined_creates_per_s",
	"raw.multi_creates_per_s",
	"cold_start.claims_decided_per_s",
	"cold_start.running_per_s",
	"cold_start.claim_znodes_per_task",
	"failover.after_expiry_ms",
	"join.settled_ms",
	"join.spread",
	"join.moves",
	"join.minimum_moves",
	"leave.moves",
	"leave.minimum_moves",
	"move.gap_p50_ms",
	"move.gap_p99_ms",
	"command.latency_ms",
	"submit.tasks_per_s",
	"done.tasks_per_s",
	"idle.writes_per_node_per_quarter_timeout",
	"idle.cpu_percent_per_node",
	"memory.bytes_per_owned_task",
	"memory.bytes_per_known_task",
	"scale.all_running_s",
	"scale.cost_ratio",
	"scale.bytes_read_per_node",
};

#define N_METRICS (sizeof(metrics) / sizeof(metrics[0]))

static char *tmp; /* of what is started here */

/* Of the folder of benchmarks, next to that of this program. */
static char *bench_path(const char *name)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		process_die("where is this program?");
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	return process_format("%s/../bench/%s", self, name);
}

/* In a folder for temporary files of its own. */
static pid_t start_bench(const char *output)
{
	char *program = bench_path("zookeeper");
	const char *const argv[] = {
		program,
		"--quick",
		"--runs",
		"1",
		"--tasks",
		"60",
		"--scale-tasks",
		"120",
		"--scale-nodes",
		"12",
		NULL,
	};
	pid_t pid;

	if (!tmp)
		tmp = process_folder("tmp");
	setenv("TMPDIR", tmp, 1);
	pid = process_start(argv, output);
	unsetenv("TMPDIR");
	free(program);
	return pid;
}

static bool is_empty(void *arg)
{
	DIR *folder = opendir(arg);
	size_t n = 0;

	if (!folder)
		process_die("no folder %s", (char *)arg);
	while (readdir(folder))
		n++;
	closedir(folder);
	return n == 2; /* itself and the one above */
}

static void show(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		tap_note("%s", line);
	}
	if (file)
		fclose(file);
}

/* What the report makes of the output; NULL: nothing. */
static json_t *report(const char *output)
{
	char *program = bench_path("report");
	char *json = process_path("results.json");
	char *command =
		process_format("exec '%s' '%s' <'%s'", program, json, output);
	char *table = process_path("table");
	const char *const argv[] = {"/bin/sh", "-c", command, NULL};
	int status = -1;
	json_t *results;

	CU_ASSERT(process_wait(process_start(argv, table), LONG_MS, &status));
	CU_ASSERT_EQUAL(status, 0);
	show(table);
	results = json_load_file(json, 0, NULL);
	free(program);
	free(json);
	free(command);
	free(table);
	return results;
}

static const json_t *find(const json_t *results, const char *metric)
{
	const json_t *result;
	const char *name;
	size_t i;

	json_array_foreach(results, i, result)
	{
		name = json_string_value(json_object_get(result, "metric"));
		if (name && !strcmp(name, metric))
			return result;
	}
	return NULL;
}

static void tells_every_metric(void)
{
	static const char *const keys[] = {"unit", "median", "min",
					   "max",  "runs",   "params"};
	char *output = process_path("output");
	const json_t *result;
	json_t *results;
	int status = -1;
	size_t i, k;

	if (!zklinks_can_run())
		goto out;
	CU_ASSERT(process_wait(start_bench(output), LONG_MS, &status));
	CU_ASSERT_EQUAL(status, 0);
	if (status)
		show(output);
	results = report(output);
	CU_ASSERT_FATAL(json_is_array(results));
	for (i = 0; i < N_METRICS; i++) {
		result = find(results, metrics[i]);
		if (!result)
			tap_note("%s is missing", metrics[i]);
		CU_ASSERT(result != NULL);
		for (k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			CU_ASSERT(json_object_get(result, keys[k]) != NULL);
	}
	json_decref(results);
	CU_ASSERT(process_until(is_empty, tmp, LONG_MS));
out:
	free(output);
}

static bool has_begun(void *arg)
{
	FILE *file = fopen(arg, "re");
	char line[512];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, "cold start");
	if (file)
		fclose(file);
	return found;
}

static void leaves_nothing_when_interrupted(void)
{
	char *output = process_path("interrupted");
	int status = 0;
	pid_t pid;

	if (!zklinks_can_run())
		goto out;
	pid = start_bench(output);
	CU_ASSERT(process_until(has_begun, output, LONG_MS));
	kill(pid, SIGINT);
	CU_ASSERT(process_wait(pid, LONG_MS, &status));
	CU_ASSERT_NOT_EQUAL(status, 0);
	CU_ASSERT(process_until(is_empty, tmp, LONG_MS));
out:
	free(output);
}

static const struct tap_case cases[] = {
	{"the benchmark tells every metric there should be",
	 tells_every_metric},
	{"interrupted, it leaves nothing", leaves_nothing_when_interrupted},
};

TAP_MAIN(cases, NULL, NULL)
