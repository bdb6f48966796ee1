/* SPDX-License-Identifier: Apache-2.0 */
/* A mailbox: any thread posts, one owner takes. */
#include <assert.h>

#include <metafora/error.h>

#include "mailbox.h"

int mf_mailbox_init(struct mf_mailbox *mailbox)
{
	*mailbox = (struct mf_mailbox){0};
	mailbox->last = &mailbox->first;
	if (pthread_mutex_init(&mailbox->lock, NULL))
		return METAFORA_ESYS;
	return 0;
}

void mf_mailbox_fini(struct mf_mailbox *mailbox)
{
	assert(!mailbox->first);
	pthread_mutex_destroy(&mailbox->lock);
}

void mf_mailbox_attach(struct mf_mailbox *mailbox, void (*wake)(void *arg),
		       void *arg)
{
	pthread_mutex_lock(&mailbox->lock);
	mailbox->wake = wake;
	mailbox->wake_arg = arg;
	if (mailbox->first)
		wake(arg);
	pthread_mutex_unlock(&mailbox->lock);
}

bool mf_mailbox_put(struct mf_mailbox *mailbox, struct metafora_post *post)
{
	bool was_empty;
	bool closed;

	pthread_mutex_lock(&mailbox->lock);
	closed = mailbox->closed;
	if (!closed) {
		was_empty = !mailbox->first;
		post->next = NULL;
		*mailbox->last = post;
		mailbox->last = &post->next;
		mailbox->n++;
		if (was_empty && mailbox->wake)
			mailbox->wake(mailbox->wake_arg);
	}
	pthread_mutex_unlock(&mailbox->lock);
	return !closed;
}

static struct metafora_post *take(struct mf_mailbox *mailbox, bool close)
{
	struct metafora_post *first;

	pthread_mutex_lock(&mailbox->lock);
	first = mailbox->first;
	mailbox->first = NULL;
	mailbox->last = &mailbox->first;
	mailbox->n_taken = mailbox->n;
	mailbox->n = 0;
	mailbox->taken_since_ns = mailbox->since_ns;
	if (close)
		mailbox->closed = true;
	pthread_mutex_unlock(&mailbox->lock);
	return first;
}

struct metafora_post *mf_mailbox_take(struct mf_mailbox *mailbox)
{
	return take(mailbox, false);
}

struct metafora_post *mf_mailbox_close(struct mf_mailbox *mailbox)
{
	return take(mailbox, true);
}
