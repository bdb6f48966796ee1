/* SPDX-License-Identifier: Apache-2.0 */
/* The demo's cluster of processes, on a private ZooKeeper server. */
#include "demo_cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <metafora/error.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "groups.h"
#include "journal.h"
#include "process.h"
#include "reach.h"

#define NAMESPACE "/metafora/demo"
/* The picture is taken often: few folders to read, and a patient session. */
#define N_BUCKETS 4
#define CLIENT_TIMEOUT_MS 6000

/* What others may take on a busy machine. */
#define SERVER_LIMIT_MS 27000
#define SUBMIT_LIMIT_MS 10000
#define DEATH_LIMIT_MS 5000
/* A node that stops waits for its tasks' grace, and for the broker. */
#define STOP_LIMIT_MS 4000
#define SERVER_STOP_LIMIT_MS 8000
#define POLL_MS 10

#define NS_PER_MS 1000000u
#define NUMBER_BYTES 16

struct node {
	const char *name;
	pid_t pid; /* 0: it does not run any more */
};

struct real {
	struct cluster base;
	pid_t server_pid; /* metafora-private-zookeeper; 0: none runs */
	int server_fd;    /* its standard input: ends it when closed */
	char address[64]; /* of the server */
	char session_timeout[NUMBER_BYTES];
	char grace[NUMBER_BYTES];
	struct node nodes[NODES_MAX];
	size_t n_nodes;
};

static struct real *from(struct cluster *cluster)
{
	return (struct real *)cluster;
}

/* --- our other programs ------------------------------------------------------------ */

/*
 * Start one of them, its errors going to NAME.log.  argv[0] is filled in.
 * tied: it dies with us, however we end.
 */
static int start_program(const struct site *site, const char *program,
			 const char *argv[], const int stdio[2],
			 const char *name, bool tied, pid_t *pid)
{
	int all[3] = {stdio[0], stdio[1], -1};
	char path[PATH_BYTES];
	char log[PATH_BYTES];
	int error;

	if (site_path(site, name, ".log", log))
		return FAILED;
	if (snprintf(path, sizeof(path), "%s/%s", site->programs, program) >=
	    (int)sizeof(path))
		return fail_by(program, METAFORA_E2BIG);
	all[2] = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (all[2] < 0)
		return fail(log, strerror(errno));
	argv[0] = path;
	error = process_start((char *const *)argv, all, tied, pid);
	close(all[2]);
	return error ? fail(path, strerror(error)) : 0;
}

static int ended_badly(const struct site *site, const char *name, int status)
{
	char text[PROCESS_TEXT_BYTES];

	fprintf(stderr, "metafora-demo: %s has ended (%s); see %s/%s.log\n",
		name, process_status_text(status, text), site->directory, name);
	return FAILED;
}

/* --- the server ----------------------------------------------------------------------- */

static int launch_server(struct real *real, int *answer_fd)
{
	const char *argv[] = {NULL, NULL};
	int in[2] = {-1, -1};
	int out[2] = {-1, -1};
	int result = FAILED;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) {
		fail("pipe", strerror(errno));
	} else {
		const int stdio[2] = {in[0], out[1]};

		/* Not tied, for it has to clean up when we are killed. */
		result = start_program(
			real->base.site, "metafora-private-zookeeper", argv,
			stdio, "zookeeper", false, &real->server_pid);
	}
	if (in[0] >= 0)
		close(in[0]);
	if (out[1] >= 0)
		close(out[1]);
	real->server_fd = in[1];
	*answer_fd = out[0];
	return result;
}

/* It says its address in one write when it serves. */
static int read_address(struct real *real, int answer_fd)
{
	const struct site *site = real->base.site;
	struct pollfd fds[] = {
		{.fd = answer_fd, .events = POLLIN},
		{.fd = site->signal_fd, .events = POLLIN},
	};
	ssize_t n_bytes;
	char *end;
	int status;

	if (poll(fds, 2, SERVER_LIMIT_MS) <= 0)
		return fail("the ZooKeeper server", "it did not start in time");
	if (fds[1].revents)
		return INTERRUPTED;
	n_bytes = read(answer_fd, real->address, sizeof(real->address) - 1);
	end = n_bytes > 0 ? memchr(real->address, '\n', (size_t)n_bytes) : NULL;
	if (end) {
		*end = '\0';
		return 0;
	}
	if (process_wait(real->server_pid, -1, SERVER_STOP_LIMIT_MS, &status))
		return fail("the ZooKeeper server", "it said nothing");
	real->server_pid = 0;
	return ended_badly(site, "zookeeper", status);
}

static int open_server(struct cluster *cluster)
{
	struct real *real = from(cluster);
	struct reach reach = {
		.servers = real->address,
		.namespace_path = NAMESPACE,
		.session_timeout_ms = CLIENT_TIMEOUT_MS,
		.n_buckets = N_BUCKETS,
	};
	int answer_fd;
	int result;
	int error;

	result = launch_server(real, &answer_fd);
	if (!result)
		result = read_address(real, answer_fd);
	if (answer_fd >= 0)
		close(answer_fd);
	if (result)
		return result;
	snprintf(cluster->broker, sizeof(cluster->broker),
		 "a ZooKeeper server serves at %s, our place is %s",
		 real->address, NAMESPACE);
	error = reach_coordinator(&reach, &cluster->coordinator);
	return error ? fail_by("cannot use the server", error) : 0;
}

static void stop_server(struct real *real)
{
	int status;

	if (real->server_fd >= 0)
		close(real->server_fd);
	if (!real->server_pid)
		return;
	if (process_wait(real->server_pid, -1, SERVER_STOP_LIMIT_MS, &status)) {
		fail("the ZooKeeper server", "it did not end in time");
		process_kill(real->server_pid);
	}
}

/* --- nodes -------------------------------------------------------------------------------- */

static int start_node(struct cluster *cluster, const char *name)
{
	struct real *real = from(cluster);
	struct node *node = &real->nodes[real->n_nodes];
	const int stdio[2] = {-1, -1};
	char output[PATH_BYTES];
	char journal[PATH_BYTES];
	const char *argv[] = {
		NULL,
		"--node",
		name,
		"--servers",
		real->address,
		"--namespace",
		NAMESPACE,
		"--output",
		output,
		"--journal",
		journal,
		"--session-timeout-ms",
		real->session_timeout,
		"--grace-ms",
		real->grace,
		NULL,
	};

	if (site_path(cluster->site, "out", "", output) ||
	    site_path(cluster->site, name, ".journal", journal) ||
	    start_program(cluster->site, "metafora-shelld", argv, stdio, name,
			  true, &node->pid))
		return FAILED;
	node->name = name;
	real->n_nodes++;
	return 0;
}

static int kill_node(struct cluster *cluster, const char *name)
{
	uint64_t limit_ns =
		journal_now_ns() + (uint64_t)DEATH_LIMIT_MS * NS_PER_MS;
	struct node *node = from(cluster)->nodes;
	pid_t session;

	while (strcmp(node->name, name))
		node++;
	session = node->pid;
	process_kill(node->pid);
	node->pid = 0;
	/* Its commands are in its session, and its warden kills them. */
	while (session_lives(session)) {
		if (journal_now_ns() > limit_ns)
			return fail(name, "its commands outlive it");
		poll(NULL, 0, POLL_MS);
	}
	return site_note_death(cluster->site, name);
}

static int check(struct cluster *cluster)
{
	struct real *real = from(cluster);
	size_t i;
	int status;

	for (i = 0; i < real->n_nodes; i++) {
		struct node *node = &real->nodes[i];

		if (!node->pid || process_wait(node->pid, -1, 0, &status))
			continue;
		node->pid = 0;
		return ended_badly(cluster->site, node->name, status);
	}
	return 0;
}

/* All at a time, and within one limit. */
static void stop_nodes(struct real *real)
{
	uint64_t limit_ns =
		journal_now_ns() + (uint64_t)STOP_LIMIT_MS * NS_PER_MS;
	size_t i;

	for (i = 0; i < real->n_nodes; i++)
		if (real->nodes[i].pid)
			kill(real->nodes[i].pid, SIGTERM);
	for (i = 0; i < real->n_nodes; i++) {
		uint64_t now_ns = journal_now_ns();
		int left_ms = now_ns < limit_ns
				      ? (int)((limit_ns - now_ns) / NS_PER_MS)
				      : 0;
		int status;

		if (!real->nodes[i].pid)
			continue;
		if (process_wait(real->nodes[i].pid, -1, left_ms, &status)) {
			fail(real->nodes[i].name, "it did not stop in time");
			process_kill(real->nodes[i].pid);
		} else if (status && status != SIGTERM) {
			/* That one was not yet ready to take it. */
			ended_badly(real->base.site, real->nodes[i].name,
				    status);
		}
	}
}

/* --- tasks ---------------------------------------------------------------------------------- */

/* As metafora-submit wants them.  Returns a descriptor to read them from. */
static int write_tasks(const struct site *site, const struct demo_task *tasks,
		       size_t n_tasks)
{
	char path[PATH_BYTES];
	bool is_bad;
	FILE *file;
	size_t i;
	int fd;

	if (site_path(site, "tasks", "", path))
		return FAILED;
	file = fopen(path, "we");
	if (!file)
		return fail(path, strerror(errno));
	for (i = 0; i < n_tasks; i++)
		fprintf(file, "%s\t%s\n", tasks[i].id, tasks[i].command);
	is_bad = ferror(file);
	if (fclose(file) || is_bad)
		return fail(path, strerror(errno));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? fail(path, strerror(errno)) : fd;
}

static int run_submitter(struct real *real, int tasks_fd)
{
	const struct site *site = real->base.site;
	const int stdio[2] = {tasks_fd, -1};
	char journal[PATH_BYTES];
	const char *argv[] = {
		NULL,      "--servers", real->address, "--namespace",
		NAMESPACE, "--journal", journal,       NULL,
	};
	pid_t pid;
	int status;
	int error;

	if (site_path(site, "client", ".journal", journal) ||
	    start_program(site, "metafora-submit", argv, stdio, "submit", true,
			  &pid))
		return FAILED;
	error = process_wait(pid, site->signal_fd, SUBMIT_LIMIT_MS, &status);
	if (error) {
		process_kill(pid);
		return error == EINTR ? INTERRUPTED
				      : fail("submit", strerror(error));
	}
	return status ? ended_badly(site, "submit", status) : 0;
}

static int submit(struct cluster *cluster, struct metafora_client *client,
		  const struct demo_task *tasks, size_t n_tasks)
{
	int tasks_fd = write_tasks(cluster->site, tasks, n_tasks);
	int result;

	(void)client; /* another process has one of its own */
	if (tasks_fd < 0)
		return FAILED;
	result = run_submitter(from(cluster), tasks_fd);
	close(tasks_fd);
	return result;
}

/* --- the whole --------------------------------------------------------------------------------- */

static struct cluster *new (const struct site *site)
{
	struct real *real = calloc(1, sizeof(*real));

	if (!real) {
		fail_by("cluster", METAFORA_ENOMEM);
		return NULL;
	}
	real->base.ops = &zookeeper_cluster;
	real->base.site = site;
	real->server_fd = -1;
	snprintf(real->session_timeout, NUMBER_BYTES, "%d", SESSION_TIMEOUT_MS);
	snprintf(real->grace, NUMBER_BYTES, "%d", TASK_GRACE_MS);
	return &real->base;
}

static void free_cluster(struct cluster *cluster)
{
	struct real *real = from(cluster);

	stop_nodes(real);
	stop_server(real);
	metafora_coordinator_free(cluster->coordinator);
	free(real);
}

const struct cluster_ops zookeeper_cluster = {
	.new = new,
	.open = open_server,
	.start_node = start_node,
	.submit = submit,
	.kill_node = kill_node,
	.check = check,
	.free = free_cluster,
};
