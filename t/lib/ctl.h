/* SPDX-License-Identifier: Apache-2.0 */
/* Runs metaforactl as a user does, and keeps what it says. */
#ifndef T_CTL_H
#define T_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * The program's servers and namespace, by its environment; NULL: none.  Main
 * thread only, all of this.
 */
void ctl_environment(const char *servers, const char *namespace_path);

/* What the last run has printed. */
extern char *ctl_out;
extern char *ctl_err;

/*
 * Run it with the arguments, which end with NULL, and wait; its exit status,
 * -1 if it was killed or takes longer than a minute.  The second has the text
 * on its standard input, the third the file.
 */
int ctl(const char *argument, ...) __attribute__((sentinel));
int ctl_with(const char *input, const char *argument, ...)
	__attribute__((sentinel));
int ctl_from(const char *path, const char *argument, ...)
	__attribute__((sentinel));
/*
 * Only start it, one at a time; others may run beside it.  Then wait for its
 * end; ctl_out and ctl_err are its own then.
 */
pid_t ctl_start(const char *path, const char *argument, ...)
	__attribute__((sentinel));
int ctl_end(pid_t pid);
/* What a started one has printed by now. */
void ctl_look(void);

/*
 * A terminal so many columns wide: start one whose output and errors go there.
 * What it has shown by now is gathered in ctl_out.
 */
pid_t ctl_start_on_terminal(int columns, const char *argument, ...)
	__attribute__((sentinel));
void ctl_look_at_terminal(void);

/* Whether the error output is one line with this in it. */
bool ctl_says(const char *text);
/* The output as JSON, NULL with a note if it is none; the caller's. */
json_t *ctl_json(void);

/* A file in the temporary folder with the text; the caller frees the path. */
char *ctl_file(const char *name, const char *text);

#endif
