/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a configuration: its keys, and the values they were given. */
#ifndef MF_CONFIG_VALUES_H
#define MF_CONFIG_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <metafora/config.h>

#include "config_text.h"

enum mf_key_type {
	MF_KEY_WHOLE,  /* a whole number */
	MF_KEY_NUMBER, /* a number */
	MF_KEY_TEXT,   /* some bytes */
	MF_KEY_WORD,   /* one of some words */
	MF_KEY_ACL,    /* a list of ACL entries */
};

/* A value has so many bytes at most, a list so many entries. */
#define MF_VALUE_BYTES_MAX 1024
#define MF_ACL_MAX 16

struct mf_key {
	const char *name; /* "section.key" */
	enum mf_key_type type;
	double min; /* of a number; above it if is_above */
	double max; /* of a number, or bytes of a text */
	const char *initial; /* NULL: none */
	const char *words;   /* "one two three" */
	const char *of;      /* the kind of balancer that it belongs to */
	bool is_above;
};

enum {
	MF_CONFIG_N_KEYS = 48,
	MF_CONFIG_N_SECTIONS = 5,
};
extern const struct mf_key mf_config_keys[MF_CONFIG_N_KEYS];
extern const char *const mf_config_sections[MF_CONFIG_N_SECTIONS];

struct mf_value {
	char *text; /* NULL: not given */
	char **list;
	size_t n_list;
	int line; /* 0: by metafora_config_set() */
	bool is_spoilt; /* it was given, but is of no use */
};

struct metafora_config {
	char *file;
	metafora_config_report_fn report;
	void *report_arg;
	struct mf_value values[MF_CONFIG_N_KEYS];
	int section_lines[MF_CONFIG_N_SECTIONS]; /* 0: not in the file */
	void *broker; /* the registry's, for the embedded coordinator */
};

/* --- config_keys.c: what may be given ------------------------------------------ */

/* MF_CONFIG_N_KEYS, MF_CONFIG_N_SECTIONS: there is none. */
size_t mf_config_find(const char *name);
size_t mf_config_find_section(const char *name);

/*
 * Check a value, and keep it.  What is wrong is added to the problems.
 * Returns 0, METAFORA_ECONFIG, METAFORA_EFULL, METAFORA_ENOMEM.
 */
int mf_config_take(struct metafora_config *config, size_t key,
		   const char *text, int line, struct mf_problems *problems);
void mf_value_free(struct mf_value *value);

/* Values by name of the key, which must exist; given or initial. */
int64_t mf_config_whole(const struct metafora_config *config, const char *name);
double mf_config_number(const struct metafora_config *config, const char *name);
const char *mf_config_text_of(const struct metafora_config *config,
			      const char *name);
const struct mf_value *mf_config_value(const struct metafora_config *config,
				       const char *name);
bool mf_config_is(const struct metafora_config *config, const char *name,
		  const char *word);
/* Whether it was given, by file or by call, even if it is of no use. */
bool mf_config_is_given(const struct metafora_config *config, const char *name);
/* Whether it was given, and is of no use: nothing follows from it. */
bool mf_config_is_spoilt(const struct metafora_config *config,
			 const char *name);
/* Whether the section was, or any key of it. */
bool mf_config_has(const struct metafora_config *config, const char *section);
/* A problem of a key, with its line. */
void mf_config_blame(const struct metafora_config *config,
		     struct mf_problems *problems, const char *name,
		     const char *format, ...) METAFORA_PRINTF(4, 5);

/* "scheme:id:perms" in three; entry is changed. */
bool mf_config_split_acl(char *entry, const char **scheme, const char **id,
			 const char **perms);

/* --- config_parse.c: what libconfuse does ---------------------------------------- */

/* Returns 0 (also if problems were added) or METAFORA_ENOMEM. */
int mf_config_parse(struct metafora_config *config, const char *text,
		    struct mf_problems *problems);

/* --- config_rules.c: what fits together ------------------------------------------- */

/* Problems between the keys that were given. */
void mf_config_contradictions(const struct metafora_config *config,
			      struct mf_problems *problems);
/* What was not given, and has to be; files of secrets. */
void mf_config_lacks(const struct metafora_config *config,
		     struct mf_problems *problems);

#endif
