/* SPDX-License-Identifier: Apache-2.0 */
/* Processes and folders of a test, which do not outlive it. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 5
#define KILL_MAX_MS 30000

void process_die(const char *format, ...)
{
	va_list args;

	printf("Bail out! ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	abort();
}

static char *__attribute__((format(printf, 1, 0)))
format_args(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		process_die("out of memory");
	return text;
}

char *process_format(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = format_args(format, args);
	va_end(args);
	return text;
}

/* --- waiting --------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool process_until(bool (*cond)(void *arg), void *arg, int64_t timeout_ms)
{
	return process_until_every(LOOK_MS, cond, arg, timeout_ms);
}

bool process_until_every(int look_ms, bool (*cond)(void *arg), void *arg,
			 int64_t timeout_ms)
{
	const int64_t until_ms = now_ms() + timeout_ms;

	while (!cond(arg)) {
		if (now_ms() >= until_ms)
			return cond(arg);
		poll(NULL, 0, look_ms);
	}
	return true;
}

/* --- processes --------------------------------------------------------------- */

/* In the new process: nothing but calls that are safe behind a fork. */
static void __attribute__((noreturn))
become(const char *const *argv, const char *output, pid_t parent)
{
	int in = open("/dev/null", O_RDONLY);
	int out = open(output ? output : "/dev/null",
		       O_WRONLY | O_CREAT | O_APPEND, 0600);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* A parent that has ended meanwhile sends no signal any more. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(126);
	if (in >= 0 && out >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1 &&
	    dup2(out, 2) == 2)
		execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

pid_t process_start(const char *const *argv, const char *output)
{
	pid_t parent = getpid();
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		process_die("no process for %s: %s", argv[0], strerror(errno));
	if (pid == 0)
		become(argv, output, parent);
	return pid;
}

bool process_runs(pid_t pid, int *status)
{
	int ignored;
	pid_t ended;

	do
		ended = waitpid(pid, status ? status : &ignored, WNOHANG);
	while (ended < 0 && errno == EINTR);
	if (ended < 0)
		process_die("process %ld is no child: %s", (long)pid,
			    strerror(errno));
	return ended == 0;
}

struct awaited {
	pid_t pid;
	int *status;
};

static bool has_ended(void *arg)
{
	const struct awaited *awaited = arg;

	return !process_runs(awaited->pid, awaited->status);
}

bool process_wait(pid_t pid, int64_t timeout_ms, int *status)
{
	const int64_t until_ms = now_ms() + timeout_ms;
	struct awaited awaited = {pid, status};

	/* Not process_until: that may look once more after it has ended. */
	while (!has_ended(&awaited)) {
		if (now_ms() >= until_ms)
			return false;
		poll(NULL, 0, LOOK_MS);
	}
	return true;
}

void process_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	if (!process_wait(pid, KILL_MAX_MS, NULL))
		process_die("process %ld cannot be killed", (long)pid);
}

void process_stop(pid_t pid, int64_t timeout_ms)
{
	kill(pid, SIGTERM);
	/* If it stands still. */
	kill(pid, SIGCONT);
	if (!process_wait(pid, timeout_ms, NULL))
		process_kill(pid);
}

/* --- folders ------------------------------------------------------------------ */

static struct {
	char *path; /* NULL: not made yet */
	int alive;  /* write end of the keeper's input: closed when we end */
	pid_t keeper;
} folder;

/*
 * The keeper waits for the end of its input, then removes the folder; again if
 * children that are just being killed still write into it.
 */
#define KEEPER                                                                 \
	"cat; n=0; until rm -rf -- \"$1\" 2>/dev/null || [ $n -ge 100 ]; "     \
	"do n=$((n + 1)); sleep 0.05; done"

static void __attribute__((noreturn)) become_keeper(int in)
{
	const char *const argv[] = {"/bin/sh", "-c",        KEEPER,
				    "keeper",  folder.path, NULL};
	int null = open("/dev/null", O_WRONLY);

	/* A signal from the terminal is for the test. */
	setsid();
	if (dup2(in, 0) == 0 && dup2(null, 1) == 1 && dup2(null, 2) == 2)
		execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

static void end_keeper(void)
{
	close(folder.alive);
	process_wait(folder.keeper, KILL_MAX_MS, NULL);
	free(folder.path);
}

static void make_folder(void)
{
	const char *tmp = getenv("TMPDIR");
	int ends[2];

	folder.path = process_format("%s/metafora-test-XXXXXX",
				     tmp && *tmp ? tmp : "/tmp");
	if (pipe2(ends, O_CLOEXEC) || !mkdtemp(folder.path))
		process_die("no folder %s: %s", folder.path, strerror(errno));
	fflush(stdout);
	folder.keeper = fork();
	if (folder.keeper < 0)
		process_die("no process: %s", strerror(errno));
	if (folder.keeper == 0)
		become_keeper(ends[0]);
	close(ends[0]);
	folder.alive = ends[1];
	atexit(end_keeper);
}

static char *__attribute__((format(printf, 1, 0)))
path_args(const char *format, va_list args)
{
	char *name = format_args(format, args);
	char *path;

	if (!folder.path)
		make_folder();
	path = process_format("%s/%s", folder.path, name);
	free(name);
	return path;
}

char *process_path(const char *format, ...)
{
	va_list args;
	char *path;

	va_start(args, format);
	path = path_args(format, args);
	va_end(args);
	return path;
}

char *process_folder(const char *format, ...)
{
	va_list args;
	char *path;

	va_start(args, format);
	path = path_args(format, args);
	va_end(args);
	if (mkdir(path, 0700))
		process_die("no folder %s: %s", path, strerror(errno));
	return path;
}
