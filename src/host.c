/* SPDX-License-Identifier: Apache-2.0 */
/* The host table that plug-ins get, on top of a loop. */
#include <stdlib.h>

#include <metafora/error.h>

#include "host.h"
#include "name.h"

/* A plug-in's timer. */
struct metafora_timer {
	struct mf_timer timer;
};

static void host_post(const struct metafora_host *table,
		      struct metafora_post *post)
{
	mf_loop_post(mf_host_of(table)->loop, post);
}

static uint64_t host_now_ns(const struct metafora_host *table)
{
	return mf_loop_now_ns(mf_host_of(table)->loop);
}

static uint64_t host_random(const struct metafora_host *table)
{
	return mf_prng_next(&mf_host_of(table)->prng);
}

static int host_timer_new(const struct metafora_host *table,
			  void (*fn)(void *), void *arg,
			  struct metafora_timer **out)
{
	struct metafora_timer *timer;

	(void)table;
	if (!fn || !out)
		return METAFORA_EINVAL;
	timer = malloc(sizeof(*timer));
	if (!timer)
		return METAFORA_ENOMEM;
	mf_timer_init(&timer->timer, fn, arg);
	*out = timer;
	return 0;
}

static void host_timer_set(const struct metafora_host *table,
			   struct metafora_timer *timer, uint64_t at_ns)
{
	mf_loop_timer_set(mf_host_of(table)->loop, &timer->timer, at_ns);
}

static void host_timer_cancel(const struct metafora_host *table,
			      struct metafora_timer *timer)
{
	mf_loop_timer_cancel(mf_host_of(table)->loop, &timer->timer);
}

static void host_timer_free(const struct metafora_host *table,
			    struct metafora_timer *timer)
{
	if (!timer)
		return;
	host_timer_cancel(table, timer);
	free(timer);
}

static void METAFORA_PRINTF(3, 4)
host_log(const struct metafora_host *table, enum metafora_log_level level,
	 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	mf_vlog(mf_host_of(table)->log, level, format, args);
	va_end(args);
}

static void host_observe(const struct metafora_host *table,
			 enum metafora_metric metric, uint64_t value)
{
	struct mf_plugin_metrics *metrics = &mf_host_of(table)->metrics;

	switch (metric) {
	case METAFORA_METRIC_BROKER_LATENCY_NS:
		mf_histogram_add(&metrics->latency, value);
		break;
	case METAFORA_METRIC_BUCKET_READS:
		metrics->n_bucket_reads += value;
		break;
	case METAFORA_METRIC_WRITES:
		metrics->n_writes += value;
		break;
	case METAFORA_METRIC_RECONNECTS:
		metrics->n_reconnects += value;
		break;
	case METAFORA_METRIC_REPAIRS:
		metrics->n_repairs += value;
		break;
	}
}

void mf_host_init(struct mf_host *host, struct mf_loop *loop,
		  const struct mf_log *log, void *owner)
{
	*host = (struct mf_host){
		.table = {
			.abi_version = METAFORA_COORDINATOR_ABI,
			.size = sizeof(struct metafora_host),
			.post = host_post,
			.now_ns = host_now_ns,
			.random = host_random,
			.timer_new = host_timer_new,
			.timer_set = host_timer_set,
			.timer_cancel = host_timer_cancel,
			.timer_free = host_timer_free,
			.log = host_log,
			.name_encode = mf_name_encode,
			.name_decode = mf_name_decode,
			.name_hash = mf_name_hash,
			.observe = host_observe,
		},
		.loop = loop,
		.log = log,
		.owner = owner,
	};
	mf_prng_seed(&host->prng, loop->runtime->seed(loop->runtime));
}
