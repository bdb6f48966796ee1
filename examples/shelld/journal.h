/* SPDX-License-Identifier: Apache-2.0 */
/* The ownership journal: who ran which task when, a line per event. */
#ifndef SHELLD_JOURNAL_H
#define SHELLD_JOURNAL_H

#include <stdint.h>

/*
 * A line is seven fields with a blank between them:
 *
 *   time node task token event deadline outcome
 *
 * time and deadline (the end of the lease as known then) are nanoseconds of
 * CLOCK_BOOTTIME; node and task are percent-encoded; "-" stands for none.
 * Each line is one appending write of less than PIPE_BUF bytes, so that any
 * number of threads and processes may share a file, and a killed process
 * leaves no half line.
 *
 *   submit      the task was submitted            (written by submitters)
 *   start       before the task's run begins
 *   stop-asked  its run was asked to stop; outcome is the reason
 *   end         after the run has ended; outcome is "done" or "release"
 *   died        the node and all its runs ended without further lines
 *               (written by who killed it, after the kill)
 */
enum journal_event {
	JOURNAL_SUBMIT,
	JOURNAL_START,
	JOURNAL_STOP_ASKED,
	JOURNAL_END,
	JOURNAL_DIED,
};

/* Longest line, with newline and NUL. */
#define JOURNAL_LINE_BYTES 2048

#define JOURNAL_DONE "done"
#define JOURNAL_RELEASE "release"

/* A line, encoded names and all; what is absent is NULL or 0. */
struct journal_line {
	uint64_t at_ns;
	const char *node;
	const char *task;
	uint64_t token;
	enum journal_event event;
	uint64_t deadline_ns;
	const char *outcome;
};

/* Nanoseconds of CLOCK_BOOTTIME. */
uint64_t journal_now_ns(void);

/* Open a journal for appending.  Returns the descriptor, -1 with errno set. */
int journal_open(const char *path);

/*
 * Append a line; node and task are given as they are and encoded here, and
 * the time is now.  Any thread.  Returns 0, -1 with errno set.
 */
int journal_write(int fd, const struct journal_line *line);

/*
 * Take a line (without newline) apart; text is cut up and line points into
 * it.  Names stay encoded.  Returns 0, -1 if it is none.
 */
int journal_parse(char *text, struct journal_line *line);

#endif
