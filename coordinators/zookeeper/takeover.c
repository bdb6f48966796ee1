/* SPDX-License-Identifier: Apache-2.0 */
/* Lets a task rest for a while when its owner vanished without a release. */
#include "node.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#define NS_PER_MS 1000000ULL

/*
 * A claim ends with a release, or with its session.  With the session the
 * member record goes in the same transaction: a read of it that was sent after
 * the list that lacks the claim, and that shows the same session, proves the
 * release.  So does a record that said "draining" when it was last seen: such
 * a node gives everything up before it goes.  Who joins later has seen no
 * earlier owner, and waits for none.
 */

/* The first in line, as the last list of the bucket showed it. */
struct zk_owner {
	const char *task;
	const char *node;
	uint64_t token;
	uint64_t session; /* 0: not known */
};

/* A task that rests. */
struct zk_hold {
	UT_hash_handle hh; /* by task */
	unsigned int n_asked; /* answers that are to come */
	uint64_t until_ns;    /* 0: only if an answer says so */
	char task[];
};

/* Reads the member that owned a task. */
struct question {
	struct zk_call call; /* first */
	struct zk_node *node;
	uint64_t session;
	uint64_t until_ns; /* if it is not there any more */
	char *path;
	char task[];
};

static uint64_t delay_ns(const struct zk_node *node)
{
	return (uint64_t)node->session.options->takeover_delay_ms * NS_PER_MS;
}

static struct zk_hold *find(struct zk_node *node, const char *task)
{
	struct zk_hold *hold;

	HASH_FIND_STR(node->takeover.holds, task, hold);
	return hold;
}

bool mf_zk_takeover_holds(struct zk_node *node, const char *task)
{
	return find(node, task) != NULL;
}

/* --- the end of a rest ---------------------------------------------------------- */

static void set_timer(struct zk_node *node)
{
	const struct metafora_host *host = mf_zk_host(node);
	struct zk_takeover *takeover = &node->takeover;
	const struct zk_hold *hold;
	uint64_t first_ns = UINT64_MAX;

	for (hold = takeover->holds; hold; hold = hold->hh.next)
		if (hold->n_asked == 0 && hold->until_ns < first_ns)
			first_ns = hold->until_ns;
	if (first_ns == UINT64_MAX)
		host->timer_cancel(host, takeover->timer);
	else
		host->timer_set(host, takeover->timer, first_ns);
}

static void end_hold(struct zk_node *node, struct zk_hold *hold)
{
	uint32_t bucket = mf_zk_bucket(mf_zk_host(node), hold->task,
				       node->session.n_buckets);

	HASH_DEL(node->takeover.holds, hold);
	free(hold);
	/* Whoever is first by now may go on. */
	mf_zk_folder_read(mf_zk_folder(node, ZK_CLAIMS, bucket));
}

static void on_timer(void *arg)
{
	struct zk_node *node = arg;
	uint64_t now = mf_zk_host(node)->now_ns(mf_zk_host(node));
	struct zk_hold *hold, *next;

	HASH_ITER(hh, node->takeover.holds, hold, next)
		if (hold->n_asked == 0 && hold->until_ns <= now)
			end_hold(node, hold);
	set_timer(node);
}

/* --- was it a release? ------------------------------------------------------------- */

static void on_member(struct zk_call *call)
{
	struct question *question = (struct question *)call;
	struct zk_node *node = question->node;
	struct zk_hold *hold = call->stale ? NULL : find(node, question->task);

	if (hold) {
		hold->n_asked--;
		/* No answer is no proof. */
		if ((call->request.code != ZK_OK ||
		     (uint64_t)call->request.stat.ephemeral_owner !=
			     question->session) &&
		    hold->until_ns < question->until_ns)
			hold->until_ns = question->until_ns;
		if (hold->n_asked == 0 && hold->until_ns == 0)
			end_hold(node, hold);
		set_timer(node);
	}
	free(question->path);
	free(question);
}

static char *member_path(struct zk_node *node, const char *name)
{
	char encoded[3 * METAFORA_NODE_NAME_MAX + 1];

	if (mf_zk_host(node)->name_encode(name, encoded, sizeof(encoded)))
		return NULL;
	return mf_zk_path_member(node->session.options->root, encoded);
}

static int ask(struct zk_node *node, struct zk_hold *hold,
	       const struct zk_owner *owner, uint64_t until_ns)
{
	struct question *question = calloc(1, sizeof(*question) +
						      strlen(owner->task) + 1);

	if (question)
		question->path = member_path(node, owner->node);
	if (!question || !question->path) {
		free(question);
		return METAFORA_ENOMEM;
	}
	strcpy(question->task, owner->task);
	question->node = node;
	question->session = owner->session;
	question->until_ns = until_ns;
	question->call.done = on_member;
	question->call.request.kind = ZK_READ_STAT;
	question->call.request.path = question->path;
	hold->n_asked++;
	mf_zk_session_send(&node->session, &question->call);
	return 0;
}

static struct zk_hold *get_hold(struct zk_node *node, const char *task)
{
	struct zk_hold *hold = find(node, task);

	if (hold)
		return hold;
	hold = calloc(1, sizeof(*hold) + strlen(task) + 1);
	if (!hold)
		return NULL;
	strcpy(hold->task, task);
	HASH_ADD_STR(node->takeover.holds, task, hold);
	if (hold->hh.tbl)
		return hold;
	free(hold);
	return NULL;
}

static bool drained(const struct zk_node *node, uint64_t session)
{
	size_t i;

	for (i = 0; i < ZK_DRAINED_MAX; i++)
		if (node->takeover.drained[i] == session)
			return true;
	return false;
}

/* An owner is not in the line any more. */
static int vanished(struct zk_node *node, const struct zk_owner *owner)
{
	const struct metafora_host *host = mf_zk_host(node);
	uint64_t until_ns = host->now_ns(host) + delay_ns(node);
	struct zk_hold *hold;

	/* What we gave up ourselves we know of. */
	if (strcmp(owner->node, node->name) == 0 ||
	    (owner->session && drained(node, owner->session)))
		return 0;
	hold = get_hold(node, owner->task);
	if (!hold)
		return METAFORA_ENOMEM;
	if (owner->session)
		return ask(node, hold, owner, until_ns);
	if (hold->until_ns < until_ns)
		hold->until_ns = until_ns;
	return 0;
}

/* --- who owns? ------------------------------------------------------------------------ */

/*
 * The owners among the facts, which are sorted by task and token, in one piece
 * of memory.  Sessions are those of the members as they were read before: no
 * later session can have made a claim that was listed now.
 */
static struct zk_owner *owners_of(struct zk_node *node,
				  struct zk_folder *folder,
				  const struct metafora_claim_fact *facts,
				  size_t n, size_t *n_owners)
{
	struct zk_owner *owners;
	size_t n_bytes = 1;
	char *text;
	size_t i;

	for (i = 0; i < n; i++)
		n_bytes += strlen(facts[i].task) + strlen(facts[i].node) + 2;
	owners = malloc(n * sizeof(*owners) + n_bytes);
	if (!owners)
		return NULL;
	text = (char *)&owners[n];
	*n_owners = 0;
	folder->strangers = false;
	for (i = 0; i < n; i++) {
		struct zk_owner *owner = &owners[*n_owners];

		if (i > 0 && strcmp(facts[i].task, facts[i - 1].task) == 0)
			continue;
		owner->task = strcpy(text, facts[i].task);
		text += strlen(text) + 1;
		owner->node = strcpy(text, facts[i].node);
		text += strlen(text) + 1;
		owner->token = facts[i].token;
		owner->session = mf_zk_members_session(node, owner->node);
		folder->strangers |= !owner->session;
		(*n_owners)++;
	}
	return owners;
}

static bool is_listed(const struct metafora_claim_fact *facts, size_t n,
		      const struct zk_owner *owner)
{
	size_t low = 0;
	size_t high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(facts[middle].task, owner->task);

		if (order == 0 && facts[middle].token == owner->token)
			return true;
		if (order < 0 ||
		    (order == 0 && facts[middle].token < owner->token))
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

int mf_zk_takeover_listed(struct zk_node *node, struct zk_folder *folder,
			  const struct metafora_claim_fact *facts, size_t n)
{
	struct zk_owner *owners;
	size_t n_owners;
	size_t i;

	if (!delay_ns(node))
		return 0;
	owners = owners_of(node, folder, facts, n, &n_owners);
	if (!owners)
		return METAFORA_ENOMEM;
	for (i = 0; i < folder->n_owners; i++)
		if (!is_listed(facts, n, &folder->owners[i]) &&
		    vanished(node, &folder->owners[i])) {
			/* All of them once more with the next list. */
			free(owners);
			return METAFORA_ENOMEM;
		}
	free(folder->owners);
	folder->owners = owners;
	folder->n_owners = n_owners;
	set_timer(node);
	return 0;
}

/* --- members ---------------------------------------------------------------------------- */

void mf_zk_takeover_record(struct zk_node *node,
			   const struct metafora_member_record *record)
{
	struct zk_takeover *takeover = &node->takeover;
	size_t i;

	for (i = 0; i < ZK_DRAINED_MAX; i++)
		if (takeover->drained[i] == record->session)
			takeover->drained[i] = 0;
	if (record->state != METAFORA_MEMBER_DRAINING)
		return;
	takeover->drained[takeover->next_drained] = record->session;
	takeover->next_drained = (takeover->next_drained + 1) % ZK_DRAINED_MAX;
}

void mf_zk_takeover_members(struct zk_node *node)
{
	uint32_t i;

	for (i = 0; i < node->n_folders; i++)
		if (node->folders[i].strangers)
			mf_zk_folder_read(&node->folders[i]);
}

/* --- life ----------------------------------------------------------------------------------- */

void mf_zk_takeover_clear(struct zk_node *node)
{
	const struct metafora_host *host = mf_zk_host(node);
	struct zk_hold *hold, *next;

	HASH_ITER(hh, node->takeover.holds, hold, next)
	{
		HASH_DEL(node->takeover.holds, hold);
		free(hold);
	}
	if (node->takeover.timer)
		host->timer_cancel(host, node->takeover.timer);
}

int mf_zk_takeover_init(struct zk_node *node)
{
	return mf_zk_host(node)->timer_new(mf_zk_host(node), on_timer, node,
					   &node->takeover.timer);
}

void mf_zk_takeover_fini(struct zk_node *node)
{
	mf_zk_takeover_clear(node);
	mf_zk_host(node)->timer_free(mf_zk_host(node), node->takeover.timer);
}
