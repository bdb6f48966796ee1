/* SPDX-License-Identifier: Apache-2.0 */
/* What the demo's story needs of a cluster: one in this process, or a real one. */
#ifndef SHELLD_DEMO_CLUSTER_H
#define SHELLD_DEMO_CLUSTER_H

#include <stddef.h>

#include <metafora/client.h>
#include <metafora/coordinator.h>

/* A node that is not heard of for so long is dead to the broker. */
#define SESSION_TIMEOUT_MS 1500
/* From SIGTERM to SIGKILL for a task. */
#define TASK_GRACE_MS 1000

#define NODES_MAX 8
#define PATH_BYTES 4096

/* What an operation returns after it said on standard error what is wrong. */
#define FAILED (-1)
/* The same, quietly: a signal came, and is still to be read. */
#define INTERRUPTED (-2)

/* Of one run of the demo; const once it is made. */
struct site {
	const char *programs;  /* folder of our other programs, or NULL */
	const char *directory; /* where everything goes */
	int signal_fd;         /* readable: we are to end */
	int journal_fd;        /* of submissions and deaths */
};

struct demo_task {
	char id[16];
	char command[512];
};

/* A cluster; each kind has its state behind it. */
struct cluster {
	const struct cluster_ops *ops;
	const struct site *site;
	/* Set by open: what the broker is, and how a client reaches it. */
	char broker[128];
	struct metafora_coordinator *coordinator;
};

/* Each returns 0, FAILED or INTERRUPTED unless it says otherwise. */
struct cluster_ops {
	/* NULL if it failed. */
	struct cluster *(*new)(const struct site *site);
	/* Make the broker. */
	int (*open)(struct cluster *cluster);
	/* name lives as long as the cluster; it may join later. */
	int (*start_node)(struct cluster *cluster, const char *name);
	/* Submit tasks and note it in the journal. */
	int (*submit)(struct cluster *cluster, struct metafora_client *client,
		      const struct demo_task *tasks, size_t n_tasks);
	/*
	 * Let a node die without warning, as when its machine loses power,
	 * and note it in the journal once none of its commands runs.
	 */
	int (*kill_node)(struct cluster *cluster, const char *name);
	/* Whether all that should live does; it said what does not. */
	int (*check)(struct cluster *cluster);
	/* Stop the nodes in order, then the broker; free everything. */
	void (*free)(struct cluster *cluster);
};

extern const struct cluster_ops embedded_cluster;
extern const struct cluster_ops zookeeper_cluster;

/* Say on standard error what failed.  Returns FAILED. */
int fail(const char *what, const char *why);
int fail_by(const char *what, int error);

/* A path in the demo's folder.  Returns 0 or FAILED. */
int site_path(const struct site *site, const char *name, const char *ending,
	      char path[PATH_BYTES]);
/* Note a death.  Returns 0 or FAILED. */
int site_note_death(const struct site *site, const char *node);

#endif
