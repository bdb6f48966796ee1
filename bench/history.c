/* SPDX-License-Identifier: Apache-2.0 */
/* What the journals of a cluster say: who runs what, what moved, and when. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster_int.h"
#include "figures.h"
#include "program.h"

size_t cluster_running(const struct cluster *cluster)
{
	return cluster_count(cluster).n_tasks;
}

struct cluster_counts cluster_count(const struct cluster *cluster)
{
	struct cluster_counts counts = {.least = SIZE_MAX};
	unsigned int i, k;
	size_t n;

	for (i = 0; i < cluster->n_lives; i++) {
		const struct cluster_life *life = &cluster->lives[i];

		for (k = 0; life->pid && k < life->count; k++) {
			n = atomic_load(&life->journal->n_running[k]);
			counts.n[life->first + k] = n;
			counts.n_tasks += n;
			counts.n_nodes++;
			counts.least = n < counts.least ? n : counts.least;
			counts.most = n > counts.most ? n : counts.most;
		}
	}
	return counts;
}

static int descending(const void *left, const void *right)
{
	const size_t a = *(const size_t *)left;
	const size_t b = *(const size_t *)right;

	return a > b ? -1 : a < b;
}

size_t cluster_minimum(const struct cluster_counts *before, unsigned int first,
		       unsigned int n)
{
	const size_t floor = before->n_tasks / n;
	const size_t n_ceils = before->n_tasks % n;
	struct cluster_counts held = *before;
	size_t n_stay = 0;
	size_t share;
	unsigned int i;

	/* The larger shares go where most is, so that most can stay. */
	qsort(&held.n[first], n, sizeof(held.n[0]), descending);
	for (i = 0; i < n; i++) {
		share = i < n_ceils ? floor + 1 : floor;
		n_stay += held.n[first + i] < share ? held.n[first + i] : share;
	}
	return before->n_tasks - n_stay;
}

/* --- the journals, together ----------------------------------------------------------- */

static int by_time(const void *left, const void *right)
{
	const uint64_t a = ((const struct journal_entry *)left)->at_ns;
	const uint64_t b = ((const struct journal_entry *)right)->at_ns;

	return a < b ? -1 : a > b;
}

static struct journal_entry *gather(const struct cluster *cluster, size_t *n)
{
	struct journal_entry *entries;
	size_t n_room = 1;
	unsigned int i;
	size_t k;

	for (i = 0; i < cluster->n_lives; i++)
		n_room += atomic_load(&cluster->lives[i].journal->n_entries);
	entries = malloc(n_room * sizeof(*entries));
	if (!entries)
		bench_die("out of memory");
	*n = 0;
	for (i = 0; i < cluster->n_lives; i++) {
		const struct journal *journal = cluster->lives[i].journal;
		const size_t n_entries = atomic_load(&journal->n_entries);

		for (k = 0; k < n_entries && *n < n_room; k++)
			if (atomic_load(&journal->entries[k].event))
				memcpy(&entries[(*n)++], &journal->entries[k],
				       sizeof(*entries));
	}
	qsort(entries, *n, sizeof(*entries), by_time);
	return entries;
}

static double percentile(const double *sorted, size_t n, unsigned int percent)
{
	const size_t i = n * percent / 100;

	return n ? sorted[i < n ? i : n - 1] : 0;
}

struct reading {
	struct cluster_history history;
	uint64_t *stopped_ns; /* of each task */
	double *gaps_ms;
};

static void read_entry(struct reading *reading,
		       const struct journal_entry *entry, bool counts)
{
	struct cluster_history *history = &reading->history;

	switch ((enum journal_event)entry->event) {
	case JOURNAL_START:
		if (!counts)
			break;
		history->n_starts++;
		history->last_start_ns = entry->at_ns;
		if (reading->stopped_ns[entry->task])
			reading->gaps_ms[history->n_gaps++] =
				(double)(entry->at_ns -
					 reading->stopped_ns[entry->task]) /
				1e6;
		break;
	case JOURNAL_STOP:
		reading->stopped_ns[entry->task] = entry->at_ns;
		break;
	case JOURNAL_CLAIM:
		if (counts && !history->first_claim_ns)
			history->first_claim_ns = entry->at_ns;
		history->n_claims += counts ? entry->task : 0;
		break;
	case JOURNAL_DECIDE:
		if (counts)
			history->last_decide_ns = entry->at_ns;
		history->n_decided += counts ? entry->task : 0;
		break;
	case JOURNAL_DONE:
	case JOURNAL_NONE:
		break;
	}
}

static uint64_t first_join_ns(const struct cluster *cluster, uint64_t since_ns)
{
	uint64_t first_ns = UINT64_MAX;
	unsigned int i;

	for (i = 0; i < cluster->n_lives; i++) {
		const uint64_t join_ns =
			atomic_load(&cluster->lives[i].journal->join_ns);

		if (join_ns >= since_ns && join_ns < first_ns)
			first_ns = join_ns;
	}
	return first_ns;
}

struct cluster_history cluster_history(struct cluster *cluster,
				       uint64_t since_ns)
{
	struct reading reading = {.history = {0}};
	struct cluster_history *history = &reading.history;
	struct journal_entry *entries;
	size_t n;
	size_t i;

	entries = gather(cluster, &n);
	reading.stopped_ns = calloc(cluster->n_tasks, sizeof(uint64_t));
	reading.gaps_ms = calloc(n + 1, sizeof(double));
	if (!reading.stopped_ns || !reading.gaps_ms)
		bench_die("out of memory");
	for (i = 0; i < n; i++)
		read_entry(&reading, &entries[i], entries[i].at_ns >= since_ns);
	figures_sort(reading.gaps_ms, history->n_gaps);
	history->gap_p50_ms = percentile(reading.gaps_ms, history->n_gaps, 50);
	history->gap_p99_ms = percentile(reading.gaps_ms, history->n_gaps, 99);
	history->first_join_ns = first_join_ns(cluster, since_ns);
	free(reading.stopped_ns);
	free(reading.gaps_ms);
	free(entries);
	return reading.history;
}
