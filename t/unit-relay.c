/* SPDX-License-Identifier: Apache-2.0 */
/* The tests' TCP relay does to connections what it is told, and no more. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "port.h"
#include "process.h"
#include "relay.h"
#include "tap.h"

#define PATIENCE_MS 20000
/* How long nothing has to come to be taken for nothing. */
#define SILENCE_MS 50
#define MANY 200

/* The server side is played by the cases, too. */
static int listener;
static struct relay *relay;

/* Two ends of a connection through the relay. */
struct pair {
	int client;
	int server;
};

static void setup(void)
{
	unsigned int port;

	listener = port_bind(&port);
	CU_ASSERT_EQUAL_FATAL(listen(listener, SOMAXCONN), 0);
	relay = relay_new(port);
}

static void teardown(void)
{
	relay_free(relay);
	close(listener);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_readable(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) == 1;
}

/* Connect to the relay; -1 with errno. */
static int connect_relay(void)
{
	const struct sockaddr_in at = port_address(relay_port(relay));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int error;

	if (!connect(fd, (const struct sockaddr *)&at, sizeof(at)))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static struct pair join(void)
{
	struct pair pair = {connect_relay(), -1};

	CU_ASSERT_FATAL(pair.client >= 0);
	CU_ASSERT_FATAL(is_readable(listener, PATIENCE_MS));
	pair.server = accept(listener, NULL, NULL);
	CU_ASSERT_FATAL(pair.server >= 0);
	return pair;
}

static void part(struct pair *pair)
{
	close(pair->client);
	close(pair->server);
}

static void say(int fd, const char *text)
{
	CU_ASSERT_EQUAL(send(fd, text, strlen(text), MSG_NOSIGNAL),
			(ssize_t)strlen(text));
}

/* Whether the text comes next. */
static bool hears(int fd, const char *text)
{
	const size_t n_bytes = strlen(text);
	char heard[256];
	size_t n = 0;
	ssize_t got;

	while (n < n_bytes && is_readable(fd, PATIENCE_MS)) {
		got = recv(fd, heard + n, n_bytes - n, 0);
		if (got <= 0)
			return false;
		n += (size_t)got;
	}
	return n == n_bytes && !memcmp(heard, text, n_bytes);
}

static bool hears_nothing(int fd)
{
	return !is_readable(fd, SILENCE_MS);
}

/* Whether the stream ends next, in order or by a reset. */
static bool hears_end(int fd)
{
	char byte;

	return is_readable(fd, PATIENCE_MS) && recv(fd, &byte, 1, 0) <= 0;
}

static bool n_is(void *arg)
{
	return relay_n_connections(relay) == *(size_t *)arg;
}

static bool has_n_connections(size_t n)
{
	return process_until(n_is, &n, PATIENCE_MS);
}

/* --- cases --------------------------------------------------------------------- */

static void passes_both_ways(void)
{
	struct pair pair = join();

	say(pair.client, "to the server");
	CU_ASSERT(hears(pair.server, "to the server"));
	say(pair.server, "to the client");
	CU_ASSERT(hears(pair.client, "to the client"));
	part(&pair);
	CU_ASSERT(has_n_connections(0));
}

static void passes_much(void)
{
	enum { N_BYTES = 8 << 20 };
	struct pair pair = join();
	unsigned char *sent = malloc(N_BYTES);
	unsigned char *got = malloc(N_BYTES);
	size_t n_sent = 0, n_got = 0, i;
	ssize_t n;

	CU_ASSERT_FATAL(sent != NULL && got != NULL);
	for (i = 0; i < N_BYTES; i++)
		sent[i] = (unsigned char)(i * 7 + i / 251);
	while (n_got < N_BYTES) {
		n = send(pair.client, sent + n_sent, N_BYTES - n_sent,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		n_sent += n > 0 ? (size_t)n : 0;
		if (!is_readable(pair.server, n > 0 ? 0 : PATIENCE_MS)) {
			if (n > 0)
				continue;
			break;
		}
		n = recv(pair.server, got + n_got, N_BYTES - n_got, 0);
		if (n <= 0)
			break;
		n_got += (size_t)n;
	}
	CU_ASSERT_EQUAL(n_got, N_BYTES);
	CU_ASSERT_EQUAL(memcmp(sent, got, n_got), 0);
	free(sent);
	free(got);
	part(&pair);
}

static void passes_many(void)
{
	struct pair pairs[MANY];
	size_t i;

	for (i = 0; i < MANY; i++)
		pairs[i] = join();
	CU_ASSERT_EQUAL(relay_n_connections(relay), MANY);
	for (i = 0; i < MANY; i++)
		say(pairs[i].client, i % 2 ? "odd" : "even");
	for (i = 0; i < MANY; i++)
		CU_ASSERT(hears(pairs[i].server, i % 2 ? "odd" : "even"));
	for (i = 0; i < MANY; i++)
		part(&pairs[i]);
	CU_ASSERT(has_n_connections(0));
}

static void passes_the_end_of_one_way(void)
{
	struct pair pair = join();

	say(pair.client, "last words");
	shutdown(pair.client, SHUT_WR);
	CU_ASSERT(hears(pair.server, "last words"));
	CU_ASSERT(hears_end(pair.server));
	say(pair.server, "answer");
	CU_ASSERT(hears(pair.client, "answer"));
	CU_ASSERT_EQUAL(relay_n_connections(relay), 1);
	part(&pair);
	CU_ASSERT(has_n_connections(0));
}

static void ends_when_no_server_is_there(void)
{
	unsigned int port;
	int closed = port_bind(&port); /* and does not listen */
	int client;

	relay_set_target(relay, port);
	client = connect_relay();
	CU_ASSERT_FATAL(client >= 0);
	CU_ASSERT(hears_end(client));
	CU_ASSERT(has_n_connections(0));
	close(client);
	close(closed);
}

static void holds_one_way(void)
{
	struct pair pair = join();

	relay_set_mode(relay, RELAY_TO_CLIENT, RELAY_HOLD);
	say(pair.server, "held ");
	say(pair.client, "passed");
	CU_ASSERT(hears(pair.server, "passed"));
	CU_ASSERT(hears_nothing(pair.client));
	say(pair.server, "back");
	shutdown(pair.server, SHUT_WR);
	CU_ASSERT(hears_nothing(pair.client));
	relay_set_mode(relay, RELAY_TO_CLIENT, RELAY_PASS);
	CU_ASSERT(hears(pair.client, "held back"));
	CU_ASSERT(hears_end(pair.client));
	part(&pair);
}

static void loses_one_way(void)
{
	struct pair pair = join();

	relay_set_mode(relay, RELAY_TO_SERVER, RELAY_LOSE);
	say(pair.client, "lost");
	say(pair.server, "passed");
	CU_ASSERT(hears(pair.client, "passed"));
	CU_ASSERT(hears_nothing(pair.server));
	relay_set_mode(relay, RELAY_TO_SERVER, RELAY_PASS);
	say(pair.client, "heard");
	CU_ASSERT(hears(pair.server, "heard"));
	part(&pair);
}

static void delays_one_way(void)
{
	const int64_t delay_ms = 120;
	struct pair pair = join();
	int64_t begin_ms;

	relay_set_delay_ms(relay, RELAY_TO_SERVER, delay_ms);
	begin_ms = now_ms();
	say(pair.client, "first ");
	say(pair.server, "at once");
	CU_ASSERT(hears(pair.client, "at once"));
	say(pair.client, "second");
	CU_ASSERT(hears(pair.server, "first second"));
	CU_ASSERT(now_ms() - begin_ms >= delay_ms);
	relay_set_delay_ms(relay, RELAY_TO_SERVER, 0);
	say(pair.client, "third");
	CU_ASSERT(hears(pair.server, "third"));
	part(&pair);
}

static void cuts_all(void)
{
	struct pair pairs[2] = {join(), join()};
	struct pair next;
	size_t i;

	relay_set_mode(relay, RELAY_TO_SERVER, RELAY_HOLD);
	say(pairs[0].client, "never arrives");
	relay_cut(relay);
	CU_ASSERT_EQUAL(relay_n_connections(relay), 0);
	relay_set_mode(relay, RELAY_TO_SERVER, RELAY_PASS);
	for (i = 0; i < 2; i++) {
		CU_ASSERT(hears_end(pairs[i].client));
		CU_ASSERT(hears_end(pairs[i].server));
		part(&pairs[i]);
	}
	next = join();
	say(next.client, "new life");
	CU_ASSERT(hears(next.server, "new life"));
	part(&next);
}

static void refuses_and_opens_again(void)
{
	struct pair pair = join();
	struct pair next;
	int i;

	for (i = 0; i < 3; i++) {
		relay_set_door(relay, RELAY_REFUSED);
		CU_ASSERT_EQUAL(connect_relay(), -1);
		CU_ASSERT_EQUAL(errno, ECONNREFUSED);
		/* Who is inside is not touched. */
		say(pair.client, "still here");
		CU_ASSERT(hears(pair.server, "still here"));
		relay_set_door(relay, RELAY_OPEN);
		next = join();
		say(next.client, "welcome");
		CU_ASSERT(hears(next.server, "welcome"));
		part(&next);
	}
	part(&pair);
}

static void swallows_new_connections(void)
{
	struct pair pair = join();
	int client;

	relay_set_door(relay, RELAY_VOID);
	client = connect_relay();
	CU_ASSERT_FATAL(client >= 0);
	say(client, "anybody there?");
	CU_ASSERT(hears_nothing(client));
	CU_ASSERT_FALSE(is_readable(listener, 0));
	say(pair.client, "still here");
	CU_ASSERT(hears(pair.server, "still here"));
	relay_cut(relay);
	CU_ASSERT(hears_end(client));
	close(client);
	part(&pair);
}

/* Frames whose first byte is 'x' cut; each connection may have three. */
static bool look(void *arg, uint64_t *mark, enum relay_way way,
		 const unsigned char *frame, size_t n_bytes)
{
	(void)arg;
	if (way == RELAY_TO_CLIENT)
		return true;
	return n_bytes > 0 && frame[0] != 'x' && ++*mark <= 3;
}

static void say_frame(int fd, const char *text)
{
	char frame[64] = {0, 0, 0, (char)strlen(text)};

	memcpy(frame + 4, text, strlen(text));
	CU_ASSERT_EQUAL(send(fd, frame, strlen(text) + 4, MSG_NOSIGNAL),
			(ssize_t)strlen(text) + 4);
}

static bool hears_frame(int fd, const char *text)
{
	char head[4];

	if (!is_readable(fd, PATIENCE_MS) ||
	    recv(fd, head, 4, MSG_WAITALL) != 4)
		return false;
	return head[3] == (char)strlen(text) && hears(fd, text);
}

static void shows_frames(void)
{
	struct pair pair, other;

	relay_set_frames(relay, look, NULL);
	pair = join();
	other = join();
	CU_ASSERT_EQUAL(send(pair.client, "\0\0\0\6fra", 7, 0), 7);
	CU_ASSERT(hears_nothing(pair.server));
	say(pair.client, "med");
	CU_ASSERT(hears_frame(pair.server, "framed"));
	say_frame(pair.server, "x is fine");
	CU_ASSERT(hears_frame(pair.client, "x is fine"));
	/* What is still on its way when the connection is cut may be lost. */
	say_frame(pair.client, "second");
	CU_ASSERT(hears_frame(pair.server, "second"));
	say_frame(pair.client, "xxx");
	CU_ASSERT(hears_end(pair.server));
	CU_ASSERT(hears_end(pair.client));
	say_frame(other.client, "1");
	say_frame(other.client, "2");
	say_frame(other.client, "3");
	CU_ASSERT(hears_frame(other.server, "1"));
	CU_ASSERT(hears_frame(other.server, "2"));
	CU_ASSERT(hears_frame(other.server, "3"));
	say_frame(other.client, "4");
	CU_ASSERT(hears_end(other.server));
	part(&pair);
	part(&other);
}

static const struct tap_case cases[] = {
	{"passes bytes both ways", passes_both_ways},
	{"passes megabytes unharmed", passes_much},
	{"passes many connections at a time", passes_many},
	{"passes the end of one way, and goes on the other",
	 passes_the_end_of_one_way},
	{"ends a connection when no server is there",
	 ends_when_no_server_is_there},
	{"holds one way and delivers it later", holds_one_way},
	{"loses one way for good", loses_one_way},
	{"delays one way and keeps the order", delays_one_way},
	{"cuts all connections at once", cuts_all},
	{"refuses new connections and takes them again",
	 refuses_and_opens_again},
	{"swallows new connections", swallows_new_connections},
	{"shows whole frames and cuts in front of one", shows_frames},
};

TAP_MAIN(cases, setup, teardown)
