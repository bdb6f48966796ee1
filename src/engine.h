/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: a pure step.  An event and the time go in; what is to be done
 * comes out.  It calls no clock, thread, lock, log sink or plug-in, so that a
 * whole life can be replayed from its events.
 */
#ifndef MF_ENGINE_H
#define MF_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <metafora/balancer.h>
#include <metafora/coordinator.h>
#include <metafora/task.h>

#include "ignore.h"
#include "prng.h"
#include "task_table.h"
#include "view.h"

struct mf_engine_config {
	const char *node;
	bool has_lines;
	size_t max_tasks; /* 0: no limit */
	int64_t balance_interval_ms;
	int64_t balance_debounce_ms;
	int64_t shutdown_grace_ms;
	int64_t backoff_min_ms, backoff_max_ms;
	int64_t prepare_timeout_ms; /* 0: handlers do not warm up */
	int64_t lease_grace_ms; /* 0: a quarter of the session timeout */
	uint64_t seed;
	/* A state has changed; for logs and counters.  Must only look. */
	void (*moved)(void *arg, const struct mf_entry *entry,
		      enum mf_state from);
	void *moved_arg;
};

/* How long a task that was given away is left to others. */
#define MF_GIVEN_AWAY_MS 500
/* How long a task is left alone after another node was faster: our view may
 * trail behind and show it unowned still. */
#define MF_BEATEN_MS 100
/* How long until a verb that failed is sent again. */
#define MF_RETRY_MS 200
/* How long no claim is tried after the broker's capacity was reached. */
#define MF_FULL_MS 5000
/* Refused tasks that are considered again in one step; the rest is due at once. */
#define MF_CONSIDERED_MAX 2000
/* A balancer that wants to be asked again earlier is asked after so long. */
#define MF_WISH_MIN_MS 1
/* Longest session timeout that is believed. */
#define MF_TIMEOUT_MAX_MS INT64_C(86400000)
/* How long until all is read again after memory was short. */
#define MF_REFRESH_MS 200
/* How often all is read again in any case, and how long a claim must have been
 * missing or stray before that is believed. */
#define MF_RECONCILE_MS 60000

enum mf_event_kind {
	MF_EV_TIME, /* nothing but the time */
	MF_EV_SESSION,
	MF_EV_LEASE,
	MF_EV_TASKS,
	MF_EV_CLAIMS,
	MF_EV_MEMBERS,
	MF_EV_VERDICT,
	MF_EV_STARTED,  /* answers engine->start */
	MF_EV_RETURNED, /* a handler returned */
	MF_EV_PREPARED, /* a handler was asked how far it is */
	MF_EV_ANSWER,   /* answers mf_engine_question */
	MF_EV_PLAN,     /* answers mf_engine_take_balance */
	MF_EV_FREEZE,
	MF_EV_UNFREEZE,
	MF_EV_DRAIN,
	MF_EV_UNDRAIN,
	MF_EV_BALANCE,
	MF_EV_STOP_TASK,
	MF_EV_SHUTDOWN,
	MF_N_EVENTS
};

struct mf_event {
	enum mf_event_kind kind;
	union {
		const struct metafora_session_fact *session;
		uint64_t deadline_ns;
		struct {
			uint32_t bucket;
			const struct metafora_task_fact *facts;
			size_t n;
		} tasks;
		struct {
			uint32_t bucket;
			const struct metafora_claim_fact *facts;
			size_t n;
		} claims;
		struct {
			const struct metafora_member_record *records;
			size_t n;
		} members;
		const struct metafora_verdict *verdict;
		struct {
			struct mf_entry *entry;
			struct metafora_task *run; /* NULL: did not start */
		} started;
		struct {
			struct mf_entry *entry;
			enum metafora_outcome outcome;
			uint64_t ran_ns;
			bool asked; /* to stop, if only by the guard */
		} returned;
		struct {
			struct mf_entry *entry;
			/* 0: ready; more: ask again then; less: cannot. */
			int64_t answer_ms;
		} prepared;
		struct {
			struct metafora_cluster_task *task;
			enum metafora_can_claim answer;
			uint64_t until_ns;
		} answer;
		struct {
			struct metafora_cluster_task *const *releases;
			size_t n_releases;
			struct metafora_cluster_task *const *queues;
			size_t n_queues;
			struct metafora_cluster_task *const *withdrawals;
			size_t n_withdrawals;
			struct metafora_cluster_task *const *evictions;
			size_t n_evictions;
			uint64_t wish_ns; /* 0: none */
		} plan;
		const char *task; /* STOP_TASK */
	};
};

/* The engine's own times. */
enum mf_alarm {
	MF_ALARM_BALANCE,
	MF_ALARM_PREPARE,
	MF_ALARM_RETRY,
	MF_ALARM_REFRESH,
	MF_ALARM_RECONCILE,
	MF_ALARM_LEASE,
	MF_ALARM_SHUTDOWN,
	MF_N_ALARMS
};

/* What has happened so far; never goes back. */
struct mf_engine_counts {
	/* Sent; each is won, lost, or still open. */
	uint64_t claims_tried, claims_won, claims_lost;
	uint64_t queued;    /* places in line that were asked for */
	uint64_t moved_in;  /* owned after waiting in line */
	uint64_t moved_out; /* released because the balancer said so */
	uint64_t released;  /* given up, all of them */
	uint64_t done;      /* removed, and the broker has said so */
	uint64_t lost;      /* the claim went while the handler ran */
	uint64_t started, not_started; /* handlers */
	uint64_t gave_back; /* handlers that released without being asked */
	uint64_t evicted;   /* waiters put out of our lines */
};

enum mf_link { MF_LINK_DOWN, MF_LINK_SUSPENDED, MF_LINK_UP, MF_LINK_FAILED };

struct mf_engine {
	struct mf_engine_config config;
	struct metafora_cluster view;
	struct mf_ignore *ignore;
	struct mf_prng prng;

	struct mf_entries entries;
	size_t n_entries;
	size_t n_in_state[MF_N_STATES]; /* that of NONE is always 0 */
	struct mf_engine_counts counts;
	uint64_t last_attempt;

	enum mf_link link;
	uint64_t session;
	uint64_t grace_ns;
	uint64_t deadline_ns;
	enum metafora_member_state member_state;
	bool drained; /* drain was commanded */
	bool frozen;  /* freeze was commanded */
	bool shutting_down;
	bool leaving;              /* the lease is not to be renewed any more */
	bool balance_asked;        /* by command: even while frozen */
	uint64_t balanced_version; /* of the view, when last balanced */
	size_t n_again; /* refused tasks still to be considered again */
	bool again_all; /* not only those refused until a change */
	uint64_t alarms[MF_N_ALARMS];

	/* --- what is to be done ------------------------------------------- */

	/*
	 * After a verdict event: start this entry's handler with the
	 * verdict's properties and answer with MF_EV_STARTED at once.
	 */
	struct mf_entry *start;
	/* Entries whose handler is to be asked to stop: mf_engine_take_stop. */
	struct mf_entries stops;
	/*
	 * Entries whose handler warms up: to be asked how far it is when
	 * prepare_ns has come, and answered with MF_EV_PREPARED.
	 */
	struct mf_entries preparing;
	/* Entries whose first waiter is to go: mf_engine_take_evictions. */
	struct mf_entries evictions;
	/* Verbs to send: mf_engine_take_verbs. */
	struct mf_entries unsent[MF_N_VERBS];
	struct mf_entries retry;
	bool publish; /* the member state has changed */
	bool refresh; /* ask the coordinator to read all again */
	bool close;   /* leave the cluster now */
	int fatal;    /* why the consumer cannot go on; 0: it can */
	uint64_t n_repairs;
};

/* Returns 0 or METAFORA_ENOMEM. */
int mf_engine_init(struct mf_engine *engine,
		   const struct mf_engine_config *config, uint64_t now_ns);
/* No handler may run any more. */
void mf_engine_fini(struct mf_engine *engine);

/*
 * Take one event.  Returns 0; METAFORA_ENOMEM (it will be read again);
 * METAFORA_EPROTO (parts of a fact made no sense and were left out);
 * METAFORA_ENOENT (STOP_TASK: no such task runs here).
 */
int mf_engine_step(struct mf_engine *engine, uint64_t now_ns,
		   const struct mf_event *event);

/* When a MF_EV_TIME is due at the latest. */
uint64_t mf_engine_next_ns(const struct mf_engine *engine);

/*
 * The next task to put to the balancer, or NULL; to be answered by
 * MF_EV_ANSWER before the next question.
 */
struct metafora_cluster_task *mf_engine_question(struct mf_engine *engine);
/* Whether the balancer is to be asked for a plan now (clears the wish). */
bool mf_engine_take_balance(struct mf_engine *engine, uint64_t now_ns);
/* An entry whose handler is to be asked to stop, reason in stop_reason. */
struct mf_entry *mf_engine_take_stop(struct mf_engine *engine);
/*
 * Up to max entries for one verb; their state becomes SENT.  None while the
 * link is not up.
 */
size_t mf_engine_take_verbs(struct mf_engine *engine, enum metafora_verb verb,
			    struct metafora_entry *out, size_t max);
/* Up to max waiters to be put out of lines.  None while the link is not up. */
size_t mf_engine_take_evictions(struct mf_engine *engine,
				struct metafora_eviction *out, size_t max);
/* Whether tasks may be claimed at all now. */
bool mf_engine_may_claim(const struct mf_engine *engine);

#endif
