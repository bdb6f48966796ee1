/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded broker as a simulated cluster's backend. */
#include <stdlib.h>

#include "sim.h"

static void open_broker(struct sim *sim)
{
	struct metafora_embedded_broker *broker;

	if (metafora_embedded_broker_new(sim->timeout_ms, &broker) ||
	    metafora_embedded_coordinator_new(broker, &sim->coordinator))
		abort();
	sim->broker = broker;
}

static void close_broker(struct sim *sim)
{
	metafora_embedded_broker_free(sim->broker);
}

static void cut(struct sim *sim, const char *node, bool is_cut)
{
	metafora_embedded_cut(sim->broker, node, is_cut);
}

static void expire(struct sim *sim, const char *node)
{
	metafora_embedded_expire(sim->broker, node);
}

static void fault(struct sim *sim, const char *node)
{
	switch (sim_between(sim, 0, 2)) {
	case 0:
		metafora_embedded_delay(sim->broker, node, 0,
					sim_between(sim, 0, 300));
		break;
	case 1:
		metafora_embedded_lag(sim->broker, node,
				      sim_between(sim, 0, 2000));
		break;
	default:
		metafora_embedded_lose(sim->broker, node,
				       sim_between(sim, 1, 20),
				       sim_between(sim, 0, 1));
		break;
	}
}

static void delay(struct sim *sim, int64_t ms)
{
	metafora_embedded_delay(sim->broker, NULL, ms, ms);
}

static void heal(struct sim *sim, const char *node)
{
	metafora_embedded_cut(sim->broker, node, false);
	metafora_embedded_delay(sim->broker, node, 0, 0);
	metafora_embedded_lag(sim->broker, node, 0);
	metafora_embedded_lose(sim->broker, node, 0, false);
}

const struct sim_backend sim_embedded = {
	.open = open_broker,
	.close = close_broker,
	.cut = cut,
	.expire = expire,
	.fault = fault,
	.delay = delay,
	.heal = heal,
};
