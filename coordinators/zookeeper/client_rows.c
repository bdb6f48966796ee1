/* SPDX-License-Identifier: Apache-2.0 */
/* What the client side reads, as rows: tasks, claims, members. */
#include "client_rows.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#include "member.h"

void mf_zk_rows_clear(struct zk_rows *rows)
{
	size_t i;

	for (i = 0; i < rows->n; i++) {
		free(rows->rows[i].task);
		free(rows->rows[i].node);
	}
	free(rows->rows);
	*rows = (struct zk_rows){ 0 };
}

int mf_zk_rows_add(struct zk_rows *rows, const char *task, const char *node,
		   uint64_t token)
{
	size_t n_room = rows->n_room ? 2 * rows->n_room : 64;
	struct zk_row *row;

	if (rows->n == rows->n_room) {
		row = realloc(rows->rows, n_room * sizeof(*row));
		if (!row)
			return METAFORA_ENOMEM;
		rows->rows = row;
		rows->n_room = n_room;
	}
	row = &rows->rows[rows->n];
	row->token = token;
	row->since_ms = 0;
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

int mf_zk_rows_compare(const void *a, const void *b)
{
	const struct zk_row *x = a;
	const struct zk_row *y = b;
	int order = strcmp(x->task, y->task);

	if (order)
		return order;
	return x->token < y->token ? -1 : x->token > y->token;
}

void mf_zk_rows_keep_owners(struct zk_rows *claims)
{
	size_t n = 0;
	size_t i;

	if (claims->n)
		qsort(claims->rows, claims->n, sizeof(*claims->rows),
		      mf_zk_rows_compare);
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

int mf_zk_rows_add_tasks(struct zk_job *job, struct zk_rows *rows,
			 const struct zk_request *request, const char *prefix,
			 const char *after)
{
	const size_t n_prefix = strlen(prefix);
	char task[METAFORA_TASK_ID_MAX + 1];
	size_t i;

	for (i = 0; i < request->n_names; i++)
		if (mf_zk_parse_task(mf_zk_job_host(job), request->names[i],
				     task) &&
		    strncmp(task, prefix, n_prefix) == 0 &&
		    strcmp(task, after) > 0 &&
		    mf_zk_rows_add(rows, task, NULL, 0))
			return METAFORA_ENOMEM;
	return 0;
}

int mf_zk_rows_add_claims(struct zk_job *job, struct zk_rows *rows,
			  const struct zk_request *request)
{
	uint64_t epoch = (uint64_t)job->client->session.epoch << 32;
	struct zk_claim_name name;
	size_t i;

	for (i = 0; i < request->n_names; i++)
		if (mf_zk_parse_claim(mf_zk_job_host(job), request->names[i],
				      &name) &&
		    mf_zk_rows_add(rows, name.task, name.node,
			     epoch | name.sequence))
			return METAFORA_ENOMEM;
	return 0;
}

bool mf_zk_rows_match(struct zk_rows *tasks, struct zk_rows *claims,
		      size_t limit)
{
	bool more = limit && tasks->n > limit;
	size_t c = 0;
	size_t i;

	mf_zk_rows_keep_owners(claims);
	if (tasks->n)
		qsort(tasks->rows, tasks->n, sizeof(*tasks->rows),
		      mf_zk_rows_compare);
	while (more && tasks->n > limit)
		free(tasks->rows[--tasks->n].task);
	for (i = 0; i < tasks->n; i++) {
		struct zk_row *row = &tasks->rows[i];

		while (c < claims->n &&
		       strcmp(claims->rows[c].task, row->task) < 0)
			c++;
		if (c == claims->n ||
		    strcmp(claims->rows[c].task, row->task) != 0)
			continue;
		row->node = claims->rows[c].node;
		row->token = claims->rows[c].token;
		claims->rows[c].node = NULL;
	}
	mf_zk_rows_clear(claims);
	return more;
}

struct metafora_task_row *mf_zk_rows_facts(const struct zk_rows *tasks)
{
	struct metafora_task_row *rows = calloc(tasks->n + 1, sizeof(*rows));
	size_t i;

	for (i = 0; rows && i < tasks->n; i++)
		rows[i] = (struct metafora_task_row){
			.task = tasks->rows[i].task,
			.owner = tasks->rows[i].node,
			.token = tasks->rows[i].token,
			.since_ms = tasks->rows[i].since_ms,
		};
	return rows;
}

int mf_zk_read_folders(struct zk_job *job, enum zk_folder_kind kind,
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

/* --- members ------------------------------------------------------------------------- */

void mf_zk_roster_clear(struct zk_roster *roster)
{
	size_t i;

	for (i = 0; i < roster->n; i++) {
		mf_zk_member_free(roster->owners[i]);
		free((char *)(uintptr_t)roster->rows[i].record.node);
	}
	free(roster->rows);
	free(roster->owners);
	*roster = (struct zk_roster){ 0 };
}

static int add_member(struct zk_roster *roster, const struct zk_step *step)
{
	const struct zk_request *request = &step->call.request;
	const char *encoded = strrchr(step->path, '/') + 1;
	struct metafora_member_record record;
	char name[METAFORA_NODE_NAME_MAX + 1];
	void *owner;
	int error;

	if (roster->n == roster->n_room ||
	    !mf_zk_parse_node(mf_zk_job_host(step->job), encoded, name))
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
	roster->owners[roster->n] = owner;
	roster->rows[roster->n++].record = record;
	return 0;
}

static int compare_members(const void *a, const void *b)
{
	const struct metafora_member_row *x = a;
	const struct metafora_member_row *y = b;

	return strcmp(x->record.node, y->record.node);
}

/* Owners are freed all together: they need not move along. */
static void answered(struct zk_job *job, struct zk_roster *roster)
{
	if (--roster->n_left > 0)
		return;
	if (roster->n)
		qsort(roster->rows, roster->n, sizeof(*roster->rows),
		      compare_members);
	roster->done(job);
}

static void on_member(struct zk_job *job, struct zk_step *step)
{
	struct zk_roster *roster = step->arg;

	if (!mf_zk_step_ok(job, step, true))
		return;
	if (step->call.request.code == ZK_OK && add_member(roster, step))
		mf_zk_job_fail(job, METAFORA_ENOMEM);
	else
		answered(job, roster);
}

static int read_one(struct zk_job *job, struct zk_roster *roster, char *path,
		    enum zk_request_kind kind,
		    void (*done)(struct zk_job *, struct zk_step *))
{
	struct zk_step *step = mf_zk_step(job, path, 0, done);

	if (!step)
		return METAFORA_ENOMEM;
	step->arg = roster;
	roster->n_left++;
	mf_zk_step_read(step, kind, roster->watch);
	return 0;
}

static void on_members(struct zk_job *job, struct zk_step *step)
{
	const struct zk_request *request = &step->call.request;
	const char *root = mf_zk_job_root(job);
	struct zk_roster *roster = step->arg;
	size_t i;

	if (!mf_zk_step_ok(job, step, false))
		return;
	roster->rows = calloc(request->n_names + 1, sizeof(*roster->rows));
	roster->owners = calloc(request->n_names + 1, sizeof(*roster->owners));
	if (!roster->rows || !roster->owners) {
		mf_zk_job_fail(job, METAFORA_ENOMEM);
		return;
	}
	roster->n_room = request->n_names;
	for (i = 0; i < request->n_names; i++)
		if (read_one(job, roster,
			     mf_zk_path_member(root, request->names[i]),
			     ZK_READ_DATA, on_member))
			return;
	answered(job, roster);
}

int mf_zk_roster_read(struct zk_job *job, struct zk_roster *roster, bool watch,
		      void (*done)(struct zk_job *job))
{
	mf_zk_roster_clear(roster);
	roster->watch = watch;
	roster->done = done;
	return read_one(job, roster, mf_zk_path(mf_zk_job_root(job), "nodes"),
			ZK_READ_CHILDREN, on_members);
}
