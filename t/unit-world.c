/* SPDX-License-Identifier: Apache-2.0 */
/* The test world: it replays, it differs by seed, its clock jumps. */
#include <stdlib.h>

#include "clock.h"
#include "tap.h"
#include "world.h"

#define N_LOOPS 5
#define N_HOPS 200

/* Loops that pass a letter around, each hop to one chosen at random. */
struct hopper {
	struct mf_loop loop;
	struct mf_timer timer;
	struct ring *ring;
	unsigned int n_seen;
};

struct ring {
	struct world *world;
	struct hopper hoppers[N_LOOPS];
	struct metafora_post post;
	struct hopper *holder;
	unsigned int n_hops;
	unsigned int n_probed;
	bool closing;
};

static struct ring *ring;

static void hop(void)
{
	ring->holder = &ring->hoppers[world_random(ring->world) % N_LOOPS];
	mf_loop_post(&ring->holder->loop, &ring->post);
}

static void on_letter(struct metafora_post *post, bool dropped)
{
	struct hopper *holder = ring->holder;

	(void)post;
	if (dropped)
		return;
	if (!mf_loop_is_owner(&holder->loop))
		abort();
	holder->n_seen++;
	if (++ring->n_hops % 3)
		hop();
	else
		mf_loop_timer_set(&holder->loop, &holder->timer,
				  mf_loop_now_ns(&holder->loop) + 1000000);
}

static void on_timer(void *arg)
{
	(void)arg;
	hop();
}

static void quit_if_closing(void *arg)
{
	struct hopper *hopper = arg;

	if (hopper->ring->closing)
		mf_loop_quit(&hopper->loop);
}

static void on_quit(struct metafora_post *post, bool dropped)
{
	(void)dropped;
	free(post);
}

static void count_probe(void *arg)
{
	struct ring *r = arg;

	r->n_probed++;
}

static bool has_hopped_enough(void *arg)
{
	struct ring *r = arg;

	return r->n_hops >= N_HOPS;
}

static void start_ring(uint64_t seed)
{
	int i;

	ring = calloc(1, sizeof(*ring));
	CU_ASSERT_PTR_NOT_NULL_FATAL(ring);
	ring->world = world_new(seed);
	ring->post.deliver = on_letter;
	for (i = 0; i < N_LOOPS; i++) {
		struct hopper *hopper = &ring->hoppers[i];

		hopper->ring = ring;
		mf_timer_init(&hopper->timer, on_timer, hopper);
		CU_ASSERT_EQUAL_FATAL(mf_loop_init(&hopper->loop,
						   &ring->world->runtime,
						   "hopper", quit_if_closing,
						   hopper), 0);
		CU_ASSERT_EQUAL_FATAL(mf_loop_start(&hopper->loop), 0);
	}
}

static void end_ring(void)
{
	int i;

	ring->closing = true;
	for (i = 0; i < N_LOOPS; i++) {
		struct metafora_post *post = calloc(1, sizeof(*post));

		CU_ASSERT_PTR_NOT_NULL_FATAL(post);
		post->deliver = on_quit;
		mf_loop_post(&ring->hoppers[i].loop, post);
		mf_loop_join(&ring->hoppers[i].loop);
		mf_loop_fini(&ring->hoppers[i].loop);
	}
	world_free(ring->world);
	free(ring);
}

static uint64_t deadline_after_s(uint64_t seconds)
{
	return world_now_ns(ring->world) + seconds * MF_NS_PER_S;
}

/* Returns the trace of a whole run. */
static uint64_t run_ring(uint64_t seed)
{
	uint64_t trace;

	start_ring(seed);
	hop();
	CU_ASSERT_TRUE(world_run_until(ring->world, has_hopped_enough, ring,
				       deadline_after_s(10)));
	trace = world_trace(ring->world);
	end_ring();
	return trace;
}

static void the_same_seed_takes_the_same_course(void)
{
	uint64_t seed;

	for (seed = 0; seed < 20; seed++)
		CU_ASSERT_EQUAL(run_ring(seed), run_ring(seed));
}

static void other_seeds_take_other_courses(void)
{
	uint64_t traces[20];
	int i;
	int k;

	for (i = 0; i < 20; i++) {
		traces[i] = run_ring((uint64_t)i);
		for (k = 0; k < i; k++)
			CU_ASSERT_NOT_EQUAL(traces[k], traces[i]);
	}
}

static char first; /* 0 before */

static void on_race(struct metafora_post *post, bool dropped)
{
	(void)post;
	(void)dropped;
	if (!first)
		first = mf_loop_is_owner(&ring->hoppers[0].loop) ? 'a' : 'b';
}

static char who_comes_first(uint64_t seed)
{
	struct metafora_post posts[2] = {{.deliver = on_race},
					 {.deliver = on_race}};

	start_ring(seed);
	world_run_for(ring->world, MF_NS_PER_MS); /* the first dispatches */
	first = 0;
	mf_loop_post(&ring->hoppers[0].loop, &posts[0]);
	mf_loop_post(&ring->hoppers[1].loop, &posts[1]);
	world_run_for(ring->world, MF_NS_PER_MS);
	end_ring();
	return first;
}

static void loops_that_are_ready_together_run_in_any_order(void)
{
	bool a_first = false;
	bool b_first = false;
	uint64_t seed;

	for (seed = 0; seed < 40; seed++) {
		char who = who_comes_first(seed);

		a_first |= who == 'a';
		b_first |= who == 'b';
	}
	CU_ASSERT_TRUE(a_first);
	CU_ASSERT_TRUE(b_first);
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static void the_clock_stands_at_the_deadline_when_nothing_happens(void)
{
	uint64_t deadline_ns;

	start_ring(1);
	world_run_for(ring->world, MF_NS_PER_S);
	deadline_ns = deadline_after_s(3600);
	CU_ASSERT_FALSE(
		world_run_until(ring->world, never, NULL, deadline_ns));
	CU_ASSERT_EQUAL(world_now_ns(ring->world), deadline_ns);
	CU_ASSERT_FALSE(world_step(ring->world));
	/* Without a deadline it must not run for ever. */
	CU_ASSERT_FALSE(world_run_until(ring->world, never, NULL, MF_NEVER));
	end_ring();
}

static void set_timer_in_an_hour(struct metafora_post *post, bool dropped)
{
	struct hopper *hopper = &ring->hoppers[0];

	(void)dropped;
	free(post);
	mf_loop_timer_set(&hopper->loop, &hopper->timer,
			  mf_loop_now_ns(&hopper->loop) + 3600 * MF_NS_PER_S);
}

static void the_clock_jumps_to_the_next_timer(void)
{
	struct metafora_post *post = calloc(1, sizeof(*post));
	uint64_t begin_ns;

	CU_ASSERT_PTR_NOT_NULL_FATAL(post);
	start_ring(2);
	world_run_for(ring->world, MF_NS_PER_MS);
	begin_ns = world_now_ns(ring->world);
	post->deliver = set_timer_in_an_hour;
	mf_loop_post(&ring->hoppers[0].loop, post);
	CU_ASSERT_TRUE(world_step(ring->world)); /* delivers */
	CU_ASSERT_TRUE(world_step(ring->world)); /* moves the clock */
	CU_ASSERT_EQUAL(world_now_ns(ring->world) / MF_NS_PER_S,
			begin_ns / MF_NS_PER_S + 3600);
	ring->n_hops = 2;
	CU_ASSERT_TRUE(world_step(ring->world)); /* fires */
	CU_ASSERT_PTR_NOT_NULL(ring->holder);
	end_ring();
}

static bool first_has_seen(void *arg)
{
	struct ring *r = arg;

	return r->hoppers[0].n_seen > 0;
}

static void a_paused_loop_stands_still_until_its_time_or_resumed(void)
{
	struct mf_loop *loop;
	uint64_t stepped_ns;
	uint64_t until_ns;

	start_ring(3);
	loop = &ring->hoppers[0].loop;
	world_run_for(ring->world, MF_NS_PER_MS);
	stepped_ns = atomic_load(&loop->stepped_ns);

	world_pause_loop(ring->world, loop, MF_NEVER);
	ring->holder = &ring->hoppers[0];
	mf_loop_post(loop, &ring->post);
	CU_ASSERT_FALSE(world_run_until(ring->world, first_has_seen, ring,
					deadline_after_s(60)));
	CU_ASSERT_EQUAL(atomic_load(&loop->stepped_ns), stepped_ns);

	until_ns = deadline_after_s(5);
	world_pause_loop(ring->world, loop, until_ns);
	CU_ASSERT_FALSE(world_run_until(ring->world, first_has_seen, ring,
					until_ns - 1));
	CU_ASSERT_TRUE(world_run_until(ring->world, first_has_seen, ring,
				       until_ns + MF_NS_PER_S));
	CU_ASSERT_TRUE(atomic_load(&loop->stepped_ns) >= until_ns);

	ring->hoppers[0].n_seen = 0;
	world_pause_loop(ring->world, loop, MF_NEVER);
	CU_ASSERT_FALSE(world_run_until(ring->world, first_has_seen, ring,
					deadline_after_s(1)));
	world_resume_loop(ring->world, loop);
	CU_ASSERT_TRUE(world_run_until(ring->world, first_has_seen, ring,
				       deadline_after_s(60)));
	end_ring();
}

static void the_probe_is_called_after_each_dispatch(void)
{
	start_ring(4);
	world_set_probe(ring->world, count_probe, ring);
	world_run_for(ring->world, MF_NS_PER_S);
	CU_ASSERT_EQUAL(ring->n_probed, N_LOOPS); /* the first of each loop */
	world_set_probe(ring->world, NULL, NULL);
	hop();
	world_run_for(ring->world, MF_NS_PER_MS);
	CU_ASSERT_EQUAL(ring->n_probed, N_LOOPS);
	end_ring();
}

static void a_dispatch_takes_the_time_it_is_told_to(void)
{
	uint64_t begin_ns;

	start_ring(5);
	ring->world->latency_min_ns = 700;
	ring->world->latency_max_ns = 700;
	begin_ns = world_now_ns(ring->world);
	CU_ASSERT_TRUE(world_step(ring->world));
	CU_ASSERT_EQUAL(world_now_ns(ring->world), begin_ns + 700);
	end_ring();
}

static const struct tap_case cases[] = {
	{"the same seed takes the same course",
	 the_same_seed_takes_the_same_course},
	{"other seeds take other courses", other_seeds_take_other_courses},
	{"loops that are ready together run in any order",
	 loops_that_are_ready_together_run_in_any_order},
	{"the clock stands at the deadline when nothing happens",
	 the_clock_stands_at_the_deadline_when_nothing_happens},
	{"the clock jumps to the next timer",
	 the_clock_jumps_to_the_next_timer},
	{"a paused loop stands still until its time or resumed",
	 a_paused_loop_stands_still_until_its_time_or_resumed},
	{"the probe is called after each dispatch",
	 the_probe_is_called_after_each_dispatch},
	{"a dispatch takes the time it is told to",
	 a_dispatch_takes_the_time_it_is_told_to},
};

TAP_MAIN(cases, NULL, NULL)
