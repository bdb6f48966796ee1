/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing runs, then all does, and in the end all is done. */
#include "node.h"
#include "results.h"
#include "scenarios.h"

#define N_NODES 4

static double per_s(size_t n, uint64_t from_ns, uint64_t to_ns)
{
	return (double)n * 1e9 / (double)(to_ns - from_ns);
}

struct costs {
	struct raw_changes changes;
	uint64_t transactions;
};

static struct costs look(const struct bench *bench, struct cluster *cluster)
{
	return (struct costs){
		raw_changes(bench->raw, cluster_root(cluster)),
		raw_transactions(bench->servers),
	};
}

static void add_costs(const char *params, size_t n, const struct costs *before,
		      const struct costs *after, double in_bytes)
{
	const size_t claims =
		after->changes.claims_created - before->changes.claims_created;
	const size_t writes = claims + after->changes.tasks_created -
			      before->changes.tasks_created +
			      after->changes.removed - before->changes.removed;

	results_add("cold_start.claim_znodes_per_task", "1", params,
		    (double)claims / (double)n);
	results_add("cold_start.writes_per_task", "1", params,
		    (double)writes / (double)n);
	results_add("cold_start.transactions_per_task", "1", params,
		    (double)(after->transactions - before->transactions) /
			    (double)n);
	results_add("cold_start.bytes_read_per_node", "bytes", params,
		    in_bytes / N_NODES);
}

static void add_speeds(const char *params, size_t n,
		       const struct cluster_history *history, uint64_t began_ns,
		       uint64_t ended_ns)
{
	results_add("cold_start.claims_decided_per_s", "1/s", params,
		    per_s(n, history->first_claim_ns, history->last_decide_ns));
	results_add("cold_start.running_per_s", "1/s", params,
		    per_s(n, history->first_claim_ns, history->last_start_ns));
	results_add("cold_start.from_submit_per_s", "1/s", params,
		    per_s(n, began_ns, history->last_start_ns));
	results_add("submit.busy_tasks_per_s", "1/s", params,
		    per_s(n, began_ns, ended_ns));
}

struct end_wait {
	const struct bench *bench;
	struct cluster *cluster;
	size_t n_removed;
};

static bool all_are_gone(void *arg)
{
	const struct end_wait *wait = arg;

	return raw_changes(wait->bench->raw, cluster_root(wait->cluster))
		       .removed >= wait->n_removed;
}

static const char *params_of(const struct bench *bench)
{
	return bench_params(bench,
			    "\"tasks\": %zu, \"nodes\": %d, "
			    "\"properties\": 100",
			    bench->n_tasks, N_NODES);
}

static void finish(const struct bench *bench, struct cluster *cluster, size_t n)
{
	const struct raw_changes before =
		raw_changes(bench->raw, cluster_root(cluster));
	struct end_wait wait = {bench, cluster, before.removed + 2 * n};
	const uint64_t began_ns = bench_now_ns();

	cluster_finish_tasks(cluster);
	cluster_wait(all_are_gone, &wait, "done");
	results_add("done.tasks_per_s", "1/s", params_of(bench),
		    per_s(n, began_ns, bench_now_ns()));
}

static void start_once(const struct bench *bench, bool is_last)
{
	const size_t n = bench->n_tasks;
	const char *params = params_of(bench);
	struct cluster *cluster =
		cluster_new(bench->servers, BENCH_TIMEOUT_MS, n);
	const char flags[] = {NODE_FLAG_TELLS, '\0'};
	struct cluster_history history;
	struct costs before, after;
	uint64_t began_ns, ended_ns;
	double in_bytes;

	cluster_start_each(cluster, 0, N_NODES, flags);
	cluster_wait_joined(cluster);
	cluster_wait_settled(cluster, 0, N_NODES);
	before = look(bench, cluster);
	in_bytes = cluster_usage(cluster).in_bytes;
	cluster_submit(cluster, n, &began_ns, &ended_ns);
	cluster_wait_settled(cluster, n, N_NODES);
	history = cluster_history(cluster, began_ns);
	after = look(bench, cluster);
	in_bytes = cluster_usage(cluster).in_bytes - in_bytes;
	add_speeds(params, n, &history, began_ns, ended_ns);
	add_costs(params, n, &before, &after, in_bytes);
	if (is_last)
		bench_rest(bench, cluster, n, N_NODES);
	finish(bench, cluster, n);
	cluster_free(cluster);
}

/* Nobody looks. */
static void submit_alone(const struct bench *bench)
{
	const size_t n = bench->n_tasks;
	struct cluster *cluster =
		cluster_new(bench->servers, BENCH_TIMEOUT_MS, n);
	uint64_t began_ns, ended_ns;

	cluster_submit(cluster, n, &began_ns, &ended_ns);
	results_add(
		"submit.tasks_per_s", "1/s",
		bench_params(bench, "\"tasks\": %zu, \"properties\": 100", n),
		per_s(n, began_ns, ended_ns));
	cluster_free(cluster);
}

/* In turn, so that what else the machine does concerns all. */
void bench_cold_start(const struct bench *bench)
{
	unsigned int i;

	bench_say("limits, cold start, idle, done");
	bench_warm_up(bench);
	for (i = 0; i < bench->n_repeats; i++) {
		bench_limits(bench);
		submit_alone(bench);
		start_once(bench, i + 1 == bench->n_repeats);
	}
}
