/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ZooKeeper ensemble in a world: servers that lag, sessions, ephemerals,
 * sequences, watches, and faults.  The coordinator's table of calls reaches
 * it; its course follows from the world's seed.
 */
#ifndef T_FAKEZK_H
#define T_FAKEZK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "world.h"
#include "zookeeper/zk_calls.h"

struct fakezk;

struct fakezk_config {
	unsigned int n_servers; /* the first leads */
	uint64_t tick_ns;
	/* Of each message; uniform. */
	uint64_t latency_min_ns;
	uint64_t latency_max_ns;
	/* How long a follower trails behind; uniform for each transaction. */
	uint64_t lag_min_ns;
	uint64_t lag_max_ns;
};

/* Never NULL: out of memory aborts, as every misuse does. */
struct fakezk *fakezk_new(struct world *world,
			  const struct fakezk_config *config);
/* All handles must have been freed. */
void fakezk_free(struct fakezk *fake);

/* The table; env is the struct fakezk. */
extern const struct zk_calls fakezk_calls;

/*
 * Faults.  name is that of a node, whose handles are known by the member
 * record that they create; NULL: all handles, those of clients included.
 */

/* End the session as if its time had run out. */
void fakezk_expire(struct fakezk *fake, const char *name);
/*
 * Break the connections, so that their clients know of it but not the servers,
 * and let none be made; what was under way is lost.  Or mend.
 */
void fakezk_cut(struct fakezk *fake, const char *name, bool cut);
/* Reset the connection, so that the handle looks for another server. */
void fakezk_reset(struct fakezk *fake, const char *name);
/*
 * Of the next n_writes creations or removals, reset the connection instead of
 * committing (before_commit), or instead of answering.
 */
void fakezk_lose(struct fakezk *fake, const char *name, size_t n_writes,
		 bool before_commit);
/* Refuse writes of and below the path, as an ACL does; NULL: none. */
void fakezk_deny(struct fakezk *fake, const char *path);
/* A follower and the leader do not hear each other; or mend. */
void fakezk_isolate(struct fakezk *fake, unsigned int server, bool isolated);

/*
 * Another leader is elected: connections break, what was not committed is
 * lost, and every session gets its full timeout again.
 */
void fakezk_elect(struct fakezk *fake);

/* What the leader has. */
bool fakezk_exists(const struct fakezk *fake, const char *path);
size_t fakezk_n_children(const struct fakezk *fake, const char *path);
/* Children there ever were. */
size_t fakezk_n_created(const struct fakezk *fake, const char *path);
size_t fakezk_n_sessions(const struct fakezk *fake);
/* Transactions so far: what an idle cluster writes. */
uint64_t fakezk_zxid(const struct fakezk *fake);
/* As an operator does, at once; returns the outcome. */
enum zk_code fakezk_put(struct fakezk *fake, const char *path,
			const char *data);
enum zk_code fakezk_delete(struct fakezk *fake, const char *path);
/* Children made in the folder from now on are numbered from n on. */
void fakezk_set_sequence(struct fakezk *fake, const char *path, uint32_t n);
/* When the folder is read next, delete the path right after that. */
void fakezk_delete_after_read(struct fakezk *fake, const char *folder,
			      const char *path);
/* With all that is below it. */
void fakezk_delete_all(struct fakezk *fake, const char *path);
/* An ephemeral of the node's present session, sequential if the path ends so. */
enum zk_code fakezk_put_claim(struct fakezk *fake, const char *stem,
			      const char *name);
/* The i-th child's name, NULL: there is none. */
const char *fakezk_child(const struct fakezk *fake, const char *path,
			 size_t i);
/* Handles connect to this server only, from their next attempt on; -1: any. */
void fakezk_steer(struct fakezk *fake, int server);

#endif
