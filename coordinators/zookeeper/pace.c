/* SPDX-License-Identifier: Apache-2.0 */
/* How soon what has changed is read again. */
#include "pace.h"

#define NS_PER_MS 1000000ULL
/* Changes closer to each other than this are gathered ... */
#define CALM_NS (20 * NS_PER_MS)
/* ... for so long at first, and at last for so long. */
#define DELAY_NS_MIN (2 * NS_PER_MS)
#define DELAY_NS_MAX (200 * NS_PER_MS)

uint64_t mf_zk_pace(struct zk_pace *pace, uint64_t now_ns,
		    unsigned int n_crowds, bool storms)
{
	const uint64_t delay_ns_min = n_crowds * n_crowds * DELAY_NS_MIN;

	if (now_ns - pace->read_ns > CALM_NS + pace->delay_ns)
		pace->delay_ns = 0;
	else if (pace->delay_ns < delay_ns_min || !storms)
		pace->delay_ns = delay_ns_min;
	else if (pace->delay_ns < n_crowds * DELAY_NS_MAX)
		pace->delay_ns *= 2;
	return pace->delay_ns;
}
