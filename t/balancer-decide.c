/* SPDX-License-Identifier: Apache-2.0 */
/* The fair balancer's single decisions, and how long they take. */
#include <metafora.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plan.h"
#include "plugin.h"
#include "tap.h"
#include "task_table.h"
#include "view.h"

#define MS UINT64_C(1000000)
#define START_NS (UINT64_C(5000000) * MS)
#define GRACE_MS 1000
#define DELAY_MS 100
#define N_NODES 5
#define N_TASKS 40

static struct metafora_cluster views[N_NODES];
static struct metafora_balancer *balancers[N_NODES];
static struct metafora_member_record records[N_NODES];
static char names[N_NODES][32];
static char tasks[N_TASKS][32];

/* Tell every node who is there. */
static void tell_members(void)
{
	size_t i;

	for (i = 0; i < N_NODES; i++)
		mf_view_members(&views[i], records, N_NODES);
}

static void tell_tasks(size_t n, const char *owner)
{
	struct metafora_task_fact facts[N_TASKS];
	struct metafora_claim_fact claims[N_TASKS];
	size_t i;

	memset(facts, 0, sizeof(facts));
	for (i = 0; i < n; i++) {
		snprintf(tasks[i], sizeof(tasks[i]), "task-%03zu", i);
		facts[i].task = claims[i].task = tasks[i];
		claims[i].node = owner;
		claims[i].token = i + 1;
	}
	for (i = 0; i < N_NODES; i++) {
		mf_view_tasks(&views[i], START_NS, 0, facts, n);
		mf_view_claims(&views[i], START_NS, 0, claims, owner ? n : 0);
	}
}

static void hold(size_t node, size_t n)
{
	views[node].n_held = n;
	views[node].version++;
}

static void setup(void)
{
	size_t i;

	memset(records, 0, sizeof(records));
	for (i = 0; i < N_NODES; i++) {
		struct metafora_balancer *balancer = NULL;

		snprintf(names[i], sizeof(names[i]), "node-%zu", i);
		records[i].node = names[i];
		records[i].session = i + 1;
		records[i].weight = 1;
		CU_ASSERT_EQUAL_FATAL(metafora_balancer_fair_new(&balancer), 0);
		CU_ASSERT_EQUAL(metafora_balancer_fair_set_unclaimed_grace_ms(
					balancer, GRACE_MS),
				0);
		CU_ASSERT_EQUAL(metafora_balancer_fair_set_claim_delay_ms(
					balancer, DELAY_MS),
				0);
		balancers[i] = balancer;
		CU_ASSERT_EQUAL_FATAL(mf_view_init(&views[i], names[i], false),
				      0);
		CU_ASSERT_EQUAL_FATAL(mf_view_begin(&views[i], 1), 0);
	}
	tell_members();
}

static void teardown(void)
{
	size_t i;

	for (i = 0; i < N_NODES; i++) {
		metafora_balancer_free(balancers[i]);
		mf_view_fini(&views[i]);
	}
}

static enum metafora_can_claim ask(size_t node, size_t task, uint64_t after_ms,
				   uint64_t *until_ns)
{
	struct metafora_balance balance = {
		.cluster = &views[node],
		.node = names[node],
		.now_ns = START_NS + after_ms * MS,
		.random = 4,
	};

	return balancers[node]->ops->can_claim(
		balancers[node]->state, &balance,
		metafora_cluster_find_task(&views[node], tasks[task]),
		until_ns);
}

static size_t n_willing(size_t task, uint64_t after_ms)
{
	uint64_t until_ns;
	size_t n = 0;
	size_t i;

	for (i = 0; i < N_NODES; i++)
		n += ask(i, task, after_ms, &until_ns) == METAFORA_CLAIM_YES;
	return n;
}

/* --- claims ---------------------------------------------------------------------- */

static void one_claims_at_once_the_others_delay_by_delay(void)
{
	size_t task, rank;

	tell_tasks(N_TASKS, NULL);
	for (task = 0; task < N_TASKS; task++) {
		for (rank = 0; rank < N_NODES; rank++) {
			CU_ASSERT_EQUAL(n_willing(task, rank * DELAY_MS),
					rank + 1);
			CU_ASSERT_EQUAL(
				n_willing(task, (rank + 1) * DELAY_MS - 1),
				rank + 1);
		}
	}
}

static void who_must_wait_is_told_until_when(void)
{
	uint64_t until_ns = 0;
	size_t i;

	tell_tasks(9, NULL); /* few: no backlog */
	for (i = 0; i < N_NODES; i++) {
		if (ask(i, 0, 30, &until_ns) == METAFORA_CLAIM_YES)
			continue;
		/* Its turn comes later or then; others may fill up sooner. */
		CU_ASSERT_TRUE(until_ns > START_NS + 30 * MS);
		CU_ASSERT_TRUE(until_ns <= START_NS + (30 + DELAY_MS) * MS);
	}
}

static void who_is_at_quota_waits_for_the_grace(void)
{
	uint64_t until_ns = 0;
	size_t i;

	tell_tasks(N_TASKS, NULL);
	hold(2, N_TASKS / N_NODES);
	for (i = 0; i < N_TASKS; i++) {
		CU_ASSERT_EQUAL(ask(2, i, GRACE_MS - 1, &until_ns),
				METAFORA_CLAIM_NO_UNTIL);
		CU_ASSERT_EQUAL(
			ask(2, i, GRACE_MS + N_NODES * DELAY_MS, &until_ns),
			METAFORA_CLAIM_YES);
	}
	hold(2, N_TASKS / N_NODES - 1);
	CU_ASSERT_EQUAL(ask(2, 0, GRACE_MS - 1, &until_ns),
			METAFORA_CLAIM_YES);
}

static void after_the_grace_not_all_claim_at_one_moment(void)
{
	size_t n_first = 0;
	size_t i;

	tell_tasks(N_TASKS, NULL);
	for (i = 0; i < N_NODES; i++)
		hold(i, N_TASKS);
	for (i = 0; i < N_TASKS; i++)
		n_first += n_willing(i, GRACE_MS + DELAY_MS);
	/* One of five on average. */
	CU_ASSERT_TRUE(n_first > N_TASKS / 4);
	CU_ASSERT_TRUE(n_first < N_TASKS * 2);
}

static void members_at_quota_do_not_stand_in_the_way(void)
{
	size_t first = 0;
	size_t i;

	/* All but the last own their share by the view: it claims any task. */
	struct metafora_task_fact facts[N_TASKS];
	struct metafora_claim_fact claims[N_TASKS];

	tell_tasks(N_TASKS, NULL);
	memset(facts, 0, sizeof(facts));
	for (i = 0; i < 32; i++) {
		claims[i].task = tasks[i];
		claims[i].node = names[i / 8];
		claims[i].token = i + 1;
	}
	mf_view_claims(&views[4], START_NS, 0, claims, 32);
	for (i = 32; i < N_TASKS; i++) {
		uint64_t until_ns;

		first += ask(4, i, 0, &until_ns) == METAFORA_CLAIM_YES;
	}
	CU_ASSERT_EQUAL(first, 8);
}

static void who_is_full_waits_for_a_change(void)
{
	uint64_t until_ns = 0;

	records[1].capacity = 3;
	tell_members();
	tell_tasks(N_TASKS, NULL);
	hold(1, 3);
	CU_ASSERT_EQUAL(ask(1, 0, 1000000, &until_ns),
			METAFORA_CLAIM_NO_UNTIL_CHANGE);
	hold(1, 2);
	CU_ASSERT_EQUAL(ask(1, 0, 1000000, &until_ns), METAFORA_CLAIM_YES);
}

static void who_is_not_active_never_claims(void)
{
	uint64_t until_ns = 0;

	records[1].state = METAFORA_MEMBER_FROZEN;
	records[2].state = METAFORA_MEMBER_DRAINING;
	tell_members();
	tell_tasks(N_TASKS, NULL);
	CU_ASSERT_EQUAL(ask(1, 0, 1000000, &until_ns),
			METAFORA_CLAIM_NO_UNTIL_CHANGE);
	CU_ASSERT_EQUAL(ask(2, 0, 1000000, &until_ns),
			METAFORA_CLAIM_NO_UNTIL_CHANGE);
	/* Not listed as yet. */
	mf_view_members(&views[3], records, 3);
	CU_ASSERT_EQUAL(ask(3, 0, 1000000, &until_ns),
			METAFORA_CLAIM_NO_UNTIL_CHANGE);
}

static void the_longest_times_do_not_overflow(void)
{
	uint64_t until_ns = 0;

	tell_tasks(N_TASKS, NULL);
	metafora_balancer_fair_set_unclaimed_grace_ms(balancers[0], 3600000);
	metafora_balancer_fair_set_claim_delay_ms(balancers[0], 60000);
	hold(0, N_TASKS);
	CU_ASSERT_EQUAL(ask(0, 0, 3599999, &until_ns),
			METAFORA_CLAIM_NO_UNTIL);
	CU_ASSERT_TRUE(until_ns > START_NS + 3599999 * MS);
	CU_ASSERT_EQUAL(ask(0, 0, 2 * 3600000, &until_ns), METAFORA_CLAIM_YES);
}

/* --- what was taken beyond the share -------------------------------------------------- */

#define HOLD_MS (10 * GRACE_MS)

static struct mf_entry entries[N_TASKS];

/* The broker shows all tasks owned by node 0, but for one. */
static void tell_owners(size_t task, size_t owner)
{
	struct metafora_claim_fact claims[N_TASKS];
	size_t i;

	for (i = 0; i < N_TASKS; i++) {
		claims[i].task = tasks[i];
		claims[i].node = names[i == task ? owner : 0];
		claims[i].token = i + 1;
	}
	mf_view_claims(&views[0], START_NS, 0, claims, N_TASKS);
}

/* Node 0 runs all tasks from the first on. */
static void run_own(size_t first)
{
	size_t i;

	for (i = first; i < N_TASKS; i++) {
		entries[i].task = mf_view_find(&views[0], tasks[i]);
		entries[i].state = MF_RUNNING;
		entries[i].task->entry = &entries[i];
		TAILQ_INSERT_TAIL(&views[0].own, &entries[i], in_own);
	}
	hold(0, N_TASKS - first);
}

static void stop_own(void)
{
	struct mf_entry *entry;

	while ((entry = TAILQ_FIRST(&views[0].own))) {
		TAILQ_REMOVE(&views[0].own, entry, in_own);
		entry->task->entry = NULL;
	}
}

static size_t plan(uint64_t after_ms, uint64_t *wish_ns)
{
	struct metafora_balance balance = {
		.cluster = &views[0],
		.node = names[0],
		.now_ns = START_NS + after_ms * MS,
	};
	struct metafora_plan releases = {0};
	size_t n;

	*wish_ns = balancers[0]->ops->balance(balancers[0]->state, &balance,
					      &releases);
	n = releases.releases.n;
	mf_plan_fini(&releases);
	return n;
}

/* Node 0 adopts n tasks: it takes them though it is at its quota. */
static void adopt(size_t n)
{
	uint64_t until_ns;
	size_t i;

	tell_tasks(N_TASKS, NULL);
	hold(0, N_TASKS);
	for (i = 0; i < n; i++)
		CU_ASSERT_EQUAL(ask(0, i, 10 * GRACE_MS, &until_ns),
				METAFORA_CLAIM_YES);
}

static void adopted_tasks_are_kept_until_it_is_time_to_probe(void)
{
	uint64_t wish_ns;

	adopt(N_TASKS);
	tell_owners(0, 0);
	run_own(0);
	CU_ASSERT_EQUAL(plan(10 * GRACE_MS + HOLD_MS - 1, &wish_ns), 0);
	CU_ASSERT_EQUAL(wish_ns, START_NS + (10 * GRACE_MS + HOLD_MS) * MS);
	CU_ASSERT_EQUAL(plan(10 * GRACE_MS + HOLD_MS, &wish_ns), 1);
	CU_ASSERT_EQUAL(wish_ns,
			START_NS + (10 * GRACE_MS + 3 * HOLD_MS) * MS);
	stop_own();
}

static void others_are_given_away_while_adopted_ones_are_kept(void)
{
	uint64_t wish_ns;

	adopt(3);
	tell_owners(0, 0);
	run_own(0);
	CU_ASSERT_EQUAL(plan(10 * GRACE_MS, &wish_ns),
			N_TASKS - N_TASKS / N_NODES - 3);
	stop_own();
}

/*
 * All are adopted; the first is offered to probe, and node 3 takes it.  What
 * is planned when that has been seen for so long.
 */
static size_t plan_after_probe(size_t node_3_owns, uint64_t after_ms)
{
	struct metafora_claim_fact claims[N_TASKS];
	uint64_t wish_ns;
	size_t n;
	size_t i;

	adopt(N_TASKS);
	tell_owners(0, 0);
	run_own(0);
	CU_ASSERT_EQUAL(plan(10 * GRACE_MS + HOLD_MS, &wish_ns), 1);
	stop_own();
	for (i = 0; i < N_TASKS; i++) {
		claims[i].task = tasks[i];
		claims[i].node = names[i < node_3_owns ? 3 : 0];
		claims[i].token = i + 1;
	}
	mf_view_claims(&views[0], START_NS, 0, claims, N_TASKS);
	run_own(node_3_owns);
	CU_ASSERT_EQUAL(plan(10 * GRACE_MS + HOLD_MS + 1, &wish_ns), 0);
	n = plan(10 * GRACE_MS + HOLD_MS + 1 + after_ms, &wish_ns);
	stop_own();
	return n;
}

static void a_probe_taken_as_part_of_a_share_frees_the_rest(void)
{
	CU_ASSERT_EQUAL(plan_after_probe(1, GRACE_MS),
			N_TASKS - 1 - N_TASKS / N_NODES);
}

/* Before: a node that refused it at once was seen to have it, and got more. */
static void a_probe_that_may_be_refused_still_frees_nothing(void)
{
	CU_ASSERT_EQUAL(plan_after_probe(1, GRACE_MS - 1), 0);
}

static void a_probe_taken_beyond_a_share_frees_nothing(void)
{
	CU_ASSERT_EQUAL(plan_after_probe(N_TASKS / N_NODES + 1, GRACE_MS), 0);
}

static void what_is_long_past_makes_nobody_patient(void)
{
	const uint64_t later_ms = 20 * HOLD_MS;
	uint64_t wish_ns, until_ns;

	/* Probes in vain, then the tasks are no more. */
	adopt(N_TASKS);
	tell_owners(0, 0);
	run_own(0);
	CU_ASSERT_EQUAL(plan(10 * GRACE_MS + HOLD_MS, &wish_ns), 1);
	CU_ASSERT_EQUAL(plan(10 * GRACE_MS + 3 * HOLD_MS, &wish_ns), 1);
	stop_own();
	tell_tasks(0, NULL);
	plan(10 * GRACE_MS + 3 * HOLD_MS, &wish_ns);

	tell_tasks(N_TASKS, NULL);
	CU_ASSERT_EQUAL(ask(0, 0, later_ms, &until_ns), METAFORA_CLAIM_YES);
	tell_owners(0, 0);
	run_own(0);
	plan(later_ms, &wish_ns);
	CU_ASSERT_EQUAL(wish_ns, START_NS + (later_ms + HOLD_MS) * MS);
	stop_own();
}

static void a_task_that_another_got_after_all_is_not_adopted(void)
{
	uint64_t wish_ns;

	adopt(1);
	tell_owners(0, 3);
	run_own(1);
	plan(10 * GRACE_MS, &wish_ns);
	stop_own();
	/* Ours in the end, by another way. */
	tell_owners(0, 0);
	run_own(0);
	CU_ASSERT_EQUAL(plan(10 * GRACE_MS, &wish_ns),
			N_TASKS - N_TASKS / N_NODES);
	CU_ASSERT_EQUAL(wish_ns, 0);
	stop_own();
}

/* --- the filter -------------------------------------------------------------------- */

static unsigned int n_filtered;

static bool not_node_1(void *arg, const struct metafora_member *member)
{
	n_filtered++;
	return strcmp(metafora_member_name(member), arg) != 0;
}

static void who_is_filtered_out_gets_no_share(void)
{
	uint64_t until_ns = 0;
	size_t n = 0;
	size_t i;

	for (i = 0; i < N_NODES; i++)
		CU_ASSERT_EQUAL(metafora_balancer_fair_set_filter(
					balancers[i], not_node_1, names[1]),
				0);
	tell_tasks(N_TASKS, NULL);
	for (i = 0; i < N_TASKS; i++) {
		n += n_willing(i, 0);
		CU_ASSERT_EQUAL(ask(1, i, 1000000, &until_ns),
				METAFORA_CLAIM_NO_UNTIL_CHANGE);
	}
	CU_ASSERT_EQUAL(n, N_TASKS);
	/* A quarter for each of four. */
	hold(0, N_TASKS / 4 - 1);
	CU_ASSERT_EQUAL(ask(0, 0, N_NODES * DELAY_MS, &until_ns),
			METAFORA_CLAIM_YES);
	hold(0, N_TASKS / 4);
	CU_ASSERT_EQUAL(ask(0, 0, N_NODES * DELAY_MS, &until_ns),
			METAFORA_CLAIM_NO_UNTIL);
	/* No filter again. */
	CU_ASSERT_EQUAL(
		metafora_balancer_fair_set_filter(balancers[1], NULL, NULL), 0);
	views[1].version++;
	CU_ASSERT_EQUAL(ask(1, 0, N_NODES * DELAY_MS, &until_ns),
			METAFORA_CLAIM_YES);
}

static void members_are_read_again_only_when_the_view_has_changed(void)
{
	uint64_t until_ns;

	metafora_balancer_fair_set_filter(balancers[0], not_node_1, "");
	tell_tasks(N_TASKS, NULL);
	n_filtered = 0;
	ask(0, 0, 0, &until_ns);
	CU_ASSERT_EQUAL(n_filtered, N_NODES);
	ask(0, 1, 0, &until_ns);
	ask(0, 2, 500, &until_ns);
	CU_ASSERT_EQUAL(n_filtered, N_NODES);
	views[0].version++;
	ask(0, 3, 0, &until_ns);
	CU_ASSERT_EQUAL(n_filtered, 2 * N_NODES);
}

/* --- the calls of plugins.h --------------------------------------------------------- */

static void options_are_checked(void)
{
	struct metafora_balancer *fair = balancers[0];
	struct metafora_balancer *dumb = NULL;

	CU_ASSERT_EQUAL(metafora_balancer_fair_new(NULL), METAFORA_EINVAL);
	CU_ASSERT_EQUAL_FATAL(metafora_balancer_dumb_new(&dumb), 0);

	CU_ASSERT_EQUAL(metafora_balancer_fair_set_unclaimed_grace_ms(fair, 9),
			METAFORA_ERANGE);
	CU_ASSERT_EQUAL(metafora_balancer_fair_set_unclaimed_grace_ms(fair, 10),
			0);
	CU_ASSERT_EQUAL(
		metafora_balancer_fair_set_unclaimed_grace_ms(fair, 3600000),
		0);
	CU_ASSERT_EQUAL(
		metafora_balancer_fair_set_unclaimed_grace_ms(fair, 3600001),
		METAFORA_ERANGE);
	CU_ASSERT_EQUAL(
		metafora_balancer_fair_set_unclaimed_grace_ms(dumb, 1000),
		METAFORA_EINVAL);
	CU_ASSERT_EQUAL(
		metafora_balancer_fair_set_unclaimed_grace_ms(NULL, 1000),
		METAFORA_EINVAL);

	CU_ASSERT_EQUAL(metafora_balancer_fair_set_claim_delay_ms(fair, 0),
			METAFORA_ERANGE);
	CU_ASSERT_EQUAL(metafora_balancer_fair_set_claim_delay_ms(fair, 1), 0);
	CU_ASSERT_EQUAL(metafora_balancer_fair_set_claim_delay_ms(fair, 60000),
			0);
	CU_ASSERT_EQUAL(metafora_balancer_fair_set_claim_delay_ms(fair, 60001),
			METAFORA_ERANGE);
	CU_ASSERT_EQUAL(metafora_balancer_fair_set_claim_delay_ms(fair, -1),
			METAFORA_ERANGE);
	CU_ASSERT_EQUAL(metafora_balancer_fair_set_claim_delay_ms(dumb, 100),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_balancer_fair_set_claim_delay_ms(NULL, 100),
			METAFORA_EINVAL);

	CU_ASSERT_EQUAL(metafora_balancer_fair_set_filter(dumb, NULL, NULL),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_balancer_fair_set_filter(NULL, NULL, NULL),
			METAFORA_EINVAL);
	metafora_balancer_free(dumb);
}

/* --- time ------------------------------------------------------------------------------ */

#define MANY_NODES 1000
#define MANY_TASKS 100000

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fill_big(struct metafora_cluster *view)
{
	struct metafora_member_record *members =
		calloc(MANY_NODES, sizeof(*members));
	struct metafora_task_fact *facts = calloc(MANY_TASKS, sizeof(*facts));
	char(*ids)[32] = calloc(MANY_TASKS + MANY_NODES, sizeof(*ids));
	size_t i;

	CU_ASSERT_PTR_NOT_NULL_FATAL(members);
	CU_ASSERT_PTR_NOT_NULL_FATAL(facts);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ids);
	for (i = 0; i < MANY_NODES; i++) {
		snprintf(ids[i], sizeof(ids[i]), "node-%04zu", i);
		members[i].node = ids[i];
		members[i].session = i + 1;
		members[i].weight = 1;
	}
	for (i = 0; i < MANY_TASKS; i++) {
		snprintf(ids[MANY_NODES + i], sizeof(ids[i]), "task-%06zu", i);
		facts[i].task = ids[MANY_NODES + i];
	}
	mf_view_members(view, members, MANY_NODES);
	mf_view_tasks(view, START_NS, 0, facts, MANY_TASKS);
	mf_view_claims(view, START_NS, 0, NULL, 0);
	free(members);
	free(facts);
	free(ids);
}

/* Ask for every task, counting up as the engine does; returns the yesses. */
static size_t ask_all(struct metafora_balancer *fair,
		      struct metafora_cluster *view, uint64_t now_ns)
{
	struct metafora_balance balance = {
		.cluster = view,
		.node = "node-0500",
		.now_ns = now_ns,
	};
	const struct metafora_cluster_task *task = NULL;
	uint64_t until_ns;
	size_t n = 0;

	while ((task = metafora_cluster_next_unowned(view, task))) {
		if (fair->ops->can_claim(fair->state, &balance, task,
					 &until_ns) != METAFORA_CLAIM_YES)
			continue;
		view->n_held++;
		view->version++;
		n++;
	}
	return n;
}

static size_t plan_all(struct metafora_balancer *fair,
		       struct metafora_cluster *view)
{
	struct mf_entry *all = calloc(MANY_TASKS, sizeof(*all));
	struct metafora_balance balance = {
		.cluster = view,
		.node = "node-0500",
		.now_ns = START_NS,
	};
	struct metafora_plan plan = {0};
	struct metafora_cluster_task *task;
	size_t n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(all);
	TAILQ_FOREACH(task, &view->unowned, in_unowned) {
		all[n].task = task;
		all[n].state = MF_RUNNING;
		task->entry = &all[n];
		TAILQ_INSERT_TAIL(&view->own, &all[n], in_own);
		n++;
	}
	view->n_held = n;
	view->n_unowned = 0;
	view->version++;
	fair->ops->balance(fair->state, &balance, &plan);
	view->n_unowned = n;
	TAILQ_FOREACH(task, &view->unowned, in_unowned)
		task->entry = NULL;
	n = plan.releases.n;
	mf_plan_fini(&plan);
	free(all);
	return n;
}

static void a_thousand_members_and_a_hundred_thousand_tasks(void)
{
	struct metafora_balancer *fair = NULL;
	struct metafora_cluster view;
	double begin, first, later, plan;
	size_t n;

	CU_ASSERT_EQUAL_FATAL(metafora_balancer_fair_new(&fair), 0);
	CU_ASSERT_EQUAL_FATAL(mf_view_init(&view, "node-0500", false), 0);
	CU_ASSERT_EQUAL_FATAL(mf_view_begin(&view, 1), 0);
	fill_big(&view);

	begin = seconds();
	n = ask_all(fair, &view, START_NS);
	first = seconds() - begin;
	/* About as many as its share, and no more. */
	CU_ASSERT_TRUE(n > 50 && n <= MANY_TASKS / MANY_NODES);
	begin = seconds();
	n += ask_all(fair, &view, START_NS + 1900 * MS);
	later = seconds() - begin;
	CU_ASSERT_EQUAL(n, MANY_TASKS / MANY_NODES);

	begin = seconds();
	CU_ASSERT_EQUAL(plan_all(fair, &view),
			MANY_TASKS - MANY_TASKS / MANY_NODES);
	plan = seconds() - begin;
	tap_note("1,000 members, 100,000 unowned tasks: all questions of one "
		 "node %.0f ms, once at its quota %.0f ms",
		 first * 1e3, later * 1e3);
	tap_note("1,000 members, one has all 100,000 tasks: plan %.0f ms",
		 plan * 1e3);
	mf_view_fini(&view);
	metafora_balancer_free(fair);
}

static const struct tap_case cases[] = {
	{"one claims at once, the others delay by delay",
	 one_claims_at_once_the_others_delay_by_delay},
	{"who must wait is told until when", who_must_wait_is_told_until_when},
	{"who is at quota waits for the grace",
	 who_is_at_quota_waits_for_the_grace},
	{"after the grace not all claim at one moment",
	 after_the_grace_not_all_claim_at_one_moment},
	{"members at quota do not stand in the way",
	 members_at_quota_do_not_stand_in_the_way},
	{"who is full waits for a change", who_is_full_waits_for_a_change},
	{"who is not active never claims", who_is_not_active_never_claims},
	{"the longest times do not overflow",
	 the_longest_times_do_not_overflow},
	{"adopted tasks are kept until it is time to probe",
	 adopted_tasks_are_kept_until_it_is_time_to_probe},
	{"others are given away while adopted ones are kept",
	 others_are_given_away_while_adopted_ones_are_kept},
	{"a probe taken as part of a share frees the rest",
	 a_probe_taken_as_part_of_a_share_frees_the_rest},
	{"a probe that may be refused still frees nothing",
	 a_probe_that_may_be_refused_still_frees_nothing},
	{"a probe taken beyond a share frees nothing",
	 a_probe_taken_beyond_a_share_frees_nothing},
	{"what is long past makes nobody patient",
	 what_is_long_past_makes_nobody_patient},
	{"a task that another got after all is not adopted",
	 a_task_that_another_got_after_all_is_not_adopted},
	{"who is filtered out gets no share",
	 who_is_filtered_out_gets_no_share},
	{"members are read again only when the view has changed",
	 members_are_read_again_only_when_the_view_has_changed},
	{"options are checked", options_are_checked},
	{"a thousand members and a hundred thousand tasks",
	 a_thousand_members_and_a_hundred_thousand_tasks},
};

TAP_MAIN(cases, setup, teardown)
