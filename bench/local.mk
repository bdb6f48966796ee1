# SPDX-License-Identifier: Apache-2.0
# Benchmarks use the library as anybody does: by its public headers.  They are
# built with everything else, and run by "make bench" only.
noinst_PROGRAMS += bench/many
bench_many_SOURCES = \
	bench/figures.c \
	bench/figures.h \
	bench/many.c
bench_many_LDADD = libmetafora.la $(PTHREAD_LIBS)

# For example: make bench BENCH_FLAGS='--tasks 10000 --json'
BENCH_FLAGS =
.PHONY: bench
bench: bench/many
	bench/many --nodes 1 $(BENCH_FLAGS)
	bench/many --nodes 4 $(BENCH_FLAGS)
