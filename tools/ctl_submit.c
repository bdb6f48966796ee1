/* SPDX-License-Identifier: Apache-2.0 */
/* submit: tasks from arguments, a file, or standard input. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl_input.h"
#include "ctl_output.h"

/* Tasks that go in one call, and that an interruption leaves in doubt. */
#define BATCH_TASKS 4000
#define BATCH_BYTES (8 * 1024 * 1024)
/* Failures that are named; of more only the number is said. */
#define NAMED_MAX 20

struct submitting {
	struct ctl *ctl;
	const char *source; /* for people */
	size_t spaced_line; /* first with a space, but no tab; 0: none */
	struct metafora_batch **batches;
	size_t n_batches;
	size_t n_bytes; /* of the last one */
	size_t n_tasks;
	size_t n_submitted;
	size_t n_failed;
	size_t n_unknown;
	size_t n_unsent;
	int status;
	struct ctl_json json;
};

/* --- gathering ---------------------------------------------------------------------- */

static void add_batch(struct submitting *submitting)
{
	struct metafora_batch **batches =
		realloc(submitting->batches,
			(submitting->n_batches + 1) * sizeof(*batches));

	if (!batches || metafora_batch_new(&batches[submitting->n_batches]))
		ctl_no_memory();
	submitting->batches = batches;
	submitting->n_batches++;
	submitting->n_bytes = 0;
}

static int add(struct submitting *submitting, const char *id, size_t id_bytes,
	       const void *properties, size_t size_bytes)
{
	struct metafora_batch *last = NULL;
	int error;

	if (submitting->n_batches)
		last = submitting->batches[submitting->n_batches - 1];
	if (!last || metafora_batch_size(last) == BATCH_TASKS ||
	    submitting->n_bytes + size_bytes > BATCH_BYTES)
		add_batch(submitting);
	last = submitting->batches[submitting->n_batches - 1];
	error = metafora_batch_add(last, id, id_bytes, properties, size_bytes);
	if (error)
		return error;
	submitting->n_bytes += size_bytes;
	submitting->n_tasks++;
	return 0;
}

/* "ID" or "ID<TAB>PROPERTIES". */
static int add_record(void *arg, const char *record, size_t n, size_t number)
{
	struct submitting *submitting = arg;
	const char *tab = memchr(record, '\t', n);
	size_t id_bytes = tab ? (size_t)(tab - record) : n;
	int error = add(submitting, record, id_bytes, tab ? tab + 1 : NULL,
			tab ? n - id_bytes - 1 : 0);

	/* With NUL at the end of each nothing is a matter of looks. */
	if (!tab && !submitting->ctl->options.null &&
	    !submitting->spaced_line && memchr(record, ' ', n))
		submitting->spaced_line = number;
	if (!error)
		return CTL_OK;
	ctl_fail(submitting->ctl, error, false,
		 "%s: line %zu: nothing was submitted", submitting->source,
		 number);
	return CTL_USAGE;
}

static int add_argument(struct submitting *submitting, const char *id,
			const char *properties)
{
	struct ctl *ctl = submitting->ctl;
	char *bytes = NULL;
	size_t n = properties ? strlen(properties) : 0;
	int status = CTL_OK;
	int error;

	if (ctl->options.properties_file) {
		status = ctl_read_all(ctl, ctl->options.properties_file,
				      METAFORA_PROPERTIES_MAX, &bytes, &n);
		properties = bytes;
	}
	if (!status) {
		error = add(submitting, id, strlen(id), properties, n);
		if (error)
			status = ctl_fail(ctl, error, false, "%s", id);
	}
	free(bytes);
	return status;
}

static int gather(struct submitting *submitting, char **argv, int argc)
{
	struct ctl *ctl = submitting->ctl;
	const struct ctl_options *options = &ctl->options;

	if (argc && options->file)
		return ctl_usage(ctl, "either ID or --file");
	if (options->properties_file && argc != 1)
		return ctl_usage(ctl, "--properties-file is for one ID "
				      "without properties");
	if (argc)
		return add_argument(submitting, argv[0], argv[1]);
	if (!options->file && isatty(STDIN_FILENO) == 1)
		return ctl_usage(ctl, "no ID, no --file, and standard input "
				      "is a terminal");
	submitting->source = options->file ? options->file : "-";
	if (!strcmp(submitting->source, "-"))
		submitting->source = "standard input";
	return ctl_read_records(ctl, options->file ? options->file : "-",
				options->null ? '\0' : '\n', add_record,
				submitting);
}

/* --- accounting ------------------------------------------------------------------------ */

static bool is_unknown(int error)
{
	return metafora_error_is_unknown_outcome(error) ||
	       error == METAFORA_ESTOPPED;
}

static void print_failure(struct submitting *submitting, const char *id,
			  int error)
{
	struct ctl_json *json = &submitting->json;

	if (!submitting->ctl->options.json)
		return;
	ctl_json_open(json, NULL, '{');
	json->lines = true;
	ctl_json_string(json, "id", id);
	ctl_json_string(json, "error", metafora_error_name(error));
	ctl_json_string(json, "message", metafora_strerror(error));
	ctl_json_close(json, '}');
	json->lines = false;
}

static void account_one(struct submitting *submitting, const char *id,
			int error)
{
	struct ctl *ctl = submitting->ctl;
	size_t n_named = submitting->n_failed + submitting->n_unknown;

	if (!error) {
		submitting->n_submitted++;
		return;
	}
	print_failure(submitting, id, error);
	if (is_unknown(error))
		submitting->n_unknown++;
	else
		submitting->n_failed++;
	/* Of an interruption only the sum is told. */
	if (n_named < NAMED_MAX && error != METAFORA_ESTOPPED)
		ctl_fail(ctl, error, true, "%s", id);
	submitting->status =
		ctl_worse(submitting->status, ctl_status_of(error, true));
}

static void account(struct submitting *submitting,
		    const struct metafora_batch *batch)
{
	size_t i;

	for (i = 0; i < metafora_batch_size(batch); i++)
		account_one(submitting, metafora_batch_id(batch, i),
			    metafora_batch_error(batch, i));
}

static void sum_up(struct submitting *submitting)
{
	struct ctl_json *json = &submitting->json;
	struct ctl *ctl = submitting->ctl;

	if (ctl->options.json) {
		ctl_json_close(json, ']');
		ctl_json_number(json, "submitted",
				(int64_t)submitting->n_submitted);
		ctl_json_number(json, "failed", (int64_t)submitting->n_failed);
		ctl_json_number(json, "unknown",
				(int64_t)submitting->n_unknown);
		ctl_json_number(json, "unsent", (int64_t)submitting->n_unsent);
		ctl_json_close(json, '}');
	}
	if (submitting->n_tasks == submitting->n_submitted) {
		if (!ctl->options.json && submitting->n_tasks != 1)
			printf("%zu tasks submitted\n",
			       submitting->n_submitted);
		return;
	}
	if (submitting->n_tasks > 1 || ctl_interrupted())
		ctl_complain(ctl, submitting->status,
			     "%s%zu of %zu tasks "
			     "submitted, %zu failed, %zu perhaps submitted, "
			     "%zu not sent",
			     ctl_interrupted() ? "interrupted: " : "",
			     submitting->n_submitted, submitting->n_tasks,
			     submitting->n_failed, submitting->n_unknown,
			     submitting->n_unsent);
}

/* --- sending ------------------------------------------------------------------------------ */

static void send_all(struct submitting *submitting)
{
	struct ctl *ctl = submitting->ctl;
	bool lost = false;
	size_t b;

	for (b = 0; b < submitting->n_batches; b++) {
		struct metafora_batch *batch = submitting->batches[b];

		/* What comes behind would not get through either. */
		if (lost || ctl_interrupted()) {
			submitting->n_unsent += metafora_batch_size(batch);
			continue;
		}
		ctl_progress("submitted %zu of %zu tasks",
			     submitting->n_submitted, submitting->n_tasks);
		if (ctl->options.idempotent)
			metafora_client_ensure_batch(ctl->client, batch,
						     ctl->options.timeout_ms);
		else
			metafora_client_submit_batch(ctl->client, batch,
						     ctl->options.timeout_ms);
		account(submitting, batch);
		lost = submitting->n_unknown > 0;
	}
	ctl_progress_end();
	if (ctl_interrupted())
		submitting->status = CTL_INTERRUPTED;
}

int ctl_submit(struct ctl *ctl, char **argv, int argc)
{
	struct submitting submitting = {.ctl = ctl};
	int status = gather(&submitting, argv, argc);
	size_t b;

	if (!status && submitting.spaced_line)
		ctl_complain(ctl, CTL_OK,
			     "%s: line %zu has a space but no tab: all of it is "
			     "the ID (what parts ID and properties is a tab)",
			     submitting.source, submitting.spaced_line);
	if (!status) {
		if (ctl->options.json) {
			ctl_json_open(&submitting.json, NULL, '{');
			ctl_json_open(&submitting.json, "errors", '[');
		}
		send_all(&submitting);
		sum_up(&submitting);
		status = submitting.status;
	}
	for (b = 0; b < submitting.n_batches; b++)
		metafora_batch_free(submitting.batches[b]);
	free(submitting.batches);
	return status;
}
