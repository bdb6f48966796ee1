/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers on real threads: run, wait, stop and end. */
#include <errno.h>
#include <metafora.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "stage.h"
#include "tap.h"
#include "task.h"

#define N_WAITERS 8
#define N_ROUNDS 200
#define N_TASKS 32

static struct stage stage;
static atomic_bool no_threads;
/* Called once by the next eventfd(), before it returns. */
static void (*_Atomic in_eventfd)(void);

/* The linker turns calls of x() into calls of __wrap_x(). */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*fn)(void *), void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*fn)(void *), void *arg)
{
	if (atomic_load(&no_threads))
		return EAGAIN;
	return __real_pthread_create(thread, attr, fn, arg);
}

int __real_eventfd(unsigned int count, int flags);
int __wrap_eventfd(unsigned int count, int flags);

int __wrap_eventfd(unsigned int count, int flags)
{
	void (*hook)(void) = atomic_exchange(&in_eventfd, NULL);
	int fd = __real_eventfd(count, flags);

	if (hook)
		hook();
	return fd;
}

static atomic_uint n_stops;
static atomic_uint n_ends;
static atomic_bool ended_too_early;

static void on_stop(void *arg, struct metafora_task *task)
{
	(void)arg;
	if (!metafora_task_stopping(task))
		atomic_store(&ended_too_early, true);
	atomic_fetch_add(&n_stops, 1);
}

static void on_end(void *arg, struct metafora_task *task)
{
	(void)arg;
	if (!mf_guarded_returned(&task->guarded))
		atomic_store(&ended_too_early, true);
	atomic_fetch_add(&n_ends, 1);
}

static void open_with(struct metafora_handler *handler)
{
	CU_ASSERT_EQUAL(metafora_handler_set_stop(handler, on_stop), 0);
	CU_ASSERT_EQUAL(metafora_handler_set_end(handler, on_end), 0);
	stage_open(&stage, NULL, handler);
}

/* Every case opens the stage for a handler of its own and closes it. */
static void open_threaded(metafora_run_fn run, void *arg)
{
	struct metafora_handler *handler = NULL;

	CU_ASSERT_EQUAL_FATAL(metafora_handler_new_threaded(run, arg,
							    &handler), 0);
	open_with(handler);
}

static void open_async(metafora_start_fn start, void *arg)
{
	struct metafora_handler *handler = NULL;

	CU_ASSERT_EQUAL_FATAL(metafora_handler_new_async(start, arg, &handler),
			      0);
	open_with(handler);
}

static void setup(void)
{
	atomic_store(&no_threads, false);
	atomic_store(&n_stops, 0);
	atomic_store(&n_ends, 0);
	atomic_store(&ended_too_early, false);
}

static void teardown(void)
{
	CU_ASSERT_FALSE(atomic_load(&ended_too_early));
}

/* --- run ------------------------------------------------------------------------- */

static enum metafora_outcome run_at_once(void *arg, struct metafora_task *task)
{
	(void)task;
	return *(enum metafora_outcome *)arg;
}

static void check_outcome(enum metafora_outcome given,
			  enum metafora_outcome told)
{
	atomic_store(&n_ends, 0);
	open_threaded(run_at_once, &given);
	CU_ASSERT_PTR_NOT_NULL(stage_start(&stage, "one"));
	CU_ASSERT(stage_wait_returned(&stage, 1));
	CU_ASSERT_EQUAL(stage.outcomes[0], told);
	CU_ASSERT_EQUAL(atomic_load(&n_ends), 0);
	stage_reap(&stage);
	CU_ASSERT_EQUAL(atomic_load(&n_ends), 1);
	CU_ASSERT_EQUAL(logbook_count(&stage.logbook,
				      "warn handler returned no valid outcome "
				      "task=one"), given != told);
	stage_close(&stage);
}

static enum metafora_outcome run_and_look(void *arg, struct metafora_task *task)
{
	static const struct mf_runner other;
	bool *knows = arg;

	(void)task;
	*knows = mf_runner_is_handler(&stage.runner) &&
		 !mf_runner_is_handler(&other);
	return METAFORA_DONE;
}

static void a_handlers_thread_is_known_as_such(void)
{
	bool knows = false;

	open_threaded(run_and_look, &knows);
	CU_ASSERT_PTR_NOT_NULL(stage_start(&stage, "one"));
	CU_ASSERT(stage_wait_returned(&stage, 1));
	stage_reap(&stage);
	CU_ASSERT_TRUE(knows);
	CU_ASSERT_FALSE(mf_runner_is_handler(&stage.runner));
	stage_close(&stage);
}

static void the_outcome_of_run_is_told(void)
{
	check_outcome(METAFORA_DONE, METAFORA_DONE);
	check_outcome(METAFORA_RELEASE, METAFORA_RELEASE);
}

static void an_outcome_that_is_none_counts_as_release(void)
{
	check_outcome((enum metafora_outcome)2, METAFORA_RELEASE);
	check_outcome((enum metafora_outcome)-1, METAFORA_RELEASE);
	check_outcome((enum metafora_outcome)256, METAFORA_RELEASE);
}

static enum metafora_outcome run_exit(void *arg, struct metafora_task *task)
{
	(void)arg, (void)task;
	pthread_exit(NULL);
}

static void a_handler_that_ends_its_thread_releases_the_task(void)
{
	open_threaded(run_exit, NULL);
	CU_ASSERT_PTR_NOT_NULL(stage_start(&stage, "one"));
	CU_ASSERT(stage_wait_returned(&stage, 1));
	CU_ASSERT_EQUAL(stage.outcomes[0], METAFORA_RELEASE);
	CU_ASSERT_EQUAL(logbook_count(&stage.logbook,
				      "warn handler ended its thread"), 1);
	stage_close(&stage);
}

struct thread_facts {
	bool all_blocked;
	size_t stack_bytes;
	char name[16];
};

static enum metafora_outcome run_inspect(void *arg, struct metafora_task *task)
{
	struct thread_facts *facts = arg;
	pthread_attr_t attr;
	sigset_t mask;

	(void)task;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	facts->all_blocked = sigismember(&mask, SIGTERM) == 1 &&
			     sigismember(&mask, SIGINT) == 1 &&
			     sigismember(&mask, SIGUSR1) == 1;
	pthread_getname_np(pthread_self(), facts->name, sizeof(facts->name));
	if (!pthread_getattr_np(pthread_self(), &attr)) {
		pthread_attr_getstacksize(&attr, &facts->stack_bytes);
		pthread_attr_destroy(&attr);
	}
	return METAFORA_DONE;
}

/* As a callback of the application might do on the owner thread. */
static void unblock_sigterm(void *arg)
{
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void check_sigterm_is_unblocked(void *arg)
{
	sigset_t set;

	(void)arg;
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	CU_ASSERT_EQUAL(sigismember(&set, SIGTERM), 0);
}

static void a_thread_has_no_signals_a_name_and_the_stack_asked_for(void)
{
	const size_t stack_bytes = 3 * 1024 * 1024;
	struct metafora_handler *handler = NULL;
	struct thread_facts facts = {0};

	CU_ASSERT_EQUAL_FATAL(metafora_handler_new_threaded(run_inspect,
							    &facts, &handler),
			      0);
	CU_ASSERT_EQUAL(metafora_handler_set_stack_bytes(handler, stack_bytes),
			0);
	open_with(handler);
	stage_call(&stage, unblock_sigterm, NULL);
	CU_ASSERT_PTR_NOT_NULL(stage_start(&stage, "a/b"));
	CU_ASSERT(stage_wait_returned(&stage, 1));
	stage_call(&stage, check_sigterm_is_unblocked, NULL);
	CU_ASSERT(facts.all_blocked);
	CU_ASSERT_STRING_EQUAL(facts.name, "mf:a%2Fb");
	CU_ASSERT(facts.stack_bytes >= stack_bytes);
	CU_ASSERT(facts.stack_bytes < stack_bytes + 1024 * 1024);
	stage_close(&stage);
}

static void no_thread_left_is_an_error(void)
{
	enum metafora_outcome done = METAFORA_DONE;

	open_threaded(run_at_once, &done);
	atomic_store(&no_threads, true);
	CU_ASSERT_PTR_NULL(stage_start(&stage, "one"));
	CU_ASSERT_EQUAL(stage.error, METAFORA_ESYS);
	CU_ASSERT_EQUAL(stage.runner.n_live, 0);
	/* The handler has never heard of it. */
	CU_ASSERT_EQUAL(atomic_load(&n_ends), 0);
	atomic_store(&no_threads, false);
	CU_ASSERT_PTR_NOT_NULL(stage_start(&stage, "one"));
	CU_ASSERT(stage_wait_returned(&stage, 1));
	stage_close(&stage);
}

/* --- wait for stop ------------------------------------------------------------------ */

static enum metafora_outcome run_until_stopped(void *arg,
					       struct metafora_task *task)
{
	(void)arg;
	if (metafora_task_stop_wait(task, STAGE_PATIENCE_MS))
		return METAFORA_DONE;
	return METAFORA_RELEASE;
}

static void a_handler_that_waits_is_stopped(void)
{
	struct metafora_task *task;

	open_threaded(run_until_stopped, NULL);
	task = stage_start(&stage, "one");
	CU_ASSERT_PTR_NOT_NULL_FATAL(task);
	stage_stop(&stage, task, METAFORA_STOP_DRAIN);
	CU_ASSERT(stage_wait_returned(&stage, 1));
	CU_ASSERT_EQUAL(stage.outcomes[0], METAFORA_RELEASE);
	CU_ASSERT_EQUAL(atomic_load(&n_stops), 1);
	CU_ASSERT_EQUAL(metafora_task_stop_reason(task), METAFORA_STOP_DRAIN);
	stage_close(&stage);
}

static void tasks_end_in_any_order(void)
{
	struct metafora_task *tasks[N_TASKS];
	char id[16];
	unsigned int i;

	open_threaded(run_until_stopped, NULL);
	for (i = 0; i < N_TASKS; i++) {
		snprintf(id, sizeof(id), "task-%u", i);
		tasks[i] = stage_start(&stage, id);
		CU_ASSERT_PTR_NOT_NULL_FATAL(tasks[i]);
	}
	for (i = N_TASKS; i-- > 0;)
		stage_stop(&stage, tasks[i], METAFORA_STOP_BALANCE);
	CU_ASSERT(stage_wait_returned(&stage, N_TASKS));
	for (i = 0; i < N_TASKS; i++)
		CU_ASSERT_EQUAL(stage.outcomes[i], METAFORA_RELEASE);
	stage_close(&stage);
	CU_ASSERT_EQUAL(atomic_load(&n_ends), N_TASKS);
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * MF_NS_PER_S + (uint64_t)now.tv_nsec;
}

struct timed_wait {
	int result;
	uint64_t took_ns;
};

static enum metafora_outcome run_timed_wait(void *arg,
					    struct metafora_task *task)
{
	struct timed_wait *wait = arg;
	uint64_t began_ns = monotonic_ns();

	wait->result = metafora_task_stop_wait(task, 150);
	wait->took_ns = monotonic_ns() - began_ns;
	return METAFORA_DONE;
}

static void a_wait_lasts_as_long_as_asked(void)
{
	struct timed_wait wait = {0};

	open_threaded(run_timed_wait, &wait);
	CU_ASSERT_PTR_NOT_NULL(stage_start(&stage, "one"));
	CU_ASSERT(stage_wait_returned(&stage, 1));
	CU_ASSERT_EQUAL(wait.result, METAFORA_ETIMEDOUT);
	CU_ASSERT(wait.took_ns >= 150 * MF_NS_PER_MS);
	stage_close(&stage);
}

struct waiter {
	pthread_t thread;
	struct metafora_task *task;
	int64_t timeout_ms;
	atomic_int tid;
	int result;
};

static void *waiter_main(void *arg)
{
	struct waiter *waiter = arg;

	atomic_store(&waiter->tid, (int)syscall(SYS_gettid));
	waiter->result = metafora_task_stop_wait(waiter->task,
						 waiter->timeout_ms);
	return NULL;
}

/* Whether the kernel says that the thread sleeps. */
static bool sleeps(int tid)
{
	char path[64];
	char state = '?';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = '?';
	fclose(file);
	return state == 'S';
}

/* So that the stop finds it waiting. */
static bool wait_until_it_sleeps(struct waiter *waiter)
{
	uint64_t until_ns = monotonic_ns() + STAGE_PATIENCE_MS * MF_NS_PER_MS;

	while (monotonic_ns() < until_ns) {
		if (atomic_load(&waiter->tid) &&
		    sleeps(atomic_load(&waiter->tid)))
			return true;
		sched_yield();
	}
	return false;
}

/* Some wait without limit: the test must not. */
static void join_or_bail_out(pthread_t thread)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += STAGE_PATIENCE_MS / 1000;
	if (!pthread_timedjoin_np(thread, NULL, &until))
		return;
	printf("Bail out! a waiter was not woken\n");
	fflush(stdout);
	_exit(1);
}

static int start_and_forget(void *arg, struct metafora_task *task)
{
	(void)arg, (void)task;
	return 0;
}

static void every_waiter_is_woken(void)
{
	/* INT64_MAX: a time so far away that it must not overflow. */
	const int64_t timeouts[] = {-1, INT64_MAX, STAGE_PATIENCE_MS};
	struct waiter waiters[N_WAITERS];
	struct metafora_task *task;
	size_t i;

	open_async(start_and_forget, NULL);
	task = stage_start(&stage, "one");
	CU_ASSERT_PTR_NOT_NULL_FATAL(task);
	for (i = 0; i < N_WAITERS; i++) {
		waiters[i].task = task;
		waiters[i].timeout_ms = timeouts[i % 3];
		waiters[i].result = -1000;
		atomic_init(&waiters[i].tid, 0);
		CU_ASSERT_EQUAL_FATAL(pthread_create(&waiters[i].thread, NULL,
						     waiter_main, &waiters[i]),
				      0);
	}
	for (i = 0; i < N_WAITERS; i++)
		CU_ASSERT(wait_until_it_sleeps(&waiters[i]));
	stage_stop(&stage, task, METAFORA_STOP_COMMAND);
	for (i = 0; i < N_WAITERS; i++) {
		join_or_bail_out(waiters[i].thread);
		CU_ASSERT_EQUAL(waiters[i].result, 0);
	}
	CU_ASSERT_EQUAL(metafora_task_finish(task, METAFORA_RELEASE), 0);
	CU_ASSERT(stage_wait_returned(&stage, 1));
	stage_close(&stage);
}

/* Whatever comes between the making of a descriptor and its publication. */
static struct metafora_task *meddled_task;
static int meddler_fd;

static void make_another(void)
{
	CU_ASSERT_EQUAL(metafora_task_stop_fd(meddled_task, &meddler_fd), 0);
}

static void ask_for_stop(void)
{
	mf_guarded_request_stop(&meddled_task->guarded, METAFORA_STOP_LEASE, 1);
}

static int make_fd_while(void (*meddle)(void))
{
	int fd = -1;

	open_async(start_and_forget, NULL);
	meddled_task = stage_start(&stage, "one");
	CU_ASSERT_PTR_NOT_NULL_FATAL(meddled_task);
	atomic_store(&in_eventfd, meddle);
	CU_ASSERT_EQUAL(metafora_task_stop_fd(meddled_task, &fd), 0);
	CU_ASSERT_PTR_NULL(atomic_load(&in_eventfd));
	return fd;
}

static void finish_meddled(void)
{
	CU_ASSERT_EQUAL(metafora_task_finish(meddled_task, METAFORA_RELEASE),
			0);
	CU_ASSERT(stage_wait_returned(&stage, 1));
	stage_close(&stage);
}

static void of_two_descriptors_one_is_kept(void)
{
	int fd = make_fd_while(make_another);
	int lowest = dup(fd);

	CU_ASSERT_EQUAL(fd, meddler_fd);
	/* The other one, which was made first, is closed again. */
	CU_ASSERT(lowest < fd);
	close(lowest);
	finish_meddled();
}

static void a_stop_before_the_publication_is_not_missed(void)
{
	struct pollfd pollfd = {.fd = make_fd_while(ask_for_stop),
				.events = POLLIN};

	CU_ASSERT_EQUAL(poll(&pollfd, 1, 0), 1);
	finish_meddled();
}

struct fd_maker {
	pthread_t thread;
	pthread_barrier_t *barrier;
	struct metafora_task *task;
	int fd;
	int result;
};

static void *fd_maker_main(void *arg)
{
	struct fd_maker *maker = arg;

	pthread_barrier_wait(maker->barrier);
	maker->result = metafora_task_stop_fd(maker->task, &maker->fd);
	return NULL;
}

/* Two threads make the descriptor while a third asks for the stop. */
static void race_for_a_descriptor(void)
{
	struct metafora_task *task = stage_start(&stage, "one");
	struct fd_maker makers[2] = {0};
	pthread_barrier_t barrier;
	struct pollfd pollfd = {.events = POLLIN};
	size_t i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(task);
	pthread_barrier_init(&barrier, NULL, 3);
	for (i = 0; i < 2; i++) {
		makers[i].barrier = &barrier;
		makers[i].task = task;
		CU_ASSERT_EQUAL_FATAL(pthread_create(&makers[i].thread, NULL,
						     fd_maker_main,
						     &makers[i]), 0);
	}
	pthread_barrier_wait(&barrier);
	mf_guarded_request_stop(&task->guarded, METAFORA_STOP_LEASE, 1);
	for (i = 0; i < 2; i++) {
		pthread_join(makers[i].thread, NULL);
		CU_ASSERT_EQUAL(makers[i].result, 0);
	}
	CU_ASSERT_EQUAL(makers[0].fd, makers[1].fd);
	pollfd.fd = makers[0].fd;
	CU_ASSERT_EQUAL(poll(&pollfd, 1, 0), 1);
	pthread_barrier_destroy(&barrier);
	CU_ASSERT_EQUAL(metafora_task_finish(task, METAFORA_RELEASE), 0);
	CU_ASSERT(stage_wait_returned(&stage, stage.n_reaped + 1));
}

static void a_descriptor_is_made_once_and_misses_no_stop(void)
{
	unsigned int i;

	open_async(start_and_forget, NULL);
	for (i = 0; i < N_ROUNDS && !CU_get_number_of_failures(); i++) {
		race_for_a_descriptor();
		stage_reap(&stage);
		atomic_store(&stage.n_returned, 0);
		stage.n_reaped = 0;
	}
	stage_close(&stage);
	CU_ASSERT_EQUAL(atomic_load(&n_ends), i);
}

/* --- finish ----------------------------------------------------------------------- */

static void *finisher_main(void *arg)
{
	struct metafora_task *task = arg;

	metafora_task_stop_wait(task, -1);
	metafora_task_finish(task, METAFORA_DONE);
	return NULL;
}

static int start_finisher(void *arg, struct metafora_task *task)
{
	return __real_pthread_create(arg, NULL, finisher_main, task);
}

static void another_thread_may_finish_the_task(void)
{
	struct metafora_task *task;
	pthread_t finisher;

	open_async(start_finisher, &finisher);
	task = stage_start(&stage, "one");
	CU_ASSERT_PTR_NOT_NULL_FATAL(task);
	stage_stop(&stage, task, METAFORA_STOP_BALANCE);
	CU_ASSERT(stage_wait_returned(&stage, 1));
	CU_ASSERT_EQUAL(stage.outcomes[0], METAFORA_DONE);
	/* Reaped while the other thread may still be inside of finish. */
	stage_close(&stage);
	pthread_join(finisher, NULL);
}

static enum metafora_outcome run_finish(void *arg, struct metafora_task *task)
{
	int *result = arg;

	*result = metafora_task_finish(task, METAFORA_DONE);
	return METAFORA_RELEASE;
}

static void a_threaded_task_cannot_be_finished(void)
{
	int result = 0;

	open_threaded(run_finish, &result);
	CU_ASSERT_PTR_NOT_NULL(stage_start(&stage, "one"));
	CU_ASSERT(stage_wait_returned(&stage, 1));
	CU_ASSERT_EQUAL(result, METAFORA_ESTATE);
	CU_ASSERT_EQUAL(stage.outcomes[0], METAFORA_RELEASE);
	stage_close(&stage);
}

static const struct tap_case cases[] = {
	{"the outcome of run is told", the_outcome_of_run_is_told},
	{"a handler's thread is known as such",
	 a_handlers_thread_is_known_as_such},
	{"an outcome that is none counts as release",
	 an_outcome_that_is_none_counts_as_release},
	{"a handler that ends its thread releases the task",
	 a_handler_that_ends_its_thread_releases_the_task},
	{"a thread has no signals, a name and the stack asked for",
	 a_thread_has_no_signals_a_name_and_the_stack_asked_for},
	{"no thread left is an error", no_thread_left_is_an_error},
	{"a handler that waits is stopped", a_handler_that_waits_is_stopped},
	{"tasks end in any order", tasks_end_in_any_order},
	{"a wait lasts as long as asked", a_wait_lasts_as_long_as_asked},
	{"every waiter is woken", every_waiter_is_woken},
	{"a descriptor is made once and misses no stop",
	 a_descriptor_is_made_once_and_misses_no_stop},
	{"of two descriptors one is kept", of_two_descriptors_one_is_kept},
	{"a stop before the publication is not missed",
	 a_stop_before_the_publication_is_not_missed},
	{"another thread may finish the task",
	 another_thread_may_finish_the_task},
	{"a threaded task cannot be finished",
	 a_threaded_task_cannot_be_finished},
};

TAP_MAIN(cases, setup, teardown)
