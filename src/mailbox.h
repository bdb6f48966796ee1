/* SPDX-License-Identifier: Apache-2.0 */
/* A mailbox: any thread posts, one owner takes.  Posting cannot fail. */
#ifndef MF_MAILBOX_H
#define MF_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <metafora/coordinator.h>

struct mf_mailbox {
	pthread_mutex_t lock;
	struct metafora_post *first; /* guarded by lock */
	struct metafora_post **last; /* guarded by lock */
	bool closed;                 /* guarded by lock */
	void (*wake)(void *arg);     /* guarded by lock */
	void *wake_arg;              /* guarded by lock */
	size_t n;                    /* guarded by lock: mail there is */
	uint64_t since_ns;           /* guarded by lock: see attach */
	size_t n_taken;              /* owner: of the newest take ... */
	uint64_t taken_since_ns;     /* owner: ... and its since_ns */
};

/* Returns 0 or METAFORA_ESYS. */
int mf_mailbox_init(struct mf_mailbox *mailbox);
/* The mailbox must be empty. */
void mf_mailbox_fini(struct mf_mailbox *mailbox);

/*
 * From now on wake(arg) is called whenever mail comes into the empty mailbox;
 * at once if mail is there.  It runs on the posting thread with the lock held
 * and must not block.  Why with the lock: once a post can be taken, its
 * delivery may end the owner and free all of it, so that its poster must not
 * touch anything of the owner's any more.  For the same reason it may set
 * since_ns: a time of the owner's choice that the next take is to show.
 */
void mf_mailbox_attach(struct mf_mailbox *mailbox, void (*wake)(void *arg),
		       void *arg);

/*
 * Append.  Any thread.  Returns false, without taking the post, if the mailbox
 * is closed.
 */
bool mf_mailbox_put(struct mf_mailbox *mailbox, struct metafora_post *post);
/* Take all, oldest first, linked by next; NULL if there is nothing. */
struct metafora_post *mf_mailbox_take(struct mf_mailbox *mailbox);
/* Refuse everything from now on; returns what was left. */
struct metafora_post *mf_mailbox_close(struct mf_mailbox *mailbox);

#endif
