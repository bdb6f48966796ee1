/* SPDX-License-Identifier: Apache-2.0 */
/* The member record as JSON. */
#ifndef ZK_MEMBER_H
#define ZK_MEMBER_H

#include <stddef.h>

#include <metafora/coordinator.h>

/* Largest record that is read. */
#define ZK_MEMBER_BYTES_MAX 8192

/* Freed by the caller.  Returns 0 or METAFORA_ENOMEM. */
int mf_zk_member_encode(const struct metafora_member_record *record,
			char **out);

/*
 * Untrusted input.  node of the record is not set; its strings belong to
 * *owner, which mf_zk_member_free frees.  Returns 0, METAFORA_EPROTO,
 * METAFORA_ENOMEM.
 */
int mf_zk_member_decode(const void *data, size_t size_bytes,
			struct metafora_member_record *record, void **owner);
void mf_zk_member_free(void *owner);

#endif
