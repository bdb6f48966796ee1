/* SPDX-License-Identifier: Apache-2.0 */
/* Makes simulated ensembles and coordinators on them for cases. */
#include "fakezk_site.h"

#include "fakezk_int.h"

static uint64_t or_else(uint64_t value, uint64_t otherwise)
{
	return value ? value : otherwise;
}

void *fakezk_site_broker(struct site *site, const void *config)
{
	const struct fakezk_site *of = config;
	const struct fakezk_config servers = {
		.n_servers = of->n_servers ? of->n_servers : 3,
		.tick_ns = or_else(of->tick_ms, FAKEZK_TICK_MS) * MF_NS_PER_MS,
		.latency_min_ns = MF_NS_PER_MS / 20,
		.latency_max_ns = or_else(of->latency_max_ms, 1) * MF_NS_PER_MS,
		.lag_min_ns = of->lag_min_ms * MF_NS_PER_MS,
		.lag_max_ns = of->lag_max_ms * MF_NS_PER_MS,
	};

	return fakezk_new(site->world, &servers);
}

void fakezk_site_drain(void *arg)
{
	struct fakezk *fake = arg;

	/* Who was cut off when it closed is gone when its time is over. */
	world_run_for(fake->world, 2 * FAKEZK_TIMEOUT_MS * MF_NS_PER_MS);
	CU_ASSERT_EQUAL(fakezk_n_sessions(fake), 0);
}

void fakezk_site_free(void *fake)
{
	fakezk_site_drain(fake);
	fakezk_free(fake);
}

struct metafora_coordinator *fakezk_site_coordinator(void *fake,
						     const void *config)
{
	const struct fakezk_site *of = config;
	struct metafora_zookeeper_options *options;
	struct metafora_coordinator *coordinator;

	CU_ASSERT_EQUAL_FATAL(
		metafora_zookeeper_options_new("fake", of->root, &options), 0);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_session_timeout_ms(
				options, FAKEZK_TIMEOUT_MS),
			0);
	if (of->n_buckets)
		CU_ASSERT_EQUAL(metafora_zookeeper_set_buckets(options,
							       of->n_buckets),
				0);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_takeover_delay_ms(
				options, of->takeover_delay_ms),
			0);
	CU_ASSERT_EQUAL_FATAL(
		mf_zk_coordinator_new(options,
				      of->calls ? of->calls : &fakezk_calls,
				      fake, &coordinator),
		0);
	metafora_zookeeper_options_free(options);
	return coordinator;
}
