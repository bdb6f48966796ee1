/* SPDX-License-Identifier: Apache-2.0 */
/* What a node's process and the test that starts it agree upon. */
#ifndef T_NODE_MAIN_H
#define T_NODE_MAIN_H

/* Its arguments. */
enum {
	NODE_PROGRAM,
	NODE_SERVERS,
	NODE_NAMESPACE,
	NODE_NAME,
	NODE_TIMEOUT_MS, /* of the session */
	NODE_JOIN_MS,    /* to join in */
	NODE_JOURNAL,
	NODE_FLAGS,
	NODE_N_ARGUMENTS
};

#define NODE_FLAG_LEASES 'l'   /* moves of the lease into the journal */
#define NODE_FLAG_STUBBORN 's' /* runs go on until they are lost */

#define NODE_FLAG_WARMS 'w'    /* runs warm up before they do their work */
#define NODE_FLAG_PREPARES 'p' /* ... if they can, before they begin */
#define NODE_WARM_UP_MS 200

/* Properties of a task that is done at once; others run until stopped. */
#define NODE_DONE "done"

/* The line of its output that says that it has joined. */
#define NODE_JOINED "node has joined"

#endif
