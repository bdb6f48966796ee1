/* SPDX-License-Identifier: Apache-2.0 */
/* Files that hold a secret: nobody but their owner may read them. */
#ifndef MF_SECRET_H
#define MF_SECRET_H

#include <stddef.h>

/* A secret has so many bytes at most. */
#define MF_SECRET_BYTES_MAX 1022

/* NULL, or a sentence that says what is wrong with the file. */
const char *mf_secret_check(const char *path);

/*
 * Read the first line.  NULL, or what is wrong; then line is empty.  The
 * caller wipes it.
 */
const char *mf_secret_read(const char *path,
			   char line[MF_SECRET_BYTES_MAX + 2]);

#endif
