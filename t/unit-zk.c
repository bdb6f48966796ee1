/* SPDX-License-Identifier: Apache-2.0 */
/* Lease rule, pace, names, member records and options of the ZooKeeper coordinator. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <metafora/error.h>
#include <metafora/zookeeper.h>

#include "clock.h"
#include "name.h"
#include "tap.h"
#include "zookeeper/lease.h"
#include "zookeeper/member.h"
#include "zookeeper/options.h"
#include "zookeeper/pace.h"
#include "zookeeper/path.h"

#define MS MF_NS_PER_MS

static const struct metafora_host host = {
	.name_encode = mf_name_encode,
	.name_decode = mf_name_decode,
	.name_hash = mf_name_hash,
};

/* --- lease -------------------------------------------------------------------------- */

static void begins_with_the_session(void)
{
	struct zk_lease lease;

	mf_zk_lease_begin(&lease, 1600, 1000 * MS);
	CU_ASSERT_EQUAL(lease.deadline_ns, (1000 + 1600 - 50) * MS);
}

static void one_write_proves_nothing(void)
{
	struct zk_lease lease;
	uint64_t first;

	mf_zk_lease_begin(&lease, 1600, 1000 * MS);
	first = lease.deadline_ns;
	mf_zk_lease_acknowledged(&lease, 2000 * MS, 2010 * MS);
	CU_ASSERT_EQUAL(lease.deadline_ns, first);
	/* A second one a moment too early neither. */
	mf_zk_lease_acknowledged(&lease, 2409 * MS, 2412 * MS);
	CU_ASSERT_EQUAL(lease.deadline_ns, first);
}

static void a_pair_proves_the_first(void)
{
	struct zk_lease lease;

	mf_zk_lease_begin(&lease, 1600, 1000 * MS);
	mf_zk_lease_acknowledged(&lease, 2000 * MS, 2010 * MS);
	mf_zk_lease_acknowledged(&lease, 2410 * MS, 2420 * MS);
	CU_ASSERT_EQUAL(lease.deadline_ns, (2000 + 1600 - 50) * MS);
	/* Of several, the newest that is old enough. */
	mf_zk_lease_acknowledged(&lease, 2600 * MS, 2601 * MS);
	mf_zk_lease_acknowledged(&lease, 2900 * MS, 2901 * MS);
	CU_ASSERT_EQUAL(lease.deadline_ns, (2410 + 1600 - 50) * MS);
	CU_ASSERT(mf_zk_lease_interval_ns(&lease) > 400 * MS);
}

static void a_pair_needs_one_connection(void)
{
	struct zk_lease lease;
	uint64_t first;

	mf_zk_lease_begin(&lease, 1600, 1000 * MS);
	first = lease.deadline_ns;
	mf_zk_lease_acknowledged(&lease, 2000 * MS, 2010 * MS);
	mf_zk_lease_reconnected(&lease);
	mf_zk_lease_acknowledged(&lease, 2500 * MS, 2510 * MS);
	CU_ASSERT_EQUAL(lease.deadline_ns, first);
}

static void a_deadline_never_goes_back(void)
{
	struct zk_lease lease;
	uint64_t last = 0;
	uint64_t at = 1000 * MS;
	int i;

	mf_zk_lease_begin(&lease, 1600, at);
	for (i = 0; i < 100; i++) {
		at += (uint64_t)(i % 7) * 100 * MS;
		mf_zk_lease_acknowledged(&lease, at, at + 3 * MS);
		CU_ASSERT(lease.deadline_ns >= last);
		CU_ASSERT(lease.deadline_ns < at + 1600 * MS);
		last = lease.deadline_ns;
	}
	CU_ASSERT(last > at);
}

/* --- pace --------------------------------------------------------------------------- */

/* It is read, and has changed as soon as that was over; for how long it waits. */
static uint64_t change_again(struct zk_pace *pace, unsigned int n_crowds,
			     bool storms)
{
	pace->read_ns += pace->delay_ns;
	return mf_zk_pace(pace, pace->read_ns + MS, n_crowds, storms) / MS;
}

static void a_storm_is_gathered(void)
{
	struct zk_pace pace = { 0 };
	uint64_t ms;

	CU_ASSERT_EQUAL(mf_zk_pace(&pace, 1000 * MS, 1, true), 0);
	pace.read_ns = 1000 * MS;
	for (ms = 2; ms < 200; ms *= 2)
		CU_ASSERT_EQUAL(change_again(&pace, 1, true), ms);
	/* There it stays ... */
	CU_ASSERT_EQUAL(change_again(&pace, 1, true), 256);
	CU_ASSERT_EQUAL(change_again(&pace, 1, true), 256);
	/* ... until it is calm. */
	CU_ASSERT_EQUAL(mf_zk_pace(&pace, pace.read_ns + 276 * MS, 1, true),
			256 * MS);
	CU_ASSERT_EQUAL(mf_zk_pace(&pace, pace.read_ns + 277 * MS, 1, true),
			0);
}

static void without_a_storm_waits_stay_short(void)
{
	struct zk_pace pace = { .read_ns = 1000 * MS };
	int i;

	for (i = 0; i < 10; i++)
		CU_ASSERT_EQUAL(change_again(&pace, 1, false), 2);
}

static void a_crowd_waits_longer(void)
{
	struct zk_pace pace = { .read_ns = 1000 * MS };

	CU_ASSERT_EQUAL(change_again(&pace, 5, true), 50);
	while (pace.delay_ns < 1000 * MS)
		CU_ASSERT(change_again(&pace, 5, true) > 50);
	CU_ASSERT_EQUAL(change_again(&pace, 5, true), 1600);
	CU_ASSERT_EQUAL(change_again(&pace, 5, false), 50);
}

/* --- names -------------------------------------------------------------------------- */

static void claims_go_round(void)
{
	struct zk_claim_name name;

	CU_ASSERT(mf_zk_parse_claim(&host, "job%3A1:no-de:0000000042", &name));
	CU_ASSERT_STRING_EQUAL(name.task, "job:1");
	CU_ASSERT_STRING_EQUAL(name.node, "no-de");
	CU_ASSERT_EQUAL(name.sequence, 42);
}

static void folders_go_round(void)
{
	static const char *const roots[] = { "/ns", "/a/tasks", "/tasks/00" };
	enum zk_folder_kind kind;
	uint32_t bucket;
	char *path;
	size_t i;

	for (i = 0; i < 6000; i++) {
		const char *root = roots[i % 3];

		path = mf_zk_path_folder(root, i % 2 ? ZK_CLAIMS : ZK_TASKS,
					 (uint32_t)i / 6);
		CU_ASSERT(mf_zk_parse_folder(root, path, 1000, &kind, &bucket));
		CU_ASSERT_EQUAL(kind, i % 2 ? ZK_CLAIMS : ZK_TASKS);
		CU_ASSERT_EQUAL(bucket, i / 6);
		CU_ASSERT_FALSE(mf_zk_parse_folder(root, path, bucket, &kind,
						   &bucket));
		free(path);
	}
}

static void strange_folders_are_refused(void)
{
	static const char *const bad[] = {
		"", "/", "/ns", "/ns/", "/ns/tasks", "/ns/tasks/",
		"/ns/tasks/1", "/ns/tasks/001", "/ns/tasks/-1", "/ns/tasks/+1",
		"/ns/tasks/ 1", "/ns/tasks/0x", "/ns/tasks/00/", "/ns/claims/64",
		"/ns/tasks/00/t", "/ns/nodes/00", "/ns/tasksa/00",
		"/nt/tasks/00", "/ns2/tasks/00", "/ns/claims/4294967296",
		"/ns/claims/18446744073709551616",
		"/ns/claims/-18446744073709551606",
	};
	enum zk_folder_kind kind;
	uint32_t bucket;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_FALSE(mf_zk_parse_folder("/ns", bad[i], 64, &kind,
						   &bucket));
}

static void strange_claims_are_refused(void)
{
	static const char *const bad[] = {
		"", ":", "::", "a:b", "a:b:", "a::0000000001",
		":b:0000000001", "a:b:000000001", "a:b:00000000001",
		"a:b:-000000001", "a:b:4294967295", "a:b:000000000x",
		"a:b:0000000001x", "a:b:c:0000000001", "a%:b:0000000001",
		"a%3a:b:0000000001", "a%41:b:0000000001", "a%00:b:0000000001",
	};
	struct zk_claim_name name;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (mf_zk_parse_claim(&host, bad[i], &name)) {
			tap_note("accepted: %s", bad[i]);
			CU_FAIL("a strange name is accepted");
		}
}

static void long_names_are_refused(void)
{
	char text[2000];
	char task[METAFORA_TASK_ID_MAX + 1];
	char node[METAFORA_NODE_NAME_MAX + 1];
	struct zk_claim_name name;

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CU_ASSERT_FALSE(mf_zk_parse_task(&host, text, task));
	CU_ASSERT_FALSE(mf_zk_parse_node(&host, text, node));
	strcpy(text + 1900, ":b:0000000001");
	CU_ASSERT_FALSE(mf_zk_parse_claim(&host, text, &name));
	text[METAFORA_TASK_ID_MAX] = '\0';
	CU_ASSERT(mf_zk_parse_task(&host, text, task));
	text[METAFORA_TASK_ID_MAX] = 'a';
	text[METAFORA_TASK_ID_MAX + 1] = '\0';
	CU_ASSERT_FALSE(mf_zk_parse_task(&host, text, task));
}

static void commands_name_a_session(void)
{
	struct zk_command_name name;

	CU_ASSERT(mf_zk_parse_command("00000001000000ab:0000000100000001:1f:"
				      "0000000007", &name));
	CU_ASSERT_EQUAL(name.session, 0x1000000abULL);
	CU_ASSERT_EQUAL(name.sequence, 7);
	CU_ASSERT_FALSE(mf_zk_parse_command("ab:1:1:0000000007", &name));
	CU_ASSERT_FALSE(mf_zk_parse_command("0000000007", &name));
	CU_ASSERT_FALSE(mf_zk_parse_command("00000001000000ab:0000000007",
					    &name));
}

static void roots_are_checked(void)
{
	char text[ZK_ROOT_BYTES_MAX + 2];

	CU_ASSERT_EQUAL(mf_zk_root_check("/metafora"), 0);
	CU_ASSERT_EQUAL(mf_zk_root_check("/a/b/c.d-e"), 0);
	CU_ASSERT_EQUAL(mf_zk_root_check(NULL), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(mf_zk_root_check(""), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(mf_zk_root_check("/"), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(mf_zk_root_check("a"), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(mf_zk_root_check("/a/"), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(mf_zk_root_check("/a//b"), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(mf_zk_root_check("/a/../b"), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(mf_zk_root_check("/a/./b"), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(mf_zk_root_check("/a\n"), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(mf_zk_root_check("/zookeeper"), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(mf_zk_root_check("/zookeeper/x"), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(mf_zk_root_check("/zookeepers"), 0);
	memset(text, 'a', sizeof(text) - 1);
	text[0] = '/';
	text[sizeof(text) - 1] = '\0';
	CU_ASSERT_EQUAL(mf_zk_root_check(text), METAFORA_ENAMETOOLONG);
}

/* --- member records -------------------------------------------------------------------- */

static const struct metafora_member_record sample = {
	.node = "n",
	.session = 0x123456789abcdef0ULL,
	.state = METAFORA_MEMBER_DRAINING,
	.weight = 2.5,
	.capacity = 7,
	.host = "host",
	.boot_id = "boot",
	.version = "1",
	.start_ms = 1234567890123,
	.pid = 4000000000u,
};

static void records_go_round(void)
{
	struct metafora_member_record record;
	void *owner;
	char *text;

	CU_ASSERT_EQUAL_FATAL(mf_zk_member_encode(&sample, &text), 0);
	CU_ASSERT_EQUAL_FATAL(mf_zk_member_decode(text, strlen(text), &record,
						  &owner), 0);
	CU_ASSERT_EQUAL(record.session, sample.session);
	CU_ASSERT_EQUAL(record.state, sample.state);
	CU_ASSERT_EQUAL(record.weight, sample.weight);
	CU_ASSERT_EQUAL(record.capacity, sample.capacity);
	CU_ASSERT_EQUAL(record.start_ms, sample.start_ms);
	CU_ASSERT_EQUAL(record.pid, sample.pid);
	CU_ASSERT_STRING_EQUAL(record.host, "host");
	CU_ASSERT_STRING_EQUAL(record.boot_id, "boot");
	CU_ASSERT_STRING_EQUAL(record.version, "1");
	mf_zk_member_free(owner);
	free(text);
}

/* Every prefix, and every byte changed: nothing but an error or a record. */
static void mangled_records_do_no_harm(void)
{
	struct metafora_member_record record;
	void *owner;
	char *text;
	size_t n;
	size_t i;

	CU_ASSERT_EQUAL_FATAL(mf_zk_member_encode(&sample, &text), 0);
	n = strlen(text);
	for (i = 0; i < n; i++)
		CU_ASSERT_EQUAL(mf_zk_member_decode(text, i, &record, &owner),
				METAFORA_EPROTO);
	for (i = 0; i < n; i++) {
		const char kept = text[i];

		text[i] = (char)(kept ^ 0x15);
		if (mf_zk_member_decode(text, n, &record, &owner) == 0)
			mf_zk_member_free(owner);
		text[i] = kept;
	}
	free(text);
}

static void bad_records_are_refused(void)
{
	static const char *const bad[] = {
		"", "null", "[]", "{}", "{\"session\":\"1\"}",
#define RECORD(session, state, weight, capacity)                              \
	"{\"session\":\"" session "\",\"state\":\"" state "\",\"weight\":"    \
	weight ",\"capacity\":" capacity ",\"host\":\"\",\"boot_id\":\"\","   \
	"\"version\":\"\",\"pid\":1,\"start_ms\":1}"
		RECORD("0000000000000000", "active", "1", "0"),
		RECORD("00000000000000001", "active", "1", "0"),
		RECORD("000000000000000g", "active", "1", "0"),
		RECORD("0000000000000001", "asleep", "1", "0"),
		RECORD("0000000000000001", "active", "0", "0"),
		RECORD("0000000000000001", "active", "-1", "0"),
		RECORD("0000000000000001", "active", "1e9", "0"),
		RECORD("0000000000000001", "active", "\"1\"", "0"),
		RECORD("0000000000000001", "active", "1", "-1"),
		RECORD("0000000000000001", "active", "1", "1.5"),
		RECORD("0000000000000001", "active", "1e999", "0"),
		/* Complete, but no JSON. */
#define WITH(member) RECORD("0000000000000001", "active", "1", "0," member)
		WITH("\"a\":[1"), WITH("\"a\":\"\\u0000\""),
		WITH("\"a\":\"\\ud800\""), WITH("\"a\":\"\xc0\x80\""),
		WITH("\"a\":\"\xed\xa0\x80\""),
		WITH("\"a\":\"\xf4\x90\x80\x80\""), WITH("\"a\":01"),
		WITH("\"a\":1."), WITH("\"a\":\"\n\""), WITH("\"a\" 1"),
		WITH(""), WITH("\"a\":\"\\x\""),
		RECORD("0000000000000001", "active", "1",
		       "99999999999999999999"),
		RECORD("0000000000000001", "active", "1",
		       "0,\"capacity\":0"),
	};
	static const char good[] = WITH("\"a\":[1]");
	struct metafora_member_record record;
	void *owner;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(mf_zk_member_decode(bad[i], strlen(bad[i]),
						    &record, &owner),
				METAFORA_EPROTO);
	CU_ASSERT_EQUAL_FATAL(mf_zk_member_decode(good, strlen(good), &record,
						  &owner), 0);
	mf_zk_member_free(owner);
}

/* Names and texts of people may be anything; later versions may say more. */
static void records_may_hold_anything(void)
{
	static const char text[] =
		" {\"later\":{\"a\":[1,\"}]\"]},\"word\":null,"
		"\"session\" : \"00000000000000ff\",\"state\":\"frozen\","
		"\"weight\":2.5e-1,\"capacity\":0,\"host\":"
		"\"\\u0041\\u00e4\\u20ac\\ud83d\\ude00\\n\\\"\\/\xc3\xa4\","
		"\"boot_id\":\"\",\"version\":\"\",\"pid\":0,"
		"\"start_ms\":-1} \n";
	struct metafora_member_record record;
	void *owner;

	CU_ASSERT_EQUAL_FATAL(mf_zk_member_decode(text, strlen(text), &record,
						  &owner), 0);
	CU_ASSERT_EQUAL(record.session, 255);
	CU_ASSERT_EQUAL(record.state, METAFORA_MEMBER_FROZEN);
	CU_ASSERT_EQUAL(record.weight, 0.25);
	CU_ASSERT_EQUAL(record.start_ms, -1);
	CU_ASSERT_STRING_EQUAL(record.host,
			       "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n\"/"
			       "\xc3\xa4");
	mf_zk_member_free(owner);
}

/* --- options ------------------------------------------------------------------------------ */

static struct metafora_zookeeper_options *options;

static void new_options(void)
{
	CU_ASSERT_EQUAL_FATAL(
		metafora_zookeeper_options_new("a:1,b", "/ns", &options), 0);
}

static void options_check_their_arguments(void)
{
	CU_ASSERT_EQUAL(metafora_zookeeper_options_new(NULL, "/ns", &options),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_zookeeper_options_new("", "/ns", &options),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_zookeeper_options_new("a", "ns", &options),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_zookeeper_options_new("a", "/ns", NULL),
			METAFORA_EINVAL);
	new_options();
	CU_ASSERT_EQUAL(
		metafora_zookeeper_set_session_timeout_ms(options, 399),
		METAFORA_ERANGE);
	CU_ASSERT_EQUAL(
		metafora_zookeeper_set_session_timeout_ms(NULL, 1000),
		METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_takeover_delay_ms(options, -1),
			METAFORA_ERANGE);
	CU_ASSERT_EQUAL(
		metafora_zookeeper_set_takeover_delay_ms(options, 3600001),
		METAFORA_ERANGE);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_takeover_delay_ms(NULL, 0),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_create(NULL, false),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_buckets(options, 0),
			METAFORA_ERANGE);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_buckets(options, 1025),
			METAFORA_ERANGE);
	CU_ASSERT_EQUAL(
		metafora_zookeeper_set_credentials(options, "digest", ""),
		METAFORA_EINVAL);
	CU_ASSERT_EQUAL(
		metafora_zookeeper_add_acl(options, "world", "anyone", "x"),
		METAFORA_EINVAL);
	CU_ASSERT_EQUAL(
		metafora_zookeeper_add_acl(options, "world", "anyone", ""),
		METAFORA_EINVAL);
	metafora_zookeeper_options_free(options);
	metafora_zookeeper_options_free(NULL);
}

/* What a coordinator of the options says. */
static int agree(void)
{
	struct metafora_coordinator *coordinator;
	int error = mf_zk_coordinator_new(options, NULL, NULL, &coordinator);

	if (!error) {
		CU_ASSERT_EQUAL(metafora_zookeeper_coordinator_new(NULL, NULL),
				METAFORA_EINVAL);
		metafora_coordinator_free(coordinator);
	}
	return error;
}

static void set_mode(enum metafora_zookeeper_acl_mode mode)
{
	CU_ASSERT_EQUAL(metafora_zookeeper_set_acl_mode(options, mode), 0);
}

static void contradictions_are_refused(void)
{
	new_options();
	CU_ASSERT_EQUAL(metafora_zookeeper_set_acl_mode(
				options, (enum metafora_zookeeper_acl_mode)4),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(agree(), 0);
	set_mode(METAFORA_ZOOKEEPER_ACL_WORLD);
	CU_ASSERT_EQUAL(agree(), 0);
	set_mode(METAFORA_ZOOKEEPER_ACL_LIST);
	CU_ASSERT_EQUAL(agree(), METAFORA_EINVAL);
	set_mode(METAFORA_ZOOKEEPER_ACL_CREATOR);
	CU_ASSERT_EQUAL(agree(), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(
		metafora_zookeeper_set_credentials(options, "digest", "a:b"),
		0);
	CU_ASSERT_EQUAL(agree(), 0);
	CU_ASSERT_EQUAL(
		metafora_zookeeper_add_acl(options, "world", "anyone", "r"), 0);
	CU_ASSERT_EQUAL(agree(), METAFORA_EINVAL);
	set_mode(METAFORA_ZOOKEEPER_ACL_WORLD);
	CU_ASSERT_EQUAL(agree(), METAFORA_EINVAL);
	set_mode(METAFORA_ZOOKEEPER_ACL_LIST);
	CU_ASSERT_EQUAL(agree(), 0);
	set_mode(METAFORA_ZOOKEEPER_ACL_DEFAULT);
	CU_ASSERT_EQUAL(agree(), 0);
	metafora_zookeeper_options_free(options);
}

static void what_the_client_lacks_is_said(void)
{
	int tls = mf_zk_real_has_tls() ? 0 : METAFORA_ENOTSUP;
	int sasl = mf_zk_real_has_sasl() ? 0 : METAFORA_ENOTSUP;

	new_options();
	CU_ASSERT_EQUAL(metafora_zookeeper_set_tls(options, "ca", "a,b", "key",
						   NULL),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_tls(options, "ca", "cert", NULL,
						   NULL),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_tls(options, "ca", "cert", "key",
						   "secret"),
			tls);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_sasl(options, "zookeeper", "",
						    "DIGEST-MD5", "user", NULL,
						    "/secret"),
			METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_sasl(options, "zookeeper", "zk",
						    "DIGEST-MD5", "user", NULL,
						    "/secret"),
			sasl);
	CU_ASSERT_EQUAL(agree(), !tls && !sasl ? METAFORA_ENOTSUP : 0);
	metafora_zookeeper_options_free(options);
}

static void acls_end_at_a_limit(void)
{
	int i;

	new_options();
	for (i = 0; i < ZK_ACL_MAX; i++)
		CU_ASSERT_EQUAL(metafora_zookeeper_add_acl(options, "ip",
							   "127.0.0.1", "cdrwa"),
				0);
	CU_ASSERT_EQUAL(options->acl[0].perms, ZK_PERM_ALL);
	CU_ASSERT_EQUAL(metafora_zookeeper_add_acl(options, "ip", "127.0.0.1",
						   "r"),
			METAFORA_EFULL);
	metafora_zookeeper_options_free(options);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	fputs(text, file);
	fclose(file);
	CU_ASSERT_EQUAL(chmod(path, mode), 0);
}

static void secrets_are_read_from_private_files(void)
{
	char path[] = "/tmp/mf-secret-XXXXXX";
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
	new_options();
	write_file(path, "user:pw\r\nmore\n", 0600);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_credentials_file(
				options, "digest", path), 0);
	CU_ASSERT_STRING_EQUAL(options->auth, "user:pw");
	write_file(path, "other:pw\n", 0640);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_credentials_file(
				options, "digest", path), METAFORA_EAUTH);
	write_file(path, "other:pw\n", 0604);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_credentials_file(
				options, "digest", path), METAFORA_EAUTH);
	/* What failed has changed nothing. */
	CU_ASSERT_STRING_EQUAL(options->auth, "user:pw");
	unlink(path);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_credentials_file(
				options, "digest", path), METAFORA_ENOENT);
	CU_ASSERT_EQUAL(metafora_zookeeper_set_credentials_env(
				options, "digest", "MF_TEST_NO_SUCH"),
			METAFORA_ENOENT);
	metafora_zookeeper_options_free(options);
}

static const struct tap_case cases[] = {
	{ "a new session is safe from before it was opened",
	  begins_with_the_session },
	{ "one acknowledged write proves nothing", one_write_proves_nothing },
	{ "a pair of writes proves the first one", a_pair_proves_the_first },
	{ "a pair is of one connection", a_pair_needs_one_connection },
	{ "a lease never goes back, nor beyond the timeout",
	  a_deadline_never_goes_back },
	{ "changes in a storm are gathered, more and more",
	  a_storm_is_gathered },
	{ "without a storm the waits stay short",
	  without_a_storm_waits_stay_short },
	{ "a crowd waits longer", a_crowd_waits_longer },
	{ "paths of folders are read", folders_go_round },
	{ "strange paths of folders are refused", strange_folders_are_refused },
	{ "claim names are read", claims_go_round },
	{ "strange claim names are refused", strange_claims_are_refused },
	{ "names that are too long are refused", long_names_are_refused },
	{ "command names name a session", commands_name_a_session },
	{ "paths of namespaces are checked", roots_are_checked },
	{ "member records go round", records_go_round },
	{ "mangled member records do no harm", mangled_records_do_no_harm },
	{ "bad member records are refused", bad_records_are_refused },
	{ "member records may hold any text, and more than is known",
	  records_may_hold_anything },
	{ "options check their arguments", options_check_their_arguments },
	{ "an ACL ends at its limit", acls_end_at_a_limit },
	{ "options that contradict each other are refused",
	  contradictions_are_refused },
	{ "TLS and SASL are refused if the client library lacks them",
	  what_the_client_lacks_is_said },
	{ "secrets are read from private files only",
	  secrets_are_read_from_private_files },
};

TAP_MAIN(cases, NULL, NULL)
