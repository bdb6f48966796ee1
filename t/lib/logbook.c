/* SPDX-License-Identifier: Apache-2.0 */
/* A log sink for tests that keeps what it is given. */
#include "logbook.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void logbook_init(struct logbook *book)
{
	pthread_mutex_init(&book->lock, NULL);
	book->text = NULL;
	book->bytes = 0;
}

void logbook_fini(struct logbook *book)
{
	free(book->text);
	pthread_mutex_destroy(&book->lock);
}

void logbook_write(void *arg, enum metafora_log_level level, const char *line)
{
	const char *name = metafora_log_level_name(level);
	struct logbook *book = arg;
	/* The two lines' parts, a space, a newline, a NUL. */
	size_t more = strlen(name) + strlen(line) + 3;

	pthread_mutex_lock(&book->lock);
	book->text = realloc(book->text, book->bytes + more);
	if (!book->text)
		abort();
	snprintf(book->text + book->bytes, more, "%s %s\n", name, line);
	book->bytes += more - 1;
	pthread_mutex_unlock(&book->lock);
}

size_t logbook_count(struct logbook *book, const char *text)
{
	const char *at;
	size_t n = 0;

	pthread_mutex_lock(&book->lock);
	for (at = book->text; at && (at = strstr(at, text)); n++)
		at = strchr(at, '\n');
	pthread_mutex_unlock(&book->lock);
	return n;
}
