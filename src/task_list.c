/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of tasks, sorted by ID, that callers own. */
#include "task_list.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

struct metafora_task_list {
	struct mf_task_row *rows;
	size_t n;
	size_t room;
};

struct metafora_task_list *mf_task_list_new(void)
{
	return calloc(1, sizeof(struct metafora_task_list));
}

int mf_task_list_add(struct metafora_task_list *list,
		     const struct mf_task_row *row)
{
	char *id;

	if (list->n == list->room) {
		size_t room = list->room ? 2 * list->room : 16;
		struct mf_task_row *rows =
			realloc(list->rows, room * sizeof(*rows));

		if (!rows)
			return METAFORA_ENOMEM;
		list->rows = rows;
		list->room = room;
	}
	id = strdup(row->id);
	if (!id)
		return METAFORA_ENOMEM;
	list->rows[list->n] = *row;
	list->rows[list->n++].id = id;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct mf_task_row *left = a;
	const struct mf_task_row *right = b;

	return strcmp(left->id, right->id);
}

void mf_task_list_sort(struct metafora_task_list *list)
{
	if (list->n)
		qsort(list->rows, list->n, sizeof(*list->rows), compare);
}

static const struct mf_task_row *row(const struct metafora_task_list *list,
				     size_t i)
{
	return list && i < list->n ? &list->rows[i] : NULL;
}

size_t metafora_task_list_size(const struct metafora_task_list *list)
{
	return list ? list->n : 0;
}

const char *metafora_task_list_id(const struct metafora_task_list *list,
				  size_t i)
{
	return row(list, i) ? row(list, i)->id : NULL;
}

uint64_t metafora_task_list_token(const struct metafora_task_list *list,
				  size_t i)
{
	return row(list, i) ? row(list, i)->token : 0;
}

uint64_t metafora_task_list_started_ns(const struct metafora_task_list *list,
				       size_t i)
{
	return row(list, i) ? row(list, i)->started_ns : 0;
}

uint64_t metafora_task_list_stopped_ns(const struct metafora_task_list *list,
				       size_t i)
{
	return row(list, i) ? row(list, i)->stopped_ns : 0;
}

uint64_t metafora_task_list_until_ns(const struct metafora_task_list *list,
				     size_t i)
{
	return row(list, i) ? row(list, i)->until_ns : 0;
}

void metafora_task_list_free(struct metafora_task_list *list)
{
	size_t i;

	if (!list)
		return;
	for (i = 0; i < list->n; i++)
		free(list->rows[i].id);
	free(list->rows);
	free(list);
}
