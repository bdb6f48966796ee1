/* SPDX-License-Identifier: Apache-2.0 */
/* The check of a namespace: what it finds, mends, and leaves alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "conf/conf.h"
#include "conf/fakezk_site.h"
#include "name.h"
#include "zookeeper/path.h"

#define CHECK_MS 600000
#define ROOT "/ns"
#define BUCKETS 4

static const struct fakezk_site lagging = {
	.root = ROOT,
	.n_buckets = BUCKETS,
	.lag_max_ms = 20,
};

static const struct conf_backend backend = {
	FAKEZK_SITE(lagging, 10),
	.patience_ms = 60000,
};

/* --- a check ---------------------------------------------------------------------- */

#define FINDINGS_MAX 64

/* What the newest check has found. */
static struct {
	bool answered;
	int error;
	size_t n;
	struct {
		char path[1000];
		char what[200];
		enum metafora_remedy remedy;
		int error;
	} rows[FINDINGS_MAX];
} found;

static void on_findings(void *arg, const struct metafora_reply *reply)
{
	size_t i;

	(void)arg;
	found.answered = true;
	found.error = reply->error;
	CU_ASSERT_FATAL(reply->n_findings <= FINDINGS_MAX);
	for (i = 0; i < reply->n_findings; i++) {
		const struct metafora_finding *finding = &reply->findings[i];

		snprintf(found.rows[i].path, sizeof(found.rows[i].path), "%s",
			 finding->path);
		snprintf(found.rows[i].what, sizeof(found.rows[i].what), "%s",
			 finding->what);
		found.rows[i].remedy = finding->remedy;
		found.rows[i].error = finding->error;
	}
	found.n = reply->n_findings;
}

static bool is_answered(void *arg)
{
	(void)arg;
	return found.answered;
}

static struct metafora_client *begin(struct conf *c, bool repair)
{
	struct metafora_client *client;

	CU_ASSERT_EQUAL_FATAL(mf_client_new_on(&c->site->world->runtime,
					       c->coordinator, NULL, NULL, METAFORA_LOG_ERROR,
					       &client),
			      0);
	memset(&found, 0, sizeof(found));
	CU_ASSERT_EQUAL_FATAL(
		mf_client_check(client, repair, CHECK_MS, on_findings, NULL),
		0);
	return client;
}

static void finish(struct conf *c, struct metafora_client *client)
{
	CU_ASSERT(site_wait(c->site, is_answered, NULL, CHECK_MS));
	metafora_client_free(client);
}

static void check(struct conf *c, bool repair)
{
	finish(c, begin(c, repair));
	CU_ASSERT_EQUAL(found.error, 0);
}

/* What was found there; -1: nothing. */
static int remedy_of(const char *path, const char *what)
{
	size_t i;

	for (i = 0; i < found.n; i++)
		if (!strcmp(found.rows[i].path, path) &&
		    strstr(found.rows[i].what, what))
			return found.rows[i].remedy;
	return -1;
}

static void show(void)
{
	size_t i;

	for (i = 0; i < found.n; i++)
		tap_note("%s: %s: %d %d", found.rows[i].path,
			 found.rows[i].what, found.rows[i].remedy,
			 found.rows[i].error);
}

static void expect_nothing(void)
{
	CU_ASSERT_EQUAL(found.n, 0);
	if (found.n)
		show();
}

/* --- cases -------------------------------------------------------------------------- */

static unsigned int bucket_of(const char *task)
{
	return mf_name_hash(task) % BUCKETS;
}

/* In the bucket of the task, or the one behind it. */
static const char *path_in(const char *folder, const char *task,
			   const char *rest, bool wrong)
{
	static char path[300];

	snprintf(path, sizeof(path), ROOT "/%s/%02u/%s%s", folder,
		 (bucket_of(task) + wrong) % BUCKETS, task, rest);
	return path;
}

/* Two nodes, a line, and a claim that is about to be released. */
static void set_scene(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT_EQUAL(conf_submit(c, "u"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
	CU_ASSERT_EQUAL(conf_queue(c, b, "t").result, METAFORA_RESULT_QUEUED);
}

static void all_is_well(struct conf *c)
{
	set_scene(c);
	check(c, false);
	expect_nothing();
	check(c, true);
	expect_nothing();
}

static void put(struct conf *c, const char *path)
{
	CU_ASSERT_EQUAL(fakezk_put(c->broker, path, "x"), ZK_OK);
}

/* What is found of it, and what is left of that by a repair. */
#define N_JUNK 12
#define N_JUNK_LEFT 10

static void put_junk(struct conf *c)
{
	put(c, ROOT "/stranger");
	put(c, ROOT "/nodes/ghost");
	put(c, ROOT "/leases/ghost");
	put(c, ROOT "/nodes/not%encoded");
	put(c, ROOT "/tasks/00/not%encoded");
	put(c, ROOT "/tasks/77");
	put(c, ROOT "/claims/00/junk");
	put(c, path_in("tasks", "v", "", true));
	put(c, path_in("claims", "u", ":a:0000000001", true));
	put(c, path_in("claims", "u", ":a:0000000000", false));
	put(c, path_in("claims", "u", ":c:0000000077", false));
	put(c, ROOT "/commands/dead");
	put(c, ROOT "/commands/dead/00000000000000aa:00000000000000bb:1:"
		    "0000000000");
}

static void expect_junk(enum metafora_remedy mended)
{
	CU_ASSERT_EQUAL(remedy_of(ROOT "/stranger", "not of this library"),
			METAFORA_REMEDY_NONE);
	CU_ASSERT_EQUAL(remedy_of(ROOT "/nodes/not%encoded", "no node's"),
			METAFORA_REMEDY_NONE);
	CU_ASSERT_EQUAL(remedy_of(ROOT "/tasks/00/not%encoded", "no task's"),
			METAFORA_REMEDY_NONE);
	CU_ASSERT_EQUAL(remedy_of(ROOT "/tasks/77", "no bucket"),
			METAFORA_REMEDY_NONE);
	CU_ASSERT_EQUAL(remedy_of(ROOT "/claims/00/junk", "no claim's"),
			METAFORA_REMEDY_NONE);
	CU_ASSERT_EQUAL(
		remedy_of(path_in("tasks", "v", "", true), "wrong bucket"),
		METAFORA_REMEDY_NONE);
	CU_ASSERT_EQUAL(remedy_of(path_in("claims", "u", ":a:0000000001", true),
				  "another bucket"),
			METAFORA_REMEDY_NONE);
	CU_ASSERT_EQUAL(remedy_of(ROOT "/nodes/ghost", "not ephemeral"),
			METAFORA_REMEDY_NONE);
	CU_ASSERT_EQUAL(remedy_of(ROOT "/leases/ghost", "not ephemeral"),
			METAFORA_REMEDY_NONE);
	CU_ASSERT_EQUAL(
		remedy_of(path_in("claims", "u", ":c:0000000077", false),
			  "still to come"),
		METAFORA_REMEDY_NONE);
	CU_ASSERT_EQUAL(
		remedy_of(path_in("claims", "u", ":a:0000000000", false),
			  "not ephemeral"),
		(int)mended);
	CU_ASSERT_EQUAL(remedy_of(ROOT "/commands/dead", "does not live"),
			(int)mended);
	if (found.n != N_JUNK)
		show();
	CU_ASSERT_EQUAL(found.n, N_JUNK);
}

static void junk_is_found(struct conf *c)
{
	uint64_t before;

	set_scene(c);
	put_junk(c);
	check(c, false);
	expect_junk(METAFORA_REMEDY_POSSIBLE);
	/* Nothing was touched. */
	before = found.n;
	check(c, false);
	CU_ASSERT_EQUAL(found.n, before);
	CU_ASSERT(fakezk_exists(c->broker, ROOT "/nodes/ghost"));
}

static void junk_is_mended(struct conf *c)
{
	set_scene(c);
	put_junk(c);
	check(c, true);
	expect_junk(METAFORA_REMEDY_DONE);
	CU_ASSERT_FALSE(fakezk_exists(
		c->broker, path_in("claims", "u", ":a:0000000000", false)));
	CU_ASSERT_FALSE(fakezk_exists(c->broker, ROOT "/leases/dead"));
	CU_ASSERT_FALSE(fakezk_exists(c->broker, ROOT "/commands/dead"));
	CU_ASSERT(fakezk_exists(c->broker, ROOT "/commands/a"));
	CU_ASSERT(fakezk_exists(c->broker, ROOT "/stranger"));
	/* Where what is removed may have become another's. */
	CU_ASSERT(fakezk_exists(c->broker, ROOT "/nodes/ghost"));
	CU_ASSERT(fakezk_exists(c->broker, ROOT "/leases/ghost"));
	CU_ASSERT(fakezk_exists(
		c->broker, path_in("claims", "u", ":c:0000000077", false)));
	check(c, true);
	CU_ASSERT_EQUAL(found.n, N_JUNK_LEFT);
	/* The nodes have lost nothing by it. */
	CU_ASSERT_EQUAL(c->nodes[0]->n_lost, 0);
	CU_ASSERT(conf_sees_place(c, c->nodes[1], "t", "a", 1));
	CU_ASSERT_EQUAL(conf_claim(c, c->nodes[1], "u").result,
			METAFORA_RESULT_OWNED);
}

#define N_LEFT 250

static void many_commands_are_removed(struct conf *c)
{
	char path[128];
	int i;

	conf_join(c, "a");
	put(c, ROOT "/commands/dead");
	for (i = 0; i < N_LEFT; i++) {
		snprintf(path, sizeof(path),
			 ROOT "/commands/dead/00000000000000aa:"
			      "00000000000000bb:1:%010d",
			 i);
		put(c, path);
	}
	check(c, true);
	CU_ASSERT_EQUAL(found.n, 1);
	CU_ASSERT_EQUAL(remedy_of(ROOT "/commands/dead", "does not live"),
			METAFORA_REMEDY_DONE);
	CU_ASSERT_FALSE(fakezk_exists(c->broker, ROOT "/commands/dead"));
}

/*
 * Its lease is taken at each of many moments around the second look.  If that
 * did not see it, the write must.
 */
static void a_living_node_keeps_its_commands(struct conf *c)
{
	const char *path = ROOT "/commands/b/00000000000000aa:"
				"00000000000000bb:1:0000000000";
	struct metafora_client *client;
	unsigned int n_kept = 0;
	bool was_there;
	uint64_t ms;

	conf_join(c, "a");
	for (ms = 2990; ms < 3090; ms += 2) {
		fakezk_put(c->broker, ROOT "/commands/b", NULL);
		fakezk_put(c->broker, path, NULL);
		client = begin(c, true);
		site_pass(c->site, ms);
		was_there = fakezk_exists(c->broker, path);
		put(c, ROOT "/leases/b");
		finish(c, client);
		if (remedy_of(ROOT "/leases/b", "not ephemeral") < 0) {
			CU_ASSERT_EQUAL(fakezk_exists(c->broker, path),
					was_there);
			n_kept += was_there;
		}
		fakezk_delete(c->broker, ROOT "/leases/b");
	}
	CU_ASSERT(n_kept > 0);
}

/* A claim that is there at the first look only. */
static void what_is_fleeting_does_not_count(struct conf *c)
{
	struct metafora_client *client;
	char claim[1000];

	conf_join(c, "a");
	CU_ASSERT_EQUAL(fakezk_put_claim(c->broker,
					 path_in("claims", "w", ":z:", false),
					 "a"),
			ZK_OK);
	check(c, false);
	CU_ASSERT_EQUAL(found.n, 2);
	CU_ASSERT_EQUAL(remedy_of(found.rows[0].path, "does not exist"),
			METAFORA_REMEDY_NONE);
	CU_ASSERT_EQUAL(remedy_of(found.rows[0].path, "no member's"),
			METAFORA_REMEDY_NONE);
	snprintf(claim, sizeof(claim), "%s", found.rows[0].path);
	client = begin(c, true);
	site_pass(c->site, 1000);
	CU_ASSERT_FALSE(found.answered);
	CU_ASSERT_EQUAL(fakezk_delete(c->broker, claim), ZK_OK);
	finish(c, client);
	CU_ASSERT_EQUAL(found.error, 0);
	expect_nothing();
}

static void missing_folders_are_made(struct conf *c)
{
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	fakezk_delete_all(c->broker, ROOT "/tasks");
	fakezk_delete_all(c->broker, ROOT "/leases");
	check(c, true);
	CU_ASSERT_EQUAL(found.n, 2 + BUCKETS);
	CU_ASSERT_EQUAL(remedy_of(ROOT "/tasks", "missing"),
			METAFORA_REMEDY_DONE);
	CU_ASSERT_EQUAL(remedy_of(ROOT "/tasks/03", "missing"),
			METAFORA_REMEDY_DONE);
	check(c, false);
	expect_nothing();
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
}

/* Tokens must not go back. */
static void a_missing_claims_folder_stays_missing(struct conf *c)
{
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	fakezk_delete_all(c->broker, ROOT "/claims/02");
	check(c, true);
	CU_ASSERT_EQUAL(found.n, 1);
	CU_ASSERT_EQUAL(remedy_of(ROOT "/claims/02", "tokens"),
			METAFORA_REMEDY_NONE);
	CU_ASSERT_FALSE(fakezk_exists(c->broker, ROOT "/claims/02"));
	fakezk_delete_all(c->broker, ROOT "/claims");
	check(c, true);
	CU_ASSERT_EQUAL(found.n, 1);
	CU_ASSERT_EQUAL(remedy_of(ROOT "/claims", "tokens"),
			METAFORA_REMEDY_NONE);
}

static void odd_tasks_are_told(struct conf *c)
{
	char *large = malloc(METAFORA_PROPERTIES_MAX + 2);

	CU_ASSERT_PTR_NOT_NULL_FATAL(large);
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	memset(large, 'x', METAFORA_PROPERTIES_MAX + 1);
	large[METAFORA_PROPERTIES_MAX + 1] = '\0';
	CU_ASSERT_EQUAL(fakezk_put(c->broker,
				   path_in("tasks", "large", "", false), large),
			ZK_OK);
	put(c, path_in("tasks", "t", "/child", false));
	/* On all servers. */
	site_pass(c->site, 1000);
	fakezk_set_sequence(c->broker, ROOT "/claims/01",
			    ZK_SEQUENCE_MAX - 1000);
	check(c, false);
	CU_ASSERT_EQUAL(found.n, 3);
	CU_ASSERT_EQUAL(remedy_of(path_in("tasks", "large", "", false),
				  "larger than the limit"),
			METAFORA_REMEDY_NONE);
	CU_ASSERT_EQUAL(
		remedy_of(path_in("tasks", "t", "", false), "has children"),
		METAFORA_REMEDY_NONE);
	CU_ASSERT_EQUAL(remedy_of(ROOT "/claims/01", "near its end"),
			METAFORA_REMEDY_NONE);
	free(large);
}

static void a_lost_connection_is_survived(struct conf *c)
{
	struct metafora_client *client;
	int i;

	set_scene(c);
	put_junk(c);
	client = begin(c, true);
	for (i = 0; i < 40 && !found.answered; i++) {
		site_pass(c->site, 100);
		fakezk_reset(c->broker, NULL);
	}
	finish(c, client);
	CU_ASSERT_EQUAL(found.error, 0);
	/* Outcomes may be unknown; what was known is right. */
	check(c, true);
	check(c, true);
	CU_ASSERT_EQUAL(found.n, N_JUNK_LEFT);
}

static void a_refused_repair_says_so(struct conf *c)
{
	conf_join(c, "a");
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	put(c, path_in("claims", "t", ":z:0000000000", false));
	fakezk_deny(c->broker, ROOT "/claims");
	check(c, true);
	CU_ASSERT_EQUAL(found.n, 1);
	CU_ASSERT_EQUAL(
		remedy_of(path_in("claims", "t", ":z:0000000000", false),
			  "not ephemeral"),
		METAFORA_REMEDY_FAILED);
	CU_ASSERT_EQUAL(found.rows[0].error, METAFORA_EAUTH);
	fakezk_deny(c->broker, NULL);
}

static void a_cancelled_check_leaves_nothing(struct conf *c)
{
	struct metafora_client *client;

	conf_join(c, "a");
	CU_ASSERT_EQUAL(fakezk_put_claim(c->broker,
					 path_in("claims", "w", ":z:", false),
					 "a"),
			ZK_OK);
	/* Within the pause. */
	client = begin(c, true);
	site_pass(c->site, 1000);
	CU_ASSERT_FALSE(found.answered);
	metafora_client_free(client);
	CU_ASSERT(found.answered);
	CU_ASSERT_EQUAL(found.error, METAFORA_ESTOPPED);
}

#define CASES(X)                                                              \
	X(backend, all_is_well, "in a healthy cluster nothing is found")      \
	X(backend, junk_is_found, "junk is found and, without repair, left alone") \
	X(backend, junk_is_mended, "repair removes what can be no node's, no more") \
	X(backend, many_commands_are_removed, "many commands of a dead node go") \
	X(backend, a_living_node_keeps_its_commands,                          \
	  "commands of who holds a lease are left alone")                     \
	X(backend, what_is_fleeting_does_not_count,                           \
	  "what a second look does not show does not count")                  \
	X(backend, missing_folders_are_made, "missing folders are made")      \
	X(backend, a_missing_claims_folder_stays_missing,                     \
	  "a missing folder of claims is told, not made")                     \
	X(backend, odd_tasks_are_told, "odd tasks and spent counters are told") \
	X(backend, a_lost_connection_is_survived, "a lost connection is survived") \
	X(backend, a_refused_repair_says_so, "a refused repair says so")      \
	X(backend, a_cancelled_check_leaves_nothing, "a cancelled check leaves " \
					    "nothing")

CASES(CONF_STAMP_OWN)

/* clang-format off */
static const struct tap_case cases[] = {
	CASES(CONF_ROW_OWN)
};
/* clang-format on */

TAP_MAIN(cases, NULL, NULL)
