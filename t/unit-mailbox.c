/* SPDX-License-Identifier: Apache-2.0 */
/* The mailbox, alone and between threads. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mailbox.h"
#include "tap.h"

#define N_POSTERS 4
#define N_EACH 5000
#define DEADLINE_MS 30000

struct letter {
	struct metafora_post post; /* first */
	int poster;
	int number;
};

static struct mf_mailbox mailbox;

static void setup(void)
{
	CU_ASSERT_EQUAL_FATAL(mf_mailbox_init(&mailbox), 0);
}

static void teardown(void)
{
	mf_mailbox_fini(&mailbox);
}

static unsigned int length(const struct metafora_post *mail)
{
	unsigned int n = 0;

	for (; mail; mail = mail->next)
		n++;
	return n;
}

static void count_wake(void *arg)
{
	++*(unsigned int *)arg;
}

static void mail_is_taken_oldest_first(void)
{
	struct metafora_post post[3];
	struct metafora_post *mail;

	CU_ASSERT_PTR_NULL(mf_mailbox_take(&mailbox));
	CU_ASSERT_TRUE(mf_mailbox_put(&mailbox, &post[1]));
	CU_ASSERT_TRUE(mf_mailbox_put(&mailbox, &post[2]));
	CU_ASSERT_TRUE(mf_mailbox_put(&mailbox, &post[0]));
	mail = mf_mailbox_take(&mailbox);
	CU_ASSERT_EQUAL_FATAL(length(mail), 3);
	CU_ASSERT_PTR_EQUAL(mail, &post[1]);
	CU_ASSERT_PTR_EQUAL(mail->next, &post[2]);
	CU_ASSERT_PTR_EQUAL(mail->next->next, &post[0]);
	CU_ASSERT_PTR_NULL(mf_mailbox_take(&mailbox));
}

static void a_post_can_be_put_again_once_taken(void)
{
	struct metafora_post post;

	mf_mailbox_put(&mailbox, &post);
	CU_ASSERT_PTR_EQUAL(mf_mailbox_take(&mailbox), &post);
	mf_mailbox_put(&mailbox, &post);
	CU_ASSERT_PTR_EQUAL(mf_mailbox_take(&mailbox), &post);
	CU_ASSERT_PTR_NULL(post.next);
}

static void the_owner_is_woken_when_mail_comes_into_the_empty_box(void)
{
	struct metafora_post post[3];
	unsigned int n_wakes = 0;

	mf_mailbox_attach(&mailbox, count_wake, &n_wakes);
	CU_ASSERT_EQUAL(n_wakes, 0);
	mf_mailbox_put(&mailbox, &post[0]);
	CU_ASSERT_EQUAL(n_wakes, 1);
	mf_mailbox_put(&mailbox, &post[1]);
	CU_ASSERT_EQUAL(n_wakes, 1);
	mf_mailbox_take(&mailbox);
	mf_mailbox_put(&mailbox, &post[2]);
	CU_ASSERT_EQUAL(n_wakes, 2);
	mf_mailbox_take(&mailbox);
}

static void try_to_take(void *arg)
{
	int *result = arg;

	*result = pthread_mutex_trylock(&mailbox.lock);
	if (*result == 0)
		pthread_mutex_unlock(&mailbox.lock);
}

static void nothing_can_be_taken_before_the_owner_is_woken(void)
{
	struct metafora_post post;
	int result = 0;

	/* Else the owner could be freed while a poster still wakes it. */
	mf_mailbox_attach(&mailbox, try_to_take, &result);
	mf_mailbox_put(&mailbox, &post);
	CU_ASSERT_EQUAL(result, EBUSY);
	mf_mailbox_take(&mailbox);
}

static void mail_of_before_wakes_at_attaching(void)
{
	struct metafora_post post;
	unsigned int n_wakes = 0;

	mf_mailbox_put(&mailbox, &post);
	mf_mailbox_attach(&mailbox, count_wake, &n_wakes);
	CU_ASSERT_EQUAL(n_wakes, 1);
	mf_mailbox_take(&mailbox);
}

static void a_closed_box_gives_what_was_left_and_refuses_more(void)
{
	struct metafora_post post[2];
	unsigned int n_wakes = 0;

	mf_mailbox_attach(&mailbox, count_wake, &n_wakes);
	mf_mailbox_put(&mailbox, &post[0]);
	CU_ASSERT_PTR_EQUAL(mf_mailbox_close(&mailbox), &post[0]);
	CU_ASSERT_FALSE(mf_mailbox_put(&mailbox, &post[1]));
	CU_ASSERT_EQUAL(n_wakes, 1);
	CU_ASSERT_PTR_NULL(mf_mailbox_take(&mailbox));
	CU_ASSERT_PTR_NULL(mf_mailbox_close(&mailbox));
}

struct poster {
	pthread_t thread;
	int number;
	unsigned int n_refused;
	struct letter letters[N_EACH];
};

static void *post_all(void *arg)
{
	struct poster *poster = arg;
	int i;

	for (i = 0; i < N_EACH; i++) {
		poster->letters[i].poster = poster->number;
		poster->letters[i].number = i;
		poster->n_refused +=
			!mf_mailbox_put(&mailbox, &poster->letters[i].post);
	}
	return NULL;
}

static void wake_fd(void *arg)
{
	(void)!eventfd_write(*(int *)arg, 1);
}

/* Returns how many are in the list; checks each poster's order. */
static unsigned int read_mail(struct metafora_post *mail, int *next)
{
	unsigned int n = 0;

	for (; mail; mail = mail->next) {
		struct letter *letter = (struct letter *)mail;

		CU_ASSERT_EQUAL(letter->number, next[letter->poster]);
		next[letter->poster] = letter->number + 1;
		n++;
	}
	return n;
}

static void start_posters(struct poster *posters)
{
	int i;

	for (i = 0; i < N_POSTERS; i++) {
		posters[i].number = i;
		CU_ASSERT_EQUAL_FATAL(pthread_create(&posters[i].thread, NULL,
						     post_all, &posters[i]),
				      0);
	}
}

static unsigned int join_posters(struct poster *posters)
{
	unsigned int n_refused = 0;
	int i;

	for (i = 0; i < N_POSTERS; i++) {
		pthread_join(posters[i].thread, NULL);
		n_refused += posters[i].n_refused;
	}
	return n_refused;
}

static void threads_lose_no_mail_no_order_and_no_wake(void)
{
	struct poster *posters = calloc(N_POSTERS, sizeof(*posters));
	int fd = eventfd(0, EFD_CLOEXEC);
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	int next[N_POSTERS] = {0};
	unsigned int n = 0;
	eventfd_t count;

	CU_ASSERT_PTR_NOT_NULL_FATAL(posters);
	CU_ASSERT_TRUE_FATAL(fd >= 0);
	mf_mailbox_attach(&mailbox, wake_fd, &fd);
	start_posters(posters);
	/* Sleeps whenever the box is empty, as an owner does. */
	while (n < N_POSTERS * N_EACH) {
		if (poll(&pollfd, 1, DEADLINE_MS) != 1)
			break;
		eventfd_read(fd, &count);
		n += read_mail(mf_mailbox_take(&mailbox), next);
	}
	CU_ASSERT_EQUAL(n, N_POSTERS * N_EACH);
	CU_ASSERT_EQUAL(join_posters(posters), 0);
	close(fd);
	free(posters);
}

static void closing_amid_posts_loses_none(void)
{
	struct poster *posters = calloc(N_POSTERS, sizeof(*posters));
	int next[N_POSTERS] = {0};
	unsigned int n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(posters);
	start_posters(posters);
	while (n < N_EACH)
		n += read_mail(mf_mailbox_take(&mailbox), next);
	n += read_mail(mf_mailbox_close(&mailbox), next);
	n += join_posters(posters);
	CU_ASSERT_EQUAL(n, N_POSTERS * N_EACH);
	free(posters);
}

static const struct tap_case cases[] = {
	{"mail is taken oldest first", mail_is_taken_oldest_first},
	{"a post can be put again once taken",
	 a_post_can_be_put_again_once_taken},
	{"the owner is woken when mail comes into the empty box",
	 the_owner_is_woken_when_mail_comes_into_the_empty_box},
	{"nothing can be taken before the owner is woken",
	 nothing_can_be_taken_before_the_owner_is_woken},
	{"mail of before wakes at attaching",
	 mail_of_before_wakes_at_attaching},
	{"a closed box gives what was left and refuses more",
	 a_closed_box_gives_what_was_left_and_refuses_more},
	{"threads lose no mail, no order and no wake",
	 threads_lose_no_mail_no_order_and_no_wake},
	{"closing amid posts loses none", closing_amid_posts_loses_none},
};

TAP_MAIN(cases, setup, teardown)
