/* SPDX-License-Identifier: Apache-2.0 */
/* The fair balancer: every active member gets its share by weight. */
#include <metafora/balancer.h>
#include <metafora/error.h>
#include <metafora/plugins.h>
#include <stdlib.h>
#include <string.h>

#include "adopted.h"
#include "quota.h"
#include "rendezvous.h"

#define NS_PER_MS UINT64_C(1000000)
#define NOBODY SIZE_MAX
/*
 * Takers asked what they bid for a task that could be given away: with so many
 * there is a good bid for any, and the loop is not held up.
 */
#define BIDDERS_MAX 32

#define GRACE_DEFAULT_MS 2000
#define GRACE_MIN_MS 10
#define GRACE_MAX_MS 3600000
#define DELAY_DEFAULT_MS 200
#define DELAY_MIN_MS 1
#define DELAY_MAX_MS 60000

struct fair {
	/* Const after start. */
	uint64_t grace_ns;
	uint64_t delay_ns;
	bool (*filter)(void *arg, const struct metafora_member *member);
	void *filter_arg;

	/*
	 * Owner: what follows from the view of that version.  The names in
	 * members are the view's, valid only while quotas are worked out.
	 */
	bool known;
	uint64_t version;
	uint64_t roster; /* hash of who is there and in what state */
	struct mf_quota_member *members;
	struct mf_quota_member **takers; /* those below quota */
	size_t n_room;   /* of both arrays */
	size_t n_members;
	size_t n_takers;
	size_t self;     /* index in members, or NOBODY */

	struct mf_adopted adopted; /* owner */
};

/* --- the picture ------------------------------------------------------------ */

static int make_room(struct fair *fair, size_t n)
{
	struct mf_quota_member **takers;
	struct mf_quota_member *members;

	if (n <= fair->n_room)
		return 0;
	n += n / 2;
	members = calloc(n, sizeof(*members));
	takers = calloc(n, sizeof(*takers));
	if (!members || !takers) {
		free(members);
		free(takers);
		return METAFORA_ENOMEM;
	}
	free(fair->members);
	free(fair->takers);
	fair->members = members;
	fair->takers = takers;
	fair->n_room = n;
	return 0;
}

static uint64_t fold(uint64_t hash, const struct mf_quota_member *m)
{
	uint64_t weight;

	memcpy(&weight, &m->weight, sizeof(weight));
	hash = mf_rendezvous_pair(hash, m->hash);
	hash = mf_rendezvous_pair(hash, (uint64_t)m->state << 1 | m->excluded);
	hash = mf_rendezvous_pair(hash, weight);
	return mf_rendezvous_pair(hash, m->capacity);
}

static void read_member(const struct fair *fair, struct mf_quota_member *m,
			const struct metafora_member *member)
{
	m->name = metafora_member_name(member);
	m->hash = mf_rendezvous_hash(m->name);
	m->state = metafora_member_state(member);
	m->weight = metafora_member_weight(member);
	m->capacity = metafora_member_capacity(member);
	m->n_owned = metafora_member_n_owned(member);
	m->excluded = fair->filter && !fair->filter(fair->filter_arg, member);
}

/* Read the members; if they are not as before, what was learned is stale. */
static void read_members(struct fair *fair,
			 const struct metafora_cluster *cluster, size_t n)
{
	const struct metafora_member *self = metafora_cluster_self(cluster);
	uint64_t roster = 0;
	size_t i;

	fair->n_members = n;
	fair->self = NOBODY;
	for (i = 0; i < n; i++) {
		const struct metafora_member *member =
			metafora_cluster_member(cluster, i);

		read_member(fair, &fair->members[i], member);
		roster = fold(roster, &fair->members[i]);
		if (member != self)
			continue;
		fair->self = i;
		/*
		 * A frozen node claims nothing and is asked for a plan only by
		 * command: then it gives away what it would have to if it
		 * were active.
		 */
		if (fair->members[i].state == METAFORA_MEMBER_FROZEN)
			fair->members[i].state = METAFORA_MEMBER_ACTIVE;
	}
	if (roster != fair->roster)
		mf_adopted_clear(&fair->adopted);
	fair->roster = roster;
}

static void find_takers(struct fair *fair)
{
	size_t i;

	fair->n_takers = 0;
	for (i = 0; i < fair->n_members; i++) {
		struct mf_quota_member *m = &fair->members[i];

		if (m->n_owned < m->quota)
			fair->takers[fair->n_takers++] = m;
	}
}

/* Work the quotas out again if the view has changed. */
static int look(struct fair *fair, const struct metafora_cluster *cluster)
{
	size_t n = metafora_cluster_n_members(cluster);

	if (fair->known &&
	    fair->version == metafora_cluster_version(cluster))
		return 0;
	fair->known = false;
	if (make_room(fair, n))
		return METAFORA_ENOMEM;
	read_members(fair, cluster, n);
	mf_quota(fair->members, n, metafora_cluster_n_tasks(cluster), 0,
		 fair->takers);
	find_takers(fair);
	fair->version = metafora_cluster_version(cluster);
	fair->known = true;
	return 0;
}

/* --- claims ------------------------------------------------------------------- */

/*
 * How many takers are better suited for the task than self, which does not
 * beat itself; at most limit.
 */
static uint64_t rank(const struct fair *fair, uint64_t task, uint64_t limit)
{
	const struct mf_quota_member *self = &fair->members[fair->self];
	struct mf_bid own = mf_rendezvous_bid(task, self->hash, self->quota);
	uint64_t n_better = 0;
	size_t i;

	for (i = 0; i < fair->n_takers && n_better < limit; i++) {
		const struct mf_quota_member *m = fair->takers[i];
		struct mf_bid bid =
			mf_rendezvous_bid(task, m->hash, m->quota);

		if (mf_bid_beats(&bid, &own))
			n_better++;
	}
	return n_better;
}

/*
 * After the grace all that have room may claim.  They spread over so long that
 * about one comes per claim delay, so that one claim is seen before the next.
 */
static uint64_t stagger_ns(const struct fair *fair, uint64_t task)
{
	uint64_t pair = mf_rendezvous_pair(
		task, fair->members[fair->self].hash);
	uint64_t span_ns = fair->grace_ns;

	if (fair->n_members < fair->grace_ns / fair->delay_ns)
		span_ns = fair->n_members * fair->delay_ns;
	return (span_ns >> 20) * (pair >> 44); /* 20 bits of the hash */
}

/* How long the task must have been unowned before this node claims it. */
static uint64_t wait_ns(const struct fair *fair, uint64_t task, bool below)
{
	if (below) {
		uint64_t limit = (fair->grace_ns - 1) / fair->delay_ns + 1;
		uint64_t n_better = rank(fair, task, limit);

		if (n_better < limit)
			return n_better * fair->delay_ns;
	}
	return fair->grace_ns + stagger_ns(fair, task);
}

static enum metafora_can_claim
fair_can_claim(void *state, const struct metafora_balance *balance,
	       const struct metafora_cluster_task *task, uint64_t *until_ns)
{
	const struct metafora_member *self =
		metafora_cluster_self(balance->cluster);
	const char *id = metafora_cluster_task_id(task);
	uint64_t now_ns = balance->now_ns;
	struct fair *fair = state;
	const struct mf_quota_member *me;
	uint64_t due_ns;
	bool below;

	if (!self || metafora_member_state(self) != METAFORA_MEMBER_ACTIVE)
		return METAFORA_CLAIM_NO_UNTIL_CHANGE;
	if (look(fair, balance->cluster)) {
		*until_ns = now_ns + fair->delay_ns;
		return METAFORA_CLAIM_NO_UNTIL;
	}
	if (fair->self == NOBODY)
		return METAFORA_CLAIM_NO_UNTIL_CHANGE;
	me = &fair->members[fair->self];
	if (me->excluded || (me->capacity && me->n_owned >= me->capacity))
		return METAFORA_CLAIM_NO_UNTIL_CHANGE;

	below = me->n_owned < me->quota;
	due_ns = metafora_cluster_task_unowned_since_ns(task) +
		 wait_ns(fair, mf_rendezvous_hash(id), below);
	if (now_ns >= due_ns) {
		if (!below)
			mf_adopted_add(&fair->adopted, id, now_ns,
				       fair->grace_ns);
		return METAFORA_CLAIM_YES;
	}
	/* Not later than the view will have moved: our turn may come early. */
	*until_ns = now_ns + fair->delay_ns;
	if (due_ns < *until_ns)
		*until_ns = due_ns;
	return METAFORA_CLAIM_NO_UNTIL;
}

/* --- moves ---------------------------------------------------------------------- */

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

static struct mf_bid best_bid(const struct fair *fair, uint64_t task)
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
static uint64_t demand(const struct fair *fair,
		       const struct metafora_cluster *cluster)
{
	uint64_t n_unowned = metafora_cluster_n_unowned(cluster);
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < fair->n_takers; i++)
		n += fair->takers[i]->quota - fair->takers[i]->n_owned;
	return n > n_unowned ? n - n_unowned : 0;
}

/*
 * Gather the tasks that run here.  Adopted ones are left out and counted; the
 * one that has run longest is *held.  Returns how many were gathered; offers has room for all.
 */
static size_t gather(const struct fair *fair,
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
static uint64_t probe(struct fair *fair, const struct metafora_balance *balance,
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
static uint64_t give_away(struct fair *fair,
			  const struct metafora_balance *balance,
			  uint64_t n_excess, uint64_t n_wanted,
			  struct metafora_plan *plan)
{
	const struct metafora_cluster_task *held = NULL;
	size_t n_own = count_own(balance->cluster);
	struct offer *offers;
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
	qsort(offers, n_offers, sizeof(*offers), compare_offers);
	for (i = 0; i < n_offers && i < n_excess; i++) {
		if (metafora_plan_release(plan, offers[i].task))
			break;
	}
	free(offers);
	/* Short of memory, or too few run as yet. */
	if (i < n_excess)
		return balance->now_ns + fair->delay_ns;
	if (held && n_wanted > n_excess)
		return probe(fair, balance, held, plan);
	return 0;
}

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

/*
 * See what became of the task offered to probe.  If it went to a member as
 * part of its share, the others may follow.
 */
static void learn(struct fair *fair, const struct metafora_balance *balance)
{
	struct mf_adopted *adopted = &fair->adopted;
	const struct metafora_cluster_task *task;
	const char *owner;
	uint64_t hash;
	size_t i;

	mf_adopted_prune(adopted, may_be_ours, balance);
	if (!adopted->probe[0])
		return;
	task = metafora_cluster_find_task(balance->cluster, adopted->probe);
	owner = task ? metafora_cluster_task_owner(task) : NULL;
	if (task && (!owner || !strcmp(owner, balance->node)))
		return; /* on its way, or back with us */
	adopted->probe[0] = '\0';
	hash = owner ? mf_rendezvous_hash(owner) : 0;
	for (i = 0; owner && i < fair->n_members; i++) {
		const struct mf_quota_member *m = &fair->members[i];

		if (m->hash == hash && i != fair->self &&
		    m->n_owned <= m->quota)
			mf_adopted_clear(adopted);
	}
}

static uint64_t fair_balance(void *state, const struct metafora_balance *balance,
			     struct metafora_plan *plan)
{
	const struct mf_quota_member *me;
	struct fair *fair = state;
	uint64_t n_wanted;

	if (look(fair, balance->cluster))
		return balance->now_ns + fair->delay_ns;
	if (fair->self == NOBODY)
		return 0;
	learn(fair, balance);
	me = &fair->members[fair->self];
	if (me->n_owned <= me->quota)
		return 0;
	n_wanted = demand(fair, balance->cluster);
	if (!n_wanted)
		return 0;
	return give_away(fair, balance, me->n_owned - me->quota, n_wanted,
			 plan);
}

/* --- life ------------------------------------------------------------------------- */

static void fair_destroy(void *state)
{
	struct fair *fair = state;

	mf_adopted_clear(&fair->adopted);
	free(fair->members);
	free(fair->takers);
	free(fair);
}

static const struct metafora_balancer_ops fair_ops = {
	.abi_version = METAFORA_BALANCER_ABI,
	.size = sizeof(fair_ops),
	.name = "fair",
	.can_claim = fair_can_claim,
	.balance = fair_balance,
	.destroy = fair_destroy,
};

int metafora_balancer_fair_new(struct metafora_balancer **out)
{
	struct fair *fair;
	int error;

	if (!out)
		return METAFORA_EINVAL;
	fair = calloc(1, sizeof(*fair));
	if (!fair)
		return METAFORA_ENOMEM;
	fair->grace_ns = GRACE_DEFAULT_MS * NS_PER_MS;
	fair->delay_ns = DELAY_DEFAULT_MS * NS_PER_MS;
	error = metafora_balancer_new(&fair_ops, fair, out);
	if (error)
		fair_destroy(fair);
	return error;
}

static struct fair *fair_of(struct metafora_balancer *balancer)
{
	return metafora_balancer_state(balancer, &fair_ops);
}

int metafora_balancer_fair_set_unclaimed_grace_ms(
	struct metafora_balancer *balancer, int64_t grace_ms)
{
	struct fair *fair = fair_of(balancer);

	if (!fair)
		return METAFORA_EINVAL;
	if (grace_ms < GRACE_MIN_MS || grace_ms > GRACE_MAX_MS)
		return METAFORA_ERANGE;
	fair->grace_ns = (uint64_t)grace_ms * NS_PER_MS;
	return 0;
}

int metafora_balancer_fair_set_claim_delay_ms(struct metafora_balancer *balancer,
					      int64_t delay_ms)
{
	struct fair *fair = fair_of(balancer);

	if (!fair)
		return METAFORA_EINVAL;
	if (delay_ms < DELAY_MIN_MS || delay_ms > DELAY_MAX_MS)
		return METAFORA_ERANGE;
	fair->delay_ns = (uint64_t)delay_ms * NS_PER_MS;
	return 0;
}

int metafora_balancer_fair_set_filter(
	struct metafora_balancer *balancer,
	bool (*filter)(void *arg, const struct metafora_member *member),
	void *arg)
{
	struct fair *fair = fair_of(balancer);

	if (!fair)
		return METAFORA_EINVAL;
	fair->filter = filter;
	fair->filter_arg = arg;
	return 0;
}
