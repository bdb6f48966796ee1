/* SPDX-License-Identifier: Apache-2.0 */
/* The lease guard: watches deadlines and the consumer's loop from outside. */
#include "guard.h"

#include <assert.h>
#include <metafora/error.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "name.h"

struct mf_guard {
	struct mf_guard_config config; /* const */
	struct mf_loop loop;           /* its own */
	struct mf_timer timer;         /* owner: the next look */
	struct metafora_post wake;     /* posted iff waking */
	struct metafora_post quit;
	atomic_bool waking; /* atomic: any thread asks for one more look */
	bool started;       /* of who starts and stops it */

	/*
	 * The lock is held for a walk over lists, never across a callback, and
	 * no other lock is taken under it.
	 */
	pthread_mutex_t lock;
	TAILQ_HEAD(, mf_lease) leases;  /* guarded by lock: those with tasks */
	struct mf_guarded_list lost;    /* guarded by lock; oldest first */
	struct mf_guarded_list overdue; /* guarded by lock */
	uint64_t timeout_ns;            /* guarded by lock */
	uint64_t grace_ns;              /* guarded by lock */
	uint64_t watched_since_ns;      /* guarded by lock: loop must step */
	uint64_t next_task_ns;          /* guarded by lock: next look at tasks */

	uint64_t next_ns;       /* owner: when the timer is set for */
	bool stall_reported;    /* owner */
	uint64_t stall_step_ns; /* owner: the loop's last step before it */
	uint64_t excused_ns;    /* owner: the loop counts as stepped then */
};

static uint64_t earlier(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns < b_ns ? a_ns : b_ns;
}

static uint64_t later(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns > b_ns ? a_ns : b_ns;
}

/* a + b, saturating. */
static uint64_t after(uint64_t a_ns, uint64_t b_ns)
{
	return b_ns < MF_NEVER - a_ns ? a_ns + b_ns : MF_NEVER;
}

/* When tasks of a lease with that deadline are to be asked to stop. */
static uint64_t stop_time(uint64_t deadline_ns, uint64_t grace_ns)
{
	if (deadline_ns == METAFORA_NO_DEADLINE)
		return MF_NEVER;
	return deadline_ns > grace_ns ? deadline_ns - grace_ns : 0;
}

/* --- lists; guard->lock is held ------------------------------------------- */

static void put_off(struct mf_guard *guard, struct mf_guarded *guarded)
{
	struct mf_lease *lease = guarded->lease;

	switch (guarded->where) {
	case MF_GUARDED_OFF:
		break;
	case MF_GUARDED_LEASE:
		TAILQ_REMOVE(&lease->tasks, guarded, link);
		if (TAILQ_EMPTY(&lease->tasks))
			TAILQ_REMOVE(&guard->leases, lease, link);
		break;
	case MF_GUARDED_LOST:
		TAILQ_REMOVE(&guard->lost, guarded, link);
		break;
	case MF_GUARDED_OVERDUE:
		TAILQ_REMOVE(&guard->overdue, guarded, link);
		break;
	}
	guarded->where = MF_GUARDED_OFF;
}

static void put_on_lease(struct mf_guard *guard, struct mf_guarded *guarded)
{
	struct mf_lease *lease = guarded->lease;

	assert(guarded->where == MF_GUARDED_OFF);
	if (TAILQ_EMPTY(&lease->tasks))
		TAILQ_INSERT_TAIL(&guard->leases, lease, link);
	TAILQ_INSERT_TAIL(&lease->tasks, guarded, link);
	lease->stop_asked = false;
	guarded->where = MF_GUARDED_LEASE;
}

static void put_on_lost(struct mf_guard *guard, struct mf_guarded *guarded)
{
	put_off(guard, guarded);
	TAILQ_INSERT_TAIL(&guard->lost, guarded, link);
	guarded->where = MF_GUARDED_LOST;
}

static void put_on_overdue(struct mf_guard *guard, struct mf_guarded *guarded)
{
	put_off(guard, guarded);
	TAILQ_INSERT_TAIL(&guard->overdue, guarded, link);
	guarded->where = MF_GUARDED_OVERDUE;
}

/*
 * Look at one lease; returns when to look again.  now_ns was read before the
 * deadline is, so that a renewal in between can only help.
 */
static uint64_t look_at_lease(struct mf_guard *guard, struct mf_lease *lease,
			      uint64_t now_ns)
{
	uint64_t deadline_ns = atomic_load(&lease->deadline_ns);
	uint64_t stop_ns = stop_time(deadline_ns, guard->grace_ns);
	struct mf_guarded *guarded, *next;

	if (now_ns < stop_ns)
		return stop_ns;
	if (!lease->stop_asked)
		TAILQ_FOREACH(guarded, &lease->tasks, link)
			mf_guarded_request_stop(guarded, METAFORA_STOP_LEASE,
						now_ns);
	lease->stop_asked = true;
	if (now_ns < deadline_ns)
		return deadline_ns;
	for (guarded = TAILQ_FIRST(&lease->tasks); guarded; guarded = next) {
		next = TAILQ_NEXT(guarded, link);
		put_on_overdue(guard, guarded);
	}
	return MF_NEVER;
}

/* Look at the tasks whose claims are lost; returns when to look again. */
static uint64_t look_at_lost(struct mf_guard *guard, uint64_t now_ns)
{
	struct mf_guarded *guarded;
	uint64_t end_ns;

	while ((guarded = TAILQ_FIRST(&guard->lost))) {
		end_ns = after(guarded->lost_ns, guard->grace_ns);
		if (now_ns < end_ns)
			return end_ns;
		put_on_overdue(guard, guarded);
	}
	return MF_NEVER;
}

/* --- handlers that outlive their lease ------------------------------------ */

/*
 * Take one task off the list of the overdue.  Returns false when there is
 * none; *running tells whether its handler still runs, then id is set.
 */
static bool take_overdue(struct mf_guard *guard, char *id, size_t id_bytes,
			 bool *running)
{
	struct mf_guarded *guarded;

	pthread_mutex_lock(&guard->lock);
	guarded = TAILQ_FIRST(&guard->overdue);
	if (guarded) {
		put_off(guard, guarded);
		*running = !mf_guarded_returned(guarded);
		if (*running)
			snprintf(id, id_bytes, "%s", mf_guarded_id(guarded));
	}
	pthread_mutex_unlock(&guard->lock);
	return guarded;
}

static void report_overdue(const struct mf_guard *guard, const char *id)
{
	char logged[3 * METAFORA_TASK_ID_MAX + 1];

	if (mf_name_encode(id, logged, sizeof(logged)))
		snprintf(logged, sizeof(logged), "?");
	mf_log(guard->config.log, METAFORA_LOG_ERROR,
	       "handler still runs after its lease has ended policy=%s task=%s",
	       guard->config.policy == METAFORA_LOST_ABORT ? "abort" : "wait",
	       logged);
}

static void apply_policy(const struct mf_guard *guard)
{
	if (guard->config.policy != METAFORA_LOST_ABORT)
		return;
	if (!guard->config.abort_fn)
		abort();
	guard->config.abort_fn(guard->config.arg);
}

/* Each task comes here once: being taken, it is no longer looked after. */
static void handle_overdue(struct mf_guard *guard)
{
	char id[METAFORA_TASK_ID_MAX + 1];
	size_t n_running = 0;
	bool running;

	while (take_overdue(guard, id, sizeof(id), &running)) {
		if (!running)
			continue;
		n_running++;
		if (n_running <= MF_GUARD_REPORTS_MAX)
			report_overdue(guard, id);
		if (n_running == 1)
			apply_policy(guard);
	}
	if (n_running > MF_GUARD_REPORTS_MAX)
		mf_log(guard->config.log, METAFORA_LOG_ERROR,
		       "more handlers still run after their lease has ended "
		       "n=%zu", n_running - MF_GUARD_REPORTS_MAX);
}

/* --- looking -------------------------------------------------------------- */

/* Look at all tasks; returns when to look again. */
static uint64_t look_at_tasks(struct mf_guard *guard, uint64_t now_ns)
{
	struct mf_lease *lease, *next_lease;
	uint64_t next_ns;

	pthread_mutex_lock(&guard->lock);
	next_ns = look_at_lost(guard, now_ns);
	for (lease = TAILQ_FIRST(&guard->leases); lease; lease = next_lease) {
		/* Leaves the list with its last task. */
		next_lease = TAILQ_NEXT(lease, link);
		next_ns = earlier(next_ns, look_at_lease(guard, lease, now_ns));
	}
	guard->next_task_ns = next_ns;
	pthread_mutex_unlock(&guard->lock);
	handle_overdue(guard);
	return next_ns;
}

/*
 * Look at the consumer's loop; returns when to look again.  Its last step must
 * be less than the timeout ago, counted from when it began to be watched.
 */
static uint64_t look_at_loop(struct mf_guard *guard, uint64_t now_ns)
{
	uint64_t step_ns, timeout_ns, due_ns;

	pthread_mutex_lock(&guard->lock);
	timeout_ns = guard->timeout_ns;
	due_ns = guard->watched_since_ns;
	pthread_mutex_unlock(&guard->lock);
	if (!timeout_ns || !guard->config.watched)
		return MF_NEVER;
	step_ns = atomic_load(&guard->config.watched->stepped_ns);
	if (guard->stall_reported && step_ns != guard->stall_step_ns) {
		guard->stall_reported = false;
		mf_log(guard->config.log, METAFORA_LOG_WARN,
		       "loop runs again");
	}
	due_ns = later(due_ns, later(step_ns, guard->excused_ns));
	due_ns = after(due_ns, timeout_ns);
	if (now_ns < due_ns)
		return due_ns;
	if (!guard->stall_reported) {
		guard->stall_reported = true;
		guard->stall_step_ns = step_ns;
		mf_log(guard->config.log, METAFORA_LOG_ERROR,
		       "loop is stuck ms=%llu",
		       (unsigned long long)((now_ns - due_ns + timeout_ns) /
					    MF_NS_PER_MS));
		if (guard->config.stalled)
			guard->config.stalled(guard->config.arg);
	}
	return after(now_ns, timeout_ns / 4 + 1);
}

/*
 * A guard that itself comes late was not running: the machine was suspended,
 * the process stopped or starved, and the loop with it.  The loop has a
 * quarter of the timeout to come round before it counts as stuck.
 */
static void excuse_loop(struct mf_guard *guard, uint64_t now_ns)
{
	uint64_t timeout_ns;

	pthread_mutex_lock(&guard->lock);
	timeout_ns = guard->timeout_ns;
	pthread_mutex_unlock(&guard->lock);
	if (now_ns > after(guard->next_ns, timeout_ns / 4))
		guard->excused_ns = now_ns - (timeout_ns - timeout_ns / 4);
}

static void look(void *arg)
{
	struct mf_guard *guard = arg;
	uint64_t now_ns = mf_loop_now_ns(&guard->loop);
	uint64_t next_ns;

	excuse_loop(guard, now_ns);
	next_ns = look_at_tasks(guard, now_ns);
	next_ns = earlier(next_ns, look_at_loop(guard, now_ns));
	guard->next_ns = next_ns;
	if (next_ns == MF_NEVER)
		mf_loop_timer_cancel(&guard->loop, &guard->timer);
	else
		mf_loop_timer_set(&guard->loop, &guard->timer, next_ns);
}

static void on_wake(struct metafora_post *post, bool dropped)
{
	struct mf_guard *guard =
		(struct mf_guard *)((char *)post -
				    offsetof(struct mf_guard, wake));

	/* Before looking: what changes from here on asks for another look. */
	atomic_store(&guard->waking, false);
	if (!dropped)
		look(guard);
}

static void on_quit(struct metafora_post *post, bool dropped)
{
	struct mf_guard *guard =
		(struct mf_guard *)((char *)post -
				    offsetof(struct mf_guard, quit));

	if (!dropped)
		mf_loop_quit(&guard->loop);
}

/* --- calls ---------------------------------------------------------------- */

int mf_guard_new(const struct mf_guard_config *config, struct mf_guard **out)
{
	struct mf_guard *guard = calloc(1, sizeof(*guard));
	int error;

	if (!guard)
		return METAFORA_ENOMEM;
	guard->config = *config;
	guard->wake.deliver = on_wake;
	guard->quit.deliver = on_quit;
	guard->next_ns = MF_NEVER;
	guard->next_task_ns = MF_NEVER;
	atomic_init(&guard->waking, false);
	TAILQ_INIT(&guard->leases);
	TAILQ_INIT(&guard->lost);
	TAILQ_INIT(&guard->overdue);
	mf_timer_init(&guard->timer, look, guard);
	if (pthread_mutex_init(&guard->lock, NULL)) {
		error = METAFORA_ESYS;
		goto fail_lock;
	}
	error = mf_loop_init(&guard->loop, config->runtime, "mf-guard", NULL,
			     NULL);
	if (error)
		goto fail_loop;
	*out = guard;
	return 0;

fail_loop:
	pthread_mutex_destroy(&guard->lock);
fail_lock:
	free(guard);
	return error;
}

int mf_guard_start(struct mf_guard *guard)
{
	int error = mf_loop_start(&guard->loop);

	if (!error)
		guard->started = true;
	return error;
}

void mf_guard_stop(struct mf_guard *guard)
{
	if (!guard->started)
		return;
	guard->started = false;
	mf_loop_post(&guard->loop, &guard->quit);
	mf_loop_join(&guard->loop);
}

void mf_guard_free(struct mf_guard *guard)
{
	if (!guard)
		return;
	mf_guard_stop(guard);
	assert(TAILQ_EMPTY(&guard->leases) && TAILQ_EMPTY(&guard->lost) &&
	       TAILQ_EMPTY(&guard->overdue));
	mf_loop_fini(&guard->loop);
	pthread_mutex_destroy(&guard->lock);
	free(guard);
}

void mf_guard_wake(struct mf_guard *guard)
{
	if (!atomic_exchange(&guard->waking, true))
		mf_loop_post(&guard->loop, &guard->wake);
}

void mf_guard_set_timeout(struct mf_guard *guard, uint64_t timeout_ns,
			  uint64_t grace_ns)
{
	uint64_t now_ns = mf_loop_now_ns(&guard->loop);

	pthread_mutex_lock(&guard->lock);
	guard->timeout_ns = timeout_ns;
	guard->grace_ns = grace_ns;
	guard->watched_since_ns = now_ns;
	pthread_mutex_unlock(&guard->lock);
	mf_guard_wake(guard);
}

void mf_guard_watch(struct mf_guard *guard, struct mf_guarded *guarded)
{
	uint64_t deadline_ns = atomic_load(&guarded->lease->deadline_ns);
	bool soon;

	pthread_mutex_lock(&guard->lock);
	put_on_lease(guard, guarded);
	soon = stop_time(deadline_ns, guard->grace_ns) < guard->next_task_ns;
	pthread_mutex_unlock(&guard->lock);
	if (soon)
		mf_guard_wake(guard);
}

void mf_guard_unwatch(struct mf_guard *guard, struct mf_guarded *guarded)
{
	pthread_mutex_lock(&guard->lock);
	put_off(guard, guarded);
	pthread_mutex_unlock(&guard->lock);
}

void mf_guard_lost(struct mf_guard *guard, struct mf_guarded *guarded)
{
	uint64_t now_ns = mf_loop_now_ns(&guard->loop);
	bool soon = false;

	pthread_mutex_lock(&guard->lock);
	if (guarded->where == MF_GUARDED_LEASE) {
		guarded->lost_ns = now_ns;
		put_on_lost(guard, guarded);
		soon = after(now_ns, guard->grace_ns) < guard->next_task_ns;
	}
	pthread_mutex_unlock(&guard->lock);
	if (soon)
		mf_guard_wake(guard);
}

struct mf_loop *mf_guard_loop(struct mf_guard *guard)
{
	return &guard->loop;
}
