# SPDX-License-Identifier: Apache-2.0
noinst_LTLIBRARIES += libbalancers.la
libbalancers_la_SOURCES = \
	balancers/adopted.c \
	balancers/adopted.h \
	balancers/dumb.c \
	balancers/fair.c \
	balancers/fair.h \
	balancers/fair_evict.c \
	balancers/fair_give.c \
	balancers/fair_pull.c \
	balancers/meminfo.c \
	balancers/meminfo.h \
	balancers/pace.c \
	balancers/pace.h \
	balancers/quota.c \
	balancers/quota.h \
	balancers/rendezvous.c \
	balancers/rendezvous.h \
	balancers/resource.c \
	balancers/sleep.c
