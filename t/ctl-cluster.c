/* SPDX-License-Identifier: Apache-2.0 */
/* metaforactl on a cluster that runs, its configuration and its repair. */
#include <metafora.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "process.h"
#include "tap.h"
#include "zkserver.h"
#include "zkwire.h"

#define PATIENCE_MS 60000
#define ROOT "/ctl"
#define N_NODES 2

static struct zkservers *servers;
static struct metafora_coordinator *coordinator;
static struct metafora_handler *handler;
static struct metafora_consumer *nodes[N_NODES];

/* --- nodes --------------------------------------------------------------------- */

/* Handlers that were asked to stop do not end while this is set. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool held;
	unsigned int n_runs;
} runs = {.lock = PTHREAD_MUTEX_INITIALIZER,
	  .changed = PTHREAD_COND_INITIALIZER};

static void hold(bool held)
{
	pthread_mutex_lock(&runs.lock);
	runs.held = held;
	pthread_cond_broadcast(&runs.changed);
	pthread_mutex_unlock(&runs.lock);
}

static enum metafora_outcome run(void *arg, struct metafora_task *task)
{
	(void)arg;
	pthread_mutex_lock(&runs.lock);
	runs.n_runs++;
	pthread_mutex_unlock(&runs.lock);
	metafora_task_stop_wait(task, -1);
	pthread_mutex_lock(&runs.lock);
	while (runs.held)
		pthread_cond_wait(&runs.changed, &runs.lock);
	pthread_mutex_unlock(&runs.lock);
	return METAFORA_RELEASE;
}

static unsigned int n_runs(void)
{
	unsigned int n;

	pthread_mutex_lock(&runs.lock);
	n = runs.n_runs;
	pthread_mutex_unlock(&runs.lock);
	return n;
}

static int on_command(void *arg, const char *name, const char *argument,
		      struct metafora_command_reply *reply)
{
	(void)arg;
	if (!strcmp(name, "greet"))
		return metafora_command_reply_text(reply, argument);
	if (strcmp(name, "refuse") != 0)
		return METAFORA_ENOTSUP;
	metafora_command_reply_text(reply, "not\ttoday");
	return METAFORA_EBUSY;
}

static void start_nodes(void)
{
	char name[16];
	int i;

	for (i = 0; i < N_NODES; i++) {
		snprintf(name, sizeof(name), "n%d", i + 1);
		if (metafora_consumer_new(name, coordinator, NULL, handler,
					  &nodes[i]) ||
		    metafora_consumer_set_command_handler(nodes[i], on_command,
							  NULL) ||
		    metafora_consumer_start(nodes[i], PATIENCE_MS))
			process_die("no node");
	}
}

static void make_cluster(void)
{
	struct metafora_zookeeper_options *options;

	if (metafora_zookeeper_options_new(zkservers_hosts(servers), ROOT,
					   &options) ||
	    metafora_zookeeper_set_buckets(options, 4) ||
	    metafora_zookeeper_set_session_timeout_ms(options, 4000) ||
	    metafora_zookeeper_coordinator_new(options, &coordinator) ||
	    metafora_handler_new_threaded(run, NULL, &handler))
		process_die("no cluster");
	metafora_zookeeper_options_free(options);
	start_nodes();
}

static void end_cluster(void)
{
	int i;

	for (i = 0; i < N_NODES; i++)
		metafora_consumer_close(nodes[i]);
	for (i = 0; i < N_NODES; i++)
		metafora_consumer_free(nodes[i]);
	metafora_handler_free(handler);
	metafora_coordinator_free(coordinator);
}

static void setup(void)
{
	ctl_environment(zkservers_hosts(servers), ROOT);
}

/* --- waiting ---------------------------------------------------------------------- */

static long integer(const json_t *json, const char *key)
{
	return (long)json_integer_value(json_object_get(json, key));
}

static const char *string(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text ? text : "";
}

/* What a node is expected to be like; tasks -1: whatever. */
struct expected {
	const char *state[N_NODES];
	long n_tasks[N_NODES];
};

static bool is_as_expected(void *arg)
{
	const struct expected *expected = arg;
	bool as_expected = true;
	const json_t *node;
	json_t *json;
	size_t i;

	if (ctl("nodes", "--json", NULL) || !(json = ctl_json()))
		return false;
	for (i = 0; i < N_NODES; i++) {
		node = json_array_get(json, i);
		as_expected &=
			!strcmp(string(node, "state"), expected->state[i]);
		as_expected &= expected->n_tasks[i] < 0 ||
			       integer(node, "tasks") == expected->n_tasks[i];
	}
	json_decref(json);
	return as_expected;
}

static void expect(const char *state1, long n1, const char *state2, long n2)
{
	struct expected expected = {{state1, state2}, {n1, n2}};

	CU_ASSERT(process_until(is_as_expected, &expected, PATIENCE_MS));
}

static void submit_four(void)
{
	CU_ASSERT_EQUAL(ctl_with("t1\tone\nt2\nt3\nt4\n", "submit", NULL), 0);
	expect("active", 2, "active", 2);
}

static void remove_four(void)
{
	CU_ASSERT_EQUAL(ctl("rm", "-i", "t1", "t2", "t3", "t4", NULL), 0);
	expect("active", 0, "active", 0);
}

/* --- what is to be seen --------------------------------------------------------------- */

static void nodes_are_shown(void)
{
	json_t *json;

	CU_ASSERT_EQUAL(ctl("nodes", NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "NODE"));
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "n2"));
	CU_ASSERT_EQUAL(ctl("nodes", "--long", "--color", "always", NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, metafora_version()));
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "\033[32mactive"));
	CU_ASSERT_EQUAL(ctl("nodes", "--json", NULL), 0);
	json = ctl_json();
	CU_ASSERT_EQUAL(json_array_size(json), N_NODES);
	CU_ASSERT_STRING_EQUAL(string(json_array_get(json, 0), "node"), "n1");
	CU_ASSERT(integer(json_array_get(json, 0), "since_ms") > 0);
	json_decref(json);
}

static void owned_tasks_are_shown(void)
{
	json_t *json;
	const json_t *row;

	submit_four();
	CU_ASSERT_EQUAL(ctl("ls", NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "n1"));
	CU_ASSERT_EQUAL(ctl("ls", "--long", "--json", NULL), 0);
	json = ctl_json();
	CU_ASSERT_EQUAL(json_array_size(json), 4);
	row = json_array_get(json, 0);
	CU_ASSERT_STRING_EQUAL(string(row, "id"), "t1");
	CU_ASSERT(integer(row, "since_ms") > 0);
	CU_ASSERT(strtoull(string(row, "token"), NULL, 10) >> 32 > 0);
	json_decref(json);
	CU_ASSERT_EQUAL(ctl("ls", "--long", NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "SINCE"));
	CU_ASSERT_EQUAL(ctl("ls", "--owner", "n1", "--json", NULL), 0);
	json = ctl_json();
	CU_ASSERT_EQUAL(json_array_size(json), 2);
	json_decref(json);
	CU_ASSERT_EQUAL(ctl("show", "t1", "--json", NULL), 0);
	json = ctl_json();
	CU_ASSERT_STRING_EQUAL(string(json, "properties"), "one");
	CU_ASSERT(integer(json, "submitted_ms") > 0);
	CU_ASSERT_EQUAL(string(json, "owner")[0], 'n');
	json_decref(json);
	CU_ASSERT_EQUAL(ctl("show", "t1", NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "token"));
	remove_four();
}

static void the_cluster_is_summed_up(void)
{
	json_t *json;

	submit_four();
	CU_ASSERT_EQUAL(ctl("status", "--json", NULL), 0);
	json = ctl_json();
	CU_ASSERT_STRING_EQUAL(string(json, "namespace"), ROOT);
	CU_ASSERT_EQUAL(integer(json_object_get(json, "tasks"), "total"), 4);
	CU_ASSERT_EQUAL(integer(json_object_get(json, "tasks"), "unowned"), 0);
	CU_ASSERT_EQUAL(integer(json_object_get(json, "states"), "active"), 2);
	CU_ASSERT_EQUAL(integer(json_object_get(json, "spread"), "least"), 2);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(json, "nodes")), 2);
	json_decref(json);
	CU_ASSERT_EQUAL(ctl("status", NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "4: 4 owned, 0 unowned"));
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "2 to 2 tasks"));
	remove_four();
}

/* --- events ----------------------------------------------------------------- */

/* Whether the started watch has told of it, in one line. */
static bool has_told(void *arg)
{
	char *const *words = arg;
	const char *line;
	const char *end;

	ctl_look();
	for (line = ctl_out; (end = strchr(line, '\n')); line = end + 1) {
		const char *found = strstr(line, words[0]);

		if (found && found < end && (found = strstr(line, words[1])) &&
		    found < end)
			return true;
	}
	return false;
}

static void expect_told(const char *what, const char *about)
{
	const char *words[] = {what, about};

	CU_ASSERT(process_until(has_told, words, PATIENCE_MS));
}

static void what_happens_is_told(void)
{
	pid_t pid = ctl_start(NULL, "watch", NULL);
	json_t *json;
	char *end;

	expect_told("NODE_JOINED", "n1  active");
	expect_told("SYNCED", "");
	CU_ASSERT_EQUAL(ctl("submit", "new\033", NULL), 0);
	expect_told("TASK_SUBMITTED", "new\\x1b");
	expect_told("TASK_OWNED", "new\\x1b");
	CU_ASSERT_EQUAL(ctl("freeze", "n1", NULL), 0);
	expect_told("NODE_CHANGED", "n1  frozen");
	CU_ASSERT_EQUAL(ctl("unfreeze", "n1", NULL), 0);
	CU_ASSERT_EQUAL(ctl("rm", "new\033", NULL), 0);
	expect_told("TASK_REMOVED", "new\\x1b");
	kill(pid, SIGTERM);
	CU_ASSERT_EQUAL(ctl_end(pid), 130);
	CU_ASSERT_STRING_EQUAL(ctl_err, "");
	CU_ASSERT_EQUAL(ctl("watch", "--json", "--limit", "3", NULL), 0);
	/* The first of three lines. */
	end = strchr(ctl_out, '\n');
	CU_ASSERT_PTR_NOT_NULL_FATAL(end);
	CU_ASSERT_PTR_NOT_NULL(strchr(end + 1, '\n'));
	*end = '\0';
	json = ctl_json();
	CU_ASSERT(integer(json, "time_ms") > 0);
	CU_ASSERT(*string(json, "type") != '\0');
	json_decref(json);
}

/* --- commands ------------------------------------------------------------------------------ */

static void nodes_can_be_frozen(void)
{
	json_t *json;

	CU_ASSERT_EQUAL(ctl("freeze", "n1", NULL), 0);
	expect("frozen", -1, "active", -1);
	CU_ASSERT_EQUAL(ctl("freeze", "n1", "n3", NULL), 3);
	CU_ASSERT(ctl_says("n3: no such node lives"));
	CU_ASSERT_EQUAL(ctl("unfreeze", "--all", "--json", NULL), 0);
	json = ctl_json();
	CU_ASSERT_EQUAL(json_array_size(json), N_NODES);
	CU_ASSERT_STRING_EQUAL(string(json_array_get(json, 1), "node"), "n2");
	CU_ASSERT(json_is_null(
		json_object_get(json_array_get(json, 1), "error")));
	json_decref(json);
	expect("active", -1, "active", -1);
	CU_ASSERT_EQUAL(ctl("balance", "n1", "n2", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, "");
}

static void commands_are_answered(void)
{
	CU_ASSERT_EQUAL(ctl("command", "n1", "greet", "hello\033", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, "hello\\x1b\n");
	CU_ASSERT_EQUAL(ctl("command", "--all", "greet", "you", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, "n1: you\nn2: you\n");
	CU_ASSERT_EQUAL(ctl("command", "n1", "nonsense", NULL), 1);
	CU_ASSERT(ctl_says("does not know the command nonsense"));
	CU_ASSERT_EQUAL(ctl("command", "n1", "refuse", NULL), 1);
	CU_ASSERT(ctl_says("not\\ttoday"));
	CU_ASSERT_EQUAL(ctl("command", "n1", "greet", "x", "--no-wait", NULL),
			0);
	CU_ASSERT_EQUAL(ctl("command", "n3", "greet", "x", "--no-wait", NULL),
			3);
	/* What looks like an option may be an argument. */
	CU_ASSERT_EQUAL(ctl("command", "n1", "greet", "--", "--all", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, "--all\n");
}

static bool has_run_more(void *arg)
{
	return n_runs() > *(unsigned int *)arg;
}

static void a_stopped_task_runs_again(void)
{
	unsigned int n;

	submit_four();
	n = n_runs();
	CU_ASSERT_EQUAL(ctl("stop-task", "t1", NULL), 0);
	CU_ASSERT(process_until(has_run_more, &n, PATIENCE_MS));
	remove_four();
}

/* --- draining ---------------------------------------------------------------------------------- */

static void a_drained_node_is_empty(void)
{
	json_t *json;

	submit_four();
	CU_ASSERT_EQUAL(ctl("drain", "n1", "--json", NULL), 0);
	json = ctl_json();
	CU_ASSERT_STRING_EQUAL(string(json_array_get(json, 0), "outcome"),
			       "drained");
	json_decref(json);
	expect("draining", 0, "active", 4);
	CU_ASSERT_EQUAL(ctl("undrain", "n1", NULL), 0);
	expect("active", 2, "active", 2);
	CU_ASSERT_EQUAL(ctl("drain", "n1", "n3", NULL), 3);
	CU_ASSERT_EQUAL(ctl("undrain", "n1", NULL), 0);
	remove_four();
}

static void an_interrupted_drain_goes_on(void)
{
	pid_t pid;

	submit_four();
	hold(true);
	pid = ctl_start(NULL, "drain", "n1", NULL);
	expect("draining", 2, "active", -1);
	CU_ASSERT(process_runs(pid, NULL));
	kill(pid, SIGINT);
	CU_ASSERT_EQUAL(ctl_end(pid), 130);
	/* It may not have looked yet; then it does not know how many. */
	CU_ASSERT(
		ctl_says("interrupted with 2 tasks left: it goes on draining") ||
		ctl_says("interrupted: it goes on draining"));
	hold(false);
	expect("draining", 0, "active", 4);
	CU_ASSERT_EQUAL(ctl("undrain", "n1", NULL), 0);
	remove_four();
}

static void a_drain_can_be_bounded(void)
{
	submit_four();
	hold(true);
	CU_ASSERT_EQUAL(ctl("drain", "n1", "--wait", "200ms", NULL), 5);
	CU_ASSERT(ctl_says("not waited for with 2 tasks left"));
	CU_ASSERT_EQUAL(ctl("drain", "n1", "--no-wait", NULL), 0);
	hold(false);
	CU_ASSERT_EQUAL(ctl("undrain", "n1", NULL), 0);
	remove_four();
}

static void an_undrained_node_ends_the_waiting(void)
{
	pid_t pid;

	submit_four();
	hold(true);
	pid = ctl_start(NULL, "drain", "n1", NULL);
	expect("draining", 2, "active", -1);
	CU_ASSERT_EQUAL(ctl("undrain", "n1", NULL), 0);
	CU_ASSERT_EQUAL(ctl_end(pid), 1);
	CU_ASSERT(ctl_says("undrained"));
	hold(false);
	remove_four();
}

/* --- on a terminal ------------------------------------------------------------ */

static bool shows(void *arg)
{
	ctl_look_at_terminal();
	return strstr(ctl_out, arg) != NULL;
}

static void a_terminal_shows_progress(void)
{
	static char progress[] = "\rdraining: 2 tasks left on 1 node\033[K";
	static char gone[] = "\r\033[Kmetaforactl: drain: n1: interrupted";
	pid_t pid;

	submit_four();
	hold(true);
	pid = ctl_start_on_terminal(200, "drain", "n1", NULL);
	CU_ASSERT(process_until(shows, progress, PATIENCE_MS));
	kill(pid, SIGINT);
	CU_ASSERT(process_until(shows, gone, PATIENCE_MS));
	CU_ASSERT(process_wait(pid, PATIENCE_MS, NULL));
	hold(false);
	CU_ASSERT_EQUAL(ctl("undrain", "n1", NULL), 0);
	remove_four();
}

static bool is_all_there(void *arg)
{
	ctl_look_at_terminal();
	return !process_runs(*(pid_t *)arg, NULL);
}

static void a_table_fits_its_terminal(void)
{
	char id[151];
	pid_t pid;
	char *line;

	memset(id, 'x', 150);
	id[150] = '\0';
	CU_ASSERT_EQUAL(ctl("submit", id, NULL), 0);
	setenv("TERM", "xterm", 1);
	pid = ctl_start_on_terminal(60, "ls", "--color", "never", NULL);
	CU_ASSERT(process_until(is_all_there, &pid, PATIENCE_MS));
	ctl_look_at_terminal();
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "xxxxxxxxxx"));
	for (line = strtok(ctl_out, "\r\n"); line; line = strtok(NULL, "\r\n"))
		/* What cuts a cell takes one column, but three bytes in UTF-8. */
		CU_ASSERT(strlen(line) <= 62);
	pid = ctl_start_on_terminal(60, "nodes", NULL);
	CU_ASSERT(process_until(is_all_there, &pid, PATIENCE_MS));
	ctl_look_at_terminal();
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "\033[32mactive"));
	setenv("NO_COLOR", "1", 1);
	pid = ctl_start_on_terminal(60, "nodes", NULL);
	CU_ASSERT(process_until(is_all_there, &pid, PATIENCE_MS));
	ctl_look_at_terminal();
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "active"));
	CU_ASSERT_PTR_NULL(strstr(ctl_out, "\033"));
	CU_ASSERT_EQUAL(ctl("rm", id, NULL), 0);
}

/* --- outcomes that are not known ------------------------------------------------------------------ */

static void an_unknown_outcome_is_told(void)
{
	pid_t pid;

	submit_four();
	hold(true);
	CU_ASSERT_EQUAL(ctl("rm", "t1", "--timeout", "300ms", NULL), 7);
	CU_ASSERT(ctl_says("has not stopped in time"));
	pid = ctl_start(NULL, "rm", "t2", "t3", NULL);
	/* Asked for: the first is under way. */
	while (ctl("show", "t2", NULL) == 0)
		;
	kill(pid, SIGTERM);
	CU_ASSERT_EQUAL(ctl_end(pid), 130);
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_err, "t2: interrupted: it may"));
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_err, "t3: interrupted: not deleted"));
	CU_ASSERT_EQUAL(ctl("show", "t3", NULL), 0);
	hold(false);
	remove_four();
}

static void an_idempotent_submit_can_be_repeated(void)
{
	CU_ASSERT_EQUAL(ctl("submit", "-i", "t1", "one", NULL), 0);
	CU_ASSERT_EQUAL(ctl("submit", "-i", "t1", "one", NULL), 0);
	CU_ASSERT_EQUAL(ctl("submit", "-i", "t1", "other", NULL), 4);
	CU_ASSERT_EQUAL(ctl_with("t1\tone\nt2\n", "submit", "-i", NULL), 0);
	remove_four();
}

/* --- configuration ----------------------------------------------------------------------------------- */

static void a_configuration_is_checked(void)
{
	char *good = ctl_file("good.conf", "node { name = \"n\" }\n"
					   "embedded { }\n");
	char *bad = ctl_file("bad.conf", "node { weight = -1 }\n\n"
					 "zookeeper { sevrers = \"a\" }\n");
	json_t *json;

	CU_ASSERT_EQUAL(ctl("check-config", good, NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "nothing is wrong"));
	CU_ASSERT_EQUAL(ctl("check-config", bad, NULL), 2);
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_err, "bad.conf:1: node.weight: "));
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_err, "bad.conf:3: "));
	CU_ASSERT_EQUAL(ctl("check-config", bad, "--json", NULL), 2);
	json = ctl_json();
	CU_ASSERT(json_array_size(json) >= 2);
	CU_ASSERT_EQUAL(integer(json_array_get(json, 0), "line"), 1);
	json_decref(json);
	CU_ASSERT_EQUAL(ctl("check-config", "/nowhere", NULL), 2);
	CU_ASSERT(ctl_says("/nowhere: the file does not exist"));
	ctl_environment(NULL, NULL);
	CU_ASSERT_EQUAL(ctl("ls", "--config", bad, NULL), 2);
	CU_ASSERT_EQUAL(ctl("ls", "--config", good, NULL), 2);
	CU_ASSERT(ctl_says("no servers"));
	free(good);
	free(bad);
}

static void a_configuration_can_be_used(void)
{
	char *text = process_format("zookeeper {\n servers = \"%s\"\n"
				    " namespace = \"%s\"\n}\n",
				    zkservers_hosts(servers), ROOT);
	char *path = ctl_file("ctl.conf", text);

	ctl_environment(NULL, NULL);
	setenv("METAFORA_CONFIG", path, 1);
	CU_ASSERT_EQUAL(ctl("ls", NULL), 0);
	/* The command line comes first. */
	CU_ASSERT_EQUAL(ctl("ls", "--namespace", "/other", NULL), 3);
	free(path);
	free(text);
}

/* --- repair --------------------------------------------------------------------------------------------- */

static void junk_can_be_repaired(void)
{
	unsigned int port = zkservers_port(servers, 0);
	json_t *json;

	CU_ASSERT_EQUAL(ctl("fsck", NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "nothing is wrong"));
	CU_ASSERT_EQUAL(zkwire_create(port, ROOT "/leases/ghost", "", 0),
			ZKWIRE_OK);
	CU_ASSERT_EQUAL(zkwire_create(port, ROOT "/stranger", "", 0),
			ZKWIRE_OK);
	CU_ASSERT_EQUAL(zkwire_create(port, ROOT "/commands/dead", "", 0),
			ZKWIRE_OK);
	CU_ASSERT_EQUAL(zkwire_create(port, ROOT "/commands/dead/x", "", 0),
			ZKWIRE_OK);
	CU_ASSERT_EQUAL(ctl("fsck", NULL), 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, ROOT "/leases/ghost: is not "));
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "(repairable)"));
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "3 found, 1 can be repaired"));
	CU_ASSERT_EQUAL(ctl("fsck", "--json", "--repair", NULL), 1);
	json = ctl_json();
	CU_ASSERT_EQUAL(json_array_size(json), 3);
	CU_ASSERT_STRING_EQUAL(string(json_array_get(json, 2), "remedy"),
			       "repaired");
	json_decref(json);
	CU_ASSERT_EQUAL(zkwire_delete(port, ROOT "/stranger"), ZKWIRE_OK);
	CU_ASSERT_EQUAL(zkwire_delete(port, ROOT "/leases/ghost"), ZKWIRE_OK);
	CU_ASSERT_EQUAL(ctl("fsck", "--json", NULL), 0);
	json = ctl_json();
	CU_ASSERT_EQUAL(json_array_size(json), 0);
	json_decref(json);
}

/* clang-format off */
static const struct tap_case cases[] = {
	{"nodes are shown", nodes_are_shown},
	{"owned tasks are shown", owned_tasks_are_shown},
	{"the cluster is summed up", the_cluster_is_summed_up},
	{"what happens is told", what_happens_is_told},
	{"nodes can be frozen, unfrozen and balanced", nodes_can_be_frozen},
	{"commands are answered", commands_are_answered},
	{"a stopped task runs again", a_stopped_task_runs_again},
	{"a drained node is empty", a_drained_node_is_empty},
	{"an interrupted drain goes on, and says so",
	 an_interrupted_drain_goes_on},
	{"the wait for a drain can be bounded", a_drain_can_be_bounded},
	{"who undrains a node ends the wait for it",
	 an_undrained_node_ends_the_waiting},
	{"a terminal shows progress", a_terminal_shows_progress},
	{"a table fits its terminal", a_table_fits_its_terminal},
	{"an outcome that is not known is told", an_unknown_outcome_is_told},
	{"an idempotent submit can be repeated",
	 an_idempotent_submit_can_be_repeated},
	{"a configuration file is checked", a_configuration_is_checked},
	{"a configuration file can be used", a_configuration_can_be_used},
	{"junk in the namespace can be repaired", junk_can_be_repaired},
};
/* clang-format on */

int main(int argc, char **argv)
{
	int status;

	servers = zkservers_start_or_skip();
	make_cluster();
	status = tap_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]),
			  setup, NULL);
	end_cluster();
	zkservers_free(servers);
	return status;
}
