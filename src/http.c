/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server: read-only, bounded, with one thread. */
#include <metafora/http.h>

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <metafora/error.h>

#include "clock.h"
#include "status.h"

#define CONNECTIONS_MAX 32
#define CONNECTION_MS 10000
#define HEAD_BYTES 8192
/* How long the consumer's loop may take to answer. */
#define ANSWER_MS 1000
/* How often connections are looked at that are there. */
#define LOOK_MS 250

struct connection {
	int fd;
	uint64_t since_ns; /* 0: this one is free */
};

struct metafora_http {
	struct metafora_consumer *consumer; /* const */
	struct MHD_Daemon *daemon;          /* const */
	uint16_t port;                      /* const */
	int stop_fd;                        /* const: readable: end */
	pthread_t thread;
	/* The thread's.  The server is told of one more than it keeps. */
	struct connection connections[CONNECTIONS_MAX + 1];
	size_t n_connections;
};

/* --- answers ---------------------------------------------------------------- */

/* Takes text over, if it is to be freed. */
static enum MHD_Result answer(struct MHD_Connection *connection,
			      unsigned int status, const char *type, char *text,
			      enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), text, mode);
	enum MHD_Result result;

	if (!response) {
		if (mode == MHD_RESPMEM_MUST_FREE)
			free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
				"no-store");
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
					"GET, HEAD");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result say(struct MHD_Connection *connection,
			   unsigned int status, const char *line)
{
	return answer(connection, status, "text/plain; charset=utf-8",
		      (char *)(uintptr_t)line, MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result say_error(struct MHD_Connection *connection, int error)
{
	char line[128] = "";

	strncat(line, metafora_strerror(error), sizeof(line) - 2);
	strcat(line, "\n");
	return say(connection, MHD_HTTP_SERVICE_UNAVAILABLE, line);
}

static enum MHD_Result show_info(struct metafora_http *http,
				 struct MHD_Connection *connection)
{
	char *text;
	int error = metafora_consumer_status_json(http->consumer, ANSWER_MS,
						  &text);

	if (error)
		return say_error(connection, error);
	return answer(connection, MHD_HTTP_OK, "application/json", text,
		      MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result show_metrics(struct metafora_http *http,
				    struct MHD_Connection *connection)
{
	char *text;
	int error = metafora_consumer_metrics(http->consumer, ANSWER_MS, &text);

	if (error)
		return say_error(connection, error);
	return answer(connection, MHD_HTTP_OK,
		      "text/plain; version=0.0.4; charset=utf-8", text,
		      MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result show_health(struct metafora_http *http,
				   struct MHD_Connection *connection)
{
	struct mf_status status;
	const char *ill = NULL;
	int error = mf_status_take(http->consumer, ANSWER_MS, false, &status);

	if (error == METAFORA_ETIMEDOUT)
		return say(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
			   "the loop does not answer\n");
	if (error)
		return say_error(connection, error);
	if (status.life == MF_LIFE_LEFT)
		ill = "the node has left the cluster\n";
	else if (status.link != MF_LINK_UP)
		ill = "not connected to the broker\n";
	else if (mf_status_lease_ns(&status) == 0)
		ill = "the lease has ended\n";
	mf_status_fini(&status);
	return say(connection,
		   ill ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK,
		   ill ? ill : "ok\n");
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection,
				  const char *url, const char *method,
				  const char *version, const char *upload,
				  size_t *upload_bytes, void **context)
{
	struct metafora_http *http = arg;
	static char seen;

	(void)version;
	(void)upload;
	/* Before a body is read: none is. */
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return say(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
			   "only GET and HEAD\n");
	if (!*context) {
		/* An answer now would close the connection on a body. */
		*context = &seen;
		return MHD_YES;
	}
	if (*upload_bytes)
		return MHD_NO;
	if (!strcmp(url, "/info"))
		return show_info(http, connection);
	if (!strcmp(url, "/metrics"))
		return show_metrics(http, connection);
	if (!strcmp(url, "/healthz"))
		return show_health(http, connection);
	return say(connection, MHD_HTTP_NOT_FOUND,
		   "there are /info, /metrics and /healthz\n");
}

/* --- connections ------------------------------------------------------------ */

/* The server sees it end, and forgets it. */
static void cut(struct connection *connection)
{
	shutdown(connection->fd, SHUT_RDWR);
}

static struct connection *oldest(struct metafora_http *http)
{
	struct connection *found = NULL;
	size_t i;

	for (i = 0; i <= CONNECTIONS_MAX; i++) {
		struct connection *connection = &http->connections[i];

		if (connection->since_ns &&
		    (!found || connection->since_ns < found->since_ns))
			found = connection;
	}
	return found;
}

static void connected(struct metafora_http *http,
		      struct MHD_Connection *connection, void **context)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	size_t i;

	/* Who comes is served; who has been there for long must go. */
	if (++http->n_connections > CONNECTIONS_MAX)
		cut(oldest(http));
	for (i = 0; http->connections[i].since_ns; i++)
		;
	http->connections[i].fd = info->connect_fd;
	http->connections[i].since_ns = mf_clock_boottime_ns();
	*context = &http->connections[i];
}

static void on_connection(void *arg, struct MHD_Connection *connection,
			  void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct metafora_http *http = arg;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		connected(http, connection, context);
	} else if (*context) {
		((struct connection *)*context)->since_ns = 0;
		http->n_connections--;
	}
}

/* Nobody holds a connection by sending or reading slowly. */
static void cut_old(struct metafora_http *http)
{
	const uint64_t now_ns = mf_clock_boottime_ns();
	size_t i;

	for (i = 0; i <= CONNECTIONS_MAX; i++) {
		struct connection *connection = &http->connections[i];

		if (connection->since_ns &&
		    now_ns - connection->since_ns >=
			    CONNECTION_MS * MF_NS_PER_MS)
			cut(connection);
	}
}

/* --- the thread -------------------------------------------------------------- */

static int wait_ms(const struct metafora_http *http)
{
	MHD_UNSIGNED_LONG_LONG server_ms;
	int ms = http->n_connections ? LOOK_MS : -1;

	if (MHD_get_timeout(http->daemon, &server_ms) == MHD_YES &&
	    (ms < 0 || server_ms < (unsigned int)ms))
		ms = server_ms < LOOK_MS ? (int)server_ms : LOOK_MS;
	return ms;
}

static void *run(void *arg)
{
	struct metafora_http *http = arg;
	struct pollfd fds[] = {
		{.fd = http->stop_fd, .events = POLLIN},
		{.fd = MHD_get_daemon_info(http->daemon,
					   MHD_DAEMON_INFO_EPOLL_FD)
			       ->epoll_fd,
		 .events = POLLIN},
	};

	pthread_setname_np(pthread_self(), "metafora-http");
	for (;;) {
		poll(fds, 2, wait_ms(http));
		if (fds[0].revents)
			return NULL;
		MHD_run(http->daemon);
		cut_old(http);
	}
}

/* Signals are the application's: none may be handled on our threads. */
static int create_thread(struct metafora_http *http)
{
	sigset_t all;
	sigset_t old;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&http->thread, NULL, run, http);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error ? METAFORA_ESYS : 0;
}

/* --- calls ------------------------------------------------------------------- */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static bool parse_address(const char *text, uint16_t port,
			  union address *address)
{
	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
		address->v4.sin_family = AF_INET;
		address->v4.sin_port = htons(port);
		return true;
	}
	if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1) {
		address->v6.sin6_family = AF_INET6;
		address->v6.sin6_port = htons(port);
		return true;
	}
	return false;
}

static int start_daemon(struct metafora_http *http,
			const union address *address)
{
	unsigned int flags = MHD_USE_EPOLL;

	if (address->any.sa_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	http->daemon = MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, http,
		MHD_OPTION_SOCK_ADDR, &address->any,
		MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX + 1u,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_BYTES,
		MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_MS / 1000u,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
		MHD_OPTION_END);
	if (!http->daemon)
		return METAFORA_ESYS;
	http->port = MHD_get_daemon_info(http->daemon,
					 MHD_DAEMON_INFO_BIND_PORT)->port;
	return 0;
}

int metafora_http_start(struct metafora_consumer *consumer, const char *address,
			uint16_t port, struct metafora_http **out)
{
	struct metafora_http *http;
	union address parsed;
	int error;

	if (!consumer || !out ||
	    !parse_address(address ? address : "127.0.0.1", port, &parsed))
		return METAFORA_EINVAL;
	http = calloc(1, sizeof(*http));
	if (!http)
		return METAFORA_ENOMEM;
	http->consumer = consumer;
	http->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = http->stop_fd < 0 ? METAFORA_ESYS : 0;
	if (error)
		goto fail;
	error = start_daemon(http, &parsed);
	if (error)
		goto fail_fd;
	error = create_thread(http);
	if (error)
		goto fail_daemon;
	*out = http;
	return 0;

fail_daemon:
	MHD_stop_daemon(http->daemon);
fail_fd:
	close(http->stop_fd);
fail:
	free(http);
	return error;
}

uint16_t metafora_http_port(const struct metafora_http *http)
{
	return http ? http->port : 0;
}

void metafora_http_stop(struct metafora_http *http)
{
	if (!http)
		return;
	/* Fails only if the counter is full, and then it is readable. */
	(void)!eventfd_write(http->stop_fd, 1);
	pthread_join(http->thread, NULL);
	MHD_stop_daemon(http->daemon);
	close(http->stop_fd);
	free(http);
}
