/* SPDX-License-Identifier: Apache-2.0 */
/* How soon what has changed is read again. */
#ifndef ZK_PACE_H
#define ZK_PACE_H

#include <stdbool.h>
#include <stdint.h>

/* Of one thing that is watched; zeroed to begin with. */
struct zk_pace {
	uint64_t read_ns;  /* the owner's: when it was last read */
	uint64_t delay_ns; /* grows while changes follow each other */
};

/*
 * It has changed: after how many nanoseconds to read it again; 0: now.  The
 * waits grow by themselves only while it storms.  Of a crowd each makes all
 * others read, so they grow with the number of crowds (1 or more), too, the
 * first one with its square.
 */
uint64_t mf_zk_pace(struct zk_pace *pace, uint64_t now_ns,
		    unsigned int n_crowds, bool storms);

#endif
