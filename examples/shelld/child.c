/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a shell command as a child with nothing of ours left in it. */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHELL "/bin/sh"

/* Descriptors for a child lie above those that it is given. */
#define FIRST_FREE_FD (CHILD_KEPT_FD + 1)

/* All that the child needs after the fork, made before it. */
struct plan {
	char *argv[4];
	char *const *environment;
	warden_slot *slot;
	int input_fd;
	int output_fd;
	int error_fd; /* takes an errno code if there is no exec */
	pid_t parent;
};

static int close_from(int first)
{
	struct rlimit limit;
	int fd;

#ifdef SYS_close_range
	if (!syscall(SYS_close_range, (unsigned int)first, ~0u, 0u))
		return 0;
#endif
	/* A kernel before 5.9, or a tool that does not know the call. */
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return -1;
	for (fd = first; (rlim_t)fd < limit.rlim_cur; fd++)
		close(fd);
	return 0;
}

int child_keep_only(int fd)
{
	int result;

	if (fd == CHILD_KEPT_FD)
		result = fcntl(fd, F_SETFD, FD_CLOEXEC);
	else
		result = dup3(fd, CHILD_KEPT_FD, O_CLOEXEC);
	return result < 0 ? -1 : close_from(FIRST_FREE_FD);
}

void child_reset_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;
	int number;

	/* Exec resets what is handled, but what is ignored stays ignored. */
	for (number = 1; number < NSIG; number++)
		sigaction(number, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void report_and_exit(int fd, int error)
{
	ssize_t n_bytes;

	do
		n_bytes = write(fd, &error, sizeof(error));
	while (n_bytes < 0 && errno == EINTR);
	_exit(127);
}

/*
 * The child, a copy of a process with threads: only calls that are safe in a
 * signal handler.
 */
static _Noreturn void become_shell(const struct plan *plan)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		report_and_exit(plan->error_fd, errno);
	/* The node may have died before the kernel knew of our wish. */
	if (getppid() != plan->parent)
		_exit(127);
	setpgid(0, 0);
	atomic_store(plan->slot, getpid());
	if (dup2(plan->input_fd, STDIN_FILENO) < 0 ||
	    dup2(plan->output_fd, STDOUT_FILENO) < 0 ||
	    dup2(plan->output_fd, STDERR_FILENO) < 0)
		report_and_exit(plan->error_fd, errno);
	if (child_keep_only(plan->error_fd))
		report_and_exit(plan->error_fd, errno);
	child_reset_signals();
	execve(SHELL, plan->argv, plan->environment);
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

static void end_at_once(warden_slot *slot, pid_t pid)
{
	kill(-pid, SIGKILL);
	atomic_store(slot, WARDEN_RESERVED);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int fork_and_watch(struct plan *plan, int answer_fd, pid_t *out_pid,
			  int *out_pidfd)
{
	int pidfd;
	int error;
	pid_t pid;

	plan->parent = getpid();
	pid = fork();
	if (!pid)
		become_shell(plan);
	error = errno;
	close(plan->error_fd);
	plan->error_fd = -1;
	if (pid < 0)
		return error;
	/* Here too, so that a kill of the group never comes too early. */
	setpgid(pid, pid);
	atomic_store(plan->slot, pid);
	error = await_exec(answer_fd);
	if (!error) {
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (pidfd < 0)
			error = errno;
	}
	if (error) {
		end_at_once(plan->slot, pid);
		return error;
	}
	*out_pid = pid;
	*out_pidfd = pidfd;
	return 0;
}

/* A copy of fd that the moves of descriptors in the child do not hit. */
static int copy_above(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
}

int child_start(const char *command, char *const *environment, int output_fd,
		warden_slot *slot, pid_t *pid, int *pidfd)
{
	struct plan plan = {
		.argv = {(char *)"sh", (char *)"-c", (char *)command, NULL},
		.environment = environment,
		.slot = slot,
		.input_fd = -1,
		.output_fd = -1,
		.error_fd = -1,
	};
	int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int ends[2] = {-1, -1};
	int error;

	if (null_fd < 0 || pipe2(ends, O_CLOEXEC) ||
	    (plan.input_fd = copy_above(null_fd)) < 0 ||
	    (plan.output_fd = copy_above(output_fd)) < 0 ||
	    (plan.error_fd = copy_above(ends[1])) < 0) {
		error = errno;
		goto out;
	}
	close(ends[1]);
	ends[1] = -1;
	error = fork_and_watch(&plan, ends[0], pid, pidfd);
out:
	if (null_fd >= 0)
		close(null_fd);
	if (ends[0] >= 0)
		close(ends[0]);
	if (ends[1] >= 0)
		close(ends[1]);
	if (plan.input_fd >= 0)
		close(plan.input_fd);
	if (plan.output_fd >= 0)
		close(plan.output_fd);
	if (plan.error_fd >= 0)
		close(plan.error_fd);
	return error;
}
