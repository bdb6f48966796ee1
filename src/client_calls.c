/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking calls of a client about single tasks, and the listings. */
#include <metafora/error.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "clock.h"
#include "listing.h"
#include "task_info.h"
#include "wait.h"

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
	struct mf_wait wait;
	uint64_t now_ns;
	int error;

	if (timeout_ms <= 0 || !id)
		return METAFORA_EINVAL;
	error = mf_submission_check(id, strnlen(id, METAFORA_TASK_ID_MAX + 1),
				    properties, size_bytes);
	if (error)
		return error;
	error = mf_call_begin(client, &wait, take_first_error, NULL);
	if (error)
		return error;
	now_ns = mf_loop_now_ns(&client->loop);
	error = mf_client_submit_tasks(client, &task, 1,
				       mf_clock_add_ms(now_ns, timeout_ms),
				       mf_wait_answer, &wait);
	return mf_call_end(client, &wait, error);
}

int metafora_client_delete(struct metafora_client *client, const char *id,
			   int64_t timeout_ms)
{
	struct mf_wait wait;
	int error = mf_call_begin(client, &wait, take_error, NULL);

	if (error)
		return error;
	error = mf_client_remove(client, id, timeout_ms, mf_wait_answer, &wait);
	return mf_call_end(client, &wait, error);
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
	struct mf_wait wait;
	int error;

	if (!properties || !size_bytes)
		return METAFORA_EINVAL;
	error = mf_call_begin(client, &wait, take_properties, &copy);
	if (error)
		return error;
	error = mf_client_get(client, id, timeout_ms, mf_wait_answer, &wait);
	error = mf_call_end(client, &wait, error);
	if (error)
		return error;
	*properties = copy.bytes;
	*size_bytes = copy.size;
	return 0;
}

static int take_task_info(const struct metafora_reply *reply, void *out)
{
	return reply->error ? reply->error : mf_task_info_new(reply, out);
}

int metafora_client_task(struct metafora_client *client, const char *id,
			 int64_t timeout_ms, struct metafora_task_info **out)
{
	struct metafora_task_info *info;
	struct mf_wait wait;
	int error;

	if (!out)
		return METAFORA_EINVAL;
	error = mf_call_begin(client, &wait, take_task_info, &info);
	if (error)
		return error;
	error = mf_client_describe(client, id, timeout_ms, mf_wait_answer,
				   &wait);
	error = mf_call_end(client, &wait, error);
	if (error)
		return error;
	*out = info;
	return 0;
}

/* --- without waiting ----------------------------------------------------------- */

/* A submission whose caller has gone on. */
struct async {
	metafora_submitted_fn fn;
	void *arg;
	char id[];
};

static void on_submitted(void *arg, const struct metafora_reply *reply)
{
	struct async *async = arg;

	async->fn(async->arg, async->id, take_first_error(reply, NULL));
	free(async);
}

int metafora_client_submit_async(struct metafora_client *client, const char *id,
				 const void *properties, size_t size_bytes,
				 int64_t timeout_ms, metafora_submitted_fn fn,
				 void *arg)
{
	const struct metafora_submission task = {
		.task = id,
		.properties = properties,
		.size_bytes = size_bytes,
	};
	struct async *async;
	uint64_t now_ns;
	size_t id_bytes;
	int error;

	if (!client || timeout_ms <= 0 || !id || !fn)
		return METAFORA_EINVAL;
	id_bytes = strnlen(id, METAFORA_TASK_ID_MAX + 1);
	error = mf_submission_check(id, id_bytes, properties, size_bytes);
	if (error)
		return error;
	async = malloc(sizeof(*async) + id_bytes + 1);
	if (!async)
		return METAFORA_ENOMEM;
	async->fn = fn;
	async->arg = arg;
	memcpy(async->id, id, id_bytes + 1);
	now_ns = mf_loop_now_ns(&client->loop);
	error = mf_client_submit_tasks(client, &task, 1,
				       mf_clock_add_ms(now_ns, timeout_ms),
				       on_submitted, async);
	if (error)
		free(async);
	return error;
}

/* --- listings ------------------------------------------------------------------ */

static int take_listing(const struct metafora_reply *reply, void *out)
{
	return reply->error ? reply->error : mf_listing_new(reply, out);
}

/* As mf_client_list; which of the two listings it is to be. */
typedef int (*list_fn)(struct metafora_client *client, const char *prefix,
		       const char *after, size_t limit, int64_t timeout_ms,
		       mf_reply_fn fn, void *arg);

static int list(struct metafora_client *client, list_fn begin,
		const char *prefix, const char *after, size_t limit,
		int64_t timeout_ms, struct metafora_listing **out)
{
	struct metafora_listing *listing;
	struct mf_wait wait;
	int error;

	if (!out)
		return METAFORA_EINVAL;
	error = mf_call_begin(client, &wait, take_listing, &listing);
	if (error)
		return error;
	error = begin(client, prefix, after, limit, timeout_ms, mf_wait_answer,
		      &wait);
	error = mf_call_end(client, &wait, error);
	if (error)
		return error;
	*out = listing;
	return 0;
}

int metafora_client_list(struct metafora_client *client, const char *prefix,
			 const char *after, size_t limit, int64_t timeout_ms,
			 struct metafora_listing **out)
{
	return list(client, mf_client_list, prefix, after, limit, timeout_ms,
		    out);
}

int metafora_client_list_details(struct metafora_client *client,
				 const char *prefix, const char *after,
				 size_t limit, int64_t timeout_ms,
				 struct metafora_listing **out)
{
	return list(client, mf_client_list_details, prefix, after, limit,
		    timeout_ms, out);
}

static int take_node_list(const struct metafora_reply *reply, void *out)
{
	return reply->error ? reply->error : mf_node_list_new(reply, out);
}

int metafora_client_nodes(struct metafora_client *client, int64_t timeout_ms,
			  struct metafora_node_list **out)
{
	struct metafora_node_list *list;
	struct mf_wait wait;
	int error;

	if (!out)
		return METAFORA_EINVAL;
	error = mf_call_begin(client, &wait, take_node_list, &list);
	if (error)
		return error;
	error = mf_client_nodes(client, timeout_ms, mf_wait_answer, &wait);
	error = mf_call_end(client, &wait, error);
	if (error)
		return error;
	*out = list;
	return 0;
}
