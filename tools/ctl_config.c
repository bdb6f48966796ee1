/* SPDX-License-Identifier: Apache-2.0 */
/* check-config: says what is wrong in a configuration file. */
#include <stdio.h>
#include <string.h>

#include "ctl_output.h"

struct checking {
	struct ctl *ctl;
	struct ctl_json json;
};

static void on_problem(void *arg, const char *file, int line, const char *key,
		       const char *message)
{
	struct checking *checking = arg;
	struct ctl_json *json = &checking->json;
	char at[16] = ""; /* 0: it is of no line */

	if (!checking->ctl->options.json) {
		if (line > 0)
			snprintf(at, sizeof(at), "%d:", line);
		ctl_complain(checking->ctl, CTL_USAGE, "%s:%s %s%s%s", file, at,
			     key ? key : "", key ? ": " : "", message);
		return;
	}
	ctl_json_open(json, NULL, '{');
	ctl_json_string(json, "file", file);
	ctl_json_number(json, "line", line);
	ctl_json_string(json, "key", key);
	ctl_json_string(json, "message", message);
	ctl_json_close(json, '}');
}

int ctl_check_config(struct ctl *ctl, char **argv, int argc)
{
	struct checking checking = {.ctl = ctl};
	struct metafora_config *config = NULL;
	int error;

	(void)argc;
	if (ctl->options.json)
		ctl_json_open(&checking.json, NULL, '[');
	error = metafora_config_load(argv[0], on_problem, &checking, &config);
	if (!error)
		error = metafora_config_check(config);
	metafora_config_free(config);
	if (ctl->options.json)
		ctl_json_close(&checking.json, ']');
	if (error == METAFORA_ENOMEM)
		ctl_no_memory();
	if (error)
		return CTL_USAGE;
	if (!ctl->options.json) {
		ctl_put_escaped(stdout, argv[0], strlen(argv[0]));
		printf(": nothing is wrong\n");
	}
	return CTL_OK;
}
