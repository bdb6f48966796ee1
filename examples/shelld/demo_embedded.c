/* SPDX-License-Identifier: Apache-2.0 */
/* The demo's cluster within this process, on the embedded broker. */
#include "demo_cluster.h"

#include <errno.h>
#include <metafora.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal.h"
#include "shell_handler.h"

#define CALL_TIMEOUT_MS 5000
/* Well above the tasks' grace, so that a stop waits for every task. */
#define SHUTDOWN_GRACE_MS (3 * TASK_GRACE_MS)

struct node {
	const char *name;
	struct shell_handler *shell;
	struct metafora_consumer *consumer;
	int journal_fd;
};

struct embedded {
	struct cluster base;
	struct metafora_embedded_broker *broker;
	struct node nodes[NODES_MAX];
	size_t n_nodes;
};

static struct embedded *from(struct cluster *cluster)
{
	return (struct embedded *)cluster;
}

/* --- a node ------------------------------------------------------------------- */

static int make_shell(struct node *node, const struct site *site)
{
	struct shell_options options = {
		.grace_ms = TASK_GRACE_MS,
		.log = metafora_log_stderr,
	};
	char output[PATH_BYTES];
	char journal[PATH_BYTES];

	if (site_path(site, "out", "", output) ||
	    site_path(site, node->name, ".journal", journal))
		return METAFORA_E2BIG;
	node->journal_fd = journal_open(journal);
	if (node->journal_fd < 0)
		return METAFORA_ESYS;
	options.directory = output;
	options.journal_fd = node->journal_fd;
	return shell_handler_new(&options, &node->shell);
}

static int make_consumer(struct node *node,
			 struct metafora_coordinator *coordinator)
{
	int error = metafora_consumer_new(node->name, coordinator, NULL,
					  shell_handler_handler(node->shell),
					  &node->consumer);

	if (!error)
		error = metafora_consumer_set_shutdown_grace_ms(
			node->consumer, SHUTDOWN_GRACE_MS);
	if (!error)
		error = metafora_consumer_start(node->consumer,
						CALL_TIMEOUT_MS);
	return error;
}

static void free_node(struct node *node)
{
	/* Stops it; its handler must outlive it. */
	metafora_consumer_free(node->consumer);
	shell_handler_free(node->shell);
	if (node->journal_fd >= 0)
		close(node->journal_fd);
}

/* --- the cluster ----------------------------------------------------------------- */

static struct cluster *new (const struct site *site)
{
	struct embedded *embedded = calloc(1, sizeof(*embedded));

	if (!embedded) {
		fail_by("cluster", METAFORA_ENOMEM);
		return NULL;
	}
	embedded->base.ops = &embedded_cluster;
	embedded->base.site = site;
	return &embedded->base;
}

static int open_broker(struct cluster *cluster)
{
	struct embedded *embedded = from(cluster);
	int error = metafora_embedded_broker_new(SESSION_TIMEOUT_MS,
						 &embedded->broker);

	if (!error)
		error = metafora_embedded_coordinator_new(
			embedded->broker, &cluster->coordinator);
	snprintf(cluster->broker, sizeof(cluster->broker),
		 "the broker is embedded in this process");
	return error ? fail_by("cannot make a broker", error) : 0;
}

static int start_node(struct cluster *cluster, const char *name)
{
	struct embedded *embedded = from(cluster);
	struct node *node = &embedded->nodes[embedded->n_nodes++];
	int error;

	*node = (struct node){.name = name, .journal_fd = -1};
	error = make_shell(node, cluster->site);
	if (!error)
		error = make_consumer(node, cluster->coordinator);
	return error ? fail_by("cannot start a node", error) : 0;
}

/* So that the check misses a task which nobody ever ran. */
static int note_submissions(const struct site *site,
			    const struct demo_task *tasks, size_t n_tasks)
{
	struct journal_line line = {.event = JOURNAL_SUBMIT};
	size_t i;

	for (i = 0; i < n_tasks; i++) {
		line.task = tasks[i].id;
		if (journal_write(site->journal_fd, &line))
			return METAFORA_ESYS;
	}
	return 0;
}

static int submit(struct cluster *cluster, struct metafora_client *client,
		  const struct demo_task *tasks, size_t n_tasks)
{
	struct metafora_batch *batch;
	int error = metafora_batch_new(&batch);
	size_t i;

	if (error)
		return fail_by("cannot submit", error);
	for (i = 0; i < n_tasks && !error; i++)
		error = metafora_batch_add(
			batch, tasks[i].id, strlen(tasks[i].id),
			tasks[i].command, strlen(tasks[i].command));
	if (!error)
		error = metafora_client_submit_batch(client, batch,
						     CALL_TIMEOUT_MS);
	if (!error)
		error = note_submissions(cluster->site, tasks, n_tasks);
	metafora_batch_free(batch);
	return error ? fail_by("cannot submit", error) : 0;
}

static int kill_node(struct cluster *cluster, const char *name)
{
	struct embedded *embedded = from(cluster);
	struct node *node = embedded->nodes;
	int error;

	while (strcmp(node->name, name))
		node++;
	/* First of all, or the broker would be told of the tasks' ends. */
	error = metafora_embedded_cut(embedded->broker, name, true);
	if (error)
		return fail_by("a node cannot die", error);
	shell_handler_die(node->shell);
	error = site_note_death(cluster->site, name);
	/* What is left of it in this process goes while nobody looks. */
	metafora_consumer_close(node->consumer);
	return error;
}

/* A node ends when this process does. */
static int check(struct cluster *cluster)
{
	(void)cluster;
	return 0;
}

/* All nodes at a time: each may have to wait for its tasks. */
static void free_cluster(struct cluster *cluster)
{
	struct embedded *embedded = from(cluster);
	size_t i;

	for (i = 0; i < embedded->n_nodes; i++)
		metafora_consumer_close(embedded->nodes[i].consumer);
	for (i = 0; i < embedded->n_nodes; i++)
		free_node(&embedded->nodes[i]);
	metafora_coordinator_free(cluster->coordinator);
	metafora_embedded_broker_free(embedded->broker);
	free(embedded);
}

const struct cluster_ops embedded_cluster = {
	.new = new,
	.open = open_broker,
	.start_node = start_node,
	.submit = submit,
	.kill_node = kill_node,
	.check = check,
	.free = free_cluster,
};
