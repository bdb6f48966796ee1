/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of znodes of one simulated server, and transactions on it. */
#ifndef T_FAKEZK_TREE_H
#define T_FAKEZK_TREE_H

#include <sys/queue.h>

#include <uthash.h>

#include "zookeeper/zk_calls.h"

/* Allocations that abort if they fail, and that no test makes fail. */
void *fz_alloc(size_t n_bytes);
void *fz_realloc(void *memory, size_t n_bytes);
#undef uthash_malloc
#define uthash_malloc(n_bytes) fz_alloc(n_bytes)

struct fz_znode {
	UT_hash_handle hh; /* by path */
	TAILQ_ENTRY(fz_znode) link;
	TAILQ_HEAD(fz_children, fz_znode) children;
	struct fz_znode *parent;
	struct zk_stat stat;
	int64_t mzxid;
	int64_t pzxid;
	uint32_t n_created; /* the counter of sequences */
	void *data;
	size_t size_bytes;
	const char *name; /* within path */
	char *path;
};

struct fz_tree {
	struct fz_znode *nodes;
	int64_t zxid; /* of the last transaction applied */
};

/* One change of a transaction, with everything decided. */
struct fz_change {
	enum zk_op_kind kind; /* create, set, delete */
	char *path;
	void *data;
	size_t size_bytes;
	int64_t owner;
};

struct fz_txn {
	int64_t zxid;
	uint64_t at_ns;    /* when it was committed */
	int64_t time_ms;   /* wall clock */
	struct fz_change *changes;
	size_t n_changes;
	uint64_t closes;   /* session that it ends, 0: none */
};

void fz_tree_init(struct fz_tree *tree);
void fz_tree_fini(struct fz_tree *tree);
struct fz_znode *fz_tree_find(const struct fz_tree *tree, const char *path);

/*
 * Try a write on the leader's tree: fills in the answers of ops.  If it
 * succeeds the changes are in the tree and, as copies, in txn, whose zxid and
 * time were set before; otherwise the tree is unchanged.
 */
enum zk_code fz_tree_write(struct fz_tree *tree, struct fz_txn *txn,
			   uint64_t session, struct zk_op *ops, size_t n_ops);
/* Apply a transaction to another server's tree. */
void fz_tree_apply(struct fz_tree *tree, const struct fz_txn *txn);
/* The removal of all ephemerals of a session, as changes; not applied yet. */
void fz_tree_close(const struct fz_tree *tree, struct fz_txn *txn,
		   uint64_t session);
void fz_txn_fini(struct fz_txn *txn);

char *fz_strdup(const char *text);
void *fz_memdup(const void *data, size_t n_bytes);

#endif
