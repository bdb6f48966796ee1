/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where the core names plug-ins. */
#ifndef MF_REGISTRY_H
#define MF_REGISTRY_H

#include <metafora/balancer.h>
#include <metafora/coordinator.h>

#include "config_values.h"

/* The balancer of a consumer that is given none. */
int mf_default_balancer(struct metafora_balancer **out);

/*
 * What a configuration describes, if nothing contradicts itself or lacks.
 * Each returns 0, METAFORA_ENOMEM, METAFORA_ECONFIG after adding problems.
 */
int mf_config_balancer(const struct metafora_config *config,
		       struct mf_problems *problems,
		       struct metafora_balancer **out);
int mf_config_coordinator(struct metafora_config *config,
			  struct mf_problems *problems,
			  struct metafora_coordinator **out);
void mf_config_free_broker(struct metafora_config *config);

#endif
