/* SPDX-License-Identifier: Apache-2.0 */
/* Encodes and decodes member records. */
#include "member.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <metafora/error.h>

#include "json.h"

#define WEIGHT_MAX 1000.0

static const char *const states[] = {
	[METAFORA_MEMBER_ACTIVE] = "active",
	[METAFORA_MEMBER_FROZEN] = "frozen",
	[METAFORA_MEMBER_DRAINING] = "draining",
};

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

/* --- reading ------------------------------------------------------------------- */

enum field {
	FIELD_SESSION,
	FIELD_STATE,
	FIELD_WEIGHT,
	FIELD_CAPACITY,
	FIELD_HOST,
	FIELD_BOOT_ID,
	FIELD_VERSION,
	FIELD_PID,
	FIELD_START,
	N_FIELDS,
};

static const char *const fields[N_FIELDS] = {
	[FIELD_SESSION] = "session",   [FIELD_STATE] = "state",
	[FIELD_WEIGHT] = "weight",     [FIELD_CAPACITY] = "capacity",
	[FIELD_HOST] = "host",	       [FIELD_BOOT_ID] = "boot_id",
	[FIELD_VERSION] = "version",   [FIELD_PID] = "pid",
	[FIELD_START] = "start_ms",
};

static bool parse_session(const struct zk_json_value *value, uint64_t *session)
{
	const char *text = value->string;

	if (!text || strlen(text) != 16 ||
	    strspn(text, "0123456789abcdef") != 16)
		return false;
	*session = strtoull(text, NULL, 16);
	return *session != 0;
}

static bool parse_state(const struct zk_json_value *value,
			enum metafora_member_state *state)
{
	size_t i;

	for (i = 0; value->string && i < sizeof(states) / sizeof(states[0]);
	     i++)
		if (strcmp(value->string, states[i]) == 0) {
			*state = (enum metafora_member_state)i;
			return true;
		}
	return false;
}

static bool parse_count(const struct zk_json_value *value, int64_t max,
			int64_t *count)
{
	return mf_zk_json_integer(value, count) && *count >= 0 &&
	       *count <= max;
}

static bool parse_text(const struct zk_json_value *value, const char **text)
{
	*text = value->string;
	return *text != NULL;
}

static bool parse_field(enum field field, const struct zk_json_value *value,
			struct metafora_member_record *record)
{
	int64_t n = 0;
	bool ok;

	switch (field) {
	case FIELD_SESSION:
		return parse_session(value, &record->session);
	case FIELD_STATE:
		return parse_state(value, &record->state);
	case FIELD_WEIGHT:
		return mf_zk_json_real(value, &record->weight) &&
		       record->weight > 0 && record->weight <= WEIGHT_MAX;
	case FIELD_CAPACITY:
		ok = parse_count(value, INT64_MAX, &n);
		record->capacity = (uint64_t)n;
		return ok;
	case FIELD_PID:
		ok = parse_count(value, UINT32_MAX, &n);
		record->pid = (uint32_t)n;
		return ok;
	case FIELD_START:
		return mf_zk_json_integer(value, &record->start_ms);
	case FIELD_HOST:
		return parse_text(value, &record->host);
	case FIELD_BOOT_ID:
		return parse_text(value, &record->boot_id);
	case FIELD_VERSION:
		return parse_text(value, &record->version);
	case N_FIELDS:
		break;
	}
	return true; /* of a later version */
}

static enum field field_of(const char *key)
{
	unsigned int i;

	for (i = 0; i < N_FIELDS; i++)
		if (strcmp(key, fields[i]) == 0)
			break;
	return (enum field)i;
}

/* Each field once; what else there may be does not matter. */
static bool parse(char *text, struct metafora_member_record *record)
{
	struct zk_json_value value;
	struct zk_json json;
	unsigned int seen = 0;
	char *key;
	int more;

	if (!mf_zk_json_open(&json, text))
		return false;
	while ((more = mf_zk_json_next(&json, &key, &value)) > 0) {
		enum field field = field_of(key);

		if ((field < N_FIELDS && seen & 1u << field) ||
		    !parse_field(field, &value, record))
			return false;
		seen |= 1u << field;
	}
	return more == 0 && (seen & ((1u << N_FIELDS) - 1)) ==
				    (1u << N_FIELDS) - 1;
}

int mf_zk_member_decode(const void *data, size_t size_bytes,
			struct metafora_member_record *record, void **owner)
{
	char *text;

	if (size_bytes == 0 || size_bytes > ZK_MEMBER_BYTES_MAX ||
	    memchr(data, '\0', size_bytes))
		return METAFORA_EPROTO;
	text = strndup(data, size_bytes);
	if (!text)
		return METAFORA_ENOMEM;
	*record = (struct metafora_member_record){ 0 };
	if (!parse(text, record)) {
		free(text);
		return METAFORA_EPROTO;
	}
	*owner = text;
	return 0;
}

void mf_zk_member_free(void *owner)
{
	free(owner);
}
