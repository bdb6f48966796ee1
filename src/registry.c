/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where the core names plug-ins. */
#include "registry.h"

#include <string.h>

#include <metafora/error.h>
#include <metafora/plugins.h>
#include <metafora/zookeeper.h>

#include "secret.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int mf_default_balancer(struct metafora_balancer **out)
{
	return metafora_balancer_fair_new(out);
}

/* A setter refused, beyond what the table of the keys knows. */
static int blame(const struct metafora_config *config,
		 struct mf_problems *problems, const char *key, int error)
{
	if (error && error != METAFORA_ENOMEM) {
		mf_config_blame(config, problems, key, "is refused: %s",
				metafora_strerror(error));
		error = METAFORA_ECONFIG;
	}
	return error;
}

/* --- balancers -------------------------------------------------------------- */

static int set_moving_percent(struct metafora_balancer *fair, int64_t percent)
{
	return metafora_balancer_fair_set_max_moving_percent(fair,
							     (int)percent);
}

static int set_max_claims(struct metafora_balancer *resource, int64_t n)
{
	return metafora_balancer_resource_set_max_claims(resource, (size_t)n);
}

static const struct {
	const char *key;
	int (*set)(struct metafora_balancer *balancer, int64_t value);
} balancer_setters[] = {
	{"balancer.unclaimed_grace_ms",
	 metafora_balancer_fair_set_unclaimed_grace_ms},
	{"balancer.claim_delay_ms", metafora_balancer_fair_set_claim_delay_ms},
	{"balancer.waiter_timeout_ms",
	 metafora_balancer_fair_set_waiter_timeout_ms},
	{"balancer.max_moves_per_second",
	 metafora_balancer_fair_set_max_moves_per_second},
	{"balancer.max_moving_percent", set_moving_percent},
	{"balancer.cool_down_ms", metafora_balancer_fair_set_cool_down_ms},
	{"balancer.delay_ms", metafora_balancer_sleep_set_delay_ms},
	{"balancer.longest_ms", metafora_balancer_sleep_set_longest_ms},
	{"balancer.settle_ms", metafora_balancer_resource_set_settle_ms},
	{"balancer.max_claims", set_max_claims},
};

static int new_balancer(const struct metafora_config *config,
			struct metafora_balancer **out)
{
	if (mf_config_is(config, "balancer.kind", "dumb"))
		return metafora_balancer_dumb_new(out);
	if (mf_config_is(config, "balancer.kind", "sleep"))
		return metafora_balancer_sleep_new(out);
	if (mf_config_is(config, "balancer.kind", "resource"))
		return metafora_balancer_resource_new(out);
	return metafora_balancer_fair_new(out);
}

static int set_limits(const struct metafora_config *config,
		      struct mf_problems *problems,
		      struct metafora_balancer *balancer)
{
	if (!mf_config_is(config, "balancer.kind", "resource"))
		return 0;
	return blame(config, problems, "balancer.claim_limit",
		     metafora_balancer_resource_set_limits(
			     balancer,
			     mf_config_number(config, "balancer.claim_limit"),
			     mf_config_number(config,
					      "balancer.release_limit")));
}

int mf_config_balancer(const struct metafora_config *config,
		       struct mf_problems *problems,
		       struct metafora_balancer **out)
{
	struct metafora_balancer *balancer;
	int error = new_balancer(config, &balancer);
	size_t i;

	if (error)
		return error;
	for (i = 0; i < COUNT(balancer_setters) && !error; i++) {
		const char *key = balancer_setters[i].key;

		if (mf_config_is_given(config, key))
			error = blame(config, problems, key,
				      balancer_setters[i].set(
					      balancer,
					      mf_config_whole(config, key)));
	}
	if (!error)
		error = set_limits(config, problems, balancer);
	if (error)
		metafora_balancer_free(balancer);
	else
		*out = balancer;
	return error;
}

/* --- coordinators ------------------------------------------------------------- */

static int embedded(struct metafora_config *config,
		    struct mf_problems *problems,
		    struct metafora_coordinator **out)
{
	const char *key = "embedded.session_timeout_ms";
	struct metafora_embedded_broker *broker = config->broker;
	int error = 0;

	if (!broker)
		error = metafora_embedded_broker_new(
			mf_config_whole(config, key), &broker);
	if (error)
		return blame(config, problems, key, error);
	config->broker = broker;
	return metafora_embedded_coordinator_new(broker, out);
}

void mf_config_free_broker(struct metafora_config *config)
{
	metafora_embedded_broker_free(config->broker);
}

static int set_times(const struct metafora_config *config,
		     struct mf_problems *problems,
		     struct metafora_zookeeper_options *options)
{
	const char *timeout = "zookeeper.session_timeout_ms";
	const char *delay = "zookeeper.takeover_delay_ms";
	const char *buckets = "zookeeper.buckets";
	int error = blame(config, problems, timeout,
			  metafora_zookeeper_set_session_timeout_ms(
				  options, mf_config_whole(config, timeout)));

	if (!error)
		error = blame(config, problems, delay,
			      metafora_zookeeper_set_takeover_delay_ms(
				      options, mf_config_whole(config, delay)));
	if (!error)
		error = metafora_zookeeper_set_create(
			options,
			mf_config_is(config, "zookeeper.create", "yes"));
	if (!error && mf_config_is_given(config, buckets))
		error = blame(config, problems, buckets,
			      metafora_zookeeper_set_buckets(
				      options,
				      (uint32_t)mf_config_whole(config,
								buckets)));
	return error;
}

static int read_secret(const struct metafora_config *config,
		       struct mf_problems *problems, const char *key,
		       char line[MF_SECRET_BYTES_MAX + 2])
{
	const char *wrong = mf_secret_read(mf_config_text_of(config, key),
					   line);

	if (!wrong)
		return 0;
	mf_config_blame(config, problems, key, "%s", wrong);
	return METAFORA_ECONFIG;
}

static int set_credentials(const struct metafora_config *config,
			   struct mf_problems *problems,
			   struct metafora_zookeeper_options *options)
{
	const char *scheme = mf_config_text_of(config, "zookeeper.auth_scheme");
	const char *variable = mf_config_text_of(config, "zookeeper.auth_env");
	char secret[MF_SECRET_BYTES_MAX + 2];
	int error;

	if (variable) {
		error = metafora_zookeeper_set_credentials_env(options, scheme,
							       variable);
		return blame(config, problems, "zookeeper.auth_env", error);
	}
	if (!mf_config_text_of(config, "zookeeper.auth_file"))
		return 0;
	error = read_secret(config, problems, "zookeeper.auth_file", secret);
	if (!error)
		error = blame(config, problems, "zookeeper.auth_file",
			      metafora_zookeeper_set_credentials(
				      options, scheme, secret));
	explicit_bzero(secret, sizeof(secret));
	return error;
}

static int add_acls(const struct metafora_config *config,
		    struct mf_problems *problems,
		    struct metafora_zookeeper_options *options)
{
	const struct mf_value *list = mf_config_value(config, "zookeeper.acl");
	char entry[MF_VALUE_BYTES_MAX + 1];
	const char *scheme, *id, *perms;
	int error = 0;
	size_t i;

	for (i = 0; i < list->n_list && !error; i++) {
		strcpy(entry, list->list[i]); /* its length was checked */
		mf_config_split_acl(entry, &scheme, &id, &perms);
		error = metafora_zookeeper_add_acl(options, scheme, id, perms);
	}
	return blame(config, problems, "zookeeper.acl", error);
}

static int set_acl_mode(const struct metafora_config *config,
			struct metafora_zookeeper_options *options)
{
	static const struct {
		const char *word;
		enum metafora_zookeeper_acl_mode mode;
	} modes[] = {
		{"default", METAFORA_ZOOKEEPER_ACL_DEFAULT},
		{"world", METAFORA_ZOOKEEPER_ACL_WORLD},
		{"creator", METAFORA_ZOOKEEPER_ACL_CREATOR},
		{"list", METAFORA_ZOOKEEPER_ACL_LIST},
	};
	size_t i = 0;

	while (!mf_config_is(config, "zookeeper.acl_mode", modes[i].word))
		i++;
	return metafora_zookeeper_set_acl_mode(options, modes[i].mode);
}

static int set_tls(const struct metafora_config *config,
		   struct mf_problems *problems,
		   struct metafora_zookeeper_options *options)
{
	const char *ca = mf_config_text_of(config, "zookeeper.tls_ca_file");
	char password[MF_SECRET_BYTES_MAX + 2] = "";
	int error = 0;

	if (!ca)
		return 0;
	if (mf_config_text_of(config, "zookeeper.tls_password_file"))
		error = read_secret(config, problems,
				    "zookeeper.tls_password_file", password);
	if (!error)
		error = blame(
			config, problems, "zookeeper.tls_ca_file",
			metafora_zookeeper_set_tls(
				options, ca,
				mf_config_text_of(
					config,
					"zookeeper.tls_certificate_file"),
				mf_config_text_of(config,
						  "zookeeper.tls_key_file"),
				password[0] ? password : NULL));
	explicit_bzero(password, sizeof(password));
	return error;
}

static int set_sasl(const struct metafora_config *config,
		    struct mf_problems *problems,
		    struct metafora_zookeeper_options *options)
{
	const char *service = mf_config_text_of(config,
						"zookeeper.sasl_service");

	if (!service)
		return 0;
	return blame(
		config, problems, "zookeeper.sasl_service",
		metafora_zookeeper_set_sasl(
			options, service,
			mf_config_text_of(config, "zookeeper.sasl_host"),
			mf_config_text_of(config, "zookeeper.sasl_mechanisms"),
			mf_config_text_of(config, "zookeeper.sasl_user"),
			mf_config_text_of(config, "zookeeper.sasl_realm"),
			mf_config_text_of(config,
					  "zookeeper.sasl_password_file")));
}

static int set_options(const struct metafora_config *config,
		       struct mf_problems *problems,
		       struct metafora_zookeeper_options *options)
{
	int error = set_times(config, problems, options);

	if (!error)
		error = set_credentials(config, problems, options);
	if (!error)
		error = add_acls(config, problems, options);
	if (!error)
		error = set_acl_mode(config, options);
	if (!error)
		error = set_tls(config, problems, options);
	if (!error)
		error = set_sasl(config, problems, options);
	return error;
}

static int zookeeper(const struct metafora_config *config,
		     struct mf_problems *problems,
		     struct metafora_coordinator **out)
{
	struct metafora_zookeeper_options *options;
	int error = metafora_zookeeper_options_new(
		mf_config_text_of(config, "zookeeper.servers"),
		mf_config_text_of(config, "zookeeper.namespace"), &options);

	if (error == METAFORA_EINVAL) {
		mf_config_blame(config, problems, "zookeeper.namespace",
				"must be an absolute path of printable "
				"characters, not below /zookeeper");
		return METAFORA_ECONFIG;
	}
	if (error)
		return blame(config, problems, "zookeeper.namespace", error);
	error = set_options(config, problems, options);
	if (!error) {
		error = metafora_zookeeper_coordinator_new(options, out);
		if (error == METAFORA_ENOTSUP) {
			mf_config_blame(config, problems, "zookeeper.servers",
					"cannot be reached: this library was "
					"built without the ZooKeeper client");
			error = METAFORA_ECONFIG;
		} else {
			error = blame(config, problems, "zookeeper.servers",
				      error);
		}
	}
	metafora_zookeeper_options_free(options);
	return error;
}

int mf_config_coordinator(struct metafora_config *config,
			  struct mf_problems *problems,
			  struct metafora_coordinator **out)
{
	if (mf_config_has(config, "embedded"))
		return embedded(config, problems, out);
	return zookeeper(config, problems, out);
}
