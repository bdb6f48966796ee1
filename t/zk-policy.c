/* SPDX-License-Identifier: Apache-2.0 */
/* What the ZooKeeper coordinator does because it was told to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/fakezk_site.h"
#include "name.h"
#include "zookeeper/path.h"

#define DELAY_MS 5000
#define ROOT "/ns"
#define KEPT_BUCKETS 16

static const struct fakezk_site lagging = {
	.root = ROOT,
	.n_buckets = 4,
	.takeover_delay_ms = DELAY_MS,
	.lag_max_ms = 20,
};

/* A table that keeps lists of tasks and claims back, and their order. */
static struct zk_calls keeping;

static const struct fakezk_site kept_site = {
	.root = ROOT,
	.n_buckets = KEPT_BUCKETS,
	.calls = &keeping,
};

static const struct conf_backend kept = {
	FAKEZK_SITE(kept_site, 10),
	.patience_ms = 60000,
};

static const struct conf_backend backend = {
	FAKEZK_SITE(lagging, 20),
	.patience_ms = 60000,
};

static uint64_t now_ms(const struct conf *c)
{
	return site_now_ns(c->site) / MF_NS_PER_MS;
}

/* --- takeovers -------------------------------------------------------------------- */

/* a owns t, b waits for it, and both know of each other. */
static void set_scene(struct conf *c, struct rec_node **a, struct rec_node **b,
		      struct conf_answer *owned)
{
	*a = conf_join(c, "a");
	*b = conf_join(c, "b");
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	*owned = conf_claim(c, *a, "t");
	CU_ASSERT_EQUAL(owned->result, METAFORA_RESULT_OWNED);
	CU_ASSERT(conf_sees_place(c, *b, "t", "a", 1));
	CU_ASSERT(conf_sees_member(c, *b, "a", true));
}

/* The task is b's only after the delay, but then soon. */
static void expect_rest(const struct conf *c, uint64_t since_ms)
{
	CU_ASSERT(now_ms(c) - since_ms >= DELAY_MS);
	CU_ASSERT(now_ms(c) - since_ms < DELAY_MS + 500);
}

static void expect_no_rest(const struct conf *c, uint64_t since_ms)
{
	CU_ASSERT(now_ms(c) - since_ms < 500);
}

static void after_a_death_a_waiter_waits(struct conf *c)
{
	struct rec_node *a, *b;
	struct conf_answer claim;
	uint64_t since_ms;

	set_scene(c, &a, &b, &claim);
	CU_ASSERT_EQUAL(conf_queue(c, b, "t").result, METAFORA_RESULT_QUEUED);
	since_ms = now_ms(c);
	fakezk_expire(c->broker, "a");
	CU_ASSERT(conf_becomes(c, b, METAFORA_RESULT_OWNED, &claim));
	expect_rest(c, since_ms);
}

static void after_a_death_a_claim_waits(struct conf *c)
{
	struct rec_node *a, *b;
	struct conf_answer claim;
	uint64_t since_ms;

	set_scene(c, &a, &b, &claim);
	since_ms = now_ms(c);
	fakezk_expire(c->broker, "a");
	CU_ASSERT(conf_sees_n_claims(c, b, 0));
	CU_ASSERT_EQUAL(conf_claim(c, b, "t").result, METAFORA_RESULT_OWNED);
	expect_rest(c, since_ms);
}

/* The name is back, but not the session that had the claim. */
static void a_quick_return_is_no_release(struct conf *c)
{
	struct rec_node *a, *b;
	struct conf_answer claim;
	uint64_t since_ms;

	set_scene(c, &a, &b, &claim);
	fakezk_cut(c->broker, "b", true);
	since_ms = now_ms(c);
	fakezk_expire(c->broker, "a");
	CU_ASSERT(conf_is_back(c, a, 1));
	fakezk_cut(c->broker, "b", false);
	CU_ASSERT(conf_sees_n_claims(c, b, 0));
	CU_ASSERT_EQUAL(conf_claim(c, b, "t").result, METAFORA_RESULT_OWNED);
	CU_ASSERT(now_ms(c) - since_ms >= DELAY_MS);
}

static void a_released_task_rests_not(struct conf *c)
{
	struct rec_node *a, *b;
	struct conf_answer claim;
	uint64_t since_ms;

	set_scene(c, &a, &b, &claim);
	CU_ASSERT_EQUAL(conf_queue(c, b, "t").result, METAFORA_RESULT_QUEUED);
	since_ms = now_ms(c);
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_RELEASE, "t", &claim),
			METAFORA_RESULT_ENDED);
	CU_ASSERT(conf_becomes(c, b, METAFORA_RESULT_OWNED, &claim));
	expect_no_rest(c, since_ms);
	/* What one gave up oneself neither. */
	CU_ASSERT_EQUAL(conf_leave(c, b, METAFORA_VERB_RELEASE, "t", &claim),
			METAFORA_RESULT_ENDED);
	CU_ASSERT_EQUAL(conf_claim(c, b, "t").result, METAFORA_RESULT_OWNED);
	expect_no_rest(c, since_ms);
}

static bool drains(void *arg)
{
	const struct rec_member *member = rec_sees_member(arg, "a");

	return member && member->state == METAFORA_MEMBER_DRAINING;
}

static void a_draining_owner_may_go(struct conf *c)
{
	struct metafora_member_record record = rec_member_record("a");
	struct rec_node *a, *b;
	struct conf_answer claim;
	uint64_t since_ms;

	set_scene(c, &a, &b, &claim);
	record.state = METAFORA_MEMBER_DRAINING;
	rec_publish(a, &record);
	CU_ASSERT(site_wait(c->site, drains, b, backend.patience_ms));
	since_ms = now_ms(c);
	fakezk_expire(c->broker, "a");
	CU_ASSERT(conf_sees_n_claims(c, b, 0));
	CU_ASSERT_EQUAL(conf_claim(c, b, "t").result, METAFORA_RESULT_OWNED);
	expect_no_rest(c, since_ms);
}

/* What was claimed in vain while it rested does not cost the rest. */
static void a_rest_survives_a_lost_connection(struct conf *c)
{
	struct rec_node *a, *b;
	struct conf_answer claim;
	uint64_t since_ms;
	uint64_t attempt;

	set_scene(c, &a, &b, &claim);
	since_ms = now_ms(c);
	fakezk_expire(c->broker, "a");
	CU_ASSERT(conf_sees_n_claims(c, b, 0));
	attempt = rec_enter(b, METAFORA_VERB_CLAIM, "t");
	site_pass(c->site, DELAY_MS / 2);
	fakezk_reset(c->broker, "b");
	claim = conf_answer(c, b, METAFORA_VERB_CLAIM, attempt);
	CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_UNKNOWN);
	CU_ASSERT(conf_reaches(c, b, METAFORA_SESSION_CONNECTED));
	claim.token = 0;
	CU_ASSERT_EQUAL(conf_leave(c, b, METAFORA_VERB_WITHDRAW, "t", &claim),
			METAFORA_RESULT_ENDED);
	CU_ASSERT_EQUAL(conf_claim(c, b, "t").result, METAFORA_RESULT_OWNED);
	expect_rest(c, since_ms);
}

/* --- sequence numbers --------------------------------------------------------------- */

/* Far from where the server's counter wraps, and without any claim left. */
static void a_spent_bucket_refuses(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct conf_answer claim;
	uint64_t before;
	char path[64];
	unsigned int i;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	/* All servers have the folders. */
	site_pass(c->site, 1000);
	for (i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), ROOT "/claims/%02u", i);
		fakezk_set_sequence(c->broker, path, ZK_SEQUENCE_MAX);
	}
	claim = conf_claim(c, a, "t");
	CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_OWNED);
	CU_ASSERT_EQUAL((uint32_t)claim.token, ZK_SEQUENCE_MAX);
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_RELEASE, "t", &claim),
			METAFORA_RESULT_ENDED);
	for (i = 0; i < 2; i++) {
		claim = conf_claim(c, a, "t");
		CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_FAILED);
		CU_ASSERT_EQUAL(claim.error, METAFORA_EFULL);
	}
	CU_ASSERT(conf_sees_n_claims(c, a, 0));
	/* It does not go on to use them up. */
	before = fakezk_zxid(c->broker);
	for (i = 0; i < 100; i++)
		conf_claim(c, a, "t");
	CU_ASSERT(fakezk_zxid(c->broker) - before < 10);
}

/* --- the order of reads ------------------------------------------------------------------ */

/*
 * The list shows the claim first in line, and then the task goes: only a look
 * at the task that comes behind the list can know.
 */
static void a_task_deleted_behind_the_list(struct conf *c)
{
	struct rec_node *a;
	char folder[64];
	char path[64];

	/* Where nothing is seen late. */
	fakezk_steer(c->broker, 0);
	a = conf_join(c, "a");
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	site_pass(c->site, 1000);
	snprintf(folder, sizeof(folder), ROOT "/claims/%02u",
		 mf_name_hash("t") % 4);
	snprintf(path, sizeof(path), ROOT "/tasks/%02u/t",
		 mf_name_hash("t") % 4);
	fakezk_delete_after_read(c->broker, folder, path);
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_GONE);
	CU_ASSERT_FALSE(fakezk_exists(c->broker, path));
	CU_ASSERT(conf_sees_n_claims(c, a, 0));
}

#define ID_BYTES 16

/* A task in the bucket. */
static const char *in_bucket(char id[ID_BYTES], char letter, uint32_t bucket,
			     uint32_t n_buckets)
{
	unsigned int i = 0;

	do
		snprintf(id, ID_BYTES, "%c%u", letter, i++);
	while (mf_name_hash(id) % n_buckets != bucket);
	return id;
}

static void beside_t(char id[ID_BYTES], char letter)
{
	in_bucket(id, letter, mf_name_hash("t") % 4, 4);
}

/*
 * One of a group of tasks goes, as by the owner of a former life, between its
 * creation and the look whether all are there.
 */
static void a_task_deleted_behind_its_submission(struct conf *c)
{
	struct metafora_submission tasks[] = {{"t", "", 0}, {NULL, "", 0}};
	const struct rec_reply *reply;
	char folder[64];
	char path[64];
	char id[ID_BYTES];

	/* Another of the same bucket: they go together. */
	beside_t(id, 'u');
	tasks[1].task = id;
	/* Where nothing is seen late. */
	fakezk_steer(c->broker, 0);
	fakezk_reset(c->broker, NULL);
	CU_ASSERT_EQUAL(conf_submit(c, "first"), 0); /* makes the folders */
	snprintf(folder, sizeof(folder), ROOT "/claims/%02u",
		 mf_name_hash("t") % 4);
	snprintf(path, sizeof(path), ROOT "/tasks/%02u/t",
		 mf_name_hash("t") % 4);
	fakezk_delete_after_read(c->broker, folder, path);
	reply = conf_reply(c, rec_submit(c->client, tasks, 2));
	CU_ASSERT_EQUAL(reply->error, 0);
	CU_ASSERT_EQUAL(reply->errors[0], METAFORA_EUNKNOWN);
	CU_ASSERT_EQUAL(reply->errors[1], 0);
	CU_ASSERT_FALSE(conf_exists(c, "t"));
}

/* --- whose turn it is ---------------------------------------------------------------------- */

/* Claims are made in the last ones. */
#define N_CLAIMED 4
#define FIRST_CLAIMED (KEPT_BUCKETS - N_CLAIMED)
#define KEPT_MAX 64

static struct {
	bool keeps;
	struct zk *zk;
	struct zk_request *lists[KEPT_MAX];
	size_t n;
} lists;

static bool is_of(const struct zk_request *list, const char *kind)
{
	return strncmp(list->path + strlen(ROOT), kind, strlen(kind)) == 0;
}

static void keep(struct zk *zk, struct zk_request *request)
{
	if (!lists.keeps || request->kind != ZK_READ_CHILDREN ||
	    (!is_of(request, "/tasks/") && !is_of(request, "/claims/"))) {
		fakezk_calls.send(zk, request);
		return;
	}
	CU_ASSERT_FATAL(lists.n < KEPT_MAX);
	lists.zk = zk;
	lists.lists[lists.n++] = request;
}

static unsigned long bucket_of(const struct zk_request *list)
{
	return strtoul(list->path + strlen(list->path) - 2, NULL, 10);
}

/* A claim waits for it. */
static bool is_urgent(const struct zk_request *list)
{
	return is_of(list, "/claims/") && bucket_of(list) >= FIRST_CLAIMED;
}

/* By turns while there are both, and each kind in its order. */
static void expect_turns(struct zk_request *const *list, size_t n)
{
	size_t i;

	for (i = 0; i + 1 < (size_t)2 * N_CLAIMED; i++)
		CU_ASSERT_NOT_EQUAL(is_urgent(list[i]), is_urgent(list[i + 1]));
	for (i = 0; i + 2 < n; i++)
		if (is_urgent(list[i]) == is_urgent(list[i + 2]))
			CU_ASSERT(bucket_of(list[i]) <= bucket_of(list[i + 2]));
}

/* A node reads everything again, and meanwhile claims in the last buckets. */
static void reads_take_turns(struct conf *c)
{
	char ids[N_CLAIMED][ID_BYTES];
	const char *tasks[N_CLAIMED];
	struct rec_node *a;
	size_t n_first;
	size_t i;

	memset(&lists, 0, sizeof(lists));
	a = conf_join(c, "a");
	for (i = 0; i < N_CLAIMED; i++) {
		tasks[i] = in_bucket(ids[i], 't', FIRST_CLAIMED + (uint32_t)i,
				     KEPT_BUCKETS);
		CU_ASSERT_EQUAL(conf_submit(c, tasks[i]), 0);
	}
	site_pass(c->site, 1000);
	lists.keeps = true;
	rec_refresh(a);
	site_pass(c->site, 50);
	n_first = lists.n;
	CU_ASSERT(n_first < FIRST_CLAIMED);
	/* No more than so many are under way: those for the claims wait. */
	rec_enter_many(a, METAFORA_VERB_CLAIM, tasks, N_CLAIMED);
	site_pass(c->site, 50);
	CU_ASSERT_EQUAL(lists.n, n_first);
	for (i = 0; i < lists.n; i++) {
		fakezk_calls.send(lists.zk, lists.lists[i]);
		site_pass(c->site, 20);
	}
	CU_ASSERT_EQUAL_FATAL(lists.n, 2 * KEPT_BUCKETS);
	expect_turns(&lists.lists[n_first], lists.n - n_first);
	CU_ASSERT(conf_all_answered(c, a));
	lists.keeps = false;
}

/* --- crowds --------------------------------------------------------------------------- */

#define CROWD 10

/*
 * Two of a crowd.  u and v are in t's bucket; u is a's, and b has read of that
 * just now: the next change will rest for a while.
 */
static void gather(struct conf *c, struct rec_node **a, struct rec_node **b)
{
	char u[ID_BYTES];
	char v[ID_BYTES];
	char name[16];
	unsigned int i;

	/* Where nothing is seen late. */
	fakezk_steer(c->broker, 0);
	*a = conf_join(c, "a");
	*b = conf_join(c, "b");
	for (i = 2; i < CROWD; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		conf_join(c, name);
		CU_ASSERT(conf_sees_member(c, *b, name, true));
	}
	beside_t(u, 'u');
	beside_t(v, 'v');
	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	CU_ASSERT_EQUAL(conf_submit(c, u), 0);
	CU_ASSERT_EQUAL(conf_submit(c, v), 0);
	CU_ASSERT_EQUAL(conf_claim(c, *a, u).result, METAFORA_RESULT_OWNED);
	CU_ASSERT(conf_sees_place(c, *b, u, "a", 1));
}

static size_t n_made_beside_t(struct conf *c)
{
	char folder[64];

	snprintf(folder, sizeof(folder), ROOT "/claims/%02u",
		 mf_name_hash("t") % 4);
	return fakezk_n_created(c->broker, folder);
}

static void a_claim_of_a_crowd_that_can_only_be_beaten(struct conf *c)
{
	struct rec_node *a, *b;
	size_t n_made;

	gather(c, &a, &b);
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
	/* b knows that there is something new, but not what. */
	site_pass(c->site, 1);
	CU_ASSERT_EQUAL(rec_line_length(b, "t"), 0);
	n_made = n_made_beside_t(c);
	CU_ASSERT_EQUAL(conf_claim(c, b, "t").result, METAFORA_RESULT_BEATEN);
	CU_ASSERT_EQUAL(n_made_beside_t(c), n_made);
	CU_ASSERT(conf_sees_place(c, b, "t", "a", 1));
}

static void a_claim_of_a_crowd_whose_list_is_lost(struct conf *c)
{
	struct rec_node *a, *b;
	struct conf_answer claim;
	uint64_t attempt;
	char v[ID_BYTES];
	size_t n_made;

	gather(c, &a, &b);
	beside_t(v, 'v');
	CU_ASSERT_EQUAL(conf_claim(c, a, "t").result, METAFORA_RESULT_OWNED);
	site_pass(c->site, 1);
	n_made = n_made_beside_t(c);
	attempt = rec_enter(b, METAFORA_VERB_CLAIM, v);
	fakezk_reset(c->broker, "b");
	claim = conf_answer(c, b, METAFORA_VERB_CLAIM, attempt);
	CU_ASSERT_EQUAL(claim.result, METAFORA_RESULT_UNKNOWN);
	CU_ASSERT_EQUAL(n_made_beside_t(c), n_made);
	CU_ASSERT(conf_reaches(c, b, METAFORA_SESSION_CONNECTED));
	CU_ASSERT_EQUAL(conf_leave(c, b, METAFORA_VERB_WITHDRAW, v, &claim),
			METAFORA_RESULT_ENDED);
	CU_ASSERT_EQUAL(conf_claim(c, b, v).result, METAFORA_RESULT_OWNED);
}

/* --- closing ------------------------------------------------------------------------- */

struct leaving {
	struct rec_node *node;
	struct metafora_entry entry;
};

/* As core does when the last handler returns: both at once. */
static void release_and_close(void *arg)
{
	struct leaving *leaving = arg;
	struct rec_node *node = leaving->node;

	node->in_op = true;
	node->ops->release(node->state, &leaving->entry, 1);
	node->ops->close(node->state);
	node->in_op = false;
}

static void what_is_given_up_while_closing_is_free(struct conf *c)
{
	struct leaving leaving = {.entry.task = "t"};
	struct rec_node *b;
	struct conf_answer claim;
	uint64_t since_ms;

	set_scene(c, &leaving.node, &b, &claim);
	leaving.entry.attempt = claim.attempt;
	leaving.entry.token = claim.token;
	CU_ASSERT_EQUAL(conf_queue(c, b, "t").result, METAFORA_RESULT_QUEUED);
	since_ms = now_ms(c);
	site_call(c->site, &leaving.node->loop, release_and_close, &leaving);
	CU_ASSERT(conf_becomes(c, b, METAFORA_RESULT_OWNED, &claim));
	/* Neither the lease nor a takeover's delay was waited for. */
	CU_ASSERT(site_now_ns(c->site) < leaving.node->lease_ns);
	expect_no_rest(c, since_ms);
}

/* --- elections ------------------------------------------------------------------------ */

static void sessions_survive_an_election(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");
	struct conf_answer claim;

	CU_ASSERT_EQUAL(conf_submit(c, "t"), 0);
	claim = conf_claim(c, a, "t");
	rec_enter(b, METAFORA_VERB_QUEUE, "t");
	fakezk_elect(c->broker);
	site_pass(c->site, 10);
	CU_ASSERT_EQUAL(a->n_suspended, 1);
	CU_ASSERT(conf_is_back(c, a, 0));
	CU_ASSERT(conf_is_back(c, b, 0));
	CU_ASSERT(conf_all_answered(c, b));
	CU_ASSERT_EQUAL(conf_leave(c, a, METAFORA_VERB_DONE, "t", &claim),
			METAFORA_RESULT_ENDED);
	CU_ASSERT_FALSE(conf_exists(c, "t"));
}

/* --- commands of the dead ------------------------------------------------------------ */

#define N_LEFT 250

static void leave_commands(struct conf *c, const char *name)
{
	char path[128];
	int i;

	for (i = 0; i < N_LEFT; i++) {
		snprintf(path, sizeof(path),
			 ROOT "/commands/%s/00000000000000aa:"
			      "00000000000000bb:1:%010d", name, i);
		CU_ASSERT_EQUAL(fakezk_put(c->broker, path, "x"), ZK_OK);
	}
}

static void a_dead_node_leaves_no_commands(struct conf *c)
{
	struct rec_node *a = conf_join(c, "a");
	struct rec_node *b = conf_join(c, "b");

	conf_kill(c, a);
	CU_ASSERT(conf_sees_member(c, b, "a", false));
	leave_commands(c, "a");
	site_pass(c->site, 200000);
	CU_ASSERT(fakezk_exists(c->broker, ROOT "/commands/a"));
	site_pass(c->site, 400000);
	CU_ASSERT_FALSE(fakezk_exists(c->broker, ROOT "/commands/a"));
	CU_ASSERT_FALSE(fakezk_exists(c->broker, ROOT "/leases/a"));
	CU_ASSERT(fakezk_exists(c->broker, ROOT "/commands/b"));
	CU_ASSERT_EQUAL(b->n_lost, 0);
}

/* Whoever holds a lease lives, member or not. */
static void a_living_node_keeps_its_commands(struct conf *c)
{
	conf_join(c, "b");
	CU_ASSERT_EQUAL(fakezk_put(c->broker, ROOT "/commands/a", NULL), ZK_OK);
	CU_ASSERT_EQUAL(fakezk_put(c->broker, ROOT "/leases/a", NULL), ZK_OK);
	leave_commands(c, "a");
	site_pass(c->site, 1000000);
	CU_ASSERT_EQUAL(fakezk_n_children(c->broker, ROOT "/commands/a"),
			N_LEFT);
	CU_ASSERT(fakezk_exists(c->broker, ROOT "/leases/a"));
	CU_ASSERT(fakezk_exists(c->broker, ROOT "/commands/b"));
}

#define CASES(X)                                                              \
	X(backend, after_a_death_a_waiter_waits,                              \
	  "a waiter lets a task rest whose owner died")                       \
	X(backend, after_a_death_a_claim_waits,                               \
	  "a claim lets a task rest whose owner died")                        \
	X(backend, a_quick_return_is_no_release,                              \
	  "a task rests although its owner's name is back")                   \
	X(backend, a_released_task_rests_not, "a released task does not rest") \
	X(backend, a_draining_owner_may_go,                                   \
	  "a task does not rest whose owner was draining")                    \
	X(backend, a_rest_survives_a_lost_connection,                         \
	  "a rest goes on over a lost connection")                            \
	X(backend, a_spent_bucket_refuses,                                    \
	  "a bucket near the end of its sequence numbers refuses claims")     \
	X(backend, a_task_deleted_behind_the_list,                            \
	  "a task deleted right behind the deciding list is not owned")       \
	X(backend, a_task_deleted_behind_its_submission,                      \
	  "a task deleted while its group is submitted is told")              \
	X(backend, a_claim_of_a_crowd_that_can_only_be_beaten,                \
	  "in a crowd a claim that can only be beaten is not made")           \
	X(backend, a_claim_of_a_crowd_whose_list_is_lost,                     \
	  "a claim of a crowd is not lost with the list it waits for")        \
	X(kept, reads_take_turns,                                             \
	  "reads that claims wait for and others take turns")                 \
	X(backend, what_is_given_up_while_closing_is_free,                    \
	  "a claim that is given up while its node closes is free at once")   \
	X(backend, sessions_survive_an_election, "sessions survive another leader") \
	X(backend, a_dead_node_leaves_no_commands,                            \
	  "commands of a node that is long dead are removed")                 \
	X(backend, a_living_node_keeps_its_commands,                          \
	  "commands of who holds a lease are left alone")

CASES(CONF_STAMP_OWN)

/* clang-format off */
static const struct tap_case cases[] = {
	CASES(CONF_ROW_OWN)
};
/* clang-format on */

static void setup(void)
{
	keeping = fakezk_calls;
	keeping.send = keep;
}

TAP_MAIN(cases, setup, NULL)
