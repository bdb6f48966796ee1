/* SPDX-License-Identifier: Apache-2.0 */
/* What the node side reads: snapshots of the broker, and commands. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node.h"

/*
 * Pause between two reads while changes go on: none after a quiet time, then
 * doubled up to the longest, so that a storm does not cost a read per change.
 */
#define PAUSE_MIN_NS (1 * EMB_NS_PER_MS)
#define PAUSE_MAX_NS (50 * EMB_NS_PER_MS)
/*
 * Where very much is to be read a pause is longer, so that reading, and taking
 * in what was read, are about a fifth of a node's time; but on a busy machine
 * work seems long, and balancers wait for no more than a second or two before
 * they act on what they see.
 */
#define PAUSES_PER_WORK 4
#define PAUSE_LONGEST_NS (500 * EMB_NS_PER_MS)

enum kind { TASKS, CLAIMS, MEMBERS };

struct snapshot {
	struct emb_message message;
	enum kind kind;
	uint32_t bucket;
	size_t n;
	union {
		struct metafora_task_fact *tasks;
		struct metafora_claim_fact *claims;
		struct metafora_member_record *members;
	} facts;
	/* Of members: keep their strings. */
	struct emb_record **records;
};

static int compare_claims(const void *a, const void *b)
{
	const struct metafora_claim_fact *one = a;
	const struct metafora_claim_fact *other = b;
	const int order = strcmp(one->task, other->task);

	if (order)
		return order;
	return (one->token > other->token) - (one->token < other->token);
}

static void deliver(struct emb_node *node, struct snapshot *snapshot)
{
	const struct metafora_host *host = node->link.host;

	switch (snapshot->kind) {
	case TASKS:
		node->sink->tasks(host, snapshot->bucket, snapshot->facts.tasks,
				  snapshot->n);
		break;
	case CLAIMS:
		/* Here, not with the lock held when it was read. */
		qsort(snapshot->facts.claims, snapshot->n,
		      sizeof(*snapshot->facts.claims), compare_claims);
		node->sink->claims(host, snapshot->bucket,
				   snapshot->facts.claims, snapshot->n);
		break;
	case MEMBERS:
		node->sink->members(host, snapshot->facts.members, snapshot->n);
		break;
	}
}

/* The next read is the later, the longer this work has taken. */
static void lengthen_pause(struct emb_node *node, uint64_t began_ns)
{
	const struct metafora_host *host = node->link.host;
	const uint64_t latest_ns = node->last_read_ns + PAUSE_LONGEST_NS;

	node->read_ns += PAUSES_PER_WORK * (host->now_ns(host) - began_ns);
	if (node->read_ns > latest_ns)
		node->read_ns = latest_ns;
}

/* It did not arrive: it is to be read again. */
static void lost(struct emb_node *node, const struct snapshot *snapshot)
{
	struct emb_session *session = node->link.session;
	const uint64_t bit = UINT64_C(1) << snapshot->bucket;

	pthread_mutex_lock(&node->link.broker->lock);
	if (snapshot->kind == TASKS)
		session->dirty_tasks |= bit;
	else if (snapshot->kind == CLAIMS)
		session->dirty_claims |= bit;
	else
		session->dirty_members = true;
	pthread_mutex_unlock(&node->link.broker->lock);
}

static void snapshot_end(struct emb_link *link, struct emb_message *message,
			 enum emb_fate fate)
{
	struct emb_node *node = (struct emb_node *)link;
	struct snapshot *snapshot = (struct snapshot *)message;
	const uint64_t began_ns = link->host->now_ns(link->host);
	size_t i;

	node->n_reads--;
	if (fate == EMB_DELIVERED) {
		deliver(node, snapshot);
		lengthen_pause(node, began_ns);
	} else if (fate == EMB_LOST)
		lost(node, snapshot);
	if (snapshot->kind == MEMBERS)
		for (i = 0; i < snapshot->n; i++)
			mf_emb_record_unref(snapshot->records[i]);
	free(snapshot);
}

/* --- reading; with the lock held ------------------------------------------------- */

static struct snapshot *snapshot_new(enum kind kind, uint32_t bucket,
				     size_t n_bytes)
{
	struct snapshot *snapshot = malloc(sizeof(*snapshot) + n_bytes);

	if (!snapshot)
		return NULL;
	memset(snapshot, 0, sizeof(*snapshot));
	snapshot->message.end = snapshot_end;
	snapshot->kind = kind;
	snapshot->bucket = bucket;
	snapshot->facts.tasks = (void *)(snapshot + 1);
	return snapshot;
}

static const char *put_id(char **at, const struct emb_task *task)
{
	const char *copy = memcpy(*at, task->id, task->n_id);

	*at += task->n_id;
	return copy;
}

static struct snapshot *
read_tasks(const struct metafora_embedded_broker *broker, uint32_t bucket)
{
	const struct emb_tasks *tasks = &broker->buckets[bucket].tasks;
	const struct emb_task *task;
	struct snapshot *snapshot;
	size_t n_bytes = 0;
	size_t n = 0;
	char *at;

	TAILQ_FOREACH(task, tasks, in_bucket) {
		if (!task->exists)
			continue;
		n_bytes += task->n_id;
		n++;
	}
	n_bytes += n * sizeof(*snapshot->facts.tasks);
	snapshot = snapshot_new(TASKS, bucket, n_bytes);
	if (!snapshot)
		return NULL;
	at = (char *)(snapshot->facts.tasks + n);
	TAILQ_FOREACH(task, tasks, in_bucket) {
		if (!task->exists)
			continue;
		snapshot->facts.tasks[snapshot->n].task = put_id(&at, task);
		snapshot->facts.tasks[snapshot->n].birth = task->birth;
		snapshot->n++;
	}
	return snapshot;
}

static struct snapshot *
read_claims(const struct metafora_embedded_broker *broker, uint32_t bucket)
{
	const struct emb_tasks *tasks = &broker->buckets[bucket].tasks;
	struct metafora_claim_fact *fact;
	const struct emb_claim *claim;
	const struct emb_task *task;
	struct emb_session *session;
	struct snapshot *snapshot;
	const char *id;
	size_t n_bytes = 0;
	size_t n = 0;
	char *at;

	TAILQ_FOREACH(session, &broker->sessions, entry)
		n_bytes += strlen(session->record->member.node) + 1;
	TAILQ_FOREACH(task, tasks, in_bucket) {
		if (TAILQ_EMPTY(&task->line))
			continue;
		n_bytes += task->n_id;
		TAILQ_FOREACH(claim, &task->line, in_line)
			n++;
	}
	n_bytes += n * sizeof(*snapshot->facts.claims);
	snapshot = snapshot_new(CLAIMS, bucket, n_bytes);
	if (!snapshot)
		return NULL;
	at = (char *)(snapshot->facts.claims + n);
	/* Every claim is of a session that lives: its name is there once. */
	TAILQ_FOREACH(session, &broker->sessions, entry)
		session->name_in_read =
			mf_emb_put(&at, session->record->member.node);
	TAILQ_FOREACH(task, tasks, in_bucket) {
		if (TAILQ_EMPTY(&task->line))
			continue;
		id = put_id(&at, task);
		TAILQ_FOREACH(claim, &task->line, in_line) {
			fact = &snapshot->facts.claims[snapshot->n++];
			fact->task = id;
			fact->node = claim->session->name_in_read;
			fact->token = mf_emb_token(broker, claim);
		}
	}
	return snapshot;
}

static struct snapshot *
read_members(const struct metafora_embedded_broker *broker)
{
	const struct emb_session *session;
	struct snapshot *snapshot;
	size_t n = 0;

	TAILQ_FOREACH(session, &broker->sessions, entry)
		n++;
	snapshot = snapshot_new(MEMBERS, 0,
				n * (sizeof(*snapshot->facts.members) +
				     sizeof(*snapshot->records)));
	if (!snapshot)
		return NULL;
	snapshot->records = (struct emb_record **)(snapshot->facts.members + n);
	TAILQ_FOREACH(session, &broker->sessions, entry) {
		n = snapshot->n++;
		snapshot->records[n] = mf_emb_record_ref(session->record);
		snapshot->facts.members[n] = session->record->member;
		snapshot->facts.members[n].session = session->id;
	}
	return snapshot;
}

static bool send_snapshot(struct emb_node *node, struct snapshot *snapshot)
{
	struct emb_link *link = &node->link;
	const uint64_t lag_ns = link->faults->lag_ns;

	if (!snapshot)
		return false;
	node->n_reads++;
	if (snapshot->kind != MEMBERS)
		metafora_host_observe(link->host, METAFORA_METRIC_BUCKET_READS,
				      1);
	mf_emb_send(link, lag_ns ? &node->late : &link->queue,
		    &snapshot->message, mf_emb_random_ns(link, lag_ns));
	return true;
}

static bool is_dirty(const struct emb_session *session)
{
	return session->dirty_members || session->dirty_tasks ||
	       session->dirty_claims;
}

uint64_t mf_emb_next_read_ns(const struct emb_node *node)
{
	/* What is on its way must arrive first: never two reads of a kind. */
	if (node->n_reads || !is_dirty(node->link.session))
		return EMB_NEVER;
	return node->read_ns;
}

bool mf_emb_collect_reads(struct emb_node *node, uint64_t now_ns)
{
	const struct metafora_embedded_broker *broker = node->link.broker;
	struct emb_session *session = node->link.session;
	uint64_t bit;
	uint32_t i;

	if (now_ns < mf_emb_next_read_ns(node))
		return true;
	if (now_ns - node->last_read_ns > 2 * PAUSE_MAX_NS)
		node->pause_ns = 0;
	else if (node->pause_ns == 0)
		node->pause_ns = PAUSE_MIN_NS;
	else if (node->pause_ns < PAUSE_MAX_NS)
		node->pause_ns *= 2;
	node->last_read_ns = now_ns;
	node->read_ns = now_ns + node->pause_ns;
	if (session->dirty_members) {
		if (!send_snapshot(node, read_members(broker)))
			return false;
		session->dirty_members = false;
	}
	for (i = 0; i < EMB_BUCKETS; i++) {
		bit = UINT64_C(1) << i;
		if (session->dirty_tasks & bit) {
			if (!send_snapshot(node, read_tasks(broker, i)))
				return false;
			session->dirty_tasks &= ~bit;
		}
		if (session->dirty_claims & bit) {
			if (!send_snapshot(node, read_claims(broker, i)))
				return false;
			session->dirty_claims &= ~bit;
		}
	}
	lengthen_pause(node, now_ns);
	return true;
}

/* --- commands -------------------------------------------------------------------- */

struct delivery {
	struct emb_message message;
	uint64_t id;
	struct emb_blob *data;
};

static void delivery_end(struct emb_link *link, struct emb_message *message,
			 enum emb_fate fate)
{
	struct emb_node *node = (struct emb_node *)link;
	struct delivery *delivery = (struct delivery *)message;
	struct metafora_command_fact fact;
	char id[24];

	if (fate == EMB_DELIVERED) {
		node->delivered_command = delivery->id;
		snprintf(id, sizeof(id), "%" PRIu64, delivery->id);
		fact.id = id;
		fact.data = delivery->data->bytes;
		fact.size_bytes = delivery->data->size_bytes;
		node->sink->command(link->host, &fact);
	} else if (fate == EMB_LOST) {
		pthread_mutex_lock(&link->broker->lock);
		link->session->sent_command = node->delivered_command;
		pthread_mutex_unlock(&link->broker->lock);
	}
	mf_emb_blob_unref(delivery->data);
	free(delivery);
}

bool mf_emb_collect_commands(struct emb_node *node)
{
	struct emb_session *session = node->link.session;
	struct emb_command *command;
	struct delivery *delivery;

	TAILQ_FOREACH(command, &session->commands, entry) {
		if (command->id <= session->sent_command)
			continue;
		delivery = calloc(1, sizeof(*delivery));
		if (!delivery)
			return false;
		delivery->message.end = delivery_end;
		delivery->id = command->id;
		delivery->data = mf_emb_blob_ref(command->data);
		session->sent_command = command->id;
		mf_emb_send(&node->link, &node->link.queue, &delivery->message,
			    0);
	}
	return true;
}
