/* SPDX-License-Identifier: Apache-2.0 */
/* What is printed: text without control characters, tables, JSON. */
#ifndef CTL_OUTPUT_H
#define CTL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ctl.h"

/* --- ctl_text.c ----------------------------------------------------------------- */

/* Columns of the terminal behind a descriptor; 80 if there is none. */
int ctl_width_of(int fd);
/* Whether standard output shows colours. */
bool ctl_colors(const struct ctl *ctl);

/*
 * Text for people: what cannot be printed comes as \n, \t or \xNN, and a
 * backslash as two, so that nothing is mistaken, and nothing harms a terminal.
 */
void ctl_put_escaped(FILE *out, const char *bytes, size_t n);
/* The same in memory, which the caller frees. */
char *ctl_escaped(const char *bytes, size_t n);

/* "2026-01-31 14:05:06", local time; "-" for 0.  Room for 32 bytes. */
const char *ctl_time(char text[32], int64_t wall_ms);
/* "3d4h", "5m6s": since when; "-" for 0. */
const char *ctl_age(char text[32], int64_t wall_ms);

/* --- ctl_table.c ------------------------------------------------------------------ */

struct ctl_column {
	const char *title;
	bool right;    /* flush right: numbers */
	bool flexible; /* may be cut to fit the terminal */
};

enum ctl_paint {
	CTL_PLAIN,
	CTL_BOLD,
	CTL_GREEN,
	CTL_YELLOW,
	CTL_CYAN,
	CTL_RED
};

/*
 * A table gathers rows, and prints them when it is flushed.  Widths follow
 * from the rows of the first flush and the terminal's; without a terminal
 * nothing is cut.
 */
struct ctl_table;
struct ctl_table *ctl_table_new(const struct ctl *ctl,
				const struct ctl_column *columns, size_t n);
/* The next cell, row by row; its text is copied and escaped. */
void ctl_table_cell(struct ctl_table *table, enum ctl_paint paint,
		    const char *text);
void ctl_table_number(struct ctl_table *table, uint64_t number);
void ctl_table_flush(struct ctl_table *table);
void ctl_table_free(struct ctl_table *table);
/* Text that is padded to a width, painted if there are colours. */
void ctl_put_painted(bool colors, enum ctl_paint paint, int width,
		     const char *text);
/* Of a node's state. */
enum ctl_paint ctl_state_paint(enum metafora_member_state state);

/* --- ctl_json.c ------------------------------------------------------------------- */

/*
 * JSON as it goes to standard output: nothing is kept in memory.  In objects
 * each value has a key, in arrays NULL.  Strings that are no UTF-8 come with
 * U+FFFD in place of what is wrong, and as KEY_base64 too.  Numbers that may
 * not fit a double come as strings.
 */
struct ctl_json {
	unsigned int depth;
	bool begun; /* a value came: a comma is next */
	bool lines; /* one value a line at depth 0, no line breaks inside */
};

void ctl_json_open(struct ctl_json *json, const char *key, char bracket);
void ctl_json_close(struct ctl_json *json, char bracket);
void ctl_json_string(struct ctl_json *json, const char *key, const char *text);
void ctl_json_bytes(struct ctl_json *json, const char *key, const void *bytes,
		    size_t n);
void ctl_json_number(struct ctl_json *json, const char *key, int64_t number);
void ctl_json_real(struct ctl_json *json, const char *key, double number);
void ctl_json_bool(struct ctl_json *json, const char *key, bool value);
void ctl_json_null(struct ctl_json *json, const char *key);
/* As a string. */
void ctl_json_token(struct ctl_json *json, const char *key, uint64_t token);

#endif
