/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clusters of several sizes cost the broker, counted and not timed: the
 * real nodes and the real coordinator on a simulated ensemble, whose course
 * follows from a seed.
 */
#include <metafora.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "fakezk.h"
#include "sim.h"
#include "zookeeper/options.h"

#define T_MS 10000
#define N_SERVERS 3
#define N_BUCKETS 64
#define N_BATCH 1000
#define N_PROPERTY_BYTES 100
/* Of simulated time: until something is given up, and rest is rest. */
#define LIMIT_MS 120000
#define REST_MS 1500
#define IDLE_MS 60000

static void need(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "operations: %s\n", what);
	exit(1);
}

/* --- counting ------------------------------------------------------------------------ */

static struct counts {
	size_t n_transactions; /* writes sent */
	size_t n_writes;       /* operations in them that change something */
	size_t n_lists;
	size_t n_gets; /* data, or only the stat */
	size_t list_bytes; /* of names, as they travel */
	size_t get_bytes;
} counts;

/* A read under way. */
struct read {
	UT_hash_handle hh;
	struct zk_request *request; /* key */
	void (*done)(struct zk_request *request);
};

static struct read *reads;

/* A length before each name; a stat and a header around all. */
#define LENGTH_BYTES 4
#define ANSWER_BYTES 92

static void on_read(struct zk_request *request)
{
	struct read *read;
	size_t i;

	HASH_FIND_PTR(reads, &request, read);
	HASH_DEL(reads, read);
	if (request->kind == ZK_READ_CHILDREN) {
		counts.n_lists++;
		counts.list_bytes += ANSWER_BYTES;
		for (i = 0; i < request->n_names; i++)
			counts.list_bytes +=
				LENGTH_BYTES + strlen(request->names[i]);
	} else {
		counts.n_gets++;
		counts.get_bytes += ANSWER_BYTES + request->size_bytes;
	}
	request->done = read->done;
	free(read);
	request->done(request);
}

static void count_and_send(struct zk *zk, struct zk_request *request)
{
	struct read *read;
	size_t i;

	if (request->kind == ZK_WRITE) {
		counts.n_transactions++;
		for (i = 0; i < request->n_ops; i++)
			counts.n_writes += request->ops[i].kind != ZK_CHECK;
	} else if (request->kind != ZK_SYNC) {
		read = calloc(1, sizeof(*read));
		need(read, "out of memory");
		read->request = request;
		read->done = request->done;
		request->done = on_read;
		HASH_ADD_PTR(reads, request, read);
	}
	fakezk_calls.send(zk, request);
}

static void forget_reads(void)
{
	struct read *read, *tmp;

	HASH_ITER(hh, reads, read, tmp) {
		HASH_DEL(reads, read);
		free(read);
	}
}

/* --- the broker ------------------------------------------------------------------------ */

static struct zk_calls calls; /* the simulated ones, but for send */

static void open_broker(struct sim *sim)
{
	const struct fakezk_config config = {
		.n_servers = N_SERVERS,
		.tick_ns = T_MS / 10 * MF_NS_PER_MS,
		.latency_min_ns = MF_NS_PER_MS / 5,
		.latency_max_ns = MF_NS_PER_MS,
		.lag_max_ns = 2 * MF_NS_PER_MS,
	};
	struct metafora_zookeeper_options *options;

	calls = fakezk_calls;
	calls.send = count_and_send;
	sim->broker = fakezk_new(sim->world, &config);
	need(!metafora_zookeeper_options_new("fake", "/cluster", &options) &&
		     !metafora_zookeeper_set_session_timeout_ms(options, T_MS) &&
		     !metafora_zookeeper_set_buckets(options, N_BUCKETS) &&
		     !mf_zk_coordinator_new(options, &calls, sim->broker,
					    &sim->coordinator),
	     "no broker");
	metafora_zookeeper_options_free(options);
}

static void close_broker(struct sim *sim)
{
	fakezk_free(sim->broker);
	forget_reads();
}

static void cut(struct sim *sim, const char *node, bool is_cut)
{
	fakezk_cut(sim->broker, node, is_cut);
}

static void expire(struct sim *sim, const char *node)
{
	fakezk_expire(sim->broker, node);
}

static void heal(struct sim *sim, const char *node)
{
	fakezk_cut(sim->broker, node, false);
}

static const struct sim_backend backend = {
	.open = open_broker,
	.close = close_broker,
	.cut = cut,
	.expire = expire,
	.heal = heal,
};

/* --- what is done with the cluster ---------------------------------------------------- */

static void join(struct sim *sim, size_t number)
{
	char name[32];

	snprintf(name, sizeof(name), "node-%03zu", number);
	sim_join(sim, name);
}

static void on_submitted(void *arg, const struct metafora_reply *reply)
{
	struct sim *sim = arg;

	need(!reply->error && !(reply->n_errors && reply->errors[0]),
	     "a submission fails");
	sim->n_open--;
}

static void submit(struct sim *sim, size_t first, size_t n)
{
	char properties[N_PROPERTY_BYTES];
	struct metafora_batch *batch;
	char id[24];
	size_t i;
	int error;

	memset(properties, 'p', sizeof(properties));
	error = metafora_batch_new(&batch);
	for (i = first; i < first + n && !error; i++) {
		snprintf(id, sizeof(id), "task-%08zu", i);
		sim_task(sim, id)->wanted = true;
		error = metafora_batch_add(batch, id, strlen(id), properties,
					   sizeof(properties));
	}
	sim->n_open++;
	need(!error && !mf_client_submit(sim->client, batch, LIMIT_MS,
					 on_submitted, sim),
	     "a submission fails");
	metafora_batch_free(batch);
}

/* Whether it is even takes long to find out: not at every step. */
static void settle(struct sim *sim)
{
	int64_t ms;

	for (ms = 0; ms < LIMIT_MS; ms += REST_MS) {
		sim_for(sim, REST_MS);
		if (!sim->n_open && sim_is_even(sim)) {
			sim_for(sim, REST_MS);
			return;
		}
	}
	need(false, "it does not settle");
}

/* --- the table -------------------------------------------------------------------------- */

static size_t n_tasks, n_nodes;

static void begin(void)
{
	memset(&counts, 0, sizeof(counts));
}

/* Of n tasks that moved, or began. */
static void tell(const char *what, size_t n)
{
	printf("%7zu %5zu  %-10s %7zu %7.3f %7.3f %9.2f %9.2f %10.1f %9.1f\n",
	       n_tasks, n_nodes, what, n,
	       (double)counts.n_writes / (double)n,
	       (double)counts.n_transactions / (double)n,
	       (double)counts.n_lists / (double)n_nodes / N_BUCKETS,
	       (double)counts.n_gets / (double)n,
	       (double)counts.list_bytes / (double)n_tasks / (double)n_nodes,
	       (double)counts.get_bytes / (double)n);
}

static void tell_idle(void)
{
	printf("%7zu %5zu  %-10s %7s per node and quarter of the timeout: "
	       "%.2f writes; per node and minute: %.1f lists, %.1f gets, "
	       "%.0f bytes\n",
	       n_tasks, n_nodes, "idle", "-",
	       (double)counts.n_writes / (double)n_nodes * T_MS / 4 / IDLE_MS,
	       (double)counts.n_lists / (double)n_nodes * 60000 / IDLE_MS,
	       (double)counts.n_gets / (double)n_nodes * 60000 / IDLE_MS,
	       (double)(counts.list_bytes + counts.get_bytes) /
		       (double)n_nodes * 60000 / IDLE_MS);
}

static void count(void)
{
	struct sim *sim = sim_new(&backend, 1, T_MS);
	size_t i;

	for (i = 0; i < n_nodes; i++)
		join(sim, i);
	need(sim_until(sim, sim_all_joined, LIMIT_MS), "not all join");
	sim_for(sim, REST_MS);

	begin();
	for (i = 0; i < n_tasks; i += N_BATCH)
		submit(sim, i, n_tasks - i < N_BATCH ? n_tasks - i : N_BATCH);
	settle(sim);
	tell("cold start", n_tasks);

	begin();
	sim_for(sim, IDLE_MS);
	tell_idle();

	begin();
	sim->n_starts = 0;
	join(sim, n_nodes++);
	settle(sim);
	tell("one joins", sim->n_starts);

	begin();
	sim->n_starts = 0;
	sim_kill(&sim->nodes[0]);
	n_nodes--;
	settle(sim);
	tell("one dies", sim->n_starts);

	need(!sim->n_broken, "a promise is broken");
	sim_free(sim);
}

int main(int argc, char **argv)
{
	static const size_t tasks[] = {1000, 2000, 5000};
	static const size_t nodes[] = {10, 20, 30};
	size_t i, k;

	if (argc > 1) {
		fprintf(stderr,
			"usage: %s\n"
			"Count what clusters cost the broker, on a simulated "
			"ensemble.\n",
			argv[0]);
		return 2;
	}
	printf("Of each task that began: operations that write, transactions, "
	       "reads of data and their\nbytes.  Lists are of each node and "
	       "bucket; their bytes of each node and task that exists.\n"
	       "%7s %5s  %-10s %7s %7s %7s %9s %9s %10s %9s\n",
	       "tasks", "nodes", "event", "began", "writes", "trans.",
	       "lists", "gets", "list bytes", "get bytes");
	for (i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++) {
		for (k = 0; k < sizeof(nodes) / sizeof(nodes[0]); k++) {
			n_tasks = tasks[i];
			n_nodes = nodes[k];
			count();
			fflush(stdout);
		}
	}
	return 0;
}
