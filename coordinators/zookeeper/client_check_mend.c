/* SPDX-License-Identifier: Apache-2.0 */
/* Mends what the check has found, as far as that harms nobody. */
#include "client_check.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

/* Operations of one write. */
#define OPS_MAX 100

static void exorcise(struct zk_check *check);

static struct zk_found *present(struct zk_check *check)
{
	return &check->found.found[check->at];
}

/* The lease stands first and last; what is between is ours to free. */
void mf_zk_check_forget_ops(struct zk_check *check)
{
	size_t i;

	for (i = 0; i < check->n_ops; i++)
		free((char *)(uintptr_t)check->ops[i].path);
	free(check->ops);
	check->ops = NULL;
	check->n_ops = 0;
}

static void go_on(struct zk_check *check, enum zk_code code)
{
	struct zk_found *found = present(check);

	/* Not done: tried again when there is a connection. */
	if (code == ZK_UNSENT)
		return;
	/* Somebody else may have done the same. */
	if (code == ZK_OK ||
	    (code == ZK_EXISTS && found->mend == ZK_MEND_CREATE) ||
	    (code == ZK_NONODE && found->mend != ZK_MEND_CREATE)) {
		found->remedy = METAFORA_REMEDY_DONE;
	} else {
		found->remedy = METAFORA_REMEDY_FAILED;
		found->error = mf_zk_error(code);
	}
	check->at++;
	/* Without a connection the job runs again when there is one. */
	if (code != ZK_UNKNOWN)
		mf_zk_check_mend(check);
}

static enum zk_code code_of(const struct zk_step *step)
{
	return step->call.request.code;
}

static void on_mended(struct zk_job *job, struct zk_step *step)
{
	go_on((struct zk_check *)job, code_of(step));
}

/* Only within a namespace that is still there. */
static void create(struct zk_check *check)
{
	struct zk_step *step = mf_zk_step(
		&check->job, strdup(present(check)->path), 2, on_mended);

	if (!step)
		return;
	step->ops[0] = (struct zk_op){
		.kind = ZK_CHECK,
		.version = ZK_ANY,
		.path = mf_zk_job_root(&check->job),
	};
	step->ops[1] = (struct zk_op){
		.kind = ZK_CREATE,
		.path = step->path,
	};
	mf_zk_step_write(step);
}

static void remove_it(struct zk_check *check)
{
	struct zk_step *step = mf_zk_step(
		&check->job, strdup(present(check)->path), 1, on_mended);

	if (!step)
		return;
	step->ops[0] = (struct zk_op){
		.kind = ZK_DELETE,
		.version = present(check)->version,
		.path = step->path,
	};
	mf_zk_step_write(step);
}

/* --- commands of the dead ---------------------------------------------------------- */

static int add(struct zk_check *check, enum zk_op_kind kind, char *path)
{
	check->ops[check->n_ops++] = (struct zk_op){
		.kind = kind,
		.flags = kind == ZK_CREATE ? ZK_EPHEMERAL : 0,
		.version = ZK_ANY,
		.path = path,
	};
	return path ? 0 : METAFORA_ENOMEM;
}

static char *lease_of(const struct zk_check *check, const char *folder)
{
	return mf_zk_path_lease(mf_zk_job_root(&check->job),
				strrchr(folder, '/') + 1);
}

/*
 * A node holds its lease before it makes its folder, so the write takes the
 * lease first and gives it back at its end: it fails as a whole if the node
 * lives by then.
 */
static int make_ops(struct zk_check *check, const struct zk_request *request)
{
	const char *folder = present(check)->path;
	size_t n = request->n_names;
	size_t i;

	mf_zk_check_forget_ops(check);
	check->ops = calloc(OPS_MAX, sizeof(*check->ops));
	check->last = n <= OPS_MAX - 3;
	if (!check->last)
		n = OPS_MAX - 3;
	if (!check->ops || add(check, ZK_CREATE, lease_of(check, folder)))
		return METAFORA_ENOMEM;
	for (i = 0; i < n; i++)
		if (add(check, ZK_DELETE,
			mf_zk_path(folder, request->names[i])))
			return METAFORA_ENOMEM;
	if (check->last && add(check, ZK_DELETE, strdup(folder)))
		return METAFORA_ENOMEM;
	return add(check, ZK_DELETE, lease_of(check, folder));
}

static void on_exorcised(struct zk_job *job, struct zk_step *step)
{
	struct zk_check *check = (struct zk_check *)job;
	enum zk_code code = code_of(step);

	mf_zk_check_forget_ops(check);
	if (code == ZK_OK && !check->last)
		exorcise(check);
	/* One that is gone meanwhile: what is left is another write's. */
	else if (code == ZK_NONODE)
		go_on(check, ZK_BADVERSION);
	else
		go_on(check, code);
}

static void on_commands(struct zk_job *job, struct zk_step *step)
{
	struct zk_check *check = (struct zk_check *)job;
	struct zk_step *write;

	if (code_of(step) == ZK_UNKNOWN)
		return; /* a read: tried again, too */
	if (code_of(step) != ZK_OK) {
		go_on(check, code_of(step));
		return;
	}
	if (make_ops(check, &step->call.request)) {
		mf_zk_job_fail(job, METAFORA_ENOMEM);
		return;
	}
	write = mf_zk_step(job, strdup(present(check)->path), 0, on_exorcised);
	if (!write)
		return;
	write->call.request.ops = check->ops;
	write->call.request.n_ops = check->n_ops;
	mf_zk_step_write(write);
}

static void exorcise(struct zk_check *check)
{
	struct zk_step *step = mf_zk_step(
		&check->job, strdup(present(check)->path), 0, on_commands);

	if (step)
		mf_zk_step_read(step, ZK_READ_CHILDREN, false);
}

/* --- one after the other -------------------------------------------------------------- */

void mf_zk_check_mend(struct zk_check *check)
{
	while (check->at < check->found.n &&
	       present(check)->mend == ZK_MEND_NONE)
		check->at++;
	if (check->at == check->found.n)
		mf_zk_check_reply(check);
	else if (present(check)->mend == ZK_MEND_CREATE)
		create(check);
	else if (present(check)->mend == ZK_MEND_REMOVE)
		remove_it(check);
	else
		exorcise(check);
}
