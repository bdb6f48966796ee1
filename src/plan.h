/* SPDX-License-Identifier: Apache-2.0 */
/* A balancer's plan: the tasks it wants released. */
#ifndef MF_PLAN_H
#define MF_PLAN_H

#include <metafora/balancer.h>

/* All zero is an empty plan.  To use it again set n_releases to 0. */
struct metafora_plan {
	struct metafora_cluster_task **releases;
	size_t n_releases;
	size_t room;
};

void mf_plan_fini(struct metafora_plan *plan);

#endif
