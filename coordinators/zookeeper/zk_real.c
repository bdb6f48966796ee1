/* SPDX-License-Identifier: Apache-2.0 */
/* The table of calls over libzookeeper_mt. */
#include "zk_calls.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * The macro that makes this header declare the synchronous calls stays
 * undefined, so that none can slip in.
 */
#include <zookeeper/zookeeper.h>

#include <metafora/error.h>

#include "zk_handle.h"

#define STACK_BYTES (256 * 1024)
#define N_SPARE 16
/* Out of touch: how long until the servers' names are resolved again. */
#define RESOLVE_MS_MIN 2000
#define RESOLVE_MS_MAX 30000

/* An event on its way to the owner. */
struct record {
	struct metafora_post post; /* first */
	struct real *real;
	struct zk_event event;
	bool spare;   /* part of struct real */
	bool in_use;  /* spare: guarded by lock */
};

/*
 * Threads: the owner sends; the library's completion thread copies answers and
 * events and posts them; one thread of our own does what may block: resolving
 * names at the beginning, closing at the end.
 */
struct real {
	const struct metafora_host *host; /* const */
	const struct zk_target *target;   /* const */
	zk_event_fn event;                /* const */
	void *event_arg;                  /* const */
	struct ACL_vector acl;            /* const */
	pthread_t thread;                 /* owner */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* closing or abandoned was set */
	zhandle_t *zh;          /* guarded by lock; NULL: cannot send */
	bool closing;           /* guarded by lock: the owner closed */
	bool abandoned;         /* guarded by lock */
	bool connected;         /* guarded by lock: as of the last event */
	bool missed_posted;     /* guarded by lock */
	/* Under way in the library. */
	struct zk_request *first, *last; /* guarded by lock */
	/*
	 * Session events never fail for want of memory: there are spare
	 * records, and when more than these are waiting, the last one says
	 * that the session cannot be relied upon any more.
	 */
	struct record spares[N_SPARE];
	struct record missed;
	struct record closed;
};

/* What a write needs until its completion; in request->extra. */
struct multi {
	zoo_op_t *ops;
	zoo_op_result_t *results;
	struct Stat *stats;
	char *paths; /* room for the names of sequential nodes */
};

static struct real *real_of(struct zk *zk)
{
	return (struct real *)zk;
}

/* --- events ------------------------------------------------------------------ */

static void release_record(struct record *record)
{
	struct real *real = record->real;

	if (!record->spare) {
		free(record);
		return;
	}
	pthread_mutex_lock(&real->lock);
	record->in_use = false;
	pthread_mutex_unlock(&real->lock);
}

static void deliver_event(struct metafora_post *post, bool dropped)
{
	struct record *record = (struct record *)post;
	struct real *real = record->real;
	struct zk_event event = record->event;
	bool owns_path = !record->spare;

	/* A spare can be used again at once: what is needed was copied. */
	if (!owns_path)
		release_record(record);
	if (event.kind == ZK_EVENT_MISSED) {
		pthread_mutex_lock(&real->lock);
		real->missed_posted = false;
		pthread_mutex_unlock(&real->lock);
	}
	if (!dropped)
		real->event(real->event_arg, &event);
	if (owns_path)
		release_record(record);
}

static void post_record(struct record *record, struct real *real,
			enum zk_event_kind kind)
{
	record->post.deliver = deliver_event;
	record->real = real;
	record->event.kind = kind;
	real->host->post(real->host, &record->post);
}

static void post_session(struct real *real, enum zk_event_kind kind,
			 uint64_t session, int64_t timeout_ms,
			 const char *text)
{
	struct record *record = NULL;
	size_t i;

	pthread_mutex_lock(&real->lock);
	for (i = 0; i < N_SPARE && !record; i++)
		if (!real->spares[i].in_use)
			record = &real->spares[i];
	if (!record) {
		pthread_mutex_unlock(&real->lock);
		return; /* the last spare has told the end already */
	}
	record->in_use = true;
	if (i == N_SPARE && kind != ZK_EVENT_AUTH_FAILED)
		kind = ZK_EVENT_EXPIRED;
	pthread_mutex_unlock(&real->lock);
	record->spare = true;
	record->event = (struct zk_event){
		.session = session,
		.timeout_ms = timeout_ms,
		.text = text,
	};
	post_record(record, real, kind);
}

static void post_missed(struct real *real)
{
	bool posted;

	pthread_mutex_lock(&real->lock);
	posted = real->missed_posted;
	real->missed_posted = true;
	pthread_mutex_unlock(&real->lock);
	if (posted)
		return;
	real->missed.spare = true;
	real->missed.event = (struct zk_event){ 0 };
	post_record(&real->missed, real, ZK_EVENT_MISSED);
}

static void post_watch(struct real *real, enum zk_event_kind kind,
		       const char *path)
{
	size_t n = strlen(path) + 1;
	struct record *record = calloc(1, sizeof(*record) + n);

	if (!record) {
		post_missed(real);
		return;
	}
	record->event.path = memcpy(record + 1, path, n);
	post_record(record, real, kind);
}

static void set_connected(struct real *real, bool connected)
{
	pthread_mutex_lock(&real->lock);
	real->connected = connected;
	pthread_cond_broadcast(&real->changed);
	pthread_mutex_unlock(&real->lock);
}

static void on_session_event(struct real *real, zhandle_t *zh, int state)
{
	set_connected(real, state == ZOO_CONNECTED_STATE);
	if (state == ZOO_CONNECTED_STATE) {
		pthread_mutex_lock(&real->lock);
		/* The event can come before zookeeper_init2 has returned. */
		if (!real->closing && !real->abandoned)
			real->zh = zh;
		pthread_mutex_unlock(&real->lock);
		post_session(real, ZK_EVENT_CONNECTED,
			     (uint64_t)zoo_client_id(zh)->client_id,
			     zoo_recv_timeout(zh), NULL);
	} else if (state == ZOO_EXPIRED_SESSION_STATE) {
		post_session(real, ZK_EVENT_EXPIRED, 0, 0, NULL);
	} else if (state == ZOO_AUTH_FAILED_STATE) {
		post_session(real, ZK_EVENT_AUTH_FAILED, 0, 0, NULL);
	} else if (state == ZOO_CONNECTING_STATE ||
		   state == ZOO_ASSOCIATING_STATE) {
		post_session(real, ZK_EVENT_CONNECTING, 0, 0, NULL);
	}
}

/* Completion thread. */
static void on_event(zhandle_t *zh, int type, int state, const char *path,
		     void *context)
{
	struct real *real = context;

	if (type == ZOO_SESSION_EVENT)
		on_session_event(real, zh, state);
	else if (type == ZOO_CHILD_EVENT)
		post_watch(real, ZK_EVENT_CHILDREN, path);
	else if (type == ZOO_CHANGED_EVENT)
		post_watch(real, ZK_EVENT_DATA, path);
	else if (type == ZOO_DELETED_EVENT)
		post_watch(real, ZK_EVENT_DELETED, path);
	else
		post_missed(real);
}

/* --- answers ----------------------------------------------------------------- */

static void copy_stat(struct zk_stat *to, const struct Stat *from)
{
	to->czxid = from->czxid;
	to->ctime_ms = from->ctime;
	to->ephemeral_owner = from->ephemeralOwner;
	to->version = from->version;
	to->cversion = from->cversion;
	to->n_children = from->numChildren;
	to->n_bytes = from->dataLength;
}

static void free_names(char **names, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static void free_multi(struct zk_request *request)
{
	struct multi *multi = request->extra;

	request->extra = NULL;
	if (!multi)
		return;
	free(multi->ops);
	free(multi->results);
	free(multi->stats);
	free(multi->paths);
	free(multi);
}

static void deliver_answer(struct metafora_post *post, bool dropped)
{
	struct zk_request *request = (struct zk_request *)(uintptr_t)(
		(char *)post - offsetof(struct zk_request, post));
	char **names = request->names;
	size_t n_names = request->n_names;
	void *data = request->data;

	/* The request itself may be freed by done. */
	if (!dropped)
		request->done(request);
	free_names(names, n_names);
	free(data);
}

static void post_answer(struct real *real, struct zk_request *request)
{
	request->post.deliver = deliver_answer;
	real->host->post(real->host, &request->post);
}

static void link_request(struct real *real, struct zk_request *request)
{
	request->next = NULL;
	request->prev = real->last;
	if (real->last)
		real->last->next = request;
	else
		real->first = request;
	real->last = request;
}

static void unlink_request(struct real *real, struct zk_request *request)
{
	if (request->prev)
		request->prev->next = request->next;
	else
		real->first = request->next;
	if (request->next)
		request->next->prev = request->prev;
	else
		real->last = request->prev;
}

static void complete(struct zk_request *request, enum zk_code code)
{
	struct real *real = real_of(request->zk);

	pthread_mutex_lock(&real->lock);
	unlink_request(real, request);
	pthread_mutex_unlock(&real->lock);
	request->code = code;
	free_multi(request);
	post_answer(real, request);
}

static void on_names(int rc, const struct String_vector *names,
		     const struct Stat *stat, const void *data)
{
	struct zk_request *request = (struct zk_request *)(uintptr_t)data;
	enum zk_code code = mf_zk_code_of(rc);
	int32_t i;

	if (code != ZK_OK || names->count == 0)
		goto out;
	request->names = calloc((size_t)names->count, sizeof(char *));
	for (i = 0; request->names && i < names->count; i++) {
		request->names[i] = strdup(names->data[i]);
		if (!request->names[i])
			break;
		request->n_names++;
	}
	if (request->n_names < (size_t)names->count)
		code = ZK_NOMEM;
out:
	if (code == ZK_OK)
		copy_stat(&request->stat, stat);
	complete(request, code);
}

static void on_data(int rc, const char *value, int n, const struct Stat *stat,
		    const void *data)
{
	struct zk_request *request = (struct zk_request *)(uintptr_t)data;
	enum zk_code code = mf_zk_code_of(rc);

	if (code == ZK_OK) {
		copy_stat(&request->stat, stat);
		request->size_bytes = n > 0 ? (size_t)n : 0;
	}
	if (request->size_bytes) {
		request->data = calloc(1, request->size_bytes + 1);
		if (request->data)
			memcpy(request->data, value, request->size_bytes);
		else
			code = ZK_NOMEM;
	}
	complete(request, code);
}

static void on_stat(int rc, const struct Stat *stat, const void *data)
{
	struct zk_request *request = (struct zk_request *)(uintptr_t)data;
	enum zk_code code = mf_zk_code_of(rc);

	if (code == ZK_OK)
		copy_stat(&request->stat, stat);
	complete(request, code);
}

static void on_synced(int rc, const char *path, const void *data)
{
	struct zk_request *request = (struct zk_request *)(uintptr_t)data;

	(void)path;
	complete(request, mf_zk_code_of(rc));
}

/* The number that the server has appended: ten digits, or less and a sign. */
static int32_t sequence_of(const struct zk_op *op, const char *path)
{
	size_t n = strlen(op->path);

	return strlen(path) > n ? (int32_t)strtol(path + n, NULL, 10) : 0;
}

/*
 * Of a failed write the server says OK for the operations before the one that
 * failed, although none was done.
 */
static enum zk_code fail_ops(struct zk_request *request,
			     const zoo_op_result_t *results)
{
	enum zk_code code = ZK_UNKNOWN;
	size_t i;

	for (i = 0; i < request->n_ops; i++) {
		enum zk_code own = mf_zk_code_of(results[i].err);

		request->ops[i].code = ZK_OTHER;
		if (code == ZK_UNKNOWN && own != ZK_OK && own != ZK_UNKNOWN)
			code = request->ops[i].code = own;
	}
	return code;
}

static void on_written(int rc, const void *data)
{
	struct zk_request *request = (struct zk_request *)(uintptr_t)data;
	const struct multi *multi = request->extra;
	enum zk_code code = mf_zk_code_of(rc);
	size_t i;

	if (code != ZK_OK && (code != ZK_UNKNOWN || rc == ZRUNTIMEINCONSISTENCY))
		code = fail_ops(request, multi->results);
	for (i = 0; code == ZK_OK && i < request->n_ops; i++) {
		struct zk_op *op = &request->ops[i];

		op->code = ZK_OK;
		if (op->kind == ZK_CREATE && op->flags & ZK_SEQUENCE)
			op->sequence = sequence_of(op, multi->ops[i].create_op.buf);
		if (op->kind == ZK_SET)
			copy_stat(&op->stat, &multi->stats[i]);
	}
	complete(request, code);
}

/* --- sending ------------------------------------------------------------------ */

static const int *modes[] = {
	[0] = &ZOO_PERSISTENT,
	[ZK_EPHEMERAL] = &ZOO_EPHEMERAL,
	[ZK_SEQUENCE] = &ZOO_PERSISTENT_SEQUENTIAL,
	[ZK_EPHEMERAL | ZK_SEQUENCE] = &ZOO_EPHEMERAL_SEQUENTIAL,
};

/* Room for the path as created: the server appends up to 11 bytes. */
static size_t path_bytes(const struct zk_op *op)
{
	return op->kind == ZK_CREATE ? strlen(op->path) + 16 : 0;
}

static struct multi *multi_new(struct zk_request *request)
{
	struct multi *multi = calloc(1, sizeof(*multi));
	size_t n_bytes = 1;
	size_t i;

	if (!multi)
		return NULL;
	request->extra = multi;
	for (i = 0; i < request->n_ops; i++)
		n_bytes += path_bytes(&request->ops[i]);
	multi->ops = calloc(request->n_ops, sizeof(*multi->ops));
	multi->results = calloc(request->n_ops, sizeof(*multi->results));
	multi->stats = calloc(request->n_ops, sizeof(*multi->stats));
	multi->paths = calloc(1, n_bytes);
	if (multi->ops && multi->results && multi->stats && multi->paths)
		return multi;
	free_multi(request);
	return NULL;
}

static int send_write(struct real *real, struct zk_request *request)
{
	struct multi *multi = multi_new(request);
	char *room = multi ? multi->paths : NULL;
	size_t i;

	if (!multi)
		return ZSYSTEMERROR;
	for (i = 0; i < request->n_ops; i++) {
		const struct zk_op *op = &request->ops[i];
		const char *value = op->data ? op->data : "";
		zoo_op_t *to = &multi->ops[i];

		switch (op->kind) {
		case ZK_CREATE:
			zoo_create_op_init(to, op->path, value,
					   (int)op->size_bytes, &real->acl,
					   *modes[op->flags], room,
					   (int)path_bytes(op));
			room += path_bytes(op);
			break;
		case ZK_SET:
			zoo_set_op_init(to, op->path, value,
					(int)op->size_bytes, op->version,
					&multi->stats[i]);
			break;
		case ZK_DELETE:
			zoo_delete_op_init(to, op->path, op->version);
			break;
		case ZK_CHECK:
			zoo_check_op_init(to, op->path, op->version);
			break;
		}
	}
	return zoo_amulti(real->zh, (int)request->n_ops, multi->ops,
			  multi->results, on_written, request);
}

static int send_kind(struct real *real, struct zk_request *request)
{
	watcher_fn watch = request->watch ? on_event : NULL;

	switch (request->kind) {
	case ZK_READ_CHILDREN:
		return zoo_awget_children2(real->zh, request->path, watch, real,
					   on_names, request);
	case ZK_READ_DATA:
		return zoo_awget(real->zh, request->path, watch, real, on_data,
				 request);
	case ZK_READ_STAT:
		return zoo_awexists(real->zh, request->path, NULL, NULL,
				    on_stat, request);
	case ZK_SYNC:
		return zoo_async(real->zh, request->path, on_synced, request);
	case ZK_WRITE:
		return send_write(real, request);
	}
	return ZBADARGUMENTS;
}

static void real_send(struct zk *zk, struct zk_request *request)
{
	struct real *real = real_of(zk);
	int rc = ZINVALIDSTATE;

	request->zk = zk;
	request->extra = NULL;
	request->names = NULL;
	request->n_names = 0;
	request->data = NULL;
	request->size_bytes = 0;
	pthread_mutex_lock(&real->lock);
	/*
	 * Only while connected: zoo_amulti frees what it never set when its
	 * handle refuses one of the operations.
	 */
	if (real->zh && zoo_state(real->zh) == ZOO_CONNECTED_STATE) {
		link_request(real, request);
		rc = send_kind(real, request);
		if (rc != ZOK)
			unlink_request(real, request);
	}
	pthread_mutex_unlock(&real->lock);
	if (rc == ZOK)
		return;
	free_multi(request);
	request->code = mf_zk_refusal_of(rc);
	post_answer(real, request);
}

/* --- life ---------------------------------------------------------------------- */

/* With the lock held: until something changed, or now, if that is bounded. */
static bool wait_for(struct real *real, int64_t timeout_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return pthread_cond_timedwait(&real->changed, &real->lock, &until) ==
	       ETIMEDOUT;
}

/*
 * Until the owner closes or abandons.  Servers may move while none answers:
 * their names are resolved again, less and less often.
 */
static void wait_for_end(struct real *real, struct zk_handle *handle)
{
	int64_t delay_ms = RESOLVE_MS_MIN;

	pthread_mutex_lock(&real->lock);
	while (!real->closing && !real->abandoned) {
		if (real->connected || !handle->zh) {
			delay_ms = RESOLVE_MS_MIN;
			pthread_cond_wait(&real->changed, &real->lock);
		} else if (wait_for(real, delay_ms)) {
			pthread_mutex_unlock(&real->lock);
			mf_zk_handle_resolve(handle, real->target);
			pthread_mutex_lock(&real->lock);
			if (delay_ms < RESOLVE_MS_MAX)
				delay_ms *= 2;
		}
	}
	real->zh = NULL;
	pthread_mutex_unlock(&real->lock);
}

static void wait_for_close(struct real *real)
{
	pthread_mutex_lock(&real->lock);
	while (!real->closing)
		pthread_cond_wait(&real->changed, &real->lock);
	pthread_mutex_unlock(&real->lock);
}

/* The library drops some completions when it closes: they are ours to give. */
static void fail_rest(struct real *real)
{
	struct zk_request *request;

	do {
		pthread_mutex_lock(&real->lock);
		request = real->first;
		pthread_mutex_unlock(&real->lock);
		if (request)
			complete(request, ZK_UNKNOWN);
	} while (request);
}

static void *serve(void *arg)
{
	struct real *real = arg;
	struct zk_handle handle;
	const char *why = NULL;

	if (!mf_zk_handle_open(&handle, real->target, on_event, real, &why))
		post_session(real, ZK_EVENT_UNREACHABLE, 0, 0, why);
	wait_for_end(real, &handle);
	mf_zk_handle_close(&handle);
	fail_rest(real);
	post_session(real, ZK_EVENT_EXPIRED, 0, 0, NULL);
	wait_for_close(real);
	real->closed.spare = true;
	real->closed.event = (struct zk_event){ 0 };
	post_record(&real->closed, real, ZK_EVENT_CLOSED);
	return NULL;
}

static int copy_acl(struct real *real, const struct zk_target *target)
{
	size_t i;

	real->acl.data = calloc(target->n_acl, sizeof(*real->acl.data));
	if (!real->acl.data)
		return METAFORA_ENOMEM;
	real->acl.count = (int32_t)target->n_acl;
	for (i = 0; i < target->n_acl; i++) {
		struct ACL *acl = &real->acl.data[i];

		/* The library only reads them. */
		acl->perms = (int32_t)target->acl[i].perms;
		acl->id.scheme = (char *)(uintptr_t)target->acl[i].scheme;
		acl->id.id = (char *)(uintptr_t)target->acl[i].id;
	}
	return 0;
}

static int start_thread(struct real *real)
{
	pthread_attr_t attr;
	sigset_t all;
	sigset_t before;
	int rc = pthread_attr_init(&attr);

	if (rc)
		return METAFORA_ESYS;
	rc = pthread_attr_setstacksize(&attr, STACK_BYTES);
	/* The library's threads are made by this one: they inherit the mask. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (!rc)
		rc = pthread_create(&real->thread, &attr, serve, real);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return rc ? METAFORA_ESYS : 0;
}

/* Timed by a clock that nobody sets. */
static int init_changed(struct real *real)
{
	pthread_condattr_t attr;
	int rc = pthread_condattr_init(&attr);

	if (rc)
		return rc;
	rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (!rc)
		rc = pthread_cond_init(&real->changed, &attr);
	pthread_condattr_destroy(&attr);
	return rc;
}

static int real_open(void *env, const struct metafora_host *host,
		     const struct zk_target *target, zk_event_fn event,
		     void *arg, struct zk **out)
{
	struct real *real = calloc(1, sizeof(*real));
	int error = METAFORA_ENOMEM;

	(void)env;
	if (!real)
		return METAFORA_ENOMEM;
	real->host = host;
	real->target = target;
	real->event = event;
	real->event_arg = arg;
	if (copy_acl(real, target))
		goto free_real;
	error = METAFORA_ESYS;
	if (pthread_mutex_init(&real->lock, NULL))
		goto free_acl;
	if (init_changed(real))
		goto destroy_lock;
	error = start_thread(real);
	if (error)
		goto destroy_changed;
	*out = (struct zk *)real;
	return 0;
destroy_changed:
	pthread_cond_destroy(&real->changed);
destroy_lock:
	pthread_mutex_destroy(&real->lock);
free_acl:
	free(real->acl.data);
free_real:
	free(real);
	return error;
}

static void ask(struct real *real, bool *what)
{
	pthread_mutex_lock(&real->lock);
	*what = true;
	pthread_cond_broadcast(&real->changed);
	pthread_mutex_unlock(&real->lock);
}

static void real_close(struct zk *zk)
{
	ask(real_of(zk), &real_of(zk)->closing);
}

static void real_abandon(struct zk *zk)
{
	ask(real_of(zk), &real_of(zk)->abandoned);
}

static void real_free(struct zk *zk)
{
	struct real *real = real_of(zk);

	real_close(zk);
	pthread_join(real->thread, NULL);
	pthread_cond_destroy(&real->changed);
	pthread_mutex_destroy(&real->lock);
	free(real->acl.data);
	free(real);
}

const struct zk_calls *mf_zk_real_calls(void)
{
	static const struct zk_calls calls = {
		.open = real_open,
		.send = real_send,
		.close = real_close,
		.abandon = real_abandon,
		.free = real_free,
	};

	return &calls;
}
