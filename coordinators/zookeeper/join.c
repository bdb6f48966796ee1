/* SPDX-License-Identifier: Apache-2.0 */
/* A node's name, its lease writes and its member record. */
#include "node.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#include "member.h"

#define NS_PER_MS 1000000ULL
#define POLL_NS_MIN (20 * NS_PER_MS)

static uint64_t now_ns(const struct zk_node *node)
{
	return mf_zk_host(node)->now_ns(mf_zk_host(node));
}

static uint64_t timeout_ns(const struct zk_node *node)
{
	return (uint64_t)node->session.timeout_ms * NS_PER_MS;
}

/* The record as JSON, with what only the coordinator knows. */
static int encode_record(struct zk_node *node, char **out)
{
	struct metafora_member_record record = node->record;

	record.session = node->session.id;
	if (node->full_capacity &&
	    (!record.capacity || record.capacity > node->full_capacity))
		record.capacity = node->full_capacity;
	return mf_zk_member_encode(&record, out);
}

/* --- lease ------------------------------------------------------------------------- */

static void on_lease(struct zk_call *call);

static void send_lease(struct zk_node *node)
{
	if (node->lease_busy)
		return; /* its answer will show that it is out of date */
	node->lease_busy = true;
	node->lease_op = (struct zk_op){
		.kind = ZK_SET,
		.version = ZK_ANY,
		.path = node->lease_path,
	};
	node->lease_call.urgent = true;
	node->lease_call.done = on_lease;
	node->lease_call.request.kind = ZK_WRITE;
	node->lease_call.request.ops = &node->lease_op;
	node->lease_call.request.n_ops = 1;
	mf_zk_session_send(&node->session, &node->lease_call);
}

static void set_lease_timer(struct zk_node *node)
{
	mf_zk_host(node)->timer_set(mf_zk_host(node), node->lease_timer,
				    now_ns(node) +
				    mf_zk_lease_interval_ns(&node->lease));
}

static void on_lease_timer(void *arg)
{
	struct zk_node *node = arg;

	if (node->session.state == ZK_SESSION_UP)
		send_lease(node);
}

static void lease_written(struct zk_node *node, uint64_t sent_ns)
{
	uint64_t now = now_ns(node);

	mf_zk_lease_acknowledged(&node->lease, sent_ns, now);
	set_lease_timer(node);
	if (node->phase == ZK_NODE_IN) {
		node->sink->lease(mf_zk_host(node), node->lease.deadline_ns);
	} else if (node->phase == ZK_NODE_SETTLING) {
		node->settled = true;
		mf_zk_node_settle(node);
	} else if (node->phase == ZK_NODE_PROVING &&
		   node->lease.deadline_ns >= now + timeout_ns(node) / 2) {
		mf_zk_join_done(node);
	}
}

static void on_lease(struct zk_call *call)
{
	struct zk_node *node = mf_zk_node_of(call->session);
	enum zk_code code = call->request.code;

	node->lease_busy = false;
	if (call->stale)
		return;
	if (code == ZK_OK)
		lease_written(node, call->sent_ns);
	else if (code == ZK_NONODE)
		mf_zk_node_give_up(node, "lease was deleted");
	else if (code == ZK_NOMEM)
		set_lease_timer(node);
	else if (code != ZK_UNKNOWN && code != ZK_UNSENT)
		mf_zk_node_refused(node, "lease write", code);
	else if (call->connection != node->session.connection)
		send_lease(node); /* told too late: connected again */
}

/* --- record -------------------------------------------------------------------------- */

static void on_published(struct zk_call *call)
{
	struct zk_node *node = mf_zk_node_of(call->session);
	enum zk_code code = call->request.code;

	node->publish_busy = false;
	free(node->publish_record);
	node->publish_record = NULL;
	if (call->stale)
		return;
	if (code == ZK_NONODE) {
		mf_zk_node_give_up(node, "member record was deleted");
		return;
	}
	if (code != ZK_OK)
		node->publish_again = true;
	/*
	 * What was lost with the connection settling publishes again, unless
	 * it was told of too late: connected again by now.  For anything else
	 * the next reconcile is soon enough.
	 */
	if (node->publish_again &&
	    (code == ZK_OK || code == ZK_UNKNOWN || code == ZK_UNSENT))
		mf_zk_publish(node);
}

void mf_zk_publish(struct zk_node *node)
{
	struct zk_request *request = &node->publish_call.request;

	node->publish_again = true;
	if (node->publish_busy || !mf_zk_node_in(node) ||
	    encode_record(node, &node->publish_record))
		return;
	node->publish_again = false;
	node->publish_busy = true;
	node->publish_op = (struct zk_op){
		.kind = ZK_SET,
		.version = ZK_ANY,
		.path = node->member_path,
		.data = node->publish_record,
		.size_bytes = strlen(node->publish_record),
	};
	request->kind = ZK_WRITE;
	request->ops = &node->publish_op;
	request->n_ops = 1;
	node->publish_call.done = on_published;
	mf_zk_session_send(&node->session, &node->publish_call);
}

/* --- name ------------------------------------------------------------------------------ */

static void send_join(struct zk_node *node, void (*done)(struct zk_call *call))
{
	node->join_busy = true;
	node->join_call.done = done;
	mf_zk_session_send(&node->session, &node->join_call);
}

static void try_again_later(struct zk_node *node)
{
	uint64_t delay_ns = timeout_ns(node) / 16;

	if (delay_ns < POLL_NS_MIN)
		delay_ns = POLL_NS_MIN;
	mf_zk_host(node)->timer_set(mf_zk_host(node), node->join_timer,
				    now_ns(node) + delay_ns);
}

/* Whether the call came to something; if not, goes on or waits. */
static bool usable(struct zk_node *node, struct zk_call *call)
{
	enum zk_code code = call->request.code;

	node->join_busy = false;
	if (call->stale)
		return false;
	if (code == ZK_UNKNOWN || code == ZK_UNSENT) {
		if (call->connection != node->session.connection)
			mf_zk_join_start(node);
		return false;
	}
	if (code == ZK_NOMEM)
		try_again_later(node);
	return code != ZK_NOMEM;
}

static void on_folder(struct zk_call *call)
{
	struct zk_node *node = mf_zk_node_of(call->session);
	enum zk_code code = call->request.code;

	if (!usable(node, call))
		return;
	if (code != ZK_OK && code != ZK_EXISTS) {
		mf_zk_node_refused(node, "folder of commands", code);
		return;
	}
	node->phase = ZK_NODE_PROVING;
	send_lease(node);
}

static void joined(struct zk_node *node)
{
	node->ephemeral_bytes = strlen(node->member_path) +
				strlen(node->lease_path);
	node->join_ops[0] = (struct zk_op){
		.kind = ZK_CREATE,
		.path = node->commands.path,
	};
	node->join_call.request.kind = ZK_WRITE;
	node->join_call.request.ops = node->join_ops;
	node->join_call.request.n_ops = 1;
	send_join(node, on_folder);
}

/*
 * Somebody holds our name.  It lives if its lease moves; a dead one vanishes
 * with its session.
 */
static void consider_rival(struct zk_node *node, const struct zk_stat *stat)
{
	bool known = node->rival == stat->ephemeral_owner;
	uint64_t now = now_ns(node);

	if (!known) {
		node->rival = stat->ephemeral_owner;
		node->rival_version = stat->version;
		node->rival_since_ns = now;
	}
	if (!stat->ephemeral_owner || node->rival_version != stat->version ||
	    now - node->rival_since_ns > 2 * timeout_ns(node)) {
		mf_zk_host(node)->log(mf_zk_host(node), METAFORA_LOG_ERROR,
				      "name is taken by a living node");
		mf_zk_session_end(&node->session, METAFORA_EEXIST, 0);
		return;
	}
	try_again_later(node);
}

static void on_rival(struct zk_call *call)
{
	struct zk_node *node = mf_zk_node_of(call->session);
	enum zk_code code = call->request.code;

	if (!usable(node, call))
		return;
	if (code == ZK_NONODE)
		try_again_later(node);
	else if (code != ZK_OK)
		mf_zk_node_refused(node, "lease of a namesake", code);
	else if ((uint64_t)call->request.stat.ephemeral_owner ==
		 node->session.id)
		joined(node); /* an earlier try whose answer was lost */
	else
		consider_rival(node, &call->request.stat);
}

static void on_join(struct zk_call *call)
{
	struct zk_node *node = mf_zk_node_of(call->session);
	enum zk_code code = call->request.code;

	free(node->join_record);
	node->join_record = NULL;
	if (!usable(node, call))
		return;
	if (code == ZK_OK) {
		joined(node);
	} else if (code == ZK_EXISTS) {
		node->join_call.request.kind = ZK_READ_STAT;
		node->join_call.request.path = node->lease_path;
		send_join(node, on_rival);
	} else {
		mf_zk_node_refused(node, "joining", code);
	}
}

void mf_zk_join_start(struct zk_node *node)
{
	if (node->join_busy)
		return; /* its answer will show that it is out of date */
	if (encode_record(node, &node->join_record)) {
		try_again_later(node);
		return;
	}
	node->join_ops[0] = (struct zk_op){
		.kind = ZK_CREATE,
		.flags = ZK_EPHEMERAL,
		.path = node->lease_path,
	};
	node->join_ops[1] = (struct zk_op){
		.kind = ZK_CREATE,
		.flags = ZK_EPHEMERAL,
		.path = node->member_path,
		.data = node->join_record,
		.size_bytes = strlen(node->join_record),
	};
	node->join_call.request.kind = ZK_WRITE;
	node->join_call.request.ops = node->join_ops;
	node->join_call.request.n_ops = 2;
	send_join(node, on_join);
}

/*
 * Connected again.  A read may come from a server that has not seen yet what
 * became of our earlier writes: one acknowledged write comes before any read.
 */
void mf_zk_join_settle(struct zk_node *node)
{
	send_lease(node);
}

static void on_join_timer(void *arg)
{
	struct zk_node *node = arg;

	if (node->phase == ZK_NODE_JOINING &&
	    node->session.state == ZK_SESSION_UP)
		mf_zk_join_start(node);
}

int mf_zk_join_init(struct zk_node *node)
{
	const struct metafora_host *host = mf_zk_host(node);

	if (host->timer_new(host, on_lease_timer, node, &node->lease_timer) ||
	    host->timer_new(host, on_join_timer, node, &node->join_timer))
		return METAFORA_ENOMEM;
	return 0;
}

void mf_zk_join_fini(struct zk_node *node)
{
	const struct metafora_host *host = mf_zk_host(node);

	host->timer_free(host, node->lease_timer);
	host->timer_free(host, node->join_timer);
	free(node->join_record);
	free(node->publish_record);
}
