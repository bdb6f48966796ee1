/* SPDX-License-Identifier: Apache-2.0 */
/* What the ZooKeeper coordinator counts and measures for its host. */
#include <stdio.h>

#include "conf/conf.h"
#include "conf/fakezk_site.h"
#include "name.h"

#define ROOT "/ns"
#define BUCKETS 4

static const struct fakezk_site site = {.root = ROOT, .n_buckets = BUCKETS};

static const struct conf_backend backend = {
	FAKEZK_SITE(site, 20),
	.patience_ms = 60000,
};

static uint64_t n_answers(const struct mf_host *host)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i <= MF_HISTOGRAM_N_BOUNDS; i++)
		n += host->metrics.latency.n[i];
	return n;
}

/* A node that has joined, and has nothing more to read. */
static struct rec_node *settle(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");

	site_pass(c->site, 3000);
	return a;
}

static void writes_of_both_sides(struct conf *c)
{
	struct rec_node *a = settle(c);
	const struct mf_plugin_metrics *node = &a->host.metrics;
	const struct mf_plugin_metrics *client = &c->client->host.metrics;
	const uint64_t before = node->n_writes + client->n_writes;
	const uint64_t of_client = client->n_writes;
	const uint64_t zxid = fakezk_zxid(c->broker);
	struct conf_answer claim;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT(client->n_writes > of_client);
	claim = conf_claim(c, a, "t");
	CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_OWNED);
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_DONE, "t", &claim),
			METAFORA_RESULT_ENDED);
	site_pass(c->site, 3000);
	/* Nothing was sent in vain, and all of it is done. */
	CU_ASSERT_EQUAL(node->n_writes + client->n_writes - before,
			fakezk_zxid(c->broker) - zxid);
}

static void reads_of_buckets(struct conf *c)
{
	struct rec_node *a = settle(c);
	const struct mf_plugin_metrics *node = &a->host.metrics;
	uint64_t before = node->n_bucket_reads;

	/* Tasks and claims of each; nothing has changed since it joined. */
	CU_ASSERT_EQUAL(before, 2 * BUCKETS);
	rec_refresh(a);
	site_pass(c->site, 1000);
	CU_ASSERT_EQUAL(node->n_bucket_reads, before + 2 * BUCKETS);
	/* A task that comes changes one of them. */
	before = node->n_bucket_reads;
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT(conf_sees_task(c, a, "t", true));
	site_pass(c->site, 1000);
	CU_ASSERT_EQUAL(node->n_bucket_reads, before + 1);
}

/* All that an idle node sends is lease writes. */
static void latency_of_what_is_answered(struct conf *c)
{
	const struct mf_plugin_metrics *node;
	struct rec_node *a;
	uint64_t before, before_ns, zxid;
	uint64_t n, ns;

	/* On the leader, so that no other server adds to it. */
	fakezk_steer(c->broker, 0);
	a = settle(c);
	node = &a->host.metrics;
	zxid = fakezk_zxid(c->broker);
	before = n_answers(&a->host);
	before_ns = node->latency.sum_ns;
	site_pass(c->site, 10 * FAKEZK_TIMEOUT_MS);
	n = n_answers(&a->host) - before;
	ns = node->latency.sum_ns - before_ns;
	CU_ASSERT(n > 30);
	CU_ASSERT_EQUAL(n, fakezk_zxid(c->broker) - zxid);
	/* Two messages, each a twentieth of a ms to one. */
	CU_ASSERT(ns >= n * MF_NS_PER_MS / 10);
	CU_ASSERT(ns <= n * MF_NS_PER_MS * 2);
	/* What is lost has none, though it was sent. */
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT(conf_sees_task(c, a, "t", true));
	site_pass(c->site, 100);
	before = n_answers(&a->host);
	n = node->n_writes;
	rec_enter(a, METAFORA_VERB_CLAIM, "t");
	fakezk_cut(c->broker, "a", true);
	CU_ASSERT(conf_all_answered(c, a));
	CU_ASSERT_EQUAL(node->n_writes, n + 1);
	CU_ASSERT_EQUAL(n_answers(&a->host), before);
	fakezk_cut(c->broker, "a", false);
}

static void reconnects_in_the_same_session(struct conf *c)
{
	struct rec_node *a = settle(c);
	const struct mf_plugin_metrics *node = &a->host.metrics;
	size_t i;

	CU_ASSERT_EQUAL(node->n_reconnects, 0);
	for (i = 1; i <= 3; i++) {
		fakezk_reset(c->broker, "a");
		site_pass(c->site, 1000);
		CU_ASSERT_EQUAL(node->n_reconnects, i);
		CU_ASSERT_EQUAL(a->n_connected, i + 1);
	}
	/* Another session is none. */
	fakezk_expire(c->broker, "a");
	CU_ASSERT(conf_is_back(c, a, 1));
	site_pass(c->site, 1000);
	CU_ASSERT_EQUAL(node->n_reconnects, 3);
}

static void repairs_of_claims_without_a_runner(struct conf *c)
{
	struct rec_node *a = settle(c);
	const struct mf_plugin_metrics *node = &a->host.metrics;
	struct conf_answer claim;
	char stem[64];

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	claim = conf_claim(c, a, "t");
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_RELEASE, "t", &claim),
			METAFORA_RESULT_ENDED);
	site_pass(c->site, 1000);
	CU_ASSERT_EQUAL(node->n_repairs, 0);
	snprintf(stem, sizeof(stem), ROOT "/claims/%02u/t:a:",
		 mf_name_hash("t") % BUCKETS);
	CU_ASSERT_EQUAL(fakezk_put_claim(c->broker, stem, "a"), ZK_OK);
	site_pass(c->site, 1000);
	CU_ASSERT(conf_sees_n_claims(c, a, 0));
	CU_ASSERT_EQUAL(node->n_repairs, 1);
}

#define CASES(X)                                                              \
	X(backend, writes_of_both_sides, "every write that is sent is counted") \
	X(backend, reads_of_buckets, "every read of a bucket is counted")     \
	X(backend, latency_of_what_is_answered,                               \
	  "every answer is timed, and nothing else")                          \
	X(backend, reconnects_in_the_same_session,                            \
	  "every reconnect within a session is counted")                      \
	X(backend, repairs_of_claims_without_a_runner,                        \
	  "a claim withdrawn for want of a runner is a repair")

CASES(CONF_STAMP_OWN)

/* clang-format off */
static const struct tap_case cases[] = {
	CASES(CONF_ROW_OWN)
};
/* clang-format on */

TAP_MAIN(cases, NULL, NULL)
