/* SPDX-License-Identifier: Apache-2.0 */
/* Watches the cluster: re-reads what a watch says has changed, and tells it. */
#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#include "client.h"
#include "client_rows.h"
#include "pace.h"

/* Both folders of it are read together. */
struct bucket {
	struct zk_rows tasks;
	struct zk_rows claims;
	unsigned int n_left; /* folders being read */
	bool dirty;          /* to be read (again) */
};

struct watching {
	struct zk_job job; /* first */
	struct metafora_timer *timer;
	bool waiting; /* the timer is set */
	struct zk_pace pace;
	struct bucket *buckets;
	uint32_t n_buckets;
	struct zk_roster roster;
	bool dirty;          /* members are to be read (again) */
};

static void changed(struct watching *watching);

/* --- tasks ------------------------------------------------------------------------- */

static void bucket_done(struct watching *watching, uint32_t number)
{
	struct bucket *bucket = &watching->buckets[number];
	struct zk_client *client = watching->job.client;
	struct metafora_task_row *rows;

	if (--bucket->n_left > 0 || client->closing)
		return;
	mf_zk_rows_match(&bucket->tasks, &bucket->claims, 0);
	rows = mf_zk_rows_facts(&bucket->tasks);
	if (rows)
		client->sink->watch_tasks(client->session.host, number, rows,
					  bucket->tasks.n);
	else
		mf_zk_job_fail(&watching->job, METAFORA_ENOMEM);
	free(rows);
	mf_zk_rows_clear(&bucket->tasks);
	if (bucket->dirty)
		changed(watching);
}

static void on_tasks(struct zk_job *job, struct zk_step *step)
{
	struct watching *watching = (struct watching *)job;
	struct bucket *bucket = &watching->buckets[step->index];

	if (!mf_zk_step_ok(job, step, false))
		return;
	if (mf_zk_rows_add_tasks(job, &bucket->tasks, &step->call.request, "",
				 ""))
		mf_zk_job_fail(job, METAFORA_ENOMEM);
	else
		bucket_done(watching, (uint32_t)step->index);
}

static void on_claims(struct zk_job *job, struct zk_step *step)
{
	struct watching *watching = (struct watching *)job;
	struct bucket *bucket = &watching->buckets[step->index];

	if (!mf_zk_step_ok(job, step, false))
		return;
	if (mf_zk_rows_add_claims(job, &bucket->claims, &step->call.request))
		mf_zk_job_fail(job, METAFORA_ENOMEM);
	else
		bucket_done(watching, (uint32_t)step->index);
}

static int read_folder(struct watching *watching, enum zk_folder_kind kind,
		       uint32_t number,
		       void (*done)(struct zk_job *, struct zk_step *))
{
	struct zk_job *job = &watching->job;
	struct zk_step *step = mf_zk_step(
		job, mf_zk_path_folder(mf_zk_job_root(job), kind, number), 0,
		done);

	if (!step)
		return METAFORA_ENOMEM;
	step->index = number;
	watching->buckets[number].n_left++;
	mf_zk_step_read(step, ZK_READ_CHILDREN, true);
	return 0;
}

static int read_bucket(struct watching *watching, uint32_t number)
{
	struct bucket *bucket = &watching->buckets[number];

	bucket->dirty = false;
	mf_zk_rows_clear(&bucket->tasks);
	mf_zk_rows_clear(&bucket->claims);
	if (read_folder(watching, ZK_TASKS, number, on_tasks))
		return METAFORA_ENOMEM;
	return read_folder(watching, ZK_CLAIMS, number, on_claims);
}

/* --- members ------------------------------------------------------------------------ */

static void on_roster(struct zk_job *job)
{
	struct watching *watching = (struct watching *)job;
	struct zk_client *client = job->client;

	if (client->closing)
		return;
	client->sink->watch_members(client->session.host, watching->roster.rows,
				    watching->roster.n);
	mf_zk_roster_clear(&watching->roster);
	if (watching->dirty)
		changed(watching);
}

static void read_members(struct watching *watching)
{
	watching->dirty = false;
	mf_zk_roster_read(&watching->job, &watching->roster, true, on_roster);
}

/* --- when ------------------------------------------------------------------------------ */

static uint64_t now_ns(const struct watching *watching)
{
	const struct metafora_host *host = mf_zk_job_host(&watching->job);

	return host->now_ns(host);
}

/* What is being read is read again after that. */
static void read_dirty(struct watching *watching)
{
	uint32_t i;

	watching->pace.read_ns = now_ns(watching);
	if (watching->dirty && !watching->roster.n_left)
		read_members(watching);
	for (i = 0; i < watching->n_buckets && !watching->job.over; i++)
		if (watching->buckets[i].dirty &&
		    !watching->buckets[i].n_left && read_bucket(watching, i))
			return;
}

static void on_timer(void *arg)
{
	struct watching *watching = arg;
	const struct zk_job *job = &watching->job;

	watching->waiting = false;
	if (!job->over && !job->broken && job->client->up)
		read_dirty(watching);
}

static void changed(struct watching *watching)
{
	const struct metafora_host *host = mf_zk_job_host(&watching->job);
	uint64_t now = now_ns(watching);
	uint64_t delay_ns;

	if (watching->waiting || watching->job.over || watching->job.broken)
		return;
	delay_ns = mf_zk_pace(&watching->pace, now, 1, true);
	if (!delay_ns) {
		read_dirty(watching);
		return;
	}
	watching->waiting = true;
	host->timer_set(host, watching->timer, now + delay_ns);
}

static void on_event(struct zk_job *job, const struct zk_event *event)
{
	struct watching *watching = (struct watching *)job;
	const char *root = mf_zk_job_root(job);
	const size_t n_root = strlen(root);
	const char *path = event->path + n_root;
	enum zk_folder_kind kind;
	uint32_t number;

	if (strlen(event->path) <= n_root)
		return;
	if (strncmp(path, "/nodes", 6) == 0)
		watching->dirty = true;
	else if (mf_zk_parse_folder(root, event->path, watching->n_buckets,
				    &kind, &number))
		watching->buckets[number].dirty = true;
	else
		return;
	changed(watching);
}

/* --- the job ------------------------------------------------------------------------------ */

static void clear(struct watching *watching)
{
	uint32_t i;

	for (i = 0; i < watching->n_buckets; i++) {
		mf_zk_rows_clear(&watching->buckets[i].tasks);
		mf_zk_rows_clear(&watching->buckets[i].claims);
	}
	free(watching->buckets);
	watching->buckets = NULL;
	watching->n_buckets = 0;
	mf_zk_roster_clear(&watching->roster);
}

/* Everything is read: first, or after something may have been missed. */
static void run(struct zk_job *job)
{
	struct watching *watching = (struct watching *)job;
	const struct metafora_host *host = mf_zk_job_host(job);
	const uint32_t n_buckets = job->client->session.n_buckets;
	uint32_t i;

	clear(watching);
	if (!watching->timer &&
	    host->timer_new(host, on_timer, watching, &watching->timer)) {
		mf_zk_job_fail(job, METAFORA_ENOMEM);
		return;
	}
	watching->buckets = calloc(n_buckets, sizeof(*watching->buckets));
	if (!watching->buckets) {
		mf_zk_job_fail(job, METAFORA_ENOMEM);
		return;
	}
	watching->n_buckets = n_buckets;
	for (i = 0; i < n_buckets; i++)
		watching->buckets[i].dirty = true;
	watching->dirty = true;
	job->client->sink->watch_link(host, true, n_buckets);
	if (!job->over)
		read_dirty(watching);
}

static void on_down(struct zk_job *job)
{
	job->client->sink->watch_link(mf_zk_job_host(job), false, 0);
}

static void free_watching(struct zk_job *job)
{
	struct watching *watching = (struct watching *)job;

	clear(watching);
	if (watching->timer)
		mf_zk_job_host(job)->timer_free(mf_zk_job_host(job),
						watching->timer);
	free(watching);
}

void mf_zk_client_watch(void *state, uint64_t request)
{
	static const struct zk_job_ops ops = {
		.run = run,
		.event = on_event,
		.down = on_down,
		.free = free_watching,
	};
	struct watching *watching = calloc(1, sizeof(*watching));

	mf_zk_job_start(state, watching ? &watching->job : NULL, &ops, request);
}
