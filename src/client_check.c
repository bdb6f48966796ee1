/* SPDX-License-Identifier: Apache-2.0 */
/* The check of what the broker keeps: its request, and the blocking call. */
#include <metafora/error.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "request.h"
#include "wait.h"

/* --- the request --------------------------------------------------------------- */

static void send_check(struct metafora_client *client,
		       const struct mf_request *request)
{
	client->ops->check(client->state, request->number, request->repair);
}

static bool check_valid(const struct mf_request *request,
			const struct metafora_reply *reply)
{
	const struct metafora_finding *finding;
	size_t i;

	(void)request;
	if (reply->n_findings && !reply->findings)
		return false;
	for (i = 0; i < reply->n_findings; i++) {
		finding = &reply->findings[i];
		if (!finding->path || !finding->what || finding->error > 0 ||
		    finding->remedy > METAFORA_REMEDY_FAILED)
			return false;
	}
	return true;
}

static const struct mf_request_kind check_kind = {
	.name = "check",
	.send = send_check,
	.valid = check_valid,
};

int mf_client_check(struct metafora_client *client, bool repair,
		    int64_t timeout_ms, mf_reply_fn fn, void *arg)
{
	struct mf_request *request;
	int error;

	if (!client || timeout_ms <= 0 || !fn)
		return METAFORA_EINVAL;
	if (!mf_client_has(client, check))
		return METAFORA_ENOTSUP;
	error = mf_request_new(client, &check_kind, 0, &request);
	if (error)
		return error;
	request->repair = repair;
	mf_request_post(
		request,
		mf_clock_add_ms(mf_loop_now_ns(&client->loop), timeout_ms), fn,
		arg);
	return 0;
}

/* --- the blocking call ------------------------------------------------------------ */

/* Copies, for the calling thread. */
struct findings {
	struct metafora_finding *findings;
	char **texts; /* path and what of each */
	size_t n;
};

static void free_findings(struct findings *findings)
{
	size_t i;

	for (i = 0; i < 2 * findings->n; i++)
		free(findings->texts[i]);
	free(findings->texts);
	free(findings->findings);
}

static int copy_findings(const struct metafora_reply *reply,
			 struct findings *copy)
{
	size_t n = reply->n_findings;
	size_t i;

	copy->findings = calloc(n + 1, sizeof(*copy->findings));
	copy->texts = calloc(2 * n + 1, sizeof(*copy->texts));
	if (!copy->findings || !copy->texts)
		return METAFORA_ENOMEM;
	copy->n = n;
	for (i = 0; i < n; i++) {
		copy->findings[i] = reply->findings[i];
		copy->texts[2 * i] = strdup(reply->findings[i].path);
		copy->texts[2 * i + 1] = strdup(reply->findings[i].what);
		if (!copy->texts[2 * i] || !copy->texts[2 * i + 1])
			return METAFORA_ENOMEM;
		copy->findings[i].path = copy->texts[2 * i];
		copy->findings[i].what = copy->texts[2 * i + 1];
	}
	return reply->more ? METAFORA_EFULL : 0;
}

static int take_findings(const struct metafora_reply *reply, void *out)
{
	return reply->error ? reply->error : copy_findings(reply, out);
}

int metafora_client_check(struct metafora_client *client, bool repair,
			  metafora_finding_fn fn, void *arg, int64_t timeout_ms)
{
	struct findings findings = {0};
	struct mf_wait wait;
	size_t i;
	int error;

	if (!fn)
		return METAFORA_EINVAL;
	error = mf_call_begin(client, &wait, take_findings, &findings);
	if (error)
		return error;
	error = mf_client_check(client, repair, timeout_ms, mf_wait_answer,
				&wait);
	error = mf_call_end(client, &wait, error);
	for (i = 0; i < findings.n && (!error || error == METAFORA_EFULL); i++)
		fn(arg, &findings.findings[i]);
	free_findings(&findings);
	return error;
}
