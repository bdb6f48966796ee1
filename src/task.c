/* SPDX-License-Identifier: Apache-2.0 */
/* Task objects: what a handler reads, waits for and ends, without a lock. */
#include "task.h"

#include <assert.h>
#include <errno.h>
#include <metafora/error.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"

struct metafora_task *
mf_task_new(struct mf_runner *runner, void *cookie, const char *id,
	    uint64_t token, const void *properties, size_t size_bytes,
	    struct mf_lease *lease)
{
	size_t id_bytes = strlen(id) + 1;
	struct metafora_task *task;

	assert(size_bytes <= METAFORA_PROPERTIES_MAX);
	task = malloc(sizeof(*task) + size_bytes + 1 + id_bytes);
	if (!task)
		return NULL;
	memset(task, 0, sizeof(*task));
	task->guarded.lease = mf_lease_ref(lease);
	task->runner = runner;
	task->cookie = cookie;
	task->token = token;
	task->started_ns = mf_loop_now_ns(runner->loop);
	task->size_bytes = (uint32_t)size_bytes;
	mf_gate_init(&task->stop_gate);
	atomic_init(&task->context, NULL);
	atomic_init(&task->stopped_ns, 0);
	atomic_init(&task->stop_fd, -1);
	atomic_init(&task->stop_reason, METAFORA_STOP_NONE);
	atomic_init(&task->outcome, MF_OUTCOME_NONE);
	atomic_init(&task->revoked, false);
	if (size_bytes)
		memcpy(task->bytes, properties, size_bytes);
	task->bytes[size_bytes] = '\0';
	memcpy(task->bytes + size_bytes + 1, id, id_bytes);
	return task;
}

void mf_task_free(struct metafora_task *task)
{
	int fd = atomic_load(&task->stop_fd);

	if (fd >= 0)
		close(fd);
	mf_gate_fini(&task->stop_gate);
	mf_lease_unref(task->guarded.lease);
	free(task);
}

bool mf_task_end(struct metafora_task *task, enum metafora_outcome outcome)
{
	signed char none = MF_OUTCOME_NONE;

	if (!atomic_compare_exchange_strong(&task->outcome, &none,
					    (signed char)outcome))
		return false;
	/* Nobody frees the task before this is delivered. */
	mf_loop_post(task->runner->loop, &task->post);
	return true;
}

/* --- seen by the guard ---------------------------------------------------- */

static struct metafora_task *task_of(const struct mf_guarded *guarded)
{
	return (struct metafora_task *)((uintptr_t)guarded -
					offsetof(struct metafora_task,
						 guarded));
}

/* Make the descriptor readable; it stays so, nobody reads it. */
static void signal_fd(int fd)
{
	const uint64_t one = 1;
	ssize_t written;

	do
		written = write(fd, &one, sizeof(one));
	while (written < 0 && errno == EINTR);
}

void mf_guarded_request_stop(struct mf_guarded *guarded,
			     enum metafora_stop_reason reason, uint64_t now_ns)
{
	struct metafora_task *task = task_of(guarded);
	unsigned char none = METAFORA_STOP_NONE;
	int fd;

	if (!atomic_compare_exchange_strong(&task->stop_reason, &none,
					    (unsigned char)reason))
		return;
	atomic_store(&task->stopped_ns, now_ns);
	mf_gate_open(&task->stop_gate);
	/*
	 * Flag first, then descriptor; metafora_task_stop_fd() does it the
	 * other way round.  So one of the two sees the other's write.
	 */
	fd = atomic_load(&task->stop_fd);
	if (fd >= 0)
		signal_fd(fd);
}

bool mf_guarded_returned(const struct mf_guarded *guarded)
{
	return atomic_load(&task_of(guarded)->outcome) != MF_OUTCOME_NONE;
}

const char *mf_guarded_id(const struct mf_guarded *guarded)
{
	return metafora_task_id(task_of(guarded));
}

/* --- seen by the consumer ------------------------------------------------- */

void *mf_task_cookie(const struct metafora_task *task)
{
	return task->cookie;
}

uint64_t mf_task_started_ns(const struct metafora_task *task)
{
	return task->started_ns;
}

uint64_t mf_task_stopped_ns(const struct metafora_task *task)
{
	return atomic_load(&task->stopped_ns);
}

/* --- seen by handlers ----------------------------------------------------- */

const char *metafora_task_id(const struct metafora_task *task)
{
	return task ? task->bytes + task->size_bytes + 1 : NULL;
}

const void *metafora_task_properties(const struct metafora_task *task,
				     size_t *size_bytes)
{
	if (!task)
		return NULL;
	if (size_bytes)
		*size_bytes = task->size_bytes;
	return task->bytes;
}

const char *metafora_task_node(const struct metafora_task *task)
{
	return task ? task->runner->node : NULL;
}

uint64_t metafora_task_token(const struct metafora_task *task)
{
	return task ? task->token : 0;
}

uint64_t metafora_task_lease_deadline_ns(const struct metafora_task *task)
{
	if (!task || atomic_load(&task->revoked))
		return 0;
	return atomic_load(&task->guarded.lease->deadline_ns);
}

int64_t metafora_task_lease_remaining_ms(const struct metafora_task *task)
{
	uint64_t deadline_ns = metafora_task_lease_deadline_ns(task);
	uint64_t now_ns;

	if (!deadline_ns)
		return 0;
	if (deadline_ns == METAFORA_NO_DEADLINE)
		return INT64_MAX;
	now_ns = mf_loop_now_ns(task->runner->loop);
	if (deadline_ns <= now_ns)
		return 0;
	/* Fits: a million is more than the sign bit takes away. */
	return (int64_t)((deadline_ns - now_ns) / MF_NS_PER_MS);
}

bool metafora_task_stopping(const struct metafora_task *task)
{
	return metafora_task_stop_reason(task) != METAFORA_STOP_NONE;
}

enum metafora_stop_reason
metafora_task_stop_reason(const struct metafora_task *task)
{
	if (!task)
		return METAFORA_STOP_NONE;
	return (enum metafora_stop_reason)atomic_load(&task->stop_reason);
}

int metafora_task_stop_wait(struct metafora_task *task, int64_t timeout_ms)
{
	if (!task)
		return METAFORA_EINVAL;
	if (timeout_ms != 0 && mf_loop_is_owner(task->runner->loop))
		return METAFORA_ETHREAD;
	if (metafora_task_stopping(task))
		return 0;
	if (timeout_ms == 0)
		return METAFORA_ETIMEDOUT;
	mf_gate_wait(&task->stop_gate, timeout_ms);
	return metafora_task_stopping(task) ? 0 : METAFORA_ETIMEDOUT;
}

int metafora_task_stop_fd(struct metafora_task *task, int *fd)
{
	int published;
	int made;

	if (!task || !fd)
		return METAFORA_EINVAL;
	published = atomic_load(&task->stop_fd);
	if (published < 0) {
		made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (made < 0)
			return METAFORA_ESYS;
		if (atomic_compare_exchange_strong(&task->stop_fd, &published,
						   made))
			published = made;
		else
			close(made);
		if (metafora_task_stopping(task))
			signal_fd(published);
	}
	*fd = published;
	return 0;
}

int metafora_task_finish(struct metafora_task *task,
			 enum metafora_outcome outcome)
{
	if (!task || !mf_outcome_is_valid(outcome))
		return METAFORA_EINVAL;
	if (task->runner->handler->run)
		return METAFORA_ESTATE;
	return mf_task_end(task, outcome) ? 0 : METAFORA_ESTATE;
}

void metafora_task_set_context(struct metafora_task *task, void *context)
{
	if (task)
		atomic_store(&task->context, context);
}

void *metafora_task_context(const struct metafora_task *task)
{
	return task ? atomic_load(&task->context) : NULL;
}

const char *metafora_stop_reason_name(enum metafora_stop_reason reason)
{
	static const char *const names[] = {
		[METAFORA_STOP_NONE] = "none",
		[METAFORA_STOP_BALANCE] = "balance",
		[METAFORA_STOP_COMMAND] = "command",
		[METAFORA_STOP_DRAIN] = "drain",
		[METAFORA_STOP_SHUTDOWN] = "shutdown",
		[METAFORA_STOP_DELETED] = "deleted",
		[METAFORA_STOP_LEASE] = "lease",
		[METAFORA_STOP_LOST] = "lost",
	};
	const size_t n_names = sizeof(names) / sizeof(names[0]);

	return (size_t)reason < n_names ? names[reason] : NULL;
}
