/* SPDX-License-Identifier: Apache-2.0 */
/* Processes and folders of a test, which do not outlive it. */
#ifndef T_PROCESS_H
#define T_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Start a program; argv[0] is its path.  Its output and errors are appended to
 * the file (NULL: lost), its input is empty.  It is killed when the calling
 * thread ends, however that ends, so call it on the main thread.  Returns its
 * id; aborts if there can be no process.
 */
pid_t process_start(const char *const *argv, const char *output);

/* Whether it still runs; if not, its id is free and *status set. */
bool process_runs(pid_t pid, int *status);
/* Wait until it has ended; false if it has not within timeout_ms. */
bool process_wait(pid_t pid, int64_t timeout_ms, int *status);
/* Kill it, wait for it. */
void process_kill(pid_t pid);
/* Ask it to end; kill it if it does not within timeout_ms. */
void process_stop(pid_t pid, int64_t timeout_ms);

/*
 * Look at a condition every few milliseconds until it holds; false if it does
 * not within timeout_ms.  The second says how often, for one that costs.
 */
bool process_until(bool (*cond)(void *arg), void *arg, int64_t timeout_ms);
bool process_until_every(int look_ms, bool (*cond)(void *arg), void *arg,
			 int64_t timeout_ms);

/*
 * The path of a file or folder, which the caller frees, in the temporary
 * folder of this program.  That is removed when the program ends, also when it
 * is killed.
 */
char *process_path(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
/* The same, and makes a folder of it. */
char *process_folder(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* What formats to; never NULL; the caller frees it. */
char *process_format(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* The machinery of the test is broken: say why in TAP, abort. */
void process_die(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));

#endif
