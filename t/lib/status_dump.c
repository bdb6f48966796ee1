/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the status and the metrics of a node that has done a little. */
#include <metafora.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 60000
#define N_TASKS 20

static int start(void *arg, struct metafora_task *task)
{
	const char *id = metafora_task_id(task);

	(void)arg;
	if (!strcmp(id, "done"))
		metafora_task_finish(task, METAFORA_DONE);
	return strcmp(id, "refused") ? 0 : -1;
}

static void stop(void *arg, struct metafora_task *task)
{
	(void)arg;
	metafora_task_finish(task, METAFORA_RELEASE);
}

static int submit(struct metafora_coordinator *coordinator)
{
	static const char *const odd[] = {"done", "refused", "a\"\\\n\x01",
					  "caf\xc3\xa9", "not utf-8 \xff"};
	struct metafora_client *client = NULL;
	char id[16];
	size_t i;
	int error;

	error = metafora_client_new(coordinator, NULL, NULL, METAFORA_LOG_ERROR,
				    &client);
	for (i = 0; !error && i < sizeof(odd) / sizeof(odd[0]); i++)
		error = metafora_client_submit(client, odd[i], "", 0,
					       TIMEOUT_MS);
	for (i = 0; !error && i < N_TASKS; i++) {
		snprintf(id, sizeof(id), "task-%zu", i);
		error = metafora_client_submit(client, id, "", 0, TIMEOUT_MS);
	}
	metafora_client_free(client);
	return error;
}

static int write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file)
		return METAFORA_ESYS;
	fputs(text, file);
	return fclose(file) ? METAFORA_ESYS : 0;
}

/* All tasks but one run, are done or were refused. */
static int wait_until_busy(struct metafora_consumer *consumer)
{
	size_t n = 0;

	while (n < N_TASKS + 3) {
		struct metafora_task_list *list;
		int error = metafora_consumer_tasks(consumer, TIMEOUT_MS,
						    &list);

		if (error)
			return error;
		n = metafora_task_list_size(list);
		metafora_task_list_free(list);
	}
	return 0;
}

static int dump(struct metafora_consumer *consumer, char **paths)
{
	char *status = NULL, *metrics = NULL;
	int error = wait_until_busy(consumer);

	if (!error)
		error = metafora_consumer_status_json(consumer, TIMEOUT_MS,
						      &status);
	if (!error)
		error = metafora_consumer_metrics(consumer, TIMEOUT_MS,
						  &metrics);
	if (!error)
		error = write_file(paths[0], status);
	if (!error)
		error = write_file(paths[1], metrics);
	free(status);
	free(metrics);
	return error;
}

int main(int argc, char **argv)
{
	struct metafora_embedded_broker *broker = NULL;
	struct metafora_coordinator *coordinator = NULL;
	struct metafora_handler *handler = NULL;
	struct metafora_consumer *consumer = NULL;
	int error;

	if (argc != 3) {
		fprintf(stderr, "usage: %s STATUS METRICS\n", argv[0]);
		return 2;
	}
	error = metafora_embedded_broker_new(10000, &broker);
	if (!error)
		error = metafora_embedded_coordinator_new(broker, &coordinator);
	if (!error)
		error = metafora_handler_new_async(start, NULL, &handler);
	if (!error)
		error = metafora_handler_set_stop(handler, stop);
	if (!error)
		error = metafora_consumer_new("node \"1\"\n", coordinator, NULL,
					      handler, &consumer);
	if (!error)
		error = metafora_consumer_start(consumer, TIMEOUT_MS);
	if (!error)
		error = submit(coordinator);
	if (!error)
		error = dump(consumer, argv + 1);
	if (error)
		fprintf(stderr, "%s\n", metafora_strerror(error));
	metafora_consumer_free(consumer);
	metafora_handler_free(handler);
	metafora_coordinator_free(coordinator);
	metafora_embedded_broker_free(broker);
	return error ? 1 : 0;
}
