/* SPDX-License-Identifier: Apache-2.0 */
/* The benchmark's cluster: processes of nodes, and a client. */
#include "cluster.h"

#include <metafora/zookeeper.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cluster_int.h"
#include "node.h"
#include "process.h"
#include "program.h"

#define PROPERTY_BYTES 100
#define LOOK_MS 1
/* No task has begun for so long: longer than any delay of the balancer. */
#define REST_NS UINT64_C(700000000)

/* --- the namespace ---------------------------------------------------------------- */

struct cluster *cluster_new(struct zkservers *servers, int64_t timeout_ms,
			    size_t n_tasks)
{
	static unsigned int n_clusters;
	struct cluster *cluster = calloc(1, sizeof(*cluster));
	struct metafora_zookeeper_options *options;

	if (!cluster)
		bench_die("out of memory");
	cluster->number = ++n_clusters;
	snprintf(cluster->root, sizeof(cluster->root), "/bench/%u",
		 cluster->number);
	cluster->servers = servers;
	cluster->timeout_ms = timeout_ms;
	cluster->n_tasks = n_tasks;
	bench_need(metafora_zookeeper_options_new(zkservers_hosts(servers),
						  cluster->root, &options),
		   "options");
	bench_need(
		metafora_zookeeper_set_session_timeout_ms(options, timeout_ms),
		"timeout");
	bench_need(metafora_zookeeper_set_acl_mode(
			   options, METAFORA_ZOOKEEPER_ACL_WORLD),
		   "acl");
	bench_need(metafora_zookeeper_coordinator_new(options,
						      &cluster->coordinator),
		   "coordinator");
	metafora_zookeeper_options_free(options);
	bench_need(metafora_client_new(cluster->coordinator, NULL, NULL, 0,
				       &cluster->client),
		   "client");
	return cluster;
}

void cluster_free(struct cluster *cluster)
{
	unsigned int i;

	cluster_stop_all(cluster);
	for (i = 0; i < cluster->n_lives; i++) {
		journal_close(cluster->lives[i].journal);
		unlink(cluster->lives[i].path);
		free(cluster->lives[i].path);
		free(cluster->lives[i].output);
	}
	metafora_client_free(cluster->client);
	metafora_coordinator_free(cluster->coordinator);
	free(cluster);
}

struct metafora_client *cluster_client(struct cluster *cluster)
{
	return cluster->client;
}

const char *cluster_root(const struct cluster *cluster)
{
	return cluster->root;
}

/* --- processes of nodes -------------------------------------------------------------- */

/* It lies where this program does. */
static char *program_path(void)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		bench_die("where is this program?");
	self[n] = '\0';
	slash = strrchr(self, '/');
	return process_format("%.*s/zookeeper-node", (int)(slash - self), self);
}

unsigned int cluster_start(struct cluster *cluster, const struct life *life)
{
	const unsigned int i = cluster->n_lives++;
	struct cluster_life *new = &cluster->lives[i];
	char *words[] = {
		[NODE_PROGRAM] = program_path(),
		[NODE_SERVERS] =
			process_format("%s", zkservers_hosts(cluster->servers)),
		[NODE_NAMESPACE] = process_format("%s", cluster->root),
		[NODE_FIRST] = process_format("%u", life->first),
		[NODE_COUNT] =
			process_format("%u", life->count ? life->count : 1),
		[NODE_TIMEOUT_MS] =
			process_format("%lld", (long long)cluster->timeout_ms),
		[NODE_TASKS] = process_format("%zu", cluster->n_tasks),
		[NODE_PACE] = process_format("%u", life->pace),
		[NODE_JOURNAL] =
			process_path("journal%u-%u", cluster->number, i),
		[NODE_FLAGS] =
			process_format("%s", life->flags ? life->flags : ""),
	};
	const char *argv[NODE_N_ARGUMENTS + 1] = {NULL};
	unsigned int k;

	if (i == CLUSTER_LIVES_MAX)
		bench_die("too many processes");
	new->first = life->first;
	new->count = life->count ? life->count : 1;
	new->path = process_format("%s", words[NODE_JOURNAL]);
	new->output = process_path("output%u-%u", cluster->number, i);
	new->journal = journal_make(new->path, 8 * cluster->n_tasks + 10000);
	for (k = 0; k < NODE_N_ARGUMENTS; k++)
		argv[k] = words[k];
	new->pid = process_start(argv, new->output);
	for (k = 0; k < NODE_N_ARGUMENTS; k++)
		free(words[k]);
	return i;
}

void cluster_start_each(struct cluster *cluster, unsigned int first,
			unsigned int n, const char *flags)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		cluster_start(cluster, &(struct life){.first = first + i,
						      .flags = flags});
}

/* What it had to say. */
static void show_output(const struct cluster_life *life)
{
	FILE *file = fopen(life->output, "re");
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		fprintf(stderr, NODE_NAME_FORMAT ": %s", life->first, line);
	if (file)
		fclose(file);
}

static void check_life(struct cluster_life *life)
{
	int status;

	if (!life->pid || process_runs(life->pid, &status))
		return;
	life->pid = 0;
	show_output(life);
	bench_die("a process of nodes has ended");
}

static bool has_joined(void *arg)
{
	struct cluster_life *life = arg;

	check_life(life);
	return atomic_load(&life->journal->n_joined) == life->count;
}

void cluster_wait_joined(struct cluster *cluster)
{
	unsigned int i;

	for (i = 0; i < cluster->n_lives; i++)
		if (cluster->lives[i].pid)
			cluster_wait(has_joined, &cluster->lives[i], "join");
}

uint64_t cluster_stop(struct cluster *cluster, unsigned int i)
{
	struct cluster_life *life = &cluster->lives[i];
	const uint64_t now_ns = bench_now_ns();
	int status;

	kill(life->pid, SIGTERM);
	if (!process_wait(life->pid, WAIT_MS, &status) || status) {
		show_output(life);
		bench_die("a process of nodes does not end in order");
	}
	life->pid = 0;
	return now_ns;
}

uint64_t cluster_kill(struct cluster *cluster, unsigned int i)
{
	struct cluster_life *life = &cluster->lives[i];
	const uint64_t now_ns = bench_now_ns();

	process_kill(life->pid);
	life->pid = 0;
	return now_ns;
}

void cluster_stop_all(struct cluster *cluster)
{
	unsigned int i;
	int status;

	for (i = 0; i < cluster->n_lives; i++)
		if (cluster->lives[i].pid)
			kill(cluster->lives[i].pid, SIGTERM);
	for (i = 0; i < cluster->n_lives; i++) {
		if (!cluster->lives[i].pid)
			continue;
		if (!process_wait(cluster->lives[i].pid, WAIT_MS, &status))
			bench_die("a process of nodes does not end");
		cluster->lives[i].pid = 0;
	}
}

void cluster_finish_tasks(struct cluster *cluster)
{
	unsigned int i;

	for (i = 0; i < cluster->n_lives; i++)
		if (cluster->lives[i].pid)
			kill(cluster->lives[i].pid, SIGUSR2);
}

/* --- what they use up ------------------------------------------------------------------ */

struct usage_wait {
	struct cluster_life *life;
	unsigned int before;
};

static bool has_told(void *arg)
{
	const struct usage_wait *wait = arg;

	check_life(wait->life);
	return atomic_load(&wait->life->journal->n_usages) != wait->before;
}

struct journal_usage cluster_usage_of(struct cluster *cluster, unsigned int i)
{
	struct cluster_life *life = &cluster->lives[i];
	struct usage_wait wait = {
		.life = life,
		.before = atomic_load(&life->journal->n_usages),
	};

	kill(life->pid, SIGUSR1);
	cluster_wait(has_told, &wait, "usage");
	return life->journal->usage;
}

struct journal_usage cluster_usage(struct cluster *cluster)
{
	struct journal_usage sum = {0};
	struct journal_usage usage;
	unsigned int i;

	for (i = 0; i < cluster->n_lives; i++) {
		if (!cluster->lives[i].pid)
			continue;
		usage = cluster_usage_of(cluster, i);
		sum.cpu_ms += usage.cpu_ms;
		sum.heap_bytes += usage.heap_bytes;
		sum.rss_bytes += usage.rss_bytes;
		sum.in_bytes += usage.in_bytes;
		sum.out_bytes += usage.out_bytes;
	}
	return sum;
}

/* --- tasks -------------------------------------------------------------------------------- */

void cluster_submit(struct cluster *cluster, size_t n, uint64_t *began_ns,
		    uint64_t *ended_ns)
{
	char properties[PROPERTY_BYTES];
	struct metafora_batch *batch;
	char id[32];
	size_t i;

	memset(properties, 'p', sizeof(properties));
	bench_need(metafora_batch_new(&batch), "batch");
	for (i = 0; i < n; i++) {
		const int n_bytes =
			snprintf(id, sizeof(id), NODE_TASK_PREFIX "%08zu", i);

		bench_need(metafora_batch_add(batch, id, (size_t)n_bytes,
					      properties, sizeof(properties)),
			   "batch");
	}
	*began_ns = bench_now_ns();
	bench_need(
		metafora_client_submit_batch(cluster->client, batch, WAIT_MS),
		"submit");
	*ended_ns = bench_now_ns();
	metafora_batch_free(batch);
}

void cluster_wait(bool (*cond)(void *arg), void *arg, const char *what)
{
	const uint64_t until_ns = bench_now_ns() + WAIT_MS * UINT64_C(1000000);

	while (!cond(arg)) {
		if (bench_now_ns() > until_ns)
			bench_die("%s: this takes too long", what);
		poll(NULL, 0, LOOK_MS);
	}
}

struct run_wait {
	struct cluster *cluster;
	size_t n_tasks;
	unsigned int n_nodes;
	uint64_t since_ns; /* when nothing has changed */
	size_t n_entries;
};

static bool is_running(void *arg)
{
	const struct run_wait *wait = arg;
	unsigned int i;

	for (i = 0; i < wait->cluster->n_lives; i++)
		check_life(&wait->cluster->lives[i]);
	return cluster_running(wait->cluster) == wait->n_tasks;
}

void cluster_wait_running(struct cluster *cluster, size_t n)
{
	struct run_wait wait = {.cluster = cluster, .n_tasks = n};

	cluster_wait(is_running, &wait, "all running");
}

static size_t count_entries(const struct cluster *cluster)
{
	size_t n = 0;
	unsigned int i;

	for (i = 0; i < cluster->n_lives; i++)
		n += atomic_load(&cluster->lives[i].journal->n_entries);
	return n;
}

static bool is_settled(void *arg)
{
	struct run_wait *wait = arg;
	const size_t n_entries = count_entries(wait->cluster);
	struct cluster_counts counts;

	if (n_entries != wait->n_entries || !is_running(wait)) {
		wait->n_entries = n_entries;
		wait->since_ns = bench_now_ns();
		return false;
	}
	if (bench_now_ns() - wait->since_ns < REST_NS)
		return false;
	counts = cluster_count(wait->cluster);
	return counts.n_nodes == wait->n_nodes &&
	       counts.most - counts.least <= 1;
}

void cluster_wait_settled(struct cluster *cluster, size_t n,
			  unsigned int n_nodes)
{
	struct run_wait wait = {
		.cluster = cluster,
		.n_tasks = n,
		.n_nodes = n_nodes,
		.since_ns = bench_now_ns(),
	};

	cluster_wait(is_settled, &wait, "settled");
}
