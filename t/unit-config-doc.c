/* SPDX-License-Identifier: Apache-2.0 */
/* The sample of a configuration and its manual page say what is so. */
#include <metafora.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_values.h"
#include "tap.h"

static void report(void *arg, const char *file, int line, const char *key,
		   const char *message)
{
	(void)arg, (void)file;
	CU_FAIL("something is wrong");
	tap_note("%d: %s: %s", line, key ? key : "", message);
}

static char *read_doc(const char *name)
{
	const char *top = getenv("top_srcdir");
	static char text[100000];
	char where[500];
	size_t n;
	FILE *file;

	snprintf(where, sizeof(where), "%s/doc/%s", top ? top : ".", name);
	file = fopen(where, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
	return text;
}

static void the_sample_is_right_and_says_the_defaults(void)
{
	struct metafora_config *config = NULL;
	const char *value;
	size_t i;

	CU_ASSERT_EQUAL_FATAL(
		metafora_config_parse(read_doc("metafora.conf.sample"), "",
				      report, NULL, &config),
		0);
	CU_ASSERT_EQUAL(metafora_config_check(config), 0);
	for (i = 0; i < MF_CONFIG_N_KEYS; i++) {
		value = config->values[i].text;
		if (value && mf_config_keys[i].initial)
			CU_ASSERT_STRING_EQUAL(value,
					       mf_config_keys[i].initial);
	}
	metafora_config_free(config);
}

/* Take away every "#" without a blank behind it. */
static void uncomment(char *text)
{
	for (; *text; text++)
		if (*text == '#' && text[1] != ' ' && text[1] != '\n')
			*text = ' ';
}

static void the_sample_has_every_key(void)
{
	struct mf_problems problems = { 0 };
	struct metafora_config config = { 0 };
	char *text = read_doc("metafora.conf.sample");
	const struct mf_value *value;
	size_t i;

	setenv("HOSTNAME", "a", 1);
	uncomment(text);
	CU_ASSERT_EQUAL(mf_config_parse(&config, text, &problems), 0);
	CU_ASSERT_EQUAL(problems.n, 0);
	for (i = 0; i < MF_CONFIG_N_KEYS; i++) {
		value = &config.values[i];
		if (!value->text && value->n_list == 0) {
			CU_FAIL("a key lacks");
			tap_note("%s", mf_config_keys[i].name);
		} else if (mf_config_keys[i].initial) {
			CU_ASSERT_STRING_EQUAL(value->text,
					       mf_config_keys[i].initial);
		}
		mf_value_free(&config.values[i]);
	}
	mf_problems_free(&problems);
}

/* The line of the manual page that says what a key takes. */
static void describe(const struct mf_key *key, char *line, size_t n_bytes)
{
	char words[100] = "";
	char what[150];
	size_t i;

	for (i = 0; key->words && key->words[i]; i++)
		sprintf(words + strlen(words), "%s%c",
			key->words[i] == ' ' ? "," : "", key->words[i]);
	if (key->type == MF_KEY_WHOLE)
		snprintf(what, sizeof(what), "A whole number, %.0f to %.0f",
			 key->min, key->max);
	else if (key->type == MF_KEY_NUMBER)
		snprintf(what, sizeof(what),
			 "A number above %.0f, at most %.0f", key->min,
			 key->max);
	else if (key->type == MF_KEY_WORD)
		snprintf(what, sizeof(what), "One of %s", words);
	else if (key->type == MF_KEY_TEXT)
		snprintf(what, sizeof(what), "At most %.0f bytes", key->max);
	else
		snprintf(what, sizeof(what), "A list of at most %d entries",
			 MF_ACL_MAX);
	snprintf(line, n_bytes, "\n.B %s\n%s; %s%s.\n",
		 strchr(key->name, '.') + 1, what,
		 key->initial ? "default " : "no default",
		 key->initial ? key->initial : "");
}

static void the_manual_page_has_every_key_and_its_range(void)
{
	const char *text = read_doc("metafora.conf.5");
	char line[300];
	size_t i;

	for (i = 0; i < MF_CONFIG_N_KEYS; i++) {
		describe(&mf_config_keys[i], line, sizeof(line));
		if (strstr(text, line))
			continue;
		CU_FAIL("the page says something else");
		tap_note("lacks: %s", line + 1);
	}
}

static const struct tap_case cases[] = {
	{"the sample is right and says the defaults",
	 the_sample_is_right_and_says_the_defaults},
	{"the sample has every key", the_sample_has_every_key},
	{"the manual page has every key and its range",
	 the_manual_page_has_every_key_and_its_range},
};

TAP_MAIN(cases, NULL, NULL)
