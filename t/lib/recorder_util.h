/* SPDX-License-Identifier: Apache-2.0 */
/* What the recorders of both sides share: memory, copies, violations. */
#ifndef T_RECORDER_UTIL_H
#define T_RECORDER_UTIL_H

#include "recorder.h"

void rec_die(const char *what) __attribute__((noreturn));
/* Zeroed, never NULL. */
void *rec_alloc(size_t n_bytes);
/* Room for one more at the end of an array of n. */
void *rec_grow(void *array, size_t n, size_t size);
char *rec_copy(const char *string);
/* With a NUL behind it. */
void *rec_copy_bytes(const void *bytes, size_t n_bytes);
void rec_member_copy(struct rec_member *to,
		     const struct metafora_member_record *from);
void rec_members_free(struct rec_member *members, size_t n);
/* Begin a loop; aborts if that fails. */
void rec_loop_start(struct site *site, struct mf_loop *loop, const char *name);
/* Keep the first. */
void rec_violation(char **violation, const char *what);

#endif
