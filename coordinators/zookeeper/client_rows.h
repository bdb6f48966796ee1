/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of tasks and claims, as the client side reads them bucket by bucket. */
#ifndef ZK_CLIENT_ROWS_H
#define ZK_CLIENT_ROWS_H

#include "client.h"

struct zk_row {
	char *task;
	char *node; /* NULL: none */
	uint64_t token;
	int64_t since_ms;
};

/* A growing array; zeroed to begin with. */
struct zk_rows {
	struct zk_row *rows;
	size_t n;
	size_t n_room;
};

void mf_zk_rows_clear(struct zk_rows *rows);
/* The names are copied.  0 or METAFORA_ENOMEM. */
int mf_zk_rows_add(struct zk_rows *rows, const char *task, const char *node,
		   uint64_t token);
/* For qsort: by task, then by token. */
int mf_zk_rows_compare(const void *a, const void *b);
/* Sort; of each line only the first claim stays. */
void mf_zk_rows_keep_owners(struct zk_rows *claims);
/* Add the claims that a folder of them has.  0 or METAFORA_ENOMEM. */
int mf_zk_rows_add_claims(struct zk_job *job, struct zk_rows *rows,
			  const struct zk_request *request);
/* Read one folder of each bucket; 0, or the job has failed. */
int mf_zk_read_folders(struct zk_job *job, enum zk_folder_kind kind,
		       void (*done)(struct zk_job *, struct zk_step *));

#endif
