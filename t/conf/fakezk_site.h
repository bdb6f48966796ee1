/* SPDX-License-Identifier: Apache-2.0 */
/* The ZooKeeper coordinator over a simulated ensemble, as a backend. */
#ifndef T_FAKEZK_SITE_H
#define T_FAKEZK_SITE_H

#include "clock.h"
#include "conf.h"
#include "fakezk.h"
#include "zookeeper/options.h"

/* Sessions' timeout, and the tick of servers that are not told another. */
#define FAKEZK_TIMEOUT_MS 1000
#define FAKEZK_TICK_MS 100

/* What 0 or NULL stands for is said in brackets. */
struct fakezk_site {
	const char *root;
	uint32_t n_buckets; /* (the default) */
	int64_t takeover_delay_ms;
	const struct zk_calls *calls; /* (fakezk_calls) */
	unsigned int n_servers;       /* (3) */
	uint64_t tick_ms;             /* (FAKEZK_TICK_MS) */
	uint64_t latency_max_ms;      /* (1) */
	uint64_t lag_min_ms;
	uint64_t lag_max_ms;
};

/* Of a backend whose config is a struct fakezk_site; brokers: struct fakezk. */
void *fakezk_site_broker(struct site *site, const void *config);
/* Until every session has ended; then CU_ASSERTs that none is left. */
void fakezk_site_drain(void *fake);
/* Drains it, too. */
void fakezk_site_free(void *fake);
struct metafora_coordinator *fakezk_site_coordinator(void *fake,
						     const void *config);

#define FAKEZK_SITE(site, seeds)                                              \
	.site_new = site_new_world, .n_seeds = (seeds), .config = &(site),    \
	.broker_new = fakezk_site_broker, .broker_free = fakezk_site_free,    \
	.coordinator_new = fakezk_site_coordinator

#endif
