/* SPDX-License-Identifier: Apache-2.0 */
/* How tasks move between four node processes on a real server, and how few. */
#include <metafora.h>
#include <stdio.h>
#include <string.h>

#include "moves.h"
#include "node_main.h"
#include "nodes.h"
#include "process.h"
#include "tap.h"
#include "zklink.h"
#include "zkserver.h"

#define TICK_MS 200
#define TIMEOUT_MS 2000
#define LONG_MS 60000
/* So long nothing moves any more: longer than any delay of the balancer. */
#define QUIET_MS 1000
/* Not to be shared evenly by two, three or four. */
#define N_TASKS 403

static const char *const names[] = {"a", "b", "c", "d"};

#define N_NODES (sizeof(names) / sizeof(names[0]))

static struct zkservers *servers;
static struct nodes *nodes;
static const char *flags; /* of the nodes to come */

/* --- the cluster --------------------------------------------------------------------- */

static unsigned int start(const char *name)
{
	const struct node_options options = {.name = name, .flags = flags};

	return nodes_start(nodes, &options);
}

static void submit_tasks(void)
{
	struct metafora_batch *batch;
	char id[32];
	size_t i;

	CU_ASSERT_EQUAL_FATAL(metafora_batch_new(&batch), 0);
	for (i = 0; i < N_TASKS; i++) {
		snprintf(id, sizeof(id), "t%zu", i);
		CU_ASSERT_EQUAL(
			metafora_batch_add(batch, id, strlen(id), "", 0), 0);
	}
	CU_ASSERT_EQUAL(metafora_client_submit_batch(nodes_client(nodes), batch,
						     LONG_MS),
			0);
	metafora_batch_free(batch);
}

/* The first n_nodes of the names share the tasks.  False: cannot run. */
static bool begin(size_t n_nodes)
{
	const struct zkservers_options options = {.n = 1, .tick_ms = TICK_MS};
	size_t i;

	if (!zklinks_can_run())
		return false;
	if (!servers)
		servers = zkservers_start(&options);
	nodes = nodes_new(zkservers_hosts(servers), TIMEOUT_MS);
	for (i = 0; i < n_nodes; i++)
		start(names[i]);
	for (i = 0; i < n_nodes; i++)
		CU_ASSERT_FATAL(nodes_joined(nodes, (unsigned int)i));
	submit_tasks();
	CU_ASSERT_FATAL(
		moves_wait_even(nodes, N_TASKS, n_nodes, QUIET_MS, LONG_MS));
	return true;
}

static void end(void)
{
	const struct ownership found = nodes_check(nodes, true);

	CU_ASSERT_EQUAL(found.n_overlaps, 0);
	CU_ASSERT_EQUAL(found.n_disorders, 0);
	CU_ASSERT_EQUAL(found.n_revivals, 0);
	CU_ASSERT_EQUAL(found.n_tasks, N_TASKS);
	nodes_free(nodes);
	flags = NULL;
}

/* --- a disturbance -------------------------------------------------------------------- */

struct disturbance {
	struct moves_counts before;
	uint64_t since_ns;
};

static struct disturbance disturb(void)
{
	return (struct disturbance){moves_counts(nodes), ownership_now_ns()};
}

/*
 * Wait until these have settled; as few tasks have moved as can, none twice.
 * Returns how many.
 */
static size_t check_moves(const char *what, const struct disturbance *d,
			  const char *const *left, size_t n_left)
{
	const size_t minimum = moves_minimum(&d->before, left, n_left);
	struct moves moves;
	size_t n;

	CU_ASSERT(moves_wait_even(nodes, N_TASKS, n_left, QUIET_MS, LONG_MS));
	moves = moves_since(nodes, d->since_ns);
	tap_note("%s: %zu moves, fewest %zu; gap p50 %.1f ms, p99 %.1f ms",
		 what, moves.n, minimum, (double)moves_gap_ns(&moves, 50) / 1e6,
		 (double)moves_gap_ns(&moves, 99) / 1e6);
	CU_ASSERT_EQUAL(moves.n, minimum);
	CU_ASSERT_EQUAL(moves.n_again, 0);
	n = moves.n;
	moves_fini(&moves);
	return n;
}

static void two_join(const char *what)
{
	struct disturbance d = disturb();
	unsigned int c = start(names[2]);
	unsigned int d4 = start(names[3]);

	CU_ASSERT_FATAL(nodes_joined(nodes, c) && nodes_joined(nodes, d4));
	CU_ASSERT(check_moves(what, &d, names, 4) > 0);
}

static void two_nodes_that_join_at_once(void)
{
	if (!begin(2))
		return;
	two_join("two join two");
	end();
}

static void a_node_that_leaves(void)
{
	struct disturbance d;

	if (!begin(N_NODES))
		return;
	d = disturb();
	nodes_stop(nodes, 0);
	CU_ASSERT(check_moves("one of four leaves", &d, names + 1, 3) > 0);
	end();
}

static void a_node_that_is_killed(void)
{
	struct disturbance d;

	if (!begin(N_NODES))
		return;
	d = disturb();
	nodes_kill(nodes, 0);
	CU_ASSERT(check_moves("one of four is killed, sessions of 2 s", &d,
			      names + 1, 3) > 0);
	end();
}

/* --- a rolling restart ----------------------------------------------------------------- */

static const char *const *others(size_t i)
{
	static const char *left[N_NODES - 1];
	size_t n = 0;
	size_t k;

	for (k = 0; k < N_NODES; k++)
		if (k != i)
			left[n++] = names[k];
	return left;
}

/* Each share moves away and back, and nothing else moves. */
static void a_patient_rolling_restart(void)
{
	struct disturbance d;
	size_t i;

	if (!begin(N_NODES))
		return;
	for (i = 0; i < N_NODES; i++) {
		d = disturb();
		nodes_stop(nodes, (unsigned int)i);
		check_moves("restarted: leaves", &d, others(i), N_NODES - 1);
		d = disturb();
		CU_ASSERT_FATAL(nodes_joined(nodes, start(names[i])));
		check_moves("restarted: joins", &d, names, N_NODES);
	}
	end();
}

/*
 * The next is stopped as soon as the last is back, settled or not.  Even so a
 * node gives away no more than all it has, which is never more than a share of
 * three (its own, plus its part of what the other gave away), and takes back
 * no more than that.
 */
static void a_hasty_rolling_restart(void)
{
	const size_t share = N_TASKS / (N_NODES - 1) + 1;
	struct disturbance d;
	struct moves moves;
	size_t i;

	if (!begin(N_NODES))
		return;
	d = disturb();
	for (i = 0; i < N_NODES; i++) {
		nodes_stop(nodes, (unsigned int)i);
		CU_ASSERT_FATAL(nodes_joined(nodes, start(names[i])));
	}
	CU_ASSERT(moves_wait_even(nodes, N_TASKS, N_NODES, QUIET_MS, LONG_MS));
	moves = moves_since(nodes, d.since_ns);
	tap_note("restarted in haste: %zu moves, bound %zu, of all shares "
		 "once %d; gap p50 %.1f ms, p99 %.1f ms",
		 moves.n, 2 * N_NODES * share, N_TASKS,
		 (double)moves_gap_ns(&moves, 50) / 1e6,
		 (double)moves_gap_ns(&moves, 99) / 1e6);
	/* Each task's first node was stopped. */
	CU_ASSERT(moves.n >= N_TASKS);
	CU_ASSERT(moves.n <= 2 * N_NODES * share);
	moves_fini(&moves);
	end();
}

/* --- warming up -------------------------------------------------------------------------- */

/* Half of the gaps of a cluster that two join, whose runs warm up. */
static uint64_t gap_with(const char *f, const char *what)
{
	struct disturbance d;
	struct moves moves;
	uint64_t gap_ns;

	flags = f;
	if (!begin(2))
		return 0;
	d = disturb();
	two_join(what);
	moves = moves_since(nodes, d.since_ns);
	gap_ns = moves_gap_ns(&moves, 50);
	moves_fini(&moves);
	end();
	return gap_ns;
}

static void prepare_hides_the_warm_up(void)
{
	const uint64_t warm_up_ns = NODE_WARM_UP_MS * UINT64_C(1000000);
	uint64_t without_ns, with_ns;

	without_ns = gap_with("w", "two join, warming up as they run");
	with_ns = gap_with("wp", "two join, warming up before");
	if (!servers)
		return;
	CU_ASSERT(without_ns >= warm_up_ns);
	CU_ASSERT(with_ns < without_ns);
}

static const struct tap_case cases[] = {
	{"two nodes that join at once get their shares in the fewest moves",
	 two_nodes_that_join_at_once},
	{"what a node that leaves has moves once, nothing else does",
	 a_node_that_leaves},
	{"what a killed node has moves once, nothing else does",
	 a_node_that_is_killed},
	{"a rolling restart moves each share away and back",
	 a_patient_rolling_restart},
	{"a rolling restart in haste moves no more than shares of three",
	 a_hasty_rolling_restart},
	{"prepare keeps the warm-up out of the gap", prepare_hides_the_warm_up},
};

TAP_MAIN(cases, NULL, NULL)
