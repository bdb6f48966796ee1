/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the benchmark's cluster. */
#ifndef BENCH_CLUSTER_INT_H
#define BENCH_CLUSTER_INT_H

#include <sys/types.h>

#include "cluster.h"

/* A process of nodes. */
struct cluster_life {
	unsigned int first;
	unsigned int count;
	pid_t pid; /* 0: has ended */
	char *path;
	char *output;
	struct journal *journal;
};

struct cluster {
	unsigned int number;
	char root[64];
	struct zkservers *servers;
	int64_t timeout_ms;
	size_t n_tasks;
	struct metafora_coordinator *coordinator;
	struct metafora_client *client;
	struct cluster_life lives[CLUSTER_LIVES_MAX];
	unsigned int n_lives;
};

#endif
