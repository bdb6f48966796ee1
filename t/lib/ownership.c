/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of nodes' beliefs, and the check of all journals together. */
#include "ownership.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "process.h"

#define LINE_BYTES 512

static const char *const event_names[] = {
	[OWNERSHIP_START] = "start",     [OWNERSHIP_LEASE] = "lease",
	[OWNERSHIP_WARM] = "warm",       [OWNERSHIP_LOST] = "lost",
	[OWNERSHIP_RELEASE] = "release", [OWNERSHIP_DONE] = "done",
	[OWNERSHIP_DIED] = "died",
};

#define N_EVENTS (sizeof(event_names) / sizeof(event_names[0]))

uint64_t ownership_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

bool ownership_write(int fd, const char *node, const char *task, uint64_t token,
		     enum ownership_event event, uint64_t deadline_ns)
{
	char line[LINE_BYTES];
	int n = snprintf(line, sizeof(line),
			 "%" PRIu64 " %s %s %" PRIu64 " %s %" PRIu64 "\n",
			 ownership_now_ns(), node, task, token,
			 event_names[event], deadline_ns);

	return n > 0 && (size_t)n < sizeof(line) &&
	       write(fd, line, (size_t)n) == n;
}

/* --- reading ------------------------------------------------------------------ */

struct line {
	uint64_t at_ns;
	char node[64];
	char task[64];
	uint64_t token;
	enum ownership_event event;
	uint64_t deadline_ns;
	size_t order; /* as read */
};

struct run {
	const struct line *start;
	uint64_t deadline_ns; /* the last one named */
	uint64_t warm_ns;     /* 0: not yet */
	uint64_t end_ns;      /* 0: none yet */
	bool ended;
	bool done;
};

struct check {
	struct line *lines; /* by task and time */
	size_t n_lines;
	size_t n_room;
	struct run *runs; /* of the task at hand; room for all */
	size_t n_runs;
	bool with_leases;
	struct ownership found;
	/* Who wants to see the runs; may be NULL. */
	void (*fn)(void *arg, const struct ownership_run *run);
	void *arg;
};

static bool parse(const char *text, struct line *line)
{
	char event[16];
	size_t i;

	if (sscanf(text, "%" SCNu64 " %63s %63s %" SCNu64 " %15s %" SCNu64,
		   &line->at_ns, line->node, line->task, &line->token, event,
		   &line->deadline_ns) != 6)
		return false;
	for (i = 0; i < N_EVENTS; i++)
		if (!strcmp(event, event_names[i]))
			break;
	line->event = (enum ownership_event)i;
	return i < N_EVENTS;
}

static void read_journal(struct check *check, const char *path)
{
	FILE *file = fopen(path, "re");
	char text[LINE_BYTES];

	while (file && fgets(text, sizeof(text), file)) {
		if (check->n_lines == check->n_room) {
			check->n_room = 2 * check->n_room + 1024;
			check->lines =
				realloc(check->lines,
					check->n_room * sizeof(*check->lines));
			if (!check->lines)
				process_die("out of memory");
		}
		check->lines[check->n_lines].order = check->n_lines;
		if (!parse(text, &check->lines[check->n_lines]))
			process_die("%s: no line of a journal: %s", path, text);
		check->n_lines++;
	}
	if (file)
		fclose(file);
	else if (errno != ENOENT)
		process_die("%s: %s", path, strerror(errno));
}

/* Lines about nodes, whose task is "-", come first. */
static int compare(const void *left, const void *right)
{
	const struct line *a = left;
	const struct line *b = right;
	const bool a_node = a->event == OWNERSHIP_DIED;
	const bool b_node = b->event == OWNERSHIP_DIED;
	int order = a_node == b_node ? strcmp(a->task, b->task)
		    : a_node         ? -1
				     : 1;

	if (order)
		return order;
	if (a->at_ns != b->at_ns)
		return a->at_ns < b->at_ns ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* --- judging ---------------------------------------------------------------------- */

static void end_run(struct run *run, uint64_t at_ns)
{
	if (!run->end_ns || at_ns < run->end_ns)
		run->end_ns = at_ns;
}

static struct run *run_of(struct check *check, const struct line *line)
{
	size_t i;

	for (i = check->n_runs; i-- > 0;)
		if (check->runs[i].start->token == line->token &&
		    !strcmp(check->runs[i].start->node, line->node))
			return &check->runs[i];
	process_die("task %s: node %s has a line of a run that it did not "
		    "start",
		    line->task, line->node);
}

static void take_line(struct check *check, const struct line *line)
{
	struct run *run;

	if (line->event == OWNERSHIP_START) {
		run = &check->runs[check->n_runs++];
		*run = (struct run){
			.start = line,
			.deadline_ns = line->deadline_ns,
		};
		if (line->at_ns > check->found.last_start_ns)
			check->found.last_start_ns = line->at_ns;
		return;
	}
	run = run_of(check, line);
	if (line->deadline_ns > run->deadline_ns)
		run->deadline_ns = line->deadline_ns;
	if (line->event == OWNERSHIP_WARM)
		run->warm_ns = line->at_ns;
	if (line->event == OWNERSHIP_LEASE || line->event == OWNERSHIP_WARM)
		return;
	end_run(run, line->at_ns);
	run->ended = line->event != OWNERSHIP_LOST;
	run->done = line->event == OWNERSHIP_DONE;
}

/* What its lines do not say: the death of the node, the end of the lease. */
static void bound_run(const struct check *check, struct run *run)
{
	const struct line *line = check->lines;
	size_t i;

	for (i = 0; i < check->n_lines; i++, line++) {
		if (line->event != OWNERSHIP_DIED)
			break;
		if (run->ended || strcmp(line->node, run->start->node) ||
		    line->at_ns < run->start->at_ns)
			continue;
		end_run(run, line->at_ns);
		run->ended = true;
	}
	if (!run->end_ns)
		run->end_ns = UINT64_MAX;
	if (check->with_leases)
		end_run(run, run->deadline_ns);
}

static void judge_pair(struct check *check, const struct run *earlier,
		       const struct run *later)
{
	struct ownership *found = &check->found;
	uint64_t end_ns = earlier->end_ns < later->end_ns ? earlier->end_ns
							  : later->end_ns;

	if (later->start->token <= earlier->start->token)
		found->n_disorders++;
	if (earlier->done)
		found->n_revivals++;
	if (later->start->at_ns >= earlier->end_ns ||
	    later->start->at_ns >= end_ns)
		return;
	found->n_overlaps++;
	end_ns -= later->start->at_ns;
	if (end_ns > found->longest_overlap_ns)
		found->longest_overlap_ns = end_ns;
}

static void show_run(const struct check *check, const struct run *run)
{
	const struct ownership_run shown = {
		.node = run->start->node,
		.task = run->start->task,
		.start_ns = run->start->at_ns,
		.warm_ns = run->warm_ns,
		.end_ns = run->end_ns,
	};

	if (check->fn)
		check->fn(check->arg, &shown);
}

static void check_task(struct check *check, const struct line *lines, size_t n)
{
	struct ownership *found = &check->found;
	bool done = false;
	size_t i, j;

	check->n_runs = 0;
	for (i = 0; i < n; i++)
		take_line(check, &lines[i]);
	for (i = 0; i < check->n_runs; i++) {
		bound_run(check, &check->runs[i]);
		found->n_running += !check->runs[i].ended;
		done |= check->runs[i].done;
		for (j = 0; j < i; j++)
			judge_pair(check, &check->runs[j], &check->runs[i]);
		show_run(check, &check->runs[i]);
	}
	found->n_tasks++;
	found->n_runs += check->n_runs;
	found->n_done += done;
}

static void check_all(struct check *check, char *const *paths, size_t n_paths)
{
	size_t first = 0;
	size_t next;
	size_t i;

	for (i = 0; i < n_paths; i++)
		read_journal(check, paths[i]);
	check->runs = calloc(check->n_lines + 1, sizeof(*check->runs));
	if (!check->runs)
		process_die("out of memory");
	if (check->n_lines)
		qsort(check->lines, check->n_lines, sizeof(*check->lines),
		      compare);
	while (first < check->n_lines &&
	       check->lines[first].event == OWNERSHIP_DIED)
		first++;
	for (; first < check->n_lines; first = next) {
		for (next = first + 1; next < check->n_lines; next++)
			if (strcmp(check->lines[first].task,
				   check->lines[next].task))
				break;
		check_task(check, &check->lines[first], next - first);
	}
	free(check->lines);
	free(check->runs);
}

struct ownership ownership_check(char *const *paths, size_t n_paths,
				 bool with_leases)
{
	struct check check = {.with_leases = with_leases};

	check_all(&check, paths, n_paths);
	return check.found;
}

void ownership_each_run(char *const *paths, size_t n_paths,
			void (*fn)(void *arg, const struct ownership_run *run),
			void *arg)
{
	struct check check = {.fn = fn, .arg = arg};

	check_all(&check, paths, n_paths);
}
