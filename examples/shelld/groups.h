/* SPDX-License-Identifier: Apache-2.0 */
/* Which process groups have members that live, by a look at /proc. */
#ifndef SHELLD_GROUPS_H
#define SHELLD_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * kill(-group, 0) counts zombies too, and an orphan stays one for as long as
 * the system's first process does not care: for ever in many containers.
 */
struct groups {
	pid_t *ids; /* sorted; NULL before the first look */
	size_t n;
};

/*
 * Look anew; groups is all zero at first.  Returns 0, -1 if /proc cannot be
 * read or memory is short: then groups is as before.
 */
int groups_look(struct groups *groups);
/* Whether the group had a living member when we looked. */
bool groups_has(const struct groups *groups, pid_t group);
void groups_free(struct groups *groups);

/* The same for a session, looked at now: 1, 0; -1 if /proc cannot be read. */
int session_lives(pid_t session);

#endif
