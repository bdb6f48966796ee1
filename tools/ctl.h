/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands of metaforactl share: options, connection, failures. */
#ifndef CTL_H
#define CTL_H

#include <metafora.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit statuses; documented in metaforactl.1. */
enum ctl_status {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_NOT_FOUND = 3,
	CTL_EXISTS = 4,
	CTL_UNREACHABLE = 5,
	CTL_FORBIDDEN = 6,
	CTL_UNKNOWN = 7,
	CTL_INTERRUPTED = 130,
};

#define CTL_ACL_MAX 16

/* What the command line and the environment say; strings are theirs. */
struct ctl_options {
	const char *servers;
	const char *namespace_path;
	const char *config;
	const char *auth_scheme;
	const char *credentials_file;
	const char *credentials_env; /* name of the variable */
	const char *acl[CTL_ACL_MAX];
	size_t n_acl;
	int64_t timeout_ms; /* of a request */
	bool timeout_given;
	bool json;
	unsigned int verbosity;
	const char *color;

	/* Of some subcommands only. */
	const char *file;
	const char *properties_file;
	const char *owner;
	bool null;
	bool idempotent;
	bool is_long;
	bool quiet;
	bool unowned;
	bool properties_only;
	bool all;
	bool no_wait;
	bool repair;
	int64_t wait_ms;   /* 0: without a limit */
	int64_t limit;     /* 0: none */
	int64_t n_buckets; /* 0: not said */
};

struct ctl;

struct ctl_command {
	const char *name;
	const char *arguments; /* for the usage */
	const char *summary;   /* one line */
	const char *help;      /* more lines, or NULL */
	const char *takes;     /* letters of its own options */
	int n_least;           /* arguments; n_most -1: any number */
	int n_most;
	bool offline; /* needs no connection */
	int (*run)(struct ctl *ctl, char **argv, int argc);
};

struct ctl {
	const struct ctl_command *command;
	struct ctl_options options;
	struct metafora_config *config;
	struct metafora_coordinator *coordinator;
	struct metafora_client *client;
	/* The cluster's servers and namespace, as long as config. */
	const char *servers;
	const char *root;
};

extern const struct ctl_command ctl_commands[]; /* ends with name NULL */
const struct ctl_command *ctl_find_command(const char *name);

/* --- ctl_options.c ------------------------------------------------------------ */

/*
 * Read the command line.  0: ctl->command is to be run with argv[*first] and
 * what follows; otherwise an exit status plus 1.
 */
int ctl_options_read(struct ctl *ctl, int argc, char **argv, int *first);
/* A line about wrong usage; CTL_USAGE. */
int ctl_usage(const struct ctl *ctl, const char *format, ...)
	METAFORA_PRINTF(2, 3);
/* The help of a subcommand, or (NULL) of all. */
void ctl_help(const struct ctl_command *command);

/* --- ctl_connect.c -------------------------------------------------------------- */

/* Of the options: the coordinator; create: the namespace may be made. A status. */
int ctl_coordinator(struct ctl *ctl, bool create);
/*
 * Make the client and wait until the broker answers.  Returns 0 or a
 * METAFORA_E... code; nothing is printed.
 */
int ctl_open(struct ctl *ctl);
/* Say what such a code means.  The status. */
int ctl_unreachable(const struct ctl *ctl, int error);
/* All of it with an existing namespace; says what is wrong.  The status. */
int ctl_connect(struct ctl *ctl);
void ctl_disconnect(struct ctl *ctl);

/* --- ctl_failure.c ---------------------------------------------------------------- */

/*
 * Say what failed and, where that is known, what to do: "metaforactl: NAME:
 * WHAT: TEXT".  written: it was a request that changes something.  The status.
 */
int ctl_fail(const struct ctl *ctl, int error, bool written, const char *format,
	     ...) METAFORA_PRINTF(4, 5);
/* A line of that form with a text of one's own; returns the status. */
int ctl_complain(const struct ctl *ctl, int status, const char *format, ...)
	METAFORA_PRINTF(3, 4);
/* The status that an error comes to, without any line. */
int ctl_status_of(int error, bool written);
/* The first that is not CTL_OK; of those an interruption. */
int ctl_worse(int one, int other);
/* No memory for the program's own things: say so and exit. */
void ctl_no_memory(void) __attribute__((noreturn));

/* --- ctl_attendant.c ----------------------------------------------------------------- */

/*
 * The attendant is a thread that takes SIGINT and SIGTERM, and that draws the
 * progress line.  On the first signal the client is closed, so that whatever
 * call is under way ends; the program ends by itself, or by force after a few
 * seconds or with another signal.  Before any other thread: returns 0 or
 * METAFORA_ESYS.
 */
int ctl_attend(void);
/* The client that a signal closes; NULL: none any more. */
void ctl_attend_client(struct metafora_client *client);
bool ctl_interrupted(void);
/*
 * Wait until the descriptor (-1: none) can be read; false after timeout_ms
 * (negative: no limit), or when interrupted.
 */
bool ctl_wait(int fd, int64_t timeout_ms);
/* What is being done; shown on a terminal if it takes longer than a second. */
void ctl_progress(const char *format, ...) METAFORA_PRINTF(1, 2);
/* It is not any more.  Before anything else is printed. */
void ctl_progress_end(void);

/* --- the subcommands -------------------------------------------------------------------- */

int ctl_submit(struct ctl *ctl, char **argv, int argc);
int ctl_rm(struct ctl *ctl, char **argv, int argc);
int ctl_ls(struct ctl *ctl, char **argv, int argc);
int ctl_show(struct ctl *ctl, char **argv, int argc);
int ctl_nodes(struct ctl *ctl, char **argv, int argc);
int ctl_summary(struct ctl *ctl, char **argv, int argc);
int ctl_simple(struct ctl *ctl, char **argv, int argc);
int ctl_send_command(struct ctl *ctl, char **argv, int argc);
int ctl_stop_task(struct ctl *ctl, char **argv, int argc);
int ctl_drain(struct ctl *ctl, char **argv, int argc);
int ctl_init(struct ctl *ctl, char **argv, int argc);
int ctl_watch(struct ctl *ctl, char **argv, int argc);
int ctl_fsck(struct ctl *ctl, char **argv, int argc);
int ctl_check_config(struct ctl *ctl, char **argv, int argc);
int ctl_version(struct ctl *ctl, char **argv, int argc);

#endif
