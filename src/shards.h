/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table by ID grows all at once, and with a million entries that holds
 * the loop for long: such a table is kept in parts, each of which grows by
 * itself.
 */
#ifndef MF_SHARDS_H
#define MF_SHARDS_H

#include "name.h"

#define MF_N_SHARDS 64

static inline unsigned int mf_shard(const char *id)
{
	return mf_name_hash(id) % MF_N_SHARDS;
}

#endif
