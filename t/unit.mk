# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += t/unit-error
TESTS += t/unit-error
t_unit_error_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_error_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/unit-command
TESTS += t/unit-command
t_unit_command_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_command_LDFLAGS = $(AM_LDFLAGS) $(OOM_LDFLAGS)
t_unit_command_LDADD = $(TEST_LIBS)
