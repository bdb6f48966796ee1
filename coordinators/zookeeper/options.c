/* SPDX-License-Identifier: Apache-2.0 */
/* The public options of the ZooKeeper coordinator. */
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <metafora/error.h>

#include "node.h"
#include "client.h"
#include "path.h"

#define TIMEOUT_MS_MIN 400
#define TIMEOUT_MS_MAX 3600000
#define TIMEOUT_MS_DEFAULT 10000
#define TAKEOVER_DELAY_MS_MAX 3600000
#define SECRET_BYTES 1024

static void free_acl(struct zk_acl *acl)
{
	free((char *)(uintptr_t)acl->scheme);
	free((char *)(uintptr_t)acl->id);
}

void mf_zk_free_secret(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void metafora_zookeeper_options_free(struct metafora_zookeeper_options *options)
{
	size_t i;

	if (!options)
		return;
	for (i = 0; i < options->n_acl; i++)
		free_acl(&options->acl[i]);
	mf_zk_free_secret(options->auth);
	mf_zk_free_secret(options->tls);
	mf_zk_free_sasl(&options->sasl);
	free(options->auth_scheme);
	free(options->root);
	free(options->servers);
	free(options);
}

int metafora_zookeeper_options_new(const char *servers,
				   const char *namespace_path,
				   struct metafora_zookeeper_options **out)
{
	struct metafora_zookeeper_options *options;
	int error;

	if (!servers || !servers[0] || !out)
		return METAFORA_EINVAL;
	error = mf_zk_root_check(namespace_path);
	if (error)
		return error;
	options = calloc(1, sizeof(*options));
	if (!options)
		return METAFORA_ENOMEM;
	options->timeout_ms = TIMEOUT_MS_DEFAULT;
	options->servers = strdup(servers);
	options->root = strdup(namespace_path);
	if (!options->servers || !options->root) {
		metafora_zookeeper_options_free(options);
		return METAFORA_ENOMEM;
	}
	*out = options;
	return 0;
}

int metafora_zookeeper_set_session_timeout_ms(
	struct metafora_zookeeper_options *options, int64_t timeout_ms)
{
	if (!options)
		return METAFORA_EINVAL;
	if (timeout_ms < TIMEOUT_MS_MIN || timeout_ms > TIMEOUT_MS_MAX)
		return METAFORA_ERANGE;
	options->timeout_ms = timeout_ms;
	return 0;
}

int metafora_zookeeper_set_buckets(struct metafora_zookeeper_options *options,
				   uint32_t n_buckets)
{
	if (!options)
		return METAFORA_EINVAL;
	if (n_buckets < 1 || n_buckets > ZK_BUCKETS_MAX)
		return METAFORA_ERANGE;
	options->n_buckets = n_buckets;
	return 0;
}

int metafora_zookeeper_set_create(struct metafora_zookeeper_options *options,
				  bool create)
{
	if (!options)
		return METAFORA_EINVAL;
	options->only_existing = !create;
	return 0;
}

int metafora_zookeeper_set_takeover_delay_ms(
	struct metafora_zookeeper_options *options, int64_t delay_ms)
{
	if (!options)
		return METAFORA_EINVAL;
	if (delay_ms < 0 || delay_ms > TAKEOVER_DELAY_MS_MAX)
		return METAFORA_ERANGE;
	options->takeover_delay_ms = delay_ms;
	return 0;
}

int metafora_zookeeper_set_credentials(
	struct metafora_zookeeper_options *options, const char *scheme,
	const char *secret)
{
	char *scheme_copy;
	char *secret_copy;

	if (!options || !scheme || !scheme[0] || !secret || !secret[0])
		return METAFORA_EINVAL;
	scheme_copy = strdup(scheme);
	secret_copy = strdup(secret);
	if (!scheme_copy || !secret_copy) {
		free(scheme_copy);
		mf_zk_free_secret(secret_copy);
		return METAFORA_ENOMEM;
	}
	free(options->auth_scheme);
	mf_zk_free_secret(options->auth);
	options->auth_scheme = scheme_copy;
	options->auth = secret_copy;
	return 0;
}

/* Nobody but the owner may be able to read the file that was opened. */
static int check_private(int fd)
{
	struct stat stat;

	if (fstat(fd, &stat))
		return METAFORA_ESYS;
	if (!S_ISREG(stat.st_mode))
		return METAFORA_EINVAL;
	return stat.st_mode & (S_IRGRP | S_IROTH) ? METAFORA_EAUTH : 0;
}

static int read_line(const char *path, char *line, size_t line_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = 0;
	int error;

	if (fd < 0)
		return errno == ENOENT ? METAFORA_ENOENT : METAFORA_ESYS;
	error = check_private(fd);
	if (!error) {
		n = read(fd, line, line_bytes - 1);
		error = n < 0 ? METAFORA_ESYS : 0;
	}
	close(fd);
	if (error)
		return error;
	line[n] = '\0';
	if ((size_t)n == line_bytes - 1 && !strchr(line, '\n'))
		return METAFORA_E2BIG;
	line[strcspn(line, "\r\n")] = '\0';
	return 0;
}

int metafora_zookeeper_set_credentials_file(
	struct metafora_zookeeper_options *options, const char *scheme,
	const char *path)
{
	char line[SECRET_BYTES];
	int error;

	if (!options || !path)
		return METAFORA_EINVAL;
	error = read_line(path, line, sizeof(line));
	if (!error)
		error = metafora_zookeeper_set_credentials(options, scheme,
							   line);
	explicit_bzero(line, sizeof(line));
	return error;
}

int metafora_zookeeper_set_credentials_env(
	struct metafora_zookeeper_options *options, const char *scheme,
	const char *variable)
{
	const char *secret;

	if (!options || !variable)
		return METAFORA_EINVAL;
	secret = getenv(variable);
	if (!secret)
		return METAFORA_ENOENT;
	return metafora_zookeeper_set_credentials(options, scheme, secret);
}

static int parse_perms(const char *letters, unsigned int *perms)
{
	static const char known[] = "rwcda";
	const char *at;

	*perms = 0;
	for (; *letters; letters++) {
		at = strchr(known, *letters);
		if (!at)
			return METAFORA_EINVAL;
		*perms |= 1u << (at - known);
	}
	return *perms ? 0 : METAFORA_EINVAL;
}

int metafora_zookeeper_add_acl(struct metafora_zookeeper_options *options,
			       const char *scheme, const char *id,
			       const char *perms)
{
	struct zk_acl acl;

	if (!options || !scheme || !scheme[0] || !id || !perms ||
	    parse_perms(perms, &acl.perms))
		return METAFORA_EINVAL;
	if (options->n_acl == ZK_ACL_MAX)
		return METAFORA_EFULL;
	acl.scheme = strdup(scheme);
	acl.id = strdup(id);
	if (!acl.scheme || !acl.id) {
		free_acl(&acl);
		return METAFORA_ENOMEM;
	}
	options->acl[options->n_acl++] = acl;
	return 0;
}

static int copy_lists(struct metafora_zookeeper_options *to,
		      const struct metafora_zookeeper_options *from)
{
	size_t i;

	if (from->auth_scheme &&
	    metafora_zookeeper_set_credentials(to, from->auth_scheme,
					       from->auth))
		return METAFORA_ENOMEM;
	if (from->tls && !(to->tls = strdup(from->tls)))
		return METAFORA_ENOMEM;
	if (mf_zk_copy_sasl(&to->sasl, &from->sasl))
		return METAFORA_ENOMEM;
	for (i = 0; i < from->n_acl; i++) {
		struct zk_acl *acl = &to->acl[to->n_acl++];

		acl->perms = from->acl[i].perms;
		acl->scheme = strdup(from->acl[i].scheme);
		acl->id = strdup(from->acl[i].id);
		if (!acl->scheme || !acl->id)
			return METAFORA_ENOMEM;
	}
	return 0;
}

static void set_target(struct metafora_zookeeper_options *options)
{
	bool open = mf_zk_is_open_to_all(options);

	options->default_acl = (struct zk_acl){
		.perms = ZK_PERM_ALL,
		.scheme = open ? "world" : "auth",
		.id = open ? "anyone" : "",
	};
	options->target = (struct zk_target){
		.servers = options->servers,
		.timeout_ms = options->timeout_ms,
		.auth_scheme = options->auth_scheme,
		.auth = options->auth,
		.tls = options->tls,
		.sasl = options->sasl.service ? &options->sasl : NULL,
		.acl = options->n_acl ? options->acl : &options->default_acl,
		.n_acl = options->n_acl ? options->n_acl : 1,
	};
}

static void free_config(void *config)
{
	metafora_zookeeper_options_free(config);
}

int mf_zk_coordinator_new(const struct metafora_zookeeper_options *options,
			  const struct zk_calls *calls, void *env,
			  struct metafora_coordinator **out)
{
	struct metafora_zookeeper_options *copy;
	int error = mf_zk_check_security(options);

	if (error)
		return error;
	error = metafora_zookeeper_options_new(options->servers, options->root,
					       &copy);
	if (error)
		return error;
	copy->timeout_ms = options->timeout_ms;
	copy->n_buckets = options->n_buckets;
	copy->only_existing = options->only_existing;
	copy->takeover_delay_ms = options->takeover_delay_ms;
	copy->acl_mode = options->acl_mode;
	copy->calls = calls;
	copy->env = env;
	error = copy_lists(copy, options);
	set_target(copy);
	if (!error)
		error = metafora_coordinator_new(&mf_zk_node_ops,
						 &mf_zk_client_ops, copy,
						 free_config, out);
	if (error)
		metafora_zookeeper_options_free(copy);
	return error;
}

int metafora_zookeeper_coordinator_new(
	const struct metafora_zookeeper_options *options,
	struct metafora_coordinator **out)
{
	const struct zk_calls *calls = mf_zk_real_calls();

	if (!options || !out)
		return METAFORA_EINVAL;
	if (!calls)
		return METAFORA_ENOTSUP;
	return mf_zk_coordinator_new(options, calls, NULL, out);
}
