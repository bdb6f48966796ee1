/* SPDX-License-Identifier: Apache-2.0 */
/* A gate that threads wait at, made of a semaphore. */
#include "gate.h"

#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include <metafora/error.h>

void mf_gate_init(struct mf_gate *gate)
{
	sem_init(&gate->sem, 0, 0);
	atomic_init(&gate->open, false);
}

void mf_gate_fini(struct mf_gate *gate)
{
	sem_destroy(&gate->sem);
}

void mf_gate_open(struct mf_gate *gate)
{
	atomic_store(&gate->open, true);
	sem_post(&gate->sem);
}

static struct timespec after_ms(int64_t ms)
{
	const int64_t limit_ms = INT64_C(1000) * 3600 * 24 * 365;
	struct timespec at;

	if (ms > limit_ms)
		ms = limit_ms;
	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += ms % 1000 * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

int mf_gate_wait(struct mf_gate *gate, int64_t timeout_ms)
{
	struct timespec at = {0};
	int result;

	if (timeout_ms >= 0)
		at = after_ms(timeout_ms);
	do {
		result = timeout_ms < 0 ? sem_wait(&gate->sem)
					: sem_clockwait(&gate->sem,
							CLOCK_MONOTONIC, &at);
	} while (result && errno == EINTR);
	if (result)
		return METAFORA_ETIMEDOUT;
	/* Pass it on: everybody waits for the same thing. */
	sem_post(&gate->sem);
	/* The thread sanitizer does not know sem_clockwait(). */
	(void)atomic_load(&gate->open);
	return 0;
}
