/* SPDX-License-Identifier: Apache-2.0 */
/* How few claims a crowd of nodes makes that share many tasks. */
#include <metafora.h>
#include <stdio.h>

#include "fakezk.h"
#include "sim.h"
#include "tap.h"

#define T_MS 2000
#define LIMIT_MS 60000
#define N_BUCKETS 8
#define N_NODES 24
#define N_TASKS 960

static struct sim *sim;

static void setup(void)
{
	sim = sim_new(&sim_fakezk, 5, T_MS);
}

static void teardown(void)
{
	CU_ASSERT_EQUAL(sim->n_broken, 0);
	sim_free(sim);
}

static void join(unsigned int n)
{
	char name[16];
	unsigned int i;

	for (i = 1; i <= n; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		sim_join(sim, name);
	}
	CU_ASSERT_TRUE_FATAL(sim_until(sim, sim_all_joined, LIMIT_MS));
}

static size_t n_claims_made(void)
{
	char path[64];
	size_t n = 0;
	unsigned int i;

	for (i = 0; i < N_BUCKETS; i++) {
		snprintf(path, sizeof(path), "/sim/claims/%02u", i);
		n += fakezk_n_created(sim->broker, path);
	}
	return n;
}

static void a_crowd_makes_hardly_more_claims_than_tasks(void)
{
	uint64_t before;
	uint64_t writes;
	size_t claims;

	join(N_NODES);
	before = fakezk_zxid(sim->broker);
	sim_submit(sim, 0, N_TASKS);
	CU_ASSERT_TRUE(sim_until(sim, sim_answered, LIMIT_MS));
	CU_ASSERT_TRUE(sim_until(sim, sim_is_even, LIMIT_MS));
	writes = fakezk_zxid(sim->broker) - before;
	claims = n_claims_made();
	tap_note("%d tasks, %d nodes: %zu claims, %llu writes, %u starts",
		 N_TASKS, N_NODES, claims, (unsigned long long)writes,
		 sim->n_starts);
	CU_ASSERT_TRUE(claims < N_TASKS + N_TASKS / 10);
}

static const struct tap_case cases[] = {
	{"a crowd makes hardly more claims than there are tasks",
	 a_crowd_makes_hardly_more_claims_than_tasks},
};

TAP_MAIN(cases, setup, teardown)
