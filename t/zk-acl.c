/* SPDX-License-Identifier: Apache-2.0 */
/* Who may use a namespace on a real server. */
#include <metafora/error.h>
#include <metafora/zookeeper.h>

#include "recorder.h"
#include "tap.h"
#include "zkserver.h"

#define PATIENCE_MS 60000

static struct zkservers *servers;

static struct metafora_coordinator *coordinator_of(const char *secret)
{
	struct metafora_zookeeper_options *options;
	struct metafora_coordinator *coordinator;

	CU_ASSERT_EQUAL_FATAL(
		metafora_zookeeper_options_new(zkservers_hosts(servers), "/acl",
					       &options),
		0);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_buckets(options, 2), 0);
	if (secret) {
		CU_ASSERT_EQUAL(metafora_zookeeper_set_credentials(
					options, "digest", secret),
				0);
		CU_ASSERT_EQUAL(metafora_zookeeper_set_acl_mode(
					options,
					METAFORA_ZOOKEEPER_ACL_CREATOR),
				0);
	}
	CU_ASSERT_EQUAL_FATAL(metafora_zookeeper_coordinator_new(options,
								 &coordinator),
			      0);
	metafora_zookeeper_options_free(options);
	return coordinator;
}

static bool has_ended_or_joined(void *arg)
{
	const struct rec_node *node = arg;

	return node->has_session_state;
}

/* A node with the credentials: what becomes of it. */
static void expect(const char *name, const char *secret,
		   enum metafora_session_state state, int error)
{
	struct metafora_coordinator *coordinator = coordinator_of(secret);
	struct site *site = site_new_threads();
	struct rec_node *node = rec_node_open(site, coordinator, name);

	CU_ASSERT_PTR_NOT_NULL_FATAL(node);
	CU_ASSERT(site_wait(site, has_ended_or_joined, node, PATIENCE_MS));
	CU_ASSERT_EQUAL(node->session_state, state);
	CU_ASSERT_EQUAL(node->error, error);
	rec_node_close(node);
	CU_ASSERT_PTR_NULL(node->violation);
	rec_node_free(node);
	metafora_coordinator_free(coordinator);
	site_free(site);
}

static void only_the_creator_may(void)
{
	const struct zkservers_options options = {.n = 1};
	const char *lack = zkservers_lack();

	if (lack) {
		tap_skip(lack);
		return;
	}
	servers = zkservers_start(&options);
	expect("a", "user:right", METAFORA_SESSION_CONNECTED, 0);
	expect("b", "user:wrong", METAFORA_SESSION_FAILED, METAFORA_EAUTH);
	expect("c", NULL, METAFORA_SESSION_FAILED, METAFORA_EAUTH);
	expect("d", "user:right", METAFORA_SESSION_CONNECTED, 0);
	zkservers_free(servers);
}

static const struct tap_case cases[] = {
	{"only who has the creator's credentials may join",
	 only_the_creator_may},
};

TAP_MAIN(cases, NULL, NULL)
