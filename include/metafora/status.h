/* SPDX-License-Identifier: Apache-2.0 */
/* What a consumer is doing: as JSON for people and tools, as metrics. */
#ifndef METAFORA_STATUS_H
#define METAFORA_STATUS_H

#include <stdint.h>

#include <metafora/consumer.h>
#include <metafora/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The state of the consumer at one instant as one JSON object: node, state,
 * session, lease, every task with its state, what is ignored and until when,
 * counters.  doc/status.schema.json describes it.  It ends with a newline.
 * The loop is held up only while it copies what is said (some milliseconds
 * for 100,000 tasks); the text is made on the calling thread.  Blocks at most
 * timeout_ms (> 0) for the loop to answer; answers at once from a callback.
 * Any thread.  *out is the caller's, to be freed by free().
 * Returns 0, METAFORA_EINVAL, METAFORA_ENOMEM, METAFORA_ESTATE (not started),
 * METAFORA_ESTOPPED, METAFORA_ETIMEDOUT.  Since: 0.1.
 */
METAFORA_API int
metafora_consumer_status_json(struct metafora_consumer *consumer,
			      int64_t timeout_ms, char **out);

/*
 * The consumer's metrics in the text format of Prometheus (version 0.0.4).
 * doc/operating.md lists them.  The loop copies some hundred bytes, however
 * many tasks there are.  Otherwise as above.  Since: 0.1.
 */
METAFORA_API int metafora_consumer_metrics(struct metafora_consumer *consumer,
					   int64_t timeout_ms, char **out);

#ifdef __cplusplus
}
#endif
#endif
