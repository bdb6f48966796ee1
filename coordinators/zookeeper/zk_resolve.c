/* SPDX-License-Identifier: Apache-2.0 */
/* Resolves a list of servers for the ZooKeeper client library. */
#include "zk_resolve.h"

#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <metafora/error.h>

#define DEFAULT_PORT "2181"
#define ADDRESSES_MAX 15 /* odd */
/* "address:port", and the comma or NUL behind it. */
#define ADDRESS_BYTES 64

struct list {
	char (*addresses)[ADDRESS_BYTES];
	size_t n;
};

static bool has(const struct list *list, const char *address)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (strcmp(list->addresses[i], address) == 0)
			return true;
	return false;
}

static void add(struct list *list, const struct addrinfo *info)
{
	char host[48];
	char port[8];
	char *address = list->addresses[list->n];

	if (list->n == ADDRESSES_MAX ||
	    getnameinfo(info->ai_addr, info->ai_addrlen, host, sizeof(host),
			port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		return;
	strcpy(address, host);
	strcat(address, ":");
	strcat(address, port);
	if (!has(list, address))
		list->n++;
}

/* Split "host:port" or "[host]:port" in place. */
static void split(char *server, char **host, const char **port)
{
	char *colon = strrchr(server, ':');
	char *bracket = strrchr(server, ']');

	*host = server;
	*port = DEFAULT_PORT;
	if (colon && (!bracket || colon > bracket)) {
		*colon = '\0';
		*port = colon + 1;
	}
	if (bracket && server[0] == '[') {
		*bracket = '\0';
		*host = server + 1;
	}
}

static void resolve_one(struct list *list, char *server, const char **why)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV,
	};
	struct addrinfo *infos;
	struct addrinfo *info;
	const char *port;
	char *host;
	int rc;

	split(server, &host, &port);
	rc = getaddrinfo(host, port, &hints, &infos);
	if (rc) {
		*why = gai_strerror(rc);
		return;
	}
	for (info = infos; info; info = info->ai_next)
		add(list, info);
	freeaddrinfo(infos);
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/*
 * The list as one string, of odd length, and in an order of its own: the same
 * servers give the same string.  (The library connects in random order.)
 */
static char *join(const struct list *list)
{
	size_t n = list->n | 1;
	char *out = malloc(n * ADDRESS_BYTES);
	size_t i;

	if (!out)
		return NULL;
	qsort(list->addresses, list->n, ADDRESS_BYTES, compare);
	out[0] = '\0';
	for (i = 0; i < n; i++) {
		if (i)
			strcat(out, ",");
		strcat(out, list->addresses[i % list->n]);
	}
	return out;
}

int mf_zk_resolve(const char *servers, char **out, const char **why)
{
	char (*addresses)[ADDRESS_BYTES];
	struct list list;
	char *copy = strdup(servers);
	char *rest = copy;
	char *server;
	int error = METAFORA_ENOMEM;

	*why = "the list of servers is empty";
	addresses = calloc(ADDRESSES_MAX + 1, sizeof(*addresses));
	if (!copy || !addresses)
		goto out;
	list = (struct list){ .addresses = addresses };
	while ((server = strsep(&rest, ",")))
		if (server[0])
			resolve_one(&list, server, why);
	error = METAFORA_EUNKNOWN;
	if (list.n == 0)
		goto out;
	*out = join(&list);
	error = *out ? 0 : METAFORA_ENOMEM;
out:
	free(addresses);
	free(copy);
	return error;
}
