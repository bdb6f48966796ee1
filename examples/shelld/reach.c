/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs' command lines say, and how it is read. */
#include "reach.h"

#include <errno.h>
#include <metafora/zookeeper.h>
#include <stdlib.h>
#include <string.h>

int reach_coordinator(const struct reach *reach,
		      struct metafora_coordinator **out)
{
	struct metafora_zookeeper_options *options;
	int error;

	error = metafora_zookeeper_options_new(reach->servers,
					       reach->namespace_path, &options);
	if (error)
		return error;
	if (reach->session_timeout_ms)
		error = metafora_zookeeper_set_session_timeout_ms(
			options, reach->session_timeout_ms);
	if (!error && reach->n_buckets)
		error = metafora_zookeeper_set_buckets(options,
						       reach->n_buckets);
	if (!error)
		error = metafora_zookeeper_coordinator_new(options, out);
	metafora_zookeeper_options_free(options);
	return error;
}

int read_integer(const char *text, int64_t least, int64_t most, int64_t *out)
{
	long long value;
	char *end;

	/* strtoll would take blanks and signs. */
	if (text[0] < '0' || text[0] > '9')
		return -1;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || *end || value < least || value > most)
		return -1;
	*out = value;
	return 0;
}

int read_weight(const char *text, double most, double *out)
{
	double value;
	char *end;

	if (text[strspn(text, "0123456789.")])
		return -1;
	value = strtod(text, &end);
	if (*end || !(value > 0) || value > most)
		return -1;
	*out = value;
	return 0;
}

int read_level(const char *text, enum metafora_log_level *out)
{
	const char *name;
	int level;

	for (level = 0; (name = metafora_log_level_name(level)); level++)
		if (!strcmp(text, name)) {
			*out = level;
			return 0;
		}
	return -1;
}
