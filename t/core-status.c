/* SPDX-License-Identifier: Apache-2.0 */
/* What counters and histograms are fed with, in virtual time. */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "host.h"
#include "tap.h"
#include "text.h"
#include "world.h"

static struct world *world;
static struct mf_loop loop;
static struct mf_histogram lag;
static struct mf_host host;
static const struct mf_log silent;
static struct metafora_post post;

static void setup(void)
{
	world = world_new(1);
	memset(&lag, 0, sizeof(lag));
	memset(&post, 0, sizeof(post));
	CU_ASSERT_EQUAL_FATAL(
		mf_loop_init(&loop, &world->runtime, "status", NULL, NULL), 0);
	mf_host_init(&host, &loop, &silent, NULL);
}

static void teardown(void)
{
	mf_loop_fini(&loop);
	world_free(world);
}

static uint64_t total(const struct mf_histogram *histogram)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i <= MF_HISTOGRAM_N_BOUNDS; i++)
		n += histogram->n[i];
	return n;
}

/* --- histograms --------------------------------------------------------------- */

static void a_bound_belongs_to_its_bucket(void)
{
#define NS(ns, text) UINT64_C(ns),
	static const uint64_t bounds_ns[] = {MF_HISTOGRAM_BOUNDS(NS)};
#undef NS
#define TEXT(ns, text) text,
	static const char *const texts[] = {MF_HISTOGRAM_BOUNDS(TEXT)};
#undef TEXT
	size_t i;

	CU_ASSERT_EQUAL(sizeof(bounds_ns) / sizeof(bounds_ns[0]),
			MF_HISTOGRAM_N_BOUNDS);
	for (i = 0; i < MF_HISTOGRAM_N_BOUNDS; i++) {
		struct mf_histogram histogram = {{0}, 0};

		mf_histogram_add(&histogram, bounds_ns[i]);
		CU_ASSERT_EQUAL(histogram.n[i], 1);
		mf_histogram_add(&histogram, bounds_ns[i] + 1);
		CU_ASSERT_EQUAL(histogram.n[i + 1], 1);
		CU_ASSERT_EQUAL(histogram.sum_ns, 2 * bounds_ns[i] + 1);
		CU_ASSERT_EQUAL(total(&histogram), 2);
		CU_ASSERT_DOUBLE_EQUAL(strtod(texts[i], NULL) * 1e9,
				       (double)bounds_ns[i], 0.5);
	}
}

/* --- lag of a loop -------------------------------------------------------------- */

static void nothing(void *arg)
{
	(void)arg;
}

static void quit(struct metafora_post *p, bool dropped)
{
	(void)p;
	if (!dropped)
		mf_loop_quit(&loop);
}

/* A loop that is held up serves mail and timers late: by how much. */
static void lag_is_the_wait_of_mail_and_timers(void)
{
	struct mf_timer timer;
	uint64_t t0_ns;

	loop.lag = &lag;
	mf_timer_init(&timer, nothing, NULL);
	CU_ASSERT_EQUAL_FATAL(mf_loop_start(&loop), 0);
	world_run_for(world, MF_NS_PER_MS);
	t0_ns = world_now_ns(world);
	mf_timers_set(&loop.timers, &timer, t0_ns + MF_NS_PER_S);
	world_pause_loop(world, &loop, t0_ns + 3 * MF_NS_PER_S);
	world_run_for(world, 2 * MF_NS_PER_S);
	CU_ASSERT_EQUAL(total(&lag), 0);
	post.deliver = quit;
	mf_loop_post(&loop, &post);
	/* A second post does not change since when the first has waited. */
	world_run_for(world, MF_NS_PER_S / 2);
	{
		struct metafora_post second = {.deliver = quit};

		mf_loop_post(&loop, &second);
		mf_loop_join(&loop);
	}
	/* The timer was due, but the mail ended the loop first. */
	CU_ASSERT_EQUAL(total(&lag), 1);
	CU_ASSERT_TRUE(lag.sum_ns >= MF_NS_PER_S);
	CU_ASSERT_TRUE(lag.sum_ns < MF_NS_PER_S + MF_NS_PER_S / 10);
	CU_ASSERT_EQUAL(loop.mailbox.n_taken, 0);
}

static void end_loop(void *arg)
{
	(void)arg;
	mf_loop_quit(&loop);
}

static void lag_of_a_timer_counts_from_when_it_was_due(void)
{
	struct mf_timer first, second;
	uint64_t t0_ns;

	loop.lag = &lag;
	mf_timer_init(&first, nothing, NULL);
	mf_timer_init(&second, end_loop, NULL);
	CU_ASSERT_EQUAL_FATAL(mf_loop_start(&loop), 0);
	t0_ns = world_now_ns(world);
	mf_timers_set(&loop.timers, &first, t0_ns + MF_NS_PER_S);
	mf_timers_set(&loop.timers, &second, t0_ns + 2 * MF_NS_PER_S);
	world_pause_loop(world, &loop, t0_ns + 4 * MF_NS_PER_S);
	mf_loop_join(&loop);
	CU_ASSERT_EQUAL(total(&lag), 2);
	CU_ASSERT_TRUE(lag.sum_ns >= 5 * MF_NS_PER_S);
	CU_ASSERT_TRUE(lag.sum_ns < 5 * MF_NS_PER_S + MF_NS_PER_S / 10);
}

static unsigned int n_seen;

static void see(struct metafora_post *p, bool dropped)
{
	(void)p;
	(void)dropped;
	n_seen = (unsigned int)loop.mailbox.n_taken;
}

static void the_loop_knows_how_much_mail_it_found(void)
{
	struct metafora_post posts[3] = {{.deliver = see}, {.deliver = see},
					 {.deliver = see}};
	struct mf_timer timer;
	int i;

	mf_timer_init(&timer, end_loop, NULL);
	for (i = 0; i < 3; i++)
		mf_loop_post(&loop, &posts[i]);
	mf_timers_set(&loop.timers, &timer,
		      world_now_ns(world) + MF_NS_PER_S);
	CU_ASSERT_EQUAL_FATAL(mf_loop_start(&loop), 0);
	mf_loop_join(&loop);
	CU_ASSERT_EQUAL(n_seen, 3);
}

/* --- what plug-ins observe ---------------------------------------------------------- */

static void observe(enum metafora_metric metric, uint64_t value)
{
	metafora_host_observe(&host.table, metric, value);
}

static void each_metric_goes_to_its_counter(void)
{
	const struct mf_plugin_metrics *metrics = &host.metrics;

	observe(METAFORA_METRIC_BROKER_LATENCY_NS, MF_NS_PER_S);
	observe(METAFORA_METRIC_BUCKET_READS, 2);
	observe(METAFORA_METRIC_BUCKET_READS, 1);
	observe(METAFORA_METRIC_WRITES, 4);
	observe(METAFORA_METRIC_RECONNECTS, 5);
	observe(METAFORA_METRIC_REPAIRS, 6);
	/* Of a plug-in that is newer than this core. */
	observe((enum metafora_metric)99, 7);
	CU_ASSERT_EQUAL(total(&metrics->latency), 1);
	CU_ASSERT_EQUAL(metrics->latency.sum_ns, MF_NS_PER_S);
	CU_ASSERT_EQUAL(metrics->n_bucket_reads, 3);
	CU_ASSERT_EQUAL(metrics->n_writes, 4);
	CU_ASSERT_EQUAL(metrics->n_reconnects, 5);
	CU_ASSERT_EQUAL(metrics->n_repairs, 6);
}

static void a_core_that_does_not_observe_is_not_asked_to(void)
{
	host.table.size = offsetof(struct metafora_host, observe);
	observe(METAFORA_METRIC_WRITES, 1);
	host.table.size = sizeof(host.table);
	host.table.observe = NULL;
	observe(METAFORA_METRIC_WRITES, 1);
	CU_ASSERT_EQUAL(host.metrics.n_writes, 0);
}

/* --- texts ----------------------------------------------------------------------- */

static void a_text_grows_as_it_needs(void)
{
	struct mf_text text = {0};
	char *out = NULL;
	int i;

	for (i = 0; i < 10000; i++)
		mf_text_format(&text, "%d,", i % 10);
	mf_text_put_json(&text, "a\"\\\n\x01\xc3\xa4");
	CU_ASSERT_EQUAL_FATAL(mf_text_finish(&text, &out), 0);
	CU_ASSERT_EQUAL(strlen(out), 20000 + strlen("\"a\\\"\\\\\\n"
						    "\\u0001\xc3\xa4\""));
	CU_ASSERT_STRING_EQUAL(out + 20000,
			       "\"a\\\"\\\\\\n\\u0001\xc3\xa4\"");
	CU_ASSERT_PTR_NULL(text.bytes);
	free(out);
}

static const struct tap_case cases[] = {
	{"a bound belongs to its bucket", a_bound_belongs_to_its_bucket},
	{"lag is the wait of mail and timers",
	 lag_is_the_wait_of_mail_and_timers},
	{"lag of a timer counts from when it was due",
	 lag_of_a_timer_counts_from_when_it_was_due},
	{"the loop knows how much mail it found",
	 the_loop_knows_how_much_mail_it_found},
	{"each metric goes to its counter", each_metric_goes_to_its_counter},
	{"a core that does not observe is not asked to",
	 a_core_that_does_not_observe_is_not_asked_to},
	{"a text grows as it needs", a_text_grows_as_it_needs},
};

TAP_MAIN(cases, setup, teardown)
