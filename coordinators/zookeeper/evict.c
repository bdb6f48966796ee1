/* SPDX-License-Identifier: Apache-2.0 */
/* Puts waiters out of lines that this node owns. */
#include "node.h"

#include <stdlib.h>
#include <string.h>

/* Under way at a time; further ones are left to the next plan. */
#define EVICTIONS_MAX 100

struct eviction {
	struct zk_call call; /* first */
	struct zk_node *node;
	struct zk_op ops[2];
	char *own;
	char *waiter;
};

static void free_eviction(struct eviction *eviction)
{
	free(eviction->own);
	free(eviction->waiter);
	free(eviction);
}

static void on_evicted(struct zk_call *call)
{
	struct eviction *eviction = (struct eviction *)call;

	/* The line, which is watched, shows what came of it. */
	if (!call->stale)
		eviction->node->n_evicting--;
	free_eviction(eviction);
}

static char *claim_path(struct zk_node *node, const char *task,
			const char *claimant, uint64_t token)
{
	const struct metafora_host *host = mf_zk_host(node);
	char encoded[ZK_ENCODED_BYTES];
	char name[ZK_ENCODED_BYTES];

	if (host->name_encode(task, encoded, sizeof(encoded)) ||
	    host->name_encode(claimant, name, sizeof(name)))
		return NULL;
	return mf_zk_path_claim(node->session.options->root,
				mf_zk_bucket(host, task,
					     node->session.n_buckets),
				encoded, name, (uint32_t)token);
}

/* Both or neither: only who owns the task may clear its line. */
static void evict(struct zk_node *node, const struct metafora_eviction *from)
{
	struct eviction *eviction = calloc(1, sizeof(*eviction));

	if (!eviction)
		return;
	eviction->node = node;
	eviction->own = claim_path(node, from->task, node->name, from->token);
	eviction->waiter = claim_path(node, from->task, from->waiter,
				      from->waiter_token);
	if (!eviction->own || !eviction->waiter) {
		free_eviction(eviction);
		return;
	}
	eviction->ops[0] = (struct zk_op){
		.kind = ZK_CHECK,
		.version = ZK_ANY,
		.path = eviction->own,
	};
	eviction->ops[1] = (struct zk_op){
		.kind = ZK_DELETE,
		.version = ZK_ANY,
		.path = eviction->waiter,
	};
	eviction->call.done = on_evicted;
	eviction->call.request.kind = ZK_WRITE;
	eviction->call.request.ops = eviction->ops;
	eviction->call.request.n_ops = 2;
	node->n_evicting++;
	mf_zk_session_send(&node->session, &eviction->call);
}

void mf_zk_evict(void *state, const struct metafora_eviction *evictions,
		 size_t n)
{
	struct zk_node *node = state;
	size_t i;

	for (i = 0; i < n && mf_zk_node_in(node) &&
		    node->n_evicting < EVICTIONS_MAX;
	     i++)
		evict(node, &evictions[i]);
}
