/* SPDX-License-Identifier: Apache-2.0 */
/* ZooKeeper without the library: its limits, its counters, its events. */
#include "raw.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zookeeper/zookeeper.h>

#include "program.h"

#define SESSION_MS 10000
#define ROOT "/raw"
#define WINDOW 1000
#define MULTI 100
#define PATH_BYTES 256

struct raw {
	zhandle_t *handle;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_connected; /* these are guarded by lock */
	size_t n_under_way;
	int error;
	uint64_t gone_ns;
};

/* --- the session -------------------------------------------------------------------- */

static void on_event(zhandle_t *handle, int type, int state, const char *path,
		     void *context)
{
	struct raw *raw = context;

	(void)handle;
	(void)path;
	pthread_mutex_lock(&raw->lock);
	if (type == ZOO_SESSION_EVENT)
		raw->is_connected = state == ZOO_CONNECTED_STATE;
	pthread_cond_broadcast(&raw->changed);
	pthread_mutex_unlock(&raw->lock);
}

/* Until the condition holds; with the lock. */
#define AWAIT(raw, cond)                                                       \
	do {                                                                   \
		pthread_mutex_lock(&(raw)->lock);                              \
		while (!(cond))                                                \
			pthread_cond_wait(&(raw)->changed, &(raw)->lock);      \
		pthread_mutex_unlock(&(raw)->lock);                            \
	} while (0)

static void need(int code, const char *what)
{
	if (code != ZOK)
		bench_die("%s: %s", what, zerror(code));
}

struct raw *raw_open(struct zkservers *servers)
{
	struct raw *raw = calloc(1, sizeof(*raw));

	if (!raw)
		bench_die("out of memory");
	zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
	pthread_mutex_init(&raw->lock, NULL);
	pthread_cond_init(&raw->changed, NULL);
	raw->handle = zookeeper_init(zkservers_hosts(servers), on_event,
				     SESSION_MS, NULL, raw, 0);
	if (!raw->handle)
		bench_die("no session");
	/* Or each call would resolve the servers again. */
	zoo_set_servers_resolution_delay(raw->handle, -1);
	AWAIT(raw, raw->is_connected);
	return raw;
}

void raw_close(struct raw *raw)
{
	need(zookeeper_close(raw->handle), "close");
	pthread_cond_destroy(&raw->changed);
	pthread_mutex_destroy(&raw->lock);
	free(raw);
}

/* --- limits --------------------------------------------------------------------------- */

static struct raw *begin(struct zkservers *servers, uint64_t *began_ns)
{
	struct raw *raw = raw_open(servers);
	int code = zoo_create(raw->handle, ROOT, "", 0, &ZOO_OPEN_ACL_UNSAFE, 0,
			      NULL, 0);

	need(code == ZNODEEXISTS ? ZOK : code, "create");
	*began_ns = bench_now_ns();
	return raw;
}

static double end(struct raw *raw, uint64_t began_ns, size_t n)
{
	const uint64_t took_ns = bench_now_ns() - began_ns;

	/* And what was created goes with it. */
	raw_close(raw);
	return (double)n * 1e9 / (double)took_ns;
}

double raw_create_synchronously(struct zkservers *servers, size_t n)
{
	uint64_t began_ns;
	struct raw *raw = begin(servers, &began_ns);
	size_t i;

	for (i = 0; i < n; i++)
		need(zoo_create(raw->handle, ROOT "/s", "", 0,
				&ZOO_OPEN_ACL_UNSAFE,
				ZOO_EPHEMERAL | ZOO_SEQUENCE, NULL, 0),
		     "create");
	return end(raw, began_ns, n);
}

static void on_created(int code, const char *path, const void *context)
{
	struct raw *raw = (struct raw *)(uintptr_t)context;

	(void)path;
	pthread_mutex_lock(&raw->lock);
	raw->n_under_way--;
	raw->error = code ? code : raw->error;
	pthread_cond_broadcast(&raw->changed);
	pthread_mutex_unlock(&raw->lock);
}

double raw_create_pipelined(struct zkservers *servers, size_t n)
{
	uint64_t began_ns;
	struct raw *raw = begin(servers, &began_ns);
	size_t i;

	for (i = 0; i < n; i++) {
		AWAIT(raw, raw->n_under_way < WINDOW);
		pthread_mutex_lock(&raw->lock);
		raw->n_under_way++;
		pthread_mutex_unlock(&raw->lock);
		need(zoo_acreate(raw->handle, ROOT "/p", "", 0,
				 &ZOO_OPEN_ACL_UNSAFE,
				 ZOO_EPHEMERAL | ZOO_SEQUENCE, on_created, raw),
		     "create");
	}
	AWAIT(raw, raw->n_under_way == 0);
	need(raw->error, "create");
	return end(raw, began_ns, n);
}

double raw_create_multi(struct zkservers *servers, size_t n)
{
	uint64_t began_ns;
	struct raw *raw = begin(servers, &began_ns);
	zoo_op_result_t results[MULTI];
	zoo_op_t ops[MULTI];
	size_t i;

	for (i = 0; i < MULTI; i++)
		zoo_create_op_init(&ops[i], ROOT "/m", "", 0,
				   &ZOO_OPEN_ACL_UNSAFE,
				   ZOO_EPHEMERAL | ZOO_SEQUENCE, NULL, 0);
	for (i = 0; i < n; i += MULTI)
		need(zoo_multi(raw->handle, MULTI, ops, results), "multi");
	return end(raw, began_ns, i);
}

/* --- counters ----------------------------------------------------------------------------- */

/* The namespace's buckets, as it has them. */
static void add_changes(struct raw *raw, const char *root, const char *kind,
			size_t *created, size_t *removed)
{
	char path[PATH_BYTES];
	struct String_vector buckets;
	struct Stat stat;
	int32_t i;

	snprintf(path, sizeof(path), "%s/%s", root, kind);
	need(zoo_get_children(raw->handle, path, 0, &buckets), path);
	for (i = 0; i < buckets.count; i++) {
		size_t n;

		snprintf(path, sizeof(path), "%s/%s/%s", root, kind,
			 buckets.data[i]);
		need(zoo_exists(raw->handle, path, 0, &stat), path);
		n = ((size_t)stat.cversion + (size_t)stat.numChildren) / 2;
		*created += n;
		*removed += n - (size_t)stat.numChildren;
	}
	deallocate_String_vector(&buckets);
}

struct raw_changes raw_changes(struct raw *raw, const char *root)
{
	struct raw_changes changes = {0};

	add_changes(raw, root, "claims", &changes.claims_created,
		    &changes.removed);
	add_changes(raw, root, "tasks", &changes.tasks_created,
		    &changes.removed);
	return changes;
}

uint64_t raw_transactions(struct zkservers *servers)
{
	unsigned long long zxid = 0;
	const char *found;
	char answer[4096];

	if (!zkservers_ask(servers, 0, "srvr", answer, sizeof(answer)) ||
	    !(found = strstr(answer, "Zxid: ")) ||
	    sscanf(found, "Zxid: 0x%llx", &zxid) != 1)
		bench_die("a server does not answer");
	return zxid;
}

double raw_monitor(struct zkservers *servers, unsigned int i, const char *key)
{
	static char answer[65536];
	const char *found;

	if (!zkservers_ask(servers, i, "mntr", answer, sizeof(answer)) ||
	    !(found = strstr(answer, key)))
		bench_die("a server does not tell its %s", key);
	return strtod(found + strlen(key), NULL);
}

/* --- the end of a node's session --------------------------------------------------------- */

static void on_gone(zhandle_t *handle, int type, int state, const char *path,
		    void *context)
{
	struct raw *raw = context;

	(void)handle;
	(void)state;
	(void)path;
	pthread_mutex_lock(&raw->lock);
	if (type == ZOO_DELETED_EVENT)
		raw->gone_ns = bench_now_ns();
	pthread_cond_broadcast(&raw->changed);
	pthread_mutex_unlock(&raw->lock);
}

void raw_watch(struct raw *raw, const char *path)
{
	struct Stat stat;

	raw->gone_ns = 0;
	need(zoo_wexists(raw->handle, path, on_gone, raw, &stat), path);
}

uint64_t raw_wait_gone(struct raw *raw)
{
	AWAIT(raw, raw->gone_ns != 0);
	return raw->gone_ns;
}
