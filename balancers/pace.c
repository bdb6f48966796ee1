/* SPDX-License-Identifier: Apache-2.0 */
/* The pace at which a node gives tasks away. */
#include "pace.h"

/* Moves are saved up for so long at most: the largest burst. */
#define SAVED_NS UINT64_C(100000000)
/* When to look again whether tasks under way have arrived. */
#define LOOK_NS UINT64_C(100000000)

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t by_rate(struct mf_pace *pace, uint64_t now_ns, uint64_t n,
			uint64_t *again_ns)
{
	uint64_t most_ns =
		pace->cost_ns > SAVED_NS ? pace->cost_ns : SAVED_NS;

	if (!pace->cost_ns)
		return n;
	/* The first time it is all there is. */
	pace->credit_ns = min_u64(
		pace->credit_ns + (now_ns - pace->last_ns), most_ns);
	pace->last_ns = now_ns;
	if (n <= pace->credit_ns / pace->cost_ns)
		return n;
	*again_ns = now_ns + pace->cost_ns - pace->credit_ns % pace->cost_ns;
	return pace->credit_ns / pace->cost_ns;
}

static uint64_t by_share(const struct mf_pace *pace, uint64_t now_ns,
			 uint64_t n_held, uint64_t n_leaving, uint64_t n,
			 uint64_t *again_ns)
{
	uint64_t most = (n_held + n_leaving) * pace->moving_percent / 100;

	if (!pace->moving_percent)
		return n;
	if (most == 0)
		most = 1;
	most -= n_leaving < most ? n_leaving : most;
	if (n <= most)
		return n;
	*again_ns = now_ns + LOOK_NS;
	return most;
}

uint64_t mf_pace_allow(struct mf_pace *pace, uint64_t now_ns, uint64_t n_held,
		       uint64_t n_leaving, uint64_t n, uint64_t *again_ns)
{
	if (n && now_ns < pace->cool_ns) {
		*again_ns = pace->cool_ns;
		return 0;
	}
	n = by_share(pace, now_ns, n_held, n_leaving, n, again_ns);
	return by_rate(pace, now_ns, n, again_ns);
}

void mf_pace_spend(struct mf_pace *pace, uint64_t now_ns, uint64_t n)
{
	if (!n)
		return;
	pace->credit_ns -= min_u64(n * pace->cost_ns, pace->credit_ns);
	pace->cool_ns = now_ns + pace->cool_down_ns;
}
