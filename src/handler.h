/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a handler object. */
#ifndef MF_HANDLER_H
#define MF_HANDLER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <metafora/handler.h>

struct metafora_handler {
	atomic_uint n_refs;
	atomic_bool in_use; /* a consumer has it: immutable */
	metafora_run_fn run;     /* threaded */
	metafora_start_fn start; /* asynchronous */
	metafora_stop_fn stop;   /* may be NULL */
	metafora_end_fn end;     /* may be NULL */
	metafora_prepare_fn prepare; /* may be NULL */
	int64_t prepare_timeout_ms;
	void *arg;
	size_t stack_bytes;
};

/* A reference of the consumer's; freezes the handler. */
struct metafora_handler *mf_handler_use(struct metafora_handler *handler);
/* Counterpart of mf_handler_use is metafora_handler_free. */

#endif
