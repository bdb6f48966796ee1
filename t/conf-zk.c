/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conformance suite on the ZooKeeper coordinator and real servers, of
 * which there are CONF_ZK_SERVERS.
 */
#include <stdio.h>
#include <stdlib.h>

#include "conf/conf.h"
#include "process.h"
#include "zklink.h"
#include "zkserver.h"
#include "zkwire.h"
#include "zookeeper/options.h"

#define TICK_MS 200
/* Ten ticks: a busy machine must not cost sessions. */
#define TIMEOUT_MS 2000
#define PATIENCE_MS 60000
#define N_BUCKETS 4

struct broker {
	struct zklinks *links;
	char root[64];
};

/* Started by the first case, and kept. */
static struct zkservers *servers;

static struct site *threads_site(uint64_t seed)
{
	(void)seed;
	return site_new_threads();
}

static void *broker_new(struct site *site, const void *config)
{
	const struct zkservers_options options = {
		.n = CONF_ZK_SERVERS,
		.tick_ms = TICK_MS,
	};
	static unsigned int n_brokers;
	struct broker *broker = calloc(1, sizeof(*broker));

	(void)site, (void)config;
	CU_ASSERT_PTR_NOT_NULL_FATAL(broker);
	if (!servers)
		servers = zkservers_start(&options);
	broker->links = zklinks_new(servers, CONF_ZK_SERVERS);
	snprintf(broker->root, sizeof(broker->root), "/conf/%u", ++n_brokers);
	return broker;
}

static bool is_empty(unsigned int port, const struct broker *broker,
		     const char *folder)
{
	char *path = process_format("%s/%s", broker->root, folder);
	size_t n = zkwire_n_children(port, path);

	free(path);
	return n == 0;
}

/* Who was cut off when it closed is gone when its time is over. */
static bool nothing_is_left(void *arg)
{
	const struct broker *broker = arg;
	const int leader = zkservers_leader(servers);
	unsigned int port;
	char folder[32];
	unsigned int i;

	if (leader < 0)
		return false;
	port = zkservers_port(servers, (unsigned int)leader);
	if (!is_empty(port, broker, "nodes") ||
	    !is_empty(port, broker, "leases"))
		return false;
	for (i = 0; i < N_BUCKETS; i++) {
		snprintf(folder, sizeof(folder), "claims/%02u", i);
		if (!is_empty(port, broker, folder))
			return false;
	}
	return true;
}

static void broker_free(void *arg)
{
	struct broker *broker = arg;

	CU_ASSERT(process_until(nothing_is_left, broker, PATIENCE_MS));
	zklinks_free(broker->links);
	free(broker);
}

static struct metafora_coordinator *coordinator_new(void *arg,
						    const void *config)
{
	struct broker *broker = arg;
	struct metafora_zookeeper_options *options;
	struct metafora_coordinator *coordinator;

	(void)config;
	CU_ASSERT_EQUAL_FATAL(metafora_zookeeper_options_new(
				      "relayed", broker->root, &options),
			      0);
	CU_ASSERT_EQUAL(
		metafora_zookeeper_set_session_timeout_ms(options, TIMEOUT_MS),
		0);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_buckets(options, N_BUCKETS), 0);
	CU_ASSERT_EQUAL_FATAL(mf_zk_coordinator_new(options, zklinks_calls(),
						    broker->links,
						    &coordinator),
			      0);
	metafora_zookeeper_options_free(options);
	return coordinator;
}

static void expire(void *broker, const char *node)
{
	zklinks_expire(((struct broker *)broker)->links, node);
}

static void cut(void *broker, const char *node, bool is_cut)
{
	zklinks_cut(((struct broker *)broker)->links, node, is_cut);
}

static void lose(void *broker, const char *node, size_t n_writes,
		 bool before_commit)
{
	zklinks_lose(((struct broker *)broker)->links, node, n_writes,
		     before_commit);
}

static void silence(void *broker, const char *node, bool silent)
{
	zklinks_silence(((struct broker *)broker)->links, node, silent);
}

static const struct conf_backend real = {
	.site_new = threads_site,
	.n_seeds = 1,
	.patience_ms = PATIENCE_MS,
	.broker_new = broker_new,
	.broker_free = broker_free,
	.coordinator_new = coordinator_new,
	.expire = expire,
	.cut = cut,
	.lose = lose,
	.silence = silence,
};

#define STAMP(backend, fn, text)                                               \
	static void backend##_##fn(void)                                       \
	{                                                                      \
		if (zklinks_can_run())                                                 \
			conf_run(&backend, conf_##fn);                         \
	}
CONF_CASES(STAMP, real)

/* clang-format off */
static const struct tap_case cases[] = {
	CONF_CASES(CONF_ROW, real)
};
/* clang-format on */

TAP_MAIN(cases, NULL, NULL)
