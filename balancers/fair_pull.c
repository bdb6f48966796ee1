/* SPDX-License-Identifier: Apache-2.0 */
/* What a node with the fair balancer queues for: moves are pulls. */
#include "fair.h"

#include <stdlib.h>
#include <string.h>

/*
 * All nodes lay what is over at its owners end to end along one line, and
 * beside it what the members below quota still want, both in the order of
 * names.  A node takes what lies beside its own stretch.  So nodes that see the
 * same pick each task once, without a word; those that do not, correct it when
 * they see more.
 */

/* A task of an owner over quota that may be waited for. */
struct place {
	const struct metafora_cluster_task *task;
	struct mf_quota_member *owner;
	uint64_t rank;
	bool ours; /* we stand in the line already */
};

struct places {
	struct place *list;
	size_t n;
	size_t room;
};

/* False: no memory. */
static bool add(const struct mf_fair *fair, struct places *places,
		const struct metafora_cluster_task *task,
		struct mf_quota_member *owner, bool ours)
{
	struct place *place;

	if (places->n == places->room) {
		size_t room = places->room ? 2 * places->room : 64;
		struct place *list =
			realloc(places->list, room * sizeof(*list));

		if (!list)
			return false;
		places->list = list;
		places->room = room;
	}
	place = &places->list[places->n++];
	place->task = task;
	place->owner = owner;
	place->rank = mf_fair_rank(fair, owner, task);
	place->ours = ours;
	return true;
}

static int compare_places(const void *a, const void *b)
{
	const struct place *left = a;
	const struct place *right = b;

	if (left->owner != right->owner)
		return left->owner < right->owner ? -1 : 1;
	return (left->rank > right->rank) - (left->rank < right->rank);
}

static void sort(struct places *places)
{
	/* qsort takes no null pointer, not even for nothing. */
	if (places->n)
		qsort(places->list, places->n, sizeof(*places->list),
		      compare_places);
}

/* What it will have to give away; a frozen one gives nothing. */
static uint64_t excess(const struct mf_quota_member *m)
{
	if (m->state == METAFORA_MEMBER_FROZEN || m->n_owned <= m->quota)
		return 0;
	return m->n_owned - m->quota;
}

/* --- lines we stand in ------------------------------------------------------- */

static bool stands_in(const struct metafora_cluster_task *task, size_t member)
{
	size_t n = metafora_cluster_task_n_waiters(task);
	size_t i;

	for (i = 1; i <= n; i++) {
		if (metafora_cluster_task_member(task, i) == member)
			return true;
	}
	return false;
}

/*
 * Count the lines of each owner over quota that will lead to a move, and
 * gather them.  Lines that will not and that we stand in are left at once.
 * Returns how many are left, SIZE_MAX if memory is short.
 */
static size_t look_at_lines(struct mf_fair *fair,
			    const struct metafora_balance *balance,
			    struct places *places, struct metafora_plan *plan)
{
	const struct metafora_cluster_task *task = NULL;
	const struct mf_quota_member *me = &fair->members[fair->self];
	size_t n_left = 0;

	while ((task = metafora_cluster_next_waited(balance->cluster, task))) {
		struct mf_quota_member *owner = mf_fair_place(fair, task, 0);
		struct mf_quota_member *waiter = mf_fair_waiter(fair, task);
		bool ours = stands_in(task, fair->self);

		/* A dead owner's claim will go, and whoever waits owns. */
		if (!owner)
			continue;
		if (excess(owner) && waiter && (!ours || waiter == me)) {
			owner->n_lined++;
			if (!add(fair, places, task, owner, ours))
				return SIZE_MAX;
		} else if (ours) {
			if (metafora_plan_withdraw(plan, task))
				return SIZE_MAX;
			n_left++;
		}
	}
	return n_left;
}

/*
 * Leave lines whose owner has more of them than it has to give, and as many as
 * we have no more use for.  As look_at_lines().
 */
static size_t leave_surplus(struct places *places, uint64_t n_useless,
			    struct metafora_plan *plan)
{
	const struct mf_quota_member *owner = NULL;
	uint64_t n_before = 0;
	size_t n_left = 0;
	size_t i;

	sort(places);
	for (i = 0; i < places->n; i++) {
		const struct place *place = &places->list[i];

		n_before = place->owner == owner ? n_before + 1 : 0;
		owner = place->owner;
		if (!place->ours)
			continue;
		if (n_before < excess(owner) && n_left >= n_useless)
			continue;
		if (metafora_plan_withdraw(plan, place->task))
			return SIZE_MAX;
		n_left++;
	}
	return n_left;
}

/* --- lines to stand in ------------------------------------------------------- */

/* What of a deficit is left when its part of the unowned has been claimed. */
static uint64_t net(uint64_t deficit, uint64_t all, uint64_t n_unowned)
{
	if (n_unowned >= all)
		return 0;
	return deficit - (deficit * n_unowned + all - 1) / all;
}

/*
 * Mark what lies beside our stretch: of each owner so many tasks from the
 * first.  The order of names is that of members.  Counts how many owners of
 * each group are marked; returns how many there are.
 */
static size_t mark(struct mf_fair *fair, uint64_t want, uint64_t n_unowned,
		   size_t *n_marked)
{
	uint64_t begin = 0, end, all = 0, at = 0;
	size_t n_all = 0;
	size_t i;

	for (i = 0; i < fair->n_members; i++)
		all += i == fair->self ? want
				       : mf_fair_deficit(&fair->members[i]);
	for (i = 0; i < fair->self; i++)
		begin += net(mf_fair_deficit(&fair->members[i]), all,
			     n_unowned);
	end = begin + net(want, all, n_unowned);
	for (i = 0; i < fair->n_members; i++) {
		struct mf_quota_member *m = &fair->members[i];
		uint64_t n = excess(m);
		uint64_t from, to;

		n -= m->n_lined < n ? m->n_lined : n;
		from = at > begin ? at : begin;
		to = at + n < end ? at + n : end;
		m->first = from - at;
		m->n_lined = to > from ? to - from : 0;
		n_marked[mf_fair_group(m)] += m->n_lined > 0;
		n_all += m->n_lined > 0;
		at += n;
	}
	return n_all;
}

/*
 * All tasks in the bucket that nobody waits for, of the owners in the group
 * with a mark.  False: no memory.
 */
static bool gather(const struct mf_fair *fair,
		   const struct metafora_cluster *cluster, unsigned int bucket,
		   unsigned int group, struct places *places)
{
	const struct metafora_cluster_task *task = NULL;

	places->n = 0;
	while ((task = metafora_cluster_next_in_bucket(cluster, bucket,
						       task))) {
		struct mf_quota_member *owner = mf_fair_place(fair, task, 0);

		if (owner && owner->n_lined &&
		    mf_fair_group(owner) == group &&
		    !metafora_cluster_task_n_waiters(task) &&
		    !add(fair, places, task, owner, false))
			return false;
	}
	return true;
}

/*
 * Queue for those of them that the marks say, and count the marks down.
 * Returns how many owners are done with, SIZE_MAX if memory is short.
 */
static size_t queue_marked(struct places *places, struct metafora_plan *plan)
{
	size_t n_done = 0;
	size_t i;

	sort(places);
	for (i = 0; i < places->n; i++) {
		struct mf_quota_member *owner = places->list[i].owner;

		if (owner->first) {
			owner->first--;
		} else if (owner->n_lined) {
			if (metafora_plan_queue(plan, places->list[i].task))
				return SIZE_MAX;
			n_done += --owner->n_lined == 0;
		}
	}
	return n_done;
}

/* The buckets that are so far from where their groups of owners begin. */
static size_t queue_at(struct mf_fair *fair,
		       const struct metafora_cluster *cluster,
		       unsigned int distance, size_t *n_marked,
		       struct places *places, struct metafora_plan *plan)
{
	size_t n_done = 0;
	unsigned int group;

	for (group = 0; group < MF_FAIR_GROUPS; group++) {
		unsigned int bucket = (mf_fair_start(fair, group) + distance) %
				      fair->n_buckets;
		size_t n;

		if (!n_marked[group])
			continue;
		if (!gather(fair, cluster, bucket, group, places))
			return SIZE_MAX;
		n = queue_marked(places, plan);
		if (n == SIZE_MAX)
			return SIZE_MAX;
		n_marked[group] -= n;
		n_done += n;
	}
	return n_done;
}

static uint64_t queue(struct mf_fair *fair,
		      const struct metafora_balance *balance, uint64_t want,
		      struct places *places, struct metafora_plan *plan)
{
	const struct metafora_cluster *cluster = balance->cluster;
	size_t n_marked[MF_FAIR_GROUPS] = {0};
	size_t n_left = mark(fair, want, metafora_cluster_n_unowned(cluster),
			     n_marked);
	bool any = n_left > 0;
	unsigned int i;

	for (i = 0; i < fair->n_buckets && n_left; i++) {
		size_t n = queue_at(fair, cluster, i, n_marked, places, plan);

		if (n == SIZE_MAX)
			return balance->now_ns + fair->delay_ns;
		n_left -= n;
	}
	/* Core may have its reasons not to: see what came of it. */
	return any ? balance->now_ns + fair->grace_ns : 0;
}

static bool anything_is_over(const struct mf_fair *fair)
{
	size_t i;

	for (i = 0; i < fair->n_members; i++) {
		if (excess(&fair->members[i]))
			return true;
	}
	return false;
}

uint64_t mf_fair_pull(struct mf_fair *fair,
		      const struct metafora_balance *balance,
		      struct metafora_plan *plan)
{
	const struct mf_quota_member *me = &fair->members[fair->self];
	uint64_t n_waiting = me->n_waiting;
	struct places places = {NULL, 0, 0};
	uint64_t wish_ns = balance->now_ns + fair->delay_ns;
	uint64_t n_useless = 0;
	size_t n_left, i;

	if (!n_waiting && (me->n_owned >= me->quota || !anything_is_over(fair)))
		return 0;
	for (i = 0; i < fair->n_members; i++)
		fair->members[i].n_lined = 0;
	n_left = look_at_lines(fair, balance, &places, plan);
	if (n_left == SIZE_MAX)
		goto out;
	n_waiting -= n_left < n_waiting ? n_left : n_waiting;
	if (me->n_owned + n_waiting > me->quota)
		n_useless = me->n_owned + n_waiting - me->quota;
	n_left = leave_surplus(&places, n_useless, plan);
	if (n_left == SIZE_MAX)
		goto out;
	n_waiting -= n_left < n_waiting ? n_left : n_waiting;
	wish_ns = 0;
	if (me->n_owned + n_waiting < me->quota)
		wish_ns = queue(fair, balance,
				me->quota - me->n_owned - n_waiting, &places,
				plan);
out:
	free(places.list);
	return wish_ns;
}
