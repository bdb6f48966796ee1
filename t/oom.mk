# SPDX-License-Identifier: Apache-2.0
# Out-of-memory tests: a program that includes oom.h has
#   t_unit_foo_oom_LDFLAGS = $(AM_LDFLAGS) $(OOM_LDFLAGS)
#   t_unit_foo_oom_LDADD = $(TEST_LIBS)
# configure.ac has the flags, as automake would take a variable of that name
# here for a program's.
libtest_la_SOURCES += t/lib/oom.c t/lib/oom.h

check_PROGRAMS += t/unit-oom
TESTS += t/unit-oom
t_unit_oom_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_oom_LDFLAGS = $(AM_LDFLAGS) $(OOM_LDFLAGS)
t_unit_oom_LDADD = $(TEST_LIBS)
