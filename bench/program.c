/* SPDX-License-Identifier: Apache-2.0 */
/* What the benchmark programs share: options, failing, clocks. */
#include "program.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <metafora/error.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define OPTIONS_MAX 16

/* --- options -------------------------------------------------------------------- */

static size_t read_number(const struct bench_option *option, const char *text)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' ||
	    value < option->min || value > option->max) {
		fprintf(stderr, "%s: --%s must be %zu to %zu\n",
			program_invocation_short_name, option->name,
			option->min, option->max);
		exit(2);
	}
	return value;
}

static void take(const struct bench_option *option, const char *value)
{
	if (option->number)
		*option->number = read_number(option, value);
	else if (option->text)
		*option->text = value;
	else
		*option->flag = true;
}

void bench_read_options(int argc, char **argv, const char *usage,
			const struct bench_option *options)
{
	static const struct option help = {"help", no_argument, NULL, 'h'};
	struct option all[OPTIONS_MAX] = {{NULL, 0, NULL, 0}};
	size_t n;
	int found;
	int i;

	for (n = 0; options[n].name; n++) {
		assert(n + 2 < OPTIONS_MAX); /* with help and an end */
		all[n].name = options[n].name;
		all[n].has_arg =
			options[n].flag ? no_argument : required_argument;
	}
	all[n] = help;
	while ((found = getopt_long(argc, argv, "", all, &i)) == 0)
		take(&options[i], optarg);
	if (found == 'h') {
		fputs(usage, stdout);
		exit(0);
	}
	if (found != -1 || optind < argc) {
		fputs(usage, stderr);
		exit(2);
	}
}

/* --- failing ---------------------------------------------------------------------- */

void bench_die(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(1);
}

void bench_need(int error, const char *what)
{
	if (error)
		bench_die("%s: %s", what, metafora_strerror(error));
}

void bench_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
}

/* --- clocks ------------------------------------------------------------------------- */

static uint64_t read_clock(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t bench_now_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

double bench_ms_since(uint64_t began_ns)
{
	return bench_ms_between(began_ns, bench_now_ns());
}

double bench_ms_between(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (double)(to_ns - from_ns) / 1e6 : 0;
}

uint64_t bench_cpu_ns(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

double bench_cpu_ms_since(uint64_t began_cpu_ns)
{
	return bench_ms_between(began_cpu_ns, bench_cpu_ns());
}

void bench_pause_ms(int64_t ms)
{
	struct timespec left = {.tv_sec = ms / 1000,
				.tv_nsec = ms % 1000 * 1000000};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		;
}
