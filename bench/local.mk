# SPDX-License-Identifier: Apache-2.0
# Benchmarks use the library as anybody does: by its public headers.  They are
# built with everything else, and run by "make bench" only.
noinst_PROGRAMS += bench/many
bench_many_SOURCES = \
	bench/figures.c \
	bench/figures.h \
	bench/many.c
bench_many_LDADD = libmetafora.la $(PTHREAD_LIBS)

# Looks inside, at one node without a broker.
noinst_PROGRAMS += bench/balance
bench_balance_SOURCES = \
	bench/balance.c \
	bench/figures.c \
	bench/figures.h
bench_balance_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/src $(JANSSON_CFLAGS)
bench_balance_LDADD = libwhole.la $(JANSSON_LIBS) $(ZOOKEEPER_LIBS) \
	$(PTHREAD_LIBS)

# For example: make bench BENCH_FLAGS='--tasks 10000 --json'
BENCH_FLAGS =
.PHONY: bench
bench: bench/many bench/balance
	bench/many --nodes 1 $(BENCH_FLAGS)
	bench/many --nodes 4 $(BENCH_FLAGS)
	bench/balance
