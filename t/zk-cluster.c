/* SPDX-License-Identifier: Apache-2.0 */
/* Clusters of real node processes on real servers, and what can happen to them. */
#include <metafora.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node_main.h"
#include "nodes.h"
#include "port.h"
#include "process.h"
#include "tap.h"
#include "zklink.h"
#include "zkserver.h"
#include "zkwire.h"

#define TICK_MS 200
#define TIMEOUT_MS 2000
#define LONG_MS 60000
/* Longer than a cut off follower may go on, in ticks. */
#define SYNC_TICKS 30

static struct zkservers *alone;
static struct zkservers *ensemble;

static struct zkservers *one_server(void)
{
	const struct zkservers_options options = {.n = 1, .tick_ms = TICK_MS};

	if (!alone)
		alone = zkservers_start(&options);
	return alone;
}

static struct zkservers *three_servers(void)
{
	const struct zkservers_options options = {
		.n = 3,
		.tick_ms = TICK_MS,
		.sync_ticks = SYNC_TICKS,
		.relayed = true,
	};

	if (!ensemble)
		ensemble = zkservers_start(&options);
	return ensemble;
}

static unsigned int join(struct nodes *nodes, const char *name)
{
	const struct node_options options = {.name = name};

	return nodes_join(nodes, &options);
}

static int submit(struct nodes *nodes, const char *task)
{
	return metafora_client_submit(nodes_client(nodes), task, "", 0,
				      LONG_MS);
}

static bool is_open(int error)
{
	return metafora_error_is_unknown_outcome(error) ||
	       metafora_error_is_retry(error);
}

/* What a server's death interrupts is tried again. */
static void submit_surely(struct nodes *nodes, const char *task)
{
	int error = METAFORA_EUNKNOWN;
	int tries;

	for (tries = 0; tries < 10 && is_open(error); tries++)
		error = submit(nodes, task);
	CU_ASSERT(error == 0 || error == METAFORA_EEXIST);
}

/* n tasks t0, t1, ...; the errors are the caller's to look at. */
static int submit_many(struct nodes *nodes, size_t n)
{
	struct metafora_batch *batch;
	char id[32];
	size_t i;
	int error;

	CU_ASSERT_EQUAL_FATAL(metafora_batch_new(&batch), 0);
	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "t%zu", i);
		CU_ASSERT_EQUAL(
			metafora_batch_add(batch, id, strlen(id), "", 0), 0);
	}
	error = metafora_client_submit_batch(nodes_client(nodes), batch,
					     LONG_MS);
	metafora_batch_free(batch);
	return error;
}

/* The promises, as the journals show them. */
static void check_promises(struct nodes *nodes)
{
	struct ownership found = nodes_check(nodes, true);

	CU_ASSERT_EQUAL(found.n_overlaps, 0);
	CU_ASSERT_EQUAL(found.n_disorders, 0);
	CU_ASSERT_EQUAL(found.n_revivals, 0);
	if (!found.n_overlaps && !found.n_disorders && !found.n_revivals)
		return;
	tap_note("%zu overlaps, the longest %llu ms; %zu disorders, %zu "
		 "revivals",
		 found.n_overlaps,
		 (unsigned long long)(found.longest_overlap_ns / 1000000),
		 found.n_disorders, found.n_revivals);
	nodes_show(nodes);
}

/* --- nodes --------------------------------------------------------------------------- */

static void a_killed_nodes_tasks_move(void)
{
	struct nodes *nodes;

	if (!zklinks_can_run())
		return;
	nodes = nodes_new(zkservers_hosts(one_server()), TIMEOUT_MS);
	join(nodes, "a");
	join(nodes, "b");
	join(nodes, "c");
	CU_ASSERT_EQUAL(submit_many(nodes, 60), 0);
	CU_ASSERT(nodes_wait_running(nodes, 60, LONG_MS));
	nodes_kill(nodes, 0);
	CU_ASSERT(nodes_check(nodes, true).n_running < 60);
	CU_ASSERT(nodes_wait_running(nodes, 60, LONG_MS));
	check_promises(nodes);
	nodes_free(nodes);
}

static void a_paused_node_overlaps_with_nobody(void)
{
	struct nodes *nodes;
	size_t n_runs;

	if (!zklinks_can_run())
		return;
	nodes = nodes_new(zkservers_hosts(one_server()), TIMEOUT_MS);
	nodes_join(nodes, &(struct node_options){.name = "a", .flags = "l"});
	CU_ASSERT_EQUAL(submit_many(nodes, 10), 0);
	CU_ASSERT(nodes_wait_running(nodes, 10, LONG_MS));
	nodes_pause(nodes, 0);
	nodes_join(nodes, &(struct node_options){.name = "b", .flags = "l"});
	/* Its session expires; all of them run a second time. */
	CU_ASSERT(nodes_wait_runs(nodes, 20, LONG_MS));
	/* It finds out, and takes its share of them again. */
	n_runs = nodes_check(nodes, true).n_runs;
	nodes_continue(nodes, 0);
	CU_ASSERT(nodes_wait_runs(nodes, n_runs + 5, LONG_MS));
	CU_ASSERT(nodes_wait_running(nodes, 10, LONG_MS));
	check_promises(nodes);
	/* Without leases the one that stood still would have been a second owner. */
	CU_ASSERT(nodes_check(nodes, false).n_overlaps >= 10);
	nodes_free(nodes);
}

static void a_namesake_is_refused(void)
{
	struct nodes *nodes;
	uint64_t begin_ns;
	unsigned int second;

	if (!zklinks_can_run())
		return;
	nodes = nodes_new(zkservers_hosts(one_server()), TIMEOUT_MS);
	join(nodes, "a");
	CU_ASSERT_EQUAL(submit(nodes, "t"), 0);
	CU_ASSERT(nodes_wait_running(nodes, 1, LONG_MS));
	begin_ns = ownership_now_ns();
	second = nodes_start(nodes, &(struct node_options){.name = "a"});
	CU_ASSERT_EQUAL(nodes_status(nodes, second, LONG_MS), -METAFORA_EEXIST);
	tap_note("refused after %llu ms, with sessions of %d ms",
		 (unsigned long long)(ownership_now_ns() - begin_ns) / 1000000,
		 TIMEOUT_MS);
	CU_ASSERT_EQUAL(nodes_check(nodes, true).n_runs, 1);
	CU_ASSERT_EQUAL(nodes_check(nodes, true).n_running, 1);
	/* A quick restart after a crash gets the name. */
	nodes_kill(nodes, 0);
	join(nodes, "a");
	CU_ASSERT(nodes_wait_running(nodes, 1, LONG_MS));
	check_promises(nodes);
	nodes_free(nodes);
}

static void properties_of_a_megabyte(void)
{
	const size_t n_bytes = METAFORA_PROPERTIES_MAX;
	struct nodes *nodes;
	char *properties;
	void *back;
	size_t n_back;

	if (!zklinks_can_run())
		return;
	nodes = nodes_new(zkservers_hosts(one_server()), TIMEOUT_MS);
	properties = calloc(1, n_bytes + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(properties);
	memset(properties, 'x', n_bytes);
	CU_ASSERT_EQUAL(metafora_client_submit(nodes_client(nodes), "big",
					       properties, n_bytes, LONG_MS),
			0);
	CU_ASSERT_EQUAL(metafora_client_submit(nodes_client(nodes), "bigger",
					       properties, n_bytes + 1,
					       LONG_MS),
			METAFORA_E2BIG);
	CU_ASSERT_EQUAL_FATAL(metafora_client_get(nodes_client(nodes), "big",
						  &back, &n_back, LONG_MS),
			      0);
	CU_ASSERT_EQUAL(n_back, n_bytes);
	CU_ASSERT_EQUAL(memcmp(back, properties, n_bytes), 0);
	free(back);
	free(properties);
	join(nodes, "a");
	CU_ASSERT(nodes_wait_running(nodes, 1, LONG_MS));
	nodes_free(nodes);
}

/* --- servers ----------------------------------------------------------------------------- */

static void no_server_is_a_timeout(void)
{
	const int64_t join_ms = 1500;
	struct nodes *nodes;
	char *hosts;
	unsigned int port;
	int closed;
	uint64_t begin_ns;
	uint64_t took_ms;
	unsigned int i;

	if (!zklinks_can_run())
		return;
	closed = port_bind(&port); /* and does not listen */
	hosts = process_format("127.0.0.1:%u", port);
	nodes = nodes_new(hosts, TIMEOUT_MS);
	begin_ns = ownership_now_ns();
	i = nodes_start(nodes, &(struct node_options){
				       .name = "a",
				       .join_ms = join_ms,
			       });
	CU_ASSERT_EQUAL(nodes_status(nodes, i, LONG_MS), -METAFORA_ETIMEDOUT);
	took_ms = (ownership_now_ns() - begin_ns) / 1000000;
	CU_ASSERT(took_ms >= (uint64_t)join_ms);
	tap_note("gave up after %llu ms, asked to within %lld",
		 (unsigned long long)took_ms, (long long)join_ms);
	CU_ASSERT_EQUAL(
		metafora_client_submit(nodes_client(nodes), "t", "", 0, 500),
		METAFORA_ETIMEDOUT);
	nodes_free(nodes);
	free(hosts);
	close(closed);
}

static void an_even_number_of_servers(void)
{
	struct zkservers *servers;
	struct nodes *nodes;
	char *hosts;
	unsigned int dead;

	if (!zklinks_can_run())
		return;
	servers = three_servers();
	/* Two addresses, one of which is dead. */
	dead = ((unsigned int)zkservers_leader(servers) + 1) % 3;
	hosts = process_format("%s,%s", zkservers_host(servers, dead),
			       zkservers_host(servers, (dead + 1) % 3));
	nodes = nodes_new(hosts, TIMEOUT_MS);
	join(nodes, "a");
	join(nodes, "b");
	CU_ASSERT_EQUAL(submit_many(nodes, 20), 0);
	CU_ASSERT(nodes_wait_running(nodes, 20, LONG_MS));
	zkservers_kill(servers, dead);
	submit_surely(nodes, "x");
	CU_ASSERT(nodes_wait_running(nodes, 21, LONG_MS));
	zkservers_restart(servers, dead);
	CU_ASSERT(zkservers_wait(servers));
	/* And the other one. */
	zkservers_kill(servers, (dead + 1) % 3);
	submit_surely(nodes, "y");
	CU_ASSERT(nodes_wait_running(nodes, 22, LONG_MS));
	zkservers_restart(servers, (dead + 1) % 3);
	CU_ASSERT(zkservers_wait(servers));
	check_promises(nodes);
	nodes_free(nodes);
	free(hosts);
}

static void the_leader_dies(void)
{
	struct zkservers *servers;
	struct nodes *nodes;
	unsigned int leader;
	unsigned int i;

	if (!zklinks_can_run())
		return;
	servers = three_servers();
	nodes = nodes_new(zkservers_hosts(servers), TIMEOUT_MS);
	join(nodes, "a");
	join(nodes, "b");
	CU_ASSERT_EQUAL(submit_many(nodes, 40), 0);
	CU_ASSERT(nodes_wait_running(nodes, 40, LONG_MS));
	for (i = 0; i < 2; i++) {
		leader = (unsigned int)zkservers_leader(servers);
		zkservers_kill(servers, leader);
		submit_surely(nodes, i ? "y" : "x");
		CU_ASSERT(nodes_wait_running(nodes, 41 + i, LONG_MS));
		zkservers_restart(servers, leader);
		CU_ASSERT(zkservers_wait(servers));
	}
	check_promises(nodes);
	nodes_free(nodes);
}

/* The server dies with claims, submissions and releases under way. */
static void the_server_dies_in_the_middle(void)
{
	const size_t n = 2000;
	struct zkservers *servers;
	struct nodes *nodes;
	char id[32];
	size_t i;

	if (!zklinks_can_run())
		return;
	servers = one_server();
	nodes = nodes_new(zkservers_hosts(servers), TIMEOUT_MS);
	join(nodes, "a");
	join(nodes, "b");
	CU_ASSERT_EQUAL(submit_many(nodes, n), 0);
	/* They are being claimed now. */
	CU_ASSERT(nodes_wait_runs(nodes, 1, LONG_MS));
	zkservers_kill(servers, 0);
	zkservers_restart(servers, 0);
	CU_ASSERT(nodes_wait_running(nodes, n, LONG_MS));
	zkservers_kill(servers, 0);
	zkservers_restart(servers, 0);
	for (i = 0; i < 20; i++) {
		snprintf(id, sizeof(id), "u%zu", i);
		submit_surely(nodes, id);
	}
	CU_ASSERT(nodes_wait_running(nodes, n + 20, LONG_MS));
	check_promises(nodes);
	nodes_free(nodes);
}

/* --- the lease ------------------------------------------------------------------------------ */

/*
 * The node's server is cut off from the leader: it goes on to answer, while the
 * leader lets the session expire and another node gets the task.  The handler
 * does not obey the lease, but works until it is told that the claim is lost,
 * as it would without one.
 */
static void a_follower_is_cut_off(void)
{
	struct zkservers *servers;
	struct nodes *nodes;
	struct ownership found;
	unsigned int leader, follower;

	if (!zklinks_can_run())
		return;
	servers = three_servers();
	leader = (unsigned int)zkservers_leader(servers);
	follower = (leader + 1) % 3;
	nodes = nodes_new(zkservers_host(servers, leader), TIMEOUT_MS);
	nodes_join(nodes, &(struct node_options){
				  .name = "a",
				  .servers = zkservers_host(servers, follower),
				  .flags = "ls",
			  });
	CU_ASSERT_EQUAL(submit(nodes, "t"), 0);
	CU_ASSERT(nodes_wait_running(nodes, 1, LONG_MS));
	nodes_join(nodes, &(struct node_options){.name = "b", .flags = "ls"});
	relay_set_modes(zkservers_relay(servers, follower, leader), RELAY_HOLD);
	CU_ASSERT(nodes_wait_runs(nodes, 2, LONG_MS));
	/* Until the first has been told. */
	relay_set_modes(zkservers_relay(servers, follower, leader), RELAY_PASS);
	CU_ASSERT(zkservers_wait(servers));
	CU_ASSERT(nodes_wait_running(nodes, 1, LONG_MS));
	check_promises(nodes);
	found = nodes_check(nodes, false);
	CU_ASSERT(found.n_overlaps > 0);
	tap_note("without the lease both would have owned for %llu ms",
		 (unsigned long long)(found.longest_overlap_ns / 1000000));
	nodes_free(nodes);
}

static const struct tap_case cases[] = {
	{"a killed node's tasks run elsewhere", a_killed_nodes_tasks_move},
	{"a paused node's tasks move, and it believes in none of them",
	 a_paused_node_overlaps_with_nobody},
	{"a namesake is refused, a quick restart is not",
	 a_namesake_is_refused},
	{"properties of 1,000,000 bytes work, one more is refused",
	 properties_of_a_megabyte},
	{"without a server a node gives up in time", no_server_is_a_timeout},
	{"of two servers either may be dead", an_even_number_of_servers},
	{"the leader dies, and its successor", the_leader_dies},
	{"the server dies in the middle of many writes",
	 the_server_dies_in_the_middle},
	{"a follower is cut off: only the lease keeps owners apart",
	 a_follower_is_cut_off},
};

TAP_MAIN(cases, NULL, NULL)
