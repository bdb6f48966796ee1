/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the engine: their states with the lists and counts around them. */
#include "engine_parts.h"

#include <assert.h>
#include <stdlib.h>

#include "clock.h"

static void count_move(struct mf_engine *e, const struct mf_entry *entry,
		       enum mf_state from)
{
	const bool owned = entry->state == MF_RUNNING ||
			   entry->state == MF_RELEASING;

	if (from != MF_NONE)
		e->n_in_state[from]--;
	if (entry->state != MF_NONE)
		e->n_in_state[entry->state]++;
	if (from == MF_CLAIMING && owned)
		e->counts.claims_won++;
	else if (from == MF_CLAIMING && entry->sending != MF_UNSENT)
		e->counts.claims_lost++;
	else if ((from == MF_QUEUING || from == MF_QUEUED) && owned)
		e->counts.moved_in++;
	if (entry->state == MF_ADRIFT)
		e->counts.lost++;
}

static void move(struct mf_engine *e, struct mf_entry *entry, enum mf_state to)
{
	enum mf_state from = entry->state;

	if (from == MF_RUNNING)
		TAILQ_REMOVE(&e->view.own, entry, in_own);
	if (from == MF_PREPARING)
		TAILQ_REMOVE(&e->preparing, entry, in_preparing);
	mf_entry_move(entry, to);
	if (to == MF_PREPARING) {
		TAILQ_INSERT_TAIL(&e->preparing, entry, in_preparing);
		mf_engine_set_alarm(e, MF_ALARM_PREPARE, entry->prepare_ns);
	}
	if (to == MF_RUNNING)
		TAILQ_INSERT_TAIL(&e->view.own, entry, in_own);
	count_move(e, entry, from);
	if (e->config.moved)
		e->config.moved(e->config.moved_arg, entry, from);
}

/* What the balancer sees of an entry in the state: one of three numbers. */
static size_t *count_of(struct mf_engine *e, enum mf_state state)
{
	switch (state) {
	case MF_CLAIMING:
	case MF_RUNNING:
		return &e->view.n_held;
	case MF_PREPARING:
	case MF_QUEUING:
	case MF_QUEUED:
		return &e->view.n_queued;
	case MF_STOPPING:
	case MF_RELEASING:
		return &e->view.n_leaving;
	default:
		return NULL;
	}
}

void mf_engine_move(struct mf_engine *e, struct mf_entry *entry,
		    enum mf_state to)
{
	size_t *before = count_of(e, entry->state);
	size_t *after = count_of(e, to);

	move(e, entry, to);
	if (before == after)
		return;
	if (before)
		(*before)--;
	if (after)
		(*after)++;
	e->view.version++;
}

void mf_engine_unlink_verb(struct mf_engine *e, struct mf_entry *entry)
{
	if (entry->sending == MF_UNSENT)
		TAILQ_REMOVE(&e->unsent[entry->verb], entry, in_verbs);
	else if (entry->sending == MF_RETRY)
		TAILQ_REMOVE(&e->retry, entry, in_verbs);
	entry->sending = MF_IDLE;
}

void mf_engine_send(struct mf_engine *e, struct mf_entry *entry,
		    enum metafora_verb verb)
{
	mf_engine_unlink_verb(e, entry);
	entry->verb = verb;
	entry->sending = MF_UNSENT;
	TAILQ_INSERT_TAIL(&e->unsent[verb], entry, in_verbs);
}

void mf_engine_set_alarm(struct mf_engine *e, enum mf_alarm alarm,
			 uint64_t at_ns)
{
	if (at_ns < e->alarms[alarm])
		e->alarms[alarm] = at_ns;
}

void mf_engine_send_later(struct mf_engine *e, struct mf_entry *entry,
			  uint64_t now_ns)
{
	mf_engine_unlink_verb(e, entry);
	entry->sending = MF_RETRY;
	TAILQ_INSERT_TAIL(&e->retry, entry, in_verbs);
	mf_engine_set_alarm(e, MF_ALARM_RETRY,
			    mf_clock_add_ms(now_ns, MF_RETRY_MS));
}

struct mf_entry *mf_engine_new_entry(struct mf_engine *e,
				     struct metafora_cluster_task *task)
{
	struct mf_entry *entry = calloc(1, sizeof(*entry));

	assert(!task->entry);
	if (!entry)
		return NULL;
	entry->task = task;
	entry->attempt = ++e->last_attempt;
	task->entry = entry;
	TAILQ_INSERT_TAIL(&e->entries, entry, in_all);
	e->n_entries++;
	return entry;
}

void mf_engine_consider(struct mf_engine *e, struct metafora_cluster_task *task)
{
	bool ask = task->unowned && !task->entry &&
		   !mf_ignore_has(e->ignore, task->id);

	if (ask == task->asking)
		return;
	task->asking = ask;
	if (ask)
		TAILQ_INSERT_TAIL(&e->view.asking, task, in_asking);
	else
		TAILQ_REMOVE(&e->view.asking, task, in_asking);
}

void mf_engine_end_entry(struct mf_engine *e, struct mf_entry *entry)
{
	struct metafora_cluster_task *task = entry->task;

	if (entry->state != MF_NONE)
		mf_engine_move(e, entry, MF_NONE);
	mf_engine_unlink_verb(e, entry);
	if (entry->stop_due)
		TAILQ_REMOVE(&e->stops, entry, in_stops);
	if (entry->evict_due)
		TAILQ_REMOVE(&e->evictions, entry, in_evictions);
	TAILQ_REMOVE(&e->entries, entry, in_all);
	e->n_entries--;
	task->entry = NULL;
	free(entry);
	mf_engine_consider(e, task);
	mf_view_settle(&e->view, task);
}

void mf_engine_ask_to_stop(struct mf_engine *e, struct mf_entry *entry,
			   enum metafora_stop_reason reason)
{
	if (entry->state == MF_RUNNING)
		mf_engine_move(e, entry, MF_STOPPING);
	entry->stop_reason = reason;
	if (entry->stop_due)
		return;
	entry->stop_due = true;
	TAILQ_INSERT_TAIL(&e->stops, entry, in_stops);
}

void mf_engine_withdraw(struct mf_engine *e, struct mf_entry *entry,
			uint64_t token)
{
	entry->token = token;
	mf_engine_move(e, entry, MF_WITHDRAWING);
	mf_engine_send(e, entry, METAFORA_VERB_WITHDRAW);
}

void mf_engine_get_in_line(struct mf_engine *e, struct mf_entry *entry)
{
	mf_engine_move(e, entry, MF_QUEUING);
	mf_engine_send(e, entry, METAFORA_VERB_QUEUE);
}

void mf_engine_leave_alone(struct mf_engine *e, struct mf_entry *entry,
			   uint64_t until_ns)
{
	/* If memory is short the task is asked about at once: no harm. */
	(void)mf_ignore_back_off(e->ignore, entry->task->id, until_ns);
}

bool mf_engine_lease_holds(const struct mf_engine *e, uint64_t now_ns)
{
	return e->deadline_ns == METAFORA_NO_DEADLINE ||
	       (e->deadline_ns > e->grace_ns &&
		now_ns < e->deadline_ns - e->grace_ns);
}
