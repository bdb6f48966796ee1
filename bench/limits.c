/* SPDX-License-Identifier: Apache-2.0 */
/* What the broker can do, without the library. */
#include "results.h"
#include "scenarios.h"

void bench_warm_up(const struct bench *bench)
{
	raw_create_pipelined(bench->servers, bench->n_tasks);
	raw_create_multi(bench->servers, bench->n_tasks);
}

void bench_limits(const struct bench *bench)
{
	const size_t n = bench->n_tasks;
	const char *params = bench_params(bench, "\"creates\": %zu", n);

	results_add("raw.sync_creates_per_s", "1/s", params,
		    raw_create_synchronously(bench->servers, n / 10));
	results_add("raw.pipelined_creates_per_s", "1/s", params,
		    raw_create_pipelined(bench->servers, n));
	results_add("raw.multi_creates_per_s", "1/s", params,
		    raw_create_multi(bench->servers, n));
}
