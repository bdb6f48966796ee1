/* SPDX-License-Identifier: Apache-2.0 */
/* The moves of tasks between node processes in a disturbance, by journals. */
#ifndef T_MOVES_H
#define T_MOVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nodes.h"

/* How many tasks each node runs; those with none may be missing. */
struct moves_counts {
	struct {
		char node[32];
		size_t n;
	} nodes[NODES_MAX];
	size_t n_nodes;
	size_t n_tasks;
};

struct moves_counts moves_counts(struct nodes *nodes);

/*
 * Wait until n_nodes run n_tasks between them, each as many as another or one
 * more, and nothing has begun for quiet_ms; false, with a note, if that does
 * not come.
 */
bool moves_wait_even(struct nodes *nodes, size_t n_tasks, size_t n_nodes,
		     int64_t quiet_ms, int64_t timeout_ms);

/*
 * The fewest moves from these counts to an even share of all their tasks among
 * the nodes named, n of them; the others have gone or will get none.
 */
size_t moves_minimum(const struct moves_counts *before,
		     const char *const *names, size_t n);

/* What began after an instant, behind an earlier run of the same task. */
struct moves {
	size_t n;       /* all */
	size_t n_again; /* those of tasks that moved in it before */
	/*
	 * The gaps, in order of length: from the return of one handler, or the
	 * death of its node, until the next one begins, or is warm where runs
	 * warm up.
	 */
	uint64_t *gaps_ns;
	size_t n_room;
};

struct moves moves_since(struct nodes *nodes, uint64_t since_ns);
/* The gap that so many percent are within; 0 if there is none. */
uint64_t moves_gap_ns(const struct moves *moves, unsigned int percent);
void moves_fini(struct moves *moves);

#endif
