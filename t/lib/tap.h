/* SPDX-License-Identifier: Apache-2.0 */
/* A test program: a list of cases run by CUnit, told in TAP. */
#ifndef T_TAP_H
#define T_TAP_H

#include <CUnit/CUnit.h>
#include <stddef.h>

struct tap_case {
	const char *name; /* a sentence */
	void (*fn)(void);
};

/*
 * Run the cases whose names contain argv[1] (all without it) and print one TAP
 * line each.  setup and teardown (may be NULL) surround every case.  Returns
 * the exit status.  CUnit's assertion macros may be used in cases.
 */
int tap_main(int argc, char **argv, const struct tap_case *cases,
	     size_t n_cases, void (*setup)(void), void (*teardown)(void));

/* Make the rest of the running case count as skipped, with a reason. */
void tap_skip(const char *reason);
/* Print a comment line into the TAP stream. */
void tap_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * n times the environment's MF_TEST_SCALE (a decimal fraction, 1 without it),
 * at least 1: how much work a long case is to do.
 */
unsigned long tap_scaled(unsigned long n);

#define TAP_MAIN(cases, setup, teardown)                                      \
	int main(int argc, char **argv)                                       \
	{                                                                     \
		return tap_main(argc, argv, cases,                            \
				sizeof(cases) / sizeof((cases)[0]), setup,    \
				teardown);                                    \
	}

#endif
