/* SPDX-License-Identifier: Apache-2.0 */
/* A client's watch: what changed since the last look, bucket by bucket. */
#include <stdlib.h>

#include "request.h"

/* Between two looks, so that a storm does not cost one for each change. */
#define PAUSE_NS (5 * EMB_NS_PER_MS)

void mf_emb_watch_begin(struct emb_client *client, uint64_t request)
{
	client->watch = request;
	client->watch_is_up = false;
	client->watch_ns = 0;
	pthread_mutex_lock(&client->link.broker->lock);
	client->link.watching = true;
	mf_emb_wake(&client->link);
	pthread_mutex_unlock(&client->link.broker->lock);
}

void mf_emb_watch_end(struct emb_client *client)
{
	client->watch = 0;
	pthread_mutex_lock(&client->link.broker->lock);
	client->link.watching = false;
	client->link.dirty_buckets = 0;
	client->link.dirty_members = false;
	pthread_mutex_unlock(&client->link.broker->lock);
}

static bool is_dirty(const struct emb_link *link)
{
	return link->dirty_buckets || link->dirty_members;
}

uint64_t mf_emb_watch_next_ns(const struct emb_client *client)
{
	if (!client->watch || client->link.faults->cut ||
	    !is_dirty(&client->link))
		return EMB_NEVER;
	return client->watch_ns;
}

static void set_dirty(struct emb_client *client, uint64_t buckets, bool members)
{
	pthread_mutex_lock(&client->link.broker->lock);
	client->link.dirty_buckets |= buckets;
	client->link.dirty_members |= members;
	pthread_mutex_unlock(&client->link.broker->lock);
}

/* False: out of memory; it stays dirty. */
static bool tell_bucket(struct emb_client *client, uint32_t bucket)
{
	struct emb_link *link = &client->link;
	struct metafora_task_row *rows;
	bool listed;
	size_t n;

	pthread_mutex_lock(&link->broker->lock);
	listed = mf_emb_list_bucket(link->broker, bucket, &rows, &n);
	pthread_mutex_unlock(&link->broker->lock);
	if (!listed)
		return false;
	client->sink->watch_tasks(link->host, bucket, rows, n);
	free(rows);
	return true;
}

static bool tell_members(struct emb_client *client)
{
	struct emb_link *link = &client->link;
	struct emb_request look = {.client = client};
	int error;
	size_t i;

	pthread_mutex_lock(&link->broker->lock);
	mf_emb_nodes(link->broker, &look);
	pthread_mutex_unlock(&link->broker->lock);
	error = look.reply.error;
	if (!error)
		client->sink->watch_members(link->host, look.reply.members,
					    look.reply.n_members);
	for (i = 0; look.records && i < look.reply.n_members; i++)
		mf_emb_record_unref(look.records[i]);
	free(look.rows);
	return !error;
}

/* Each call of the sink may have ended the watch, or closed us. */
static void look(struct emb_client *client)
{
	struct emb_link *link = &client->link;
	uint64_t buckets;
	bool members;
	uint32_t i;

	pthread_mutex_lock(&link->broker->lock);
	buckets = link->dirty_buckets;
	members = link->dirty_members;
	link->dirty_buckets = 0;
	link->dirty_members = false;
	pthread_mutex_unlock(&link->broker->lock);
	if (members && !tell_members(client))
		set_dirty(client, 0, true);
	for (i = 0; i < EMB_BUCKETS && client->watch; i++)
		if ((buckets & UINT64_C(1) << i) && !tell_bucket(client, i))
			set_dirty(client, UINT64_C(1) << i, false);
}

void mf_emb_watch_step(struct emb_client *client, uint64_t now_ns, bool is_cut)
{
	const struct metafora_host *host = client->link.host;
	const uint64_t watch = client->watch;

	if (!watch)
		return;
	if (is_cut) {
		if (client->watch_is_up)
			client->sink->watch_link(host, false, 0);
		client->watch_is_up = false;
		return;
	}
	if (!client->watch_is_up) {
		client->watch_is_up = true;
		set_dirty(client, EMB_ALL_BUCKETS, true);
		client->sink->watch_link(host, true, EMB_BUCKETS);
	}
	if (client->watch != watch || now_ns < client->watch_ns)
		return;
	client->watch_ns = now_ns + PAUSE_NS;
	look(client);
}
