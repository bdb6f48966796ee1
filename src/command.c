/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on the wire: JSON in UTF-8, made by clients, read by consumers. */
#include "command.h"

#include <jansson.h>
#include <metafora/error.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "name.h"

#define KEY_NAME "command"
#define KEY_ARGUMENT "argument"
/* The argument percent-encoded, when it is not UTF-8, which JSON must be. */
#define KEY_ENCODED "argument_encoded"

int mf_command_check(const char *name, const char *argument)
{
	size_t bytes;

	if (!name)
		return METAFORA_EINVAL;
	bytes = strnlen(name, METAFORA_COMMAND_NAME_MAX + 1);
	if (!bytes)
		return METAFORA_EEMPTY;
	if (bytes > METAFORA_COMMAND_NAME_MAX)
		return METAFORA_ENAMETOOLONG;
	if (!mf_is_utf8(name))
		return METAFORA_EINVAL;
	if (argument && strnlen(argument, METAFORA_COMMAND_ARGUMENT_MAX + 1) >
				METAFORA_COMMAND_ARGUMENT_MAX)
		return METAFORA_E2BIG;
	return 0;
}

/* The argument as a JSON value and the key to put it under; NULL: no memory. */
static json_t *argument_to_json(const char *argument, const char **key)
{
	size_t room;
	json_t *value;
	char *encoded;

	if (mf_is_utf8(argument)) {
		*key = KEY_ARGUMENT;
		return json_string(argument);
	}
	room = 3 * strlen(argument) + 1;
	encoded = malloc(room);
	if (!encoded)
		return NULL;
	*key = KEY_ENCODED;
	value = mf_name_encode(argument, encoded, room) ? NULL
							: json_string(encoded);
	free(encoded);
	return value;
}

int mf_command_encode(const char *name, const char *argument, char **data,
		      size_t *size_bytes)
{
	int error = mf_command_check(name, argument);
	json_t *object, *value;
	const char *key;
	char *text;
	size_t size;

	if (error)
		return error;
	object = json_object();
	/* The setters take over the value, and fail if it is NULL. */
	if (json_object_set_new(object, KEY_NAME, json_string(name)))
		goto no_memory;
	value = argument_to_json(argument ? argument : "", &key);
	if (!value || json_object_set_new(object, key, value))
		goto no_memory;
	/* Not json_dumps: its result is of jansson's own allocator. */
	size = json_dumpb(object, NULL, 0, JSON_COMPACT);
	if (!size)
		goto no_memory;
	text = malloc(size);
	if (!text)
		goto no_memory;
	if (json_dumpb(object, text, size, JSON_COMPACT) != size) {
		free(text);
		goto no_memory;
	}
	json_decref(object);
	*data = text;
	*size_bytes = size;
	return 0;
no_memory:
	json_decref(object);
	return METAFORA_ENOMEM;
}

/* What the members of a command say; NULL: not there. */
struct members {
	char *name, *argument, *encoded;
};

/* Where a member goes, NULL for one that is not known here. */
static char **slot_of(struct members *members, const char *key)
{
	if (!strcmp(key, KEY_NAME))
		return &members->name;
	if (!strcmp(key, KEY_ARGUMENT))
		return &members->argument;
	if (!strcmp(key, KEY_ENCODED))
		return &members->encoded;
	return NULL;
}

static bool read_members(char *text, struct members *members)
{
	struct mf_json json;
	char *key, *value;
	char **slot;
	int more;

	if (!mf_json_open(&json, text))
		return false;
	while ((more = mf_json_next(&json, &key, &value)) > 0) {
		slot = slot_of(members, key);
		if (!slot)
			continue;
		if (*slot || !value)
			return false;
		*slot = value;
	}
	return more == 0 && members->name &&
	       !members->argument != !members->encoded;
}

/* The text is changed. */
static int decode_text(char *text, struct mf_command *out)
{
	struct members members = {NULL, NULL, NULL};
	struct mf_command command;

	if (!read_members(text, &members))
		return METAFORA_EPROTO;
	/* Never longer decoded than encoded: in place. */
	if (members.encoded) {
		members.argument = members.encoded;
		if (mf_name_decode(members.encoded, members.argument,
				   strlen(members.encoded) + 1))
			return METAFORA_EPROTO;
	}
	if (mf_command_check(members.name, members.argument))
		return METAFORA_EPROTO;
	command.name = strdup(members.name);
	command.argument = strdup(members.argument);
	if (!command.name || !command.argument) {
		mf_command_fini(&command);
		return METAFORA_ENOMEM;
	}
	*out = command;
	return 0;
}

int mf_command_decode(const void *data, size_t size_bytes,
		      struct mf_command *out)
{
	char *text;
	int error;

	if (!data || size_bytes > MF_COMMAND_DATA_MAX ||
	    memchr(data, '\0', size_bytes))
		return METAFORA_EPROTO;
	text = malloc(size_bytes + 1);
	if (!text)
		return METAFORA_ENOMEM;
	memcpy(text, data, size_bytes);
	text[size_bytes] = '\0';
	error = decode_text(text, out);
	free(text);
	return error;
}

void mf_command_fini(struct mf_command *command)
{
	free(command->name);
	free(command->argument);
	command->name = NULL;
	command->argument = NULL;
}

int metafora_command_reply_text(struct metafora_command_reply *reply,
				const char *text)
{
	char *copy;

	if (!reply || !text)
		return METAFORA_EINVAL;
	if (strnlen(text, METAFORA_COMMAND_RESULT_MAX + 1) >
	    METAFORA_COMMAND_RESULT_MAX)
		return METAFORA_E2BIG;
	if (!mf_is_utf8(text))
		return METAFORA_EINVAL;
	copy = strdup(text);
	if (!copy)
		return METAFORA_ENOMEM;
	free(reply->text);
	reply->text = copy;
	return 0;
}

void mf_command_reply_fini(struct metafora_command_reply *reply)
{
	free(reply->text);
	reply->text = NULL;
}
