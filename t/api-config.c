/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations through the shared library: what is made of one works. */
#include <fcntl.h>
#include <metafora.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

#define LONG_MS 60000

static char folder[] = "/tmp/api-config-XXXXXX";
static char path[sizeof(folder) + 20];

/* --- what is reported ------------------------------------------------------------ */

static char reports[8192];
static int n_reports;

static void report(void *arg, const char *file, int line, const char *key,
		   const char *message)
{
	size_t used = strlen(reports);

	CU_ASSERT_PTR_EQUAL(arg, &n_reports);
	n_reports++;
	snprintf(reports + used, sizeof(reports) - used, "%s:%d:%s: %s\n", file,
		 line, key ? key : "", message);
}

static struct metafora_config *config;

static void setup(void)
{
	reports[0] = '\0';
	n_reports = 0;
	config = NULL;
	if (folder[strlen(folder) - 1] == 'X')
		CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/file", folder);
}

static void teardown(void)
{
	metafora_config_free(config);
	chmod(path, 0600);
	unlink(path);
	rmdir(folder);
	memset(folder + strlen(folder) - 6, 'X', 6);
}

static int parse(const char *text)
{
	return metafora_config_parse(text, "text", report, &n_reports, &config);
}

static void write_file(const void *data, size_t n_bytes, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, data, n_bytes), (ssize_t)n_bytes);
	fchmod(fd, mode);
	close(fd);
}

static int load(const char *text)
{
	write_file(text, strlen(text), 0644);
	return metafora_config_load(path, report, &n_reports, &config);
}

static const char *get(const char *key)
{
	const char *value = "not set by the call";

	CU_ASSERT_EQUAL(metafora_config_get(config, key, 0, &value), 0);
	return value;
}

/* --- cases ----------------------------------------------------------------------- */

static void a_file_is_read(void)
{
	CU_ASSERT_EQUAL(load("embedded {}\nnode { name = a # us\n"
			     "weight = 2.5 }\n"),
			0);
	CU_ASSERT_EQUAL(n_reports, 0);
	CU_ASSERT_STRING_EQUAL(get("node.name"), "a");
	CU_ASSERT_STRING_EQUAL(get("node.weight"), "2.5");
	CU_ASSERT_STRING_EQUAL(get("node.max_tasks"), "0");
	CU_ASSERT_PTR_NULL(get("zookeeper.servers"));
	CU_ASSERT_EQUAL(metafora_config_check(config), 0);
}

static void a_file_that_is_none_is_reported(void)
{
	static char zeros[METAFORA_CONFIG_MAX_BYTES + 1];
	char expected[100];

	CU_ASSERT_EQUAL(metafora_config_load(path, report, &n_reports, &config),
			METAFORA_ENOENT);
	snprintf(expected, sizeof(expected), "%s:0:: the file does not exist\n",
		 path);
	CU_ASSERT_STRING_EQUAL(reports, expected);
	CU_ASSERT_EQUAL(metafora_config_load(folder, report, &n_reports,
					     &config),
			METAFORA_ESYS);
	write_file("embedded {}\n\nno\0de { }", 20, 0600);
	CU_ASSERT_EQUAL(metafora_config_load(path, report, &n_reports, &config),
			METAFORA_ECONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(reports, ":3:: there is a NUL byte\n"));
	memset(zeros, '\n', sizeof(zeros));
	write_file(zeros, sizeof(zeros), 0600);
	CU_ASSERT_EQUAL(metafora_config_load(path, report, &n_reports, &config),
			METAFORA_E2BIG);
	CU_ASSERT_EQUAL(n_reports, 4);
	CU_ASSERT_PTR_NULL(config);
	write_file(zeros, sizeof(zeros) - 1, 0600);
	CU_ASSERT_EQUAL(metafora_config_load(path, report, &n_reports, &config),
			0);
}

static void every_problem_is_told_at_once(void)
{
	CU_ASSERT_EQUAL(parse("node {\n\tweight = 0\n\tcolour = red\n}\n"
			      "balancer { kind = even }\n"
			      "embedded { session_timeout_ms = soon }\n"),
			METAFORA_ECONFIG);
	CU_ASSERT_STRING_EQUAL(
		reports,
		"text:2:node.weight: must be a number above 0, at most 1000\n"
		"text:3:node.colour: no such key in this section\n"
		"text:5:balancer.kind: must be one of: "
		"fair dumb sleep resource\n"
		"text:6:embedded.session_timeout_ms: must be a whole number "
		"from 100 to 3600000\n");
	CU_ASSERT_PTR_NULL(config);
	CU_ASSERT_EQUAL(metafora_config_parse("node", "text", NULL, NULL,
					      &config),
			METAFORA_ECONFIG);
}

static void what_lacks_is_told_by_check(void)
{
	CU_ASSERT_EQUAL(parse(""), 0);
	CU_ASSERT_EQUAL(metafora_config_check(config), METAFORA_ECONFIG);
	CU_ASSERT_STRING_EQUAL(reports,
			       "text:0:: there must be a section embedded or "
			       "zookeeper\n");
}

static void a_key_is_set_in_place_of_the_files(void)
{
	const char *value;

	CU_ASSERT_EQUAL(parse("node { weight = 2 }"), 0);
	CU_ASSERT_EQUAL(metafora_config_set(config, "node.weight", "3"), 0);
	CU_ASSERT_STRING_EQUAL(get("node.weight"), "3");
	CU_ASSERT_EQUAL(metafora_config_set(config, "node.weight", "heavy"),
			METAFORA_ECONFIG);
	CU_ASSERT_STRING_EQUAL(reports, "text:0:node.weight: must be a number "
					"above 0, at most 1000\n");
	CU_ASSERT_STRING_EQUAL(get("node.weight"), "3");
	CU_ASSERT_EQUAL(metafora_config_set(config, "node.name", "a\nb"),
			METAFORA_ECONFIG);
	CU_ASSERT_EQUAL(metafora_config_set(config, "node.colour", "red"),
			METAFORA_ENOENT);
	CU_ASSERT_EQUAL(metafora_config_set(config, "zookeeper.acl",
					    "world:anyone:r"),
			0);
	CU_ASSERT_EQUAL(metafora_config_set(config, "zookeeper.acl",
					    "digest:a:b=:cdrwa"),
			0);
	CU_ASSERT_EQUAL(metafora_config_get(config, "zookeeper.acl", 1, &value),
			0);
	CU_ASSERT_STRING_EQUAL(value, "digest:a:b=:cdrwa");
	CU_ASSERT_EQUAL(metafora_config_get(config, "zookeeper.acl", 2, &value),
			0);
	CU_ASSERT_PTR_NULL(value);
	CU_ASSERT_EQUAL(metafora_config_get(config, "node.weight", 1, &value),
			0);
	CU_ASSERT_PTR_NULL(value);
	CU_ASSERT_EQUAL(metafora_config_get(config, "node.colour", 0, &value),
			METAFORA_ENOENT);
}

static void a_list_that_is_full_takes_no_more(void)
{
	int error = 0;
	int n;

	CU_ASSERT_EQUAL(parse(""), 0);
	for (n = 0; n < 100 && !error; n++)
		error = metafora_config_set(config, "zookeeper.acl",
					    "world:anyone:r");
	CU_ASSERT_EQUAL(error, METAFORA_EFULL);
	CU_ASSERT_EQUAL(n, 17);
}

static void all_keys_have_names(void)
{
	const char *key;
	size_t i;

	CU_ASSERT_EQUAL(parse(""), 0);
	for (i = 0; (key = metafora_config_key(i)); i++)
		get(key);
	CU_ASSERT_TRUE(i > 40);
	CU_ASSERT_PTR_NULL(metafora_config_key((size_t)-1));
}

static enum metafora_outcome run(void *arg, struct metafora_task *task)
{
	(void)arg;
	while (metafora_task_stop_wait(task, LONG_MS) == METAFORA_ETIMEDOUT)
		;
	return METAFORA_DONE;
}

static bool is_gone(struct metafora_client *client)
{
	void *properties;
	size_t size;
	int error = metafora_client_get(client, "t", &properties, &size,
					LONG_MS);

	if (!error)
		free(properties);
	return error == METAFORA_ENOENT;
}

static void a_consumer_and_a_client_share_the_embedded_broker(void)
{
	struct metafora_consumer *consumer;
	struct metafora_client *client;
	struct metafora_handler *handler;
	struct metafora_coordinator *coordinator;

	CU_ASSERT_EQUAL_FATAL(parse("embedded { }\nnode {\n"
				    "name = node-1\nstack_bytes = 131072\n}"),
			      0);
	CU_ASSERT_EQUAL_FATAL(metafora_handler_new_threaded(run, NULL,
							    &handler),
			      0);
	CU_ASSERT_EQUAL_FATAL(metafora_config_consumer(config, handler,
						       &consumer),
			      0);
	CU_ASSERT_STRING_EQUAL(metafora_consumer_node(consumer), "node-1");
	CU_ASSERT_EQUAL_FATAL(metafora_config_client(config, &client), 0);
	CU_ASSERT_EQUAL(metafora_config_coordinator(config, &coordinator), 0);
	metafora_coordinator_free(coordinator);
	metafora_config_free(config);
	config = NULL;
	CU_ASSERT_EQUAL_FATAL(metafora_consumer_start(consumer, LONG_MS), 0);
	CU_ASSERT_EQUAL(metafora_client_submit(client, "t", NULL, 0, LONG_MS),
			0);
	/* Comes back when the handler, which runs until then, has ended. */
	CU_ASSERT_EQUAL(metafora_client_delete(client, "t", LONG_MS), 0);
	CU_ASSERT_TRUE(is_gone(client));
	CU_ASSERT_EQUAL(metafora_consumer_stop(consumer), 0);
	metafora_client_free(client);
	metafora_consumer_free(consumer);
	metafora_handler_free(handler);
}

static int start(void *arg, struct metafora_task *task)
{
	(void)arg, (void)task;
	return -1;
}

static void an_asynchronous_handler_has_no_stack_to_set(void)
{
	struct metafora_consumer *consumer;
	struct metafora_handler *handler;
	char host[METAFORA_NODE_NAME_MAX + 1] = "";

	CU_ASSERT_EQUAL_FATAL(
		parse("embedded { }\nnode { stack_bytes = 131072 }"), 0);
	CU_ASSERT_EQUAL_FATAL(metafora_handler_new_async(start, NULL, &handler),
			      0);
	CU_ASSERT_EQUAL_FATAL(metafora_config_consumer(config, handler,
						       &consumer),
			      0);
	gethostname(host, sizeof(host) - 1);
	CU_ASSERT_STRING_EQUAL(metafora_consumer_node(consumer), host);
	metafora_consumer_free(consumer);
	metafora_handler_free(handler);
}

static void the_log_is_as_the_file_says(void)
{
	enum metafora_log_level level;
	metafora_log_fn fn;
	void *arg;

	CU_ASSERT_EQUAL(parse(""), 0);
	CU_ASSERT_EQUAL(metafora_config_log(config, &fn, &arg, &level), 0);
	CU_ASSERT_TRUE(fn == NULL);
	CU_ASSERT_EQUAL(level, METAFORA_LOG_INFO);
	metafora_config_set(config, "log.level", "debug");
	metafora_config_set(config, "log.sink", "stderr");
	CU_ASSERT_EQUAL(metafora_config_log(config, &fn, &arg, &level), 0);
	CU_ASSERT_TRUE(fn == metafora_log_stderr);
	CU_ASSERT_EQUAL(level, METAFORA_LOG_DEBUG);
	metafora_config_set(config, "log.level", "error");
	metafora_config_set(config, "log.sink", "json");
	CU_ASSERT_EQUAL(metafora_config_log(config, &fn, &arg, &level), 0);
	CU_ASSERT_TRUE(fn == metafora_log_json);
	CU_ASSERT_EQUAL(level, METAFORA_LOG_ERROR);
	metafora_config_set(config, "log.sink", "syslog");
	CU_ASSERT_EQUAL(metafora_config_log(config, &fn, &arg, &level), 0);
	CU_ASSERT_TRUE(fn == metafora_log_syslog);
}

static void arguments_are_checked(void)
{
	struct metafora_coordinator *coordinator;
	struct metafora_consumer *consumer;
	struct metafora_client *client;
	enum metafora_log_level level;
	metafora_log_fn fn;
	const char *value;
	void *arg;

	CU_ASSERT_EQUAL(parse(""), 0);
	CU_ASSERT_EQUAL(metafora_config_load(NULL, NULL, NULL, &config),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_config_load(path, NULL, NULL, NULL),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_config_parse(NULL, "", NULL, NULL, &config),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_config_parse("", NULL, NULL, NULL, &config),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_config_parse("", "", NULL, NULL, NULL),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_config_set(NULL, "node.name", "a"),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_config_set(config, NULL, "a"),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_config_set(config, "node.name", NULL),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_config_get(NULL, "node.name", 0, &value),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_config_get(config, NULL, 0, &value),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_config_get(config, "node.name", 0, NULL),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_config_check(NULL), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_config_coordinator(NULL, &coordinator),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_config_coordinator(config, NULL),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_config_consumer(config, NULL, &consumer),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_config_client(NULL, &client),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_config_client(config, NULL), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_config_log(NULL, &fn, &arg, &level),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_config_client(config, &client),
			METAFORA_ECONFIG);
	metafora_config_free(NULL);
}

static const struct tap_case cases[] = {
	{"a file is read", a_file_is_read},
	{"a file that is none is reported", a_file_that_is_none_is_reported},
	{"every problem is told at once", every_problem_is_told_at_once},
	{"what lacks is told by check", what_lacks_is_told_by_check},
	{"a key is set in place of the file's",
	 a_key_is_set_in_place_of_the_files},
	{"a list that is full takes no more",
	 a_list_that_is_full_takes_no_more},
	{"all keys have names", all_keys_have_names},
	{"a consumer and a client share the embedded broker",
	 a_consumer_and_a_client_share_the_embedded_broker},
	{"an asynchronous handler has no stack to set",
	 an_asynchronous_handler_has_no_stack_to_set},
	{"the log is as the file says", the_log_is_as_the_file_says},
	{"arguments are checked", arguments_are_checked},
};

TAP_MAIN(cases, setup, teardown)
