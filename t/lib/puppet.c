/* SPDX-License-Identifier: Apache-2.0 */
/* A client with a coordinator that does what the test says. */
#include "puppet.h"

#include <metafora.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

struct puppet puppet;
struct world *world;
struct metafora_coordinator *coordinator;
struct metafora_client *client;

/* --- the coordinator ------------------------------------------------------ */

static int op_open(void *config, const struct metafora_host *host,
		   const struct metafora_client_sink *sink, void **state)
{
	struct puppet *p = config;

	if (p->open_error)
		return p->open_error;
	p->host = host;
	p->sink = sink;
	*state = p;
	return 0;
}

static void note(struct puppet *p, const char *op, uint64_t request,
		 const char *name)
{
	p->n_requests++;
	p->op = op;
	p->request = request;
	snprintf(p->name, sizeof(p->name), "%s", name);
}

static void op_submit(void *state, uint64_t request,
		      const struct metafora_submission *submissions, size_t n)
{
	struct puppet *p = state;

	note(p, "submit", request, submissions[0].task);
	p->n_submissions = n;
	p->size_bytes = submissions[n - 1].size_bytes;
	CU_ASSERT_FATAL(p->size_bytes <= sizeof(p->data));
	memcpy(p->data, submissions[n - 1].properties, p->size_bytes);
}

static void op_remove(void *state, uint64_t request, const char *task)
{
	note(state, "remove", request, task);
}

static void op_list(void *state, uint64_t request, const char *prefix,
		    const char *after, size_t limit)
{
	struct puppet *p = state;

	note(p, "list", request, prefix);
	snprintf(p->after, sizeof(p->after), "%s", after);
	p->limit = limit;
}

static void op_get(void *state, uint64_t request, const char *task)
{
	note(state, "get", request, task);
}

static void op_nodes(void *state, uint64_t request)
{
	note(state, "nodes", request, "");
}

static void op_command(void *state, uint64_t request, const char *node,
		       const void *data, size_t size_bytes)
{
	struct puppet *p = state;

	note(p, "command", request, node);
	CU_ASSERT_FATAL(size_bytes < sizeof(p->data));
	memcpy(p->data, data, size_bytes);
	p->data[size_bytes] = '\0';
}

static void op_cancel(void *state, uint64_t request)
{
	struct puppet *p = state;

	p->n_cancelled++;
	p->cancelled = request;
}

static void deliver_closed(struct metafora_post *post, bool dropped)
{
	(void)post;
	CU_ASSERT_FALSE(dropped);
	puppet.sink->closed(puppet.host);
}

static void op_close(void *state)
{
	struct puppet *p = state;

	p->n_closes++;
	p->closed_post.deliver = deliver_closed;
	if (!p->deaf)
		p->host->post(p->host, &p->closed_post);
}

static void op_free(void *state)
{
	struct puppet *p = state;

	p->n_frees++;
}

static const struct metafora_client_ops ops = {
	.abi_version = METAFORA_COORDINATOR_ABI,
	.size = sizeof(ops),
	.name = "puppet",
	.open = op_open,
	.submit = op_submit,
	.remove = op_remove,
	.list = op_list,
	.get = op_get,
	.nodes = op_nodes,
	.command = op_command,
	.cancel = op_cancel,
	.close = op_close,
	.free = op_free,
};

/* --- fixture ------------------------------------------------------------------ */

void puppet_open_client(void)
{
	CU_ASSERT_EQUAL_FATAL(mf_client_new_on(&world->runtime, coordinator,
					       NULL, NULL, METAFORA_LOG_ERROR,
					       &client),
			      0);
}

void puppet_setup(void)
{
	puppet = (struct puppet){.host = NULL};
	world = world_new(1);
	CU_ASSERT_EQUAL_FATAL(metafora_coordinator_new(NULL, &ops, &puppet,
						       NULL, &coordinator),
			      0);
	puppet_open_client();
}

void puppet_teardown(void)
{
	metafora_client_free(client);
	client = NULL;
	metafora_coordinator_free(coordinator);
	world_free(world);
}

void on_outcome(void *arg, const struct metafora_reply *reply)
{
	struct outcome *outcome = arg;

	outcome->n_calls++;
	outcome->error = reply->error;
	outcome->reply = *reply;
}

struct answer {
	struct metafora_post post; /* first */
	uint64_t request;
	const struct metafora_reply *reply;
};

static void deliver_answer(struct metafora_post *post, bool dropped)
{
	struct answer *answer = (struct answer *)(void *)post;

	CU_ASSERT_FALSE_FATAL(dropped);
	puppet.sink->reply(puppet.host, answer->request, answer->reply);
}

void puppet_answer(uint64_t request, const struct metafora_reply *reply)
{
	struct answer post = {
		.post.deliver = deliver_answer,
		.request = request,
		.reply = reply,
	};

	puppet.host->post(puppet.host, &post.post);
	world_run_for(world, SOON_NS);
}

int puppet_answered(struct outcome *outcome, const struct metafora_reply *reply)
{
	world_run_for(world, SOON_NS);
	CU_ASSERT_EQUAL(outcome->n_calls, 0);
	puppet_answer(puppet.request, reply);
	CU_ASSERT_EQUAL(outcome->n_calls, 1);
	return outcome->error;
}

struct metafora_batch *puppet_batch(size_t n, size_t size_bytes)
{
	char *properties = calloc(1, size_bytes + 1);
	struct metafora_batch *batch;
	char id[32];
	size_t i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(properties);
	CU_ASSERT_EQUAL_FATAL(metafora_batch_new(&batch), 0);
	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "job%zu", i);
		CU_ASSERT_EQUAL_FATAL(metafora_batch_add(batch, id, strlen(id),
							 properties,
							 size_bytes),
				      0);
	}
	free(properties);
	return batch;
}
