/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions of the embedded broker: members, expiry and commands. */
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "link.h"

static void members_changed(struct metafora_embedded_broker *broker)
{
	struct emb_session *session;

	TAILQ_FOREACH(session, &broker->sessions, entry) {
		session->dirty_members = true;
		if (session->link)
			mf_emb_wake(session->link);
	}
	mf_emb_watched(broker, 0, true);
}

static struct emb_session *find(const struct metafora_embedded_broker *broker,
				const char *node)
{
	struct emb_session *session;

	TAILQ_FOREACH(session, &broker->sessions, entry)
		if (strcmp(session->record->member.node, node) == 0)
			return session;
	return NULL;
}

int mf_emb_join(struct metafora_embedded_broker *broker, struct emb_link *link,
		struct emb_record *record, uint64_t now_ns,
		struct emb_session **out)
{
	struct emb_session *session;

	if (find(broker, record->member.node))
		return METAFORA_EEXIST;
	session = calloc(1, sizeof(*session));
	if (!session)
		return METAFORA_ENOMEM;
	session->n_refs = 2; /* the broker's and the caller's */
	session->id = broker->epoch << 32 | ++broker->last_session;
	session->contact_ns = now_ns;
	session->link = link;
	session->record = mf_emb_record_ref(record);
	TAILQ_INIT(&session->claims);
	TAILQ_INIT(&session->news);
	TAILQ_INIT(&session->evicted);
	TAILQ_INIT(&session->commands);
	session->dirty_tasks = EMB_ALL_BUCKETS;
	session->dirty_claims = EMB_ALL_BUCKETS;
	TAILQ_INSERT_TAIL(&broker->sessions, session, entry);
	members_changed(broker);
	*out = session;
	return 0;
}

void mf_emb_touch(struct metafora_embedded_broker *broker,
		  struct emb_session *session, uint64_t now_ns)
{
	if (session->dead)
		return;
	if (session->abandoned)
		mf_emb_end(broker, session);
	else
		session->contact_ns = now_ns;
}

void mf_emb_publish(struct metafora_embedded_broker *broker,
		    struct emb_session *session, struct emb_record *record)
{
	mf_emb_record_unref(session->record);
	session->record = mf_emb_record_ref(record);
	members_changed(broker);
}

static void command_free(struct emb_session *session,
			 struct emb_command *command)
{
	TAILQ_REMOVE(&session->commands, command, entry);
	session->n_commands--;
	mf_emb_blob_unref(command->data);
	mf_emb_blob_unref(command->result);
	free(command);
}

void mf_emb_session_unref(struct emb_session *session)
{
	if (--session->n_refs > 0)
		return;
	mf_emb_record_unref(session->record);
	free(session);
}

void mf_emb_session_detach(struct emb_session *session)
{
	session->link = NULL;
}

void mf_emb_end(struct metafora_embedded_broker *broker,
		struct emb_session *session)
{
	struct emb_evicted *evicted;
	struct emb_command *command;
	struct emb_claim *claim;
	struct emb_link *link;

	if (session->dead)
		return;
	session->dead = true;
	TAILQ_REMOVE(&broker->sessions, session, entry);
	while ((claim = TAILQ_FIRST(&session->claims)))
		mf_emb_leave(broker, claim);
	while ((claim = TAILQ_FIRST(&session->news)))
		mf_emb_leave(broker, claim);
	while ((evicted = TAILQ_FIRST(&session->evicted))) {
		TAILQ_REMOVE(&session->evicted, evicted, entry);
		free(evicted);
	}
	while ((command = TAILQ_FIRST(&session->commands))) {
		if (command->waiter)
			mf_emb_request_done(command->waiter, METAFORA_ENOENT,
					    NULL);
		command_free(session, command);
	}
	members_changed(broker);
	/* Its own link, and those that wait for the name to be free. */
	TAILQ_FOREACH(link, &broker->links, in_broker)
		mf_emb_wake(link);
	mf_emb_session_unref(session);
}

void mf_emb_reap(struct metafora_embedded_broker *broker, uint64_t now_ns)
{
	struct emb_session *session;
	struct emb_session *next;

	for (session = TAILQ_FIRST(&broker->sessions); session;
	     session = next) {
		next = TAILQ_NEXT(session, entry);
		if (now_ns >= session->contact_ns + broker->timeout_ns)
			mf_emb_end(broker, session);
	}
}

uint64_t mf_emb_next_expiry_ns(const struct metafora_embedded_broker *broker)
{
	const struct emb_session *session;
	uint64_t next_ns = EMB_NEVER;

	TAILQ_FOREACH(session, &broker->sessions, entry)
		if (session->contact_ns + broker->timeout_ns < next_ns)
			next_ns = session->contact_ns + broker->timeout_ns;
	return next_ns;
}

/* --- commands ----------------------------------------------------------------- */

int mf_emb_command(struct metafora_embedded_broker *broker, const char *node,
		   struct emb_blob *data, struct emb_request *waiter)
{
	struct emb_session *session = find(broker, node);
	struct emb_command *command;

	if (!session)
		return METAFORA_ENOENT;
	if (session->n_commands >= METAFORA_COMMANDS_MAX)
		return METAFORA_EFULL;
	command = calloc(1, sizeof(*command));
	if (!command)
		return METAFORA_ENOMEM;
	command->id = ++session->last_command;
	command->data = mf_emb_blob_ref(data);
	command->waiter = waiter;
	TAILQ_INSERT_TAIL(&session->commands, command, entry);
	session->n_commands++;
	if (session->link)
		mf_emb_wake(session->link);
	return 0;
}

void mf_emb_command_forget(struct metafora_embedded_broker *broker,
			   const struct emb_request *waiter)
{
	struct emb_session *session;
	struct emb_command *command;

	TAILQ_FOREACH(session, &broker->sessions, entry) {
		TAILQ_FOREACH(command, &session->commands, entry) {
			if (command->waiter != waiter)
				continue;
			command->waiter = NULL;
			/* Not on its way yet: it need not go at all. */
			if (command->id > session->sent_command)
				command_free(session, command);
			return;
		}
	}
}

void mf_emb_complete_acked(struct emb_session *session)
{
	struct emb_command *command;
	struct emb_command *next;

	for (command = TAILQ_FIRST(&session->commands); command;
	     command = next) {
		next = TAILQ_NEXT(command, entry);
		if (!command->acked)
			continue;
		if (command->waiter) {
			/* Carried out, but what came of it is lost. */
			if (!command->result)
				command->error = METAFORA_EUNKNOWN;
			mf_emb_request_done(command->waiter, command->error,
					    mf_emb_blob_ref(command->result));
		}
		command_free(session, command);
	}
}
