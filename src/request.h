/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a client: its state, and the life of its requests. */
#ifndef MF_REQUEST_H
#define MF_REQUEST_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client.h"
#include "gate.h"
#include "host.h"
#include "log.h"
#include "loop.h"
#include "plugin.h"
#include "watch.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Requests of a client under way at most; beyond: METAFORA_EFULL. */
#define MF_CLIENT_REQUESTS_MAX 1000
/* How long a plug-in's close may take before the client leaves without it. */
#define MF_CLIENT_CLOSE_MAX_MS 30000
/*
 * What one submit request holds at most; a larger batch goes as several, so
 * many of them under way at a time.  One task is always allowed.
 */
#define MF_SUBMIT_TASKS_MAX 1000
#define MF_SUBMIT_BYTES_MAX (512 * 1024)
#define MF_SUBMIT_WINDOW 4

struct metafora_client {
	struct mf_loop loop;
	struct mf_host host;                      /* owner */
	struct mf_log log;                        /* const after init */
	struct metafora_coordinator *coordinator; /* const after init */
	const struct metafora_client_ops *ops;    /* const after init */

	struct metafora_post open_post;
	struct metafora_post close_post;
	struct metafora_post end_post;
	struct mf_timer close_timer; /* owner */
	void *state;                 /* owner: the plug-in's */
	bool is_open;                /* owner: state is to be closed */
	bool closing;             /* owner: answer everything, start nothing */
	bool gone;                /* owner: closed was called or given up */
	int fate;                 /* owner: what open returned */
	uint64_t n_requests_ever; /* owner: number of the newest */
	struct mf_request *requests; /* owner: sent, by number */
	struct mf_watching watching; /* owner */

	pthread_mutex_t lock;
	pthread_cond_t changed; /* of opened, n_callers */
	bool opened;            /* guarded by lock: open was tried */
	int open_error;         /* guarded by lock: fate, for others */
	bool refusing;          /* guarded by lock: close has begun */
	struct mf_gate refuses; /* open as soon as refusing is true */
	size_t n_requests;      /* guarded by lock: made, not ended */
	size_t n_callers;       /* guarded by lock: inside blocking calls */
	bool stuck;             /* owner, after join anybody: see free */
};

/* A kind of request. */
struct mf_request_kind {
	const char *name; /* for logs */
	/* Give it to the plug-in. */
	void (*send)(struct metafora_client *client,
		     const struct mf_request *request);
	/* Whether an answer is one to this request.  NULL: always. */
	bool (*valid)(const struct mf_request *request,
		      const struct metafora_reply *reply);
	/* An answer with an error has more to it than the error. */
	bool error_has_data;
};

/*
 * A request belongs to its maker until it is posted, then to the loop, which
 * frees it after fn has run.
 */
struct mf_request {
	struct metafora_post post; /* first */
	struct metafora_client *client;
	const struct mf_request_kind *kind;
	uint64_t number; /* 0 until it is sent */
	uint64_t deadline_ns;
	struct mf_timer timer; /* set while it is sent */
	UT_hash_handle hh;
	mf_reply_fn fn;
	void *arg;

	/* The arguments; strings are in the tail. */
	const char *name;  /* task, node, or prefix */
	const char *after; /* list */
	size_t limit;      /* list */
	bool repair;       /* check */
	char *data;        /* command; owned */
	size_t size_bytes; /* command */
	const struct metafora_submission *submissions; /* in the tail */
	size_t n_submissions;
	_Alignas(struct metafora_submission) char tail[];
};

/*
 * Take one of the places for requests and make a request with so many bytes
 * of tail.  Any thread.  Returns 0, METAFORA_EFULL, METAFORA_ESTOPPED,
 * METAFORA_ENOMEM.
 */
int mf_request_new(struct metafora_client *client,
		   const struct mf_request_kind *kind, size_t tail_bytes,
		   struct mf_request **out);
/* Hand it over to the loop: fn will run.  Any thread. */
void mf_request_post(struct mf_request *request, uint64_t deadline_ns,
		     mf_reply_fn fn, void *arg);

/*
 * Whether the plug-in has an operation that is optional.  Any thread.
 */
#define mf_client_has(client, op)                                              \
	((client)->ops->size >= offsetof(struct metafora_client_ops, op) +     \
					sizeof((client)->ops->op) &&           \
	 (client)->ops->op)

/*
 * As mf_client_submit, for tasks that are not in a batch, within the limits
 * above (else METAFORA_E2BIG), until an instant.
 */
int mf_client_submit_tasks(struct metafora_client *client,
			   const struct metafora_submission *tasks, size_t n,
			   uint64_t deadline_ns, mf_reply_fn fn, void *arg);

/* Answer for a request that ends without the broker's. */
static inline struct metafora_reply mf_reply_error(int error)
{
	return (struct metafora_reply){.error = error};
}

#endif
