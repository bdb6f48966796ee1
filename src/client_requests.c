/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of requests that a client makes, in asynchronous form. */
#include <metafora/error.h>
#include <string.h>

#include "batch.h"
#include "clock.h"
#include "command.h"
#include "listing.h"
#include "name.h"
#include "request.h"
#include "task_info.h"

/* The instant at which a request made now times out. */
static uint64_t deadline_of(struct metafora_client *client, int64_t timeout_ms)
{
	return mf_clock_add_ms(mf_loop_now_ns(&client->loop), timeout_ms);
}

/* Copy bytes to the tail at *at, which moves behind them. */
static const char *put(char **at, const void *bytes, size_t n)
{
	char *copy = *at;

	if (n)
		memcpy(copy, bytes, n);
	*at += n;
	return copy;
}

/* --- submit --------------------------------------------------------------- */

static void send_submit(struct metafora_client *client,
			const struct mf_request *request)
{
	client->ops->submit(client->state, request->number,
			    request->submissions, request->n_submissions);
}

static bool submit_valid(const struct mf_request *request,
			 const struct metafora_reply *reply)
{
	size_t i;

	if (reply->n_errors != request->n_submissions || !reply->errors)
		return false;
	for (i = 0; i < reply->n_errors; i++)
		if (reply->errors[i] > 0)
			return false;
	return true;
}

static const struct mf_request_kind submit_kind = {
	.name = "submit",
	.send = send_submit,
	.valid = submit_valid,
};

int mf_client_submit_tasks(struct metafora_client *client,
			   const struct metafora_submission *tasks, size_t n,
			   uint64_t deadline_ns, mf_reply_fn fn, void *arg)
{
	struct metafora_submission *copies;
	struct mf_request *request;
	size_t bytes = 0;
	char *at;
	size_t i;
	int error;

	for (i = 0; i < n; i++)
		bytes += strlen(tasks[i].task) + 1 + tasks[i].size_bytes;
	if (n > MF_SUBMIT_TASKS_MAX || (n > 1 && bytes > MF_SUBMIT_BYTES_MAX))
		return METAFORA_E2BIG;
	error = mf_request_new(client, &submit_kind,
			       n * sizeof(*copies) + bytes, &request);
	if (error)
		return error;
	copies = (struct metafora_submission *)(void *)request->tail;
	at = request->tail + n * sizeof(*copies);
	for (i = 0; i < n; i++) {
		copies[i].task =
			put(&at, tasks[i].task, strlen(tasks[i].task) + 1);
		copies[i].properties =
			put(&at, tasks[i].properties, tasks[i].size_bytes);
		copies[i].size_bytes = tasks[i].size_bytes;
	}
	request->submissions = copies;
	request->n_submissions = n;
	mf_request_post(request, deadline_ns, fn, arg);
	return 0;
}

int mf_client_submit(struct metafora_client *client,
		     const struct metafora_batch *batch, int64_t timeout_ms,
		     mf_reply_fn fn, void *arg)
{
	if (!client || !batch || !batch->n || timeout_ms <= 0 || !fn)
		return METAFORA_EINVAL;
	return mf_client_submit_tasks(client, batch->tasks, batch->n,
				      deadline_of(client, timeout_ms), fn, arg);
}

/* --- the others ----------------------------------------------------------- */

/* Make and post a request whose only argument is one name. */
static int post_name(struct metafora_client *client,
		     const struct mf_request_kind *kind, const char *name,
		     int64_t timeout_ms, mf_reply_fn fn, void *arg)
{
	struct mf_request *request;
	size_t bytes = strlen(name) + 1;
	int error = mf_request_new(client, kind, bytes, &request);

	if (error)
		return error;
	request->name = memcpy(request->tail, name, bytes);
	mf_request_post(request, deadline_of(client, timeout_ms), fn, arg);
	return 0;
}

/* The same for the ID of a task. */
static int post_task(struct metafora_client *client,
		     const struct mf_request_kind *kind, const char *id,
		     int64_t timeout_ms, mf_reply_fn fn, void *arg)
{
	int error;

	if (!client || timeout_ms <= 0 || !fn)
		return METAFORA_EINVAL;
	error = mf_task_id_check(id);
	if (error)
		return error;
	return post_name(client, kind, id, timeout_ms, fn, arg);
}

static void send_remove(struct metafora_client *client,
			const struct mf_request *request)
{
	client->ops->remove(client->state, request->number, request->name);
}

static const struct mf_request_kind remove_kind = {
	.name = "remove",
	.send = send_remove,
};

int mf_client_remove(struct metafora_client *client, const char *id,
		     int64_t timeout_ms, mf_reply_fn fn, void *arg)
{
	return post_task(client, &remove_kind, id, timeout_ms, fn, arg);
}

static void send_list(struct metafora_client *client,
		      const struct mf_request *request)
{
	client->ops->list(client->state, request->number, request->name,
			  request->after, request->limit);
}

static bool list_valid(const struct mf_request *request,
		       const struct metafora_reply *reply)
{
	return mf_listing_valid(reply, request->name, request->after,
				request->limit);
}

static const struct mf_request_kind list_kind = {
	.name = "list",
	.send = send_list,
	.valid = list_valid,
};

static void send_list_details(struct metafora_client *client,
			      const struct mf_request *request)
{
	client->ops->list_details(client->state, request->number, request->name,
				  request->after, request->limit);
}

static const struct mf_request_kind list_details_kind = {
	.name = "list_details",
	.send = send_list_details,
	.valid = list_valid,
};

static int post_list(struct metafora_client *client,
		     const struct mf_request_kind *kind, const char *prefix,
		     const char *after, size_t limit, int64_t timeout_ms,
		     mf_reply_fn fn, void *arg)
{
	size_t prefix_bytes, after_bytes;
	struct mf_request *request;
	char *at;
	int error;

	if (!client || timeout_ms <= 0 || !fn)
		return METAFORA_EINVAL;
	prefix = prefix ? prefix : "";
	after = after ? after : "";
	prefix_bytes = strnlen(prefix, METAFORA_TASK_ID_MAX + 1);
	after_bytes = strnlen(after, METAFORA_TASK_ID_MAX + 1);
	if (prefix_bytes > METAFORA_TASK_ID_MAX ||
	    after_bytes > METAFORA_TASK_ID_MAX)
		return METAFORA_ENAMETOOLONG;
	error = mf_request_new(client, kind,
			       prefix_bytes + 1 + after_bytes + 1, &request);
	if (error)
		return error;
	at = request->tail;
	request->name = put(&at, prefix, prefix_bytes + 1);
	request->after = put(&at, after, after_bytes + 1);
	request->limit = limit;
	mf_request_post(request, deadline_of(client, timeout_ms), fn, arg);
	return 0;
}

int mf_client_list(struct metafora_client *client, const char *prefix,
		   const char *after, size_t limit, int64_t timeout_ms,
		   mf_reply_fn fn, void *arg)
{
	return post_list(client, &list_kind, prefix, after, limit, timeout_ms,
			 fn, arg);
}

int mf_client_list_details(struct metafora_client *client, const char *prefix,
			   const char *after, size_t limit, int64_t timeout_ms,
			   mf_reply_fn fn, void *arg)
{
	if (client && !mf_client_has(client, list_details))
		return METAFORA_ENOTSUP;
	return post_list(client, &list_details_kind, prefix, after, limit,
			 timeout_ms, fn, arg);
}

static void send_get(struct metafora_client *client,
		     const struct mf_request *request)
{
	client->ops->get(client->state, request->number, request->name);
}

static bool get_valid(const struct mf_request *request,
		      const struct metafora_reply *reply)
{
	(void)request;
	return reply->size_bytes <= METAFORA_PROPERTIES_MAX &&
	       (reply->data || !reply->size_bytes);
}

static const struct mf_request_kind get_kind = {
	.name = "get",
	.send = send_get,
	.valid = get_valid,
};

int mf_client_get(struct metafora_client *client, const char *id,
		  int64_t timeout_ms, mf_reply_fn fn, void *arg)
{
	return post_task(client, &get_kind, id, timeout_ms, fn, arg);
}

static void send_describe(struct metafora_client *client,
			  const struct mf_request *request)
{
	client->ops->describe(client->state, request->number, request->name);
}

static bool describe_valid(const struct mf_request *request,
			   const struct metafora_reply *reply)
{
	return mf_task_info_valid(reply, request->name);
}

static const struct mf_request_kind describe_kind = {
	.name = "describe",
	.send = send_describe,
	.valid = describe_valid,
};

int mf_client_describe(struct metafora_client *client, const char *id,
		       int64_t timeout_ms, mf_reply_fn fn, void *arg)
{
	if (client && !mf_client_has(client, describe))
		return METAFORA_ENOTSUP;
	return post_task(client, &describe_kind, id, timeout_ms, fn, arg);
}

static void send_nodes(struct metafora_client *client,
		       const struct mf_request *request)
{
	client->ops->nodes(client->state, request->number);
}

static bool nodes_valid(const struct mf_request *request,
			const struct metafora_reply *reply)
{
	(void)request;
	return mf_node_list_valid(reply);
}

static const struct mf_request_kind nodes_kind = {
	.name = "nodes",
	.send = send_nodes,
	.valid = nodes_valid,
};

int mf_client_nodes(struct metafora_client *client, int64_t timeout_ms,
		    mf_reply_fn fn, void *arg)
{
	if (!client || timeout_ms <= 0 || !fn)
		return METAFORA_EINVAL;
	return post_name(client, &nodes_kind, "", timeout_ms, fn, arg);
}

static void send_command(struct metafora_client *client,
			 const struct mf_request *request)
{
	client->ops->command(client->state, request->number, request->name,
			     request->data, request->size_bytes);
}

static bool command_valid(const struct mf_request *request,
			  const struct metafora_reply *reply)
{
	(void)request;
	if (!reply->size_bytes)
		return true;
	return reply->data &&
	       reply->size_bytes <= METAFORA_COMMAND_RESULT_MAX &&
	       !memchr(reply->data, '\0', reply->size_bytes);
}

static const struct mf_request_kind command_kind = {
	.name = "command",
	.send = send_command,
	.valid = command_valid,
	.error_has_data = true,
};

static void send_command_send(struct metafora_client *client,
			      const struct mf_request *request)
{
	client->ops->command_send(client->state, request->number, request->name,
				  request->data, request->size_bytes);
}

static const struct mf_request_kind command_send_kind = {
	.name = "command_send",
	.send = send_command_send,
};

static int post_command(struct metafora_client *client,
			const struct mf_request_kind *kind, const char *node,
			const char *name, const char *argument,
			int64_t timeout_ms, mf_reply_fn fn, void *arg)
{
	struct mf_request *request;
	size_t bytes, size_bytes;
	char *data;
	int error;

	if (!client || timeout_ms <= 0 || !fn)
		return METAFORA_EINVAL;
	error = mf_node_name_check(node);
	if (error)
		return error;
	error = mf_command_encode(name, argument, &data, &size_bytes);
	if (error)
		return error;
	bytes = strlen(node) + 1;
	error = mf_request_new(client, kind, bytes, &request);
	if (error) {
		free(data);
		return error;
	}
	request->name = memcpy(request->tail, node, bytes);
	request->data = data;
	request->size_bytes = size_bytes;
	mf_request_post(request, deadline_of(client, timeout_ms), fn, arg);
	return 0;
}

int mf_client_command(struct metafora_client *client, const char *node,
		      const char *name, const char *argument,
		      int64_t timeout_ms, mf_reply_fn fn, void *arg)
{
	return post_command(client, &command_kind, node, name, argument,
			    timeout_ms, fn, arg);
}

int mf_client_command_send(struct metafora_client *client, const char *node,
			   const char *name, const char *argument,
			   int64_t timeout_ms, mf_reply_fn fn, void *arg)
{
	if (client && !mf_client_has(client, command_send))
		return METAFORA_ENOTSUP;
	return post_command(client, &command_send_kind, node, name, argument,
			    timeout_ms, fn, arg);
}
