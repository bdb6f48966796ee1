/* SPDX-License-Identifier: Apache-2.0 */
/* A gate: closed until it is opened once; any number of threads wait. */
#ifndef MF_GATE_H
#define MF_GATE_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>

struct mf_gate {
	sem_t sem;
	atomic_bool open; /* atomic: shows the order to the thread sanitizer */
};

void mf_gate_init(struct mf_gate *gate);
void mf_gate_fini(struct mf_gate *gate);
/* Takes no lock; may be called again. */
void mf_gate_open(struct mf_gate *gate);
/*
 * Wait until it is open: timeout_ms < 0 without limit.  Returns 0 or
 * METAFORA_ETIMEDOUT.
 */
int mf_gate_wait(struct mf_gate *gate, int64_t timeout_ms);

#endif
