# SPDX-License-Identifier: Apache-2.0
# Tests of the shell example.
check_PROGRAMS += t/unit-shelld
TESTS += t/unit-shelld
t_unit_shelld_CPPFLAGS = $(TEST_CPPFLAGS) -I$(top_srcdir)/examples/shelld
t_unit_shelld_LDADD = libshelld.la $(TEST_LIBS)
