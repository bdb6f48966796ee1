/* SPDX-License-Identifier: Apache-2.0 */
/* The set of tasks taken beyond the share, and how long each is held. */
#include "adopted.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct mf_adopted_task {
	UT_hash_handle hh;
	uint64_t until_ns;
	uint64_t hold_ns;
	char id[];
};

static struct mf_adopted_task *find(const struct mf_adopted *adopted,
				    const char *id)
{
	struct mf_adopted_task *task;

	HASH_FIND_STR(adopted->tasks, id, task);
	return task;
}

void mf_adopted_add(struct mf_adopted *adopted, const char *id,
		    uint64_t now_ns, uint64_t grace_ns)
{
	struct mf_adopted_task *task = find(adopted, id);
	size_t bytes;

	if (task) {
		/* Lost before its hold was over: that is no return. */
		if (now_ns >= task->until_ns)
			task->hold_ns = task->hold_ns < MF_ADOPTED_MAX_NS / 2
						? 2 * task->hold_ns
						: MF_ADOPTED_MAX_NS;
		task->until_ns = now_ns + task->hold_ns;
		return;
	}
	if (HASH_COUNT(adopted->tasks) >= MF_ADOPTED_TASKS_MAX)
		return;
	bytes = strlen(id) + 1;
	task = calloc(1, sizeof(*task) + bytes);
	if (!task)
		return;
	memcpy(task->id, id, bytes);
	task->hold_ns = MF_ADOPTED_FIRST_GRACES * grace_ns;
	if (task->hold_ns > MF_ADOPTED_MAX_NS)
		task->hold_ns = MF_ADOPTED_MAX_NS;
	task->until_ns = now_ns + task->hold_ns;
	HASH_ADD_KEYPTR(hh, adopted->tasks, task->id, bytes - 1, task);
	if (!task->hh.tbl)
		free(task);
}

uint64_t mf_adopted_until(const struct mf_adopted *adopted, const char *id,
			  uint64_t now_ns)
{
	const struct mf_adopted_task *task = find(adopted, id);

	return task && task->until_ns > now_ns ? task->until_ns : 0;
}

static void drop(struct mf_adopted *adopted, struct mf_adopted_task *task)
{
	HASH_DEL(adopted->tasks, task);
	free(task);
}

void mf_adopted_expire(struct mf_adopted *adopted, uint64_t now_ns)
{
	struct mf_adopted_task *task, *tmp;

	HASH_ITER(hh, adopted->tasks, task, tmp) {
		if (now_ns >= task->until_ns &&
		    now_ns - task->until_ns >= task->hold_ns)
			drop(adopted, task);
	}
}

void mf_adopted_clear(struct mf_adopted *adopted)
{
	struct mf_adopted_task *task, *tmp;

	HASH_ITER(hh, adopted->tasks, task, tmp)
		drop(adopted, task);
}
