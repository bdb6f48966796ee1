/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs: what core asks for, taken over claim by claim. */
#include "node.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

/* --- answers that are clear at once --------------------------------------------------- */

static void try_deferred(struct zk_node *node);

static void tell_refused(struct zk_node *node)
{
	struct zk_claim *claim;

	/* More may be added while these are told. */
	while ((claim = TAILQ_FIRST(&node->refused))) {
		TAILQ_REMOVE(&node->refused, claim, in_queue);
		if (node->phase != ZK_NODE_OUT &&
		    node->phase != ZK_NODE_CLOSING)
			mf_zk_end_say(node, claim, claim->end_result,
				      claim->end_error);
		free(claim);
	}
}

void mf_zk_verbs_flush(struct zk_node *node)
{
	TAILQ_CONCAT(&node->refused, &node->deferred, in_queue);
	tell_refused(node);
}

static void deliver_soon(struct metafora_post *post, bool dropped)
{
	struct zk_node *node = (struct zk_node *)(uintptr_t)(
		(char *)post - offsetof(struct zk_node, soon_post));

	node->soon_posted = false;
	if (dropped)
		return;
	try_deferred(node);
	tell_refused(node);
	mf_zk_writes_pump(node);
}

static void post_soon(struct zk_node *node)
{
	if (node->soon_posted)
		return;
	node->soon_posted = true;
	node->soon_post.deliver = deliver_soon;
	mf_zk_host(node)->post(mf_zk_host(node), &node->soon_post);
}

/* An entry by itself, on one of the two queues. */
static void keep_entry(struct zk_node *node, struct zk_claim_queue *queue,
		       const struct metafora_entry *entry,
		       enum metafora_verb verb, int error)
{
	struct zk_claim *claim =
		calloc(1, sizeof(*claim) + strlen(entry->task) + 1);

	if (!claim) {
		mf_zk_node_panic(node);
		return;
	}
	strcpy(claim->task, entry->task);
	claim->end_verb = verb;
	claim->end_attempt = entry->attempt;
	claim->end_result = METAFORA_RESULT_FAILED;
	claim->end_error = error;
	TAILQ_INSERT_TAIL(queue, claim, in_queue);
}

static void refuse(struct zk_node *node, const struct metafora_entry *entry,
		   enum metafora_verb verb, int error)
{
	keep_entry(node, &node->refused, entry, verb, error);
	post_soon(node);
}

static void clear(struct zk_claim_queue *queue)
{
	struct zk_claim *claim;

	while ((claim = TAILQ_FIRST(queue))) {
		TAILQ_REMOVE(queue, claim, in_queue);
		free(claim);
	}
}

void mf_zk_verbs_clear(struct zk_node *node)
{
	clear(&node->refused);
	clear(&node->deferred);
}

void mf_zk_verbs_resume(struct zk_node *node)
{
	if (!TAILQ_EMPTY(&node->deferred))
		post_soon(node);
}

/* --- claim and queue --------------------------------------------------------------------- */

/* Core has no answer for it yet, or we are at it. */
static bool is_busy(const struct zk_claim *claim)
{
	return claim->state == ZK_CLAIM_LOOKING ||
	       claim->state == ZK_CLAIM_CREATING ||
	       claim->state == ZK_CLAIM_LISTING ||
	       claim->state == ZK_CLAIM_ENDING ||
	       ((claim->state == ZK_CLAIM_PROVING ||
		 claim->state == ZK_CLAIM_CHECKING) &&
		claim->birth == 0);
}

static void full(struct zk_node *node)
{
	if (node->full_capacity)
		return;
	node->full_capacity = node->n_claims ? node->n_claims : 1;
	mf_zk_host(node)->log(mf_zk_host(node), METAFORA_LOG_WARN,
			      "session holds as many claims as it may "
			      "claims=%zu bytes=%zu",
			      node->n_claims, node->ephemeral_bytes);
	mf_zk_publish(node);
}

static int begin_claim(struct zk_node *node, const struct metafora_entry *entry,
		       enum metafora_verb verb)
{
	struct zk_folder *folder;
	struct zk_claim *claim;

	if (node->phase == ZK_NODE_OUT || node->phase == ZK_NODE_CLOSING)
		return METAFORA_EDISCONNECTED;
	claim = mf_zk_claim_find(node, entry->task);
	if (claim)
		return is_busy(claim) ? METAFORA_EALREADY : METAFORA_EBUSY;
	claim = mf_zk_claim_new(node, entry->task);
	if (!claim)
		return METAFORA_ENOMEM;
	folder = mf_zk_folder(node, ZK_CLAIMS, claim->bucket);
	if (folder->spent) {
		mf_zk_claim_remove(node, claim);
		return METAFORA_EFULL;
	}
	if (node->ephemeral_bytes > ZK_EPHEMERAL_BYTES_MAX) {
		mf_zk_claim_remove(node, claim);
		full(node);
		return METAFORA_EFULL;
	}
	claim->verb = verb;
	claim->attempt = entry->attempt;
	/*
	 * In a crowd core decides by lists that are old already.  A claim that
	 * can only be beaten would make everybody list once more.
	 */
	if (verb == METAFORA_VERB_CLAIM && mf_zk_node_in(node) &&
	    mf_zk_crowds(node) > 1 && mf_zk_folder_is_stale(folder)) {
		claim->state = ZK_CLAIM_LOOKING;
		mf_zk_folder_read(folder);
		return 0;
	}
	mf_zk_write_create(node, claim);
	return 0;
}

static void begin_claims(struct zk_node *node,
			 const struct metafora_entry *entries, size_t n,
			 enum metafora_verb verb)
{
	size_t i;

	for (i = 0; i < n; i++) {
		int error = begin_claim(node, &entries[i], verb);

		if (error == METAFORA_EALREADY)
			keep_entry(node, &node->deferred, &entries[i], verb,
				   METAFORA_EBUSY);
		else if (error)
			refuse(node, &entries[i], verb, error);
	}
	mf_zk_writes_pump(node);
}

/* The answers that these wait for may have been given. */
static void try_deferred(struct zk_node *node)
{
	struct zk_claim_queue queue = TAILQ_HEAD_INITIALIZER(queue);
	struct zk_claim *claim;

	TAILQ_CONCAT(&queue, &node->deferred, in_queue);
	while ((claim = TAILQ_FIRST(&queue))) {
		const struct metafora_entry entry = {
			.task = claim->task,
			.attempt = claim->end_attempt,
		};

		TAILQ_REMOVE(&queue, claim, in_queue);
		begin_claims(node, &entry, 1, claim->end_verb);
		free(claim);
	}
}

void mf_zk_verb_claim(void *state, const struct metafora_entry *entries,
		      size_t n)
{
	begin_claims(state, entries, n, METAFORA_VERB_CLAIM);
}

void mf_zk_verb_queue(void *state, const struct metafora_entry *entries,
		      size_t n)
{
	begin_claims(state, entries, n, METAFORA_VERB_QUEUE);
}

/* --- withdraw, release, done --------------------------------------------------------------- */

/* The claim of the entry, with its sequence, ready to be ended. */
static int find_claim(struct zk_node *node, const struct metafora_entry *entry,
		      struct zk_claim **out)
{
	uint32_t sequence = (uint32_t)entry->token;
	struct zk_claim *claim = mf_zk_claim_find(node, entry->task);

	if (claim && is_busy(claim))
		return METAFORA_EBUSY;
	if (claim && claim->has_sequence && sequence &&
	    claim->sequence != sequence)
		return METAFORA_ESTATE;
	if (!claim)
		claim = mf_zk_claim_new(node, entry->task);
	if (!claim)
		return METAFORA_ENOMEM;
	*out = claim;
	if (claim->has_sequence || entry->token == 0)
		return 0;
	return mf_zk_claim_set_sequence(node, claim, sequence);
}

/* Nothing but the broker can say whether there is one. */
static void begin_seek(struct zk_node *node, struct zk_claim *claim,
		       uint64_t attempt)
{
	claim->state = ZK_CLAIM_SEEKING;
	claim->end_verb = METAFORA_VERB_WITHDRAW;
	claim->end_attempt = attempt;
	claim->attempt = attempt;
	claim->sought = -1;
	claim->probing = false;
	mf_zk_folder_read(mf_zk_folder(node, ZK_CLAIMS, claim->bucket));
}

static int begin_end(struct zk_node *node, const struct metafora_entry *entry,
		     enum metafora_verb verb)
{
	struct zk_claim *claim;
	int error;

	if (node->phase == ZK_NODE_OUT || node->phase == ZK_NODE_CLOSING)
		return METAFORA_EDISCONNECTED;
	/* Only withdraw may be asked for without knowing the claim. */
	if (verb != METAFORA_VERB_WITHDRAW && !entry->token)
		return METAFORA_ENOTOWNER;
	error = find_claim(node, entry, &claim);
	if (error)
		return error;
	/* Who waits in line may leave it, but not end the task. */
	if (verb == METAFORA_VERB_DONE && claim->state == ZK_CLAIM_QUEUED &&
	    !claim->gone_told)
		return METAFORA_ENOTOWNER;
	if (!claim->has_sequence)
		begin_seek(node, claim, entry->attempt);
	else
		mf_zk_write_end(node, claim, verb, METAFORA_RESULT_ENDED,
				entry->attempt);
	return 0;
}

static void begin_ends(struct zk_node *node,
		       const struct metafora_entry *entries, size_t n,
		       enum metafora_verb verb)
{
	size_t i;

	for (i = 0; i < n; i++) {
		int error = begin_end(node, &entries[i], verb);

		if (error)
			refuse(node, &entries[i], verb, error);
	}
	/* Handlers that end together are told of one by one: gather them. */
	post_soon(node);
}

void mf_zk_verb_withdraw(void *state, const struct metafora_entry *entries,
			 size_t n)
{
	begin_ends(state, entries, n, METAFORA_VERB_WITHDRAW);
}

void mf_zk_verb_release(void *state, const struct metafora_entry *entries,
			size_t n)
{
	begin_ends(state, entries, n, METAFORA_VERB_RELEASE);
}

void mf_zk_verb_done(void *state, const struct metafora_entry *entries,
		     size_t n)
{
	begin_ends(state, entries, n, METAFORA_VERB_DONE);
}
