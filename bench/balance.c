/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long one node thinks in a very large cluster, without a broker: the
 * engine with the fair balancer, fed with the facts that a broker would tell.
 * Nothing waits for anything, so all times are of the processor.
 */
#include <metafora.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consumer.h"
#include "figures.h"
#include "plugin.h"
#include "program.h"

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define START_NS (1000 * NS_PER_S)
#define N_BUCKETS 64
#define NAME_BYTES 32
/* How long a cold start goes on without anybody else claiming, in our time. */
#define ALONE_NS (1500 * NS_PER_MS)

enum metric {
	DECISION_MS,
	OWNER_MS,
	HONOUR_MS,
	COLD_SLICE_MS,
	COLD_FACT_MS,
	COLD_TOTAL_MS,
	EVENTS_PER_S,
	N_METRICS
};

static const struct figure figures[N_METRICS] = {
	[DECISION_MS] = {"balancer.decision_ms", "ms",
			 "who joins a settled cluster: from the list of "
			 "members to the lines it stands in"},
	[OWNER_MS] = {"balancer.owner_decision_ms", "ms",
		      "an owner, when it sees the one that joins"},
	[HONOUR_MS] = {"balancer.honour_ms", "ms",
		       "an owner, from the bucket that shows a waiter until "
		       "the handler is asked to stop"},
	[COLD_SLICE_MS] = {"balancer.cold_slice_ms", "ms",
			   "cold start: the longest turn of the loop"},
	[COLD_FACT_MS] = {"balancer.cold_fact_ms", "ms",
			  "cold start: the longest snapshot of a bucket"},
	[COLD_TOTAL_MS] = {"balancer.cold_total_ms", "ms",
			   "cold start: all of it, busy time of one node"},
	[EVENTS_PER_S] = {"engine.events_per_s", "1/s",
			  "claims decided: question, answer, verdict, start"},
};

/* --- options ------------------------------------------------------------------ */

static size_t n_tasks = 1000000;
static size_t n_nodes = 1000;
static size_t n_runs = 3;
static const char *json_path;

static const char usage[] =
	"usage: balance [options]\n"
	"Time the fair balancer and the engine of one node, without a broker.\n"
	"  --tasks N    tasks, 1 to 10000000 (default 1000000)\n"
	"  --nodes N    nodes, 2 to 10000 (default 1000)\n"
	"  --runs N     repetitions, 1 to 100 (default 3)\n"
	"  --json FILE  JSON, too; \"-\": on standard output, instead\n";

static const struct bench_option options[] = {
	{"tasks", .number = &n_tasks, .min = 1, .max = 10000000},
	{"nodes", .number = &n_nodes, .min = 2, .max = 10000},
	{"runs", .number = &n_runs, .min = 1, .max = FIGURES_RUNS_MAX},
	{"json", .text = &json_path},
	{.name = NULL},
};

static void read_options(int argc, char **argv)
{
	bench_read_options(argc, argv, usage, options);
	if (n_tasks <= n_nodes) {
		fputs("balance: there must be more tasks than nodes, so that "
		      "one moves\n",
		      stderr);
		exit(2);
	}
}

static void *allot(size_t n, size_t size)
{
	void *p = calloc(n, size);

	bench_need(p ? 0 : METAFORA_ENOMEM, "facts");
	return p;
}

static double max(double a, double b)
{
	return a > b ? a : b;
}

/* --- facts: who joins is the last member --------------------------------------- */

static char (*node_names)[NAME_BYTES];
static char (*task_ids)[NAME_BYTES];
static struct metafora_member_record *records;

static void make_names(void)
{
	size_t i;

	node_names = allot(n_nodes + 1, sizeof(*node_names));
	task_ids = allot(n_tasks, sizeof(*task_ids));
	records = allot(n_nodes + 1, sizeof(*records));
	for (i = 0; i <= n_nodes; i++) {
		snprintf(node_names[i], NAME_BYTES, "node-%05zu", i);
		records[i].node = node_names[i];
		records[i].session = i + 1;
		records[i].weight = 1;
	}
	for (i = 0; i < n_tasks; i++)
		snprintf(task_ids[i], NAME_BYTES, "task-%08zu", i);
}

static void free_names(void)
{
	free(node_names);
	free(task_ids);
	free(records);
}

/* Task i is in bucket i % N_BUCKETS. */
static size_t bucket_size(size_t bucket)
{
	return (n_tasks + N_BUCKETS - 1 - bucket) / N_BUCKETS;
}

/*
 * Dealt out in the order of buckets, so that all have as many, but for one,
 * and that what a bucket holds is of as many nodes as can be.
 */
static size_t owner_of(size_t task)
{
	const size_t bucket = task % N_BUCKETS;
	const size_t n_larger = n_tasks % N_BUCKETS;
	size_t position = task / N_BUCKETS + bucket * (n_tasks / N_BUCKETS);

	position += bucket < n_larger ? bucket : n_larger;
	return position % n_nodes;
}

/* --- one node ------------------------------------------------------------------- */

struct node {
	struct mf_engine engine;
	struct metafora_balancer *balancer;
	struct metafora_plan plan;
	const char *name;
	uint64_t now_ns; /* of its own, moved on by what the work takes */
	uint64_t n_events;
	double fact_ms;  /* longest */
	double slice_ms; /* longest */
};

static int step(struct node *node, const struct mf_event *event)
{
	node->n_events++;
	return mf_engine_step(&node->engine, node->now_ns, event);
}

static void begin(struct node *node, const char *name)
{
	static const struct metafora_session_fact session = {
		.state = METAFORA_SESSION_CONNECTED,
		.session = 1,
		.timeout_ms = 10000,
		.n_buckets = N_BUCKETS,
	};
	const struct mf_engine_config config = {
		.node = name,
		.has_lines = true,
		.balance_interval_ms = 600000,
		.balance_debounce_ms = 100,
		.backoff_min_ms = 1000,
		.backoff_max_ms = 60000,
		.shutdown_grace_ms = 10000,
		.seed = 1,
	};
	const struct mf_event connected = {.kind = MF_EV_SESSION,
					   .session = &session};
	const struct mf_event lease = {.kind = MF_EV_LEASE,
				       .deadline_ns = METAFORA_NO_DEADLINE};

	memset(node, 0, sizeof(*node));
	node->name = name;
	node->now_ns = START_NS;
	bench_need(metafora_balancer_fair_new(&node->balancer), "balancer");
	bench_need(mf_engine_init(&node->engine, &config, node->now_ns),
		   "engine");
	bench_need(step(node, &connected), "session");
	bench_need(step(node, &lease), "lease");
}

static void end(struct node *node)
{
	struct mf_entry *entry;

	/* No handler has been there. */
	TAILQ_FOREACH(entry, &node->engine.entries, in_all)
		entry->run = NULL;
	mf_engine_fini(&node->engine);
	mf_plan_fini(&node->plan);
	metafora_balancer_free(node->balancer);
}

static void show_members(struct node *node, size_t n)
{
	struct mf_event event = {.kind = MF_EV_MEMBERS};

	event.members.records = records;
	event.members.n = n;
	bench_need(step(node, &event), "members");
}

/* A snapshot of a bucket. */
static void show(struct node *node, const struct mf_event *event,
		 const char *what)
{
	uint64_t began_ns = bench_cpu_ns();

	bench_need(step(node, event), what);
	node->fact_ms = max(node->fact_ms, bench_cpu_ms_since(began_ns));
}

static void show_tasks(struct node *node)
{
	struct metafora_task_fact *facts =
		allot(bucket_size(0) + 1, sizeof(*facts));
	size_t bucket, i;

	for (bucket = 0; bucket < N_BUCKETS; bucket++) {
		struct mf_event event = {.kind = MF_EV_TASKS};
		size_t n = bucket_size(bucket);

		for (i = 0; i < n; i++)
			facts[i].task = task_ids[bucket + i * N_BUCKETS];
		event.tasks.bucket = (uint32_t)bucket;
		event.tasks.facts = facts;
		event.tasks.n = n;
		show(node, &event, "tasks");
	}
	free(facts);
}

/*
 * Show a bucket's claims.  Tasks of us are shown as owned only if they run
 * here; with a waiter, it stands in the line of the first task of us.
 */
static void show_claims(struct node *node, size_t bucket, size_t us,
			const char *waiter)
{
	struct metafora_claim_fact *facts =
		allot(bucket_size(0) + 2, sizeof(*facts));
	struct mf_event event = {.kind = MF_EV_CLAIMS};
	size_t i, n = 0;

	for (i = bucket; i < n_tasks; i += N_BUCKETS) {
		size_t owner = owner_of(i);

		if (owner == us) {
			const struct metafora_cluster_task *task = mf_view_find(
				&node->engine.view, task_ids[i]);

			if (!task || !task->entry)
				continue;
		}
		facts[n].task = task_ids[i];
		facts[n].node = node_names[owner];
		facts[n++].token = i + 1;
		if (!waiter || owner != us)
			continue;
		facts[n].task = task_ids[i];
		facts[n].node = waiter;
		facts[n++].token = n_tasks + i + 1;
		waiter = NULL;
	}
	event.claims.bucket = (uint32_t)bucket;
	event.claims.facts = facts;
	event.claims.n = n;
	show(node, &event, "claims");
	free(facts);
}

static void show_no_claims(struct node *node)
{
	struct mf_event event = {.kind = MF_EV_CLAIMS};

	for (event.claims.bucket = 0; event.claims.bucket < N_BUCKETS;
	     event.claims.bucket++)
		bench_need(step(node, &event), "claims");
}

/* --- what a consumer's loop does --------------------------------------------------- */

static struct metafora_balance balance_of(const struct node *node)
{
	const struct metafora_balance balance = {
		.cluster = &node->engine.view,
		.node = node->name,
		.now_ns = node->now_ns,
	};

	return balance;
}

static void ask_plan(struct node *node)
{
	const struct metafora_balance balance = balance_of(node);
	struct mf_event event = {.kind = MF_EV_PLAN};

	mf_plan_clear(&node->plan);
	event.plan.wish_ns = node->balancer->ops->balance(
		node->balancer->state, &balance, &node->plan);
	event.plan.releases = node->plan.releases.tasks;
	event.plan.n_releases = node->plan.releases.n;
	event.plan.queues = node->plan.queues.tasks;
	event.plan.n_queues = node->plan.queues.n;
	event.plan.withdrawals = node->plan.withdrawals.tasks;
	event.plan.n_withdrawals = node->plan.withdrawals.n;
	event.plan.evictions = node->plan.evictions.tasks;
	event.plan.n_evictions = node->plan.evictions.n;
	bench_need(step(node, &event), "plan");
}

static void ask_question(struct node *node, struct metafora_cluster_task *task)
{
	const struct metafora_balance balance = balance_of(node);
	struct mf_event event = {.kind = MF_EV_ANSWER};

	event.answer.task = task;
	event.answer.answer = node->balancer->ops->can_claim(
		node->balancer->state, &balance, task, &event.answer.until_ns);
	bench_need(step(node, &event), "answer");
}

/* One turn; whether there is more to do at once. */
static bool turn(struct node *node)
{
	static const struct mf_event time = {.kind = MF_EV_TIME};
	struct mf_engine *e = &node->engine;
	uint64_t began_ns = bench_cpu_ns();
	struct metafora_cluster_task *task = NULL;
	double ms;
	size_t n;

	if (mf_engine_next_ns(e) <= node->now_ns)
		bench_need(step(node, &time), "time");
	if (mf_engine_take_balance(e, node->now_ns))
		ask_plan(node);
	for (n = 0; n < MF_QUESTIONS_MAX; n++) {
		task = mf_engine_question(e);
		if (!task ||
		    bench_cpu_ns() >= began_ns + MF_QUESTIONS_MS * NS_PER_MS)
			break;
		ask_question(node, task);
	}
	ms = bench_cpu_ms_since(began_ns);
	node->slice_ms = max(node->slice_ms, ms);
	node->now_ns += (uint64_t)(ms * 1e6);
	return task || mf_engine_next_ns(e) <= node->now_ns;
}

/* Let the time for gathering changes pass, and plan. */
static double decide(struct node *node)
{
	uint64_t began_ns;

	node->now_ns += 200 * NS_PER_MS;
	bench_need(mf_engine_take_balance(&node->engine, node->now_ns)
			   ? 0
			   : METAFORA_ESTATE,
		   "no decision is due");
	began_ns = bench_cpu_ns();
	ask_plan(node);
	return bench_cpu_ms_since(began_ns);
}

/* The broker's answer to all claims that were sent: ours. */
static void win_claims(struct node *node)
{
	struct metafora_entry sent[MF_VERBS_MAX];
	size_t i, n;

	while ((n = mf_engine_take_verbs(&node->engine, METAFORA_VERB_CLAIM,
					 sent, MF_VERBS_MAX)) > 0) {
		for (i = 0; i < n; i++) {
			const struct metafora_verdict verdict = {
				.verb = METAFORA_VERB_CLAIM,
				.result = METAFORA_RESULT_OWNED,
				.task = sent[i].task,
				.attempt = sent[i].attempt,
				.token = strtoul(sent[i].task + 5, NULL, 10) +
					 1,
			};
			struct mf_event event = {.kind = MF_EV_VERDICT,
						 .verdict = &verdict};

			bench_need(step(node, &event), "verdict");
			bench_need(node->engine.start ? 0 : METAFORA_ESTATE,
				   "no start");
			event.kind = MF_EV_STARTED;
			event.started.entry = node->engine.start;
			/* Never looked at. */
			event.started.run = (struct metafora_task *)node;
			bench_need(step(node, &event), "started");
		}
	}
}

/* --- what is measured ------------------------------------------------------------------ */

/*
 * It finds a settled cluster, and is listed.  Returns a task that it stands in
 * line for, whose owner has one too many therefore.
 */
static size_t measure_joining(double *values)
{
	struct node node;
	uint64_t began_ns;
	size_t bucket;
	size_t wanted;

	begin(&node, node_names[n_nodes]);
	show_members(&node, n_nodes);
	show_tasks(&node);
	for (bucket = 0; bucket < N_BUCKETS; bucket++)
		show_claims(&node, bucket, n_nodes, NULL);
	decide(&node);
	began_ns = bench_cpu_ns();
	show_members(&node, n_nodes + 1);
	values[DECISION_MS] = bench_cpu_ms_since(began_ns);
	values[DECISION_MS] += decide(&node);
	bench_need(node.plan.queues.n == n_tasks / (n_nodes + 1)
			   ? 0
			   : METAFORA_ESTATE,
		   "not its share");
	wanted = strtoul(node.plan.queues.tasks[0]->id + 5, NULL, 10);
	end(&node);
	return wanted;
}

/*
 * An owner in that cluster: it claims its share, all others claimed theirs; then
 * who joined waits for a task of it.
 */
static void measure_owner(double *values, size_t wanted)
{
	const size_t us = owner_of(wanted);
	struct mf_event answer = {.kind = MF_EV_ANSWER};
	struct metafora_cluster_task *task;
	struct node node;
	uint64_t began_ns;
	size_t bucket;

	begin(&node, node_names[us]);
	show_members(&node, n_nodes);
	show_tasks(&node);
	for (bucket = 0; bucket < N_BUCKETS; bucket++)
		show_claims(&node, bucket, us, NULL);
	began_ns = bench_cpu_ns();
	node.n_events = 0;
	answer.answer.answer = METAFORA_CLAIM_YES;
	while ((task = mf_engine_question(&node.engine))) {
		answer.answer.task = task;
		bench_need(step(&node, &answer), "answer");
	}
	win_claims(&node);
	values[EVENTS_PER_S] =
		(double)node.n_events * 1e3 / bench_cpu_ms_since(began_ns);
	for (bucket = 0; bucket < N_BUCKETS; bucket++)
		show_claims(&node, bucket, us, NULL);
	decide(&node);
	began_ns = bench_cpu_ns();
	show_members(&node, n_nodes + 1);
	values[OWNER_MS] = bench_cpu_ms_since(began_ns);
	values[OWNER_MS] += decide(&node);
	began_ns = bench_cpu_ns();
	node.fact_ms = 0;
	show_claims(&node, wanted % N_BUCKETS, us, node_names[n_nodes]);
	values[HONOUR_MS] = node.fact_ms + decide(&node);
	bench_need(node.plan.releases.n == 1 ? 0 : METAFORA_ESTATE,
		   "not honoured");
	end(&node);
}

/*
 * All tasks are unowned at first, and for a while nobody but us claims; then
 * the others' claims show, bucket by bucket.
 */
static void measure_cold_start(double *values)
{
	size_t us = n_nodes / 2;
	struct node node;
	uint64_t began_ns = bench_cpu_ns();
	size_t bucket;

	begin(&node, node_names[us]);
	show_members(&node, n_nodes);
	show_tasks(&node);
	show_no_claims(&node);
	while (node.now_ns < START_NS + ALONE_NS) {
		if (!turn(&node))
			node.now_ns = mf_engine_next_ns(&node.engine);
		win_claims(&node);
	}
	for (bucket = 0; bucket < N_BUCKETS; bucket++) {
		show_claims(&node, bucket, us, NULL);
		turn(&node);
		win_claims(&node);
	}
	values[COLD_TOTAL_MS] = bench_cpu_ms_since(began_ns);
	values[COLD_SLICE_MS] = node.slice_ms;
	values[COLD_FACT_MS] = node.fact_ms;
	end(&node);
}

int main(int argc, char **argv)
{
	static double values[FIGURES_RUNS_MAX][N_METRICS];
	char params[128];
	size_t run;

	read_options(argc, argv);
	make_names();
	for (run = 0; run < n_runs; run++) {
		measure_owner(values[run], measure_joining(values[run]));
		measure_cold_start(values[run]);
	}
	free_names();
	snprintf(params, sizeof(params), "{\"tasks\": %zu, \"nodes\": %zu}",
		 n_tasks, n_nodes);
	figures_tell(json_path, figures, N_METRICS, values[0], n_runs, params);
	return 0;
}
