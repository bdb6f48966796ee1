# SPDX-License-Identifier: Apache-2.0
# Tests: TAP programs over CUnit, one fragment per family.  Each program links
# the convenience archives, so that it sees inside; api- and install- tests
# link the shared library and see public headers only.
TEST_EXTENSIONS = .sh
TAP_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_DRIVER = $(TAP_DRIVER)
SH_LOG_DRIVER = $(TAP_DRIVER)
AM_TESTS_ENVIRONMENT = top_srcdir='$(abs_top_srcdir)'; \
	top_builddir='$(abs_top_builddir)'; CC='$(CC)'; \
	export top_srcdir top_builddir CC;

TEST_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src -I$(top_srcdir)/t/lib \
	-I$(top_srcdir)/coordinators -I$(top_srcdir)/balancers $(JANSSON_CFLAGS)
TEST_LIBS = libtest.la libcore.la libcoordinators.la libbalancers.la \
	$(JANSSON_LIBS) $(ZOOKEEPER_LIBS) $(PTHREAD_LIBS) -lcunit
API_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t/lib
API_LIBS = libtap.la libmetafora.la $(PTHREAD_LIBS) -lcunit

check_LTLIBRARIES += libtap.la libtest.la
libtap_la_SOURCES = t/lib/tap.c t/lib/tap.h
libtest_la_CPPFLAGS = $(TEST_CPPFLAGS)
libtest_la_LIBADD = libtap.la
libtest_la_SOURCES = t/lib/world.c t/lib/world.h

include t/oom.mk
include t/unit.mk
include t/core.mk
include t/api.mk
include t/conf.mk
include t/balancer.mk
include t/sim.mk
include t/install.mk
