/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded broker: limits, arguments, and memory running out. */
#include <metafora/error.h>
#include <metafora/plugins.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "embedded/node.h"
#include "oom.h"
#include "recorder.h"
#include "tap.h"

#define TIMEOUT_MS 1000
#define PATIENCE_MS 20000
#define N_TASKS 3

static const char *const tasks[N_TASKS] = {"t0", "t1", "t2"};

/* --- arguments ---------------------------------------------------------------------- */

static void a_broker_checks_its_arguments(void)
{
	struct metafora_embedded_broker *broker = NULL;
	struct metafora_coordinator *coordinator = NULL;

	CU_ASSERT_EQUAL(metafora_embedded_broker_new(1000, NULL),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_embedded_broker_new(99, &broker),
			METAFORA_ERANGE);
	CU_ASSERT_EQUAL(metafora_embedded_broker_new(3600001, &broker),
			METAFORA_ERANGE);
	CU_ASSERT_PTR_NULL(broker);
	CU_ASSERT_EQUAL_FATAL(metafora_embedded_broker_new(100, &broker), 0);
	CU_ASSERT_EQUAL(metafora_embedded_coordinator_new(NULL, &coordinator),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_embedded_coordinator_new(broker, NULL),
			METAFORA_EINVAL);
	/* A coordinator keeps the broker. */
	CU_ASSERT_EQUAL_FATAL(
		metafora_embedded_coordinator_new(broker, &coordinator), 0);
	metafora_embedded_broker_free(broker);
	metafora_coordinator_free(coordinator);
	metafora_embedded_broker_free(NULL);
}

static void switches_check_their_arguments(void)
{
	struct metafora_embedded_broker *broker;

	CU_ASSERT_EQUAL_FATAL(metafora_embedded_broker_new(100, &broker), 0);
	CU_ASSERT_EQUAL(metafora_embedded_expire(NULL, "a"), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_embedded_expire(broker, "a"), METAFORA_ENOENT);
	CU_ASSERT_EQUAL(metafora_embedded_expire(broker, NULL),
			METAFORA_ENOENT);
	CU_ASSERT_EQUAL(metafora_embedded_cut(NULL, "a", true),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_embedded_delay(NULL, "a", 0, 1),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_embedded_delay(broker, "a", -1, 1),
			METAFORA_ERANGE);
	CU_ASSERT_EQUAL(metafora_embedded_delay(broker, "a", 2, 1),
			METAFORA_ERANGE);
	CU_ASSERT_EQUAL(metafora_embedded_delay(broker, "a", 0, 60001),
			METAFORA_ERANGE);
	CU_ASSERT_EQUAL(metafora_embedded_delay(broker, "a", 60000, 60000), 0);
	CU_ASSERT_EQUAL(metafora_embedded_lag(NULL, "a", 1), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_embedded_lag(broker, "a", -1),
			METAFORA_ERANGE);
	CU_ASSERT_EQUAL(metafora_embedded_lag(broker, "a", 60001),
			METAFORA_ERANGE);
	CU_ASSERT_EQUAL(metafora_embedded_lag(broker, NULL, 60000), 0);
	CU_ASSERT_EQUAL(metafora_embedded_lose(NULL, "a", 1, true),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_embedded_lose(broker, "b", 1, true), 0);
	metafora_embedded_broker_free(broker);
}

/* --- a cluster of one node and one client ------------------------------------------------ */

struct cluster {
	struct site *site;
	struct metafora_embedded_broker *broker;
	struct metafora_coordinator *coordinator;
	struct rec_node *node;
	struct rec_client *client;
};

static void cluster_close(struct cluster *cluster)
{
	if (cluster->node) {
		rec_node_close(cluster->node);
		if (cluster->node->violation)
			tap_note("%s", cluster->node->violation);
		CU_ASSERT_PTR_NULL(cluster->node->violation);
		rec_node_free(cluster->node);
	}
	if (cluster->client) {
		rec_client_close(cluster->client);
		CU_ASSERT_PTR_NULL(cluster->client->violation);
		rec_client_free(cluster->client);
	}
	metafora_coordinator_free(cluster->coordinator);
	metafora_embedded_broker_free(cluster->broker);
	site_free(cluster->site);
}

/* False if memory did not suffice; close it in any case. */
static bool cluster_open(struct cluster *cluster)
{
	int error;

	memset(cluster, 0, sizeof(*cluster));
	rec_quiet(true);
	cluster->site = site_new_world(1);
	rec_quiet(false);
	error = metafora_embedded_broker_new(TIMEOUT_MS, &cluster->broker);
	if (!error)
		error = metafora_embedded_coordinator_new(
			cluster->broker, &cluster->coordinator);
	CU_ASSERT(error == 0 || error == METAFORA_ENOMEM);
	if (error)
		return false;
	cluster->node = rec_node_open(cluster->site, cluster->coordinator, "a");
	if (!cluster->node)
		return false;
	cluster->client = rec_client_open(cluster->site, cluster->coordinator);
	return cluster->client != NULL;
}

static bool is_complete(void *arg)
{
	return rec_is_complete(arg);
}

static bool is_settled(void *arg)
{
	const struct rec_node *node = arg;

	return rec_is_complete(node) && rec_n_open(node) == 0;
}

static bool wait_for(struct cluster *cluster, bool (*cond)(void *arg))
{
	return site_wait(cluster->site, cond, cluster->node, PATIENCE_MS);
}

/* The error of a request; NO_REPLY if there was no memory to say so. */
#define NO_REPLY 1
static int error_of(struct cluster *cluster, uint64_t request)
{
	const struct rec_reply *reply =
		rec_reply(cluster->client, request, PATIENCE_MS);

	if (!reply)
		return NO_REPLY;
	CU_ASSERT(reply->error == 0 || reply->error == METAFORA_ENOMEM ||
		  reply->error == METAFORA_ENOENT ||
		  reply->error == METAFORA_EUNKNOWN);
	return reply->error;
}

static int submit(struct cluster *cluster, const char *task)
{
	const struct metafora_submission submission = {task, "data", 4};
	const uint64_t request = rec_submit(cluster->client, &submission, 1);
	const int error = error_of(cluster, request);

	if (error)
		return error;
	return rec_reply(cluster->client, request, 0)->errors[0];
}

/* --- what the switches do ---------------------------------------------------------------- */

#define N_CHANGES 20
#define SWITCH_MS 300

struct claimed {
	const struct rec_node *node;
	uint64_t attempt;
};

static bool is_told(void *arg)
{
	const struct claimed *claimed = arg;

	return rec_verdict_of(claimed->node, METAFORA_VERB_CLAIM,
			      claimed->attempt) != NULL;
}

static bool is_seen(void *arg)
{
	const struct claimed *claimed = arg;

	return rec_sees_claim(claimed->node, "t", "a", NULL) == 1;
}

static bool is_unseen(void *arg)
{
	return !is_seen(arg);
}

/* Longest time until a claim was told, and until it was seen after that. */
static void measure(struct cluster *cluster, uint64_t *told_ns,
		    uint64_t *seen_ns)
{
	struct claimed claimed = {cluster->node, 0};
	struct site *site = cluster->site;
	uint64_t at_ns;
	size_t i;

	*told_ns = *seen_ns = 0;
	for (i = 0; i < N_CHANGES; i++) {
		at_ns = site_now_ns(site);
		claimed.attempt =
			rec_enter(cluster->node, METAFORA_VERB_CLAIM, "t");
		CU_ASSERT(site_wait(site, is_told, &claimed, PATIENCE_MS));
		if (site_now_ns(site) - at_ns > *told_ns)
			*told_ns = site_now_ns(site) - at_ns;
		at_ns = site_now_ns(site);
		CU_ASSERT(site_wait(site, is_seen, &claimed, PATIENCE_MS));
		if (site_now_ns(site) - at_ns > *seen_ns)
			*seen_ns = site_now_ns(site) - at_ns;
		rec_leave(cluster->node, METAFORA_VERB_WITHDRAW, "t",
			  claimed.attempt, 0);
		CU_ASSERT(site_wait(site, is_unseen, &claimed, PATIENCE_MS));
		CU_ASSERT(wait_for(cluster, is_settled));
	}
}

static void snapshots_lag_and_verdicts_do_not(void)
{
	const uint64_t lag_ns = SWITCH_MS * EMB_NS_PER_MS;
	struct cluster cluster;
	uint64_t told_ns;
	uint64_t seen_ns;

	CU_ASSERT_FATAL(cluster_open(&cluster));
	CU_ASSERT(wait_for(&cluster, is_complete));
	CU_ASSERT_EQUAL(submit(&cluster, "t"), 0);
	measure(&cluster, &told_ns, &seen_ns);
	CU_ASSERT(told_ns < EMB_NS_PER_MS);
	CU_ASSERT(seen_ns < lag_ns / 2);
	CU_ASSERT_EQUAL(metafora_embedded_lag(cluster.broker, "a", SWITCH_MS),
			0);
	measure(&cluster, &told_ns, &seen_ns);
	CU_ASSERT(told_ns < EMB_NS_PER_MS);
	CU_ASSERT(seen_ns > lag_ns / 2);
	CU_ASSERT(seen_ns < 2 * lag_ns + lag_ns / 2);
	cluster_close(&cluster);
}

static void messages_are_delayed(void)
{
	const uint64_t delay_ns = SWITCH_MS * EMB_NS_PER_MS;
	struct cluster cluster;
	uint64_t told_ns;
	uint64_t seen_ns;

	CU_ASSERT_FATAL(cluster_open(&cluster));
	CU_ASSERT(wait_for(&cluster, is_complete));
	CU_ASSERT_EQUAL(submit(&cluster, "t"), 0);
	CU_ASSERT_EQUAL(
		metafora_embedded_delay(cluster.broker, "a", 100, SWITCH_MS),
		0);
	measure(&cluster, &told_ns, &seen_ns);
	CU_ASSERT(told_ns > delay_ns / 2 && told_ns < 2 * delay_ns);
	/* A delay of a name is not one for all: the client has none. */
	told_ns = site_now_ns(cluster.site);
	CU_ASSERT_EQUAL(submit(&cluster, "t"), METAFORA_EEXIST);
	CU_ASSERT(site_now_ns(cluster.site) - told_ns < EMB_NS_PER_MS);
	cluster_close(&cluster);
}

static int result_of_a_claim(struct cluster *cluster)
{
	const uint64_t attempt =
		rec_enter(cluster->node, METAFORA_VERB_CLAIM, "t");

	CU_ASSERT(wait_for(cluster, is_settled));
	return (int)rec_verdict_of(cluster->node, METAFORA_VERB_CLAIM, attempt)
		->result;
}

static void lost_writes_are_counted(void)
{
	struct cluster cluster;

	CU_ASSERT_FATAL(cluster_open(&cluster));
	CU_ASSERT(wait_for(&cluster, is_complete));
	CU_ASSERT_EQUAL(submit(&cluster, "t"), 0);
	CU_ASSERT_EQUAL(metafora_embedded_lose(cluster.broker, "a", 2, true),
			0);
	CU_ASSERT_EQUAL(submit(&cluster, "u"), 0);
	CU_ASSERT_EQUAL(result_of_a_claim(&cluster), METAFORA_RESULT_UNKNOWN);
	CU_ASSERT_EQUAL(result_of_a_claim(&cluster), METAFORA_RESULT_UNKNOWN);
	CU_ASSERT_EQUAL(result_of_a_claim(&cluster), METAFORA_RESULT_OWNED);
	CU_ASSERT_EQUAL(metafora_embedded_lose(cluster.broker, NULL, 1, false),
			0);
	CU_ASSERT_EQUAL(submit(&cluster, "v"), METAFORA_EUNKNOWN);
	CU_ASSERT_EQUAL(submit(&cluster, "v"), METAFORA_EEXIST);
	cluster_close(&cluster);
}

/* --- what breaks, and when ------------------------------------------------------------------ */

static bool is_disconnected(void *arg)
{
	return !rec_is_connected(arg);
}

/* A short cut while something is on its way; then back in touch. */
static void break_link(struct cluster *cluster, struct rec_node *node)
{
	CU_ASSERT_EQUAL(
		metafora_embedded_cut(cluster->broker, node->name, true), 0);
	CU_ASSERT_EQUAL(
		metafora_embedded_cut(cluster->broker, node->name, false), 0);
	CU_ASSERT(site_wait(cluster->site, is_disconnected, node, PATIENCE_MS));
	CU_ASSERT(site_wait(cluster->site, is_settled, node, PATIENCE_MS));
}

static bool sees_task_t(void *arg)
{
	return rec_sees_task(arg, "t", NULL);
}

static void a_snapshot_that_gets_lost_is_read_again(void)
{
	struct cluster cluster;

	CU_ASSERT_FATAL(cluster_open(&cluster));
	CU_ASSERT(wait_for(&cluster, is_complete));
	CU_ASSERT_EQUAL(metafora_embedded_delay(cluster.broker, "a", 100, 100),
			0);
	CU_ASSERT_EQUAL(submit(&cluster, "t"), 0);
	/* Time for it to be read, not to arrive. */
	site_pass(cluster.site, 60);
	CU_ASSERT_FALSE(sees_task_t(cluster.node));
	break_link(&cluster, cluster.node);
	CU_ASSERT(wait_for(&cluster, sees_task_t));
	cluster_close(&cluster);
}

static void second_node_close(struct rec_node *node)
{
	rec_node_close(node);
	if (node->violation)
		tap_note("%s", node->violation);
	CU_ASSERT_PTR_NULL(node->violation);
	rec_node_free(node);
}

/* What became of a claim is unknown, so no promotion of it may be told. */
static void an_unknown_claim_is_not_promoted(void)
{
	struct cluster cluster;
	struct rec_node *b;
	uint64_t attempts[2];

	CU_ASSERT_FATAL(cluster_open(&cluster));
	b = rec_node_open(cluster.site, cluster.coordinator, "b");
	CU_ASSERT(wait_for(&cluster, is_complete));
	CU_ASSERT(site_wait(cluster.site, is_complete, b, PATIENCE_MS));
	CU_ASSERT_EQUAL(submit(&cluster, "t"), 0);
	attempts[0] = rec_enter(cluster.node, METAFORA_VERB_CLAIM, "t");
	CU_ASSERT(wait_for(&cluster, is_settled));
	/* QUEUED and OWNED are both on their way when the link breaks. */
	CU_ASSERT_EQUAL(metafora_embedded_delay(cluster.broker, "b", 100, 100),
			0);
	attempts[1] = rec_enter(b, METAFORA_VERB_QUEUE, "t");
	rec_leave(cluster.node, METAFORA_VERB_RELEASE, "t", attempts[0], 0);
	site_pass(cluster.site, 50);
	break_link(&cluster, b);
	site_pass(cluster.site, TIMEOUT_MS);
	CU_ASSERT_EQUAL(
		rec_verdict_of(b, METAFORA_VERB_QUEUE, attempts[1])->result,
		METAFORA_RESULT_UNKNOWN);
	CU_ASSERT_EQUAL(b->n_verdicts, 1);
	rec_leave(b, METAFORA_VERB_WITHDRAW, "t", attempts[1], 0);
	CU_ASSERT(site_wait(cluster.site, is_settled, b, PATIENCE_MS));
	second_node_close(b);
	cluster_close(&cluster);
}

/* How far the end of a silent session may be off. */
#define REAP_SLACK_NS (5 * EMB_NS_PER_MS)

static bool sees_b_alone(void *arg)
{
	const struct rec_node *node = arg;

	return node->n_members == 1 && rec_sees_member(node, "b");
}

static void check_expiry(const struct cluster *cluster, uint64_t contact_ns)
{
	const uint64_t due_ns = contact_ns + TIMEOUT_MS * EMB_NS_PER_MS;
	const uint64_t now_ns = site_now_ns(cluster->site);

	CU_ASSERT(now_ns >= due_ns);
	CU_ASSERT(now_ns <= due_ns + REAP_SLACK_NS);
}

static void a_silent_session_ends_in_time(void)
{
	struct site_freeze *freeze;
	struct cluster cluster;
	uint64_t contact_ns;
	struct rec_node *b;

	CU_ASSERT_FATAL(cluster_open(&cluster));
	/* So that the heartbeats of the two are not in step. */
	site_pass(cluster.site, 100);
	b = rec_node_open(cluster.site, cluster.coordinator, "b");
	CU_ASSERT(site_wait(cluster.site, is_complete, b, PATIENCE_MS));
	freeze = site_freeze(cluster.site, &cluster.node->loop);
	contact_ns = ((struct emb_node *)cluster.node->state)->beat_ns;
	CU_ASSERT(site_wait(cluster.site, sees_b_alone, b, PATIENCE_MS));
	check_expiry(&cluster, contact_ns);
	site_thaw(cluster.site, freeze);
	second_node_close(b);
	cluster_close(&cluster);
}

static void who_waits_for_a_dead_node_ends_its_session(void)
{
	struct site_freeze *freeze;
	struct cluster cluster;
	uint64_t contact_ns;
	uint64_t request;

	CU_ASSERT_FATAL(cluster_open(&cluster));
	CU_ASSERT(wait_for(&cluster, is_complete));
	CU_ASSERT_EQUAL(submit(&cluster, "t"), 0);
	CU_ASSERT_EQUAL(result_of_a_claim(&cluster), METAFORA_RESULT_OWNED);
	freeze = site_freeze(cluster.site, &cluster.node->loop);
	contact_ns = ((struct emb_node *)cluster.node->state)->beat_ns;
	/* No other node is there to do it. */
	request = rec_remove(cluster.client, "t");
	CU_ASSERT_EQUAL(error_of(&cluster, request), 0);
	check_expiry(&cluster, contact_ns);
	site_thaw(cluster.site, freeze);
	cluster_close(&cluster);
}

/* --- sequence numbers ------------------------------------------------------------------------ */

static void sequence_numbers_do_not_wrap(void)
{
	const struct rec_verdict *verdict;
	struct cluster cluster;
	uint64_t attempt;
	size_t i;

	CU_ASSERT_FATAL(cluster_open(&cluster));
	CU_ASSERT(wait_for(&cluster, is_complete));
	CU_ASSERT_EQUAL(submit(&cluster, "t"), 0);
	for (i = 0; i < EMB_BUCKETS; i++)
		cluster.broker->buckets[i].last_seq = UINT32_MAX - 1;
	attempt = rec_enter(cluster.node, METAFORA_VERB_CLAIM, "t");
	CU_ASSERT(wait_for(&cluster, is_settled));
	verdict = rec_verdict_of(cluster.node, METAFORA_VERB_CLAIM, attempt);
	CU_ASSERT_EQUAL(verdict->result, METAFORA_RESULT_OWNED);
	CU_ASSERT_EQUAL(verdict->token & UINT32_MAX, UINT32_MAX);
	rec_leave(cluster.node, METAFORA_VERB_RELEASE, "t", attempt,
		  verdict->token);
	attempt = rec_enter(cluster.node, METAFORA_VERB_CLAIM, "t");
	CU_ASSERT(wait_for(&cluster, is_settled));
	verdict = rec_verdict_of(cluster.node, METAFORA_VERB_CLAIM, attempt);
	CU_ASSERT_EQUAL(verdict->result, METAFORA_RESULT_FAILED);
	CU_ASSERT_EQUAL(verdict->error, METAFORA_EFULL);
	cluster_close(&cluster);
}

/* --- out of memory --------------------------------------------------------------------------- */

static void quiet(bool on)
{
	if (on)
		oom_pause();
	else
		oom_resume();
}

static void setup(void)
{
	rec_quiet_hook = quiet;
}

static void teardown(void)
{
	rec_quiet_hook = NULL;
}

static bool command_is_there(void *arg)
{
	const struct rec_node *node = arg;

	return node->n_commands > 0;
}

/* Use every operation once; any of them may fail for lack of memory. */
static void use_all(struct cluster *cluster)
{
	struct metafora_member_record record = rec_member_record("a");
	struct rec_node *node = cluster->node;
	uint64_t attempts[N_TASKS];
	uint64_t command;
	size_t i;

	for (i = 0; i < N_TASKS; i++)
		submit(cluster, tasks[i]);
	attempts[0] = rec_enter_many(node, METAFORA_VERB_QUEUE, tasks, N_TASKS);
	CU_ASSERT(wait_for(cluster, is_settled));
	record.weight = 2;
	rec_publish(node, &record);
	error_of(cluster, rec_list(cluster->client, "", "", 0));
	error_of(cluster, rec_get(cluster->client, "t1"));
	error_of(cluster, rec_nodes(cluster->client));
	command = rec_command(cluster->client, "a", "x", 1);
	if (wait_for(cluster, command_is_there)) {
		rec_ack(node, node->commands[0].id, 0, "result");
		error_of(cluster, command);
	}
	CU_ASSERT(wait_for(cluster, is_settled));
	/* Whatever session this is by now: it has no claim then, or ours. */
	rec_leave(node, METAFORA_VERB_DONE, "t0", attempts[0], 0);
	rec_leave(node, METAFORA_VERB_WITHDRAW, "t1", attempts[0] + 1, 0);
	rec_leave(node, METAFORA_VERB_RELEASE, "t2", attempts[0] + 2, 0);
	CU_ASSERT(wait_for(cluster, is_settled));
	error_of(cluster, rec_remove(cluster->client, "t2"));
}

/* Afterwards the cluster works as if nothing had been. */
static void works(struct cluster *cluster)
{
	const struct rec_verdict *verdict;
	uint64_t attempt;

	CU_ASSERT(wait_for(cluster, is_settled));
	CU_ASSERT_EQUAL(submit(cluster, "new"), 0);
	attempt = rec_enter(cluster->node, METAFORA_VERB_CLAIM, "new");
	CU_ASSERT(wait_for(cluster, is_settled));
	verdict = rec_verdict_of(cluster->node, METAFORA_VERB_CLAIM, attempt);
	CU_ASSERT_PTR_NOT_NULL_FATAL(verdict);
	CU_ASSERT_EQUAL(verdict->result, METAFORA_RESULT_OWNED);
	rec_leave(cluster->node, METAFORA_VERB_DONE, "new", attempt,
		  verdict->token);
	CU_ASSERT(wait_for(cluster, is_settled));
	CU_ASSERT_EQUAL(error_of(cluster, rec_get(cluster->client, "new")),
			METAFORA_ENOENT);
}

static void run_with_a_failure(void *arg)
{
	struct cluster cluster;

	(void)arg;
	if (cluster_open(&cluster)) {
		CU_ASSERT(wait_for(&cluster, is_complete));
		use_all(&cluster);
		oom_pause();
		works(&cluster);
		oom_resume();
	} else {
		CU_ASSERT(oom_failed());
	}
	cluster_close(&cluster);
}

static void any_allocation_may_fail(void)
{
	const size_t n = oom_for_each(run_with_a_failure, NULL);

	tap_note("%zu allocations failed, one at a time", n);
	CU_ASSERT(n > 50);
}

static void switches_survive_lack_of_memory(void)
{
	struct metafora_embedded_broker *broker;

	CU_ASSERT_EQUAL_FATAL(metafora_embedded_broker_new(100, &broker), 0);
	oom_fail_at(1);
	CU_ASSERT_EQUAL(metafora_embedded_cut(broker, "a", true),
			METAFORA_ENOMEM);
	oom_fail_at(1);
	CU_ASSERT_EQUAL(metafora_embedded_lose(broker, "a", 1, true),
			METAFORA_ENOMEM);
	oom_fail_at(0);
	CU_ASSERT_EQUAL(metafora_embedded_cut(broker, "a", true), 0);
	metafora_embedded_broker_free(broker);
}

/* Withdraw one entry while the first allocation fails. */
static void withdraw_without_memory(void *arg)
{
	const struct metafora_entry entry = {"t", 1, 0};
	struct rec_node *node = arg;

	oom_fail_at(1);
	node->ops->withdraw(node->state, &entry, 1);
	CU_ASSERT(oom_failed());
	oom_fail_at(0);
}

static void a_reserve_answers_without_memory(void)
{
	struct cluster cluster;
	struct emb_node *side;

	CU_ASSERT_FATAL(cluster_open(&cluster));
	CU_ASSERT(wait_for(&cluster, is_complete));
	side = cluster.node->state;
	site_call(cluster.site, &cluster.node->loop, withdraw_without_memory,
		  cluster.node);
	/* The recorder would call it an answer that nobody asked for. */
	CU_ASSERT(side->reserve_used);
	CU_ASSERT_EQUAL(TAILQ_FIRST(&side->link.queue.messages),
			&side->reserve->message);
	mf_emb_queue_clear(&side->link.queue, &side->link, EMB_DROPPED);
	CU_ASSERT_FALSE(side->reserve_used);
	works(&cluster);
	cluster_close(&cluster);
}

static bool has_lost(void *arg)
{
	const struct rec_node *node = arg;

	return node->n_lost > 0;
}

static void without_any_memory_the_session_is_given_up(void)
{
	struct cluster cluster;
	struct emb_node *side;

	CU_ASSERT_FATAL(cluster_open(&cluster));
	CU_ASSERT(wait_for(&cluster, is_complete));
	/* As if it were on its way with another answer. */
	side = cluster.node->state;
	side->reserve_used = true;
	site_call(cluster.site, &cluster.node->loop, withdraw_without_memory,
		  cluster.node);
	CU_ASSERT(wait_for(&cluster, has_lost));
	CU_ASSERT(wait_for(&cluster, is_complete));
	works(&cluster);
	cluster_close(&cluster);
}

/* --- memory -------------------------------------------------------------------------------------- */

static void a_task_takes_little_memory(void)
{
	/* What the allocator takes for itself is 8 to 16 bytes each. */
	CU_ASSERT(sizeof(struct emb_task) + sizeof(struct emb_claim) <= 200);
}

static const struct tap_case cases[] = {
	{"a broker checks its arguments", a_broker_checks_its_arguments},
	{"fault switches check their arguments",
	 switches_check_their_arguments},
	{"snapshots lag and verdicts do not",
	 snapshots_lag_and_verdicts_do_not},
	{"messages are delayed", messages_are_delayed},
	{"lost writes are counted", lost_writes_are_counted},
	{"a snapshot that gets lost is read again",
	 a_snapshot_that_gets_lost_is_read_again},
	{"an unknown claim is not promoted", an_unknown_claim_is_not_promoted},
	{"a silent session ends in time", a_silent_session_ends_in_time},
	{"who waits for a dead node ends its session",
	 who_waits_for_a_dead_node_ends_its_session},
	{"sequence numbers do not wrap", sequence_numbers_do_not_wrap},
	{"any single allocation may fail", any_allocation_may_fail},
	{"fault switches survive lack of memory",
	 switches_survive_lack_of_memory},
	{"a reserve answers one entry without memory",
	 a_reserve_answers_without_memory},
	{"without any memory the session is given up",
	 without_any_memory_the_session_is_given_up},
	{"a task takes little memory", a_task_takes_little_memory},
};

TAP_MAIN(cases, setup, teardown)
