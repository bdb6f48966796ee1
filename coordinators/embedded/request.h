/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of a client side: what they ask for, and what comes back. */
#ifndef MF_EMB_REQUEST_H
#define MF_EMB_REQUEST_H

#include "link.h"

enum emb_request_kind {
	EMB_SUBMIT,
	EMB_REMOVE,
	EMB_LIST,
	EMB_GET,
	EMB_DESCRIBE,
	EMB_NODES,
	EMB_COMMAND,
	EMB_COMMAND_SEND,
	EMB_REFUSED, /* for lack of memory */
};

enum emb_request_state {
	EMB_PENDING,   /* waits for the link: in client->pending */
	EMB_IN_BROKER, /* waits for claims to go, or for an acknowledgement */
	EMB_DONE,      /* has ended in the broker: in client->done */
	EMB_ANSWERED,  /* its reply is on its way: in a queue */
};

struct emb_request {
	struct emb_message message; /* its reply; first */
	struct emb_client *client;
	TAILQ_ENTRY(emb_request) entry; /* of the client */
	/*
	 * Guarded by the broker's lock while it is IN_BROKER or DONE: others
	 * end it.
	 */
	enum emb_request_state state;
	TAILQ_ENTRY(emb_request) in_state;
	struct emb_request *next_remover;

	uint64_t id;
	enum emb_request_kind kind;
	struct emb_blob *text; /* task, prefix or node; with its NUL */
	struct emb_blob *data; /* `after` with its NUL; a command's data */
	size_t limit;
	struct emb_task **tasks; /* to submit; NULL once they are taken */
	size_t n_tasks;

	struct metafora_reply reply;
	struct emb_blob *blob;       /* behind reply.data */
	int *errors;                 /* behind reply.errors */
	void *rows; /* behind reply.tasks, .waiters, .members */
	struct emb_record **records; /* n_members of them, behind members */
};

struct emb_client {
	struct emb_link link; /* first */
	const struct metafora_client_sink *sink;
	void (*request_end)(struct emb_link *link, struct emb_message *message,
			    enum emb_fate fate);
	bool closing;
	bool closed;
	TAILQ_HEAD(, emb_request) requests; /* owner: all there are */
	TAILQ_HEAD(, emb_request) pending;  /* owner */
	TAILQ_HEAD(, emb_request) done;     /* guarded by the broker's lock */
	uint64_t watch;     /* request; 0: it does not watch */
	bool watch_is_up;   /* as was told */
	uint64_t watch_ns;  /* when to look again, at the earliest */
	struct emb_queue failed;     /* replies that need no link to arrive */
	struct emb_request *reserve; /* to say ENOMEM; NULL: in use */
};

/* --- watch.c; owner thread, without the lock --------------------------------------- */

void mf_emb_watch_begin(struct emb_client *client, uint64_t request);
void mf_emb_watch_end(struct emb_client *client);
/* Part of a step: tell what has changed. */
void mf_emb_watch_step(struct emb_client *client, uint64_t now_ns, bool is_cut);
/* When there is more to tell, EMB_NEVER: nothing.  With the lock held. */
uint64_t mf_emb_watch_next_ns(const struct emb_client *client);

/* --- life; owner thread ---------------------------------------------------------- */

void mf_emb_request_init(struct emb_client *client, struct emb_request *request,
			 enum emb_request_kind kind, uint64_t id);
/* NULL: out of memory. */
struct emb_request *mf_emb_request_new(struct emb_client *client,
				       enum emb_request_kind kind, uint64_t id,
				       const char *text, const void *data,
				       size_t size_bytes, size_t limit);
struct emb_request *
mf_emb_submit_new(struct emb_client *client, uint64_t id,
		  const struct metafora_submission *submissions, size_t n);
/* Take the request out of wherever it is, and free it. */
void mf_emb_request_withdraw(struct emb_client *client,
			     struct emb_request *request);
/* Free a request that is in no list but the client's. */
void mf_emb_request_free(struct emb_client *client,
			 struct emb_request *request);
/* Forget the reply. */
void mf_emb_request_reset(struct emb_request *request);
bool mf_emb_request_is_write(const struct emb_request *request);

/*
 * Carry it out.  True: the reply is there; false: it waits in the broker.
 * Owner thread, with the lock held.
 */
bool mf_emb_request_execute(struct emb_client *client,
			    struct emb_request *request);

/* --- listing.c: reads of many; with the lock held ---------------------------------- */

void mf_emb_list(const struct metafora_embedded_broker *broker,
		 struct emb_request *request);
/* The tasks of a bucket with their owners, sorted; false: out of memory. */
bool mf_emb_list_bucket(const struct metafora_embedded_broker *broker,
			uint32_t bucket, struct metafora_task_row **rows,
			size_t *n);
void mf_emb_describe(const struct metafora_embedded_broker *broker,
		     struct emb_request *request);
void mf_emb_nodes(const struct metafora_embedded_broker *broker,
		  struct emb_request *request);

#endif
