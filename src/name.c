/* SPDX-License-Identifier: Apache-2.0 */
/* IDs and names: checks, percent-encoding, hash. */
#include <stdbool.h>
#include <string.h>

#include <metafora/error.h>
#include <metafora/task.h>

#include "name.h"

static const char digits[] = "0123456789ABCDEF";

int mf_name_check(const char *name, size_t bytes, size_t max_bytes)
{
	if (!name)
		return METAFORA_EINVAL;
	if (bytes == 0)
		return METAFORA_EEMPTY;
	if (bytes > max_bytes)
		return METAFORA_ENAMETOOLONG;
	if (memchr(name, '\0', bytes))
		return METAFORA_ENUL;
	return 0;
}

static int check_string(const char *name, size_t max_bytes)
{
	/* No further than one too many: it may be no string at all. */
	return mf_name_check(name, name ? strnlen(name, max_bytes + 1) : 0,
			     max_bytes);
}

int mf_task_id_check(const char *id)
{
	return check_string(id, METAFORA_TASK_ID_MAX);
}

int mf_node_name_check(const char *node)
{
	return check_string(node, METAFORA_NODE_NAME_MAX);
}

/* Whether encoding leaves the byte as it is.  Must not ask the locale. */
static bool is_plain(unsigned char byte, bool first)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' ||
	       (byte == '.' && !first);
}

int mf_name_encode(const char *name, char *out, size_t out_bytes)
{
	size_t n_bytes = 1;
	size_t i;

	if (!name || !out)
		return METAFORA_EINVAL;
	for (i = 0; name[i]; i++)
		n_bytes += is_plain((unsigned char)name[i], i == 0) ? 1 : 3;
	if (n_bytes > out_bytes)
		return METAFORA_E2BIG;
	for (i = 0; name[i]; i++) {
		unsigned char byte = (unsigned char)name[i];

		if (is_plain(byte, i == 0)) {
			*out++ = name[i];
			continue;
		}
		*out++ = '%';
		*out++ = digits[byte >> 4];
		*out++ = digits[byte & 0xf];
	}
	*out = '\0';
	return 0;
}

/* -1: no digit that encoding writes. */
static int digit_value(char c)
{
	const char *digit = c ? strchr(digits, c) : NULL;

	return digit ? (int)(digit - digits) : -1;
}

/*
 * The next byte of an encoded name, moving *encoded behind it.  Returns -1 if
 * encoding would not have written it so: each name has one spelling only.
 */
static int next_byte(const char **encoded, bool first)
{
	const char *p = *encoded;
	int high;
	int low;

	if (*p != '%') {
		*encoded = p + 1;
		return is_plain((unsigned char)*p, first) ? *p : -1;
	}
	high = digit_value(p[1]);
	low = high < 0 ? -1 : digit_value(p[2]);
	if (low < 0 || (high | low) == 0 ||
	    is_plain((unsigned char)(high << 4 | low), first))
		return -1;
	*encoded = p + 3;
	return high << 4 | low;
}

int mf_name_decode(const char *encoded, char *out, size_t out_bytes)
{
	size_t n_bytes = 0;
	const char *p;

	if (!encoded || !out)
		return METAFORA_EINVAL;
	for (p = encoded; *p; n_bytes++)
		if (next_byte(&p, n_bytes == 0) < 0)
			return METAFORA_EPROTO;
	if (n_bytes + 1 > out_bytes)
		return METAFORA_E2BIG;
	for (p = encoded, n_bytes = 0; *p; n_bytes++)
		out[n_bytes] = (char)next_byte(&p, n_bytes == 0);
	out[n_bytes] = '\0';
	return 0;
}

/*
 * FNV-1a, then the finalizer of MurmurHash3, because FNV alone leaves the low
 * bits of similar names alike.  Frozen for ever: brokers keep tasks in folders
 * chosen by it, and nodes of different versions must agree on them.
 */
uint32_t mf_name_hash(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name; name++) {
		hash ^= (unsigned char)*name;
		hash *= 16777619u;
	}
	hash ^= hash >> 16;
	hash *= 0x85ebca6bu;
	hash ^= hash >> 13;
	hash *= 0xc2b2ae35u;
	hash ^= hash >> 16;
	return hash;
}
