/* SPDX-License-Identifier: Apache-2.0 */
/* A JSON reader that works in place and allocates nothing. */
#include "json.h"

#include <string.h>

size_t mf_utf8_length(const char *bytes)
{
	const unsigned char *text = (const unsigned char *)bytes;
	unsigned char low = 0x80, high = 0xbf; /* bounds of the second byte */
	size_t n, i;

	if (text[0] < 0x80)
		return 1;
	if (text[0] >= 0xc2 && text[0] <= 0xdf)
		n = 2;
	else if (text[0] >= 0xe0 && text[0] <= 0xef)
		n = 3;
	else if (text[0] >= 0xf0 && text[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (text[0] == 0xe0)
		low = 0xa0;
	else if (text[0] == 0xed)
		high = 0x9f;
	else if (text[0] == 0xf0)
		low = 0x90;
	else if (text[0] == 0xf4)
		high = 0x8f;
	if (text[1] < low || text[1] > high)
		return 0;
	for (i = 2; i < n; i++)
		if (text[i] < 0x80 || text[i] > 0xbf)
			return 0;
	return n;
}

bool mf_is_utf8(const char *text)
{
	size_t n = 1;

	for (; n && *text; text += n)
		n = mf_utf8_length(text);
	return n > 0;
}

/* --- tokens ----------------------------------------------------------------- */

static void skip_blanks(char **at)
{
	*at += strspn(*at, " \t\n\r");
}

/* Step over a character, if it comes next. */
static bool take(char **at, char c)
{
	if (**at != c)
		return false;
	++*at;
	return true;
}

/* Step over blanks, the character, and blanks. */
static bool take_between(char **at, char c)
{
	skip_blanks(at);
	if (!take(at, c))
		return false;
	skip_blanks(at);
	return true;
}

/* Four hexadecimal digits; -1: they are not there. */
static long take_hex(char **at)
{
	long value = 0;
	int i;

	for (i = 0; i < 4; i++, ++*at) {
		char c = **at;

		if (c >= '0' && c <= '9')
			value = value * 16 + c - '0';
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			value = value * 16 + c - 'A' + 10;
		else
			return -1;
	}
	return value;
}

/* What stands behind \u; -1: no character, or NUL. */
static long take_code(char **at)
{
	long code = take_hex(at);
	long low;

	if (code <= 0 || (code >= 0xdc00 && code <= 0xdfff))
		return -1;
	if (code < 0xd800 || code > 0xdbff)
		return code;
	if (!take(at, '\\') || !take(at, 'u'))
		return -1;
	low = take_hex(at);
	if (low < 0xdc00 || low > 0xdfff)
		return -1;
	return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

/* At most as long as its escape. */
static char *put_utf8(char *to, long code)
{
	if (code < 0x80) {
		*to++ = (char)code;
		return to;
	}
	if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
	} else {
		if (code < 0x10000) {
			*to++ = (char)(0xe0 | code >> 12);
		} else {
			*to++ = (char)(0xf0 | code >> 18);
			*to++ = (char)(0x80 | (code >> 12 & 0x3f));
		}
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (code & 0x3f));
	return to;
}

/* Behind a backslash.  Returns where the next goes; NULL: no escape. */
static char *take_escape(char **at, char *to)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *letter;
	long code;

	if (take(at, 'u')) {
		code = take_code(at);
		return code < 0 ? NULL : put_utf8(to, code);
	}
	letter = **at ? strchr(letters, **at) : NULL;
	if (!letter)
		return NULL;
	++*at;
	*to++ = meanings[letter - letters];
	return to;
}

/* The string that comes next, decoded where it stands; NULL: there is none. */
static char *take_string(char **at)
{
	char *begin, *to;
	size_t n;

	if (!take(at, '"'))
		return NULL;
	begin = to = *at;
	while (!take(at, '"')) {
		if (take(at, '\\')) {
			to = take_escape(at, to);
			if (!to)
				return NULL;
			continue;
		}
		n = mf_utf8_length(*at);
		if (!n || (unsigned char)**at < 0x20)
			return NULL;
		memmove(to, *at, n);
		to += n;
		*at += n;
	}
	*to = '\0';
	return begin;
}

/* --- values that are stepped over --------------------------------------------- */

static bool skip_digits(char **at)
{
	size_t n = strspn(*at, "0123456789");

	*at += n;
	return n > 0;
}

static bool skip_number(char **at)
{
	take(at, '-');
	if (!take(at, '0') && !skip_digits(at))
		return false;
	if (take(at, '.') && !skip_digits(at))
		return false;
	if (take(at, 'e') || take(at, 'E')) {
		if (!take(at, '+'))
			take(at, '-');
		return skip_digits(at);
	}
	return true;
}

static bool skip_word(char **at, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*at, word, n) != 0)
		return false;
	*at += n;
	return true;
}

static bool skip_value(char **at, int depth);

/* An array or an object, from behind its first bracket. */
static bool skip_members(char **at, char end, int depth)
{
	skip_blanks(at);
	if (take(at, end))
		return true;
	do {
		skip_blanks(at);
		if (end == '}' &&
		    (!take_string(at) || !take_between(at, ':')))
			return false;
		if (!skip_value(at, depth))
			return false;
	} while (take_between(at, ','));
	skip_blanks(at);
	return take(at, end);
}

static bool skip_value(char **at, int depth)
{
	if (depth >= MF_JSON_DEPTH_MAX)
		return false;
	skip_blanks(at);
	switch (**at) {
	case '"':
		return take_string(at);
	case '{':
		++*at;
		return skip_members(at, '}', depth + 1);
	case '[':
		++*at;
		return skip_members(at, ']', depth + 1);
	case 't':
		return skip_word(at, "true");
	case 'f':
		return skip_word(at, "false");
	case 'n':
		return skip_word(at, "null");
	default:
		return skip_number(at);
	}
}

/* --- the object ----------------------------------------------------------------- */

bool mf_json_open(struct mf_json *json, char *text)
{
	json->at = text;
	json->begun = false;
	skip_blanks(&json->at);
	return take(&json->at, '{');
}

int mf_json_next(struct mf_json *json, char **key, char **value)
{
	char **at = &json->at;

	skip_blanks(at);
	if (take(at, '}')) {
		skip_blanks(at);
		return **at ? -1 : 0;
	}
	if (json->begun && !take_between(at, ','))
		return -1;
	json->begun = true;
	*key = take_string(at);
	if (!*key || !take_between(at, ':'))
		return -1;
	*value = NULL;
	if (**at == '"') {
		*value = take_string(at);
		return *value ? 1 : -1;
	}
	return skip_value(at, 1) ? 1 : -1;
}
