/* SPDX-License-Identifier: Apache-2.0 */
/* The balancer plug-in: which tasks to claim, which to give away. */
#ifndef METAFORA_BALANCER_H
#define METAFORA_BALANCER_H

#include <stddef.h>
#include <stdint.h>

#include <metafora/cluster.h>
#include <metafora/version.h>

#ifdef __cplusplus
extern "C" {
#endif

#define METAFORA_BALANCER_ABI 1

/* A balancer: an ops table and its state.  Serves one consumer. */
struct metafora_balancer;

/* Where a balancer's answer goes. */
struct metafora_plan;

/* What a balancer is told at each call.  Valid during the call. */
struct metafora_balance {
	/* The cluster as this node sees it. */
	const struct metafora_cluster *cluster;
	/* This node's name. */
	const char *node;
	/* The time, in nanoseconds of CLOCK_BOOTTIME. */
	uint64_t now_ns;
	/* A random number, new at each call. */
	uint64_t random;
};

/* The answer to "may this node claim the task?" */
enum metafora_can_claim {
	METAFORA_CLAIM_YES = 0,
	/* No; ask again at *until_ns. */
	METAFORA_CLAIM_NO_UNTIL = 1,
	/* No; ask again when the view has changed. */
	METAFORA_CLAIM_NO_UNTIL_CHANGE = 2,
};

/*
 * The operations.  All are called on the consumer's own thread, one at a
 * time; they must not block, and must not call the consumer.  The table is
 * constant and append-only: core reads what size covers, the rest is absent.
 */
struct metafora_balancer_ops {
	uint32_t abi_version; /* METAFORA_BALANCER_ABI */
	uint32_t size;        /* sizeof(struct metafora_balancer_ops) */
	const char *name;     /* for logs; static */

	/*
	 * Optional.  The consumer is starting as node.  An error ends the
	 * start with that error; destroy is still called.
	 */
	int (*init)(void *state, const char *node);

	/*
	 * Mandatory.  May this node claim the task, which nobody owns?  Asked
	 * only while the node is active and has room.  After a yes the claim
	 * is sent, and the node's own count in the view goes up before the
	 * next question.  *until_ns is the earliest time to ask again with
	 * METAFORA_CLAIM_NO_UNTIL; it may be asked earlier, when members
	 * change.  Any other answer than the three counts as no until a
	 * change, and is logged.  Asked for very many tasks in a row: what
	 * does not depend on the task should be kept for as long as
	 * metafora_cluster_version stays the same.
	 */
	enum metafora_can_claim (*can_claim)(
		void *state, const struct metafora_balance *balance,
		const struct metafora_cluster_task *task, uint64_t *until_ns);

	/*
	 * Mandatory.  Say through the plan which tasks to release, which to
	 * stand in line for and which lines to leave.  Called at
	 * an interval, after changes of the view (gathered for a moment), and
	 * on command; not while the node is draining or disconnected, and
	 * while it is frozen only on command.
	 * Returns when to be called again, at the latest: a time in
	 * nanoseconds, or 0 for no wish.
	 */
	uint64_t (*balance)(void *state, const struct metafora_balance *balance,
			    struct metafora_plan *plan);

	/* Optional.  The last call; free the state. */
	void (*destroy)(void *state);
};

/*
 * Plan to release a task that runs here: its handler is asked to stop, then
 * the claim is given up.  A task that does not run here, or was asked to stop
 * already, is passed over.  Only inside balance.
 * Returns 0, METAFORA_EINVAL, METAFORA_ENOMEM (the plan keeps what it has).
 * Since: 0.1.
 */
METAFORA_API int
metafora_plan_release(struct metafora_plan *plan,
		      const struct metafora_cluster_task *task);

/*
 * Plan to stand in line for a task that another node owns: this node becomes
 * the owner when all before it have gone.  Passed over if the coordinator has
 * no lines, or this node stands in that line already, has no room, or gave the
 * task away a moment ago.  Only
 * inside balance.
 * Returns 0, METAFORA_EINVAL, METAFORA_ENOMEM (the plan keeps what it has).
 * Since: 0.1.
 */
METAFORA_API int metafora_plan_queue(struct metafora_plan *plan,
				     const struct metafora_cluster_task *task);

/*
 * Plan to leave the line for a task without having run it, so that the place
 * does not count any more.  Passed over if this node does not wait in that
 * line.  Only inside balance.
 * Returns 0, METAFORA_EINVAL, METAFORA_ENOMEM (the plan keeps what it has).
 * Since: 0.1.
 */
METAFORA_API int
metafora_plan_withdraw(struct metafora_plan *plan,
		       const struct metafora_cluster_task *task);

/*
 * Plan to put the first waiter of a task that runs here out of its line: one
 * that stands there without taking the task would keep those behind it from
 * getting it.  Nothing happens if this node does not own the task any more,
 * or that waiter is not in line, when the broker gets to it.  Passed over if
 * nobody waits, or the coordinator cannot evict.  Only inside balance.
 * Returns 0, METAFORA_EINVAL, METAFORA_ENOMEM (the plan keeps what it has).
 * Since: 0.1.
 */
METAFORA_API int metafora_plan_evict(struct metafora_plan *plan,
				     const struct metafora_cluster_task *task);

/*
 * Make a balancer of ops and state.  ops must outlive it.  If it fails the
 * caller still owns state.
 * Returns 0, METAFORA_EINVAL, METAFORA_EABI, METAFORA_EOPMISSING,
 * METAFORA_ENOMEM.  Any thread; does not block.  Since: 0.1.
 */
METAFORA_API int metafora_balancer_new(const struct metafora_balancer_ops *ops,
				       void *state,
				       struct metafora_balancer **out);

/*
 * Free a balancer that no consumer has taken over: calls destroy.  NULL is
 * allowed.  Since: 0.1.
 */
METAFORA_API void metafora_balancer_free(struct metafora_balancer *balancer);

/*
 * The state that the balancer was made with, if it was made with these ops;
 * NULL otherwise.  For the plug-in's own setters, which so recognise balancers
 * of another kind.  Any thread; does not block.  Since: 0.1.
 */
METAFORA_API void *
metafora_balancer_state(const struct metafora_balancer *balancer,
			const struct metafora_balancer_ops *ops);

#ifdef __cplusplus
}
#endif
#endif
