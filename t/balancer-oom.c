/* SPDX-License-Identifier: Apache-2.0 */
/* Balancers when memory is short: they say so, or put it off. */
#include <metafora.h>
#include <stdio.h>
#include <string.h>

#include "oom.h"
#include "plan.h"
#include "plugin.h"
#include "tap.h"
#include "task_table.h"
#include "view.h"

#define MS UINT64_C(1000000)
#define NOW_NS (UINT64_C(5000000) * MS)
#define N_TASKS 200
/*
 * What the one that runs all but one has too many: 100 for each, and one of
 * its hundred is not claimed as yet.
 */
#define N_SURPLUS 99

static struct metafora_cluster view, others_view;
static struct mf_entry entries[N_TASKS];

/* This node runs all but the first task, another one is there with none. */
static void setup(void)
{
	static char ids[N_TASKS][32];
	struct metafora_member_record records[2];
	struct metafora_task_fact facts[N_TASKS];
	struct metafora_claim_fact claims[N_TASKS];
	size_t i;

	memset(records, 0, sizeof(records));
	memset(facts, 0, sizeof(facts));
	memset(entries, 0, sizeof(entries));
	records[0].node = "a";
	records[1].node = "b";
	records[0].weight = records[1].weight = 1;
	/* The same as the other sees it, and it has lines. */
	CU_ASSERT_EQUAL_FATAL(mf_view_init(&others_view, "b", true), 0);
	CU_ASSERT_EQUAL_FATAL(mf_view_begin(&others_view, 1), 0);
	CU_ASSERT_EQUAL_FATAL(mf_view_init(&view, "a", false), 0);
	CU_ASSERT_EQUAL_FATAL(mf_view_begin(&view, 1), 0);
	for (i = 0; i < N_TASKS; i++) {
		snprintf(ids[i], sizeof(ids[i]), "task-%03zu", i);
		facts[i].task = claims[i].task = ids[i];
		claims[i].node = "a";
		claims[i].token = i + 1;
	}
	CU_ASSERT_EQUAL(mf_view_members(&view, records, 2), 0);
	CU_ASSERT_EQUAL(mf_view_tasks(&view, NOW_NS, 0, facts, N_TASKS), 0);
	CU_ASSERT_EQUAL(mf_view_claims(&view, NOW_NS, 0, claims + 1,
				       N_TASKS - 1),
			0);
	mf_view_members(&others_view, records, 2);
	mf_view_tasks(&others_view, NOW_NS, 0, facts, N_TASKS);
	mf_view_claims(&others_view, NOW_NS, 0, claims + 1, N_TASKS - 1);
	for (i = 1; i < N_TASKS; i++) {
		entries[i].task = mf_view_find(&view, ids[i]);
		entries[i].state = MF_RUNNING;
		entries[i].task->entry = &entries[i];
		TAILQ_INSERT_TAIL(&view.own, &entries[i], in_own);
	}
	view.n_held = N_TASKS - 1;
}

static void teardown(void)
{
	size_t i;

	for (i = 1; i < N_TASKS; i++)
		entries[i].task->entry = NULL;
	mf_view_fini(&view);
	mf_view_fini(&others_view);
}

static void make(void *arg)
{
	int (*const *new)(struct metafora_balancer **out) = arg;
	struct metafora_balancer *balancer = NULL;
	int error = (*new)(&balancer);

	CU_ASSERT_EQUAL(error, oom_failed() ? METAFORA_ENOMEM : 0);
	CU_ASSERT_EQUAL(balancer == NULL, oom_failed());
	metafora_balancer_free(balancer);
}

static void a_balancer_is_made_or_not(void)
{
	int (*new)(struct metafora_balancer **out);

	new = metafora_balancer_fair_new;
	CU_ASSERT_TRUE(oom_for_each(make, &new) >= 2);
	new = metafora_balancer_dumb_new;
	CU_ASSERT_TRUE(oom_for_each(make, &new) >= 1);
	new = metafora_balancer_sleep_new;
	CU_ASSERT_TRUE(oom_for_each(make, &new) >= 2);
	new = metafora_balancer_resource_new;
	CU_ASSERT_TRUE(oom_for_each(make, &new) >= 2);
}

static void claim(void *arg)
{
	struct metafora_balance balance = {
		.cluster = &view,
		.node = "a",
		.now_ns = NOW_NS + 100000 * MS,
	};
	struct metafora_balancer *fair = NULL;
	enum metafora_can_claim answer;
	uint64_t until_ns = 0;

	(void)arg;
	oom_pause();
	CU_ASSERT_EQUAL_FATAL(metafora_balancer_fair_new(&fair), 0);
	oom_resume();
	/* Beyond its share, so that it is remembered as adopted. */
	answer = fair->ops->can_claim(fair->state, &balance,
				      metafora_cluster_find_task(&view,
								 "task-000"),
				      &until_ns);
	CU_ASSERT_TRUE(answer == METAFORA_CLAIM_YES ||
		       (oom_failed() && answer == METAFORA_CLAIM_NO_UNTIL &&
			until_ns > balance.now_ns));
	answer = fair->ops->can_claim(fair->state, &balance,
				      metafora_cluster_find_task(&view,
								 "task-000"),
				      &until_ns);
	CU_ASSERT_EQUAL(answer, METAFORA_CLAIM_YES);
	metafora_balancer_free(fair);
}

static void a_claim_is_put_off_at_worst(void)
{
	/* The picture (two), and the adopted task with its table. */
	CU_ASSERT_TRUE(oom_for_each(claim, NULL) >= 4);
}

/*
 * What fair plans when memory may be short, and then, as none of it has been
 * done, once more.
 */
static void plan_twice(struct metafora_cluster *cluster, const char *node,
		       const struct mf_picks *picks,
		       struct metafora_plan *plan)
{
	struct metafora_balance balance = {
		.cluster = cluster,
		.node = node,
		.now_ns = NOW_NS,
	};
	struct metafora_balancer *fair = NULL;
	uint64_t wish_ns;

	oom_pause();
	CU_ASSERT_EQUAL_FATAL(metafora_balancer_fair_new(&fair), 0);
	oom_resume();
	wish_ns = fair->ops->balance(fair->state, &balance, plan);
	CU_ASSERT_EQUAL(picks->n == N_SURPLUS, !oom_failed());
	CU_ASSERT_TRUE(picks->n <= N_SURPLUS);
	/* Who waits for others to release looks again in any case. */
	CU_ASSERT_EQUAL(wish_ns > NOW_NS,
			oom_failed() || picks == &plan->queues);
	mf_plan_fini(plan);
	oom_pause();
	wish_ns = fair->ops->balance(fair->state, &balance, plan);
	oom_resume();
	CU_ASSERT_EQUAL(picks->n, N_SURPLUS);
	CU_ASSERT_EQUAL(plan->evictions.n, 0);
	CU_ASSERT_EQUAL(wish_ns > 0, picks == &plan->queues);
	mf_plan_fini(plan);
	metafora_balancer_free(fair);
}

static void give_away(void *arg)
{
	struct metafora_plan plan = {0};

	(void)arg;
	plan_twice(&view, "a", &plan.releases, &plan);
}

static void pull(void *arg)
{
	struct metafora_plan plan = {0};

	(void)arg;
	plan_twice(&others_view, "b", &plan.queues, &plan);
}

static void what_could_not_be_queued_for_is_queued_for_later(void)
{
	/* The picture (two), the places, and the plan. */
	CU_ASSERT_TRUE(oom_for_each(pull, NULL) >= 4);
}

static void what_could_not_be_planned_is_planned_later(void)
{
	/* The picture (two), the offers, the plan and its growth. */
	CU_ASSERT_TRUE(oom_for_each(give_away, NULL) >= 5);
}

/* An owner with as many waiters as it has tasks too many. */
static void a_waiter_is_honoured_later_at_worst(void)
{
	static struct metafora_claim_fact claims[2 * N_TASKS];
	size_t i, n = 0;

	for (i = 1; i < N_TASKS; i++) {
		claims[n].task = entries[i].task->id;
		claims[n].node = "a";
		claims[n++].token = i + 1;
		if (i > N_SURPLUS)
			continue;
		claims[n].task = entries[i].task->id;
		claims[n].node = "b";
		claims[n++].token = N_TASKS + i + 1;
	}
	view.has_lines = true;
	CU_ASSERT_EQUAL_FATAL(mf_view_claims(&view, NOW_NS, 0, claims, n), 0);
	/* The picture (two), the waiters, the plan and its growth. */
	CU_ASSERT_TRUE(oom_for_each(give_away, NULL) >= 5);
}

static int all_used(void *arg, double *used, double *total)
{
	(void)arg;
	*used = *total;
	return 0;
}

static void relieve(void *arg)
{
	struct metafora_balance balance = {
		.cluster = &view,
		.node = "a",
		.now_ns = NOW_NS,
	};
	struct metafora_balancer *resource = NULL;
	struct metafora_plan plan = {0};

	(void)arg;
	oom_pause();
	CU_ASSERT_EQUAL_FATAL(metafora_balancer_resource_new(&resource), 0);
	metafora_balancer_resource_set_reporter(resource, all_used, NULL);
	oom_resume();
	balance.now_ns =
		resource->ops->balance(resource->state, &balance, &plan);
	CU_ASSERT_TRUE(balance.now_ns > NOW_NS);
	CU_ASSERT_EQUAL(plan.releases.n, !oom_failed());
	mf_plan_fini(&plan);
	/* It does not wait for the effect of a release that was none. */
	oom_pause();
	if (oom_failed())
		resource->ops->balance(resource->state, &balance, &plan);
	CU_ASSERT_EQUAL(plan.releases.n, oom_failed());
	oom_resume();
	mf_plan_fini(&plan);
	metafora_balancer_free(resource);
}

static void a_release_that_could_not_be_planned_is_planned_later(void)
{
	CU_ASSERT_EQUAL(oom_for_each(relieve, NULL), 1);
}

static const struct tap_case cases[] = {
	{"a balancer is made or not", a_balancer_is_made_or_not},
	{"a claim is put off at worst", a_claim_is_put_off_at_worst},
	{"what could not be queued for is queued for later",
	 what_could_not_be_queued_for_is_queued_for_later},
	{"what could not be planned is planned later",
	 what_could_not_be_planned_is_planned_later},
	{"a waiter is honoured later at worst",
	 a_waiter_is_honoured_later_at_worst},
	{"a release that could not be planned is planned later",
	 a_release_that_could_not_be_planned_is_planned_later},
};

TAP_MAIN(cases, setup, teardown)
