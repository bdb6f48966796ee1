/* SPDX-License-Identifier: Apache-2.0 */
/* Recorder of a client side: requests and the replies to them. */
#include <stdlib.h>
#include <string.h>

#include "plugin.h"
#include "recorder.h"
#include "recorder_util.h"

#define CLOSE_MAX_MS 60000

static struct rec_client *begin(const struct metafora_host *host)
{
	struct rec_client *client = mf_host_of(host)->owner;

	pthread_mutex_lock(&client->site->lock);
	if (client->in_op)
		rec_violation(&client->violation,
			      "answered inside an operation");
	if (!mf_loop_is_owner(&client->loop))
		rec_violation(&client->violation, "answered on another thread");
	if (client->closed)
		rec_violation(&client->violation, "something after closed");
	return client;
}

static void end(struct rec_client *client)
{
	pthread_cond_broadcast(&client->site->changed);
	pthread_mutex_unlock(&client->site->lock);
}

static void copy_rows(struct rec_reply *copy,
		      const struct metafora_reply *reply)
{
	const struct metafora_task_row *row;
	size_t i;

	copy->rows = rec_alloc(reply->n_tasks * sizeof(*copy->rows));
	for (i = 0; i < reply->n_tasks; i++) {
		row = &reply->tasks[i];
		copy->rows[i].task = rec_copy(row->task);
		copy->rows[i].owner = row->owner ? rec_copy(row->owner) : NULL;
		copy->rows[i].token = row->token;
		copy->rows[i].since_ms = row->since_ms;
	}
	copy->n_rows = reply->n_tasks;
	copy->more = reply->more;
}

static void copy_members(struct rec_reply *copy,
			 const struct metafora_reply *reply)
{
	size_t i;

	copy->members = rec_alloc(reply->n_members * sizeof(*copy->members));
	for (i = 0; i < reply->n_members; i++) {
		rec_member_copy(&copy->members[i], &reply->members[i].record);
		copy->members[i].n_owned = reply->members[i].n_owned;
	}
	copy->n_members = reply->n_members;
}

static void copy_waiters(struct rec_reply *copy,
			 const struct metafora_reply *reply)
{
	size_t i;

	copy->waiters = rec_alloc(reply->n_waiters * sizeof(char *));
	for (i = 0; i < reply->n_waiters; i++)
		copy->waiters[i] = rec_copy(reply->waiters[i]);
	copy->n_waiters = reply->n_waiters;
	copy->submitted_ms = reply->submitted_ms;
}

static void on_reply(const struct metafora_host *host, uint64_t request,
		     const struct metafora_reply *reply)
{
	struct rec_client *client = begin(host);
	struct rec_reply *copy;

	if (request == 0 || request > client->n_requests) {
		rec_violation(&client->violation, "a reply nobody asked for");
		end(client);
		return;
	}
	copy = client->replies[request - 1];
	if (copy->came)
		rec_violation(&client->violation, "two replies to a request");
	copy->came = true;
	copy->error = reply->error;
	copy->data = rec_copy_bytes(reply->data, reply->size_bytes);
	copy->size_bytes = reply->size_bytes;
	if (reply->error == 0) {
		copy->errors = rec_copy_bytes(reply->errors,
					      reply->n_errors * sizeof(int));
		copy->n_errors = reply->n_errors;
		copy_rows(copy, reply);
		copy_members(copy, reply);
		copy_waiters(copy, reply);
	}
	end(client);
}

static void on_closed(const struct metafora_host *host)
{
	struct rec_client *client = begin(host);

	client->closed = true;
	end(client);
}

/* --- what a watch sees --------------------------------------------------------- */

static void reply_free(struct rec_reply *reply);

static struct rec_client *begin_watched(const struct metafora_host *host)
{
	struct rec_client *client = begin(host);

	if (!client->watch)
		rec_violation(&client->violation, "told, but does not watch");
	return client;
}

/* Everything is to be seen again. */
static void forget_watched(struct rec_client *client)
{
	uint32_t i;

	for (i = 0; i < client->n_buckets; i++)
		if (client->buckets[i])
			reply_free(client->buckets[i]);
	free(client->buckets);
	if (client->watched_nodes)
		reply_free(client->watched_nodes);
	client->buckets = NULL;
	client->n_buckets = 0;
	client->watched_nodes = NULL;
}

static void on_watch_link(const struct metafora_host *host, bool connected,
			  uint32_t n_buckets)
{
	struct rec_client *client = begin_watched(host);

	client->watch_is_up = connected;
	client->n_ups += connected;
	client->n_downs += !connected;
	if (connected) {
		forget_watched(client);
		client->buckets =
			rec_alloc(n_buckets * sizeof(struct rec_reply *));
		client->n_buckets = n_buckets;
	}
	end(client);
}

static void on_watch_tasks(const struct metafora_host *host, uint32_t bucket,
			   const struct metafora_task_row *rows, size_t n)
{
	const struct metafora_reply reply = {.tasks = rows, .n_tasks = n};
	struct rec_client *client = begin_watched(host);
	struct rec_reply *copy = rec_alloc(sizeof(*copy));
	size_t i;

	copy_rows(copy, &reply);
	for (i = 1; i < n; i++)
		if (strcmp(rows[i - 1].task, rows[i].task) >= 0)
			rec_violation(&client->violation, "not sorted");
	if (bucket >= client->n_buckets || !client->watch_is_up) {
		rec_violation(&client->violation, "no such bucket");
		reply_free(copy);
	} else {
		if (client->buckets[bucket])
			reply_free(client->buckets[bucket]);
		client->buckets[bucket] = copy;
	}
	end(client);
}

static void on_watch_members(const struct metafora_host *host,
			     const struct metafora_member_row *rows, size_t n)
{
	const struct metafora_reply reply = {.members = rows, .n_members = n};
	struct rec_client *client = begin_watched(host);
	struct rec_reply *copy = rec_alloc(sizeof(*copy));

	copy_members(copy, &reply);
	if (client->watched_nodes)
		reply_free(client->watched_nodes);
	client->watched_nodes = copy;
	end(client);
}

const struct rec_row *rec_watched_task(const struct rec_client *client,
				       const char *task)
{
	uint32_t b;
	size_t i;

	for (b = 0; b < client->n_buckets; b++) {
		const struct rec_reply *seen = client->buckets[b];

		for (i = 0; seen && i < seen->n_rows; i++)
			if (strcmp(seen->rows[i].task, task) == 0)
				return &seen->rows[i];
	}
	return NULL;
}

const struct rec_member *rec_watched_node(const struct rec_client *client,
					  const char *node)
{
	const struct rec_reply *seen = client->watched_nodes;
	size_t i;

	for (i = 0; seen && i < seen->n_members; i++)
		if (strcmp(seen->members[i].node, node) == 0)
			return &seen->members[i];
	return NULL;
}

bool rec_watch_is_complete(const struct rec_client *client)
{
	uint32_t b;

	for (b = 0; b < client->n_buckets; b++)
		if (!client->buckets[b])
			return false;
	return client->watch_is_up && client->watched_nodes != NULL;
}

static const struct metafora_client_sink client_sink = {
	.abi_version = METAFORA_COORDINATOR_ABI,
	.size = sizeof(client_sink),
	.reply = on_reply,
	.closed = on_closed,
	.watch_link = on_watch_link,
	.watch_tasks = on_watch_tasks,
	.watch_members = on_watch_members,
};

/* --- life ------------------------------------------------------------------------ */

struct opening {
	struct rec_client *client;
	struct metafora_coordinator *coordinator;
	int error;
};

static void open_client(void *arg)
{
	struct opening *opening = arg;
	struct rec_client *client = opening->client;

	client->in_op = true;
	opening->error = client->ops->open(opening->coordinator->config,
					   &client->host.table, &client_sink,
					   &client->state);
	client->in_op = false;
	if (opening->error)
		mf_loop_quit(&client->loop);
}

/* After the side was freed, or never was. */
static void end_loop(struct rec_client *client)
{
	mf_loop_join(&client->loop);
	mf_loop_fini(&client->loop);
	client->state = NULL;
}

struct rec_client *rec_client_open(struct site *site,
				   struct metafora_coordinator *coordinator)
{
	struct rec_client *client = rec_alloc(sizeof(*client));
	struct opening opening = {client, coordinator, 0};

	client->site = site;
	client->ops = coordinator->client_ops;
	rec_loop_start(site, &client->loop, "client");
	mf_host_init(&client->host, &client->loop, &client->log, client);
	site_call(site, &client->loop, open_client, &opening);
	if (!opening.error)
		return client;
	end_loop(client);
	rec_client_free(client);
	return NULL;
}

static bool is_closed(void *arg)
{
	const struct rec_client *client = arg;

	return client->closed;
}

static void close_client(void *arg)
{
	struct rec_client *client = arg;

	client->in_op = true;
	client->ops->close(client->state);
	client->in_op = false;
}

static void free_side(void *arg)
{
	struct rec_client *client = arg;

	client->ops->free(client->state);
	mf_loop_quit(&client->loop);
}

void rec_client_close(struct rec_client *client)
{
	if (!client->state)
		return;
	site_call(client->site, &client->loop, close_client, client);
	if (!site_wait(client->site, is_closed, client, CLOSE_MAX_MS))
		rec_die("closed does not come");
	site_call(client->site, &client->loop, free_side, client);
	end_loop(client);
}

static void reply_free(struct rec_reply *reply)
{
	size_t i;

	for (i = 0; i < reply->n_rows; i++) {
		free(reply->rows[i].task);
		free(reply->rows[i].owner);
	}
	free(reply->rows);
	for (i = 0; i < reply->n_waiters; i++)
		free(reply->waiters[i]);
	free(reply->waiters);
	rec_members_free(reply->members, reply->n_members);
	free(reply->errors);
	free(reply->data);
	free(reply);
}

void rec_client_free(struct rec_client *client)
{
	size_t i;

	rec_client_close(client);
	for (i = 0; i < client->n_requests; i++)
		reply_free(client->replies[i]);
	free(client->replies);
	forget_watched(client);
	free(client->violation);
	free(client);
}

/* --- requests ---------------------------------------------------------------------- */

struct asking {
	struct rec_client *client;
	void (*fn)(const struct asking *asking);
	uint64_t request;
	const char *text; /* task, prefix, node */
	const char *after;
	size_t limit;
	const void *data;
	size_t n; /* bytes of data, or submissions */
};

static void ask_on_owner(void *arg)
{
	const struct asking *asking = arg;

	asking->client->in_op = true;
	asking->fn(asking);
	asking->client->in_op = false;
}

static uint64_t ask(struct asking *asking,
		    void (*fn)(const struct asking *asking))
{
	struct rec_client *client = asking->client;
	struct rec_reply *reply;

	pthread_mutex_lock(&client->site->lock);
	client->replies = rec_grow(client->replies, client->n_requests,
				   sizeof(struct rec_reply *));
	reply = rec_alloc(sizeof(*reply));
	client->replies[client->n_requests++] = reply;
	reply->request = client->n_requests;
	pthread_mutex_unlock(&client->site->lock);
	asking->fn = fn;
	asking->request = client->n_requests;
	site_call(client->site, &client->loop, ask_on_owner, asking);
	return asking->request;
}

static void submit(const struct asking *a)
{
	a->client->ops->submit(a->client->state, a->request, a->data, a->n);
}

uint64_t rec_submit(struct rec_client *client,
		    const struct metafora_submission *submissions, size_t n)
{
	struct asking a = {.client = client, .data = submissions, .n = n};

	return ask(&a, submit);
}

static void remove_task(const struct asking *a)
{
	a->client->ops->remove(a->client->state, a->request, a->text);
}

uint64_t rec_remove(struct rec_client *client, const char *task)
{
	struct asking a = {.client = client, .text = task};

	return ask(&a, remove_task);
}

static void list(const struct asking *a)
{
	a->client->ops->list(a->client->state, a->request, a->text, a->after,
			     a->limit);
}

uint64_t rec_list(struct rec_client *client, const char *prefix,
		  const char *after, size_t limit)
{
	struct asking a = {
		.client = client,
		.text = prefix,
		.after = after,
		.limit = limit,
	};

	return ask(&a, list);
}

static void list_details(const struct asking *a)
{
	a->client->ops->list_details(a->client->state, a->request, a->text,
				     a->after, a->limit);
}

uint64_t rec_list_details(struct rec_client *client, const char *prefix,
			  const char *after, size_t limit)
{
	struct asking a = {
		.client = client,
		.text = prefix,
		.after = after,
		.limit = limit,
	};

	return ask(&a, list_details);
}

static void describe(const struct asking *a)
{
	a->client->ops->describe(a->client->state, a->request, a->text);
}

uint64_t rec_describe(struct rec_client *client, const char *task)
{
	struct asking a = {.client = client, .text = task};

	return ask(&a, describe);
}

static void get(const struct asking *a)
{
	a->client->ops->get(a->client->state, a->request, a->text);
}

uint64_t rec_get(struct rec_client *client, const char *task)
{
	struct asking a = {.client = client, .text = task};

	return ask(&a, get);
}

static void nodes(const struct asking *a)
{
	a->client->ops->nodes(a->client->state, a->request);
}

uint64_t rec_nodes(struct rec_client *client)
{
	struct asking a = {.client = client};

	return ask(&a, nodes);
}

static void check(const struct asking *a)
{
	a->client->ops->check(a->client->state, a->request, a->limit);
}

uint64_t rec_check(struct rec_client *client, bool repair)
{
	struct asking a = {.client = client, .limit = repair};

	return ask(&a, check);
}

static void command(const struct asking *a)
{
	a->client->ops->command(a->client->state, a->request, a->text, a->data,
				a->n);
}

uint64_t rec_command(struct rec_client *client, const char *node,
		     const void *data, size_t size_bytes)
{
	struct asking a = {
		.client = client,
		.text = node,
		.data = data,
		.n = size_bytes,
	};

	return ask(&a, command);
}

static void command_send(const struct asking *a)
{
	a->client->ops->command_send(a->client->state, a->request, a->text,
				     a->data, a->n);
}

uint64_t rec_command_send(struct rec_client *client, const char *node,
			  const void *data, size_t size_bytes)
{
	struct asking a = {
		.client = client,
		.text = node,
		.data = data,
		.n = size_bytes,
	};

	return ask(&a, command_send);
}

static void cancel(void *arg)
{
	const struct asking *a = arg;

	a->client->in_op = true;
	a->client->ops->cancel(a->client->state, a->request);
	a->client->in_op = false;
}

void rec_cancel(struct rec_client *client, uint64_t request)
{
	struct asking a = {.client = client, .request = request};

	site_call(client->site, &client->loop, cancel, &a);
}

static void watch(const struct asking *a)
{
	a->client->watch = a->request;
	a->client->ops->watch(a->client->state, a->request);
}

uint64_t rec_watch(struct rec_client *client)
{
	struct asking a = {.client = client};

	return ask(&a, watch);
}

static void unwatch(void *arg)
{
	const struct asking *a = arg;

	cancel(arg);
	a->client->watch = 0;
}

void rec_unwatch(struct rec_client *client)
{
	struct asking a = {.client = client, .request = client->watch};

	site_call(client->site, &client->loop, unwatch, &a);
}

bool rec_has_reply(const struct rec_client *client, uint64_t request)
{
	return client->replies[request - 1]->came;
}

struct expected {
	const struct rec_client *client;
	uint64_t request;
};

static bool has_come(void *arg)
{
	const struct expected *expected = arg;

	return rec_has_reply(expected->client, expected->request);
}

const struct rec_reply *rec_reply(struct rec_client *client, uint64_t request,
				  int64_t timeout_ms)
{
	struct expected expected = {client, request};

	if (!site_wait(client->site, has_come, &expected, timeout_ms))
		return NULL;
	return client->replies[request - 1];
}
