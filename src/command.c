/* SPDX-License-Identifier: Apache-2.0 */
/* Commands on the wire: JSON in UTF-8, made by clients, read by consumers. */
#include "command.h"

#include <jansson.h>
#include <metafora/error.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"

#define KEY_NAME "command"
#define KEY_ARGUMENT "argument"
/* The argument percent-encoded, when it is not UTF-8, which JSON must be. */
#define KEY_ENCODED "argument_encoded"

/*
 * Length of the UTF-8 sequence that text (NUL-terminated) begins with; 0 if
 * it begins with none: a stray or missing continuation byte, a form longer
 * than needed, a surrogate, or a number beyond Unicode.
 */
static size_t utf8_length(const unsigned char *text)
{
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

static bool is_utf8(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p) {
		size_t n = utf8_length(p);

		if (!n)
			return false;
		p += n;
	}
	return true;
}

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
	if (!is_utf8(name))
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

	if (is_utf8(argument)) {
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

static int decode_argument(const json_t *object, char **out)
{
	const json_t *plain = json_object_get(object, KEY_ARGUMENT);
	const json_t *encoded = json_object_get(object, KEY_ENCODED);
	const char *text = json_string_value(plain ? plain : encoded);
	char *argument;

	if ((plain && encoded) || !text)
		return METAFORA_EPROTO;
	argument = malloc(strlen(text) + 1);
	if (!argument)
		return METAFORA_ENOMEM;
	if (plain) {
		strcpy(argument, text);
	} else if (mf_name_decode(text, argument, strlen(text) + 1)) {
		free(argument);
		return METAFORA_EPROTO;
	}
	*out = argument;
	return 0;
}

static int decode_object(const json_t *object, struct mf_command *out)
{
	const char *name = json_string_value(json_object_get(object, KEY_NAME));
	struct mf_command command;
	int error;

	if (mf_command_check(name, NULL))
		return METAFORA_EPROTO;
	error = decode_argument(object, &command.argument);
	if (error)
		return error;
	command.name = strdup(name);
	if (!command.name) {
		error = METAFORA_ENOMEM;
		goto fail;
	}
	if (mf_command_check(command.name, command.argument)) {
		error = METAFORA_EPROTO;
		goto fail;
	}
	*out = command;
	return 0;
fail:
	mf_command_fini(&command);
	return error;
}

int mf_command_decode(const void *data, size_t size_bytes,
		      struct mf_command *out)
{
	json_error_t why;
	json_t *root;
	int error;

	if (!data || size_bytes > MF_COMMAND_DATA_MAX)
		return METAFORA_EPROTO;
	/* Without JSON_ALLOW_NUL a NUL inside a string is refused. */
	root = json_loadb(data, size_bytes, JSON_REJECT_DUPLICATES, &why);
	/* It has something to say about bad input, nothing about memory. */
	if (!root)
		return why.text[0] ? METAFORA_EPROTO : METAFORA_ENOMEM;
	error = decode_object(root, out);
	json_decref(root);
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
	if (!is_utf8(text))
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
