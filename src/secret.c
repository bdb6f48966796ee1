/* SPDX-License-Identifier: Apache-2.0 */
/* Reads files of secrets, if they are kept as such. */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of what was opened, not of what has the name by then. */
static const char *open_secret(const char *path, int *out)
{
	/* A FIFO must not be waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *wrong = NULL;
	struct stat stat;

	if (fd < 0)
		return errno == ENOENT ? "the file does not exist"
				       : "the file cannot be opened";
	if (fstat(fd, &stat) || !S_ISREG(stat.st_mode))
		wrong = "must be a regular file";
	else if (stat.st_mode & (S_IRGRP | S_IROTH))
		wrong = "must be a file that only its owner can read "
			"(chmod 600)";
	if (wrong)
		close(fd);
	else
		*out = fd;
	return wrong;
}

const char *mf_secret_check(const char *path)
{
	const char *wrong;
	int fd = -1;

	wrong = open_secret(path, &fd);
	if (!wrong)
		close(fd);
	return wrong;
}

const char *mf_secret_read(const char *path,
			   char line[MF_SECRET_BYTES_MAX + 2])
{
	const char *wrong;
	int fd = -1;
	ssize_t n;

	line[0] = '\0';
	wrong = open_secret(path, &fd);
	if (wrong)
		return wrong;
	n = read(fd, line, MF_SECRET_BYTES_MAX + 1);
	close(fd);
	line[n > 0 ? n : 0] = '\0';
	if (n < 0)
		return "the file cannot be read";
	if (n > MF_SECRET_BYTES_MAX && !strpbrk(line, "\r\n")) {
		explicit_bzero(line, (size_t)n);
		return "the secret is too long";
	}
	line[strcspn(line, "\r\n")] = '\0';
	return line[0] ? NULL : "the first line must be the secret";
}
