/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated ensemble as a test sees it: set-up, faults, looking. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakezk_int.h"

uint64_t fz_now_ns(const struct fakezk *fake)
{
	return world_now_ns(fake->world);
}

uint64_t fz_latency_ns(struct fakezk *fake)
{
	return fz_now_ns(fake) + mf_prng_between(&fake->prng,
						 fake->config.latency_min_ns,
						 fake->config.latency_max_ns);
}

/* --- events ------------------------------------------------------------------------- */

static void fire(void *arg)
{
	struct fz_event *event = arg;

	TAILQ_REMOVE(&event->fake->events, event, link);
	event->fn(event);
}

static void take(struct metafora_post *post, bool dropped)
{
	struct fz_event *event = (struct fz_event *)post;

	if (dropped)
		return; /* free finds it in the list */
	mf_loop_timer_set(&event->fake->loop, &event->timer, event->at_ns);
}

void fz_schedule(struct fakezk *fake, struct fz_event *event, uint64_t at_ns,
		 void (*fn)(struct fz_event *event),
		 void (*drop)(struct fz_event *event))
{
	event->fake = fake;
	event->at_ns = at_ns;
	event->fn = fn;
	event->drop = drop;
	event->post.deliver = take;
	mf_timer_init(&event->timer, fire, event);
	TAILQ_INSERT_TAIL(&fake->events, event, link);
	mf_loop_post(&fake->loop, &event->post);
}

/* --- messages and watches -------------------------------------------------------------- */

struct fz_message *fz_message_new(struct fz_conn *conn, enum fz_kind kind)
{
	struct fz_message *message = fz_alloc(sizeof(*message));

	message->conn = conn;
	message->kind = kind;
	message->id = ++conn->fake->n_messages;
	return message;
}

void fz_message_free(struct fz_message *message)
{
	size_t i;

	for (i = 0; i < message->n_ops; i++) {
		free((char *)(uintptr_t)message->ops[i].path);
		free((void *)(uintptr_t)message->ops[i].data);
	}
	for (i = 0; i < message->n_names; i++)
		free(message->names[i]);
	free(message->names);
	free(message->data);
	free(message->ops);
	free(message->path);
	fz_watches_free(&message->watches);
	free(message);
}

void fz_watches_free(struct fz_watch **watches)
{
	struct fz_watch *watch, *next;

	HASH_ITER(hh, *watches, watch, next)
	{
		HASH_DEL(*watches, watch);
		free(watch);
	}
}

static struct fz_watch *find_watch(struct fz_watch *watches, const char *path,
				   bool child)
{
	char key[2048];
	struct fz_watch *watch;

	snprintf(key, sizeof(key), "%c%s", child ? 'c' : 'd', path);
	HASH_FIND_STR(watches, key, watch);
	return watch;
}

void fz_watch_add(struct fz_watch **watches, const char *path, bool child)
{
	size_t n = strlen(path) + 2;
	struct fz_watch *watch = find_watch(*watches, path, child);

	if (watch)
		return;
	watch = fz_alloc(sizeof(*watch) + n);
	watch->child = child;
	snprintf(watch->key, n, "%c%s", child ? 'c' : 'd', path);
	HASH_ADD_STR(*watches, key, watch);
}

bool fz_watch_take(struct fz_watch **watches, const char *path, bool child)
{
	struct fz_watch *watch = find_watch(*watches, path, child);

	if (!watch)
		return false;
	HASH_DEL(*watches, watch);
	free(watch);
	return true;
}

/* --- names and settings ----------------------------------------------------------------- */

const char *fz_name_of(const struct fakezk *fake,
		       const struct metafora_host *host)
{
	const struct fz_name *name;

	TAILQ_FOREACH(name, &fake->names, link)
		if (name->host == host)
			return name->name;
	return NULL;
}

void fz_learn_name(struct fakezk *fake, const struct metafora_host *host,
		   const char *text)
{
	struct fz_name *name;

	TAILQ_FOREACH(name, &fake->names, link)
		if (name->host == host)
			break;
	if (!name) {
		name = fz_alloc(sizeof(*name));
		name->host = host;
		TAILQ_INSERT_TAIL(&fake->names, name, link);
	}
	free(name->name);
	name->name = fz_strdup(text);
}

static bool applies(const struct fakezk *fake, const struct fz_setting *setting,
		    const struct metafora_host *host)
{
	const char *name = fz_name_of(fake, host);

	return !setting->name || (name && strcmp(name, setting->name) == 0);
}

static struct fz_setting *setting_of(struct fakezk *fake, const char *name)
{
	struct fz_setting *setting;

	TAILQ_FOREACH(setting, &fake->settings, link)
		if (name ? setting->name && strcmp(setting->name, name) == 0 :
			   !setting->name)
			return setting;
	setting = fz_alloc(sizeof(*setting));
	setting->name = name ? fz_strdup(name) : NULL;
	TAILQ_INSERT_TAIL(&fake->settings, setting, link);
	return setting;
}

bool fz_is_cut(const struct fakezk *fake, const struct metafora_host *host)
{
	const struct fz_setting *setting;

	TAILQ_FOREACH(setting, &fake->settings, link)
		if (setting->cut && applies(fake, setting, host))
			return true;
	return false;
}

bool fz_loses(struct fakezk *fake, const struct metafora_host *host,
	      const struct fz_message *message, bool before)
{
	struct fz_setting *setting;

	/* Lease writes and the like do not count: their number is nobody's. */
	if (message->kind != FZ_REQUEST || message->request != ZK_WRITE ||
	    (message->ops[0].kind != ZK_CREATE &&
	     message->ops[0].kind != ZK_DELETE) ||
	    (!strstr(message->ops[0].path, "/tasks/") &&
	     !strstr(message->ops[0].path, "/claims/")))
		return false;
	TAILQ_FOREACH(setting, &fake->settings, link) {
		size_t *n = before ? &setting->n_lose_before :
				     &setting->n_lose_after;

		if (*n > 0 && applies(fake, setting, host)) {
			(*n)--;
			return true;
		}
	}
	return false;
}

/* --- life ---------------------------------------------------------------------------------- */

struct fakezk *fakezk_new(struct world *world,
			  const struct fakezk_config *config)
{
	struct fakezk *fake = fz_alloc(sizeof(*fake));
	unsigned int i;

	fake->config = *config;
	fake->world = world;
	fake->steered = -1;
	mf_prng_seed(&fake->prng, world_random(world));
	TAILQ_INIT(&fake->events);
	TAILQ_INIT(&fake->sessions);
	TAILQ_INIT(&fake->conns);
	TAILQ_INIT(&fake->settings);
	TAILQ_INIT(&fake->names);
	TAILQ_INIT(&fake->handles);
	fake->servers = fz_alloc(config->n_servers * sizeof(*fake->servers));
	for (i = 0; i < config->n_servers; i++)
		fz_tree_init(&fake->servers[i].tree);
	if (mf_loop_init(&fake->loop, &world->runtime, "fakezk", NULL, NULL) ||
	    mf_loop_start(&fake->loop))
		abort();
	fz_server_start(fake);
	return fake;
}

struct quit {
	struct metafora_post post; /* first */
	struct mf_loop *loop;
};

static void quit(struct metafora_post *post, bool dropped)
{
	if (!dropped)
		mf_loop_quit(((struct quit *)post)->loop);
}

#define FREE_ALL(head, type, fini)                                            \
	do {                                                                  \
		struct type *item;                                            \
		while ((item = TAILQ_FIRST(head))) {                          \
			TAILQ_REMOVE(head, item, link);                       \
			fini;                                                 \
			free(item);                                           \
		}                                                             \
	} while (0)

static void free_conn(struct fz_conn *conn)
{
	struct fz_message *message;

	while ((message = TAILQ_FIRST(&conn->queue))) {
		TAILQ_REMOVE(&conn->queue, message, in_queue);
		fz_message_free(message);
	}
	fz_watches_free(&conn->watches);
}

static void free_events(struct fakezk *fake)
{
	struct fz_event *event;

	while ((event = TAILQ_FIRST(&fake->events))) {
		TAILQ_REMOVE(&fake->events, event, link);
		event->drop(event);
	}
}

void fakezk_free(struct fakezk *fake)
{
	struct quit end = { .post.deliver = quit, .loop = &fake->loop };
	size_t i;

	if (!TAILQ_EMPTY(&fake->handles))
		puts("# fakezk: a handle was not freed");
	mf_loop_post(&fake->loop, &end.post);
	mf_loop_join(&fake->loop);
	free_events(fake);
	mf_loop_fini(&fake->loop);
	FREE_ALL(&fake->conns, fz_conn, free_conn(item));
	FREE_ALL(&fake->sessions, fz_session, (void)0);
	FREE_ALL(&fake->settings, fz_setting, free(item->name));
	FREE_ALL(&fake->names, fz_name, free(item->name));
	for (i = 0; i < fake->n_log; i++)
		fz_txn_fini(&fake->log[i]);
	for (i = 0; i < fake->config.n_servers; i++) {
		fz_tree_fini(&fake->servers[i].tree);
		free(fake->servers[i].touched);
	}
	free(fake->denied);
	free(fake->trap_folder);
	free(fake->trap_path);
	free(fake->log);
	free(fake->servers);
	free(fake);
}

/* --- faults ---------------------------------------------------------------------------------- */

static bool is_named(const struct fakezk *fake, const struct fz_handle *handle,
		     const char *name)
{
	const char *own = fz_name_of(fake, handle->host);

	return !name || (own && strcmp(own, name) == 0);
}

void fakezk_expire(struct fakezk *fake, const char *name)
{
	struct fz_handle *handle;

	TAILQ_FOREACH(handle, &fake->handles, link)
		if (is_named(fake, handle, name) && handle->session)
			fz_session_close(fake, handle->session);
}

static void reset(struct fakezk *fake, struct fz_conn *conn)
{
	(void)fake;
	conn->cut = false;
	fz_conn_close(conn);
}

void fakezk_cut(struct fakezk *fake, const char *name, bool cut)
{
	struct fz_conn *conn;

	setting_of(fake, name)->cut = cut;
	TAILQ_FOREACH(conn, &fake->conns, link) {
		if (!conn->handle || !is_named(fake, conn->handle, name))
			continue;
		if (cut && !conn->closed)
			fz_conn_cut(conn);
		else if (!cut && conn->cut)
			reset(fake, conn);
	}
}

void fakezk_reset(struct fakezk *fake, const char *name)
{
	struct fz_conn *conn;

	TAILQ_FOREACH(conn, &fake->conns, link)
		if (conn->handle && is_named(fake, conn->handle, name))
			fz_conn_close(conn);
}

void fakezk_lose(struct fakezk *fake, const char *name, size_t n_writes,
		 bool before_commit)
{
	struct fz_setting *setting = setting_of(fake, name);

	if (before_commit)
		setting->n_lose_before = n_writes;
	else
		setting->n_lose_after = n_writes;
}

void fakezk_isolate(struct fakezk *fake, unsigned int server, bool isolated)
{
	fz_server_isolate(fake, server, isolated);
}

void fakezk_elect(struct fakezk *fake)
{
	fz_server_elect(fake);
}

void fakezk_deny(struct fakezk *fake, const char *path)
{
	free(fake->denied);
	fake->denied = path ? fz_strdup(path) : NULL;
}

void fakezk_steer(struct fakezk *fake, int server)
{
	fake->steered = server;
}

/* --- looking ----------------------------------------------------------------------------------- */

bool fakezk_exists(const struct fakezk *fake, const char *path)
{
	return fz_tree_find(&fake->servers[0].tree, path) != NULL;
}

size_t fakezk_n_children(const struct fakezk *fake, const char *path)
{
	const struct fz_znode *node = fz_tree_find(&fake->servers[0].tree,
						   path);

	return node ? (size_t)node->stat.n_children : 0;
}

size_t fakezk_n_created(const struct fakezk *fake, const char *path)
{
	const struct fz_znode *node = fz_tree_find(&fake->servers[0].tree,
						   path);

	return node ? zk_stat_n_created(&node->stat) : 0;
}

size_t fakezk_n_sessions(const struct fakezk *fake)
{
	const struct fz_session *session;
	size_t n = 0;

	TAILQ_FOREACH(session, &fake->sessions, link)
		n++;
	return n;
}

uint64_t fakezk_zxid(const struct fakezk *fake)
{
	return fake->n_log;
}

static enum zk_code operate(struct fakezk *fake, struct zk_op *op,
			    uint64_t session)
{
	struct fz_txn *txn = fz_txn_begin(fake);
	enum zk_code code = fz_tree_write(&fake->servers[0].tree, txn, session,
					  op, 1);

	fz_txn_commit(fake);
	return code;
}

enum zk_code fakezk_put(struct fakezk *fake, const char *path, const char *data)
{
	struct zk_op op = {
		.kind = ZK_CREATE,
		.path = path,
		.data = data,
		.size_bytes = data ? strlen(data) : 0,
	};

	return operate(fake, &op, 0);
}

enum zk_code fakezk_delete(struct fakezk *fake, const char *path)
{
	struct zk_op op = {
		.kind = ZK_DELETE,
		.path = path,
		.version = ZK_ANY,
	};

	return operate(fake, &op, 0);
}

void fakezk_set_sequence(struct fakezk *fake, const char *path, uint32_t n)
{
	struct fz_znode *node;
	unsigned int i;

	for (i = 0; i < fake->config.n_servers; i++) {
		node = fz_tree_find(&fake->servers[i].tree, path);
		node->n_created = n;
		/* All that were made but those that are left are gone. */
		node->stat.cversion =
			(int32_t)(2 * n - (uint32_t)node->stat.n_children);
	}
}

void fakezk_delete_after_read(struct fakezk *fake, const char *folder,
			      const char *path)
{
	free(fake->trap_folder);
	free(fake->trap_path);
	fake->trap_folder = fz_strdup(folder);
	fake->trap_path = fz_strdup(path);
}

void fakezk_delete_all(struct fakezk *fake, const char *path)
{
	const struct fz_znode *node = fz_tree_find(&fake->servers[0].tree,
						   path);
	const struct fz_znode *child;

	while (node && (child = TAILQ_FIRST(&node->children))) {
		char *below = fz_strdup(child->path);

		fakezk_delete_all(fake, below);
		free(below);
	}
	fakezk_delete(fake, path);
}

enum zk_code fakezk_put_claim(struct fakezk *fake, const char *stem,
			      const char *name)
{
	struct zk_op op = {
		.kind = ZK_CREATE,
		.flags = ZK_EPHEMERAL | ZK_SEQUENCE,
		.path = stem,
	};
	const struct fz_handle *handle;

	TAILQ_FOREACH(handle, &fake->handles, link)
		if (is_named(fake, handle, name) && handle->session)
			return operate(fake, &op, handle->session);
	return ZK_NONODE;
}

const char *fakezk_child(const struct fakezk *fake, const char *path, size_t i)
{
	const struct fz_znode *node = fz_tree_find(&fake->servers[0].tree,
						   path);
	const struct fz_znode *child = node ? TAILQ_FIRST(&node->children) :
					      NULL;

	while (child && i-- > 0)
		child = TAILQ_NEXT(child, link);
	return child ? child->name : NULL;
}
