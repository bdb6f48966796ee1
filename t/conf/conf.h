/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conformance suite: what every coordinator must do, in terms of
 * metafora/coordinator.h only.  A program for a coordinator describes it as a
 * backend and stamps the cases on it.
 */
#ifndef T_CONF_H
#define T_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <metafora/error.h>

#include "recorder.h"
#include "site.h"
#include "tap.h"

struct conf;

struct conf_backend {
	/* Where it runs: a new site for each case and seed. */
	struct site *(*site_new)(uint64_t seed);
	/* Each case is run with the seeds 1 to n_seeds. */
	uint64_t n_seeds;
	/* How long to wait for anything before a case fails. */
	int64_t patience_ms;
	/*
	 * A broker without any task, session or member; and its end, when all
	 * sides are closed and the coordinators freed: CU_ASSERTs that nothing
	 * is left of them.
	 */
	void *(*broker_new)(struct site *site, const void *config);
	void (*broker_free)(void *broker);
	struct metafora_coordinator *(*coordinator_new)(void *broker,
							const void *config);
	const void *config; /* the backend's own, given to both */
	/* Faults.  NULL: cannot be made; cases that need them are skipped. */
	void (*expire)(void *broker, const char *node);
	/* node NULL: the links of all, clients included. */
	void (*cut)(void *broker, const char *node, bool cut);
	void (*lose)(void *broker, const char *node, size_t n_writes,
		     bool before_commit);
	/*
	 * Nothing comes from the node any more, and nobody is told; or all is
	 * as before.  NULL: a node whose loop stands still is silent.
	 */
	void (*silence)(void *broker, const char *node, bool silent);
};

/* --- what a case works with ----------------------------------------------------- */

#define CONF_NODES_MAX 12

struct conf {
	const struct conf_backend *backend;
	uint64_t seed;
	struct site *site;
	void *broker;
	struct metafora_coordinator *coordinator;
	struct rec_client *client;
	struct rec_node *nodes[CONF_NODES_MAX];
	struct site_freeze *frozen[CONF_NODES_MAX];
	size_t n_nodes;
};

/* Run one case from nothing to nothing, once for each seed. */
void conf_run(const struct conf_backend *backend, void (*fn)(struct conf *c));

/* Open a node; the second waits until it has joined and read all. */
struct rec_node *conf_open(struct conf *c, const char *name);
struct rec_node *conf_join(struct conf *c, const char *name);
/* The node's loop stands still; what else its process does goes on. */
void conf_stall(struct conf *c, const struct rec_node *node);
/* The node's process dies: it gives no sign of life any more. */
void conf_kill(struct conf *c, const struct rec_node *node);

/* Submit or remove, and wait for the reply; its error. */
int conf_submit(struct conf *c, const char *task);
int conf_submit_data(struct conf *c, const char *task, const void *data,
		     size_t n_bytes);
int conf_remove(struct conf *c, const char *task);
/* Whether the broker has the task. */
bool conf_exists(struct conf *c, const char *task);
/* Wait for any reply.  Never NULL: aborts if it does not come. */
const struct rec_reply *conf_reply(struct conf *c, uint64_t request);

bool conf_has_reply(struct conf *c, uint64_t request);

/* Wait for the answer to an entry.  {.result = -1} if it does not come. */
struct conf_answer {
	int result; /* enum metafora_result */
	uint64_t attempt;
	uint64_t token;
	int error;
};
struct conf_answer conf_answer(struct conf *c, struct rec_node *node,
			       enum metafora_verb verb, uint64_t attempt);
/* Send an entry and wait for its answer; leave: -1 if none comes. */
struct conf_answer conf_claim(struct conf *c, struct rec_node *node,
			      const char *task);
struct conf_answer conf_queue(struct conf *c, struct rec_node *node,
			      const char *task);
int conf_leave(struct conf *c, struct rec_node *node, enum metafora_verb verb,
	       const char *task, const struct conf_answer *claim);
/*
 * Wait until the newest verdict on a claim or a queued one is result, that is,
 * also one that comes of itself; then *answer is filled in.
 */
bool conf_becomes(struct conf *c, struct rec_node *node,
		  enum metafora_result result, struct conf_answer *answer);

/* Wait until the node sees it; false if it does not. */
bool conf_sees_task(struct conf *c, struct rec_node *node, const char *task,
		    bool exists);
/* place 0: no claim. */
bool conf_sees_place(struct conf *c, struct rec_node *node, const char *task,
		     const char *claimant, size_t place);
bool conf_sees_member(struct conf *c, struct rec_node *node, const char *name,
		      bool lives);
bool conf_sees_n_claims(struct conf *c, struct rec_node *node, size_t n);
bool conf_reaches(struct conf *c, struct rec_node *node,
		  enum metafora_session_state state);
/* Connected, with all snapshots, after so many sessions were lost. */
bool conf_is_back(struct conf *c, struct rec_node *node, size_t n_lost);
bool conf_gets_commands(struct conf *c, struct rec_node *node, size_t n);
/* The ID of a command that has come; its data are as expected. */
void conf_command_id(struct conf *c, const struct rec_node *node, size_t i,
		     const char *data, char *id, size_t n_bytes);
bool conf_all_answered(struct conf *c, struct rec_node *node);

/* --- the cases --------------------------------------------------------------------- */

#define CONF_CASES(X, a)                                                      \
	X(a, one_of_two_claims_wins, "of two claims one wins, one is beaten") \
	X(a, an_owner_gets_properties, "an owner gets the properties")        \
	X(a, claims_are_seen, "claims are seen in line by all nodes")         \
	X(a, tokens_grow, "tokens grow from owner to owner")                  \
	X(a, tokens_grow_over_lives, "tokens grow over delete and resubmit")  \
	X(a, many_claims_in_one_batch,                                        \
	  "500 claims in one batch are all owned")                            \
	X(a, a_batch_is_no_transaction, "an entry that fails fails no other") \
	X(a, a_missing_task_is_gone,                                          \
	  "a claim on a missing task revives nothing")                        \
	X(a, a_waiter_follows_release,                                        \
	  "a waiter owns when the owner releases")                            \
	X(a, a_waiter_follows_a_close, "a waiter owns when the owner closes") \
	X(a, a_waiter_withdraws, "a waiter can withdraw")                     \
	X(a, an_owner_evicts_a_waiter,                                        \
	  "an owner puts a waiter out of the line")                           \
	X(a, who_owns_no_more_evicts_nobody,                                  \
	  "who owns a task no more puts nobody out of its line")              \
	X(a, a_waiter_for_a_deleted_task,                                     \
	  "a waiter for a deleted task is gone")                              \
	X(a, a_release_keeps_the_task, "a released task can be claimed again") \
	X(a, done_removes_the_task, "done removes task and claim")            \
	X(a, done_needs_the_claim, "done of who does not own removes nothing") \
	X(a, job1_is_not_job10, "the end of job1 leaves job10 alone")         \
	X(a, delete_waits_for_the_claim,                                      \
	  "delete of a running task waits for its claim")                     \
	X(a, resubmit_waits_for_the_claim,                                    \
	  "resubmit is busy while an old claim lives")                        \
	X(a, an_old_done_spares_the_new,                                      \
	  "done of an old life spares the new one")                           \
	X(a, refresh_reads_again, "refresh gives snapshots again")            \
	X(a, a_dead_node_loses_all,                                           \
	  "a dead node's claims end, not before its lease")                   \
	X(a, an_expired_node_rejoins, "an expired node loses all and rejoins") \
	X(a, a_waiter_follows_expiry, "a waiter owns when the owner expires") \
	X(a, no_verdict_of_old_sessions, "no verdict of a lost session comes") \
	X(a, a_lease_moves_on,                                                \
	  "a lease moves on while in touch, stands when cut")                 \
	X(a, a_short_cut_loses_nothing,                                       \
	  "a short cut keeps session and claims")                             \
	X(a, a_long_cut_loses_all, "a long cut costs the session")            \
	X(a, a_cut_leaves_unknowns, "what a cut interrupts is answered once") \
	X(a, news_survive_a_cut,                                              \
	  "a promotion during a cut is told afterwards")                      \
	X(a, lost_requests_settle, "lost requests settle")                    \
	X(a, lost_answers_settle, "lost answers settle")                      \
	X(a, abandon_ends_the_session, "abandon ends the session")            \
	X(a, close_leaves_nothing, "close leaves nothing behind")             \
	X(a, close_ends_when_cut, "close ends although the link is cut")      \
	X(a, a_living_namesake_wins, "a living namesake keeps a node out")    \
	X(a, a_dead_namesake_yields, "a dead namesake gives way in time")     \
	X(a, members_show_what_is_published, "members show what is published") \
	X(a, members_come_and_go, "members come and go")                      \
	X(a, submit_says_what_exists, "submit says what exists already")      \
	X(a, get_and_remove_need_a_task, "get and delete say what is missing") \
	X(a, list_shows_owners, "a listing shows owners and tokens")          \
	X(a, details_show_since_when,                                         \
	  "a listing with details shows since when")                          \
	X(a, one_task_is_described,                                           \
	  "one task is described with its line of waiters")                   \
	X(a, list_knows_prefixes, "a listing keeps to a prefix")              \
	X(a, list_comes_in_pages, "a listing comes in pages")                 \
	X(a, strange_names_go_round, "strange names go round")                \
	X(a, sizes_go_round, "properties of 0 and 1,000,000 bytes go round")  \
	X(a, nodes_are_listed, "nodes are listed with what they own")         \
	X(a, a_command_is_delivered_once,                                     \
	  "a command is delivered once, and answered")                        \
	X(a, commands_keep_their_order, "commands keep their order")          \
	X(a, a_command_needs_a_node, "a command to nobody fails")             \
	X(a, a_command_dies_with_its_node,                                    \
	  "a command ends with its node's session")                           \
	X(a, a_command_survives_a_cut, "a command survives a cut link")       \
	X(a, a_sent_command_is_not_waited_for,                                \
	  "a command can be sent without waiting for its answer")             \
	X(a, a_sent_command_dies_with_its_node,                               \
	  "a command sent to a dead node does not reach its next life")       \
	X(a, commands_to_a_lazy_node_are_bounded,                             \
	  "commands to a node that answers none are refused beyond a limit")  \
	X(a, a_watch_sees_all,                                                \
	  "a watch sees what is there and what changes")                      \
	X(a, a_watch_survives_a_cut, "a watch survives a cut link")           \
	X(a, a_watch_that_ended_is_silent, "a watch that ended is silent")    \
	X(a, requests_wait_for_the_link, "requests wait for a cut link")      \
	X(a, a_cancelled_request_is_dropped,                                  \
	  "a cancelled request harms nobody")                                 \
	X(a, lost_writes_are_unknown, "a lost write has an unknown outcome") \
	X(a, random_faults_break_nothing, "random faults break no promise")

#define CONF_DECLARE(a, fn, text) void conf_##fn(struct conf *c);
CONF_CASES(CONF_DECLARE, )
#undef CONF_DECLARE

/*
 * Stamping: with a `static const struct conf_backend plain`,
 * CONF_CASES(CONF_STAMP, plain) makes a function for each case, and
 * CONF_CASES(CONF_ROW, plain) their rows in a table of struct tap_case.
 */
#define CONF_STAMP(backend, fn, text)                                         \
	static void backend##_##fn(void)                                      \
	{                                                                     \
		conf_run(&backend, conf_##fn);                                \
	}
#define CONF_ROW(backend, fn, text) {#backend ": " text, backend##_##fn},

/*
 * Likewise for functions of the program's own: CASES(CONF_STAMP_OWN) and
 * CASES(CONF_ROW_OWN), of a list of X(backend, fn, text).
 */
#define CONF_STAMP_OWN(backend, fn, text)                                     \
	static void backend##_##fn(void)                                      \
	{                                                                     \
		conf_run(&backend, fn);                                       \
	}
#define CONF_ROW_OWN(backend, fn, text) {text, backend##_##fn},

#endif
