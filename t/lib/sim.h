/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole cluster on the virtual clock: nodes, a client, handlers with a
 * behaviour, and a checker that looks at the promises after every step.
 */
#ifndef T_SIM_H
#define T_SIM_H

#include <metafora.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "client.h"
#include "consumer.h"
#include "world.h"

#include <uthash.h>

#define SIM_NODES_MAX 32
#define SIM_GAPS_MAX 1024

struct sim;

/* One run of a handler, from start to finish. */
struct sim_job {
	struct metafora_post post; /* to the handlers' loop */
	struct mf_timer timer;     /* on the handlers' loop */
	LIST_ENTRY(sim_job) in_task; /* iff its node lives */
	LIST_ENTRY(sim_job) in_all;
	struct sim_task *of;
	struct sim_node *node;
	struct metafora_task *task; /* NULL: finished */
	uint64_t token;
	uint64_t end_ns;  /* when it ends of itself; MF_NEVER */
	uint64_t stop_ns; /* when it gives in; 0: not asked yet */
	enum metafora_outcome outcome; /* of itself */
	bool posted;
	bool ended; /* the library is through with it */
};

struct sim_task {
	UT_hash_handle hh;
	LIST_HEAD(, sim_job) live;
	uint64_t last_token;
	uint64_t left_ns; /* when its last handler on a living node returned */
	unsigned int n_runs;
	unsigned int n_asked; /* for a test's prepare */
	unsigned int n_wishes; /* submissions and deletions under way */
	/*
	 * A client asked to delete it, or its submission is not acknowledged
	 * and may be taken back: it need not exist, though a node saw it.
	 */
	bool in_doubt;
	bool wanted; /* submitted, and not known to be done or deleted */
	char id[];
};

struct sim_node {
	struct sim *sim;
	struct metafora_consumer *consumer;
	struct metafora_handler *handler;
	char name[16];
	bool alive; /* the process lives (perhaps cut off, perhaps stuck) */
	bool closing;
	unsigned int n_prepared; /* calls of prepare */
	bool refuses; /* every start of a handler */
	unsigned int n_refused;
	unsigned int n_lives;
};

/* How handlers behave; times in ms. */
struct sim_manner {
	int64_t stop_min_ms, stop_max_ms; /* from asked to returned */
	int64_t run_min_ms, run_max_ms;   /* 0: for ever */
	unsigned int done_percent;        /* of those that end of themselves */
	unsigned int refuse_percent;      /* of starts */
	unsigned int stuck_percent;       /* ignore a stop for stuck_ms */
	int64_t stuck_ms;
	/* Before a node joins: how it warms up; 0: it does not. */
	int64_t (*prepare)(void *node, const char *id);
	int64_t prepare_timeout_ms;
};

/* A broker that nodes and client share, and what may go wrong with it. */
struct sim_backend {
	/* Make the broker, kept in sim->broker, and sim->coordinator. */
	void (*open)(struct sim *sim);
	/* Everybody has left. */
	void (*close)(struct sim *sim);
	/* Break or mend the node's link. */
	void (*cut)(struct sim *sim, const char *node, bool cut);
	/* End the node's session at once, though its timeout has not passed. */
	void (*expire)(struct sim *sim, const char *node);
	/* Some other fault; drawn with sim_between(). */
	void (*fault)(struct sim *sim, const char *node);
	/* Each message takes so long; NULL: it cannot be set. */
	void (*delay)(struct sim *sim, int64_t ms);
	/* Undo cuts and faults of the node. */
	void (*heal)(struct sim *sim, const char *node);
	/* Whether the broker has the task at this instant; may be NULL. */
	bool (*exists)(struct sim *sim, const char *id);
};

extern const struct sim_backend sim_embedded;
extern const struct sim_backend sim_fakezk;

struct sim {
	struct world *world;
	const struct sim_backend *backend;
	void *broker; /* the backend's */
	struct metafora_coordinator *coordinator;
	struct metafora_client *client;
	struct mf_loop handlers;
	struct sim_manner manner;
	struct sim_node nodes[SIM_NODES_MAX];
	unsigned int n_nodes;
	struct sim_task *tasks;
	LIST_HEAD(, sim_job) jobs;
	struct mf_prng prng;
	int64_t timeout_ms;
	int64_t shutdown_grace_ms; /* of nodes to come; 0: the default */
	int64_t backoff_max_ms;    /* likewise */
	/* Makes the balancer of a node; NULL: the default one. */
	struct metafora_balancer *(*balancer)(void);
	bool log;
	bool ending; /* handlers give in at once, also dead ones */

	unsigned int n_starts; /* handlers started so far */
	/*
	 * Starts of tasks whose handler had returned DONE, or that a client had
	 * deleted: none, unless a fault kept the broker from learning it.
	 */
	unsigned int n_after_end;
	/* The newest times, in ns, from a handler's return to the next start. */
	uint64_t gaps[SIM_GAPS_MAX];
	unsigned int n_gaps; /* ever; the oldest are overwritten */
	unsigned int n_open;   /* client requests without an answer */
	int last_error;        /* of the last client request */
	unsigned int n_live;   /* handlers that run on living nodes */
	unsigned int n_contested; /* tasks with more than one of these */
	unsigned int n_broken; /* promises broken; told by tap_note */
};

struct sim *sim_new(const struct sim_backend *backend, uint64_t seed,
		    int64_t timeout_ms);
/* Heals what is cut, ends all, and frees. */
void sim_free(struct sim *sim);

/* A node that joins; the name may have been that of one that died. */
struct sim_node *sim_join(struct sim *sim, const char *name);
/* The process dies at this instant, without a word. */
void sim_kill(struct sim_node *node);
/* It shuts down in order. */
void sim_close(struct sim_node *node);
/* Neither its loop nor its guard runs until then (MF_NEVER: resume). */
void sim_pause(struct sim_node *node, uint64_t until_ns);
void sim_resume(struct sim_node *node);

void sim_submit(struct sim *sim, unsigned int first, unsigned int n);
/* Not one that is wanted.  It may be refused: then it is not, after all. */
void sim_submit_one(struct sim *sim, const char *id);
void sim_delete(struct sim *sim, const char *id);
void sim_command(struct sim *sim, const char *node, const char *name,
		 const char *argument);

/* Run until a condition holds; false if it does not within ms. */
bool sim_until(struct sim *sim, bool (*cond)(struct sim *), int64_t ms);
void sim_for(struct sim *sim, int64_t ms);

/* A random number of the seed's, low and high included. */
uint64_t sim_between(struct sim *sim, uint64_t low, uint64_t high);

/* Conditions. */
bool sim_all_run(struct sim *sim);     /* each wanted task, on one node */
bool sim_is_even(struct sim *sim);     /* ... and no node has 2 more */
bool sim_all_joined(struct sim *sim);  /* and see each other */
bool sim_answered(struct sim *sim);    /* every client request */
bool sim_all_left(struct sim *sim);    /* every closing node has left */

unsigned int sim_count(const struct sim_node *node); /* handlers running */
struct sim_node *sim_node(struct sim *sim, const char *name);
struct sim_task *sim_task(struct sim *sim, const char *id);
/* The node that runs the task, or NULL. */
struct sim_node *sim_owner(struct sim *sim, const char *id);
/* Forget the gaps so far. */
void sim_reset_gaps(struct sim *sim);
/* The gap that so many percent are within; at least one must be there. */
uint64_t sim_gap_ns(struct sim *sim, unsigned int percent);
/* Tell what is where, as TAP comments. */
void sim_dump(struct sim *sim);

#endif
