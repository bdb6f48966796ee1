# SPDX-License-Identifier: Apache-2.0
# Tests: TAP programs over CUnit, one fragment per family.  Each program links
# the convenience archives, so that it sees inside; api- and install- tests
# link the shared library and see public headers only.
TEST_EXTENSIONS = .sh
TAP_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_DRIVER = $(TAP_DRIVER)
SH_LOG_DRIVER = $(TAP_DRIVER)
# A program that hangs is a failure, not the end of the run.
TEST_TIMEOUT_S = 300
LOG_COMPILER = timeout --foreground -k 10 $(TEST_TIMEOUT_S)
SH_LOG_COMPILER = $(LOG_COMPILER) $(SHELL)
AM_TESTS_ENVIRONMENT = top_srcdir='$(abs_top_srcdir)'; \
	top_builddir='$(abs_top_builddir)'; libdir='$(libdir)'; includedir='$(includedir)'; \
	MAKE='$(MAKE)'; CC='$(CC)'; NM='$(NM)'; PKG_CONFIG='$(PKG_CONFIG)'; \
	TEST_CFLAGS='$(MF_CFLAGS) $(CFLAGS)'; \
	TEST_LDFLAGS='$(MF_LDFLAGS) $(LDFLAGS)'; \
	MF_TEST_SCALE=$${MF_TEST_SCALE-1}; \
	TSAN_OPTIONS='suppressions=$(abs_top_srcdir)/t/tsan.supp'; \
	LSAN_OPTIONS='suppressions=$(abs_top_srcdir)/t/lsan.supp:print_suppressions=0'; \
	export top_srcdir top_builddir libdir includedir MAKE CC NM PKG_CONFIG \
		TEST_CFLAGS TEST_LDFLAGS MF_TEST_SCALE TSAN_OPTIONS \
		LSAN_OPTIONS;

TEST_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src -I$(top_srcdir)/t/lib \
	-I$(top_srcdir)/coordinators -I$(top_srcdir)/balancers $(JANSSON_CFLAGS)
TEST_LIBS = libtest.la libwhole.la \
	$(JANSSON_LIBS) $(LIBCONFUSE_LIBS) $(MICROHTTPD_LIBS) \
	$(ZOOKEEPER_LIBS) $(PTHREAD_LIBS) -lcunit
API_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t/lib
API_LIBS = libtap.la libmetafora.la $(PTHREAD_LIBS) -lcunit

check_LTLIBRARIES += libtap.la libtest.la libwhole.la
# One archive of the three: they refer to each other in circles.
libwhole_la_SOURCES =
libwhole_la_LIBADD = libcore.la libcoordinators.la libbalancers.la
libtap_la_SOURCES = t/lib/tap.c t/lib/tap.h
libtest_la_CPPFLAGS = $(TEST_CPPFLAGS)
libtest_la_LIBADD = libtap.la
libtest_la_SOURCES = t/lib/puppet.c t/lib/puppet.h t/lib/world.c t/lib/world.h

EXTRA_DIST += t/lsan.supp t/tsan.supp

include t/oom.mk
include t/shelld.mk
include t/unit.mk
include t/status.mk
include t/core.mk
include t/api.mk
include t/conf.mk
include t/config.mk
include t/balancer.mk
include t/sim.mk
include t/zk.mk
include t/zkserver.mk
include t/ctl.mk
include t/install.mk
include t/lint.mk

EXTRA_DIST += t/README t/lib/tap.sh

# For script/test.  Valgrind is for programs.
VALGRIND = valgrind -q --error-exitcode=99 --leak-check=full \
	--errors-for-leak-kinds=definite,indirect --child-silent-after-fork=yes
valgrind_tests = for t in $(TESTS); do \
		case $$t in *.sh) ;; *) echo $$t ;; esac; \
	done
.PHONY: list-tests list-valgrind-tests check-valgrind
list-tests:
	@echo $(TESTS)
list-valgrind-tests:
	@$(valgrind_tests)
check-valgrind:
	@tests=`$(valgrind_tests)`; \
	$(MAKE) $(AM_MAKEFLAGS) check TESTS="`echo $$tests`" \
		LOG_COMPILER='$(LOG_COMPILER) $(LIBTOOL) --mode=execute $(VALGRIND)'
