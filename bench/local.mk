# SPDX-License-Identifier: Apache-2.0
# Benchmarks use the library as anybody does: by its public headers.  They are
# built with everything else, and run by "make bench" only.
noinst_PROGRAMS += bench/many
bench_many_SOURCES = \
	bench/figures.c \
	bench/figures.h \
	bench/many.c \
	bench/program.c \
	bench/program.h
bench_many_LDADD = libmetafora.la $(PTHREAD_LIBS)

# Looks inside, at one node without a broker.
noinst_PROGRAMS += bench/balance
bench_balance_SOURCES = \
	bench/balance.c \
	bench/figures.c \
	bench/figures.h \
	bench/program.c \
	bench/program.h
bench_balance_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src $(JANSSON_CFLAGS)
bench_balance_LDADD = libwhole.la $(JANSSON_LIBS) $(ZOOKEEPER_LIBS) \
	$(PTHREAD_LIBS)

# Clusters on private servers, for which it borrows from the tests; built by
# script/bench and "make check-real" only.
BENCH_ZOOKEEPER = bench/zookeeper bench/zookeeper-node bench/report
EXTRA_PROGRAMS = $(BENCH_ZOOKEEPER)
bench_zookeeper_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/t/lib -DTHREADED
bench_zookeeper_SOURCES = \
	bench/cluster.c \
	bench/cluster.h \
	bench/cluster_int.h \
	bench/cold.c \
	bench/figures.c \
	bench/figures.h \
	bench/history.c \
	bench/journal.c \
	bench/journal.h \
	bench/limits.c \
	bench/moving.c \
	bench/node.h \
	bench/program.c \
	bench/program.h \
	bench/raw.c \
	bench/raw.h \
	bench/rest.c \
	bench/results.c \
	bench/results.h \
	bench/scale.c \
	bench/scenarios.h \
	bench/zookeeper.c
bench_zookeeper_LDADD = libtest.la libmetafora.la $(ZOOKEEPER_LIBS) \
	$(PTHREAD_LIBS) -lcunit
bench_zookeeper_node_SOURCES = \
	bench/journal.c \
	bench/journal.h \
	bench/node.c \
	bench/node.h \
	bench/program.c \
	bench/program.h
bench_zookeeper_node_LDADD = libmetafora.la $(PTHREAD_LIBS)
bench_report_SOURCES = bench/report.c
bench_report_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
bench_report_LDADD = $(JANSSON_LIBS)

# Counts on a simulated ensemble, for which it borrows from the tests, too;
# "make bench-operations" runs it.
EXTRA_PROGRAMS += bench/operations
bench_operations_CPPFLAGS = $(TEST_CPPFLAGS)
bench_operations_LDADD = $(TEST_LIBS)
.PHONY: bench-operations
bench-operations: bench/operations
	bench/operations

EXTRA_DIST += script/bench
.PHONY: bench-zookeeper
bench-zookeeper: $(BENCH_ZOOKEEPER)

# For example: make bench BENCH_FLAGS='--tasks 10000 --runs 1'
BENCH_FLAGS =
.PHONY: bench
bench: bench/many bench/balance
	bench/many --nodes 1 $(BENCH_FLAGS)
	bench/many --nodes 4 $(BENCH_FLAGS)
	bench/balance
