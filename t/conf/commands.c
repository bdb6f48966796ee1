/* SPDX-License-Identifier: Apache-2.0 */
/* Conformance: commands. */
#include <metafora/command.h>
#include <stdio.h>
#include <string.h>

#include "conf.h"

void conf_command_id(struct conf *c, const struct rec_node *node, size_t i,
		     const char *data, char *id, size_t n_bytes)
{
	pthread_mutex_lock(&c->site->lock);
	CU_ASSERT_FATAL(i < node->n_commands);
	CU_ASSERT_EQUAL(node->commands[i].size_bytes, strlen(data));
	CU_ASSERT_STRING_EQUAL(node->commands[i].data, data);
	snprintf(id, n_bytes, "%s", node->commands[i].id);
	pthread_mutex_unlock(&c->site->lock);
}

static size_t n_commands(struct conf *c, const struct rec_node *node)
{
	size_t n;

	pthread_mutex_lock(&c->site->lock);
	n = node->n_commands;
	pthread_mutex_unlock(&c->site->lock);
	return n;
}

void conf_a_command_is_delivered_once(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	const struct rec_reply *reply;
	uint64_t requests[2];
	char id[64];

	requests[0] = rec_command(c->client, "a", "one", 3);
	CU_ASSERT(conf_gets_commands(c, a, 1));
	CU_ASSERT_FALSE(conf_has_reply(c, requests[0]));
	conf_command_id(c, a, 0, "one", id, sizeof(id));
	rec_ack(a, id, 0, "well done");
	reply = conf_reply(c, requests[0]);
	CU_ASSERT_EQUAL(reply->error, 0);
	CU_ASSERT_EQUAL(reply->size_bytes, strlen("well done"));
	CU_ASSERT_STRING_EQUAL(reply->data, "well done");
	/* An error goes back with its text; an unknown ID does nothing. */
	requests[1] = rec_command(c->client, "a", "two", 3);
	CU_ASSERT(conf_gets_commands(c, a, 2));
	conf_command_id(c, a, 1, "two", id, sizeof(id));
	rec_ack(a, "no such command", 0, "");
	rec_ack(a, id, METAFORA_ENOTSUP, "what?");
	rec_ack(a, id, 0, "again");
	reply = conf_reply(c, requests[1]);
	CU_ASSERT_EQUAL(reply->error, METAFORA_ENOTSUP);
	CU_ASSERT_STRING_EQUAL(reply->data, "what?");
	CU_ASSERT_EQUAL(n_commands(c, a), 2);
	CU_ASSERT_EQUAL(n_commands(c, b), 0);
}

void conf_commands_keep_their_order(struct conf *c)
{
	const char *const data[] = {"1", "2", "3", "4", "5", "6"};
	struct rec_node *a = conf_join(c, "a");
	uint64_t requests[6];
	char ids[6][64];
	size_t i;

	for (i = 0; i < 6; i++)
		requests[i] = rec_command(c->client, "a", data[i], 1);
	CU_ASSERT(conf_gets_commands(c, a, 6));
	for (i = 0; i < 6; i++)
		conf_command_id(c, a, i, data[i], ids[i], sizeof(ids[i]));
	for (i = 0; i < 6; i++)
		rec_ack(a, ids[i], 0, data[i]);
	for (i = 0; i < 6; i++) {
		CU_ASSERT_EQUAL(conf_reply(c, requests[i])->error, 0);
		CU_ASSERT_STRING_EQUAL(conf_reply(c, requests[i])->data,
				       data[i]);
	}
}

void conf_a_command_needs_a_node(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");

	CU_ASSERT_EQUAL(
		conf_reply(c, rec_command(c->client, "b", "x", 1))->error,
		METAFORA_ENOENT);
	rec_node_close(a);
	CU_ASSERT_EQUAL(
		conf_reply(c, rec_command(c->client, "a", "x", 1))->error,
		METAFORA_ENOENT);
}

void conf_a_command_dies_with_its_node(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *again;
	uint64_t requests[2];
	char id[64];

	/* One that was delivered, one that the dead node never sees. */
	requests[0] = rec_command(c->client, "a", "one", 3);
	CU_ASSERT(conf_gets_commands(c, a, 1));
	conf_kill(c, a);
	requests[1] = rec_command(c->client, "a", "two", 3);
	CU_ASSERT_EQUAL(conf_reply(c, requests[0])->error, METAFORA_ENOENT);
	CU_ASSERT_EQUAL(conf_reply(c, requests[1])->error, METAFORA_ENOENT);
	/* The next life of the node sees only its own. */
	again = conf_join(c, "a");
	requests[0] = rec_command(c->client, "a", "three", 5);
	CU_ASSERT(conf_gets_commands(c, again, 1));
	conf_command_id(c, again, 0, "three", id, sizeof(id));
	rec_ack(again, id, 0, "");
	CU_ASSERT_EQUAL(conf_reply(c, requests[0])->error, 0);
	CU_ASSERT_EQUAL(n_commands(c, again), 1);
}

void conf_a_command_survives_a_cut(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	uint64_t requests[2];
	char ids[2][64];

	if (!c->backend->cut) {
		tap_skip("links cannot be cut here");
		return;
	}
	requests[0] = rec_command(c->client, "a", "one", 3);
	CU_ASSERT(conf_gets_commands(c, a, 1));
	conf_command_id(c, a, 0, "one", ids[0], sizeof(ids[0]));
	c->backend->cut(c->broker, "a", true);
	requests[1] = rec_command(c->client, "a", "two", 3);
	rec_ack(a, ids[0], 0, "done");
	CU_ASSERT(conf_reaches(c, a, METAFORA_SESSION_SUSPENDED));
	CU_ASSERT_FALSE(conf_has_reply(c, requests[0]));
	c->backend->cut(c->broker, "a", false);
	CU_ASSERT_EQUAL(conf_reply(c, requests[0])->error, 0);
	CU_ASSERT_STRING_EQUAL(conf_reply(c, requests[0])->data, "done");
	CU_ASSERT(conf_gets_commands(c, a, 2));
	conf_command_id(c, a, 1, "two", ids[1], sizeof(ids[1]));
	rec_ack(a, ids[1], 0, "");
	CU_ASSERT_EQUAL(conf_reply(c, requests[1])->error, 0);
	CU_ASSERT_EQUAL(n_commands(c, a), 2);
}

/* --- commands that nobody waits for ----------------------------------------------- */

void conf_a_sent_command_is_not_waited_for(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	uint64_t request;
	char id[64];

	/* Both are under way at a time: each in its place. */
	CU_ASSERT_EQUAL(
		conf_reply(c, rec_command_send(c->client, "a", "one", 3))
			->error,
		0);
	request = rec_command(c->client, "a", "two", 3);
	CU_ASSERT(conf_gets_commands(c, a, 2));
	conf_command_id(c, a, 0, "one", id, sizeof(id));
	rec_ack(a, id, METAFORA_ENOTSUP, "read by nobody");
	conf_command_id(c, a, 1, "two", id, sizeof(id));
	rec_ack(a, id, 0, "read");
	CU_ASSERT_EQUAL(conf_reply(c, request)->error, 0);
	CU_ASSERT_STRING_EQUAL(conf_reply(c, request)->data, "read");
	CU_ASSERT_EQUAL(n_commands(c, a), 2);
	CU_ASSERT_EQUAL(
		conf_reply(c, rec_command_send(c->client, "b", "x", 1))->error,
		METAFORA_ENOENT);
}

void conf_a_sent_command_dies_with_its_node(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	char id[64];

	CU_ASSERT_EQUAL(
		conf_reply(c, rec_command_send(c->client, "a", "old", 3))
			->error,
		0);
	conf_kill(c, a);
	/* The name is free again only when the old session is over. */
	a = conf_join(c, "a");
	CU_ASSERT_EQUAL(
		conf_reply(c, rec_command_send(c->client, "a", "new", 3))
			->error,
		0);
	CU_ASSERT(conf_gets_commands(c, a, 1));
	conf_command_id(c, a, 0, "new", id, sizeof(id));
	rec_ack(a, id, 0, "");
	rec_refresh(a);
	site_pass(c->site, 50);
	CU_ASSERT_EQUAL(n_commands(c, a), 1);
}

static void ack_all(struct conf *c, struct rec_node *node)
{
	size_t n = n_commands(c, node);
	char id[64];
	size_t i;

	for (i = 0; i < n; i++) {
		conf_command_id(c, node, i, "x", id, sizeof(id));
		rec_ack(node, id, 0, "");
	}
}

static bool sends(struct conf *c)
{
	return conf_reply(c, rec_command_send(c->client, "a", "x", 1))
		       ->error == 0;
}

void conf_commands_to_a_lazy_node_are_bounded(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	uint64_t requests[METAFORA_COMMANDS_MAX];
	int tries;
	size_t i;

	for (i = 0; i < METAFORA_COMMANDS_MAX; i++)
		requests[i] = rec_command_send(c->client, "a", "x", 1);
	for (i = 0; i < METAFORA_COMMANDS_MAX; i++)
		CU_ASSERT_EQUAL(conf_reply(c, requests[i])->error, 0);
	CU_ASSERT_EQUAL(
		conf_reply(c, rec_command_send(c->client, "a", "x", 1))->error,
		METAFORA_EFULL);
	CU_ASSERT_EQUAL(
		conf_reply(c, rec_command(c->client, "a", "x", 1))->error,
		METAFORA_EFULL);
	/* As soon as it has carried them out there is room again. */
	CU_ASSERT(conf_gets_commands(c, a, METAFORA_COMMANDS_MAX));
	ack_all(c, a);
	for (tries = 0; tries < 1000 && !sends(c); tries++)
		site_pass(c->site, 10);
	CU_ASSERT_TRUE(tries < 1000);
}
