/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the check: what is looked at, what was found, how it is mended. */
#ifndef ZK_CLIENT_CHECK_H
#define ZK_CLIENT_CHECK_H

#include "client.h"

/* How something that was found can be mended without harm. */
enum zk_mend {
	ZK_MEND_NONE,   /* it cannot: a human has to decide */
	ZK_MEND_CREATE, /* an empty folder */
	/*
	 * Remove a claim that is not ephemeral: no session is behind it, this
	 * library has never made it, and as its number has been passed nothing
	 * else can come to its path.
	 */
	ZK_MEND_REMOVE,
	/* Remove commands for a node that has no lease, while we hold it. */
	ZK_MEND_EXORCISE,
};

#define ZK_CLAIMS_MISSING                                                      \
	"folder of claims is missing: a new one would begin its tokens anew; " \
	"stop all nodes and make the namespace anew"

struct zk_found {
	char *path;
	const char *what; /* static */
	enum zk_mend mend;
	int32_t version; /* REMOVE: of this version only */
	/* May only be on its way: counts if a second look shows it again. */
	bool fleeting;
	enum metafora_remedy remedy;
	int error;
};

struct zk_found_list {
	struct zk_found *found;
	size_t n;
	size_t n_room;
	bool overflowed;
};

/* A member or a lease. */
struct zk_register {
	char *name; /* as found */
	int64_t session;
};

struct zk_register_list {
	struct zk_register *rows;
	size_t n;
};

enum zk_check_phase {
	ZK_CHECK_FIRST,  /* first look */
	ZK_CHECK_PAUSE,  /* before the second one */
	ZK_CHECK_SECOND, /* for what was fleeting */
	ZK_CHECK_MEND,
};

struct zk_check {
	struct zk_job job; /* first */
	bool repair;
	enum zk_check_phase phase;
	struct metafora_timer *timer;
	/* Answers that the present stage waits for, and what comes then. */
	size_t n_left;
	void (*next)(struct zk_check *check);
	struct zk_found_list found;
	struct zk_found_list suspects; /* of the first look, fleeting */
	struct zk_register_list members;
	struct zk_register_list leases;
	/* The bucket that is looked at. */
	uint32_t bucket;
	char **tasks; /* names, sorted */
	size_t n_tasks;
	uint32_t n_claims; /* made in it so far: their numbers are given */
	/* Mending. */
	size_t at;
	struct zk_op *ops;
	size_t n_ops;
	bool last;
};

/* --- client_check.c --- */

/* Note something; path is taken over.  A lack of memory fails the job. */
void mf_zk_check_note(struct zk_check *check, char *path, const char *what,
		      enum zk_mend mend, int32_t version, bool fleeting);
/*
 * A read of the present stage; path is taken over.  done must end with
 * mf_zk_check_done.
 */
void mf_zk_check_read(struct zk_check *check, char *path,
		      enum zk_request_kind kind,
		      void (*done)(struct zk_job *, struct zk_step *));
/* One answer less to wait for. */
void mf_zk_check_done(struct zk_check *check);
/* Begin a stage: one place is held until mf_zk_check_done. */
void mf_zk_check_stage(struct zk_check *check,
		       void (*next)(struct zk_check *check));
const struct zk_register *mf_zk_find(const struct zk_register_list *list,
				     const char *name);
/* All has been looked at. */
void mf_zk_check_looked(struct zk_check *check);

/* --- client_check_buckets.c: tasks and claims, then mf_zk_check_looked --- */
void mf_zk_check_buckets(struct zk_check *check);
void mf_zk_check_forget_bucket(struct zk_check *check);

/* --- client_check_mend.c: mends what was found from `at` on, then replies --- */
void mf_zk_check_mend(struct zk_check *check);
void mf_zk_check_forget_ops(struct zk_check *check);
/* --- client_check.c --- */
void mf_zk_check_reply(struct zk_check *check);

#endif
