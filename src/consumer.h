/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a consumer: the loop that drives the engine. */
#ifndef MF_CONSUMER_H
#define MF_CONSUMER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <metafora/consumer.h>

#include "engine.h"
#include "gate.h"
#include "guard.h"
#include "host.h"
#include "lease.h"
#include "log.h"
#include "loop.h"
#include "plan.h"
#include "runner.h"

/*
 * Questions to the balancer in one go, and for how long, so that the loop
 * stays responsive.
 */
#define MF_QUESTIONS_MAX 2000
#define MF_QUESTIONS_MS 10
/* Entries handed to a verb at a time. */
#define MF_VERBS_MAX 256
/*
 * Handlers that do not stop are named in the log every session timeout, at
 * most so many at a time.
 */
#define MF_STUBBORN_MAX 100
/* A plug-in call or callback that takes longer is logged. */
#define MF_SLOW_MS 100

/* What the consumer itself counts. */
struct mf_consumer_metrics {
	struct mf_histogram loop_lag;
	uint64_t n_sessions;      /* that were joined */
	uint64_t n_sessions_lost; /* while running */
	uint64_t n_commands;
	uint64_t n_slow_calls;
	uint64_t suspended_ns;       /* so far, but for the present time */
	uint64_t suspended_since_ns; /* 0: connected, or not joined yet */
};

enum mf_phase { MF_NEW, MF_STARTED, MF_STOPPED };

struct metafora_consumer {
	/* --- const after start --------------------------------------------- */
	struct mf_runtime *runtime;
	char *node;
	char logged_node[3 * METAFORA_NODE_NAME_MAX + 1]; /* encoded */
	struct metafora_coordinator *coordinator;
	struct metafora_balancer *balancer;
	struct metafora_handler *handler;
	struct mf_log log;
	struct mf_engine_config config;
	double weight;
	enum metafora_lost_policy policy;
	metafora_command_fn command_fn;
	void *command_arg;

	/* --- any thread ------------------------------------------------------- */
	struct mf_loop loop;
	struct mf_guard *guard;
	_Atomic enum mf_phase phase; /* atomic: checked by every call */
	struct mf_gate joined;       /* first CONNECTED, or it will not come */
	struct mf_gate left;         /* the session is over, or never was */
	struct metafora_post open_post;
	struct metafora_post close_post;
	atomic_bool close_posted;    /* atomic: any thread closes */
	atomic_bool loop_started;    /* atomic: read by any call */
	_Atomic(void *) shared_state; /* atomic: for the guard's abandon */
	int start_error; /* written before joined opens */
	int end_error;   /* written before left opens */
	bool left_handlers; /* written before left opens */
	bool loop_joined;   /* by who stops or frees */

	/* --- owner ------------------------------------------------------------ */
	struct mf_host host;
	struct mf_consumer_metrics metrics;
	const struct metafora_node_ops *ops;
	void *state; /* the coordinator's; NULL: not open */
	struct mf_engine engine;
	bool engine_ready;
	struct mf_runner runner;
	struct metafora_member_record record;
	char host_name[256];
	char boot_id[64];
	struct mf_lease *lease; /* of the session; made at need */
	struct metafora_plan plan;
	struct mf_timer engine_timer;
	struct mf_timer step_timer;
	/* A quarter of the session timeout; 0: no session yet. */
	uint64_t step_ns; /* between steps, for the guard */
	uint64_t reported_ns; /* when handlers were last reported */
	uint64_t n_repairs;
	bool has_joined;
	bool closing; /* the coordinator was told to leave */
	bool has_left;
};

/* As metafora_consumer_new, on a runtime. */
int mf_consumer_new_on(struct mf_runtime *runtime, const char *node,
		       struct metafora_coordinator *coordinator,
		       struct metafora_balancer *balancer,
		       struct metafora_handler *handler,
		       struct metafora_consumer **out);
/* Begin to join; metafora_consumer_start without the wait. */
int mf_consumer_begin(struct metafora_consumer *consumer);

/* Owner: engine step and what follows from it at once. */
int mf_consumer_step(struct metafora_consumer *consumer,
		     const struct mf_event *event);
/*
 * Let the loop call fn and wait for what it returns; from the loop itself call
 * it at once.  After METAFORA_ETIMEDOUT fn will not be called any more.  Or
 * METAFORA_ENOMEM, METAFORA_ESTATE, METAFORA_ESTOPPED.
 */
int mf_consumer_call(struct metafora_consumer *consumer, int64_t timeout_ms,
		     int (*fn)(struct metafora_consumer *consumer, void *arg),
		     void *arg);
/* Owner: carry out a command; the reply's text may be set. */
int mf_consumer_execute(struct metafora_consumer *consumer, const char *name,
			const char *argument,
			struct metafora_command_reply *reply);

/* The end of a dispatch: act on what the engine wants (the loop's after). */
void mf_consumer_pump(void *consumer);
/* The runner's returned(). */
void mf_consumer_returned(void *consumer, struct metafora_task *task,
			  enum metafora_outcome outcome);
/* Name the handlers that do not stop, if it is time to. */
void mf_consumer_report(struct metafora_consumer *consumer);
/* Timing of calls out: t0 from the loop's clock. */
void mf_consumer_timed(struct metafora_consumer *consumer, uint64_t t0_ns,
		       const char *plugin, const char *call);
extern const struct metafora_node_sink mf_consumer_sink;

#endif
