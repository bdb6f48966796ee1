/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmark does with clusters on ZooKeeper, a function each. */
#ifndef BENCH_SCENARIOS_H
#define BENCH_SCENARIOS_H

#include <stdbool.h>
#include <stddef.h>

#include "cluster.h"
#include "program.h"
#include "raw.h"

struct bench {
	struct zkservers *servers;
	struct raw *raw;
	unsigned int n_servers;
	size_t n_repeats;
	size_t n_tasks;
	size_t n_scale_tasks;
	size_t n_scale_nodes;
	bool quick; /* only what has a bar */
};

/* Session timeouts: the usual one, and one to wait for. */
#define BENCH_TIMEOUT_MS 10000
#define BENCH_SHORT_TIMEOUT_MS 2000

/* {"servers": n, ...}; valid until the next call. */
const char *bench_params(const struct bench *bench, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* limits.c: what the broker can do, without the library; once. */
void bench_limits(const struct bench *bench);
/* The server's compiler is to have seen it all before. */
void bench_warm_up(const struct bench *bench);
/* cold.c: the limits, and in turn with them: nothing runs, then all does; ends with the tasks' end. */
void bench_cold_start(const struct bench *bench);
/* rest.c: what a settled cluster costs, and answers. */
void bench_rest(const struct bench *bench, struct cluster *cluster,
		size_t n_tasks, unsigned int n_nodes);
void bench_memory(const struct bench *bench);
/* moving.c: nodes come, go and die. */
void bench_failover(const struct bench *bench);
void bench_join(const struct bench *bench);
void bench_paced(const struct bench *bench);
void bench_rolling_restart(const struct bench *bench);
/* scale.c */
void bench_scale(const struct bench *bench);

#endif
