/* SPDX-License-Identifier: Apache-2.0 */
/* Logging: lines made safe for any sink. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

static const char *const level_names[] = {
	[METAFORA_LOG_ERROR] = "error",
	[METAFORA_LOG_WARN] = "warn",
	[METAFORA_LOG_INFO] = "info",
	[METAFORA_LOG_DEBUG] = "debug",
};

const char *metafora_log_level_name(enum metafora_log_level level)
{
	const size_t n = sizeof(level_names) / sizeof(level_names[0]);

	return (size_t)level < n ? level_names[level] : NULL;
}

/* IDs may hold any byte: none may forge a line or drive a terminal. */
static void blank_control_bytes(char *line)
{
	for (; *line; line++) {
		unsigned char byte = (unsigned char)*line;

		if (byte < 0x20 || byte == 0x7f)
			*line = '?';
	}
}

void metafora_log_stderr(void *arg, enum metafora_log_level level,
			 const char *line)
{
	const char *name = metafora_log_level_name(level);
	char text[METAFORA_LOG_LINE_BYTES + 16];
	size_t n;

	(void)arg;
	if (!line)
		return;
	snprintf(text, sizeof(text) - 1, "%s %s", name ? name : "?", line);
	n = strlen(text);
	text[n++] = '\n';
	/* In one call, so that lines of several threads do not mix. */
	(void)!write(STDERR_FILENO, text, n);
}

void mf_vlog(const struct mf_log *log, enum metafora_log_level level,
	     const char *format, va_list args)
{
	char line[METAFORA_LOG_LINE_BYTES];
	const int saved_errno = errno;
	char suffix[METAFORA_LOG_LINE_BYTES / 2] = "";
	size_t room;

	if (!mf_log_wants(log, level))
		return;
	/* Whose line it is must survive when the line is cut. */
	if (log->node)
		snprintf(suffix, sizeof(suffix), " node=%s", log->node);
	room = sizeof(line) - strlen(suffix);
	if (vsnprintf(line, room, format, args) < 0)
		line[0] = '\0';
	strcat(line, suffix);
	blank_control_bytes(line);
	log->fn(log->arg, level, line);
	errno = saved_errno;
}

void mf_log(const struct mf_log *log, enum metafora_log_level level,
	    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	mf_vlog(log, level, format, args);
	va_end(args);
}

bool mf_log_limit(struct mf_log_limit *limit, uint64_t now_ns,
		  uint64_t *suppressed)
{
	if (now_ns - limit->since_ns >= limit->interval_ns) {
		limit->since_ns = now_ns;
		limit->n_used = 0;
	}
	if (limit->n_used >= limit->burst) {
		limit->n_suppressed++;
		return false;
	}
	limit->n_used++;
	*suppressed = limit->n_suppressed;
	limit->n_suppressed = 0;
	return true;
}
