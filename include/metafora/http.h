/* SPDX-License-Identifier: Apache-2.0 */
/* A small HTTP server that shows what a consumer is doing. */
#ifndef METAFORA_HTTP_H
#define METAFORA_HTTP_H

#include <stdint.h>

#include <metafora/consumer.h>
#include <metafora/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * It answers GET and HEAD for
 *   /info     the status as JSON (metafora_consumer_status_json)
 *   /metrics  the metrics (metafora_consumer_metrics)
 *   /healthz  200 if the consumer is connected, its lease holds and its loop
 *             answers within a second; else 503 and one line that says why
 * Nothing can be changed through it.  It has one thread.  Each connection
 * serves one request and lives ten seconds at most; when there are more than
 * 32, the oldest goes; a request's head has 8 KiB at most.  There is no
 * encryption and nobody is asked who he is: keep it on the loopback, or on a
 * network that may know the names of tasks.
 */
struct metafora_http;

/*
 * Start a server for the consumer, which need not have been started yet and
 * must outlive the server.  address is numeric, of IPv4 or IPv6; NULL is the
 * loopback, 127.0.0.1.  port 0: one that is free.  Any thread.
 * Returns 0, METAFORA_EINVAL, METAFORA_ENOTSUP (the library was built without
 * --with-http), METAFORA_ENOMEM, METAFORA_ESYS (the port is taken, or the
 * system refused otherwise).  Since: 0.1.
 */
METAFORA_API int metafora_http_start(struct metafora_consumer *consumer,
				     const char *address, uint16_t port,
				     struct metafora_http **out);

/* The port it listens at; 0 for NULL.  Any thread.  Since: 0.1. */
METAFORA_API uint16_t metafora_http_port(const struct metafora_http *http);

/*
 * Close all connections, end the server, free it.  Blocks for a second at
 * most, if the consumer's loop does not answer.  NULL is allowed.  Not from a
 * callback.  Since: 0.1.
 */
METAFORA_API void metafora_http_stop(struct metafora_http *http);

#ifdef __cplusplus
}
#endif
#endif
