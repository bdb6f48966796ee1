/* SPDX-License-Identifier: Apache-2.0 */
/* The check of tasks and claims, bucket by bucket. */
#include "client_check.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

/* Of a counter that is near its end. */
#define SEQUENCE_WARN (ZK_SEQUENCE_MAX / 10 * 9)

static void next_bucket(struct zk_check *check);

void mf_zk_check_forget_bucket(struct zk_check *check)
{
	size_t i;

	for (i = 0; i < check->n_tasks; i++)
		free(check->tasks[i]);
	free(check->tasks);
	check->tasks = NULL;
	check->n_tasks = 0;
}

/* --- the folders -------------------------------------------------------------------- */

static void judge_buckets(struct zk_check *check, const struct zk_step *step,
			  enum zk_folder_kind kind)
{
	const struct zk_request *request = &step->call.request;
	const uint32_t n_buckets = check->job.client->session.n_buckets;
	bool has[ZK_BUCKETS_MAX] = {false};
	uint32_t b;
	size_t i;

	for (i = 0; i < request->n_names; i++) {
		if (mf_zk_parse_bucket(request->names[i], n_buckets, &b))
			has[b] = true;
		else
			mf_zk_check_note(
				check,
				mf_zk_path(step->path, request->names[i]),
				"is no bucket of this namespace: it is passed "
				"over",
				ZK_MEND_NONE, 0, false);
	}
	for (b = 0; b < n_buckets; b++)
		if (!has[b])
			mf_zk_check_note(
				check,
				mf_zk_path_folder(mf_zk_job_root(&check->job),
						  kind, b),
				kind == ZK_TASKS ? "folder is missing"
						 : ZK_CLAIMS_MISSING,
				kind == ZK_TASKS ? ZK_MEND_CREATE
						 : ZK_MEND_NONE,
				0, false);
}

static void on_task_buckets(struct zk_job *job, struct zk_step *step)
{
	struct zk_check *check = (struct zk_check *)job;

	if (!mf_zk_step_ok(job, step, true))
		return;
	judge_buckets(check, step, ZK_TASKS);
	mf_zk_check_done(check);
}

static void on_claim_buckets(struct zk_job *job, struct zk_step *step)
{
	struct zk_check *check = (struct zk_check *)job;

	if (!mf_zk_step_ok(job, step, true))
		return;
	/* If it is missing as a whole, that has been said. */
	if (step->call.request.code == ZK_OK)
		judge_buckets(check, step, ZK_CLAIMS);
	mf_zk_check_done(check);
}

void mf_zk_check_buckets(struct zk_check *check)
{
	const char *root = mf_zk_job_root(&check->job);

	check->bucket = 0;
	mf_zk_check_stage(check, next_bucket);
	mf_zk_check_read(check, mf_zk_path(root, "tasks"), ZK_READ_CHILDREN,
			 on_task_buckets);
	mf_zk_check_read(check, mf_zk_path(root, "claims"), ZK_READ_CHILDREN,
			 on_claim_buckets);
	mf_zk_check_done(check);
}

/* --- one claim ---------------------------------------------------------------------- */

/*
 * Once it is gone a claim of the same name can come only if the number is
 * still to be given; a counter never goes back.
 */
static void note_lasting(struct zk_check *check, const struct zk_step *step)
{
	const char *name = strrchr(step->path, '/') + 1;
	struct zk_claim_name claim;
	bool passed = mf_zk_parse_claim(mf_zk_job_host(&check->job), name,
					&claim) &&
		      claim.sequence < check->n_claims;

	mf_zk_check_note(check, strdup(step->path),
			 passed ? "claim is not ephemeral: no node has made "
				  "it, and it never ends"
				: "claim is not ephemeral, and its number is "
				  "still to come: remove it",
			 passed ? ZK_MEND_REMOVE : ZK_MEND_NONE,
			 step->call.request.stat.version, false);
}

static void on_claim(struct zk_job *job, struct zk_step *step)
{
	struct zk_check *check = (struct zk_check *)job;
	const struct zk_request *request = &step->call.request;
	const struct zk_register *member = NULL;
	char *node;

	if (!mf_zk_step_ok(job, step, true))
		return;
	if (request->code == ZK_OK && !request->stat.ephemeral_owner) {
		note_lasting(check, step);
	} else if (request->code == ZK_OK) {
		/* "<task>:<node>:<sequence>", as its name was taken apart. */
		node = strdup(strchr(step->path, ':') + 1);
		if (node) {
			*strchr(node, ':') = '\0';
			member = mf_zk_find(&check->members, node);
		}
		free(node);
		if (!member || member->session != request->stat.ephemeral_owner)
			mf_zk_check_note(check, strdup(step->path),
					 "claim of a session that is no "
					 "member's: it ends with that session",
					 ZK_MEND_NONE, 0, true);
	}
	mf_zk_check_done(check);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_task(const struct zk_check *check, const char *claim)
{
	char encoded[ZK_ENCODED_BYTES];
	const char *key = encoded;
	size_t n = strcspn(claim, ":");

	memcpy(encoded, claim, n);
	encoded[n] = '\0';
	return check->n_tasks && bsearch(&key, check->tasks, check->n_tasks,
					 sizeof(key), compare_names);
}

static void judge_claim(struct zk_check *check, const char *folder,
			const char *name)
{
	struct zk_job *job = &check->job;
	struct zk_claim_name claim;

	if (!mf_zk_parse_claim(mf_zk_job_host(job), name, &claim)) {
		mf_zk_check_note(check, mf_zk_path(folder, name),
				 "name is no claim's: it is passed over",
				 ZK_MEND_NONE, 0, false);
		return;
	}
	if (mf_zk_bucket(mf_zk_job_host(job), claim.task,
			 job->client->session.n_buckets) != check->bucket) {
		mf_zk_check_note(check, mf_zk_path(folder, name),
				 "claim is in another bucket than its task: it "
				 "is passed over",
				 ZK_MEND_NONE, 0, false);
		return;
	}
	if (!has_task(check, name))
		mf_zk_check_note(check, mf_zk_path(folder, name),
				 "claim on a task that does not exist: its "
				 "handler is stopping, or is stuck",
				 ZK_MEND_NONE, 0, true);
	mf_zk_check_read(check, mf_zk_path(folder, name), ZK_READ_STAT,
			 on_claim);
}

static void on_claims(struct zk_job *job, struct zk_step *step)
{
	struct zk_check *check = (struct zk_check *)job;
	const struct zk_request *request = &step->call.request;
	size_t i;

	if (!mf_zk_step_ok(job, step, true))
		return;
	check->n_claims = zk_stat_n_created(&request->stat);
	if (request->code == ZK_OK && check->n_claims > SEQUENCE_WARN)
		mf_zk_check_note(check, strdup(step->path),
				 "counter of claims is near its end: plan to "
				 "make the namespace anew",
				 ZK_MEND_NONE, 0, false);
	for (i = 0; i < request->n_names && !job->over; i++)
		judge_claim(check, step->path, request->names[i]);
	mf_zk_check_done(check);
}

/* --- one task ------------------------------------------------------------------------- */

static void on_task(struct zk_job *job, struct zk_step *step)
{
	struct zk_check *check = (struct zk_check *)job;
	const struct zk_request *request = &step->call.request;

	if (!mf_zk_step_ok(job, step, true))
		return;
	if (request->code == ZK_OK && request->stat.ephemeral_owner)
		mf_zk_check_note(check, strdup(step->path),
				 "task is ephemeral: it goes with the session "
				 "that made it",
				 ZK_MEND_NONE, 0, false);
	if (request->code == ZK_OK &&
	    request->stat.n_bytes > METAFORA_PROPERTIES_MAX)
		mf_zk_check_note(check, strdup(step->path),
				 "properties are larger than the limit: no "
				 "node can run it",
				 ZK_MEND_NONE, 0, false);
	if (request->code == ZK_OK && request->stat.n_children > 0)
		mf_zk_check_note(check, strdup(step->path),
				 "task has children: it cannot be removed",
				 ZK_MEND_NONE, 0, false);
	mf_zk_check_done(check);
}

static void judge_task(struct zk_check *check, const char *folder,
		       const char *name)
{
	struct zk_job *job = &check->job;
	char task[METAFORA_TASK_ID_MAX + 1];

	if (!mf_zk_parse_task(mf_zk_job_host(job), name, task))
		mf_zk_check_note(check, mf_zk_path(folder, name),
				 "name is no task's: it is passed over",
				 ZK_MEND_NONE, 0, false);
	else if (mf_zk_bucket(mf_zk_job_host(job), task,
			      job->client->session.n_buckets) != check->bucket)
		mf_zk_check_note(check, mf_zk_path(folder, name),
				 "task is in the wrong bucket: it never runs; "
				 "submit it anew and remove this",
				 ZK_MEND_NONE, 0, false);
	else
		mf_zk_check_read(check, mf_zk_path(folder, name), ZK_READ_STAT,
				 on_task);
}

static int keep_names(struct zk_check *check, const struct zk_request *request)
{
	size_t i;

	check->tasks = calloc(request->n_names + 1, sizeof(*check->tasks));
	if (!check->tasks)
		return METAFORA_ENOMEM;
	for (i = 0; i < request->n_names; i++) {
		check->tasks[i] = strdup(request->names[i]);
		if (!check->tasks[i])
			return METAFORA_ENOMEM;
		check->n_tasks++;
	}
	if (check->n_tasks)
		qsort(check->tasks, check->n_tasks, sizeof(*check->tasks),
		      compare_names);
	return 0;
}

static void on_tasks(struct zk_job *job, struct zk_step *step)
{
	struct zk_check *check = (struct zk_check *)job;
	const struct zk_request *request = &step->call.request;
	size_t i;

	if (!mf_zk_step_ok(job, step, true))
		return;
	if (keep_names(check, request)) {
		mf_zk_job_fail(job, METAFORA_ENOMEM);
		return;
	}
	for (i = 0; i < request->n_names && !job->over; i++)
		judge_task(check, step->path, request->names[i]);
	mf_zk_check_done(check);
}

/* --- one bucket after the other -------------------------------------------------------- */

static void after_bucket(struct zk_check *check)
{
	check->bucket++;
	next_bucket(check);
}

static void next_bucket(struct zk_check *check)
{
	const char *root = mf_zk_job_root(&check->job);

	mf_zk_check_forget_bucket(check);
	if (check->bucket == check->job.client->session.n_buckets) {
		mf_zk_check_looked(check);
		return;
	}
	mf_zk_check_stage(check, after_bucket);
	mf_zk_check_read(check,
			 mf_zk_path_folder(root, ZK_TASKS, check->bucket),
			 ZK_READ_CHILDREN, on_tasks);
	mf_zk_check_read(check,
			 mf_zk_path_folder(root, ZK_CLAIMS, check->bucket),
			 ZK_READ_CHILDREN, on_claims);
	mf_zk_check_done(check);
}
