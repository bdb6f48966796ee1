/* SPDX-License-Identifier: Apache-2.0 */
/* metafora-demo: nodes share tasks, one dies, one joins, nothing is lost. */
#include <errno.h>
#include <metafora.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "demo_node.h"
#include "demo_view.h"
#include "journal.h"
#include "journal_check.h"

#define N_NODES 4
#define N_TASKS 30
/* A node that is not heard of for so long is dead to the broker. */
#define SESSION_TIMEOUT_MS 1000
/* Steps of a task, a second each: that many and up to three more. */
#define N_STEPS 8
/* How often the picture is taken. */
#define POLL_MS 40
/* For a single answer of the broker. */
#define CALL_TIMEOUT_MS 2000
/* What the story waits for: a step of it, and the end of all tasks. */
#define STEP_LIMIT_MS 8000
#define END_LIMIT_MS 20000
/* How long a picture stands, so that it can be looked at. */
#define LOOK_MS 1500

#define NS_PER_MS 1000000u
#define EXIT_INTERRUPTED 130
#define PATH_BYTES 4096

/* The nodes; the first three from the start. */
enum { N1, N2, N3, N4 };
static const char *const names[N_NODES] = {"n1", "n2", "n3", "n4"};

struct demo {
	const char *directory;
	struct metafora_embedded_broker *broker;
	struct metafora_coordinator *coordinator;
	struct metafora_client *client;
	struct view *view;
	struct demo_node *nodes[N_NODES];
	size_t n_nodes;
	size_t n_submitted;
	int journal_fd; /* the submitter's */
	int signal_fd;
	bool is_interrupted;
	struct picture picture;
};

static int fail(const char *what, int error)
{
	fprintf(stderr, "metafora-demo: %s: %s\n", what,
		metafora_strerror(error));
	return -1;
}

/* --- the picture ------------------------------------------------------------- */

static struct view_row *find_row(struct picture *picture, const char *node)
{
	size_t i;

	for (i = 0; i < picture->n_rows; i++)
		if (node && !strcmp(picture->rows[i].node, node))
			return &picture->rows[i];
	return NULL;
}

static void add_task(struct view_row *row, const char *id)
{
	size_t n_bytes = strlen(row->tasks);

	row->n_tasks++;
	snprintf(row->tasks + n_bytes, sizeof(row->tasks) - n_bytes, " %s", id);
}

static int look_at_nodes(struct demo *demo)
{
	struct picture *picture = &demo->picture;
	struct metafora_node_list *list;
	struct view_row *row;
	size_t i;
	int error;

	error = metafora_client_nodes(demo->client, CALL_TIMEOUT_MS, &list);
	if (error)
		return fail("cannot list the nodes", error);
	picture->n_rows = demo->n_nodes;
	for (i = 0; i < demo->n_nodes; i++) {
		row = &picture->rows[i];
		row->node = demo_node_name(demo->nodes[i]);
		row->state = "gone";
		row->n_tasks = 0;
		row->tasks[0] = '\0';
	}
	for (i = 0; i < metafora_node_list_size(list); i++) {
		row = find_row(picture, metafora_node_list_name(list, i));
		if (row)
			row->state = metafora_member_state_name(
				metafora_node_list_state(list, i));
	}
	/* We know it before the broker does. */
	for (i = 0; i < demo->n_nodes; i++)
		if (demo_node_is_dead(demo->nodes[i]))
			picture->rows[i].state = "dead";
	metafora_node_list_free(list);
	return 0;
}

static int look_at_tasks(struct demo *demo)
{
	struct picture *picture = &demo->picture;
	struct metafora_listing *list;
	struct view_row *row;
	size_t i;
	int error;

	error = metafora_client_list(demo->client, NULL, NULL, 0,
				     CALL_TIMEOUT_MS, &list);
	if (error)
		return fail("cannot list the tasks", error);
	picture->n_running = 0;
	picture->n_waiting = 0;
	for (i = 0; i < metafora_listing_size(list); i++) {
		row = find_row(picture, metafora_listing_owner(list, i));
		if (row) {
			add_task(row, metafora_listing_id(list, i));
			picture->n_running++;
		} else {
			picture->n_waiting++;
		}
	}
	picture->n_done = demo->n_submitted - metafora_listing_size(list);
	metafora_listing_free(list);
	return 0;
}

/* Take and show a picture, then wait a moment.  -1: end the story. */
static int look(struct demo *demo)
{
	struct pollfd signals = {.fd = demo->signal_fd, .events = POLLIN};

	if (look_at_nodes(demo) || look_at_tasks(demo))
		return -1;
	view_show(demo->view, &demo->picture);
	if (poll(&signals, 1, POLL_MS) > 0) {
		demo->is_interrupted = true;
		return -1;
	}
	return 0;
}

static int look_for_ms(struct demo *demo, unsigned int ms)
{
	uint64_t until_ns = journal_now_ns() + (uint64_t)ms * NS_PER_MS;

	while (journal_now_ns() < until_ns)
		if (look(demo))
			return -1;
	return 0;
}

static int look_until(struct demo *demo, bool (*is_so)(const struct demo *),
		      unsigned int limit_ms, const char *what)
{
	uint64_t limit_ns = journal_now_ns() + (uint64_t)limit_ms * NS_PER_MS;

	do {
		if (journal_now_ns() > limit_ns) {
			view_say(demo->view, "FAILED: waited in vain until %s",
				 what);
			return -1;
		}
		if (look(demo))
			return -1;
	} while (!is_so(demo));
	return 0;
}

/* --- what the story waits for -------------------------------------------------- */

/* The largest difference between living nodes. */
static size_t spread(const struct demo *demo)
{
	size_t most = 0;
	size_t least = SIZE_MAX;
	size_t i;

	for (i = 0; i < demo->n_nodes; i++) {
		size_t n = demo->picture.rows[i].n_tasks;

		if (demo_node_is_dead(demo->nodes[i]))
			continue;
		if (n > most)
			most = n;
		if (n < least)
			least = n;
	}
	return most - least;
}

static bool the_dead_own_nothing(const struct demo *demo)
{
	size_t i;

	for (i = 0; i < demo->n_nodes; i++)
		if (demo_node_is_dead(demo->nodes[i]) &&
		    demo->picture.rows[i].n_tasks)
			return false;
	return true;
}

static bool every_task_has_a_living_owner(const struct demo *demo)
{
	return !demo->picture.n_waiting && the_dead_own_nothing(demo);
}

static bool the_load_is_even(const struct demo *demo)
{
	return every_task_has_a_living_owner(demo) && spread(demo) <= 1;
}

static bool every_task_is_done(const struct demo *demo)
{
	return demo->picture.n_done == N_TASKS;
}

/* --- the story ----------------------------------------------------------------- */

static int start_node(struct demo *demo, const char *name)
{
	int error = demo_node_start(name, demo->directory, demo->coordinator,
				    &demo->nodes[demo->n_nodes]);

	if (error)
		return fail("cannot start a node", error);
	demo->n_nodes++;
	view_say(demo->view, "%s has joined", name);
	return 0;
}

/*
 * A task like those that the library is for: it notes how far it has come,
 * and goes on from there when it is started again.
 */
static const char task_command[] =
	"at=$METAFORA_DEMO/out/$METAFORA_TASK.step; "
	"i=$(cat \"$at\" 2>/dev/null); i=${i:-0}; "
	"while [ $i -lt %d ]; do i=$((i + 1)); "
	"echo \"step $i on $METAFORA_NODE, token $METAFORA_TOKEN\"; sleep 1; "
	"echo $i >\"$at\"; done";

static int fill_batch(struct metafora_batch *batch)
{
	char command[sizeof(task_command) + 16];
	char id[16];
	int error = 0;
	int i;

	for (i = 1; i <= N_TASKS && !error; i++) {
		snprintf(id, sizeof(id), "t%02d", i);
		snprintf(command, sizeof(command), task_command,
			 N_STEPS + i % 4);
		error = metafora_batch_add(batch, id, strlen(id), command,
					   strlen(command));
	}
	return error;
}

/* So that the check misses a task which nobody ever ran. */
static int note_submissions(struct demo *demo,
			    const struct metafora_batch *batch)
{
	struct journal_line line = {.event = JOURNAL_SUBMIT};
	size_t i;

	for (i = 0; i < metafora_batch_size(batch); i++) {
		line.task = metafora_batch_id(batch, i);
		if (journal_write(demo->journal_fd, &line))
			return METAFORA_ESYS;
	}
	return 0;
}

static int submit(struct demo *demo)
{
	struct metafora_batch *batch;
	int error = metafora_batch_new(&batch);

	if (error)
		return fail("cannot submit", error);
	error = fill_batch(batch);
	if (!error)
		error = metafora_client_submit_batch(demo->client, batch,
						     CALL_TIMEOUT_MS);
	if (!error)
		error = note_submissions(demo, batch);
	metafora_batch_free(batch);
	if (error)
		return fail("cannot submit", error);
	demo->n_submitted = N_TASKS;
	view_say(demo->view,
		 "%d tasks are submitted, shell commands of %d to "
		 "%d seconds",
		 N_TASKS, N_STEPS, N_STEPS + 3);
	return 0;
}

static int let_it_die(struct demo *demo, struct demo_node *node)
{
	double died_s = view_elapsed_s(demo->view);
	size_t n_tasks = demo->picture.rows[N2].n_tasks;
	int error = demo_node_die(node, demo->broker, demo->journal_fd);

	if (error)
		return fail("a node cannot die", error);
	view_say(demo->view, "%s dies without warning, with %zu tasks",
		 demo_node_name(node), n_tasks);
	if (look_until(demo, every_task_has_a_living_owner, STEP_LIMIT_MS,
		       "the tasks of the dead node were taken over"))
		return -1;
	view_say(demo->view,
		 "its tasks have new owners %.2f s after its death "
		 "(session timeout %.1f s)",
		 view_elapsed_s(demo->view) - died_s,
		 SESSION_TIMEOUT_MS / 1000.0);
	return 0;
}

static int let_one_join(struct demo *demo, const char *name)
{
	double joined_s;

	if (start_node(demo, name))
		return -1;
	joined_s = view_elapsed_s(demo->view);
	if (look_until(demo, the_load_is_even, STEP_LIMIT_MS,
		       "the load was even"))
		return -1;
	view_say(demo->view,
		 "the load is even %.2f s after that: nodes differ by %zu",
		 view_elapsed_s(demo->view) - joined_s, spread(demo));
	return 0;
}

static int tell(struct demo *demo)
{
	size_t i;

	for (i = N1; i <= N3; i++)
		if (start_node(demo, names[i]))
			return -1;
	if (submit(demo) ||
	    look_until(demo, the_load_is_even, STEP_LIMIT_MS, "every task ran"))
		return -1;
	view_say(demo->view, "every task runs, nodes differ by %zu",
		 spread(demo));
	if (look_for_ms(demo, LOOK_MS) || let_it_die(demo, demo->nodes[N2]) ||
	    look_for_ms(demo, LOOK_MS) || let_one_join(demo, names[N4]))
		return -1;
	if (look_until(demo, every_task_is_done, END_LIMIT_MS,
		       "every task was done"))
		return -1;
	view_say(demo->view, "every task is done");
	return 0;
}

/* --- before and after ------------------------------------------------------------ */

/*
 * Take the signals that end a program as descriptor events, in every thread
 * that will be started.
 */
static int catch_signals(struct demo *demo)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	demo->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return demo->signal_fd < 0 ? fail("signals", METAFORA_ESYS) : 0;
}

/* From here on a signal, but not the one already taken, ends us at once. */
static void release_signals(const struct demo *demo)
{
	struct signalfd_siginfo info;
	sigset_t none;

	while (demo->signal_fd >= 0 &&
	       read(demo->signal_fd, &info, sizeof(info)) > 0)
		;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int make_path(const struct demo *demo, const char *name,
		     char path[PATH_BYTES])
{
	int n = snprintf(path, PATH_BYTES, "%s/%s", demo->directory, name);

	return n < 0 || n >= PATH_BYTES ? fail(name, METAFORA_E2BIG) : 0;
}

/* Its journals must be this run's alone. */
static int open_directory(struct demo *demo)
{
	char path[PATH_BYTES];

	if ((mkdir(demo->directory, 0777) && errno != EEXIST) ||
	    make_path(demo, "out", path) || mkdir(path, 0777)) {
		fprintf(stderr,
			"metafora-demo: %s: %s (a new or empty folder is "
			"needed)\n",
			demo->directory, strerror(errno));
		return -1;
	}
	/* For the tasks. */
	if (make_path(demo, "client.journal", path) ||
	    setenv("METAFORA_DEMO", demo->directory, 1))
		return -1;
	demo->journal_fd = journal_open(path);
	return demo->journal_fd < 0 ? fail(path, METAFORA_ESYS) : 0;
}

static int open_broker(struct demo *demo)
{
	int error =
		metafora_embedded_broker_new(SESSION_TIMEOUT_MS, &demo->broker);

	if (!error)
		error = metafora_embedded_coordinator_new(demo->broker,
							  &demo->coordinator);
	if (!error)
		error = metafora_client_new(demo->coordinator,
					    metafora_log_stderr, NULL,
					    METAFORA_LOG_ERROR, &demo->client);
	if (error)
		return fail("cannot make a broker", error);
	demo->view = view_new();
	return demo->view ? 0 : fail("view", METAFORA_ENOMEM);
}

/* All nodes at a time: each may have to wait for its tasks. */
static void stop(struct demo *demo)
{
	size_t i;

	for (i = 0; i < demo->n_nodes; i++)
		demo_node_close(demo->nodes[i]);
	for (i = 0; i < demo->n_nodes; i++)
		demo_node_free(demo->nodes[i]);
	metafora_client_free(demo->client);
	metafora_coordinator_free(demo->coordinator);
	metafora_embedded_broker_free(demo->broker);
	view_free(demo->view);
	if (demo->journal_fd >= 0)
		close(demo->journal_fd);
	if (demo->signal_fd >= 0)
		close(demo->signal_fd);
}

static int check_journals(const struct demo *demo)
{
	const char *paths[N_NODES + 1];
	char texts[N_NODES + 1][PATH_BYTES];
	struct journal_verdict verdict;
	char name[32];
	size_t i;

	for (i = 0; i < N_NODES + 1; i++) {
		snprintf(name, sizeof(name), "%s.journal",
			 i < N_NODES ? names[i] : "client");
		if (make_path(demo, name, texts[i]))
			return -1;
		paths[i] = texts[i];
	}
	if (journal_check(paths, N_NODES + 1, stdout, &verdict))
		return -1;
	printf("check of the journals: %zu tasks, %zu runs, %zu cut off by "
	       "the death; ",
	       verdict.n_tasks, verdict.n_runs, verdict.n_unended);
	if (verdict.n_violations || verdict.n_tasks != N_TASKS) {
		printf("%zu violations: FAILED\n", verdict.n_violations);
		return -1;
	}
	printf("every task ran to its end, never two at a time: OK\n");
	return 0;
}

static int usage(FILE *out, int status)
{
	fprintf(out, "usage: metafora-demo FOLDER\n"
		     "Shows a cluster of nodes in one process.  Output of the "
		     "tasks, their status and the\nnodes' journals go to "
		     "FOLDER, which must be new or empty.  Exit status: 0 if "
		     "every\ntask ran to its end and never two at a time, 1 "
		     "if not, 130 if interrupted.\n");
	return status;
}

int main(int argc, char **argv)
{
	struct demo demo = {.journal_fd = -1, .signal_fd = -1};
	int failed;

	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		return usage(stdout, 0);
	if (argc != 2 || argv[1][0] == '-')
		return usage(stderr, 2);
	demo.directory = argv[1];
	failed = catch_signals(&demo) || open_directory(&demo) ||
		 open_broker(&demo) || tell(&demo);
	if (demo.is_interrupted)
		view_say(demo.view, "interrupted: stopping the nodes");
	release_signals(&demo);
	stop(&demo);
	if (demo.is_interrupted)
		return EXIT_INTERRUPTED;
	if (!failed)
		failed = check_journals(&demo);
	return failed ? 1 : 0;
}
