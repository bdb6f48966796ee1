# SPDX-License-Identifier: Apache-2.0
# The ZooKeeper coordinator: a simulated ensemble, and the suites on it.
libtest_la_SOURCES += \
	t/lib/fakezk.c \
	t/lib/fakezk.h \
	t/lib/fakezk_client.c \
	t/lib/fakezk_int.h \
	t/lib/fakezk_server.c \
	t/lib/fakezk_tree.c \
	t/lib/fakezk_tree.h

check_PROGRAMS += t/unit-zk
TESTS += t/unit-zk
t_unit_zk_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_zk_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/conf-fakezk
TESTS += t/conf-fakezk
t_conf_fakezk_CPPFLAGS = $(TEST_CPPFLAGS)
t_conf_fakezk_LDADD = libconf.la $(TEST_LIBS)

check_PROGRAMS += t/zk-faults
TESTS += t/zk-faults
t_zk_faults_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_faults_LDADD = libconf.la $(TEST_LIBS)

check_PROGRAMS += t/zk-oom
TESTS += t/zk-oom
t_zk_oom_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_oom_LDFLAGS = $(AM_LDFLAGS) $(OOM_LDFLAGS)
t_zk_oom_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/zk-policy
TESTS += t/zk-policy
t_zk_policy_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_policy_LDADD = libconf.la $(TEST_LIBS)

check_PROGRAMS += t/zk-resolve
TESTS += t/zk-resolve
t_zk_resolve_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_resolve_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=getaddrinfo
t_zk_resolve_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/zk-check
TESTS += t/zk-check
t_zk_check_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_check_LDADD = libconf.la $(TEST_LIBS)

check_PROGRAMS += t/zk-reads
TESTS += t/zk-reads
t_zk_reads_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_reads_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/zk-metrics
TESTS += t/zk-metrics
t_zk_metrics_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_metrics_LDADD = libconf.la $(TEST_LIBS)
