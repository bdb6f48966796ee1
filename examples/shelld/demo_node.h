/* SPDX-License-Identifier: Apache-2.0 */
/* A node of the demo: a consumer that runs shell commands, and can die. */
#ifndef SHELLD_DEMO_NODE_H
#define SHELLD_DEMO_NODE_H

#include <stdbool.h>

#include <metafora/coordinator.h>
#include <metafora/plugins.h>

struct demo_node;

/*
 * Start a node.  Output goes to directory/out, the journal to
 * directory/NAME.journal.  name must live as long as the node.
 * Returns 0 or a METAFORA_E... code.
 */
int demo_node_start(const char *name, const char *directory,
		    struct metafora_coordinator *coordinator,
		    struct demo_node **out);

const char *demo_node_name(const struct demo_node *node);
bool demo_node_is_dead(const struct demo_node *node);

/*
 * Let it die without warning, as when its machine loses power: the broker
 * hears nothing more from it, its commands are killed, it writes no further
 * line.  The journal journal_fd gets its line "died", after that.
 * Returns 0, METAFORA_ESYS (journal), METAFORA_ENOMEM (nothing was done).
 */
int demo_node_die(struct demo_node *node,
		  struct metafora_embedded_broker *broker, int journal_fd);

/* Begin to stop. */
void demo_node_close(struct demo_node *node);
/* Stop and free.  NULL is allowed. */
void demo_node_free(struct demo_node *node);

#endif
