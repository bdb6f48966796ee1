/* SPDX-License-Identifier: Apache-2.0 */
/* A node of the demo: a consumer that runs shell commands, and can die. */
#include "demo_node.h"

#include <metafora/consumer.h>
#include <metafora/error.h>
#include <metafora/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "journal.h"
#include "shell_handler.h"

#define JOIN_TIMEOUT_MS 5000
/* From SIGTERM to SIGKILL. */
#define TASK_GRACE_MS 1000
/* Well above the other, so that a stop waits for every task. */
#define SHUTDOWN_GRACE_MS 3000

struct demo_node {
	const char *name;
	struct shell_handler *shell;
	struct metafora_consumer *consumer;
	int journal_fd;
	bool is_dead;
};

static int make_shell(struct demo_node *node, const char *directory)
{
	struct shell_options options = {
		.grace_ms = TASK_GRACE_MS,
		.log = metafora_log_stderr,
	};
	char output[4096];
	char journal[4096];
	int n;

	n = snprintf(journal, sizeof(journal), "%s/%s.journal", directory,
		     node->name);
	if (n < 0 || (size_t)n >= sizeof(journal))
		return METAFORA_E2BIG;
	snprintf(output, sizeof(output), "%s/out", directory);
	node->journal_fd = journal_open(journal);
	if (node->journal_fd < 0)
		return METAFORA_ESYS;
	options.directory = output;
	options.journal_fd = node->journal_fd;
	return shell_handler_new(&options, &node->shell);
}

static int make_consumer(struct demo_node *node,
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
						JOIN_TIMEOUT_MS);
	return error;
}

int demo_node_start(const char *name, const char *directory,
		    struct metafora_coordinator *coordinator,
		    struct demo_node **out)
{
	struct demo_node *node = calloc(1, sizeof(*node));
	int error;

	if (!node)
		return METAFORA_ENOMEM;
	node->name = name;
	node->journal_fd = -1;
	error = make_shell(node, directory);
	if (!error)
		error = make_consumer(node, coordinator);
	if (error) {
		demo_node_free(node);
		return error;
	}
	*out = node;
	return 0;
}

const char *demo_node_name(const struct demo_node *node)
{
	return node->name;
}

bool demo_node_is_dead(const struct demo_node *node)
{
	return node->is_dead;
}

int demo_node_die(struct demo_node *node,
		  struct metafora_embedded_broker *broker, int journal_fd)
{
	const struct journal_line line = {
		.node = node->name,
		.event = JOURNAL_DIED,
	};
	/* First of all, or the broker would be told of the tasks' ends. */
	int error = metafora_embedded_cut(broker, node->name, true);

	if (error)
		return error;
	node->is_dead = true;
	shell_handler_die(node->shell);
	error = journal_write(journal_fd, &line);
	/* What is left of it in this process goes while nobody looks. */
	metafora_consumer_close(node->consumer);
	return error ? METAFORA_ESYS : 0;
}

void demo_node_close(struct demo_node *node)
{
	metafora_consumer_close(node->consumer);
}

void demo_node_free(struct demo_node *node)
{
	if (!node)
		return;
	/* Stops it; its handler must outlive it. */
	metafora_consumer_free(node->consumer);
	shell_handler_free(node->shell);
	if (node->journal_fd >= 0)
		close(node->journal_fd);
	free(node);
}
