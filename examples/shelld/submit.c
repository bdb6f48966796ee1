/* SPDX-License-Identifier: Apache-2.0 */
/* metafora-submit: submits shell commands as tasks for metafora-shelld. */
#include <errno.h>
#include <getopt.h>
#include <metafora.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal.h"
#include "reach.h"

enum {
	STATUS_SUBMITTED = 0,
	STATUS_NOT_SUBMITTED = 1,
	STATUS_USAGE = 2,
};

#define TIMEOUT_MS_DEFAULT 30000
#define TIMEOUT_MS_MAX 3600000

struct settings {
	struct reach reach;
	const char *journal;
	int64_t timeout_ms;
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "metafora-submit: %s: %s\n", what, why);
	return STATUS_NOT_SUBMITTED;
}

/* --- what to submit ----------------------------------------------------------------- */

static int add(struct metafora_batch *batch, const char *id, size_t id_bytes,
	       const char *command, size_t command_bytes, const char *where)
{
	int error =
		metafora_batch_add(batch, id, id_bytes, command, command_bytes);

	if (!error)
		return 0;
	fail(where, metafora_strerror(error));
	return STATUS_USAGE;
}

/* line: "ID<TAB>COMMAND", without newline. */
static int add_line(struct metafora_batch *batch, const char *line,
		    size_t n_bytes, size_t number)
{
	const char *tab = memchr(line, '\t', n_bytes);
	char where[32];
	size_t id_bytes;

	snprintf(where, sizeof(where), "line %zu", number);
	if (!tab) {
		fail(where, "no tab between ID and command");
		return STATUS_USAGE;
	}
	id_bytes = (size_t)(tab - line);
	return add(batch, line, id_bytes, tab + 1, n_bytes - id_bytes - 1,
		   where);
}

static int read_lines(struct metafora_batch *batch)
{
	size_t number = 0;
	size_t room = 0;
	char *line = NULL;
	int status = 0;
	ssize_t n_bytes;

	while (!status && (n_bytes = getline(&line, &room, stdin)) >= 0) {
		if (n_bytes && line[n_bytes - 1] == '\n')
			n_bytes--;
		status = add_line(batch, line, (size_t)n_bytes, ++number);
	}
	if (!status && !feof(stdin))
		status = fail("standard input", strerror(errno));
	free(line);
	return status;
}

/* --- submitting ---------------------------------------------------------------------- */

/* Names each task that was not submitted, and notes those that were. */
static int account(const struct metafora_batch *batch, int journal_fd)
{
	struct journal_line line = {.event = JOURNAL_SUBMIT};
	int status = STATUS_SUBMITTED;
	size_t i;
	int error;

	for (i = 0; i < metafora_batch_size(batch); i++) {
		line.task = metafora_batch_id(batch, i);
		error = metafora_batch_error(batch, i);
		if (error)
			status = fail(line.task, metafora_strerror(error));
		else if (journal_fd >= 0 && journal_write(journal_fd, &line))
			status = fail("journal", strerror(errno));
	}
	return status;
}

static int submit(const struct settings *settings, struct metafora_batch *batch,
		  int journal_fd)
{
	struct metafora_coordinator *coordinator;
	struct metafora_client *client = NULL;
	int status = STATUS_NOT_SUBMITTED;
	int error;

	error = reach_coordinator(&settings->reach, &coordinator);
	if (error)
		return fail("--servers or --namespace",
			    metafora_strerror(error));
	error = metafora_client_new(coordinator, metafora_log_stderr, NULL,
				    METAFORA_LOG_WARN, &client);
	if (error) {
		fail("cannot make a client", metafora_strerror(error));
	} else {
		metafora_client_submit_batch(client, batch,
					     settings->timeout_ms);
		status = account(batch, journal_fd);
	}
	metafora_client_free(client);
	metafora_coordinator_free(coordinator);
	return status;
}

/* argv: ID and command, or nothing. */
static int run(const struct settings *settings, char **argv)
{
	struct metafora_batch *batch;
	int journal_fd = -1;
	int status;
	int error = metafora_batch_new(&batch);

	if (error)
		return fail("cannot make a batch", metafora_strerror(error));
	if (argv[0])
		status = add(batch, argv[0], strlen(argv[0]), argv[1],
			     strlen(argv[1]), argv[0]);
	else
		status = read_lines(batch);
	if (!status && settings->journal) {
		journal_fd = journal_open(settings->journal);
		if (journal_fd < 0)
			status = fail(settings->journal, strerror(errno));
	}
	if (!status)
		status = submit(settings, batch, journal_fd);
	if (journal_fd >= 0)
		close(journal_fd);
	metafora_batch_free(batch);
	return status;
}

/* --- the command line ------------------------------------------------------------------ */

static int usage(FILE *out, int status)
{
	fprintf(out,
		"usage: metafora-submit --servers HOST:PORT[,...] --namespace "
		"PATH\n"
		"                       [--journal FILE] [--timeout-ms N] [ID "
		"COMMAND]\n\n"
		"Submits the task ID, a shell command, to the cluster that "
		"ZooKeeper keeps below\nPATH; without ID the tasks that "
		"standard input names, a line \"ID<TAB>COMMAND\" for\neach: "
		"none of them if a line is malformed.  Submissions are noted "
		"in FILE; they\nmay take N milliseconds altogether (30000).  "
		"Exit status: 0 all were submitted,\n1 not all, 2 usage or "
		"malformed input.\n");
	return status;
}

enum {
	OPTION_SERVERS = 256,
	OPTION_NAMESPACE,
	OPTION_JOURNAL,
	OPTION_TIMEOUT,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{"servers", required_argument, NULL, OPTION_SERVERS},
	{"namespace", required_argument, NULL, OPTION_NAMESPACE},
	{"journal", required_argument, NULL, OPTION_JOURNAL},
	{"timeout-ms", required_argument, NULL, OPTION_TIMEOUT},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

/* Returns whether the option makes sense. */
static bool take_option(struct settings *settings, int option)
{
	switch (option) {
	case OPTION_SERVERS:
		settings->reach.servers = optarg;
		return true;
	case OPTION_NAMESPACE:
		settings->reach.namespace_path = optarg;
		return true;
	case OPTION_JOURNAL:
		settings->journal = optarg;
		return true;
	case OPTION_TIMEOUT:
		return !read_integer(optarg, 1, TIMEOUT_MS_MAX,
				     &settings->timeout_ms);
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	struct settings settings = {.timeout_ms = TIMEOUT_MS_DEFAULT};
	int n_left;
	int option;

	/* "+": what follows the ID is the command's. */
	while ((option = getopt_long(argc, argv, "+", long_options, NULL)) !=
	       -1) {
		if (option == OPTION_HELP)
			return usage(stdout, 0);
		if (option == OPTION_VERSION) {
			printf("metafora-submit %s\n", metafora_version());
			return 0;
		}
		if (!take_option(&settings, option))
			return usage(stderr, STATUS_USAGE);
	}
	n_left = argc - optind;
	if (!settings.reach.servers || !settings.reach.namespace_path ||
	    (n_left != 0 && n_left != 2))
		return usage(stderr, STATUS_USAGE);
	return run(&settings, argv + optind);
}
