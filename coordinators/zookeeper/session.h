/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session with the ensemble as the node side and the client side use it: it
 * opens handles, one after the other, knows the namespace's layout, bounds the
 * requests under way.
 */
#ifndef ZK_SESSION_H
#define ZK_SESSION_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "options.h"
#include "zk_calls.h"

/* Requests under way at most: the client library drops connections beyond. */
#define ZK_IN_FLIGHT_MAX 1000

struct zk_session;

/* A request of a session; embedded by what it is for. */
struct zk_call {
	struct zk_request request; /* first; done belongs to the session */
	/*
	 * Answers; may free the call.  When stale is true the session it was
	 * made in is over: nothing may be said about it any more.
	 */
	void (*done)(struct zk_call *call);
	bool urgent; /* does not wait behind others */
	/* The session's. */
	bool stale;
	bool waiting;
	struct zk_session *session;
	uint64_t generation;
	uint64_t connection;
	uint64_t sent_ns;
	struct metafora_post unsent;
	TAILQ_ENTRY(zk_call) link;
};

TAILQ_HEAD(zk_call_list, zk_call);

enum zk_session_state {
	ZK_SESSION_IDLE,    /* no handle; one may follow */
	ZK_SESSION_OPENING, /* not connected, or the layout is not known yet */
	ZK_SESSION_UP,      /* connected, layout known */
	ZK_SESSION_DOWN,    /* the connection was lost, the session may live */
	ZK_SESSION_LEAVING, /* over for us; kept until its lease has run out */
	ZK_SESSION_CLOSING, /* the handle is being closed */
	ZK_SESSION_ENDED,   /* no handle, and none will follow */
};

/* What the user of a session is told; on the owner thread, never in a call. */
struct zk_session_user {
	/*
	 * Connected and the layout known; fresh: for the first time in this
	 * session, otherwise again.
	 */
	void (*up)(struct zk_session *session, bool fresh);
	void (*down)(struct zk_session *session);
	/* The session is over, up came before; another one will follow. */
	void (*lost)(struct zk_session *session);
	/* A watch fired, or ZK_EVENT_MISSED. */
	void (*event)(struct zk_session *session, const struct zk_event *event);
	/* Nothing comes after this; 0 if it was closed. */
	void (*ended)(struct zk_session *session, int error);
};

struct zk_layout {
	struct zk_call call;
	bool busy;
	unsigned int n_tries;
	struct zk_op *ops;
	size_t n_ops;
	size_t n_parents; /* of the path, still to create */
};

/* All but lock and zk: owner thread. */
struct zk_session {
	const struct metafora_zookeeper_options *options; /* const */
	const struct metafora_host *host;                 /* const */
	const struct zk_session_user *user;               /* const */
	pthread_mutex_t lock;
	struct zk *zk; /* guarded by lock, for abandon */
	enum zk_session_state state;
	bool stopping;         /* no handle will follow */
	int error;             /* why, if it was not closed */
	uint64_t id;           /* 0: not connected yet */
	int64_t timeout_ms;
	uint64_t opened_ns;
	uint64_t generation;   /* of sessions */
	uint64_t connection;   /* counts them */
	struct metafora_timer *timer; /* next try; end of a lease */
	unsigned int n_failures;
	struct zk_call_list calls;   /* sent */
	struct zk_call_list waiting; /* not sent: too many are */
	unsigned int n_sent;
	/* The namespace's; known when up. */
	uint32_t n_buckets;
	uint32_t epoch;
	struct zk_layout layout;
	/* Lines about what others have put into the namespace. */
	uint64_t warn_again_ns;
};

/* Returns 0, METAFORA_ENOMEM, METAFORA_ESYS. */
int mf_zk_session_init(struct zk_session *session,
		       const struct metafora_zookeeper_options *options,
		       const struct metafora_host *host,
		       const struct zk_session_user *user);
/* After ended, or when the loop has ended: answers what is left as stale. */
void mf_zk_session_fini(struct zk_session *session);

/* Begin.  Returns what the table's open returned. */
int mf_zk_session_open(struct zk_session *session);

/*
 * Send; answered later in any case, with ZK_UNSENT if there is no connection.
 * session and urgent are the only fields of the call that must not be set
 * anew for a second use.
 */
void mf_zk_session_send(struct zk_session *session, struct zk_call *call);

/*
 * Give the session up, because of an error of our own: lost is called at once,
 * and the handle closed when the clock shows not_before_ns, so that no claim
 * ends under a handler's feet.  Another session follows.
 */
void mf_zk_session_give_up(struct zk_session *session, uint64_t not_before_ns);
/* The same, and no other session follows: ended comes, with the error. */
void mf_zk_session_end(struct zk_session *session, int error,
		       uint64_t not_before_ns);
/* Nothing more to wait for: close the handle of an ended session now. */
void mf_zk_session_hurry(struct zk_session *session);
/* Any thread. */
void mf_zk_session_abandon(struct zk_session *session);

/* Whether a line about strangers in the namespace may be logged now. */
bool mf_zk_session_may_warn(struct zk_session *session);

/* METAFORA_E... for a code that is not ZK_OK. */
int mf_zk_error(enum zk_code code);
const char *mf_zk_code_name(enum zk_code code);

/* --- layout.c --- */

/* Read, and create if need be, the layout; then mf_zk_session_layout. */
void mf_zk_layout_start(struct zk_session *session);
void mf_zk_layout_fini(struct zk_session *session);
/*
 * The layout is known (0); or it is wrong and will stay so (an error); or it
 * could not be found out (METAFORA_EDISCONNECTED, METAFORA_ENOMEM,
 * METAFORA_EBUSY).
 */
void mf_zk_session_layout(struct zk_session *session, int error);

#endif
