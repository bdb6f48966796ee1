/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks that a node took beyond its share because those whose turn it was did
 * not.  To offer them all again would only make them bounce: one is offered
 * after a while, to probe, and the rest when that one has been taken.
 */
#ifndef MF_ADOPTED_H
#define MF_ADOPTED_H

#include <metafora/task.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long until the first probe, in terms of the grace ... */
#define MF_ADOPTED_HOLD_GRACES 10
/* ... which doubles with each probe, so often at most. */
#define MF_ADOPTED_DOUBLINGS 5
/* Most tasks remembered; further ones are not held. */
#define MF_ADOPTED_TASKS_MAX 10000

struct mf_adopted_task;

/* All zero is an empty set. */
struct mf_adopted {
	struct mf_adopted_task *tasks; /* hash by ID */
	unsigned int n_probes;         /* without success */
	uint64_t probe_ns;             /* when to probe next */
	uint64_t taken_ns; /* since when another is seen to have it; 0: not */
	char probe[METAFORA_TASK_ID_MAX + 1]; /* under way; "": none */
};

/*
 * The node takes the task beyond its share.  If memory is short it is not
 * remembered, and will just be offered sooner.
 */
void mf_adopted_add(struct mf_adopted *adopted, const char *id,
		    uint64_t now_ns, uint64_t grace_ns);
bool mf_adopted_has(const struct mf_adopted *adopted, const char *id);
/* Forget the tasks for which keep returns false. */
void mf_adopted_prune(struct mf_adopted *adopted,
		      bool (*keep)(const void *arg, const char *id),
		      const void *arg);
/* The task is offered to probe; it is not in the set any more. */
void mf_adopted_probe(struct mf_adopted *adopted, const char *id,
		      uint64_t now_ns, uint64_t grace_ns);
/* Forget all: they may be offered. */
void mf_adopted_clear(struct mf_adopted *adopted);

#endif
