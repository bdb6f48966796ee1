/* SPDX-License-Identifier: Apache-2.0 */
/* The conformance suite on the embedded broker, as it is and with faults. */
#include <metafora/plugins.h>

#include "conf/conf.h"
#include "embedded/broker.h"

#define TIMEOUT_MS 1000

/* On threads and the clock of this machine. */
static struct site *threads_site(uint64_t seed)
{
	(void)seed;
	return site_new_threads();
}

/* How the broker is bad. */
struct faults {
	int64_t delay_max_ms;
	int64_t lag_ms;
};

static void *broker_new(struct site *site, const void *config)
{
	const struct faults *faults = config;
	struct metafora_embedded_broker *broker;

	(void)site;
	CU_ASSERT_EQUAL_FATAL(metafora_embedded_broker_new(TIMEOUT_MS, &broker),
			      0);
	if (faults->delay_max_ms)
		CU_ASSERT_EQUAL(metafora_embedded_delay(broker, NULL, 0,
							faults->delay_max_ms),
				0);
	if (faults->lag_ms)
		CU_ASSERT_EQUAL(metafora_embedded_lag(broker, NULL,
						      faults->lag_ms),
				0);
	return broker;
}

static void broker_free(void *arg)
{
	struct metafora_embedded_broker *broker = arg;
	size_t i;

	/* Nobody else refers to it, and nothing of the sides is left. */
	CU_ASSERT_EQUAL(atomic_load(&broker->n_refs), 1);
	CU_ASSERT(TAILQ_EMPTY(&broker->links));
	for (i = 0; i < EMB_BUCKETS; i++) {
		const struct emb_task *task;

		TAILQ_FOREACH(task, &broker->buckets[i].tasks, in_bucket)
			CU_ASSERT(TAILQ_EMPTY(&task->line) ||
				  !TAILQ_EMPTY(&broker->sessions));
	}
	metafora_embedded_broker_free(broker);
}

static struct metafora_coordinator *coordinator_new(void *broker,
						    const void *config)
{
	struct metafora_coordinator *coordinator;

	(void)config;
	CU_ASSERT_EQUAL_FATAL(
		metafora_embedded_coordinator_new(broker, &coordinator), 0);
	return coordinator;
}

static void expire(void *broker, const char *node)
{
	CU_ASSERT_EQUAL(metafora_embedded_expire(broker, node), 0);
}

static void cut(void *broker, const char *node, bool is_cut)
{
	CU_ASSERT_EQUAL(metafora_embedded_cut(broker, node, is_cut), 0);
}

static void lose(void *broker, const char *node, size_t n_writes,
		 bool before_commit)
{
	CU_ASSERT_EQUAL(
		metafora_embedded_lose(broker, node, n_writes, before_commit),
		0);
}

#define BACKEND(n, make_site, ...)                                             \
	{                                                                      \
		.site_new = make_site, .n_seeds = n, .patience_ms = 20000,     \
		.config = &(const struct faults){__VA_ARGS__},                 \
		.broker_new = broker_new, .broker_free = broker_free,          \
		.coordinator_new = coordinator_new, .expire = expire,          \
		.cut = cut, .lose = lose,                                      \
	}
#define N_SEEDS 10
#define WORLD(...) BACKEND(N_SEEDS, site_new_world, __VA_ARGS__)

static const struct conf_backend plain = WORLD(0);
static const struct conf_backend delay = WORLD(.delay_max_ms = 40);
static const struct conf_backend lag = WORLD(.lag_ms = 300);
static const struct conf_backend both = WORLD(.delay_max_ms = 40, .lag_ms = 300);
static const struct conf_backend threads = BACKEND(1, threads_site, 0);

CONF_CASES(CONF_STAMP, plain)
CONF_CASES(CONF_STAMP, delay)
CONF_CASES(CONF_STAMP, lag)
CONF_CASES(CONF_STAMP, both)
CONF_CASES(CONF_STAMP, threads)

/* clang-format off */
static const struct tap_case cases[] = {
	CONF_CASES(CONF_ROW, plain)
	CONF_CASES(CONF_ROW, delay)
	CONF_CASES(CONF_ROW, lag)
	CONF_CASES(CONF_ROW, both)
	CONF_CASES(CONF_ROW, threads)
};
/* clang-format on */

TAP_MAIN(cases, NULL, NULL)
