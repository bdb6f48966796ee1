/* SPDX-License-Identifier: Apache-2.0 */
/* The demo's picture of who runs what: a live table, or plain lines. */
#ifndef SHELLD_DEMO_VIEW_H
#define SHELLD_DEMO_VIEW_H

#include "demo_picture.h"

struct view;

/* Writes to standard output.  NULL: no memory. */
struct view *view_new(void);
/* Leaves the last table on the terminal. */
void view_free(struct view *view);

/* Add a line that stays. */
void view_say(struct view *view, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Seconds since view_new(). */
double view_elapsed_s(const struct view *view);

/*
 * Show the picture: on a terminal the table is drawn anew; elsewhere a line
 * is printed for each node that has changed, and one for all if a second has
 * passed without.
 */
void view_show(struct view *view, const struct picture *picture);

#endif
