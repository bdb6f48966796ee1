/* SPDX-License-Identifier: Apache-2.0 */
/* Files and standard input, read so that a signal ends it. */
#ifndef CTL_INPUT_H
#define CTL_INPUT_H

#include <stddef.h>

#include "ctl.h"

/*
 * Read all of a file ("-": standard input), at most most_bytes.  A status,
 * after it was said what is wrong.  *bytes is freed by the caller; a NUL that
 * is not counted follows.
 */
int ctl_read_all(const struct ctl *ctl, const char *path, size_t most_bytes,
		 char **bytes, size_t *n);

/*
 * Give each record, which ends in the delimiter, with its number from 1 on and
 * without the delimiter; empty ones are passed over.  Ends with the first
 * status that is not CTL_OK.
 */
int ctl_read_records(const struct ctl *ctl, const char *path, char delimiter,
		     int (*fn)(void *arg, const char *record, size_t n,
			       size_t number),
		     void *arg);

#endif
