/* SPDX-License-Identifier: Apache-2.0 */
/* watch: prints what happens in the cluster, as it happens. */
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "ctl_output.h"

/*
 * Events come on the client's thread and are printed there: who reads them
 * slowly holds them up, instead of letting them pile up in memory.
 */
struct watching {
	struct ctl *ctl;
	struct ctl_json json;
	bool colors;
	bool synced;
	int64_t n_told;
	bool ended;  /* nothing more is to be printed */
	int error;   /* of the connection, for good */
	int over_fd; /* readable: the main thread is to end it */
};

static void end(struct watching *watching)
{
	const uint64_t one = 1;

	watching->ended = true;
	if (write(watching->over_fd, &one, sizeof(one)) < 0)
		watching->error = METAFORA_ESYS;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_node_state(enum metafora_event_type type)
{
	return type == METAFORA_EVENT_NODE_JOINED ||
	       type == METAFORA_EVENT_NODE_CHANGED;
}

static void print_json(struct watching *watching,
		       const struct metafora_event *event)
{
	enum metafora_event_type type = metafora_event_type(event);
	struct ctl_json *json = &watching->json;
	int error = metafora_event_error(event);

	ctl_json_open(json, NULL, '{');
	ctl_json_string(json, "type", metafora_event_type_name(type));
	ctl_json_number(json, "time_ms", now_ms());
	if (metafora_event_task(event))
		ctl_json_string(json, "task", metafora_event_task(event));
	if (metafora_event_node(event))
		ctl_json_string(json, "node", metafora_event_node(event));
	if (metafora_event_token(event))
		ctl_json_token(json, "token", metafora_event_token(event));
	if (is_node_state(type)) {
		ctl_json_string(json, "state",
				metafora_member_state_name(
					metafora_event_state(event)));
		ctl_json_real(json, "weight", metafora_event_weight(event));
		ctl_json_number(json, "capacity",
				(int64_t)metafora_event_capacity(event));
	}
	if (error)
		ctl_json_string(json, "error", metafora_error_name(error));
	ctl_json_close(json, '}');
}

static enum ctl_paint paint_of(enum metafora_event_type type)
{
	switch (type) {
	case METAFORA_EVENT_DISCONNECTED:
	case METAFORA_EVENT_NODE_LEFT:
		return CTL_RED;
	case METAFORA_EVENT_NODE_JOINED:
	case METAFORA_EVENT_CONNECTED:
		return CTL_GREEN;
	case METAFORA_EVENT_TASK_FREED:
		return CTL_YELLOW;
	default:
		return CTL_PLAIN;
	}
}

static void print_name(const char *name)
{
	if (!name)
		return;
	fputs("  ", stdout);
	ctl_put_escaped(stdout, name, strlen(name));
}

static void print_text(const struct watching *watching,
		       const struct metafora_event *event)
{
	enum metafora_event_type type = metafora_event_type(event);
	int error = metafora_event_error(event);
	char time[32];

	printf("%s  ", ctl_time(time, now_ms()));
	ctl_put_painted(watching->colors, paint_of(type), 14,
			metafora_event_type_name(type));
	print_name(metafora_event_task(event));
	print_name(metafora_event_node(event));
	if (metafora_event_token(event))
		printf("  %" PRIu64, metafora_event_token(event));
	if (is_node_state(type))
		printf("  %s  weight %.6g",
		       metafora_member_state_name(metafora_event_state(event)),
		       metafora_event_weight(event));
	if (error)
		printf("  %s", metafora_strerror(error));
	putchar('\n');
}

static void on_event(void *arg, const struct metafora_event *event)
{
	struct watching *watching = arg;
	enum metafora_event_type type = metafora_event_type(event);
	int64_t limit = watching->ctl->options.limit;

	if (watching->ended)
		return;
	if (watching->ctl->options.json)
		print_json(watching, event);
	else
		print_text(watching, event);
	watching->synced |= type == METAFORA_EVENT_SYNCED;
	/* What is there already comes in one piece. */
	if (watching->synced)
		fflush(stdout);
	watching->n_told++;
	watching->error = metafora_event_error(event);
	if (watching->error || ferror(stdout) ||
	    (limit && watching->n_told == limit))
		end(watching);
}

int ctl_watch(struct ctl *ctl, char **argv, int argc)
{
	struct watching watching = {
		.ctl = ctl,
		.json = {.lines = true},
		.colors = ctl_colors(ctl),
		.over_fd = eventfd(0, EFD_CLOEXEC),
	};
	struct metafora_watch *watch;
	int error;

	(void)argv;
	(void)argc;
	if (watching.over_fd < 0)
		return ctl_fail(ctl, METAFORA_ESYS, false, "%s", ctl->root);
	error = metafora_client_watch(ctl->client, on_event, &watching, &watch);
	if (!error) {
		ctl_wait(watching.over_fd, -1);
		metafora_watch_free(watch);
		error = watching.error;
	}
	close(watching.over_fd);
	if (error && !ctl_interrupted())
		return ctl_fail(ctl, error, false, "%s", ctl->root);
	return CTL_OK;
}
