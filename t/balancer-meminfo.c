/* SPDX-License-Identifier: Apache-2.0 */
/* What is read from /proc/meminfo, and what is not believed. */
#include <metafora.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "meminfo.h"
#include "tap.h"

#define UNTOUCHED (-7.0)

static void refuses(const char *text)
{
	double used = UNTOUCHED, total = UNTOUCHED;

	CU_ASSERT_EQUAL(mf_meminfo_parse(text, &used, &total),
			METAFORA_EPROTO);
	CU_ASSERT_TRUE(used == UNTOUCHED && total == UNTOUCHED);
}

static void accepts(const char *text, double want_used, double want_total)
{
	double used = UNTOUCHED, total = UNTOUCHED;

	CU_ASSERT_EQUAL(mf_meminfo_parse(text, &used, &total), 0);
	CU_ASSERT_TRUE(used == want_used && total == want_total);
}

static void two_lines_are_read_wherever_they_are(void)
{
	accepts("MemTotal:       16303428 kB\n"
		"MemFree:          318512 kB\n"
		"MemAvailable:    9303428 kB\n"
		"Buffers:          102400 kB\n",
		7000000, 16303428);
	accepts("MemAvailable: 1 kB\nSwapTotal: 3 kB\nMemTotal:\t1 kB\n", 0, 1);
	accepts("MemTotal: 5 kB\nMemAvailable: 0 kB\n", 5, 5);
	accepts("MemTotal:4503599627370496 kB\n"
		"MemAvailable:4503599627370495 kB\n",
		1, 4503599627370496.0);
}

static void a_missing_line_is_an_error(void)
{
	refuses("");
	refuses("\n\n\n");
	refuses("MemTotal: 5 kB\n");
	refuses("MemAvailable: 5 kB\n");
	refuses("MemTotal: 5 kB\nMemFree: 3 kB\n");
	/* Names are whole, and at the beginning of a line. */
	refuses("MemTotal: 5 kB\n MemAvailable: 3 kB\n");
	refuses("MemTotal: 5 kB\nXMemAvailable: 3 kB\n");
	refuses("MemTotal: 5 kB\nMemAvailableX: 3 kB\n");
	refuses("MemTotal: 5 kB\nMemAvailable");
}

static void a_malformed_line_is_an_error(void)
{
	static const char *const values[] = {
		"",          " ",        "\n",        " kB\n",    " -3 kB\n",
		" +3 kB\n",  " 0x3 kB\n", " 3\n",     " 3 kB",    " 3 k",
		" 3",        " 3 MB\n",  " 3  kB\n",  " 3kB\n",   " 3.5 kB\n",
		" nan kB\n", " 3 kB 4\n", " 1 2 kB\n", "\n3 kB\n",
		" 4503599627370497 kB\n", " 18446744073709551617 kB\n",
		" 99999999999999999999999999999999999999999999999 kB\n",
	};
	char text[256];
	size_t i;

	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(text, sizeof(text), "MemTotal: 5 kB\nMemAvailable:%s",
			 values[i]);
		refuses(text);
		snprintf(text, sizeof(text), "MemAvailable: 0 kB\nMemTotal:%s",
			 values[i]);
		refuses(text);
	}
}

static void numbers_that_make_no_sense_together_are_an_error(void)
{
	refuses("MemTotal: 0 kB\nMemAvailable: 0 kB\n");
	refuses("MemTotal: 5 kB\nMemAvailable: 6 kB\n");
}

static void a_text_cut_short_anywhere_is_an_error(void)
{
	static const char whole[] = "MemTotal: 512 kB\nMemAvailable: 256 kB\n";
	char text[sizeof(whole)];
	size_t n;

	for (n = 0; n < sizeof(whole) - 1; n++) {
		memcpy(text, whole, n);
		text[n] = '\0';
		refuses(text);
	}
	accepts(whole, 256, 512);
}

/* --- files -------------------------------------------------------------------- */

static char path[] = "/tmp/metafora-meminfo-XXXXXX";

static void write_file(const char *text, size_t n_bytes)
{
	FILE *file = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL(fwrite(text, 1, n_bytes, file), n_bytes);
	CU_ASSERT_EQUAL(fclose(file), 0);
}

static void a_file_is_read(void)
{
	static const char good[] = "MemTotal: 8 kB\nMemAvailable: 2 kB\n";
	double used = UNTOUCHED, total = UNTOUCHED;
	char large[10000];
	int fd;

	strcpy(path + strlen(path) - 6, "XXXXXX");
	fd = mkstemp(path);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	close(fd);
	CU_ASSERT_EQUAL(mf_meminfo_report(path, &used, &total),
			METAFORA_EPROTO);
	write_file(good, strlen(good));
	CU_ASSERT_EQUAL(mf_meminfo_report(path, &used, &total), 0);
	CU_ASSERT_TRUE(used == 6 && total == 8);
	/* What is behind does not matter, however long; NULs end the text. */
	memset(large, 'x', sizeof(large));
	memcpy(large, good, strlen(good));
	write_file(large, sizeof(large));
	CU_ASSERT_EQUAL(mf_meminfo_report(path, &used, &total), 0);
	memset(large, '\0', sizeof(large));
	write_file(large, sizeof(large));
	CU_ASSERT_EQUAL(mf_meminfo_report(path, &used, &total),
			METAFORA_EPROTO);
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(mf_meminfo_report(path, &used, &total), METAFORA_ESYS);
	/* A folder can be opened, but not read. */
	CU_ASSERT_EQUAL(mf_meminfo_report("/", &used, &total), METAFORA_ESYS);
}

static void this_machine_has_memory(void)
{
	double used = UNTOUCHED, total = UNTOUCHED;
	char real[] = MF_MEMINFO_PATH;
	int error = mf_meminfo_report(real, &used, &total);

	if (error == METAFORA_ESYS) {
		tap_skip("no " MF_MEMINFO_PATH " here");
		return;
	}
	CU_ASSERT_EQUAL(error, 0);
	CU_ASSERT_TRUE(used > 0 && used <= total);
	tap_note("%.0f of %.0f KiB are in use", used, total);
}

static const struct tap_case cases[] = {
	{"two lines are read, wherever they are",
	 two_lines_are_read_wherever_they_are},
	{"a missing line is an error", a_missing_line_is_an_error},
	{"a malformed line is an error", a_malformed_line_is_an_error},
	{"numbers that make no sense together are an error",
	 numbers_that_make_no_sense_together_are_an_error},
	{"a text cut short anywhere is an error",
	 a_text_cut_short_anywhere_is_an_error},
	{"a file is read", a_file_is_read},
	{"this machine has memory", this_machine_has_memory},
};

TAP_MAIN(cases, NULL, NULL)
