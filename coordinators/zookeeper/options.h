/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the options, which are also a coordinator's configuration. */
#ifndef ZK_OPTIONS_H
#define ZK_OPTIONS_H

#include <metafora/zookeeper.h>

#include "zk_calls.h"

#define ZK_ACL_MAX 16
#define ZK_SASL_TEXTS 6

/* Const once it belongs to a coordinator. */
struct metafora_zookeeper_options {
	char *servers;
	char *root; /* the namespace's path */
	int64_t timeout_ms;
	uint32_t n_buckets; /* 0: not set */
	bool only_existing; /* the namespace is not to be created */
	int64_t takeover_delay_ms;
	char *auth_scheme;  /* NULL: no credentials */
	char *auth;         /* secret */
	struct zk_acl acl[ZK_ACL_MAX];
	size_t n_acl;
	enum metafora_zookeeper_acl_mode acl_mode;
	char *tls; /* NULL: no TLS; secret: holds the key's password */
	struct zk_sasl sasl; /* service NULL: no SASL */
	/* Of a coordinator's copy only. */
	const struct zk_calls *calls;
	void *env;
	struct zk_target target;
	struct zk_acl default_acl;
};

/* Secrets are not left behind in freed memory.  NULL is allowed. */
void mf_zk_free_secret(char *secret);

/* --- options_security.c --- */

/* 0, METAFORA_EINVAL, METAFORA_ENOTSUP. */
int mf_zk_check_security(const struct metafora_zookeeper_options *options);
bool mf_zk_is_open_to_all(const struct metafora_zookeeper_options *options);
void mf_zk_free_sasl(struct zk_sasl *sasl);
int mf_zk_copy_sasl(struct zk_sasl *to, const struct zk_sasl *from);

/*
 * As metafora_zookeeper_coordinator_new, over any table of calls; env is
 * passed to its open.
 */
int mf_zk_coordinator_new(const struct metafora_zookeeper_options *options,
			  const struct zk_calls *calls, void *env,
			  struct metafora_coordinator **out);

#endif
