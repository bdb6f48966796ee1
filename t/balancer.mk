# SPDX-License-Identifier: Apache-2.0
libtest_la_SOURCES += t/lib/rounds.c t/lib/rounds.h t/lib/crowd.c t/lib/crowd.h \
	t/lib/seeds.c t/lib/seeds.h

check_PROGRAMS += t/balancer-rendezvous t/balancer-quota t/balancer-decide \
	t/balancer-fair t/balancer-open t/balancer-pull t/balancer-dumb t/balancer-oom
TESTS += t/balancer-rendezvous t/balancer-quota t/balancer-decide \
	t/balancer-fair t/balancer-open t/balancer-pull t/balancer-dumb t/balancer-oom
t_balancer_rendezvous_CPPFLAGS = $(TEST_CPPFLAGS)
t_balancer_rendezvous_LDADD = $(TEST_LIBS) -lm
t_balancer_quota_CPPFLAGS = $(TEST_CPPFLAGS)
t_balancer_quota_LDADD = $(TEST_LIBS) -lm
t_balancer_decide_CPPFLAGS = $(TEST_CPPFLAGS)
t_balancer_decide_LDADD = $(TEST_LIBS)
t_balancer_fair_CPPFLAGS = $(TEST_CPPFLAGS)
t_balancer_fair_LDADD = $(TEST_LIBS)
t_balancer_pull_CPPFLAGS = $(TEST_CPPFLAGS)
t_balancer_pull_LDADD = $(TEST_LIBS)
t_balancer_open_SOURCES = t/balancer-fair.c
t_balancer_open_CPPFLAGS = $(TEST_CPPFLAGS) -DNO_LINES
t_balancer_open_LDADD = $(TEST_LIBS)
t_balancer_dumb_CPPFLAGS = $(TEST_CPPFLAGS)
t_balancer_dumb_LDADD = $(TEST_LIBS)
t_balancer_oom_CPPFLAGS = $(TEST_CPPFLAGS)
t_balancer_oom_LDFLAGS = $(AM_LDFLAGS) $(OOM_LDFLAGS)
t_balancer_oom_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/balancer-sleep
TESTS += t/balancer-sleep
t_balancer_sleep_CPPFLAGS = $(TEST_CPPFLAGS)
t_balancer_sleep_LDADD = $(TEST_LIBS)

check_PROGRAMS += t/balancer-meminfo t/balancer-resource
TESTS += t/balancer-meminfo t/balancer-resource
t_balancer_meminfo_CPPFLAGS = $(TEST_CPPFLAGS)
t_balancer_meminfo_LDADD = $(TEST_LIBS)
t_balancer_resource_CPPFLAGS = $(TEST_CPPFLAGS)
t_balancer_resource_LDADD = $(TEST_LIBS) -lm

check_PROGRAMS += t/balancer-crowd
TESTS += t/balancer-crowd
t_balancer_crowd_CPPFLAGS = $(TEST_CPPFLAGS)
t_balancer_crowd_LDADD = $(TEST_LIBS)
