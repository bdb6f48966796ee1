/* SPDX-License-Identifier: Apache-2.0 */
/* Conformance: a client that watches. */
#include <string.h>

#include "conf.h"

struct sight {
	struct conf *c;
	const char *task; /* NULL: a node */
	const char *node; /* the owner, NULL: nobody */
	bool is_there;
};

static bool is_seen(void *arg)
{
	const struct sight *sight = arg;
	const struct rec_client *client = sight->c->client;
	const struct rec_row *row;

	if (!sight->task)
		return !rec_watched_node(client, sight->node) !=
		       sight->is_there;
	row = rec_watched_task(client, sight->task);
	if (!row || !sight->is_there)
		return !row && !sight->is_there;
	if (!row->owner || !sight->node)
		return !row->owner && !sight->node;
	return strcmp(row->owner, sight->node) == 0;
}

static bool sees(struct conf *c, struct sight sight)
{
	sight.c = c;
	return site_wait(c->site, is_seen, &sight, c->backend->patience_ms);
}

static bool sees_task(struct conf *c, const char *task, const char *owner)
{
	return sees(c, (struct sight){NULL, task, owner, true});
}

static bool sees_no_task(struct conf *c, const char *task)
{
	return sees(c, (struct sight){NULL, task, NULL, false});
}

static bool sees_node(struct conf *c, const char *node, bool lives)
{
	return sees(c, (struct sight){NULL, NULL, node, lives});
}

static bool is_complete(void *arg)
{
	const struct conf *c = arg;

	return rec_watch_is_complete(c->client);
}

static bool all_is_seen(struct conf *c)
{
	return site_wait(c->site, is_complete, c, c->backend->patience_ms);
}

void conf_a_watch_sees_all(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b;
	struct conf_answer claim;

	CU_ASSERT_EQUAL(conf_submit(c, "old"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, a, "old").result, METAFORA_RESULT_OWNED);
	rec_watch(c->client);
	CU_ASSERT(all_is_seen(c));
	CU_ASSERT(sees_task(c, "old", "a"));
	CU_ASSERT(sees_node(c, "a", true));
	/* Then what comes, changes and goes. */
	CU_ASSERT_EQUAL(conf_submit(c, "new"), 0);
	CU_ASSERT(sees_task(c, "new", NULL));
	b = conf_join(c, "b");
	CU_ASSERT(sees_node(c, "b", true));
	claim = conf_claim(c, b, "new");
	CU_ASSERT(sees_task(c, "new", "b"));
	CU_ASSERT_EQUAL(conf_queue(c, a, "new").result, METAFORA_RESULT_QUEUED);
	CU_ASSERT_EQUAL(conf_leave(c, b, METAFORA_VERB_RELEASE, "new", &claim),
			METAFORA_RESULT_ENDED);
	CU_ASSERT(sees_task(c, "new", "a"));
	rec_node_close(b);
	CU_ASSERT(sees_node(c, "b", false));
	CU_ASSERT_EQUAL(conf_submit(c, "last"), 0);
	CU_ASSERT_EQUAL(conf_remove(c, "last"), 0);
	CU_ASSERT(sees_no_task(c, "last"));
	CU_ASSERT(sees_task(c, "old", "a"));
}

static bool is_down(void *arg)
{
	const struct conf *c = arg;

	return c->client->n_downs > 0;
}

void conf_a_watch_survives_a_cut(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");

	if (!c->backend->cut) {
		tap_skip("links cannot be cut here");
		return;
	}
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	rec_watch(c->client);
	CU_ASSERT(all_is_seen(c));
	CU_ASSERT(sees_task(c, "t", NULL));
	c->backend->cut(c->broker, NULL, true);
	CU_ASSERT(site_wait(c->site, is_down, c, c->backend->patience_ms));
	c->backend->cut(c->broker, NULL, false);
	CU_ASSERT(all_is_seen(c));
	CU_ASSERT(conf_is_back(c, a, a->n_lost));
	CU_ASSERT_EQUAL(conf_submit(c, "u"), 0);
	CU_ASSERT(sees_task(c, "u", NULL));
	CU_ASSERT(sees_task(c, "t", NULL));
	CU_ASSERT(sees_node(c, "a", true));
}

void conf_a_watch_that_ended_is_silent(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");

	rec_watch(c->client);
	rec_unwatch(c->client);
	rec_watch(c->client);
	CU_ASSERT(all_is_seen(c));
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	/* Nothing is told any more: the recorder would complain. */
	rec_unwatch(c->client);
	CU_ASSERT_EQUAL(conf_submit(c, "u"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, a, "u").result, METAFORA_RESULT_OWNED);
	CU_ASSERT(conf_exists(c, "u"));
	rec_watch(c->client);
	CU_ASSERT(sees_task(c, "u", "a"));
}
