/* SPDX-License-Identifier: Apache-2.0 */
/* Commands through the API: to one node, without waiting, to all nodes. */
#include <metafora.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "canned_node.h"
#include "scene.h"
#include "tap.h"

#define SHORT_MS 30
#define N_NODES 3

static struct metafora_consumer *consumers[N_NODES];

static char long_name[METAFORA_COMMAND_NAME_MAX + 2];
static char long_node[METAFORA_NODE_NAME_MAX + 2];
static char long_argument[METAFORA_COMMAND_ARGUMENT_MAX + 2];

/* What the nodes were told, in order: "NODE NAME ARGUMENT". */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char lines[64][64];
	size_t n;
} heard = {.lock = PTHREAD_MUTEX_INITIALIZER,
	   .changed = PTHREAD_COND_INITIALIZER};

static int on_command(void *arg, const char *name, const char *argument,
		      struct metafora_command_reply *reply)
{
	pthread_mutex_lock(&heard.lock);
	CU_ASSERT_FATAL(heard.n < 64);
	snprintf(heard.lines[heard.n++], sizeof(heard.lines[0]), "%s %s %.20s",
		 (const char *)arg, name, argument);
	pthread_cond_broadcast(&heard.changed);
	pthread_mutex_unlock(&heard.lock);
	if (strcmp(name, "greet") == 0)
		return metafora_command_reply_text(reply, arg);
	if (strcmp(name, "refuse") == 0 && strcmp(arg, "n2") == 0) {
		metafora_command_reply_text(reply, "not today");
		return METAFORA_EBUSY;
	}
	return strcmp(name, "note") == 0 || strcmp(name, "refuse") == 0
		       ? 0
		       : METAFORA_ENOTSUP;
}

static bool has_heard(size_t n)
{
	bool enough;

	pthread_mutex_lock(&heard.lock);
	while (heard.n < n)
		pthread_cond_wait(&heard.changed, &heard.lock);
	enough = heard.n == n;
	pthread_mutex_unlock(&heard.lock);
	return enough;
}

static void setup(void)
{
	memset(long_name, 'x', sizeof(long_name) - 1);
	memset(long_node, 'x', sizeof(long_node) - 1);
	memset(long_argument, 'x', sizeof(long_argument) - 1);
	heard.n = 0;
	scene_open(10000);
}

static void teardown(void)
{
	size_t i;

	for (i = 0; i < N_NODES; i++) {
		metafora_consumer_free(consumers[i]);
		consumers[i] = NULL;
	}
	scene_close();
}

static void start_nodes(size_t n)
{
	static char names[N_NODES][4] = {"n1", "n2", "n3"};
	size_t i;

	for (i = 0; i < n; i++) {
		consumers[i] = scene_new(names[i], scene.async);
		metafora_consumer_set_command_handler(consumers[i], on_command,
						      names[i]);
		CU_ASSERT_EQUAL_FATAL(
			metafora_consumer_start(consumers[i], LONG_MS), 0);
	}
}

#define REFUSED(error, call, ...)                                              \
	CU_ASSERT_EQUAL(metafora_client_##call(__VA_ARGS__), METAFORA_##error)

/* --- one node ------------------------------------------------------------------ */

static void command_send_refuses_bad_arguments(void)
{
	struct metafora_client *client = scene.client;

	start_nodes(1);
	REFUSED(EINVAL, command_send, NULL, "n1", "note", NULL, LONG_MS);
	REFUSED(EINVAL, command_send, client, NULL, "note", NULL, LONG_MS);
	REFUSED(EINVAL, command_send, client, "n1", NULL, NULL, LONG_MS);
	REFUSED(EINVAL, command_send, client, "n1", "note", NULL, 0);
	REFUSED(EINVAL, command_send, client, "n1", "caf\xe9", NULL, LONG_MS);
	REFUSED(EEMPTY, command_send, client, "", "note", NULL, LONG_MS);
	REFUSED(EEMPTY, command_send, client, "n1", "", NULL, LONG_MS);
	REFUSED(ENAMETOOLONG, command_send, client, long_node, "note", NULL,
		LONG_MS);
	REFUSED(ENAMETOOLONG, command_send, client, "n1", long_name, NULL,
		LONG_MS);
	REFUSED(E2BIG, command_send, client, "n1", "note", long_argument,
		LONG_MS);
	REFUSED(ENOENT, command_send, client, "n2", "note", NULL, LONG_MS);
	CU_ASSERT_EQUAL(heard.n, 0);
}

static void sent_commands_are_carried_out_in_order(void)
{
	struct metafora_client *client = scene.client;
	char argument[16], line[64];
	int i;

	start_nodes(1);
	for (i = 0; i < 20; i++) {
		snprintf(argument, sizeof(argument), "%d", i);
		/* Of some the answer is read, of others not. */
		CU_ASSERT_EQUAL(
			i % 3 ? metafora_client_command_send(client, "n1",
							     "note", argument,
							     LONG_MS)
			      : metafora_client_command(client, "n1", "note",
							argument, LONG_MS,
							NULL),
			0);
	}
	CU_ASSERT_TRUE(has_heard(20));
	for (i = 0; i < 20; i++) {
		snprintf(line, sizeof(line), "n1 note %d", i);
		CU_ASSERT_STRING_EQUAL(heard.lines[i], line);
	}
}

/* --- all nodes -------------------------------------------------------------------- */

static void command_all_refuses_bad_arguments(void)
{
	struct metafora_client *client = scene.client;
	void *const here = &heard;
	struct metafora_answers *answers = here;

	start_nodes(1);
	REFUSED(EINVAL, command_all, NULL, "note", NULL, LONG_MS, &answers);
	REFUSED(EINVAL, command_all, client, NULL, NULL, LONG_MS, &answers);
	REFUSED(EINVAL, command_all, client, "note", NULL, 0, &answers);
	REFUSED(EINVAL, command_all, client, "note", NULL, LONG_MS, NULL);
	REFUSED(EINVAL, command_all, client, "caf\xe9", NULL, LONG_MS,
		&answers);
	REFUSED(EEMPTY, command_all, client, "", NULL, LONG_MS, &answers);
	REFUSED(ENAMETOOLONG, command_all, client, long_name, NULL, LONG_MS,
		&answers);
	REFUSED(E2BIG, command_all, client, "note", long_argument, LONG_MS,
		&answers);
	CU_ASSERT_PTR_EQUAL(answers, here);
	CU_ASSERT_EQUAL(heard.n, 0);
}

static struct metafora_answers *ask_all(const char *name, int64_t timeout_ms)
{
	struct metafora_answers *answers;

	CU_ASSERT_EQUAL_FATAL(metafora_client_command_all(scene.client, name,
							  "argument",
							  timeout_ms, &answers),
			      0);
	return answers;
}

static void check_answer(const struct metafora_answers *answers, size_t i,
			 const char *node, int error, const char *text)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(metafora_answers_node(answers, i));
	CU_ASSERT_STRING_EQUAL(metafora_answers_node(answers, i), node);
	CU_ASSERT_EQUAL(metafora_answers_error(answers, i), error);
	CU_ASSERT_STRING_EQUAL(metafora_answers_text(answers, i), text);
}

static void every_node_answers_for_itself(void)
{
	struct metafora_answers *answers;

	start_nodes(3);
	answers = ask_all("greet", LONG_MS);
	CU_ASSERT_EQUAL(metafora_answers_size(answers), 3);
	check_answer(answers, 0, "n1", 0, "n1");
	check_answer(answers, 1, "n2", 0, "n2");
	check_answer(answers, 2, "n3", 0, "n3");
	metafora_answers_free(answers);
	answers = ask_all("refuse", LONG_MS);
	check_answer(answers, 0, "n1", 0, "");
	check_answer(answers, 1, "n2", METAFORA_EBUSY, "not today");
	check_answer(answers, 2, "n3", 0, "");
	metafora_answers_free(answers);
	answers = ask_all("dance", LONG_MS);
	CU_ASSERT_EQUAL(metafora_answers_error(answers, 2), METAFORA_ENOTSUP);
	metafora_answers_free(answers);
}

static void a_silent_node_holds_up_no_other(void)
{
	struct metafora_answers *answers;

	start_nodes(2);
	metafora_embedded_cut(scene.broker, "n1", true);
	answers = ask_all("greet", 500);
	CU_ASSERT_EQUAL(metafora_answers_size(answers), 2);
	check_answer(answers, 0, "n1", METAFORA_ETIMEDOUT, "");
	check_answer(answers, 1, "n2", 0, "n2");
	metafora_answers_free(answers);
	metafora_embedded_cut(scene.broker, "n1", false);
}

static void nobody_is_asked_where_nobody_lives(void)
{
	struct metafora_answers *answers = ask_all("greet", LONG_MS);

	CU_ASSERT_EQUAL(metafora_answers_size(answers), 0);
	CU_ASSERT_PTR_NULL(metafora_answers_node(answers, 0));
	CU_ASSERT_PTR_NULL(metafora_answers_text(answers, 0));
	CU_ASSERT_EQUAL(metafora_answers_error(answers, 0), METAFORA_EINVAL);
	metafora_answers_free(answers);
	metafora_answers_free(NULL);
	CU_ASSERT_EQUAL(metafora_answers_size(NULL), 0);
	CU_ASSERT_PTR_NULL(metafora_answers_node(NULL, 0));
	metafora_embedded_cut(scene.broker, NULL, true);
	CU_ASSERT_EQUAL(metafora_client_command_all(scene.client, "greet", NULL,
						    SHORT_MS, &answers),
			METAFORA_ETIMEDOUT);
	metafora_embedded_cut(scene.broker, NULL, false);
}

/* --- what every node knows ----------------------------------------------------------- */

static enum metafora_member_state state_of_node(void)
{
	struct metafora_node_list *nodes;
	enum metafora_member_state state;

	CU_ASSERT_EQUAL_FATAL(
		metafora_client_nodes(scene.client, LONG_MS, &nodes), 0);
	CU_ASSERT_EQUAL_FATAL(metafora_node_list_size(nodes), 1);
	state = metafora_node_list_state(nodes, 0);
	metafora_node_list_free(nodes);
	return state;
}

static int command(const char *name, const char *argument)
{
	return metafora_client_command(scene.client, "n1", name, argument,
				       LONG_MS, NULL);
}

static bool becomes(enum metafora_member_state state)
{
	int tries;

	/* A node publishes its state behind its answer. */
	for (tries = 0; tries < 1000; tries++)
		if (state_of_node() == state)
			return true;
	return false;
}

static void a_client_gives_every_builtin_command(void)
{
	CU_ASSERT_EQUAL(scene_submit("a", ""), 0);
	start_nodes(1);
	CU_ASSERT_TRUE(scene_wait_running("a", "n1"));
	CU_ASSERT_EQUAL(command(METAFORA_COMMAND_FREEZE, NULL), 0);
	CU_ASSERT_TRUE(becomes(METAFORA_MEMBER_FROZEN));
	/* Both also work on a frozen node. */
	CU_ASSERT_EQUAL(command(METAFORA_COMMAND_BALANCE, NULL), 0);
	CU_ASSERT_EQUAL(command(METAFORA_COMMAND_STOP_TASK, "a"), 0);
	CU_ASSERT_TRUE(scene_wait_ended("a", 1));
	CU_ASSERT_EQUAL(command(METAFORA_COMMAND_STOP_TASK, "none"),
			METAFORA_ENOENT);
	CU_ASSERT_EQUAL(command(METAFORA_COMMAND_UNFREEZE, NULL), 0);
	CU_ASSERT_TRUE(becomes(METAFORA_MEMBER_ACTIVE));
	CU_ASSERT_EQUAL(command(METAFORA_COMMAND_DRAIN, NULL), 0);
	CU_ASSERT_TRUE(becomes(METAFORA_MEMBER_DRAINING));
	CU_ASSERT_EQUAL(command(METAFORA_COMMAND_UNDRAIN, NULL), 0);
	CU_ASSERT_TRUE(becomes(METAFORA_MEMBER_ACTIVE));
	CU_ASSERT_EQUAL(heard.n, 0);
}

static const struct tap_case cases[] = {
	{"command_send refuses bad arguments",
	 command_send_refuses_bad_arguments},
	{"sent commands are carried out in order",
	 sent_commands_are_carried_out_in_order},
	{"command_all refuses bad arguments",
	 command_all_refuses_bad_arguments},
	{"every node answers for itself", every_node_answers_for_itself},
	{"a silent node holds up no other", a_silent_node_holds_up_no_other},
	{"nobody is asked where nobody lives",
	 nobody_is_asked_where_nobody_lives},
	{"a client gives every built-in command",
	 a_client_gives_every_builtin_command},
};

TAP_MAIN(cases, setup, teardown)
