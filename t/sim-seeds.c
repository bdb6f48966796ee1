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

static void delete_one(void)
{
	char id[16];

	if (!n_submitted)
		return;
	snprintf(id, sizeof(id), "t%u", (unsigned int)dice(0, n_submitted - 1));
	if (sim_task(sim, id)->wanted && !sim_task(sim, id)->n_wishes)
		sim_delete(sim, id);
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

static void act(void)
{
	struct sim_node *node = any_node();
	const char *name = node->name;

	switch (dice(0, 15)) {
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
		delete_one();
		break;
	case 14:
		sim_submit(sim, n_submitted, 5);
		n_submitted += 5;
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

static bool live(uint64_t seed)
{
	bool quiet;
	int i;

	sim = sim_new(&SIM_BACKEND, seed, T_MS);
	sim->log = getenv("MF_SIM_LOG") != NULL;
	sim->manner = (struct sim_manner){
		.stop_max_ms = dice(0, 300),
		.refuse_percent = dice(0, 5),
		.stuck_percent = dice(0, 10),
		.stuck_ms = dice(1000, 10000),
	};
	/* In some lives tasks come to their end. */
	if (dice(0, 2) == 0) {
		sim->manner.run_min_ms = 1;
		sim->manner.run_max_ms = dice(10, 20000);
		sim->manner.done_percent = 100;
	}
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
	quiet = sim_until(sim, sim_is_even, QUIET_MS);
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
