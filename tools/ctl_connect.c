/* SPDX-License-Identifier: Apache-2.0 */
/* From the options and the configuration to a client that the broker answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"

#define CREDENTIALS_ENV "METAFORA_CREDENTIALS"
/* No task of that name need be there: it is only asked for. */
#define PROBE "metaforactl"

static void on_log(void *arg, enum metafora_log_level level, const char *line)
{
	(void)arg;
	ctl_progress_end();
	metafora_log_stderr(NULL, level, line);
}

/* --- the configuration ------------------------------------------------------------ */

static void on_problem(void *arg, const char *file, int line, const char *key,
		       const char *message)
{
	struct ctl *ctl = arg;
	char where[32] = "";

	if (line)
		snprintf(where, sizeof(where), ":%d", line);
	/* What is of no line comes from the command line, or is missing. */
	ctl_complain(ctl, CTL_USAGE, "%s%s%s%s%s%s", line || !key ? file : "",
		     where, line || !key ? ": " : "", key ? key : "",
		     key ? ": " : "", message);
}

/* The status that an error of the configuration comes to; it was reported. */
static int status_of(const struct ctl *ctl, int error)
{
	switch (error) {
	case 0:
		return CTL_OK;
	case METAFORA_ECONFIG:
	case METAFORA_ENOENT:
	case METAFORA_ESYS:
	case METAFORA_E2BIG:
		return CTL_USAGE;
	default:
		return ctl_fail(ctl, error, false, "configuration");
	}
}

/* An option takes the place of what the file says; NULL: it was not given. */
static int set(struct ctl *ctl, const char *key, const char *value)
{
	if (!value)
		return CTL_OK;
	return status_of(ctl, metafora_config_set(ctl->config, key, value));
}

static int set_acl(struct ctl *ctl, const char *text)
{
	if (!strcmp(text, "world") || !strcmp(text, "creator"))
		return set(ctl, "zookeeper.acl_mode", text);
	return set(ctl, "zookeeper.acl", text);
}

static const char *get(const struct ctl *ctl, const char *key)
{
	const char *value = NULL;

	metafora_config_get(ctl->config, key, 0, &value);
	return value;
}

/* The variable that holds the credentials, if nothing else does. */
static const char *credentials_env(const struct ctl *ctl)
{
	if (ctl->options.credentials_env)
		return ctl->options.credentials_env;
	if (!getenv(CREDENTIALS_ENV) || get(ctl, "zookeeper.auth_file") ||
	    get(ctl, "zookeeper.auth_env"))
		return NULL;
	return CREDENTIALS_ENV;
}

static int set_options(struct ctl *ctl, bool create)
{
	const struct ctl_options *options = &ctl->options;
	char buckets[32];
	int status = set(ctl, "zookeeper.servers", options->servers);
	size_t i;

	if (!status && !get(ctl, "zookeeper.servers"))
		return ctl_usage(ctl, "no servers: give --servers, "
				      "METAFORA_SERVERS, or a --config that "
				      "names them");
	if (!status)
		status = set(ctl, "zookeeper.namespace",
			     options->namespace_path);
	if (!status)
		status = set(ctl, "zookeeper.auth_file",
			     options->credentials_file);
	if (!status)
		status = set(ctl, "zookeeper.auth_env", credentials_env(ctl));
	if (!status)
		status =
			set(ctl, "zookeeper.auth_scheme", options->auth_scheme);
	for (i = 0; i < options->n_acl && !status; i++)
		status = set_acl(ctl, options->acl[i]);
	if (!status)
		status = set(ctl, "zookeeper.create", create ? "yes" : "no");
	if (!status && options->n_buckets) {
		snprintf(buckets, sizeof(buckets), "%lld",
			 (long long)options->n_buckets);
		status = set(ctl, "zookeeper.buckets", buckets);
	}
	return status;
}

int ctl_coordinator(struct ctl *ctl, bool create)
{
	const char *path = ctl->options.config;
	int status;

	if (path)
		status =
			status_of(ctl, metafora_config_load(path, on_problem,
							    ctl, &ctl->config));
	else
		status = status_of(ctl, metafora_config_parse(
						"", "command line", on_problem,
						ctl, &ctl->config));
	if (!status)
		status = set_options(ctl, create);
	if (status)
		return status;
	ctl->servers = get(ctl, "zookeeper.servers");
	ctl->root = get(ctl, "zookeeper.namespace");
	return status_of(ctl, metafora_config_coordinator(ctl->config,
							  &ctl->coordinator));
}

/* --- connecting ----------------------------------------------------------------------- */

/* Whether the broker answers at all. */
static int probe(const struct ctl *ctl)
{
	void *properties;
	size_t size_bytes;
	int error = metafora_client_get(ctl->client, PROBE, &properties,
					&size_bytes, ctl->options.timeout_ms);

	if (!error)
		free(properties);
	return error == METAFORA_ENOENT ? 0 : error;
}

int ctl_open(struct ctl *ctl)
{
	enum metafora_log_level level = METAFORA_LOG_WARN;
	int error;

	if (ctl->options.verbosity > 1)
		level = METAFORA_LOG_DEBUG;
	else if (ctl->options.verbosity)
		level = METAFORA_LOG_INFO;
	ctl_progress("connecting to %s", ctl->servers);
	error = metafora_client_new(ctl->coordinator,
				    ctl->options.verbosity ? on_log : NULL,
				    NULL, level, &ctl->client);
	if (!error) {
		ctl_attend_client(ctl->client);
		error = probe(ctl);
	}
	ctl_progress_end();
	return error;
}

int ctl_unreachable(const struct ctl *ctl, int error)
{
	if (error == METAFORA_ETIMEDOUT || error == METAFORA_EDISCONNECTED ||
	    error == METAFORA_EUNKNOWN)
		return ctl_complain(ctl, CTL_UNREACHABLE,
				    "%s: no answer within %.4g s: check that "
				    "ZooKeeper runs, and --servers",
				    ctl->servers,
				    (double)ctl->options.timeout_ms / 1000);
	return ctl_fail(ctl, error, false, "%s", ctl->root);
}

int ctl_connect(struct ctl *ctl)
{
	int status = ctl_coordinator(ctl, false);
	int error;

	if (status)
		return status;
	error = ctl_open(ctl);
	return error ? ctl_unreachable(ctl, error) : CTL_OK;
}

void ctl_disconnect(struct ctl *ctl)
{
	ctl_attend_client(NULL);
	metafora_client_free(ctl->client);
	metafora_coordinator_free(ctl->coordinator);
	metafora_config_free(ctl->config);
	ctl->client = NULL;
	ctl->coordinator = NULL;
	ctl->config = NULL;
	ctl->servers = NULL;
	ctl->root = NULL;
}
