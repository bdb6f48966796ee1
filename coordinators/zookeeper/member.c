/* SPDX-License-Identifier: Apache-2.0 */
/* Encodes and decodes member records. */
#include "member.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <metafora/error.h>

#define WEIGHT_MAX 1000.0

static const char *const states[] = {
	[METAFORA_MEMBER_ACTIVE] = "active",
	[METAFORA_MEMBER_FROZEN] = "frozen",
	[METAFORA_MEMBER_DRAINING] = "draining",
};

static int error_of(const json_error_t *why)
{
	enum json_error_code code = json_error_code(why);

	return code == json_error_out_of_memory || code == json_error_unknown ?
		       METAFORA_ENOMEM : METAFORA_EPROTO;
}

/* For people only: what JSON cannot hold is left out. */
static json_t *text(const char *string)
{
	json_t *json = json_string(string ? string : "");

	return json ? json : json_string("");
}

int mf_zk_member_encode(const struct metafora_member_record *record,
			char **out)
{
	char session[17];
	json_t *json;

	snprintf(session, sizeof(session), "%016" PRIx64, record->session);
	json = json_pack("{s:s, s:s, s:f, s:I, s:o, s:o, s:o, s:I, s:I}",
			 "session", session, "state", states[record->state],
			 "weight", record->weight, "capacity",
			 (json_int_t)record->capacity, "host",
			 text(record->host), "boot_id", text(record->boot_id),
			 "version", text(record->version), "pid",
			 (json_int_t)record->pid, "start_ms",
			 (json_int_t)record->start_ms);
	if (!json)
		return METAFORA_ENOMEM;
	*out = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(json);
	return *out ? 0 : METAFORA_ENOMEM;
}

static int parse_state(const char *name, enum metafora_member_state *state)
{
	size_t i;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(name, states[i]) == 0) {
			*state = (enum metafora_member_state)i;
			return 0;
		}
	return METAFORA_EPROTO;
}

static int parse_session(const char *name, uint64_t *session)
{
	char *end;

	*session = strtoull(name, &end, 16);
	return strlen(name) == 16 && *end == '\0' && *session != 0 ?
		       0 : METAFORA_EPROTO;
}

static int parse(json_t *json, struct metafora_member_record *record)
{
	const char *session;
	const char *state;
	double weight;
	json_int_t capacity;
	json_int_t pid;
	json_int_t start_ms;
	json_error_t why;

	if (json_unpack_ex(json, &why, 0,
			   "{s:s, s:s, s:F, s:I, s:s, s:s, s:s, s:I, s:I}",
			   "session", &session, "state", &state, "weight",
			   &weight, "capacity", &capacity, "host",
			   &record->host, "boot_id", &record->boot_id,
			   "version", &record->version, "pid", &pid,
			   "start_ms", &start_ms))
		return error_of(&why);
	if (!isfinite(weight) || weight <= 0 || weight > WEIGHT_MAX ||
	    capacity < 0 || pid < 0 || pid > UINT32_MAX)
		return METAFORA_EPROTO;
	record->weight = weight;
	record->capacity = (uint64_t)capacity;
	record->pid = (uint32_t)pid;
	record->start_ms = start_ms;
	if (parse_state(state, &record->state))
		return METAFORA_EPROTO;
	return parse_session(session, &record->session);
}

int mf_zk_member_decode(const void *data, size_t size_bytes,
			struct metafora_member_record *record, void **owner)
{
	json_error_t why;
	json_t *json;
	int error;

	if (size_bytes == 0 || size_bytes > ZK_MEMBER_BYTES_MAX)
		return METAFORA_EPROTO;
	json = json_loadb(data, size_bytes, JSON_REJECT_DUPLICATES, &why);
	/* It calls some lacks of memory a mistake in the text: ask twice. */
	if (!json)
		json = json_loadb(data, size_bytes, JSON_REJECT_DUPLICATES,
				  &why);
	if (!json)
		return error_of(&why);
	*record = (struct metafora_member_record){ 0 };
	error = parse(json, record);
	if (error)
		json_decref(json);
	else
		*owner = json;
	return error;
}

void mf_zk_member_free(void *owner)
{
	json_decref(owner);
}
