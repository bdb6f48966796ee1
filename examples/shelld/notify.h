/* SPDX-License-Identifier: Apache-2.0 */
/* Tells a service manager how the service is, by its datagram socket. */
#ifndef SHELLD_NOTIFY_H
#define SHELLD_NOTIFY_H

#include <stdint.h>

/*
 * Send an assignment like "READY=1", or several with newlines between, to the
 * socket that NOTIFY_SOCKET names, as sd_notify(3) does.  Without one, and if
 * it cannot be sent, nothing happens.  Any thread.
 */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * How often the manager wants to hear "WATCHDOG=1", half of what it allows;
 * 0: it does not.
 */
int64_t notify_watchdog_ms(void);

#endif
