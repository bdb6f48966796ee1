/* SPDX-License-Identifier: Apache-2.0 */
/* Some nodes of a benchmark's cluster in a process of their own. */
#include "node.h"

#include <linux/tcp.h>
#include <malloc.h>
#include <metafora.h>
#include <metafora/zookeeper.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "journal.h"
#include "program.h"

#define JOIN_MS 120000
#define COMMAND_MS 30000
#define FDS_MAX 4096

struct tcp_counts {
	uint64_t in_bytes, out_bytes;
};

static struct {
	struct journal *journal;
	unsigned int first;
	unsigned int count;
	size_t n_tasks;
	/* Whoever takes one out of its place finishes it. */
	_Atomic(struct metafora_task *) *tasks;
	atomic_bool work_is_done;
	const char *flags;
	struct metafora_consumer *consumers[JOURNAL_NODES_MAX];
} node;

static void check(int error, const char *what)
{
	if (!error)
		return;
	fprintf(stderr, "%s: %s\n", what, metafora_strerror(error));
	_exit(1);
}

static bool has_flag(char flag)
{
	return strchr(node.flags, flag);
}

/* --- the handler -------------------------------------------------------------------- */

static uint32_t number_of(const struct metafora_task *task)
{
	const size_t n_prefix = strlen(NODE_TASK_PREFIX);
	const unsigned long n =
		strtoul(metafora_task_id(task) + n_prefix, NULL, 10);

	check(n < node.n_tasks ? 0 : METAFORA_ERANGE, "task");
	return (uint32_t)n;
}

static uint16_t node_of(const struct metafora_task *task)
{
	unsigned int i;

	if (sscanf(metafora_task_node(task), NODE_NAME_FORMAT, &i) != 1)
		abort();
	return (uint16_t)(i - node.first);
}

static void finish(uint32_t i, enum metafora_outcome outcome)
{
	struct metafora_task *task = atomic_exchange(&node.tasks[i], NULL);

	if (!task)
		return;
	journal_write(node.journal, node_of(task), i,
		      outcome == METAFORA_DONE ? JOURNAL_DONE : JOURNAL_STOP);
	check(metafora_task_finish(task, outcome), "finish");
}

static int start(void *arg, struct metafora_task *task)
{
	const uint32_t i = number_of(task);

	(void)arg;
	journal_write(node.journal, node_of(task), i, JOURNAL_START);
	atomic_store(&node.tasks[i], task);
	if (atomic_load(&node.work_is_done))
		finish(i, METAFORA_DONE);
	return 0;
}

static void stop(void *arg, struct metafora_task *task)
{
	(void)arg;
	finish(number_of(task), METAFORA_RELEASE);
}

static enum metafora_outcome run(void *arg, struct metafora_task *task)
{
	const uint32_t i = number_of(task);

	(void)arg;
	journal_write(node.journal, node_of(task), i, JOURNAL_START);
	metafora_task_stop_wait(task, -1);
	journal_write(node.journal, node_of(task), i, JOURNAL_STOP);
	return METAFORA_RELEASE;
}

/* --- what is told ----------------------------------------------------------------------- */

static void log_line(void *arg, enum metafora_log_level level, const char *line)
{
	const uint16_t i = (uint16_t)(uintptr_t)arg;
	uint32_t n;

	if (sscanf(line, "claims sent n=%u", &n) == 1)
		journal_write(node.journal, i, n, JOURNAL_CLAIM);
	else if (sscanf(line, "claims decided n=%u", &n) == 1)
		journal_write(node.journal, i, n, JOURNAL_DECIDE);
	else if (level <= METAFORA_LOG_WARN)
		metafora_log_stderr(NULL, level, line);
}

static double rss_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long n_pages = 0;

	if (!file || fscanf(file, "%*u %lu", &n_pages) != 1)
		perror("/proc/self/statm");
	if (file)
		fclose(file);
	return (double)n_pages * (double)sysconf(_SC_PAGESIZE);
}

static struct tcp_counts count_tcp(void)
{
	struct tcp_counts counts = {0, 0};
	int fd;

	for (fd = 0; fd < FDS_MAX; fd++) {
		struct tcp_info info;
		socklen_t size = sizeof(info);

		memset(&info, 0, sizeof(info));
		if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size))
			continue;
		counts.in_bytes += info.tcpi_bytes_received;
		counts.out_bytes += info.tcpi_bytes_acked;
	}
	return counts;
}

static void tell_usage(void)
{
	struct journal_usage *usage = &node.journal->usage;
	const struct tcp_counts tcp = count_tcp();
	const struct mallinfo2 heap = mallinfo2();

	usage->cpu_ms = bench_cpu_ms_since(0);
	usage->heap_bytes = (double)heap.uordblks + (double)heap.hblkhd;
	usage->rss_bytes = rss_bytes();
	usage->in_bytes = (double)tcp.in_bytes;
	usage->out_bytes = (double)tcp.out_bytes;
	atomic_fetch_add(&node.journal->n_usages, 1);
}

/* --- life ------------------------------------------------------------------------------- */

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
	check(metafora_zookeeper_set_acl_mode(options,
					      METAFORA_ZOOKEEPER_ACL_WORLD),
	      "acl");
	check(metafora_zookeeper_coordinator_new(options, &coordinator),
	      "coordinator");
	metafora_zookeeper_options_free(options);
	return coordinator;
}

static struct metafora_handler *make_handler(void)
{
	struct metafora_handler *handler;

	if (has_flag(NODE_FLAG_THREADED)) {
		check(metafora_handler_new_threaded(run, NULL, &handler),
		      "handler");
		return handler;
	}
	check(metafora_handler_new_async(start, NULL, &handler), "handler");
	check(metafora_handler_set_stop(handler, stop), "handler");
	return handler;
}

static void make_consumer(unsigned int i,
			  struct metafora_coordinator *coordinator,
			  struct metafora_handler *handler, int64_t pace)
{
	struct metafora_balancer *balancer;
	char name[32];

	snprintf(name, sizeof(name), NODE_NAME_FORMAT, node.first + i);
	check(metafora_balancer_fair_new(&balancer), "balancer");
	check(metafora_balancer_fair_set_max_moves_per_second(balancer, pace),
	      "pace");
	check(metafora_consumer_new(name, coordinator, balancer, handler,
				    &node.consumers[i]),
	      "consumer");
	check(metafora_consumer_set_log(
		      node.consumers[i], log_line, (void *)(uintptr_t)i,
		      has_flag(NODE_FLAG_TELLS) ? METAFORA_LOG_DEBUG
						: METAFORA_LOG_WARN),
	      "log");
}

static void *join(void *arg)
{
	struct metafora_consumer *consumer = arg;

	check(metafora_consumer_start(consumer, JOIN_MS), "join");
	if (has_flag(NODE_FLAG_FROZEN))
		check(metafora_consumer_command(consumer,
						METAFORA_COMMAND_FREEZE, NULL,
						COMMAND_MS),
		      "freeze");
	atomic_fetch_add(&node.journal->n_joined, 1);
	return NULL;
}

/* All at once, for each waits for its answers. */
static void join_all(void)
{
	pthread_t threads[JOURNAL_NODES_MAX];
	unsigned int i;

	atomic_store(&node.journal->join_ns, bench_now_ns());
	for (i = 0; i < node.count; i++)
		check(pthread_create(&threads[i], NULL, join, node.consumers[i])
			      ? METAFORA_ESYS
			      : 0,
		      "thread");
	for (i = 0; i < node.count; i++)
		pthread_join(threads[i], NULL);
}

static void finish_all(void)
{
	uint32_t i;

	atomic_store(&node.work_is_done, true);
	for (i = 0; i < node.n_tasks; i++)
		finish(i, METAFORA_DONE);
}

static void obey_signals(const sigset_t *signals)
{
	int signal = 0;

	while (signal != SIGTERM) {
		if (sigwait(signals, &signal))
			abort();
		if (signal == SIGUSR1)
			tell_usage();
		else if (signal == SIGUSR2)
			finish_all();
	}
}

static void stop_all(void)
{
	unsigned int i;

	for (i = 0; i < node.count; i++)
		metafora_consumer_close(node.consumers[i]);
	for (i = 0; i < node.count; i++) {
		check(metafora_consumer_stop(node.consumers[i]), "stop");
		metafora_consumer_free(node.consumers[i]);
	}
}

static void read_arguments(int argc, char **argv)
{
	if (argc != NODE_N_ARGUMENTS) {
		fprintf(stderr, "this is started by bench/zookeeper\n");
		exit(2);
	}
	node.first = (unsigned int)strtoul(argv[NODE_FIRST], NULL, 10);
	node.count = (unsigned int)strtoul(argv[NODE_COUNT], NULL, 10);
	node.n_tasks = strtoul(argv[NODE_TASKS], NULL, 10);
	node.flags = argv[NODE_FLAGS];
	node.journal = journal_open(argv[NODE_JOURNAL]);
	node.tasks = calloc(node.n_tasks, sizeof(*node.tasks));
	check(node.tasks && node.count <= JOURNAL_NODES_MAX ? 0
							    : METAFORA_ENOMEM,
	      "tasks");
}

int main(int argc, char **argv)
{
	struct metafora_coordinator *coordinator;
	struct metafora_handler *handler;
	sigset_t signals;
	unsigned int i;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	read_arguments(argc, argv);
	coordinator = make_coordinator(argv);
	handler = make_handler();
	for (i = 0; i < node.count; i++)
		make_consumer(i, coordinator, handler, atoll(argv[NODE_PACE]));
	join_all();
	obey_signals(&signals);
	stop_all();
	metafora_handler_free(handler);
	metafora_coordinator_free(coordinator);
	free(node.tasks);
	journal_close(node.journal);
	return 0;
}
