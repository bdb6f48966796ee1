/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a configuration file before libconfuse sees it; its problems. */
#ifndef MF_CONFIG_TEXT_H
#define MF_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <metafora/config.h>

/* More are not told: whoever reads a hundred has understood. */
#define MF_PROBLEMS_MAX 100
#define MF_PROBLEM_KEY_BYTES 64
#define MF_PROBLEM_TEXT_BYTES 256

struct mf_problem {
	int line;
	char key[MF_PROBLEM_KEY_BYTES]; /* empty: of none */
	char text[MF_PROBLEM_TEXT_BYTES];
};

struct mf_problems {
	struct mf_problem *list;
	size_t n;
	size_t n_room;
	bool out_of_memory; /* the list is not whole */
};

/*
 * Add a problem; key may be NULL, and is made printable.  The text must not
 * hold a value, which may be a secret.
 */
void mf_problem_add(struct mf_problems *problems, int line, const char *key,
		    const char *format, ...) METAFORA_PRINTF(4, 5);
/* Tell all by line, and forget them.  Returns how many there were. */
size_t mf_problems_report(struct mf_problems *problems, const char *file,
			  metafora_config_report_fn report, void *arg);
void mf_problems_free(struct mf_problems *problems);

/*
 * A value that holds this byte has been reported already: a variable in it is
 * not set, for example.  No other value holds it.
 */
#define MF_CONFIG_SPOILT '\001'

/* What ends a word for libconfuse's scanner, and "*", which it skips. */
#define MF_CONFIG_WORD_ENDS " #\"'\t\n\r={}()+,*"

/*
 * Ready a text for libconfuse: comments become nothing (its own way with them
 * loses count of the lines), variables their values.  What is left is what
 * its scanner reads in one way only.  *out is the caller's.
 * Returns 0 (also if problems were added; then *out may be NULL: nothing can
 * be made of it) or METAFORA_ENOMEM.
 */
int mf_config_text(const char *text, struct mf_problems *problems, char **out);

/*
 * Go through the statements of a text that was made ready, and blank out those
 * whose key or section is not known, so that libconfuse, which would stop at
 * the first, does not see them.  is_known is asked for sections (key NULL) and
 * for keys (section NULL: outside of all sections).
 */
void mf_config_text_sift(char *text, struct mf_problems *problems,
			 bool (*is_known)(const char *section,
					  const char *key));

#endif
