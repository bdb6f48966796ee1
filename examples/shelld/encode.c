/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoding of IDs, for names of files and fields of journals. */
#include "encode.h"

#include <stdbool.h>
#include <stddef.h>

/* Not isalnum(): it depends on the locale. */
static bool is_plain(unsigned char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       (c == '.' && !first);
}

void percent_encode(const char *name, char out[ENCODED_BYTES])
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0;
	size_t i;

	for (i = 0; name[i] && i < METAFORA_TASK_ID_MAX; i++) {
		unsigned char c = (unsigned char)name[i];

		if (is_plain(c, i == 0)) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '%';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	out[n] = '\0';
}
