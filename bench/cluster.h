/* SPDX-License-Identifier: Apache-2.0 */
/* The benchmark's cluster: processes of nodes, a client, and their history. */
#ifndef BENCH_CLUSTER_H
#define BENCH_CLUSTER_H

#include <metafora/client.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal.h"
#include "zkserver.h"

#define CLUSTER_LIVES_MAX 32
#define WAIT_MS 180000

/* Whatever fails ends the program.  All of it is for the main thread. */

struct cluster;

/* A namespace of its own, without nodes, for so many tasks. */
struct cluster *cluster_new(struct zkservers *servers, int64_t timeout_ms,
			    size_t n_tasks);
void cluster_free(struct cluster *cluster);

struct metafora_client *cluster_client(struct cluster *cluster);
const char *cluster_root(const struct cluster *cluster);

/* --- processes of nodes ----------------------------------------------------------- */

struct life {
	unsigned int first; /* number of the first node */
	unsigned int count; /* 0: one */
	const char *flags;  /* NULL: none; see node.h */
	unsigned int pace;  /* moves a second; 0: as many as there are */
};

/* Start one; its index. */
unsigned int cluster_start(struct cluster *cluster, const struct life *life);
/* n processes of one node each, from number `first` on. */
void cluster_start_each(struct cluster *cluster, unsigned int first,
			unsigned int n, const char *flags);
/* Wait until all that were started have joined. */
void cluster_wait_joined(struct cluster *cluster);
/* End it in order, or kill it.  Returns when that began. */
uint64_t cluster_stop(struct cluster *cluster, unsigned int i);
uint64_t cluster_kill(struct cluster *cluster, unsigned int i);
void cluster_stop_all(struct cluster *cluster);
/* Let all nodes finish their tasks. */
void cluster_finish_tasks(struct cluster *cluster);
/* Of all that live, or of one process. */
struct journal_usage cluster_usage(struct cluster *cluster);
struct journal_usage cluster_usage_of(struct cluster *cluster, unsigned int i);

/* --- tasks ------------------------------------------------------------------------ */

/* Submit so many with 100 bytes of properties; tells when that began, ended. */
void cluster_submit(struct cluster *cluster, size_t n, uint64_t *began_ns,
		    uint64_t *ended_ns);
size_t cluster_running(const struct cluster *cluster);
/* Wait until so many run, if need be on so many nodes evenly, and it rests. */
void cluster_wait_running(struct cluster *cluster, size_t n);
void cluster_wait_settled(struct cluster *cluster, size_t n,
			  unsigned int n_nodes);

/* --- history ---------------------------------------------------------------------- */

/* How many tasks each node runs, by its number. */
struct cluster_counts {
	size_t n[CLUSTER_LIVES_MAX * JOURNAL_NODES_MAX];
	size_t n_tasks;
	size_t least, most; /* of the nodes that live */
	unsigned int n_nodes;
};

struct cluster_counts cluster_count(const struct cluster *cluster);
/* The fewest moves that leave all even on nodes [first, first + n). */
size_t cluster_minimum(const struct cluster_counts *before, unsigned int first,
		       unsigned int n);

struct cluster_history {
	size_t n_starts;
	uint64_t first_join_ns; /* of processes started since then */
	uint64_t first_claim_ns, last_decide_ns; /* if they were told */
	size_t n_claims, n_decided;
	uint64_t last_start_ns;
	double gap_p50_ms, gap_p99_ms; /* of tasks that moved */
	size_t n_gaps;
};

/* What was told since then. */
struct cluster_history cluster_history(struct cluster *cluster,
				       uint64_t since_ns);

/* Wait until a condition holds; ends the program if it does not. */
void cluster_wait(bool (*cond)(void *arg), void *arg, const char *what);

#endif
