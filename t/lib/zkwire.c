/* SPDX-License-Identifier: Apache-2.0 */
/* ZooKeeper's protocol as far as tests need it. */
#include "zkwire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "port.h"
#include "process.h"

#define TIMEOUT_S 5
#define SESSION_MS 10000
#define ENDS_MAX 10
#define PASSWORD_BYTES 16

enum {
	OP_CREATE = 1,
	OP_DELETE = 2,
	OP_EXISTS = 3,
	OP_SET = 5,
	OP_CHILDREN2 = 12,
	OP_MULTI = 14,
	OP_CLOSE = -11,
};

/* --- bytes ---------------------------------------------------------------------- */

struct bytes {
	unsigned char *data;
	size_t n;
	size_t at;   /* when reading */
	bool short_; /* read beyond the end */
};

static void put(struct bytes *to, const void *from, size_t n)
{
	to->data = realloc(to->data, to->n + n);
	if (!to->data)
		process_die("out of memory");
	memcpy(to->data + to->n, from, n);
	to->n += n;
}

static void put_int(struct bytes *to, int64_t value, unsigned int n_bytes)
{
	unsigned char byte;

	while (n_bytes-- > 0) {
		byte = (unsigned char)((uint64_t)value >> (8 * n_bytes));
		put(to, &byte, 1);
	}
}

static void put_buffer(struct bytes *to, const void *from, size_t n)
{
	put_int(to, (int64_t)n, 4);
	if (n)
		put(to, from, n);
}

static void put_string(struct bytes *to, const char *text)
{
	put_buffer(to, text, strlen(text));
}

static const unsigned char *take(struct bytes *from, size_t n)
{
	if (from->short_ || from->n - from->at < n) {
		from->short_ = true;
		return NULL;
	}
	from->at += n;
	return from->data + from->at - n;
}

static int64_t take_int(struct bytes *from, unsigned int n_bytes)
{
	const unsigned char *bytes = take(from, n_bytes);
	uint64_t value = 0;
	unsigned int i;

	for (i = 0; bytes && i < n_bytes; i++)
		value = value << 8 | bytes[i];
	return n_bytes == 4 ? (int32_t)value : (int64_t)value;
}

/* --- a connection ----------------------------------------------------------------- */

static bool send_frame(int fd, const struct bytes *frame)
{
	struct bytes whole = {0};
	size_t at = 0;
	ssize_t n = 0;

	put_buffer(&whole, frame->data, frame->n);
	while (at < whole.n && n >= 0) {
		n = send(fd, whole.data + at, whole.n - at, MSG_NOSIGNAL);
		at += n > 0 ? (size_t)n : 0;
	}
	free(whole.data);
	return n >= 0;
}

static bool receive_all(int fd, void *to, size_t n)
{
	return recv(fd, to, n, MSG_WAITALL) == (ssize_t)n;
}

/* The frame is the caller's to free. */
static bool receive_frame(int fd, struct bytes *frame)
{
	unsigned char head[4];
	struct bytes reader = {.data = head, .n = 4};
	int64_t n;

	*frame = (struct bytes){0};
	if (!receive_all(fd, head, 4))
		return false;
	n = take_int(&reader, 4);
	frame->n = n > 0 ? (size_t)n : 0;
	frame->data = malloc(frame->n + 1);
	if (!frame->data)
		process_die("out of memory");
	return receive_all(fd, frame->data, frame->n);
}

bool zkwire_read_session(const unsigned char *frame, size_t n_bytes,
			 struct zkwire_session *session)
{
	struct bytes reader = {
		.data = (unsigned char *)(uintptr_t)frame,
		.n = n_bytes,
	};
	const unsigned char *password;
	int64_t id;

	take_int(&reader, 4); /* version */
	take_int(&reader, 4); /* timeout */
	id = take_int(&reader, 8);
	if (take_int(&reader, 4) != PASSWORD_BYTES)
		return false;
	password = take(&reader, PASSWORD_BYTES);
	if (!password || id == 0)
		return false;
	session->id = id;
	memcpy(session->password, password, PASSWORD_BYTES);
	return true;
}

/* A session on the connection: the one given, or a new one. */
static bool join(int fd, const struct zkwire_session *session)
{
	static const struct zkwire_session none;
	struct zkwire_session got;
	struct bytes request = {0};
	struct bytes reply = {0};
	bool joined;

	if (!session)
		session = &none;
	put_int(&request, 0, 4); /* version */
	/* Last seen of all: whoever asks wants the present. */
	put_int(&request, 0, 8);
	put_int(&request, SESSION_MS, 4);
	put_int(&request, session->id, 8);
	put_buffer(&request, session->password, PASSWORD_BYTES);
	put_int(&request, 0, 1); /* not read-only */
	joined = send_frame(fd, &request) && receive_frame(fd, &reply) &&
		 zkwire_read_session(reply.data, reply.n, &got);
	free(request.data);
	free(reply.data);
	return joined;
}

static int open_session(unsigned int port, const struct zkwire_session *session)
{
	const struct sockaddr_in at = port_address(port);
	const struct timeval timeout = {.tv_sec = TIMEOUT_S};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		process_die("no socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (!connect(fd, (const struct sockaddr *)&at, sizeof(at)) &&
	    join(fd, session))
		return fd;
	close(fd);
	return -1;
}

static void begin(struct bytes *request, int op)
{
	*request = (struct bytes){0};
	put_int(request, 1, 4); /* xid */
	put_int(request, op, 4);
}

/* The server answers, or just closes, when it is done. */
static void end_session(int fd)
{
	struct bytes request;
	struct bytes reply = {0};

	begin(&request, OP_CLOSE);
	if (send_frame(fd, &request))
		receive_frame(fd, &reply);
	free(reply.data);
	free(request.data);
	close(fd);
}

bool zkwire_end(unsigned int port, const struct zkwire_session *session)
{
	int tries;
	int fd;

	for (tries = 0; tries < ENDS_MAX; tries++) {
		fd = open_session(port, session);
		if (fd < 0)
			return tries > 0;
		end_session(fd);
	}
	return false;
}

/*
 * Send a request, which is freed, in a session of its own.  On ZKWIRE_OK
 * *reply stands behind its head and is the caller's to free.
 */
static int ask(unsigned int port, struct bytes *request, struct bytes *reply)
{
	int fd = open_session(port, NULL);
	int code = ZKWIRE_SILENCE;

	*reply = (struct bytes){0};
	if (fd >= 0 && send_frame(fd, request) && receive_frame(fd, reply)) {
		take_int(reply, 4); /* xid */
		take_int(reply, 8); /* zxid */
		code = (int)take_int(reply, 4);
	}
	free(request->data);
	if (fd >= 0)
		end_session(fd);
	if (code == ZKWIRE_OK && reply->short_)
		code = ZKWIRE_SILENCE;
	if (code != ZKWIRE_OK)
		free(reply->data);
	return code;
}

/* --- calls -------------------------------------------------------------------------- */

static void take_stat(struct bytes *reply, struct zkwire_stat *stat)
{
	stat->czxid = take_int(reply, 8);
	take_int(reply, 8); /* mzxid */
	take_int(reply, 8); /* ctime */
	take_int(reply, 8); /* mtime */
	stat->version = (int32_t)take_int(reply, 4);
	stat->cversion = (int32_t)take_int(reply, 4);
	take_int(reply, 4); /* aversion */
	stat->ephemeral_owner = take_int(reply, 8);
	stat->n_bytes = (int32_t)take_int(reply, 4);
	stat->n_children = (int32_t)take_int(reply, 4);
	take_int(reply, 8); /* pzxid */
}

int zkwire_stat(unsigned int port, const char *path, struct zkwire_stat *stat)
{
	struct bytes request;
	struct bytes reply;
	int code;

	begin(&request, OP_EXISTS);
	put_string(&request, path);
	put_int(&request, 0, 1); /* no watch */
	code = ask(port, &request, &reply);
	if (code == ZKWIRE_OK) {
		take_stat(&reply, stat);
		free(reply.data);
	}
	return code;
}

int zkwire_children(unsigned int port, const char *path, char ***names,
		    size_t *n)
{
	struct bytes request;
	struct bytes reply;
	const unsigned char *name;
	size_t n_bytes;
	char *room;
	size_t i;
	int code;

	begin(&request, OP_CHILDREN2);
	put_string(&request, path);
	put_int(&request, 0, 1);
	code = ask(port, &request, &reply);
	if (code != ZKWIRE_OK)
		return code;
	*n = (size_t)take_int(&reply, 4);
	*names = calloc(1, (*n + 1) * sizeof(char *) + reply.n);
	if (!*names)
		process_die("out of memory");
	room = (char *)(*names + *n + 1);
	for (i = 0; i < *n; i++) {
		n_bytes = (size_t)take_int(&reply, 4);
		name = take(&reply, n_bytes);
		if (!name)
			process_die("a list of children is cut short");
		(*names)[i] = room;
		memcpy(room, name, n_bytes);
		room += n_bytes + 1;
	}
	free(reply.data);
	return code;
}

int zkwire_create(unsigned int port, const char *path, const void *data,
		  size_t n_bytes)
{
	struct bytes request;
	struct bytes reply;
	int code;

	begin(&request, OP_CREATE);
	put_string(&request, path);
	put_buffer(&request, data, n_bytes);
	put_int(&request, 1, 4); /* entries of the ACL */
	put_int(&request, 31, 4);
	put_string(&request, "world");
	put_string(&request, "anyone");
	put_int(&request, 0, 4); /* flags */
	code = ask(port, &request, &reply);
	if (code == ZKWIRE_OK)
		free(reply.data);
	return code;
}

int zkwire_delete(unsigned int port, const char *path)
{
	struct bytes request;
	struct bytes reply;
	int code;

	begin(&request, OP_DELETE);
	put_string(&request, path);
	put_int(&request, -1, 4); /* any version */
	code = ask(port, &request, &reply);
	if (code == ZKWIRE_OK)
		free(reply.data);
	return code;
}

size_t zkwire_n_children(unsigned int port, const char *path)
{
	struct zkwire_stat stat;

	return zkwire_stat(port, path, &stat) == ZKWIRE_OK
		       ? (size_t)stat.n_children
		       : 0;
}

/* --- frames of others ------------------------------------------------------------------ */

uint32_t zkwire_xid(const unsigned char *frame, size_t n_bytes)
{
	struct bytes reader = {
		.data = (unsigned char *)(uintptr_t)frame,
		.n = n_bytes,
	};

	return (uint32_t)take_int(&reader, 4);
}

bool zkwire_is_write(const unsigned char *frame, size_t n_bytes)
{
	struct bytes reader = {
		.data = (unsigned char *)(uintptr_t)frame,
		.n = n_bytes,
	};
	int64_t op;

	take_int(&reader, 4);
	op = take_int(&reader, 4);
	return op == OP_CREATE || op == OP_DELETE || op == OP_SET ||
	       op == OP_MULTI;
}
