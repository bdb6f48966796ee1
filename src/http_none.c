/* SPDX-License-Identifier: Apache-2.0 */
/* In place of the HTTP server, in a library that was built without it. */
#include <metafora/error.h>
#include <metafora/http.h>

int metafora_http_start(struct metafora_consumer *consumer, const char *address,
			uint16_t port, struct metafora_http **out)
{
	(void)address;
	(void)port;
	return consumer && out ? METAFORA_ENOTSUP : METAFORA_EINVAL;
}

uint16_t metafora_http_port(const struct metafora_http *http)
{
	(void)http;
	return 0;
}

void metafora_http_stop(struct metafora_http *http)
{
	(void)http;
}
