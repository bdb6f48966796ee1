/* SPDX-License-Identifier: Apache-2.0 */
/* Conformance: nodes that behave as core does, under random faults. */
#include <stdio.h>
#include <string.h>

#include "conf.h"
#include "prng.h"

#define N_NODES 3
#define N_TASKS 6
#define N_ROUNDS 400
/* Where time is real. */
#define N_ROUNDS_THREADS 100
#define PAUSE_MAX_MS 60
#define CUT_ROUNDS_MAX 40

enum standing {
	IDLE,
	ASKED, /* claim or queue was sent */
	WAITING,
	OWNED,
	LEAVING,   /* the verb in `verb` was sent */
	UNSETTLED, /* an unknown outcome: `verb` is to be sent (again) */
};

/* What one node knows of its own claim on one task. */
struct stake {
	enum standing standing;
	enum metafora_verb verb;
	uint64_t attempt;
	uint64_t token;
};

struct chaos {
	struct conf *c;
	struct mf_prng prng;
	struct rec_node *nodes[N_NODES];
	struct stake stakes[N_NODES][N_TASKS];
	size_t n_seen[N_NODES]; /* verdicts */
	size_t n_lost[N_NODES];
	size_t cut_until[N_NODES]; /* a round; 0: not cut */
	bool expired[N_NODES];     /* before its time; until LOST is told */
	bool may_be_done[N_TASKS];
	uint64_t last_token[N_TASKS];
	size_t n_owned; /* verdicts: so that nothing passes by doing nothing */
};

static const char *task_name(size_t task)
{
	static const char *const names[N_TASKS] = {"t0", "t1", "t2",
						   "t3", "t4", "t5"};

	return names[task];
}

static uint64_t below(struct chaos *chaos, uint64_t n)
{
	return mf_prng_between(&chaos->prng, 0, n - 1);
}

/* --- what the nodes are told; with the site's lock held ----------------------------- */

static void on_owned(struct chaos *chaos, size_t task, struct stake *stake,
		     const struct rec_verdict *verdict)
{
	/* A waiter may own while it tries to withdraw. */
	CU_ASSERT(stake->standing != IDLE && stake->standing != OWNED);
	CU_ASSERT_NOT_EQUAL(verdict->token, chaos->last_token[task]);
	chaos->last_token[task] = verdict->token;
	stake->token = verdict->token;
	if (stake->standing == ASKED || stake->standing == WAITING)
		stake->standing = OWNED;
	chaos->n_owned++;
}

static void on_verdict(struct chaos *chaos, size_t task, struct stake *stake,
		       const struct rec_verdict *verdict)
{
	switch (verdict->result) {
	case METAFORA_RESULT_OWNED:
		on_owned(chaos, task, stake, verdict);
		break;
	case METAFORA_RESULT_QUEUED:
		stake->standing = WAITING;
		stake->token = verdict->token;
		break;
	case METAFORA_RESULT_BEATEN:
	case METAFORA_RESULT_ENDED:
		stake->standing = IDLE;
		break;
	case METAFORA_RESULT_GONE:
		/* As an answer nothing is left; else it has to be given up. */
		if (stake->standing == ASKED) {
			stake->standing = IDLE;
		} else if (stake->standing != LEAVING) {
			stake->standing = UNSETTLED;
			stake->verb = METAFORA_VERB_WITHDRAW;
		}
		break;
	case METAFORA_RESULT_VANISHED:
		stake->standing = IDLE;
		break;
	case METAFORA_RESULT_FAILED:
		CU_FAIL("a verb fails");
		break;
	case METAFORA_RESULT_UNKNOWN:
		if (stake->standing == ASKED)
			stake->verb = METAFORA_VERB_WITHDRAW;
		stake->standing = UNSETTLED;
		break;
	}
}

static void forget_if_lost(struct chaos *chaos, size_t i)
{
	if (chaos->nodes[i]->n_lost == chaos->n_lost[i])
		return;
	chaos->n_lost[i] = chaos->nodes[i]->n_lost;
	chaos->expired[i] = false;
	memset(chaos->stakes[i], 0, sizeof(chaos->stakes[i]));
}

static void observe_node(struct chaos *chaos, size_t i)
{
	const struct rec_node *node = chaos->nodes[i];
	const struct rec_verdict *verdict;
	struct stake *stake;
	size_t task;

	forget_if_lost(chaos, i);
	for (; chaos->n_seen[i] < node->n_verdicts; chaos->n_seen[i]++) {
		verdict = &node->verdicts[chaos->n_seen[i]];
		if (verdict->n_lost != node->n_lost)
			continue;
		for (task = 0; task < N_TASKS; task++) {
			stake = &chaos->stakes[i][task];
			if (strcmp(verdict->task, task_name(task)) == 0 &&
			    verdict->attempt == stake->attempt)
				on_verdict(chaos, task, stake, verdict);
		}
	}
}

static bool believes(const struct chaos *chaos, size_t i, size_t task)
{
	const struct rec_node *node = chaos->nodes[i];

	/* A session ended by force is shorter than its lease. */
	return chaos->stakes[i][task].standing == OWNED && !chaos->expired[i] &&
	       node->lease_ns > site_now_ns(chaos->c->site);
}

/* At most one node believes that it owns a task. */
static void check_beliefs(const struct chaos *chaos)
{
	size_t n_believers;
	size_t task;
	size_t i;

	for (task = 0; task < N_TASKS; task++) {
		n_believers = 0;
		for (i = 0; i < N_NODES; i++)
			n_believers += believes(chaos, i, task);
		CU_ASSERT(n_believers <= 1);
	}
}

static void observe(struct chaos *chaos)
{
	size_t i;

	pthread_mutex_lock(&chaos->c->site->lock);
	for (i = 0; i < N_NODES; i++)
		observe_node(chaos, i);
	check_beliefs(chaos);
	pthread_mutex_unlock(&chaos->c->site->lock);
}

/* --- what the nodes do ------------------------------------------------------------------ */

/* Whether the stake is still one of the present session. */
static bool is_present(struct chaos *chaos, size_t i)
{
	bool is;

	pthread_mutex_lock(&chaos->c->site->lock);
	is = chaos->n_lost[i] == chaos->nodes[i]->n_lost;
	forget_if_lost(chaos, i);
	pthread_mutex_unlock(&chaos->c->site->lock);
	return is;
}

static void enter(struct chaos *chaos, size_t i, size_t task)
{
	const enum metafora_verb verb =
		below(chaos, 2) ? METAFORA_VERB_CLAIM : METAFORA_VERB_QUEUE;
	const uint64_t attempt =
		rec_enter(chaos->nodes[i], verb, task_name(task));
	struct stake *stake = &chaos->stakes[i][task];

	is_present(chaos, i);
	if (attempt) {
		stake->standing = ASKED;
		stake->attempt = attempt;
		stake->token = 0;
	}
}

static void leave(struct chaos *chaos, size_t i, size_t task,
		  enum metafora_verb verb)
{
	struct stake *stake = &chaos->stakes[i][task];

	if (verb == METAFORA_VERB_DONE)
		chaos->may_be_done[task] = true;
	if (rec_leave(chaos->nodes[i], verb, task_name(task), stake->attempt,
		      stake->token) &&
	    is_present(chaos, i)) {
		stake->standing = LEAVING;
		stake->verb = verb;
	}
}

static void act(struct chaos *chaos, size_t i)
{
	const size_t task = below(chaos, N_TASKS);
	struct stake *stake = &chaos->stakes[i][task];

	if (stake->standing == IDLE)
		enter(chaos, i, task);
	else if (stake->standing == UNSETTLED)
		leave(chaos, i, task, stake->verb);
	else if (stake->standing == WAITING && below(chaos, 4) == 0)
		leave(chaos, i, task, METAFORA_VERB_WITHDRAW);
	else if (stake->standing == OWNED && below(chaos, 2) == 0)
		leave(chaos, i, task,
		      below(chaos, 5) ? METAFORA_VERB_RELEASE
				      : METAFORA_VERB_DONE);
}

/* --- faults ------------------------------------------------------------------------------- */

static void make_fault(struct chaos *chaos, size_t round)
{
	const struct conf_backend *backend = chaos->c->backend;
	void *broker = chaos->c->broker;
	const size_t i = below(chaos, N_NODES);
	const char *name = chaos->nodes[i]->name;
	bool connected;

	switch (below(chaos, 3)) {
	case 0:
		if (!backend->cut || chaos->cut_until[i])
			break;
		chaos->cut_until[i] = round + 1 + below(chaos, CUT_ROUNDS_MAX);
		backend->cut(broker, name, true);
		break;
	case 1:
		if (backend->lose)
			backend->lose(broker, name, 1 + below(chaos, 3),
				      below(chaos, 2));
		break;
	case 2:
		pthread_mutex_lock(&chaos->c->site->lock);
		connected = rec_is_connected(chaos->nodes[i]);
		pthread_mutex_unlock(&chaos->c->site->lock);
		/* Only what surely is there can be expired. */
		if (backend->expire && connected && !chaos->expired[i] &&
		    !chaos->cut_until[i] && below(chaos, 4) == 0) {
			chaos->expired[i] = true;
			backend->expire(broker, name);
		}
		break;
	}
}

static void mend(struct chaos *chaos, size_t round)
{
	size_t i;

	for (i = 0; i < N_NODES; i++) {
		if (chaos->cut_until[i] == 0 || chaos->cut_until[i] > round)
			continue;
		chaos->c->backend->cut(chaos->c->broker, chaos->nodes[i]->name,
				       false);
		chaos->cut_until[i] = 0;
	}
}

/* --- the case ---------------------------------------------------------------------------------- */

static bool all_connected(void *arg)
{
	const struct chaos *chaos = arg;
	size_t i;

	for (i = 0; i < N_NODES; i++)
		if (!rec_is_complete(chaos->nodes[i]) ||
		    rec_n_open(chaos->nodes[i]) > 0)
			return false;
	return true;
}

/* Withdraw every claim there may be.  True: there was none left. */
static bool withdraw_all(struct chaos *chaos)
{
	bool idle = true;
	size_t task;
	size_t i;

	for (i = 0; i < N_NODES; i++) {
		for (task = 0; task < N_TASKS; task++) {
			if (chaos->stakes[i][task].standing == IDLE)
				continue;
			idle = false;
			chaos->stakes[i][task].token = 0;
			leave(chaos, i, task, METAFORA_VERB_WITHDRAW);
		}
	}
	return idle;
}

/* Without faults everything settles. */
static void settle(struct chaos *chaos)
{
	struct conf *c = chaos->c;
	bool idle = false;
	size_t tries;
	size_t i;

	mend(chaos, SIZE_MAX);
	for (i = 0; c->backend->lose && i < N_NODES; i++)
		c->backend->lose(c->broker, chaos->nodes[i]->name, 0, false);
	/* The last fault may not have come to light yet: so more than once. */
	for (tries = 0; !idle && tries < 10; tries++) {
		CU_ASSERT(site_wait(c->site, all_connected, chaos,
				    c->backend->patience_ms));
		observe(chaos);
		idle = withdraw_all(chaos);
	}
	CU_ASSERT(idle);
	for (i = 0; i < N_NODES; i++)
		CU_ASSERT(conf_sees_n_claims(c, chaos->nodes[i], 0));
}

void conf_random_faults_break_nothing(struct conf *c)
{
	static const char *const names[N_NODES] = {"a", "b", "d"};
	const size_t n_rounds = c->site->world ? N_ROUNDS : N_ROUNDS_THREADS;
	struct chaos chaos = {.c = c};
	size_t round;
	size_t i;

	mf_prng_seed(&chaos.prng, c->seed);
	for (i = 0; i < N_TASKS; i++)
		CU_ASSERT_EQUAL(conf_submit(c, task_name(i)), 0);
	for (i = 0; i < N_NODES; i++)
		chaos.nodes[i] = conf_join(c, names[i]);
	for (round = 1; round <= n_rounds; round++) {
		site_pass(c->site, (int64_t)below(&chaos, PAUSE_MAX_MS));
		observe(&chaos);
		mend(&chaos, round);
		act(&chaos, below(&chaos, N_NODES));
		if (below(&chaos, 10) == 0)
			make_fault(&chaos, round);
		/* Finished tasks begin a new life, so that work remains. */
		i = below(&chaos, N_TASKS);
		if (chaos.may_be_done[i] && below(&chaos, 4) == 0)
			conf_submit(c, task_name(i));
	}
	settle(&chaos);
	for (i = 0; i < N_TASKS; i++)
		CU_ASSERT(chaos.may_be_done[i] || conf_exists(c, task_name(i)));
	CU_ASSERT(chaos.n_owned > n_rounds / 40);
}
