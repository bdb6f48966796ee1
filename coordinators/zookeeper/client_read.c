/* SPDX-License-Identifier: Apache-2.0 */
/* The reading requests: one task's properties, nodes. */
#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#include "client.h"
#include "client_rows.h"

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
	unsigned int n_left; /* folders of claims, and the roster */
	struct zk_rows claims;
	struct zk_roster roster;
};

static void reply_survey(struct survey *survey)
{
	struct zk_roster *roster = &survey->roster;
	struct metafora_reply reply = { 0 };
	size_t i, c;

	mf_zk_rows_keep_owners(&survey->claims);
	for (c = 0; c < survey->claims.n; c++)
		for (i = 0; i < roster->n; i++)
			if (strcmp(roster->rows[i].record.node,
				   survey->claims.rows[c].node) == 0)
				roster->rows[i].n_owned++;
	reply.members = roster->rows;
	reply.n_members = roster->n;
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

static void on_roster(struct zk_job *job)
{
	survey_done((struct survey *)job);
}

static void run_nodes(struct zk_job *job)
{
	struct survey *survey = (struct survey *)job;

	mf_zk_rows_clear(&survey->claims);
	survey->n_left = 1 + job->client->session.n_buckets;
	if (mf_zk_step_sync(job))
		return;
	if (mf_zk_roster_read(job, &survey->roster, false, on_roster) == 0)
		mf_zk_read_folders(job, ZK_CLAIMS, on_survey_claims);
}

static void free_nodes(struct zk_job *job)
{
	struct survey *survey = (struct survey *)job;

	mf_zk_rows_clear(&survey->claims);
	mf_zk_roster_clear(&survey->roster);
	free(survey);
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
