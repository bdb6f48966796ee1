/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client library of the simulated ensemble.  It runs on its owner's loop:
 * if that stands still, so does the library, as in a process that was stopped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakezk_int.h"

#define RETRY_NS_MAX (20 * MF_NS_PER_MS)

static struct fz_handle *handle_of(struct zk *zk)
{
	return (struct fz_handle *)zk;
}

static uint64_t timeout_ns(const struct fz_handle *handle)
{
	return (uint64_t)handle->timeout_ms * MF_NS_PER_MS;
}

/* --- sending ------------------------------------------------------------------------ */

static void drop_message(struct fz_event *event)
{
	fz_message_free((struct fz_message *)event);
}

static void arrive_at_server(struct fz_event *event)
{
	struct fz_message *message = (struct fz_message *)event;

	fz_server_receive(message->conn, message);
}

static void send_to_server(struct fz_handle *handle,
			   struct fz_message *message)
{
	struct fz_conn *conn = message->conn;
	uint64_t at_ns = fz_latency_ns(handle->fake);

	if (at_ns <= conn->in_ns)
		at_ns = conn->in_ns + 1;
	conn->in_ns = at_ns;
	handle->said_ns = fz_now_ns(handle->fake);
	fz_schedule(handle->fake, &message->event, at_ns, arrive_at_server,
		    drop_message);
}

static void copy_ops(struct fz_message *message,
		     const struct zk_request *request)
{
	size_t i;

	message->ops = fz_memdup(request->ops,
				 request->n_ops * sizeof(*request->ops));
	message->n_ops = request->n_ops;
	for (i = 0; i < request->n_ops; i++) {
		struct zk_op *op = &message->ops[i];

		op->path = fz_strdup(op->path);
		op->data = op->data ? fz_memdup(op->data, op->size_bytes) :
				      NULL;
	}
}

/* A member record says what node the handle belongs to. */
static void notice_name(struct fz_handle *handle,
			const struct zk_request *request)
{
	const char *at;
	size_t i;

	for (i = 0; i < request->n_ops; i++) {
		at = strstr(request->ops[i].path, "/nodes/");
		if (at && request->ops[i].kind == ZK_CREATE)
			fz_learn_name(handle->fake, handle->host, at + 7);
	}
}

static void deliver_answer(struct metafora_post *post, bool dropped)
{
	struct zk_request *request = (struct zk_request *)(uintptr_t)(
		(char *)post - offsetof(struct zk_request, post));

	if (!dropped)
		request->done(request);
}

static void post_answer(struct fz_handle *handle, struct zk_request *request,
			enum zk_code code)
{
	request->code = code;
	request->post.deliver = deliver_answer;
	handle->host->post(handle->host, &request->post);
}

static void fake_send(struct zk *zk, struct zk_request *request)
{
	struct fz_handle *handle = handle_of(zk);
	struct fz_message *message;

	request->zk = zk;
	request->names = NULL;
	request->n_names = 0;
	request->data = NULL;
	request->size_bytes = 0;
	if (request->kind == ZK_WRITE)
		notice_name(handle, request);
	if (!handle->connected || handle->closing) {
		post_answer(handle, request, ZK_UNSENT);
		return;
	}
	message = fz_message_new(handle->conn, FZ_REQUEST);
	message->request = request->kind;
	message->watch = request->watch;
	if (request->kind == ZK_WRITE)
		copy_ops(message, request);
	else
		message->path = fz_strdup(request->path);
	request->extra = (void *)(uintptr_t)message->id;
	request->next = NULL;
	request->prev = handle->last;
	if (handle->last)
		handle->last->next = request;
	else
		handle->first = request;
	handle->last = request;
	send_to_server(handle, message);
}

static struct zk_request *take_request(struct fz_handle *handle)
{
	struct zk_request *request = handle->first;

	handle->first = request->next;
	if (handle->first)
		handle->first->prev = NULL;
	else
		handle->last = NULL;
	return request;
}

/* --- connecting ----------------------------------------------------------------------- */

static void plan(struct fz_handle *handle);

static void tell(struct fz_handle *handle, enum zk_event_kind kind)
{
	const struct zk_event event = {
		.kind = kind,
		.session = handle->session,
		.timeout_ms = handle->timeout_ms,
	};

	handle->event(handle->event_arg, &event);
}

/* Everything under way has an unknown outcome; the owner is told in order. */
static void lose_connection(struct fz_handle *handle)
{
	bool told = handle->connected;

	if (handle->conn)
		handle->conn->handle = NULL;
	handle->conn = NULL;
	handle->connected = false;
	handle->next_ns = fz_now_ns(handle->fake) +
			  mf_prng_between(&handle->fake->prng, 0, RETRY_NS_MAX);
	while (handle->first)
		post_answer(handle, take_request(handle), ZK_UNKNOWN);
	plan(handle);
	if (told && !handle->closing)
		tell(handle, ZK_EVENT_CONNECTING);
}

static void connect_next(struct fz_handle *handle)
{
	struct fakezk *fake = handle->fake;
	struct fz_conn *conn = fz_alloc(sizeof(*conn));
	struct fz_message *message;

	handle->server = fake->steered >= 0 ?
				 (unsigned int)fake->steered :
				 (handle->server + 1) % fake->config.n_servers;
	conn->fake = fake;
	conn->handle = handle;
	conn->host = handle->host;
	conn->cut = fz_is_cut(fake, handle->host);
	conn->server = handle->server;
	TAILQ_INIT(&conn->queue);
	TAILQ_INSERT_TAIL(&fake->conns, conn, link);
	handle->conn = conn;
	handle->attempt_ns = fz_now_ns(fake) + timeout_ns(handle) / 8;
	message = fz_message_new(conn, FZ_SESSION);
	message->session = handle->session;
	message->timeout_ms = handle->target->timeout_ms;
	message->zxid = handle->zxid;
	send_to_server(handle, message);
	plan(handle);
}

static void send_watches(struct fz_handle *handle)
{
	struct fz_message *message = fz_message_new(handle->conn, FZ_WATCHES);
	const struct fz_watch *watch;

	message->zxid = handle->zxid;
	for (watch = handle->watches; watch; watch = watch->hh.next)
		fz_watch_add(&message->watches, watch->key + 1, watch->child);
	send_to_server(handle, message);
}

static void send_ping(struct fz_handle *handle)
{
	send_to_server(handle, fz_message_new(handle->conn, FZ_PING));
}

/* The next time at which anything is to be done. */
static void plan(struct fz_handle *handle)
{
	uint64_t at_ns;

	if (handle->closing || handle->expired)
		at_ns = MF_NEVER;
	else if (!handle->conn)
		at_ns = handle->next_ns;
	else if (!handle->connected)
		at_ns = handle->attempt_ns;
	else if (handle->said_ns + timeout_ns(handle) / 3 <
		 handle->heard_ns + timeout_ns(handle) * 2 / 3)
		at_ns = handle->said_ns + timeout_ns(handle) / 3;
	else
		at_ns = handle->heard_ns + timeout_ns(handle) * 2 / 3;
	if (at_ns == MF_NEVER)
		handle->host->timer_cancel(handle->host, handle->timer);
	else
		handle->host->timer_set(handle->host, handle->timer, at_ns);
}

static void on_timer(void *arg)
{
	struct fz_handle *handle = arg;
	uint64_t now = fz_now_ns(handle->fake);

	if (!handle->conn) {
		connect_next(handle);
	} else if (!handle->connected) {
		lose_connection(handle);
	} else if (now >= handle->heard_ns + timeout_ns(handle) * 2 / 3) {
		lose_connection(handle);
	} else {
		if (now >= handle->said_ns + timeout_ns(handle) / 3)
			send_ping(handle);
		plan(handle);
	}
}

/* --- receiving ------------------------------------------------------------------------- */

static void connected(struct fz_handle *handle, struct fz_message *message)
{
	handle->connected = true;
	handle->session = message->session;
	handle->timeout_ms = message->timeout_ms;
	send_watches(handle);
	tell(handle, ZK_EVENT_CONNECTED);
}

static void expired(struct fz_handle *handle)
{
	handle->expired = true;
	lose_connection(handle);
	tell(handle, ZK_EVENT_EXPIRED);
}

static void watch_fired(struct fz_handle *handle,
			const struct fz_message *message)
{
	const struct zk_event event = {
		.kind = message->fired,
		.path = message->path,
	};
	bool data = message->fired != ZK_EVENT_CHILDREN &&
		    fz_watch_take(&handle->watches, message->path, false);
	bool child = message->fired != ZK_EVENT_DATA &&
		     fz_watch_take(&handle->watches, message->path, true);

	if (data || child)
		handle->event(handle->event_arg, &event);
}

static void answered(struct fz_handle *handle, struct fz_message *message)
{
	struct zk_request *request = handle->first;
	size_t i;

	if (!request || (uintptr_t)request->extra != message->id) {
		puts("Bail out! fakezk: an answer out of order");
		fflush(stdout);
		abort();
	}
	take_request(handle);
	for (i = 0; i < message->n_ops; i++) {
		request->ops[i].code = message->ops[i].code;
		request->ops[i].sequence = message->ops[i].sequence;
		request->ops[i].stat = message->ops[i].stat;
	}
	if (request->kind != ZK_WRITE && request->watch &&
	    message->code == ZK_OK)
		fz_watch_add(&handle->watches, request->path,
			     request->kind == ZK_READ_CHILDREN);
	request->code = message->code;
	request->stat = message->stat;
	request->names = message->names;
	request->n_names = message->n_names;
	request->data = message->data;
	request->size_bytes = message->size_bytes;
	request->done(request); /* may free it, and close the handle */
}

static void receive(struct fz_handle *handle, struct fz_message *message)
{
	handle->heard_ns = fz_now_ns(handle->fake);
	/* Events of watches do not say what transaction they stem from. */
	if (message->kind != FZ_RESET && message->kind != FZ_FIRED &&
	    message->zxid > handle->zxid)
		handle->zxid = message->zxid;
	switch (message->kind) {
	case FZ_SESSION:
		connected(handle, message);
		break;
	case FZ_EXPIRED:
		expired(handle);
		break;
	case FZ_RESET:
		lose_connection(handle);
		break;
	case FZ_FIRED:
		watch_fired(handle, message);
		break;
	case FZ_REQUEST:
		answered(handle, message);
		break;
	default:
		break;
	}
}

static void deliver_message(struct metafora_post *post, bool dropped)
{
	struct fz_message *message = (struct fz_message *)post;
	struct fz_handle *handle = message->conn->handle;

	/* What comes on an earlier connection, or to nobody, is not heard. */
	if (!dropped && handle && handle->conn == message->conn &&
	    !handle->closing) {
		receive(handle, message);
		if (message->conn->handle)
			plan(message->conn->handle);
	}
	fz_message_free(message);
}

void fz_client_receive(struct fz_conn *conn, struct fz_message *message)
{
	message->event.post.deliver = deliver_message;
	conn->handle->host->post(conn->handle->host, &message->event.post);
}

/* --- life ----------------------------------------------------------------------------------- */

static int fake_open(void *env, const struct metafora_host *host,
		     const struct zk_target *target, zk_event_fn event,
		     void *arg, struct zk **out)
{
	struct fakezk *fake = env;
	struct fz_handle *handle = fz_alloc(sizeof(*handle));
	int error = host->timer_new(host, on_timer, handle, &handle->timer);

	if (error) {
		free(handle);
		return error;
	}
	handle->fake = fake;
	handle->host = host;
	handle->target = target;
	handle->event = event;
	handle->event_arg = arg;
	handle->timeout_ms = target->timeout_ms;
	handle->next_ns = fz_now_ns(fake);
	handle->server = (unsigned int)mf_prng_between(
		&fake->prng, 0, fake->config.n_servers - 1);
	TAILQ_INSERT_TAIL(&fake->handles, handle, link);
	plan(handle);
	*out = (struct zk *)handle;
	return 0;
}

struct closed {
	struct metafora_post post; /* first */
	struct fz_handle *handle;
	enum zk_event_kind kind;
};

static void deliver_closed(struct metafora_post *post, bool dropped)
{
	struct closed *closed = (struct closed *)post;

	if (!dropped)
		tell(closed->handle, closed->kind);
	free(closed);
}

static void post_event(struct fz_handle *handle, enum zk_event_kind kind)
{
	struct closed *closed = fz_alloc(sizeof(*closed));

	closed->post.deliver = deliver_closed;
	closed->handle = handle;
	closed->kind = kind;
	handle->host->post(handle->host, &closed->post);
}

/* The session ends, if the news of it gets through. */
static void leave(struct fz_handle *handle)
{
	if (handle->connected)
		send_to_server(handle,
			       fz_message_new(handle->conn, FZ_CLOSE));
	while (handle->first)
		post_answer(handle, take_request(handle), ZK_UNKNOWN);
	handle->connected = false;
	plan(handle);
}

static void fake_close(struct zk *zk)
{
	struct fz_handle *handle = handle_of(zk);

	handle->closing = true;
	leave(handle);
	post_event(handle, ZK_EVENT_CLOSED);
}

static void fake_abandon(struct zk *zk)
{
	struct fz_handle *handle = handle_of(zk);

	/* The owner may stand still: only what is not its own is touched. */
	if (handle->session)
		fz_session_close(handle->fake, handle->session);
}

static void fake_free(struct zk *zk)
{
	struct fz_handle *handle = handle_of(zk);
	struct fz_conn *conn;

	TAILQ_FOREACH(conn, &handle->fake->conns, link)
		if (conn->handle == handle && conn != handle->conn)
			conn->handle = NULL;
	if (handle->conn)
		handle->conn->handle = NULL;
	TAILQ_REMOVE(&handle->fake->handles, handle, link);
	handle->host->timer_free(handle->host, handle->timer);
	fz_watches_free(&handle->watches);
	free(handle);
}

const struct zk_calls fakezk_calls = {
	.open = fake_open,
	.send = fake_send,
	.close = fake_close,
	.abandon = fake_abandon,
	.free = fake_free,
};
