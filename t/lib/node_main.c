/* SPDX-License-Identifier: Apache-2.0 */
/* A node of a test's cluster, in a process of its own: it keeps a journal. */
#include <fcntl.h>
#include <metafora.h>
#include <metafora/zookeeper.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "node_main.h"
#include "ownership.h"

#define LOOK_NS 5000000L
#define SHUTDOWN_GRACE_MS 5000

/* A task that runs here. */
struct run {
	TAILQ_ENTRY(run) link;
	struct metafora_task *task;
	uint64_t deadline_ns;
};

static struct {
	const char *name;
	int journal;
	bool keeps_leases; /* in the journal */
	/* Whether runs go on, asked to stop or not, until they are lost. */
	bool is_stubborn;
	pthread_mutex_t lock;
	TAILQ_HEAD(, run) runs; /* guarded by lock */
} node = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void check(int error, const char *what)
{
	if (!error)
		return;
	fprintf(stderr, "%s: %s\n", what, metafora_strerror(error));
	/* Not exit: what is allocated is no leak. */
	_exit(-error);
}

static void note(struct metafora_task *task, enum ownership_event event,
		 uint64_t deadline_ns)
{
	if (!ownership_write(node.journal, node.name, metafora_task_id(task),
			     metafora_task_token(task), event, deadline_ns)) {
		perror("journal");
		abort();
	}
}

/* --- the handler: as long as a run is in the list, nobody has finished it ------------- */

static int start(void *arg, struct metafora_task *task)
{
	struct run *run = calloc(1, sizeof(*run));
	size_t n_bytes;
	const char *properties = metafora_task_properties(task, &n_bytes);

	(void)arg;
	if (!run)
		return METAFORA_ENOMEM;
	run->task = task;
	run->deadline_ns = metafora_task_lease_deadline_ns(task);
	note(task, OWNERSHIP_START, run->deadline_ns);
	if (!strcmp(properties, NODE_DONE)) {
		note(task, OWNERSHIP_DONE, 0);
		free(run);
		metafora_task_finish(task, METAFORA_DONE);
		return 0;
	}
	metafora_task_set_context(task, run);
	pthread_mutex_lock(&node.lock);
	TAILQ_INSERT_TAIL(&node.runs, run, link);
	pthread_mutex_unlock(&node.lock);
	return 0;
}

/* With the lock held; the run is freed. */
static void release(struct run *run)
{
	struct metafora_task *task = run->task;

	TAILQ_REMOVE(&node.runs, run, link);
	metafora_task_set_context(task, NULL);
	free(run);
	note(task, OWNERSHIP_RELEASE, 0);
	metafora_task_finish(task, METAFORA_RELEASE);
}

static void stop(void *arg, struct metafora_task *task)
{
	struct run *run;

	(void)arg;
	pthread_mutex_lock(&node.lock);
	run = metafora_task_context(task);
	if (run && !node.is_stubborn)
		release(run);
	pthread_mutex_unlock(&node.lock);
}

/* --- the watch over leases ------------------------------------------------------------- */

static void look(struct run *run)
{
	const uint64_t deadline_ns = metafora_task_lease_deadline_ns(run->task);

	if (deadline_ns == run->deadline_ns)
		return;
	run->deadline_ns = deadline_ns;
	if (deadline_ns) {
		if (node.keeps_leases)
			note(run->task, OWNERSHIP_LEASE, deadline_ns);
		return;
	}
	note(run->task, OWNERSHIP_LOST, 0);
	if (node.is_stubborn)
		release(run);
}

/* Until SIGTERM. */
static void watch(const sigset_t *signals)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	struct run *run, *next;

	while (sigtimedwait(signals, NULL, &pause) < 0) {
		pthread_mutex_lock(&node.lock);
		for (run = TAILQ_FIRST(&node.runs); run; run = next) {
			next = TAILQ_NEXT(run, link);
			look(run);
		}
		pthread_mutex_unlock(&node.lock);
	}
	/* Who is told to end obeys in any case. */
	pthread_mutex_lock(&node.lock);
	node.is_stubborn = false;
	pthread_mutex_unlock(&node.lock);
}

/* --- life --------------------------------------------------------------------------------- */

static struct metafora_coordinator *make_coordinator(char *const *argv)
{
	struct metafora_zookeeper_options *options;
	struct metafora_coordinator *coordinator;

	check(metafora_zookeeper_options_new(argv[NODE_SERVERS],
					     argv[NODE_NAMESPACE], &options),
	      "options");
	check(metafora_zookeeper_set_session_timeout_ms(
		      options, atoll(argv[NODE_TIMEOUT_MS])),
	      "timeout");
	check(metafora_zookeeper_coordinator_new(options, &coordinator),
	      "coordinator");
	metafora_zookeeper_options_free(options);
	return coordinator;
}

int main(int argc, char **argv)
{
	struct metafora_coordinator *coordinator;
	struct metafora_handler *handler;
	struct metafora_consumer *consumer;
	sigset_t signals;

	if (argc != NODE_N_ARGUMENTS)
		return 2;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	TAILQ_INIT(&node.runs);
	node.name = argv[NODE_NAME];
	node.keeps_leases = strchr(argv[NODE_FLAGS], NODE_FLAG_LEASES);
	node.is_stubborn = strchr(argv[NODE_FLAGS], NODE_FLAG_STUBBORN);
	node.journal = open(argv[NODE_JOURNAL],
			    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	coordinator = make_coordinator(argv);
	check(metafora_handler_new_async(start, NULL, &handler), "handler");
	check(metafora_handler_set_stop(handler, stop), "handler");
	check(metafora_consumer_new(node.name, coordinator, NULL, handler,
				    &consumer),
	      "consumer");
	check(metafora_consumer_set_log(consumer, metafora_log_stderr, NULL,
					METAFORA_LOG_INFO),
	      "log");
	check(metafora_consumer_set_shutdown_grace_ms(consumer,
						      SHUTDOWN_GRACE_MS),
	      "grace");
	check(metafora_consumer_start(consumer, atoll(argv[NODE_JOIN_MS])),
	      "start");
	fprintf(stderr, "%s\n", NODE_JOINED);
	watch(&signals);
	check(metafora_consumer_stop(consumer), "stop");
	metafora_consumer_free(consumer);
	metafora_handler_free(handler);
	metafora_coordinator_free(coordinator);
	return 0;
}
