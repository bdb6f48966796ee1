/* SPDX-License-Identifier: Apache-2.0 */
/* Tells a service manager how the service is, by its datagram socket. */
#include "notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "reach.h"

/* 0: there is none that can be used. */
static socklen_t get_address(struct sockaddr_un *address)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path ? strlen(path) : 0;

	if (n < 2 || n >= sizeof(address->sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return 0;
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, n);
	if (path[0] == '@') /* not in the file system */
		address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

void notify(const char *format, ...)
{
	struct sockaddr_un address;
	socklen_t n_address = get_address(&address);
	char text[256];
	va_list args;
	int fd;

	if (!n_address)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
	       (struct sockaddr *)&address, n_address);
	close(fd);
}

int64_t notify_watchdog_ms(void)
{
	const char *interval = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	int64_t value;

	/* It may be meant for another process. */
	if (pid && (read_integer(pid, 1, INT32_MAX, &value) ||
		    value != getpid()))
		return 0;
	if (!interval || read_integer(interval, 2000, INT64_MAX, &value))
		return 0;
	return value / 2000;
}
