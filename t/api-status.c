/* SPDX-License-Identifier: Apache-2.0 */
/* Status and metrics of consumers: their form, and that they are exact. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <metafora.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "canned_node.h"
#include "prom.h"
#include "scene.h"
#include "schema.h"
#include "tap.h"

#define SESSION_MS 10000

static json_t *schema;

static void setup(void)
{
	const char *top = getenv("top_srcdir");
	char path[4096];

	snprintf(path, sizeof(path), "%s/doc/status.schema.json",
		 top ? top : ".");
	schema = json_load_file(path, 0, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(schema);
	scene_open(SESSION_MS);
}

static void teardown(void)
{
	scene_close();
	json_decref(schema);
}

/* The status, which the schema must accept; the caller's. */
static json_t *status_of(struct metafora_consumer *consumer)
{
	char *text = NULL;
	json_t *status;

	CU_ASSERT_EQUAL_FATAL(
		metafora_consumer_status_json(consumer, LONG_MS, &text), 0);
	CU_ASSERT_EQUAL(text[strlen(text) - 1], '\n');
	status = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (!status)
		tap_note("not JSON: %s", text);
	free(text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(status);
	CU_ASSERT_TRUE(schema_accepts(schema, status));
	return status;
}

/* The metrics, which must be well formed; the caller's. */
static char *metrics_of(struct metafora_consumer *consumer)
{
	char *text = NULL;

	CU_ASSERT_EQUAL_FATAL(
		metafora_consumer_metrics(consumer, LONG_MS, &text), 0);
	CU_ASSERT_TRUE(prom_accepts(text));
	return text;
}

static json_int_t number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	CU_ASSERT_TRUE(json_is_integer(value));
	return json_integer_value(value);
}

static const char *string(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "(none)";
}

static json_int_t counter(struct metafora_consumer *consumer, const char *name)
{
	json_t *status = status_of(consumer);
	json_int_t n = number(json_object_get(status, "counters"), name);

	json_decref(status);
	return n;
}

/* Waits until the counter has come to n, asking again and again. */
static bool comes_to(struct metafora_consumer *consumer, const char *name,
		     json_int_t n)
{
	const uint64_t until_ns = scene_now_ns() + LONG_MS * UINT64_C(1000000);

	while (counter(consumer, name) != n) {
		if (scene_now_ns() > until_ns)
			return false;
	}
	return true;
}

static double metric(struct metafora_consumer *consumer, const char *name,
		     const char *label)
{
	char *text = metrics_of(consumer);
	double value = prom_value(text, name, label);

	free(text);
	return value;
}

/* The same of a metric: what the broker has can be seen a little later. */
static bool metric_comes_to(struct metafora_consumer *consumer,
			    const char *name, double value)
{
	const uint64_t until_ns = scene_now_ns() + LONG_MS * UINT64_C(1000000);

	while (metric(consumer, name, NULL) != value) {
		if (scene_now_ns() > until_ns)
			return false;
	}
	return true;
}

/* The member of an array whose id is that; NULL: there is none. */
static const json_t *with_id(const json_t *status, const char *array,
			     const char *id)
{
	const json_t *member;
	size_t i;

	json_array_foreach(json_object_get(status, array), i, member)
	{
		if (!strcmp(string(member, "id"), id))
			return member;
	}
	return NULL;
}

static int64_t wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- what the node is ------------------------------------------------------- */

static void a_fresh_node_tells_who_it_is(void)
{
	const int64_t begin_ms = wall_ms();
	struct metafora_consumer *consumer = scene_start("n\"1\\", scene.async);
	json_t *status = status_of(consumer);
	const json_int_t lease_ms = number(status, "lease_remaining_ms");
	char *text;

	CU_ASSERT_STRING_EQUAL(string(status, "node"), "n\"1\\");
	CU_ASSERT_STRING_EQUAL(string(status, "version"), METAFORA_VERSION);
	CU_ASSERT_STRING_EQUAL(string(status, "coordinator"), "embedded");
	CU_ASSERT_STRING_EQUAL(string(status, "balancer"), "fair");
	CU_ASSERT_STRING_EQUAL(string(status, "life"), "running");
	CU_ASSERT_STRING_EQUAL(string(status, "state"), "active");
	CU_ASSERT_STRING_EQUAL(string(status, "link"), "up");
	CU_ASSERT_EQUAL(number(status, "session_timeout_ms"), SESSION_MS);
	CU_ASSERT_TRUE(lease_ms > 0 && lease_ms <= SESSION_MS);
	/* The wall clock may be set meanwhile, but hardly by an hour. */
	CU_ASSERT_TRUE(llabs(number(status, "since_ms") - begin_ms) < 3600000);
	CU_ASSERT_TRUE(llabs(number(status, "time_ms") - begin_ms) < 3600000);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(status, "tasks")), 0);
	json_decref(status);

	text = metrics_of(consumer);
	CU_ASSERT_EQUAL(prom_value(text, "metafora_build_info",
				   "node=\"n\\\"1\\\\\",version=\""
				   METAFORA_VERSION "\",coordinator="
				   "\"embedded\",balancer=\"fair\""), 1);
	CU_ASSERT_EQUAL(prom_value(text, "metafora_connected", NULL), 1);
	CU_ASSERT_EQUAL(prom_value(text, "metafora_session_timeout_seconds",
				   NULL), SESSION_MS / 1000.0);
	CU_ASSERT_TRUE(prom_value(text, "metafora_lease_remaining_seconds",
				  NULL) > 0);
	CU_ASSERT_EQUAL(prom_value(text, "metafora_state",
				   "state=\"active\""), 1);
	CU_ASSERT_EQUAL(prom_value(text, "metafora_state",
				   "state=\"frozen\""), 0);
	CU_ASSERT_EQUAL(prom_value(text, "metafora_sessions_total", NULL), 1);
	CU_ASSERT_EQUAL(prom_value(text, "metafora_suspended_seconds_total",
				   NULL), 0);
	free(text);
	metafora_consumer_free(consumer);
}

static void states_follow_commands(void)
{
	struct metafora_consumer *consumer = scene_start("n1", scene.async);
	json_t *status;

	CU_ASSERT_EQUAL(
		metafora_consumer_command(consumer, "freeze", NULL, LONG_MS), 0);
	status = status_of(consumer);
	CU_ASSERT_STRING_EQUAL(string(status, "state"), "frozen");
	json_decref(status);
	CU_ASSERT_EQUAL(metric(consumer, "metafora_state", "state=\"frozen\""),
			1);
	CU_ASSERT_EQUAL(
		metafora_consumer_command(consumer, "drain", NULL, LONG_MS), 0);
	status = status_of(consumer);
	CU_ASSERT_STRING_EQUAL(string(status, "state"), "draining");
	json_decref(status);
	CU_ASSERT_EQUAL(counter(consumer, "commands"), 2);
	metafora_consumer_free(consumer);
}

/* --- tasks -------------------------------------------------------------------- */

static void every_task_shows_what_becomes_of_it(void)
{
	struct metafora_consumer *consumer = scene_start("n1", scene.async);
	const json_t *task;
	json_t *status;
	char token[24];

	CU_ASSERT_EQUAL(scene_submit("b", ""), 0);
	CU_ASSERT_EQUAL(scene_submit("a", "stubborn"), 0);
	CU_ASSERT_EQUAL(scene_submit("c\x01\"\xc3\xa4", ""), 0);
	CU_ASSERT_EQUAL(scene_submit("d\xff", ""), 0);
	CU_ASSERT_TRUE(scene_wait_running("a", "n1"));
	CU_ASSERT_TRUE(scene_wait_running("b", "n1"));
	CU_ASSERT_TRUE(scene_wait_running("c\x01\"\xc3\xa4", "n1"));
	CU_ASSERT_TRUE(scene_wait_running("d\xff", "n1"));
	CU_ASSERT_EQUAL(metafora_consumer_command(consumer, "stop_task", "a",
						  LONG_MS), 0);
	status = status_of(consumer);
	CU_ASSERT_EQUAL(json_array_size(json_object_get(status, "tasks")), 4);
	/* Sorted. */
	task = json_array_get(json_object_get(status, "tasks"), 0);
	CU_ASSERT_STRING_EQUAL(string(task, "id"), "a");
	CU_ASSERT_STRING_EQUAL(string(task, "state"), "stopping");
	CU_ASSERT_STRING_EQUAL(string(task, "stop_reason"), "command");
	CU_ASSERT_TRUE(number(task, "stop_asked_ms") >=
		       number(task, "started_ms"));
	snprintf(token, sizeof(token), "%" PRIx64, scene_run("a")->token);
	CU_ASSERT_STRING_EQUAL(string(task, "token"), token);
	task = json_array_get(json_object_get(status, "tasks"), 1);
	CU_ASSERT_STRING_EQUAL(string(task, "id"), "b");
	CU_ASSERT_STRING_EQUAL(string(task, "state"), "running");
	CU_ASSERT_TRUE(json_is_null(json_object_get(task, "stop_asked_ms")));
	CU_ASSERT_TRUE(json_is_null(json_object_get(task, "stop_reason")));
	CU_ASSERT_TRUE(number(task, "started_ms") >=
		       number(status, "since_ms"));
	CU_ASSERT_TRUE(number(task, "started_ms") <= number(status, "time_ms"));
	CU_ASSERT_PTR_NOT_NULL(with_id(status, "tasks", "c\x01\"\xc3\xa4"));
	task = json_array_get(json_object_get(status, "tasks"), 3);
	CU_ASSERT_STRING_EQUAL(string(task, "id_encoded"), "d%FF");
	json_decref(status);
	CU_ASSERT_EQUAL(metric(consumer, "metafora_tasks",
			       "state=\"running\""), 3);
	CU_ASSERT_EQUAL(metric(consumer, "metafora_tasks",
			       "state=\"stopping\""), 1);
	CU_ASSERT_EQUAL(metric(consumer, "metafora_tasks",
			       "state=\"claiming\""), 0);
	scene_let_go(NULL);
	metafora_consumer_free(consumer);
}

static void ignored_tasks_show_until_when(void)
{
	struct metafora_consumer *consumer = scene_new("n1", scene.async);
	const json_t *ignored;
	json_t *status;

	CU_ASSERT_EQUAL(metafora_consumer_set_release_backoff_ms(
				consumer, 3600000, 3600000), 0);
	CU_ASSERT_EQUAL(metafora_consumer_start(consumer, LONG_MS), 0);
	CU_ASSERT_EQUAL(scene_submit("a", "release"), 0);
	CU_ASSERT_TRUE(comes_to(consumer, "releases", 1));
	status = status_of(consumer);
	ignored = with_id(status, "ignored", "a");
	CU_ASSERT_PTR_NOT_NULL_FATAL(ignored);
	CU_ASSERT_TRUE(number(ignored, "until_ms") >
		       number(status, "time_ms") + 1800000);
	CU_ASSERT_TRUE(number(ignored, "until_ms") <=
		       number(status, "time_ms") + 3600000);
	json_decref(status);
	CU_ASSERT_EQUAL(metric(consumer, "metafora_ignored_tasks", NULL), 1);
	CU_ASSERT_TRUE(metric_comes_to(consumer,
				       "metafora_cluster_unowned_tasks", 1));
	metafora_consumer_free(consumer);
}

/* --- counters ------------------------------------------------------------------ */

/* Every counter that is not 0 must be told; the others are. */
struct expected {
	const char *name;
	json_int_t n;
};

static void expect(struct metafora_consumer *consumer,
		   const struct expected *expected, size_t n)
{
	json_t *status = status_of(consumer);
	char *text = metrics_of(consumer);
	const json_t *counters = json_object_get(status, "counters");
	char name[100];
	size_t i;

	for (i = 0; i < n; i++) {
		if (number(counters, expected[i].name) != expected[i].n)
			tap_note("%s is %lld", expected[i].name,
				 (long long)number(counters, expected[i].name));
		CU_ASSERT_EQUAL(number(counters, expected[i].name),
				expected[i].n);
		snprintf(name, sizeof(name), "metafora_%s_total",
			 expected[i].name);
		CU_ASSERT_EQUAL(prom_value(text, name, NULL),
				(double)expected[i].n);
	}
	free(text);
	json_decref(status);
}

#define EXPECT(consumer, ...)                                                 \
	do {                                                                  \
		static const struct expected rows[] = {__VA_ARGS__};          \
		expect(consumer, rows, sizeof(rows) / sizeof(rows[0]));       \
	} while (0)

static void counters_are_exact(void)
{
	struct metafora_consumer *consumer = scene_new("n1", scene.async);

	CU_ASSERT_EQUAL(metafora_consumer_set_release_backoff_ms(
				consumer, 3600000, 3600000), 0);
	CU_ASSERT_EQUAL(metafora_consumer_start(consumer, LONG_MS), 0);
	EXPECT(consumer, {"claims_tried", 0}, {"claims_won", 0}, {"done", 0},
	       {"releases", 0}, {"handlers_started", 0}, {"sessions", 1});
	CU_ASSERT_EQUAL(scene_submit("a", "done"), 0);
	CU_ASSERT_TRUE(comes_to(consumer, "done", 1));
	CU_ASSERT_EQUAL(scene_submit("b", "release"), 0);
	CU_ASSERT_TRUE(comes_to(consumer, "releases", 1));
	CU_ASSERT_EQUAL(scene_submit("c", "refuse"), 0);
	CU_ASSERT_TRUE(comes_to(consumer, "releases", 2));
	CU_ASSERT_EQUAL(scene_submit("d", ""), 0);
	CU_ASSERT_TRUE(scene_wait_running("d", "n1"));
	EXPECT(consumer, {"claims_won", 4}, {"done", 1}, {"releases", 2},
	       {"handlers_started", 3}, {"handlers_not_started", 1},
	       {"handlers_gave_back", 1}, {"lost", 0}, {"moves_in", 0},
	       {"moves_out", 0}, {"queued", 0}, {"evictions", 0},
	       {"repairs", 0}, {"sessions", 1}, {"sessions_lost", 0},
	       {"reconnects", 0}, {"commands", 0});
	/* A view that trailed behind may have shown "a" once more. */
	CU_ASSERT_EQUAL(counter(consumer, "claims_tried"),
			4 + counter(consumer, "claims_lost"));
	/* The coordinator counts, too. */
	CU_ASSERT_TRUE(counter(consumer, "bucket_reads") > 0);
	CU_ASSERT_TRUE(counter(consumer, "broker_writes") >= 4);
	CU_ASSERT_TRUE(metric(consumer, "metafora_broker_latency_seconds_count",
			      NULL) >= 1);
	CU_ASSERT_TRUE(metric(consumer, "metafora_loop_lag_seconds_count",
			      NULL) > 4);
	metafora_consumer_free(consumer);
}

static void moves_are_counted_on_both_sides(void)
{
	struct metafora_consumer *one = scene_start("n1", scene.async);
	struct metafora_consumer *other;
	int i;

	for (i = 0; i < 4; i++) {
		char id[16];

		snprintf(id, sizeof(id), "t%d", i);
		CU_ASSERT_EQUAL(scene_submit(id, ""), 0);
		CU_ASSERT_TRUE(scene_wait_running(id, "n1"));
	}
	other = scene_start("n2", scene.async);
	CU_ASSERT_TRUE(comes_to(one, "moves_out", 2));
	CU_ASSERT_TRUE(comes_to(other, "moves_in", 2));
	EXPECT(one, {"moves_in", 0}, {"releases", 2}, {"claims_won", 4});
	EXPECT(other, {"moves_out", 0}, {"queued", 2}, {"claims_tried", 0});
	CU_ASSERT_EQUAL(metric(other, "metafora_cluster_members", NULL), 2);
	CU_ASSERT_EQUAL(metric(other, "metafora_cluster_tasks", NULL), 4);
	metafora_consumer_free(other);
	metafora_consumer_free(one);
}

static void time_out_of_touch_is_counted(void)
{
	struct metafora_consumer *consumer = scene_start("n1", scene.async);
	json_t *status;
	double first, later;

	CU_ASSERT_EQUAL(scene_submit("a", ""), 0);
	CU_ASSERT_TRUE(scene_wait_running("a", "n1"));
	CU_ASSERT_EQUAL(metafora_embedded_cut(scene.broker, "n1", true), 0);
	CU_ASSERT_TRUE(scene_wait_line("connection suspended", NULL));
	status = status_of(consumer);
	CU_ASSERT_STRING_EQUAL(string(status, "link"), "suspended");
	json_decref(status);
	CU_ASSERT_EQUAL(metric(consumer, "metafora_connected", NULL), 0);
	first = metric(consumer, "metafora_suspended_seconds_total", NULL);
	CU_ASSERT_TRUE(first > 0);
	/* It grows while it lasts. */
	CU_ASSERT_TRUE(metric(consumer, "metafora_suspended_seconds_total",
			      NULL) > first);
	CU_ASSERT_EQUAL(metafora_embedded_cut(scene.broker, "n1", false), 0);
	CU_ASSERT_TRUE(comes_to(consumer, "reconnects", 1));
	/* And stands still afterwards. */
	later = metric(consumer, "metafora_suspended_seconds_total", NULL);
	CU_ASSERT_TRUE(later > first);
	CU_ASSERT_EQUAL(metric(consumer, "metafora_suspended_seconds_total",
			       NULL), later);
	EXPECT(consumer, {"sessions", 1}, {"sessions_lost", 0}, {"lost", 0});
	metafora_consumer_free(consumer);
}

static void lost_sessions_and_claims_are_counted(void)
{
	struct metafora_consumer *consumer = scene_start("n1", scene.async);
	json_t *status;

	CU_ASSERT_EQUAL(scene_submit("a", "stubborn"), 0);
	CU_ASSERT_TRUE(scene_wait_running("a", "n1"));
	CU_ASSERT_EQUAL(metafora_embedded_expire(scene.broker, "n1"), 0);
	CU_ASSERT_TRUE(comes_to(consumer, "sessions", 2));
	EXPECT(consumer, {"sessions_lost", 1}, {"lost", 1}, {"claims_won", 1},
	       {"releases", 0});
	status = status_of(consumer);
	CU_ASSERT_STRING_EQUAL(string(with_id(status, "tasks", "a"), "state"),
			       "adrift");
	CU_ASSERT_STRING_EQUAL(string(with_id(status, "tasks", "a"),
				      "stop_reason"), "lost");
	json_decref(status);
	scene_let_go(NULL);
	metafora_consumer_free(consumer);
}

/* --- calls --------------------------------------------------------------------- */

static void a_node_name_that_is_no_utf8_is_encoded(void)
{
	struct metafora_consumer *consumer = scene_start("n\xff", scene.async);
	json_t *status = status_of(consumer);

	CU_ASSERT_STRING_EQUAL(string(status, "node_encoded"), "n%FF");
	json_decref(status);
	CU_ASSERT_EQUAL(metric(consumer, "metafora_connected",
			       "node=\"n%FF\""), 1);
	metafora_consumer_free(consumer);
}

static char *from_callback;

static int ask_from_callback(void *arg, const char *name, const char *argument,
			     struct metafora_command_reply *reply)
{
	(void)name;
	(void)argument;
	(void)reply;
	return metafora_consumer_status_json(
		*(struct metafora_consumer **)arg, 1, &from_callback);
}

static void a_callback_is_answered_at_once(void)
{
	struct metafora_consumer *consumer = scene_new("n1", scene.async);
	json_t *status;

	CU_ASSERT_EQUAL(metafora_consumer_set_command_handler(
				consumer, ask_from_callback, &consumer), 0);
	CU_ASSERT_EQUAL(metafora_consumer_start(consumer, LONG_MS), 0);
	from_callback = NULL;
	CU_ASSERT_EQUAL(metafora_consumer_command(consumer, "ask", NULL,
						  LONG_MS), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(from_callback);
	status = json_loads(from_callback, 0, NULL);
	CU_ASSERT_TRUE(schema_accepts(schema, status));
	json_decref(status);
	free(from_callback);
	metafora_consumer_free(consumer);
}

static void errors_leave_out_alone(void)
{
	struct metafora_consumer *consumer = scene_new("n1", scene.async);
	char *out = NULL;

#define REFUSED(error, ...)                                                   \
	do {                                                                  \
		CU_ASSERT_EQUAL(metafora_consumer_status_json(__VA_ARGS__),   \
				METAFORA_##error);                            \
		CU_ASSERT_EQUAL(metafora_consumer_metrics(__VA_ARGS__),       \
				METAFORA_##error);                            \
	} while (0)

	REFUSED(EINVAL, NULL, LONG_MS, &out);
	REFUSED(EINVAL, consumer, LONG_MS, NULL);
	REFUSED(EINVAL, consumer, 0, &out);
	REFUSED(EINVAL, consumer, -1, &out);
	REFUSED(ESTATE, consumer, LONG_MS, &out);
	CU_ASSERT_EQUAL(metafora_consumer_start(consumer, LONG_MS), 0);
	/* The loop is held up. */
	CU_ASSERT_EQUAL(scene_submit("a", "block"), 0);
	CU_ASSERT_TRUE(scene_wait_running("a", "n1"));
	REFUSED(ETIMEDOUT, consumer, 20, &out);
	scene_let_go(NULL);
	CU_ASSERT_EQUAL(metafora_consumer_stop(consumer), 0);
	REFUSED(ESTOPPED, consumer, LONG_MS, &out);
#undef REFUSED
	CU_ASSERT_PTR_NULL(out);
	metafora_consumer_free(consumer);
}

/* A broker that knows no leases, and a coordinator that never observes. */
static void without_leases_there_is_no_remaining_time(void)
{
	struct canned_node canned = {0};
	struct metafora_consumer *consumer =
		canned_consumer(&canned, scene.async);
	json_t *status;

	CU_ASSERT_EQUAL(metafora_consumer_start(consumer, LONG_MS), 0);
	status = status_of(consumer);
	CU_ASSERT_TRUE(
		json_is_null(json_object_get(status, "lease_remaining_ms")));
	json_decref(status);
	CU_ASSERT_TRUE(isinf(metric(
		consumer, "metafora_lease_remaining_seconds", NULL)));
	CU_ASSERT_EQUAL(metric(consumer,
			       "metafora_broker_latency_seconds_count", NULL),
			0);
	metafora_consumer_free(consumer);
}

/* --- the checks themselves --------------------------------------------------------- */

static void what_is_malformed_is_found(void)
{
	static const char *const texts[] = {
		"",
		"a 1\n",
		"# HELP a A.\n# TYPE a gauge\n",
		"# HELP a A.\n# TYPE a gauge\na 1",
		"# HELP a A.\n# TYPE a gauge\na{b=1} 1\n",
		"# HELP a A.\n# TYPE a gauge\na{b=\"\\x\"} 1\n",
		"# HELP a A.\n# TYPE a gauge\na one\n",
		"# HELP a A.\n# TYPE a gauge\na 1\na 1\n",
		"# HELP a A.\n# TYPE a counter\na 1\n",
		"# HELP a A.\n# TYPE a gauge\na 1\n# HELP a A.\n"
		"# TYPE a gauge\na 1\n",
		"# HELP a A.\n# TYPE a histogram\na_bucket{le=\"1\"} 1\n"
		"a_sum 1\na_count 1\n",
		"# HELP a A.\n# TYPE a histogram\na_bucket{le=\"1\"} 2\n"
		"a_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n",
	};
	size_t i;

	CU_ASSERT_TRUE(prom_accepts(
		"# HELP a A.\n# TYPE a histogram\na_bucket{le=\"1\"} 1\n"
		"a_bucket{le=\"+Inf\"} 1\na_sum 0.5\na_count 1\n"));
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CU_ASSERT_FALSE(prom_accepts(texts[i]));
}

/* Each member of a good status, taken out or spoilt, must be missed. */
static void what_the_schema_forbids_is_found(void)
{
	struct metafora_consumer *consumer = scene_start("n1", scene.async);
	json_t *status = status_of(consumer);
	const char *key;
	json_t *value;

	json_object_foreach(status, key, value)
	{
		json_t *spoilt = json_copy(status);

		CU_ASSERT_EQUAL(json_object_del(spoilt, key), 0);
		CU_ASSERT_FALSE(schema_accepts(schema, spoilt));
		CU_ASSERT_EQUAL(json_object_set_new(spoilt, key, json_real(1)),
				0);
		CU_ASSERT_FALSE(schema_accepts(schema, spoilt));
		json_decref(spoilt);
	}
	CU_ASSERT_EQUAL(json_object_set_new(status, "more", json_null()), 0);
	CU_ASSERT_FALSE(schema_accepts(schema, status));
	json_decref(status);
	metafora_consumer_free(consumer);
}

static const struct tap_case cases[] = {
	{"a fresh node tells who it is", a_fresh_node_tells_who_it_is},
	{"states follow commands", states_follow_commands},
	{"every task shows what becomes of it",
	 every_task_shows_what_becomes_of_it},
	{"ignored tasks show until when", ignored_tasks_show_until_when},
	{"counters are exact", counters_are_exact},
	{"moves are counted on both sides", moves_are_counted_on_both_sides},
	{"time out of touch is counted", time_out_of_touch_is_counted},
	{"lost sessions and claims are counted",
	 lost_sessions_and_claims_are_counted},
	{"a node name that is no UTF-8 is encoded",
	 a_node_name_that_is_no_utf8_is_encoded},
	{"a callback is answered at once", a_callback_is_answered_at_once},
	{"errors leave out alone", errors_leave_out_alone},
	{"without leases there is no remaining time",
	 without_leases_there_is_no_remaining_time},
	{"what is malformed is found", what_is_malformed_is_found},
	{"what the schema forbids is found", what_the_schema_forbids_is_found},
};

TAP_MAIN(cases, setup, teardown)
