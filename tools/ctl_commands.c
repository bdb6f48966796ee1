/* SPDX-License-Identifier: Apache-2.0 */
/* Commands to nodes, but for drain: sends them, prints what came of them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ctl_output.h"

/* What is to be sent, and what has come of it so far. */
struct sending {
	struct ctl *ctl;
	const char *name;
	const char *argument;
	bool show_text; /* each answer's text is worth a line */
	struct ctl_json json;
	int status;
};

/* --- one answer -------------------------------------------------------------------- */

static void answer_json(struct sending *sending, const char *node, int error,
			const char *text)
{
	struct ctl_json *json = &sending->json;

	ctl_json_open(json, NULL, '{');
	ctl_json_string(json, "node", node);
	ctl_json_string(json, "command", sending->name);
	ctl_json_string(json, "error",
			error ? metafora_error_name(error) : NULL);
	ctl_json_string(json, "result", text);
	ctl_json_close(json, '}');
}

static int complain(struct sending *sending, const char *node, int error,
		    const char *text)
{
	struct ctl *ctl = sending->ctl;

	if (error == METAFORA_ENOENT && !(text && *text))
		return ctl_complain(ctl, CTL_NOT_FOUND,
				    "%s: no such node lives: see "
				    "\"metaforactl nodes\"",
				    node);
	if (error == METAFORA_ENOTSUP)
		return ctl_complain(ctl, CTL_FAILED,
				    "%s: the node does not know the command "
				    "%s%s%s",
				    node, sending->name,
				    text && *text ? ": " : "",
				    text ? text : "");
	if (text && *text)
		return ctl_complain(ctl, ctl_status_of(error, true),
				    "%s: %s: %s", node,
				    metafora_strerror(error), text);
	return ctl_fail(ctl, error, true, "%s", node);
}

static void answer(struct sending *sending, const char *node, int error,
		   const char *text)
{
	const struct ctl_options *options = &sending->ctl->options;

	ctl_progress_end();
	if (options->json)
		answer_json(sending, node, error, text);
	if (error) {
		sending->status = ctl_worse(
			sending->status, complain(sending, node, error, text));
	} else if (!options->json && sending->show_text) {
		/* Who asks one node wants the answer as it is. */
		if (options->all) {
			ctl_put_escaped(stdout, node, strlen(node));
			fputs(": ", stdout);
		}
		if (text)
			ctl_put_escaped(stdout, text, strlen(text));
		putchar('\n');
	}
}

/* --- sending ------------------------------------------------------------------------ */

static void send_one(struct sending *sending, const char *node)
{
	struct ctl *ctl = sending->ctl;
	char *text = NULL;
	int error;

	if (ctl_interrupted()) {
		sending->status = CTL_INTERRUPTED;
		return;
	}
	ctl_progress("waiting for %s to %s", node, sending->name);
	if (ctl->options.no_wait)
		error = metafora_client_command_send(
			ctl->client, node, sending->name, sending->argument,
			ctl->options.timeout_ms);
	else
		error = metafora_client_command(
			ctl->client, node, sending->name, sending->argument,
			ctl->options.timeout_ms, &text);
	answer(sending, node, error, text);
	free(text);
}

/* To all at once. */
static void send_all(struct sending *sending)
{
	struct ctl *ctl = sending->ctl;
	struct metafora_answers *answers;
	size_t i;
	int error;

	ctl_progress("waiting for all nodes to %s", sending->name);
	error = metafora_client_command_all(ctl->client, sending->name,
					    sending->argument,
					    ctl->options.timeout_ms, &answers);
	ctl_progress_end();
	if (error) {
		sending->status = ctl_fail(ctl, error, true, "--all");
		return;
	}
	if (!metafora_answers_size(answers))
		sending->status =
			ctl_complain(ctl, CTL_NOT_FOUND, "no node lives");
	for (i = 0; i < metafora_answers_size(answers); i++)
		answer(sending, metafora_answers_node(answers, i),
		       metafora_answers_error(answers, i),
		       metafora_answers_text(answers, i));
	metafora_answers_free(answers);
}

static int send(struct sending *sending, char **nodes, int n)
{
	const struct ctl *ctl = sending->ctl;
	int i;

	if (ctl->options.json)
		ctl_json_open(&sending->json, NULL, '[');
	if (ctl->options.all)
		send_all(sending);
	for (i = 0; i < n; i++)
		send_one(sending, nodes[i]);
	if (ctl->options.json)
		ctl_json_close(&sending->json, ']');
	return sending->status;
}

/* --- the subcommands -------------------------------------------------------------------- */

/* freeze, unfreeze, balance, undrain: named as the command that they send. */
int ctl_simple(struct ctl *ctl, char **argv, int argc)
{
	struct sending sending = {.ctl = ctl, .name = ctl->command->name};

	if (ctl->options.all ? argc != 0 : argc == 0)
		return ctl_usage(ctl, "either nodes or --all");
	return send(&sending, argv, argc);
}

int ctl_send_command(struct ctl *ctl, char **argv, int argc)
{
	int n_nodes = ctl->options.all ? 0 : 1;
	struct sending sending = {.ctl = ctl, .show_text = true};

	if (argc < n_nodes + 1 || argc > n_nodes + 2)
		return ctl_usage(ctl, "NODE NAME [ARGUMENT], or --all NAME "
				      "[ARGUMENT]");
	if (ctl->options.all && ctl->options.no_wait)
		return ctl_usage(ctl, "either --all or --no-wait");
	sending.name = argv[n_nodes];
	sending.argument = argv[n_nodes + 1];
	return send(&sending, argv, n_nodes);
}

/* --- stop-task ------------------------------------------------------------------------------ */

static void stop_one(struct sending *sending, const char *id)
{
	struct ctl *ctl = sending->ctl;
	struct metafora_task_info *info;
	const char *owner;
	int error = metafora_client_task(ctl->client, id,
					 ctl->options.timeout_ms, &info);

	if (error) {
		sending->status = ctl_worse(
			sending->status, ctl_fail(ctl, error, false, "%s", id));
		return;
	}
	owner = metafora_task_info_owner(info);
	sending->argument = id;
	if (owner)
		send_one(sending, owner);
	else
		sending->status =
			ctl_worse(sending->status,
				  ctl_complain(ctl, CTL_FAILED,
					       "%s: no node runs it", id));
	metafora_task_info_free(info);
}

int ctl_stop_task(struct ctl *ctl, char **argv, int argc)
{
	struct sending sending = {
		.ctl = ctl,
		.name = METAFORA_COMMAND_STOP_TASK,
	};
	int i;

	if (ctl->options.json)
		ctl_json_open(&sending.json, NULL, '[');
	for (i = 0; i < argc && !ctl_interrupted(); i++)
		stop_one(&sending, argv[i]);
	if (ctl->options.json)
		ctl_json_close(&sending.json, ']');
	return sending.status;
}
