# SPDX-License-Identifier: Apache-2.0
# metaforactl, run as a user does, against a real server.
libtest_la_SOURCES += t/lib/ctl.c t/lib/ctl.h

check_PROGRAMS += t/ctl-tasks
TESTS += t/ctl-tasks
t_ctl_tasks_CPPFLAGS = $(TEST_CPPFLAGS)
t_ctl_tasks_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/ctl-cluster
TESTS += t/ctl-cluster
t_ctl_cluster_CPPFLAGS = $(TEST_CPPFLAGS)
t_ctl_cluster_LDADD = libreal.la $(TEST_LIBS)

EXTRA_DIST += t/ctl-help.sh
TESTS += t/ctl-help.sh
