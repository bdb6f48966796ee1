/* SPDX-License-Identifier: Apache-2.0 */
/* The warden: a process that kills a node's children when the node dies. */
#ifndef SHELLD_WARDEN_H
#define SHELLD_WARDEN_H

#include <stdatomic.h>
#include <sys/types.h>

/*
 * PR_SET_PDEATHSIG reaches a node's children, but not theirs: a command that
 * a shell waits for would outlive a node killed by SIGKILL, and run on while
 * the next owner runs it again.  So a small process of its own holds the
 * reading end of a pipe whose only writing end is the node's.  When the node
 * ends, however it ends, the warden kills the process groups that are noted
 * in a shared table.  What leaves its group (setsid) is out of reach.
 */
struct warden;

/* Most groups noted at a time. */
#define WARDEN_SLOTS 4096

/* A place for a group's ID; 0 is a free one. */
typedef _Atomic pid_t warden_slot;

/* In a slot that is taken while there is no group. */
#define WARDEN_RESERVED (-1)

/* Fork the warden.  Returns 0 or an errno code. */
int warden_new(struct warden **out);

/*
 * Reserve a slot; the child itself, or its parent, stores its group's ID.
 * NULL if none is free.  Give it back as soon as the group is empty: later
 * the ID may be another's.  One thread at a time.
 */
warden_slot *warden_take(struct warden *warden);
void warden_give_back(warden_slot *slot);

/* End the warden, which kills what is still noted.  NULL is allowed. */
void warden_free(struct warden *warden);

#endif
