/* SPDX-License-Identifier: Apache-2.0 */
/* The reading requests: tasks with their owners, one task, nodes. */
#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#include "client.h"
#include "member.h"

/* A growing array of rows with one or two names each. */
struct rows {
	struct row {
		char *task;
		char *node;
		uint64_t token;
	} *rows;
	size_t n;
	size_t n_room;
};

struct listing {
	struct zk_job job; /* first */
	char *prefix;
	char *after;
	size_t limit;
	unsigned int n_left; /* folders that are not read yet */
	struct rows tasks;
	struct rows claims;
};

static void rows_clear(struct rows *rows)
{
	size_t i;

	for (i = 0; i < rows->n; i++) {
		free(rows->rows[i].task);
		free(rows->rows[i].node);
	}
	free(rows->rows);
	*rows = (struct rows){ 0 };
}

static int rows_add(struct rows *rows, const char *task, const char *node,
		    uint64_t token)
{
	size_t n_room = rows->n_room ? 2 * rows->n_room : 64;
	struct row *row;

	if (rows->n == rows->n_room) {
		row = realloc(rows->rows, n_room * sizeof(*row));
		if (!row)
			return METAFORA_ENOMEM;
		rows->rows = row;
		rows->n_room = n_room;
	}
	row = &rows->rows[rows->n];
	row->token = token;
	row->task = strdup(task);
	row->node = node ? strdup(node) : NULL;
	if (!row->task || (node && !row->node)) {
		free(row->task);
		free(row->node);
		return METAFORA_ENOMEM;
	}
	rows->n++;
	return 0;
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a;
	const struct row *y = b;
	int order = strcmp(x->task, y->task);

	if (order)
		return order;
	return x->token < y->token ? -1 : x->token > y->token;
}

/* Sort; of each line only the first claim stays. */
static void keep_owners(struct rows *claims)
{
	size_t n = 0;
	size_t i;

	if (claims->n)
		qsort(claims->rows, claims->n, sizeof(*claims->rows),
		      compare_rows);
	for (i = 0; i < claims->n; i++) {
		if (n > 0 && strcmp(claims->rows[n - 1].task,
				    claims->rows[i].task) == 0) {
			free(claims->rows[i].task);
			free(claims->rows[i].node);
			continue;
		}
		claims->rows[n++] = claims->rows[i];
	}
	claims->n = n;
}

static int add_claims(struct zk_job *job, struct rows *rows,
		      const struct zk_request *request)
{
	uint64_t epoch = (uint64_t)job->client->session.epoch << 32;
	struct zk_claim_name name;
	size_t i;

	for (i = 0; i < request->n_names; i++)
		if (mf_zk_parse_claim(mf_zk_job_host(job), request->names[i],
				      &name) &&
		    rows_add(rows, name.task, name.node,
			     epoch | name.sequence))
			return METAFORA_ENOMEM;
	return 0;
}

/* Reads one folder of each bucket; 0, or the job has failed. */
static int read_folders(struct zk_job *job, enum zk_folder_kind kind,
			void (*done)(struct zk_job *, struct zk_step *))
{
	uint32_t b;

	for (b = 0; b < job->client->session.n_buckets; b++) {
		struct zk_step *step = mf_zk_step(
			job, mf_zk_path_folder(mf_zk_job_root(job), kind, b),
			0, done);

		if (!step)
			return METAFORA_ENOMEM;
		mf_zk_step_read(step, ZK_READ_CHILDREN, false);
	}
	return 0;
}

/* --- list ----------------------------------------------------------------------------- */

static bool wanted(const struct listing *listing, const char *task)
{
	size_t n = strlen(listing->prefix);

	return strncmp(task, listing->prefix, n) == 0 &&
	       strcmp(task, listing->after) > 0;
}

static void reply_rows(struct listing *listing)
{
	struct rows *tasks = &listing->tasks;
	struct rows *claims = &listing->claims;
	struct metafora_reply reply = { 0 };
	struct metafora_task_row *rows;
	size_t c = 0;
	size_t i;

	keep_owners(claims);
	if (tasks->n)
		qsort(tasks->rows, tasks->n, sizeof(*tasks->rows),
		      compare_rows);
	rows = calloc(tasks->n + 1, sizeof(*rows));
	if (!rows) {
		mf_zk_job_fail(&listing->job, METAFORA_ENOMEM);
		return;
	}
	for (i = 0; i < tasks->n; i++) {
		rows[i].task = tasks->rows[i].task;
		while (c < claims->n &&
		       strcmp(claims->rows[c].task, rows[i].task) < 0)
			c++;
		if (c == claims->n ||
		    strcmp(claims->rows[c].task, rows[i].task) != 0)
			continue;
		rows[i].owner = claims->rows[c].node;
		rows[i].token = claims->rows[c].token;
	}
	reply.tasks = rows;
	reply.n_tasks = tasks->n;
	if (listing->limit && tasks->n > listing->limit) {
		reply.n_tasks = listing->limit;
		reply.more = true;
	}
	mf_zk_job_reply(&listing->job, &reply);
	free(rows);
}

static void folder_done(struct listing *listing)
{
	if (--listing->n_left == 0)
		reply_rows(listing);
}

static void on_tasks(struct zk_job *job, struct zk_step *step)
{
	struct listing *listing = (struct listing *)job;
	const struct zk_request *request = &step->call.request;
	char task[METAFORA_TASK_ID_MAX + 1];
	size_t i;

	if (!mf_zk_step_ok(job, step, false))
		return;
	for (i = 0; i < request->n_names; i++)
		if (mf_zk_parse_task(mf_zk_job_host(job), request->names[i],
				     task) &&
		    wanted(listing, task) &&
		    rows_add(&listing->tasks, task, NULL, 0)) {
			mf_zk_job_fail(job, METAFORA_ENOMEM);
			return;
		}
	folder_done(listing);
}

static void on_claims(struct zk_job *job, struct zk_step *step)
{
	struct listing *listing = (struct listing *)job;

	if (!mf_zk_step_ok(job, step, false))
		return;
	if (add_claims(job, &listing->claims, &step->call.request))
		mf_zk_job_fail(job, METAFORA_ENOMEM);
	else
		folder_done(listing);
}

static void run_list(struct zk_job *job)
{
	struct listing *listing = (struct listing *)job;

	rows_clear(&listing->tasks);
	rows_clear(&listing->claims);
	listing->n_left = 2 * job->client->session.n_buckets;
	if (mf_zk_step_sync(job))
		return;
	if (read_folders(job, ZK_TASKS, on_tasks) == 0)
		read_folders(job, ZK_CLAIMS, on_claims);
}

static void free_list(struct zk_job *job)
{
	struct listing *listing = (struct listing *)job;

	rows_clear(&listing->tasks);
	rows_clear(&listing->claims);
	free(listing->prefix);
	free(listing->after);
	free(listing);
}

void mf_zk_client_list(void *state, uint64_t request, const char *prefix,
		       const char *after, size_t limit)
{
	static const struct zk_job_ops ops = {
		.run = run_list,
		.free = free_list,
	};
	struct listing *listing = calloc(1, sizeof(*listing));

	if (listing) {
		listing->prefix = strdup(prefix);
		listing->after = strdup(after);
		listing->limit = limit;
		if (!listing->prefix || !listing->after) {
			free_list(&listing->job);
			listing = NULL;
		}
	}
	mf_zk_job_start(state, listing ? &listing->job : NULL, &ops, request);
}

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
	struct rows claims;
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
	rows_clear(&survey->claims);
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

	keep_owners(&survey->claims);
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
	if (add_claims(job, &survey->claims, &step->call.request))
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
	read_folders(job, ZK_CLAIMS, on_survey_claims);
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
