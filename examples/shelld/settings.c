/* SPDX-License-Identifier: Apache-2.0 */
/* What metafora-shelld is told by its command line and its file. */
#include "settings.h"

#include <getopt.h>
#include <metafora/error.h>
#include <metafora/version.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reach.h"
#include "shell_handler.h"

#define GRACE_MS_DEFAULT 10000
#define GRACE_MS_MAX 3600000
/* After SIGKILL a command is gone; so the shutdown waits for all of them. */
#define SHUTDOWN_EXTRA_MS 5000

static const char usage_text[] =
	"usage: metafora-shelld --config FILE --output FOLDER --journal FILE "
	"[OPTION...]\n"
	"       metafora-shelld --node NAME --servers HOST:PORT[,...] "
	"--namespace PATH\n"
	"                       --output FOLDER --journal FILE "
	"[OPTION...]\n\n"
	"A node of a cluster.  It runs tasks whose properties are shell "
	"commands.  Their\noutput and last status go to FOLDER, who ran what "
	"when to the journal; nodes of\none machine may share both.  See "
	"metafora-shelld(8) and metafora.conf(5).\n\n"
	"  --config FILE           node, broker, balancer and log; the "
	"options below that\n"
	"                          are in it too go before it\n"
	"  --node NAME             the name in the cluster\n"
	"  --servers HOST:PORT,... of ZooKeeper\n"
	"  --namespace PATH        what the cluster is kept below\n"
	"  --session-timeout-ms N  how long the others wait before they take "
	"over the\n"
	"                          tasks of a silent node; the servers bound "
	"it (10000)\n"
	"  --weight W              share of the tasks, relative to other "
	"nodes (1)\n"
	"  --max-tasks N           most tasks at a time (4096)\n"
	"  --log-level LEVEL       error, warn, info or debug (info); to "
	"standard error\n"
	"                          unless the file says where to\n"
	"  --grace-ms N            from SIGTERM to SIGKILL for a task to "
	"stop (10000)\n"
	"  --status FILE           where SIGUSR1 writes the status to "
	"(standard error)\n"
	"  --help, --version\n\n"
	"SIGTERM and SIGINT: drain, leave, end; a second one ends it at once.  "
	"SIGHUP:\nread the file again, or end if there is none.  SIGUSR1: "
	"write the status.\nExit status: 0 ended in order, 1 not started, 2 "
	"wrong command line or file,\n3 ended by an error.\n";

static int usage(FILE *out, int status)
{
	fputs(usage_text, out);
	return status;
}

enum {
	OPTION_NODE = 256,
	OPTION_SERVERS,
	OPTION_NAMESPACE,
	OPTION_OUTPUT,
	OPTION_JOURNAL,
	OPTION_TIMEOUT,
	OPTION_WEIGHT,
	OPTION_MAX_TASKS,
	OPTION_LEVEL,
	OPTION_GRACE,
	OPTION_CONFIG,
	OPTION_STATUS,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{"node", required_argument, NULL, OPTION_NODE},
	{"servers", required_argument, NULL, OPTION_SERVERS},
	{"namespace", required_argument, NULL, OPTION_NAMESPACE},
	{"output", required_argument, NULL, OPTION_OUTPUT},
	{"journal", required_argument, NULL, OPTION_JOURNAL},
	{"session-timeout-ms", required_argument, NULL, OPTION_TIMEOUT},
	{"weight", required_argument, NULL, OPTION_WEIGHT},
	{"max-tasks", required_argument, NULL, OPTION_MAX_TASKS},
	{"log-level", required_argument, NULL, OPTION_LEVEL},
	{"grace-ms", required_argument, NULL, OPTION_GRACE},
	{"config", required_argument, NULL, OPTION_CONFIG},
	{"status", required_argument, NULL, OPTION_STATUS},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

/* The key that an option sets; NULL: none. */
static const char *key_of(int option)
{
	switch (option) {
	case OPTION_NODE:
		return "node.name";
	case OPTION_SERVERS:
		return "zookeeper.servers";
	case OPTION_NAMESPACE:
		return "zookeeper.namespace";
	case OPTION_TIMEOUT:
		return "zookeeper.session_timeout_ms";
	case OPTION_WEIGHT:
		return "node.weight";
	case OPTION_MAX_TASKS:
		return "node.max_tasks";
	case OPTION_LEVEL:
		return "log.level";
	default:
		return NULL;
	}
}

/* Given twice, the last counts. */
static void set_override(struct settings *settings, int option,
			 const char *name, const char *value)
{
	const char *key = key_of(option);
	size_t i;

	for (i = 0; i < settings->n_overrides; i++)
		if (strcmp(settings->overrides[i].key, key) == 0)
			break;
	settings->overrides[i] = (struct override){name, key, value};
	if (i == settings->n_overrides)
		settings->n_overrides++;
}

/* Returns -1 to go on, or the status to exit with. */
static int take(struct settings *settings, int option, const char *name)
{
	switch (option) {
	case OPTION_OUTPUT:
		settings->output = optarg;
		return -1;
	case OPTION_JOURNAL:
		settings->journal = optarg;
		return -1;
	case OPTION_CONFIG:
		settings->config = optarg;
		return -1;
	case OPTION_STATUS:
		settings->status = optarg;
		return -1;
	case OPTION_GRACE:
		if (!read_integer(optarg, 0, GRACE_MS_MAX, &settings->grace_ms))
			return -1;
		fprintf(stderr, "metafora-shelld: --grace-ms: must be a whole "
				"number from 0 to 3600000\n");
		return STATUS_USAGE;
	case OPTION_HELP:
		return usage(stdout, 0);
	case OPTION_VERSION:
		printf("metafora-shelld %s\n", metafora_version());
		return 0;
	case '?':
		return usage(stderr, STATUS_USAGE);
	default:
		set_override(settings, option, name, optarg);
		return -1;
	}
}

static bool is_given(const struct settings *settings, int option)
{
	size_t i;

	if (option == OPTION_OUTPUT)
		return settings->output;
	if (option == OPTION_JOURNAL)
		return settings->journal;
	for (i = 0; i < settings->n_overrides; i++)
		if (strcmp(settings->overrides[i].key, key_of(option)) == 0)
			return true;
	return false;
}

static int lacks(const struct settings *settings)
{
	int option = settings->config ? OPTION_OUTPUT : OPTION_NODE;

	for (; option <= OPTION_JOURNAL; option++)
		if (!is_given(settings, option)) {
			fprintf(stderr, "metafora-shelld: --%s is missing\n",
				long_options[option - OPTION_NODE].name);
			return usage(stderr, STATUS_USAGE);
		}
	return -1;
}

int settings_read(struct settings *settings, int argc, char **argv)
{
	int option;
	int status;
	int i = 0;

	*settings = (struct settings){.grace_ms = GRACE_MS_DEFAULT};
	while ((option = getopt_long(argc, argv, "", long_options, &i)) != -1) {
		status = take(settings, option, long_options[i].name);
		if (status >= 0)
			return status;
	}
	if (optind < argc) {
		fprintf(stderr, "metafora-shelld: what is \"%s\"?\n",
			argv[optind]);
		return usage(stderr, STATUS_USAGE);
	}
	return lacks(settings);
}

/* --- the configuration ------------------------------------------------------------ */

static void report(void *arg, const char *file, int line, const char *key,
		   const char *message)
{
	const struct settings *settings = arg;
	char option[40];

	if (settings->option) {
		snprintf(option, sizeof(option), "--%s", settings->option);
		key = option;
	}
	if (settings->option || !settings->config)
		file = NULL;
	settings->report(settings->report_arg, file, line, key, message);
}

static int set_overrides(struct settings *settings,
			 struct metafora_config *config)
{
	int result = 0;
	size_t i;
	int error;

	for (i = 0; i < settings->n_overrides; i++) {
		settings->option = settings->overrides[i].option;
		error = metafora_config_set(config, settings->overrides[i].key,
					    settings->overrides[i].value);
		if (error)
			result = error;
	}
	settings->option = NULL;
	return result;
}

static int64_t whole(const struct metafora_config *config, const char *key)
{
	const char *value = "0";

	metafora_config_get(config, key, 0, &value);
	return strtoll(value, NULL, 10);
}

static int set_whole(struct metafora_config *config, const char *key,
		     int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	return metafora_config_set(config, key, text);
}

/* What the handler can hold, and the time that it needs to stop. */
static int set_bounds(struct settings *settings, struct metafora_config *config)
{
	int64_t grace_ms = settings->grace_ms + SHUTDOWN_EXTRA_MS;
	int64_t n_tasks = whole(config, "node.max_tasks");
	char text[40];
	int error = 0;

	if (n_tasks > SHELL_TASKS_MAX) {
		snprintf(text, sizeof(text), "must be at most %d here",
			 SHELL_TASKS_MAX);
		report(settings, settings->config, 0, "node.max_tasks", text);
		return METAFORA_ECONFIG;
	}
	if (n_tasks == 0)
		error = set_whole(config, "node.max_tasks", SHELL_TASKS_MAX);
	if (!error && whole(config, "node.shutdown_grace_ms") < grace_ms)
		error = set_whole(config, "node.shutdown_grace_ms", grace_ms);
	return error;
}

int settings_config(struct settings *settings, struct metafora_config **out)
{
	struct metafora_config *config;
	int error;

	if (settings->config)
		error = metafora_config_load(settings->config, report, settings,
					     &config);
	else
		error = metafora_config_parse("log { sink = stderr }", "",
					      report, settings, &config);
	if (error)
		return error;
	error = set_overrides(settings, config);
	if (!error)
		error = set_bounds(settings, config);
	if (!error)
		error = metafora_config_check(config);
	if (error)
		metafora_config_free(config);
	else
		*out = config;
	return error;
}
