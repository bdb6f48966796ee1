/* SPDX-License-Identifier: Apache-2.0 */
/* The conformance suite on the ZooKeeper coordinator over a simulated ensemble. */
#include "clock.h"
#include "conf/conf.h"
#include "fakezk.h"
#include "zookeeper/options.h"

#define TIMEOUT_MS 1000
#define TICK_MS 100
#define N_SEEDS 10

static struct world *world; /* of the present case */

static void *broker(struct site *site, unsigned int n_servers,
		    uint64_t latency_max_ms, uint64_t lag_max_ms)
{
	const struct fakezk_config config = {
		.n_servers = n_servers,
		.tick_ns = TICK_MS * MF_NS_PER_MS,
		.latency_min_ns = MF_NS_PER_MS / 20,
		.latency_max_ns = latency_max_ms * MF_NS_PER_MS,
		.lag_max_ns = lag_max_ms * MF_NS_PER_MS,
	};

	world = site->world;
	return fakezk_new(world, &config);
}

static void *one_server(struct site *site)
{
	return broker(site, 1, 1, 0);
}

static void *three_servers(struct site *site)
{
	return broker(site, 3, 1, 2);
}

static void *slow_servers(struct site *site)
{
	return broker(site, 3, 8, 0);
}

static void *lagging_servers(struct site *site)
{
	return broker(site, 3, 1, 60);
}

static void broker_free(void *arg)
{
	struct fakezk *fake = arg;

	/* Who was cut off when it closed is gone when its time is over. */
	world_run_for(world, 2 * TIMEOUT_MS * MF_NS_PER_MS);
	CU_ASSERT_EQUAL(fakezk_n_sessions(fake), 0);
	CU_ASSERT_EQUAL(fakezk_n_children(fake, "/test/ns/nodes"), 0);
	CU_ASSERT_EQUAL(fakezk_n_children(fake, "/test/ns/leases"), 0);
	fakezk_free(fake);
}

static struct metafora_coordinator *coordinator_new(void *fake)
{
	struct metafora_zookeeper_options *options;
	struct metafora_coordinator *coordinator;

	CU_ASSERT_EQUAL_FATAL(
		metafora_zookeeper_options_new("fake", "/test/ns", &options),
		0);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_session_timeout_ms(options,
								  TIMEOUT_MS),
			0);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_buckets(options, 16), 0);
	CU_ASSERT_EQUAL_FATAL(mf_zk_coordinator_new(options, &fakezk_calls,
						    fake, &coordinator),
			      0);
	metafora_zookeeper_options_free(options);
	return coordinator;
}

static void expire(void *fake, const char *node)
{
	fakezk_expire(fake, node);
}

static void cut(void *fake, const char *node, bool is_cut)
{
	fakezk_cut(fake, node, is_cut);
}

static void lose(void *fake, const char *node, size_t n_writes,
		 bool before_commit)
{
	fakezk_lose(fake, node, n_writes, before_commit);
}

#define BACKEND(make_broker)                                                   \
	{                                                                      \
		.site_new = site_new_world, .n_seeds = N_SEEDS,               \
		.patience_ms = 20000,                                          \
		.broker_new = make_broker, .broker_free = broker_free,         \
		.coordinator_new = coordinator_new, .expire = expire,          \
		.cut = cut, .lose = lose,                                      \
	}

static const struct conf_backend one = BACKEND(one_server);
static const struct conf_backend three = BACKEND(three_servers);
static const struct conf_backend slow = BACKEND(slow_servers);
static const struct conf_backend lag = BACKEND(lagging_servers);

CONF_CASES(CONF_STAMP, one)
CONF_CASES(CONF_STAMP, three)
CONF_CASES(CONF_STAMP, slow)
CONF_CASES(CONF_STAMP, lag)

/* clang-format off */
static const struct tap_case cases[] = {
	CONF_CASES(CONF_ROW, one)
	CONF_CASES(CONF_ROW, three)
	CONF_CASES(CONF_ROW, slow)
	CONF_CASES(CONF_ROW, lag)
};
/* clang-format on */

TAP_MAIN(cases, NULL, NULL)
