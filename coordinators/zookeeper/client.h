/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the client side: a session, and one job per request. */
#ifndef ZK_CLIENT_H
#define ZK_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "path.h"
#include "session.h"

struct zk_client;
struct zk_job;
struct zk_step;

/* What a kind of request does; owner thread, never inside an operation. */
struct zk_job_ops {
	/*
	 * Begin, or go on after a new connection: no step is under way, and
	 * the session is up.
	 */
	void (*run)(struct zk_job *job);
	/* A watch fired.  Optional. */
	void (*event)(struct zk_job *job, const struct zk_event *event);
	/* The connection was lost.  Optional. */
	void (*down)(struct zk_job *job);
	/* Nobody waits any more: clean up at the broker.  Optional. */
	void (*cancel)(struct zk_job *job);
	void (*free)(struct zk_job *job);
};

/* A request of core's; embedded by what it is about. */
struct zk_job {
	const struct zk_job_ops *ops;
	struct zk_client *client;
	TAILQ_ENTRY(zk_job) link;
	struct metafora_post post; /* begins it */
	uint64_t request;
	unsigned int n_steps; /* under way */
	bool posted;
	bool broken;  /* a step got no answer: run again when up */
	bool over;    /* replied or cancelled: goes with its last step */
};

/* One call of a job. */
struct zk_step {
	struct zk_call call; /* first */
	struct zk_job *job;
	/*
	 * The answer.  Not called for a job that is over.  With ZK_UNSENT and
	 * ZK_UNKNOWN the job is broken already and will run again.
	 */
	void (*done)(struct zk_job *job, struct zk_step *step);
	size_t index; /* the job's */
	void *arg;    /* likewise */
	char *path;   /* freed with the step */
	char *path2;  /* freed with the step */
	struct zk_op *ops; /* freed with the step */
};

struct zk_client {
	struct zk_session session; /* first */
	const struct metafora_client_sink *sink;
	TAILQ_HEAD(zk_jobs, zk_job) jobs;
	bool up;
	bool closing;
	int error; /* it has failed for good */
	/* Requests that there was no memory for. */
	uint64_t unserved[16];
	unsigned int n_unserved;
	bool unserved_posted;
	struct metafora_post unserved_post;
};

extern const struct metafora_client_ops mf_zk_client_ops;

static inline const struct metafora_host *mf_zk_job_host(const struct zk_job *job)
{
	return job->client->session.host;
}

static inline const char *mf_zk_job_root(const struct zk_job *job)
{
	return job->client->session.options->root;
}

/* Begin soon.  job NULL: out of memory; that is the reply. */
void mf_zk_job_start(struct zk_client *client, struct zk_job *job,
		     const struct zk_job_ops *ops, uint64_t request);
/* Run it soon; no step of it is under way. */
void mf_zk_job_wake(struct zk_job *job);
/* Reply once; the job is over. */
void mf_zk_job_reply(struct zk_job *job, const struct metafora_reply *reply);
void mf_zk_job_fail(struct zk_job *job, int error);

/*
 * Make a step with one operation fewer or more than none (reads: 0); path is
 * taken over.  NULL, or path NULL: out of memory, and the job has failed.
 */
struct zk_step *mf_zk_step(struct zk_job *job, char *path, size_t n_ops,
			   void (*done)(struct zk_job *, struct zk_step *));
void mf_zk_step_read(struct zk_step *step, enum zk_request_kind kind,
		     bool watch);
void mf_zk_step_write(struct zk_step *step);
/*
 * Let the reads that follow show what anybody was told by now.  0, or the job
 * has failed.
 */
int mf_zk_step_sync(struct zk_job *job);
/* Remove a path, and forget about it. */
void mf_zk_job_sweep(struct zk_job *job, const char *path);
/*
 * Whether the step has an answer: ZK_OK, or ZK_NONODE if none_ok.  Otherwise
 * the job has failed, or runs again.
 */
bool mf_zk_step_ok(struct zk_job *job, struct zk_step *step, bool none_ok);

/* client_list.c */
void mf_zk_client_list(void *state, uint64_t request, const char *prefix,
		       const char *after, size_t limit);
void mf_zk_client_list_details(void *state, uint64_t request,
			       const char *prefix, const char *after,
			       size_t limit);
/* client_read.c */
void mf_zk_client_get(void *state, uint64_t request, const char *task);
void mf_zk_client_nodes(void *state, uint64_t request);
/* client_describe.c */
void mf_zk_client_describe(void *state, uint64_t request, const char *task);
/* client_submit.c */
void mf_zk_client_submit(void *state, uint64_t request,
			 const struct metafora_submission *submissions,
			 size_t n);
/* client_watch.c */
void mf_zk_client_watch(void *state, uint64_t request);
/* client_remove.c */
void mf_zk_client_remove(void *state, uint64_t request, const char *task);
/* client_command.c */
void mf_zk_client_command(void *state, uint64_t request, const char *node,
			  const void *data, size_t size_bytes);
void mf_zk_client_command_send(void *state, uint64_t request, const char *node,
			       const void *data, size_t size_bytes);
/* client_check.c */
void mf_zk_client_check(void *state, uint64_t request, bool repair);

#endif
