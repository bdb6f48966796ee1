/* SPDX-License-Identifier: Apache-2.0 */
/* Opens, watches over and closes the handles of a session's user. */
#include "session.h"

#include <string.h>

#include <metafora/error.h>

#define NS_PER_MS 1000000ULL
#define RETRY_MS_MIN 50
#define RETRY_MS_MAX 5000
/* Out of touch for so many timeouts: the handle is no use any more. */
#define DOWN_TIMEOUTS 10
/* Not connected at all for so long: look the servers up again. */
#define OPENING_NS (30000 * NS_PER_MS)
#define WARN_INTERVAL_NS (10000 * NS_PER_MS)

static uint64_t now_ns(const struct zk_session *session)
{
	return session->host->now_ns(session->host);
}

static void set_timer(struct zk_session *session, uint64_t at_ns)
{
	session->host->timer_set(session->host, session->timer, at_ns);
}

/* --- requests ------------------------------------------------------------------ */

static void go_down(struct zk_session *session)
{
	if (session->state != ZK_SESSION_UP)
		return;
	session->state = ZK_SESSION_DOWN;
	set_timer(session, now_ns(session) + (uint64_t)session->timeout_ms *
						     NS_PER_MS * DOWN_TIMEOUTS);
	session->user->down(session);
}

static void put(struct zk_session *session, struct zk_call *call)
{
	call->waiting = false;
	call->sent_ns = now_ns(session);
	session->n_sent++;
	TAILQ_INSERT_TAIL(&session->calls, call, link);
	if (call->request.kind == ZK_WRITE)
		metafora_host_observe(session->host, METAFORA_METRIC_WRITES, 1);
	session->options->calls->send(session->zk, &call->request);
}

static void pump(struct zk_session *session)
{
	struct zk_call *call;

	while (session->zk && session->n_sent < ZK_IN_FLIGHT_MAX &&
	       (call = TAILQ_FIRST(&session->waiting))) {
		TAILQ_REMOVE(&session->waiting, call, link);
		put(session, call);
	}
}

static void finish(struct zk_session *session, struct zk_call *call)
{
	enum zk_code code = call->request.code;

	/*
	 * The first sign of a lost connection counts, even before the event:
	 * what is sent from here on must not overtake the settling.  But that
	 * something could not be sent may be told after the next connection.
	 */
	if (call->generation == session->generation &&
	    (code == ZK_UNKNOWN ||
	     (code == ZK_UNSENT && call->connection == session->connection)))
		go_down(session);
	call->stale = call->generation != session->generation;
	call->done(call);
}

static void on_answer(struct zk_request *request)
{
	struct zk_call *call = (struct zk_call *)request;
	struct zk_session *session = call->session;

	TAILQ_REMOVE(&session->calls, call, link);
	session->n_sent--;
	if (request->code != ZK_UNSENT && request->code != ZK_UNKNOWN)
		metafora_host_observe(session->host,
				      METAFORA_METRIC_BROKER_LATENCY_NS,
				      now_ns(session) - call->sent_ns);
	pump(session);
	finish(session, call);
}

/* Answers what never reached a handle. */
static void on_unsent(struct metafora_post *post, bool dropped)
{
	struct zk_call *call = (struct zk_call *)(uintptr_t)(
		(char *)post - offsetof(struct zk_call, unsent));

	if (dropped)
		return; /* fini finds it in the list */
	TAILQ_REMOVE(&call->session->calls, call, link);
	finish(call->session, call);
}

static void refuse(struct zk_session *session, struct zk_call *call)
{
	call->waiting = false;
	call->request.code = ZK_UNSENT;
	call->unsent.deliver = on_unsent;
	TAILQ_INSERT_TAIL(&session->calls, call, link);
	session->host->post(session->host, &call->unsent);
}

void mf_zk_session_send(struct zk_session *session, struct zk_call *call)
{
	call->session = session;
	call->generation = session->generation;
	call->connection = session->connection;
	call->request.done = on_answer;
	if (!session->zk || session->state == ZK_SESSION_DOWN ||
	    session->state == ZK_SESSION_LEAVING ||
	    session->state == ZK_SESSION_CLOSING) {
		refuse(session, call);
	} else if (call->urgent || (session->n_sent < ZK_IN_FLIGHT_MAX &&
				    TAILQ_EMPTY(&session->waiting))) {
		put(session, call);
	} else {
		call->waiting = true;
		TAILQ_INSERT_TAIL(&session->waiting, call, link);
	}
}

static void refuse_waiting(struct zk_session *session)
{
	struct zk_call *call;

	while ((call = TAILQ_FIRST(&session->waiting))) {
		TAILQ_REMOVE(&session->waiting, call, link);
		refuse(session, call);
	}
}

/* --- life ------------------------------------------------------------------------- */

static uint64_t backoff_ns(struct zk_session *session)
{
	unsigned int shift = session->n_failures < 8 ? session->n_failures : 8;
	uint64_t ms = (uint64_t)RETRY_MS_MIN << shift;

	if (ms > RETRY_MS_MAX)
		ms = RETRY_MS_MAX;
	session->n_failures++;
	/* Half of it for sure, the rest at random. */
	return (ms / 2 + session->host->random(session->host) % (ms / 2 + 1)) *
	       NS_PER_MS;
}

static void end_if_stopping(struct zk_session *session)
{
	if (session->stopping) {
		session->state = ZK_SESSION_ENDED;
		session->user->ended(session, session->error);
		return;
	}
	session->state = ZK_SESSION_IDLE;
	set_timer(session, now_ns(session) + backoff_ns(session));
}

static void on_closed(struct zk_session *session)
{
	struct zk *zk = session->zk;

	pthread_mutex_lock(&session->lock);
	session->zk = NULL;
	pthread_mutex_unlock(&session->lock);
	session->options->calls->free(zk);
	end_if_stopping(session);
}

/* The session is over; tells the user once if he was told of it. */
static void lose(struct zk_session *session)
{
	bool told = session->state == ZK_SESSION_UP ||
		    session->state == ZK_SESSION_DOWN;

	if (session->state != ZK_SESSION_LEAVING)
		session->generation++;
	session->id = 0;
	refuse_waiting(session);
	session->state = ZK_SESSION_LEAVING;
	if (told)
		session->user->lost(session);
}

static void close_handle(struct zk_session *session)
{
	session->host->timer_cancel(session->host, session->timer);
	session->state = ZK_SESSION_CLOSING;
	session->options->calls->close(session->zk);
}

static void lose_and_close(struct zk_session *session)
{
	lose(session);
	if (session->state == ZK_SESSION_LEAVING)
		close_handle(session);
}

static void on_connected(struct zk_session *session,
			 const struct zk_event *event)
{
	if (session->id && session->id != event->session) {
		session->host->log(session->host, METAFORA_LOG_WARN,
				   "session replaced without notice");
		lose_and_close(session);
		return;
	}
	session->connection++;
	session->id = event->session;
	session->timeout_ms = event->timeout_ms;
	if (session->state == ZK_SESSION_UP)
		go_down(session);
	if (session->state == ZK_SESSION_DOWN) {
		session->host->timer_cancel(session->host, session->timer);
		session->state = ZK_SESSION_UP;
		metafora_host_observe(session->host, METAFORA_METRIC_RECONNECTS,
				      1);
		session->user->up(session, false);
	} else {
		mf_zk_layout_start(session);
	}
}

void mf_zk_session_layout(struct zk_session *session, int error)
{
	if (session->state != ZK_SESSION_OPENING)
		return;
	if (!error) {
		session->host->timer_cancel(session->host, session->timer);
		session->n_failures = 0;
		session->state = ZK_SESSION_UP;
		session->user->up(session, true);
	} else if (error == METAFORA_EDISCONNECTED) {
		/* Goes on with the next connection. */
	} else if (error == METAFORA_EAUTH || error == METAFORA_EVERSION ||
		   error == METAFORA_ENAMESPACE) {
		mf_zk_session_end(session, error, 0);
	} else {
		mf_zk_session_give_up(session, 0);
	}
}

static void on_unreachable(struct zk_session *session,
			   const struct zk_event *event)
{
	session->host->log(session->host, METAFORA_LOG_WARN,
			   "no ZooKeeper server can be resolved "
			   "servers=%s reason=\"%s\"",
			   session->options->servers,
			   event->text ? event->text : "");
	lose_and_close(session);
}

static void on_event(void *arg, const struct zk_event *event)
{
	struct zk_session *session = arg;

	if (event->kind == ZK_EVENT_CLOSED) {
		on_closed(session);
		return;
	}
	if (session->state == ZK_SESSION_CLOSING)
		return;
	if (event->kind == ZK_EVENT_EXPIRED) {
		lose_and_close(session);
		return;
	}
	if (event->kind == ZK_EVENT_AUTH_FAILED) {
		mf_zk_session_end(session, METAFORA_EAUTH, 0);
		return;
	}
	if (session->state == ZK_SESSION_LEAVING)
		return;
	if (event->kind == ZK_EVENT_CONNECTED)
		on_connected(session, event);
	else if (event->kind == ZK_EVENT_CONNECTING)
		go_down(session);
	else if (event->kind == ZK_EVENT_UNREACHABLE)
		on_unreachable(session, event);
	else if (session->state == ZK_SESSION_UP)
		session->user->event(session, event);
}

static int open_handle(struct zk_session *session)
{
	struct zk *zk;
	int error;

	session->opened_ns = now_ns(session);
	error = session->options->calls->open(session->options->env,
					      session->host,
					      &session->options->target,
					      on_event, session, &zk);
	if (error)
		return error;
	pthread_mutex_lock(&session->lock);
	session->zk = zk;
	pthread_mutex_unlock(&session->lock);
	session->state = ZK_SESSION_OPENING;
	set_timer(session, session->opened_ns + OPENING_NS);
	return 0;
}

static void on_timer(void *arg)
{
	struct zk_session *session = arg;

	if (session->state == ZK_SESSION_LEAVING) {
		if (session->zk)
			close_handle(session);
		else
			end_if_stopping(session);
	} else if (session->state == ZK_SESSION_OPENING) {
		session->host->log(session->host, METAFORA_LOG_WARN,
				   "no ZooKeeper server answers servers=%s",
				   session->options->servers);
		lose_and_close(session);
	} else if (session->state == ZK_SESSION_DOWN) {
		session->host->log(session->host, METAFORA_LOG_WARN,
				   "out of touch for too long, "
				   "connecting anew");
		lose_and_close(session);
	} else if (session->state == ZK_SESSION_IDLE) {
		if (open_handle(session))
			end_if_stopping(session);
	}
}

static void leave(struct zk_session *session, uint64_t not_before_ns)
{
	if (session->state == ZK_SESSION_ENDED ||
	    session->state == ZK_SESSION_CLOSING)
		return;
	if (session->state == ZK_SESSION_IDLE) {
		session->state = ZK_SESSION_LEAVING;
	} else if (session->state != ZK_SESSION_LEAVING) {
		lose(session);
	}
	/* Later in any case: never inside the call that asked for it. */
	set_timer(session, not_before_ns);
}

void mf_zk_session_give_up(struct zk_session *session, uint64_t not_before_ns)
{
	leave(session, not_before_ns);
}

void mf_zk_session_end(struct zk_session *session, int error,
		       uint64_t not_before_ns)
{
	if (!session->stopping)
		session->error = error;
	session->stopping = true;
	leave(session, not_before_ns);
}

void mf_zk_session_hurry(struct zk_session *session)
{
	if (session->state == ZK_SESSION_LEAVING)
		set_timer(session, 0);
}

void mf_zk_session_abandon(struct zk_session *session)
{
	pthread_mutex_lock(&session->lock);
	if (session->zk)
		session->options->calls->abandon(session->zk);
	pthread_mutex_unlock(&session->lock);
}

int mf_zk_session_init(struct zk_session *session,
		       const struct metafora_zookeeper_options *options,
		       const struct metafora_host *host,
		       const struct zk_session_user *user)
{
	int error;

	*session = (struct zk_session){
		.options = options,
		.host = host,
		.user = user,
		.state = ZK_SESSION_IDLE,
		.generation = 1,
	};
	TAILQ_INIT(&session->calls);
	TAILQ_INIT(&session->waiting);
	error = host->timer_new(host, on_timer, session, &session->timer);
	if (error)
		return error;
	if (pthread_mutex_init(&session->lock, NULL)) {
		host->timer_free(host, session->timer);
		return METAFORA_ESYS;
	}
	return 0;
}

int mf_zk_session_open(struct zk_session *session)
{
	/* Not if that is what was asked for. */
	if (session->options->acl_mode == METAFORA_ZOOKEEPER_ACL_DEFAULT &&
	    mf_zk_is_open_to_all(session->options))
		session->host->log(session->host, METAFORA_LOG_WARN,
				   "namespace is open to everybody: "
				   "no credentials are configured");
	return open_handle(session);
}

static void drop(struct zk_call_list *list)
{
	struct zk_call *call;

	while ((call = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, call, link);
		call->stale = true;
		call->request.code = ZK_UNKNOWN;
		call->done(call);
	}
}

void mf_zk_session_fini(struct zk_session *session)
{
	session->generation++;
	if (session->zk)
		session->options->calls->free(session->zk);
	session->zk = NULL;
	session->state = ZK_SESSION_ENDED;
	drop(&session->waiting);
	drop(&session->calls);
	mf_zk_layout_fini(session);
	session->host->timer_free(session->host, session->timer);
	pthread_mutex_destroy(&session->lock);
}

bool mf_zk_session_may_warn(struct zk_session *session)
{
	uint64_t now = now_ns(session);

	if (now < session->warn_again_ns)
		return false;
	session->warn_again_ns = now + WARN_INTERVAL_NS;
	return true;
}

static const struct {
	int error;
	const char *name;
} codes[] = {
	[ZK_OK] = { 0, "ok" },
	[ZK_NONODE] = { METAFORA_ENOENT, "no node" },
	[ZK_EXISTS] = { METAFORA_EEXIST, "exists" },
	[ZK_BADVERSION] = { METAFORA_ESTATE, "bad version" },
	[ZK_NOTEMPTY] = { METAFORA_ESTATE, "not empty" },
	[ZK_NOAUTH] = { METAFORA_EAUTH, "not authorized" },
	[ZK_OTHER] = { METAFORA_ESTATE, "another operation failed" },
	[ZK_REFUSED] = { METAFORA_EPROTO, "refused" },
	[ZK_NOMEM] = { METAFORA_ENOMEM, "no memory" },
	[ZK_UNSENT] = { METAFORA_EDISCONNECTED, "not connected" },
	[ZK_UNKNOWN] = { METAFORA_EUNKNOWN, "connection lost" },
};

int mf_zk_error(enum zk_code code)
{
	return codes[code].error;
}

const char *mf_zk_code_name(enum zk_code code)
{
	return codes[code].name;
}
