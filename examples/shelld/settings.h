/* SPDX-License-Identifier: Apache-2.0 */
/* What metafora-shelld is told by its command line and its file. */
#ifndef SHELLD_SETTINGS_H
#define SHELLD_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include <metafora/config.h>

enum shelld_status {
	STATUS_ORDERLY = 0,
	STATUS_NOT_STARTED = 1,
	STATUS_USAGE = 2, /* of the command line or of the file */
	STATUS_FATAL = 3,
};

/* More options than there are that set a key of the configuration. */
#define SETTINGS_OVERRIDES_MAX 8

/* A key in place of what the file says. */
struct override {
	const char *option;
	const char *key;
	const char *value;
};

/* The strings are the command line's. */
struct settings {
	const char *config; /* a file; NULL: none */
	const char *output;
	const char *journal;
	const char *status; /* NULL: standard error */
	int64_t grace_ms;
	struct override overrides[SETTINGS_OVERRIDES_MAX];
	size_t n_overrides;
	/*
	 * Told what is wrong with a configuration, with file NULL for what is
	 * none's; for an option, key is that.
	 */
	metafora_config_report_fn report;
	void *report_arg;
	const char *option; /* the option that is being set; NULL: none */
};

/* Returns -1 to go on, or the status to exit with. */
int settings_read(struct settings *settings, int argc, char **argv);

/*
 * The configuration that file and command line make, checked.  It goes on to
 * report through the settings.
 * Returns 0 or what metafora/config.h says.
 */
int settings_config(struct settings *settings, struct metafora_config **out);

#endif
