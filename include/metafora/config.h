/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file, and the consumers and clients that it describes. */
#ifndef METAFORA_CONFIG_H
#define METAFORA_CONFIG_H

#include <stddef.h>

#include <metafora/client.h>
#include <metafora/consumer.h>
#include <metafora/coordinator.h>
#include <metafora/handler.h>
#include <metafora/log.h>
#include <metafora/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What a file says.  metafora.conf(5) describes the format and every key.
 * Keys are named here by section and name: "node.weight",
 * "zookeeper.servers".  Owned by the caller; not thread-safe, but two threads
 * may each have one.
 */
struct metafora_config;

/*
 * Called for every problem that is found, with the file (or the name given to
 * metafora_config_parse()), the line (0 if it is of none), the key (NULL if it
 * is of none) and one sentence that says what is allowed.  A message holds
 * no text that was a value, since that may be a secret.  The strings are valid during the call; it must not use the
 * configuration.
 */
typedef void (*metafora_config_report_fn)(void *arg, const char *file, int line,
					  const char *key, const char *message);

/*
 * Read a file.  All its problems are reported, as far as its syntax can be
 * followed: keys that are unknown, of the wrong type, out of range, given
 * twice, or contradict each other; variables that are not set.  report may be
 * NULL; it is kept, with arg, for later calls.  What may still come from the
 * command line is not missed yet: see metafora_config_check().  Reads the file
 * and the environment; connects to nothing.  Any thread.
 * Returns 0, METAFORA_EINVAL, METAFORA_ECONFIG (after at least one report),
 * METAFORA_ENOENT, METAFORA_ESYS (the file cannot be read), METAFORA_E2BIG
 * (over METAFORA_CONFIG_MAX_BYTES; the three are reported too),
 * METAFORA_ENOMEM.  Since: 0.1.
 *
 * libconfuse, which parses, ends the process when the memory for a quoted
 * string cannot be had; every other failed allocation is METAFORA_ENOMEM.
 */
METAFORA_API int metafora_config_load(const char *path,
				      metafora_config_report_fn report,
				      void *arg, struct metafora_config **out);

/* Longest file, in bytes. */
#define METAFORA_CONFIG_MAX_BYTES (1024 * 1024)

/*
 * As above, from memory: text is not kept; name stands for the file in
 * reports.  An empty text is a configuration of nothing but defaults.
 * Since: 0.1.
 */
METAFORA_API int metafora_config_parse(const char *text, const char *name,
				       metafora_config_report_fn report,
				       void *arg, struct metafora_config **out);

/* Free.  What was made of it lives on.  NULL is allowed.  Since: 0.1. */
METAFORA_API void metafora_config_free(struct metafora_config *config);

/*
 * Set a key, as an option of a command line or a variable does, in place of
 * what the file says.  The value is checked in the same way and reported
 * without a line; "${NAME}" is not expanded.  An entry of a list is appended.
 * On an error the configuration is as before.
 * Returns 0, METAFORA_EINVAL, METAFORA_ENOENT (no such key), METAFORA_ECONFIG
 * (not allowed), METAFORA_EFULL (a list is full), METAFORA_ENOMEM.
 * Since: 0.1.
 */
METAFORA_API int metafora_config_set(struct metafora_config *config,
				     const char *key, const char *value);

/*
 * The value of a key: as set, else as in the file, else the default; NULL if
 * there is none.  Of a list the i-th entry, NULL behind the last; i is 0 for
 * everything else.  *value is valid until the key is set or the configuration
 * is freed.
 * Returns 0, METAFORA_EINVAL, METAFORA_ENOENT (no such key).  Since: 0.1.
 */
METAFORA_API int metafora_config_get(const struct metafora_config *config,
				     const char *key, size_t i,
				     const char **value);

/* The name of the i-th key; NULL behind the last.  Static.  Since: 0.1. */
METAFORA_API const char *metafora_config_key(size_t i);

/*
 * Whether all is there and fits together; the calls below do this first.
 * Reads the files of secrets, which must be there and readable by their owner
 * only.  Everything is reported.
 * Returns 0, METAFORA_EINVAL, METAFORA_ECONFIG, METAFORA_ENOMEM.  Since: 0.1.
 */
METAFORA_API int metafora_config_check(struct metafora_config *config);

/*
 * Make what the file describes.  The caller owns it.  A consumer is not
 * started; a stack size is set in the handler, which must not be in use then,
 * unless it is asynchronous and has no stacks.  A client connects in the
 * background and uses the log of the file.  With the embedded coordinator all
 * that is made of one configuration shares one broker.
 * Each returns 0, METAFORA_EINVAL, METAFORA_ECONFIG, METAFORA_ENOMEM, and what
 * metafora_consumer_new(), metafora_handler_set_stack_bytes() and
 * metafora_client_new() return.  Nothing is left behind on an error.
 * Since: 0.1.
 */
METAFORA_API int
metafora_config_coordinator(struct metafora_config *config,
			    struct metafora_coordinator **out);
METAFORA_API int metafora_config_consumer(struct metafora_config *config,
					  struct metafora_handler *handler,
					  struct metafora_consumer **out);
METAFORA_API int metafora_config_client(struct metafora_config *config,
					struct metafora_client **out);

/*
 * The log of the file: sink (NULL: none), its argument, level.  For who wants
 * a sink of his own in between, or logs to the same place.
 * Returns 0, METAFORA_EINVAL.  Since: 0.1.
 */
METAFORA_API int metafora_config_log(const struct metafora_config *config,
				     metafora_log_fn *fn, void **arg,
				     enum metafora_log_level *level);

#ifdef __cplusplus
}
#endif
#endif
