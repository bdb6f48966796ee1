/* SPDX-License-Identifier: Apache-2.0 */
/* A balancer of one's own: the node has the tasks that begin with a prefix. */
#include <metafora.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The cluster does not change with the rule: so both ask to be called again. */
#define SOON_NS 50000000
#define TRY(call) ((call) ? fputs(#call " failed\n", stderr), exit(1) : (void)0)

/* The balancer's state; main changes it while the node's thread reads it. */
struct rule { _Atomic(const char *) prefix; };

static bool begins(const char *id, const char *prefix)
{
	return !strncmp(id, prefix, strlen(prefix));
}

static bool fits(struct rule *rule, const struct metafora_cluster_task *task)
{
	return begins(metafora_cluster_task_id(task), rule->prefix);
}

static enum metafora_can_claim
can_claim(void *rule, const struct metafora_balance *now,
	  const struct metafora_cluster_task *task, uint64_t *until_ns)
{
	*until_ns = now->now_ns + SOON_NS;
	return fits(rule, task) ? METAFORA_CLAIM_YES : METAFORA_CLAIM_NO_UNTIL;
}

static uint64_t balance(void *rule, const struct metafora_balance *now,
			struct metafora_plan *plan)
{
	const struct metafora_cluster_task *task = NULL;

	while ((task = metafora_cluster_next_own(now->cluster, task)))
		if (!fits(rule, task))
			(void)metafora_plan_release(plan, task); /* or next time */
	return now->now_ns + SOON_NS;
}

static const struct metafora_balancer_ops ops = {
	.abi_version = METAFORA_BALANCER_ABI,
	.size = sizeof(ops),
	.name = "prefix",
	.can_claim = can_claim,
	.balance = balance,
};

static enum metafora_outcome run(void *n_events, struct metafora_task *task)
{
	printf("%s runs\n", metafora_task_id(task));
	sem_post(n_events);
	metafora_task_stop_wait(task, -1);
	printf("%s is released\n", metafora_task_id(task));
	sem_post(n_events);
	return METAFORA_RELEASE;
}

/* For each prefix given: what begins with it runs, the others do not. */
int main(int argc, char **argv)
{
	static const char *const ids[] = {"eu-1", "us-1", "eu-2", "us-2"};
	struct rule rule = {argc > 1 ? argv[1] : "eu-"};
	struct metafora_embedded_broker *broker;
	struct metafora_coordinator *coordinator;
	struct metafora_balancer *balancer;
	struct metafora_handler *handler;
	struct metafora_consumer *node;
	struct metafora_client *client;
	sem_t n_events;

	sem_init(&n_events, 0, 0);
	TRY(metafora_embedded_broker_new(5000, &broker));
	TRY(metafora_embedded_coordinator_new(broker, &coordinator));
	TRY(metafora_handler_new_threaded(run, &n_events, &handler));
	TRY(metafora_balancer_new(&ops, &rule, &balancer));
	TRY(metafora_consumer_new("n", coordinator, balancer, handler, &node));
	TRY(metafora_consumer_start(node, 5000));
	TRY(metafora_client_new(coordinator, NULL, NULL, 0, &client));
	for (int i = 0; i < 4; i++)
		TRY(metafora_client_submit(client, ids[i], NULL, 0, 5000));
	for (int n = 1; n < argc; n++) {
		rule.prefix = argv[n];
		for (int i = 0; i < 4; i++)
			if (begins(ids[i], argv[n]) !=
			    (n > 1 && begins(ids[i], argv[n - 1])))
				sem_wait(&n_events); /* it begins or ends */
	}
	metafora_client_free(client);
	metafora_consumer_free(node); /* stops it before */
	metafora_handler_free(handler);
	metafora_coordinator_free(coordinator);
	metafora_embedded_broker_free(broker);
	return 0;
}
