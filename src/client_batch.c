/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking calls of a client that submit many tasks, or see to tasks. */
#include <metafora/error.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "clock.h"
#include "wait.h"

/* Properties that are compared at a time. */
#define COMPARED_MAX 64
/* Between two tries to see to the same tasks; doubled each time. */
#define PAUSE_MS_MIN 10
#define PAUSE_MS_MAX 1000

/* Tasks to submit, side by side with what became of each. */
struct run {
	struct metafora_client *client;
	const struct metafora_submission *tasks;
	int *errors;
	size_t n;
	uint64_t deadline_ns;
};

static void run_fail(struct run *run, size_t first, size_t n, int error)
{
	size_t i;

	for (i = first; i < first + n; i++)
		run->errors[i] = error;
}

/* --- submitting ------------------------------------------------------------ */

/* A part of the tasks that is under way, and who waits for it. */
struct part {
	struct mf_wait wait;
	struct run *run;
	size_t first;
	size_t n; /* 0: nothing is under way */
};

/* Parts are apart, so no two threads touch the same error. */
static int take_errors(const struct metafora_reply *reply, void *out)
{
	const struct part *part = out;

	if (reply->error)
		run_fail(part->run, part->first, part->n, reply->error);
	else
		memcpy(part->run->errors + part->first, reply->errors,
		       part->n * sizeof(*reply->errors));
	return 0;
}

static void finish_part(struct part *part)
{
	if (part->n)
		mf_wait_for(&part->wait);
	part->n = 0;
}

/* How many tasks from first on fit into one request; at least 1. */
static size_t part_size(const struct run *run, size_t first)
{
	size_t bytes = 0;
	size_t i;

	for (i = first; i < run->n && i - first < MF_SUBMIT_TASKS_MAX; i++) {
		bytes += strlen(run->tasks[i].task) + 1 +
			 run->tasks[i].size_bytes;
		if (bytes > MF_SUBMIT_BYTES_MAX && i > first)
			break;
	}
	return i - first;
}

/*
 * Send the tasks part by part, so many under way at a time.  When a part
 * cannot be sent, neither are those behind it.
 */
static void send_parts(struct run *run, struct part *parts)
{
	struct mf_loop *loop = &run->client->loop;
	size_t first, n;
	size_t turn = 0;
	int error;

	for (first = 0; first < run->n; first += n) {
		struct part *part = &parts[turn++ % MF_SUBMIT_WINDOW];

		finish_part(part);
		n = part_size(run, first);
		part->first = first;
		part->n = n;
		error = METAFORA_ETIMEDOUT;
		if (mf_loop_now_ns(loop) < run->deadline_ns)
			error = mf_client_submit_tasks(
				run->client, run->tasks + first, n,
				run->deadline_ns, mf_wait_answer, &part->wait);
		if (error) {
			part->n = 0;
			run_fail(run, first, run->n - first, error);
			break;
		}
	}
}

/* 0, or METAFORA_ESYS: nothing was done. */
static int submit(struct run *run)
{
	struct part parts[MF_SUBMIT_WINDOW];
	size_t n_parts;
	size_t i;
	int error = 0;

	for (n_parts = 0; n_parts < MF_SUBMIT_WINDOW; n_parts++) {
		struct part *part = &parts[n_parts];

		part->run = run;
		part->n = 0;
		error = mf_wait_init(&part->wait, take_errors, part);
		if (error)
			goto out;
	}
	run_fail(run, 0, run->n, METAFORA_ESTATE);
	send_parts(run, parts);
	for (i = 0; i < n_parts; i++)
		finish_part(&parts[i]);
out:
	for (i = 0; i < n_parts; i++)
		mf_wait_fini(&parts[i].wait);
	return error;
}

/* --- comparing with what is there already ------------------------------------ */

/* Readings that are under way: each holds a place. */
struct comparing {
	struct run *run;
	sem_t places;
};

struct comparison {
	struct comparing *all;
	size_t i;
};

static int compare(const struct metafora_submission *task,
		   const struct metafora_reply *reply)
{
	/* It was there, and has gone meanwhile. */
	if (reply->error == METAFORA_ENOENT)
		return METAFORA_EUNKNOWN;
	if (reply->error)
		return reply->error;
	if (reply->size_bytes != task->size_bytes)
		return METAFORA_EEXIST;
	if (task->size_bytes &&
	    memcmp(reply->data, task->properties, task->size_bytes))
		return METAFORA_EEXIST;
	return 0;
}

/* On the client's thread; each touches an error of its own. */
static void on_properties(void *arg, const struct metafora_reply *reply)
{
	struct comparison *comparison = arg;
	struct comparing *all = comparison->all;
	struct run *run = all->run;

	run->errors[comparison->i] =
		compare(&run->tasks[comparison->i], reply);
	free(comparison);
	sem_post(&all->places);
}

/* 0: the error of the task will be set. */
static int begin_comparison(struct comparing *all, size_t i)
{
	struct run *run = all->run;
	uint64_t now_ns = mf_loop_now_ns(&run->client->loop);
	struct comparison *comparison;
	int64_t left_ms;
	int error;

	if (now_ns + MF_NS_PER_MS > run->deadline_ns)
		return METAFORA_ETIMEDOUT;
	left_ms = (int64_t)((run->deadline_ns - now_ns) / MF_NS_PER_MS);
	comparison = malloc(sizeof(*comparison));
	if (!comparison)
		return METAFORA_ENOMEM;
	comparison->all = all;
	comparison->i = i;
	error = mf_client_get(run->client, run->tasks[i].task, left_ms,
			      on_properties, comparison);
	if (error)
		free(comparison);
	return error;
}

/* Of each task that exists: whether it is the same one. */
static int compare_existing(struct run *run)
{
	struct comparing all = {.run = run};
	size_t i;
	int error;

	if (sem_init(&all.places, 0, COMPARED_MAX))
		return METAFORA_ESYS;
	for (i = 0; i < run->n; i++) {
		/*
		 * Those that are under way change their own errors only, and
		 * each was passed when its reading was begun.
		 */
		if (run->errors[i] != METAFORA_EEXIST)
			continue;
		mf_wait_sem(&all.places);
		error = begin_comparison(&all, i);
		if (error) {
			run->errors[i] = error;
			sem_post(&all.places);
		}
	}
	for (i = 0; i < COMPARED_MAX; i++)
		mf_wait_sem(&all.places);
	sem_destroy(&all.places);
	return 0;
}

/* --- seeing to it -------------------------------------------------------------- */

/* Another try may do it. */
static bool is_open(int error)
{
	return metafora_error_is_unknown_outcome(error) ||
	       error == METAFORA_EDISCONNECTED || error == METAFORA_EBUSY;
}

static int ensure_once(struct run *run)
{
	int error = submit(run);

	return error ? error : compare_existing(run);
}

/* Try those once more of which nothing is known for sure. */
static int ensure_open(struct run *run, size_t n_open)
{
	struct metafora_submission *tasks = malloc(n_open * sizeof(*tasks));
	int *errors = malloc(n_open * sizeof(*errors));
	struct run part = *run;
	int error = METAFORA_ENOMEM;
	size_t i;

	if (!tasks || !errors)
		goto out;
	part.tasks = tasks;
	part.errors = errors;
	part.n = 0;
	for (i = 0; i < run->n; i++)
		if (is_open(run->errors[i]))
			tasks[part.n++] = run->tasks[i];
	error = ensure_once(&part);
	if (error)
		goto out;
	/* The same tasks are met, in the same order. */
	part.n = 0;
	for (i = 0; i < run->n; i++)
		if (is_open(run->errors[i]))
			run->errors[i] = errors[part.n++];
out:
	free(tasks);
	free(errors);
	return error;
}

static size_t count_open(const struct run *run)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < run->n; i++)
		n += is_open(run->errors[i]);
	return n;
}

/* False: there is no time left, or the client is being closed. */
static bool rest(const struct run *run, int64_t pause_ms)
{
	uint64_t now_ns = mf_loop_now_ns(&run->client->loop);

	if (now_ns + (uint64_t)pause_ms * MF_NS_PER_MS >= run->deadline_ns)
		return false;
	return mf_gate_wait(&run->client->refuses, pause_ms) ==
	       METAFORA_ETIMEDOUT;
}

static int ensure(struct run *run)
{
	int64_t pause_ms = PAUSE_MS_MIN;
	size_t n_open;
	int error = ensure_once(run);

	if (error)
		return error;
	while ((n_open = count_open(run)) && rest(run, pause_ms)) {
		pause_ms = pause_ms * 2 < PAUSE_MS_MAX ? pause_ms * 2
						       : PAUSE_MS_MAX;
		/* What is known so far stands in any case. */
		if (ensure_open(run, n_open))
			break;
	}
	return 0;
}

/* --- the calls ------------------------------------------------------------------- */

static int first_error(const struct run *run)
{
	size_t i;

	for (i = 0; i < run->n; i++)
		if (run->errors[i])
			return run->errors[i];
	return 0;
}

/* do_it fails if nothing could be done at all. */
static int call(struct run *run, int64_t timeout_ms,
		int (*do_it)(struct run *run))
{
	int error = mf_client_enter(run->client);

	if (error)
		return error;
	run->deadline_ns = mf_clock_add_ms(mf_loop_now_ns(&run->client->loop),
					   timeout_ms);
	error = do_it(run);
	if (!error)
		error = first_error(run);
	mf_client_leave(run->client);
	return error;
}

static int call_batch(struct metafora_client *client,
		      struct metafora_batch *batch, int64_t timeout_ms,
		      int (*do_it)(struct run *run))
{
	struct run run = {.client = client};

	if (!client || !batch || timeout_ms <= 0)
		return METAFORA_EINVAL;
	run.tasks = batch->tasks;
	run.errors = batch->errors;
	run.n = batch->n;
	return call(&run, timeout_ms, do_it);
}

int metafora_client_submit_batch(struct metafora_client *client,
				 struct metafora_batch *batch,
				 int64_t timeout_ms)
{
	return call_batch(client, batch, timeout_ms, submit);
}

int metafora_client_ensure_batch(struct metafora_client *client,
				 struct metafora_batch *batch,
				 int64_t timeout_ms)
{
	return call_batch(client, batch, timeout_ms, ensure);
}

int metafora_client_ensure(struct metafora_client *client, const char *id,
			   const void *properties, size_t size_bytes,
			   int64_t timeout_ms)
{
	const struct metafora_submission task = {
		.task = id,
		.properties = properties,
		.size_bytes = size_bytes,
	};
	int task_error = METAFORA_ESTATE;
	struct run run = {
		.client = client,
		.tasks = &task,
		.errors = &task_error,
		.n = 1,
	};
	int error;

	if (!client || timeout_ms <= 0 || !id)
		return METAFORA_EINVAL;
	error = mf_submission_check(id, strnlen(id, METAFORA_TASK_ID_MAX + 1),
				    properties, size_bytes);
	if (error)
		return error;
	return call(&run, timeout_ms, ensure);
}
