/* SPDX-License-Identifier: Apache-2.0 */
/* show: all there is to know about one task. */
#include <inttypes.h>
#include <string.h>

#include "ctl_output.h"

static void show_json(const struct metafora_task_info *info)
{
	const char *owner = metafora_task_info_owner(info);
	struct ctl_json json = {0};
	size_t i;

	ctl_json_open(&json, NULL, '{');
	ctl_json_string(&json, "id", metafora_task_info_id(info));
	ctl_json_number(&json, "submitted_ms",
			metafora_task_info_submitted_ms(info));
	ctl_json_string(&json, "owner", owner);
	if (owner) {
		ctl_json_token(&json, "token", metafora_task_info_token(info));
		ctl_json_number(&json, "since_ms",
				metafora_task_info_since_ms(info));
	} else {
		ctl_json_null(&json, "token");
		ctl_json_null(&json, "since_ms");
	}
	ctl_json_open(&json, "waiters", '[');
	for (i = 0; i < metafora_task_info_n_waiters(info); i++)
		ctl_json_string(&json, NULL,
				metafora_task_info_waiter(info, i));
	ctl_json_close(&json, ']');
	ctl_json_number(&json, "size_bytes",
			(int64_t)metafora_task_info_size_bytes(info));
	ctl_json_bytes(&json, "properties", metafora_task_info_properties(info),
		       metafora_task_info_size_bytes(info));
	ctl_json_close(&json, '}');
}

static void show_line(const char *what, const char *text)
{
	printf("%-12s", what);
	ctl_put_escaped(stdout, text, strlen(text));
	putchar('\n');
}

static void show_text(const struct metafora_task_info *info)
{
	const char *owner = metafora_task_info_owner(info);
	int64_t since_ms = metafora_task_info_since_ms(info);
	int64_t submitted_ms = metafora_task_info_submitted_ms(info);
	size_t n = metafora_task_info_size_bytes(info);
	char time[32], age[32];
	size_t i;

	show_line("task", metafora_task_info_id(info));
	printf("submitted   %s (%s ago)\n", ctl_time(time, submitted_ms),
	       ctl_age(age, submitted_ms));
	show_line("owner", owner ? owner : "-");
	if (owner)
		printf("since       %s (%s)\ntoken       %" PRIu64 "\n",
		       ctl_time(time, since_ms), ctl_age(age, since_ms),
		       metafora_task_info_token(info));
	for (i = 0; i < metafora_task_info_n_waiters(info); i++)
		show_line(i ? "" : "waiting",
			  metafora_task_info_waiter(info, i));
	printf("properties  %zu bytes\n", n);
	if (!n)
		return;
	ctl_put_escaped(stdout, metafora_task_info_properties(info), n);
	putchar('\n');
}

int ctl_show(struct ctl *ctl, char **argv, int argc)
{
	struct metafora_task_info *info;
	int error;

	(void)argc;
	ctl_progress("asking for %s", argv[0]);
	error = metafora_client_task(ctl->client, argv[0],
				     ctl->options.timeout_ms, &info);
	ctl_progress_end();
	if (error)
		return ctl_fail(ctl, error, false, "%s", argv[0]);
	if (ctl->options.properties_only)
		fwrite(metafora_task_info_properties(info), 1,
		       metafora_task_info_size_bytes(info), stdout);
	else if (ctl->options.json)
		show_json(info);
	else
		show_text(info);
	metafora_task_info_free(info);
	return CTL_OK;
}
