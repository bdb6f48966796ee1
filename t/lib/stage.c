/* SPDX-License-Identifier: Apache-2.0 */
/* A stage for handlers: a runner on a loop, without a consumer around it. */
#include "stage.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"

struct call {
	struct metafora_post post;
	void (*fn)(void *arg);
	void *arg;
	bool done;  /* in a world */
	sem_t sem;  /* on threads */
};

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	printf("Bail out! stage: %s\n", what);
	fflush(stdout);
	abort();
}

/*
 * A test that cannot go on must not hang either.  Not sem_clockwait(): the
 * thread sanitizer does not know it.
 */
static bool patient_wait(sem_t *sem)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STAGE_PATIENCE_MS / 1000;
	return sem_timedwait(sem, &until) == 0;
}

static void on_call(struct metafora_post *post, bool dropped)
{
	struct call *call = (struct call *)post;

	require(!dropped, "the loop has ended");
	call->fn(call->arg);
	call->done = true;
	sem_post(&call->sem);
}

static bool call_is_done(void *arg)
{
	const struct call *call = arg;

	return call->done;
}

void stage_call(struct stage *stage, void (*fn)(void *arg), void *arg)
{
	struct call call = {.post.deliver = on_call, .fn = fn, .arg = arg};

	sem_init(&call.sem, 0, 0);
	mf_loop_post(&stage->loop, &call.post);
	if (stage->world)
		require(world_run_until(stage->world, call_is_done, &call,
					MF_NEVER), "a call is not made");
	else
		require(patient_wait(&call.sem), "a call does not return");
	sem_destroy(&call.sem);
}

/* --- what the runner and the guard call -------------------------------------- */

static void on_returned(void *arg, struct metafora_task *task,
			enum metafora_outcome outcome)
{
	struct stage *stage = arg;
	unsigned int n = atomic_load(&stage->n_returned);

	require(mf_loop_is_owner(&stage->loop),
		"returned() comes on another thread");
	require(n < STAGE_TASKS_MAX, "too many tasks");
	stage->returned[n] = task;
	stage->outcomes[n] = outcome;
	atomic_store(&stage->n_returned, n + 1);
	sem_post(&stage->one_returned);
}

static void on_abort(void *arg)
{
	struct stage *stage = arg;

	atomic_fetch_add(&stage->n_aborted, 1);
}

static void on_stalled(void *arg)
{
	struct stage *stage = arg;

	atomic_fetch_add(&stage->n_stalled, 1);
}

/* --- open and close ---------------------------------------------------------- */

static struct mf_runtime *runtime_of(struct stage *stage)
{
	return stage->world ? &stage->world->runtime : mf_runtime_threads();
}

void stage_open(struct stage *stage, struct world *world,
		struct metafora_handler *handler)
{
	*stage = (struct stage){.world = world};
	logbook_init(&stage->logbook);
	stage->log = (struct mf_log){.fn = logbook_write,
				     .arg = &stage->logbook,
				     .level = METAFORA_LOG_DEBUG};
	sem_init(&stage->one_returned, 0, 0);
	stage->lease = mf_lease_new(METAFORA_NO_DEADLINE);
	require(stage->lease, "out of memory");
	require(!mf_loop_init(&stage->loop, runtime_of(stage), "stage", NULL,
			      NULL), "no loop");
	stage->runner = (struct mf_runner){.loop = &stage->loop,
					   .handler = mf_handler_use(handler),
					   .log = &stage->log,
					   .node = "the-node",
					   .returned = on_returned,
					   .arg = stage};
	metafora_handler_free(handler);
	require(!mf_loop_start(&stage->loop), "the loop does not start");
}

void stage_add_guard(struct stage *stage, enum metafora_lost_policy policy)
{
	const struct mf_guard_config config = {
		.runtime = runtime_of(stage),
		.log = &stage->log,
		.policy = policy,
		.watched = &stage->loop,
		.stalled = on_stalled,
		.arg = stage,
		.abort_fn = on_abort,
	};

	require(!mf_guard_new(&config, &stage->guard), "no guard");
	require(!mf_guard_start(stage->guard), "the guard does not start");
	stage->runner.guard = stage->guard;
}

static void quit(void *arg)
{
	mf_loop_quit(arg);
}

void stage_close(struct stage *stage)
{
	while (stage->n_reaped < atomic_load(&stage->n_returned))
		stage_reap(stage);
	require(stage->runner.n_live == 0, "a handler still runs");
	mf_guard_free(stage->guard);
	stage_call(stage, quit, &stage->loop);
	mf_loop_join(&stage->loop);
	mf_loop_fini(&stage->loop);
	mf_lease_unref(stage->lease);
	metafora_handler_free(stage->runner.handler);
	sem_destroy(&stage->one_returned);
	logbook_fini(&stage->logbook);
}

/* --- the runner's calls, on the owner thread ----------------------------------- */

struct act {
	struct stage *stage;
	const char *id;
	struct metafora_task *task;
	enum metafora_stop_reason reason;
};

/* What *out of a start that fails must still be. */
static struct metafora_task *const untouched = (struct metafora_task *)16;

static void do_start(void *arg)
{
	static const char properties[] = "{\"a\":1}";
	struct act *act = arg;

	act->task = untouched;
	act->stage->error = mf_runner_start(&act->stage->runner, act->stage, act->id,
					    7, properties,
					    sizeof(properties) - 1,
					    act->stage->lease, &act->task);
	if (!act->stage->error)
		return;
	CU_ASSERT_PTR_EQUAL(act->task, untouched);
	act->task = NULL;
}

struct metafora_task *stage_start(struct stage *stage, const char *id)
{
	struct act act = {.stage = stage, .id = id};

	stage_call(stage, do_start, &act);
	return act.task;
}

static void do_stop(void *arg)
{
	struct act *act = arg;

	mf_runner_stop(&act->stage->runner, act->task, act->reason);
}

void stage_stop(struct stage *stage, struct metafora_task *task,
		enum metafora_stop_reason reason)
{
	struct act act = {.stage = stage, .task = task, .reason = reason};

	stage_call(stage, do_stop, &act);
}

static void do_revoke(void *arg)
{
	struct act *act = arg;

	mf_runner_revoke(act->task);
}

void stage_revoke(struct stage *stage, struct metafora_task *task)
{
	struct act act = {.task = task};

	stage_call(stage, do_revoke, &act);
}

static void do_reap(void *arg)
{
	struct act *act = arg;

	mf_runner_reap(&act->stage->runner, act->task);
}

void stage_reap(struct stage *stage)
{
	struct act act = {.stage = stage};

	require(stage->n_reaped < atomic_load(&stage->n_returned),
		"there is nothing to reap");
	act.task = stage->returned[stage->n_reaped++];
	stage_call(stage, do_reap, &act);
}

struct wanted {
	struct stage *stage;
	unsigned int n;
};

static bool have_returned(void *arg)
{
	const struct wanted *wanted = arg;

	return atomic_load(&wanted->stage->n_returned) >= wanted->n;
}

bool stage_wait_returned(struct stage *stage, unsigned int n)
{
	struct wanted wanted = {stage, n};

	if (stage->world)
		return world_run_until(stage->world, have_returned, &wanted,
				       world_now_ns(stage->world) +
					       STAGE_PATIENCE_MS *
						       MF_NS_PER_MS);
	while (!have_returned(&wanted))
		if (!patient_wait(&stage->one_returned))
			return false;
	return true;
}

void stage_renew_session(struct stage *stage, uint64_t deadline_ns)
{
	mf_lease_unref(stage->lease);
	stage->lease = mf_lease_new(deadline_ns);
	require(stage->lease, "out of memory");
}
