# SPDX-License-Identifier: Apache-2.0
# Recorders, and the conformance suite for coordinators.
libtest_la_SOURCES += \
	t/lib/recorder.c \
	t/lib/recorder.h \
	t/lib/recorder_client.c \
	t/lib/recorder_util.c \
	t/lib/recorder_util.h \
	t/lib/site.c \
	t/lib/site.h

check_LTLIBRARIES += libconf.la
libconf_la_CPPFLAGS = $(TEST_CPPFLAGS)
libconf_la_SOURCES = \
	t/conf/chaos.c \
	t/conf/claims.c \
	t/conf/clients.c \
	t/conf/commands.c \
	t/conf/conf.h \
	t/conf/fakezk_site.c \
	t/conf/fakezk_site.h \
	t/conf/harness.c \
	t/conf/sessions.c \
	t/conf/watches.c

check_PROGRAMS += t/conf-embedded
TESTS += t/conf-embedded
t_conf_embedded_CPPFLAGS = $(TEST_CPPFLAGS)
t_conf_embedded_LDADD = libconf.la $(TEST_LIBS)

check_PROGRAMS += t/unit-embedded
TESTS += t/unit-embedded
t_unit_embedded_CPPFLAGS = $(TEST_CPPFLAGS)
t_unit_embedded_LDFLAGS = $(AM_LDFLAGS) $(OOM_LDFLAGS)
t_unit_embedded_LDADD = $(TEST_LIBS)
