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

static double ms_between(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (double)(to_ns - from_ns) / 1e6 : 0;
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
			    ms_between(gone_ns, history.last_start_ns));
		results_add("failover.after_kill_ms", "ms", params,
			    ms_between(killed_ns, history.last_start_ns));
		results_add("failover.moves", "1", params,
			    (double)history.n_starts);
		life = cluster_start(cluster, &(struct life){.first = victim});
		cluster_wait_settled(cluster, n, N_NODES);
	}
	free(path);
	cluster_free(cluster);
}

/* --- nodes join and leave ----------------------------------------------------------------- */

struct names {
	const char *settled, *moves, *minimum, *spread, *p50, *p99;
};

static const struct names join_names = {
	"join.settled_ms", "join.moves",      "join.minimum_moves",
	"join.spread",     "join.gap_p50_ms", "join.gap_p99_ms",
};
static const struct names leave_names = {
	"leave.settled_ms", "leave.moves",      "leave.minimum_moves",
	"leave.spread",     "leave.gap_p50_ms", "leave.gap_p99_ms",
};
static const struct names rolling_names = {
	"rolling.settled_ms", "rolling.moves",      "rolling.minimum_moves",
	"rolling.spread",     "rolling.gap_p50_ms", "rolling.gap_p99_ms",
};
static const struct names paced_names = {
	"move.settled_ms", "move.moves",      "move.minimum_moves",
	"move.spread",     "move.gap_p50_ms", "move.gap_p99_ms",
};

static void add(const struct names *names, const char *params,
		struct cluster *cluster, const struct cluster_history *history,
		uint64_t began_ns, size_t minimum)
{
	const struct cluster_counts counts = cluster_count(cluster);

	results_add(names->settled, "ms", params,
		    ms_between(began_ns, history->last_start_ns));
	results_add(names->spread, "1", params,
		    (double)(counts.most - counts.least));
	results_add(names->moves, "1", params, (double)history->n_starts);
	results_add(names->minimum, "1", params, (double)minimum);
	results_add(names->p50, "ms", params, history->gap_p50_ms);
	results_add(names->p99, "ms", params, history->gap_p99_ms);
}

/* Let nodes from n_before to n_after join; the life of the first of them. */
static unsigned int let_join(const struct names *names, const char *params,
			     struct cluster *cluster, size_t n,
			     unsigned int n_before, unsigned int n_after,
			     unsigned int pace)
{
	const struct cluster_counts before = cluster_count(cluster);
	const uint64_t since_ns = journal_now_ns();
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
	add(names, params, cluster, &history, history.first_join_ns,
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
	add(&leave_names, params, cluster, &history, since_ns,
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
		first = let_join(&join_names,
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
		life = let_join(&paced_names, params, cluster, n, 1, 2, PACE);
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
		since_ns = journal_now_ns();
		minimum = 0;
		for (k = 0; k < N_NODES; k++)
			minimum += restart(cluster, n, k);
		history = cluster_history(cluster, since_ns);
		add(&rolling_names, params, cluster, &history, since_ns,
		    minimum);
		cluster_free(cluster);
	}
}
