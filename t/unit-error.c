/* SPDX-License-Identifier: Apache-2.0 */
/* Names, texts and classes of errors. */
#include <limits.h>
#include <metafora.h>
#include <string.h>

#include "tap.h"

static void every_error_has_a_name_and_a_text(void)
{
#define CHECK(name, number, class_, text_)                                    \
	CU_ASSERT_STRING_EQUAL(metafora_error_name(METAFORA_##name), #name);  \
	CU_ASSERT_STRING_EQUAL(metafora_strerror(METAFORA_##name), text_);
	METAFORA_ERRORS(CHECK)
#undef CHECK
	CU_ASSERT_STRING_EQUAL(metafora_error_name(0), "OK");
	CU_ASSERT_STRING_EQUAL(metafora_strerror(0), "success");
}

static void numbers_that_are_no_error_are_survived(void)
{
	const int numbers[] = {1, -1000, INT_MIN, INT_MAX};
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		CU_ASSERT_PTR_NULL(metafora_error_name(numbers[i]));
		CU_ASSERT_STRING_EQUAL(metafora_strerror(numbers[i]),
				       "unknown error");
		CU_ASSERT_FALSE(metafora_error_is_retry(numbers[i]));
	}
}

static void every_error_is_of_one_class(void)
{
#define CALL 0
#define RETRY 1
#define UNKNOWN 2
#define LOST 3
#define FATAL 4
#define CHECK(name, number, class_, text_)                                    \
	CU_ASSERT_EQUAL(metafora_error_is_retry(METAFORA_##name),             \
			(class_) == RETRY);                                   \
	CU_ASSERT_EQUAL(                                                      \
		metafora_error_is_unknown_outcome(METAFORA_##name),           \
		(class_) == UNKNOWN);                                         \
	CU_ASSERT_EQUAL(metafora_error_is_lost(METAFORA_##name),              \
			(class_) == LOST);                                    \
	CU_ASSERT_EQUAL(metafora_error_is_fatal(METAFORA_##name),             \
			(class_) == FATAL);
	METAFORA_ERRORS(CHECK)
	CU_ASSERT_FALSE(metafora_error_is_retry(0));
	CU_ASSERT_FALSE(metafora_error_is_fatal(0));
}

static const struct tap_case cases[] = {
	{"every error has a name and a text",
	 every_error_has_a_name_and_a_text},
	{"numbers that are no error are survived",
	 numbers_that_are_no_error_are_survived},
	{"every error is of one class", every_error_is_of_one_class},
};

TAP_MAIN(cases, NULL, NULL)
