/* SPDX-License-Identifier: Apache-2.0 */
/* A TCP relay of a test's own, which can cut, hold, delay and lose. */
#ifndef T_RELAY_H
#define T_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * It listens on a free port of 127.0.0.1 and passes each connection on to
 * another port there, on a thread of its own.  Calls may come from any thread;
 * they hold when they return.  What is broken in the machinery itself ends the
 * program.
 */
struct relay;

struct relay *relay_new(unsigned int target_port);
/* Cuts what is connected.  NULL is allowed. */
void relay_free(struct relay *relay);

unsigned int relay_port(const struct relay *relay);
/* Where connections of the future go. */
void relay_set_target(struct relay *relay, unsigned int port);

enum relay_way {
	RELAY_TO_SERVER,
	RELAY_TO_CLIENT,
};

/* What becomes of bytes, on all connections of now and later. */
enum relay_mode {
	RELAY_PASS,
	RELAY_HOLD, /* keeps them, and the end of the stream, until PASS */
	RELAY_LOSE, /* takes them and drops them: a black hole */
};
void relay_set_mode(struct relay *relay, enum relay_way way,
		    enum relay_mode mode);
/* Both ways. */
void relay_set_modes(struct relay *relay, enum relay_mode mode);
/* Bytes that come from now on arrive so much later. */
void relay_set_delay_ms(struct relay *relay, enum relay_way way,
			int64_t delay_ms);

/* What becomes of new connections. */
enum relay_door {
	RELAY_OPEN,
	RELAY_REFUSED, /* by the system: nobody listens */
	RELAY_VOID,    /* taken, and never heard of again */
};
void relay_set_door(struct relay *relay, enum relay_door door);

/* End every connection abruptly, with all that is on its way. */
void relay_cut(struct relay *relay);

/* Connections at present; those that ended are not counted. */
size_t relay_n_connections(struct relay *relay);

/*
 * Look at what passes, as frames of a length in four bytes, highest first, and
 * so many bytes more: `frame` is those, *mark a number of the connection's own,
 * 0 at first, that fn may use.  A frame is passed on whole.  If fn returns
 * false, the connection is cut, and the frame and all behind it are lost.  fn
 * runs on the relay's thread, under its lock: it must not call the relay.
 * Before the first connection.
 */
typedef bool (*relay_frame_fn)(void *arg, uint64_t *mark, enum relay_way way,
			       const unsigned char *frame, size_t n_bytes);
void relay_set_frames(struct relay *relay, relay_frame_fn fn, void *arg);

#endif
