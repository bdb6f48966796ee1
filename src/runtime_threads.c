/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime of production: a thread per loop, on CLOCK_BOOTTIME. */
#include <metafora/error.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "loop.h"

/* Bytes of a thread's name that the kernel keeps, with its NUL. */
#define THREAD_NAME_BYTES 16

struct runner {
	struct mf_loop *loop; /* const */
	pthread_t thread;     /* of who starts and joins */
	int event_fd;         /* const: readable when the loop was woken */
	int timer_fd;         /* const */
	uint64_t armed_ns;    /* the loop's: what timer_fd is set to */
};

/* The loop whose thread this is. */
static _Thread_local const struct mf_loop *own_loop;

static uint64_t threads_now_ns(struct mf_runtime *runtime)
{
	(void)runtime;
	return mf_clock_boottime_ns();
}

static uint64_t threads_seed(struct mf_runtime *runtime)
{
	uint64_t seed;

	(void)runtime;
	/* Early at boot there may be no entropy; not worth waiting for. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = mf_clock_boottime_ns() ^ ((uint64_t)getpid() << 32) ^
		       (uintptr_t)&seed;
	return seed;
}

static void threads_wake(struct mf_runtime *runtime, struct mf_loop *loop)
{
	struct runner *runner = loop->runner;

	(void)runtime;
	/* Fails only if the counter is full, and then it is readable. */
	(void)!eventfd_write(runner->event_fd, 1);
}

static void arm(struct runner *runner, uint64_t at_ns)
{
	struct itimerspec spec = {
		.it_value.tv_sec = (time_t)(at_ns / MF_NS_PER_S),
		.it_value.tv_nsec = (long)(at_ns % MF_NS_PER_S),
	};

	timerfd_settime(runner->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
	runner->armed_ns = at_ns;
}

/* Wait until woken or until next_ns; may return earlier. */
static void wait_for_work(struct runner *runner, uint64_t next_ns)
{
	struct pollfd fds[] = {
		{.fd = runner->event_fd, .events = POLLIN},
		{.fd = runner->timer_fd, .events = POLLIN},
	};
	uint64_t count;

	/* When the deadline has moved on, firing once too often is cheaper. */
	if (next_ns < runner->armed_ns)
		arm(runner, next_ns);
	if (poll(fds, 2, -1) <= 0)
		return;
	if (fds[0].revents)
		(void)!read(runner->event_fd, &count, sizeof(count));
	if (fds[1].revents) {
		(void)!read(runner->timer_fd, &count, sizeof(count));
		runner->armed_ns = MF_NEVER;
	}
}

static void *run(void *arg)
{
	struct runner *runner = arg;
	struct mf_loop *loop = runner->loop;
	char name[THREAD_NAME_BYTES];
	uint64_t next_ns;
	bool quit;

	own_loop = loop;
	snprintf(name, sizeof(name), "%s", loop->name);
	pthread_setname_np(pthread_self(), name);
	for (;;) {
		next_ns = mf_loop_dispatch(loop, &quit);
		if (quit)
			return NULL;
		if (next_ns > mf_clock_boottime_ns())
			wait_for_work(runner, next_ns);
	}
}

/* Signals are the application's: none may be handled on our threads. */
static int create_thread(struct runner *runner)
{
	sigset_t all;
	sigset_t old;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&runner->thread, NULL, run, runner);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error ? METAFORA_ESYS : 0;
}

static int threads_start(struct mf_runtime *runtime, struct mf_loop *loop)
{
	struct runner *runner = malloc(sizeof(*runner));

	(void)runtime;
	if (!runner)
		return METAFORA_ENOMEM;
	runner->loop = loop;
	runner->armed_ns = MF_NEVER;
	runner->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (runner->event_fd < 0)
		goto err_free;
	runner->timer_fd =
		timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (runner->timer_fd < 0)
		goto err_event;
	loop->runner = runner;
	if (create_thread(runner))
		goto err_timer;
	return 0;

err_timer:
	loop->runner = NULL;
	close(runner->timer_fd);
err_event:
	close(runner->event_fd);
err_free:
	free(runner);
	return METAFORA_ESYS;
}

static void threads_join(struct mf_runtime *runtime, struct mf_loop *loop)
{
	struct runner *runner = loop->runner;

	(void)runtime;
	pthread_join(runner->thread, NULL);
	close(runner->timer_fd);
	close(runner->event_fd);
	free(runner);
	loop->runner = NULL;
}

static bool threads_is_owner(struct mf_runtime *runtime,
			     const struct mf_loop *loop)
{
	(void)runtime;
	return own_loop == loop;
}

struct mf_runtime *mf_runtime_threads(void)
{
	static struct mf_runtime threads = {
		.now_ns = threads_now_ns,
		.seed = threads_seed,
		.start = threads_start,
		.wake = threads_wake,
		.join = threads_join,
		.is_owner = threads_is_owner,
	};

	return &threads;
}
