/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of a client side: their life, and what they do in the broker. */
#include "request.h"

#include <stdlib.h>
#include <string.h>

/* --- life ------------------------------------------------------------------------ */

void mf_emb_request_init(struct emb_client *client, struct emb_request *request,
			 enum emb_request_kind kind, uint64_t id)
{
	memset(request, 0, sizeof(*request));
	request->message.end = client->request_end;
	request->client = client;
	request->kind = kind;
	request->id = id;
	TAILQ_INSERT_TAIL(&client->requests, request, entry);
}

static struct emb_request *request_new(struct emb_client *client,
				       enum emb_request_kind kind, uint64_t id)
{
	struct emb_request *request = malloc(sizeof(*request));

	if (request)
		mf_emb_request_init(client, request, kind, id);
	return request;
}

struct emb_request *mf_emb_request_new(struct emb_client *client,
				       enum emb_request_kind kind, uint64_t id,
				       const char *text, const void *data,
				       size_t size_bytes, size_t limit)
{
	struct emb_request *request = request_new(client, kind, id);

	if (!request)
		return NULL;
	request->limit = limit;
	request->text = mf_emb_blob_new(text, strlen(text) + 1);
	request->data = mf_emb_blob_new(data, size_bytes);
	if (request->text && request->data)
		return request;
	mf_emb_request_free(client, request);
	return NULL;
}

struct emb_request *
mf_emb_submit_new(struct emb_client *client, uint64_t id,
		  const struct metafora_submission *submissions, size_t n)
{
	const struct metafora_host *host = client->link.host;
	struct emb_request *request = request_new(client, EMB_SUBMIT, id);
	const struct metafora_submission *s;
	size_t i;

	if (!request)
		return NULL;
	request->tasks = calloc(n ? n : 1, sizeof(struct emb_task *));
	request->errors = calloc(n ? n : 1, sizeof(*request->errors));
	if (!request->tasks || !request->errors)
		goto fail;
	request->n_tasks = n;
	for (i = 0; i < n; i++) {
		s = &submissions[i];
		request->tasks[i] =
			mf_emb_task_new(s->task, s->properties, s->size_bytes,
					host->name_hash(s->task));
		if (!request->tasks[i])
			goto fail;
	}
	return request;
fail:
	mf_emb_request_free(client, request);
	return NULL;
}

void mf_emb_request_reset(struct emb_request *request)
{
	size_t i;

	for (i = 0; request->records && i < request->reply.n_members; i++)
		mf_emb_record_unref(request->records[i]);
	mf_emb_blob_unref(request->blob);
	free(request->rows);
	request->records = NULL;
	request->blob = NULL;
	request->rows = NULL;
	memset(&request->reply, 0, sizeof(request->reply));
}

void mf_emb_request_free(struct emb_client *client, struct emb_request *request)
{
	size_t i;

	TAILQ_REMOVE(&client->requests, request, entry);
	mf_emb_request_reset(request);
	for (i = 0; i < request->n_tasks; i++)
		mf_emb_task_free(request->tasks[i]);
	free(request->tasks);
	free(request->errors);
	mf_emb_blob_unref(request->text);
	mf_emb_blob_unref(request->data);
	if (request->kind == EMB_REFUSED)
		client->reserve = request;
	else
		free(request);
}

bool mf_emb_request_is_write(const struct emb_request *request)
{
	return request->kind == EMB_SUBMIT || request->kind == EMB_REMOVE ||
	       request->kind == EMB_COMMAND ||
	       request->kind == EMB_COMMAND_SEND;
}

struct emb_request *mf_emb_request_next(struct emb_request *request)
{
	return request->next_remover;
}

/* --- leaving; with the lock held --------------------------------------------------- */

static void stop_waiting(struct emb_client *client, struct emb_request *request)
{
	struct metafora_embedded_broker *broker = client->link.broker;
	struct emb_request **at;
	struct emb_task *task;

	if (request->kind == EMB_COMMAND) {
		mf_emb_command_forget(broker, request);
		return;
	}
	/* A task is not freed while somebody waits for that. */
	task = mf_emb_find(broker, (const char *)request->text->bytes);
	for (at = &task->removers; *at != request; at = &(*at)->next_remover)
		;
	*at = request->next_remover;
}

static void take_out_of_queue(struct emb_queue *queue,
			      struct emb_request *request)
{
	struct emb_message *message;

	TAILQ_FOREACH(message, &queue->messages, entry) {
		if (message == &request->message) {
			TAILQ_REMOVE(&queue->messages, message, entry);
			return;
		}
	}
}

void mf_emb_request_withdraw(struct emb_client *client,
			     struct emb_request *request)
{
	pthread_mutex_lock(&client->link.broker->lock);
	switch (request->state) {
	case EMB_PENDING:
		TAILQ_REMOVE(&client->pending, request, in_state);
		break;
	case EMB_IN_BROKER:
		stop_waiting(client, request);
		break;
	case EMB_DONE:
		TAILQ_REMOVE(&client->done, request, in_state);
		break;
	case EMB_ANSWERED:
		take_out_of_queue(&client->link.queue, request);
		take_out_of_queue(&client->failed, request);
		break;
	}
	pthread_mutex_unlock(&client->link.broker->lock);
	mf_emb_request_free(client, request);
}

/* --- what they do; with the lock held ----------------------------------------------- */

static void submit(struct emb_client *client, struct emb_request *request)
{
	enum emb_write write;
	size_t i;

	for (i = 0; i < request->n_tasks; i++) {
		write = mf_emb_next_write(&client->link);
		if (write != EMB_WRITE_LOST) {
			request->errors[i] = mf_emb_insert(client->link.broker,
							   request->tasks[i]);
			/* The broker has it now. */
			if (request->errors[i] == 0)
				request->tasks[i] = NULL;
		}
		if (write != EMB_WRITE_THROUGH)
			request->errors[i] = METAFORA_EUNKNOWN;
	}
	request->reply.errors = request->errors;
	request->reply.n_errors = request->n_tasks;
}

static bool remove_task(struct emb_client *client, struct emb_request *request)
{
	struct metafora_embedded_broker *broker = client->link.broker;
	const enum emb_write write = mf_emb_next_write(&client->link);
	struct emb_task *task;

	task = mf_emb_find(broker, (const char *)request->text->bytes);
	if (write != EMB_WRITE_THROUGH) {
		if (task && task->exists && write == EMB_WRITE_ANSWER_LOST)
			mf_emb_remove(broker, task);
		request->reply.error = METAFORA_EUNKNOWN;
		return true;
	}
	if (!task) {
		request->reply.error = METAFORA_ENOENT;
		return true;
	}
	if (task->exists && TAILQ_EMPTY(&task->line)) {
		mf_emb_remove(broker, task);
		return true;
	}
	if (task->exists)
		mf_emb_remove(broker, task);
	request->next_remover = task->removers;
	task->removers = request;
	return false;
}

static bool command(struct emb_client *client, struct emb_request *request)
{
	const enum emb_write write = mf_emb_next_write(&client->link);
	struct emb_request *waiter;
	int error = METAFORA_EUNKNOWN;

	waiter = write == EMB_WRITE_THROUGH && request->kind == EMB_COMMAND
			 ? request
			 : NULL;
	if (write != EMB_WRITE_LOST)
		error = mf_emb_command(client->link.broker,
				       (const char *)request->text->bytes,
				       request->data, waiter);
	if (write != EMB_WRITE_THROUGH)
		error = METAFORA_EUNKNOWN;
	request->reply.error = error;
	return !waiter || error != 0;
}

static void get(struct emb_client *client, struct emb_request *request)
{
	const struct emb_task *task;

	task = mf_emb_find(client->link.broker,
			   (const char *)request->text->bytes);
	if (!task || !task->exists) {
		request->reply.error = METAFORA_ENOENT;
		return;
	}
	request->reply.data = "";
	if (!task->properties)
		return;
	request->blob = mf_emb_blob_ref(task->properties);
	request->reply.data = request->blob->bytes;
	request->reply.size_bytes = request->blob->size_bytes;
}

bool mf_emb_request_execute(struct emb_client *client,
			    struct emb_request *request)
{
	switch (request->kind) {
	case EMB_SUBMIT:
		submit(client, request);
		return true;
	case EMB_REMOVE:
		return remove_task(client, request);
	case EMB_LIST:
		mf_emb_list(client->link.broker, request);
		return true;
	case EMB_GET:
		get(client, request);
		return true;
	case EMB_NODES:
		mf_emb_nodes(client->link.broker, request);
		return true;
	case EMB_DESCRIBE:
		mf_emb_describe(client->link.broker, request);
		return true;
	case EMB_COMMAND:
	case EMB_COMMAND_SEND:
		return command(client, request);
	case EMB_REFUSED:
		break;
	}
	return true;
}
