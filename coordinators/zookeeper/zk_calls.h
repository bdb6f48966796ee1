/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of asynchronous calls through which the coordinator reaches
 * ZooKeeper: the real client library behind it in production, a simulated
 * ensemble in tests.
 */
#ifndef ZK_CALLS_H
#define ZK_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <metafora/coordinator.h>

/*
 * A handle: one session with the ensemble, over one connection at a time.
 *
 * What holds for every table:
 *  - Owner thread only, except abandon.  Answers and events come on the owner
 *    thread, through host->post, never inside a call.
 *  - Requests are carried out in the order they were sent, and answered in
 *    that order; events stand in the same order.  A read is answered by the
 *    server of the connection, which may lag behind the others, but never
 *    behind what this session has been told before, and never behind a write
 *    of this session that was sent on the same connection before the read.
 *  - When the connection drops, every request under way is answered with
 *    ZK_UNKNOWN, before ZK_EVENT_CONNECTED of the next connection.  A write
 *    with an unknown outcome may have been done, may never be done, and may
 *    not be visible yet on the server of the next connection; once a later
 *    write of the session has been answered, all of it is visible or none
 *    ever will be.
 *  - A request sent while there is no connection is answered ZK_UNSENT.  In
 *    the moment after a drop that has not been reported yet, it may instead
 *    go out on the next connection.
 *  - A watch is set by a successful read that asks for one, fires once, and
 *    its event comes before any answer that shows the change.  Over a
 *    reconnect watches are kept; several changes may become one event.
 *  - After ZK_EVENT_EXPIRED and ZK_EVENT_AUTH_FAILED only close makes sense.
 */
struct zk;

enum zk_code {
	ZK_OK = 0,
	ZK_NONODE,     /* the node, or the parent to create in, is absent */
	ZK_EXISTS,     /* create: it is there */
	ZK_BADVERSION, /* the version is another */
	ZK_NOTEMPTY,   /* delete: it has children */
	ZK_NOAUTH,     /* the ACL does not allow it */
	ZK_OTHER,      /* another operation of the write failed: not done */
	ZK_REFUSED,    /* failed for any other definite reason: not done */
	ZK_NOMEM,      /* no memory: a write was not done, a read had no answer */
	ZK_UNSENT,     /* there is no connection: not done */
	ZK_UNKNOWN,    /* a write: perhaps done; a read: no answer */
};

struct zk_stat {
	int64_t czxid;           /* transaction that created it */
	int64_t ctime_ms;        /* when that was, wall clock of the leader */
	int64_t ephemeral_owner; /* session, 0 if persistent */
	int32_t version;         /* changes of its data */
	int32_t cversion;        /* creations and removals of children */
	int32_t n_children;
	int32_t n_bytes;         /* of its data */
};

/* Children created under the node so far, as unsigned 32 bits. */
static inline uint32_t zk_stat_n_created(const struct zk_stat *stat)
{
	return ((uint32_t)stat->cversion + (uint32_t)stat->n_children) / 2;
}

/* Children removed from it so far, likewise. */
static inline uint32_t zk_stat_n_removed(const struct zk_stat *stat)
{
	return zk_stat_n_created(stat) - (uint32_t)stat->n_children;
}

enum zk_op_kind {
	ZK_CREATE,
	ZK_SET,
	ZK_DELETE,
	ZK_CHECK, /* that the node is there, in the version */
};

#define ZK_EPHEMERAL 0x1u
#define ZK_SEQUENCE 0x2u /* "%010d" of the parent's counter is appended */

/* For version: any. */
#define ZK_ANY (-1)

/* One operation of a write. */
struct zk_op {
	enum zk_op_kind kind;
	unsigned int flags;  /* create: ZK_EPHEMERAL, ZK_SEQUENCE */
	int32_t version;     /* set, delete, check */
	const char *path;
	const void *data;    /* create, set */
	size_t size_bytes;
	/* The answer. */
	enum zk_code code;
	int32_t sequence;    /* create with ZK_SEQUENCE */
	struct zk_stat stat; /* set */
};

enum zk_request_kind {
	ZK_READ_CHILDREN, /* names, stat; the watch fires on any change of names */
	ZK_READ_DATA,     /* data, stat; the watch fires on change and removal */
	ZK_READ_STAT,     /* stat; no watch */
	/*
	 * Reads behind it show all that anybody was told before it was sent:
	 * the server catches up with the leader first.
	 */
	ZK_SYNC,
	/*
	 * All operations or none, in order.  If one fails, it bears its code,
	 * all others ZK_OTHER, and the request the same code as the one.
	 */
	ZK_WRITE,
};

struct zk_request {
	/* The caller's: set before send, unchanged until done. */
	enum zk_request_kind kind;
	bool watch;
	const char *path;  /* reads */
	struct zk_op *ops; /* write */
	size_t n_ops;
	/*
	 * Called once, on the owner thread; may free the request.  If the loop
	 * ends first it is not called.
	 */
	void (*done)(struct zk_request *request);

	/* The answer, valid during done. */
	enum zk_code code;
	struct zk_stat stat;
	char **names;
	size_t n_names;
	void *data; /* a NUL that is not counted follows; NULL if empty */
	size_t size_bytes;

	/* The table's while it is under way. */
	struct metafora_post post;
	struct zk *zk;
	struct zk_request *prev, *next;
	void *extra;
};

enum zk_event_kind {
	ZK_EVENT_CONNECTED,   /* with session and timeout_ms; first or again */
	ZK_EVENT_CONNECTING,  /* the connection dropped */
	ZK_EVENT_EXPIRED,     /* the session is gone */
	ZK_EVENT_AUTH_FAILED, /* the credentials were refused */
	ZK_EVENT_UNREACHABLE, /* no server could be resolved: text says why */
	ZK_EVENT_CHILDREN,    /* watch: names under path changed */
	ZK_EVENT_DATA,        /* watch: data of path changed */
	ZK_EVENT_DELETED,     /* watch: path is gone */
	ZK_EVENT_MISSED,      /* memory was short: any watch may have fired */
	ZK_EVENT_CLOSED,      /* answers close; the last of all */
};

struct zk_event {
	enum zk_event_kind kind;
	const char *path;
	const char *text;
	uint64_t session;
	int64_t timeout_ms;
};

typedef void (*zk_event_fn)(void *arg, const struct zk_event *event);

#define ZK_PERM_READ 0x01u
#define ZK_PERM_WRITE 0x02u
#define ZK_PERM_CREATE 0x04u
#define ZK_PERM_DELETE 0x08u
#define ZK_PERM_ADMIN 0x10u
#define ZK_PERM_ALL 0x1fu

/* One entry of the ACL that every node created through the handle gets. */
struct zk_acl {
	unsigned int perms;
	const char *scheme;
	const char *id;
};

/* How SASL proves who we are; NULL: not needed.  Passed on as they are. */
struct zk_sasl {
	const char *service;
	const char *host;
	const char *mechanisms;
	const char *user;
	const char *realm;
	const char *password_file;
};

/* What open needs to know; valid as long as the handle. */
struct zk_target {
	const char *servers; /* host:port, comma separated */
	int64_t timeout_ms;  /* session timeout to ask for */
	const char *auth_scheme; /* NULL: no credentials */
	const char *auth;        /* secret: never logged */
	const char *tls;  /* "ca,certificate,key,password": secret; NULL: none */
	const struct zk_sasl *sasl; /* NULL: none */
	const struct zk_acl *acl;
	size_t n_acl;
};

struct zk_calls {
	/*
	 * Begin to connect.  Events go to event(arg, ...).  Returns 0,
	 * METAFORA_ENOMEM, METAFORA_ESYS.
	 */
	int (*open)(void *env, const struct metafora_host *host,
		    const struct zk_target *target, zk_event_fn event,
		    void *arg, struct zk **out);
	/* The request must live until done. */
	void (*send)(struct zk *zk, struct zk_request *request);
	/*
	 * End the session, if need be; requests under way are answered with
	 * ZK_UNKNOWN, then ZK_EVENT_CLOSED comes, within seconds even if no
	 * server answers.  Once.
	 */
	void (*close)(struct zk *zk);
	/*
	 * Any thread, until free: end the session, or at least keep it alive
	 * no longer; ZK_EVENT_EXPIRED follows.  Does not block.
	 */
	void (*abandon)(struct zk *zk);
	/* After ZK_EVENT_CLOSED, or when the loop has ended. */
	void (*free)(struct zk *zk);
};

/* The table over the installed client library; NULL if built without it. */
const struct zk_calls *mf_zk_real_calls(void);
/* What the installed client library can do. */
bool mf_zk_real_has_tls(void);
bool mf_zk_real_has_sasl(void);

#endif
