/* SPDX-License-Identifier: Apache-2.0 */
/* The read-only calls through which balancers and callers see the view. */
#include <metafora/cluster.h>

#include "task_table.h"
#include "view.h"

const char *metafora_member_state_name(enum metafora_member_state state)
{
	switch (state) {
	case METAFORA_MEMBER_ACTIVE:
		return "active";
	case METAFORA_MEMBER_FROZEN:
		return "frozen";
	case METAFORA_MEMBER_DRAINING:
		return "draining";
	}
	return NULL;
}

uint64_t metafora_cluster_version(const struct metafora_cluster *cluster)
{
	return cluster->version;
}

bool metafora_cluster_has_lines(const struct metafora_cluster *cluster)
{
	return cluster->has_lines;
}

size_t metafora_cluster_n_tasks(const struct metafora_cluster *cluster)
{
	return cluster->n_tasks;
}

size_t metafora_cluster_n_unowned(const struct metafora_cluster *cluster)
{
	return cluster->n_unowned;
}

size_t metafora_cluster_n_leaving(const struct metafora_cluster *cluster)
{
	return cluster->n_leaving;
}

unsigned int
metafora_cluster_n_buckets(const struct metafora_cluster *cluster)
{
	return cluster->n_buckets;
}

size_t metafora_cluster_n_members(const struct metafora_cluster *cluster)
{
	return cluster->n_members;
}

const struct metafora_member *
metafora_cluster_member(const struct metafora_cluster *cluster, size_t i)
{
	return i < cluster->n_members ? cluster->members[i] : NULL;
}

const struct metafora_member *
metafora_cluster_find_member(const struct metafora_cluster *cluster,
			     const char *name)
{
	struct metafora_member *node;

	HASH_FIND_STR(cluster->nodes, name, node);
	return node && node->living ? node : NULL;
}

const struct metafora_member *
metafora_cluster_self(const struct metafora_cluster *cluster)
{
	return metafora_cluster_find_member(cluster, cluster->self_name);
}

const char *metafora_member_name(const struct metafora_member *member)
{
	return member->name;
}

enum metafora_member_state
metafora_member_state(const struct metafora_member *member)
{
	return member->state;
}

double metafora_member_weight(const struct metafora_member *member)
{
	return member->weight;
}

uint64_t metafora_member_capacity(const struct metafora_member *member)
{
	return member->capacity;
}

size_t metafora_member_n_owned(const struct metafora_member *member)
{
	return member->own_view ? member->own_view->n_held : member->n_owned;
}

size_t metafora_member_n_waiting(const struct metafora_member *member)
{
	return member->own_view ? member->own_view->n_queued
				: member->n_waiting;
}

const struct metafora_cluster_task *
metafora_cluster_find_task(const struct metafora_cluster *cluster,
			   const char *id)
{
	struct metafora_cluster_task *task = mf_view_find(cluster, id);

	return task && task->exists ? task : NULL;
}

const struct metafora_cluster_task *
metafora_cluster_next_task(const struct metafora_cluster *cluster,
			   const struct metafora_cluster_task *previous)
{
	const struct metafora_cluster_task *task =
		mf_view_next(cluster, previous);

	while (task && !task->exists)
		task = mf_view_next(cluster, task);
	return task;
}

const struct metafora_cluster_task *
metafora_cluster_next_unowned(const struct metafora_cluster *cluster,
			      const struct metafora_cluster_task *previous)
{
	return previous ? TAILQ_NEXT(previous, in_unowned)
			: TAILQ_FIRST(&cluster->unowned);
}

const struct metafora_cluster_task *
metafora_cluster_next_waited(const struct metafora_cluster *cluster,
			     const struct metafora_cluster_task *previous)
{
	return previous ? TAILQ_NEXT(previous, in_waited)
			: TAILQ_FIRST(&cluster->waited);
}

const struct metafora_cluster_task *
metafora_cluster_next_in_bucket(const struct metafora_cluster *cluster,
				unsigned int bucket,
				const struct metafora_cluster_task *previous)
{
	const struct metafora_cluster_task *task = NULL;

	if (previous)
		task = TAILQ_NEXT(previous, in_bucket);
	else if (bucket < cluster->n_buckets)
		task = TAILQ_FIRST(&cluster->buckets[bucket].tasks);
	while (task && !task->exists)
		task = TAILQ_NEXT(task, in_bucket);
	return task;
}

const struct metafora_cluster_task *
metafora_cluster_next_own(const struct metafora_cluster *cluster,
			  const struct metafora_cluster_task *previous)
{
	const struct mf_entry *entry =
		previous ? TAILQ_NEXT(previous->entry, in_own)
			 : TAILQ_FIRST(&cluster->own);

	return entry ? entry->task : NULL;
}

const char *metafora_cluster_task_id(const struct metafora_cluster_task *task)
{
	return task->id;
}

unsigned int
metafora_cluster_task_bucket(const struct metafora_cluster_task *task)
{
	return task->bucket;
}

const char *
metafora_cluster_task_owner(const struct metafora_cluster_task *task)
{
	return task->n_line ? mf_view_line(task)[0].node->name : NULL;
}

size_t metafora_cluster_task_n_waiters(const struct metafora_cluster_task *task)
{
	return task->n_line ? task->n_line - 1 : 0;
}

const char *
metafora_cluster_task_waiter(const struct metafora_cluster_task *task, size_t i)
{
	return i < metafora_cluster_task_n_waiters(task)
		       ? mf_view_line(task)[i + 1].node->name
		       : NULL;
}

size_t metafora_cluster_task_member(const struct metafora_cluster_task *task,
				    size_t place)
{
	return place < task->n_line ? mf_view_line(task)[place].node->index
				    : SIZE_MAX;
}

uint64_t
metafora_cluster_task_unowned_since_ns(const struct metafora_cluster_task *task)
{
	return task->unowned_since_ns;
}

uint64_t
metafora_cluster_task_started_ns(const struct metafora_cluster_task *task)
{
	return task->entry && task->entry->run ? task->entry->started_ns : 0;
}
