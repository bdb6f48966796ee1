/* SPDX-License-Identifier: Apache-2.0 */
/* Speed and cost of real clusters on private ZooKeeper servers. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

void bench_pause_ms(int64_t ms)
{
	const uint64_t until_ns = journal_now_ns() + (uint64_t)ms * 1000000;
	uint64_t now_ns;

	while ((now_ns = journal_now_ns()) < until_ns)
		poll(NULL, 0, (int)((until_ns - now_ns) / 1000000) + 1);
}

static size_t number(const char *option, const char *text, size_t min,
		     size_t max)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || value < min ||
	    value > max) {
		fprintf(stderr, "zookeeper: --%s must be %zu to %zu\n", option,
			min, max);
		exit(2);
	}
	return value;
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{"ensemble", no_argument, NULL, 'e'},
		{"quick", no_argument, NULL, 'q'},
		{"tasks", required_argument, NULL, 't'},
		{"runs", required_argument, NULL, 'r'},
		{"scale-tasks", required_argument, NULL, 'T'},
		{"scale-nodes", required_argument, NULL, 'N'},
		{"only", required_argument, NULL, 'o'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'e':
			bench.n_servers = 3;
			break;
		case 'q':
			bench.quick = true;
			break;
		case 't':
			/* More than one session can claim is no cold start. */
			bench.n_tasks = number("tasks", optarg, 20, 12000);
			break;
		case 'r':
			/* Each takes some of a cluster's processes. */
			bench.n_repeats =
				(unsigned int)number("runs", optarg, 1, 9);
			break;
		case 'T':
			bench.n_scale_tasks =
				number("scale-tasks", optarg, 0, 1000000);
			break;
		case 'N':
			bench.n_scale_nodes = (unsigned int)number(
				"scale-nodes", optarg, 12, 240);
			break;
		case 'o':
			only = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		exit(2);
	}
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
	struct zkservers_options options = {.tick_ms = TICK_MS,
					    .lasting = true};

	read_options(argc, argv);
	if (zkservers_lack())
		bench_die("%s", zkservers_lack());
	options.n = bench.n_servers;
	bench.servers = zkservers_start(&options);
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
