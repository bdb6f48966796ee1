/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of tasks and claims, as the client side reads them bucket by bucket. */
#include "client_rows.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

void mf_zk_rows_clear(struct zk_rows *rows)
{
	size_t i;

	for (i = 0; i < rows->n; i++) {
		free(rows->rows[i].task);
		free(rows->rows[i].node);
	}
	free(rows->rows);
	*rows = (struct zk_rows){ 0 };
}

int mf_zk_rows_add(struct zk_rows *rows, const char *task, const char *node,
		   uint64_t token)
{
	size_t n_room = rows->n_room ? 2 * rows->n_room : 64;
	struct zk_row *row;

	if (rows->n == rows->n_room) {
		row = realloc(rows->rows, n_room * sizeof(*row));
		if (!row)
			return METAFORA_ENOMEM;
		rows->rows = row;
		rows->n_room = n_room;
	}
	row = &rows->rows[rows->n];
	row->token = token;
	row->since_ms = 0;
	row->task = strdup(task);
	row->node = node ? strdup(node) : NULL;
	if (!row->task || (node && !row->node)) {
		free(row->task);
		free(row->node);
		return METAFORA_ENOMEM;
	}
	rows->n++;
	return 0;
}

int mf_zk_rows_compare(const void *a, const void *b)
{
	const struct zk_row *x = a;
	const struct zk_row *y = b;
	int order = strcmp(x->task, y->task);

	if (order)
		return order;
	return x->token < y->token ? -1 : x->token > y->token;
}

void mf_zk_rows_keep_owners(struct zk_rows *claims)
{
	size_t n = 0;
	size_t i;

	if (claims->n)
		qsort(claims->rows, claims->n, sizeof(*claims->rows),
		      mf_zk_rows_compare);
	for (i = 0; i < claims->n; i++) {
		if (n > 0 && strcmp(claims->rows[n - 1].task,
				    claims->rows[i].task) == 0) {
			free(claims->rows[i].task);
			free(claims->rows[i].node);
			continue;
		}
		claims->rows[n++] = claims->rows[i];
	}
	claims->n = n;
}

int mf_zk_rows_add_claims(struct zk_job *job, struct zk_rows *rows,
			  const struct zk_request *request)
{
	uint64_t epoch = (uint64_t)job->client->session.epoch << 32;
	struct zk_claim_name name;
	size_t i;

	for (i = 0; i < request->n_names; i++)
		if (mf_zk_parse_claim(mf_zk_job_host(job), request->names[i],
				      &name) &&
		    mf_zk_rows_add(rows, name.task, name.node,
			     epoch | name.sequence))
			return METAFORA_ENOMEM;
	return 0;
}

int mf_zk_read_folders(struct zk_job *job, enum zk_folder_kind kind,
		       void (*done)(struct zk_job *, struct zk_step *))
{
	uint32_t b;

	for (b = 0; b < job->client->session.n_buckets; b++) {
		struct zk_step *step = mf_zk_step(
			job, mf_zk_path_folder(mf_zk_job_root(job), kind, b),
			0, done);

		if (!step)
			return METAFORA_ENOMEM;
		mf_zk_step_read(step, ZK_READ_CHILDREN, false);
	}
	return 0;
}
