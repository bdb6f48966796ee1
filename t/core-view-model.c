/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster view against a naive model of it, on random snapshots. */
#include <metafora.h>
#include <stdlib.h>
#include <string.h>

#include "prng.h"
#include "tap.h"
#include "view_check.h"

#define N_IDS 12
#define N_NODES 5
#define LINE_MAX 4
#define SNAPSHOTS 50000

/* Sorted, as claims must be; one is the beginning of another. */
static const char *const ids[N_IDS] = {
	"0", "a", "aa", "ab", "b", "c", "d", "e", "ee", "f", "g", "h",
};
static const char *const names[N_NODES] = {"a", "b", "me", "x", "y"};

struct place {
	unsigned int node; /* index of a name */
	uint64_t token;
};

struct line {
	size_t n;
	struct place places[LINE_MAX];
};

static struct model {
	uint32_t n_buckets;
	struct {
		bool exists;
		uint64_t birth;
		uint64_t unowned_since;
		struct line line;
		bool changed;
		bool reborn;
	} tasks[N_IDS];
	struct {
		bool living;
		struct metafora_member_record record;
	} nodes[N_NODES];
	bool changed; /* anything, by the last snapshot */
	bool tasks_read[N_IDS];
	bool claims_read[N_IDS];
	bool members_read;
} model;

static struct metafora_cluster view;
static struct mf_prng prng;
static uint64_t now;

static uint64_t dice(uint64_t low, uint64_t high)
{
	return mf_prng_between(&prng, low, high);
}

static uint32_t bucket_of(unsigned int id)
{
	return id % model.n_buckets;
}

static void note(unsigned int id)
{
	model.tasks[id].changed = true;
	model.changed = true;
}

static bool is_unowned(unsigned int id)
{
	return model.tasks[id].exists && !model.tasks[id].line.n;
}

/* --- snapshots of tasks --------------------------------------------------- */

static void take_task(unsigned int id, bool exists, uint64_t birth)
{
	bool unowned = is_unowned(id);

	if (exists != model.tasks[id].exists)
		note(id);
	if (exists && model.tasks[id].exists && birth &&
	    model.tasks[id].birth && birth != model.tasks[id].birth) {
		model.tasks[id].reborn = true;
		note(id);
	}
	model.tasks[id].exists = exists;
	if (exists)
		model.tasks[id].birth = birth;
	if (!unowned && is_unowned(id))
		model.tasks[id].unowned_since = now;
}

static int snapshot_of_tasks(int *expected)
{
	struct metafora_task_fact facts[N_IDS + 2];
	uint32_t bucket = dice(0, model.n_buckets - 1);
	unsigned int id;
	size_t n = 0;

	for (id = 0; id < N_IDS; id++) {
		bool listed = dice(0, 3) > 0;

		if (bucket_of(id) != bucket) {
			/* Astray: it does not count here, if it is known. */
			if (!mf_view_find(&view, ids[id]) || dice(0, 200))
				continue;
			facts[n++] = (struct metafora_task_fact){ids[id], 1};
			*expected = METAFORA_EPROTO;
			continue;
		}
		if (listed)
			facts[n++] = (struct metafora_task_fact){
				ids[id], dice(0, 9) ? model.tasks[id].birth
						    : dice(0, 3)};
		take_task(id, listed, listed ? facts[n - 1].birth : 0);
	}
	if (!dice(0, 50) && n) {
		facts[n] = facts[0];
		facts[n++].birth = 77;
		*expected = METAFORA_EPROTO;
	}
	model.changed |= !model.tasks_read[bucket];
	model.tasks_read[bucket] = true;
	return mf_view_tasks(&view, now, bucket, facts, n);
}

/* --- snapshots of claims -------------------------------------------------- */

static void take_line(unsigned int id, const struct line *line)
{
	struct line *old = &model.tasks[id].line;
	bool unowned = is_unowned(id);
	size_t i;
	bool same = old->n == line->n;

	for (i = 0; same && i < line->n; i++)
		same = old->places[i].node == line->places[i].node &&
		       old->places[i].token == line->places[i].token;
	if (!same)
		note(id);
	*old = *line;
	if (!unowned && is_unowned(id))
		model.tasks[id].unowned_since = now;
}

/* The line moves on as lines do: some go from anywhere, some come behind. */
static struct line next_line(const struct line *old)
{
	struct line line = {0};
	uint64_t token = 0;
	size_t i;

	for (i = 0; i < old->n; i++) {
		token = old->places[i].token;
		if (dice(0, 3))
			line.places[line.n++] = old->places[i];
	}
	while (line.n < LINE_MAX && !dice(0, 2)) {
		token += dice(1, 3);
		line.places[line.n].node = dice(0, N_NODES - 1);
		line.places[line.n++].token = token;
	}
	return line;
}

static int snapshot_of_claims(int *expected)
{
	struct metafora_claim_fact facts[N_IDS * LINE_MAX];
	uint32_t bucket = dice(0, model.n_buckets - 1);
	unsigned int id;
	size_t n = 0;

	for (id = 0; id < N_IDS; id++) {
		struct line line = next_line(&model.tasks[id].line);
		size_t i;

		if (bucket_of(id) != bucket)
			continue;
		for (i = 0; i < line.n; i++) {
			facts[n + i].task = ids[id];
			facts[n + i].node = names[line.places[i].node];
			facts[n + i].token = line.places[i].token;
		}
		n += line.n;
		if (line.n && !dice(0, 50)) {
			/* One of them makes no sense: the old line stays. */
			if (line.n > 1 && dice(0, 1))
				facts[n - 1].token = facts[n - 2].token;
			else
				facts[n - 1].node = dice(0, 1) ? "" : NULL;
			*expected = METAFORA_EPROTO;
			continue;
		}
		take_line(id, &line);
	}
	model.changed |= !model.claims_read[bucket];
	model.claims_read[bucket] = true;
	return mf_view_claims(&view, now, bucket, facts, n);
}

/* --- snapshots of members ------------------------------------------------- */

static int snapshot_of_members(int *expected)
{
	struct metafora_member_record records[2 * N_NODES];
	size_t n = 0;
	unsigned int i;

	/* In any order. */
	unsigned int first = dice(0, N_NODES - 1);

	for (i = 0; i < N_NODES; i++) {
		unsigned int node = (first + i) % N_NODES;
		struct metafora_member_record *old = &model.nodes[node].record;
		struct metafora_member_record record = {
			.node = names[node],
			.session = dice(0, 9) ? old->session : dice(1, 9),
			.state = dice(0, 9) ? old->state : dice(0, 2),
			.weight = dice(0, 9) ? old->weight : dice(1, 3),
			.capacity = dice(0, 9) ? old->capacity : dice(0, 2),
		};
		bool living = dice(0, 4) > 0;

		if (!living) {
			model.changed |= model.nodes[node].living;
			model.nodes[node].living = false;
			continue;
		}
		if (!dice(0, 20)) {
			record.weight = 0; /* counts as 1 */
			*expected = METAFORA_EPROTO;
		}
		records[n++] = record;
		if (record.weight == 0)
			record.weight = 1;
		model.changed |= !model.nodes[node].living ||
				 old->session != record.session ||
				 old->state != record.state ||
				 old->weight != record.weight ||
				 old->capacity != record.capacity;
		model.nodes[node].living = true;
		*old = record;
		if (!dice(0, 50)) {
			records[n++] = (struct metafora_member_record){
				.node = names[node], .weight = 9};
			*expected = METAFORA_EPROTO;
		}
	}
	model.changed |= !model.members_read;
	model.members_read = true;
	return mf_view_members(&view, records, n);
}

/* --- sessions ------------------------------------------------------------- */

static int begin(uint32_t n_buckets)
{
	unsigned int id;

	if (n_buckets != model.n_buckets) {
		for (id = 0; id < N_IDS; id++)
			memset(&model.tasks[id], 0, sizeof(model.tasks[id]));
	}
	model.n_buckets = n_buckets;
	model.changed = true;
	model.members_read = false;
	memset(model.tasks_read, 0, sizeof(model.tasks_read));
	memset(model.claims_read, 0, sizeof(model.claims_read));
	return mf_view_begin(&view, n_buckets);
}

static bool model_is_complete(void)
{
	uint32_t i;

	for (i = 0; i < model.n_buckets; i++) {
		if (!model.tasks_read[i] || !model.claims_read[i])
			return false;
	}
	return model.members_read;
}

/* --- comparison ----------------------------------------------------------- */

static void compare_task(unsigned int id)
{
	const struct line *line = &model.tasks[id].line;
	const struct metafora_cluster_task *task =
		metafora_cluster_find_task(&view, ids[id]);
	struct metafora_cluster_task *inner = mf_view_find(&view, ids[id]);
	size_t i;

	CU_ASSERT_EQUAL(!!task, model.tasks[id].exists);
	CU_ASSERT_EQUAL(inner && inner->changed, model.tasks[id].changed);
	CU_ASSERT_EQUAL(inner && inner->reborn, model.tasks[id].reborn);
	if (!inner) {
		CU_ASSERT_EQUAL(line->n, 0);
		return;
	}
	CU_ASSERT_EQUAL_FATAL(inner->n_line, line->n);
	for (i = 0; i < line->n; i++) {
		CU_ASSERT_STRING_EQUAL(mf_view_line(inner)[i].node->name,
				       names[line->places[i].node]);
		CU_ASSERT_EQUAL(mf_view_line(inner)[i].token,
				line->places[i].token);
	}
	CU_ASSERT_EQUAL(metafora_cluster_task_unowned_since_ns(inner),
			is_unowned(id) ? model.tasks[id].unowned_since : 0);
}

static void compare_node(unsigned int node)
{
	const struct metafora_member_record *record = &model.nodes[node].record;
	const struct metafora_member *member =
		metafora_cluster_find_member(&view, names[node]);
	size_t n_owned = 0, n_waiting = 0;
	unsigned int id;
	size_t i;

	CU_ASSERT_EQUAL(!!member, model.nodes[node].living);
	if (!member)
		return;
	for (id = 0; id < N_IDS; id++) {
		const struct line *line = &model.tasks[id].line;

		for (i = 0; model.tasks[id].exists && i < line->n; i++) {
			n_owned += i == 0 && line->places[i].node == node;
			n_waiting += i > 0 && line->places[i].node == node;
		}
	}
	CU_ASSERT_EQUAL(metafora_member_state(member), record->state);
	CU_ASSERT_EQUAL(metafora_member_weight(member), record->weight);
	CU_ASSERT_EQUAL(metafora_member_capacity(member), record->capacity);
	/* Of our own member the engine knows better. */
	if (!strcmp(names[node], "me"))
		return;
	CU_ASSERT_EQUAL(metafora_member_n_waiting(member), n_waiting);
	CU_ASSERT_EQUAL(metafora_member_n_owned(member), n_owned);
}

static void compare(void)
{
	const struct metafora_cluster_task *task;
	size_t n_tasks = 0, n_unowned = 0, n_walked = 0;
	unsigned int i;

	for (i = 0; i < N_IDS; i++) {
		compare_task(i);
		n_tasks += model.tasks[i].exists;
		n_unowned += is_unowned(i);
	}
	CU_ASSERT_EQUAL(metafora_cluster_n_tasks(&view), n_tasks);
	CU_ASSERT_EQUAL(metafora_cluster_n_unowned(&view), n_unowned);
	for (task = NULL; (task = metafora_cluster_next_task(&view, task));)
		n_walked++;
	CU_ASSERT_EQUAL(n_walked, n_tasks);
	for (i = 0; i < N_NODES; i++)
		compare_node(i);
	CU_ASSERT_EQUAL(mf_view_complete(&view), model_is_complete());
	view_check(&view);
}

static void drain(void)
{
	unsigned int id;

	view_drain(&view);
	for (id = 0; id < N_IDS; id++) {
		model.tasks[id].changed = false;
		model.tasks[id].reborn = false;
		if (!model.tasks[id].exists && !model.tasks[id].line.n)
			model.tasks[id].birth = 0;
	}
}

static void random_snapshots_give_the_models_picture(void)
{
	unsigned int n_failures = CU_get_number_of_failures();
	unsigned int i;

	mf_prng_seed(&prng, 4711);
	memset(&model, 0, sizeof(model));
	CU_ASSERT_EQUAL_FATAL(mf_view_init(&view, "me", true), 0);
	CU_ASSERT_EQUAL(begin(3), 0);
	for (i = 0; i < N_NODES; i++)
		model.nodes[i].record.weight = 1;
	for (i = 0; i < SNAPSHOTS; i++) {
		uint64_t version = metafora_cluster_version(&view);
		int expected = 0;
		int error;

		now++;
		model.changed = false;
		if (!dice(0, 999))
			error = begin(dice(1, 4));
		else if (dice(0, 9) == 0)
			error = snapshot_of_members(&expected);
		else if (dice(0, 1))
			error = snapshot_of_tasks(&expected);
		else
			error = snapshot_of_claims(&expected);
		CU_ASSERT_EQUAL(error, expected);
		CU_ASSERT_EQUAL(metafora_cluster_version(&view) > version,
				model.changed);
		compare();
		drain();
		if (CU_get_number_of_failures() != n_failures) {
			tap_note("at snapshot %u", i);
			break;
		}
	}
	mf_view_fini(&view);
}

static const struct tap_case cases[] = {
	{"random snapshots give the model's picture",
	 random_snapshots_give_the_models_picture},
};

TAP_MAIN(cases, NULL, NULL)
