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

#include "demo_cluster.h"
#include "demo_picture.h"
#include "demo_view.h"
#include "journal.h"
#include "journal_check.h"

#define N_NODES 4
#define N_TASKS 30
/* Steps of a task, a second each: that many and up to three more. */
#define N_STEPS 8
/* How often the picture is taken. */
#define POLL_MS 40
/* What the story waits for: a step of it, the end of all tasks, all of it. */
#define STEP_LIMIT_MS 10000
#define END_LIMIT_MS 20000
#define STORY_LIMIT_MS 45000
/* How long a picture stands, so that it can be looked at. */
#define LOOK_MS 1500

#define NS_PER_MS 1000000u
#define EXIT_INTERRUPTED 130

/* The nodes; the first three from the start. */
enum { N1, N2, N3, N4 };
static const char *const names[N_NODES] = {"n1", "n2", "n3", "n4"};

struct demo {
	struct site site;
	struct cluster *cluster;
	struct metafora_client *client;
	struct view *view;
	uint64_t limit_ns; /* the story ends before */
	struct picture picture;
};

/* --- looking ------------------------------------------------------------------ */

static bool is_interrupted(const struct demo *demo, int wait_ms)
{
	struct pollfd signals = {.fd = demo->site.signal_fd, .events = POLLIN};

	return poll(&signals, 1, wait_ms) > 0;
}

/* Take and show a picture, then wait a moment.  All here return as ops do. */
static int look(struct demo *demo)
{
	const char *what;
	int error;

	/* First: what an interrupt from the terminal hit may have ended. */
	if (is_interrupted(demo, 0))
		return INTERRUPTED;
	if (demo->cluster->ops->check(demo->cluster))
		return FAILED;
	error = picture_take(&demo->picture, demo->client, &what);
	if (error)
		return fail_by(what, error);
	view_show(demo->view, &demo->picture);
	return is_interrupted(demo, POLL_MS) ? INTERRUPTED : 0;
}

static int look_for_ms(struct demo *demo, unsigned int ms)
{
	uint64_t until_ns = journal_now_ns() + (uint64_t)ms * NS_PER_MS;
	int result = 0;

	while (!result && journal_now_ns() < until_ns)
		result = look(demo);
	return result;
}

static int look_until(struct demo *demo, bool (*is_so)(const struct picture *),
		      unsigned int limit_ms, const char *what)
{
	uint64_t limit_ns = journal_now_ns() + (uint64_t)limit_ms * NS_PER_MS;
	int result;

	if (limit_ns > demo->limit_ns)
		limit_ns = demo->limit_ns;
	do {
		if (journal_now_ns() > limit_ns) {
			view_say(demo->view, "FAILED: waited in vain until %s",
				 what);
			return FAILED;
		}
		result = look(demo);
	} while (!result && !is_so(&demo->picture));
	return result;
}

/* --- the story ----------------------------------------------------------------- */

static int start_nodes(struct demo *demo, size_t first, size_t last)
{
	int result = 0;
	size_t i;

	for (i = first; i <= last && !result; i++) {
		result =
			demo->cluster->ops->start_node(demo->cluster, names[i]);
		if (!result)
			picture_add(&demo->picture, names[i]);
	}
	if (!result)
		result = look_until(demo, all_have_joined, STEP_LIMIT_MS,
				    "every node had joined");
	for (i = first; i <= last && !result; i++)
		view_say(demo->view, "%s has joined", names[i]);
	return result;
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

static int submit(struct demo *demo)
{
	static struct demo_task tasks[N_TASKS];
	int result;
	int i;

	for (i = 0; i < N_TASKS; i++) {
		snprintf(tasks[i].id, sizeof(tasks[i].id), "t%02d", i + 1);
		snprintf(tasks[i].command, sizeof(tasks[i].command),
			 task_command, N_STEPS + i % 4);
	}
	result = demo->cluster->ops->submit(demo->cluster, demo->client, tasks,
					    N_TASKS);
	if (result)
		return result;
	demo->picture.n_submitted = N_TASKS;
	view_say(demo->view,
		 "%d tasks are submitted, shell commands of %d to "
		 "%d seconds",
		 N_TASKS, N_STEPS, N_STEPS + 3);
	return 0;
}

static int let_it_die(struct demo *demo, const char *name)
{
	struct picture_row *row = picture_find(&demo->picture, name);
	double died_s = view_elapsed_s(demo->view);
	size_t n_tasks = row->n_tasks;
	int result = demo->cluster->ops->kill_node(demo->cluster, name);

	if (result)
		return result;
	row->is_dead = true;
	view_say(demo->view, "%s dies without warning, with %zu tasks", name,
		 n_tasks);
	result = look_until(demo, every_task_has_a_living_owner, STEP_LIMIT_MS,
			    "the tasks of the dead node were taken over");
	if (!result)
		view_say(demo->view,
			 "its tasks have new owners %.2f s after its death "
			 "(session timeout %.1f s)",
			 view_elapsed_s(demo->view) - died_s,
			 SESSION_TIMEOUT_MS / 1000.0);
	return result;
}

static int let_one_join(struct demo *demo, size_t i)
{
	int result = start_nodes(demo, i, i);
	double joined_s = view_elapsed_s(demo->view);

	if (!result)
		result = look_until(demo, the_load_is_even, STEP_LIMIT_MS,
				    "the load was even");
	if (!result)
		view_say(demo->view,
			 "the load is even %.2f s after that: nodes differ by "
			 "%zu",
			 view_elapsed_s(demo->view) - joined_s,
			 picture_spread(&demo->picture));
	return result;
}

static int tell(struct demo *demo)
{
	/* Our client comes first, for it says how the namespace is made. */
	int result = look(demo);

	if (!result)
		result = start_nodes(demo, N1, N3);
	if (!result)
		result = submit(demo);
	if (!result)
		result = look_until(demo, the_load_is_even, STEP_LIMIT_MS,
				    "every task ran");
	if (!result)
		view_say(demo->view, "every task runs, nodes differ by %zu",
			 picture_spread(&demo->picture));
	if (!result)
		result = look_for_ms(demo, LOOK_MS);
	if (!result)
		result = let_it_die(demo, names[N2]);
	if (!result)
		result = look_for_ms(demo, LOOK_MS);
	if (!result)
		result = let_one_join(demo, N4);
	if (!result)
		result = look_until(demo, every_task_is_done, END_LIMIT_MS,
				    "every task was done");
	if (!result)
		view_say(demo->view, "every task is done");
	return result;
}

/* --- before and after ------------------------------------------------------------ */

/*
 * Take the signals that end a program as descriptor events, in every thread
 * that will be started.
 */
static int catch_signals(struct site *site)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	site->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return site->signal_fd < 0 ? fail("signals", strerror(errno)) : 0;
}

/* From here on a signal, but not the one already taken, ends us at once. */
static void release_signals(const struct site *site)
{
	struct signalfd_siginfo info;
	sigset_t none;

	while (site->signal_fd >= 0 &&
	       read(site->signal_fd, &info, sizeof(info)) > 0)
		;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Its journals must be this run's alone. */
static int open_directory(struct site *site)
{
	char path[PATH_BYTES];

	if ((mkdir(site->directory, 0777) && errno != EEXIST) ||
	    site_path(site, "out", "", path) || mkdir(path, 0777)) {
		fprintf(stderr,
			"metafora-demo: %s: %s (a new or empty folder is "
			"needed)\n",
			site->directory, strerror(errno));
		return FAILED;
	}
	if (site_path(site, "client", ".journal", path))
		return FAILED;
	/* For the tasks. */
	if (setenv("METAFORA_DEMO", site->directory, 1))
		return fail("environment", strerror(errno));
	site->journal_fd = journal_open(path);
	return site->journal_fd < 0 ? fail(path, strerror(errno)) : 0;
}

static int open_cluster(struct demo *demo, const struct cluster_ops *ops)
{
	int result;
	int error;

	demo->view = view_new();
	if (!demo->view)
		return fail("view", strerror(ENOMEM));
	demo->cluster = ops->new (&demo->site);
	result = demo->cluster ? ops->open(demo->cluster) : FAILED;
	if (result)
		return result;
	view_say(demo->view, "%s", demo->cluster->broker);
	error = metafora_client_new(demo->cluster->coordinator,
				    metafora_log_stderr, NULL,
				    METAFORA_LOG_ERROR, &demo->client);
	return error ? fail_by("client", error) : 0;
}

static void stop(struct demo *demo)
{
	metafora_client_free(demo->client);
	if (demo->cluster)
		demo->cluster->ops->free(demo->cluster);
	view_free(demo->view);
	if (demo->site.journal_fd >= 0)
		close(demo->site.journal_fd);
	if (demo->site.signal_fd >= 0)
		close(demo->site.signal_fd);
}

static int check_journals(const struct site *site)
{
	const char *paths[N_NODES + 1];
	char texts[N_NODES + 1][PATH_BYTES];
	struct journal_verdict verdict;
	size_t i;

	for (i = 0; i < N_NODES + 1; i++) {
		if (site_path(site, i < N_NODES ? names[i] : "client",
			      ".journal", texts[i]))
			return FAILED;
		paths[i] = texts[i];
	}
	if (journal_check(paths, N_NODES + 1, stdout, &verdict))
		return FAILED;
	printf("check of the journals: %zu tasks, %zu runs, %zu cut off by "
	       "the death; ",
	       verdict.n_tasks, verdict.n_runs, verdict.n_unended);
	if (verdict.n_violations || verdict.n_tasks != N_TASKS) {
		printf("%zu violations: FAILED\n", verdict.n_violations);
		return FAILED;
	}
	printf("every task ran to its end, never two at a time: OK\n");
	return 0;
}

static int usage(FILE *out, int status)
{
	fprintf(out,
		"usage: metafora-demo [--zookeeper PROGRAMS] FOLDER\n\n"
		"Shows a cluster: of nodes in this process; or, with the "
		"folder of our other\nprograms, of processes on a private "
		"ZooKeeper server.  Output of the tasks, their\nstatus and "
		"the nodes' journals go to FOLDER, which must be new or "
		"empty.  Exit\nstatus: 0 if every task ran to its end and "
		"never two at a time, 1 if not, 130 if\ninterrupted.\n");
	return status;
}

static int run(struct demo *demo)
{
	const struct cluster_ops *ops =
		demo->site.programs ? &zookeeper_cluster : &embedded_cluster;
	int result = catch_signals(&demo->site);

	demo->limit_ns =
		journal_now_ns() + (uint64_t)STORY_LIMIT_MS * NS_PER_MS;
	if (!result)
		result = open_directory(&demo->site);
	if (!result)
		result = open_cluster(demo, ops);
	if (!result)
		result = tell(demo);
	if (result == INTERRUPTED)
		view_say(demo->view, "interrupted: stopping the nodes");
	release_signals(&demo->site);
	stop(demo);
	if (!result)
		result = check_journals(&demo->site);
	return result == INTERRUPTED ? EXIT_INTERRUPTED : result ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct demo demo = {.site = {.journal_fd = -1, .signal_fd = -1}};

	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		return usage(stdout, 0);
	if (argc == 4 && !strcmp(argv[1], "--zookeeper"))
		demo.site.programs = argv[2];
	else if (argc != 2)
		return usage(stderr, 2);
	demo.site.directory = argv[argc - 1];
	if (demo.site.directory[0] == '-')
		return usage(stderr, 2);
	return run(&demo);
}
