/* SPDX-License-Identifier: Apache-2.0 */
/* A text that grows. */
#include "text.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

void mf_text_put_bytes(struct mf_text *text, const char *bytes, size_t n)
{
	if (text->failed)
		return;
	/* One more for the NUL at the end. */
	if (n >= text->room - text->n) {
		size_t room = 2 * text->room + n + 1024;
		char *grown = realloc(text->bytes, room);

		if (!grown) {
			text->failed = true;
			return;
		}
		text->bytes = grown;
		text->room = room;
	}
	memcpy(text->bytes + text->n, bytes, n);
	text->n += n;
}

void mf_text_put(struct mf_text *text, const char *string)
{
	mf_text_put_bytes(text, string, strlen(string));
}

void mf_text_format(struct mf_text *text, const char *format, ...)
{
	char piece[256];
	va_list args;

	va_start(args, format);
	vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	mf_text_put(text, piece);
}

static int put_piece(const char *bytes, size_t n, void *text)
{
	mf_text_put_bytes(text, bytes, n);
	return 0;
}

void mf_text_put_json(struct mf_text *text, const char *string)
{
	json_t *value = json_string(string);

	if (!value || json_dump_callback(value, put_piece, text,
					 JSON_ENCODE_ANY))
		text->failed = true;
	json_decref(value);
}

int mf_text_finish(struct mf_text *text, char **out)
{
	int error = 0;

	mf_text_put_bytes(text, "", 1);
	if (text->failed) {
		free(text->bytes);
		error = METAFORA_ENOMEM;
	} else {
		*out = text->bytes;
	}
	*text = (struct mf_text){0};
	return error;
}
