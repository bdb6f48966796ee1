/* SPDX-License-Identifier: Apache-2.0 */
/* How the blocking calls of a client wait for its answers. */
#ifndef MF_WAIT_H
#define MF_WAIT_H

#include <semaphore.h>

#include "request.h"

/*
 * A caller that waits for one answer; on its stack.  The request holds a
 * pointer to it, which is safe as every request ends, by its timer at the
 * latest, and the caller leaves only then.
 */
struct mf_wait {
	sem_t done;
	/* Copies the answer to out; returns what the call is to return. */
	int (*take)(const struct metafora_reply *reply, void *out);
	void *out;
	int error; /* what take returned; valid after done */
};

/* Returns 0 or METAFORA_ESYS. */
int mf_wait_init(struct mf_wait *wait,
		 int (*take)(const struct metafora_reply *reply, void *out),
		 void *out);
void mf_wait_fini(struct mf_wait *wait);
/* An mf_reply_fn: the answer has come. */
void mf_wait_answer(void *wait, const struct metafora_reply *reply);
/* Wait for it; what take returned. */
int mf_wait_for(struct mf_wait *wait);
/* Wait for one post of a semaphore, whatever signals come. */
void mf_wait_sem(sem_t *sem);

/* The caller is inside from here to leave: free waits for it. */
int mf_client_enter(struct metafora_client *client);
void mf_client_leave(struct metafora_client *client);

/* Begin a call with one answer; if it succeeds mf_call_end must follow. */
int mf_call_begin(struct metafora_client *client, struct mf_wait *wait,
		  int (*take)(const struct metafora_reply *reply, void *out),
		  void *out);
/* error: whether the request was made.  Returns what the call returns. */
int mf_call_end(struct metafora_client *client, struct mf_wait *wait,
		int error);

#endif
