/* SPDX-License-Identifier: Apache-2.0 */
/* A log sink for tests that keeps what it is given. */
#ifndef T_LOGBOOK_H
#define T_LOGBOOK_H

#include <metafora/log.h>
#include <pthread.h>
#include <stddef.h>

struct logbook {
	pthread_mutex_t lock;
	char *text; /* guarded by lock: "LEVEL line\n" after each other */
	size_t bytes;
};

void logbook_init(struct logbook *book);
void logbook_fini(struct logbook *book);

/* The sink; arg is the logbook.  Any thread. */
void logbook_write(void *arg, enum metafora_log_level level, const char *line);

/* In how many lines so far ("LEVEL line") the text occurs.  Any thread. */
size_t logbook_count(struct logbook *book, const char *text);

#endif
