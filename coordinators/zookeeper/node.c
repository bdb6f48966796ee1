/* SPDX-License-Identifier: Apache-2.0 */
/* The node side: its phases, and the operations that core calls. */
#include "node.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#define NS_PER_MS 1000000ULL
/* Watches are hints: everything is read again at times, +- a quarter. */
#define REFRESH_NS (60000 * NS_PER_MS)
/* How long a node that leaves waits for the broker to say that it is gone. */
#define LEAVE_NS (1000 * NS_PER_MS)

static void tell(struct zk_node *node, enum metafora_session_state state,
		 int error)
{
	const struct metafora_session_fact fact = {
		.state = state,
		.session = node->session.id,
		.timeout_ms = node->session.timeout_ms,
		.n_buckets = node->session.n_buckets,
		.error = error,
	};

	node->sink->session(mf_zk_host(node), &fact);
}

static void set_refresh(struct zk_node *node)
{
	const struct metafora_host *host = mf_zk_host(node);
	uint64_t spread = host->random(host) % (REFRESH_NS / 2);

	host->timer_set(host, node->refresh_timer,
			host->now_ns(host) + REFRESH_NS * 3 / 4 + spread);
}

static void read_all(struct zk_node *node)
{
	mf_zk_members_read(node);
	mf_zk_folders_read_all(node);
	mf_zk_commands_read(node);
}

static void on_refresh(void *arg)
{
	struct zk_node *node = arg;

	set_refresh(node);
	if (!mf_zk_node_in(node))
		return;
	node->reconciling = true;
	read_all(node);
	mf_zk_ghosts_read(node);
	if (node->publish_again)
		mf_zk_publish(node);
}

/* --- phases ------------------------------------------------------------------------- */

static void clear_session(struct zk_node *node)
{
	mf_zk_verbs_clear(node);
	mf_zk_claims_clear(node);
	mf_zk_takeover_clear(node);
	mf_zk_ghosts_fini(node);
	mf_zk_commands_fini(node);
	mf_zk_members_fini(node);
	node->n_creating = 0;
	node->n_ending = 0;
	node->n_evicting = 0;
	node->full_capacity = 0;
	node->rival = 0;
	node->publish_busy = false;
	node->publish_again = false;
}

static void on_up(struct zk_session *session, bool fresh)
{
	struct zk_node *node = mf_zk_node_of(session);

	if (fresh) {
		clear_session(node);
		if (mf_zk_folders_begin(node) || mf_zk_members_begin(node) ||
		    mf_zk_commands_begin(node) || mf_zk_ghosts_begin(node)) {
			mf_zk_node_give_up(node, "no memory");
			return;
		}
		mf_zk_lease_begin(&node->lease, session->timeout_ms,
				  session->opened_ns);
		node->phase = ZK_NODE_JOINING;
		mf_zk_join_start(node);
	} else if (node->phase == ZK_NODE_JOINING) {
		mf_zk_join_start(node);
	} else {
		if (node->phase == ZK_NODE_SUSPENDED)
			node->phase = ZK_NODE_SETTLING;
		node->settled = false;
		mf_zk_join_settle(node);
	}
}

/*
 * The node's own write of this connection was acknowledged, and the lease is
 * worth something: from here on core may work.
 */
void mf_zk_node_settle(struct zk_node *node)
{
	if (node->phase != ZK_NODE_SETTLING || !node->settled ||
	    node->n_creating > 0 || node->n_ending > 0)
		return;
	mf_zk_claims_limbo(node);
	mf_zk_verbs_flush(node);
	if (node->phase == ZK_NODE_SETTLING)
		mf_zk_join_done(node);
}

void mf_zk_join_done(struct zk_node *node)
{
	bool again = node->phase == ZK_NODE_SETTLING;

	node->phase = ZK_NODE_IN;
	node->sink->lease(mf_zk_host(node), node->lease.deadline_ns);
	tell(node, METAFORA_SESSION_CONNECTED, 0);
	if (!mf_zk_node_in(node))
		return;
	set_refresh(node);
	read_all(node);
	if (again || node->publish_again)
		mf_zk_publish(node);
	mf_zk_writes_pump(node);
}

static void on_down(struct zk_session *session)
{
	struct zk_node *node = mf_zk_node_of(session);
	bool told = node->phase == ZK_NODE_IN;

	mf_zk_lease_reconnected(&node->lease);
	if (node->phase == ZK_NODE_SETTLING)
		node->phase = ZK_NODE_SUSPENDED;
	if (!told)
		return;
	node->phase = ZK_NODE_SUSPENDED;
	tell(node, METAFORA_SESSION_SUSPENDED, 0);
}

static void on_lost(struct zk_session *session)
{
	struct zk_node *node = mf_zk_node_of(session);
	const struct metafora_host *host = mf_zk_host(node);
	bool told = node->phase == ZK_NODE_IN ||
		    node->phase == ZK_NODE_SUSPENDED ||
		    node->phase == ZK_NODE_SETTLING;

	host->timer_cancel(host, node->lease_timer);
	host->timer_cancel(host, node->join_timer);
	host->timer_cancel(host, node->retry_timer);
	host->timer_cancel(host, node->refresh_timer);
	if (node->phase == ZK_NODE_CLOSING)
		return;
	node->phase = ZK_NODE_OUT;
	if (told)
		tell(node, METAFORA_SESSION_LOST, 0);
}

static void on_ended(struct zk_session *session, int error)
{
	struct zk_node *node = mf_zk_node_of(session);

	if (error && !node->close_asked)
		tell(node, METAFORA_SESSION_FAILED, error);
	else
		tell(node, METAFORA_SESSION_CLOSED, 0);
}

static void on_event(struct zk_session *session, const struct zk_event *event)
{
	struct zk_node *node = mf_zk_node_of(session);
	struct zk_folder *folder;

	if (!mf_zk_node_in(node))
		return; /* everything is read when it is in again */
	if (event->kind == ZK_EVENT_MISSED) {
		read_all(node);
		return;
	}
	if (strcmp(event->path, node->commands.path) == 0) {
		mf_zk_commands_read(node);
		return;
	}
	if (mf_zk_members_event(node, event))
		return;
	folder = mf_zk_folder_find(node, event->path);
	if (folder)
		mf_zk_folder_changed(folder);
}

static const struct zk_session_user node_user = {
	.up = on_up,
	.down = on_down,
	.lost = on_lost,
	.event = on_event,
	.ended = on_ended,
};

void mf_zk_node_give_up(struct zk_node *node, const char *why)
{
	mf_zk_host(node)->log(mf_zk_host(node), METAFORA_LOG_ERROR,
			      "session given up reason=\"%s\"", why);
	mf_zk_session_give_up(&node->session, node->lease.deadline_ns);
}

void mf_zk_node_refused(struct zk_node *node, const char *what,
			enum zk_code code)
{
	mf_zk_host(node)->log(mf_zk_host(node), METAFORA_LOG_ERROR,
			      "refused by ZooKeeper what=\"%s\" reason=\"%s\"",
			      what, mf_zk_code_name(code));
	/* A missing permission does not come back: somebody must act. */
	if (code == ZK_NOAUTH)
		mf_zk_session_end(&node->session, METAFORA_EAUTH,
				  node->lease.deadline_ns);
	else
		mf_zk_node_give_up(node, what);
}

static void on_panic(void *arg)
{
	struct zk_node *node = arg;

	if (node->phase != ZK_NODE_OUT && node->phase != ZK_NODE_CLOSING)
		mf_zk_node_give_up(node, "no memory");
}

void mf_zk_node_panic(struct zk_node *node)
{
	mf_zk_host(node)->timer_set(mf_zk_host(node), node->panic_timer, 0);
}

static void on_retry(void *arg)
{
	mf_zk_writes_pump(arg);
}

/* --- operations ------------------------------------------------------------------------ */

static void free_record(struct metafora_member_record *record)
{
	free((char *)(uintptr_t)record->node);
	free((char *)(uintptr_t)record->host);
	free((char *)(uintptr_t)record->boot_id);
	free((char *)(uintptr_t)record->version);
	*record = (struct metafora_member_record){ 0 };
}

static char *copy_text(const char *text)
{
	return strdup(text ? text : "");
}

static int copy_record(struct metafora_member_record *to,
		       const struct metafora_member_record *from)
{
	*to = *from;
	to->node = copy_text(from->node);
	to->host = copy_text(from->host);
	to->boot_id = copy_text(from->boot_id);
	to->version = copy_text(from->version);
	if (to->node && to->host && to->boot_id && to->version)
		return 0;
	free_record(to);
	return METAFORA_ENOMEM;
}

static void free_node(struct zk_node *node)
{
	const struct metafora_host *host = mf_zk_host(node);

	host->timer_free(host, node->retry_timer);
	host->timer_free(host, node->panic_timer);
	host->timer_free(host, node->refresh_timer);
	mf_zk_takeover_fini(node);
	mf_zk_join_fini(node);
	free_record(&node->record);
	free(node->member_path);
	free(node->lease_path);
	free(node);
}

static void node_free(void *state)
{
	struct zk_node *node = state;

	/* Answers what is left as stale: that frees batches and the like. */
	mf_zk_session_fini(&node->session);
	clear_session(node);
	mf_zk_folders_fini(node);
	free_node(node);
}

static int init_node(struct zk_node *node,
		     const struct metafora_member_record *record)
{
	const struct metafora_host *host = mf_zk_host(node);
	const char *root = node->session.options->root;
	int error;

	TAILQ_INIT(&node->to_create);
	TAILQ_INIT(&node->to_end);
	TAILQ_INIT(&node->refused);
	TAILQ_INIT(&node->deferred);
	TAILQ_INIT(&node->commands.list);
	error = host->name_encode(record->node, node->encoded,
				  sizeof(node->encoded));
	if (error)
		return error;
	if (copy_record(&node->record, record))
		return METAFORA_ENOMEM;
	node->name = (char *)(uintptr_t)node->record.node;
	node->member_path = mf_zk_path_member(root, node->encoded);
	node->lease_path = mf_zk_path_lease(root, node->encoded);
	if (!node->member_path || !node->lease_path ||
	    host->timer_new(host, on_retry, node, &node->retry_timer) ||
	    host->timer_new(host, on_panic, node, &node->panic_timer) ||
	    host->timer_new(host, on_refresh, node, &node->refresh_timer))
		return METAFORA_ENOMEM;
	if (mf_zk_takeover_init(node))
		return METAFORA_ENOMEM;
	return mf_zk_join_init(node);
}

static int node_open(void *config, const struct metafora_host *host,
		     const struct metafora_node_sink *sink,
		     const struct metafora_member_record *record, void **state)
{
	struct zk_node *node = calloc(1, sizeof(*node));
	int error;

	if (!node)
		return METAFORA_ENOMEM;
	error = mf_zk_session_init(&node->session, config, host, &node_user);
	if (error) {
		free(node);
		return error;
	}
	node->sink = sink;
	error = init_node(node, record);
	if (!error)
		error = mf_zk_session_open(&node->session);
	if (error) {
		mf_zk_session_fini(&node->session);
		free_node(node);
		return error;
	}
	*state = node;
	return 0;
}

static void node_publish(void *state,
			 const struct metafora_member_record *record)
{
	struct zk_node *node = state;
	struct metafora_member_record *own = &node->record;

	/* What a node is does not change, only how it is. */
	own->state = record->state;
	own->weight = record->weight;
	own->capacity = record->capacity;
	mf_zk_publish(node);
}

static void node_ack(void *state, const char *id, int error, const char *result)
{
	mf_zk_commands_ack(state, id, error, result);
}

static void node_refresh(void *state)
{
	struct zk_node *node = state;

	mf_zk_host(node)->timer_set(mf_zk_host(node), node->refresh_timer, 0);
}

static void deliver_closed(struct metafora_post *post, bool dropped)
{
	struct zk_node *node = (struct zk_node *)(uintptr_t)(
		(char *)post - offsetof(struct zk_node, closed_post));

	if (!dropped)
		tell(node, METAFORA_SESSION_CLOSED, 0);
}

static void on_left(struct zk_call *call)
{
	mf_zk_session_hurry(call->session);
}

/*
 * With the end of the session all goes by itself; but the client library does
 * not wait for the end, and when we are closed others should see us gone.
 */
static void leave(struct zk_node *node)
{
	mf_zk_commands_leave(node);
	node->leave_ops[0] = (struct zk_op){
		.kind = ZK_DELETE,
		.version = ZK_ANY,
		.path = node->member_path,
	};
	node->leave_ops[1] = (struct zk_op){
		.kind = ZK_DELETE,
		.version = ZK_ANY,
		.path = node->lease_path,
	};
	node->leave_call.done = on_left;
	node->leave_call.request.kind = ZK_WRITE;
	node->leave_call.request.ops = node->leave_ops;
	node->leave_call.request.n_ops = 2;
	mf_zk_session_send(&node->session, &node->leave_call);
}

static void node_close(void *state)
{
	struct zk_node *node = state;
	bool holds = node->n_claims > 0 && node->phase != ZK_NODE_OUT;
	uint64_t until_ns = 0;

	if (node->close_asked)
		return;
	node->close_asked = true;
	/* What was given up just now need not wait for the end of the lease. */
	mf_zk_writes_pump(node);
	if (node->session.state == ZK_SESSION_ENDED) {
		/* It has failed before. */
		node->closed_post.deliver = deliver_closed;
		mf_zk_host(node)->post(mf_zk_host(node), &node->closed_post);
		return;
	}
	if (holds) {
		/*
		 * A claim that is left may have a handler that still runs:
		 * until the lease that it was promised has run out nobody else
		 * may own the task.
		 */
		until_ns = node->lease.deadline_ns;
	} else if (mf_zk_node_in(node)) {
		leave(node);
		until_ns = mf_zk_host(node)->now_ns(mf_zk_host(node)) +
			   LEAVE_NS;
	}
	node->phase = ZK_NODE_CLOSING;
	mf_zk_session_end(&node->session, 0, until_ns);
}

static void node_abandon(void *state)
{
	struct zk_node *node = state;

	mf_zk_session_abandon(&node->session);
}

const struct metafora_node_ops mf_zk_node_ops = {
	.abi_version = METAFORA_COORDINATOR_ABI,
	.size = sizeof(struct metafora_node_ops),
	.name = "zookeeper",
	.flags = METAFORA_COORDINATOR_LINES,
	.open = node_open,
	.claim = mf_zk_verb_claim,
	.queue = mf_zk_verb_queue,
	.withdraw = mf_zk_verb_withdraw,
	.release = mf_zk_verb_release,
	.done = mf_zk_verb_done,
	.publish = node_publish,
	.ack = node_ack,
	.refresh = node_refresh,
	.close = node_close,
	.abandon = node_abandon,
	.free = node_free,
	.evict = mf_zk_evict,
};
