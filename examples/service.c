/* SPDX-License-Identifier: Apache-2.0 */
/* A small service: its tasks count, in a file that a fence protects. */
#include <inttypes.h>
#include <metafora.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>

#define COUNT_TO 1000000
/* A write is not begun when the lease ends sooner than this. */
#define WRITE_MS 500

/*
 * The store: a file with a line "TOKEN NODE COUNT" for each write.  A token
 * that is less than the last one is that of an owner of the past, whose write
 * comes too late: it is refused.  Returns the count, or -1.
 */
static int add_one(const char *path, uint64_t token, const char *node)
{
	FILE *file = fopen(path, "a+e");
	uint64_t last = 0;
	int count = 0;

	if (!file)
		return -1;
	if (flock(fileno(file), LOCK_EX)) {
		fclose(file);
		return -1;
	}
	while (fscanf(file, "%" SCNu64 " %*s %d", &last, &count) == 2)
		;
	if (token < last)
		count = -1;
	else
		fprintf(file, "%" PRIu64 " %s %d\n", token, node, ++count);
	return fclose(file) ? -1 : count;
}

/* Runs on a thread of its own.  The task's properties name its file. */
static enum metafora_outcome run(void *arg, struct metafora_task *task)
{
	const char *path = metafora_task_properties(task, NULL);
	int count;

	(void)arg;
	while (metafora_task_stop_wait(task, 1000)) {
		if (metafora_task_lease_remaining_ms(task) < WRITE_MS)
			continue; /* another node may own the task soon */
		count = add_one(path, metafora_task_token(task),
				metafora_task_node(task));
		if (count < 0)
			break;
		if (count >= COUNT_TO)
			return METAFORA_DONE; /* never to run again */
	}
	return METAFORA_RELEASE; /* it will go on, here or elsewhere */
}

static void report(void *arg, const char *file, int line, const char *key,
		   const char *message)
{
	(void)arg;
	fprintf(stderr, "%s:%d: %s: %s\n", file, line, key ? key : "file",
		message);
}

static void check(int error, const char *what)
{
	if (error) {
		fprintf(stderr, "service: %s: %s\n", what,
			metafora_strerror(error));
		exit(1);
	}
}

int main(int argc, char **argv)
{
	const struct timespec second = {.tv_sec = 1};
	struct metafora_config *config;
	struct metafora_handler *handler;
	struct metafora_consumer *node;
	sigset_t signals;

	if (argc != 2) {
		fprintf(stderr, "usage: service FILE\n");
		return 2;
	}
	/* Before there are other threads: this one alone waits for them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);

	check(metafora_config_load(argv[1], report, NULL, &config), argv[1]);
	check(metafora_handler_new_threaded(run, NULL, &handler), "handler");
	check(metafora_config_consumer(config, handler, &node), "node");
	check(metafora_consumer_start(node, 30000), "start");
	/* Until it is told to end, or an error has ended it. */
	while (sigtimedwait(&signals, NULL, &second) < 0 &&
	       metafora_consumer_wait(node, 0) == METAFORA_ETIMEDOUT)
		;
	check(metafora_consumer_stop(node), "stop");
	metafora_consumer_free(node);
	metafora_handler_free(handler);
	metafora_config_free(config);
	return 0;
}
