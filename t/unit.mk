# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += t/unit-error
TESTS += t/unit-error
t_unit_error_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_error_LDADD = $(TEST_LIBS)
