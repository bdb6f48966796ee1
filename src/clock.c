/* SPDX-License-Identifier: Apache-2.0 */
/* The clock of production. */
#include <time.h>

#include "clock.h"

uint64_t mf_clock_boottime_ns(void)
{
	struct timespec now;

	/* Cannot fail: every kernel this runs on has the clock. */
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * MF_NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t mf_clock_add_ms(uint64_t at_ns, int64_t ms)
{
	uint64_t ns;

	if (ms < 0 || (uint64_t)ms > MF_NEVER / MF_NS_PER_MS)
		return MF_NEVER;
	ns = (uint64_t)ms * MF_NS_PER_MS;
	return ns > MF_NEVER - at_ns ? MF_NEVER : at_ns + ns;
}
