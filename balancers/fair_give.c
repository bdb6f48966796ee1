/* SPDX-License-Identifier: Apache-2.0 */
/* What a node with the fair balancer gives away: to whom, and which tasks. */
#include "fair.h"

#include <stdlib.h>
#include <string.h>

#include "rendezvous.h"

/*
 * Takers asked what they bid for a task that could be given away: with so many
 * there is a good bid for any, and the loop is not held up.
 */
#define BIDDERS_MAX 32

static uint64_t allow(struct mf_fair *fair,
		      const struct metafora_balance *balance, uint64_t n,
		      uint64_t *again_ns)
{
	return mf_pace_allow(&fair->pace, balance->now_ns,
			     fair->members[fair->self].n_owned,
			     metafora_cluster_n_leaving(balance->cluster), n,
			     again_ns);
}

/* --- into the open ----------------------------------------------------------- */

/* A task that could be given away, and the best bid for it among the takers. */
struct offer {
	struct mf_bid best;
	const struct metafora_cluster_task *task;
};

static int compare_offers(const void *a, const void *b)
{
	const struct offer *left = a;
	const struct offer *right = b;

	if (mf_bid_beats(&left->best, &right->best))
		return -1;
	return mf_bid_beats(&right->best, &left->best);
}

static struct mf_bid best_bid(const struct mf_fair *fair, uint64_t task)
{
	struct mf_bid best = {UINT64_MAX, 0, 0};
	size_t i;

	for (i = 0; i < fair->n_takers && i < BIDDERS_MAX; i++) {
		const struct mf_quota_member *m = fair->takers[i];
		struct mf_bid bid =
			mf_rendezvous_bid(task, m->hash, m->quota);

		if (i == 0 || mf_bid_beats(&bid, &best))
			best = bid;
	}
	return best;
}

/*
 * How many more tasks the takers could do with than they will find unowned
 * already.
 */
static uint64_t demand(const struct mf_fair *fair,
		       const struct metafora_cluster *cluster)
{
	uint64_t n_unowned = metafora_cluster_n_unowned(cluster);
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < fair->n_takers; i++)
		n += mf_fair_deficit(fair->takers[i]);
	return n > n_unowned ? n - n_unowned : 0;
}

/*
 * Gather the tasks that run here.  Adopted ones are left out and counted; the
 * one that has run longest is *held.  Returns how many were gathered; offers has room for all.
 */
static size_t gather(const struct mf_fair *fair,
		     const struct metafora_cluster *cluster,
		     struct offer *offers, uint64_t *n_held,
		     const struct metafora_cluster_task **held)
{
	const struct metafora_cluster_task *task = NULL;
	size_t n = 0;

	*n_held = 0;
	while ((task = metafora_cluster_next_own(cluster, task))) {
		const char *id = metafora_cluster_task_id(task);

		if (mf_adopted_has(&fair->adopted, id)) {
			if ((*n_held)++ == 0)
				*held = task;
			continue;
		}
		offers[n].task = task;
		offers[n++].best = best_bid(fair, mf_rendezvous_hash(id));
	}
	return n;
}

static size_t count_own(const struct metafora_cluster *cluster)
{
	const struct metafora_cluster_task *task = NULL;
	size_t n = 0;

	while ((task = metafora_cluster_next_own(cluster, task)))
		n++;
	return n;
}

/* Offer one adopted task again, if it is time.  Returns when it will be. */
static uint64_t probe(struct mf_fair *fair, const struct metafora_balance *balance,
		      const struct metafora_cluster_task *task,
		      struct metafora_plan *plan)
{
	if (balance->now_ns >= fair->adopted.probe_ns) {
		if (metafora_plan_release(plan, task))
			return balance->now_ns + fair->delay_ns;
		mf_adopted_probe(&fair->adopted,
				 metafora_cluster_task_id(task),
				 balance->now_ns, fair->grace_ns);
	}
	return fair->adopted.probe_ns;
}

/*
 * Give away what is beyond the share and wanted elsewhere: of the tasks that
 * run here those that the takers bid most for.  Returns when to go on, 0 if
 * all is done.
 */
static uint64_t give_away(struct mf_fair *fair,
			  const struct metafora_balance *balance,
			  uint64_t n_excess, uint64_t n_wanted,
			  struct metafora_plan *plan)
{
	const struct metafora_cluster_task *held = NULL;
	size_t n_own = count_own(balance->cluster);
	struct offer *offers;
	uint64_t again_ns = 0;
	uint64_t n_held;
	size_t n_offers;
	size_t i;

	offers = calloc(n_own ? n_own : 1, sizeof(*offers));
	if (!offers)
		return balance->now_ns + fair->delay_ns;
	n_offers = gather(fair, balance->cluster, offers, &n_held, &held);
	/* Held ones are beyond the share for good reason, as yet. */
	n_excess -= n_held < n_excess ? n_held : n_excess;
	if (n_excess > n_wanted)
		n_excess = n_wanted;
	n_excess = allow(fair, balance, n_excess, &again_ns);
	qsort(offers, n_offers, sizeof(*offers), compare_offers);
	for (i = 0; i < n_offers && i < n_excess; i++) {
		if (metafora_plan_release(plan, offers[i].task))
			break;
	}
	free(offers);
	mf_pace_spend(&fair->pace, balance->now_ns, i);
	if (again_ns)
		return again_ns;
	/* Short of memory, or too few run as yet. */
	if (i < n_excess)
		return balance->now_ns + fair->delay_ns;
	if (held && n_wanted > n_excess)
		return probe(fair, balance, held, plan);
	return 0;
}

/* --- to those who wait ------------------------------------------------------- */

/* A task that runs here and that a member below its quota waits for. */
struct wanted {
	const struct metafora_cluster_task *task;
	struct mf_quota_member *waiter;
	uint64_t rank;
};

static int compare_wanted(const void *a, const void *b)
{
	const struct wanted *left = a;
	const struct wanted *right = b;

	return (left->rank > right->rank) - (left->rank < right->rank);
}

/* Gather them; adopted ones are left out and counted.  As gather(). */
static size_t gather_wanted(const struct mf_fair *fair,
			    const struct metafora_cluster *cluster,
			    struct wanted *wanted, uint64_t *n_held,
			    const struct metafora_cluster_task **held)
{
	const struct mf_quota_member *me = &fair->members[fair->self];
	const struct metafora_cluster_task *task = NULL;
	size_t n = 0;

	*n_held = 0;
	while ((task = metafora_cluster_next_own(cluster, task))) {
		const char *id = metafora_cluster_task_id(task);
		bool adopted = mf_adopted_has(&fair->adopted, id);
		struct mf_quota_member *waiter = mf_fair_waiter(fair, task);

		*n_held += adopted;
		if (!waiter)
			continue;
		if (adopted) {
			*held = *held ? *held : task;
			continue;
		}
		wanted[n].task = task;
		wanted[n].waiter = waiter;
		wanted[n++].rank = mf_fair_rank(fair, me, task);
	}
	return n;
}

/*
 * Who waits in more lines than it has use for, because it saw a change late,
 * is about to leave the first of them, by owner and rank.  It must not be
 * handed those before it gets there, or it would have to give tasks away
 * again.  Leaves in each member's first how many of its lines here they are.
 */
static void find_useless(struct mf_fair *fair,
			 const struct metafora_cluster *cluster)
{
	const struct metafora_cluster_task *task = NULL;
	bool any = false;
	size_t i;

	for (i = 0; i < fair->n_members; i++) {
		struct mf_quota_member *m = &fair->members[i];
		uint64_t n = m->n_owned + m->n_waiting;

		m->first = n > m->quota ? n - m->quota : 0;
		any |= m->n_waiting && m->first;
	}
	while (any && (task = metafora_cluster_next_waited(cluster, task))) {
		struct mf_quota_member *waiter = mf_fair_waiter(fair, task);

		if (metafora_cluster_task_member(task, 0) < fair->self &&
		    waiter && waiter->first)
			waiter->first--;
	}
}

/*
 * Release what is beyond the share and waited for, in the order that all nodes
 * know, and to nobody more than it is below its quota.
 */
static uint64_t honour(struct mf_fair *fair,
		       const struct metafora_balance *balance,
		       uint64_t n_excess, struct metafora_plan *plan)
{
	const struct metafora_cluster_task *held = NULL;
	size_t n_own = count_own(balance->cluster);
	struct wanted *wanted;
	uint64_t again_ns = 0;
	uint64_t n_held;
	uint64_t n_given = 0;
	size_t n_wanted;
	size_t i;

	wanted = calloc(n_own ? n_own : 1, sizeof(*wanted));
	if (!wanted)
		return balance->now_ns + fair->delay_ns;
	n_wanted = gather_wanted(fair, balance->cluster, wanted, &n_held,
				 &held);
	qsort(wanted, n_wanted, sizeof(*wanted), compare_wanted);
	/* Held ones are beyond the share for good reason, as yet. */
	n_excess -= n_held < n_excess ? n_held : n_excess;
	if (n_excess > n_wanted)
		n_excess = n_wanted;
	n_excess = allow(fair, balance, n_excess, &again_ns);
	for (i = 0; i < fair->n_members; i++)
		fair->members[i].n_lined = 0;
	find_useless(fair, balance->cluster);
	for (i = 0; i < n_wanted && n_given < n_excess; i++) {
		struct mf_quota_member *waiter = wanted[i].waiter;

		if (waiter->n_owned + waiter->n_lined >= waiter->quota)
			continue;
		if (waiter->first) {
			waiter->first--;
			continue;
		}
		if (metafora_plan_release(plan, wanted[i].task))
			break;
		waiter->n_lined++;
		n_given++;
	}
	mf_pace_spend(&fair->pace, balance->now_ns, n_given);
	if (i < n_wanted && n_given < n_excess) { /* no memory */
		free(wanted);
		return balance->now_ns + fair->delay_ns;
	}
	/* Who waits may want more by now: try with one. */
	if (!held && n_held && i < n_wanted)
		held = wanted[i].task;
	free(wanted);
	if (again_ns || !held)
		return again_ns;
	return probe(fair, balance, held, plan);
}

uint64_t mf_fair_give(struct mf_fair *fair,
		      const struct metafora_balance *balance,
		      struct metafora_plan *plan)
{
	const struct mf_quota_member *me = &fair->members[fair->self];
	const struct metafora_member *self =
		metafora_cluster_self(balance->cluster);
	uint64_t n_excess = me->n_owned - me->quota;
	uint64_t n_wanted;

	/* What a frozen member has is not shared: nobody queues for it. */
	if (metafora_cluster_has_lines(balance->cluster) &&
	    metafora_member_state(self) == METAFORA_MEMBER_ACTIVE)
		return honour(fair, balance, n_excess, plan);
	n_wanted = demand(fair, balance->cluster);
	if (!n_wanted)
		return 0;
	return give_away(fair, balance, n_excess, n_wanted, plan);
}

/* --- what came of it --------------------------------------------------------- */

/* Whether an adopted task may still be ours. */
static bool may_be_ours(const void *arg, const char *id)
{
	const struct metafora_balance *balance = arg;
	const struct metafora_cluster_task *task =
		metafora_cluster_find_task(balance->cluster, id);
	const char *owner = task ? metafora_cluster_task_owner(task) : NULL;

	/* Without an owner: the claim is on its way. */
	return task && (!owner || !strcmp(owner, balance->node));
}

/* Whether a member other than us has the task as part of its share. */
static bool is_share_of(const struct mf_fair *fair,
			const struct metafora_cluster_task *task)
{
	const struct mf_quota_member *m = mf_fair_place(fair, task, 0);

	return m && m != &fair->members[fair->self] && m->n_owned <= m->quota;
}

/*
 * See what became of the task offered to probe.  If it went to a member as
 * part of its share, and has stayed there, the others may follow: whoever
 * refuses it has it for a moment too.
 */
uint64_t mf_fair_learn(struct mf_fair *fair,
		       const struct metafora_balance *balance)
{
	struct mf_adopted *adopted = &fair->adopted;
	const struct metafora_cluster_task *task;
	const char *owner;

	mf_adopted_prune(adopted, may_be_ours, balance);
	if (!adopted->probe[0])
		return 0;
	task = metafora_cluster_find_task(balance->cluster, adopted->probe);
	owner = task ? metafora_cluster_task_owner(task) : NULL;
	if (task && (!owner || !strcmp(owner, balance->node))) {
		adopted->taken_ns = 0;
		return 0; /* on its way, or back with us */
	}
	if (!owner || !is_share_of(fair, task)) {
		adopted->probe[0] = '\0';
		return 0;
	}
	if (!adopted->taken_ns)
		adopted->taken_ns = balance->now_ns;
	if (balance->now_ns - adopted->taken_ns < fair->grace_ns)
		return adopted->taken_ns + fair->grace_ns;
	mf_adopted_clear(adopted);
	return 0;
}
