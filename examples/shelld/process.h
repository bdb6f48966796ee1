/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that a program starts, waits for, ends. */
#ifndef SHELLD_PROCESS_H
#define SHELLD_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Start the program argv[0], looked for as a shell does, in a session of its
 * own, with signals at their defaults and unblocked, no other descriptors than
 * the three in stdio (-1: /dev/null), and the environment of the caller.  If
 * tied, the kernel kills it when the calling thread ends.
 * Returns 0 with *pid, an errno code if it could not be started.
 */
int process_start(char *const argv[], const int stdio[3], bool tied,
		  pid_t *pid);

/*
 * A descriptor, closed on exec, that is readable once the child has ended; -1
 * with errno set.
 */
int process_fd(pid_t pid);

/*
 * Wait until a child has ended, at most timeout_ms, or until interrupt_fd (may
 * be -1) is readable.  Returns 0 with *status as waitpid gave it: the child
 * is reaped; or an errno code: ETIMEDOUT, EINTR.
 */
int process_wait(pid_t pid, int interrupt_fd, int timeout_ms, int *status);

/* Kill a child and reap it. */
void process_kill(pid_t pid);

#define PROCESS_TEXT_BYTES 32
/* "exit 1", "signal 9", of a status. */
const char *process_status_text(int status, char text[PROCESS_TEXT_BYTES]);

#endif
