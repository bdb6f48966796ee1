/* SPDX-License-Identifier: Apache-2.0 */
/* The moves of tasks between node processes in a disturbance, by journals. */
#include "moves.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"
#include "tap.h"

#define LOOK_MS 50

/* --- counts ---------------------------------------------------------------------- */

static size_t count_of(const struct moves_counts *counts, const char *node)
{
	size_t i;

	for (i = 0; i < counts->n_nodes; i++)
		if (!strcmp(counts->nodes[i].node, node))
			return counts->nodes[i].n;
	return 0;
}

static void count_run(void *arg, const struct ownership_run *run)
{
	struct moves_counts *counts = arg;
	size_t i;

	if (run->end_ns != UINT64_MAX)
		return;
	for (i = 0; i < counts->n_nodes; i++)
		if (!strcmp(counts->nodes[i].node, run->node))
			break;
	if (i == NODES_MAX)
		process_die("too many nodes");
	if (i == counts->n_nodes) {
		snprintf(counts->nodes[i].node, sizeof(counts->nodes[i].node),
			 "%s", run->node);
		counts->n_nodes++;
	}
	counts->nodes[i].n++;
	counts->n_tasks++;
}

struct moves_counts moves_counts(struct nodes *nodes)
{
	struct moves_counts counts = {.n_nodes = 0};

	nodes_each_run(nodes, count_run, &counts);
	return counts;
}

static int descending(const void *left, const void *right)
{
	const size_t a = *(const size_t *)left;
	const size_t b = *(const size_t *)right;

	return a > b ? -1 : a < b;
}

size_t moves_minimum(const struct moves_counts *before,
		     const char *const *names, size_t n)
{
	const size_t floor = before->n_tasks / n;
	const size_t n_ceils = before->n_tasks % n;
	size_t held[NODES_MAX];
	size_t n_stay = 0;
	size_t share;
	size_t i;

	for (i = 0; i < n; i++)
		held[i] = count_of(before, names[i]);
	/* The larger shares go where most is, so that most can stay. */
	qsort(held, n, sizeof(*held), descending);
	for (i = 0; i < n; i++) {
		share = i < n_ceils ? floor + 1 : floor;
		n_stay += held[i] < share ? held[i] : share;
	}
	return before->n_tasks - n_stay;
}

/* --- waiting --------------------------------------------------------------------- */

struct awaited {
	struct nodes *nodes;
	size_t n_tasks, n_nodes;
	uint64_t quiet_ns;
};

static bool is_even(void *arg)
{
	const struct awaited *awaited = arg;
	const struct moves_counts counts = moves_counts(awaited->nodes);
	const struct ownership found = nodes_check(awaited->nodes, false);
	size_t least = SIZE_MAX;
	size_t most = 0;
	size_t i;

	for (i = 0; i < counts.n_nodes; i++) {
		least = counts.nodes[i].n < least ? counts.nodes[i].n : least;
		most = counts.nodes[i].n > most ? counts.nodes[i].n : most;
	}
	return counts.n_tasks == awaited->n_tasks &&
	       counts.n_nodes == awaited->n_nodes && most - least <= 1 &&
	       ownership_now_ns() - found.last_start_ns > awaited->quiet_ns;
}

bool moves_wait_even(struct nodes *nodes, size_t n_tasks, size_t n_nodes,
		     int64_t quiet_ms, int64_t timeout_ms)
{
	struct awaited awaited = {nodes, n_tasks, n_nodes,
				  (uint64_t)quiet_ms * 1000000};
	struct moves_counts counts;
	size_t i;

	if (process_until_every(LOOK_MS, is_even, &awaited, timeout_ms))
		return true;
	counts = moves_counts(nodes);
	for (i = 0; i < counts.n_nodes; i++)
		tap_note("%s runs %zu of %zu", counts.nodes[i].node,
			 counts.nodes[i].n, n_tasks);
	nodes_show(nodes);
	return false;
}

/* --- moves ------------------------------------------------------------------------- */

struct search {
	struct moves *moves;
	uint64_t since_ns;
	/* The run before, and whether its task moved in the disturbance. */
	char task[64];
	uint64_t end_ns;
	bool moved;
};

static void add_gap(struct moves *moves, uint64_t gap_ns)
{
	if (moves->n == moves->n_room) {
		moves->n_room = 2 * moves->n_room + 64;
		moves->gaps_ns = realloc(moves->gaps_ns,
					 moves->n_room * sizeof(uint64_t));
		if (!moves->gaps_ns)
			process_die("out of memory");
	}
	moves->gaps_ns[moves->n++] = gap_ns;
}

static void take_run(void *arg, const struct ownership_run *run)
{
	struct search *search = arg;
	const bool is_first = strcmp(search->task, run->task);
	const uint64_t works_ns = run->warm_ns ? run->warm_ns : run->start_ns;

	if (is_first) {
		snprintf(search->task, sizeof(search->task), "%s", run->task);
		search->moved = false;
	} else if (run->start_ns >= search->since_ns) {
		add_gap(search->moves, works_ns > search->end_ns
					       ? works_ns - search->end_ns
					       : 0);
		search->moves->n_again += search->moved;
		search->moved = true;
	}
	search->end_ns = run->end_ns;
}

static int ascending(const void *left, const void *right)
{
	const uint64_t a = *(const uint64_t *)left;
	const uint64_t b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

struct moves moves_since(struct nodes *nodes, uint64_t since_ns)
{
	struct moves moves = {.n = 0};
	struct search search = {.moves = &moves, .since_ns = since_ns};

	nodes_each_run(nodes, take_run, &search);
	if (moves.n)
		qsort(moves.gaps_ns, moves.n, sizeof(uint64_t), ascending);
	return moves;
}

uint64_t moves_gap_ns(const struct moves *moves, unsigned int percent)
{
	size_t i = moves->n * percent / 100;

	if (!moves->n)
		return 0;
	return moves->gaps_ns[i < moves->n ? i : moves->n - 1];
}

void moves_fini(struct moves *moves)
{
	free(moves->gaps_ns);
}
