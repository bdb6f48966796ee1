/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster view: what each snapshot makes of the picture. */
#include <malloc.h>
#include <math.h>
#include <metafora.h>
#include <stdio.h>
#include <string.h>

#include "tap.h"
#include "view_check.h"

#define NOW 1000
#define N_BUCKETS 2

static struct metafora_cluster view;

static void setup(void)
{
	CU_ASSERT_EQUAL_FATAL(mf_view_init(&view, "me", true), 0);
	CU_ASSERT_EQUAL_FATAL(mf_view_begin(&view, N_BUCKETS), 0);
}

static void teardown(void)
{
	view_check(&view);
	mf_view_fini(&view);
}

/* --- snapshots ------------------------------------------------------------ */

static int give_tasks(uint32_t bucket, const struct metafora_task_fact *facts,
		      size_t n)
{
	int error = mf_view_tasks(&view, NOW, bucket, facts, n);

	view_check(&view);
	return error;
}

/* Bucket 0 has this one task, or none. */
static int give_task(const char *id, uint64_t birth)
{
	const struct metafora_task_fact fact = {.task = id, .birth = birth};

	return give_tasks(0, &fact, id ? 1 : 0);
}

static int give_claims(const struct metafora_claim_fact *facts, size_t n)
{
	int error = mf_view_claims(&view, NOW, 0, facts, n);

	view_check(&view);
	return error;
}

static int give_members(const struct metafora_member_record *records, size_t n)
{
	int error = mf_view_members(&view, records, n);

	view_check(&view);
	return error;
}

static const struct metafora_cluster_task *task(const char *id)
{
	return metafora_cluster_find_task(&view, id);
}

/* "a,b,c": who stands in the line, in order. */
static const char *line(const char *id)
{
	static char text[200];
	const struct metafora_cluster_task *t = mf_view_find(&view, id);
	uint32_t i;

	text[0] = '\0';
	for (i = 0; t && i < t->n_line; i++) {
		strcat(text, i ? "," : "");
		strcat(text, mf_view_line(t)[i].node->name);
	}
	return text;
}

static const char *longest(size_t n)
{
	static char name[METAFORA_TASK_ID_MAX + 2];

	memset(name, 'x', n);
	name[n] = '\0';
	return name;
}

/* --- tasks ---------------------------------------------------------------- */

static void a_task_appears_and_goes(void)
{
	uint64_t version = metafora_cluster_version(&view);

	CU_ASSERT_EQUAL(give_task("t", 1), 0);
	CU_ASSERT_TRUE(metafora_cluster_version(&view) > version);
	CU_ASSERT_PTR_NOT_NULL_FATAL(task("t"));
	CU_ASSERT_STRING_EQUAL(metafora_cluster_task_id(task("t")), "t");
	CU_ASSERT_EQUAL(metafora_cluster_task_bucket(task("t")), 0);
	CU_ASSERT_EQUAL(metafora_cluster_task_unowned_since_ns(task("t")),
			NOW);
	CU_ASSERT_EQUAL(metafora_cluster_n_unowned(&view), 1);
	CU_ASSERT_PTR_EQUAL(metafora_cluster_next_unowned(&view, NULL),
			    task("t"));
	CU_ASSERT_EQUAL(view_drain(&view), 1);
	CU_ASSERT_EQUAL(give_task(NULL, 0), 0);
	CU_ASSERT_PTR_NULL(task("t"));
	CU_ASSERT_EQUAL(metafora_cluster_n_tasks(&view), 0);
	/* Its going is to be looked at; then it is forgotten. */
	CU_ASSERT_PTR_NOT_NULL(mf_view_find(&view, "t"));
	CU_ASSERT_EQUAL(view_drain(&view), 1);
	CU_ASSERT_PTR_NULL(mf_view_find(&view, "t"));
}

static void the_same_snapshot_again_changes_nothing(void)
{
	const struct metafora_claim_fact claims[] = {{"t", "me", 1},
						     {"t", "other", 2}};
	const struct metafora_member_record member = {.node = "me",
						      .weight = 1};
	uint64_t version = 0;
	int i;

	for (i = 0; i < 2; i++) {
		version = metafora_cluster_version(&view);
		CU_ASSERT_EQUAL(give_task("t", 1), 0);
		CU_ASSERT_EQUAL(give_claims(claims, 2), 0);
		CU_ASSERT_EQUAL(give_members(&member, 1), 0);
		CU_ASSERT_EQUAL(view_drain(&view), i == 0 ? 1 : 0);
	}
	CU_ASSERT_EQUAL(metafora_cluster_version(&view), version);
}

static void another_birth_is_another_life(void)
{
	give_task("t", 1);
	view_drain(&view);
	give_task("t", 2);
	CU_ASSERT_TRUE(mf_view_find(&view, "t")->reborn);
	CU_ASSERT_EQUAL(view_drain(&view), 1);
	/* A broker that cannot tell says 0: no news. */
	give_task("t", 0);
	give_task("t", 3);
	CU_ASSERT_EQUAL(view_drain(&view), 0);
	/* Gone in between, as the view saw: it was told already. */
	give_task(NULL, 0);
	view_drain(&view);
	give_task("t", 4);
	CU_ASSERT_FALSE(mf_view_find(&view, "t")->reborn);
}

static void a_task_listed_twice_counts_once(void)
{
	const struct metafora_task_fact facts[] = {{"t", 1}, {"t", 2}};
	int i;

	for (i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(give_tasks(0, facts, 2), METAFORA_EPROTO);
		CU_ASSERT_EQUAL(metafora_cluster_n_tasks(&view), 1);
		/* The first one counts: it is not born again each time. */
		CU_ASSERT_FALSE(mf_view_find(&view, "t")->reborn);
	}
}

static void tasks_that_make_no_sense_are_left_out(void)
{
	const struct metafora_task_fact facts[] = {
		{NULL, 0}, {"", 0}, {longest(METAFORA_TASK_ID_MAX + 1), 0},
		{"t", 0},
	};

	CU_ASSERT_EQUAL(give_tasks(0, facts, 4), METAFORA_EPROTO);
	CU_ASSERT_EQUAL(metafora_cluster_n_tasks(&view), 1);
	CU_ASSERT_PTR_NOT_NULL(task("t"));
	CU_ASSERT_EQUAL(give_task(longest(METAFORA_TASK_ID_MAX), 0), 0);
	CU_ASSERT_EQUAL(metafora_cluster_n_tasks(&view), 1);
}

static void a_task_stays_in_its_bucket(void)
{
	const struct metafora_task_fact fact = {.task = "t"};
	const struct metafora_claim_fact claim = {"t", "me", 1};

	CU_ASSERT_EQUAL(give_tasks(1, &fact, 1), 0);
	CU_ASSERT_EQUAL(give_task("t", 0), METAFORA_EPROTO);
	CU_ASSERT_EQUAL(give_claims(&claim, 1), METAFORA_EPROTO);
	CU_ASSERT_EQUAL(metafora_cluster_task_bucket(task("t")), 1);
	CU_ASSERT_STRING_EQUAL(line("t"), "");
	/* What the other bucket says of it counts. */
	CU_ASSERT_EQUAL(give_tasks(1, NULL, 0), 0);
	CU_ASSERT_PTR_NULL(task("t"));
}

static void a_bucket_that_is_none_is_refused(void)
{
	const struct metafora_task_fact fact = {.task = "t"};
	const struct metafora_claim_fact claim = {"t", "me", 1};

	CU_ASSERT_EQUAL(give_tasks(N_BUCKETS, &fact, 1), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(mf_view_claims(&view, NOW, N_BUCKETS, &claim, 1),
			METAFORA_EINVAL);
	CU_ASSERT_PTR_NULL(mf_view_find(&view, "t"));
	CU_ASSERT_EQUAL(view.n_unread, 2 * N_BUCKETS + 1);
}

/* --- lines ---------------------------------------------------------------- */

static void a_line_has_an_owner_and_waiters(void)
{
	const struct metafora_claim_fact claims[] = {
		{"t", "a", 3}, {"t", "me", 5}, {"t", "b", 9}};
	const struct mf_vclaim *own;

	give_task("t", 1);
	view_drain(&view);
	CU_ASSERT_EQUAL(give_claims(claims, 3), 0);
	CU_ASSERT_EQUAL(view_drain(&view), 1);
	CU_ASSERT_STRING_EQUAL(metafora_cluster_task_owner(task("t")), "a");
	CU_ASSERT_EQUAL(metafora_cluster_task_n_waiters(task("t")), 2);
	CU_ASSERT_STRING_EQUAL(metafora_cluster_task_waiter(task("t"), 0),
			       "me");
	CU_ASSERT_STRING_EQUAL(metafora_cluster_task_waiter(task("t"), 1),
			       "b");
	CU_ASSERT_PTR_NULL(metafora_cluster_task_waiter(task("t"), 2));
	CU_ASSERT_EQUAL(metafora_cluster_task_unowned_since_ns(task("t")), 0);
	CU_ASSERT_EQUAL(metafora_cluster_n_unowned(&view), 0);
	own = mf_view_own_claim(&view, mf_view_find(&view, "t"));
	CU_ASSERT_PTR_NOT_NULL_FATAL(own);
	CU_ASSERT_EQUAL(own->token, 5);
	/* The owner leaves, all move up. */
	CU_ASSERT_EQUAL(give_claims(claims + 1, 2), 0);
	CU_ASSERT_STRING_EQUAL(line("t"), "me,b");
	CU_ASSERT_EQUAL(give_claims(NULL, 0), 0);
	CU_ASSERT_PTR_NULL(metafora_cluster_task_owner(task("t")));
	CU_ASSERT_EQUAL(metafora_cluster_task_n_waiters(task("t")), 0);
	CU_ASSERT_EQUAL(metafora_cluster_n_unowned(&view), 1);
}

static void a_claim_on_no_task_counts_for_nobody(void)
{
	const struct metafora_claim_fact claims[] = {{"t", "a", 1},
						     {"t", "b", 2}};
	const struct metafora_member_record members[] = {
		{.node = "a", .weight = 1}, {.node = "b", .weight = 1}};
	const struct metafora_member *a, *b;

	give_members(members, 2);
	a = metafora_cluster_find_member(&view, "a");
	b = metafora_cluster_find_member(&view, "b");
	CU_ASSERT_EQUAL(give_claims(claims, 2), 0);
	CU_ASSERT_PTR_NULL(task("t"));
	CU_ASSERT_PTR_NULL(metafora_cluster_next_task(&view, NULL));
	CU_ASSERT_EQUAL(metafora_cluster_n_tasks(&view), 0);
	CU_ASSERT_EQUAL(metafora_member_n_owned(a), 0);
	CU_ASSERT_EQUAL(metafora_member_n_waiting(b), 0);
	/* As soon as it is there, they do. */
	give_task("t", 1);
	CU_ASSERT_EQUAL(metafora_cluster_n_unowned(&view), 0);
	CU_ASSERT_EQUAL(metafora_member_n_owned(a), 1);
	CU_ASSERT_EQUAL(metafora_member_n_waiting(b), 1);
	give_task(NULL, 0);
	CU_ASSERT_EQUAL(metafora_member_n_owned(a), 0);
	CU_ASSERT_EQUAL(metafora_member_n_waiting(b), 0);
	view_drain(&view);
	CU_ASSERT_STRING_EQUAL(line("t"), "a,b");
	/* Nothing keeps it any more. */
	give_claims(NULL, 0);
	view_drain(&view);
	CU_ASSERT_PTR_NULL(mf_view_find(&view, "t"));
}

static void a_node_may_stand_in_a_line_twice(void)
{
	const struct metafora_claim_fact claims[] = {
		{"t", "x", 1}, {"t", "y", 2}, {"t", "x", 3}};

	give_task("t", 1);
	CU_ASSERT_EQUAL(give_claims(claims, 3), 0);
	CU_ASSERT_STRING_EQUAL(line("t"), "x,y,x");
	CU_ASSERT_EQUAL(give_claims(claims, 1), 0);
	CU_ASSERT_STRING_EQUAL(line("t"), "x");
	CU_ASSERT_EQUAL(give_claims(claims, 3), 0);
	/* Neither is a member: with their claims they are forgotten. */
	CU_ASSERT_EQUAL(give_claims(NULL, 0), 0);
	CU_ASSERT_EQUAL(HASH_COUNT(view.nodes), 0);
}

static void lines_that_make_no_sense_leave_the_old_ones(void)
{
	const struct metafora_claim_fact good[] = {{"a", "x", 1},
						   {"b", "x", 2}};
	const struct metafora_claim_fact bad[][2] = {
		{{"a", "y", 5}, {"a", "z", 5}},   /* one place for two */
		{{"a", "y", 5}, {"a", "z", 4}},   /* not in order */
		{{"a", NULL, 5}, {"a", "z", 6}},  /* of nobody */
		{{"a", "", 5}, {"a", "z", 6}},
		{{"a", longest(METAFORA_NODE_NAME_MAX + 1), 5}, {"a", "z", 6}},
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CU_ASSERT_EQUAL(give_claims(good, 2), 0);
		/* b is not mentioned, so its line is empty for sure. */
		CU_ASSERT_EQUAL(give_claims(bad[i], 2), METAFORA_EPROTO);
		CU_ASSERT_STRING_EQUAL(line("a"), "x");
		CU_ASSERT_STRING_EQUAL(line("b"), "");
	}
}

static void claims_not_sorted_by_task_are_taken_once(void)
{
	const struct metafora_claim_fact mixed[] = {
		{"b", "x", 1}, {"a", "y", 2}, {"b", "z", 3}};
	const struct metafora_claim_fact nameless[] = {
		{NULL, "x", 1}, {"a", "y", 2}, {"", "x", 3}};

	CU_ASSERT_EQUAL(give_claims(mixed, 3), METAFORA_EPROTO);
	CU_ASSERT_STRING_EQUAL(line("b"), "x");
	CU_ASSERT_STRING_EQUAL(line("a"), "y");
	CU_ASSERT_EQUAL(give_claims(nameless, 3), METAFORA_EPROTO);
	CU_ASSERT_STRING_EQUAL(line("a"), "y");
	CU_ASSERT_STRING_EQUAL(line("b"), "");
}

/* A task made by a snapshot must not look like one that it had already. */
static void the_count_of_snapshots_may_wrap_around(void)
{
	const struct metafora_claim_fact claim = {"t", "x", 1};

	view.generation = UINT32_MAX;
	CU_ASSERT_EQUAL(give_claims(&claim, 1), 0);
	CU_ASSERT_STRING_EQUAL(line("t"), "x");
	view.generation = UINT32_MAX;
	CU_ASSERT_EQUAL(give_task("u", 1), 0);
	CU_ASSERT_PTR_NOT_NULL(task("u"));
}

/* --- members -------------------------------------------------------------- */

static void the_walks_show_what_they_are_for(void)
{
	const struct metafora_task_fact in_0[] = {{"t", 0}, {"u", 0}};
	const struct metafora_task_fact in_1[] = {{"v", 0}};
	const struct metafora_claim_fact claims[] = {
		{"t", "a", 1}, {"t", "b", 2}, {"x", "a", 3}, {"x", "b", 4}};
	const struct metafora_cluster_task *first;

	give_tasks(0, in_0, 2);
	give_tasks(1, in_1, 1);
	give_claims(claims, 4);
	CU_ASSERT_EQUAL(metafora_cluster_n_buckets(&view), 2);
	/* x does not exist, whoever stands in its line. */
	first = metafora_cluster_next_waited(&view, NULL);
	CU_ASSERT_PTR_EQUAL_FATAL(first, task("t"));
	CU_ASSERT_PTR_NULL(metafora_cluster_next_waited(&view, first));
	first = metafora_cluster_next_in_bucket(&view, 0, NULL);
	CU_ASSERT_PTR_EQUAL_FATAL(first, task("t"));
	first = metafora_cluster_next_in_bucket(&view, 0, first);
	CU_ASSERT_PTR_EQUAL_FATAL(first, task("u"));
	CU_ASSERT_PTR_NULL(metafora_cluster_next_in_bucket(&view, 0, first));
	first = metafora_cluster_next_in_bucket(&view, 1, NULL);
	CU_ASSERT_PTR_EQUAL_FATAL(first, task("v"));
	CU_ASSERT_PTR_NULL(metafora_cluster_next_in_bucket(&view, 2, NULL));
	/* Nobody waits any more, then nobody has it. */
	give_claims(claims, 1);
	CU_ASSERT_PTR_NULL(metafora_cluster_next_waited(&view, NULL));
	give_claims(NULL, 0);
	CU_ASSERT_PTR_NOT_NULL(metafora_cluster_next_unowned(&view, NULL));
}

static void a_line_names_members_by_their_number(void)
{
	const struct metafora_task_fact fact = {"t", 0};
	const struct metafora_member_record members[] = {
		{.node = "b", .weight = 1}, {.node = "a", .weight = 1}};
	const struct metafora_claim_fact claims[] = {
		{"t", "b", 1}, {"t", "dead", 2}, {"t", "a", 3}};

	give_tasks(0, &fact, 1);
	give_claims(claims, 3);
	CU_ASSERT_EQUAL(metafora_cluster_task_member(task("t"), 0), SIZE_MAX);
	give_members(members, 2);
	CU_ASSERT_EQUAL(metafora_cluster_task_member(task("t"), 0), 1);
	CU_ASSERT_EQUAL(metafora_cluster_task_member(task("t"), 1), SIZE_MAX);
	CU_ASSERT_EQUAL(metafora_cluster_task_member(task("t"), 2), 0);
	CU_ASSERT_EQUAL(metafora_cluster_task_member(task("t"), 3), SIZE_MAX);
	give_members(members, 1);
	CU_ASSERT_EQUAL(metafora_cluster_task_member(task("t"), 0), 0);
	CU_ASSERT_EQUAL(metafora_cluster_task_member(task("t"), 2), SIZE_MAX);
	give_claims(NULL, 0);
	CU_ASSERT_EQUAL(metafora_cluster_task_member(task("t"), 0), SIZE_MAX);
}

static void members_come_sorted_and_go(void)
{
	const struct metafora_member_record records[] = {
		{.node = "c", .weight = 2, .capacity = 7, .session = 3},
		{.node = "me", .weight = 1, .session = 4},
		{.node = "a", .weight = 1, .state = METAFORA_MEMBER_FROZEN},
	};
	const struct metafora_member *c;

	CU_ASSERT_PTR_NULL(metafora_cluster_self(&view));
	CU_ASSERT_EQUAL(give_members(records, 3), 0);
	CU_ASSERT_EQUAL_FATAL(metafora_cluster_n_members(&view), 3);
	CU_ASSERT_STRING_EQUAL(
		metafora_member_name(metafora_cluster_member(&view, 0)), "a");
	c = metafora_cluster_member(&view, 1);
	CU_ASSERT_STRING_EQUAL(metafora_member_name(c), "c");
	CU_ASSERT_EQUAL(metafora_member_weight(c), 2);
	CU_ASSERT_EQUAL(metafora_member_capacity(c), 7);
	CU_ASSERT_EQUAL(metafora_member_state(c), METAFORA_MEMBER_ACTIVE);
	CU_ASSERT_EQUAL(
		metafora_member_state(metafora_cluster_find_member(&view, "a")),
		METAFORA_MEMBER_FROZEN);
	CU_ASSERT_PTR_EQUAL(metafora_cluster_self(&view),
			    metafora_cluster_member(&view, 2));
	CU_ASSERT_PTR_NULL(metafora_cluster_member(&view, 3));
	CU_ASSERT_EQUAL(give_members(records + 1, 1), 0);
	CU_ASSERT_EQUAL(metafora_cluster_n_members(&view), 1);
	CU_ASSERT_PTR_NULL(metafora_cluster_find_member(&view, "c"));
	CU_ASSERT_EQUAL(HASH_COUNT(view.nodes), 1);
}

static void a_member_that_is_gone_lives_on_in_its_claims_only(void)
{
	const struct metafora_member_record member = {.node = "a",
						      .weight = 3};
	const struct metafora_claim_fact claim = {"t", "a", 1};

	give_task("t", 1);
	give_members(&member, 1);
	give_claims(&claim, 1);
	view_drain(&view);
	CU_ASSERT_EQUAL(give_members(NULL, 0), 0);
	CU_ASSERT_TRUE(view.members_changed);
	CU_ASSERT_PTR_NULL(metafora_cluster_find_member(&view, "a"));
	CU_ASSERT_STRING_EQUAL(metafora_cluster_task_owner(task("t")), "a");
	CU_ASSERT_EQUAL(metafora_cluster_n_unowned(&view), 0);
	/* It comes back with the count of its claims. */
	CU_ASSERT_EQUAL(give_members(&member, 1), 0);
	CU_ASSERT_EQUAL(metafora_member_n_owned(
				metafora_cluster_find_member(&view, "a")),
			1);
	CU_ASSERT_EQUAL(give_members(NULL, 0), 0);
	CU_ASSERT_EQUAL(give_claims(NULL, 0), 0);
	CU_ASSERT_EQUAL(HASH_COUNT(view.nodes), 0);
}

static void this_nodes_count_is_what_the_engine_says(void)
{
	const struct metafora_member_record member = {.node = "me",
						      .weight = 1};
	const struct metafora_claim_fact claim = {"t", "me", 1};

	give_task("t", 1);
	give_members(&member, 1);
	give_claims(&claim, 1);
	CU_ASSERT_EQUAL(
		metafora_member_n_owned(metafora_cluster_self(&view)), 0);
	view.n_held = 5;
	CU_ASSERT_EQUAL(
		metafora_member_n_owned(metafora_cluster_self(&view)), 5);
	view.n_held = 0;
}

static void each_change_of_a_member_is_noticed(void)
{
	const struct metafora_member_record base = {.node = "a", .weight = 1};
	struct metafora_member_record other[5];
	size_t i;

	for (i = 0; i < 5; i++)
		other[i] = base;
	other[0].session = 1;
	other[1].state = METAFORA_MEMBER_DRAINING;
	other[2].weight = 2;
	other[3].capacity = 1;
	other[4].host = "for people only";
	for (i = 0; i < 5; i++) {
		uint64_t version;

		give_members(&base, 1);
		view_drain(&view);
		version = metafora_cluster_version(&view);
		CU_ASSERT_EQUAL(give_members(&other[i], 1), 0);
		CU_ASSERT_EQUAL(view.members_changed, i < 4);
		CU_ASSERT_EQUAL(metafora_cluster_version(&view) > version,
				i < 4);
	}
}

static void weights_that_are_none_count_as_1(void)
{
	const double weights[] = {NAN, INFINITY, -INFINITY, 0, -1, 1000.5,
				  1e300};
	struct metafora_member_record member = {.node = "a"};
	size_t i;

	for (i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
		member.weight = weights[i];
		CU_ASSERT_EQUAL(give_members(&member, 1), METAFORA_EPROTO);
		CU_ASSERT_EQUAL(
			metafora_member_weight(
				metafora_cluster_find_member(&view, "a")),
			1);
	}
	member.weight = 1000;
	CU_ASSERT_EQUAL(give_members(&member, 1), 0);
	CU_ASSERT_EQUAL(metafora_member_weight(
				metafora_cluster_find_member(&view, "a")),
			1000);
}

static void members_that_make_no_sense_are_left_out(void)
{
	const struct metafora_member_record records[] = {
		{.node = NULL, .weight = 1},
		{.node = "", .weight = 1},
		{.node = longest(METAFORA_NODE_NAME_MAX + 1), .weight = 1},
		{.node = "a", .weight = 2},
		{.node = "a", .weight = 3}, /* the first one counts */
		{.node = "b", .weight = 1, .state = 77},
	};
	const struct metafora_member *b;

	CU_ASSERT_EQUAL(give_members(records, 6), METAFORA_EPROTO);
	CU_ASSERT_EQUAL_FATAL(metafora_cluster_n_members(&view), 2);
	CU_ASSERT_EQUAL(
		metafora_member_weight(metafora_cluster_member(&view, 0)), 2);
	b = metafora_cluster_find_member(&view, "b");
	CU_ASSERT_EQUAL(metafora_member_state(b), METAFORA_MEMBER_ACTIVE);
}

/* --- sessions ------------------------------------------------------------- */

static void is_complete_when_all_has_been_read(void)
{
	int session;
	uint32_t i;

	for (session = 0; session < 2; session++) {
		CU_ASSERT_EQUAL(mf_view_begin(&view, N_BUCKETS), 0);
		for (i = 0; i < N_BUCKETS; i++) {
			mf_view_tasks(&view, NOW, i, NULL, 0);
			CU_ASSERT_FALSE(mf_view_complete(&view));
			mf_view_claims(&view, NOW, i, NULL, 0);
			/* Twice is not more. */
			mf_view_claims(&view, NOW, i, NULL, 0);
			CU_ASSERT_FALSE(mf_view_complete(&view));
		}
		mf_view_members(&view, NULL, 0);
		CU_ASSERT_TRUE(mf_view_complete(&view));
	}
}

static void a_new_session_keeps_what_is_known(void)
{
	const struct metafora_claim_fact claim = {"t", "a", 1};

	give_task("t", 1);
	give_claims(&claim, 1);
	CU_ASSERT_EQUAL(mf_view_begin(&view, N_BUCKETS), 0);
	view_check(&view);
	CU_ASSERT_STRING_EQUAL(line("t"), "a");
	CU_ASSERT_FALSE(mf_view_complete(&view));
	/* What the first read of the session does not show is gone. */
	give_claims(NULL, 0);
	CU_ASSERT_STRING_EQUAL(line("t"), "");
}

static void other_buckets_make_it_forget_all_tasks(void)
{
	const struct metafora_member_record member = {.node = "me",
						      .weight = 1};
	const struct metafora_claim_fact claim = {"t", "a", 1};
	const struct metafora_task_fact fact = {.task = "t"};

	give_task("t", 1);
	give_claims(&claim, 1);
	give_members(&member, 1);
	CU_ASSERT_EQUAL(mf_view_begin(&view, 7), 0);
	view_check(&view);
	CU_ASSERT_PTR_NULL(mf_view_find(&view, "t"));
	CU_ASSERT_EQUAL(metafora_cluster_n_tasks(&view), 0);
	CU_ASSERT_PTR_NOT_NULL(metafora_cluster_self(&view));
	CU_ASSERT_EQUAL(give_tasks(6, &fact, 1), 0);
	CU_ASSERT_EQUAL(metafora_cluster_task_bucket(task("t")), 6);
}

static void a_senseless_number_of_buckets_is_refused(void)
{
	give_task("t", 1);
	CU_ASSERT_EQUAL(mf_view_begin(&view, 0), METAFORA_ERANGE);
	CU_ASSERT_EQUAL(mf_view_begin(&view, 65537), METAFORA_ERANGE);
	CU_ASSERT_PTR_NOT_NULL(task("t"));
	CU_ASSERT_EQUAL(mf_view_begin(&view, 65536), 0);
}

static void a_snapshot_in_disorder_still_counts_as_read(void)
{
	const struct metafora_task_fact fact = {.task = ""};

	CU_ASSERT_EQUAL(give_tasks(0, &fact, 1), METAFORA_EPROTO);
	CU_ASSERT_EQUAL(view.n_unread, 2 * N_BUCKETS);
}

/* --- memory --------------------------------------------------------------- */

static size_t in_use(void)
{
	return mallinfo2().uordblks;
}

/* What one process needs to know 1,000,000 tasks must be affordable. */
static void a_task_of_anothers_takes_at_most_300_bytes(void)
{
	enum { N = 20000, ID_BYTES = 21 };
	static char ids[N][ID_BYTES];
	static struct metafora_task_fact facts[N];
	static struct metafora_claim_fact claims[N];
	size_t before, bytes;
	size_t i;

	for (i = 0; i < N; i++) {
		snprintf(ids[i], ID_BYTES, "task-%015zu", i);
		facts[i].task = claims[i].task = ids[i];
		claims[i].node = "other";
		claims[i].token = i + 1;
	}
	before = in_use();
	CU_ASSERT_EQUAL_FATAL(mf_view_tasks(&view, NOW, 0, facts, N), 0);
	CU_ASSERT_EQUAL_FATAL(mf_view_claims(&view, NOW, 0, claims, N), 0);
	if (in_use() == before) {
		tap_skip("this malloc does not count what is in use");
		return;
	}
	bytes = (in_use() - before) / N;
	tap_note("%zu bytes per task owned by another node", bytes);
	CU_ASSERT_TRUE(bytes <= 300);
	view_drain(&view);
	mf_view_tasks(&view, NOW, 0, NULL, 0);
	mf_view_claims(&view, NOW, 0, NULL, 0);
}

static const struct tap_case cases[] = {
	{"a task appears and goes", a_task_appears_and_goes},
	{"the same snapshot again changes nothing",
	 the_same_snapshot_again_changes_nothing},
	{"another birth is another life", another_birth_is_another_life},
	{"a task listed twice counts once", a_task_listed_twice_counts_once},
	{"tasks that make no sense are left out",
	 tasks_that_make_no_sense_are_left_out},
	{"a task stays in its bucket", a_task_stays_in_its_bucket},
	{"a bucket that is none is refused", a_bucket_that_is_none_is_refused},
	{"a line has an owner and waiters", a_line_has_an_owner_and_waiters},
	{"a claim on no task counts for nobody",
	 a_claim_on_no_task_counts_for_nobody},
	{"a node may stand in a line twice", a_node_may_stand_in_a_line_twice},
	{"lines that make no sense leave the old ones",
	 lines_that_make_no_sense_leave_the_old_ones},
	{"claims not sorted by task are taken once",
	 claims_not_sorted_by_task_are_taken_once},
	{"the count of snapshots may wrap around",
	 the_count_of_snapshots_may_wrap_around},
	{"the walks show what they are for", the_walks_show_what_they_are_for},
	{"a line names members by their number",
	 a_line_names_members_by_their_number},
	{"members come sorted, and go", members_come_sorted_and_go},
	{"a member that is gone lives on in its claims only",
	 a_member_that_is_gone_lives_on_in_its_claims_only},
	{"this node's count is what the engine says",
	 this_nodes_count_is_what_the_engine_says},
	{"each change of a member is noticed",
	 each_change_of_a_member_is_noticed},
	{"weights that are none count as 1", weights_that_are_none_count_as_1},
	{"members that make no sense are left out",
	 members_that_make_no_sense_are_left_out},
	{"is complete when all has been read",
	 is_complete_when_all_has_been_read},
	{"a new session keeps what is known",
	 a_new_session_keeps_what_is_known},
	{"other buckets make it forget all tasks",
	 other_buckets_make_it_forget_all_tasks},
	{"a senseless number of buckets is refused",
	 a_senseless_number_of_buckets_is_refused},
	{"a snapshot in disorder still counts as read",
	 a_snapshot_in_disorder_still_counts_as_read},
	{"a task of another's takes at most 300 bytes",
	 a_task_of_anothers_takes_at_most_300_bytes},
};

TAP_MAIN(cases, setup, teardown)
