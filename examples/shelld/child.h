/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a shell command as a child with nothing of ours left in it. */
#ifndef SHELLD_CHILD_H
#define SHELLD_CHILD_H

#include <sys/types.h>

#include "warden.h"

/* The descriptor that child_keep_only() leaves open. */
#define CHILD_KEPT_FD 3

/*
 * Start "/bin/sh -c command": in a process group of its own, signals at
 * their defaults and unblocked, standard input from /dev/null, output and
 * errors to output_fd, every other descriptor closed, killed by the kernel if
 * the calling thread ends.  The child notes its group in slot.
 *
 * Call it from a thread that lives as long as the child may, with all signals
 * blocked.  Returns 0 once the shell runs, with *pid and *pidfd (closed on
 * exec) the caller's; an errno code, and no child, if it could not be started.
 */
int child_start(const char *command, char *const *environment, int output_fd,
		warden_slot *slot, pid_t *pid, int *pidfd);

/*
 * In a child that was forked: move fd to CHILD_KEPT_FD, closed on exec, and
 * close every descriptor above.  Safe in a signal handler.  Returns 0, -1 with
 * errno set.
 */
int child_keep_only(int fd);

/*
 * In a child that was forked: all signals at their defaults and unblocked.
 * Safe in a signal handler.
 */
void child_reset_signals(void);

#endif
