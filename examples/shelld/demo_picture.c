/* SPDX-License-Identifier: Apache-2.0 */
/* Who runs what in a cluster at one moment, as a client sees it. */
#include "demo_picture.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* For a single answer of the broker. */
#define CALL_TIMEOUT_MS 8000

void picture_add(struct picture *picture, const char *node)
{
	assert(picture->n_rows < PICTURE_ROWS_MAX);
	picture->rows[picture->n_rows++] = (struct picture_row){
		.node = node,
		.state = "starting",
	};
}

struct picture_row *picture_find(struct picture *picture, const char *node)
{
	size_t i;

	for (i = 0; i < picture->n_rows; i++)
		if (node && !strcmp(picture->rows[i].node, node))
			return &picture->rows[i];
	return NULL;
}

static void clear(struct picture_row *row)
{
	if (row->has_joined)
		row->state = row->is_dead ? "dead" : "gone";
	row->n_tasks = 0;
	row->tasks[0] = '\0';
}

static void add_task(struct picture_row *row, const char *id)
{
	size_t n_bytes = strlen(row->tasks);

	row->n_tasks++;
	snprintf(row->tasks + n_bytes, sizeof(row->tasks) - n_bytes, " %s", id);
}

static void take_nodes(struct picture *picture,
		       const struct metafora_node_list *list)
{
	struct picture_row *row;
	size_t i;

	for (i = 0; i < picture->n_rows; i++)
		clear(&picture->rows[i]);
	for (i = 0; i < metafora_node_list_size(list); i++) {
		row = picture_find(picture, metafora_node_list_name(list, i));
		if (!row || row->is_dead)
			continue;
		row->has_joined = true;
		row->state = metafora_member_state_name(
			metafora_node_list_state(list, i));
	}
}

static void take_tasks(struct picture *picture,
		       const struct metafora_listing *list)
{
	struct picture_row *row;
	size_t i;

	picture->n_running = 0;
	picture->n_waiting = 0;
	for (i = 0; i < metafora_listing_size(list); i++) {
		row = picture_find(picture, metafora_listing_owner(list, i));
		if (row) {
			add_task(row, metafora_listing_id(list, i));
			picture->n_running++;
		} else {
			picture->n_waiting++;
		}
	}
	picture->n_done = picture->n_submitted - metafora_listing_size(list);
}

int picture_take(struct picture *picture, struct metafora_client *client,
		 const char **what)
{
	struct metafora_node_list *nodes;
	struct metafora_listing *tasks;
	int error;

	*what = "cannot list the nodes";
	error = metafora_client_nodes(client, CALL_TIMEOUT_MS, &nodes);
	if (error)
		return error;
	*what = "cannot list the tasks";
	error = metafora_client_list(client, NULL, NULL, 0, CALL_TIMEOUT_MS,
				     &tasks);
	if (!error) {
		take_nodes(picture, nodes);
		take_tasks(picture, tasks);
		metafora_listing_free(tasks);
	}
	metafora_node_list_free(nodes);
	return error;
}

size_t picture_spread(const struct picture *picture)
{
	size_t most = 0;
	size_t least = SIZE_MAX;
	size_t i;

	for (i = 0; i < picture->n_rows; i++) {
		const struct picture_row *row = &picture->rows[i];

		if (row->is_dead)
			continue;
		if (row->n_tasks > most)
			most = row->n_tasks;
		if (row->n_tasks < least)
			least = row->n_tasks;
	}
	return most - least;
}

bool all_have_joined(const struct picture *picture)
{
	size_t i;

	for (i = 0; i < picture->n_rows; i++)
		if (!picture->rows[i].has_joined)
			return false;
	return true;
}

bool every_task_has_a_living_owner(const struct picture *picture)
{
	size_t i;

	for (i = 0; i < picture->n_rows; i++)
		if (picture->rows[i].is_dead && picture->rows[i].n_tasks)
			return false;
	return !picture->n_waiting;
}

bool the_load_is_even(const struct picture *picture)
{
	return every_task_has_a_living_owner(picture) &&
	       picture_spread(picture) <= 1;
}

bool every_task_is_done(const struct picture *picture)
{
	return picture->n_done == picture->n_submitted;
}
