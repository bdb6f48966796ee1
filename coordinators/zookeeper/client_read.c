/* SPDX-License-Identifier: Apache-2.0 */
/* The reading requests: one task's properties, nodes. */
#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#include "client.h"
#include "client_rows.h"
#include "member.h"

/* --- get --------------------------------------------------------------------------------- */

struct getting {
	struct zk_job job; /* first */
	char task[METAFORA_TASK_ID_MAX + 1];
};

static void on_get(struct zk_job *job, struct zk_step *step)
{
	const struct zk_request *request = &step->call.request;
	const struct metafora_reply reply = {
		.data = request->data ? request->data : "",
		.size_bytes = request->size_bytes,
	};

	if (!mf_zk_step_ok(job, step, true))
		return;
	if (request->code == ZK_NONODE)
		mf_zk_job_fail(job, METAFORA_ENOENT);
	else
		mf_zk_job_reply(job, &reply);
}

static void run_get(struct zk_job *job)
{
	struct getting *getting = (struct getting *)job;
	const struct metafora_host *host = mf_zk_job_host(job);
	char encoded[ZK_ENCODED_BYTES];
	struct zk_step *step;

	if (host->name_encode(getting->task, encoded, sizeof(encoded))) {
		mf_zk_job_fail(job, METAFORA_EINVAL);
		return;
	}
	if (mf_zk_step_sync(job))
		return;
	step = mf_zk_step(
		job,
		mf_zk_path_task(mf_zk_job_root(job),
				mf_zk_bucket(host, getting->task,
					     job->client->session.n_buckets),
				encoded),
		0, on_get);
	if (step)
		mf_zk_step_read(step, ZK_READ_DATA, false);
}

static void free_get(struct zk_job *job)
{
	free(job);
}

void mf_zk_client_get(void *state, uint64_t request, const char *task)
{
	static const struct zk_job_ops ops = {
		.run = run_get,
		.free = free_get,
	};
	struct getting *getting = calloc(1, sizeof(*getting));

	if (getting)
		strncpy(getting->task, task, METAFORA_TASK_ID_MAX);
	mf_zk_job_start(state, getting ? &getting->job : NULL, &ops, request);
}

/* --- nodes ------------------------------------------------------------------------------- */

struct survey {
	struct zk_job job; /* first */
	unsigned int n_left;
	struct zk_rows claims;
	struct metafora_member_row *members;
	void **owners; /* of the records' strings */
	size_t n_members;
	size_t n_room;
};

static void clear_survey(struct survey *survey)
{
	size_t i;

	for (i = 0; i < survey->n_members; i++) {
		mf_zk_member_free(survey->owners[i]);
		free((char *)(uintptr_t)survey->members[i].record.node);
	}
	free(survey->members);
	free(survey->owners);
	mf_zk_rows_clear(&survey->claims);
	survey->members = NULL;
	survey->owners = NULL;
	survey->n_members = 0;
	survey->n_room = 0;
}

static int compare_members(const void *a, const void *b)
{
	const struct metafora_member_row *x = a;
	const struct metafora_member_row *y = b;

	return strcmp(x->record.node, y->record.node);
}

static void reply_survey(struct survey *survey)
{
	struct metafora_reply reply = { 0 };
	size_t i, c;

	mf_zk_rows_keep_owners(&survey->claims);
	if (survey->n_members)
		qsort(survey->members, survey->n_members,
		      sizeof(*survey->members), compare_members);
	for (c = 0; c < survey->claims.n; c++)
		for (i = 0; i < survey->n_members; i++)
			if (strcmp(survey->members[i].record.node,
				   survey->claims.rows[c].node) == 0)
				survey->members[i].n_owned++;
	reply.members = survey->members;
	reply.n_members = survey->n_members;
	mf_zk_job_reply(&survey->job, &reply);
}

static void survey_done(struct survey *survey)
{
	if (--survey->n_left == 0)
		reply_survey(survey);
}

static void on_survey_claims(struct zk_job *job, struct zk_step *step)
{
	struct survey *survey = (struct survey *)job;

	if (!mf_zk_step_ok(job, step, false))
		return;
	if (mf_zk_rows_add_claims(job, &survey->claims, &step->call.request))
		mf_zk_job_fail(job, METAFORA_ENOMEM);
	else
		survey_done(survey);
}

/* Returns METAFORA_ENOMEM or 0; a malformed record is passed over. */
static int add_member(struct survey *survey, const struct zk_step *step)
{
	const struct zk_request *request = &step->call.request;
	const char *encoded = strrchr(step->path, '/') + 1;
	struct metafora_member_record record;
	char name[METAFORA_NODE_NAME_MAX + 1];
	void *owner;
	int error;

	if (!mf_zk_parse_node(mf_zk_job_host(&survey->job), encoded, name))
		return 0;
	error = mf_zk_member_decode(request->data, request->size_bytes,
				    &record, &owner);
	if (error)
		return error == METAFORA_ENOMEM ? error : 0;
	record.node = strdup(name);
	if (!record.node) {
		mf_zk_member_free(owner);
		return METAFORA_ENOMEM;
	}
	survey->owners[survey->n_members] = owner;
	survey->members[survey->n_members++].record = record;
	return 0;
}

static void on_member(struct zk_job *job, struct zk_step *step)
{
	struct survey *survey = (struct survey *)job;

	if (!mf_zk_step_ok(job, step, true))
		return;
	if (step->call.request.code == ZK_OK && add_member(survey, step))
		mf_zk_job_fail(job, METAFORA_ENOMEM);
	else
		survey_done(survey);
}

static void on_members(struct zk_job *job, struct zk_step *step)
{
	struct survey *survey = (struct survey *)job;
	const struct zk_request *request = &step->call.request;
	size_t i;

	if (!mf_zk_step_ok(job, step, false))
		return;
	survey->members = calloc(request->n_names + 1,
				 sizeof(*survey->members));
	survey->owners = calloc(request->n_names + 1, sizeof(*survey->owners));
	if (!survey->members || !survey->owners) {
		mf_zk_job_fail(job, METAFORA_ENOMEM);
		return;
	}
	for (i = 0; i < request->n_names; i++) {
		struct zk_step *read = mf_zk_step(
			job,
			mf_zk_path_member(mf_zk_job_root(job),
					  request->names[i]),
			0, on_member);

		if (!read)
			return;
		survey->n_left++;
		mf_zk_step_read(read, ZK_READ_DATA, false);
	}
	survey_done(survey);
}

static void run_nodes(struct zk_job *job)
{
	struct survey *survey = (struct survey *)job;
	struct zk_step *step;

	clear_survey(survey);
	survey->n_left = 1 + job->client->session.n_buckets;
	if (mf_zk_step_sync(job))
		return;
	step = mf_zk_step(job, mf_zk_path(mf_zk_job_root(job), "nodes"), 0,
			  on_members);
	if (!step)
		return;
	mf_zk_step_read(step, ZK_READ_CHILDREN, false);
	mf_zk_read_folders(job, ZK_CLAIMS, on_survey_claims);
}

static void free_nodes(struct zk_job *job)
{
	clear_survey((struct survey *)job);
	free(job);
}

void mf_zk_client_nodes(void *state, uint64_t request)
{
	static const struct zk_job_ops ops = {
		.run = run_nodes,
		.free = free_nodes,
	};
	struct survey *survey = calloc(1, sizeof(*survey));

	mf_zk_job_start(state, survey ? &survey->job : NULL, &ops, request);
}
