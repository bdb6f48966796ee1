/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for loops on any runtime, tried on threads and in a world. */
#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "loop.h"
#include "tap.h"
#include "world.h"

#define N_EVENTS 64
#define DEADLINE_S 30

/* What happened on the loop, in order; read when it has been joined. */
struct event {
	char kind; /* d(elivered) x (dropped) t(imer) a(fter) */
	int number;
};

struct letter {
	struct metafora_post post; /* first */
	int number;
	void (*then)(struct letter *letter);
};

struct alarm {
	struct mf_timer timer;
	int number;
	void (*then)(struct alarm *alarm);
};

static struct world *world; /* NULL: on threads */
static struct mf_runtime *runtime;
static struct mf_loop loop;
static struct event events[N_EVENTS];
static int n_events;
static int n_not_owner;
static int n_early;
static sem_t reached;
static bool has_reached;

static void note(char kind, int number)
{
	if (kind != 'x' && !mf_loop_is_owner(&loop))
		n_not_owner++;
	if (n_events < N_EVENTS)
		events[n_events++] = (struct event){kind, number};
}

/* The kinds and numbers of the events of some kinds, such as "d1 d2 a0". */
static const char *story_of(const char *kinds)
{
	static char text[N_EVENTS * 8];
	int n = 0;
	int i;

	text[0] = '\0';
	for (i = 0; i < n_events; i++)
		if (strchr(kinds, events[i].kind))
			n += snprintf(text + n, sizeof(text) - (size_t)n,
				      "%s%c%d", n ? " " : "", events[i].kind,
				      events[i].number);
	return text;
}

static const char *story(void)
{
	return story_of("dxta");
}

static void deliver(struct metafora_post *post, bool dropped)
{
	struct letter *letter = (struct letter *)post;

	note(dropped ? 'x' : 'd', letter->number);
	if (letter->then && !dropped)
		letter->then(letter);
}

static void fire(void *arg)
{
	struct alarm *alarm = arg;

	n_early += mf_loop_now_ns(&loop) < alarm->timer.at_ns;
	note('t', alarm->number);
	if (alarm->then)
		alarm->then(alarm);
}

static void after(void *arg)
{
	(void)arg;
	note('a', 0);
}

static void make_letter(struct letter *letter, int number,
			void (*then)(struct letter *))
{
	*letter = (struct letter){
		.post.deliver = deliver, .number = number, .then = then};
}

static void make_alarm(struct alarm *alarm, int number,
		       void (*then)(struct alarm *))
{
	mf_timer_init(&alarm->timer, fire, alarm);
	alarm->number = number;
	alarm->then = then;
}

static void quit_by_letter(struct letter *letter)
{
	(void)letter;
	mf_loop_quit(&loop);
}

static void quit_by_alarm(struct alarm *alarm)
{
	(void)alarm;
	mf_loop_quit(&loop);
}

/* On the loop: what the test awaits has come. */
static void reach(void)
{
	has_reached = true;
	sem_post(&reached);
}

static bool is_reached(void *arg)
{
	(void)arg;
	return has_reached;
}

static void await(void)
{
	struct timespec until;
	int result;

	if (world) {
		CU_ASSERT_TRUE(world_run_until(
			world, is_reached, NULL,
			world_now_ns(world) + DEADLINE_S * MF_NS_PER_S));
		return;
	}
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += DEADLINE_S;
	do
		result = sem_timedwait(&reached, &until);
	while (result && errno == EINTR);
	CU_ASSERT_EQUAL(result, 0);
}

static void begin(bool in_world)
{
	world = in_world ? world_new(1) : NULL;
	runtime = in_world ? &world->runtime : mf_runtime_threads();
	n_events = 0;
	n_not_owner = 0;
	n_early = 0;
	has_reached = false;
	sem_init(&reached, 0, 0);
	CU_ASSERT_EQUAL_FATAL(
		mf_loop_init(&loop, runtime, "tested loop", after, NULL), 0);
}

static void end(void)
{
	mf_loop_fini(&loop);
	sem_destroy(&reached);
	if (world)
		world_free(world);
	CU_ASSERT_EQUAL(n_not_owner, 0);
	CU_ASSERT_EQUAL(n_early, 0);
}

/* Run what has been posted and set so far, until the loop quits. */
static void run_to_end(void)
{
	CU_ASSERT_EQUAL_FATAL(mf_loop_start(&loop), 0);
	mf_loop_join(&loop);
}

static void mail_is_delivered_in_order(void)
{
	struct letter letters[4];
	int i;

	for (i = 0; i < 4; i++) {
		make_letter(&letters[i], i, i == 3 ? quit_by_letter : NULL);
		mf_loop_post(&loop, &letters[i].post);
	}
	CU_ASSERT_FALSE(mf_loop_is_owner(&loop));
	run_to_end();
	CU_ASSERT_STRING_EQUAL(story(), "d0 d1 d2 d3");
	CU_ASSERT_FALSE(mf_loop_is_owner(&loop));
}

static void reach_by_letter(struct letter *letter)
{
	(void)letter;
	reach();
}

static void mail_wakes_a_loop_at_rest(void)
{
	struct letter first;
	struct letter last;

	make_letter(&first, 1, reach_by_letter);
	make_letter(&last, 2, quit_by_letter);
	CU_ASSERT_EQUAL_FATAL(mf_loop_start(&loop), 0);
	mf_loop_post(&loop, &first.post);
	await();
	mf_loop_post(&loop, &last.post);
	mf_loop_join(&loop);
	CU_ASSERT_STRING_EQUAL(story(), "d1 a0 d2");
}

static void post_again(struct letter *letter)
{
	letter->number++;
	letter->then = quit_by_letter;
	mf_loop_post(&loop, &letter->post);
}

static void a_post_may_be_posted_again_by_its_delivery(void)
{
	struct letter letter;

	make_letter(&letter, 1, post_again);
	mf_loop_post(&loop, &letter.post);
	run_to_end();
	CU_ASSERT_STRING_EQUAL(story(), "d1 a0 d2");
}

static void timers_fire_in_order_and_not_before_their_time(void)
{
	static const int delay_us[] = {900, 300, 600, 300};
	struct alarm alarms[5];
	uint64_t now_ns = mf_loop_now_ns(&loop);
	int i;

	for (i = 0; i < 4; i++) {
		make_alarm(&alarms[i], i, NULL);
		mf_loop_timer_set(&loop, &alarms[i].timer,
				  now_ns + (uint64_t)delay_us[i] * 1000);
	}
	make_alarm(&alarms[4], 4, quit_by_alarm);
	mf_loop_timer_set(&loop, &alarms[4].timer, now_ns + 2 * MF_NS_PER_MS);
	run_to_end();
	/* How many fire in one dispatch differs: no afters. */
	CU_ASSERT_STRING_EQUAL(story_of("t"), "t1 t3 t2 t0 t4");
}

static struct alarm soon;

static void set_soon(struct letter *letter)
{
	(void)letter;
	mf_loop_timer_set(&loop, &soon.timer,
			  mf_loop_now_ns(&loop) + MF_NS_PER_MS);
}

static void an_earlier_timer_overtakes_one_that_is_waited_for(void)
{
	struct alarm late;
	struct letter first;
	struct letter letter;

	make_alarm(&late, 1, NULL);
	make_alarm(&soon, 2, quit_by_alarm);
	make_letter(&first, 3, reach_by_letter);
	make_letter(&letter, 4, set_soon);
	mf_loop_timer_set(&loop, &late.timer,
			  mf_loop_now_ns(&loop) + 86400 * MF_NS_PER_S);
	mf_loop_post(&loop, &first.post);
	CU_ASSERT_EQUAL_FATAL(mf_loop_start(&loop), 0);
	await(); /* from then on it waits for the late one */
	mf_loop_post(&loop, &letter.post);
	mf_loop_join(&loop);
	CU_ASSERT_STRING_EQUAL(story(), "d3 a0 d4 a0 t2");
}

static struct alarm group[3];

static void upset_the_others(struct alarm *alarm)
{
	if (alarm->number != 0)
		return;
	/* 1 is due as well and must not fire; 2 moves into the future. */
	mf_loop_timer_cancel(&loop, &group[1].timer);
	mf_loop_timer_set(&loop, &group[2].timer,
			  mf_loop_now_ns(&loop) + MF_NS_PER_MS);
	/* Set, cancel and set again, from within its own callback. */
	mf_loop_timer_set(&loop, &alarm->timer, 0);
	mf_loop_timer_cancel(&loop, &alarm->timer);
	mf_loop_timer_set(&loop, &alarm->timer, 0);
	alarm->number = 9;
}

static void a_timers_callback_may_set_and_cancel_any_timer(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		make_alarm(&group[i], i,
			   i == 2 ? quit_by_alarm : upset_the_others);
		mf_loop_timer_set(&loop, &group[i].timer, 1);
	}
	run_to_end();
	/* A slow machine may fire the last two in one dispatch: no afters. */
	CU_ASSERT_STRING_EQUAL(story_of("t"), "t0 t9 t2");
}

static struct letter last_letter;

static void set_into_the_past(struct alarm *alarm)
{
	if (alarm->number++ == 4)
		mf_loop_post(&loop, &last_letter.post);
	mf_loop_timer_set(&loop, &alarm->timer, 1);
}

static void a_timer_that_is_always_due_starves_nothing(void)
{
	struct alarm busy;
	struct alarm other;

	make_alarm(&busy, 1, set_into_the_past);
	make_alarm(&other, 100, NULL);
	make_letter(&last_letter, 0, quit_by_letter);
	mf_loop_timer_set(&loop, &busy.timer, 0);
	/* Later than what the busy one sets itself to. */
	mf_loop_timer_set(&loop, &other.timer, 5);
	run_to_end();
	/* Once in each dispatch, the other at once, the mail next. */
	CU_ASSERT_STRING_EQUAL(story(), "t1 t100 a0 t2 a0 t3 a0 t4 a0 d0");
}

static int n_silent;

static void count_silently(void *arg)
{
	(void)arg;
	n_silent++;
}

static void post_last_letter(struct alarm *alarm)
{
	(void)alarm;
	mf_loop_post(&loop, &last_letter.post);
}

static void many_timers_at_once_do_not_starve_mail(void)
{
	static struct mf_timer timers[3 * MF_LOOP_TIMERS_MAX];
	int i;

	n_silent = 0;
	make_letter(&last_letter, 0, quit_by_letter);
	make_alarm(&soon, 1, post_last_letter);
	mf_loop_timer_set(&loop, &soon.timer, 0);
	for (i = 0; i < 3 * MF_LOOP_TIMERS_MAX; i++) {
		mf_timer_init(&timers[i], count_silently, NULL);
		mf_loop_timer_set(&loop, &timers[i], 0);
	}
	run_to_end();
	CU_ASSERT_STRING_EQUAL(story(), "t1 a0 d0");
	CU_ASSERT_EQUAL(n_silent, MF_LOOP_TIMERS_MAX - 1);
}

static void quitting_drops_the_mail_that_is_left(void)
{
	struct letter letters[3];
	struct letter late;
	struct alarm alarm;
	int i;

	for (i = 0; i < 3; i++) {
		make_letter(&letters[i], i, i == 0 ? quit_by_letter : NULL);
		mf_loop_post(&loop, &letters[i].post);
	}
	make_alarm(&alarm, 7, NULL);
	mf_loop_timer_set(&loop, &alarm.timer, 0);
	run_to_end();
	CU_ASSERT_STRING_EQUAL(story(), "d0 x1 x2");
	make_letter(&late, 3, NULL);
	mf_loop_post(&loop, &late.post);
	CU_ASSERT_STRING_EQUAL(story(), "d0 x1 x2 x3");
}

static void post_another_and_quit(struct letter *letter)
{
	(void)letter;
	mf_loop_post(&loop, &last_letter.post);
	mf_loop_quit(&loop);
	mf_loop_quit(&loop); /* twice is no harm */
}

static void mail_posted_while_quitting_is_dropped(void)
{
	struct letter letter;

	make_letter(&letter, 1, post_another_and_quit);
	make_letter(&last_letter, 2, NULL);
	mf_loop_post(&loop, &letter.post);
	run_to_end();
	CU_ASSERT_STRING_EQUAL(story(), "d1 x2");
}

static void quitting_keeps_timers_from_firing(void)
{
	struct alarm alarms[2];

	make_alarm(&alarms[0], 0, quit_by_alarm);
	make_alarm(&alarms[1], 1, NULL);
	mf_loop_timer_set(&loop, &alarms[0].timer, 0);
	mf_loop_timer_set(&loop, &alarms[1].timer, 0);
	run_to_end();
	CU_ASSERT_STRING_EQUAL(story(), "t0");
}

static void a_loop_that_never_ran_drops_its_mail(void)
{
	struct letter letter;

	make_letter(&letter, 1, NULL);
	mf_loop_post(&loop, &letter.post);
	mf_loop_fini(&loop);
	CU_ASSERT_STRING_EQUAL(story(), "x1");
	CU_ASSERT_EQUAL_FATAL(
		mf_loop_init(&loop, runtime, "tested loop", NULL, NULL), 0);
}

static uint64_t stepped_ns[2];

static void read_step(struct alarm *alarm)
{
	stepped_ns[alarm->number] = atomic_load(&loop.stepped_ns);
	if (alarm->number++ == 1)
		mf_loop_quit(&loop);
	else
		mf_loop_timer_set(&loop, &alarm->timer,
				  mf_loop_now_ns(&loop) + MF_NS_PER_MS);
}

static void each_dispatch_shows_when_it_began(void)
{
	const uint64_t now_ns = mf_loop_now_ns(&loop);
	struct alarm alarm;

	make_alarm(&alarm, 0, read_step);
	mf_loop_timer_set(&loop, &alarm.timer, now_ns);
	run_to_end();
	CU_ASSERT_TRUE(stepped_ns[0] >= now_ns);
	CU_ASSERT_TRUE(stepped_ns[1] >= stepped_ns[0] + MF_NS_PER_MS);
	CU_ASSERT_TRUE(mf_loop_now_ns(&loop) >= stepped_ns[1]);
}

static struct mf_loop inner;
static struct letter inner_letter;
static bool inner_delivered;

static void deliver_inner(struct metafora_post *post, bool dropped)
{
	(void)post;
	inner_delivered = !dropped && mf_loop_is_owner(&inner) &&
			  !mf_loop_is_owner(&loop);
	mf_loop_quit(&inner);
}

static void run_an_inner_loop(struct letter *letter)
{
	(void)letter;
	inner_letter.post.deliver = deliver_inner;
	if (mf_loop_init(&inner, runtime, "inner loop", NULL, NULL) ||
	    mf_loop_start(&inner))
		abort();
	mf_loop_post(&inner, &inner_letter.post);
	mf_loop_join(&inner);
	mf_loop_fini(&inner);
	mf_loop_quit(&loop);
}

static void a_loop_may_run_and_join_another(void)
{
	struct letter letter;

	inner_delivered = false;
	make_letter(&letter, 1, run_an_inner_loop);
	mf_loop_post(&loop, &letter.post);
	run_to_end();
	CU_ASSERT_TRUE(inner_delivered);
	CU_ASSERT_STRING_EQUAL(story(), "d1");
}

/* Each case twice: on threads and in a world. */
#define CASES(X)                                                              \
	X(mail_is_delivered_in_order, "mail is delivered in order")           \
	X(mail_wakes_a_loop_at_rest, "mail wakes a loop at rest")             \
	X(a_post_may_be_posted_again_by_its_delivery,                         \
	  "a post may be posted again by its delivery")                       \
	X(timers_fire_in_order_and_not_before_their_time,                     \
	  "timers fire in order and not before their time")                   \
	X(an_earlier_timer_overtakes_one_that_is_waited_for,                  \
	  "an earlier timer overtakes one that is waited for")                \
	X(a_timers_callback_may_set_and_cancel_any_timer,                     \
	  "a timer's callback may set and cancel any timer")                  \
	X(a_timer_that_is_always_due_starves_nothing,                         \
	  "a timer that is always due starves nothing")                       \
	X(many_timers_at_once_do_not_starve_mail,                             \
	  "many timers at once do not starve mail")                           \
	X(quitting_drops_the_mail_that_is_left,                               \
	  "quitting drops the mail that is left")                             \
	X(mail_posted_while_quitting_is_dropped,                              \
	  "mail posted while quitting is dropped")                            \
	X(quitting_keeps_timers_from_firing,                                  \
	  "quitting keeps timers from firing")                                \
	X(a_loop_that_never_ran_drops_its_mail,                               \
	  "a loop that never ran drops its mail")                             \
	X(each_dispatch_shows_when_it_began,                                  \
	  "each dispatch shows when it began")                                \
	X(a_loop_may_run_and_join_another, "a loop may run and join another")

#define DEFINE(fn, name)                                                      \
	static void fn##_on_threads(void)                                     \
	{                                                                     \
		begin(false);                                                 \
		fn();                                                         \
		end();                                                        \
	}                                                                     \
	static void fn##_in_a_world(void)                                     \
	{                                                                     \
		begin(true);                                                  \
		fn();                                                         \
		end();                                                        \
	}
CASES(DEFINE)

#define LIST(fn, name)                                                        \
	{name " (threads)", fn##_on_threads},                                 \
	{name " (world)", fn##_in_a_world},

static const struct tap_case cases[] = {CASES(LIST)};

TAP_MAIN(cases, NULL, NULL)
