/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a node side: its state, shared by the files that make it up. */
#ifndef MF_EMB_NODE_H
#define MF_EMB_NODE_H

#include "link.h"

/* An answer to a batch, or verdicts that come of themselves. */
struct emb_answer {
	struct emb_message message;
	bool is_news;
	size_t n;
	struct metafora_verdict *verdicts;
	struct emb_blob **blobs; /* the properties in the verdicts */
};

enum emb_node_state {
	EMB_JOINING,
	EMB_CONNECTED,
	EMB_SUSPENDED,
};

/* All is the owner thread's, but what the link says. */
struct emb_node {
	struct emb_link link; /* first */
	const struct metafora_node_sink *sink;
	enum emb_node_state state;
	bool closing;
	bool closed;
	bool failed;
	int error; /* why it has given up; 0: it has not */

	struct emb_record *record;            /* what to publish */
	struct metafora_member_record wanted; /* iff record_is_old */
	bool record_is_old; /* no memory for a newer one so far */

	/* The heartbeat, which also joins and comes back after a break. */
	struct emb_message beat;
	bool beating;               /* its answer has not come */
	uint64_t beat_ns;           /* when it was sent */
	bool broken;                /* the link was cut since */
	uint64_t namesake_since_ns; /* 0: none in the way */

	struct emb_queue lost; /* answers that never came: unknown outcome */
	struct emb_answer *reserve; /* for one entry, when memory is out */
	bool reserve_used;

	struct emb_queue late; /* snapshots that lag */
	size_t n_reads;        /* snapshots on their way */
	uint64_t read_ns;      /* when to read again, at the earliest */
	uint64_t last_read_ns;
	uint64_t pause_ns;
	uint64_t retry_ns;          /* for lack of memory; EMB_NEVER */
	uint64_t delivered_command; /* newest of this session */
	char name[];
};

/* --- verbs.c ------------------------------------------------------------------ */

struct emb_answer *mf_emb_reserve_new(void);
void mf_emb_verb(struct emb_node *node, enum metafora_verb verb,
		 const struct metafora_entry *entries, size_t n);
void mf_emb_put_out(struct emb_node *node,
		    const struct metafora_eviction *evictions, size_t n);
/*
 * Send what the broker has to say of itself about our claims.  False: no
 * memory.  With the lock held.
 */
bool mf_emb_collect_news(struct emb_node *node);
/* Give the verdicts of answers that got lost. */
void mf_emb_give_lost(struct emb_node *node);

/* --- reads.c -------------------------------------------------------------------- */

/* Send snapshots, or commands, that are due.  With the lock held. */
bool mf_emb_collect_reads(struct emb_node *node, uint64_t now_ns);
bool mf_emb_collect_commands(struct emb_node *node);
/* When the next snapshots are due.  With the lock held. */
uint64_t mf_emb_next_read_ns(const struct emb_node *node);

#endif
