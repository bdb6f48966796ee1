/* SPDX-License-Identifier: Apache-2.0 */
/* The demo's picture of who runs what: a live table, or plain lines. */
#include "demo_view.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "journal.h"

#define NS_PER_S 1000000000u
#define LINE_BYTES (PICTURE_TASKS_BYTES + 64)
/* Of a terminal that does not tell. */
#define DEFAULT_COLUMNS 80

struct view {
	uint64_t began_ns;
	uint64_t printed_ns; /* the latest plain line */
	bool is_terminal;
	size_t n_drawn; /* lines of the table on the terminal */
	char shown[PICTURE_ROWS_MAX][LINE_BYTES];
};

struct view *view_new(void)
{
	struct view *view = calloc(1, sizeof(*view));

	if (!view)
		return NULL;
	view->began_ns = journal_now_ns();
	view->printed_ns = view->began_ns;
	view->is_terminal = isatty(STDOUT_FILENO);
	return view;
}

void view_free(struct view *view)
{
	free(view);
}

double view_elapsed_s(const struct view *view)
{
	return (double)(journal_now_ns() - view->began_ns) / NS_PER_S;
}

/* Go back to the table's first line and clear all from there. */
static void erase(struct view *view)
{
	if (view->n_drawn)
		printf("\033[%zuA\033[J", view->n_drawn);
	view->n_drawn = 0;
}

void view_say(struct view *view, const char *format, ...)
{
	va_list args;

	erase(view);
	printf("%5.1f s  ", view_elapsed_s(view));
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static void format_row(const struct picture_row *row, char line[LINE_BYTES])
{
	snprintf(line, LINE_BYTES, "%-5s %-9s %3zu%s%s", row->node, row->state,
		 row->n_tasks, row->n_tasks ? " " : "", row->tasks);
}

static void format_sum(const struct picture *picture, char line[LINE_BYTES])
{
	snprintf(line, LINE_BYTES, "%zu running, %zu waiting, %zu done",
		 picture->n_running, picture->n_waiting, picture->n_done);
}

/* A longer line would wrap, and the table be one line higher than we think. */
static int columns(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return DEFAULT_COLUMNS;
	return size.ws_col;
}

static void draw(struct view *view, const struct picture *picture)
{
	int width = columns();
	char line[LINE_BYTES];
	size_t i;

	erase(view);
	printf("\n%.*s\n", width, "node  state     run  tasks");
	for (i = 0; i < picture->n_rows; i++) {
		format_row(&picture->rows[i], line);
		printf("%.*s\n", width, line);
	}
	format_sum(picture, line);
	printf("%5.1f s  %.*s\n", view_elapsed_s(view), width - 9, line);
	view->n_drawn = picture->n_rows + 3;
}

static void print_changes(struct view *view, const struct picture *picture)
{
	uint64_t now_ns = journal_now_ns();
	char line[LINE_BYTES];
	size_t i;

	for (i = 0; i < picture->n_rows; i++) {
		format_row(&picture->rows[i], line);
		if (!strcmp(line, view->shown[i]))
			continue;
		strcpy(view->shown[i], line);
		printf("%5.1f s  %s\n", view_elapsed_s(view), line);
		view->printed_ns = now_ns;
	}
	if (now_ns - view->printed_ns < NS_PER_S)
		return;
	format_sum(picture, line);
	printf("%5.1f s  %s\n", view_elapsed_s(view), line);
	view->printed_ns = now_ns;
}

void view_show(struct view *view, const struct picture *picture)
{
	if (view->is_terminal)
		draw(view, picture);
	else
		print_changes(view, picture);
	fflush(stdout);
}
