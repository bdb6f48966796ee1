/* SPDX-License-Identifier: Apache-2.0 */
/* The ignore manager, also against a naive model and out of memory. */
#include <metafora/error.h>
#include <metafora/task.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "ignore.h"
#include "oom.h"
#include "prng.h"
#include "tap.h"

static struct mf_ignore *ignore;
static char task[METAFORA_TASK_ID_MAX + 1];

static void setup(void)
{
	ignore = mf_ignore_new();
	CU_ASSERT_PTR_NOT_NULL_FATAL(ignore);
	strcpy(task, "none");
}

static void teardown(void)
{
	mf_ignore_free(ignore);
}

static void an_empty_manager_ignores_nothing(void)
{
	CU_ASSERT_FALSE(mf_ignore_has(ignore, "a"));
	CU_ASSERT_EQUAL(mf_ignore_next_ns(ignore), MF_NEVER);
	CU_ASSERT_FALSE(mf_ignore_pop_due(ignore, MF_NEVER, task));
	CU_ASSERT_FALSE(mf_ignore_pop_refused(ignore, false, task));
	CU_ASSERT_STRING_EQUAL(task, "none");
	CU_ASSERT_EQUAL(mf_ignore_size(ignore), 0);
	mf_ignore_forget(ignore, "a");
	mf_ignore_succeeded(ignore, "a");
	mf_ignore_free(NULL);
}

static void a_task_ignored_until_a_time_comes_back_then(void)
{
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "late", 200), 0);
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "soon", 100), 0);
	CU_ASSERT_EQUAL(mf_ignore_size(ignore), 2);
	CU_ASSERT_EQUAL(mf_ignore_next_ns(ignore), 100);
	CU_ASSERT_FALSE(mf_ignore_pop_due(ignore, 99, task));
	CU_ASSERT_TRUE(mf_ignore_pop_due(ignore, 100, task));
	CU_ASSERT_STRING_EQUAL(task, "soon");
	CU_ASSERT_FALSE(mf_ignore_has(ignore, "soon"));
	CU_ASSERT_TRUE(mf_ignore_has(ignore, "late"));
	CU_ASSERT_FALSE(mf_ignore_pop_due(ignore, 199, task));
	CU_ASSERT_FALSE(mf_ignore_pop_refused(ignore, false, task));
	CU_ASSERT_TRUE(mf_ignore_pop_due(ignore, 1000, task));
	CU_ASSERT_STRING_EQUAL(task, "late");
	CU_ASSERT_EQUAL(mf_ignore_size(ignore), 0);
	CU_ASSERT_EQUAL(mf_ignore_next_ns(ignore), MF_NEVER);
}

static void a_task_ignored_until_a_change_waits_for_one(void)
{
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "a", 0), 0);
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "b", 0), 0);
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "a", 0), 0);
	CU_ASSERT_EQUAL(mf_ignore_size(ignore), 2);
	CU_ASSERT_EQUAL(mf_ignore_next_ns(ignore), MF_NEVER);
	CU_ASSERT_FALSE(mf_ignore_pop_due(ignore, MF_NEVER, task));
	/* In the order of refusal; a was refused again. */
	CU_ASSERT_TRUE(mf_ignore_pop_refused(ignore, false, task));
	CU_ASSERT_STRING_EQUAL(task, "b");
	CU_ASSERT_TRUE(mf_ignore_pop_refused(ignore, false, task));
	CU_ASSERT_STRING_EQUAL(task, "a");
	CU_ASSERT_FALSE(mf_ignore_pop_refused(ignore, false, task));
	CU_ASSERT_FALSE(mf_ignore_has(ignore, "a"));
}

static void of_several_refusals_the_newest_counts(void)
{
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "a", 100), 0);
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "a", 50), 0);
	CU_ASSERT_EQUAL(mf_ignore_next_ns(ignore), 50);
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "a", 0), 0);
	CU_ASSERT_EQUAL(mf_ignore_next_ns(ignore), MF_NEVER);
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "a", 150), 0);
	CU_ASSERT_EQUAL(mf_ignore_next_ns(ignore), 150);
	CU_ASSERT_FALSE(mf_ignore_pop_refused(ignore, false, task));
	CU_ASSERT_EQUAL(mf_ignore_size(ignore), 1);
}

static void a_great_change_reopens_every_refusal(void)
{
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "timed", 100), 0);
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "untimed", 0), 0);
	CU_ASSERT_EQUAL(mf_ignore_back_off(ignore, "backed off", 100), 0);
	CU_ASSERT_EQUAL(mf_ignore_n_refused(ignore, false), 1);
	CU_ASSERT_EQUAL(mf_ignore_n_refused(ignore, true), 2);
	CU_ASSERT_TRUE(mf_ignore_pop_refused(ignore, true, task));
	CU_ASSERT_STRING_EQUAL(task, "untimed");
	CU_ASSERT_TRUE(mf_ignore_pop_refused(ignore, true, task));
	CU_ASSERT_STRING_EQUAL(task, "timed");
	CU_ASSERT_EQUAL(mf_ignore_n_refused(ignore, true), 0);
	CU_ASSERT_FALSE(mf_ignore_pop_refused(ignore, true, task));
	CU_ASSERT_TRUE(mf_ignore_has(ignore, "backed off"));
	CU_ASSERT_EQUAL(mf_ignore_size(ignore), 1);
}

static void a_back_off_lasts_whatever_changes(void)
{
	CU_ASSERT_EQUAL(mf_ignore_back_off(ignore, "a", 100), 0);
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "a", 50), 0);
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "a", 0), 0);
	CU_ASSERT_EQUAL(mf_ignore_back_off(ignore, "a", 60), 0);
	CU_ASSERT_EQUAL(mf_ignore_next_ns(ignore), 100);
	CU_ASSERT_FALSE(mf_ignore_pop_refused(ignore, true, task));
	CU_ASSERT_EQUAL(mf_ignore_back_off(ignore, "a", 150), 0);
	CU_ASSERT_FALSE(mf_ignore_pop_due(ignore, 149, task));
	CU_ASSERT_TRUE(mf_ignore_pop_due(ignore, 150, task));
	/* And it is over: a change may be waited for again. */
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "a", 0), 0);
	CU_ASSERT_TRUE(mf_ignore_pop_refused(ignore, false, task));
}

static void a_back_off_takes_the_place_of_a_refusal(void)
{
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "a", 0), 0);
	CU_ASSERT_EQUAL(mf_ignore_back_off(ignore, "a", 100), 0);
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "b", 20), 0);
	CU_ASSERT_EQUAL(mf_ignore_back_off(ignore, "b", 30), 0);
	CU_ASSERT_FALSE(mf_ignore_pop_refused(ignore, true, task));
	CU_ASSERT_EQUAL(mf_ignore_size(ignore), 2);
	CU_ASSERT_EQUAL(mf_ignore_next_ns(ignore), 30);
}

static void a_forgotten_task_is_new(void)
{
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "a", 100), 0);
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "b", 0), 0);
	CU_ASSERT_EQUAL(mf_ignore_failed(ignore, "a"), 1);
	CU_ASSERT_EQUAL(mf_ignore_failed(ignore, "a"), 2);
	mf_ignore_forget(ignore, "a");
	mf_ignore_forget(ignore, "b");
	CU_ASSERT_FALSE(mf_ignore_has(ignore, "a"));
	CU_ASSERT_FALSE(mf_ignore_has(ignore, "b"));
	CU_ASSERT_EQUAL(mf_ignore_size(ignore), 0);
	CU_ASSERT_EQUAL(mf_ignore_next_ns(ignore), MF_NEVER);
	CU_ASSERT_FALSE(mf_ignore_pop_refused(ignore, false, task));
	CU_ASSERT_EQUAL(mf_ignore_failed(ignore, "a"), 1);
}

static void names_that_begin_alike_are_different_tasks(void)
{
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "job1", 0), 0);
	CU_ASSERT_FALSE(mf_ignore_has(ignore, "job10"));
	CU_ASSERT_FALSE(mf_ignore_has(ignore, "job"));
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "job10", 0), 0);
	mf_ignore_forget(ignore, "job1");
	CU_ASSERT_TRUE(mf_ignore_has(ignore, "job10"));
}

static void the_longest_id_fits(void)
{
	char id[METAFORA_TASK_ID_MAX + 1];

	memset(id, '\xff', METAFORA_TASK_ID_MAX);
	id[METAFORA_TASK_ID_MAX] = '\0';
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, id, 5), 0);
	CU_ASSERT_TRUE(mf_ignore_pop_due(ignore, 5, task));
	CU_ASSERT_STRING_EQUAL(task, id);
}

static void failures_in_a_row_are_counted_until_a_success(void)
{
	CU_ASSERT_EQUAL(mf_ignore_failed(ignore, "a"), 1);
	CU_ASSERT_EQUAL(mf_ignore_failed(ignore, "b"), 1);
	CU_ASSERT_EQUAL(mf_ignore_failed(ignore, "a"), 2);
	CU_ASSERT_FALSE(mf_ignore_has(ignore, "a")); /* counted only */
	/* Being ignored and coming back does not lose the count. */
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "a", 10), 0);
	CU_ASSERT_TRUE(mf_ignore_pop_due(ignore, 10, task));
	CU_ASSERT_EQUAL(mf_ignore_failed(ignore, "a"), 3);
	mf_ignore_succeeded(ignore, "a");
	CU_ASSERT_EQUAL(mf_ignore_failed(ignore, "a"), 1);
	CU_ASSERT_EQUAL(mf_ignore_failed(ignore, "b"), 2);
}

static void success_does_not_end_being_ignored(void)
{
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "a", 10), 0);
	CU_ASSERT_EQUAL(mf_ignore_failed(ignore, "a"), 1);
	mf_ignore_succeeded(ignore, "a");
	CU_ASSERT_TRUE(mf_ignore_has(ignore, "a"));
}

static void beyond_the_limit_the_oldest_failure_is_dropped(void)
{
	char id[32];
	int i;

	for (i = 0; i < MF_IGNORE_FAILURES_MAX; i++) {
		snprintf(id, sizeof(id), "task-%d", i);
		mf_ignore_failed(ignore, id);
	}
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "task-1", 100), 0);
	/* 0 has failed again since: the oldest is 1, then 2. */
	CU_ASSERT_EQUAL(mf_ignore_failed(ignore, "task-0"), 2);
	CU_ASSERT_EQUAL(mf_ignore_failed(ignore, "one more"), 1);
	CU_ASSERT_EQUAL(mf_ignore_failed(ignore, "task-0"), 3);
	/* Only the count of 1 went: it is still ignored. */
	CU_ASSERT_TRUE(mf_ignore_has(ignore, "task-1"));
	CU_ASSERT_EQUAL(mf_ignore_failed(ignore, "task-1"), 1);
	CU_ASSERT_EQUAL(mf_ignore_failed(ignore, "task-2"), 1);
	CU_ASSERT_EQUAL(mf_ignore_failed(ignore, "task-99999"), 2);
}

struct seen {
	unsigned int n;
	unsigned int n_a;
	unsigned int n_b;
};

static void see(void *arg, const struct mf_ignored *ignored)
{
	struct seen *seen = arg;

	seen->n++;
	seen->n_a += !strcmp(ignored->task, "a") && ignored->until_ns == 77;
	seen->n_b += !strcmp(ignored->task, "b") && ignored->until_ns == 0;
}

static void each_shows_what_is_ignored_now(void)
{
	struct seen seen = {0};

	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "a", 77), 0);
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "b", 0), 0);
	CU_ASSERT_EQUAL(mf_ignore_refused(ignore, "c", 50), 0);
	mf_ignore_failed(ignore, "d");
	mf_ignore_failed(ignore, "c");
	CU_ASSERT_TRUE(mf_ignore_pop_due(ignore, 50, task));
	mf_ignore_each(ignore, see, &seen);
	CU_ASSERT_EQUAL(seen.n, 2);
	CU_ASSERT_EQUAL(seen.n_a, 1);
	CU_ASSERT_EQUAL(seen.n_b, 1);
}

/* --- against a naive model ---------------------------------------------------- */

#define N_MODEL 40
#define N_OPERATIONS 100000

struct model {
	bool ignored;
	bool backed_off;
	uint64_t until_ns;
	uint32_t n_failed;
};

static void name_of(int i, char *id)
{
	sprintf(id, "t%d", i);
}

static bool pop_agrees(struct model *model, uint64_t now_ns)
{
	uint64_t earliest = MF_NEVER;
	int popped = -1;
	int i;

	for (i = 0; i < N_MODEL; i++)
		if (model[i].ignored && model[i].until_ns &&
		    model[i].until_ns < earliest)
			earliest = model[i].until_ns;
	if (mf_ignore_next_ns(ignore) != earliest)
		return false;
	if (!mf_ignore_pop_due(ignore, now_ns, task))
		return earliest > now_ns;
	sscanf(task, "t%d", &popped);
	if (popped < 0 || !model[popped].ignored ||
	    model[popped].until_ns != earliest)
		return false;
	model[popped].ignored = false;
	return earliest <= now_ns;
}

static bool refusal_agrees(struct model *m, const char *id, uint64_t until_ns)
{
	if (!m->ignored || !m->backed_off)
		*m = (struct model){true, false, until_ns, m->n_failed};
	return mf_ignore_refused(ignore, id, until_ns) == 0;
}

static bool back_off_agrees(struct model *m, const char *id, uint64_t until_ns)
{
	if (!m->ignored || !m->backed_off || until_ns > m->until_ns)
		*m = (struct model){true, true, until_ns, m->n_failed};
	return mf_ignore_back_off(ignore, id, until_ns) == 0;
}

static bool reopening_agrees(struct model *model, bool all)
{
	int n_open = 0;
	int popped = -1;
	int i;

	for (i = 0; i < N_MODEL; i++)
		n_open += model[i].ignored && !model[i].backed_off &&
			  (all || model[i].until_ns == 0);
	if (!mf_ignore_pop_refused(ignore, all, task))
		return n_open == 0;
	sscanf(task, "t%d", &popped);
	if (popped < 0 || !model[popped].ignored || model[popped].backed_off ||
	    (!all && model[popped].until_ns))
		return false;
	model[popped].ignored = false;
	return true;
}

static bool operation_agrees(struct mf_prng *prng, struct model *model)
{
	int i = (int)mf_prng_between(prng, 0, N_MODEL - 1);
	uint64_t at_ns = mf_prng_between(prng, 0, 30);
	char id[16];

	name_of(i, id);
	switch (mf_prng_between(prng, 0, 8)) {
	case 0:
	case 1:
		return refusal_agrees(&model[i], id, at_ns);
	case 7:
		return back_off_agrees(&model[i], id, at_ns + 1);
	case 2:
		return pop_agrees(model, at_ns);
	case 3:
		return mf_ignore_failed(ignore, id) == ++model[i].n_failed;
	case 4:
		mf_ignore_succeeded(ignore, id);
		model[i].n_failed = 0;
		return true;
	case 5:
		return reopening_agrees(model, false);
	case 6:
		return reopening_agrees(model, true);
	default:
		mf_ignore_forget(ignore, id);
		model[i] = (struct model){0};
		return true;
	}
}

static void random_operations_agree_with_a_naive_model(void)
{
	struct model model[N_MODEL] = {{0}};
	unsigned int n_wrong = 0;
	struct mf_prng prng;
	char id[16];
	int i;

	mf_prng_seed(&prng, 1);
	for (i = 0; i < N_OPERATIONS; i++) {
		size_t n_ignored = 0;
		int k;

		n_wrong += !operation_agrees(&prng, model);
		for (k = 0; k < N_MODEL; k++)
			n_ignored += model[k].ignored;
		n_wrong += mf_ignore_size(ignore) != n_ignored;
		k = i % N_MODEL;
		name_of(k, id);
		n_wrong += mf_ignore_has(ignore, id) != model[k].ignored;
	}
	CU_ASSERT_EQUAL(n_wrong, 0);
}

/* --- out of memory ------------------------------------------------------------ */

static void use_when_short(void *arg)
{
	struct mf_ignore *short_of = mf_ignore_new();
	int error;

	(void)arg;
	if (!short_of) {
		CU_ASSERT_TRUE(oom_failed());
		return;
	}
	error = mf_ignore_refused(short_of, "a", 100);
	CU_ASSERT_EQUAL(error, oom_failed() ? METAFORA_ENOMEM : 0);
	CU_ASSERT_EQUAL(mf_ignore_has(short_of, "a"), !error);
	CU_ASSERT_EQUAL(mf_ignore_size(short_of), error ? 0 : 1);
	CU_ASSERT_EQUAL(mf_ignore_next_ns(short_of), error ? MF_NEVER : 100);
	CU_ASSERT_EQUAL(mf_ignore_failed(short_of, "b"), 1);
	/* What is there needs no memory to change. */
	CU_ASSERT_EQUAL(mf_ignore_refused(short_of, "a", 200), 0);
	CU_ASSERT_TRUE(mf_ignore_pop_due(short_of, 200, task));
	CU_ASSERT_STRING_EQUAL(task, "a");
	CU_ASSERT_FALSE(mf_ignore_has(short_of, "a"));
	mf_ignore_free(short_of);
}

static void any_allocation_may_fail(void)
{
	CU_ASSERT_TRUE(oom_for_each(use_when_short, NULL) >= 4);
}

static void fill_when_short(void *arg)
{
	struct mf_ignore *short_of;
	size_t n_added = 0;
	char id[16];
	int i;

	(void)arg;
	oom_pause(); /* the first case is about those few */
	short_of = mf_ignore_new();
	oom_resume();
	CU_ASSERT_PTR_NOT_NULL_FATAL(short_of);
	/* Enough for the hash to grow. */
	for (i = 0; i < 600; i++) {
		name_of(i, id);
		n_added += mf_ignore_refused(short_of, id, 0) == 0;
	}
	CU_ASSERT_TRUE(n_added >= 599);
	CU_ASSERT_EQUAL(mf_ignore_size(short_of), n_added);
	while (mf_ignore_pop_refused(short_of, false, task))
		n_added--;
	CU_ASSERT_EQUAL(n_added, 0);
	mf_ignore_free(short_of);
}

static void growing_may_fail(void)
{
	CU_ASSERT_TRUE(oom_for_each(fill_when_short, NULL) > 600);
}

static const struct tap_case cases[] = {
	{"an empty manager ignores nothing",
	 an_empty_manager_ignores_nothing},
	{"a task ignored until a time comes back then",
	 a_task_ignored_until_a_time_comes_back_then},
	{"a task ignored until a change waits for one",
	 a_task_ignored_until_a_change_waits_for_one},
	{"of several refusals the newest counts",
	 of_several_refusals_the_newest_counts},
	{"a great change reopens every refusal",
	 a_great_change_reopens_every_refusal},
	{"a back-off lasts whatever changes",
	 a_back_off_lasts_whatever_changes},
	{"a back-off takes the place of a refusal",
	 a_back_off_takes_the_place_of_a_refusal},
	{"a forgotten task is new", a_forgotten_task_is_new},
	{"names that begin alike are different tasks",
	 names_that_begin_alike_are_different_tasks},
	{"the longest ID fits", the_longest_id_fits},
	{"failures in a row are counted until a success",
	 failures_in_a_row_are_counted_until_a_success},
	{"success does not end being ignored",
	 success_does_not_end_being_ignored},
	{"beyond the limit the oldest failure is dropped",
	 beyond_the_limit_the_oldest_failure_is_dropped},
	{"each shows what is ignored now", each_shows_what_is_ignored_now},
	{"random operations agree with a naive model",
	 random_operations_agree_with_a_naive_model},
	{"any allocation may fail", any_allocation_may_fail},
	{"growing may fail", growing_may_fail},
};

TAP_MAIN(cases, setup, teardown)
