/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks for what is not as it should be in a namespace.  What can be seen for
 * a moment in a healthy cluster, too, as reads are not made at one instant,
 * counts only if a second look a little later shows it again.
 */
#include "client_check.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#include "member.h"

#define NS_PER_MS 1000000ULL
/* Between the two looks. */
#define PAUSE_NS (3000 * NS_PER_MS)
/* More than this is a sum, not a list. */
#define FOUND_MAX 10000

static const char *const folders[] = {
	"nodes", "leases", "commands", "tasks", "claims",
};
#define N_FOLDERS (sizeof(folders) / sizeof(folders[0]))

/* --- lists ---------------------------------------------------------------------- */

static void clear_found(struct zk_found_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		free(list->found[i].path);
	free(list->found);
	*list = (struct zk_found_list){0};
}

static int add_found(struct zk_found_list *list, const struct zk_found *found)
{
	size_t n_room = list->n_room ? 2 * list->n_room : 16;
	struct zk_found *larger;

	if (list->n == list->n_room) {
		larger = realloc(list->found, n_room * sizeof(*larger));
		if (!larger)
			return METAFORA_ENOMEM;
		list->found = larger;
		list->n_room = n_room;
	}
	list->found[list->n++] = *found;
	return 0;
}

static void clear_registers(struct zk_register_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		free(list->rows[i].name);
	free(list->rows);
	*list = (struct zk_register_list){0};
}

static int by_name(const void *a, const void *b)
{
	const struct zk_register *x = a;
	const struct zk_register *y = b;

	return strcmp(x->name, y->name);
}

/* Sorted once all are read. */
const struct zk_register *mf_zk_find(const struct zk_register_list *list,
				     const char *name)
{
	const struct zk_register key = {.name = (char *)(uintptr_t)name};

	if (!list->n)
		return NULL;
	return bsearch(&key, list->rows, list->n, sizeof(key), by_name);
}

static bool was_suspect(const struct zk_check *check, const char *path,
			const char *what)
{
	size_t i;

	for (i = 0; i < check->suspects.n; i++)
		if (check->suspects.found[i].what == what &&
		    strcmp(check->suspects.found[i].path, path) == 0)
			return true;
	return false;
}

void mf_zk_check_note(struct zk_check *check, char *path, const char *what,
		      enum zk_mend mend, int32_t version, bool fleeting)
{
	const struct zk_found found = {
		.path = path,
		.what = what,
		.mend = mend,
		.version = version,
		.fleeting = fleeting,
		.remedy = mend == ZK_MEND_NONE ? METAFORA_REMEDY_NONE
					       : METAFORA_REMEDY_POSSIBLE,
	};

	if (!path) {
		mf_zk_job_fail(&check->job, METAFORA_ENOMEM);
		return;
	}
	if (fleeting && check->phase == ZK_CHECK_SECOND &&
	    !was_suspect(check, path, what)) {
		free(path);
		return;
	}
	if (check->found.n == FOUND_MAX) {
		check->found.overflowed = true;
		free(path);
		return;
	}
	if (add_found(&check->found, &found)) {
		free(path);
		mf_zk_job_fail(&check->job, METAFORA_ENOMEM);
	}
}

/* --- stages ----------------------------------------------------------------------- */

void mf_zk_check_stage(struct zk_check *check,
		       void (*next)(struct zk_check *check))
{
	check->n_left = 1;
	check->next = next;
}

void mf_zk_check_done(struct zk_check *check)
{
	if (!check->job.over && --check->n_left == 0)
		check->next(check);
}

void mf_zk_check_read(struct zk_check *check, char *path,
		      enum zk_request_kind kind,
		      void (*done)(struct zk_job *, struct zk_step *))
{
	struct zk_step *step;

	if (check->job.over) {
		free(path);
		return;
	}
	step = mf_zk_step(&check->job, path, 0, done);
	if (!step)
		return;
	check->n_left++;
	mf_zk_step_read(step, kind, false);
}

/* --- the root ------------------------------------------------------------------------ */

static void read_registers(struct zk_check *check);

static bool has_name(const struct zk_request *request, const char *name)
{
	size_t i;

	for (i = 0; i < request->n_names; i++)
		if (strcmp(request->names[i], name) == 0)
			return true;
	return false;
}

/*
 * A folder that claims were made in is not to be replaced: a new one counts
 * from 0, so tokens would go back, and a store that trusts them be deceived.
 */
static void note_missing(struct zk_check *check, char *path, bool of_claims)
{
	mf_zk_check_note(check, path,
			 of_claims ? ZK_CLAIMS_MISSING : "folder is missing",
			 of_claims ? ZK_MEND_NONE : ZK_MEND_CREATE, 0, false);
}

static void on_root(struct zk_job *job, struct zk_step *step)
{
	struct zk_check *check = (struct zk_check *)job;
	const struct zk_request *request = &step->call.request;
	const char *root = mf_zk_job_root(job);
	size_t i, f;

	if (!mf_zk_step_ok(job, step, false))
		return;
	for (i = 0; i < request->n_names; i++) {
		for (f = 0; f < N_FOLDERS; f++)
			if (strcmp(request->names[i], folders[f]) == 0)
				break;
		if (f == N_FOLDERS)
			mf_zk_check_note(check,
					 mf_zk_path(root, request->names[i]),
					 "is not of this library", ZK_MEND_NONE,
					 0, false);
	}
	for (f = 0; f < N_FOLDERS; f++)
		if (!has_name(request, folders[f]))
			note_missing(check, mf_zk_path(root, folders[f]),
				     f == N_FOLDERS - 1);
	mf_zk_check_done(check);
}

static void look(struct zk_check *check)
{
	clear_found(&check->found);
	clear_registers(&check->members);
	clear_registers(&check->leases);
	mf_zk_check_forget_bucket(check);
	if (mf_zk_step_sync(&check->job))
		return;
	mf_zk_check_stage(check, read_registers);
	mf_zk_check_read(check, strdup(mf_zk_job_root(&check->job)),
			 ZK_READ_CHILDREN, on_root);
	mf_zk_check_done(check);
}

/* --- members and leases ---------------------------------------------------------------- */

static void judge_registers(struct zk_check *check);

static int add_register(struct zk_register_list *list, const char *name,
			int64_t session)
{
	struct zk_register *row = &list->rows[list->n];

	row->name = strdup(name);
	row->session = session;
	if (!row->name)
		return METAFORA_ENOMEM;
	list->n++;
	return 0;
}

static const char *last_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

/* Whether it counts: a node's, and ephemeral. */
static bool is_proper(struct zk_check *check, const struct zk_step *step)
{
	const struct zk_request *request = &step->call.request;
	char name[METAFORA_NODE_NAME_MAX + 1];

	if (!mf_zk_parse_node(mf_zk_job_host(&check->job), last_of(step->path),
			      name)) {
		mf_zk_check_note(check, strdup(step->path),
				 "name is no node's: it is passed over",
				 ZK_MEND_NONE, 0, false);
		return false;
	}
	/*
	 * Not removed: if somebody else did so first and a node of that name
	 * came, its own would be hit.  They may differ by nothing that a write
	 * can ask for: ZooKeeper compares the version, not who made it when.
	 */
	if (!request->stat.ephemeral_owner) {
		mf_zk_check_note(check, strdup(step->path),
				 "is not ephemeral: no node has made it, and "
				 "it never ends; remove it",
				 ZK_MEND_NONE, 0, false);
		return false;
	}
	return true;
}

static void check_record(struct zk_check *check, const struct zk_step *step)
{
	const struct zk_request *request = &step->call.request;
	struct metafora_member_record record;
	void *owner;
	int error = mf_zk_member_decode(request->data, request->size_bytes,
					&record, &owner);

	if (!error)
		mf_zk_member_free(owner);
	else if (error == METAFORA_ENOMEM)
		mf_zk_job_fail(&check->job, error);
	else
		mf_zk_check_note(check, strdup(step->path),
				 "member record is malformed: the node is "
				 "passed over",
				 ZK_MEND_NONE, 0, false);
}

static void on_register(struct zk_check *check, struct zk_step *step,
			struct zk_register_list *list)
{
	const struct zk_request *request = &step->call.request;

	if (!mf_zk_step_ok(&check->job, step, true))
		return;
	if (request->code == ZK_OK && is_proper(check, step)) {
		if (list == &check->members)
			check_record(check, step);
		if (add_register(list, last_of(step->path),
				 request->stat.ephemeral_owner))
			mf_zk_job_fail(&check->job, METAFORA_ENOMEM);
	}
	mf_zk_check_done(check);
}

static void on_member(struct zk_job *job, struct zk_step *step)
{
	struct zk_check *check = (struct zk_check *)job;

	on_register(check, step, &check->members);
}

static void on_lease(struct zk_job *job, struct zk_step *step)
{
	struct zk_check *check = (struct zk_check *)job;

	on_register(check, step, &check->leases);
}

static void on_names(struct zk_check *check, struct zk_step *step,
		     struct zk_register_list *list)
{
	const struct zk_request *request = &step->call.request;
	bool is_members = list == &check->members;
	size_t i;

	if (!mf_zk_step_ok(&check->job, step, true))
		return;
	list->rows = calloc(request->n_names + 1, sizeof(*list->rows));
	if (!list->rows) {
		mf_zk_job_fail(&check->job, METAFORA_ENOMEM);
		return;
	}
	for (i = 0; i < request->n_names; i++)
		mf_zk_check_read(check,
				 mf_zk_path(step->path, request->names[i]),
				 is_members ? ZK_READ_DATA : ZK_READ_STAT,
				 is_members ? on_member : on_lease);
	mf_zk_check_done(check);
}

static void on_member_names(struct zk_job *job, struct zk_step *step)
{
	struct zk_check *check = (struct zk_check *)job;

	on_names(check, step, &check->members);
}

static void on_lease_names(struct zk_job *job, struct zk_step *step)
{
	struct zk_check *check = (struct zk_check *)job;

	on_names(check, step, &check->leases);
}

static void read_registers(struct zk_check *check)
{
	const char *root = mf_zk_job_root(&check->job);

	mf_zk_check_stage(check, judge_registers);
	mf_zk_check_read(check, mf_zk_path(root, "nodes"), ZK_READ_CHILDREN,
			 on_member_names);
	mf_zk_check_read(check, mf_zk_path(root, "leases"), ZK_READ_CHILDREN,
			 on_lease_names);
	mf_zk_check_done(check);
}

static void read_commands(struct zk_check *check);

static void judge_registers(struct zk_check *check)
{
	const char *root = mf_zk_job_root(&check->job);
	const struct zk_register *other;
	size_t i;

	if (check->members.n)
		qsort(check->members.rows, check->members.n,
		      sizeof(*check->members.rows), by_name);
	if (check->leases.n)
		qsort(check->leases.rows, check->leases.n,
		      sizeof(*check->leases.rows), by_name);
	for (i = 0; i < check->members.n; i++) {
		const struct zk_register *member = &check->members.rows[i];

		other = mf_zk_find(&check->leases, member->name);
		if (!other || other->session != member->session)
			mf_zk_check_note(check,
					 mf_zk_path_member(root, member->name),
					 "member has no lease of its session",
					 ZK_MEND_NONE, 0, true);
	}
	for (i = 0; i < check->leases.n; i++) {
		const struct zk_register *lease = &check->leases.rows[i];

		if (!mf_zk_find(&check->members, lease->name))
			mf_zk_check_note(check,
					 mf_zk_path_lease(root, lease->name),
					 "lease of a node that is no member",
					 ZK_MEND_NONE, 0, true);
	}
	if (!check->job.over)
		read_commands(check);
}

/* --- commands ---------------------------------------------------------------------------- */

static void on_commands(struct zk_job *job, struct zk_step *step)
{
	struct zk_check *check = (struct zk_check *)job;
	const struct zk_request *request = &step->call.request;

	if (!mf_zk_step_ok(job, step, true))
		return;
	/* Empty folders are left behind as long as it may come back. */
	if (request->code == ZK_OK && request->n_names > 0)
		mf_zk_check_note(check, strdup(step->path),
				 "commands for a node that does not live",
				 ZK_MEND_EXORCISE, 0, true);
	mf_zk_check_done(check);
}

static void on_command_folders(struct zk_job *job, struct zk_step *step)
{
	struct zk_check *check = (struct zk_check *)job;
	const struct zk_request *request = &step->call.request;
	char name[METAFORA_NODE_NAME_MAX + 1];
	size_t i;

	if (!mf_zk_step_ok(job, step, true))
		return;
	for (i = 0; i < request->n_names; i++) {
		char *path = mf_zk_path(step->path, request->names[i]);

		if (!mf_zk_parse_node(mf_zk_job_host(job), request->names[i],
				      name))
			mf_zk_check_note(check, path,
					 "name is no node's: it is passed over",
					 ZK_MEND_NONE, 0, false);
		else if (!mf_zk_find(&check->members, request->names[i]) &&
			 !mf_zk_find(&check->leases, request->names[i]))
			mf_zk_check_read(check, path, ZK_READ_CHILDREN,
					 on_commands);
		else
			free(path);
	}
	mf_zk_check_done(check);
}

static void read_commands(struct zk_check *check)
{
	mf_zk_check_stage(check, mf_zk_check_buckets);
	mf_zk_check_read(check,
			 mf_zk_path(mf_zk_job_root(&check->job), "commands"),
			 ZK_READ_CHILDREN, on_command_folders);
	mf_zk_check_done(check);
}

/* --- the end -------------------------------------------------------------------------------- */

void mf_zk_check_reply(struct zk_check *check)
{
	struct metafora_reply reply = {0};
	struct metafora_finding *findings =
		calloc(check->found.n + 1, sizeof(*findings));
	size_t i;

	if (!findings) {
		mf_zk_job_fail(&check->job, METAFORA_ENOMEM);
		return;
	}
	for (i = 0; i < check->found.n; i++)
		findings[i] = (struct metafora_finding){
			.path = check->found.found[i].path,
			.what = check->found.found[i].what,
			.remedy = check->found.found[i].remedy,
			.error = check->found.found[i].error,
		};
	reply.findings = findings;
	reply.n_findings = check->found.n;
	reply.more = check->found.overflowed;
	mf_zk_job_reply(&check->job, &reply);
	free(findings);
}

static void on_pause_over(void *arg)
{
	struct zk_check *check = arg;

	if (check->phase != ZK_CHECK_PAUSE)
		return;
	check->phase = ZK_CHECK_SECOND;
	mf_zk_job_wake(&check->job);
}

static bool has_fleeting(const struct zk_check *check)
{
	size_t i;

	for (i = 0; i < check->found.n; i++)
		if (check->found.found[i].fleeting)
			return true;
	return false;
}

void mf_zk_check_looked(struct zk_check *check)
{
	const struct metafora_host *host = mf_zk_job_host(&check->job);

	if (check->phase == ZK_CHECK_FIRST && has_fleeting(check)) {
		clear_found(&check->suspects);
		check->suspects = check->found;
		check->found = (struct zk_found_list){0};
		check->phase = ZK_CHECK_PAUSE;
		host->timer_set(host, check->timer,
				host->now_ns(host) + PAUSE_NS);
		return;
	}
	check->phase = ZK_CHECK_MEND;
	check->at = 0;
	if (check->repair)
		mf_zk_check_mend(check);
	else
		mf_zk_check_reply(check);
}

/* --- the job --------------------------------------------------------------------------------- */

/* First, after a lost connection, or when the pause is over. */
static void run(struct zk_job *job)
{
	struct zk_check *check = (struct zk_check *)job;

	if (check->phase == ZK_CHECK_MEND)
		mf_zk_check_mend(check);
	else if (check->phase != ZK_CHECK_PAUSE)
		look(check);
}

static void free_check(struct zk_job *job)
{
	struct zk_check *check = (struct zk_check *)job;
	const struct metafora_host *host = mf_zk_job_host(job);

	clear_found(&check->found);
	clear_found(&check->suspects);
	clear_registers(&check->members);
	clear_registers(&check->leases);
	mf_zk_check_forget_bucket(check);
	mf_zk_check_forget_ops(check);
	if (check->timer)
		host->timer_free(host, check->timer);
	free(check);
}

void mf_zk_client_check(void *state, uint64_t request, bool repair)
{
	static const struct zk_job_ops ops = {
		.run = run,
		.free = free_check,
	};
	struct zk_client *client = state;
	const struct metafora_host *host = client->session.host;
	struct zk_check *check = calloc(1, sizeof(*check));

	if (check) {
		check->repair = repair;
		if (host->timer_new(host, on_pause_over, check,
				    &check->timer)) {
			free(check);
			check = NULL;
		}
	}
	mf_zk_job_start(client, check ? &check->job : NULL, &ops, request);
}
