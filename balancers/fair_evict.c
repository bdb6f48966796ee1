/* SPDX-License-Identifier: Apache-2.0 */
/* Waiters that stand in a line of ours without being able to take over. */
#include "fair.h"

#include "rendezvous.h"

/*
 * A waiter that we would not release a task to leaves its line by itself when
 * it sees what we see.  One that does not, because it is stuck or knows no
 * better, keeps those behind it from the task: it has until a timeout.
 */

static struct mf_fair_stall *get_stall(struct mf_fair *fair, uint64_t node,
				       uint64_t now_ns)
{
	struct mf_fair_stall *stall;
	size_t i;

	for (i = 0; i < fair->n_stalls; i++) {
		if (fair->stalls[i].node == node)
			return &fair->stalls[i];
	}
	if (fair->n_stalls == MF_FAIR_STALLS_MAX)
		return NULL;
	stall = &fair->stalls[fair->n_stalls++];
	stall->node = node;
	stall->since_ns = now_ns;
	return stall;
}

/* Forget those that have not been seen; returns when the next is due. */
static uint64_t forget_gone(struct mf_fair *fair)
{
	uint64_t due_ns = 0;
	size_t n = 0;
	size_t i;

	for (i = 0; i < fair->n_stalls; i++) {
		const struct mf_fair_stall *stall = &fair->stalls[i];

		if (!stall->seen)
			continue;
		if (!due_ns || stall->since_ns + fair->stall_ns < due_ns)
			due_ns = stall->since_ns + fair->stall_ns;
		fair->stalls[n++] = *stall;
	}
	fair->n_stalls = n;
	return due_ns;
}

uint64_t mf_fair_evict(struct mf_fair *fair,
		       const struct metafora_balance *balance,
		       struct metafora_plan *plan)
{
	const struct metafora_cluster_task *task = NULL;
	uint64_t due_ns;
	size_t i;

	for (i = 0; i < fair->n_stalls; i++)
		fair->stalls[i].seen = false;
	while ((task = metafora_cluster_next_own(balance->cluster, task))) {
		const char *name = metafora_cluster_task_waiter(task, 0);
		struct mf_fair_stall *stall;

		if (!name || mf_fair_waiter(fair, task))
			continue;
		stall = get_stall(fair, mf_rendezvous_hash(name),
				  balance->now_ns);
		if (!stall)
			continue;
		stall->seen = true;
		/* Without memory: at the next turn. */
		if (balance->now_ns - stall->since_ns >= fair->stall_ns)
			(void)metafora_plan_evict(plan, task);
	}
	due_ns = forget_gone(fair);
	/* What was evicted just now shows in the view. */
	if (due_ns && due_ns <= balance->now_ns)
		due_ns = balance->now_ns + fair->stall_ns;
	return due_ns;
}
