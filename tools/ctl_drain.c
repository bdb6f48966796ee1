/* SPDX-License-Identifier: Apache-2.0 */
/* drain: lets nodes give their tasks away, and waits until they have. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl_output.h"

#define LOOK_MS 300

struct drained {
	const char *node;
	bool over;           /* nothing more to wait for */
	const char *outcome; /* for JSON */
	bool looked_at;      /* n_left is known */
	size_t n_left;
};

struct draining {
	struct ctl *ctl;
	struct drained *nodes;
	size_t n_nodes;
	int status;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void end(struct draining *draining, struct drained *node,
		const char *outcome, int status)
{
	node->over = true;
	node->outcome = outcome;
	draining->status = ctl_worse(draining->status, status);
}

/* --- the command --------------------------------------------------------------------- */

static void ask(struct draining *draining, struct drained *node)
{
	struct ctl *ctl = draining->ctl;
	int error = metafora_client_command(ctl->client, node->node,
					    METAFORA_COMMAND_DRAIN, NULL,
					    ctl->options.timeout_ms, NULL);

	node->outcome = "draining";
	if (error == METAFORA_ENOENT)
		end(draining, node, "absent",
		    ctl_complain(ctl, CTL_NOT_FOUND,
				 "%s: no such node lives: "
				 "see \"metaforactl nodes\"",
				 node->node));
	else if (error)
		end(draining, node, "failed",
		    ctl_fail(ctl, error, true, "%s", node->node));
}

/* --- waiting --------------------------------------------------------------------------- */

static void look_at(struct draining *draining, struct drained *node,
		    const struct metafora_node_list *nodes)
{
	size_t i;

	node->looked_at = true;
	for (i = 0; i < metafora_node_list_size(nodes); i++)
		if (!strcmp(metafora_node_list_name(nodes, i), node->node))
			break;
	if (i == metafora_node_list_size(nodes)) {
		node->n_left = 0;
		end(draining, node, "left", CTL_OK);
		return;
	}
	node->n_left = metafora_node_list_n_owned(nodes, i);
	if (metafora_node_list_state(nodes, i) != METAFORA_MEMBER_DRAINING)
		end(draining, node, "undrained",
		    ctl_complain(draining->ctl, CTL_FAILED,
				 "%s: is %s again, with %zu tasks: somebody "
				 "has undrained it",
				 node->node,
				 metafora_member_state_name(
					 metafora_node_list_state(nodes, i)),
				 node->n_left));
	else if (!node->n_left)
		end(draining, node, "drained", CTL_OK);
}

/* Whether there is something left to wait for. */
static bool look(struct draining *draining)
{
	struct ctl *ctl = draining->ctl;
	struct metafora_node_list *nodes;
	size_t n_left = 0;
	size_t n_open = 0;
	size_t i;
	int error = metafora_client_nodes(ctl->client, ctl->options.timeout_ms,
					  &nodes);

	if (error) {
		if (!ctl_interrupted())
			draining->status =
				ctl_worse(draining->status,
					  ctl_fail(ctl, error, false, "nodes"));
		return false;
	}
	for (i = 0; i < draining->n_nodes; i++) {
		struct drained *node = &draining->nodes[i];

		if (!node->over)
			look_at(draining, node, nodes);
		n_open += !node->over;
		n_left += node->n_left;
	}
	metafora_node_list_free(nodes);
	ctl_progress("draining: %zu task%s left on %zu node%s", n_left,
		     n_left == 1 ? "" : "s", n_open, n_open == 1 ? "" : "s");
	return n_open > 0;
}

static void wait_for_all(struct draining *draining)
{
	struct ctl *ctl = draining->ctl;
	int64_t until_ms = now_ms() + ctl->options.wait_ms;

	while (look(draining)) {
		if (ctl_interrupted())
			break;
		if (ctl->options.wait_ms && now_ms() >= until_ms) {
			draining->status =
				ctl_worse(draining->status, CTL_UNREACHABLE);
			break;
		}
		ctl_wait(-1, LOOK_MS);
	}
	ctl_progress_end();
}

/* --- the end ---------------------------------------------------------------------------- */

static void tell_goes_on(struct ctl *ctl, const struct drained *node)
{
	char left[64] = "";

	if (node->looked_at)
		snprintf(left, sizeof(left), " with %zu tasks left",
			 node->n_left);
	ctl_complain(ctl, CTL_FAILED,
		     "%s: %s%s: it goes on draining; "
		     "\"metaforactl undrain\" ends it",
		     node->node,
		     ctl_interrupted() ? "interrupted" : "not waited for",
		     left);
}

static void tell(struct draining *draining)
{
	struct ctl *ctl = draining->ctl;
	struct ctl_json json = {0};
	size_t i;

	if (ctl->options.json)
		ctl_json_open(&json, NULL, '[');
	for (i = 0; i < draining->n_nodes; i++) {
		const struct drained *node = &draining->nodes[i];

		if (ctl->options.json) {
			ctl_json_open(&json, NULL, '{');
			ctl_json_string(&json, "node", node->node);
			ctl_json_string(&json, "outcome", node->outcome);
			if (node->looked_at)
				ctl_json_number(&json, "tasks",
						(int64_t)node->n_left);
			ctl_json_close(&json, '}');
		}
		if (!node->over && !ctl->options.no_wait)
			tell_goes_on(ctl, node);
	}
	if (ctl->options.json)
		ctl_json_close(&json, ']');
}

int ctl_drain(struct ctl *ctl, char **argv, int argc)
{
	struct draining draining = {.ctl = ctl, .n_nodes = (size_t)argc};
	size_t i;

	if (ctl->options.no_wait && ctl->options.wait_ms)
		return ctl_usage(ctl, "either --wait or --no-wait");
	draining.nodes = calloc(draining.n_nodes, sizeof(*draining.nodes));
	if (!draining.nodes)
		ctl_no_memory();
	for (i = 0; i < draining.n_nodes; i++) {
		draining.nodes[i].node = argv[i];
		ctl_progress("asking %s to drain", argv[i]);
		if (ctl_interrupted())
			end(&draining, &draining.nodes[i], "unsent",
			    CTL_INTERRUPTED);
		else
			ask(&draining, &draining.nodes[i]);
	}
	ctl_progress_end();
	if (!ctl->options.no_wait)
		wait_for_all(&draining);
	tell(&draining);
	free(draining.nodes);
	return draining.status;
}
