/* SPDX-License-Identifier: Apache-2.0 */
/* A client: a loop of its own that passes requests to a coordinator. */
#include <metafora/error.h>
#include <stddef.h>
#include <stdlib.h>

#include "clock.h"
#include "request.h"

/* The client that a post is a member of. */
#define CLIENT_OF(post, member)                                                \
	((struct metafora_client *)(void *)((char *)(post)-offsetof(           \
		struct metafora_client, member)))

/* --- the life of a request ------------------------------------------------- */

/* One place for requests is free again. */
static void give_place_back(struct metafora_client *client)
{
	pthread_mutex_lock(&client->lock);
	client->n_requests--;
	pthread_mutex_unlock(&client->lock);
}

static void request_free(struct mf_request *request)
{
	free(request->data);
	free(request);
}

/*
 * The end of every request.  The place is given back first, so that fn can
 * make the next request even if this was the last one there was room for.
 */
static void request_end(struct mf_request *request,
			const struct metafora_reply *reply)
{
	give_place_back(request->client);
	request->fn(request->arg, reply);
	request_free(request);
}

static void request_fail(struct mf_request *request, int error)
{
	const struct metafora_reply reply = mf_reply_error(error);

	request_end(request, &reply);
}

/* Owner: the plug-in's answer to it, if one comes, is no longer waited for. */
static void request_take_out(struct mf_request *request)
{
	struct metafora_client *client = request->client;

	mf_loop_timer_cancel(&client->loop, &request->timer);
	HASH_DEL(client->requests, request);
}

static void on_timeout(void *arg)
{
	struct mf_request *request = arg;
	struct metafora_client *client = request->client;

	request_take_out(request);
	client->ops->cancel(client->state, request->number);
	request_fail(request, METAFORA_ETIMEDOUT);
}

static void request_send(struct mf_request *request)
{
	struct metafora_client *client = request->client;

	request->number = ++client->n_requests_ever;
	HASH_ADD(hh, client->requests, number, sizeof(request->number),
		 request);
	if (!request->hh.tbl) {
		request_fail(request, METAFORA_ENOMEM);
		return;
	}
	mf_timer_init(&request->timer, on_timeout, request);
	mf_loop_timer_set(&client->loop, &request->timer, request->deadline_ns);
	request->kind->send(client, request);
}

/*
 * Dropped: the client has ended meanwhile, and this may be the thread of the
 * poster, so nothing of the owner's may be looked at.
 */
static void deliver_request(struct metafora_post *post, bool dropped)
{
	struct mf_request *request = (struct mf_request *)(void *)post;
	struct metafora_client *client = request->client;

	if (dropped || client->closing)
		request_fail(request, METAFORA_ESTOPPED);
	else if (!client->is_open)
		request_fail(request, client->fate);
	else
		request_send(request);
}

int mf_request_new(struct metafora_client *client,
		   const struct mf_request_kind *kind, size_t tail_bytes,
		   struct mf_request **out)
{
	struct mf_request *request;
	int error = 0;

	pthread_mutex_lock(&client->lock);
	if (client->refusing)
		error = METAFORA_ESTOPPED;
	else if (client->n_requests == MF_CLIENT_REQUESTS_MAX)
		error = METAFORA_EFULL;
	else
		client->n_requests++;
	pthread_mutex_unlock(&client->lock);
	if (error)
		return error;
	request = calloc(1, sizeof(*request) + tail_bytes);
	if (!request) {
		give_place_back(client);
		return METAFORA_ENOMEM;
	}
	request->client = client;
	request->kind = kind;
	*out = request;
	return 0;
}

void mf_request_post(struct mf_request *request, uint64_t deadline_ns,
		     mf_reply_fn fn, void *arg)
{
	request->post.deliver = deliver_request;
	request->deadline_ns = deadline_ns;
	request->fn = fn;
	request->arg = arg;
	mf_loop_post(&request->client->loop, &request->post);
}

/* --- what the plug-in says ------------------------------------------------- */

static struct metafora_client *client_of(const struct metafora_host *host)
{
	return mf_host_of(host)->owner;
}

/* What a request gets of an answer: nothing that makes no sense. */
static struct metafora_reply checked(const struct mf_request *request,
				     const struct metafora_reply *reply)
{
	const struct mf_request_kind *kind = request->kind;

	if (!reply || reply->error > 0)
		return mf_reply_error(METAFORA_EPROTO);
	if (reply->error && !kind->error_has_data)
		return mf_reply_error(reply->error);
	if (kind->valid && !kind->valid(request, reply))
		return mf_reply_error(METAFORA_EPROTO);
	return *reply;
}

static void on_reply(const struct metafora_host *host, uint64_t number,
		     const struct metafora_reply *reply)
{
	struct metafora_client *client = client_of(host);
	struct metafora_reply answer;
	struct mf_request *request;

	if (number && number == client->watching.request) {
		mf_watch_failed(client, reply && reply->error < 0
						? reply->error
						: METAFORA_EPROTO);
		return;
	}
	HASH_FIND(hh, client->requests, &number, sizeof(number), request);
	/* Timed out, or closed: that the answer comes late is no fault. */
	if (!request)
		return;
	answer = checked(request, reply);
	if (answer.error == METAFORA_EPROTO)
		mf_log(&client->log, METAFORA_LOG_WARN,
		       "malformed answer coordinator=%s request=%s",
		       client->ops->name, request->kind->name);
	request_take_out(request);
	request_end(request, &answer);
}

static void on_closed(const struct metafora_host *host)
{
	struct metafora_client *client = client_of(host);

	if (client->gone)
		return;
	client->gone = true;
	mf_loop_timer_cancel(&client->loop, &client->close_timer);
	/* Its state must not be freed in here, within its own call. */
	mf_loop_post(&client->loop, &client->end_post);
}

static const struct metafora_client_sink sink = {
	.abi_version = METAFORA_COORDINATOR_ABI,
	.size = sizeof(sink),
	.reply = on_reply,
	.closed = on_closed,
	.watch_link = mf_watch_link,
	.watch_tasks = mf_watch_tasks,
	.watch_members = mf_watch_nodes,
};

/* --- opening ---------------------------------------------------------------- */

static void deliver_open(struct metafora_post *post, bool dropped)
{
	struct metafora_client *client = CLIENT_OF(post, open_post);

	/* Never dropped: it is the first, and the loop quits by a later one. */
	(void)dropped;
	client->fate =
		client->ops->open(client->coordinator->config,
				  &client->host.table, &sink, &client->state);
	if (client->fate > 0)
		client->fate = METAFORA_EPROTO;
	client->is_open = !client->fate;
	if (client->is_open)
		mf_log(&client->log, METAFORA_LOG_DEBUG,
		       "client opened coordinator=%s", client->ops->name);
	else
		mf_log(&client->log, METAFORA_LOG_ERROR,
		       "client cannot open coordinator=%s error=%s",
		       client->ops->name, metafora_strerror(client->fate));
	pthread_mutex_lock(&client->lock);
	client->opened = true;
	client->open_error = client->fate;
	pthread_cond_broadcast(&client->changed);
	pthread_mutex_unlock(&client->lock);
}

/* --- closing ----------------------------------------------------------------- */

static void deliver_end(struct metafora_post *post, bool dropped)
{
	struct metafora_client *client = CLIENT_OF(post, end_post);

	(void)dropped;
	if (client->is_open && !client->stuck)
		client->ops->free(client->state);
	mf_loop_quit(&client->loop);
}

static void on_close_timeout(void *arg)
{
	struct metafora_client *client = arg;

	mf_log(&client->log, METAFORA_LOG_ERROR,
	       "coordinator does not close, left behind coordinator=%s",
	       client->ops->name);
	client->gone = true;
	client->stuck = true;
	mf_loop_post(&client->loop, &client->end_post);
}

static void deliver_close(struct metafora_post *post, bool dropped)
{
	struct metafora_client *client = CLIENT_OF(post, close_post);
	struct mf_request *request, *next;

	(void)dropped;
	client->closing = true;
	mf_watching_end(client);
	HASH_ITER(hh, client->requests, request, next) {
		request_take_out(request);
		request_fail(request, METAFORA_ESTOPPED);
	}
	if (!client->is_open) {
		client->gone = true;
		mf_loop_post(&client->loop, &client->end_post);
		return;
	}
	mf_loop_timer_set(&client->loop, &client->close_timer,
			  mf_clock_add_ms(mf_loop_now_ns(&client->loop),
					  MF_CLIENT_CLOSE_MAX_MS));
	client->ops->close(client->state);
}

void mf_client_close(struct metafora_client *client)
{
	bool first;

	pthread_mutex_lock(&client->lock);
	first = !client->refusing;
	client->refusing = true;
	pthread_mutex_unlock(&client->lock);
	if (!first)
		return;
	mf_gate_open(&client->refuses);
	mf_loop_post(&client->loop, &client->close_post);
}

/* --- making and freeing ------------------------------------------------------ */

static int init_lock(struct metafora_client *client)
{
	if (pthread_mutex_init(&client->lock, NULL))
		return METAFORA_ESYS;
	if (pthread_cond_init(&client->changed, NULL)) {
		pthread_mutex_destroy(&client->lock);
		return METAFORA_ESYS;
	}
	return 0;
}

/* Everything but the reference to the coordinator.  The loop does not run. */
static void destroy(struct metafora_client *client)
{
	mf_loop_fini(&client->loop);
	mf_gate_fini(&client->refuses);
	pthread_cond_destroy(&client->changed);
	pthread_mutex_destroy(&client->lock);
	free(client);
}

static bool level_valid(enum metafora_log_level level)
{
	return metafora_log_level_name(level) != NULL;
}

int mf_client_new_on(struct mf_runtime *runtime,
		     struct metafora_coordinator *coordinator,
		     metafora_log_fn log, void *log_arg,
		     enum metafora_log_level level,
		     struct metafora_client **out)
{
	struct metafora_client *client;
	int error;

	if (!coordinator || !out || !level_valid(level))
		return METAFORA_EINVAL;
	if (!coordinator->client_ops)
		return METAFORA_ENOTSUP;
	client = calloc(1, sizeof(*client));
	if (!client)
		return METAFORA_ENOMEM;
	client->log.fn = log;
	client->log.arg = log_arg;
	client->log.level = level;
	client->ops = coordinator->client_ops;
	client->open_post.deliver = deliver_open;
	client->close_post.deliver = deliver_close;
	client->end_post.deliver = deliver_end;
	mf_timer_init(&client->close_timer, on_close_timeout, client);
	mf_gate_init(&client->refuses);
	mf_watching_init(client);
	error = init_lock(client);
	if (error)
		goto free_client;
	error = mf_loop_init(&client->loop, runtime, "client", NULL, NULL);
	if (error)
		goto destroy_lock;
	mf_host_init(&client->host, &client->loop, &client->log, client);
	client->coordinator = mf_coordinator_ref(coordinator);
	error = mf_loop_start(&client->loop);
	if (error) {
		metafora_coordinator_free(coordinator);
		destroy(client);
		return error;
	}
	/* Nobody else knows the client yet, so this comes first. */
	mf_loop_post(&client->loop, &client->open_post);
	*out = client;
	return 0;

destroy_lock:
	mf_gate_fini(&client->refuses);
	pthread_cond_destroy(&client->changed);
	pthread_mutex_destroy(&client->lock);
free_client:
	free(client);
	return error;
}

int metafora_client_new(struct metafora_coordinator *coordinator,
			metafora_log_fn log, void *log_arg,
			enum metafora_log_level level,
			struct metafora_client **out)
{
	struct metafora_client *client;
	int error;

	if (!out)
		return METAFORA_EINVAL;
	error = mf_client_new_on(mf_runtime_threads(), coordinator, log,
				 log_arg, level, &client);
	if (error)
		return error;
	/* The client's thread only has to start: open does not block. */
	pthread_mutex_lock(&client->lock);
	while (!client->opened)
		pthread_cond_wait(&client->changed, &client->lock);
	error = client->open_error;
	pthread_mutex_unlock(&client->lock);
	if (error) {
		metafora_client_free(client);
		return error;
	}
	*out = client;
	return 0;
}

void metafora_client_close(struct metafora_client *client)
{
	if (client)
		mf_client_close(client);
}

void metafora_client_free(struct metafora_client *client)
{
	if (!client)
		return;
	if (mf_loop_is_owner(&client->loop)) {
		mf_log(&client->log, METAFORA_LOG_ERROR,
		       "client freed from its own thread, ignored");
		return;
	}
	mf_client_close(client);
	mf_loop_join(&client->loop);
	/* Those who waited for an answer have it; let them get out of here. */
	pthread_mutex_lock(&client->lock);
	while (client->n_callers)
		pthread_cond_wait(&client->changed, &client->lock);
	pthread_mutex_unlock(&client->lock);
	/*
	 * A plug-in that has not closed may still use its state, and the
	 * host: leaving them to it leaks, freeing them could do anything.
	 */
	if (client->stuck)
		return;
	metafora_coordinator_free(client->coordinator);
	destroy(client);
}
