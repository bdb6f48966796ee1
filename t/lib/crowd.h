/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Very many nodes in rounds, to try the fair balancer at its full size without
 * a broker.
 *
 * A view for each of a thousand nodes would be a thousand pictures of the same
 * thing.  Here nodes that are equally late share one true view, filled by
 * snapshots as from a broker; for its turn a node is put into it as its self,
 * with what only its own engine knows: which handlers run and what it has on
 * its way.  So every balancer sees exactly what it would see in a view of its
 * own, and memory goes by tasks and not by tasks times nodes.
 */
#ifndef T_CROWD_H
#define T_CROWD_H

#include <metafora/balancer.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan.h"
#include "prng.h"
#include "task_table.h"
#include "view.h"

#define CROWD_ROUND_MS 100
/* Rounds that a node can be late, at most. */
#define CROWD_LAG_MAX 3
/* Longest line behind an owner. */
#define CROWD_WAITERS_MAX 3
#define CROWD_NOBODY (-1)

struct crowd_node {
	char name[16];
	bool alive;
	enum metafora_member_state state;
	unsigned int weight;
	unsigned int lag; /* rounds */
	struct metafora_balancer *balancer;
	uint32_t *tasks; /* that run here */
	size_t n_tasks;
	size_t room;
	size_t n_queued;
	size_t n_leaving;
};

/* Who has a task and who waits for it. */
struct crowd_line {
	int32_t owner;
	int32_t waiters[CROWD_WAITERS_MAX]; /* then CROWD_NOBODY */
};

/* The truth of a round. */
struct crowd_state {
	struct crowd_line *lines;   /* by task */
	struct crowd_roll {
		bool alive;
		enum metafora_member_state state;
		unsigned int weight;
	} *nodes;
	size_t n_nodes;
};

struct crowd {
	struct mf_prng prng;
	uint64_t round;
	uint64_t now_ns;
	size_t n_tasks;
	size_t n_nodes; /* ever joined */
	size_t nodes_max;
	unsigned int n_buckets;
	unsigned int n_views; /* for lags from 0 on */
	struct crowd_node *nodes;
	struct crowd_state truth;
	struct crowd_state *past;        /* of the last n_views rounds */
	struct metafora_cluster *views;  /* by lag */
	uint64_t version;                /* of a view, above all before */
	char nobody[1];                  /* whose a view is between turns */
	char (*ids)[16];                 /* by task */
	uint32_t *position;              /* in its owner's tasks */
	bool *stopping;                  /* by task */
	uint64_t changed_round;
	struct metafora_plan plan;
	struct mf_entry *entries;        /* of the node whose turn it is */
	/* Since the last crowd_reset_counts. */
	uint64_t n_moves, n_claims, n_beaten;
	uint8_t *moves; /* by task */
};

/*
 * So many tasks, owned by nobody; room for nodes_max nodes; with_lag: nodes
 * may be late.
 */
void crowd_init(struct crowd *c, uint64_t seed, size_t n_tasks,
		size_t nodes_max, bool with_lag);
void crowd_fini(struct crowd *c);

/* A node with the fair balancer.  Its number. */
size_t crowd_join(struct crowd *c, unsigned int weight);
void crowd_die(struct crowd *c, size_t node);
void crowd_set_state(struct crowd *c, size_t node,
		     enum metafora_member_state state);
void crowd_set_weight(struct crowd *c, size_t node, unsigned int weight);
/* The task, which nobody owns, runs there. */
void crowd_give(struct crowd *c, size_t task, size_t node);

/*
 * Rounds until all tasks are owned, nobody waits, and nothing has changed for
 * longer than any node is late.  Returns in how many the last change came;
 * limit + 1: not within the limit.
 */
uint64_t crowd_settle(struct crowd *c, uint64_t limit);

void crowd_reset_counts(struct crowd *c);
bool crowd_shares(const struct crowd *c, size_t node);
unsigned int crowd_most_moves(const struct crowd *c);

#endif
