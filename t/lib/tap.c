/* SPDX-License-Identifier: Apache-2.0 */
/* A test program: a list of cases run by CUnit, told in TAP. */
#include "tap.h"

#include <CUnit/TestRun.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_reason;

void tap_skip(const char *reason)
{
	skip_reason = reason;
}

void tap_note(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
}

unsigned long tap_scaled(unsigned long n)
{
	const char *scale = getenv("MF_TEST_SCALE");
	double scaled = (double)n * (scale ? strtod(scale, NULL) : 1);

	return scaled < 1 ? 1 : (unsigned long)scaled;
}

static void on_start(const CU_pTest test, const CU_pSuite suite)
{
	(void)test;
	(void)suite;
	skip_reason = NULL;
}

static void on_complete(const CU_pTest test, const CU_pSuite suite,
			const CU_pFailureRecord failure)
{
	static unsigned int number;
	CU_pFailureRecord f;

	(void)suite;
	number++;
	printf("%s %u - %s", failure ? "not ok" : "ok", number, test->pName);
	if (!failure && skip_reason)
		printf(" # SKIP %s", skip_reason);
	printf("\n");
	for (f = failure; f; f = f->pNext)
		printf("# %s:%u: %s\n", f->strFileName ? f->strFileName : "?",
		       f->uiLineNumber, f->strCondition ? f->strCondition : "");
	fflush(stdout);
}

int tap_main(int argc, char **argv, const struct tap_case *cases,
	     size_t n_cases, void (*setup)(void), void (*teardown)(void))
{
	const char *filter = argc > 1 ? argv[1] : "";
	unsigned int n_failed;
	unsigned int n = 0;
	CU_pSuite suite;
	size_t i;

	if (CU_initialize_registry() != CUE_SUCCESS) {
		printf("Bail out! CUnit does not initialise\n");
		return 99;
	}
	suite = CU_add_suite_with_setup_and_teardown(argv[0], NULL, NULL, setup,
						     teardown);
	for (i = 0; suite && i < n_cases; i++) {
		if (!strstr(cases[i].name, filter))
			continue;
		if (!CU_add_test(suite, cases[i].name, cases[i].fn)) {
			printf("Bail out! case given twice: %s\n",
			       cases[i].name);
			return 99;
		}
		n++;
	}
	printf("1..%u\n", n);
	fflush(stdout);
	CU_set_test_start_handler(on_start);
	CU_set_test_complete_handler(on_complete);
	CU_set_error_action(CUEA_IGNORE);
	CU_run_all_tests();
	n_failed = CU_get_number_of_tests_failed();
	CU_cleanup_registry();
	return n_failed ? 1 : 0;
}
