/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a task leaves behind: its output and its last status. */
#ifndef SHELLD_TASK_FILE_H
#define SHELLD_TASK_FILE_H

#include <stdint.h>

/* Endings of the two files. */
#define TASK_FILE_OUTPUT ".out"
#define TASK_FILE_STATUS ".status"

/* What is kept of a run that has ended. */
struct task_status {
	const char *task;
	const char *node;
	uint64_t token;
	uint64_t started_ns; /* CLOCK_BOOTTIME */
	uint64_t ended_ns;
	int wait_status;     /* as waitpid gave it */
	const char *outcome; /* "done" or "release" */
};

/*
 * The path of a task's file: directory/ID in percent-encoding/ending.  An ID
 * whose encoding is longer than a file name may be is spread over folders,
 * whose names end in "+", which no encoding contains.  Missing folders below
 * directory are made if make_folders is not 0.
 * Returns the path, to be freed, or NULL with errno set.
 */
char *task_file_path(const char *directory, const char *task,
		     const char *ending, int make_folders);

/*
 * Open the file for a task's output, made if need be, for appending; closed
 * on exec.  Returns the descriptor, -1 with errno set.
 */
int task_file_open_output(const char *directory, const char *task);

/*
 * Write the status file: lines of "key=value".  A reader sees the old or the
 * new one, never a part.  Returns 0, -1 with errno set.
 */
int task_file_write_status(const char *directory,
			   const struct task_status *status);

#endif
