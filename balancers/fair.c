/* SPDX-License-Identifier: Apache-2.0 */
/* The fair balancer: every active member gets its share by weight. */
#include "fair.h"

#include <metafora/error.h>
#include <metafora/plugins.h>
#include <stdlib.h>
#include <string.h>

#include "rendezvous.h"

#define GRACE_DEFAULT_MS 2000
#define GRACE_MIN_MS 10
#define GRACE_MAX_MS 3600000
#define DELAY_DEFAULT_MS 200
#define DELAY_MIN_MS 1
#define DELAY_MAX_MS 60000
#define STALL_DEFAULT_MS 10000
#define STALL_MIN_MS 100
#define STALL_MAX_MS 3600000
#define MOVES_MAX 1000000
#define COOL_DOWN_MAX_MS 3600000
#define NS_PER_S UINT64_C(1000000000)
/* What a cluster gets done at least, all nodes together. */
#define CLAIMS_PER_MS 10
/* How often a task is asked about while as many as are unowned are claimed. */
#define ASKS_PER_CLAIM 20
/* And how often within a claim delay, if few are. */
#define ASKS_PER_DELAY 8

/* --- the picture ------------------------------------------------------------ */

static int make_room(struct mf_fair *fair, size_t n)
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

/* Read a member; whether it is another than before, but for its counts. */
static bool read_member(const struct mf_fair *fair, struct mf_quota_member *m,
			const struct metafora_member *member, bool is_self)
{
	struct mf_quota_member was = *m;

	m->name = metafora_member_name(member);
	m->hash = mf_rendezvous_hash(m->name);
	m->state = metafora_member_state(member);
	m->weight = metafora_member_weight(member);
	m->capacity = metafora_member_capacity(member);
	m->n_owned = metafora_member_n_owned(member);
	m->n_waiting = metafora_member_n_waiting(member);
	m->excluded = fair->filter && !fair->filter(fair->filter_arg, member);
	/*
	 * A frozen node claims nothing and is asked for a plan only by
	 * command: then it gives away what it would have to if it were active.
	 */
	if (is_self && m->state == METAFORA_MEMBER_FROZEN)
		m->state = METAFORA_MEMBER_ACTIVE;
	return m->hash != was.hash || m->state != was.state ||
	       m->excluded != was.excluded || m->weight != was.weight ||
	       m->capacity != was.capacity;
}

/* Whether the quotas may be others than with that count of the member. */
static bool count_matters(const struct mf_quota_member *m, uint64_t n_before)
{
	if (m->state == METAFORA_MEMBER_FROZEN)
		return m->n_owned != n_before;
	return (m->n_owned > m->floor) != (n_before > m->floor);
}

/*
 * Read the members; if they are not as before, what was learned is stale.
 * Returns whether the quotas may be others.
 */
static bool read_members(struct mf_fair *fair,
			 const struct metafora_cluster *cluster, size_t n)
{
	const struct metafora_member *self = metafora_cluster_self(cluster);
	bool changed = n != fair->n_members;
	bool matters = false;
	size_t i;

	fair->n_members = n;
	fair->self = MF_FAIR_NOBODY;
	for (i = 0; i < n; i++) {
		const struct metafora_member *member =
			metafora_cluster_member(cluster, i);
		struct mf_quota_member *m = &fair->members[i];
		uint64_t n_before = m->n_owned;

		if (member == self)
			fair->self = i;
		changed |= read_member(fair, m, member, member == self);
		matters |= count_matters(m, n_before);
	}
	if (changed)
		mf_adopted_clear(&fair->adopted);
	return changed || matters;
}

static void find_takers(struct mf_fair *fair)
{
	size_t i;

	fair->n_takers = 0;
	for (i = 0; i < fair->n_members; i++) {
		struct mf_quota_member *m = &fair->members[i];

		if (mf_fair_deficit(m))
			fair->takers[fair->n_takers++] = m;
	}
}

/* Work the quotas out again if the view has changed. */
static int look(struct mf_fair *fair, const struct metafora_cluster *cluster)
{
	size_t n_tasks = metafora_cluster_n_tasks(cluster);
	size_t n = metafora_cluster_n_members(cluster);

	if (fair->known &&
	    fair->version == metafora_cluster_version(cluster))
		return 0;
	fair->known = false;
	if (make_room(fair, n))
		return METAFORA_ENOMEM;
	if (read_members(fair, cluster, n) || n_tasks != fair->n_tasks)
		mf_quota(fair->members, n, n_tasks, fair->takers);
	find_takers(fair);
	fair->n_tasks = n_tasks;
	fair->n_buckets = metafora_cluster_n_buckets(cluster);
	fair->version = metafora_cluster_version(cluster);
	fair->known = true;
	return 0;
}

/* --- claims ------------------------------------------------------------------- */

/*
 * How many takers are better suited for the task than self, which does not
 * beat itself; at most limit.
 */
static uint64_t rank(const struct mf_fair *fair, uint64_t task, uint64_t limit)
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
static uint64_t stagger_ns(const struct mf_fair *fair, uint64_t task)
{
	uint64_t pair = mf_rendezvous_pair(
		task, fair->members[fair->self].hash);
	uint64_t span_ns = fair->grace_ns;

	if (fair->n_members < fair->grace_ns / fair->delay_ns)
		span_ns = fair->n_members * fair->delay_ns;
	return (span_ns >> 20) * (pair >> 44); /* 20 bits of the hash */
}

/*
 * How much longer all that takes when very many tasks are unowned, as after a
 * cold start: the claims of others are on their way, and that this node does
 * not see them does not mean that nobody wants the task.
 */
static uint64_t backlog_ns(const struct metafora_cluster *cluster)
{
	return metafora_cluster_n_unowned(cluster) / CLAIMS_PER_MS *
	       MF_FAIR_NS_PER_MS;
}

/* How long the task must have been unowned before this node claims it. */
static uint64_t wait_ns(const struct mf_fair *fair,
			const struct metafora_cluster *cluster, uint64_t task,
			bool below)
{
	if (below) {
		uint64_t limit = (fair->grace_ns - 1) / fair->delay_ns + 1;
		uint64_t n_better = rank(fair, task, limit);

		if (n_better < limit)
			return n_better * fair->delay_ns;
	}
	return fair->grace_ns + backlog_ns(cluster) + stagger_ns(fair, task);
}

static enum metafora_can_claim
fair_can_claim(void *state, const struct metafora_balance *balance,
	       const struct metafora_cluster_task *task, uint64_t *until_ns)
{
	const struct metafora_member *self =
		metafora_cluster_self(balance->cluster);
	const char *id = metafora_cluster_task_id(task);
	uint64_t now_ns = balance->now_ns;
	struct mf_fair *fair = state;
	const struct mf_quota_member *me;
	uint64_t due_ns;
	bool below;

	if (!self || metafora_member_state(self) != METAFORA_MEMBER_ACTIVE)
		return METAFORA_CLAIM_NO_UNTIL_CHANGE;
	if (look(fair, balance->cluster)) {
		*until_ns = now_ns + fair->delay_ns;
		return METAFORA_CLAIM_NO_UNTIL;
	}
	if (fair->self == MF_FAIR_NOBODY)
		return METAFORA_CLAIM_NO_UNTIL_CHANGE;
	me = &fair->members[fair->self];
	if (me->excluded || (me->capacity && me->n_owned >= me->capacity))
		return METAFORA_CLAIM_NO_UNTIL_CHANGE;

	below = mf_fair_deficit(me) > 0;
	due_ns = metafora_cluster_task_unowned_since_ns(task) +
		 wait_ns(fair, balance->cluster, mf_rendezvous_hash(id),
			 below);
	if (now_ns >= due_ns) {
		if (!below)
			mf_adopted_add(&fair->adopted, id, now_ns,
				       fair->grace_ns);
		return METAFORA_CLAIM_YES;
	}
	/*
	 * Not later than the view will have moved: those before us may have
	 * their share by then and our turn come early.  By chance some are
	 * first for more tasks than they have room for, and what is left over
	 * must not wait for a delay that nobody needs.
	 */
	*until_ns = now_ns + fair->delay_ns / ASKS_PER_DELAY +
		    backlog_ns(balance->cluster) / ASKS_PER_CLAIM;
	if (due_ns < *until_ns)
		*until_ns = due_ns;
	return METAFORA_CLAIM_NO_UNTIL;
}

/* --- moves --------------------------------------------------------------------- */

struct mf_quota_member *
mf_fair_waiter(const struct mf_fair *fair,
	       const struct metafora_cluster_task *task)
{
	struct mf_quota_member *m = mf_fair_place(fair, task, 1);

	return m && m->state == METAFORA_MEMBER_ACTIVE && !m->excluded &&
			       m->n_owned < m->quota
		       ? m
		       : NULL;
}

uint64_t mf_fair_rank(const struct mf_fair *fair,
		      const struct mf_quota_member *owner,
		      const struct metafora_cluster_task *task)
{
	const char *id = metafora_cluster_task_id(task);
	uint64_t bucket = metafora_cluster_task_bucket(task);
	unsigned int start = mf_fair_start(fair, mf_fair_group(owner));
	uint64_t pair =
		mf_rendezvous_pair(mf_rendezvous_hash(id), owner->hash);

	if (bucket < start)
		bucket += fair->n_buckets;
	return (bucket - start) << 47 | pair >> 17;
}

static uint64_t fair_balance(void *state, const struct metafora_balance *balance,
			     struct metafora_plan *plan)
{
	const struct mf_quota_member *me;
	struct mf_fair *fair = state;
	uint64_t wish_ns;

	if (look(fair, balance->cluster))
		return balance->now_ns + fair->delay_ns;
	if (fair->self == MF_FAIR_NOBODY)
		return 0;
	wish_ns = mf_fair_learn(fair, balance);
	me = &fair->members[fair->self];
	if (metafora_cluster_has_lines(balance->cluster)) {
		wish_ns = mf_fair_sooner(wish_ns,
					 mf_fair_pull(fair, balance, plan));
		wish_ns = mf_fair_sooner(wish_ns,
					 mf_fair_evict(fair, balance, plan));
	}
	if (me->n_owned > me->quota)
		wish_ns = mf_fair_sooner(wish_ns,
					 mf_fair_give(fair, balance, plan));
	return wish_ns;
}

/* --- life ------------------------------------------------------------------------- */

static void fair_destroy(void *state)
{
	struct mf_fair *fair = state;

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
	struct mf_fair *fair;
	int error;

	if (!out)
		return METAFORA_EINVAL;
	fair = calloc(1, sizeof(*fair));
	if (!fair)
		return METAFORA_ENOMEM;
	fair->grace_ns = GRACE_DEFAULT_MS * MF_FAIR_NS_PER_MS;
	fair->delay_ns = DELAY_DEFAULT_MS * MF_FAIR_NS_PER_MS;
	fair->stall_ns = STALL_DEFAULT_MS * MF_FAIR_NS_PER_MS;
	error = metafora_balancer_new(&fair_ops, fair, out);
	if (error)
		fair_destroy(fair);
	return error;
}

static struct mf_fair *fair_of(struct metafora_balancer *balancer)
{
	return metafora_balancer_state(balancer, &fair_ops);
}

int metafora_balancer_fair_set_unclaimed_grace_ms(
	struct metafora_balancer *balancer, int64_t grace_ms)
{
	struct mf_fair *fair = fair_of(balancer);

	if (!fair)
		return METAFORA_EINVAL;
	if (grace_ms < GRACE_MIN_MS || grace_ms > GRACE_MAX_MS)
		return METAFORA_ERANGE;
	fair->grace_ns = (uint64_t)grace_ms * MF_FAIR_NS_PER_MS;
	return 0;
}

int metafora_balancer_fair_set_claim_delay_ms(struct metafora_balancer *balancer,
					      int64_t delay_ms)
{
	struct mf_fair *fair = fair_of(balancer);

	if (!fair)
		return METAFORA_EINVAL;
	if (delay_ms < DELAY_MIN_MS || delay_ms > DELAY_MAX_MS)
		return METAFORA_ERANGE;
	fair->delay_ns = (uint64_t)delay_ms * MF_FAIR_NS_PER_MS;
	return 0;
}

int metafora_balancer_fair_set_waiter_timeout_ms(
	struct metafora_balancer *balancer, int64_t timeout_ms)
{
	struct mf_fair *fair = fair_of(balancer);

	if (!fair)
		return METAFORA_EINVAL;
	if (timeout_ms < STALL_MIN_MS || timeout_ms > STALL_MAX_MS)
		return METAFORA_ERANGE;
	fair->stall_ns = (uint64_t)timeout_ms * MF_FAIR_NS_PER_MS;
	return 0;
}

int metafora_balancer_fair_set_max_moves_per_second(
	struct metafora_balancer *balancer, int64_t n_moves)
{
	struct mf_fair *fair = fair_of(balancer);

	if (!fair)
		return METAFORA_EINVAL;
	if (n_moves < 0 || n_moves > MOVES_MAX)
		return METAFORA_ERANGE;
	fair->pace.cost_ns = n_moves ? NS_PER_S / (uint64_t)n_moves : 0;
	return 0;
}

int metafora_balancer_fair_set_max_moving_percent(
	struct metafora_balancer *balancer, int percent)
{
	struct mf_fair *fair = fair_of(balancer);

	if (!fair)
		return METAFORA_EINVAL;
	if (percent < 1 || percent > 100)
		return METAFORA_ERANGE;
	fair->pace.moving_percent = (unsigned int)percent;
	return 0;
}

int metafora_balancer_fair_set_cool_down_ms(struct metafora_balancer *balancer,
					    int64_t cool_down_ms)
{
	struct mf_fair *fair = fair_of(balancer);

	if (!fair)
		return METAFORA_EINVAL;
	if (cool_down_ms < 0 || cool_down_ms > COOL_DOWN_MAX_MS)
		return METAFORA_ERANGE;
	fair->pace.cool_down_ns = (uint64_t)cool_down_ms * MF_FAIR_NS_PER_MS;
	return 0;
}

int metafora_balancer_fair_set_filter(
	struct metafora_balancer *balancer,
	bool (*filter)(void *arg, const struct metafora_member *member),
	void *arg)
{
	struct mf_fair *fair = fair_of(balancer);

	if (!fair)
		return METAFORA_EINVAL;
	fair->filter = filter;
	fair->filter_arg = arg;
	return 0;
}
