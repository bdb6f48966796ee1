/* SPDX-License-Identifier: Apache-2.0 */
/* What plug-ins count, and the names and meanings of all counters. */
#ifndef MF_METRICS_H
#define MF_METRICS_H

#include <stdint.h>

#include "histogram.h"

/* Fed by metafora_host.observe. */
struct mf_plugin_metrics {
	struct mf_histogram latency;
	uint64_t n_bucket_reads;
	uint64_t n_writes;
	uint64_t n_reconnects;
	uint64_t n_repairs;
};

/*
 * Every counter: its name in the status, where struct mf_status has it, what
 * it means.  As a metric it is called metafora_NAME_total.
 */
#define MF_COUNTERS(X)                                                        \
	X(claims_tried, counts.claims_tried,                                  \
	  "Claims on unowned tasks that were sent.")                          \
	X(claims_won, counts.claims_won,                                      \
	  "Claims that made this node the owner.")                            \
	X(claims_lost, counts.claims_lost,                                    \
	  "Claims that came to nothing: another was first, the task was "     \
	  "gone, or the broker failed.")                                      \
	X(queued, counts.queued, "Places in line for owned tasks asked for.") \
	X(moves_in, counts.moved_in,                                          \
	  "Tasks that came from another node after waiting in line.")         \
	X(moves_out, counts.moved_out,                                        \
	  "Tasks released because the balancer gave them away.")              \
	X(releases, counts.released,                                          \
	  "Tasks released, for whatever reason.")                             \
	X(done, counts.done, "Tasks that ended for good.")                    \
	X(lost, counts.lost,                                                  \
	  "Claims that were lost while the handler ran.")                     \
	X(handlers_started, counts.started, "Handlers started.")              \
	X(handlers_not_started, counts.not_started,                           \
	  "Handlers that could not be started, or refused.")                  \
	X(handlers_gave_back, counts.gave_back,                               \
	  "Handlers that released their task without being asked.")           \
	X(evictions, counts.evicted,                                          \
	  "Waiters put out of lines because they did not take their turn.")   \
	X(repairs, n_repairs,                                                 \
	  "Differences between broker and node that were put right.")         \
	X(sessions, consumer.n_sessions, "Sessions joined.")                  \
	X(sessions_lost, consumer.n_sessions_lost,                            \
	  "Sessions that ended while the node wanted to keep them.")          \
	X(reconnects, plugin.n_reconnects,                                    \
	  "Connections made again within a session.")                         \
	X(bucket_reads, plugin.n_bucket_reads,                                \
	  "Buckets of tasks or claims read from the broker.")                 \
	X(broker_writes, plugin.n_writes, "Writes sent to the broker.")       \
	X(commands, consumer.n_commands, "Commands carried out.")             \
	X(slow_calls, consumer.n_slow_calls,                                  \
	  "Plug-in calls and callbacks that held the loop up for 100 ms "     \
	  "or more.")

#endif
