/* SPDX-License-Identifier: Apache-2.0 */
/* The store of the embedded broker: tasks and their lines of claims. */
#include "broker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "link.h"

#define TIMEOUT_MIN_MS 100
#define TIMEOUT_MAX_MS 3600000

/* --- life ------------------------------------------------------------------- */

int metafora_embedded_broker_new(int64_t session_timeout_ms,
				 struct metafora_embedded_broker **out)
{
	struct metafora_embedded_broker *broker;
	struct timespec wall;
	size_t i;

	if (!out)
		return METAFORA_EINVAL;
	if (session_timeout_ms < TIMEOUT_MIN_MS ||
	    session_timeout_ms > TIMEOUT_MAX_MS)
		return METAFORA_ERANGE;
	broker = calloc(1, sizeof(*broker));
	if (!broker)
		return METAFORA_ENOMEM;
	broker->defaults = calloc(1, sizeof(*broker->defaults) + 1);
	if (!broker->defaults || pthread_mutex_init(&broker->lock, NULL) != 0) {
		free(broker->defaults);
		free(broker);
		return METAFORA_ENOMEM;
	}
	atomic_init(&broker->n_refs, 1);
	broker->timeout_ns = (uint64_t)session_timeout_ms * EMB_NS_PER_MS;
	/*
	 * Wall clock, as tokens have to grow from one broker to the next, also
	 * over a restart of the process or the machine.
	 */
	clock_gettime(CLOCK_REALTIME, &wall);
	broker->epoch = (uint32_t)wall.tv_sec;
	for (i = 0; i < EMB_BUCKETS; i++)
		TAILQ_INIT(&broker->buckets[i].tasks);
	TAILQ_INIT(&broker->sessions);
	TAILQ_INIT(&broker->links);
	TAILQ_INIT(&broker->faults);
	*out = broker;
	return 0;
}

struct metafora_embedded_broker *
mf_emb_ref(struct metafora_embedded_broker *broker)
{
	atomic_fetch_add(&broker->n_refs, 1);
	return broker;
}

void metafora_embedded_broker_free(struct metafora_embedded_broker *broker)
{
	struct emb_session *session;
	struct emb_faults *faults;
	struct emb_task *task;
	struct emb_task *next;

	if (!broker || atomic_fetch_sub(&broker->n_refs, 1) != 1)
		return;
	/* No link is left, but sessions of nodes that vanished may be. */
	assert(TAILQ_EMPTY(&broker->links));
	while ((session = TAILQ_FIRST(&broker->sessions)))
		mf_emb_end(broker, session);
	HASH_ITER(hh, broker->tasks, task, next)
		mf_emb_remove(broker, task);
	while ((faults = TAILQ_FIRST(&broker->faults))) {
		TAILQ_REMOVE(&broker->faults, faults, entry);
		free(faults);
	}
	free(broker->defaults);
	pthread_mutex_destroy(&broker->lock);
	free(broker);
}

static void free_config(void *config)
{
	metafora_embedded_broker_free(config);
}

int metafora_embedded_coordinator_new(struct metafora_embedded_broker *broker,
				      struct metafora_coordinator **out)
{
	int error;

	if (!broker || !out)
		return METAFORA_EINVAL;
	error = metafora_coordinator_new(&mf_emb_node_ops, &mf_emb_client_ops,
					 mf_emb_ref(broker), free_config, out);
	if (error)
		metafora_embedded_broker_free(broker);
	return error;
}

/* For people only. */
static int64_t wall_ms(void)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	return (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
}

/* --- tasks -------------------------------------------------------------------- */

struct emb_task *mf_emb_task_new(const char *id, const void *properties,
				 size_t size_bytes, uint32_t hash)
{
	const size_t n_id = strlen(id) + 1;
	struct emb_task *task = calloc(1, sizeof(*task) + n_id);

	if (!task)
		return NULL;
	if (size_bytes) {
		task->properties = mf_emb_blob_new(properties, size_bytes);
		if (!task->properties) {
			free(task);
			return NULL;
		}
	}
	TAILQ_INIT(&task->line);
	task->bucket = (uint8_t)(hash % EMB_BUCKETS);
	task->n_id = (uint8_t)n_id;
	memcpy(task->id, id, n_id);
	return task;
}

void mf_emb_task_free(struct emb_task *task)
{
	if (!task)
		return;
	mf_emb_blob_unref(task->properties);
	free(task);
}

struct emb_task *mf_emb_find(const struct metafora_embedded_broker *broker,
			     const char *id)
{
	struct emb_task *task;

	HASH_FIND_STR(broker->tasks, id, task);
	return task;
}

static void tasks_changed(struct metafora_embedded_broker *broker,
			  uint8_t bucket)
{
	struct emb_session *session;

	TAILQ_FOREACH(session, &broker->sessions, entry) {
		session->dirty_tasks |= UINT64_C(1) << bucket;
		if (session->link)
			mf_emb_wake(session->link);
	}
	mf_emb_watched(broker, UINT64_C(1) << bucket, false);
}

static void claims_changed(struct metafora_embedded_broker *broker,
			   uint8_t bucket)
{
	struct emb_session *session;

	TAILQ_FOREACH(session, &broker->sessions, entry) {
		session->dirty_claims |= UINT64_C(1) << bucket;
		if (session->link)
			mf_emb_wake(session->link);
	}
	mf_emb_watched(broker, UINT64_C(1) << bucket, false);
}

int mf_emb_insert(struct metafora_embedded_broker *broker,
		  struct emb_task *task)
{
	const struct emb_task *former = mf_emb_find(broker, task->id);

	if (former)
		return former->exists ? METAFORA_EEXIST : METAFORA_EBUSY;
	HASH_ADD_KEYPTR(hh, broker->tasks, task->id, task->n_id - 1u, task);
	if (!task->hh.tbl)
		return METAFORA_ENOMEM;
	TAILQ_INSERT_TAIL(&broker->buckets[task->bucket].tasks, task,
			  in_bucket);
	task->exists = true;
	task->birth = ++broker->last_birth;
	task->submitted_ms = wall_ms();
	tasks_changed(broker, task->bucket);
	return 0;
}

/* Free the task if neither it nor a claim on it is left. */
static void settle(struct metafora_embedded_broker *broker,
		   struct emb_task *task)
{
	struct emb_request *request;
	struct emb_request *next;

	if (task->exists || !TAILQ_EMPTY(&task->line))
		return;
	for (request = task->removers; request; request = next) {
		next = mf_emb_request_next(request);
		mf_emb_request_done(request, 0, NULL);
	}
	HASH_DEL(broker->tasks, task);
	TAILQ_REMOVE(&broker->buckets[task->bucket].tasks, task, in_bucket);
	mf_emb_task_free(task);
}

void mf_emb_remove(struct metafora_embedded_broker *broker,
		   struct emb_task *task)
{
	task->exists = false;
	mf_emb_blob_unref(task->properties);
	task->properties = NULL;
	tasks_changed(broker, task->bucket);
	settle(broker, task);
}

/* --- claims ----------------------------------------------------------------------- */

uint64_t mf_emb_token(const struct metafora_embedded_broker *broker,
		      const struct emb_claim *claim)
{
	return broker->epoch << 32 | claim->seq;
}

struct emb_claim *mf_emb_own_claim(const struct emb_session *session,
				   const struct emb_task *task)
{
	struct emb_claim *claim;

	TAILQ_FOREACH(claim, &task->line, in_line)
		if (claim->session == session)
			return claim;
	return NULL;
}

int mf_emb_enter(struct metafora_embedded_broker *broker,
		 struct emb_session *session, struct emb_task *task,
		 uint64_t attempt, struct emb_claim **out)
{
	struct emb_bucket *bucket = &broker->buckets[task->bucket];
	struct emb_claim *claim;

	if (bucket->last_seq == UINT32_MAX)
		return METAFORA_EFULL;
	claim = calloc(1, sizeof(*claim));
	if (!claim)
		return METAFORA_ENOMEM;
	claim->task = task;
	claim->session = session;
	claim->attempt = attempt;
	claim->seq = ++bucket->last_seq;
	claim->since_ms = wall_ms();
	TAILQ_INSERT_TAIL(&task->line, claim, in_line);
	TAILQ_INSERT_TAIL(&session->claims, claim, in_session);
	claims_changed(broker, task->bucket);
	*out = claim;
	return 0;
}

void mf_emb_set_news(struct emb_claim *claim, bool is_news)
{
	struct emb_session *session = claim->session;

	if (claim->is_news == is_news)
		return;
	TAILQ_REMOVE(claim->is_news ? &session->news : &session->claims, claim,
		     in_session);
	claim->is_news = is_news;
	TAILQ_INSERT_TAIL(is_news ? &session->news : &session->claims, claim,
			  in_session);
	if (is_news && session->link)
		mf_emb_wake(session->link);
}

void mf_emb_leave(struct metafora_embedded_broker *broker,
		  struct emb_claim *claim)
{
	struct emb_session *session = claim->session;
	struct emb_task *task = claim->task;
	struct emb_claim *first;

	TAILQ_REMOVE(&task->line, claim, in_line);
	TAILQ_REMOVE(claim->is_news ? &session->news : &session->claims, claim,
		     in_session);
	free(claim);
	claims_changed(broker, task->bucket);
	first = TAILQ_FIRST(&task->line);
	if (first && first->state == EMB_WAITING)
		mf_emb_set_news(first, true);
	settle(broker, task);
}

void mf_emb_evict(struct metafora_embedded_broker *broker,
		  struct emb_claim *claim)
{
	struct emb_session *session = claim->session;
	const size_t n_id = strlen(claim->task->id) + 1;
	struct emb_evicted *evicted;

	/* Of others it knows already that they are as good as gone. */
	if (claim->state == EMB_WAITING) {
		evicted = calloc(1, sizeof(*evicted) + n_id);
		if (!evicted)
			return;
		evicted->attempt = claim->attempt;
		memcpy(evicted->id, claim->task->id, n_id);
		TAILQ_INSERT_TAIL(&session->evicted, evicted, entry);
		if (session->link)
			mf_emb_wake(session->link);
	}
	mf_emb_leave(broker, claim);
}
