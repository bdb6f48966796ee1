/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loop: one owner thread, a mailbox and timers.  What runs it is a runtime:
 * threads and CLOCK_BOOTTIME in production, a virtual clock in tests.
 */
#ifndef MF_LOOP_H
#define MF_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <metafora/coordinator.h>

#include "histogram.h"
#include "mailbox.h"
#include "timers.h"

struct mf_loop;

/*
 * A runtime.  Production has one, static; a test world embeds this struct at
 * the start of its own.
 */
struct mf_runtime {
	uint64_t (*now_ns)(struct mf_runtime *runtime);
	/* A seed for a new generator. */
	uint64_t (*seed)(struct mf_runtime *runtime);
	/*
	 * Begin to call mf_loop_dispatch(loop) whenever it was woken or its
	 * next deadline has come, until it says that it has quit.  May use
	 * loop->runner for its own data.  0 or METAFORA_ESYS, METAFORA_ENOMEM.
	 */
	int (*start)(struct mf_runtime *runtime, struct mf_loop *loop);
	/*
	 * The loop has mail.  Any thread, between start and the end of the
	 * loop, with the mailbox's lock held: must not block.
	 */
	void (*wake)(struct mf_runtime *runtime, struct mf_loop *loop);
	/* Wait until the loop has quit; free loop->runner. */
	void (*join)(struct mf_runtime *runtime, struct mf_loop *loop);
	/* Whether the caller is the loop's owner thread (dispatching now). */
	bool (*is_owner)(struct mf_runtime *runtime,
			 const struct mf_loop *loop);
};

/* The runtime of production. */
struct mf_runtime *mf_runtime_threads(void);

struct mf_loop {
	struct mf_runtime *runtime; /* const after init */
	const char *name;           /* const after init; static, for debuggers */
	struct mf_mailbox mailbox;  /* its own lock */
	struct mf_timers timers;    /* owner */
	void *runner;               /* the runtime's */
	/*
	 * Called by the owner at the end of each dispatch that delivered
	 * mail or fired a timer: the place to act on all of it at once.  Not
	 * called after quit.  Const after init.
	 */
	void (*after)(void *arg);
	void *after_arg;
	/*
	 * How late mail (the oldest of what is taken at once) and timers are
	 * served; NULL: not measured.  Set before start; the owner writes it.
	 */
	struct mf_histogram *lag;
	bool running;  /* owner; written by who starts and joins */
	bool quitting; /* owner */
	/* Begin of the newest dispatch; atomic: the guard reads it. */
	_Atomic uint64_t stepped_ns;
};

/* Returns 0, METAFORA_ESYS.  after may be NULL. */
int mf_loop_init(struct mf_loop *loop, struct mf_runtime *runtime,
		 const char *name, void (*after)(void *), void *after_arg);
/* Not running (never started, or joined).  Mail that is left is dropped. */
void mf_loop_fini(struct mf_loop *loop);

/*
 * Begin to run.  Posts and timers of before count.  Once.  Returns 0,
 * METAFORA_ESYS, METAFORA_ENOMEM: then it does not run.
 */
int mf_loop_start(struct mf_loop *loop);
/*
 * Owner: end with this dispatch.  Mail that is left, and all later mail, is
 * delivered as dropped; timers do not fire any more.
 */
void mf_loop_quit(struct mf_loop *loop);
/* Not the owner: wait until it has quit. */
void mf_loop_join(struct mf_loop *loop);

/* Any thread; never fails. */
void mf_loop_post(struct mf_loop *loop, struct metafora_post *post);
bool mf_loop_is_owner(const struct mf_loop *loop);
uint64_t mf_loop_now_ns(const struct mf_loop *loop);

/*
 * Owner, or anybody before start.  A time in the past counts as that of the
 * newest dispatch: such a timer fires after those that were due already.
 */
void mf_loop_timer_set(struct mf_loop *loop, struct mf_timer *timer,
		       uint64_t at_ns);
void mf_loop_timer_cancel(struct mf_loop *loop, struct mf_timer *timer);

/*
 * For runtimes, on the owner thread: deliver the mail there is, fire the
 * timers that are due (each at most once, MF_LOOP_TIMERS_MAX at most, so that
 * mail is not starved), call after.  Returns the next time to be called,
 * MF_NEVER for "when woken".  *quit is set when the loop has ended: it must
 * not be called again.
 */
#define MF_LOOP_TIMERS_MAX 1000
uint64_t mf_loop_dispatch(struct mf_loop *loop, bool *quit);

#endif
