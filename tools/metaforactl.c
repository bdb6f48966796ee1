/* SPDX-License-Identifier: Apache-2.0 */
/* metaforactl: submits tasks to a cluster, and operates it. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"

/* clang-format off */
const struct ctl_command ctl_commands[] = {
	{"submit", "[ID [PROPERTIES]]", "submit tasks",
	 "Submits the task ID, with properties from the command line, from a file\n"
	 "(--properties-file) or none.  Without ID: the tasks of --file, or of standard\n"
	 "input, one per line: ID, then optionally a tab and properties.  If a line is\n"
	 "malformed nothing is submitted.\n",
	 "f0Pi", 0, 2, false, ctl_submit},
	{"rm", "ID...", "delete tasks, and wait until they have stopped",
	 NULL, "i", 1, -1, false, ctl_rm},
	{"ls", "[PREFIX]", "list tasks, their owners and tokens",
	 NULL, "lq0oum", 0, 1, false, ctl_ls},
	{"show", "ID", "show one task with its properties",
	 NULL, "p", 1, 1, false, ctl_show},
	{"nodes", "", "list the nodes that live",
	 NULL, "l", 0, 0, false, ctl_nodes},
	{"status", "", "sum up the cluster: nodes, tasks, how they are spread",
	 NULL, "", 0, 0, false, ctl_summary},
	{"watch", "", "print what happens, as it happens",
	 "Begins with what is there already.  With --json: one object a line.\n",
	 "m", 0, 0, false, ctl_watch},
	{"freeze", "NODE... | --all", "let nodes claim and give away nothing",
	 NULL, "a", 0, -1, false, ctl_simple},
	{"unfreeze", "NODE... | --all", "let nodes take part again",
	 NULL, "a", 0, -1, false, ctl_simple},
	{"balance", "NODE... | --all", "let nodes balance now",
	 NULL, "a", 0, -1, false, ctl_simple},
	{"drain", "NODE...", "let nodes give all their tasks away, and wait for it",
	 "Shows how many are left.  An interruption ends the waiting only: the nodes go\n"
	 "on draining until they are stopped or undrained.\n",
	 "wW", 1, -1, false, ctl_drain},
	{"undrain", "NODE... | --all", "let nodes take tasks again",
	 NULL, "a", 0, -1, false, ctl_simple},
	{"stop-task", "ID...", "stop the handlers of tasks, which then run again",
	 NULL, "", 1, -1, false, ctl_stop_task},
	{"command", "{NODE | --all} NAME [ARGUMENT]",
	 "send a command to a node, or to all, and print the answers",
	 NULL, "aw", 1, 3, false, ctl_send_command},
	{"init", "", "create the namespace: its folders, with buckets and ACL",
	 "If it is there already that is an error, unless --idempotent is given and the\n"
	 "number of buckets is none or the same.\n",
	 "bi", 0, 0, true, ctl_init},
	{"fsck", "", "find what is wrong in the namespace, and repair it",
	 "Only looks, unless --repair is given; that mends what provably harms nobody.\n"
	 "Reads all that there is; by default it may take ten minutes.\n",
	 "r", 0, 0, false, ctl_fsck},
	{"check-config", "FILE", "say what is wrong in a configuration file",
	 NULL, "", 1, 1, true, ctl_check_config},
	{"version", "", "print the version", NULL, "", 0, 0, true, ctl_version},
	{NULL, NULL, NULL, NULL, NULL, 0, 0, false, NULL},
};
/* clang-format on */

const struct ctl_command *ctl_find_command(const char *name)
{
	const struct ctl_command *command;

	for (command = ctl_commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

int ctl_version(struct ctl *ctl, char **argv, int argc)
{
	(void)argv;
	(void)argc;
	if (ctl->options.json)
		printf("{\"metaforactl\":\"%s\",\"libmetafora\":\"%s\"}\n",
		       METAFORA_VERSION, metafora_version());
	else
		printf("metaforactl %s (libmetafora %s)\n", METAFORA_VERSION,
		       metafora_version());
	return CTL_OK;
}

/* What was printed may be on its way still. */
static int flush(const struct ctl *ctl, int status)
{
	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	/* Who reads no further knows that. */
	if (errno == EPIPE)
		return ctl_worse(status, CTL_FAILED);
	return ctl_worse(status,
			 ctl_complain(ctl, CTL_FAILED, "standard output: %s",
				      strerror(errno)));
}

int main(int argc, char **argv)
{
	struct ctl ctl = {0};
	int first;
	int status;

	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	status = ctl_options_read(&ctl, argc, argv, &first);
	if (status)
		return flush(&ctl, status - 1);
	if (ctl_attend())
		return ctl_complain(&ctl, CTL_FAILED,
				    "the system refuses a thread");
	status = ctl.command->offline ? CTL_OK : ctl_connect(&ctl);
	if (!status)
		status = ctl.command->run(&ctl, argv + first, argc - first);
	ctl_progress_end();
	status = flush(&ctl, status);
	ctl_disconnect(&ctl);
	return ctl_interrupted() ? CTL_INTERRUPTED : status;
}
