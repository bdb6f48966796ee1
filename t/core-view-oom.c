/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster view when memory is short: consistent, and repaired by reading. */
#include <metafora.h>
#include <stdio.h>
#include <string.h>

#include "oom.h"
#include "tap.h"
#include "view_check.h"

#define N 40

static struct metafora_cluster view;

static struct metafora_task_fact tasks[N];
static struct metafora_claim_fact claims[3 * N];
static struct metafora_claim_fact later[2 * N];
static struct metafora_member_record members[N];

static void make_facts(void)
{
	static char ids[N][16], nodes[N][16];
	size_t i;

	for (i = 0; i < N; i++) {
		snprintf(ids[i], sizeof(ids[i]), "task-%02zu", i);
		snprintf(nodes[i], sizeof(nodes[i]), "node-%02zu", i);
		members[i] = (struct metafora_member_record){
			.node = nodes[i], .weight = 1};
		tasks[i].task = ids[i];
	}
	for (i = 0; i < N; i++) {
		/* Somebody stands in the line twice. */
		claims[3 * i] = (struct metafora_claim_fact){
			ids[i], nodes[i / 4], 10 * i + 1};
		claims[3 * i + 1] = (struct metafora_claim_fact){
			ids[i], nodes[i], 10 * i + 2};
		claims[3 * i + 2] = (struct metafora_claim_fact){
			ids[i], nodes[i / 4], 10 * i + 3};
		later[2 * i] = claims[3 * i + 1];
		later[2 * i + 1] = (struct metafora_claim_fact){
			ids[i], "late", 10 * i + 4};
	}
}

/* What must hold after a step, in which memory ran short or not. */
static void check(int error, bool short_before)
{
	bool is_short = oom_failed() && !short_before;

	CU_ASSERT_EQUAL(error, is_short ? METAFORA_ENOMEM : 0);
	oom_pause();
	view_check(&view);
	view_drain(&view);
	view_check(&view);
	oom_resume();
}

static int read_tasks(void)
{
	return mf_view_tasks(&view, 1, 0, tasks, N);
}

static int read_claims(void)
{
	return mf_view_claims(&view, 1, 0, claims, 3 * N);
}

static int read_later(void)
{
	return mf_view_claims(&view, 1, 0, later, 2 * N);
}

static int read_members(void)
{
	return mf_view_members(&view, members, N);
}

/*
 * Take the step with one allocation failing, then once more: the picture must
 * be the same as that of a view that never ran short.
 */
static void try_step(int (*step)(void))
{
	bool short_before = oom_failed();
	uint32_t n_unread = view.n_unread;
	int error = step();

	check(error, short_before);
	if (!error)
		return;
	oom_pause();
	/* What was taken in part only has not been read. */
	CU_ASSERT_EQUAL(view.n_unread, n_unread);
	CU_ASSERT_EQUAL(step(), 0);
	view_check(&view);
	view_drain(&view);
	oom_resume();
}

static void a_life(void *arg)
{
	uint32_t i;

	(void)arg;
	oom_pause();
	CU_ASSERT_EQUAL_FATAL(mf_view_init(&view, "node-00", true), 0);
	CU_ASSERT_EQUAL_FATAL(mf_view_begin(&view, 1), 0);
	oom_resume();
	try_step(read_tasks);
	try_step(read_claims);
	try_step(read_members);
	try_step(read_later);
	CU_ASSERT_TRUE(mf_view_complete(&view));
	CU_ASSERT_EQUAL(metafora_cluster_n_tasks(&view), N);
	CU_ASSERT_EQUAL(metafora_cluster_n_members(&view), N);
	for (i = 0; i < N; i++) {
		const struct metafora_cluster_task *task =
			mf_view_find(&view, tasks[i].task);

		CU_ASSERT_EQUAL_FATAL(task->n_line, 2);
		CU_ASSERT_STRING_EQUAL(mf_view_line(task)[0].node->name,
				       members[i].node);
		CU_ASSERT_STRING_EQUAL(mf_view_line(task)[1].node->name, "late");
	}
	mf_view_fini(&view);
}

static void each_allocation_may_fail_once(void)
{
	make_facts();
	/* A task, a line; a node with its name; the tables. */
	CU_ASSERT_TRUE(oom_for_each(a_life, NULL) > 4 * N);
}

static void begin_and_end(void *arg)
{
	struct metafora_cluster_task *task;
	int error = mf_view_init(&view, "me", false);

	(void)arg;
	CU_ASSERT_EQUAL(error, oom_failed() ? METAFORA_ENOMEM : 0);
	if (error)
		return;
	error = mf_view_begin(&view, 1);
	check(error, false);
	if (!error) {
		oom_pause();
		CU_ASSERT_EQUAL(read_tasks(), 0);
		view_drain(&view);
		oom_resume();
		error = mf_view_begin(&view, 2);
		/* Without memory for other buckets it keeps the old ones. */
		task = mf_view_find(&view, tasks[0].task);
		CU_ASSERT_EQUAL(!!task, error != 0);
		check(error, false);
	}
	mf_view_fini(&view);
}

static void sessions_begin_or_not(void)
{
	make_facts();
	CU_ASSERT_EQUAL(oom_for_each(begin_and_end, NULL), 3);
}

static const struct tap_case cases[] = {
	{"each allocation may fail once", each_allocation_may_fail_once},
	{"sessions begin or not", sessions_begin_or_not},
};

TAP_MAIN(cases, NULL, NULL)
