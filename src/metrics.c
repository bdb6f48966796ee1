/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics of a consumer in the text format of Prometheus. */
#include "metrics.h"

#include <metafora/error.h>

#include "clock.h"
#include "json.h"
#include "plugin.h"
#include "status.h"
#include "text.h"

/* A text, and the label that every sample bears. */
struct page {
	struct mf_text text;
	const char *node;
};

/* name="value", escaped as the format wants it; must be UTF-8. */
static void put_label(struct page *p, const char *name, const char *value)
{
	mf_text_format(&p->text, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n')
			mf_text_put(&p->text, "\\n");
		else if (*value == '"' || *value == '\\')
			mf_text_format(&p->text, "\\%c", *value);
		else
			mf_text_put_bytes(&p->text, value, 1);
	}
	mf_text_put(&p->text, "\"");
}

static void put_head(struct page *p, const char *name, const char *type,
		     const char *help)
{
	mf_text_put(&p->text, "# HELP metafora_");
	mf_text_put(&p->text, name);
	mf_text_put(&p->text, " ");
	mf_text_put(&p->text, help);
	mf_text_format(&p->text, "\n# TYPE metafora_%s %s\n", name, type);
}

/* Up to the value; a further label may be NULL. */
static void put_sample(struct page *p, const char *name, const char *suffix,
		       const char *label, const char *value)
{
	mf_text_format(&p->text, "metafora_%s%s{", name, suffix);
	put_label(p, "node", p->node);
	if (label) {
		mf_text_put(&p->text, ",");
		put_label(p, label, value);
	}
	mf_text_put(&p->text, "} ");
}

static void put_count(struct page *p, uint64_t value)
{
	mf_text_format(&p->text, "%llu\n", (unsigned long long)value);
}

static void put_seconds(struct page *p, uint64_t ns)
{
	mf_text_format(&p->text, "%llu.%09llu\n",
		       (unsigned long long)(ns / MF_NS_PER_S),
		       (unsigned long long)(ns % MF_NS_PER_S));
}

static void put_counter(struct page *p, const char *name, uint64_t value,
			const char *help)
{
	put_head(p, name, "counter", help);
	put_sample(p, name, "", NULL, NULL);
	put_count(p, value);
}

static void put_gauge(struct page *p, const char *name, uint64_t value,
		      const char *help)
{
	put_head(p, name, "gauge", help);
	put_sample(p, name, "", NULL, NULL);
	put_count(p, value);
}

static void put_histogram(struct page *p, const char *name,
			  const struct mf_histogram *histogram,
			  const char *help)
{
#define TEXT(ns, text) text,
	static const char *const bounds[] = {MF_HISTOGRAM_BOUNDS(TEXT) "+Inf"};
#undef TEXT
	uint64_t n = 0;
	size_t i;

	put_head(p, name, "histogram", help);
	for (i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		n += histogram->n[i];
		put_sample(p, name, "_bucket", "le", bounds[i]);
		put_count(p, n);
	}
	put_sample(p, name, "_sum", NULL, NULL);
	put_seconds(p, histogram->sum_ns);
	put_sample(p, name, "_count", NULL, NULL);
	put_count(p, n);
}

static void put_info(struct page *p, const struct metafora_consumer *c)
{
	put_head(p, "build_info", "gauge",
		 "What the node is made of; its value is always 1.");
	mf_text_put(&p->text, "metafora_build_info{");
	put_label(p, "node", p->node);
	mf_text_put(&p->text, ",");
	put_label(p, "version", METAFORA_VERSION);
	mf_text_put(&p->text, ",");
	put_label(p, "coordinator", c->ops->name);
	mf_text_put(&p->text, ",");
	put_label(p, "balancer", c->balancer->ops->name);
	mf_text_put(&p->text, "} 1\n");
}

static void put_states(struct page *p, const struct mf_status *s)
{
	int state;

	put_head(p, "state", "gauge", "1 for the state that the node is in.");
	for (state = 0; metafora_member_state_name(state); state++) {
		put_sample(p, "state", "", "state",
			   metafora_member_state_name(state));
		put_count(p, s->state == (enum metafora_member_state)state);
	}
	put_head(p, "tasks", "gauge",
		 "Tasks that the node has to do with, by what.");
	for (state = MF_NONE + 1; state < MF_N_STATES; state++) {
		put_sample(p, "tasks", "", "state", mf_state_name(state));
		put_count(p, s->n_in_state[state]);
	}
}

static void put_session(struct page *p, const struct mf_status *s)
{
	const uint64_t lease_ns = mf_status_lease_ns(s);

	put_gauge(p, "connected", s->link == MF_LINK_UP,
		  "Whether the node is in touch with the broker.");
	put_head(p, "session_timeout_seconds", "gauge",
		 "The session timeout in force; 0 before the first session.");
	put_sample(p, "session_timeout_seconds", "", NULL, NULL);
	put_seconds(p, s->timeout_ns);
	put_head(p, "lease_remaining_seconds", "gauge",
		 "How long the node may still believe in its claims.");
	put_sample(p, "lease_remaining_seconds", "", NULL, NULL);
	if (lease_ns == METAFORA_NO_DEADLINE)
		mf_text_put(&p->text, "+Inf\n");
	else
		put_seconds(p, lease_ns);
	put_head(p, "suspended_seconds_total", "counter",
		 "Time out of touch with the broker, since the first session.");
	put_sample(p, "suspended_seconds_total", "", NULL, NULL);
	put_seconds(p, s->consumer.suspended_ns);
}

static void put_gauges(struct page *p, const struct mf_status *s)
{
	put_gauge(p, "ignored_tasks", s->n_ignored,
		  "Tasks that the node does not claim for now.");
	put_gauge(p, "cluster_tasks", s->n_cluster_tasks,
		  "Tasks that exist, as this node sees it.");
	put_gauge(p, "cluster_unowned_tasks", s->n_cluster_unowned,
		  "Tasks that nobody has claimed, as this node sees it.");
	put_gauge(p, "cluster_members", s->n_cluster_members,
		  "Living nodes, as this node sees it.");
	put_gauge(p, "mailbox_messages", s->n_mail,
		  "Messages the loop found waiting in its newest turn.");
}

static void put_metrics(struct page *p, const struct metafora_consumer *c,
			const struct mf_status *s)
{
#define PUT(name, field, help) put_counter(p, #name "_total", s->field, help);

	put_info(p, c);
	put_states(p, s);
	put_session(p, s);
	put_gauges(p, s);
	MF_COUNTERS(PUT)
#undef PUT
	put_histogram(p, "loop_lag_seconds", &s->consumer.loop_lag,
		      "How late the loop serves messages and timers.");
	put_histogram(p, "broker_latency_seconds", &s->plugin.latency,
		      "How long the broker takes to answer a request.");
}

int metafora_consumer_metrics(struct metafora_consumer *c, int64_t timeout_ms,
			      char **out)
{
	struct page page = {{0}, NULL};
	struct mf_status status;
	int error;

	if (!c || !out || timeout_ms <= 0)
		return METAFORA_EINVAL;
	error = mf_status_take(c, timeout_ms, false, &status);
	if (error)
		return error;
	/* Labels are UTF-8; what cannot be one is written as in the log. */
	page.node = mf_is_utf8(c->node) ? c->node : c->logged_node;
	put_metrics(&page, c, &status);
	mf_status_fini(&status);
	return mf_text_finish(&page.text, out);
}
