/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmark programs share: options, failing, clocks. */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An option and where it goes: one of number, text and flag is not NULL. */
struct bench_option {
	const char *name;
	size_t *number;
	size_t min, max; /* of the number */
	const char **text;
	bool *flag;
};

/*
 * Read the arguments, all of them options; the last of these has no name.
 * "--help" prints the usage and ends the program, and so does what is wrong.
 */
void bench_read_options(int argc, char **argv, const char *usage,
			const struct bench_option *options);

/*
 * Whatever fails ends the program: a benchmark that did not do its work has no
 * figures.  bench_need() does so if there is an error, of this library.
 */
void bench_die(const char *format, ...)
	__attribute__((format(printf, 1, 2), noreturn));
void bench_need(int error, const char *what);
/* What goes on, for who waits. */
void bench_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same in all processes. */
uint64_t bench_now_ns(void);
double bench_ms_since(uint64_t began_ns);
/* 0 if they are the wrong way round. */
double bench_ms_between(uint64_t from_ns, uint64_t to_ns);
/* Processor time that this process has used. */
uint64_t bench_cpu_ns(void);
double bench_cpu_ms_since(uint64_t began_cpu_ns);
void bench_pause_ms(int64_t ms);

#endif
