/* SPDX-License-Identifier: Apache-2.0 */
/* fsck: finds what is not as it should be in a namespace, and repairs it. */
#include <string.h>

#include "ctl_output.h"

/* It reads all that there is. */
#define TIMEOUT_MS 600000

struct checking {
	struct ctl *ctl;
	struct ctl_json json;
	size_t n_found;
	size_t n_possible;
	size_t n_done;
	int status;
};

static const char *remedy_name(enum metafora_remedy remedy)
{
	switch (remedy) {
	case METAFORA_REMEDY_NONE:
		return "manual";
	case METAFORA_REMEDY_POSSIBLE:
		return "repairable";
	case METAFORA_REMEDY_DONE:
		return "repaired";
	case METAFORA_REMEDY_FAILED:
		return "failed";
	}
	return "unknown";
}

static void found_json(struct ctl_json *json,
		       const struct metafora_finding *finding)
{
	ctl_json_open(json, NULL, '{');
	ctl_json_string(json, "path", finding->path);
	ctl_json_string(json, "what", finding->what);
	ctl_json_string(json, "remedy", remedy_name(finding->remedy));
	ctl_json_string(json, "error",
			finding->error ? metafora_error_name(finding->error)
				       : NULL);
	ctl_json_close(json, '}');
}

static void on_finding(void *arg, const struct metafora_finding *finding)
{
	struct checking *checking = arg;
	bool failed = finding->remedy == METAFORA_REMEDY_FAILED;

	checking->n_found++;
	checking->n_possible += finding->remedy == METAFORA_REMEDY_POSSIBLE;
	checking->n_done += finding->remedy == METAFORA_REMEDY_DONE;
	if (finding->remedy != METAFORA_REMEDY_DONE)
		checking->status =
			ctl_worse(checking->status,
				  failed ? ctl_status_of(finding->error, true)
					 : CTL_FAILED);
	if (checking->ctl->options.json) {
		found_json(&checking->json, finding);
		return;
	}
	ctl_put_escaped(stdout, finding->path, strlen(finding->path));
	printf(": %s (%s%s%s)\n", finding->what, remedy_name(finding->remedy),
	       failed ? ": " : "",
	       failed ? metafora_strerror(finding->error) : "");
}

static void sum_up(const struct checking *checking)
{
	size_t n_left = checking->n_found - checking->n_done;

	if (!checking->n_found)
		printf("%s: nothing is wrong\n", checking->ctl->root);
	else if (checking->n_done)
		printf("%zu found, %zu repaired, %zu left\n", checking->n_found,
		       checking->n_done, n_left);
	else
		printf("%zu found, %zu can be repaired with --repair\n",
		       checking->n_found, checking->n_possible);
}

int ctl_fsck(struct ctl *ctl, char **argv, int argc)
{
	struct checking checking = {.ctl = ctl};
	int64_t timeout_ms = ctl->options.timeout_ms;
	int error;

	(void)argv;
	(void)argc;
	if (!ctl->options.timeout_given)
		timeout_ms = TIMEOUT_MS;
	if (ctl->options.json)
		ctl_json_open(&checking.json, NULL, '[');
	ctl_progress("looking at all that is below %s", ctl->root);
	error = metafora_client_check(ctl->client, ctl->options.repair,
				      on_finding, &checking, timeout_ms);
	ctl_progress_end();
	if (ctl->options.json)
		ctl_json_close(&checking.json, ']');
	if (error == METAFORA_EFULL)
		return ctl_complain(ctl, CTL_FAILED,
				    "%s: there is more than "
				    "can be told: run it again after this is "
				    "mended",
				    ctl->root);
	if (error)
		return ctl_fail(ctl, error, ctl->options.repair, "%s",
				ctl->root);
	if (!ctl->options.json)
		sum_up(&checking);
	return checking.status;
}
