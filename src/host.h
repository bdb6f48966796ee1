/* SPDX-License-Identifier: Apache-2.0 */
/* The host table that plug-ins get, on top of a loop. */
#ifndef MF_HOST_H
#define MF_HOST_H

#include <metafora/coordinator.h>

#include "log.h"
#include "loop.h"
#include "metrics.h"
#include "prng.h"

struct mf_host {
	struct metafora_host table; /* first: plug-ins see this */
	struct mf_loop *loop;
	const struct mf_log *log;
	struct mf_prng prng; /* owner */
	struct mf_plugin_metrics metrics; /* owner */
	void *owner;         /* consumer, client, or a test's recorder */
};

void mf_host_init(struct mf_host *host, struct mf_loop *loop,
		  const struct mf_log *log, void *owner);

static inline struct mf_host *mf_host_of(const struct metafora_host *table)
{
	return (struct mf_host *)(uintptr_t)table;
}

#endif
