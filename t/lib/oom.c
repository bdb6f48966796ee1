/* SPDX-License-Identifier: Apache-2.0 */
/* Out of memory on purpose: fail a chosen allocation of a test program. */
#include "oom.h"

#include <errno.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

/* The linker's --wrap: X becomes __wrap_X, and the true X is __real_X. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t n, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *s);
char *__real_strndup(const char *s, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

/* Atomic: every thread of the program allocates. */
static atomic_size_t n_counted;
static atomic_size_t fail_number; /* in terms of n_counted; 0: none */
static atomic_bool failed;
static atomic_bool one_thread;

static _Thread_local bool chosen;
static _Thread_local unsigned int n_pauses;

static bool refuse(void)
{
	if (n_pauses || (atomic_load(&one_thread) && !chosen))
		return false;
	/* One thread gets the number, so one allocation fails. */
	if (atomic_fetch_add(&n_counted, 1) + 1 != atomic_load(&fail_number))
		return false;
	atomic_store(&failed, true);
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return refuse() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return refuse() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return refuse() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t n, size_t size)
{
	return refuse() ? NULL : __real_reallocarray(old, n, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return refuse() ? NULL : __real_aligned_alloc(alignment, size);
}

char *__wrap_strdup(const char *s)
{
	return refuse() ? NULL : __real_strdup(s);
}

char *__wrap_strndup(const char *s, size_t n)
{
	return refuse() ? NULL : __real_strndup(s, n);
}

/* jansson is a shared library, which --wrap does not reach: hand it ours. */
__attribute__((constructor)) static void wrap_jansson(void)
{
	json_set_alloc_funcs(__wrap_malloc, free);
}

void oom_fail_at(size_t n)
{
	/* Off first, so that no other thread meets a number half set. */
	atomic_store(&fail_number, 0);
	atomic_store(&failed, false);
	if (n)
		atomic_store(&fail_number, atomic_load(&n_counted) + n);
}

bool oom_failed(void)
{
	return atomic_load(&failed);
}

size_t oom_count(void)
{
	return atomic_load(&n_counted);
}

void oom_this_thread_only(bool only)
{
	chosen = only;
	atomic_store(&one_thread, only);
}

void oom_pause(void)
{
	n_pauses++;
}

void oom_resume(void)
{
	n_pauses--;
}

size_t oom_for_each(void (*fn)(void *arg), void *arg)
{
	size_t position;
	bool spoilt;

	for (position = 1;; position++) {
		unsigned int n_failures = CU_get_number_of_failures();

		oom_fail_at(position);
		fn(arg);
		spoilt = oom_failed();
		oom_fail_at(0);
		if (CU_get_number_of_failures() != n_failures)
			tap_note("that was with allocation %zu failing%s",
				 position, spoilt ? "" : " (not reached)");
		if (!spoilt)
			return position - 1;
	}
}
