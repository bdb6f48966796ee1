/* SPDX-License-Identifier: Apache-2.0 */
/* Ten thousand damaged configurations: none crashes, hangs or half works. */
#include <metafora.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prng.h"
#include "tap.h"

#define N_ROUNDS 10000
#define TEXT_BYTES 8192
#define N_CHANGES_MAX 8

static struct mf_prng prng;

/* What the reports of one parse must be like. */
static struct {
	int n;
	int n_lines; /* of the text */
	int last_line;
	bool is_wrong;
} told;

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

static void report(void *arg, const char *file, int line, const char *key,
		   const char *message)
{
	told.n++;
	if (arg != &told || strcmp(file, "fuzz") != 0 || line < 0 ||
	    line > told.n_lines || (line && line < told.last_line) ||
	    (key && (!key[0] || !is_printable(key))) || !message[0] ||
	    !is_printable(message) || strstr(message, "hush") ||
	    (key && strstr(key, "hush")))
		told.is_wrong = true;
	if (line)
		told.last_line = line;
}

/* --- damage ---------------------------------------------------------------------------- */

static char seed_text[TEXT_BYTES];
static char text[TEXT_BYTES];

static const char *const pieces[] = {
	"{", "}", "=", "+=", ",", "(", ")", "\"", "'", "\\", "#", "//", "/*",
	"*/", "\n", " ", "${", "}", "${HOME}", "${FUZZ_SECRET}", "${FUZZ_NO}",
	"${FUZZ_NO:-1}", "\"${FUZZ_SECRET}\"", "node", "embedded", "zookeeper",
	"balancer", "log", "node { }", "weight = 1", "weight", "kind", "fair",
	"acl = {", "'world:anyone:r'", "-1", "0", "1", "99999999999999999999",
	"yes", "|", "a|b", "node|weight = 1", "\"\"", "''", "\xff\xfe", "\x01",
	"\x7f", "\r\n", "\\0", "\\x00", "\\777", "__unknown", "include(\"x\")",
	"embedded {\n}\n",
};
#define N_PIECES (sizeof(pieces) / sizeof(pieces[0]))

static size_t below(size_t n)
{
	return n ? (size_t)mf_prng_between(&prng, 0, n - 1) : 0;
}

static void cut(size_t at, size_t n)
{
	size_t length = strlen(text);

	if (n > length - at)
		n = length - at;
	memmove(text + at, text + at + n, length - at - n + 1);
}

static void insert(size_t at, const char *piece, size_t n)
{
	size_t length = strlen(text);

	if (length + n + 1 > sizeof(text))
		return;
	memmove(text + at + n, text + at, length - at + 1);
	memcpy(text + at, piece, n);
}

static void copy_part(size_t from, size_t n, size_t to)
{
	char part[200];

	if (n > strlen(text + from))
		n = strlen(text + from);
	memcpy(part, text + from, n);
	insert(to, part, n);
}

static void change(void)
{
	size_t at = below(strlen(text) + 1);
	const char *piece = pieces[below(N_PIECES)];

	switch (below(6)) {
	case 0: /* a byte, but no NUL */
		if (text[at])
			text[at] = (char)(1 + below(255));
		break;
	case 1:
		cut(at, 1 + below(10));
		break;
	case 2:
		cut(at, below(300));
		break;
	case 3:
		insert(at, piece, strlen(piece));
		break;
	case 4: /* in place of a token */
		cut(at, strcspn(text + at, " \t\n={},"));
		insert(at, piece, strlen(piece));
		break;
	default:
		copy_part(at, below(200), below(strlen(text) + 1));
		break;
	}
}

/* --- the round ------------------------------------------------------------------------- */

static int count_lines(const char *at)
{
	int n = 1;

	for (; *at; at++)
		n += *at == '\n';
	return n;
}

/* Whether the text was taken. */
static bool parse_round(void)
{
	struct metafora_config *const untouched = (void *)text;
	struct metafora_config *config = untouched;
	struct metafora_coordinator *coordinator;
	int error;

	memset(&told, 0, sizeof(told));
	told.n_lines = count_lines(text);
	error = metafora_config_parse(text, "fuzz", report, &told, &config);
	if (error) {
		CU_ASSERT_EQUAL(error, METAFORA_ECONFIG);
		CU_ASSERT_PTR_EQUAL(config, untouched);
		CU_ASSERT_TRUE(told.n > 0 && told.n <= 101);
		CU_ASSERT_FALSE(told.is_wrong);
		return false;
	}
	CU_ASSERT_EQUAL(told.n, 0);
	told.last_line = 0;
	error = metafora_config_coordinator(config, &coordinator);
	CU_ASSERT_TRUE(error ? error == METAFORA_ECONFIG && told.n > 0
			     : told.n == 0);
	CU_ASSERT_FALSE(told.is_wrong);
	if (!error)
		metafora_coordinator_free(coordinator);
	metafora_config_free(config);
	return true;
}

static void read_seed(void)
{
	const char *top = getenv("top_srcdir");
	char path[500];
	size_t n;
	FILE *file;

	snprintf(path, sizeof(path), "%s/doc/metafora.conf.sample",
		 top ? top : ".");
	file = fopen(path, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	n = fread(seed_text, 1, sizeof(seed_text) - 1, file);
	seed_text[n] = '\0';
	fclose(file);
}

static const char *const small_seeds[] = {
	"embedded { session_timeout_ms = 1000 }\n"
	"node { name = \"${HOME}\" weight = 2.5 } # us\n",
	"zookeeper {\n\tservers = \"a:1,b:2\"\n\tacl_mode = list\n"
	"\tacl = { \"digest:a:b=:cdrwa\", 'world:anyone:r' }\n"
	"\tauth_env = FUZZ_SECRET\n}\nbalancer { kind = sleep delay_ms = 5 }\n",
	"",
};

static void damaged_files_are_refused_or_taken_and_nothing_else(void)
{
	unsigned long n_rounds = tap_scaled(N_ROUNDS);
	unsigned long n_taken = 0;
	unsigned long i;
	size_t which, n;

	read_seed();
	setenv("FUZZ_SECRET", "user:hush", 1);
	unsetenv("FUZZ_NO");
	for (i = 0; i < n_rounds; i++) {
		mf_prng_seed(&prng, i);
		which = below(4);
		strcpy(text, which < 3 ? small_seeds[which] : seed_text);
		for (n = 1 + below(N_CHANGES_MAX); n > 0; n--)
			change();
		n_taken += parse_round();
		if (CU_get_number_of_failures() > 0) {
			tap_note("round %lu failed", i);
			return;
		}
	}
	/* Or what is looked at is not near to anything that is right. */
	CU_ASSERT_TRUE(n_taken > n_rounds / 50);
	CU_ASSERT_TRUE(n_taken < n_rounds / 2);
	tap_note("%lu of %lu were taken", n_taken, n_rounds);
}

/* The scanner keeps nothing of what it stumbled over. */
static void a_good_file_is_taken_after_any_bad_one(void)
{
	static const char *const bad[] = {
		"node { name = \"", "node { name = '", "/*", "node { acl = { 'a",
		"node {", "zookeeper { acl = { 'a:b:r',", "=", "+=", "${", "\\",
	};
	struct metafora_config *config = NULL;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT_EQUAL(metafora_config_parse(bad[i], "", NULL, NULL,
						      &config),
				METAFORA_ECONFIG);
		CU_ASSERT_EQUAL_FATAL(metafora_config_parse(small_seeds[0], "",
							    NULL, NULL,
							    &config),
				      0);
		metafora_config_free(config);
	}
}

static const struct tap_case cases[] = {
	{"damaged files are refused or taken, and nothing else",
	 damaged_files_are_refused_or_taken_and_nothing_else},
	{"a good file is taken after any bad one",
	 a_good_file_is_taken_after_any_bad_one},
};

TAP_MAIN(cases, NULL, NULL)
