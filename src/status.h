/* SPDX-License-Identifier: Apache-2.0 */
/* What a consumer is and does at one instant, copied from its loop. */
#ifndef MF_STATUS_H
#define MF_STATUS_H

#include <metafora/status.h>

#include "consumer.h"
#include "metrics.h"

enum mf_life { MF_LIFE_JOINING, MF_LIFE_RUNNING, MF_LIFE_LEAVING, MF_LIFE_LEFT };

/* What the node has to do with one task. */
struct mf_status_row {
	size_t id_at; /* in ids */
	uint64_t token;
	uint64_t started_ns;
	uint64_t stopped_ns;
	uint8_t state;       /* enum mf_state */
	uint8_t stop_reason; /* enum metafora_stop_reason */
};

struct mf_status_ignored {
	size_t id_at;
	uint64_t until_ns;
};

struct mf_status {
	uint64_t now_ns;
	int64_t wall_ms; /* the same instant */
	int64_t since_ms;
	enum mf_life life;
	enum metafora_member_state state;
	enum mf_link link;
	uint64_t session;
	uint64_t timeout_ns;
	uint64_t deadline_ns;
	size_t n_cluster_tasks, n_cluster_unowned, n_cluster_members;
	size_t n_ignored;
	size_t n_mail; /* what the loop took in the turn that copied this */
	size_t n_in_state[MF_N_STATES];
	struct mf_engine_counts counts;
	struct mf_consumer_metrics consumer; /* suspended_ns: until now */
	struct mf_plugin_metrics plugin;
	uint64_t n_repairs;

	/* Only if they were asked for. */
	bool with_tasks;
	struct mf_status_row *rows;
	size_t n_rows;
	struct mf_status_ignored *ignored; /* n_ignored */
	char *ids;
	size_t n_id_bytes, id_room;
};

/* As metafora_consumer_status_json. */
int mf_status_take(struct metafora_consumer *consumer, int64_t timeout_ms,
		   bool with_tasks, struct mf_status *status);
void mf_status_fini(struct mf_status *status);

/* What is left of the lease; METAFORA_NO_DEADLINE if there are none. */
uint64_t mf_status_lease_ns(const struct mf_status *status);

#endif
