/* SPDX-License-Identifier: Apache-2.0 */
/* Where log lines go.  The library is silent until it is given a sink. */
#ifndef METAFORA_LOG_H
#define METAFORA_LOG_H

#include <metafora/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Levels, most urgent first.  ERROR means that a human must act. */
enum metafora_log_level {
	METAFORA_LOG_ERROR = 0,
	METAFORA_LOG_WARN = 1,
	METAFORA_LOG_INFO = 2,
	METAFORA_LOG_DEBUG = 3,
};

/* Bytes of the longest line a sink is given, with its NUL; more is cut. */
#define METAFORA_LOG_LINE_BYTES 512

/*
 * A log sink.  line is one line without newline: a stable phrase, then
 * key=value pairs.  It never holds task properties or credentials.  It is
 * valid during the call.  Called from any thread of the library, possibly
 * from several at a time; must not block for long, must not call back into
 * the consumer or client that logs.
 */
typedef void (*metafora_log_fn)(void *arg, enum metafora_log_level level,
				const char *line);

/*
 * The name of a level: "error", "warn", "info", "debug"; NULL if it is none.
 * Static.  Any thread; does not block.  Since: 0.1.
 */
METAFORA_API const char *metafora_log_level_name(enum metafora_log_level level);

/*
 * A ready-made sink: writes "LEVEL line" to standard error in one write.
 * arg is ignored.  Any thread.  Since: 0.1.
 */
METAFORA_API void metafora_log_stderr(void *arg, enum metafora_log_level level,
				      const char *line);

#ifdef __cplusplus
}
#endif
#endif
