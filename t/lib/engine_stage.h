/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine on a stage: node "me" beside node "other", one bucket, at most
 * one task "t", a session timeout of 4 s.
 */
#ifndef T_ENGINE_STAGE_H
#define T_ENGINE_STAGE_H

#include <metafora.h>

#include "clock.h"
#include "engine.h"
#include "tap.h"

#define T_MS 4000
#define S MF_NS_PER_S

/* A fake run: the engine never looks inside. */
extern char run_mark;
#define RUN ((struct metafora_task *)(void *)&run_mark)

extern struct mf_engine engine;
extern uint64_t now;

void engine_setup(void);
void engine_teardown(void);
/* Assert what must hold between any two events. */
void engine_check(void);

/* Events. */
int step(struct mf_event event);
void session(enum metafora_session_state state, uint64_t id);
void connected(enum metafora_session_state state, uint64_t id,
	       int64_t timeout_ms, uint32_t n_buckets);
void lease(uint64_t deadline_ns);
void tasks(const char *id, uint64_t birth);
void claims(const char *id, const char *node, uint64_t token);
void members(enum metafora_member_state state);
void verdict(enum metafora_result result, uint64_t attempt);
void failure(int error); /* of what is being tried */
void start(struct metafora_task *run);
void returned(enum metafora_outcome outcome);
void answer(enum metafora_can_claim a, uint64_t until_ns);
void plan(bool release, bool queue);
void plan_withdraw(void);
/* Of what warms up, if anything does. */
void prepared(int64_t answer_ms);
void plan_evict(void);
void pass(uint64_t ns);
void command(enum mf_event_kind kind);

/* What came of them. */
struct mf_entry *entry(void);
enum mf_state state(void);
uint64_t attempt(void);
size_t send_verb(enum metafora_verb verb, struct metafora_entry *out);
void send_all(void);

/* A session with the task "t", which nobody owns. */
void join(void);
/* Bring a fresh engine with one task "t" into a state. */
void reach(enum mf_state to);

#endif
