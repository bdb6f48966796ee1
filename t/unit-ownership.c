/* SPDX-License-Identifier: Apache-2.0 */
/* The check of ownership journals finds what must not be, and only that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ownership.h"
#include "process.h"
#include "tap.h"

/* What the lines show, which stand in two journals in turn. */
static struct ownership check(const char *const *lines, size_t n,
			      bool with_leases)
{
	char *paths[3] = {process_path("a"), process_path("b"),
			  process_path("missing")};
	FILE *files[2] = {fopen(paths[0], "we"), fopen(paths[1], "we")};
	struct ownership found;
	size_t i;

	CU_ASSERT_FATAL(files[0] && files[1]);
	for (i = 0; i < n; i++)
		fprintf(files[i % 2], "%s\n", lines[i]);
	fclose(files[0]);
	fclose(files[1]);
	found = ownership_check(paths, 3, with_leases);
	for (i = 0; i < 3; i++)
		free(paths[i]);
	return found;
}

#define CHECK(lines, with_leases)                                              \
	check(lines, sizeof(lines) / sizeof((lines)[0]), with_leases)

static bool is_clean(const struct ownership *found)
{
	return !found->n_overlaps && !found->n_disorders && !found->n_revivals;
}

static void counts(void)
{
	static const char *const lines[] = {
		"100 a t 1 start 900", "250 b t 2 start 900",
		"200 a t 1 release 0", "300 b u 3 start 900",
		"400 b u 3 done 0",    "410 a v 4 start 900",
	};
	struct ownership found = CHECK(lines, true);

	CU_ASSERT(is_clean(&found));
	CU_ASSERT_EQUAL(found.n_tasks, 3);
	CU_ASSERT_EQUAL(found.n_runs, 4);
	CU_ASSERT_EQUAL(found.n_running, 2);
	CU_ASSERT_EQUAL(found.n_done, 1);
	CU_ASSERT_EQUAL(found.last_start_ns, 410);
}

static void finds_overlaps(void)
{
	static const char *const lines[] = {
		"100 a t 1 start 900",
		"250 b t 2 start 900",
		"310 a t 1 release 0",
		"400 b t 2 release 0",
	};
	struct ownership found = CHECK(lines, true);

	CU_ASSERT_EQUAL(found.n_overlaps, 1);
	CU_ASSERT_EQUAL(found.longest_overlap_ns, 60);
	CU_ASSERT_EQUAL(found.n_disorders, 0);
}

static void knows_leases(void)
{
	static const char *const ends[] = {
		"100 a t 1 start 200",
		"250 b t 2 start 900",
		"310 a t 1 release 0",
	};
	static const char *const moves[] = {
		"100 a t 1 start 200",
		"250 b t 2 start 900",
		"150 a t 1 lease 260",
		"310 a t 1 release 0",
	};
	struct ownership found = CHECK(ends, true);

	CU_ASSERT(is_clean(&found));
	found = CHECK(ends, false);
	CU_ASSERT_EQUAL(found.n_overlaps, 1);
	CU_ASSERT_EQUAL(found.longest_overlap_ns, 60);
	found = CHECK(moves, true);
	CU_ASSERT_EQUAL(found.n_overlaps, 1);
	CU_ASSERT_EQUAL(found.longest_overlap_ns, 10);
}

static void knows_losses_and_deaths(void)
{
	static const char *const lost[] = {
		"100 a t 1 start 900",
		"240 a t 1 lost 0",
		"250 b t 2 start 900",
		"310 a t 1 release 0",
	};
	static const char *const late[] = {
		"100 a t 1 start 900",
		"260 a t 1 lost 0",
		"250 b t 2 start 900",
	};
	static const char *const died[] = {
		"100 a t 1 start 900",
		"240 a - 0 died 0",
		"250 b t 2 start 900",
		"260 a t 3 start 900",
	};
	struct ownership found = CHECK(lost, true);

	CU_ASSERT(is_clean(&found));
	CU_ASSERT_EQUAL(found.n_running, 1);
	found = CHECK(late, true);
	CU_ASSERT_EQUAL(found.n_overlaps, 1);
	CU_ASSERT_EQUAL(found.longest_overlap_ns, 10);
	/* The death before does not end the run behind it. */
	found = CHECK(died, true);
	CU_ASSERT_EQUAL(found.n_overlaps, 1);
	CU_ASSERT_EQUAL(found.n_running, 2);
}

static void finds_disorders_and_revivals(void)
{
	static const char *const same[] = {
		"100 a t 2 start 900",
		"200 a t 2 release 0",
		"250 b t 2 start 900",
	};
	static const char *const revived[] = {
		"100 a t 1 start 900",
		"200 a t 1 done 0",
		"250 b t 2 start 900",
	};
	struct ownership found = CHECK(same, true);

	CU_ASSERT_EQUAL(found.n_disorders, 1);
	CU_ASSERT_EQUAL(found.n_overlaps, 0);
	found = CHECK(revived, true);
	CU_ASSERT_EQUAL(found.n_revivals, 1);
	CU_ASSERT_EQUAL(found.n_overlaps, 0);
}

static void take(void *arg, const struct ownership_run *run)
{
	char *text = arg;

	snprintf(text + strlen(text), 32, "%s%s%d,%d,%d ", run->node, run->task,
		 (int)run->start_ns, (int)run->warm_ns,
		 run->end_ns == UINT64_MAX ? -1 : (int)run->end_ns);
}

static void shows_runs(void)
{
	char *path = process_path("runs");
	FILE *file = fopen(path, "we");
	char text[128] = "";

	CU_ASSERT_FATAL(!!file);
	fputs("300 b u 3 start 900\n250 b t 2 start 900\n"
	      "120 a t 1 warm 0\n100 a t 1 start 900\n"
	      "200 a t 1 release 0\n400 b - 0 died 0\n"
	      "500 c u 4 start 900\n",
	      file);
	fclose(file);
	ownership_each_run(&path, 1, take, text);
	CU_ASSERT_STRING_EQUAL(text, "at100,120,200 bt250,0,400 bu300,0,400 "
				     "cu500,0,-1 ");
	free(path);
}

static const struct tap_case cases[] = {
	{"counts tasks and runs over all journals", counts},
	{"finds two beliefs at a time", finds_overlaps},
	{"a belief ends with the last deadline, where leases count",
	 knows_leases},
	{"a belief ends when it is lost or its node dies",
	 knows_losses_and_deaths},
	{"finds tokens that do not grow, and tasks that come back",
	 finds_disorders_and_revivals},
	{"shows each run of each task in order", shows_runs},
};

TAP_MAIN(cases, NULL, NULL)
