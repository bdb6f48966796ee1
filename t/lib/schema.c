/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a JSON value against a JSON Schema. */
#include "schema.h"

#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tap.h"

/* Where in the value; quiet while alternatives are tried. */
struct place {
	char path[200];
	bool quiet;
};

static bool accepts(const json_t *schema, const json_t *value,
		    const struct place *place);

static bool no(const struct place *place, const char *why, const char *what)
{
	if (!place->quiet)
		tap_note("schema: at %s: %s %s", place->path, why, what);
	return false;
}

static struct place below(const struct place *place, const char *name)
{
	struct place down = {.quiet = place->quiet};

	snprintf(down.path, sizeof(down.path), "%.120s/%.60s", place->path,
		 name);
	return down;
}

static bool is_type(const json_t *value, const char *type)
{
	return (!strcmp(type, "object") && json_is_object(value)) ||
	       (!strcmp(type, "array") && json_is_array(value)) ||
	       (!strcmp(type, "string") && json_is_string(value)) ||
	       (!strcmp(type, "integer") && json_is_integer(value)) ||
	       (!strcmp(type, "null") && json_is_null(value));
}

static bool check_type(const json_t *types, const json_t *value,
		       const struct place *place)
{
	const json_t *type;
	size_t i;

	if (json_is_string(types) && is_type(value, json_string_value(types)))
		return true;
	json_array_foreach(types, i, type)
	{
		if (is_type(value, json_string_value(type)))
			return true;
	}
	return no(place, "wrong", "type");
}

static bool check_enum(const json_t *values, const json_t *value,
		       const struct place *place)
{
	const json_t *allowed;
	size_t i;

	json_array_foreach(values, i, allowed)
	{
		if (json_equal(allowed, value))
			return true;
	}
	return no(place, "not one of the", "enum");
}

static bool check_pattern(const json_t *pattern, const json_t *value,
			  const struct place *place)
{
	regex_t regex;
	bool matches;

	if (!json_is_string(value))
		return true;
	if (regcomp(&regex, json_string_value(pattern), REG_EXTENDED))
		return no(place, "bad pattern", json_string_value(pattern));
	matches = !regexec(&regex, json_string_value(value), 0, NULL, 0);
	regfree(&regex);
	return matches || no(place, "pattern does not match:",
			     json_string_value(value));
}

static bool check_members(const json_t *schema, const json_t *value,
			  const struct place *place)
{
	const json_t *properties = json_object_get(schema, "properties");
	const bool closed =
		json_is_false(json_object_get(schema, "additionalProperties"));
	bool ok = true;
	const char *key;
	json_t *member;

	json_object_foreach((json_t *)(uintptr_t)value, key, member)
	{
		const json_t *of = json_object_get(properties, key);
		const struct place down = below(place, key);

		if (of)
			ok = accepts(of, member, &down) && ok;
		else if (closed)
			ok = no(place, "unknown member", key);
	}
	return ok;
}

static bool check_required(const json_t *names, const json_t *value,
			   const struct place *place)
{
	const json_t *name;
	bool ok = true;
	size_t i;

	json_array_foreach(names, i, name)
	{
		if (!json_object_get(value, json_string_value(name)))
			ok = no(place, "lacks", json_string_value(name));
	}
	return ok;
}

static bool check_items(const json_t *items, const json_t *value,
			const struct place *place)
{
	const json_t *item;
	char number[24];
	bool ok = true;
	size_t i;

	json_array_foreach(value, i, item)
	{
		struct place down;

		snprintf(number, sizeof(number), "%zu", i);
		down = below(place, number);
		ok = accepts(items, item, &down) && ok;
	}
	return ok;
}

static bool check_one_of(const json_t *schemas, const json_t *value,
			 const struct place *place)
{
	struct place quiet = *place;
	const json_t *one;
	size_t n = 0;
	size_t i;

	quiet.quiet = true;
	json_array_foreach(schemas, i, one)
		n += accepts(one, value, &quiet);
	return n == 1 || no(place, "not exactly one of", "oneOf");
}

static bool check_minimum(const json_t *minimum, const json_t *value,
			  const struct place *place)
{
	return !json_is_integer(value) ||
	       json_integer_value(value) >= json_integer_value(minimum) ||
	       no(place, "less than the", "minimum");
}

static bool check_keyword(const json_t *schema, const char *keyword,
			  const json_t *of, const json_t *value,
			  const struct place *place)
{
	if (!strcmp(keyword, "$schema") || !strcmp(keyword, "title") ||
	    !strcmp(keyword, "description"))
		return true;
	if (!strcmp(keyword, "type"))
		return check_type(of, value, place);
	if (!strcmp(keyword, "enum"))
		return check_enum(of, value, place);
	if (!strcmp(keyword, "minimum"))
		return check_minimum(of, value, place);
	if (!strcmp(keyword, "pattern"))
		return check_pattern(of, value, place);
	if (!strcmp(keyword, "properties"))
		return check_members(schema, value, place);
	if (!strcmp(keyword, "additionalProperties") && json_is_false(of))
		return true; /* with properties */
	if (!strcmp(keyword, "required"))
		return check_required(of, value, place);
	if (!strcmp(keyword, "items"))
		return check_items(of, value, place);
	if (!strcmp(keyword, "oneOf"))
		return check_one_of(of, value, place);
	return no(place, "keyword that is not known here:", keyword);
}

static bool accepts(const json_t *schema, const json_t *value,
		    const struct place *place)
{
	const char *keyword;
	bool ok = true;
	json_t *of;

	json_object_foreach((json_t *)(uintptr_t)schema, keyword, of)
		ok = check_keyword(schema, keyword, of, value, place) && ok;
	return ok;
}

bool schema_accepts(const json_t *schema, const json_t *value)
{
	const struct place root = {{0}, false};

	return accepts(schema, value, &root);
}
