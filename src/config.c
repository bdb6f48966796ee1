/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of a configuration. */
#include "config_values.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <metafora/error.h>

#include "registry.h"

void metafora_config_free(struct metafora_config *config)
{
	size_t i;

	if (!config)
		return;
	for (i = 0; i < MF_CONFIG_N_KEYS; i++)
		mf_value_free(&config->values[i]);
	mf_config_free_broker(config);
	free(config->file);
	free(config);
}

static struct metafora_config *new_config(const char *file,
					  metafora_config_report_fn report,
					  void *arg)
{
	struct metafora_config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	config->report = report;
	config->report_arg = arg;
	config->file = strdup(file);
	if (!config->file) {
		free(config);
		return NULL;
	}
	return config;
}

/* Tell and free the problems: what the call that found them returns. */
static int settle(const struct metafora_config *config,
		  struct mf_problems *problems, int error)
{
	if (problems->out_of_memory)
		error = METAFORA_ENOMEM;
	if (mf_problems_report(problems, config->file, config->report,
			       config->report_arg) > 0 &&
	    !error)
		error = METAFORA_ECONFIG;
	mf_problems_free(problems);
	return error;
}

int metafora_config_parse(const char *text, const char *name,
			  metafora_config_report_fn report, void *arg,
			  struct metafora_config **out)
{
	struct mf_problems problems = { 0 };
	struct metafora_config *config;
	int error;

	if (!text || !name || !out)
		return METAFORA_EINVAL;
	config = new_config(name, report, arg);
	if (!config)
		return METAFORA_ENOMEM;
	error = mf_config_parse(config, text, &problems);
	if (!error)
		mf_config_contradictions(config, &problems);
	error = settle(config, &problems, error);
	if (error)
		metafora_config_free(config);
	else
		*out = config;
	return error;
}

/* *n_bytes: how many there were, at most one more than are allowed. */
static int read_all(const char *path, char *text, size_t *n_bytes)
{
	/* A FIFO without a writer is empty, not waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = 1;

	if (fd < 0)
		return errno == ENOENT ? METAFORA_ENOENT : METAFORA_ESYS;
	for (*n_bytes = 0; *n_bytes <= METAFORA_CONFIG_MAX_BYTES && n > 0;
	     *n_bytes += (size_t)n) {
		n = read(fd, text + *n_bytes,
			 METAFORA_CONFIG_MAX_BYTES + 1 - *n_bytes);
		if (n < 0)
			break;
	}
	close(fd);
	if (n < 0)
		return METAFORA_ESYS;
	return *n_bytes > METAFORA_CONFIG_MAX_BYTES ? METAFORA_E2BIG : 0;
}

static void report_file(const char *path, metafora_config_report_fn report,
			void *arg, int error)
{
	char text[MF_PROBLEM_TEXT_BYTES];

	if (error == METAFORA_E2BIG)
		snprintf(text, sizeof(text), "the file is longer than %d bytes",
			 METAFORA_CONFIG_MAX_BYTES);
	else
		snprintf(text, sizeof(text), "the file %s",
			 error == METAFORA_ENOENT ? "does not exist"
						  : "cannot be read");
	if (report)
		report(arg, path, 0, NULL, text);
}

/* A NUL would end the text early, and hide the rest. */
static int parse_file(char *text, size_t n_bytes, const char *path,
		      metafora_config_report_fn report, void *arg,
		      struct metafora_config **out)
{
	const char *nul = memchr(text, '\0', n_bytes);
	int line = 1;

	if (!nul) {
		text[n_bytes] = '\0';
		return metafora_config_parse(text, path, report, arg, out);
	}
	for (; text < nul; text++)
		line += *text == '\n';
	if (report)
		report(arg, path, line, NULL, "there is a NUL byte");
	return METAFORA_ECONFIG;
}

int metafora_config_load(const char *path, metafora_config_report_fn report,
			 void *arg, struct metafora_config **out)
{
	size_t n_bytes;
	char *text;
	int error;

	if (!path || !out)
		return METAFORA_EINVAL;
	text = malloc(METAFORA_CONFIG_MAX_BYTES + 1);
	if (!text)
		return METAFORA_ENOMEM;
	error = read_all(path, text, &n_bytes);
	if (error)
		report_file(path, report, arg, error);
	else
		error = parse_file(text, n_bytes, path, report, arg, out);
	free(text);
	return error;
}

int metafora_config_set(struct metafora_config *config, const char *key,
			const char *value)
{
	struct mf_problems problems = { 0 };
	size_t i;
	int error;

	if (!config || !key || !value)
		return METAFORA_EINVAL;
	i = mf_config_find(key);
	if (i == MF_CONFIG_N_KEYS)
		return METAFORA_ENOENT;
	if (strpbrk(value, "\001\n\r")) {
		mf_problem_add(&problems, 0, key,
			       "must not hold control characters");
		error = METAFORA_ECONFIG;
	} else {
		error = mf_config_take(config, i, value, 0, &problems);
	}
	return settle(config, &problems, error);
}

int metafora_config_get(const struct metafora_config *config, const char *key,
			size_t i, const char **value)
{
	const struct mf_value *list;
	const char *text;

	if (!config || !key || !value)
		return METAFORA_EINVAL;
	if (mf_config_find(key) == MF_CONFIG_N_KEYS)
		return METAFORA_ENOENT;
	list = mf_config_value(config, key);
	text = mf_config_text_of(config, key);
	if (list->n_list > 0)
		*value = i < list->n_list ? list->list[i] : NULL;
	else
		*value = i == 0 ? text : NULL;
	return 0;
}

const char *metafora_config_key(size_t i)
{
	return i < MF_CONFIG_N_KEYS ? mf_config_keys[i].name : NULL;
}

/*
 * Check all; make what is asked for (either may be NULL) if nothing is wrong.
 * Making is the last part of checking.
 */
static int make(struct metafora_config *config,
		struct metafora_coordinator **coordinator_out,
		struct metafora_balancer **balancer_out)
{
	struct metafora_coordinator *coordinator = NULL;
	struct metafora_balancer *balancer = NULL;
	struct mf_problems problems = { 0 };
	int error = 0;

	mf_config_contradictions(config, &problems);
	mf_config_lacks(config, &problems);
	if (problems.n == 0)
		error = mf_config_balancer(config, &problems, &balancer);
	if (problems.n == 0 && !error)
		error = mf_config_coordinator(config, &problems, &coordinator);
	error = settle(config, &problems, error);
	if (!error && coordinator_out) {
		*coordinator_out = coordinator;
		coordinator = NULL;
	}
	if (!error && balancer_out) {
		*balancer_out = balancer;
		balancer = NULL;
	}
	metafora_coordinator_free(coordinator);
	metafora_balancer_free(balancer);
	return error;
}

int metafora_config_check(struct metafora_config *config)
{
	return config ? make(config, NULL, NULL) : METAFORA_EINVAL;
}

int metafora_config_coordinator(struct metafora_config *config,
				struct metafora_coordinator **out)
{
	if (!config || !out)
		return METAFORA_EINVAL;
	return make(config, out, NULL);
}

int metafora_config_log(const struct metafora_config *config,
			metafora_log_fn *fn, void **arg,
			enum metafora_log_level *level)
{
	static const struct {
		const char *word;
		metafora_log_fn fn;
	} sinks[] = {
		{"none", NULL},
		{"stderr", metafora_log_stderr},
		{"syslog", metafora_log_syslog},
		{"json", metafora_log_json},
	};
	size_t sink = 0;
	int i;

	if (!config || !fn || !arg || !level)
		return METAFORA_EINVAL;
	while (!mf_config_is(config, "log.sink", sinks[sink].word))
		sink++;
	*fn = sinks[sink].fn;
	*arg = NULL;
	for (i = METAFORA_LOG_ERROR; i < METAFORA_LOG_DEBUG; i++)
		if (mf_config_is(config, "log.level",
				 metafora_log_level_name(
					 (enum metafora_log_level)i)))
			break;
	*level = (enum metafora_log_level)i;
	return 0;
}

int metafora_config_client(struct metafora_config *config,
			   struct metafora_client **out)
{
	struct metafora_coordinator *coordinator;
	enum metafora_log_level level;
	metafora_log_fn log;
	void *arg;
	int error;

	if (!config || !out)
		return METAFORA_EINVAL;
	error = make(config, &coordinator, NULL);
	if (error)
		return error;
	metafora_config_log(config, &log, &arg, &level);
	error = metafora_client_new(coordinator, log, arg, level, out);
	metafora_coordinator_free(coordinator);
	return error;
}

/* The ranges were checked, so what fails here does so for other reasons. */
static int set_times(const struct metafora_config *config,
		     struct metafora_consumer *consumer)
{
	int error = metafora_consumer_set_balance_interval_ms(
		consumer, mf_config_whole(config, "node.balance_interval_ms"));

	if (!error)
		error = metafora_consumer_set_balance_debounce_ms(
			consumer,
			mf_config_whole(config, "node.balance_debounce_ms"));
	if (!error)
		error = metafora_consumer_set_lease_grace_ms(
			consumer, mf_config_whole(config,
						  "node.lease_grace_ms"));
	if (!error)
		error = metafora_consumer_set_shutdown_grace_ms(
			consumer, mf_config_whole(config,
						  "node.shutdown_grace_ms"));
	if (!error)
		error = metafora_consumer_set_release_backoff_ms(
			consumer,
			mf_config_whole(config, "node.release_backoff_min_ms"),
			mf_config_whole(config, "node.release_backoff_max_ms"));
	return error;
}

static int set_all(const struct metafora_config *config,
		   struct metafora_consumer *consumer)
{
	enum metafora_log_level level;
	metafora_log_fn log;
	void *arg;
	int error = set_times(config, consumer);

	metafora_config_log(config, &log, &arg, &level);
	if (!error)
		error = metafora_consumer_set_weight(
			consumer, mf_config_number(config, "node.weight"));
	if (!error)
		error = metafora_consumer_set_max_tasks(
			consumer,
			(size_t)mf_config_whole(config, "node.max_tasks"));
	if (!error)
		error = metafora_consumer_set_lost_policy(
			consumer, mf_config_is(config, "node.lost_policy",
					       "abort")
					  ? METAFORA_LOST_ABORT
					  : METAFORA_LOST_WAIT);
	if (!error)
		error = metafora_consumer_set_log(consumer, log, arg, level);
	return error;
}

static int set_stack(const struct metafora_config *config,
		     struct metafora_handler *handler)
{
	int error;

	if (!mf_config_is_given(config, "node.stack_bytes"))
		return 0;
	error = metafora_handler_set_stack_bytes(
		handler, (size_t)mf_config_whole(config, "node.stack_bytes"));
	return error == METAFORA_ENOTSUP ? 0 : error;
}

/* Bytes of a host name, or of a node's; what is longer is cut. */
static const char *node_name(const struct metafora_config *config,
			     char host[METAFORA_NODE_NAME_MAX + 1])
{
	const char *name = mf_config_text_of(config, "node.name");

	if (name)
		return name;
	/* The buffer may be too small for some names; they are cut. */
	if (gethostname(host, METAFORA_NODE_NAME_MAX) && errno != ENAMETOOLONG)
		strcpy(host, "localhost");
	host[METAFORA_NODE_NAME_MAX] = '\0';
	return host;
}

int metafora_config_consumer(struct metafora_config *config,
			     struct metafora_handler *handler,
			     struct metafora_consumer **out)
{
	char host[METAFORA_NODE_NAME_MAX + 1];
	struct metafora_coordinator *coordinator;
	struct metafora_balancer *balancer;
	struct metafora_consumer *consumer;
	int error;

	if (!config || !handler || !out)
		return METAFORA_EINVAL;
	error = make(config, &coordinator, &balancer);
	if (error)
		return error;
	error = set_stack(config, handler);
	if (!error)
		error = metafora_consumer_new(node_name(config, host),
					      coordinator, balancer, handler,
					      &consumer);
	metafora_coordinator_free(coordinator);
	if (error) {
		metafora_balancer_free(balancer);
		return error;
	}
	error = set_all(config, consumer);
	if (error)
		metafora_consumer_free(consumer);
	else
		*out = consumer;
	return error;
}
