/* SPDX-License-Identifier: Apache-2.0 */
/* Text for people, and what is known of their terminal. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "ctl_output.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MIN 20

int ctl_width_of(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) || size.ws_col == 0)
		return WIDTH_DEFAULT;
	return size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
}

bool ctl_colors(const struct ctl *ctl)
{
	const char *refused = getenv("NO_COLOR");
	const char *terminal = getenv("TERM");

	if (strcmp(ctl->options.color, "auto") != 0)
		return strcmp(ctl->options.color, "always") == 0;
	return isatty(STDOUT_FILENO) == 1 && !(refused && *refused) &&
	       terminal && strcmp(terminal, "dumb") != 0;
}

/* --- escaping --------------------------------------------------------------------- */

/* Bytes of the character at the beginning; 0: it cannot be printed. */
static size_t printable(const char *bytes, size_t n)
{
	mbstate_t state = {0};
	wchar_t wide;
	size_t length = mbrtowc(&wide, bytes, n, &state);

	if (length == 0 || length > n || !iswprint((wint_t)wide))
		return 0;
	return length;
}

static void put_escape(FILE *out, unsigned char byte)
{
	if (byte == '\n')
		fputs("\\n", out);
	else if (byte == '\t')
		fputs("\\t", out);
	else
		fprintf(out, "\\x%02x", byte);
}

void ctl_put_escaped(FILE *out, const char *bytes, size_t n)
{
	size_t length;

	for (; n > 0; bytes += length, n -= length) {
		length = printable(bytes, n);
		if (length == 1 && *bytes == '\\') {
			fputs("\\\\", out);
		} else if (length) {
			fwrite(bytes, 1, length, out);
		} else {
			put_escape(out, (unsigned char)*bytes);
			length = 1;
		}
	}
}

char *ctl_escaped(const char *bytes, size_t n)
{
	char *text = NULL;
	size_t n_text;
	FILE *out = open_memstream(&text, &n_text);

	if (!out)
		ctl_no_memory();
	ctl_put_escaped(out, bytes, n);
	if (fclose(out) || !text)
		ctl_no_memory();
	return text;
}

/* --- time ---------------------------------------------------------------------------- */

const char *ctl_time(char text[32], int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm local;

	if (wall_ms <= 0 || !localtime_r(&seconds, &local) ||
	    !strftime(text, 32, "%Y-%m-%d %H:%M:%S", &local))
		strcpy(text, "-");
	return text;
}

const char *ctl_age(char text[32], int64_t wall_ms)
{
	int64_t s = (int64_t)time(NULL) - wall_ms / 1000;

	/* Clocks of two machines: what began just now may seem to begin soon. */
	if (s < 0)
		s = 0;
	if (wall_ms <= 0)
		strcpy(text, "-");
	else if (s >= 86400)
		snprintf(text, 32, "%" PRId64 "d%" PRId64 "h", s / 86400,
			 s % 86400 / 3600);
	else if (s >= 3600)
		snprintf(text, 32, "%" PRId64 "h%" PRId64 "m", s / 3600,
			 s % 3600 / 60);
	else if (s >= 60)
		snprintf(text, 32, "%" PRId64 "m%" PRId64 "s", s / 60, s % 60);
	else
		snprintf(text, 32, "%" PRId64 "s", s);
	return text;
}
