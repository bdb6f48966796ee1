/* SPDX-License-Identifier: Apache-2.0 */
/* From the options to a client that the broker answers. */
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

/* --- options of the coordinator -------------------------------------------------- */

static int set_credentials(const struct ctl *ctl,
			   struct metafora_zookeeper_options *zk)
{
	const struct ctl_options *options = &ctl->options;
	const char *scheme =
		options->auth_scheme ? options->auth_scheme : "digest";
	const char *variable = options->credentials_env;
	int error;

	if (options->credentials_file) {
		error = metafora_zookeeper_set_credentials_file(
			zk, scheme, options->credentials_file);
		if (error == METAFORA_EAUTH)
			return ctl_complain(ctl, CTL_USAGE,
					    "%s: others may read it: chmod 600",
					    options->credentials_file);
		return error ? ctl_fail(ctl, error, false, "%s",
					options->credentials_file)
			     : CTL_OK;
	}
	if (!variable && getenv(CREDENTIALS_ENV))
		variable = CREDENTIALS_ENV;
	if (!variable)
		return CTL_OK;
	error = metafora_zookeeper_set_credentials_env(zk, scheme, variable);
	return error ? ctl_fail(ctl, error, false, "environment variable %s",
				variable)
		     : CTL_OK;
}

/* "SCHEME:ID:PERMS"; an ID may have colons itself. */
static int add_acl(struct metafora_zookeeper_options *zk, const char *text)
{
	char *copy = strdup(text);
	char *id, *perms;
	int error = METAFORA_EINVAL;

	if (!copy)
		return METAFORA_ENOMEM;
	id = strchr(copy, ':');
	perms = strrchr(copy, ':');
	if (id && perms != id) {
		*id++ = '\0';
		*perms++ = '\0';
		error = metafora_zookeeper_add_acl(zk, copy, id, perms);
	}
	free(copy);
	return error;
}

static int set_acl(const struct ctl *ctl, struct metafora_zookeeper_options *zk)
{
	int error = 0;
	size_t i;

	for (i = 0; i < ctl->options.n_acl && !error; i++) {
		const char *text = ctl->options.acl[i];

		if (!strcmp(text, "world"))
			error = metafora_zookeeper_set_acl_mode(
				zk, METAFORA_ZOOKEEPER_ACL_WORLD);
		else if (!strcmp(text, "creator"))
			error = metafora_zookeeper_set_acl_mode(
				zk, METAFORA_ZOOKEEPER_ACL_CREATOR);
		else
			error = add_acl(zk, text);
		if (error)
			return ctl_fail(ctl, error, false, "--acl %s", text);
	}
	return CTL_OK;
}

static int set_options(const struct ctl *ctl, bool create,
		       struct metafora_zookeeper_options *zk)
{
	int status = set_credentials(ctl, zk);

	if (!status)
		status = set_acl(ctl, zk);
	if (!status)
		metafora_zookeeper_set_create(zk, create);
	if (!status && ctl->options.n_buckets)
		metafora_zookeeper_set_buckets(
			zk, (uint32_t)ctl->options.n_buckets);
	return status;
}

int ctl_coordinator(struct ctl *ctl, bool create)
{
	const struct ctl_options *options = &ctl->options;
	struct metafora_zookeeper_options *zk;
	int status;
	int error;

	if (!options->servers)
		return ctl_usage(ctl, "no servers: give --servers or "
				      "METAFORA_SERVERS");
	if (!options->namespace_path)
		return ctl_usage(ctl, "no namespace: give --namespace or "
				      "METAFORA_NAMESPACE");
	error = metafora_zookeeper_options_new(options->servers,
					       options->namespace_path, &zk);
	if (error)
		return ctl_complain(ctl, CTL_USAGE,
				    "--namespace %s: it has to "
				    "be an absolute path of at most 200 "
				    "printable characters, not below "
				    "/zookeeper",
				    options->namespace_path);
	status = set_options(ctl, create, zk);
	if (!status) {
		error = metafora_zookeeper_coordinator_new(zk,
							   &ctl->coordinator);
		if (error == METAFORA_EINVAL)
			status = ctl_complain(ctl, CTL_USAGE,
					      "credentials and "
					      "--acl contradict each other");
		else if (error)
			status = ctl_fail(ctl, error, false, "coordinator");
	}
	metafora_zookeeper_options_free(zk);
	return status;
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
	ctl_progress("connecting to %s", ctl->options.servers);
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
				    ctl->options.servers,
				    (double)ctl->options.timeout_ms / 1000);
	return ctl_fail(ctl, error, false, "%s", ctl->options.namespace_path);
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
	ctl->client = NULL;
	ctl->coordinator = NULL;
}
