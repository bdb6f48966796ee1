/* SPDX-License-Identifier: Apache-2.0 */
/* The table of calls over the real client library, through relays. */
#include "zklink.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#include "process.h"
#include "relay.h"
#include "tap.h"
#include "zkwire.h"

#define HOSTS_BYTES (32 * ZKSERVERS_MAX)

/* A node or client, over all its handles. */
struct zklink {
	struct zklink *next;
	struct zklinks *links;
	const struct metafora_host *host;    /* const: whose it is */
	struct relay *relays[ZKSERVERS_MAX]; /* const */
	char hosts[HOSTS_BYTES];             /* const */
	struct zk_target target;             /* owner; of the present handle */
	char name[128];                      /* guarded by lock; "": unknown */
	struct zkwire_session session;       /* guarded by lock */
	size_t n_lose;                       /* guarded by lock */
	bool lose_before;                    /* guarded by lock */
};

struct zklinks {
	struct zkservers *servers;
	unsigned int n_servers;
	/*
	 * The relays call us with their locks held, so no relay may be called
	 * with ours.
	 */
	pthread_mutex_t lock;
	struct zklink *first; /* guarded by lock */
};

/* What the coordinator takes for a handle. */
struct handle {
	struct zklink *link;
	struct zk *inner;
};

/* --- what passes ------------------------------------------------------------------ */

/* A connection's mark: what has passed, and the answer that must not. */
#define SEEN_TO_SERVER (1ull << 33)
#define SEEN_TO_CLIENT (1ull << 34)
#define AWAITED (1ull << 32)
#define AWAITED_XID 0xffffffffull

static bool has(const unsigned char *frame, size_t n_bytes, const char *text)
{
	return memmem(frame, n_bytes, text, strlen(text)) != NULL;
}

static bool counts(const unsigned char *frame, size_t n_bytes)
{
	return zkwire_is_write(frame, n_bytes) &&
	       (has(frame, n_bytes, "/claims/") ||
		has(frame, n_bytes, "/tasks/") ||
		has(frame, n_bytes, "/commands/"));
}

static bool to_server(struct zklink *link, uint64_t *mark,
		      const unsigned char *frame, size_t n_bytes)
{
	if (!(*mark & SEEN_TO_SERVER)) {
		*mark |= SEEN_TO_SERVER;
		return true;
	}
	if (link->n_lose == 0 || *mark & AWAITED || !counts(frame, n_bytes))
		return true;
	link->n_lose--;
	if (link->lose_before)
		return false;
	*mark |= AWAITED | zkwire_xid(frame, n_bytes);
	return true;
}

static bool to_client(struct zklink *link, uint64_t *mark,
		      const unsigned char *frame, size_t n_bytes)
{
	if (!(*mark & SEEN_TO_CLIENT)) {
		*mark |= SEEN_TO_CLIENT;
		zkwire_read_session(frame, n_bytes, &link->session);
		return true;
	}
	return !(*mark & AWAITED) ||
	       (*mark & AWAITED_XID) != zkwire_xid(frame, n_bytes);
}

/* On a relay's thread. */
static bool on_frame(void *arg, uint64_t *mark, enum relay_way way,
		     const unsigned char *frame, size_t n_bytes)
{
	struct zklink *link = arg;
	bool passes;

	pthread_mutex_lock(&link->links->lock);
	passes = way == RELAY_TO_SERVER ? to_server(link, mark, frame, n_bytes)
					: to_client(link, mark, frame, n_bytes);
	pthread_mutex_unlock(&link->links->lock);
	return passes;
}

/* --- the table ----------------------------------------------------------------------- */

static struct zklink *link_new(struct zklinks *links,
			       const struct metafora_host *host)
{
	struct zklink *link = calloc(1, sizeof(*link));
	unsigned int i;
	size_t n = 0;

	if (!link)
		process_die("out of memory");
	link->links = links;
	link->host = host;
	for (i = 0; i < links->n_servers; i++) {
		link->relays[i] = relay_new(zkservers_port(links->servers, i));
		relay_set_frames(link->relays[i], on_frame, link);
		n += (size_t)snprintf(link->hosts + n, sizeof(link->hosts) - n,
				      "%s127.0.0.1:%u", i ? "," : "",
				      relay_port(link->relays[i]));
	}
	return link;
}

static struct zklink *link_of(struct zklinks *links,
			      const struct metafora_host *host)
{
	struct zklink *link;

	pthread_mutex_lock(&links->lock);
	for (link = links->first; link; link = link->next)
		if (link->host == host)
			break;
	pthread_mutex_unlock(&links->lock);
	return link;
}

static int link_open(void *env, const struct metafora_host *host,
		     const struct zk_target *target, zk_event_fn event,
		     void *arg, struct zk **out)
{
	struct zklinks *links = env;
	struct zklink *link = link_of(links, host);
	struct handle *handle = calloc(1, sizeof(*handle));
	int error;

	if (!handle)
		return METAFORA_ENOMEM;
	if (!link) {
		link = link_new(links, host);
		pthread_mutex_lock(&links->lock);
		link->next = links->first;
		links->first = link;
		pthread_mutex_unlock(&links->lock);
	}
	handle->link = link;
	link->target = *target;
	link->target.servers = link->hosts;
	error = mf_zk_real_calls()->open(NULL, host, &link->target, event, arg,
					 &handle->inner);
	if (error)
		free(handle);
	else
		*out = (struct zk *)handle;
	return error;
}

/* A member record says what node the handle belongs to. */
static void notice_name(struct zklink *link, const struct zk_request *request)
{
	const char *at;
	size_t i;

	for (i = 0; i < request->n_ops; i++) {
		at = strstr(request->ops[i].path, "/nodes/");
		if (!at || request->ops[i].kind != ZK_CREATE)
			continue;
		pthread_mutex_lock(&link->links->lock);
		snprintf(link->name, sizeof(link->name), "%s", at + 7);
		pthread_mutex_unlock(&link->links->lock);
	}
}

static void link_send(struct zk *zk, struct zk_request *request)
{
	struct handle *handle = (struct handle *)zk;

	if (request->kind == ZK_WRITE)
		notice_name(handle->link, request);
	mf_zk_real_calls()->send(handle->inner, request);
}

static void link_close(struct zk *zk)
{
	mf_zk_real_calls()->close(((struct handle *)zk)->inner);
}

static void link_abandon(struct zk *zk)
{
	mf_zk_real_calls()->abandon(((struct handle *)zk)->inner);
}

static void link_free(struct zk *zk)
{
	mf_zk_real_calls()->free(((struct handle *)zk)->inner);
	free(zk);
}

const struct zk_calls *zklinks_calls(void)
{
	static const struct zk_calls calls = {
		.open = link_open,
		.send = link_send,
		.close = link_close,
		.abandon = link_abandon,
		.free = link_free,
	};

	return mf_zk_real_calls() ? &calls : NULL;
}

bool zklinks_can_run(void)
{
	const char *lack = zklinks_calls() ? zkservers_lack()
					     : "built without ZooKeeper";

	if (lack)
		tap_skip(lack);
	return !lack;
}

/* --- faults ---------------------------------------------------------------------------- */

/*
 * The next link of that name behind `after` (NULL: the first).  Links live as
 * long as all of them.
 */
static struct zklink *next_named(struct zklinks *links, struct zklink *after,
				 const char *name)
{
	struct zklink *link;

	pthread_mutex_lock(&links->lock);
	link = after ? after->next : links->first;
	while (link && name && strcmp(link->name, name) != 0)
		link = link->next;
	pthread_mutex_unlock(&links->lock);
	return link;
}

static void cut_link(struct zklink *link)
{
	unsigned int i;

	for (i = 0; i < link->links->n_servers; i++)
		relay_cut(link->relays[i]);
}

void zklinks_cut(struct zklinks *links, const char *name, bool cut)
{
	struct zklink *link = NULL;
	unsigned int i;

	while ((link = next_named(links, link, name))) {
		for (i = 0; i < links->n_servers; i++)
			relay_set_door(link->relays[i],
				       cut ? RELAY_REFUSED : RELAY_OPEN);
		if (cut)
			cut_link(link);
	}
}

void zklinks_expire(struct zklinks *links, const char *name)
{
	struct zklink *link = NULL;
	struct zkwire_session session;

	/* Who comes back too early would throw us out of its session. */
	zklinks_cut(links, name, true);
	while ((link = next_named(links, link, name))) {
		pthread_mutex_lock(&links->lock);
		session = link->session;
		pthread_mutex_unlock(&links->lock);
		if (session.id &&
		    !zkwire_end(zkservers_port(links->servers, 0), &session))
			process_die("a session cannot be ended");
	}
	zklinks_cut(links, name, false);
}

void zklinks_silence(struct zklinks *links, const char *name, bool silent)
{
	struct zklink *link = NULL;
	unsigned int i;

	while ((link = next_named(links, link, name))) {
		for (i = 0; i < links->n_servers; i++) {
			relay_set_door(link->relays[i],
				       silent ? RELAY_VOID : RELAY_OPEN);
			relay_set_modes(link->relays[i],
					silent ? RELAY_LOSE : RELAY_PASS);
		}
		/* Half a frame may have been lost. */
		if (!silent)
			cut_link(link);
	}
}

void zklinks_lose(struct zklinks *links, const char *name, size_t n_writes,
		  bool before_commit)
{
	struct zklink *link = NULL;

	while ((link = next_named(links, link, name))) {
		pthread_mutex_lock(&links->lock);
		link->n_lose = n_writes;
		link->lose_before = before_commit;
		pthread_mutex_unlock(&links->lock);
	}
}

/* --- life --------------------------------------------------------------------------------- */

struct zklinks *zklinks_new(struct zkservers *servers, unsigned int n_servers)
{
	struct zklinks *links = calloc(1, sizeof(*links));

	if (!links)
		process_die("out of memory");
	links->servers = servers;
	links->n_servers = n_servers;
	pthread_mutex_init(&links->lock, NULL);
	return links;
}

void zklinks_free(struct zklinks *links)
{
	struct zklink *link;
	unsigned int i;

	while ((link = links->first)) {
		links->first = link->next;
		for (i = 0; i < links->n_servers; i++)
			relay_free(link->relays[i]);
		free(link);
	}
	pthread_mutex_destroy(&links->lock);
	free(links);
}
