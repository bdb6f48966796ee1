/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a task leaves behind: its output and its last status. */
#include "task_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "encode.h"

/* Of the encoding in one file name; leaves room for endings. */
#define PART_BYTES 200

char *task_file_path(const char *directory, const char *task,
		     const char *ending, int make_folders)
{
	char name[ENCODED_BYTES];
	const char *part = name;
	size_t n_bytes;
	char *path;
	char *end;

	percent_encode(task, name);
	/* Each part but the last adds a "+/". */
	n_bytes = strlen(directory) + 1 + strlen(name) +
		  2 * (strlen(name) / PART_BYTES) + strlen(ending) + 1;
	path = malloc(n_bytes);
	if (!path)
		return NULL;
	end = stpcpy(stpcpy(path, directory), "/");
	while (strlen(part) > PART_BYTES) {
		memcpy(end, part, PART_BYTES);
		part += PART_BYTES;
		end = stpcpy(end + PART_BYTES, "+");
		if (make_folders && mkdir(path, 0777) && errno != EEXIST) {
			free(path);
			return NULL;
		}
		end = stpcpy(end, "/");
	}
	stpcpy(stpcpy(end, part), ending);
	return path;
}

int task_file_open_output(const char *directory, const char *task)
{
	char *path = task_file_path(directory, task, TASK_FILE_OUTPUT, 1);
	int saved_errno;
	int fd;

	if (!path)
		return -1;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY,
		  0666);
	saved_errno = errno;
	free(path);
	errno = saved_errno;
	return fd;
}

static int write_lines(FILE *file, const struct task_status *status)
{
	char task[ENCODED_BYTES];
	char node[ENCODED_BYTES];
	int wait_status = status->wait_status;

	percent_encode(status->task, task);
	percent_encode(status->node, node);
	fprintf(file,
		"task=%s\nnode=%s\ntoken=%" PRIu64 "\nstarted_ns=%" PRIu64
		"\nended_ns=%" PRIu64 "\n",
		task, node, status->token, status->started_ns,
		status->ended_ns);
	if (WIFSIGNALED(wait_status))
		fprintf(file, "signal=%d\n", WTERMSIG(wait_status));
	else
		fprintf(file, "exit=%d\n", WEXITSTATUS(wait_status));
	fprintf(file, "outcome=%s\n", status->outcome);
	/* One check for all: the first error stays with the stream. */
	return fflush(file) || ferror(file) ? -1 : 0;
}

int task_file_write_status(const char *directory,
			   const struct task_status *status)
{
	char ending[64];
	char *temporary;
	char *path;
	FILE *file = NULL;
	int result = -1;
	int saved_errno;
	int fd;

	/* Tokens differ, so that an earlier owner's file is never ours. */
	snprintf(ending, sizeof(ending), ".new.%" PRIu64, status->token);
	path = task_file_path(directory, status->task, TASK_FILE_STATUS, 1);
	temporary = task_file_path(directory, status->task, ending, 1);
	if (!path || !temporary)
		goto out;
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		goto out;
	file = fdopen(fd, "w");
	if (!file) {
		close(fd);
		goto out;
	}
	result = write_lines(file, status);
	if (fclose(file))
		result = -1;
	if (!result)
		result = rename(temporary, path);
	if (result) {
		saved_errno = errno;
		unlink(temporary);
		errno = saved_errno;
	}
out:
	saved_errno = errno;
	free(temporary);
	free(path);
	errno = saved_errno;
	return result;
}
