/* SPDX-License-Identifier: Apache-2.0 */
/* Private ZooKeeper servers of a test: one alone, or an ensemble. */
#include "zkserver.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "port.h"
#include "process.h"
#include "tap.h"

#define JAVA "/usr/bin/java"
#define JARS "/usr/share/java/"
#define JAR_ZOOKEEPER JARS "zookeeper.jar"
#define JAR_LOG JARS "slf4j-simple.jar"

/* On a busy machine a server takes its time. */
#define READY_MAX_MS 60000
#define STOP_MAX_MS 10000
#define ASK_MAX_MS 1000
/* With other ports, if one was taken meanwhile. */
#define STARTS_MAX 5

struct server {
	unsigned int port;        /* of clients */
	unsigned int quorum_port; /* where the leader is reached */
	unsigned int election_port;
	char host[32];
	char *folder;
	char *config;
	char *output;
	pid_t pid; /* 0: not started */
	bool paused;
	/* To each of the others. */
	struct relay *relays[ZKSERVERS_MAX];
};

struct zkservers {
	struct zkservers_options options;
	struct server servers[ZKSERVERS_MAX];
	char hosts[32 * ZKSERVERS_MAX];
	struct zkservers *next;
};

/* All there are, for the end of the program. */
static struct zkservers *all;

const char *zkservers_lack(void)
{
	if (access(JAVA, X_OK))
		return "no server: " JAVA " is missing "
		       "(package default-jre-headless)";
	if (access(JAR_ZOOKEEPER, R_OK) || access(JAR_LOG, R_OK))
		return "no server: " JAR_ZOOKEEPER " or " JAR_LOG
		       " is missing (package zookeeper)";
	return NULL;
}

/* --- asking ---------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_ready(int fd, short events, int64_t until_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	int64_t left_ms = until_ms - now_ms();

	return poll(&p, 1, left_ms > 0 ? (int)left_ms : 0) == 1;
}

/* A server that has just begun may take a question and never answer. */
static bool ask(unsigned int port, const char *word, char *answer,
		size_t size_bytes)
{
	const int64_t until_ms = now_ms() + ASK_MAX_MS;
	const struct sockaddr_in at = port_address(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	size_t n_bytes = 0;
	ssize_t n = -1;

	if (fd < 0)
		process_die("no socket: %s", strerror(errno));
	if ((connect(fd, (const struct sockaddr *)&at, sizeof(at)) &&
	     errno != EINPROGRESS) ||
	    !is_ready(fd, POLLOUT, until_ms) ||
	    send(fd, word, strlen(word), MSG_NOSIGNAL) != (ssize_t)strlen(word))
		goto out;
	while (n_bytes < size_bytes - 1 && is_ready(fd, POLLIN, until_ms)) {
		n = recv(fd, answer + n_bytes, size_bytes - 1 - n_bytes, 0);
		if (n <= 0)
			break;
		n_bytes += (size_t)n;
	}
out:
	close(fd);
	answer[n_bytes] = '\0';
	/* Cut short it is still one; without its end it is none. */
	return n_bytes > 0 && (n == 0 || n_bytes == size_bytes - 1);
}

bool zkservers_ask(const struct zkservers *servers, unsigned int i,
		   const char *word, char *answer, size_t size_bytes)
{
	return ask(servers->servers[i].port, word, answer, size_bytes);
}

/* "leader", "follower", "standalone", or "" if it does not serve. */
static void read_mode(const struct server *server, char mode[16])
{
	char answer[4096];
	const char *at;

	mode[0] = '\0';
	/* It must be ours, and not one that took the port before. */
	if (!ask(server->port, "conf", answer, sizeof(answer)) ||
	    !strstr(answer, server->folder) ||
	    !ask(server->port, "srvr", answer, sizeof(answer)))
		return;
	at = strstr(answer, "Mode: ");
	if (at)
		sscanf(at, "Mode: %15s", mode);
}

bool zkservers_serves(struct zkservers *servers, unsigned int i)
{
	char mode[16];

	if (!servers->servers[i].pid || servers->servers[i].paused)
		return false;
	read_mode(&servers->servers[i], mode);
	return mode[0];
}

int zkservers_leader(struct zkservers *servers)
{
	char mode[16];
	unsigned int i;

	for (i = 0; i < servers->options.n; i++) {
		if (!servers->servers[i].pid || servers->servers[i].paused)
			continue;
		read_mode(&servers->servers[i], mode);
		if (!strcmp(mode, "leader") || !strcmp(mode, "standalone"))
			return (int)i;
	}
	return -1;
}

/* --- files ------------------------------------------------------------------------- */

static unsigned int free_port(void)
{
	unsigned int port;

	close(port_bind(&port));
	return port;
}

static FILE *open_new(const char *path)
{
	FILE *file = fopen(path, "wex");

	if (!file)
		process_die("no file %s: %s", path, strerror(errno));
	return file;
}

static void close_written(FILE *file, const char *path)
{
	if (ferror(file) | fclose(file))
		process_die("cannot write %s: %s", path, strerror(errno));
}

/* Each server has its own picture of the others: the relays are in it. */
static void write_members(struct zkservers *servers, unsigned int of,
			  FILE *file)
{
	const struct server *server = &servers->servers[of];
	unsigned int i;

	fprintf(file, "initLimit=50\nsyncLimit=%u\n",
		servers->options.sync_ticks);
	for (i = 0; i < servers->options.n; i++)
		fprintf(file, "server.%u=127.0.0.1:%u:%u\n", i + 1,
			server->relays[i] ? relay_port(server->relays[i])
					  : servers->servers[i].quorum_port,
			servers->servers[i].election_port);
}

static void write_files(struct zkservers *servers, unsigned int i)
{
	const struct server *server = &servers->servers[i];
	FILE *file = open_new(server->config);
	char *path;

	fprintf(file,
		"tickTime=%d\ndataDir=%s\nclientPort=%u\n"
		"clientPortAddress=127.0.0.1\nadmin.enableServer=false\n"
		"4lw.commands.whitelist=*\nmaxClientCnxns=0\npreAllocSize="
		"4096\n"
		"maxSessionTimeout=60000\n",
		servers->options.tick_ms, server->folder, server->port);
	if (servers->options.n > 1)
		write_members(servers, i, file);
	close_written(file, server->config);
	path = process_format("%s/myid", server->folder);
	file = open_new(path);
	fprintf(file, "%u\n", i + 1);
	close_written(file, path);
	free(path);
}

/* Ports, folders, files, relays; nothing runs yet. */
static void prepare(struct zkservers *servers)
{
	static unsigned int n_made;
	struct server *server;
	unsigned int i, to;

	servers->hosts[0] = '\0';
	for (i = 0; i < servers->options.n; i++) {
		server = &servers->servers[i];
		server->folder = process_folder("zookeeper-%u", ++n_made);
		server->config = process_format("%s/zoo.cfg", server->folder);
		server->output = process_format("%s/output", server->folder);
		server->port = free_port();
		server->quorum_port = free_port();
		server->election_port = free_port();
		snprintf(server->host, sizeof(server->host), "127.0.0.1:%u",
			 server->port);
		snprintf(servers->hosts + strlen(servers->hosts), 32, "%s%s",
			 i ? "," : "", server->host);
	}
	for (i = 0; i < servers->options.n; i++) {
		for (to = 0;
		     servers->options.relayed && to < servers->options.n; to++)
			if (to != i)
				servers->servers[i].relays[to] = relay_new(
					servers->servers[to].quorum_port);
		write_files(servers, i);
	}
}

static void clear(struct zkservers *servers)
{
	struct server *server;
	unsigned int i, to;

	for (i = 0; i < servers->options.n; i++) {
		server = &servers->servers[i];
		if (server->pid)
			process_kill(server->pid);
		for (to = 0; to < servers->options.n; to++)
			relay_free(server->relays[to]);
		free(server->folder);
		free(server->config);
		free(server->output);
		*server = (struct server){0};
	}
}

/* --- running --------------------------------------------------------------------------- */

static void launch(struct server *server, bool lasting)
{
	const char *const argv[] = {
		JAVA,
		lasting ? "-Xms256m" : "-Xms32m",
		lasting ? "-Xmx1g" : "-Xmx512m",
		"-XX:+UseSerialGC",
		lasting ? "-XX:TieredStopAtLevel=4" : "-XX:TieredStopAtLevel=1",
		/* It would leave files in /tmp. */
		"-XX:-UsePerfData",
		"-Djava.net.preferIPv4Stack=true",
		"-Dzookeeper.jmx.log4j.disable=true",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		"-cp",
		JAR_ZOOKEEPER ":" JAR_LOG,
		"org.apache.zookeeper.server.quorum.QuorumPeerMain",
		server->config,
		NULL,
	};

	server->pid = process_start(argv, server->output);
	server->paused = false;
}

struct readiness {
	struct zkservers *servers;
	bool died;
};

/* Or one has died. */
static bool all_serve(void *arg)
{
	struct readiness *readiness = arg;
	struct zkservers *servers = readiness->servers;
	unsigned int n_started = 0;
	unsigned int n_serving = 0;
	unsigned int i;

	for (i = 0; i < servers->options.n; i++) {
		struct server *server = &servers->servers[i];

		if (!server->pid || server->paused)
			continue;
		n_started++;
		if (!process_runs(server->pid, NULL)) {
			server->pid = 0;
			readiness->died = true;
			return true;
		}
		n_serving += zkservers_serves(servers, i);
	}
	return n_serving == n_started && zkservers_leader(servers) >= 0;
}

static bool wait_all(struct zkservers *servers, bool *died)
{
	struct readiness readiness = {servers, false};
	bool ready = process_until(all_serve, &readiness, READY_MAX_MS);

	*died = readiness.died;
	return ready && !readiness.died;
}

bool zkservers_wait(struct zkservers *servers)
{
	bool died;

	return wait_all(servers, &died);
}

static void show_output(const struct zkservers *servers)
{
	char line[512];
	unsigned int i;
	FILE *file;

	for (i = 0; i < servers->options.n; i++) {
		file = fopen(servers->servers[i].output, "re");
		while (file && fgets(line, sizeof(line), file)) {
			line[strcspn(line, "\n")] = '\0';
			tap_note("server %u: %s", i, line);
		}
		if (file)
			fclose(file);
	}
}

static void end_all(void)
{
	struct zkservers *servers;

	for (servers = all; servers; servers = servers->next)
		clear(servers);
}

struct zkservers *zkservers_start(const struct zkservers_options *options)
{
	struct zkservers *servers = calloc(1, sizeof(*servers));
	static bool is_registered;
	const char *lack = zkservers_lack();
	bool died = true;
	unsigned int i;
	int tries;

	if (!servers || lack)
		process_die("%s", lack ? lack : "out of memory");
	servers->options = *options;
	if (!servers->options.tick_ms)
		servers->options.tick_ms = 200;
	if (!servers->options.sync_ticks)
		servers->options.sync_ticks = 20;
	for (tries = 0; died && tries < STARTS_MAX; tries++) {
		prepare(servers);
		/* Behind the folder's, so that it comes before it. */
		if (!is_registered && atexit(end_all))
			process_die("out of memory");
		is_registered = true;
		for (i = 0; i < options->n; i++)
			launch(&servers->servers[i], servers->options.lasting);
		if (wait_all(servers, &died)) {
			servers->next = all;
			all = servers;
			return servers;
		}
		show_output(servers);
		clear(servers);
	}
	process_die("%s", died ? "servers do not start: they end at once"
			       : "servers do not serve in time");
}

struct zkservers *zkservers_start_or_skip(void)
{
	const struct zkservers_options alone = {.n = 1};
	const char *lack = zkservers_lack();

	if (lack) {
		printf("1..0 # SKIP %s\n", lack);
		exit(0);
	}
	return zkservers_start(&alone);
}

void zkservers_free(struct zkservers *servers)
{
	struct zkservers **at;

	if (!servers)
		return;
	for (at = &all; *at != servers; at = &(*at)->next)
		;
	*at = servers->next;
	clear(servers);
	free(servers);
}

const char *zkservers_hosts(const struct zkservers *servers)
{
	return servers->hosts;
}

const char *zkservers_host(const struct zkservers *servers, unsigned int i)
{
	return servers->servers[i].host;
}

unsigned int zkservers_port(const struct zkservers *servers, unsigned int i)
{
	return servers->servers[i].port;
}

pid_t zkservers_pid(const struct zkservers *servers, unsigned int i)
{
	return servers->servers[i].pid;
}

struct relay *zkservers_relay(struct zkservers *servers, unsigned int from,
			      unsigned int to)
{
	return servers->servers[from].relays[to];
}

/* --- one of them -------------------------------------------------------------------------- */

static struct server *running(struct zkservers *servers, unsigned int i)
{
	if (i >= servers->options.n || !servers->servers[i].pid)
		process_die("server %u does not run", i);
	return &servers->servers[i];
}

void zkservers_stop(struct zkservers *servers, unsigned int i)
{
	struct server *server = running(servers, i);

	process_stop(server->pid, STOP_MAX_MS);
	server->pid = 0;
}

void zkservers_kill(struct zkservers *servers, unsigned int i)
{
	struct server *server = running(servers, i);

	process_kill(server->pid);
	server->pid = 0;
}

void zkservers_pause(struct zkservers *servers, unsigned int i)
{
	struct server *server = running(servers, i);
	siginfo_t info;

	kill(server->pid, SIGSTOP);
	/* It may answer until the signal has arrived. */
	while (waitid(P_PID, server->pid, &info,
		      WSTOPPED | WEXITED | WNOWAIT) &&
	       errno == EINTR)
		;
	server->paused = true;
}

void zkservers_continue(struct zkservers *servers, unsigned int i)
{
	struct server *server = running(servers, i);

	kill(server->pid, SIGCONT);
	server->paused = false;
}

void zkservers_restart(struct zkservers *servers, unsigned int i)
{
	if (servers->servers[i].pid)
		process_die("server %u runs already", i);
	launch(&servers->servers[i], servers->options.lasting);
}
