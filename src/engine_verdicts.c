/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from the broker's verdicts and from handlers that returned. */
#include "engine_parts.h"

#include <metafora/error.h>

#include "clock.h"

/* --- verdicts ------------------------------------------------------------- */

static void owned(struct mf_engine *e, uint64_t now_ns, struct mf_entry *entry,
		  const struct metafora_verdict *v)
{
	bool wanted = !e->shutting_down && !e->drained && !entry->deleted &&
		      mf_engine_lease_holds(e, now_ns);

	mf_engine_unlink_verb(e, entry);
	entry->token = v->token;
	if (wanted) {
		mf_engine_move(e, entry, MF_RUNNING);
		e->start = entry;
	} else {
		mf_engine_move(e, entry, MF_RELEASING);
		mf_engine_send(e, entry, METAFORA_VERB_RELEASE);
	}
}

/*
 * There is nothing to own.  A view that trails behind may show the task
 * unowned for a while yet: claiming again at once would go round in circles.
 */
static void claim_in_vain(struct mf_engine *e, uint64_t now_ns,
			  struct mf_entry *entry)
{
	(void)mf_ignore_refused(e->ignore, entry->task->id,
				mf_clock_add_ms(now_ns, MF_BEATEN_MS));
	mf_engine_end_entry(e, entry);
}

/* Answers to a claim that was sent, or promotion of one that waited. */
static void claim_verdict(struct mf_engine *e, uint64_t now_ns,
			  struct mf_entry *entry,
			  const struct metafora_verdict *v)
{
	switch (v->result) {
	case METAFORA_RESULT_OWNED:
		owned(e, now_ns, entry, v);
		break;
	case METAFORA_RESULT_QUEUED:
		mf_engine_unlink_verb(e, entry);
		entry->token = v->token;
		if (entry->state == MF_QUEUING)
			mf_engine_move(e, entry, MF_QUEUED);
		/* A claim was not to stand in line. */
		if (e->member_state != METAFORA_MEMBER_ACTIVE ||
		    entry->deleted || entry->state == MF_CLAIMING)
			mf_engine_withdraw(e, entry, v->token);
		break;
	case METAFORA_RESULT_GONE:
		/* A place in line is still there; a fresh claim is not. */
		if (entry->state == MF_QUEUED)
			mf_engine_withdraw(e, entry, entry->token);
		else
			claim_in_vain(e, now_ns, entry);
		break;
	case METAFORA_RESULT_FAILED:
		mf_engine_leave_alone(
			e, entry,
			mf_clock_add_ms(now_ns, v->error == METAFORA_EFULL
							? MF_FULL_MS
							: MF_RETRY_MS));
		mf_engine_end_entry(e, entry);
		break;
	case METAFORA_RESULT_UNKNOWN:
		mf_engine_withdraw(e, entry, 0);
		break;
	case METAFORA_RESULT_BEATEN:
	case METAFORA_RESULT_ENDED:
	case METAFORA_RESULT_VANISHED:
		claim_in_vain(e, now_ns, entry);
		break;
	}
}

/* What the broker says of itself while the handler runs. */
static void running_verdict(struct mf_engine *e, struct mf_entry *entry,
			    const struct metafora_verdict *v)
{
	if (v->result == METAFORA_RESULT_GONE) {
		entry->deleted = true;
		mf_engine_ask_to_stop(e, entry, METAFORA_STOP_DELETED);
	} else if (v->result == METAFORA_RESULT_VANISHED) {
		mf_engine_move(e, entry, MF_ADRIFT);
		mf_engine_ask_to_stop(e, entry, METAFORA_STOP_LOST);
	}
}

static void count_end(struct mf_engine *e, const struct mf_entry *entry)
{
	if (entry->state == MF_FINISHING) {
		e->counts.done++;
	} else if (entry->state == MF_RELEASING) {
		e->counts.released++;
		if (entry->stop_reason == METAFORA_STOP_BALANCE)
			e->counts.moved_out++;
	}
}

/* Answers to withdraw, release and done. */
static void end_verdict(struct mf_engine *e, uint64_t now_ns,
			struct mf_entry *entry,
			const struct metafora_verdict *v)
{
	switch (v->result) {
	case METAFORA_RESULT_ENDED:
		count_end(e, entry);
		if (entry->state == MF_FINISHING)
			mf_ignore_forget(e->ignore, entry->task->id);
		mf_engine_end_entry(e, entry);
		break;
	case METAFORA_RESULT_VANISHED:
		mf_engine_end_entry(e, entry);
		break;
	case METAFORA_RESULT_FAILED:
	case METAFORA_RESULT_UNKNOWN:
		/* Ours stands behind another: it must not stay there. */
		if (v->error == METAFORA_ENOTOWNER &&
		    entry->state != MF_WITHDRAWING)
			mf_engine_withdraw(e, entry, entry->token);
		else if (entry->sending == MF_SENT)
			mf_engine_send_later(e, entry, now_ns);
		break;
	default:
		/* A promotion that crossed our withdrawal: it goes on. */
		break;
	}
}

void mf_engine_verdict(struct mf_engine *e, uint64_t now_ns,
		       const struct metafora_verdict *v)
{
	struct metafora_cluster_task *task = mf_view_find(&e->view, v->task);
	struct mf_entry *entry = task ? task->entry : NULL;

	/* An answer to an attempt that is over. */
	if (!entry || entry->attempt != v->attempt)
		return;
	switch ((enum mf_state)entry->state) {
	case MF_CLAIMING:
	case MF_QUEUING:
	case MF_QUEUED:
		claim_verdict(e, now_ns, entry, v);
		break;
	case MF_RUNNING:
	case MF_STOPPING:
		running_verdict(e, entry, v);
		break;
	case MF_WITHDRAWING:
	case MF_RELEASING:
	case MF_FINISHING:
		end_verdict(e, now_ns, entry, v);
		break;
	case MF_PREPARING:
	case MF_ADRIFT:
	case MF_NONE:
	case MF_N_STATES:
		break;
	}
}

/* --- handlers ------------------------------------------------------------- */

static void back_off(struct mf_engine *e, uint64_t now_ns,
		     struct mf_entry *entry, uint64_t ran_ns)
{
	uint64_t max_ms = e->config.backoff_max_ms;
	uint64_t ms = e->config.backoff_min_ms;
	uint32_t n;

	if (ran_ns > max_ms * MF_NS_PER_MS)
		mf_ignore_succeeded(e->ignore, entry->task->id);
	for (n = mf_ignore_failed(e->ignore, entry->task->id); n > 1; n--) {
		if (ms >= max_ms / 2) {
			ms = max_ms;
			break;
		}
		ms *= 2;
	}
	ms = mf_prng_between(&e->prng, ms - ms / 4, ms);
	mf_engine_leave_alone(e, entry, mf_clock_add_ms(now_ns, ms ? ms : 1));
}

void mf_engine_returned(struct mf_engine *e, uint64_t now_ns,
			struct mf_entry *entry, enum metafora_outcome outcome,
			uint64_t ran_ns, bool asked)
{
	const bool ran = entry->run;

	asked = asked || entry->state != MF_RUNNING;
	entry->run = NULL;
	if (entry->stop_due) {
		entry->stop_due = false;
		TAILQ_REMOVE(&e->stops, entry, in_stops);
	}
	if (entry->state == MF_ADRIFT) {
		mf_engine_end_entry(e, entry);
		return;
	}
	if (outcome == METAFORA_DONE && !entry->deleted) {
		mf_engine_move(e, entry, MF_FINISHING);
		mf_engine_send(e, entry, METAFORA_VERB_DONE);
		return;
	}
	if (!asked) {
		e->counts.gave_back += ran;
		back_off(e, now_ns, entry, ran_ns);
	} else if (entry->stop_reason == METAFORA_STOP_BALANCE ||
		   entry->stop_reason == METAFORA_STOP_COMMAND) {
		mf_engine_leave_alone(
			e, entry, mf_clock_add_ms(now_ns, MF_GIVEN_AWAY_MS));
	}
	mf_engine_move(e, entry, MF_RELEASING);
	mf_engine_send(e, entry, METAFORA_VERB_RELEASE);
}
