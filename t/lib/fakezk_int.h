/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the simulated ensemble. */
#ifndef T_FAKEZK_INT_H
#define T_FAKEZK_INT_H

#include <sys/queue.h>

#include "clock.h"
#include "fakezk.h"
#include "fakezk_tree.h"
#include "host.h"

/* Something that happens at a time, on the ensemble's loop. */
struct fz_event {
	struct metafora_post post; /* first */
	struct mf_timer timer;
	TAILQ_ENTRY(fz_event) link;
	struct fakezk *fake;
	uint64_t at_ns;
	void (*fn)(struct fz_event *event);
	void (*drop)(struct fz_event *event); /* it never happens */
};

enum fz_kind {
	FZ_REQUEST,
	FZ_SESSION, /* begins, or takes up, a session */
	FZ_PING,
	FZ_WATCHES, /* sets them again after a reconnect */
	FZ_CLOSE,
	/* From server to client only. */
	FZ_FIRED,
	FZ_EXPIRED,
	FZ_RESET,
};

struct fz_watch {
	UT_hash_handle hh;
	bool child; /* key: a letter, then the path */
	char key[];
};

/* What travels between client and server, and back as its own answer. */
struct fz_message {
	struct fz_event event; /* first */
	struct fz_conn *conn;
	TAILQ_ENTRY(fz_message) in_queue;
	enum fz_kind kind;
	uint64_t id;
	/* The request, all copies. */
	enum zk_request_kind request;
	bool watch;
	char *path;
	struct zk_op *ops;
	size_t n_ops;
	bool lose_answer;
	/* On the server: the transaction that must be applied first. */
	bool waits;
	bool committed;
	size_t txn;
	/* Session. */
	uint64_t session;
	int64_t timeout_ms;
	int64_t zxid; /* client's newest; in answers the server's */
	struct fz_watch *watches;
	/* The answer. */
	enum zk_code code;
	enum zk_event_kind fired;
	struct zk_stat stat;
	char **names;
	size_t n_names;
	void *data;
	size_t size_bytes;
};

TAILQ_HEAD(fz_queue, fz_message);

/* One TCP connection; kept until the ensemble is freed. */
struct fz_conn {
	TAILQ_ENTRY(fz_conn) link;
	struct fakezk *fake;
	struct fz_handle *handle; /* NULL: gone */
	const struct metafora_host *host; /* only to compare */
	unsigned int server;
	uint64_t session;    /* 0: not established */
	bool closed;         /* by the server */
	bool cut;            /* silent for ever */
	uint64_t in_ns, out_ns; /* newest arrival each way */
	struct fz_queue queue;  /* not answered yet */
	struct fz_watch *watches;
};

struct fz_server {
	struct fz_tree tree;
	size_t n_applied; /* transactions of the log */
	uint64_t apply_ns;
	bool isolated;
	uint64_t isolated_ns;
	bool looking; /* serves nobody */
	uint64_t up_ns; /* newest arrival at the leader */
	/* Sessions heard from since the leader's last ping. */
	uint64_t *touched;
	size_t n_touched;
};

struct fz_session {
	TAILQ_ENTRY(fz_session) link;
	uint64_t id;
	uint64_t timeout_ns;
	uint64_t expires_ns;
	struct fz_conn *conn; /* that may write */
};

/* What was asked for a name, or for all. */
struct fz_setting {
	TAILQ_ENTRY(fz_setting) link;
	char *name; /* NULL: all */
	bool cut;
	size_t n_lose_before;
	size_t n_lose_after;
};

/* A node's name, known by the host that its handles have. */
struct fz_name {
	TAILQ_ENTRY(fz_name) link;
	const struct metafora_host *host;
	char *name;
};

struct fakezk {
	struct fakezk_config config;
	struct world *world;
	struct mf_loop loop;
	struct mf_prng prng;
	TAILQ_HEAD(, fz_event) events;
	struct fz_server *servers; /* [0] leads */
	struct fz_txn *log;
	size_t n_log, n_log_room;
	TAILQ_HEAD(, fz_session) sessions;
	TAILQ_HEAD(, fz_conn) conns;
	TAILQ_HEAD(, fz_setting) settings;
	TAILQ_HEAD(, fz_name) names;
	TAILQ_HEAD(, fz_handle) handles;
	uint64_t n_sessions;
	uint64_t n_messages;
	char *denied; /* path, NULL: none */
	int steered;  /* server, -1: any */
	/* After the next read of the first the second goes; NULL: none. */
	char *trap_folder, *trap_path;
};

/* --- fakezk.c --- */

uint64_t fz_now_ns(const struct fakezk *fake);
/* Any time between the two of the configuration from now. */
uint64_t fz_latency_ns(struct fakezk *fake);
/* Whoever calls: fn runs on the ensemble's loop, not before at_ns. */
void fz_schedule(struct fakezk *fake, struct fz_event *event, uint64_t at_ns,
		 void (*fn)(struct fz_event *event),
		 void (*drop)(struct fz_event *event));
struct fz_message *fz_message_new(struct fz_conn *conn, enum fz_kind kind);
void fz_message_free(struct fz_message *message);
void fz_watches_free(struct fz_watch **watches);
void fz_watch_add(struct fz_watch **watches, const char *path, bool child);
/* Whether it was there; it is no more. */
bool fz_watch_take(struct fz_watch **watches, const char *path, bool child);
const char *fz_name_of(const struct fakezk *fake,
		       const struct metafora_host *host);
void fz_learn_name(struct fakezk *fake, const struct metafora_host *host,
		   const char *name);
bool fz_is_cut(const struct fakezk *fake, const struct metafora_host *host);
/* Whether this write is to be lost, and how; counts it. */
bool fz_loses(struct fakezk *fake, const struct metafora_host *host,
	      const struct fz_message *message, bool before);

/* --- fakezk_server.c --- */

/* A message of a client has arrived; takes it over. */
void fz_server_receive(struct fz_conn *conn, struct fz_message *message);
/* The server closes the connection; the client is told. */
void fz_conn_close(struct fz_conn *conn);
/* The client loses it, the server does not know. */
void fz_conn_cut(struct fz_conn *conn);
void fz_session_close(struct fakezk *fake, uint64_t session);
struct fz_session *fz_session_find(struct fakezk *fake, uint64_t id);
/* A new transaction at the end of the log, for the leader's tree. */
struct fz_txn *fz_txn_begin(struct fakezk *fake);
/* It is complete: apply it everywhere. */
void fz_txn_commit(struct fakezk *fake);
void fz_server_isolate(struct fakezk *fake, unsigned int server, bool isolated);
void fz_server_elect(struct fakezk *fake);
void fz_server_start(struct fakezk *fake);

/* --- fakezk_client.c --- */

struct fz_handle {
	TAILQ_ENTRY(fz_handle) link;
	struct fakezk *fake;
	const struct metafora_host *host;
	const struct zk_target *target;
	zk_event_fn event;
	void *event_arg;
	struct metafora_timer *timer;
	struct fz_conn *conn; /* NULL: none */
	bool connected;
	bool told;      /* the owner knows of the connection */
	bool expired;
	bool closing;
	uint64_t session;
	int64_t timeout_ms;
	int64_t zxid;
	uint64_t heard_ns, said_ns;
	uint64_t attempt_ns; /* when the present attempt is given up */
	uint64_t next_ns;    /* when the next one begins */
	unsigned int server; /* last tried */
	uint64_t n_requests;
	struct zk_request *first, *last; /* under way; extra is the id */
	struct fz_watch *watches;
};

/* The handle's host gets the message, on its owner thread. */
void fz_client_receive(struct fz_conn *conn, struct fz_message *message);

#endif
