/* SPDX-License-Identifier: Apache-2.0 */
/* A balancer's plan: gathers what the balancer wants, in its order. */
#include "plan.h"

#include <metafora/error.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int pick(struct mf_picks *picks,
		const struct metafora_cluster_task *task)
{
	if (picks->n == picks->room) {
		size_t room = picks->room ? 2 * picks->room : 64;
		struct metafora_cluster_task **tasks =
			realloc(picks->tasks, room * sizeof(*tasks));

		if (!tasks)
			return METAFORA_ENOMEM;
		picks->tasks = tasks;
		picks->room = room;
	}
	/* The plan is core's own: the view it points into is not const here. */
	picks->tasks[picks->n++] =
		(struct metafora_cluster_task *)(uintptr_t)task;
	return 0;
}

int metafora_plan_release(struct metafora_plan *plan,
			  const struct metafora_cluster_task *task)
{
	return plan && task ? pick(&plan->releases, task) : METAFORA_EINVAL;
}

int metafora_plan_queue(struct metafora_plan *plan,
			const struct metafora_cluster_task *task)
{
	return plan && task ? pick(&plan->queues, task) : METAFORA_EINVAL;
}

int metafora_plan_withdraw(struct metafora_plan *plan,
			   const struct metafora_cluster_task *task)
{
	return plan && task ? pick(&plan->withdrawals, task) : METAFORA_EINVAL;
}

int metafora_plan_evict(struct metafora_plan *plan,
			const struct metafora_cluster_task *task)
{
	return plan && task ? pick(&plan->evictions, task) : METAFORA_EINVAL;
}

void mf_plan_clear(struct metafora_plan *plan)
{
	plan->releases.n = 0;
	plan->queues.n = 0;
	plan->withdrawals.n = 0;
	plan->evictions.n = 0;
}

void mf_plan_fini(struct metafora_plan *plan)
{
	free(plan->releases.tasks);
	free(plan->queues.tasks);
	free(plan->withdrawals.tasks);
	free(plan->evictions.tasks);
	memset(plan, 0, sizeof(*plan));
}
