/* SPDX-License-Identifier: Apache-2.0 */
/* Attends to a node while it lives: its signals, its log, its manager. */
#ifndef SHELLD_ATTENDANT_H
#define SHELLD_ATTENDANT_H

#include <stdbool.h>

#include <metafora/config.h>

#include "settings.h"

/*
 * One thread that takes the signals of the process: SIGTERM and SIGINT drain
 * the node and close it, a second one ends the process; SIGHUP reads the
 * configuration again; SIGUSR1 writes the status.  It tells the service
 * manager of all that, and that it is alive while the consumer answers.
 */
struct attendant;

/*
 * Make one, and block the signals in every thread that will be started.
 * settings and config are used as long as it lives, from start on by it
 * alone.  Returns 0 or METAFORA_ENOMEM.
 */
int attendant_new(struct settings *settings, struct metafora_config *config,
		  struct attendant **out);

/* A log sink, with the attendant as its argument.  Any thread. */
void attendant_say(void *arg, enum metafora_log_level level, const char *line);

/* Begin.  Returns 0 or METAFORA_ESYS. */
int attendant_start(struct attendant *attendant,
		    struct metafora_consumer *consumer);
/* The consumer has joined the cluster.  Closes it if it is to stop already. */
void attendant_joined(struct attendant *attendant);
bool attendant_is_stopping(const struct attendant *attendant);

/*
 * End the thread; the consumer is not used any more, and from here on a signal
 * ends the process at once.  NULL is allowed for both.
 */
void attendant_stop(struct attendant *attendant);
void attendant_free(struct attendant *attendant);

#endif
