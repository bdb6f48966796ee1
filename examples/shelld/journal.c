/* SPDX-License-Identifier: Apache-2.0 */
/* The ownership journal: who ran which task when, a line per event. */
#include "journal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "encode.h"

#define N_FIELDS 7

static const char *const event_names[] = {
	[JOURNAL_SUBMIT] = "submit",
	[JOURNAL_START] = "start",
	[JOURNAL_STOP_ASKED] = "stop-asked",
	[JOURNAL_END] = "end",
	[JOURNAL_DIED] = "died",
};

#define N_EVENTS (sizeof(event_names) / sizeof(event_names[0]))

uint64_t journal_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int journal_open(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
}

static void encode_field(const char *name, char out[ENCODED_BYTES])
{
	if (!name)
		strcpy(out, "-");
	else if (!strcmp(name, "-"))
		strcpy(out, "%2D"); /* a name, not the sign for none */
	else
		percent_encode(name, out);
}

int journal_write(int fd, const struct journal_line *line)
{
	char node[ENCODED_BYTES];
	char task[ENCODED_BYTES];
	char text[JOURNAL_LINE_BYTES];
	ssize_t written;
	int n;

	encode_field(line->node, node);
	encode_field(line->task, task);
	n = snprintf(text, sizeof(text),
		     "%" PRIu64 " %s %s %" PRIu64 " %s %" PRIu64 " %s\n",
		     journal_now_ns(), node, task, line->token,
		     event_names[line->event], line->deadline_ns,
		     line->outcome ? line->outcome : "-");
	if (n < 0 || (size_t)n >= sizeof(text)) {
		errno = EMSGSIZE;
		return -1;
	}
	do
		written = write(fd, text, (size_t)n);
	while (written < 0 && errno == EINTR);
	if (written == n)
		return 0;
	if (written >= 0)
		errno = ENOSPC;
	return -1;
}

static int parse_number(const char *text, uint64_t *out)
{
	char *end;

	/* strtoull would take blanks and a sign. */
	if (!isdigit((unsigned char)text[0]))
		return -1;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno || *end ? -1 : 0;
}

static const char *or_none(const char *field)
{
	return strcmp(field, "-") ? field : NULL;
}

int journal_parse(char *text, struct journal_line *line)
{
	char *fields[N_FIELDS];
	size_t event;
	size_t n;

	for (n = 0; n < N_FIELDS; n++) {
		fields[n] = strsep(&text, " ");
		if (!fields[n] || !*fields[n])
			return -1;
	}
	if (text)
		return -1;
	for (event = 0; event < N_EVENTS; event++)
		if (!strcmp(event_names[event], fields[4]))
			break;
	if (event == N_EVENTS)
		return -1;
	line->event = (enum journal_event)event;
	if (parse_number(fields[0], &line->at_ns) ||
	    parse_number(fields[3], &line->token) ||
	    parse_number(fields[5], &line->deadline_ns))
		return -1;
	line->node = or_none(fields[1]);
	line->task = or_none(fields[2]);
	line->outcome = or_none(fields[6]);
	return 0;
}
