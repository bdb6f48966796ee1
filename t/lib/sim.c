/* SPDX-License-Identifier: Apache-2.0 */
/* A whole cluster on the virtual clock, and a checker of its promises. */
#include "sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "tap.h"

#define POLL_MS 100
#define REQUEST_MS 600000

static uint64_t now_ns(const struct sim *sim)
{
	return world_now_ns(sim->world);
}

uint64_t sim_between(struct sim *sim, uint64_t low, uint64_t high)
{
	return mf_prng_between(&sim->prng, low, high);
}

static bool chance(struct sim *sim, unsigned int percent)
{
	return sim_between(sim, 0, 99) < percent;
}

__attribute__((format(printf, 2, 3))) static void
broken(struct sim *sim, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	tap_note("at %.6f s: %s", now_ns(sim) / 1e9, text);
	sim->n_broken++;
}

/* --- the checker ---------------------------------------------------------------- */

/*
 * A run believes while its handler has not returned, its node lives, and the
 * deadline that the handler can read has not passed.
 */
static bool believes(const struct sim *sim, const struct sim_job *job)
{
	return job->task && job->node->alive &&
	       now_ns(sim) < metafora_task_lease_deadline_ns(job->task);
}

/* P1: after every step, since a deadline may move as well. */
static void probe(void *arg)
{
	struct sim *sim = arg;
	struct sim_task *task, *tmp;

	if (!sim->n_contested)
		return;
	HASH_ITER(hh, sim->tasks, task, tmp) {
		struct sim_job *first = NULL;
		struct sim_job *job;

		LIST_FOREACH(job, &task->live, in_task)
		{
			if (!believes(sim, job))
				continue;
			if (first)
				broken(sim, "two believe in %s: %s and %s",
				       task->id, first->node->name,
				       job->node->name);
			first = job;
		}
	}
}

static bool is_contested(const struct sim_task *task)
{
	const struct sim_job *first = LIST_FIRST(&task->live);

	return first && LIST_NEXT(first, in_task);
}

static void add_live(struct sim *sim, struct sim_task *task,
		     struct sim_job *job)
{
	bool before = is_contested(task);

	LIST_INSERT_HEAD(&task->live, job, in_task);
	sim->n_contested += !before && is_contested(task);
	sim->n_live++;
}

static void remove_live(struct sim *sim, struct sim_job *job)
{
	bool before = is_contested(job->of);

	LIST_REMOVE(job, in_task);
	sim->n_contested -= before && !is_contested(job->of);
	sim->n_live--;
}

/* --- handlers --------------------------------------------------------------------- */

static void end_job(struct sim_job *job, enum metafora_outcome outcome)
{
	struct sim *sim = job->node->sim;
	struct metafora_task *task = job->task;

	job->task = NULL;
	mf_loop_timer_cancel(&sim->handlers, &job->timer);
	if (job->node->alive)
		remove_live(sim, job); /* else sim_kill did */
	if (outcome == METAFORA_DONE &&
	    metafora_task_stop_reason(task) == METAFORA_STOP_NONE)
		job->of->wanted = false;
	job->of->left_ns = job->node->alive ? now_ns(sim) : 0;
	metafora_task_finish(task, outcome);
}

/* The handler's own thoughts, on the handlers' loop. */
static void think(struct sim_job *job)
{
	struct sim *sim = job->node->sim;
	uint64_t now = now_ns(sim);
	uint64_t next;

	if (!job->task)
		return;
	if (metafora_task_stopping(job->task) && !job->stop_ns) {
		job->stop_ns = mf_clock_add_ms(
			now, chance(sim, sim->manner.stuck_percent)
				     ? sim->manner.stuck_ms
				     : (int64_t)sim_between(
					       sim, sim->manner.stop_min_ms,
					       sim->manner.stop_max_ms));
	}
	if (job->stop_ns && job->stop_ns <= now) {
		end_job(job, METAFORA_RELEASE);
		return;
	}
	if (!job->stop_ns && job->end_ns <= now) {
		end_job(job, job->outcome);
		return;
	}
	next = job->stop_ns ? job->stop_ns : job->end_ns;
	if (!job->stop_ns && next > mf_clock_add_ms(now, POLL_MS))
		next = mf_clock_add_ms(now, POLL_MS);
	mf_loop_timer_set(&sim->handlers, &job->timer, next);
}

static void on_timer(void *arg)
{
	struct sim_job *job = arg;

	/* A process that is stopped does not think; nor does a dead one. */
	if (job->node->alive || job->node->sim->ending)
		think(job);
}

static void drop_job(struct sim_job *job)
{
	/* A post under way still needs it. */
	if (!job->ended || job->posted)
		return;
	LIST_REMOVE(job, in_all);
	free(job);
}

static void on_post(struct metafora_post *post, bool dropped)
{
	struct sim_job *job = (struct sim_job *)(void *)post;

	job->posted = false;
	if (!dropped)
		on_timer(job);
	drop_job(job);
}

static void wake_job(struct sim_job *job)
{
	if (job->posted)
		return;
	job->posted = true;
	mf_loop_post(&job->node->sim->handlers, &job->post);
}

struct sim_task *sim_task(struct sim *sim, const char *id)
{
	struct sim_task *task;

	HASH_FIND_STR(sim->tasks, id, task);
	if (task)
		return task;
	task = calloc(1, sizeof(*task) + strlen(id) + 1);
	strcpy(task->id, id);
	LIST_INIT(&task->live);
	HASH_ADD_STR(sim->tasks, id, task);
	return task;
}

static int start(void *arg, struct metafora_task *task)
{
	struct sim_node *node = arg;
	struct sim *sim = node->sim;
	struct sim_task *of = sim_task(sim, metafora_task_id(task));
	struct sim_job *job;

	if (metafora_task_token(task) <= of->last_token)
		broken(sim, "token of %s on %s not greater: %" PRIx64, of->id,
		       node->name, metafora_task_token(task));
	of->last_token = metafora_task_token(task);
	sim->n_after_end += !of->wanted;
	/* P2: what the broker knows to be done is done. */
	if (sim->backend->exists && !of->in_doubt &&
	    !sim->backend->exists(sim, of->id))
		broken(sim, "%s starts on %s but does not exist", of->id,
		       node->name);
	if (node->refuses || chance(sim, sim->manner.refuse_percent)) {
		node->n_refused++;
		return -1;
	}
	job = calloc(1, sizeof(*job));
	job->post.deliver = on_post;
	mf_timer_init(&job->timer, on_timer, job);
	job->of = of;
	job->node = node;
	job->task = task;
	job->token = of->last_token;
	job->end_ns = MF_NEVER;
	job->outcome = chance(sim, sim->manner.done_percent) ? METAFORA_DONE
							     : METAFORA_RELEASE;
	if (sim->manner.run_max_ms)
		job->end_ns = mf_clock_add_ms(
			now_ns(sim), sim_between(sim, sim->manner.run_min_ms,
						 sim->manner.run_max_ms));
	metafora_task_set_context(task, job);
	LIST_INSERT_HEAD(&sim->jobs, job, in_all);
	add_live(sim, of, job);
	if (of->left_ns)
		sim->gaps[sim->n_gaps++ % SIM_GAPS_MAX] =
			now_ns(sim) - of->left_ns;
	of->left_ns = 0;
	of->n_runs++;
	sim->n_starts++;
	wake_job(job);
	return 0;
}

static void stop(void *arg, struct metafora_task *task)
{
	struct sim_job *job = metafora_task_context(task);

	(void)arg;
	if (job)
		wake_job(job);
}

static void end(void *arg, struct metafora_task *task)
{
	struct sim_job *job = metafora_task_context(task);

	(void)arg;
	if (!job)
		return;
	job->ended = true;
	drop_job(job);
}

/* --- nodes -------------------------------------------------------------------------- */

static void to_stderr(void *arg, enum metafora_log_level level,
		      const char *line)
{
	const struct sim *sim = arg;

	fprintf(stderr, "%12.6f %s %s\n", now_ns(sim) / 1e9,
		metafora_log_level_name(level), line);
}

struct sim_node *sim_node(struct sim *sim, const char *name)
{
	unsigned int i;

	for (i = 0; i < sim->n_nodes; i++) {
		if (!strcmp(sim->nodes[i].name, name) && sim->nodes[i].alive)
			return &sim->nodes[i];
	}
	return NULL;
}

struct sim_node *sim_join(struct sim *sim, const char *name)
{
	struct sim_node *node = &sim->nodes[sim->n_nodes++];

	if (sim->n_nodes > SIM_NODES_MAX)
		abort();
	node->sim = sim;
	node->alive = true;
	snprintf(node->name, sizeof(node->name), "%s", name);
	/* A dead one of that name was cut off. */
	sim->backend->cut(sim, name, false);
	if (metafora_handler_new_async(start, node, &node->handler) ||
	    metafora_handler_set_stop(node->handler, stop) ||
	    metafora_handler_set_end(node->handler, end) ||
	    metafora_handler_set_prepare(node->handler, sim->manner.prepare,
					 sim->manner.prepare_timeout_ms) ||
	    mf_consumer_new_on(&sim->world->runtime, name, sim->coordinator,
			       sim->balancer ? sim->balancer() : NULL,
			       node->handler, &node->consumer))
		abort();
	if (sim->log)
		metafora_consumer_set_log(node->consumer, to_stderr, sim,
					  METAFORA_LOG_DEBUG);
	if (sim->shutdown_grace_ms)
		metafora_consumer_set_shutdown_grace_ms(
			node->consumer, sim->shutdown_grace_ms);
	if (sim->backoff_max_ms)
		metafora_consumer_set_release_backoff_ms(
			node->consumer, sim->backoff_max_ms / 8 + 1,
			sim->backoff_max_ms);
	if (mf_consumer_begin(node->consumer))
		abort();
	return node;
}

static struct mf_loop *guard_loop(struct sim_node *node)
{
	return mf_guard_loop(node->consumer->guard);
}

void sim_pause(struct sim_node *node, uint64_t until_ns)
{
	world_pause_loop(node->sim->world, &node->consumer->loop, until_ns);
	world_pause_loop(node->sim->world, guard_loop(node), until_ns);
}

void sim_resume(struct sim_node *node)
{
	world_resume_loop(node->sim->world, &node->consumer->loop);
	world_resume_loop(node->sim->world, guard_loop(node));
}

void sim_kill(struct sim_node *node)
{
	struct sim *sim = node->sim;
	struct sim_task *task, *tmp;

	HASH_ITER(hh, sim->tasks, task, tmp) {
		struct sim_job *job, *next;

		for (job = LIST_FIRST(&task->live); job; job = next) {
			next = LIST_NEXT(job, in_task);
			if (job->node == node)
				remove_live(sim, job);
		}
	}
	node->alive = false;
	sim_pause(node, MF_NEVER);
	sim->backend->cut(sim, node->name, true);
}

void sim_close(struct sim_node *node)
{
	node->closing = true;
	metafora_consumer_close(node->consumer);
}

unsigned int sim_count(const struct sim_node *node)
{
	struct sim_task *task, *tmp;
	struct sim_job *job;
	unsigned int n = 0;

	HASH_ITER(hh, node->sim->tasks, task, tmp) {
		LIST_FOREACH(job, &task->live, in_task)
		n += job->node == node;
	}
	return n;
}

struct sim_node *sim_owner(struct sim *sim, const char *id)
{
	struct sim_job *job = LIST_FIRST(&sim_task(sim, id)->live);

	return job ? job->node : NULL;
}

/* --- the client ---------------------------------------------------------------------- */

/* A request of the client about one task; freed with its last answer. */
struct wish {
	struct sim *sim;
	void (*send)(struct wish *wish);
	char id[];
};

static void send_submit(struct wish *wish);

static void note_answer(struct sim *sim, const struct metafora_reply *reply)
{
	sim->n_open--;
	sim->last_error = reply->error;
	if (!reply->error && reply->n_errors)
		sim->last_error = reply->errors[0];
}

/* What is not known to have been done is asked for until it is. */
static void on_wish(void *arg, const struct metafora_reply *reply)
{
	struct wish *wish = arg;
	struct sim *sim = wish->sim;

	note_answer(sim, reply);
	if (!sim->ending &&
	    (metafora_error_is_unknown_outcome(sim->last_error) ||
	     sim->last_error == METAFORA_EDISCONNECTED)) {
		wish->send(wish);
		return;
	}
	sim_task(sim, wish->id)->n_wishes--;
	if (wish->send == send_submit &&
	    (!sim->last_error || sim->last_error == METAFORA_EEXIST))
		sim_task(sim, wish->id)->in_doubt = false;
	/*
	 * Refused, it is not there; if it exists, an earlier try made it, or it
	 * is done and the broker has not learnt that yet.
	 */
	if (wish->send == send_submit && sim->last_error &&
	    (sim->last_error != METAFORA_EEXIST || sim->manner.run_max_ms))
		sim_task(sim, wish->id)->wanted = false;
	free(wish);
}

static void begin_wish(struct sim *sim, const char *id,
		       void (*send)(struct wish *))
{
	struct wish *wish = calloc(1, sizeof(*wish) + strlen(id) + 1);

	wish->sim = sim;
	wish->send = send;
	strcpy(wish->id, id);
	sim_task(sim, id)->n_wishes++;
	send(wish);
}

static void send_submit(struct wish *wish)
{
	struct metafora_batch *batch;

	if (metafora_batch_new(&batch) ||
	    metafora_batch_add(batch, wish->id, strlen(wish->id), "{}", 2) ||
	    mf_client_submit(wish->sim->client, batch, REQUEST_MS, on_wish,
			     wish))
		abort();
	metafora_batch_free(batch);
	wish->sim->n_open++;
}

static void send_delete(struct wish *wish)
{
	if (mf_client_remove(wish->sim->client, wish->id, REQUEST_MS, on_wish,
			     wish))
		abort();
	wish->sim->n_open++;
}

void sim_submit_one(struct sim *sim, const char *id)
{
	sim_task(sim, id)->wanted = true;
	sim_task(sim, id)->in_doubt = true;
	begin_wish(sim, id, send_submit);
}

void sim_submit(struct sim *sim, unsigned int first, unsigned int n)
{
	char id[16];
	unsigned int i;

	for (i = first; i < first + n; i++) {
		snprintf(id, sizeof(id), "t%u", i);
		sim_submit_one(sim, id);
	}
}

void sim_delete(struct sim *sim, const char *id)
{
	sim_task(sim, id)->wanted = false;
	sim_task(sim, id)->in_doubt = true;
	begin_wish(sim, id, send_delete);
}

static void answered(void *arg, const struct metafora_reply *reply)
{
	note_answer(arg, reply);
}

void sim_command(struct sim *sim, const char *node, const char *name,
		 const char *argument)
{
	if (mf_client_command(sim->client, node, name, argument, REQUEST_MS,
			      answered, sim))
		abort();
	sim->n_open++;
}

/* --- conditions ------------------------------------------------------------------------ */

bool sim_all_run(struct sim *sim)
{
	struct sim_task *task, *tmp;

	HASH_ITER(hh, sim->tasks, task, tmp) {
		const struct sim_job *first = LIST_FIRST(&task->live);

		if (task->wanted &&
		    (!first || is_contested(task) || first->stop_ns))
			return false;
		if (!task->wanted && first)
			return false;
	}
	return true;
}

bool sim_is_even(struct sim *sim)
{
	unsigned int low = UINT32_MAX, high = 0;
	unsigned int i;

	if (!sim_all_run(sim))
		return false;
	for (i = 0; i < sim->n_nodes; i++) {
		unsigned int n;

		if (!sim->nodes[i].alive || sim->nodes[i].closing)
			continue;
		n = sim_count(&sim->nodes[i]);
		low = n < low ? n : low;
		high = n > high ? n : high;
	}
	return high <= low + 1;
}

bool sim_all_joined(struct sim *sim)
{
	unsigned int i;

	for (i = 0; i < sim->n_nodes; i++) {
		if (sim->nodes[i].consumer->engine.view.n_members !=
		    sim->n_nodes)
			return false;
	}
	return true;
}

bool sim_answered(struct sim *sim)
{
	return sim->n_open == 0;
}

bool sim_all_left(struct sim *sim)
{
	unsigned int i;

	for (i = 0; i < sim->n_nodes; i++) {
		if (sim->nodes[i].alive && sim->nodes[i].closing &&
		    !sim->nodes[i].consumer->has_left)
			return false;
	}
	return true;
}

struct until {
	struct sim *sim;
	bool (*cond)(struct sim *);
};

static bool holds(void *arg)
{
	const struct until *until = arg;

	return until->cond(until->sim);
}

bool sim_until(struct sim *sim, bool (*cond)(struct sim *), int64_t ms)
{
	struct until until = {.sim = sim, .cond = cond};

	return world_run_until(sim->world, holds, &until,
			       mf_clock_add_ms(now_ns(sim), ms));
}

void sim_for(struct sim *sim, int64_t ms)
{
	world_run_for(sim->world, (uint64_t)ms * MF_NS_PER_MS);
}

/* --- the whole ---------------------------------------------------------------------------- */

struct sim *sim_new(const struct sim_backend *backend, uint64_t seed,
		    int64_t timeout_ms)
{
	struct sim *sim = calloc(1, sizeof(*sim));

	sim->world = world_new(seed);
	LIST_INIT(&sim->jobs);
	sim->timeout_ms = timeout_ms;
	sim->manner = (struct sim_manner){.stop_max_ms = 10};
	mf_prng_seed(&sim->prng, seed ^ UINT64_C(0x5eed));
	sim->backend = backend;
	backend->open(sim);
	if (mf_client_new_on(&sim->world->runtime, sim->coordinator, NULL, NULL,
			     METAFORA_LOG_INFO, &sim->client) ||
	    mf_loop_init(&sim->handlers, &sim->world->runtime, "handlers", NULL,
			 NULL) ||
	    mf_loop_start(&sim->handlers))
		abort();
	world_set_probe(sim->world, probe, sim);
	return sim;
}

static void end_all_jobs(struct sim *sim)
{
	struct sim_job *job;

	sim->ending = true;
	sim->manner = (struct sim_manner){0};
	LIST_FOREACH(job, &sim->jobs, in_all)
	{
		if (job->stop_ns > now_ns(sim))
			job->stop_ns = now_ns(sim);
		wake_job(job);
	}
}

static void bury(struct sim_node *node)
{
	/* A dead one's loops run once more, only to be freed. */
	sim_resume(node);
	metafora_consumer_free(node->consumer);
	metafora_handler_free(node->handler);
}

struct sim_quit {
	struct metafora_post post;
	struct mf_loop *loop;
};

static void quit(struct metafora_post *post, bool dropped)
{
	(void)dropped;
	mf_loop_quit(((struct sim_quit *)(void *)post)->loop);
}

void sim_free(struct sim *sim)
{
	struct sim_quit quit_post = {.post = {.deliver = quit},
				     .loop = &sim->handlers};
	struct sim_task *task, *tmp;
	unsigned int i;

	world_set_probe(sim->world, NULL, NULL);
	for (i = 0; i < sim->n_nodes; i++)
		sim->backend->heal(sim, sim->nodes[i].name);
	end_all_jobs(sim);
	for (i = 0; i < sim->n_nodes; i++)
		bury(&sim->nodes[i]);
	metafora_client_free(sim->client);
	mf_loop_post(&sim->handlers, &quit_post.post);
	mf_loop_join(&sim->handlers);
	mf_loop_fini(&sim->handlers);
	metafora_coordinator_free(sim->coordinator);
	sim->backend->close(sim);
	world_free(sim->world);
	HASH_ITER(hh, sim->tasks, task, tmp) {
		HASH_DEL(sim->tasks, task);
		free(task);
	}
	free(sim);
}

void sim_reset_gaps(struct sim *sim)
{
	sim->n_gaps = 0;
}

static int compare_ns(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint64_t sim_gap_ns(struct sim *sim, unsigned int percent)
{
	size_t n = sim->n_gaps < SIM_GAPS_MAX ? sim->n_gaps : SIM_GAPS_MAX;

	if (!n)
		abort();
	/* Their order tells nothing once they are asked for. */
	qsort(sim->gaps, n, sizeof(*sim->gaps), compare_ns);
	return sim->gaps[(n - 1) * percent / 100];
}

void sim_dump(struct sim *sim)
{
	struct sim_task *task, *tmp;
	unsigned int i;

	for (i = 0; i < sim->n_nodes; i++) {
		struct sim_node *node = &sim->nodes[i];

		tap_note("%s alive=%d closing=%d runs=%u entries=%zu view: "
			 "tasks=%zu unowned=%zu members=%zu ignored=%zu",
			 node->name, node->alive, node->closing,
			 sim_count(node), node->consumer->engine.n_entries,
			 node->consumer->engine.view.n_tasks,
			 node->consumer->engine.view.n_unowned,
			 node->consumer->engine.view.n_members,
			 mf_ignore_size(node->consumer->engine.ignore));
	}
	HASH_ITER(hh, sim->tasks, task, tmp) {
		if (task->wanted != !LIST_EMPTY(&task->live))
			tap_note("%s wanted=%d runs=%u", task->id, task->wanted,
				 task->n_runs);
	}
}
