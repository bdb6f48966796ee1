/* SPDX-License-Identifier: Apache-2.0 */
/* The shell example's handler in a consumer on the embedded broker. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <metafora.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal.h"
#include "journal_check.h"
#include "shell_handler.h"
#include "tap.h"
#include "task_file.h"

/* What has not come about by then never will. */
#define WAIT_MS 30000
/* Between two looks at a condition. */
#define LOOK_MS 5
#define CALL_MS 10000
#define SESSION_TIMEOUT_MS 4000

/* A grace that no case can wait for, and one that it can. */
#define LONG_GRACE_MS 600000
#define SHORT_GRACE_MS 300

#define NS_PER_MS 1000000u

static char directory[64];
static char journal_path[128];
static char found[65536]; /* what read_file read */
static int journal_fd;
static struct metafora_embedded_broker *broker;
static struct metafora_coordinator *coordinator;
static struct metafora_client *client;
static struct shell_handler *shell;
static struct metafora_consumer *node;

static void setup(void)
{
	strcpy(directory, "/tmp/api-shelld.XXXXXX");
	if (!mkdtemp(directory) ||
	    metafora_embedded_broker_new(SESSION_TIMEOUT_MS, &broker) ||
	    metafora_embedded_coordinator_new(broker, &coordinator) ||
	    metafora_client_new(coordinator, NULL, NULL, METAFORA_LOG_ERROR,
				&client))
		abort();
	snprintf(journal_path, sizeof(journal_path), "%s/journal", directory);
	journal_fd = journal_open(journal_path);
	shell = NULL;
	node = NULL;
}

static int remove_entry(const char *path, const struct stat *status, int type,
			struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void teardown(void)
{
	/* A case that failed may have left one that nothing else stops. */
	if (shell)
		shell_handler_die(shell);
	metafora_consumer_free(node);
	shell_handler_free(shell);
	metafora_client_free(client);
	metafora_coordinator_free(coordinator);
	metafora_embedded_broker_free(broker);
	close(journal_fd);
	/* No shell, no warden. */
	CU_ASSERT_EQUAL(waitpid(-1, NULL, WNOHANG), -1);
	CU_ASSERT_EQUAL(errno, ECHILD);
	nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Some tools know fewer calls than the kernel: then there is no node. */
static bool start_node(int64_t grace_ms)
{
	const struct shell_options options = {
		.directory = directory,
		.journal_fd = journal_fd,
		.grace_ms = grace_ms,
	};
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (pidfd < 0) {
		tap_skip("pidfd_open is not to be had here");
		return false;
	}
	close(pidfd);
	CU_ASSERT_EQUAL_FATAL(shell_handler_new(&options, &shell), 0);
	CU_ASSERT_EQUAL_FATAL(
		metafora_consumer_new("n1", coordinator, NULL,
				      shell_handler_handler(shell), &node),
		0);
	CU_ASSERT_EQUAL_FATAL(metafora_consumer_start(node, CALL_MS), 0);
	return true;
}

static void submit_bytes(const char *task, const void *bytes, size_t n_bytes)
{
	CU_ASSERT_EQUAL_FATAL(
		metafora_client_submit(client, task, bytes, n_bytes, CALL_MS),
		0);
}

static void submit(const char *task, const char *command)
{
	submit_bytes(task, command, strlen(command));
}

/* --- what can be seen from outside ------------------------------------------ */

/* The file's text, "" if there is none. */
static const char *read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	size_t n = file ? fread(found, 1, sizeof(found) - 1, file) : 0;

	found[n] = '\0';
	if (file)
		fclose(file);
	return found;
}

static const char *read_task_file(const char *task, const char *ending)
{
	char *path = task_file_path(directory, task, ending, 0);

	read_file(path);
	free(path);
	return found;
}

static bool status_has(const char *task, const char *line)
{
	return strstr(read_task_file(task, TASK_FILE_STATUS), line);
}

/* The first such line of the journal; its names are not to be looked at. */
static bool find_line(const char *task, enum journal_event event,
		      struct journal_line *line)
{
	char text[JOURNAL_LINE_BYTES];
	FILE *file = fopen(journal_path, "re");
	bool is_found = false;

	while (file && !is_found && fgets(text, sizeof(text), file)) {
		text[strcspn(text, "\n")] = '\0';
		if (journal_parse(text, line))
			break;
		is_found = line->event == event && line->task &&
			   !strcmp(line->task, task);
	}
	if (file)
		fclose(file);
	return is_found;
}

/* Whether the process lives; one that only waits to be reaped does not. */
static bool is_running(pid_t pid)
{
	char path[64];
	const char *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	end = strrchr(read_file(path), ')');
	return end && end[2] != 'Z' && end[2] != 'X';
}

/* The number that the task's command has printed last, 0 if none. */
static pid_t printed_pid(const char *task)
{
	int pid = 0;

	sscanf(read_task_file(task, TASK_FILE_OUTPUT), "ready %d", &pid);
	return pid;
}

static bool has_started(const char *task)
{
	return printed_pid(task) > 0;
}

static bool has_ended(const char *task)
{
	struct journal_line line;

	return find_line(task, JOURNAL_END, &line);
}

static bool all_is_done(const char *prefix)
{
	struct metafora_listing *listing;
	size_t n_left;

	CU_ASSERT_EQUAL_FATAL(metafora_client_list(client, prefix, NULL, 0,
						   CALL_MS, &listing),
			      0);
	n_left = metafora_listing_size(listing);
	metafora_listing_free(listing);
	return !n_left;
}

static bool is_ignored(const char *task)
{
	struct metafora_task_list *list;
	bool is_found = false;
	size_t i;

	CU_ASSERT_EQUAL_FATAL(metafora_consumer_ignored(node, CALL_MS, &list),
			      0);
	for (i = 0; i < metafora_task_list_size(list); i++)
		is_found |= !strcmp(metafora_task_list_id(list, i), task);
	metafora_task_list_free(list);
	return is_found;
}

static void wait_until(bool (*is_so)(const char *task), const char *task)
{
	uint64_t limit_ns = journal_now_ns() + (uint64_t)WAIT_MS * NS_PER_MS;
	bool reached;

	while (!(reached = is_so(task)) && journal_now_ns() < limit_ns)
		poll(NULL, 0, LOOK_MS);
	CU_ASSERT_TRUE_FATAL(reached);
}

/* The time from the stop to the end of the task's first run. */
static uint64_t stopped_within_ms(const char *task)
{
	struct journal_line asked = {0};
	struct journal_line ended = {0};

	CU_ASSERT_TRUE(find_line(task, JOURNAL_STOP_ASKED, &asked));
	CU_ASSERT_TRUE(find_line(task, JOURNAL_END, &ended));
	return (ended.at_ns - asked.at_ns) / NS_PER_MS;
}

/* --- a command that ends by itself ------------------------------------------ */

static void a_command_that_exits_is_done(void)
{
	struct journal_line line;

	if (!start_node(LONG_GRACE_MS))
		return;
	submit("t", "echo out; echo err >&2; exit 3");
	wait_until(all_is_done, "");
	CU_ASSERT_STRING_EQUAL(read_task_file("t", TASK_FILE_OUTPUT),
			       "out\nerr\n");
	CU_ASSERT_TRUE(status_has("t", "task=t\nnode=n1\ntoken="));
	CU_ASSERT_TRUE(status_has("t", "\nexit=3\noutcome=done\n"));
	CU_ASSERT_TRUE_FATAL(find_line("t", JOURNAL_END, &line));
	CU_ASSERT_TRUE(line.token > 0);
}

static void a_command_that_a_signal_ends_is_done(void)
{
	if (!start_node(LONG_GRACE_MS))
		return;
	submit("t", "kill -USR1 $$");
	wait_until(all_is_done, "");
	CU_ASSERT_TRUE(status_has("t", "\nsignal=10\noutcome=done\n"));
}

static void a_command_knows_task_node_and_token(void)
{
	struct journal_line line;
	char expected[128];

	if (!start_node(LONG_GRACE_MS))
		return;
	submit("a b", "echo \"$METAFORA_TASK/$METAFORA_NODE/$METAFORA_TOKEN\"");
	wait_until(all_is_done, "");
	CU_ASSERT_TRUE_FATAL(find_line("a%20b", JOURNAL_START, &line));
	snprintf(expected, sizeof(expected), "a b/n1/%" PRIu64 "\n",
		 line.token);
	CU_ASSERT_STRING_EQUAL(read_task_file("a b", TASK_FILE_OUTPUT),
			       expected);
}

static void what_a_command_leaves_behind_is_killed(void)
{
	if (!start_node(LONG_GRACE_MS))
		return;
	submit("t", "sleep 100 & echo ready $!");
	wait_until(all_is_done, "");
	CU_ASSERT_TRUE(printed_pid("t") > 0);
	CU_ASSERT_FALSE(is_running(printed_pid("t")));
	CU_ASSERT_TRUE(status_has("t", "\nexit=0\noutcome=done\n"));
}

static void ids_may_be_any_bytes(void)
{
	char ids[2][METAFORA_TASK_ID_MAX + 1] = {{0}};
	size_t i;

	if (!start_node(LONG_GRACE_MS))
		return;
	/* All bytes but NUL, in two IDs of which each has the most bytes. */
	for (i = 0; i < METAFORA_TASK_ID_MAX; i++) {
		ids[0][i] = (char)(1 + i);
		ids[1][i] = (char)(255 - i);
	}
	for (i = 0; i < 2; i++)
		submit(ids[i], "printf %s \"$METAFORA_TASK\"");
	wait_until(all_is_done, "");
	for (i = 0; i < 2; i++)
		CU_ASSERT_STRING_EQUAL(read_task_file(ids[i], TASK_FILE_OUTPUT),
				       ids[i]);
}

static void two_hundred_tasks_run_at_once(void)
{
	const char *paths[] = {journal_path};
	struct journal_verdict verdict;
	struct metafora_batch *batch;
	char text[128];
	int go_fd;
	int i;

	if (!start_node(LONG_GRACE_MS))
		return;
	/* None ends before all have begun. */
	snprintf(text, sizeof(text), "%s/go", directory);
	CU_ASSERT_EQUAL_FATAL(mkfifo(text, 0600), 0);
	CU_ASSERT_EQUAL_FATAL(metafora_batch_new(&batch), 0);
	snprintf(text, sizeof(text), "echo ready $$; read line <%s/go",
		 directory);
	for (i = 0; i < 200; i++) {
		char id[16];

		snprintf(id, sizeof(id), "t%d", i);
		CU_ASSERT_EQUAL(metafora_batch_add(batch, id, strlen(id), text,
						   strlen(text)),
				0);
	}
	CU_ASSERT_EQUAL_FATAL(
		metafora_client_submit_batch(client, batch, CALL_MS), 0);
	for (i = 0; i < 200; i++)
		wait_until(has_started, metafora_batch_id(batch, (size_t)i));
	snprintf(text, sizeof(text), "%s/go", directory);
	go_fd = open(text, O_RDWR | O_CLOEXEC);
	for (i = 0; i < 200; i++)
		CU_ASSERT_EQUAL_FATAL(write(go_fd, "\n", 1), 1);
	wait_until(all_is_done, "");
	close(go_fd);
	metafora_batch_free(batch);
	CU_ASSERT_EQUAL(journal_check(paths, 1, stdout, &verdict), 0);
	CU_ASSERT_EQUAL(verdict.n_tasks, 200);
	CU_ASSERT_EQUAL(verdict.n_runs, 200);
	CU_ASSERT_EQUAL(verdict.n_violations, 0);
}

/*
 * --- stopping -----------------------------------------------------------------
 *
 * A shell runs its trap when the command it waits for has ended.  That gets
 * the signal too, but not if it is started a moment later: so commands with a
 * trap sleep for short times only.
 */

static void a_stop_is_sigterm_and_releases_the_task(void)
{
	struct journal_line line;

	if (!start_node(LONG_GRACE_MS))
		return;
	submit("t", "trap 'echo terminated; exit 0' TERM; echo ready $$; "
		    "while :; do sleep 0.1; done");
	wait_until(has_started, "t");
	CU_ASSERT_EQUAL(
		metafora_consumer_command(node, "stop_task", "t", CALL_MS), 0);
	wait_until(has_ended, "t");
	CU_ASSERT_PTR_NOT_NULL(
		strstr(read_task_file("t", TASK_FILE_OUTPUT), "terminated\n"));
	CU_ASSERT_TRUE(status_has("t", "\nexit=0\noutcome=release\n"));
	CU_ASSERT_TRUE(find_line("t", JOURNAL_STOP_ASKED, &line));
	CU_ASSERT_FALSE(all_is_done(""));
	CU_ASSERT_EQUAL(metafora_client_delete(client, "t", CALL_MS), 0);
}

static void a_group_that_ignores_sigterm_is_killed_after_the_grace(void)
{
	pid_t pid;

	if (!start_node(SHORT_GRACE_MS))
		return;
	/* What is ignored stays so in the children of the shell. */
	submit("t", "trap '' TERM; sleep 100 & echo ready $!; sleep 100; :");
	wait_until(has_started, "t");
	pid = printed_pid("t");
	CU_ASSERT_TRUE(is_running(pid));
	CU_ASSERT_EQUAL(metafora_client_delete(client, "t", CALL_MS), 0);
	CU_ASSERT_FALSE(is_running(pid));
	CU_ASSERT_TRUE(status_has("t", "\nsignal=9\noutcome=release\n"));
	CU_ASSERT_TRUE(stopped_within_ms("t") >= SHORT_GRACE_MS);
	CU_ASSERT_TRUE(stopped_within_ms("t") < WAIT_MS);
}

/* The shell is gone at once, but its child is given the time to clean up. */
static void the_grace_is_for_the_whole_group(void)
{
	if (!start_node(LONG_GRACE_MS))
		return;
	submit("t", "sh -c \"trap 'sleep 0.2; echo cleaned; exit' TERM; "
		    "echo ready \\$\\$; while :; do sleep 0.1; done\" & wait");
	wait_until(has_started, "t");
	CU_ASSERT_EQUAL(metafora_client_delete(client, "t", CALL_MS), 0);
	CU_ASSERT_TRUE(status_has("t", "\nsignal=15\noutcome=release\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strstr(read_task_file("t", TASK_FILE_OUTPUT), "cleaned\n"));
}

static void a_suspended_command_hears_sigterm(void)
{
	if (!start_node(LONG_GRACE_MS))
		return;
	submit("t", "echo ready $$; kill -STOP $$");
	wait_until(has_started, "t");
	CU_ASSERT_EQUAL(metafora_client_delete(client, "t", CALL_MS), 0);
	CU_ASSERT_TRUE(status_has("t", "\nsignal=15\noutcome=release\n"));
}

static void the_grace_ends_before_the_lease_does(void)
{
	struct journal_line asked;
	struct journal_line ended;

	if (!start_node(LONG_GRACE_MS))
		return;
	submit("t", "trap '' TERM; echo ready $$; while :; do sleep 100; done");
	wait_until(has_started, "t");
	CU_ASSERT_EQUAL(metafora_embedded_cut(broker, "n1", true), 0);
	wait_until(has_ended, "t");
	CU_ASSERT_TRUE_FATAL(find_line("t", JOURNAL_STOP_ASKED, &asked));
	CU_ASSERT_TRUE_FATAL(find_line("t", JOURNAL_END, &ended));
	CU_ASSERT_NOT_EQUAL(asked.deadline_ns, UINT64_MAX);
	CU_ASSERT_TRUE(ended.at_ns < asked.deadline_ns);
	CU_ASSERT_TRUE(status_has("t", "\nsignal=9\noutcome=release\n"));
	metafora_embedded_cut(broker, "n1", false);
}

static void a_lost_claim_ends_the_grace(void)
{
	if (!start_node(LONG_GRACE_MS))
		return;
	submit("t", "trap '' TERM; echo ready $$; while :; do sleep 100; done");
	wait_until(has_started, "t");
	CU_ASSERT_EQUAL(metafora_embedded_expire(broker, "n1"), 0);
	wait_until(has_ended, "t");
	CU_ASSERT_TRUE(stopped_within_ms("t") < SESSION_TIMEOUT_MS);
}

/* --- what cannot be run --------------------------------------------------------- */

static void a_command_with_a_nul_byte_is_refused(void)
{
	struct journal_line line;

	if (!start_node(LONG_GRACE_MS))
		return;
	submit_bytes("t", "true\0", 5);
	wait_until(is_ignored, "t");
	CU_ASSERT_FALSE(find_line("t", JOURNAL_START, &line));
	CU_ASSERT_FALSE(all_is_done(""));
}

static void a_command_that_cannot_start_is_released(void)
{
	const size_t n_bytes = METAFORA_PROPERTIES_MAX;
	char *command = malloc(n_bytes);
	struct journal_line line;

	memset(command, ':', n_bytes);
	if (start_node(LONG_GRACE_MS)) {
		submit_bytes("t", command, n_bytes);
		wait_until(is_ignored, "t");
		CU_ASSERT_TRUE_FATAL(find_line("t", JOURNAL_END, &line));
		CU_ASSERT_FALSE(status_has("t", "outcome"));
		CU_ASSERT_FALSE(all_is_done(""));
	}
	free(command);
}

static void nothing_runs_that_the_journal_does_not_know(void)
{
	int full_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	CU_ASSERT_TRUE_FATAL(full_fd >= 0);
	dup2(full_fd, journal_fd);
	close(full_fd);
	if (!start_node(LONG_GRACE_MS))
		return;
	submit("t", "echo ready $$");
	wait_until(is_ignored, "t");
	CU_ASSERT_STRING_EQUAL(read_task_file("t", TASK_FILE_OUTPUT), "");
}

/* --- death ------------------------------------------------------------------------ */

static void who_dies_writes_no_more_and_leaves_no_child(void)
{
	pid_t pids[3];
	char id[3][4];
	size_t i;

	if (!start_node(LONG_GRACE_MS))
		return;
	for (i = 0; i < 3; i++) {
		snprintf(id[i], sizeof(id[i]), "t%zu", i);
		submit(id[i], "echo ready $$; sleep 100; :");
	}
	for (i = 0; i < 3; i++) {
		wait_until(has_started, id[i]);
		pids[i] = printed_pid(id[i]);
	}
	CU_ASSERT_EQUAL(metafora_embedded_cut(broker, "n1", true), 0);
	shell_handler_die(shell);
	for (i = 0; i < 3; i++) {
		CU_ASSERT_FALSE(is_running(pids[i]));
		CU_ASSERT_FALSE(has_ended(id[i]));
		CU_ASSERT_FALSE(status_has(id[i], "outcome"));
	}
	/* It comes back to the broker, but runs nothing any more. */
	CU_ASSERT_EQUAL(metafora_embedded_cut(broker, "n1", false), 0);
	submit("u", "echo ready $$");
	wait_until(is_ignored, "u");
	CU_ASSERT_STRING_EQUAL(read_task_file("u", TASK_FILE_OUTPUT), "");
	CU_ASSERT_FALSE(all_is_done("u"));
}

static void bad_options_are_refused(void)
{
	struct shell_options options = {
		.directory = directory,
		.journal_fd = -1,
	};
	struct shell_handler *out = NULL;

	CU_ASSERT_EQUAL(shell_handler_new(NULL, &out), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(shell_handler_new(&options, NULL), METAFORA_EINVAL);
	options.grace_ms = -1;
	CU_ASSERT_EQUAL(shell_handler_new(&options, &out), METAFORA_ERANGE);
	options.grace_ms = SHELL_GRACE_MAX_MS + 1;
	CU_ASSERT_EQUAL(shell_handler_new(&options, &out), METAFORA_ERANGE);
	options.directory = NULL;
	CU_ASSERT_EQUAL(shell_handler_new(&options, &out), METAFORA_EINVAL);
	CU_ASSERT_PTR_NULL(out);
	shell_handler_free(NULL);
}

static const struct tap_case cases[] = {
	{"a command that exits is done, its output and status are kept",
	 a_command_that_exits_is_done},
	{"a command that a signal ends is done",
	 a_command_that_a_signal_ends_is_done},
	{"a command knows task, node and token",
	 a_command_knows_task_node_and_token},
	{"what a command leaves behind is killed",
	 what_a_command_leaves_behind_is_killed},
	{"IDs may be any bytes", ids_may_be_any_bytes},
	{"two hundred tasks run at once", two_hundred_tasks_run_at_once},
	{"a stop is SIGTERM and releases the task",
	 a_stop_is_sigterm_and_releases_the_task},
	{"a group that ignores SIGTERM is killed after the grace",
	 a_group_that_ignores_sigterm_is_killed_after_the_grace},
	{"the grace is for the whole group", the_grace_is_for_the_whole_group},
	{"a suspended command hears SIGTERM",
	 a_suspended_command_hears_sigterm},
	{"the grace ends before the lease does",
	 the_grace_ends_before_the_lease_does},
	{"a lost claim ends the grace", a_lost_claim_ends_the_grace},
	{"a command with a NUL byte is refused",
	 a_command_with_a_nul_byte_is_refused},
	{"a command that cannot start is released",
	 a_command_that_cannot_start_is_released},
	{"nothing runs that the journal does not know",
	 nothing_runs_that_the_journal_does_not_know},
	{"who dies writes no more and leaves no child",
	 who_dies_writes_no_more_and_leaves_no_child},
	{"bad options are refused", bad_options_are_refused},
};

TAP_MAIN(cases, setup, teardown)
