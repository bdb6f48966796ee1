/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a cluster view agrees with itself. */
#ifndef T_VIEW_CHECK_H
#define T_VIEW_CHECK_H

#include "view.h"

/*
 * Count everything anew, and assert (CUnit) that lists, counts and references
 * of the view are what that gives.
 */
void view_check(const struct metafora_cluster *view);

/* Take all off the list of changed tasks, as the engine does. */
size_t view_drain(struct metafora_cluster *view);

#endif
