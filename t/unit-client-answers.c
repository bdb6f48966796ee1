/* SPDX-License-Identifier: Apache-2.0 */
/* What a client makes of a coordinator's answers: sound ones and others. */
#include <math.h>
#include <metafora.h>
#include <string.h>

#include "puppet.h"
#include "tap.h"

static void the_coordinators_error_is_passed_on(void)
{
	const struct metafora_task_row row = {.task = "a"};
	const struct metafora_reply gone = {
		.error = METAFORA_ENOENT, .tasks = &row, .n_tasks = 1};
	const struct metafora_reply odd = {.error = 5};
	struct outcome o = {0};

	CU_ASSERT_EQUAL(mf_client_get(client, "a", TIMEOUT_MS, on_outcome, &o),
			0);
	CU_ASSERT_EQUAL(puppet_answered(&o, &gone), METAFORA_ENOENT);
	CU_ASSERT_EQUAL(o.reply.n_tasks, 0); /* only the error counts */

	o = (struct outcome){0};
	CU_ASSERT_EQUAL(mf_client_get(client, "a", TIMEOUT_MS, on_outcome, &o),
			0);
	CU_ASSERT_EQUAL(puppet_answered(&o, &odd), METAFORA_EPROTO);

	o = (struct outcome){0};
	CU_ASSERT_EQUAL(mf_client_get(client, "a", TIMEOUT_MS, on_outcome, &o),
			0);
	CU_ASSERT_EQUAL(puppet_answered(&o, NULL), METAFORA_EPROTO);
}

static int submit_answered(const int *errors, size_t n_errors)
{
	const struct metafora_reply reply = {.errors = errors,
					     .n_errors = n_errors};
	struct metafora_batch *batch = puppet_batch(2, 0);
	struct outcome o = {0};

	CU_ASSERT_EQUAL(
		mf_client_submit(client, batch, TIMEOUT_MS, on_outcome, &o), 0);
	metafora_batch_free(batch);
	return puppet_answered(&o, &reply);
}

static void an_answer_to_submit_must_fit(void)
{
	const int errors[] = {0, METAFORA_EEXIST, 0};
	const int odd[] = {0, 1};

	CU_ASSERT_EQUAL(submit_answered(errors, 2), 0);
	CU_ASSERT_EQUAL(submit_answered(errors, 1), METAFORA_EPROTO);
	CU_ASSERT_EQUAL(submit_answered(errors, 3), METAFORA_EPROTO);
	CU_ASSERT_EQUAL(submit_answered(NULL, 2), METAFORA_EPROTO);
	CU_ASSERT_EQUAL(submit_answered(odd, 2), METAFORA_EPROTO);
}

static int list_answered(const struct metafora_task_row *rows, size_t n)
{
	const struct metafora_reply reply = {.tasks = rows, .n_tasks = n};
	struct outcome o = {0};

	CU_ASSERT_EQUAL(mf_client_list(client, "j", "j1", 2, TIMEOUT_MS,
				       on_outcome, &o),
			0);
	return puppet_answered(&o, &reply);
}

static void an_answer_to_list_must_fit(void)
{
	static char id[METAFORA_TASK_ID_MAX + 2];
	static char node[METAFORA_NODE_NAME_MAX + 2];
	const struct metafora_task_row good[] = {
		{"j2", "n", 1, 0}, {"j3", NULL, 0, 0}, {"j4", NULL, 0, 0}};
	const struct metafora_task_row swapped[] = {{"j3", NULL, 0, 0},
						    {"j2", NULL, 0, 0}};
	const struct metafora_task_row twice[] = {{"j2", NULL, 0, 0},
						  {"j2", NULL, 0, 0}};
	const struct metafora_task_row bad[] = {
		{NULL, NULL, 0, 0}, /* no ID */
		{"", NULL, 0, 0},   {id, NULL, 0, 0},
		{"j2", "", 0, 0},                    /* no name of a node */
		{"j2", node, 0, 0}, {"j1", NULL, 0, 0}, /* not after j1 */
		{"k1", NULL, 0, 0},                  /* does not begin with j */
	};
	size_t i;

	memset(id, 'j', sizeof(id) - 1);
	memset(node, 'n', sizeof(node) - 1);
	CU_ASSERT_EQUAL(list_answered(good, 2), 0);
	CU_ASSERT_EQUAL(list_answered(NULL, 0), 0);
	CU_ASSERT_EQUAL(list_answered(good, 3), METAFORA_EPROTO);
	CU_ASSERT_EQUAL(list_answered(NULL, 1), METAFORA_EPROTO);
	CU_ASSERT_EQUAL(list_answered(swapped, 2), METAFORA_EPROTO);
	CU_ASSERT_EQUAL(list_answered(twice, 2), METAFORA_EPROTO);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(list_answered(&bad[i], 1), METAFORA_EPROTO);
}

static int nodes_answered(const struct metafora_member_row *rows, size_t n)
{
	const struct metafora_reply reply = {.members = rows, .n_members = n};
	struct outcome o = {0};

	CU_ASSERT_EQUAL(mf_client_nodes(client, TIMEOUT_MS, on_outcome, &o), 0);
	return puppet_answered(&o, &reply);
}

static void an_answer_to_nodes_must_fit(void)
{
	struct metafora_member_row rows[2] = {
		{.record = {.node = "a", .weight = 1}},
		{.record = {.node = "b", .weight = 1}},
	};

	CU_ASSERT_EQUAL(nodes_answered(rows, 2), 0);
	CU_ASSERT_EQUAL(nodes_answered(NULL, 0), 0);
	CU_ASSERT_EQUAL(nodes_answered(NULL, 2), METAFORA_EPROTO);
	rows[1].record.weight = (double)NAN;
	CU_ASSERT_EQUAL(nodes_answered(rows, 2), METAFORA_EPROTO);
	rows[1].record.weight = 1;
	rows[1].record.state = (enum metafora_member_state)3;
	CU_ASSERT_EQUAL(nodes_answered(rows, 2), METAFORA_EPROTO);
	rows[1].record.state = METAFORA_MEMBER_DRAINING;
	rows[1].record.node = "a";
	CU_ASSERT_EQUAL(nodes_answered(rows, 2), METAFORA_EPROTO);
	rows[1].record.node = NULL;
	CU_ASSERT_EQUAL(nodes_answered(rows, 2), METAFORA_EPROTO);
}

static int data_answered(bool command, int error, const void *data,
			 size_t size_bytes)
{
	const struct metafora_reply reply = {
		.error = error, .data = data, .size_bytes = size_bytes};
	struct outcome o = {0};

	if (command)
		CU_ASSERT_EQUAL(mf_client_command(client, "n", "freeze", NULL,
						  TIMEOUT_MS, on_outcome, &o),
				0);
	if (!command)
		CU_ASSERT_EQUAL(
			mf_client_get(client, "a", TIMEOUT_MS, on_outcome, &o),
			0);
	return puppet_answered(&o, &reply);
}

static void an_answer_with_data_must_fit(void)
{
	static char big[METAFORA_PROPERTIES_MAX + 1];

	CU_ASSERT_EQUAL(data_answered(false, 0, NULL, 0), 0);
	CU_ASSERT_EQUAL(data_answered(false, 0, big, sizeof(big) - 1), 0);
	CU_ASSERT_EQUAL(data_answered(false, 0, big, sizeof(big)),
			METAFORA_EPROTO);
	CU_ASSERT_EQUAL(data_answered(false, 0, NULL, 1), METAFORA_EPROTO);

	memset(big, 'x', sizeof(big));
	CU_ASSERT_EQUAL(data_answered(true, 0, NULL, 0), 0);
	CU_ASSERT_EQUAL(data_answered(true, METAFORA_ENOTSUP, "what?", 5),
			METAFORA_ENOTSUP);
	CU_ASSERT_EQUAL(data_answered(true, METAFORA_ENOENT, NULL, 0),
			METAFORA_ENOENT);
	CU_ASSERT_EQUAL(
		data_answered(true, 0, big, METAFORA_COMMAND_RESULT_MAX), 0);
	CU_ASSERT_EQUAL(
		data_answered(true, 0, big, METAFORA_COMMAND_RESULT_MAX + 1),
		METAFORA_EPROTO);
	CU_ASSERT_EQUAL(data_answered(true, 0, NULL, 1), METAFORA_EPROTO);
	CU_ASSERT_EQUAL(data_answered(true, 0, "a\0b", 3), METAFORA_EPROTO);
}

static const struct tap_case cases[] = {
	{"the coordinator's error is passed on",
	 the_coordinators_error_is_passed_on},
	{"an answer to submit must fit", an_answer_to_submit_must_fit},
	{"an answer to list must fit", an_answer_to_list_must_fit},
	{"an answer to nodes must fit", an_answer_to_nodes_must_fit},
	{"an answer with data must fit", an_answer_with_data_must_fit},
};

TAP_MAIN(cases, puppet_setup, puppet_teardown)
