/* SPDX-License-Identifier: Apache-2.0 */
/* Servers whose names get other addresses while none of them answers. */
#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <metafora/error.h>
#include <metafora/zookeeper.h>

#include "recorder.h"
#include "tap.h"

#define PATIENCE_MS 60000

int __real_getaddrinfo(const char *node, const char *service,
		       const struct addrinfo *hints, struct addrinfo **out);
int __wrap_getaddrinfo(const char *node, const char *service,
		       const struct addrinfo *hints, struct addrinfo **out);

/* Only looked at and changed by the thread that resolves. */
static unsigned int n_lookups;

/* The name moves after its first lookup. */
int __wrap_getaddrinfo(const char *node, const char *service,
		       const struct addrinfo *hints, struct addrinfo **out)
{
	if (node && strcmp(node, "zk.test") == 0)
		node = n_lookups++ ? "127.0.0.1" : "127.0.0.2";
	return __real_getaddrinfo(node, service, hints, out);
}

static int listen_somewhere(char *servers, size_t size_bytes)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t n = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&address, n), 0);
	CU_ASSERT_EQUAL_FATAL(listen(fd, 8), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)&address, &n),
			      0);
	snprintf(servers, size_bytes, "zk.test:%u", ntohs(address.sin_port));
	return fd;
}

static void names_are_resolved_again(void)
{
	struct metafora_zookeeper_options *options;
	struct metafora_coordinator *coordinator;
	struct rec_client *client;
	struct site *site;
	struct pollfd wait = {.events = POLLIN};
	char servers[64];
	int error;

	wait.fd = listen_somewhere(servers, sizeof(servers));
	CU_ASSERT_EQUAL_FATAL(metafora_zookeeper_options_new(servers, "/ns",
							     &options),
			      0);
	error = metafora_zookeeper_coordinator_new(options, &coordinator);
	metafora_zookeeper_options_free(options);
	if (error == METAFORA_ENOTSUP) {
		close(wait.fd);
		tap_skip("built without the ZooKeeper client");
		return;
	}
	CU_ASSERT_EQUAL_FATAL(error, 0);
	site = site_new_threads();
	client = rec_client_open(site, coordinator);
	CU_ASSERT_PTR_NOT_NULL_FATAL(client);
	CU_ASSERT_EQUAL(poll(&wait, 1, PATIENCE_MS), 1);
	rec_client_close(client);
	rec_client_free(client);
	metafora_coordinator_free(coordinator);
	site_free(site);
	close(wait.fd);
	CU_ASSERT(n_lookups >= 2);
}

static const struct tap_case cases[] = {
	{"names of servers are resolved again while none answers",
	 names_are_resolved_again},
};

TAP_MAIN(cases, NULL, NULL)
