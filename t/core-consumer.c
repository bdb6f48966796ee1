/* SPDX-License-Identifier: Apache-2.0 */
/* A consumer on a coordinator that does what the test says. */
#include <metafora.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
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
	unsigned int n_publish, n_refresh, n_release, n_close, n_abandon;
	enum metafora_member_state published;
	char claimed[16]; /* the newest claim */
	uint64_t attempt;
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

static void claim(void *state, const struct metafora_entry *entries, size_t n)
{
	(void)state;
	snprintf(puppet.claimed, sizeof(puppet.claimed), "%s",
		 entries[n - 1].task);
	puppet.attempt = entries[n - 1].attempt;
}

static void release(void *state, const struct metafora_entry *entries, size_t n)
{
	(void)state, (void)entries;
	puppet.n_release += n;
}

static void verb(void *state, const struct metafora_entry *entries, size_t n)
{
	(void)state, (void)entries, (void)n;
}

static void abandon(void *state)
{
	(void)state;
	puppet.n_abandon++;
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
	.claim = claim,
	.withdraw = verb,
	.release = release,
	.done = verb,
	.publish = publish,
	.ack = ack,
	.refresh = refresh,
	.close = node_close,
	.abandon = abandon,
	.free = node_free,
};

/* --- the consumer --------------------------------------------------------- */

static struct world *world;
static struct metafora_consumer *consumer;
static struct metafora_coordinator *coordinator;
static struct metafora_handler *handler;

/* The handler that was started last, and how often it was asked to stop. */
static struct metafora_task *running;
static unsigned int n_stops;

static int start(void *arg, struct metafora_task *task)
{
	(void)arg;
	running = task;
	n_stops = 0;
	return 0;
}

static void stop(void *arg, struct metafora_task *task)
{
	(void)arg;
	CU_ASSERT_PTR_EQUAL(task, running);
	n_stops++;
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
	CU_ASSERT_EQUAL_FATAL(metafora_handler_set_stop(handler, stop), 0);
	running = NULL;
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

/* --- a running task ------------------------------------------------------- */

#define S MF_NS_PER_S

static uint64_t next_lease;

static void renew(void)
{
	puppet.sink->lease(puppet.host, next_lease);
}

static void join_with_a_task(void)
{
	const struct metafora_task_fact fact = {.task = "t", .birth = 1};

	renew();
	session(METAFORA_SESSION_CONNECTED, 1, T_MS);
	puppet.sink->members(puppet.host, NULL, 0);
	puppet.sink->tasks(puppet.host, 0, &fact, 1);
	puppet.sink->claims(puppet.host, 0, NULL, 0);
}

static void own(void)
{
	const struct metafora_verdict verdict = {
		.verb = METAFORA_VERB_CLAIM,
		.result = METAFORA_RESULT_OWNED,
		.task = puppet.claimed,
		.attempt = puppet.attempt,
		.token = 7,
		.properties = "",
	};

	puppet.sink->verdicts(puppet.host, &verdict, 1);
}

static void after(uint64_t ns)
{
	world_run_for(world, ns);
}

/* A consumer that claims what there is, whose one task runs. */
static void begin_running(uint64_t lease_ns)
{
	struct metafora_balancer *dumb;

	world = world_new(1);
	CU_ASSERT_EQUAL_FATAL(metafora_balancer_dumb_new(&dumb), 0);
	make(&world->runtime, dumb);
	metafora_consumer_set_shutdown_grace_ms(consumer, 1000);
	CU_ASSERT_EQUAL_FATAL(mf_consumer_begin(consumer), 0);
	after(10 * MF_NS_PER_MS);
	next_lease = world_now_ns(world) + lease_ns;
	say(join_with_a_task);
	CU_ASSERT_STRING_EQUAL_FATAL(puppet.claimed, "t");
	say(own);
	CU_ASSERT_PTR_NOT_NULL_FATAL(running);
}

static void finish(void)
{
	CU_ASSERT_EQUAL(metafora_task_finish(running, METAFORA_RELEASE), 0);
	after(10 * MF_NS_PER_MS);
}

static uint64_t shown(void)
{
	return metafora_task_lease_deadline_ns(running);
}

static void a_handler_sees_the_lease_as_it_is_renewed(void)
{
	begin_running(4 * S);
	CU_ASSERT_EQUAL(shown(), next_lease);
	next_lease += S;
	say(renew);
	CU_ASSERT_EQUAL(shown(), next_lease);
	say(lose);
	CU_ASSERT_EQUAL(shown(), 0);
	CU_ASSERT_EQUAL(n_stops, 1);
	finish();
	end();
}

static void lose_and_renew(void)
{
	uint64_t before = next_lease;

	lose();
	next_lease = before + 100 * S;
	renew();
	session(METAFORA_SESSION_CONNECTED, 2, T_MS);
	/* As other threads might see it before this dispatch has ended. */
	CU_ASSERT_EQUAL(shown(), before);
}

static void the_next_sessions_lease_is_not_shown_for_a_moment(void)
{
	begin_running(4 * S);
	say(lose_and_renew);
	CU_ASSERT_EQUAL(shown(), 0);
	finish();
	end();
}

/* With the loop stuck, so that all there is is the guard. */
static void the_guard_sees_a_shorter_lease_at_once(void)
{
	begin_running(100 * S);
	next_lease = world_now_ns(world) + 3 * S;
	say(renew);
	world_pause_loop(world, &consumer->loop, next_lease + S);
	after(1900 * MF_NS_PER_MS);
	CU_ASSERT_FALSE(metafora_task_stopping(running));
	/* A grace of a quarter of the session timeout. */
	after(110 * MF_NS_PER_MS);
	CU_ASSERT_TRUE(metafora_task_stopping(running));
	after(4 * S);
	finish();
	end();
}

/* The loop comes late, after the guard, and finds the lease renewed. */
static void a_task_stopped_by_the_guard_alone_did_not_give_itself_back(void)
{
	static struct saying renewal = {.post = {.deliver = say_it},
					.fn = renew};

	begin_running(3 * S);
	world_pause_loop(world, &consumer->loop, MF_NEVER);
	after(2500 * MF_NS_PER_MS);
	CU_ASSERT_TRUE(metafora_task_stopping(running));
	next_lease += 3 * S;
	mf_loop_post(&consumer->loop, &renewal.post);
	world_resume_loop(world, &consumer->loop);
	after(10 * MF_NS_PER_MS);
	CU_ASSERT_EQUAL(n_stops, 0);
	finish();
	CU_ASSERT_EQUAL(puppet.n_release, 1);
	CU_ASSERT_FALSE(mf_ignore_has(consumer->engine.ignore, "t"));
	end();
}

static void the_loop_stops_handlers_on_time(void)
{
	/* Not at one of the steps that it takes for the guard. */
	begin_running(3500 * MF_NS_PER_MS);
	after(next_lease - S - 5 * MF_NS_PER_MS - world_now_ns(world));
	CU_ASSERT_EQUAL(n_stops, 0);
	after(10 * MF_NS_PER_MS);
	CU_ASSERT_EQUAL(n_stops, 1);
	finish();
	CU_ASSERT_EQUAL(puppet.n_release, 1);
	end();
}

static void a_loop_that_is_stuck_gives_up_its_session(void)
{
	begin();
	say(join);
	/* Nothing happens, but it is not stuck. */
	after(100 * S);
	CU_ASSERT_EQUAL(puppet.n_abandon, 0);
	world_pause_loop(world, &consumer->loop, world_now_ns(world) + 20 * S);
	after(3 * S);
	CU_ASSERT_EQUAL(puppet.n_abandon, 0);
	after(2 * S);
	CU_ASSERT_EQUAL(puppet.n_abandon, 1);
	after(20 * S);
	end();
}

static void reads_all_again_once_a_minute(void)
{
	begin();
	say(join);
	after(600 * S);
	CU_ASSERT_TRUE(puppet.n_refresh >= 8 && puppet.n_refresh <= 13);
	end();
}

/* --- leaving -------------------------------------------------------------- */

static void a_handler_that_outlives_the_shutdown_keeps_its_lease(void)
{
	uint64_t deadline;

	begin_running(4 * S);
	deadline = next_lease;
	metafora_consumer_close(consumer);
	after(1500 * MF_NS_PER_MS);
	/* The grace is over.  However it is renewed, the lease ends now. */
	next_lease = deadline + S;
	say(renew);
	CU_ASSERT_EQUAL(shown(), deadline);
	after(deadline - 10 * MF_NS_PER_MS - world_now_ns(world));
	CU_ASSERT_EQUAL(puppet.n_close, 0);
	n_stops = 0;
	after(20 * MF_NS_PER_MS);
	CU_ASSERT_EQUAL(puppet.n_close, 1);
	CU_ASSERT_TRUE(consumer->has_left);
	CU_ASSERT_TRUE(consumer->left_handlers);
	/* It is told that it has lost the task, and the loop waits for it. */
	CU_ASSERT_TRUE(n_stops >= 1);
	CU_ASSERT_EQUAL(shown(), 0);
	CU_ASSERT_FALSE(consumer->loop.quitting);
	finish();
	CU_ASSERT_TRUE(consumer->loop.quitting);
	CU_ASSERT_EQUAL(puppet.n_release, 0);
	end();
}

/* --- questions ------------------------------------------------------------ */

static unsigned int n_asked;

static enum metafora_can_claim
refuse(void *state, const struct metafora_balance *balance,
       const struct metafora_cluster_task *task, uint64_t *until_ns)
{
	(void)state, (void)balance, (void)task, (void)until_ns;
	n_asked++;
	return METAFORA_CLAIM_NO_UNTIL_CHANGE;
}

static uint64_t keep(void *state, const struct metafora_balance *balance,
		     struct metafora_plan *plan)
{
	(void)state, (void)balance, (void)plan;
	return 0;
}

#define MANY (2 * MF_QUESTIONS_MAX + 1)

static void join_with_many_tasks(void)
{
	static struct metafora_task_fact facts[MANY];
	static char ids[MANY][16];
	size_t i;

	join();
	for (i = 0; i < MANY; i++) {
		snprintf(ids[i], sizeof(ids[i]), "t%zu", i);
		facts[i].task = ids[i];
	}
	puppet.sink->tasks(puppet.host, 0, facts, MANY);
}

static void questions_that_are_left_are_asked_soon(void)
{
	static const struct metafora_balancer_ops ops = {
		.abi_version = METAFORA_BALANCER_ABI,
		.size = sizeof(ops),
		.name = "refusing",
		.can_claim = refuse,
		.balance = keep,
	};
	struct metafora_balancer *balancer;

	n_asked = 0;
	world = world_new(1);
	CU_ASSERT_EQUAL_FATAL(metafora_balancer_new(&ops, &puppet, &balancer),
			      0);
	make(&world->runtime, balancer);
	CU_ASSERT_EQUAL_FATAL(mf_consumer_begin(consumer), 0);
	after(10 * MF_NS_PER_MS);
	say(join_with_many_tasks);
	CU_ASSERT_EQUAL(n_asked, MANY);
	end();
}

/* --- sessions ------------------------------------------------------------- */

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

/* Before: the loop could be faster than who started it, and was not heard. */
static void close_in_the_first_callback_of_all_is_heeded(void)
{
	static const struct metafora_balancer_ops ops = {
		.abi_version = METAFORA_BALANCER_ABI,
		.size = sizeof(ops),
		.name = "impatient",
		.init = close_at_once,
		.can_claim = refuse,
		.balance = keep,
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
	{"a handler sees the lease as it is renewed",
	 a_handler_sees_the_lease_as_it_is_renewed},
	{"the next session's lease is not shown for a moment",
	 the_next_sessions_lease_is_not_shown_for_a_moment},
	{"the guard sees a shorter lease at once",
	 the_guard_sees_a_shorter_lease_at_once},
	{"a task stopped by the guard alone did not give itself back",
	 a_task_stopped_by_the_guard_alone_did_not_give_itself_back},
	{"the loop stops handlers on time", the_loop_stops_handlers_on_time},
	{"a loop that is stuck gives up its session",
	 a_loop_that_is_stuck_gives_up_its_session},
	{"reads all again once a minute", reads_all_again_once_a_minute},
	{"a handler that outlives the shutdown keeps its lease",
	 a_handler_that_outlives_the_shutdown_keeps_its_lease},
	{"questions that are left are asked soon",
	 questions_that_are_left_are_asked_soon},
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
