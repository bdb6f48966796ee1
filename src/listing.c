/* SPDX-License-Identifier: Apache-2.0 */
/* Listings of tasks and nodes, made of a broker's answer. */
#include "listing.h"

#include <math.h>
#include <metafora/error.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"

/*
 * Both kinds are one block of memory each: head, rows, then the bytes of all
 * names, so that making one is one allocation and a listing of very many
 * tasks costs little more than its names.
 */
struct task_row {
	const char *id;
	const char *owner;
	uint64_t token;
	int64_t since_ms;
};

struct metafora_listing {
	size_t n;
	bool more;
	struct task_row rows[];
};

struct node_row {
	const char *name;
	enum metafora_member_state state;
	double weight;
	uint64_t capacity;
	size_t n_owned;
	const char *host;
	const char *version;
	int64_t since_ms;
	uint32_t pid;
};

struct metafora_node_list {
	size_t n;
	struct node_row rows[];
};

/* Copy name to *at, which moves behind it. */
static const char *put(char **at, const char *name)
{
	size_t bytes = strlen(name) + 1;
	char *copy = *at;

	memcpy(copy, name, bytes);
	*at += bytes;
	return copy;
}

bool mf_listing_valid(const struct metafora_reply *reply, const char *prefix,
		      const char *after, size_t limit)
{
	const size_t prefix_bytes = strlen(prefix);
	const char *last = after;
	size_t i;

	if (reply->n_tasks && !reply->tasks)
		return false;
	if (limit && reply->n_tasks > limit)
		return false;
	for (i = 0; i < reply->n_tasks; i++) {
		const struct metafora_task_row *row = &reply->tasks[i];

		if (mf_task_id_check(row->task))
			return false;
		if (row->owner && mf_node_name_check(row->owner))
			return false;
		if (strncmp(row->task, prefix, prefix_bytes))
			return false;
		if (strcmp(row->task, last) <= 0)
			return false;
		last = row->task;
	}
	return true;
}

int mf_listing_new(const struct metafora_reply *reply,
		   struct metafora_listing **out)
{
	struct metafora_listing *listing;
	size_t bytes = sizeof(*listing);
	char *at;
	size_t i;

	for (i = 0; i < reply->n_tasks; i++) {
		const struct metafora_task_row *row = &reply->tasks[i];

		bytes += sizeof(listing->rows[0]) + strlen(row->task) + 1;
		if (row->owner)
			bytes += strlen(row->owner) + 1;
	}
	listing = malloc(bytes);
	if (!listing)
		return METAFORA_ENOMEM;
	listing->n = reply->n_tasks;
	listing->more = reply->more;
	at = (char *)&listing->rows[listing->n];
	for (i = 0; i < listing->n; i++) {
		const struct metafora_task_row *row = &reply->tasks[i];

		listing->rows[i].id = put(&at, row->task);
		listing->rows[i].owner =
			row->owner ? put(&at, row->owner) : NULL;
		listing->rows[i].token = row->owner ? row->token : 0;
		listing->rows[i].since_ms = row->owner ? row->since_ms : 0;
	}
	*out = listing;
	return 0;
}

static const struct task_row *task_row(const struct metafora_listing *listing,
				       size_t i)
{
	return listing && i < listing->n ? &listing->rows[i] : NULL;
}

size_t metafora_listing_size(const struct metafora_listing *listing)
{
	return listing ? listing->n : 0;
}

bool metafora_listing_more(const struct metafora_listing *listing)
{
	return listing && listing->more;
}

const char *metafora_listing_id(const struct metafora_listing *listing,
				size_t i)
{
	const struct task_row *row = task_row(listing, i);

	return row ? row->id : NULL;
}

const char *metafora_listing_owner(const struct metafora_listing *listing,
				   size_t i)
{
	const struct task_row *row = task_row(listing, i);

	return row ? row->owner : NULL;
}

uint64_t metafora_listing_token(const struct metafora_listing *listing,
				size_t i)
{
	const struct task_row *row = task_row(listing, i);

	return row ? row->token : 0;
}

int64_t metafora_listing_since_ms(const struct metafora_listing *listing,
				  size_t i)
{
	const struct task_row *row = task_row(listing, i);

	return row ? row->since_ms : 0;
}

void metafora_listing_free(struct metafora_listing *listing)
{
	free(listing);
}

static bool state_valid(enum metafora_member_state state)
{
	return state == METAFORA_MEMBER_ACTIVE ||
	       state == METAFORA_MEMBER_FROZEN ||
	       state == METAFORA_MEMBER_DRAINING;
}

bool mf_node_list_valid(const struct metafora_reply *reply)
{
	const char *last = "";
	size_t i;

	if (reply->n_members && !reply->members)
		return false;
	for (i = 0; i < reply->n_members; i++) {
		const struct metafora_member_record *record =
			&reply->members[i].record;

		if (mf_node_name_check(record->node))
			return false;
		if (strcmp(record->node, last) <= 0)
			return false;
		if (!state_valid(record->state) || !isfinite(record->weight))
			return false;
		last = record->node;
	}
	return true;
}

/* What is for people may be missing. */
static const char *text_of(const char *text)
{
	return text ? text : "";
}

int mf_node_list_new(const struct metafora_reply *reply,
		     struct metafora_node_list **out)
{
	struct metafora_node_list *list;
	size_t bytes = sizeof(*list);
	char *at;
	size_t i;

	for (i = 0; i < reply->n_members; i++)
		bytes += sizeof(list->rows[0]) +
			 strlen(reply->members[i].record.node) + 1 +
			 strlen(text_of(reply->members[i].record.host)) + 1 +
			 strlen(text_of(reply->members[i].record.version)) + 1;
	list = malloc(bytes);
	if (!list)
		return METAFORA_ENOMEM;
	list->n = reply->n_members;
	at = (char *)&list->rows[list->n];
	for (i = 0; i < list->n; i++) {
		const struct metafora_member_row *member = &reply->members[i];
		struct node_row *row = &list->rows[i];

		row->name = put(&at, member->record.node);
		row->state = member->record.state;
		row->weight = member->record.weight;
		row->capacity = member->record.capacity;
		row->n_owned = member->n_owned;
		row->host = put(&at, text_of(member->record.host));
		row->version = put(&at, text_of(member->record.version));
		row->since_ms = member->record.start_ms;
		row->pid = member->record.pid;
	}
	*out = list;
	return 0;
}

static const struct node_row *node_row(const struct metafora_node_list *list,
				       size_t i)
{
	return list && i < list->n ? &list->rows[i] : NULL;
}

size_t metafora_node_list_size(const struct metafora_node_list *list)
{
	return list ? list->n : 0;
}

const char *metafora_node_list_name(const struct metafora_node_list *list,
				    size_t i)
{
	const struct node_row *row = node_row(list, i);

	return row ? row->name : NULL;
}

enum metafora_member_state
metafora_node_list_state(const struct metafora_node_list *list, size_t i)
{
	const struct node_row *row = node_row(list, i);

	return row ? row->state : METAFORA_MEMBER_ACTIVE;
}

double metafora_node_list_weight(const struct metafora_node_list *list,
				 size_t i)
{
	const struct node_row *row = node_row(list, i);

	return row ? row->weight : 0;
}

uint64_t metafora_node_list_capacity(const struct metafora_node_list *list,
				     size_t i)
{
	const struct node_row *row = node_row(list, i);

	return row ? row->capacity : 0;
}

size_t metafora_node_list_n_owned(const struct metafora_node_list *list,
				  size_t i)
{
	const struct node_row *row = node_row(list, i);

	return row ? row->n_owned : 0;
}

const char *metafora_node_list_host(const struct metafora_node_list *list,
				    size_t i)
{
	const struct node_row *row = node_row(list, i);

	return row ? row->host : NULL;
}

uint32_t metafora_node_list_pid(const struct metafora_node_list *list, size_t i)
{
	const struct node_row *row = node_row(list, i);

	return row ? row->pid : 0;
}

const char *metafora_node_list_version(const struct metafora_node_list *list,
				       size_t i)
{
	const struct node_row *row = node_row(list, i);

	return row ? row->version : NULL;
}

int64_t metafora_node_list_since_ms(const struct metafora_node_list *list,
				    size_t i)
{
	const struct node_row *row = node_row(list, i);

	return row ? row->since_ms : 0;
}

void metafora_node_list_free(struct metafora_node_list *list)
{
	free(list);
}
