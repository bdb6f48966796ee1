/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the shell example: files, journal, checker, children. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "encode.h"
#include "groups.h"
#include "journal.h"
#include "journal_check.h"
#include "tap.h"
#include "task_file.h"
#include "warden.h"

/* A case that has not ended by then never will. */
#define CASE_TIMEOUT_S 60

static char directory[64];
static char journal_path[128];
static char found[65536]; /* what read_file or check read */
static sigset_t signals_before;

static void setup(void)
{
	sigset_t blocked;

	strcpy(directory, "/tmp/unit-shelld.XXXXXX");
	if (!mkdtemp(directory))
		abort();
	snprintf(journal_path, sizeof(journal_path), "%s/journal", directory);
	/* As on the thread of a handler; but for what ends a stuck case. */
	sigfillset(&blocked);
	sigdelset(&blocked, SIGALRM);
	pthread_sigmask(SIG_SETMASK, &blocked, &signals_before);
	alarm(CASE_TIMEOUT_S);
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
	alarm(0);
	pthread_sigmask(SIG_SETMASK, &signals_before, NULL);
	nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

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

/* --- files ------------------------------------------------------------------ */

static void encoding_leaves_only_plain_bytes(void)
{
	char out[ENCODED_BYTES];

	percent_encode("Az-_0.9", out);
	CU_ASSERT_STRING_EQUAL(out, "Az-_0.9");
	percent_encode("..", out);
	CU_ASSERT_STRING_EQUAL(out, "%2E.");
	percent_encode("a/b %\n\xff", out);
	CU_ASSERT_STRING_EQUAL(out, "a%2Fb%20%25%0A%FF");
	percent_encode("", out);
	CU_ASSERT_STRING_EQUAL(out, "");
}

/* 200 bytes of IDs that begin alike become names of 600. */
static void the_longest_binary_ids_have_files_of_their_own(void)
{
	char ids[3][METAFORA_TASK_ID_MAX + 1] = {{0}};
	char *paths[3];
	size_t i;
	int fd;

	for (i = 0; i < 3; i++) {
		memset(ids[i], 0xfe, METAFORA_TASK_ID_MAX);
		if (i)
			ids[i][METAFORA_TASK_ID_MAX - i] = 'x';
	}
	for (i = 0; i < 3; i++) {
		paths[i] =
			task_file_path(directory, ids[i], TASK_FILE_OUTPUT, 0);
		CU_ASSERT_PTR_NOT_NULL_FATAL(paths[i]);
		fd = task_file_open_output(directory, ids[i]);
		CU_ASSERT_TRUE_FATAL(fd >= 0);
		CU_ASSERT_EQUAL(write(fd, ids[i], METAFORA_TASK_ID_MAX),
				METAFORA_TASK_ID_MAX);
		close(fd);
	}
	for (i = 0; i < 3; i++) {
		CU_ASSERT_STRING_EQUAL(read_file(paths[i]), ids[i]);
		free(paths[i]);
	}
}

static void an_id_cannot_leave_the_directory(void)
{
	char *path = task_file_path("out", "../../etc/passwd", ".out", 0);

	CU_ASSERT_STRING_EQUAL(path, "out/%2E.%2F..%2Fetc%2Fpasswd.out");
	free(path);
}

static const char *status_text(int wait_status)
{
	const struct task_status status = {
		.task = "a b",
		.node = "n1",
		.token = 7,
		.started_ns = 1,
		.ended_ns = 2,
		.wait_status = wait_status,
		.outcome = "done",
	};
	char path[128];

	CU_ASSERT_EQUAL(task_file_write_status(directory, &status), 0);
	snprintf(path, sizeof(path), "%s/a%%20b.status", directory);
	return read_file(path);
}

static void a_status_tells_an_exit_from_a_signal(void)
{
	CU_ASSERT_STRING_EQUAL(status_text(W_EXITCODE(3, 0)),
			       "task=a%20b\nnode=n1\ntoken=7\nstarted_ns=1\n"
			       "ended_ns=2\nexit=3\noutcome=done\n");
	CU_ASSERT_STRING_EQUAL(status_text(W_EXITCODE(0, SIGTERM)),
			       "task=a%20b\nnode=n1\ntoken=7\nstarted_ns=1\n"
			       "ended_ns=2\nsignal=15\noutcome=done\n");
}

static void a_status_that_cannot_be_written_leaves_the_old_one(void)
{
	struct task_status status = {
		.task = "t",
		.node = "n",
		.outcome = "done",
		.token = 1,
	};
	char path[128];

	CU_ASSERT_EQUAL(task_file_write_status(directory, &status), 0);
	/* In the way of the new file. */
	snprintf(path, sizeof(path), "%s/t.new.2", directory);
	CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
	status.token = 2;
	CU_ASSERT_EQUAL(task_file_write_status(directory, &status), -1);
	snprintf(path, sizeof(path), "%s/t.status", directory);
	CU_ASSERT_PTR_NOT_NULL(strstr(read_file(path), "token=1\n"));
}

/* --- journal ---------------------------------------------------------------- */

static void a_line_is_read_as_it_was_written(void)
{
	const struct journal_line written = {
		.node = "n 1",
		.task = "-",
		.token = UINT64_MAX,
		.event = JOURNAL_STOP_ASKED,
		.deadline_ns = 17,
		.outcome = "lease",
	};
	uint64_t before_ns = journal_now_ns();
	int fd = journal_open(journal_path);
	struct journal_line line;
	char *end;

	CU_ASSERT_EQUAL(journal_write(fd, &written), 0);
	close(fd);
	end = strchr(read_file(journal_path), '\n');
	CU_ASSERT_PTR_NOT_NULL_FATAL(end);
	*end = '\0';
	CU_ASSERT_EQUAL_FATAL(journal_parse(found, &line), 0);
	CU_ASSERT_TRUE(line.at_ns >= before_ns);
	CU_ASSERT_TRUE(line.at_ns <= journal_now_ns());
	CU_ASSERT_STRING_EQUAL(line.node, "n%201");
	CU_ASSERT_STRING_EQUAL(line.task, "%2D");
	CU_ASSERT_EQUAL(line.token, UINT64_MAX);
	CU_ASSERT_EQUAL(line.event, JOURNAL_STOP_ASKED);
	CU_ASSERT_EQUAL(line.deadline_ns, 17);
	CU_ASSERT_STRING_EQUAL(line.outcome, "lease");
}

static void what_is_no_line_is_refused(void)
{
	static const char *const texts[] = {
		"",
		"1 n t 1 start 0",
		"1 n t 1 start 0 - -",
		"1 n  1 start 0 -",
		"1 n t 1 begin 0 -",
		"x n t 1 start 0 -",
		"-1 n t 1 start 0 -",
		"1 n t 18446744073709551616 start 0 -",
		"1 n t 1x start 0 -",
		"1 n t 1 start +1 -",
	};
	struct journal_line line;
	char text[128];
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		strcpy(text, texts[i]);
		CU_ASSERT_EQUAL(journal_parse(text, &line), -1);
	}
	strcpy(text, "1 n t 1 start 0 -");
	CU_ASSERT_EQUAL(journal_parse(text, &line), 0);
}

/* --- checker ---------------------------------------------------------------- */

static struct journal_verdict verdict;

/* Check the text as a journal; the report is left in found. */
static int check(const char *text)
{
	const char *paths[] = {journal_path};
	FILE *file = fopen(journal_path, "we");
	FILE *report = fmemopen(found, sizeof(found), "w");
	int result;

	if (!file || !report)
		abort();
	fputs(text, file);
	fclose(file);
	memset(found, 0, sizeof(found));
	result = journal_check(paths, 1, report, &verdict);
	fclose(report);
	return result;
}

#define ASSERT_VIOLATION(text, part)                                           \
	do {                                                                   \
		CU_ASSERT_EQUAL(check(text), 0);                               \
		CU_ASSERT_EQUAL(verdict.n_violations, 1);                      \
		CU_ASSERT_PTR_NOT_NULL(strstr(found, part));                   \
	} while (0)

static void the_checker_accepts_a_good_history(void)
{
	CU_ASSERT_EQUAL(check("10 - t 0 submit 0 -\n"
			      "11 - u 0 submit 0 -\n"
			      "20 n1 t 1 start 90 -\n"
			      "30 n1 t 1 stop-asked 90 balance\n"
			      "40 n1 t 1 end 90 release\n"
			      "40 n2 t 2 start 95 -\n"
			      "20 n1 u 1 start 90 -\n"
			      "60 n2 t 2 end 99 done\n"
			      "50 n1 - 0 died 0 -\n"
			      "51 n3 u 5 start 99 -\n"
			      "70 n3 u 5 end 99 done\n"),
			0);
	CU_ASSERT_EQUAL(verdict.n_violations, 0);
	CU_ASSERT_EQUAL(verdict.n_tasks, 2);
	CU_ASSERT_EQUAL(verdict.n_runs, 4);
	CU_ASSERT_EQUAL(verdict.n_unended, 1);
	CU_ASSERT_STRING_EQUAL(found, "");
}

static void the_checker_finds_an_overlap(void)
{
	ASSERT_VIOLATION("20 n1 t 1 start 90 -\n"
			 "41 n1 t 1 end 90 release\n"
			 "40 n2 t 2 start 95 -\n"
			 "60 n2 t 2 end 99 done\n",
			 "task t: ran on n1 and on n2 at one time");
}

/* The second run lies within the first, and only the third overlaps too. */
static void the_checker_remembers_the_run_that_ends_last(void)
{
	CU_ASSERT_EQUAL(check("10 n1 t 1 start 0 -\n"
			      "90 n1 t 1 end 0 release\n"
			      "20 n2 t 2 start 0 -\n"
			      "30 n2 t 2 end 0 release\n"
			      "40 n3 t 3 start 0 -\n"
			      "95 n3 t 3 end 0 done\n"),
			0);
	CU_ASSERT_EQUAL(verdict.n_violations, 2);
}

static void a_run_without_an_end_lasts_until_its_nodes_death(void)
{
	ASSERT_VIOLATION("20 n1 t 1 start 30 -\n"
			 "50 n1 - 0 died 0 -\n"
			 "45 n2 t 2 start 95 -\n"
			 "60 n2 t 2 end 99 done\n",
			 "at one time");
}

static void a_run_without_an_end_lasts_until_its_deadline(void)
{
	ASSERT_VIOLATION("20 n1 t 1 start 30 -\n"
			 "25 n1 t 1 stop-asked 46 lease\n"
			 "45 n2 t 2 start 95 -\n"
			 "60 n2 t 2 end 99 done\n",
			 "at one time");
	CU_ASSERT_EQUAL(check("20 n1 t 1 start 30 -\n"
			      "25 n1 t 1 stop-asked 45 lease\n"
			      "45 n2 t 2 start 95 -\n"
			      "60 n2 t 2 end 99 done\n"),
			0);
	CU_ASSERT_EQUAL(verdict.n_violations, 0);
}

static void the_checker_finds_a_token_that_does_not_grow(void)
{
	ASSERT_VIOLATION("20 n1 t 5 start 90 -\n"
			 "40 n1 t 5 end 90 release\n"
			 "41 n2 t 4 start 95 -\n"
			 "60 n2 t 4 end 99 done\n",
			 "task t: its token went from 5 on n1 to 4 on n2");
	ASSERT_VIOLATION("20 n1 t 5 start 90 -\n"
			 "40 n1 t 5 end 90 release\n"
			 "41 n2 t 5 start 95 -\n"
			 "60 n2 t 5 end 99 done\n",
			 "its token went from 5 on n1 to 5 on n2");
}

static void the_checker_finds_a_lost_task(void)
{
	ASSERT_VIOLATION("10 - t 0 submit 0 -\n", "task t: was never run");
	ASSERT_VIOLATION("20 n1 t 1 start 90 -\n"
			 "40 n1 t 1 end 90 release\n",
			 "task t: never ran to its end");
	ASSERT_VIOLATION("20 n1 t 1 start 90 -\n"
			 "40 n1 - 0 died 0 -\n",
			 "task t: never ran to its end");
}

static void the_checker_finds_lines_of_the_dead(void)
{
	ASSERT_VIOLATION("20 n1 t 1 start 90 -\n"
			 "30 n1 - 0 died 0 -\n"
			 "40 n1 t 1 end 90 done\n",
			 "ended after the node's death");
}

static void the_checker_finds_an_end_without_a_start(void)
{
	ASSERT_VIOLATION("20 n1 t 1 start 90 -\n"
			 "30 n1 t 1 end 90 done\n"
			 "40 n1 t 2 end 90 done\n",
			 "with token 2 that it did not start");
}

static void a_broken_journal_is_not_judged(void)
{
	CU_ASSERT_EQUAL(check("20 n1 t 1 start 90 -\n"
			      "30 n1 t 1 e"),
			-1);
	CU_ASSERT_PTR_NOT_NULL(strstr(found, ":2: this is no line"));
	CU_ASSERT_EQUAL(check("20 - t 1 start 90 -\n"), -1);
	CU_ASSERT_EQUAL(check("20 n1 - 1 start 90 -\n"), -1);
	CU_ASSERT_EQUAL(check("20 n1 t 1 end 90 -\n"), -1);
	CU_ASSERT_EQUAL(check("20 - - 0 died 0 -\n"), -1);
}

static void a_missing_journal_is_an_error(void)
{
	const char *paths[] = {"/nonexistent/journal"};

	CU_ASSERT_EQUAL(journal_check(paths, 1, NULL, &verdict), -1);
}

/* --- child ------------------------------------------------------------------ */

static warden_slot slot;

/* Some tools know fewer calls than the kernel. */
static bool can_start_children(void)
{
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (pidfd < 0) {
		tap_skip("pidfd_open is not to be had here");
		return false;
	}
	close(pidfd);
	return true;
}

/* Start a command; returns its error, the child's ID in *pid. */
static int start_child(const char *command, pid_t *pid)
{
	char *environment[] = {(char *)"NAME=value", NULL};
	int fd = task_file_open_output(directory, "child");
	int pidfd;
	int error;

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	error = child_start(command, environment, fd, &slot, pid, &pidfd);
	close(fd);
	if (!error)
		close(pidfd);
	return error;
}

/* Run a command to its end: returns its wait status, its output in found. */
static int run_child(const char *command)
{
	int status = -1;
	pid_t pid = 0;
	char *path;

	CU_ASSERT_EQUAL_FATAL(start_child(command, &pid), 0);
	CU_ASSERT_EQUAL(slot, pid);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	path = task_file_path(directory, "child", TASK_FILE_OUTPUT, 0);
	read_file(path);
	unlink(path);
	free(path);
	return status;
}

static void a_child_has_its_output_environment_and_exit_code(void)
{
	int status;

	if (!can_start_children())
		return;
	status = run_child("echo out $NAME; echo err >&2; exit 7");
	CU_ASSERT_TRUE(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 7);
	CU_ASSERT_STRING_EQUAL(found, "out value\nerr\n");
}

static void a_child_reads_nothing(void)
{
	if (!can_start_children())
		return;
	CU_ASSERT_EQUAL(run_child("read line || echo end"), 0);
	CU_ASSERT_STRING_EQUAL(found, "end\n");
}

static void a_child_inherits_no_descriptor(void)
{
	int leaks[2];
	int high;

	if (!can_start_children())
		return;
	/* Not closed on exec; one of them beyond any other. */
	CU_ASSERT_EQUAL_FATAL(pipe(leaks), 0);
	high = fcntl(leaks[1], F_DUPFD, 900);
	CU_ASSERT_TRUE(high >= 900);
	CU_ASSERT_EQUAL(run_child("exec ls /proc/self/fd"), 0);
	/* 3 is the folder itself. */
	CU_ASSERT_STRING_EQUAL(found, "0\n1\n2\n3\n");
	close(leaks[0]);
	close(leaks[1]);
	close(high);
}

static void a_childs_signals_are_as_in_a_login(void)
{
	/* 32 and 33 are the C library's own: who spawned us may ignore them. */
	const unsigned long long library = 0x180000000;
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	unsigned long long blocked = 1;
	unsigned long long ignored = 1;
	struct sigaction before;

	if (!can_start_children())
		return;
	CU_ASSERT_EQUAL(sigaction(SIGPIPE, &ignore, &before), 0);
	CU_ASSERT_EQUAL(run_child("exec grep -E '^Sig(Blk|Ign)' "
				  "/proc/self/status"),
			0);
	CU_ASSERT_EQUAL(
		sscanf(found, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored),
		2);
	CU_ASSERT_EQUAL(blocked, 0);
	CU_ASSERT_EQUAL(ignored & ~library, 0);
	sigaction(SIGPIPE, &before, NULL);
}

static void a_child_leads_a_group_of_its_own(void)
{
	if (!can_start_children())
		return;
	CU_ASSERT_EQUAL(run_child("read pid comm state ppid group rest "
				  "</proc/$$/stat; [ $pid = $group ]"),
			0);
}

static void a_command_that_cannot_start_leaves_no_child(void)
{
	const size_t n_bytes = 1000000; /* more than the kernel takes */
	char *command;
	pid_t pid = 0;

	if (!can_start_children())
		return;
	command = malloc(n_bytes + 1);
	memset(command, ':', n_bytes);
	command[n_bytes] = '\0';
	CU_ASSERT_EQUAL(start_child(command, &pid), E2BIG);
	CU_ASSERT_EQUAL(pid, 0);
	CU_ASSERT_EQUAL(slot, WARDEN_RESERVED);
	CU_ASSERT_EQUAL(waitpid(-1, NULL, WNOHANG), -1);
	CU_ASSERT_EQUAL(errno, ECHILD);
	free(command);
}

/* A daemon's free descriptors are 0, 1 and 2, and so are the first it opens. */
static void a_parent_without_standard_descriptors_starts_children(void)
{
	int status;
	pid_t pid;

	if (!can_start_children())
		return;
	pid = fork();
	if (!pid) {
		close(0);
		close(1);
		close(2);
		_exit(run_child(
			      "echo out; echo err >&2; read line || exit 5") ==
					      W_EXITCODE(5, 0) &&
				      !strcmp(found, "out\nerr\n")
			      ? 0
			      : 1);
	}
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_EQUAL(status, 0);
}

/* --- warden ----------------------------------------------------------------- */

/* A node with a command that waits for one child and has another. */
static _Noreturn void be_node(int answer_fd)
{
	struct warden *warden;
	pid_t group;
	int pidfd;

	if (warden_new(&warden))
		_exit(1);
	if (child_start("sleep 100 & echo $$; sleep 100; :", environ, answer_fd,
			warden_take(warden), &group, &pidfd))
		_exit(2);
	for (;;)
		pause();
}

static void the_warden_kills_what_a_killed_node_leaves(void)
{
	char answer[16] = "";
	pid_t group;
	pid_t node;
	int status;
	int ends[2];

	if (!can_start_children())
		return;
	/* Orphans become ours, so that we can wait for their ends. */
	CU_ASSERT_EQUAL_FATAL(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
	node = fork();
	if (!node)
		be_node(ends[1]);
	close(ends[1]);
	/* From now on the shell has a child that dies with nobody. */
	CU_ASSERT_TRUE(read(ends[0], answer, sizeof(answer) - 1) > 0);
	group = (pid_t)strtol(answer, NULL, 10);
	CU_ASSERT_TRUE_FATAL(group > 1);
	CU_ASSERT_EQUAL(kill(-group, 0), 0);
	kill(node, SIGKILL);
	/* Node, warden, shell and whatever sleeps: nobody lives on. */
	while (waitpid(-1, &status, 0) > 0)
		;
	CU_ASSERT_EQUAL(errno, ECHILD);
	CU_ASSERT_EQUAL(kill(-group, 0), -1);
	CU_ASSERT_EQUAL(errno, ESRCH);
	close(ends[0]);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void every_slot_of_the_warden_can_be_taken(void)
{
	warden_slot *first = NULL;
	struct warden *warden;
	warden_slot *taken;
	size_t n = 0;

	CU_ASSERT_EQUAL_FATAL(warden_new(&warden), 0);
	while ((taken = warden_take(warden))) {
		CU_ASSERT_EQUAL(*taken, WARDEN_RESERVED);
		if (!n++)
			first = taken;
	}
	CU_ASSERT_EQUAL(n, WARDEN_SLOTS);
	warden_give_back(first);
	CU_ASSERT_PTR_EQUAL(warden_take(warden), first);
	warden_free(warden);
	CU_ASSERT_EQUAL(waitpid(-1, NULL, WNOHANG), -1);
}

/* --- groups ----------------------------------------------------------------- */

static void a_group_of_zombies_does_not_live(void)
{
	struct groups groups = {0};
	siginfo_t info;
	int ends[2];
	char byte;
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) != 0);
	}
	close(ends[0]);
	setpgid(pid, pid);
	CU_ASSERT_EQUAL(groups_look(&groups), 0);
	CU_ASSERT_TRUE(groups_has(&groups, getpgrp()));
	CU_ASSERT_TRUE(groups_has(&groups, pid));
	close(ends[1]);
	CU_ASSERT_EQUAL(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	CU_ASSERT_EQUAL(kill(-pid, 0), 0);
	CU_ASSERT_EQUAL(groups_look(&groups), 0);
	CU_ASSERT_FALSE(groups_has(&groups, pid));
	CU_ASSERT_TRUE(groups_has(&groups, getpgrp()));
	CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
	groups_free(&groups);
	CU_ASSERT_FALSE(groups_has(&groups, getpgrp()));
}

static const struct tap_case cases[] = {
	{"encoding leaves only plain bytes", encoding_leaves_only_plain_bytes},
	{"the longest binary IDs have files of their own",
	 the_longest_binary_ids_have_files_of_their_own},
	{"an ID cannot leave the directory", an_id_cannot_leave_the_directory},
	{"a status tells an exit from a signal",
	 a_status_tells_an_exit_from_a_signal},
	{"a status that cannot be written leaves the old one",
	 a_status_that_cannot_be_written_leaves_the_old_one},
	{"a line is read as it was written", a_line_is_read_as_it_was_written},
	{"what is no line is refused", what_is_no_line_is_refused},
	{"the checker accepts a good history",
	 the_checker_accepts_a_good_history},
	{"the checker finds an overlap", the_checker_finds_an_overlap},
	{"the checker remembers the run that ends last",
	 the_checker_remembers_the_run_that_ends_last},
	{"a run without an end lasts until its node's death",
	 a_run_without_an_end_lasts_until_its_nodes_death},
	{"a run without an end lasts until its deadline",
	 a_run_without_an_end_lasts_until_its_deadline},
	{"the checker finds a token that does not grow",
	 the_checker_finds_a_token_that_does_not_grow},
	{"the checker finds a lost task", the_checker_finds_a_lost_task},
	{"the checker finds lines of the dead",
	 the_checker_finds_lines_of_the_dead},
	{"the checker finds an end without a start",
	 the_checker_finds_an_end_without_a_start},
	{"a broken journal is not judged", a_broken_journal_is_not_judged},
	{"a missing journal is an error", a_missing_journal_is_an_error},
	{"a child has its output, environment and exit code",
	 a_child_has_its_output_environment_and_exit_code},
	{"a child reads nothing", a_child_reads_nothing},
	{"a child inherits no descriptor", a_child_inherits_no_descriptor},
	{"a child's signals are as in a login",
	 a_childs_signals_are_as_in_a_login},
	{"a child leads a group of its own", a_child_leads_a_group_of_its_own},
	{"a command that cannot start leaves no child",
	 a_command_that_cannot_start_leaves_no_child},
	{"a parent without standard descriptors starts children",
	 a_parent_without_standard_descriptors_starts_children},
	{"the warden kills what a killed node leaves",
	 the_warden_kills_what_a_killed_node_leaves},
	{"every slot of the warden can be taken",
	 every_slot_of_the_warden_can_be_taken},
	{"a group of zombies does not live", a_group_of_zombies_does_not_live},
};

TAP_MAIN(cases, setup, teardown)
