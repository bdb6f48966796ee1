/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of tasks that callers get. */
#ifndef MF_TASK_LIST_H
#define MF_TASK_LIST_H

#include <metafora/consumer.h>

struct mf_task_row {
	char *id;
	uint64_t token;
	uint64_t started_ns;
	uint64_t stopped_ns;
	uint64_t until_ns;
};

struct metafora_task_list *mf_task_list_new(void); /* NULL: no memory */
/* Append; row->id is copied.  Returns 0 or METAFORA_ENOMEM. */
int mf_task_list_add(struct metafora_task_list *list,
		     const struct mf_task_row *row);
void mf_task_list_sort(struct metafora_task_list *list);

#endif
