/* SPDX-License-Identifier: Apache-2.0 */
/* Plug-ins and callbacks that give one answer, for tests through the API. */
#ifndef T_CANNED_NODE_H
#define T_CANNED_NODE_H

#include <metafora.h>

/* The node side of a coordinator whose broker has nothing, or refuses. */
struct canned_node {
	int open_error;    /* of open; 0: none */
	int session_error; /* how the session fails; 0: it joins */
	unsigned int n_freed;

	const struct metafora_host *host;
	const struct metafora_node_sink *sink;
	struct metafora_post post;
	struct metafora_post close_post;
};

struct metafora_coordinator *canned_coordinator(struct canned_node *canned);
/* A consumer "n1" on it, with that handler; not started. */
struct metafora_consumer *canned_consumer(struct canned_node *canned,
					  struct metafora_handler *handler);
/* The session of one that has joined fails for good.  Any thread, once. */
void canned_fail(struct canned_node *canned, int error);
/* A coordinator without a node side. */
struct metafora_coordinator *canned_client_only(void);

struct canned_balancer {
	int init_error;
	unsigned int n_destroyed;
};

/* Claims nothing. */
struct metafora_balancer *canned_balancer(struct canned_balancer *state);

enum metafora_outcome canned_run(void *arg, struct metafora_task *task);
void canned_inspect(void *arg, const struct metafora_cluster *cluster);
/*
 * Knows "succeed" (its argument is the text of the reply), "fail"
 * (METAFORA_EBUSY, with a text) and "positive" (returns 1).
 */
int canned_command(void *arg, const char *name, const char *argument,
		   struct metafora_command_reply *reply);

#endif
