/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster watched through the API: what is told, in which order. */
#include <metafora.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "canned_node.h"
#include "scene.h"
#include "tap.h"

#define LINES_MAX 512

/* What a watch was told: "TYPE task node", and what has no such part. */
struct ear {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	char lines[LINES_MAX][80];
	size_t n;
	struct metafora_watch *to_free; /* at the first event */
	int inner;                      /* what a blocking call returned */
	uint64_t token;                 /* of the newest event that has one */
	enum metafora_member_state state;
};

static struct ear ear = {.lock = PTHREAD_MUTEX_INITIALIZER,
			 .changed = PTHREAD_COND_INITIALIZER};
static struct ear other = {.lock = PTHREAD_MUTEX_INITIALIZER,
			   .changed = PTHREAD_COND_INITIALIZER};
static struct metafora_watch *watch;

static void on_event(void *arg, const struct metafora_event *event)
{
	struct ear *to = arg;
	const char *task = metafora_event_task(event);
	const char *node = metafora_event_node(event);
	int inner = metafora_client_delete(scene.client, "none", LONG_MS);

	pthread_mutex_lock(&to->lock);
	to->inner = inner;
	if (metafora_event_token(event))
		to->token = metafora_event_token(event);
	if (metafora_event_type(event) == METAFORA_EVENT_NODE_JOINED ||
	    metafora_event_type(event) == METAFORA_EVENT_NODE_CHANGED)
		to->state = metafora_event_state(event);
	CU_ASSERT_FATAL(to->n < LINES_MAX);
	snprintf(to->lines[to->n++], sizeof(to->lines[0]), "%s%s%.20s%s%.20s",
		 metafora_event_type_name(metafora_event_type(event)),
		 task ? " " : "", task ? task : "", node ? " " : "",
		 node ? node : "");
	metafora_watch_free(to->to_free);
	to->to_free = NULL;
	pthread_cond_broadcast(&to->changed);
	pthread_mutex_unlock(&to->lock);
}

/* With the lock held. */
static size_t find_line(const struct ear *to, const char *line, size_t from)
{
	size_t i;

	for (i = from; i < to->n; i++)
		if (strcmp(to->lines[i], line) == 0)
			return i;
	return LINES_MAX;
}

/* Wait for a line from there on; its place. */
static size_t await(struct ear *to, const char *line, size_t from)
{
	size_t i;

	pthread_mutex_lock(&to->lock);
	while ((i = find_line(to, line, from)) == LINES_MAX)
		pthread_cond_wait(&to->changed, &to->lock);
	pthread_mutex_unlock(&to->lock);
	return i;
}

static bool was_told(struct ear *to, const char *line)
{
	bool told;

	pthread_mutex_lock(&to->lock);
	told = find_line(to, line, 0) != LINES_MAX;
	pthread_mutex_unlock(&to->lock);
	return told;
}

static void listen_with(struct ear *to, struct metafora_watch **out)
{
	to->n = 0;
	CU_ASSERT_EQUAL_FATAL(
		metafora_client_watch(scene.client, on_event, to, out), 0);
}

static void setup(void)
{
	scene_open(10000);
	watch = NULL;
}

static void teardown(void)
{
	metafora_watch_free(watch);
	scene_close();
}

/* --- cases ------------------------------------------------------------------------ */

static void watch_refuses_bad_arguments(void)
{
	CU_ASSERT_EQUAL(metafora_client_watch(NULL, on_event, &ear, &watch),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_client_watch(scene.client, NULL, &ear, &watch),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(
		metafora_client_watch(scene.client, on_event, &ear, NULL),
		METAFORA_EINVAL);
	CU_ASSERT_PTR_NULL(watch);
	metafora_watch_free(NULL);
}

static void an_event_of_nothing_says_nothing(void)
{
	CU_ASSERT_PTR_NULL(metafora_event_type_name(
		(enum metafora_event_type)10));
	CU_ASSERT_EQUAL(metafora_event_type(NULL), METAFORA_EVENT_SYNCED);
	CU_ASSERT_PTR_NULL(metafora_event_task(NULL));
	CU_ASSERT_PTR_NULL(metafora_event_node(NULL));
	CU_ASSERT_EQUAL(metafora_event_token(NULL), 0);
	CU_ASSERT_EQUAL(metafora_event_state(NULL), METAFORA_MEMBER_ACTIVE);
	CU_ASSERT_TRUE(metafora_event_weight(NULL) == 0);
	CU_ASSERT_EQUAL(metafora_event_capacity(NULL), 0);
	CU_ASSERT_EQUAL(metafora_event_error(NULL), 0);
}

static void what_is_there_is_told_first(void)
{
	struct metafora_consumer *consumer;
	size_t owned, synced;

	CU_ASSERT_EQUAL(scene_submit("a", ""), 0);
	consumer = scene_start("n1", scene.async);
	CU_ASSERT_TRUE(scene_wait_running("a", "n1"));
	listen_with(&ear, &watch);
	synced = await(&ear, "SYNCED", 0);
	CU_ASSERT_EQUAL(await(&ear, "CONNECTED", 0), 0);
	CU_ASSERT_TRUE(await(&ear, "NODE_JOINED n1", 0) < synced);
	owned = await(&ear, "TASK_OWNED a n1", 0);
	CU_ASSERT_TRUE(await(&ear, "TASK_SUBMITTED a", 0) < owned);
	CU_ASSERT_TRUE(owned < synced);
	CU_ASSERT_EQUAL(ear.n, 5);
	CU_ASSERT_EQUAL(ear.inner, METAFORA_ETHREAD);
	CU_ASSERT_EQUAL(ear.token, scene_run("a")->token);
	metafora_consumer_free(consumer);
}

static void what_changes_is_told(void)
{
	struct metafora_consumer *consumer;

	listen_with(&ear, &watch);
	await(&ear, "SYNCED", 0);
	CU_ASSERT_EQUAL(scene_submit("a", ""), 0);
	await(&ear, "TASK_SUBMITTED a", 0);
	consumer = scene_start("n1", scene.async);
	await(&ear, "NODE_JOINED n1", 0);
	await(&ear, "TASK_OWNED a n1", 0);
	CU_ASSERT_EQUAL(metafora_client_command(scene.client, "n1", "freeze",
						NULL, LONG_MS, NULL),
			0);
	await(&ear, "NODE_CHANGED n1", 0);
	CU_ASSERT_EQUAL(ear.state, METAFORA_MEMBER_FROZEN);
	CU_ASSERT_EQUAL(metafora_client_command(scene.client, "n1", "stop_task",
						"a", LONG_MS, NULL),
			0);
	await(&ear, "TASK_FREED a n1", 0);
	metafora_consumer_free(consumer);
	await(&ear, "NODE_LEFT n1", 0);
	CU_ASSERT_EQUAL(metafora_client_delete(scene.client, "a", LONG_MS), 0);
	await(&ear, "TASK_REMOVED a", 0);
}

static void differences_follow_a_broken_connection(void)
{
	struct metafora_client *client;
	size_t back;

	CU_ASSERT_EQUAL(scene_submit("gone", ""), 0);
	CU_ASSERT_EQUAL(scene_submit("kept", ""), 0);
	listen_with(&ear, &watch);
	await(&ear, "SYNCED", 0);
	metafora_embedded_cut(scene.broker, NULL, true);
	await(&ear, "DISCONNECTED", 0);
	CU_ASSERT_FALSE(was_told(&ear, "TASK_REMOVED gone"));
	metafora_embedded_cut(scene.broker, NULL, false);
	back = await(&ear, "SYNCED", await(&ear, "DISCONNECTED", 0));
	CU_ASSERT_TRUE(await(&ear, "CONNECTED", 1) < back);
	CU_ASSERT_EQUAL_FATAL(metafora_client_new(scene.coordinator, NULL, NULL,
						  METAFORA_LOG_ERROR, &client),
			      0);
	CU_ASSERT_EQUAL(metafora_client_delete(client, "gone", LONG_MS), 0);
	await(&ear, "TASK_REMOVED gone", back);
	/* What is as it was is not told again. */
	pthread_mutex_lock(&ear.lock);
	CU_ASSERT_EQUAL(find_line(&ear, "TASK_SUBMITTED kept", back),
			LINES_MAX);
	pthread_mutex_unlock(&ear.lock);
	metafora_client_free(client);
}

static void several_watches_share_one_picture(void)
{
	struct metafora_watch *second;
	size_t n;

	CU_ASSERT_EQUAL(scene_submit("a", ""), 0);
	listen_with(&ear, &watch);
	await(&ear, "SYNCED", 0);
	n = ear.n;
	listen_with(&other, &second);
	await(&other, "SYNCED", 0);
	CU_ASSERT_EQUAL(other.n, n);
	CU_ASSERT_EQUAL(scene_submit("b", ""), 0);
	await(&ear, "TASK_SUBMITTED b", 0);
	await(&other, "TASK_SUBMITTED b", 0);
	metafora_watch_free(second);
	n = other.n;
	CU_ASSERT_EQUAL(scene_submit("c", ""), 0);
	await(&ear, "TASK_SUBMITTED c", 0);
	CU_ASSERT_EQUAL(other.n, n);
}

static void a_watch_may_free_itself(void)
{
	struct metafora_watch *second = NULL;

	pthread_mutex_lock(&other.lock);
	listen_with(&other, &second);
	other.to_free = second;
	pthread_mutex_unlock(&other.lock);
	await(&other, "CONNECTED", 0);
	/* The client is free to watch again. */
	listen_with(&ear, &watch);
	await(&ear, "SYNCED", 0);
	CU_ASSERT_EQUAL(other.n, 1);
}

static void a_closed_client_tells_nothing(void)
{
	struct metafora_watch *late;
	struct metafora_client *client;

	CU_ASSERT_EQUAL_FATAL(metafora_client_new(scene.coordinator, NULL, NULL,
						  METAFORA_LOG_ERROR, &client),
			      0);
	ear.n = 0;
	CU_ASSERT_EQUAL_FATAL(
		metafora_client_watch(client, on_event, &ear, &late), 0);
	await(&ear, "SYNCED", 0);
	metafora_client_close(client);
	CU_ASSERT_EQUAL(metafora_client_watch(client, on_event, &ear, &watch),
			METAFORA_ESTOPPED);
	metafora_watch_free(late);
	metafora_client_free(client);
	CU_ASSERT_FALSE(was_told(&ear, "DISCONNECTED"));
}

static const struct tap_case cases[] = {
	{"watch refuses bad arguments", watch_refuses_bad_arguments},
	{"an event of nothing says nothing", an_event_of_nothing_says_nothing},
	{"what is there is told first", what_is_there_is_told_first},
	{"what changes is told", what_changes_is_told},
	{"differences follow a broken connection",
	 differences_follow_a_broken_connection},
	{"several watches share one picture",
	 several_watches_share_one_picture},
	{"a watch may free itself", a_watch_may_free_itself},
	{"a closed client tells nothing", a_closed_client_tells_nothing},
};

TAP_MAIN(cases, setup, teardown)
