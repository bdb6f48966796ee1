/* SPDX-License-Identifier: Apache-2.0 */
/* The public options about who may do what, and how one proves who one is. */
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

int metafora_zookeeper_set_acl_mode(struct metafora_zookeeper_options *options,
				    enum metafora_zookeeper_acl_mode mode)
{
	if (!options || (unsigned int)mode > METAFORA_ZOOKEEPER_ACL_LIST)
		return METAFORA_EINVAL;
	options->acl_mode = mode;
	return 0;
}

/* The library takes one string: "ca,certificate,key,password". */
static int check_part(const char *part)
{
	return !part || !part[0] || strchr(part, ',') ? METAFORA_EINVAL : 0;
}

int metafora_zookeeper_set_tls(struct metafora_zookeeper_options *options,
			       const char *ca_file, const char *certificate_file,
			       const char *key_file, const char *key_password)
{
	const char *const parts[] = {ca_file, certificate_file, key_file,
				     key_password ? key_password : ""};
	size_t n_bytes = 0;
	char *tls;
	size_t i;

	if (!options || check_part(ca_file) || check_part(certificate_file) ||
	    check_part(key_file) || (key_password && check_part(key_password)))
		return METAFORA_EINVAL;
	if (!mf_zk_real_has_tls())
		return METAFORA_ENOTSUP;
	for (i = 0; i < 4; i++)
		n_bytes += strlen(parts[i]) + 1;
	tls = calloc(1, n_bytes);
	if (!tls)
		return METAFORA_ENOMEM;
	for (i = 0; i < 4; i++) {
		if (i > 0 && parts[i][0])
			strcat(tls, ",");
		strcat(tls, parts[i]);
	}
	mf_zk_free_secret(options->tls);
	options->tls = tls;
	return 0;
}

static const char **sasl_text(struct zk_sasl *sasl, size_t i)
{
	const char **texts[ZK_SASL_TEXTS] = {
		&sasl->service, &sasl->host,  &sasl->mechanisms,
		&sasl->user,    &sasl->realm, &sasl->password_file,
	};

	return texts[i];
}

void mf_zk_free_sasl(struct zk_sasl *sasl)
{
	size_t i;

	for (i = 0; i < ZK_SASL_TEXTS; i++)
		free((char *)(uintptr_t)*sasl_text(sasl, i));
	*sasl = (struct zk_sasl){ 0 };
}

int mf_zk_copy_sasl(struct zk_sasl *to, const struct zk_sasl *from)
{
	struct zk_sasl source = *from;
	struct zk_sasl copy = { 0 };
	size_t i;

	for (i = 0; i < ZK_SASL_TEXTS; i++) {
		const char *text = *sasl_text(&source, i);

		*sasl_text(&copy, i) = text ? strdup(text) : NULL;
		if (text && !*sasl_text(&copy, i)) {
			mf_zk_free_sasl(&copy);
			return METAFORA_ENOMEM;
		}
	}
	mf_zk_free_sasl(to);
	*to = copy;
	return 0;
}

int metafora_zookeeper_set_sasl(struct metafora_zookeeper_options *options,
				const char *service, const char *host,
				const char *mechanisms, const char *user,
				const char *realm, const char *password_file)
{
	const struct zk_sasl sasl = {
		.service = service,
		.host = host,
		.mechanisms = mechanisms,
		.user = user,
		.realm = realm,
		.password_file = password_file,
	};

	if (!options || !service || !service[0] || !host || !host[0] ||
	    !mechanisms || !mechanisms[0])
		return METAFORA_EINVAL;
	if (!mf_zk_real_has_sasl())
		return METAFORA_ENOTSUP;
	return mf_zk_copy_sasl(&options->sasl, &sasl);
}

/* What contradicts itself is refused rather than guessed at. */
int mf_zk_check_security(const struct metafora_zookeeper_options *options)
{
	bool known = options->auth_scheme || options->tls ||
		     options->sasl.service;

	/* The library has no call for both. */
	if (options->tls && options->sasl.service)
		return METAFORA_ENOTSUP;
	switch (options->acl_mode) {
	case METAFORA_ZOOKEEPER_ACL_DEFAULT:
		return 0;
	case METAFORA_ZOOKEEPER_ACL_WORLD:
		return options->n_acl ? METAFORA_EINVAL : 0;
	case METAFORA_ZOOKEEPER_ACL_CREATOR:
		return options->n_acl || !known ? METAFORA_EINVAL : 0;
	case METAFORA_ZOOKEEPER_ACL_LIST:
		return options->n_acl ? 0 : METAFORA_EINVAL;
	}
	return METAFORA_EINVAL;
}

/* Who is known, only he; if nobody is, everybody. */
bool mf_zk_is_open_to_all(const struct metafora_zookeeper_options *options)
{
	if (options->acl_mode == METAFORA_ZOOKEEPER_ACL_WORLD)
		return true;
	return options->acl_mode == METAFORA_ZOOKEEPER_ACL_DEFAULT &&
	       !options->n_acl && !options->auth_scheme && !options->tls &&
	       !options->sasl.service;
}
