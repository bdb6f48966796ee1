/* SPDX-License-Identifier: Apache-2.0 */
/* Handles of the client library, and the servers that they connect to. */
#ifndef ZK_HANDLE_H
#define ZK_HANDLE_H

#include <zookeeper/zookeeper.h>

#include "zk_calls.h"

struct zk_handle {
	zhandle_t *zh;
	char *servers; /* as they were resolved last */
	void *kept;    /* what the library refers to */
};

/*
 * Resolve the servers and begin to connect; events go to fn with the context.
 * False: *why (static text) tells of the reason.  Blocks, as all of these do:
 * not on the owner thread.
 */
bool mf_zk_handle_open(struct zk_handle *handle, const struct zk_target *target,
		       watcher_fn fn, void *context, const char **why);
/* While not connected: resolve anew; if servers have moved, go there. */
void mf_zk_handle_resolve(struct zk_handle *handle,
			  const struct zk_target *target);
void mf_zk_handle_close(struct zk_handle *handle);

/* zk_code.c: of an answer, and of a call that could not be made. */
enum zk_code mf_zk_code_of(int rc);
enum zk_code mf_zk_refusal_of(int rc);

#endif
