/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a consumer: made, set up, started, stopped, freed. */
#include "consumer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <metafora/error.h>

#include "clock.h"
#include "name.h"
#include "plugin.h"
#include "registry.h"

#define DAY_MS INT64_C(86400000)

/* --- made ---------------------------------------------------------------------- */

static void read_line(const char *path, char *out, size_t out_bytes)
{
	FILE *file = fopen(path, "re");

	out[0] = '\0';
	if (!file)
		return;
	if (fgets(out, (int)out_bytes, file))
		out[strcspn(out, "\n")] = '\0';
	fclose(file);
}

static void fill_record(struct metafora_consumer *c)
{
	struct timespec now;

	if (gethostname(c->host_name, sizeof(c->host_name)))
		c->host_name[0] = '\0';
	c->host_name[sizeof(c->host_name) - 1] = '\0';
	read_line("/proc/sys/kernel/random/boot_id", c->boot_id,
		  sizeof(c->boot_id));
	clock_gettime(CLOCK_REALTIME, &now);
	c->record = (struct metafora_member_record){
		.node = c->node,
		.state = METAFORA_MEMBER_ACTIVE,
		.weight = c->weight,
		.capacity = c->config.max_tasks,
		.host = c->host_name,
		.boot_id = c->boot_id,
		.version = METAFORA_VERSION,
		.start_ms = (int64_t)now.tv_sec * 1000 +
			    now.tv_nsec / (int64_t)MF_NS_PER_MS,
		.pid = (uint32_t)getpid(),
	};
}

static void set_defaults(struct metafora_consumer *c)
{
	c->weight = 1.0;
	c->config.balance_interval_ms = 60000;
	c->config.balance_debounce_ms = 20;
	c->config.shutdown_grace_ms = 30000;
	c->config.backoff_min_ms = 1000;
	c->config.backoff_max_ms = 300000;
	c->log.level = METAFORA_LOG_INFO;
	/* Fits; a name may hold what would look like another key=value. */
	mf_name_encode(c->node, c->logged_node, sizeof(c->logged_node));
	c->log.node = c->logged_node;
}

static void no_op(void *arg)
{
	(void)arg; /* Waking up was the purpose: the pump follows. */
}

static void step_again(void *arg)
{
	struct metafora_consumer *c = arg;

	mf_consumer_report(c);
	mf_loop_timer_set(&c->loop, &c->step_timer,
			  mf_loop_now_ns(&c->loop) + c->step_ns);
}

int mf_consumer_new_on(struct mf_runtime *runtime, const char *node,
		       struct metafora_coordinator *coordinator,
		       struct metafora_balancer *balancer,
		       struct metafora_handler *handler,
		       struct metafora_consumer **out)
{
	struct metafora_balancer *fair = NULL;
	struct metafora_consumer *c;
	int error;

	if (!coordinator || !handler || !out)
		return METAFORA_EINVAL;
	error = mf_node_name_check(node);
	if (error)
		return error;
	if (!coordinator->node_ops)
		return METAFORA_ENOTSUP;
	c = calloc(1, sizeof(*c));
	if (!c)
		return METAFORA_ENOMEM;
	c->node = strdup(node);
	error = c->node ? 0 : METAFORA_ENOMEM;
	if (!error && !balancer) {
		error = mf_default_balancer(&fair);
		balancer = fair;
	}
	if (!error)
		error = mf_loop_init(&c->loop, runtime, "consumer",
				     mf_consumer_pump, c);
	if (error) {
		metafora_balancer_free(fair);
		free(c->node);
		free(c);
		return error;
	}
	c->loop.lag = &c->metrics.loop_lag;
	c->runtime = runtime;
	c->coordinator = mf_coordinator_ref(coordinator);
	c->ops = coordinator->node_ops;
	c->handler = mf_handler_use(handler);
	c->config.prepare_timeout_ms = c->handler->prepare_timeout_ms;
	c->balancer = balancer;
	set_defaults(c);
	mf_gate_init(&c->joined);
	mf_gate_init(&c->left);
	mf_timer_init(&c->engine_timer, no_op, c);
	mf_timer_init(&c->step_timer, step_again, c);
	*out = c;
	return 0;
}

int metafora_consumer_new(const char *node,
			  struct metafora_coordinator *coordinator,
			  struct metafora_balancer *balancer,
			  struct metafora_handler *handler,
			  struct metafora_consumer **out)
{
	return mf_consumer_new_on(mf_runtime_threads(), node, coordinator,
				  balancer, handler, out);
}

/* --- set up ---------------------------------------------------------------------- */

static int check_setting(const struct metafora_consumer *c, bool in_range)
{
	if (!c)
		return METAFORA_EINVAL;
	if (atomic_load(&c->phase) != MF_NEW)
		return METAFORA_ESTATE;
	return in_range ? 0 : METAFORA_ERANGE;
}

int metafora_consumer_set_weight(struct metafora_consumer *c, double weight)
{
	int error = check_setting(c, isfinite(weight) && weight > 0 &&
					     weight <= 1000);

	if (!error)
		c->weight = weight;
	return error;
}

int metafora_consumer_set_max_tasks(struct metafora_consumer *c,
				    size_t max_tasks)
{
	int error = check_setting(c, true);

	if (!error)
		c->config.max_tasks = max_tasks;
	return error;
}

static int set_ms(struct metafora_consumer *c, int64_t *field, int64_t ms,
		  int64_t min_ms, int64_t max_ms)
{
	int error = check_setting(c, ms >= min_ms && ms <= max_ms);

	if (!error)
		*field = ms;
	return error;
}

int metafora_consumer_set_balance_interval_ms(struct metafora_consumer *c,
					      int64_t ms)
{
	return set_ms(c, c ? &c->config.balance_interval_ms : NULL, ms, 10,
		      DAY_MS);
}

int metafora_consumer_set_balance_debounce_ms(struct metafora_consumer *c,
					      int64_t ms)
{
	return set_ms(c, c ? &c->config.balance_debounce_ms : NULL, ms, 0,
		      60000);
}

int metafora_consumer_set_lease_grace_ms(struct metafora_consumer *c,
					 int64_t ms)
{
	return set_ms(c, c ? &c->config.lease_grace_ms : NULL, ms, 0, DAY_MS);
}

int metafora_consumer_set_shutdown_grace_ms(struct metafora_consumer *c,
					    int64_t ms)
{
	return set_ms(c, c ? &c->config.shutdown_grace_ms : NULL, ms, 0,
		      DAY_MS);
}

int metafora_consumer_set_release_backoff_ms(struct metafora_consumer *c,
					     int64_t min_ms, int64_t max_ms)
{
	int error = check_setting(c, min_ms >= 1 && min_ms <= max_ms &&
					     max_ms <= DAY_MS);

	if (error)
		return error;
	c->config.backoff_min_ms = min_ms;
	c->config.backoff_max_ms = max_ms;
	return 0;
}

int metafora_consumer_set_lost_policy(struct metafora_consumer *c,
				      enum metafora_lost_policy policy)
{
	int error = check_setting(c, true);

	if (error)
		return error;
	if (policy != METAFORA_LOST_WAIT && policy != METAFORA_LOST_ABORT)
		return METAFORA_EINVAL;
	c->policy = policy;
	return 0;
}

int metafora_consumer_set_log(struct metafora_consumer *c, metafora_log_fn fn,
			      void *arg, enum metafora_log_level level)
{
	int error = check_setting(c, true);

	if (error)
		return error;
	if (!metafora_log_level_name(level))
		return METAFORA_EINVAL;
	c->log.fn = fn;
	c->log.arg = arg;
	c->log.level = level;
	return 0;
}

int metafora_consumer_set_command_handler(struct metafora_consumer *c,
					  metafora_command_fn fn, void *arg)
{
	int error = check_setting(c, true);

	if (error)
		return error;
	c->command_fn = fn;
	c->command_arg = arg;
	return 0;
}

/* --- started ---------------------------------------------------------------------- */

static void log_move(void *arg, const struct mf_entry *entry,
		     enum mf_state from)
{
	const struct metafora_consumer *c = arg;
	char id[3 * METAFORA_TASK_ID_MAX + 1];

	if (!mf_log_wants(&c->log, METAFORA_LOG_DEBUG) ||
	    mf_name_encode(entry->task->id, id, sizeof(id)))
		return;
	mf_log(&c->log, METAFORA_LOG_DEBUG,
	       "task moved task=%s from=%s to=%s token=%llx", id,
	       mf_state_name(from), mf_state_name(entry->state),
	       (unsigned long long)entry->token);
}

/* The loop is stuck: let go of the claims from the guard's thread. */
static void abandon(void *arg)
{
	struct metafora_consumer *c = arg;
	void *state = atomic_load(&c->shared_state);

	if (state && c->ops->abandon)
		c->ops->abandon(state);
}

/* First step on the owner thread. */
static void open_coordinator(struct metafora_post *post, bool dropped)
{
	struct metafora_consumer *c =
		(struct metafora_consumer
			 *)(void *)((char *)post -
				    offsetof(struct metafora_consumer,
					     open_post));
	const struct metafora_balancer_ops *balancer = c->balancer->ops;
	const struct mf_event shutdown = {.kind = MF_EV_SHUTDOWN};
	void *state = NULL;
	int error = 0;

	if (dropped)
		return;
	if (balancer->init)
		error = balancer->init(c->balancer->state, c->node);
	if (!error)
		error = c->ops->open(c->coordinator->config, &c->host.table,
				     &mf_consumer_sink, &c->record, &state);
	if (!error) {
		c->state = state;
		atomic_store(&c->shared_state, state);
		return;
	}
	mf_log(&c->log, METAFORA_LOG_ERROR, "cannot open error=%s",
	       metafora_error_name(error) ? metafora_error_name(error) : "?");
	c->engine.fatal = error;
	mf_consumer_step(c, &shutdown);
}

static int prepare(struct metafora_consumer *c)
{
	const struct mf_guard_config guard = {
		.runtime = c->runtime,
		.log = &c->log,
		.policy = c->policy,
		.watched = &c->loop,
		.stalled = abandon,
		.arg = c,
	};
	int error;

	c->config.node = c->node;
	c->config.has_lines = c->ops->flags & METAFORA_COORDINATOR_LINES;
	c->config.seed = c->runtime->seed(c->runtime);
	c->config.moved = log_move;
	c->config.moved_arg = c;
	fill_record(c);
	error = mf_engine_init(&c->engine, &c->config,
			       mf_loop_now_ns(&c->loop));
	if (error)
		return error;
	c->engine_ready = true;
	mf_host_init(&c->host, &c->loop, &c->log, c);
	error = mf_guard_new(&guard, &c->guard);
	if (error)
		return error;
	c->runner = (struct mf_runner){
		.loop = &c->loop,
		.handler = c->handler,
		.guard = c->guard,
		.log = &c->log,
		.node = c->node,
		.returned = mf_consumer_returned,
		.arg = c,
	};
	return mf_guard_start(c->guard);
}

int mf_consumer_begin(struct metafora_consumer *c)
{
	enum mf_phase phase = MF_NEW;
	int error;

	if (!atomic_compare_exchange_strong(&c->phase, &phase, MF_STARTED))
		return phase == MF_STARTED ? METAFORA_EALREADY
					   : METAFORA_ESTOPPED;
	error = prepare(c);
	if (!error) {
		c->open_post.deliver = open_coordinator;
		mf_loop_post(&c->loop, &c->open_post);
		/* Not later: a callback may close as soon as there is one. */
		atomic_store(&c->loop_started, true);
		error = mf_loop_start(&c->loop);
	}
	if (error) {
		c->end_error = error;
		atomic_store(&c->loop_started, false);
		atomic_store(&c->phase, MF_STOPPED);
		/* For who was quick enough to wait for it. */
		mf_gate_open(&c->left);
	}
	return error;
}

/* After the loop has ended: what it owned goes, on this thread. */
static void tear_down(struct metafora_consumer *c)
{
	if (c->guard) {
		mf_guard_stop(c->guard);
		mf_guard_free(c->guard);
		c->guard = NULL;
	}
	if (c->state)
		c->ops->free(c->state);
	c->state = NULL;
	if (c->lease)
		mf_lease_unref(c->lease);
	c->lease = NULL;
	if (c->engine_ready)
		mf_engine_fini(&c->engine);
	c->engine_ready = false;
}

static void join(struct metafora_consumer *c)
{
	if (c->loop_started && !c->loop_joined) {
		c->loop_joined = true;
		mf_loop_join(&c->loop);
	}
	tear_down(c);
}

int metafora_consumer_start(struct metafora_consumer *c, int64_t timeout_ms)
{
	enum mf_phase phase = MF_STARTED;
	int error;

	if (!c || timeout_ms <= 0)
		return METAFORA_EINVAL;
	error = mf_consumer_begin(c);
	if (error)
		return error;
	error = mf_gate_wait(&c->joined, timeout_ms);
	if (!error)
		error = c->start_error;
	if (!error)
		return 0;
	metafora_consumer_close(c);
	mf_gate_wait(&c->left, -1);
	/*
	 * A stop on another thread joins in our place.  Handlers run already if
	 * it joined just as time was up: free waits for them.
	 */
	if (atomic_compare_exchange_strong(&c->phase, &phase, MF_STOPPED) &&
	    !c->left_handlers)
		join(c);
	return error;
}

/* --- stopped ---------------------------------------------------------------------- */

/* Whether the caller is a callback, for whose return waits would wait. */
static bool is_callback(const struct metafora_consumer *c)
{
	return c->loop_started && (mf_loop_is_owner(&c->loop) ||
				   mf_runner_is_handler(&c->runner));
}

static void deliver_close(struct metafora_post *post, bool dropped)
{
	struct metafora_consumer *c =
		(struct metafora_consumer
			 *)(void *)((char *)post -
				    offsetof(struct metafora_consumer,
					     close_post));
	const struct mf_event shutdown = {.kind = MF_EV_SHUTDOWN};

	if (!dropped)
		mf_consumer_step(c, &shutdown);
}

int metafora_consumer_close(struct metafora_consumer *c)
{
	if (!c)
		return METAFORA_EINVAL;
	if (!c->loop_started)
		return METAFORA_ESTATE;
	if (atomic_exchange(&c->close_posted, true))
		return 0;
	c->close_post.deliver = deliver_close;
	mf_loop_post(&c->loop, &c->close_post);
	return 0;
}

int metafora_consumer_wait(struct metafora_consumer *c, int64_t timeout_ms)
{
	int error;

	if (!c)
		return METAFORA_EINVAL;
	if (!c->loop_started)
		return METAFORA_ESTATE;
	if (is_callback(c))
		return METAFORA_ETHREAD;
	error = mf_gate_wait(&c->left, timeout_ms);
	return error ? error : c->end_error;
}

int metafora_consumer_stop(struct metafora_consumer *c)
{
	enum mf_phase phase = MF_STARTED;

	if (!c)
		return METAFORA_EINVAL;
	if (is_callback(c))
		return METAFORA_ETHREAD;
	if (!c->loop_started && atomic_load(&c->phase) != MF_STOPPED)
		return METAFORA_ESTATE;
	if (!atomic_compare_exchange_strong(&c->phase, &phase, MF_STOPPED))
		return METAFORA_ESTOPPED;
	metafora_consumer_close(c);
	mf_gate_wait(&c->left, -1);
	if (c->left_handlers)
		return c->end_error ? c->end_error : METAFORA_EBUSY;
	join(c);
	return c->end_error;
}

void metafora_consumer_free(struct metafora_consumer *c)
{
	if (!c)
		return;
	if (is_callback(c)) {
		mf_log(&c->log, METAFORA_LOG_ERROR,
		       "free called from a callback: ignored");
		return;
	}
	metafora_consumer_close(c);
	join(c);
	mf_loop_fini(&c->loop);
	metafora_balancer_free(c->balancer);
	metafora_handler_free(c->handler);
	metafora_coordinator_free(c->coordinator);
	mf_gate_fini(&c->joined);
	mf_gate_fini(&c->left);
	mf_plan_fini(&c->plan);
	free(c->node);
	free(c);
}

const char *metafora_consumer_node(const struct metafora_consumer *c)
{
	return c ? c->node : NULL;
}
