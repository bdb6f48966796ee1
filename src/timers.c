/* SPDX-License-Identifier: Apache-2.0 */
/* Timers of one loop: an intrusive pairing heap. */
#include <assert.h>
#include <stddef.h>

#include "clock.h"
#include "timers.h"

static bool is_before(const struct mf_timer *a, const struct mf_timer *b)
{
	if (a->at_ns != b->at_ns)
		return a->at_ns < b->at_ns;
	return a->order < b->order;
}

/* Join two heaps, each without siblings; either may be NULL. */
static struct mf_timer *meld(struct mf_timer *a, struct mf_timer *b)
{
	struct mf_timer *first;
	struct mf_timer *second;

	if (!a || !b)
		return a ? a : b;
	first = is_before(a, b) ? a : b;
	second = first == a ? b : a;
	second->prev = first;
	second->sibling = first->child;
	if (second->sibling)
		second->sibling->prev = second;
	first->child = second;
	return first;
}

/*
 * Join a list of siblings to one heap: in pairs from the left, then the pairs
 * from the right.  In loops, because a list can be as long as there are timers.
 */
static struct mf_timer *meld_siblings(struct mf_timer *list)
{
	struct mf_timer *pairs = NULL; /* the last one first */
	struct mf_timer *heap = NULL;

	while (list) {
		struct mf_timer *a = list;
		struct mf_timer *b = a->sibling;

		list = b ? b->sibling : NULL;
		a->sibling = NULL;
		if (b)
			b->sibling = NULL;
		a = meld(a, b);
		a->sibling = pairs;
		pairs = a;
	}
	while (pairs) {
		struct mf_timer *next = pairs->sibling;

		pairs->sibling = NULL;
		heap = meld(heap, pairs);
		pairs = next;
	}
	if (heap)
		heap->prev = NULL;
	return heap;
}

static void take_out(struct mf_timers *timers, struct mf_timer *timer)
{
	struct mf_timer *children = meld_siblings(timer->child);

	if (timer == timers->root) {
		timers->root = children;
	} else {
		if (timer->prev->child == timer)
			timer->prev->child = timer->sibling;
		else
			timer->prev->sibling = timer->sibling;
		if (timer->sibling)
			timer->sibling->prev = timer->prev;
		timers->root = meld(timers->root, children);
	}
	timer->child = NULL;
	timer->sibling = NULL;
	timer->prev = NULL;
	timer->set = false;
}

void mf_timers_init(struct mf_timers *timers)
{
	*timers = (struct mf_timers){0};
}

void mf_timer_init(struct mf_timer *timer, void (*fn)(void *), void *arg)
{
	*timer = (struct mf_timer){.fn = fn, .arg = arg};
}

void mf_timers_set(struct mf_timers *timers, struct mf_timer *timer,
		   uint64_t at_ns)
{
	mf_timers_cancel(timers, timer);
	timer->at_ns = at_ns;
	timer->order = ++timers->n_set_ever;
	timer->set = true;
	timers->root = meld(timers->root, timer);
}

void mf_timers_cancel(struct mf_timers *timers, struct mf_timer *timer)
{
	if (!timer->set)
		return;
	assert(timers->root && (timer->prev || timer == timers->root));
	take_out(timers, timer);
}

uint64_t mf_timers_next_ns(const struct mf_timers *timers)
{
	return timers->root ? timers->root->at_ns : MF_NEVER;
}

struct mf_timer *mf_timers_pop(struct mf_timers *timers, uint64_t now_ns)
{
	struct mf_timer *first = timers->root;

	if (!first || first->at_ns > now_ns)
		return NULL;
	take_out(timers, first);
	return first;
}
