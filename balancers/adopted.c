/* SPDX-License-Identifier: Apache-2.0 */
/* The set of tasks taken beyond the share, and when to probe. */
#include "adopted.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct mf_adopted_task {
	UT_hash_handle hh;
	char id[];
};

static struct mf_adopted_task *find(const struct mf_adopted *adopted,
				    const char *id)
{
	struct mf_adopted_task *task;

	HASH_FIND_STR(adopted->tasks, id, task);
	return task;
}

static uint64_t hold_ns(const struct mf_adopted *adopted, uint64_t grace_ns)
{
	return MF_ADOPTED_HOLD_GRACES * grace_ns << adopted->n_probes;
}

/* The first task of the set: how patient to be. */
static void begin(struct mf_adopted *adopted, uint64_t now_ns,
		  uint64_t grace_ns)
{
	/* The last probe may be under way still, or have failed just now. */
	if (now_ns < adopted->probe_ns)
		return;
	if (now_ns - adopted->probe_ns > hold_ns(adopted, grace_ns))
		adopted->n_probes = 0;
	adopted->probe_ns = now_ns + hold_ns(adopted, grace_ns);
}

void mf_adopted_add(struct mf_adopted *adopted, const char *id,
		    uint64_t now_ns, uint64_t grace_ns)
{
	struct mf_adopted_task *task;
	size_t bytes;

	if (find(adopted, id) ||
	    HASH_COUNT(adopted->tasks) >= MF_ADOPTED_TASKS_MAX)
		return;
	bytes = strlen(id) + 1;
	task = calloc(1, sizeof(*task) + bytes);
	if (!task)
		return;
	memcpy(task->id, id, bytes);
	if (!adopted->tasks)
		begin(adopted, now_ns, grace_ns);
	HASH_ADD_KEYPTR(hh, adopted->tasks, task->id, bytes - 1, task);
	if (!task->hh.tbl)
		free(task);
}

bool mf_adopted_has(const struct mf_adopted *adopted, const char *id)
{
	return find(adopted, id) != NULL;
}

static void drop(struct mf_adopted *adopted, struct mf_adopted_task *task)
{
	HASH_DEL(adopted->tasks, task);
	free(task);
}

void mf_adopted_prune(struct mf_adopted *adopted,
		      bool (*keep)(const void *arg, const char *id),
		      const void *arg)
{
	struct mf_adopted_task *task, *tmp;

	HASH_ITER(hh, adopted->tasks, task, tmp) {
		if (!keep(arg, task->id))
			drop(adopted, task);
	}
}

void mf_adopted_probe(struct mf_adopted *adopted, const char *id,
		      uint64_t now_ns, uint64_t grace_ns)
{
	struct mf_adopted_task *task = find(adopted, id);
	size_t bytes = strnlen(id, sizeof(adopted->probe) - 1);

	memcpy(adopted->probe, id, bytes);
	adopted->probe[bytes] = '\0';
	adopted->taken_ns = 0;
	if (adopted->n_probes < MF_ADOPTED_DOUBLINGS)
		adopted->n_probes++;
	adopted->probe_ns = now_ns + hold_ns(adopted, grace_ns);
	if (task)
		drop(adopted, task);
}

void mf_adopted_clear(struct mf_adopted *adopted)
{
	struct mf_adopted_task *task, *tmp;

	HASH_ITER(hh, adopted->tasks, task, tmp)
		drop(adopted, task);
	memset(adopted, 0, sizeof(*adopted));
}
