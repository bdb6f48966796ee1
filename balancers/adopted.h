/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks that a node took beyond its share because those whose turn it was did
 * not.  Offering them again at once would only make them bounce, so they are
 * held for a while: the longer, the more often they have come back.
 */
#ifndef MF_ADOPTED_H
#define MF_ADOPTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long the first time, in terms of the grace; then twice as long, ... */
#define MF_ADOPTED_FIRST_GRACES 10
/* ... up to this. */
#define MF_ADOPTED_MAX_NS (UINT64_C(3600) * 1000 * 1000 * 1000)
/* Most tasks remembered; further ones are not held. */
#define MF_ADOPTED_TASKS_MAX 10000

struct mf_adopted_task;

/* All zero is an empty set. */
struct mf_adopted {
	struct mf_adopted_task *tasks; /* hash by ID */
};

/*
 * The node takes the task beyond its share.  Nothing is lost but the hold if
 * memory is short.
 */
void mf_adopted_add(struct mf_adopted *adopted, const char *id,
		    uint64_t now_ns, uint64_t grace_ns);
/* Until when the task is held; 0 if it is not (any more). */
uint64_t mf_adopted_until(const struct mf_adopted *adopted, const char *id,
			  uint64_t now_ns);
/* Forget tasks that have not come back for as long as they were held. */
void mf_adopted_expire(struct mf_adopted *adopted, uint64_t now_ns);
/* Forget all. */
void mf_adopted_clear(struct mf_adopted *adopted);

#endif
