/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a task on this node and the transitions between them. */
#include "task_table.h"

#include <assert.h>

#define BIT(state) (1u << (state))

/*
 * From each state the states that may follow.  NONE ends an entry.  A session
 * that is lost takes every state without a handler to NONE and every other to
 * ADRIFT, from where only the handler's return leads on: so no node claims a
 * task again whose earlier handler has not returned.
 */
static const unsigned int allowed[MF_N_STATES] = {
	[MF_NONE] = BIT(MF_CLAIMING) | BIT(MF_PREPARING) | BIT(MF_QUEUING) |
		    BIT(MF_WITHDRAWING),
	[MF_CLAIMING] = BIT(MF_NONE) | BIT(MF_RUNNING) | BIT(MF_RELEASING) |
			BIT(MF_WITHDRAWING),
	[MF_PREPARING] = BIT(MF_NONE) | BIT(MF_QUEUING),
	[MF_QUEUING] = BIT(MF_NONE) | BIT(MF_QUEUED) | BIT(MF_RUNNING) |
		       BIT(MF_RELEASING) | BIT(MF_WITHDRAWING),
	[MF_QUEUED] = BIT(MF_NONE) | BIT(MF_RUNNING) | BIT(MF_RELEASING) |
		      BIT(MF_WITHDRAWING),
	[MF_WITHDRAWING] = BIT(MF_NONE),
	[MF_RUNNING] = BIT(MF_STOPPING) | BIT(MF_RELEASING) |
		       BIT(MF_FINISHING) | BIT(MF_ADRIFT),
	[MF_STOPPING] = BIT(MF_RELEASING) | BIT(MF_FINISHING) | BIT(MF_ADRIFT),
	[MF_RELEASING] = BIT(MF_NONE) | BIT(MF_WITHDRAWING),
	[MF_FINISHING] = BIT(MF_NONE) | BIT(MF_WITHDRAWING),
	[MF_ADRIFT] = BIT(MF_NONE),
};

static const char *const names[MF_N_STATES] = {
	[MF_NONE] = "none",
	[MF_CLAIMING] = "claiming",
	[MF_PREPARING] = "preparing",
	[MF_QUEUING] = "queuing",
	[MF_QUEUED] = "queued",
	[MF_WITHDRAWING] = "withdrawing",
	[MF_RUNNING] = "running",
	[MF_STOPPING] = "stopping",
	[MF_RELEASING] = "releasing",
	[MF_FINISHING] = "finishing",
	[MF_ADRIFT] = "adrift",
};

bool mf_state_may_move(enum mf_state from, enum mf_state to)
{
	return allowed[from] & BIT(to);
}

bool mf_state_has_handler(enum mf_state state)
{
	return state == MF_RUNNING || state == MF_STOPPING ||
	       state == MF_ADRIFT;
}

const char *mf_state_name(enum mf_state state)
{
	return state < MF_N_STATES ? names[state] : "?";
}

void mf_entry_move(struct mf_entry *entry, enum mf_state to)
{
	assert(mf_state_may_move(entry->state, to));
	entry->state = to;
}
