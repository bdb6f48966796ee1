/* SPDX-License-Identifier: Apache-2.0 */
/* Reads buckets of tasks and claims, and turns them into snapshots. */
#include "node.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#define NS_PER_MS 1000000ULL
/* A list there was no memory for is asked for again after this. */
#define RETRY_NS (200 * NS_PER_MS)
/* It storms while a list shows so many changes at once. */
#define STORM_CHANGES 8
/* Members that make a crowd, and crowds that count. */
#define CROWD_MEMBERS 8
#define CROWDS_MAX 5
/*
 * Lists under way.  When the servers are slow the others wait here, where more
 * changes become one list, and not in the servers, where each would be made.
 */
#define READS_MAX 8

struct zk_folder *mf_zk_folder(struct zk_node *node, enum zk_folder_kind kind,
			       uint32_t bucket)
{
	return &node->folders[2 * bucket + (kind == ZK_CLAIMS)];
}

static uint64_t now_ns(const struct zk_node *node)
{
	return mf_zk_host(node)->now_ns(mf_zk_host(node));
}

static void warn(struct zk_folder *folder, const char *name)
{
	struct zk_node *node = folder->node;

	if (mf_zk_session_may_warn(&node->session))
		mf_zk_host(node)->log(mf_zk_host(node), METAFORA_LOG_WARN,
				      "stranger in the namespace is ignored "
				      "folder=%s name=%.80s",
				      folder->path, name);
}

/* --- tasks --------------------------------------------------------------------------- */

static int compare_tasks(const void *a, const void *b)
{
	const struct metafora_task_fact *x = a;
	const struct metafora_task_fact *y = b;

	return strcmp(x->task, y->task);
}

/*
 * Facts and the IDs they point to, in one piece of memory; an ID is never
 * longer than its encoded form.
 */
static struct metafora_task_fact *decode_tasks(struct zk_folder *folder,
					       const struct zk_request *request,
					       size_t *n)
{
	struct zk_node *node = folder->node;
	struct metafora_task_fact *facts;
	size_t n_bytes = 1;
	char *text;
	size_t i;

	for (i = 0; i < request->n_names; i++)
		n_bytes += strlen(request->names[i]) + 1;
	facts = malloc(request->n_names * sizeof(*facts) + n_bytes);
	if (!facts)
		return NULL;
	text = (char *)&facts[request->n_names];
	*n = 0;
	for (i = 0; i < request->n_names; i++) {
		char task[METAFORA_TASK_ID_MAX + 1];

		if (!mf_zk_parse_task(mf_zk_host(node), request->names[i],
				      task) ||
		    mf_zk_bucket(mf_zk_host(node), task,
				 node->session.n_buckets) != folder->bucket) {
			warn(folder, request->names[i]);
			continue;
		}
		facts[*n].task = strcpy(text, task);
		facts[(*n)++].birth = 0;
		text += strlen(task) + 1;
	}
	qsort(facts, *n, sizeof(*facts), compare_tasks);
	return facts;
}

static int deliver_tasks(struct zk_folder *folder,
			 const struct zk_request *request)
{
	struct zk_node *node = folder->node;
	struct metafora_task_fact *facts;
	uint32_t n_created = zk_stat_n_created(&request->stat);
	uint32_t n_new = n_created - folder->n_created;
	bool suspicious;
	size_t n;

	facts = decode_tasks(folder, request, &n);
	if (!facts)
		return METAFORA_ENOMEM;
	/*
	 * As many gone as came, or more: one of the same name may have gone
	 * and come again.
	 */
	suspicious = folder->known && n_new > 0 &&
		     request->n_names < folder->n_names + (size_t)n_new;
	folder->known = true;
	folder->n_created = n_created;
	folder->n_names = (uint32_t)request->n_names;
	node->sink->tasks(mf_zk_host(node), folder->bucket, facts, n);
	mf_zk_tasks_listed(node, folder, facts, n, suspicious);
	free(facts);
	return 0;
}

/* --- claims ---------------------------------------------------------------------------- */

static int compare_claims(const void *a, const void *b)
{
	const struct metafora_claim_fact *x = a;
	const struct metafora_claim_fact *y = b;
	int order = strcmp(x->task, y->task);

	if (order)
		return order;
	return x->token < y->token ? -1 : x->token > y->token;
}

static struct metafora_claim_fact *decode_claims(struct zk_folder *folder,
						 const struct zk_request *request,
						 size_t *n)
{
	struct zk_node *node = folder->node;
	struct metafora_claim_fact *facts;
	struct zk_claim_name name;
	size_t n_bytes = 1;
	char *text;
	size_t i;

	for (i = 0; i < request->n_names; i++)
		n_bytes += strlen(request->names[i]) + 1;
	facts = malloc(request->n_names * sizeof(*facts) + n_bytes);
	if (!facts)
		return NULL;
	text = (char *)&facts[request->n_names];
	*n = 0;
	for (i = 0; i < request->n_names; i++) {
		if (!mf_zk_parse_claim(mf_zk_host(node), request->names[i],
				       &name) ||
		    mf_zk_bucket(mf_zk_host(node), name.task,
				 node->session.n_buckets) != folder->bucket) {
			warn(folder, request->names[i]);
			continue;
		}
		facts[*n].task = strcpy(text, name.task);
		text += strlen(name.task) + 1;
		facts[*n].node = strcpy(text, name.node);
		text += strlen(name.node) + 1;
		facts[(*n)++].token = (uint64_t)node->session.epoch << 32 |
				      name.sequence;
	}
	qsort(facts, *n, sizeof(*facts), compare_claims);
	return facts;
}

static int deliver_claims(struct zk_folder *folder,
			  const struct zk_request *request)
{
	struct zk_node *node = folder->node;
	struct metafora_claim_fact *facts;
	size_t n;

	facts = decode_claims(folder, request, &n);
	if (!facts)
		return METAFORA_ENOMEM;
	if (mf_zk_takeover_listed(node, folder, facts, n)) {
		free(facts);
		return METAFORA_ENOMEM;
	}
	node->sink->claims(mf_zk_host(node), folder->bucket, facts, n);
	mf_zk_claims_listed(node, folder, facts, n);
	free(facts);
	return 0;
}

/* --- reading ---------------------------------------------------------------------------- */

static void pump_reads(struct zk_node *node);

static void enqueue(struct zk_folder *folder, bool urgent)
{
	struct zk_node *node = folder->node;

	/*
	 * One that is under way will be answered after anything that has been
	 * answered by now, and shows at least as much.
	 */
	if (folder->reading || !mf_zk_node_in(node))
		return;
	if (folder->queued && urgent && !folder->urgent) {
		TAILQ_REMOVE(&node->to_read[false], folder, in_queue);
		folder->queued = false;
	}
	if (!folder->queued) {
		folder->queued = true;
		folder->urgent = urgent;
		TAILQ_INSERT_TAIL(&node->to_read[urgent], folder, in_queue);
	}
	mf_zk_host(node)->timer_cancel(mf_zk_host(node), folder->timer);
	folder->waiting = false;
	pump_reads(node);
}

static void on_timer(void *arg)
{
	struct zk_folder *folder = arg;

	folder->waiting = false;
	enqueue(folder, false);
}

static void read_later(struct zk_folder *folder, uint64_t delay_ns)
{
	const struct metafora_host *host = mf_zk_host(folder->node);

	folder->waiting = true;
	host->timer_set(host, folder->timer, now_ns(folder->node) + delay_ns);
}

static void look_for_storm(struct zk_folder *folder, int32_t cversion)
{
	folder->storms = (uint32_t)cversion - (uint32_t)folder->cversion >=
			 STORM_CHANGES;
	folder->cversion = cversion;
}

static void on_read(struct zk_call *call)
{
	struct zk_folder *folder = (struct zk_folder *)call;
	struct zk_node *node = folder->node;
	enum zk_code code = call->request.code;
	int error = 0;

	folder->reading = false;
	node->n_reading--;
	/* All is read again when the node is in again. */
	if (call->stale || !mf_zk_node_in(node))
		return;
	pump_reads(node);
	if (code == ZK_OK)
		look_for_storm(folder, call->request.stat.cversion);
	if (code == ZK_OK)
		error = folder->kind == ZK_TASKS ?
				deliver_tasks(folder, &call->request) :
				deliver_claims(folder, &call->request);
	if (code == ZK_NOMEM || error)
		read_later(folder, RETRY_NS);
	else if (code == ZK_NONODE)
		mf_zk_node_give_up(node, "namespace was deleted");
	else if (code == ZK_UNSENT)
		mf_zk_folder_read(folder); /* told too late */
	else if (code != ZK_OK && code != ZK_UNKNOWN)
		mf_zk_node_refused(node, "reading a folder", code);
}

static void send_read(struct zk_folder *folder)
{
	struct zk_node *node = folder->node;

	node->n_reading++;
	folder->reading = true;
	metafora_host_observe(mf_zk_host(node), METAFORA_METRIC_BUCKET_READS,
			      1);
	folder->pace.read_ns = now_ns(node);
	folder->call.done = on_read;
	folder->call.request.kind = ZK_READ_CHILDREN;
	folder->call.request.watch = true;
	folder->call.request.path = folder->path;
	mf_zk_session_send(&node->session, &folder->call);
}

/*
 * By turns, each queue in its order: however many are urgent, the others wait
 * for no more than as many of those as there are folders.
 */
static struct zk_folder *next_to_read(struct zk_node *node)
{
	struct zk_folder *folder;

	node->urgent_turn = !node->urgent_turn;
	folder = TAILQ_FIRST(&node->to_read[node->urgent_turn]);
	return folder ? folder : TAILQ_FIRST(&node->to_read[!node->urgent_turn]);
}

static void pump_reads(struct zk_node *node)
{
	struct zk_folder *folder;

	while (node->n_reading < READS_MAX && mf_zk_node_in(node) &&
	       (folder = next_to_read(node))) {
		TAILQ_REMOVE(&node->to_read[folder->urgent], folder, in_queue);
		folder->queued = false;
		send_read(folder);
	}
}

void mf_zk_folder_read(struct zk_folder *folder)
{
	enqueue(folder, true);
}

bool mf_zk_folder_is_stale(const struct zk_folder *folder)
{
	return folder->reading || folder->queued || folder->waiting;
}

unsigned int mf_zk_crowds(const struct zk_node *node)
{
	const unsigned int n =
		1 + HASH_COUNT(node->members.others) / CROWD_MEMBERS;

	return n < CROWDS_MAX ? n : CROWDS_MAX;
}

void mf_zk_folder_changed(struct zk_folder *folder)
{
	uint64_t delay_ns;

	if (mf_zk_folder_is_stale(folder))
		return;
	delay_ns = mf_zk_pace(&folder->pace, now_ns(folder->node),
			      mf_zk_crowds(folder->node), folder->storms);
	if (delay_ns)
		read_later(folder, delay_ns);
	else
		enqueue(folder, false);
}

void mf_zk_folders_read_all(struct zk_node *node)
{
	uint32_t i;

	for (i = 0; i < node->n_folders; i++)
		enqueue(&node->folders[i], false);
}

/* --- the set ------------------------------------------------------------------------------ */

struct zk_folder *mf_zk_folder_find(struct zk_node *node, const char *path)
{
	enum zk_folder_kind kind;
	uint32_t bucket;

	if (!mf_zk_parse_folder(node->session.options->root, path,
				node->n_folders / 2, &kind, &bucket))
		return NULL;
	return mf_zk_folder(node, kind, bucket);
}

static int init_folder(struct zk_node *node, uint32_t i)
{
	const struct metafora_host *host = mf_zk_host(node);
	struct zk_folder *folder = &node->folders[i];

	TAILQ_INIT(&folder->claims);
	folder->node = node;
	folder->bucket = i / 2;
	folder->kind = i % 2 ? ZK_CLAIMS : ZK_TASKS;
	folder->path = mf_zk_path_folder(node->session.options->root,
					 folder->kind, folder->bucket);
	if (!folder->path)
		return METAFORA_ENOMEM;
	return host->timer_new(host, on_timer, folder, &folder->timer);
}

int mf_zk_folders_begin(struct zk_node *node)
{
	uint32_t n = 2 * node->session.n_buckets;
	int error;
	uint32_t i;

	mf_zk_folders_fini(node);
	TAILQ_INIT(&node->to_read[false]);
	TAILQ_INIT(&node->to_read[true]);
	node->folders = calloc(n, sizeof(*node->folders));
	if (!node->folders)
		return METAFORA_ENOMEM;
	for (i = 0; i < n; i++) {
		node->n_folders++;
		error = init_folder(node, i);
		if (error)
			return error;
	}
	return 0;
}

void mf_zk_folders_fini(struct zk_node *node)
{
	const struct metafora_host *host = mf_zk_host(node);
	uint32_t i;

	for (i = 0; i < node->n_folders; i++) {
		if (node->folders[i].timer)
			host->timer_free(host, node->folders[i].timer);
		free(node->folders[i].path);
		free(node->folders[i].owners);
	}
	free(node->folders);
	node->folders = NULL;
	node->n_folders = 0;
}
