/* SPDX-License-Identifier: Apache-2.0 */
/* What a configuration may say: every key, range, rule and mistake. */
#include <fcntl.h>
#include <metafora.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_values.h"
#include "secret.h"
#include "tap.h"

static char reports[32768];
static int n_reports;

static void report(void *arg, const char *file, int line, const char *key,
		   const char *message)
{
	size_t used = strlen(reports);

	(void)arg, (void)file;
	n_reports++;
	snprintf(reports + used, sizeof(reports) - used, "%d:%s: %s\n", line,
		 key ? key : "", message);
}

static void setup(void)
{
	reports[0] = '\0';
	n_reports = 0;
	setenv("CONFIG_TEST", "from \"there\" \\ $ ${HOME} # {", 1);
	setenv("CONFIG_WEIGHT", "7", 1);
	setenv("CONFIG_SECRET", "user:hush", 1);
	setenv("CONFIG_CONTROL", "a\nb", 1);
	unsetenv("CONFIG_UNSET");
}

static int parse(const char *text, struct metafora_config **out)
{
	return metafora_config_parse(text, "text", report, NULL, out);
}

/* --- every key --------------------------------------------------------------------- */

/* Whether a file that gives the key so is taken; contradictions aside. */
static bool takes(const struct mf_key *key, const char *value)
{
	struct mf_problems problems = { 0 };
	struct metafora_config config = { 0 };
	char text[3000];
	bool taken;
	size_t i;

	snprintf(text, sizeof(text), "%.*s {\n%s = %s\n}\n",
		 (int)strcspn(key->name, "."), key->name,
		 strchr(key->name, '.') + 1, value);
	CU_ASSERT_EQUAL(mf_config_parse(&config, text, &problems), 0);
	taken = problems.n == 0;
	if (!taken) {
		CU_ASSERT_EQUAL(problems.list[0].line, 2);
		CU_ASSERT_STRING_EQUAL(problems.list[0].key, key->name);
	}
	CU_ASSERT_EQUAL(problems.n, taken ? 0 : 1);
	CU_ASSERT_TRUE(mf_config_is_given(&config, key->name));
	CU_ASSERT_EQUAL(mf_config_is_spoilt(&config, key->name), !taken);
	for (i = 0; i < MF_CONFIG_N_KEYS; i++)
		mf_value_free(&config.values[i]);
	mf_problems_free(&problems);
	return taken;
}

static void check_taken(const struct mf_key *key, const char *value, bool is)
{
	if (takes(key, value) == is)
		return;
	CU_FAIL("a value is taken or refused wrongly");
	tap_note("%s = %.60s is %s", key->name, value,
		 is ? "refused" : "taken");
}

static void check_numbers(const struct mf_key *key)
{
	bool whole = key->type == MF_KEY_WHOLE;
	char value[64];

	snprintf(value, sizeof(value), "%.0f", key->min);
	check_taken(key, value, !key->is_above);
	snprintf(value, sizeof(value), "\"%.0f\"", key->max);
	check_taken(key, value, true);
	snprintf(value, sizeof(value), "%.0f", key->min - 1);
	check_taken(key, value, false);
	snprintf(value, sizeof(value), "%.0f", key->max + 1);
	check_taken(key, value, false);
	snprintf(value, sizeof(value), "%.0f.5", key->min);
	check_taken(key, value, !whole);
	check_taken(key, "many", false);
	check_taken(key, "1x", false);
	check_taken(key, "\"1 \"", false);
	check_taken(key, "1.", false);
	check_taken(key, ".5", false);
	check_taken(key, "0x10", false);
	check_taken(key, "1e3", false);
	check_taken(key, "nan", false);
	check_taken(key, "-", false);
	check_taken(key, "\"\"", false);
	check_taken(key, "9999999999999999999999", false);
}

static void check_texts(const struct mf_key *key)
{
	char value[MF_VALUE_BYTES_MAX + 4];
	size_t max = (size_t)key->max;

	check_taken(key, "a", true);
	check_taken(key, "\"a b {} # \\\" c\"", true);
	check_taken(key, "''", false);
	memset(value, 'x', sizeof(value));
	value[max] = '\0';
	check_taken(key, value, true);
	memcpy(value + max, "x", 2);
	check_taken(key, value, false);
}

static void check_words(const struct mf_key *key)
{
	char words[100];
	char *word;
	char *rest;

	snprintf(words, sizeof(words), "%s", key->words);
	for (word = strtok_r(words, " ", &rest); word;
	     word = strtok_r(NULL, " ", &rest))
		check_taken(key, word, true);
	check_taken(key, "nonsense", false);
	check_taken(key, "''", false);
	snprintf(words, sizeof(words), "'%s'", key->words);
	check_taken(key, words, false);
	words[2] = '\0';
	strcat(words, "'");
	check_taken(key, words, false);
}

static void check_acls(const struct mf_key *key)
{
	check_taken(key, "{ 'world:anyone:r' }", true);
	check_taken(key, "{ 'digest:a:b=:cdrwa', \"ip:1::2:r\" }", true);
	check_taken(key, "'world:anyone:r'", true);
	check_taken(key, "{ 'world' }", false);
	check_taken(key, "{ 'world:r' }", false);
	check_taken(key, "{ ':anyone:r' }", false);
	check_taken(key, "{ 'world:anyone:' }", false);
	check_taken(key, "{ 'world:anyone:rx' }", false);
	check_taken(key, "{ '' }", false);
}

static void a_key_takes_what_is_in_its_range_and_no_more(void)
{
	const struct mf_key *key;

	for (key = mf_config_keys; key < mf_config_keys + MF_CONFIG_N_KEYS;
	     key++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(key->name);
		if (key->initial)
			check_taken(key, key->initial, true);
		switch (key->type) {
		case MF_KEY_WHOLE:
		case MF_KEY_NUMBER:
			check_numbers(key);
			break;
		case MF_KEY_TEXT:
			check_texts(key);
			break;
		case MF_KEY_WORD:
			check_words(key);
			break;
		case MF_KEY_ACL:
			check_acls(key);
			break;
		}
	}
}

/* A list of sixteen is the longest. */
static void a_list_ends_at_sixteen_entries(void)
{
	struct metafora_config *config = NULL;
	char text[1000] = "zookeeper { acl = {";
	size_t n;

	for (n = 0; n < MF_ACL_MAX; n++)
		strcat(text, n ? ", 'a:b:r'" : "'a:b:r'");
	strcat(text, "} }");
	CU_ASSERT_EQUAL(parse(text, &config), 0);
	metafora_config_free(config);
	strcpy(text + strlen(text) - 3, ",\n'a:b:r'} }");
	CU_ASSERT_EQUAL(parse(text, &config), METAFORA_ECONFIG);
	CU_ASSERT_STRING_EQUAL(
		reports, "2:zookeeper.acl: must have at most 16 entries\n");
}

/* --- values of all forms ------------------------------------------------------------ */

static const struct {
	const char *written;
	const char *value;
} forms[] = {
	{"plain", "plain"},
	{"'single \" \\' \\\\ ${HOME} # //'", "single \" ' \\ ${HOME} # //"},
	{"\"double ' \\\" \\\\ \\$ # /* */\"", "double ' \" \\ $ # /* */"},
	{"\"${CONFIG_WEIGHT}\"", "7"},
	{"${CONFIG_WEIGHT}", "7"},
	{"\"<${CONFIG_TEST}>\"", "<from \"there\" \\ $ ${HOME} # {>"},
	{"${CONFIG_TEST}", "from \"there\" \\ $ ${HOME} # {"},
	{"\"${CONFIG_UNSET:-a \\b $}c\"", "a \\b $c"},
	{"${CONFIG_UNSET:-}x", NULL},
	{"\"${CONFIG_WEIGHT:-8}\"", "7"},
	{"\"$HOME\"", "$HOME"},
	{"a$b", "a$b"},
	{"/a//b", "/a//b"},
	{"tcp://x", "tcp://x"},
	{"\t\n\n  far", "far"},
	{"/* a\n comment */ behind // x\n", "behind"},
	{"# comment ' \" }\n'behind'", "behind"},
	{"\"caf\xc3\xa9\"", "caf\xc3\xa9"},
};

static void a_value_may_be_written_in_many_ways(void)
{
	struct metafora_config *config;
	const char *value;
	char text[200];
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		config = NULL;
		value = NULL;
		snprintf(text, sizeof(text), "node { name = %s\n }",
			 forms[i].written);
		parse(text, &config);
		if (config)
			metafora_config_get(config, "node.name", 0, &value);
		if (!value != !forms[i].value ||
		    (value && strcmp(value, forms[i].value) != 0)) {
			CU_FAIL("a value is read wrongly");
			tap_note("%s is read as %s", forms[i].written,
				 value ? value : "a mistake");
		}
		metafora_config_free(config);
	}
}

/* --- every mistake ----------------------------------------------------------------- */

#define ZOOKEEPER "zookeeper { servers = a "
#define EVERY_TLS                                                             \
	"tls_ca_file = c tls_certificate_file = d tls_key_file = /dev/null "

static const struct {
	const char *text;
	const char *reports;
} mistakes[] = {
	/* unknown */
	{"\nnod {\nname = a\nb {} }\nnode { weight = 0 }",
	 "2:nod: no such section\n"
	 "5:node.weight: must be a number above 0, at most 1000\n"},
	{"node {\nweigth = 1\n\nweight = 0 }",
	 "2:node.weigth: no such key in this section\n"
	 "4:node.weight: must be a number above 0, at most 1000\n"},
	{"node { acl = { 'a',\n 'b' } }",
	 "1:node.acl: no such key in this section\n"},
	{"name = a\nembedded { }",
	 "1:name: no such key outside of a section\n"},
	{"node = { a }", "1:node: no such key outside of a section\n"},
	{"node { embedded { } }",
	 "1:node.embedded: no such section here\n"},
	{"node { weight { } }", "1:node.weight: no such section here\n"},
	{"node { a|b = c }", "1:node.a|b: no such key in this section\n"},
	{"node|weight = 0",
	 "1:node|weight: no such key outside of a section\n"},
	/* given twice */
	{"node {\nweight = 1\nweight = 2\n}",
	 "3:node.weight: must be given once; it is on line 2 already\n"},
	{"node {\nweight = 1\n}\nnode { weight = 1 }",
	 "4:node.weight: must be given once; it is on line 2 already\n"},
	/* syntax: libconfuse's words */
	{"\nnode {\n\n", "2:node: the section is not closed\n"},
	{"node { weight =", "1:node: the section is not closed\n"
			    "1:: premature end of file\n"},
	{"node { weight = }", "1:: unexpected token '}'\n"},
	{"node { weight 1 }", "1:: missing equal sign after option 'weight'\n"},
	{"}", "1:: unexpected closing brace\n"},
	{"node { weight = 1 2 }", "1:: no such option '2'\n"},
	{"node { weight += 1 }",
	 "1:: attempt to append to non-list option 'weight'\n"},
	{"node { weight = { 1 } }", "1:: unexpected token '{'\n"},
	{"zookeeper { acl = { 'a:b:r' ; 'c:d:r' } }",
	 "1:: a string or variable is only allowed as a value, behind an "
	 "equals sign\n"
	 "1:: unexpected token ';'\n"},
	/* text */
	{"node { name = 'a\n}\nnode { weight = 0 }",
	 "1:: a string is not closed on its line\n"
	 "3:node.weight: must be a number above 0, at most 1000\n"},
	{"node { name = \"a\\\n\" }",
	 "1:: a backslash in double quotes goes before one of \\ \" ' $\n"
	 "1:: a string is not closed on its line\n"
	 "1:node: the section is not closed\n"
	 "2:: a string is not closed on its line\n"
	 "2:: a string or variable is only allowed as a value, behind an "
	 "equals sign\n"},
	{"\n/* a\n\n", "2:: a comment is not closed\n"},
	{"node { name = \"\\0\" }",
	 "1:: a backslash in double quotes goes before one of \\ \" ' $\n"},
	{"node { name = \"\\x41\" }",
	 "1:: a backslash in double quotes goes before one of \\ \" ' $\n"},
	{"node { name = \"a\x1b\" }",
	 "1:: a string holds a control character\n"},
	{"node { name = a\x01 }", "1:: there is a control character\n"},
	{"node { weight = 1+1 }",
	 "1:: a value with + or * in it goes in quotes\n"
	 "1:: no such option '1'\n"},
	{"node { weight = *3 }",
	 "1:: a value with + or * in it goes in quotes\n"},
	/* variables, and what they hold is not told */
	{"node {\nname = \"${CONFIG_UNSET}\"\nweight = ${CONFIG_UNSET} }",
	 "2:: environment variable CONFIG_UNSET is not set; a default is "
	 "written ${CONFIG_UNSET:-default}\n"
	 "3:: environment variable CONFIG_UNSET is not set; a default is "
	 "written ${CONFIG_UNSET:-default}\n"},
	{"node { name = ${CONFIG_CONTROL} }",
	 "1:: environment variable CONFIG_CONTROL holds control characters\n"},
	{"node { weight = ${CONFIG_SECRET} }",
	 "1:node.weight: must be a number above 0, at most 1000\n"},
	{"node { name = a ${CONFIG_SECRET} = b }",
	 "1:: a string or variable is only allowed as a value, behind an "
	 "equals sign\n1:: unexpected token '='\n"},
	{"\"${CONFIG_SECRET}\" { }",
	 "1:: a string or variable is only allowed as a value, behind an "
	 "equals sign\n1:: unexpected token '{'\n"},
	{"node { name = a${CONFIG_SECRET} }",
	 "1:: text with a variable in it goes in double quotes\n"},
	{"node { name = \"${}\" }",
	 "1:: a variable is written ${NAME} or ${NAME:-default}; write \\$ "
	 "for a dollar\n"},
	{"node { name = \"${1A}\" }",
	 "1:: a variable is written ${NAME} or ${NAME:-default}; write \\$ "
	 "for a dollar\n"},
	{"node { name = ${CONFIG_TEST-x} }",
	 "1:: a variable is written ${NAME} or ${NAME:-default}; write \\$ "
	 "for a dollar\n"},
	{"node { name = ${CONFIG_TEST\n }",
	 "1:: a variable is written ${NAME} or ${NAME:-default}; write \\$ "
	 "for a dollar\n"},
	/* contradictions */
	{"embedded { }\n" ZOOKEEPER "\n}",
	 "3:: there must be one of the sections embedded and zookeeper, not "
	 "both\n"},
	{"node {\nrelease_backoff_min_ms = 400000 }",
	 "2:node.release_backoff_min_ms: must be at most the value of "
	 "node.release_backoff_max_ms, which is 300000\n"},
	{"node {\nrelease_backoff_max_ms = 10 }",
	 "2:node.release_backoff_max_ms: must be at least that of "
	 "node.release_backoff_min_ms, which is 1000\n"},
	{"node { release_backoff_max_ms = 10 release_backoff_min_ms = x }",
	 "1:node.release_backoff_min_ms: must be a whole number from 1 to "
	 "86400000\n"},
	{"balancer { kind = resource claim_limit = 0.9 }",
	 "1:balancer.claim_limit: must be below the value of "
	 "balancer.release_limit, which is 0.9\n"},
	{"balancer { kind = resource release_limit = 0.5 }",
	 "1:balancer.release_limit: must be above that of "
	 "balancer.claim_limit, which is 0.75\n"},
	{"node { lease_grace_ms = 2501 }",
	 "1:node.lease_grace_ms: must be at most 2500, a quarter of "
	 "embedded.session_timeout_ms\n"},
	{"node { lease_grace_ms = 251 }\n"
	 ZOOKEEPER "session_timeout_ms = 1000 }",
	 "1:node.lease_grace_ms: must be at most 250, a quarter of "
	 "zookeeper.session_timeout_ms\n"},
	{"balancer { claim_delay_ms = 9\ndelay_ms = 9\nsettle_ms = 10 }",
	 "2:balancer.delay_ms: is an option of the balancer sleep, and "
	 "balancer.kind is fair\n"
	 "3:balancer.settle_ms: is an option of the balancer resource, and "
	 "balancer.kind is fair\n"},
	{"balancer { kind = dumb cool_down_ms = 9 }",
	 "1:balancer.cool_down_ms: is an option of the balancer fair, and "
	 "balancer.kind is dumb\n"},
	{ZOOKEEPER "acl_mode = list }",
	 "1:zookeeper.acl_mode: is list, so zookeeper.acl must be given\n"},
	{ZOOKEEPER "acl_mode = world\nacl = {'a:b:r'} }",
	 "2:zookeeper.acl: must not be given unless acl_mode is list or "
	 "default\n"},
	{ZOOKEEPER "acl_mode = creator }",
	 "1:zookeeper.acl_mode: is creator, so auth_file, auth_env, the tls "
	 "or the sasl keys must say who that is\n"},
	{ZOOKEEPER "auth_file = a\nauth_env = b }",
	 "2:zookeeper.auth_env: must not be given together with auth_file\n"},
	{ZOOKEEPER "auth_scheme = digest }",
	 "1:zookeeper.auth_scheme: needs the credentials: auth_file or "
	 "auth_env\n"},
	{ZOOKEEPER "tls_key_file = a }",
	 "1:zookeeper.tls_key_file: needs zookeeper.tls_ca_file too\n"
	 "1:zookeeper.tls_key_file: needs zookeeper.tls_certificate_file "
	 "too\n"},
	{ZOOKEEPER "tls_password_file = a tls_key_file = b tls_ca_file = c }",
	 "1:zookeeper.tls_ca_file: needs zookeeper.tls_certificate_file too\n"},
	{ZOOKEEPER "\ntls_password_file = a }",
	 "2:zookeeper.tls_password_file: needs zookeeper.tls_ca_file too\n"
	 "2:zookeeper.tls_password_file: needs "
	 "zookeeper.tls_certificate_file too\n"
	 "2:zookeeper.tls_password_file: needs zookeeper.tls_key_file too\n"},
	{ZOOKEEPER "tls_password_file = a tls_ca_file = b tls_key_file = c }",
	 "1:zookeeper.tls_ca_file: needs zookeeper.tls_certificate_file too\n"},
	{ZOOKEEPER "sasl_user = a sasl_host = b sasl_mechanisms = c }",
	 "1:zookeeper.sasl_host: needs zookeeper.sasl_service too\n"},
	{ZOOKEEPER EVERY_TLS
	 "sasl_service = a sasl_host = b sasl_mechanisms = c }",
	 "0:zookeeper: TLS and SASL cannot be had together\n"},
};

static void every_mistake_is_told_with_its_line(void)
{
	struct metafora_config *config = NULL;
	size_t i;

	for (i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		setup();
		CU_ASSERT_EQUAL(parse(mistakes[i].text, &config),
				METAFORA_ECONFIG);
		CU_ASSERT_PTR_NULL_FATAL(config);
		CU_ASSERT_PTR_NULL(strstr(reports, "hush"));
		if (strcmp(reports, mistakes[i].reports) == 0)
			continue;
		CU_FAIL("a mistake is told in other words");
		tap_note("%s\nis told as\n%s", mistakes[i].text, reports);
	}
}

static void not_more_than_a_hundred_problems_are_told(void)
{
	struct metafora_config *config;
	char text[4000] = "";
	int i;

	for (i = 0; i < 300; i++)
		strcat(text, "a = b\n");
	CU_ASSERT_EQUAL(parse(text, &config), METAFORA_ECONFIG);
	CU_ASSERT_EQUAL(n_reports, MF_PROBLEMS_MAX + 1);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(reports, "100:a: no such key outside of a section\n"
				"101:: there are more problems than these\n"));
}

static void variables_cannot_blow_a_file_up(void)
{
	static char large[120001];
	char text[3000] = "node {\n";
	struct metafora_config *config = NULL;
	int i;

	memset(large, 'x', sizeof(large) - 1);
	setenv("CONFIG_LARGE", large, 1);
	for (i = 0; i < 60; i++)
		strcat(text, "name = \"${CONFIG_LARGE}\"\n");
	CU_ASSERT_EQUAL(parse(text, &config), METAFORA_ECONFIG);
	unsetenv("CONFIG_LARGE");
	CU_ASSERT_STRING_EQUAL(reports, "36:: the text is too long with what "
					"its variables hold\n");
}

/* --- what only check sees ----------------------------------------------------------- */

static char path[] = "/tmp/unit-config-XXXXXX";

static void make_file(const char *text, mode_t mode)
{
	int fd;

	strcpy(path + sizeof(path) - 7, "XXXXXX");
	fd = mkstemp(path);
	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	fchmod(fd, mode);
	close(fd);
}

/* Check a file in which @ is the path of the secret. */
static int check(const char *text)
{
	struct metafora_config *config = NULL;
	char whole[500];
	int error;

	setup();
	snprintf(whole, sizeof(whole), "%.*s%s%s", (int)strcspn(text, "@"),
		 text, strchr(text, '@') ? path : "",
		 strchr(text, '@') ? strchr(text, '@') + 1 : "");
	CU_ASSERT_EQUAL_FATAL(parse(whole, &config), 0);
	error = metafora_config_check(config);
	metafora_config_free(config);
	return error;
}

static const char *const secrets[] = {
	"zookeeper { servers = a\nauth_file = \"@\"\n}",
	"zookeeper { servers = a tls_ca_file = a tls_certificate_file = b\n"
	"tls_key_file = \"@\" }",
	"zookeeper { servers = a sasl_service = a sasl_mechanisms = b "
	"sasl_host = c\nsasl_password_file = \"@\" }",
};

static void a_secret_that_others_can_read_is_refused(void)
{
	const mode_t modes[] = {0640, 0604, 0644};
	size_t i, j;

	for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		for (j = 0; j < 3; j++) {
			make_file("user:hush\n", modes[j]);
			CU_ASSERT_EQUAL(check(secrets[i]), METAFORA_ECONFIG);
			CU_ASSERT_PTR_NOT_NULL(
				strstr(reports, "2:zookeeper."));
			CU_ASSERT_PTR_NOT_NULL(
				strstr(reports, "_file: must be a file that "
						"only its owner can read "
						"(chmod 600)\n"));
			unlink(path);
		}
		CU_ASSERT_EQUAL(check(secrets[i]), METAFORA_ECONFIG);
		CU_ASSERT_PTR_NOT_NULL(
			strstr(reports, "_file: the file does not exist\n"));
	}
}

static void a_secret_is_the_first_line_of_its_file(void)
{
	char text[MF_SECRET_BYTES_MAX + 3];

	make_file("user:hush\nmore", 0600);
	CU_ASSERT_EQUAL(check(secrets[0]), 0);
	unlink(path);
	make_file("\nuser:hush", 0400);
	CU_ASSERT_EQUAL(check(secrets[0]), METAFORA_ECONFIG);
	CU_ASSERT_STRING_EQUAL(reports, "2:zookeeper.auth_file: the first "
					"line must be the secret\n");
	unlink(path);
	memset(text, 'x', sizeof(text));
	text[MF_SECRET_BYTES_MAX] = '\0';
	make_file(text, 0600);
	CU_ASSERT_EQUAL(check(secrets[0]), 0);
	unlink(path);
	text[MF_SECRET_BYTES_MAX] = 'x';
	text[MF_SECRET_BYTES_MAX + 1] = '\0';
	make_file(text, 0600);
	CU_ASSERT_EQUAL(check(secrets[0]), METAFORA_ECONFIG);
	CU_ASSERT_STRING_EQUAL(
		reports, "2:zookeeper.auth_file: the secret is too long\n");
	unlink(path);
	CU_ASSERT_EQUAL(check("zookeeper { servers = a auth_file = '/tmp' }"),
			METAFORA_ECONFIG);
	CU_ASSERT_STRING_EQUAL(
		reports,
		"1:zookeeper.auth_file: must be a regular file\n");
}

static void what_lacks_is_told(void)
{
	CU_ASSERT_EQUAL(check("zookeeper { auth_env = CONFIG_UNSET }"),
			METAFORA_ECONFIG);
	CU_ASSERT_STRING_EQUAL(
		reports, "1:zookeeper.auth_env: must name an environment "
			 "variable that is set\n"
			 "0:zookeeper.servers: must be given: "
			 "host:port,host:port,...\n");
	CU_ASSERT_EQUAL(check("zookeeper { servers = a\nnamespace = b }"),
			METAFORA_ECONFIG);
	CU_ASSERT_STRING_EQUAL(
		reports, "2:zookeeper.namespace: must be an absolute path of "
			 "printable characters, not below /zookeeper\n");
}

static void every_kind_can_be_made_with_all_its_options(void)
{
	CU_ASSERT_EQUAL(check("embedded { session_timeout_ms = 100 }\n"
			      "balancer { kind = fair unclaimed_grace_ms = 10 "
			      "claim_delay_ms = 1 waiter_timeout_ms = 100 "
			      "max_moves_per_second = 1000000 "
			      "max_moving_percent = 1 cool_down_ms = 5 }"),
			0);
	CU_ASSERT_EQUAL(check("embedded { }\nbalancer { kind = dumb }"), 0);
	CU_ASSERT_EQUAL(check("embedded { }\nbalancer { kind = sleep "
			      "delay_ms = 1 longest_ms = 3600000 }"),
			0);
	CU_ASSERT_EQUAL(check("embedded { }\nbalancer { kind = resource "
			      "claim_limit = 0.1 release_limit = 0.125 "
			      "settle_ms = 10 max_claims = 1000000 }"),
			0);
	CU_ASSERT_EQUAL(check("zookeeper { servers = 'a:1,b:2' namespace = /a "
			      "create = no session_timeout_ms = 400 "
			      "buckets = 1024 takeover_delay_ms = 1 "
			      "auth_scheme = digest auth_env = CONFIG_SECRET "
			      "acl_mode = list acl = { 'auth::cdrwa', "
			      "'world:anyone:r' } }"),
			0);
	CU_ASSERT_EQUAL(check("zookeeper { servers = a acl_mode = world }"), 0);
	CU_ASSERT_EQUAL(check("zookeeper { servers = a acl_mode = creator "
			      "auth_env = CONFIG_SECRET }"),
			0);
	CU_ASSERT_EQUAL(n_reports, 0);
}

/* --- several threads ------------------------------------------------------------------ */

static void *parse_often(void *arg)
{
	struct metafora_config *config;
	char text[100];
	char expected[20];
	const char *value;
	size_t n_wrong = 0;
	int i;

	for (i = 0; i < 200; i++) {
		snprintf(expected, sizeof(expected), "n%d-%d", *(int *)arg, i);
		snprintf(text, sizeof(text), "# c\nnode { name = \"%s\" }\n",
			 expected);
		if (metafora_config_parse(text, "", NULL, NULL, &config)) {
			n_wrong++;
			continue;
		}
		if (metafora_config_get(config, "node.name", 0, &value) ||
		    strcmp(value, expected) != 0)
			n_wrong++;
		metafora_config_free(config);
	}
	return n_wrong ? arg : NULL;
}

static void threads_parse_side_by_side(void)
{
	pthread_t threads[4];
	int numbers[4];
	void *result;
	int i;

	for (i = 0; i < 4; i++) {
		numbers[i] = i;
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL,
						     parse_often, &numbers[i]),
				      0);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		CU_ASSERT_PTR_NULL(result);
	}
}

static const struct tap_case cases[] = {
	{"a key takes what is in its range and no more",
	 a_key_takes_what_is_in_its_range_and_no_more},
	{"a list ends at sixteen entries", a_list_ends_at_sixteen_entries},
	{"a value may be written in many ways",
	 a_value_may_be_written_in_many_ways},
	{"every mistake is told with its line",
	 every_mistake_is_told_with_its_line},
	{"not more than a hundred problems are told",
	 not_more_than_a_hundred_problems_are_told},
	{"variables cannot blow a file up", variables_cannot_blow_a_file_up},
	{"a secret that others can read is refused",
	 a_secret_that_others_can_read_is_refused},
	{"a secret is the first line of its file",
	 a_secret_is_the_first_line_of_its_file},
	{"what lacks is told", what_lacks_is_told},
	{"every kind can be made with all its options",
	 every_kind_can_be_made_with_all_its_options},
	{"threads parse side by side", threads_parse_side_by_side},
};

TAP_MAIN(cases, setup, NULL)
