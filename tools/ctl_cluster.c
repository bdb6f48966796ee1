/* SPDX-License-Identifier: Apache-2.0 */
/* nodes, status: the cluster as it is. */
#include <string.h>

#include "ctl_output.h"

/* Tasks of one request; see ls. */
#define PAGE_TASKS 20000

static const struct ctl_column node_columns[] = {
	{"NODE", false, true},
	{"STATE", false, false},
	{"TASKS", true, false},
	{"WEIGHT", true, false},
	{"CAPACITY", true, false},
	{"AGE", true, false},
	{"HOST", false, true},
	/* With --long: */
	{"PID", true, false},
	{"SINCE", false, false},
	{"VERSION", false, false},
};

static void node_row(struct ctl_table *table,
		     const struct metafora_node_list *nodes, size_t i,
		     bool is_long)
{
	enum metafora_member_state state = metafora_node_list_state(nodes, i);
	uint64_t capacity = metafora_node_list_capacity(nodes, i);
	int64_t since_ms = metafora_node_list_since_ms(nodes, i);
	char text[32];

	snprintf(text, sizeof(text), "%.6g",
		 metafora_node_list_weight(nodes, i));
	ctl_table_cell(table, CTL_PLAIN, metafora_node_list_name(nodes, i));
	ctl_table_cell(table, ctl_state_paint(state),
		       metafora_member_state_name(state));
	ctl_table_number(table, metafora_node_list_n_owned(nodes, i));
	ctl_table_cell(table, CTL_PLAIN, text);
	if (capacity)
		ctl_table_number(table, capacity);
	else
		ctl_table_cell(table, CTL_PLAIN, "-");
	ctl_table_cell(table, CTL_PLAIN, ctl_age(text, since_ms));
	ctl_table_cell(table, CTL_PLAIN, metafora_node_list_host(nodes, i));
	if (!is_long)
		return;
	ctl_table_number(table, metafora_node_list_pid(nodes, i));
	ctl_table_cell(table, CTL_PLAIN, ctl_time(text, since_ms));
	ctl_table_cell(table, CTL_PLAIN, metafora_node_list_version(nodes, i));
}

static void nodes_table(const struct ctl *ctl,
			const struct metafora_node_list *nodes)
{
	bool is_long = ctl->options.is_long;
	struct ctl_table *table =
		ctl_table_new(ctl, node_columns, is_long ? 10 : 7);
	size_t i;

	for (i = 0; i < metafora_node_list_size(nodes); i++)
		node_row(table, nodes, i, is_long);
	ctl_table_flush(table);
	ctl_table_free(table);
}

static void nodes_json(struct ctl_json *json, const char *key,
		       const struct metafora_node_list *nodes)
{
	enum metafora_member_state state;
	size_t i;

	ctl_json_open(json, key, '[');
	for (i = 0; i < metafora_node_list_size(nodes); i++) {
		state = metafora_node_list_state(nodes, i);
		ctl_json_open(json, NULL, '{');
		ctl_json_string(json, "node",
				metafora_node_list_name(nodes, i));
		ctl_json_string(json, "state",
				metafora_member_state_name(state));
		ctl_json_number(json, "tasks",
				(int64_t)metafora_node_list_n_owned(nodes, i));
		ctl_json_real(json, "weight",
			      metafora_node_list_weight(nodes, i));
		ctl_json_number(json, "capacity",
				(int64_t)metafora_node_list_capacity(nodes, i));
		ctl_json_number(json, "since_ms",
				metafora_node_list_since_ms(nodes, i));
		ctl_json_string(json, "host",
				metafora_node_list_host(nodes, i));
		ctl_json_number(json, "pid", metafora_node_list_pid(nodes, i));
		ctl_json_string(json, "version",
				metafora_node_list_version(nodes, i));
		ctl_json_close(json, '}');
	}
	ctl_json_close(json, ']');
}

int ctl_nodes(struct ctl *ctl, char **argv, int argc)
{
	struct metafora_node_list *nodes;
	struct ctl_json json = {0};
	int error;

	(void)argv;
	(void)argc;
	ctl_progress("asking for the nodes");
	error = metafora_client_nodes(ctl->client, ctl->options.timeout_ms,
				      &nodes);
	ctl_progress_end();
	if (error)
		return ctl_fail(ctl, error, false, "nodes");
	if (ctl->options.json)
		nodes_json(&json, NULL, nodes);
	else
		nodes_table(ctl, nodes);
	metafora_node_list_free(nodes);
	return CTL_OK;
}

/* --- status ------------------------------------------------------------------------ */

struct summary {
	size_t n_tasks;
	size_t n_unowned;
	size_t n_by_state[METAFORA_MEMBER_DRAINING + 1];
	/* Of active nodes. */
	size_t least;
	size_t most;
};

static int count_tasks(struct ctl *ctl, struct summary *summary)
{
	char after[METAFORA_TASK_ID_MAX + 1] = "";
	struct metafora_listing *page;
	bool more = true;
	size_t n, i;
	int error;

	while (more) {
		ctl_progress("counting tasks: %zu so far", summary->n_tasks);
		error = metafora_client_list(ctl->client, NULL,
					     *after ? after : NULL, PAGE_TASKS,
					     ctl->options.timeout_ms, &page);
		if (error)
			return error;
		n = metafora_listing_size(page);
		summary->n_tasks += n;
		for (i = 0; i < n; i++)
			if (!metafora_listing_owner(page, i))
				summary->n_unowned++;
		more = metafora_listing_more(page);
		if (more)
			strcpy(after, metafora_listing_id(page, n - 1));
		metafora_listing_free(page);
	}
	return 0;
}

static void count_nodes(const struct metafora_node_list *nodes,
			struct summary *summary)
{
	enum metafora_member_state state;
	size_t n_owned;
	size_t i;

	summary->least = SIZE_MAX;
	for (i = 0; i < metafora_node_list_size(nodes); i++) {
		state = metafora_node_list_state(nodes, i);
		n_owned = metafora_node_list_n_owned(nodes, i);
		summary->n_by_state[state]++;
		if (state != METAFORA_MEMBER_ACTIVE)
			continue;
		if (n_owned < summary->least)
			summary->least = n_owned;
		if (n_owned > summary->most)
			summary->most = n_owned;
	}
}

static void status_json(const struct ctl *ctl, const struct summary *summary,
			const struct metafora_node_list *nodes)
{
	struct ctl_json json = {0};
	int state;

	ctl_json_open(&json, NULL, '{');
	ctl_json_string(&json, "namespace", ctl->root);
	ctl_json_open(&json, "tasks", '{');
	ctl_json_number(&json, "total", (int64_t)summary->n_tasks);
	ctl_json_number(&json, "unowned", (int64_t)summary->n_unowned);
	ctl_json_close(&json, '}');
	ctl_json_open(&json, "states", '{');
	for (state = 0; state <= METAFORA_MEMBER_DRAINING; state++)
		ctl_json_number(&json, metafora_member_state_name(state),
				(int64_t)summary->n_by_state[state]);
	ctl_json_close(&json, '}');
	if (summary->n_by_state[METAFORA_MEMBER_ACTIVE]) {
		ctl_json_open(&json, "spread", '{');
		ctl_json_number(&json, "least", (int64_t)summary->least);
		ctl_json_number(&json, "most", (int64_t)summary->most);
		ctl_json_close(&json, '}');
	} else {
		ctl_json_null(&json, "spread");
	}
	nodes_json(&json, "nodes", nodes);
	ctl_json_close(&json, '}');
}

static void status_text(const struct ctl *ctl, const struct summary *summary,
			const struct metafora_node_list *nodes)
{
	const char *between = ": ";
	int state;

	printf("namespace  %s on %s\n", ctl->root, ctl->servers);
	printf("nodes      %zu", metafora_node_list_size(nodes));
	for (state = 0; state <= METAFORA_MEMBER_DRAINING; state++)
		if (summary->n_by_state[state]) {
			printf("%s%zu %s", between, summary->n_by_state[state],
			       metafora_member_state_name(state));
			between = ", ";
		}
	printf("\ntasks      %zu: %zu owned, %zu unowned\n", summary->n_tasks,
	       summary->n_tasks - summary->n_unowned, summary->n_unowned);
	if (summary->n_by_state[METAFORA_MEMBER_ACTIVE])
		printf("spread     %zu to %zu tasks per active node\n",
		       summary->least, summary->most);
	if (metafora_node_list_size(nodes)) {
		putchar('\n');
		nodes_table(ctl, nodes);
	}
}

int ctl_summary(struct ctl *ctl, char **argv, int argc)
{
	struct metafora_node_list *nodes;
	struct summary summary = {0};
	int error;

	(void)argv;
	(void)argc;
	error = count_tasks(ctl, &summary);
	if (!error)
		error = metafora_client_nodes(ctl->client,
					      ctl->options.timeout_ms, &nodes);
	ctl_progress_end();
	if (error)
		return ctl_fail(ctl, error, false, "%s", ctl->root);
	count_nodes(nodes, &summary);
	if (ctl->options.json)
		status_json(ctl, &summary, nodes);
	else
		status_text(ctl, &summary, nodes);
	metafora_node_list_free(nodes);
	return CTL_OK;
}
