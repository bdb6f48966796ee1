/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading JSON objects in place: allocates nothing, so nothing can go wrong
 * half-way.  (Jansson's parser drops characters, or writes beyond its buffer,
 * when memory runs out inside of a string; it is used for writing only.)
 */
#ifndef MF_JSON_H
#define MF_JSON_H

#include <stdbool.h>
#include <stddef.h>

/* Arrays and objects inside of each other at most. */
#define MF_JSON_DEPTH_MAX 64

/* An object that is being read. */
struct mf_json {
	char *at;
	bool begun; /* a member was read: a comma comes next, or the end */
};

/*
 * Begin to read the object that a NUL-terminated text is; false if it begins
 * with none.  The text is changed while it is read.
 */
bool mf_json_open(struct mf_json *json, char *text);

/*
 * Read the next member.  1: *key is its name, *value what it is if it is a
 * string, else NULL; both point into the text, as UTF-8.  0: the object and
 * the text have ended.  -1: that is no JSON, or holds a NUL.
 */
int mf_json_next(struct mf_json *json, char **key, char **value);

/*
 * Length of the UTF-8 sequence that text (NUL-terminated) begins with; 0 if
 * it begins with none: a stray or missing continuation byte, a form longer
 * than needed, a surrogate, or a number beyond Unicode.
 */
size_t mf_utf8_length(const char *text);
/* Whether all of it is such sequences. */
bool mf_is_utf8(const char *text);

#endif
