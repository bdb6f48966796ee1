/* SPDX-License-Identifier: Apache-2.0 */
/* Reads files and standard input, so that a signal ends it. */
#include "ctl_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES 65536
/* Longest record: a task with the largest properties. */
#define RECORD_BYTES_MAX (METAFORA_TASK_ID_MAX + 1 + METAFORA_PROPERTIES_MAX)

struct input {
	const struct ctl *ctl;
	const char *name; /* for people */
	int fd;
	char *bytes;
	size_t n;
	size_t n_room;
	bool ended;
};

static int open_input(struct input *input, const struct ctl *ctl,
		      const char *path)
{
	bool is_stdin = !strcmp(path, "-");

	*input = (struct input){
		.ctl = ctl,
		.name = is_stdin ? "standard input" : path,
		.fd = is_stdin ? STDIN_FILENO
			       : open(path, O_RDONLY | O_CLOEXEC),
	};
	if (input->fd < 0)
		return ctl_complain(ctl, CTL_USAGE, "%s: %s", path,
				    strerror(errno));
	return CTL_OK;
}

static void close_input(struct input *input)
{
	if (input->fd > STDIN_FILENO)
		close(input->fd);
	free(input->bytes);
}

/* Room for one more chunk, and a NUL. */
static void make_room(struct input *input)
{
	char *bytes;

	if (input->n_room - input->n > CHUNK_BYTES)
		return;
	input->n_room = 2 * input->n_room + CHUNK_BYTES + 1;
	bytes = realloc(input->bytes, input->n_room);
	if (!bytes)
		ctl_no_memory();
	input->bytes = bytes;
}

/* Read a bit more. */
static int fill(struct input *input)
{
	ssize_t n;

	make_room(input);
	if (!ctl_wait(input->fd, -1))
		return ctl_complain(input->ctl, CTL_INTERRUPTED,
				    "interrupted: nothing was submitted");
	n = read(input->fd, input->bytes + input->n, CHUNK_BYTES);
	if (n < 0 && errno == EINTR)
		return CTL_OK;
	if (n < 0)
		return ctl_complain(input->ctl, CTL_FAILED, "%s: %s",
				    input->name, strerror(errno));
	input->n += (size_t)n;
	input->ended = n == 0;
	return CTL_OK;
}

int ctl_read_all(const struct ctl *ctl, const char *path, size_t most_bytes,
		 char **bytes, size_t *n)
{
	struct input input;
	int status = open_input(&input, ctl, path);

	while (!status && !input.ended) {
		status = fill(&input);
		if (!status && input.n > most_bytes)
			status = ctl_complain(ctl, CTL_USAGE,
					      "%s: more than "
					      "%zu bytes",
					      input.name, most_bytes);
	}
	if (!status) {
		input.bytes[input.n] = '\0';
		*bytes = input.bytes;
		*n = input.n;
		input.bytes = NULL;
	}
	close_input(&input);
	return status;
}

int ctl_read_records(const struct ctl *ctl, const char *path, char delimiter,
		     int (*fn)(void *arg, const char *record, size_t n,
			       size_t number),
		     void *arg)
{
	struct input input;
	int status = open_input(&input, ctl, path);
	size_t number = 0;
	size_t begin = 0; /* of the record */
	char *end;
	size_t n;

	while (!status && !(input.ended && begin == input.n)) {
		end = begin < input.n ? memchr(input.bytes + begin, delimiter,
					       input.n - begin)
				      : NULL;
		n = (end ? (size_t)(end - input.bytes) : input.n) - begin;
		if (n > RECORD_BYTES_MAX) {
			status = ctl_complain(ctl, CTL_USAGE,
					      "%s: line %zu is "
					      "too long",
					      input.name, number + 1);
		} else if (end || input.ended) {
			number++;
			if (n)
				status =
					fn(arg, input.bytes + begin, n, number);
			begin += n + (end ? 1 : 0);
		} else {
			/* A part: move it to the front and read on. */
			if (n)
				memmove(input.bytes, input.bytes + begin, n);
			input.n = n;
			begin = 0;
			status = fill(&input);
		}
	}
	close_input(&input);
	return status;
}
