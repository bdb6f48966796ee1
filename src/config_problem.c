/* SPDX-License-Identifier: Apache-2.0 */
/* A list of what is wrong with a configuration. */
#include "config_text.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mf_problem *add(struct mf_problems *problems)
{
	size_t n_room = problems->n_room ? 2 * problems->n_room : 8;
	struct mf_problem *list;

	if (problems->n == problems->n_room) {
		list = realloc(problems->list, n_room * sizeof(*list));
		if (!list) {
			problems->out_of_memory = true;
			return NULL;
		}
		problems->list = list;
		problems->n_room = n_room;
	}
	return &problems->list[problems->n++];
}

static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

void mf_problem_add(struct mf_problems *problems, int line, const char *key,
		    const char *format, ...)
{
	struct mf_problem *problem;
	va_list args;

	if (problems->n > MF_PROBLEMS_MAX)
		return;
	problem = add(problems);
	if (!problem)
		return;
	problem->line = line;
	if (problems->n > MF_PROBLEMS_MAX) {
		problem->key[0] = '\0';
		snprintf(problem->text, sizeof(problem->text),
			 "there are more problems than these");
		return;
	}
	snprintf(problem->key, sizeof(problem->key), "%s", key ? key : "");
	make_printable(problem->key);
	va_start(args, format);
	vsnprintf(problem->text, sizeof(problem->text), format, args);
	va_end(args);
	make_printable(problem->text);
}

/* By line; what is of no line comes last.  Insertion keeps equals in order. */
static int rank(const struct mf_problem *problem)
{
	return problem->line ? problem->line : INT_MAX;
}

static void sort(struct mf_problems *problems)
{
	struct mf_problem moved;
	size_t i, j;

	for (i = 1; i < problems->n && i < MF_PROBLEMS_MAX; i++) {
		moved = problems->list[i];
		for (j = i; j > 0 && rank(&problems->list[j - 1]) > rank(&moved);
		     j--)
			problems->list[j] = problems->list[j - 1];
		problems->list[j] = moved;
	}
}

size_t mf_problems_report(struct mf_problems *problems, const char *file,
			  metafora_config_report_fn report, void *arg)
{
	size_t n = problems->n;
	size_t i;

	sort(problems);
	for (i = 0; report && i < n; i++)
		report(arg, file, problems->list[i].line,
		       problems->list[i].key[0] ? problems->list[i].key : NULL,
		       problems->list[i].text);
	problems->n = 0;
	return n;
}

void mf_problems_free(struct mf_problems *problems)
{
	free(problems->list);
	*problems = (struct mf_problems){ 0 };
}
