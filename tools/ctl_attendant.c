/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that takes signals and draws the progress line. */
#include <errno.h>
#include <metafora.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"
#include "ctl_output.h"

#define NS_PER_MS 1000000
/* Between two looks at the progress; and how long none is shown. */
#define LOOK_NS (200 * NS_PER_MS)
#define QUIET_MS 1000
/* How long an interrupted program may take to end in order. */
#define GRACE_S 5

static struct {
	sigset_t signals;        /* const after start */
	bool on_terminal;        /* const after start */
	int fd;                  /* const: readable once interrupted */
	atomic_bool interrupted; /* so that anybody may look */
	pthread_mutex_t lock;
	/* Guarded by lock. */
	struct metafora_client *client;
	bool active;
	bool shown;
	int64_t since_ms;
	char text[200];
} attendant = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
}

/* --- progress; lock held ------------------------------------------------------- */

static void draw(void)
{
	/* Cut, so that it stays one line. */
	int width = ctl_width_of(STDERR_FILENO) - 1;

	fprintf(stderr, "\r%.*s\033[K", width, attendant.text);
	fflush(stderr);
	attendant.shown = true;
}

static void look(void)
{
	if (attendant.active && attendant.on_terminal &&
	    now_ms() - attendant.since_ms >= QUIET_MS)
		draw();
}

void ctl_progress(const char *format, ...)
{
	va_list args;

	pthread_mutex_lock(&attendant.lock);
	if (!attendant.active)
		attendant.since_ms = now_ms();
	attendant.active = true;
	va_start(args, format);
	vsnprintf(attendant.text, sizeof(attendant.text), format, args);
	va_end(args);
	pthread_mutex_unlock(&attendant.lock);
}

void ctl_progress_end(void)
{
	pthread_mutex_lock(&attendant.lock);
	if (attendant.shown) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
	}
	attendant.shown = false;
	attendant.active = false;
	pthread_mutex_unlock(&attendant.lock);
}

/* --- signals ---------------------------------------------------------------------- */

static void interrupt(void)
{
	const uint64_t one = 1;
	const struct timespec grace = {.tv_sec = GRACE_S};

	atomic_store(&attendant.interrupted, true);
	if (write(attendant.fd, &one, sizeof(one)) < 0)
		_exit(CTL_INTERRUPTED);
	pthread_mutex_lock(&attendant.lock);
	metafora_client_close(attendant.client);
	pthread_mutex_unlock(&attendant.lock);
	/* The program may be stuck, writing to somebody who does not read. */
	while (sigtimedwait(&attendant.signals, NULL, &grace) < 0 &&
	       errno == EINTR)
		;
	_exit(CTL_INTERRUPTED);
}

static void *attend(void *arg)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};

	for (;;) {
		if (sigtimedwait(&attendant.signals, NULL, &pause) > 0)
			interrupt();
		pthread_mutex_lock(&attendant.lock);
		look();
		pthread_mutex_unlock(&attendant.lock);
	}
	return arg;
}

int ctl_attend(void)
{
	pthread_t thread;

	attendant.on_terminal = isatty(STDERR_FILENO) == 1;
	attendant.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (attendant.fd < 0)
		return METAFORA_ESYS;
	sigemptyset(&attendant.signals);
	sigaddset(&attendant.signals, SIGINT);
	sigaddset(&attendant.signals, SIGTERM);
	/* Threads that come later have them blocked, too. */
	if (pthread_sigmask(SIG_BLOCK, &attendant.signals, NULL) ||
	    pthread_create(&thread, NULL, attend, NULL) ||
	    pthread_detach(thread))
		return METAFORA_ESYS;
	return 0;
}

void ctl_attend_client(struct metafora_client *client)
{
	pthread_mutex_lock(&attendant.lock);
	attendant.client = client;
	if (atomic_load(&attendant.interrupted))
		metafora_client_close(client);
	pthread_mutex_unlock(&attendant.lock);
}

bool ctl_interrupted(void)
{
	return atomic_load(&attendant.interrupted);
}

bool ctl_wait(int fd, int64_t timeout_ms)
{
	struct pollfd fds[] = {
		{.fd = attendant.fd, .events = POLLIN},
		{.fd = fd, .events = POLLIN},
	};
	int64_t until_ms = now_ms() + timeout_ms;
	int64_t left_ms = timeout_ms;
	int n;

	for (;;) {
		if (left_ms > 60000)
			left_ms = 60000;
		n = poll(fds, 2, timeout_ms < 0 ? -1 : (int)left_ms);
		if (fds[0].revents || (n < 0 && errno != EINTR))
			return false;
		if (n > 0)
			return true;
		left_ms = until_ms - now_ms();
		if (timeout_ms >= 0 && left_ms <= 0)
			return false;
	}
}
