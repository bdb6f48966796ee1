/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random lives of whole clusters.  MF_SIM_SEEDS seeds from MF_SIM_FIRST; a
 * failing seed is printed and replays exactly: MF_SIM_FIRST=seed MF_SIM_SEEDS=1,
 * with MF_SIM_LOG=1 for what every node logs.
 */
#include <metafora.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "sim.h"
#include "tap.h"

#ifndef SEEDS
#define SEEDS 300
#endif
#define T_MS 1000
#define ACTIONS 40
#define TASKS 40
#define QUIET_MS 120000
static struct sim *sim;
static unsigned int n_submitted;
static bool healed;

static uint64_t dice(uint64_t low, uint64_t high)
{
	return sim_between(sim, low, high);
}

/* A living node that is not leaving, or NULL. */
static struct sim_node *any_node(void)
{
	unsigned int start = dice(0, sim->n_nodes - 1);
	unsigned int i;

	for (i = 0; i < sim->n_nodes; i++) {
		struct sim_node *node = &sim->nodes[(start + i) % sim->n_nodes];

		if (node->alive && !node->closing)
			return node;
	}
	return NULL;
}

static unsigned int n_living(void)
{
	unsigned int n = 0;
	unsigned int i;

	for (i = 0; i < sim->n_nodes; i++)
		n += sim->nodes[i].alive && !sim->nodes[i].closing;
	return n;
}

static void join_one(void)
{
	char name[16];

	if (sim->n_nodes == SIM_NODES_MAX || n_living() >= 6)
		return;
	snprintf(name, sizeof(name), "n%u", sim->n_nodes);
	sim_join(sim, name);
}

/* Somebody starts the process of a dead node again. */
static void revive_one(void)
{
	struct sim_node *node = &sim->nodes[dice(0, sim->n_nodes - 1)];

	if (sim->n_nodes < SIM_NODES_MAX && n_living() < 6 && !node->alive &&
	    !sim_node(sim, node->name))
		sim_join(sim, node->name);
}

/* Delete a task, or submit again one that was deleted or is done. */
static void delete_or_replace_one(void)
{
	char id[16];

	snprintf(id, sizeof(id), "t%u", (unsigned int)dice(0, n_submitted - 1));
	if (sim_task(sim, id)->n_wishes)
		return;
	if (!sim_task(sim, id)->wanted) {
		sim_submit_one(sim, id);
		return;
	}
	sim_delete(sim, id);
	/* Perhaps so soon that some node sees only the new life. */
	sim_for(sim, dice(0, 100));
	if (dice(0, 1) && !sim_task(sim, id)->n_wishes)
		sim_submit_one(sim, id);
}

static void command_one(struct sim_node *node)
{
	static const char *const names[] = {
		METAFORA_COMMAND_FREEZE,  METAFORA_COMMAND_UNFREEZE,
		METAFORA_COMMAND_DRAIN,   METAFORA_COMMAND_UNDRAIN,
		METAFORA_COMMAND_BALANCE,
	};
	char id[16];

	if (dice(0, 2)) {
		sim_command(sim, node->name, names[dice(0, 4)], NULL);
		return;
	}
	snprintf(id, sizeof(id), "t%u", (unsigned int)dice(0, TASKS));
	sim_command(sim, node->name, METAFORA_COMMAND_STOP_TASK, id);
}

/* --- a balancer that pulls ------------------------------------------------ */

/*
 * Whatever the core lets it do, at random: refuse, stand in line for what
 * others own, give way to who waits.  Healed, it takes all and is content.
 */
static enum metafora_can_claim
pull_can_claim(void *state, const struct metafora_balance *balance,
	       const struct metafora_cluster_task *task, uint64_t *until_ns)
{
	(void)state, (void)task;
	if (healed || balance->random % 2)
		return METAFORA_CLAIM_YES;
	if (balance->random % 4)
		return METAFORA_CLAIM_NO_UNTIL_CHANGE;
	*until_ns = balance->now_ns + balance->random % (300 * MF_NS_PER_MS);
	return METAFORA_CLAIM_NO_UNTIL;
}

static bool is_mine(const struct metafora_balance *balance,
		    const struct metafora_cluster_task *task)
{
	return !strcmp(metafora_cluster_task_owner(task), balance->node);
}

static uint64_t pull_balance(void *state,
			     const struct metafora_balance *balance,
			     struct metafora_plan *plan)
{
	const struct metafora_cluster_task *task = NULL;
	struct mf_prng prng;

	(void)state;
	if (healed)
		return 0;
	mf_prng_seed(&prng, balance->random);
	while ((task = metafora_cluster_next_task(balance->cluster, task))) {
		bool waited_for = metafora_cluster_task_n_waiters(task) > 0;

		if (!metafora_cluster_task_owner(task))
			continue;
		if (!is_mine(balance, task)) {
			if (!mf_prng_between(&prng, 0, 19))
				metafora_plan_queue(plan, task);
			else if (!mf_prng_between(&prng, 0, 19))
				metafora_plan_withdraw(plan, task);
		} else if (waited_for && !mf_prng_between(&prng, 0, 5)) {
			metafora_plan_evict(plan, task);
		} else if (!mf_prng_between(&prng, 0, waited_for ? 2 : 50)) {
			metafora_plan_release(plan, task);
		}
	}
	return balance->now_ns +
	       mf_prng_between(&prng, 0, 500) * MF_NS_PER_MS;
}

static struct metafora_balancer *puller(void)
{
	static const struct metafora_balancer_ops ops = {
		.abi_version = METAFORA_BALANCER_ABI,
		.size = sizeof(ops),
		.name = "puller",
		.can_claim = pull_can_claim,
		.balance = pull_balance,
	};
	struct metafora_balancer *balancer;

	if (metafora_balancer_new(&ops, &sim, &balancer))
		abort();
	return balancer;
}

/* Warms up in a while, or perhaps cannot. */
static int64_t warm_up(void *node, const char *id)
{
	(void)node, (void)id;
	return healed ? 0 : (int64_t)dice(0, 400) - 20;
}

/* --- a life --------------------------------------------------------------- */

static void act(void)
{
	struct sim_node *node = any_node();
	const char *name = node->name;

	switch (dice(0, 17)) {
	case 0:
		if (n_living() > 1)
			sim_kill(node);
		break;
	case 1:
		if (n_living() > 1)
			sim_close(node);
		break;
	case 2:
	case 3:
		join_one();
		break;
	case 4:
	case 5:
	case 6:
		/* Not an early expiry: a broker that ends sessions before
		 * their timeout keeps no promise. */
		sim->backend->cut(sim, name, true);
		break;
	case 7:
		sim->backend->cut(sim, name, false);
		break;
	case 8:
	case 9:
	case 10:
		sim->backend->fault(sim, name);
		break;
	case 11:
		sim_pause(node,
			  world_now_ns(sim->world) +
				  dice(1, 2 * sim->timeout_ms) * MF_NS_PER_MS);
		break;
	case 12:
		/* Only the loop is stuck. */
		world_pause_loop(sim->world, &node->consumer->loop,
				 world_now_ns(sim->world) +
					 dice(1, 2 * sim->timeout_ms) *
						 MF_NS_PER_MS);
		break;
	case 13:
		delete_or_replace_one();
		break;
	case 14:
		sim_submit(sim, n_submitted, 5);
		n_submitted += 5;
		break;
	case 15:
		revive_one();
		break;
	case 16:
		/* Now and then a time in which reconciling happens. */
		if (!dice(0, 19))
			sim_for(sim, dice(50000, 100000));
		break;
	default:
		command_one(node);
		break;
	}
}

/* Mend everything; who is stuck goes on. */
static void heal(void)
{
	unsigned int i;

	for (i = 0; i < sim->n_nodes; i++) {
		struct sim_node *node = &sim->nodes[i];

		if (!node->alive)
			continue;
		sim->backend->heal(sim, node->name);
		sim_resume(node);
	}
	sim->manner.stuck_percent = 0;
	if (sim->manner.run_max_ms)
		sim->manner.done_percent = 100;
	healed = true;
	sim_for(sim, 5 * sim->timeout_ms);
	for (i = 0; i < sim->n_nodes; i++) {
		if (!sim->nodes[i].alive || sim->nodes[i].closing)
			continue;
		sim_command(sim, sim->nodes[i].name, METAFORA_COMMAND_UNFREEZE,
			    NULL);
		sim_command(sim, sim->nodes[i].name, METAFORA_COMMAND_UNDRAIN,
			    NULL);
	}
}

/* No node is in the middle of anything. */
static bool at_rest(struct sim *of)
{
	const struct mf_entry *entry;
	unsigned int i;

	for (i = 0; i < of->n_nodes; i++) {
		if (!of->nodes[i].alive || of->nodes[i].closing)
			continue;
		TAILQ_FOREACH(entry, &of->nodes[i].consumer->engine.entries,
			      in_all) {
			if (entry->state != MF_RUNNING &&
			    entry->state != MF_QUEUED)
				return false;
		}
	}
	return true;
}

/* Every task has come to its end, and everybody knows. */
static bool all_done(struct sim *of)
{
	struct sim_task *task, *tmp;
	unsigned int i;

	HASH_ITER(hh, of->tasks, task, tmp) {
		if (task->wanted)
			return false;
	}
	for (i = 0; i < of->n_nodes; i++) {
		const struct sim_node *node = &of->nodes[i];

		if (node->alive && !node->closing &&
		    (node->consumer->engine.view.n_tasks ||
		     node->consumer->engine.n_entries))
			return false;
	}
	return of->n_live == 0;
}

/*
 * At one instant: between two, a task may have been refused and be in the open
 * while everybody rests.
 */
static bool runs_at_rest(struct sim *of)
{
	return (of->balancer ? sim_all_run(of) : sim_is_even(of)) &&
	       at_rest(of);
}

/* P2 and P4: where it all must lead to. */
static bool becomes_quiet(void)
{
	if (sim->manner.run_max_ms)
		return sim_until(sim, all_done, QUIET_MS);
	return sim_until(sim, runs_at_rest, QUIET_MS);
}

static void set_manner(void)
{
	sim->manner = (struct sim_manner){
		.stop_max_ms = dice(0, 300),
		.refuse_percent = dice(0, 5),
		.stuck_percent = dice(0, 10),
		.stuck_ms = dice(1000, 10000),
	};
	if (!dice(0, 2)) {
		sim->manner.prepare = warm_up;
		sim->manner.prepare_timeout_ms = dice(1, 5000);
	}
	sim->shutdown_grace_ms = dice(100, 5000);
	if (dice(0, 1))
		sim->balancer = puller;
	if (!dice(0, 2)) {
		sim->manner.run_max_ms = dice(10, 20000);
		sim->backoff_max_ms = dice(10, 10000);
		sim->manner.done_percent = dice(20, 100);
	}
}

static bool live(uint64_t seed)
{
	bool quiet;
	int i;

	sim = sim_new(&SIM_BACKEND, seed, T_MS);
	sim->log = getenv("MF_SIM_LOG") != NULL;
	healed = false;
	set_manner();
	n_submitted = TASKS;
	join_one();
	join_one();
	join_one();
	sim_submit(sim, 0, TASKS);
	for (i = 0; i < ACTIONS; i++) {
		sim_for(sim, dice(0, 600));
		act();
	}
	heal();
	quiet = becomes_quiet();
	if (!quiet)
		sim_dump(sim);
	if (!quiet || sim->n_broken)
		tap_note("seed %llu: %s, %u promises broken",
			 (unsigned long long)seed,
			 quiet ? "quiet" : "not quiet", sim->n_broken);
	quiet = quiet && !sim->n_broken;
	sim_free(sim);
	return quiet;
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void random_lives_keep_the_promises(void)
{
	uint64_t first = number("MF_SIM_FIRST", 1);
	uint64_t n = number("MF_SIM_SEEDS", tap_scaled(SEEDS));
	uint64_t seed;

	for (seed = first; seed < first + n; seed++) {
		bool good = live(seed);

		CU_ASSERT_TRUE(good);
	}
	tap_note("%llu seeds", (unsigned long long)n);
}

static const struct tap_case cases[] = {
	{"random lives keep the promises", random_lives_keep_the_promises},
};

TAP_MAIN(cases, NULL, NULL)
