/* SPDX-License-Identifier: Apache-2.0 */
/* IDs and names: checks, percent-encoding, hash. */
#ifndef MF_NAME_H
#define MF_NAME_H

#include <stddef.h>
#include <stdint.h>

/*
 * Length form of the checks: 0, METAFORA_EINVAL (NULL), METAFORA_EEMPTY,
 * METAFORA_ENAMETOOLONG, METAFORA_ENUL.
 */
int mf_name_check(const char *name, size_t bytes, size_t max_bytes);
int mf_task_id_check(const char *id);   /* NUL-terminated */
int mf_node_name_check(const char *node); /* NUL-terminated */

/* As metafora_host.name_encode, name_decode, name_hash. */
int mf_name_encode(const char *name, char *out, size_t out_bytes);
int mf_name_decode(const char *encoded, char *out, size_t out_bytes);
uint32_t mf_name_hash(const char *name);

#endif
