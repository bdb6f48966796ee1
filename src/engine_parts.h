/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the engine share; nobody else's. */
#ifndef MF_ENGINE_PARTS_H
#define MF_ENGINE_PARTS_H

#include "engine.h"

/* --- engine_entries.c ---------------------------------------------------- */

/* Change the state, with all counts and lists that hang on it. */
void mf_engine_move(struct mf_engine *e, struct mf_entry *entry,
		    enum mf_state to);
/* Send the verb when the link allows; instead of any that waits. */
void mf_engine_send(struct mf_engine *e, struct mf_entry *entry,
		    enum metafora_verb verb);
/* Send the same verb again after MF_RETRY_MS. */
void mf_engine_send_later(struct mf_engine *e, struct mf_entry *entry,
			  uint64_t now_ns);
/* The verb is with nobody any more. */
void mf_engine_unlink_verb(struct mf_engine *e, struct mf_entry *entry);
/* NULL: no memory. */
struct mf_entry *mf_engine_new_entry(struct mf_engine *e,
				     struct metafora_cluster_task *task);
/* The entry has come to its end: back to what the view says of the task. */
void mf_engine_end_entry(struct mf_engine *e, struct mf_entry *entry);
/* Put an unowned task on the list of questions, unless something forbids. */
void mf_engine_consider(struct mf_engine *e,
			struct metafora_cluster_task *task);
void mf_engine_ask_to_stop(struct mf_engine *e, struct mf_entry *entry,
			   enum metafora_stop_reason reason);
/* Leave a line in which we do not run. */
void mf_engine_withdraw(struct mf_engine *e, struct mf_entry *entry,
			uint64_t token);
/* Claim the task not before a time, whatever changes. */
void mf_engine_leave_alone(struct mf_engine *e, struct mf_entry *entry,
			   uint64_t until_ns);
/* Ring at that time, or earlier if it was set earlier. */
void mf_engine_set_alarm(struct mf_engine *e, enum mf_alarm alarm,
			 uint64_t at_ns);
/* Whether the lease is long enough to start or claim anything. */
bool mf_engine_lease_holds(const struct mf_engine *e, uint64_t now_ns);

/* Take a place in the line for a task. */
void mf_engine_get_in_line(struct mf_engine *e, struct mf_entry *entry);

/* --- engine.c -------------------------------------------------------------- */

/* The time, more or less a quarter. */
uint64_t mf_engine_jittered_ms(struct mf_engine *e, int64_t ms);
/* Ask again about tasks that the balancer refused: all, or until a change. */
void mf_engine_reconsider(struct mf_engine *e, bool all);

/* --- engine_plan.c --------------------------------------------------------- */

int mf_engine_answer(struct mf_engine *e, uint64_t now_ns,
		     struct metafora_cluster_task *task,
		     enum metafora_can_claim answer, uint64_t until_ns);
int mf_engine_plan(struct mf_engine *e, uint64_t now_ns,
		   const struct mf_event *event);
/* The handler has said how far it is with warming up. */
void mf_engine_prepared(struct mf_engine *e, uint64_t now_ns,
			struct mf_entry *entry, int64_t answer_ms);

/* --- engine_verdicts.c --------------------------------------------------- */

void mf_engine_verdict(struct mf_engine *e, uint64_t now_ns,
		       const struct metafora_verdict *v);
void mf_engine_returned(struct mf_engine *e, uint64_t now_ns,
			struct mf_entry *entry, enum metafora_outcome outcome,
			uint64_t ran_ns, bool asked);

#endif
