/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of a run of the demo, and what is said of it. */
#include "demo_cluster.h"

#include <errno.h>
#include <metafora/error.h>
#include <stdio.h>
#include <string.h>

#include "journal.h"

int fail(const char *what, const char *why)
{
	fprintf(stderr, "metafora-demo: %s: %s\n", what, why);
	return FAILED;
}

int fail_by(const char *what, int error)
{
	return fail(what, metafora_strerror(error));
}

int site_path(const struct site *site, const char *name, const char *ending,
	      char path[PATH_BYTES])
{
	int n = snprintf(path, PATH_BYTES, "%s/%s%s", site->directory, name,
			 ending);

	return n < 0 || n >= PATH_BYTES ? fail_by(name, METAFORA_E2BIG) : 0;
}

int site_note_death(const struct site *site, const char *node)
{
	const struct journal_line line = {
		.node = node,
		.event = JOURNAL_DIED,
	};

	if (journal_write(site->journal_fd, &line))
		return fail("the journal cannot be written", strerror(errno));
	return 0;
}
