/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster of real node processes on private servers, and its journals. */
#include "nodes.h"

#include <fcntl.h>
#include <metafora/error.h>
#include <metafora/zookeeper.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node_main.h"
#include "process.h"
#include "tap.h"

#define JOIN_MS 60000
/* How often journals are read. */
#define READ_MS 50
#define STOP_MS 30000

struct node {
	char name[32];
	pid_t pid; /* 0: has ended */
	int status;
	char *output;
};

struct nodes {
	char root[64];
	char *servers;
	int64_t timeout_ms;
	struct metafora_coordinator *coordinator;
	struct metafora_client *client;
	struct node nodes[NODES_MAX];
	/* A journal each; the last is the killer's. */
	char *journals[NODES_MAX + 1];
	unsigned int n;
};

static void need(int error, const char *what)
{
	if (error)
		process_die("%s: %s", what, metafora_strerror(error));
}

struct nodes *nodes_new(const char *servers, int64_t timeout_ms)
{
	static unsigned int n_clusters;
	struct nodes *nodes = calloc(1, sizeof(*nodes));
	struct metafora_zookeeper_options *options;

	if (!nodes)
		process_die("out of memory");
	snprintf(nodes->root, sizeof(nodes->root), "/cluster/%u", ++n_clusters);
	nodes->servers = process_format("%s", servers);
	nodes->timeout_ms = timeout_ms;
	nodes->journals[0] = process_path("killed-%u", n_clusters);
	need(metafora_zookeeper_options_new(servers, nodes->root, &options),
	     "options");
	need(metafora_zookeeper_set_session_timeout_ms(options, timeout_ms),
	     "timeout");
	need(metafora_zookeeper_coordinator_new(options, &nodes->coordinator),
	     "coordinator");
	metafora_zookeeper_options_free(options);
	need(metafora_client_new(nodes->coordinator, NULL, NULL, 0,
				 &nodes->client),
	     "client");
	return nodes;
}

void nodes_free(struct nodes *nodes)
{
	unsigned int i;

	for (i = 0; i < nodes->n; i++) {
		if (nodes->nodes[i].pid)
			nodes_stop(nodes, i);
		free(nodes->nodes[i].output);
	}
	for (i = 0; i <= nodes->n; i++)
		free(nodes->journals[i]);
	metafora_client_free(nodes->client);
	metafora_coordinator_free(nodes->coordinator);
	free(nodes->servers);
	free(nodes);
}

struct metafora_client *nodes_client(struct nodes *nodes)
{
	return nodes->client;
}

const char *nodes_root(const struct nodes *nodes)
{
	return nodes->root;
}

/* --- life of a node ------------------------------------------------------------------ */

/* It lies where the program of the test does. */
static char *program_path(void)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		process_die("where is this program?");
	self[n] = '\0';
	slash = strrchr(self, '/');
	return process_format("%.*s/zk-node", (int)(slash - self), self);
}

unsigned int nodes_start(struct nodes *nodes,
			 const struct node_options *options)
{
	const unsigned int i = nodes->n++;
	struct node *node = &nodes->nodes[i];
	char *program = program_path();
	char timeout[32];
	char join[32];
	const char *argv[NODE_N_ARGUMENTS + 1] = {
		[NODE_PROGRAM] = program,
		[NODE_SERVERS] =
			options->servers ? options->servers : nodes->servers,
		[NODE_NAMESPACE] = nodes->root,
		[NODE_NAME] = node->name,
		[NODE_TIMEOUT_MS] = timeout,
		[NODE_JOIN_MS] = join,
		[NODE_FLAGS] = options->flags ? options->flags : "",
	};

	if (i == NODES_MAX)
		process_die("too many nodes");
	snprintf(node->name, sizeof(node->name), "%s", options->name);
	snprintf(timeout, sizeof(timeout), "%lld",
		 (long long)nodes->timeout_ms);
	snprintf(join, sizeof(join), "%lld",
		 (long long)(options->join_ms ? options->join_ms : JOIN_MS));
	node->output =
		process_path("output%s-%u", strrchr(nodes->root, '/') + 1, i);
	nodes->journals[i + 1] =
		process_path("journal%s-%u", strrchr(nodes->root, '/') + 1, i);
	argv[NODE_JOURNAL] = nodes->journals[i + 1];
	node->pid = process_start(argv, node->output);
	free(program);
	return i;
}

static void show_output(const struct node *node)
{
	FILE *file = fopen(node->output, "re");
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		tap_note("%s: %s", node->name, line);
	}
	if (file)
		fclose(file);
}

void nodes_show(const struct nodes *nodes)
{
	unsigned int i;

	for (i = 0; i < nodes->n; i++)
		show_output(&nodes->nodes[i]);
}

/* Or it has ended. */
static bool has_joined(void *arg)
{
	struct node *node = arg;
	FILE *file = fopen(node->output, "re");
	char line[512];
	bool joined = false;

	while (!joined && file && fgets(line, sizeof(line), file))
		joined = strstr(line, NODE_JOINED);
	if (file)
		fclose(file);
	if (!joined && node->pid && !process_runs(node->pid, &node->status))
		node->pid = 0;
	return joined || !node->pid;
}

bool nodes_joined(struct nodes *nodes, unsigned int i)
{
	struct node *node = &nodes->nodes[i];

	if (process_until(has_joined, node, 2 * JOIN_MS) && node->pid)
		return true;
	show_output(node);
	return false;
}

unsigned int nodes_join(struct nodes *nodes, const struct node_options *options)
{
	unsigned int i = nodes_start(nodes, options);

	CU_ASSERT_FATAL(nodes_joined(nodes, i));
	return i;
}

static int exit_status(const struct node *node)
{
	return WIFEXITED(node->status) ? WEXITSTATUS(node->status)
				       : 128 + WTERMSIG(node->status);
}

int nodes_status(struct nodes *nodes, unsigned int i, int64_t timeout_ms)
{
	struct node *node = &nodes->nodes[i];

	if (node->pid && !process_wait(node->pid, timeout_ms, &node->status))
		return -1;
	node->pid = 0;
	return exit_status(node);
}

void nodes_stop(struct nodes *nodes, unsigned int i)
{
	struct node *node = &nodes->nodes[i];

	kill(node->pid, SIGTERM);
	kill(node->pid, SIGCONT);
	CU_ASSERT_EQUAL(nodes_status(nodes, i, STOP_MS), 0);
	if (!node->pid)
		return;
	show_output(node);
	process_kill(node->pid);
	node->pid = 0;
}

void nodes_kill(struct nodes *nodes, unsigned int i)
{
	struct node *node = &nodes->nodes[i];
	int fd = open(nodes->journals[0],
		      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	process_kill(node->pid);
	node->pid = 0;
	if (!ownership_write(fd, node->name, "-", 0, OWNERSHIP_DIED, 0))
		process_die("no journal");
	close(fd);
}

void nodes_pause(struct nodes *nodes, unsigned int i)
{
	kill(nodes->nodes[i].pid, SIGSTOP);
}

void nodes_continue(struct nodes *nodes, unsigned int i)
{
	kill(nodes->nodes[i].pid, SIGCONT);
}

/* --- journals ------------------------------------------------------------------------------ */

struct ownership nodes_check(struct nodes *nodes, bool with_leases)
{
	return ownership_check(nodes->journals, nodes->n + 1, with_leases);
}

void nodes_each_run(struct nodes *nodes,
		    void (*fn)(void *arg, const struct ownership_run *run),
		    void *arg)
{
	ownership_each_run(nodes->journals, nodes->n + 1, fn, arg);
}

struct awaited {
	struct nodes *nodes;
	size_t n;
};

static bool so_many_run(void *arg)
{
	const struct awaited *awaited = arg;

	return nodes_check(awaited->nodes, false).n_running == awaited->n;
}

bool nodes_wait_running(struct nodes *nodes, size_t n, int64_t timeout_ms)
{
	struct awaited awaited = {nodes, n};

	if (process_until_every(READ_MS, so_many_run, &awaited, timeout_ms))
		return true;
	tap_note("%zu runs go on, and not %zu",
		 nodes_check(nodes, false).n_running, n);
	nodes_show(nodes);
	return false;
}

static bool so_many_runs(void *arg)
{
	const struct awaited *awaited = arg;

	return nodes_check(awaited->nodes, false).n_runs >= awaited->n;
}

bool nodes_wait_runs(struct nodes *nodes, size_t n, int64_t timeout_ms)
{
	struct awaited awaited = {nodes, n};

	if (process_until_every(READ_MS, so_many_runs, &awaited, timeout_ms))
		return true;
	tap_note("%zu runs, and not %zu", nodes_check(nodes, false).n_runs, n);
	nodes_show(nodes);
	return false;
}
