/* SPDX-License-Identifier: Apache-2.0 */
/* All there is to know about one task, made of a broker's answer. */
#include "task_info.h"

#include <metafora/error.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"

/* One block of memory: head, pointers to the waiters, then all bytes. */
struct metafora_task_info {
	const char *id;
	const char *owner; /* NULL: nobody */
	const char *properties;
	size_t size_bytes;
	uint64_t token;
	int64_t since_ms;
	int64_t submitted_ms;
	size_t n_waiters;
	const char *waiters[];
};

bool mf_task_info_valid(const struct metafora_reply *reply, const char *id)
{
	const struct metafora_task_row *row = reply->tasks;
	size_t i;

	if (reply->n_tasks != 1 || !row || strcmp(row->task, id))
		return false;
	if (row->owner && mf_node_name_check(row->owner))
		return false;
	if (reply->size_bytes > METAFORA_PROPERTIES_MAX ||
	    (reply->size_bytes && !reply->data))
		return false;
	if (reply->n_waiters && (!reply->waiters || !row->owner))
		return false;
	for (i = 0; i < reply->n_waiters; i++)
		if (mf_node_name_check(reply->waiters[i]))
			return false;
	return true;
}

/* Copy bytes and a NUL behind them to *at, which moves behind that. */
static const char *put(char **at, const void *bytes, size_t n)
{
	char *copy = *at;

	if (n)
		memcpy(copy, bytes, n);
	copy[n] = '\0';
	*at += n + 1;
	return copy;
}

static const char *put_name(char **at, const char *name)
{
	return put(at, name, strlen(name));
}

int mf_task_info_new(const struct metafora_reply *reply,
		     struct metafora_task_info **out)
{
	const struct metafora_task_row *row = reply->tasks;
	struct metafora_task_info *info;
	size_t bytes = sizeof(*info) + strlen(row->task) + 1 +
		       reply->size_bytes + 1;
	char *at;
	size_t i;

	if (row->owner)
		bytes += strlen(row->owner) + 1;
	for (i = 0; i < reply->n_waiters; i++)
		bytes += sizeof(info->waiters[0]) + strlen(reply->waiters[i]) +
			 1;
	info = malloc(bytes);
	if (!info)
		return METAFORA_ENOMEM;
	at = (char *)&info->waiters[reply->n_waiters];
	info->id = put_name(&at, row->task);
	info->owner = row->owner ? put_name(&at, row->owner) : NULL;
	info->properties = put(&at, reply->data, reply->size_bytes);
	info->size_bytes = reply->size_bytes;
	info->token = row->owner ? row->token : 0;
	info->since_ms = row->owner ? row->since_ms : 0;
	info->submitted_ms = reply->submitted_ms;
	info->n_waiters = reply->n_waiters;
	for (i = 0; i < info->n_waiters; i++)
		info->waiters[i] = put_name(&at, reply->waiters[i]);
	*out = info;
	return 0;
}

const char *metafora_task_info_id(const struct metafora_task_info *info)
{
	return info ? info->id : NULL;
}

const void *metafora_task_info_properties(const struct metafora_task_info *info)
{
	return info ? info->properties : NULL;
}

size_t metafora_task_info_size_bytes(const struct metafora_task_info *info)
{
	return info ? info->size_bytes : 0;
}

const char *metafora_task_info_owner(const struct metafora_task_info *info)
{
	return info ? info->owner : NULL;
}

uint64_t metafora_task_info_token(const struct metafora_task_info *info)
{
	return info ? info->token : 0;
}

int64_t metafora_task_info_since_ms(const struct metafora_task_info *info)
{
	return info ? info->since_ms : 0;
}

int64_t metafora_task_info_submitted_ms(const struct metafora_task_info *info)
{
	return info ? info->submitted_ms : 0;
}

size_t metafora_task_info_n_waiters(const struct metafora_task_info *info)
{
	return info ? info->n_waiters : 0;
}

const char *metafora_task_info_waiter(const struct metafora_task_info *info,
				      size_t i)
{
	return info && i < info->n_waiters ? info->waiters[i] : NULL;
}

void metafora_task_info_free(struct metafora_task_info *info)
{
	free(info);
}
