/* SPDX-License-Identifier: Apache-2.0 */
/* A handler for tasks whose properties are shell commands. */
#ifndef SHELLD_SHELL_HANDLER_H
#define SHELLD_SHELL_HANDLER_H

#include <stdint.h>

#include <metafora/handler.h>
#include <metafora/log.h>

#include "warden.h"

/*
 * Runs each task's properties as "/bin/sh -c" in a process group of its own
 * (see child.h) with METAFORA_TASK, METAFORA_NODE and METAFORA_TOKEN in its
 * environment; output and errors are appended to a file per task.
 *
 * When the shell exits, whatever way, the rest of its group is killed, the
 * status is kept in a file beside the output and the task is done.  A task
 * that is asked to stop gets SIGTERM, after the grace SIGKILL, the whole group
 * both times, and is released.  The grace ends early when the lease does: the
 * next owner may start then.  A command that cannot be started here (no memory,
 * no process, no descriptor, a NUL in it, too long) is released, not done.
 *
 * An asynchronous handler: one thread, whatever the number of tasks, starts
 * and reaps all children; and one warden process, see warden.h.  The program
 * must not ignore SIGCHLD nor wait for children that are not its own.
 */
struct shell_handler;

/* Most tasks at a time; one more is refused, and so released. */
#define SHELL_TASKS_MAX WARDEN_SLOTS
/* Longest grace: a day. */
#define SHELL_GRACE_MAX_MS 86400000

struct shell_options {
	const char *directory; /* for output and status; copied */
	int journal_fd;        /* see journal.h; -1: none; borrowed */
	int64_t grace_ms;      /* from SIGTERM to SIGKILL */
	metafora_log_fn log;   /* NULL: silence */
	void *log_arg;
};

/*
 * Make one.  Returns 0, METAFORA_EINVAL, METAFORA_ERANGE (grace),
 * METAFORA_ENOMEM, METAFORA_ESYS.
 */
int shell_handler_new(const struct shell_options *options,
		      struct shell_handler **out);

/* What to give to a consumer; lives as long as the shell handler. */
struct metafora_handler *
shell_handler_handler(struct shell_handler *shell_handler);

/*
 * Do as if the machine died: kill every child, write no further line or
 * status, refuse new tasks.  Returns when no child is left.
 */
void shell_handler_die(struct shell_handler *shell_handler);

/* After the consumers that used it were freed.  NULL is allowed. */
void shell_handler_free(struct shell_handler *shell_handler);

#endif
