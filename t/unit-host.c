/* SPDX-License-Identifier: Apache-2.0 */
/* The host table as a plug-in uses it; every allocation fails once. */
#include <metafora/error.h>
#include <string.h>

#include "clock.h"
#include "host.h"
#include "name.h"
#include "oom.h"
#include "tap.h"
#include "world.h"

static struct world *world;
static struct mf_loop loop;
static struct mf_log log_;
static struct mf_host host;
static const struct metafora_host *table;
static struct metafora_timer *timer;
static struct metafora_post post;
static uint64_t fired_ns;
static unsigned int n_fired;
static char line[METAFORA_LOG_LINE_BYTES];

static void sink(void *arg, enum metafora_log_level level, const char *text)
{
	(void)arg;
	(void)level;
	strcpy(line, text);
}

static void setup(void)
{
	world = world_new(1);
	log_ = (struct mf_log){.fn = sink, .level = METAFORA_LOG_INFO};
	CU_ASSERT_EQUAL_FATAL(
		mf_loop_init(&loop, &world->runtime, "host", NULL, NULL), 0);
	mf_host_init(&host, &loop, &log_, &world);
	table = &host.table;
	timer = NULL;
	n_fired = 0;
}

static void teardown(void)
{
	mf_loop_fini(&loop);
	world_free(world);
}

static void quit(struct metafora_post *p, bool dropped)
{
	(void)p;
	(void)dropped;
	mf_loop_quit(&loop);
}

static void start(void)
{
	CU_ASSERT_EQUAL_FATAL(mf_loop_start(&loop), 0);
}

static void finish(void)
{
	post.deliver = quit;
	table->post(table, &post);
	mf_loop_join(&loop);
}

static void the_table_is_complete(void)
{
	CU_ASSERT_EQUAL(table->abi_version, METAFORA_COORDINATOR_ABI);
	CU_ASSERT_EQUAL(table->size, sizeof(struct metafora_host));
	CU_ASSERT_PTR_EQUAL(mf_host_of(table), &host);
	CU_ASSERT_PTR_EQUAL(mf_host_of(table)->owner, &world);
	CU_ASSERT_PTR_EQUAL(table->name_encode, mf_name_encode);
	CU_ASSERT_PTR_EQUAL(table->name_decode, mf_name_decode);
	CU_ASSERT_PTR_EQUAL(table->name_hash, mf_name_hash);
	CU_ASSERT_EQUAL(table->now_ns(table), world_now_ns(world));
	CU_ASSERT_NOT_EQUAL(table->random(table), table->random(table));
}

static void random_numbers_follow_from_the_seed(void)
{
	struct world *twin = world_new(1);
	struct mf_loop twin_loop;
	struct mf_host twin_host;

	CU_ASSERT_EQUAL_FATAL(
		mf_loop_init(&twin_loop, &twin->runtime, "twin", NULL, NULL),
		0);
	mf_host_init(&twin_host, &twin_loop, &log_, NULL);
	CU_ASSERT_EQUAL(table->random(table),
			twin_host.table.random(&twin_host.table));
	mf_loop_fini(&twin_loop);
	world_free(twin);
}

static void on_timer(void *arg)
{
	CU_ASSERT_PTR_EQUAL(arg, &n_fired);
	fired_ns = table->now_ns(table);
	n_fired++;
}

static void a_timer_fires_once_per_setting(void)
{
	const uint64_t at_ns = world_now_ns(world) + MF_NS_PER_S;

	CU_ASSERT_EQUAL_FATAL(table->timer_new(table, on_timer, &n_fired,
					       &timer), 0);
	table->timer_set(table, timer, at_ns + MF_NS_PER_S);
	table->timer_set(table, timer, at_ns);
	start();
	world_run_for(world, 10 * MF_NS_PER_S);
	CU_ASSERT_EQUAL(n_fired, 1);
	CU_ASSERT_TRUE(fired_ns >= at_ns && fired_ns < at_ns + MF_NS_PER_S);
	finish();
	table->timer_free(table, timer);
}

static void free_timer(void *arg)
{
	(void)arg;
	n_fired++;
	table->timer_free(table, timer);
}

static void a_timer_may_be_freed_by_its_own_callback(void)
{
	CU_ASSERT_EQUAL_FATAL(table->timer_new(table, free_timer, NULL,
					       &timer), 0);
	table->timer_set(table, timer, 0);
	start();
	world_run_for(world, MF_NS_PER_S);
	CU_ASSERT_EQUAL(n_fired, 1);
	finish();
}

static void a_cancelled_or_freed_timer_does_not_fire(void)
{
	struct metafora_timer *freed;

	CU_ASSERT_EQUAL_FATAL(table->timer_new(table, on_timer, &n_fired,
					       &timer), 0);
	CU_ASSERT_EQUAL_FATAL(table->timer_new(table, on_timer, &n_fired,
					       &freed), 0);
	table->timer_cancel(table, timer); /* not set: no effect */
	table->timer_set(table, timer, 0);
	table->timer_set(table, freed, 0);
	table->timer_cancel(table, timer);
	table->timer_free(table, freed);
	table->timer_free(table, NULL);
	start();
	world_run_for(world, MF_NS_PER_S);
	finish();
	CU_ASSERT_EQUAL(n_fired, 0);
	table->timer_free(table, timer);
}

static void a_timer_needs_a_function_and_memory(void)
{
	CU_ASSERT_EQUAL(table->timer_new(table, NULL, NULL, &timer),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(table->timer_new(table, on_timer, NULL, NULL),
			METAFORA_EINVAL);
	oom_fail_at(1);
	CU_ASSERT_EQUAL(table->timer_new(table, on_timer, NULL, &timer),
			METAFORA_ENOMEM);
	CU_ASSERT_TRUE(oom_failed());
	oom_fail_at(0);
	CU_ASSERT_PTR_NULL(timer);
}

static void lines_go_to_the_log(void)
{
	log_.node = "n1";
	table->log(table, METAFORA_LOG_INFO, "lost n=%d", 3);
	CU_ASSERT_STRING_EQUAL(line, "lost n=3 node=n1");
}

static const struct tap_case cases[] = {
	{"the table is complete", the_table_is_complete},
	{"random numbers follow from the seed",
	 random_numbers_follow_from_the_seed},
	{"a timer fires once per setting", a_timer_fires_once_per_setting},
	{"a timer may be freed by its own callback",
	 a_timer_may_be_freed_by_its_own_callback},
	{"a cancelled or freed timer does not fire",
	 a_cancelled_or_freed_timer_does_not_fire},
	{"a timer needs a function and memory",
	 a_timer_needs_a_function_and_memory},
	{"lines go to the log", lines_go_to_the_log},
};

TAP_MAIN(cases, setup, teardown)
