/* SPDX-License-Identifier: Apache-2.0 */
/* Very many tasks on very many nodes, in a few processes. */
#include "results.h"
#include "scenarios.h"

/* Processes: one of one node, one of ten, to be killed; the rest evenly. */
#define N_FEW 1
#define N_MORE 10
#define N_OTHERS 4

static unsigned int start_nodes(struct cluster *cluster, unsigned int n_nodes)
{
	unsigned int first = N_FEW + N_MORE;
	unsigned int left = n_nodes - first;
	unsigned int i, count;

	cluster_start(cluster, &(struct life){.first = 0, .count = N_FEW});
	cluster_start(cluster, &(struct life){.first = N_FEW, .count = N_MORE});
	for (i = 0; i < N_OTHERS; i++) {
		count = left / (N_OTHERS - i);
		if (count)
			cluster_start(cluster, &(struct life){.first = first,
							      .count = count});
		first += count;
		left -= count;
	}
	cluster_wait_joined(cluster);
	return n_nodes;
}

static void die(const char *metric, const char *params, struct cluster *cluster,
		size_t n, unsigned int life, unsigned int n_left)
{
	const uint64_t killed_ns = cluster_kill(cluster, life);

	cluster_wait_settled(cluster, n, n_left);
	results_add(metric, "ms", params,
		    bench_ms_between(
			    killed_ns,
			    cluster_history(cluster, killed_ns).last_start_ns));
}

void bench_scale(const struct bench *bench)
{
	const size_t n = bench->n_scale_tasks;
	unsigned int n_nodes = (unsigned int)bench->n_scale_nodes;
	const char *params = bench_params(
		bench, "\"tasks\": %zu, \"nodes\": %u", n, n_nodes);
	struct cluster *cluster =
		cluster_new(bench->servers, BENCH_TIMEOUT_MS, n);
	struct cluster_history history;
	struct raw_changes changes;
	uint64_t began_ns, ended_ns;
	/* Unless it is not measured. */
	const double small_writes = results_median("cold_start.writes_per_task");
	double in_bytes;
	double writes;

	bench_say("scale: %zu tasks, %u nodes", n, n_nodes);
	start_nodes(cluster, n_nodes);
	in_bytes = cluster_usage(cluster).in_bytes;
	cluster_submit(cluster, n, &began_ns, &ended_ns);
	bench_say("submitted in %.1f s", (double)(ended_ns - began_ns) / 1e9);
	cluster_wait_running(cluster, n);
	history = cluster_history(cluster, began_ns);
	bench_say("running after %.1f s",
		  (double)(history.last_start_ns - began_ns) / 1e9);
	cluster_wait_settled(cluster, n, n_nodes);
	in_bytes = cluster_usage(cluster).in_bytes - in_bytes;
	changes = raw_changes(bench->raw, cluster_root(cluster));
	writes = (double)(changes.claims_created + changes.tasks_created +
			  changes.removed) /
		 (double)n;
	results_add("scale.submit_s", "s", params,
		    (double)(ended_ns - began_ns) / 1e9);
	results_add("scale.all_running_s", "s", params,
		    history.last_start_ns > ended_ns
			    ? (double)(history.last_start_ns - ended_ns) / 1e9
			    : 0);
	results_add("scale.writes_per_task", "1", params, writes);
	results_add("scale.starts_per_task", "1", params,
		    (double)cluster_history(cluster, began_ns).n_starts /
			    (double)n);
	if (small_writes > 0)
		results_add("scale.cost_ratio", "1", params,
			    writes / small_writes);
	results_add("scale.bytes_read_per_node", "bytes", params,
		    in_bytes / n_nodes);
	if (!bench->quick) {
		die("scale.failover_1_ms", params, cluster, n, 0,
		    n_nodes -= N_FEW);
		die("scale.failover_10_ms", params, cluster, n, 1,
		    n_nodes - N_MORE);
	}
	cluster_free(cluster);
}
