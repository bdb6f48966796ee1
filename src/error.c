/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: names, texts, classes. */
#include <metafora/error.h>
#include <stddef.h>

#include <metafora/version.h>

enum class { NONE, CALL, RETRY, UNKNOWN, LOST, FATAL };

struct row {
	const char *name;
	const char *text;
	enum class class;
};

static const struct row rows[] = {
	[0] = {"OK", "success", NONE},
#define ROW(name, number, class_, text) [number] = {#name, text, class_},
	METAFORA_ERRORS(ROW)
#undef ROW
};

static const struct row *find(int error)
{
	const int n_rows = sizeof(rows) / sizeof(rows[0]);

	/* Tested before it is negated: INT_MIN has no positive. */
	if (error > 0 || error <= -n_rows)
		return NULL;
	return rows[-error].name ? &rows[-error] : NULL;
}

static bool is(int error, enum class class)
{
	const struct row *row = find(error);

	return row && row->class == class;
}

const char *metafora_strerror(int error)
{
	const struct row *row = find(error);

	return row ? row->text : "unknown error";
}

const char *metafora_error_name(int error)
{
	const struct row *row = find(error);

	return row ? row->name : NULL;
}

bool metafora_error_is_retry(int error)
{
	return is(error, RETRY);
}

bool metafora_error_is_unknown_outcome(int error)
{
	return is(error, UNKNOWN);
}

bool metafora_error_is_lost(int error)
{
	return is(error, LOST);
}

bool metafora_error_is_fatal(int error)
{
	return is(error, FATAL);
}

const char *metafora_version(void)
{
	return METAFORA_VERSION;
}
