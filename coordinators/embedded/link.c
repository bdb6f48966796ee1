/* SPDX-License-Identifier: Apache-2.0 */
/* Links: messages on their way, delayed and kept in order. */
#include "link.h"

#include <string.h>

static void on_post(struct metafora_post *post, bool dropped)
{
	struct emb_link *link = (struct emb_link *)post;

	/*
	 * Dropped, the loop has ended; `posted` stays true so that nobody
	 * posts again.  The lock may be held by whoever posted.
	 */
	if (dropped)
		return;
	pthread_mutex_lock(&link->broker->lock);
	link->posted = false;
	pthread_mutex_unlock(&link->broker->lock);
	link->step(link);
}

static void on_timer(void *arg)
{
	struct emb_link *link = arg;

	link->step(link);
}

static struct emb_faults *faults_of(struct metafora_embedded_broker *broker,
				    const char *name)
{
	struct emb_faults *faults;

	if (!name)
		return broker->defaults;
	TAILQ_FOREACH(faults, &broker->faults, entry)
		if (strcmp(faults->name, name) == 0)
			return faults;
	return broker->defaults;
}

int mf_emb_link_init(struct emb_link *link, const struct metafora_host *host,
		     struct metafora_embedded_broker *broker, const char *name,
		     void (*step)(struct emb_link *link))
{
	int error;

	memset(link, 0, sizeof(*link));
	link->post.deliver = on_post;
	link->host = host;
	link->name = name;
	link->step = step;
	mf_emb_queue_init(&link->queue);
	error = host->timer_new(host, on_timer, link, &link->timer);
	if (error)
		return error;
	link->broker = mf_emb_ref(broker);
	pthread_mutex_lock(&broker->lock);
	link->faults = faults_of(broker, name);
	link->n_cuts = link->faults->n_cuts;
	TAILQ_INSERT_TAIL(&broker->links, link, in_broker);
	link->attached = true;
	pthread_mutex_unlock(&broker->lock);
	return 0;
}

/* With the lock held. */
static void detach(struct emb_link *link)
{
	if (!link->attached)
		return;
	TAILQ_REMOVE(&link->broker->links, link, in_broker);
	link->attached = false;
	if (link->session)
		mf_emb_session_detach(link->session);
}

bool mf_emb_link_detach(struct emb_link *link)
{
	bool idle;

	pthread_mutex_lock(&link->broker->lock);
	idle = !link->posted;
	if (idle)
		detach(link);
	pthread_mutex_unlock(&link->broker->lock);
	if (idle)
		link->host->timer_cancel(link->host, link->timer);
	return idle;
}

void mf_emb_link_fini(struct emb_link *link)
{
	pthread_mutex_lock(&link->broker->lock);
	detach(link);
	if (link->session)
		mf_emb_session_unref(link->session);
	pthread_mutex_unlock(&link->broker->lock);
	link->host->timer_free(link->host, link->timer);
	metafora_embedded_broker_free(link->broker);
}

void mf_emb_wake(struct emb_link *link)
{
	if (link->posted)
		return;
	link->posted = true;
	link->host->post(link->host, &link->post);
}

void mf_emb_watched(struct metafora_embedded_broker *broker, uint64_t buckets,
		    bool members)
{
	struct emb_link *link;

	TAILQ_FOREACH(link, &broker->links, in_broker) {
		if (!link->watching)
			continue;
		link->dirty_buckets |= buckets;
		link->dirty_members |= members;
		mf_emb_wake(link);
	}
}

void mf_emb_kick(struct emb_link *link)
{
	pthread_mutex_lock(&link->broker->lock);
	mf_emb_wake(link);
	pthread_mutex_unlock(&link->broker->lock);
}

uint64_t mf_emb_random_ns(const struct emb_link *link, uint64_t max_ns)
{
	return max_ns ? link->host->random(link->host) % (max_ns + 1) : 0;
}

void mf_emb_send(struct emb_link *link, struct emb_queue *queue,
		 struct emb_message *message, uint64_t extra_ns)
{
	const struct emb_faults *faults = link->faults;
	uint64_t due_ns = link->host->now_ns(link->host) + extra_ns;

	due_ns += faults->min_delay_ns;
	due_ns += mf_emb_random_ns(link,
				   faults->max_delay_ns - faults->min_delay_ns);
	if (due_ns < queue->last_due_ns)
		due_ns = queue->last_due_ns;
	queue->last_due_ns = due_ns;
	message->due_ns = due_ns;
	TAILQ_INSERT_TAIL(&queue->messages, message, entry);
}

enum emb_write mf_emb_next_write(struct emb_link *link)
{
	struct emb_faults *faults = link->faults;

	if (faults->n_lose == 0)
		faults = link->broker->defaults;
	if (faults->n_lose == 0)
		return EMB_WRITE_THROUGH;
	faults->n_lose--;
	return faults->lose_before ? EMB_WRITE_LOST : EMB_WRITE_ANSWER_LOST;
}

void mf_emb_queue_init(struct emb_queue *queue)
{
	TAILQ_INIT(&queue->messages);
	queue->last_due_ns = 0;
}

void mf_emb_queue_deliver(struct emb_queue *queue, struct emb_link *link,
			  uint64_t now_ns)
{
	struct emb_message *message;
	size_t n_due = 0;

	/*
	 * Counted first: what the receiver causes meanwhile waits for the next
	 * step, so that a step ends.
	 */
	TAILQ_FOREACH(message, &queue->messages, entry) {
		if (message->due_ns > now_ns)
			break;
		n_due++;
	}
	for (; n_due > 0; n_due--) {
		message = TAILQ_FIRST(&queue->messages);
		if (!message || message->due_ns > now_ns)
			break;
		TAILQ_REMOVE(&queue->messages, message, entry);
		message->end(link, message, EMB_DELIVERED);
	}
}

void mf_emb_queue_clear(struct emb_queue *queue, struct emb_link *link,
			enum emb_fate fate)
{
	TAILQ_HEAD(, emb_message) all = TAILQ_HEAD_INITIALIZER(all);
	struct emb_message *message;

	/* Apart: ending a message may send another. */
	TAILQ_CONCAT(&all, &queue->messages, entry);
	queue->last_due_ns = 0;
	while ((message = TAILQ_FIRST(&all))) {
		TAILQ_REMOVE(&all, message, entry);
		message->end(link, message, fate);
	}
}

uint64_t mf_emb_queue_next_ns(const struct emb_queue *queue)
{
	const struct emb_message *message = TAILQ_FIRST(&queue->messages);

	return message ? message->due_ns : EMB_NEVER;
}
