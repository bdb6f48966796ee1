/* SPDX-License-Identifier: Apache-2.0 */
/* Checks ownership journals: one run at a time, growing tokens, no task lost. */
#ifndef SHELLD_JOURNAL_CHECK_H
#define SHELLD_JOURNAL_CHECK_H

#include <stddef.h>
#include <stdio.h>

struct journal_verdict {
	size_t n_tasks;
	size_t n_runs;
	size_t n_unended; /* runs that a node's death or deadline ended */
	size_t n_violations;
};

/*
 * Read all the journals of a cluster, in any order, and check:
 *
 *  - no two runs of one task overlap in time;
 *  - the tokens of a task's successive runs strictly increase;
 *  - every task that was submitted or run has come to its end: its last run
 *    ended as done;
 *  - every end has its start, and none comes after the death of its node.
 *
 * A run without an end ends when its node died; without that, at the last
 * deadline that its lines name (never, if the broker knows no leases).
 * Each violation is a line on report (may be NULL).
 * Returns 0 if the journals could be read, whatever was found; -1 if not,
 * with the reason on report.
 */
int journal_check(const char *const *paths, size_t n_paths, FILE *report,
		  struct journal_verdict *verdict);

#endif
