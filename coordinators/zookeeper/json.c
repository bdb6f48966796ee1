/* SPDX-License-Identifier: Apache-2.0 */
/* Reads JSON objects in place. */
#include "json.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES_MAX 64

static void skip_blanks(struct zk_json *json)
{
	json->at += strspn(json->at, " \t\r\n");
}

static bool take(struct zk_json *json, char c)
{
	if (*json->at != c)
		return false;
	json->at++;
	return true;
}

/* --- strings -------------------------------------------------------------------- */

/* Four hexadecimal digits; -1: there are none. */
static int32_t hex4(const char *text)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	int32_t value = 0;
	int i;

	for (i = 0; i < 4; i++) {
		const char *at = text[i] ? strchr(digits, text[i]) : NULL;
		int32_t digit;

		if (!at)
			return -1;
		digit = (int32_t)(at - digits);
		value = value * 16 + (digit < 16 ? digit : digit - 6);
	}
	return value;
}

static char *put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	return to;
}

/* Behind "\u"; what is written is never longer than what was read. */
static bool unicode(struct zk_json *json, char **to)
{
	int32_t high = hex4(json->at);
	int32_t low;

	if (high <= 0)
		return false;
	json->at += 4;
	if (high >= 0xd800 && high < 0xe000) {
		if (high >= 0xdc00 || json->at[0] != '\\' ||
		    json->at[1] != 'u')
			return false;
		low = hex4(json->at + 2);
		if (low < 0xdc00 || low >= 0xe000)
			return false;
		json->at += 6;
		high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	}
	*to = put_utf8(*to, (uint32_t)high);
	return true;
}

/* Behind a backslash. */
static bool escape(struct zk_json *json, char **to)
{
	static const char names[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *at;
	char c = *json->at;

	if (c == '\0')
		return false;
	json->at++;
	if (c == 'u')
		return unicode(json, to);
	at = strchr(names, c);
	if (!at)
		return false;
	*(*to)++ = meanings[at - names];
	return true;
}

/* Bytes of the UTF-8 sequence at the text; 0: there is none that is valid. */
static size_t utf8_bytes(const unsigned char *text)
{
	size_t n = text[0] < 0x80 ? 1 : text[0] < 0xc2 ? 0 :
		   text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 :
		   text[0] < 0xf5 ? 4 : 0;
	size_t i;

	for (i = 1; i < n; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than needed, a surrogate, beyond Unicode. */
	if ((text[0] == 0xe0 && text[1] < 0xa0) ||
	    (text[0] == 0xed && text[1] >= 0xa0) ||
	    (text[0] == 0xf0 && text[1] < 0x90) ||
	    (text[0] == 0xf4 && text[1] >= 0x90))
		return 0;
	return n;
}

static char *read_string(struct zk_json *json)
{
	char *begin = json->at;
	char *to = begin;
	size_t n;

	if (!take(json, '"'))
		return NULL;
	while (*json->at != '"') {
		if ((unsigned char)*json->at < 0x20)
			return NULL;
		if (take(json, '\\')) {
			if (!escape(json, &to))
				return NULL;
			continue;
		}
		n = utf8_bytes((const unsigned char *)json->at);
		if (n == 0)
			return NULL;
		memmove(to, json->at, n);
		json->at += n;
		to += n;
	}
	json->at++;
	*to = '\0';
	return begin;
}

/* --- other values ----------------------------------------------------------------- */

static bool skip_digits(struct zk_json *json)
{
	size_t n = strspn(json->at, "0123456789");

	json->at += n;
	return n > 0;
}

static bool skip_number(struct zk_json *json)
{
	take(json, '-');
	if (!take(json, '0') && !skip_digits(json))
		return false;
	if (take(json, '.') && !skip_digits(json))
		return false;
	if (take(json, 'e') || take(json, 'E')) {
		if (!take(json, '+'))
			take(json, '-');
		return skip_digits(json);
	}
	return true;
}

static bool skip_word(struct zk_json *json)
{
	static const char *const words[] = {"true", "false", "null"};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i]);

		if (strncmp(json->at, words[i], n) == 0) {
			json->at += n;
			return true;
		}
	}
	return false;
}

/* An object or an array, to its end: brackets are counted, strings passed. */
static bool skip_nested(struct zk_json *json)
{
	size_t depth = 0;

	do {
		if (*json->at == '\0')
			return false;
		if (*json->at == '"') {
			if (!read_string(json))
				return false;
			continue;
		}
		if (*json->at == '{' || *json->at == '[')
			depth++;
		if (*json->at == '}' || *json->at == ']')
			depth--;
		json->at++;
	} while (depth > 0);
	return true;
}

static bool read_value(struct zk_json *json, struct zk_json_value *value)
{
	*value = (struct zk_json_value){ 0 };
	if (*json->at == '"') {
		value->string = read_string(json);
		return value->string != NULL;
	}
	if (*json->at == '{' || *json->at == '[')
		return skip_nested(json);
	if (*json->at != '-' && (*json->at < '0' || *json->at > '9'))
		return skip_word(json);
	value->number = json->at;
	return skip_number(json) && json->at - value->number < NUMBER_BYTES_MAX;
}

/* --- objects ------------------------------------------------------------------------ */

bool mf_zk_json_open(struct zk_json *json, char *text)
{
	*json = (struct zk_json){ .at = text };
	skip_blanks(json);
	return take(json, '{');
}

int mf_zk_json_next(struct zk_json *json, char **key,
		    struct zk_json_value *value)
{
	skip_blanks(json);
	if (take(json, '}')) {
		skip_blanks(json);
		return *json->at == '\0' ? 0 : -1;
	}
	if (json->begun && !take(json, ','))
		return -1;
	json->begun = true;
	skip_blanks(json);
	*key = read_string(json);
	if (!*key)
		return -1;
	skip_blanks(json);
	if (!take(json, ':'))
		return -1;
	skip_blanks(json);
	return read_value(json, value) ? 1 : -1;
}

bool mf_zk_json_integer(const struct zk_json_value *value, int64_t *out)
{
	char *end;

	if (!value->number)
		return false;
	errno = 0;
	*out = strtoll(value->number, &end, 10);
	return errno == 0 && *end != '.' && *end != 'e' && *end != 'E';
}

bool mf_zk_json_real(const struct zk_json_value *value, double *out)
{
	char copy[2 * NUMBER_BYTES_MAX];
	struct zk_json number;
	const char *point;
	size_t n;

	if (!value->number)
		return false;
	number.at = (char *)(uintptr_t)value->number;
	skip_number(&number);
	n = (size_t)(number.at - value->number);
	point = memchr(value->number, '.', n);
	/* strtod wants the locale's point. */
	if (point)
		snprintf(copy, sizeof(copy), "%.*s%.16s%.*s",
			 (int)(point - value->number), value->number,
			 localeconv()->decimal_point,
			 (int)(n - 1) - (int)(point - value->number),
			 point + 1);
	else
		snprintf(copy, sizeof(copy), "%.*s", (int)n, value->number);
	*out = strtod(copy, NULL);
	return isfinite(*out);
}
