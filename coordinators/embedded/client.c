/* SPDX-License-Identifier: Apache-2.0 */
/* The client side of the embedded coordinator: its requests and its steps. */
#include "request.h"

#include <stdlib.h>
#include <string.h>

/* --- requests that are under way ------------------------------------------------ */

/* Give the reply, take the request out of the client, free it. */
static void reply(struct emb_client *client, struct emb_request *request)
{
	client->sink->reply(client->link.host, request->id, &request->reply);
	mf_emb_request_free(client, request);
}

static void request_end(struct emb_link *link, struct emb_message *message,
			enum emb_fate fate)
{
	struct emb_client *client = (struct emb_client *)link;
	struct emb_request *request = (struct emb_request *)message;

	if (fate == EMB_DELIVERED) {
		reply(client, request);
	} else if (fate == EMB_DROPPED) {
		mf_emb_request_free(client, request);
	} else if (mf_emb_request_is_write(request)) {
		memset(&request->reply, 0, sizeof(request->reply));
		request->reply.error = METAFORA_EUNKNOWN;
		TAILQ_INSERT_TAIL(&client->failed.messages, message, entry);
	} else {
		/* A read can be made again. */
		mf_emb_request_reset(request);
		request->state = EMB_PENDING;
		TAILQ_INSERT_TAIL(&client->pending, request, in_state);
	}
}

/* Have the broker carry out a request.  The link is not cut; lock held. */
static void execute(struct emb_client *client, struct emb_request *request)
{
	if (mf_emb_request_execute(client, request)) {
		request->state = EMB_ANSWERED;
		mf_emb_send(&client->link, &client->link.queue,
			    &request->message, 0);
	} else {
		request->state = EMB_IN_BROKER;
	}
}

void mf_emb_request_done(struct emb_request *request, int error,
			 struct emb_blob *result)
{
	struct emb_client *client = request->client;

	request->reply.error = error;
	request->blob = result;
	request->reply.data = result ? result->bytes : NULL;
	request->reply.size_bytes = result ? result->size_bytes : 0;
	request->state = EMB_DONE;
	TAILQ_INSERT_TAIL(&client->done, request, in_state);
	mf_emb_wake(&client->link);
}

/* Send the answers of what has ended, execute what is pending. */
static void exchange(struct emb_client *client)
{
	struct emb_link *link = &client->link;
	struct emb_request *request;

	pthread_mutex_lock(&link->broker->lock);
	while ((request = TAILQ_FIRST(&client->done))) {
		TAILQ_REMOVE(&client->done, request, in_state);
		request->state = EMB_ANSWERED;
		mf_emb_send(link, &link->queue, &request->message, 0);
	}
	while ((request = TAILQ_FIRST(&client->pending))) {
		TAILQ_REMOVE(&client->pending, request, in_state);
		execute(client, request);
	}
	pthread_mutex_unlock(&link->broker->lock);
}

static void set_timer(struct emb_client *client)
{
	struct emb_link *link = &client->link;
	uint64_t at_ns = mf_emb_queue_next_ns(&link->queue);
	uint64_t other_ns;

	/* Who waits for the end of a dead node has to see to it. */
	pthread_mutex_lock(&link->broker->lock);
	if (!TAILQ_EMPTY(&client->requests) || client->watch) {
		other_ns = mf_emb_next_expiry_ns(link->broker);
		at_ns = other_ns < at_ns ? other_ns : at_ns;
	}
	other_ns = mf_emb_watch_next_ns(client);
	at_ns = other_ns < at_ns ? other_ns : at_ns;
	pthread_mutex_unlock(&link->broker->lock);
	if (at_ns == EMB_NEVER)
		link->host->timer_cancel(link->host, link->timer);
	else
		link->host->timer_set(link->host, link->timer, at_ns);
}

static void drop_all(struct emb_client *client)
{
	struct emb_request *request;

	while ((request = TAILQ_FIRST(&client->requests)))
		mf_emb_request_withdraw(client, request);
}

static void finish(struct emb_client *client)
{
	drop_all(client);
	if (!mf_emb_link_detach(&client->link) || client->closed)
		return;
	client->closed = true;
	client->sink->closed(client->link.host);
}

static void step(struct emb_link *link)
{
	struct emb_client *client = (struct emb_client *)link;
	const uint64_t now_ns = link->host->now_ns(link->host);
	uint64_t n_cuts;
	bool is_cut;

	/* Every reply may have closed us. */
	if (!client->closing) {
		pthread_mutex_lock(&link->broker->lock);
		mf_emb_reap(link->broker, now_ns);
		n_cuts = link->faults->n_cuts;
		is_cut = link->faults->cut;
		pthread_mutex_unlock(&link->broker->lock);
		if (n_cuts != link->n_cuts) {
			link->n_cuts = n_cuts;
			mf_emb_queue_clear(&link->queue, link, EMB_LOST);
		}
		mf_emb_queue_deliver(&client->failed, link, EMB_NEVER);
		mf_emb_queue_deliver(&link->queue, link, now_ns);
		if (!client->closing && !is_cut)
			exchange(client);
		if (!client->closing)
			mf_emb_watch_step(client, now_ns, is_cut);
		if (!client->closing)
			set_timer(client);
	}
	if (client->closing)
		finish(client);
}

/* --- operations --------------------------------------------------------------------- */

/* Take a request up; it is executed now, or when the link is mended. */
static void begin(struct emb_client *client, struct emb_request *request)
{
	struct emb_link *link = &client->link;

	pthread_mutex_lock(&link->broker->lock);
	mf_emb_reap(link->broker, link->host->now_ns(link->host));
	if (link->faults->cut || !TAILQ_EMPTY(&client->pending)) {
		request->state = EMB_PENDING;
		TAILQ_INSERT_TAIL(&client->pending, request, in_state);
	} else {
		execute(client, request);
	}
	mf_emb_wake(link);
	pthread_mutex_unlock(&link->broker->lock);
}

/* There was no memory for the request: say so, if that is possible. */
static void refuse(struct emb_client *client, uint64_t id)
{
	struct emb_request *request = client->reserve;

	if (!request) {
		/* Its caller's timeout ends it. */
		client->link.host->log(client->link.host, METAFORA_LOG_WARN,
				       "request dropped for lack of memory");
		return;
	}
	client->reserve = NULL;
	mf_emb_request_init(client, request, EMB_REFUSED, id);
	request->reply.error = METAFORA_ENOMEM;
	request->state = EMB_ANSWERED;
	TAILQ_INSERT_TAIL(&client->failed.messages, &request->message, entry);
	mf_emb_kick(&client->link);
}

static void client_submit(void *state, uint64_t id,
			  const struct metafora_submission *submissions,
			  size_t n)
{
	struct emb_client *client = state;
	struct emb_request *request =
		mf_emb_submit_new(client, id, submissions, n);

	if (request)
		begin(client, request);
	else
		refuse(client, id);
}

/* A request with up to two texts, or a text and data. */
static void ask(struct emb_client *client, enum emb_request_kind kind,
		uint64_t id, const char *text, const void *data,
		size_t size_bytes, size_t limit)
{
	struct emb_request *request = mf_emb_request_new(
		client, kind, id, text, data, size_bytes, limit);

	if (request)
		begin(client, request);
	else
		refuse(client, id);
}

static void client_remove(void *state, uint64_t request, const char *task)
{
	ask(state, EMB_REMOVE, request, task, NULL, 0, 0);
}

static void client_list(void *state, uint64_t request, const char *prefix,
			const char *after, size_t limit)
{
	ask(state, EMB_LIST, request, prefix, after, strlen(after) + 1, limit);
}

static void client_get(void *state, uint64_t request, const char *task)
{
	ask(state, EMB_GET, request, task, NULL, 0, 0);
}

static void client_nodes(void *state, uint64_t request)
{
	ask(state, EMB_NODES, request, "", NULL, 0, 0);
}

static void client_command(void *state, uint64_t request, const char *node,
			   const void *data, size_t size_bytes)
{
	ask(state, EMB_COMMAND, request, node, data, size_bytes, 0);
}

static void client_describe(void *state, uint64_t request, const char *task)
{
	ask(state, EMB_DESCRIBE, request, task, NULL, 0, 0);
}

static void client_command_send(void *state, uint64_t request, const char *node,
				const void *data, size_t size_bytes)
{
	ask(state, EMB_COMMAND_SEND, request, node, data, size_bytes, 0);
}

static void client_watch(void *state, uint64_t request)
{
	mf_emb_watch_begin(state, request);
}

static void client_cancel(void *state, uint64_t id)
{
	struct emb_client *client = state;
	struct emb_request *request;

	if (id && id == client->watch) {
		mf_emb_watch_end(client);
		return;
	}
	TAILQ_FOREACH(request, &client->requests, entry) {
		if (request->id == id) {
			mf_emb_request_withdraw(client, request);
			return;
		}
	}
}

static void client_close(void *state)
{
	struct emb_client *client = state;

	client->closing = true;
	mf_emb_watch_end(client);
	drop_all(client);
	mf_emb_kick(&client->link);
}

static void client_free(void *state)
{
	struct emb_client *client = state;

	drop_all(client);
	mf_emb_link_fini(&client->link);
	free(client->reserve);
	free(client);
}

static int client_open(void *config, const struct metafora_host *host,
		       const struct metafora_client_sink *sink, void **state)
{
	struct emb_client *client = calloc(1, sizeof(*client));
	int error = METAFORA_ENOMEM;

	if (!client)
		return METAFORA_ENOMEM;
	client->reserve = calloc(1, sizeof(*client->reserve));
	if (!client->reserve)
		goto fail;
	client->sink = sink;
	client->request_end = request_end;
	TAILQ_INIT(&client->requests);
	TAILQ_INIT(&client->pending);
	TAILQ_INIT(&client->done);
	mf_emb_queue_init(&client->failed);
	error = mf_emb_link_init(&client->link, host, config, NULL, step);
	if (error)
		goto fail;
	*state = client;
	return 0;
fail:
	free(client->reserve);
	free(client);
	return error;
}

const struct metafora_client_ops mf_emb_client_ops = {
	.abi_version = METAFORA_COORDINATOR_ABI,
	.size = sizeof(struct metafora_client_ops),
	.name = "embedded",
	.open = client_open,
	.submit = client_submit,
	.remove = client_remove,
	.list = client_list,
	.get = client_get,
	.nodes = client_nodes,
	.command = client_command,
	.cancel = client_cancel,
	.close = client_close,
	.free = client_free,
	.list_details = client_list, /* all is at hand */
	.describe = client_describe,
	.command_send = client_command_send,
	.watch = client_watch,
};
