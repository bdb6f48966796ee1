/* SPDX-License-Identifier: Apache-2.0 */
/* A runtime with a virtual clock, whose whole course follows from a seed. */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <metafora/error.h>

#include "clock.h"

/* Not 0, which stands for "never yet" in many places. */
#define BEGIN_NS (1000 * MF_NS_PER_S)
/* How long the end of a joined loop may take. */
#define JOIN_MAX_NS (24 * 3600 * MF_NS_PER_S)

struct world_loop {
	struct world_loop *next;
	struct mf_loop *loop;
	unsigned int number;
	bool woken;
	bool dispatching;
	bool ended;
	uint64_t next_ns;
	uint64_t paused_until_ns;
};

static void __attribute__((format(printf, 1, 2), noreturn))
die(const char *format, ...)
{
	va_list args;

	fputs("Bail out! world: ", stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	abort();
}

static struct world *world_of(struct mf_runtime *runtime)
{
	return (struct world *)runtime;
}

/* From when on the loop can be dispatched. */
static uint64_t ready_ns(const struct world_loop *wl)
{
	uint64_t at_ns = wl->woken ? 0 : wl->next_ns;

	if (wl->ended || wl->dispatching)
		return MF_NEVER;
	return at_ns > wl->paused_until_ns ? at_ns : wl->paused_until_ns;
}

static uint64_t earliest_ns(const struct world *world)
{
	const struct world_loop *wl;
	uint64_t earliest = MF_NEVER;

	for (wl = world->loops; wl; wl = wl->next)
		if (ready_ns(wl) < earliest)
			earliest = ready_ns(wl);
	return earliest;
}

static struct world_loop *choose(struct world *world)
{
	struct world_loop *chosen = NULL;
	struct world_loop *wl;
	uint64_t n = 0;

	/* The n-th takes the place of those before with a chance of 1 in n. */
	for (wl = world->loops; wl; wl = wl->next)
		if (ready_ns(wl) <= world->now_ns &&
		    mf_prng_between(&world->prng, 1, ++n) == 1)
			chosen = wl;
	return chosen;
}

static void mix(struct world *world, uint64_t value)
{
	struct mf_prng hash;

	mf_prng_seed(&hash, world->trace ^ value);
	world->trace = mf_prng_next(&hash);
}

static void mix_name(struct world *world, const char *name)
{
	for (; *name; name++)
		mix(world, (unsigned char)*name);
}

static void dispatch(struct world *world, struct world_loop *wl)
{
	struct world_loop *outer = world->current;
	uint64_t next_ns;
	bool quit;

	mix_name(world, wl->loop->name);
	mix(world, wl->number);
	mix(world, world->now_ns);
	wl->woken = false;
	wl->dispatching = true;
	world->current = wl;
	next_ns = mf_loop_dispatch(wl->loop, &quit);
	world->current = outer;
	wl->dispatching = false;
	wl->next_ns = next_ns;
	wl->ended = quit;
	world->now_ns += mf_prng_between(&world->prng, world->latency_min_ns,
					 world->latency_max_ns);
	if (world->probe)
		world->probe(world->probe_arg);
}

bool world_step(struct world *world)
{
	struct world_loop *wl = choose(world);
	uint64_t at_ns;

	if (wl) {
		dispatch(world, wl);
		return true;
	}
	at_ns = earliest_ns(world);
	if (at_ns == MF_NEVER)
		return false;
	world->now_ns = at_ns;
	return true;
}

bool world_run_until(struct world *world, bool (*cond)(void *arg), void *arg,
		     uint64_t deadline_ns)
{
	while (!cond || !cond(arg)) {
		if (world->now_ns >= deadline_ns)
			return false;
		if (earliest_ns(world) > deadline_ns)
			world->now_ns = deadline_ns;
		else if (!world_step(world))
			return false; /* nothing will happen for ever */
	}
	return true;
}

void world_run_for(struct world *world, uint64_t ns)
{
	world_run_until(world, NULL, NULL, world->now_ns + ns);
}

static struct world_loop *find(struct world *world, const struct mf_loop *loop)
{
	struct world_loop *wl;

	for (wl = world->loops; wl; wl = wl->next)
		if (wl->loop == loop)
			return wl;
	die("the loop %s is not running", loop->name);
}

void world_pause_loop(struct world *world, struct mf_loop *loop,
		      uint64_t until_ns)
{
	find(world, loop)->paused_until_ns = until_ns;
}

void world_resume_loop(struct world *world, struct mf_loop *loop)
{
	find(world, loop)->paused_until_ns = 0;
}

static uint64_t world_runtime_now_ns(struct mf_runtime *runtime)
{
	return world_of(runtime)->now_ns;
}

static uint64_t world_runtime_seed(struct mf_runtime *runtime)
{
	return mf_prng_next(&world_of(runtime)->prng);
}

static int world_runtime_start(struct mf_runtime *runtime,
			       struct mf_loop *loop)
{
	struct world *world = world_of(runtime);
	struct world_loop *wl = calloc(1, sizeof(*wl));
	struct world_loop **last = &world->loops;

	if (!wl)
		return METAFORA_ENOMEM;
	wl->loop = loop;
	wl->number = ++world->n_started;
	wl->woken = true;
	wl->next_ns = MF_NEVER;
	while (*last)
		last = &(*last)->next;
	*last = wl;
	loop->runner = wl;
	return 0;
}

static void world_runtime_wake(struct mf_runtime *runtime, struct mf_loop *loop)
{
	struct world_loop *wl = loop->runner;

	(void)runtime;
	wl->woken = true;
}

static bool has_ended(void *arg)
{
	const struct world_loop *wl = arg;

	return wl->ended;
}

static void world_runtime_join(struct mf_runtime *runtime, struct mf_loop *loop)
{
	struct world *world = world_of(runtime);
	struct world_loop *wl = loop->runner;
	struct world_loop **link = &world->loops;

	if (wl->dispatching)
		die("the loop %s is joined while it is dispatched", loop->name);
	if (!world_run_until(world, has_ended, wl, world->now_ns + JOIN_MAX_NS))
		die("the loop %s is joined and does not end", loop->name);
	while (*link != wl)
		link = &(*link)->next;
	*link = wl->next;
	free(wl);
	loop->runner = NULL;
}

static bool world_runtime_is_owner(struct mf_runtime *runtime,
				   const struct mf_loop *loop)
{
	struct world *world = world_of(runtime);

	return world->current && world->current->loop == loop;
}

struct world *world_new(uint64_t seed)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		die("out of memory");
	world->runtime = (struct mf_runtime){
		.now_ns = world_runtime_now_ns,
		.seed = world_runtime_seed,
		.start = world_runtime_start,
		.wake = world_runtime_wake,
		.join = world_runtime_join,
		.is_owner = world_runtime_is_owner,
	};
	mf_prng_seed(&world->prng, seed);
	world->now_ns = BEGIN_NS;
	world->latency_min_ns = 1;
	world->latency_max_ns = 5000;
	return world;
}

void world_free(struct world *world)
{
	if (world->loops)
		die("the loop %s was not joined", world->loops->loop->name);
	free(world);
}

uint64_t world_now_ns(const struct world *world)
{
	return world->now_ns;
}

uint64_t world_random(struct world *world)
{
	return mf_prng_next(&world->prng);
}

void world_set_probe(struct world *world, void (*fn)(void *arg), void *arg)
{
	world->probe = fn;
	world->probe_arg = arg;
}

uint64_t world_trace(const struct world *world)
{
	return world->trace;
}
