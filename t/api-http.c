/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server, asked through bare sockets. */
#include <arpa/inet.h>
#include <jansson.h>
#include <metafora.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "prom.h"
#include "scene.h"
#include "tap.h"

#define SESSION_MS 10000
/* More than the server keeps. */
#define N_IDLE 40

static struct metafora_consumer *consumer;
static struct metafora_http *http;
static char reply[1 << 20];

static void setup(void)
{
	scene_open(SESSION_MS);
	consumer = scene_start("n1", scene.async);
	http = NULL;
	CU_ASSERT_EQUAL_FATAL(metafora_http_start(consumer, NULL, 0, &http),
			      0);
}

static void teardown(void)
{
	metafora_http_stop(http);
	metafora_consumer_free(consumer);
	scene_close();
}

/* --- a client ------------------------------------------------------------------- */

static int open_connection(void)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(metafora_http_port(http)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(
		connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void put(int fd, const char *text)
{
	CU_ASSERT_EQUAL(send(fd, text, strlen(text), MSG_NOSIGNAL),
			(ssize_t)strlen(text));
}

/* Read until the other side closes; returns the HTTP status, 0: none. */
static int read_reply(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	size_t n = 0;
	int status = 0;

	while (n < sizeof(reply) - 1) {
		ssize_t got;

		CU_ASSERT_EQUAL_FATAL(poll(&wait, 1, LONG_MS), 1);
		got = recv(fd, reply + n, sizeof(reply) - 1 - n, 0);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	reply[n] = '\0';
	close(fd);
	if (sscanf(reply, "HTTP/1.1 %d ", &status) != 1)
		status = 0;
	return status;
}

static int ask(const char *request)
{
	int fd = open_connection();

	put(fd, request);
	return read_reply(fd);
}

static int get(const char *path)
{
	char request[256];

	snprintf(request, sizeof(request),
		 "GET %.100s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
	return ask(request);
}

static const char *body(void)
{
	const char *end = strstr(reply, "\r\n\r\n");

	return end ? end + 4 : "";
}

/* --- paths ---------------------------------------------------------------------- */

static void info_is_the_status(void)
{
	json_t *status;

	CU_ASSERT_EQUAL(get("/info"), 200);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(reply, "\r\nContent-Type: application/json\r\n"));
	status = json_loads(body(), 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(status);
	CU_ASSERT_STRING_EQUAL(
		json_string_value(json_object_get(status, "node")), "n1");
	json_decref(status);
}

static void metrics_are_the_metrics(void)
{
	CU_ASSERT_EQUAL(get("/metrics"), 200);
	CU_ASSERT_PTR_NOT_NULL(strstr(
		reply, "\r\nContent-Type: text/plain; version=0.0.4"));
	CU_ASSERT_TRUE(prom_accepts(body()));
	CU_ASSERT_EQUAL(prom_value(body(), "metafora_connected", NULL), 1);
}

static void what_is_not_there_is_not_found(void)
{
	static const char *const paths[] = {"/", "/infos", "/info/", "/..",
					    "/healthz/%00", "//info"};
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		CU_ASSERT_EQUAL(get(paths[i]), 404);
	CU_ASSERT_EQUAL(get("/healthz?verbose=1"), 200);
}

static void only_get_and_head_are_allowed(void)
{
	static const char *const methods[] = {"POST", "PUT", "DELETE", "PATCH",
					      "OPTIONS", "BREW"};
	char request[256];
	size_t i;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		snprintf(request, sizeof(request),
			 "%s /info HTTP/1.1\r\nHost: a\r\n"
			 "Content-Length: 3\r\n\r\nabc", methods[i]);
		CU_ASSERT_EQUAL(ask(request), 405);
		CU_ASSERT_PTR_NOT_NULL(strstr(reply, "Allow: GET, HEAD\r\n"));
	}
	CU_ASSERT_EQUAL(ask("HEAD /info HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
	CU_ASSERT_STRING_EQUAL(body(), "");
	CU_ASSERT_PTR_NOT_NULL(strstr(reply, "\r\nContent-Length: "));
}

static void what_is_no_http_is_refused(void)
{
	static char request[64 * 1024];
	int fd;

	CU_ASSERT_NOT_EQUAL(ask("\x16\x03\x01 nonsense\r\n\r\n"), 200);
	/* A head that is too large. */
	fd = open_connection();
	strcpy(request, "GET /info HTTP/1.1\r\nHost: a\r\nX: ");
	memset(request + strlen(request), 'x',
	       sizeof(request) - strlen(request) - 1);
	(void)!send(fd, request, strlen(request), MSG_NOSIGNAL);
	CU_ASSERT_NOT_EQUAL(read_reply(fd), 200);
	CU_ASSERT_EQUAL(get("/healthz"), 200);
}

/* --- health --------------------------------------------------------------------- */

static void health_follows_the_connection(void)
{
	CU_ASSERT_EQUAL(get("/healthz"), 200);
	CU_ASSERT_STRING_EQUAL(body(), "ok\n");
	CU_ASSERT_EQUAL(metafora_embedded_cut(scene.broker, "n1", true), 0);
	CU_ASSERT_TRUE(scene_wait_line("connection suspended", NULL));
	CU_ASSERT_EQUAL(get("/healthz"), 503);
	CU_ASSERT_STRING_EQUAL(body(), "not connected to the broker\n");
	CU_ASSERT_EQUAL(metafora_embedded_cut(scene.broker, "n1", false), 0);
	while (get("/healthz") != 200)
		CU_ASSERT_STRING_EQUAL(body(), "not connected to the broker\n");
}

static void health_sees_a_loop_that_is_stuck(void)
{
	CU_ASSERT_EQUAL(scene_submit("a", "block"), 0);
	CU_ASSERT_TRUE(scene_wait_running("a", "n1"));
	CU_ASSERT_EQUAL(get("/healthz"), 503);
	CU_ASSERT_STRING_EQUAL(body(), "the loop does not answer\n");
	CU_ASSERT_EQUAL(get("/metrics"), 503);
	CU_ASSERT_EQUAL(get("/info"), 503);
	scene_let_go(NULL);
	while (get("/healthz") != 200)
		CU_ASSERT_STRING_EQUAL(body(), "the loop does not answer\n");
}

static void a_consumer_that_does_not_run_is_not_healthy(void)
{
	struct metafora_consumer *other;

	CU_ASSERT_EQUAL(metafora_consumer_stop(consumer), 0);
	CU_ASSERT_EQUAL(get("/healthz"), 503);
	CU_ASSERT_STRING_EQUAL(body(), "already stopped\n");
	CU_ASSERT_EQUAL(get("/info"), 503);
	metafora_http_stop(http);
	other = scene_new("n2", scene.async);
	CU_ASSERT_EQUAL_FATAL(metafora_http_start(other, NULL, 0, &http), 0);
	CU_ASSERT_EQUAL(get("/healthz"), 503);
	CU_ASSERT_STRING_EQUAL(body(), "not possible in this state\n");
	metafora_http_stop(http);
	http = NULL;
	metafora_consumer_free(other);
}

/* --- bounds ---------------------------------------------------------------------- */

static void a_slow_client_keeps_nobody_waiting(void)
{
	int slow;

	slow = open_connection();
	put(slow, "GET /metrics HT");
	CU_ASSERT_EQUAL(get("/healthz"), 200);
	CU_ASSERT_EQUAL(get("/info"), 200);
	put(slow, "TP/1.1\r\nHost: a\r\n\r\n");
	CU_ASSERT_EQUAL(read_reply(slow), 200);
}

/* However often it sends a little: in the end it is cut off. */
static void a_connection_does_not_live_for_ever(void)
{
	struct pollfd wait;
	int slow;

	slow = open_connection();
	put(slow, "GET /metrics HTTP/1.1\r\nX: ");
	wait = (struct pollfd){.fd = slow, .events = POLLIN};
	while (poll(&wait, 1, 500) == 0)
		(void)!send(slow, "x", 1, MSG_NOSIGNAL);
	CU_ASSERT_NOT_EQUAL(read_reply(slow), 200);
}

static void too_many_connections_push_out_the_oldest(void)
{
	int fds[N_IDLE];
	int i;

	for (i = 0; i < N_IDLE; i++)
		fds[i] = open_connection();
	CU_ASSERT_EQUAL(get("/healthz"), 200);
	/* The first that came was closed without an answer. */
	CU_ASSERT_EQUAL(read_reply(fds[0]), 0);
	/* The last is served still. */
	put(fds[N_IDLE - 1], "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
	CU_ASSERT_EQUAL(read_reply(fds[N_IDLE - 1]), 200);
	for (i = 1; i < N_IDLE - 1; i++)
		close(fds[i]);
}

static void stop_closes_what_is_open(void)
{
	int idle, half;

	idle = open_connection();
	half = open_connection();
	put(half, "GET /info HTTP/1.1\r\n");
	/* The server has seen both: it takes connections in their order. */
	CU_ASSERT_EQUAL(get("/healthz"), 200);
	metafora_http_stop(http);
	http = NULL;
	CU_ASSERT_EQUAL(read_reply(idle), 0);
	CU_ASSERT_NOT_EQUAL(read_reply(half), 200);
}

static void bad_arguments_are_refused(void)
{
	struct metafora_http *other = NULL;

#define REFUSED(error, ...)                                                   \
	CU_ASSERT_EQUAL(metafora_http_start(__VA_ARGS__), METAFORA_##error)

	REFUSED(EINVAL, NULL, NULL, 0, &other);
	REFUSED(EINVAL, consumer, NULL, 0, NULL);
	REFUSED(EINVAL, consumer, "localhost", 0, &other);
	REFUSED(EINVAL, consumer, "", 0, &other);
	REFUSED(EINVAL, consumer, "127.0.0.1:80", 0, &other);
	/* Taken already. */
	REFUSED(ESYS, consumer, NULL, metafora_http_port(http), &other);
#undef REFUSED
	CU_ASSERT_PTR_NULL(other);
	CU_ASSERT_EQUAL(metafora_http_port(NULL), 0);
	metafora_http_stop(NULL);
}

static const struct tap_case cases[] = {
	{"/info is the status", info_is_the_status},
	{"/metrics are the metrics", metrics_are_the_metrics},
	{"what is not there is not found", what_is_not_there_is_not_found},
	{"only GET and HEAD are allowed", only_get_and_head_are_allowed},
	{"what is no HTTP is refused", what_is_no_http_is_refused},
	{"health follows the connection", health_follows_the_connection},
	{"health sees a loop that is stuck", health_sees_a_loop_that_is_stuck},
	{"a consumer that does not run is not healthy",
	 a_consumer_that_does_not_run_is_not_healthy},
	{"a slow client keeps nobody waiting",
	 a_slow_client_keeps_nobody_waiting},
	{"a connection does not live for ever",
	 a_connection_does_not_live_for_ever},
	{"too many connections push out the oldest",
	 too_many_connections_push_out_the_oldest},
	{"stop closes what is open", stop_closes_what_is_open},
	{"bad arguments are refused", bad_arguments_are_refused},
};

TAP_MAIN(cases, setup, teardown)
