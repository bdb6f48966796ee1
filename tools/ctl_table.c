/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that fit the terminal. */
#include <inttypes.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "ctl_output.h"

#define COLUMNS_MAX 16
#define GAP 2
/* No column is cut below. */
#define WIDTH_MIN 8

struct cell {
	char *text; /* escaped */
	enum ctl_paint paint;
};

struct ctl_table {
	const struct ctl_column *columns;
	size_t n_columns;
	size_t widths[COLUMNS_MAX];
	bool is_laid_out;
	bool colors;
	size_t width; /* 0: nothing is cut */
	struct cell *cells;
	size_t n_cells;
	size_t n_room;
};

struct ctl_table *ctl_table_new(const struct ctl *ctl,
				const struct ctl_column *columns, size_t n)
{
	struct ctl_table *table = calloc(1, sizeof(*table));

	if (!table)
		ctl_no_memory();
	table->columns = columns;
	table->n_columns = n;
	table->colors = ctl_colors(ctl);
	if (isatty(STDOUT_FILENO) == 1)
		table->width = (size_t)ctl_width_of(STDOUT_FILENO);
	return table;
}

void ctl_table_cell(struct ctl_table *table, enum ctl_paint paint,
		    const char *text)
{
	struct cell *cells;

	if (table->n_cells == table->n_room) {
		table->n_room = table->n_room ? 2 * table->n_room : 64;
		cells = realloc(table->cells, table->n_room * sizeof(*cells));
		if (!cells)
			ctl_no_memory();
		table->cells = cells;
	}
	table->cells[table->n_cells++] = (struct cell){
		.text = text ? ctl_escaped(text, strlen(text))
			     : ctl_escaped("-", 1),
		.paint = paint,
	};
}

void ctl_table_number(struct ctl_table *table, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	ctl_table_cell(table, CTL_PLAIN, text);
}

/* --- layout --------------------------------------------------------------------- */

/* Columns of the terminal that the text takes, of its first n bytes. */
static size_t width_of(const char *text, size_t n)
{
	mbstate_t state = {0};
	size_t width = 0;
	size_t length;
	wchar_t wide;
	int columns;

	while (n > 0 && (length = mbrtowc(&wide, text, n, &state)) != 0 &&
	       length <= n) {
		columns = wcwidth(wide);
		width += columns > 0 ? (size_t)columns : 0;
		text += length;
		n -= length;
	}
	return width;
}

static size_t total(const struct ctl_table *table)
{
	size_t sum = GAP * (table->n_columns - 1);
	size_t c;

	for (c = 0; c < table->n_columns; c++)
		sum += table->widths[c];
	return sum;
}

/* The widest column that may be cut; NULL: none. */
static size_t *widest(struct ctl_table *table)
{
	size_t *width = NULL;
	size_t c;

	for (c = 0; c < table->n_columns; c++)
		if (table->columns[c].flexible &&
		    table->widths[c] > WIDTH_MIN &&
		    (!width || table->widths[c] > *width))
			width = &table->widths[c];
	return width;
}

static void lay_out(struct ctl_table *table)
{
	size_t *width;
	size_t c, i, w;

	for (c = 0; c < table->n_columns; c++)
		table->widths[c] = strlen(table->columns[c].title);
	for (i = 0; i < table->n_cells; i++) {
		c = i % table->n_columns;
		w = width_of(table->cells[i].text,
			     strlen(table->cells[i].text));
		if (w > table->widths[c])
			table->widths[c] = w;
	}
	while (table->width && total(table) > table->width &&
	       (width = widest(table)))
		--*width;
	table->is_laid_out = true;
}

/* --- printing --------------------------------------------------------------------- */

static const char *paints[] = {
	[CTL_PLAIN] = "",         [CTL_BOLD] = "\033[1m",
	[CTL_GREEN] = "\033[32m", [CTL_YELLOW] = "\033[33m",
	[CTL_CYAN] = "\033[36m",  [CTL_RED] = "\033[31m",
};

/* How many bytes of the text fit into so many columns. */
static size_t fitting(const char *text, size_t width)
{
	size_t n = 0;
	size_t next;

	while (text[n]) {
		next = n + (size_t)mblen(text + n, MB_CUR_MAX);
		if (next < n || next == n - 1 || width_of(text, next) > width)
			break;
		n = next;
	}
	return n;
}

static void print_cell(const struct ctl_table *table, size_t c,
		       const char *text, enum ctl_paint paint)
{
	const bool utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	size_t width = table->widths[c];
	size_t n = strlen(text);
	size_t w = width_of(text, n);
	const char *dots = "";
	size_t pad;

	if (table->width && w > width && table->columns[c].flexible) {
		n = fitting(text, width - 1);
		w = width_of(text, n) + 1;
		dots = utf8 ? "\xe2\x80\xa6" : "~";
	}
	pad = w < width ? width - w : 0;
	if (table->columns[c].right)
		printf("%*s", (int)pad, "");
	if (table->colors)
		fputs(paints[paint], stdout);
	printf("%.*s%s", (int)n, text, dots);
	if (table->colors && paint != CTL_PLAIN)
		fputs("\033[0m", stdout);
	if (c == table->n_columns - 1)
		fputc('\n', stdout);
	else
		printf("%*s", (int)(GAP + (table->columns[c].right ? 0 : pad)),
		       "");
}

void ctl_table_flush(struct ctl_table *table)
{
	size_t i;

	ctl_progress_end();
	if (!table->is_laid_out) {
		lay_out(table);
		for (i = 0; i < table->n_columns; i++)
			print_cell(table, i, table->columns[i].title, CTL_BOLD);
	}
	for (i = 0; i < table->n_cells; i++) {
		print_cell(table, i % table->n_columns, table->cells[i].text,
			   table->cells[i].paint);
		free(table->cells[i].text);
	}
	table->n_cells = 0;
}

void ctl_table_free(struct ctl_table *table)
{
	size_t i;

	for (i = 0; i < table->n_cells; i++)
		free(table->cells[i].text);
	free(table->cells);
	free(table);
}

void ctl_put_painted(bool colors, enum ctl_paint paint, int width,
		     const char *text)
{
	printf("%s%-*s%s", colors ? paints[paint] : "", width, text,
	       colors && paint != CTL_PLAIN ? "\033[0m" : "");
}

enum ctl_paint ctl_state_paint(enum metafora_member_state state)
{
	switch (state) {
	case METAFORA_MEMBER_ACTIVE:
		return CTL_GREEN;
	case METAFORA_MEMBER_FROZEN:
		return CTL_CYAN;
	case METAFORA_MEMBER_DRAINING:
		return CTL_YELLOW;
	}
	return CTL_PLAIN;
}
