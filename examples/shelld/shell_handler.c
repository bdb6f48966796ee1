/* SPDX-License-Identifier: Apache-2.0 */
/* A handler for tasks whose properties are shell commands. */
#include "shell_handler.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <metafora/error.h>
#include <metafora/task.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "encode.h"
#include "groups.h"
#include "journal.h"
#include "task_file.h"

#define NS_PER_MS 1000000u

/*
 * Dying takes a moment, so SIGKILL comes before the end of the lease: by a
 * quarter of what is left when the stop is asked for, within these bounds.
 */
#define KILL_MARGIN_MIN_NS (50u * NS_PER_MS)
#define KILL_MARGIN_MAX_NS (1000u * NS_PER_MS)
/* How often a group is looked at whose shell has exited. */
#define EMPTY_POLL_MS 10
/* How long we wait for its end after SIGKILL, if /proc does not tell. */
#define EMPTY_WAIT_NS (200u * NS_PER_MS)
/* Descriptor events taken at a time. */
#define N_EVENTS 64
/* METAFORA_TASK, _NODE and _TOKEN. */
#define N_VARIABLES 3

struct run;

/* What an epoll event points to; run is NULL for the wake-up. */
struct source {
	struct run *run;
	bool is_stop;
};

/* A task that we have.  The reaper's, from when it is taken off pending. */
struct run {
	TAILQ_ENTRY(run) entry; /* pending, running or ended */
	TAILQ_ENTRY(run) timed; /* only if it is on that list */
	struct metafora_task *task;
	struct source child_source;
	struct source stop_source;
	warden_slot *slot;
	pid_t pid;
	int pidfd;   /* -1: the shell has been reaped */
	int stop_fd; /* the library's; -1: no longer watched */
	int wait_status;
	bool is_timed;
	bool killed;     /* SIGKILL was sent */
	bool ended;      /* on the ended list */
	bool has_status; /* wait_status is known */
	uint64_t started_ns;
	uint64_t asked_ns;   /* when asked to stop; 0 if not */
	uint64_t give_up_ns; /* reaped and killed: wait no longer */
	uint64_t margin_ns;  /* of the SIGKILL before the end of the lease */
	enum metafora_outcome outcome;
};

TAILQ_HEAD(run_list, run);

struct shell_handler {
	struct metafora_handler *handler; /* const */
	char *directory;                  /* const */
	int journal_fd;                   /* const */
	uint64_t grace_ns;                /* const */
	metafora_log_fn log;              /* const */
	void *log_arg;                    /* const */
	int epoll_fd;                     /* const */
	int wake_fd;                      /* const; eventfd */
	pthread_t reaper;                 /* const */
	struct source wake_source;        /* const */

	pthread_mutex_t mutex;
	pthread_cond_t none_left;
	struct run_list pending; /* guarded by mutex: started by core */
	size_t n_live;           /* guarded by mutex: runs that are not freed */
	bool dead;               /* guarded by mutex */
	bool closing;            /* guarded by mutex */

	/* The reaper's alone. */
	struct warden *warden;
	struct run_list running;
	struct run_list timed; /* of those running, who wait for a time */
	struct run_list ended; /* to be freed after the present events */
	bool silent;           /* dead: write nothing */
	char **environment;    /* ours, the variables below, NULL */
	char variables[N_VARIABLES][METAFORA_TASK_ID_MAX + 32];
};

/* Log a phrase about a task; error is an errno code, or 0 for none. */
static void say(const struct shell_handler *h, enum metafora_log_level level,
		const struct metafora_task *task, const char *phrase, int error)
{
	char line[METAFORA_LOG_LINE_BYTES];
	char id[ENCODED_BYTES];

	if (!h->log)
		return;
	percent_encode(metafora_task_id(task), id);
	snprintf(line, sizeof(line), "%s%s%s task=%.300s", phrase,
		 error ? " error=" : "", error ? strerror(error) : "", id);
	h->log(h->log_arg, level, line);
}

static void wake(const struct shell_handler *h)
{
	const uint64_t one = 1;

	/* It fails only if it is as full of wake-ups as can be. */
	if (write(h->wake_fd, &one, sizeof(one)) < 0)
		assert(errno == EAGAIN);
}

/* --- callbacks of the library, on a consumer's thread ----------------------- */

static int start(void *arg, struct metafora_task *task)
{
	struct shell_handler *h = arg;
	size_t size_bytes;
	const char *command = metafora_task_properties(task, &size_bytes);
	struct run *run;
	int error;

	if (memchr(command, '\0', size_bytes)) {
		say(h, METAFORA_LOG_ERROR, task, "command holds a NUL byte", 0);
		return METAFORA_EINVAL;
	}
	run = calloc(1, sizeof(*run));
	if (!run)
		return METAFORA_ENOMEM;
	run->task = task;
	run->pidfd = -1;
	run->child_source.run = run;
	run->stop_source.run = run;
	run->stop_source.is_stop = true;
	error = metafora_task_stop_fd(task, &run->stop_fd);
	pthread_mutex_lock(&h->mutex);
	if (!error && (h->dead || h->closing))
		error = METAFORA_ESTOPPED;
	if (!error && h->n_live == SHELL_TASKS_MAX)
		error = METAFORA_EFULL;
	if (!error) {
		h->n_live++;
		TAILQ_INSERT_TAIL(&h->pending, run, entry);
	}
	pthread_mutex_unlock(&h->mutex);
	if (error) {
		free(run);
		return error;
	}
	wake(h);
	return 0;
}

/*
 * The first stop shows in the stop descriptor, which the lease guard sets even
 * if the consumer's thread is stuck; a later one, when the claim is lost while
 * a grace runs, only here.
 */
static void stop(void *arg, struct metafora_task *task)
{
	(void)task;
	wake(arg);
}

/* --- the life of a run, on the reaper thread -------------------------------- */

static const char *outcome_name(enum metafora_outcome outcome)
{
	return outcome == METAFORA_DONE ? JOURNAL_DONE : JOURNAL_RELEASE;
}

static int record(const struct shell_handler *h, const struct run *run,
		  enum journal_event event, const char *outcome)
{
	const struct journal_line line = {
		.node = metafora_task_node(run->task),
		.task = metafora_task_id(run->task),
		.token = metafora_task_token(run->task),
		.event = event,
		.deadline_ns = metafora_task_lease_deadline_ns(run->task),
		.outcome = outcome,
	};

	if (h->silent || h->journal_fd < 0 ||
	    !journal_write(h->journal_fd, &line))
		return 0;
	say(h, METAFORA_LOG_ERROR, run->task, "journal cannot be written",
	    errno);
	return -1;
}

static void set_timed(struct shell_handler *h, struct run *run)
{
	if (run->is_timed)
		return;
	run->is_timed = true;
	TAILQ_INSERT_TAIL(&h->timed, run, timed);
}

static void unwatch(const struct shell_handler *h, int *fd)
{
	if (*fd < 0)
		return;
	epoll_ctl(h->epoll_fd, EPOLL_CTL_DEL, *fd, NULL);
	*fd = -1;
}

/* Nothing of the run is left: tell the library. */
static void finish(struct shell_handler *h, struct run *run)
{
	unwatch(h, &run->stop_fd);
	if (run->slot)
		warden_give_back(run->slot);
	if (run->is_timed)
		TAILQ_REMOVE(&h->timed, run, timed);
	TAILQ_REMOVE(&h->running, run, entry);
	TAILQ_INSERT_TAIL(&h->ended, run, entry);
	run->ended = true;
	/* What nobody may know of was not done. */
	metafora_task_finish(run->task,
			     h->silent ? METAFORA_RELEASE : run->outcome);
	run->task = NULL;
}

/* The run has been: keep its status, then finish. */
static void conclude(struct shell_handler *h, struct run *run)
{
	const struct task_status status = {
		.task = metafora_task_id(run->task),
		.node = metafora_task_node(run->task),
		.token = metafora_task_token(run->task),
		.started_ns = run->started_ns,
		.ended_ns = journal_now_ns(),
		.wait_status = run->wait_status,
		.outcome = outcome_name(run->outcome),
	};

	if (!h->silent && run->has_status &&
	    task_file_write_status(h->directory, &status))
		say(h, METAFORA_LOG_ERROR, run->task,
		    "status cannot be written", errno);
	record(h, run, JOURNAL_END, status.outcome);
	finish(h, run);
}

static void kill_group(struct run *run)
{
	kill(-run->pid, SIGKILL);
	run->killed = true;
	run->give_up_ns = journal_now_ns() + EMPTY_WAIT_NS;
}

/* Not even a zombie is left. */
static bool group_is_gone(const struct run *run)
{
	return kill(-run->pid, 0) && errno == ESRCH;
}

/* The shell has exited; others of its group may not have. */
static void reap(struct shell_handler *h, struct run *run)
{
	int pidfd = run->pidfd;

	/*
	 * Without its shell the task is over and what it left must go; but
	 * when it was asked to stop, all of the group have their grace.
	 */
	if (!run->asked_ns)
		kill_group(run);
	/* Closing is not enough: a child just forked may hold a copy. */
	unwatch(h, &run->pidfd);
	close(pidfd);
	run->has_status = waitpid(run->pid, &run->wait_status, 0) == run->pid;
	if (!run->has_status)
		say(h, METAFORA_LOG_ERROR, run->task,
		    "child was reaped by somebody else", 0);
	run->outcome = run->has_status && !run->asked_ns ? METAFORA_DONE
							 : METAFORA_RELEASE;
	if (group_is_gone(run))
		conclude(h, run);
	else
		set_timed(h, run);
}

static bool has_exited(const struct run *run)
{
	siginfo_t info = {0};

	return !waitid(P_PID, (id_t)run->pid, &info,
		       WEXITED | WNOHANG | WNOWAIT) &&
	       info.si_pid == run->pid;
}

static uint64_t kill_margin(const struct run *run)
{
	uint64_t deadline_ns = metafora_task_lease_deadline_ns(run->task);
	uint64_t quarter_ns = deadline_ns > run->asked_ns
				      ? (deadline_ns - run->asked_ns) / 4
				      : 0;

	if (quarter_ns < KILL_MARGIN_MIN_NS)
		return KILL_MARGIN_MIN_NS;
	return quarter_ns < KILL_MARGIN_MAX_NS ? quarter_ns
					       : KILL_MARGIN_MAX_NS;
}

static void ask_to_stop(struct shell_handler *h, struct run *run)
{
	/* It stays readable: do not hear of it again. */
	unwatch(h, &run->stop_fd);
	/* One that ended by itself first is done, not stopped. */
	if (run->pidfd < 0 || has_exited(run))
		return;
	run->asked_ns = journal_now_ns();
	run->margin_ns = kill_margin(run);
	set_timed(h, run);
	record(h, run, JOURNAL_STOP_ASKED,
	       metafora_stop_reason_name(metafora_task_stop_reason(run->task)));
	kill(-run->pid, SIGTERM);
	/* Or one that was suspended would never see it. */
	kill(-run->pid, SIGCONT);
}

/*
 * When the grace of a run that was asked to stop ends.  The lease is read
 * anew each time: it moves on while the node is in touch with the broker, and
 * is 0 once the claim is lost.
 */
static uint64_t kill_at(const struct shell_handler *h, const struct run *run)
{
	uint64_t deadline_ns = metafora_task_lease_deadline_ns(run->task);
	uint64_t grace_end_ns = run->asked_ns + h->grace_ns;
	uint64_t lease_end_ns =
		deadline_ns > run->margin_ns ? deadline_ns - run->margin_ns : 0;

	return grace_end_ns < lease_end_ns ? grace_end_ns : lease_end_ns;
}

/* The shell was reaped: whether the others are gone, or given up. */
static bool is_over(const struct run *run, const struct groups *living,
		    uint64_t now_ns)
{
	return (living->n && !groups_has(living, run->pid)) ||
	       group_is_gone(run) || (run->killed && now_ns >= run->give_up_ns);
}

/*
 * Do what is due for one run.  Returns when to look at it again, in
 * milliseconds; 0: never again, it has ended.
 */
static uint64_t run_timed_one(struct shell_handler *h, struct run *run,
			      struct groups *living)
{
	uint64_t at_ns = kill_at(h, run);
	uint64_t now_ns = journal_now_ns();

	if (!run->killed && now_ns >= at_ns)
		kill_group(run);
	if (run->pidfd >= 0) /* its end will be an event */
		return run->killed ? INT_MAX : (at_ns - now_ns) / NS_PER_MS + 1;
	/* One look serves all runs of this turn. */
	if (!living->n)
		groups_look(living);
	if (!is_over(run, living, now_ns))
		return EMPTY_POLL_MS;
	conclude(h, run);
	return 0;
}

/* Do what is due; returns when to look again, in milliseconds, -1 never. */
static int run_timed(struct shell_handler *h)
{
	struct run *run = TAILQ_FIRST(&h->timed);
	struct groups living = {0};
	uint64_t timeout_ms = INT_MAX;
	struct run *next;

	for (; run; run = next) {
		uint64_t wait_ms;

		next = TAILQ_NEXT(run, timed);
		wait_ms = run_timed_one(h, run, &living);
		if (wait_ms && wait_ms < timeout_ms)
			timeout_ms = wait_ms;
	}
	groups_free(&living);
	return TAILQ_EMPTY(&h->timed) ? -1 : (int)timeout_ms;
}

static void set_variables(struct shell_handler *h,
			  const struct metafora_task *task)
{
	const size_t n_bytes = sizeof(h->variables[0]);

	snprintf(h->variables[0], n_bytes, "METAFORA_TASK=%s",
		 metafora_task_id(task));
	snprintf(h->variables[1], n_bytes, "METAFORA_NODE=%s",
		 metafora_task_node(task));
	snprintf(h->variables[2], n_bytes, "METAFORA_TOKEN=%" PRIu64,
		 metafora_task_token(task));
}

static int watch(const struct shell_handler *h, int fd, struct source *source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};

	return epoll_ctl(h->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? errno : 0;
}

/* Start the shell.  Returns 0 or an errno code; then no child is left. */
static int launch_child(struct shell_handler *h, struct run *run)
{
	const char *command = metafora_task_properties(run->task, NULL);
	const char *id = metafora_task_id(run->task);
	int output_fd = task_file_open_output(h->directory, id);
	int error;

	if (output_fd < 0)
		return errno;
	run->slot = warden_take(h->warden);
	assert(run->slot); /* start counted */
	set_variables(h, run->task);
	error = child_start(command, h->environment, output_fd, run->slot,
			    &run->pid, &run->pidfd);
	close(output_fd);
	return error;
}

/* Take the next pending task, if there is one; false if there is none. */
static bool launch_next(struct shell_handler *h)
{
	struct run *run;
	int error;

	pthread_mutex_lock(&h->mutex);
	run = TAILQ_FIRST(&h->pending);
	if (run)
		TAILQ_REMOVE(&h->pending, run, entry);
	pthread_mutex_unlock(&h->mutex);
	if (!run)
		return false;
	TAILQ_INSERT_TAIL(&h->running, run, entry);
	run->outcome = METAFORA_RELEASE;
	run->started_ns = journal_now_ns();
	/* A run that the journal does not know would be hidden from a check. */
	if (h->silent || metafora_task_stopping(run->task) ||
	    record(h, run, JOURNAL_START, NULL)) {
		run->stop_fd = -1;
		finish(h, run);
		return true;
	}
	error = launch_child(h, run);
	if (!error)
		error = watch(h, run->pidfd, &run->child_source);
	if (!error)
		error = watch(h, run->stop_fd, &run->stop_source);
	if (!error)
		return true;
	say(h, METAFORA_LOG_ERROR, run->task, "command cannot be started",
	    error);
	if (run->pid) {
		run->asked_ns = run->started_ns; /* so that it is released */
		kill_group(run);
		reap(h, run);
	} else {
		run->stop_fd = -1;
		conclude(h, run);
	}
	return true;
}

static void take_event(struct shell_handler *h, const struct source *source)
{
	uint64_t count;

	if (!source->run) {
		/* Others may read nothing: it only says to look again. */
		if (read(h->wake_fd, &count, sizeof(count)) < 0)
			assert(errno == EAGAIN);
		return;
	}
	if (source->run->ended)
		return; /* by an earlier event of the same turn */
	if (source->is_stop)
		ask_to_stop(h, source->run);
	else if (source->run->pidfd >= 0)
		reap(h, source->run);
}

static void kill_all(struct shell_handler *h)
{
	struct run *run;

	TAILQ_FOREACH(run, &h->running, entry)
		if (!run->killed) {
			kill_group(run);
			run->asked_ns = journal_now_ns();
		}
}

/* Free what has ended.  Returns whether the reaper's work is over. */
static bool settle(struct shell_handler *h)
{
	struct run *run;
	bool is_over;

	pthread_mutex_lock(&h->mutex);
	while ((run = TAILQ_FIRST(&h->ended))) {
		TAILQ_REMOVE(&h->ended, run, entry);
		free(run);
		h->n_live--;
	}
	if (!h->n_live)
		pthread_cond_broadcast(&h->none_left);
	is_over = h->closing && !h->n_live;
	h->silent = h->dead;
	pthread_mutex_unlock(&h->mutex);
	return is_over;
}

/* The reaper: starts the children, so that they die with its process. */
static void *reaper_main(void *arg)
{
	struct epoll_event events[N_EVENTS];
	struct shell_handler *h = arg;
	int timeout_ms;
	int n;
	int i;

	while (!settle(h)) {
		if (h->silent)
			kill_all(h);
		/* One at a time, so that many starts delay no stop. */
		timeout_ms = launch_next(h) ? 0 : run_timed(h);
		if (!TAILQ_EMPTY(&h->ended))
			timeout_ms = 0;
		n = epoll_wait(h->epoll_fd, events, N_EVENTS, timeout_ms);
		for (i = 0; i < n; i++)
			take_event(h, events[i].data.ptr);
	}
	return NULL;
}

/* --- making one -------------------------------------------------------------- */

static bool is_variable(const char *text)
{
	return !strncmp(text, "METAFORA_TASK=", 14) ||
	       !strncmp(text, "METAFORA_NODE=", 14) ||
	       !strncmp(text, "METAFORA_TOKEN=", 15);
}

/* The strings stay the environment's own. */
static int make_environment(struct shell_handler *h)
{
	size_t n = 0;
	size_t i;

	while (environ && environ[n])
		n++;
	h->environment = calloc(n + N_VARIABLES + 1, sizeof(char *));
	if (!h->environment)
		return METAFORA_ENOMEM;
	n = 0;
	for (i = 0; environ && environ[i]; i++)
		if (!is_variable(environ[i]))
			h->environment[n++] = environ[i];
	for (i = 0; i < N_VARIABLES; i++)
		h->environment[n++] = h->variables[i];
	return 0;
}

static int make_library_handler(struct shell_handler *h)
{
	int error = metafora_handler_new_async(start, h, &h->handler);

	return error ? error : metafora_handler_set_stop(h->handler, stop);
}

static int make_descriptors(struct shell_handler *h)
{
	h->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	h->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (h->epoll_fd < 0 || h->wake_fd < 0 ||
	    watch(h, h->wake_fd, &h->wake_source))
		return METAFORA_ESYS;
	return 0;
}

/* With all signals blocked: they are the program's business. */
static int start_reaper(struct shell_handler *h)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&h->reaper, NULL, reaper_main, h);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error ? METAFORA_ESYS : 0;
}

/* All but the reaper. */
static void release(struct shell_handler *h)
{
	warden_free(h->warden);
	metafora_handler_free(h->handler);
	if (h->epoll_fd >= 0)
		close(h->epoll_fd);
	if (h->wake_fd >= 0)
		close(h->wake_fd);
	pthread_cond_destroy(&h->none_left);
	pthread_mutex_destroy(&h->mutex);
	free(h->environment);
	free(h->directory);
	free(h);
}

int shell_handler_new(const struct shell_options *options,
		      struct shell_handler **out)
{
	struct shell_handler *h;
	int error;

	if (!options || !options->directory || !out)
		return METAFORA_EINVAL;
	if (options->grace_ms < 0 || options->grace_ms > SHELL_GRACE_MAX_MS)
		return METAFORA_ERANGE;
	h = calloc(1, sizeof(*h));
	if (!h)
		return METAFORA_ENOMEM;
	h->epoll_fd = -1;
	h->wake_fd = -1;
	h->journal_fd = options->journal_fd;
	h->grace_ns = (uint64_t)options->grace_ms * NS_PER_MS;
	h->log = options->log;
	h->log_arg = options->log_arg;
	pthread_mutex_init(&h->mutex, NULL);
	pthread_cond_init(&h->none_left, NULL);
	TAILQ_INIT(&h->pending);
	TAILQ_INIT(&h->running);
	TAILQ_INIT(&h->timed);
	TAILQ_INIT(&h->ended);
	h->directory = strdup(options->directory);
	error = h->directory ? make_environment(h) : METAFORA_ENOMEM;
	if (!error)
		error = make_library_handler(h);
	if (!error)
		error = make_descriptors(h);
	if (!error && warden_new(&h->warden))
		error = METAFORA_ESYS;
	if (!error)
		error = start_reaper(h);
	if (error) {
		release(h);
		return error;
	}
	*out = h;
	return 0;
}

struct metafora_handler *
shell_handler_handler(struct shell_handler *shell_handler)
{
	return shell_handler->handler;
}

void shell_handler_die(struct shell_handler *shell_handler)
{
	struct shell_handler *h = shell_handler;

	pthread_mutex_lock(&h->mutex);
	h->dead = true;
	wake(h);
	while (h->n_live)
		pthread_cond_wait(&h->none_left, &h->mutex);
	pthread_mutex_unlock(&h->mutex);
}

void shell_handler_free(struct shell_handler *shell_handler)
{
	struct shell_handler *h = shell_handler;

	if (!h)
		return;
	pthread_mutex_lock(&h->mutex);
	h->closing = true;
	pthread_mutex_unlock(&h->mutex);
	wake(h);
	pthread_join(h->reaper, NULL);
	release(h);
}
