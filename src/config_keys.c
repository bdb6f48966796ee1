/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a configuration: their types, ranges, defaults and values. */
#include "config_values.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <metafora/coordinator.h>
#include <metafora/error.h>

#define DAY_MS 86400000
#define HOUR_MS 3600000
#define PATH_BYTES MF_VALUE_BYTES_MAX

const char *const mf_config_sections[MF_CONFIG_N_SECTIONS] = {
	"node", "embedded", "zookeeper", "balancer", "log",
};

#define WHOLE(name_, min_, max_, initial_)                                    \
	{.name = name_, .type = MF_KEY_WHOLE, .min = min_, .max = max_,       \
	 .initial = initial_}
#define BALANCER(kind_, name_, min_, max_, initial_)                          \
	{.name = "balancer." name_, .type = MF_KEY_WHOLE, .min = min_,        \
	 .max = max_, .initial = initial_, .of = kind_}
#define TEXT(name_, max_, initial_)                                           \
	{.name = name_, .type = MF_KEY_TEXT, .max = max_, .initial = initial_}
#define WORD(name_, words_, initial_)                                         \
	{.name = name_, .type = MF_KEY_WORD, .words = words_,                 \
	 .initial = initial_}

const struct mf_key mf_config_keys[MF_CONFIG_N_KEYS] = {
	TEXT("node.name", METAFORA_NODE_NAME_MAX, NULL),
	{.name = "node.weight", .type = MF_KEY_NUMBER, .min = 0,
	 .is_above = true, .max = 1000, .initial = "1"},
	WHOLE("node.max_tasks", 0, 1000000000, "0"),
	WHOLE("node.stack_bytes", 16384, 1073741824, "262144"),
	WHOLE("node.lease_grace_ms", 0, DAY_MS, "0"),
	WHOLE("node.shutdown_grace_ms", 0, DAY_MS, "30000"),
	WORD("node.lost_policy", "wait abort", "wait"),
	WHOLE("node.balance_interval_ms", 10, DAY_MS, "60000"),
	WHOLE("node.balance_debounce_ms", 0, 60000, "20"),
	WHOLE("node.release_backoff_min_ms", 1, DAY_MS, "1000"),
	WHOLE("node.release_backoff_max_ms", 1, DAY_MS, "300000"),

	WHOLE("embedded.session_timeout_ms", 100, HOUR_MS, "10000"),

	TEXT("zookeeper.servers", MF_VALUE_BYTES_MAX, NULL),
	TEXT("zookeeper.namespace", 200, "/metafora"),
	WHOLE("zookeeper.session_timeout_ms", 400, HOUR_MS, "10000"),
	WORD("zookeeper.create", "yes no", "yes"),
	WHOLE("zookeeper.buckets", 1, 1024, NULL),
	WHOLE("zookeeper.takeover_delay_ms", 0, HOUR_MS, "0"),
	TEXT("zookeeper.auth_scheme", 100, "digest"),
	TEXT("zookeeper.auth_file", PATH_BYTES, NULL),
	TEXT("zookeeper.auth_env", 255, NULL),
	WORD("zookeeper.acl_mode", "default world creator list", "default"),
	{.name = "zookeeper.acl", .type = MF_KEY_ACL,
	 .max = MF_VALUE_BYTES_MAX},
	TEXT("zookeeper.tls_ca_file", PATH_BYTES, NULL),
	TEXT("zookeeper.tls_certificate_file", PATH_BYTES, NULL),
	TEXT("zookeeper.tls_key_file", PATH_BYTES, NULL),
	TEXT("zookeeper.tls_password_file", PATH_BYTES, NULL),
	TEXT("zookeeper.sasl_service", 255, NULL),
	TEXT("zookeeper.sasl_host", 255, NULL),
	TEXT("zookeeper.sasl_mechanisms", 255, NULL),
	TEXT("zookeeper.sasl_user", 255, NULL),
	TEXT("zookeeper.sasl_realm", 255, NULL),
	TEXT("zookeeper.sasl_password_file", PATH_BYTES, NULL),

	WORD("balancer.kind", "fair dumb sleep resource", "fair"),
	BALANCER("fair", "unclaimed_grace_ms", 10, HOUR_MS, "2000"),
	BALANCER("fair", "claim_delay_ms", 1, 60000, "200"),
	BALANCER("fair", "waiter_timeout_ms", 100, HOUR_MS, "10000"),
	BALANCER("fair", "max_moves_per_second", 0, 1000000, "0"),
	BALANCER("fair", "max_moving_percent", 1, 100, "100"),
	BALANCER("fair", "cool_down_ms", 0, HOUR_MS, "0"),
	BALANCER("sleep", "delay_ms", 1, 60000, "100"),
	BALANCER("sleep", "longest_ms", 1, HOUR_MS, "10000"),
	{.name = "balancer.claim_limit", .type = MF_KEY_NUMBER, .min = 0,
	 .is_above = true, .max = 1, .initial = "0.75", .of = "resource"},
	{.name = "balancer.release_limit", .type = MF_KEY_NUMBER, .min = 0,
	 .is_above = true, .max = 1, .initial = "0.9", .of = "resource"},
	BALANCER("resource", "settle_ms", 10, HOUR_MS, "1000"),
	BALANCER("resource", "max_claims", 1, 1000000, "10"),

	WORD("log.sink", "none stderr syslog json", "none"),
	WORD("log.level", "error warn info debug", "info"),
};

size_t mf_config_find(const char *name)
{
	size_t i;

	for (i = 0; i < MF_CONFIG_N_KEYS; i++)
		if (strcmp(mf_config_keys[i].name, name) == 0)
			break;
	return i;
}

size_t mf_config_find_section(const char *name)
{
	size_t i;

	for (i = 0; i < MF_CONFIG_N_SECTIONS; i++)
		if (strcmp(mf_config_sections[i], name) == 0)
			break;
	return i;
}

/*
 * A decimal number, whatever the locale's point.  Up to 15 digits, which a
 * double holds as they are.
 */
static bool parse_number(const char *text, bool whole, double *out)
{
	bool is_negative = *text == '-';
	double value = 0;
	double scale = 1;
	int n_digits = 0;
	bool in_fraction = false;

	for (text += is_negative; *text; text++) {
		if (*text == '.' && !whole && !in_fraction && n_digits > 0) {
			in_fraction = true;
			continue;
		}
		if (*text < '0' || *text > '9' || ++n_digits > 15)
			return false;
		value = 10 * value + (*text - '0');
		scale *= in_fraction ? 10 : 1;
	}
	if (n_digits == 0 || text[-1] == '.')
		return false;
	*out = (is_negative ? -value : value) / scale;
	return true;
}

static bool is_one_of(const char *words, const char *word)
{
	size_t n = strlen(word);
	const char *at;

	for (at = words; *at; at += strcspn(at, " "), at += *at == ' ')
		if (n > 0 && strcspn(at, " ") == n && memcmp(at, word, n) == 0)
			return true;
	return false;
}

bool mf_config_split_acl(char *entry, const char **scheme, const char **id,
			 const char **perms)
{
	char *first = strchr(entry, ':');
	char *last = strrchr(entry, ':');

	if (!first || first == last || first == entry || !last[1] ||
	    last[1 + strspn(last + 1, "cdrwa")])
		return false;
	*first = *last = '\0';
	*scheme = entry;
	*id = first + 1;
	*perms = last + 1;
	return true;
}

static bool is_acl(const char *text)
{
	char entry[MF_VALUE_BYTES_MAX + 1];
	const char *part;

	if (strlen(text) >= sizeof(entry))
		return false;
	strcpy(entry, text);
	return mf_config_split_acl(entry, &part, &part, &part);
}

static bool is_allowed(const struct mf_key *key, const char *text)
{
	double value;

	switch (key->type) {
	case MF_KEY_WHOLE:
	case MF_KEY_NUMBER:
		return parse_number(text, key->type == MF_KEY_WHOLE, &value) &&
		       value <= key->max &&
		       (key->is_above ? value > key->min : value >= key->min);
	case MF_KEY_TEXT:
		return text[0] && strlen(text) <= (size_t)key->max;
	case MF_KEY_WORD:
		return is_one_of(key->words, text);
	case MF_KEY_ACL:
		return is_acl(text);
	}
	return false;
}

/* Says what is allowed, never what was given: that may be a secret. */
static void refuse(const struct mf_key *key, int line,
		   struct mf_problems *problems)
{
	switch (key->type) {
	case MF_KEY_WHOLE:
		mf_problem_add(problems, line, key->name,
			       "must be a whole number from %.0f to %.0f",
			       key->min, key->max);
		break;
	case MF_KEY_NUMBER:
		mf_problem_add(problems, line, key->name,
			       "must be a number above %.0f, at most %.0f",
			       key->min, key->max);
		break;
	case MF_KEY_TEXT:
		mf_problem_add(problems, line, key->name,
			       "must be a text of 1 to %.0f bytes", key->max);
		break;
	case MF_KEY_WORD:
		mf_problem_add(problems, line, key->name,
			       "must be one of: %s", key->words);
		break;
	case MF_KEY_ACL:
		mf_problem_add(problems, line, key->name,
			       "must be a list of \"scheme:id:permissions\", "
			       "the last of the letters c d r w a");
		break;
	}
}

static int append(struct mf_value *value, const char *text, int line)
{
	char **list = realloc(value->list,
			      (value->n_list + 1) * sizeof(*list));

	if (!list)
		return METAFORA_ENOMEM;
	value->list = list;
	list[value->n_list] = strdup(text);
	if (!list[value->n_list])
		return METAFORA_ENOMEM;
	value->n_list++;
	value->line = line;
	return 0;
}

static int keep(struct mf_value *value, const char *text, int line)
{
	char *copy = strdup(text);

	if (!copy)
		return METAFORA_ENOMEM;
	free(value->text);
	value->text = copy;
	value->line = line;
	value->is_spoilt = false;
	return 0;
}

int mf_config_take(struct metafora_config *config, size_t i, const char *text,
		   int line, struct mf_problems *problems)
{
	const struct mf_key *key = &mf_config_keys[i];
	struct mf_value *value = &config->values[i];
	bool is_spoilt = strchr(text, MF_CONFIG_SPOILT);

	if (line && value->text) {
		mf_problem_add(problems, line, key->name,
			       "must be given once; it is on line %d already",
			       value->line);
		return METAFORA_ECONFIG;
	}
	if (is_spoilt || !is_allowed(key, text)) {
		if (!is_spoilt)
			refuse(key, line, problems);
		if (line) {
			value->is_spoilt = true;
			value->line = line;
		}
		return METAFORA_ECONFIG;
	}
	if (key->type != MF_KEY_ACL)
		return keep(value, text, line);
	if (value->n_list == MF_ACL_MAX) {
		mf_problem_add(problems, line, key->name,
			       "must have at most %d entries", MF_ACL_MAX);
		return METAFORA_EFULL;
	}
	return append(value, text, line);
}

void mf_value_free(struct mf_value *value)
{
	size_t i;

	for (i = 0; i < value->n_list; i++)
		free(value->list[i]);
	free(value->list);
	free(value->text);
	*value = (struct mf_value){ 0 };
}

const struct mf_value *mf_config_value(const struct metafora_config *config,
				       const char *name)
{
	return &config->values[mf_config_find(name)];
}

const char *mf_config_text_of(const struct metafora_config *config,
			      const char *name)
{
	size_t i = mf_config_find(name);

	return config->values[i].text ? config->values[i].text
				      : mf_config_keys[i].initial;
}

double mf_config_number(const struct metafora_config *config, const char *name)
{
	double value = 0;

	parse_number(mf_config_text_of(config, name), false, &value);
	return value;
}

int64_t mf_config_whole(const struct metafora_config *config, const char *name)
{
	return (int64_t)mf_config_number(config, name);
}

bool mf_config_is(const struct metafora_config *config, const char *name,
		  const char *word)
{
	return strcmp(mf_config_text_of(config, name), word) == 0;
}

static bool is_given(const struct mf_value *value)
{
	return value->text || value->n_list > 0 || value->is_spoilt;
}

bool mf_config_is_given(const struct metafora_config *config, const char *name)
{
	return is_given(mf_config_value(config, name));
}

bool mf_config_is_spoilt(const struct metafora_config *config, const char *name)
{
	return mf_config_value(config, name)->is_spoilt;
}

bool mf_config_has(const struct metafora_config *config, const char *section)
{
	size_t n = strlen(section);
	size_t i;

	if (config->section_lines[mf_config_find_section(section)])
		return true;
	for (i = 0; i < MF_CONFIG_N_KEYS; i++)
		if (is_given(&config->values[i]) &&
		    strncmp(mf_config_keys[i].name, section, n) == 0 &&
		    mf_config_keys[i].name[n] == '.')
			return true;
	return false;
}

void mf_config_blame(const struct metafora_config *config,
		     struct mf_problems *problems, const char *name,
		     const char *format, ...)
{
	char text[MF_PROBLEM_TEXT_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	mf_problem_add(problems, mf_config_value(config, name)->line, name,
		       "%s", text);
}
