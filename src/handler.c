/* SPDX-License-Identifier: Apache-2.0 */
/* Handler objects: the application's callbacks, counted and then frozen. */
#include "handler.h"

#include <metafora/error.h>
#include <stdlib.h>
#include <unistd.h>

/* Stacks of threaded handlers, in bytes. */
#define STACK_DEFAULT (256 * (size_t)1024)
#define STACK_MAX (1024 * 1024 * (size_t)1024)

#define PREPARE_MAX_MS 3600000

/* The least the system asks for; it can grow with thread-local storage. */
static size_t stack_min(void)
{
	long bytes = sysconf(_SC_THREAD_STACK_MIN);

	return bytes > 0 ? (size_t)bytes : STACK_DEFAULT;
}

static struct metafora_handler *handler_new(void *arg)
{
	struct metafora_handler *handler = calloc(1, sizeof(*handler));

	if (!handler)
		return NULL;
	atomic_init(&handler->n_refs, 1);
	atomic_init(&handler->in_use, false);
	handler->arg = arg;
	handler->stack_bytes = STACK_DEFAULT;
	if (handler->stack_bytes < stack_min())
		handler->stack_bytes = stack_min();
	return handler;
}

int metafora_handler_new_threaded(metafora_run_fn run, void *arg,
				  struct metafora_handler **out)
{
	struct metafora_handler *handler;

	if (!run || !out)
		return METAFORA_EINVAL;
	handler = handler_new(arg);
	if (!handler)
		return METAFORA_ENOMEM;
	handler->run = run;
	*out = handler;
	return 0;
}

int metafora_handler_new_async(metafora_start_fn start, void *arg,
			       struct metafora_handler **out)
{
	struct metafora_handler *handler;

	if (!start || !out)
		return METAFORA_EINVAL;
	handler = handler_new(arg);
	if (!handler)
		return METAFORA_ENOMEM;
	handler->start = start;
	*out = handler;
	return 0;
}

/* Whether the handler may still be changed. */
static int check_open(const struct metafora_handler *handler)
{
	if (!handler)
		return METAFORA_EINVAL;
	return atomic_load(&handler->in_use) ? METAFORA_ESTATE : 0;
}

int metafora_handler_set_stop(struct metafora_handler *handler,
			      metafora_stop_fn stop)
{
	int error = check_open(handler);

	if (!error)
		handler->stop = stop;
	return error;
}

int metafora_handler_set_end(struct metafora_handler *handler,
			     metafora_end_fn end)
{
	int error = check_open(handler);

	if (!error)
		handler->end = end;
	return error;
}

int metafora_handler_set_prepare(struct metafora_handler *handler,
				 metafora_prepare_fn prepare,
				 int64_t timeout_ms)
{
	int error = check_open(handler);

	if (error)
		return error;
	if (prepare && (timeout_ms < 1 || timeout_ms > PREPARE_MAX_MS))
		return METAFORA_ERANGE;
	handler->prepare = prepare;
	handler->prepare_timeout_ms = prepare ? timeout_ms : 0;
	return 0;
}

int metafora_handler_set_stack_bytes(struct metafora_handler *handler,
				     size_t stack_bytes)
{
	int error = check_open(handler);

	if (error)
		return error;
	if (!handler->run)
		return METAFORA_ENOTSUP;
	if (stack_bytes < stack_min() || stack_bytes > STACK_MAX)
		return METAFORA_ERANGE;
	handler->stack_bytes = stack_bytes;
	return 0;
}

struct metafora_handler *mf_handler_use(struct metafora_handler *handler)
{
	atomic_store(&handler->in_use, true);
	atomic_fetch_add(&handler->n_refs, 1);
	return handler;
}

void metafora_handler_free(struct metafora_handler *handler)
{
	if (handler && atomic_fetch_sub(&handler->n_refs, 1) == 1)
		free(handler);
}
