/* SPDX-License-Identifier: Apache-2.0 */
/* Out of memory on purpose: fail a chosen allocation of a test program. */
#ifndef T_OOM_H
#define T_OOM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A program that links with $(OOM_LDFLAGS) has its calls of malloc, calloc,
 * realloc, reallocarray, aligned_alloc, strdup and strndup go through here,
 * those of the code under test in the convenience archives included; so do
 * jansson's.  What other shared libraries allocate does not.  All calls below
 * may be made from any thread.
 */

/* Fail the n-th counted allocation from now (1: the next), once; 0: none. */
void oom_fail_at(size_t n);
/* Whether the allocation chosen last has been asked for, and was refused. */
bool oom_failed(void);
/* Allocations counted so far. */
size_t oom_count(void);

/*
 * Count (and fail) only what the calling thread allocates (true), or what any
 * thread does (false, the default).
 */
void oom_this_thread_only(bool only);
/* Do not count what this thread allocates until the resume; they nest. */
void oom_pause(void);
void oom_resume(void);

/*
 * Run fn with its first allocation failing, then with its second, and so on,
 * until a run in which none had to fail.  fn starts from nothing, ends with
 * nothing, and may ask oom_failed() whether its run was spoilt.  The position
 * of a run in which a CUnit assertion failed is noted in the TAP stream.
 * Returns in how many runs an allocation failed.
 */
size_t oom_for_each(void (*fn)(void *arg), void *arg);

#endif
