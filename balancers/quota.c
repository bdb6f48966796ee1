/* SPDX-License-Identifier: Apache-2.0 */
/* The quota function: shares by weight within capacities, rounded fairly. */
#include "quota.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* All weights together stay within 2^62, so that mul_div has two bits spare. */
#define TOTAL_BITS 62

/*
 * a * b / c, and the remainder; a <= c <= 2^62, c > 0.  The product may need
 * more than 64 bits, so it is built and divided bit by bit.
 */
static uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c, uint64_t *rest)
{
	uint64_t quotient = 0;
	uint64_t r = 0;
	int bit = 63;

	while (bit >= 0 && !(b >> bit))
		bit--;
	for (; bit >= 0; bit--) {
		quotient <<= 1;
		r = 2 * r + (b >> bit & 1 ? a : 0);
		for (; r >= c; r -= c)
			quotient++;
	}
	*rest = r;
	return quotient;
}

/* --- who shares what ------------------------------------------------------ */

/* The members that get a share, in order; returns how many. */
static size_t pick(struct mf_quota_member *members, size_t n,
		   struct mf_quota_member **order)
{
	size_t n_picked = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		struct mf_quota_member *m = &members[i];

		m->quota = 0;
		m->floor = 0;
		if (m->state == METAFORA_MEMBER_ACTIVE && !m->excluded &&
		    m->weight > 0 && isfinite(m->weight))
			order[n_picked++] = m;
	}
	return n_picked;
}

/* The tasks to share among the active. */
static uint64_t count_shared(const struct mf_quota_member *members, size_t n,
			     uint64_t n_tasks)
{
	size_t i;

	/* A late view may show more held than there are. */
	for (i = 0; i < n && n_tasks; i++) {
		if (members[i].state == METAFORA_MEMBER_FROZEN)
			n_tasks -= members[i].n_owned < n_tasks
					   ? members[i].n_owned
					   : n_tasks;
	}
	return n_tasks < MF_QUOTA_TASKS_MAX ? n_tasks : MF_QUOTA_TASKS_MAX;
}

static double sane_weight(const struct mf_quota_member *m)
{
	return m->weight < MF_QUOTA_WEIGHT_MAX ? m->weight
					       : MF_QUOTA_WEIGHT_MAX;
}

/*
 * Turn the weights into whole units, by one power of two for all, as fine as
 * the heaviest of them allows.  Scaling by a power of two is exact, and cutting
 * off the digits behind the point is the same in every rounding mode.
 */
static uint64_t weigh(struct mf_quota_member **order, size_t n)
{
	double heaviest = 0;
	uint64_t total = 0;
	int count_bits = 0;
	int weight_bits;
	size_t i;

	for (i = 0; i < n; i++) {
		if (sane_weight(order[i]) > heaviest)
			heaviest = sane_weight(order[i]);
	}
	(void)frexp(heaviest, &weight_bits);
	while ((size_t)1 << count_bits < n)
		count_bits++;
	for (i = 0; i < n; i++) {
		order[i]->units = (uint64_t)ldexp(sane_weight(order[i]),
						  TOTAL_BITS - count_bits -
							  weight_bits);
		if (order[i]->units == 0)
			order[i]->units = 1; /* next to nothing, not nothing */
		total += order[i]->units;
	}
	return total;
}

/* --- members held back by their capacity ------------------------------------ */

/* Those that fill up first come first: by units per task of their limit. */
static int compare_filling(const void *a, const void *b)
{
	const struct mf_quota_member *left =
		*(const struct mf_quota_member *const *)a;
	const struct mf_quota_member *right =
		*(const struct mf_quota_member *const *)b;
	uint64_t x = left->units / left->limit;
	uint64_t y = right->units / right->limit;

	if (x == y) { /* both remainders and limits are below 2^32 */
		x = left->units % left->limit * right->limit;
		y = right->units % right->limit * left->limit;
	}
	return (x < y) - (x > y);
}

/*
 * Fill those whose share is no less than their limit, and take both out of
 * what is left.  That only raises the shares of the others, so one pass in the
 * order of filling finds them all.  Returns how many.
 */
static size_t fill(struct mf_quota_member **order, size_t n, uint64_t *left,
		   uint64_t *total)
{
	size_t i;

	for (i = 0; i < n; i++) {
		order[i]->limit = *left;
		if (order[i]->capacity && order[i]->capacity < *left)
			order[i]->limit = order[i]->capacity;
	}
	qsort(order, n, sizeof(*order), compare_filling);
	for (i = 0; i < n; i++) {
		uint64_t rest;

		if (mul_div(order[i]->units, *left, *total, &rest) <
		    order[i]->limit)
			break;
		order[i]->quota = order[i]->limit;
		order[i]->floor = order[i]->limit;
		*left -= order[i]->limit;
		*total -= order[i]->units;
	}
	return i;
}

/* --- rounding ----------------------------------------------------------------- */

/* Who is rounded up first comes first; quotas are rounded down still. */
static int compare_claims_to_more(const void *a, const void *b)
{
	const struct mf_quota_member *left =
		*(const struct mf_quota_member *const *)a;
	const struct mf_quota_member *right =
		*(const struct mf_quota_member *const *)b;
	/*
	 * How much more than that one holds must not matter, or a node that
	 * sees an old count would round otherwise than the others.
	 */
	bool left_holds = left->n_owned > left->floor;
	bool right_holds = right->n_owned > right->floor;

	if (left_holds != right_holds)
		return left_holds ? -1 : 1;
	if (left->rest != right->rest)
		return left->rest > right->rest ? -1 : 1;
	if (left->hash != right->hash)
		return left->hash > right->hash ? -1 : 1;
	return strcmp(left->name, right->name);
}

/* Share out by weight, to members whose limits are above their shares. */
static void share_out(struct mf_quota_member **order, size_t n, uint64_t left,
		      uint64_t total)
{
	uint64_t n_left = left;
	size_t n_broken = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		struct mf_quota_member *m = order[i];

		m->quota = mul_div(m->units, left, total, &m->rest);
		m->floor = m->quota;
		n_left -= m->quota;
		if (m->rest) {
			/* What is in front of n_broken has been dealt with. */
			order[i] = order[n_broken];
			order[n_broken++] = m;
		}
	}
	/* The fractions add up to n_left and each is less than one. */
	assert(n_left < n_broken || n_left == 0);
	qsort(order, n_broken, sizeof(*order), compare_claims_to_more);
	for (i = 0; i < n_left; i++)
		order[i]->quota++;
}

void mf_quota(struct mf_quota_member *members, size_t n, uint64_t n_tasks,
	      struct mf_quota_member **order)
{
	uint64_t left = count_shared(members, n, n_tasks);
	size_t n_sharing = pick(members, n, order);
	uint64_t total;
	size_t n_full;

	if (n_sharing == 0 || left == 0)
		return;
	total = weigh(order, n_sharing);
	n_full = fill(order, n_sharing, &left, &total);
	if (n_full < n_sharing)
		share_out(order + n_full, n_sharing - n_full, left, total);
}
