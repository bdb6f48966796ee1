/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong around the ZooKeeper coordinator, case by case. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/fakezk_site.h"
#include "name.h"
#include "zookeeper/path.h"

#define ROOT "/test/ns"
#define N_SEEDS 5

#define SITE(...) {.root = ROOT, .n_buckets = 4, __VA_ARGS__}

static const struct fakezk_site plain_site = SITE(.lag_max_ms = 2);
/* Few ticks to a timeout: the leader hears seldom of sessions. */
static const struct fakezk_site coarse_site =
	SITE(.tick_ms = FAKEZK_TIMEOUT_MS / 4);
/* Followers that trail far behind. */
static const struct fakezk_site late_site =
	SITE(.lag_min_ms = 150, .lag_max_ms = 200);

#define BACKEND(site, seeds) {FAKEZK_SITE(site, seeds), .patience_ms = 60000}

static const struct conf_backend plain = BACKEND(plain_site, N_SEEDS);
static const struct conf_backend coarse = BACKEND(coarse_site, 60);
static const struct conf_backend late = BACKEND(late_site, N_SEEDS);

/* The folder of the task's claims, or of tasks. */
static const char *folder_of(const char *kind, const char *task)
{
	static char path[256];

	snprintf(path, sizeof(path), ROOT "/%s/%02u", kind,
		 mf_name_hash(task) % 4);
	return path;
}

static const char *in_folder(const char *kind, const char *task,
			     const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder_of(kind, task), name);
	return path;
}

/* --- the namespace ------------------------------------------------------------------ */

static void expect_failure(struct conf *c, int error)
{
	struct rec_node *a = conf_open(c, "a");

	CU_ASSERT(conf_reaches(c, a, METAFORA_SESSION_FAILED));
	CU_ASSERT_EQUAL(a->error, error);
	CU_ASSERT_EQUAL(conf_submit(c, "t"), error);
	CU_ASSERT_EQUAL(conf_reply(c, rec_list(c->client, "", "", 0))->error,
			error);
}

static void refuses_record(struct conf *c, const char *record)
{
	fakezk_put(c->broker, "/test", NULL);
	CU_ASSERT_EQUAL(fakezk_put(c->broker, ROOT, record), ZK_OK);
	expect_failure(c, METAFORA_EVERSION);
	/* It is not ours: nothing was put into it. */
	CU_ASSERT_EQUAL(fakezk_n_children(c->broker, ROOT), 0);
}

static void on_another_version(struct conf *c)
{
	refuses_record(c, "{\"metafora\":2,\"buckets\":4}");
}

static void on_a_foreign_folder(struct conf *c)
{
	refuses_record(c, NULL);
}

static void on_a_broken_record(struct conf *c)
{
	refuses_record(c, "{\"metafora\":1,\"buckets\":0}");
}

static void on_other_buckets(struct conf *c)
{
	refuses_record(c, "{\"metafora\":1,\"buckets\":5}");
}

static void on_a_deleted_namespace(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct conf_answer before;
	struct conf_answer after;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	before = conf_claim(c, a, "t");
	CU_ASSERT_EQUAL(before.result, METAFORA_RESULT_OWNED);
	fakezk_delete_all(c->broker, ROOT);
	CU_ASSERT(conf_is_back(c, a, 1));
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	after = conf_claim(c, a, "t");
	CU_ASSERT_EQUAL(after.result, METAFORA_RESULT_OWNED);
	/* The sequence starts again, the token does not. */
	CU_ASSERT(after.token > before.token);
}

static void on_forbidden_joining(struct conf *c)
{
	struct rec_node *a;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	fakezk_deny(c->broker, ROOT "/nodes");
	a = conf_open(c, "a");
	CU_ASSERT(conf_reaches(c, a, METAFORA_SESSION_FAILED));
	CU_ASSERT_EQUAL(a->error, METAFORA_EAUTH);
	CU_ASSERT_EQUAL(a->n_connected, 0);
	fakezk_deny(c->broker, NULL);
}

static void on_forbidden_claims(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct conf_answer claim;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	fakezk_deny(c->broker, ROOT "/claims");
	claim = conf_claim(c, a, "t");
	CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_FAILED);
	CU_ASSERT_EQUAL(claim.error, METAFORA_EAUTH);
	fakezk_deny(c->broker, NULL);
	claim = conf_claim(c, a, "t");
	CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_OWNED);
	/* A forbidden end leaves it as it was. */
	fakezk_deny(c->broker, ROOT "/claims");
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_RELEASE, "t", &claim),
			METAFORA_RESULT_FAILED);
	fakezk_deny(c->broker, ROOT "/tasks");
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_DONE, "t", &claim),
			METAFORA_RESULT_FAILED);
	CU_ASSERT_EQUAL(conf_submit(c, "u"), METAFORA_EAUTH);
	CU_ASSERT_EQUAL(conf_remove(c, "t"), METAFORA_EAUTH);
	fakezk_deny(c->broker, NULL);
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_DONE, "t", &claim),
			METAFORA_RESULT_ENDED);
	CU_ASSERT_FALSE(conf_exists(c, "t"));
}

/* --- strangers ------------------------------------------------------------------------ */

static void put_junk(struct fakezk *fake, const char *folder)
{
	static const char *const names[] = {
		"%", "a%3ab", "a:b", "a:b:c", "a:b:00000000001", ":", "..x",
		"%00", "t:a:-000000001", "lock-0000000001", "\xff\xfe",
	};
	char path[512];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		CU_ASSERT_EQUAL(fakezk_put(fake, path, "junk"), ZK_OK);
	}
}

static void on_junk(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b;
	struct conf_answer claim;

	put_junk(c->broker, folder_of("tasks", "t"));
	put_junk(c->broker, folder_of("claims", "t"));
	put_junk(c->broker, ROOT "/nodes");
	put_junk(c->broker, ROOT "/commands");
	put_junk(c->broker, ROOT "/commands/a");
	/* Well-formed, but of another bucket. */
	fakezk_put(c->broker, in_folder("tasks", "t", "u"), NULL);
	CU_ASSERT_NOT_EQUAL(mf_name_hash("t") % 4, mf_name_hash("u") % 4);
	b = conf_join(c, "b");
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	claim = conf_claim(c, a, "t");
	CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_OWNED);
	CU_ASSERT(conf_sees_place(c, b, "t", "a", 1));
	CU_ASSERT(conf_sees_n_claims(c, b, 1));
	CU_ASSERT_FALSE(rec_sees_task(b, "u", NULL));
	CU_ASSERT_EQUAL(b->n_members, 2);
	CU_ASSERT_EQUAL(conf_reply(c, rec_nodes(c->client))->n_members, 2);
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_DONE, "t", &claim),
			METAFORA_RESULT_ENDED);
}

static void on_much_junk(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	char path[512];
	int i;

	for (i = 0; i < 20000; i++) {
		snprintf(path, sizeof(path), "%s/:%d",
			 folder_of(i % 2 ? "tasks" : "claims", "t"), i);
		fakezk_put(c->broker, path, NULL);
	}
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
	CU_ASSERT_EQUAL(rec_n_claims(a), 1);
}

static void on_a_task_with_children(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct conf_answer claim;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	claim = conf_claim(c, a, "t");
	fakezk_put(c->broker, in_folder("tasks", "t", "t/child"), NULL);
	/* The claim is not lost over it, and goes when the child is gone. */
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_DONE, "t", &claim),
			METAFORA_RESULT_FAILED);
	fakezk_delete(c->broker, in_folder("tasks", "t", "t/child"));
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_DONE, "t", &claim),
			METAFORA_RESULT_ENDED);
}

/* --- interference with claims ------------------------------------------------------------ */

static bool has_verdict(void *arg)
{
	const struct rec_verdict *wanted = arg;
	const struct rec_node *node = (struct rec_node *)wanted->properties;
	const struct rec_verdict *verdict = rec_verdict_of(
		node, wanted->verb, wanted->attempt);

	return verdict && verdict->result == wanted->result;
}

static bool gets(struct conf *c, struct rec_node *node,
		 const struct conf_answer *claim, enum metafora_result result)
{
	struct rec_verdict wanted = {
		.verb = METAFORA_VERB_CLAIM,
		.result = result,
		.attempt = claim->attempt,
		.properties = node,
	};

	return site_wait(c->site, has_verdict, &wanted, plain.patience_ms);
}

static void on_a_deleted_claim(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct conf_answer claim;
	const char *name;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	claim = conf_claim(c, a, "t");
	name = fakezk_child(c->broker, folder_of("claims", "t"), 0);
	fakezk_delete(c->broker, in_folder("claims", "t", name));
	CU_ASSERT(gets(c, a, &claim, METAFORA_RESULT_VANISHED));
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
}

static bool no_claims(void *fake)
{
	return fakezk_n_children(fake, folder_of("claims", "t")) == 0;
}

static void on_an_orphan_claim(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	char stem[512];

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	snprintf(stem, sizeof(stem), "%s", in_folder("claims", "t", "t:a:"));
	CU_ASSERT_EQUAL(fakezk_put_claim(c->broker, stem, "a"), ZK_OK);
	/* Its session withdraws what nobody runs; others do not touch it. */
	CU_ASSERT(site_wait(c->site, no_claims, c->broker, 5000));
	CU_ASSERT_EQUAL(conf_claim(c, b, "t").result, METAFORA_RESULT_OWNED);
	CU_ASSERT_EQUAL(fakezk_put_claim(c->broker, stem, "b"), ZK_OK);
	site_pass(c->site, 3000);
	CU_ASSERT_EQUAL(rec_n_claims(a), 2);
	CU_ASSERT_EQUAL(rec_n_claims(b), 2);
}

/* Withdraw what may be there, as core does after an unknown outcome. */
static void settle_claim(struct conf *c, struct rec_node *node,
			 struct conf_answer claim)
{
	CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_UNKNOWN);
	CU_ASSERT(conf_reaches(c, node, METAFORA_SESSION_CONNECTED));
	claim.token = 0;
	CU_ASSERT_EQUAL(
		conf_leave(c, node, METAFORA_VERB_WITHDRAW, "t", &claim),
		METAFORA_RESULT_ENDED);
}

/* The server of the next connection has not seen the claim yet. */
static void on_a_late_server_after_a_loss(struct conf *c)
{
	struct rec_node *a;

	fakezk_steer(c->broker, 0);
	a = conf_join(c, "a");
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	site_pass(c->site, 1000);
	fakezk_steer(c->broker, 1);
	fakezk_lose(c->broker, "a", 1, false);
	settle_claim(c, a, conf_claim(c, a, "t"));
	CU_ASSERT(no_claims(c->broker));
}

/* It bears our name, but another session has made it. */
static void on_a_claim_of_an_earlier_session(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	char stem[512];

	conf_join(c, "b");
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	snprintf(stem, sizeof(stem), "%s", in_folder("claims", "t", "t:a:"));
	CU_ASSERT_EQUAL(fakezk_put_claim(c->broker, stem, "b"), ZK_OK);
	fakezk_lose(c->broker, "a", 1, true);
	settle_claim(c, a, conf_claim(c, a, "t"));
	CU_ASSERT_FALSE(no_claims(c->broker));
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_BEATEN);
}

static void on_a_reborn_task(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct conf_answer claim;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	claim = conf_claim(c, a, "t");
	CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_OWNED);
	site_pass(c->site, 100);
	/* Between two looks of the owner: no list ever lacks it. */
	fakezk_delete(c->broker, in_folder("tasks", "t", "t"));
	fakezk_put(c->broker, in_folder("tasks", "t", "t"), "new");
	CU_ASSERT(gets(c, a, &claim, METAFORA_RESULT_GONE));
	/* The end of the old life is not the end of the new one. */
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_DONE, "t", &claim),
			METAFORA_RESULT_ENDED);
	CU_ASSERT(conf_exists(c, "t"));
}

static void on_a_deleted_lease(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");

	fakezk_delete(c->broker, ROOT "/leases/a");
	CU_ASSERT(conf_is_back(c, a, 1));
	fakezk_delete(c->broker, ROOT "/nodes/a");
	CU_ASSERT(conf_is_back(c, a, 2));
}

/* --- sessions ----------------------------------------------------------------------------------- */

static void on_expiry_again_and_again(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	size_t i;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	for (i = 1; i <= 5; i++) {
		rec_enter(a, METAFORA_VERB_CLAIM, "t");
		fakezk_expire(c->broker, "a");
		CU_ASSERT(conf_is_back(c, a, i));
	}
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
}

static void on_expiry_while_joining(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	int i;

	for (i = 0; i < 20; i++) {
		fakezk_expire(c->broker, "a");
		site_pass(c->site, (uint64_t)i * 3);
	}
	CU_ASSERT(conf_reaches(c, a, METAFORA_SESSION_CONNECTED));
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
}

static void on_expiry_during_close(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
	fakezk_expire(c->broker, "a");
	rec_node_close(a);
	CU_ASSERT_EQUAL(a->session_state, METAFORA_SESSION_CLOSED);
	CU_ASSERT(conf_sees_n_claims(c, b, 0));
	CU_ASSERT(conf_sees_member(c, b, "a", false));
}

/* --- names ------------------------------------------------------------------------------------ */

static void on_a_living_namesake(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *second;
	uint64_t begin_ns;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
	begin_ns = site_now_ns(c->site);
	second = conf_open(c, "a");
	CU_ASSERT(conf_reaches(c, second, METAFORA_SESSION_FAILED));
	CU_ASSERT_EQUAL(second->error, METAFORA_EEXIST);
	CU_ASSERT(site_now_ns(c->site) - begin_ns <
		  2 * FAKEZK_TIMEOUT_MS * MF_NS_PER_MS);
	site_pass(c->site, 2 * FAKEZK_TIMEOUT_MS);
	CU_ASSERT_EQUAL(a->n_lost, 0);
	CU_ASSERT(conf_sees_n_claims(c, a, 1));
}

/* The old session lasts a timeout and a tick; a proven lease half of one. */
static void on_a_quick_restart(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	uint64_t begin_ns;

	site_pass(c->site, c->seed * 77);
	conf_kill(c, a);
	begin_ns = site_now_ns(c->site);
	CU_ASSERT(conf_is_back(c, conf_open(c, "a"), 0));
	CU_ASSERT(site_now_ns(c->site) - begin_ns <
		  (FAKEZK_TIMEOUT_MS * 3 / 2 + 2 * FAKEZK_TICK_MS) * MF_NS_PER_MS);
}

/* --- no server -------------------------------------------------------------------------------- */

static void on_no_server(struct conf *c)
{
	struct rec_node *a;

	fakezk_cut(c->broker, NULL, true);
	a = conf_open(c, "a");
	site_pass(c->site, 100000);
	CU_ASSERT_FALSE(a->has_session_state);
	fakezk_cut(c->broker, NULL, false);
	CU_ASSERT(conf_is_back(c, a, 0));
}

static void on_close_without_a_server(struct conf *c)
{
	struct rec_node *a;

	fakezk_cut(c->broker, NULL, true);
	a = conf_open(c, "a");
	site_pass(c->site, 500);
	rec_node_close(a);
	CU_ASSERT_EQUAL(a->session_state, METAFORA_SESSION_CLOSED);
}

/* --- leases --------------------------------------------------------------------------------------- */

static bool is_gone(void *fake)
{
	return fakezk_n_children(fake, ROOT "/leases") == 1;
}

/*
 * The follower goes on to answer reads and pings of its client, although the
 * leader hears nothing of it: the session ends there first.
 */
static void on_a_cut_off_follower(struct conf *c)
{
	struct rec_node *a;
	struct rec_node *b;

	fakezk_steer(c->broker, 0);
	b = conf_join(c, "b");
	fakezk_steer(c->broker, 1);
	a = conf_join(c, "a");
	CU_ASSERT_PTR_NOT_NULL(b);
	site_pass(c->site, 700 + c->seed * 97);
	fakezk_isolate(c->broker, 1, true);
	CU_ASSERT(site_wait(c->site, is_gone, c->broker,
			    10 * FAKEZK_TIMEOUT_MS));
	CU_ASSERT(site_now_ns(c->site) >= a->lease_ns);
	fakezk_isolate(c->broker, 1, false);
	CU_ASSERT(conf_is_back(c, a, 1));
}

static bool has_later_lease(void *arg)
{
	const struct rec_verdict *than = arg; /* node, and the lease as token */
	const struct rec_node *node = than->properties;

	return node->lease_ns > than->token;
}

/*
 * An acknowledged write is no proof by itself: the follower may not have told
 * the leader of the session for half a tick before it.
 */
static void on_a_follower_cut_off_after_a_write(struct conf *c)
{
	struct rec_verdict than = { 0 };
	struct rec_node *a;

	fakezk_steer(c->broker, 0);
	conf_join(c, "b");
	fakezk_steer(c->broker, 1);
	a = conf_join(c, "a");
	site_pass(c->site, 2000 + c->seed * 31);
	than.properties = a;
	than.token = a->lease_ns;
	CU_ASSERT(site_wait(c->site, has_later_lease, &than, 5000));
	fakezk_isolate(c->broker, 1, true);
	CU_ASSERT(site_wait(c->site, is_gone, c->broker,
			    10 * FAKEZK_TIMEOUT_MS));
	CU_ASSERT(site_now_ns(c->site) >= a->lease_ns);
	fakezk_isolate(c->broker, 1, false);
	CU_ASSERT(conf_is_back(c, a, 1));
}

static void on_an_idle_cluster(struct conf *c)
{
	uint64_t before;
	uint64_t n;

	conf_join(c, "a");
	site_pass(c->site, 5000);
	before = fakezk_zxid(c->broker);
	site_pass(c->site, 100 * FAKEZK_TIMEOUT_MS);
	n = fakezk_zxid(c->broker) - before;
	/* One write a little less often than each quarter of the timeout. */
	CU_ASSERT(n > 100 * 3 && n <= 100 * 4);
}

/* --- capacity --------------------------------------------------------------------------------------- */

#define N_LONG 4000

static size_t count_results(struct rec_node *node, uint64_t first, int result)
{
	size_t n = 0;
	size_t i;

	for (i = 0; i < N_LONG; i++) {
		const struct rec_verdict *verdict = rec_verdict_of(
			node, METAFORA_VERB_CLAIM, first + i);

		n += verdict && (int)verdict->result == result;
	}
	return n;
}

static bool shows_capacity(void *arg)
{
	const struct rec_member *member = rec_sees_member(arg, "a");

	return member && member->capacity > 0;
}

static bool shows_no_capacity(void *arg)
{
	return !shows_capacity(arg);
}

static void on_a_full_session(struct conf *c)
{
	static char ids[N_LONG][METAFORA_TASK_ID_MAX + 1];
	static const char *tasks[N_LONG];
	static struct metafora_submission submissions[N_LONG];
	struct rec_node *a = conf_join(c, "a");
	const struct rec_verdict *verdict;
	uint64_t first;
	size_t n_owned;
	size_t i;

	for (i = 0; i < N_LONG; i++) {
		memset(ids[i], 'x', METAFORA_TASK_ID_MAX);
		ids[i][snprintf(ids[i], 8, "%06zu", i)] = 'x';
		tasks[i] = ids[i];
		submissions[i] = (struct metafora_submission){ids[i], "", 0};
	}
	CU_ASSERT_EQUAL(conf_reply(c, rec_submit(c->client, submissions,
						 N_LONG))->error, 0);
	first = rec_enter_many(a, METAFORA_VERB_CLAIM, tasks, N_LONG);
	CU_ASSERT(conf_all_answered(c, a));
	n_owned = count_results(a, first, METAFORA_RESULT_OWNED);
	CU_ASSERT(n_owned > 3000 && n_owned < N_LONG);
	CU_ASSERT_EQUAL(count_results(a, first, METAFORA_RESULT_FAILED),
			N_LONG - n_owned);
	verdict = rec_verdict_of(a, METAFORA_VERB_CLAIM, first + N_LONG - 1);
	CU_ASSERT_EQUAL(verdict->error, METAFORA_EFULL);
	CU_ASSERT(site_wait(c->site, shows_capacity, a, 10000));
	/* With room again it is limited no more. */
	for (i = 0; i < n_owned / 2; i++) {
		verdict = rec_verdict_of(a, METAFORA_VERB_CLAIM, first + i);
		rec_leave(a, METAFORA_VERB_RELEASE, tasks[i], first + i,
			  verdict->token);
	}
	CU_ASSERT(conf_all_answered(c, a));
	CU_ASSERT(site_wait(c->site, shows_no_capacity, a, 10000));
	CU_ASSERT_EQUAL(conf_claim(c, a, tasks[N_LONG - 1]).result,
			METAFORA_RESULT_OWNED);
}

/* --- commands ----------------------------------------------------------------------------------------- */

static bool no_commands(void *fake)
{
	return fakezk_n_children(fake, ROOT "/commands/a") == 0;
}

static void on_commands_for_others(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");

	/* Left behind for an earlier life: removed, never given to core. */
	CU_ASSERT_EQUAL(fakezk_put(c->broker, ROOT
				   "/commands/a/00000000000000aa:"
				   "00000000000000bb:1:0000000000", "old"),
			ZK_OK);
	CU_ASSERT(site_wait(c->site, no_commands, c->broker, 10000));
	CU_ASSERT_EQUAL(a->n_commands, 0);
	rec_node_close(a);
	/* Who leaves leaves no folder. */
	CU_ASSERT_FALSE(fakezk_exists(c->broker, ROOT "/commands/a"));
}

#define CASES(X)                                                              \
	X(plain, on_another_version, "a namespace of another version is refused") \
	X(plain, on_a_foreign_folder, "a folder that is no namespace is refused") \
	X(plain, on_a_broken_record, "a broken layout record is refused")     \
	X(plain, on_other_buckets, "another number of buckets is refused")    \
	X(plain, on_a_deleted_namespace,                                      \
	  "a namespace deleted under a node is made again, tokens grow")      \
	X(plain, on_forbidden_joining, "a node that may not join fails for good") \
	X(plain, on_forbidden_claims, "what an ACL forbids fails and can be repeated") \
	X(plain, on_junk, "junk in the folders is ignored")                   \
	X(plain, on_much_junk, "20,000 strange children are ignored")         \
	X(plain, on_a_task_with_children, "a task with children cannot be done") \
	X(plain, on_a_deleted_claim, "a claim that somebody deletes has vanished") \
	X(plain, on_an_orphan_claim, "a claim without a runner is withdrawn") \
	X(plain, on_a_reborn_task, "a task deleted and made again is noticed") \
	X(plain, on_a_deleted_lease, "a node whose lease or record is deleted joins again") \
	X(plain, on_expiry_again_and_again, "sessions may expire again and again") \
	X(plain, on_expiry_while_joining, "a session may expire while it joins") \
	X(plain, on_expiry_during_close, "a session may expire while it closes") \
	X(plain, on_a_living_namesake,                                        \
	  "a living namesake keeps a node out within two timeouts")           \
	X(plain, on_a_quick_restart,                                          \
	  "a crashed node's name is free as soon as its session is gone")     \
	X(plain, on_no_server, "a node joins when a server appears")          \
	X(plain, on_close_without_a_server, "close ends without any server")  \
	X(plain, on_a_cut_off_follower,                                       \
	  "a lease ends before the session, on a follower that is cut off")   \
	X(plain, on_a_claim_of_an_earlier_session,                            \
	  "a claim of an earlier session of the name is left alone")          \
	X(plain, on_an_idle_cluster, "an idle node makes its lease writes only") \
	X(plain, on_a_full_session, "a full session claims no more, and says so") \
	X(plain, on_commands_for_others, "commands for an earlier life are removed") \
	X(late, on_a_late_server_after_a_loss,                                \
	  "an unknown outcome is settled although the next server is late")   \
	X(coarse, on_a_follower_cut_off_after_a_write,                        \
	  "a lease ends before the session, cut off right after a write")

CASES(CONF_STAMP_OWN)

/* clang-format off */
static const struct tap_case cases[] = {
	CASES(CONF_ROW_OWN)
};
/* clang-format on */

TAP_MAIN(cases, NULL, NULL)
