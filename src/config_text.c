/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the text of a configuration file ready for libconfuse. */
#include "config_text.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

/* Variables may make a text longer, to this. */
#define READY_BYTES_MAX (4 * (size_t)METAFORA_CONFIG_MAX_BYTES)
#define NAME_BYTES_MAX 255

struct text {
	const char *at;
	int line;
	char last;    /* token before: 'w' a word, 's' a string, or itself */
	bool in_list; /* within "= {" and "}" */
	struct mf_problems *problems;
	char *out;
	size_t n_bytes;
	size_t n_room;
	int error;
};

static void put(struct text *t, char c)
{
	size_t n_room = t->n_room ? 2 * t->n_room : 1024;
	char *out;

	if (t->error)
		return;
	if (t->n_bytes == t->n_room) {
		if (t->n_room >= READY_BYTES_MAX) {
			t->error = METAFORA_E2BIG;
			return;
		}
		out = realloc(t->out, n_room);
		if (!out) {
			t->error = METAFORA_ENOMEM;
			return;
		}
		t->out = out;
		t->n_room = n_room;
	}
	t->out[t->n_bytes++] = c;
}

static bool is_control(char c)
{
	return ((unsigned char)c < ' ' && c != '\t') || c == 0x7f;
}

/* A value, inside of double quotes, so that nothing in it has a meaning. */
static void put_value(struct text *t, const char *value, size_t n)
{
	for (; n > 0; n--, value++) {
		if (*value == '"' || *value == '\\' || *value == '$')
			put(t, '\\');
		put(t, is_control(*value) ? MF_CONFIG_SPOILT : *value);
	}
}

static bool has_control(const char *value, size_t n)
{
	for (; n > 0; n--, value++)
		if (is_control(*value))
			return true;
	return false;
}

static size_t name_length(const char *at)
{
	size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz"
			      "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

	return n <= NAME_BYTES_MAX && (*at < '0' || *at > '9') ? n : 0;
}

/*
 * At "${": NAME} or NAME:-text}.  Leaves the closing brace behind; a variable
 * that cannot be had spoils the value.
 */
static void variable(struct text *t)
{
	const char *begin = t->at + 2;
	size_t n_name = name_length(begin);
	const char *rest = begin + n_name;
	const char *end = begin + strcspn(begin, "}\n");
	char name[NAME_BYTES_MAX + 1];
	const char *value;

	t->at = *end == '}' ? end + 1 : end;
	if (*end != '}' || n_name == 0 ||
	    (rest != end && strncmp(rest, ":-", 2) != 0)) {
		mf_problem_add(t->problems, t->line, NULL,
			       "a variable is written ${NAME} or "
			       "${NAME:-default}; write \\$ for a dollar");
		put(t, MF_CONFIG_SPOILT);
		return;
	}
	memcpy(name, begin, n_name);
	name[n_name] = '\0';
	value = getenv(name);
	if (value && has_control(value, strlen(value))) {
		mf_problem_add(t->problems, t->line, NULL,
			       "environment variable %s holds control "
			       "characters",
			       name);
		put(t, MF_CONFIG_SPOILT);
	} else if (value) {
		put_value(t, value, strlen(value));
	} else if (rest != end) {
		put_value(t, rest + 2, (size_t)(end - rest) - 2);
	} else {
		mf_problem_add(t->problems, t->line, NULL,
			       "environment variable %s is not set; a default "
			       "is written ${%s:-default}",
			       name, name);
		put(t, MF_CONFIG_SPOILT);
	}
}

static void escape(struct text *t)
{
	char c = t->at[1];

	/* By number even a NUL could be written. */
	if ((c >= '0' && c <= '9') || c == 'x' || is_control(c)) {
		mf_problem_add(t->problems, t->line, NULL,
			       "a backslash in double quotes goes before one "
			       "of \\ \" ' $");
		put(t, MF_CONFIG_SPOILT);
		t->at++;
		return;
	}
	put(t, '\\');
	put(t, c);
	t->at += 2;
}

/* At a quote.  A string ends on its line, or the mistake would show far off. */
static void string(struct text *t)
{
	char quote = *t->at;

	put(t, quote);
	t->at++;
	while (*t->at && *t->at != quote && *t->at != '\n') {
		if (quote == '"' && t->at[0] == '$' && t->at[1] == '{') {
			variable(t);
		} else if (quote == '"' && *t->at == '\\') {
			escape(t);
		} else if (*t->at == '\\' &&
			   (t->at[1] == quote || t->at[1] == '\\')) {
			put(t, *t->at++);
			put(t, *t->at++);
		} else if (is_control(*t->at)) {
			mf_problem_add(t->problems, t->line, NULL,
				       "a string holds a control character");
			put(t, MF_CONFIG_SPOILT);
			t->at++;
		} else {
			put(t, *t->at++);
		}
	}
	if (*t->at == quote) {
		t->at++;
	} else {
		mf_problem_add(t->problems, t->line, NULL,
			       "a string is not closed on its line");
		put(t, MF_CONFIG_SPOILT);
	}
	put(t, quote);
	t->last = 's';
}

/*
 * Whether a value may stand here.  What is quoted or comes from a variable
 * stands nowhere else: as an unknown key it would be told, with a secret in it.
 */
static bool is_value(const struct text *t)
{
	return t->last == '=' ||
	       (t->in_list && (t->last == '{' || t->last == ','));
}

static void quoted(struct text *t)
{
	size_t n_bytes = t->n_bytes;
	bool allowed = is_value(t);
	int line = t->line;

	if (*t->at != '$') {
		string(t);
	} else {
		put(t, '"');
		variable(t);
		put(t, '"');
		t->last = 's';
	}
	if (allowed || t->error)
		return;
	t->n_bytes = n_bytes;
	mf_problem_add(t->problems, line, NULL,
		       "a string or variable is only allowed as a value, "
		       "behind an equals sign");
}

static void comment(struct text *t)
{
	int begin = t->line;

	if (t->at[1] != '*') {
		t->at += strcspn(t->at, "\n");
		return;
	}
	put(t, ' ');
	for (t->at += 2; *t->at && strncmp(t->at, "*/", 2) != 0; t->at++) {
		if (*t->at != '\n')
			continue;
		t->line++;
		put(t, '\n');
	}
	if (*t->at)
		t->at += 2;
	else
		mf_problem_add(t->problems, begin, NULL,
			       "a comment is not closed");
}

static void word(struct text *t)
{
	size_t n = strcspn(t->at, MF_CONFIG_WORD_ENDS "$");

	if (n == 0) /* a dollar */
		n = 1;
	for (; n > 0; n--) {
		if (is_control(*t->at)) {
			mf_problem_add(t->problems, t->line, NULL,
				       "there is a control character");
			put(t, ' ');
			t->at++;
			continue;
		}
		put(t, *t->at++);
	}
	if (t->at[0] == '$' && t->at[1] == '{') {
		mf_problem_add(t->problems, t->line, NULL,
			       "text with a variable in it goes in double "
			       "quotes");
		t->at += strcspn(t->at, MF_CONFIG_WORD_ENDS);
		t->at += strcspn(t->at, "}\n");
		t->at += *t->at == '}';
	}
	t->last = 'w';
}

static void mark(struct text *t)
{
	if (*t->at == '{')
		t->in_list = t->last == '=';
	else if (*t->at == '}')
		t->in_list = false;
	t->last = *t->at;
	put(t, *t->at++);
}

static void other(struct text *t)
{
	switch (*t->at) {
	case '\n':
		t->line++;
		put(t, *t->at++);
		return;
	case '\r':
		put(t, ' ');
		t->at++;
		return;
	case ' ':
	case '\t':
		put(t, *t->at++);
		return;
	case '=':
	case '{':
	case '}':
	case '(':
	case ')':
	case ',':
		mark(t);
		return;
	case '+':
		if (t->at[1] == '=') {
			put(t, *t->at++);
			mark(t);
			return;
		}
		break;
	case '*':
		break;
	default:
		word(t);
		return;
	}
	/* libconfuse would pass over these in silence. */
	mf_problem_add(t->problems, t->line, NULL,
		       "a value with + or * in it goes in quotes");
	put(t, ' ');
	t->at++;
}

int mf_config_text(const char *text, struct mf_problems *problems, char **out)
{
	struct text t = {.at = text, .line = 1, .problems = problems};

	while (*t.at && !t.error) {
		if (*t.at == '#' || strncmp(t.at, "//", 2) == 0 ||
		    strncmp(t.at, "/*", 2) == 0) {
			comment(&t);
		} else if (*t.at == '"' || *t.at == '\'' ||
			   strncmp(t.at, "${", 2) == 0) {
			quoted(&t);
		} else {
			other(&t);
		}
	}
	put(&t, '\0');
	if (t.error) {
		free(t.out);
		if (t.error == METAFORA_ENOMEM)
			return METAFORA_ENOMEM;
		mf_problem_add(problems, t.line, NULL,
			       "the text is too long with what its variables "
			       "hold");
		t.out = NULL;
	}
	*out = t.out;
	return 0;
}
