/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster view: the one picture of tasks, lines of claims and members. */
#ifndef MF_VIEW_H
#define MF_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <metafora/cluster.h>
#include <metafora/coordinator.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "shards.h"

/* One place in a line. */
struct mf_vclaim {
	struct metafora_member *node;
	uint64_t token;
};

/* Most lines are of one claim, which then needs no memory of its own. */
union mf_vline {
	struct mf_vclaim one;
	struct mf_vclaim *many;
};

/*
 * A node: a living member, or a name that only claims mention.  One record
 * for both, so that claims can point to it.
 */
struct metafora_member {
	char *name;
	bool living;            /* listed by the broker */
	bool seen;              /* scratch of a snapshot */
	uint64_t session;
	enum metafora_member_state state;
	double weight;
	uint64_t capacity;
	size_t n_owned;         /* lines of existing tasks it is first in */
	size_t n_waiting;       /* lines it stands further back in */
	size_t n_claims;        /* references from lines */
	size_t index;           /* in members; SIZE_MAX: not living */
	/* This node's own member: its view, for what the engine counts. */
	const struct metafora_cluster *own_view;
	UT_hash_handle hh;
};

/*
 * A task, or a line of claims on a task that does not exist (exists false).
 * Created by snapshots; goes when it neither exists, nor has a line, nor an
 * entry of the engine.
 */
struct metafora_cluster_task {
	UT_hash_handle hh;
	TAILQ_ENTRY(metafora_cluster_task) in_bucket;
	union {
		TAILQ_ENTRY(metafora_cluster_task) in_unowned; /* iff unowned */
		TAILQ_ENTRY(metafora_cluster_task) in_waited;  /* iff waited */
	};
	STAILQ_ENTRY(metafora_cluster_task) in_changed; /* iff changed */
	TAILQ_ENTRY(metafora_cluster_task) in_asking;  /* iff asking */
	union mf_vline line;      /* of n_line claims; the first owns */
	uint64_t unowned_since_ns;
	uint64_t birth;
	struct mf_entry *entry;   /* the engine's; NULL: none here */
	uint32_t n_line;
	uint32_t seen;            /* generation of the last snapshot */
	uint16_t bucket;
	bool exists;
	bool unowned;             /* exists, and no line */
	bool waited;              /* exists, and a line of two or more */
	bool changed;             /* on the changed list */
	bool reborn;              /* another life than before; engine clears */
	bool asking;              /* engine's: to be put to the balancer */
	bool stray;               /* engine's: our claim without an entry */
	char id[];
};

TAILQ_HEAD(mf_vtasks, metafora_cluster_task);

/* The claims in the task's line, n_line of them. */
static inline const struct mf_vclaim *
mf_view_line(const struct metafora_cluster_task *task)
{
	return task->n_line > 1 ? task->line.many : &task->line.one;
}

struct mf_vbucket {
	struct mf_vtasks tasks;
	bool tasks_read;  /* in this session */
	bool claims_read; /* in this session */
};

struct metafora_cluster {
	char *self_name;
	bool has_lines;
	struct metafora_cluster_task *tasks[MF_N_SHARDS]; /* hash by id */
	struct metafora_member *nodes;        /* hash by name */
	struct metafora_member **members;     /* living, sorted by name */
	size_t n_members;
	struct mf_vbucket *buckets;
	uint32_t n_buckets;
	uint32_t n_unread;   /* snapshots still missing in this session */
	bool members_read;
	uint32_t generation;
	size_t n_tasks;
	size_t n_unowned;
	struct mf_vtasks unowned;
	struct mf_vtasks waited;
	STAILQ_HEAD(, metafora_cluster_task) changed;
	struct mf_vtasks asking; /* engine's */
	uint64_t version;
	/* Engine's: what this node holds, for metafora_member_n_owned(self). */
	size_t n_held;
	/* Engine's: lines it stands in, for metafora_member_n_waiting(self). */
	size_t n_queued;
	/* Engine's: for metafora_cluster_n_leaving. */
	size_t n_leaving;
	/* Engine's: entries that run and are not stopping. */
	TAILQ_HEAD(mf_own, mf_entry) own;
	bool members_changed; /* engine clears */
};

/* self_name is copied.  Returns 0 or METAFORA_ENOMEM. */
int mf_view_init(struct metafora_cluster *view, const char *self_name,
		 bool has_lines);
void mf_view_fini(struct metafora_cluster *view);

/*
 * A session begins with so many buckets (1 to 65,536): what is known stays
 * until it is read again, but counts as unread.  0 or METAFORA_ENOMEM; with
 * another number of buckets than before all is forgotten first.
 */
int mf_view_begin(struct metafora_cluster *view, uint32_t n_buckets);
/* Whether members and all buckets have been read in this session. */
bool mf_view_complete(const struct metafora_cluster *view);

/*
 * Apply a snapshot.  Changed tasks go to view->changed.  On METAFORA_ENOMEM
 * the view is consistent but may lack what is new: read again.
 * METAFORA_EINVAL: a bucket that is none; METAFORA_EPROTO: entries that make
 * no sense were left out (over-long or empty names, a task of another bucket).
 */
int mf_view_tasks(struct metafora_cluster *view, uint64_t now_ns,
		  uint32_t bucket, const struct metafora_task_fact *facts,
		  size_t n);
int mf_view_claims(struct metafora_cluster *view, uint64_t now_ns,
		   uint32_t bucket, const struct metafora_claim_fact *facts,
		   size_t n);
int mf_view_members(struct metafora_cluster *view,
		    const struct metafora_member_record *records, size_t n);

/*
 * Take one changed task off the list, or NULL.  Call mf_view_settle when done
 * with it.
 */
struct metafora_cluster_task *mf_view_pop_changed(struct metafora_cluster *view);
struct metafora_cluster_task *mf_view_find(const struct metafora_cluster *view,
					   const char *id);
/* Walk all tasks, even those that do not exist; begins and ends with NULL. */
struct metafora_cluster_task *
mf_view_next(const struct metafora_cluster *view,
	     const struct metafora_cluster_task *previous);
/* The claim of this node in the task's line, or NULL. */
const struct mf_vclaim *mf_view_own_claim(const struct metafora_cluster *view,
					  const struct metafora_cluster_task *t);
/* Free the task if neither existence, line, entry nor a list keeps it. */
void mf_view_settle(struct metafora_cluster *view,
		    struct metafora_cluster_task *task);

#endif
