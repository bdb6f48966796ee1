/* SPDX-License-Identifier: Apache-2.0 */
/* The lease guard: leases that end, claims that are lost, loops that stick. */
#include <metafora.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "stage.h"
#include "tap.h"

#define TIMEOUT_NS (10 * MF_NS_PER_S)
#define GRACE_NS (2 * MF_NS_PER_S)
/* What the virtual world adds to a time by dispatching. */
#define SLACK_NS MF_NS_PER_MS
#define LATE "error handler still runs after its lease has ended"

static struct world *world;
static struct stage stage;
static struct mf_timer tick;
static unsigned int n_stops;

static int start(void *arg, struct metafora_task *task)
{
	(void)arg, (void)task;
	return 0;
}

static void stop(void *arg, struct metafora_task *task)
{
	(void)arg, (void)task;
	n_stops++;
}

/* The loop is not watched until a case says so. */
static void open_stage(enum metafora_lost_policy policy)
{
	struct metafora_handler *handler = NULL;

	CU_ASSERT_EQUAL_FATAL(metafora_handler_new_async(start, NULL,
							 &handler), 0);
	CU_ASSERT_EQUAL(metafora_handler_set_stop(handler, stop), 0);
	stage_open(&stage, world, handler);
	stage_add_guard(&stage, policy);
	mf_guard_set_timeout(stage.guard, 0, GRACE_NS);
}

static void setup(void)
{
	n_stops = 0;
	world = world_new(1);
}

static void teardown(void)
{
	world_free(world);
}

static struct metafora_task *begin(const char *id)
{
	struct metafora_task *task = stage_start(&stage, id);

	CU_ASSERT_PTR_NOT_NULL_FATAL(task);
	return task;
}

/* A task under a new lease that ends so much later. */
static struct metafora_task *begin_with_lease(const char *id, uint64_t ns)
{
	stage_renew_session(&stage, world_now_ns(world) + ns);
	return begin(id);
}

static void finish(struct metafora_task *task)
{
	CU_ASSERT_EQUAL(metafora_task_finish(task, METAFORA_RELEASE), 0);
	CU_ASSERT(stage_wait_returned(&stage, stage.n_reaped + 1));
	stage_reap(&stage);
}

static void run_until(uint64_t at_ns)
{
	if (at_ns > world_now_ns(world))
		world_run_for(world, at_ns - world_now_ns(world));
}

static uint64_t deadline_of(const struct metafora_task *task)
{
	return metafora_task_lease_deadline_ns(task);
}

static void renew(uint64_t deadline_ns)
{
	atomic_store(&stage.lease->deadline_ns, deadline_ns);
}

static size_t n_late(void)
{
	return logbook_count(&stage.logbook, LATE);
}

/* --- leases that end ------------------------------------------------------------- */

static void a_task_is_stopped_one_grace_before_its_lease_ends(void)
{
	struct metafora_task *task;

	open_stage(METAFORA_LOST_ABORT);
	task = begin_with_lease("one", TIMEOUT_NS);
	run_until(deadline_of(task) - GRACE_NS - SLACK_NS);
	CU_ASSERT_FALSE(metafora_task_stopping(task));
	run_until(deadline_of(task) - GRACE_NS + SLACK_NS);
	CU_ASSERT_EQUAL(metafora_task_stop_reason(task), METAFORA_STOP_LEASE);
	CU_ASSERT_EQUAL(metafora_task_stop_wait(task, 0), 0);
	CU_ASSERT(mf_task_stopped_ns(task) >= deadline_of(task) - GRACE_NS);
	/* The callback is the owner's affair. */
	CU_ASSERT_EQUAL(n_stops, 0);
	run_until(deadline_of(task) - SLACK_NS);
	CU_ASSERT_EQUAL(n_late(), 0);
	finish(task);
	world_run_for(world, TIMEOUT_NS);
	CU_ASSERT_EQUAL(n_late(), 0);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_aborted), 0);
	stage_close(&stage);
}

static void a_handler_that_outlives_its_lease_is_named_once(void)
{
	struct metafora_task *task;

	open_stage(METAFORA_LOST_WAIT);
	task = begin_with_lease("a/b", TIMEOUT_NS);
	run_until(deadline_of(task) - SLACK_NS);
	CU_ASSERT_EQUAL(n_late(), 0);
	run_until(deadline_of(task) + SLACK_NS);
	CU_ASSERT_EQUAL(logbook_count(&stage.logbook,
				      LATE " policy=wait task=a%2Fb"), 1);
	mf_guard_wake(stage.guard);
	world_run_for(world, 10 * TIMEOUT_NS);
	CU_ASSERT_EQUAL(n_late(), 1);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_aborted), 0);
	finish(task);
	stage_close(&stage);
}

static void the_policy_abort_ends_the_process(void)
{
	struct metafora_task *tasks[2];

	open_stage(METAFORA_LOST_ABORT);
	tasks[0] = begin_with_lease("one", TIMEOUT_NS);
	tasks[1] = begin("two");
	run_until(deadline_of(tasks[0]) - SLACK_NS);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_aborted), 0);
	run_until(deadline_of(tasks[0]) + SLACK_NS);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_aborted), 1);
	CU_ASSERT_EQUAL(logbook_count(&stage.logbook, LATE " policy=abort"),
			2);
	finish(tasks[0]);
	finish(tasks[1]);
	stage_close(&stage);
}

static void abort_in_a_child(void)
{
	const struct rlimit no_core = {0, 0};
	const struct mf_guard_config config = {
		.runtime = &world->runtime,
		.log = &stage.log,
		.policy = METAFORA_LOST_ABORT,
	};

	setrlimit(RLIMIT_CORE, &no_core);
	signal(SIGABRT, SIG_DFL);
	if (mf_guard_new(&config, &stage.guard) ||
	    mf_guard_start(stage.guard))
		_exit(2);
	stage.runner.guard = stage.guard;
	stage_renew_session(&stage, world_now_ns(world) + TIMEOUT_NS);
	if (!stage_start(&stage, "one"))
		_exit(3);
	world_run_for(world, TIMEOUT_NS + SLACK_NS);
	_exit(0);
}

static void without_a_function_for_it_abort_is_called(void)
{
	struct metafora_handler *handler = NULL;
	int status = 0;
	pid_t child;

	CU_ASSERT_EQUAL_FATAL(metafora_handler_new_async(start, NULL,
							 &handler), 0);
	stage_open(&stage, world, handler);
	fflush(stdout);
	child = fork();
	if (child == 0)
		abort_in_a_child();
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	stage_close(&stage);
}

static void a_handler_that_returned_in_time_is_not_late(void)
{
	struct metafora_task *task;

	open_stage(METAFORA_LOST_ABORT);
	task = begin_with_lease("one", TIMEOUT_NS);
	run_until(deadline_of(task) - GRACE_NS / 2);
	CU_ASSERT_EQUAL(metafora_task_finish(task, METAFORA_RELEASE), 0);
	CU_ASSERT(stage_wait_returned(&stage, 1));
	/* It returned, but is reaped only after the deadline. */
	run_until(deadline_of(task) + TIMEOUT_NS);
	CU_ASSERT_EQUAL(n_late(), 0);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_aborted), 0);
	stage_close(&stage);
}

static void a_crowd_of_late_handlers_is_counted(void)
{
	struct metafora_task *tasks[MF_GUARD_REPORTS_MAX + 5];
	size_t i;

	open_stage(METAFORA_LOST_WAIT);
	stage_renew_session(&stage, world_now_ns(world) + TIMEOUT_NS);
	for (i = 0; i < MF_GUARD_REPORTS_MAX + 5; i++)
		tasks[i] = begin("one");
	run_until(deadline_of(tasks[0]) + SLACK_NS);
	CU_ASSERT_EQUAL(n_late(), MF_GUARD_REPORTS_MAX);
	CU_ASSERT_EQUAL(logbook_count(&stage.logbook,
				      "more handlers still run after their "
				      "lease has ended n=5"), 1);
	for (i = 0; i < MF_GUARD_REPORTS_MAX + 5; i++)
		finish(tasks[i]);
	stage_close(&stage);
}

/* --- leases that move ------------------------------------------------------------- */

static void a_lease_that_is_renewed_stops_nobody(void)
{
	struct metafora_task *task;
	unsigned int i;

	open_stage(METAFORA_LOST_ABORT);
	task = begin_with_lease("one", TIMEOUT_NS);
	for (i = 0; i < 40; i++) {
		world_run_for(world, TIMEOUT_NS / 4);
		renew(world_now_ns(world) + TIMEOUT_NS);
		CU_ASSERT_FALSE(metafora_task_stopping(task));
	}
	CU_ASSERT_EQUAL(n_late(), 0);
	finish(task);
	stage_close(&stage);
}

static void count_dispatch(void *arg)
{
	unsigned int *n = arg;

	(*n)++;
}

static void a_calm_guard_wakes_seldom(void)
{
	struct metafora_task *tasks[2];
	unsigned int n_dispatches = 0;
	unsigned int i;

	open_stage(METAFORA_LOST_WAIT);
	tasks[0] = begin_with_lease("one", TIMEOUT_NS);
	tasks[1] = begin("two");
	world_run_for(world, SLACK_NS);
	world_set_probe(world, count_dispatch, &n_dispatches);
	for (i = 0; i < 400; i++) {
		world_run_for(world, TIMEOUT_NS / 4);
		renew(world_now_ns(world) + TIMEOUT_NS);
	}
	/* 100 timeouts, and each look is good for what is left of a lease. */
	CU_ASSERT(n_dispatches <= 200);
	CU_ASSERT(n_dispatches >= 100);
	tap_note("%u looks in 100 session timeouts", n_dispatches);
	world_set_probe(world, NULL, NULL);
	finish(tasks[0]);
	finish(tasks[1]);
	stage_close(&stage);
}

static void a_guard_with_nothing_to_do_sleeps(void)
{
	unsigned int n_dispatches = 0;
	struct metafora_task *task;

	open_stage(METAFORA_LOST_ABORT);
	task = begin("one"); /* the broker knows no leases */
	world_run_for(world, SLACK_NS);
	world_set_probe(world, count_dispatch, &n_dispatches);
	world_run_for(world, 1000 * TIMEOUT_NS);
	CU_ASSERT_EQUAL(n_dispatches, 0);
	CU_ASSERT_FALSE(metafora_task_stopping(task));
	finish(task);
	stage_close(&stage);
}

static void a_renewal_after_the_stop_does_not_take_it_back(void)
{
	struct metafora_task *task;

	open_stage(METAFORA_LOST_ABORT);
	task = begin_with_lease("one", TIMEOUT_NS);
	run_until(deadline_of(task) - GRACE_NS / 2);
	CU_ASSERT(metafora_task_stopping(task));
	renew(deadline_of(task) + TIMEOUT_NS);
	run_until(deadline_of(task) - GRACE_NS / 2);
	CU_ASSERT(metafora_task_stopping(task));
	CU_ASSERT_EQUAL(n_late(), 0);
	/* And the new deadline counts. */
	run_until(deadline_of(task) + SLACK_NS);
	CU_ASSERT_EQUAL(n_late(), 1);
	finish(task);
	stage_close(&stage);
}

static void a_task_started_after_the_stop_of_others_is_looked_after(void)
{
	struct metafora_task *old, *new;

	open_stage(METAFORA_LOST_WAIT);
	old = begin_with_lease("old", TIMEOUT_NS);
	run_until(deadline_of(old) - GRACE_NS / 2);
	new = begin("new");
	world_run_for(world, SLACK_NS);
	CU_ASSERT_EQUAL(metafora_task_stop_reason(new), METAFORA_STOP_LEASE);
	finish(new);
	renew(deadline_of(old) + TIMEOUT_NS);
	new = begin("newer");
	run_until(deadline_of(new) - GRACE_NS - SLACK_NS);
	CU_ASSERT_FALSE(metafora_task_stopping(new));
	run_until(deadline_of(new) - GRACE_NS + SLACK_NS);
	CU_ASSERT(metafora_task_stopping(new));
	finish(old);
	finish(new);
	stage_close(&stage);
}

static void a_task_whose_lease_has_ended_already_is_late_at_once(void)
{
	struct metafora_task *task;

	open_stage(METAFORA_LOST_ABORT);
	stage_renew_session(&stage, world_now_ns(world) - 1);
	task = begin("one");
	world_run_for(world, SLACK_NS);
	CU_ASSERT(metafora_task_stopping(task));
	CU_ASSERT_EQUAL(n_late(), 1);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_aborted), 1);
	finish(task);
	stage_close(&stage);
}

static void a_deadline_that_gets_earlier_counts_after_a_wake(void)
{
	struct metafora_task *task;

	open_stage(METAFORA_LOST_WAIT);
	task = begin_with_lease("one", 100 * TIMEOUT_NS);
	world_run_for(world, SLACK_NS);
	renew(world_now_ns(world) + TIMEOUT_NS);
	mf_guard_wake(stage.guard);
	mf_guard_wake(stage.guard);
	run_until(deadline_of(task) - GRACE_NS - SLACK_NS);
	CU_ASSERT_FALSE(metafora_task_stopping(task));
	run_until(deadline_of(task) - GRACE_NS + SLACK_NS);
	CU_ASSERT(metafora_task_stopping(task));
	finish(task);
	stage_close(&stage);
}

static void a_first_deadline_counts_after_a_wake(void)
{
	struct metafora_task *task;

	open_stage(METAFORA_LOST_WAIT);
	task = begin("one");
	world_run_for(world, TIMEOUT_NS);
	renew(world_now_ns(world) + TIMEOUT_NS);
	mf_guard_wake(stage.guard);
	run_until(deadline_of(task) + SLACK_NS);
	CU_ASSERT(metafora_task_stopping(task));
	CU_ASSERT_EQUAL(n_late(), 1);
	finish(task);
	stage_close(&stage);
}

static void each_session_has_its_own_lease(void)
{
	struct metafora_task *old, *new;

	open_stage(METAFORA_LOST_WAIT);
	old = begin_with_lease("old", TIMEOUT_NS);
	new = begin_with_lease("new", 3 * TIMEOUT_NS);
	run_until(deadline_of(old) + SLACK_NS);
	CU_ASSERT(metafora_task_stopping(old));
	CU_ASSERT_FALSE(metafora_task_stopping(new));
	CU_ASSERT_EQUAL(logbook_count(&stage.logbook, "task=old"), 1);
	/* What the new session does helps the old task in nothing. */
	renew(deadline_of(new) + TIMEOUT_NS);
	CU_ASSERT(deadline_of(old) < world_now_ns(world));
	run_until(deadline_of(new) + SLACK_NS);
	CU_ASSERT(metafora_task_stopping(new));
	CU_ASSERT_EQUAL(n_late(), 2);
	finish(old);
	finish(new);
	stage_close(&stage);
}

static void a_longer_grace_counts_at_once(void)
{
	struct metafora_task *task;

	open_stage(METAFORA_LOST_WAIT);
	task = begin_with_lease("one", TIMEOUT_NS);
	world_run_for(world, SLACK_NS);
	/* Longer than the whole lease. */
	mf_guard_set_timeout(stage.guard, 0, UINT64_MAX);
	world_run_for(world, SLACK_NS);
	CU_ASSERT(metafora_task_stopping(task));
	CU_ASSERT_EQUAL(n_late(), 0);
	finish(task);
	stage_close(&stage);
}

/* --- claims that are lost ----------------------------------------------------------- */

static void a_lost_claim_leaves_one_grace(void)
{
	struct metafora_task *task;
	uint64_t lost_ns;

	open_stage(METAFORA_LOST_ABORT);
	task = begin_with_lease("one", 100 * TIMEOUT_NS);
	world_run_for(world, TIMEOUT_NS);
	stage_revoke(&stage, task);
	lost_ns = world_now_ns(world);
	CU_ASSERT_EQUAL(metafora_task_stop_reason(task), METAFORA_STOP_LOST);
	run_until(lost_ns + GRACE_NS - SLACK_NS);
	CU_ASSERT_EQUAL(n_late(), 0);
	run_until(lost_ns + GRACE_NS + SLACK_NS);
	CU_ASSERT_EQUAL(n_late(), 1);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_aborted), 1);
	world_run_for(world, 200 * TIMEOUT_NS);
	CU_ASSERT_EQUAL(n_late(), 1);
	finish(task);
	stage_close(&stage);
}

static void a_lost_claim_whose_handler_returns_is_no_matter(void)
{
	struct metafora_task *early, *just_returned;

	open_stage(METAFORA_LOST_ABORT);
	early = begin_with_lease("early", TIMEOUT_NS);
	stage_revoke(&stage, early);
	world_run_for(world, GRACE_NS / 2);
	finish(early);
	just_returned = begin("just returned");
	CU_ASSERT_EQUAL(metafora_task_finish(just_returned, METAFORA_RELEASE),
			0);
	stage_revoke(&stage, just_returned);
	world_run_for(world, 2 * GRACE_NS);
	CU_ASSERT_EQUAL(n_late(), 0);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_aborted), 0);
	CU_ASSERT(stage_wait_returned(&stage, 2));
	stage_close(&stage);
}

static void a_task_late_already_is_not_named_again_when_lost(void)
{
	struct metafora_task *task;

	open_stage(METAFORA_LOST_WAIT);
	task = begin_with_lease("one", TIMEOUT_NS);
	run_until(deadline_of(task) + SLACK_NS);
	CU_ASSERT_EQUAL(n_late(), 1);
	stage_revoke(&stage, task);
	CU_ASSERT_EQUAL(metafora_task_stop_reason(task), METAFORA_STOP_LEASE);
	world_run_for(world, 2 * GRACE_NS);
	CU_ASSERT_EQUAL(n_late(), 1);
	finish(task);
	stage_close(&stage);
}

/* --- loops that stick ----------------------------------------------------------------- */

static void on_tick(void *arg)
{
	(void)arg;
	mf_loop_timer_set(&stage.loop, &tick,
			  mf_loop_now_ns(&stage.loop) + TIMEOUT_NS / 4);
}

static void watch_loop(void)
{
	open_stage(METAFORA_LOST_WAIT);
	mf_timer_init(&tick, on_tick, NULL);
	stage_call(&stage, on_tick, NULL);
	mf_guard_set_timeout(stage.guard, TIMEOUT_NS, GRACE_NS);
}

static void a_loop_that_steps_is_not_stuck(void)
{
	watch_loop();
	world_run_for(world, 100 * TIMEOUT_NS);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_stalled), 0);
	stage_close(&stage);
}

static void a_stuck_loop_is_reported_once_per_stall(void)
{
	uint64_t stepped_ns;

	watch_loop();
	world_run_for(world, 5 * TIMEOUT_NS);
	stepped_ns = atomic_load(&stage.loop.stepped_ns);
	world_pause_loop(world, &stage.loop, MF_NEVER);
	run_until(stepped_ns + TIMEOUT_NS - SLACK_NS);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_stalled), 0);
	run_until(stepped_ns + TIMEOUT_NS + SLACK_NS);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_stalled), 1);
	CU_ASSERT_EQUAL(logbook_count(&stage.logbook, "error loop is stuck"),
			1);
	world_run_for(world, 20 * TIMEOUT_NS);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_stalled), 1);
	world_resume_loop(world, &stage.loop);
	world_run_for(world, 5 * TIMEOUT_NS);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_stalled), 1);
	CU_ASSERT_EQUAL(logbook_count(&stage.logbook, "loop runs again"), 1);
	world_pause_loop(world, &stage.loop, MF_NEVER);
	world_run_for(world, 2 * TIMEOUT_NS);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_stalled), 2);
	world_resume_loop(world, &stage.loop);
	stage_close(&stage);
}

static void a_loop_has_a_whole_timeout_from_the_sessions_begin(void)
{
	uint64_t began_ns;

	open_stage(METAFORA_LOST_WAIT);
	world_run_for(world, 50 * TIMEOUT_NS);
	/* It had no reason to step until now; and now it does not. */
	mf_guard_set_timeout(stage.guard, TIMEOUT_NS, GRACE_NS);
	began_ns = world_now_ns(world);
	run_until(began_ns + TIMEOUT_NS - SLACK_NS);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_stalled), 0);
	run_until(began_ns + TIMEOUT_NS + SLACK_NS);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_stalled), 1);
	mf_guard_set_timeout(stage.guard, 0, GRACE_NS);
	world_run_for(world, 50 * TIMEOUT_NS);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_stalled), 1);
	stage_close(&stage);
}

static void a_machine_that_slept_has_no_stuck_loop(void)
{
	uint64_t seed;

	/* Many seeds: whether guard or loop comes first is left to chance. */
	for (seed = 0; seed < 20; seed++) {
		mf_prng_seed(&world->prng, seed);
		watch_loop();
		world_run_for(world, TIMEOUT_NS);
		world->now_ns += 50 * TIMEOUT_NS;
		world_run_for(world, 5 * TIMEOUT_NS);
		CU_ASSERT_EQUAL(atomic_load(&stage.n_stalled), 0);
		stage_close(&stage);
	}
}

static void a_loop_that_sticks_after_the_sleep_is_found(void)
{
	uint64_t woke_ns;

	watch_loop();
	world_run_for(world, TIMEOUT_NS);
	world_pause_loop(world, &stage.loop, MF_NEVER);
	world->now_ns += 50 * TIMEOUT_NS;
	woke_ns = world_now_ns(world);
	run_until(woke_ns + TIMEOUT_NS / 4 - SLACK_NS);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_stalled), 0);
	run_until(woke_ns + TIMEOUT_NS / 4 + SLACK_NS);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_stalled), 1);
	world_resume_loop(world, &stage.loop);
	stage_close(&stage);
}

/* --- on real threads ---------------------------------------------------------------------- */

struct stuck {
	sem_t stuck;   /* the loop is */
	sem_t release; /* the loop may go on */
	sem_t stopped; /* the handler has seen the stop */
};

static enum metafora_outcome run(void *arg, struct metafora_task *task)
{
	struct stuck *stuck = arg;

	if (!metafora_task_stop_wait(task, STAGE_PATIENCE_MS))
		sem_post(&stuck->stopped);
	return METAFORA_RELEASE;
}

struct stick {
	struct metafora_post post;
	struct stuck *stuck;
};

static void stick_loop(struct metafora_post *post, bool dropped)
{
	struct stuck *stuck = ((struct stick *)post)->stuck;

	CU_ASSERT_FALSE(dropped);
	sem_post(&stuck->stuck);
	while (sem_wait(&stuck->release))
		;
}

static bool patient_wait(sem_t *sem)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STAGE_PATIENCE_MS / 1000;
	return sem_timedwait(sem, &until) == 0;
}

static bool wait_until_stalled(void)
{
	uint64_t until_ns = mf_clock_boottime_ns() +
			    STAGE_PATIENCE_MS * MF_NS_PER_MS;

	while (!atomic_load(&stage.n_stalled)) {
		if (mf_clock_boottime_ns() > until_ns)
			return false;
		sched_yield();
	}
	return true;
}

static void a_stuck_loop_keeps_no_handler_from_stopping(void)
{
	const uint64_t ms = MF_NS_PER_MS;
	struct metafora_handler *handler = NULL;
	struct metafora_task *task;
	struct stuck stuck;
	struct stick stick = {.post.deliver = stick_loop, .stuck = &stuck};

	sem_init(&stuck.stuck, 0, 0);
	sem_init(&stuck.release, 0, 0);
	sem_init(&stuck.stopped, 0, 0);
	CU_ASSERT_EQUAL_FATAL(metafora_handler_new_threaded(run, &stuck,
							    &handler), 0);
	stage_open(&stage, NULL, handler);
	stage_add_guard(&stage, METAFORA_LOST_WAIT);
	mf_guard_set_timeout(stage.guard, 100 * ms, 50 * ms);
	stage_renew_session(&stage, mf_clock_boottime_ns() + 150 * ms);
	task = stage_start(&stage, "one");
	CU_ASSERT_PTR_NOT_NULL_FATAL(task);
	mf_loop_post(&stage.loop, &stick.post);
	CU_ASSERT(patient_wait(&stuck.stuck));
	CU_ASSERT(patient_wait(&stuck.stopped));
	CU_ASSERT_EQUAL(metafora_task_stop_reason(task), METAFORA_STOP_LEASE);
	CU_ASSERT(wait_until_stalled());
	sem_post(&stuck.release);
	CU_ASSERT(stage_wait_returned(&stage, 1));
	stage_close(&stage);
	sem_destroy(&stuck.stuck);
	sem_destroy(&stuck.release);
	sem_destroy(&stuck.stopped);
}

/* --- the object ---------------------------------------------------------------------------- */

static void a_guard_that_was_not_started_can_be_freed(void)
{
	const struct mf_log silent = {0};
	const struct mf_guard_config config = {
		.runtime = &world->runtime,
		.log = &silent,
	};
	struct mf_guard *guard = NULL;

	CU_ASSERT_EQUAL_FATAL(mf_guard_new(&config, &guard), 0);
	mf_guard_wake(guard);
	mf_guard_stop(guard);
	mf_guard_free(guard);
	mf_guard_free(NULL);
}

static void a_stopped_guard_looks_after_nobody(void)
{
	struct metafora_task *task;

	open_stage(METAFORA_LOST_ABORT);
	task = begin_with_lease("one", TIMEOUT_NS);
	mf_guard_stop(stage.guard);
	mf_guard_stop(stage.guard);
	/* Calls are still allowed. */
	mf_guard_wake(stage.guard);
	mf_guard_set_timeout(stage.guard, TIMEOUT_NS, GRACE_NS);
	world_run_for(world, 3 * TIMEOUT_NS);
	CU_ASSERT_FALSE(metafora_task_stopping(task));
	CU_ASSERT_EQUAL(atomic_load(&stage.n_aborted), 0);
	finish(task);
	stage_close(&stage);
}

static const struct tap_case cases[] = {
	{"a task is stopped one grace before its lease ends",
	 a_task_is_stopped_one_grace_before_its_lease_ends},
	{"a handler that outlives its lease is named once",
	 a_handler_that_outlives_its_lease_is_named_once},
	{"the policy abort ends the process", the_policy_abort_ends_the_process},
	{"without a function for it abort is called",
	 without_a_function_for_it_abort_is_called},
	{"a handler that returned in time is not late",
	 a_handler_that_returned_in_time_is_not_late},
	{"a crowd of late handlers is counted",
	 a_crowd_of_late_handlers_is_counted},
	{"a lease that is renewed stops nobody",
	 a_lease_that_is_renewed_stops_nobody},
	{"a calm guard wakes seldom", a_calm_guard_wakes_seldom},
	{"a guard with nothing to do sleeps",
	 a_guard_with_nothing_to_do_sleeps},
	{"a renewal after the stop does not take it back",
	 a_renewal_after_the_stop_does_not_take_it_back},
	{"a task started after the stop of others is looked after",
	 a_task_started_after_the_stop_of_others_is_looked_after},
	{"a task whose lease has ended already is late at once",
	 a_task_whose_lease_has_ended_already_is_late_at_once},
	{"a deadline that gets earlier counts after a wake",
	 a_deadline_that_gets_earlier_counts_after_a_wake},
	{"a first deadline counts after a wake",
	 a_first_deadline_counts_after_a_wake},
	{"each session has its own lease", each_session_has_its_own_lease},
	{"a longer grace counts at once", a_longer_grace_counts_at_once},
	{"a lost claim leaves one grace", a_lost_claim_leaves_one_grace},
	{"a lost claim whose handler returns is no matter",
	 a_lost_claim_whose_handler_returns_is_no_matter},
	{"a task late already is not named again when lost",
	 a_task_late_already_is_not_named_again_when_lost},
	{"a loop that steps is not stuck", a_loop_that_steps_is_not_stuck},
	{"a stuck loop is reported once per stall",
	 a_stuck_loop_is_reported_once_per_stall},
	{"a loop has a whole timeout from the session's begin",
	 a_loop_has_a_whole_timeout_from_the_sessions_begin},
	{"a machine that slept has no stuck loop",
	 a_machine_that_slept_has_no_stuck_loop},
	{"a loop that sticks after the sleep is found",
	 a_loop_that_sticks_after_the_sleep_is_found},
	{"a stuck loop keeps no handler from stopping",
	 a_stuck_loop_keeps_no_handler_from_stopping},
	{"a guard that was not started can be freed",
	 a_guard_that_was_not_started_can_be_freed},
	{"a stopped guard looks after nobody",
	 a_stopped_guard_looks_after_nobody},
};

TAP_MAIN(cases, setup, teardown)
