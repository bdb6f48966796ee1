/* SPDX-License-Identifier: Apache-2.0 */
/* Recorder of a node side: facts and verdicts as tables, rules watched. */
#include "recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin.h"
#include "recorder_util.h"

#define CLOSE_MAX_MS 60000

static struct rec_node *node_of(const struct metafora_host *host)
{
	return mf_host_of(host)->owner;
}

/* Each fact begins and ends so. */
static struct rec_node *begin(const struct metafora_host *host)
{
	struct rec_node *node = node_of(host);

	pthread_mutex_lock(&node->site->lock);
	if (node->in_op)
		rec_violation(&node->violation, "answered inside an operation");
	if (!mf_loop_is_owner(&node->loop))
		rec_violation(&node->violation, "answered on another thread");
	if (node->has_session_state &&
	    node->session_state == METAFORA_SESSION_CLOSED)
		rec_violation(&node->violation, "something after CLOSED");
	return node;
}

static void end(struct rec_node *node)
{
	pthread_cond_broadcast(&node->site->changed);
	pthread_mutex_unlock(&node->site->lock);
}

/* --- tables --------------------------------------------------------------------------- */

static void clear_tasks(struct rec_bucket *bucket)
{
	size_t i;

	for (i = 0; i < bucket->n_tasks; i++)
		free(bucket->tasks[i].task);
	free(bucket->tasks);
	bucket->tasks = NULL;
	bucket->n_tasks = 0;
}

static void clear_claims(struct rec_bucket *bucket)
{
	size_t i;

	for (i = 0; i < bucket->n_claims; i++) {
		free(bucket->claims[i].task);
		free(bucket->claims[i].node);
	}
	free(bucket->claims);
	bucket->claims = NULL;
	bucket->n_claims = 0;
}

void rec_members_free(struct rec_member *members, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		free(members[i].node);
	free(members);
}

static void clear_tables(struct rec_node *node)
{
	uint32_t i;

	for (i = 0; i < node->n_buckets; i++) {
		clear_tasks(&node->buckets[i]);
		clear_claims(&node->buckets[i]);
	}
	free(node->buckets);
	node->buckets = NULL;
	node->n_buckets = 0;
	rec_members_free(node->members, node->n_members);
	node->members = NULL;
	node->n_members = 0;
	node->members_read = false;
}

/* --- facts ------------------------------------------------------------------------------ */

static void on_connected(struct rec_node *node,
			 const struct metafora_session_fact *fact)
{
	const bool same = node->has_session_state &&
			  node->session_state == METAFORA_SESSION_SUSPENDED;

	node->n_connected++;
	if (fact->session == 0)
		rec_violation(&node->violation, "session ID is 0");
	if (same && fact->session != node->session)
		rec_violation(&node->violation, "new session without LOST");
	if (!same && fact->session == node->session)
		rec_violation(&node->violation, "old session after LOST");
	if (node->lease_ns == 0)
		rec_violation(&node->violation, "CONNECTED without a lease");
	if (same && rec_n_open(node) > 0)
		rec_violation(&node->violation,
			      "CONNECTED again with entries not answered");
	node->session = fact->session;
	node->timeout_ms = fact->timeout_ms;
	if (same)
		return;
	clear_tables(node);
	node->n_buckets = fact->n_buckets;
	node->buckets = rec_alloc(fact->n_buckets * sizeof(*node->buckets));
}

static void on_session(const struct metafora_host *host,
		       const struct metafora_session_fact *fact)
{
	struct rec_node *node = begin(host);

	switch (fact->state) {
	case METAFORA_SESSION_CONNECTED:
		on_connected(node, fact);
		break;
	case METAFORA_SESSION_SUSPENDED:
		if (!rec_is_connected(node))
			rec_violation(&node->violation,
				      "SUSPENDED, but not CONNECTED");
		node->n_suspended++;
		break;
	case METAFORA_SESSION_LOST:
		node->n_lost++;
		node->lease_ns = 0;
		break;
	case METAFORA_SESSION_FAILED:
		node->error = fact->error;
		break;
	case METAFORA_SESSION_CLOSED:
		break;
	}
	node->session_state = fact->state;
	node->has_session_state = true;
	end(node);
}

static void on_lease(const struct metafora_host *host, uint64_t deadline_ns)
{
	struct rec_node *node = begin(host);

	if (deadline_ns < node->lease_ns)
		rec_violation(&node->violation, "a lease goes back");
	if (deadline_ns != METAFORA_NO_DEADLINE && node->timeout_ms &&
	    deadline_ns > site_now_ns(node->site) +
				  (uint64_t)node->timeout_ms * 1000000)
		rec_violation(&node->violation, "a lease beyond the timeout");
	node->lease_ns = deadline_ns;
	end(node);
}

/* The bucket's table, NULL (a violation) if there is none. */
static struct rec_bucket *bucket_of(struct rec_node *node, uint32_t bucket)
{
	if (bucket < node->n_buckets &&
	    node->session_state != METAFORA_SESSION_LOST)
		return &node->buckets[bucket];
	rec_violation(&node->violation, "a snapshot that makes no sense now");
	return NULL;
}

static void on_tasks(const struct metafora_host *host, uint32_t bucket,
		     const struct metafora_task_fact *facts, size_t n)
{
	struct rec_node *node = begin(host);
	struct rec_bucket *b = bucket_of(node, bucket);
	size_t i;

	if (b) {
		clear_tasks(b);
		b->tasks = rec_alloc(n * sizeof(*b->tasks));
		for (i = 0; i < n; i++) {
			b->tasks[i].task = rec_copy(facts[i].task);
			b->tasks[i].birth = facts[i].birth;
		}
		b->n_tasks = n;
		b->tasks_read = true;
	}
	end(node);
}

static void on_claims(const struct metafora_host *host, uint32_t bucket,
		      const struct metafora_claim_fact *facts, size_t n)
{
	struct rec_node *node = begin(host);
	struct rec_bucket *b = bucket_of(node, bucket);
	int order;
	size_t i;

	for (i = 1; i < n; i++) {
		order = strcmp(facts[i - 1].task, facts[i].task);
		if (order > 0 ||
		    (order == 0 && facts[i - 1].token >= facts[i].token))
			rec_violation(&node->violation, "claims out of order");
	}
	if (b) {
		clear_claims(b);
		b->claims = rec_alloc(n * sizeof(*b->claims));
		for (i = 0; i < n; i++) {
			b->claims[i].task = rec_copy(facts[i].task);
			b->claims[i].node = rec_copy(facts[i].node);
			b->claims[i].token = facts[i].token;
		}
		b->n_claims = n;
		b->claims_read = true;
	}
	end(node);
}

static void on_members(const struct metafora_host *host,
		       const struct metafora_member_record *records, size_t n)
{
	struct rec_node *node = begin(host);
	size_t i;

	if (!node->session || node->session_state == METAFORA_SESSION_LOST)
		rec_violation(&node->violation, "members without a session");
	rec_members_free(node->members, node->n_members);
	node->members = rec_alloc(n * sizeof(*node->members));
	for (i = 0; i < n; i++)
		rec_member_copy(&node->members[i], &records[i]);
	node->n_members = n;
	node->members_read = true;
	end(node);
}

/* --- verdicts and commands ---------------------------------------------------------------- */

static struct rec_entry *find_entry(struct rec_node *node,
				    const struct metafora_verdict *verdict,
				    bool answered)
{
	struct rec_entry *entry;
	size_t i;

	for (i = node->n_entries; i > 0; i--) {
		entry = &node->entries[i - 1];
		if (entry->attempt == verdict->attempt &&
		    entry->n_lost == node->n_lost &&
		    entry->answered == answered &&
		    (answered || entry->verb == verdict->verb))
			return entry;
	}
	return NULL;
}

static void check_answer(struct rec_node *node, struct rec_entry *entry,
			 const struct metafora_verdict *verdict)
{
	static const unsigned int allowed[] = {
		[METAFORA_VERB_CLAIM] = 1u << METAFORA_RESULT_OWNED |
					1u << METAFORA_RESULT_BEATEN |
					1u << METAFORA_RESULT_GONE,
		[METAFORA_VERB_QUEUE] = 1u << METAFORA_RESULT_OWNED |
					1u << METAFORA_RESULT_QUEUED |
					1u << METAFORA_RESULT_GONE,
		[METAFORA_VERB_WITHDRAW] = 1u << METAFORA_RESULT_ENDED,
		[METAFORA_VERB_RELEASE] = 1u << METAFORA_RESULT_ENDED,
		[METAFORA_VERB_DONE] = 1u << METAFORA_RESULT_ENDED,
	};
	const unsigned int always =
		1u << METAFORA_RESULT_FAILED | 1u << METAFORA_RESULT_UNKNOWN;

	struct rec_entry *other;

	if (!((allowed[verdict->verb] | always) & 1u << verdict->result))
		rec_violation(&node->violation, "an answer of another verb");
	for (other = node->entries; verdict->result == METAFORA_RESULT_ENDED &&
				    other < node->entries + node->n_entries;
	     other++)
		if (other->attempt == verdict->attempt)
			other->in_line = other->owned = false;
	entry->answered = true;
	entry->in_line = verdict->result == METAFORA_RESULT_QUEUED;
	entry->owned = verdict->result == METAFORA_RESULT_OWNED;
}

static void check_verdict(struct rec_node *node,
			  const struct metafora_verdict *verdict)
{
	struct rec_entry *entry = find_entry(node, verdict, false);

	if (node->has_session_state &&
	    node->session_state == METAFORA_SESSION_LOST)
		rec_violation(&node->violation, "a verdict after LOST");
	if (verdict->result == METAFORA_RESULT_OWNED &&
	    (verdict->token == 0 || !verdict->properties))
		rec_violation(&node->violation, "OWNED without its token");
	if (entry) {
		check_answer(node, entry, verdict);
		return;
	}
	/* Of itself then, and so of a claim that stands or owns. */
	for (entry = node->entries; entry < node->entries + node->n_entries;
	     entry++)
		if (entry->attempt == verdict->attempt &&
		    entry->n_lost == node->n_lost &&
		    (entry->in_line || entry->owned))
			break;
	if (entry == node->entries + node->n_entries) {
		rec_violation(&node->violation, "a verdict nobody asked for");
		return;
	}
	if (verdict->result == METAFORA_RESULT_OWNED && entry->owned)
		rec_violation(&node->violation, "OWNED a second time");
	if (verdict->result != METAFORA_RESULT_OWNED &&
	    verdict->result != METAFORA_RESULT_GONE &&
	    verdict->result != METAFORA_RESULT_VANISHED)
		rec_violation(&node->violation, "an answer given twice");
	entry->owned = verdict->result == METAFORA_RESULT_OWNED;
}

static void on_verdicts(const struct metafora_host *host,
			const struct metafora_verdict *verdicts, size_t n)
{
	struct rec_node *node = begin(host);
	struct rec_verdict *copy;
	size_t i;

	for (i = 0; i < n; i++) {
		check_verdict(node, &verdicts[i]);
		node->verdicts = rec_grow(node->verdicts, node->n_verdicts,
					  sizeof(*node->verdicts));
		copy = &node->verdicts[node->n_verdicts++];
		copy->verb = verdicts[i].verb;
		copy->result = verdicts[i].result;
		copy->task = rec_copy(verdicts[i].task);
		copy->attempt = verdicts[i].attempt;
		copy->error = verdicts[i].error;
		copy->token = verdicts[i].token;
		copy->properties = rec_copy_bytes(verdicts[i].properties,
						  verdicts[i].size_bytes);
		copy->size_bytes = verdicts[i].size_bytes;
		copy->n_lost = node->n_lost;
	}
	end(node);
}

static void on_command(const struct metafora_host *host,
		       const struct metafora_command_fact *fact)
{
	struct rec_node *node = begin(host);
	struct rec_command *copy;

	node->commands = rec_grow(node->commands, node->n_commands,
				  sizeof(*node->commands));
	copy = &node->commands[node->n_commands++];
	copy->id = rec_copy(fact->id);
	copy->data = rec_copy_bytes(fact->data, fact->size_bytes);
	copy->size_bytes = fact->size_bytes;
	end(node);
}

static const struct metafora_node_sink node_sink = {
	.abi_version = METAFORA_COORDINATOR_ABI,
	.size = sizeof(node_sink),
	.session = on_session,
	.lease = on_lease,
	.tasks = on_tasks,
	.claims = on_claims,
	.members = on_members,
	.verdicts = on_verdicts,
	.command = on_command,
};

/* --- life ------------------------------------------------------------------------------------ */

struct metafora_member_record rec_member_record(const char *name)
{
	struct metafora_member_record record = {
		.node = name,
		.state = METAFORA_MEMBER_ACTIVE,
		.weight = 1,
		.host = "host",
		.boot_id = "boot",
		.version = METAFORA_VERSION,
		.pid = 1,
	};

	return record;
}

struct opening {
	struct rec_node *node;
	struct metafora_coordinator *coordinator;
	int error;
};

static void open_node(void *arg)
{
	struct opening *opening = arg;
	struct rec_node *node = opening->node;
	struct metafora_member_record record = rec_member_record(node->name);

	node->in_op = true;
	opening->error =
		node->ops->open(opening->coordinator->config, &node->host.table,
				&node_sink, &record, &node->state);
	node->in_op = false;
	if (opening->error)
		mf_loop_quit(&node->loop);
}

/* After the side was freed, or never was. */
static void end_loop(struct rec_node *node)
{
	mf_loop_join(&node->loop);
	mf_loop_fini(&node->loop);
	node->state = NULL;
}

struct rec_node *rec_node_open(struct site *site,
			       struct metafora_coordinator *coordinator,
			       const char *name)
{
	struct rec_node *node = rec_alloc(sizeof(*node));
	struct opening opening = {node, coordinator, 0};

	node->site = site;
	node->name = rec_copy(name);
	node->ops = coordinator->node_ops;
	rec_loop_start(site, &node->loop, "node");
	mf_host_init(&node->host, &node->loop, &node->log, node);
	site_call(site, &node->loop, open_node, &opening);
	if (!opening.error)
		return node;
	end_loop(node);
	rec_node_free(node);
	return NULL;
}

static bool is_closed(void *arg)
{
	const struct rec_node *node = arg;

	return node->has_session_state &&
	       node->session_state == METAFORA_SESSION_CLOSED;
}

static void close_node(void *arg)
{
	struct rec_node *node = arg;

	node->in_op = true;
	node->ops->close(node->state);
	node->in_op = false;
}

static void free_side(void *arg)
{
	struct rec_node *node = arg;

	node->ops->free(node->state);
	mf_loop_quit(&node->loop);
}

void rec_node_close(struct rec_node *node)
{
	if (!node->state)
		return;
	site_call(node->site, &node->loop, close_node, node);
	if (!site_wait(node->site, is_closed, node, CLOSE_MAX_MS))
		rec_die("CLOSED does not come");
	site_call(node->site, &node->loop, free_side, node);
	end_loop(node);
}

void rec_node_free(struct rec_node *node)
{
	size_t i;

	rec_node_close(node);
	clear_tables(node);
	for (i = 0; i < node->n_verdicts; i++) {
		free(node->verdicts[i].task);
		free(node->verdicts[i].properties);
	}
	for (i = 0; i < node->n_commands; i++) {
		free(node->commands[i].id);
		free(node->commands[i].data);
	}
	free(node->verdicts);
	free(node->commands);
	free(node->entries);
	free(node->violation);
	free(node->name);
	free(node);
}

/* --- operations ---------------------------------------------------------------------------------- */

struct verbs {
	struct rec_node *node;
	enum metafora_verb verb;
	struct metafora_entry *entries;
	size_t n;
	bool sent;
};

static void send_verbs(void *arg)
{
	struct verbs *verbs = arg;
	struct rec_node *node = verbs->node;
	const struct metafora_node_ops *ops = node->ops;
	void (*const op[])(void *, const struct metafora_entry *, size_t) = {
		[METAFORA_VERB_CLAIM] = ops->claim,
		[METAFORA_VERB_QUEUE] = ops->queue,
		[METAFORA_VERB_WITHDRAW] = ops->withdraw,
		[METAFORA_VERB_RELEASE] = ops->release,
		[METAFORA_VERB_DONE] = ops->done,
	};
	struct rec_entry *entry;
	size_t i;

	pthread_mutex_lock(&node->site->lock);
	verbs->sent = rec_is_connected(node);
	for (i = 0; verbs->sent && i < verbs->n; i++) {
		node->entries = rec_grow(node->entries, node->n_entries,
					 sizeof(*node->entries));
		entry = &node->entries[node->n_entries++];
		memset(entry, 0, sizeof(*entry));
		entry->verb = verbs->verb;
		entry->attempt = verbs->entries[i].attempt;
		entry->n_lost = node->n_lost;
	}
	pthread_mutex_unlock(&node->site->lock);
	if (!verbs->sent)
		return;
	node->in_op = true;
	op[verbs->verb](node->state, verbs->entries, verbs->n);
	node->in_op = false;
}

uint64_t rec_enter_many(struct rec_node *node, enum metafora_verb verb,
			const char *const *tasks, size_t n)
{
	struct verbs verbs = {.node = node, .verb = verb, .n = n};
	const uint64_t first = node->last_attempt + 1;
	size_t i;

	verbs.entries = rec_alloc(n * sizeof(*verbs.entries));
	for (i = 0; i < n; i++) {
		verbs.entries[i].task = tasks[i];
		verbs.entries[i].attempt = ++node->last_attempt;
	}
	site_call(node->site, &node->loop, send_verbs, &verbs);
	free(verbs.entries);
	return verbs.sent ? first : 0;
}

uint64_t rec_enter(struct rec_node *node, enum metafora_verb verb,
		   const char *task)
{
	return rec_enter_many(node, verb, &task, 1);
}

bool rec_leave(struct rec_node *node, enum metafora_verb verb, const char *task,
	       uint64_t attempt, uint64_t token)
{
	struct metafora_entry entry = {task, attempt, token};
	struct verbs verbs = {
		.node = node,
		.verb = verb,
		.entries = &entry,
		.n = 1,
	};

	site_call(node->site, &node->loop, send_verbs, &verbs);
	return verbs.sent;
}

struct publishing {
	struct rec_node *node;
	const struct metafora_member_record *record;
};

static void publish(void *arg)
{
	struct publishing *publishing = arg;
	struct rec_node *node = publishing->node;

	node->in_op = true;
	node->ops->publish(node->state, publishing->record);
	node->in_op = false;
}

void rec_publish(struct rec_node *node,
		 const struct metafora_member_record *record)
{
	struct publishing publishing = {node, record};

	site_call(node->site, &node->loop, publish, &publishing);
}

struct acking {
	struct rec_node *node;
	const char *id;
	int error;
	const char *result;
};

static void ack(void *arg)
{
	struct acking *acking = arg;
	struct rec_node *node = acking->node;

	node->in_op = true;
	node->ops->ack(node->state, acking->id, acking->error, acking->result);
	node->in_op = false;
}

void rec_ack(struct rec_node *node, const char *id, int error,
	     const char *result)
{
	struct acking acking = {node, id, error, result};

	site_call(node->site, &node->loop, ack, &acking);
}

static void refresh(void *arg)
{
	struct rec_node *node = arg;

	node->in_op = true;
	node->ops->refresh(node->state);
	node->in_op = false;
}

void rec_refresh(struct rec_node *node)
{
	site_call(node->site, &node->loop, refresh, node);
}

void rec_abandon(struct rec_node *node)
{
	if (node->ops->abandon)
		node->ops->abandon(node->state);
}

/* --- looking ------------------------------------------------------------------------------------------ */

bool rec_is_connected(const struct rec_node *node)
{
	return node->has_session_state &&
	       node->session_state == METAFORA_SESSION_CONNECTED;
}

bool rec_is_complete(const struct rec_node *node)
{
	uint32_t i;

	if (!rec_is_connected(node) || !node->members_read)
		return false;
	for (i = 0; i < node->n_buckets; i++)
		if (!node->buckets[i].tasks_read ||
		    !node->buckets[i].claims_read)
			return false;
	return true;
}

bool rec_sees_task(const struct rec_node *node, const char *task,
		   uint64_t *birth)
{
	uint32_t i;
	size_t j;

	for (i = 0; i < node->n_buckets; i++) {
		for (j = 0; j < node->buckets[i].n_tasks; j++) {
			if (strcmp(node->buckets[i].tasks[j].task, task) != 0)
				continue;
			if (birth)
				*birth = node->buckets[i].tasks[j].birth;
			return true;
		}
	}
	return false;
}

size_t rec_sees_claim(const struct rec_node *node, const char *task,
		      const char *claimant, uint64_t *token)
{
	const struct rec_claim *claim;
	size_t place = 0;
	uint32_t i;
	size_t j;

	for (i = 0; i < node->n_buckets; i++) {
		for (j = 0; j < node->buckets[i].n_claims; j++) {
			claim = &node->buckets[i].claims[j];
			if (strcmp(claim->task, task) != 0)
				continue;
			place++;
			if (strcmp(claim->node, claimant) != 0)
				continue;
			if (token)
				*token = claim->token;
			return place;
		}
	}
	return 0;
}

size_t rec_line_length(const struct rec_node *node, const char *task)
{
	size_t n = 0;
	uint32_t i;
	size_t j;

	for (i = 0; i < node->n_buckets; i++)
		for (j = 0; j < node->buckets[i].n_claims; j++)
			if (strcmp(node->buckets[i].claims[j].task, task) == 0)
				n++;
	return n;
}

size_t rec_n_tasks(const struct rec_node *node)
{
	size_t n = 0;
	uint32_t i;

	for (i = 0; i < node->n_buckets; i++)
		n += node->buckets[i].n_tasks;
	return n;
}

size_t rec_n_claims(const struct rec_node *node)
{
	size_t n = 0;
	uint32_t i;

	for (i = 0; i < node->n_buckets; i++)
		n += node->buckets[i].n_claims;
	return n;
}

const struct rec_member *rec_sees_member(const struct rec_node *node,
					 const char *name)
{
	size_t i;

	for (i = 0; i < node->n_members; i++)
		if (strcmp(node->members[i].node, name) == 0)
			return &node->members[i];
	return NULL;
}

const struct rec_verdict *rec_verdict_of(const struct rec_node *node,
					 enum metafora_verb verb,
					 uint64_t attempt)
{
	size_t i;

	for (i = node->n_verdicts; i > 0; i--)
		if (node->verdicts[i - 1].attempt == attempt &&
		    node->verdicts[i - 1].verb == verb)
			return &node->verdicts[i - 1];
	return NULL;
}

size_t rec_n_open(const struct rec_node *node)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < node->n_entries; i++)
		if (!node->entries[i].answered &&
		    node->entries[i].n_lost == node->n_lost)
			n++;
	return n;
}
