/* SPDX-License-Identifier: Apache-2.0 */
/* Reads all there is to know about one task: its line, itself, the owner. */
#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#include "client.h"

struct waiter {
	uint32_t sequence;
	char node[METAFORA_NODE_NAME_MAX + 1];
};

struct describing {
	struct zk_job job; /* first */
	struct waiter *line; /* all claims, the owner's first */
	size_t n_line;
	char *claim;         /* path of the owner's; NULL: nobody owns it */
	void *properties;
	size_t size_bytes;
	int64_t submitted_ms;
	bool found;
	uint32_t bucket;
	char task[METAFORA_TASK_ID_MAX + 1];
};

static void forget(struct describing *describing)
{
	free(describing->line);
	free(describing->claim);
	free(describing->properties);
	describing->line = NULL;
	describing->n_line = 0;
	describing->claim = NULL;
	describing->properties = NULL;
	describing->found = false;
}

static void reply(struct describing *describing, int64_t since_ms)
{
	const size_t n = describing->n_line;
	const uint64_t epoch =
		(uint64_t)describing->job.client->session.epoch << 32;
	const struct metafora_task_row row = {
		.task = describing->task,
		.owner = n ? describing->line[0].node : NULL,
		.token = n ? epoch | describing->line[0].sequence : 0,
		.since_ms = since_ms,
	};
	struct metafora_reply reply = {
		.tasks = &row,
		.n_tasks = 1,
		.data = describing->properties,
		.size_bytes = describing->size_bytes,
		.submitted_ms = describing->submitted_ms,
		.n_waiters = n ? n - 1 : 0,
	};
	const char **waiters = calloc(n + 1, sizeof(*waiters));
	size_t i;

	if (!waiters) {
		mf_zk_job_fail(&describing->job, METAFORA_ENOMEM);
		return;
	}
	for (i = 1; i < n; i++)
		waiters[i - 1] = describing->line[i].node;
	reply.waiters = waiters;
	mf_zk_job_reply(&describing->job, &reply);
	free(waiters);
}

static void on_owner(struct zk_job *job, struct zk_step *step)
{
	struct describing *describing = (struct describing *)job;
	const struct zk_request *request = &step->call.request;

	if (!mf_zk_step_ok(job, step, true))
		return;
	if (request->code == ZK_NONODE)
		job->broken = true; /* another owns it by now: look again */
	else
		reply(describing, request->stat.ctime_ms);
}

static void on_task(struct zk_job *job, struct zk_step *step)
{
	struct describing *describing = (struct describing *)job;
	const struct zk_request *request = &step->call.request;
	struct zk_step *next;

	/* The line comes first: without it there is nothing to say yet. */
	if (!mf_zk_step_ok(job, step, true) || !describing->found)
		return;
	if (request->code == ZK_NONODE) {
		mf_zk_job_fail(job, METAFORA_ENOENT);
		return;
	}
	describing->submitted_ms = request->stat.ctime_ms;
	describing->size_bytes = request->size_bytes;
	if (request->size_bytes) {
		describing->properties = malloc(request->size_bytes);
		if (!describing->properties) {
			mf_zk_job_fail(job, METAFORA_ENOMEM);
			return;
		}
		memcpy(describing->properties, request->data,
		       request->size_bytes);
	}
	if (!describing->claim) {
		reply(describing, 0);
		return;
	}
	next = mf_zk_step(job, strdup(describing->claim), 0, on_owner);
	if (next)
		mf_zk_step_read(next, ZK_READ_STAT, false);
}

static int compare_waiters(const void *a, const void *b)
{
	const struct waiter *x = a;
	const struct waiter *y = b;

	return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

static int add_waiter(struct describing *describing,
		      const struct zk_claim_name *name)
{
	struct waiter *line = realloc(describing->line,
				      (describing->n_line + 1) * sizeof(*line));

	if (!line)
		return METAFORA_ENOMEM;
	describing->line = line;
	line += describing->n_line++;
	line->sequence = name->sequence;
	strcpy(line->node, name->node);
	return 0;
}

/* The path of the first claim in line. */
static char *owner_path(const struct describing *describing)
{
	const struct zk_job *job = &describing->job;
	const struct metafora_host *host = mf_zk_job_host(job);
	char task[ZK_ENCODED_BYTES];
	char node[3 * METAFORA_NODE_NAME_MAX + 1];

	if (host->name_encode(describing->task, task, sizeof(task)) ||
	    host->name_encode(describing->line[0].node, node, sizeof(node)))
		return NULL;
	return mf_zk_path_claim(mf_zk_job_root(job), describing->bucket, task,
				node, describing->line[0].sequence);
}

static void on_claims(struct zk_job *job, struct zk_step *step)
{
	struct describing *describing = (struct describing *)job;
	const struct zk_request *request = &step->call.request;
	struct zk_claim_name name;
	size_t i;

	if (!mf_zk_step_ok(job, step, false))
		return;
	for (i = 0; i < request->n_names; i++)
		if (mf_zk_parse_claim(mf_zk_job_host(job), request->names[i],
				      &name) &&
		    strcmp(name.task, describing->task) == 0 &&
		    add_waiter(describing, &name))
			goto no_memory;
	if (describing->n_line) {
		qsort(describing->line, describing->n_line,
		      sizeof(*describing->line), compare_waiters);
		describing->claim = owner_path(describing);
		if (!describing->claim)
			goto no_memory;
	}
	describing->found = true;
	return;
no_memory:
	mf_zk_job_fail(job, METAFORA_ENOMEM);
}

static void run(struct zk_job *job)
{
	struct describing *describing = (struct describing *)job;
	const struct metafora_host *host = mf_zk_job_host(job);
	char encoded[ZK_ENCODED_BYTES];
	struct zk_step *step;

	forget(describing);
	if (host->name_encode(describing->task, encoded, sizeof(encoded))) {
		mf_zk_job_fail(job, METAFORA_EINVAL);
		return;
	}
	describing->bucket = mf_zk_bucket(host, describing->task,
					  job->client->session.n_buckets);
	if (mf_zk_step_sync(job))
		return;
	step = mf_zk_step(job, mf_zk_path_folder(mf_zk_job_root(job), ZK_CLAIMS,
						 describing->bucket),
			  0, on_claims);
	if (!step)
		return;
	mf_zk_step_read(step, ZK_READ_CHILDREN, false);
	step = mf_zk_step(job, mf_zk_path_task(mf_zk_job_root(job),
					       describing->bucket, encoded),
			  0, on_task);
	if (step)
		mf_zk_step_read(step, ZK_READ_DATA, false);
}

static void free_describing(struct zk_job *job)
{
	forget((struct describing *)job);
	free(job);
}

void mf_zk_client_describe(void *state, uint64_t request, const char *task)
{
	static const struct zk_job_ops ops = {
		.run = run,
		.free = free_describing,
	};
	struct describing *describing = calloc(1, sizeof(*describing));

	if (describing)
		strncpy(describing->task, task, METAFORA_TASK_ID_MAX);
	mf_zk_job_start(state, describing ? &describing->job : NULL, &ops,
			request);
}
