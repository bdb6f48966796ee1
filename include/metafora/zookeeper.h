/* SPDX-License-Identifier: Apache-2.0 */
/* The coordinator that reaches an Apache ZooKeeper ensemble. */
#ifndef METAFORA_ZOOKEEPER_H
#define METAFORA_ZOOKEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <metafora/coordinator.h>
#include <metafora/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How to reach the ensemble.  Owned by the caller; not thread-safe. */
struct metafora_zookeeper_options;

/*
 * Make options.  servers is a list "host:port,host:port"; ":port" may be
 * missing (2181).  namespace_path, such as "/metafora/production", is where
 * everything is kept: absolute, of printable characters, at most 200 bytes,
 * not below /zookeeper.  It is created when the first node or client comes.
 * Both are copied.
 * Returns 0, METAFORA_EINVAL, METAFORA_ENAMETOOLONG, METAFORA_ENOMEM.
 * Since: 0.1.
 */
METAFORA_API int
metafora_zookeeper_options_new(const char *servers, const char *namespace_path,
			       struct metafora_zookeeper_options **out);

/* NULL is allowed.  Since: 0.1. */
METAFORA_API void
metafora_zookeeper_options_free(struct metafora_zookeeper_options *options);

/*
 * The setters.  On an error the options are as before.  Each returns 0,
 * METAFORA_EINVAL, METAFORA_ENOMEM, and what is said.  Since: 0.1.
 */

/*
 * The session timeout to ask for: 400 to 3,600,000; default 10,000; at least
 * four of the servers' ticks are recommended.  The servers bound it.  After a
 * node died its tasks run elsewhere when it has passed.  METAFORA_ERANGE.
 */
METAFORA_API int metafora_zookeeper_set_session_timeout_ms(
	struct metafora_zookeeper_options *options, int64_t timeout_ms);

/*
 * Folders over which tasks and claims are spread: 1 to 1,024.  Fixed when the
 * namespace is created.  Not set: 64 at creation, otherwise whatever is there;
 * set: another number there is METAFORA_EVERSION.  METAFORA_ERANGE.
 */
METAFORA_API int metafora_zookeeper_set_buckets(
	struct metafora_zookeeper_options *options, uint32_t n_buckets);

/*
 * Whether a namespace that is not there is created; default true.  Without it
 * a node fails and a client's calls return METAFORA_ENAMESPACE: for programs
 * that people run, so that a path with a slip in it does not become a namespace.
 */
METAFORA_API int
metafora_zookeeper_set_create(struct metafora_zookeeper_options *options,
			      bool create);

/*
 * What a task rests when its owner vanished without a release: 0 to 3,600,000;
 * default 0.  For owners whose effects outlive them, such as requests that are
 * still on their way when the process is gone.  It is no release if, after
 * the claim is gone, the member is too (or has come back in a new session),
 * unless it was draining when last seen.  Each node goes by what itself has
 * seen: one that joins later waits for none.  METAFORA_ERANGE.
 */
METAFORA_API int metafora_zookeeper_set_takeover_delay_ms(
	struct metafora_zookeeper_options *options, int64_t delay_ms);

/*
 * Credentials of a scheme, usually "digest" with "user:password".  With them
 * only who has the same may use the namespace, unless an ACL is set.  From a
 * string; from the first line of a file, which must be readable by its owner
 * only (METAFORA_EAUTH otherwise; METAFORA_ENOENT, METAFORA_ESYS if it cannot
 * be read; METAFORA_E2BIG beyond 1,022 bytes); or from an environment variable (METAFORA_ENOENT).
 */
METAFORA_API int
metafora_zookeeper_set_credentials(struct metafora_zookeeper_options *options,
				   const char *scheme, const char *secret);
METAFORA_API int metafora_zookeeper_set_credentials_file(
	struct metafora_zookeeper_options *options, const char *scheme,
	const char *path);
METAFORA_API int metafora_zookeeper_set_credentials_env(
	struct metafora_zookeeper_options *options, const char *scheme,
	const char *variable);

/*
 * Add an entry to the ACL of everything that is created, in place of the
 * default: perms is made of the letters c, d, r, w, a (create, delete, read,
 * write, administer).  All nodes and clients of a namespace need cdrw.
 * METAFORA_EFULL beyond 16 entries.
 */
METAFORA_API int
metafora_zookeeper_add_acl(struct metafora_zookeeper_options *options,
			   const char *scheme, const char *id,
			   const char *perms);

enum metafora_zookeeper_acl_mode {
	/* The list if there is one, else CREATOR if one has an identity (by
	 * credentials, TLS or SASL), else WORLD with a warning in the log. */
	METAFORA_ZOOKEEPER_ACL_DEFAULT = 0,
	/* Everybody may do everything. */
	METAFORA_ZOOKEEPER_ACL_WORLD = 1,
	/* Only who has the same identity may do anything. */
	METAFORA_ZOOKEEPER_ACL_CREATOR = 2,
	/* What metafora_zookeeper_add_acl was given. */
	METAFORA_ZOOKEEPER_ACL_LIST = 3,
};

/*
 * Say which ACL is meant.  Whether the other options agree is looked at when
 * the coordinator is made: CREATOR without an identity, LIST without a list,
 * or another mode with one are METAFORA_EINVAL then.
 */
METAFORA_API int
metafora_zookeeper_set_acl_mode(struct metafora_zookeeper_options *options,
				enum metafora_zookeeper_acl_mode mode);

/*
 * Connect by TLS: files in PEM format, of the authorities to trust, of our
 * certificate and its key, with the key's password (NULL: none); no comma in
 * any of them.  METAFORA_ENOTSUP: the installed client library has no TLS
 * (Debian's has not), or SASL is set too.
 */
METAFORA_API int
metafora_zookeeper_set_tls(struct metafora_zookeeper_options *options,
			   const char *ca_file, const char *certificate_file,
			   const char *key_file, const char *key_password);

/*
 * Authenticate by SASL: service and name of the server, mechanisms to try;
 * user, realm and the file whose first line is the password as the mechanisms
 * need them, else NULL.  METAFORA_ENOTSUP as above.
 */
METAFORA_API int
metafora_zookeeper_set_sasl(struct metafora_zookeeper_options *options,
			    const char *service, const char *host,
			    const char *mechanisms, const char *user,
			    const char *realm, const char *password_file);

/*
 * Make a coordinator, with node and client side.  The options are copied.
 * Returns 0, METAFORA_EINVAL (also: options that contradict each other),
 * METAFORA_ENOMEM, METAFORA_ENOTSUP (the library was built without the
 * ZooKeeper client; TLS together with SASL).  Since: 0.1.
 */
METAFORA_API int metafora_zookeeper_coordinator_new(
	const struct metafora_zookeeper_options *options,
	struct metafora_coordinator **out);

#ifdef __cplusplus
}
#endif
#endif
