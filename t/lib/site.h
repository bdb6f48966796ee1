/* SPDX-License-Identifier: Apache-2.0 */
/* A site: where a test's loops run, in a world or on threads, and its waits. */
#ifndef T_SITE_H
#define T_SITE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "loop.h"
#include "world.h"

struct site {
	struct mf_runtime *runtime;
	struct world *world; /* NULL: threads */
	/* Guards all that recorders on this site record. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
};

struct site *site_new_world(uint64_t seed);
struct site *site_new_threads(void);
void site_free(struct site *site);

uint64_t site_now_ns(const struct site *site);
/*
 * Wait until cond holds, which is looked at with the lock held; false if it
 * does not within timeout_ms.
 */
bool site_wait(struct site *site, bool (*cond)(void *arg), void *arg,
	       int64_t timeout_ms);
/* Let this much time pass. */
void site_pass(struct site *site, int64_t ms);

/* Call fn on the loop's owner thread and wait for its return. */
void site_call(struct site *site, struct mf_loop *loop, void (*fn)(void *arg),
	       void *arg);
/*
 * Let the loop take no step, as if its process had died or was stopped; and
 * let it go on.
 */
struct site_freeze;
struct site_freeze *site_freeze(struct site *site, struct mf_loop *loop);
void site_thaw(struct site *site, struct site_freeze *freeze);

#endif
