/* SPDX-License-Identifier: Apache-2.0 */
/* Conformance: the client side. */
#include <metafora/task.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"

/* --- tasks ------------------------------------------------------------------------- */

void conf_submit_says_what_exists(struct conf *c)
{
	const struct metafora_submission both[] = {
		{"t", "1", 1},
		{"u", "2", 1},
		{"u", "3", 1},
	};
	const struct rec_reply *reply;

	CU_ASSERT_EQUAL(conf_submit_data(c, "t", "first", 5), 0);
	CU_ASSERT_EQUAL(conf_submit(c, "t"), METAFORA_EEXIST);
	reply = conf_reply(c, rec_submit(c->client, both, 3));
	CU_ASSERT_EQUAL(reply->error, 0);
	CU_ASSERT_EQUAL(reply->n_errors, 3);
	CU_ASSERT_EQUAL(reply->errors[0], METAFORA_EEXIST);
	CU_ASSERT_EQUAL(reply->errors[1], 0);
	CU_ASSERT_EQUAL(reply->errors[2], METAFORA_EEXIST);
	/* What was there first stays as it is. */
	reply = conf_reply(c, rec_get(c->client, "t"));
	CU_ASSERT(reply->size_bytes == 5 &&
		  memcmp(reply->data, "first", 5) == 0);
	reply = conf_reply(c, rec_get(c->client, "u"));
	CU_ASSERT(reply->size_bytes == 1 && memcmp(reply->data, "2", 1) == 0);
}

void conf_get_and_remove_need_a_task(struct conf *c)
{
	CU_ASSERT_EQUAL(conf_reply(c, rec_get(c->client, "t"))->error,
			METAFORA_ENOENT);
	CU_ASSERT_EQUAL(conf_remove(c, "t"), METAFORA_ENOENT);
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT_EQUAL(conf_remove(c, "t"), 0);
	CU_ASSERT_EQUAL(conf_remove(c, "t"), METAFORA_ENOENT);
	CU_ASSERT_EQUAL(conf_reply(c, rec_get(c->client, "t"))->error,
			METAFORA_ENOENT);
}

void conf_list_shows_owners(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	const struct rec_reply *reply;
	struct conf_answer owner;

	CU_ASSERT_EQUAL(conf_submit(c, "t1"), 0);
	CU_ASSERT_EQUAL(conf_submit(c, "t2"), 0);
	owner = conf_claim(c, a, "t2");
	CU_ASSERT_EQUAL(conf_queue(c, b, "t2").result, METAFORA_RESULT_QUEUED);
	reply = conf_reply(c, rec_list(c->client, "", "", 0));
	CU_ASSERT_EQUAL(reply->error, 0);
	CU_ASSERT_FALSE(reply->more);
	CU_ASSERT_EQUAL_FATAL(reply->n_rows, 2);
	CU_ASSERT_STRING_EQUAL(reply->rows[0].task, "t1");
	CU_ASSERT_PTR_NULL(reply->rows[0].owner);
	CU_ASSERT_EQUAL(reply->rows[0].token, 0);
	CU_ASSERT_STRING_EQUAL(reply->rows[1].task, "t2");
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply->rows[1].owner);
	CU_ASSERT_STRING_EQUAL(reply->rows[1].owner, "a");
	CU_ASSERT_EQUAL(reply->rows[1].token, owner.token);
}

void conf_details_show_since_when(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	const struct rec_reply *reply;
	struct conf_answer owner;

	CU_ASSERT_EQUAL(conf_submit(c, "t1"), 0);
	CU_ASSERT_EQUAL(conf_submit(c, "t2"), 0);
	CU_ASSERT_EQUAL(conf_submit(c, "t3"), 0);
	owner = conf_claim(c, a, "t2");
	CU_ASSERT_EQUAL(conf_claim(c, a, "t3").result, METAFORA_RESULT_OWNED);
	reply = conf_reply(c, rec_list_details(c->client, "t", "", 2));
	CU_ASSERT_EQUAL(reply->error, 0);
	CU_ASSERT_TRUE(reply->more);
	CU_ASSERT_EQUAL_FATAL(reply->n_rows, 2);
	CU_ASSERT_STRING_EQUAL(reply->rows[0].task, "t1");
	CU_ASSERT_PTR_NULL(reply->rows[0].owner);
	CU_ASSERT_EQUAL(reply->rows[0].since_ms, 0);
	CU_ASSERT_STRING_EQUAL(reply->rows[1].task, "t2");
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply->rows[1].owner);
	CU_ASSERT_STRING_EQUAL(reply->rows[1].owner, "a");
	CU_ASSERT_EQUAL(reply->rows[1].token, owner.token);
	CU_ASSERT_TRUE(reply->rows[1].since_ms > 0);
	reply = conf_reply(c, rec_list_details(c->client, "u", "", 0));
	CU_ASSERT_EQUAL(reply->error, 0);
	CU_ASSERT_EQUAL(reply->n_rows, 0);
}

void conf_one_task_is_described(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct rec_node *d = conf_join(c, "d");
	const struct rec_reply *reply;
	struct conf_answer owner;

	CU_ASSERT_EQUAL(conf_submit_data(c, "t", "data", 4), 0);
	CU_ASSERT_EQUAL(conf_submit(c, "t1"), 0);
	reply = conf_reply(c, rec_describe(c->client, "t"));
	CU_ASSERT_EQUAL(reply->error, 0);
	CU_ASSERT_EQUAL_FATAL(reply->n_rows, 1);
	CU_ASSERT_PTR_NULL(reply->rows[0].owner);
	CU_ASSERT_EQUAL(reply->n_waiters, 0);
	owner = conf_claim(c, b, "t");
	CU_ASSERT_EQUAL(conf_queue(c, d, "t").result, METAFORA_RESULT_QUEUED);
	CU_ASSERT_EQUAL(conf_queue(c, a, "t").result, METAFORA_RESULT_QUEUED);
	CU_ASSERT_EQUAL(conf_claim(c, a, "t1").result, METAFORA_RESULT_OWNED);
	reply = conf_reply(c, rec_describe(c->client, "t"));
	CU_ASSERT_EQUAL(reply->error, 0);
	CU_ASSERT_EQUAL_FATAL(reply->n_rows, 1);
	CU_ASSERT_STRING_EQUAL(reply->rows[0].task, "t");
	CU_ASSERT_PTR_NOT_NULL_FATAL(reply->rows[0].owner);
	CU_ASSERT_STRING_EQUAL(reply->rows[0].owner, "b");
	CU_ASSERT_EQUAL(reply->rows[0].token, owner.token);
	CU_ASSERT_TRUE(reply->rows[0].since_ms >= reply->submitted_ms);
	CU_ASSERT_TRUE(reply->submitted_ms > 0);
	CU_ASSERT(reply->size_bytes == 4 &&
		  memcmp(reply->data, "data", 4) == 0);
	CU_ASSERT_EQUAL_FATAL(reply->n_waiters, 2);
	CU_ASSERT_STRING_EQUAL(reply->waiters[0], "d");
	CU_ASSERT_STRING_EQUAL(reply->waiters[1], "a");
	CU_ASSERT_EQUAL(conf_reply(c, rec_describe(c->client, "t2"))->error,
			METAFORA_ENOENT);
}

/* The listing has exactly these IDs, in this order. */
static void check_list(struct conf *c, const char *prefix, const char *after,
		       size_t limit, bool more, const char *ids)
{
	const struct rec_reply *reply =
		conf_reply(c, rec_list(c->client, prefix, after, limit));
	char all[256] = "";
	size_t i;

	for (i = 0; i < reply->n_rows; i++) {
		strcat(all, reply->rows[i].task);
		strcat(all, " ");
	}
	CU_ASSERT_STRING_EQUAL(all, ids);
	CU_ASSERT_EQUAL(reply->more, more);
}

static void submit_all(struct conf *c, const char *const *ids)
{
	for (; *ids; ids++)
		CU_ASSERT_EQUAL(conf_submit(c, *ids), 0);
}

void conf_list_knows_prefixes(struct conf *c)
{
	const char *const ids[] = {"b", "a", "ab", "abc", "B", "\xff", NULL};

	submit_all(c, ids);
	check_list(c, "", "", 0, false, "B a ab abc b \xff ");
	check_list(c, "a", "", 0, false, "a ab abc ");
	check_list(c, "ab", "", 0, false, "ab abc ");
	check_list(c, "abcd", "", 0, false, "");
	check_list(c, "%", "", 0, false, "");
}

void conf_list_comes_in_pages(struct conf *c)
{
	const char *const ids[] = {"p3", "p1", "q1", "p2", "p5", "p4", NULL};

	submit_all(c, ids);
	check_list(c, "p", "", 2, true, "p1 p2 ");
	check_list(c, "p", "p2", 2, true, "p3 p4 ");
	check_list(c, "p", "p4", 2, false, "p5 ");
	check_list(c, "p", "p5", 2, false, "");
	check_list(c, "", "p5", 1, false, "q1 ");
	check_list(c, "", "p", 6, false, "p1 p2 p3 p4 p5 q1 ");
	/* What it goes on after need not exist. */
	check_list(c, "p", "p25", 1, true, "p3 ");
}

/* --- names and sizes ------------------------------------------------------------------ */

static void go_round(struct conf *c, struct rec_node *node, const char *id)
{
	const struct rec_reply *reply;
	struct conf_answer claim;
	uint64_t token = 0;

	CU_ASSERT_EQUAL(conf_submit_data(c, id, id, strlen(id)), 0);
	CU_ASSERT(conf_sees_task(c, node, id, true));
	reply = conf_reply(c, rec_get(c->client, id));
	CU_ASSERT(reply->size_bytes == strlen(id) &&
		  memcmp(reply->data, id, strlen(id)) == 0);
	claim = conf_claim(c, node, id);
	CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_OWNED);
	CU_ASSERT(conf_sees_place(c, node, id, node->name, 1));
	pthread_mutex_lock(&c->site->lock);
	rec_sees_claim(node, id, node->name, &token);
	pthread_mutex_unlock(&c->site->lock);
	CU_ASSERT_EQUAL(token, claim.token);
	reply = conf_reply(c, rec_list(c->client, id, "", 1));
	CU_ASSERT_EQUAL(reply->n_rows, 1);
	CU_ASSERT(reply->n_rows == 1 && strcmp(reply->rows[0].task, id) == 0 &&
		  reply->rows[0].owner &&
		  strcmp(reply->rows[0].owner, node->name) == 0);
	CU_ASSERT_EQUAL(conf_leave(c, node, METAFORA_VERB_DONE, id, &claim),
			METAFORA_RESULT_ENDED);
	CU_ASSERT_FALSE(conf_exists(c, id));
}

void conf_strange_names_go_round(struct conf *c)
{
	const char *const ids[] = {
		".",  "..", "a:b/c%", "%41",   "/",
		"//", ":",  " ",      "a b\n", "0000000001",
		"-",  "~",  "\\",     "*",     "t:n:0000000001",
	};
	char name[METAFORA_NODE_NAME_MAX + 1];
	char id[METAFORA_TASK_ID_MAX + 1];
	struct rec_node *node;
	size_t i;

	/* A node name of strange bytes, as long as it may be. */
	for (i = 0; i < METAFORA_NODE_NAME_MAX; i++)
		name[i] = (char)(255 - i);
	name[METAFORA_NODE_NAME_MAX] = '\0';
	node = conf_join(c, name);
	CU_ASSERT(conf_sees_member(c, node, name, true));
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		go_round(c, node, ids[i]);
	/* Every byte there is, in two IDs; the longest. */
	for (i = 0; i < METAFORA_TASK_ID_MAX; i++)
		id[i] = (char)(i + 1);
	id[METAFORA_TASK_ID_MAX] = '\0';
	go_round(c, node, id);
	for (i = 0; i < METAFORA_TASK_ID_MAX; i++)
		id[i] = (char)(255 - i);
	go_round(c, node, id);
}

void conf_sizes_go_round(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	unsigned char *big = malloc(METAFORA_PROPERTIES_MAX);
	const struct rec_verdict *verdict;
	const struct rec_reply *reply;
	struct conf_answer claim;
	size_t i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(big);
	for (i = 0; i < METAFORA_PROPERTIES_MAX; i++)
		big[i] = (unsigned char)(i * 7 + i / 256);
	CU_ASSERT_EQUAL(conf_submit_data(c, "none", NULL, 0), 0);
	CU_ASSERT_EQUAL(
		conf_submit_data(c, "big", big, METAFORA_PROPERTIES_MAX), 0);
	reply = conf_reply(c, rec_get(c->client, "none"));
	CU_ASSERT_EQUAL(reply->error, 0);
	CU_ASSERT_EQUAL(reply->size_bytes, 0);
	reply = conf_reply(c, rec_get(c->client, "big"));
	CU_ASSERT(reply->size_bytes == METAFORA_PROPERTIES_MAX &&
		  memcmp(reply->data, big, METAFORA_PROPERTIES_MAX) == 0);
	claim = conf_claim(c, a, "none");
	CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_OWNED);
	claim = conf_claim(c, a, "big");
	CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_OWNED);
	pthread_mutex_lock(&c->site->lock);
	verdict = rec_verdict_of(a, METAFORA_VERB_CLAIM, claim.attempt);
	CU_ASSERT(verdict->size_bytes == METAFORA_PROPERTIES_MAX &&
		  memcmp(verdict->properties, big, METAFORA_PROPERTIES_MAX) ==
			  0);
	pthread_mutex_unlock(&c->site->lock);
	free(big);
}

void conf_nodes_are_listed(struct conf *c)
{
	struct rec_node *b = conf_join(c, "b");
	struct rec_node *a = conf_join(c, "a");
	const struct rec_reply *reply;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT_EQUAL(conf_submit(c, "u"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, b, "t").result, METAFORA_RESULT_OWNED);
	CU_ASSERT_EQUAL(conf_claim(c, b, "u").result, METAFORA_RESULT_OWNED);
	CU_ASSERT_EQUAL(conf_queue(c, a, "u").result, METAFORA_RESULT_QUEUED);
	reply = conf_reply(c, rec_nodes(c->client));
	CU_ASSERT_EQUAL(reply->error, 0);
	CU_ASSERT_EQUAL_FATAL(reply->n_members, 2);
	CU_ASSERT_STRING_EQUAL(reply->members[0].node, "a");
	CU_ASSERT_EQUAL(reply->members[0].n_owned, 0);
	CU_ASSERT_EQUAL(reply->members[0].state, METAFORA_MEMBER_ACTIVE);
	CU_ASSERT_EQUAL(reply->members[0].session, a->session);
	CU_ASSERT_STRING_EQUAL(reply->members[1].node, "b");
	CU_ASSERT_EQUAL(reply->members[1].n_owned, 2);
	CU_ASSERT_EQUAL(reply->members[1].session, b->session);
}

/* --- requests and broken links ------------------------------------------------------------------ */

void conf_requests_wait_for_the_link(struct conf *c)
{
	const struct metafora_submission submission = {"t", "data", 4};
	struct rec_node *a = conf_join(c, "a");
	uint64_t requests[3];
	int tries;

	if (!c->backend->cut) {
		tap_skip("links cannot be cut here");
		return;
	}
	CU_ASSERT_EQUAL(conf_submit(c, "u"), 0);
	c->backend->cut(c->broker, NULL, true);
	CU_ASSERT(conf_reaches(c, a, METAFORA_SESSION_SUSPENDED));
	/* What is sent before the client, too, knows of the cut is lost. */
	for (tries = 0; tries < 10; tries++) {
		requests[0] = rec_submit(c->client, &submission, 1);
		site_pass(c->site, 50);
		if (!conf_has_reply(c, requests[0]))
			break;
		CU_ASSERT(metafora_error_is_unknown_outcome(
			conf_reply(c, requests[0])->errors[0]));
	}
	requests[1] = rec_list(c->client, "", "", 0);
	requests[2] = rec_get(c->client, "u");
	site_pass(c->site, 50);
	CU_ASSERT_FALSE(conf_has_reply(c, requests[0]));
	CU_ASSERT_FALSE(conf_has_reply(c, requests[1]));
	CU_ASSERT_FALSE(conf_has_reply(c, requests[2]));
	c->backend->cut(c->broker, NULL, false);
	CU_ASSERT_EQUAL(conf_reply(c, requests[0])->error, 0);
	CU_ASSERT_EQUAL(conf_reply(c, requests[0])->errors[0], 0);
	CU_ASSERT_EQUAL(conf_reply(c, requests[1])->error, 0);
	CU_ASSERT_EQUAL(conf_reply(c, requests[2])->error, 0);
	CU_ASSERT(conf_exists(c, "t"));
}

void conf_a_cancelled_request_is_dropped(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct conf_answer claim;
	uint64_t removal;
	uint64_t command;
	char id[64];

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	claim = conf_claim(c, a, "t");
	removal = rec_remove(c->client, "t");
	CU_ASSERT(conf_sees_task(c, a, "t", false));
	rec_cancel(c->client, removal);
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_RELEASE, "t", &claim),
			METAFORA_RESULT_ENDED);
	CU_ASSERT(conf_sees_n_claims(c, a, 0));
	command = rec_command(c->client, "a", "x", 1);
	CU_ASSERT(conf_gets_commands(c, a, 1));
	rec_cancel(c->client, command);
	conf_command_id(c, a, 0, "x", id, sizeof(id));
	rec_ack(a, id, 0, "too late");
	/* Cancelled as soon as it is made, and one that never was. */
	rec_cancel(c->client, rec_list(c->client, "", "", 0));
	rec_cancel(c->client, 1000);
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT(conf_exists(c, "t"));
}

/* Unknown, unless the coordinator found out by itself. */
static bool is_unknown(int error)
{
	CU_ASSERT(error == 0 || error == METAFORA_EUNKNOWN);
	return error != 0;
}

void conf_lost_writes_are_unknown(struct conf *c)
{
	void (*const lose)(void *, const char *, size_t, bool) =
		c->backend->lose;
	bool unknown;
	int error;

	if (!lose) {
		tap_skip("messages cannot be lost here");
		return;
	}
	lose(c->broker, NULL, 1, true);
	unknown = is_unknown(conf_submit(c, "before"));
	CU_ASSERT_NOT_EQUAL(conf_exists(c, "before"), unknown);
	error = conf_submit(c, "before");
	CU_ASSERT(error == 0 || error == METAFORA_EEXIST);
	lose(c->broker, NULL, 1, false);
	is_unknown(conf_submit(c, "after"));
	CU_ASSERT(conf_exists(c, "after"));
	CU_ASSERT_EQUAL(conf_submit(c, "after"), METAFORA_EEXIST);
	lose(c->broker, NULL, 1, false);
	is_unknown(conf_remove(c, "after"));
	CU_ASSERT_FALSE(conf_exists(c, "after"));
	lose(c->broker, NULL, 1, true);
	unknown = is_unknown(conf_remove(c, "before"));
	CU_ASSERT_EQUAL(conf_exists(c, "before"), unknown);
}
