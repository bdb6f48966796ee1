/* SPDX-License-Identifier: Apache-2.0 */
/* A consumer: one node of the cluster, claiming and running tasks. */
#ifndef METAFORA_CONSUMER_H
#define METAFORA_CONSUMER_H

#include <stddef.h>
#include <stdint.h>

#include <metafora/balancer.h>
#include <metafora/cluster.h>
#include <metafora/command.h>
#include <metafora/coordinator.h>
#include <metafora/handler.h>
#include <metafora/log.h>
#include <metafora/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A consumer.  Make it, set what differs from the defaults, start it, stop
 * it, free it; it is not started twice.  It owns one thread (the loop, on
 * which the engine, the balancer, the coordinator and the callbacks run), one
 * guard thread that watches the lease, and the threads of threaded handlers.
 */
struct metafora_consumer;

/*
 * What to do when a handler still runs as the lease ends, or one lease grace
 * after its claim was lost without notice.
 */
enum metafora_lost_policy {
	/* Log it loudly, go on waiting for the handler. */
	METAFORA_LOST_WAIT = 0,
	/* abort() the process: strict at-most-one execution. */
	METAFORA_LOST_ABORT = 1,
};

/*
 * Make a consumer.  node names it in the cluster: 1 to METAFORA_NODE_NAME_MAX
 * bytes, one living node per name.  Takes over the caller's reference to the
 * balancer if it succeeds (NULL: a fair one is made); keeps references of its
 * own to coordinator and handler.  Any thread; does not block.
 * Returns 0, METAFORA_EINVAL, METAFORA_EEMPTY, METAFORA_ENAMETOOLONG,
 * METAFORA_ENOMEM, METAFORA_ENOTSUP (the coordinator has no node side).
 * Since: 0.1.
 */
METAFORA_API int metafora_consumer_new(const char *node,
				       struct metafora_coordinator *coordinator,
				       struct metafora_balancer *balancer,
				       struct metafora_handler *handler,
				       struct metafora_consumer **out);

/*
 * The setters.  All only before start: METAFORA_ESTATE afterwards.  Not
 * thread-safe against each other; do not block.  Each returns 0,
 * METAFORA_EINVAL, METAFORA_ESTATE, METAFORA_ERANGE where a range is given.
 */

/* Share of the tasks relative to other nodes: > 0, at most 1000; default 1. */
METAFORA_API int metafora_consumer_set_weight(struct metafora_consumer *consumer,
					      double weight);
/* Most tasks held at a time; 0, the default, is no limit. */
METAFORA_API int
metafora_consumer_set_max_tasks(struct metafora_consumer *consumer,
				size_t max_tasks);
/*
 * How often the balancer is asked when nothing changes, ± 25 % jitter:
 * 10 to 86,400,000; default 60,000.
 */
METAFORA_API int
metafora_consumer_set_balance_interval_ms(struct metafora_consumer *consumer,
					  int64_t interval_ms);
/*
 * How long changes are gathered before the balancer is asked: 0 to 60,000;
 * default 20.
 */
METAFORA_API int
metafora_consumer_set_balance_debounce_ms(struct metafora_consumer *consumer,
					  int64_t debounce_ms);
/*
 * How long before the end of the lease handlers are asked to stop: at most a
 * quarter of the session timeout, or start fails with METAFORA_ECONFIG; 0,
 * the default, means just that quarter.  0 to 86,400,000.
 */
METAFORA_API int
metafora_consumer_set_lease_grace_ms(struct metafora_consumer *consumer,
				     int64_t grace_ms);
/*
 * How long a shutdown waits for handlers before it leaves without them: 0 to
 * 86,400,000; default 30,000.
 */
METAFORA_API int
metafora_consumer_set_shutdown_grace_ms(struct metafora_consumer *consumer,
					int64_t grace_ms);
/*
 * Bounds of the wait before this node takes up again a task whose handler
 * returned METAFORA_RELEASE by itself: doubles from min to max, with jitter.
 * 1 <= min <= max <= 86,400,000; default 1,000 and 300,000.
 */
METAFORA_API int
metafora_consumer_set_release_backoff_ms(struct metafora_consumer *consumer,
					 int64_t min_ms, int64_t max_ms);
/* Default METAFORA_LOST_WAIT. */
METAFORA_API int
metafora_consumer_set_lost_policy(struct metafora_consumer *consumer,
				  enum metafora_lost_policy policy);
/* Log sink and level; fn NULL, the default, is silence.  arg outlives it. */
METAFORA_API int metafora_consumer_set_log(struct metafora_consumer *consumer,
					   metafora_log_fn fn, void *arg,
					   enum metafora_log_level level);
/* Callback for commands that are not built in.  arg outlives the consumer. */
METAFORA_API int
metafora_consumer_set_command_handler(struct metafora_consumer *consumer,
				      metafora_command_fn fn, void *arg);

/*
 * Join the cluster and begin to work.  Blocks until joined, at most
 * timeout_ms (> 0), and until the coordinator has left again if it fails:
 * then the consumer can only be freed.
 * Returns 0, METAFORA_EINVAL, METAFORA_EALREADY (a second start),
 * METAFORA_ESTOPPED, METAFORA_ETIMEDOUT (broker not reached in time),
 * METAFORA_EEXIST (a living node has the name), METAFORA_ESYS,
 * METAFORA_ENOMEM, METAFORA_ECONFIG, METAFORA_EAUTH, METAFORA_EVERSION, or
 * what the plug-in's open returned.  Since: 0.1.
 */
METAFORA_API int metafora_consumer_start(struct metafora_consumer *consumer,
					 int64_t timeout_ms);

/*
 * Begin to shut down: claim no more, ask all handlers to stop, release, leave.
 * Returns at once; may be repeated.  Any thread, any callback.
 * Returns 0, METAFORA_EINVAL, METAFORA_ESTATE (never started).  Since: 0.1.
 */
METAFORA_API int metafora_consumer_close(struct metafora_consumer *consumer);

/*
 * Wait until the consumer has ended: after close, or by a fatal error.
 * timeout_ms < 0 waits without limit.  Not from a callback, of which a
 * threaded handler's run is one here.
 * Returns 0 (ended after close), the fatal error that ended it,
 * METAFORA_EINVAL, METAFORA_ETIMEDOUT (goes on), METAFORA_ESTATE (never
 * started), METAFORA_ETHREAD.  Since: 0.1.
 */
METAFORA_API int metafora_consumer_wait(struct metafora_consumer *consumer,
					int64_t timeout_ms);

/*
 * Close and wait until it has ended: at most the shutdown grace plus one
 * session timeout, if the broker answers or not.  Not from a callback, nor
 * from a handler's run.
 * Returns 0, METAFORA_EBUSY (it left, but handlers still run: they were not
 * released, their claims ended with the lease; wait for them before free),
 * the fatal error that had ended it, METAFORA_EINVAL, METAFORA_ESTATE (never
 * started), METAFORA_ESTOPPED (a second stop), METAFORA_ETHREAD.  Since: 0.1.
 */
METAFORA_API int metafora_consumer_stop(struct metafora_consumer *consumer);

/*
 * Stop if need be, wait for handlers that still run, free.  NULL is allowed.
 * Not from a callback, nor from a handler's run (it would wait for itself: the
 * call is ignored and an error logged).  Since: 0.1.
 */
METAFORA_API void metafora_consumer_free(struct metafora_consumer *consumer);

/*
 * Give the node a command, as a client would, without the broker.  Blocks
 * until it is carried out, at most timeout_ms (> 0).  argument may be NULL.
 * Not from a callback.
 * Returns what the command returns (0, METAFORA_ENOENT: stop_task of a task
 * that does not run here, METAFORA_ENOTSUP: unknown), METAFORA_EINVAL,
 * METAFORA_EEMPTY, METAFORA_ENAMETOOLONG, METAFORA_E2BIG, METAFORA_ENOMEM,
 * METAFORA_ESTATE (not started), METAFORA_ESTOPPED, METAFORA_ETIMEDOUT,
 * METAFORA_ETHREAD.  Since: 0.1.
 */
METAFORA_API int metafora_consumer_command(struct metafora_consumer *consumer,
					   const char *name,
					   const char *argument,
					   int64_t timeout_ms);

/* The name given at creation.  Valid as long as the consumer.  Since: 0.1. */
METAFORA_API const char *
metafora_consumer_node(const struct metafora_consumer *consumer);

/*
 * A list of what the consumer holds or ignores, made by the calls below and
 * owned by the caller, sorted by task ID (bytewise).
 */
struct metafora_task_list;

/*
 * The tasks whose handlers run here.  Blocks at most timeout_ms (> 0) for the
 * loop to answer; answers at once from a callback.
 * Returns 0, METAFORA_EINVAL, METAFORA_ENOMEM, METAFORA_ESTATE (not started),
 * METAFORA_ESTOPPED, METAFORA_ETIMEDOUT.  Since: 0.1.
 */
METAFORA_API int metafora_consumer_tasks(struct metafora_consumer *consumer,
					 int64_t timeout_ms,
					 struct metafora_task_list **out);

/*
 * The tasks that this node does not claim for now, because the balancer
 * refused them or their handler keeps giving them back.  Otherwise as above.
 * Since: 0.1.
 */
METAFORA_API int metafora_consumer_ignored(struct metafora_consumer *consumer,
					   int64_t timeout_ms,
					   struct metafora_task_list **out);

/* What a list holds.  An index that is too large gives NULL, 0.  Since: 0.1. */
METAFORA_API size_t
metafora_task_list_size(const struct metafora_task_list *list);
METAFORA_API const char *
metafora_task_list_id(const struct metafora_task_list *list, size_t i);
METAFORA_API uint64_t
metafora_task_list_token(const struct metafora_task_list *list, size_t i);
/* When the handler was started; 0 in a list of ignored tasks. */
METAFORA_API uint64_t
metafora_task_list_started_ns(const struct metafora_task_list *list, size_t i);
/* When it was first asked to stop; 0 if it was not. */
METAFORA_API uint64_t
metafora_task_list_stopped_ns(const struct metafora_task_list *list, size_t i);
/* Until when the task is ignored; 0: until something changes. */
METAFORA_API uint64_t
metafora_task_list_until_ns(const struct metafora_task_list *list, size_t i);
/* Free a list.  NULL is allowed. */
METAFORA_API void metafora_task_list_free(struct metafora_task_list *list);

/*
 * Show the cluster as this node sees it: fn is called once, on the consumer's
 * own thread, with a view that is valid during the call; it must not block.
 * Blocks at most timeout_ms (> 0); after METAFORA_ETIMEDOUT fn will not be
 * called any more.  From a callback fn is called at once.
 * Returns 0, METAFORA_EINVAL, METAFORA_ENOMEM, METAFORA_ESTATE,
 * METAFORA_ESTOPPED, METAFORA_ETIMEDOUT.  Since: 0.1.
 */
typedef void (*metafora_cluster_fn)(void *arg,
				    const struct metafora_cluster *cluster);
METAFORA_API int metafora_consumer_inspect(struct metafora_consumer *consumer,
					   metafora_cluster_fn fn, void *arg,
					   int64_t timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
