# SPDX-License-Identifier: Apache-2.0
# The ZooKeeper coordinator.
check_PROGRAMS += t/unit-zk
TESTS += t/unit-zk
t_unit_zk_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_zk_LDADD = $(TEST_LIBS)
