/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a claim between its creation and its end. */
#include "node.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

/* Reads the task of a claim; finds the claim again by task and attempt. */
struct probe {
	struct zk_call call; /* first */
	struct zk_node *node;
	uint64_t attempt;
	enum zk_claim_state state; /* that the claim is in, if it still matters */
	uint32_t sequence;         /* of a claim whose owner is looked up */
	char *path;
	char task[];
};

uint64_t mf_zk_claim_token(const struct zk_node *node,
			   const struct zk_claim *claim)
{
	if (!claim->has_sequence)
		return 0;
	return (uint64_t)node->session.epoch << 32 | claim->sequence;
}

struct zk_claim *mf_zk_claim_find(struct zk_node *node, const char *task)
{
	struct zk_claim *claim;

	HASH_FIND_STR(node->claims, task, claim);
	return claim;
}

/* Room for the longest sequence that is used. */
#define SEQUENCE_BYTES 10

struct zk_claim *mf_zk_claim_new(struct zk_node *node, const char *task)
{
	const struct metafora_host *host = mf_zk_host(node);
	char encoded[ZK_ENCODED_BYTES];
	struct zk_claim *claim = calloc(1, sizeof(*claim) + strlen(task) + 1);

	if (!claim)
		return NULL;
	strcpy(claim->task, task);
	claim->bucket = mf_zk_bucket(host, task, node->session.n_buckets);
	claim->sought = -1;
	if (host->name_encode(task, encoded, sizeof(encoded)) == 0)
		claim->path = mf_zk_path_claim_stem(node->session.options->root,
						    claim->bucket, encoded,
						    node->encoded);
	if (claim->path)
		HASH_ADD_STR(node->claims, task, claim);
	if (!claim->path || !claim->hh.tbl) {
		free(claim->path);
		free(claim);
		return NULL;
	}
	claim->bytes = (uint32_t)strlen(claim->path) + SEQUENCE_BYTES;
	TAILQ_INSERT_TAIL(&mf_zk_folder(node, ZK_CLAIMS, claim->bucket)->claims,
			  claim, in_bucket);
	node->n_claims++;
	node->ephemeral_bytes += claim->bytes;
	return claim;
}

static void detach(struct zk_node *node, struct zk_claim *claim)
{
	struct zk_folder *folder = mf_zk_folder(node, ZK_CLAIMS, claim->bucket);

	HASH_DEL(node->claims, claim);
	TAILQ_REMOVE(&folder->claims, claim, in_bucket);
	node->n_claims--;
	node->ephemeral_bytes -= claim->bytes;
}

static void free_claim(struct zk_claim *claim)
{
	free(claim->path);
	free(claim);
}

void mf_zk_claim_remove(struct zk_node *node, struct zk_claim *claim)
{
	detach(node, claim);
	free_claim(claim);
}

void mf_zk_claims_clear(struct zk_node *node)
{
	struct zk_claim *claim, *next;

	TAILQ_INIT(&node->to_create);
	TAILQ_INIT(&node->to_end);
	HASH_ITER(hh, node->claims, claim, next)
		mf_zk_claim_remove(node, claim);
	node->ephemeral_bytes = 0;
}

/* The sequence is known: the path is complete. */
int mf_zk_claim_set_sequence(struct zk_node *node, struct zk_claim *claim,
			     uint32_t sequence)
{
	const struct metafora_host *host = mf_zk_host(node);
	char encoded[ZK_ENCODED_BYTES];
	char *path;

	if (host->name_encode(claim->task, encoded, sizeof(encoded)))
		return METAFORA_EINVAL;
	path = mf_zk_path_claim(node->session.options->root, claim->bucket,
				encoded, node->encoded, sequence);
	if (!path)
		return METAFORA_ENOMEM;
	free(claim->path);
	claim->path = path;
	claim->sequence = sequence;
	claim->has_sequence = true;
	return 0;
}

/* --- verdicts -------------------------------------------------------------------------- */

static void say(struct zk_node *node, const struct zk_claim *claim,
		enum metafora_result result, int error,
		const struct zk_request *properties)
{
	const struct metafora_verdict verdict = {
		.verb = claim->verb,
		.result = result,
		.task = claim->task,
		.attempt = claim->attempt,
		.error = error,
		.token = mf_zk_claim_token(node, claim),
		.properties = properties && properties->data ?
				      properties->data : "",
		.size_bytes = properties ? properties->size_bytes : 0,
	};

	node->sink->verdicts(mf_zk_host(node), &verdict, 1);
	mf_zk_verbs_resume(node);
}

void mf_zk_claim_say(struct zk_node *node, const struct zk_claim *claim,
		     enum metafora_result result, int error)
{
	say(node, claim, result, error, NULL);
}

void mf_zk_claim_answer(struct zk_node *node, struct zk_claim *claim,
			enum metafora_result result, int error)
{
	detach(node, claim);
	say(node, claim, result, error, NULL);
	free_claim(claim);
}

void mf_zk_claim_limbo(struct zk_node *node, struct zk_claim *claim, int error)
{
	claim->state = ZK_CLAIM_LIMBO;
	say(node, claim, METAFORA_RESULT_UNKNOWN, error, NULL);
}

void mf_zk_end_say(struct zk_node *node, const struct zk_claim *claim,
		   enum metafora_result result, int error)
{
	const struct metafora_verdict verdict = {
		.verb = claim->end_verb,
		.result = result,
		.task = claim->task,
		.attempt = claim->end_attempt,
		.error = error,
		.token = mf_zk_claim_token(node, claim),
		.properties = "",
	};

	if (!claim->silent)
		node->sink->verdicts(mf_zk_host(node), &verdict, 1);
	mf_zk_verbs_resume(node);
}

void mf_zk_end_answer(struct zk_node *node, struct zk_claim *claim,
		      enum metafora_result result, int error)
{
	detach(node, claim);
	mf_zk_end_say(node, claim, result, error);
	free_claim(claim);
}

static void open_to_limbo(struct zk_node *node, struct zk_claim *claim)
{
	switch (claim->state) {
	case ZK_CLAIM_PROVING:
	case ZK_CLAIM_CHECKING:
		/* One that has been told of is in line as before. */
		if (claim->birth != 0) {
			claim->state = ZK_CLAIM_QUEUED;
			break;
		}
		mf_zk_claim_limbo(node, claim, METAFORA_EUNKNOWN);
		break;
	case ZK_CLAIM_LOOKING:
	case ZK_CLAIM_CREATING:
	case ZK_CLAIM_LISTING:
		mf_zk_claim_limbo(node, claim, METAFORA_EUNKNOWN);
		break;
	case ZK_CLAIM_SEEKING:
		claim->state = ZK_CLAIM_LIMBO;
		mf_zk_end_say(node, claim, METAFORA_RESULT_UNKNOWN,
			      METAFORA_EUNKNOWN);
		break;
	case ZK_CLAIM_ENDING:
		mf_zk_end_unknown(node, claim, METAFORA_EUNKNOWN);
		break;
	case ZK_CLAIM_QUEUED:
	case ZK_CLAIM_OWNED:
	case ZK_CLAIM_LIMBO:
		break;
	}
}

void mf_zk_claims_limbo(struct zk_node *node)
{
	struct zk_claim *claim, *next;

	/* Nothing is under way; what was not sent is not sent any more. */
	TAILQ_INIT(&node->to_create);
	TAILQ_INIT(&node->to_end);
	HASH_ITER(hh, node->claims, claim, next)
		open_to_limbo(node, claim);
}

/* --- probes ----------------------------------------------------------------------------- */

static void free_probe(struct probe *probe)
{
	free(probe->path);
	free(probe);
}

/* The claim that the probe was sent for, if it still waits for it. */
static struct zk_claim *probed(const struct probe *probe)
{
	struct zk_claim *claim = mf_zk_claim_find(probe->node, probe->task);

	return claim && claim->state == probe->state &&
			       claim->attempt == probe->attempt ?
		       claim : NULL;
}

/* Takes the path over; sends, or panics. */
static void send_probe(struct zk_node *node, const char *task,
		       const struct zk_claim *claim, enum zk_request_kind kind,
		       char *path, uint32_t sequence,
		       void (*done)(struct zk_call *call))
{
	struct probe *probe = NULL;

	if (path)
		probe = calloc(1, sizeof(*probe) + strlen(task) + 1);
	if (!probe) {
		free(path);
		mf_zk_node_panic(node);
		return;
	}
	probe->node = node;
	probe->attempt = claim ? claim->attempt : 0;
	probe->state = claim ? claim->state : ZK_CLAIM_LIMBO;
	probe->sequence = sequence;
	probe->path = path;
	strcpy(probe->task, task);
	probe->call.done = done;
	probe->call.request.kind = kind;
	probe->call.request.path = path;
	mf_zk_session_send(&node->session, &probe->call);
}

static char *task_path(struct zk_node *node, const struct zk_claim *claim)
{
	char encoded[ZK_ENCODED_BYTES];

	if (mf_zk_host(node)->name_encode(claim->task, encoded,
					  sizeof(encoded)))
		return NULL;
	return mf_zk_path_task(node->session.options->root, claim->bucket,
			       encoded);
}

/* --- does the task exist? ------------------------------------------------------------------ */

static void prove(struct zk_node *node, struct zk_claim *claim);

static void exists(struct zk_node *node, struct zk_claim *claim,
		   const struct zk_request *request)
{
	bool promoted = claim->state == ZK_CLAIM_CHECKING && claim->first;

	if (claim->state == ZK_CLAIM_CHECKING &&
	    claim->verb == METAFORA_VERB_CLAIM) {
		mf_zk_write_end(node, claim, claim->verb,
				METAFORA_RESULT_BEATEN, claim->attempt);
		mf_zk_writes_pump(node);
		return;
	}
	claim->birth = request->stat.czxid;
	if (claim->state == ZK_CLAIM_PROVING) {
		claim->state = ZK_CLAIM_OWNED;
		say(node, claim, METAFORA_RESULT_OWNED, 0, request);
		return;
	}
	claim->state = ZK_CLAIM_QUEUED;
	say(node, claim, METAFORA_RESULT_QUEUED, 0, NULL);
	/* A list that came meanwhile has shown it first. */
	if (promoted && !mf_zk_takeover_holds(node, claim->task) && mf_zk_node_in(node) &&
	    claim->state == ZK_CLAIM_QUEUED) {
		claim->state = ZK_CLAIM_PROVING;
		prove(node, claim);
	}
}

/* No answer, or none that means anything. */
static void unproven(struct zk_node *node, struct zk_claim *claim,
		     enum zk_code code)
{
	if (claim->birth != 0)
		claim->state = ZK_CLAIM_QUEUED;
	else
		claim->state = ZK_CLAIM_LISTING;
	if (code == ZK_NOAUTH || code == ZK_REFUSED) {
		claim->end_error = mf_zk_error(code);
		mf_zk_write_end(node, claim, claim->verb,
				METAFORA_RESULT_FAILED, claim->attempt);
		mf_zk_writes_pump(node);
	} else {
		/* A list decides once more: now, or when we are in again. */
		mf_zk_folder_read(mf_zk_folder(node, ZK_CLAIMS,
					       claim->bucket));
	}
}

static void absent(struct zk_node *node, struct zk_claim *claim)
{
	if (claim->birth != 0) {
		/* Core knows the claim: it will give it up. */
		claim->state = ZK_CLAIM_QUEUED;
		claim->gone_told = true;
		say(node, claim, METAFORA_RESULT_GONE, 0, NULL);
		return;
	}
	mf_zk_write_end(node, claim, claim->verb, METAFORA_RESULT_GONE,
			claim->attempt);
	mf_zk_writes_pump(node);
}

static void on_proof(struct zk_call *call)
{
	struct probe *probe = (struct probe *)call;
	struct zk_node *node = probe->node;
	struct zk_claim *claim = call->stale ? NULL : probed(probe);
	enum zk_code code = call->request.code;

	if (!claim)
		;
	else if (code == ZK_OK && mf_zk_node_in(node))
		exists(node, claim, &call->request);
	else if (code == ZK_NONODE && mf_zk_node_in(node))
		absent(node, claim);
	else
		unproven(node, claim, code);
	free_probe(probe);
}

static void prove(struct zk_node *node, struct zk_claim *claim)
{
	/* Only an owner needs the properties. */
	send_probe(node, claim->task, claim,
		   claim->state == ZK_CLAIM_PROVING ? ZK_READ_DATA :
						      ZK_READ_STAT,
		   task_path(node, claim), 0, on_proof);
}

/* --- whose is a claim? ----------------------------------------------------------------- */

static char *claim_path(struct zk_node *node, const char *task,
			uint32_t sequence)
{
	const struct metafora_host *host = mf_zk_host(node);
	char encoded[ZK_ENCODED_BYTES];

	if (host->name_encode(task, encoded, sizeof(encoded)))
		return NULL;
	return mf_zk_path_claim(node->session.options->root,
				mf_zk_bucket(host, task,
					     node->session.n_buckets),
				encoded, node->encoded, sequence);
}

static void on_owner(struct zk_call *call)
{
	struct probe *probe = (struct probe *)call;
	struct zk_node *node = probe->node;
	struct zk_claim *claim = call->stale ? NULL : probed(probe);
	enum zk_code code = call->request.code;
	int error = 0;

	if (claim)
		claim->probing = false;
	if (claim && code == ZK_OK &&
	    (uint64_t)call->request.stat.ephemeral_owner == node->session.id) {
		error = mf_zk_claim_set_sequence(node, claim, probe->sequence);
		if (!error) {
			mf_zk_write_end(node, claim, METAFORA_VERB_WITHDRAW,
					METAFORA_RESULT_ENDED,
					claim->end_attempt);
			mf_zk_writes_pump(node);
		}
	} else if (claim && (code == ZK_OK || code == ZK_NONODE)) {
		/* Gone, or of an earlier session of this name: not ours. */
		claim->sought = probe->sequence;
		mf_zk_folder_read(mf_zk_folder(node, ZK_CLAIMS,
					       claim->bucket));
	} else if (claim) {
		error = mf_zk_error(code);
	}
	if (error) {
		claim->state = ZK_CLAIM_LIMBO;
		mf_zk_end_say(node, claim, METAFORA_RESULT_UNKNOWN, error);
	}
	free_probe(probe);
}

/* Core wants whatever claim there is gone; facts are those on the task. */
static void seek(struct zk_node *node, struct zk_claim *claim,
		 const struct metafora_claim_fact *facts, size_t n)
{
	size_t i;

	if (claim->probing)
		return;
	for (i = 0; i < n; i++) {
		uint32_t sequence = (uint32_t)facts[i].token;

		if (sequence <= claim->sought ||
		    strcmp(facts[i].node, node->name) != 0)
			continue;
		claim->probing = true;
		send_probe(node, claim->task, claim, ZK_READ_STAT,
			   claim_path(node, claim->task, sequence), sequence,
			   on_owner);
		return;
	}
	mf_zk_end_answer(node, claim, METAFORA_RESULT_ENDED, 0);
}

/* --- repairs ------------------------------------------------------------------------------ */

/* A claim of this session that nobody here knows of. */
static void on_stranger(struct zk_call *call)
{
	struct probe *probe = (struct probe *)call;
	struct zk_node *node = probe->node;
	struct zk_claim *claim;

	if (call->stale || call->request.code != ZK_OK ||
	    (uint64_t)call->request.stat.ephemeral_owner != node->session.id ||
	    mf_zk_claim_find(node, probe->task))
		goto out;
	claim = mf_zk_claim_new(node, probe->task);
	if (!claim)
		goto out; /* the next list shows it again */
	if (mf_zk_claim_set_sequence(node, claim, probe->sequence)) {
		mf_zk_claim_remove(node, claim);
		goto out;
	}
	mf_zk_host(node)->log(mf_zk_host(node), METAFORA_LOG_WARN,
			      "claim without a runner is withdrawn task=%s",
			      claim->task);
	metafora_host_observe(mf_zk_host(node), METAFORA_METRIC_REPAIRS, 1);
	claim->silent = true;
	mf_zk_write_end(node, claim, METAFORA_VERB_WITHDRAW,
			METAFORA_RESULT_ENDED, 0);
	mf_zk_writes_pump(node);
out:
	free_probe(probe);
}

static void find_strangers(struct zk_node *node,
			   const struct metafora_claim_fact *facts, size_t n)
{
	size_t i;

	for (i = 0; i < n && mf_zk_node_in(node); i++)
		if (strcmp(facts[i].node, node->name) == 0 &&
		    !mf_zk_claim_find(node, facts[i].task))
			send_probe(node, facts[i].task, NULL, ZK_READ_STAT,
				   claim_path(node, facts[i].task,
					      (uint32_t)facts[i].token),
				   (uint32_t)facts[i].token, on_stranger);
}

static void vanished(struct zk_node *node, struct zk_claim *claim)
{
	mf_zk_host(node)->log(mf_zk_host(node), METAFORA_LOG_WARN,
			      "claim has vanished task=%s", claim->task);
	mf_zk_claim_answer(node, claim, METAFORA_RESULT_VANISHED, 0);
}

/* --- lists ---------------------------------------------------------------------------------- */

/* The facts on one task: *n of them, from the result on. */
static const struct metafora_claim_fact *
line_of(const struct metafora_claim_fact *facts, size_t n_facts,
	const char *task, size_t *n)
{
	size_t low = 0;
	size_t high = n_facts;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(facts[middle].task, task) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (high = low; high < n_facts; high++)
		if (strcmp(facts[high].task, task) != 0)
			break;
	*n = high - low;
	return &facts[low];
}

/* Our place in the line; n if we are not in it. */
static size_t place_of(const struct metafora_claim_fact *line, size_t n,
		       uint64_t token)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (line[i].token == token)
			break;
	return i;
}

/* The first list after the claim was made: it decides. */
static void decide(struct zk_node *node, struct zk_claim *claim)
{
	bool held = claim->first && mf_zk_takeover_holds(node, claim->task);

	/* Who only asked for a place in the line has it; others wait. */
	if (held && claim->verb == METAFORA_VERB_CLAIM)
		return;
	claim->state = claim->first && !held ? ZK_CLAIM_PROVING :
					       ZK_CLAIM_CHECKING;
	prove(node, claim);
}

/* Our claim is not there: somebody has removed it. */
static void missing(struct zk_node *node, struct zk_claim *claim)
{
	if (claim->birth != 0)
		vanished(node, claim);
	else if (claim->verb == METAFORA_VERB_CLAIM)
		mf_zk_claim_answer(node, claim, METAFORA_RESULT_BEATEN, 0);
	else
		mf_zk_claim_answer(node, claim, METAFORA_RESULT_FAILED,
				   METAFORA_ENOTOWNER);
}

/* Somebody has it already, or the claim is made now. */
static void look(struct zk_node *node, struct zk_claim *claim, size_t n)
{
	if (n > 0)
		mf_zk_claim_answer(node, claim, METAFORA_RESULT_BEATEN, 0);
	else
		mf_zk_write_create(node, claim);
}

static void apply_line(struct zk_node *node, struct zk_claim *claim,
		       const struct metafora_claim_fact *line, size_t n)
{
	size_t place;

	if (claim->state == ZK_CLAIM_SEEKING) {
		seek(node, claim, line, n);
		return;
	}
	if (claim->state == ZK_CLAIM_LOOKING) {
		look(node, claim, n);
		return;
	}
	if (claim->state == ZK_CLAIM_CREATING ||
	    claim->state == ZK_CLAIM_ENDING || claim->state == ZK_CLAIM_LIMBO)
		return;
	place = place_of(line, n, mf_zk_claim_token(node, claim));
	claim->first = place == 0 && n > 0;
	if (place == n) {
		missing(node, claim);
	} else if (claim->state == ZK_CLAIM_LISTING) {
		decide(node, claim);
	} else if (claim->state == ZK_CLAIM_QUEUED && claim->first &&
		   !claim->gone_told &&
		   !mf_zk_takeover_holds(node, claim->task)) {
		claim->state = ZK_CLAIM_PROVING;
		prove(node, claim);
	}
}

void mf_zk_claims_listed(struct zk_node *node, struct zk_folder *folder,
			 const struct metafora_claim_fact *facts, size_t n)
{
	struct zk_claim *claim, *next;
	size_t n_decided = 0;

	/* Core may add claims meanwhile, but removes none. */
	for (claim = TAILQ_FIRST(&folder->claims);
	     claim && mf_zk_node_in(node); claim = next) {
		const struct metafora_claim_fact *line;
		size_t n_line;

		next = TAILQ_NEXT(claim, in_bucket);
		line = line_of(facts, n, claim->task, &n_line);
		n_decided += claim->state == ZK_CLAIM_LISTING;
		apply_line(node, claim, line, n_line);
	}
	if (n_decided)
		mf_zk_host(node)->log(mf_zk_host(node), METAFORA_LOG_DEBUG,
				      "claims decided n=%zu bucket=%u",
				      n_decided, folder->bucket);
	find_strangers(node, facts, n);
	mf_zk_writes_pump(node);
}

static void gone(struct zk_node *node, struct zk_claim *claim)
{
	claim->gone_told = true;
	say(node, claim, METAFORA_RESULT_GONE, 0, NULL);
}

/* Is it still the task that was claimed, or a new one of the same name? */
static void on_life(struct zk_call *call)
{
	struct probe *probe = (struct probe *)call;
	struct zk_claim *claim = call->stale ? NULL : probed(probe);
	enum zk_code code = call->request.code;

	if (claim && !claim->gone_told &&
	    (code == ZK_NONODE ||
	     (code == ZK_OK && call->request.stat.czxid != claim->birth)))
		gone(probe->node, claim);
	free_probe(probe);
}

static bool is_listed(const struct metafora_task_fact *facts, size_t n,
		      const char *task)
{
	size_t low = 0;
	size_t high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(facts[middle].task, task);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

void mf_zk_tasks_listed(struct zk_node *node, struct zk_folder *folder,
			const struct metafora_task_fact *facts, size_t n,
			bool suspicious)
{
	struct zk_folder *line = mf_zk_folder(node, ZK_CLAIMS, folder->bucket);
	struct zk_claim *claim, *next;

	for (claim = TAILQ_FIRST(&line->claims); claim && mf_zk_node_in(node);
	     claim = next) {
		next = TAILQ_NEXT(claim, in_bucket);
		if ((claim->state != ZK_CLAIM_OWNED &&
		     claim->state != ZK_CLAIM_QUEUED) ||
		    claim->gone_told)
			continue;
		if (!is_listed(facts, n, claim->task))
			gone(node, claim);
		else if (suspicious)
			send_probe(node, claim->task, claim, ZK_READ_STAT,
				   task_path(node, claim), 0, on_life);
	}
}
