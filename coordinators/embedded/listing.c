/* SPDX-License-Identifier: Apache-2.0 */
/* Listings for clients: tasks with their owners, and living nodes. */
#include <stdlib.h>
#include <string.h>

#include "request.h"

static bool matches(const struct emb_task *task, const char *prefix,
		    size_t n_prefix, const char *after)
{
	return task->exists && strncmp(task->id, prefix, n_prefix) == 0 &&
	       strcmp(task->id, after) > 0;
}

static const char *node_of(const struct emb_claim *claim)
{
	return claim->session->record->member.node;
}

static const char *owner_of(const struct emb_task *task)
{
	const struct emb_claim *first = TAILQ_FIRST(&task->line);

	return first ? node_of(first) : NULL;
}

static int compare_tasks(const void *a, const void *b)
{
	const struct emb_task *const *one = a;
	const struct emb_task *const *other = b;

	return strcmp((*one)->id, (*other)->id);
}

/* Rows of tasks in one block with their strings.  NULL: out of memory. */
static struct metafora_task_row *
rows_of(const struct metafora_embedded_broker *broker,
	struct emb_task *const *tasks, size_t n)
{
	struct metafora_task_row *rows;
	size_t n_bytes = n * sizeof(*rows);
	const struct emb_claim *first;
	const char *owner;
	char *at;
	size_t i;

	for (i = 0; i < n; i++) {
		owner = owner_of(tasks[i]);
		n_bytes += strlen(tasks[i]->id) + 1;
		n_bytes += owner ? strlen(owner) + 1 : 0;
	}
	rows = malloc(n_bytes ? n_bytes : 1);
	if (!rows)
		return NULL;
	at = (char *)(rows + n);
	for (i = 0; i < n; i++) {
		owner = owner_of(tasks[i]);
		rows[i].task = mf_emb_put(&at, tasks[i]->id);
		rows[i].owner = owner ? mf_emb_put(&at, owner) : NULL;
		first = TAILQ_FIRST(&tasks[i]->line);
		rows[i].token = first ? mf_emb_token(broker, first) : 0;
		rows[i].since_ms = first ? first->since_ms : 0;
	}
	return rows;
}

void mf_emb_list(const struct metafora_embedded_broker *broker,
		 struct emb_request *request)
{
	const char *prefix = (const char *)request->text->bytes;
	const char *after = (const char *)request->data->bytes;
	const size_t n_prefix = strlen(prefix);
	struct emb_task **found;
	struct emb_task *task;
	size_t n = 0;

	found = calloc(HASH_COUNT(broker->tasks) + 1,
		       sizeof(struct emb_task *));
	if (!found) {
		request->reply.error = METAFORA_ENOMEM;
		return;
	}
	for (task = broker->tasks; task; task = task->hh.next)
		if (matches(task, prefix, n_prefix, after))
			found[n++] = task;
	qsort(found, n, sizeof(struct emb_task *), compare_tasks);
	request->reply.more = request->limit && n > request->limit;
	if (request->reply.more)
		n = request->limit;
	request->rows = rows_of(broker, found, n);
	if (!request->rows)
		request->reply.error = METAFORA_ENOMEM;
	request->reply.tasks = request->rows;
	request->reply.n_tasks = n;
	free(found);
}

bool mf_emb_list_bucket(const struct metafora_embedded_broker *broker,
			uint32_t bucket, struct metafora_task_row **rows,
			size_t *n)
{
	const struct emb_tasks *tasks = &broker->buckets[bucket].tasks;
	struct emb_task **found;
	struct emb_task *task;
	size_t n_all = 0;

	TAILQ_FOREACH(task, tasks, in_bucket)
		n_all++;
	found = calloc(n_all + 1, sizeof(struct emb_task *));
	if (!found)
		return false;
	*n = 0;
	TAILQ_FOREACH(task, tasks, in_bucket)
		if (task->exists)
			found[(*n)++] = task;
	qsort(found, *n, sizeof(struct emb_task *), compare_tasks);
	*rows = rows_of(broker, found, *n);
	free(found);
	return *rows != NULL;
}

static size_t n_waiters(const struct emb_task *task, size_t *n_bytes)
{
	const struct emb_claim *claim = TAILQ_FIRST(&task->line);
	size_t n = 0;

	*n_bytes = 0;
	while (claim && (claim = TAILQ_NEXT(claim, in_line))) {
		*n_bytes += strlen(node_of(claim)) + 1;
		n++;
	}
	return n;
}

void mf_emb_describe(const struct metafora_embedded_broker *broker,
		     struct emb_request *request)
{
	struct emb_task *task =
		mf_emb_find(broker, (const char *)request->text->bytes);
	const struct emb_claim *claim;
	struct metafora_task_row *row;
	const char **waiters;
	size_t n, n_bytes, i;
	const char *owner;
	char *at;

	if (!task || !task->exists) {
		request->reply.error = METAFORA_ENOENT;
		return;
	}
	n = n_waiters(task, &n_bytes);
	owner = owner_of(task);
	row = malloc(sizeof(*row) + n * sizeof(*waiters) + task->n_id +
		     (owner ? strlen(owner) + 1 : 0) + n_bytes);
	if (!row) {
		request->reply.error = METAFORA_ENOMEM;
		return;
	}
	request->rows = row;
	waiters = (const char **)(row + 1);
	at = (char *)(waiters + n);
	claim = TAILQ_FIRST(&task->line);
	row->task = mf_emb_put(&at, task->id);
	row->owner = owner ? mf_emb_put(&at, owner) : NULL;
	row->token = claim ? mf_emb_token(broker, claim) : 0;
	row->since_ms = claim ? claim->since_ms : 0;
	for (i = 0; i < n; i++) {
		claim = TAILQ_NEXT(claim, in_line);
		waiters[i] = mf_emb_put(&at, node_of(claim));
	}
	request->reply.tasks = row;
	request->reply.n_tasks = 1;
	request->reply.waiters = waiters;
	request->reply.n_waiters = n;
	request->reply.submitted_ms = task->submitted_ms;
	request->blob = mf_emb_blob_ref(task->properties);
	request->reply.data = request->blob ? request->blob->bytes : NULL;
	request->reply.size_bytes = request->blob ? request->blob->size_bytes : 0;
}

static int compare_members(const void *a, const void *b)
{
	const struct metafora_member_row *one = a;
	const struct metafora_member_row *other = b;

	return strcmp(one->record.node, other->record.node);
}

static size_t n_owned(const struct emb_session *session)
{
	const struct emb_claims *lists[] = {&session->claims, &session->news};
	const struct emb_claim *claim;
	size_t n = 0;
	size_t i;

	for (i = 0; i < 2; i++)
		TAILQ_FOREACH(claim, lists[i], in_session)
			if (TAILQ_FIRST(&claim->task->line) == claim)
				n++;
	return n;
}

void mf_emb_nodes(const struct metafora_embedded_broker *broker,
		  struct emb_request *request)
{
	const struct emb_session *session;
	struct metafora_member_row *rows;
	size_t n = 0;

	TAILQ_FOREACH(session, &broker->sessions, entry)
		n++;
	rows = malloc(n * (sizeof(*rows) + sizeof(struct emb_record *)) + 1);
	if (!rows) {
		request->reply.error = METAFORA_ENOMEM;
		return;
	}
	request->rows = rows;
	/* Its records keep the strings of the rows. */
	request->records = (struct emb_record **)(rows + n);
	n = 0;
	TAILQ_FOREACH(session, &broker->sessions, entry) {
		request->records[n] = mf_emb_record_ref(session->record);
		rows[n].record = session->record->member;
		rows[n].record.session = session->id;
		rows[n].n_owned = n_owned(session);
		n++;
	}
	qsort(rows, n, sizeof(*rows), compare_members);
	request->reply.members = rows;
	request->reply.n_members = n;
}
