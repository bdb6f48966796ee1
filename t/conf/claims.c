/* SPDX-License-Identifier: Apache-2.0 */
/* Conformance: lines of claims, tokens, and the lives of tasks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"

#define N_MANY 500

/* --- claims --------------------------------------------------------------------------- */

void conf_one_of_two_claims_wins(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct conf_answer of_a;
	struct conf_answer of_b;
	uint64_t attempts[2];

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	attempts[0] = rec_enter(a, METAFORA_VERB_CLAIM, "t");
	attempts[1] = rec_enter(b, METAFORA_VERB_CLAIM, "t");
	of_a = conf_answer(c, a, METAFORA_VERB_CLAIM, attempts[0]);
	of_b = conf_answer(c, b, METAFORA_VERB_CLAIM, attempts[1]);
	CU_ASSERT((of_a.result == METAFORA_RESULT_OWNED &&
		   of_b.result == METAFORA_RESULT_BEATEN) ||
		  (of_a.result == METAFORA_RESULT_BEATEN &&
		   of_b.result == METAFORA_RESULT_OWNED));
	/* The loser's claim is gone. */
	CU_ASSERT(conf_sees_n_claims(c, a, 1));
	CU_ASSERT(conf_sees_n_claims(c, b, 1));
}

void conf_an_owner_gets_properties(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	const struct rec_verdict *verdict;
	struct conf_answer claim;

	CU_ASSERT_EQUAL(conf_submit_data(c, "t", "some\0bytes", 10), 0);
	claim = conf_claim(c, a, "t");
	CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_OWNED);
	CU_ASSERT_NOT_EQUAL(claim.token, 0);
	pthread_mutex_lock(&c->site->lock);
	verdict = rec_verdict_of(a, METAFORA_VERB_CLAIM, claim.attempt);
	CU_ASSERT_STRING_EQUAL(verdict->task, "t");
	CU_ASSERT_EQUAL(verdict->size_bytes, 10);
	CU_ASSERT(verdict->size_bytes == 10 &&
		  memcmp(verdict->properties, "some\0bytes", 10) == 0);
	pthread_mutex_unlock(&c->site->lock);
}

void conf_claims_are_seen(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct conf_answer owner;
	struct conf_answer waiter;
	uint64_t seen = 0;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT(conf_sees_task(c, a, "t", true));
	CU_ASSERT(conf_sees_task(c, b, "t", true));
	owner = conf_claim(c, a, "t");
	CU_ASSERT_EQUAL(owner.result, METAFORA_RESULT_OWNED);
	waiter = conf_queue(c, b, "t");
	CU_ASSERT_EQUAL(waiter.result, METAFORA_RESULT_QUEUED);
	CU_ASSERT(waiter.token > owner.token);
	CU_ASSERT(conf_sees_place(c, a, "t", "a", 1));
	CU_ASSERT(conf_sees_place(c, a, "t", "b", 2));
	CU_ASSERT(conf_sees_place(c, b, "t", "a", 1));
	CU_ASSERT(conf_sees_place(c, b, "t", "b", 2));
	pthread_mutex_lock(&c->site->lock);
	rec_sees_claim(b, "t", "a", &seen);
	CU_ASSERT_EQUAL(seen, owner.token);
	rec_sees_claim(b, "t", "b", &seen);
	CU_ASSERT_EQUAL(seen, waiter.token);
	pthread_mutex_unlock(&c->site->lock);
}

#define CLAIM_TRIES 200
#define CLAIM_PAUSE_MS 5

/* A node may go by a list that shows the former owner, but not for ever. */
static struct conf_answer claim_free(struct conf *c, struct rec_node *node,
				     const char *task)
{
	struct conf_answer claim = conf_claim(c, node, task);
	int i;

	for (i = 0; i < CLAIM_TRIES && claim.result == METAFORA_RESULT_BEATEN;
	     i++) {
		site_pass(c->site, CLAIM_PAUSE_MS);
		claim = conf_claim(c, node, task);
	}
	return claim;
}

void conf_tokens_grow(struct conf *c)
{
	struct rec_node *nodes[] = {conf_join(c, "a"), conf_join(c, "b")};
	struct conf_answer claim;
	uint64_t last = 0;
	int i;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	for (i = 0; i < 6; i++) {
		claim = claim_free(c, nodes[i % 2], "t");
		CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_OWNED);
		CU_ASSERT(claim.token > last);
		last = claim.token;
		CU_ASSERT_EQUAL(conf_leave(c, nodes[i % 2],
					   METAFORA_VERB_RELEASE, "t", &claim),
				METAFORA_RESULT_ENDED);
	}
}

void conf_tokens_grow_over_lives(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct conf_answer claim;
	uint64_t birth = 0;
	uint64_t last_birth = 0;
	uint64_t last = 0;
	int i;

	for (i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
		CU_ASSERT(conf_sees_task(c, a, "t", true));
		pthread_mutex_lock(&c->site->lock);
		rec_sees_task(a, "t", &birth);
		pthread_mutex_unlock(&c->site->lock);
		/* Of different lives, unless the broker cannot tell. */
		CU_ASSERT(birth != last_birth || birth == 0);
		last_birth = birth;
		claim = conf_claim(c, a, "t");
		CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_OWNED);
		CU_ASSERT(claim.token > last);
		last = claim.token;
		CU_ASSERT_EQUAL(conf_leave(c, a,
					   i % 2 ? METAFORA_VERB_DONE
						 : METAFORA_VERB_RELEASE,
					   "t", &claim),
				METAFORA_RESULT_ENDED);
		CU_ASSERT_EQUAL(conf_remove(c, "t"),
				i % 2 ? METAFORA_ENOENT : 0);
		CU_ASSERT(conf_sees_task(c, a, "t", false));
	}
}

void conf_many_claims_in_one_batch(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct metafora_submission submissions[N_MANY];
	const struct rec_reply *reply;
	const char *tasks[N_MANY];
	char ids[N_MANY][16];
	struct conf_answer answer;
	uint64_t first;
	size_t i;

	for (i = 0; i < N_MANY; i++) {
		snprintf(ids[i], sizeof(ids[i]), "task-%zu", i);
		tasks[i] = ids[i];
		submissions[i] =
			(struct metafora_submission){ids[i], ids[i], 4};
	}
	reply = conf_reply(c, rec_submit(c->client, submissions, N_MANY));
	CU_ASSERT_EQUAL(reply->error, 0);
	CU_ASSERT_EQUAL(reply->n_errors, N_MANY);
	for (i = 0; i < reply->n_errors; i++)
		CU_ASSERT_EQUAL(reply->errors[i], 0);
	first = rec_enter_many(a, METAFORA_VERB_CLAIM, tasks, N_MANY);
	CU_ASSERT(conf_all_answered(c, a));
	for (i = 0; i < N_MANY; i++) {
		answer = conf_answer(c, a, METAFORA_VERB_CLAIM, first + i);
		CU_ASSERT_EQUAL(answer.result, METAFORA_RESULT_OWNED);
	}
	CU_ASSERT(conf_sees_n_claims(c, a, N_MANY));
	CU_ASSERT(conf_sees_n_claims(c, b, N_MANY));
	pthread_mutex_lock(&c->site->lock);
	CU_ASSERT_EQUAL(rec_n_tasks(b), N_MANY);
	for (i = 0; i < N_MANY; i++)
		CU_ASSERT_EQUAL(rec_sees_claim(b, ids[i], "a", NULL), 1);
	pthread_mutex_unlock(&c->site->lock);
}

void conf_a_batch_is_no_transaction(struct conf *c)
{
	const char *const tasks[] = {"none", "x", "taken", "none", "y"};
	const int expected[] = {
		METAFORA_RESULT_GONE,   METAFORA_RESULT_OWNED,
		METAFORA_RESULT_BEATEN, METAFORA_RESULT_GONE,
		METAFORA_RESULT_OWNED,
	};
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	uint64_t first;
	size_t i;

	CU_ASSERT_EQUAL(conf_submit(c, "x"), 0);
	CU_ASSERT_EQUAL(conf_submit(c, "y"), 0);
	CU_ASSERT_EQUAL(conf_submit(c, "taken"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, b, "taken").result,
			METAFORA_RESULT_OWNED);
	first = rec_enter_many(a, METAFORA_VERB_CLAIM, tasks, 5);
	for (i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(
			conf_answer(c, a, METAFORA_VERB_CLAIM, first + i)
				.result,
			expected[i]);
	CU_ASSERT(conf_sees_n_claims(c, b, 3));
}

void conf_a_missing_task_is_gone(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");

	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_GONE);
	CU_ASSERT_EQUAL(conf_queue(c, a, "t").result, METAFORA_RESULT_GONE);
	CU_ASSERT_FALSE(conf_exists(c, "t"));
	CU_ASSERT_EQUAL(conf_remove(c, "t"), METAFORA_ENOENT);
	CU_ASSERT_EQUAL(conf_reply(c, rec_list(c->client, "", "", 0))->n_rows,
			0);
	/* Nothing of it is in the way of a first life. */
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
}

/* --- waiters --------------------------------------------------------------------------- */

void conf_a_waiter_follows_release(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct rec_node *d = conf_join(c, "d");
	struct conf_answer of_a;
	struct conf_answer of_b;
	struct conf_answer of_d;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	of_a = conf_queue(c, a, "t");
	CU_ASSERT_EQUAL(of_a.result, METAFORA_RESULT_OWNED);
	of_b = conf_queue(c, b, "t");
	CU_ASSERT_EQUAL(of_b.result, METAFORA_RESULT_QUEUED);
	of_d = conf_queue(c, d, "t");
	CU_ASSERT_EQUAL(of_d.result, METAFORA_RESULT_QUEUED);
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_RELEASE, "t", &of_a),
			METAFORA_RESULT_ENDED);
	CU_ASSERT(conf_becomes(c, b, METAFORA_RESULT_OWNED, &of_b));
	CU_ASSERT(of_b.token > of_a.token);
	CU_ASSERT(conf_sees_place(c, a, "t", "d", 2));
	CU_ASSERT_EQUAL(conf_leave(c, b, METAFORA_VERB_RELEASE, "t", &of_b),
			METAFORA_RESULT_ENDED);
	CU_ASSERT(conf_becomes(c, d, METAFORA_RESULT_OWNED, &of_d));
	CU_ASSERT(of_d.token > of_b.token);
}

void conf_a_waiter_follows_a_close(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct conf_answer waiter;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
	waiter = conf_queue(c, b, "t");
	CU_ASSERT_EQUAL(waiter.result, METAFORA_RESULT_QUEUED);
	rec_node_close(a);
	CU_ASSERT(conf_becomes(c, b, METAFORA_RESULT_OWNED, &waiter));
	CU_ASSERT(conf_sees_n_claims(c, b, 1));
}

void conf_a_waiter_withdraws(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct rec_node *d = conf_join(c, "d");
	struct conf_answer owner;
	struct conf_answer waiter;
	struct conf_answer last;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	owner = conf_claim(c, a, "t");
	waiter = conf_queue(c, b, "t");
	last = conf_queue(c, d, "t");
	CU_ASSERT_EQUAL(last.result, METAFORA_RESULT_QUEUED);
	CU_ASSERT_EQUAL(conf_leave(c, b, METAFORA_VERB_WITHDRAW, "t", &waiter),
			METAFORA_RESULT_ENDED);
	/* Whoever stood behind moves up; the owner is not disturbed. */
	CU_ASSERT(conf_sees_place(c, a, "t", "b", 0));
	CU_ASSERT(conf_sees_place(c, a, "t", "d", 2));
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_RELEASE, "t", &owner),
			METAFORA_RESULT_ENDED);
	CU_ASSERT(conf_becomes(c, d, METAFORA_RESULT_OWNED, &last));
	/* Withdrawn a second time, it is gone as well. */
	CU_ASSERT_EQUAL(conf_leave(c, b, METAFORA_VERB_WITHDRAW, "t", &waiter),
			METAFORA_RESULT_ENDED);
}

struct evicting {
	struct rec_node *node;
	const struct metafora_eviction *eviction;
};

static void call_evict(void *arg)
{
	struct evicting *evicting = arg;
	struct rec_node *node = evicting->node;

	node->in_op = true;
	node->ops->evict(node->state, evicting->eviction, 1);
	node->in_op = false;
}

static void evict(struct conf *c, struct rec_node *node,
		  const struct metafora_eviction *eviction)
{
	struct evicting evicting = {node, eviction};

	site_call(c->site, &node->loop, call_evict, &evicting);
}

void conf_an_owner_evicts_a_waiter(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct rec_node *d = conf_join(c, "d");
	struct metafora_eviction eviction = {.task = "t", .waiter = "b"};
	struct conf_answer owner;
	struct conf_answer waiter;
	struct conf_answer last;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	owner = conf_claim(c, a, "t");
	waiter = conf_queue(c, b, "t");
	last = conf_queue(c, d, "t");
	CU_ASSERT_EQUAL(last.result, METAFORA_RESULT_QUEUED);
	eviction.token = owner.token;
	eviction.waiter_token = waiter.token;
	evict(c, a, &eviction);
	CU_ASSERT(conf_becomes(c, b, METAFORA_RESULT_VANISHED, &waiter));
	CU_ASSERT(conf_sees_place(c, a, "t", "b", 0));
	CU_ASSERT(conf_sees_place(c, a, "t", "d", 2));
	/* A second time there is nobody. */
	evict(c, a, &eviction);
	/* It may stand in line again, at the end. */
	waiter = conf_queue(c, b, "t");
	CU_ASSERT_EQUAL(waiter.result, METAFORA_RESULT_QUEUED);
	CU_ASSERT(conf_sees_place(c, a, "t", "b", 3));
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_RELEASE, "t", &owner),
			METAFORA_RESULT_ENDED);
	CU_ASSERT(conf_becomes(c, d, METAFORA_RESULT_OWNED, &last));
}

void conf_who_owns_no_more_evicts_nobody(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct rec_node *d = conf_join(c, "d");
	struct metafora_eviction eviction = {.task = "t", .waiter = "b"};
	struct conf_answer owner;
	struct conf_answer waiter;
	struct conf_answer last;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	owner = conf_claim(c, a, "t");
	waiter = conf_queue(c, b, "t");
	last = conf_queue(c, d, "t");
	eviction.token = owner.token;
	eviction.waiter_token = waiter.token;
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_RELEASE, "t", &owner),
			METAFORA_RESULT_ENDED);
	CU_ASSERT(conf_becomes(c, b, METAFORA_RESULT_OWNED, &waiter));
	evict(c, a, &eviction);
	/* Later writes of the same node are done, so this one is too. */
	CU_ASSERT_EQUAL(conf_submit(c, "u"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, a, "u").result, METAFORA_RESULT_OWNED);
	CU_ASSERT(conf_sees_place(c, b, "u", "a", 1));
	CU_ASSERT(conf_sees_place(c, b, "t", "b", 1));
	CU_ASSERT_EQUAL(conf_leave(c, b, METAFORA_VERB_RELEASE, "t", &waiter),
			METAFORA_RESULT_ENDED);
	CU_ASSERT(conf_becomes(c, d, METAFORA_RESULT_OWNED, &last));
}

void conf_a_waiter_for_a_deleted_task(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct conf_answer owner;
	struct conf_answer waiter;
	uint64_t removal;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	owner = conf_claim(c, a, "t");
	waiter = conf_queue(c, b, "t");
	CU_ASSERT_EQUAL(waiter.result, METAFORA_RESULT_QUEUED);
	removal = rec_remove(c->client, "t");
	CU_ASSERT(conf_sees_task(c, a, "t", false));
	CU_ASSERT(conf_sees_task(c, b, "t", false));
	conf_leave(c, a, METAFORA_VERB_RELEASE, "t", &owner);
	CU_ASSERT(conf_becomes(c, b, METAFORA_RESULT_GONE, &waiter));
	CU_ASSERT_FALSE(conf_has_reply(c, removal));
	CU_ASSERT_EQUAL(conf_leave(c, b, METAFORA_VERB_WITHDRAW, "t", &waiter),
			METAFORA_RESULT_ENDED);
	CU_ASSERT_EQUAL(conf_reply(c, removal)->error, 0);
}

void conf_a_release_keeps_the_task(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct conf_answer claim;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	claim = conf_claim(c, a, "t");
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_RELEASE, "t", &claim),
			METAFORA_RESULT_ENDED);
	CU_ASSERT(conf_exists(c, "t"));
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
}

/* --- done --------------------------------------------------------------------------------- */

void conf_done_removes_the_task(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct conf_answer claim;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT(conf_sees_task(c, b, "t", true));
	claim = conf_claim(c, a, "t");
	CU_ASSERT(conf_sees_place(c, b, "t", "a", 1));
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_DONE, "t", &claim),
			METAFORA_RESULT_ENDED);
	CU_ASSERT_FALSE(conf_exists(c, "t"));
	CU_ASSERT(conf_sees_task(c, b, "t", false));
	CU_ASSERT(conf_sees_n_claims(c, b, 0));
	CU_ASSERT_EQUAL(conf_claim(c, b, "t").result, METAFORA_RESULT_GONE);
}

void conf_done_needs_the_claim(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct conf_answer owner;
	struct conf_answer waiter;
	struct conf_answer former;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	former = conf_claim(c, b, "t");
	CU_ASSERT_EQUAL(conf_leave(c, b, METAFORA_VERB_RELEASE, "t", &former),
			METAFORA_RESULT_ENDED);
	owner = conf_claim(c, a, "t");
	CU_ASSERT_EQUAL(owner.result, METAFORA_RESULT_OWNED);
	/* Who owned before, and does no longer. */
	CU_ASSERT_NOT_EQUAL(conf_leave(c, b, METAFORA_VERB_DONE, "t", &former),
			    -1);
	CU_ASSERT(conf_exists(c, "t"));
	/* Who waits. */
	waiter = conf_queue(c, b, "t");
	CU_ASSERT_EQUAL(waiter.result, METAFORA_RESULT_QUEUED);
	CU_ASSERT_NOT_EQUAL(conf_leave(c, b, METAFORA_VERB_DONE, "t", &waiter),
			    -1);
	CU_ASSERT(conf_exists(c, "t"));
	CU_ASSERT(conf_sees_place(c, b, "t", "a", 1));
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_DONE, "t", &owner),
			METAFORA_RESULT_ENDED);
	CU_ASSERT_FALSE(conf_exists(c, "t"));
}

/* --- lives of an ID --------------------------------------------------------------------------- */

void conf_job1_is_not_job10(struct conf *c)
{
	const char *const ids[] = {"job1", "job10", "job", "job1:a", "job1/a"};
	struct rec_node *a = conf_join(c, "a");
	struct conf_answer claims[5];
	size_t i;

	for (i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(conf_submit(c, ids[i]), 0);
		claims[i] = conf_claim(c, a, ids[i]);
		CU_ASSERT_EQUAL(claims[i].result, METAFORA_RESULT_OWNED);
	}
	CU_ASSERT_EQUAL(
		conf_leave(c, a, METAFORA_VERB_DONE, "job1", &claims[0]),
		METAFORA_RESULT_ENDED);
	CU_ASSERT(conf_sees_n_claims(c, a, 4));
	for (i = 1; i < 5; i++) {
		CU_ASSERT(conf_exists(c, ids[i]));
		CU_ASSERT(conf_sees_place(c, a, ids[i], "a", 1));
	}
	/* The same for a delete. */
	CU_ASSERT_EQUAL(conf_submit(c, "job1"), 0);
	CU_ASSERT_EQUAL(conf_remove(c, "job1"), 0);
	for (i = 1; i < 5; i++) {
		CU_ASSERT(conf_exists(c, ids[i]));
		CU_ASSERT(conf_sees_place(c, a, ids[i], "a", 1));
	}
}

void conf_delete_waits_for_the_claim(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct conf_answer claim;
	uint64_t removals[2];

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	claim = conf_claim(c, a, "t");
	removals[0] = rec_remove(c->client, "t");
	CU_ASSERT(conf_sees_task(c, a, "t", false));
	/* The owner's claim stays until it is given up. */
	CU_ASSERT(conf_sees_place(c, a, "t", "a", 1));
	removals[1] = rec_remove(c->client, "t");
	CU_ASSERT_FALSE(conf_exists(c, "t"));
	CU_ASSERT_FALSE(conf_has_reply(c, removals[0]));
	CU_ASSERT_FALSE(conf_has_reply(c, removals[1]));
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_RELEASE, "t", &claim),
			METAFORA_RESULT_ENDED);
	CU_ASSERT_EQUAL(conf_reply(c, removals[0])->error, 0);
	CU_ASSERT_EQUAL(conf_reply(c, removals[1])->error, 0);
	CU_ASSERT_EQUAL(conf_remove(c, "t"), METAFORA_ENOENT);
}

void conf_resubmit_waits_for_the_claim(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct conf_answer old;
	struct conf_answer new;
	uint64_t removal;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	old = conf_claim(c, a, "t");
	removal = rec_remove(c->client, "t");
	CU_ASSERT(conf_sees_task(c, a, "t", false));
	CU_ASSERT_EQUAL(conf_submit(c, "t"), METAFORA_EBUSY);
	CU_ASSERT_FALSE(conf_exists(c, "t"));
	/* Nobody can begin a new life in the old one's line. */
	CU_ASSERT_EQUAL(conf_claim(c, b, "t").result, METAFORA_RESULT_GONE);
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_RELEASE, "t", &old),
			METAFORA_RESULT_ENDED);
	CU_ASSERT_EQUAL(conf_reply(c, removal)->error, 0);
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	new = conf_claim(c, b, "t");
	CU_ASSERT_EQUAL(new.result, METAFORA_RESULT_OWNED);
	CU_ASSERT(new.token > old.token);
}

void conf_an_old_done_spares_the_new(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct conf_answer old;
	struct conf_answer new;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	old = conf_claim(c, a, "t");
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_DONE, "t", &old),
			METAFORA_RESULT_ENDED);
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	/* Repeated, as after an unknown outcome. */
	CU_ASSERT_NOT_EQUAL(conf_leave(c, a, METAFORA_VERB_DONE, "t", &old),
			    -1);
	CU_ASSERT(conf_exists(c, "t"));
	new = conf_claim(c, b, "t");
	CU_ASSERT_EQUAL(new.result, METAFORA_RESULT_OWNED);
	CU_ASSERT_NOT_EQUAL(conf_leave(c, a, METAFORA_VERB_DONE, "t", &old),
			    -1);
	CU_ASSERT(conf_exists(c, "t"));
	CU_ASSERT(conf_sees_place(c, a, "t", "b", 1));
}

/* --- snapshots ------------------------------------------------------------------------------------ */

static bool all_unread(struct rec_node *node)
{
	uint32_t i;

	for (i = 0; i < node->n_buckets; i++) {
		node->buckets[i].tasks_read = false;
		node->buckets[i].claims_read = false;
	}
	node->members_read = false;
	return !rec_is_complete(node);
}

void conf_refresh_reads_again(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
	CU_ASSERT(conf_sees_place(c, a, "t", "a", 1));
	pthread_mutex_lock(&c->site->lock);
	CU_ASSERT(all_unread(a));
	pthread_mutex_unlock(&c->site->lock);
	rec_refresh(a);
	CU_ASSERT(conf_is_back(c, a, 0));
	CU_ASSERT(conf_sees_place(c, a, "t", "a", 1));
	CU_ASSERT(conf_sees_task(c, a, "t", true));
}
