/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of a node's beliefs, and the check of all journals together: from
 * what the nodes say alone, whether two believed at a time to own one task.
 */
#ifndef T_OWNERSHIP_H
#define T_OWNERSHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A line: "time node task token event deadline", times in nanoseconds of
 * CLOCK_BOOTTIME; names are words.  Each is one appending write.
 *
 *   start    the run begins
 *   lease    its deadline has moved
 *   warm     it has warmed up: from here on it does its work
 *   lost     the node was told that its claim is lost
 *   release  the run has ended, the task goes on elsewhere
 *   done     the run has ended, and the task with it
 *   died     the node was killed; task "-"; written by the killer, afterwards
 */
enum ownership_event {
	OWNERSHIP_START,
	OWNERSHIP_LEASE,
	OWNERSHIP_WARM,
	OWNERSHIP_LOST,
	OWNERSHIP_RELEASE,
	OWNERSHIP_DONE,
	OWNERSHIP_DIED,
};

uint64_t ownership_now_ns(void);

/* Append a line with the present time.  Any thread.  False: it failed. */
bool ownership_write(int fd, const char *node, const char *task, uint64_t token,
		     enum ownership_event event, uint64_t deadline_ns);

struct ownership {
	size_t n_tasks; /* that ever ran */
	size_t n_runs;
	size_t n_running; /* runs that go on */
	size_t n_done;    /* tasks that are done */
	uint64_t last_start_ns;
	/* Violations. */
	size_t n_overlaps; /* pairs of runs believed in at a time */
	uint64_t longest_overlap_ns;
	size_t n_disorders; /* tokens that do not grow from run to run */
	size_t n_revivals;  /* runs behind the end of the task */
};

/*
 * Read and check the journals.  A run is believed in from its start to its end,
 * to the death of its node, to the word that it is lost, and with_leases at
 * the longest to the last deadline that its lines name.  Aborts if a journal
 * is not one; one that is missing is empty.
 */
struct ownership ownership_check(char *const *paths, size_t n_paths,
				 bool with_leases);

/* A run, by the journals; the names are valid during the call. */
struct ownership_run {
	const char *node;
	const char *task;
	uint64_t start_ns;
	uint64_t warm_ns; /* when it did its work; 0: not known to */
	uint64_t end_ns;  /* or its node's death; UINT64_MAX: it goes on */
};

/* Show all runs, those of a task together, by their beginnings. */
void ownership_each_run(char *const *paths, size_t n_paths,
			void (*fn)(void *arg, const struct ownership_run *run),
			void *arg);

#endif
