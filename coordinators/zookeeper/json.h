/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a JSON object in place: nothing is allocated, so nothing can go
 * wrong half-way.  (Jansson's parser drops characters, or writes beyond its
 * buffer, when memory runs out inside of a string.)
 */
#ifndef ZK_JSON_H
#define ZK_JSON_H

#include <stdbool.h>
#include <stdint.h>

/* An object that is being read. */
struct zk_json {
	char *at;
	bool begun; /* a member was read: a comma comes next, or the end */
};

struct zk_json_value {
	char *string;       /* UTF-8; NULL: it is none */
	const char *number; /* as in the text, not terminated; NULL: none */
};

/*
 * Begin to read the object that a NUL-terminated text is; false if it begins
 * with none.  The text is changed while it is read.
 */
bool mf_zk_json_open(struct zk_json *json, char *text);
/*
 * The next member.  1: *key and *value, both pointing into the text; of a
 * value that is neither string nor number only the end is looked for.  0: the
 * object and the text have ended.  -1: that is no JSON, or holds a NUL.
 */
int mf_zk_json_next(struct zk_json *json, char **key,
		    struct zk_json_value *value);

/* What a number is; false if it is no (such) number.  value NULL: false. */
bool mf_zk_json_integer(const struct zk_json_value *value, int64_t *out);
bool mf_zk_json_real(const struct zk_json_value *value, double *out);

#endif
