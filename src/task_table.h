/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task table: what this node has to do with each task, and the one table
 * of transitions between those states.
 */
#ifndef MF_TASK_TABLE_H
#define MF_TASK_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <metafora/coordinator.h>
#include <metafora/task.h>

enum mf_state {
	MF_NONE,        /* nothing: entry is about to be made or freed */
	MF_CLAIMING,    /* claim is sent or to be sent */
	MF_PREPARING,   /* the handler warms up; not in line yet */
	MF_QUEUING,     /* queue is sent or to be sent */
	MF_QUEUED,      /* in line behind others */
	MF_WITHDRAWING, /* leaving the line without having run */
	MF_RUNNING,     /* owned; the handler runs */
	MF_STOPPING,    /* owned; the handler was asked to stop */
	MF_RELEASING,   /* the handler returned; the claim is given up */
	MF_FINISHING,   /* the handler returned DONE; the task is removed */
	MF_ADRIFT,      /* the claim is lost, the handler has not returned */
	MF_N_STATES
};

/* The verb an entry waits with, or waits for the verdict of. */
#define MF_N_VERBS (METAFORA_VERB_DONE + 1)

/* Where the entry's verb is. */
enum mf_sending {
	MF_IDLE,   /* no verb */
	MF_UNSENT, /* on engine->unsent[verb] */
	MF_SENT,   /* with the coordinator */
	MF_RETRY,  /* on engine->retry */
};

struct mf_entry {
	struct metafora_cluster_task *task; /* the view's; never NULL */
	TAILQ_ENTRY(mf_entry) in_all;
	TAILQ_ENTRY(mf_entry) in_own;   /* iff RUNNING */
	TAILQ_ENTRY(mf_entry) in_preparing; /* iff PREPARING */
	TAILQ_ENTRY(mf_entry) in_stops; /* iff stop_due */
	TAILQ_ENTRY(mf_entry) in_evictions; /* iff evict_due */
	TAILQ_ENTRY(mf_entry) in_verbs; /* iff UNSENT or RETRY */
	struct metafora_task *run;      /* the runner's; NULL: no handler */
	uint64_t attempt;
	uint64_t token;
	uint64_t started_ns; /* when the handler was started */
	uint64_t prepare_ns;  /* PREPARING: when to ask the handler */
	uint64_t prepared_ns; /* PREPARING: get in line at the latest */
	uint64_t missing_since_ns; /* reconcile did not see the claim; 0: did */
	uint8_t state;   /* enum mf_state; changed by mf_entry_move only */
	uint8_t sending; /* enum mf_sending */
	uint8_t verb;    /* enum metafora_verb, unless IDLE */
	uint8_t stop_reason;
	bool stop_due; /* the loop is to call the runner's stop */
	bool evict_due; /* the first waiter is to go */
	bool deleted;  /* the task ended by a client's will */
};

TAILQ_HEAD(mf_entries, mf_entry);

/* Whether the table of transitions allows it. */
bool mf_state_may_move(enum mf_state from, enum mf_state to);
/* Whether a handler runs in the state. */
bool mf_state_has_handler(enum mf_state state);
/* For logs; static. */
const char *mf_state_name(enum mf_state state);

/* Check the table (an assertion) and change the state. */
void mf_entry_move(struct mf_entry *entry, enum mf_state to);

#endif
