/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking calls of a client. */
#include <assert.h>
#include <errno.h>
#include <metafora/command.h>
#include <metafora/error.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "clock.h"
#include "listing.h"
#include "request.h"

/*
 * A caller that waits for one answer; on its stack.  The request holds a
 * pointer to it, which is safe as every request ends, by its timer at the
 * latest, and the caller leaves only then.
 */
struct wait {
	sem_t done;
	/* Copies the answer to out; returns what the call is to return. */
	int (*take)(const struct metafora_reply *reply, void *out);
	void *out;
	int error; /* what take returned; valid after done */
};

/* On the client's thread. */
static void on_answer(void *arg, const struct metafora_reply *reply)
{
	struct wait *wait = arg;

	wait->error = wait->take(reply, wait->out);
	sem_post(&wait->done);
}

static int wait_init(struct wait *wait,
		     int (*take)(const struct metafora_reply *, void *),
		     void *out)
{
	wait->take = take;
	wait->out = out;
	wait->error = 0;
	return sem_init(&wait->done, 0, 0) ? METAFORA_ESYS : 0;
}

static int wait_for(struct wait *wait)
{
	while (sem_wait(&wait->done) && errno == EINTR)
		;
	return wait->error;
}

/* The caller is inside from here to leave(): free waits for it. */
static int enter(struct metafora_client *client)
{
	int error = 0;

	if (mf_loop_is_owner(&client->loop))
		return METAFORA_ETHREAD;
	/* In a virtual world the caller would wait for itself. */
	assert(client->loop.runtime == mf_runtime_threads());
	pthread_mutex_lock(&client->lock);
	if (client->refusing)
		error = METAFORA_ESTOPPED;
	else
		client->n_callers++;
	pthread_mutex_unlock(&client->lock);
	return error;
}

static void leave(struct metafora_client *client)
{
	pthread_mutex_lock(&client->lock);
	if (!--client->n_callers)
		pthread_cond_broadcast(&client->changed);
	pthread_mutex_unlock(&client->lock);
}

/* Begin a call; if it succeeds end_call must follow. */
static int begin_call(struct metafora_client *client, struct wait *wait,
		      int (*take)(const struct metafora_reply *, void *),
		      void *out)
{
	int error;

	if (!client)
		return METAFORA_EINVAL;
	error = enter(client);
	if (error)
		return error;
	error = wait_init(wait, take, out);
	if (error)
		leave(client);
	return error;
}

/* error: whether the request was made.  Returns what the call returns. */
static int end_call(struct metafora_client *client, struct wait *wait,
		    int error)
{
	if (!error)
		error = wait_for(wait);
	sem_destroy(&wait->done);
	leave(client);
	return error;
}

/* --- one task ---------------------------------------------------------------- */

static int take_error(const struct metafora_reply *reply, void *out)
{
	(void)out;
	return reply->error;
}

static int take_first_error(const struct metafora_reply *reply, void *out)
{
	(void)out;
	return reply->error ? reply->error : reply->errors[0];
}

int metafora_client_submit(struct metafora_client *client, const char *id,
			   const void *properties, size_t size_bytes,
			   int64_t timeout_ms)
{
	const struct metafora_submission task = {
		.task = id,
		.properties = properties,
		.size_bytes = size_bytes,
	};
	struct wait wait;
	uint64_t now_ns;
	int error;

	if (timeout_ms <= 0 || !id)
		return METAFORA_EINVAL;
	error = mf_submission_check(id, strnlen(id, METAFORA_TASK_ID_MAX + 1),
				    properties, size_bytes);
	if (error)
		return error;
	error = begin_call(client, &wait, take_first_error, NULL);
	if (error)
		return error;
	now_ns = mf_loop_now_ns(&client->loop);
	error = mf_client_submit_tasks(client, &task, 1,
				       mf_clock_add_ms(now_ns, timeout_ms),
				       on_answer, &wait);
	return end_call(client, &wait, error);
}

int metafora_client_delete(struct metafora_client *client, const char *id,
			   int64_t timeout_ms)
{
	struct wait wait;
	int error = begin_call(client, &wait, take_error, NULL);

	if (error)
		return error;
	error = mf_client_remove(client, id, timeout_ms, on_answer, &wait);
	return end_call(client, &wait, error);
}

/* Answers with bytes are copied, with a NUL behind. */
struct bytes {
	char *bytes;
	size_t size;
};

static int take_bytes(const struct metafora_reply *reply, void *out)
{
	struct bytes *copy = out;

	copy->bytes = malloc(reply->size_bytes + 1);
	if (!copy->bytes)
		return METAFORA_ENOMEM;
	if (reply->size_bytes)
		memcpy(copy->bytes, reply->data, reply->size_bytes);
	copy->bytes[reply->size_bytes] = '\0';
	copy->size = reply->size_bytes;
	return 0;
}

static int take_properties(const struct metafora_reply *reply, void *out)
{
	return reply->error ? reply->error : take_bytes(reply, out);
}

int metafora_client_get(struct metafora_client *client, const char *id,
			void **properties, size_t *size_bytes,
			int64_t timeout_ms)
{
	struct bytes copy;
	struct wait wait;
	int error;

	if (!properties || !size_bytes)
		return METAFORA_EINVAL;
	error = begin_call(client, &wait, take_properties, &copy);
	if (error)
		return error;
	error = mf_client_get(client, id, timeout_ms, on_answer, &wait);
	error = end_call(client, &wait, error);
	if (error)
		return error;
	*properties = copy.bytes;
	*size_bytes = copy.size;
	return 0;
}

/* --- many tasks --------------------------------------------------------------- */

/* A part of a batch that is under way, and who waits for it. */
struct part {
	struct wait wait;
	struct metafora_batch *batch;
	size_t first;
	size_t n; /* 0: nothing is under way */
};

/* Parts are apart, so no two threads touch the same error. */
static int take_errors(const struct metafora_reply *reply, void *out)
{
	const struct part *part = out;

	if (reply->error)
		mf_batch_fail(part->batch, part->first, part->n, reply->error);
	else
		memcpy(part->batch->errors + part->first, reply->errors,
		       part->n * sizeof(*reply->errors));
	return 0;
}

static void finish_part(struct part *part)
{
	if (part->n)
		wait_for(&part->wait);
	part->n = 0;
}

/* How many tasks from first on fit into one request; at least 1. */
static size_t part_size(const struct metafora_batch *batch, size_t first)
{
	size_t bytes = 0;
	size_t i;

	for (i = first; i < batch->n && i - first < MF_SUBMIT_TASKS_MAX; i++) {
		bytes += strlen(batch->tasks[i].task) + 1 +
			 batch->tasks[i].size_bytes;
		if (bytes > MF_SUBMIT_BYTES_MAX && i > first)
			break;
	}
	return i - first;
}

/*
 * Send the batch part by part, so many under way at a time.  When a part
 * cannot be sent, neither are those behind it.
 */
static void send_parts(struct metafora_client *client,
		       struct metafora_batch *batch, struct part *parts,
		       uint64_t deadline_ns)
{
	size_t first, n;
	size_t turn = 0;
	int error;

	for (first = 0; first < batch->n; first += n) {
		struct part *part = &parts[turn++ % MF_SUBMIT_WINDOW];

		finish_part(part);
		n = part_size(batch, first);
		part->first = first;
		part->n = n;
		error = METAFORA_ETIMEDOUT;
		if (mf_loop_now_ns(&client->loop) < deadline_ns)
			error = mf_client_submit_tasks(
				client, batch->tasks + first, n, deadline_ns,
				on_answer, &part->wait);
		if (error) {
			part->n = 0;
			mf_batch_fail(batch, first, batch->n - first, error);
			break;
		}
	}
}

static int submit_parts(struct metafora_client *client,
			struct metafora_batch *batch, uint64_t deadline_ns)
{
	struct part parts[MF_SUBMIT_WINDOW];
	size_t n_parts;
	size_t i;
	int error = 0;

	for (n_parts = 0; n_parts < MF_SUBMIT_WINDOW; n_parts++) {
		struct part *part = &parts[n_parts];

		part->batch = batch;
		part->n = 0;
		error = wait_init(&part->wait, take_errors, part);
		if (error)
			goto out;
	}
	mf_batch_fail(batch, 0, batch->n, METAFORA_ESTATE);
	send_parts(client, batch, parts, deadline_ns);
	for (i = 0; i < n_parts; i++)
		finish_part(&parts[i]);
	for (i = 0; i < batch->n && !error; i++)
		error = batch->errors[i];
out:
	for (i = 0; i < n_parts; i++)
		sem_destroy(&parts[i].wait.done);
	return error;
}

int metafora_client_submit_batch(struct metafora_client *client,
				 struct metafora_batch *batch,
				 int64_t timeout_ms)
{
	uint64_t now_ns;
	int error;

	if (!client || !batch || timeout_ms <= 0)
		return METAFORA_EINVAL;
	error = enter(client);
	if (error)
		return error;
	now_ns = mf_loop_now_ns(&client->loop);
	error = submit_parts(client, batch,
			     mf_clock_add_ms(now_ns, timeout_ms));
	leave(client);
	return error;
}

/* --- listings ------------------------------------------------------------------ */

static int take_listing(const struct metafora_reply *reply, void *out)
{
	return reply->error ? reply->error : mf_listing_new(reply, out);
}

int metafora_client_list(struct metafora_client *client, const char *prefix,
			 const char *after, size_t limit, int64_t timeout_ms,
			 struct metafora_listing **out)
{
	struct metafora_listing *listing;
	struct wait wait;
	int error;

	if (!out)
		return METAFORA_EINVAL;
	error = begin_call(client, &wait, take_listing, &listing);
	if (error)
		return error;
	error = mf_client_list(client, prefix, after, limit, timeout_ms,
			       on_answer, &wait);
	error = end_call(client, &wait, error);
	if (error)
		return error;
	*out = listing;
	return 0;
}

static int take_node_list(const struct metafora_reply *reply, void *out)
{
	return reply->error ? reply->error : mf_node_list_new(reply, out);
}

int metafora_client_nodes(struct metafora_client *client, int64_t timeout_ms,
			  struct metafora_node_list **out)
{
	struct metafora_node_list *list;
	struct wait wait;
	int error;

	if (!out)
		return METAFORA_EINVAL;
	error = begin_call(client, &wait, take_node_list, &list);
	if (error)
		return error;
	error = mf_client_nodes(client, timeout_ms, on_answer, &wait);
	error = end_call(client, &wait, error);
	if (error)
		return error;
	*out = list;
	return 0;
}

/* --- commands --------------------------------------------------------------------- */

/*
 * The text's memory is there before the command is sent: a command that was
 * carried out must not seem to have failed for want of memory.
 */
struct answer {
	char *text; /* room for the longest; NULL: not wanted */
	size_t size;
	bool given; /* by the node */
};

static int take_answer(const struct metafora_reply *reply, void *out)
{
	struct answer *answer = out;

	/* Errors of others than the node come without data. */
	answer->given = !reply->error || reply->data;
	if (answer->given && answer->text) {
		if (reply->size_bytes)
			memcpy(answer->text, reply->data, reply->size_bytes);
		answer->text[reply->size_bytes] = '\0';
		answer->size = reply->size_bytes;
	}
	return reply->error;
}

/* Hand the text over, in a block of its size if possible. */
static char *shrink(char *text, size_t size)
{
	char *smaller = realloc(text, size + 1);

	return smaller ? smaller : text;
}

int metafora_client_command(struct metafora_client *client, const char *node,
			    const char *name, const char *argument,
			    int64_t timeout_ms, char **result)
{
	struct answer answer = {NULL, 0, false};
	struct wait wait;
	int error = begin_call(client, &wait, take_answer, &answer);

	if (error)
		return error;
	if (result) {
		answer.text = malloc(METAFORA_COMMAND_RESULT_MAX + 1);
		if (!answer.text)
			error = METAFORA_ENOMEM;
	}
	if (!error)
		error = mf_client_command(client, node, name, argument,
					  timeout_ms, on_answer, &wait);
	error = end_call(client, &wait, error);
	if (result && answer.given)
		*result = shrink(answer.text, answer.size);
	else
		free(answer.text);
	return error;
}
