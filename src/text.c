/* SPDX-License-Identifier: Apache-2.0 */
/* A text that grows. */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#include "json.h"

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

void mf_text_put_json(struct mf_text *text, const char *string)
{
	const char *plain = string;

	mf_text_put(text, "\"");
	for (; *string; string++) {
		unsigned char byte = (unsigned char)*string;

		if (byte >= 0x20 && byte != '"' && byte != '\\')
			continue;
		mf_text_put_bytes(text, plain, (size_t)(string - plain));
		mf_text_format(text, byte < 0x20 ? "\\u%04x" : "\\%c", byte);
		plain = string + 1;
	}
	mf_text_put(text, plain);
	mf_text_put(text, "\"");
}

bool mf_text_is_utf8(const char *string)
{
	while (*string) {
		size_t n = mf_utf8_length(string);

		if (!n)
			return false;
		string += n;
	}
	return true;
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
