/* SPDX-License-Identifier: Apache-2.0 */
/* Conformance: sessions, leases, broken links, lost messages, members. */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "conf.h"

static bool can(const void *fault)
{
	if (!fault)
		tap_skip("the fault cannot be made here");
	return fault != NULL;
}
#define CAN(c, fault) can((c)->backend->fault ? (c)->backend : NULL)

static uint64_t lease_of(struct conf *c, const struct rec_node *node)
{
	uint64_t lease_ns;

	pthread_mutex_lock(&c->site->lock);
	lease_ns = node->lease_ns;
	pthread_mutex_unlock(&c->site->lock);
	return lease_ns;
}

static uint64_t session_of(struct conf *c, const struct rec_node *node)
{
	uint64_t session;

	pthread_mutex_lock(&c->site->lock);
	session = node->session;
	pthread_mutex_unlock(&c->site->lock);
	return session;
}

/* --- the end of sessions ----------------------------------------------------------- */

void conf_a_dead_node_loses_all(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct conf_answer waiter;
	uint64_t lease_ns;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
	waiter = conf_queue(c, b, "t");
	CU_ASSERT_EQUAL(waiter.result, METAFORA_RESULT_QUEUED);
	conf_kill(c, a);
	lease_ns = lease_of(c, a);
	CU_ASSERT(conf_becomes(c, b, METAFORA_RESULT_OWNED, &waiter));
	CU_ASSERT(site_now_ns(c->site) >= lease_ns);
	CU_ASSERT(conf_sees_member(c, b, "a", false));
	CU_ASSERT(conf_sees_n_claims(c, b, 1));
}

void conf_an_expired_node_rejoins(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	const uint64_t session = session_of(c, a);
	struct conf_answer claim;

	if (!CAN(c, expire))
		return;
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	claim = conf_claim(c, a, "t");
	CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_OWNED);
	CU_ASSERT(conf_sees_place(c, b, "t", "a", 1));
	c->backend->expire(c->broker, "a");
	CU_ASSERT(conf_is_back(c, a, 1));
	CU_ASSERT_NOT_EQUAL(session_of(c, a), session);
	CU_ASSERT(conf_sees_n_claims(c, b, 0));
	CU_ASSERT(conf_sees_n_claims(c, a, 0));
	CU_ASSERT(conf_sees_member(c, b, "a", true));
	/* Of the old session's claim nothing can be done any more. */
	CU_ASSERT_NOT_EQUAL(conf_leave(c, a, METAFORA_VERB_DONE, "t", &claim),
			    -1);
	CU_ASSERT(conf_exists(c, "t"));
	CU_ASSERT_EQUAL(conf_claim(c, b, "t").result, METAFORA_RESULT_OWNED);
}

void conf_a_waiter_follows_expiry(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct conf_answer waiter;

	if (!CAN(c, expire))
		return;
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
	waiter = conf_queue(c, b, "t");
	CU_ASSERT_EQUAL(waiter.result, METAFORA_RESULT_QUEUED);
	c->backend->expire(c->broker, "a");
	CU_ASSERT(conf_becomes(c, b, METAFORA_RESULT_OWNED, &waiter));
	CU_ASSERT(conf_is_back(c, a, 1));
}

void conf_no_verdict_of_old_sessions(struct conf *c)
{
	static const char *const tasks[] = {"t0", "t1", "t2", "t3", "t4"};
	struct rec_node *a = conf_join(c, "a");
	struct conf_answer claim;
	size_t i;

	if (!CAN(c, expire))
		return;
	for (i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(conf_submit(c, tasks[i]), 0);
	for (i = 0; i < 4; i++) {
		/*
		 * On their way when the session ends; the recorder calls what
		 * arrives after LOST a violation.
		 */
		rec_enter_many(a, METAFORA_VERB_CLAIM, tasks, 5);
		c->backend->expire(c->broker, "a");
		CU_ASSERT(conf_is_back(c, a, i + 1));
	}
	CU_ASSERT(conf_sees_n_claims(c, a, 0));
	claim = conf_claim(c, a, "t0");
	CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_OWNED);
}

void conf_abandon_ends_the_session(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct conf_answer waiter;

	if (!a->ops->abandon) {
		tap_skip("the coordinator has no abandon");
		return;
	}
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
	waiter = conf_queue(c, b, "t");
	/* The owner is stuck: another thread does it. */
	conf_stall(c, a);
	rec_abandon(a);
	CU_ASSERT(conf_becomes(c, b, METAFORA_RESULT_OWNED, &waiter));
	CU_ASSERT(conf_sees_member(c, b, "a", false));
}

void conf_close_leaves_nothing(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	const struct rec_reply *reply;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
	CU_ASSERT(conf_sees_place(c, b, "t", "a", 1));
	rec_node_close(a);
	CU_ASSERT(conf_sees_n_claims(c, b, 0));
	CU_ASSERT(conf_sees_member(c, b, "a", false));
	rec_node_close(b);
	reply = conf_reply(c, rec_nodes(c->client));
	CU_ASSERT_EQUAL(reply->n_members, 0);
	reply = conf_reply(c, rec_list(c->client, "", "", 0));
	CU_ASSERT_EQUAL(reply->n_rows, 1);
	CU_ASSERT(reply->n_rows == 1 && !reply->rows[0].owner);
}

void conf_close_ends_when_cut(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");

	if (!CAN(c, cut))
		return;
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
	CU_ASSERT(conf_sees_place(c, b, "t", "a", 1));
	c->backend->cut(c->broker, "a", true);
	rec_node_close(a);
	CU_ASSERT_EQUAL(a->session_state, METAFORA_SESSION_CLOSED);
	/* The broker notices in its own time. */
	CU_ASSERT(conf_sees_n_claims(c, b, 0));
	CU_ASSERT(conf_sees_member(c, b, "a", false));
}

/* --- leases and broken links ---------------------------------------------------------- */

struct later_lease {
	const struct rec_node *node;
	uint64_t than_ns;
};

static bool is_later(void *arg)
{
	const struct later_lease *later = arg;

	return later->node->lease_ns > later->than_ns;
}

void conf_a_lease_moves_on(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct later_lease later = {a, lease_of(c, a)};
	uint64_t lease_ns;
	int i;

	if (later.than_ns == METAFORA_NO_DEADLINE) {
		tap_skip("the coordinator has no leases");
		return;
	}
	for (i = 0; i < 5; i++) {
		later.than_ns = lease_of(c, a);
		CU_ASSERT(site_wait(c->site, is_later, &later,
				    c->backend->patience_ms));
		CU_ASSERT(lease_of(c, a) > site_now_ns(c->site));
	}
	if (!c->backend->cut)
		return;
	c->backend->cut(c->broker, "a", true);
	CU_ASSERT(conf_reaches(c, a, METAFORA_SESSION_SUSPENDED));
	lease_ns = lease_of(c, a);
	site_pass(c->site, a->timeout_ms);
	CU_ASSERT_EQUAL(lease_of(c, a), lease_ns);
	CU_ASSERT(site_now_ns(c->site) > lease_ns);
}

void conf_a_short_cut_loses_nothing(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	const uint64_t session = session_of(c, a);
	struct conf_answer claim;

	if (!CAN(c, cut))
		return;
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	claim = conf_claim(c, a, "t");
	CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_OWNED);
	c->backend->cut(c->broker, "a", true);
	CU_ASSERT(conf_reaches(c, a, METAFORA_SESSION_SUSPENDED));
	/* It happens behind the cut, and is seen when that is over. */
	CU_ASSERT_EQUAL(conf_submit(c, "u"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, b, "u").result, METAFORA_RESULT_OWNED);
	c->backend->cut(c->broker, "a", false);
	CU_ASSERT(conf_is_back(c, a, 0));
	CU_ASSERT_EQUAL(session_of(c, a), session);
	CU_ASSERT(conf_sees_task(c, a, "u", true));
	CU_ASSERT(conf_sees_place(c, a, "u", "b", 1));
	CU_ASSERT(conf_sees_place(c, b, "t", "a", 1));
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_DONE, "t", &claim),
			METAFORA_RESULT_ENDED);
	CU_ASSERT_FALSE(conf_exists(c, "t"));
	pthread_mutex_lock(&c->site->lock);
	CU_ASSERT_EQUAL(a->n_lost, 0);
	pthread_mutex_unlock(&c->site->lock);
}

void conf_a_long_cut_loses_all(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	const uint64_t session = session_of(c, a);
	struct conf_answer waiter;
	struct conf_answer claim;
	uint64_t lease_ns;

	if (!CAN(c, cut))
		return;
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	claim = conf_claim(c, a, "t");
	waiter = conf_queue(c, b, "t");
	CU_ASSERT_EQUAL(waiter.result, METAFORA_RESULT_QUEUED);
	c->backend->cut(c->broker, "a", true);
	CU_ASSERT(conf_becomes(c, b, METAFORA_RESULT_OWNED, &waiter));
	lease_ns = lease_of(c, a);
	CU_ASSERT(site_now_ns(c->site) >= lease_ns);
	CU_ASSERT(waiter.token > claim.token);
	CU_ASSERT(conf_reaches(c, a, METAFORA_SESSION_SUSPENDED));
	c->backend->cut(c->broker, "a", false);
	CU_ASSERT(conf_is_back(c, a, 1));
	CU_ASSERT_NOT_EQUAL(session_of(c, a), session);
	CU_ASSERT(conf_sees_place(c, a, "t", "b", 1));
	CU_ASSERT(conf_sees_n_claims(c, a, 1));
}

/* Withdraw what may be there, as core does after an unknown outcome. */
static void settle(struct conf *c, struct rec_node *node, const char *task,
		   uint64_t attempt)
{
	const struct conf_answer claim = {.attempt = attempt};

	CU_ASSERT_EQUAL(
		conf_leave(c, node, METAFORA_VERB_WITHDRAW, task, &claim),
		METAFORA_RESULT_ENDED);
}

void conf_a_cut_leaves_unknowns(struct conf *c)
{
	static const char *const tasks[] = {"t0", "t1", "t2", "t3", "t4"};
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct conf_answer answer;
	uint64_t first[2];
	size_t n_sent;
	size_t i;

	if (!CAN(c, cut))
		return;
	for (i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(conf_submit(c, tasks[i]), 0);
	/*
	 * Some under way when the link breaks, some sent into the void, unless
	 * the node has noticed already.
	 */
	first[0] = rec_enter_many(a, METAFORA_VERB_QUEUE, tasks, 3);
	c->backend->cut(c->broker, "a", true);
	first[1] = rec_enter_many(a, METAFORA_VERB_QUEUE, tasks + 3, 2);
	CU_ASSERT(conf_reaches(c, a, METAFORA_SESSION_SUSPENDED));
	c->backend->cut(c->broker, "a", false);
	CU_ASSERT(conf_is_back(c, a, 0));
	CU_ASSERT(conf_all_answered(c, a));
	n_sent = first[1] ? 5 : 3;
	for (i = 0; i < n_sent; i++) {
		answer = conf_answer(c, a, METAFORA_VERB_QUEUE,
				     i < 3 ? first[0] + i : first[1] + i - 3);
		CU_ASSERT(answer.result == METAFORA_RESULT_UNKNOWN ||
			  answer.result == METAFORA_RESULT_OWNED);
		settle(c, a, tasks[i], answer.attempt);
	}
	CU_ASSERT(conf_sees_n_claims(c, a, 0));
	CU_ASSERT(conf_sees_n_claims(c, b, 0));
	for (i = 0; i < 5; i++)
		CU_ASSERT_EQUAL(conf_claim(c, b, tasks[i]).result,
				METAFORA_RESULT_OWNED);
}

void conf_news_survive_a_cut(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct conf_answer owner;
	struct conf_answer waiter;

	if (!CAN(c, cut))
		return;
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	owner = conf_claim(c, a, "t");
	waiter = conf_queue(c, b, "t");
	CU_ASSERT_EQUAL(waiter.result, METAFORA_RESULT_QUEUED);
	c->backend->cut(c->broker, "b", true);
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_RELEASE, "t", &owner),
			METAFORA_RESULT_ENDED);
	CU_ASSERT(conf_sees_place(c, a, "t", "b", 1));
	c->backend->cut(c->broker, "b", false);
	CU_ASSERT(conf_becomes(c, b, METAFORA_RESULT_OWNED, &waiter));
	CU_ASSERT_EQUAL(conf_leave(c, b, METAFORA_VERB_DONE, "t", &waiter),
			METAFORA_RESULT_ENDED);
	CU_ASSERT_FALSE(conf_exists(c, "t"));
}

/* --- lost messages ------------------------------------------------------------------------ */

/* Repeat a verb until its outcome is known. */
static void insist(struct conf *c, struct rec_node *node,
		   enum metafora_verb verb, const char *task,
		   const struct conf_answer *claim)
{
	int result;
	int i;

	for (i = 0; i < 10; i++) {
		result = conf_leave(c, node, verb, task, claim);
		if (result != METAFORA_RESULT_UNKNOWN)
			break;
		CU_ASSERT(conf_reaches(c, node, METAFORA_SESSION_CONNECTED));
	}
	CU_ASSERT_EQUAL(result, METAFORA_RESULT_ENDED);
}

static void lose_some(struct conf *c, bool before_commit)
{
	const enum metafora_verb entering[] = {
		METAFORA_VERB_CLAIM,
		METAFORA_VERB_QUEUE,
		METAFORA_VERB_CLAIM,
		METAFORA_VERB_QUEUE,
	};
	const int beaten[] = {METAFORA_RESULT_BEATEN, METAFORA_RESULT_QUEUED};
	const enum metafora_verb leaving[] = {
		METAFORA_VERB_RELEASE,
		METAFORA_VERB_WITHDRAW,
		METAFORA_VERB_DONE,
	};
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct conf_answer claim;
	int result;
	size_t i;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	for (i = 0; i < 4; i++) {
		/* Second time round somebody else owns. */
		if (i == 2)
			claim = conf_claim(c, b, "t");
		c->backend->lose(c->broker, "a", 1, before_commit);
		/* Unknown, unless the coordinator found out by itself. */
		claim.attempt = rec_enter(a, entering[i], "t");
		result = conf_answer(c, a, entering[i], claim.attempt).result;
		CU_ASSERT(result == METAFORA_RESULT_UNKNOWN ||
			  result == (i < 2 ? METAFORA_RESULT_OWNED
					   : beaten[i % 2]));
		CU_ASSERT(conf_reaches(c, a, METAFORA_SESSION_CONNECTED));
		claim.token = 0;
		insist(c, a, METAFORA_VERB_WITHDRAW, "t", &claim);
		CU_ASSERT(conf_sees_place(c, b, "t", "a", 0));
	}
	c->backend->expire(c->broker, "b");
	CU_ASSERT(conf_is_back(c, b, 1));
	for (i = 0; i < 3; i++) {
		claim = conf_claim(c, a, "t");
		CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_OWNED);
		c->backend->lose(c->broker, "a", 1, before_commit);
		insist(c, a, leaving[i], "t", &claim);
		CU_ASSERT(conf_sees_n_claims(c, b, 0));
		CU_ASSERT_EQUAL(conf_exists(c, "t"),
				leaving[i] != METAFORA_VERB_DONE);
	}
}

void conf_lost_requests_settle(struct conf *c)
{
	if (CAN(c, lose) && CAN(c, expire))
		lose_some(c, true);
}

void conf_lost_answers_settle(struct conf *c)
{
	if (CAN(c, lose) && CAN(c, expire))
		lose_some(c, false);
}

/* --- namesakes and members -------------------------------------------------------------------- */

void conf_a_living_namesake_wins(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *namesake;
	const uint64_t session = session_of(c, a);

	namesake = conf_open(c, "a");
	CU_ASSERT(conf_reaches(c, namesake, METAFORA_SESSION_FAILED));
	CU_ASSERT_EQUAL(namesake->error, METAFORA_EEXIST);
	CU_ASSERT_EQUAL(namesake->n_connected, 0);
	/* Whoever was there is not disturbed. */
	CU_ASSERT_EQUAL(session_of(c, a), session);
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
	rec_node_close(a);
	CU_ASSERT(conf_is_back(c, conf_open(c, "a"), 0));
}

void conf_a_dead_namesake_yields(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *again;
	uint64_t lease_ns;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
	conf_kill(c, a);
	lease_ns = lease_of(c, a);
	again = conf_join(c, "a");
	CU_ASSERT(site_now_ns(c->site) >= lease_ns);
	CU_ASSERT_NOT_EQUAL(session_of(c, again), session_of(c, a));
	/* It has nothing of its namesake's. */
	CU_ASSERT(conf_sees_n_claims(c, again, 0));
	CU_ASSERT_EQUAL(conf_claim(c, again, "t").result,
			METAFORA_RESULT_OWNED);
}

struct awaited_record {
	const struct rec_node *node;
	enum metafora_member_state state;
	double weight;
	uint64_t capacity;
};

static bool shows_record(void *arg)
{
	const struct awaited_record *awaited = arg;
	const struct rec_member *member = rec_sees_member(awaited->node, "a");

	return member && member->state == awaited->state &&
	       member->weight == awaited->weight &&
	       member->capacity == awaited->capacity;
}

static bool sees_record(struct conf *c, const struct awaited_record *awaited)
{
	return site_wait(c->site, shows_record, (void *)(uintptr_t)awaited,
			 c->backend->patience_ms);
}

void conf_members_show_what_is_published(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct metafora_member_record record = rec_member_record("a");
	struct awaited_record at_a = {a, METAFORA_MEMBER_FROZEN, 2.5, 7};
	struct awaited_record at_b = {b, METAFORA_MEMBER_FROZEN, 2.5, 7};

	record.state = METAFORA_MEMBER_FROZEN;
	record.weight = 2.5;
	record.capacity = 7;
	rec_publish(a, &record);
	CU_ASSERT(sees_record(c, &at_b));
	CU_ASSERT(sees_record(c, &at_a));
	if (!c->backend->expire)
		return;
	/* Published again with a new session. */
	c->backend->expire(c->broker, "a");
	CU_ASSERT(conf_is_back(c, a, 1));
	CU_ASSERT(sees_record(c, &at_b));
	pthread_mutex_lock(&c->site->lock);
	CU_ASSERT_EQUAL(rec_sees_member(a, "a")->session, a->session);
	pthread_mutex_unlock(&c->site->lock);
}

void conf_members_come_and_go(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct rec_node *d;

	CU_ASSERT(conf_sees_member(c, a, "a", true));
	CU_ASSERT(conf_sees_member(c, a, "b", true));
	CU_ASSERT(conf_sees_member(c, b, "a", true));
	CU_ASSERT(conf_sees_member(c, b, "b", true));
	d = conf_join(c, "d");
	CU_ASSERT(conf_sees_member(c, a, "d", true));
	CU_ASSERT(conf_sees_member(c, b, "d", true));
	rec_node_close(d);
	CU_ASSERT(conf_sees_member(c, a, "d", false));
	CU_ASSERT(conf_sees_member(c, b, "d", false));
	CU_ASSERT_EQUAL(a->n_members, 2);
}
