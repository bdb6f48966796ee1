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

/*
 * A ready-made sink: one JSON object per line, in one write.
 *
 *   {"time":"2026-01-31T12:00:00.123Z","level":"info","phrase":"connected",
 *    "session":"1f","timeout_ms":"10000","node":"a"}
 *
 * time is the wall clock in UTC.  Each key=value pair after the phrase becomes
 * a member; all values are strings, so that a member's type never changes.
 * From the first pair on that is malformed (a cut value, a key that is there
 * already or is one of these four), the line stays as it is in "rest".  What
 * is not UTF-8 becomes \xNN.  arg: the descriptor to write to, an int that
 * outlives the sink's use; NULL is standard error.  Any thread.  Since: 0.1.
 */
METAFORA_API void metafora_log_json(void *arg, enum metafora_log_level level,
				    const char *line);

/*
 * A ready-made sink: syslog(3), the level as its priority.  Control bytes and
 * what is not UTF-8 become \xNN.  The application chooses name and facility by
 * openlog(3), which is optional.  arg is ignored.  Any thread.  Since: 0.1.
 */
METAFORA_API void metafora_log_syslog(void *arg, enum metafora_log_level level,
				      const char *line);

#ifdef __cplusplus
}
#endif
#endif
