/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes come, go and die, and tasks move. */
#include <stdio.h>
#include <stdlib.h>

#include "node.h"
#include "process.h"
#include "results.h"
#include "scenarios.h"

#define N_NODES 4
#define N_BEFORE 2
#define PACE 100
#define N_PACED_TASKS 600

static struct cluster *begin(const struct bench *bench, int64_t timeout_ms,
			     size_t n_tasks, unsigned int n_nodes,
			     unsigned int pace)
{
	struct cluster *cluster =
		cluster_new(bench->servers, timeout_ms, n_tasks);
	uint64_t began_ns, ended_ns;
	unsigned int i;

	for (i = 0; i < n_nodes; i++)
		cluster_start(cluster,
			      &(struct life){.first = i, .pace = pace});
	cluster_wait_joined(cluster);
	cluster_submit(cluster, n_tasks, &began_ns, &ended_ns);
	cluster_wait_settled(cluster, n_tasks, n_nodes);
	return cluster;
}

/* --- a node dies ------------------------------------------------------------------------ */

void bench_failover(const struct bench *bench)
{
	const size_t n = bench->n_tasks;
	const char *params = bench_params(
		bench, "\"tasks\": %zu, \"nodes\": %d, \"timeout_ms\": %d", n,
		N_NODES, BENCH_SHORT_TIMEOUT_MS);
	struct cluster *cluster;
	struct cluster_history history;
	const unsigned int victim = N_NODES - 1;
	unsigned int life = victim;
	uint64_t killed_ns, gone_ns;
	unsigned int i;
	char *path;

	bench_say("failover");
	cluster = begin(bench, BENCH_SHORT_TIMEOUT_MS, n, N_NODES, 0);
	path = process_format("%s/nodes/" NODE_NAME_FORMAT,
			      cluster_root(cluster), victim);
	for (i = 0; i < bench->n_repeats; i++) {
		raw_watch(bench->raw, path);
		killed_ns = cluster_kill(cluster, life);
		gone_ns = raw_wait_gone(bench->raw);
		cluster_wait_settled(cluster, n, N_NODES - 1);
		history = cluster_history(cluster, killed_ns);
		results_add("failover.after_expiry_ms", "ms", params,
			    bench_ms_between(gone_ns, history.last_start_ns));
		results_add("failover.after_kill_ms", "ms", params,
			    bench_ms_between(killed_ns, history.last_start_ns));
		results_add("failover.moves", "1", params,
			    (double)history.n_starts);
		life = cluster_start(cluster, &(struct life){.first = victim});
		cluster_wait_settled(cluster, n, N_NODES);
	}
	free(path);
	cluster_free(cluster);
}

/* --- nodes join and leave ----------------------------------------------------------------- */

static void add_one(const char *what, const char *figure, const char *unit,
		    const char *params, double value)
{
	char metric[RESULTS_METRIC_BYTES];

	snprintf(metric, sizeof(metric), "%s.%s", what, figure);
	results_add(metric, unit, params, value);
}

static void add(const char *what, const char *params, struct cluster *cluster,
		const struct cluster_history *history, uint64_t began_ns,
		size_t minimum)
{
	const struct cluster_counts counts = cluster_count(cluster);

	add_one(what, "settled_ms", "ms", params,
		bench_ms_between(began_ns, history->last_start_ns));
	add_one(what, "spread", "1", params,
		(double)(counts.most - counts.least));
	add_one(what, "moves", "1", params, (double)history->n_starts);
	add_one(what, "minimum_moves", "1", params, (double)minimum);
	add_one(what, "gap_p50_ms", "ms", params, history->gap_p50_ms);
	add_one(what, "gap_p99_ms", "ms", params, history->gap_p99_ms);
}

/* Let nodes from n_before to n_after join; the life of the first of them. */
static unsigned int let_join(const char *what, const char *params,
			     struct cluster *cluster, size_t n,
			     unsigned int n_before, unsigned int n_after,
			     unsigned int pace)
{
	const struct cluster_counts before = cluster_count(cluster);
	const uint64_t since_ns = bench_now_ns();
	struct cluster_history history;
	unsigned int first_life = 0;
	unsigned int i, life;

	for (i = n_before; i < n_after; i++) {
		life = cluster_start(cluster,
				     &(struct life){.first = i, .pace = pace});
		first_life = i == n_before ? life : first_life;
	}
	cluster_wait_joined(cluster);
	cluster_wait_settled(cluster, n, n_after);
	history = cluster_history(cluster, since_ns);
	add(what, params, cluster, &history, history.first_join_ns,
	    cluster_minimum(&before, 0, n_after));
	return first_life;
}

/* Let the last node leave, by its life. */
static void let_leave(const char *params, struct cluster *cluster, size_t n,
		      unsigned int life, unsigned int n_after)
{
	const struct cluster_counts before = cluster_count(cluster);
	const uint64_t since_ns = cluster_stop(cluster, life);
	struct cluster_history history;

	cluster_wait_settled(cluster, n, n_after);
	history = cluster_history(cluster, since_ns);
	add("leave", params, cluster, &history, since_ns,
	    cluster_minimum(&before, 0, n_after));
}

void bench_join(const struct bench *bench)
{
	const size_t n = bench->n_tasks;
	struct cluster *cluster;
	unsigned int first;
	unsigned int i;

	bench_say("join and leave");
	cluster = begin(bench, BENCH_TIMEOUT_MS, n, N_BEFORE, 0);
	for (i = 0; i < bench->n_repeats; i++) {
		first = let_join("join",
				 bench_params(bench,
					      "\"tasks\": %zu, \"nodes\": "
					      "\"%d to %d\"",
					      n, N_BEFORE, N_NODES),
				 cluster, n, N_BEFORE, N_NODES, 0);
		let_leave(bench_params(bench,
				       "\"tasks\": %zu, \"nodes\": "
				       "\"%d to %d\"",
				       n, N_NODES, N_NODES - 1),
			  cluster, n, first + 1, N_NODES - 1);
		cluster_stop(cluster, first);
		cluster_wait_settled(cluster, n, N_BEFORE);
	}
	cluster_free(cluster);
}

void bench_paced(const struct bench *bench)
{
	const size_t n =
		bench->n_tasks < N_PACED_TASKS ? bench->n_tasks : N_PACED_TASKS;
	const char *params = bench_params(
		bench, "\"tasks\": %zu, \"nodes\": \"1 to 2\", \"pace\": %d", n,
		PACE);
	struct cluster *cluster;
	unsigned int life;
	unsigned int i;

	bench_say("paced moves");
	cluster = begin(bench, BENCH_TIMEOUT_MS, n, 1, PACE);
	for (i = 0; i < bench->n_repeats; i++) {
		life = let_join("move", params, cluster, n, 1, 2, PACE);
		cluster_stop(cluster, life);
		cluster_wait_settled(cluster, n, 1);
	}
	cluster_free(cluster);
}

/* --- all are restarted, one after the other ------------------------------------------------ */

/* Returns the fewest moves there can be: of what it has, away and back. */
static size_t restart(struct cluster *cluster, size_t n, unsigned int life)
{
	const unsigned int first = life;
	size_t minimum;
	struct cluster_counts counts = cluster_count(cluster);

	minimum = counts.n[first];
	cluster_stop(cluster, life);
	cluster_wait_settled(cluster, n, N_NODES - 1);
	counts = cluster_count(cluster);
	minimum += cluster_minimum(&counts, 0, N_NODES);
	cluster_start(cluster, &(struct life){.first = first});
	cluster_wait_joined(cluster);
	cluster_wait_settled(cluster, n, N_NODES);
	return minimum;
}

void bench_rolling_restart(const struct bench *bench)
{
	const size_t n = bench->n_tasks;
	const char *params = bench_params(
		bench, "\"tasks\": %zu, \"nodes\": %d", n, N_NODES);
	struct cluster *cluster;
	struct cluster_history history;
	uint64_t since_ns;
	size_t minimum;
	unsigned int i, k;

	bench_say("rolling restart");
	for (i = 0; i < bench->n_repeats; i++) {
		cluster = begin(bench, BENCH_TIMEOUT_MS, n, N_NODES, 0);
		since_ns = bench_now_ns();
		minimum = 0;
		for (k = 0; k < N_NODES; k++)
			minimum += restart(cluster, n, k);
		history = cluster_history(cluster, since_ns);
		add("rolling", params, cluster, &history, since_ns, minimum);
		cluster_free(cluster);
	}
}
