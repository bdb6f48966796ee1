/* SPDX-License-Identifier: Apache-2.0 */
/* What the client side reads, as rows: tasks, claims, members. */
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
/*
 * Add the tasks that a folder of them has and that begin with prefix and come
 * after another.  0 or METAFORA_ENOMEM.
 */
int mf_zk_rows_add_tasks(struct zk_job *job, struct zk_rows *rows,
			 const struct zk_request *request, const char *prefix,
			 const char *after);
/* Add the claims that a folder of them has.  0 or METAFORA_ENOMEM. */
int mf_zk_rows_add_claims(struct zk_job *job, struct zk_rows *rows,
			  const struct zk_request *request);
/*
 * Sort tasks, keep the first limit of them (0: all), give each its owner, clear
 * the claims.  Whether some were left out.
 */
bool mf_zk_rows_match(struct zk_rows *tasks, struct zk_rows *claims,
		      size_t limit);
/* The same as core has them, to be freed; NULL: no memory. */
struct metafora_task_row *mf_zk_rows_facts(const struct zk_rows *tasks);
/* Read one folder of each bucket; 0, or the job has failed. */
int mf_zk_read_folders(struct zk_job *job, enum zk_folder_kind kind,
		       void (*done)(struct zk_job *, struct zk_step *));

/* The members' records; zeroed to begin with. */
struct zk_roster {
	struct metafora_member_row *rows;
	void **owners; /* of the records' strings */
	size_t n;
	size_t n_room;
	size_t n_left; /* answers to come; 0: it is not being read */
	bool watch;
	void (*done)(struct zk_job *job);
};

void mf_zk_roster_clear(struct zk_roster *roster);
/*
 * Read it anew: the list, then each record, with watches on all of them if
 * that is asked for.  done when all are there, sorted; malformed ones are
 * passed over.  0, or the job has failed.
 */
int mf_zk_roster_read(struct zk_job *job, struct zk_roster *roster, bool watch,
		      void (*done)(struct zk_job *job));

#endif
