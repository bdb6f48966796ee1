/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a JSON value against a JSON Schema, of the keywords we use. */
#ifndef T_SCHEMA_H
#define T_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

/*
 * Whether the value is valid; if not, a note says where and why.  Knows type,
 * enum, minimum, pattern, properties, required, additionalProperties (false),
 * items and oneOf, and what only describes; any other keyword is an error, so
 * that none is passed over in silence.
 */
bool schema_accepts(const json_t *schema, const json_t *value);

#endif
