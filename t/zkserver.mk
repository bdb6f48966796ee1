# SPDX-License-Identifier: Apache-2.0
# What tests with real processes share: children, ports, a relay, ZooKeeper
# servers; and the tests that need such servers.
libtest_la_SOURCES += \
	t/lib/process.c \
	t/lib/process.h \
	t/lib/nodes.c \
	t/lib/nodes.h \
	t/lib/ownership.c \
	t/lib/ownership.h \
	t/lib/port.c \
	t/lib/port.h \
	t/lib/relay.c \
	t/lib/relay.h \
	t/lib/zklink.c \
	t/lib/zklink.h \
	t/lib/zkserver.c \
	t/lib/zkserver.h \
	t/lib/zkwire.c \
	t/lib/zkwire.h

check_PROGRAMS += t/unit-relay
TESTS += t/unit-relay
t_unit_relay_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_relay_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/unit-ownership
TESTS += t/unit-ownership
t_unit_ownership_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_ownership_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/zk-server
TESTS += t/zk-server
t_zk_server_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_server_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/zk-acl
TESTS += t/zk-acl
t_zk_acl_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_acl_LDADD = $(TEST_LIBS)

# Twice: on one server, and on three.
check_PROGRAMS += t/conf-zk t/conf-zk3
TESTS += t/conf-zk t/conf-zk3
t_conf_zk_CPPFLAGS = $(TEST_CPPFLAGS) -DCONF_ZK_SERVERS=1
t_conf_zk_LDADD = libconf.la $(TEST_LIBS)
t_conf_zk3_SOURCES = t/conf-zk.c
t_conf_zk3_CPPFLAGS = $(TEST_CPPFLAGS) -DCONF_ZK_SERVERS=3
t_conf_zk3_LDADD = libconf.la $(TEST_LIBS)

# A node of a cluster of processes, and the clusters.
check_PROGRAMS += t/zk-node
t_zk_node_SOURCES = t/lib/node_main.c t/lib/node_main.h
t_zk_node_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_node_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/zk-cluster t/zk-scale
TESTS += t/zk-cluster t/zk-scale
t_zk_cluster_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_cluster_LDADD = $(TEST_LIBS)
t_zk_scale_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_scale_LDADD = $(TEST_LIBS)
