/* SPDX-License-Identifier: Apache-2.0 */
/* What the keys of a configuration must have to do with each other. */
#include "config_values.h"

#include <stdlib.h>

#include "secret.h"

static const char *const tls_files[] = {
	"zookeeper.tls_ca_file",
	"zookeeper.tls_certificate_file",
	"zookeeper.tls_key_file",
};
static const char *const sasl_needs[] = {
	"zookeeper.sasl_service",
	"zookeeper.sasl_host",
	"zookeeper.sasl_mechanisms",
};
static const char *const sasl_more[] = {
	"zookeeper.sasl_user",
	"zookeeper.sasl_realm",
	"zookeeper.sasl_password_file",
};
static const char *const secret_files[] = {
	"zookeeper.auth_file",
	"zookeeper.tls_key_file",
	"zookeeper.tls_password_file",
	"zookeeper.sasl_password_file",
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The first of the keys that was given; NULL: none. */
static const char *first_given(const struct metafora_config *config,
			       const char *const *keys, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (mf_config_is_given(config, keys[i]))
			return keys[i];
	return NULL;
}

static bool has_tls(const struct metafora_config *config)
{
	return first_given(config, tls_files, COUNT(tls_files));
}

static bool has_sasl(const struct metafora_config *config)
{
	return first_given(config, sasl_needs, COUNT(sasl_needs)) ||
	       first_given(config, sasl_more, COUNT(sasl_more));
}

static bool has_auth(const struct metafora_config *config)
{
	return mf_config_is_given(config, "zookeeper.auth_file") ||
	       mf_config_is_given(config, "zookeeper.auth_env");
}

static void one_coordinator(const struct metafora_config *config,
			    struct mf_problems *problems)
{
	size_t i = mf_config_find_section("embedded");
	size_t j = mf_config_find_section("zookeeper");
	int a = config->section_lines[i];
	int b = config->section_lines[j];

	if (mf_config_has(config, "embedded") &&
	    mf_config_has(config, "zookeeper"))
		mf_problem_add(problems, a > b ? a : b, NULL,
			       "there must be one of the sections embedded and "
			       "zookeeper, not both");
}

/* By the default too, if only the other was given. */
static void in_order(const struct metafora_config *config,
		     struct mf_problems *problems, const char *less,
		     const char *more, bool may_be_equal)
{
	bool by_less = mf_config_is_given(config, less);
	double low = mf_config_number(config, less);
	double high = mf_config_number(config, more);

	if (mf_config_is_spoilt(config, less) ||
	    mf_config_is_spoilt(config, more) || low < high ||
	    (may_be_equal && low == high))
		return;
	mf_config_blame(config, problems, by_less ? less : more,
			"must be %s %s %s, which is %s",
			by_less ? (may_be_equal ? "at most" : "below")
				: (may_be_equal ? "at least" : "above"),
			by_less ? "the value of" : "that of",
			by_less ? more : less,
			mf_config_text_of(config, by_less ? more : less));
}

static void lease_grace(const struct metafora_config *config,
			struct mf_problems *problems)
{
	const char *timeout = mf_config_has(config, "zookeeper")
				      ? "zookeeper.session_timeout_ms"
				      : "embedded.session_timeout_ms";
	int64_t most = mf_config_whole(config, timeout) / 4;

	if (mf_config_whole(config, "node.lease_grace_ms") > most &&
	    !mf_config_is_spoilt(config, timeout))
		mf_config_blame(config, problems, "node.lease_grace_ms",
				"must be at most %lld, a quarter of %s",
				(long long)most, timeout);
}

static void options_of_one_balancer(const struct metafora_config *config,
				    struct mf_problems *problems)
{
	const struct mf_key *key;
	size_t i;

	if (mf_config_is_spoilt(config, "balancer.kind"))
		return;
	for (i = 0; i < MF_CONFIG_N_KEYS; i++) {
		key = &mf_config_keys[i];
		if (key->of && mf_config_is_given(config, key->name) &&
		    !mf_config_is(config, "balancer.kind", key->of))
			mf_config_blame(config, problems, key->name,
					"is an option of the balancer %s, and "
					"balancer.kind is %s",
					key->of,
					mf_config_text_of(config,
							  "balancer.kind"));
	}
}

static void access_lists(const struct metafora_config *config,
			 struct mf_problems *problems)
{
	bool has_list = mf_config_is_given(config, "zookeeper.acl");
	const char *mode = "zookeeper.acl_mode";

	if (mf_config_is(config, mode, "list") && !has_list)
		mf_config_blame(config, problems, mode,
				"is list, so zookeeper.acl must be given");
	if (has_list && (mf_config_is(config, mode, "world") ||
			 mf_config_is(config, mode, "creator")))
		mf_config_blame(config, problems, "zookeeper.acl",
				"must not be given unless acl_mode is list or "
				"default");
	if (mf_config_is(config, mode, "creator") && !has_auth(config) &&
	    !has_tls(config) && !has_sasl(config))
		mf_config_blame(config, problems, mode,
				"is creator, so auth_file, auth_env, the tls "
				"or the sasl keys must say who that is");
}

static void identity(const struct metafora_config *config,
		     struct mf_problems *problems)
{
	if (mf_config_is_given(config, "zookeeper.auth_file") &&
	    mf_config_is_given(config, "zookeeper.auth_env"))
		mf_config_blame(config, problems, "zookeeper.auth_env",
				"must not be given together with auth_file");
	if (mf_config_is_given(config, "zookeeper.auth_scheme") &&
	    !has_auth(config))
		mf_config_blame(config, problems, "zookeeper.auth_scheme",
				"needs the credentials: auth_file or auth_env");
	if (has_tls(config) && has_sasl(config))
		mf_problem_add(problems, 0, "zookeeper",
			       "TLS and SASL cannot be had together");
}

/* Who gives one of the keys has to give them all. */
static void all_or_none(const struct metafora_config *config,
			struct mf_problems *problems, const char *asked,
			const char *const *keys, size_t n)
{
	size_t i;

	for (i = 0; asked && i < n; i++)
		if (!mf_config_is_given(config, keys[i]))
			mf_config_blame(config, problems, asked, "needs %s too",
					keys[i]);
}

static void groups(const struct metafora_config *config,
		   struct mf_problems *problems)
{
	const char *asked = first_given(config, tls_files, COUNT(tls_files));

	if (!asked && mf_config_is_given(config, "zookeeper.tls_password_file"))
		asked = "zookeeper.tls_password_file";
	all_or_none(config, problems, asked, tls_files, COUNT(tls_files));
	asked = first_given(config, sasl_needs, COUNT(sasl_needs));
	if (!asked)
		asked = first_given(config, sasl_more, COUNT(sasl_more));
	all_or_none(config, problems, asked, sasl_needs, COUNT(sasl_needs));
}

void mf_config_contradictions(const struct metafora_config *config,
			      struct mf_problems *problems)
{
	one_coordinator(config, problems);
	in_order(config, problems, "node.release_backoff_min_ms",
		 "node.release_backoff_max_ms", true);
	in_order(config, problems, "balancer.claim_limit",
		 "balancer.release_limit", false);
	lease_grace(config, problems);
	options_of_one_balancer(config, problems);
	access_lists(config, problems);
	identity(config, problems);
	groups(config, problems);
}

void mf_config_lacks(const struct metafora_config *config,
		     struct mf_problems *problems)
{
	bool zookeeper = mf_config_has(config, "zookeeper");
	const char *path;
	const char *text;
	size_t i;

	if (!zookeeper && !mf_config_has(config, "embedded"))
		mf_problem_add(problems, 0, NULL,
			       "there must be a section embedded or zookeeper");
	if (zookeeper && !mf_config_is_given(config, "zookeeper.servers"))
		mf_problem_add(problems, 0, "zookeeper.servers",
			       "must be given: host:port,host:port,...");
	text = mf_config_text_of(config, "zookeeper.auth_env");
	if (text && (!getenv(text) || !getenv(text)[0]))
		mf_config_blame(config, problems, "zookeeper.auth_env",
				"must name an environment variable that is "
				"set");
	for (i = 0; i < COUNT(secret_files); i++) {
		path = mf_config_text_of(config, secret_files[i]);
		text = path ? mf_secret_check(path) : NULL;
		if (text)
			mf_config_blame(config, problems, secret_files[i],
					"%s", text);
	}
}
