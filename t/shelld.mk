# SPDX-License-Identifier: Apache-2.0
# Tests of the examples.
check_PROGRAMS += t/unit-shelld
TESTS += t/unit-shelld
t_unit_shelld_CPPFLAGS = $(TEST_CPPFLAGS) -I$(top_srcdir)/examples/shelld
t_unit_shelld_LDADD = libshelld.la $(TEST_LIBS)

check_PROGRAMS += t/api-shelld
TESTS += t/api-shelld
t_api_shelld_CPPFLAGS = $(API_CPPFLAGS) -I$(top_srcdir)/examples/shelld
t_api_shelld_LDADD = libshelld.la $(API_LIBS)

EXTRA_DIST += t/api-examples.sh
TESTS += t/api-examples.sh

check_PROGRAMS += t/zk-shelld
TESTS += t/zk-shelld
t_zk_shelld_CPPFLAGS = $(TEST_CPPFLAGS)
t_zk_shelld_LDADD = $(TEST_LIBS)

EXTRA_DIST += t/zk-demo.sh
TESTS += t/zk-demo.sh
