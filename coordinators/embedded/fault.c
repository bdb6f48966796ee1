/* SPDX-License-Identifier: Apache-2.0 */
/* Fault switches of the embedded broker. */
#include <stdlib.h>
#include <string.h>

#include "link.h"

#define DELAY_MAX_MS 60000

/* With the lock held. */
static struct emb_faults *find(const struct metafora_embedded_broker *broker,
			       const char *node)
{
	struct emb_faults *faults;

	TAILQ_FOREACH(faults, &broker->faults, entry)
		if (strcmp(faults->name, node) == 0)
			return faults;
	return NULL;
}

/*
 * The switches of a name, made from those for all if it has none yet.  With
 * the lock held.  NULL: out of memory.
 */
static struct emb_faults *faults_for(struct metafora_embedded_broker *broker,
				     const char *node)
{
	struct emb_faults *faults = find(broker, node);
	const size_t n_name = strlen(node) + 1;
	struct emb_link *link;

	if (faults)
		return faults;
	faults = malloc(sizeof(*faults) + n_name);
	if (!faults)
		return NULL;
	*faults = *broker->defaults;
	faults->n_lose = 0;
	memcpy(faults->name, node, n_name);
	TAILQ_INSERT_TAIL(&broker->faults, faults, entry);
	TAILQ_FOREACH(link, &broker->links, in_broker)
		if (link->name && strcmp(link->name, node) == 0)
			link->faults = faults;
	return faults;
}

/* Apply set to the switches of a name, or to all. */
static int change(struct metafora_embedded_broker *broker, const char *node,
		  void (*set)(struct emb_faults *faults,
			      const struct emb_faults *wanted),
		  const struct emb_faults *wanted)
{
	struct emb_faults *faults;
	struct emb_link *link;
	int error = 0;

	pthread_mutex_lock(&broker->lock);
	if (node) {
		faults = faults_for(broker, node);
		if (faults)
			set(faults, wanted);
		else
			error = METAFORA_ENOMEM;
	} else {
		set(broker->defaults, wanted);
		TAILQ_FOREACH(faults, &broker->faults, entry)
			set(faults, wanted);
	}
	TAILQ_FOREACH(link, &broker->links, in_broker)
		mf_emb_wake(link);
	pthread_mutex_unlock(&broker->lock);
	return error;
}

int metafora_embedded_expire(struct metafora_embedded_broker *broker,
			     const char *node)
{
	struct emb_session *session;
	struct emb_session *next;
	size_t n_ended = 0;

	if (!broker)
		return METAFORA_EINVAL;
	pthread_mutex_lock(&broker->lock);
	for (session = TAILQ_FIRST(&broker->sessions); session;
	     session = next) {
		next = TAILQ_NEXT(session, entry);
		if (node && strcmp(session->record->member.node, node) != 0)
			continue;
		mf_emb_end(broker, session);
		n_ended++;
	}
	pthread_mutex_unlock(&broker->lock);
	return n_ended ? 0 : METAFORA_ENOENT;
}

static void set_cut(struct emb_faults *faults, const struct emb_faults *wanted)
{
	if (wanted->cut && !faults->cut)
		faults->n_cuts++;
	faults->cut = wanted->cut;
}

int metafora_embedded_cut(struct metafora_embedded_broker *broker,
			  const char *node, bool cut)
{
	const struct emb_faults wanted = {.cut = cut};

	if (!broker)
		return METAFORA_EINVAL;
	return change(broker, node, set_cut, &wanted);
}

static void set_delay(struct emb_faults *faults,
		      const struct emb_faults *wanted)
{
	faults->min_delay_ns = wanted->min_delay_ns;
	faults->max_delay_ns = wanted->max_delay_ns;
}

int metafora_embedded_delay(struct metafora_embedded_broker *broker,
			    const char *node, int64_t min_ms, int64_t max_ms)
{
	struct emb_faults wanted = {0};

	if (!broker)
		return METAFORA_EINVAL;
	if (min_ms < 0 || max_ms < min_ms || max_ms > DELAY_MAX_MS)
		return METAFORA_ERANGE;
	wanted.min_delay_ns = (uint64_t)min_ms * EMB_NS_PER_MS;
	wanted.max_delay_ns = (uint64_t)max_ms * EMB_NS_PER_MS;
	return change(broker, node, set_delay, &wanted);
}

static void set_lag(struct emb_faults *faults, const struct emb_faults *wanted)
{
	faults->lag_ns = wanted->lag_ns;
}

int metafora_embedded_lag(struct metafora_embedded_broker *broker,
			  const char *node, int64_t lag_ms)
{
	struct emb_faults wanted = {0};

	if (!broker)
		return METAFORA_EINVAL;
	if (lag_ms < 0 || lag_ms > DELAY_MAX_MS)
		return METAFORA_ERANGE;
	wanted.lag_ns = (uint64_t)lag_ms * EMB_NS_PER_MS;
	return change(broker, node, set_lag, &wanted);
}

int metafora_embedded_lose(struct metafora_embedded_broker *broker,
			   const char *node, size_t n_writes,
			   bool before_commit)
{
	struct emb_faults *faults;

	if (!broker)
		return METAFORA_EINVAL;
	pthread_mutex_lock(&broker->lock);
	/* For all, it is the next writes of the whole broker. */
	faults = node ? faults_for(broker, node) : broker->defaults;
	if (faults) {
		faults->n_lose = n_writes;
		faults->lose_before = before_commit;
	}
	pthread_mutex_unlock(&broker->lock);
	return faults ? 0 : METAFORA_ENOMEM;
}
