/* SPDX-License-Identifier: Apache-2.0 */
/* Plug-ins and callbacks that give one answer, for tests through the API. */
#include "canned_node.h"

#include <stddef.h>
#include <string.h>

#include "tap.h"

/* --- node side ------------------------------------------------------------------ */

static void tell(struct canned_node *canned,
		 const struct metafora_session_fact *fact)
{
	canned->sink->session(canned->host, fact);
}

static void deliver(struct metafora_post *post, bool dropped)
{
	struct canned_node *canned =
		(struct canned_node *)(void *)((char *)post -
					       offsetof(struct canned_node,
							post));
	const struct metafora_session_fact connected = {
		.state = METAFORA_SESSION_CONNECTED,
		.session = 1,
		.timeout_ms = 10000,
		.n_buckets = 1,
	};
	const struct metafora_session_fact failed = {
		.state = METAFORA_SESSION_FAILED,
		.error = canned->session_error,
	};

	if (dropped)
		return;
	if (canned->session_error) {
		tell(canned, &failed);
		return;
	}
	canned->sink->lease(canned->host, METAFORA_NO_DEADLINE);
	tell(canned, &connected);
}

static void deliver_close(struct metafora_post *post, bool dropped)
{
	struct canned_node *canned =
		(struct canned_node *)(void *)((char *)post -
					       offsetof(struct canned_node,
							close_post));
	const struct metafora_session_fact closed = {
		.state = METAFORA_SESSION_CLOSED,
	};

	if (!dropped)
		tell(canned, &closed);
}

static int node_open(void *config, const struct metafora_host *host,
		     const struct metafora_node_sink *sink,
		     const struct metafora_member_record *record, void **state)
{
	struct canned_node *canned = config;

	(void)record;
	if (canned->open_error)
		return canned->open_error;
	canned->host = host;
	canned->sink = sink;
	canned->post.deliver = deliver;
	canned->close_post.deliver = deliver_close;
	host->post(host, &canned->post);
	*state = canned;
	return 0;
}

static void node_verb(void *state, const struct metafora_entry *entries,
		      size_t n)
{
	(void)state;
	(void)entries;
	(void)n;
}

static void node_publish(void *state,
			 const struct metafora_member_record *record)
{
	(void)state;
	(void)record;
}

static void node_ack(void *state, const char *id, int error,
		     const char *result)
{
	(void)state;
	(void)id;
	(void)error;
	(void)result;
}

static void node_refresh(void *state)
{
	(void)state;
}

static void node_close(void *state)
{
	struct canned_node *canned = state;

	canned->host->post(canned->host, &canned->close_post);
}

static void node_free(void *state)
{
	struct canned_node *canned = state;

	canned->n_freed++;
}

struct metafora_coordinator *canned_coordinator(struct canned_node *canned)
{
	static const struct metafora_node_ops ops = {
		.abi_version = METAFORA_COORDINATOR_ABI,
		.size = sizeof(ops),
		.name = "canned",
		.open = node_open,
		.claim = node_verb,
		.withdraw = node_verb,
		.release = node_verb,
		.done = node_verb,
		.publish = node_publish,
		.ack = node_ack,
		.refresh = node_refresh,
		.close = node_close,
		.free = node_free,
	};
	struct metafora_coordinator *coordinator = NULL;

	CU_ASSERT_EQUAL_FATAL(metafora_coordinator_new(&ops, NULL, canned, NULL,
						       &coordinator),
			      0);
	return coordinator;
}

struct metafora_consumer *canned_consumer(struct canned_node *canned,
					  struct metafora_handler *handler)
{
	struct metafora_coordinator *coordinator = canned_coordinator(canned);
	struct metafora_consumer *consumer = NULL;

	CU_ASSERT_EQUAL_FATAL(metafora_consumer_new("n1", coordinator, NULL,
						    handler, &consumer),
			      0);
	metafora_coordinator_free(coordinator);
	return consumer;
}

void canned_fail(struct canned_node *canned, int error)
{
	canned->session_error = error;
	canned->host->post(canned->host, &canned->post);
}

/* --- client side ----------------------------------------------------------------- */

static int client_open(void *config, const struct metafora_host *host,
		       const struct metafora_client_sink *sink, void **state)
{
	(void)config;
	(void)host;
	(void)sink;
	(void)state;
	return METAFORA_ENOTSUP;
}

static void client_submit(void *state, uint64_t request,
			  const struct metafora_submission *submissions,
			  size_t n)
{
	(void)state;
	(void)request;
	(void)submissions;
	(void)n;
}

static void client_name(void *state, uint64_t request, const char *name)
{
	(void)state;
	(void)request;
	(void)name;
}

static void client_list(void *state, uint64_t request, const char *prefix,
			const char *after, size_t limit)
{
	(void)state;
	(void)request;
	(void)prefix;
	(void)after;
	(void)limit;
}

static void client_request(void *state, uint64_t request)
{
	(void)state;
	(void)request;
}

static void client_command(void *state, uint64_t request, const char *node,
			   const void *data, size_t size_bytes)
{
	(void)state;
	(void)request;
	(void)node;
	(void)data;
	(void)size_bytes;
}

static void client_end(void *state)
{
	(void)state;
}

struct metafora_coordinator *canned_client_only(void)
{
	static const struct metafora_client_ops ops = {
		.abi_version = METAFORA_COORDINATOR_ABI,
		.size = sizeof(ops),
		.name = "canned",
		.open = client_open,
		.submit = client_submit,
		.remove = client_name,
		.list = client_list,
		.get = client_name,
		.nodes = client_request,
		.command = client_command,
		.cancel = client_request,
		.close = client_end,
		.free = client_end,
	};
	struct metafora_coordinator *coordinator = NULL;

	CU_ASSERT_EQUAL_FATAL(
		metafora_coordinator_new(NULL, &ops, NULL, NULL, &coordinator),
		0);
	return coordinator;
}

/* --- balancer --------------------------------------------------------------------- */

static int balancer_init(void *state, const char *node)
{
	const struct canned_balancer *canned = state;

	(void)node;
	return canned->init_error;
}

static enum metafora_can_claim
can_claim(void *state, const struct metafora_balance *balance,
	  const struct metafora_cluster_task *task, uint64_t *until_ns)
{
	(void)state;
	(void)balance;
	(void)task;
	(void)until_ns;
	return METAFORA_CLAIM_NO_UNTIL_CHANGE;
}

static uint64_t balance(void *state, const struct metafora_balance *told,
			struct metafora_plan *plan)
{
	(void)state;
	(void)told;
	(void)plan;
	return 0;
}

static void balancer_destroy(void *state)
{
	struct canned_balancer *canned = state;

	canned->n_destroyed++;
}

struct metafora_balancer *canned_balancer(struct canned_balancer *state)
{
	static const struct metafora_balancer_ops ops = {
		.abi_version = METAFORA_BALANCER_ABI,
		.size = sizeof(ops),
		.name = "canned",
		.init = balancer_init,
		.can_claim = can_claim,
		.balance = balance,
		.destroy = balancer_destroy,
	};
	struct metafora_balancer *balancer = NULL;

	CU_ASSERT_EQUAL_FATAL(metafora_balancer_new(&ops, state, &balancer),
			      0);
	return balancer;
}

/* --- callbacks --------------------------------------------------------------------- */

enum metafora_outcome canned_run(void *arg, struct metafora_task *task)
{
	(void)arg;
	(void)task;
	return METAFORA_DONE;
}

void canned_inspect(void *arg, const struct metafora_cluster *cluster)
{
	(void)arg;
	(void)cluster;
}

int canned_command(void *arg, const char *name, const char *argument,
		   struct metafora_command_reply *reply)
{
	(void)arg;
	if (!strcmp(name, "succeed"))
		return metafora_command_reply_text(reply, argument);
	if (!strcmp(name, "positive"))
		return 1;
	if (strcmp(name, "fail") != 0)
		return METAFORA_ENOTSUP;
	metafora_command_reply_text(reply, "not today");
	return METAFORA_EBUSY;
}
