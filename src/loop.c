/* SPDX-License-Identifier: Apache-2.0 */
/* A loop: mail and timers of one owner thread, on whatever runtime. */
#include <assert.h>

#include "clock.h"
#include "loop.h"

static void wake(void *arg)
{
	struct mf_loop *loop = arg;

	/* With the mailbox's lock. */
	if (loop->lag)
		loop->mailbox.since_ns = mf_loop_now_ns(loop);
	loop->runtime->wake(loop->runtime, loop);
}

/* Something was due at that time and is served now. */
static void measure(struct mf_loop *loop, uint64_t due_ns)
{
	uint64_t now_ns;

	if (!loop->lag)
		return;
	now_ns = mf_loop_now_ns(loop);
	mf_histogram_add(loop->lag, now_ns > due_ns ? now_ns - due_ns : 0);
}

/* Returns how many were delivered; once quitting, the rest is dropped. */
static unsigned int deliver(struct mf_loop *loop, struct metafora_post *mail)
{
	unsigned int n = 0;

	while (mail) {
		/* Before: delivering may free the post, or post it again. */
		struct metafora_post *next = mail->next;

		mail->deliver(mail, loop->quitting);
		mail = next;
		n++;
	}
	return n;
}

static void drop_rest(struct mf_loop *loop)
{
	loop->quitting = true;
	deliver(loop, mf_mailbox_close(&loop->mailbox));
}

int mf_loop_init(struct mf_loop *loop, struct mf_runtime *runtime,
		 const char *name, void (*after)(void *), void *after_arg)
{
	loop->runtime = runtime;
	loop->name = name;
	loop->runner = NULL;
	loop->after = after;
	loop->after_arg = after_arg;
	loop->lag = NULL;
	loop->running = false;
	loop->quitting = false;
	mf_timers_init(&loop->timers);
	atomic_init(&loop->stepped_ns, runtime->now_ns(runtime));
	return mf_mailbox_init(&loop->mailbox);
}

void mf_loop_fini(struct mf_loop *loop)
{
	assert(!loop->running);
	drop_rest(loop);
	mf_mailbox_fini(&loop->mailbox);
}

int mf_loop_start(struct mf_loop *loop)
{
	int error;

	assert(!loop->running && !loop->quitting);
	loop->running = true;
	atomic_store(&loop->stepped_ns, mf_loop_now_ns(loop));
	error = loop->runtime->start(loop->runtime, loop);
	if (error) {
		loop->running = false;
		return error;
	}
	/* The first dispatch takes what has come so far without being woken. */
	mf_mailbox_attach(&loop->mailbox, wake, loop);
	return 0;
}

void mf_loop_quit(struct mf_loop *loop)
{
	assert(mf_loop_is_owner(loop));
	loop->quitting = true;
}

void mf_loop_join(struct mf_loop *loop)
{
	assert(loop->running && !mf_loop_is_owner(loop));
	loop->runtime->join(loop->runtime, loop);
	loop->running = false;
}

void mf_loop_post(struct mf_loop *loop, struct metafora_post *post)
{
	/* Taken: the loop may be gone by now.  Touch neither again. */
	if (!mf_mailbox_put(&loop->mailbox, post))
		post->deliver(post, true);
}

bool mf_loop_is_owner(const struct mf_loop *loop)
{
	return loop->runtime->is_owner(loop->runtime, loop);
}

uint64_t mf_loop_now_ns(const struct mf_loop *loop)
{
	return loop->runtime->now_ns(loop->runtime);
}

void mf_loop_timer_set(struct mf_loop *loop, struct mf_timer *timer,
		       uint64_t at_ns)
{
	uint64_t stepped_ns = atomic_load(&loop->stepped_ns);

	assert(!loop->running || mf_loop_is_owner(loop));
	/*
	 * Not earlier than the present dispatch: a timer that sets itself into
	 * the past again and again must not keep others from firing.
	 */
	mf_timers_set(&loop->timers, timer,
		      at_ns > stepped_ns ? at_ns : stepped_ns);
}

void mf_loop_timer_cancel(struct mf_loop *loop, struct mf_timer *timer)
{
	assert(!loop->running || mf_loop_is_owner(loop));
	mf_timers_cancel(&loop->timers, timer);
}

/* Returns how many fired. */
static unsigned int fire(struct mf_loop *loop, uint64_t now_ns)
{
	/*
	 * Those that callbacks set from here on wait for the next dispatch.
	 * They are not before now, and of a tie the last: all others that are
	 * due come before them.
	 */
	const uint64_t newest = loop->timers.n_set_ever;
	struct mf_timer *timer;
	unsigned int n = 0;

	while (n < MF_LOOP_TIMERS_MAX && !loop->quitting) {
		if (loop->timers.root && loop->timers.root->order > newest)
			break;
		timer = mf_timers_pop(&loop->timers, now_ns);
		if (!timer)
			break;
		measure(loop, timer->at_ns);
		timer->fn(timer->arg);
		n++;
	}
	return n;
}

uint64_t mf_loop_dispatch(struct mf_loop *loop, bool *quit)
{
	uint64_t now_ns = mf_loop_now_ns(loop);
	struct metafora_post *mail;
	unsigned int n;

	atomic_store(&loop->stepped_ns, now_ns);
	mail = mf_mailbox_take(&loop->mailbox);
	if (mail)
		measure(loop, loop->mailbox.taken_since_ns);
	n = deliver(loop, mail);
	n += fire(loop, now_ns);
	if (n && loop->after && !loop->quitting)
		loop->after(loop->after_arg);
	*quit = loop->quitting;
	if (!loop->quitting)
		return mf_timers_next_ns(&loop->timers);
	drop_rest(loop);
	return MF_NEVER;
}
