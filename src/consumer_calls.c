/* SPDX-License-Identifier: Apache-2.0 */
/* Calls into a running consumer: carried out by its loop, waited for here. */
#include "consumer.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#include "command.h"
#include "task_list.h"

/*
 * A call: made by the caller, run by the loop, freed by who lets go last.  A
 * caller that gives up in time makes sure that it will not run any more.
 */
enum call_state { WAITING, RUNNING, GIVEN_UP };

struct call {
	struct metafora_post post;
	struct metafora_consumer *consumer;
	int (*fn)(struct metafora_consumer *consumer, void *arg);
	void *arg;
	_Atomic enum call_state state; /* atomic: caller and loop race */
	atomic_uint n_refs;            /* atomic: caller and loop */
	struct mf_gate done;
	int result; /* written before done opens */
};

static void unref(struct call *call)
{
	if (atomic_fetch_sub(&call->n_refs, 1) > 1)
		return;
	mf_gate_fini(&call->done);
	free(call);
}

static void deliver(struct metafora_post *post, bool dropped)
{
	struct call *call = (struct call *)(void *)post; /* first member */
	enum call_state state = WAITING;

	if (atomic_compare_exchange_strong(&call->state, &state, RUNNING)) {
		call->result = dropped ? METAFORA_ESTOPPED
				       : call->fn(call->consumer, call->arg);
		mf_gate_open(&call->done);
	}
	unref(call);
}

int mf_consumer_call(struct metafora_consumer *c, int64_t timeout_ms,
		     int (*fn)(struct metafora_consumer *, void *), void *arg)
{
	enum call_state state = WAITING;
	struct call *call;
	int result;

	switch (atomic_load(&c->phase)) {
	case MF_NEW:
		return METAFORA_ESTATE;
	case MF_STOPPED:
		return METAFORA_ESTOPPED;
	case MF_STARTED:
		break;
	}
	if (mf_loop_is_owner(&c->loop))
		return fn(c, arg);
	call = calloc(1, sizeof(*call));
	if (!call)
		return METAFORA_ENOMEM;
	call->post.deliver = deliver;
	call->consumer = c;
	call->fn = fn;
	call->arg = arg;
	atomic_init(&call->state, WAITING);
	atomic_init(&call->n_refs, 2);
	mf_gate_init(&call->done);
	mf_loop_post(&c->loop, &call->post);
	result = mf_gate_wait(&call->done, timeout_ms);
	if (result &&
	    !atomic_compare_exchange_strong(&call->state, &state, GIVEN_UP))
		result = mf_gate_wait(&call->done, -1); /* it runs just now */
	if (!result)
		result = call->result;
	unref(call);
	return result;
}

/* --- lists ------------------------------------------------------------------------ */

static int list_tasks(struct metafora_consumer *c, void *arg)
{
	struct metafora_task_list *list = arg;
	const struct mf_entry *entry;
	int error = 0;

	TAILQ_FOREACH(entry, &c->engine.entries, in_all) {
		struct mf_task_row row = {.id = entry->task->id,
					  .token = entry->token};

		if (!entry->run)
			continue;
		row.started_ns = mf_task_started_ns(entry->run);
		row.stopped_ns = mf_task_stopped_ns(entry->run);
		error = mf_task_list_add(list, &row);
		if (error)
			return error;
	}
	mf_task_list_sort(list);
	return 0;
}

struct ignored_into {
	struct metafora_task_list *list;
	int error;
};

static void add_ignored(void *arg, const struct mf_ignored *ignored)
{
	struct ignored_into *into = arg;
	struct mf_task_row row = {
		.id = (char *)(uintptr_t)ignored->task, /* copied */
		.until_ns = ignored->until_ns,
	};

	if (!into->error)
		into->error = mf_task_list_add(into->list, &row);
}

static int list_ignored(struct metafora_consumer *c, void *arg)
{
	struct ignored_into into = {.list = arg};

	mf_ignore_each(c->engine.ignore, add_ignored, &into);
	mf_task_list_sort(into.list);
	return into.error;
}

static int list(struct metafora_consumer *c, int64_t timeout_ms,
		int (*fn)(struct metafora_consumer *, void *),
		struct metafora_task_list **out)
{
	struct metafora_task_list *made;
	int error;

	if (!c || !out || timeout_ms <= 0)
		return METAFORA_EINVAL;
	made = mf_task_list_new();
	if (!made)
		return METAFORA_ENOMEM;
	error = mf_consumer_call(c, timeout_ms, fn, made);
	if (error)
		metafora_task_list_free(made);
	else
		*out = made;
	return error;
}

int metafora_consumer_tasks(struct metafora_consumer *c, int64_t timeout_ms,
			    struct metafora_task_list **out)
{
	return list(c, timeout_ms, list_tasks, out);
}

int metafora_consumer_ignored(struct metafora_consumer *c, int64_t timeout_ms,
			      struct metafora_task_list **out)
{
	return list(c, timeout_ms, list_ignored, out);
}

/* --- the rest ----------------------------------------------------------------------- */

struct inspection {
	metafora_cluster_fn fn;
	void *arg;
};

static int inspect(struct metafora_consumer *c, void *arg)
{
	const struct inspection *inspection = arg;
	uint64_t t0_ns = mf_loop_now_ns(&c->loop);

	inspection->fn(inspection->arg, &c->engine.view);
	mf_consumer_timed(c, t0_ns, "application", "inspect");
	return 0;
}

int metafora_consumer_inspect(struct metafora_consumer *c,
			      metafora_cluster_fn fn, void *arg,
			      int64_t timeout_ms)
{
	struct inspection inspection = {.fn = fn, .arg = arg};

	if (!c || !fn || timeout_ms <= 0)
		return METAFORA_EINVAL;
	return mf_consumer_call(c, timeout_ms, inspect, &inspection);
}

struct local_command {
	const char *name;
	const char *argument;
};

static int execute(struct metafora_consumer *c, void *arg)
{
	const struct local_command *command = arg;
	struct metafora_command_reply reply = {NULL};
	int error;

	error = mf_consumer_execute(c, command->name, command->argument,
				    &reply);
	mf_command_reply_fini(&reply);
	return error;
}

int metafora_consumer_command(struct metafora_consumer *c, const char *name,
			      const char *argument, int64_t timeout_ms)
{
	struct local_command command = {.name = name,
					.argument = argument ? argument : ""};
	int error;

	if (!c || timeout_ms <= 0)
		return METAFORA_EINVAL;
	error = mf_command_check(name, command.argument);
	if (error)
		return error;
	if (atomic_load(&c->phase) == MF_STARTED && mf_loop_is_owner(&c->loop))
		return METAFORA_ETHREAD;
	return mf_consumer_call(c, timeout_ms, execute, &command);
}
