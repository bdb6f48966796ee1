/* SPDX-License-Identifier: Apache-2.0 */
/* What a process of nodes and the benchmark that starts it agree upon. */
#ifndef BENCH_NODE_H
#define BENCH_NODE_H

/* Its arguments. */
enum {
	NODE_PROGRAM,
	NODE_SERVERS,
	NODE_NAMESPACE,
	NODE_FIRST, /* number of the first node, which names it */
	NODE_COUNT,
	NODE_TIMEOUT_MS,
	NODE_TASKS, /* that there may be; each is named by its number */
	NODE_PACE,  /* moves a second; 0: as many as there are */
	NODE_JOURNAL,
	NODE_FLAGS,
	NODE_N_ARGUMENTS
};

#define NODE_FLAG_TELLS 'd'    /* when claims are sent and decided */
#define NODE_FLAG_FROZEN 'f'   /* knows tasks, runs none */
#define NODE_FLAG_THREADED 't' /* a thread for each task */

#define NODE_NAME_FORMAT "node%03u"
#define NODE_TASK_PREFIX "task-"

/*
 * Signals: SIGTERM: leave in order; SIGUSR1: tell what is used up; SIGUSR2:
 * all tasks, also those to come, are done.
 */

#endif
