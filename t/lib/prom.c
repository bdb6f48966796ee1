/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the Prometheus text format. */
#include "prom.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define NAME_MAX_ 100
#define FAMILIES_MAX 200
#define SAMPLES_MAX 1000

enum type { COUNTER, GAUGE, HISTOGRAM };

struct sample {
	char name[NAME_MAX_];
	char labels[400]; /* between the braces, as written */
	char le[40];      /* the label's value; "": none */
	double value;
};

struct reader {
	const char *at;
	unsigned int line;
	/* The family that is being read; "": none yet. */
	char family[NAME_MAX_];
	enum type type;
	bool has_type;
	size_t n_samples;
	double le, bucket, count; /* histogram: newest bound and values */
	bool has_sum;
	char families[FAMILIES_MAX][NAME_MAX_];
	size_t n_families;
	struct sample samples[SAMPLES_MAX];
	size_t n_all;
};

static bool bad(const struct reader *r, const char *why)
{
	tap_note("metrics: line %u: %s: %.60s", r->line, why, r->at);
	return false;
}

static bool take(struct reader *r, const char *text)
{
	if (strncmp(r->at, text, strlen(text)) != 0)
		return false;
	r->at += strlen(text);
	return true;
}

static bool take_name(struct reader *r, char *name, bool label)
{
	size_t n = 0;

	while (isalpha((unsigned char)r->at[n]) || r->at[n] == '_' ||
	       (r->at[n] == ':' && !label) ||
	       (n && isdigit((unsigned char)r->at[n])))
		n++;
	if (!n || n >= NAME_MAX_)
		return bad(r, "no name");
	memcpy(name, r->at, n);
	name[n] = '\0';
	r->at += n;
	return true;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

static bool end_family(struct reader *r)
{
	if (!r->family[0])
		return true;
	if (!r->has_type || !r->n_samples)
		return bad(r, "the family before lacks type or samples");
	if (r->type == HISTOGRAM && (!isinf(r->le) || !r->has_sum ||
				     r->count != r->bucket))
		return bad(r, "the histogram before is not complete");
	return true;
}

static bool read_help(struct reader *r)
{
	size_t i;

	if (!end_family(r) || !take_name(r, r->family, false))
		return false;
	for (i = 0; i < r->n_families; i++) {
		if (!strcmp(r->families[i], r->family))
			return bad(r, "family comes twice");
	}
	if (r->n_families == FAMILIES_MAX)
		return bad(r, "too many families");
	strcpy(r->families[r->n_families++], r->family);
	r->has_type = r->has_sum = false;
	r->n_samples = 0;
	r->le = -1;
	r->bucket = r->count = 0;
	if (!take(r, " ") || *r->at == '\n')
		return bad(r, "no help");
	r->at += strcspn(r->at, "\n");
	return true;
}

static bool read_type(struct reader *r)
{
	char name[NAME_MAX_];

	if (!take_name(r, name, false))
		return false;
	if (strcmp(name, r->family) != 0 || r->has_type || r->n_samples)
		return bad(r, "type in the wrong place");
	r->has_type = true;
	if (take(r, " counter"))
		r->type = COUNTER;
	else if (take(r, " gauge"))
		r->type = GAUGE;
	else if (take(r, " histogram"))
		r->type = HISTOGRAM;
	else
		return bad(r, "no such type");
	if ((r->type == COUNTER) != ends_with(name, "_total"))
		return bad(r, "counters and nothing else end in _total");
	return true;
}

/* One name="value"; that of le goes to the sample. */
static bool read_label(struct reader *r, struct sample *sample)
{
	char name[NAME_MAX_], value[400];
	size_t n = 0;

	if (!take_name(r, name, true))
		return false;
	if (!take(r, "=\""))
		return bad(r, "label without a value");
	while (*r->at && *r->at != '"' && *r->at != '\n' &&
	       n + 1 < sizeof(value)) {
		if (*r->at == '\\' && !strchr("\\\"n", *++r->at))
			return bad(r, "no such escape");
		value[n++] = *r->at++;
	}
	value[n] = '\0';
	if (!take(r, "\""))
		return bad(r, "label does not end");
	if (!strcmp(name, "le"))
		snprintf(sample->le, sizeof(sample->le), "%.39s", value);
	return true;
}

static bool read_labels(struct reader *r, struct sample *sample)
{
	const char *begin;

	if (!take(r, "{"))
		return true;
	begin = r->at;
	do {
		if (!read_label(r, sample))
			return false;
	} while (take(r, ","));
	if ((size_t)(r->at - begin) >= sizeof(sample->labels))
		return bad(r, "labels are too long");
	memcpy(sample->labels, begin, (size_t)(r->at - begin));
	return take(r, "}") || bad(r, "labels do not end");
}

static bool parse_number(const char *text, double *value)
{
	char *end;

	if (!strcmp(text, "+Inf")) {
		*value = INFINITY;
		return true;
	}
	if (strspn(text, "0123456789.") != strlen(text))
		return false;
	*value = strtod(text, &end);
	return end != text && !*end;
}

static bool read_value(struct reader *r, struct sample *sample)
{
	const size_t n = strcspn(r->at + 1, "\n");
	char text[40];

	if (*r->at != ' ' || n >= sizeof(text))
		return bad(r, "no value");
	memcpy(text, r->at + 1, n);
	text[n] = '\0';
	if (!parse_number(text, &sample->value))
		return bad(r, "value is no number");
	r->at += 1 + n;
	return true;
}

static bool check_histogram(struct reader *r, const struct sample *sample)
{
	const char *suffix = sample->name + strlen(r->family);
	double le;

	if (!strcmp(suffix, "_bucket")) {
		if (!parse_number(sample->le, &le) || le <= r->le ||
		    sample->value < r->bucket)
			return bad(r, "buckets do not ascend");
		r->le = le;
		r->bucket = sample->value;
	} else if (!strcmp(suffix, "_sum")) {
		r->has_sum = true;
	} else if (!strcmp(suffix, "_count")) {
		r->count = sample->value;
	} else {
		return bad(r, "no part of a histogram");
	}
	return true;
}

static bool read_sample(struct reader *r)
{
	struct sample *sample = &r->samples[r->n_all];
	size_t i;

	if (r->n_all == SAMPLES_MAX)
		return bad(r, "too many samples");
	memset(sample, 0, sizeof(*sample));
	if (!take_name(r, sample->name, false) || !read_labels(r, sample) ||
	    !read_value(r, sample))
		return false;
	for (i = 0; i < r->n_all; i++) {
		if (!strcmp(r->samples[i].name, sample->name) &&
		    !strcmp(r->samples[i].labels, sample->labels))
			return bad(r, "sample comes twice");
	}
	r->n_all++;
	r->n_samples++;
	if (!r->has_type ||
	    strncmp(sample->name, r->family, strlen(r->family)) != 0)
		return bad(r, "sample outside of its family");
	if (r->type == HISTOGRAM)
		return check_histogram(r, sample);
	return !strcmp(sample->name, r->family) || bad(r, "of another family");
}

static bool read_line(struct reader *r)
{
	bool ok;

	if (take(r, "# HELP "))
		ok = read_help(r);
	else if (take(r, "# TYPE "))
		ok = read_type(r);
	else
		ok = read_sample(r);
	return ok && (take(r, "\n") || bad(r, "line does not end"));
}

static struct reader *read_all(const char *text)
{
	struct reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	for (r->at = text; *r->at;) {
		r->line++;
		if (!read_line(r))
			goto fail;
	}
	if (r->n_all && end_family(r))
		return r;
fail:
	free(r);
	return NULL;
}

bool prom_accepts(const char *text)
{
	struct reader *r = read_all(text);
	bool ok = r;

	free(r);
	return ok;
}

double prom_value(const char *text, const char *name, const char *label)
{
	struct reader *r = read_all(text);
	double value = NAN;
	size_t i;

	for (i = 0; r && i < r->n_all; i++) {
		if (!strcmp(r->samples[i].name, name) &&
		    (!label || strstr(r->samples[i].labels, label))) {
			value = r->samples[i].value;
			break;
		}
	}
	free(r);
	return value;
}
