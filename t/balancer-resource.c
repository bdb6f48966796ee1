/* SPDX-License-Identifier: Apache-2.0 */
/* The resource balancer: its limits, its patience, and what it distrusts. */
#include <float.h>
#include <math.h>
#include <metafora.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "meminfo.h"
#include "plan.h"
#include "plugin.h"
#include "sim.h"
#include "tap.h"
#include "task_table.h"
#include "view.h"

#define MS UINT64_C(1000000)
#define START_NS (UINT64_C(5000000) * MS)
#define SETTLE_MS 1000
#define N_TASKS 20
#define MAX_CLAIMS 3

static struct metafora_cluster view;
static struct metafora_balancer *balancer;
static struct mf_entry entries[N_TASKS];
static char ids[N_TASKS][32];

static struct {
	double used, total;
	int error;
	bool fraction; /* leave the total as it is */
	unsigned int n_calls;
} meter;

static int report(void *arg, double *used, double *total)
{
	CU_ASSERT_PTR_EQUAL(arg, &meter);
	meter.n_calls++;
	*used = meter.used;
	if (!meter.fraction)
		*total = meter.total;
	return meter.error;
}

static struct metafora_balancer *make(void)
{
	struct metafora_balancer *made = NULL;

	CU_ASSERT_EQUAL_FATAL(metafora_balancer_resource_new(&made), 0);
	CU_ASSERT_EQUAL(
		metafora_balancer_resource_set_reporter(made, report, &meter),
		0);
	CU_ASSERT_EQUAL(metafora_balancer_resource_set_limits(made, 0.5, 0.75),
			0);
	CU_ASSERT_EQUAL(
		metafora_balancer_resource_set_settle_ms(made, SETTLE_MS), 0);
	CU_ASSERT_EQUAL(
		metafora_balancer_resource_set_max_claims(made, MAX_CLAIMS),
		0);
	return made;
}

/* A node that sees tasks which nobody owns. */
static void setup(void)
{
	struct metafora_member_record record = {
		.node = "a",
		.session = 1,
		.weight = 1,
	};
	struct metafora_task_fact facts[N_TASKS];
	size_t i;

	memset(&meter, 0, sizeof(meter));
	memset(facts, 0, sizeof(facts));
	memset(entries, 0, sizeof(entries));
	meter.total = 100;
	balancer = make();
	for (i = 0; i < N_TASKS; i++) {
		snprintf(ids[i], sizeof(ids[i]), "task-%03zu", i);
		facts[i].task = ids[i];
	}
	CU_ASSERT_EQUAL_FATAL(mf_view_init(&view, "a", true), 0);
	CU_ASSERT_EQUAL_FATAL(mf_view_begin(&view, 1), 0);
	CU_ASSERT_EQUAL(mf_view_members(&view, &record, 1), 0);
	CU_ASSERT_EQUAL(mf_view_tasks(&view, START_NS, 0, facts, N_TASKS), 0);
	CU_ASSERT_EQUAL(mf_view_claims(&view, START_NS, 0, NULL, 0), 0);
}

/* The node runs a task since so many milliseconds. */
static void run(size_t i, uint64_t since_ms)
{
	static char handler;

	entries[i].task = mf_view_find(&view, ids[i]);
	entries[i].state = MF_RUNNING;
	entries[i].run = (struct metafora_task *)&handler;
	entries[i].started_ns = START_NS - since_ms * MS;
	entries[i].task->entry = &entries[i];
	TAILQ_INSERT_TAIL(&view.own, &entries[i], in_own);
	view.n_held++;
}

/* Its handler has been asked to stop. */
static void stop(size_t i)
{
	entries[i].state = MF_STOPPING;
	TAILQ_REMOVE(&view.own, &entries[i], in_own);
	view.n_held--;
}

static void stopped(size_t i)
{
	entries[i].task->entry = NULL;
}

static void teardown(void)
{
	size_t i;

	for (i = 0; i < N_TASKS; i++) {
		if (entries[i].task)
			stopped(i);
	}
	metafora_balancer_free(balancer);
	mf_view_fini(&view);
}

static struct metafora_balance at(uint64_t ms)
{
	struct metafora_balance balance = {
		.cluster = &view,
		.node = "a",
		.now_ns = START_NS + ms * MS,
	};

	return balance;
}

/* Whether it claims; if not, it says from when to ask again. */
static bool claims(uint64_t ms, uint64_t *again_ms)
{
	struct metafora_balance balance = at(ms);
	uint64_t until_ns = 0;
	enum metafora_can_claim answer = balancer->ops->can_claim(
		balancer->state, &balance, mf_view_find(&view, ids[19]),
		&until_ns);

	if (answer == METAFORA_CLAIM_YES)
		return true;
	CU_ASSERT_EQUAL(answer, METAFORA_CLAIM_NO_UNTIL);
	CU_ASSERT_TRUE(until_ns > balance.now_ns);
	if (again_ms)
		*again_ms = (until_ns - START_NS) / MS;
	return false;
}

/* The task that it releases, or -1; never more than one. */
static int releases(uint64_t ms, uint64_t *again_ms)
{
	struct metafora_balance balance = at(ms);
	struct metafora_plan plan = {0};
	uint64_t wish_ns;
	int task = -1;

	wish_ns = balancer->ops->balance(balancer->state, &balance, &plan);
	CU_ASSERT_TRUE(plan.releases.n <= 1);
	CU_ASSERT_EQUAL(plan.queues.n, 0);
	if (plan.releases.n)
		task = (int)(plan.releases.tasks[0]->entry - entries);
	CU_ASSERT_TRUE(!wish_ns || wish_ns > balance.now_ns);
	if (again_ms)
		*again_ms = wish_ns ? (wish_ns - START_NS) / MS : 0;
	mf_plan_fini(&plan);
	return task;
}

/* --- limits -------------------------------------------------------------------- */

static void claims_only_below_the_claim_limit(void)
{
	uint64_t ms = 0;
	int percent;

	for (percent = 0; percent <= 120; percent++, ms += SETTLE_MS) {
		meter.used = percent;
		CU_ASSERT_EQUAL(claims(ms, NULL), percent < 50);
	}
}

static void releases_only_above_the_release_limit(void)
{
	uint64_t ms = 0;
	int percent;

	run(0, 10);
	run(1, 20);
	for (percent = 0; percent <= 75; percent++, ms += SETTLE_MS) {
		meter.used = percent;
		CU_ASSERT_EQUAL(releases(ms, NULL), -1);
	}
	meter.used = 76;
	CU_ASSERT_EQUAL(releases(ms, NULL), 1);
}

static void between_the_limits_nothing_happens(void)
{
	uint64_t ms;

	run(0, 10);
	run(1, 20);
	for (ms = 0; ms < 100 * SETTLE_MS; ms += SETTLE_MS / 4) {
		meter.used = ms % 2000 < 1000 ? 51 : 74;
		CU_ASSERT_EQUAL(releases(ms, NULL), -1);
		CU_ASSERT_FALSE(claims(ms, NULL));
	}
}

static void the_one_that_has_run_longest_goes_first(void)
{
	static const int since_ms[] = {30, 10, 50, 40, 20};
	static const int order[] = {2, 3, 0, 4};
	uint64_t ms = 0;
	size_t i;

	for (i = 0; i < 5; i++)
		run(i, since_ms[i]);
	meter.used = 90;
	for (i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(releases(ms, NULL), order[i]);
		stop(order[i]);
		stopped(order[i]);
		CU_ASSERT_EQUAL(releases(ms + 1, NULL), -1);
		ms += SETTLE_MS + 1;
	}
}

static void the_last_task_is_kept(void)
{
	uint64_t again_ms = 1;

	meter.used = 100;
	CU_ASSERT_EQUAL(releases(0, &again_ms), -1);
	run(0, 10);
	CU_ASSERT_EQUAL(releases(0, &again_ms), -1);
	/* There is no need to look before something changes. */
	CU_ASSERT_EQUAL(again_ms, 0);
	run(1, 10);
	CU_ASSERT_TRUE(releases(0, &again_ms) >= 0);
}

/* --- patience ------------------------------------------------------------------ */

static void a_reading_stands_for_one_settle_time(void)
{
	uint64_t again_ms = 0;

	run(0, 10);
	run(1, 20);
	meter.used = 60;
	CU_ASSERT_EQUAL(releases(0, &again_ms), -1);
	CU_ASSERT_EQUAL(again_ms, SETTLE_MS);
	CU_ASSERT_EQUAL(meter.n_calls, 1);
	meter.used = 90;
	CU_ASSERT_EQUAL(releases(SETTLE_MS - 1, &again_ms), -1);
	CU_ASSERT_EQUAL(again_ms, SETTLE_MS);
	CU_ASSERT_FALSE(claims(SETTLE_MS - 1, &again_ms));
	CU_ASSERT_EQUAL(again_ms, SETTLE_MS);
	CU_ASSERT_EQUAL(meter.n_calls, 1);
	CU_ASSERT_EQUAL(releases(SETTLE_MS, NULL), 1);
	CU_ASSERT_EQUAL(meter.n_calls, 2);
}

static void so_many_claims_are_made_on_one_reading(void)
{
	uint64_t again_ms = 0;
	size_t i;

	for (i = 0; i < MAX_CLAIMS; i++) {
		CU_ASSERT_TRUE(claims(i, NULL));
		view.n_held++;
	}
	CU_ASSERT_FALSE(claims(10, &again_ms));
	CU_ASSERT_EQUAL(again_ms, SETTLE_MS);
	/* One of them came to nothing: another may be tried. */
	view.n_held--;
	CU_ASSERT_TRUE(claims(11, NULL));
	view.n_held++;
	CU_ASSERT_FALSE(claims(12, NULL));
	for (i = 0; i < MAX_CLAIMS; i++) {
		CU_ASSERT_TRUE(claims(SETTLE_MS, NULL));
		view.n_held++;
	}
	CU_ASSERT_FALSE(claims(SETTLE_MS, NULL));
	CU_ASSERT_EQUAL(meter.n_calls, 2);
}

/* Tasks 0 and 1 run, and 1 was asked to stop at 0 ms. */
static void release_one(void)
{
	run(0, 10);
	run(1, 20);
	run(2, 5);
	meter.used = 90;
	CU_ASSERT_EQUAL_FATAL(releases(0, NULL), 1);
	stop(1);
}

static void a_release_is_given_time_to_show(void)
{
	uint64_t again_ms = 0;

	release_one();
	/* The handler takes its time. */
	CU_ASSERT_EQUAL(releases(3000, &again_ms), -1);
	CU_ASSERT_EQUAL(again_ms, 3000 + SETTLE_MS);
	meter.used = 10;
	CU_ASSERT_FALSE(claims(3000, &again_ms));
	CU_ASSERT_EQUAL(again_ms, 3000 + SETTLE_MS);
	meter.used = 90;
	stopped(1);
	CU_ASSERT_EQUAL(releases(3100, &again_ms), -1);
	CU_ASSERT_EQUAL(again_ms, 3100 + SETTLE_MS);
	CU_ASSERT_EQUAL(releases(3099 + SETTLE_MS, &again_ms), -1);
	CU_ASSERT_EQUAL(again_ms, 3100 + SETTLE_MS);
	CU_ASSERT_EQUAL(meter.n_calls, 1);
	CU_ASSERT_EQUAL(releases(3100 + SETTLE_MS, NULL), 0);
}

static void a_handler_that_does_not_stop_is_not_waited_for_without_end(void)
{
	release_one();
	CU_ASSERT_EQUAL(releases(10 * SETTLE_MS - 1, NULL), -1);
	CU_ASSERT_EQUAL(releases(10 * SETTLE_MS, NULL), -1);
	CU_ASSERT_EQUAL(releases(11 * SETTLE_MS - 1, NULL), -1);
	CU_ASSERT_EQUAL(releases(11 * SETTLE_MS, NULL), 0);
	stop(0);
}

static void a_task_that_came_back_is_not_the_one_that_stops(void)
{
	release_one();
	stopped(1);
	run(1, 0);
	CU_ASSERT_EQUAL(releases(600, NULL), -1);
	CU_ASSERT_EQUAL(releases(600 + SETTLE_MS, NULL), 0);
	stop(0);
	stop(1);
}

static void a_task_that_is_gone_does_not_stop_any_more(void)
{
	release_one();
	stopped(1);
	entries[1].task = NULL;
	CU_ASSERT_EQUAL(mf_view_tasks(&view, START_NS, 0, NULL, 0), 0);
	mf_view_settle(&view, mf_view_find(&view, ids[1]));
	CU_ASSERT_EQUAL(releases(100, NULL), -1);
	CU_ASSERT_EQUAL(releases(100 + SETTLE_MS, NULL), 0);
}

/* --- the reporter -------------------------------------------------------------- */

static void a_fraction_is_enough(void)
{
	meter.fraction = true;
	meter.used = 0.49;
	CU_ASSERT_TRUE(claims(0, NULL));
	meter.used = 0.51;
	CU_ASSERT_FALSE(claims(SETTLE_MS, NULL));
}

static void what_is_not_known_changes_nothing(void)
{
	static const struct {
		double used, total;
		int error;
	} bad[] = {
		{10, 100, METAFORA_ESYS}, {90, 100, METAFORA_ESYS},
		{90, 100, 1},             {NAN, 100, 0},
		{10, NAN, 0},             {NAN, NAN, 0},
		{-1, 100, 0},             {-DBL_MIN, 100, 0},
		{10, -100, 0},            {-10, -100, 0},
		{10, 0, 0},               {0, 0, 0},
		{INFINITY, 100, 0},       {-INFINITY, 100, 0},
		{10, INFINITY, 0},        {INFINITY, INFINITY, 0},
	};
	uint64_t again_ms = 0;
	uint64_t ms = 0;
	size_t i;

	run(0, 10);
	run(1, 20);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++, ms += SETTLE_MS) {
		meter.used = bad[i].used;
		meter.total = bad[i].total;
		meter.error = bad[i].error;
		CU_ASSERT_FALSE(claims(ms, &again_ms));
		CU_ASSERT_EQUAL(again_ms, ms + SETTLE_MS);
		CU_ASSERT_EQUAL(releases(ms, &again_ms), -1);
		CU_ASSERT_EQUAL(again_ms, ms + SETTLE_MS);
	}
	/* Asked once each time, and believed again when it makes sense. */
	CU_ASSERT_EQUAL(meter.n_calls, sizeof(bad) / sizeof(bad[0]));
	meter.error = 0;
	meter.total = 100;
	meter.used = 10;
	CU_ASSERT_TRUE(claims(ms, NULL));
	meter.used = 90;
	CU_ASSERT_EQUAL(releases(ms + SETTLE_MS, NULL), 1);
}

static void by_default_it_is_memory(void)
{
	if (access(MF_MEMINFO_PATH, R_OK)) {
		tap_skip("no " MF_MEMINFO_PATH " here");
		return;
	}
	run(0, 10);
	run(1, 20);
	/* Some is in use, and some is not. */
	metafora_balancer_resource_set_reporter(balancer, NULL, NULL);
	metafora_balancer_resource_set_limits(balancer, 0.999999, 1);
	CU_ASSERT_TRUE(claims(0, NULL));
	CU_ASSERT_EQUAL(releases(0, NULL), -1);
	metafora_balancer_resource_set_limits(balancer, 1e-9, 1e-8);
	CU_ASSERT_FALSE(claims(SETTLE_MS, NULL));
	CU_ASSERT_EQUAL(releases(SETTLE_MS, NULL), 1);
	CU_ASSERT_EQUAL(meter.n_calls, 0);
}

static void who_is_not_listed_does_not_claim(void)
{
	struct metafora_balance balance = at(0);
	uint64_t until_ns;

	CU_ASSERT_EQUAL(mf_view_members(&view, NULL, 0), 0);
	CU_ASSERT_EQUAL(
		balancer->ops->can_claim(balancer->state, &balance,
					 mf_view_find(&view, ids[0]),
					 &until_ns),
		METAFORA_CLAIM_NO_UNTIL_CHANGE);
}

/* --- options ------------------------------------------------------------------- */

static void limits_are_checked(void)
{
	static const double bad[][2] = {
		{0, 0.5},   {-0.1, 0.5}, {0.5, 0.5},      {0.6, 0.5},
		{0.5, 1.1}, {1, 1},      {1, 2},          {0.5, 0},
		{-2, -1},   {NAN, 0.5},  {0.5, NAN},      {NAN, NAN},
		{0, 0},     {0.5, INFINITY}, {-INFINITY, 0.5},
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(metafora_balancer_resource_set_limits(
					balancer, bad[i][0], bad[i][1]),
				METAFORA_ERANGE);
	/* They are as before. */
	claims_only_below_the_claim_limit();
	CU_ASSERT_EQUAL(
		metafora_balancer_resource_set_limits(balancer, DBL_MIN, 1), 0);
	CU_ASSERT_EQUAL(metafora_balancer_resource_set_limits(
				balancer, 0.5, nextafter(0.5, 1)),
			0);
}

static void other_options_are_checked(void)
{
	struct metafora_balancer *dumb = NULL;

	CU_ASSERT_EQUAL(metafora_balancer_resource_new(NULL), METAFORA_EINVAL);
	CU_ASSERT_EQUAL_FATAL(metafora_balancer_dumb_new(&dumb), 0);
#define CHECK(set, least, most)                                               \
	do {                                                                  \
		CU_ASSERT_EQUAL(set(balancer, (least)-1), METAFORA_ERANGE);   \
		CU_ASSERT_EQUAL(set(balancer, least), 0);                     \
		CU_ASSERT_EQUAL(set(balancer, most), 0);                      \
		CU_ASSERT_EQUAL(set(balancer, (most) + 1), METAFORA_ERANGE);  \
		CU_ASSERT_EQUAL(set(balancer, -1), METAFORA_ERANGE);          \
		CU_ASSERT_EQUAL(set(dumb, least), METAFORA_EINVAL);           \
		CU_ASSERT_EQUAL(set(NULL, least), METAFORA_EINVAL);           \
	} while (0)
	CHECK(metafora_balancer_resource_set_settle_ms, 10, 3600000);
	CHECK(metafora_balancer_resource_set_max_claims, 1, 1000000);
#undef CHECK
	CU_ASSERT_EQUAL(metafora_balancer_resource_set_limits(dumb, 0.1, 0.2),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_balancer_resource_set_limits(NULL, 0.1, 0.2),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(
		metafora_balancer_resource_set_reporter(dumb, report, NULL),
		METAFORA_EINVAL);
	CU_ASSERT_EQUAL(
		metafora_balancer_resource_set_reporter(NULL, NULL, NULL),
		METAFORA_EINVAL);
	metafora_balancer_free(dumb);
}

/* --- whole clusters ------------------------------------------------------------- */

static struct sim *sim;
static double task_size; /* of the 20 that a node has */

/* What handlers on the node use. */
static int report_node(void *arg, double *used, double *total)
{
	*used = sim_count(arg) * task_size;
	*total = 20;
	return 0;
}

/* For the node that joins last. */
static struct metafora_balancer *make_for_node(void)
{
	struct metafora_balancer *made = make();

	CU_ASSERT_EQUAL(metafora_balancer_resource_set_reporter(
				made, report_node,
				&sim->nodes[sim->n_nodes - 1]),
			0);
	return made;
}

/* A node takes 30 tasks as far as it has room: 10, and 2 more at most. */
static struct sim_node *begin(void)
{
	struct sim_node *n1;

	task_size = 1;
	sim = sim_new(&sim_embedded, 5, 2000);
	sim->balancer = make_for_node;
	n1 = sim_join(sim, "n1");
	CU_ASSERT_TRUE_FATAL(sim_until(sim, sim_all_joined, 10000));
	sim_submit(sim, 0, 30);
	CU_ASSERT_TRUE(sim_until(sim, sim_answered, 1000));
	sim_for(sim, 10 * SETTLE_MS);
	return n1;
}

static void end(void)
{
	CU_ASSERT_EQUAL(sim->n_broken, 0);
	sim_free(sim);
}

static void a_full_node_leaves_tasks_to_those_with_room(void)
{
	struct sim_node *n1 = begin();
	unsigned int n = sim_count(n1);

	tap_note("one node has %u", n);
	CU_ASSERT_TRUE(n >= 10 && n <= 12);
	/* And so it stays. */
	sim_for(sim, 60 * SETTLE_MS);
	CU_ASSERT_EQUAL(sim->n_starts, n);
	CU_ASSERT_EQUAL(sim_count(n1), n);
	sim_join(sim, "n2");
	sim_join(sim, "n3");
	CU_ASSERT_TRUE(sim_until(sim, sim_all_run, 10 * SETTLE_MS));
	sim_for(sim, 60 * SETTLE_MS);
	CU_ASSERT_EQUAL(sim->n_starts, 30);
	end();
}

static void an_overloaded_node_gives_away_until_it_is_not(void)
{
	struct sim_node *n1 = begin();
	unsigned int n = sim_count(n1);

	/* They grow: 15 of 20 is the limit, 6 tasks of 2.5. */
	sim->manner.stop_min_ms = sim->manner.stop_max_ms = 300;
	task_size = 2.5;
	/* One each 1.3 s at most, and not much less. */
	sim_for(sim, 4000);
	CU_ASSERT_TRUE(sim_count(n1) >= n - 4);
	CU_ASSERT_TRUE(sim_count(n1) <= n - 2);
	sim_for(sim, 60 * SETTLE_MS);
	CU_ASSERT_EQUAL(sim_count(n1), 6);
	/* Nothing went back and forth. */
	CU_ASSERT_EQUAL(sim->n_starts, n);
	end();
}

static void what_is_given_away_runs_where_there_is_room(void)
{
	begin();
	sim_join(sim, "n2");
	sim_join(sim, "n3");
	sim_join(sim, "n4");
	CU_ASSERT_TRUE(sim_until(sim, sim_all_run, 10 * SETTLE_MS));
	/* 15 of 20 is the limit, 9 tasks of 1.6: and 4 * 9 > 30. */
	task_size = 1.6;
	sim_for(sim, 60 * SETTLE_MS);
	CU_ASSERT_TRUE(sim_all_run(sim));
	CU_ASSERT_TRUE(sim_count(sim_node(sim, "n1")) <= 9);
	CU_ASSERT_TRUE(sim_count(sim_node(sim, "n4")) <= 9);
	end();
}

static const struct tap_case cases[] = {
	{"claims only below the claim limit",
	 claims_only_below_the_claim_limit},
	{"releases only above the release limit",
	 releases_only_above_the_release_limit},
	{"between the limits nothing happens",
	 between_the_limits_nothing_happens},
	{"the one that has run longest goes first",
	 the_one_that_has_run_longest_goes_first},
	{"the last task is kept", the_last_task_is_kept},
	{"a reading stands for one settle time",
	 a_reading_stands_for_one_settle_time},
	{"so many claims are made on one reading",
	 so_many_claims_are_made_on_one_reading},
	{"a release is given time to show", a_release_is_given_time_to_show},
	{"a handler that does not stop is not waited for without end",
	 a_handler_that_does_not_stop_is_not_waited_for_without_end},
	{"a task that came back is not the one that stops",
	 a_task_that_came_back_is_not_the_one_that_stops},
	{"a task that is gone does not stop any more",
	 a_task_that_is_gone_does_not_stop_any_more},
	{"a fraction is enough", a_fraction_is_enough},
	{"what is not known changes nothing",
	 what_is_not_known_changes_nothing},
	{"by default it is memory", by_default_it_is_memory},
	{"who is not listed does not claim", who_is_not_listed_does_not_claim},
	{"limits are checked", limits_are_checked},
	{"other options are checked", other_options_are_checked},
	{"a full node leaves tasks to those with room",
	 a_full_node_leaves_tasks_to_those_with_room},
	{"an overloaded node gives away until it is not",
	 an_overloaded_node_gives_away_until_it_is_not},
	{"what is given away runs where there is room",
	 what_is_given_away_runs_where_there_is_room},
};

TAP_MAIN(cases, setup, teardown)
