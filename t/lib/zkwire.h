/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ZooKeeper's protocol as far as tests need it: looks at the tree, changes by
 * an operator, the end of a session.  Nothing of what is tested is in it.
 */
#ifndef T_ZKWIRE_H
#define T_ZKWIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Codes of the server; any other is as it comes. */
enum zkwire_code {
	ZKWIRE_OK = 0,
	ZKWIRE_NONODE = -101,
	ZKWIRE_EXISTS = -110,
	ZKWIRE_NOTEMPTY = -111,
	/* No answer: no server, or it cut the connection. */
	ZKWIRE_SILENCE = -1000,
};

struct zkwire_stat {
	int64_t czxid;
	int64_t ephemeral_owner;
	int32_t version;
	int32_t cversion;
	int32_t n_children;
	int32_t n_bytes;
};

/*
 * Each call makes a session of its own with the server on that port of
 * 127.0.0.1, and ends it.  Blocks a few seconds at most.
 */
int zkwire_stat(unsigned int port, const char *path, struct zkwire_stat *stat);
/* *names is one block, ended by NULL; free it. */
int zkwire_children(unsigned int port, const char *path, char ***names,
		    size_t *n);
int zkwire_create(unsigned int port, const char *path, const void *data,
		  size_t n_bytes);
int zkwire_delete(unsigned int port, const char *path);

/* Number of children, 0 if there is no such node or no answer. */
size_t zkwire_n_children(unsigned int port, const char *path);

/* --- sessions of others ------------------------------------------------------- */

struct zkwire_session {
	int64_t id; /* 0: none */
	unsigned char password[16];
};

/*
 * Take the session over and end it; true when the server does not know it any
 * more.
 */
bool zkwire_end(unsigned int port, const struct zkwire_session *session);

/* Take apart a server's first frame; false if it is none, or refuses. */
bool zkwire_read_session(const unsigned char *frame, size_t n_bytes,
			 struct zkwire_session *session);
/* Of a client's frame but the first, and of a server's. */
bool zkwire_is_write(const unsigned char *frame, size_t n_bytes);
uint32_t zkwire_xid(const unsigned char *frame, size_t n_bytes);

#endif
