/* SPDX-License-Identifier: Apache-2.0 */
/* Time: units, and the clock of production. */
#ifndef MF_CLOCK_H
#define MF_CLOCK_H

#include <stdint.h>

#define MF_NS_PER_MS 1000000ULL
#define MF_NS_PER_S 1000000000ULL
#define MF_NEVER UINT64_MAX

/* CLOCK_BOOTTIME in nanoseconds.  Any thread. */
uint64_t mf_clock_boottime_ns(void);

/* at + ms, saturating at MF_NEVER; ms < 0 counts as never. */
uint64_t mf_clock_add_ms(uint64_t at_ns, int64_t ms);

#endif
