/* SPDX-License-Identifier: Apache-2.0 */
/* Submits tasks: creates them, then makes sure that no former life goes on. */
#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#include "client.h"

/* Tasks of one write, all of one bucket; and writes under way. */
#define GROUP_TASKS_MAX 50
#define GROUP_BYTES_MAX (512 * 1024)
#define GROUPS_ACTIVE_MAX 8

/*
 * A task that was created may meet claims of a former life of its ID, whose
 * owner has not stopped yet.  Such a claim is older than the task.  Then what
 * was created is removed again, provided that the claim is still there: as
 * long as it is, nobody has been told that the task exists.
 */
enum task_state {
	TASK_NEW,     /* to create */
	TASK_CREATED, /* to check */
	TASK_SETTLED, /* its error is known */
};

struct task {
	char *id;
	char *path;
	void *data;
	size_t size_bytes;
	size_t position; /* in the submission */
	uint32_t bucket;
	enum task_state state;
	int64_t czxid;
	bool alive;      /* as of the last stat */
	char *claim;     /* path of the first in line; NULL: nobody */
};

struct group {
	size_t first;
	size_t n;
	size_t n_left; /* not settled */
	/* Tasks ever removed from the bucket, before any of these was made. */
	uint32_t n_removed;
	bool is_counted; /* n_removed is known */
};

struct submitting {
	struct zk_job job; /* first */
	struct task *tasks; /* by bucket, once that is known */
	size_t n_tasks;
	size_t n_left;
	int *errors;
	struct group *groups; /* NULL: not run yet */
	size_t n_groups;
	size_t n_begun;
	unsigned int n_active;
};

static void begin_groups(struct submitting *submitting);

static struct group *group_of(struct submitting *submitting, size_t task)
{
	size_t i;

	for (i = 0; task >= submitting->groups[i].first +
				    submitting->groups[i].n; i++)
		;
	return &submitting->groups[i];
}

static void settle(struct submitting *submitting, size_t i, int error)
{
	struct task *task = &submitting->tasks[i];
	struct metafora_reply reply = { 0 };

	if (task->state == TASK_SETTLED)
		return;
	task->state = TASK_SETTLED;
	submitting->errors[task->position] = error;
	if (--group_of(submitting, i)->n_left == 0)
		submitting->n_active--;
	if (--submitting->n_left > 0) {
		begin_groups(submitting);
		return;
	}
	reply.errors = submitting->errors;
	reply.n_errors = submitting->n_tasks;
	mf_zk_job_reply(&submitting->job, &reply);
}

/* --- checking ------------------------------------------------------------------------ */

static void check(struct submitting *submitting, struct group *group,
		  size_t first, size_t n);

static void check_again(struct submitting *submitting, size_t i)
{
	check(submitting, group_of(submitting, i), i, 1);
}

static void on_undone(struct zk_job *job, struct zk_step *step)
{
	struct submitting *submitting = (struct submitting *)job;
	enum zk_code code = step->call.request.code;

	if (!mf_zk_step_ok(job, step, true))
		return;
	if (code == ZK_OK || step->ops[0].code == ZK_OTHER)
		settle(submitting, step->index, METAFORA_EBUSY);
	else
		check_again(submitting, step->index); /* the claim is gone */
}

static void undo(struct submitting *submitting, size_t i)
{
	struct task *task = &submitting->tasks[i];
	struct zk_step *step = mf_zk_step(&submitting->job,
					  strdup(task->path), 2, on_undone);

	if (!step)
		return;
	step->index = i;
	step->path2 = task->claim;
	task->claim = NULL;
	step->ops[0] = (struct zk_op){
		.kind = ZK_CHECK,
		.version = ZK_ANY,
		.path = step->path2,
	};
	step->ops[1] = (struct zk_op){
		.kind = ZK_DELETE,
		.version = ZK_ANY,
		.path = step->path,
	};
	mf_zk_step_write(step);
}

/* Gone already: done within a moment, or by the claim of a former life. */
static void settle_checked(struct submitting *submitting, size_t i)
{
	settle(submitting, i,
	       submitting->tasks[i].alive ? 0 : METAFORA_EUNKNOWN);
}

static void on_claim(struct zk_job *job, struct zk_step *step)
{
	struct submitting *submitting = (struct submitting *)job;
	const struct zk_request *request = &step->call.request;
	size_t i = step->index;

	if (!mf_zk_step_ok(job, step, true))
		return;
	if (request->code == ZK_NONODE)
		check_again(submitting, i);
	else if (request->stat.czxid < submitting->tasks[i].czxid)
		undo(submitting, i);
	else
		settle_checked(submitting, i);
}

/* Whose life does the claim belong to, if there is one? */
static void look_at_claim(struct submitting *submitting, size_t i)
{
	struct task *task = &submitting->tasks[i];
	struct zk_step *next;

	if (!task->claim) {
		settle_checked(submitting, i);
		return;
	}
	next = mf_zk_step(&submitting->job, strdup(task->claim), 0, on_claim);
	if (!next)
		return;
	next->index = i;
	mf_zk_step_read(next, ZK_READ_STAT, false);
}

static void on_stat(struct zk_job *job, struct zk_step *step)
{
	struct submitting *submitting = (struct submitting *)job;
	const struct zk_request *request = &step->call.request;
	struct task *task = &submitting->tasks[step->index];

	if (!mf_zk_step_ok(job, step, true))
		return;
	task->alive = request->code == ZK_OK &&
		      request->stat.czxid == task->czxid;
	look_at_claim(submitting, step->index);
}

/* Of tasks [first, first + n). */
static void stat_each(struct submitting *submitting, size_t first, size_t n)
{
	struct zk_step *step;
	size_t i;

	for (i = first; i < first + n && !submitting->job.over; i++) {
		if (submitting->tasks[i].state != TASK_CREATED)
			continue;
		step = mf_zk_step(&submitting->job,
				  strdup(submitting->tasks[i].path), 0,
				  on_stat);
		if (!step)
			return;
		step->index = i;
		mf_zk_step_read(step, ZK_READ_STAT, false);
	}
}

/*
 * If nothing at all was removed from the bucket since before the tasks were
 * made, they are there: one question in place of one for each.
 */
static void on_recount(struct zk_job *job, struct zk_step *step)
{
	struct submitting *submitting = (struct submitting *)job;
	const struct group *group = &submitting->groups[step->index];
	size_t i;

	if (!mf_zk_step_ok(job, step, false))
		return;
	if (zk_stat_n_removed(&step->call.request.stat) != group->n_removed) {
		stat_each(submitting, group->first, group->n);
		return;
	}
	for (i = group->first; i < group->first + group->n && !job->over; i++) {
		if (submitting->tasks[i].state != TASK_CREATED)
			continue;
		submitting->tasks[i].alive = true;
		look_at_claim(submitting, i);
	}
}

static void on_count(struct zk_job *job, struct zk_step *step)
{
	struct submitting *submitting = (struct submitting *)job;
	struct group *group = &submitting->groups[step->index];

	if (step->call.request.code != ZK_OK)
		return; /* the write behind it fares no better */
	group->n_removed = zk_stat_n_removed(&step->call.request.stat);
	group->is_counted = true;
}

static void count(struct submitting *submitting, const struct group *group,
		  void (*done)(struct zk_job *, struct zk_step *))
{
	struct zk_job *job = &submitting->job;
	uint32_t bucket = submitting->tasks[group->first].bucket;
	struct zk_step *step = mf_zk_step(
		job, mf_zk_path_folder(mf_zk_job_root(job), ZK_TASKS, bucket),
		0, done);

	if (!step)
		return;
	step->index = (size_t)(group - submitting->groups);
	mf_zk_step_read(step, ZK_READ_STAT, false);
}

static char *claim_path(struct zk_job *job, const struct task *task,
			const char *name)
{
	char *folder = mf_zk_path_folder(mf_zk_job_root(job), ZK_CLAIMS,
					 task->bucket);
	char *path = folder ? mf_zk_path(folder, name) : NULL;

	free(folder);
	return path;
}

/* A task of a group, and the claim that is first in its line. */
struct line {
	struct task *task;
	const char *first; /* its name; NULL: nobody */
	uint32_t lowest;
};

static int compare_lines(const void *a, const void *b)
{
	const struct line *x = a;
	const struct line *y = b;

	return strcmp(x->task->id, y->task->id);
}

/* Of the tasks that wait for this list; there are not many. */
static size_t lines_of(struct submitting *submitting, const struct group *group,
		       struct line *lines)
{
	size_t n = 0;
	size_t i;

	for (i = group->first; i < group->first + group->n; i++)
		if (submitting->tasks[i].state == TASK_CREATED)
			lines[n++] = (struct line){
				.task = &submitting->tasks[i],
				.lowest = UINT32_MAX,
			};
	qsort(lines, n, sizeof(*lines), compare_lines);
	return n;
}

/* The oldest claim of all is first. */
static void find_first(struct zk_job *job, const struct zk_request *request,
		       struct line *lines, size_t n)
{
	struct zk_claim_name name;
	struct task wanted = {.id = name.task};
	const struct line key = {.task = &wanted};
	struct line *line;
	size_t i;

	for (i = 0; i < request->n_names; i++) {
		if (!mf_zk_parse_claim(mf_zk_job_host(job), request->names[i],
				       &name))
			continue;
		line = bsearch(&key, lines, n, sizeof(*lines), compare_lines);
		if (!line || name.sequence >= line->lowest)
			continue;
		line->lowest = name.sequence;
		line->first = request->names[i];
	}
}

static void on_claims(struct zk_job *job, struct zk_step *step)
{
	struct submitting *submitting = (struct submitting *)job;
	struct line lines[GROUP_TASKS_MAX];
	size_t n, i;

	if (!mf_zk_step_ok(job, step, false))
		return;
	n = lines_of(submitting, &submitting->groups[step->index], lines);
	find_first(job, &step->call.request, lines, n);
	for (i = 0; i < n; i++) {
		struct task *task = lines[i].task;

		free(task->claim);
		task->claim = lines[i].first ?
				      claim_path(job, task, lines[i].first) :
				      NULL;
		if (lines[i].first && !task->claim) {
			mf_zk_job_fail(job, METAFORA_ENOMEM);
			return;
		}
	}
}

/* The claims first, then whether the tasks are there after that. */
static void check(struct submitting *submitting, struct group *group,
		  size_t first, size_t n)
{
	struct zk_job *job = &submitting->job;
	uint32_t bucket = submitting->tasks[first].bucket;
	struct zk_step *step;

	step = mf_zk_step(job, mf_zk_path_folder(mf_zk_job_root(job),
						 ZK_CLAIMS, bucket),
			  0, on_claims);
	if (!step)
		return;
	step->index = (size_t)(group - submitting->groups);
	mf_zk_step_read(step, ZK_READ_CHILDREN, false);
	if (group->is_counted && n > 1)
		count(submitting, group, on_recount);
	else
		stat_each(submitting, first, n);
}

/* --- creating -------------------------------------------------------------------------- */

static void create(struct submitting *submitting, struct group *group);

/* Ends each task of the group that was to be created. */
static void fail_new(struct submitting *submitting, struct group *group,
		     int error)
{
	size_t end = group->first + group->n;
	size_t i;

	for (i = group->first; i < end; i++)
		if (submitting->tasks[i].state == TASK_NEW)
			settle(submitting, i, error);
}

/* One could not be created, so none was: go on without it. */
static void drop_failed(struct submitting *submitting, struct group *group,
			const struct zk_request *request)
{
	size_t n_ops = request->n_ops;
	size_t op = 0;
	size_t i;

	while (op < n_ops && request->ops[op].code == ZK_OTHER)
		op++;
	if (op == n_ops) {
		fail_new(submitting, group, mf_zk_error(request->code));
		return;
	}
	n_ops = 0;
	for (i = group->first; i < group->first + group->n; i++)
		if (submitting->tasks[i].state == TASK_NEW && op / 2 == n_ops++)
			break;
	settle(submitting, i, mf_zk_error(request->ops[op].code));
	if (group->n_left > 0)
		create(submitting, group);
}

static void on_created(struct zk_job *job, struct zk_step *step)
{
	struct submitting *submitting = (struct submitting *)job;
	struct group *group = &submitting->groups[step->index];
	const struct zk_request *request = &step->call.request;
	size_t op = 1;
	size_t i;

	if (request->code == ZK_UNKNOWN) {
		fail_new(submitting, group, METAFORA_EUNKNOWN);
	} else if (request->code == ZK_OK) {
		for (i = group->first; i < group->first + group->n; i++) {
			struct task *task = &submitting->tasks[i];

			if (task->state != TASK_NEW)
				continue;
			task->state = TASK_CREATED;
			task->czxid = request->ops[op].stat.czxid;
			op += 2;
		}
		check(submitting, group, group->first, group->n);
	} else if (request->code == ZK_UNSENT || request->code == ZK_NONODE ||
		   request->code == ZK_NOMEM) {
		mf_zk_step_ok(job, step, false);
	} else {
		drop_failed(submitting, group, request);
	}
}

/*
 * Each task is made empty and then filled, within one write: of a creation the
 * client library does not tell the transaction, of a change it does.
 */
static void create(struct submitting *submitting, struct group *group)
{
	size_t n_ops = 0;
	struct zk_step *step;
	size_t i;

	group->is_counted = false;
	if (group->n_left > 1)
		count(submitting, group, on_count);
	/* Nothing is made for who was told that it failed. */
	if (submitting->job.over)
		return;
	step = mf_zk_step(&submitting->job, strdup(""), 2 * group->n,
			  on_created);
	if (!step)
		return;
	step->index = (size_t)(group - submitting->groups);
	for (i = group->first; i < group->first + group->n; i++) {
		const struct task *task = &submitting->tasks[i];

		if (task->state != TASK_NEW)
			continue;
		step->ops[n_ops++] = (struct zk_op){
			.kind = ZK_CREATE,
			.path = task->path,
		};
		step->ops[n_ops++] = (struct zk_op){
			.kind = ZK_SET,
			.version = 0,
			.path = task->path,
			.data = task->data,
			.size_bytes = task->size_bytes,
		};
	}
	step->call.request.n_ops = n_ops;
	mf_zk_step_write(step);
}

/* --- groups -------------------------------------------------------------------------------- */

static void begin_groups(struct submitting *submitting)
{
	while (submitting->n_active < GROUPS_ACTIVE_MAX &&
	       submitting->n_begun < submitting->n_groups &&
	       submitting->job.client->up && !submitting->job.over) {
		submitting->n_active++;
		create(submitting, &submitting->groups[submitting->n_begun++]);
	}
}

static int compare_tasks(const void *a, const void *b)
{
	const struct task *x = a;
	const struct task *y = b;

	if (x->bucket != y->bucket)
		return x->bucket < y->bucket ? -1 : 1;
	return x->position < y->position ? -1 : x->position > y->position;
}

static bool fits(const struct submitting *submitting, const struct group *group,
		 size_t n_bytes, size_t i)
{
	return group->n < GROUP_TASKS_MAX && n_bytes < GROUP_BYTES_MAX &&
	       n_bytes + submitting->tasks[i].size_bytes < GROUP_BYTES_MAX &&
	       submitting->tasks[group->first].bucket ==
		       submitting->tasks[i].bucket;
}

static void divide(struct submitting *submitting)
{
	struct group *group = NULL;
	size_t n_bytes = 0;
	size_t i;

	for (i = 0; i < submitting->n_tasks; i++) {
		if (!group || !fits(submitting, group, n_bytes, i)) {
			group = &submitting->groups[submitting->n_groups++];
			group->first = i;
			n_bytes = 0;
		}
		group->n++;
		group->n_left++;
		n_bytes += submitting->tasks[i].size_bytes +
			   2 * strlen(submitting->tasks[i].path);
	}
}

/* How the namespace is laid out is known now. */
static int lay_out(struct submitting *submitting)
{
	struct zk_job *job = &submitting->job;
	const struct metafora_host *host = mf_zk_job_host(job);
	char encoded[ZK_ENCODED_BYTES];
	size_t i;

	submitting->groups = calloc(submitting->n_tasks,
				    sizeof(*submitting->groups));
	if (!submitting->groups)
		return METAFORA_ENOMEM;
	for (i = 0; i < submitting->n_tasks; i++) {
		struct task *task = &submitting->tasks[i];

		if (host->name_encode(task->id, encoded, sizeof(encoded)))
			return METAFORA_EINVAL;
		task->bucket = mf_zk_bucket(host, task->id,
					    job->client->session.n_buckets);
		task->path = mf_zk_path_task(mf_zk_job_root(job), task->bucket,
					     encoded);
		if (!task->path)
			return METAFORA_ENOMEM;
	}
	qsort(submitting->tasks, submitting->n_tasks,
	      sizeof(*submitting->tasks), compare_tasks);
	divide(submitting);
	return 0;
}

static void resume(struct submitting *submitting, struct group *group)
{
	size_t end = group->first + group->n;
	size_t i;

	/* Another session may see an older state. */
	group->is_counted = false;
	for (i = group->first; i < end; i++)
		if (submitting->tasks[i].state == TASK_NEW) {
			create(submitting, group);
			return;
		}
	check(submitting, group, group->first, group->n);
}

static void run(struct zk_job *job)
{
	struct submitting *submitting = (struct submitting *)job;
	int error = submitting->groups ? 0 : lay_out(submitting);
	size_t i;

	if (error) {
		mf_zk_job_fail(job, error);
		return;
	}
	for (i = 0; i < submitting->n_begun && !job->over; i++)
		if (submitting->groups[i].n_left > 0)
			resume(submitting, &submitting->groups[i]);
	begin_groups(submitting);
}

static void free_submitting(struct zk_job *job)
{
	struct submitting *submitting = (struct submitting *)job;
	size_t i;

	for (i = 0; i < submitting->n_tasks; i++) {
		free(submitting->tasks[i].id);
		free(submitting->tasks[i].path);
		free(submitting->tasks[i].data);
		free(submitting->tasks[i].claim);
	}
	free(submitting->tasks);
	free(submitting->errors);
	free(submitting->groups);
	free(submitting);
}

static int copy(struct submitting *submitting,
		const struct metafora_submission *submissions, size_t n)
{
	size_t i;

	submitting->tasks = calloc(n + 1, sizeof(*submitting->tasks));
	submitting->errors = calloc(n + 1, sizeof(*submitting->errors));
	if (!submitting->tasks || !submitting->errors)
		return METAFORA_ENOMEM;
	submitting->n_left = n;
	for (i = 0; i < n; i++) {
		struct task *task = &submitting->tasks[submitting->n_tasks++];

		task->position = i;
		task->size_bytes = submissions[i].size_bytes;
		task->id = strdup(submissions[i].task);
		task->data = malloc(task->size_bytes + 1);
		if (!task->id || !task->data)
			return METAFORA_ENOMEM;
		if (task->size_bytes)
			memcpy(task->data, submissions[i].properties,
			       task->size_bytes);
	}
	return 0;
}

void mf_zk_client_submit(void *state, uint64_t request,
			 const struct metafora_submission *submissions,
			 size_t n)
{
	static const struct zk_job_ops ops = {
		.run = run,
		.free = free_submitting,
	};
	struct submitting *submitting = calloc(1, sizeof(*submitting));

	if (submitting && copy(submitting, submissions, n)) {
		free_submitting(&submitting->job);
		submitting = NULL;
	}
	mf_zk_job_start(state, submitting ? &submitting->job : NULL, &ops,
			request);
}
