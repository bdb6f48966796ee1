/* SPDX-License-Identifier: Apache-2.0 */
/* The node side of the embedded coordinator: its session and its steps. */
#include "node.h"

#include <stdlib.h>
#include <string.h>

/*
 * Parts of the session timeout.  A heartbeat goes out every quarter; one that
 * is not answered within a third means that we are out of touch; the lease
 * ends a twentieth before the session can, for clocks that differ.
 */
#define BEATS_PER_TIMEOUT 4
#define ANSWERS_PER_TIMEOUT 3
#define MARGINS_PER_TIMEOUT 20
/* How long a living namesake may stand in the way, in session timeouts. */
#define NAMESAKE_TIMEOUTS 2

static uint64_t part_ns(const struct emb_node *node, unsigned int parts)
{
	return node->link.broker->timeout_ns / parts;
}

/* --- changes of state -------------------------------------------------------- */

/* What is on its way arrives no more. */
static void clear(struct emb_node *node, enum emb_fate fate)
{
	mf_emb_queue_clear(&node->link.queue, &node->link, fate);
	mf_emb_queue_clear(&node->late, &node->link, fate);
	if (fate == EMB_DROPPED)
		mf_emb_queue_clear(&node->lost, &node->link, fate);
}

static void say(struct emb_node *node, enum metafora_session_state state)
{
	const struct emb_link *link = &node->link;
	struct metafora_session_fact fact = {
		.state = state,
		.error = node->error,
	};

	if (state == METAFORA_SESSION_CONNECTED) {
		fact.session = link->session->id;
		fact.timeout_ms =
			(int64_t)(link->broker->timeout_ns / EMB_NS_PER_MS);
		fact.n_buckets = EMB_BUCKETS;
	}
	node->sink->session(link->host, &fact);
}

/* The answer to a heartbeat. */
static void beat_end(struct emb_link *link, struct emb_message *message,
		     enum emb_fate fate)
{
	struct emb_node *node = (struct emb_node *)link;

	(void)message;
	/* Lost, it is still waited for: whoever sent it does not know. */
	if (fate != EMB_DELIVERED)
		return;
	node->beating = false;
	metafora_host_observe(link->host, METAFORA_METRIC_BROKER_LATENCY_NS,
			      link->host->now_ns(link->host) - node->beat_ns);
	node->sink->lease(link->host,
			  node->beat_ns + link->broker->timeout_ns -
				  part_ns(node, MARGINS_PER_TIMEOUT));
	if (node->closing || node->state == EMB_CONNECTED)
		return;
	if (node->state == EMB_SUSPENDED)
		metafora_host_observe(link->host, METAFORA_METRIC_RECONNECTS,
				      1);
	node->state = EMB_CONNECTED;
	say(node, METAFORA_SESSION_CONNECTED);
}

static void suspend(struct emb_node *node)
{
	node->state = EMB_SUSPENDED;
	node->beating = false;
	clear(node, EMB_LOST);
	say(node, METAFORA_SESSION_SUSPENDED);
	mf_emb_give_lost(node);
}

/* The broker says that the session is dead. */
static void lose_session(struct emb_node *node)
{
	struct emb_link *link = &node->link;
	const bool was_in_use = node->state != EMB_JOINING;

	clear(node, EMB_DROPPED);
	pthread_mutex_lock(&link->broker->lock);
	mf_emb_session_unref(link->session);
	link->session = NULL;
	pthread_mutex_unlock(&link->broker->lock);
	node->state = EMB_JOINING;
	node->beating = false;
	node->delivered_command = 0;
	if (was_in_use)
		say(node, METAFORA_SESSION_LOST);
}

/* CLOSED or FAILED, once no wake can come any more. */
static void finish(struct emb_node *node)
{
	clear(node, EMB_DROPPED);
	if (!mf_emb_link_detach(&node->link))
		return;
	if (node->closing && !node->closed) {
		node->closed = true;
		say(node, METAFORA_SESSION_CLOSED);
	} else if (!node->closing && !node->failed) {
		node->failed = true;
		say(node, METAFORA_SESSION_FAILED);
	}
}

/* --- a step -------------------------------------------------------------------- */

/* Look at the broker: whether the link is cut. */
static bool look(struct emb_node *node, uint64_t now_ns)
{
	struct emb_link *link = &node->link;
	uint64_t n_cuts;
	bool is_cut;
	bool is_dead;

	pthread_mutex_lock(&link->broker->lock);
	mf_emb_reap(link->broker, now_ns);
	n_cuts = link->faults->n_cuts;
	is_cut = link->faults->cut;
	is_dead = link->session && link->session->dead;
	pthread_mutex_unlock(&link->broker->lock);

	if (n_cuts != link->n_cuts) {
		link->n_cuts = n_cuts;
		node->broken = true;
		clear(node, EMB_LOST);
	}
	if (is_cut)
		return true;
	/* Through again: it shows at once what has become of the session. */
	if (is_dead)
		lose_session(node);
	else if (node->broken && node->state == EMB_CONNECTED)
		suspend(node);
	if (node->broken)
		node->beating = false;
	node->broken = false;
	return false;
}

/* Make the record of what is wanted.  False: no memory. */
static bool renew_record(struct emb_node *node)
{
	struct emb_record *record = mf_emb_record_new(&node->wanted);

	node->record_is_old = !record;
	if (!record)
		return false;
	mf_emb_record_unref(node->record);
	node->record = record;
	return true;
}

/* Join, or show that we live.  The link is not cut. */
static void make_contact(struct emb_node *node, uint64_t now_ns)
{
	struct emb_link *link = &node->link;
	struct emb_session *session;
	int error = 0;

	pthread_mutex_lock(&link->broker->lock);
	if (link->session) {
		mf_emb_touch(link->broker, link->session, now_ns);
	} else {
		error = mf_emb_join(link->broker, link, node->record, now_ns,
				    &session);
		if (!error)
			link->session = session;
	}
	if (!error)
		mf_emb_send(link, &link->queue, &node->beat, 0);
	pthread_mutex_unlock(&link->broker->lock);

	if (!error) {
		node->beating = true;
		node->beat_ns = now_ns;
		node->namesake_since_ns = 0;
	} else if (error == METAFORA_EEXIST) {
		if (!node->namesake_since_ns)
			node->namesake_since_ns = now_ns;
		if (now_ns - node->namesake_since_ns >=
		    NAMESAKE_TIMEOUTS * link->broker->timeout_ns)
			node->error = METAFORA_EEXIST;
	}
	/* Without memory: again at the next step. */
}

static void beat(struct emb_node *node, uint64_t now_ns, bool is_cut)
{
	if (node->beating &&
	    now_ns - node->beat_ns >= part_ns(node, ANSWERS_PER_TIMEOUT)) {
		node->beating = false;
		if (node->state == EMB_CONNECTED)
			suspend(node);
		else
			clear(node, EMB_LOST);
	}
	if (node->closing || node->beating)
		return;
	if (node->state == EMB_CONNECTED &&
	    now_ns - node->beat_ns < part_ns(node, BEATS_PER_TIMEOUT))
		return;
	if (!is_cut) {
		make_contact(node, now_ns);
	} else if (node->state == EMB_CONNECTED) {
		/* Sent in good faith; no answer will come. */
		node->beating = true;
		node->beat_ns = now_ns;
	}
}

/* Take what the broker has for us, and give it what it has not got. */
static void collect(struct emb_node *node, uint64_t now_ns)
{
	struct emb_link *link = &node->link;
	struct emb_session *session = link->session;
	bool ok = true;

	if (node->record_is_old)
		renew_record(node);
	pthread_mutex_lock(&link->broker->lock);
	if (!session->dead) {
		if (session->record != node->record)
			mf_emb_publish(link->broker, session, node->record);
		mf_emb_complete_acked(session);
		ok = mf_emb_collect_news(node);
		ok = mf_emb_collect_commands(node) && ok;
		ok = mf_emb_collect_reads(node, now_ns) && ok;
	}
	pthread_mutex_unlock(&link->broker->lock);
	node->retry_ns = EMB_NEVER;
	if (!ok || node->record_is_old)
		node->retry_ns = now_ns + part_ns(node, BEATS_PER_TIMEOUT);
}

static uint64_t min_ns(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void set_timer(struct emb_node *node, uint64_t now_ns, bool is_cut)
{
	struct emb_link *link = &node->link;
	uint64_t at_ns;

	if (node->beating)
		at_ns = node->beat_ns + part_ns(node, ANSWERS_PER_TIMEOUT);
	else if (node->state == EMB_CONNECTED)
		at_ns = node->beat_ns + part_ns(node, BEATS_PER_TIMEOUT);
	else
		at_ns = now_ns + part_ns(node, BEATS_PER_TIMEOUT);
	at_ns = min_ns(at_ns, mf_emb_queue_next_ns(&link->queue));
	at_ns = min_ns(at_ns, mf_emb_queue_next_ns(&node->late));
	pthread_mutex_lock(&link->broker->lock);
	/* A dead node does nothing: the others see its session end in time. */
	at_ns = min_ns(at_ns, mf_emb_next_expiry_ns(link->broker));
	if (node->state == EMB_CONNECTED && !is_cut) {
		at_ns = min_ns(at_ns, node->retry_ns);
		at_ns = min_ns(at_ns, mf_emb_next_read_ns(node));
	}
	pthread_mutex_unlock(&link->broker->lock);
	link->host->timer_set(link->host, link->timer, at_ns);
}

static void step(struct emb_link *link)
{
	struct emb_node *node = (struct emb_node *)link;
	const uint64_t now_ns = link->host->now_ns(link->host);
	bool is_cut;

	/* Every call of the sink may have closed us. */
	if (!node->closing && !node->error) {
		is_cut = look(node, now_ns);
		mf_emb_queue_deliver(&link->queue, link, now_ns);
		mf_emb_queue_deliver(&node->late, link, now_ns);
		if (!node->closing)
			beat(node, now_ns, is_cut);
		if (!node->closing && node->state == EMB_CONNECTED && !is_cut)
			collect(node, now_ns);
		if (!node->closing && !node->error)
			set_timer(node, now_ns, is_cut);
	}
	if (node->closing || node->error)
		finish(node);
}

/* --- operations ------------------------------------------------------------------- */

static void node_free(void *state)
{
	struct emb_node *node = state;

	/* Not closed, it is as if the process had died: the session stays. */
	clear(node, EMB_DROPPED);
	mf_emb_link_fini(&node->link);
	mf_emb_record_unref(node->record);
	free(node->reserve);
	free(node);
}

static int node_open(void *config, const struct metafora_host *host,
		     const struct metafora_node_sink *sink,
		     const struct metafora_member_record *record, void **state)
{
	const size_t n_name = strlen(record->node) + 1;
	struct emb_node *node = calloc(1, sizeof(*node) + n_name);
	int error = METAFORA_ENOMEM;

	if (!node)
		return METAFORA_ENOMEM;
	node->record = mf_emb_record_new(record);
	node->reserve = mf_emb_reserve_new();
	if (!node->record || !node->reserve)
		goto fail;
	memcpy(node->name, record->node, n_name);
	node->sink = sink;
	node->beat.end = beat_end;
	node->retry_ns = EMB_NEVER;
	mf_emb_queue_init(&node->lost);
	mf_emb_queue_init(&node->late);
	error = mf_emb_link_init(&node->link, host, config, node->name, step);
	if (error)
		goto fail;
	mf_emb_kick(&node->link);
	*state = node;
	return 0;
fail:
	mf_emb_record_unref(node->record);
	free(node->reserve);
	free(node);
	return error;
}

static void node_claim(void *state, const struct metafora_entry *entries,
		       size_t n)
{
	mf_emb_verb(state, METAFORA_VERB_CLAIM, entries, n);
}

static void node_queue(void *state, const struct metafora_entry *entries,
		       size_t n)
{
	mf_emb_verb(state, METAFORA_VERB_QUEUE, entries, n);
}

static void node_withdraw(void *state, const struct metafora_entry *entries,
			  size_t n)
{
	mf_emb_verb(state, METAFORA_VERB_WITHDRAW, entries, n);
}

static void node_release(void *state, const struct metafora_entry *entries,
			 size_t n)
{
	mf_emb_verb(state, METAFORA_VERB_RELEASE, entries, n);
}

static void node_done(void *state, const struct metafora_entry *entries,
		      size_t n)
{
	mf_emb_verb(state, METAFORA_VERB_DONE, entries, n);
}

static void node_evict(void *state, const struct metafora_eviction *evictions,
		       size_t n)
{
	mf_emb_put_out(state, evictions, n);
}

static void node_publish(void *state,
			 const struct metafora_member_record *record)
{
	struct emb_node *node = state;

	node->wanted = *record;
	if (!renew_record(node)) {
		/*
		 * Again later.  The strings are not ours to keep, but those of
		 * before will do: a member's hardly change while it lives.
		 */
		node->wanted.node = node->record->member.node;
		node->wanted.host = node->record->member.host;
		node->wanted.boot_id = node->record->member.boot_id;
		node->wanted.version = node->record->member.version;
	}
	mf_emb_kick(&node->link);
}

static void node_ack(void *state, const char *id, int error, const char *result)
{
	struct emb_node *node = state;
	struct emb_link *link = &node->link;
	const uint64_t number = strtoull(id, NULL, 10);
	struct emb_command *command;

	if (!link->session)
		return;
	pthread_mutex_lock(&link->broker->lock);
	TAILQ_FOREACH(command, &link->session->commands, entry) {
		if (command->id != number || command->acked)
			continue;
		/* Kept with the command until the link lets it through. */
		command->acked = true;
		command->error = error;
		command->result = mf_emb_blob_new(result, strlen(result));
		break;
	}
	mf_emb_wake(link);
	pthread_mutex_unlock(&link->broker->lock);
}

static void node_refresh(void *state)
{
	struct emb_node *node = state;
	struct emb_session *session = node->link.session;

	if (!session)
		return;
	pthread_mutex_lock(&node->link.broker->lock);
	session->dirty_tasks = EMB_ALL_BUCKETS;
	session->dirty_claims = EMB_ALL_BUCKETS;
	session->dirty_members = true;
	mf_emb_wake(&node->link);
	pthread_mutex_unlock(&node->link.broker->lock);
}

static void node_close(void *state)
{
	struct emb_node *node = state;
	struct emb_link *link = &node->link;

	node->closing = true;
	clear(node, EMB_DROPPED);
	pthread_mutex_lock(&link->broker->lock);
	/* With the link cut, the session ends by itself. */
	if (link->session && !link->faults->cut)
		mf_emb_end(link->broker, link->session);
	mf_emb_wake(link);
	pthread_mutex_unlock(&link->broker->lock);
}

static void node_abandon(void *state)
{
	struct emb_node *node = state;
	struct emb_link *link = &node->link;

	pthread_mutex_lock(&link->broker->lock);
	if (link->session && link->faults->cut)
		link->session->abandoned = true;
	else if (link->session)
		mf_emb_end(link->broker, link->session);
	pthread_mutex_unlock(&link->broker->lock);
}

const struct metafora_node_ops mf_emb_node_ops = {
	.abi_version = METAFORA_COORDINATOR_ABI,
	.size = sizeof(struct metafora_node_ops),
	.name = "embedded",
	.flags = METAFORA_COORDINATOR_LINES,
	.open = node_open,
	.claim = node_claim,
	.queue = node_queue,
	.withdraw = node_withdraw,
	.release = node_release,
	.done = node_done,
	.publish = node_publish,
	.ack = node_ack,
	.refresh = node_refresh,
	.close = node_close,
	.abandon = node_abandon,
	.free = node_free,
	.evict = node_evict,
};
