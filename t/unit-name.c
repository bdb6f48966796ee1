/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoding, checks and the hash of names. */
#include <metafora/error.h>
#include <metafora/task.h>
#include <stdio.h>
#include <string.h>

#include "name.h"
#include "prng.h"
#include "tap.h"

#define N_RANDOM 20000

static void check_encoding(const char *name, const char *encoded)
{
	char out[64];

	CU_ASSERT_EQUAL(mf_name_encode(name, out, sizeof(out)), 0);
	CU_ASSERT_STRING_EQUAL(out, encoded);
	CU_ASSERT_EQUAL(mf_name_decode(encoded, out, sizeof(out)), 0);
	CU_ASSERT_STRING_EQUAL(out, name);
}

static void plain_bytes_stay_and_others_become_upper_case_hex(void)
{
	check_encoding("job1", "job1");
	check_encoding("AZaz09-_", "AZaz09-_");
	check_encoding("a.b", "a.b");
	check_encoding("a b/c:d%e", "a%20b%2Fc%3Ad%25e");
	check_encoding("\xc3\xa4\xff\x01\x7f", "%C3%A4%FF%01%7F");
}

static void a_dot_is_encoded_only_in_front(void)
{
	check_encoding(".", "%2E");
	check_encoding("..", "%2E.");
	check_encoding(".hidden", "%2Ehidden");
	check_encoding("a..", "a..");
	check_encoding("/.", "%2F.");
}

static void what_encoding_would_not_write_is_refused(void)
{
	static const char *const refused[] = {
		"a b",   "a/b",  ":",    "\xc3\xa4", "a\n",  ".",   ".a",
		"%",     "%2",   "a%",   "a%4",      "%2f",  "%c3", "%G0",
		"%0G",   "%00",  "a%00", "%41",      "%61",  "%30", "%2D",
		"%5F",   "a%2E", "%%20", "%-1",      "% 20", "%+1", "%2",
		"%20%2", "~",    "a@",   "%2E%2E",
	};
	char out[64];
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		strcpy(out, "untouched");
		if (mf_name_decode(refused[i], out, sizeof(out)) !=
		    METAFORA_EPROTO)
			CU_FAIL("was not refused");
		CU_ASSERT_STRING_EQUAL(out, "untouched");
	}
}

static void room_is_needed_to_the_byte(void)
{
	char out[16] = "untouched";

	CU_ASSERT_EQUAL(mf_name_encode("a b", out, 5), METAFORA_E2BIG);
	CU_ASSERT_EQUAL(mf_name_decode("a%20b", out, 3), METAFORA_E2BIG);
	CU_ASSERT_EQUAL(mf_name_encode("", out, 0), METAFORA_E2BIG);
	CU_ASSERT_EQUAL(mf_name_decode("", out, 0), METAFORA_E2BIG);
	CU_ASSERT_STRING_EQUAL(out, "untouched");
	CU_ASSERT_EQUAL(mf_name_encode("a b", out, 6), 0);
	CU_ASSERT_STRING_EQUAL(out, "a%20b");
	CU_ASSERT_EQUAL(mf_name_decode("a%20b", out, 4), 0);
	CU_ASSERT_STRING_EQUAL(out, "a b");
	CU_ASSERT_EQUAL(mf_name_encode("", out, 1), 0);
	CU_ASSERT_STRING_EQUAL(out, "");
}

static void null_is_refused(void)
{
	char out[16];

	CU_ASSERT_EQUAL(mf_name_encode(NULL, out, 16), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(mf_name_encode("a", NULL, 16), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(mf_name_decode(NULL, out, 16), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(mf_name_decode("a", NULL, 16), METAFORA_EINVAL);
}

static void random_bytes_survive_the_round_trip(void)
{
	char name[METAFORA_TASK_ID_MAX + 1];
	char encoded[3 * METAFORA_TASK_ID_MAX + 1];
	char decoded[METAFORA_TASK_ID_MAX + 1];
	struct mf_prng prng;
	int n_wrong = 0;
	int i;

	mf_prng_seed(&prng, 1);
	for (i = 0; i < N_RANDOM; i++) {
		size_t n = mf_prng_between(&prng, 1, METAFORA_TASK_ID_MAX);
		size_t k;

		for (k = 0; k < n; k++)
			name[k] = (char)mf_prng_between(&prng, 1, 255);
		name[n] = '\0';
		n_wrong += mf_name_encode(name, encoded, 3 * n + 1) != 0;
		n_wrong += strspn(encoded, "abcdefghijklmnopqrstuvwxyz"
					   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789-_.%") !=
			   strlen(encoded);
		n_wrong += encoded[0] == '.';
		n_wrong += mf_name_decode(encoded, decoded, n + 1) != 0;
		n_wrong += strcmp(name, decoded) != 0;
	}
	CU_ASSERT_EQUAL(n_wrong, 0);
}

static void whatever_is_decoded_encodes_to_the_same_again(void)
{
	/* Close to the grammar, so that many are right and many almost. */
	static const char alphabet[] = "%%%%0123456789ABCDEFabfg.-_/ \x80";
	char encoded[16];
	char decoded[16];
	char again[64];
	struct mf_prng prng;
	int n_decoded = 0;
	int n_wrong = 0;
	int i;

	mf_prng_seed(&prng, 2);
	for (i = 0; i < N_RANDOM * 10; i++) {
		size_t n = mf_prng_between(&prng, 1, 9);
		size_t k;

		for (k = 0; k < n; k++)
			encoded[k] = alphabet[mf_prng_between(
				&prng, 0, sizeof(alphabet) - 2)];
		encoded[n] = '\0';
		if (mf_name_decode(encoded, decoded, sizeof(decoded)))
			continue;
		n_decoded++;
		n_wrong += mf_name_encode(decoded, again, sizeof(again)) != 0;
		n_wrong += strcmp(encoded, again) != 0;
	}
	CU_ASSERT_EQUAL(n_wrong, 0);
	CU_ASSERT_TRUE(n_decoded > 1000);
}

static void the_hash_is_frozen(void)
{
	static const struct {
		const char *name;
		uint32_t hash;
	} frozen[] = {
		{"", 0xab3e7c0b},
		{"a", 0x1a80b1b3},
		{"job1", 0xd3e496ec},
		{"job10", 0xa4ce46cf},
		{"\xff\x80/", 0x73aaef28},
		{"a rather longer name, with spaces", 0x1e07675f},
	};
	size_t i;

	for (i = 0; i < sizeof(frozen) / sizeof(frozen[0]); i++)
		CU_ASSERT_EQUAL(mf_name_hash(frozen[i].name), frozen[i].hash);
}

static void the_hash_spreads_similar_names(void)
{
	unsigned int bucket[64] = {0};
	char name[32];
	int i;

	for (i = 0; i < 64000; i++) {
		snprintf(name, sizeof(name), "task-%06d", i);
		bucket[mf_name_hash(name) % 64]++;
	}
	/* 1,000 expected in each; 160 off is 5 standard deviations. */
	for (i = 0; i < 64; i++)
		CU_ASSERT_TRUE(bucket[i] > 840 && bucket[i] < 1160);
}

static void lengths_are_checked_to_the_byte(void)
{
	char id[METAFORA_TASK_ID_MAX + 2];

	CU_ASSERT_EQUAL(mf_task_id_check(NULL), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(mf_task_id_check(""), METAFORA_EEMPTY);
	CU_ASSERT_EQUAL(mf_task_id_check("a"), 0);
	memset(id, 'x', sizeof(id));
	id[METAFORA_TASK_ID_MAX] = '\0';
	CU_ASSERT_EQUAL(mf_task_id_check(id), 0);
	id[METAFORA_TASK_ID_MAX] = 'x';
	id[METAFORA_TASK_ID_MAX + 1] = '\0';
	CU_ASSERT_EQUAL(mf_task_id_check(id), METAFORA_ENAMETOOLONG);
	/* Not read beyond the first byte that is too many. */
	id[METAFORA_TASK_ID_MAX + 1] = 'x';
	CU_ASSERT_EQUAL(mf_task_id_check(id), METAFORA_ENAMETOOLONG);

	CU_ASSERT_EQUAL(mf_node_name_check(NULL), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(mf_node_name_check(""), METAFORA_EEMPTY);
	id[METAFORA_NODE_NAME_MAX] = '\0';
	CU_ASSERT_EQUAL(mf_node_name_check(id), 0);
	id[METAFORA_NODE_NAME_MAX] = 'x';
	CU_ASSERT_EQUAL(mf_node_name_check(id), METAFORA_ENAMETOOLONG);
}

static void the_length_form_finds_a_nul_inside(void)
{
	CU_ASSERT_EQUAL(mf_name_check(NULL, 3, 10), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(mf_name_check("abc", 0, 10), METAFORA_EEMPTY);
	CU_ASSERT_EQUAL(mf_name_check("abc", 3, 3), 0);
	CU_ASSERT_EQUAL(mf_name_check("abc", 3, 2), METAFORA_ENAMETOOLONG);
	CU_ASSERT_EQUAL(mf_name_check("a\0c", 3, 3), METAFORA_ENUL);
	CU_ASSERT_EQUAL(mf_name_check("\0", 1, 3), METAFORA_ENUL);
	CU_ASSERT_EQUAL(mf_name_check("abc", 4, 4), METAFORA_ENUL);
}

static const struct tap_case cases[] = {
	{"plain bytes stay and others become upper-case hex",
	 plain_bytes_stay_and_others_become_upper_case_hex},
	{"a dot is encoded only in front", a_dot_is_encoded_only_in_front},
	{"what encoding would not write is refused",
	 what_encoding_would_not_write_is_refused},
	{"room is needed to the byte", room_is_needed_to_the_byte},
	{"NULL is refused", null_is_refused},
	{"random bytes survive the round trip",
	 random_bytes_survive_the_round_trip},
	{"whatever is decoded encodes to the same again",
	 whatever_is_decoded_encodes_to_the_same_again},
	{"the hash is frozen", the_hash_is_frozen},
	{"the hash spreads similar names", the_hash_spreads_similar_names},
	{"lengths are checked to the byte", lengths_are_checked_to_the_byte},
	{"the length form finds a NUL inside",
	 the_length_form_finds_a_nul_inside},
};

TAP_MAIN(cases, NULL, NULL)
