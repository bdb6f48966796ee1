/* SPDX-License-Identifier: Apache-2.0 */
/* Removes the command folders of nodes that died and did not come back. */
#include "node.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#define NS_PER_MS 1000000ULL
/* Not a member for so long, in each look: gone. */
#define GONE_NS (300000 * NS_PER_MS)
/* Folders remembered at a time; the others' turn comes. */
#define GHOSTS_MAX 1000

/* A folder of commands whose node is no member. */
struct zk_ghost {
	UT_hash_handle hh; /* by name, as found */
	uint64_t since_ns;
	bool seen; /* scratch of a look */
	char key[];
};

/*
 * The removal of one.  A node holds its lease before it makes its folder, so
 * each write first takes the lease, and gives it back at its end: it fails as
 * a whole if the node lives by then.
 */
struct exorcism {
	struct zk_call call; /* first */
	struct zk_node *node;
	struct zk_op ops[ZK_BATCH_OPS_MAX];
	size_t n_ops;
	bool last; /* the folder goes, too */
	char *lease;
	char *folder;
	char key[];
};

static void forget(struct zk_node *node, struct zk_ghost *ghost)
{
	HASH_DEL(node->ghosts.known, ghost);
	free(ghost);
}

/* --- removing ------------------------------------------------------------------ */

static void free_children(struct exorcism *exorcism)
{
	size_t i;

	for (i = 0; i < exorcism->n_ops; i++)
		if (exorcism->ops[i].path != exorcism->lease &&
		    exorcism->ops[i].path != exorcism->folder)
			free((char *)(uintptr_t)exorcism->ops[i].path);
	exorcism->n_ops = 0;
}

static void end(struct exorcism *exorcism)
{
	free_children(exorcism);
	exorcism->node->ghosts.n_removing--;
	free(exorcism->lease);
	free(exorcism->folder);
	free(exorcism);
}

static void list(struct exorcism *exorcism);

static void on_removed(struct zk_call *call)
{
	struct exorcism *exorcism = (struct exorcism *)call;
	struct zk_node *node = exorcism->node;
	bool more = !call->stale && call->request.code == ZK_OK &&
		    !exorcism->last;

	/* Whatever failed is looked at again by the next reconcile. */
	if (!call->stale && call->request.code == ZK_OK && exorcism->last)
		mf_zk_host(node)->log(mf_zk_host(node), METAFORA_LOG_INFO,
				      "command folder of a dead node was "
				      "removed node=%s", exorcism->key);
	if (!more || !mf_zk_node_in(node)) {
		end(exorcism);
		return;
	}
	free_children(exorcism);
	list(exorcism);
}

static void add(struct exorcism *exorcism, enum zk_op_kind kind,
		const char *path)
{
	exorcism->ops[exorcism->n_ops++] = (struct zk_op){
		.kind = kind,
		.flags = kind == ZK_CREATE ? ZK_EPHEMERAL : 0,
		.version = ZK_ANY,
		.path = path,
	};
}

static void remove_some(struct exorcism *exorcism)
{
	const struct zk_request *request = &exorcism->call.request;
	size_t n = request->n_names;
	size_t i;

	exorcism->last = n <= ZK_BATCH_OPS_MAX - 3;
	if (!exorcism->last)
		n = ZK_BATCH_OPS_MAX - 3;
	add(exorcism, ZK_CREATE, exorcism->lease);
	for (i = 0; i < n; i++) {
		char *path = mf_zk_path(exorcism->folder, request->names[i]);

		if (!path) {
			end(exorcism);
			return;
		}
		add(exorcism, ZK_DELETE, path);
	}
	if (exorcism->last)
		add(exorcism, ZK_DELETE, exorcism->folder);
	add(exorcism, ZK_DELETE, exorcism->lease);
	exorcism->call.done = on_removed;
	exorcism->call.request.kind = ZK_WRITE;
	exorcism->call.request.ops = exorcism->ops;
	exorcism->call.request.n_ops = exorcism->n_ops;
	mf_zk_session_send(&exorcism->node->session, &exorcism->call);
}

static void on_children(struct zk_call *call)
{
	struct exorcism *exorcism = (struct exorcism *)call;

	if (call->stale || call->request.code != ZK_OK ||
	    !mf_zk_node_in(exorcism->node))
		end(exorcism);
	else
		remove_some(exorcism);
}

static void list(struct exorcism *exorcism)
{
	exorcism->call.done = on_children;
	exorcism->call.request.kind = ZK_READ_CHILDREN;
	exorcism->call.request.path = exorcism->folder;
	mf_zk_session_send(&exorcism->node->session, &exorcism->call);
}

static void begin(struct zk_node *node, const char *key)
{
	const char *root = node->session.options->root;
	struct exorcism *exorcism = calloc(1, sizeof(*exorcism) +
						      strlen(key) + 1);

	if (!exorcism)
		return;
	node->ghosts.n_removing++;
	exorcism->node = node;
	strcpy(exorcism->key, key);
	exorcism->lease = mf_zk_path_lease(root, key);
	exorcism->folder = mf_zk_path_command(root, key, NULL);
	if (exorcism->lease && exorcism->folder)
		list(exorcism);
	else
		end(exorcism);
}

/* --- looking ---------------------------------------------------------------------- */

static void note(struct zk_node *node, const char *key, uint64_t now)
{
	struct zk_ghosts *ghosts = &node->ghosts;
	char name[METAFORA_NODE_NAME_MAX + 1];
	struct zk_ghost *ghost;

	HASH_FIND_STR(ghosts->known, key, ghost);
	if (ghost) {
		ghost->seen = true;
		return;
	}
	if (!mf_zk_parse_node(mf_zk_host(node), key, name) ||
	    HASH_COUNT(ghosts->known) >= GHOSTS_MAX)
		return;
	ghost = calloc(1, sizeof(*ghost) + strlen(key) + 1);
	if (!ghost)
		return; /* the next look finds it again */
	strcpy(ghost->key, key);
	ghost->since_ns = now;
	ghost->seen = true;
	HASH_ADD_STR(ghosts->known, key, ghost);
	if (!ghost->hh.tbl)
		free(ghost);
}

static void judge(struct zk_node *node, uint64_t now)
{
	struct zk_ghost *ghost, *next;

	HASH_ITER(hh, node->ghosts.known, ghost, next)
	{
		bool seen = ghost->seen;

		ghost->seen = false;
		if (!seen) {
			forget(node, ghost);
		} else if (now - ghost->since_ns >= GONE_NS &&
			   node->ghosts.n_removing < ZK_BATCHES_MAX) {
			begin(node, ghost->key);
			forget(node, ghost);
		}
	}
}

static void on_list(struct zk_call *call)
{
	struct zk_node *node = mf_zk_node_of(call->session);
	const struct zk_request *request = &call->request;
	uint64_t now = mf_zk_host(node)->now_ns(mf_zk_host(node));
	size_t i;

	node->ghosts.reading = false;
	if (call->stale || request->code != ZK_OK || !mf_zk_node_in(node) ||
	    !node->members.listed)
		return;
	for (i = 0; i < request->n_names; i++)
		if (!mf_zk_members_listed(node, request->names[i]))
			note(node, request->names[i], now);
	judge(node, now);
}

void mf_zk_ghosts_read(struct zk_node *node)
{
	struct zk_ghosts *ghosts = &node->ghosts;

	if (ghosts->reading || !ghosts->path || !mf_zk_node_in(node))
		return;
	ghosts->reading = true;
	ghosts->call.done = on_list;
	ghosts->call.request.kind = ZK_READ_CHILDREN;
	ghosts->call.request.path = ghosts->path;
	mf_zk_session_send(&node->session, &ghosts->call);
}

int mf_zk_ghosts_begin(struct zk_node *node)
{
	node->ghosts.path = mf_zk_path(node->session.options->root,
				       "commands");
	return node->ghosts.path ? 0 : METAFORA_ENOMEM;
}

void mf_zk_ghosts_fini(struct zk_node *node)
{
	struct zk_ghost *ghost, *next;

	HASH_ITER(hh, node->ghosts.known, ghost, next)
		forget(node, ghost);
	free(node->ghosts.path);
	node->ghosts.path = NULL;
}
