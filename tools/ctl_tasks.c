/* SPDX-License-Identifier: Apache-2.0 */
/* rm, ls: tasks that are there. */
#include <stdlib.h>
#include <string.h>

#include "ctl_output.h"

/*
 * Tasks of one request: each makes the broker name all of them, so fewer
 * requests are faster, and more of it takes more memory.
 */
#define PAGE_TASKS 20000
/* With details each task is a request of its own. */
#define PAGE_DETAILS 5000

/* --- rm --------------------------------------------------------------------------- */

static const char *rm_one(struct ctl *ctl, const char *id, int *status)
{
	int error;

	error = metafora_client_delete(ctl->client, id,
				       ctl->options.timeout_ms);
	if (error == METAFORA_ENOENT && ctl->options.idempotent)
		return "absent";
	if (!error)
		return "deleted";
	if (error == METAFORA_ETIMEDOUT)
		*status = ctl_complain(ctl, CTL_UNKNOWN,
				       "%s: its handler has "
				       "not stopped in time: look with "
				       "\"metaforactl show\", or try again",
				       id);
	else
		*status = ctl_fail(ctl, error, true, "%s", id);
	return *status == CTL_UNKNOWN || *status == CTL_INTERRUPTED ? "unknown"
								    : "failed";
}

int ctl_rm(struct ctl *ctl, char **argv, int argc)
{
	struct ctl_json json = {0};
	int status = CTL_OK;
	const char *outcome;
	int one;
	int i;

	if (ctl->options.json)
		ctl_json_open(&json, NULL, '[');
	for (i = 0; i < argc; i++) {
		one = CTL_OK;
		outcome = "unsent";
		ctl_progress("deleting %s (%d of %d)", argv[i], i + 1, argc);
		if (ctl_interrupted())
			one = ctl_complain(ctl, CTL_INTERRUPTED,
					   "%s: interrupted: not deleted",
					   argv[i]);
		else
			outcome = rm_one(ctl, argv[i], &one);
		ctl_progress_end();
		status = ctl_worse(status, one);
		if (!ctl->options.json)
			continue;
		ctl_json_open(&json, NULL, '{');
		ctl_json_string(&json, "id", argv[i]);
		ctl_json_string(&json, "outcome", outcome);
		ctl_json_close(&json, '}');
	}
	if (ctl->options.json)
		ctl_json_close(&json, ']');
	return status;
}

/* --- ls ------------------------------------------------------------------------------ */

struct listing {
	struct ctl *ctl;
	struct ctl_table *table; /* NULL: JSON, or IDs only */
	struct ctl_json json;
	size_t n_shown;
};

static const struct ctl_column task_columns[] = {
	{"TASK", false, true},
	{"OWNER", false, true},
	{"TOKEN", true, false},
	/* With --long: */
	{"SINCE", false, false},
	{"AGE", true, false},
};

static bool is_wanted(const struct ctl_options *options, const char *owner)
{
	if (options->unowned && owner)
		return false;
	return !options->owner || (owner && !strcmp(owner, options->owner));
}

static void show_row(struct listing *listing,
		     const struct metafora_listing *page, size_t i)
{
	const struct ctl_options *options = &listing->ctl->options;
	const char *id = metafora_listing_id(page, i);
	const char *owner = metafora_listing_owner(page, i);
	uint64_t token = metafora_listing_token(page, i);
	int64_t since_ms = metafora_listing_since_ms(page, i);
	char text[32];
	struct ctl_json *json = &listing->json;

	if (!is_wanted(options, owner))
		return;
	listing->n_shown++;
	if (options->json) {
		ctl_json_open(json, NULL, '{');
		json->lines = true;
		ctl_json_string(json, "id", id);
		ctl_json_string(json, "owner", owner);
		if (owner)
			ctl_json_token(json, "token", token);
		else
			ctl_json_null(json, "token");
		if (options->is_long && owner)
			ctl_json_number(json, "since_ms", since_ms);
		else if (options->is_long)
			ctl_json_null(json, "since_ms");
		ctl_json_close(json, '}');
		json->lines = false;
	} else if (options->quiet && options->null) {
		fwrite(id, 1, strlen(id) + 1, stdout);
	} else if (options->quiet) {
		ctl_put_escaped(stdout, id, strlen(id));
		putchar('\n');
	} else {
		ctl_table_cell(listing->table, CTL_PLAIN, id);
		ctl_table_cell(listing->table, owner ? CTL_PLAIN : CTL_YELLOW,
			       owner ? owner : "-");
		if (owner)
			ctl_table_number(listing->table, token);
		else
			ctl_table_cell(listing->table, CTL_PLAIN, "-");
		if (options->is_long) {
			ctl_table_cell(listing->table, CTL_PLAIN,
				       ctl_time(text, since_ms));
			ctl_table_cell(listing->table, CTL_PLAIN,
				       ctl_age(text, since_ms));
		}
	}
}

/* Whether there may be more to show. */
static bool show_page(struct listing *listing,
		      const struct metafora_listing *page)
{
	const size_t limit = (size_t)listing->ctl->options.limit;
	size_t i;

	for (i = 0; i < metafora_listing_size(page); i++) {
		if (limit && listing->n_shown == limit)
			return false;
		show_row(listing, page, i);
	}
	if (listing->table)
		ctl_table_flush(listing->table);
	return metafora_listing_more(page) && !ferror(stdout);
}

static int read_page(struct ctl *ctl, const char *prefix, const char *after,
		     struct metafora_listing **out)
{
	const struct ctl_options *options = &ctl->options;

	if (options->is_long)
		return metafora_client_list_details(ctl->client, prefix, after,
						    PAGE_DETAILS,
						    options->timeout_ms, out);
	return metafora_client_list(ctl->client, prefix, after, PAGE_TASKS,
				    options->timeout_ms, out);
}

static int list_pages(struct listing *listing, const char *prefix)
{
	struct ctl *ctl = listing->ctl;
	struct metafora_listing *page;
	char *after = NULL;
	bool more = true;
	int error;

	while (more) {
		ctl_progress("listing: %zu so far", listing->n_shown);
		error = read_page(ctl, prefix, after, &page);
		ctl_progress_end();
		free(after);
		after = NULL;
		if (error)
			return ctl_fail(ctl, error, false, "%s",
					prefix ? prefix : "tasks");
		more = show_page(listing, page);
		if (more) {
			after = strdup(metafora_listing_id(
				page, metafora_listing_size(page) - 1));
			if (!after)
				ctl_no_memory();
		}
		metafora_listing_free(page);
	}
	return CTL_OK;
}

int ctl_ls(struct ctl *ctl, char **argv, int argc)
{
	struct listing listing = {.ctl = ctl};
	int status;

	if (ctl->options.null && !ctl->options.quiet)
		return ctl_usage(ctl, "--null needs --quiet");
	if (ctl->options.owner && ctl->options.unowned)
		return ctl_usage(ctl, "either --owner or --unowned");
	if (ctl->options.json) {
		ctl_json_open(&listing.json, NULL, '[');
	} else if (!ctl->options.quiet) {
		listing.table = ctl_table_new(ctl, task_columns,
					      ctl->options.is_long ? 5 : 3);
	}
	status = list_pages(&listing, argc ? argv[0] : NULL);
	if (ctl->options.json)
		ctl_json_close(&listing.json, ']');
	if (listing.table)
		ctl_table_free(listing.table);
	return status;
}
