/* SPDX-License-Identifier: Apache-2.0 */
/* metaforactl: its command line, namespaces, and tasks that nobody runs. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl.h"
#include "port.h"
#include "process.h"
#include "tap.h"
#include "zkserver.h"

#define PATIENCE_MS 60000

static struct zkservers *servers;
static unsigned int n_namespaces;

/* A namespace of the case's own. */
static void new_namespace(void)
{
	char *path = process_format("/ctl/n%u", ++n_namespaces);

	ctl_environment(zkservers_hosts(servers), path);
	free(path);
	CU_ASSERT_EQUAL_FATAL(ctl("init", "--buckets", "4", NULL), 0);
}

static void setup(void)
{
	ctl_environment(zkservers_hosts(servers), "/ctl/none");
}

/* --- the command line ------------------------------------------------------------ */

static void expect_usage(int status, const char *text)
{
	CU_ASSERT_EQUAL(status, 2);
	CU_ASSERT(ctl_says(text));
	CU_ASSERT(ctl_says("--help"));
	CU_ASSERT_STRING_EQUAL(ctl_out, "");
}

static void wrong_usage_is_refused(void)
{
	expect_usage(ctl("--json", NULL), "no subcommand");
	expect_usage(ctl("list", NULL), "unknown subcommand \"list\"");
	expect_usage(ctl("--bogus", "ls", NULL), "unknown option --bogus");
	expect_usage(ctl("ls", "--bogus", NULL), "unknown option --bogus");
	/* Another subcommand's. */
	expect_usage(ctl("ls", "--buckets", "3", NULL),
		     "unknown option --buckets");
	expect_usage(ctl("ls", "--limit", NULL), "--limit needs a value");
	expect_usage(ctl("ls", "--limit", "0", NULL), "--limit: \"0\"");
	expect_usage(ctl("ls", "--limit", "1x", NULL), "--limit: \"1x\"");
	expect_usage(ctl("ls", "--limit", "-1", NULL), "--limit: \"-1\"");
	expect_usage(ctl("ls", "--timeout", "soon", NULL), "--timeout");
	expect_usage(ctl("ls", "--timeout", "0", NULL), "--timeout");
	expect_usage(ctl("ls", "--timeout", "99999999h", NULL), "--timeout");
	expect_usage(ctl("ls", "--color", "pink", NULL), "--color");
	expect_usage(ctl("ls", "a", "b", NULL), "too many arguments");
	expect_usage(ctl("show", NULL), "too few arguments");
	expect_usage(ctl("rm", NULL), "too few arguments");
	expect_usage(ctl("drain", NULL), "too few arguments");
	expect_usage(ctl("stop-task", NULL), "too few arguments");
	expect_usage(ctl("init", "x", NULL), "too many arguments");
	expect_usage(ctl("init", "--buckets", "1025", NULL), "--buckets");
	expect_usage(ctl("help", "nothing", NULL), "unknown subcommand");
}

static void missing_settings_are_named(void)
{
	ctl_environment(NULL, "/x");
	expect_usage(ctl("ls", NULL), "METAFORA_SERVERS");
	ctl_environment("127.0.0.1:1", "relative");
	CU_ASSERT_EQUAL(ctl("ls", NULL), 2);
	CU_ASSERT(ctl_says("zookeeper.namespace: must "));
	setenv("METAFORA_TIMEOUT", "never", 1);
	expect_usage(ctl("ls", NULL), "METAFORA_TIMEOUT");
}

/* Those that contradict each other are found only when connected. */
static void contradictions_are_refused(void)
{
	new_namespace();
	expect_usage(ctl("ls", "--null", NULL), "--quiet");
	expect_usage(ctl("ls", "--owner", "n", "--unowned", NULL), "--unowned");
	expect_usage(ctl("submit", "t", "--file", "-", NULL), "--file");
	expect_usage(ctl("submit", "t", "p", "--properties-file", "-", NULL),
		     "--properties-file");
	expect_usage(ctl("freeze", NULL), "--all");
	expect_usage(ctl("freeze", "n", "--all", NULL), "--all");
	expect_usage(ctl("command", "n", NULL), "NAME");
	expect_usage(ctl("drain", "n", "--wait", "1s", "--no-wait", NULL),
		     "--no-wait");
}

static void help_and_version_need_nothing(void)
{
	static const char *const commands[] = {
		"submit",       "rm",        "ls",       "show",    "nodes",
		"status",       "freeze",    "unfreeze", "balance", "drain",
		"undrain",      "stop-task", "command",  "init",    "fsck",
		"check-config", "watch",     "version",
	};
	json_t *json;
	size_t i;

	ctl_environment(NULL, NULL);
	CU_ASSERT_EQUAL(ctl("--help", NULL), 0);
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, commands[i]));
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "exit status"));
	CU_ASSERT_STRING_EQUAL(ctl_err, "");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		CU_ASSERT_EQUAL(ctl("help", commands[i], NULL), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "usage: metaforactl"));
	}
	CU_ASSERT_EQUAL(ctl("ls", "--help", NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "--limit"));
	CU_ASSERT_EQUAL(ctl("--version", NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "metaforactl "));
	CU_ASSERT_EQUAL(ctl("version", "--json", NULL), 0);
	json = ctl_json();
	CU_ASSERT(json_is_string(json_object_get(json, "libmetafora")));
	json_decref(json);
}

/* --- reaching the broker ----------------------------------------------------------- */

static void an_unreachable_server_is_told(void)
{
	unsigned int port;
	int socket = port_bind(&port);
	char *host = process_format("127.0.0.1:%u", port);

	ctl_environment(host, "/x");
	CU_ASSERT_EQUAL(ctl("ls", "--timeout", "300ms", NULL), 5);
	CU_ASSERT(ctl_says("no answer within 0.3 s"));
	CU_ASSERT(ctl_says(host));
	CU_ASSERT_EQUAL(ctl("submit", "t", "--timeout", "300ms", NULL), 5);
	CU_ASSERT_EQUAL(ctl("init", "--timeout", "300ms", NULL), 5);
	close(socket);
	free(host);
}

static void a_wrong_namespace_is_not_made(void)
{
	CU_ASSERT_EQUAL(ctl("submit", "t", NULL), 3);
	CU_ASSERT(ctl_says("no such namespace"));
	CU_ASSERT(ctl_says("metaforactl init"));
	CU_ASSERT_EQUAL(ctl("ls", NULL), 3);
	/* Still not there. */
	CU_ASSERT_EQUAL(ctl("status", NULL), 3);
}

static void a_namespace_is_made_once(void)
{
	json_t *json;

	ctl_environment(zkservers_hosts(servers), "/ctl/deep/down/once");
	CU_ASSERT_EQUAL(ctl("init", "--json", "-b", "7", NULL), 0);
	json = ctl_json();
	CU_ASSERT(json_is_true(json_object_get(json, "created")));
	json_decref(json);
	CU_ASSERT_EQUAL(ctl("init", NULL), 4);
	CU_ASSERT(ctl_says("--idempotent"));
	CU_ASSERT_EQUAL(ctl("init", "--idempotent", "-b", "7", NULL), 0);
	CU_ASSERT_EQUAL(ctl("init", "--idempotent", "-b", "8", NULL), 1);
	CU_ASSERT(ctl_says("--buckets"));
}

static void what_is_no_namespace_is_refused(void)
{
	/* The folder above namespaces has no layout record. */
	new_namespace();
	ctl_environment(zkservers_hosts(servers), "/ctl");
	CU_ASSERT_EQUAL(ctl("ls", NULL), 1);
	CU_ASSERT(ctl_says("another version"));
}

static void without_permission_nothing_works(void)
{
	char *right = ctl_file("right", "me:right\n");
	char *wrong = ctl_file("wrong", "me:wrong\n");

	ctl_environment(zkservers_hosts(servers), "/ctl-private");
	chmod(right, 0644);
	CU_ASSERT_EQUAL(ctl("init", "--credentials-file", right, NULL), 2);
	CU_ASSERT(ctl_says("chmod 600"));
	chmod(right, 0600);
	chmod(wrong, 0600);
	CU_ASSERT_EQUAL(ctl("init", "--credentials-file", "/nowhere", NULL), 2);
	CU_ASSERT_EQUAL(ctl("init", "--credentials-file", right, NULL), 0);
	CU_ASSERT_EQUAL(ctl("ls", NULL), 6);
	CU_ASSERT(ctl_says("permission denied"));
	CU_ASSERT_EQUAL(ctl("ls", "--credentials-file", wrong, NULL), 6);
	setenv("METAFORA_CREDENTIALS_FILE", right, 1);
	CU_ASSERT_EQUAL(ctl("submit", "t", NULL), 0);
	unsetenv("METAFORA_CREDENTIALS_FILE");
	setenv("METAFORA_CREDENTIALS", "me:right", 1);
	CU_ASSERT_EQUAL(ctl("ls", "-q", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, "t\n");
	setenv("OTHER", "me:wrong", 1);
	CU_ASSERT_EQUAL(ctl("ls", "--credentials-env", "OTHER", NULL), 6);
	CU_ASSERT_EQUAL(ctl("ls", "--acl", "digest", NULL), 2);
	CU_ASSERT(ctl_says("zookeeper.acl: must "));
	free(right);
	free(wrong);
}

static void an_acl_can_be_given(void)
{
	ctl_environment(zkservers_hosts(servers), "/ctl-listed");
	/* Everybody may read, nobody may write. */
	CU_ASSERT_EQUAL(ctl("init", "--acl", "world:anyone:r", NULL), 6);
	ctl_environment(zkservers_hosts(servers), "/ctl-public");
	setenv("METAFORA_CREDENTIALS", "me:right", 1);
	CU_ASSERT_EQUAL(ctl("init", "--acl", "world", NULL), 0);
	unsetenv("METAFORA_CREDENTIALS");
	CU_ASSERT_EQUAL(ctl("submit", "t", NULL), 0);
	CU_ASSERT_EQUAL(ctl("ls", "--acl", "creator", NULL), 2);
	CU_ASSERT(ctl_says("zookeeper.acl_mode"));
}

/* --- tasks -------------------------------------------------------------------------- */

static void tasks_come_and_go(void)
{
	json_t *json;

	new_namespace();
	CU_ASSERT_EQUAL(ctl("submit", "t1", "{\"a\":1}", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_err, "");
	CU_ASSERT_EQUAL(ctl("submit", "t1", NULL), 4);
	CU_ASSERT(ctl_says("t1: already exists"));
	CU_ASSERT_EQUAL(ctl("show", "t1", "--properties", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, "{\"a\":1}");
	CU_ASSERT_EQUAL(ctl("show", "t1", NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "{\"a\":1}\n"));
	CU_ASSERT_EQUAL(ctl("show", "t1", "--json", NULL), 0);
	json = ctl_json();
	CU_ASSERT_STRING_EQUAL(
		json_string_value(json_object_get(json, "properties")),
		"{\"a\":1}");
	CU_ASSERT(json_is_null(json_object_get(json, "owner")));
	json_decref(json);
	CU_ASSERT_EQUAL(ctl("show", "t", NULL), 3);
	CU_ASSERT(ctl_says("t: does not exist"));
	CU_ASSERT_EQUAL(ctl("stop-task", "t1", NULL), 1);
	CU_ASSERT(ctl_says("no node runs it"));
	CU_ASSERT_EQUAL(ctl("stop-task", "t", NULL), 3);
	CU_ASSERT_EQUAL(ctl("rm", "t", NULL), 3);
	CU_ASSERT_EQUAL(ctl("rm", "t", "t1", "--idempotent", "--json", NULL),
			0);
	json = ctl_json();
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(
				       json_array_get(json, 0), "outcome")),
			       "absent");
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(
				       json_array_get(json, 1), "outcome")),
			       "deleted");
	json_decref(json);
	CU_ASSERT_EQUAL(ctl("show", "t1", NULL), 3);
}

static void many_tasks_come_from_a_file(void)
{
	char *path = ctl_file("tasks", "a\tone\n\nb\nc\tx\ty\n");
	json_t *json;

	new_namespace();
	CU_ASSERT_EQUAL(ctl("submit", "--file", path, NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, "3 tasks submitted\n");
	CU_ASSERT_EQUAL(ctl("show", "c", "-p", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, "x\ty");
	CU_ASSERT_EQUAL(ctl_with("d\nb\ne", "submit", "--json", NULL), 4);
	json = ctl_json();
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(json, "submitted")),
			2);
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(json, "failed")), 1);
	CU_ASSERT_STRING_EQUAL(
		json_string_value(json_object_get(
			json_array_get(json_object_get(json, "errors"), 0),
			"error")),
		"EEXIST");
	json_decref(json);
	CU_ASSERT_EQUAL(ctl("ls", "-q", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, "a\nb\nc\nd\ne\n");
	CU_ASSERT_EQUAL(ctl("submit", "--file", "/nowhere", NULL), 2);
	CU_ASSERT_EQUAL(ctl("submit", "f", "-P", path, NULL), 0);
	CU_ASSERT_EQUAL(ctl("show", "f", "-p", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, "a\tone\n\nb\nc\tx\ty\n");
	free(path);
}

static void a_space_is_no_tab(void)
{
	new_namespace();
	/* What is told is told once, and hinders nothing. */
	CU_ASSERT_EQUAL(ctl_with("a\tx y\nb {}\nc d\n", "submit", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, "3 tasks submitted\n");
	CU_ASSERT(ctl_says("standard input: line 2 has a space but no tab"));
	CU_ASSERT_EQUAL(ctl("ls", "-q0", "b", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, "b {}");
	/* Who submits nothing need not be told. */
	CU_ASSERT_EQUAL(ctl_with("e f\n\tno ID\n", "submit", NULL), 2);
	CU_ASSERT(ctl_says("line 2: nothing was submitted"));
	/* Nor who has chosen the format for strange IDs. */
	CU_ASSERT_EQUAL(ctl_with("g h", "submit", "--null", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_err, "");
	CU_ASSERT_EQUAL(ctl("submit", "i j", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_err, "");
}

static void a_malformed_line_submits_nothing(void)
{
	char *text = malloc(1300 * 1000);
	char *path;

	new_namespace();
	CU_ASSERT_EQUAL(ctl_with("a\n\tno ID\n", "submit", NULL), 2);
	CU_ASSERT(ctl_says("line 2: nothing was submitted"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	memset(text, 'x', 1200 * 1000);
	memcpy(text, "a\nb\t", 4);
	text[1200 * 1000] = '\0';
	path = ctl_file("long", text);
	CU_ASSERT_EQUAL(ctl("submit", "--file", path, NULL), 2);
	CU_ASSERT(ctl_says("line 2 is too long"));
	CU_ASSERT_EQUAL(ctl("submit", "t", "-P", path, NULL), 2);
	CU_ASSERT(ctl_says("more than 1000000 bytes"));
	text[300] = '\0';
	CU_ASSERT_EQUAL(ctl("submit", text + 10, NULL), 2);
	CU_ASSERT(ctl_says("too long"));
	CU_ASSERT_EQUAL(ctl("submit", "", NULL), 2);
	CU_ASSERT_EQUAL(ctl("ls", "-q", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, "");
	free(path);
	free(text);
}

/* The output is no terminal; a terminal would get no more. */
static void strange_ids_harm_nobody(void)
{
	json_t *json;

	new_namespace();
	CU_ASSERT_EQUAL(ctl("submit", "new\nline\033[2J\\", "\001\xff", NULL),
			0);
	CU_ASSERT_EQUAL(ctl("ls", "--quiet", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, "new\\nline\\x1b[2J\\\\\n");
	CU_ASSERT_EQUAL(ctl("ls", "--quiet", "--null", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, "new\nline\033[2J\\");
	CU_ASSERT_EQUAL(ctl("ls", NULL), 0);
	CU_ASSERT_PTR_NULL(strchr(ctl_out, '\033'));
	CU_ASSERT_EQUAL(ctl("show", "new\nline\033[2J\\", NULL), 0);
	CU_ASSERT_PTR_NULL(strchr(ctl_out, '\033'));
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "\\x01\\xff"));
	CU_ASSERT_EQUAL(ctl("show", "new\nline\033[2J\\", "--json", NULL), 0);
	json = ctl_json();
	CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(json, "id")),
			       "new\nline\033[2J\\");
	CU_ASSERT_STRING_EQUAL(
		json_string_value(json_object_get(json, "properties_base64")),
		"Af8=");
	json_decref(json);
	CU_ASSERT_EQUAL(ctl("show", "no\033such", NULL), 3);
	CU_ASSERT(ctl_says("no\\x1bsuch"));
	CU_ASSERT_EQUAL(ctl_with("a\nb\tx\ny", "submit", "--null", NULL), 0);
	CU_ASSERT_EQUAL(ctl("show", "a\nb", "-p", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, "x\ny");
}

static void a_listing_can_be_narrowed(void)
{
	json_t *json;

	new_namespace();
	CU_ASSERT_EQUAL(ctl_with("job1\njob10\njob2\nother\n", "submit", NULL),
			0);
	CU_ASSERT_EQUAL(ctl("ls", "job1", "-q", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, "job1\njob10\n");
	CU_ASSERT_EQUAL(ctl("ls", "-q", "--limit", "3", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, "job1\njob10\njob2\n");
	CU_ASSERT_EQUAL(ctl("ls", "--json", "--unowned", NULL), 0);
	json = ctl_json();
	CU_ASSERT_EQUAL(json_array_size(json), 4);
	json_decref(json);
	CU_ASSERT_EQUAL(ctl("ls", "--json", "--owner", "n", NULL), 0);
	json = ctl_json();
	CU_ASSERT_EQUAL(json_array_size(json), 0);
	json_decref(json);
	CU_ASSERT_EQUAL(ctl("ls", "--color", "always", NULL), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(ctl_out, "\033["));
	CU_ASSERT_EQUAL(ctl("status", "--json", NULL), 0);
	json = ctl_json();
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(
				json_object_get(json, "tasks"), "unowned")),
			4);
	json_decref(json);
}

static void pages_join_to_a_whole(void)
{
	const size_t n = 20500; /* more than a page */
	char *text = malloc(16 * n);
	char *at = text;
	json_t *json;
	char *path;
	size_t i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	for (i = 0; i < n; i++)
		at += sprintf(at, "%06zu\n", i);
	path = ctl_file("many", text);
	new_namespace();
	CU_ASSERT_EQUAL(ctl("submit", "-f", path, NULL), 0);
	CU_ASSERT_EQUAL(ctl("ls", "-q", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, text);
	CU_ASSERT_EQUAL(ctl("ls", "--json", NULL), 0);
	json = ctl_json();
	CU_ASSERT_EQUAL(json_array_size(json), n);
	json_decref(json);
	CU_ASSERT_EQUAL(ctl("status", "--json", NULL), 0);
	json = ctl_json();
	CU_ASSERT_EQUAL(json_integer_value(json_object_get(
				json_object_get(json, "tasks"), "total")),
			(json_int_t)n);
	json_decref(json);
	free(path);
	free(text);
}

/* --- interruptions -------------------------------------------------------------------- */

static bool is_drained(void *arg)
{
	int n = -1;

	return ioctl(*(const int *)arg, FIONREAD, &n) == 0 && n == 0;
}

static void an_interrupted_reader_submits_nothing(void)
{
	char *path = process_path("fifo");
	pid_t pid;
	int fd;

	new_namespace();
	CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
	pid = ctl_start(path, "submit", NULL);
	/* Opens when it has begun to read; more is to come. */
	fd = open(path, O_WRONLY | O_CLOEXEC);
	CU_ASSERT_EQUAL(write(fd, "a\nb\n", 4), 4);
	CU_ASSERT(process_until(is_drained, &fd, PATIENCE_MS));
	CU_ASSERT(process_runs(pid, NULL));
	kill(pid, SIGTERM);
	CU_ASSERT_EQUAL(ctl_end(pid), 130);
	close(fd);
	CU_ASSERT_EQUAL(ctl("ls", "-q", NULL), 0);
	CU_ASSERT_STRING_EQUAL(ctl_out, "");
	free(path);
}

static size_t n_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static bool has_some(void *arg)
{
	(void)arg;
	return ctl("ls", "-q", "--limit", "1", NULL) == 0 && *ctl_out;
}

/* What it says to have submitted is there, and not more than it says. */
static void an_interrupted_submit_keeps_account(void)
{
	const size_t n = 200000;
	char *text = malloc(16 * n);
	size_t submitted = 0, perhaps = 0;
	const char *sum;
	char *at = text;
	char *path;
	pid_t pid;
	size_t i;
	int status;

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	for (i = 0; i < n; i++)
		at += sprintf(at, "%06zu\n", i);
	path = ctl_file("very-many", text);
	free(text);
	new_namespace();
	/* The ZooKeeper client forgets what a close finds under way. */
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	pid = ctl_start(NULL, "submit", "-f", path, NULL);
	unsetenv("ASAN_OPTIONS");
	CU_ASSERT(process_until(has_some, NULL, PATIENCE_MS));
	kill(pid, SIGINT);
	status = ctl_end(pid);
	free(path);
	tap_note("status %d: %.3000s", status, ctl_err);
	CU_ASSERT_EQUAL_FATAL(status, 130);
	sum = strstr(ctl_err, "interrupted: ");
	CU_ASSERT_PTR_NOT_NULL_FATAL(sum);
	sscanf(sum, "interrupted: %zu of 200000 tasks submitted, 0 failed, %zu",
	       &submitted, &perhaps);
	CU_ASSERT(submitted + perhaps > 0);
	CU_ASSERT(submitted < n);
	CU_ASSERT_EQUAL(ctl("ls", "-q", NULL), 0);
	i = n_lines(ctl_out);
	CU_ASSERT(i >= submitted);
	CU_ASSERT(i <= submitted + perhaps);
}

/* clang-format off */
static const struct tap_case cases[] = {
	{"wrong usage is refused, in one line", wrong_usage_is_refused},
	{"settings that are missing or malformed are named",
	 missing_settings_are_named},
	{"options that contradict each other are refused",
	 contradictions_are_refused},
	{"help and version need no server", help_and_version_need_nothing},
	{"a server that does not answer is told", an_unreachable_server_is_told},
	{"a namespace with a slip in it is not made",
	 a_wrong_namespace_is_not_made},
	{"a namespace is made once", a_namespace_is_made_once},
	{"what is no namespace is refused", what_is_no_namespace_is_refused},
	{"without permission nothing works", without_permission_nothing_works},
	{"an ACL can be given", an_acl_can_be_given},
	{"tasks come and go", tasks_come_and_go},
	{"many tasks come from a file or standard input",
	 many_tasks_come_from_a_file},
	{"a space is no tab, and that is said", a_space_is_no_tab},
	{"a malformed line submits nothing", a_malformed_line_submits_nothing},
	{"strange IDs and properties harm nobody", strange_ids_harm_nobody},
	{"a listing can be narrowed", a_listing_can_be_narrowed},
	{"pages join to a whole listing", pages_join_to_a_whole},
	{"an interrupted reader submits nothing",
	 an_interrupted_reader_submits_nothing},
	{"an interrupted submit keeps account",
	 an_interrupted_submit_keeps_account},
};
/* clang-format on */

int main(int argc, char **argv)
{
	int status;

	servers = zkservers_start_or_skip();
	status = tap_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]),
			  setup, NULL);
	zkservers_free(servers);
	return status;
}
