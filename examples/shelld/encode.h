/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoding of IDs, for names of files and fields of journals. */
#ifndef SHELLD_ENCODE_H
#define SHELLD_ENCODE_H

#include <metafora/task.h>

/* Enough for any ID or node name, NUL included. */
#define ENCODED_BYTES (3 * METAFORA_TASK_ID_MAX + 1)

/*
 * Write name so that only letters, digits, "-", "_" and "." (not as the first
 * byte) remain; different names stay different.  name is at most
 * METAFORA_TASK_ID_MAX bytes, the rest is cut.
 */
void percent_encode(const char *name, char out[ENCODED_BYTES]);

#endif
