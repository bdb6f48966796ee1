/* SPDX-License-Identifier: Apache-2.0 */
/* A client on any runtime, and its requests in asynchronous form. */
#ifndef MF_CLIENT_H
#define MF_CLIENT_H

#include <metafora/client.h>

#include "loop.h"

/*
 * As metafora_client_new, on a runtime, and without waiting: if the plug-in's
 * open fails, every request ends with its error.
 */
int mf_client_new_on(struct mf_runtime *runtime,
		     struct metafora_coordinator *coordinator,
		     metafora_log_fn log, void *log_arg,
		     enum metafora_log_level level,
		     struct metafora_client **out);

/*
 * One request of each kind without blocking, for simulations and for the
 * blocking calls themselves.  fn runs once on the client's owner thread, with
 * the broker's answer, METAFORA_ETIMEDOUT or METAFORA_ESTOPPED (then perhaps
 * on the calling thread, before the call returns); the answer is checked, and
 * valid during the call.  fn may make further requests and close the client.
 * Any thread.  What is passed in is copied.  Returns 0 (fn will run) or an
 * error (it will not): that of an argument, METAFORA_EFULL, METAFORA_ESTOPPED,
 * METAFORA_ENOMEM, METAFORA_ENOTSUP (an optional operation the plug-in does
 * not have).  A batch must not be empty, and is one request: at most
 * 1,000 tasks, and 512 KiB if it has several (else METAFORA_E2BIG).
 */
typedef void (*mf_reply_fn)(void *arg, const struct metafora_reply *reply);

int mf_client_submit(struct metafora_client *client,
		     const struct metafora_batch *batch, int64_t timeout_ms,
		     mf_reply_fn fn, void *arg);
int mf_client_remove(struct metafora_client *client, const char *id,
		     int64_t timeout_ms, mf_reply_fn fn, void *arg);
int mf_client_list(struct metafora_client *client, const char *prefix,
		   const char *after, size_t limit, int64_t timeout_ms,
		   mf_reply_fn fn, void *arg);
int mf_client_list_details(struct metafora_client *client, const char *prefix,
			   const char *after, size_t limit, int64_t timeout_ms,
			   mf_reply_fn fn, void *arg);
int mf_client_describe(struct metafora_client *client, const char *id,
		       int64_t timeout_ms, mf_reply_fn fn, void *arg);
int mf_client_get(struct metafora_client *client, const char *id,
		  int64_t timeout_ms, mf_reply_fn fn, void *arg);
int mf_client_nodes(struct metafora_client *client, int64_t timeout_ms,
		    mf_reply_fn fn, void *arg);
int mf_client_command(struct metafora_client *client, const char *node,
		      const char *name, const char *argument,
		      int64_t timeout_ms, mf_reply_fn fn, void *arg);
int mf_client_command_send(struct metafora_client *client, const char *node,
			   const char *name, const char *argument,
			   int64_t timeout_ms, mf_reply_fn fn, void *arg);

int mf_client_check(struct metafora_client *client, bool repair,
		    int64_t timeout_ms, mf_reply_fn fn, void *arg);

/*
 * Begin to close, once: open requests end with METAFORA_ESTOPPED, later ones
 * are refused with it.  metafora_client_free waits for the end.  Any thread.
 */
void mf_client_close(struct metafora_client *client);

#endif
