/* SPDX-License-Identifier: Apache-2.0 */
/* Very many asynchronous tasks on the embedded broker: times and memory. */
#include <malloc.h>
#include <metafora.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "figures.h"
#include "program.h"

#define TIMEOUT_MS 600000
#define SESSION_TIMEOUT_MS 10000
#define NODES_MAX 64
#define IDLE_S 2
#define ID_PREFIX "task-"
/* Used up less of the processor in a tenth of a second: it has come to rest. */
#define AT_REST_MS 1.0
#define REST_TRIES_MAX 300

enum metric {
	SUBMIT_MS,
	RUNNING_MS,
	LATENCY_MS,
	SETTLE_MS,
	IDLE_CPU,
	FINISH_MS,
	TAKEOVER_MS,
	STOP_MS,
	CPU_US,
	BROKER_BYTES,
	NODE_BYTES,
	TOTAL_BYTES,
	RSS_BYTES,
	PEAK_BYTES,
	N_METRICS
};

static const struct figure figures[N_METRICS] = {
	[SUBMIT_MS] = {"submit", "ms", "one call that submits all tasks"},
	[RUNNING_MS] = {"running", "ms",
			"from before that call until all tasks run"},
	[LATENCY_MS] = {"first", "ms",
			"from before that call until the first task runs"},
	[SETTLE_MS] = {"settle", "ms", "from there until all is at rest"},
	[IDLE_CPU] = {"idle-cpu", "percent",
		      "of one processor, all tasks running, at rest"},
	[FINISH_MS] = {"finish", "ms",
		       "from the first finish until no task is left"},
	[TAKEOVER_MS] = {"takeover", "ms",
			 "from the start of the nodes until all tasks that "
			 "were there run"},
	[STOP_MS] = {"stop", "ms", "shutdown of all nodes, tasks released"},
	[CPU_US] = {"cpu", "us/task",
		    "processor time of a task from submit to its end"},
	[BROKER_BYTES] = {"memory-broker", "bytes/task",
			  "in use: task and properties"},
	[NODE_BYTES] = {"memory-node", "bytes/task",
			"in use: what the nodes add, claims included"},
	[TOTAL_BYTES] = {"memory-total", "bytes/task", "in use: the sum"},
	[RSS_BYTES] = {"memory-rss", "bytes/task",
		       "growth of the resident set, at rest"},
	[PEAK_BYTES] = {"memory-peak", "bytes/task",
			"growth of the resident set at its largest"},
};

/* --- options ------------------------------------------------------------------ */

static size_t n_tasks = 100000;
static size_t n_nodes = 1;
static size_t n_property_bytes = 100;
static size_t n_runs = 3;
static const char *json_path;

static const char usage[] =
	"usage: many [option...]\n"
	"Runs very many asynchronous tasks on the embedded broker and tells "
	"how long\n"
	"each phase took and how much memory a task needs.\n"
	"  --tasks N       tasks (default 100000)\n"
	"  --nodes N       nodes, in this process (default 1)\n"
	"  --properties N  bytes of properties of each task (default 100)\n"
	"  --runs N        runs, each in a process of its own (default 3)\n"
	"  --json FILE     JSON, too; \"-\": on standard output, instead\n"
	"  --help          this text\n";

static const struct bench_option options[] = {
	{"tasks", .number = &n_tasks, .min = 1, .max = 10000000},
	{"nodes", .number = &n_nodes, .min = 1, .max = NODES_MAX},
	{"properties", .number = &n_property_bytes,
	 .max = METAFORA_PROPERTIES_MAX},
	{"runs", .number = &n_runs, .min = 1, .max = FIGURES_RUNS_MAX},
	{"json", .text = &json_path},
	{.name = NULL},
};

/* --- measuring ---------------------------------------------------------------- */

static double allocated_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return (double)info.uordblks + (double)info.hblkhd;
}

/* A line of /proc/self/status, in bytes. */
static double status_bytes(const char *name)
{
	FILE *file = fopen("/proc/self/status", "re");
	size_t n = strlen(name);
	char line[256];
	double kib = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, n) && line[n] == ':')
			kib = strtod(line + n + 1, NULL);
	}
	if (file)
		fclose(file);
	return kib * 1024;
}

/*
 * Wait until next to no processor time is used any more for half a second.
 * Returns how long it took until then, in ms.
 */
static double wait_for_rest(void)
{
	uint64_t began_ns = bench_now_ns();
	double rested_ms = 0;
	int n_quiet = 0;
	int i;

	for (i = 0; i < REST_TRIES_MAX && n_quiet < 5; i++) {
		uint64_t before_ns = bench_cpu_ns();

		if (n_quiet == 0)
			rested_ms = bench_ms_since(began_ns);
		bench_pause_ms(100);
		n_quiet = bench_cpu_ms_since(before_ns) < AT_REST_MS
				  ? n_quiet + 1
				  : 0;
	}
	bench_need(n_quiet < 5 ? METAFORA_ETIMEDOUT : 0,
		   "does not come to rest");
	return rested_ms;
}

/* --- the handler -------------------------------------------------------------- */

/*
 * The tasks that run, by their number.  Whoever takes one out of its place
 * finishes it: this program to end the work, or a stop because it moves.
 */
static _Atomic(struct metafora_task *) *tasks;
static atomic_bool work_is_done;
static size_t n_running;  /* guarded by lock */
static uint64_t first_ns; /* guarded by lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void count(size_t by)
{
	pthread_mutex_lock(&lock);
	if (!first_ns)
		first_ns = bench_now_ns();
	n_running += by;
	if (n_running == 0 || n_running == n_tasks)
		pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void wait_for_running(size_t n, const char *what)
{
	struct timespec deadline;
	int error = 0;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += TIMEOUT_MS / 1000;
	pthread_mutex_lock(&lock);
	while (n_running != n && !error)
		error = pthread_cond_timedwait(&changed, &lock, &deadline);
	pthread_mutex_unlock(&lock);
	bench_need(error ? METAFORA_ETIMEDOUT : 0, what);
}

static void finish(size_t i, enum metafora_outcome outcome)
{
	struct metafora_task *task = atomic_exchange(&tasks[i], NULL);

	if (task)
		bench_need(metafora_task_finish(task, outcome), "finish");
}

static size_t index_of(const struct metafora_task *task)
{
	return strtoul(metafora_task_id(task) + strlen(ID_PREFIX), NULL, 10);
}

static int on_start(void *arg, struct metafora_task *task)
{
	size_t i = index_of(task);

	(void)arg;
	atomic_store(&tasks[i], task);
	count(1);
	/* It had moved when all were finished: now it is here. */
	if (atomic_load(&work_is_done))
		finish(i, METAFORA_DONE);
	return 0;
}

static void on_stop(void *arg, struct metafora_task *task)
{
	(void)arg;
	finish(index_of(task), METAFORA_RELEASE);
}

static void on_end(void *arg, struct metafora_task *task)
{
	(void)arg;
	(void)task;
	count((size_t)-1);
}

/* --- the cluster ---------------------------------------------------------------- */

static struct metafora_embedded_broker *broker;
static struct metafora_coordinator *coordinator;
static struct metafora_handler *handler;
static struct metafora_client *client;
static struct metafora_consumer *nodes[NODES_MAX];

static void make_cluster(void)
{
	size_t i;

	bench_need(metafora_embedded_broker_new(SESSION_TIMEOUT_MS, &broker),
		   "broker");
	bench_need(metafora_embedded_coordinator_new(broker, &coordinator),
		   "coordinator");
	bench_need(metafora_handler_new_async(on_start, NULL, &handler),
		   "handler");
	bench_need(metafora_handler_set_stop(handler, on_stop), "handler");
	bench_need(metafora_handler_set_end(handler, on_end), "handler");
	bench_need(metafora_client_new(coordinator, NULL, NULL,
				       METAFORA_LOG_ERROR, &client),
		   "client");
	tasks = malloc(n_tasks * sizeof(*tasks));
	bench_need(tasks ? 0 : METAFORA_ENOMEM, "tasks");
	/* Touched, so as not to count as memory of the library. */
	for (i = 0; i < n_tasks; i++)
		atomic_store(&tasks[i], NULL);
}

static void free_cluster(void)
{
	free(tasks);
	metafora_client_free(client);
	metafora_handler_free(handler);
	metafora_coordinator_free(coordinator);
	metafora_embedded_broker_free(broker);
}

static void start_nodes(void)
{
	char name[32];
	size_t i;

	for (i = 0; i < n_nodes; i++) {
		snprintf(name, sizeof(name), "node%zu", i);
		bench_need(metafora_consumer_new(name, coordinator, NULL,
						 handler, &nodes[i]),
			   "consumer");
		bench_need(metafora_consumer_start(nodes[i], TIMEOUT_MS),
			   "start");
	}
}

static void stop_nodes(void)
{
	size_t i;

	for (i = 0; i < n_nodes; i++)
		metafora_consumer_close(nodes[i]);
	for (i = 0; i < n_nodes; i++) {
		bench_need(metafora_consumer_stop(nodes[i]), "stop");
		metafora_consumer_free(nodes[i]);
	}
}

static struct metafora_batch *make_batch(void)
{
	struct metafora_batch *batch;
	char *properties = calloc(1, n_property_bytes + 1);
	char id[32];
	size_t i;

	bench_need(properties ? 0 : METAFORA_ENOMEM, "properties");
	bench_need(metafora_batch_new(&batch), "batch");
	for (i = 0; i < n_tasks; i++) {
		int n = snprintf(id, sizeof(id), ID_PREFIX "%08zu", i);

		bench_need(metafora_batch_add(batch, id, (size_t)n, properties,
					      n_property_bytes),
			   "batch");
	}
	free(properties);
	return batch;
}

static bool broker_is_empty(void)
{
	struct metafora_listing *listing;
	bool empty;

	bench_need(metafora_client_list(client, NULL, NULL, 1, TIMEOUT_MS,
					&listing),
		   "list");
	empty = metafora_listing_size(listing) == 0;
	metafora_listing_free(listing);
	return empty;
}

/* Looking costs the broker time, so most of the time goes without. */
static void wait_for_empty_broker(void)
{
	for (;;) {
		uint64_t began_ns = bench_now_ns();

		if (broker_is_empty())
			return;
		bench_pause_ms(1 + 4 * (int64_t)bench_ms_since(began_ns));
	}
}

/* --- two lives of a cluster -------------------------------------------------------- */

/* Nodes are there, tasks come and finish. */
static void measure_work(double *values)
{
	struct metafora_batch *batch = make_batch();
	uint64_t began_cpu_ns;
	uint64_t began_ns;
	size_t i;

	start_nodes();
	wait_for_rest();
	began_cpu_ns = bench_cpu_ns();
	began_ns = bench_now_ns();
	bench_need(metafora_client_submit_batch(client, batch, TIMEOUT_MS),
		   "submit");
	values[SUBMIT_MS] = bench_ms_since(began_ns);
	wait_for_running(n_tasks, "running");
	values[RUNNING_MS] = bench_ms_since(began_ns);
	values[LATENCY_MS] = bench_ms_between(began_ns, first_ns);

	values[SETTLE_MS] = wait_for_rest();
	values[CPU_US] = bench_cpu_ms_since(began_cpu_ns);
	began_cpu_ns = bench_cpu_ns();
	bench_pause_ms(IDLE_S * 1000);
	values[IDLE_CPU] = bench_cpu_ms_since(began_cpu_ns) / (IDLE_S * 10);

	began_cpu_ns = bench_cpu_ns();
	began_ns = bench_now_ns();
	atomic_store(&work_is_done, true);
	for (i = 0; i < n_tasks; i++)
		finish(i, METAFORA_DONE);
	wait_for_running(0, "finish");
	wait_for_empty_broker();
	values[FINISH_MS] = bench_ms_since(began_ns);
	values[CPU_US] += bench_cpu_ms_since(began_cpu_ns);
	values[CPU_US] *= 1000.0 / (double)n_tasks;
	stop_nodes();
	metafora_batch_free(batch);
}

/* Tasks are there, nodes come and go. */
static void measure_memory(double *values)
{
	double empty_bytes, stored_bytes, running_bytes, rss_bytes;
	struct metafora_batch *batch = make_batch();
	FILE *refs = fopen("/proc/self/clear_refs", "we");
	uint64_t began_ns;

	malloc_trim(0);
	if (refs) {
		fputs("5", refs); /* VmHWM begins anew */
		fclose(refs);
	}
	empty_bytes = allocated_bytes();
	rss_bytes = status_bytes("VmRSS");
	bench_need(metafora_client_submit_batch(client, batch, TIMEOUT_MS),
		   "submit");
	stored_bytes = allocated_bytes();
	began_ns = bench_now_ns();
	start_nodes();
	wait_for_running(n_tasks, "takeover");
	values[TAKEOVER_MS] = bench_ms_since(began_ns);
	wait_for_rest();
	running_bytes = allocated_bytes();
	values[BROKER_BYTES] = (stored_bytes - empty_bytes) / (double)n_tasks;
	values[NODE_BYTES] = (running_bytes - stored_bytes) / (double)n_tasks;
	values[TOTAL_BYTES] = (running_bytes - empty_bytes) / (double)n_tasks;
	values[RSS_BYTES] =
		(status_bytes("VmRSS") - rss_bytes) / (double)n_tasks;
	values[PEAK_BYTES] =
		(status_bytes("VmHWM") - rss_bytes) / (double)n_tasks;
	began_ns = bench_now_ns();
	stop_nodes();
	values[STOP_MS] = bench_ms_since(began_ns);
	metafora_batch_free(batch);
}

/* A process of its own for each: what one leaves in the heap harms no other. */
static void in_child(void (*measure)(double *), double *values)
{
	size_t n_bytes = N_METRICS * sizeof(*values);
	int fds[2];
	int status;
	pid_t pid;

	if (pipe(fds) || (pid = fork()) < 0) {
		perror("many");
		exit(1);
	}
	if (pid == 0) {
		make_cluster();
		measure(values);
		free_cluster();
		exit(write(fds[1], values, n_bytes) == (ssize_t)n_bytes ? 0
									: 1);
	}
	close(fds[1]);
	if (read(fds[0], values, n_bytes) != (ssize_t)n_bytes ||
	    waitpid(pid, &status, 0) != pid || status) {
		fprintf(stderr, "many: a run failed\n");
		exit(1);
	}
	close(fds[0]);
}

int main(int argc, char **argv)
{
	static double values[FIGURES_RUNS_MAX][N_METRICS];
	char params[128];
	size_t run;

	bench_read_options(argc, argv, usage, options);
	for (run = 0; run < n_runs; run++) {
		in_child(measure_work, values[run]);
		in_child(measure_memory, values[run]);
	}
	snprintf(params, sizeof(params),
		 "{\"tasks\": %zu, \"nodes\": %zu, \"properties\": %zu}",
		 n_tasks, n_nodes, n_property_bytes);
	figures_tell(json_path, figures, N_METRICS, values[0], n_runs, params);
	return 0;
}
