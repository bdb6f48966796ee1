/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a cluster view agrees with itself. */
#include "view_check.h"

#include <CUnit/CUnit.h>
#include <string.h>

/* How often a node stands in lines: first of a task that exists, or behind. */
struct standing {
	size_t n_owned;
	size_t n_waiting;
	size_t n_claims;
};

static struct standing count_standing(const struct metafora_cluster *view,
				      const struct metafora_member *node)
{
	const struct metafora_cluster_task *task = NULL;
	struct standing standing = {0};
	uint32_t i;

	while ((task = mf_view_next(view, task))) {
		for (i = 0; i < task->n_line; i++) {
			if (mf_view_line(task)[i].node != node)
				continue;
			standing.n_claims++;
			standing.n_owned += task->exists && i == 0;
			standing.n_waiting += task->exists && i > 0;
		}
	}
	return standing;
}

static void check_nodes(const struct metafora_cluster *view)
{
	const struct metafora_member *node;
	size_t n_living = 0;
	size_t i;

	for (node = view->nodes; node; node = node->hh.next) {
		struct standing standing = count_standing(view, node);

		CU_ASSERT_EQUAL(node->n_claims, standing.n_claims);
		CU_ASSERT_EQUAL(node->n_owned, standing.n_owned);
		CU_ASSERT_EQUAL(node->n_waiting, standing.n_waiting);
		/* Nothing is kept that nobody mentions. */
		CU_ASSERT_TRUE(node->living || node->n_claims > 0);
		CU_ASSERT_EQUAL(node->living, node->index != SIZE_MAX);
		CU_ASSERT_EQUAL(node->own_view == view,
				!strcmp(node->name, view->self_name));
		n_living += node->living;
	}
	CU_ASSERT_EQUAL_FATAL(view->n_members, n_living);
	for (i = 0; i < view->n_members; i++) {
		CU_ASSERT_TRUE(view->members[i]->living);
		CU_ASSERT_EQUAL(view->members[i]->index, i);
		if (i > 0)
			CU_ASSERT_TRUE(strcmp(view->members[i - 1]->name,
					      view->members[i]->name) < 0);
	}
}

static size_t check_line(const struct metafora_cluster *view,
			 const struct metafora_cluster_task *task)
{
	const struct mf_vclaim *line = mf_view_line(task);
	const struct metafora_member *node;
	uint32_t i;

	for (i = 0; i < task->n_line; i++) {
		HASH_FIND_STR(view->nodes, line[i].node->name, node);
		CU_ASSERT_PTR_EQUAL(node, line[i].node);
		if (i > 0)
			CU_ASSERT_TRUE(line[i - 1].token < line[i].token);
	}
	return task->n_line;
}

static size_t n_listed_unowned(const struct metafora_cluster *view)
{
	const struct metafora_cluster_task *task;
	size_t n = 0;

	TAILQ_FOREACH(task, &view->unowned, in_unowned) {
		CU_ASSERT_TRUE(task->unowned);
		n++;
	}
	return n;
}

static size_t n_listed_waited(const struct metafora_cluster *view)
{
	const struct metafora_cluster_task *task;
	size_t n = 0;

	TAILQ_FOREACH(task, &view->waited, in_waited) {
		CU_ASSERT_TRUE(task->waited);
		n++;
	}
	return n;
}

static size_t n_listed_changed(const struct metafora_cluster *view)
{
	const struct metafora_cluster_task *task;
	size_t n = 0;

	STAILQ_FOREACH(task, &view->changed, in_changed) {
		CU_ASSERT_TRUE(task->changed);
		n++;
	}
	return n;
}

static size_t n_in_buckets(const struct metafora_cluster *view)
{
	const struct metafora_cluster_task *task;
	size_t n = 0;
	uint32_t i;

	for (i = 0; i < view->n_buckets; i++) {
		TAILQ_FOREACH(task, &view->buckets[i].tasks, in_bucket) {
			CU_ASSERT_EQUAL(task->bucket, i);
			n++;
		}
	}
	return n;
}

static size_t n_hashed(const struct metafora_cluster *view)
{
	size_t n = 0;
	int i;

	for (i = 0; i < MF_N_SHARDS; i++)
		n += HASH_COUNT(view->tasks[i]);
	return n;
}

static size_t n_unread(const struct metafora_cluster *view)
{
	size_t n = !view->members_read;
	uint32_t i;

	for (i = 0; i < view->n_buckets; i++)
		n += !view->buckets[i].tasks_read +
		     !view->buckets[i].claims_read;
	return n;
}

void view_check(const struct metafora_cluster *view)
{
	const struct metafora_cluster_task *task = NULL;
	size_t n_tasks = 0, n_unowned = 0, n_waited = 0, n_changed = 0;

	while ((task = mf_view_next(view, task))) {
		check_line(view, task);
		n_tasks += task->exists;
		n_unowned += task->unowned;
		n_waited += task->waited;
		n_changed += task->changed;
		CU_ASSERT_EQUAL(task->unowned,
				task->exists && task->n_line == 0);
		CU_ASSERT_EQUAL(task->waited,
				task->exists && task->n_line > 1);
		CU_ASSERT_TRUE(task->exists || task->n_line || task->entry ||
			       task->changed);
	}
	CU_ASSERT_EQUAL(view->n_tasks, n_tasks);
	CU_ASSERT_EQUAL(view->n_unowned, n_unowned);
	CU_ASSERT_EQUAL(n_listed_unowned(view), n_unowned);
	CU_ASSERT_EQUAL(n_listed_waited(view), n_waited);
	CU_ASSERT_EQUAL(n_listed_changed(view), n_changed);
	CU_ASSERT_EQUAL(n_in_buckets(view), n_hashed(view));
	CU_ASSERT_EQUAL(n_unread(view), view->n_unread);
	check_nodes(view);
}

size_t view_drain(struct metafora_cluster *view)
{
	struct metafora_cluster_task *task;
	size_t n = 0;

	while ((task = mf_view_pop_changed(view))) {
		task->reborn = false;
		mf_view_settle(view, task);
		n++;
	}
	view->members_changed = false;
	return n;
}
