# SPDX-License-Identifier: Apache-2.0
# What tests with real processes share: children, ports, a relay, ZooKeeper
# servers; and the tests that need such servers.
libtest_la_SOURCES += \
	t/lib/process.c \
	t/lib/process.h \
	t/lib/port.c \
	t/lib/port.h \
	t/lib/relay.c \
	t/lib/relay.h \
	t/lib/zkserver.c \
	t/lib/zkserver.h

check_PROGRAMS += t/unit-relay
TESTS += t/unit-relay
t_unit_relay_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_relay_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/zk-server
TESTS += t/zk-server
t_zk_server_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_server_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/zk-acl
TESTS += t/zk-acl
t_zk_acl_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_acl_LDADD = $(TEST_LIBS)
