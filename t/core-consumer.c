/* SPDX-License-Identifier: Apache-2.0 */
/* A consumer on a coordinator that does what the test says. */
#include <metafora.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "command.h"
#include "consumer.h"
#include "tap.h"
#include "world.h"

#define T_MS 4000

/* --- the coordinator ------------------------------------------------------ */

static struct {
	const struct metafora_host *host;
	const struct metafora_node_sink *sink;
	struct metafora_post post; /* answers close */
	enum metafora_session_state end; /* so */
	unsigned int n_publish, n_refresh, n_verbs, n_close;
	enum metafora_member_state published;
} puppet;

static void session(enum metafora_session_state state, uint64_t id,
		    int64_t timeout_ms)
{
	const struct metafora_session_fact fact = {
		.state = state,
		.session = id,
		.timeout_ms = timeout_ms,
		.n_buckets = 1,
		.error = METAFORA_EAUTH,
	};

	puppet.sink->session(puppet.host, &fact);
}

static int node_open(void *config, const struct metafora_host *host,
		     const struct metafora_node_sink *sink,
		     const struct metafora_member_record *record, void **state)
{
	(void)config, (void)record;
	puppet.host = host;
	puppet.sink = sink;
	*state = &puppet;
	return 0;
}

static void verb(void *state, const struct metafora_entry *entries, size_t n)
{
	(void)state, (void)entries;
	puppet.n_verbs += n;
}

static void publish(void *state, const struct metafora_member_record *record)
{
	(void)state;
	puppet.n_publish++;
	puppet.published = record->state;
}

static void ack(void *state, const char *id, int error, const char *result)
{
	(void)state, (void)id, (void)error, (void)result;
}

static void refresh(void *state)
{
	(void)state;
	puppet.n_refresh++;
}

static void on_closed(struct metafora_post *post, bool dropped)
{
	(void)post;
	if (!dropped)
		session(puppet.end, 0, 0);
}

static void node_close(void *state)
{
	(void)state;
	puppet.n_close++;
	puppet.post.deliver = on_closed;
	puppet.host->post(puppet.host, &puppet.post);
}

static void node_free(void *state)
{
	(void)state;
}

static const struct metafora_node_ops node_ops = {
	.abi_version = METAFORA_COORDINATOR_ABI,
	.size = sizeof(node_ops),
	.name = "puppet",
	.open = node_open,
	.claim = verb,
	.withdraw = verb,
	.release = verb,
	.done = verb,
	.publish = publish,
	.ack = ack,
	.refresh = refresh,
	.close = node_close,
	.free = node_free,
};

/* --- the consumer --------------------------------------------------------- */

static struct world *world;
static struct metafora_consumer *consumer;
static struct metafora_coordinator *coordinator;
static struct metafora_handler *handler;

static int start(void *arg, struct metafora_task *task)
{
	(void)arg, (void)task;
	return -1;
}

static void make(struct mf_runtime *runtime, struct metafora_balancer *balancer)
{
	memset(&puppet, 0, sizeof(puppet));
	puppet.end = METAFORA_SESSION_CLOSED;
	CU_ASSERT_EQUAL_FATAL(metafora_coordinator_new(&node_ops, NULL, NULL,
						       NULL, &coordinator),
			      0);
	CU_ASSERT_EQUAL_FATAL(metafora_handler_new_async(start, NULL, &handler),
			      0);
	CU_ASSERT_EQUAL_FATAL(mf_consumer_new_on(runtime, "me", coordinator,
						 balancer, handler, &consumer),
			      0);
}

static void unmake(void)
{
	metafora_consumer_free(consumer);
	metafora_coordinator_free(coordinator);
	metafora_handler_free(handler);
}

/*
 * What the coordinator says, it says in a dispatch of its own, after which the
 * consumer acts on it.
 */
struct saying {
	struct metafora_post post;
	void (*fn)(void);
};

static void say_it(struct metafora_post *post, bool dropped)
{
	CU_ASSERT_FALSE(dropped);
	((struct saying *)(void *)post)->fn();
}

static void say(void (*fn)(void))
{
	struct saying saying = {.post = {.deliver = say_it}, .fn = fn};

	mf_loop_post(&consumer->loop, &saying.post);
	world_run_for(world, 10 * MF_NS_PER_MS);
}

static void join(void)
{
	puppet.sink->lease(puppet.host, METAFORA_NO_DEADLINE);
	session(METAFORA_SESSION_CONNECTED, 1, T_MS);
	puppet.sink->members(puppet.host, NULL, 0);
	puppet.sink->tasks(puppet.host, 0, NULL, 0);
	puppet.sink->claims(puppet.host, 0, NULL, 0);
}

static void rejoin(void)
{
	session(METAFORA_SESSION_CONNECTED, 2, T_MS);
}

static void suspend(void)
{
	session(METAFORA_SESSION_SUSPENDED, 0, 0);
}

static void lose(void)
{
	session(METAFORA_SESSION_LOST, 0, 0);
}

static void fail(void)
{
	session(METAFORA_SESSION_FAILED, 0, 0);
}

static void join_without_a_timeout(void)
{
	session(METAFORA_SESSION_CONNECTED, 1, 0);
}

static void freeze(void)
{
	struct metafora_command_reply reply = {NULL};

	mf_consumer_execute(consumer, METAFORA_COMMAND_FREEZE, "", &reply);
}

static void begin(void)
{
	world = world_new(1);
	make(&world->runtime, NULL);
	CU_ASSERT_EQUAL_FATAL(mf_consumer_begin(consumer), 0);
	world_run_for(world, 10 * MF_NS_PER_MS);
}

static void end(void)
{
	unmake();
	world_free(world);
}

/* --- cases ---------------------------------------------------------------- */

static void asks_nothing_of_a_coordinator_that_is_out_of_touch(void)
{
	begin();
	say(join);
	CU_ASSERT_TRUE(consumer->has_joined);
	say(suspend);
	say(freeze);
	CU_ASSERT_EQUAL(puppet.n_publish, 0);
	say(lose);
	/* Time to reconcile, too. */
	world_run_for(world, 200 * MF_NS_PER_S);
	CU_ASSERT_EQUAL(puppet.n_publish + puppet.n_refresh, 0);
	say(rejoin);
	CU_ASSERT_EQUAL(puppet.n_publish, 1);
	CU_ASSERT_EQUAL(puppet.published, METAFORA_MEMBER_FROZEN);
	end();
}

/* Before: the consumer waited for a CLOSED that could not come. */
static void a_coordinator_that_fails_while_it_leaves_has_left(void)
{
	begin();
	say(join);
	puppet.end = METAFORA_SESSION_FAILED;
	metafora_consumer_close(consumer);
	world_run_for(world, MF_NS_PER_S);
	CU_ASSERT_EQUAL(puppet.n_close, 1);
	CU_ASSERT_TRUE(consumer->has_left);
	CU_ASSERT_EQUAL(metafora_consumer_wait(consumer, -1), METAFORA_EAUTH);
	end();
}

static void a_coordinator_that_has_failed_is_not_told_to_leave(void)
{
	begin();
	say(join);
	say(fail);
	CU_ASSERT_TRUE(consumer->has_left);
	CU_ASSERT_EQUAL(puppet.n_close, 0);
	CU_ASSERT_EQUAL(metafora_consumer_wait(consumer, -1), METAFORA_EAUTH);
	end();
}

static void a_session_timeout_that_is_none_ends_it(void)
{
	begin();
	say(join_without_a_timeout);
	CU_ASSERT_FALSE(consumer->has_joined);
	CU_ASSERT_TRUE(consumer->has_left);
	CU_ASSERT_EQUAL(metafora_consumer_wait(consumer, -1), METAFORA_EPROTO);
	end();
}

/* --- with real threads ---------------------------------------------------- */

static sem_t closed;
static int close_error;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*fn)(void *), void *arg);

/* The maker of a thread falls behind it: until the balancer was begun. */
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*fn)(void *), void *arg)
{
	int error = __real_pthread_create(thread, attr, fn, arg);
	struct timespec at;

	if (error || !consumer || !consumer->engine_ready ||
	    arg != consumer->loop.runner)
		return error;
	clock_gettime(CLOCK_REALTIME, &at);
	at.tv_sec += 30;
	CU_ASSERT_EQUAL(sem_timedwait(&closed, &at), 0);
	return 0;
}

static int close_at_once(void *state, const char *node)
{
	(void)state, (void)node;
	close_error = metafora_consumer_close(consumer);
	sem_post(&closed);
	return 0;
}

static enum metafora_can_claim
can_claim(void *state, const struct metafora_balance *balance,
	  const struct metafora_cluster_task *task, uint64_t *until_ns)
{
	(void)state, (void)balance, (void)task, (void)until_ns;
	return METAFORA_CLAIM_NO_UNTIL_CHANGE;
}

static uint64_t balance(void *state, const struct metafora_balance *told,
			struct metafora_plan *plan)
{
	(void)state, (void)told, (void)plan;
	return 0;
}

/* Before: the loop could be faster than who started it, and was not heard. */
static void close_in_the_first_callback_of_all_is_heeded(void)
{
	static const struct metafora_balancer_ops ops = {
		.abi_version = METAFORA_BALANCER_ABI,
		.size = sizeof(ops),
		.name = "impatient",
		.init = close_at_once,
		.can_claim = can_claim,
		.balance = balance,
	};
	struct metafora_balancer *balancer;

	sem_init(&closed, 0, 0);
	close_error = -1;
	CU_ASSERT_EQUAL_FATAL(metafora_balancer_new(&ops, &puppet, &balancer),
			      0);
	make(mf_runtime_threads(), balancer);
	CU_ASSERT_EQUAL(metafora_consumer_start(consumer, 30000),
			METAFORA_ESTOPPED);
	CU_ASSERT_EQUAL(close_error, 0);
	unmake();
	sem_destroy(&closed);
}

static const struct tap_case cases[] = {
	{"asks nothing of a coordinator that is out of touch",
	 asks_nothing_of_a_coordinator_that_is_out_of_touch},
	{"a coordinator that fails while it leaves has left",
	 a_coordinator_that_fails_while_it_leaves_has_left},
	{"a coordinator that has failed is not told to leave",
	 a_coordinator_that_has_failed_is_not_told_to_leave},
	{"a session timeout that is none ends it",
	 a_session_timeout_that_is_none_ends_it},
	{"close in the first callback of all is heeded",
	 close_in_the_first_callback_of_all_is_heeded},
};

TAP_MAIN(cases, NULL, NULL)
