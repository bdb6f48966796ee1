/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster in rounds, to try balancers without a broker: one truth in memory,
 * nodes that see it through true views, some later than others.
 */
#ifndef T_ROUNDS_H
#define T_ROUNDS_H

#include <metafora/balancer.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan.h"
#include "prng.h"
#include "task_table.h"
#include "view.h"

#define ROUNDS_TICK_MS 20
#define ROUNDS_NODES_MAX 64
#define ROUNDS_TASKS_MAX 4000
/* Oldest state that a node can be shown. */
#define ROUNDS_LAG_MAX 400
/* How long a node leaves alone what it gave away, and a handler takes to stop. */
#define ROUNDS_GIVEN_AWAY_MS 500
#define ROUNDS_STOP_MS 40

#define ROUNDS_NOBODY (-1)
/* Longest line behind an owner. */
#define ROUNDS_WAITERS_MAX 3

/* What a node has to do with one task. */
struct rounds_part {
	struct mf_entry *entry; /* the node has it, or waits; NULL: not */
	uint64_t stops_ns;      /* entry is STOPPING: when it has stopped */
	uint64_t ask_ns;        /* not to be asked before */
	uint64_t ask_version;   /* not to be asked while the view is that */
};

struct rounds_node {
	char name[32];
	bool alive;
	enum metafora_member_state state;
	double weight;
	uint64_t capacity;
	unsigned int lag;   /* ticks that its view is late */
	bool refuses;       /* is never asked, as if its handlers failed */
	bool stalls;        /* neither takes its turn nor leaves its lines */
	uint64_t stop_ms;   /* its handlers' time; 0: ROUNDS_STOP_MS */
	struct metafora_balancer *balancer;
	struct metafora_cluster view;
	struct rounds_part *parts; /* by task */
	uint64_t serial;           /* of the state shown last */
	uint64_t balanced_version;
	uint64_t wish_ns;
	unsigned long n_asked, n_balanced;
};

/* The truth, of now or of a moment past. */
struct rounds_state {
	uint64_t serial;
	bool *exists;
	int16_t *owner;
	uint64_t *token;
	struct rounds_line {
		int16_t node[ROUNDS_WAITERS_MAX]; /* then ROUNDS_NOBODY */
		uint32_t token[ROUNDS_WAITERS_MAX];
	} *line; /* of those who wait, by task */
	struct {
		bool alive;
		enum metafora_member_state state;
		double weight;
		uint64_t capacity;
	} nodes[ROUNDS_NODES_MAX];
};

struct rounds {
	struct mf_prng prng;
	bool no_lines; /* before the first node joins */
	uint64_t now_ns;
	uint64_t tick;
	uint64_t last_token;
	uint64_t changed_ns; /* when the truth last changed */
	size_t n_tasks;      /* ever made */
	size_t n_nodes;
	struct rounds_state truth;
	struct rounds_state past[ROUNDS_LAG_MAX + 1];
	struct rounds_node nodes[ROUNDS_NODES_MAX];
	struct metafora_plan plan;
	/* Since the last rounds_reset_counts. */
	unsigned long n_claims, n_beaten, n_moves;
	unsigned long n_queued, n_withdrawn, n_evicted;
	/* Handed to a waiter without having been in the open. */
	unsigned long n_handed;
	uint16_t *moves; /* by task */
};

void rounds_init(struct rounds *r, uint64_t seed);
void rounds_fini(struct rounds *r);

/* A node joins, weight 1, no limit; takes over the balancer.  Its index. */
size_t rounds_join(struct rounds *r, struct metafora_balancer *balancer);
/* It dies: its session and claims are gone at once. */
void rounds_die(struct rounds *r, size_t node);
void rounds_set_state(struct rounds *r, size_t node,
		      enum metafora_member_state state);
void rounds_set_weight(struct rounds *r, size_t node, double weight);
void rounds_set_capacity(struct rounds *r, size_t node, uint64_t capacity);
/* As by the command "balance": even a frozen node is asked for a plan. */
void rounds_balance(struct rounds *r, size_t node);

void rounds_submit(struct rounds *r, size_t n);
void rounds_delete(struct rounds *r, size_t task);

void rounds_run(struct rounds *r, uint64_t ms);
/*
 * Run until every task has an owner and nothing has changed for quiet_ms; at
 * most for limit_ms.  Whether that came about.
 */
bool rounds_settle(struct rounds *r, uint64_t quiet_ms, uint64_t limit_ms);

void rounds_reset_counts(struct rounds *r);
size_t rounds_n_owned(const struct rounds *r, size_t node);
size_t rounds_n_unowned(const struct rounds *r);
/* Places in lines behind owners. */
size_t rounds_n_waiting(const struct rounds *r);
/* Most minus least owned by living, active nodes. */
size_t rounds_spread(const struct rounds *r);
/* Most moves of one task. */
unsigned int rounds_most_moves(const struct rounds *r);

#endif
