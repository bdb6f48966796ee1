/* SPDX-License-Identifier: Apache-2.0 */
/* ZooKeeper without the library: its limits, its counters, its events. */
#ifndef BENCH_RAW_H
#define BENCH_RAW_H

#include <stddef.h>
#include <stdint.h>

#include "zkserver.h"

/* Each makes a session of its own; n creates; returns how many a second. */
double raw_create_synchronously(struct zkservers *servers, size_t n);
double raw_create_pipelined(struct zkservers *servers, size_t n);
double raw_create_multi(struct zkservers *servers, size_t n);

/* A session that stays, for what follows. */
struct raw *raw_open(struct zkservers *servers);
void raw_close(struct raw *raw);

/*
 * Children created and removed, so far, below root in the folders of claims
 * and of tasks.
 */
struct raw_changes {
	size_t claims_created;
	size_t tasks_created;
	size_t removed; /* of both */
};
struct raw_changes raw_changes(struct raw *raw, const char *root);

/* Begin to watch over an ephemeral node that is there; wait until it is gone.
 * Returns when that was told. */
void raw_watch(struct raw *raw, const char *path);
uint64_t raw_wait_gone(struct raw *raw);

/* Transactions so far; a number of the "mntr" command, of the i-th server. */
uint64_t raw_transactions(struct zkservers *servers);
double raw_monitor(struct zkservers *servers, unsigned int i, const char *key);

#endif
