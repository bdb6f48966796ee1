/* SPDX-License-Identifier: Apache-2.0 */
/* Very many nodes in rounds, on few shared views. */
#include "crowd.h"

#include <metafora.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"
#include "tap.h"

#define NS_PER_MS UINT64_C(1000000)
#define N_BUCKETS 64

static void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		abort();
	return p;
}

static size_t task_number(const struct metafora_cluster_task *task)
{
	return strtoul(metafora_cluster_task_id(task) + 5, NULL, 10);
}

/* --- the truth ----------------------------------------------------------------- */

static void state_init(const struct crowd *c, struct crowd_state *state)
{
	size_t i, j;

	state->lines = xcalloc(c->n_tasks, sizeof(*state->lines));
	state->nodes = xcalloc(c->nodes_max, sizeof(*state->nodes));
	state->n_nodes = 0;
	for (i = 0; i < c->n_tasks; i++) {
		state->lines[i].owner = CROWD_NOBODY;
		for (j = 0; j < CROWD_WAITERS_MAX; j++)
			state->lines[i].waiters[j] = CROWD_NOBODY;
	}
}

static void state_fini(struct crowd_state *state)
{
	free(state->lines);
	free(state->nodes);
}

static void state_copy(const struct crowd *c, struct crowd_state *to,
		       const struct crowd_state *from)
{
	memcpy(to->lines, from->lines, c->n_tasks * sizeof(*to->lines));
	memcpy(to->nodes, from->nodes, c->nodes_max * sizeof(*to->nodes));
	to->n_nodes = from->n_nodes;
}

static void publish(struct crowd *c, size_t i)
{
	c->truth.nodes[i].alive = c->nodes[i].alive;
	c->truth.nodes[i].state = c->nodes[i].state;
	c->truth.nodes[i].weight = c->nodes[i].weight;
	c->changed_round = c->round;
}

static void run_here(struct crowd *c, size_t task, size_t n)
{
	struct crowd_node *node = &c->nodes[n];

	if (node->n_tasks == node->room) {
		node->room = node->room ? 2 * node->room : 16;
		node->tasks = realloc(node->tasks,
				      node->room * sizeof(*node->tasks));
		if (!node->tasks)
			abort();
	}
	c->position[task] = (uint32_t)node->n_tasks;
	node->tasks[node->n_tasks++] = (uint32_t)task;
}

static void run_no_more(struct crowd *c, size_t task, size_t n)
{
	struct crowd_node *node = &c->nodes[n];
	uint32_t last = node->tasks[--node->n_tasks];

	node->tasks[c->position[task]] = last;
	c->position[last] = c->position[task];
}

static void own(struct crowd *c, size_t task, int32_t node)
{
	c->truth.lines[task].owner = node;
	c->changed_round = c->round;
	if (node != CROWD_NOBODY)
		run_here(c, task, (size_t)node);
}

static void leave_line(struct crowd *c, size_t task, int32_t node)
{
	int32_t *waiters = c->truth.lines[task].waiters;
	size_t i = 0;

	while (waiters[i] != node) {
		if (++i == CROWD_WAITERS_MAX)
			return;
	}
	for (; i + 1 < CROWD_WAITERS_MAX; i++)
		waiters[i] = waiters[i + 1];
	waiters[i] = CROWD_NOBODY;
	c->nodes[node].n_queued--;
	c->changed_round = c->round;
}

static void enter_line(struct crowd *c, size_t task, int32_t node)
{
	int32_t *waiters = c->truth.lines[task].waiters;
	size_t i = 0;

	while (waiters[i] != CROWD_NOBODY) {
		if (waiters[i] == node || ++i == CROWD_WAITERS_MAX)
			return;
	}
	waiters[i] = node;
	c->nodes[node].n_queued++;
	c->changed_round = c->round;
}

/* The owner's claim is gone: the first that waits owns. */
static void promote(struct crowd *c, size_t task)
{
	int32_t next = c->truth.lines[task].waiters[0];

	if (next != CROWD_NOBODY)
		leave_line(c, task, next);
	own(c, task, next);
}

static void stop(struct crowd *c, size_t task)
{
	size_t n = (size_t)c->truth.lines[task].owner;

	run_no_more(c, task, n);
	c->nodes[n].n_leaving++;
	c->stopping[task] = true;
	c->changed_round = c->round;
}

static void finish_stops(struct crowd *c)
{
	size_t i;

	for (i = 0; i < c->n_tasks; i++) {
		if (!c->stopping[i])
			continue;
		c->stopping[i] = false;
		c->nodes[c->truth.lines[i].owner].n_leaving--;
		promote(c, i);
	}
}

static void leave_lines(struct crowd *c, size_t n)
{
	size_t i;

	for (i = 0; i < c->n_tasks && c->nodes[n].n_queued; i++)
		leave_line(c, i, (int32_t)n);
}

/* --- views ---------------------------------------------------------------------- */

static void show_members(struct crowd *c, struct metafora_cluster *view,
			 const struct crowd_state *state)
{
	struct metafora_member_record *records =
		xcalloc(c->nodes_max, sizeof(*records));
	size_t n = 0;
	size_t i;

	for (i = 0; i < state->n_nodes; i++) {
		if (!state->nodes[i].alive)
			continue;
		records[n].node = c->nodes[i].name;
		records[n].session = i + 1;
		records[n].state = state->nodes[i].state;
		records[n++].weight = state->nodes[i].weight;
	}
	mf_view_members(view, records, n);
	free(records);
}

static size_t bucket_room(const struct crowd *c)
{
	return c->n_tasks / c->n_buckets + 1;
}

static void show_tasks(struct crowd *c, struct metafora_cluster *view)
{
	struct metafora_task_fact *facts =
		xcalloc(bucket_room(c), sizeof(*facts));
	size_t bucket, i;

	for (bucket = 0; bucket < c->n_buckets; bucket++) {
		size_t n = 0;

		for (i = bucket; i < c->n_tasks; i += c->n_buckets)
			facts[n++].task = c->ids[i];
		mf_view_tasks(view, c->now_ns, (uint32_t)bucket, facts, n);
	}
	free(facts);
}

/* The order of a line is all that the balancer sees of tokens. */
static size_t tell_line(const struct crowd *c, const struct crowd_line *line,
			size_t task, struct metafora_claim_fact *facts)
{
	size_t n = 0;
	size_t i;

	if (line->owner == CROWD_NOBODY)
		return 0;
	facts[n].node = c->nodes[line->owner].name;
	facts[n++].task = c->ids[task];
	for (i = 0; i < CROWD_WAITERS_MAX && line->waiters[i] != CROWD_NOBODY;
	     i++) {
		facts[n].node = c->nodes[line->waiters[i]].name;
		facts[n++].task = c->ids[task];
	}
	for (i = 0; i < n; i++)
		facts[i].token = i + 1;
	return n;
}

static void show_claims(struct crowd *c, struct metafora_cluster *view,
			const struct crowd_state *state)
{
	struct metafora_claim_fact *facts =
		xcalloc(bucket_room(c) * (1 + CROWD_WAITERS_MAX),
			sizeof(*facts));
	size_t bucket, i;

	for (bucket = 0; bucket < c->n_buckets; bucket++) {
		size_t n = 0;

		for (i = bucket; i < c->n_tasks; i += c->n_buckets)
			n += tell_line(c, &state->lines[i], i, &facts[n]);
		mf_view_claims(view, c->now_ns, (uint32_t)bucket, facts, n);
	}
	free(facts);
}

/* Each view shows the round that it is late by. */
static void show(struct crowd *c)
{
	unsigned int lag;

	state_copy(c, &c->past[c->round % c->n_views], &c->truth);
	for (lag = 0; lag < c->n_views; lag++) {
		const struct crowd_state *state =
			&c->past[(c->round + c->n_views - lag) % c->n_views];
		struct metafora_cluster *view = &c->views[lag];
		struct metafora_cluster_task *task;

		/* Nothing has changed in the round that comes into sight. */
		if (c->round > c->changed_round + lag + 1)
			continue;
		show_claims(c, view, state);
		show_members(c, view, state);
		while ((task = mf_view_pop_changed(view)))
			mf_view_settle(view, task);
	}
}

/* Put the node into the view as its self. */
static struct metafora_cluster *look_from(struct crowd *c, size_t n)
{
	struct crowd_node *node = &c->nodes[n];
	struct metafora_cluster *view = &c->views[node->lag];
	struct metafora_member *self;
	size_t i;

	HASH_FIND_STR(view->nodes, node->name, self);
	if (self)
		self->own_view = view;
	view->self_name = node->name;
	view->n_held = node->n_tasks;
	view->n_queued = node->n_queued;
	view->n_leaving = node->n_leaving;
	TAILQ_INIT(&view->own);
	for (i = 0; i < node->n_tasks; i++) {
		struct mf_entry *entry = &c->entries[i];

		entry->task = mf_view_find(view, c->ids[node->tasks[i]]);
		entry->state = MF_RUNNING;
		entry->task->entry = entry;
		TAILQ_INSERT_TAIL(&view->own, entry, in_own);
	}
	/* For this node it is another picture than for the one before. */
	if (view->version > c->version)
		c->version = view->version;
	view->version = ++c->version;
	return view;
}

static void look_away(struct crowd *c, size_t n)
{
	struct metafora_cluster *view = &c->views[c->nodes[n].lag];
	struct metafora_member *self;
	struct mf_entry *entry;

	HASH_FIND_STR(view->nodes, c->nodes[n].name, self);
	if (self)
		self->own_view = NULL;
	TAILQ_FOREACH(entry, &view->own, in_own)
		entry->task->entry = NULL;
	TAILQ_INIT(&view->own);
	view->self_name = c->nobody;
}

/* --- a node's turn ----------------------------------------------------------------- */

static struct metafora_balance balance_of(struct crowd *c, size_t n,
					  struct metafora_cluster *view)
{
	return (struct metafora_balance){
		.cluster = view,
		.node = c->nodes[n].name,
		.now_ns = c->now_ns,
		.random = mf_prng_next(&c->prng),
	};
}

/* The plan, as it is carried out: perhaps too late. */
static void carry_out(struct crowd *c, size_t n)
{
	size_t i;

	for (i = 0; i < c->plan.releases.n; i++) {
		size_t task = task_number(c->plan.releases.tasks[i]);

		CU_ASSERT_EQUAL_FATAL(c->truth.lines[task].owner, (int32_t)n);
		CU_ASSERT_FALSE_FATAL(c->stopping[task]);
		c->n_moves++;
		c->moves[task]++;
		stop(c, task);
	}
	for (i = 0; i < c->plan.withdrawals.n; i++)
		leave_line(c, task_number(c->plan.withdrawals.tasks[i]),
			   (int32_t)n);
	for (i = 0; i < c->plan.queues.n; i++) {
		size_t task = task_number(c->plan.queues.tasks[i]);
		int32_t owner = c->truth.lines[task].owner;

		if (owner == CROWD_NOBODY)
			own(c, task, (int32_t)n);
		else if (owner != (int32_t)n)
			enter_line(c, task, (int32_t)n);
	}
	CU_ASSERT_EQUAL(c->plan.evictions.n, 0);
}

static void plan(struct crowd *c, size_t n)
{
	const struct metafora_balancer *balancer = c->nodes[n].balancer;
	struct metafora_cluster *view = look_from(c, n);
	struct metafora_balance balance = balance_of(c, n, view);

	mf_plan_clear(&c->plan);
	balancer->ops->balance(balancer->state, &balance, &c->plan);
	look_away(c, n);
	carry_out(c, n);
}

/* Claim what it may of what it sees unowned; a claim may come too late. */
static void ask(struct crowd *c, size_t n)
{
	const struct metafora_balancer *balancer = c->nodes[n].balancer;
	struct metafora_cluster *view = &c->views[c->nodes[n].lag];
	const struct metafora_cluster_task *task = NULL;
	struct metafora_balance balance;

	if (!metafora_cluster_n_unowned(view))
		return;
	view = look_from(c, n);
	balance = balance_of(c, n, view);
	while ((task = metafora_cluster_next_unowned(view, task))) {
		size_t i = task_number(task);
		uint64_t until_ns = 0;

		if (c->truth.lines[i].owner == (int32_t)n ||
		    balancer->ops->can_claim(balancer->state, &balance, task,
					     &until_ns) != METAFORA_CLAIM_YES)
			continue;
		c->n_claims++;
		if (c->truth.lines[i].owner == CROWD_NOBODY)
			own(c, i, (int32_t)n);
		else
			c->n_beaten++;
		view->n_held = c->nodes[n].n_tasks;
		view->version = ++c->version;
	}
	look_away(c, n);
}

static void turn(struct crowd *c, size_t n)
{
	struct crowd_node *node = &c->nodes[n];

	if (node->state == METAFORA_MEMBER_DRAINING) {
		while (node->n_tasks)
			stop(c, node->tasks[0]);
	} else if (node->state == METAFORA_MEMBER_ACTIVE) {
		plan(c, n);
		ask(c, n);
	}
}

static void play_round(struct crowd *c)
{
	size_t *order = xcalloc(c->n_nodes, sizeof(*order));
	size_t i;

	c->round++;
	c->now_ns += CROWD_ROUND_MS * NS_PER_MS;
	finish_stops(c);
	show(c);
	for (i = 0; i < c->n_nodes; i++) {
		size_t j = mf_prng_between(&c->prng, 0, i);

		order[i] = order[j];
		order[j] = i;
	}
	for (i = 0; i < c->n_nodes; i++) {
		if (c->nodes[order[i]].alive)
			turn(c, order[i]);
	}
	free(order);
}

/* --- for tests ------------------------------------------------------------------------ */

void crowd_init(struct crowd *c, uint64_t seed, size_t n_tasks,
		size_t nodes_max, bool with_lag)
{
	unsigned int i;

	memset(c, 0, sizeof(*c));
	mf_prng_seed(&c->prng, seed);
	c->now_ns = UINT64_C(1000000) * NS_PER_MS;
	c->n_tasks = n_tasks;
	c->nodes_max = nodes_max;
	c->n_buckets = N_BUCKETS;
	c->n_views = with_lag ? CROWD_LAG_MAX + 1 : 1;
	c->nodes = xcalloc(nodes_max, sizeof(*c->nodes));
	c->ids = xcalloc(n_tasks, sizeof(*c->ids));
	c->position = xcalloc(n_tasks, sizeof(*c->position));
	c->stopping = xcalloc(n_tasks, sizeof(*c->stopping));
	c->entries = xcalloc(n_tasks, sizeof(*c->entries));
	c->moves = xcalloc(n_tasks, sizeof(*c->moves));
	for (i = 0; i < n_tasks; i++)
		snprintf(c->ids[i], sizeof(c->ids[i]), "task-%u", i);
	state_init(c, &c->truth);
	c->past = xcalloc(c->n_views, sizeof(*c->past));
	c->views = xcalloc(c->n_views, sizeof(*c->views));
	for (i = 0; i < c->n_views; i++) {
		state_init(c, &c->past[i]);
		if (mf_view_init(&c->views[i], "", true) ||
		    mf_view_begin(&c->views[i], c->n_buckets))
			abort();
		/* Whose it is changes; nobody's meanwhile. */
		free(c->views[i].self_name);
		c->views[i].self_name = c->nobody;
		show_tasks(c, &c->views[i]);
	}
}

void crowd_fini(struct crowd *c)
{
	unsigned int i;
	size_t n;

	for (n = 0; n < c->n_nodes; n++) {
		metafora_balancer_free(c->nodes[n].balancer);
		free(c->nodes[n].tasks);
	}
	for (i = 0; i < c->n_views; i++) {
		c->views[i].self_name = NULL;
		mf_view_fini(&c->views[i]);
		state_fini(&c->past[i]);
	}
	state_fini(&c->truth);
	mf_plan_fini(&c->plan);
	free(c->views);
	free(c->past);
	free(c->nodes);
	free(c->ids);
	free(c->position);
	free(c->stopping);
	free(c->entries);
	free(c->moves);
}

size_t crowd_join(struct crowd *c, unsigned int weight)
{
	size_t i = c->n_nodes++;
	struct crowd_node *node = &c->nodes[i];

	if (c->n_nodes > c->nodes_max ||
	    metafora_balancer_fair_new(&node->balancer))
		abort();
	snprintf(node->name, sizeof(node->name), "node-%u", (unsigned int)i);
	node->alive = true;
	node->weight = weight;
	c->truth.n_nodes = c->n_nodes;
	publish(c, i);
	return i;
}

void crowd_die(struct crowd *c, size_t n)
{
	struct crowd_node *node = &c->nodes[n];

	leave_lines(c, n);
	while (node->n_tasks) {
		uint32_t task = node->tasks[0];

		run_no_more(c, task, n);
		promote(c, task);
	}
	node->alive = false;
	publish(c, n);
}

void crowd_set_state(struct crowd *c, size_t n,
		     enum metafora_member_state state)
{
	c->nodes[n].state = state;
	if (state != METAFORA_MEMBER_ACTIVE)
		leave_lines(c, n);
	publish(c, n);
}

void crowd_set_weight(struct crowd *c, size_t n, unsigned int weight)
{
	c->nodes[n].weight = weight;
	publish(c, n);
}

void crowd_give(struct crowd *c, size_t task, size_t n)
{
	own(c, task, (int32_t)n);
}

/* All tasks run, and nobody waits for one. */
static bool at_rest(const struct crowd *c)
{
	size_t i;

	for (i = 0; i < c->n_tasks; i++) {
		if (c->truth.lines[i].owner == CROWD_NOBODY ||
		    c->truth.lines[i].waiters[0] != CROWD_NOBODY ||
		    c->stopping[i])
			return false;
	}
	return true;
}

uint64_t crowd_settle(struct crowd *c, uint64_t limit)
{
	uint64_t began = c->round;

	do {
		if (c->round - began > limit)
			return limit + 1;
		play_round(c);
	} while (c->round <= c->changed_round + c->n_views || !at_rest(c));
	return c->changed_round > began ? c->changed_round - began : 0;
}

void crowd_reset_counts(struct crowd *c)
{
	c->n_moves = c->n_claims = c->n_beaten = 0;
	memset(c->moves, 0, c->n_tasks * sizeof(*c->moves));
}

bool crowd_shares(const struct crowd *c, size_t n)
{
	return c->nodes[n].alive &&
	       c->nodes[n].state == METAFORA_MEMBER_ACTIVE;
}

unsigned int crowd_most_moves(const struct crowd *c)
{
	unsigned int most = 0;
	size_t i;

	for (i = 0; i < c->n_tasks; i++)
		most = c->moves[i] > most ? c->moves[i] : most;
	return most;
}
