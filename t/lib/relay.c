/* SPDX-License-Identifier: Apache-2.0 */
/* A TCP relay of a test's own, which can cut, hold, delay and lose. */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "port.h"
#include "process.h"

#define CHUNK_BYTES 65536
/* No more is read while so much waits to be passed on. */
#define QUEUE_BYTES (4u << 20)
#define FRAME_MAX (64u << 20)
#define NEVER INT64_MAX

/* Bytes on their way. */
struct chunk {
	TAILQ_ENTRY(chunk) link;
	int64_t due_ms;
	size_t n_sent;
	size_t n_bytes;
	unsigned char bytes[];
};

/* One way of a connection: from fds[way] to fds[!way]. */
struct stream {
	TAILQ_HEAD(, chunk) chunks;
	size_t n_queued; /* bytes in chunks */
	bool ended;      /* the sender has sent all */
	bool passed_end; /* and the receiver was told */
	/* A frame that is not whole yet. */
	unsigned char *frame;
	size_t n_frame;
};

struct connection {
	TAILQ_ENTRY(connection) link;
	int fds[2]; /* client, server (-1: void) */
	struct stream streams[2];
	uint64_t mark;
	bool broken;
	size_t at_poll; /* index of the two in the poll's table */
};

/* All but the thread: guarded by lock. */
struct relay {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int wake_fd;
	int listen_fd;
	unsigned int port;
	unsigned int target;
	enum relay_door door;
	enum relay_mode modes[2];
	int64_t delays_ms[2];
	relay_frame_fn frame_fn;
	void *frame_arg;
	TAILQ_HEAD(, connection) connections;
	size_t n_connections;
	struct pollfd *fds;
	size_t n_fds_room;
	bool closing;
	/* Every change waits for the thread to have taken it up. */
	uint64_t n_changes, n_taken;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void *grow(void *old, size_t n_bytes)
{
	void *new = realloc(old, n_bytes);

	if (!new)
		process_die("relay: out of memory");
	return new;
}

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		process_die("relay: no socket: %s", strerror(errno));
	return fd;
}

/* --- connections --------------------------------------------------------------- */

/* With a reset: what is on its way is lost. */
static void close_abruptly(int fd)
{
	const struct linger linger = {.l_onoff = 1, .l_linger = 0};

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

static void clear_stream(struct stream *stream)
{
	struct chunk *chunk;

	while ((chunk = TAILQ_FIRST(&stream->chunks))) {
		TAILQ_REMOVE(&stream->chunks, chunk, link);
		free(chunk);
	}
	stream->n_queued = 0;
	free(stream->frame);
	stream->frame = NULL;
	stream->n_frame = 0;
}

static void end_connection(struct relay *relay, struct connection *c)
{
	unsigned int way;

	TAILQ_REMOVE(&relay->connections, c, link);
	relay->n_connections--;
	for (way = 0; way < 2; way++) {
		clear_stream(&c->streams[way]);
		if (c->broken)
			close_abruptly(c->fds[way]);
		else if (c->fds[way] >= 0)
			close(c->fds[way]);
	}
	free(c);
}

static int connect_target(struct relay *relay)
{
	const struct sockaddr_in to = port_address(relay->target);
	int fd = new_socket();

	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) &&
	    errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

static void accept_one(struct relay *relay, int fd)
{
	const int on = 1;
	struct connection *c = grow(NULL, sizeof(*c));

	*c = (struct connection){.fds = {fd, -1}};
	TAILQ_INIT(&c->streams[0].chunks);
	TAILQ_INIT(&c->streams[1].chunks);
	if (relay->door == RELAY_OPEN) {
		c->fds[1] = connect_target(relay);
		c->broken = c->fds[1] < 0;
		setsockopt(c->fds[1], IPPROTO_TCP, TCP_NODELAY, &on,
			   sizeof(on));
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	TAILQ_INSERT_TAIL(&relay->connections, c, link);
	relay->n_connections++;
}

static void accept_all(struct relay *relay)
{
	int fd;

	while ((fd = accept4(relay->listen_fd, NULL, NULL,
			     SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		accept_one(relay, fd);
}

/* --- one way --------------------------------------------------------------------- */

static bool wants_read(const struct relay *relay, const struct connection *c,
		       unsigned int way)
{
	const struct stream *stream = &c->streams[way];

	return c->fds[way] >= 0 && c->fds[!way] >= 0 && !stream->ended &&
	       relay->modes[way] != RELAY_HOLD &&
	       stream->n_queued < QUEUE_BYTES;
}

/* When the first of what is queued can be passed on. */
static int64_t due_ms(const struct relay *relay, const struct stream *stream,
		      unsigned int way)
{
	const struct chunk *chunk = TAILQ_FIRST(&stream->chunks);

	return chunk && relay->modes[way] != RELAY_HOLD ? chunk->due_ms : NEVER;
}

static void queue(struct relay *relay, struct connection *c, unsigned int way,
		  const void *bytes, size_t n_bytes)
{
	struct stream *stream = &c->streams[way];
	struct chunk *chunk = grow(NULL, sizeof(*chunk) + n_bytes);

	chunk->due_ms =
		relay->delays_ms[way] ? now_ms() + relay->delays_ms[way] : 0;
	chunk->n_sent = 0;
	chunk->n_bytes = n_bytes;
	memcpy(chunk->bytes, bytes, n_bytes);
	TAILQ_INSERT_TAIL(&stream->chunks, chunk, link);
	stream->n_queued += n_bytes;
}

static size_t frame_bytes(const unsigned char *frame)
{
	return ((size_t)frame[0] << 24 | (size_t)frame[1] << 16 |
		(size_t)frame[2] << 8 | frame[3]) +
	       4;
}

/* Queue the frames that are whole. */
static void take_frames(struct relay *relay, struct connection *c,
			unsigned int way, const void *bytes, size_t n_bytes)
{
	struct stream *stream = &c->streams[way];
	size_t at = 0;
	size_t n;

	stream->frame = grow(stream->frame, stream->n_frame + n_bytes);
	memcpy(stream->frame + stream->n_frame, bytes, n_bytes);
	stream->n_frame += n_bytes;
	while (stream->n_frame - at >= 4) {
		n = frame_bytes(stream->frame + at);
		if (n > FRAME_MAX)
			process_die("relay: these are no frames");
		if (stream->n_frame - at < n)
			break;
		if (!relay->frame_fn(relay->frame_arg, &c->mark,
				     (enum relay_way)way,
				     stream->frame + at + 4, n - 4)) {
			c->broken = true;
			return;
		}
		queue(relay, c, way, stream->frame + at, n);
		at += n;
	}
	memmove(stream->frame, stream->frame + at, stream->n_frame - at);
	stream->n_frame -= at;
}

static void read_some(struct relay *relay, struct connection *c,
		      unsigned int way)
{
	unsigned char bytes[CHUNK_BYTES];
	ssize_t n = recv(c->fds[way], bytes, sizeof(bytes), 0);

	if (n == 0)
		c->streams[way].ended = true;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		c->broken = true;
	else if (n < 0 || relay->modes[way] == RELAY_LOSE)
		return;
	else if (relay->frame_fn)
		take_frames(relay, c, way, bytes, (size_t)n);
	else
		queue(relay, c, way, bytes, (size_t)n);
}

static void write_some(struct relay *relay, struct connection *c,
		       unsigned int way)
{
	struct stream *stream = &c->streams[way];
	const int64_t now = now_ms();
	struct chunk *chunk;
	ssize_t n;

	while (due_ms(relay, stream, way) <= now) {
		chunk = TAILQ_FIRST(&stream->chunks);
		n = send(c->fds[!way], chunk->bytes + chunk->n_sent,
			 chunk->n_bytes - chunk->n_sent, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			c->broken = true;
			return;
		}
		chunk->n_sent += (size_t)n;
		if (chunk->n_sent < chunk->n_bytes)
			continue;
		TAILQ_REMOVE(&stream->chunks, chunk, link);
		stream->n_queued -= chunk->n_bytes;
		free(chunk);
	}
}

static void pump(struct relay *relay, struct connection *c, unsigned int way,
		 bool readable)
{
	struct stream *stream = &c->streams[way];

	if (relay->modes[way] == RELAY_LOSE)
		clear_stream(stream);
	if (readable && wants_read(relay, c, way))
		read_some(relay, c, way);
	if (!c->broken && c->fds[!way] >= 0)
		write_some(relay, c, way);
	if (!c->broken && stream->ended && !stream->passed_end &&
	    TAILQ_EMPTY(&stream->chunks) && relay->modes[way] == RELAY_PASS) {
		shutdown(c->fds[!way], SHUT_WR);
		stream->passed_end = true;
	}
}

/* --- the thread -------------------------------------------------------------------- */

/* What to poll for at the end `side` of a connection. */
static short events_of(const struct relay *relay, const struct connection *c,
		       unsigned int side, int64_t now, int64_t *next_ms)
{
	const unsigned int way_in = side ? RELAY_TO_CLIENT : RELAY_TO_SERVER;
	const unsigned int way_out = !way_in;
	const int64_t due = due_ms(relay, &c->streams[way_out], way_out);
	short events = 0;

	if (wants_read(relay, c, way_in))
		events |= POLLIN;
	if (due <= now)
		events |= POLLOUT;
	else if (due < *next_ms)
		*next_ms = due;
	return events;
}

static size_t fill_table(struct relay *relay, int *timeout_ms)
{
	const int64_t now = now_ms();
	int64_t next_ms = NEVER;
	struct connection *c;
	size_t n = 2;
	unsigned int side;
	short events;

	if (relay->n_fds_room < 2 + 2 * relay->n_connections) {
		relay->n_fds_room = 4 + 4 * relay->n_connections;
		relay->fds = grow(relay->fds,
				  relay->n_fds_room * sizeof(*relay->fds));
	}
	relay->fds[0] = (struct pollfd){.fd = relay->wake_fd, .events = POLLIN};
	relay->fds[1] = (struct pollfd){
		.fd = relay->door == RELAY_REFUSED ? -1 : relay->listen_fd,
		.events = POLLIN,
	};
	TAILQ_FOREACH(c, &relay->connections, link) {
		c->at_poll = n;
		for (side = 0; side < 2; side++) {
			events = events_of(relay, c, side, now, &next_ms);
			/* Else a peer that has gone would wake us for ever. */
			relay->fds[n++] = (struct pollfd){
				.fd = events ? c->fds[side] : -1,
				.events = events,
			};
		}
	}
	*timeout_ms = next_ms == NEVER ? -1 : (int)(next_ms - now);
	return n;
}

static void serve(struct relay *relay)
{
	struct connection *c, *next;

	for (c = TAILQ_FIRST(&relay->connections); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (!c->broken)
			pump(relay, c, RELAY_TO_SERVER,
			     relay->fds[c->at_poll].revents != 0);
		if (!c->broken)
			pump(relay, c, RELAY_TO_CLIENT,
			     relay->fds[c->at_poll + 1].revents != 0);
		if (c->broken ||
		    (c->streams[0].passed_end && c->streams[1].passed_end))
			end_connection(relay, c);
	}
}

static void *run(void *arg)
{
	struct relay *relay = arg;
	int timeout_ms;
	uint64_t n;
	size_t n_fds;

	pthread_mutex_lock(&relay->lock);
	while (!relay->closing) {
		relay->n_taken = relay->n_changes;
		pthread_cond_broadcast(&relay->changed);
		n_fds = fill_table(relay, &timeout_ms);
		pthread_mutex_unlock(&relay->lock);
		poll(relay->fds, n_fds, timeout_ms);
		pthread_mutex_lock(&relay->lock);
		if (read(relay->wake_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
			process_die("relay: %s", strerror(errno));
		serve(relay);
		if (relay->fds[1].revents && relay->door != RELAY_REFUSED)
			accept_all(relay);
	}
	pthread_mutex_unlock(&relay->lock);
	return NULL;
}

/* --- calls -------------------------------------------------------------------------- */

/* Unlocks, and waits until the thread works with the change. */
static void publish(struct relay *relay)
{
	const uint64_t one = 1;
	uint64_t change = ++relay->n_changes;

	if (write(relay->wake_fd, &one, sizeof(one)) < 0)
		process_die("relay: %s", strerror(errno));
	while (relay->n_taken < change)
		pthread_cond_wait(&relay->changed, &relay->lock);
	pthread_mutex_unlock(&relay->lock);
}

static void start_listening(struct relay *relay)
{
	relay->listen_fd = port_bind(&relay->port);
	if (fcntl(relay->listen_fd, F_SETFL, O_NONBLOCK) ||
	    listen(relay->listen_fd, SOMAXCONN))
		process_die("relay: cannot listen: %s", strerror(errno));
}

struct relay *relay_new(unsigned int target_port)
{
	struct relay *relay = grow(NULL, sizeof(*relay));

	*relay = (struct relay){.target = target_port};
	TAILQ_INIT(&relay->connections);
	pthread_mutex_init(&relay->lock, NULL);
	pthread_cond_init(&relay->changed, NULL);
	start_listening(relay);
	relay->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (relay->wake_fd < 0 ||
	    pthread_create(&relay->thread, NULL, run, relay))
		process_die("relay: no thread");
	return relay;
}

void relay_free(struct relay *relay)
{
	const uint64_t one = 1;
	struct connection *c;

	if (!relay)
		return;
	pthread_mutex_lock(&relay->lock);
	relay->closing = true;
	pthread_mutex_unlock(&relay->lock);
	if (write(relay->wake_fd, &one, sizeof(one)) < 0)
		process_die("relay: %s", strerror(errno));
	pthread_join(relay->thread, NULL);
	while ((c = TAILQ_FIRST(&relay->connections))) {
		c->broken = true;
		end_connection(relay, c);
	}
	close(relay->listen_fd);
	close(relay->wake_fd);
	pthread_cond_destroy(&relay->changed);
	pthread_mutex_destroy(&relay->lock);
	free(relay->fds);
	free(relay);
}

unsigned int relay_port(const struct relay *relay)
{
	return relay->port;
}

void relay_set_target(struct relay *relay, unsigned int port)
{
	pthread_mutex_lock(&relay->lock);
	relay->target = port;
	publish(relay);
}

void relay_set_mode(struct relay *relay, enum relay_way way,
		    enum relay_mode mode)
{
	pthread_mutex_lock(&relay->lock);
	relay->modes[way] = mode;
	publish(relay);
}

void relay_set_modes(struct relay *relay, enum relay_mode mode)
{
	relay_set_mode(relay, RELAY_TO_SERVER, mode);
	relay_set_mode(relay, RELAY_TO_CLIENT, mode);
}

void relay_set_delay_ms(struct relay *relay, enum relay_way way,
			int64_t delay_ms)
{
	pthread_mutex_lock(&relay->lock);
	relay->delays_ms[way] = delay_ms;
	publish(relay);
}

void relay_set_door(struct relay *relay, enum relay_door door)
{
	pthread_mutex_lock(&relay->lock);
	/*
	 * A listener that was shut down keeps a port that it was bound to by
	 * number, and refuses; listen opens it again.
	 */
	if (door == RELAY_REFUSED && relay->door != RELAY_REFUSED)
		shutdown(relay->listen_fd, SHUT_RD);
	else if (door != RELAY_REFUSED && relay->door == RELAY_REFUSED &&
		 listen(relay->listen_fd, SOMAXCONN))
		process_die("relay: cannot listen again: %s", strerror(errno));
	relay->door = door;
	publish(relay);
}

void relay_cut(struct relay *relay)
{
	struct connection *c;

	pthread_mutex_lock(&relay->lock);
	/* Those that wait at the door, too. */
	if (relay->door != RELAY_REFUSED)
		accept_all(relay);
	TAILQ_FOREACH(c, &relay->connections, link)
		c->broken = true;
	publish(relay);
}

size_t relay_n_connections(struct relay *relay)
{
	size_t n;

	pthread_mutex_lock(&relay->lock);
	n = relay->n_connections;
	pthread_mutex_unlock(&relay->lock);
	return n;
}

void relay_set_frames(struct relay *relay, relay_frame_fn fn, void *arg)
{
	pthread_mutex_lock(&relay->lock);
	relay->frame_fn = fn;
	relay->frame_arg = arg;
	publish(relay);
}
