/* SPDX-License-Identifier: Apache-2.0 */
/* Free TCP ports of 127.0.0.1. */
#include "port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process.h"

#define PORT_MIN 10000
#define N_PORTS 20000
#define TRIES_MAX 1000

struct sockaddr_in port_address(unsigned int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

int port_bind(unsigned int *port)
{
	const int on = 1;
	struct sockaddr_in at;
	unsigned int random;
	int tries;
	int fd;

	for (tries = 0; tries < TRIES_MAX; tries++) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0 ||
		    getrandom(&random, sizeof(random), 0) != sizeof(random))
			process_die("no socket: %s", strerror(errno));
		/* Old connections are in nobody's way. */
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		*port = PORT_MIN + random % N_PORTS;
		at = port_address(*port);
		if (!bind(fd, (const struct sockaddr *)&at, sizeof(at)))
			return fd;
		close(fd);
	}
	process_die("no free port: %s", strerror(errno));
}
