/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs' command lines say, and how it is read. */
#ifndef SHELLD_REACH_H
#define SHELLD_REACH_H

#include <stdint.h>

#include <metafora/coordinator.h>
#include <metafora/log.h>

/* Where the cluster is; the strings are the command line's. */
struct reach {
	const char *servers; /* "host:port,..." */
	const char *namespace_path;
	int64_t session_timeout_ms; /* 0: the library's default */
	uint32_t n_buckets;         /* 0: what is there, or the default */
};

/*
 * Make a coordinator for it; unusable values show here.
 * Returns 0 or what metafora/zookeeper.h says.
 */
int reach_coordinator(const struct reach *reach,
		      struct metafora_coordinator **out);

/*
 * Read a whole decimal number from least to most.  Returns 0; -1, and *out as
 * before, if text is none.
 */
int read_integer(const char *text, int64_t least, int64_t most, int64_t *out);
/* The same for a number above 0 that may have a fraction. */
int read_weight(const char *text, double most, double *out);
/* The same for the name of a level. */
int read_level(const char *text, enum metafora_log_level *out);

#endif
