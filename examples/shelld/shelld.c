/* SPDX-License-Identifier: Apache-2.0 */
/* metafora-shelld: a node of a cluster that runs shell commands as tasks. */
#include <errno.h>
#include <getopt.h>
#include <metafora.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"
#include "reach.h"
#include "shell_handler.h"

enum {
	STATUS_ORDERLY = 0,
	STATUS_NOT_STARTED = 1,
	STATUS_USAGE = 2,
	STATUS_FATAL = 3,
};

#define TIMEOUT_MS_DEFAULT 10000
#define TIMEOUT_MS_MIN 400
#define TIMEOUT_MS_MAX 3600000
#define GRACE_MS_DEFAULT 10000
#define GRACE_MS_MAX 3600000
#define WEIGHT_MAX 1000

/* A namesake is waited for during two session timeouts; and for the servers. */
#define JOIN_EXTRA_MS 5000
/* After SIGKILL a command is gone; so the shutdown waits for all of them. */
#define SHUTDOWN_EXTRA_MS 5000

struct settings {
	struct reach reach;
	const char *node;
	const char *output;
	const char *journal;
	int64_t grace_ms;
	int64_t max_tasks;
	double weight;
	enum metafora_log_level level;
};

struct shelld {
	const struct settings *settings;
	sigset_t signals; /* const: those that end us */
	int journal_fd;
	struct shell_handler *shell;
	struct metafora_coordinator *coordinator;
	struct metafora_consumer *consumer;
	pthread_t signal_thread;
	bool has_signal_thread;
	atomic_bool is_stopping; /* atomic: set by the signal thread */
	atomic_bool has_ended;   /* atomic: tells the signal thread to end */
};

static void say(void *arg, enum metafora_log_level level, const char *line)
{
	const struct settings *settings = arg;

	if (level <= settings->level)
		metafora_log_stderr(NULL, level, line);
}

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "metafora-shelld: %s: %s\n", what, why);
	return STATUS_NOT_STARTED;
}

static int fail_by(const char *what, int error)
{
	return fail(what, metafora_strerror(error));
}

/* --- signals ------------------------------------------------------------------ */

/* As if we had never caught it: the warden kills what is left. */
static _Noreturn void end_at_once(int number)
{
	sigset_t one;

	signal(number, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, number);
	pthread_sigmask(SIG_UNBLOCK, &one, NULL);
	raise(number);
	_exit(128 + number);
}

static void *take_signals(void *arg)
{
	struct shelld *s = arg;
	char line[64];
	int number;

	while (!sigwait(&s->signals, &number) && !atomic_load(&s->has_ended)) {
		if (atomic_exchange(&s->is_stopping, true))
			end_at_once(number);
		snprintf(line, sizeof(line), "stopping signal=%d", number);
		say((void *)s->settings, METAFORA_LOG_INFO, line);
		/* Before the start it is an error: then live() looks. */
		metafora_consumer_close(s->consumer);
	}
	return NULL;
}

/* In every thread that will be started. */
static void block_signals(struct shelld *s)
{
	sigemptyset(&s->signals);
	sigaddset(&s->signals, SIGTERM);
	sigaddset(&s->signals, SIGINT);
	sigaddset(&s->signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &s->signals, NULL);
	/* Who reads our log may go away. */
	signal(SIGPIPE, SIG_IGN);
}

static int start_signal_thread(struct shelld *s)
{
	int error = pthread_create(&s->signal_thread, NULL, take_signals, s);

	if (error)
		return fail("cannot start a thread", strerror(error));
	s->has_signal_thread = true;
	return 0;
}

/* From here on a signal ends us at once. */
static void release_signals(struct shelld *s)
{
	if (s->has_signal_thread) {
		atomic_store(&s->has_ended, true);
		pthread_kill(s->signal_thread, SIGTERM);
		pthread_join(s->signal_thread, NULL);
	}
	pthread_sigmask(SIG_UNBLOCK, &s->signals, NULL);
}

/* --- the node's life ----------------------------------------------------------- */

static int open_files(struct shelld *s)
{
	const struct settings *settings = s->settings;

	/* Said now, or every task would fail for it later. */
	if ((mkdir(settings->output, 0777) && errno != EEXIST) ||
	    access(settings->output, W_OK | X_OK))
		return fail(settings->output, strerror(errno));
	s->journal_fd = journal_open(settings->journal);
	if (s->journal_fd < 0)
		return fail(settings->journal, strerror(errno));
	return 0;
}

static int make_shell(struct shelld *s)
{
	const struct shell_options options = {
		.directory = s->settings->output,
		.journal_fd = s->journal_fd,
		.grace_ms = s->settings->grace_ms,
		.log = say,
		.log_arg = (void *)s->settings,
	};
	int error = shell_handler_new(&options, &s->shell);

	return error ? fail_by("cannot run commands", error) : 0;
}

static int set_up_consumer(struct shelld *s)
{
	const struct settings *settings = s->settings;
	int error;

	error = metafora_consumer_set_weight(s->consumer, settings->weight);
	if (!error)
		error = metafora_consumer_set_max_tasks(
			s->consumer, (size_t)settings->max_tasks);
	if (!error)
		error = metafora_consumer_set_shutdown_grace_ms(
			s->consumer, settings->grace_ms + SHUTDOWN_EXTRA_MS);
	if (!error)
		error = metafora_consumer_set_log(
			s->consumer, say, (void *)settings, settings->level);
	return error;
}

static int make_consumer(struct shelld *s)
{
	int error = reach_coordinator(&s->settings->reach, &s->coordinator);

	if (error)
		return fail_by("--servers or --namespace", error);
	error = metafora_consumer_new(s->settings->node, s->coordinator, NULL,
				      shell_handler_handler(s->shell),
				      &s->consumer);
	if (!error)
		error = set_up_consumer(s);
	return error ? fail_by("cannot make the node", error) : 0;
}

static int live(struct shelld *s)
{
	const struct reach *reach = &s->settings->reach;
	int error;

	error = metafora_consumer_start(
		s->consumer, 2 * reach->session_timeout_ms + JOIN_EXTRA_MS);
	if (error == METAFORA_ESTOPPED && atomic_load(&s->is_stopping))
		return STATUS_ORDERLY;
	if (error) {
		fprintf(stderr,
			"metafora-shelld: %s cannot join the cluster %s at "
			"%s: %s\n",
			s->settings->node, reach->namespace_path,
			reach->servers, metafora_strerror(error));
		return STATUS_NOT_STARTED;
	}
	if (atomic_load(&s->is_stopping))
		metafora_consumer_close(s->consumer);
	metafora_consumer_wait(s->consumer, -1);
	error = metafora_consumer_stop(s->consumer);
	if (!error)
		return STATUS_ORDERLY;
	fail_by(error == METAFORA_EBUSY ? "left without its tasks"
					: "ended by an error",
		error);
	return STATUS_FATAL;
}

static void release(struct shelld *s)
{
	/* First: the thread uses the consumer, whose end may take long. */
	release_signals(s);
	metafora_consumer_free(s->consumer);
	shell_handler_free(s->shell);
	metafora_coordinator_free(s->coordinator);
	if (s->journal_fd >= 0)
		close(s->journal_fd);
}

static int run(const struct settings *settings)
{
	struct shelld s = {.settings = settings, .journal_fd = -1};
	int status;

	block_signals(&s);
	status = open_files(&s);
	if (!status)
		status = make_shell(&s);
	if (!status)
		status = make_consumer(&s);
	if (!status)
		status = start_signal_thread(&s);
	if (!status)
		status = live(&s);
	release(&s);
	return status;
}

/* --- the command line ------------------------------------------------------------ */

static int usage(FILE *out, int status)
{
	fprintf(out,
		"usage: metafora-shelld --node NAME --servers HOST:PORT[,...] "
		"--namespace PATH\n"
		"                       --output FOLDER --journal FILE "
		"[OPTION...]\n\n"
		"A node of the cluster that ZooKeeper keeps below PATH.  It "
		"runs "
		"tasks whose\nproperties are shell commands.  Their output "
		"and last status go to FOLDER, who\nran what when to FILE; "
		"nodes of one machine may share both.\n\n"
		"  --session-timeout-ms N  how long the others wait before "
		"they take over the\n"
		"                          tasks of a silent node; the "
		"servers bound it (10000)\n"
		"  --grace-ms N            from SIGTERM to SIGKILL for a task "
		"to stop (10000)\n"
		"  --weight W              share of the tasks, relative to "
		"other nodes (1)\n"
		"  --max-tasks N           most tasks at a time (%d)\n"
		"  --log-level LEVEL       error, warn, info or debug (info); "
		"to standard error\n"
		"  --help, --version\n\n"
		"SIGTERM, SIGINT and SIGHUP end it in order: tasks are "
		"stopped, and go to other\nnodes; a second one ends it at "
		"once.  Exit status: 0 ended in order, 1 not\nstarted, 2 "
		"usage, 3 ended by an error.\n",
		SHELL_TASKS_MAX);
	return status;
}

static int wrong(const char *option, const char *value, const char *wanted)
{
	fprintf(stderr, "metafora-shelld: --%s: \"%s\" is not %s\n", option,
		value, wanted);
	return STATUS_USAGE;
}

enum {
	OPTION_NODE = 256,
	OPTION_SERVERS,
	OPTION_NAMESPACE,
	OPTION_OUTPUT,
	OPTION_JOURNAL,
	OPTION_TIMEOUT,
	OPTION_GRACE,
	OPTION_WEIGHT,
	OPTION_MAX_TASKS,
	OPTION_LEVEL,
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
	{"grace-ms", required_argument, NULL, OPTION_GRACE},
	{"weight", required_argument, NULL, OPTION_WEIGHT},
	{"max-tasks", required_argument, NULL, OPTION_MAX_TASKS},
	{"log-level", required_argument, NULL, OPTION_LEVEL},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

/* Returns 0, STATUS_USAGE. */
static int take_value(struct settings *settings, int option, const char *name)
{
	switch (option) {
	case OPTION_TIMEOUT:
		if (read_integer(optarg, TIMEOUT_MS_MIN, TIMEOUT_MS_MAX,
				 &settings->reach.session_timeout_ms))
			return wrong(name, optarg, "a number, 400 to 3600000");
		return 0;
	case OPTION_GRACE:
		if (read_integer(optarg, 0, GRACE_MS_MAX, &settings->grace_ms))
			return wrong(name, optarg, "a number, 0 to 3600000");
		return 0;
	case OPTION_WEIGHT:
		if (read_weight(optarg, WEIGHT_MAX, &settings->weight))
			return wrong(name, optarg,
				     "a number above 0, at most 1000");
		return 0;
	case OPTION_MAX_TASKS:
		if (read_integer(optarg, 1, SHELL_TASKS_MAX,
				 &settings->max_tasks))
			return wrong(name, optarg, "a number, 1 to 4096");
		return 0;
	default:
		if (read_level(optarg, &settings->level))
			return wrong(name, optarg,
				     "error, warn, info or debug");
		return 0;
	}
}

/* Where the value of an option is kept as it is; NULL for the others. */
static const char **text_of(struct settings *settings, int option)
{
	switch (option) {
	case OPTION_NODE:
		return &settings->node;
	case OPTION_SERVERS:
		return &settings->reach.servers;
	case OPTION_NAMESPACE:
		return &settings->reach.namespace_path;
	case OPTION_OUTPUT:
		return &settings->output;
	case OPTION_JOURNAL:
		return &settings->journal;
	default:
		return NULL;
	}
}

static int check_settings(struct settings *settings)
{
	size_t i;

	for (i = 0; i <= OPTION_JOURNAL - OPTION_NODE; i++)
		if (!*text_of(settings, long_options[i].val)) {
			fprintf(stderr, "metafora-shelld: --%s is missing\n",
				long_options[i].name);
			return usage(stderr, STATUS_USAGE);
		}
	return 0;
}

int main(int argc, char **argv)
{
	struct settings settings = {
		.reach.session_timeout_ms = TIMEOUT_MS_DEFAULT,
		.grace_ms = GRACE_MS_DEFAULT,
		.max_tasks = SHELL_TASKS_MAX,
		.weight = 1,
		.level = METAFORA_LOG_INFO,
	};
	const char **text;
	int option;
	int i = 0;

	while ((option = getopt_long(argc, argv, "", long_options, &i)) != -1) {
		if (option == OPTION_HELP)
			return usage(stdout, 0);
		if (option == OPTION_VERSION) {
			printf("metafora-shelld %s\n", metafora_version());
			return 0;
		}
		if (option == '?')
			return usage(stderr, STATUS_USAGE);
		text = text_of(&settings, option);
		if (text)
			*text = optarg;
		else if (take_value(&settings, option, long_options[i].name))
			return STATUS_USAGE;
	}
	if (optind < argc) {
		fprintf(stderr, "metafora-shelld: what is \"%s\"?\n",
			argv[optind]);
		return usage(stderr, STATUS_USAGE);
	}
	return check_settings(&settings) ? STATUS_USAGE : run(&settings);
}
