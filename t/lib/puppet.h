/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client in a virtual world, with a coordinator that does what the test
 * says: it notes what it is asked and answers when told to.
 */
#ifndef T_PUPPET_H
#define T_PUPPET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <metafora/coordinator.h>
#include <metafora/task.h>

#include "client.h"
#include "clock.h"
#include "world.h"

/* A timeout for requests, and a while in which everything posted happens. */
#define TIMEOUT_MS 5000
#define SOON_NS (100 * MF_NS_PER_MS)

struct puppet {
	const struct metafora_host *host;
	const struct metafora_client_sink *sink;
	int open_error; /* what open returns */
	bool deaf;      /* does not answer close */
	struct metafora_post closed_post;
	size_t n_requests, n_cancelled, n_closes, n_frees;
	/* The newest request. */
	const char *op;
	uint64_t request;
	char name[METAFORA_TASK_ID_MAX + 1];
	char after[METAFORA_TASK_ID_MAX + 1];
	size_t limit;
	char data[256]; /* submit: properties of the last task */
	size_t size_bytes;
	size_t n_submissions;
	uint64_t cancelled; /* the request cancelled last */
};

/* All there is once puppet_setup has returned. */
extern struct puppet puppet;
extern struct world *world;
extern struct metafora_coordinator *coordinator;
extern struct metafora_client *client; /* freed by teardown; may be NULL */

void puppet_setup(void);
void puppet_teardown(void);
/* Make client anew, with puppet as it is. */
void puppet_open_client(void);
/* The puppet gives the answer to the request, now. */
void puppet_answer(uint64_t request, const struct metafora_reply *reply);

/* What came of one request: an mf_reply_fn for it, and what that notes. */
struct outcome {
	unsigned int n_calls;
	int error;
	struct metafora_reply reply; /* pointers: not to be followed */
};

void on_outcome(void *arg, const struct metafora_reply *reply);
/*
 * Let the newest request, of this outcome, be answered so; returns the error
 * that its maker gets.
 */
int puppet_answered(struct outcome *outcome,
		    const struct metafora_reply *reply);

/* A batch of n tasks job0, job1, ... with properties of so many bytes. */
struct metafora_batch *puppet_batch(size_t n, size_t size_bytes);

#endif
