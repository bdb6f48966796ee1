# SPDX-License-Identifier: Apache-2.0
check_PROGRAMS += t/balancer-quota
TESTS += t/balancer-quota
t_balancer_quota_CPPFLAGS = $(TEST_CPPFLAGS)
t_balancer_quota_LDADD = $(TEST_LIBS) -lm
