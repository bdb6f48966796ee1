/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of /proc/meminfo, which believes nothing it cannot make out. */
#include "meminfo.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <metafora/error.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* Both lines are among the first; what does not fit is not needed. */
#define TEXT_MAX_BYTES 4096
/* More than any machine has, and exact as a double. */
#define KIB_MAX (UINT64_C(1) << 52)

/* The text behind name at the beginning of a line, or NULL. */
static const char *find_line(const char *text, const char *name)
{
	size_t length = strlen(name);

	while (text) {
		if (!strncmp(text, name, length))
			return text + length;
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return NULL;
}

/* "   number kB\n" */
static bool read_kib(const char *text, uint64_t *kib)
{
	uint64_t value = 0;

	if (!text)
		return false;
	text += strspn(text, " \t");
	if (!isdigit((unsigned char)*text))
		return false;
	for (; isdigit((unsigned char)*text); text++) {
		value = value * 10 + (uint64_t)(*text - '0');
		if (value > KIB_MAX)
			return false;
	}
	if (strncmp(text, " kB\n", 4) != 0)
		return false;
	*kib = value;
	return true;
}

int mf_meminfo_parse(const char *text, double *used, double *total)
{
	uint64_t total_kib, available_kib;

	if (!read_kib(find_line(text, "MemTotal:"), &total_kib) ||
	    !read_kib(find_line(text, "MemAvailable:"), &available_kib))
		return METAFORA_EPROTO;
	if (!total_kib || available_kib > total_kib)
		return METAFORA_EPROTO;
	*used = (double)(total_kib - available_kib);
	*total = (double)total_kib;
	return 0;
}

/* Returns how many bytes, without the NUL that follows; negative: an error. */
static ssize_t read_text(int fd, char *text, size_t room)
{
	size_t n_bytes = 0;

	while (n_bytes < room - 1) {
		ssize_t n = read(fd, text + n_bytes, room - 1 - n_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		n_bytes += (size_t)n;
	}
	text[n_bytes] = '\0';
	return (ssize_t)n_bytes;
}

int mf_meminfo_report(void *arg, double *used, double *total)
{
	char text[TEXT_MAX_BYTES];
	ssize_t n_bytes;
	int fd;

	fd = open(arg, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return METAFORA_ESYS;
	n_bytes = read_text(fd, text, sizeof(text));
	close(fd);
	if (n_bytes < 0)
		return METAFORA_ESYS;
	return mf_meminfo_parse(text, used, total);
}
