/* SPDX-License-Identifier: Apache-2.0 */
/* Lists tasks with their owners, and since when if that is asked for. */
#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#include "client.h"
#include "client_rows.h"

/* Claims that are read at a time, for details. */
#define CLAIMS_READ_MAX 256

struct listing {
	struct zk_job job; /* first */
	char *prefix;
	char *after;
	size_t limit;
	bool details;
	bool more;
	unsigned int n_left;  /* folders that are not read yet */
	struct zk_rows tasks;
	struct zk_rows claims;
	size_t n_looked;      /* rows whose claims were, or are being read */
	unsigned int n_reading;
};

static void reply_rows(struct listing *listing)
{
	struct metafora_task_row *rows = mf_zk_rows_facts(&listing->tasks);
	const struct metafora_reply reply = {
		.tasks = rows,
		.n_tasks = listing->tasks.n,
		.more = listing->more,
	};

	if (rows)
		mf_zk_job_reply(&listing->job, &reply);
	else
		mf_zk_job_fail(&listing->job, METAFORA_ENOMEM);
	free(rows);
}

/* --- details ---------------------------------------------------------------------- */

static void read_claims(struct listing *listing);

static void on_claim(struct zk_job *job, struct zk_step *step)
{
	struct listing *listing = (struct listing *)job;
	const struct zk_request *request = &step->call.request;

	listing->n_reading--;
	if (!mf_zk_step_ok(job, step, true))
		return;
	/* One that has gone meanwhile stays without. */
	if (request->code == ZK_OK)
		listing->tasks.rows[step->index].since_ms =
			request->stat.ctime_ms;
	read_claims(listing);
}

static char *claim_path(const struct zk_job *job, const struct zk_row *row)
{
	const struct metafora_host *host = mf_zk_job_host(job);
	char task[ZK_ENCODED_BYTES];
	char node[3 * METAFORA_NODE_NAME_MAX + 1];

	if (host->name_encode(row->task, task, sizeof(task)) ||
	    host->name_encode(row->node, node, sizeof(node)))
		return NULL;
	return mf_zk_path_claim(mf_zk_job_root(job),
				mf_zk_bucket(host, row->task,
					     job->client->session.n_buckets),
				task, node, (uint32_t)row->token);
}

/* Read on, or reply when the last one was read. */
static void read_claims(struct listing *listing)
{
	struct zk_job *job = &listing->job;
	struct zk_step *step;

	while (listing->n_looked < listing->tasks.n &&
	       listing->n_reading < CLAIMS_READ_MAX) {
		size_t i = listing->n_looked++;
		const struct zk_row *row = &listing->tasks.rows[i];

		if (!row->node)
			continue;
		step = mf_zk_step(job, claim_path(job, row), 0, on_claim);
		if (!step)
			return;
		step->index = i;
		listing->n_reading++;
		mf_zk_step_read(step, ZK_READ_STAT, false);
	}
	if (!listing->n_reading && !job->broken)
		reply_rows(listing);
}

/* --- names ------------------------------------------------------------------------- */

static void folder_done(struct listing *listing)
{
	if (--listing->n_left > 0)
		return;
	listing->more = mf_zk_rows_match(&listing->tasks, &listing->claims,
					 listing->limit);
	if (listing->details)
		read_claims(listing);
	else
		reply_rows(listing);
}

static void on_tasks(struct zk_job *job, struct zk_step *step)
{
	struct listing *listing = (struct listing *)job;

	if (!mf_zk_step_ok(job, step, false))
		return;
	if (mf_zk_rows_add_tasks(job, &listing->tasks, &step->call.request,
				 listing->prefix, listing->after))
		mf_zk_job_fail(job, METAFORA_ENOMEM);
	else
		folder_done(listing);
}

static void on_claims(struct zk_job *job, struct zk_step *step)
{
	struct listing *listing = (struct listing *)job;

	if (!mf_zk_step_ok(job, step, false))
		return;
	if (mf_zk_rows_add_claims(job, &listing->claims, &step->call.request))
		mf_zk_job_fail(job, METAFORA_ENOMEM);
	else
		folder_done(listing);
}

/* --- the job ------------------------------------------------------------------------- */

static void run(struct zk_job *job)
{
	struct listing *listing = (struct listing *)job;

	mf_zk_rows_clear(&listing->tasks);
	mf_zk_rows_clear(&listing->claims);
	listing->more = false;
	listing->n_looked = 0;
	listing->n_reading = 0;
	listing->n_left = 2 * job->client->session.n_buckets;
	if (mf_zk_step_sync(job))
		return;
	if (mf_zk_read_folders(job, ZK_TASKS, on_tasks) == 0)
		mf_zk_read_folders(job, ZK_CLAIMS, on_claims);
}

static void free_listing(struct zk_job *job)
{
	struct listing *listing = (struct listing *)job;

	mf_zk_rows_clear(&listing->tasks);
	mf_zk_rows_clear(&listing->claims);
	free(listing->prefix);
	free(listing->after);
	free(listing);
}

static void start(struct zk_client *client, uint64_t request,
		  const char *prefix, const char *after, size_t limit,
		  bool details)
{
	static const struct zk_job_ops ops = {
		.run = run,
		.free = free_listing,
	};
	struct listing *listing = calloc(1, sizeof(*listing));

	if (listing) {
		listing->prefix = strdup(prefix);
		listing->after = strdup(after);
		listing->limit = limit;
		listing->details = details;
		if (!listing->prefix || !listing->after) {
			free_listing(&listing->job);
			listing = NULL;
		}
	}
	mf_zk_job_start(client, listing ? &listing->job : NULL, &ops, request);
}

void mf_zk_client_list(void *state, uint64_t request, const char *prefix,
		       const char *after, size_t limit)
{
	start(state, request, prefix, after, limit, false);
}

void mf_zk_client_list_details(void *state, uint64_t request,
			       const char *prefix, const char *after,
			       size_t limit)
{
	start(state, request, prefix, after, limit, true);
}
