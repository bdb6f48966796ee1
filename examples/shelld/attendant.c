/* SPDX-License-Identifier: Apache-2.0 */
/* Attends to a node while it lives: its signals, its log, its manager. */
#include "attendant.h"

#include <errno.h>
#include <metafora.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "notify.h"

/* Between two looks at whether all tasks have ended. */
#define DRAIN_LOOK_MS 50
/* What the consumer's loop does not answer by then, it may not answer soon. */
#define ANSWER_MS 2000

#define NS_PER_MS 1000000

struct attendant {
	struct settings *settings;        /* the thread's, from start on */
	struct metafora_config *config;   /* likewise: what runs */
	struct metafora_consumer *consumer; /* const after start */
	sigset_t signals;                 /* const */
	pthread_t thread;
	bool has_thread;
	_Atomic(metafora_log_fn) sink;            /* atomic: any thread logs */
	_Atomic enum metafora_log_level level;    /* atomic: likewise */
	atomic_bool is_stopping; /* atomic: read by the main thread */
	atomic_bool has_joined;  /* atomic: set by the main thread */
	atomic_bool has_ended;   /* atomic: tells the thread to end */
	/* The thread's. */
	bool is_draining;
	int64_t drain_until_ms;
	int64_t watchdog_ms; /* 0: nobody wants to know */
	int64_t watchdog_at_ms;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
}

/* --- the log ----------------------------------------------------------------------- */

void attendant_say(void *arg, enum metafora_log_level level, const char *line)
{
	struct attendant *a = arg;
	metafora_log_fn sink = atomic_load(&a->sink);

	if (sink && level <= atomic_load(&a->level))
		sink(NULL, level, line);
}

/* None of the sinks of a file has an argument. */
static void use_log(struct attendant *a)
{
	enum metafora_log_level level;
	metafora_log_fn sink;
	void *arg;

	if (metafora_config_log(a->config, &sink, &arg, &level))
		return;
	atomic_store(&a->sink, sink);
	atomic_store(&a->level, level);
}

/* --- SIGHUP ------------------------------------------------------------------------ */

static void log_problem(void *arg, const char *file, int line, const char *key,
			const char *message)
{
	char text[METAFORA_LOG_LINE_BYTES];

	snprintf(text, sizeof(text),
		 "configuration is wrong file=%s line=%d key=%s %s",
		 file ? file : "-", line, key ? key : "-", message);
	attendant_say(arg, METAFORA_LOG_ERROR, text);
}

static bool is_same(const struct metafora_config *a,
		    const struct metafora_config *b, const char *key)
{
	const char *x, *y;
	size_t i = 0;

	do {
		if (metafora_config_get(a, key, i, &x) ||
		    metafora_config_get(b, key, i, &y))
			return false;
		if (!x != !y || (x && strcmp(x, y) != 0))
			return false;
		i++;
	} while (x);
	return true;
}

/* Returns whether the key could be changed at run time. */
static bool change(struct attendant *a, const struct metafora_config *fresh,
		   const char *key)
{
	const char *value;
	char line[100];

	if (strncmp(key, "log.", 4) == 0 &&
	    !metafora_config_get(fresh, key, 0, &value) && value &&
	    !metafora_config_set(a->config, key, value))
		return true;
	snprintf(line, sizeof(line), "change needs a restart key=%s", key);
	attendant_say(a, METAFORA_LOG_WARN, line);
	return false;
}

static void take_over(struct attendant *a, const struct metafora_config *fresh)
{
	size_t n_changed = 0;
	size_t n_waiting = 0;
	const char *key;
	char line[100];
	size_t i;

	for (i = 0; (key = metafora_config_key(i)); i++) {
		if (is_same(a->config, fresh, key))
			continue;
		if (change(a, fresh, key))
			n_changed++;
		else
			n_waiting++;
	}
	use_log(a);
	snprintf(line, sizeof(line),
		 "configuration read again changed=%zu need_restart=%zu",
		 n_changed, n_waiting);
	attendant_say(a, METAFORA_LOG_INFO, line);
}

static void reload(struct attendant *a)
{
	struct metafora_config *fresh;

	notify("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)now_ms() * 1000);
	a->settings->report = log_problem;
	a->settings->report_arg = a;
	if (settings_config(a->settings, &fresh)) {
		attendant_say(a, METAFORA_LOG_ERROR,
			      "configuration is left as it was");
	} else {
		take_over(a, fresh);
		metafora_config_free(fresh);
	}
	notify("READY=1");
}

/* --- SIGUSR1 ----------------------------------------------------------------------- */

static int write_all(const char *path, const char *text)
{
	char fresh[4096];
	FILE *file;
	int failed;

	if (!path) {
		fputs(text, stderr);
		return 0;
	}
	/* Who reads sees the old or the new, never a part. */
	if ((size_t)snprintf(fresh, sizeof(fresh), "%s.new", path) >=
	    sizeof(fresh))
		return ENAMETOOLONG;
	file = fopen(fresh, "we");
	if (!file)
		return errno;
	failed = fputs(text, file) < 0 ? errno : 0;
	if (fclose(file) && !failed)
		failed = errno;
	if (!failed && rename(fresh, path))
		failed = errno;
	if (failed)
		unlink(fresh);
	return failed;
}

static void write_status(struct attendant *a)
{
	char line[METAFORA_LOG_LINE_BYTES];
	const char *why = NULL;
	char *text = NULL;
	int error;

	error = metafora_consumer_status_json(a->consumer, ANSWER_MS, &text);
	if (error) {
		why = metafora_strerror(error);
	} else {
		error = write_all(a->settings->status, text);
		if (error)
			why = strerror(error);
	}
	free(text);
	if (!why)
		return;
	snprintf(line, sizeof(line), "cannot write the status: %s", why);
	attendant_say(a, METAFORA_LOG_ERROR, line);
}

/* --- SIGTERM ----------------------------------------------------------------------- */

/* As if we had never caught it: the warden kills what is left. */
static _Noreturn void end_at_once(int number)
{
	sigset_t one;

	signal(number, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, number);
	pthread_sigmask(SIG_UNBLOCK, &one, NULL);
	raise(number);
	_exit(128 + number);
}

/*
 * The others see that we drain, and that our tasks end in order, before we
 * leave.  A node that has not joined, or does not answer, just leaves.
 */
static void stop(struct attendant *a, int number)
{
	const char *grace = "0";
	char line[64];

	if (atomic_exchange(&a->is_stopping, true))
		end_at_once(number);
	notify("STOPPING=1");
	snprintf(line, sizeof(line), "stopping signal=%d", number);
	attendant_say(a, METAFORA_LOG_INFO, line);
	if (!atomic_load(&a->has_joined) ||
	    metafora_consumer_command(a->consumer, METAFORA_COMMAND_DRAIN, NULL,
				      ANSWER_MS)) {
		metafora_consumer_close(a->consumer);
		return;
	}
	metafora_config_get(a->config, "node.shutdown_grace_ms", 0, &grace);
	a->drain_until_ms = now_ms() + strtoll(grace, NULL, 10);
	a->is_draining = true;
}

static void look_at_drain(struct attendant *a)
{
	struct metafora_task_list *tasks;
	size_t n_left = 0;

	if (now_ms() < a->drain_until_ms &&
	    !metafora_consumer_tasks(a->consumer, ANSWER_MS, &tasks)) {
		n_left = metafora_task_list_size(tasks);
		metafora_task_list_free(tasks);
	}
	if (n_left > 0)
		return;
	a->is_draining = false;
	metafora_consumer_close(a->consumer);
}

/* --- the thread ---------------------------------------------------------------------- */

/* Says that we are alive only if the consumer's loop is. */
static void look_at_watchdog(struct attendant *a)
{
	struct metafora_task_list *tasks;

	if (now_ms() < a->watchdog_at_ms)
		return;
	a->watchdog_at_ms = now_ms() + a->watchdog_ms;
	/* The end has limits of its own, and the manager's. */
	if (!atomic_load(&a->is_stopping)) {
		if (metafora_consumer_tasks(a->consumer, a->watchdog_ms,
					    &tasks))
			return;
		metafora_task_list_free(tasks);
	}
	notify("WATCHDOG=1");
}

static int64_t patience_ms(const struct attendant *a)
{
	int64_t left;

	if (a->is_draining)
		return DRAIN_LOOK_MS;
	if (!a->watchdog_ms)
		return -1;
	left = a->watchdog_at_ms - now_ms();
	return left > 0 ? left : 0;
}

/* The next signal; 0: none came in time. */
static int next_signal(const struct attendant *a)
{
	int64_t ms = patience_ms(a);
	const struct timespec timeout = {
		.tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * NS_PER_MS,
	};
	int number = sigtimedwait(&a->signals, NULL, ms < 0 ? NULL : &timeout);

	return number > 0 ? number : 0;
}

static void *attend(void *arg)
{
	struct attendant *a = arg;
	int number;

	for (;;) {
		number = next_signal(a);
		if (atomic_load(&a->has_ended))
			return NULL;
		if (number == SIGUSR1)
			write_status(a);
		else if (number == SIGHUP && a->settings->config)
			reload(a);
		else if (number)
			stop(a, number);
		if (a->is_draining)
			look_at_drain(a);
		if (a->watchdog_ms)
			look_at_watchdog(a);
	}
}

int attendant_new(struct settings *settings, struct metafora_config *config,
		  struct attendant **out)
{
	struct attendant *a = calloc(1, sizeof(*a));

	if (!a)
		return METAFORA_ENOMEM;
	a->settings = settings;
	a->config = config;
	use_log(a);
	sigemptyset(&a->signals);
	sigaddset(&a->signals, SIGTERM);
	sigaddset(&a->signals, SIGINT);
	sigaddset(&a->signals, SIGHUP);
	sigaddset(&a->signals, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &a->signals, NULL);
	/* Who reads our log may go away. */
	signal(SIGPIPE, SIG_IGN);
	*out = a;
	return 0;
}

int attendant_start(struct attendant *a, struct metafora_consumer *consumer)
{
	a->consumer = consumer;
	a->watchdog_ms = notify_watchdog_ms();
	if (pthread_create(&a->thread, NULL, attend, a))
		return METAFORA_ESYS;
	a->has_thread = true;
	return 0;
}

void attendant_joined(struct attendant *a)
{
	atomic_store(&a->has_joined, true);
	if (atomic_load(&a->is_stopping))
		metafora_consumer_close(a->consumer);
	else
		notify("READY=1\nSTATUS=joined as %s",
		       metafora_consumer_node(a->consumer));
}

bool attendant_is_stopping(const struct attendant *a)
{
	return atomic_load(&a->is_stopping);
}

void attendant_stop(struct attendant *a)
{
	if (!a)
		return;
	if (a->has_thread) {
		atomic_store(&a->has_ended, true);
		pthread_kill(a->thread, SIGTERM);
		pthread_join(a->thread, NULL);
		a->has_thread = false;
	}
	pthread_sigmask(SIG_UNBLOCK, &a->signals, NULL);
}

void attendant_free(struct attendant *a)
{
	free(a);
}
