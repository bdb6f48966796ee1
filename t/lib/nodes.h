/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster of real node processes on private servers, and its journals. */
#ifndef T_NODES_H
#define T_NODES_H

#include <metafora/client.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ownership.h"

#define NODES_MAX 8

struct nodes;

/*
 * A cluster without nodes, in a namespace of its own, with a client that
 * reaches it by the same servers.  Main thread only.
 */
struct nodes *nodes_new(const char *servers, int64_t timeout_ms);
/* Stops the nodes that live; asserts that none dies of it. */
void nodes_free(struct nodes *nodes);

struct metafora_client *nodes_client(struct nodes *nodes);
const char *nodes_root(const struct nodes *nodes);

struct node_options {
	const char *name;
	const char *servers; /* NULL: those of the cluster */
	const char *flags;   /* NULL: none; see node_main.h */
	int64_t join_ms;     /* 0: a minute */
};

/* Start one; its number.  The second waits until it has joined, too. */
unsigned int nodes_start(struct nodes *nodes,
			 const struct node_options *options);
unsigned int nodes_join(struct nodes *nodes,
			const struct node_options *options);
/* Wait until it has joined; false if it ends or takes too long. */
bool nodes_joined(struct nodes *nodes, unsigned int i);
/* Wait until it has ended by itself; its exit status, -1: it has not. */
int nodes_status(struct nodes *nodes, unsigned int i, int64_t timeout_ms);

void nodes_stop(struct nodes *nodes, unsigned int i);
void nodes_kill(struct nodes *nodes, unsigned int i);
void nodes_pause(struct nodes *nodes, unsigned int i);
void nodes_continue(struct nodes *nodes, unsigned int i);

/* What their journals say so far. */
struct ownership nodes_check(struct nodes *nodes, bool with_leases);
/* Show all runs; see ownership.h. */
void nodes_each_run(struct nodes *nodes,
		    void (*fn)(void *arg, const struct ownership_run *run),
		    void *arg);
/* Wait until so many runs go on; false, with a note, if they do not. */
bool nodes_wait_running(struct nodes *nodes, size_t n, int64_t timeout_ms);
/* Wait until a task has started so often; false if it has not. */
bool nodes_wait_runs(struct nodes *nodes, size_t n, int64_t timeout_ms);
/* Print the output of all nodes into the TAP stream. */
void nodes_show(const struct nodes *nodes);

#endif
