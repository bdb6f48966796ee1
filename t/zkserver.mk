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

# Long tests on real servers, not part of check: "make check-real".  The
# conformance suite, twice: on one server, and on three; nodes in processes of
# their own, judged by their journals.
EXTRA_LTLIBRARIES = libreal.la
libreal_la_CPPFLAGS = $(TEST_CPPFLAGS)
libreal_la_SOURCES = \
	t/lib/moves.c \
	t/lib/moves.h \
	t/lib/nodes.c \
	t/lib/nodes.h \
	t/lib/ownership.c \
	t/lib/ownership.h \
	t/lib/zklink.c \
	t/lib/zklink.h \
	t/lib/zkwire.c \
	t/lib/zkwire.h

REAL_TESTS = t/unit-ownership t/conf-zk t/conf-zk3 t/zk-cluster t/zk-moves \
	t/zk-scale
EXTRA_PROGRAMS = $(REAL_TESTS) t/zk-node
REAL_LIBS = libreal.la $(TEST_LIBS)
t_unit_ownership_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_ownership_LDADD = $(REAL_LIBS)
t_conf_zk_CPPFLAGS = $(TEST_CPPFLAGS) -DCONF_ZK_SERVERS=1
t_conf_zk_LDADD = libconf.la $(REAL_LIBS)
t_conf_zk3_SOURCES = t/conf-zk.c
t_conf_zk3_CPPFLAGS = $(TEST_CPPFLAGS) -DCONF_ZK_SERVERS=3
t_conf_zk3_LDADD = libconf.la $(REAL_LIBS)
t_zk_node_SOURCES = t/lib/node_main.c t/lib/node_main.h
t_zk_node_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_node_LDADD = $(REAL_LIBS)
t_zk_cluster_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_cluster_LDADD = $(REAL_LIBS)
t_zk_moves_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_moves_LDADD = $(REAL_LIBS)
t_zk_scale_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_scale_LDADD = $(REAL_LIBS)

.PHONY: check-real
check-real: $(EXTRA_PROGRAMS)
	@$(AM_TESTS_ENVIRONMENT) status=0; for t in $(REAL_TESTS); do \
		$(LOG_COMPILER) $$t || status=1; done; exit $$status
CLEANFILES += $(EXTRA_PROGRAMS) libreal.la
