/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the members of the cluster and their records. */
#include "node.h"

#include <stdlib.h>
#include <string.h>

#include <metafora/error.h>

#include "member.h"

static void warn(struct zk_node *node, const char *name)
{
	if (mf_zk_session_may_warn(&node->session))
		mf_zk_host(node)->log(mf_zk_host(node), METAFORA_LOG_WARN,
				      "malformed member record is ignored "
				      "name=%.80s", name);
}

static void forget_record(struct zk_other *other)
{
	if (other->owner)
		mf_zk_member_free(other->owner);
	other->owner = NULL;
}

static void free_other(struct zk_members *members, struct zk_other *other)
{
	HASH_DEL(members->others, other);
	forget_record(other);
	free(other->path);
	free(other->name);
	free(other);
}

/* Snapshots are told when all that is known to have changed has been read. */
static void tell(struct zk_node *node)
{
	struct zk_members *members = &node->members;
	struct metafora_member_record *records;
	struct zk_other *other, *next;
	size_t n = 0;

	if (!members->listed || members->reading || members->n_reading > 0 ||
	    !mf_zk_node_in(node))
		return;
	records = malloc((HASH_COUNT(members->others) + 1) * sizeof(*records));
	if (!records) {
		mf_zk_node_panic(node);
		return;
	}
	HASH_ITER(hh, members->others, other, next)
	{
		if (!other->owner)
			continue;
		records[n] = other->record;
		records[n++].node = other->name;
	}
	node->sink->members(mf_zk_host(node), records, n);
	free(records);
	mf_zk_takeover_members(node);
}

/* --- records ------------------------------------------------------------------------ */

static void read_other(struct zk_other *other);

/* Returns METAFORA_ENOMEM, or 0: the record is there or makes no sense. */
static int decode(struct zk_other *other, const struct zk_request *request)
{
	struct metafora_member_record record;
	void *owner;
	int error;

	error = mf_zk_member_decode(request->data, request->size_bytes,
				    &record, &owner);
	if (error == METAFORA_ENOMEM)
		return error;
	if (!error && record.session !=
			      (uint64_t)request->stat.ephemeral_owner) {
		mf_zk_member_free(owner);
		error = METAFORA_EPROTO;
	}
	if (error) {
		forget_record(other);
		warn(other->node, other->key);
		return 0;
	}
	forget_record(other);
	other->record = record;
	other->owner = owner;
	mf_zk_takeover_record(other->node, &record);
	return 0;
}

/* A stranger's: who hides a record is no member. */
static void forbidden(struct zk_other *other)
{
	forget_record(other);
	warn(other->node, other->key);
}

static void on_other(struct zk_call *call)
{
	struct zk_other *other = (struct zk_other *)call;
	struct zk_node *node = other->node;
	enum zk_code code = call->request.code;

	other->reading = false;
	node->members.n_reading--;
	if (call->stale)
		return;
	if (code == ZK_OK && decode(other, &call->request))
		code = ZK_NOMEM;
	if (code == ZK_NOMEM)
		mf_zk_node_panic(node);
	else if (code == ZK_NONODE)
		forget_record(other); /* a list will show that it is gone */
	else if (code == ZK_UNSENT)
		read_other(other);
	else if (code == ZK_NOAUTH)
		forbidden(other);
	else if (code != ZK_OK && code != ZK_UNKNOWN)
		mf_zk_node_refused(node, "reading a member", code);
	tell(node);
}

static void read_other(struct zk_other *other)
{
	struct zk_node *node = other->node;

	if (other->reading || !mf_zk_node_in(node))
		return;
	other->reading = true;
	node->members.n_reading++;
	other->call.done = on_other;
	other->call.request.kind = ZK_READ_DATA;
	other->call.request.watch = true;
	other->call.request.path = other->path;
	mf_zk_session_send(&node->session, &other->call);
}

/* --- the list ----------------------------------------------------------------------- */

static struct zk_other *new_other(struct zk_node *node, const char *key)
{
	char name[METAFORA_NODE_NAME_MAX + 1];
	struct zk_other *other = calloc(1, sizeof(*other) + strlen(key) + 1);

	if (!other)
		return NULL;
	other->node = node;
	strcpy(other->key, key);
	if (mf_zk_parse_node(mf_zk_host(node), key, name))
		other->name = strdup(name);
	other->path = mf_zk_path_member(node->session.options->root, key);
	if (other->name && other->path) {
		HASH_ADD_STR(node->members.others, key, other);
		if (other->hh.tbl)
			return other;
	}
	free(other->path);
	free(other->name);
	free(other);
	return NULL;
}

static void note(struct zk_node *node, const char *key)
{
	char name[METAFORA_NODE_NAME_MAX + 1];
	struct zk_other *other;

	if (!mf_zk_parse_node(mf_zk_host(node), key, name)) {
		warn(node, key);
		return;
	}
	HASH_FIND_STR(node->members.others, key, other);
	if (!other)
		other = new_other(node, key);
	if (!other) {
		mf_zk_node_panic(node);
		return;
	}
	other->present = true;
}

static void sweep(struct zk_node *node)
{
	struct zk_other *other, *next;

	HASH_ITER(hh, node->members.others, other, next)
	{
		bool present = other->present;

		other->present = false;
		if (!present && !other->reading)
			free_other(&node->members, other);
		else if (!present)
			forget_record(other);
		/* A known one is read again when its own watch fires. */
		else if (!other->owner || node->reconciling)
			read_other(other);
	}
}

bool mf_zk_members_listed(struct zk_node *node, const char *key)
{
	struct zk_other *other;

	HASH_FIND_STR(node->members.others, key, other);
	return other != NULL;
}

static void on_list(struct zk_call *call)
{
	struct zk_node *node = mf_zk_node_of(call->session);
	enum zk_code code = call->request.code;
	size_t i;

	node->members.reading = false;
	if (call->stale || !mf_zk_node_in(node))
		return;
	if (code == ZK_OK) {
		for (i = 0; i < call->request.n_names; i++)
			note(node, call->request.names[i]);
		sweep(node);
		node->reconciling = false;
		node->members.listed = true;
		if (mf_zk_members_listed(node, node->encoded))
			tell(node);
		else
			mf_zk_node_give_up(node, "member record was deleted");
	} else if (code == ZK_NOMEM) {
		mf_zk_node_panic(node);
	} else if (code == ZK_UNSENT) {
		mf_zk_members_read(node);
	} else if (code != ZK_UNKNOWN) {
		mf_zk_node_refused(node, "reading the members", code);
	}
}

uint64_t mf_zk_members_session(struct zk_node *node, const char *name)
{
	char key[3 * METAFORA_NODE_NAME_MAX + 1];
	const struct zk_other *other;

	if (mf_zk_host(node)->name_encode(name, key, sizeof(key)))
		return 0;
	HASH_FIND_STR(node->members.others, key, other);
	return other && other->owner ? other->record.session : 0;
}

void mf_zk_members_read(struct zk_node *node)
{
	struct zk_members *members = &node->members;

	if (members->reading || !mf_zk_node_in(node))
		return;
	members->reading = true;
	members->call.done = on_list;
	members->call.request.kind = ZK_READ_CHILDREN;
	members->call.request.watch = true;
	members->call.request.path = members->path;
	mf_zk_session_send(&node->session, &members->call);
}

bool mf_zk_members_event(struct zk_node *node, const struct zk_event *event)
{
	struct zk_members *members = &node->members;
	size_t n = strlen(members->path);
	struct zk_other *other;

	if (strncmp(event->path, members->path, n) != 0)
		return false;
	if (event->path[n] == '\0') {
		mf_zk_members_read(node);
		return true;
	}
	if (event->path[n] != '/')
		return false;
	HASH_FIND_STR(members->others, event->path + n + 1, other);
	if (other)
		read_other(other);
	return true;
}

int mf_zk_members_begin(struct zk_node *node)
{
	node->members.path = mf_zk_path(node->session.options->root, "nodes");
	return node->members.path ? 0 : METAFORA_ENOMEM;
}

void mf_zk_members_fini(struct zk_node *node)
{
	struct zk_members *members = &node->members;
	struct zk_other *other, *next;

	HASH_ITER(hh, members->others, other, next)
		free_other(members, other);
	free(members->path);
	*members = (struct zk_members){ 0 };
}
