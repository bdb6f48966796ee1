/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest whole program: a broker, one node, three tasks. */
#include <metafora.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

static void check(int error, const char *what)
{
	if (error) {
		fprintf(stderr, "hello: %s: %s\n", what,
			metafora_strerror(error));
		exit(1);
	}
}

/* Runs on a thread of its own; a second's work, cut short when asked. */
static enum metafora_outcome run(void *n_done, struct metafora_task *task)
{
	printf("%s: hello, %s\n", metafora_task_id(task),
	       (const char *)metafora_task_properties(task, NULL));
	if (metafora_task_stop_wait(task, 1000) == 0)
		return METAFORA_RELEASE; /* it will go on elsewhere */
	printf("%s: done\n", metafora_task_id(task));
	sem_post(n_done);
	return METAFORA_DONE;
}

int main(void)
{
	static const char *const ids[] = {"task-a", "task-b", "task-c"};
	struct metafora_embedded_broker *broker;
	struct metafora_coordinator *coordinator;
	struct metafora_handler *handler;
	struct metafora_consumer *node;
	struct metafora_client *client;
	sem_t n_done;

	sem_init(&n_done, 0, 0);
	check(metafora_embedded_broker_new(5000, &broker), "broker");
	check(metafora_embedded_coordinator_new(broker, &coordinator), "broker");
	check(metafora_handler_new_threaded(run, &n_done, &handler), "handler");
	check(metafora_consumer_new("node-1", coordinator, NULL, handler, &node),
	      "node");
	check(metafora_consumer_start(node, 5000), "start");
	check(metafora_client_new(coordinator, NULL, NULL, 0, &client), "client");
	for (int i = 0; i < 3; i++)
		check(metafora_client_submit(client, ids[i], "world", 5, 5000),
		      "submit");
	for (int i = 0; i < 3; i++)
		sem_wait(&n_done);
	check(metafora_consumer_stop(node), "stop");
	metafora_client_free(client);
	metafora_consumer_free(node);
	metafora_handler_free(handler);
	metafora_coordinator_free(coordinator);
	metafora_embedded_broker_free(broker);
	return 0;
}
