/* SPDX-License-Identifier: Apache-2.0 */
/* What is peculiar to loops on threads: races, signals, scarce resources. */
#include <errno.h>
#include <fcntl.h>
#include <metafora/error.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "loop.h"
#include "tap.h"

#define N_POSTERS 3
#define N_EACH 300
#define N_ROUNDS 50
#define N_LIVES 300

/* The linker's --wrap: pthread_create fails when told to. */
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*fn)(void *), void *arg);

static bool no_more_threads;

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*fn)(void *), void *arg)
{
	return no_more_threads ? EAGAIN
			       : __real_pthread_create(thread, attr, fn, arg);
}

/* --- posts against the end of the loop --------------------------------- */

struct letter {
	struct metafora_post post; /* first */
	atomic_int n_delivered;
	atomic_int n_dropped;
};

struct poster {
	pthread_t thread;
	struct mf_loop *loop;
	struct letter letters[N_EACH];
};

static struct mf_loop race_loop;
static int n_until_quit; /* owner */

static void deliver(struct metafora_post *post, bool dropped)
{
	struct letter *letter = (struct letter *)post;

	if (dropped) {
		atomic_fetch_add(&letter->n_dropped, 1);
		return;
	}
	atomic_fetch_add(&letter->n_delivered, 1);
	if (--n_until_quit == 0)
		mf_loop_quit(&race_loop);
}

static void *post_all(void *arg)
{
	struct poster *poster = arg;
	int i;

	for (i = 0; i < N_EACH; i++) {
		poster->letters[i].post.deliver = deliver;
		mf_loop_post(poster->loop, &poster->letters[i].post);
	}
	return NULL;
}

static void one_round(struct poster *posters, int round)
{
	int n_delivered = 0;
	int n_dropped = 0;
	int i;
	int k;

	/* The end meets the posters early, midway, late. */
	const int quit_after = 1 + round * N_POSTERS * N_EACH / N_ROUNDS;

	memset(posters, 0, N_POSTERS * sizeof(*posters));
	n_until_quit = quit_after;
	CU_ASSERT_EQUAL_FATAL(mf_loop_init(&race_loop, mf_runtime_threads(),
					   "race", NULL, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(mf_loop_start(&race_loop), 0);
	for (i = 0; i < N_POSTERS; i++) {
		posters[i].loop = &race_loop;
		CU_ASSERT_EQUAL_FATAL(pthread_create(&posters[i].thread, NULL,
						     post_all, &posters[i]),
				      0);
	}
	mf_loop_join(&race_loop);
	for (i = 0; i < N_POSTERS; i++)
		pthread_join(posters[i].thread, NULL);
	mf_loop_fini(&race_loop);
	for (i = 0; i < N_POSTERS; i++) {
		for (k = 0; k < N_EACH; k++) {
			struct letter *letter = &posters[i].letters[k];

			CU_ASSERT_EQUAL(letter->n_delivered +
					letter->n_dropped, 1);
			n_delivered += letter->n_delivered;
			n_dropped += letter->n_dropped;
		}
	}
	CU_ASSERT_EQUAL(n_delivered, quit_after);
	CU_ASSERT_EQUAL(n_dropped, N_POSTERS * N_EACH - quit_after);
}

static void a_post_is_delivered_or_dropped_exactly_once(void)
{
	struct poster *posters = calloc(N_POSTERS, sizeof(*posters));
	int round;

	CU_ASSERT_PTR_NOT_NULL_FATAL(posters);
	for (round = 0; round < N_ROUNDS; round++)
		one_round(posters, round);
	free(posters);
}

/* --- the end of the loop's memory ---------------------------------------- */

struct life {
	struct mf_loop loop;
	struct metafora_post post;
};

static void deliver_last(struct metafora_post *post, bool dropped)
{
	struct life *life = (struct life *)((char *)post -
					    offsetof(struct life, post));

	if (dropped)
		abort();
	mf_loop_quit(&life->loop);
}

static void *post_last(void *arg)
{
	struct life *life = arg;

	mf_loop_post(&life->loop, &life->post);
	return NULL;
}

static void a_loop_may_be_freed_once_its_last_post_is_delivered(void)
{
	pthread_t posters[N_LIVES];
	int i;

	/*
	 * The poster may still be inside mf_loop_post when the loop is gone.
	 * Sanitizers and valgrind see it when it then touches the loop.
	 */
	for (i = 0; i < N_LIVES; i++) {
		struct life *life = malloc(sizeof(*life));

		CU_ASSERT_PTR_NOT_NULL_FATAL(life);
		life->post.deliver = deliver_last;
		CU_ASSERT_EQUAL_FATAL(mf_loop_init(&life->loop,
						   mf_runtime_threads(),
						   "short life", NULL, NULL),
				      0);
		CU_ASSERT_EQUAL_FATAL(mf_loop_start(&life->loop), 0);
		CU_ASSERT_EQUAL_FATAL(pthread_create(&posters[i], NULL,
						     post_last, life), 0);
		mf_loop_join(&life->loop);
		mf_loop_fini(&life->loop);
		memset(life, 0xa5, sizeof(*life));
		free(life);
	}
	for (i = 0; i < N_LIVES; i++)
		pthread_join(posters[i], NULL);
}

/* --- the thread -------------------------------------------------------------- */

struct look {
	struct metafora_post post; /* first */
	struct mf_loop loop;
	sigset_t blocked;
	char name[16];
};

static void look_around(struct metafora_post *post, bool dropped)
{
	struct look *look = (struct look *)post;

	(void)dropped;
	pthread_sigmask(SIG_SETMASK, NULL, &look->blocked);
	pthread_getname_np(pthread_self(), look->name, sizeof(look->name));
	mf_loop_quit(&look->loop);
}

static void the_thread_is_named_and_handles_no_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGCHLD, SIGHUP,
				      SIGPIPE, SIGALRM, SIGUSR1};
	struct look look = {.post.deliver = look_around};
	sigset_t before;
	sigset_t now;
	size_t i;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	CU_ASSERT_EQUAL_FATAL(mf_loop_init(&look.loop, mf_runtime_threads(),
					   "a name of many bytes", NULL, NULL),
			      0);
	CU_ASSERT_EQUAL_FATAL(mf_loop_start(&look.loop), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	mf_loop_post(&look.loop, &look.post);
	mf_loop_join(&look.loop);
	mf_loop_fini(&look.loop);
	CU_ASSERT_STRING_EQUAL(look.name, "a name of many ");
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		CU_ASSERT_TRUE(sigismember(&look.blocked, signals[i]));
		/* The starting thread's mask is as it was. */
		CU_ASSERT_EQUAL(sigismember(&now, signals[i]),
				sigismember(&before, signals[i]));
	}
}

/* --- descriptors and threads ------------------------------------------------ */

static int lowest_free_fd(void)
{
	int fd = dup(STDOUT_FILENO);

	close(fd);
	return fd;
}

static int count_fds(void)
{
	int n = 0;
	int fd;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void deliver_nothing(struct metafora_post *post, bool dropped)
{
	(void)post;
	(void)dropped;
}

/* Start a loop that cannot start, with mail, and see that nothing is left. */
static void check_refused(void)
{
	struct metafora_post post = {.deliver = deliver_nothing};
	struct mf_loop loop;

	CU_ASSERT_EQUAL_FATAL(mf_loop_init(&loop, mf_runtime_threads(),
					   "refused", NULL, NULL), 0);
	mf_loop_post(&loop, &post);
	CU_ASSERT_EQUAL(mf_loop_start(&loop), METAFORA_ESYS);
	mf_loop_fini(&loop);
}

static void without_a_thread_or_descriptor_nothing_is_left_behind(void)
{
	const int fd = lowest_free_fd();
	const int n_fds = count_fds();
	struct rlimit limit;
	struct rlimit low;
	int n_allowed;

	no_more_threads = true;
	check_refused();
	no_more_threads = false;
	CU_ASSERT_EQUAL(count_fds(), n_fds);

	getrlimit(RLIMIT_NOFILE, &limit);
	low = limit;
	for (n_allowed = 0; n_allowed < 2; n_allowed++) {
		low.rlim_cur = (rlim_t)(fd + n_allowed);
		setrlimit(RLIMIT_NOFILE, &low);
		check_refused();
		setrlimit(RLIMIT_NOFILE, &limit);
		CU_ASSERT_EQUAL(count_fds(), n_fds);
	}
}

static void descriptors_are_closed_on_exec_and_at_the_end(void)
{
	const int n_fds = count_fds();
	struct look look = {.post.deliver = look_around};
	bool was_open[256];
	int n_new = 0;
	int fd;

	for (fd = 0; fd < 256; fd++)
		was_open[fd] = fcntl(fd, F_GETFD) >= 0;

	CU_ASSERT_EQUAL_FATAL(mf_loop_init(&look.loop, mf_runtime_threads(),
					   "loop", NULL, NULL), 0);
	CU_ASSERT_EQUAL_FATAL(mf_loop_start(&look.loop), 0);
	for (fd = 0; fd < 256; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags < 0 || was_open[fd])
			continue;
		CU_ASSERT_TRUE(flags & FD_CLOEXEC);
		n_new++;
	}
	CU_ASSERT_TRUE(n_new > 0);
	mf_loop_post(&look.loop, &look.post);
	mf_loop_join(&look.loop);
	mf_loop_fini(&look.loop);
	CU_ASSERT_EQUAL(count_fds(), n_fds);
}

static void seeds_differ(void)
{
	struct mf_runtime *runtime = mf_runtime_threads();

	CU_ASSERT_NOT_EQUAL(runtime->seed(runtime), runtime->seed(runtime));
}

static const struct tap_case cases[] = {
	{"a post is delivered or dropped exactly once",
	 a_post_is_delivered_or_dropped_exactly_once},
	{"a loop may be freed once its last post is delivered",
	 a_loop_may_be_freed_once_its_last_post_is_delivered},
	{"the thread is named and handles no signals",
	 the_thread_is_named_and_handles_no_signals},
	{"without a thread or descriptor nothing is left behind",
	 without_a_thread_or_descriptor_nothing_is_left_behind},
	{"descriptors are closed on exec and at the end",
	 descriptors_are_closed_on_exec_and_at_the_end},
	{"seeds differ", seeds_differ},
};

TAP_MAIN(cases, NULL, NULL)
