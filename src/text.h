/* SPDX-License-Identifier: Apache-2.0 */
/* A text that grows: written piece by piece, failing at its end only. */
#ifndef MF_TEXT_H
#define MF_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <metafora/version.h>

struct mf_text {
	char *bytes;
	size_t n;
	size_t room;
	bool failed; /* memory was short: what is put is dropped */
};

/* One that holds nothing is {0}. */
void mf_text_put(struct mf_text *text, const char *string);
void mf_text_put_bytes(struct mf_text *text, const char *bytes, size_t n);
/* Up to 255 bytes of output. */
void mf_text_format(struct mf_text *text, const char *format, ...)
	METAFORA_PRINTF(2, 3);
/* A string of JSON with its quotes; one that is not UTF-8 fails the text. */
void mf_text_put_json(struct mf_text *text, const char *string);
/*
 * The text is complete: *out is the caller's, to be freed.  Returns 0 or
 * METAFORA_ENOMEM.  The text holds nothing afterwards.
 */
int mf_text_finish(struct mf_text *text, char **out);

#endif
