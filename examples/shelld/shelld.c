/* SPDX-License-Identifier: Apache-2.0 */
/* metafora-shelld: a node of a cluster that runs shell commands as tasks. */
#include <errno.h>
#include <metafora.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attendant.h"
#include "journal.h"
#include "notify.h"
#include "settings.h"
#include "shell_handler.h"

/* A namesake is waited for during two session timeouts; and for the servers. */
#define JOIN_EXTRA_MS 5000

struct shelld {
	struct settings *settings;
	struct metafora_config *config;
	struct attendant *attendant;
	int journal_fd;
	struct shell_handler *shell;
	struct metafora_consumer *consumer;
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "metafora-shelld: %s: %s\n", what, why);
	return STATUS_NOT_STARTED;
}

static int fail_by(const char *what, int error)
{
	return fail(what, metafora_strerror(error));
}

/* What is wrong with the configuration, before there is a log. */
static void complain(void *arg, const char *file, int line, const char *key,
		     const char *message)
{
	(void)arg;
	fprintf(stderr, "metafora-shelld: ");
	if (file && line)
		fprintf(stderr, "%s:%d: ", file, line);
	else if (file)
		fprintf(stderr, "%s: ", file);
	fprintf(stderr, "%s%s%s\n", key ? key : "", key ? ": " : "", message);
}

static int read_config(struct shelld *s)
{
	int error;

	s->settings->report = complain;
	error = settings_config(s->settings, &s->config);
	if (!error)
		return 0;
	if (error == METAFORA_ENOMEM)
		return fail_by("cannot read the configuration", error);
	return STATUS_USAGE;
}

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
		.log = attendant_say,
		.log_arg = s->attendant,
	};
	int error = shell_handler_new(&options, &s->shell);

	return error ? fail_by("cannot run commands", error) : 0;
}

static int make_consumer(struct shelld *s)
{
	int error = metafora_config_consumer(
		s->config, shell_handler_handler(s->shell), &s->consumer);

	/* Everything, for the attendant's level may change. */
	if (!error)
		error = metafora_consumer_set_log(s->consumer, attendant_say,
						  s->attendant,
						  METAFORA_LOG_DEBUG);
	return error ? fail_by("cannot make the node", error) : 0;
}

static int64_t join_timeout_ms(const struct metafora_config *config)
{
	const char *servers = NULL;
	const char *timeout = "0";

	metafora_config_get(config, "zookeeper.servers", 0, &servers);
	metafora_config_get(config,
			    servers ? "zookeeper.session_timeout_ms"
				    : "embedded.session_timeout_ms",
			    0, &timeout);
	return 2 * strtoll(timeout, NULL, 10) + JOIN_EXTRA_MS;
}

static int cannot_join(const struct shelld *s, int error)
{
	const char *servers = NULL;
	const char *path = NULL;

	metafora_config_get(s->config, "zookeeper.servers", 0, &servers);
	metafora_config_get(s->config, "zookeeper.namespace", 0, &path);
	fprintf(stderr,
		"metafora-shelld: %s cannot join the cluster %s at %s: %s\n",
		metafora_consumer_node(s->consumer), path,
		servers ? servers : "itself", metafora_strerror(error));
	return STATUS_NOT_STARTED;
}

static int live(struct shelld *s)
{
	int error = metafora_consumer_start(s->consumer,
					    join_timeout_ms(s->config));

	if (error == METAFORA_ESTOPPED && attendant_is_stopping(s->attendant))
		return STATUS_ORDERLY;
	if (error)
		return cannot_join(s, error);
	attendant_joined(s->attendant);
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
	attendant_stop(s->attendant);
	metafora_consumer_free(s->consumer);
	shell_handler_free(s->shell);
	attendant_free(s->attendant);
	metafora_config_free(s->config);
	if (s->journal_fd >= 0)
		close(s->journal_fd);
}

static int run(struct settings *settings)
{
	struct shelld s = {.settings = settings, .journal_fd = -1};
	int status = read_config(&s);

	if (!status && attendant_new(settings, s.config, &s.attendant))
		status = fail("cannot start", strerror(ENOMEM));
	if (!status)
		status = open_files(&s);
	if (!status)
		status = make_shell(&s);
	if (!status)
		status = make_consumer(&s);
	if (!status && attendant_start(s.attendant, s.consumer))
		status = fail("cannot start a thread", strerror(EAGAIN));
	if (!status)
		status = live(&s);
	release(&s);
	return status;
}

int main(int argc, char **argv)
{
	struct settings settings;
	int status = settings_read(&settings, argc, argv);

	return status >= 0 ? status : run(&settings);
}
