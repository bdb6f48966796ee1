/* SPDX-License-Identifier: Apache-2.0 */
/* Opens handles of the client library in the way that the target asks for. */
#ifdef HAVE_ZOOKEEPER_INIT_SASL
#define HAVE_CYRUS_SASL_H 1
#endif

#include "zk_handle.h"

#include <stdlib.h>
#include <string.h>

#include "zk_resolve.h"

#ifdef HAVE_ZOOKEEPER_INIT_SSL
/* The header hides it behind a macro of the library's own build. */
ZOOAPI zhandle_t *zookeeper_init_ssl(const char *host, const char *cert,
				     watcher_fn fn, int recv_timeout,
				     const clientid_t *clientid, void *context,
				     int flags);
#endif

static void discard_log(const char *message)
{
	(void)message;
}

static void ignore_auth(int rc, const void *data)
{
	/* Refused credentials come as a session event. */
	(void)rc;
	(void)data;
}

bool mf_zk_real_has_tls(void)
{
#ifdef HAVE_ZOOKEEPER_INIT_SSL
	return true;
#else
	return false;
#endif
}

bool mf_zk_real_has_sasl(void)
{
#ifdef HAVE_ZOOKEEPER_INIT_SASL
	return true;
#else
	return false;
#endif
}

static zhandle_t *init_tls(const char *servers, const struct zk_target *target,
			   watcher_fn fn, void *context)
{
#ifdef HAVE_ZOOKEEPER_INIT_SSL
	zhandle_t *zh = zookeeper_init_ssl(servers, target->tls, fn,
					   (int)target->timeout_ms, NULL,
					   context, ZOO_NO_LOG_CLIENTENV);

	if (zh)
		zoo_set_log_callback(zh, discard_log);
	return zh;
#else
	(void)servers;
	(void)target;
	(void)fn;
	(void)context;
	return NULL; /* the options refuse it */
#endif
}

static zhandle_t *init_sasl(struct zk_handle *handle,
			    const struct zk_target *target, watcher_fn fn,
			    void *context)
{
#ifdef HAVE_ZOOKEEPER_INIT_SASL
	const struct zk_sasl *sasl = target->sasl;
	zoo_sasl_params_t params = {
		.service = sasl->service,
		.host = sasl->host,
		.mechlist = sasl->mechanisms,
	};

	/* Counted by the library: as often as one likes. */
	if (sasl_client_init(NULL) != SASL_OK)
		return NULL;
	handle->kept = zoo_sasl_make_basic_callbacks(sasl->user, sasl->realm,
						     sasl->password_file);
	if (!handle->kept)
		return NULL;
	params.callbacks = handle->kept;
	return zookeeper_init_sasl(handle->servers, fn,
				   (int)target->timeout_ms, NULL, context,
				   ZOO_NO_LOG_CLIENTENV, discard_log, &params);
#else
	(void)handle;
	(void)target;
	(void)fn;
	(void)context;
	return NULL; /* the options refuse it */
#endif
}

bool mf_zk_handle_open(struct zk_handle *handle, const struct zk_target *target,
		       watcher_fn fn, void *context, const char **why)
{
	*handle = (struct zk_handle){ 0 };
	if (mf_zk_resolve(target->servers, &handle->servers, why)) {
		handle->servers = NULL;
		return false;
	}
	if (target->tls)
		handle->zh = init_tls(handle->servers, target, fn, context);
	else if (target->sasl)
		handle->zh = init_sasl(handle, target, fn, context);
	else
		handle->zh = zookeeper_init2(handle->servers, fn,
					     (int)target->timeout_ms, NULL,
					     context, ZOO_NO_LOG_CLIENTENV,
					     discard_log);
	if (!handle->zh) {
		*why = "the client library could not be started";
		mf_zk_handle_close(handle);
		return false;
	}
	/* Without it every single call resolves the names again. */
	zoo_set_servers_resolution_delay(handle->zh, -1);
	if (target->auth_scheme)
		zoo_add_auth(handle->zh, target->auth_scheme, target->auth,
			     (int)strlen(target->auth), ignore_auth, NULL);
	return true;
}

/*
 * zoo_set_servers does two things behind the back of the library's I/O thread
 * (3.8.0).  It frees the old list, which that thread prints without a lock when
 * it has tried all servers: bounded, into a line of the log that we discard, so
 * it is garbled at worst.  And it closes the socket of an attempt to connect to
 * a server that is not in the list any more: the thread, which looks at the
 * socket anew before each step, finds it gone and goes on with the new list.
 *
 * It is called only when servers have moved and none of those known answers,
 * and the other ways are worse.  A second handle for the same session: if the
 * first one connects at last, just when it is closed, its session ends, and
 * with it claims whose lease has not run out.  A new session: all tasks of the
 * cluster start anew whenever the servers, one by one, come back with other
 * addresses.
 */
void mf_zk_handle_resolve(struct zk_handle *handle,
			  const struct zk_target *target)
{
	const char *why;
	char *servers;

	/* Names that are unknown for the moment leave it as it was. */
	if (mf_zk_resolve(target->servers, &servers, &why))
		return;
	if (strcmp(servers, handle->servers) == 0 ||
	    zoo_set_servers(handle->zh, servers) != ZOK) {
		free(servers);
		return;
	}
	free(handle->servers);
	handle->servers = servers;
}

void mf_zk_handle_close(struct zk_handle *handle)
{
	if (handle->zh)
		zookeeper_close(handle->zh);
	free(handle->kept);
	free(handle->servers);
	*handle = (struct zk_handle){ 0 };
}
