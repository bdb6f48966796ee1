/* SPDX-License-Identifier: Apache-2.0 */
/* The sleep balancer: the more a node has, the later it claims. */
#include <metafora/balancer.h>
#include <metafora/error.h>
#include <metafora/plugins.h>
#include <stdlib.h>

#include "rendezvous.h"

#define NS_PER_MS UINT64_C(1000000)

#define DELAY_DEFAULT_MS 100
#define DELAY_MIN_MS 1
#define DELAY_MAX_MS 60000
#define LONGEST_DEFAULT_MS 10000
#define LONGEST_MIN_MS 1
#define LONGEST_MAX_MS 3600000

struct sleep {
	/* Const after start. */
	uint64_t delay_ns;
	uint64_t longest_ns;
};

/* --- claims ----------------------------------------------------------------- */

/* For so many tasks of one's own.  The product may be too large for a number. */
static uint64_t sleep_ns(const struct sleep *sleep, size_t n_owned)
{
	if (n_owned > sleep->longest_ns / sleep->delay_ns)
		return sleep->longest_ns;
	return n_owned * sleep->delay_ns;
}

/*
 * Less than one delay, by the task and the node: nodes that have equally many
 * would all claim at one moment otherwise.
 */
static uint64_t stagger_ns(const struct sleep *sleep, const char *task,
			   const char *node)
{
	uint64_t pair = mf_rendezvous_pair(mf_rendezvous_hash(task),
					   mf_rendezvous_hash(node));

	return (sleep->delay_ns * (pair >> 44)) >> 20; /* 20 bits of the hash */
}

static enum metafora_can_claim
sleep_can_claim(void *state, const struct metafora_balance *balance,
		const struct metafora_cluster_task *task, uint64_t *until_ns)
{
	const struct metafora_member *self =
		metafora_cluster_self(balance->cluster);
	const struct sleep *sleep = state;
	uint64_t due_ns;

	if (!self)
		return METAFORA_CLAIM_NO_UNTIL_CHANGE;
	due_ns = metafora_cluster_task_unowned_since_ns(task) +
		 sleep_ns(sleep, metafora_member_n_owned(self)) +
		 stagger_ns(sleep, metafora_cluster_task_id(task),
			    balance->node);
	if (balance->now_ns >= due_ns)
		return METAFORA_CLAIM_YES;
	/* Not later than one delay from now: this node may have fewer then. */
	*until_ns = balance->now_ns + sleep->delay_ns;
	if (due_ns < *until_ns)
		*until_ns = due_ns;
	return METAFORA_CLAIM_NO_UNTIL;
}

static uint64_t sleep_balance(void *state,
			      const struct metafora_balance *balance,
			      struct metafora_plan *plan)
{
	(void)state;
	(void)balance;
	(void)plan;
	return 0;
}

/* --- life ------------------------------------------------------------------- */

static const struct metafora_balancer_ops sleep_ops = {
	.abi_version = METAFORA_BALANCER_ABI,
	.size = sizeof(sleep_ops),
	.name = "sleep",
	.can_claim = sleep_can_claim,
	.balance = sleep_balance,
	.destroy = free,
};

int metafora_balancer_sleep_new(struct metafora_balancer **out)
{
	struct sleep *sleep;
	int error;

	if (!out)
		return METAFORA_EINVAL;
	sleep = calloc(1, sizeof(*sleep));
	if (!sleep)
		return METAFORA_ENOMEM;
	sleep->delay_ns = DELAY_DEFAULT_MS * NS_PER_MS;
	sleep->longest_ns = LONGEST_DEFAULT_MS * NS_PER_MS;
	error = metafora_balancer_new(&sleep_ops, sleep, out);
	if (error)
		free(sleep);
	return error;
}

int metafora_balancer_sleep_set_delay_ms(struct metafora_balancer *balancer,
					 int64_t delay_ms)
{
	struct sleep *sleep = metafora_balancer_state(balancer, &sleep_ops);

	if (!sleep)
		return METAFORA_EINVAL;
	if (delay_ms < DELAY_MIN_MS || delay_ms > DELAY_MAX_MS)
		return METAFORA_ERANGE;
	sleep->delay_ns = (uint64_t)delay_ms * NS_PER_MS;
	return 0;
}

int metafora_balancer_sleep_set_longest_ms(struct metafora_balancer *balancer,
					   int64_t longest_ms)
{
	struct sleep *sleep = metafora_balancer_state(balancer, &sleep_ops);

	if (!sleep)
		return METAFORA_EINVAL;
	if (longest_ms < LONGEST_MIN_MS || longest_ms > LONGEST_MAX_MS)
		return METAFORA_ERANGE;
	sleep->longest_ns = (uint64_t)longest_ms * NS_PER_MS;
	return 0;
}
