/* SPDX-License-Identifier: Apache-2.0 */
/* Servers of the simulated ensemble: commits, lag, sessions, watches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakezk_int.h"

/* A follower that hears nothing from the leader gives up after so long. */
#define SYNC_TICKS 5
/* The wall clock at the world's beginning. */
#define EPOCH_MS 1700000000000LL

static bool leads(const struct fz_conn *conn)
{
	return conn->server == 0;
}

static struct fz_server *server_of(const struct fz_conn *conn)
{
	return &conn->fake->servers[conn->server];
}

/* --- to the client -------------------------------------------------------------------- */

static void drop_message(struct fz_event *event)
{
	fz_message_free((struct fz_message *)event);
}

static void arrive_at_client(struct fz_event *event)
{
	struct fz_message *message = (struct fz_message *)event;
	struct fz_conn *conn = message->conn;

	if (conn->handle && !conn->cut)
		fz_client_receive(conn, message);
	else
		fz_message_free(message);
}

static void send_to_client(struct fz_message *message)
{
	struct fz_conn *conn = message->conn;
	uint64_t at_ns = fz_latency_ns(conn->fake);

	if (at_ns <= conn->out_ns)
		at_ns = conn->out_ns + 1;
	conn->out_ns = at_ns;
	message->zxid = server_of(conn)->tree.zxid;
	fz_schedule(conn->fake, &message->event, at_ns, arrive_at_client,
		    drop_message);
}

void fz_conn_close(struct fz_conn *conn)
{
	struct fz_session *session = fz_session_find(conn->fake, conn->session);

	if (conn->closed)
		return;
	if (session && session->conn == conn)
		session->conn = NULL;
	conn->closed = true;
	fz_watches_free(&conn->watches);
	send_to_client(fz_message_new(conn, FZ_RESET));
}

static void arrive_cut(struct fz_event *event)
{
	struct fz_message *message = (struct fz_message *)event;

	if (message->conn->handle)
		fz_client_receive(message->conn, message);
	else
		fz_message_free(message);
}

void fz_conn_cut(struct fz_conn *conn)
{
	struct fz_message *message = fz_message_new(conn, FZ_RESET);

	conn->cut = true;
	fz_schedule(conn->fake, &message->event, fz_now_ns(conn->fake),
		    arrive_cut, drop_message);
}

/* --- sessions ----------------------------------------------------------------------------- */

struct fz_session *fz_session_find(struct fakezk *fake, uint64_t id)
{
	struct fz_session *session;

	TAILQ_FOREACH(session, &fake->sessions, link)
		if (session->id == id)
			return session;
	return NULL;
}

/* The leader has heard of the session. */
static void renew(struct fakezk *fake, uint64_t id)
{
	struct fz_session *session = fz_session_find(fake, id);
	uint64_t tick = fake->config.tick_ns;

	/* Sessions end at ticks. */
	if (session)
		session->expires_ns = (fz_now_ns(fake) + session->timeout_ns +
				       tick) / tick * tick;
}

/* A server has heard of it: the leader learns it with the next ping. */
static void touch(struct fz_conn *conn)
{
	struct fz_server *server = server_of(conn);
	size_t i;

	if (!conn->session)
		return;
	if (leads(conn)) {
		renew(conn->fake, conn->session);
		return;
	}
	for (i = 0; i < server->n_touched; i++)
		if (server->touched[i] == conn->session)
			return;
	server->touched = fz_realloc(server->touched,
				     (server->n_touched + 1) *
					     sizeof(*server->touched));
	server->touched[server->n_touched++] = conn->session;
}

/* --- watches -------------------------------------------------------------------------------- */

static void fired(struct fz_conn *conn, enum zk_event_kind kind,
		  const char *path)
{
	struct fz_message *message = fz_message_new(conn, FZ_FIRED);

	message->fired = kind;
	message->path = fz_strdup(path);
	send_to_client(message);
}

static void fire_change(struct fz_conn *conn, const struct fz_change *change)
{
	char *parent = fz_strdup(change->path);
	bool gone = false;

	*strrchr(parent, '/') = '\0';
	if (change->kind == ZK_SET) {
		if (fz_watch_take(&conn->watches, change->path, false))
			fired(conn, ZK_EVENT_DATA, change->path);
	} else {
		if (change->kind == ZK_DELETE) {
			gone = fz_watch_take(&conn->watches, change->path,
					     false);
			gone |= fz_watch_take(&conn->watches, change->path,
					      true);
		}
		if (gone)
			fired(conn, ZK_EVENT_DELETED, change->path);
		if (fz_watch_take(&conn->watches, parent, true))
			fired(conn, ZK_EVENT_CHILDREN, parent);
	}
	free(parent);
}

static void fire_all(struct fakezk *fake, unsigned int server,
		     const struct fz_txn *txn)
{
	struct fz_conn *conn;
	size_t i;

	TAILQ_FOREACH(conn, &fake->conns, link) {
		if (conn->server != server || conn->closed)
			continue;
		for (i = 0; i < txn->n_changes; i++)
			fire_change(conn, &txn->changes[i]);
		if (txn->closes && conn->session == txn->closes)
			fz_conn_close(conn);
	}
}

/* After a reconnect: fire what happened meanwhile, set the rest. */
static void set_watch(struct fz_conn *conn, const struct fz_watch *watch,
		      int64_t since)
{
	const char *path = watch->key + 1;
	const struct fz_znode *node = fz_tree_find(&server_of(conn)->tree,
						   path);

	if (!node)
		fired(conn, ZK_EVENT_DELETED, path);
	else if (watch->child && node->pzxid > since)
		fired(conn, ZK_EVENT_CHILDREN, path);
	else if (!watch->child && node->mzxid > since)
		fired(conn, ZK_EVENT_DATA, path);
	else
		fz_watch_add(&conn->watches, path, watch->child);
}

/* --- answering ---------------------------------------------------------------------------------- */

static void read_names(struct fz_message *message, const struct fz_znode *node)
{
	const struct fz_znode *child;

	message->names = fz_alloc((size_t)node->stat.n_children *
				  sizeof(char *));
	TAILQ_FOREACH(child, &node->children, link)
		message->names[message->n_names++] = fz_strdup(child->name);
}

static void perform_read(struct fz_message *message)
{
	struct fz_conn *conn = message->conn;
	const struct fz_znode *node = fz_tree_find(&server_of(conn)->tree,
						   message->path);

	message->code = node ? ZK_OK : ZK_NONODE;
	if (!node)
		return;
	message->stat = node->stat;
	if (message->request == ZK_READ_CHILDREN)
		read_names(message, node);
	if (message->request == ZK_READ_DATA && node->size_bytes) {
		/* With a NUL behind it. */
		message->data = fz_alloc(node->size_bytes + 1);
		memcpy(message->data, node->data, node->size_bytes);
		message->size_bytes = node->size_bytes;
	}
	if (message->watch)
		fz_watch_add(&conn->watches, message->path,
			     message->request == ZK_READ_CHILDREN);
}

/* Whether it is the read that a deletion waits for. */
static bool springs(const struct fz_message *message)
{
	const char *folder = message->conn->fake->trap_folder;

	return folder && message->kind == FZ_REQUEST &&
	       message->request == ZK_READ_CHILDREN &&
	       strcmp(message->path, folder) == 0;
}

static void spring(struct fakezk *fake)
{
	char *path = fake->trap_path;

	free(fake->trap_folder);
	fake->trap_folder = NULL;
	fake->trap_path = NULL;
	fakezk_delete(fake, path);
	free(path);
}

static void answer(struct fz_message *message)
{
	bool trapped = springs(message);
	struct fz_conn *conn = message->conn;
	const struct fz_watch *watch;

	if (message->kind == FZ_WATCHES) {
		for (watch = message->watches; watch; watch = watch->hh.next)
			set_watch(conn, watch, message->zxid);
		fz_message_free(message);
		return;
	}
	if (message->kind == FZ_REQUEST && message->request != ZK_WRITE &&
	    message->request != ZK_SYNC)
		perform_read(message);
	if (message->lose_answer) {
		fz_conn_close(conn);
		fz_message_free(message);
		return;
	}
	send_to_client(message);
	if (trapped)
		spring(conn->fake);
}

/* Answers what can be answered, in order: reads wait for writes before them. */
static void process(struct fz_conn *conn)
{
	struct fz_message *message;

	while (!conn->closed && (message = TAILQ_FIRST(&conn->queue))) {
		if (message->waits &&
		    (!message->committed ||
		     server_of(conn)->n_applied <= message->txn))
			return;
		TAILQ_REMOVE(&conn->queue, message, in_queue);
		answer(message);
	}
}

/* --- transactions ---------------------------------------------------------------------------------- */

struct apply {
	struct fz_event event; /* first */
	unsigned int server;
};

static void free_event(struct fz_event *event)
{
	free(event);
}

static void applied(struct fakezk *fake, unsigned int server,
		    const struct fz_txn *txn)
{
	struct fz_conn *conn;

	fake->servers[server].n_applied++;
	fire_all(fake, server, txn);
	TAILQ_FOREACH(conn, &fake->conns, link)
		if (conn->server == server)
			process(conn);
}

static void apply_next(struct fz_event *event)
{
	struct apply *apply = (struct apply *)event;
	struct fz_server *server = &event->fake->servers[apply->server];
	const struct fz_txn *txn;

	/* What a cut-off follower misses it gets when it is back. */
	if (!server->isolated && server->n_applied < event->fake->n_log) {
		txn = &event->fake->log[server->n_applied];
		fz_tree_apply(&server->tree, txn);
		applied(event->fake, apply->server, txn);
	}
	free(apply);
}

static void schedule_apply(struct fakezk *fake, unsigned int i)
{
	struct fz_server *server = &fake->servers[i];
	struct apply *apply = fz_alloc(sizeof(*apply));
	uint64_t at_ns = fz_latency_ns(fake) +
			 mf_prng_between(&fake->prng, fake->config.lag_min_ns,
					 fake->config.lag_max_ns);

	if (at_ns <= server->apply_ns)
		at_ns = server->apply_ns + 1;
	server->apply_ns = at_ns;
	apply->server = i;
	fz_schedule(fake, &apply->event, at_ns, apply_next, free_event);
}

struct fz_txn *fz_txn_begin(struct fakezk *fake)
{
	struct fz_txn *txn;

	if (fake->n_log == fake->n_log_room) {
		fake->n_log_room = fake->n_log_room ? 2 * fake->n_log_room : 64;
		fake->log = fz_realloc(fake->log, fake->n_log_room *
							  sizeof(*fake->log));
	}
	txn = &fake->log[fake->n_log++];
	*txn = (struct fz_txn){
		.zxid = (int64_t)fake->n_log,
		.at_ns = fz_now_ns(fake),
		.time_ms = EPOCH_MS + (int64_t)(fz_now_ns(fake) / MF_NS_PER_MS),
	};
	return txn;
}

void fz_txn_commit(struct fakezk *fake)
{
	struct fz_txn *txn = &fake->log[fake->n_log - 1];
	unsigned int i;

	/* fz_tree_write has applied a success; a failure moves the number. */
	fake->servers[0].tree.zxid = txn->zxid;
	for (i = 1; i < fake->config.n_servers; i++)
		schedule_apply(fake, i);
	applied(fake, 0, txn);
}

void fz_session_close(struct fakezk *fake, uint64_t id)
{
	struct fz_session *session = fz_session_find(fake, id);
	struct fz_txn *txn;

	if (!session)
		return;
	TAILQ_REMOVE(&fake->sessions, session, link);
	free(session);
	txn = fz_txn_begin(fake);
	fz_tree_close(&fake->servers[0].tree, txn, id);
	fz_tree_apply(&fake->servers[0].tree, txn);
	fz_txn_commit(fake);
}

/* --- the leader ------------------------------------------------------------------------------------- */

static void begin_session(struct fz_message *message)
{
	struct fakezk *fake = message->conn->fake;
	int64_t tick_ms = (int64_t)(fake->config.tick_ns / MF_NS_PER_MS);
	struct fz_session *session = fz_alloc(sizeof(*session));
	int64_t timeout_ms = message->timeout_ms;

	if (timeout_ms < 2 * tick_ms)
		timeout_ms = 2 * tick_ms;
	if (timeout_ms > 20 * tick_ms)
		timeout_ms = 20 * tick_ms;
	session->id = 0x100000000ULL + ++fake->n_sessions;
	session->timeout_ns = (uint64_t)timeout_ms * MF_NS_PER_MS;
	session->conn = message->conn;
	TAILQ_INSERT_TAIL(&fake->sessions, session, link);
	renew(fake, session->id);
	message->session = session->id;
	message->timeout_ms = timeout_ms;
}

/* False: the session is over. */
static bool take_up_session(struct fz_message *message)
{
	struct fakezk *fake = message->conn->fake;
	struct fz_session *session = fz_session_find(fake, message->session);

	if (!session)
		return false;
	if (session->conn && session->conn != message->conn)
		fz_conn_close(session->conn);
	session->conn = message->conn;
	renew(fake, session->id);
	message->timeout_ms = (int64_t)(session->timeout_ns / MF_NS_PER_MS);
	return true;
}

static void lead_session(struct fz_message *message)
{
	struct fz_conn *conn = message->conn;
	bool fresh = message->session == 0;

	message->committed = true;
	if (fresh) {
		begin_session(message);
		fz_txn_begin(conn->fake);
		message->txn = conn->fake->n_log - 1;
		conn->session = message->session;
		fz_txn_commit(conn->fake);
		return;
	}
	/* Only asks the leader: the server may lag as before. */
	message->waits = false;
	if (take_up_session(message))
		conn->session = message->session;
	else
		message->kind = FZ_EXPIRED;
	process(conn);
}

/* Whether an ACL forbids one of the operations; then it bears the blame. */
static bool denied(struct fz_message *message)
{
	const char *path = message->conn->fake->denied;
	size_t n = path ? strlen(path) : 0;
	bool found = false;
	size_t i;

	for (i = 0; n && i < message->n_ops; i++) {
		struct zk_op *op = &message->ops[i];

		op->code = ZK_OTHER;
		if (!found && strncmp(op->path, path, n) == 0 &&
		    (op->path[n] == '/' || op->path[n] == '\0')) {
			op->code = ZK_NOAUTH;
			found = true;
		}
	}
	return found;
}

static void lead_write(struct fz_message *message)
{
	struct fz_conn *conn = message->conn;
	struct fakezk *fake = conn->fake;
	struct fz_session *session = fz_session_find(fake, conn->session);
	struct fz_txn *txn;

	if (!session || session->conn != conn) {
		fz_conn_close(conn);
		return;
	}
	txn = fz_txn_begin(fake);
	message->code = denied(message) ?
				ZK_NOAUTH :
				fz_tree_write(&fake->servers[0].tree, txn,
					      session->id, message->ops,
					      message->n_ops);
	message->committed = true;
	message->txn = fake->n_log - 1;
	fz_txn_commit(fake);
}

/* Wait until the server has what the leader has. */
static void lead_sync(struct fz_message *message)
{
	message->committed = true;
	message->txn = message->conn->fake->n_log - 1;
	process(message->conn);
}

static void lead(struct fz_message *message)
{
	struct fz_conn *conn = message->conn;

	if (conn->closed && message->kind != FZ_CLOSE)
		return; /* stays in the queue of a dead connection */
	if (message->kind == FZ_SESSION)
		lead_session(message);
	else if (message->kind == FZ_REQUEST && message->request == ZK_SYNC)
		lead_sync(message);
	else if (message->kind == FZ_CLOSE)
		fz_session_close(conn->fake, conn->session);
	else
		lead_write(message);
}

struct forward {
	struct fz_event event; /* first */
	struct fz_message *message;
};

static void arrive_at_leader(struct fz_event *event)
{
	struct forward *forward = (struct forward *)event;
	struct fz_conn *conn = forward->message->conn;

	if (!server_of(conn)->isolated)
		lead(forward->message);
	free(forward);
}

/* The message stays in its connection's queue meanwhile. */
static void forward(struct fz_message *message)
{
	struct fz_conn *conn = message->conn;
	struct fz_server *server = server_of(conn);
	struct forward *up;
	uint64_t at_ns;

	message->waits = true;
	if (leads(conn)) {
		lead(message);
		return;
	}
	if (server->isolated)
		return;
	at_ns = fz_latency_ns(conn->fake);
	if (at_ns <= server->up_ns)
		at_ns = server->up_ns + 1;
	server->up_ns = at_ns;
	up = fz_alloc(sizeof(*up));
	up->message = message;
	fz_schedule(conn->fake, &up->event, at_ns, arrive_at_leader,
		    free_event);
}

/* --- from the client ----------------------------------------------------------------------------------- */

static bool refuses(const struct fz_conn *conn,
		    const struct fz_message *message)
{
	const struct fz_server *server = server_of(conn);

	/* Nobody may go back in time. */
	return server->looking || (message->kind == FZ_SESSION &&
				   server->tree.zxid < message->zxid);
}

void fz_server_receive(struct fz_conn *conn, struct fz_message *message)
{
	struct fakezk *fake = conn->fake;

	/* What was sent arrives, even if the client is gone by now. */
	if (conn->closed || conn->cut) {
		fz_message_free(message);
		return;
	}
	if (refuses(conn, message) ||
	    fz_loses(fake, conn->host, message, true)) {
		fz_message_free(message);
		fz_conn_close(conn);
		return;
	}
	touch(conn);
	if (message->kind == FZ_PING) {
		send_to_client(message);
		return;
	}
	message->lose_answer = fz_loses(fake, conn->host, message, false);
	TAILQ_INSERT_TAIL(&conn->queue, message, in_queue);
	if (message->kind == FZ_SESSION || message->kind == FZ_CLOSE ||
	    (message->kind == FZ_REQUEST && (message->request == ZK_WRITE ||
					     message->request == ZK_SYNC)))
		forward(message);
	process(conn);
}

/* --- the leader's clock ---------------------------------------------------------------------------------- */

struct ping {
	struct fz_event event; /* first */
	unsigned int server;
	uint64_t *touched;
	size_t n_touched;
};

static void free_ping(struct fz_event *event)
{
	free(((struct ping *)event)->touched);
	free(event);
}

static void ping_answered(struct fz_event *event)
{
	struct ping *ping = (struct ping *)event;
	size_t i;

	if (!event->fake->servers[ping->server].isolated)
		for (i = 0; i < ping->n_touched; i++)
			renew(event->fake, ping->touched[i]);
	free_ping(event);
}

static void ping_arrived(struct fz_event *event)
{
	struct ping *ping = (struct ping *)event;
	struct fz_server *server = &event->fake->servers[ping->server];

	if (server->isolated) {
		free_ping(event);
		return;
	}
	ping->touched = server->touched;
	ping->n_touched = server->n_touched;
	server->touched = NULL;
	server->n_touched = 0;
	fz_schedule(event->fake, event, fz_latency_ns(event->fake),
		    ping_answered, free_ping);
}

static void ping_followers(struct fakezk *fake)
{
	unsigned int i;

	for (i = 1; i < fake->config.n_servers; i++) {
		struct ping *ping = fz_alloc(sizeof(*ping));

		ping->server = i;
		fz_schedule(fake, &ping->event, fz_latency_ns(fake),
			    ping_arrived, free_ping);
	}
}

static void expire_sessions(struct fakezk *fake)
{
	struct fz_session *session, *next;

	for (session = TAILQ_FIRST(&fake->sessions); session; session = next) {
		next = TAILQ_NEXT(session, link);
		if (session->expires_ns <= fz_now_ns(fake))
			fz_session_close(fake, session->id);
	}
}

static void close_connections(struct fakezk *fake, unsigned int server)
{
	struct fz_conn *conn;

	TAILQ_FOREACH(conn, &fake->conns, link)
		if (conn->server == server)
			fz_conn_close(conn);
}

/* A follower that has lost its leader serves nobody. */
static void check_followers(struct fakezk *fake)
{
	unsigned int i;

	for (i = 1; i < fake->config.n_servers; i++) {
		struct fz_server *server = &fake->servers[i];

		if (!server->isolated || server->looking ||
		    fz_now_ns(fake) < server->isolated_ns +
					      SYNC_TICKS * fake->config.tick_ns)
			continue;
		server->looking = true;
		close_connections(fake, i);
	}
}

static void half_tick(struct fz_event *event)
{
	struct fakezk *fake = event->fake;

	ping_followers(fake);
	expire_sessions(fake);
	check_followers(fake);
	fz_schedule(fake, event, fz_now_ns(fake) + fake->config.tick_ns / 2,
		    half_tick, free_event);
}

void fz_server_isolate(struct fakezk *fake, unsigned int i, bool isolated)
{
	struct fz_server *server = &fake->servers[i];
	bool before = server->isolated;
	size_t n;

	server->isolated = isolated;
	server->isolated_ns = fz_now_ns(fake);
	if (isolated)
		return;
	server->looking = false;
	/* What it had passed on is lost: it syncs anew and begins afresh. */
	if (before)
		close_connections(fake, i);
	for (n = server->n_applied; n < fake->n_log; n++)
		schedule_apply(fake, i);
}

void fz_server_elect(struct fakezk *fake)
{
	struct fz_session *session;
	unsigned int i;

	/* The new one knows the log; who was heard of when it does not. */
	TAILQ_FOREACH(session, &fake->sessions, link)
		renew(fake, session->id);
	for (i = 0; i < fake->config.n_servers; i++) {
		fake->servers[i].n_touched = 0;
		close_connections(fake, i);
	}
}

void fz_server_start(struct fakezk *fake)
{
	struct fz_event *event = fz_alloc(sizeof(*event));

	fz_schedule(fake, event, fz_now_ns(fake), half_tick, free_event);
}
