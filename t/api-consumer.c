/* SPDX-License-Identifier: Apache-2.0 */
/* Consumers made, set up and started: every error of each call. */
#include <math.h>
#include <metafora.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>

#include "canned_node.h"
#include "scene.h"
#include "tap.h"

#define SHORT_MS 30
#define SESSION_MS 10000
#define DAY_MS INT64_C(86400000)

#define RETURNS(error, call, ...)                                              \
	CU_ASSERT_EQUAL(metafora_consumer_##call(__VA_ARGS__), error)
#define REFUSED(error, call, ...) RETURNS(METAFORA_##error, call, __VA_ARGS__)

static void setup(void)
{
	scene_open(SESSION_MS);
}

static void teardown(void)
{
	scene_close();
}

/* --- made --------------------------------------------------------------------- */

static char long_name[METAFORA_NODE_NAME_MAX + 2];
static char longest_name[METAFORA_NODE_NAME_MAX + 1];

static void fill(char *text, size_t bytes)
{
	memset(text, 'x', bytes - 1);
	text[bytes - 1] = '\0';
}

static void new_checks_its_arguments(void)
{
	struct metafora_consumer *none = NULL;

	fill(long_name, sizeof(long_name));
	REFUSED(EINVAL, new, NULL, scene.coordinator, NULL, scene.async, &none);
	REFUSED(EINVAL, new, "n1", NULL, NULL, scene.async, &none);
	REFUSED(EINVAL, new, "n1", scene.coordinator, NULL, NULL, &none);
	REFUSED(EINVAL, new, "n1", scene.coordinator, NULL, scene.async, NULL);
	REFUSED(EEMPTY, new, "", scene.coordinator, NULL, scene.async, &none);
	REFUSED(ENAMETOOLONG, new, long_name, scene.coordinator, NULL,
		scene.async, &none);
	CU_ASSERT_PTR_NULL(none);
}

static void the_longest_name_is_kept(void)
{
	struct metafora_consumer *consumer = NULL;

	fill(longest_name, sizeof(longest_name));
	RETURNS(0, new, longest_name, scene.coordinator, NULL, scene.async,
		&consumer);
	CU_ASSERT_STRING_EQUAL(metafora_consumer_node(consumer), longest_name);
	RETURNS(0, start, consumer, LONG_MS);
	CU_ASSERT_STRING_EQUAL(metafora_consumer_node(consumer), longest_name);
	metafora_consumer_free(consumer);
	CU_ASSERT_PTR_NULL(metafora_consumer_node(NULL));
}

static void new_needs_a_coordinator_with_a_node_side(void)
{
	struct metafora_coordinator *coordinator = canned_client_only();
	struct metafora_consumer *none = NULL;

	REFUSED(ENOTSUP, new, "n1", coordinator, NULL, scene.async, &none);
	CU_ASSERT_PTR_NULL(none);
	metafora_coordinator_free(coordinator);
}

static void a_balancer_is_taken_over_by_success_only(void)
{
	struct canned_balancer state = {0};
	struct metafora_balancer *balancer = canned_balancer(&state);
	struct metafora_consumer *consumer = NULL;

	REFUSED(EEMPTY, new, "", scene.coordinator, balancer, scene.async,
		&consumer);
	CU_ASSERT_EQUAL(state.n_destroyed, 0);
	RETURNS(0, new, "n1", scene.coordinator, balancer, scene.async,
		&consumer);
	CU_ASSERT_EQUAL(state.n_destroyed, 0);
	metafora_consumer_free(consumer);
	CU_ASSERT_EQUAL(state.n_destroyed, 1);
}

static void what_a_consumer_was_made_of_may_go_before_it(void)
{
	struct metafora_coordinator *coordinator = NULL;
	struct metafora_handler *handler = NULL;
	struct metafora_consumer *consumer = NULL;

	CU_ASSERT_EQUAL_FATAL(
		metafora_embedded_coordinator_new(scene.broker, &coordinator),
		0);
	CU_ASSERT_EQUAL_FATAL(
		metafora_handler_new_threaded(canned_run, NULL, &handler), 0);
	RETURNS(0, new, "n1", coordinator, NULL, handler, &consumer);
	metafora_coordinator_free(coordinator);
	metafora_handler_free(handler);
	RETURNS(0, start, consumer, LONG_MS);
	RETURNS(0, stop, consumer);
	metafora_consumer_free(consumer);
}

static void a_consumer_that_never_started_is_just_freed(void)
{
	struct metafora_consumer *consumer = scene_new("n1", scene.async);

	metafora_consumer_free(consumer);
	metafora_consumer_free(NULL);
	CU_ASSERT_PTR_NULL(scene.lines);
}

/* --- set up ------------------------------------------------------------------- */

static struct metafora_consumer *fresh;

static void with_fresh(void (*fn)(void))
{
	fresh = scene_new("n1", scene.async);
	fn();
	metafora_consumer_free(fresh);
}

static void check_weight(void)
{
	REFUSED(EINVAL, set_weight, NULL, 1);
	REFUSED(ERANGE, set_weight, fresh, 0);
	REFUSED(ERANGE, set_weight, fresh, -1);
	REFUSED(ERANGE, set_weight, fresh, 1000.1);
	REFUSED(ERANGE, set_weight, fresh, (double)NAN);
	REFUSED(ERANGE, set_weight, fresh, (double)INFINITY);
	RETURNS(0, set_weight, fresh, 0.001);
	RETURNS(0, set_weight, fresh, 1000);
}

static void the_weight_is_above_0_and_at_most_1000(void)
{
	with_fresh(check_weight);
}

static void check_max_tasks(void)
{
	REFUSED(EINVAL, set_max_tasks, NULL, 1);
	RETURNS(0, set_max_tasks, fresh, SIZE_MAX);
	RETURNS(0, set_max_tasks, fresh, 0);
}

static void the_number_of_tasks_is_limited_or_not(void)
{
	with_fresh(check_max_tasks);
}

static void check_ms(int (*set)(struct metafora_consumer *, int64_t),
		     int64_t min_ms, int64_t max_ms)
{
	CU_ASSERT_EQUAL(set(NULL, min_ms), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(set(fresh, min_ms - 1), METAFORA_ERANGE);
	CU_ASSERT_EQUAL(set(fresh, INT64_MIN), METAFORA_ERANGE);
	CU_ASSERT_EQUAL(set(fresh, max_ms + 1), METAFORA_ERANGE);
	CU_ASSERT_EQUAL(set(fresh, INT64_MAX), METAFORA_ERANGE);
	CU_ASSERT_EQUAL(set(fresh, max_ms), 0);
	CU_ASSERT_EQUAL(set(fresh, min_ms), 0);
}

static void check_times(void)
{
	check_ms(metafora_consumer_set_balance_interval_ms, 10, DAY_MS);
	check_ms(metafora_consumer_set_balance_debounce_ms, 0, 60000);
	check_ms(metafora_consumer_set_lease_grace_ms, 0, DAY_MS);
	check_ms(metafora_consumer_set_shutdown_grace_ms, 0, DAY_MS);
}

static void times_have_their_ranges(void)
{
	with_fresh(check_times);
}

static void check_backoff(void)
{
	REFUSED(EINVAL, set_release_backoff_ms, NULL, 1, 2);
	REFUSED(ERANGE, set_release_backoff_ms, fresh, 0, 2);
	REFUSED(ERANGE, set_release_backoff_ms, fresh, -1, 2);
	REFUSED(ERANGE, set_release_backoff_ms, fresh, 3, 2);
	REFUSED(ERANGE, set_release_backoff_ms, fresh, 1, DAY_MS + 1);
	RETURNS(0, set_release_backoff_ms, fresh, 1, 1);
	RETURNS(0, set_release_backoff_ms, fresh, DAY_MS, DAY_MS);
}

static void the_backoff_has_a_minimum_and_a_maximum(void)
{
	with_fresh(check_backoff);
}

static void check_choices(void)
{
	REFUSED(EINVAL, set_lost_policy, NULL, METAFORA_LOST_WAIT);
	REFUSED(EINVAL, set_lost_policy, fresh, (enum metafora_lost_policy)17);
	RETURNS(0, set_lost_policy, fresh, METAFORA_LOST_ABORT);
	RETURNS(0, set_lost_policy, fresh, METAFORA_LOST_WAIT);
	REFUSED(EINVAL, set_log, NULL, scene_log, NULL, METAFORA_LOG_INFO);
	REFUSED(EINVAL, set_log, fresh, scene_log, NULL,
		(enum metafora_log_level)17);
	RETURNS(0, set_log, fresh, NULL, NULL, METAFORA_LOG_ERROR);
	REFUSED(EINVAL, set_command_handler, NULL, canned_command, NULL);
	RETURNS(0, set_command_handler, fresh, canned_command, NULL);
	RETURNS(0, set_command_handler, fresh, NULL, NULL);
}

static void policy_log_and_command_handler_are_checked(void)
{
	with_fresh(check_choices);
}

static void check_none_can_be_set(struct metafora_consumer *consumer)
{
	REFUSED(ESTATE, set_weight, consumer, 1);
	REFUSED(ESTATE, set_max_tasks, consumer, 1);
	REFUSED(ESTATE, set_balance_interval_ms, consumer, 1000);
	REFUSED(ESTATE, set_balance_debounce_ms, consumer, 1);
	REFUSED(ESTATE, set_lease_grace_ms, consumer, 1);
	REFUSED(ESTATE, set_shutdown_grace_ms, consumer, 1);
	REFUSED(ESTATE, set_release_backoff_ms, consumer, 1, 2);
	REFUSED(ESTATE, set_lost_policy, consumer, METAFORA_LOST_WAIT);
	REFUSED(ESTATE, set_log, consumer, NULL, NULL, METAFORA_LOG_INFO);
	REFUSED(ESTATE, set_command_handler, consumer, NULL, NULL);
}

static void nothing_can_be_set_after_the_start(void)
{
	struct metafora_consumer *consumer = scene_start("n1", scene.async);

	check_none_can_be_set(consumer);
	RETURNS(0, stop, consumer);
	check_none_can_be_set(consumer);
	metafora_consumer_free(consumer);
}

/* --- started ------------------------------------------------------------------ */

static void start_checks_its_arguments(void)
{
	struct metafora_consumer *consumer = scene_new("n1", scene.async);

	REFUSED(EINVAL, start, NULL, LONG_MS);
	REFUSED(EINVAL, start, consumer, 0);
	REFUSED(EINVAL, start, consumer, -1);
	RETURNS(0, start, consumer, LONG_MS);
	metafora_consumer_free(consumer);
}

static void a_consumer_is_not_started_twice(void)
{
	struct metafora_consumer *consumer = scene_start("n1", scene.async);

	REFUSED(EALREADY, start, consumer, LONG_MS);
	RETURNS(0, stop, consumer);
	REFUSED(ESTOPPED, start, consumer, LONG_MS);
	metafora_consumer_free(consumer);
}

static void start_times_out_when_the_broker_is_cut_off(void)
{
	struct metafora_consumer *consumer = scene_new("n1", scene.async);

	metafora_embedded_cut(scene.broker, "n1", true);
	REFUSED(ETIMEDOUT, start, consumer, SHORT_MS);
	REFUSED(ESTOPPED, start, consumer, LONG_MS);
	metafora_consumer_free(consumer);
}

static void a_living_node_keeps_its_name(void)
{
	struct metafora_consumer *first, *second;

	/* It takes two session timeouts to be sure that the other lives. */
	scene_close();
	scene_open(500);
	first = scene_start("n1", scene.async);
	second = scene_new("n1", scene.async);
	REFUSED(EEXIST, start, second, LONG_MS);
	metafora_consumer_free(second);
	/* The first did not notice, and leaves the name behind. */
	RETURNS(0, stop, first);
	metafora_consumer_free(first);
	first = scene_start("n1", scene.async);
	metafora_consumer_free(first);
}

static void a_lease_grace_over_a_quarter_of_the_session_is_refused(void)
{
	struct metafora_consumer *consumer = scene_new("n1", scene.async);

	RETURNS(0, set_lease_grace_ms, consumer, SESSION_MS / 4 + 1);
	REFUSED(ECONFIG, start, consumer, LONG_MS);
	metafora_consumer_free(consumer);
	consumer = scene_new("n1", scene.async);
	RETURNS(0, set_lease_grace_ms, consumer, SESSION_MS / 4);
	RETURNS(0, start, consumer, LONG_MS);
	metafora_consumer_free(consumer);
}

static void start_returns_what_open_did(void)
{
	struct canned_node canned = {.open_error = METAFORA_EFULL};
	struct metafora_consumer *consumer = canned_consumer(&canned, scene.async);

	REFUSED(EFULL, start, consumer, LONG_MS);
	REFUSED(ESTOPPED, start, consumer, LONG_MS);
	metafora_consumer_free(consumer);
	CU_ASSERT_EQUAL(canned.n_freed, 0);
}

static void start_returns_why_the_broker_refused(void)
{
	static const int errors[] = {METAFORA_EAUTH, METAFORA_EVERSION};
	size_t i;

	for (i = 0; i < 2; i++) {
		struct canned_node canned = {.session_error = errors[i]};
		struct metafora_consumer *consumer = canned_consumer(&canned, scene.async);

		RETURNS(errors[i], start, consumer, LONG_MS);
		metafora_consumer_free(consumer);
		CU_ASSERT_EQUAL(canned.n_freed, 1);
	}
}

static void start_returns_what_the_balancers_init_did(void)
{
	struct canned_balancer state = {.init_error = METAFORA_ECONFIG};
	struct metafora_consumer *consumer = NULL;

	RETURNS(0, new, "n1", scene.coordinator, canned_balancer(&state),
		scene.async, &consumer);
	REFUSED(ECONFIG, start, consumer, LONG_MS);
	metafora_consumer_free(consumer);
	CU_ASSERT_EQUAL(state.n_destroyed, 1);
}

static void start_fails_when_no_descriptor_is_left(void)
{
	struct metafora_consumer *consumer = scene_new("n1", scene.async);
	struct rlimit limit, none;

	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3;
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &none), 0);
	REFUSED(ESYS, start, consumer, LONG_MS);
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
	REFUSED(ESTOPPED, start, consumer, LONG_MS);
	metafora_consumer_free(consumer);
}

struct starter {
	struct metafora_consumer *consumer;
	int result;
};

static void *start_on_thread(void *arg)
{
	struct starter *starter = arg;

	starter->result = metafora_consumer_start(starter->consumer, LONG_MS);
	return NULL;
}

/* Begin a start that hangs, and wait until close is possible. */
static void begin_hanging_start(struct starter *starter, pthread_t *thread)
{
	starter->consumer = scene_new("n1", scene.async);
	metafora_embedded_cut(scene.broker, "n1", true);
	CU_ASSERT_EQUAL_FATAL(
		pthread_create(thread, NULL, start_on_thread, starter), 0);
	while (metafora_consumer_wait(starter->consumer, 1) == METAFORA_ESTATE)
		;
}

static void close_ends_a_start_that_hangs(void)
{
	struct starter starter;
	pthread_t thread;

	begin_hanging_start(&starter, &thread);
	RETURNS(0, close, starter.consumer);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(starter.result, METAFORA_ESTOPPED);
	metafora_consumer_free(starter.consumer);
}

/* Both used to join the same thread. */
static void stop_ends_a_start_that_hangs(void)
{
	struct starter starter;
	pthread_t thread;

	begin_hanging_start(&starter, &thread);
	RETURNS(0, stop, starter.consumer);
	pthread_join(thread, NULL);
	CU_ASSERT_EQUAL(starter.result, METAFORA_ESTOPPED);
	metafora_consumer_free(starter.consumer);
}

static const struct tap_case cases[] = {
	{"new checks its arguments", new_checks_its_arguments},
	{"the longest name is kept", the_longest_name_is_kept},
	{"new needs a coordinator with a node side",
	 new_needs_a_coordinator_with_a_node_side},
	{"a balancer is taken over by success only",
	 a_balancer_is_taken_over_by_success_only},
	{"what a consumer was made of may go before it",
	 what_a_consumer_was_made_of_may_go_before_it},
	{"a consumer that never started is just freed",
	 a_consumer_that_never_started_is_just_freed},
	{"the weight is above 0 and at most 1000",
	 the_weight_is_above_0_and_at_most_1000},
	{"the number of tasks is limited or not",
	 the_number_of_tasks_is_limited_or_not},
	{"times have their ranges", times_have_their_ranges},
	{"the backoff has a minimum and a maximum",
	 the_backoff_has_a_minimum_and_a_maximum},
	{"policy, log and command handler are checked",
	 policy_log_and_command_handler_are_checked},
	{"nothing can be set after the start",
	 nothing_can_be_set_after_the_start},
	{"start checks its arguments", start_checks_its_arguments},
	{"a consumer is not started twice", a_consumer_is_not_started_twice},
	{"start times out when the broker is cut off",
	 start_times_out_when_the_broker_is_cut_off},
	{"a living node keeps its name", a_living_node_keeps_its_name},
	{"a lease grace over a quarter of the session is refused",
	 a_lease_grace_over_a_quarter_of_the_session_is_refused},
	{"start returns what open did", start_returns_what_open_did},
	{"start returns why the broker refused",
	 start_returns_why_the_broker_refused},
	{"start returns what the balancer's init did",
	 start_returns_what_the_balancers_init_did},
	{"start fails when no descriptor is left",
	 start_fails_when_no_descriptor_is_left},
	{"close ends a start that hangs", close_ends_a_start_that_hangs},
	{"stop ends a start that hangs", stop_ends_a_start_that_hangs},
};

TAP_MAIN(cases, setup, teardown)
