/* SPDX-License-Identifier: Apache-2.0 */
/* A file that a process of nodes and the benchmark map. */
#include "journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program.h"

static size_t size_of(size_t n_room)
{
	return sizeof(struct journal) + n_room * sizeof(struct journal_entry);
}

static void __attribute__((noreturn)) die(const char *path)
{
	perror(path);
	exit(1);
}

/* Of n_bytes; 0: as large as it is. */
static struct journal *map(const char *path, size_t n_bytes)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct journal *journal;
	struct stat stat;

	if (fd < 0 || (n_bytes && ftruncate(fd, (off_t)n_bytes)) ||
	    fstat(fd, &stat))
		die(path);
	journal = mmap(NULL, (size_t)stat.st_size, PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, 0);
	if (journal == MAP_FAILED)
		die(path);
	close(fd);
	return journal;
}

struct journal *journal_make(const char *path, size_t n_room)
{
	struct journal *journal = map(path, size_of(n_room));

	journal->n_room = n_room;
	return journal;
}

struct journal *journal_open(const char *path)
{
	return map(path, 0);
}

void journal_close(struct journal *journal)
{
	munmap(journal, size_of(journal->n_room));
}

void journal_write(struct journal *journal, uint16_t node, uint32_t task,
		   enum journal_event event)
{
	const size_t i = atomic_fetch_add(&journal->n_entries, 1);
	struct journal_entry *entry = &journal->entries[i];

	if (i >= journal->n_room) {
		fprintf(stderr, "the journal is full\n");
		abort();
	}
	entry->at_ns = bench_now_ns();
	entry->task = task;
	entry->node = node;
	atomic_store_explicit(&entry->event, (uint16_t)event,
			      memory_order_release);
	if (event == JOURNAL_START)
		atomic_fetch_add(&journal->n_running[node], 1);
	else if (event == JOURNAL_STOP || event == JOURNAL_DONE)
		atomic_fetch_sub(&journal->n_running[node], 1);
}
