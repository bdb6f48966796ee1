/* SPDX-License-Identifier: Apache-2.0 */
/* Watches: events are the differences between what was told and what is. */
#include "watch.h"

#include <metafora/error.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "host.h"
#include "listing.h"
#include "request.h"
#include "wait.h"

/* When the plug-in, or memory, failed: until the next try. */
#define RETRY_MS 1000

struct metafora_event {
	enum metafora_event_type type;
	const char *task;
	const char *node;
	uint64_t token;
	enum metafora_member_state state;
	double weight;
	uint64_t capacity;
	int error;
};

struct metafora_watch {
	struct metafora_post begin_post;
	struct metafora_post end_post;
	TAILQ_ENTRY(metafora_watch) link; /* owner */
	struct metafora_client *client;   /* const */
	metafora_event_fn fn;             /* const */
	void *arg;                        /* const */
	bool begun;                       /* owner: it is in the list */
	bool over; /* owner: freed on its thread, goes later */
	sem_t ended;
};

/* --- telling --------------------------------------------------------------- */

static void watch_destroy(struct metafora_watch *watch)
{
	sem_destroy(&watch->ended);
	free(watch);
}

static void tell_one(struct metafora_watch *watch,
		     const struct metafora_event *event)
{
	if (!watch->over)
		watch->fn(watch->arg, event);
}

/* Whom differences are told. */
struct audience {
	struct metafora_client *client; /* all of its watches */
	struct metafora_watch *watch;   /* or this one, which has just begun */
};

static void tell(const struct audience *audience, struct metafora_event event)
{
	struct metafora_watch *watch;

	if (audience->watch) {
		tell_one(audience->watch, &event);
		return;
	}
	/* Nobody leaves the list meanwhile: see end_unwatched. */
	TAILQ_FOREACH(watch, &audience->client->watching.watches, link)
		tell_one(watch, &event);
}

static void tell_type(const struct audience *audience, enum metafora_event_type type,
		      int error)
{
	tell(audience, (struct metafora_event){.type = type, .error = error});
}

/* --- differences ------------------------------------------------------------- */

static void tell_task(const struct audience *audience, enum metafora_event_type type,
		      const struct metafora_listing *listing, size_t i)
{
	struct metafora_event event = {
		.type = type,
		.task = metafora_listing_id(listing, i),
	};

	if (type == METAFORA_EVENT_TASK_OWNED ||
	    type == METAFORA_EVENT_TASK_FREED) {
		event.node = metafora_listing_owner(listing, i);
		event.token = metafora_listing_token(listing, i);
	}
	tell(audience, event);
}

static void tell_owner(const struct audience *audience,
		       const struct metafora_listing *old, size_t o,
		       const struct metafora_listing *new, size_t n)
{
	if (metafora_listing_token(old, o) == metafora_listing_token(new, n))
		return;
	if (metafora_listing_owner(new, n))
		tell_task(audience, METAFORA_EVENT_TASK_OWNED, new, n);
	else
		tell_task(audience, METAFORA_EVENT_TASK_FREED, old, o);
}

/* Both are sorted; NULL is empty. */
static void tell_tasks(const struct audience *audience,
		       const struct metafora_listing *old,
		       const struct metafora_listing *new)
{
	const char *was, *is;
	size_t o = 0;
	size_t n = 0;
	int order;

	for (;;) {
		was = metafora_listing_id(old, o);
		is = metafora_listing_id(new, n);
		if (!was && !is)
			return;
		order = !was ? 1 : !is ? -1 : strcmp(was, is);
		if (order < 0) {
			tell_task(audience, METAFORA_EVENT_TASK_REMOVED, old,
				  o);
		} else if (order > 0) {
			tell_task(audience, METAFORA_EVENT_TASK_SUBMITTED, new,
				  n);
			if (metafora_listing_owner(new, n))
				tell_task(audience, METAFORA_EVENT_TASK_OWNED,
					  new, n);
		} else {
			tell_owner(audience, old, o, new, n);
		}
		o += order <= 0;
		n += order >= 0;
	}
}

static void tell_node(const struct audience *audience, enum metafora_event_type type,
		      const struct metafora_node_list *list, size_t i)
{
	struct metafora_event event = {
		.type = type,
		.node = metafora_node_list_name(list, i),
	};

	if (type != METAFORA_EVENT_NODE_LEFT) {
		event.state = metafora_node_list_state(list, i);
		event.weight = metafora_node_list_weight(list, i);
		event.capacity = metafora_node_list_capacity(list, i);
	}
	tell(audience, event);
}

static bool same_life(const struct metafora_node_list *old, size_t o,
		      const struct metafora_node_list *new, size_t n)
{
	return metafora_node_list_pid(old, o) ==
		       metafora_node_list_pid(new, n) &&
	       metafora_node_list_since_ms(old, o) ==
		       metafora_node_list_since_ms(new, n) &&
	       !strcmp(metafora_node_list_host(old, o),
		       metafora_node_list_host(new, n));
}

static bool same_record(const struct metafora_node_list *old, size_t o,
			const struct metafora_node_list *new, size_t n)
{
	return metafora_node_list_state(old, o) ==
		       metafora_node_list_state(new, n) &&
	       metafora_node_list_weight(old, o) ==
		       metafora_node_list_weight(new, n) &&
	       metafora_node_list_capacity(old, o) ==
		       metafora_node_list_capacity(new, n);
}

static void tell_nodes(const struct audience *audience,
		       const struct metafora_node_list *old,
		       const struct metafora_node_list *new)
{
	const char *was, *is;
	size_t o = 0;
	size_t n = 0;
	int order;

	for (;;) {
		was = metafora_node_list_name(old, o);
		is = metafora_node_list_name(new, n);
		if (!was && !is)
			return;
		order = !was ? 1 : !is ? -1 : strcmp(was, is);
		if (order < 0 || (!order && !same_life(old, o, new, n)))
			tell_node(audience, METAFORA_EVENT_NODE_LEFT, old, o);
		if (order > 0 || (!order && !same_life(old, o, new, n)))
			tell_node(audience, METAFORA_EVENT_NODE_JOINED, new, n);
		else if (!order && !same_record(old, o, new, n))
			tell_node(audience, METAFORA_EVENT_NODE_CHANGED, new,
				  n);
		o += order <= 0;
		n += order >= 0;
	}
}

/* --- the plug-in ---------------------------------------------------------------- */

static void forget(struct mf_watching *watching)
{
	uint32_t i;

	for (i = 0; i < watching->n_buckets; i++)
		metafora_listing_free(watching->buckets[i].tasks);
	free(watching->buckets);
	metafora_node_list_free(watching->nodes);
	watching->buckets = NULL;
	watching->n_buckets = 0;
	watching->nodes = NULL;
	watching->connected = false;
	watching->n_unread = 0;
}

static void begin(struct metafora_client *client)
{
	client->watching.request = ++client->n_requests_ever;
	client->ops->watch(client->state, client->watching.request);
}

static void end(struct metafora_client *client)
{
	struct mf_watching *watching = &client->watching;

	mf_loop_timer_cancel(&client->loop, &watching->retry);
	if (watching->request)
		client->ops->cancel(client->state, watching->request);
	watching->request = 0;
}

/* The picture is kept: what follows is told as differences to it. */
static void begin_later(struct metafora_client *client)
{
	end(client);
	mf_loop_timer_set(&client->loop, &client->watching.retry,
			  mf_clock_add_ms(mf_loop_now_ns(&client->loop),
					  RETRY_MS));
}

static void on_retry(void *arg)
{
	begin(arg);
}

static void bury(struct mf_watching *watching)
{
	struct metafora_watch *watch, *next;

	for (watch = TAILQ_FIRST(&watching->watches); watch; watch = next) {
		next = TAILQ_NEXT(watch, link);
		if (!watch->over)
			continue;
		TAILQ_REMOVE(&watching->watches, watch, link);
		watch_destroy(watch);
	}
}

/*
 * After all was told: those that were freed meanwhile go; when nobody looks any
 * more, it ends.
 */
static void end_unwatched(struct metafora_client *client)
{
	bury(&client->watching);
	if (!TAILQ_EMPTY(&client->watching.watches))
		return;
	end(client);
	forget(&client->watching);
}

static void disconnected(struct metafora_client *client, int error)
{
	const struct audience all = {.client = client};

	if (client->watching.connected || error)
		tell_type(&all, METAFORA_EVENT_DISCONNECTED, error);
	client->watching.connected = false;
}

void mf_watch_failed(struct metafora_client *client, int error)
{
	client->watching.request = 0;
	disconnected(client, error);
	if (!metafora_error_is_fatal(error))
		begin_later(client);
	end_unwatched(client);
}

/* The namespace was made anew with another number of buckets. */
static bool set_buckets(struct metafora_client *client, uint32_t n_buckets)
{
	struct mf_watching *watching = &client->watching;
	const struct audience all = {.client = client};
	struct mf_watched_bucket *buckets;
	uint32_t i;

	if (watching->n_buckets == n_buckets)
		return true;
	buckets = calloc(n_buckets, sizeof(*buckets));
	if (!buckets)
		return false;
	for (i = 0; i < watching->n_buckets; i++) {
		tell_tasks(&all, watching->buckets[i].tasks, NULL);
		metafora_listing_free(watching->buckets[i].tasks);
	}
	free(watching->buckets);
	watching->buckets = buckets;
	watching->n_buckets = n_buckets;
	return true;
}

void mf_watch_link(const struct metafora_host *host, bool connected,
		   uint32_t n_buckets)
{
	struct metafora_client *client = mf_host_of(host)->owner;
	struct mf_watching *watching = &client->watching;
	const struct audience all = {.client = client};
	uint32_t i;

	if (!watching->request)
		return;
	if (!connected) {
		disconnected(client, 0);
	} else if (!n_buckets || !set_buckets(client, n_buckets)) {
		begin_later(client);
	} else {
		for (i = 0; i < n_buckets; i++)
			watching->buckets[i].unread = true;
		watching->nodes_unread = true;
		watching->n_unread = n_buckets + 1;
		if (!watching->connected)
			tell_type(&all, METAFORA_EVENT_CONNECTED, 0);
		watching->connected = true;
	}
	end_unwatched(client);
}

static void was_read(struct metafora_client *client, bool *unread)
{
	const struct audience all = {.client = client};

	if (!*unread)
		return;
	*unread = false;
	if (!--client->watching.n_unread)
		tell_type(&all, METAFORA_EVENT_SYNCED, 0);
}

static void warn(struct metafora_client *client, const char *what)
{
	mf_log(&client->log, METAFORA_LOG_WARN,
	       "malformed snapshot coordinator=%s of=%s", client->ops->name,
	       what);
}

void mf_watch_tasks(const struct metafora_host *host, uint32_t number,
		    const struct metafora_task_row *rows, size_t n)
{
	struct metafora_client *client = mf_host_of(host)->owner;
	struct mf_watching *watching = &client->watching;
	const struct metafora_reply reply = {.tasks = rows, .n_tasks = n};
	const struct audience all = {.client = client};
	struct mf_watched_bucket *bucket;
	struct metafora_listing *tasks;

	if (!watching->request)
		return;
	if (number >= watching->n_buckets ||
	    !mf_listing_valid(&reply, "", "", 0)) {
		warn(client, "tasks");
		return;
	}
	if (mf_listing_new(&reply, &tasks)) {
		begin_later(client);
		return;
	}
	bucket = &watching->buckets[number];
	tell_tasks(&all, bucket->tasks, tasks);
	metafora_listing_free(bucket->tasks);
	bucket->tasks = tasks;
	was_read(client, &bucket->unread);
	end_unwatched(client);
}

void mf_watch_nodes(const struct metafora_host *host,
		    const struct metafora_member_row *rows, size_t n)
{
	struct metafora_client *client = mf_host_of(host)->owner;
	struct mf_watching *watching = &client->watching;
	const struct metafora_reply reply = {.members = rows, .n_members = n};
	const struct audience all = {.client = client};
	struct metafora_node_list *nodes;

	if (!watching->request)
		return;
	if (!mf_node_list_valid(&reply)) {
		warn(client, "nodes");
		return;
	}
	if (mf_node_list_new(&reply, &nodes)) {
		begin_later(client);
		return;
	}
	tell_nodes(&all, watching->nodes, nodes);
	metafora_node_list_free(watching->nodes);
	watching->nodes = nodes;
	was_read(client, &watching->nodes_unread);
	end_unwatched(client);
}

void mf_watching_init(struct metafora_client *client)
{
	TAILQ_INIT(&client->watching.watches);
	mf_timer_init(&client->watching.retry, on_retry, client);
}

void mf_watching_end(struct metafora_client *client)
{
	if (client->is_open)
		end(client);
	bury(&client->watching);
	forget(&client->watching);
}

/* --- watches --------------------------------------------------------------------- */

/* What the others know already. */
static void tell_picture(struct metafora_watch *watch)
{
	const struct mf_watching *watching = &watch->client->watching;
	const struct audience one = {.watch = watch};
	uint32_t i;

	if (watching->connected)
		tell_type(&one, METAFORA_EVENT_CONNECTED, 0);
	tell_nodes(&one, NULL, watching->nodes);
	for (i = 0; i < watching->n_buckets; i++)
		tell_tasks(&one, NULL, watching->buckets[i].tasks);
	if (watching->connected && !watching->n_unread)
		tell_type(&one, METAFORA_EVENT_SYNCED, 0);
}

static void deliver_begin(struct metafora_post *post, bool dropped)
{
	struct metafora_watch *watch = (struct metafora_watch *)(void *)post;
	struct metafora_client *client = watch->client;
	const struct audience one = {.watch = watch};
	bool first;

	if (watch->over) {
		watch_destroy(watch);
		return;
	}
	if (dropped || client->closing)
		return;
	first = TAILQ_EMPTY(&client->watching.watches);
	TAILQ_INSERT_TAIL(&client->watching.watches, watch, link);
	watch->begun = true;
	if (!client->is_open)
		tell_type(&one, METAFORA_EVENT_DISCONNECTED, client->fate);
	else if (first)
		begin(client);
	else
		tell_picture(watch);
	if (client->is_open)
		end_unwatched(client);
	else
		bury(&client->watching);
}

static void deliver_end(struct metafora_post *post, bool dropped)
{
	struct metafora_watch *watch =
		(struct metafora_watch *)(void *)((char *)post -
						  offsetof(struct metafora_watch,
							   end_post));
	struct metafora_client *client = watch->client;

	/* Dropped: the loop has ended, and with it the list. */
	if (!dropped && watch->begun) {
		TAILQ_REMOVE(&client->watching.watches, watch, link);
		if (client->is_open && !client->closing)
			end_unwatched(client);
	}
	sem_post(&watch->ended);
}

int metafora_client_watch(struct metafora_client *client, metafora_event_fn fn,
			  void *arg, struct metafora_watch **out)
{
	struct metafora_watch *watch;
	bool refusing;

	if (!client || !fn || !out)
		return METAFORA_EINVAL;
	if (!mf_client_has(client, watch))
		return METAFORA_ENOTSUP;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return METAFORA_ENOMEM;
	if (sem_init(&watch->ended, 0, 0)) {
		free(watch);
		return METAFORA_ESYS;
	}
	watch->client = client;
	watch->fn = fn;
	watch->arg = arg;
	watch->begin_post.deliver = deliver_begin;
	watch->end_post.deliver = deliver_end;
	pthread_mutex_lock(&client->lock);
	refusing = client->refusing;
	pthread_mutex_unlock(&client->lock);
	if (refusing) {
		watch_destroy(watch);
		return METAFORA_ESTOPPED;
	}
	*out = watch;
	mf_loop_post(&client->loop, &watch->begin_post);
	return 0;
}

void metafora_watch_free(struct metafora_watch *watch)
{
	if (!watch)
		return;
	/* Within its fn, or another's: the list is being walked. */
	if (mf_loop_is_owner(&watch->client->loop)) {
		watch->over = true;
		return;
	}
	mf_loop_post(&watch->client->loop, &watch->end_post);
	mf_wait_sem(&watch->ended);
	watch_destroy(watch);
}

/* --- events ------------------------------------------------------------------------ */

const char *metafora_event_type_name(enum metafora_event_type type)
{
	static const char *const names[] = {
		[METAFORA_EVENT_SYNCED] = "SYNCED",
		[METAFORA_EVENT_CONNECTED] = "CONNECTED",
		[METAFORA_EVENT_DISCONNECTED] = "DISCONNECTED",
		[METAFORA_EVENT_NODE_JOINED] = "NODE_JOINED",
		[METAFORA_EVENT_NODE_CHANGED] = "NODE_CHANGED",
		[METAFORA_EVENT_NODE_LEFT] = "NODE_LEFT",
		[METAFORA_EVENT_TASK_SUBMITTED] = "TASK_SUBMITTED",
		[METAFORA_EVENT_TASK_REMOVED] = "TASK_REMOVED",
		[METAFORA_EVENT_TASK_OWNED] = "TASK_OWNED",
		[METAFORA_EVENT_TASK_FREED] = "TASK_FREED",
	};

	if ((size_t)type >= sizeof(names) / sizeof(names[0]))
		return NULL;
	return names[type];
}

enum metafora_event_type metafora_event_type(const struct metafora_event *event)
{
	return event ? event->type : METAFORA_EVENT_SYNCED;
}

const char *metafora_event_task(const struct metafora_event *event)
{
	return event ? event->task : NULL;
}

const char *metafora_event_node(const struct metafora_event *event)
{
	return event ? event->node : NULL;
}

uint64_t metafora_event_token(const struct metafora_event *event)
{
	return event ? event->token : 0;
}

enum metafora_member_state
metafora_event_state(const struct metafora_event *event)
{
	return event ? event->state : METAFORA_MEMBER_ACTIVE;
}

double metafora_event_weight(const struct metafora_event *event)
{
	return event ? event->weight : 0;
}

uint64_t metafora_event_capacity(const struct metafora_event *event)
{
	return event ? event->capacity : 0;
}

int metafora_event_error(const struct metafora_event *event)
{
	return event ? event->error : 0;
}
