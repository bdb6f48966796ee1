/* SPDX-License-Identifier: Apache-2.0 */
/* Checks ownership journals: one run at a time, growing tokens, no task lost. */
#include "journal_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"

struct event {
	struct journal_line line;
	char *text;   /* what line points into; owned */
	size_t order; /* as read: tells apart equal times */
};

struct run {
	const struct event *start;
	const struct event *end; /* NULL: it has none */
	uint64_t ended_ns;
	uint64_t deadline_ns; /* the last one known */
};

struct check {
	struct event *events; /* sorted by task and time once all are read */
	size_t n_events;
	size_t n_room;
	struct run *runs; /* of the task at hand; room for all */
	size_t n_runs;
	FILE *report;
	struct journal_verdict *verdict;
};

static void __attribute__((format(printf, 2, 3)))
violation(struct check *check, const char *format, ...)
{
	va_list args;

	check->verdict->n_violations++;
	if (!check->report)
		return;
	va_start(args, format);
	vfprintf(check->report, format, args);
	va_end(args);
	fputc('\n', check->report);
}

/* --- reading ------------------------------------------------------------- */

static struct event *add_event(struct check *check)
{
	struct event *events;
	size_t n_room;

	if (check->n_events == check->n_room) {
		n_room = check->n_room ? 2 * check->n_room : 256;
		events = realloc(check->events, n_room * sizeof(*events));
		if (!events)
			return NULL;
		check->events = events;
		check->n_room = n_room;
	}
	return &check->events[check->n_events];
}

/* Whether the line names all that its event needs. */
static bool is_complete(const struct journal_line *line)
{
	if (line->event == JOURNAL_DIED)
		return line->node && !line->task;
	if (line->event == JOURNAL_SUBMIT)
		return line->task;
	return line->node && line->task &&
	       (line->event != JOURNAL_END || line->outcome);
}

static int read_line(struct check *check, const char *text)
{
	struct event *event = add_event(check);
	char *copy = event ? strdup(text) : NULL;

	if (!copy) {
		errno = ENOMEM;
		return -1;
	}
	if (journal_parse(copy, &event->line) || !is_complete(&event->line)) {
		free(copy);
		errno = EINVAL;
		return -1;
	}
	event->text = copy;
	event->order = check->n_events++;
	return 0;
}

static int read_journal(struct check *check, const char *path)
{
	char text[JOURNAL_LINE_BYTES];
	FILE *file = fopen(path, "re");
	size_t n_lines = 0;
	int result = 0;
	size_t n_bytes;

	while (!result && file && fgets(text, sizeof(text), file)) {
		n_lines++;
		n_bytes = strlen(text);
		if (n_bytes && text[n_bytes - 1] == '\n') {
			text[n_bytes - 1] = '\0';
			result = read_line(check, text);
		} else {
			errno = EINVAL;
			result = -1;
		}
	}
	if (!file || ferror(file))
		result = -1;
	if (result && check->report)
		fprintf(check->report, "%s:%zu: %s\n", path, n_lines,
			errno == EINVAL ? "this is no line of a journal"
					: strerror(errno));
	if (file)
		fclose(file);
	return result;
}

/* Lines without a task come first. */
static int compare_events(const void *left, const void *right)
{
	const struct event *a = left;
	const struct event *b = right;
	int order = strcmp(a->line.task ? a->line.task : "",
			   b->line.task ? b->line.task : "");

	if (order)
		return order;
	if (a->line.at_ns != b->line.at_ns)
		return a->line.at_ns < b->line.at_ns ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* --- judging ------------------------------------------------------------- */

/* When the node died after at_ns, UINT64_MAX if it did not. */
static uint64_t death_after(const struct check *check, const char *node,
			    uint64_t at_ns)
{
	size_t i;

	for (i = 0; i < check->n_events && !check->events[i].line.task; i++)
		if (check->events[i].line.at_ns >= at_ns &&
		    !strcmp(check->events[i].line.node, node))
			return check->events[i].line.at_ns;
	return UINT64_MAX;
}

static struct run *find_open_run(struct check *check,
				 const struct journal_line *line)
{
	size_t i;

	for (i = check->n_runs; i-- > 0;) {
		const struct journal_line *start = &check->runs[i].start->line;

		if (!check->runs[i].end && start->token == line->token &&
		    !strcmp(start->node, line->node))
			return &check->runs[i];
	}
	return NULL;
}

static void take_start(struct check *check, const struct event *event)
{
	struct run *run = &check->runs[check->n_runs++];

	run->start = event;
	run->end = NULL;
	run->ended_ns = 0;
	run->deadline_ns = event->line.deadline_ns;
}

/* A stop-asked or an end. */
static void take_later(struct check *check, const struct event *event)
{
	const struct journal_line *line = &event->line;
	struct run *run = find_open_run(check, line);

	if (!run) {
		violation(check,
			  "task %s: node %s has a line of a run with token "
			  "%" PRIu64 " that it did not start",
			  line->task, line->node, line->token);
		return;
	}
	/* A deadline of 0, the claim is lost, takes back none given before. */
	if (line->deadline_ns > run->deadline_ns)
		run->deadline_ns = line->deadline_ns;
	if (line->event == JOURNAL_END)
		run->end = event;
}

static void close_run(struct check *check, struct run *run)
{
	const struct journal_line *start = &run->start->line;
	uint64_t died_ns = death_after(check, start->node, start->at_ns);

	if (run->end) {
		run->ended_ns = run->end->line.at_ns;
		if (run->ended_ns > died_ns)
			violation(check,
				  "task %s: its run on %s ended after the "
				  "node's death",
				  start->task, start->node);
		return;
	}
	check->verdict->n_unended++;
	run->ended_ns = died_ns != UINT64_MAX ? died_ns : run->deadline_ns;
	if (run->ended_ns < start->at_ns)
		run->ended_ns = start->at_ns;
}

static void judge_pair(struct check *check, const struct run *latest,
		       const struct run *previous, const struct run *run)
{
	const struct journal_line *start = &run->start->line;

	if (start->at_ns < latest->ended_ns)
		violation(check,
			  "task %s: ran on %s and on %s at one time, from "
			  "%" PRIu64 " to %" PRIu64,
			  start->task, latest->start->line.node, start->node,
			  start->at_ns,
			  run->ended_ns < latest->ended_ns ? run->ended_ns
							   : latest->ended_ns);
	if (start->token <= previous->start->line.token)
		violation(check,
			  "task %s: its token went from %" PRIu64
			  " on %s to %" PRIu64 " on %s",
			  start->task, previous->start->line.token,
			  previous->start->line.node, start->token,
			  start->node);
}

/* events: all of one task, in order of time. */
static void check_task(struct check *check, const struct event *events,
		       size_t n_events)
{
	const struct run *latest; /* of the runs so far the last to end */
	const struct event *end;
	size_t i;

	check->n_runs = 0;
	for (i = 0; i < n_events; i++) {
		if (events[i].line.event == JOURNAL_START)
			take_start(check, &events[i]);
		else if (events[i].line.event != JOURNAL_SUBMIT)
			take_later(check, &events[i]);
	}
	check->verdict->n_tasks++;
	check->verdict->n_runs += check->n_runs;
	if (!check->n_runs) {
		violation(check, "task %s: was never run", events->line.task);
		return;
	}
	for (i = 0; i < check->n_runs; i++)
		close_run(check, &check->runs[i]);
	latest = &check->runs[0];
	for (i = 1; i < check->n_runs; i++) {
		judge_pair(check, latest, &check->runs[i - 1], &check->runs[i]);
		if (check->runs[i].ended_ns > latest->ended_ns)
			latest = &check->runs[i];
	}
	end = check->runs[check->n_runs - 1].end;
	if (!end || strcmp(end->line.outcome, JOURNAL_DONE))
		violation(check, "task %s: never ran to its end",
			  events->line.task);
}

static void check_tasks(struct check *check)
{
	const struct event *events = check->events;
	size_t first = 0;
	size_t next;

	while (first < check->n_events && !events[first].line.task)
		first++;
	for (; first < check->n_events; first = next) {
		for (next = first + 1; next < check->n_events; next++)
			if (strcmp(events[first].line.task,
				   events[next].line.task))
				break;
		check_task(check, &events[first], next - first);
	}
}

int journal_check(const char *const *paths, size_t n_paths, FILE *report,
		  struct journal_verdict *verdict)
{
	struct check check = {.report = report, .verdict = verdict};
	int result = 0;
	size_t i;

	*verdict = (struct journal_verdict){0};
	for (i = 0; i < n_paths && !result; i++)
		result = read_journal(&check, paths[i]);
	if (!result && check.n_events) {
		check.runs = malloc(check.n_events * sizeof(*check.runs));
		result = check.runs ? 0 : -1;
	}
	if (!result && check.n_events) {
		qsort(check.events, check.n_events, sizeof(*check.events),
		      compare_events);
		check_tasks(&check);
	}
	for (i = 0; i < check.n_events; i++)
		free(check.events[i].text);
	free(check.events);
	free(check.runs);
	return result;
}
