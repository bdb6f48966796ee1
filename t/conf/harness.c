/* SPDX-License-Identifier: Apache-2.0 */
/* What the cases of the conformance suite share: set-up, waits, end. */
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "recorder_util.h"

/* --- a case from begin to end ------------------------------------------------------- */

static void check_violation(const char *who, const char *violation)
{
	if (!violation)
		return;
	tap_note("%s: %s", who, violation);
	CU_FAIL("a coordinator breaks a rule");
}

static void revive(struct conf *c, size_t i)
{
	if (c->backend->silence)
		c->backend->silence(c->broker, c->nodes[i]->name, false);
	site_thaw(c->site, c->frozen[i]);
}

static void run_seed(const struct conf_backend *backend, uint64_t seed,
		     void (*fn)(struct conf *c))
{
	struct conf c = {.backend = backend, .seed = seed};
	struct metafora_coordinator *of_client;
	size_t i;

	c.site = backend->site_new(seed);
	c.broker = backend->broker_new(c.site, backend->config);
	c.coordinator = backend->coordinator_new(c.broker, backend->config);
	of_client = backend->coordinator_new(c.broker, backend->config);
	c.client = rec_client_open(c.site, of_client);
	if (!c.client)
		rec_die("a client does not open");
	fn(&c);
	/* Thawed first: who is frozen cannot close. */
	for (i = 0; i < c.n_nodes; i++)
		if (c.frozen[i])
			revive(&c, i);
	for (i = 0; i < c.n_nodes; i++) {
		rec_node_close(c.nodes[i]);
		check_violation(c.nodes[i]->name, c.nodes[i]->violation);
		rec_node_free(c.nodes[i]);
	}
	rec_client_close(c.client);
	check_violation("client", c.client->violation);
	rec_client_free(c.client);
	metafora_coordinator_free(c.coordinator);
	metafora_coordinator_free(of_client);
	backend->broker_free(c.broker);
	site_free(c.site);
}

void conf_run(const struct conf_backend *backend, void (*fn)(struct conf *c))
{
	unsigned int n_before = CU_get_number_of_failures();
	uint64_t n_seeds = tap_scaled(backend->n_seeds);
	uint64_t seed;

	for (seed = 1; seed <= n_seeds; seed++) {
		run_seed(backend, seed, fn);
		if (CU_get_number_of_failures() == n_before)
			continue;
		tap_note("that was with seed %llu", (unsigned long long)seed);
		return;
	}
}

struct rec_node *conf_open(struct conf *c, const char *name)
{
	struct rec_node *node = rec_node_open(c->site, c->coordinator, name);

	if (!node || c->n_nodes == CONF_NODES_MAX)
		rec_die("a node does not open, or it is one too many");
	c->nodes[c->n_nodes++] = node;
	return node;
}

struct rec_node *conf_join(struct conf *c, const char *name)
{
	struct rec_node *node = conf_open(c, name);

	CU_ASSERT(conf_is_back(c, node, 0));
	return node;
}

void conf_stall(struct conf *c, const struct rec_node *node)
{
	size_t i;

	for (i = 0; i < c->n_nodes; i++)
		if (c->nodes[i] == node)
			c->frozen[i] = site_freeze(c->site, &c->nodes[i]->loop);
}

void conf_kill(struct conf *c, const struct rec_node *node)
{
	conf_stall(c, node);
	if (c->backend->silence)
		c->backend->silence(c->broker, node->name, true);
}

/* --- the client ------------------------------------------------------------------------ */

const struct rec_reply *conf_reply(struct conf *c, uint64_t request)
{
	const struct rec_reply *reply =
		rec_reply(c->client, request, c->backend->patience_ms);

	if (!reply)
		rec_die("a reply does not come");
	return reply;
}

bool conf_has_reply(struct conf *c, uint64_t request)
{
	bool has;

	pthread_mutex_lock(&c->site->lock);
	has = rec_has_reply(c->client, request);
	pthread_mutex_unlock(&c->site->lock);
	return has;
}

int conf_submit_data(struct conf *c, const char *task, const void *data,
		     size_t n_bytes)
{
	const struct metafora_submission submission = {task, data, n_bytes};
	const struct rec_reply *reply =
		conf_reply(c, rec_submit(c->client, &submission, 1));

	if (reply->error)
		return reply->error;
	CU_ASSERT_EQUAL(reply->n_errors, 1);
	return reply->n_errors == 1 ? reply->errors[0] : METAFORA_EPROTO;
}

int conf_submit(struct conf *c, const char *task)
{
	return conf_submit_data(c, task, "data", 4);
}

int conf_remove(struct conf *c, const char *task)
{
	return conf_reply(c, rec_remove(c->client, task))->error;
}

bool conf_exists(struct conf *c, const char *task)
{
	const int error = conf_reply(c, rec_get(c->client, task))->error;

	CU_ASSERT(error == 0 || error == METAFORA_ENOENT);
	return error == 0;
}

/* --- waits -------------------------------------------------------------------------------- */

/* What is waited for; which fields count depends on the function. */
struct expectation {
	struct rec_node *node;
	enum metafora_verb verb;
	uint64_t attempt;
	enum metafora_result result;
	const char *task;
	const char *name;
	size_t n;
	bool yes;
	enum metafora_session_state state;
};

static bool meets(struct conf *c, bool (*fn)(void *arg),
		  struct expectation *expectation)
{
	return site_wait(c->site, fn, expectation, c->backend->patience_ms);
}

static bool is_answered(void *arg)
{
	const struct expectation *e = arg;

	return rec_verdict_of(e->node, e->verb, e->attempt) != NULL;
}

static void fill_in(struct conf *c, const struct expectation *e,
		    struct conf_answer *answer)
{
	const struct rec_verdict *verdict;

	pthread_mutex_lock(&c->site->lock);
	verdict = rec_verdict_of(e->node, e->verb, e->attempt);
	answer->result = (int)verdict->result;
	answer->attempt = verdict->attempt;
	answer->error = verdict->error;
	if (verdict->token)
		answer->token = verdict->token;
	pthread_mutex_unlock(&c->site->lock);
}

struct conf_answer conf_answer(struct conf *c, struct rec_node *node,
			       enum metafora_verb verb, uint64_t attempt)
{
	struct expectation e = {
		.node = node,
		.verb = verb,
		.attempt = attempt,
	};
	struct conf_answer answer = {.result = -1, .attempt = attempt};

	if (meets(c, is_answered, &e))
		fill_in(c, &e, &answer);
	return answer;
}

struct conf_answer conf_claim(struct conf *c, struct rec_node *node,
			      const char *task)
{
	const enum metafora_verb verb = METAFORA_VERB_CLAIM;

	return conf_answer(c, node, verb, rec_enter(node, verb, task));
}

struct conf_answer conf_queue(struct conf *c, struct rec_node *node,
			      const char *task)
{
	const enum metafora_verb verb = METAFORA_VERB_QUEUE;

	return conf_answer(c, node, verb, rec_enter(node, verb, task));
}

int conf_leave(struct conf *c, struct rec_node *node, enum metafora_verb verb,
	       const char *task, const struct conf_answer *claim)
{
	rec_leave(node, verb, task, claim->attempt, claim->token);
	/* An earlier try of the same may have had its answer already. */
	if (!conf_all_answered(c, node))
		return -1;
	return conf_answer(c, node, verb, claim->attempt).result;
}

static bool has_result(void *arg)
{
	const struct expectation *e = arg;
	const struct rec_verdict *verdict =
		rec_verdict_of(e->node, e->verb, e->attempt);

	return verdict && verdict->result == e->result;
}

bool conf_becomes(struct conf *c, struct rec_node *node,
		  enum metafora_result result, struct conf_answer *answer)
{
	struct expectation e = {
		.node = node,
		.verb = METAFORA_VERB_QUEUE,
		.attempt = answer->attempt,
		.result = result,
	};

	if (!meets(c, has_result, &e))
		return false;
	fill_in(c, &e, answer);
	return true;
}

static bool sees_task(void *arg)
{
	const struct expectation *e = arg;

	return rec_sees_task(e->node, e->task, NULL) == e->yes;
}

bool conf_sees_task(struct conf *c, struct rec_node *node, const char *task,
		    bool exists)
{
	struct expectation e = {.node = node, .task = task, .yes = exists};

	return meets(c, sees_task, &e);
}

static bool sees_place(void *arg)
{
	const struct expectation *e = arg;

	return rec_sees_claim(e->node, e->task, e->name, NULL) == e->n;
}

bool conf_sees_place(struct conf *c, struct rec_node *node, const char *task,
		     const char *claimant, size_t place)
{
	struct expectation e = {
		.node = node,
		.task = task,
		.name = claimant,
		.n = place,
	};

	return meets(c, sees_place, &e);
}

static bool sees_member(void *arg)
{
	const struct expectation *e = arg;

	return (rec_sees_member(e->node, e->name) != NULL) == e->yes;
}

bool conf_sees_member(struct conf *c, struct rec_node *node, const char *name,
		      bool lives)
{
	struct expectation e = {.node = node, .name = name, .yes = lives};

	return meets(c, sees_member, &e);
}

static bool sees_n_claims(void *arg)
{
	const struct expectation *e = arg;

	return rec_n_claims(e->node) == e->n;
}

bool conf_sees_n_claims(struct conf *c, struct rec_node *node, size_t n)
{
	struct expectation e = {.node = node, .n = n};

	return meets(c, sees_n_claims, &e);
}

static bool is_in_state(void *arg)
{
	const struct expectation *e = arg;

	return e->node->has_session_state && e->node->session_state == e->state;
}

bool conf_reaches(struct conf *c, struct rec_node *node,
		  enum metafora_session_state state)
{
	struct expectation e = {.node = node, .state = state};

	return meets(c, is_in_state, &e);
}

static bool is_back(void *arg)
{
	const struct expectation *e = arg;

	return rec_is_complete(e->node) && e->node->n_lost == e->n;
}

bool conf_is_back(struct conf *c, struct rec_node *node, size_t n_lost)
{
	struct expectation e = {.node = node, .n = n_lost};

	return meets(c, is_back, &e);
}

static bool has_commands(void *arg)
{
	const struct expectation *e = arg;

	return e->node->n_commands >= e->n;
}

bool conf_gets_commands(struct conf *c, struct rec_node *node, size_t n)
{
	struct expectation e = {.node = node, .n = n};

	return meets(c, has_commands, &e);
}

static bool all_answered(void *arg)
{
	const struct expectation *e = arg;

	return rec_n_open(e->node) == 0;
}

bool conf_all_answered(struct conf *c, struct rec_node *node)
{
	struct expectation e = {.node = node};

	return meets(c, all_answered, &e);
}
