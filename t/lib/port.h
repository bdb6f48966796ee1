/* SPDX-License-Identifier: Apache-2.0 */
/* Free TCP ports of 127.0.0.1. */
#ifndef T_PORT_H
#define T_PORT_H

#include <netinet/in.h>

/* 127.0.0.1:port. */
struct sockaddr_in port_address(unsigned int port);

/*
 * A socket that is bound to a free port.  The port is not of those that the
 * system gives to outgoing connections, so that it is likely to be free still
 * when the socket has been closed and somebody else binds to it.  Aborts if
 * there is none.
 */
int port_bind(unsigned int *port);

#endif
