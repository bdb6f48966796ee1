/* SPDX-License-Identifier: Apache-2.0 */
/* The blocking calls of a client that send commands. */
#include <metafora/command.h>
#include <metafora/error.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "command.h"
#include "listing.h"
#include "wait.h"

/* Nodes that are asked at a time. */
#define ASKED_MAX 64

/* --- one node ------------------------------------------------------------------ */

/*
 * The text's memory is there before the command is sent: a command that was
 * carried out must not seem to have failed for want of memory.
 */
struct answer {
	char *text; /* room for the longest; NULL: not wanted */
	size_t size;
	bool given; /* by the node */
};

static int take_answer(const struct metafora_reply *reply, void *out)
{
	struct answer *answer = out;

	/* Errors of others than the node come without data. */
	answer->given = !reply->error || reply->data;
	if (answer->given && answer->text) {
		if (reply->size_bytes)
			memcpy(answer->text, reply->data, reply->size_bytes);
		answer->text[reply->size_bytes] = '\0';
		answer->size = reply->size_bytes;
	}
	return reply->error;
}

/* Hand the text over, in a block of its size if possible. */
static char *shrink(char *text, size_t size)
{
	char *smaller = realloc(text, size + 1);

	return smaller ? smaller : text;
}

int metafora_client_command(struct metafora_client *client, const char *node,
			    const char *name, const char *argument,
			    int64_t timeout_ms, char **result)
{
	struct answer answer = {NULL, 0, false};
	struct mf_wait wait;
	int error = mf_call_begin(client, &wait, take_answer, &answer);

	if (error)
		return error;
	if (result) {
		answer.text = malloc(METAFORA_COMMAND_RESULT_MAX + 1);
		if (!answer.text)
			error = METAFORA_ENOMEM;
	}
	if (!error)
		error = mf_client_command(client, node, name, argument,
					  timeout_ms, mf_wait_answer, &wait);
	error = mf_call_end(client, &wait, error);
	if (result && answer.given)
		*result = shrink(answer.text, answer.size);
	else
		free(answer.text);
	return error;
}

static int take_error(const struct metafora_reply *reply, void *out)
{
	(void)out;
	return reply->error;
}

int metafora_client_command_send(struct metafora_client *client,
				 const char *node, const char *name,
				 const char *argument, int64_t timeout_ms)
{
	struct mf_wait wait;
	int error = mf_call_begin(client, &wait, take_error, NULL);

	if (error)
		return error;
	error = mf_client_command_send(client, node, name, argument, timeout_ms,
				       mf_wait_answer, &wait);
	return mf_call_end(client, &wait, error);
}

/* --- all nodes ------------------------------------------------------------------ */

struct asked;

/* What one node answered. */
struct answer_row {
	struct asked *asked; /* while the call lasts */
	char *node;
	char *text; /* NULL: none */
	int error;
};

struct metafora_answers {
	size_t n;
	struct answer_row rows[];
};

/* Questions that are under way: each holds a place. */
struct asked {
	sem_t places;
	uint64_t deadline_ns;
};

void metafora_answers_free(struct metafora_answers *answers)
{
	size_t i;

	if (!answers)
		return;
	for (i = 0; i < answers->n; i++) {
		free(answers->rows[i].node);
		free(answers->rows[i].text);
	}
	free(answers);
}

/* Rows for the nodes that live.  0 or METAFORA_ENOMEM. */
static int rows_new(const struct metafora_reply *reply,
		    struct metafora_answers **out)
{
	struct metafora_answers *answers;
	size_t i;

	answers = calloc(1, sizeof(*answers) +
				    reply->n_members *
					    sizeof(answers->rows[0]));
	if (!answers)
		return METAFORA_ENOMEM;
	for (i = 0; i < reply->n_members; i++) {
		char *node = strdup(reply->members[i].record.node);

		if (!node) {
			metafora_answers_free(answers);
			return METAFORA_ENOMEM;
		}
		answers->rows[answers->n++].node = node;
	}
	*out = answers;
	return 0;
}

static int take_nodes(const struct metafora_reply *reply, void *out)
{
	return reply->error ? reply->error : rows_new(reply, out);
}

/*
 * On the client's thread.  A text that there is no memory for is left out: the
 * command was carried out all the same.
 */
static void on_row_answer(void *arg, const struct metafora_reply *reply)
{
	struct answer_row *row = arg;

	row->error = reply->error;
	if (reply->size_bytes && reply->data) {
		row->text = malloc(reply->size_bytes + 1);
		if (row->text) {
			memcpy(row->text, reply->data, reply->size_bytes);
			row->text[reply->size_bytes] = '\0';
		}
	}
	sem_post(&row->asked->places);
}

static int ask(struct metafora_client *client, struct answer_row *row,
	       const char *name, const char *argument)
{
	uint64_t now_ns = mf_loop_now_ns(&client->loop);
	int64_t left_ms;

	if (now_ns + MF_NS_PER_MS > row->asked->deadline_ns)
		return METAFORA_ETIMEDOUT;
	left_ms = (int64_t)((row->asked->deadline_ns - now_ns) / MF_NS_PER_MS);
	return mf_client_command(client, row->node, name, argument, left_ms,
				 on_row_answer, row);
}

static int ask_all(struct metafora_client *client,
		   struct metafora_answers *answers, const char *name,
		   const char *argument, uint64_t deadline_ns)
{
	struct asked asked = {.deadline_ns = deadline_ns};
	size_t i;
	int error;

	if (sem_init(&asked.places, 0, ASKED_MAX))
		return METAFORA_ESYS;
	for (i = 0; i < answers->n; i++) {
		struct answer_row *row = &answers->rows[i];

		mf_wait_sem(&asked.places);
		row->asked = &asked;
		error = ask(client, row, name, argument);
		if (error) {
			row->error = error;
			sem_post(&asked.places);
		}
	}
	for (i = 0; i < ASKED_MAX; i++)
		mf_wait_sem(&asked.places);
	sem_destroy(&asked.places);
	return 0;
}

static int find_nodes(struct metafora_client *client, int64_t timeout_ms,
		      struct metafora_answers **out)
{
	struct mf_wait wait;
	int error = mf_wait_init(&wait, take_nodes, out);

	if (error)
		return error;
	error = mf_client_nodes(client, timeout_ms, mf_wait_answer, &wait);
	if (!error)
		error = mf_wait_for(&wait);
	mf_wait_fini(&wait);
	return error;
}

int metafora_client_command_all(struct metafora_client *client,
				const char *name, const char *argument,
				int64_t timeout_ms,
				struct metafora_answers **out)
{
	struct metafora_answers *answers;
	uint64_t deadline_ns;
	int error;

	if (!client || !out || timeout_ms <= 0)
		return METAFORA_EINVAL;
	error = mf_command_check(name, argument);
	if (error)
		return error;
	error = mf_client_enter(client);
	if (error)
		return error;
	deadline_ns = mf_clock_add_ms(mf_loop_now_ns(&client->loop),
				      timeout_ms);
	error = find_nodes(client, timeout_ms, &answers);
	if (error)
		goto out;
	error = ask_all(client, answers, name, argument, deadline_ns);
	if (error)
		metafora_answers_free(answers);
	else
		*out = answers;
out:
	mf_client_leave(client);
	return error;
}

static const struct answer_row *row_of(const struct metafora_answers *answers,
				       size_t i)
{
	return answers && i < answers->n ? &answers->rows[i] : NULL;
}

size_t metafora_answers_size(const struct metafora_answers *answers)
{
	return answers ? answers->n : 0;
}

const char *metafora_answers_node(const struct metafora_answers *answers,
				  size_t i)
{
	const struct answer_row *row = row_of(answers, i);

	return row ? row->node : NULL;
}

int metafora_answers_error(const struct metafora_answers *answers, size_t i)
{
	const struct answer_row *row = row_of(answers, i);

	return row ? row->error : METAFORA_EINVAL;
}

const char *metafora_answers_text(const struct metafora_answers *answers,
				  size_t i)
{
	const struct answer_row *row = row_of(answers, i);

	if (!row)
		return NULL;
	return row->text ? row->text : "";
}
