/* SPDX-License-Identifier: Apache-2.0 */
/* Speed and cost of real clusters on private ZooKeeper servers. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "results.h"
#include "scenarios.h"

#define PARAMS_BYTES 256
/* So that sessions of two seconds are four ticks, and of ten are allowed. */
#define TICK_MS 500
#define SCALE_TASKS 100000

static struct bench bench = {
	.n_servers = 1,
	.n_repeats = 3,
	.n_tasks = 10000,
	.n_scale_tasks = SIZE_MAX, /* not said */
	.n_scale_nodes = 100,
};
static bool is_ensemble;
static const char *only = "";

static const char usage[] =
	"usage: zookeeper [option...]\n"
	"Runs clusters of real processes on ZooKeeper servers of its own, and "
	"prints\n"
	"what it measures, a JSON object per metric.  script/bench is for "
	"people.\n"
	"  --ensemble       three servers instead of one\n"
	"  --quick          only what the bars need\n"
	"  --tasks N        tasks (default 10000)\n"
	"  --runs N         repeats (default 3)\n"
	"  --scale-tasks N  tasks of the scenario \"scale\" (default 100000, "
	"quick: 0, none)\n"
	"  --scale-nodes N  its nodes (default 100)\n"
	"  --only NAMES     scenarios: cold failover join paced rolling "
	"memory scale\n"
	"  --help           this text\n";

const char *bench_params(const struct bench *b, const char *format, ...)
{
	static char params[PARAMS_BYTES];
	int n = snprintf(params, sizeof(params), "{\"servers\": %u, ",
			 b->n_servers);
	va_list args;

	va_start(args, format);
	n += vsnprintf(params + n, sizeof(params) - (size_t)n, format, args);
	va_end(args);
	if ((size_t)n + 2 > sizeof(params))
		bench_die("parameters are too long");
	strcpy(params + n, "}");
	return params;
}

static const struct bench_option options[] = {
	{"ensemble", .flag = &is_ensemble},
	{"quick", .flag = &bench.quick},
	/* More than one session can claim is no cold start. */
	{"tasks", .number = &bench.n_tasks, .min = 20, .max = 12000},
	/* Each takes some of a cluster's processes. */
	{"runs", .number = &bench.n_repeats, .min = 1, .max = 9},
	{"scale-tasks", .number = &bench.n_scale_tasks, .max = 1000000},
	{"scale-nodes", .number = &bench.n_scale_nodes, .min = 12, .max = 240},
	{"only", .text = &only},
	{.name = NULL},
};

static void read_options(int argc, char **argv)
{
	bench_read_options(argc, argv, usage, options);
	if (is_ensemble)
		bench.n_servers = 3;
	/* It takes minutes by itself. */
	if (bench.n_scale_tasks == SIZE_MAX)
		bench.n_scale_tasks = bench.quick ? 0 : SCALE_TASKS;
}

static void run(const char *name, void (*scenario)(const struct bench *bench))
{
	if (*only && !strstr(only, name))
		return;
	scenario(&bench);
	results_print(stdout);
}

int main(int argc, char **argv)
{
	struct zkservers_options servers = {.tick_ms = TICK_MS,
					    .lasting = true};

	read_options(argc, argv);
	if (zkservers_lack())
		bench_die("%s", zkservers_lack());
	servers.n = bench.n_servers;
	bench.servers = zkservers_start(&servers);
	bench.raw = raw_open(bench.servers);
	run("cold", bench_cold_start);
	run("failover", bench_failover);
	run("join", bench_join);
	run("paced", bench_paced);
	run("memory", bench_memory);
	if (!bench.quick)
		run("rolling", bench_rolling_restart);
	if (bench.n_scale_tasks)
		run("scale", bench_scale);
	raw_close(bench.raw);
	zkservers_free(bench.servers);
	return 0;
}
