# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += t/unit-error
TESTS += t/unit-error
t_unit_error_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_error_LDADD = $(TEST_LIBS)

# What a loop is made of, and the test world.
BASE_TESTS = t/unit-clock t/unit-host t/unit-ignore t/unit-log t/unit-loop \
	t/unit-mailbox t/unit-name t/unit-prng t/unit-threads t/unit-timers t/unit-world
check_PROGRAMS += $(BASE_TESTS)
TESTS += $(BASE_TESTS)
t_unit_clock_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_clock_LDADD = $(TEST_LIBS)
t_unit_host_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_host_LDFLAGS = $(AM_LDFLAGS) $(OOM_LDFLAGS)
t_unit_host_LDADD = $(TEST_LIBS)
t_unit_ignore_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_ignore_LDFLAGS = $(AM_LDFLAGS) $(OOM_LDFLAGS)
t_unit_ignore_LDADD = $(TEST_LIBS)
t_unit_log_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_log_LDADD = $(TEST_LIBS)
t_unit_loop_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_loop_LDADD = $(TEST_LIBS)
t_unit_mailbox_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_mailbox_LDADD = $(TEST_LIBS)
t_unit_name_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_name_LDADD = $(TEST_LIBS)
t_unit_prng_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_prng_LDADD = $(TEST_LIBS)
t_unit_threads_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_threads_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pthread_create
t_unit_threads_LDADD = $(TEST_LIBS)
t_unit_timers_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_timers_LDADD = $(TEST_LIBS)
t_unit_world_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_world_LDADD = $(TEST_LIBS)

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

check_PROGRAMS += t/unit-json
TESTS += t/unit-json
t_unit_json_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_json_LDADD = $(TEST_LIBS)
