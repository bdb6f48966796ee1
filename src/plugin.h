/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of coordinator and balancer objects: tables checked once. */
#ifndef MF_PLUGIN_H
#define MF_PLUGIN_H

#include <stdatomic.h>

#include <metafora/balancer.h>
#include <metafora/coordinator.h>

struct metafora_coordinator {
	atomic_uint n_refs;
	const struct metafora_node_ops *node_ops;     /* may be NULL */
	const struct metafora_client_ops *client_ops; /* may be NULL */
	void *config;
	void (*free_config)(void *config);
};

/* A further reference. */
struct metafora_coordinator *
mf_coordinator_ref(struct metafora_coordinator *coordinator);

struct metafora_balancer {
	const struct metafora_balancer_ops *ops;
	void *state;
};

#endif
