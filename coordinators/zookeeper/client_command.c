/* SPDX-License-Identifier: Apache-2.0 */
/* Sends a command to a node, and waits for its answer if somebody does. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#include "client.h"

struct commanding {
	struct zk_job job; /* first */
	void *data;
	size_t size_bytes;
	char *member;  /* path of the node's record */
	char *folder;  /* path of its commands */
	char *command; /* path of ours; NULL: not known to exist */
	/* "<session>:<ours>:<number>:", empty before the session is known. */
	char stem[64];
	uint64_t session;
	bool send_only; /* nobody waits for the answer */
	bool unsure; /* the creation's outcome is unknown */
	bool dying;  /* the node is gone: one last look */
};

static void look(struct commanding *commanding);

/* --- the answer ---------------------------------------------------------------------- */

static void answered(struct commanding *commanding, const char *data, size_t n)
{
	struct metafora_reply reply = { 0 };
	char *end;
	long error = strtol(data, &end, 10);

	if (*end != '\n' || error > 0 || error < -1000) {
		mf_zk_job_fail(&commanding->job, METAFORA_EPROTO);
		return;
	}
	reply.error = (int)error;
	reply.data = end + 1;
	reply.size_bytes = n - (size_t)(end + 1 - data);
	mf_zk_job_sweep(&commanding->job, commanding->command);
	mf_zk_job_reply(&commanding->job, &reply);
}

static void node_is_gone(struct commanding *commanding)
{
	mf_zk_job_sweep(&commanding->job, commanding->command);
	mf_zk_job_fail(&commanding->job, METAFORA_ENOENT);
}

static void on_member_again(struct zk_job *job, struct zk_step *step)
{
	struct commanding *commanding = (struct commanding *)job;
	const struct zk_request *request = &step->call.request;

	if (!mf_zk_step_ok(job, step, true))
		return;
	if (request->code == ZK_OK &&
	    (uint64_t)request->stat.ephemeral_owner == commanding->session)
		return; /* lives: the watches tell */
	/* It may have answered in its last moment. */
	commanding->dying = true;
	look(commanding);
}

/* Whether the node still lives; the watch is set in any case. */
static void look_at_member(struct commanding *commanding)
{
	struct zk_step *step = mf_zk_step(&commanding->job,
					  strdup(commanding->member), 0,
					  on_member_again);

	if (step)
		mf_zk_step_read(step, ZK_READ_DATA, true);
}

static void on_command(struct zk_job *job, struct zk_step *step)
{
	struct commanding *commanding = (struct commanding *)job;
	const struct zk_request *request = &step->call.request;

	if (!mf_zk_step_ok(job, step, true))
		return;
	if (request->code == ZK_OK && request->stat.version > 0)
		answered(commanding, request->data ? request->data : "",
			 request->size_bytes);
	else if (request->code == ZK_NONODE || commanding->dying)
		node_is_gone(commanding);
	else
		look_at_member(commanding);
}

static void look(struct commanding *commanding)
{
	struct zk_step *step = mf_zk_step(&commanding->job,
					  strdup(commanding->command), 0,
					  on_command);

	if (step)
		mf_zk_step_read(step, ZK_READ_DATA, true);
}

/* --- sending --------------------------------------------------------------------------- */

static int set_command(struct commanding *commanding, const char *name)
{
	free(commanding->command);
	commanding->command = mf_zk_path(commanding->folder, name);
	if (commanding->command)
		return 0;
	mf_zk_job_fail(&commanding->job, METAFORA_ENOMEM);
	return METAFORA_ENOMEM;
}

/* The broker keeps it under this name. */
static void sent(struct commanding *commanding, const char *name)
{
	if (commanding->send_only)
		mf_zk_job_fail(&commanding->job, 0);
	else if (set_command(commanding, name) == 0)
		look(commanding);
}

static void on_created(struct zk_job *job, struct zk_step *step)
{
	struct commanding *commanding = (struct commanding *)job;
	enum zk_code code = step->call.request.code;
	char name[96];

	if (code == ZK_UNKNOWN)
		commanding->unsure = true;
	if (!mf_zk_step_ok(job, step, true))
		return;
	if (code == ZK_NONODE) {
		mf_zk_job_fail(job, METAFORA_ENOENT);
		return;
	}
	snprintf(name, sizeof(name), "%s%010" PRId32, commanding->stem,
		 step->ops[0].sequence);
	sent(commanding, name);
}

static void create(struct commanding *commanding)
{
	struct zk_step *step = mf_zk_step(&commanding->job,
					  mf_zk_path(commanding->folder,
						     commanding->stem),
					  1, on_created);

	if (!step)
		return;
	step->ops[0] = (struct zk_op){
		.kind = ZK_CREATE,
		.flags = ZK_SEQUENCE,
		.path = step->path,
		.data = commanding->data,
		.size_bytes = commanding->size_bytes,
	};
	mf_zk_step_write(step);
}

static void on_member(struct zk_job *job, struct zk_step *step)
{
	struct commanding *commanding = (struct commanding *)job;
	const struct zk_request *request = &step->call.request;

	if (!mf_zk_step_ok(job, step, true))
		return;
	if (request->code == ZK_NONODE || !request->stat.ephemeral_owner) {
		mf_zk_job_fail(job, METAFORA_ENOENT);
		return;
	}
	commanding->session = (uint64_t)request->stat.ephemeral_owner;
	snprintf(commanding->stem, sizeof(commanding->stem),
		 "%016" PRIx64 ":%016" PRIx64 ":%" PRIx64 ":%s",
		 commanding->session, job->client->session.id, job->request,
		 commanding->send_only ? ZK_COMMAND_UNREAD : "");
	create(commanding);
}

/* A node that carries nothing out must not be buried in commands. */
static void on_folder(struct zk_job *job, struct zk_step *step)
{
	const struct zk_request *request = &step->call.request;

	if (mf_zk_step_ok(job, step, true) && request->code == ZK_OK &&
	    request->stat.n_children >= METAFORA_COMMANDS_MAX)
		mf_zk_job_fail(job, METAFORA_EFULL);
}

static void find_member(struct commanding *commanding)
{
	struct zk_step *step;

	/* Not an earlier life of the node. */
	if (mf_zk_step_sync(&commanding->job))
		return;
	step = mf_zk_step(&commanding->job, strdup(commanding->folder), 0,
			  on_folder);
	if (!step)
		return;
	mf_zk_step_read(step, ZK_READ_STAT, false);
	step = mf_zk_step(&commanding->job, strdup(commanding->member), 0,
			  on_member);
	if (step)
		mf_zk_step_read(step, ZK_READ_STAT, false);
}

/* --- an unknown outcome ------------------------------------------------------------------ */

static void on_names(struct zk_job *job, struct zk_step *step)
{
	struct commanding *commanding = (struct commanding *)job;
	const struct zk_request *request = &step->call.request;
	size_t n = strlen(commanding->stem);
	size_t i;

	if (!mf_zk_step_ok(job, step, true))
		return;
	commanding->unsure = false;
	for (i = 0; request->code == ZK_OK && i < request->n_names; i++)
		if (strncmp(request->names[i], commanding->stem, n) == 0) {
			sent(commanding, request->names[i]);
			return;
		}
	find_member(commanding);
}

/* The lost creation may not have reached this server yet: it catches up. */
static void settle(struct commanding *commanding)
{
	struct zk_job *job = &commanding->job;
	struct zk_step *step;

	if (mf_zk_step_sync(job))
		return;
	step = mf_zk_step(job, strdup(commanding->folder), 0, on_names);
	if (step)
		mf_zk_step_read(step, ZK_READ_CHILDREN, false);
}

/* --- the job ------------------------------------------------------------------------------- */

static void run(struct zk_job *job)
{
	struct commanding *commanding = (struct commanding *)job;

	if (commanding->command)
		look(commanding);
	else if (commanding->unsure)
		settle(commanding);
	else
		find_member(commanding);
}

static void on_event(struct zk_job *job, const struct zk_event *event)
{
	struct commanding *commanding = (struct commanding *)job;

	if (!commanding->command ||
	    (strcmp(event->path, commanding->command) != 0 &&
	     strcmp(event->path, commanding->member) != 0))
		return;
	if (job->n_steps > 0)
		job->broken = true; /* look once more after that */
	else
		look(commanding);
}

static void cancel(struct zk_job *job)
{
	struct commanding *commanding = (struct commanding *)job;

	if (commanding->command)
		mf_zk_job_sweep(job, commanding->command);
}

static void free_commanding(struct zk_job *job)
{
	struct commanding *commanding = (struct commanding *)job;

	free(commanding->data);
	free(commanding->member);
	free(commanding->folder);
	free(commanding->command);
	free(commanding);
}

static int init(struct commanding *commanding, struct zk_client *client,
		const char *node, const void *data, size_t size_bytes)
{
	const char *root = client->session.options->root;
	char encoded[3 * METAFORA_NODE_NAME_MAX + 1];

	if (client->session.host->name_encode(node, encoded, sizeof(encoded)))
		return METAFORA_EINVAL;
	commanding->member = mf_zk_path_member(root, encoded);
	commanding->folder = mf_zk_path_command(root, encoded, NULL);
	commanding->size_bytes = size_bytes;
	commanding->data = malloc(size_bytes + 1);
	if (!commanding->member || !commanding->folder || !commanding->data)
		return METAFORA_ENOMEM;
	if (size_bytes)
		memcpy(commanding->data, data, size_bytes);
	return 0;
}

static void start(struct zk_client *client, uint64_t request, const char *node,
		  const void *data, size_t size_bytes, bool send_only)
{
	static const struct zk_job_ops ops = {
		.run = run,
		.event = on_event,
		.cancel = cancel,
		.free = free_commanding,
	};
	struct commanding *commanding = calloc(1, sizeof(*commanding));

	if (commanding && init(commanding, client, node, data, size_bytes)) {
		free_commanding(&commanding->job);
		commanding = NULL;
	}
	if (commanding)
		commanding->send_only = send_only;
	mf_zk_job_start(client, commanding ? &commanding->job : NULL, &ops,
			request);
}

void mf_zk_client_command(void *state, uint64_t request, const char *node,
			  const void *data, size_t size_bytes)
{
	start(state, request, node, data, size_bytes, false);
}

void mf_zk_client_command_send(void *state, uint64_t request, const char *node,
			       const void *data, size_t size_bytes)
{
	start(state, request, node, data, size_bytes, true);
}
