/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process of nodes tells the benchmark: a file that both map, so that
 * telling costs next to nothing and outlives the one that told.
 */
#ifndef BENCH_JOURNAL_H
#define BENCH_JOURNAL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_NODES_MAX 64

enum journal_event {
	JOURNAL_NONE = 0, /* taken, not written yet */
	JOURNAL_START,    /* the handler begins */
	JOURNAL_STOP,     /* it has returned, the task goes on elsewhere */
	JOURNAL_DONE,     /* it has returned, and the task is done */
	JOURNAL_CLAIM,    /* claims are sent, "task" of them */
	JOURNAL_DECIDE,   /* claims were seen in their lines, "task" of them */
};

struct journal_entry {
	uint64_t at_ns; /* of bench_now_ns() */
	uint32_t task;
	uint16_t node;          /* of the process */
	_Atomic uint16_t event; /* written last */
};

/* What the process uses up, as asked for by SIGUSR1. */
struct journal_usage {
	double cpu_ms;
	double heap_bytes;
	double rss_bytes;
	double in_bytes; /* of its connections */
	double out_bytes;
};

struct journal {
	size_t n_room; /* const */
	_Atomic size_t n_entries;
	_Atomic uint64_t join_ns;                    /* when it began to join */
	_Atomic unsigned int n_joined;               /* nodes */
	_Atomic size_t n_running[JOURNAL_NODES_MAX]; /* of each node */
	struct journal_usage usage;
	_Atomic unsigned int n_usages; /* usage was written so often */
	struct journal_entry entries[];
};

/* Make the file, or map one that is there; ends the program if it cannot. */
struct journal *journal_make(const char *path, size_t n_room);
struct journal *journal_open(const char *path);
void journal_close(struct journal *journal);
/* Any thread.  Ends the program if there is no room. */
void journal_write(struct journal *journal, uint16_t node, uint32_t task,
		   enum journal_event event);

#endif
