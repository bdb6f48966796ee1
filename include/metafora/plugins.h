/* SPDX-License-Identifier: Apache-2.0 */
/* The plug-ins that come with the library. */
#ifndef METAFORA_PLUGINS_H
#define METAFORA_PLUGINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <metafora/balancer.h>
#include <metafora/coordinator.h>
#include <metafora/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- balancers -------------------------------------------------------------- */

/*
 * The caller owns what these make until it gives it to a consumer.  They may
 * be called on any thread and do not block.
 */

/*
 * Claims every task, releases none: first come, first served.
 * Returns 0, METAFORA_EINVAL, METAFORA_ENOMEM.  Since: 0.1.
 */
METAFORA_API int metafora_balancer_dumb_new(struct metafora_balancer **out);

/*
 * Gives every active member its fair share of the tasks, by weight and within
 * its capacity, with the fewest moves: in a quiet cluster each is within one
 * task of its exact share, and nodes of equal weight differ by at most one.
 * What a frozen node holds stays there and is not shared; a draining node has
 * no share.  The default of a consumer.
 *
 * Moves are pulls: a node below its share stands in line for tasks of nodes
 * above theirs, and these release a task only to a node that waits for it, so
 * that it is in nobody's hands for as short as can be.  A node that drains, or
 * that is frozen and balances by command, releases into the open, as all do
 * with a coordinator without lines: then whoever is best suited claims.
 *
 * All nodes work out the same shares from the members and counts that they
 * see, so the balancers of all members need the same filter.
 * Returns 0, METAFORA_EINVAL, METAFORA_ENOMEM.  Since: 0.1.
 */
METAFORA_API int metafora_balancer_fair_new(struct metafora_balancer **out);

/*
 * Options of a fair balancer, before it is given to a consumer.  Not
 * thread-safe against each other; do not block.  Each returns 0,
 * METAFORA_EINVAL (NULL, or not a fair balancer), METAFORA_ERANGE.
 * Since: 0.1.
 */

/*
 * How long a task may be without an owner before any node with room claims
 * it, beyond its share if need be, so that no task starves because the nodes
 * whose turn it is do not take it: 10 to 3,600,000; default 2,000.  Should be
 * longer than nodes are ever late in seeing a change, or tasks end up with
 * those that see it first.  While very many tasks are unowned it is longer by
 * a millisecond for each ten of them.  A node offers such tasks again when the members
 * change; otherwise one at a time, after ten times the grace and then more
 * and more seldom, and all once that one has been taken.
 */
METAFORA_API int
metafora_balancer_fair_set_unclaimed_grace_ms(struct metafora_balancer *fair,
					      int64_t grace_ms);
/*
 * Of the nodes below their share the one best suited for a task claims it at
 * once, the next after this delay, and so on: 1 to 60,000; default 200.
 * Should be longer than it takes for a claim to be seen.
 */
METAFORA_API int
metafora_balancer_fair_set_claim_delay_ms(struct metafora_balancer *fair,
					  int64_t delay_ms);
/*
 * How long a node may stand first in a line without being able to take the
 * task over, because it is not active, has its share already, or is gone,
 * before the owner puts it out of the line: 100 to 3,600,000; default 10,000.
 */
METAFORA_API int metafora_balancer_fair_set_waiter_timeout_ms(
	struct metafora_balancer *fair, int64_t timeout_ms);
/*
 * The pace at which this node gives tasks away to even out the cluster.  By
 * default there is none: all moves begin at once.  Draining, stop_task and
 * shutdown are not paced.
 *
 * max_moves_per_second: so many, 1 to 1,000,000, in bursts of a tenth of it; 0,
 * the default: no limit.  max_moving_percent: of the tasks it owns so many at
 * most, but at least one, are on their way at a time, 1 to 100; default 100.
 * cool_down_ms: after it has given tasks away it gives none for so long, 0 to
 * 3,600,000; default 0.
 */
METAFORA_API int metafora_balancer_fair_set_max_moves_per_second(
	struct metafora_balancer *fair, int64_t n_moves);
METAFORA_API int
metafora_balancer_fair_set_max_moving_percent(struct metafora_balancer *fair,
					      int percent);
METAFORA_API int
metafora_balancer_fair_set_cool_down_ms(struct metafora_balancer *fair,
					int64_t cool_down_ms);
/*
 * Only members for which filter returns true get a share; the others claim
 * nothing and give away what they have.  NULL, the default: all do.  Called on
 * the consumer's own thread, with members valid during the call; must not
 * block, and must answer the same for a member until it changes.  arg must
 * outlive the balancer.
 */
METAFORA_API int metafora_balancer_fair_set_filter(
	struct metafora_balancer *fair,
	bool (*filter)(void *arg, const struct metafora_member *member),
	void *arg);

/*
 * Claims a task the later the more this node has, so that emptier nodes are
 * first; releases none.  For each task that it has it lets one delay pass
 * after the task was seen unowned, and a part of one more, by task and node,
 * so that of nodes with equally many usually one is first.  Rough shares for
 * little thought: whoever joins a settled cluster gets new tasks only.
 * Returns 0, METAFORA_EINVAL, METAFORA_ENOMEM.  Since: 0.1.
 */
METAFORA_API int metafora_balancer_sleep_new(struct metafora_balancer **out);

/*
 * Options of a sleep balancer, before it is given to a consumer.  Not
 * thread-safe against each other; do not block.  Each returns 0,
 * METAFORA_EINVAL (NULL, or not a sleep balancer), METAFORA_ERANGE.
 * Since: 0.1.
 */

/*
 * How much later for each task: 1 to 60,000; default 100.  Should be longer
 * than it takes for a claim to be seen by the other nodes.
 */
METAFORA_API int
metafora_balancer_sleep_set_delay_ms(struct metafora_balancer *sleep,
				     int64_t delay_ms);
/*
 * How much later at most, however many it has, but for the part of a delay:
 * 1 to 3,600,000; default 10,000.  Nodes that have longest / delay tasks or
 * more are all alike.
 */
METAFORA_API int
metafora_balancer_sleep_set_longest_ms(struct metafora_balancer *sleep,
				       int64_t longest_ms);

/*
 * Claims tasks while a resource of this node is used less than the claim
 * limit, and gives away the task that has run longest while it is used more
 * than the release limit; between the two it does neither.  The last task is
 * kept in any case.  The resource is the machine's memory (MemAvailable of
 * /proc/meminfo), unless a reporter says otherwise: in a container whose
 * memory is limited, one should.
 *
 * Effects show late, so the resource is read once per settle time, a bounded
 * number of tasks is claimed on one reading, and only one is given away: then
 * nothing is claimed or given away until its handler has stopped (or ten
 * settle times have passed) and one settle time more.
 *
 * While the resource is not known (the reporter fails, or gives what is not
 * finite or is negative) nothing is claimed or given away.  A balancer has no
 * log: the reporter should say so in its own.
 *
 * Between the limits there should be room for the largest task: otherwise the
 * release of one lets another be claimed, at most one per two settle times.
 * A task that no node has room for waits.
 * Returns 0, METAFORA_EINVAL, METAFORA_ENOMEM.  Since: 0.1.
 */
METAFORA_API int metafora_balancer_resource_new(struct metafora_balancer **out);

/*
 * Options of a resource balancer, before it is given to a consumer.  Not
 * thread-safe against each other; do not block.  Each returns 0,
 * METAFORA_EINVAL (NULL, or not a resource balancer), METAFORA_ERANGE (the
 * options are as before).  Since: 0.1.
 */

/*
 * Parts of the whole: 0 < claim_limit < release_limit <= 1; default 0.75 and
 * 0.9.
 */
METAFORA_API int
metafora_balancer_resource_set_limits(struct metafora_balancer *resource,
				      double claim_limit, double release_limit);
/*
 * Says how much of the resource is in use: *used, 0 or more, of *total, more
 * than 0, in any unit.  *total is 1 before, so that a fraction is enough.
 * Returns 0; anything else: not known now.  Called on the consumer's own
 * thread; must not block.  arg must outlive the balancer.  NULL, the default:
 * memory.
 */
METAFORA_API int metafora_balancer_resource_set_reporter(
	struct metafora_balancer *resource,
	int (*report)(void *arg, double *used, double *total), void *arg);
/*
 * How long it takes until what a task uses shows, after it was claimed or has
 * stopped: 10 to 3,600,000; default 1,000.
 */
METAFORA_API int
metafora_balancer_resource_set_settle_ms(struct metafora_balancer *resource,
					 int64_t settle_ms);
/* Most tasks claimed on one reading: 1 to 1,000,000; default 10. */
METAFORA_API int
metafora_balancer_resource_set_max_claims(struct metafora_balancer *resource,
					  size_t max_claims);

/* --- the embedded broker -------------------------------------------------------- */

/*
 * A broker inside this process: any number of consumers and clients of the
 * process share it.  Nothing is kept on disk.
 */
struct metafora_embedded_broker;

/*
 * Make a broker.  session_timeout_ms (100 to 3,600,000) is how long a node's
 * session outlives its last sign of life.
 * Returns 0, METAFORA_EINVAL, METAFORA_ERANGE, METAFORA_ENOMEM.  Since: 0.1.
 */
METAFORA_API int
metafora_embedded_broker_new(int64_t session_timeout_ms,
			     struct metafora_embedded_broker **out);

/*
 * Drop the caller's reference; coordinators keep their own.  NULL is allowed.
 * Since: 0.1.
 */
METAFORA_API void
metafora_embedded_broker_free(struct metafora_embedded_broker *broker);

/*
 * Make a coordinator, with node and client side, for the broker.  It keeps a
 * reference of its own.
 * Returns 0, METAFORA_EINVAL, METAFORA_ENOMEM.  Since: 0.1.
 */
METAFORA_API int
metafora_embedded_coordinator_new(struct metafora_embedded_broker *broker,
				  struct metafora_coordinator **out);

/*
 * Fault switches, to see how a service behaves when its broker does not.
 * node names one node (NULL: every session of the broker, clients included).
 * Settings for a name also hold for sessions it opens later.  Any thread; do
 * not block.  Each returns 0, METAFORA_EINVAL, METAFORA_ENOMEM,
 * METAFORA_ERANGE; METAFORA_ENOENT (expire: no such session).  Since: 0.1.
 */

/*
 * End the node's session now, as if its timeout had passed.  Leases that were
 * given before are broken by this: until the node hears of it, it may believe
 * that it owns what another has got.
 */
METAFORA_API int
metafora_embedded_expire(struct metafora_embedded_broker *broker,
			 const char *node);
/*
 * Cut (true) or mend (false) the link: nothing gets through either way, and
 * what was on its way is lost, writes with an unknown outcome.
 */
METAFORA_API int metafora_embedded_cut(struct metafora_embedded_broker *broker,
				       const char *node, bool cut);
/*
 * Delay each message of the broker by a random time between the two, 0 to
 * 60,000.  A node whose heartbeats are not answered within a third of the
 * session timeout counts itself as out of touch.
 */
METAFORA_API int
metafora_embedded_delay(struct metafora_embedded_broker *broker,
			const char *node, int64_t min_ms, int64_t max_ms);
/*
 * Snapshots lag: each shows the state of up to lag_ms ago (0 to 60,000), as
 * from a follower that trails behind.  Verdicts do not lag.
 */
METAFORA_API int metafora_embedded_lag(struct metafora_embedded_broker *broker,
				       const char *node, int64_t lag_ms);
/*
 * Of the next n_writes writes (claims, releases, done, submissions, ...) lose
 * the request (before_commit) or the answer: the outcome is unknown.  Without
 * a node it is the next of the whole broker.
 */
METAFORA_API int metafora_embedded_lose(struct metafora_embedded_broker *broker,
					const char *node, size_t n_writes,
					bool before_commit);

#ifdef __cplusplus
}
#endif
#endif
