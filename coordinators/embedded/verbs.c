/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs of the node side: what they do in the broker, and their verdicts. */
#include <stdlib.h>
#include <string.h>

#include <metafora/task.h>

#include "node.h"

/* --- answers -------------------------------------------------------------------- */

static void answer_end(struct emb_link *link, struct emb_message *message,
		       enum emb_fate fate);

/* Verdicts, blobs and IDs behind the struct; *ids is where IDs go. */
static struct emb_answer *answer_new(size_t n, size_t n_id_bytes, char **ids)
{
	struct emb_answer *answer;
	const size_t n_verdicts = n * sizeof(*answer->verdicts);
	const size_t n_blobs = n * sizeof(struct emb_blob *);

	answer = calloc(1, sizeof(*answer) + n_verdicts + n_blobs + n_id_bytes);
	if (!answer)
		return NULL;
	answer->message.end = answer_end;
	answer->n = n;
	answer->verdicts = (struct metafora_verdict *)(answer + 1);
	answer->blobs = (struct emb_blob **)(answer->verdicts + n);
	*ids = (char *)(answer->blobs + n);
	return answer;
}

struct emb_answer *mf_emb_reserve_new(void)
{
	char *id;

	return answer_new(1, METAFORA_TASK_ID_MAX + 1, &id);
}

static void answer_free(struct emb_node *node, struct emb_answer *answer)
{
	size_t i;

	for (i = 0; i < answer->n; i++) {
		mf_emb_blob_unref(answer->blobs[i]);
		answer->blobs[i] = NULL;
	}
	if (answer == node->reserve)
		node->reserve_used = false;
	else
		free(answer);
}

/* The answer to a batch, still without results.  NULL: out of memory. */
static struct emb_answer *answer_to(struct emb_node *node,
				    enum metafora_verb verb,
				    const struct metafora_entry *entries,
				    size_t n)
{
	struct emb_answer *answer;
	size_t n_id_bytes = 0;
	char *ids;
	size_t i;

	for (i = 0; i < n; i++)
		n_id_bytes += strlen(entries[i].task) + 1;
	answer = answer_new(n, n_id_bytes, &ids);
	if (!answer && n == 1 && !node->reserve_used) {
		node->reserve_used = true;
		answer = node->reserve;
		ids = (char *)(answer->blobs + 1);
		memset(answer->verdicts, 0, sizeof(*answer->verdicts));
	}
	if (!answer)
		return NULL;
	for (i = 0; i < n; i++) {
		answer->verdicts[i].verb = verb;
		answer->verdicts[i].attempt = entries[i].attempt;
		answer->verdicts[i].task = mf_emb_put(&ids, entries[i].task);
	}
	return answer;
}

/* Our claim that the verdict speaks of, NULL if it is gone. */
static struct emb_claim *claim_of(const struct emb_node *node,
				  const struct metafora_verdict *verdict)
{
	const struct emb_link *link = &node->link;
	const struct emb_task *task = mf_emb_find(link->broker, verdict->task);
	struct emb_claim *claim;

	claim = task ? mf_emb_own_claim(link->session, task) : NULL;
	return claim && claim->attempt == verdict->attempt ? claim : NULL;
}

static void make_unknown(struct emb_answer *answer, size_t i)
{
	struct metafora_verdict *verdict = &answer->verdicts[i];

	mf_emb_blob_unref(answer->blobs[i]);
	answer->blobs[i] = NULL;
	verdict->result = METAFORA_RESULT_UNKNOWN;
	verdict->error = METAFORA_EUNKNOWN;
	verdict->token = 0;
	verdict->properties = NULL;
	verdict->size_bytes = 0;
}

/* An answer got lost on its way. */
static void answer_lost(struct emb_node *node, struct emb_answer *answer)
{
	struct emb_claim *claim;
	size_t i;

	pthread_mutex_lock(&node->link.broker->lock);
	for (i = 0; i < answer->n; i++) {
		claim = claim_of(node, &answer->verdicts[i]);
		if (claim && answer->is_news) {
			/* Its session is told again, when it is back. */
			if (claim->state != EMB_UNSETTLED)
				mf_emb_set_news(claim, true);
		} else if (claim) {
			mf_emb_set_news(claim, false);
			claim->state = EMB_UNSETTLED;
		}
		make_unknown(answer, i);
	}
	pthread_mutex_unlock(&node->link.broker->lock);
	if (answer->is_news)
		answer_free(node, answer);
	else
		TAILQ_INSERT_TAIL(&node->lost.messages, &answer->message,
				  entry);
}

static void answer_end(struct emb_link *link, struct emb_message *message,
		       enum emb_fate fate)
{
	struct emb_node *node = (struct emb_node *)link;
	struct emb_answer *answer = (struct emb_answer *)message;

	if (fate == EMB_LOST) {
		answer_lost(node, answer);
		return;
	}
	if (fate == EMB_DELIVERED)
		node->sink->verdicts(link->host, answer->verdicts, answer->n);
	answer_free(node, answer);
}

void mf_emb_give_lost(struct emb_node *node)
{
	mf_emb_queue_deliver(&node->lost, &node->link, EMB_NEVER);
}

/* --- what the verbs do; with the lock held ---------------------------------------- */

static void own(const struct emb_link *link, struct emb_claim *claim,
		struct metafora_verdict *verdict, struct emb_blob **blob)
{
	struct emb_blob *properties = claim->task->properties;

	claim->state = EMB_OWNED;
	verdict->result = METAFORA_RESULT_OWNED;
	verdict->token = mf_emb_token(link->broker, claim);
	*blob = mf_emb_blob_ref(properties);
	verdict->properties = properties ? (const void *)properties->bytes : "";
	verdict->size_bytes = properties ? properties->size_bytes : 0;
}

static void fail(struct metafora_verdict *verdict, int error)
{
	verdict->result = METAFORA_RESULT_FAILED;
	verdict->error = error;
}

static void stand_in_line(struct emb_link *link,
			  struct metafora_verdict *verdict,
			  struct emb_blob **blob, bool answer_is_lost)
{
	struct emb_task *task = mf_emb_find(link->broker, verdict->task);
	struct emb_claim *claim;
	int error;

	if (!task || !task->exists) {
		verdict->result = METAFORA_RESULT_GONE;
		return;
	}
	if (mf_emb_own_claim(link->session, task)) {
		fail(verdict, METAFORA_EEXIST);
		return;
	}
	/*
	 * A beaten claim is withdrawn after its answer; so it stays when that
	 * gets lost.
	 */
	if (verdict->verb == METAFORA_VERB_CLAIM && !TAILQ_EMPTY(&task->line) &&
	    !answer_is_lost) {
		verdict->result = METAFORA_RESULT_BEATEN;
		return;
	}
	error = mf_emb_enter(link->broker, link->session, task,
			     verdict->attempt, &claim);
	if (error) {
		fail(verdict, error);
	} else if (answer_is_lost) {
		claim->state = EMB_UNSETTLED;
	} else if (TAILQ_FIRST(&task->line) == claim) {
		own(link, claim, verdict, blob);
	} else {
		claim->state = EMB_WAITING;
		verdict->result = METAFORA_RESULT_QUEUED;
		verdict->token = mf_emb_token(link->broker, claim);
	}
}

/* Withdraw, release, done; without a claim there is nothing to do. */
static void give_up(struct emb_link *link, uint64_t token,
		    struct metafora_verdict *verdict)
{
	struct metafora_embedded_broker *broker = link->broker;
	struct emb_task *task = mf_emb_find(broker, verdict->task);
	struct emb_claim *claim;
	const bool done = verdict->verb == METAFORA_VERB_DONE;

	verdict->result = METAFORA_RESULT_ENDED;
	claim = task ? mf_emb_own_claim(link->session, task) : NULL;
	if (!claim || (token != 0 && token != mf_emb_token(broker, claim)))
		return;
	if (done && TAILQ_FIRST(&task->line) != claim) {
		fail(verdict, METAFORA_ENOTOWNER);
		return;
	}
	/*
	 * A new life of the ID cannot begin while our claim is there, so what
	 * exists is what we have claimed.  The task goes first: whoever is
	 * promoted by the end of our claim must not find it.
	 */
	if (done && task->exists)
		mf_emb_remove(broker, task);
	mf_emb_leave(broker, claim);
}

static void carry_out(struct emb_link *link, const struct metafora_entry *entry,
		      struct emb_answer *answer, size_t i)
{
	struct metafora_verdict *verdict = &answer->verdicts[i];
	const enum emb_write write = mf_emb_next_write(link);

	if (write != EMB_WRITE_LOST) {
		if (verdict->verb == METAFORA_VERB_CLAIM ||
		    verdict->verb == METAFORA_VERB_QUEUE)
			stand_in_line(link, verdict, &answer->blobs[i],
				      write == EMB_WRITE_ANSWER_LOST);
		else
			give_up(link, entry->token, verdict);
	}
	if (write != EMB_WRITE_THROUGH)
		make_unknown(answer, i);
}

/*
 * There is not even memory to answer one entry.  Without the session nobody
 * has to be answered, and no claim is left behind: the safe end.
 */
static void give_up_session(struct emb_link *link)
{
	link->host->log(link->host, METAFORA_LOG_ERROR,
			"embedded broker ends session for lack of memory");
	pthread_mutex_lock(&link->broker->lock);
	if (link->faults->cut)
		link->session->abandoned = true;
	else
		mf_emb_end(link->broker, link->session);
	pthread_mutex_unlock(&link->broker->lock);
}

void mf_emb_verb(struct emb_node *node, enum metafora_verb verb,
		 const struct metafora_entry *entries, size_t n)
{
	struct emb_link *link = &node->link;
	struct metafora_embedded_broker *broker = link->broker;
	struct emb_answer *answer;
	size_t i;

	if (n == 0 || node->state != EMB_CONNECTED)
		return;
	answer = answer_to(node, verb, entries, n);
	if (!answer && n > 1) {
		/* Halves need less memory; a single one has the reserve. */
		mf_emb_verb(node, verb, entries, n / 2);
		mf_emb_verb(node, verb, entries + n / 2, n - n / 2);
		return;
	}
	if (!answer) {
		give_up_session(link);
		return;
	}
	metafora_host_observe(link->host, METAFORA_METRIC_WRITES, 1);
	pthread_mutex_lock(&broker->lock);
	mf_emb_reap(broker, link->host->now_ns(link->host));
	if (link->session->dead) {
		/* The session is lost; nobody is answered any more. */
		answer_free(node, answer);
	} else if (link->faults->cut) {
		for (i = 0; i < n; i++)
			make_unknown(answer, i);
		TAILQ_INSERT_TAIL(&node->lost.messages, &answer->message,
				  entry);
	} else {
		for (i = 0; i < n; i++)
			carry_out(link, &entries[i], answer, i);
		mf_emb_send(link, &link->queue, &answer->message, 0);
	}
	mf_emb_wake(link);
	pthread_mutex_unlock(&broker->lock);
}

/* --- evictions ----------------------------------------------------------------------- */

static void put_out(struct emb_link *link,
		    const struct metafora_eviction *eviction)
{
	struct metafora_embedded_broker *broker = link->broker;
	struct emb_task *task = mf_emb_find(broker, eviction->task);
	struct emb_claim *claim = task ? TAILQ_FIRST(&task->line) : NULL;

	if (!claim || claim->session != link->session ||
	    mf_emb_token(broker, claim) != eviction->token)
		return;
	while ((claim = TAILQ_NEXT(claim, in_line))) {
		if (mf_emb_token(broker, claim) != eviction->waiter_token)
			continue;
		mf_emb_evict(broker, claim);
		return;
	}
}

void mf_emb_put_out(struct emb_node *node,
		    const struct metafora_eviction *evictions, size_t n)
{
	struct emb_link *link = &node->link;
	size_t i;

	if (node->state != EMB_CONNECTED)
		return;
	pthread_mutex_lock(&link->broker->lock);
	mf_emb_reap(link->broker, link->host->now_ns(link->host));
	for (i = 0; i < n && !link->session->dead && !link->faults->cut; i++) {
		if (mf_emb_next_write(link) != EMB_WRITE_LOST)
			put_out(link, &evictions[i]);
	}
	mf_emb_wake(link);
	pthread_mutex_unlock(&link->broker->lock);
}

/* --- verdicts of themselves ---------------------------------------------------------- */

bool mf_emb_collect_news(struct emb_node *node)
{
	struct emb_session *session = node->link.session;
	struct metafora_verdict *verdict;
	struct emb_evicted *evicted;
	struct emb_answer *answer;
	struct emb_claim *claim;
	size_t n_id_bytes = 0;
	size_t n = 0;
	char *ids;

	TAILQ_FOREACH(evicted, &session->evicted, entry) {
		n_id_bytes += strlen(evicted->id) + 1;
		n++;
	}
	TAILQ_FOREACH(claim, &session->news, in_session) {
		n_id_bytes += strlen(claim->task->id) + 1;
		n++;
	}
	if (n == 0)
		return true;
	answer = answer_new(n, n_id_bytes, &ids);
	if (!answer)
		return false;
	answer->is_news = true;
	for (n = 0; (evicted = TAILQ_FIRST(&session->evicted)); n++) {
		verdict = &answer->verdicts[n];
		verdict->verb = METAFORA_VERB_QUEUE;
		verdict->result = METAFORA_RESULT_VANISHED;
		verdict->task = mf_emb_put(&ids, evicted->id);
		verdict->attempt = evicted->attempt;
		TAILQ_REMOVE(&session->evicted, evicted, entry);
		free(evicted);
	}
	for (; (claim = TAILQ_FIRST(&session->news)); n++) {
		verdict = &answer->verdicts[n];
		verdict->verb = METAFORA_VERB_QUEUE;
		verdict->task = mf_emb_put(&ids, claim->task->id);
		verdict->attempt = claim->attempt;
		mf_emb_set_news(claim, false);
		if (claim->task->exists) {
			own(&node->link, claim, verdict, &answer->blobs[n]);
		} else {
			claim->state = EMB_GONE;
			verdict->result = METAFORA_RESULT_GONE;
		}
	}
	mf_emb_send(&node->link, &node->link.queue, &answer->message, 0);
	return true;
}
