/* SPDX-License-Identifier: Apache-2.0 */
/* The tests' own client of ZooKeeper's protocol tells what the server has. */
#include <stdlib.h>

#include "tap.h"
#include "zkserver.h"
#include "zkwire.h"

static void looks_at_the_tree(void)
{
	const struct zkservers_options options = {.n = 1};
	const char *lack = zkservers_lack();
	struct zkservers *servers;
	struct zkwire_stat stat;
	unsigned int port;
	char **names;
	size_t n;

	if (lack) {
		tap_skip(lack);
		return;
	}
	servers = zkservers_start(&options);
	port = zkservers_port(servers, 0);
	CU_ASSERT_EQUAL(zkwire_stat(port, "/a", &stat), ZKWIRE_NONODE);
	CU_ASSERT_EQUAL(zkwire_create(port, "/a", "data", 4), ZKWIRE_OK);
	CU_ASSERT_EQUAL(zkwire_create(port, "/a", "", 0), ZKWIRE_EXISTS);
	CU_ASSERT_EQUAL(zkwire_create(port, "/a/one", "", 0), ZKWIRE_OK);
	CU_ASSERT_EQUAL(zkwire_create(port, "/a/two", "", 0), ZKWIRE_OK);
	CU_ASSERT_EQUAL(zkwire_delete(port, "/a/one"), ZKWIRE_OK);
	CU_ASSERT_EQUAL(zkwire_delete(port, "/a"), ZKWIRE_NOTEMPTY);
	CU_ASSERT_EQUAL_FATAL(zkwire_stat(port, "/a", &stat), ZKWIRE_OK);
	CU_ASSERT_EQUAL(stat.n_bytes, 4);
	CU_ASSERT_EQUAL(stat.cversion, 3);
	CU_ASSERT_EQUAL(stat.n_children, 1);
	CU_ASSERT_EQUAL(stat.ephemeral_owner, 0);
	CU_ASSERT_EQUAL(zkwire_n_children(port, "/a"), 1);
	CU_ASSERT_EQUAL_FATAL(zkwire_children(port, "/a", &names, &n),
			      ZKWIRE_OK);
	CU_ASSERT_EQUAL_FATAL(n, 1);
	CU_ASSERT_STRING_EQUAL(names[0], "two");
	free(names);
	zkservers_stop(servers, 0);
	CU_ASSERT_EQUAL(zkwire_stat(port, "/a", &stat), ZKWIRE_SILENCE);
	zkservers_free(servers);
}

static const struct tap_case cases[] = {
	{"a client of the protocol reads and writes", looks_at_the_tree},
};

TAP_MAIN(cases, NULL, NULL)
