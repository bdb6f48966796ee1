/* SPDX-License-Identifier: Apache-2.0 */
/* The ZooKeeper coordinator while memory runs out, at every place once. */
#include <string.h>

#include <metafora/error.h>

#include "clock.h"
#include "fakezk.h"
#include "oom.h"
#include "recorder.h"
#include "tap.h"
#include "zookeeper/options.h"

#define PATIENCE_MS 60000
#define N_TASKS 3

static const char *const tasks[N_TASKS] = {"t0", "t1", "t2"};

struct cluster {
	struct site *site;
	struct fakezk *fake;
	struct metafora_coordinator *coordinator;
	struct rec_node *node;
	struct rec_client *client;
};

static int make_coordinator(struct cluster *cluster)
{
	struct metafora_zookeeper_options *options;
	int error = metafora_zookeeper_options_new("fake", "/a/ns", &options);

	if (error)
		return error;
	error = metafora_zookeeper_set_session_timeout_ms(options, 1000);
	if (!error)
		error = metafora_zookeeper_set_buckets(options, 2);
	if (!error)
		error = metafora_zookeeper_set_takeover_delay_ms(options, 100);
	if (!error)
		error = metafora_zookeeper_set_credentials(options, "digest",
							   "user:password");
	if (!error)
		error = metafora_zookeeper_add_acl(options, "world", "anyone",
						   "cdrwa");
	if (!error)
		error = mf_zk_coordinator_new(options, &fakezk_calls,
					      cluster->fake,
					      &cluster->coordinator);
	metafora_zookeeper_options_free(options);
	return error;
}

/* False if memory did not suffice; close it in any case. */
static bool cluster_open(struct cluster *cluster)
{
	const struct fakezk_config config = {
		.n_servers = 3,
		.tick_ns = 100 * MF_NS_PER_MS,
		.latency_min_ns = MF_NS_PER_MS / 10,
		.latency_max_ns = MF_NS_PER_MS / 2,
	};
	int error;

	memset(cluster, 0, sizeof(*cluster));
	rec_quiet(true);
	cluster->site = site_new_world(1);
	cluster->fake = fakezk_new(cluster->site->world, &config);
	rec_quiet(false);
	error = make_coordinator(cluster);
	CU_ASSERT(error == 0 || error == METAFORA_ENOMEM);
	if (error)
		return false;
	cluster->node = rec_node_open(cluster->site, cluster->coordinator, "a");
	if (!cluster->node)
		return false;
	cluster->client = rec_client_open(cluster->site, cluster->coordinator);
	return cluster->client != NULL;
}

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
	fakezk_free(cluster->fake);
	site_free(cluster->site);
}

static bool is_settled(void *arg)
{
	const struct rec_node *node = arg;

	return rec_is_complete(node) && rec_n_open(node) == 0;
}

static bool command_is_there(void *arg)
{
	const struct rec_node *node = arg;

	return node->n_commands > 0;
}

static bool wait_for(struct cluster *cluster, bool (*cond)(void *arg))
{
	return site_wait(cluster->site, cond, cluster->node, PATIENCE_MS);
}

/* The error of a request; NO_REPLY if there was no memory to say so. */
#define NO_REPLY 1
static int error_of(struct cluster *cluster, uint64_t request)
{
	const struct rec_reply *reply = rec_reply(cluster->client, request,
						  PATIENCE_MS);

	if (!reply) {
		CU_ASSERT(oom_failed());
		return NO_REPLY;
	}
	if (reply->error == 0 && reply->n_errors)
		return reply->errors[0];
	return reply->error;
}

static int submit(struct cluster *cluster, const char *task)
{
	const struct metafora_submission submission = {task, "data", 4};

	return error_of(cluster, rec_submit(cluster->client, &submission, 1));
}

/* Whatever session this is by now: it has no claim then, or ours. */
static void leave(struct rec_node *node, enum metafora_verb verb,
		  const char *task, uint64_t attempt)
{
	const struct rec_verdict *verdict =
		rec_verdict_of(node, METAFORA_VERB_QUEUE, attempt);
	const uint64_t token = verdict ? verdict->token : 0;

	rec_leave(node, token ? verb : METAFORA_VERB_WITHDRAW, task, attempt,
		  token);
}

/* What a check finds, and mends in each of its ways. */
static void spoil(struct cluster *cluster)
{
	rec_quiet(true);
	fakezk_put(cluster->fake, "/a/ns/stranger", NULL);
	fakezk_put(cluster->fake, "/a/ns/nodes/ghost", NULL);
	fakezk_put(cluster->fake, "/a/ns/commands/dead", NULL);
	fakezk_put(cluster->fake,
		   "/a/ns/commands/dead/00000000000000aa:00000000000000bb:1:"
		   "0000000000",
		   NULL);
	rec_quiet(false);
}

/* Use every operation once; any of them may fail for lack of memory. */
static void use_all(struct cluster *cluster)
{
	struct metafora_member_record record = rec_member_record("a");
	struct rec_node *node = cluster->node;
	uint64_t attempts;
	uint64_t command;
	size_t i;

	for (i = 0; i < N_TASKS; i++)
		submit(cluster, tasks[i]);
	attempts = rec_enter_many(node, METAFORA_VERB_QUEUE, tasks, N_TASKS);
	CU_ASSERT(wait_for(cluster, is_settled));
	record.weight = 2;
	rec_publish(node, &record);
	error_of(cluster, rec_list(cluster->client, "", "", 0));
	error_of(cluster, rec_get(cluster->client, "t1"));
	error_of(cluster, rec_nodes(cluster->client));
	error_of(cluster, rec_list_details(cluster->client, "", "", 0));
	error_of(cluster, rec_describe(cluster->client, "t1"));
	error_of(cluster, rec_command_send(cluster->client, "b", "x", 1));
	spoil(cluster);
	error_of(cluster, rec_check(cluster->client, true));
	rec_watch(cluster->client);
	command = rec_command(cluster->client, "a", "x", 1);
	if (site_wait(cluster->site, command_is_there, node, 5000)) {
		rec_ack(node, node->commands[0].id, 0, "result");
		error_of(cluster, command);
	}
	CU_ASSERT(wait_for(cluster, is_settled));
	leave(node, METAFORA_VERB_DONE, "t0", attempts);
	leave(node, METAFORA_VERB_WITHDRAW, "t1", attempts + 1);
	leave(node, METAFORA_VERB_RELEASE, "t2", attempts + 2);
	CU_ASSERT(wait_for(cluster, is_settled));
	/* Whatever could not be given up goes with the session. */
	command = rec_remove(cluster->client, "t2");
	/* Lose the connection, and the session. */
	fakezk_reset(cluster->fake, NULL);
	CU_ASSERT(wait_for(cluster, is_settled));
	fakezk_expire(cluster->fake, "a");
	site_pass(cluster->site, 100);
	CU_ASSERT(wait_for(cluster, is_settled));
	error_of(cluster, command);
	rec_unwatch(cluster->client);
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
		CU_ASSERT(wait_for(&cluster, is_settled));
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

static const struct tap_case cases[] = {
	{ "any allocation may fail", any_allocation_may_fail },
};

TAP_MAIN(cases, setup, teardown)
