/* SPDX-License-Identifier: Apache-2.0 */
/* The ready-made log sinks, as an application uses them. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <metafora.h>

#include "tap.h"

static char text[8 * METAFORA_LOG_LINE_BYTES];

/* What a sink writes for a line to standard error: in text. */
static size_t capture(metafora_log_fn sink, enum metafora_log_level level,
		      const char *line)
{
	int saved = dup(STDERR_FILENO);
	int fds[2];
	ssize_t n;

	CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	sink(NULL, level, line);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	n = read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	if (n < 0)
		n = 0;
	text[n] = '\0';
	return (size_t)n;
}

/* The object that the JSON sink writes; the caller's. */
static json_t *object_of(enum metafora_log_level level, const char *line)
{
	size_t n = capture(metafora_log_json, level, line);
	json_t *object;

	CU_ASSERT_FATAL(n > 0);
	CU_ASSERT_EQUAL(text[n - 1], '\n');
	CU_ASSERT_PTR_EQUAL(strchr(text, '\n'), text + n - 1);
	object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(object);
	return object;
}

static void has(const json_t *object, const char *key, const char *value)
{
	const char *found = json_string_value(json_object_get(object, key));

	if (!value) {
		CU_ASSERT_PTR_NULL(found);
		return;
	}
	CU_ASSERT_PTR_NOT_NULL_FATAL(found);
	CU_ASSERT_STRING_EQUAL(found, value);
}

static void pairs_become_members(void)
{
	json_t *object = object_of(METAFORA_LOG_WARN,
				   "cannot go on error=EAUTH "
				   "text=\"permission denied\" n=3 empty= "
				   "node=a%2fb");
	const char *time = json_string_value(json_object_get(object, "time"));
	int year, month, day, hour, minute, second, ms, length = 0;

	has(object, "level", "warn");
	has(object, "phrase", "cannot go on");
	has(object, "error", "EAUTH");
	has(object, "text", "permission denied");
	has(object, "n", "3");
	has(object, "empty", "");
	has(object, "node", "a%2fb");
	has(object, "rest", NULL);
	CU_ASSERT_EQUAL(json_object_size(object), 8);
	CU_ASSERT_PTR_NOT_NULL_FATAL(time);
	CU_ASSERT_EQUAL(sscanf(time, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year,
			       &month, &day, &hour, &minute, &second, &ms,
			       &length),
			7);
	CU_ASSERT_EQUAL(length, (int)strlen("2026-01-31T12:00:00.123Z"));
	CU_ASSERT(year > 2000 && month >= 1 && month <= 12);
	json_decref(object);
}

static void check_split(const char *line, const char *phrase, const char *a,
			const char *rest)
{
	json_t *object = object_of(METAFORA_LOG_INFO, line);

	has(object, "phrase", phrase);
	has(object, "a", a);
	has(object, "rest", rest);
	json_decref(object);
}

static void what_is_malformed_stays_as_it_is(void)
{
	check_split("", "", NULL, NULL);
	check_split("only words", "only words", NULL, NULL);
	check_split("a=1", "", "1", NULL);
	check_split("x  a=1  ", "x", "1", NULL);
	check_split("x = y A=1 -b=2", "x = y A=1 -b=2", NULL, NULL);
	check_split("x a=1 words then b=2", "x", "1", "words then b=2");
	/* Cut within quotes; quotes in the middle; text behind quotes. */
	check_split("x a=1 b=\"cut", "x", "1", "b=\"cut");
	check_split("x a=1 b=c\"d", "x", "1", "b=c\"d");
	check_split("x a=1 b=\"c\"d", "x", "1", "b=\"c\"d");
}

static void no_member_comes_twice(void)
{
	check_split("x a=1 a=2 b=3", "x", "1", "a=2 b=3");
	check_split("x a=1 level=error", "x", "1", "level=error");
	check_split("x a=1 time=0", "x", "1", "time=0");
	check_split("x a=1 phrase=y", "x", "1", "phrase=y");
	check_split("x a=1 rest=y", "x", "1", "rest=y");
	check_split("x a=1 a_=2 resting=3", "x", "1", NULL);
}

static void what_json_cannot_hold_is_escaped(void)
{
	json_t *object =
		object_of(METAFORA_LOG_INFO,
			  "\\ \x01\x1b\x7f \xc3\xa4 \xff a=\xc3 b=\xed\xa0\x80"
			  " c=\\n d=\"\t\"");

	has(object, "phrase", "\\ \\x01\\x1b\\x7f \xc3\xa4 \\xff");
	has(object, "a", "\\xc3");
	has(object, "b", "\\xed\\xa0\\x80");
	has(object, "c", "\\n");
	has(object, "d", "\\x09");
	json_decref(object);
}

/* The longest lines, of what grows most. */
static void a_line_fits_whatever_it_holds(void)
{
	static const char *const parts[] = {"\xff", "\"", "\\", "a=1 ", "\x01",
					    "q=\"\xff\" "};
	char line[2 * METAFORA_LOG_LINE_BYTES];
	char pair[16];
	size_t i, n;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		line[0] = '\0';
		while (strlen(line) + 10 < sizeof(line))
			strcat(line, parts[i]);
		json_decref(object_of(METAFORA_LOG_INFO, line));
	}
	/* More different pairs than become members. */
	line[0] = '\0';
	for (n = 0; strlen(line) + 20 < sizeof(line); n++) {
		snprintf(pair, sizeof(pair), "%c%c= ", (int)('a' + n / 26 % 26),
			 (int)('a' + n % 26));
		strcat(line, pair);
	}
	{
		json_t *object = object_of(METAFORA_LOG_INFO, line);

		CU_ASSERT_EQUAL(json_object_size(object), 4 + 64);
		CU_ASSERT_PTR_NOT_NULL(json_object_get(object, "rest"));
		json_decref(object);
	}
}

static void the_json_sink_writes_where_it_is_told(void)
{
	char got[256] = "";
	int fds[2];
	ssize_t n;

	CU_ASSERT_EQUAL_FATAL(pipe(fds), 0);
	metafora_log_json(&fds[1], METAFORA_LOG_ERROR, "it burns");
	close(fds[1]);
	n = read(fds[0], got, sizeof(got) - 1);
	close(fds[0]);
	CU_ASSERT(n > 0);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(got, "\"level\":\"error\",\"phrase\":\"it burns\"}\n"));
}

static void odd_arguments_do_no_harm(void)
{
	json_t *object = object_of((enum metafora_log_level)9, "what");

	has(object, "level", "?");
	json_decref(object);
	CU_ASSERT_EQUAL(capture(metafora_log_json, METAFORA_LOG_INFO, NULL), 0);
	CU_ASSERT_EQUAL(capture(metafora_log_syslog, METAFORA_LOG_INFO, NULL),
			0);
	errno = ENOENT;
	capture(metafora_log_json, METAFORA_LOG_INFO, "line");
	CU_ASSERT_EQUAL(errno, ENOENT);
}

/* syslog(3) says on standard error too what it sends; a mask shows how. */
static void syslog_gets_the_line_at_its_priority(void)
{
	static const struct {
		enum metafora_log_level level;
		int priority;
	} rows[] = {
		{METAFORA_LOG_ERROR, LOG_ERR},
		{METAFORA_LOG_WARN, LOG_WARNING},
		{METAFORA_LOG_INFO, LOG_INFO},
		{METAFORA_LOG_DEBUG, LOG_DEBUG},
		{(enum metafora_log_level)9, LOG_ERR},
	};
	size_t i;
	int mask;

	openlog("ident", LOG_PERROR, LOG_USER);
	mask = setlogmask(0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setlogmask(LOG_MASK(rows[i].priority));
		CU_ASSERT(capture(metafora_log_syslog, rows[i].level,
				  "100%s joined node=\xc3\xa4\xff\n") > 0);
		CU_ASSERT_STRING_EQUAL(
			text,
			"ident: 100%s joined node=\xc3\xa4\\xff\\x0a\n");
		setlogmask(0xff & ~LOG_MASK(rows[i].priority));
		CU_ASSERT_EQUAL(capture(metafora_log_syslog, rows[i].level,
					"line"),
				0);
	}
	setlogmask(mask);
	closelog();
}

static const struct tap_case cases[] = {
	{"key=value pairs become members", pairs_become_members},
	{"what is malformed stays as it is", what_is_malformed_stays_as_it_is},
	{"no member comes twice", no_member_comes_twice},
	{"what JSON cannot hold is escaped", what_json_cannot_hold_is_escaped},
	{"a line fits whatever it holds", a_line_fits_whatever_it_holds},
	{"the JSON sink writes where it is told",
	 the_json_sink_writes_where_it_is_told},
	{"odd arguments do no harm", odd_arguments_do_no_harm},
	{"syslog gets the line at its priority",
	 syslog_gets_the_line_at_its_priority},
};

TAP_MAIN(cases, NULL, NULL)
