/* SPDX-License-Identifier: Apache-2.0 */
/* Out of memory while handlers, plug-in objects and tasks are made. */
#include <metafora.h>

#include "oom.h"
#include "stage.h"
#include "tap.h"

static int start(void *arg, struct metafora_task *task)
{
	(void)arg;
	return metafora_task_finish(task, METAFORA_DONE);
}

static enum metafora_outcome run(void *arg, struct metafora_task *task)
{
	(void)arg, (void)task;
	return METAFORA_DONE;
}

/* What a maker must have done, whether it succeeded or not. */
static void check(int error, const void *made)
{
	if (oom_failed()) {
		CU_ASSERT_EQUAL(error, METAFORA_ENOMEM);
		CU_ASSERT_PTR_NULL(made);
	} else {
		CU_ASSERT_EQUAL(error, 0);
		CU_ASSERT_PTR_NOT_NULL(made);
	}
}

static void make_threaded(void *arg)
{
	struct metafora_handler *handler = NULL;
	int error = metafora_handler_new_threaded(run, NULL, &handler);

	(void)arg;
	check(error, handler);
	metafora_handler_free(handler);
}

static void make_async(void *arg)
{
	struct metafora_handler *handler = NULL;
	int error = metafora_handler_new_async(start, NULL, &handler);

	(void)arg;
	check(error, handler);
	metafora_handler_free(handler);
}

static void handlers_are_made_or_not(void)
{
	CU_ASSERT_EQUAL(oom_for_each(make_threaded, NULL), 1);
	CU_ASSERT_EQUAL(oom_for_each(make_async, NULL), 1);
}

static enum metafora_can_claim
can_claim(void *state, const struct metafora_balance *balance,
	  const struct metafora_cluster_task *task, uint64_t *until_ns)
{
	(void)state, (void)balance, (void)task, (void)until_ns;
	return METAFORA_CLAIM_YES;
}

static uint64_t balance(void *state, const struct metafora_balance *told,
			struct metafora_plan *plan)
{
	(void)state, (void)told, (void)plan;
	return 0;
}

static void count(void *state)
{
	unsigned int *n = state;

	(*n)++;
}

static void make_balancer(void *arg)
{
	static const struct metafora_balancer_ops ops = {
		.abi_version = METAFORA_BALANCER_ABI,
		.size = sizeof(ops),
		.name = "test",
		.can_claim = can_claim,
		.balance = balance,
		.destroy = count,
	};
	struct metafora_balancer *balancer = NULL;
	unsigned int n_destroyed = 0;
	int error = metafora_balancer_new(&ops, &n_destroyed, &balancer);

	(void)arg;
	check(error, balancer);
	metafora_balancer_free(balancer);
	/* The state stays the caller's if it fails. */
	CU_ASSERT_EQUAL(n_destroyed, oom_failed() ? 0 : 1);
}

static void balancers_are_made_or_not(void)
{
	CU_ASSERT_EQUAL(oom_for_each(make_balancer, NULL), 1);
}

static int node_open(void *config, const struct metafora_host *host,
		     const struct metafora_node_sink *sink,
		     const struct metafora_member_record *record, void **state)
{
	(void)config, (void)host, (void)sink, (void)record, (void)state;
	return METAFORA_ENOTSUP;
}

static void verb(void *state, const struct metafora_entry *entries, size_t n)
{
	(void)state, (void)entries, (void)n;
}

static void publish(void *state, const struct metafora_member_record *record)
{
	(void)state, (void)record;
}

static void ack(void *state, const char *id, int error, const char *result)
{
	(void)state, (void)id, (void)error, (void)result;
}

static void make_coordinator(void *arg)
{
	static const struct metafora_node_ops ops = {
		.abi_version = METAFORA_COORDINATOR_ABI,
		.size = sizeof(ops),
		.name = "test",
		.open = node_open,
		.claim = verb,
		.withdraw = verb,
		.release = verb,
		.done = verb,
		.publish = publish,
		.ack = ack,
		.refresh = count,
		.close = count,
		.free = count,
	};
	struct metafora_coordinator *coordinator = NULL;
	unsigned int n_freed = 0;
	int error = metafora_coordinator_new(&ops, NULL, &n_freed, count,
					     &coordinator);

	(void)arg;
	check(error, coordinator);
	metafora_coordinator_free(coordinator);
	/* So does the configuration. */
	CU_ASSERT_EQUAL(n_freed, oom_failed() ? 0 : 1);
}

static void coordinators_are_made_or_not(void)
{
	CU_ASSERT_EQUAL(oom_for_each(make_coordinator, NULL), 1);
}

/* Tasks on a stage of a world; memory is short for mf_runner_start() only. */
static struct world *world;
static struct stage stage;

static void start_task(void *arg)
{
	struct metafora_task *task = NULL;
	int error = mf_runner_start(&stage.runner, NULL, "one", 1, "a", 1,
				    stage.lease, &task);

	(void)arg;
	check(error, task);
	CU_ASSERT_EQUAL(stage.runner.n_live, oom_failed() ? 0 : 1);
	oom_pause();
	if (task) {
		CU_ASSERT(stage_wait_returned(&stage, stage.n_reaped + 1));
		stage_reap(&stage);
	}
	oom_resume();
}

static void tasks_are_started_or_not(void)
{
	struct metafora_handler *handler = NULL;

	world = world_new(1);
	CU_ASSERT_EQUAL_FATAL(metafora_handler_new_async(start, NULL,
							 &handler), 0);
	stage_open(&stage, world, handler);
	stage_add_guard(&stage, METAFORA_LOST_WAIT);
	CU_ASSERT_EQUAL(oom_for_each(start_task, NULL), 1);
	stage_close(&stage);
	world_free(world);
}

static void make_guard(void *arg)
{
	const struct mf_log silent = {0};
	const struct mf_guard_config config = {
		.runtime = mf_runtime_threads(),
		.log = &silent,
	};
	struct mf_guard *guard = NULL;
	int error;

	(void)arg;
	error = mf_guard_new(&config, &guard);
	if (error) {
		check(error, guard);
		return;
	}
	error = mf_guard_start(guard);
	CU_ASSERT_EQUAL(error, oom_failed() ? METAFORA_ENOMEM : 0);
	mf_guard_free(guard);
}

static void guards_are_made_and_started_or_not(void)
{
	oom_this_thread_only(true);
	CU_ASSERT(oom_for_each(make_guard, NULL) >= 2);
	oom_this_thread_only(false);
}

static void make_lease(void *arg)
{
	struct mf_lease *lease = mf_lease_new(1);

	(void)arg;
	CU_ASSERT_EQUAL(!lease, oom_failed());
	mf_lease_unref(lease);
}

static void leases_are_made_or_not(void)
{
	CU_ASSERT_EQUAL(oom_for_each(make_lease, NULL), 1);
}

static const struct tap_case cases[] = {
	{"handlers are made or not", handlers_are_made_or_not},
	{"balancers are made or not", balancers_are_made_or_not},
	{"coordinators are made or not", coordinators_are_made_or_not},
	{"tasks are started or not", tasks_are_started_or_not},
	{"guards are made and started or not",
	 guards_are_made_and_started_or_not},
	{"leases are made or not", leases_are_made_or_not},
};

TAP_MAIN(cases, NULL, NULL)
