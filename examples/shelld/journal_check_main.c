/* SPDX-License-Identifier: Apache-2.0 */
/* metafora-journal-check: judges the ownership journals of a cluster. */
#include <stdio.h>
#include <string.h>

#include "journal_check.h"

int main(int argc, char **argv)
{
	struct journal_verdict verdict;

	if (argc < 2 || argv[1][0] == '-') {
		fprintf(stderr,
			"usage: %s JOURNAL...\n"
			"Checks that no two runs of a task overlapped, that "
			"tokens grew and that every\ntask ran to its end.  "
			"Exit status: 0 all is well, 1 it is not, 2 the "
			"journals\ncannot be read.\n",
			argv[0]);
		return argc > 1 && !strcmp(argv[1], "--help") ? 0 : 2;
	}
	if (journal_check((const char *const *)argv + 1, (size_t)argc - 1,
			  stdout, &verdict))
		return 2;
	printf("%zu tasks, %zu runs (%zu cut off), %zu violations\n",
	       verdict.n_tasks, verdict.n_runs, verdict.n_unended,
	       verdict.n_violations);
	return verdict.n_violations ? 1 : 0;
}
