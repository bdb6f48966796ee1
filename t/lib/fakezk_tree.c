/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of znodes: what a transaction does to them. */
#include "fakezk_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder.h"

static void *not_null(void *memory)
{
	if (memory)
		return memory;
	puts("Bail out! fakezk: out of memory");
	fflush(stdout);
	abort();
}

void *fz_alloc(size_t n_bytes)
{
	void *memory;

	rec_quiet(true);
	memory = not_null(calloc(1, n_bytes ? n_bytes : 1));
	rec_quiet(false);
	return memory;
}

void *fz_realloc(void *memory, size_t n_bytes)
{
	rec_quiet(true);
	memory = not_null(realloc(memory, n_bytes));
	rec_quiet(false);
	return memory;
}

char *fz_strdup(const char *text)
{
	return fz_memdup(text, strlen(text) + 1);
}

void *fz_memdup(const void *data, size_t n_bytes)
{
	void *copy = fz_alloc(n_bytes);

	if (n_bytes)
		memcpy(copy, data, n_bytes);
	return copy;
}

struct fz_znode *fz_tree_find(const struct fz_tree *tree, const char *path)
{
	struct fz_znode *node;

	HASH_FIND_STR(tree->nodes, path, node);
	return node;
}

static struct fz_znode *find_parent(const struct fz_tree *tree,
				    const char *path)
{
	size_t n = (size_t)(strrchr(path, '/') - path);
	struct fz_znode *node;

	if (n == 0)
		return fz_tree_find(tree, "/");
	HASH_FIND(hh, tree->nodes, path, (unsigned int)n, node);
	return node;
}

static struct fz_znode *new_node(const char *path)
{
	struct fz_znode *node = fz_alloc(sizeof(*node));

	TAILQ_INIT(&node->children);
	node->path = fz_strdup(path);
	node->name = strrchr(node->path, '/') + 1;
	return node;
}

static void free_node(struct fz_znode *node)
{
	free(node->path);
	free(node->data);
	free(node);
}

void fz_tree_init(struct fz_tree *tree)
{
	struct fz_znode *root = new_node("/");

	*tree = (struct fz_tree){ 0 };
	HASH_ADD_KEYPTR(hh, tree->nodes, root->path, 1, root);
}

void fz_tree_fini(struct fz_tree *tree)
{
	struct fz_znode *node, *next;

	HASH_ITER(hh, tree->nodes, node, next)
	{
		HASH_DEL(tree->nodes, node);
		free_node(node);
	}
}

void fz_txn_fini(struct fz_txn *txn)
{
	size_t i;

	for (i = 0; i < txn->n_changes; i++) {
		free(txn->changes[i].path);
		free(txn->changes[i].data);
	}
	free(txn->changes);
	txn->changes = NULL;
	txn->n_changes = 0;
}

/* --- applying ------------------------------------------------------------------------ */

static void apply_create(struct fz_tree *tree, const struct fz_txn *txn,
			 const struct fz_change *change)
{
	struct fz_znode *parent = find_parent(tree, change->path);
	struct fz_znode *node = new_node(change->path);

	node->data = fz_memdup(change->data, change->size_bytes);
	node->size_bytes = change->size_bytes;
	node->stat.n_bytes = (int32_t)change->size_bytes;
	node->stat.czxid = node->mzxid = node->pzxid = txn->zxid;
	node->stat.ctime_ms = txn->time_ms;
	node->stat.ephemeral_owner = change->owner;
	node->parent = parent;
	TAILQ_INSERT_TAIL(&parent->children, node, link);
	parent->n_created++;
	parent->stat.n_children++;
	parent->stat.cversion++;
	parent->pzxid = txn->zxid;
	HASH_ADD_KEYPTR(hh, tree->nodes, node->path,
			(unsigned int)strlen(node->path), node);
}

static void apply_delete(struct fz_tree *tree, const struct fz_txn *txn,
			 const struct fz_change *change)
{
	struct fz_znode *node = fz_tree_find(tree, change->path);
	struct fz_znode *parent = node->parent;

	TAILQ_REMOVE(&parent->children, node, link);
	parent->stat.n_children--;
	parent->stat.cversion++;
	parent->pzxid = txn->zxid;
	HASH_DEL(tree->nodes, node);
	free_node(node);
}

static void apply_set(struct fz_tree *tree, const struct fz_txn *txn,
		      const struct fz_change *change)
{
	struct fz_znode *node = fz_tree_find(tree, change->path);

	free(node->data);
	node->data = fz_memdup(change->data, change->size_bytes);
	node->size_bytes = change->size_bytes;
	node->stat.n_bytes = (int32_t)change->size_bytes;
	node->stat.version++;
	node->mzxid = txn->zxid;
}

static void apply_change(struct fz_tree *tree, const struct fz_txn *txn,
			 const struct fz_change *change)
{
	if (change->kind == ZK_CREATE)
		apply_create(tree, txn, change);
	else if (change->kind == ZK_DELETE)
		apply_delete(tree, txn, change);
	else
		apply_set(tree, txn, change);
}

void fz_tree_apply(struct fz_tree *tree, const struct fz_txn *txn)
{
	size_t i;

	for (i = 0; i < txn->n_changes; i++)
		apply_change(tree, txn, &txn->changes[i]);
	tree->zxid = txn->zxid;
}

/* --- trying --------------------------------------------------------------------------- */

/*
 * What earlier operations of the same write have made of a path; the tree
 * itself is changed only when all of them are possible.
 */
struct draft {
	UT_hash_handle hh;
	bool exists;
	bool ephemeral;
	int32_t version;
	int32_t n_children;
	uint32_t n_created;
	int64_t czxid;
	char path[];
};

static struct draft *draft_of(struct draft **drafts, const struct fz_tree *tree,
			      const char *path, size_t n)
{
	struct draft *draft;
	const struct fz_znode *node;

	HASH_FIND(hh, *drafts, path, (unsigned int)n, draft);
	if (draft)
		return draft;
	draft = fz_alloc(sizeof(*draft) + n + 1);
	memcpy(draft->path, path, n);
	node = fz_tree_find(tree, draft->path);
	if (node) {
		draft->exists = true;
		draft->ephemeral = node->stat.ephemeral_owner != 0;
		draft->version = node->stat.version;
		draft->n_children = node->stat.n_children;
		draft->n_created = node->n_created;
		draft->czxid = node->stat.czxid;
	}
	HASH_ADD_KEYPTR(hh, *drafts, draft->path, (unsigned int)n, draft);
	return draft;
}

static struct draft *parent_of(struct draft **drafts,
			       const struct fz_tree *tree, const char *path)
{
	size_t n = (size_t)(strrchr(path, '/') - path);

	return draft_of(drafts, tree, n ? path : "/", n ? n : 1);
}

static void free_drafts(struct draft *drafts)
{
	struct draft *draft, *next;

	HASH_ITER(hh, drafts, draft, next)
	{
		HASH_DEL(drafts, draft);
		free(draft);
	}
}

static void note(struct fz_txn *txn, const struct zk_op *op, const char *path,
		 uint64_t session)
{
	struct fz_change *change = &txn->changes[txn->n_changes++];

	change->kind = op->kind;
	change->path = fz_strdup(path);
	change->data = fz_memdup(op->data, op->kind == ZK_DELETE ?
						   0 : op->size_bytes);
	change->size_bytes = op->kind == ZK_DELETE ? 0 : op->size_bytes;
	change->owner = op->flags & ZK_EPHEMERAL ? (int64_t)session : 0;
}

static enum zk_code try_create(struct draft **drafts,
			       const struct fz_tree *tree, struct fz_txn *txn,
			       uint64_t session, struct zk_op *op)
{
	struct draft *parent = parent_of(drafts, tree, op->path);
	char path[2048];
	struct draft *draft;

	if (!parent->exists)
		return ZK_NONODE;
	if (parent->ephemeral)
		return ZK_REFUSED;
	op->sequence = (int32_t)parent->n_created;
	if (op->flags & ZK_SEQUENCE)
		snprintf(path, sizeof(path), "%s%010d", op->path, op->sequence);
	else
		snprintf(path, sizeof(path), "%s", op->path);
	draft = draft_of(drafts, tree, path, strlen(path));
	if (draft->exists)
		return ZK_EXISTS;
	draft->exists = true;
	draft->ephemeral = op->flags & ZK_EPHEMERAL;
	draft->version = 0;
	draft->n_children = 0;
	draft->n_created = 0;
	draft->czxid = txn->zxid;
	parent->n_created++;
	parent->n_children++;
	note(txn, op, path, session);
	return ZK_OK;
}

static enum zk_code try_op(struct draft **drafts, const struct fz_tree *tree,
			   struct fz_txn *txn, uint64_t session,
			   struct zk_op *op)
{
	struct draft *draft;

	if (op->kind == ZK_CREATE)
		return try_create(drafts, tree, txn, session, op);
	draft = draft_of(drafts, tree, op->path, strlen(op->path));
	if (!draft->exists)
		return ZK_NONODE;
	if (op->version != ZK_ANY && op->version != draft->version)
		return ZK_BADVERSION;
	if (op->kind == ZK_DELETE) {
		if (draft->n_children > 0)
			return ZK_NOTEMPTY;
		draft->exists = false;
		parent_of(drafts, tree, op->path)->n_children--;
	} else if (op->kind == ZK_SET) {
		op->stat = (struct zk_stat){
			.czxid = draft->czxid,
			.version = ++draft->version,
		};
	}
	if (op->kind != ZK_CHECK)
		note(txn, op, op->path, session);
	return ZK_OK;
}

enum zk_code fz_tree_write(struct fz_tree *tree, struct fz_txn *txn,
			   uint64_t session, struct zk_op *ops, size_t n_ops)
{
	struct draft *drafts = NULL;
	enum zk_code code = ZK_OK;
	size_t i, j;

	txn->changes = fz_alloc(n_ops * sizeof(*txn->changes));
	txn->n_changes = 0;
	for (i = 0; i < n_ops && code == ZK_OK; i++) {
		code = try_op(&drafts, tree, txn, session, &ops[i]);
		ops[i].code = code;
	}
	free_drafts(drafts);
	if (code == ZK_OK) {
		fz_tree_apply(tree, txn);
		return ZK_OK;
	}
	for (j = 0; j < n_ops; j++)
		if (j + 1 != i)
			ops[j].code = ZK_OTHER;
	fz_txn_fini(txn);
	return code;
}

void fz_tree_close(const struct fz_tree *tree, struct fz_txn *txn,
		   uint64_t session)
{
	const struct fz_znode *node;
	size_t n = 0;

	for (node = tree->nodes; node; node = node->hh.next)
		n += (uint64_t)node->stat.ephemeral_owner == session;
	txn->closes = session;
	txn->changes = fz_alloc(n * sizeof(*txn->changes));
	txn->n_changes = 0;
	for (node = tree->nodes; node; node = node->hh.next)
		if ((uint64_t)node->stat.ephemeral_owner == session) {
			txn->changes[txn->n_changes].kind = ZK_DELETE;
			txn->changes[txn->n_changes++].path =
				fz_strdup(node->path);
		}
}
