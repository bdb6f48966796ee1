/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of calls over the real client library, with relays between every
 * handle and the servers: faults for one node, by its name.
 */
#ifndef T_ZKLINK_H
#define T_ZKLINK_H

#include <stdbool.h>
#include <stddef.h>

#include "zkserver.h"
#include "zookeeper/zk_calls.h"

/* The servers as one test sees them. */
struct zklinks;

struct zklinks *zklinks_new(struct zkservers *servers, unsigned int n_servers);
/* All handles must have been freed. */
void zklinks_free(struct zklinks *links);

/* The table; env is the struct zklinks.  NULL: there is no client library. */
const struct zk_calls *zklinks_calls(void);
/*
 * Whether the coordinator can be tried on real servers; if not, as it may also
 * be built without, the rest of the case counts as skipped.
 */
bool zklinks_can_run(void);

/*
 * Faults.  name is that of a node, whose handles are known by the member
 * record that they create; NULL: all handles, those of clients included.
 */

/* End the session as if its time had run out. */
void zklinks_expire(struct zklinks *links, const char *name);
/* Cut the connections and let none be made; or mend. */
void zklinks_cut(struct zklinks *links, const char *name, bool cut);
/* Lose all that passes and swallow new connections; or mend. */
void zklinks_silence(struct zklinks *links, const char *name, bool silent);
/*
 * Of the next n_writes writes about tasks, claims and commands, cut the
 * connection in front of the request (before_commit) or of the answer.
 */
void zklinks_lose(struct zklinks *links, const char *name, size_t n_writes,
		  bool before_commit);

#endif
