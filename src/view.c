/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster view: applies the broker's snapshots to the one picture. */
#include "view.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>
#include <metafora/task.h>

#define BUCKETS_MAX 65536u
#define WEIGHT_MAX 1000.0

/* --- members ---------------------------------------------------------------- */

static struct metafora_member *find_node(const struct metafora_cluster *view,
					 const char *name)
{
	struct metafora_member *node;

	HASH_FIND_STR(view->nodes, name, node);
	return node;
}

/* The node of that name, made if need be; NULL: no memory. */
static struct metafora_member *get_node(struct metafora_cluster *view,
					const char *name)
{
	struct metafora_member *node = find_node(view, name);

	if (node)
		return node;
	node = calloc(1, sizeof(*node));
	if (!node)
		return NULL;
	node->name = strdup(name);
	if (!node->name) {
		free(node);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, view->nodes, node->name, strlen(node->name), node);
	if (!node->hh.tbl) {
		free(node->name);
		free(node);
		return NULL;
	}
	node->index = SIZE_MAX;
	if (!strcmp(name, view->self_name))
		node->own_view = view;
	return node;
}

static void settle_node(struct metafora_cluster *view,
			struct metafora_member *node)
{
	if (node->living || node->n_claims)
		return;
	HASH_DEL(view->nodes, node);
	free(node->name);
	free(node);
}

/* Names are bounded by what the API lets through: others are not ours. */
static bool is_name(const char *name, size_t max_bytes)
{
	return name && name[0] && strnlen(name, max_bytes + 1) <= max_bytes;
}

static int compare_members(const void *a, const void *b)
{
	const struct metafora_member *const *left = a;
	const struct metafora_member *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

/* Copy what the record says; false if it said something senseless. */
static bool take_record(struct metafora_cluster *view,
			struct metafora_member *node,
			const struct metafora_member_record *record)
{
	bool sane_weight = isfinite(record->weight) && record->weight > 0 &&
			   record->weight <= WEIGHT_MAX;
	bool sane_state = record->state >= METAFORA_MEMBER_ACTIVE &&
			  record->state <= METAFORA_MEMBER_DRAINING;
	double weight = sane_weight ? record->weight : 1.0;
	enum metafora_member_state state =
		sane_state ? record->state : METAFORA_MEMBER_ACTIVE;

	if (!node->living || node->session != record->session ||
	    node->state != state || node->weight != weight ||
	    node->capacity != record->capacity)
		view->members_changed = true;
	node->living = true;
	node->session = record->session;
	node->state = state;
	node->weight = weight;
	node->capacity = record->capacity;
	return sane_weight && sane_state;
}

int mf_view_members(struct metafora_cluster *view,
		    const struct metafora_member_record *records, size_t n)
{
	struct metafora_member **members;
	struct metafora_member *node, *tmp;
	size_t n_members = 0;
	int error = 0;
	size_t i;

	members = calloc(n ? n : 1, sizeof(*members));
	if (!members)
		return METAFORA_ENOMEM;
	HASH_ITER(hh, view->nodes, node, tmp)
		node->seen = false;
	for (i = 0; i < n; i++) {
		if (!is_name(records[i].node, METAFORA_NODE_NAME_MAX)) {
			error = METAFORA_EPROTO;
			continue;
		}
		node = get_node(view, records[i].node);
		if (!node)
			goto no_memory;
		if (node->seen) {
			error = METAFORA_EPROTO;
			continue;
		}
		node->seen = true;
		members[n_members++] = node;
	}
	/* Nothing can fail any more: change the picture. */
	for (i = 0; i < n; i++) {
		node = records[i].node ? find_node(view, records[i].node)
				       : NULL;
		/* The first record of a name counts. */
		if (!node || !node->seen)
			continue;
		node->seen = false;
		if (!take_record(view, node, &records[i]))
			error = METAFORA_EPROTO;
	}
	for (i = 0; i < n_members; i++)
		members[i]->seen = true;
	HASH_ITER(hh, view->nodes, node, tmp) {
		if (node->living && !node->seen) {
			node->living = false;
			node->index = SIZE_MAX;
			view->members_changed = true;
		}
		settle_node(view, node);
	}
	qsort(members, n_members, sizeof(*members), compare_members);
	for (i = 0; i < n_members; i++)
		members[i]->index = i;
	free(view->members);
	view->members = members;
	view->n_members = n_members;
	if (!view->members_read) {
		view->members_read = true;
		view->n_unread--;
		view->members_changed = true;
	}
	if (view->members_changed)
		view->version++;
	return error;

no_memory:
	HASH_ITER(hh, view->nodes, node, tmp)
		settle_node(view, node);
	free(members);
	return METAFORA_ENOMEM;
}

/* --- tasks ------------------------------------------------------------------ */

struct metafora_cluster_task *mf_view_find(const struct metafora_cluster *view,
					   const char *id)
{
	struct metafora_cluster_task *task;

	HASH_FIND_STR(view->tasks[mf_shard(id)], id, task);
	return task;
}

struct metafora_cluster_task *
mf_view_next(const struct metafora_cluster *view,
	     const struct metafora_cluster_task *previous)
{
	struct metafora_cluster_task *task = NULL;
	uint32_t bucket = 0;

	if (previous) {
		task = TAILQ_NEXT(previous, in_bucket);
		bucket = previous->bucket + 1u;
	}
	for (; !task && bucket < view->n_buckets; bucket++)
		task = TAILQ_FIRST(&view->buckets[bucket].tasks);
	return task;
}

static void mark_changed(struct metafora_cluster *view,
			 struct metafora_cluster_task *task)
{
	view->version++;
	if (task->changed)
		return;
	task->changed = true;
	STAILQ_INSERT_TAIL(&view->changed, task, in_changed);
}

/* Bring the lists and counts in line with existence and line. */
static void set_lists(struct metafora_cluster *view,
		      struct metafora_cluster_task *task, uint64_t now_ns)
{
	bool unowned = task->exists && task->n_line == 0;
	bool waited = task->exists && task->n_line > 1;

	/* Off one list first: both use the same hook. */
	if (task->unowned && !unowned) {
		TAILQ_REMOVE(&view->unowned, task, in_unowned);
		task->unowned_since_ns = 0;
		view->n_unowned--;
	}
	if (task->waited && !waited)
		TAILQ_REMOVE(&view->waited, task, in_waited);
	if (unowned && !task->unowned) {
		TAILQ_INSERT_TAIL(&view->unowned, task, in_unowned);
		task->unowned_since_ns = now_ns;
		view->n_unowned++;
	}
	if (waited && !task->waited)
		TAILQ_INSERT_TAIL(&view->waited, task, in_waited);
	task->unowned = unowned;
	task->waited = waited;
}

/* Count the line into the members' numbers (by = 1) or out of them (-1). */
static void count_line(struct metafora_cluster_task *task, int by)
{
	const struct mf_vclaim *line = mf_view_line(task);
	uint32_t i;

	for (i = 0; i < task->n_line; i++) {
		struct metafora_member *node = line[i].node;

		node->n_claims += by;
		if (!task->exists)
			continue;
		if (i == 0)
			node->n_owned += by;
		else
			node->n_waiting += by;
	}
}

static void set_exists(struct metafora_cluster *view,
		       struct metafora_cluster_task *task, bool exists,
		       uint64_t now_ns)
{
	if (task->exists == exists)
		return;
	count_line(task, -1);
	task->exists = exists;
	count_line(task, 1);
	if (exists)
		view->n_tasks++;
	else
		view->n_tasks--;
	set_lists(view, task, now_ns);
	mark_changed(view, task);
}

/* In the order of IDs, as far as the snapshots keep to it. */
static void insert_in_bucket(struct mf_vbucket *bucket,
			     struct metafora_cluster_task *task,
			     struct metafora_cluster_task *next)
{
	if (next && strcmp(task->id, next->id) < 0)
		TAILQ_INSERT_BEFORE(next, task, in_bucket);
	else
		TAILQ_INSERT_TAIL(&bucket->tasks, task, in_bucket);
}

/*
 * The task of that ID in the bucket, made if need be.  *next is a guess, moved
 * on behind the task: most snapshots are in the order of IDs and repeat what is
 * known, and need no search then.
 */
static int get_task(struct metafora_cluster *view, uint32_t bucket,
		    const char *id, struct metafora_cluster_task **next,
		    struct metafora_cluster_task **out)
{
	struct metafora_cluster_task *guess = *next;
	struct metafora_cluster_task *task;
	size_t bytes;

	/* One that has no claim is passed over; more are searched past. */
	if (guess && id && strcmp(guess->id, id) < 0)
		guess = TAILQ_NEXT(guess, in_bucket);
	task = guess;
	if (!task || !id || strcmp(task->id, id)) {
		if (!is_name(id, METAFORA_TASK_ID_MAX))
			return METAFORA_EPROTO;
		task = mf_view_find(view, id);
	}
	if (task) {
		if (task->bucket != bucket)
			return METAFORA_EPROTO;
		*next = TAILQ_NEXT(task, in_bucket);
		*out = task;
		return 0;
	}
	bytes = strlen(id) + 1;
	task = calloc(1, sizeof(*task) + bytes);
	if (!task)
		return METAFORA_ENOMEM;
	memcpy(task->id, id, bytes);
	task->bucket = bucket;
	task->seen = view->generation - 1; /* not in this snapshot so far */
	HASH_ADD_KEYPTR(hh, view->tasks[mf_shard(id)], task->id, bytes - 1,
			task);
	if (!task->hh.tbl) {
		free(task);
		return METAFORA_ENOMEM;
	}
	insert_in_bucket(&view->buckets[bucket], task, guess);
	*out = task;
	return 0;
}

void mf_view_settle(struct metafora_cluster *view,
		    struct metafora_cluster_task *task)
{
	if (task->exists || task->n_line || task->entry || task->changed)
		return;
	if (task->asking)
		TAILQ_REMOVE(&view->asking, task, in_asking);
	HASH_DEL(view->tasks[mf_shard(task->id)], task);
	TAILQ_REMOVE(&view->buckets[task->bucket].tasks, task, in_bucket);
	free(task);
}

int mf_view_tasks(struct metafora_cluster *view, uint64_t now_ns,
		  uint32_t bucket, const struct metafora_task_fact *facts,
		  size_t n)
{
	struct metafora_cluster_task *task, *next;
	struct mf_vbucket *b;
	int error = 0;
	size_t i;

	if (bucket >= view->n_buckets)
		return METAFORA_EINVAL;
	b = &view->buckets[bucket];
	view->generation++;
	next = TAILQ_FIRST(&b->tasks);
	for (i = 0; i < n; i++) {
		int result = get_task(view, bucket, facts[i].task, &next,
				      &task);

		/* The first of a name counts. */
		if (!result && task->seen == view->generation)
			result = METAFORA_EPROTO;
		if (result) {
			if (error != METAFORA_ENOMEM)
				error = result;
			continue;
		}
		task->seen = view->generation;
		if (task->exists && facts[i].birth && task->birth &&
		    task->birth != facts[i].birth) {
			task->reborn = true;
			mark_changed(view, task);
		}
		task->birth = facts[i].birth;
		set_exists(view, task, true, now_ns);
	}
	for (task = TAILQ_FIRST(&b->tasks); task; task = next) {
		next = TAILQ_NEXT(task, in_bucket);
		if (task->seen != view->generation)
			set_exists(view, task, false, now_ns);
		mf_view_settle(view, task);
	}
	if (!b->tasks_read && error != METAFORA_ENOMEM) {
		b->tasks_read = true;
		view->n_unread--;
		view->version++;
	}
	return error;
}

/* --- lines ------------------------------------------------------------------ */

/* Free nodes that nothing mentions any more; one may stand in a line twice. */
static void settle_nodes(struct metafora_cluster *view,
			 const struct mf_vclaim *line, uint32_t n)
{
	uint32_t i, j;

	for (i = 0; i < n; i++) {
		for (j = i + 1; j < n && line[j].node != line[i].node; j++)
			;
		if (j == n)
			settle_node(view, line[i].node);
	}
}

static void free_line(union mf_vline *line, uint32_t n_line)
{
	if (n_line > 1)
		free(line->many);
}

/* Replace the line; takes over what it holds (NULL for an empty line). */
static void set_line(struct metafora_cluster *view,
		     struct metafora_cluster_task *task,
		     const union mf_vline *line, uint32_t n_line,
		     uint64_t now_ns)
{
	union mf_vline old = task->line;
	uint32_t n_old = task->n_line;

	count_line(task, -1);
	if (line)
		task->line = *line;
	task->n_line = n_line;
	count_line(task, 1);
	/* After the new line is counted: many nodes stand in both. */
	settle_nodes(view, n_old > 1 ? old.many : &old.one, n_old);
	free_line(&old, n_old);
	task->stray = false;
	set_lists(view, task, now_ns);
	mark_changed(view, task);
}

static bool same_line(const struct metafora_cluster_task *task,
		      const struct metafora_claim_fact *facts, uint32_t n)
{
	const struct mf_vclaim *line = mf_view_line(task);
	uint32_t i;

	if (task->n_line != n)
		return false;
	for (i = 0; i < n; i++) {
		if (line[i].token != facts[i].token ||
		    strcmp(line[i].node->name, facts[i].node))
			return false;
	}
	return true;
}

/* Make the line that the facts of one task tell. */
static int apply_line(struct metafora_cluster *view, uint64_t now_ns,
		      struct metafora_cluster_task *task,
		      const struct metafora_claim_fact *facts, uint32_t n)
{
	struct mf_vclaim *claims;
	union mf_vline line;
	uint32_t i;

	if (same_line(task, facts, n))
		return 0;
	claims = &line.one;
	if (n > 1)
		claims = line.many = calloc(n, sizeof(*claims));
	if (!claims)
		return METAFORA_ENOMEM;
	for (i = 0; i < n; i++) {
		claims[i].token = facts[i].token;
		claims[i].node = get_node(view, facts[i].node);
		if (!claims[i].node)
			goto no_memory;
	}
	set_line(view, task, &line, n, now_ns);
	return 0;

no_memory:
	settle_nodes(view, claims, i);
	free_line(&line, n);
	return METAFORA_ENOMEM;
}

/* Facts from i on that are of one task, in order and with sane names. */
static size_t group_end(const struct metafora_claim_fact *facts, size_t i,
			size_t n, bool *sane)
{
	size_t j;

	*sane = facts[i].task != NULL;
	for (j = i; j < n && facts[j].task &&
		    (j == i || !strcmp(facts[j].task, facts[i].task));
	     j++) {
		if (!is_name(facts[j].node, METAFORA_NODE_NAME_MAX) ||
		    (j > i && facts[j].token <= facts[j - 1].token))
			*sane = false;
	}
	return j > i ? j : i + 1;
}

int mf_view_claims(struct metafora_cluster *view, uint64_t now_ns,
		   uint32_t bucket, const struct metafora_claim_fact *facts,
		   size_t n)
{
	struct metafora_cluster_task *task, *next;
	struct mf_vbucket *b;
	int error = 0;
	size_t i, end;

	if (bucket >= view->n_buckets)
		return METAFORA_EINVAL;
	b = &view->buckets[bucket];
	view->generation++;
	next = TAILQ_FIRST(&b->tasks);
	for (i = 0; i < n; i = end) {
		int result;
		bool sane;

		end = group_end(facts, i, n, &sane);
		if (!sane || end - i > UINT32_MAX) {
			error = error ? error : METAFORA_EPROTO;
			/* Keep what is known of the task rather than guess. */
			task = facts[i].task ? mf_view_find(view, facts[i].task)
					     : NULL;
			if (task && task->bucket == bucket)
				task->seen = view->generation;
			continue;
		}
		result = get_task(view, bucket, facts[i].task, &next, &task);
		if (!result && task->seen == view->generation)
			result = METAFORA_EPROTO;
		if (!result) {
			task->seen = view->generation;
			result = apply_line(view, now_ns, task, &facts[i],
					    end - i);
		}
		if (result && error != METAFORA_ENOMEM)
			error = result;
	}
	for (task = TAILQ_FIRST(&b->tasks); task; task = next) {
		next = TAILQ_NEXT(task, in_bucket);
		if (task->seen != view->generation && task->n_line)
			set_line(view, task, NULL, 0, now_ns);
		mf_view_settle(view, task);
	}
	if (!b->claims_read && error != METAFORA_ENOMEM) {
		b->claims_read = true;
		view->n_unread--;
		view->version++;
	}
	return error;
}

const struct mf_vclaim *mf_view_own_claim(const struct metafora_cluster *view,
					  const struct metafora_cluster_task *t)
{
	const struct mf_vclaim *line = mf_view_line(t);
	uint32_t i;

	for (i = 0; i < t->n_line; i++) {
		if (line[i].node->own_view == view)
			return &line[i];
	}
	return NULL;
}

struct metafora_cluster_task *mf_view_pop_changed(struct metafora_cluster *view)
{
	struct metafora_cluster_task *task = STAILQ_FIRST(&view->changed);

	if (task) {
		STAILQ_REMOVE_HEAD(&view->changed, in_changed);
		task->changed = false;
	}
	return task;
}

/* --- life ------------------------------------------------------------------- */

int mf_view_init(struct metafora_cluster *view, const char *self_name,
		 bool has_lines)
{
	memset(view, 0, sizeof(*view));
	view->self_name = strdup(self_name);
	if (!view->self_name)
		return METAFORA_ENOMEM;
	view->has_lines = has_lines;
	view->n_unread = 1;
	TAILQ_INIT(&view->unowned);
	TAILQ_INIT(&view->waited);
	STAILQ_INIT(&view->changed);
	TAILQ_INIT(&view->asking);
	TAILQ_INIT(&view->own);
	return 0;
}

/* Everything in the buckets goes; no entry may be attached. */
static void drop_tasks(struct metafora_cluster *view)
{
	struct metafora_cluster_task *task = NULL;

	while ((task = mf_view_next(view, task))) {
		assert(!task->entry);
		set_exists(view, task, false, 0);
		if (task->n_line)
			set_line(view, task, NULL, 0, 0);
		mark_changed(view, task); /* even what only an entry kept */
	}
	while ((task = mf_view_pop_changed(view)))
		mf_view_settle(view, task);
	free(view->buckets);
	view->buckets = NULL;
	view->n_buckets = 0;
}

void mf_view_fini(struct metafora_cluster *view)
{
	struct metafora_member *node, *tmp;

	drop_tasks(view);
	HASH_ITER(hh, view->nodes, node, tmp) {
		node->living = false;
		settle_node(view, node);
	}
	free(view->members);
	free(view->self_name);
}

int mf_view_begin(struct metafora_cluster *view, uint32_t n_buckets)
{
	uint32_t i;

	if (n_buckets == 0 || n_buckets > BUCKETS_MAX)
		return METAFORA_ERANGE;
	if (n_buckets != view->n_buckets) {
		struct mf_vbucket *buckets =
			calloc(n_buckets, sizeof(*buckets));

		if (!buckets)
			return METAFORA_ENOMEM;
		drop_tasks(view);
		view->buckets = buckets;
		view->n_buckets = n_buckets;
		for (i = 0; i < n_buckets; i++)
			TAILQ_INIT(&buckets[i].tasks);
	}
	for (i = 0; i < n_buckets; i++) {
		view->buckets[i].tasks_read = false;
		view->buckets[i].claims_read = false;
	}
	view->members_read = false;
	view->n_unread = 2 * n_buckets + 1;
	view->version++;
	return 0;
}

bool mf_view_complete(const struct metafora_cluster *view)
{
	return view->n_unread == 0;
}
