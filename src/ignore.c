/* SPDX-License-Identifier: Apache-2.0 */
/* The ignore manager: which tasks this node does not claim for now. */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include <metafora/error.h>
#include <metafora/task.h>

#include "clock.h"
#include "ignore.h"
#include "shards.h"
#include "timers.h"

enum state {
	NOT_IGNORED,
	BACKED_OFF,    /* until a time, whatever changes */
	UNTIL_TIME,    /* refused until a time */
	UNTIL_CHANGE,  /* refused until a change */
};

/* What is known about a task; goes when it neither is ignored nor failed. */
struct entry {
	UT_hash_handle hh;
	enum state state;
	struct mf_timer until;         /* set iff there is a time: at_ns */
	TAILQ_ENTRY(entry) in_refused; /* iff UNTIL_TIME or UNTIL_CHANGE */
	TAILQ_ENTRY(entry) in_failed;  /* iff n_failed > 0 */
	uint32_t n_failed;
	char task[];
};

TAILQ_HEAD(entries, entry);

struct mf_ignore {
	struct entry *entries[MF_N_SHARDS]; /* hash by task */
	struct mf_timers times;  /* used as a heap only, nothing fires */
	struct entries timed;    /* UNTIL_TIME, in the order of refusal */
	struct entries change;   /* UNTIL_CHANGE, likewise */
	struct entries failed;   /* longest without a new failure first */
	size_t n_failed;
	size_t n_timed;
	size_t n_change;
	size_t n_ignored;
};

static struct entry *entry_of(struct mf_timer *until)
{
	return (struct entry *)((char *)until - offsetof(struct entry, until));
}

struct mf_ignore *mf_ignore_new(void)
{
	struct mf_ignore *ignore = calloc(1, sizeof(*ignore));

	if (!ignore)
		return NULL;
	mf_timers_init(&ignore->times);
	TAILQ_INIT(&ignore->timed);
	TAILQ_INIT(&ignore->change);
	TAILQ_INIT(&ignore->failed);
	return ignore;
}

void mf_ignore_free(struct mf_ignore *ignore)
{
	struct entry *entry;
	struct entry *next;
	int i;

	if (!ignore)
		return;
	for (i = 0; i < MF_N_SHARDS; i++) {
		HASH_ITER(hh, ignore->entries[i], entry, next) {
			HASH_DEL(ignore->entries[i], entry);
			free(entry);
		}
	}
	free(ignore);
}

static struct entry *find(const struct mf_ignore *ignore, const char *task)
{
	struct entry *entry;

	HASH_FIND_STR(ignore->entries[mf_shard(task)], task, entry);
	return entry;
}

/* Find or make; NULL: out of memory.  A new one must get a use, or settle. */
static struct entry *obtain(struct mf_ignore *ignore, const char *task)
{
	struct entry *entry = find(ignore, task);
	size_t n_bytes = strlen(task);

	if (entry)
		return entry;
	assert(n_bytes <= METAFORA_TASK_ID_MAX);
	entry = calloc(1, sizeof(*entry) + n_bytes + 1);
	if (!entry)
		return NULL;
	mf_timer_init(&entry->until, NULL, NULL);
	memcpy(entry->task, task, n_bytes + 1);
	HASH_ADD_KEYPTR(hh, ignore->entries[mf_shard(task)], entry->task,
			n_bytes, entry);
	if (!entry->hh.tbl) {
		free(entry);
		return NULL;
	}
	return entry;
}

/* Free the entry if it says nothing any more. */
static void settle(struct mf_ignore *ignore, struct entry *entry)
{
	if (entry->state != NOT_IGNORED || entry->n_failed)
		return;
	HASH_DEL(ignore->entries[mf_shard(entry->task)], entry);
	free(entry);
}

static void set_state(struct mf_ignore *ignore, struct entry *entry,
		      enum state state, uint64_t until_ns)
{
	if (entry->state == UNTIL_TIME)
		TAILQ_REMOVE(&ignore->timed, entry, in_refused);
	else if (entry->state == UNTIL_CHANGE)
		TAILQ_REMOVE(&ignore->change, entry, in_refused);
	mf_timers_cancel(&ignore->times, &entry->until);
	ignore->n_timed -= entry->state == UNTIL_TIME;
	ignore->n_change -= entry->state == UNTIL_CHANGE;
	ignore->n_ignored -= entry->state != NOT_IGNORED;

	entry->state = state;
	ignore->n_timed += state == UNTIL_TIME;
	ignore->n_change += state == UNTIL_CHANGE;
	ignore->n_ignored += state != NOT_IGNORED;
	if (state == UNTIL_TIME)
		TAILQ_INSERT_TAIL(&ignore->timed, entry, in_refused);
	else if (state == UNTIL_CHANGE)
		TAILQ_INSERT_TAIL(&ignore->change, entry, in_refused);
	if (state == UNTIL_TIME || state == BACKED_OFF)
		mf_timers_set(&ignore->times, &entry->until, until_ns);
}

static void clear_failures(struct mf_ignore *ignore, struct entry *entry)
{
	if (!entry->n_failed)
		return;
	TAILQ_REMOVE(&ignore->failed, entry, in_failed);
	entry->n_failed = 0;
	ignore->n_failed--;
}

int mf_ignore_refused(struct mf_ignore *ignore, const char *task,
		      uint64_t until_ns)
{
	struct entry *entry = obtain(ignore, task);

	if (!entry)
		return METAFORA_ENOMEM;
	if (entry->state != BACKED_OFF)
		set_state(ignore, entry, until_ns ? UNTIL_TIME : UNTIL_CHANGE,
			  until_ns);
	return 0;
}

int mf_ignore_back_off(struct mf_ignore *ignore, const char *task,
		       uint64_t until_ns)
{
	struct entry *entry = obtain(ignore, task);

	if (!entry)
		return METAFORA_ENOMEM;
	if (entry->state != BACKED_OFF || until_ns > entry->until.at_ns)
		set_state(ignore, entry, BACKED_OFF, until_ns);
	return 0;
}

bool mf_ignore_has(const struct mf_ignore *ignore, const char *task)
{
	const struct entry *entry = find(ignore, task);

	return entry && entry->state != NOT_IGNORED;
}

void mf_ignore_forget(struct mf_ignore *ignore, const char *task)
{
	struct entry *entry = find(ignore, task);

	if (!entry)
		return;
	clear_failures(ignore, entry);
	set_state(ignore, entry, NOT_IGNORED, 0);
	settle(ignore, entry);
}

uint64_t mf_ignore_next_ns(const struct mf_ignore *ignore)
{
	return mf_timers_next_ns(&ignore->times);
}

static void take_out(struct mf_ignore *ignore, struct entry *entry, char *task)
{
	strcpy(task, entry->task);
	set_state(ignore, entry, NOT_IGNORED, 0);
	settle(ignore, entry);
}

bool mf_ignore_pop_due(struct mf_ignore *ignore, uint64_t now_ns, char *task)
{
	struct mf_timer *until = mf_timers_pop(&ignore->times, now_ns);

	if (!until)
		return false;
	take_out(ignore, entry_of(until), task);
	return true;
}

bool mf_ignore_pop_refused(struct mf_ignore *ignore, bool all, char *task)
{
	struct entry *entry = TAILQ_FIRST(&ignore->change);

	if (!entry && all)
		entry = TAILQ_FIRST(&ignore->timed);
	if (!entry)
		return false;
	take_out(ignore, entry, task);
	return true;
}

static void drop_oldest_failure(struct mf_ignore *ignore)
{
	struct entry *oldest = TAILQ_FIRST(&ignore->failed);

	clear_failures(ignore, oldest);
	settle(ignore, oldest);
}

uint32_t mf_ignore_failed(struct mf_ignore *ignore, const char *task)
{
	struct entry *entry = obtain(ignore, task);
	uint32_t n_failed;

	if (!entry)
		return 1;
	n_failed = entry->n_failed;
	clear_failures(ignore, entry); /* to go to the end of the list */
	if (ignore->n_failed == MF_IGNORE_FAILURES_MAX)
		drop_oldest_failure(ignore);
	entry->n_failed = n_failed == UINT32_MAX ? n_failed : n_failed + 1;
	TAILQ_INSERT_TAIL(&ignore->failed, entry, in_failed);
	ignore->n_failed++;
	return entry->n_failed;
}

void mf_ignore_succeeded(struct mf_ignore *ignore, const char *task)
{
	struct entry *entry = find(ignore, task);

	if (!entry)
		return;
	clear_failures(ignore, entry);
	settle(ignore, entry);
}

size_t mf_ignore_n_refused(const struct mf_ignore *ignore, bool all)
{
	return ignore->n_change + (all ? ignore->n_timed : 0);
}

size_t mf_ignore_size(const struct mf_ignore *ignore)
{
	return ignore->n_ignored;
}

static void tell(const struct entry *entry,
		 void (*fn)(void *arg, const struct mf_ignored *ignored),
		 void *arg)
{
	struct mf_ignored ignored = {.task = entry->task};

	if (entry->state == NOT_IGNORED)
		return;
	if (entry->state != UNTIL_CHANGE)
		ignored.until_ns = entry->until.at_ns;
	fn(arg, &ignored);
}

void mf_ignore_each(const struct mf_ignore *ignore,
		    void (*fn)(void *arg, const struct mf_ignored *ignored),
		    void *arg)
{
	const struct entry *entry;
	int i;

	for (i = 0; i < MF_N_SHARDS; i++) {
		for (entry = ignore->entries[i]; entry; entry = entry->hh.next)
			tell(entry, fn, arg);
	}
}
