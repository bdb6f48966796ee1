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

#include <uthash.h>

#include "node_main.h"
#include "ownership.h"

#define LOOK_NS 5000000L
#define NS_PER_MS 1000000
#define SHUTDOWN_GRACE_MS 5000
#define PREPARE_MAX_MS 10000

/* A task that runs here. */
struct run {
	TAILQ_ENTRY(run) link;
	struct metafora_task *task;
	uint64_t deadline_ns;
	uint64_t warm_ns; /* when it will be; 0: it is */
};

/* What warms up for a task that does not run here yet. */
struct warm_up {
	UT_hash_handle hh;
	uint64_t warm_ns;
	char id[];
};

static struct {
	const char *name;
	int journal;
	bool keeps_leases; /* in the journal */
	/* Whether runs go on, asked to stop or not, until they are lost. */
	bool is_stubborn;
	bool warms; /* runs have to warm up */
	struct warm_up *warm_ups; /* by ID; the consumer's thread only */
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

/* --- warming up ------------------------------------------------------------------------ */

static uint64_t warm_at_ns(void)
{
	return ownership_now_ns() + NODE_WARM_UP_MS * NS_PER_MS;
}

static int64_t prepare(void *arg, const char *id)
{
	const size_t n_bytes = strlen(id);
	const uint64_t now_ns = ownership_now_ns();
	struct warm_up *warm_up;

	(void)arg;
	HASH_FIND(hh, node.warm_ups, id, n_bytes, warm_up);
	if (!warm_up) {
		warm_up = calloc(1, sizeof(*warm_up) + n_bytes + 1);
		if (!warm_up)
			return -1;
		memcpy(warm_up->id, id, n_bytes);
		warm_up->warm_ns = warm_at_ns();
		HASH_ADD(hh, node.warm_ups, id, n_bytes, warm_up);
	}
	return warm_up->warm_ns <= now_ns
		       ? 0
		       : (int64_t)(warm_up->warm_ns - now_ns) / NS_PER_MS + 1;
}

/* When what begins now will be warm. */
static uint64_t take_warm_up(const char *id)
{
	uint64_t warm_ns = warm_at_ns();
	struct warm_up *warm_up;

	HASH_FIND_STR(node.warm_ups, id, warm_up);
	if (warm_up) {
		warm_ns = warm_up->warm_ns;
		HASH_DEL(node.warm_ups, warm_up);
		free(warm_up);
	}
	return warm_ns;
}

static void look_whether_warm(struct run *run)
{
	if (!run->warm_ns || run->warm_ns > ownership_now_ns())
		return;
	run->warm_ns = 0;
	note(run->task, OWNERSHIP_WARM, 0);
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
	if (node.warms)
		run->warm_ns = take_warm_up(metafora_task_id(task));
	look_whether_warm(run);
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

/* --- the watch over runs --------------------------------------------------------------- */

static void look(struct run *run)
{
	const uint64_t deadline_ns = metafora_task_lease_deadline_ns(run->task);

	look_whether_warm(run);
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
	node.warms = strchr(argv[NODE_FLAGS], NODE_FLAG_WARMS);
	node.journal = open(argv[NODE_JOURNAL],
			    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	coordinator = make_coordinator(argv);
	check(metafora_handler_new_async(start, NULL, &handler), "handler");
	check(metafora_handler_set_stop(handler, stop), "handler");
	if (strchr(argv[NODE_FLAGS], NODE_FLAG_PREPARES))
		check(metafora_handler_set_prepare(handler, prepare,
						   PREPARE_MAX_MS),
		      "prepare");
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
