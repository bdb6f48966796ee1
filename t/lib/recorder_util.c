/* SPDX-License-Identifier: Apache-2.0 */
/* What the recorders of both sides share: memory, copies, violations. */
#include "recorder_util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void (*rec_quiet_hook)(bool quiet);

void rec_quiet(bool quiet)
{
	if (rec_quiet_hook)
		rec_quiet_hook(quiet);
}

void rec_die(const char *what)
{
	printf("Bail out! recorder: %s\n", what);
	fflush(stdout);
	abort();
}

void *rec_alloc(size_t n_bytes)
{
	void *memory;

	rec_quiet(true);
	memory = calloc(1, n_bytes ? n_bytes : 1);
	rec_quiet(false);
	if (!memory)
		rec_die("out of memory");
	return memory;
}

void *rec_grow(void *array, size_t n, size_t size)
{
	/* Full whenever n is a power of two (or 0). */
	if (n & (n - 1))
		return array;
	rec_quiet(true);
	array = realloc(array, (n ? 2 * n : 1) * size);
	rec_quiet(false);
	if (!array)
		rec_die("out of memory");
	return array;
}

char *rec_copy(const char *string)
{
	return rec_copy_bytes(string, strlen(string));
}

void *rec_copy_bytes(const void *bytes, size_t n_bytes)
{
	char *copy = rec_alloc(n_bytes + 1);

	if (n_bytes)
		memcpy(copy, bytes, n_bytes);
	return copy;
}

void rec_member_copy(struct rec_member *to,
		     const struct metafora_member_record *from)
{
	to->node = rec_copy(from->node);
	to->session = from->session;
	to->state = from->state;
	to->weight = from->weight;
	to->capacity = from->capacity;
}

void rec_loop_start(struct site *site, struct mf_loop *loop, const char *name)
{
	rec_quiet(true);
	if (mf_loop_init(loop, site->runtime, name, NULL, NULL) ||
	    mf_loop_start(loop))
		rec_die("a loop does not start");
	rec_quiet(false);
}

void rec_violation(char **violation, const char *what)
{
	if (!*violation)
		*violation = rec_copy(what);
}
