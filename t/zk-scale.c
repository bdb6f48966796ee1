/* SPDX-License-Identifier: Apache-2.0 */
/* How many claims, and how long, it takes four nodes to run many tasks. */
#include <metafora.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nodes.h"
#include "process.h"
#include "tap.h"
#include "zklink.h"
#include "zkserver.h"
#include "zkwire.h"

#define N_TASKS 10000
#define N_NODES 4
#define N_BUCKETS 64
#define TIMEOUT_MS 10000
#define LONG_MS 120000

static size_t scaled(size_t n)
{
	const char *scale = getenv("MF_TEST_SCALE");
	const size_t scaled_n = (size_t)((double)n * (scale ? atof(scale) : 1));

	return scaled_n > 100 ? scaled_n : 100;
}

static void submit(struct nodes *nodes, size_t n)
{
	struct metafora_batch *batch;
	char id[32];
	size_t i;

	CU_ASSERT_EQUAL_FATAL(metafora_batch_new(&batch), 0);
	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "task-%zu", i);
		CU_ASSERT_EQUAL_FATAL(
			metafora_batch_add(batch, id, strlen(id), "", 0), 0);
	}
	CU_ASSERT_EQUAL(metafora_client_submit_batch(nodes_client(nodes), batch,
						     LONG_MS),
			0);
	metafora_batch_free(batch);
}

/* Of a folder: those there are, and those that have been deleted. */
static size_t n_created(unsigned int port, const char *path)
{
	struct zkwire_stat stat;

	CU_ASSERT_EQUAL_FATAL(zkwire_stat(port, path, &stat), ZKWIRE_OK);
	return (size_t)(stat.cversion + stat.n_children) / 2;
}

static size_t n_claims(unsigned int port, const struct nodes *nodes)
{
	size_t n = 0;
	unsigned int i;
	char *path;

	for (i = 0; i < N_BUCKETS; i++) {
		path = process_format("%s/claims/%02u", nodes_root(nodes), i);
		n += n_created(port, path);
		free(path);
	}
	return n;
}

static void runs_many(void)
{
	const struct zkservers_options options = {.n = 1, .tick_ms = 2000};
	const size_t n = scaled(N_TASKS);
	static const char *const names[N_NODES] = {"a", "b", "c", "d"};
	struct zkservers *servers;
	struct nodes *nodes;
	struct ownership found;
	uint64_t begin_ns, end_ns;
	size_t created;
	size_t i;

	if (!zklinks_can_run())
		return;
	servers = zkservers_start(&options);
	nodes = nodes_new(zkservers_hosts(servers), TIMEOUT_MS);
	for (i = 0; i < N_NODES; i++)
		nodes_join(nodes, &(struct node_options){.name = names[i]});
	begin_ns = ownership_now_ns();
	submit(nodes, n);
	end_ns = ownership_now_ns();
	CU_ASSERT(nodes_wait_running(nodes, n, LONG_MS));
	found = nodes_check(nodes, true);
	CU_ASSERT_EQUAL(found.n_overlaps, 0);
	CU_ASSERT_EQUAL(found.n_tasks, n);
	created = n_claims(zkservers_port(servers, 0), nodes);
	tap_note("%zu tasks submitted in %.2f s, all running %.2f s after the "
		 "last; %zu claims made, %.3f for each; %zu runs",
		 n, (double)(end_ns - begin_ns) / 1e9,
		 found.last_start_ns > end_ns
			 ? (double)(found.last_start_ns - end_ns) / 1e9
			 : 0.0,
		 created, (double)created / (double)n, found.n_runs);
	CU_ASSERT(created < n + n / 5);
	nodes_free(nodes);
	zkservers_free(servers);
}

static const struct tap_case cases[] = {
	{"four nodes run many tasks with few claims more than tasks",
	 runs_many},
};

TAP_MAIN(cases, NULL, NULL)
