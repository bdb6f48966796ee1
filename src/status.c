/* SPDX-License-Identifier: Apache-2.0 */
/* The status of a consumer: copied on its loop, told as JSON. */
#include "status.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <metafora/error.h>

#include "clock.h"
#include "json.h"
#include "name.h"
#include "plugin.h"
#include "text.h"

/* --- copied on the loop --------------------------------------------------------- */

static int add_id(struct mf_status *s, const char *id, size_t *at)
{
	const size_t n = strlen(id) + 1;

	if (n > s->id_room - s->n_id_bytes) {
		size_t room = 2 * s->id_room + n + 4096;
		char *ids = realloc(s->ids, room);

		if (!ids)
			return METAFORA_ENOMEM;
		s->ids = ids;
		s->id_room = room;
	}
	memcpy(s->ids + s->n_id_bytes, id, n);
	*at = s->n_id_bytes;
	s->n_id_bytes += n;
	return 0;
}

static int copy_tasks(struct mf_status *s, const struct mf_engine *e)
{
	const struct mf_entry *entry;

	if (!e->n_entries)
		return 0;
	s->rows = malloc(e->n_entries * sizeof(*s->rows));
	if (!s->rows)
		return METAFORA_ENOMEM;
	TAILQ_FOREACH(entry, &e->entries, in_all) {
		struct mf_status_row *row = &s->rows[s->n_rows];
		const struct metafora_task *run = entry->run;

		*row = (struct mf_status_row){
			.token = entry->token,
			.state = entry->state,
			.started_ns = run ? mf_task_started_ns(run) : 0,
			.stopped_ns = run ? mf_task_stopped_ns(run) : 0,
			.stop_reason = (uint8_t)(run ?
				metafora_task_stop_reason(run) :
				METAFORA_STOP_NONE),
		};
		if (add_id(s, entry->task->id, &row->id_at))
			return METAFORA_ENOMEM;
		s->n_rows++;
	}
	return 0;
}

struct ignored_into {
	struct mf_status *status;
	size_t n;
	int error;
};

static void copy_ignored_one(void *arg, const struct mf_ignored *ignored)
{
	struct ignored_into *into = arg;
	struct mf_status_ignored *row;

	if (into->error)
		return;
	row = &into->status->ignored[into->n++];
	row->until_ns = ignored->until_ns;
	into->error = add_id(into->status, ignored->task, &row->id_at);
}

static int copy_ignored(struct mf_status *s, const struct mf_engine *e)
{
	struct ignored_into into = {.status = s};

	if (!s->n_ignored)
		return 0;
	s->ignored = calloc(s->n_ignored, sizeof(*s->ignored));
	if (!s->ignored)
		return METAFORA_ENOMEM;
	mf_ignore_each(e->ignore, copy_ignored_one, &into);
	return into.error;
}

static enum mf_life life_of(const struct metafora_consumer *c)
{
	if (c->has_left)
		return MF_LIFE_LEFT;
	if (c->engine.shutting_down)
		return MF_LIFE_LEAVING;
	return c->has_joined ? MF_LIFE_RUNNING : MF_LIFE_JOINING;
}

static int copy(struct metafora_consumer *c, void *arg)
{
	struct mf_status *s = arg;
	const struct mf_engine *e = &c->engine;
	int error = 0;

	s->now_ns = mf_loop_now_ns(&c->loop);
	s->since_ms = c->record.start_ms;
	s->life = life_of(c);
	s->state = e->member_state;
	s->link = e->link;
	s->session = e->session;
	s->timeout_ns = 4 * c->step_ns;
	s->deadline_ns = e->deadline_ns;
	s->n_cluster_tasks = e->view.n_tasks;
	s->n_cluster_unowned = e->view.n_unowned;
	s->n_cluster_members = e->view.n_members;
	s->n_ignored = mf_ignore_size(e->ignore);
	s->n_mail = c->loop.mailbox.n_taken;
	memcpy(s->n_in_state, e->n_in_state, sizeof(s->n_in_state));
	s->counts = e->counts;
	s->consumer = c->metrics;
	if (s->consumer.suspended_since_ns)
		s->consumer.suspended_ns +=
			s->now_ns - s->consumer.suspended_since_ns;
	s->plugin = c->host.metrics;
	s->n_repairs = e->n_repairs + s->plugin.n_repairs;
	if (s->with_tasks) {
		error = copy_tasks(s, e);
		if (!error)
			error = copy_ignored(s, e);
	}
	mf_consumer_timed(c, s->now_ns, "core", "status");
	return error;
}

int mf_status_take(struct metafora_consumer *c, int64_t timeout_ms,
		   bool with_tasks, struct mf_status *s)
{
	struct timespec wall;
	int error;

	*s = (struct mf_status){.with_tasks = with_tasks};
	error = mf_consumer_call(c, timeout_ms, copy, s);
	if (error) {
		mf_status_fini(s);
		return error;
	}
	clock_gettime(CLOCK_REALTIME, &wall);
	s->wall_ms = (int64_t)wall.tv_sec * 1000 +
		     wall.tv_nsec / (int64_t)MF_NS_PER_MS;
	s->wall_ms -= (int64_t)((mf_loop_now_ns(&c->loop) - s->now_ns) /
				MF_NS_PER_MS);
	return 0;
}

void mf_status_fini(struct mf_status *s)
{
	free(s->rows);
	free(s->ignored);
	free(s->ids);
}

uint64_t mf_status_lease_ns(const struct mf_status *s)
{
	if (s->deadline_ns == METAFORA_NO_DEADLINE)
		return METAFORA_NO_DEADLINE;
	return s->deadline_ns > s->now_ns ? s->deadline_ns - s->now_ns : 0;
}

/* --- told as JSON --------------------------------------------------------------- */

static const char *const lives[] = {
	[MF_LIFE_JOINING] = "joining",
	[MF_LIFE_RUNNING] = "running",
	[MF_LIFE_LEAVING] = "leaving",
	[MF_LIFE_LEFT] = "left",
};

static const char *const links[] = {
	[MF_LINK_DOWN] = "down",
	[MF_LINK_SUSPENDED] = "suspended",
	[MF_LINK_UP] = "up",
	[MF_LINK_FAILED] = "failed",
};

/* "KEY": "name"; one that is not UTF-8 is "KEY_encoded", as in the log. */
static void put_name(struct mf_text *t, const char *key, const char *name)
{
	char encoded[3 * METAFORA_TASK_ID_MAX + 1];

	if (mf_is_utf8(name)) {
		mf_text_format(t, "\"%s\": ", key);
		mf_text_put_json(t, name);
	} else if (!mf_name_encode(name, encoded, sizeof(encoded))) {
		mf_text_format(t, "\"%s_encoded\": ", key);
		mf_text_put_json(t, encoded);
	}
}

/* A number from the broker, of 64 bits: more than a JSON number holds. */
static void put_hex(struct mf_text *t, const char *key, uint64_t value)
{
	if (value)
		mf_text_format(t, "\"%s\": \"%llx\"", key,
			       (unsigned long long)value);
	else
		mf_text_format(t, "\"%s\": null", key);
}

/* An instant of the loop's clock as wall clock; 0 is none. */
static void put_time(struct mf_text *t, const struct mf_status *s,
		     const char *key, uint64_t at_ns)
{
	int64_t away_ms;

	if (!at_ns) {
		mf_text_format(t, "\"%s\": null", key);
		return;
	}
	away_ms = at_ns > s->now_ns ?
			  (int64_t)((at_ns - s->now_ns) / MF_NS_PER_MS) :
			  -(int64_t)((s->now_ns - at_ns) / MF_NS_PER_MS);
	mf_text_format(t, "\"%s\": %lld", key,
		       (long long)(s->wall_ms + away_ms));
}

static void put_task(struct mf_text *t, const struct mf_status *s,
		     const struct mf_status_row *row)
{
	const char *reason = metafora_stop_reason_name(row->stop_reason);

	put_name(t, "id", s->ids + row->id_at);
	mf_text_format(t, ", \"state\": \"%s\", ", mf_state_name(row->state));
	put_hex(t, "token", row->token);
	mf_text_put(t, ", ");
	put_time(t, s, "started_ms", row->started_ns);
	mf_text_put(t, ", ");
	put_time(t, s, "stop_asked_ms", row->stopped_ns);
	if (row->stop_reason == METAFORA_STOP_NONE)
		mf_text_put(t, ", \"stop_reason\": null");
	else
		mf_text_format(t, ", \"stop_reason\": \"%s\"", reason);
}

static void put_tasks(struct mf_text *t, const struct mf_status *s)
{
	size_t i;

	mf_text_put(t, "  \"tasks\": [");
	for (i = 0; i < s->n_rows; i++) {
		mf_text_put(t, i ? ",\n    {" : "\n    {");
		put_task(t, s, &s->rows[i]);
		mf_text_put(t, "}");
	}
	mf_text_put(t, "],\n  \"ignored\": [");
	for (i = 0; i < s->n_ignored; i++) {
		mf_text_put(t, i ? ",\n    {" : "\n    {");
		put_name(t, "id", s->ids + s->ignored[i].id_at);
		mf_text_put(t, ", ");
		put_time(t, s, "until_ms", s->ignored[i].until_ns);
		mf_text_put(t, "}");
	}
	mf_text_put(t, "],\n");
}

static void put_counters(struct mf_text *t, const struct mf_status *s)
{
#define PUT(name, field, help)                                                \
	mf_text_format(t, "    \"" #name "\": %llu,\n",                       \
		       (unsigned long long)s->field);

	mf_text_put(t, "  \"counters\": {\n");
	MF_COUNTERS(PUT)
#undef PUT
	mf_text_format(t, "    \"suspended_ms\": %llu\n  }\n",
		       (unsigned long long)(s->consumer.suspended_ns /
					    MF_NS_PER_MS));
}

static void put_session(struct mf_text *t, const struct mf_status *s)
{
	const uint64_t lease_ns = mf_status_lease_ns(s);

	put_hex(t, "session", s->session);
	mf_text_format(t, ",\n  \"session_timeout_ms\": %llu,\n",
		       (unsigned long long)(s->timeout_ns / MF_NS_PER_MS));
	if (lease_ns == METAFORA_NO_DEADLINE)
		mf_text_put(t, "  \"lease_remaining_ms\": null,\n");
	else
		mf_text_format(t, "  \"lease_remaining_ms\": %llu,\n",
			       (unsigned long long)(lease_ns / MF_NS_PER_MS));
}

static void put_status(struct mf_text *t, const struct metafora_consumer *c,
		       const struct mf_status *s)
{
	mf_text_put(t, "{\n  ");
	put_name(t, "node", c->node);
	mf_text_format(t, ",\n  \"version\": \"%s\",\n", METAFORA_VERSION);
	mf_text_put(t, "  \"coordinator\": ");
	mf_text_put_json(t, c->ops->name);
	mf_text_put(t, ",\n  \"balancer\": ");
	mf_text_put_json(t, c->balancer->ops->name);
	mf_text_format(t, ",\n  \"time_ms\": %lld,\n  \"since_ms\": %lld,\n",
		       (long long)s->wall_ms, (long long)s->since_ms);
	mf_text_format(t, "  \"life\": \"%s\",\n  \"state\": \"%s\",\n",
		       lives[s->life], metafora_member_state_name(s->state));
	mf_text_format(t, "  \"link\": \"%s\",\n  ", links[s->link]);
	put_session(t, s);
	mf_text_format(t,
		       "  \"cluster\": {\"tasks\": %zu, \"unowned\": %zu, "
		       "\"members\": %zu},\n",
		       s->n_cluster_tasks, s->n_cluster_unowned,
		       s->n_cluster_members);
	put_tasks(t, s);
	put_counters(t, s);
	mf_text_put(t, "}\n");
}

static int compare_rows(const void *a, const void *b, void *ids)
{
	const struct mf_status_row *left = a;
	const struct mf_status_row *right = b;

	return strcmp((char *)ids + left->id_at, (char *)ids + right->id_at);
}

static int compare_ignored(const void *a, const void *b, void *ids)
{
	const struct mf_status_ignored *left = a;
	const struct mf_status_ignored *right = b;

	return strcmp((char *)ids + left->id_at, (char *)ids + right->id_at);
}

int metafora_consumer_status_json(struct metafora_consumer *c,
				  int64_t timeout_ms, char **out)
{
	struct mf_text text = {0};
	struct mf_status status;
	int error;

	if (!c || !out || timeout_ms <= 0)
		return METAFORA_EINVAL;
	error = mf_status_take(c, timeout_ms, true, &status);
	if (error)
		return error;
	if (status.n_rows)
		qsort_r(status.rows, status.n_rows, sizeof(*status.rows),
			compare_rows, status.ids);
	if (status.n_ignored)
		qsort_r(status.ignored, status.n_ignored,
			sizeof(*status.ignored), compare_ignored, status.ids);
	put_status(&text, c, &status);
	mf_status_fini(&status);
	return mf_text_finish(&text, out);
}
