/* SPDX-License-Identifier: Apache-2.0 */
/* The ZooKeeper coordinator over a simulated ensemble, as a backend. */
#include <stdlib.h>

#include "clock.h"
#include "fakezk.h"
#include "name.h"
#include "sim.h"
#include "zookeeper/options.h"
#include "zookeeper/path.h"

#define SERVERS 3
/* Sessions last ten ticks. */
#define TICKS 10
#define BUCKETS 8

static void open_broker(struct sim *sim)
{
	const struct fakezk_config config = {
		.n_servers = SERVERS,
		.tick_ns = (uint64_t)sim->timeout_ms * MF_NS_PER_MS / TICKS,
		.latency_min_ns = MF_NS_PER_MS / 20,
		.latency_max_ns = MF_NS_PER_MS,
		.lag_max_ns = sim_between(sim, 0, 60) * MF_NS_PER_MS,
	};
	struct metafora_zookeeper_options *options;

	sim->broker = fakezk_new(sim->world, &config);
	if (metafora_zookeeper_options_new("fake", "/sim", &options) ||
	    metafora_zookeeper_set_session_timeout_ms(options,
						      sim->timeout_ms) ||
	    metafora_zookeeper_set_buckets(options, BUCKETS) ||
	    mf_zk_coordinator_new(options, &fakezk_calls, sim->broker,
				  &sim->coordinator))
		abort();
	metafora_zookeeper_options_free(options);
}

static void close_broker(struct sim *sim)
{
	fakezk_free(sim->broker);
}

static void cut(struct sim *sim, const char *node, bool is_cut)
{
	fakezk_cut(sim->broker, node, is_cut);
}

static void expire(struct sim *sim, const char *node)
{
	fakezk_expire(sim->broker, node);
}

static void fault(struct sim *sim, const char *node)
{
	switch (sim_between(sim, 0, 5)) {
	case 0:
		fakezk_reset(sim->broker, node);
		break;
	case 1:
	case 2:
		fakezk_lose(sim->broker, node, sim_between(sim, 1, 5),
			    sim_between(sim, 0, 1));
		break;
	case 3:
		fakezk_isolate(sim->broker, sim_between(sim, 1, SERVERS - 1),
			       true);
		break;
	case 4:
		fakezk_elect(sim->broker);
		break;
	default:
		fakezk_isolate(sim->broker, sim_between(sim, 1, SERVERS - 1),
			       false);
		break;
	}
}

static void heal(struct sim *sim, const char *node)
{
	unsigned int i;

	fakezk_cut(sim->broker, node, false);
	fakezk_lose(sim->broker, node, 0, false);
	for (i = 1; i < SERVERS; i++)
		fakezk_isolate(sim->broker, i, false);
}

static bool exists(struct sim *sim, const char *id)
{
	char *path = mf_zk_path_task("/sim", mf_name_hash(id) % BUCKETS, id);
	bool there = fakezk_exists(sim->broker, path);

	free(path);
	return there;
}

const struct sim_backend sim_fakezk = {
	.open = open_broker,
	.close = close_broker,
	.cut = cut,
	.expire = expire,
	.fault = fault,
	.heal = heal,
	.exists = exists,
};
