/* SPDX-License-Identifier: Apache-2.0 */
/* A site: where a test's loops run, in a world or on threads, and its waits. */
#include "site.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"

/* A call on an owner thread that takes longer hangs. */
#define CALL_MAX_MS 60000

static void die(const char *what)
{
	printf("Bail out! site: %s\n", what);
	fflush(stdout);
	abort();
}

static struct site *site_new(struct mf_runtime *runtime)
{
	struct site *site = calloc(1, sizeof(*site));
	pthread_condattr_t attr;

	if (!site)
		die("out of memory");
	site->runtime = runtime;
	pthread_mutex_init(&site->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&site->changed, &attr);
	pthread_condattr_destroy(&attr);
	return site;
}

struct site *site_new_world(uint64_t seed)
{
	struct world *world = world_new(seed);
	struct site *site = site_new(&world->runtime);

	site->world = world;
	return site;
}

struct site *site_new_threads(void)
{
	return site_new(mf_runtime_threads());
}

void site_free(struct site *site)
{
	if (site->world)
		world_free(site->world);
	pthread_cond_destroy(&site->changed);
	pthread_mutex_destroy(&site->lock);
	free(site);
}

uint64_t site_now_ns(const struct site *site)
{
	return site->runtime->now_ns(site->runtime);
}

struct waiting {
	struct site *site;
	bool (*cond)(void *arg);
	void *arg;
};

static bool holds(void *arg)
{
	struct waiting *waiting = arg;
	bool result;

	pthread_mutex_lock(&waiting->site->lock);
	result = waiting->cond(waiting->arg);
	pthread_mutex_unlock(&waiting->site->lock);
	return result;
}

static bool wait_threads(struct waiting *waiting, int64_t timeout_ms)
{
	struct site *site = waiting->site;
	struct timespec until;
	bool result;
	int error = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * (long)MF_NS_PER_MS;
	if (until.tv_nsec >= (long)MF_NS_PER_S) {
		until.tv_nsec -= (long)MF_NS_PER_S;
		until.tv_sec++;
	}
	pthread_mutex_lock(&site->lock);
	while (!(result = waiting->cond(waiting->arg)) && error == 0)
		error = pthread_cond_timedwait(&site->changed, &site->lock,
					       &until);
	pthread_mutex_unlock(&site->lock);
	return result;
}

bool site_wait(struct site *site, bool (*cond)(void *arg), void *arg,
	       int64_t timeout_ms)
{
	struct waiting waiting = {site, cond, arg};

	if (!site->world)
		return wait_threads(&waiting, timeout_ms);
	return world_run_until(site->world, holds, &waiting,
			       mf_clock_add_ms(world_now_ns(site->world),
					       timeout_ms)) ||
	       holds(&waiting);
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

void site_pass(struct site *site, int64_t ms)
{
	site_wait(site, never, NULL, ms);
}

/* --- calls ------------------------------------------------------------------------ */

struct call {
	struct metafora_post post;
	struct site *site;
	void (*fn)(void *arg);
	void *arg;
	bool done;
};

static void on_call(struct metafora_post *post, bool dropped)
{
	struct call *call = (struct call *)post;

	if (dropped)
		die("called on a loop that has ended");
	call->fn(call->arg);
	pthread_mutex_lock(&call->site->lock);
	call->done = true;
	pthread_cond_broadcast(&call->site->changed);
	pthread_mutex_unlock(&call->site->lock);
}

static bool is_done(void *arg)
{
	const struct call *call = arg;

	return call->done;
}

void site_call(struct site *site, struct mf_loop *loop, void (*fn)(void *arg),
	       void *arg)
{
	struct call call = {
		.post.deliver = on_call,
		.site = site,
		.fn = fn,
		.arg = arg,
	};

	mf_loop_post(loop, &call.post);
	if (!site_wait(site, is_done, &call, CALL_MAX_MS))
		die("a call on an owner thread hangs");
}

/* --- freezing ------------------------------------------------------------------------ */

struct site_freeze {
	struct metafora_post post;
	struct site *site;
	struct mf_loop *loop;
	bool frozen;
	bool thawed;
	bool over;
};

static bool is_frozen(void *arg)
{
	const struct site_freeze *freeze = arg;

	return freeze->frozen;
}

static bool is_over(void *arg)
{
	const struct site_freeze *freeze = arg;

	return freeze->over;
}

/* On threads the owner just stays here. */
static void on_freeze(struct metafora_post *post, bool dropped)
{
	struct site_freeze *freeze = (struct site_freeze *)post;
	struct site *site = freeze->site;

	if (dropped)
		die("a loop that has ended is frozen");
	pthread_mutex_lock(&site->lock);
	freeze->frozen = true;
	pthread_cond_broadcast(&site->changed);
	while (!freeze->thawed)
		pthread_cond_wait(&site->changed, &site->lock);
	freeze->over = true;
	pthread_cond_broadcast(&site->changed);
	pthread_mutex_unlock(&site->lock);
}

struct site_freeze *site_freeze(struct site *site, struct mf_loop *loop)
{
	struct site_freeze *freeze = calloc(1, sizeof(*freeze));

	if (!freeze)
		die("out of memory");
	freeze->post.deliver = on_freeze;
	freeze->site = site;
	freeze->loop = loop;
	if (site->world) {
		world_pause_loop(site->world, loop, MF_NEVER);
		return freeze;
	}
	mf_loop_post(loop, &freeze->post);
	if (!site_wait(site, is_frozen, freeze, CALL_MAX_MS))
		die("a loop does not freeze");
	return freeze;
}

void site_thaw(struct site *site, struct site_freeze *freeze)
{
	if (site->world) {
		world_resume_loop(site->world, freeze->loop);
	} else {
		pthread_mutex_lock(&site->lock);
		freeze->thawed = true;
		pthread_cond_broadcast(&site->changed);
		pthread_mutex_unlock(&site->lock);
		if (!site_wait(site, is_over, freeze, CALL_MAX_MS))
			die("a loop does not thaw");
	}
	free(freeze);
}
