/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole clusters on the virtual clock: tasks handed from node to node.  Built
 * once for each SIM_BACKEND.
 */
#include <metafora.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "sim.h"
#include "tap.h"

#define T_MS 2000
/* No disturbance takes longer. */
#define LIMIT_MS 20000

static struct sim *sim;

static void setup(void)
{
	sim = sim_new(&SIM_BACKEND, 11, T_MS);
}

static void teardown(void)
{
	CU_ASSERT_EQUAL(sim->n_broken, 0);
	sim_free(sim);
}

static void join(unsigned int first, unsigned int n)
{
	char name[16];
	unsigned int i;

	for (i = first; i < first + n; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		sim_join(sim, name);
	}
}

/* n tasks on nodes n1, n2, ..., evenly; then what moves is counted. */
static void settle(unsigned int n_tasks, unsigned int n_nodes)
{
	join(1, n_nodes);
	CU_ASSERT_TRUE_FATAL(sim_until(sim, sim_all_joined, LIMIT_MS));
	sim_submit(sim, 0, n_tasks);
	CU_ASSERT_TRUE(sim_until(sim, sim_answered, LIMIT_MS));
	CU_ASSERT_TRUE_FATAL(sim_until(sim, sim_is_even, LIMIT_MS));
	sim_for(sim, 1000);
	sim_reset_gaps(sim);
	sim->n_starts = 0;
}

static unsigned int most_runs(void)
{
	struct sim_task *task, *tmp;
	unsigned int most = 0;

	HASH_ITER(hh, sim->tasks, task, tmp)
		most = task->n_runs > most ? task->n_runs : most;
	return most;
}

/* Nobody stands in a line any more, by the engines' own account. */
static bool no_lines(struct sim *s)
{
	unsigned int i;

	for (i = 0; i < s->n_nodes; i++) {
		if (s->nodes[i].alive &&
		    s->nodes[i].consumer->engine.view.n_queued)
			return false;
	}
	return true;
}

static unsigned int moves_until_even(void)
{
	CU_ASSERT_TRUE_FATAL(sim_until(sim, sim_is_even, LIMIT_MS));
	/* And it stays so: nothing moves, nobody waits any more. */
	sim_for(sim, LIMIT_MS);
	CU_ASSERT_TRUE(sim_is_even(sim));
	CU_ASSERT_TRUE(no_lines(sim));
	return sim->n_starts;
}

static void tell_gaps(const char *what)
{
	tap_note("%s: gap p50 %.1f ms, p99 %.1f ms, %u moves", what,
		 sim_gap_ns(sim, 50) / 1e6, sim_gap_ns(sim, 99) / 1e6,
		 sim->n_gaps);
}

/* --- the fewest moves, and none twice ------------------------------------------- */

static void one_that_joins_is_handed_its_share(void)
{
	settle(100, 3);
	join(4, 1);
	CU_ASSERT_EQUAL(moves_until_even(), 25);
	CU_ASSERT_EQUAL(most_runs(), 2);
	tell_gaps("one joins three");
}

static void two_that_join_at_once_are_handed_their_shares(void)
{
	settle(100, 2);
	join(3, 2);
	CU_ASSERT_EQUAL(moves_until_even(), 50);
	CU_ASSERT_EQUAL(most_runs(), 2);
	tell_gaps("two join two");
}

static void eight_that_join_at_once_are_handed_their_shares(void)
{
	settle(200, 2);
	join(3, 8);
	CU_ASSERT_EQUAL(moves_until_even(), 160);
	CU_ASSERT_EQUAL(most_runs(), 2);
}

static void an_undrained_node_is_handed_its_share(void)
{
	settle(90, 3);
	sim_command(sim, "n1", METAFORA_COMMAND_DRAIN, NULL);
	sim_for(sim, 3000);
	CU_ASSERT_TRUE(sim_all_run(sim));
	CU_ASSERT_EQUAL(sim->n_starts, 30);
	sim->n_starts = 0;
	sim_command(sim, "n1", METAFORA_COMMAND_UNDRAIN, NULL);
	CU_ASSERT_EQUAL(moves_until_even(), 30);
}

static void a_node_that_leaves_hands_over_with_no_second_move(void)
{
	settle(90, 3);
	sim_close(sim_node(sim, "n2"));
	CU_ASSERT_EQUAL(moves_until_even(), 30);
	CU_ASSERT_EQUAL(most_runs(), 2);
	tell_gaps("one of three leaves");
}

static void a_killed_nodes_share_moves_once_and_nothing_else(void)
{
	unsigned int n;

	settle(101, 4);
	n = sim_count(sim_node(sim, "n2"));
	sim_kill(sim_node(sim, "n2"));
	CU_ASSERT_TRUE(sim_until(sim, sim_all_run, T_MS + LIMIT_MS));
	CU_ASSERT_EQUAL(moves_until_even(), n);
	CU_ASSERT_EQUAL(most_runs(), 2);
}

/*
 * Four nodes restarted one after the other: what runs on each moves away and
 * as much comes back, and nothing else moves.
 */
static void a_rolling_restart_moves_each_share_away_and_back(void)
{
	char name[16];
	unsigned int i;

	settle(100, 4);
	for (i = 1; i <= 4; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		sim->n_starts = 0;
		sim_close(sim_node(sim, name));
		CU_ASSERT_TRUE(sim_until(sim, sim_all_left, LIMIT_MS));
		sim_kill(sim_node(sim, name));
		CU_ASSERT_TRUE(sim_until(sim, sim_all_run, LIMIT_MS));
		sim_for(sim, T_MS + 1000);
		CU_ASSERT_EQUAL(sim->n_starts, 25);
		sim_join(sim, name);
		CU_ASSERT_EQUAL(moves_until_even(), 50);
	}
}

/* --- the gap --------------------------------------------------------------------- */

#define STEP_MS 20

static void the_gap_is_two_round_trips(void)
{
	if (!sim->backend->delay) {
		tap_note("the backend sets its own pace");
		return;
	}
	settle(60, 2);
	sim->backend->delay(sim, STEP_MS);
	join(3, 1);
	CU_ASSERT_EQUAL(moves_until_even(), 20);
	CU_ASSERT_EQUAL(sim->n_gaps, 20);
	tell_gaps("round trips of 20 ms");
	CU_ASSERT_TRUE(sim_gap_ns(sim, 100) <= 2 * STEP_MS * MF_NS_PER_MS);
}

static void the_old_handler_runs_until_its_successor_waits(void)
{
	settle(20, 1);
	sim->manner.stop_min_ms = sim->manner.stop_max_ms = 3000;
	join(2, 1);
	sim_for(sim, 2500);
	/* Ten have been asked to stop; none has moved, all run. */
	CU_ASSERT_EQUAL(sim->n_live, 20);
	CU_ASSERT_EQUAL(sim_node(sim, "n1")->consumer->engine.view.n_leaving,
			10);
	CU_ASSERT_EQUAL(sim_node(sim, "n2")->consumer->engine.view.n_queued,
			10);
	CU_ASSERT_EQUAL(moves_until_even(), 10);
}

/* --- warming up -------------------------------------------------------------------- */

/* Ready when asked for the third time. */
static int64_t third_time(void *arg, const char *id)
{
	struct sim_node *node = arg;
	struct sim_task *task = sim_task(node->sim, id);

	node->n_prepared++;
	return ++task->n_asked % 3 ? 500 : 0;
}

static int64_t never(void *arg, const char *id)
{
	(void)id;
	((struct sim_node *)arg)->n_prepared++;
	return 100;
}

static int64_t cannot(void *arg, const char *id)
{
	(void)id;
	((struct sim_node *)arg)->n_prepared++;
	return -1;
}

static void the_old_handler_runs_while_the_new_one_warms_up(void)
{
	struct sim_node *n2;

	settle(20, 1);
	sim->manner.prepare = third_time;
	sim->manner.prepare_timeout_ms = 60000;
	n2 = sim_join(sim, "n2");
	sim_for(sim, 900);
	CU_ASSERT_EQUAL(sim->n_starts, 0);
	CU_ASSERT_EQUAL(sim_node(sim, "n1")->consumer->engine.view.n_leaving,
			0);
	CU_ASSERT_EQUAL(moves_until_even(), 10);
	CU_ASSERT_EQUAL(n2->n_prepared, 30);
	tell_gaps("with a second to warm up");
}

static void who_never_gets_warm_is_handed_its_share_all_the_same(void)
{
	settle(20, 1);
	sim->manner.prepare = never;
	sim->manner.prepare_timeout_ms = 3000;
	sim_join(sim, "n2");
	sim_for(sim, 2000);
	CU_ASSERT_EQUAL(sim->n_starts, 0);
	CU_ASSERT_EQUAL(moves_until_even(), 10);
}

static void who_cannot_prepare_leaves_the_tasks_where_they_run(void)
{
	struct sim_node *n2;

	settle(20, 1);
	sim->manner.prepare = cannot;
	sim->manner.prepare_timeout_ms = 3000;
	n2 = sim_join(sim, "n2");
	sim_for(sim, 60000);
	CU_ASSERT_EQUAL(sim->n_starts, 0);
	CU_ASSERT_EQUAL(sim->n_live, 20);
	/* It is not asked in a tight loop. */
	CU_ASSERT_TRUE(n2->n_prepared > 10);
	CU_ASSERT_TRUE(n2->n_prepared <= 10 * 60);
	/* What nobody runs it takes: nobody asks it to prepare for that. */
	sim_kill(sim_node(sim, "n1"));
	CU_ASSERT_TRUE(sim_until(sim, sim_all_run, LIMIT_MS));
	CU_ASSERT_EQUAL(sim_count(n2), 20);
}

/* --- what goes wrong --------------------------------------------------------------- */

static void a_waiter_that_dies_is_no_loss(void)
{
	settle(30, 1);
	sim->manner.stop_min_ms = sim->manner.stop_max_ms = 1000;
	join(2, 1);
	sim_for(sim, 900);
	CU_ASSERT_EQUAL(sim_node(sim, "n2")->consumer->engine.view.n_queued,
			15);
	sim_kill(sim_node(sim, "n2"));
	/* They are released to the dead, whose session then ends. */
	CU_ASSERT_TRUE(sim_until(sim, sim_all_run, T_MS + LIMIT_MS));
	CU_ASSERT_EQUAL(sim_count(sim_node(sim, "n1")), 30);
	CU_ASSERT_EQUAL(moves_until_even(), 15);
}

static void an_owner_that_dies_leaves_its_tasks_to_who_waits(void)
{
	settle(40, 2);
	sim->manner.stop_min_ms = sim->manner.stop_max_ms = 10000;
	join(3, 1);
	sim_for(sim, 1000);
	CU_ASSERT_TRUE(sim_node(sim, "n3")->consumer->engine.view.n_queued >=
		       13);
	sim_kill(sim_node(sim, "n1"));
	sim_for(sim, T_MS + 1000);
	CU_ASSERT_TRUE(sim_count(sim_node(sim, "n3")) >= 6);
	sim->manner.stop_min_ms = sim->manner.stop_max_ms = 0;
	CU_ASSERT_TRUE(sim_until(sim, sim_is_even, 2 * LIMIT_MS));
}

static void a_handler_that_ignores_stop_blocks_only_itself(void)
{
	struct sim_node *n1, *n2;

	settle(30, 1);
	n1 = sim_node(sim, "n1");
	/* About a tenth of them ignore it. */
	sim->manner.stuck_percent = 10;
	sim->manner.stuck_ms = 300000;
	n2 = sim_join(sim, "n2");
	sim_for(sim, 10000);
	CU_ASSERT_TRUE(sim_count(n2) >= 10);
	CU_ASSERT_EQUAL(sim_count(n1) + sim_count(n2), 30);
	/* Each that is stuck has its successor in line, and no more. */
	CU_ASSERT_EQUAL(n2->consumer->engine.view.n_queued,
			n1->consumer->engine.view.n_leaving);
	CU_ASSERT_EQUAL(n2->consumer->engine.view.n_queued,
			15 - sim_count(n2));
	sim_for(sim, 300000);
	CU_ASSERT_TRUE(sim_is_even(sim));
	CU_ASSERT_EQUAL(sim->n_starts, 15);
}

static void a_waiter_that_is_frozen_or_drained_leaves_its_lines(void)
{
	const char *const commands[] = {METAFORA_COMMAND_FREEZE,
					METAFORA_COMMAND_DRAIN};
	const char *const names[] = {"n2", "n3"};
	unsigned int i;

	settle(30, 1);
	sim->manner.stop_min_ms = sim->manner.stop_max_ms = 5000;
	for (i = 0; i < 2; i++) {
		struct sim_node *node = sim_join(sim, names[i]);

		sim_for(sim, 1000);
		CU_ASSERT_TRUE(node->consumer->engine.view.n_queued >= 5);
		sim_command(sim, names[i], commands[i], NULL);
		sim_for(sim, 500);
		CU_ASSERT_EQUAL(node->consumer->engine.view.n_queued, 0);
	}
	/* What was asked to stop comes back to the only one that takes it. */
	sim_for(sim, LIMIT_MS);
	CU_ASSERT_EQUAL(sim_count(sim_node(sim, "n1")), 30);
}

/*
 * Whatever it is handed comes back into the open and is taken beyond the share
 * of others, who then hand it no more but to probe.
 */
static void a_node_that_refuses_all_does_not_make_the_tasks_bounce(void)
{
	struct sim_node *n3;

	settle(40, 2);
	n3 = sim_join(sim, "n3");
	n3->refuses = true;
	sim_for(sim, 600000);
	tap_note("%u refused, %u started elsewhere, none more than %u times",
		 n3->n_refused, sim->n_starts, most_runs());
	CU_ASSERT_TRUE(sim_until(sim, sim_all_run, 5000));
	CU_ASSERT_TRUE(sim->n_starts <= 40);
	/* When it does no more, it gets its share. */
	n3->refuses = false;
	CU_ASSERT_TRUE(sim_until(sim, sim_is_even, 1200000));
}

static const struct tap_case cases[] = {
	{"one that joins is handed its share",
	 one_that_joins_is_handed_its_share},
	{"two that join at once are handed their shares",
	 two_that_join_at_once_are_handed_their_shares},
	{"eight that join at once are handed their shares",
	 eight_that_join_at_once_are_handed_their_shares},
	{"an undrained node is handed its share",
	 an_undrained_node_is_handed_its_share},
	{"a node that leaves hands over with no second move",
	 a_node_that_leaves_hands_over_with_no_second_move},
	{"a killed node's share moves once, and nothing else does",
	 a_killed_nodes_share_moves_once_and_nothing_else},
	{"a rolling restart moves each share away and back",
	 a_rolling_restart_moves_each_share_away_and_back},
	{"the gap is two round trips", the_gap_is_two_round_trips},
	{"the old handler runs until its successor waits",
	 the_old_handler_runs_until_its_successor_waits},
	{"the old handler runs while the new one warms up",
	 the_old_handler_runs_while_the_new_one_warms_up},
	{"who never gets warm is handed its share all the same",
	 who_never_gets_warm_is_handed_its_share_all_the_same},
	{"who cannot prepare leaves the tasks where they run",
	 who_cannot_prepare_leaves_the_tasks_where_they_run},
	{"a waiter that dies is no loss", a_waiter_that_dies_is_no_loss},
	{"an owner that dies leaves its tasks to who waits",
	 an_owner_that_dies_leaves_its_tasks_to_who_waits},
	{"a handler that ignores stop blocks only itself",
	 a_handler_that_ignores_stop_blocks_only_itself},
	{"a waiter that is frozen or drained leaves its lines",
	 a_waiter_that_is_frozen_or_drained_leaves_its_lines},
	{"a node that refuses all does not make the tasks bounce",
	 a_node_that_refuses_all_does_not_make_the_tasks_bounce},
};

TAP_MAIN(cases, setup, teardown)
