/* SPDX-License-Identifier: Apache-2.0 */
/* Makes and reads the names of the layout. */
#include "path.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#define SEQUENCE_DIGITS 10

static bool component_ok(const char *at, size_t n)
{
	size_t i;

	if (n == 0 || (n == 1 && at[0] == '.') ||
	    (n == 2 && at[0] == '.' && at[1] == '.'))
		return false;
	/* Printable ASCII only: no trouble with any client or shell. */
	for (i = 0; i < n; i++)
		if (at[i] <= ' ' || at[i] > '~')
			return false;
	return true;
}

int mf_zk_root_check(const char *root)
{
	const char *at = root;

	if (!root || root[0] != '/')
		return METAFORA_EINVAL;
	if (strnlen(root, ZK_ROOT_BYTES_MAX + 1) > ZK_ROOT_BYTES_MAX)
		return METAFORA_ENAMETOOLONG;
	/* ZooKeeper's own folder. */
	if (strcmp(root, "/zookeeper") == 0 ||
	    strncmp(root, "/zookeeper/", 11) == 0)
		return METAFORA_EINVAL;
	while (*at) {
		size_t n = strcspn(++at, "/");

		if (!component_ok(at, n))
			return METAFORA_EINVAL;
		at += n;
	}
	return 0;
}

static char *format(const char *text, ...) METAFORA_PRINTF(1, 2);

static char *format(const char *text, ...)
{
	va_list args;
	char *out;
	int n;

	va_start(args, text);
	n = vsnprintf(NULL, 0, text, args);
	va_end(args);
	out = n < 0 ? NULL : malloc((size_t)n + 1);
	if (!out)
		return NULL;
	va_start(args, text);
	vsnprintf(out, (size_t)n + 1, text, args);
	va_end(args);
	return out;
}

char *mf_zk_path(const char *root, const char *name)
{
	return format("%s/%s", root, name);
}

static const char *folder_name(enum zk_folder_kind kind)
{
	return kind == ZK_TASKS ? "tasks" : "claims";
}

char *mf_zk_path_folder(const char *root, enum zk_folder_kind kind,
			uint32_t bucket)
{
	return format("%s/%s/%02" PRIu32, root, folder_name(kind), bucket);
}

char *mf_zk_path_task(const char *root, uint32_t bucket, const char *encoded)
{
	return format("%s/tasks/%02" PRIu32 "/%s", root, bucket, encoded);
}

char *mf_zk_path_claim_stem(const char *root, uint32_t bucket,
			    const char *encoded_task, const char *encoded_node)
{
	return format("%s/claims/%02" PRIu32 "/%s:%s:", root, bucket,
		      encoded_task, encoded_node);
}

char *mf_zk_path_claim(const char *root, uint32_t bucket,
		       const char *encoded_task, const char *encoded_node,
		       uint32_t sequence)
{
	return format("%s/claims/%02" PRIu32 "/%s:%s:%010" PRIu32, root, bucket,
		      encoded_task, encoded_node, sequence);
}

char *mf_zk_path_member(const char *root, const char *encoded_node)
{
	return format("%s/nodes/%s", root, encoded_node);
}

char *mf_zk_path_lease(const char *root, const char *encoded_node)
{
	return format("%s/leases/%s", root, encoded_node);
}

char *mf_zk_path_command(const char *root, const char *encoded_node,
			 const char *id)
{
	if (!id)
		return format("%s/commands/%s", root, encoded_node);
	return format("%s/commands/%s/%s", root, encoded_node, id);
}

static bool parse(const struct metafora_host *host, const char *name, size_t n,
		  char *out, size_t out_bytes)
{
	char encoded[ZK_ENCODED_BYTES];

	if (n == 0 || n >= sizeof(encoded))
		return false;
	memcpy(encoded, name, n);
	encoded[n] = '\0';
	return host->name_decode(encoded, out, out_bytes) == 0;
}

bool mf_zk_parse_task(const struct metafora_host *host, const char *name,
		      char task[METAFORA_TASK_ID_MAX + 1])
{
	return parse(host, name, strnlen(name, ZK_ENCODED_BYTES), task,
		     METAFORA_TASK_ID_MAX + 1);
}

bool mf_zk_parse_node(const struct metafora_host *host, const char *name,
		      char node[METAFORA_NODE_NAME_MAX + 1])
{
	return parse(host, name, strnlen(name, ZK_ENCODED_BYTES), node,
		     METAFORA_NODE_NAME_MAX + 1);
}

bool mf_zk_parse_bucket(const char *name, uint32_t n_buckets, uint32_t *bucket)
{
	unsigned long number = strtoul(name, NULL, 10);
	char expected[16];

	if (number >= n_buckets)
		return false;
	*bucket = (uint32_t)number;
	snprintf(expected, sizeof(expected), "%02" PRIu32, *bucket);
	return strcmp(name, expected) == 0;
}

bool mf_zk_parse_folder(const char *root, const char *path, uint32_t n_buckets,
			enum zk_folder_kind *kind, uint32_t *bucket)
{
	const size_t n_root = strlen(root);

	if (strncmp(path, root, n_root) != 0)
		return false;
	path += n_root;
	if (strncmp(path, "/tasks/", 7) == 0) {
		*kind = ZK_TASKS;
		return mf_zk_parse_bucket(path + 7, n_buckets, bucket);
	}
	*kind = ZK_CLAIMS;
	return strncmp(path, "/claims/", 8) == 0 &&
	       mf_zk_parse_bucket(path + 8, n_buckets, bucket);
}

/* Ten digits at the end of a name, not wrapped. */
static bool parse_sequence(const char *text, uint32_t *out)
{
	uint64_t value = 0;
	int i;

	for (i = 0; i < SEQUENCE_DIGITS; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	*out = (uint32_t)value;
	return text[i] == '\0' && value <= INT32_MAX;
}

bool mf_zk_parse_claim(const struct metafora_host *host, const char *name,
		       struct zk_claim_name *out)
{
	const char *node = strchr(name, ':');
	const char *sequence = node ? strchr(node + 1, ':') : NULL;

	if (!sequence || !parse_sequence(sequence + 1, &out->sequence))
		return false;
	return parse(host, name, (size_t)(node - name), out->task,
		     sizeof(out->task)) &&
	       parse(host, node + 1, (size_t)(sequence - node - 1), out->node,
		     sizeof(out->node));
}

bool mf_zk_parse_command(const char *name, struct zk_command_name *out)
{
	const char *sequence = strrchr(name, ':');
	const size_t n_mark = strlen(ZK_COMMAND_UNREAD);
	char *end;

	if (!sequence || !parse_sequence(sequence + 1, &out->sequence))
		return false;
	out->unread = (size_t)(sequence + 1 - name) > n_mark &&
		      strncmp(sequence + 1 - n_mark, ZK_COMMAND_UNREAD,
			      n_mark) == 0;
	out->session = strtoull(name, &end, 16);
	return end == name + 16 && *end == ':' && end != sequence;
}

uint32_t mf_zk_bucket(const struct metafora_host *host, const char *task,
		      uint32_t n_buckets)
{
	return host->name_hash(task) % n_buckets;
}
