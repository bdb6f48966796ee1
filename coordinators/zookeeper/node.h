/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the node side: one consumer's membership, claims and commands. */
#ifndef ZK_NODE_H
#define ZK_NODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lease.h"
#include "pace.h"
#include "path.h"
#include "session.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/*
 * Bytes of the paths of all ephemerals of one session: when the server closes
 * a session it writes them into one transaction, which must stay below 1 MiB,
 * or the ensemble cannot be restarted any more.
 */
#define ZK_EPHEMERAL_BYTES_MAX (768 * 1024)

/* One write: operations and bytes, and how many may be under way. */
#define ZK_BATCH_OPS_MAX 100
#define ZK_BATCH_BYTES_MAX (256 * 1024)
#define ZK_BATCHES_MAX 4

struct zk_node;

enum zk_claim_state {
	ZK_CLAIM_LOOKING,  /* waits for a list, lest it is made for nothing */
	ZK_CLAIM_CREATING, /* waits to be made, or is being made */
	ZK_CLAIM_LISTING,  /* made; a list of the line decides */
	ZK_CLAIM_PROVING,  /* first in line; does the task exist? */
	ZK_CLAIM_CHECKING, /* further back; does the task exist? */
	ZK_CLAIM_QUEUED,
	ZK_CLAIM_OWNED,
	ZK_CLAIM_SEEKING,  /* core wants it gone; is there any? */
	ZK_CLAIM_ENDING,   /* waits to be deleted, or is being deleted */
	ZK_CLAIM_LIMBO,    /* unknown outcome told; core will come back */
};

/* What this node has, wants or gives up on one task. */
struct zk_claim {
	UT_hash_handle hh; /* by task */
	TAILQ_ENTRY(zk_claim) in_bucket;
	TAILQ_ENTRY(zk_claim) in_queue; /* iff queued */
	enum zk_claim_state state;
	enum metafora_verb verb; /* claim or queue */
	uint64_t attempt;
	char *path;          /* with the sequence once it is known */
	uint32_t bytes;      /* counted for the claim's path */
	uint32_t bucket;
	uint32_t sequence;
	bool has_sequence;
	bool first;          /* in line, as of the last list */
	bool gone_told;
	bool silent;         /* a repair: core knows nothing of it */
	int64_t birth;       /* czxid of the task we own or queue for */
	/* While seeking: claims up to here are not ours. */
	int64_t sought;
	bool probing;
	/* While ending: what to say then. */
	enum metafora_verb end_verb;
	enum metafora_result end_result;
	int end_error;
	uint64_t end_attempt;
	enum zk_claim_state before; /* to go back to if it fails */
	bool claim_only;     /* done: the task is gone already */
	char task[];
};

TAILQ_HEAD(zk_claim_queue, zk_claim);

struct zk_owner;

/* One bucket's tasks, or claims. */
struct zk_folder {
	struct zk_call call; /* first */
	struct zk_node *node;
	enum zk_folder_kind kind;
	uint32_t bucket;
	bool reading;
	bool queued;         /* to be read when it is its turn */
	bool urgent;         /* the queue that it is in */
	TAILQ_ENTRY(zk_folder) in_queue; /* iff queued */
	bool waiting;        /* the timer is set */
	bool known;          /* n_created and n_names are */
	char *path;
	struct metafora_timer *timer;
	struct zk_pace pace; /* read_ns: when it was last sent */
	int32_t cversion;    /* as of the last list */
	bool storms;         /* that list showed many changes at once */
	uint32_t n_created;
	uint32_t n_names;
	bool spent;          /* its sequence numbers are used up */
	/* Claims, if takeovers are delayed: who was first in the last list. */
	struct zk_owner *owners;
	size_t n_owners;
	bool strangers;      /* of some the session was not known */
	struct zk_claim_queue claims; /* claims: this node's in the bucket */
};

TAILQ_HEAD(zk_folder_queue, zk_folder);

enum zk_node_phase {
	ZK_NODE_OUT,       /* no session */
	ZK_NODE_JOINING,   /* making itself known under its name */
	ZK_NODE_PROVING,   /* joined; waits for a lease that is worth it */
	ZK_NODE_IN,
	ZK_NODE_SUSPENDED,
	ZK_NODE_SETTLING,  /* connected again; waits for its own write */
	ZK_NODE_CLOSING,
};

struct zk_other {
	struct zk_call call; /* first */
	UT_hash_handle hh;   /* by name as found */
	struct zk_node *node;
	bool present;
	bool reading;
	char *path;
	void *owner; /* of record's strings; NULL: no record yet */
	struct metafora_member_record record;
	char *name;  /* decoded */
	char key[];
};

struct zk_members {
	struct zk_call call; /* the list */
	bool reading;
	bool listed;
	unsigned int n_reading;
	char *path;
	struct zk_other *others;
};

/* Sessions of which it is remembered that they were draining. */
#define ZK_DRAINED_MAX 64

struct zk_hold;

struct zk_takeover {
	struct zk_hold *holds; /* tasks that rest */
	struct metafora_timer *timer; /* the first of them may go on */
	uint64_t drained[ZK_DRAINED_MAX]; /* newest sessions; 0: none */
	unsigned int next_drained;
};

struct zk_command;
TAILQ_HEAD(zk_command_list, zk_command);

struct zk_commands {
	struct zk_call call; /* the list */
	bool reading;
	char *path;
	struct zk_command_list list; /* by sequence */
};

struct zk_ghost;

struct zk_ghosts {
	struct zk_call call; /* the list of folders */
	bool reading;
	char *path;
	struct zk_ghost *known;
	unsigned int n_removing;
};

/* Owner thread only, except the session's lock. */
struct zk_node {
	struct zk_session session; /* first */
	const struct metafora_node_sink *sink;
	enum zk_node_phase phase;
	bool close_asked;
	char *name;
	char encoded[3 * METAFORA_NODE_NAME_MAX + 1];
	struct metafora_member_record record; /* strings are ours */
	char *member_path;
	char *lease_path;

	struct zk_lease lease;
	struct zk_call lease_call;
	struct zk_op lease_op;
	bool lease_busy;
	bool settled; /* settling: the own write came through */
	struct metafora_timer *lease_timer;

	struct zk_call join_call;
	struct zk_op join_ops[2];
	bool join_busy;
	char *join_record;
	struct metafora_timer *join_timer;
	/* Who has our name. */
	int64_t rival;
	int32_t rival_version;
	uint64_t rival_since_ns;

	struct zk_call publish_call;
	struct zk_op publish_op;
	char *publish_record;
	bool publish_busy;
	bool publish_again;

	struct zk_call leave_call;
	struct zk_op leave_ops[2];

	struct zk_folder *folders; /* tasks, then claims of each bucket */
	uint32_t n_folders;
	struct zk_folder_queue to_read[2]; /* [true]: a claim waits for it */
	bool urgent_turn;
	unsigned int n_reading; /* folders */
	struct zk_claim *claims;   /* hash by task */
	size_t n_claims;
	size_t ephemeral_bytes;
	uint64_t full_capacity;    /* published while full; 0: not full */
	struct zk_claim_queue to_create;
	struct zk_claim_queue to_end;
	unsigned int n_creating;   /* batches */
	unsigned int n_ending;
	unsigned int n_evicting;
	/* Answers that were clear at once; given by a post. */
	struct zk_claim_queue refused;
	struct metafora_post soon_post; /* these, and writes that gather */
	bool soon_posted;
	/* Claims on tasks that have one already whose answer is open. */
	struct zk_claim_queue deferred;
	struct metafora_post closed_post;
	struct metafora_timer *retry_timer;   /* memory was short */
	struct metafora_timer *panic_timer;   /* an answer would be lost */
	struct metafora_timer *refresh_timer; /* reconcile; refresh */
	bool reconciling;

	struct zk_members members;
	struct zk_takeover takeover;
	struct zk_commands commands;
	struct zk_ghosts ghosts;
};

extern const struct metafora_node_ops mf_zk_node_ops;

static inline struct zk_node *mf_zk_node_of(struct zk_session *session)
{
	return (struct zk_node *)session;
}

static inline const struct metafora_host *mf_zk_host(const struct zk_node *node)
{
	return node->session.host;
}

/* Whether verbs are answered and facts are told. */
static inline bool mf_zk_node_in(const struct zk_node *node)
{
	return node->phase == ZK_NODE_IN;
}

/* node.c: leave this session with its lease; another one follows. */
void mf_zk_node_give_up(struct zk_node *node, const char *why);
/* The same, soon, from inside an operation. */
void mf_zk_node_panic(struct zk_node *node);
/* Refused by the broker: log, and give up. */
void mf_zk_node_refused(struct zk_node *node, const char *what,
			enum zk_code code);

/* join.c: name, lease, record. */
void mf_zk_join_start(struct zk_node *node);
void mf_zk_join_settle(struct zk_node *node);
/* node.c: joined. */
void mf_zk_join_done(struct zk_node *node);
/*
 * Connected again, and the own write came through: what is still open has an
 * unknown outcome.  Waits for writes that are still to be answered.
 */
void mf_zk_node_settle(struct zk_node *node);
void mf_zk_publish(struct zk_node *node);
int mf_zk_join_init(struct zk_node *node);
void mf_zk_join_fini(struct zk_node *node);

/* folders.c: reads of buckets. */
int mf_zk_folders_begin(struct zk_node *node);
void mf_zk_folders_fini(struct zk_node *node);
struct zk_folder *mf_zk_folder(struct zk_node *node, enum zk_folder_kind kind,
			       uint32_t bucket);
/* A watch fired: read soon. */
void mf_zk_folder_changed(struct zk_folder *folder);
/* Read as soon as can be. */
void mf_zk_folder_read(struct zk_folder *folder);
/* Whether it has changed since its last list, as far as is known. */
bool mf_zk_folder_is_stale(const struct zk_folder *folder);
/* 1, and one more for each few members that there are. */
unsigned int mf_zk_crowds(const struct zk_node *node);
void mf_zk_folders_read_all(struct zk_node *node);
/* The folder with the path, or NULL. */
struct zk_folder *mf_zk_folder_find(struct zk_node *node, const char *path);

/* members.c */
int mf_zk_members_begin(struct zk_node *node);
void mf_zk_members_fini(struct zk_node *node);
void mf_zk_members_read(struct zk_node *node);
/* A watch fired; false if the path is none of theirs. */
bool mf_zk_members_event(struct zk_node *node, const struct zk_event *event);

/* Whether there is a member of that name, as it is found in the folder. */
bool mf_zk_members_listed(struct zk_node *node, const char *key);
/* Of the member as it was read last; 0: it is not known. */
uint64_t mf_zk_members_session(struct zk_node *node, const char *name);

/* takeover.c: a task rests when its owner vanished without a release. */
int mf_zk_takeover_init(struct zk_node *node);
void mf_zk_takeover_fini(struct zk_node *node);
void mf_zk_takeover_clear(struct zk_node *node);
/* A bucket of claims was listed; METAFORA_ENOMEM: list it again. */
int mf_zk_takeover_listed(struct zk_node *node, struct zk_folder *folder,
			  const struct metafora_claim_fact *facts, size_t n);
/* Whether nobody here may own the task yet. */
bool mf_zk_takeover_holds(struct zk_node *node, const char *task);
/* A member's record was read; all of them were. */
void mf_zk_takeover_record(struct zk_node *node,
			   const struct metafora_member_record *record);
void mf_zk_takeover_members(struct zk_node *node);

/* claims.c: the life of a claim. */
struct zk_claim *mf_zk_claim_new(struct zk_node *node, const char *task);
void mf_zk_claim_remove(struct zk_node *node, struct zk_claim *claim);
struct zk_claim *mf_zk_claim_find(struct zk_node *node, const char *task);
void mf_zk_claims_clear(struct zk_node *node);
/* Give a verdict of the claim's own verb. */
void mf_zk_claim_say(struct zk_node *node, const struct zk_claim *claim,
		     enum metafora_result result, int error);
/* Give a verdict and forget the claim. */
void mf_zk_claim_answer(struct zk_node *node, struct zk_claim *claim,
			enum metafora_result result, int error);
/* The same of the verb that ends it. */
void mf_zk_end_say(struct zk_node *node, const struct zk_claim *claim,
		   enum metafora_result result, int error);
void mf_zk_end_answer(struct zk_node *node, struct zk_claim *claim,
		      enum metafora_result result, int error);
/* The outcome of the claim's own verb is unknown. */
void mf_zk_claim_limbo(struct zk_node *node, struct zk_claim *claim, int error);
/* Every claim whose answer is open. */
void mf_zk_claims_limbo(struct zk_node *node);
uint64_t mf_zk_claim_token(const struct zk_node *node,
			   const struct zk_claim *claim);
int mf_zk_claim_set_sequence(struct zk_node *node, struct zk_claim *claim,
			     uint32_t sequence);
/* Claims of a bucket were listed, sorted. */
void mf_zk_claims_listed(struct zk_node *node, struct zk_folder *folder,
			 const struct metafora_claim_fact *facts, size_t n);
/* Tasks were listed; suspicious: one may have been deleted and made anew. */
void mf_zk_tasks_listed(struct zk_node *node, struct zk_folder *folder,
			const struct metafora_task_fact *facts, size_t n,
			bool suspicious);

/* writes.c: batches of creations and removals. */
void mf_zk_writes_pump(struct zk_node *node);
void mf_zk_write_create(struct zk_node *node, struct zk_claim *claim);
/* verb claim or queue: a claim that came to nothing, answered by result. */
void mf_zk_end_unknown(struct zk_node *node, struct zk_claim *claim, int error);
void mf_zk_write_end(struct zk_node *node, struct zk_claim *claim,
		     enum metafora_verb verb, enum metafora_result result,
		     uint64_t attempt);

/* verbs.c: what core asks. */
void mf_zk_verb_claim(void *state, const struct metafora_entry *entries,
		      size_t n);
void mf_zk_verb_queue(void *state, const struct metafora_entry *entries,
		      size_t n);
void mf_zk_verb_withdraw(void *state, const struct metafora_entry *entries,
			 size_t n);
void mf_zk_verb_release(void *state, const struct metafora_entry *entries,
			size_t n);
void mf_zk_verb_done(void *state, const struct metafora_entry *entries,
		     size_t n);
void mf_zk_verbs_clear(struct zk_node *node);
/* Tell all that is clear: nothing waits after this. */
void mf_zk_verbs_flush(struct zk_node *node);
/* A verdict was given: who waits for it goes on, soon. */
void mf_zk_verbs_resume(struct zk_node *node);

/* evict.c */
void mf_zk_evict(void *state, const struct metafora_eviction *evictions,
		 size_t n);

/* commands.c */
int mf_zk_commands_begin(struct zk_node *node);
void mf_zk_commands_fini(struct zk_node *node);
void mf_zk_commands_read(struct zk_node *node);
void mf_zk_commands_leave(struct zk_node *node);
void mf_zk_commands_ack(struct zk_node *node, const char *id, int error,
			const char *result);

/* ghosts.c: command folders of nodes that are long dead. */
int mf_zk_ghosts_begin(struct zk_node *node);
void mf_zk_ghosts_fini(struct zk_node *node);
/* Look for them; behind a read of the members. */
void mf_zk_ghosts_read(struct zk_node *node);

#endif
