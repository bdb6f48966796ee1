/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON in place: what is read, what is refused. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "prng.h"
#include "tap.h"

#define N_MUTATIONS 100000

/*
 * Read an object of the text's own; its members as "key=value;", with "?" for
 * a value that is no string.  NULL: refused.  The caller frees it.
 */
static char *read_all(const char *text)
{
	char *copy = strdup(text);
	char *out = calloc(1, 4 * strlen(text) + 4);
	struct mf_json json;
	char *key, *value;
	int more;

	CU_ASSERT_FATAL(copy && out);
	more = mf_json_open(&json, copy) ? 1 : -1;
	while (more > 0) {
		more = mf_json_next(&json, &key, &value);
		if (more > 0)
			sprintf(out + strlen(out), "%s=%s;", key,
				value ? value : "?");
	}
	free(copy);
	if (!more)
		return out;
	free(out);
	return NULL;
}

static void check(const char *text, const char *expected)
{
	char *got = read_all(text);

	CU_ASSERT_PTR_NOT_NULL(got);
	if (got)
		CU_ASSERT_STRING_EQUAL(got, expected);
	free(got);
}

static void check_refused(const char *text)
{
	char *got = read_all(text);

	CU_ASSERT_PTR_NULL(got);
	if (got)
		tap_note("%s", text);
	free(got);
}

static void members_are_read_in_order(void)
{
	check("{}", "");
	check(" \t\r\n{ } \n", "");
	check("{\"a\":\"b\"}", "a=b;");
	check(" { \"a\" : \"b\" , \"\" : \"\" } ", "a=b;=;");
	check("{\"a\":\"1\",\"a\":\"2\"}", "a=1;a=2;");
	check("{\"a\":1,\"b\":null,\"c\":true,\"d\":false,\"e\":\"f\"}",
	      "a=?;b=?;c=?;d=?;e=f;");
	check("{\"a\":{\"b\":[1,[],{\"c\":\"}\"}]},\"d\":\"e\"}", "a=?;d=e;");
	check("{\"a\":[-0,0.5,1e3,12E-4,-3.25e+9]}", "a=?;");
}

static void strings_are_decoded(void)
{
	check("{\"\\u0061b\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}",
	      "ab=\"\\/\b\f\n\r\t;");
	check("{\"a\":\"\\u00e9\\u20AC\\ud83d\\ude00\\u007f\"}",
	      "a=\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f;");
	check("{\"a\":\"caf\xc3\xa9 \xf4\x8f\xbf\xbf\"}",
	      "a=caf\xc3\xa9 \xf4\x8f\xbf\xbf;");
}

static void what_is_no_object_is_refused(void)
{
	static const char *const texts[] = {
		"", " ", "1", "\"a\"", "[]", "null", "{", "}", "{}{}", "{} x",
		"{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1 \"b\":2}",
		"{a:1}", "{1:1}", "{\"a\":1", "{\"a\":[1}", "{\"a\":[1,]}",
		"{\"a\":{\"b\":1]}", "{\"a\":{1:2}}", "{\"a\":01}",
		"{\"a\":.5}", "{\"a\":1.}", "{\"a\":-}", "{\"a\":1e}",
		"{\"a\":+1}", "{\"a\":nul}", "{\"a\":True}", "{\"a\":'b'}",
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_refused(texts[i]);
}

static void what_is_no_string_is_refused(void)
{
	static const char *const texts[] = {
		"{\"a\":\"b}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}",
		"{\"a\":\"\\u12g4\"}", "{\"a\":\"\\u0000\"}",
		"{\"a\":\"\\ud800\"}", "{\"a\":\"\\ud800\\u0041\"}",
		"{\"a\":\"\\udc00\"}", "{\"a\":\"\n\"}", "{\"a\":\"\x1f\"}",
		"{\"a\":\"\xff\"}", "{\"a\":\"\xc0\x80\"}",
		"{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"\xe2\x82\"}",
		"{\"a\":\"\xf4\x90\x80\x80\"}", "{\"a\":\"\\",
		"{\"a\":\"\\u", "{\"a\":[\"\xff\"]}", "{\"a\":{\"\xff\":1}}",
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_refused(texts[i]);
}

static void nest(char *text, int depth)
{
	int i;

	strcpy(text, "{\"a\":");
	for (i = 0; i < depth; i++)
		strcat(text, "[");
	for (i = 0; i < depth; i++)
		strcat(text, "]");
	strcat(text, "}");
}

static void the_depth_has_a_limit(void)
{
	char text[3 * MF_JSON_DEPTH_MAX];

	/* The object itself counts. */
	nest(text, MF_JSON_DEPTH_MAX - 1);
	check(text, "a=?;");
	nest(text, MF_JSON_DEPTH_MAX);
	check_refused(text);
}

/* What another reader makes of it, in the form of read_all. */
static bool agrees(const char *text, const char *got)
{
	json_t *root = json_loads(text, 0, NULL);
	bool is_object = json_is_object(root);
	const char *key;
	json_t *value;
	char *member;
	bool same = is_object == (got != NULL);

	if (same && got)
		json_object_foreach(root, key, value) {
			member = malloc(strlen(text) * 2 + 4);
			CU_ASSERT_FATAL(member != NULL);
			sprintf(member, "%s=%s;", key,
				json_is_string(value) ? json_string_value(value)
						      : "?");
			/* Of two of a name it keeps the last only. */
			same = same && strstr(got, member);
			free(member);
		}
	json_decref(root);
	return same;
}

/* Without digits: the other reader limits numbers. */
static void change(struct mf_prng *prng, char *text)
{
	static const char telling[] = "{}[]\",:\\\xc3\xa9 tu-.e0";
	size_t n = strlen(text);
	size_t at = mf_prng_between(prng, 0, n - 1);
	char c = telling[mf_prng_between(prng, 0, sizeof(telling) - 2)];

	switch (mf_prng_between(prng, 0, 2)) {
	case 0:
		text[at] = c;
		break;
	case 1:
		memmove(text + at, text + at + 1, n - at);
		break;
	default:
		memmove(text + at + 1, text + at, n - at + 1);
		text[at] = c;
		break;
	}
	if (!text[0])
		strcpy(text, "{");
}

static void mutations_are_read_as_another_reader_does(void)
{
	size_t n_read = 0;
	struct mf_prng prng;
	int i;

	mf_prng_seed(&prng, 20240229);
	for (i = 0; i < N_MUTATIONS; i++) {
		char text[128] = "{\"a\":\"x\\n\xc3\xa9\\u00e9\\ud83d\\ude00\","
				 "\"b\":[1,{\"c\":-1.5e2},true],\"d\":null}";
		uint64_t n = mf_prng_between(&prng, 0, 3);
		char *got;

		while (n--)
			change(&prng, text);
		got = read_all(text);
		n_read += got != NULL;
		if (!agrees(text, got)) {
			CU_FAIL("another reader disagrees");
			tap_note("%s", text);
		}
		free(got);
	}
	tap_note("%zu of %d mutations are still objects", n_read, N_MUTATIONS);
	CU_ASSERT_TRUE(n_read > N_MUTATIONS / 10);
	CU_ASSERT_TRUE(n_read < N_MUTATIONS / 2);
}

static const struct tap_case cases[] = {
	{"members are read in order", members_are_read_in_order},
	{"strings are decoded", strings_are_decoded},
	{"what is no object is refused", what_is_no_object_is_refused},
	{"what is no string is refused", what_is_no_string_is_refused},
	{"the depth has a limit", the_depth_has_a_limit},
	{"mutations are read as another reader does",
	 mutations_are_read_as_another_reader_does},
};

TAP_MAIN(cases, NULL, NULL)
