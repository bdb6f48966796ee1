/* SPDX-License-Identifier: Apache-2.0 */
/* metafora-shelld as an operator has it: a file, signals, a service manager. */
#include <errno.h>
#include <jansson.h>
#include <metafora.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "tap.h"
#include "zkserver.h"

/* What has not come about by then never will. */
#define WAIT_MS 60000
#define N_TASKS 6

static struct zkservers *servers;
static char *folder; /* of the case */
static unsigned int n_cases;

static void setup(void)
{
	folder = process_folder("case-%u", ++n_cases);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

static void teardown(void)
{
	free(folder);
}

/* --- files -------------------------------------------------------------------------- */

static char *path_of(const char *name)
{
	return process_format("%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
	char *path = path_of(name);
	FILE *file = fopen(path, "we");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	fclose(file);
	free(path);
}

/* "" if there is none. */
static const char *read_file(const char *name)
{
	static char text[262144];
	char *path = path_of(name);
	FILE *file = fopen(path, "re");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	text[n] = '\0';
	if (file)
		fclose(file);
	free(path);
	return text;
}

struct text_in {
	const char *file;
	const char *text;
};

static bool is_in(void *arg)
{
	const struct text_in *in = arg;

	return strstr(read_file(in->file), in->text);
}

static bool wait_for(const char *file, const char *text)
{
	struct text_in in = {file, text};

	if (process_until(is_in, &in, WAIT_MS))
		return true;
	tap_note("%s never had: %s; it has: %.2000s", file, text,
		 read_file(file));
	return false;
}

/* --- daemons ------------------------------------------------------------------------- */

struct daemon {
	const char *name;
	pid_t pid;
};

/* Start NAME on NAME.conf, with up to four arguments more. */
static struct daemon begin(const char *name, const char *const *more)
{
	const char *argv[20] = {NULL};
	struct daemon daemon = {.name = name};
	char *program = process_format("%s/examples/metafora-shelld",
				       getenv("top_builddir"));
	char *config = process_format("%s/%s.conf", folder, name);
	char *journal = process_format("%s/%s.journal", folder, name);
	char *status = process_format("%s/%s.status", folder, name);
	char *output = path_of("output");
	char *log = process_format("%s/%s.log", folder, name);
	size_t n = 0;

	argv[n++] = program;
	argv[n++] = "--config";
	argv[n++] = config;
	argv[n++] = "--journal";
	argv[n++] = journal;
	argv[n++] = "--output";
	argv[n++] = output;
	argv[n++] = "--status";
	argv[n++] = status;
	while (more && *more)
		argv[n++] = *more++;
	daemon.pid = process_start(argv, log);
	free(program);
	free(config);
	free(journal);
	free(status);
	free(output);
	free(log);
	return daemon;
}

static void check_end(const struct daemon *daemon, int status)
{
	int how = -1;

	if (!process_wait(daemon->pid, WAIT_MS, &how)) {
		CU_FAIL("the daemon does not end");
		process_kill(daemon->pid);
		return;
	}
	CU_ASSERT_TRUE(WIFEXITED(how));
	CU_ASSERT_EQUAL(WEXITSTATUS(how), status);
}

static void end(const struct daemon *daemon)
{
	kill(daemon->pid, SIGTERM);
	check_end(daemon, 0);
}

/* A daemon on the embedded broker, its log with everything. */
#define EMBEDDED                                                              \
	"embedded { session_timeout_ms = 1000 }\n"                            \
	"log { sink = stderr level = debug }\n"

/* --- a service manager -------------------------------------------------------------------- */

static int manager = -1;

static void open_manager(void)
{
	const struct timeval timeout = {.tv_sec = WAIT_MS / 1000};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char *path = path_of("manager");

	CU_ASSERT_FATAL(strlen(path) < sizeof(address.sun_path));
	strcpy(address.sun_path, path);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_FATAL(manager >= 0);
	setsockopt(manager, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	CU_ASSERT_EQUAL_FATAL(bind(manager, (struct sockaddr *)&address,
				   sizeof(address)),
			      0);
	setenv("NOTIFY_SOCKET", path, 1);
	free(path);
}

/* Wait until it says something that begins so, whatever it says before. */
static bool hears(const char *text)
{
	char heard[300];
	ssize_t n;

	do {
		n = recv(manager, heard, sizeof(heard) - 1, 0);
		if (n < 0) {
			tap_note("never heard %s", text);
			return false;
		}
		heard[n] = '\0';
	} while (strncmp(heard, text, strlen(text)) != 0);
	return true;
}

/* --- its file ------------------------------------------------------------------------- */

static const struct {
	const char *text;
	const char *more[3];
	const char *said;
} mistakes[] = {
	{"embedded { }\nnode { weight = 0 }\n", {NULL},
	 "x.conf:2: node.weight: must be a number above 0, at most 1000\n"},
	{"embedded { }\nnode { colour = red }\n", {NULL},
	 "x.conf:2: node.colour: no such key in this section\n"},
	{"node { weight = 1 }\n", {NULL},
	 "x.conf: there must be a section embedded or zookeeper\n"},
	{"embedded { }\nnode { max_tasks = 4097 }\n", {NULL},
	 "x.conf: node.max_tasks: must be at most 4096 here\n"},
	{"embedded { }\n", {"--weight", "heavy", NULL},
	 "--weight: must be a number above 0, at most 1000\n"},
	{"embedded { }\n", {"--servers", "a:1", NULL},
	 "there must be one of the sections embedded and zookeeper"},
	{NULL, {NULL}, "x.conf: the file does not exist\n"},
};

static void a_wrong_file_ends_it_before_anything_begins(void)
{
	struct daemon daemon;
	size_t i;

	for (i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		teardown();
		setup();
		if (mistakes[i].text)
			write_file("x.conf", mistakes[i].text);
		daemon = begin("x", mistakes[i].more);
		check_end(&daemon, 2);
		if (!strstr(read_file("x.log"), mistakes[i].said)) {
			CU_FAIL("it says something else");
			tap_note("said: %s", read_file("x.log"));
		}
		CU_ASSERT_STRING_EQUAL(read_file("x.journal"), "");
	}
}

static json_t *read_status(const char *name)
{
	char *file = process_format("%s.status", name);
	json_t *json = json_loads(read_file(file), 0, NULL);

	free(file);
	return json;
}

static bool has_status(void *arg)
{
	json_t *json = read_status(arg);

	json_decref(json);
	return json;
}

static void the_status_is_written_and_the_command_line_goes_first(void)
{
	const char *const more[] = {"--node", "by-option", NULL};
	struct daemon daemon;
	json_t *json;

	write_file("x.conf", EMBEDDED "node { name = by-file }\n");
	daemon = begin("x", more);
	CU_ASSERT_TRUE(wait_for("x.log", "node=by-option"));
	kill(daemon.pid, SIGUSR1);
	CU_ASSERT_TRUE(process_until(has_status, "x", WAIT_MS));
	json = read_status("x");
	CU_ASSERT_PTR_NOT_NULL_FATAL(json);
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(json, "node")),
			       "by-option");
	json_decref(json);
	/* And again, in place of the old. */
	write_file("x.status", "");
	kill(daemon.pid, SIGUSR1);
	CU_ASSERT_TRUE(process_until(has_status, "x", WAIT_MS));
	end(&daemon);
}

static void a_file_is_read_again_and_what_needs_a_restart_is_named(void)
{
	struct daemon daemon;

	write_file("x.conf", "embedded { }\nnode { name = x }\n"
			     "log { sink = stderr level = warn }\n");
	open_manager();
	daemon = begin("x", NULL);
	CU_ASSERT_TRUE(hears("READY=1")); /* so it takes signals */
	close(manager);
	CU_ASSERT_FALSE(strstr(read_file("x.log"), "info "));
	write_file("x.conf", "embedded { }\nnode { name = x weight = 2 }\n"
			     "log { sink = stderr level = debug }\n");
	kill(daemon.pid, SIGHUP);
	CU_ASSERT_TRUE(wait_for("x.log", "warn change needs a restart "
					 "key=node.weight\n"));
	CU_ASSERT_TRUE(wait_for("x.log", "info configuration read again "
					 "changed=1 need_restart=1\n"));
	write_file("x.conf", "embedded { }\nnode { name = x\nweight = -2 }\n"
			     "log { sink = none level = debug }\n");
	kill(daemon.pid, SIGHUP);
	CU_ASSERT_TRUE(wait_for("x.log", "x.conf line=3 key=node.weight must "
					 "be a number above 0"));
	CU_ASSERT_TRUE(wait_for("x.log",
				"error configuration is left as it was\n"));
	end(&daemon);
	CU_ASSERT_TRUE(wait_for("x.log", "info stopping signal=15\n"));
}

/* --- its manager ------------------------------------------------------------------------ */

static void its_manager_hears_how_it_is(void)
{
	struct daemon daemon;

	open_manager();
	setenv("WATCHDOG_USEC", "200000", 1);
	write_file("x.conf", EMBEDDED "node { name = x }\n");
	daemon = begin("x", NULL);
	CU_ASSERT_TRUE(hears("READY=1\nSTATUS=joined as x"));
	CU_ASSERT_TRUE(hears("WATCHDOG=1"));
	CU_ASSERT_TRUE(hears("WATCHDOG=1"));
	kill(daemon.pid, SIGHUP);
	CU_ASSERT_TRUE(hears("RELOADING=1\nMONOTONIC_USEC="));
	CU_ASSERT_TRUE(hears("READY=1"));
	kill(daemon.pid, SIGTERM);
	CU_ASSERT_TRUE(hears("STOPPING=1"));
	check_end(&daemon, 0);
	close(manager);
}

static void a_watchdog_of_another_process_hears_nothing(void)
{
	struct daemon daemon;
	char heard[300];

	open_manager();
	setenv("WATCHDOG_USEC", "2000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	write_file("x.conf", EMBEDDED);
	daemon = begin("x", NULL);
	CU_ASSERT_TRUE(hears("READY=1"));
	end(&daemon);
	CU_ASSERT_TRUE(recv(manager, heard, sizeof(heard), MSG_DONTWAIT) > 0);
	CU_ASSERT_EQUAL(memcmp(heard, "STOPPING=1", 10), 0);
	CU_ASSERT_TRUE(recv(manager, heard, sizeof(heard), MSG_DONTWAIT) < 0);
	close(manager);
}

/* --- on ZooKeeper ------------------------------------------------------------------------ */

static bool have_servers(void)
{
	const struct zkservers_options options = {.n = 1};

	if (zkservers_lack()) {
		tap_skip(zkservers_lack());
		return false;
	}
	if (!servers)
		servers = zkservers_start(&options);
	return true;
}

/* What all nodes and clients of a case have. */
static char *zookeeper_text(const char *more)
{
	return process_format("zookeeper {\n servers = \"%s\"\n"
			      " namespace = \"/shelld-%u\"\n"
			      " session_timeout_ms = 3000\n}\n"
			      "log { sink = stderr level = info }\n%s",
			      zkservers_hosts(servers), n_cases, more);
}

static struct daemon begin_on_zookeeper(const char *name,
					const char *const *more)
{
	char *file = process_format("%s.conf", name);
	char *node = process_format("node { name = %s }\n", name);
	char *text = zookeeper_text(node);

	write_file(file, text);
	free(file);
	free(node);
	free(text);
	return begin(name, more);
}

static struct metafora_client *make_client(void)
{
	struct metafora_client *client = NULL;
	struct metafora_config *config = NULL;
	char *text = zookeeper_text("");

	CU_ASSERT_EQUAL_FATAL(
		metafora_config_parse(text, "", NULL, NULL, &config), 0);
	CU_ASSERT_EQUAL_FATAL(metafora_config_client(config, &client), 0);
	metafora_config_free(config);
	free(text);
	return client;
}

struct share {
	struct metafora_client *client;
	const char *node;
	size_t n;
};

/* Whether the node owns so many tasks. */
static bool has_share(void *arg)
{
	const struct share *share = arg;
	struct metafora_listing *listing;
	size_t n = 0;
	size_t i;

	if (metafora_client_list(share->client, NULL, NULL, 0, WAIT_MS,
				 &listing))
		return false;
	for (i = 0; i < metafora_listing_size(listing); i++)
		n += metafora_listing_owner(listing, i) &&
		     strcmp(metafora_listing_owner(listing, i), share->node) ==
			     0;
	metafora_listing_free(listing);
	return n == share->n;
}

static bool wait_share(struct metafora_client *client, const char *node,
		       size_t n)
{
	struct share share = {client, node, n};

	return process_until_every(50, has_share, &share, WAIT_MS);
}

static void submit(struct metafora_client *client, const char *id,
		   const char *command)
{
	CU_ASSERT_EQUAL(metafora_client_submit(client, id, command,
					       strlen(command), WAIT_MS),
			0);
}

static size_t n_lines(const char *file, const char *text)
{
	const char *at = read_file(file);
	size_t n = 0;

	while ((at = strstr(at, text))) {
		at++;
		n++;
	}
	return n;
}

static bool has_begun_its_share(void *file)
{
	return n_lines(file, " start ") >= N_TASKS / 2;
}

static void a_node_that_is_told_to_end_drains_and_leaves(void)
{
	struct metafora_client *client;
	struct daemon a, b;
	char id[16];
	int i;

	if (!have_servers())
		return;
	a = begin_on_zookeeper("a", NULL);
	b = begin_on_zookeeper("b", NULL);
	client = make_client();
	for (i = 0; i < N_TASKS; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		submit(client, id, "while :; do sleep 1; done");
	}
	CU_ASSERT_TRUE(wait_share(client, "a", N_TASKS / 2));
	CU_ASSERT_TRUE(wait_share(client, "b", N_TASKS / 2));
	/* A task is claimed a moment before it runs. */
	CU_ASSERT_TRUE(
		process_until(has_begun_its_share, "a.journal", WAIT_MS));
	end(&a);
	CU_ASSERT_TRUE(wait_share(client, "b", N_TASKS));
	CU_ASSERT_EQUAL(n_lines("a.journal", " stop-asked "),
			n_lines("a.journal", " end "));
	CU_ASSERT_TRUE(n_lines("a.journal", " end ") >= N_TASKS / 2);
	for (i = 0; i < N_TASKS; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		CU_ASSERT_EQUAL(metafora_client_delete(client, id, WAIT_MS), 0);
	}
	metafora_client_free(client);
	end(&b);
}

static bool is_draining(void *client)
{
	struct metafora_node_list *nodes;
	bool draining = false;

	if (metafora_client_nodes(client, WAIT_MS, &nodes))
		return false;
	draining = metafora_node_list_size(nodes) == 1 &&
		   metafora_node_list_state(nodes, 0) ==
			   METAFORA_MEMBER_DRAINING;
	metafora_node_list_free(nodes);
	return draining;
}

/* A task that does not stop keeps the node draining; who cannot wait says so. */
static void the_others_see_that_it_drains_until_a_second_signal(void)
{
	const char *const more[] = {"--grace-ms", "600000", NULL};
	struct metafora_client *client;
	struct daemon daemon;
	char *command;
	int how = 0;

	if (!have_servers())
		return;
	daemon = begin_on_zookeeper("a", more);
	client = make_client();
	command = process_format("trap '' TERM; echo >%s/runs; "
				 "while :; do sleep 0.1; done",
				 folder);
	submit(client, "stubborn", command);
	CU_ASSERT_TRUE(wait_for("runs", "\n"));
	kill(daemon.pid, SIGTERM);
	CU_ASSERT_TRUE(process_until_every(50, is_draining, client, WAIT_MS));
	CU_ASSERT_TRUE(process_runs(daemon.pid, &how));
	kill(daemon.pid, SIGTERM);
	CU_ASSERT_TRUE(process_wait(daemon.pid, WAIT_MS, &how));
	CU_ASSERT_TRUE(WIFSIGNALED(how) && WTERMSIG(how) == SIGTERM);
	metafora_client_free(client);
	free(command);
}

/* The last case: the servers end. */
static void without_a_broker_it_does_not_start(void)
{
	struct daemon daemon;

	if (!have_servers())
		return;
	zkservers_kill(servers, 0);
	daemon = begin_on_zookeeper("a", NULL);
	check_end(&daemon, 1);
	CU_ASSERT_TRUE(wait_for("a.log", "a cannot join the cluster /shelld-"));
	zkservers_free(servers);
}

static const struct tap_case cases[] = {
	{"a wrong file ends it before anything begins",
	 a_wrong_file_ends_it_before_anything_begins},
	{"the status is written, and the command line goes first",
	 the_status_is_written_and_the_command_line_goes_first},
	{"a file is read again, and what needs a restart is named",
	 a_file_is_read_again_and_what_needs_a_restart_is_named},
	{"its manager hears how it is", its_manager_hears_how_it_is},
	{"a watchdog of another process hears nothing",
	 a_watchdog_of_another_process_hears_nothing},
	{"a node that is told to end drains and leaves",
	 a_node_that_is_told_to_end_drains_and_leaves},
	{"the others see that it drains, until a second signal",
	 the_others_see_that_it_drains_until_a_second_signal},
	{"without a broker it does not start",
	 without_a_broker_it_does_not_start},
};

TAP_MAIN(cases, setup, teardown)
