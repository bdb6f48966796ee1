/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ignore manager: tasks that this node does not claim for now, and when to
 * reconsider each; and how often in a row each gave itself back.
 */
#ifndef MF_IGNORE_H
#define MF_IGNORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mf_ignore;

/* What an entry says; valid until the next call that changes the manager. */
struct mf_ignored {
	const char *task;
	uint64_t until_ns; /* 0: until a change */
};

/* Most tasks whose failures are remembered; beyond, the oldest goes. */
#define MF_IGNORE_FAILURES_MAX 100000

struct mf_ignore *mf_ignore_new(void); /* NULL: out of memory */
void mf_ignore_free(struct mf_ignore *ignore);

/*
 * The balancer refused the task: ignore it until a time (> 0) or a change (0).
 * Its newest answer counts, but never shortens a back-off.  Returns 0 or
 * METAFORA_ENOMEM (the manager is as before).
 */
int mf_ignore_refused(struct mf_ignore *ignore, const char *task,
		      uint64_t until_ns);
/*
 * This node leaves the task alone until a time, whatever changes.  Of several
 * times the latest counts.  Returns 0 or METAFORA_ENOMEM (as before).
 */
int mf_ignore_back_off(struct mf_ignore *ignore, const char *task,
		       uint64_t until_ns);
bool mf_ignore_has(const struct mf_ignore *ignore, const char *task);
/* Forget all about the task (it exists no more). */
void mf_ignore_forget(struct mf_ignore *ignore, const char *task);

/* Earliest time at which a task is to be reconsidered, MF_NEVER if none. */
uint64_t mf_ignore_next_ns(const struct mf_ignore *ignore);
/*
 * Take out one task whose time has come; its ID goes to task
 * (METAFORA_TASK_ID_MAX + 1 bytes).  False: none.
 */
bool mf_ignore_pop_due(struct mf_ignore *ignore, uint64_t now_ns, char *task);
/*
 * Something has changed: take out one task that was refused until a change,
 * or, with all, one that was refused at all; what was refused first comes
 * first.  False: none.
 */
bool mf_ignore_pop_refused(struct mf_ignore *ignore, bool all, char *task);

/*
 * The task gave itself back once more: returns how often in a row (1, 2, ...;
 * 1 if memory is short).  mf_ignore_succeeded starts again from 0.
 */
uint32_t mf_ignore_failed(struct mf_ignore *ignore, const char *task);
void mf_ignore_succeeded(struct mf_ignore *ignore, const char *task);

/* How many there are to take out so. */
size_t mf_ignore_n_refused(const struct mf_ignore *ignore, bool all);

/* Now ignored. */
size_t mf_ignore_size(const struct mf_ignore *ignore);
void mf_ignore_each(const struct mf_ignore *ignore,
		    void (*fn)(void *arg, const struct mf_ignored *ignored),
		    void *arg);

#endif
