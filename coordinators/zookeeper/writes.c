/* SPDX-License-Identifier: Apache-2.0 */
/* Creates and removes claims, many in one write. */
#include "node.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#define NS_PER_MS 1000000ULL
#define RETRY_NS (100 * NS_PER_MS)
/* What an operation adds to its path on the wire, generously. */
#define OP_BYTES 96

struct batch {
	struct zk_call call; /* first */
	struct zk_node *node;
	struct zk_claim **claims;
	struct zk_op *ops;
	size_t n_claims;
	size_t n_ops;
};

static void free_batch(struct batch *batch)
{
	size_t i;

	/* Paths of claims are theirs; those of tasks are made here. */
	for (i = 0; i < batch->n_ops; i++)
		if (batch->ops[i].data)
			free((char *)(uintptr_t)batch->ops[i].path);
	free(batch->ops);
	free(batch->claims);
	free(batch);
}

static void retry_later(struct zk_node *node)
{
	const struct metafora_host *host = mf_zk_host(node);

	host->timer_set(host, node->retry_timer, host->now_ns(host) + RETRY_NS);
}

/* Back to the head of the queue, in order; but for one that is dealt with. */
static void requeue(struct zk_claim_queue *queue, struct batch *batch,
		    const struct zk_claim *except)
{
	size_t i;

	for (i = batch->n_claims; i-- > 0;)
		if (batch->claims[i] != except)
			TAILQ_INSERT_HEAD(queue, batch->claims[i], in_queue);
}

/* --- answers to creations ----------------------------------------------------------- */

/* No claim is tried in the bucket any more: each would use up one more. */
static void spend(struct zk_node *node, uint32_t bucket)
{
	struct zk_folder *folder = mf_zk_folder(node, ZK_CLAIMS, bucket);

	if (folder->spent)
		return;
	folder->spent = true;
	mf_zk_host(node)->log(mf_zk_host(node), METAFORA_LOG_ERROR,
			      "bucket has used up its sequence numbers, claims "
			      "are refused: make a new namespace bucket=%u",
			      bucket);
}

static void created(struct zk_node *node, struct zk_claim *claim,
		    const struct zk_op *op)
{
	uint32_t sequence = (uint32_t)op->sequence;

	if (mf_zk_claim_set_sequence(node, claim, sequence)) {
		mf_zk_claim_limbo(node, claim, METAFORA_ENOMEM);
		return;
	}
	claim->state = ZK_CLAIM_LISTING;
	if (op->sequence < 0 || op->sequence > ZK_SEQUENCE_MAX) {
		spend(node, claim->bucket);
		claim->end_error = METAFORA_EFULL;
		mf_zk_write_end(node, claim, claim->verb,
				METAFORA_RESULT_FAILED, claim->attempt);
		return;
	}
	mf_zk_folder_read(mf_zk_folder(node, ZK_CLAIMS, claim->bucket));
}

static void not_created(struct zk_node *node, struct batch *batch,
			enum zk_code code)
{
	size_t i;

	for (i = 0; i < batch->n_claims; i++)
		mf_zk_claim_answer(node, batch->claims[i],
				   METAFORA_RESULT_FAILED, mf_zk_error(code));
	if (code == ZK_NONODE && mf_zk_node_in(node))
		mf_zk_node_give_up(node, "namespace was deleted");
}

static void on_created(struct zk_call *call)
{
	struct batch *batch = (struct batch *)call;
	struct zk_node *node = batch->node;
	enum zk_code code = call->request.code;
	size_t i;

	if (call->stale)
		goto out;
	node->n_creating--;
	if (code == ZK_OK) {
		for (i = 0; i < batch->n_claims; i++)
			created(node, batch->claims[i], &batch->ops[i]);
	} else if (code == ZK_UNKNOWN) {
		for (i = 0; i < batch->n_claims; i++)
			mf_zk_claim_limbo(node, batch->claims[i],
					  METAFORA_EUNKNOWN);
	} else if (code == ZK_UNSENT || code == ZK_NOMEM) {
		requeue(&node->to_create, batch, NULL);
		retry_later(node);
	} else {
		not_created(node, batch, code);
	}
	mf_zk_node_settle(node);
	mf_zk_writes_pump(node);
out:
	free_batch(batch);
}

/* --- answers to removals -------------------------------------------------------------- */

/* Whether the end answers the claim's own verb: it came to nothing. */
static bool answers_claim(const struct zk_claim *claim)
{
	return claim->end_verb == METAFORA_VERB_CLAIM ||
	       claim->end_verb == METAFORA_VERB_QUEUE;
}

static void ended(struct zk_node *node, struct zk_claim *claim)
{
	if (answers_claim(claim))
		mf_zk_claim_answer(node, claim, claim->end_result,
				   claim->end_error);
	else
		mf_zk_end_answer(node, claim, METAFORA_RESULT_ENDED, 0);
}

void mf_zk_end_unknown(struct zk_node *node, struct zk_claim *claim,
		       int error)
{
	if (claim->silent) {
		mf_zk_claim_remove(node, claim); /* a list will show it */
	} else if (answers_claim(claim)) {
		mf_zk_claim_limbo(node, claim, error);
	} else {
		claim->state = ZK_CLAIM_LIMBO;
		mf_zk_end_say(node, claim, METAFORA_RESULT_UNKNOWN, error);
	}
}

static void end_failed(struct zk_node *node, struct zk_claim *claim, int error)
{
	if (claim->silent || answers_claim(claim)) {
		mf_zk_end_unknown(node, claim, error);
		return;
	}
	claim->state = claim->before;
	mf_zk_end_say(node, claim, METAFORA_RESULT_FAILED, error);
}

/* The claim that the i-th operation is about. */
static struct zk_claim *claim_of(const struct batch *batch, size_t i)
{
	size_t n = 0;
	size_t c;

	for (c = 0; c < batch->n_claims; c++) {
		n += batch->ops[n].path == batch->claims[c]->path &&
				     n + 1 < batch->n_ops &&
				     batch->ops[n + 1].data ? 2 : 1;
		if (i < n)
			break;
	}
	return batch->claims[c];
}

/* One operation has failed, so none was done: deal with its claim, go on. */
static void end_others(struct zk_node *node, struct batch *batch,
		       enum zk_code code)
{
	const struct zk_op *op = batch->ops;
	struct zk_claim *claim;
	size_t i;

	for (i = 0; i < batch->n_ops && op[i].code == ZK_OTHER; i++)
		;
	if (i == batch->n_ops) {
		/* The write as such was refused. */
		for (i = 0; i < batch->n_claims; i++)
			end_failed(node, batch->claims[i], mf_zk_error(code));
		return;
	}
	claim = claim_of(batch, i);
	requeue(&node->to_end, batch, claim);
	if (op[i].code == ZK_NONODE && op[i].path == claim->path) {
		ended(node, claim);
	} else if (op[i].code == ZK_NONODE) {
		claim->claim_only = true;
		TAILQ_INSERT_HEAD(&node->to_end, claim, in_queue);
	} else {
		end_failed(node, claim, mf_zk_error(op[i].code));
	}
}

/* There is room again: say so. */
static void check_room(struct zk_node *node)
{
	if (!node->full_capacity ||
	    node->ephemeral_bytes > ZK_EPHEMERAL_BYTES_MAX / 10 * 9)
		return;
	node->full_capacity = 0;
	mf_zk_publish(node);
}

static void on_ended(struct zk_call *call)
{
	struct batch *batch = (struct batch *)call;
	struct zk_node *node = batch->node;
	enum zk_code code = call->request.code;
	size_t i;

	if (call->stale)
		goto out;
	node->n_ending--;
	if (code == ZK_OK) {
		for (i = 0; i < batch->n_claims; i++)
			ended(node, batch->claims[i]);
	} else if (code == ZK_UNKNOWN) {
		for (i = 0; i < batch->n_claims; i++)
			mf_zk_end_unknown(node, batch->claims[i], METAFORA_EUNKNOWN);
	} else if (code == ZK_UNSENT || code == ZK_NOMEM) {
		requeue(&node->to_end, batch, NULL);
		retry_later(node);
	} else {
		end_others(node, batch, code);
	}
	check_room(node);
	mf_zk_node_settle(node);
	mf_zk_writes_pump(node);
out:
	free_batch(batch);
}

/* --- making batches ------------------------------------------------------------------------ */

static bool removes_task(const struct zk_claim *claim)
{
	return claim->end_verb == METAFORA_VERB_DONE && !claim->claim_only;
}

static void add_create(struct batch *batch, struct zk_claim *claim)
{
	batch->claims[batch->n_claims++] = claim;
	batch->ops[batch->n_ops++] = (struct zk_op){
		.kind = ZK_CREATE,
		.flags = ZK_EPHEMERAL | ZK_SEQUENCE,
		.path = claim->path,
	};
}

static int add_end(struct batch *batch, struct zk_claim *claim)
{
	struct zk_node *node = batch->node;
	char encoded[ZK_ENCODED_BYTES];
	char *path = NULL;

	if (removes_task(claim)) {
		if (mf_zk_host(node)->name_encode(claim->task, encoded,
						  sizeof(encoded)) == 0)
			path = mf_zk_path_task(node->session.options->root,
					       claim->bucket, encoded);
		if (!path)
			return METAFORA_ENOMEM;
	}
	batch->claims[batch->n_claims++] = claim;
	batch->ops[batch->n_ops++] = (struct zk_op){
		.kind = ZK_DELETE,
		.version = ZK_ANY,
		.path = claim->path,
	};
	/* data marks the path as ours to free; a removal sends none. */
	if (path)
		batch->ops[batch->n_ops++] = (struct zk_op){
			.kind = ZK_DELETE,
			.version = ZK_ANY,
			.path = path,
			.data = "",
		};
	return 0;
}

static struct batch *new_batch(struct zk_node *node)
{
	struct batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	batch->node = node;
	batch->claims = calloc(ZK_BATCH_OPS_MAX, sizeof(*batch->claims));
	batch->ops = calloc(ZK_BATCH_OPS_MAX, sizeof(*batch->ops));
	if (batch->claims && batch->ops)
		return batch;
	free_batch(batch);
	return NULL;
}

static void fill(struct batch *batch, struct zk_claim_queue *queue, bool create)
{
	size_t n_bytes = 0;
	struct zk_claim *claim;

	while ((claim = TAILQ_FIRST(queue)) &&
	       batch->n_ops + 2 <= ZK_BATCH_OPS_MAX &&
	       n_bytes < ZK_BATCH_BYTES_MAX) {
		if (create)
			add_create(batch, claim);
		else if (add_end(batch, claim))
			break;
		TAILQ_REMOVE(queue, claim, in_queue);
		n_bytes += 2 * (claim->bytes + OP_BYTES);
	}
}

static bool send_batch(struct zk_node *node, struct zk_claim_queue *queue,
		       bool create)
{
	struct batch *batch = new_batch(node);

	if (batch)
		fill(batch, queue, create);
	if (!batch || batch->n_ops == 0) {
		if (batch)
			free_batch(batch);
		retry_later(node);
		return false;
	}
	batch->call.done = create ? on_created : on_ended;
	batch->call.request.kind = ZK_WRITE;
	batch->call.request.ops = batch->ops;
	batch->call.request.n_ops = batch->n_ops;
	mf_zk_host(node)->log(mf_zk_host(node), METAFORA_LOG_DEBUG,
			      "claims %s n=%zu", create ? "sent" : "given up",
			      batch->n_claims);
	mf_zk_session_send(&node->session, &batch->call);
	return true;
}

static bool fills_batch(const struct zk_claim_queue *queue)
{
	const struct zk_claim *claim;
	size_t n = 0;

	TAILQ_FOREACH(claim, queue, in_queue)
		if (++n == ZK_BATCH_OPS_MAX / 2)
			return true;
	return false;
}

/*
 * In a crowd, where each write makes many nodes list, little waits for the
 * answer to what went before, and becomes more.
 */
static bool may_send(const struct zk_node *node,
		     const struct zk_claim_queue *queue, unsigned int n_batches)
{
	if (TAILQ_EMPTY(queue) || n_batches >= ZK_BATCHES_MAX)
		return false;
	return n_batches == 0 || mf_zk_crowds(node) == 1 || fills_batch(queue);
}

void mf_zk_writes_pump(struct zk_node *node)
{
	while (mf_zk_node_in(node) &&
	       may_send(node, &node->to_end, node->n_ending)) {
		if (!send_batch(node, &node->to_end, false))
			return;
		node->n_ending++;
	}
	while (mf_zk_node_in(node) &&
	       may_send(node, &node->to_create, node->n_creating)) {
		if (!send_batch(node, &node->to_create, true))
			return;
		node->n_creating++;
	}
}

void mf_zk_write_create(struct zk_node *node, struct zk_claim *claim)
{
	claim->state = ZK_CLAIM_CREATING;
	TAILQ_INSERT_TAIL(&node->to_create, claim, in_queue);
}

void mf_zk_write_end(struct zk_node *node, struct zk_claim *claim,
		     enum metafora_verb verb, enum metafora_result result,
		     uint64_t attempt)
{
	claim->before = claim->state;
	claim->state = ZK_CLAIM_ENDING;
	claim->end_verb = verb;
	claim->end_result = result;
	claim->end_attempt = attempt;
	/* What has the name of a task that was deleted is not ours to end. */
	claim->claim_only = claim->gone_told;
	TAILQ_INSERT_TAIL(&node->to_end, claim, in_queue);
}
