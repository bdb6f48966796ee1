/* SPDX-License-Identifier: Apache-2.0 */
/* Timers of one loop: an intrusive pairing heap, so that setting never fails. */
#ifndef MF_TIMERS_H
#define MF_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

struct mf_timer {
	struct mf_timer *child;   /* first child */
	struct mf_timer *sibling; /* next sibling */
	struct mf_timer *prev;    /* previous sibling, or parent if first */
	uint64_t at_ns;
	uint64_t order; /* of setting: ties run in the order they were set */
	bool set;
	void (*fn)(void *arg);
	void *arg;
};

struct mf_timers {
	struct mf_timer *root;
	uint64_t n_set_ever;
};

void mf_timers_init(struct mf_timers *timers);
void mf_timer_init(struct mf_timer *timer, void (*fn)(void *), void *arg);
/* Set, or set anew. */
void mf_timers_set(struct mf_timers *timers, struct mf_timer *timer,
		   uint64_t at_ns);
void mf_timers_cancel(struct mf_timers *timers, struct mf_timer *timer);
/* Earliest time set, MF_NEVER if none is. */
uint64_t mf_timers_next_ns(const struct mf_timers *timers);
/* Take out and return the earliest timer that is due, or NULL. */
struct mf_timer *mf_timers_pop(struct mf_timers *timers, uint64_t now_ns);

#endif
