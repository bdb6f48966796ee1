/* SPDX-License-Identifier: Apache-2.0 */
/* A mailbox: any thread posts, one owner takes.  Posting cannot fail. */
#ifndef MF_MAILBOX_H
#define MF_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>

#include <metafora/coordinator.h>

struct mf_mailbox {
	pthread_mutex_t lock;
	struct metafora_post *first; /* guarded by lock */
	struct metafora_post **last; /* guarded by lock */
	bool closed;                 /* guarded by lock */
};

/* Returns 0 or METAFORA_ESYS. */
int mf_mailbox_init(struct mf_mailbox *mailbox);
/* The mailbox must be empty. */
void mf_mailbox_fini(struct mf_mailbox *mailbox);

/*
 * Append.  Any thread.  Returns false, without taking the post, if the mailbox
 * is closed.  *was_empty tells whether the owner needs to be woken.
 */
bool mf_mailbox_put(struct mf_mailbox *mailbox, struct metafora_post *post,
		    bool *was_empty);
/* Take all, oldest first, linked by next; NULL if there is nothing. */
struct metafora_post *mf_mailbox_take(struct mf_mailbox *mailbox);
/* Refuse everything from now on; returns what was left. */
struct metafora_post *mf_mailbox_close(struct mf_mailbox *mailbox);

#endif
