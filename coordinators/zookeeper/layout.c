/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the layout record of a namespace, or creates the namespace. */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#include "path.h"

#define TRIES_MAX 5
#define RECORD_BYTES_MAX 4096
/* The root itself and the folders that have no buckets. */
#define N_PLAIN 6

static const char *const plain[N_PLAIN] = {
	NULL, "nodes", "leases", "commands", "tasks", "claims",
};

static void read_record(struct zk_session *session);

static void free_ops(struct zk_layout *layout)
{
	size_t i;

	for (i = 0; i < layout->n_ops; i++) {
		free((char *)(uintptr_t)layout->ops[i].path);
		free((void *)(uintptr_t)layout->ops[i].data);
	}
	free(layout->ops);
	layout->ops = NULL;
	layout->n_ops = 0;
}

void mf_zk_layout_fini(struct zk_session *session)
{
	free_ops(&session->layout);
}

static void answer(struct zk_session *session, int error)
{
	free_ops(&session->layout);
	mf_zk_session_layout(session, error);
}

/* Whether the call came to something; if not, goes on or waits. */
static bool usable(struct zk_session *session, struct zk_call *call)
{
	enum zk_code code = call->request.code;

	session->layout.busy = false;
	if (call->stale) {
		free_ops(&session->layout);
		return false;
	}
	if (code != ZK_UNKNOWN && code != ZK_UNSENT)
		return true;
	/* Told too late: the next connection is there already. */
	if (call->connection != session->connection)
		read_record(session);
	else
		answer(session, METAFORA_EDISCONNECTED);
	return false;
}

static void send(struct zk_session *session,
		 void (*done)(struct zk_call *call))
{
	session->layout.busy = true;
	session->layout.call.done = done;
	mf_zk_session_send(session, &session->layout.call);
}

/* --- the record -------------------------------------------------------------------- */

/*
 * {"metafora":1,"buckets":64}, in this order, with blanks anywhere.  Read
 * without any allocation: a lack of memory must not look like another version,
 * which ends a node for good.
 */
static int parse_record(struct zk_session *session, const char *record)
{
	const struct zk_request *request = &session->layout.call.request;
	unsigned int version = 0;
	unsigned int n_buckets = 0;
	int n = 0;

	sscanf(record, " { \"metafora\" : %9u , \"buckets\" : %9u } %n",
	       &version, &n_buckets, &n);
	if (n == 0 || record[n] || version != ZK_LAYOUT_VERSION ||
	    n_buckets < 1 || n_buckets > ZK_BUCKETS_MAX)
		return METAFORA_EVERSION;
	session->n_buckets = n_buckets;
	/*
	 * When the namespace was made, by the clock of the server that led
	 * then: tokens of a namespace that was made again are greater.
	 */
	session->epoch = (uint32_t)(request->stat.ctime_ms / 1000);
	return 0;
}

static int check_record(struct zk_session *session, const void *data,
			size_t size_bytes)
{
	uint32_t wanted = session->options->n_buckets;
	int error = METAFORA_EVERSION;

	if (size_bytes > 0 && size_bytes <= RECORD_BYTES_MAX)
		error = parse_record(session, data);

	if (error == METAFORA_EVERSION)
		session->host->log(session->host, METAFORA_LOG_ERROR,
				   "not a namespace of this version "
				   "namespace=%s", session->options->root);
	if (error || !wanted || wanted == session->n_buckets)
		return error;
	session->host->log(session->host, METAFORA_LOG_ERROR,
			   "namespace has another number of buckets "
			   "namespace=%s buckets=%u configured=%u",
			   session->options->root, session->n_buckets, wanted);
	return METAFORA_EVERSION;
}

/* --- creating ------------------------------------------------------------------------ */

static int add_op(struct zk_layout *layout, char *path, char *data)
{
	struct zk_op *op = &layout->ops[layout->n_ops++];

	*op = (struct zk_op){
		.kind = ZK_CREATE,
		.path = path,
		.data = data,
		.size_bytes = data ? strlen(data) : 0,
	};
	return path ? 0 : METAFORA_ENOMEM;
}

static char *make_record(uint32_t n_buckets)
{
	char *record = malloc(64);

	if (record)
		snprintf(record, 64, "{\"metafora\":%d,\"buckets\":%u}",
			 ZK_LAYOUT_VERSION, n_buckets);
	return record;
}

/* Everything in one write: a namespace is there as a whole or not at all. */
static int make_ops(struct zk_session *session)
{
	struct zk_layout *layout = &session->layout;
	const char *root = session->options->root;
	uint32_t n_buckets = session->options->n_buckets;
	char *record;
	uint32_t b;
	size_t i;

	if (!n_buckets)
		n_buckets = ZK_BUCKETS_DEFAULT;
	record = make_record(n_buckets);
	layout->ops = calloc(N_PLAIN + 2 * (size_t)n_buckets,
			     sizeof(*layout->ops));
	if (!record || !layout->ops) {
		free(record);
		return METAFORA_ENOMEM;
	}
	if (add_op(layout, strdup(root), record))
		return METAFORA_ENOMEM;
	for (i = 1; i < N_PLAIN; i++)
		if (add_op(layout, mf_zk_path(root, plain[i]), NULL))
			return METAFORA_ENOMEM;
	for (b = 0; b < n_buckets; b++)
		if (add_op(layout, mf_zk_path_folder(root, ZK_TASKS, b),
			   NULL) ||
		    add_op(layout, mf_zk_path_folder(root, ZK_CLAIMS, b),
			   NULL))
			return METAFORA_ENOMEM;
	return 0;
}

static void on_created(struct zk_call *call)
{
	struct zk_session *session = call->session;
	enum zk_code code = call->request.code;

	if (!usable(session, call))
		return;
	if (code == ZK_OK)
		session->host->log(session->host, METAFORA_LOG_INFO,
				   "namespace created namespace=%s buckets=%zu",
				   session->options->root,
				   (session->layout.n_ops - N_PLAIN) / 2);
	/* Somebody else was faster, or deletes it: read what there is. */
	if (code == ZK_OK || code == ZK_EXISTS || code == ZK_NONODE) {
		free_ops(&session->layout);
		read_record(session);
		return;
	}
	session->host->log(session->host, METAFORA_LOG_ERROR,
			   "namespace cannot be created namespace=%s "
			   "reason=\"%s\"", session->options->root,
			   mf_zk_code_name(code));
	answer(session, mf_zk_error(code));
}

static void create_all(struct zk_session *session)
{
	struct zk_layout *layout = &session->layout;

	free_ops(layout);
	if (make_ops(session)) {
		answer(session, METAFORA_ENOMEM);
		return;
	}
	layout->call.request.kind = ZK_WRITE;
	layout->call.request.ops = layout->ops;
	layout->call.request.n_ops = layout->n_ops;
	send(session, on_created);
}

static void create_parent(struct zk_session *session);

static void on_parent(struct zk_call *call)
{
	struct zk_session *session = call->session;

	/* Whatever the answer: what is missing shows in the end. */
	if (!usable(session, call))
		return;
	create_parent(session);
}

/* Length of the path's first n components. */
static size_t prefix_bytes(const char *path, size_t n)
{
	const char *at = path;

	for (; n > 0 && *at; n--)
		at += 1 + strcspn(at + 1, "/");
	return (size_t)(at - path);
}

/* The folders above the root, one by one, then all the rest. */
static void create_parent(struct zk_session *session)
{
	struct zk_layout *layout = &session->layout;
	const char *root = session->options->root;
	size_t n = prefix_bytes(root, ++layout->n_parents);

	free_ops(layout);
	if (root[n] == '\0') {
		create_all(session);
		return;
	}
	layout->ops = calloc(1, sizeof(*layout->ops));
	if (!layout->ops || add_op(layout, strndup(root, n), NULL)) {
		answer(session, METAFORA_ENOMEM);
		return;
	}
	layout->call.request.kind = ZK_WRITE;
	layout->call.request.ops = layout->ops;
	layout->call.request.n_ops = 1;
	send(session, on_parent);
}

/* --- reading --------------------------------------------------------------------------- */

static void on_record(struct zk_call *call)
{
	struct zk_session *session = call->session;
	struct zk_layout *layout = &session->layout;
	enum zk_code code = call->request.code;

	if (!usable(session, call))
		return;
	if (code == ZK_NONODE && session->options->only_existing) {
		session->host->log(session->host, METAFORA_LOG_ERROR,
				   "namespace does not exist namespace=%s",
				   session->options->root);
		answer(session, METAFORA_ENAMESPACE);
	} else if (code == ZK_NONODE && layout->n_tries < TRIES_MAX) {
		layout->n_parents = 0;
		create_parent(session);
	} else if (code == ZK_OK) {
		answer(session, check_record(session, call->request.data,
					     call->request.size_bytes));
	} else {
		session->host->log(session->host, METAFORA_LOG_ERROR,
				   "namespace cannot be read namespace=%s "
				   "reason=\"%s\"", session->options->root,
				   mf_zk_code_name(code));
		answer(session, code == ZK_NONODE ? METAFORA_EBUSY :
						    mf_zk_error(code));
	}
}

static void read_record(struct zk_session *session)
{
	struct zk_request *request = &session->layout.call.request;

	session->layout.n_tries++;
	request->kind = ZK_READ_DATA;
	request->watch = false;
	request->path = session->options->root;
	send(session, on_record);
}

void mf_zk_layout_start(struct zk_session *session)
{
	if (session->layout.busy)
		return; /* its answer will show that it is out of date */
	session->layout.n_tries = 0;
	read_record(session);
}
