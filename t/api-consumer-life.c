/* SPDX-License-Identifier: Apache-2.0 */
/* Lives of consumers on the embedded broker, with threads. */
#include <dirent.h>
#include <fcntl.h>
#include <metafora.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "canned_node.h"
#include "scene.h"
#include "tap.h"

#define SESSION_MS 10000
/* For cases that wait until a session is over. */
#define SHORT_SESSION_MS 1000
#define N_TASKS 24

static void setup(void)
{
	scene_open(SESSION_MS);
}

static void teardown(void)
{
	scene_close();
}

static void use_short_sessions(void)
{
	scene_close();
	scene_open(SHORT_SESSION_MS);
}

static void command(struct metafora_consumer *consumer, const char *name,
		    const char *argument)
{
	CU_ASSERT_EQUAL(
		metafora_consumer_command(consumer, name, argument, LONG_MS),
		0);
}

static void submit(const char *id, const char *manner)
{
	CU_ASSERT_EQUAL(scene_submit(id, manner), 0);
}

static size_t n_listed(void)
{
	struct metafora_listing *listing = NULL;
	size_t n;

	CU_ASSERT_EQUAL_FATAL(metafora_client_list(scene.client, NULL, NULL, 0,
						   LONG_MS, &listing),
			      0);
	n = metafora_listing_size(listing);
	metafora_listing_free(listing);
	return n;
}

/* --- handlers --------------------------------------------------------------- */

/* A task that is done is gone; one that is released runs again. */
static void live(struct metafora_handler *handler)
{
	struct metafora_consumer *consumer = scene_new("n1", handler);

	metafora_consumer_set_release_backoff_ms(consumer, 1, 2);
	CU_ASSERT_EQUAL_FATAL(metafora_consumer_start(consumer, LONG_MS), 0);
	submit("once", "done");
	CU_ASSERT_TRUE(scene_wait_ended("once", 1));
	submit("again", "");
	CU_ASSERT_TRUE(scene_wait_running("again", "n1"));
	command(consumer, "stop_task", "again");
	CU_ASSERT_TRUE(scene_wait_ended("again", 1));
	CU_ASSERT_EQUAL(scene_run("again")->reason, METAFORA_STOP_COMMAND);
	CU_ASSERT_TRUE(scene_wait_running("again", "n1"));
	submit("last", "finish");
	CU_ASSERT_TRUE(scene_wait_running("last", "n1"));
	command(consumer, "stop_task", "last");
	CU_ASSERT_TRUE(scene_wait_ended("last", 1));
	submit("flighty", "release");
	CU_ASSERT_TRUE(scene_wait_ended("flighty", 3));
	CU_ASSERT_EQUAL(
		metafora_client_delete(scene.client, "again", LONG_MS), 0);
	CU_ASSERT_EQUAL(scene_run("again")->reason, METAFORA_STOP_DELETED);
	CU_ASSERT_EQUAL(metafora_consumer_stop(consumer), 0);
	CU_ASSERT_EQUAL(scene_n_runs("once"), 1);
	CU_ASSERT_EQUAL(scene_n_runs("last"), 1);
	CU_ASSERT_EQUAL(n_listed(), 1); /* flighty */
	metafora_consumer_free(consumer);
}

static void threaded_handlers_run_stop_and_finish(void)
{
	live(scene.threaded);
}

static void asynchronous_handlers_run_stop_and_finish(void)
{
	live(scene.async);
}

static void a_refused_task_is_released(void)
{
	struct metafora_consumer *consumer = scene_new("n1", scene.async);

	metafora_consumer_set_release_backoff_ms(consumer, 1, 2);
	CU_ASSERT_EQUAL_FATAL(metafora_consumer_start(consumer, LONG_MS), 0);
	submit("no", "refuse");
	CU_ASSERT_TRUE(scene_wait_ended("no", 2));
	metafora_consumer_free(consumer);
	CU_ASSERT_EQUAL(n_listed(), 1);
}

/* --- several ------------------------------------------------------------------ */

static unsigned int n_live(const char *node)
{
	const struct scene_run *run;
	unsigned int n = 0;

	for (run = scene.runs; run; run = run->next)
		n += run->task && (!node || !strcmp(run->node, node));
	return n;
}

static bool are_even(void *arg)
{
	const char *const *nodes = arg;
	unsigned int low = UINT32_MAX, high = 0;

	for (; *nodes; nodes++) {
		unsigned int n = n_live(*nodes);

		low = n < low ? n : low;
		high = n > high ? n : high;
	}
	return n_live(NULL) == N_TASKS && high <= low + 1;
}

static void several_consumers_and_clients_share_a_process(void)
{
	static const char *all[] = {"n1", "n2", "n3", NULL};
	static const char *rest[] = {"n1", "n3", NULL};
	struct metafora_consumer *consumers[3];
	struct metafora_client *other = NULL;
	char id[16];
	int i;

	CU_ASSERT_EQUAL_FATAL(metafora_client_new(scene.coordinator, NULL, NULL,
						  METAFORA_LOG_ERROR, &other),
			      0);
	for (i = 0; i < 3; i++)
		consumers[i] = scene_start(all[i], i == 1 ? scene.threaded
							  : scene.async);
	for (i = 0; i < N_TASKS; i++) {
		snprintf(id, sizeof(id), "t%d", i);
		CU_ASSERT_EQUAL(
			metafora_client_submit(i % 2 ? other : scene.client, id,
					       "", 0, LONG_MS),
			0);
	}
	CU_ASSERT_TRUE(scene_wait(are_even, all, LONG_MS));
	CU_ASSERT_EQUAL(metafora_consumer_stop(consumers[1]), 0);
	CU_ASSERT_TRUE(scene_wait(are_even, rest, LONG_MS));
	for (i = 0; i < 3; i++)
		metafora_consumer_free(consumers[i]);
	metafora_client_free(other);
	CU_ASSERT_EQUAL(n_listed(), N_TASKS);
}

/* --- what it shows ------------------------------------------------------------ */

static void check_row(const struct metafora_task_list *list, size_t i,
		      const char *id, uint64_t not_before_ns)
{
	const struct scene_run *run = scene_run(id);

	CU_ASSERT_PTR_NOT_NULL_FATAL(metafora_task_list_id(list, i));
	CU_ASSERT_STRING_EQUAL(metafora_task_list_id(list, i), id);
	CU_ASSERT_EQUAL(metafora_task_list_token(list, i), run->token);
	CU_ASSERT_TRUE(metafora_task_list_started_ns(list, i) >= not_before_ns);
	CU_ASSERT_TRUE(metafora_task_list_started_ns(list, i) <=
		       run->began_ns);
	CU_ASSERT_EQUAL(metafora_task_list_until_ns(list, i), 0);
}

static struct metafora_task_list *tasks_of(struct metafora_consumer *consumer)
{
	struct metafora_task_list *list = NULL;

	CU_ASSERT_EQUAL_FATAL(metafora_consumer_tasks(consumer, LONG_MS, &list),
			      0);
	return list;
}

static void tasks_are_sorted_with_their_times(void)
{
	struct metafora_consumer *consumer = scene_start("n1", scene.threaded);
	uint64_t before_ns = scene_now_ns();
	struct metafora_task_list *list;
	uint64_t stopped_ns;

	submit("job2", "");
	submit("Job", "");
	submit("job10", "stubborn");
	submit("job1", "");
	CU_ASSERT_TRUE(scene_wait_running("job2", NULL));
	CU_ASSERT_TRUE(scene_wait_running("Job", NULL));
	CU_ASSERT_TRUE(scene_wait_running("job10", NULL));
	CU_ASSERT_TRUE(scene_wait_running("job1", NULL));
	list = tasks_of(consumer);
	CU_ASSERT_EQUAL_FATAL(metafora_task_list_size(list), 4);
	check_row(list, 0, "Job", before_ns);
	check_row(list, 1, "job1", before_ns);
	check_row(list, 2, "job10", before_ns);
	check_row(list, 3, "job2", before_ns);
	CU_ASSERT_EQUAL(metafora_task_list_stopped_ns(list, 2), 0);
	metafora_task_list_free(list);

	before_ns = scene_now_ns();
	command(consumer, "stop_task", "job10");
	list = tasks_of(consumer);
	stopped_ns = metafora_task_list_stopped_ns(list, 2);
	CU_ASSERT_TRUE(stopped_ns >= before_ns);
	CU_ASSERT_TRUE(stopped_ns <= scene_now_ns());
	CU_ASSERT_EQUAL(metafora_task_list_stopped_ns(list, 1), 0);
	metafora_task_list_free(list);
	/* The first stop counts. */
	command(consumer, "stop_task", "job10");
	list = tasks_of(consumer);
	CU_ASSERT_EQUAL(metafora_task_list_stopped_ns(list, 2), stopped_ns);
	metafora_task_list_free(list);
	scene_let_go(NULL);
	metafora_consumer_free(consumer);
}

static void ignored_tasks_are_sorted_with_their_times(void)
{
	struct metafora_consumer *consumer = scene_new("n1", scene.threaded);
	struct metafora_task_list *list = NULL;
	uint64_t before_ns = scene_now_ns();
	size_t i;

	metafora_consumer_set_release_backoff_ms(consumer, 3600000, 3600000);
	CU_ASSERT_EQUAL_FATAL(metafora_consumer_start(consumer, LONG_MS), 0);
	submit("b", "release");
	submit("a", "release");
	submit("c", "");
	CU_ASSERT_TRUE(scene_wait_ended("a", 1));
	CU_ASSERT_TRUE(scene_wait_ended("b", 1));
	CU_ASSERT_TRUE(scene_wait_running("c", NULL));
	CU_ASSERT_EQUAL_FATAL(
		metafora_consumer_ignored(consumer, LONG_MS, &list), 0);
	CU_ASSERT_EQUAL_FATAL(metafora_task_list_size(list), 2);
	CU_ASSERT_STRING_EQUAL(metafora_task_list_id(list, 0), "a");
	CU_ASSERT_STRING_EQUAL(metafora_task_list_id(list, 1), "b");
	for (i = 0; i < 2; i++) {
		/* An hour less a quarter. */
		CU_ASSERT_TRUE(metafora_task_list_until_ns(list, i) >
			       before_ns + UINT64_C(2600000000000));
		CU_ASSERT_EQUAL(metafora_task_list_started_ns(list, i), 0);
	}
	metafora_task_list_free(list);
	metafora_consumer_free(consumer);
}

static void tasks_that_the_balancer_refuses_are_ignored(void)
{
	struct canned_balancer state = {0};
	struct metafora_consumer *consumer = NULL;
	struct metafora_task_list *list = NULL;

	CU_ASSERT_EQUAL_FATAL(metafora_consumer_new("n1", scene.coordinator,
						    canned_balancer(&state),
						    scene.async, &consumer),
			      0);
	CU_ASSERT_EQUAL_FATAL(metafora_consumer_start(consumer, LONG_MS), 0);
	submit("a", "");
	do {
		metafora_task_list_free(list);
		CU_ASSERT_EQUAL_FATAL(
			metafora_consumer_ignored(consumer, LONG_MS, &list), 0);
	} while (metafora_task_list_size(list) == 0);
	CU_ASSERT_STRING_EQUAL(metafora_task_list_id(list, 0), "a");
	CU_ASSERT_EQUAL(metafora_task_list_until_ns(list, 0), 0);
	metafora_task_list_free(list);
	metafora_consumer_free(consumer);
	CU_ASSERT_EQUAL(scene_n_runs("a"), 0);
}

struct seen {
	unsigned int n_calls;
	size_t n_members, n_tasks;
	char owner[16];
	double weight;
	uint64_t capacity;
	bool self;
};

static void see(void *arg, const struct metafora_cluster *cluster)
{
	struct seen *seen = arg;
	const struct metafora_member *n1 =
		metafora_cluster_find_member(cluster, "n1");
	const struct metafora_cluster_task *task =
		metafora_cluster_find_task(cluster, "a");
	const char *owner = task ? metafora_cluster_task_owner(task) : NULL;

	seen->n_calls++;
	seen->n_members = metafora_cluster_n_members(cluster);
	seen->n_tasks = metafora_cluster_n_tasks(cluster);
	snprintf(seen->owner, sizeof(seen->owner), "%s", owner ? owner : "");
	seen->weight = n1 ? metafora_member_weight(n1) : 0;
	seen->capacity = n1 ? metafora_member_capacity(n1) : 0;
	seen->self = n1 && metafora_cluster_self(cluster) == n1;
}

static void inspect_shows_the_cluster(void)
{
	struct metafora_consumer *consumer = scene_new("n1", scene.threaded);
	struct metafora_consumer *other;
	struct seen seen;

	metafora_consumer_set_weight(consumer, 2.5);
	metafora_consumer_set_max_tasks(consumer, 7);
	CU_ASSERT_EQUAL_FATAL(metafora_consumer_start(consumer, LONG_MS), 0);
	submit("a", "");
	CU_ASSERT_TRUE(scene_wait_running("a", "n1"));
	other = scene_start("n2", scene.threaded);
	do {
		seen = (struct seen){0};
		CU_ASSERT_EQUAL_FATAL(metafora_consumer_inspect(
					      consumer, see, &seen, LONG_MS),
				      0);
	} while (seen.n_members < 2 || !seen.owner[0]);
	CU_ASSERT_EQUAL(seen.n_calls, 1);
	CU_ASSERT_EQUAL(seen.n_members, 2);
	CU_ASSERT_EQUAL(seen.n_tasks, 1);
	CU_ASSERT_STRING_EQUAL(seen.owner, "n1");
	CU_ASSERT_EQUAL(seen.weight, 2.5);
	CU_ASSERT_EQUAL(seen.capacity, 7);
	CU_ASSERT_TRUE(seen.self);
	metafora_consumer_free(other);
	metafora_consumer_free(consumer);
}

/* --- commands ------------------------------------------------------------------ */

static void check_command(const char *name, const char *argument, int error,
			  const char *text)
{
	char *result = NULL;

	CU_ASSERT_EQUAL(metafora_client_command(scene.client, "n1", name,
						argument, LONG_MS, &result),
			error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(result);
	CU_ASSERT_STRING_EQUAL(result, text);
	free(result);
}

static void the_application_answers_its_own_commands(void)
{
	struct metafora_consumer *consumer = scene_new("n1", scene.async);

	metafora_consumer_set_command_handler(consumer, canned_command, NULL);
	CU_ASSERT_EQUAL_FATAL(metafora_consumer_start(consumer, LONG_MS), 0);
	check_command("succeed", "caf\xc3\xa9", 0, "caf\xc3\xa9");
	check_command("succeed", NULL, 0, "");
	check_command("fail", NULL, METAFORA_EBUSY, "not today");
	check_command("freeze", NULL, 0, "");
	check_command("stop_task", "none", METAFORA_ENOENT,
		      metafora_strerror(METAFORA_ENOENT));
	metafora_consumer_free(consumer);
}

static void an_unknown_command_is_logged_and_refused(void)
{
	struct metafora_consumer *consumer = scene_new("n1", scene.async);

	metafora_consumer_set_command_handler(consumer, canned_command, NULL);
	CU_ASSERT_EQUAL_FATAL(metafora_consumer_start(consumer, LONG_MS), 0);
	check_command("dance", NULL, METAFORA_ENOTSUP,
		      metafora_strerror(METAFORA_ENOTSUP));
	CU_ASSERT_TRUE(scene_wait_line("command=dance", "result=ENOTSUP"));
	metafora_consumer_free(consumer);
}

/* --- handlers that do not stop ------------------------------------------------- */

static void a_shutdown_leaves_without_a_handler_that_ignores_it(void)
{
	struct metafora_consumer *consumer, *other;
	const struct scene_run *first;

	use_short_sessions();
	consumer = scene_new("n1", scene.threaded);
	metafora_consumer_set_shutdown_grace_ms(consumer, 50);
	CU_ASSERT_EQUAL_FATAL(metafora_consumer_start(consumer, LONG_MS), 0);
	submit("a", "stubborn");
	CU_ASSERT_TRUE(scene_wait_running("a", "n1"));
	first = scene_run("a");
	other = scene_start("n2", scene.threaded);
	CU_ASSERT_EQUAL(metafora_consumer_stop(consumer), METAFORA_EBUSY);
	CU_ASSERT_EQUAL(metafora_consumer_stop(consumer), METAFORA_ESTOPPED);
	CU_ASSERT_TRUE(scene_wait_running("a", "n2"));
	/* Not before the deadline that the first one had been shown. */
	CU_ASSERT_TRUE(first->deadline_ns > 0);
	CU_ASSERT_TRUE(scene_run("a")->began_ns >= first->deadline_ns);
	CU_ASSERT_TRUE(scene_run("a")->token > first->token);
	CU_ASSERT_FALSE(first->end_called);
	/* It is told by name for as long as it runs. */
	CU_ASSERT_TRUE(scene_wait_line("handler does not stop task=a "
				       "reason=shutdown",
				       "node=n1"));
	scene_let_go("a");
	metafora_consumer_free(consumer);
	CU_ASSERT_TRUE(first->end_called);
	scene_let_go(NULL);
	metafora_consumer_free(other);
}

static void a_handler_that_ignores_a_stop_holds_up_nothing_else(void)
{
	struct metafora_consumer *consumer;

	use_short_sessions();
	consumer = scene_start("n1", scene.threaded);
	submit("a", "stubborn");
	submit("b", "");
	CU_ASSERT_TRUE(scene_wait_running("a", "n1"));
	CU_ASSERT_TRUE(scene_wait_running("b", "n1"));
	command(consumer, "stop_task", "a");
	CU_ASSERT_TRUE(scene_wait_line("handler does not stop task=a "
				       "reason=command",
				       "node=n1"));
	command(consumer, "stop_task", "b");
	CU_ASSERT_TRUE(scene_wait_ended("b", 1));
	CU_ASSERT_TRUE(scene_wait_running("b", "n1"));
	submit("c", "done");
	CU_ASSERT_TRUE(scene_wait_ended("c", 1));
	CU_ASSERT_EQUAL(scene_n_runs("a"), 1);
	scene_let_go("a");
	CU_ASSERT_TRUE(scene_wait_ended("a", 1));
	scene_let_go(NULL);
	metafora_consumer_free(consumer);
}

/* Its handler runs on: the node must leave the task alone until it is over. */
static void a_task_is_not_claimed_again_while_its_handler_runs(void)
{
	struct metafora_consumer *consumer;

	use_short_sessions();
	consumer = scene_start("n1", scene.threaded);
	submit("a", "stubborn");
	CU_ASSERT_TRUE(scene_wait_running("a", "n1"));
	CU_ASSERT_EQUAL(metafora_embedded_expire(scene.broker, "n1"), 0);
	/* What comes later is claimed by the new session. */
	submit("b", "");
	CU_ASSERT_TRUE(scene_wait_running("b", "n1"));
	CU_ASSERT_TRUE(scene_wait_line("session lost", NULL));
	submit("c", "done");
	CU_ASSERT_TRUE(scene_wait_ended("c", 1));
	CU_ASSERT_EQUAL(scene_n_runs("a"), 1);
	scene_let_go("a");
	CU_ASSERT_TRUE(scene_wait_ended("a", 2));
	CU_ASSERT_EQUAL(metafora_consumer_stop(consumer), 0);
	metafora_consumer_free(consumer);
}

static void lost_policy_wait_names_the_handler_and_waits(void)
{
	struct metafora_consumer *consumer, *other;

	use_short_sessions();
	consumer = scene_start("n1", scene.threaded);
	submit("a", "stubborn");
	CU_ASSERT_TRUE(scene_wait_running("a", "n1"));
	other = scene_start("n2", scene.threaded);
	metafora_embedded_cut(scene.broker, "n1", true);
	CU_ASSERT_TRUE(scene_wait_line("handler still runs after its lease has "
				       "ended policy=wait task=a",
				       "node=n1"));
	CU_ASSERT_TRUE(scene_wait_running("a", "n2"));
	metafora_embedded_cut(scene.broker, "n1", false);
	scene_let_go(NULL);
	/* It goes on as one of the two. */
	submit("b", "");
	submit("c", "");
	CU_ASSERT_TRUE(scene_wait_running("b", NULL));
	CU_ASSERT_TRUE(scene_wait_running("c", NULL));
	metafora_consumer_free(consumer);
	metafora_consumer_free(other);
}

/* The child: comes back only if the policy does not end it. */
static void be_aborted(void)
{
	const struct rlimit no_core = {0, 0};
	struct metafora_consumer *consumer;

	setrlimit(RLIMIT_CORE, &no_core);
	alarm(LONG_MS / 1000);
	scene_open(SHORT_SESSION_MS);
	consumer = scene_new("n1", scene.threaded);
	metafora_consumer_set_log(consumer, NULL, NULL, METAFORA_LOG_ERROR);
	metafora_consumer_set_lost_policy(consumer, METAFORA_LOST_ABORT);
	metafora_consumer_start(consumer, LONG_MS);
	scene_submit("a", "stubborn");
	if (!scene_wait_running("a", "n1"))
		_exit(2);
	metafora_embedded_cut(scene.broker, "n1", true);
	scene_wait_ended("a", 1);
	_exit(1);
}

static void lost_policy_abort_ends_the_process(void)
{
	int status = 0;
	pid_t child;

	/* Forked while there is one thread only. */
	scene_close();
	fflush(stdout);
	child = fork();
	if (child == 0) {
		/* Should an assertion jump out of here, nobody hears of it. */
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null, STDOUT_FILENO);
		be_aborted();
	}
	CU_ASSERT_TRUE_FATAL(child > 0);
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT_TRUE(WIFSIGNALED(status));
	CU_ASSERT_EQUAL(WTERMSIG(status), SIGABRT);
	scene_open(SESSION_MS);
}

static void a_blocked_loop_loses_its_tasks_to_another_node(void)
{
	struct metafora_consumer *consumer, *other;

	use_short_sessions();
	consumer = scene_start("n1", scene.async);
	submit("a", "");
	CU_ASSERT_TRUE(scene_wait_running("a", "n1"));
	submit("b", "block");
	CU_ASSERT_TRUE(scene_wait_running("b", "n1"));
	/* To a threaded handler there is nothing special about it. */
	other = scene_start("n2", scene.threaded);
	CU_ASSERT_TRUE(scene_wait_line("loop is stuck", "node=n1"));
	CU_ASSERT_TRUE(scene_wait_running("a", "n2"));
	CU_ASSERT_TRUE(scene_wait_running("b", "n2"));
	scene_let_go("b");
	CU_ASSERT_TRUE(scene_wait_line("loop runs again", "node=n1"));
	CU_ASSERT_TRUE(scene_wait_line("slow callback callback=start",
				       "task=b"));
	CU_ASSERT_EQUAL(metafora_consumer_stop(other), 0);
	/* It has joined again, and takes over. */
	CU_ASSERT_TRUE(scene_wait_running("a", "n1"));
	CU_ASSERT_TRUE(scene_wait_running("b", "n1"));
	metafora_consumer_free(consumer);
	metafora_consumer_free(other);
}

/* --- logs ------------------------------------------------------------------------ */

/* A short life in which something goes wrong, too. */
static void live_oddly(struct metafora_consumer *consumer)
{
	CU_ASSERT_EQUAL_FATAL(metafora_consumer_start(consumer, LONG_MS), 0);
	submit("a b=c\nd\xff", "");
	submit("x", "done");
	CU_ASSERT_TRUE(scene_wait_running("a b=c\nd\xff", NULL));
	CU_ASSERT_TRUE(scene_wait_ended("x", 1));
	metafora_consumer_command(consumer, "dance now=1\n", NULL, LONG_MS);
	metafora_embedded_expire(scene.broker, metafora_consumer_node(consumer));
	CU_ASSERT_TRUE(scene_wait_ended("a b=c\nd\xff", 1));
	CU_ASSERT_TRUE(scene_wait_running("a b=c\nd\xff", NULL));
	metafora_consumer_free(consumer);
}

static void log_lines_are_a_phrase_and_keys_with_values(void)
{
	const struct scene_line *line;
	unsigned int n = 0;
	regex_t form;

	CU_ASSERT_EQUAL_FATAL(
		regcomp(&form,
			"^[A-Za-z' ,:-]+"
			"( [a-z_]+=(\"[^\"]*\"|[^ \"=]*))+$",
			REG_EXTENDED | REG_NOSUB),
		0);
	live_oddly(scene_new("n 1=\n", scene.async));
	for (line = scene.lines; line; line = line->next, n++) {
		if (regexec(&form, line->text, 0, NULL, 0) ||
		    !strstr(line->text, " node=n%201%3D%0A")) {
			CU_FAIL("a line is not well-formed");
			tap_note("%s", line->text);
		}
		CU_ASSERT_PTR_NOT_NULL(metafora_log_level_name(line->level));
	}
	CU_ASSERT_TRUE(n >= 10);
	regfree(&form);
}

static void a_level_leaves_out_what_is_below(void)
{
	struct metafora_consumer *consumer = scene_new("n1", scene.async);
	const struct scene_line *line;

	metafora_consumer_set_log(consumer, scene_log, NULL, METAFORA_LOG_WARN);
	live_oddly(consumer);
	CU_ASSERT_PTR_NOT_NULL(scene.lines);
	for (line = scene.lines; line; line = line->next)
		CU_ASSERT_TRUE(line->level <= METAFORA_LOG_WARN);
}

static void the_library_is_silent_by_default(void)
{
	struct metafora_consumer *consumer = NULL;
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fflush(stdout);
	dup2(fileno(file), STDERR_FILENO);
	CU_ASSERT_EQUAL(metafora_consumer_new("n1", scene.coordinator, NULL,
					      scene.async, &consumer),
			0);
	live_oddly(consumer);
	dup2(saved, STDERR_FILENO);
	close(saved);
	CU_ASSERT_EQUAL(lseek(fileno(file), 0, SEEK_END), 0);
	fclose(file);
}

/* --- leaks ----------------------------------------------------------------------- */

static unsigned int n_entries(const char *path)
{
	DIR *dir = opendir(path);
	unsigned int n = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* A thread that was joined may be seen in /proc a little longer. */
static bool has_threads(void *arg)
{
	const unsigned int *n = arg;

	return n_entries("/proc/self/task") <= *n;
}

static void a_hundred_lives_leave_nothing_behind(void)
{
	unsigned int n_fds = n_entries("/proc/self/fd");
	unsigned int n_threads = n_entries("/proc/self/task");
	unsigned int i;

	submit("a", "");
	for (i = 1; i <= 100; i++) {
		struct metafora_consumer *consumer =
			scene_start("n1", i % 2 ? scene.threaded : scene.async);

		CU_ASSERT_TRUE(scene_wait_running("a", "n1"));
		metafora_consumer_free(consumer);
		CU_ASSERT_EQUAL(scene_n_runs("a"), i);
	}
	CU_ASSERT_EQUAL(n_entries("/proc/self/fd"), n_fds);
	for (i = 0; i < 1000 && !scene_wait(has_threads, &n_threads, 10); i++)
		;
	CU_ASSERT_TRUE(has_threads(&n_threads));
}

static const struct tap_case cases[] = {
	{"threaded handlers run, stop and finish",
	 threaded_handlers_run_stop_and_finish},
	{"asynchronous handlers run, stop and finish",
	 asynchronous_handlers_run_stop_and_finish},
	{"a refused task is released", a_refused_task_is_released},
	{"several consumers and clients share a process",
	 several_consumers_and_clients_share_a_process},
	{"tasks are sorted, with their times",
	 tasks_are_sorted_with_their_times},
	{"ignored tasks are sorted, with their times",
	 ignored_tasks_are_sorted_with_their_times},
	{"tasks that the balancer refuses are ignored",
	 tasks_that_the_balancer_refuses_are_ignored},
	{"inspect shows the cluster", inspect_shows_the_cluster},
	{"the application answers its own commands",
	 the_application_answers_its_own_commands},
	{"an unknown command is logged and refused",
	 an_unknown_command_is_logged_and_refused},
	{"a shutdown leaves without a handler that ignores it",
	 a_shutdown_leaves_without_a_handler_that_ignores_it},
	{"a handler that ignores a stop holds up nothing else",
	 a_handler_that_ignores_a_stop_holds_up_nothing_else},
	{"a task is not claimed again while its handler runs",
	 a_task_is_not_claimed_again_while_its_handler_runs},
	{"lost policy wait names the handler and waits",
	 lost_policy_wait_names_the_handler_and_waits},
	{"lost policy abort ends the process",
	 lost_policy_abort_ends_the_process},
	{"a blocked loop loses its tasks to another node",
	 a_blocked_loop_loses_its_tasks_to_another_node},
	{"log lines are a phrase, and keys with values",
	 log_lines_are_a_phrase_and_keys_with_values},
	{"a level leaves out what is below", a_level_leaves_out_what_is_below},
	{"the library is silent by default", the_library_is_silent_by_default},
	{"a hundred lives leave nothing behind",
	 a_hundred_lives_leave_nothing_behind},
};

TAP_MAIN(cases, setup, teardown)
