/* SPDX-License-Identifier: Apache-2.0 */
/* What a settled cluster costs: traffic, processor time, memory. */
#include <metafora/command.h>
#include <metafora/error.h>

#include "node.h"
#include "results.h"
#include "scenarios.h"

/* How long it is looked at, each time. */
#define N_QUARTERS 3
#define QUARTER_MS (BENCH_TIMEOUT_MS / 4)
#define N_COMMANDS 20
#define N_THREADS 1000

/* That came from anybody, also from us. */
static double packets_received(const struct bench *bench)
{
	double n = 0;
	unsigned int i;

	for (i = 0; i < bench->n_servers; i++)
		n += raw_monitor(bench->servers, i, "zk_packets_received");
	return n;
}

static void look_once(const struct bench *bench, struct cluster *cluster,
		      const char *params, unsigned int n_nodes)
{
	const double packets = packets_received(bench);
	const uint64_t transactions = raw_transactions(bench->servers);
	const double cpu_ms = cluster_usage(cluster).cpu_ms;
	const uint64_t began_ns = bench_now_ns();
	double took_ms;
	double n_quarters;

	bench_pause_ms(N_QUARTERS * QUARTER_MS);
	took_ms = bench_ms_since(began_ns);
	n_quarters = took_ms / QUARTER_MS * n_nodes;
	results_add("idle.writes_per_node_per_quarter_timeout", "1", params,
		    (double)(raw_transactions(bench->servers) - transactions) /
			    n_quarters);
	results_add("idle.cpu_percent_per_node", "percent", params,
		    (cluster_usage(cluster).cpu_ms - cpu_ms) * 100 / took_ms /
			    n_nodes);
	results_add("idle.packets_per_node_per_minute", "1", params,
		    (packets_received(bench) - packets) * 60000 / took_ms /
			    n_nodes);
}

static void command(struct cluster *cluster, const char *params)
{
	const uint64_t began_ns = bench_now_ns();
	unsigned int i;

	for (i = 0; i < N_COMMANDS; i++)
		if (metafora_client_command(cluster_client(cluster), "node000",
					    METAFORA_COMMAND_BALANCE, NULL,
					    WAIT_MS, NULL))
			bench_die("a command fails");
	results_add("command.latency_ms", "ms", params,
		    bench_ms_since(began_ns) / N_COMMANDS);
}

void bench_rest(const struct bench *bench, struct cluster *cluster,
		size_t n_tasks, unsigned int n_nodes)
{
	const char *params = bench_params(
		bench, "\"tasks\": %zu, \"nodes\": %u, \"timeout_ms\": %d",
		n_tasks, n_nodes, BENCH_TIMEOUT_MS);
	unsigned int i;

	for (i = 0; i < bench->n_repeats; i++)
		look_once(bench, cluster, params, n_nodes);
	for (i = 0; i < bench->n_repeats; i++)
		command(cluster, params);
}

/* --- memory ---------------------------------------------------------------------------- */

#define OWNER 0
#define ONLOOKER 1

static void measure_memory(const struct bench *bench)
{
	const size_t n = bench->n_tasks;
	const char *params =
		bench_params(bench, "\"tasks\": %zu, \"properties\": 100", n);
	struct cluster *cluster =
		cluster_new(bench->servers, BENCH_TIMEOUT_MS, n);
	const char flags[] = {NODE_FLAG_FROZEN, '\0'};
	struct journal_usage before[2], after[2];
	uint64_t began_ns, ended_ns;
	double server_bytes;
	unsigned int i;

	cluster_start(cluster, &(struct life){.first = OWNER});
	cluster_start(cluster,
		      &(struct life){.first = ONLOOKER, .flags = flags});
	cluster_wait_joined(cluster);
	for (i = 0; i < 2; i++)
		before[i] = cluster_usage_of(cluster, i);
	server_bytes = raw_monitor(bench->servers, 0, "zk_approximate_data_size");
	cluster_submit(cluster, n, &began_ns, &ended_ns);
	cluster_wait_running(cluster, n);
	/* Until the onlooker has seen it all. */
	bench_pause_ms(1000);
	for (i = 0; i < 2; i++)
		after[i] = cluster_usage_of(cluster, i);
	results_add("memory.bytes_per_owned_task", "bytes", params,
		    (after[OWNER].heap_bytes - before[OWNER].heap_bytes) /
			    (double)n);
	results_add("memory.bytes_per_known_task", "bytes", params,
		    (after[ONLOOKER].heap_bytes - before[ONLOOKER].heap_bytes) /
			    (double)n);
	results_add("memory.rss_bytes_per_owned_task", "bytes", params,
		    (after[OWNER].rss_bytes - before[OWNER].rss_bytes) /
			    (double)n);
	results_add("memory.server_bytes_per_task", "bytes", params,
		    (raw_monitor(bench->servers, 0, "zk_approximate_data_size") -
		     server_bytes) /
			    (double)n);
	cluster_free(cluster);
}

static void measure_threads(const struct bench *bench)
{
	const size_t n =
		bench->n_tasks < N_THREADS ? bench->n_tasks : N_THREADS;
	const char *params =
		bench_params(bench, "\"tasks\": %zu, \"stack\": 262144", n);
	struct cluster *cluster =
		cluster_new(bench->servers, BENCH_TIMEOUT_MS, n);
	const char flags[] = {NODE_FLAG_THREADED, '\0'};
	uint64_t began_ns, ended_ns;
	double before;

	cluster_start(cluster, &(struct life){.flags = flags});
	cluster_wait_joined(cluster);
	before = cluster_usage(cluster).rss_bytes;
	cluster_submit(cluster, n, &began_ns, &ended_ns);
	cluster_wait_running(cluster, n);
	results_add("memory.rss_bytes_per_threaded_task", "bytes", params,
		    (cluster_usage(cluster).rss_bytes - before) / (double)n);
	cluster_free(cluster);
}

void bench_memory(const struct bench *bench)
{
	unsigned int i;

	bench_say("memory");
	for (i = 0; i < bench->n_repeats; i++) {
		measure_memory(bench);
		if (!bench->quick)
			measure_threads(bench);
	}
}
