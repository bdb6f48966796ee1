/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole clusters on the virtual clock: what each disturbance must lead to.
 * Built once for each SIM_BACKEND.
 */
#include <metafora.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "sim.h"
#include "tap.h"

#define T_MS 2000

static struct sim *sim;

static void setup(void)
{
	sim = sim_new(&SIM_BACKEND, 7, T_MS);
}

static void teardown(void)
{
	CU_ASSERT_EQUAL(sim->n_broken, 0);
	sim_free(sim);
}

/* n tasks on nodes n1, n2, ..., evenly. */
static void settle(unsigned int n_tasks, unsigned int n_nodes)
{
	char name[16];
	unsigned int i;

	for (i = 1; i <= n_nodes; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		sim_join(sim, name);
	}
	CU_ASSERT_TRUE_FATAL(sim_until(sim, sim_all_joined, 10000));
	sim_submit(sim, 0, n_tasks);
	CU_ASSERT_TRUE(sim_until(sim, sim_answered, 10000));
	CU_ASSERT_TRUE_FATAL(sim_until(sim, sim_is_even, 10000));
}

static unsigned int moves_until_even(int64_t ms)
{
	unsigned int before = sim->n_starts;

	CU_ASSERT_TRUE_FATAL(sim_until(sim, sim_is_even, ms));
	/* And it stays so: nothing moves any more. */
	sim_for(sim, 20000);
	CU_ASSERT_TRUE(sim_is_even(sim));
	return sim->n_starts - before;
}

static void tasks_submitted_are_shared_evenly(void)
{
	settle(100, 4);
	CU_ASSERT_EQUAL(sim->n_live, 100);
	CU_ASSERT_EQUAL(sim_count(sim_node(sim, "n1")), 25);
	/* Each was started just once. */
	CU_ASSERT_EQUAL(sim->n_starts, 100);
	CU_ASSERT_EQUAL(moves_until_even(1), 0);
}

static void a_dead_nodes_tasks_run_elsewhere_after_the_session_timeout(void)
{
	settle(90, 3);
	sim_kill(sim_node(sim, "n2"));
	CU_ASSERT_EQUAL(sim->n_live, 60);
	CU_ASSERT_TRUE(sim_until(sim, sim_all_run, T_MS + 1000));
	CU_ASSERT_EQUAL(moves_until_even(10000), 0);
	CU_ASSERT_EQUAL(sim->n_starts, 90 + 30);
}

static void a_node_that_joins_gets_its_share_by_the_fewest_moves(void)
{
	settle(99, 2);
	sim_join(sim, "n3");
	CU_ASSERT_EQUAL(moves_until_even(10000), 33);
}

static void two_nodes_that_join_at_once_end_even(void)
{
	settle(100, 2);
	sim_join(sim, "n3");
	sim_join(sim, "n4");
	CU_ASSERT_EQUAL(moves_until_even(20000), 50);
}

static void a_node_that_leaves_in_order_hands_over_at_once(void)
{
	settle(90, 3);
	sim_close(sim_node(sim, "n1"));
	CU_ASSERT_TRUE(sim_until(sim, sim_all_left, 2000));
	CU_ASSERT_TRUE(sim_until(sim, sim_all_run, 1000));
	CU_ASSERT_EQUAL(moves_until_even(10000), 0);
}

static void a_drained_node_gives_all_away_and_takes_again_when_undrained(void)
{
	struct sim_node *n1;

	settle(90, 3);
	n1 = sim_node(sim, "n1");
	sim_command(sim, "n1", METAFORA_COMMAND_DRAIN, NULL);
	CU_ASSERT_TRUE(sim_until(sim, sim_answered, 1000));
	CU_ASSERT_EQUAL(sim->last_error, 0);
	sim_for(sim, 3000);
	CU_ASSERT_TRUE(sim_all_run(sim));
	CU_ASSERT_EQUAL(sim_count(n1), 0);
	sim_command(sim, "n1", METAFORA_COMMAND_UNDRAIN, NULL);
	CU_ASSERT_TRUE(sim_until(sim, sim_is_even, 10000));
	CU_ASSERT_EQUAL(sim_count(n1), 30);
}

static void a_frozen_node_keeps_what_it_has_and_takes_no_more(void)
{
	struct sim_node *n1;

	settle(60, 3);
	n1 = sim_node(sim, "n1");
	sim_command(sim, "n1", METAFORA_COMMAND_FREEZE, NULL);
	CU_ASSERT_TRUE(sim_until(sim, sim_answered, 1000));
	sim_submit(sim, 60, 30);
	CU_ASSERT_TRUE(sim_until(sim, sim_answered, 1000));
	CU_ASSERT_TRUE(sim_until(sim, sim_all_run, 5000));
	CU_ASSERT_EQUAL(sim_count(n1), 20);
	CU_ASSERT_EQUAL(sim_count(sim_node(sim, "n2")), 35);
	sim_command(sim, "n1", METAFORA_COMMAND_UNFREEZE, NULL);
	CU_ASSERT_TRUE(sim_until(sim, sim_is_even, 10000));
}

static void stop_task_moves_one_task(void)
{
	struct sim_node *owner;
	unsigned int starts;

	settle(10, 2);
	owner = sim_owner(sim, "t3");
	starts = sim_task(sim, "t3")->n_runs;
	sim_command(sim, owner->name, METAFORA_COMMAND_STOP_TASK, "t3");
	CU_ASSERT_TRUE(sim_until(sim, sim_answered, 1000));
	CU_ASSERT_EQUAL(sim->last_error, 0);
	sim_for(sim, 5000);
	CU_ASSERT_TRUE(sim_all_run(sim));
	CU_ASSERT_EQUAL(sim_task(sim, "t3")->n_runs, starts + 1);
	sim_command(sim, owner->name, METAFORA_COMMAND_STOP_TASK, "nothing");
	CU_ASSERT_TRUE(sim_until(sim, sim_answered, 1000));
	CU_ASSERT_EQUAL(sim->last_error, METAFORA_ENOENT);
}

/* --- a balancer that claims all, gives nothing away, and is counted --- */

static unsigned int n_balances;

static enum metafora_can_claim
counted_can_claim(void *state, const struct metafora_balance *balance,
		  const struct metafora_cluster_task *task, uint64_t *until_ns)
{
	(void)state, (void)balance, (void)task, (void)until_ns;
	return METAFORA_CLAIM_YES;
}

static uint64_t counted_balance(void *state,
				const struct metafora_balance *balance,
				struct metafora_plan *plan)
{
	(void)state, (void)balance, (void)plan;
	n_balances++;
	return 0;
}

static struct metafora_balancer *counted(void)
{
	static const struct metafora_balancer_ops ops = {
		.abi_version = METAFORA_BALANCER_ABI,
		.size = sizeof(ops),
		.name = "counted",
		.can_claim = counted_can_claim,
		.balance = counted_balance,
	};
	struct metafora_balancer *balancer;

	if (metafora_balancer_new(&ops, NULL, &balancer))
		abort();
	return balancer;
}

static void command_n1(const char *name, const char *argument)
{
	sim_command(sim, "n1", name, argument);
	CU_ASSERT_TRUE(sim_until(sim, sim_answered, 1000));
	CU_ASSERT_EQUAL(sim->last_error, 0);
}

static bool nothing_runs(struct sim *s)
{
	return s->n_live == 0;
}

static bool one_runs(struct sim *s)
{
	return s->n_live == 1;
}

static void a_client_gives_every_builtin_command(void)
{
	unsigned int before;

	sim->balancer = counted;
	settle(2, 1);
	command_n1(METAFORA_COMMAND_FREEZE, NULL);
	sim_for(sim, 2000);
	/* Frozen, it asks its balancer only when it is told to. */
	before = n_balances;
	sim_for(sim, 300000);
	CU_ASSERT_EQUAL(n_balances, before);
	command_n1(METAFORA_COMMAND_BALANCE, NULL);
	CU_ASSERT_EQUAL(n_balances, before + 1);
	/* It gives a task up, too, but takes none. */
	command_n1(METAFORA_COMMAND_STOP_TASK, "t1");
	CU_ASSERT_TRUE(sim_until(sim, one_runs, 2000));
	sim_for(sim, 5000);
	CU_ASSERT_PTR_NULL(sim_owner(sim, "t1"));
	CU_ASSERT_PTR_NOT_NULL(sim_owner(sim, "t0"));
	command_n1(METAFORA_COMMAND_UNFREEZE, NULL);
	CU_ASSERT_TRUE(sim_until(sim, sim_all_run, 5000));
	command_n1(METAFORA_COMMAND_DRAIN, NULL);
	CU_ASSERT_TRUE(sim_until(sim, nothing_runs, 2000));
	sim_for(sim, 5000);
	CU_ASSERT_EQUAL(sim->n_live, 0);
	command_n1(METAFORA_COMMAND_UNDRAIN, NULL);
	CU_ASSERT_TRUE(sim_until(sim, sim_all_run, 5000));
}

static void an_unknown_command_is_answered_with_an_error(void)
{
	settle(1, 1);
	sim_command(sim, "n1", "dance", NULL);
	CU_ASSERT_TRUE(sim_until(sim, sim_answered, 1000));
	CU_ASSERT_EQUAL(sim->last_error, METAFORA_ENOTSUP);
}

static void a_slow_handler_delays_only_its_own_move(void)
{
	settle(60, 2);
	sim->manner.stop_min_ms = 4000;
	sim->manner.stop_max_ms = 4000;
	sim_join(sim, "n3");
	sim_for(sim, 3000);
	/* Everything still runs: the old owners keep their claims meanwhile. */
	CU_ASSERT_EQUAL(sim->n_live, 60);
	CU_ASSERT_EQUAL(moves_until_even(20000), 20);
}

static void a_stuck_handler_blocks_nothing_but_its_own_task(void)
{
	struct sim_node *n1;

	settle(20, 2);
	n1 = sim_node(sim, "n1");
	sim->manner.stuck_percent = 100;
	sim->manner.stuck_ms = 60000;
	sim_command(sim, "n1", METAFORA_COMMAND_DRAIN, NULL);
	sim_for(sim, 500);
	CU_ASSERT_EQUAL(sim_count(n1), 10);
	/* Its commands, other tasks and other nodes go on. */
	sim_submit(sim, 20, 10);
	sim_command(sim, "n1", METAFORA_COMMAND_UNDRAIN, NULL);
	CU_ASSERT_TRUE(sim_until(sim, sim_answered, 1000));
	CU_ASSERT_EQUAL(sim->last_error, 0);
	sim_for(sim, 5000);
	CU_ASSERT_EQUAL(sim->n_live, 30);
	sim->manner.stuck_percent = 0;
	CU_ASSERT_TRUE(sim_until(sim, sim_is_even, 120000));
}

static void a_cut_node_stops_before_its_tasks_run_elsewhere(void)
{
	settle(30, 3);
	sim->backend->cut(sim, "n1", true);
	CU_ASSERT_TRUE(sim_until(sim, sim_all_run, 10000));
	sim_for(sim, T_MS + 1000);
	CU_ASSERT_TRUE(sim_until(sim, sim_all_run, 10000));
	CU_ASSERT_EQUAL(sim_count(sim_node(sim, "n1")), 0);
	sim->backend->cut(sim, "n1", false);
	CU_ASSERT_TRUE(sim_until(sim, sim_is_even, 20000));
	CU_ASSERT_EQUAL(sim_count(sim_node(sim, "n1")), 10);
}

static void a_cut_node_with_stuck_handlers_does_not_claim_their_tasks(void)
{
	settle(2, 1);
	sim->manner.stuck_percent = 100;
	sim->manner.stuck_ms = 30000;
	sim->backend->expire(sim, "n1");
	sim_for(sim, 10000);
	/* The only node: it is back, but its handlers have not returned. */
	CU_ASSERT_EQUAL(sim->n_starts, 2);
	/* Nor will they for one session more. */
	sim->backend->expire(sim, "n1");
	sim_for(sim, 10000);
	CU_ASSERT_EQUAL(sim->n_starts, 2);
	sim->manner.stuck_percent = 0;
	CU_ASSERT_TRUE(sim_until(sim, sim_all_run, 60000));
	CU_ASSERT_EQUAL(sim->n_starts, 4);
}

static void an_expired_session_is_rejoined_from_nothing(void)
{
	settle(40, 2);
	sim->backend->expire(sim, "n1");
	CU_ASSERT_TRUE(sim_until(sim, sim_is_even, 10000));
	CU_ASSERT_EQUAL(sim_count(sim_node(sim, "n1")), 20);
}

static void a_stuck_loop_gives_up_its_claims(void)
{
	struct sim_node *n1;

	settle(20, 2);
	n1 = sim_node(sim, "n1");
	/* Its guard goes on, and so do its handlers. */
	world_pause_loop(sim->world, &n1->consumer->loop,
			 world_now_ns(sim->world) + 60 * MF_NS_PER_S);
	sim_for(sim, 2 * T_MS + 1000);
	CU_ASSERT_TRUE(sim_count(sim_node(sim, "n2")) == 20);
	sim_for(sim, 70000);
	CU_ASSERT_TRUE(sim_until(sim, sim_is_even, 20000));
}

static void a_stopped_process_finds_out_when_it_goes_on(void)
{
	struct sim_node *n1;

	settle(20, 2);
	n1 = sim_node(sim, "n1");
	sim_pause(n1, MF_NEVER);
	sim_for(sim, 3 * T_MS);
	CU_ASSERT_EQUAL(sim_count(sim_node(sim, "n2")), 20);
	sim_resume(n1);
	CU_ASSERT_TRUE(sim_until(sim, sim_is_even, 20000));
}

static void a_deleted_task_is_stopped_before_the_delete_returns(void)
{
	settle(11, 2);
	sim->manner.stop_min_ms = 500;
	sim->manner.stop_max_ms = 500;
	sim_delete(sim, "t1");
	sim_for(sim, 300);
	CU_ASSERT_EQUAL(sim->n_open, 1);
	CU_ASSERT_PTR_NOT_NULL(sim_owner(sim, "t1"));
	CU_ASSERT_TRUE(sim_until(sim, sim_answered, 1000));
	CU_ASSERT_EQUAL(sim->last_error, 0);
	CU_ASSERT_PTR_NULL(sim_owner(sim, "t1"));
	/* t10 has nothing to do with it. */
	CU_ASSERT_EQUAL(sim_task(sim, "t10")->n_runs, 1);
	CU_ASSERT_PTR_NOT_NULL(sim_owner(sim, "t10"));
}

static void resubmitted_while_the_old_life_stops_it_is_refused(void)
{
	settle(2, 1);
	sim->manner.stop_min_ms = 500;
	sim->manner.stop_max_ms = 500;
	sim_delete(sim, "t1");
	sim_for(sim, 100);
	sim_submit_one(sim, "t1");
	sim_for(sim, 100);
	CU_ASSERT_EQUAL(sim->last_error, METAFORA_EBUSY);
	sim_for(sim, 1000);
	CU_ASSERT_TRUE(sim_answered(sim));
	sim_submit_one(sim, "t1");
	sim_for(sim, 1000);
	CU_ASSERT_EQUAL(sim->last_error, 0);
	CU_ASSERT_PTR_NOT_NULL(sim_owner(sim, "t1"));
}

static void tasks_that_are_done_do_not_run_again(void)
{
	settle(0, 2);
	sim->manner.run_min_ms = 100;
	sim->manner.run_max_ms = 2000;
	sim->manner.done_percent = 100;
	sim_submit(sim, 0, 100);
	sim_for(sim, 30000);
	CU_ASSERT_EQUAL(sim->n_live, 0);
	CU_ASSERT_TRUE(sim->n_starts >= 100);
	CU_ASSERT_EQUAL(sim->n_after_end, 0);
}

static void a_task_that_gives_itself_back_does_not_spin(void)
{
	sim->manner.run_min_ms = 1;
	sim->manner.run_max_ms = 1;
	sim_join(sim, "n1");
	sim_submit(sim, 0, 1);
	sim_for(sim, 60000);
	/* 1, 2, 4, ... seconds apart, less some jitter. */
	CU_ASSERT_TRUE(sim_task(sim, "t0")->n_runs >= 5);
	CU_ASSERT_TRUE(sim_task(sim, "t0")->n_runs <= 9);
}

static void one_task_on_many_nodes_stays_where_it_is(void)
{
	settle(1, 8);
	sim_for(sim, 300000);
	CU_ASSERT_EQUAL(sim->n_starts, 1);
}

/* Dispatches of one consumer's loop that had something to do. */
static unsigned int n_dispatches;

static void count_dispatch(void *arg)
{
	n_dispatches++;
	mf_consumer_pump(arg);
}

static void a_settled_node_is_quiet(void)
{
	const unsigned int minutes = 10;
	const unsigned int quarters = minutes * 60000 / (T_MS / 4);
	struct metafora_consumer *c;
	uint64_t version;

	settle(300, 3);
	/* With the first reconcile everything has found its pace. */
	sim_for(sim, 120000);
	c = sim_node(sim, "n2")->consumer;
	c->loop.after = count_dispatch;
	n_dispatches = 0;
	version = metafora_cluster_version(&c->engine.view);
	sim_for(sim, minutes * 60000);
	tap_note("%u dispatches in %u quarters of the session timeout",
		 n_dispatches, quarters);
	/*
	 * In each quarter: a lease write, its answer, a sign of life for the
	 * guard; in each minute: a reconcile and a question to the balancer.
	 */
	CU_ASSERT_TRUE(n_dispatches <= 3 * quarters + 10 * minutes);
	CU_ASSERT_EQUAL(metafora_cluster_version(&c->engine.view), version);
	CU_ASSERT_EQUAL(c->engine.n_repairs, 0);
	CU_ASSERT_EQUAL(sim->n_starts, 300);
}

static void the_same_seed_gives_the_same_course(void)
{
	uint64_t trace[2];
	int i;

	for (i = 0; i < 2; i++) {
		settle(40, 3);
		sim_kill(sim_node(sim, "n3"));
		sim_for(sim, 10000);
		trace[i] = world_trace(sim->world);
		teardown();
		setup();
	}
	CU_ASSERT_EQUAL(trace[0], trace[1]);
}

static const struct tap_case cases[] = {
	{"tasks submitted are shared evenly",
	 tasks_submitted_are_shared_evenly},
	{"a dead node's tasks run elsewhere after the session timeout",
	 a_dead_nodes_tasks_run_elsewhere_after_the_session_timeout},
	{"a node that joins gets its share by the fewest moves",
	 a_node_that_joins_gets_its_share_by_the_fewest_moves},
	{"two nodes that join at once end even",
	 two_nodes_that_join_at_once_end_even},
	{"a node that leaves in order hands over at once",
	 a_node_that_leaves_in_order_hands_over_at_once},
	{"a drained node gives all away and takes again when undrained",
	 a_drained_node_gives_all_away_and_takes_again_when_undrained},
	{"a frozen node keeps what it has and takes no more",
	 a_frozen_node_keeps_what_it_has_and_takes_no_more},
	{"stop_task moves one task", stop_task_moves_one_task},
	{"a client gives every built-in command",
	 a_client_gives_every_builtin_command},
	{"an unknown command is answered with an error",
	 an_unknown_command_is_answered_with_an_error},
	{"a slow handler delays only its own move",
	 a_slow_handler_delays_only_its_own_move},
	{"a stuck handler blocks nothing but its own task",
	 a_stuck_handler_blocks_nothing_but_its_own_task},
	{"a cut node stops before its tasks run elsewhere",
	 a_cut_node_stops_before_its_tasks_run_elsewhere},
	{"a node with stuck handlers does not claim their tasks",
	 a_cut_node_with_stuck_handlers_does_not_claim_their_tasks},
	{"an expired session is rejoined from nothing",
	 an_expired_session_is_rejoined_from_nothing},
	{"a stuck loop gives up its claims", a_stuck_loop_gives_up_its_claims},
	{"a stopped process finds out when it goes on",
	 a_stopped_process_finds_out_when_it_goes_on},
	{"a deleted task is stopped before the delete returns",
	 a_deleted_task_is_stopped_before_the_delete_returns},
	{"resubmitted while the old life stops, it is refused",
	 resubmitted_while_the_old_life_stops_it_is_refused},
	{"tasks that are done do not run again",
	 tasks_that_are_done_do_not_run_again},
	{"a task that gives itself back does not spin",
	 a_task_that_gives_itself_back_does_not_spin},
	{"one task on many nodes stays where it is",
	 one_task_on_many_nodes_stays_where_it_is},
	{"a settled node is quiet", a_settled_node_is_quiet},
	{"the same seed gives the same course",
	 the_same_seed_gives_the_same_course},
};

TAP_MAIN(cases, setup, teardown)
