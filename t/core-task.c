/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler reads of its task, and how it ends one: in a virtual world. */
#include <fcntl.h>
#include <metafora.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "stage.h"
#include "tap.h"
#include "task.h"

static struct world *world;
static struct stage stage;

/* What the handler is to do, and what it saw. */
static struct {
	int start_result;
	bool finish_in_start;
	bool finish_in_stop;
	int finish_results[2];
	int wait_results[2]; /* of waits in the newest callback: 1 ms, 0 ms */
	uint64_t takes_ns;   /* each callback */
	unsigned int n_started, n_stops, n_ends;
	bool stopping_in_stop;
	const char *last; /* the newest callback */
	enum metafora_stop_reason reasons[4];
} act;

static int start(void *arg, struct metafora_task *task)
{
	CU_ASSERT_PTR_EQUAL(arg, &act);
	act.n_started++;
	act.last = "start";
	world->now_ns += act.takes_ns;
	act.wait_results[0] = metafora_task_stop_wait(task, 1);
	act.wait_results[1] = metafora_task_stop_wait(task, 0);
	if (act.finish_in_start) {
		act.finish_results[0] =
			metafora_task_finish(task, METAFORA_DONE);
		act.finish_results[1] =
			metafora_task_finish(task, METAFORA_RELEASE);
	}
	return act.start_result;
}

static void stop(void *arg, struct metafora_task *task)
{
	CU_ASSERT_PTR_EQUAL(arg, &act);
	if (act.n_stops < 4)
		act.reasons[act.n_stops] = metafora_task_stop_reason(task);
	act.n_stops++;
	act.last = "stop";
	world->now_ns += act.takes_ns;
	act.stopping_in_stop = metafora_task_stopping(task);
	act.wait_results[0] = metafora_task_stop_wait(task, 1);
	if (act.finish_in_stop)
		CU_ASSERT_EQUAL(metafora_task_finish(task, METAFORA_RELEASE),
				0);
}

static void end(void *arg, struct metafora_task *task)
{
	CU_ASSERT_PTR_EQUAL(arg, &act);
	CU_ASSERT_STRING_EQUAL(metafora_task_id(task), "one");
	act.n_ends++;
	act.last = "end";
	world->now_ns += act.takes_ns;
}

static void setup(void)
{
	struct metafora_handler *handler = NULL;

	memset(&act, 0, sizeof(act));
	world = world_new(1);
	CU_ASSERT_EQUAL_FATAL(metafora_handler_new_async(start, &act,
							 &handler), 0);
	CU_ASSERT_EQUAL(metafora_handler_set_stop(handler, stop), 0);
	CU_ASSERT_EQUAL(metafora_handler_set_end(handler, end), 0);
	stage_open(&stage, world, handler);
}

static void teardown(void)
{
	stage_close(&stage);
	world_free(world);
	CU_ASSERT_EQUAL(act.n_ends, act.n_started);
}

static struct metafora_task *begin(void)
{
	struct metafora_task *task = stage_start(&stage, "one");

	CU_ASSERT_PTR_NOT_NULL_FATAL(task);
	return task;
}

static void finish(struct metafora_task *task, enum metafora_outcome outcome)
{
	CU_ASSERT_EQUAL(metafora_task_finish(task, outcome), 0);
	CU_ASSERT(stage_wait_returned(&stage, 1));
}

static bool is_readable(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	return poll(&pollfd, 1, 0) == 1 && pollfd.revents == POLLIN;
}

/* --- what it is ---------------------------------------------------------------- */

static void a_task_shows_what_it_was_given(void)
{
	struct metafora_task *task = begin();
	size_t n = 0;
	const char *properties = metafora_task_properties(task, &n);

	CU_ASSERT_STRING_EQUAL(metafora_task_id(task), "one");
	CU_ASSERT_STRING_EQUAL(metafora_task_node(task), "the-node");
	CU_ASSERT_EQUAL(metafora_task_token(task), 7);
	CU_ASSERT_STRING_EQUAL(properties, "{\"a\":1}");
	CU_ASSERT_EQUAL(n, 7);
	CU_ASSERT_PTR_EQUAL(metafora_task_properties(task, NULL), properties);
	CU_ASSERT_PTR_EQUAL(mf_task_cookie(task), &stage);
	CU_ASSERT(mf_task_started_ns(task) <= world_now_ns(world));
	CU_ASSERT(mf_task_started_ns(task) > 0);
	finish(task, METAFORA_DONE);
}

static void properties_may_be_empty_or_hold_a_nul(void)
{
	struct mf_lease *lease = mf_lease_new(1);
	struct metafora_task *task;
	size_t n = 9;

	task = mf_task_new(&stage.runner, NULL, "id", 1, NULL, 0, lease);
	CU_ASSERT_PTR_NOT_NULL_FATAL(task);
	CU_ASSERT_STRING_EQUAL(metafora_task_properties(task, &n), "");
	CU_ASSERT_EQUAL(n, 0);
	CU_ASSERT_STRING_EQUAL(metafora_task_id(task), "id");
	mf_task_free(task);
	task = mf_task_new(&stage.runner, NULL, "id", 1, "\0a", 2, lease);
	CU_ASSERT_PTR_NOT_NULL_FATAL(task);
	CU_ASSERT_EQUAL(memcmp(metafora_task_properties(task, &n), "\0a", 3),
			0);
	CU_ASSERT_EQUAL(n, 2);
	CU_ASSERT_STRING_EQUAL(metafora_task_id(task), "id");
	mf_task_free(task);
	mf_lease_unref(lease);
}

static void a_task_is_small(void)
{
	/* One process may hold very many. */
	CU_ASSERT(sizeof(struct metafora_task) <= 200);
	tap_note("%zu bytes", sizeof(struct metafora_task));
}

static void a_task_keeps_the_applications_pointer(void)
{
	struct metafora_task *task = begin();

	CU_ASSERT_PTR_NULL(metafora_task_context(task));
	metafora_task_set_context(task, &act);
	CU_ASSERT_PTR_EQUAL(metafora_task_context(task), &act);
	metafora_task_set_context(task, NULL);
	CU_ASSERT_PTR_NULL(metafora_task_context(task));
	finish(task, METAFORA_DONE);
}

static void no_task_is_survived(void)
{
	size_t n = 5;
	int fd = 5;

	CU_ASSERT_PTR_NULL(metafora_task_id(NULL));
	CU_ASSERT_PTR_NULL(metafora_task_properties(NULL, &n));
	CU_ASSERT_EQUAL(n, 5);
	CU_ASSERT_PTR_NULL(metafora_task_node(NULL));
	CU_ASSERT_EQUAL(metafora_task_token(NULL), 0);
	CU_ASSERT_EQUAL(metafora_task_lease_deadline_ns(NULL), 0);
	CU_ASSERT_EQUAL(metafora_task_lease_remaining_ms(NULL), 0);
	CU_ASSERT_FALSE(metafora_task_stopping(NULL));
	CU_ASSERT_EQUAL(metafora_task_stop_reason(NULL), METAFORA_STOP_NONE);
	CU_ASSERT_EQUAL(metafora_task_stop_wait(NULL, 0), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_task_stop_fd(NULL, &fd), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(fd, 5);
	CU_ASSERT_EQUAL(metafora_task_finish(NULL, METAFORA_DONE),
			METAFORA_EINVAL);
	metafora_task_set_context(NULL, &act);
	CU_ASSERT_PTR_NULL(metafora_task_context(NULL));
}

static void stop_reasons_have_names(void)
{
	CU_ASSERT_STRING_EQUAL(metafora_stop_reason_name(METAFORA_STOP_NONE),
			       "none");
	CU_ASSERT_STRING_EQUAL(metafora_stop_reason_name(METAFORA_STOP_BALANCE),
			       "balance");
	CU_ASSERT_STRING_EQUAL(metafora_stop_reason_name(METAFORA_STOP_LOST),
			       "lost");
	CU_ASSERT_PTR_NULL(metafora_stop_reason_name(
		(enum metafora_stop_reason)(METAFORA_STOP_LOST + 1)));
	CU_ASSERT_PTR_NULL(
		metafora_stop_reason_name((enum metafora_stop_reason)-1));
}

/* --- the lease ----------------------------------------------------------------- */

static void the_lease_moves_on_while_the_task_runs(void)
{
	uint64_t now_ns = world_now_ns(world);
	struct metafora_task *task;

	stage_renew_session(&stage, now_ns + 10 * MF_NS_PER_S);
	task = begin();
	CU_ASSERT_EQUAL(metafora_task_lease_deadline_ns(task),
			now_ns + 10 * MF_NS_PER_S);
	world->now_ns = now_ns + 4 * MF_NS_PER_S + 1;
	CU_ASSERT_EQUAL(metafora_task_lease_remaining_ms(task), 5999);
	atomic_store(&stage.lease->deadline_ns, now_ns + 20 * MF_NS_PER_S);
	CU_ASSERT_EQUAL(metafora_task_lease_remaining_ms(task), 15999);
	world->now_ns = now_ns + 20 * MF_NS_PER_S - 1;
	CU_ASSERT_EQUAL(metafora_task_lease_remaining_ms(task), 0);
	world->now_ns = now_ns + 30 * MF_NS_PER_S;
	CU_ASSERT_EQUAL(metafora_task_lease_remaining_ms(task), 0);
	finish(task, METAFORA_DONE);
}

static void without_leases_it_lasts_for_ever(void)
{
	struct metafora_task *task = begin();

	CU_ASSERT_EQUAL(metafora_task_lease_deadline_ns(task), UINT64_MAX);
	CU_ASSERT_EQUAL(metafora_task_lease_remaining_ms(task), INT64_MAX);
	finish(task, METAFORA_DONE);
}

static void a_deadline_far_away_does_not_overflow(void)
{
	struct metafora_task *task;

	stage_renew_session(&stage, UINT64_MAX - 1);
	task = begin();
	CU_ASSERT(metafora_task_lease_remaining_ms(task) > 0);
	finish(task, METAFORA_DONE);
}

static void a_task_of_an_old_session_does_not_see_the_new_lease(void)
{
	struct metafora_task *task;

	stage_renew_session(&stage, 1000);
	task = begin();
	stage_renew_session(&stage, 5000 * MF_NS_PER_S);
	CU_ASSERT_EQUAL(metafora_task_lease_deadline_ns(task), 1000);
	finish(task, METAFORA_DONE);
}

static void a_revoked_task_has_no_lease_and_must_stop(void)
{
	struct metafora_task *task = begin();

	stage_revoke(&stage, task);
	CU_ASSERT_EQUAL(metafora_task_lease_deadline_ns(task), 0);
	CU_ASSERT_EQUAL(metafora_task_lease_remaining_ms(task), 0);
	CU_ASSERT_EQUAL(metafora_task_stop_reason(task), METAFORA_STOP_LOST);
	atomic_store(&stage.lease->deadline_ns, 5000 * MF_NS_PER_S);
	CU_ASSERT_EQUAL(metafora_task_lease_deadline_ns(task), 0);
	/* Again, and after its end: nothing happens. */
	stage_revoke(&stage, task);
	finish(task, METAFORA_RELEASE);
	stage_revoke(&stage, task);
	CU_ASSERT_EQUAL(act.n_stops, 0);
}

/* --- stop ------------------------------------------------------------------------ */

static void a_stop_is_seen_everywhere(void)
{
	struct metafora_task *task = begin();
	uint64_t before_ns;

	CU_ASSERT_FALSE(metafora_task_stopping(task));
	CU_ASSERT_EQUAL(metafora_task_stop_reason(task), METAFORA_STOP_NONE);
	CU_ASSERT_EQUAL(metafora_task_stop_wait(task, 0), METAFORA_ETIMEDOUT);
	CU_ASSERT_EQUAL(mf_task_stopped_ns(task), 0);
	before_ns = world_now_ns(world);
	stage_stop(&stage, task, METAFORA_STOP_DRAIN);
	CU_ASSERT(metafora_task_stopping(task));
	CU_ASSERT_EQUAL(metafora_task_stop_reason(task), METAFORA_STOP_DRAIN);
	/* As often as one likes. */
	CU_ASSERT_EQUAL(metafora_task_stop_wait(task, 0), 0);
	CU_ASSERT_EQUAL(metafora_task_stop_wait(task, 1), 0);
	CU_ASSERT_EQUAL(metafora_task_stop_wait(task, -1), 0);
	CU_ASSERT(mf_task_stopped_ns(task) >= before_ns);
	CU_ASSERT_EQUAL(act.n_stops, 1);
	CU_ASSERT(act.stopping_in_stop);
	finish(task, METAFORA_RELEASE);
}

static void the_first_reason_stays(void)
{
	struct metafora_task *task = begin();
	uint64_t stopped_ns;

	stage_stop(&stage, task, METAFORA_STOP_BALANCE);
	stopped_ns = mf_task_stopped_ns(task);
	world_run_for(world, MF_NS_PER_S);
	stage_stop(&stage, task, METAFORA_STOP_SHUTDOWN);
	CU_ASSERT_EQUAL(metafora_task_stop_reason(task),
			METAFORA_STOP_BALANCE);
	CU_ASSERT_EQUAL(mf_task_stopped_ns(task), stopped_ns);
	/* The callback comes each time. */
	CU_ASSERT_EQUAL(act.n_stops, 2);
	CU_ASSERT_EQUAL(act.reasons[1], METAFORA_STOP_BALANCE);
	finish(task, METAFORA_RELEASE);
}

static void a_task_that_has_ended_is_not_stopped(void)
{
	struct metafora_task *task = begin();

	finish(task, METAFORA_DONE);
	stage_stop(&stage, task, METAFORA_STOP_BALANCE);
	CU_ASSERT_EQUAL(act.n_stops, 0);
	CU_ASSERT_FALSE(metafora_task_stopping(task));
}

static void callbacks_must_not_wait(void)
{
	struct metafora_task *task = begin();

	CU_ASSERT_EQUAL(act.wait_results[0], METAFORA_ETHREAD);
	CU_ASSERT_EQUAL(act.wait_results[1], METAFORA_ETIMEDOUT);
	stage_stop(&stage, task, METAFORA_STOP_BALANCE);
	CU_ASSERT_EQUAL(act.wait_results[0], METAFORA_ETHREAD);
	finish(task, METAFORA_DONE);
}

static void a_descriptor_made_before_the_stop_becomes_readable(void)
{
	struct metafora_task *task = begin();
	int again = -1;
	int fd = -1;

	CU_ASSERT_EQUAL(metafora_task_stop_fd(task, &fd), 0);
	CU_ASSERT_FALSE(is_readable(fd));
	CU_ASSERT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	stage_stop(&stage, task, METAFORA_STOP_BALANCE);
	CU_ASSERT(is_readable(fd));
	CU_ASSERT_EQUAL(metafora_task_stop_fd(task, &again), 0);
	CU_ASSERT_EQUAL(again, fd);
	CU_ASSERT(is_readable(fd));
	finish(task, METAFORA_DONE);
	CU_ASSERT(fcntl(fd, F_GETFD) >= 0);
	stage_reap(&stage);
	CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), -1);
}

static void a_descriptor_made_after_the_stop_is_readable(void)
{
	struct metafora_task *task = begin();
	int fd = -1;

	stage_stop(&stage, task, METAFORA_STOP_BALANCE);
	CU_ASSERT_EQUAL(metafora_task_stop_fd(task, &fd), 0);
	CU_ASSERT(is_readable(fd));
	finish(task, METAFORA_DONE);
}

static void no_descriptor_left_is_an_error(void)
{
	struct metafora_task *task = begin();
	struct rlimit saved, none;
	int fd = -5;

	CU_ASSERT_EQUAL(metafora_task_stop_fd(task, NULL), METAFORA_EINVAL);
	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &saved), 0);
	none = saved;
	none.rlim_cur = 0;
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &none), 0);
	CU_ASSERT_EQUAL(metafora_task_stop_fd(task, &fd), METAFORA_ESYS);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &saved), 0);
	CU_ASSERT_EQUAL(fd, -5);
	/* The next try may succeed. */
	CU_ASSERT_EQUAL(metafora_task_stop_fd(task, &fd), 0);
	CU_ASSERT(fd >= 0);
	finish(task, METAFORA_DONE);
}

/* --- start and end --------------------------------------------------------------- */

static void a_finished_task_is_reported_once_with_its_outcome(void)
{
	struct metafora_task *task = begin();

	CU_ASSERT_EQUAL(stage.runner.n_live, 1);
	CU_ASSERT_EQUAL(metafora_task_finish(task, METAFORA_RELEASE), 0);
	/* Never from inside the call. */
	CU_ASSERT_EQUAL(atomic_load(&stage.n_returned), 0);
	CU_ASSERT(stage_wait_returned(&stage, 1));
	CU_ASSERT_PTR_EQUAL(stage.returned[0], task);
	CU_ASSERT_EQUAL(stage.outcomes[0], METAFORA_RELEASE);
	CU_ASSERT_EQUAL(act.n_ends, 0);
	CU_ASSERT_EQUAL(stage.runner.n_live, 1);
	stage_reap(&stage);
	CU_ASSERT_EQUAL(act.n_ends, 1);
	CU_ASSERT_STRING_EQUAL(act.last, "end");
	CU_ASSERT_EQUAL(stage.runner.n_live, 0);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_returned), 1);
}

static void a_task_finishes_once(void)
{
	struct metafora_task *task = begin();

	CU_ASSERT_EQUAL(metafora_task_finish(task, METAFORA_DONE), 0);
	CU_ASSERT_EQUAL(metafora_task_finish(task, METAFORA_RELEASE),
			METAFORA_ESTATE);
	CU_ASSERT(stage_wait_returned(&stage, 1));
	CU_ASSERT_EQUAL(stage.outcomes[0], METAFORA_DONE);
	CU_ASSERT_EQUAL(metafora_task_finish(task, METAFORA_DONE),
			METAFORA_ESTATE);
}

static void an_outcome_that_is_none_is_refused(void)
{
	struct metafora_task *task = begin();

	CU_ASSERT_EQUAL(metafora_task_finish(task, (enum metafora_outcome)2),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_task_finish(task, (enum metafora_outcome)-1),
			METAFORA_EINVAL);
	CU_ASSERT_FALSE(mf_guarded_returned(&task->guarded));
	finish(task, METAFORA_DONE);
}

static void start_may_finish_the_task(void)
{
	act.finish_in_start = true;
	CU_ASSERT_PTR_NOT_NULL(stage_start(&stage, "one"));
	CU_ASSERT_EQUAL(act.finish_results[0], 0);
	CU_ASSERT_EQUAL(act.finish_results[1], METAFORA_ESTATE);
	CU_ASSERT(stage_wait_returned(&stage, 1));
	CU_ASSERT_EQUAL(stage.outcomes[0], METAFORA_DONE);
}

static void stop_may_finish_the_task(void)
{
	struct metafora_task *task = begin();

	act.finish_in_stop = true;
	stage_stop(&stage, task, METAFORA_STOP_DELETED);
	CU_ASSERT(stage_wait_returned(&stage, 1));
	CU_ASSERT_EQUAL(stage.outcomes[0], METAFORA_RELEASE);
	stage_stop(&stage, task, METAFORA_STOP_SHUTDOWN);
	CU_ASSERT_EQUAL(act.n_stops, 1);
}

static void a_refused_task_is_ended_and_gone(void)
{
	act.start_result = 1;
	CU_ASSERT_PTR_NULL(stage_start(&stage, "one"));
	CU_ASSERT_EQUAL(stage.error, METAFORA_EHANDLER);
	CU_ASSERT_EQUAL(act.n_ends, 1);
	CU_ASSERT_EQUAL(stage.runner.n_live, 0);
	world_run_for(world, MF_NS_PER_S);
	CU_ASSERT_EQUAL(atomic_load(&stage.n_returned), 0);
}

static void a_task_finished_and_refused_is_released(void)
{
	act.start_result = METAFORA_ENOMEM;
	act.finish_in_start = true;
	CU_ASSERT_PTR_NOT_NULL(stage_start(&stage, "one"));
	CU_ASSERT(stage_wait_returned(&stage, 1));
	CU_ASSERT_EQUAL(stage.outcomes[0], METAFORA_RELEASE);
	CU_ASSERT_EQUAL(act.n_ends, 0);
	CU_ASSERT_EQUAL(logbook_count(&stage.logbook,
				      "warn handler refused a task"), 1);
}

static void slow_callbacks_are_named(void)
{
	struct metafora_task *task;

	act.takes_ns = 100 * MF_NS_PER_MS;
	task = begin();
	CU_ASSERT_EQUAL(logbook_count(&stage.logbook, "slow"), 0);
	act.takes_ns = 101 * MF_NS_PER_MS;
	stage_stop(&stage, task, METAFORA_STOP_BALANCE);
	CU_ASSERT_EQUAL(logbook_count(&stage.logbook,
				      "warn slow callback callback=stop "
				      "ms=101 task=one"), 1);
	finish(task, METAFORA_DONE);
	stage_reap(&stage);
	CU_ASSERT_EQUAL(logbook_count(&stage.logbook,
				      "slow callback callback=end"), 1);
	act.start_result = 1;
	CU_ASSERT_PTR_NULL(stage_start(&stage, "one"));
	CU_ASSERT_EQUAL(logbook_count(&stage.logbook,
				      "slow callback callback=start"), 1);
}

static const struct tap_case cases[] = {
	{"a task shows what it was given", a_task_shows_what_it_was_given},
	{"properties may be empty or hold a NUL",
	 properties_may_be_empty_or_hold_a_nul},
	{"a task is small", a_task_is_small},
	{"a task keeps the application's pointer",
	 a_task_keeps_the_applications_pointer},
	{"no task is survived", no_task_is_survived},
	{"stop reasons have names", stop_reasons_have_names},
	{"the lease moves on while the task runs",
	 the_lease_moves_on_while_the_task_runs},
	{"without leases it lasts for ever", without_leases_it_lasts_for_ever},
	{"a deadline far away does not overflow",
	 a_deadline_far_away_does_not_overflow},
	{"a task of an old session does not see the new lease",
	 a_task_of_an_old_session_does_not_see_the_new_lease},
	{"a revoked task has no lease and must stop",
	 a_revoked_task_has_no_lease_and_must_stop},
	{"a stop is seen everywhere", a_stop_is_seen_everywhere},
	{"the first reason stays", the_first_reason_stays},
	{"a task that has ended is not stopped",
	 a_task_that_has_ended_is_not_stopped},
	{"callbacks must not wait", callbacks_must_not_wait},
	{"a descriptor made before the stop becomes readable",
	 a_descriptor_made_before_the_stop_becomes_readable},
	{"a descriptor made after the stop is readable",
	 a_descriptor_made_after_the_stop_is_readable},
	{"no descriptor left is an error", no_descriptor_left_is_an_error},
	{"a finished task is reported once with its outcome",
	 a_finished_task_is_reported_once_with_its_outcome},
	{"a task finishes once", a_task_finishes_once},
	{"an outcome that is none is refused",
	 an_outcome_that_is_none_is_refused},
	{"start may finish the task", start_may_finish_the_task},
	{"stop may finish the task", stop_may_finish_the_task},
	{"a refused task is ended and gone", a_refused_task_is_ended_and_gone},
	{"a task finished and refused is released",
	 a_task_finished_and_refused_is_released},
	{"slow callbacks are named", slow_callbacks_are_named},
};

TAP_MAIN(cases, setup, teardown)
