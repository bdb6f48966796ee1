/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that a program starts, waits for, ends. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

struct plan {
	char *const *argv;
	int stdio[3]; /* above those that are moved */
	int error_fd; /* takes an errno code if there is no exec */
	pid_t parent; /* 0: not tied to it */
};

static _Noreturn void report_and_exit(int fd, int error)
{
	ssize_t n_bytes = write(fd, &error, sizeof(error));

	_exit(n_bytes < 0 ? 126 : 127);
}

static _Noreturn void become_program(const struct plan *plan)
{
	int i;

	if (plan->parent) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL))
			report_and_exit(plan->error_fd, errno);
		/* It may have ended before the kernel knew of our wish. */
		if (getppid() != plan->parent)
			_exit(127);
	}
	setsid();
	for (i = 0; i < 3; i++)
		if (dup2(plan->stdio[i], i) < 0)
			report_and_exit(plan->error_fd, errno);
	/* Not all libraries' descriptors are closed on exec. */
	if (child_keep_only(plan->error_fd))
		report_and_exit(plan->error_fd, errno);
	child_reset_signals();
	execvp(plan->argv[0], plan->argv);
	report_and_exit(CHILD_KEPT_FD, errno);
}

/* Wait for the exec or its failure: returns 0 or an errno code. */
static int await_exec(int fd)
{
	int error = 0;
	ssize_t n_bytes;

	do
		n_bytes = read(fd, &error, sizeof(error));
	while (n_bytes < 0 && errno == EINTR);
	return n_bytes == sizeof(error) ? error : 0;
}

static int fork_and_watch(struct plan *plan, int answer_fd, pid_t *out)
{
	pid_t pid = fork();
	int error = errno;

	if (!pid)
		become_program(plan);
	close(plan->error_fd);
	plan->error_fd = -1;
	if (pid < 0)
		return error;
	error = await_exec(answer_fd);
	if (error) {
		process_kill(pid);
		return error;
	}
	*out = pid;
	return 0;
}

/* Copies that the moves of descriptors in the child do not hit. */
static int copy_stdio(struct plan *plan, const int stdio[3], int null_fd)
{
	int i;

	for (i = 0; i < 3; i++) {
		plan->stdio[i] = fcntl(stdio[i] < 0 ? null_fd : stdio[i],
				       F_DUPFD_CLOEXEC, CHILD_KEPT_FD + 1);
		if (plan->stdio[i] < 0)
			return -1;
	}
	return 0;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

int process_start(char *const argv[], const int stdio[3], bool tied, pid_t *pid)
{
	struct plan plan = {
		.argv = argv,
		.stdio = {-1, -1, -1},
		.error_fd = -1,
		.parent = tied ? getpid() : 0,
	};
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int ends[2] = {-1, -1};
	int error = 0;
	int i;

	if (null_fd < 0 || copy_stdio(&plan, stdio, null_fd) ||
	    pipe2(ends, O_CLOEXEC))
		error = errno;
	if (!error) {
		plan.error_fd =
			fcntl(ends[1], F_DUPFD_CLOEXEC, CHILD_KEPT_FD + 1);
		if (plan.error_fd < 0)
			error = errno;
	}
	close_if_open(ends[1]);
	if (!error)
		error = fork_and_watch(&plan, ends[0], pid);
	close_if_open(ends[0]);
	close_if_open(null_fd);
	for (i = 0; i < 3; i++)
		close_if_open(plan.stdio[i]);
	return error;
}

static int reap(pid_t pid, int *status)
{
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return 0;
}

int process_fd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

int process_wait(pid_t pid, int interrupt_fd, int timeout_ms, int *status)
{
	struct pollfd fds[2] = {
		{.events = POLLIN},
		{.fd = interrupt_fd, .events = POLLIN},
	};
	int error;
	int n;

	fds[0].fd = process_fd(pid);
	if (fds[0].fd < 0)
		return errno;
	n = poll(fds, 2, timeout_ms);
	error = n < 0 ? errno : 0;
	close(fds[0].fd);
	if (error)
		return error;
	if (fds[0].revents)
		return reap(pid, status);
	return n ? EINTR : ETIMEDOUT;
}

void process_kill(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	reap(pid, &status);
}

const char *process_status_text(int status, char text[PROCESS_TEXT_BYTES])
{
	if (WIFSIGNALED(status))
		snprintf(text, PROCESS_TEXT_BYTES, "signal %d",
			 WTERMSIG(status));
	else
		snprintf(text, PROCESS_TEXT_BYTES, "exit %d",
			 WEXITSTATUS(status));
	return text;
}
