/* SPDX-License-Identifier: Apache-2.0 */
/* A batch: many tasks to submit in one call. */
#include "batch.h"

#include <metafora/error.h>
#include <metafora/task.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"

/* Tasks that there is room for at first; doubled whenever it is full. */
#define ROOM_MIN 16

int mf_submission_check(const char *id, size_t id_bytes, const void *properties,
			size_t size_bytes)
{
	int error = mf_name_check(id, id_bytes, METAFORA_TASK_ID_MAX);

	if (error)
		return error;
	if (size_bytes > METAFORA_PROPERTIES_MAX)
		return METAFORA_E2BIG;
	if (!properties && size_bytes)
		return METAFORA_EINVAL;
	return 0;
}

int metafora_batch_new(struct metafora_batch **out)
{
	struct metafora_batch *batch;

	if (!out)
		return METAFORA_EINVAL;
	batch = calloc(1, sizeof(*batch));
	if (!batch)
		return METAFORA_ENOMEM;
	*out = batch;
	return 0;
}

void metafora_batch_free(struct metafora_batch *batch)
{
	size_t i;

	if (!batch)
		return;
	for (i = 0; i < batch->n; i++)
		free((char *)(uintptr_t)batch->tasks[i].task);
	free(batch->tasks);
	free(batch->errors);
	free(batch);
}

/* Make room for one more task. */
static int grow(struct metafora_batch *batch)
{
	size_t room = batch->room ? 2 * batch->room : ROOM_MIN;
	struct metafora_submission *tasks;
	int *errors;

	if (batch->n < batch->room)
		return 0;
	if (room > SIZE_MAX / sizeof(*tasks))
		return METAFORA_ENOMEM;
	tasks = realloc(batch->tasks, room * sizeof(*tasks));
	if (!tasks)
		return METAFORA_ENOMEM;
	batch->tasks = tasks;
	errors = realloc(batch->errors, room * sizeof(*errors));
	if (!errors)
		return METAFORA_ENOMEM;
	batch->errors = errors;
	batch->room = room;
	return 0;
}

int metafora_batch_add(struct metafora_batch *batch, const char *id,
		       size_t id_bytes, const void *properties,
		       size_t size_bytes)
{
	char *copy;
	int error;

	if (!batch)
		return METAFORA_EINVAL;
	error = mf_submission_check(id, id_bytes, properties, size_bytes);
	if (error)
		return error;
	error = grow(batch);
	if (error)
		return error;
	/* One block: the ID, its NUL, the properties. */
	copy = malloc(id_bytes + 1 + size_bytes);
	if (!copy)
		return METAFORA_ENOMEM;
	memcpy(copy, id, id_bytes);
	copy[id_bytes] = '\0';
	if (size_bytes)
		memcpy(copy + id_bytes + 1, properties, size_bytes);
	batch->tasks[batch->n].task = copy;
	batch->tasks[batch->n].properties = copy + id_bytes + 1;
	batch->tasks[batch->n].size_bytes = size_bytes;
	batch->errors[batch->n] = METAFORA_ESTATE;
	batch->n++;
	return 0;
}

size_t metafora_batch_size(const struct metafora_batch *batch)
{
	return batch ? batch->n : 0;
}

const char *metafora_batch_id(const struct metafora_batch *batch, size_t i)
{
	return batch && i < batch->n ? batch->tasks[i].task : NULL;
}

int metafora_batch_error(const struct metafora_batch *batch, size_t i)
{
	return batch && i < batch->n ? batch->errors[i] : METAFORA_EINVAL;
}
