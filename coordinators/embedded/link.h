/* SPDX-License-Identifier: Apache-2.0 */
/* A link: what one side and the broker send each other, and when it arrives. */
#ifndef MF_EMB_LINK_H
#define MF_EMB_LINK_H

#include "broker.h"

#define EMB_NS_PER_MS 1000000ULL
#define EMB_NEVER UINT64_MAX

enum emb_fate {
	EMB_DELIVERED, /* it arrives */
	EMB_LOST,      /* it was on its way when the link broke */
	EMB_DROPPED,   /* nobody wants it any more */
};

/* Something on its way to a side.  Owner thread only. */
struct emb_message {
	TAILQ_ENTRY(emb_message) entry;
	uint64_t due_ns;
	/* Its way has ended: act on it and free it. */
	void (*end)(struct emb_link *link, struct emb_message *message,
		    enum emb_fate fate);
};

/* Messages in the order of sending.  Owner thread only. */
struct emb_queue {
	TAILQ_HEAD(, emb_message) messages;
	uint64_t last_due_ns;
};

/*
 * Both sides work in steps: a step is taken on the owner thread after a wake
 * and when the timer fires; it looks at everything there is to do.
 */
struct emb_link {
	struct metafora_post post;
	bool posted;   /* guarded by the broker's lock */
	bool attached; /* guarded by the broker's lock */
	TAILQ_ENTRY(emb_link) in_broker;
	const struct metafora_host *host;        /* const */
	struct metafora_embedded_broker *broker; /* const */
	const char *name; /* const; a node's, NULL for a client */
	void (*step)(struct emb_link *link); /* const */
	struct emb_faults *faults;           /* guarded by the broker's lock */
	/* Written by the owner, with the lock held: others abandon it. */
	struct emb_session *session;
	/* A client's watch; guarded by the broker's lock. */
	bool watching;
	uint64_t dirty_buckets;
	bool dirty_members;
	struct metafora_timer *timer; /* owner */
	struct emb_queue queue;       /* owner */
	uint64_t n_cuts;              /* owner: cuts that were noticed */
};

/*
 * Attach the link to the broker; name must live as long.  Nothing happens
 * before the first wake.  0 or METAFORA_ENOMEM.
 */
int mf_emb_link_init(struct emb_link *link, const struct metafora_host *host,
		     struct metafora_embedded_broker *broker, const char *name,
		     void (*step)(struct emb_link *link));
/* The queue must be empty. */
void mf_emb_link_fini(struct emb_link *link);
/*
 * Detach for good if no wake is under way.  False: a further step comes, try
 * then.  Owner thread, without the lock.
 */
bool mf_emb_link_detach(struct emb_link *link);

/* Make the link take a step soon.  Any thread, with the lock held. */
void mf_emb_wake(struct emb_link *link);
/*
 * Have those that watch look at buckets, or members, again.  With the lock
 * held.
 */
void mf_emb_watched(struct metafora_embedded_broker *broker, uint64_t buckets,
		    bool members);
/* The same as mf_emb_wake without the lock. */
void mf_emb_kick(struct emb_link *link);

/*
 * Send a message to the side, behind all others in the queue, so late as the
 * switches say, and by extra_ns later.  Owner thread, with the lock held.
 */
void mf_emb_send(struct emb_link *link, struct emb_queue *queue,
		 struct emb_message *message, uint64_t extra_ns);
/* A random time of up to max_ns.  Owner thread. */
uint64_t mf_emb_random_ns(const struct emb_link *link, uint64_t max_ns);

/* What becomes of one write. */
enum emb_write {
	EMB_WRITE_THROUGH,
	EMB_WRITE_LOST,        /* the request got lost */
	EMB_WRITE_ANSWER_LOST, /* it takes effect, its answer is lost */
};
enum emb_write mf_emb_next_write(struct emb_link *link);

void mf_emb_queue_init(struct emb_queue *queue);
/* Deliver what is due at now_ns.  Owner thread, without the lock. */
void mf_emb_queue_deliver(struct emb_queue *queue, struct emb_link *link,
			  uint64_t now_ns);
/* End all there is, with LOST or DROPPED. */
void mf_emb_queue_clear(struct emb_queue *queue, struct emb_link *link,
			enum emb_fate fate);
/* Due time of the first message, EMB_NEVER without one. */
uint64_t mf_emb_queue_next_ns(const struct emb_queue *queue);

#endif
