/* SPDX-License-Identifier: Apache-2.0 */
/* What several sides hold at a time: blobs and member records. */
#include "broker.h"

#include <stdlib.h>
#include <string.h>

struct emb_blob *mf_emb_blob_new(const void *bytes, size_t size_bytes)
{
	struct emb_blob *blob = malloc(sizeof(*blob) + size_bytes);

	if (!blob)
		return NULL;
	atomic_init(&blob->n_refs, 1);
	blob->size_bytes = size_bytes;
	if (size_bytes)
		memcpy(blob->bytes, bytes, size_bytes);
	return blob;
}

struct emb_blob *mf_emb_blob_ref(struct emb_blob *blob)
{
	if (blob)
		atomic_fetch_add(&blob->n_refs, 1);
	return blob;
}

void mf_emb_blob_unref(struct emb_blob *blob)
{
	if (blob && atomic_fetch_sub(&blob->n_refs, 1) == 1)
		free(blob);
}

const char *mf_emb_put(char **at, const char *string)
{
	const size_t n = strlen(string) + 1;
	const char *copy = *at;

	memcpy(*at, string, n);
	*at += n;
	return copy;
}

struct emb_record *mf_emb_record_new(const struct metafora_member_record *from)
{
	const size_t n_strings = strlen(from->node) + strlen(from->host) +
				 strlen(from->boot_id) + strlen(from->version) +
				 4;
	struct emb_record *record = malloc(sizeof(*record) + n_strings);
	char *at;

	if (!record)
		return NULL;
	atomic_init(&record->n_refs, 1);
	at = record->strings;
	record->member = *from;
	record->member.session = 0;
	record->member.node = mf_emb_put(&at, from->node);
	record->member.host = mf_emb_put(&at, from->host);
	record->member.boot_id = mf_emb_put(&at, from->boot_id);
	record->member.version = mf_emb_put(&at, from->version);
	return record;
}

struct emb_record *mf_emb_record_ref(struct emb_record *record)
{
	atomic_fetch_add(&record->n_refs, 1);
	return record;
}

void mf_emb_record_unref(struct emb_record *record)
{
	if (record && atomic_fetch_sub(&record->n_refs, 1) == 1)
		free(record);
}
