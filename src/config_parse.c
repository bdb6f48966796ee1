/* SPDX-License-Identifier: Apache-2.0 */
/* Has libconfuse parse a text, and takes the values that it finds. */
#include "config_values.h"

#include <confuse.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#define NAME_BYTES 64

struct parse {
	struct metafora_config *config;
	struct mf_problems *problems;
	int error;
	bool is_told; /* what stops the parser */
};

/* libconfuse's scanner is global, and its callbacks have no argument. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct parse *current; /* guarded by lock */

/* A value is kept here, so libconfuse need not know types or ranges. */
static int take(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	char name[NAME_BYTES];
	size_t key;
	int error;

	snprintf(name, sizeof(name), "%s.%s", cfg->name, opt->name);
	key = mf_config_find(name);
	*(const char **)result = value;
	if (key == MF_CONFIG_N_KEYS)
		return 0;
	error = mf_config_take(current->config, key, value, cfg->line,
			       current->problems);
	if (error != METAFORA_ENOMEM)
		return 0;
	current->error = error;
	return -1;
}

static int close_section(cfg_t *cfg, cfg_opt_t *opt)
{
	size_t section = mf_config_find_section(opt->name);

	current->config->section_lines[section] = cfg->line;
	return 0;
}

static void tell(cfg_t *cfg, const char *format, va_list args)
	METAFORA_PRINTF(2, 0);

static void tell(cfg_t *cfg, const char *format, va_list args)
{
	char text[MF_PROBLEM_TEXT_BYTES];

	vsnprintf(text, sizeof(text), format, args);
	mf_problem_add(current->problems, cfg->line, NULL, "%s", text);
	current->is_told = true;
}

static cfg_opt_t key_option(const struct mf_key *key)
{
	const char *name = strchr(key->name, '.') + 1;
	cfg_opt_t one = CFG_STR_CB(name, NULL, CFGF_NODEFAULT, take);
	cfg_opt_t list = CFG_STR_LIST_CB(name, NULL, CFGF_NODEFAULT, take);

	return key->type == MF_KEY_ACL ? list : one;
}

/* libconfuse copies what it is given. */
static cfg_t *make_parser(void)
{
	cfg_opt_t keys[MF_CONFIG_N_SECTIONS][MF_CONFIG_N_KEYS + 1];
	cfg_opt_t sections[MF_CONFIG_N_SECTIONS + 1];
	size_t n_keys[MF_CONFIG_N_SECTIONS] = { 0 };
	cfg_opt_t end = CFG_END();
	char name[NAME_BYTES];
	size_t section;
	size_t i;

	for (i = 0; i < MF_CONFIG_N_KEYS; i++) {
		snprintf(name, sizeof(name), "%.*s",
			 (int)strcspn(mf_config_keys[i].name, "."),
			 mf_config_keys[i].name);
		section = mf_config_find_section(name);
		keys[section][n_keys[section]++] =
			key_option(&mf_config_keys[i]);
	}
	for (i = 0; i < MF_CONFIG_N_SECTIONS; i++) {
		cfg_opt_t option =
			CFG_SEC(mf_config_sections[i], keys[i], CFGF_NONE);

		keys[i][n_keys[i]] = end;
		option.validcb = close_section;
		sections[i] = option;
	}
	sections[i] = end;
	return cfg_init(sections, CFGF_NONE);
}

static void parse(struct parse *state, const char *text)
{
	cfg_t *cfg = make_parser();

	if (!cfg) {
		state->error = METAFORA_ENOMEM;
		return;
	}
	cfg_set_error_function(cfg, tell);
	if (cfg_parse_buf(cfg, text) != CFG_SUCCESS && !state->is_told)
		state->error = METAFORA_ENOMEM;
	cfg_free(cfg); /* and forgets the scanner's state */
}

static bool is_known(const char *section, const char *key)
{
	char name[3 * NAME_BYTES];

	if (!key)
		return mf_config_find_section(section) < MF_CONFIG_N_SECTIONS;
	if (!section)
		return false;
	snprintf(name, sizeof(name), "%s.%s", section, key);
	return mf_config_find(name) < MF_CONFIG_N_KEYS;
}

int mf_config_parse(struct metafora_config *config, const char *text,
		    struct mf_problems *problems)
{
	struct parse state = {.config = config, .problems = problems};
	char *ready;
	int error = mf_config_text(text, problems, &ready);

	if (error || !ready)
		return error;
	mf_config_text_sift(ready, problems, is_known);
	pthread_mutex_lock(&lock);
	current = &state;
	parse(&state, ready);
	current = NULL;
	pthread_mutex_unlock(&lock);
	free(ready);
	return state.error;
}
