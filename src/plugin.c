/* SPDX-License-Identifier: Apache-2.0 */
/* Coordinator and balancer objects: checks their tables, counts references. */
#include "plugin.h"

#include <metafora/error.h>
#include <stdbool.h>
#include <stdlib.h>

/*
 * Bytes of a table up to and with a member.  The tables only grow, so one that
 * ends with the last member of version 1 is complete.
 */
#define BYTES_WITH(type, member)                                              \
	(offsetof(type, member) + sizeof(((type *)NULL)->member))

/* A larger table is of a newer plug-in; what it has more is not looked at. */
static bool abi_fits(uint32_t abi_version, uint32_t expected, uint32_t size,
		     size_t least_bytes)
{
	return abi_version == expected && size >= least_bytes;
}

/* --- balancers ------------------------------------------------------------ */

int metafora_balancer_new(const struct metafora_balancer_ops *ops, void *state,
			  struct metafora_balancer **out)
{
	struct metafora_balancer *balancer;

	if (!ops || !out)
		return METAFORA_EINVAL;
	if (!abi_fits(ops->abi_version, METAFORA_BALANCER_ABI, ops->size,
		      BYTES_WITH(struct metafora_balancer_ops, destroy)))
		return METAFORA_EABI;
	if (!ops->name)
		return METAFORA_EINVAL;
	if (!ops->can_claim || !ops->balance)
		return METAFORA_EOPMISSING;
	balancer = calloc(1, sizeof(*balancer));
	if (!balancer)
		return METAFORA_ENOMEM;
	balancer->ops = ops;
	balancer->state = state;
	*out = balancer;
	return 0;
}

void metafora_balancer_free(struct metafora_balancer *balancer)
{
	if (!balancer)
		return;
	if (balancer->ops->destroy)
		balancer->ops->destroy(balancer->state);
	free(balancer);
}

void *metafora_balancer_state(const struct metafora_balancer *balancer,
			      const struct metafora_balancer_ops *ops)
{
	return balancer && balancer->ops == ops ? balancer->state : NULL;
}

/* --- coordinators --------------------------------------------------------- */

static int check_node_ops(const struct metafora_node_ops *ops)
{
	if (!abi_fits(ops->abi_version, METAFORA_COORDINATOR_ABI, ops->size,
		      BYTES_WITH(struct metafora_node_ops, free)))
		return METAFORA_EABI;
	if (!ops->name)
		return METAFORA_EINVAL;
	if (!ops->open || !ops->claim || !ops->withdraw || !ops->release ||
	    !ops->done || !ops->publish || !ops->ack || !ops->refresh ||
	    !ops->close || !ops->free)
		return METAFORA_EOPMISSING;
	if ((ops->flags & METAFORA_COORDINATOR_LINES) && !ops->queue)
		return METAFORA_EOPMISSING;
	return 0;
}

static int check_client_ops(const struct metafora_client_ops *ops)
{
	if (!abi_fits(ops->abi_version, METAFORA_COORDINATOR_ABI, ops->size,
		      BYTES_WITH(struct metafora_client_ops, free)))
		return METAFORA_EABI;
	if (!ops->name)
		return METAFORA_EINVAL;
	if (!ops->open || !ops->submit || !ops->remove || !ops->list ||
	    !ops->get || !ops->nodes || !ops->command || !ops->cancel ||
	    !ops->close || !ops->free)
		return METAFORA_EOPMISSING;
	return 0;
}

int metafora_coordinator_new(const struct metafora_node_ops *node_ops,
			     const struct metafora_client_ops *client_ops,
			     void *config, void (*free_config)(void *config),
			     struct metafora_coordinator **out)
{
	struct metafora_coordinator *coordinator;
	int error = 0;

	if ((!node_ops && !client_ops) || !out)
		return METAFORA_EINVAL;
	if (node_ops)
		error = check_node_ops(node_ops);
	if (!error && client_ops)
		error = check_client_ops(client_ops);
	if (error)
		return error;
	coordinator = calloc(1, sizeof(*coordinator));
	if (!coordinator)
		return METAFORA_ENOMEM;
	atomic_init(&coordinator->n_refs, 1);
	coordinator->node_ops = node_ops;
	coordinator->client_ops = client_ops;
	coordinator->config = config;
	coordinator->free_config = free_config;
	*out = coordinator;
	return 0;
}

struct metafora_coordinator *
mf_coordinator_ref(struct metafora_coordinator *coordinator)
{
	atomic_fetch_add(&coordinator->n_refs, 1);
	return coordinator;
}

void metafora_coordinator_free(struct metafora_coordinator *coordinator)
{
	if (!coordinator || atomic_fetch_sub(&coordinator->n_refs, 1) != 1)
		return;
	if (coordinator->free_config)
		coordinator->free_config(coordinator->config);
	free(coordinator);
}
