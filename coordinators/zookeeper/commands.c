/* SPDX-License-Identifier: Apache-2.0 */
/* Commands to this node: read, handed to core, answered. */
#include "node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#define NS_PER_MS 1000000ULL
/* Commands looked at at a time; the rest waits in the folder. */
#define COMMANDS_MAX 1000
/* How long an answer that nobody fetches is kept. */
#define KEEP_NS (60000 * NS_PER_MS)

/*
 * A command is a znode; its name says for which session of the node it is.
 * The answer takes the place of its data: the error as a decimal number, a
 * newline, the text.  Then whoever sent it removes it; one that nobody waits
 * for is removed at once.
 */
struct zk_command {
	struct zk_call call; /* first */
	TAILQ_ENTRY(zk_command) link;
	struct zk_node *node;
	struct zk_op op;
	uint32_t sequence;
	bool unread;  /* nobody waits for the answer */
	bool busy;    /* call is under way */
	bool present; /* scratch of a list */
	bool given;   /* core has it */
	bool answered;
	uint64_t answered_ns;
	char *answer; /* NULL: core has not answered yet */
	char *path;
	char id[];
};

/* One removal that nobody waits for. */
struct removal {
	struct zk_call call; /* first */
	struct zk_op op;
	char path[];
};

static void on_removed(struct zk_call *call)
{
	free(call);
}

/* Best effort: what is left is found again by the next list. */
static void remove_path(struct zk_node *node, const char *path)
{
	struct removal *removal = calloc(1, sizeof(*removal) +
						    strlen(path) + 1);

	if (!removal)
		return;
	strcpy(removal->path, path);
	removal->op = (struct zk_op){
		.kind = ZK_DELETE,
		.version = ZK_ANY,
		.path = removal->path,
	};
	removal->call.done = on_removed;
	removal->call.request.kind = ZK_WRITE;
	removal->call.request.ops = &removal->op;
	removal->call.request.n_ops = 1;
	mf_zk_session_send(&node->session, &removal->call);
}

static void free_command(struct zk_command *command)
{
	free(command->answer);
	free(command->path);
	free(command);
}

static void drop(struct zk_command *command)
{
	TAILQ_REMOVE(&command->node->commands.list, command, link);
	free_command(command);
}

/* --- answering ------------------------------------------------------------------------ */

static void on_answered(struct zk_call *call)
{
	struct zk_command *command = (struct zk_command *)call;
	struct zk_node *node = command->node;
	enum zk_code code = call->request.code;

	command->busy = false;
	if (call->stale)
		return;
	/* A list tries again after the connection was lost. */
	if (code == ZK_OK || code == ZK_BADVERSION) {
		command->answered = true;
		command->answered_ns =
			mf_zk_host(node)->now_ns(mf_zk_host(node));
	} else if (code == ZK_NONODE) {
		drop(command); /* nobody waits for it any more */
	} else if (code == ZK_UNSENT || code == ZK_NOMEM) {
		mf_zk_commands_read(node);
	}
}

static void send_answer(struct zk_command *command)
{
	struct zk_node *node = command->node;

	if (command->busy || command->answered || !command->answer ||
	    !mf_zk_node_in(node))
		return;
	command->busy = true;
	command->op = (struct zk_op){
		.kind = ZK_SET,
		.version = 0, /* as it was made */
		.path = command->path,
		.data = command->answer,
		.size_bytes = strlen(command->answer),
	};
	if (command->unread)
		command->op.kind = ZK_DELETE;
	command->call.done = on_answered;
	command->call.request.kind = ZK_WRITE;
	command->call.request.ops = &command->op;
	command->call.request.n_ops = 1;
	mf_zk_session_send(&node->session, &command->call);
}

void mf_zk_commands_ack(struct zk_node *node, const char *id, int error,
			const char *result)
{
	struct zk_command *command;
	size_t n_bytes;

	TAILQ_FOREACH(command, &node->commands.list, link)
		if (strcmp(command->id, id) == 0)
			break;
	if (!command || command->answer)
		return;
	n_bytes = strlen(result) + 16;
	command->answer = malloc(n_bytes);
	if (!command->answer) {
		mf_zk_node_panic(node);
		return;
	}
	snprintf(command->answer, n_bytes, "%d\n%s", error, result);
	send_answer(command);
}

/* --- reading ----------------------------------------------------------------------------- */

static void on_data(struct zk_call *call)
{
	struct zk_command *command = (struct zk_command *)call;
	struct zk_node *node = command->node;
	enum zk_code code = call->request.code;

	command->busy = false;
	if (call->stale || !mf_zk_node_in(node))
		return;
	if (code == ZK_OK && call->request.stat.version == 0) {
		const struct metafora_command_fact fact = {
			.id = command->id,
			.data = call->request.data ? call->request.data : "",
			.size_bytes = call->request.size_bytes,
		};

		command->given = true;
		node->sink->command(mf_zk_host(node), &fact);
	} else if (code == ZK_OK || code == ZK_NONODE) {
		/* Answered already, or taken back. */
		command->given = code == ZK_OK;
		command->answered = code == ZK_OK;
		if (code == ZK_NONODE)
			drop(command);
	} else if (code == ZK_UNSENT || code == ZK_NOMEM) {
		mf_zk_commands_read(node);
	}
}

/* Answers come in the order of the requests: commands are given in theirs. */
static void read_command(struct zk_command *command)
{
	command->busy = true;
	command->call.done = on_data;
	command->call.request.kind = ZK_READ_DATA;
	command->call.request.watch = false;
	command->call.request.path = command->path;
	mf_zk_session_send(&command->node->session, &command->call);
}

static struct zk_command *find(struct zk_node *node, const char *id)
{
	struct zk_command *command;

	TAILQ_FOREACH(command, &node->commands.list, link)
		if (strcmp(command->id, id) == 0)
			return command;
	return NULL;
}

static int add(struct zk_node *node, const char *id,
	       const struct zk_command_name *name)
{
	struct zk_command *command = calloc(1, sizeof(*command) +
						    strlen(id) + 1);

	if (!command)
		return METAFORA_ENOMEM;
	strcpy(command->id, id);
	command->node = node;
	command->sequence = name->sequence;
	command->unread = name->unread;
	command->present = true;
	command->path = mf_zk_path_command(node->session.options->root,
					   node->encoded, id);
	if (!command->path) {
		free(command);
		return METAFORA_ENOMEM;
	}
	TAILQ_INSERT_TAIL(&node->commands.list, command, link);
	return 0;
}

/* Names sort by their sequence, which stands at the end. */
static int compare_names(const void *a, const void *b)
{
	const char *x = strrchr(*(char *const *)a, ':');
	const char *y = strrchr(*(char *const *)b, ':');

	if (!x || !y)
		return (x != NULL) - (y != NULL);
	return strcmp(x, y);
}

static int note(struct zk_node *node, const char *id, size_t *n)
{
	struct zk_command_name name;
	struct zk_command *command;
	char *path;

	if (!mf_zk_parse_command(id, &name))
		return 0;
	if (name.session != node->session.id) {
		/* For an earlier life of this node: it came too late. */
		path = mf_zk_path_command(node->session.options->root,
					  node->encoded, id);
		if (path)
			remove_path(node, path);
		free(path);
		return 0;
	}
	if ((*n)++ >= COMMANDS_MAX)
		return 0;
	command = find(node, id);
	if (!command)
		return add(node, id, &name);
	command->present = true;
	return 0;
}

static void advance(struct zk_node *node, struct zk_command *command)
{
	const struct metafora_host *host = mf_zk_host(node);
	bool present = command->present;

	command->present = false;
	if (command->busy)
		return;
	if (!present)
		drop(command);
	else if (!command->given)
		read_command(command);
	else if (!command->answered)
		send_answer(command);
	else if (host->now_ns(host) - command->answered_ns > KEEP_NS)
		remove_path(node, command->path);
}

static void on_list(struct zk_call *call)
{
	struct zk_node *node = mf_zk_node_of(call->session);
	struct zk_request *request = &call->request;
	struct zk_command *command, *next;
	size_t n = 0;
	size_t i;

	node->commands.reading = false;
	if (call->stale || !mf_zk_node_in(node))
		return;
	if (request->code == ZK_NOMEM)
		mf_zk_node_panic(node);
	else if (request->code == ZK_NONODE)
		mf_zk_node_give_up(node, "folder of commands was deleted");
	else if (request->code == ZK_UNSENT)
		mf_zk_commands_read(node);
	else if (request->code == ZK_NOAUTH || request->code == ZK_REFUSED)
		mf_zk_node_refused(node, "reading commands", request->code);
	if (request->code != ZK_OK)
		return;
	if (request->n_names)
		qsort(request->names, request->n_names, sizeof(char *),
		      compare_names);
	for (i = 0; i < request->n_names; i++)
		if (note(node, request->names[i], &n)) {
			mf_zk_node_panic(node);
			return;
		}
	for (command = TAILQ_FIRST(&node->commands.list); command;
	     command = next) {
		next = TAILQ_NEXT(command, link);
		advance(node, command);
	}
}

void mf_zk_commands_read(struct zk_node *node)
{
	struct zk_commands *commands = &node->commands;

	if (commands->reading || !mf_zk_node_in(node))
		return;
	commands->reading = true;
	commands->call.done = on_list;
	commands->call.request.kind = ZK_READ_CHILDREN;
	commands->call.request.watch = true;
	commands->call.request.path = commands->path;
	mf_zk_session_send(&node->session, &commands->call);
}

void mf_zk_commands_leave(struct zk_node *node)
{
	/* Fails if there are commands left: the next life removes them. */
	remove_path(node, node->commands.path);
}

int mf_zk_commands_begin(struct zk_node *node)
{
	node->commands.path = mf_zk_path_command(node->session.options->root,
						 node->encoded, NULL);
	return node->commands.path ? 0 : METAFORA_ENOMEM;
}

void mf_zk_commands_fini(struct zk_node *node)
{
	struct zk_command *command;

	while ((command = TAILQ_FIRST(&node->commands.list))) {
		TAILQ_REMOVE(&node->commands.list, command, link);
		free_command(command);
	}
	free(node->commands.path);
	node->commands.path = NULL;
	node->commands.reading = false;
}
