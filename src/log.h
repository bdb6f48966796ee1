/* SPDX-License-Identifier: Apache-2.0 */
/* Logging inside the library: a sink with a level, and a rate limit. */
#ifndef MF_LOG_H
#define MF_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <metafora/log.h>

/* Const while in use by threads. */
struct mf_log {
	metafora_log_fn fn; /* NULL: silent */
	void *arg;
	enum metafora_log_level level;
	const char *node; /* appended as node=..., may be NULL; borrowed */
};

/* Format and hand over one line; control bytes in it become '?'. */
void mf_log(const struct mf_log *log, enum metafora_log_level level,
	    const char *format, ...) METAFORA_PRINTF(3, 4);
void mf_vlog(const struct mf_log *log, enum metafora_log_level level,
	     const char *format, va_list args) METAFORA_PRINTF(3, 0);
static inline bool mf_log_wants(const struct mf_log *log,
				enum metafora_log_level level)
{
	return log->fn && level <= log->level;
}

/* At most burst lines per interval; single thread. */
struct mf_log_limit {
	uint64_t interval_ns;
	uint32_t burst;
	uint32_t n_used;
	uint64_t since_ns;
	uint64_t n_suppressed;
};
/* Whether a line may go out now; *suppressed: how many did not since the last. */
bool mf_log_limit(struct mf_log_limit *limit, uint64_t now_ns,
		  uint64_t *suppressed);

#endif
