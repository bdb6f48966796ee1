# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += t/unit-error
TESTS += t/unit-error
t_unit_error_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_error_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/unit-batch
TESTS += t/unit-batch
t_unit_batch_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_batch_LDFLAGS = $(AM_LDFLAGS) $(OOM_LDFLAGS)
t_unit_batch_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/unit-command
TESTS += t/unit-command
t_unit_command_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_command_LDFLAGS = $(AM_LDFLAGS) $(OOM_LDFLAGS)
t_unit_command_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/unit-client
TESTS += t/unit-client
t_unit_client_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_client_LDFLAGS = $(AM_LDFLAGS) $(OOM_LDFLAGS)
t_unit_client_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/unit-client-answers
TESTS += t/unit-client-answers
t_unit_client_answers_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_client_answers_LDADD = $(TEST_LIBS)
