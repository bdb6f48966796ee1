/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster in rounds: every tick each node reads, asks, claims, gives away. */
#include "rounds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"
#include "tap.h"

#define NS_PER_MS UINT64_C(1000000)

static void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		abort();
	return p;
}

static const char *task_name(size_t task)
{
	static char names[ROUNDS_TASKS_MAX][32];

	/* Names sort as numbers do. */
	if (!names[task][0])
		snprintf(names[task], sizeof(names[task]), "task-%06zu", task);
	return names[task];
}

static size_t task_number(const struct metafora_cluster_task *task)
{
	return strtoul(metafora_cluster_task_id(task) + 5, NULL, 10);
}

/* --- the truth ------------------------------------------------------------------ */

static void state_init(struct rounds_state *state)
{
	memset(state, 0, sizeof(*state));
	state->exists = xcalloc(ROUNDS_TASKS_MAX, sizeof(*state->exists));
	state->owner = xcalloc(ROUNDS_TASKS_MAX, sizeof(*state->owner));
	state->token = xcalloc(ROUNDS_TASKS_MAX, sizeof(*state->token));
	state->line = xcalloc(ROUNDS_TASKS_MAX, sizeof(*state->line));
}

static void state_fini(struct rounds_state *state)
{
	free(state->exists);
	free(state->owner);
	free(state->token);
	free(state->line);
}

static void state_copy(struct rounds_state *to,
		       const struct rounds_state *from, size_t n_tasks)
{
	if (to->serial == from->serial)
		return;
	to->serial = from->serial;
	memcpy(to->exists, from->exists, n_tasks * sizeof(*to->exists));
	memcpy(to->owner, from->owner, n_tasks * sizeof(*to->owner));
	memcpy(to->token, from->token, n_tasks * sizeof(*to->token));
	memcpy(to->line, from->line, n_tasks * sizeof(*to->line));
	memcpy(to->nodes, from->nodes, sizeof(to->nodes));
}

static void changed(struct rounds *r)
{
	r->truth.serial++;
	r->changed_ns = r->now_ns;
}

static void own(struct rounds *r, size_t task, int node)
{
	r->truth.owner[task] = node;
	r->truth.token[task] = node == ROUNDS_NOBODY ? 0 : ++r->last_token;
	changed(r);
}

static void enter_line(struct rounds *r, size_t task, int node)
{
	struct rounds_line *line = &r->truth.line[task];
	size_t i = 0;

	while (i < ROUNDS_WAITERS_MAX && line->node[i] != ROUNDS_NOBODY)
		i++;
	if (i == ROUNDS_WAITERS_MAX)
		abort();
	line->node[i] = node;
	line->token[i] = ++r->last_token;
	changed(r);
}

static void leave_line(struct rounds *r, size_t task, int node)
{
	struct rounds_line *line = &r->truth.line[task];
	size_t i = 0;

	while (line->node[i] != node)
		if (++i == ROUNDS_WAITERS_MAX)
			return;
	for (; i + 1 < ROUNDS_WAITERS_MAX; i++) {
		line->node[i] = line->node[i + 1];
		line->token[i] = line->token[i + 1];
	}
	line->node[i] = ROUNDS_NOBODY;
	changed(r);
}

static bool line_is_full(const struct rounds *r, size_t task)
{
	return r->truth.line[task].node[ROUNDS_WAITERS_MAX - 1] !=
	       ROUNDS_NOBODY;
}

static void publish(struct rounds *r, size_t i)
{
	const struct rounds_node *node = &r->nodes[i];

	r->truth.nodes[i].alive = node->alive;
	r->truth.nodes[i].state = node->state;
	r->truth.nodes[i].weight = node->weight;
	r->truth.nodes[i].capacity = node->capacity;
	changed(r);
}

/* --- what a node holds ------------------------------------------------------------ */

/* Change the state of an entry; NONE ends it. */
static void move(struct rounds_node *node, struct mf_entry *entry,
		 enum mf_state to)
{
	struct metafora_cluster *view = &node->view;
	enum mf_state from = entry->state;

	if (from == MF_RUNNING)
		TAILQ_REMOVE(&view->own, entry, in_own);
	view->n_held -= from == MF_RUNNING;
	view->n_queued -= from == MF_QUEUED;
	view->n_leaving -= from == MF_STOPPING;
	entry->state = to;
	if (to == MF_RUNNING)
		TAILQ_INSERT_TAIL(&view->own, entry, in_own);
	view->n_held += to == MF_RUNNING;
	view->n_queued += to == MF_QUEUED;
	view->n_leaving += to == MF_STOPPING;
	view->version++;
	if (to != MF_NONE)
		return;
	node->parts[task_number(entry->task)].entry = NULL;
	entry->task->entry = NULL;
	mf_view_settle(view, entry->task);
	free(entry);
}

static void take(struct rounds_node *node, struct metafora_cluster_task *task,
		 enum mf_state state)
{
	struct mf_entry *entry = xcalloc(1, sizeof(*entry));

	entry->task = task;
	task->entry = entry;
	node->parts[task_number(task)].entry = entry;
	move(node, entry, state);
}

static void stop(struct rounds *r, struct rounds_node *node,
		 struct mf_entry *entry)
{
	move(node, entry, MF_STOPPING);
	r->changed_ns = r->now_ns;
	node->parts[task_number(entry->task)].stops_ns =
		r->now_ns + (node->stop_ms ? node->stop_ms : ROUNDS_STOP_MS) *
				    NS_PER_MS;
}

/* The owner's claim is gone: the first that waits owns. */
static void promote(struct rounds *r, size_t task)
{
	const struct rounds_line *line = &r->truth.line[task];
	uint32_t token = line->token[0];
	int node = line->node[0];

	if (node == ROUNDS_NOBODY || !r->truth.exists[task]) {
		own(r, task, ROUNDS_NOBODY);
		return;
	}
	leave_line(r, task, node);
	own(r, task, node);
	r->truth.token[task] = token;
	r->n_handed++;
	move(&r->nodes[node], r->nodes[node].parts[task].entry, MF_RUNNING);
}

static void withdraw(struct rounds *r, size_t n, size_t task)
{
	struct mf_entry *entry = r->nodes[n].parts[task].entry;

	if (!entry || entry->state != MF_QUEUED)
		return;
	leave_line(r, task, (int)n);
	move(&r->nodes[n], entry, MF_NONE);
}

/* --- a node's turn ------------------------------------------------------------------ */

static void show_members(struct rounds *r, struct rounds_node *node,
			 const struct rounds_state *state)
{
	struct metafora_member_record records[ROUNDS_NODES_MAX];
	size_t n = 0;
	size_t i;

	memset(records, 0, sizeof(records));
	for (i = 0; i < r->n_nodes; i++) {
		if (!state->nodes[i].alive)
			continue;
		records[n].node = r->nodes[i].name;
		records[n].session = i + 1;
		records[n].state = state->nodes[i].state;
		records[n].weight = state->nodes[i].weight;
		records[n].capacity = state->nodes[i].capacity;
		n++;
	}
	mf_view_members(&node->view, records, n);
}

static void show(struct rounds *r, struct rounds_node *node)
{
	static struct metafora_task_fact tasks[ROUNDS_TASKS_MAX];
	static struct metafora_claim_fact
		claims[ROUNDS_TASKS_MAX * (1 + ROUNDS_WAITERS_MAX)];
	uint64_t lag = node->lag < r->tick ? node->lag : r->tick;
	const struct rounds_state *state =
		&r->past[(r->tick - lag) % (ROUNDS_LAG_MAX + 1)];
	struct metafora_cluster_task *task;
	size_t n_tasks = 0, n_claims = 0;
	size_t i, j;

	if (node->serial == state->serial)
		return;
	node->serial = state->serial;
	for (i = 0; i < r->n_tasks; i++) {
		if (!state->exists[i])
			continue;
		tasks[n_tasks++].task = task_name(i);
		if (state->owner[i] == ROUNDS_NOBODY)
			continue;
		claims[n_claims].task = task_name(i);
		claims[n_claims].node = r->nodes[state->owner[i]].name;
		claims[n_claims++].token = state->token[i];
		for (j = 0; j < ROUNDS_WAITERS_MAX &&
			    state->line[i].node[j] != ROUNDS_NOBODY;
		     j++) {
			claims[n_claims].task = task_name(i);
			claims[n_claims].node =
				r->nodes[state->line[i].node[j]].name;
			claims[n_claims++].token = state->line[i].token[j];
		}
	}
	mf_view_tasks(&node->view, r->now_ns, 0, tasks, n_tasks);
	mf_view_claims(&node->view, r->now_ns, 0, claims, n_claims);
	show_members(r, node, state);
	while ((task = mf_view_pop_changed(&node->view)))
		mf_view_settle(&node->view, task);
}

static void finish_stops(struct rounds *r, size_t n)
{
	struct rounds_node *node = &r->nodes[n];
	size_t i;

	for (i = 0; i < r->n_tasks && node->view.n_leaving; i++) {
		struct rounds_part *part = &node->parts[i];

		if (!part->entry || part->entry->state != MF_STOPPING ||
		    part->stops_ns > r->now_ns)
			continue;
		move(node, part->entry, MF_NONE);
		promote(r, i);
		part->ask_ns = r->now_ns + ROUNDS_GIVEN_AWAY_MS * NS_PER_MS;
	}
}

static void claim(struct rounds *r, size_t n,
		  struct metafora_cluster_task *task)
{
	size_t i = task_number(task);

	r->n_claims++;
	if (r->truth.exists[i] && r->truth.owner[i] == ROUNDS_NOBODY) {
		own(r, i, (int)n);
		take(&r->nodes[n], task, MF_RUNNING);
	} else {
		/* Seen too late; ask again when more is known. */
		r->n_beaten++;
		r->nodes[n].parts[i].ask_version = r->nodes[n].view.version;
	}
}

static void ask(struct rounds *r, size_t n)
{
	struct rounds_node *node = &r->nodes[n];
	struct metafora_balance balance = {
		.cluster = &node->view,
		.node = node->name,
		.now_ns = r->now_ns,
	};
	struct metafora_cluster_task *task;

	if (node->state != METAFORA_MEMBER_ACTIVE || node->refuses)
		return;
	TAILQ_FOREACH(task, &node->view.unowned, in_unowned) {
		struct rounds_part *part = &node->parts[task_number(task)];
		uint64_t until_ns = 0;

		if (part->entry || part->ask_ns > r->now_ns ||
		    part->ask_version == node->view.version)
			continue;
		balance.random = mf_prng_next(&r->prng);
		node->n_asked++;
		part->ask_version = 0;
		switch (node->balancer->ops->can_claim(node->balancer->state,
						       &balance, task,
						       &until_ns)) {
		case METAFORA_CLAIM_YES:
			claim(r, n, task);
			break;
		case METAFORA_CLAIM_NO_UNTIL:
			CU_ASSERT_TRUE(until_ns > r->now_ns);
			part->ask_ns = until_ns;
			break;
		case METAFORA_CLAIM_NO_UNTIL_CHANGE:
			part->ask_version = node->view.version;
			break;
		}
	}
}

/* Stand in line, as seen perhaps too late: it may be in the open by now. */
static void queue(struct rounds *r, size_t n,
		  struct metafora_cluster_task *task)
{
	struct rounds_node *node = &r->nodes[n];
	size_t i = task_number(task);

	if (node->refuses || task->entry || !r->truth.exists[i] ||
	    node->parts[i].ask_ns > r->now_ns || line_is_full(r, i))
		return;
	r->n_queued++;
	if (r->truth.owner[i] == ROUNDS_NOBODY) {
		own(r, i, (int)n);
		take(node, task, MF_RUNNING);
	} else {
		enter_line(r, i, (int)n);
		take(node, task, MF_QUEUED);
	}
}

static void evict(struct rounds *r, size_t n, size_t task)
{
	int waiter = r->truth.line[task].node[0];

	if (r->truth.owner[task] != (int)n || waiter == ROUNDS_NOBODY)
		return;
	r->n_evicted++;
	withdraw(r, (size_t)waiter, task);
}

static void plan(struct rounds *r, size_t n)
{
	struct rounds_node *node = &r->nodes[n];
	struct metafora_balance balance = {
		.cluster = &node->view,
		.node = node->name,
		.now_ns = r->now_ns,
		.random = mf_prng_next(&r->prng),
	};
	size_t i;

	mf_plan_clear(&r->plan);
	node->n_balanced++;
	node->balanced_version = node->view.version;
	node->wish_ns = node->balancer->ops->balance(node->balancer->state,
						     &balance, &r->plan);
	for (i = 0; i < r->plan.releases.n; i++) {
		struct mf_entry *entry = r->plan.releases.tasks[i]->entry;

		CU_ASSERT_PTR_NOT_NULL_FATAL(entry);
		CU_ASSERT_EQUAL_FATAL(entry->state, MF_RUNNING);
		r->n_moves++;
		r->moves[task_number(entry->task)]++;
		stop(r, node, entry);
	}
	for (i = 0; i < r->plan.withdrawals.n; i++) {
		r->n_withdrawn++;
		withdraw(r, n, task_number(r->plan.withdrawals.tasks[i]));
	}
	for (i = 0; i < r->plan.queues.n; i++)
		queue(r, n, r->plan.queues.tasks[i]);
	for (i = 0; i < r->plan.evictions.n; i++)
		evict(r, n, task_number(r->plan.evictions.tasks[i]));
}

static void leave_lines(struct rounds *r, size_t n)
{
	size_t i;

	for (i = 0; i < r->n_tasks; i++)
		withdraw(r, n, i);
}

static void turn(struct rounds *r, size_t n)
{
	struct rounds_node *node = &r->nodes[n];
	struct mf_entry *entry;

	show(r, node);
	finish_stops(r, n);
	if (node->state == METAFORA_MEMBER_DRAINING) {
		while ((entry = TAILQ_FIRST(&node->view.own)))
			stop(r, node, entry);
	} else if (node->state == METAFORA_MEMBER_ACTIVE &&
		   (node->view.version != node->balanced_version ||
		    (node->wish_ns && node->wish_ns <= r->now_ns))) {
		plan(r, n);
	}
	ask(r, n);
}

static void tick(struct rounds *r)
{
	size_t order[ROUNDS_NODES_MAX];
	size_t i;

	r->tick++;
	r->now_ns += ROUNDS_TICK_MS * NS_PER_MS;
	state_copy(&r->past[r->tick % (ROUNDS_LAG_MAX + 1)], &r->truth,
		   r->n_tasks);
	for (i = 0; i < r->n_nodes; i++) {
		size_t j = mf_prng_between(&r->prng, 0, i);

		order[i] = order[j];
		order[j] = i;
	}
	for (i = 0; i < r->n_nodes; i++) {
		if (r->nodes[order[i]].alive)
			turn(r, order[i]);
	}
}

/* --- for tests ------------------------------------------------------------------------ */

void rounds_init(struct rounds *r, uint64_t seed)
{
	size_t i;

	memset(r, 0, sizeof(*r));
	mf_prng_seed(&r->prng, seed);
	r->now_ns = UINT64_C(1000) * 1000 * NS_PER_MS;
	state_init(&r->truth);
	for (i = 0; i <= ROUNDS_LAG_MAX; i++)
		state_init(&r->past[i]);
	r->moves = xcalloc(ROUNDS_TASKS_MAX, sizeof(*r->moves));
}

void rounds_fini(struct rounds *r)
{
	size_t i;

	for (i = 0; i < r->n_nodes; i++)
		rounds_die(r, i);
	for (i = 0; i <= ROUNDS_LAG_MAX; i++)
		state_fini(&r->past[i]);
	state_fini(&r->truth);
	mf_plan_fini(&r->plan);
	free(r->moves);
}

size_t rounds_join(struct rounds *r, struct metafora_balancer *balancer)
{
	size_t i = r->n_nodes++;
	struct rounds_node *node = &r->nodes[i];

	if (r->n_nodes > ROUNDS_NODES_MAX || !balancer)
		abort();
	/* Its views begin with nothing, and versions with 1. */
	snprintf(node->name, sizeof(node->name), "node-%02zu", i);
	if (mf_view_init(&node->view, node->name, !r->no_lines) ||
	    mf_view_begin(&node->view, 1))
		abort();
	node->parts = xcalloc(ROUNDS_TASKS_MAX, sizeof(*node->parts));
	node->balancer = balancer;
	node->alive = true;
	node->weight = 1;
	publish(r, i);
	return i;
}

void rounds_die(struct rounds *r, size_t n)
{
	struct rounds_node *node = &r->nodes[n];
	size_t i;

	if (!node->alive)
		return;
	leave_lines(r, n);
	for (i = 0; i < r->n_tasks; i++) {
		if (node->parts[i].entry)
			move(node, node->parts[i].entry, MF_NONE);
		if (r->truth.owner[i] == (int)n)
			promote(r, i);
	}
	mf_view_fini(&node->view);
	metafora_balancer_free(node->balancer);
	free(node->parts);
	node->alive = false;
	publish(r, n);
}

void rounds_set_state(struct rounds *r, size_t n,
		      enum metafora_member_state state)
{
	r->nodes[n].state = state;
	if (state != METAFORA_MEMBER_ACTIVE && !r->nodes[n].stalls)
		leave_lines(r, n);
	publish(r, n);
}

void rounds_set_weight(struct rounds *r, size_t n, double weight)
{
	r->nodes[n].weight = weight;
	publish(r, n);
}

void rounds_set_capacity(struct rounds *r, size_t n, uint64_t capacity)
{
	r->nodes[n].capacity = capacity;
	publish(r, n);
}

void rounds_balance(struct rounds *r, size_t n)
{
	plan(r, n);
}

void rounds_submit(struct rounds *r, size_t n)
{
	size_t j;

	for (; n; n--) {
		size_t i = r->n_tasks++;

		if (r->n_tasks > ROUNDS_TASKS_MAX)
			abort();
		r->truth.exists[i] = true;
		for (j = 0; j < ROUNDS_WAITERS_MAX; j++)
			r->truth.line[i].node[j] = ROUNDS_NOBODY;
		own(r, i, ROUNDS_NOBODY);
	}
}

void rounds_delete(struct rounds *r, size_t i)
{
	int owner = r->truth.owner[i];

	if (!r->truth.exists[i])
		return;
	while (r->truth.line[i].node[0] != ROUNDS_NOBODY)
		withdraw(r, (size_t)r->truth.line[i].node[0], i);
	if (owner != ROUNDS_NOBODY)
		move(&r->nodes[owner], r->nodes[owner].parts[i].entry, MF_NONE);
	r->truth.exists[i] = false;
	own(r, i, ROUNDS_NOBODY);
}

void rounds_run(struct rounds *r, uint64_t ms)
{
	for (; ms >= ROUNDS_TICK_MS; ms -= ROUNDS_TICK_MS)
		tick(r);
}

bool rounds_settle(struct rounds *r, uint64_t quiet_ms, uint64_t limit_ms)
{
	uint64_t end_ns = r->now_ns + limit_ms * NS_PER_MS;

	do {
		if (r->now_ns > end_ns)
			return false;
		tick(r);
	} while (r->now_ns - r->changed_ns < quiet_ms * NS_PER_MS ||
		 rounds_n_unowned(r));
	return true;
}

void rounds_reset_counts(struct rounds *r)
{
	r->n_claims = r->n_beaten = r->n_moves = 0;
	r->n_queued = r->n_withdrawn = r->n_evicted = r->n_handed = 0;
	memset(r->moves, 0, ROUNDS_TASKS_MAX * sizeof(*r->moves));
}

size_t rounds_n_owned(const struct rounds *r, size_t n)
{
	size_t n_owned = 0;
	size_t i;

	for (i = 0; i < r->n_tasks; i++)
		n_owned += r->truth.owner[i] == (int)n;
	return n_owned;
}

size_t rounds_n_unowned(const struct rounds *r)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < r->n_tasks; i++)
		n += r->truth.exists[i] && r->truth.owner[i] == ROUNDS_NOBODY;
	return n;
}

size_t rounds_n_waiting(const struct rounds *r)
{
	size_t n = 0;
	size_t i, j;

	for (i = 0; i < r->n_tasks; i++) {
		for (j = 0; j < ROUNDS_WAITERS_MAX; j++)
			n += r->truth.line[i].node[j] != ROUNDS_NOBODY;
	}
	return n;
}

size_t rounds_spread(const struct rounds *r)
{
	size_t least = SIZE_MAX;
	size_t most = 0;
	size_t i;

	for (i = 0; i < r->n_nodes; i++) {
		size_t n = rounds_n_owned(r, i);

		if (!r->nodes[i].alive ||
		    r->nodes[i].state != METAFORA_MEMBER_ACTIVE)
			continue;
		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	return least == SIZE_MAX ? 0 : most - least;
}

unsigned int rounds_most_moves(const struct rounds *r)
{
	unsigned int most = 0;
	size_t i;

	for (i = 0; i < r->n_tasks; i++)
		most = r->moves[i] > most ? r->moves[i] : most;
	return most;
}
