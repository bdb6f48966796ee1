/* SPDX-License-Identifier: Apache-2.0 */
/* The layout of a namespace: where things are, and what their names say. */
#ifndef ZK_PATH_H
#define ZK_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <metafora/coordinator.h>
#include <metafora/task.h>

#define ZK_LAYOUT_VERSION 1
#define ZK_BUCKETS_DEFAULT 64
#define ZK_BUCKETS_MAX 1024
#define ZK_ROOT_BYTES_MAX 200

/* An ID or a node name, encoded, with its NUL. */
#define ZK_ENCODED_BYTES (3 * METAFORA_TASK_ID_MAX + 1)

/*
 * Sequence numbers are given by the server and wrap to negative ones; no
 * claims are made beyond this, long before that.
 */
#define ZK_SEQUENCE_MAX (INT32_MAX - 1000000)

enum zk_folder_kind {
	ZK_TASKS,
	ZK_CLAIMS,
};

/* 0, METAFORA_EINVAL, METAFORA_ENAMETOOLONG. */
int mf_zk_root_check(const char *root);

/* Each returns a path that the caller frees, or NULL: no memory. */
char *mf_zk_path(const char *root, const char *name);
char *mf_zk_path_folder(const char *root, enum zk_folder_kind kind,
			uint32_t bucket);
char *mf_zk_path_task(const char *root, uint32_t bucket, const char *encoded);
/* What the server appends the sequence number to. */
char *mf_zk_path_claim_stem(const char *root, uint32_t bucket,
			    const char *encoded_task,
			    const char *encoded_node);
char *mf_zk_path_claim(const char *root, uint32_t bucket,
		       const char *encoded_task, const char *encoded_node,
		       uint32_t sequence);
char *mf_zk_path_member(const char *root, const char *encoded_node);
char *mf_zk_path_lease(const char *root, const char *encoded_node);
/* id NULL: the folder of the node's commands. */
char *mf_zk_path_command(const char *root, const char *encoded_node,
			 const char *id);

/*
 * Names found in folders are not trusted.  All return false for a name that
 * this library would not have made.
 */
bool mf_zk_parse_task(const struct metafora_host *host, const char *name,
		      char task[METAFORA_TASK_ID_MAX + 1]);
bool mf_zk_parse_node(const struct metafora_host *host, const char *name,
		      char node[METAFORA_NODE_NAME_MAX + 1]);

/* Of a bucket's folder, below that of its kind. */
bool mf_zk_parse_bucket(const char *name, uint32_t n_buckets,
			uint32_t *bucket);
/* A path, likewise. */
bool mf_zk_parse_folder(const char *root, const char *path, uint32_t n_buckets,
			enum zk_folder_kind *kind, uint32_t *bucket);

struct zk_claim_name {
	char task[METAFORA_TASK_ID_MAX + 1];
	char node[METAFORA_NODE_NAME_MAX + 1];
	uint32_t sequence;
};
bool mf_zk_parse_claim(const struct metafora_host *host, const char *name,
		       struct zk_claim_name *out);

/*
 * "<session>:<client session>:<number>:<sequence>", all but the last in hex:
 * the member's session that the command is for, and what tells it from all
 * other commands.  One that nobody waits for has ZK_COMMAND_UNREAD before the
 * sequence: the node removes it instead of answering.
 */
#define ZK_COMMAND_UNREAD "unread:"

struct zk_command_name {
	uint64_t session;
	uint32_t sequence;
	bool unread;
};
bool mf_zk_parse_command(const char *name, struct zk_command_name *out);

/* Bucket of a task. */
uint32_t mf_zk_bucket(const struct metafora_host *host, const char *task,
		      uint32_t n_buckets);

#endif
