# SPDX-License-Identifier: Apache-2.0
libtest_la_SOURCES += t/lib/logbook.c t/lib/logbook.h t/lib/stage.c t/lib/stage.h

check_PROGRAMS += t/core-plugin t/core-handler t/core-task t/core-runner \
	t/core-guard t/core-oom
TESTS += t/core-plugin t/core-handler t/core-task t/core-runner \
	t/core-guard t/core-oom
t_core_plugin_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_plugin_LDADD = $(TEST_LIBS)
t_core_handler_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_handler_LDADD = $(TEST_LIBS)
t_core_task_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_task_LDADD = $(TEST_LIBS)
t_core_runner_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_runner_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pthread_create,--wrap=eventfd
t_core_runner_LDADD = $(TEST_LIBS)
t_core_guard_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_guard_LDADD = $(TEST_LIBS)
t_core_oom_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_oom_LDFLAGS = $(AM_LDFLAGS) $(OOM_LDFLAGS)
t_core_oom_LDADD = $(TEST_LIBS)

libtest_la_SOURCES += t/lib/engine_stage.c t/lib/engine_stage.h
check_PROGRAMS += t/core-engine t/core-engine-rules t/core-engine-odd \
	t/core-handoff
TESTS += t/core-engine t/core-engine-rules t/core-engine-odd t/core-handoff
t_core_handoff_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_handoff_LDADD = $(TEST_LIBS)
t_core_engine_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_engine_LDADD = $(TEST_LIBS)
t_core_engine_rules_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_engine_rules_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/core-client
TESTS += t/core-client
t_core_client_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_client_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/core-client-oom
TESTS += t/core-client-oom
t_core_client_oom_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_client_oom_LDFLAGS = $(AM_LDFLAGS) $(OOM_LDFLAGS)
t_core_client_oom_LDADD = $(TEST_LIBS)

libtest_la_SOURCES += t/lib/view_check.c t/lib/view_check.h
check_PROGRAMS += t/core-view t/core-view-model t/core-view-oom
TESTS += t/core-view t/core-view-model t/core-view-oom
t_core_view_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_view_LDADD = $(TEST_LIBS)
t_core_view_model_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_view_model_LDADD = $(TEST_LIBS)
t_core_view_oom_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_view_oom_LDFLAGS = $(AM_LDFLAGS) $(OOM_LDFLAGS)
t_core_view_oom_LDADD = $(TEST_LIBS)
t_core_engine_odd_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_engine_odd_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/core-consumer
TESTS += t/core-consumer
t_core_consumer_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_consumer_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pthread_create
t_core_consumer_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/core-consumer-oom
TESTS += t/core-consumer-oom
t_core_consumer_oom_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_consumer_oom_LDFLAGS = $(AM_LDFLAGS) $(OOM_LDFLAGS)
t_core_consumer_oom_LDADD = libscene.la $(TEST_LIBS)

check_PROGRAMS += t/core-engine-oom
TESTS += t/core-engine-oom
t_core_engine_oom_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_engine_oom_LDFLAGS = $(AM_LDFLAGS) $(OOM_LDFLAGS)
t_core_engine_oom_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/core-status
TESTS += t/core-status
t_core_status_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_status_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/core-watch-oom
TESTS += t/core-watch-oom
t_core_watch_oom_CPPFLAGS = $(TEST_CPPFLAGS)
t_core_watch_oom_LDFLAGS = $(AM_LDFLAGS) $(OOM_LDFLAGS)
t_core_watch_oom_LDADD = $(TEST_LIBS)
