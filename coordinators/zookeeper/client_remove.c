/* SPDX-License-Identifier: Apache-2.0 */
/* Removes a task and waits until nobody has a claim on it any more. */
#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#include "client.h"

struct removing {
	struct zk_job job; /* first */
	bool deleted;  /* by now the task is gone */
	bool existed;
	bool listed;
	bool had_claims;
	/* Claims up to here were on the task that is gone. */
	uint32_t newest;
	char *folder;
	char *path;
	char task[METAFORA_TASK_ID_MAX + 1];
};

static void list_claims(struct removing *removing);

static void apply_claims(struct removing *removing,
			 const struct zk_request *request)
{
	struct zk_claim_name name;
	size_t n_left = 0;
	size_t i;

	for (i = 0; i < request->n_names; i++) {
		if (!mf_zk_parse_claim(mf_zk_job_host(&removing->job),
				       request->names[i], &name) ||
		    strcmp(name.task, removing->task) != 0)
			continue;
		if (!removing->listed && name.sequence > removing->newest)
			removing->newest = name.sequence;
		if (name.sequence <= removing->newest)
			n_left++;
	}
	if (!removing->listed)
		removing->had_claims = n_left > 0;
	removing->listed = true;
	if (n_left > 0)
		return; /* the watch tells */
	if (removing->existed || removing->had_claims)
		mf_zk_job_fail(&removing->job, 0);
	else
		mf_zk_job_fail(&removing->job, METAFORA_ENOENT);
}

static void on_claims(struct zk_job *job, struct zk_step *step)
{
	struct removing *removing = (struct removing *)job;

	/* It was sent right behind the removal: only that counts first. */
	if (mf_zk_step_ok(job, step, false) && removing->deleted)
		apply_claims(removing, &step->call.request);
}

static void list_claims(struct removing *removing)
{
	struct zk_step *step = mf_zk_step(&removing->job,
					  strdup(removing->folder), 0,
					  on_claims);

	if (step)
		mf_zk_step_read(step, ZK_READ_CHILDREN, true);
}

static void on_deleted(struct zk_job *job, struct zk_step *step)
{
	struct removing *removing = (struct removing *)job;
	enum zk_code code = step->call.request.code;

	if (code == ZK_UNKNOWN) {
		mf_zk_job_fail(job, METAFORA_EUNKNOWN);
		return;
	}
	if (!mf_zk_step_ok(job, step, true))
		return;
	if (code == ZK_OK)
		removing->existed = true;
	removing->deleted = true;
}

static void delete_task(struct removing *removing)
{
	struct zk_step *step = mf_zk_step(&removing->job,
					  strdup(removing->path), 1,
					  on_deleted);

	if (!step)
		return;
	step->ops[0] = (struct zk_op){
		.kind = ZK_DELETE,
		.version = ZK_ANY,
		.path = step->path,
	};
	mf_zk_step_write(step);
	list_claims(removing);
}

/* Buckets are known only when the session is up. */
static int make_paths(struct removing *removing)
{
	struct zk_job *job = &removing->job;
	const struct metafora_host *host = mf_zk_job_host(job);
	char encoded[ZK_ENCODED_BYTES];
	uint32_t bucket = mf_zk_bucket(host, removing->task,
				       job->client->session.n_buckets);

	free(removing->path);
	free(removing->folder);
	removing->path = NULL;
	removing->folder = mf_zk_path_folder(mf_zk_job_root(job), ZK_CLAIMS,
					     bucket);
	if (host->name_encode(removing->task, encoded, sizeof(encoded)) == 0)
		removing->path = mf_zk_path_task(mf_zk_job_root(job), bucket,
						 encoded);
	return removing->path && removing->folder ? 0 : METAFORA_ENOMEM;
}

static void run(struct zk_job *job)
{
	struct removing *removing = (struct removing *)job;

	if (make_paths(removing))
		mf_zk_job_fail(job, METAFORA_ENOMEM);
	else if (removing->deleted)
		list_claims(removing);
	else
		delete_task(removing);
}

static void on_event(struct zk_job *job, const struct zk_event *event)
{
	struct removing *removing = (struct removing *)job;

	if (removing->listed && job->n_steps == 0 &&
	    strcmp(event->path, removing->folder) == 0)
		list_claims(removing);
}

static void free_removing(struct zk_job *job)
{
	struct removing *removing = (struct removing *)job;

	free(removing->path);
	free(removing->folder);
	free(removing);
}

void mf_zk_client_remove(void *state, uint64_t request, const char *task)
{
	static const struct zk_job_ops ops = {
		.run = run,
		.event = on_event,
		.free = free_removing,
	};
	struct removing *removing = calloc(1, sizeof(*removing));

	if (removing)
		strncpy(removing->task, task, METAFORA_TASK_ID_MAX);
	mf_zk_job_start(state, removing ? &removing->job : NULL, &ops, request);
}
