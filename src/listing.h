/* SPDX-License-Identifier: Apache-2.0 */
/* Listings of tasks and nodes, made of a broker's answer. */
#ifndef MF_LISTING_H
#define MF_LISTING_H

#include <stdbool.h>

#include <metafora/client.h>
#include <metafora/coordinator.h>

/*
 * Whether an answer is one that these can be made of: proper names, sorted,
 * none twice; tasks: within what was asked for.
 */
bool mf_listing_valid(const struct metafora_reply *reply, const char *prefix,
		      const char *after, size_t limit);
bool mf_node_list_valid(const struct metafora_reply *reply);

/* Copies of a valid answer.  0 or METAFORA_ENOMEM. */
int mf_listing_new(const struct metafora_reply *reply,
		   struct metafora_listing **out);
int mf_node_list_new(const struct metafora_reply *reply,
		     struct metafora_node_list **out);

#endif
