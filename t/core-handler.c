/* SPDX-License-Identifier: Apache-2.0 */
/* Handler objects: made, set up, frozen by use, freed. */
#include <limits.h>
#include <metafora.h>
#include <unistd.h>

#include "handler.h"
#include "tap.h"

static enum metafora_outcome run(void *arg, struct metafora_task *task)
{
	(void)arg, (void)task;
	return METAFORA_DONE;
}

static int start(void *arg, struct metafora_task *task)
{
	(void)arg, (void)task;
	return 0;
}

static void stop(void *arg, struct metafora_task *task)
{
	(void)arg, (void)task;
}

static struct metafora_handler *threaded;
static struct metafora_handler *async;

static void setup(void)
{
	threaded = NULL;
	async = NULL;
	CU_ASSERT_EQUAL(metafora_handler_new_threaded(run, NULL, &threaded), 0);
	CU_ASSERT_EQUAL(metafora_handler_new_async(start, NULL, &async), 0);
}

static void teardown(void)
{
	metafora_handler_free(threaded);
	metafora_handler_free(async);
}

static void arguments_of_the_makers_are_checked(void)
{
	struct metafora_handler *out = NULL;

	CU_ASSERT_EQUAL(metafora_handler_new_threaded(NULL, NULL, &out),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_handler_new_async(NULL, NULL, &out),
			METAFORA_EINVAL);
	CU_ASSERT_PTR_NULL(out);
	CU_ASSERT_EQUAL(metafora_handler_new_threaded(run, NULL, NULL),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_handler_new_async(start, NULL, NULL),
			METAFORA_EINVAL);
	metafora_handler_free(NULL);
}

static int64_t prepare(void *arg, const char *id)
{
	(void)arg, (void)id;
	return 0;
}

static void the_time_to_prepare_has_a_range(void)
{
	struct metafora_handler *used;

#define SET metafora_handler_set_prepare
	CU_ASSERT_EQUAL(SET(NULL, prepare, 1), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(SET(async, prepare, 0), METAFORA_ERANGE);
	CU_ASSERT_EQUAL(SET(async, prepare, -1), METAFORA_ERANGE);
	CU_ASSERT_EQUAL(SET(async, prepare, 3600001), METAFORA_ERANGE);
	CU_ASSERT_EQUAL(SET(async, prepare, 3600000), 0);
	CU_ASSERT_EQUAL(async->prepare_timeout_ms, 3600000);
	CU_ASSERT_EQUAL(SET(async, NULL, 0), 0);
	CU_ASSERT_EQUAL(async->prepare_timeout_ms, 0);
	CU_ASSERT_EQUAL(SET(threaded, prepare, 1), 0);
	used = mf_handler_use(threaded);
	CU_ASSERT_EQUAL(SET(threaded, NULL, 0), METAFORA_ESTATE);
	metafora_handler_free(used);
#undef SET
}

static void callbacks_are_set_and_unset(void)
{
	CU_ASSERT_EQUAL(metafora_handler_set_stop(async, stop), 0);
	CU_ASSERT_EQUAL(metafora_handler_set_end(async, stop), 0);
	CU_ASSERT_PTR_EQUAL(async->stop, stop);
	CU_ASSERT_PTR_EQUAL(async->end, stop);
	CU_ASSERT_EQUAL(metafora_handler_set_stop(async, NULL), 0);
	CU_ASSERT_EQUAL(metafora_handler_set_end(async, NULL), 0);
	CU_ASSERT_PTR_NULL(async->stop);
	CU_ASSERT_PTR_NULL(async->end);
	CU_ASSERT_EQUAL(metafora_handler_set_stop(NULL, stop),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_handler_set_end(NULL, stop), METAFORA_EINVAL);
}

static void the_stack_has_bounds(void)
{
	const size_t least = (size_t)sysconf(_SC_THREAD_STACK_MIN);

	CU_ASSERT(threaded->stack_bytes >= 256 * 1024);
	CU_ASSERT_EQUAL(metafora_handler_set_stack_bytes(threaded, least), 0);
	CU_ASSERT_EQUAL(threaded->stack_bytes, least);
	CU_ASSERT_EQUAL(metafora_handler_set_stack_bytes(threaded, least - 1),
			METAFORA_ERANGE);
	CU_ASSERT_EQUAL(metafora_handler_set_stack_bytes(threaded, 0),
			METAFORA_ERANGE);
	CU_ASSERT_EQUAL(metafora_handler_set_stack_bytes(threaded, SIZE_MAX),
			METAFORA_ERANGE);
	CU_ASSERT_EQUAL(threaded->stack_bytes, least);
	CU_ASSERT_EQUAL(metafora_handler_set_stack_bytes(NULL, least),
			METAFORA_EINVAL);
}

static void an_asynchronous_handler_has_no_stack(void)
{
	CU_ASSERT_EQUAL(metafora_handler_set_stack_bytes(async, 1024 * 1024),
			METAFORA_ENOTSUP);
}

static void a_handler_in_use_is_frozen(void)
{
	struct metafora_handler *used = mf_handler_use(threaded);

	CU_ASSERT_PTR_EQUAL(used, threaded);
	CU_ASSERT_EQUAL(metafora_handler_set_stop(threaded, stop),
			METAFORA_ESTATE);
	CU_ASSERT_EQUAL(metafora_handler_set_end(threaded, stop),
			METAFORA_ESTATE);
	CU_ASSERT_EQUAL(metafora_handler_set_stack_bytes(threaded, 1024 * 1024),
			METAFORA_ESTATE);
	CU_ASSERT_PTR_NULL(threaded->stop);
	CU_ASSERT_PTR_NULL(threaded->end);
	metafora_handler_free(used);
	/* One consumer less, but it has been in use: still frozen. */
	CU_ASSERT_EQUAL(metafora_handler_set_stop(threaded, stop),
			METAFORA_ESTATE);
}

static const struct tap_case cases[] = {
	{"the time to prepare has a range", the_time_to_prepare_has_a_range},
	{"arguments of the makers are checked",
	 arguments_of_the_makers_are_checked},
	{"callbacks are set and unset", callbacks_are_set_and_unset},
	{"the stack has bounds", the_stack_has_bounds},
	{"an asynchronous handler has no stack",
	 an_asynchronous_handler_has_no_stack},
	{"a handler in use is frozen", a_handler_in_use_is_frozen},
};

TAP_MAIN(cases, setup, teardown)
