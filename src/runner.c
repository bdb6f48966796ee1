/* SPDX-License-Identifier: Apache-2.0 */
/* Running handlers, on threads of their own or on the owner thread. */
#include "runner.h"

#include <assert.h>
#include <metafora/error.h>
#include <signal.h>
#include <stdio.h>

#include "clock.h"
#include "name.h"
#include "task.h"

/* Whose handler runs on this thread. */
static _Thread_local const struct mf_runner *own_runner;

/* Bytes of any ID, percent-encoded for the log. */
#define LOGGED_ID_BYTES (3 * METAFORA_TASK_ID_MAX + 1)
/* Bytes of a thread's name, which the kernel limits. */
#define THREAD_NAME_BYTES 16

static const char *logged_id(const struct metafora_task *task, char *out)
{
	if (mf_name_encode(metafora_task_id(task), out, LOGGED_ID_BYTES))
		return "?";
	return out;
}

/* Warn of something that the handler should not have done. */
static void warn(const struct metafora_task *task, const char *phrase)
{
	char id[LOGGED_ID_BYTES];

	mf_log(task->runner->log, METAFORA_LOG_WARN, "%s task=%s", phrase,
	       logged_id(task, id));
}

/* A callback has returned: it must not have held up the owner for long. */
static void check_time(const struct metafora_task *task, const char *callback,
		       uint64_t began_ns)
{
	uint64_t ms = (mf_loop_now_ns(task->runner->loop) - began_ns) /
		      MF_NS_PER_MS;
	char id[LOGGED_ID_BYTES];

	if (ms > MF_SLOW_CALLBACK_MS)
		mf_log(task->runner->log, METAFORA_LOG_WARN,
		       "slow callback callback=%s ms=%llu task=%s", callback,
		       (unsigned long long)ms, logged_id(task, id));
}

static int call_start(struct metafora_task *task)
{
	const struct metafora_handler *handler = task->runner->handler;
	uint64_t began_ns = mf_loop_now_ns(task->runner->loop);
	int refused = handler->start(handler->arg, task);

	check_time(task, "start", began_ns);
	return refused;
}

static void call_stop(struct metafora_task *task)
{
	const struct metafora_handler *handler = task->runner->handler;
	uint64_t began_ns = mf_loop_now_ns(task->runner->loop);

	if (!handler->stop)
		return;
	handler->stop(handler->arg, task);
	check_time(task, "stop", began_ns);
}

static void call_end(struct metafora_task *task)
{
	const struct metafora_handler *handler = task->runner->handler;
	uint64_t began_ns = mf_loop_now_ns(task->runner->loop);

	if (!handler->end)
		return;
	handler->end(handler->arg, task);
	check_time(task, "end", began_ns);
}

/* --- the end of a handler ------------------------------------------------- */

static void on_end(struct metafora_post *post, bool dropped)
{
	struct metafora_task *task =
		(struct metafora_task *)((char *)post -
					 offsetof(struct metafora_task, post));
	struct mf_runner *runner = task->runner;

	/* The loop outlives the handlers. */
	assert(!dropped);
	if (dropped)
		return;
	runner->returned(runner->arg, task,
			 (enum metafora_outcome)atomic_load(&task->outcome));
}

/* --- threads -------------------------------------------------------------- */

static void name_thread(const struct metafora_task *task)
{
	char name[THREAD_NAME_BYTES];
	char id[LOGGED_ID_BYTES];

	snprintf(name, sizeof(name), "mf:%.12s", logged_id(task, id));
	pthread_setname_np(pthread_self(), name);
}

/* The thread ends inside of run: by pthread_exit() or cancellation. */
static void on_thread_exit(void *arg)
{
	struct metafora_task *task = arg;

	warn(task, "handler ended its thread instead of returning");
	mf_task_end(task, METAFORA_RELEASE);
}

static void *thread_main(void *arg)
{
	struct metafora_task *task = arg;
	const struct metafora_handler *handler = task->runner->handler;
	enum metafora_outcome outcome;

	own_runner = task->runner;
	name_thread(task);
	pthread_cleanup_push(on_thread_exit, task);
	outcome = handler->run(handler->arg, task);
	pthread_cleanup_pop(0);
	if (!mf_outcome_is_valid(outcome)) {
		warn(task, "handler returned no valid outcome");
		outcome = METAFORA_RELEASE;
	}
	mf_task_end(task, outcome);
	return NULL;
}

/*
 * The new thread inherits the signal mask: with everything blocked from its
 * first instruction on, the application's signals go to its own threads.
 */
static int start_thread(struct metafora_task *task)
{
	pthread_attr_t attr;
	sigset_t all, saved;
	int failed;

	if (pthread_attr_init(&attr))
		return METAFORA_ESYS;
	failed = pthread_attr_setstacksize(&attr,
					   task->runner->handler->stack_bytes);
	if (!failed) {
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &saved);
		failed = pthread_create(&task->thread, &attr, thread_main,
					task);
		pthread_sigmask(SIG_SETMASK, &saved, NULL);
	}
	pthread_attr_destroy(&attr);
	return failed ? METAFORA_ESYS : 0;
}

/* --- asynchronous --------------------------------------------------------- */

static int start_async(struct metafora_task *task)
{
	signed char none = MF_OUTCOME_NONE;

	if (!call_start(task))
		return 0;
	if (atomic_compare_exchange_strong(&task->outcome, &none,
					   METAFORA_RELEASE)) {
		call_end(task);
		return METAFORA_EHANDLER;
	}
	/*
	 * It refused the task and finished it, which it must not.  The post is
	 * on its way, so the task counts as started, and as given back.
	 */
	warn(task, "handler refused a task that it had finished");
	atomic_store(&task->outcome, METAFORA_RELEASE);
	return 0;
}

/* --- the consumer's calls ------------------------------------------------- */

int mf_runner_start(struct mf_runner *runner, void *cookie, const char *id,
		    uint64_t token, const void *properties, size_t size_bytes,
		    struct mf_lease *lease, struct metafora_task **out)
{
	struct metafora_task *before = *out;
	struct metafora_task *task;
	int error;

	task = mf_task_new(runner, cookie, id, token, properties, size_bytes,
			   lease);
	if (!task)
		return METAFORA_ENOMEM;
	task->post.deliver = on_end;
	*out = task;
	runner->n_live++;
	/* First: the guard must see a handler that blocks in start. */
	if (runner->guard)
		mf_guard_watch(runner->guard, &task->guarded);
	error = runner->handler->run ? start_thread(task) : start_async(task);
	if (!error)
		return 0;
	if (runner->guard)
		mf_guard_unwatch(runner->guard, &task->guarded);
	runner->n_live--;
	*out = before;
	mf_task_free(task);
	return error;
}

bool mf_runner_is_handler(const struct mf_runner *runner)
{
	return own_runner == runner;
}

void mf_runner_stop(struct mf_runner *runner, struct metafora_task *task,
		    enum metafora_stop_reason reason)
{
	assert(reason != METAFORA_STOP_NONE);
	if (mf_guarded_returned(&task->guarded))
		return;
	mf_guarded_request_stop(&task->guarded, reason,
				mf_loop_now_ns(runner->loop));
	call_stop(task);
}

void mf_runner_revoke(struct metafora_task *task)
{
	struct mf_runner *runner = task->runner;

	if (atomic_exchange(&task->revoked, true) ||
	    mf_guarded_returned(&task->guarded))
		return;
	mf_guarded_request_stop(&task->guarded, METAFORA_STOP_LOST,
				mf_loop_now_ns(runner->loop));
	if (runner->guard)
		mf_guard_lost(runner->guard, &task->guarded);
}

void mf_runner_reap(struct mf_runner *runner, struct metafora_task *task)
{
	assert(mf_guarded_returned(&task->guarded));
	if (runner->guard)
		mf_guard_unwatch(runner->guard, &task->guarded);
	/* It has posted its end, so it takes but a moment. */
	if (runner->handler->run)
		pthread_join(task->thread, NULL);
	call_end(task);
	runner->n_live--;
	mf_task_free(task);
}
