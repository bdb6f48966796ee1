/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the embedded broker: tasks, lines of claims, sessions, commands. */
#ifndef MF_EMB_BROKER_H
#define MF_EMB_BROKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <metafora/coordinator.h>
#include <metafora/error.h>
#include <metafora/plugins.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Buckets of tasks and claims: one bit of a dirty set each. */
#define EMB_BUCKETS 64
#define EMB_ALL_BUCKETS UINT64_MAX

struct emb_link;
struct emb_request;

/* Bytes that several hold: properties, data of commands and their results. */
struct emb_blob {
	atomic_uint n_refs; /* atomic: the last one may let go anywhere */
	size_t size_bytes;
	unsigned char bytes[];
};

/* A member record with its strings; never changed once it is shared. */
struct emb_record {
	atomic_uint n_refs; /* atomic: the last one may let go anywhere */
	struct metafora_member_record member;
	char strings[];
};

/*
 * From here on everything is guarded by the broker's lock, unless a field
 * says otherwise.
 */

enum emb_claim_state {
	EMB_WAITING,   /* its session knows that it stands in line */
	EMB_OWNED,     /* its session was told that it owns */
	EMB_GONE,      /* its session was told that the task is gone */
	EMB_UNSETTLED, /* its session was told that it may exist */
};

struct emb_claim {
	TAILQ_ENTRY(emb_claim) in_line;
	TAILQ_ENTRY(emb_claim) in_session; /* claims, or news if is_news */
	struct emb_task *task;
	struct emb_session *session;
	uint64_t attempt;
	int64_t since_ms; /* wall clock, for people */
	uint32_t seq;
	uint8_t state; /* enum emb_claim_state */
	bool is_news;  /* its session must be told something */
};

TAILQ_HEAD(emb_claims, emb_claim);

/*
 * A task that exists, or that was removed and still has claims: the ID is
 * free again only when both are gone.
 */
struct emb_task {
	UT_hash_handle hh;
	TAILQ_ENTRY(emb_task) in_bucket;
	struct emb_claims line;       /* the first owns */
	struct emb_blob *properties;  /* NULL: none */
	struct emb_request *removers; /* wait until it is free */
	uint64_t birth;
	int64_t submitted_ms; /* wall clock, for people */
	uint8_t bucket;
	uint8_t n_id; /* bytes of the ID with its NUL: it is copied often */
	bool exists;
	char id[];
};

TAILQ_HEAD(emb_tasks, emb_task);

/* A claim that was put out of its line; its session has not been told yet. */
struct emb_evicted {
	TAILQ_ENTRY(emb_evicted) entry;
	uint64_t attempt;
	char id[];
};

struct emb_bucket {
	struct emb_tasks tasks;
	uint32_t last_seq; /* of the newest claim */
};

/* A command that its session has not acknowledged, or just has. */
struct emb_command {
	TAILQ_ENTRY(emb_command) entry;
	uint64_t id; /* grows within the session */
	struct emb_blob *data;
	struct emb_request *waiter; /* NULL: nobody waits any more */
	bool acked;
	int error;               /* acked: as the node said */
	struct emb_blob *result; /* acked: NULL if there was no memory */
};

struct emb_session {
	TAILQ_ENTRY(emb_session) entry; /* while it lives */
	unsigned int n_refs;            /* broker and link */
	uint64_t id;
	uint64_t contact_ns; /* last sign of life; const before it lives */
	bool dead;
	bool abandoned;        /* takes no further sign of life */
	struct emb_link *link; /* whom to wake; NULL: has let go */
	struct emb_record *record;
	struct emb_claims claims;
	struct emb_claims news;
	TAILQ_HEAD(, emb_evicted) evicted;
	TAILQ_HEAD(, emb_command) commands;
	size_t n_commands;
	uint64_t last_command;
	uint64_t sent_command; /* newest on its way to the node */
	/* What has changed since the node last read it. */
	uint64_t dirty_tasks;
	uint64_t dirty_claims;
	bool dirty_members;
	const char *name_in_read; /* scratch of a snapshot */
};

/* The fault switches for one name, or for all that have none of their own. */
struct emb_faults {
	TAILQ_ENTRY(emb_faults) entry;
	bool cut;
	uint64_t n_cuts; /* what was under way before the newest is lost */
	uint64_t min_delay_ns;
	uint64_t max_delay_ns;
	uint64_t lag_ns;
	size_t n_lose;
	bool lose_before;
	char name[];
};

struct metafora_embedded_broker {
	atomic_uint n_refs;  /* atomic: any thread lets go */
	uint64_t timeout_ns; /* const */
	uint64_t epoch;      /* const: high half of every token */

	pthread_mutex_t lock;
	struct emb_task *tasks; /* hash by ID */
	struct emb_bucket buckets[EMB_BUCKETS];
	TAILQ_HEAD(, emb_session) sessions;
	TAILQ_HEAD(, emb_link) links;
	uint64_t last_session;
	uint64_t last_birth;
	struct emb_faults *defaults;
	TAILQ_HEAD(, emb_faults) faults; /* of names */
};

/* --- held by several; any thread, without the lock ------------------------ */

/* NULL: out of memory. */
struct emb_blob *mf_emb_blob_new(const void *bytes, size_t size_bytes);
/* NULL is allowed in both. */
struct emb_blob *mf_emb_blob_ref(struct emb_blob *blob);
void mf_emb_blob_unref(struct emb_blob *blob);

/* Copy a string to *at, which moves behind it. */
const char *mf_emb_put(char **at, const char *string);

/* A copy with the session's ID set to 0.  NULL: out of memory. */
struct emb_record *mf_emb_record_new(const struct metafora_member_record *from);
struct emb_record *mf_emb_record_ref(struct emb_record *record);
void mf_emb_record_unref(struct emb_record *record);

struct metafora_embedded_broker *
mf_emb_ref(struct metafora_embedded_broker *broker);
/* Counterpart of mf_emb_ref is metafora_embedded_broker_free. */

/* A task that the broker does not have yet.  NULL: out of memory. */
struct emb_task *mf_emb_task_new(const char *id, const void *properties,
				 size_t size_bytes, uint32_t hash);
void mf_emb_task_free(struct emb_task *task);

/* --- the store; with the lock held ------------------------------------------ */

struct emb_task *mf_emb_find(const struct metafora_embedded_broker *broker,
			     const char *id);
/*
 * Make the task exist; the broker takes it over.  METAFORA_EEXIST;
 * METAFORA_EBUSY: claims of a former life are left; METAFORA_ENOMEM.
 */
int mf_emb_insert(struct metafora_embedded_broker *broker,
		  struct emb_task *task);
/* The task exists no more.  Frees it when it has no claims. */
void mf_emb_remove(struct metafora_embedded_broker *broker,
		   struct emb_task *task);

/*
 * Append a claim to the line.  METAFORA_ENOMEM; METAFORA_EFULL: the bucket
 * has no sequence numbers left.
 */
int mf_emb_enter(struct metafora_embedded_broker *broker,
		 struct emb_session *session, struct emb_task *task,
		 uint64_t attempt, struct emb_claim **out);
/* Take a claim out of its line, and free the task if nothing keeps it. */
void mf_emb_leave(struct metafora_embedded_broker *broker,
		  struct emb_claim *claim);
/*
 * Take the claim of another session, which waits in line, out of it, and have
 * that session told.  Nothing happens if memory is short.
 */
void mf_emb_evict(struct metafora_embedded_broker *broker,
		  struct emb_claim *claim);
/* The session's claim on the task, NULL if it has none. */
struct emb_claim *mf_emb_own_claim(const struct emb_session *session,
				   const struct emb_task *task);
/* The session has to be told of the claim (again), or must not. */
void mf_emb_set_news(struct emb_claim *claim, bool is_news);
uint64_t mf_emb_token(const struct metafora_embedded_broker *broker,
		      const struct emb_claim *claim);

/* --- sessions; with the lock held --------------------------------------------- */

/*
 * Begin a session for the link.  The caller gets a reference.
 * METAFORA_EEXIST: a session of that name lives; METAFORA_ENOMEM.
 */
int mf_emb_join(struct metafora_embedded_broker *broker, struct emb_link *link,
		struct emb_record *record, uint64_t now_ns,
		struct emb_session **out);
/* A sign of life; without effect once it is dead or abandoned. */
void mf_emb_touch(struct metafora_embedded_broker *broker,
		  struct emb_session *session, uint64_t now_ns);
/* The session's member has another record. */
void mf_emb_publish(struct metafora_embedded_broker *broker,
		    struct emb_session *session, struct emb_record *record);
/* End it now: claims and member vanish, waiting commands end. */
void mf_emb_end(struct metafora_embedded_broker *broker,
		struct emb_session *session);
void mf_emb_session_unref(struct emb_session *session);
/* The link lets go: nobody is woken for the session any more. */
void mf_emb_session_detach(struct emb_session *session);
/* End the sessions that have shown no sign of life for the timeout. */
void mf_emb_reap(struct metafora_embedded_broker *broker, uint64_t now_ns);
/* When the next session would end, UINT64_MAX if there is none. */
uint64_t mf_emb_next_expiry_ns(const struct metafora_embedded_broker *broker);

/* --- commands; with the lock held ----------------------------------------------- */

/*
 * Queue a command for the node's living session; waiter NULL: nobody waits.
 * METAFORA_ENOENT, METAFORA_EFULL, METAFORA_ENOMEM.
 */
int mf_emb_command(struct metafora_embedded_broker *broker, const char *node,
		   struct emb_blob *data, struct emb_request *waiter);
/* Nobody waits for the command any more. */
void mf_emb_command_forget(struct metafora_embedded_broker *broker,
			   const struct emb_request *waiter);
/* Answer the waiters of the commands that were acknowledged. */
void mf_emb_complete_acked(struct emb_session *session);

/* --- client.c: a request that waited in the broker has ended; lock held -------- */

/* Takes over result (may be NULL). */
void mf_emb_request_done(struct emb_request *request, int error,
			 struct emb_blob *result);
/* The next in the list of those that wait for one task. */
struct emb_request *mf_emb_request_next(struct emb_request *request);

/* --- the two tables -------------------------------------------------------------- */

extern const struct metafora_node_ops mf_emb_node_ops;
extern const struct metafora_client_ops mf_emb_client_ops;

#endif
