/* SPDX-License-Identifier: Apache-2.0 */
/* Time and its arithmetic. */
#include <time.h>

#include "clock.h"
#include "tap.h"

static void the_clock_is_boottime_and_does_not_go_back(void)
{
	struct timespec now;
	uint64_t before;
	uint64_t before_s;
	int i;

	clock_gettime(CLOCK_BOOTTIME, &now);
	before_s = (uint64_t)now.tv_sec;
	before = mf_clock_boottime_ns();
	CU_ASSERT_TRUE(before / MF_NS_PER_S >= before_s);
	for (i = 0; i < 1000; i++) {
		uint64_t at = mf_clock_boottime_ns();

		CU_ASSERT_TRUE(at >= before);
		before = at;
	}
	clock_gettime(CLOCK_BOOTTIME, &now);
	CU_ASSERT_TRUE(before / MF_NS_PER_S <= (uint64_t)now.tv_sec);
}

static void milliseconds_are_added(void)
{
	CU_ASSERT_EQUAL(mf_clock_add_ms(5, 0), 5);
	CU_ASSERT_EQUAL(mf_clock_add_ms(5, 2), 2000005);
	CU_ASSERT_EQUAL(mf_clock_add_ms(0, 86400000), 86400 * MF_NS_PER_S);
}

static void what_is_too_far_is_never(void)
{
	const int64_t most_ms = (int64_t)(MF_NEVER / MF_NS_PER_MS);

	CU_ASSERT_EQUAL(mf_clock_add_ms(5, -1), MF_NEVER);
	CU_ASSERT_EQUAL(mf_clock_add_ms(5, INT64_MIN), MF_NEVER);
	CU_ASSERT_EQUAL(mf_clock_add_ms(5, INT64_MAX), MF_NEVER);
	CU_ASSERT_EQUAL(mf_clock_add_ms(MF_NEVER, 0), MF_NEVER);
	CU_ASSERT_EQUAL(mf_clock_add_ms(MF_NEVER, 1), MF_NEVER);
	CU_ASSERT_EQUAL(mf_clock_add_ms(0, most_ms),
			(uint64_t)most_ms * MF_NS_PER_MS);
	CU_ASSERT_EQUAL(mf_clock_add_ms(MF_NS_PER_MS, most_ms), MF_NEVER);
	CU_ASSERT_EQUAL(mf_clock_add_ms(0, most_ms + 1), MF_NEVER);
}

static const struct tap_case cases[] = {
	{"the clock is BOOTTIME and does not go back",
	 the_clock_is_boottime_and_does_not_go_back},
	{"milliseconds are added", milliseconds_are_added},
	{"what is too far is never", what_is_too_far_is_never},
};

TAP_MAIN(cases, NULL, NULL)
