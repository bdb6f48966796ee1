/* SPDX-License-Identifier: Apache-2.0 */
/* A balancer's plan: the tasks it wants released. */
#include "plan.h"

#include <metafora/error.h>
#include <stdlib.h>
#include <string.h>

int metafora_plan_release(struct metafora_plan *plan,
			  const struct metafora_cluster_task *task)
{
	if (!plan || !task)
		return METAFORA_EINVAL;
	if (plan->n_releases == plan->room) {
		size_t room = plan->room ? 2 * plan->room : 64;
		struct metafora_cluster_task **releases =
			realloc(plan->releases, room * sizeof(*releases));

		if (!releases)
			return METAFORA_ENOMEM;
		plan->releases = releases;
		plan->room = room;
	}
	/* The plan is core's own: the view it points into is not const here. */
	plan->releases[plan->n_releases++] =
		(struct metafora_cluster_task *)(uintptr_t)task;
	return 0;
}

void mf_plan_fini(struct metafora_plan *plan)
{
	free(plan->releases);
	memset(plan, 0, sizeof(*plan));
}
