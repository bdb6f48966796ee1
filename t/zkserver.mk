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

# For tests with the real client library or with node processes.
check_LTLIBRARIES += libreal.la
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
REAL_LIBS = libreal.la $(TEST_LIBS)

check_PROGRAMS += t/unit-ownership
TESTS += t/unit-ownership
t_unit_ownership_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_ownership_LDADD = $(REAL_LIBS)

# Long tests on real servers, not part of check: "make check-real".  The
# conformance suite, twice: on one server, and on three; nodes in processes of
# their own, judged by their journals.  A new one is a line in REAL_TESTS, and
# its CPPFLAGS and LDADD.
REAL_TESTS = \
	t/conf-zk3 \
	t/conf-zk \
	t/zk-bench \
	t/zk-cluster \
	t/zk-moves \
	t/zk-scale \
	t/zk-wire

EXTRA_PROGRAMS += $(REAL_TESTS) t/zk-node
t_conf_zk_CPPFLAGS = $(TEST_CPPFLAGS) -DCONF_ZK_SERVERS=1
t_conf_zk_LDADD = libconf.la $(REAL_LIBS)
t_conf_zk3_SOURCES = t/conf-zk.c
t_conf_zk3_CPPFLAGS = $(TEST_CPPFLAGS) -DCONF_ZK_SERVERS=3
t_conf_zk3_LDADD = libconf.la $(REAL_LIBS)
t_zk_node_SOURCES = t/lib/node_main.c t/lib/node_main.h
t_zk_node_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_node_LDADD = $(REAL_LIBS)
t_zk_bench_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_bench_LDADD = $(REAL_LIBS)
t_zk_cluster_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_cluster_LDADD = $(REAL_LIBS)
t_zk_moves_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_moves_LDADD = $(REAL_LIBS)
t_zk_scale_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_scale_LDADD = $(REAL_LIBS)
t_zk_wire_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_wire_LDADD = $(REAL_LIBS)

# They wait for sessions to end, most of the time: some run side by side, in
# the order of the list, so the long ones stand first.  Automake has rules only
# for what is in TESTS, so its driver is called here.
REAL_JOBS = 4
.PHONY: list-real-tests check-real
list-real-tests:
	@echo $(REAL_TESTS)
check-real: $(EXTRA_PROGRAMS)
	@for t in $(REAL_TESTS); do rm -f $$t.log $$t.trs; done
	@$(AM_TESTS_ENVIRONMENT) printf '%s\n' $(REAL_TESTS) | \
		xargs -P $(REAL_JOBS) -I NAME $(LOG_DRIVER) --test-name NAME \
			--log-file NAME.log --trs-file NAME.trs \
			-- $(LOG_COMPILER) NAME
	@bad=; for t in $(REAL_TESTS); do \
		grep -q '^:global-test-result: \(PASS\|SKIP\)' $$t.trs || \
			bad="$$bad $$t.log"; \
	done; [ -z "$$bad" ] || { cat $$bad; exit 1; }
CLEANFILES += $(EXTRA_PROGRAMS) $(REAL_TESTS:=.log) $(REAL_TESTS:=.trs)
