/* SPDX-License-Identifier: Apache-2.0 */
/* metafora-private-zookeeper: a ZooKeeper server that leaves nothing behind. */
#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"
#include "process.h"

/* Where Debian has it; the first names the rest. */
#define CLASS_PATH_DEFAULT                                                     \
	"/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar"
#define CLASS_PATH_VARIABLE "METAFORA_ZOOKEEPER_CLASS_PATH"

/* Session timeouts may be 2 to 20 ticks. */
#define TICK_MS 300
/* A Java machine on a busy computer takes its time. */
#define START_LIMIT_MS 25000
#define PROBE_MS 50
/* An early question may never be answered. */
#define ANSWER_LIMIT_MS 500
/* Ports to try: another program may take one before the server does. */
#define N_PORTS_MAX 5

#define NS_PER_MS 1000000u
#define PATH_BYTES 4096

struct server {
	char directory[PATH_BYTES];
	char config[PATH_BYTES + 16];
	unsigned int port;
	pid_t pid; /* 0: none runs */
	int process_fd;
	int signal_fd;
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "metafora-private-zookeeper: %s: %s\n", what, why);
	return -1;
}

/* --- its folder ------------------------------------------------------------------- */

static int make_directory(struct server *server)
{
	const char *parent = getenv("TMPDIR");
	int n = snprintf(server->directory, sizeof(server->directory),
			 "%s/metafora-zookeeper-XXXXXX",
			 parent && parent[0] ? parent : "/tmp");

	if (n < 0 || (size_t)n >= sizeof(server->directory)) {
		server->directory[0] = '\0';
		return fail("TMPDIR", strerror(ENAMETOOLONG));
	}
	if (!mkdtemp(server->directory)) {
		fail(server->directory, strerror(errno));
		server->directory[0] = '\0';
		return -1;
	}
	snprintf(server->config, sizeof(server->config), "%s/zoo.cfg",
		 server->directory);
	return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type,
			struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

static void remove_directory(const struct server *server)
{
	if (server->directory[0] &&
	    nftw(server->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS))
		fail(server->directory, strerror(errno));
}

static int write_config(const struct server *server)
{
	FILE *file = fopen(server->config, "we");
	int is_bad;

	if (!file)
		return fail(server->config, strerror(errno));
	fprintf(file,
		"tickTime=%d\n"
		"dataDir=%s\n"
		"clientPort=%u\n"
		"clientPortAddress=127.0.0.1\n"
		"admin.enableServer=false\n"
		"4lw.commands.whitelist=*\n"
		"maxClientCnxns=0\n"
		"preAllocSize=4096\n",
		TICK_MS, server->directory, server->port);
	is_bad = ferror(file);
	if (fclose(file) || is_bad)
		return fail(server->config, strerror(errno));
	return 0;
}

/* --- its process -------------------------------------------------------------------- */

static struct sockaddr_in address_of(unsigned int port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	return address;
}

/* A port that is free now. */
static int choose_port(struct server *server)
{
	struct sockaddr_in address = address_of(0);
	socklen_t n_bytes = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error = 0;

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, n_bytes) ||
	    getsockname(fd, (struct sockaddr *)&address, &n_bytes))
		error = errno;
	if (fd >= 0)
		close(fd);
	if (error)
		return fail("no port", strerror(error));
	server->port = ntohs(address.sin_port);
	return 0;
}

static int launch(struct server *server)
{
	const int stdio[3] = {-1, STDERR_FILENO, STDERR_FILENO};
	const char *class_path = getenv(CLASS_PATH_VARIABLE);
	char temporary[PATH_BYTES + 32];
	const char *argv[] = {
		"java",
		"-Xms16m",
		"-Xmx64m",
		"-XX:+UseSerialGC",
		"-XX:TieredStopAtLevel=1",
		"-XX:-UsePerfData", /* or a file would stay behind in /tmp */
		"-Dzookeeper.jmx.log4j.disable=true",
		"-Djava.net.preferIPv4Stack=true",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		temporary,
		"-cp",
		class_path && class_path[0] ? class_path : CLASS_PATH_DEFAULT,
		"org.apache.zookeeper.server.quorum.QuorumPeerMain",
		server->config,
		NULL,
	};
	int error;

	snprintf(temporary, sizeof(temporary), "-Djava.io.tmpdir=%s",
		 server->directory);
	error = process_start((char *const *)argv, stdio, true, &server->pid);
	return error ? fail("java", strerror(error)) : 0;
}

/* Ask for its configuration.  Returns the bytes of the answer, without NUL. */
static size_t ask(const struct server *server, char *answer, size_t size_bytes)
{
	const struct timeval limit = {.tv_usec = ANSWER_LIMIT_MS * 1000};
	struct sockaddr_in address = address_of(server->port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t n = 0;
	ssize_t n_new;

	if (fd < 0)
		return 0;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)) &&
	    send(fd, "conf", 4, MSG_NOSIGNAL) == 4)
		while (n < size_bytes &&
		       (n_new = recv(fd, answer + n, size_bytes - n, 0)) > 0)
			n += (size_t)n_new;
	close(fd);
	return n;
}

/* Whether it serves: ours, not another that was quicker to take the port. */
static bool is_ready(const struct server *server)
{
	char answer[2 * PATH_BYTES];
	size_t n_bytes = ask(server, answer, sizeof(answer) - 1);

	answer[n_bytes] = '\0';
	return strstr(answer, server->directory);
}

/* --- its life ------------------------------------------------------------------------- */

/* How a wait ended. */
enum event { TIME_IS_OVER, TOLD_TO_END, SERVER_ENDED };

/* What standard input says does not matter, nor whether it just ended. */
static enum event await(const struct server *server, int timeout_ms)
{
	struct pollfd fds[] = {
		{.fd = server->signal_fd, .events = POLLIN},
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = server->process_fd, .events = POLLIN},
	};
	int n = poll(fds, 3, timeout_ms);

	if (n == 0)
		return TIME_IS_OVER;
	return n < 0 || fds[0].revents || fds[1].revents ? TOLD_TO_END
							 : SERVER_ENDED;
}

static void stop(struct server *server)
{
	/* There is nothing that it would have to save. */
	if (server->pid)
		process_kill(server->pid);
	if (server->process_fd >= 0)
		close(server->process_fd);
	server->pid = 0;
	server->process_fd = -1;
}

static int start(struct server *server)
{
	if (choose_port(server) || write_config(server) || launch(server))
		return -1;
	server->process_fd = process_fd(server->pid);
	return server->process_fd < 0 ? fail("pidfd", strerror(errno)) : 0;
}

/*
 * Start it on one port after the other until it serves.  Returns 0 when it
 * does, -1 if it cannot; *is_told: we were told to end before.
 */
static int start_somewhere(struct server *server, bool *is_told)
{
	const uint64_t limit_ns =
		journal_now_ns() + (uint64_t)START_LIMIT_MS * NS_PER_MS;
	int n_ports;

	for (n_ports = 0; n_ports < N_PORTS_MAX; n_ports++) {
		enum event event = TIME_IS_OVER;

		if (start(server))
			return -1;
		while (event == TIME_IS_OVER && !is_ready(server)) {
			if (journal_now_ns() > limit_ns)
				return fail("java", "it took too long");
			event = await(server, PROBE_MS);
		}
		*is_told = event == TOLD_TO_END;
		if (event != SERVER_ENDED)
			return 0;
		stop(server);
	}
	return fail("java", "the server ended while it started");
}

static int serve(struct server *server)
{
	bool is_told = false;

	if (start_somewhere(server, &is_told))
		return -1;
	if (is_told)
		return 0;
	printf("127.0.0.1:%u\n", server->port);
	if (fflush(stdout))
		return fail("standard output", strerror(errno));
	if (await(server, -1) == SERVER_ENDED)
		return fail("java", "the server has ended");
	return 0;
}

static int catch_signals(struct server *server)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	server->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	return server->signal_fd < 0 ? fail("signals", strerror(errno)) : 0;
}

static int usage(FILE *out, int status)
{
	fprintf(out,
		"usage: metafora-private-zookeeper\n\n"
		"Runs a ZooKeeper server for trials: on a free port of this "
		"machine only, with its\ndata in a temporary folder.  Prints "
		"HOST:PORT when it serves, runs until standard\ninput ends or "
		"a signal comes, then removes its data.  " CLASS_PATH_VARIABLE
		"\nnames the jars where they are not Debian's.  Exit status: "
		"0, 1 if the server could\nnot be started or has ended, 2 "
		"usage.\n");
	return status;
}

int main(int argc, char **argv)
{
	struct server server = {.signal_fd = -1, .process_fd = -1};
	int failed;

	if (argc > 1)
		return strcmp(argv[1], "--help") ? usage(stderr, 2)
						 : usage(stdout, 0);
	failed = catch_signals(&server) || make_directory(&server) ||
		 serve(&server);
	stop(&server);
	remove_directory(&server);
	return failed ? 1 : 0;
}
