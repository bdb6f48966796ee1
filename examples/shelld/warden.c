/* SPDX-License-Identifier: Apache-2.0 */
/* The warden: a process that kills a node's children when the node dies. */
#include "warden.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

#define TABLE_BYTES (WARDEN_SLOTS * sizeof(warden_slot))

struct warden {
	warden_slot *slots; /* shared with the warden and the children */
	size_t next;        /* where the search for a free slot begins */
	pid_t pid;
	int pipe_fd; /* writing end; nothing is ever written */
};

/*
 * The life of the warden, forked from a process with threads: only calls
 * that are safe in a signal handler.  Signals stay as they were forked, all
 * blocked, for it must outlive an interrupt from the terminal.
 */
static _Noreturn void keep_watch(const warden_slot *slots, int pipe_fd)
{
	ssize_t n_bytes;
	char byte;
	size_t i;

	prctl(PR_SET_NAME, "warden");
	setsid();
	if (child_keep_only(pipe_fd))
		_exit(1);
	/* Nor should anybody wait for it at the end of a pipe. */
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	do
		n_bytes = read(CHILD_KEPT_FD, &byte, 1);
	while (n_bytes < 0 && errno == EINTR);
	for (i = 0; i < WARDEN_SLOTS; i++) {
		pid_t group = atomic_load(&slots[i]);

		if (group > 1)
			kill(-group, SIGKILL);
	}
	_exit(0);
}

int warden_new(struct warden **out)
{
	struct warden *warden = malloc(sizeof(*warden));
	sigset_t all, before;
	int error;
	int ends[2];

	if (!warden)
		return ENOMEM;
	warden->next = 0;
	warden->slots = mmap(NULL, TABLE_BYTES, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (warden->slots == MAP_FAILED) {
		error = errno;
		goto fail_map;
	}
	if (pipe2(ends, O_CLOEXEC)) {
		error = errno;
		goto fail_pipe;
	}
	/* Or a handler of the program would run in the warden. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	warden->pid = fork();
	error = errno;
	if (!warden->pid)
		keep_watch(warden->slots, ends[0]);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(ends[0]);
	if (warden->pid < 0)
		goto fail_fork;
	warden->pipe_fd = ends[1];
	*out = warden;
	return 0;
fail_fork:
	close(ends[1]);
fail_pipe:
	munmap(warden->slots, TABLE_BYTES);
fail_map:
	free(warden);
	return error;
}

warden_slot *warden_take(struct warden *warden)
{
	size_t i;

	for (i = 0; i < WARDEN_SLOTS; i++) {
		warden_slot *slot = &warden->slots[warden->next];

		warden->next = (warden->next + 1) % WARDEN_SLOTS;
		if (!atomic_load(slot)) {
			atomic_store(slot, WARDEN_RESERVED);
			return slot;
		}
	}
	return NULL;
}

void warden_give_back(warden_slot *slot)
{
	atomic_store(slot, 0);
}

void warden_free(struct warden *warden)
{
	if (!warden)
		return;
	close(warden->pipe_fd);
	while (waitpid(warden->pid, NULL, 0) < 0 && errno == EINTR)
		;
	munmap(warden->slots, TABLE_BYTES);
	free(warden);
}
