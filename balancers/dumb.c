/* SPDX-License-Identifier: Apache-2.0 */
/* The dumb balancer: claims every task, gives none away. */
#include <metafora/balancer.h>
#include <metafora/plugins.h>

static enum metafora_can_claim
dumb_can_claim(void *state, const struct metafora_balance *balance,
	       const struct metafora_cluster_task *task, uint64_t *until_ns)
{
	(void)state;
	(void)balance;
	(void)task;
	(void)until_ns;
	return METAFORA_CLAIM_YES;
}

static uint64_t dumb_balance(void *state, const struct metafora_balance *balance,
			     struct metafora_plan *plan)
{
	(void)state;
	(void)balance;
	(void)plan;
	return 0;
}

static const struct metafora_balancer_ops dumb_ops = {
	.abi_version = METAFORA_BALANCER_ABI,
	.size = sizeof(dumb_ops),
	.name = "dumb",
	.can_claim = dumb_can_claim,
	.balance = dumb_balance,
};

int metafora_balancer_dumb_new(struct metafora_balancer **out)
{
	return metafora_balancer_new(&dumb_ops, NULL, out);
}
