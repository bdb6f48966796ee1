/* SPDX-License-Identifier: Apache-2.0 */
/* Who runs what in a cluster at one moment, as a client sees it. */
#ifndef SHELLD_DEMO_PICTURE_H
#define SHELLD_DEMO_PICTURE_H

#include <stdbool.h>
#include <stddef.h>

#include <metafora/client.h>

#define PICTURE_ROWS_MAX 8
#define PICTURE_TASKS_BYTES 512

struct picture_row {
	const char *node; /* borrowed */
	const char *state;
	bool has_joined; /* it was seen among the living once */
	bool is_dead;    /* we know it before the broker does */
	size_t n_tasks;
	char tasks[PICTURE_TASKS_BYTES]; /* IDs, each with a blank before it */
};

struct picture {
	struct picture_row rows[PICTURE_ROWS_MAX];
	size_t n_rows;
	size_t n_submitted;
	size_t n_running; /* tasks with an owner */
	size_t n_waiting; /* tasks without one */
	size_t n_done;
};

/* Add a node; name lives as long as the picture. */
void picture_add(struct picture *picture, const char *node);
struct picture_row *picture_find(struct picture *picture, const char *node);

/*
 * Take the picture anew: the nodes that were added, and all tasks of the
 * cluster.  Returns 0 or a METAFORA_E... code, and *what could not be done.
 */
int picture_take(struct picture *picture, struct metafora_client *client,
		 const char **what);

/* The largest difference in tasks between living nodes. */
size_t picture_spread(const struct picture *picture);
bool all_have_joined(const struct picture *picture);
bool every_task_has_a_living_owner(const struct picture *picture);
bool the_load_is_even(const struct picture *picture);
bool every_task_is_done(const struct picture *picture);

#endif
