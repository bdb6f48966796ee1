/* SPDX-License-Identifier: Apache-2.0 */
/* A watch when memory runs out, on a virtual clock. */
#include <metafora.h>
#include <stdbool.h>
#include <string.h>

#include "oom.h"
#include "request.h"
#include "site.h"
#include "tap.h"

#define SESSION_MS 10000
#define LONG_MS 60000

static struct site *site;
static struct metafora_embedded_broker *broker;
static struct metafora_coordinator *coordinator;
static struct metafora_client *client;

/* What was told. */
static unsigned int n_submitted, n_removed, n_synced;

static void on_event(void *arg, const struct metafora_event *event)
{
	(void)arg;
	n_submitted += metafora_event_type(event) ==
		       METAFORA_EVENT_TASK_SUBMITTED;
	n_removed += metafora_event_type(event) == METAFORA_EVENT_TASK_REMOVED;
	n_synced += metafora_event_type(event) == METAFORA_EVENT_SYNCED;
}

static bool is_synced(void *arg)
{
	(void)arg;
	return n_synced > 0;
}

static bool is_removed(void *arg)
{
	(void)arg;
	return n_removed > 0;
}

static bool has_quit(void *arg)
{
	(void)arg;
	return client->loop.quitting;
}

static unsigned int n_replies;
static int reply_error;

static void on_reply(void *arg, const struct metafora_reply *reply)
{
	(void)arg;
	reply_error = reply->error;
	n_replies++;
}

static bool has_come(void *arg)
{
	(void)arg;
	return n_replies > 0;
}

static void submit(const char *id)
{
	struct metafora_batch *batch;

	n_replies = 0;
	CU_ASSERT_EQUAL_FATAL(metafora_batch_new(&batch), 0);
	CU_ASSERT_EQUAL_FATAL(
		metafora_batch_add(batch, id, strlen(id), NULL, 0), 0);
	CU_ASSERT_EQUAL_FATAL(
		mf_client_submit(client, batch, LONG_MS, on_reply, NULL), 0);
	CU_ASSERT_TRUE_FATAL(site_wait(site, has_come, NULL, LONG_MS));
	CU_ASSERT_EQUAL(reply_error, 0);
	metafora_batch_free(batch);
}

static int remove_b(void)
{
	int error;

	n_replies = 0;
	error = mf_client_remove(client, "b", LONG_MS, on_reply, NULL);
	if (error)
		return error;
	CU_ASSERT_TRUE_FATAL(site_wait(site, has_come, NULL, LONG_MS));
	return reply_error;
}

static void open_all(void)
{
	site = site_new_world(1);
	CU_ASSERT_EQUAL_FATAL(metafora_embedded_broker_new(SESSION_MS, &broker),
			      0);
	CU_ASSERT_EQUAL_FATAL(
		metafora_embedded_coordinator_new(broker, &coordinator), 0);
	CU_ASSERT_EQUAL_FATAL(mf_client_new_on(site->runtime, coordinator, NULL,
					       NULL, METAFORA_LOG_ERROR,
					       &client),
			      0);
	n_submitted = n_removed = n_synced = 0;
	submit("a");
	submit("b");
	submit("c");
}

static void watch_once(void *arg)
{
	struct metafora_watch *watch = NULL;
	int error;

	(void)arg;
	oom_pause();
	open_all();
	oom_resume();
	error = metafora_client_watch(client, on_event, NULL, &watch);
	if (error == METAFORA_ENOMEM) {
		CU_ASSERT_TRUE(oom_failed());
		error = metafora_client_watch(client, on_event, NULL, &watch);
	}
	CU_ASSERT_EQUAL_FATAL(error, 0);
	CU_ASSERT_TRUE(site_wait(site, is_synced, NULL, LONG_MS));
	/* Each once, however often it had to be read. */
	CU_ASSERT_EQUAL(n_submitted, 3);
	CU_ASSERT_EQUAL(n_removed, 0);
	if (remove_b() == METAFORA_ENOMEM)
		CU_ASSERT_EQUAL(remove_b(), 0);
	CU_ASSERT_TRUE(site_wait(site, is_removed, NULL, LONG_MS));
	CU_ASSERT_EQUAL(n_removed, 1);
	oom_pause();
	/* Its loop has to end first, as nobody runs it while watch_free waits. */
	mf_client_close(client);
	CU_ASSERT_TRUE_FATAL(site_wait(site, has_quit, NULL, LONG_MS));
	metafora_watch_free(watch);
	metafora_client_free(client);
	metafora_coordinator_free(coordinator);
	metafora_embedded_broker_free(broker);
	site_free(site);
	oom_resume();
}

static void memory_that_runs_out_once_spoils_no_watch(void)
{
	const size_t n = oom_for_each(watch_once, NULL);

	tap_note("%zu allocations failed, one at a time", n);
	CU_ASSERT_TRUE(n > 50);
}

static const struct tap_case cases[] = {
	{"memory that runs out once spoils no watch",
	 memory_that_runs_out_once_spoils_no_watch},
};

TAP_MAIN(cases, NULL, NULL)
