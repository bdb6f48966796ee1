/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration when memory runs out: each allocation of ours fails once.
 * What libconfuse allocates is its own: it survives what it can (a failed
 * parse without a word is METAFORA_ENOMEM), and aborts within quoted strings.
 */
#include <metafora.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "oom.h"
#include "tap.h"

static const char good[] =
	"# all that is allocated\n"
	"node { name = \"${OOM_NAME}\" weight = 2 }\n"
	"zookeeper {\n servers = 'a:1' namespace = /a auth_env = OOM_SECRET\n"
	" acl_mode = list acl = { 'auth::cdrwa', 'world:anyone:r' }\n}\n"
	"balancer { kind = fair cool_down_ms = 10 }\n";
static const char bad[] = "node { colour = red weight = -1 }\nno { }\n"
			  "a = 1 b = 1 c = 1 d = 1 e = 1 f = 1 g = 1 h = 1\n";

static int n_reports;

static void report(void *arg, const char *file, int line, const char *key,
		   const char *message)
{
	(void)arg, (void)file, (void)line, (void)key, (void)message;
	n_reports++;
}

static void setup(void)
{
	setenv("OOM_NAME", "a name", 1);
	setenv("OOM_SECRET", "user:hush", 1);
}

/* An error is the lack of memory if there was one, and nothing is made. */
static void check(int error, const void *made)
{
	if (!oom_failed()) {
		CU_ASSERT_EQUAL(error, 0);
		CU_ASSERT_PTR_NOT_NULL(made);
	} else if (error) {
		CU_ASSERT_EQUAL(error, METAFORA_ENOMEM);
		CU_ASSERT_PTR_NULL(made);
	}
}

static void parse_good(void *arg)
{
	struct metafora_config *config = NULL;
	int error = metafora_config_parse(good, "", NULL, NULL, &config);

	(void)arg;
	check(error, config);
	metafora_config_free(config);
}

static void parsing_survives(void)
{
	CU_ASSERT_TRUE(oom_for_each(parse_good, NULL) > 10);
}

static void parse_bad(void *arg)
{
	struct metafora_config *config = NULL;
	int error;

	(void)arg;
	n_reports = 0;
	error = metafora_config_parse(bad, "", report, NULL, &config);
	CU_ASSERT_PTR_NULL(config);
	if (oom_failed()) {
		CU_ASSERT_EQUAL(error, METAFORA_ENOMEM);
	} else {
		CU_ASSERT_EQUAL(error, METAFORA_ECONFIG);
		CU_ASSERT_EQUAL(n_reports, 11);
	}
}

static void telling_what_is_wrong_survives(void)
{
	CU_ASSERT_TRUE(oom_for_each(parse_bad, NULL) > 3);
}

static struct metafora_config *make(const char *text)
{
	struct metafora_config *config = NULL;

	oom_pause();
	CU_ASSERT_EQUAL_FATAL(
		metafora_config_parse(text, "", NULL, NULL, &config), 0);
	oom_resume();
	return config;
}

static void make_coordinator(void *text)
{
	struct metafora_coordinator *coordinator = NULL;
	struct metafora_config *config = make(text);
	int error = metafora_config_coordinator(config, &coordinator);

	check(error, coordinator);
	metafora_coordinator_free(coordinator);
	metafora_config_free(config);
}

static void making_coordinators_survives(void)
{
	char embedded[] = "embedded { }";
	char zookeeper[sizeof(good)];

	strcpy(zookeeper, good);
	CU_ASSERT_TRUE(oom_for_each(make_coordinator, embedded) > 2);
	CU_ASSERT_TRUE(oom_for_each(make_coordinator, zookeeper) > 10);
}

static void set_keys(void *arg)
{
	struct metafora_config *config = make("node { name = old }");
	const char *value = NULL;
	int error;

	(void)arg;
	error = metafora_config_set(config, "node.name", "new");
	metafora_config_get(config, "node.name", 0, &value);
	CU_ASSERT_STRING_EQUAL(value, error ? "old" : "new");
	check(error, error ? NULL : value);
	error = metafora_config_set(config, "zookeeper.acl", "a:b:r");
	metafora_config_get(config, "zookeeper.acl", 0, &value);
	check(error, value);
	metafora_config_free(config);
}

static void setting_survives_and_keeps_what_was(void)
{
	CU_ASSERT_TRUE(oom_for_each(set_keys, NULL) > 2);
}

static int start(void *arg, struct metafora_task *task)
{
	(void)arg, (void)task;
	return -1;
}

static void make_consumer(void *arg)
{
	struct metafora_consumer *consumer = NULL;
	struct metafora_config *config = make("embedded { }");
	int error = metafora_config_consumer(config, arg, &consumer);

	check(error, consumer);
	metafora_config_free(config);
	metafora_consumer_free(consumer);
}

static void making_a_consumer_survives(void)
{
	struct metafora_handler *handler;

	CU_ASSERT_EQUAL_FATAL(metafora_handler_new_async(start, NULL, &handler),
			      0);
	CU_ASSERT_TRUE(oom_for_each(make_consumer, handler) > 5);
	metafora_handler_free(handler);
}

static void load_file(void *path)
{
	struct metafora_config *config = NULL;
	int error = metafora_config_load(path, NULL, NULL, &config);

	check(error, config);
	metafora_config_free(config);
}

static void loading_survives(void)
{
	char path[] = "/tmp/unit-config-oom-XXXXXX";
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, good, strlen(good)), (ssize_t)strlen(good));
	close(fd);
	CU_ASSERT_TRUE(oom_for_each(load_file, path) > 10);
	unlink(path);
}

static const struct tap_case cases[] = {
	{"parsing survives", parsing_survives},
	{"telling what is wrong survives", telling_what_is_wrong_survives},
	{"loading survives", loading_survives},
	{"making coordinators survives", making_coordinators_survives},
	{"setting survives, and keeps what was",
	 setting_survives_and_keeps_what_was},
	{"making a consumer survives", making_a_consumer_survives},
};

TAP_MAIN(cases, setup, NULL)
