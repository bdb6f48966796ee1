/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorders: a host for one side of any coordinator, that keeps what it is
 * told in a form that a test can look at, and watches that the rules of
 * metafora/coordinator.h are kept.
 */
#ifndef T_RECORDER_H
#define T_RECORDER_H

#include <metafora/coordinator.h>

#include "host.h"
#include "site.h"

/*
 * For tests that fail allocations: called with true where a recorder allocates
 * for itself, with false afterwards; they nest.  NULL: nothing.
 */
extern void (*rec_quiet_hook)(bool quiet);
void rec_quiet(bool quiet);

/* What is kept of facts; all strings are copies. */
struct rec_task {
	char *task;
	uint64_t birth;
};

struct rec_claim {
	char *task;
	char *node;
	uint64_t token;
};

struct rec_member {
	char *node;
	uint64_t session;
	enum metafora_member_state state;
	double weight;
	uint64_t capacity;
	size_t n_owned; /* in replies */
};

struct rec_bucket {
	struct rec_task *tasks;
	size_t n_tasks;
	struct rec_claim *claims;
	size_t n_claims;
	bool tasks_read;
	bool claims_read;
};

struct rec_verdict {
	enum metafora_verb verb;
	enum metafora_result result;
	char *task;
	uint64_t attempt;
	int error;
	uint64_t token;
	void *properties;
	size_t size_bytes;
	size_t n_lost; /* sessions lost before it */
};

struct rec_command {
	char *id;
	void *data;
	size_t size_bytes;
};

/* An entry that was sent. */
struct rec_entry {
	enum metafora_verb verb;
	uint64_t attempt;
	bool answered;
	bool in_line; /* QUEUED: may be OWNED of itself */
	bool owned;
	size_t n_lost; /* sessions lost before it */
};

/* A node side.  Records are guarded by site->lock. */
struct rec_node {
	struct site *site;
	char *name;
	struct mf_loop loop;
	struct mf_log log;
	struct mf_host host;
	const struct metafora_node_ops *ops;
	void *state;
	bool in_op; /* owner */

	enum metafora_session_state session_state;
	bool has_session_state;
	uint64_t session;
	int64_t timeout_ms;
	uint32_t n_buckets;
	int error;
	uint64_t lease_ns; /* 0: none of this session yet */
	size_t n_connected, n_suspended, n_lost;

	struct rec_bucket *buckets;
	struct rec_member *members;
	size_t n_members;
	bool members_read;

	struct rec_verdict *verdicts;
	size_t n_verdicts;
	struct rec_command *commands;
	size_t n_commands;
	struct rec_entry *entries;
	size_t n_entries;
	uint64_t last_attempt;

	/* The first rule that was broken; NULL: none. */
	char *violation;
};

/* A record for a node of that name; its strings are static or the caller's. */
struct metafora_member_record rec_member_record(const char *name);

/* Opens it on a new loop.  NULL if the coordinator's open fails. */
struct rec_node *rec_node_open(struct site *site,
			       struct metafora_coordinator *coordinator,
			       const char *name);
/*
 * Close, wait for CLOSED (aborts if it never comes), free the coordinator's
 * side and the loop; records stay.
 */
void rec_node_close(struct rec_node *node);
/* Close it if that was not done; free the records. */
void rec_node_free(struct rec_node *node);

/*
 * Operations, from the test's thread.  Each returns when the op has.
 *
 * Claim or queue, one task or many in one batch: returns the attempt of the
 * (first) entry; those of the others follow.  0: not sent, as the node is not
 * CONNECTED.
 */
uint64_t rec_enter(struct rec_node *node, enum metafora_verb verb,
		   const char *task);
uint64_t rec_enter_many(struct rec_node *node, enum metafora_verb verb,
			const char *const *tasks, size_t n);
/* Withdraw, release or done the claim of an attempt.  False: not sent. */
bool rec_leave(struct rec_node *node, enum metafora_verb verb, const char *task,
	       uint64_t attempt, uint64_t token);
void rec_publish(struct rec_node *node,
		 const struct metafora_member_record *record);
void rec_ack(struct rec_node *node, const char *id, int error,
	     const char *result);
void rec_refresh(struct rec_node *node);
/* Any thread; also while the node is frozen. */
void rec_abandon(struct rec_node *node);

/* --- looking; the site's lock is held, or nothing runs -------------------------- */

bool rec_is_connected(const struct rec_node *node);
/* All snapshots of the present session have come. */
bool rec_is_complete(const struct rec_node *node);
bool rec_sees_task(const struct rec_node *node, const char *task,
		   uint64_t *birth);
/* Place of the node's claim in the task's line from 1, 0 if there is none. */
size_t rec_sees_claim(const struct rec_node *node, const char *task,
		      const char *claimant, uint64_t *token);
size_t rec_line_length(const struct rec_node *node, const char *task);
size_t rec_n_tasks(const struct rec_node *node);
size_t rec_n_claims(const struct rec_node *node);
const struct rec_member *rec_sees_member(const struct rec_node *node,
					 const char *name);
/* The newest verdict on the attempt with that verb, NULL if none has come. */
const struct rec_verdict *rec_verdict_of(const struct rec_node *node,
					 enum metafora_verb verb,
					 uint64_t attempt);
/* Entries of the present session that were not answered. */
size_t rec_n_open(const struct rec_node *node);

/* --- a client side -------------------------------------------------------------------- */

struct rec_row {
	char *task;
	char *owner; /* NULL: nobody */
	uint64_t token;
	int64_t since_ms;
};

struct rec_reply {
	uint64_t request;
	bool came;
	int error;
	int *errors;
	size_t n_errors;
	struct rec_row *rows;
	size_t n_rows;
	bool more;
	struct rec_member *members;
	size_t n_members;
	void *data;
	size_t size_bytes;
	int64_t submitted_ms;
	char **waiters;
	size_t n_waiters;
};

struct rec_client {
	struct site *site;
	struct mf_loop loop;
	struct mf_log log;
	struct mf_host host;
	const struct metafora_client_ops *ops;
	void *state;
	bool in_op; /* owner */
	bool closed;
	/* replies[i] points to the one to request i + 1. */
	struct rec_reply **replies;
	size_t n_requests;
	/* What its watch sees; 0: it has none. */
	uint64_t watch;
	bool watch_is_up;
	size_t n_ups, n_downs;
	uint32_t n_buckets;
	struct rec_reply **buckets; /* rows of each; NULL: not seen yet */
	struct rec_reply *watched_nodes;
	char *violation;
};

/* NULL if the coordinator's open fails. */
struct rec_client *rec_client_open(struct site *site,
				   struct metafora_coordinator *coordinator);
void rec_client_close(struct rec_client *client);
void rec_client_free(struct rec_client *client);

/* Each returns the number of the request. */
uint64_t rec_submit(struct rec_client *client,
		    const struct metafora_submission *submissions, size_t n);
uint64_t rec_remove(struct rec_client *client, const char *task);
uint64_t rec_list(struct rec_client *client, const char *prefix,
		  const char *after, size_t limit);
uint64_t rec_list_details(struct rec_client *client, const char *prefix,
			  const char *after, size_t limit);
uint64_t rec_describe(struct rec_client *client, const char *task);
uint64_t rec_get(struct rec_client *client, const char *task);
uint64_t rec_nodes(struct rec_client *client);
uint64_t rec_check(struct rec_client *client, bool repair);
uint64_t rec_command(struct rec_client *client, const char *node,
		     const void *data, size_t size_bytes);
uint64_t rec_command_send(struct rec_client *client, const char *node,
			  const void *data, size_t size_bytes);
/* Watch, and stop watching. */
uint64_t rec_watch(struct rec_client *client);
void rec_unwatch(struct rec_client *client);
/* What the watch has seen last; the site's lock is held.  NULL: not there. */
const struct rec_row *rec_watched_task(const struct rec_client *client,
				       const char *task);
const struct rec_member *rec_watched_node(const struct rec_client *client,
					  const char *node);
/* In touch, and everything was seen. */
bool rec_watch_is_complete(const struct rec_client *client);
void rec_cancel(struct rec_client *client, uint64_t request);

bool rec_has_reply(const struct rec_client *client, uint64_t request);
/* Wait for it.  NULL if it does not come within timeout_ms. */
const struct rec_reply *rec_reply(struct rec_client *client, uint64_t request,
				  int64_t timeout_ms);

#endif
