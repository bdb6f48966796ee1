/* SPDX-License-Identifier: Apache-2.0 */
/* The conformance suite on the ZooKeeper coordinator over a simulated ensemble. */
#include "conf/conf.h"
#include "conf/fakezk_site.h"

#define N_SEEDS 10

#define SITE(...) {.root = "/test/ns", .n_buckets = 16, __VA_ARGS__}

static const struct fakezk_site one_server = SITE(.n_servers = 1);
static const struct fakezk_site three_servers = SITE(.lag_max_ms = 2);
static const struct fakezk_site slow_servers = SITE(.latency_max_ms = 8);
static const struct fakezk_site lagging_servers = SITE(.lag_max_ms = 60);

static void broker_free(void *fake)
{
	fakezk_site_drain(fake);
	CU_ASSERT_EQUAL(fakezk_n_children(fake, "/test/ns/nodes"), 0);
	CU_ASSERT_EQUAL(fakezk_n_children(fake, "/test/ns/leases"), 0);
	fakezk_site_free(fake);
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

#define BACKEND(site)                                                         \
	{                                                                     \
		.site_new = site_new_world, .n_seeds = N_SEEDS,               \
		.patience_ms = 20000, .config = &(site),                      \
		.broker_new = fakezk_site_broker, .broker_free = broker_free, \
		.coordinator_new = fakezk_site_coordinator, .expire = expire, \
		.cut = cut, .lose = lose,                                     \
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
