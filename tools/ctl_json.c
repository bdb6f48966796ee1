/* SPDX-License-Identifier: Apache-2.0 */
/* Writes JSON to standard output as it comes. */
#include <inttypes.h>
#include <string.h>

#include "ctl_output.h"

static void new_line(const struct ctl_json *json)
{
	if (!json->lines)
		printf("\n%*s", (int)(2 * json->depth), "");
}

static void put_string(const unsigned char *bytes, size_t n);

/* What comes before a value. */
static void begin(struct ctl_json *json, const char *key)
{
	if (json->begun)
		fputs(json->lines && json->depth ? ", " : ",", stdout);
	if (json->depth)
		new_line(json);
	if (key) {
		put_string((const unsigned char *)key, strlen(key));
		fputs(": ", stdout);
	}
	json->begun = true;
}

void ctl_json_open(struct ctl_json *json, const char *key, char bracket)
{
	begin(json, key);
	putchar(bracket);
	json->depth++;
	json->begun = false;
}

void ctl_json_close(struct ctl_json *json, char bracket)
{
	json->depth--;
	if (json->begun)
		new_line(json);
	putchar(bracket);
	/* The end of a document; in a stream another one may follow. */
	if (json->depth == 0)
		putchar('\n');
	json->begun = json->depth > 0;
}

/* --- strings ------------------------------------------------------------------------ */

/* Bytes of the UTF-8 character at the beginning; 0: it is none. */
static size_t utf8_length(const unsigned char *at, size_t n)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = {
		{0x80, 0x00, 0},
		{0xe0, 0xc0, 0x80},
		{0xf0, 0xe0, 0x800},
		{0xf8, 0xf0, 0x10000},
	};
	uint32_t code;
	size_t i, k;

	for (i = 0; i < 4; i++)
		if ((at[0] & forms[i].mask) == forms[i].lead)
			break;
	if (i == 4 || n <= i)
		return 0;
	code = at[0] & (unsigned char)~forms[i].mask;
	for (k = 1; k <= i; k++) {
		if ((at[k] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[k] & 0x3f);
	}
	if (code < forms[i].least || code > 0x10ffff ||
	    (code >= 0xd800 && code < 0xe000))
		return 0;
	return i + 1;
}

static bool is_utf8(const unsigned char *bytes, size_t n)
{
	size_t length;

	for (; n > 0; bytes += length, n -= length) {
		length = utf8_length(bytes, n);
		if (!length)
			return false;
	}
	return true;
}

static void put_string(const unsigned char *bytes, size_t n)
{
	size_t length;

	putchar('"');
	for (; n > 0; bytes += length, n -= length) {
		length = utf8_length(bytes, n);
		if (!length) {
			fputs("\\ufffd", stdout);
			length = 1;
		} else if (*bytes == '"' || *bytes == '\\') {
			printf("\\%c", *bytes);
		} else if (*bytes == '\n') {
			fputs("\\n", stdout);
		} else if (*bytes < ' ' || *bytes == 0x7f) {
			printf("\\u%04x", *bytes);
		} else {
			fwrite(bytes, 1, length, stdout);
		}
	}
	putchar('"');
}

static void put_base64(const unsigned char *bytes, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits;
	size_t i;

	putchar('"');
	for (i = 0; i < n; i += 3) {
		bits = (uint32_t)bytes[i] << 16;
		if (i + 1 < n)
			bits |= (uint32_t)bytes[i + 1] << 8;
		if (i + 2 < n)
			bits |= bytes[i + 2];
		putchar(digits[bits >> 18]);
		putchar(digits[bits >> 12 & 63]);
		putchar(i + 1 < n ? digits[bits >> 6 & 63] : '=');
		putchar(i + 2 < n ? digits[bits & 63] : '=');
	}
	putchar('"');
}

void ctl_json_bytes(struct ctl_json *json, const char *key, const void *bytes,
		    size_t n)
{
	char base64_key[64];

	begin(json, key);
	put_string(bytes, n);
	if (!key || is_utf8(bytes, n))
		return;
	snprintf(base64_key, sizeof(base64_key), "%s_base64", key);
	begin(json, base64_key);
	put_base64(bytes, n);
}

void ctl_json_string(struct ctl_json *json, const char *key, const char *text)
{
	if (text)
		ctl_json_bytes(json, key, text, strlen(text));
	else
		ctl_json_null(json, key);
}

/* --- the others ----------------------------------------------------------------------- */

void ctl_json_number(struct ctl_json *json, const char *key, int64_t number)
{
	begin(json, key);
	printf("%" PRId64, number);
}

void ctl_json_real(struct ctl_json *json, const char *key, double number)
{
	begin(json, key);
	printf("%.9g", number);
}

void ctl_json_bool(struct ctl_json *json, const char *key, bool value)
{
	begin(json, key);
	fputs(value ? "true" : "false", stdout);
}

void ctl_json_null(struct ctl_json *json, const char *key)
{
	begin(json, key);
	fputs("null", stdout);
}

void ctl_json_token(struct ctl_json *json, const char *key, uint64_t token)
{
	begin(json, key);
	printf("\"%" PRIu64 "\"", token);
}
