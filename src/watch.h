/* SPDX-License-Identifier: Apache-2.0 */
/* What a client has told its watches of the cluster. */
#ifndef MF_WATCH_H
#define MF_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <metafora/coordinator.h>
#include <metafora/watch.h>

#include "loop.h"

struct mf_watched_bucket {
	struct metafora_listing *tasks; /* NULL: none were ever told */
	bool unread;                    /* since the client is in touch */
};

/* Owner thread only.  Zeroed, and initialised, with its client. */
struct mf_watching {
	TAILQ_HEAD(, metafora_watch) watches;
	uint64_t request; /* of the plug-in's; 0: it does not watch */
	bool connected;
	bool nodes_unread;
	size_t n_unread; /* buckets and nodes; 0: all is told */
	struct mf_watched_bucket *buckets;
	uint32_t n_buckets;
	struct metafora_node_list *nodes; /* NULL: none were ever told */
	struct mf_timer retry;
};

void mf_watching_init(struct metafora_client *client);
/* The client is being closed: nothing is told any more. */
void mf_watching_end(struct metafora_client *client);

/* What the plug-in says. */
void mf_watch_link(const struct metafora_host *host, bool connected,
		   uint32_t n_buckets);
void mf_watch_tasks(const struct metafora_host *host, uint32_t bucket,
		    const struct metafora_task_row *rows, size_t n);
void mf_watch_nodes(const struct metafora_host *host,
		    const struct metafora_member_row *rows, size_t n);
/* The plug-in has given the watch up. */
void mf_watch_failed(struct metafora_client *client, int error);

#endif
