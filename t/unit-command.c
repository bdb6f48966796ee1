/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on the wire: encoded, decoded, refused. */
#include <metafora.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "oom.h"
#include "prng.h"
#include "tap.h"

#define N_MUTATIONS 20000

/* A string of n times c; the caller frees it. */
static char *repeat(char c, size_t n)
{
	char *text = malloc(n + 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	memset(text, c, n);
	text[n] = '\0';
	return text;
}

static void check_round_trip(const char *name, const char *argument)
{
	struct mf_command command;
	size_t size = 0;
	char *data = NULL;

	CU_ASSERT_EQUAL_FATAL(mf_command_encode(name, argument, &data, &size),
			      0);
	CU_ASSERT_TRUE(size <= MF_COMMAND_DATA_MAX);
	CU_ASSERT_EQUAL_FATAL(mf_command_decode(data, size, &command), 0);
	CU_ASSERT_STRING_EQUAL(command.name, name);
	CU_ASSERT_STRING_EQUAL(command.argument, argument ? argument : "");
	mf_command_fini(&command);
	free(data);
}

static void a_command_is_read_as_it_was_written(void)
{
	check_round_trip("freeze", NULL);
	check_round_trip("freeze", "");
	check_round_trip("stop_task", "job1");
	check_round_trip("stop_task", "with \"quotes\", \\ and \n\t\x01");
	check_round_trip("f\xc3\xbcr alle", "\xe2\x82\xac \xf0\x9f\x98\x80");
	check_round_trip("command", "{\"command\":\"freeze\"}");
}

static void an_argument_that_is_not_utf8_survives(void)
{
	static const char *const arguments[] = {
		"\xff",                 /* no such byte */
		"caf\xe9",              /* Latin-1 */
		"\x80 alone",           /* continuation of nothing */
		"cut \xe2\x82",         /* ends too early */
		"\xc0\xaf",             /* longer than needed */
		"\xe0\x9f\xbf",         /* longer than needed */
		"\xf0\x8f\xbf\xbf",     /* longer than needed */
		"\xed\xa0\x80",         /* surrogate */
		"\xf4\x90\x80\x80",     /* beyond Unicode */
		"\xf8\x88\x80\x80\x80", /* beyond Unicode */
		"100%\xff",             /* with the escape itself */
	};
	char all[256];
	size_t i;

	for (i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++)
		check_round_trip("stop_task", arguments[i]);
	for (i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = '\0';
	check_round_trip("stop_task", all);
}

static void the_longest_command_is_read_as_it_was_written(void)
{
	static const char fillers[] = {'a', '\x01', '"', '\xff'};
	char *name = repeat('n', METAFORA_COMMAND_NAME_MAX);
	size_t i;

	for (i = 0; i < sizeof(fillers); i++) {
		char *argument =
			repeat(fillers[i], METAFORA_COMMAND_ARGUMENT_MAX);

		check_round_trip(name, argument);
		free(argument);
	}
	free(name);
}

static void a_bad_command_is_not_written(void)
{
	char *long_name = repeat('n', METAFORA_COMMAND_NAME_MAX + 1);
	char *long_argument = repeat('a', METAFORA_COMMAND_ARGUMENT_MAX + 1);
	char *data = long_name; /* anything that is not NULL */
	size_t size = 42;

	CU_ASSERT_EQUAL(mf_command_encode(NULL, "", &data, &size),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(mf_command_encode("", "", &data, &size),
			METAFORA_EEMPTY);
	CU_ASSERT_EQUAL(mf_command_encode(long_name, "", &data, &size),
			METAFORA_ENAMETOOLONG);
	CU_ASSERT_EQUAL(mf_command_encode("freeze\xff", "", &data, &size),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(
		mf_command_encode("freeze", long_argument, &data, &size),
		METAFORA_E2BIG);
	CU_ASSERT_PTR_EQUAL(data, long_name);
	CU_ASSERT_EQUAL(size, 42);
	free(long_name);
	free(long_argument);
}

static void check_refused(const char *data, size_t size)
{
	struct mf_command command = {NULL, NULL};

	CU_ASSERT_EQUAL(mf_command_decode(data, size, &command),
			METAFORA_EPROTO);
	CU_ASSERT_PTR_NULL(command.name);
	CU_ASSERT_PTR_NULL(command.argument);
}

static void malformed_data_is_refused(void)
{
	static const char *const texts[] = {
		"",
		"{",
		"null",
		"[]",
		"\"freeze\"",
		"{}",
		"{\"command\":\"freeze\"}",
		"{\"argument\":\"\"}",
		"{\"command\":1,\"argument\":\"\"}",
		"{\"command\":\"\",\"argument\":\"\"}",
		"{\"command\":\"freeze\",\"argument\":null}",
		"{\"command\":\"freeze\",\"argument\":[]}",
		"{\"command\":\"freeze\",\"argument\":7}",
		"{\"command\":\"freeze\",\"argument\":\"\\u0000\"}",
		"{\"command\":\"free\\u0000ze\",\"argument\":\"\"}",
		"{\"command\":\"freeze\",\"argument\":\"\xff\"}",
		"{\"command\":\"freeze\",\"argument\":\"\"} more",
		"{\"command\":\"freeze\",\"argument\":\"a\","
		"\"argument\":\"b\"}",
		"{\"command\":\"freeze\",\"argument\":\"a\","
		"\"argument_encoded\":\"a\"}",
		"{\"command\":\"freeze\",\"argument_encoded\":7}",
		"{\"command\":\"freeze\",\"argument_encoded\":\"%\"}",
		"{\"command\":\"freeze\",\"argument_encoded\":\"%00\"}",
		"{\"command\":\"freeze\",\"argument_encoded\":\"%zz\"}",
		"{\"command\":\"freeze\",\"argument_encoded\":\"a b\"}",
	};
	char *text;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_refused(texts[i], strlen(texts[i]));
	check_refused(NULL, 0);
	check_refused("{\"command\":\"a\",\"argument\":\"\0\"}", 29);

	/* Valid JSON, but of white space beyond the limit. */
	text = repeat(' ', MF_COMMAND_DATA_MAX + 1);
	memcpy(text, "{\"command\":\"a\",\"argument\":\"\"}", 29);
	check_refused(text, MF_COMMAND_DATA_MAX + 1);
	free(text);

	/* Nested deeper than any parser should follow. */
	text = repeat('[', 400000);
	check_refused(text, 400000);
	free(text);
}

static void over_long_fields_are_refused(void)
{
	char *name = repeat('n', METAFORA_COMMAND_NAME_MAX + 1);
	char *argument = repeat('a', METAFORA_COMMAND_ARGUMENT_MAX + 1);
	char *text = malloc(METAFORA_COMMAND_ARGUMENT_MAX + 200);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	sprintf(text, "{\"command\":\"%s\",\"argument\":\"\"}", name);
	check_refused(text, strlen(text));
	sprintf(text, "{\"command\":\"freeze\",\"argument\":\"%s\"}", argument);
	check_refused(text, strlen(text));
	sprintf(text, "{\"command\":\"freeze\",\"argument_encoded\":\"%s\"}",
		argument);
	check_refused(text, strlen(text));
	free(name);
	free(argument);
	free(text);
}

static void unknown_keys_are_ignored(void)
{
	const char text[] = "{\"since\":{\"a\":[1,2]},\"command\":\"freeze\","
			    "\"argument\":\"x\",\"more\":null}";
	struct mf_command command;

	CU_ASSERT_EQUAL_FATAL(mf_command_decode(text, strlen(text), &command),
			      0);
	CU_ASSERT_STRING_EQUAL(command.name, "freeze");
	CU_ASSERT_STRING_EQUAL(command.argument, "x");
	mf_command_fini(&command);
}

/* Change, remove, repeat or insert something; returns the new size. */
static size_t mutate(struct mf_prng *prng, char *data, size_t size)
{
	static const char telling[] = "{}[]\",:\\%0\xff\x80 ntfu";
	size_t at = mf_prng_between(prng, 0, size - 1);
	size_t n = mf_prng_between(prng, 1, 8);

	if (n > size - at)
		n = size - at;
	switch (mf_prng_between(prng, 0, 4)) {
	case 0:
		data[at] ^= (char)(1 << mf_prng_between(prng, 0, 7));
		return size;
	case 1:
		data[at] =
			telling[mf_prng_between(prng, 0, sizeof(telling) - 1)];
		return size;
	case 2:
		return at ? at : 1;
	case 3:
		memmove(data + at, data + at + n, size - at - n);
		return size > n ? size - n : 1;
	default:
		memmove(data + at + n, data + at, size - at);
		return size + n;
	}
}

static void mutated_data_is_survived(void)
{
	static const char *const arguments[] = {"job1", "caf\xe9 % \xff", "",
						"\xe2\x82\xac\n\"\\"};
	size_t n_accepted = 0;
	struct mf_prng prng;
	size_t i;

	mf_prng_seed(&prng, 20240229);
	for (i = 0; i < N_MUTATIONS; i++) {
		struct mf_command command = {NULL, NULL};
		size_t size, n_steps;
		char *data, *exact;
		int error;

		CU_ASSERT_EQUAL_FATAL(mf_command_encode("stop_task",
							arguments[i % 4], &data,
							&size),
				      0);
		data = realloc(data, size + 64);
		CU_ASSERT_PTR_NOT_NULL_FATAL(data);
		for (n_steps = mf_prng_between(&prng, 1, 4); n_steps; n_steps--)
			size = mutate(&prng, data, size);
		/* A block of just that size: reading beyond it is noticed. */
		exact = malloc(size);
		CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
		memcpy(exact, data, size);
		error = mf_command_decode(exact, size, &command);
		free(exact);
		free(data);
		if (error) {
			CU_ASSERT_EQUAL(error, METAFORA_EPROTO);
			CU_ASSERT_PTR_NULL(command.name);
			continue;
		}
		/* What is accepted is a command that could be sent. */
		CU_ASSERT_EQUAL(
			mf_command_check(command.name, command.argument), 0);
		n_accepted++;
		mf_command_fini(&command);
	}
	tap_note("%zu of %d mutations are still commands", n_accepted,
		 N_MUTATIONS);
	CU_ASSERT_TRUE(n_accepted > 0);
	CU_ASSERT_TRUE(n_accepted < N_MUTATIONS / 2);
}

static void a_reply_keeps_its_last_text(void)
{
	struct metafora_command_reply reply = {NULL};
	char *longest = repeat('r', METAFORA_COMMAND_RESULT_MAX);
	char *longer = repeat('r', METAFORA_COMMAND_RESULT_MAX + 1);

	CU_ASSERT_EQUAL(metafora_command_reply_text(NULL, "a"),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_command_reply_text(&reply, NULL),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_command_reply_text(&reply, "first"), 0);
	CU_ASSERT_EQUAL(metafora_command_reply_text(&reply, longest), 0);
	CU_ASSERT_STRING_EQUAL(reply.text, longest);
	CU_ASSERT_EQUAL(metafora_command_reply_text(&reply, "second"), 0);
	CU_ASSERT_EQUAL(metafora_command_reply_text(&reply, longer),
			METAFORA_E2BIG);
	CU_ASSERT_EQUAL(metafora_command_reply_text(&reply, "caf\xe9"),
			METAFORA_EINVAL);
	CU_ASSERT_STRING_EQUAL(reply.text, "second");
	/* The text it has may be handed in again. */
	CU_ASSERT_EQUAL(metafora_command_reply_text(&reply, reply.text), 0);
	CU_ASSERT_STRING_EQUAL(reply.text, "second");
	mf_command_reply_fini(&reply);
	CU_ASSERT_PTR_NULL(reply.text);
	free(longest);
	free(longer);
}

static void encode_and_decode(void *arg)
{
	struct mf_command command = {NULL, NULL};
	size_t size;
	char *data;
	int error;

	error = mf_command_encode("stop_task", arg, &data, &size);
	if (error) {
		CU_ASSERT_EQUAL(error, METAFORA_ENOMEM);
		CU_ASSERT_TRUE(oom_failed());
		return;
	}
	error = mf_command_decode(data, size, &command);
	if (error) {
		/* Was bad input: jansson tells a string's memory so. */
		CU_ASSERT_EQUAL(error, METAFORA_ENOMEM);
		CU_ASSERT_TRUE(oom_failed());
		CU_ASSERT_PTR_NULL(command.name);
	} else {
		CU_ASSERT_STRING_EQUAL(command.name, "stop_task");
		CU_ASSERT_STRING_EQUAL(command.argument, arg);
		mf_command_fini(&command);
	}
	free(data);
}

static void set_a_text(void *arg)
{
	struct metafora_command_reply reply = {NULL};
	int error;

	(void)arg;
	error = metafora_command_reply_text(&reply, "text");
	CU_ASSERT_EQUAL(error, oom_failed() ? METAFORA_ENOMEM : 0);
	CU_ASSERT_EQUAL(reply.text == NULL, oom_failed());
	mf_command_reply_fini(&reply);
}

static void running_out_of_memory_is_an_error(void)
{
	CU_ASSERT_TRUE(oom_for_each(encode_and_decode, "job1") > 0);
	CU_ASSERT_TRUE(oom_for_each(encode_and_decode, "caf\xe9") > 0);
	CU_ASSERT_EQUAL(oom_for_each(set_a_text, NULL), 1);
}

static const struct tap_case cases[] = {
	{"a command is read as it was written",
	 a_command_is_read_as_it_was_written},
	{"an argument that is not UTF-8 survives",
	 an_argument_that_is_not_utf8_survives},
	{"the longest command is read as it was written",
	 the_longest_command_is_read_as_it_was_written},
	{"a bad command is not written", a_bad_command_is_not_written},
	{"malformed data is refused", malformed_data_is_refused},
	{"over-long fields are refused", over_long_fields_are_refused},
	{"unknown keys are ignored", unknown_keys_are_ignored},
	{"mutated data is survived", mutated_data_is_survived},
	{"a reply keeps its last text", a_reply_keeps_its_last_text},
	{"running out of memory is an error",
	 running_out_of_memory_is_an_error},
};

TAP_MAIN(cases, NULL, NULL)
