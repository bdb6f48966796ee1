/* SPDX-License-Identifier: Apache-2.0 */
/* The coordinator plug-in: how consumers and clients reach a broker. */
#ifndef METAFORA_COORDINATOR_H
#define METAFORA_COORDINATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <metafora/cluster.h>
#include <metafora/command.h>
#include <metafora/log.h>
#include <metafora/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Model.  A broker keeps tasks, lines of claims, members and commands.  A
 * claim is a place in the line for a task: it bears the sequence number it
 * got at creation, belongs to the session that made it and ends with it.  The
 * claim with the lowest sequence owns the task.
 *
 * One consumer opens one node side, one client one client side.  Each has an
 * owner thread, its loop: all operations are called on it, all facts,
 * verdicts and replies must be given on it.  A plug-in with threads of its
 * own posts to the loop (host->post) and goes on there.
 *
 * Operations never block and never answer before they have returned: answers
 * come through the sink, from a post or a timer.  Within an operation a
 * plug-in must not call the sink; within a call of the sink core may call
 * operations (the plug-in must be ready for that), but never free.
 */

#define METAFORA_COORDINATOR_ABI 1

/* --- what core gives to a plug-in ---------------------------------------- */

struct metafora_timer;

/* What a plug-in counts; core ignores what it does not know. */
enum metafora_metric {
	/* A request was answered: how long that took, in ns. */
	METAFORA_METRIC_BROKER_LATENCY_NS = 0,
	/* So many buckets of tasks or claims were read. */
	METAFORA_METRIC_BUCKET_READS = 1,
	/* So many writes were sent. */
	METAFORA_METRIC_WRITES = 2,
	/* The connection was lost and made again, in the same session. */
	METAFORA_METRIC_RECONNECTS = 3,
	/* So many differences from the broker's state were put right. */
	METAFORA_METRIC_REPAIRS = 4,
};

/*
 * A message to the owner thread.  The plug-in allocates it, usually inside
 * its request, so that posting cannot fail.  deliver is called once on the
 * owner thread, in the order of posting; it may free or post it again.  If
 * dropped is true the loop has ended: release what the post holds, call
 * nothing else; this may come on the posting thread, inside host->post.
 */
struct metafora_post {
	struct metafora_post *next; /* core's while posted */
	void (*deliver)(struct metafora_post *post, bool dropped);
};

/*
 * The host table.  Constant and append-only; valid from open until free has
 * returned.  Each call passes the host itself first.
 */
struct metafora_host {
	uint32_t abi_version; /* METAFORA_COORDINATOR_ABI */
	uint32_t size;

	/* Any thread; does not block, cannot fail. */
	void (*post)(const struct metafora_host *host,
		     struct metafora_post *post);
	/* CLOCK_BOOTTIME in ns (in simulations a virtual one).  Any thread. */
	uint64_t (*now_ns)(const struct metafora_host *host);
	/* A random number (from a seed in simulations).  Owner thread. */
	uint64_t (*random)(const struct metafora_host *host);
	/*
	 * Timers; owner thread.  new allocates (METAFORA_ENOMEM); set (again)
	 * and cancel cannot fail; fn runs once per set, on the owner thread,
	 * not before at_ns; a time in the past means soon.  free cancels.
	 */
	int (*timer_new)(const struct metafora_host *host, void (*fn)(void *),
			 void *arg, struct metafora_timer **out);
	void (*timer_set)(const struct metafora_host *host,
			  struct metafora_timer *timer, uint64_t at_ns);
	void (*timer_cancel)(const struct metafora_host *host,
			     struct metafora_timer *timer);
	void (*timer_free)(const struct metafora_host *host,
			   struct metafora_timer *timer);
	/* Log a line; see metafora/log.h for the form.  Any thread. */
	void (*log)(const struct metafora_host *host,
		    enum metafora_log_level level, const char *format, ...)
		METAFORA_PRINTF(3, 4);
	/*
	 * Percent-encode an ID or name so that only letters, digits, "-", "_"
	 * and "." (not as the first byte) remain; decode it again, refusing
	 * what encode would not have made (METAFORA_EPROTO).  NUL-terminated;
	 * 3 * strlen + 1 bytes are always enough to encode, strlen + 1 to
	 * decode; METAFORA_E2BIG if out_bytes is too small.  Any thread.
	 */
	int (*name_encode)(const char *name, char *out, size_t out_bytes);
	int (*name_decode)(const char *encoded, char *out, size_t out_bytes);
	/* Hash of an ID, the same on every machine and for ever. */
	uint32_t (*name_hash)(const char *name);
	/*
	 * Count something.  Owner thread, also within an operation.  Call it
	 * by metafora_host_observe: older cores do not have it.
	 */
	void (*observe)(const struct metafora_host *host,
			enum metafora_metric metric, uint64_t value);
};

/* Count something, if the core wants to know. */
static inline void metafora_host_observe(const struct metafora_host *host,
					 enum metafora_metric metric,
					 uint64_t value)
{
	if (host->size >= offsetof(struct metafora_host, observe) +
				  sizeof(host->observe) &&
	    host->observe)
		host->observe(host, metric, value);
}

/* --- facts: what the broker says ------------------------------------------ */

enum metafora_session_state {
	/*
	 * In touch.  First: joined under a (new) session; a full set of
	 * snapshots (members; tasks and claims of every bucket) follows.
	 * After SUSPENDED: the same session goes on, outcomes left open are
	 * settled, changed snapshots follow.
	 */
	METAFORA_SESSION_CONNECTED = 0,
	/* Out of touch; the session may still live. */
	METAFORA_SESSION_SUSPENDED = 1,
	/*
	 * The session and with it every claim is gone.  No verdict of that
	 * session comes after this, and core sends no operation until
	 * CONNECTED.  The plug-in goes on to join under a new session.
	 */
	METAFORA_SESSION_LOST = 2,
	/* As LOST, but the plug-in has given up for good: error says why. */
	METAFORA_SESSION_FAILED = 3,
	/* close has ended; nothing comes after this. */
	METAFORA_SESSION_CLOSED = 4,
};

struct metafora_session_fact {
	enum metafora_session_state state;
	uint64_t session;       /* CONNECTED: its ID, never 0 */
	int64_t timeout_ms;     /* CONNECTED: the session timeout in force */
	uint32_t n_buckets;     /* CONNECTED: buckets of tasks and claims */
	int error;              /* FAILED */
};

/* No lease is known: never ends. */
#define METAFORA_NO_DEADLINE UINT64_MAX

struct metafora_task_fact {
	const char *task;
	/*
	 * Differs between two lives of the same ID (deleted and submitted
	 * again); 0 if the broker cannot tell.
	 */
	uint64_t birth;
};

struct metafora_claim_fact {
	const char *task;
	const char *node;
	uint64_t token;
};

struct metafora_member_record {
	const char *node;
	uint64_t session;
	enum metafora_member_state state;
	double weight;
	uint64_t capacity;   /* most tasks; 0 is no limit */
	const char *host;    /* for people */
	const char *boot_id; /* of the machine's present boot */
	const char *version; /* of the library */
	int64_t start_ms;    /* wall clock, for people */
	uint32_t pid;
};

struct metafora_command_fact {
	const char *id;   /* opaque, for ack; unique within the session */
	const void *data; /* as the client's core encoded it */
	size_t size_bytes;
};

/* --- verbs and verdicts ---------------------------------------------------- */

enum metafora_verb {
	METAFORA_VERB_CLAIM = 0,
	METAFORA_VERB_QUEUE = 1,
	METAFORA_VERB_WITHDRAW = 2,
	METAFORA_VERB_RELEASE = 3,
	METAFORA_VERB_DONE = 4,
};

/* One task of a batch given to a verb.  Valid during the call. */
struct metafora_entry {
	const char *task;
	/* Given back in the verdict; grows from claim to claim, never 0. */
	uint64_t attempt;
	/* Token of our claim; 0 if it is not known (withdraw only). */
	uint64_t token;
};

enum metafora_result {
	/*
	 * Answers claim and queue; for a queued claim it may come much later,
	 * of itself.  A read that followed the claim showed it first in line,
	 * and a read that followed that one showed that the task exists: its
	 * properties are attached.
	 */
	METAFORA_RESULT_OWNED = 0,
	/* Answers queue: in line behind others; token is attached. */
	METAFORA_RESULT_QUEUED = 1,
	/*
	 * Answers claim: another is first, and our claim is withdrawn again;
	 * or another was when this node last read, and none was made.
	 */
	METAFORA_RESULT_BEATEN = 2,
	/*
	 * Answers claim and queue: the task does not exist; no claim of ours
	 * is left.  Of itself: the task that we own or queue for was deleted
	 * (and perhaps submitted again); our claim is still there and must be
	 * given up.
	 */
	METAFORA_RESULT_GONE = 3,
	/*
	 * Answers withdraw, release and done: our claim is gone (and with done
	 * the task, by this or an earlier try).
	 */
	METAFORA_RESULT_ENDED = 4,
	/* Of itself: our claim is gone though the session lives. */
	METAFORA_RESULT_VANISHED = 5,
	/* Nothing was done; error says why.  For done: our claim still is. */
	METAFORA_RESULT_FAILED = 6,
	/*
	 * It may have been done.  Core sends withdraw with token 0 after claim
	 * or queue, and the same verb again after the others.
	 */
	METAFORA_RESULT_UNKNOWN = 7,
};

struct metafora_verdict {
	enum metafora_verb verb; /* for results of themselves: of the claim */
	enum metafora_result result;
	const char *task;
	uint64_t attempt;
	int error;              /* FAILED, UNKNOWN */
	uint64_t token;         /* OWNED, QUEUED */
	const void *properties; /* OWNED */
	size_t size_bytes;
};

/*
 * Where the node side puts what it learns.  Owner thread only, never inside
 * an operation.  Pointers are valid during the call; core copies.
 */
struct metafora_node_sink {
	uint32_t abi_version;
	uint32_t size;

	void (*session)(const struct metafora_host *host,
			const struct metafora_session_fact *fact);
	/*
	 * Every claim of the present session is safe until this instant, for
	 * all the broker has proven.  METAFORA_NO_DEADLINE: no leases.  Must
	 * be given before or with the first CONNECTED of a session, but not
	 * before the end of the session before it was told.
	 */
	void (*lease)(const struct metafora_host *host, uint64_t deadline_ns);
	/*
	 * Snapshots: all there is in the bucket, read at one instant.  What is
	 * not listed is not there.  A task must be in one bucket always.
	 * Snapshots of one kind and bucket come in the order they were read.
	 */
	void (*tasks)(const struct metafora_host *host, uint32_t bucket,
		      const struct metafora_task_fact *facts, size_t n);
	/*
	 * Sorted by task (bytewise, as the plain ID), then by token.
	 */
	void (*claims)(const struct metafora_host *host, uint32_t bucket,
		       const struct metafora_claim_fact *facts, size_t n);
	void (*members)(const struct metafora_host *host,
			const struct metafora_member_record *records, size_t n);
	void (*verdicts)(const struct metafora_host *host,
			 const struct metafora_verdict *verdicts, size_t n);
	/* Answered by ack, in order. */
	void (*command)(const struct metafora_host *host,
			const struct metafora_command_fact *fact);
};

/* A waiter to be put out of the line of a task of ours.  Valid in the call. */
struct metafora_eviction {
	const char *task;
	uint64_t token;        /* of our claim, which owns the task */
	const char *waiter;    /* node whose claim it is ... */
	uint64_t waiter_token; /* ... and which */
};

/* --- node side -------------------------------------------------------------- */

/* The coordinator keeps lines: queue works. */
#define METAFORA_COORDINATOR_LINES 0x1u

/*
 * Node side operations.  Constant and append-only.  Owner thread, except
 * abandon; none blocks.  All are mandatory, except queue without
 * METAFORA_COORDINATOR_LINES, abandon and evict.
 *
 * The verbs take batches, in the order in which core would like them; every
 * entry gets exactly one answer in verdicts unless the session is lost first.
 * They are sent only while CONNECTED.  A failing entry fails no other.
 */
struct metafora_node_ops {
	uint32_t abi_version; /* METAFORA_COORDINATOR_ABI */
	uint32_t size;
	const char *name; /* for logs; static */
	uint32_t flags;   /* METAFORA_COORDINATOR_... */

	/*
	 * Begin to join as record->node.  Strings of record are valid during
	 * the call; record->session is 0.  If it fails nothing is left behind
	 * and no other operation is called.
	 */
	int (*open)(void *config, const struct metafora_host *host,
		    const struct metafora_node_sink *sink,
		    const struct metafora_member_record *record, void **state);
	/* Become the owner or leave no claim: OWNED BEATEN GONE. */
	void (*claim)(void *state, const struct metafora_entry *entries,
		      size_t n);
	/* Stand in line: QUEUED (later OWNED), OWNED, GONE. */
	void (*queue)(void *state, const struct metafora_entry *entries,
		      size_t n);
	/*
	 * Leave the line, owner or not: ENDED.  Token 0: whatever claim this
	 * session has on the task, after making sure that no earlier write of
	 * it can still take effect.  It is no error if there is none.
	 */
	void (*withdraw)(void *state, const struct metafora_entry *entries,
			 size_t n);
	/* Give up an owned claim after the handler returned: ENDED. */
	void (*release)(void *state, const struct metafora_entry *entries,
			size_t n);
	/*
	 * Remove the task together with our claim, both or neither: ENDED.
	 * When another life of the task is there, only the claim goes.
	 */
	void (*done)(void *state, const struct metafora_entry *entries,
		     size_t n);
	/*
	 * Our member record has changed.  Kept by the plug-in and published
	 * again with every new session.  No answer.
	 */
	void (*publish)(void *state,
			const struct metafora_member_record *record);
	/*
	 * A command was carried out: error 0 or negative, result a text, never
	 * NULL.  An unknown id is ignored.
	 */
	void (*ack)(void *state, const char *id, int error,
		    const char *result);
	/* Read everything again and give fresh snapshots, soon. */
	void (*refresh)(void *state);
	/*
	 * Leave: give up the session and with it every claim that is left;
	 * then CLOSED, within a bounded time even if the broker is silent.  No
	 * verb is called after it.
	 */
	void (*close)(void *state);
	/*
	 * Optional.  Any thread, while the owner thread may be stuck inside an
	 * operation: end the session at the broker, or at least stop keeping
	 * it alive.  Must not block; may come at any time before free.
	 */
	void (*abandon)(void *state);
	/* After CLOSED or FAILED: free everything. */
	void (*free)(void *state);
	/*
	 * Optional.  Remove the waiters' claims, each only if our own claim is
	 * still there: both are checked in one step with the removal.  No
	 * answer, and no second try: the next snapshot shows what came of it.
	 * The node whose claim it was is told by VANISHED.
	 */
	void (*evict)(void *state, const struct metafora_eviction *evictions,
		      size_t n);
};

/* --- client side ------------------------------------------------------------- */

struct metafora_submission {
	const char *task;
	const void *properties;
	size_t size_bytes;
};

struct metafora_task_row {
	const char *task;
	const char *owner; /* NULL: nobody */
	uint64_t token;
	/* list_details, describe: when the owner's claim was made, else 0. */
	int64_t since_ms; /* wall clock of the broker */
};

struct metafora_member_row {
	struct metafora_member_record record;
	size_t n_owned;
};

/* What can be done about something that a check has found. */
enum metafora_remedy {
	METAFORA_REMEDY_NONE = 0,     /* nothing without a human's decision */
	METAFORA_REMEDY_POSSIBLE = 1, /* a repair would, and harm nobody */
	METAFORA_REMEDY_DONE = 2,     /* it has been repaired */
	METAFORA_REMEDY_FAILED = 3,   /* that was tried; error says why not */
};

/* Something that a check has found.  The struct may grow at its end. */
struct metafora_finding {
	const char *path; /* of the broker */
	const char *what; /* one line: what is wrong, what to do */
	enum metafora_remedy remedy;
	int error;
};

/*
 * The answer to one request.  error is the whole request's; if it is not 0
 * only `error` and, after command, `data` count.  Which other fields count is
 * said at each operation.  Valid during the call; core copies.
 */
struct metafora_reply {
	int error;
	const int *errors;
	size_t n_errors;
	const struct metafora_task_row *tasks;
	size_t n_tasks;
	bool more;
	const struct metafora_member_row *members;
	size_t n_members;
	const void *data;
	size_t size_bytes;
	int64_t submitted_ms;       /* wall clock of the broker */
	const char *const *waiters; /* nodes behind the owner, in order */
	size_t n_waiters;
	const struct metafora_finding *findings;
	size_t n_findings;
};

struct metafora_client_sink {
	uint32_t abi_version;
	uint32_t size;

	/*
	 * Answer a request, once; one that was cancelled may be answered or
	 * not.  Owner thread only, never inside an operation.
	 */
	void (*reply)(const struct metafora_host *host, uint64_t request,
		      const struct metafora_reply *reply);
	/* close has ended; nothing comes after this. */
	void (*closed)(const struct metafora_host *host);

	/* What a watch sees, until it is cancelled or answered. */
	/*
	 * In touch: snapshots of everything follow, then of what changes; or
	 * no more.  n_buckets: of tasks, if in touch.
	 */
	void (*watch_link)(const struct metafora_host *host, bool connected,
			   uint32_t n_buckets);
	/*
	 * Snapshots: the tasks of the bucket with their owners, sorted; and
	 * the living members, sorted by name (n_owned does not count).  Each
	 * shows a state after the one before; owners may have been read a
	 * little later than tasks.
	 */
	void (*watch_tasks)(const struct metafora_host *host, uint32_t bucket,
			    const struct metafora_task_row *rows, size_t n);
	void (*watch_members)(const struct metafora_host *host,
			      const struct metafora_member_row *rows, size_t n);
};

/*
 * Client side operations.  Constant and append-only; all mandatory up to and
 * with free; owner thread; none blocks.  Arguments are valid during the call.  Requests made
 * while there is no connection wait for one until they are cancelled.  Core
 * has checked lengths and limits.
 */
struct metafora_client_ops {
	uint32_t abi_version; /* METAFORA_COORDINATOR_ABI */
	uint32_t size;
	const char *name;

	int (*open)(void *config, const struct metafora_host *host,
		    const struct metafora_client_sink *sink, void **state);
	/*
	 * errors: one per submission, in order: 0, METAFORA_EEXIST,
	 * METAFORA_EBUSY (a claim of a former life of the ID is left), ...
	 */
	void (*submit)(void *state, uint64_t request,
		       const struct metafora_submission *submissions,
		       size_t n);
	/*
	 * Remove the task; reply when it and every claim on it are gone.
	 * error METAFORA_ENOENT if neither was there.
	 */
	void (*remove)(void *state, uint64_t request, const char *task);
	/*
	 * tasks and more: IDs beginning with prefix ("": all), after `after`
	 * ("": from the first), sorted bytewise, at most limit (0: all).
	 */
	void (*list)(void *state, uint64_t request, const char *prefix,
		     const char *after, size_t limit);
	/* data: the properties; error METAFORA_ENOENT. */
	void (*get)(void *state, uint64_t request, const char *task);
	/* members, sorted by name. */
	void (*nodes)(void *state, uint64_t request);
	/*
	 * Give the data to the node's present session, in order; reply when it
	 * was acknowledged, with error and data as acknowledged, or with
	 * METAFORA_ENOENT when no such node lives or it died before, or with
	 * METAFORA_EFULL when METAFORA_COMMANDS_MAX wait for it.  A later life
	 * of the node must not see it.  What nobody waits for is removed from
	 * the broker: a command that was cancelled, or whose client died, in
	 * bounded time after it was acknowledged.
	 */
	void (*command)(void *state, uint64_t request, const char *node,
			const void *data, size_t size_bytes);
	/* Nobody waits for the request any more: stop working for it. */
	void (*cancel)(void *state, uint64_t request);
	/* End; open requests get no reply; then closed, in bounded time. */
	void (*close)(void *state);
	void (*free)(void *state);
	/* Those that follow are optional: METAFORA_ENOTSUP for the caller. */
	/*
	 * As list, and since_ms of every row that has an owner.  May be much
	 * dearer.
	 */
	void (*list_details)(void *state, uint64_t request, const char *prefix,
			     const char *after, size_t limit);
	/*
	 * One task: tasks (one row, with since_ms), data (its properties),
	 * submitted_ms, waiters; error METAFORA_ENOENT.
	 */
	void (*describe)(void *state, uint64_t request, const char *task);
	/*
	 * As command, but reply as soon as the broker keeps it; nobody waits
	 * for what comes of it.
	 */
	void (*command_send)(void *state, uint64_t request, const char *node,
			     const void *data, size_t size_bytes);
	/*
	 * findings: what is not as it should be, though a cluster
	 * may be busy meanwhile; more: there were too many of them.  repair:
	 * mend what can be mended without harm to anybody.
	 */
	void (*check)(void *state, uint64_t request, bool repair);
	/*
	 * Watch the cluster until the request is cancelled; at most one at a
	 * time.  Answered only when it cannot go on, with an error.
	 */
	void (*watch)(void *state, uint64_t request);
};

/* --- making one ---------------------------------------------------------------- */

/*
 * A coordinator: how to reach one broker.  Immutable and counted: consumers
 * and clients keep references of their own, any number may share it.
 */
struct metafora_coordinator;

/*
 * Make a coordinator of two tables (either may be NULL) and the configuration
 * that is passed to their open.  The tables must outlive it.  free_config (may
 * be NULL) is called on config when the last reference goes.  If it fails the
 * caller still owns config.  Any thread; does not block.
 * Returns 0, METAFORA_EINVAL, METAFORA_EABI, METAFORA_EOPMISSING,
 * METAFORA_ENOMEM.  Since: 0.1.
 */
METAFORA_API int
metafora_coordinator_new(const struct metafora_node_ops *node_ops,
			 const struct metafora_client_ops *client_ops,
			 void *config, void (*free_config)(void *config),
			 struct metafora_coordinator **out);

/*
 * Drop the caller's reference.  NULL is allowed.  Any thread.  Since: 0.1.
 */
METAFORA_API void
metafora_coordinator_free(struct metafora_coordinator *coordinator);

#ifdef __cplusplus
}
#endif
#endif
