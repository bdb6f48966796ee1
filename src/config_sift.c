/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the statements of a configuration whose keys are not known. */
#include "config_text.h"

#include <stdio.h>
#include <string.h>

#define NAME_BYTES 64

/* A token of a text that was made ready. */
struct token {
	char *begin;
	char *end;
	char kind; /* 'w' a word, 's' a string, '\0' the end, else itself */
	int line;
};

static struct token next_token(char *at, int line)
{
	struct token token = {.line = line};

	for (; *at == ' ' || *at == '\t' || *at == '\n'; at++)
		token.line += *at == '\n';
	token.begin = token.end = at;
	token.kind = *at;
	if (*at == '"' || *at == '\'') {
		for (at++; *at != *token.begin; at++)
			at += *at == '\\';
		token.end = at + 1;
		token.kind = 's';
	} else if (*at == '+') {
		token.end += 2;
	} else if (*at && strchr("={}(),", *at)) {
		token.end++;
	} else if (*at) {
		token.end += strcspn(at, MF_CONFIG_WORD_ENDS);
		token.kind = 'w';
	}
	return token;
}

/* Behind the brace that closes the one at token. */
static struct token behind_braces(struct token token)
{
	size_t depth = 0;

	do {
		depth += token.kind == '{';
		depth -= token.kind == '}';
		token = next_token(token.end, token.line);
	} while (token.kind && depth > 0);
	return token;
}

/* The token behind the statement of which next is the second. */
static struct token behind(struct token next)
{
	if (next.kind == '=' || next.kind == '+')
		next = next_token(next.end, next.line);
	if (next.kind == '{')
		return behind_braces(next);
	if (next.kind == 'w' || next.kind == 's')
		return next_token(next.end, next.line);
	return next;
}

static void blank(char *at, const char *end)
{
	for (; at < end; at++)
		if (*at != '\n')
			*at = ' ';
}

static void copy_name(char name[NAME_BYTES], const struct token *token)
{
	snprintf(name, NAME_BYTES, "%.*s", (int)(token->end - token->begin),
		 token->begin);
}

static void tell(struct mf_problems *problems, int line, const char *section,
		 const char *name, bool is_section)
{
	char key[2 * NAME_BYTES];

	snprintf(key, sizeof(key), "%s%s%s", section, *section ? "." : "",
		 name);
	if (is_section)
		mf_problem_add(problems, line, key, "no such section%s",
			       *section ? " here" : "");
	else
		mf_problem_add(problems, line, key, "no such key%s",
			       *section ? " in this section"
					: " outside of a section");
}

void mf_config_text_sift(char *text, struct mf_problems *problems,
			 bool (*is_known)(const char *section, const char *key))
{
	char section[NAME_BYTES] = "";
	char name[NAME_BYTES];
	struct token token = next_token(text, 1);
	struct token next;
	struct token after;
	int opened = 0; /* the line of the section */
	bool opens;

	for (; token.kind; token = after) {
		after = next = next_token(token.end, token.line);
		if (token.kind == '}')
			section[0] = '\0';
		if (token.kind != 'w' || !next.kind || !strchr("=+{", next.kind))
			continue;
		copy_name(name, &token);
		opens = next.kind == '{';
		if (opens && !section[0] && is_known(name, NULL)) {
			strcpy(section, name);
			opened = token.line;
			after = next_token(next.end, next.line);
			continue;
		}
		after = behind(next);
		if (opens || !is_known(section[0] ? section : NULL, name)) {
			tell(problems, token.line, section, name, opens);
			blank(token.begin, after.begin);
		}
	}
	/* libconfuse would not mind. */
	if (section[0])
		mf_problem_add(problems, opened, section,
			       "the section is not closed");
}
