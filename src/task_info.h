/* SPDX-License-Identifier: Apache-2.0 */
/* All there is to know about one task, made of a broker's answer. */
#ifndef MF_TASK_INFO_H
#define MF_TASK_INFO_H

#include <stdbool.h>

#include <metafora/client.h>
#include <metafora/coordinator.h>

/* Whether an answer is one about this task. */
bool mf_task_info_valid(const struct metafora_reply *reply, const char *id);

/* A copy of a valid answer.  0 or METAFORA_ENOMEM. */
int mf_task_info_new(const struct metafora_reply *reply,
		     struct metafora_task_info **out);

#endif
