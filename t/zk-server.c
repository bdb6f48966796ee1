/* SPDX-License-Identifier: Apache-2.0 */
/* Private servers start, fail as they are told, and leave nothing behind. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "tap.h"
#include "zkserver.h"

#define PATIENCE_MS 60000

static bool lack(void)
{
	const char *reason = zkservers_lack();

	if (reason)
		tap_skip(reason);
	return reason != NULL;
}

/* --- nothing is left ------------------------------------------------------------ */

/* What a program that is about to be killed says of itself. */
struct victim {
	char folder[256];
	pid_t server;
};

static void __attribute__((noreturn)) be_victim(int out)
{
	const struct zkservers_options options = {.n = 1};
	struct zkservers *servers = zkservers_start(&options);
	struct victim victim = {.server = zkservers_pid(servers, 0)};
	char *folder = process_path(".");

	snprintf(victim.folder, sizeof(victim.folder), "%s", folder);
	if (write(out, &victim, sizeof(victim)) != sizeof(victim))
		_exit(1);
	for (;;)
		pause();
}

static bool is_clean(void *arg)
{
	const struct victim *victim = arg;

	return access(victim->folder, F_OK) && errno == ENOENT &&
	       kill(victim->server, 0) && errno == ESRCH;
}

/* First of all: a second folder of the same program would not be its own. */
static void leaves_nothing_when_killed(void)
{
	struct victim victim;
	int ends[2];
	pid_t pid;

	if (lack())
		return;
	CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		be_victim(ends[1]);
	close(ends[1]);
	CU_ASSERT_EQUAL(read(ends[0], &victim, sizeof(victim)),
			(ssize_t)sizeof(victim));
	close(ends[0]);
	CU_ASSERT_EQUAL(access(victim.folder, F_OK), 0);
	CU_ASSERT_EQUAL(kill(victim.server, 0), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CU_ASSERT(process_until(is_clean, &victim, PATIENCE_MS));
}

/* --- alone ------------------------------------------------------------------------- */

static bool serves(void *servers)
{
	return zkservers_serves(servers, 0);
}

static void serves_alone(void)
{
	const struct zkservers_options options = {.n = 1, .tick_ms = 300};
	struct zkservers *servers;
	char answer[4096];
	char *host;
	pid_t pid;

	if (lack())
		return;
	servers = zkservers_start(&options);
	CU_ASSERT(serves(servers));
	CU_ASSERT_EQUAL(zkservers_leader(servers), 0);
	CU_ASSERT(zkservers_ask(servers, 0, "conf", answer, sizeof(answer)));
	CU_ASSERT_PTR_NOT_NULL(strstr(answer, "tickTime=300\n"));
	CU_ASSERT_STRING_EQUAL(zkservers_hosts(servers),
			       zkservers_host(servers, 0));
	host = process_format("127.0.0.1:%u", zkservers_port(servers, 0));
	CU_ASSERT_STRING_EQUAL(zkservers_host(servers, 0), host);
	free(host);

	/* Another port would be another server to its clients. */
	pid = zkservers_pid(servers, 0);
	zkservers_kill(servers, 0);
	CU_ASSERT_FALSE(serves(servers));
	CU_ASSERT(kill(pid, 0) && errno == ESRCH);
	zkservers_restart(servers, 0);
	CU_ASSERT(zkservers_wait(servers));
	CU_ASSERT(serves(servers));

	zkservers_pause(servers, 0);
	CU_ASSERT_FALSE(zkservers_ask(servers, 0, "ruok", answer, 16));
	CU_ASSERT_EQUAL(zkservers_leader(servers), -1);
	zkservers_continue(servers, 0);
	CU_ASSERT(process_until(serves, servers, PATIENCE_MS));

	zkservers_stop(servers, 0);
	CU_ASSERT_EQUAL(zkservers_leader(servers), -1);
	zkservers_free(servers);
}

/* --- three ----------------------------------------------------------------------------- */

struct change {
	struct zkservers *servers;
	int old;
};

static bool another_leads(void *arg)
{
	const struct change *change = arg;
	int leader = zkservers_leader(change->servers);

	return leader >= 0 && leader != change->old;
}

static bool one_is_apart(void *arg)
{
	const struct change *change = arg;

	return !zkservers_serves(change->servers, (unsigned int)change->old);
}

static void serve_as_an_ensemble(void)
{
	const struct zkservers_options options = {
		.n = 3,
		.sync_ticks = 5,
		.relayed = true,
	};
	struct change change;
	unsigned int leader;
	unsigned int follower;

	if (lack())
		return;
	change.servers = zkservers_start(&options);
	change.old = zkservers_leader(change.servers);
	CU_ASSERT_FATAL(change.old >= 0);
	leader = (unsigned int)change.old;
	zkservers_kill(change.servers, leader);
	CU_ASSERT(process_until(another_leads, &change, PATIENCE_MS));
	zkservers_restart(change.servers, leader);
	CU_ASSERT(zkservers_wait(change.servers));

	/* A follower that is cut off from its leader serves no longer. */
	leader = (unsigned int)zkservers_leader(change.servers);
	follower = (leader + 1) % 3;
	change.old = (int)follower;
	CU_ASSERT_EQUAL(relay_n_connections(zkservers_relay(change.servers,
							    follower, leader)),
			1);
	relay_set_modes(zkservers_relay(change.servers, follower, leader),
			RELAY_HOLD);
	CU_ASSERT(process_until(one_is_apart, &change, PATIENCE_MS));
	CU_ASSERT_EQUAL(zkservers_leader(change.servers), (int)leader);
	relay_set_modes(zkservers_relay(change.servers, follower, leader),
			RELAY_PASS);
	CU_ASSERT(zkservers_wait(change.servers));
	zkservers_free(change.servers);
}

static const struct tap_case cases[] = {
	{"leave nothing behind when the test is killed",
	 leaves_nothing_when_killed},
	{"one serves alone, over a kill, a pause and a restart", serves_alone},
	{"three serve together, whoever is killed or cut off",
	 serve_as_an_ensemble},
};

TAP_MAIN(cases, NULL, NULL)
