/* SPDX-License-Identifier: Apache-2.0 */
/* The client side: its session, and how jobs are carried through it. */
#include "client.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

/* --- jobs --------------------------------------------------------------------------- */

static void free_job(struct zk_job *job)
{
	TAILQ_REMOVE(&job->client->jobs, job, link);
	job->ops->free(job);
}

/* Nothing of it is under way any more: it goes, runs again, or waits. */
static void settle(struct zk_job *job)
{
	if (job->n_steps > 0 || job->posted)
		return;
	if (!job->over && job->broken && job->client->up) {
		job->broken = false;
		job->ops->run(job);
	}
	/* It may have been answered without any step. */
	if (job->over && job->n_steps == 0 && !job->posted)
		free_job(job);
}

void mf_zk_job_reply(struct zk_job *job, const struct metafora_reply *reply)
{
	struct zk_client *client = job->client;

	if (job->over)
		return;
	job->over = true;
	if (!client->closing)
		client->sink->reply(client->session.host, job->request, reply);
}

void mf_zk_job_fail(struct zk_job *job, int error)
{
	const struct metafora_reply reply = { .error = error };

	mf_zk_job_reply(job, &reply);
}

static void begin(struct metafora_post *post, bool dropped)
{
	struct zk_job *job = (struct zk_job *)(uintptr_t)(
		(char *)post - offsetof(struct zk_job, post));
	struct zk_client *client = job->client;

	job->posted = false;
	if (dropped)
		return; /* free finds it in the list */
	if (!job->over && client->error)
		mf_zk_job_fail(job, client->error);
	job->broken = true;
	settle(job);
}

static void tell_unserved(struct metafora_post *post, bool dropped)
{
	struct zk_client *client = (struct zk_client *)(uintptr_t)(
		(char *)post - offsetof(struct zk_client, unserved_post));
	const struct metafora_reply reply = { .error = METAFORA_ENOMEM };

	client->unserved_posted = false;
	while (!dropped && client->n_unserved > 0)
		client->sink->reply(client->session.host,
				    client->unserved[--client->n_unserved],
				    &reply);
}

/* Beyond a few, core finds out by its timeout. */
static void leave_unserved(struct zk_client *client, uint64_t request)
{
	size_t max = sizeof(client->unserved) / sizeof(client->unserved[0]);

	if (client->n_unserved < max)
		client->unserved[client->n_unserved++] = request;
	if (client->unserved_posted)
		return;
	client->unserved_posted = true;
	client->unserved_post.deliver = tell_unserved;
	client->session.host->post(client->session.host,
				   &client->unserved_post);
}

static void post_begin(struct zk_job *job)
{
	if (job->posted)
		return;
	job->posted = true;
	job->post.deliver = begin;
	job->client->session.host->post(job->client->session.host, &job->post);
}

void mf_zk_job_wake(struct zk_job *job)
{
	post_begin(job);
}

void mf_zk_job_start(struct zk_client *client, struct zk_job *job,
		     const struct zk_job_ops *ops, uint64_t request)
{
	if (!job) {
		leave_unserved(client, request);
		return;
	}
	job->ops = ops;
	job->client = client;
	job->request = request;
	TAILQ_INSERT_TAIL(&client->jobs, job, link);
	post_begin(job);
}

/* --- steps ---------------------------------------------------------------------------- */

static void free_step(struct zk_step *step)
{
	free(step->path);
	free(step->path2);
	free(step->ops);
	free(step);
}

static void on_step(struct zk_call *call)
{
	struct zk_step *step = (struct zk_step *)call;
	struct zk_job *job = step->job;
	enum zk_code *code = &call->request.code;

	job->n_steps--;
	/* A session that is over has answered nothing. */
	if (call->stale)
		*code = ZK_UNKNOWN;
	if (*code == ZK_UNKNOWN || *code == ZK_UNSENT)
		job->broken = true;
	if (!job->over && step->done)
		step->done(job, step);
	free_step(step);
	settle(job);
}

struct zk_step *mf_zk_step(struct zk_job *job, char *path, size_t n_ops,
			   void (*done)(struct zk_job *, struct zk_step *))
{
	struct zk_step *step = path ? calloc(1, sizeof(*step)) : NULL;

	if (step && n_ops) {
		step->ops = calloc(n_ops, sizeof(*step->ops));
		if (!step->ops) {
			free(step);
			step = NULL;
		}
	}
	if (!step) {
		free(path);
		mf_zk_job_fail(job, METAFORA_ENOMEM);
		return NULL;
	}
	step->path = path;
	step->job = job;
	step->done = done;
	step->call.request.ops = step->ops;
	step->call.request.n_ops = n_ops;
	return step;
}

static void send(struct zk_step *step)
{
	step->job->n_steps++;
	step->call.done = on_step;
	mf_zk_session_send(&step->job->client->session, &step->call);
}

void mf_zk_step_read(struct zk_step *step, enum zk_request_kind kind,
		     bool watch)
{
	step->call.request.kind = kind;
	step->call.request.watch = watch;
	step->call.request.path = step->path;
	send(step);
}

void mf_zk_step_write(struct zk_step *step)
{
	step->call.request.kind = ZK_WRITE;
	send(step);
}

/* An answer that is missing breaks the job; that is all that counts. */
static void on_synced(struct zk_job *job, struct zk_step *step)
{
	mf_zk_step_ok(job, step, true);
}

int mf_zk_step_sync(struct zk_job *job)
{
	struct zk_step *step = mf_zk_step(job, strdup(mf_zk_job_root(job)), 0,
					  on_synced);

	if (!step)
		return METAFORA_ENOMEM;
	mf_zk_step_read(step, ZK_SYNC, false);
	return 0;
}

void mf_zk_job_sweep(struct zk_job *job, const char *path)
{
	struct zk_step *step = mf_zk_step(job, strdup(path), 1, NULL);

	if (!step)
		return;
	step->ops[0] = (struct zk_op){
		.kind = ZK_DELETE,
		.version = ZK_ANY,
		.path = step->path,
	};
	mf_zk_step_write(step);
}

bool mf_zk_step_ok(struct zk_job *job, struct zk_step *step, bool none_ok)
{
	enum zk_code code = step->call.request.code;

	if (code == ZK_OK || (code == ZK_NONODE && none_ok))
		return true;
	if (code == ZK_UNKNOWN || code == ZK_UNSENT)
		return false;
	if (code == ZK_NONODE) {
		/* A folder is missing: look at the namespace anew. */
		job->broken = true;
		mf_zk_session_give_up(&job->client->session, 0);
		return false;
	}
	mf_zk_job_fail(job, mf_zk_error(code));
	return false;
}

/* --- the session ----------------------------------------------------------------------- */

static struct zk_client *client_of(struct zk_session *session)
{
	return (struct zk_client *)session;
}

/* Calls fn for each job that was there when it began. */
static void each(struct zk_client *client,
		 void (*fn)(struct zk_job *job, const void *arg),
		 const void *arg)
{
	struct zk_job *last = TAILQ_LAST(&client->jobs, zk_jobs);
	struct zk_job *job = TAILQ_FIRST(&client->jobs);

	while (job) {
		struct zk_job *next = job == last ? NULL :
						    TAILQ_NEXT(job, link);

		fn(job, arg);
		job = next;
	}
}

static void run_again(struct zk_job *job, const void *arg)
{
	(void)arg;
	/* One that waits for an event may have missed it. */
	job->broken = true;
	settle(job);
}

static void on_up(struct zk_session *session, bool fresh)
{
	struct zk_client *client = client_of(session);

	(void)fresh;
	client->up = true;
	each(client, run_again, NULL);
}

static void tell_down(struct zk_job *job, const void *arg)
{
	(void)arg;
	if (!job->over && job->ops->down)
		job->ops->down(job);
}

static void on_down(struct zk_session *session)
{
	struct zk_client *client = client_of(session);

	client->up = false;
	if (!client->closing)
		each(client, tell_down, NULL);
}

static void give_event(struct zk_job *job, const void *arg)
{
	if (!job->over && job->ops->event)
		job->ops->event(job, arg);
}

static void on_event(struct zk_session *session, const struct zk_event *event)
{
	struct zk_client *client = client_of(session);

	if (event->kind == ZK_EVENT_MISSED)
		each(client, run_again, NULL);
	else
		each(client, give_event, event);
}

static void fail_with(struct zk_job *job, const void *arg)
{
	mf_zk_job_fail(job, *(const int *)arg);
	settle(job);
}

static void on_ended(struct zk_session *session, int error)
{
	struct zk_client *client = client_of(session);

	client->up = false;
	if (client->closing) {
		client->sink->closed(session->host);
		return;
	}
	client->error = error ? error : METAFORA_ESESSION;
	each(client, fail_with, &client->error);
}

static const struct zk_session_user client_user = {
	.up = on_up,
	.down = on_down,
	.lost = on_down,
	.event = on_event,
	.ended = on_ended,
};

/* --- operations ------------------------------------------------------------------------- */

static int client_open(void *config, const struct metafora_host *host,
		       const struct metafora_client_sink *sink, void **state)
{
	struct zk_client *client = calloc(1, sizeof(*client));
	int error;

	if (!client)
		return METAFORA_ENOMEM;
	TAILQ_INIT(&client->jobs);
	client->sink = sink;
	error = mf_zk_session_init(&client->session, config, host,
				   &client_user);
	if (error) {
		free(client);
		return error;
	}
	error = mf_zk_session_open(&client->session);
	if (error) {
		mf_zk_session_fini(&client->session);
		free(client);
		return error;
	}
	*state = client;
	return 0;
}

static void client_cancel(void *state, uint64_t request)
{
	struct zk_client *client = state;
	struct zk_job *job;

	TAILQ_FOREACH(job, &client->jobs, link)
		if (job->request == request && !job->over)
			break;
	if (!job)
		return;
	if (job->ops->cancel && client->up)
		job->ops->cancel(job);
	job->over = true;
	/* Not freed here: a walk over the jobs may have led to this call. */
	post_begin(job);
}

static void post_closed(struct metafora_post *post, bool dropped)
{
	struct zk_client *client = (struct zk_client *)(uintptr_t)(
		(char *)post - offsetof(struct zk_client, unserved_post));

	if (!dropped)
		client->sink->closed(client->session.host);
}

static void client_close(void *state)
{
	struct zk_client *client = state;

	if (client->closing)
		return;
	client->closing = true;
	client->up = false;
	if (client->session.state != ZK_SESSION_ENDED) {
		mf_zk_session_end(&client->session, 0, 0);
		return;
	}
	/* It had ended by itself; a post under way tells nothing any more. */
	client->n_unserved = 0;
	client->unserved_post.deliver = post_closed;
	if (!client->unserved_posted)
		client->session.host->post(client->session.host,
					   &client->unserved_post);
}

static void client_free(void *state)
{
	struct zk_client *client = state;
	struct zk_job *job;

	client->up = false;
	client->closing = true;
	mf_zk_session_fini(&client->session);
	while ((job = TAILQ_FIRST(&client->jobs)))
		free_job(job);
	free(client);
}

const struct metafora_client_ops mf_zk_client_ops = {
	.abi_version = METAFORA_COORDINATOR_ABI,
	.size = sizeof(struct metafora_client_ops),
	.name = "zookeeper",
	.open = client_open,
	.submit = mf_zk_client_submit,
	.remove = mf_zk_client_remove,
	.list = mf_zk_client_list,
	.get = mf_zk_client_get,
	.nodes = mf_zk_client_nodes,
	.command = mf_zk_client_command,
	.cancel = client_cancel,
	.close = client_close,
	.free = client_free,
	.list_details = mf_zk_client_list_details,
	.describe = mf_zk_client_describe,
	.command_send = mf_zk_client_command_send,
	.check = mf_zk_client_check,
	.watch = mf_zk_client_watch,
};
