/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world for tests: a runtime with a virtual clock, in one thread, whose
 * whole course follows from a seed.
 */
#ifndef T_WORLD_H
#define T_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "loop.h"
#include "prng.h"

struct world_loop;

/*
 * Nothing runs by itself: loops are dispatched inside world_step and what is
 * built on it.  All calls, and all posts to the world's loops, come from the
 * one thread.  Loops may be made, started, quit and joined at any time, also
 * while another loop is being dispatched.
 */
struct world {
	struct mf_runtime runtime; /* first */
	struct mf_prng prng;
	uint64_t now_ns;
	/* What a dispatch takes: uniform between the two; 1 ns to 5 us. */
	uint64_t latency_min_ns;
	uint64_t latency_max_ns;
	struct world_loop *loops;  /* in the order of their start */
	unsigned int n_started;
	struct world_loop *current; /* being dispatched */
	uint64_t trace;
	void (*probe)(void *arg);
	void *probe_arg;
};

/* Never NULL: out of memory aborts, as every misuse does. */
struct world *world_new(uint64_t seed);
/* All loops must have been joined: aborts and names one that was not. */
void world_free(struct world *world);

uint64_t world_now_ns(const struct world *world);
/* A random number of the seed's; asking changes what comes after. */
uint64_t world_random(struct world *world);

/*
 * Dispatch one loop, chosen at random among those that have mail or due
 * timers; if there is none, move the clock to the next time at which there is.
 * Returns false if nothing will ever happen of itself.
 */
bool world_step(struct world *world);
/*
 * Step until cond(arg) holds (looked at before each step); false if it does not
 * by the deadline.  The clock then shows the deadline, or what the last
 * dispatch made of it.
 */
bool world_run_until(struct world *world, bool (*cond)(void *arg), void *arg,
		     uint64_t deadline_ns);
void world_run_for(struct world *world, uint64_t ns);

/*
 * A stuck or stopped node: the loop is not dispatched before until_ns
 * (MF_NEVER: until it is resumed).  Its mail and timers wait.
 */
void world_pause_loop(struct world *world, struct mf_loop *loop,
		      uint64_t until_ns);
void world_resume_loop(struct world *world, struct mf_loop *loop);

/* Called after each dispatch, outside of it: a place to check invariants. */
void world_set_probe(struct world *world, void (*fn)(void *arg), void *arg);

/*
 * A hash of all dispatches so far, which loop and when: equal after equal
 * courses.
 */
uint64_t world_trace(const struct world *world);

#endif
