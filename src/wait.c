/* SPDX-License-Identifier: Apache-2.0 */
/* How the blocking calls of a client wait for its answers. */
#include "wait.h"

#include <assert.h>
#include <errno.h>
#include <metafora/error.h>

int mf_wait_init(struct mf_wait *wait,
		 int (*take)(const struct metafora_reply *reply, void *out),
		 void *out)
{
	wait->take = take;
	wait->out = out;
	wait->error = 0;
	return sem_init(&wait->done, 0, 0) ? METAFORA_ESYS : 0;
}

void mf_wait_fini(struct mf_wait *wait)
{
	sem_destroy(&wait->done);
}

/* On the client's thread. */
void mf_wait_answer(void *arg, const struct metafora_reply *reply)
{
	struct mf_wait *wait = arg;

	wait->error = wait->take(reply, wait->out);
	sem_post(&wait->done);
}

void mf_wait_sem(sem_t *sem)
{
	while (sem_wait(sem) && errno == EINTR)
		;
}

int mf_wait_for(struct mf_wait *wait)
{
	mf_wait_sem(&wait->done);
	return wait->error;
}

int mf_client_enter(struct metafora_client *client)
{
	int error = 0;

	if (mf_loop_is_owner(&client->loop))
		return METAFORA_ETHREAD;
	/* In a virtual world the caller would wait for itself. */
	assert(client->loop.runtime == mf_runtime_threads());
	pthread_mutex_lock(&client->lock);
	if (client->refusing)
		error = METAFORA_ESTOPPED;
	else
		client->n_callers++;
	pthread_mutex_unlock(&client->lock);
	return error;
}

void mf_client_leave(struct metafora_client *client)
{
	pthread_mutex_lock(&client->lock);
	if (!--client->n_callers)
		pthread_cond_broadcast(&client->changed);
	pthread_mutex_unlock(&client->lock);
}

int mf_call_begin(struct metafora_client *client, struct mf_wait *wait,
		  int (*take)(const struct metafora_reply *reply, void *out),
		  void *out)
{
	int error;

	if (!client)
		return METAFORA_EINVAL;
	error = mf_client_enter(client);
	if (error)
		return error;
	error = mf_wait_init(wait, take, out);
	if (error)
		mf_client_leave(client);
	return error;
}

int mf_call_end(struct metafora_client *client, struct mf_wait *wait, int error)
{
	if (!error)
		error = mf_wait_for(wait);
	mf_wait_fini(wait);
	mf_client_leave(client);
	return error;
}
