/* SPDX-License-Identifier: Apache-2.0 */
/* A balancer's plan: the what it wants done with which tasks. */
#ifndef MF_PLAN_H
#define MF_PLAN_H

#include <stddef.h>

#include <metafora/balancer.h>

struct mf_picks {
	struct metafora_cluster_task **tasks;
	size_t n;
	size_t room;
};

/* All zero is an empty plan. */
struct metafora_plan {
	struct mf_picks releases;
	struct mf_picks queues;
	struct mf_picks withdrawals;
	struct mf_picks evictions;
};

/* Empty it; the memory stays for the next. */
void mf_plan_clear(struct metafora_plan *plan);
void mf_plan_fini(struct metafora_plan *plan);

#endif
