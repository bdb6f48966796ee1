/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resource balancer: claims while a resource is below one limit, gives
 * away while it is above another.
 */
#include <math.h>
#include <metafora/balancer.h>
#include <metafora/error.h>
#include <metafora/plugins.h>
#include <metafora/task.h>
#include <stdlib.h>
#include <string.h>

#include "meminfo.h"

#define NS_PER_MS UINT64_C(1000000)

#define CLAIM_LIMIT_DEFAULT 0.75
#define RELEASE_LIMIT_DEFAULT 0.9
#define LIMIT_MAX 1.0
#define SETTLE_DEFAULT_MS 1000
#define SETTLE_MIN_MS 10
#define SETTLE_MAX_MS 3600000
#define CLAIMS_DEFAULT 10
#define CLAIMS_MIN 1
#define CLAIMS_MAX 1000000
/* A node keeps so many, however little is left: they would go round for ever. */
#define OWN_MIN 1
/* So many settle times a handler that was to stop is waited for. */
#define STOP_SETTLES_MAX 10

/*
 * What is done shows late.  So a reading stands for one settle time, and only
 * so many claims are made on it.  A release ends it: there is none until one
 * settle time after the handler has stopped.
 */
struct resource {
	/* Const after start. */
	int (*report)(void *arg, double *used, double *total);
	void *report_arg;
	double claim_limit;
	double release_limit;
	uint64_t settle_ns;
	size_t max_claims; /* on one reading */

	/* Owner. */
	uint64_t next_ns; /* when to read again */
	bool known;       /* whether there is a reading */
	double level;     /* used of total */
	size_t n_owned;   /* at the reading */

	/* Owner: the task released last; "": its handler has stopped. */
	char released[METAFORA_TASK_ID_MAX + 1];
	uint64_t released_started_ns;
	uint64_t give_up_ns;
};

/* --- readings --------------------------------------------------------------- */

static bool read_level(const struct resource *resource, double *level)
{
	double total = 1;
	double used = 0;

	if (resource->report(resource->report_arg, &used, &total))
		return false;
	/* So written that what is no number fails. */
	if (!(used >= 0 && total > 0 && isfinite(used) && isfinite(total)))
		return false;
	*level = used / total;
	return true;
}

/* Whether the handler of the task released last still runs. */
static bool is_stopping(const struct resource *resource,
			const struct metafora_balance *balance)
{
	const struct metafora_cluster_task *task;

	if (balance->now_ns >= resource->give_up_ns)
		return false;
	task = metafora_cluster_find_task(balance->cluster, resource->released);
	return task && metafora_cluster_task_started_ns(task) ==
			       resource->released_started_ns;
}

/* Look at the resource.  Returns whether there is a reading to go by. */
static bool look(struct resource *resource,
		 const struct metafora_balance *balance)
{
	const struct metafora_member *self =
		metafora_cluster_self(balance->cluster);

	if (resource->released[0]) {
		resource->known = false;
		resource->next_ns = balance->now_ns + resource->settle_ns;
		if (is_stopping(resource, balance))
			return false;
		resource->released[0] = '\0';
	}
	if (balance->now_ns < resource->next_ns)
		return resource->known;
	resource->next_ns = balance->now_ns + resource->settle_ns;
	resource->known = read_level(resource, &resource->level);
	resource->n_owned = self ? metafora_member_n_owned(self) : 0;
	return resource->known;
}

/* --- claims ----------------------------------------------------------------- */

static enum metafora_can_claim
resource_can_claim(void *state, const struct metafora_balance *balance,
		   const struct metafora_cluster_task *task, uint64_t *until_ns)
{
	const struct metafora_member *self =
		metafora_cluster_self(balance->cluster);
	struct resource *resource = state;

	(void)task;
	if (!self)
		return METAFORA_CLAIM_NO_UNTIL_CHANGE;
	/* Claims that came to nothing do not count: others may be tried. */
	if (look(resource, balance) &&
	    resource->level < resource->claim_limit &&
	    metafora_member_n_owned(self) <
		    resource->n_owned + resource->max_claims)
		return METAFORA_CLAIM_YES;
	*until_ns = resource->next_ns;
	return METAFORA_CLAIM_NO_UNTIL;
}

/* --- releases --------------------------------------------------------------- */

/* The own task that has run longest; how many there are. */
static const struct metafora_cluster_task *
oldest(const struct metafora_cluster *cluster, size_t *n_own)
{
	const struct metafora_cluster_task *task = NULL;
	const struct metafora_cluster_task *first = NULL;

	*n_own = 0;
	while ((task = metafora_cluster_next_own(cluster, task))) {
		if ((*n_own)++ == 0 ||
		    metafora_cluster_task_started_ns(task) <
			    metafora_cluster_task_started_ns(first))
			first = task;
	}
	return first;
}

static void release(struct resource *resource, uint64_t now_ns,
		    const struct metafora_cluster_task *task,
		    struct metafora_plan *plan)
{
	const char *id = metafora_cluster_task_id(task);

	/* If memory is short: at the next call. */
	if (metafora_plan_release(plan, task))
		return;
	memcpy(resource->released, id, strlen(id) + 1);
	resource->released_started_ns = metafora_cluster_task_started_ns(task);
	resource->give_up_ns = now_ns + STOP_SETTLES_MAX * resource->settle_ns;
}

static uint64_t resource_balance(void *state,
				 const struct metafora_balance *balance,
				 struct metafora_plan *plan)
{
	const struct metafora_cluster_task *task;
	struct resource *resource = state;
	size_t n_own;

	task = oldest(balance->cluster, &n_own);
	if (n_own <= OWN_MIN)
		return 0;
	if (look(resource, balance) &&
	    resource->level > resource->release_limit)
		release(resource, balance->now_ns, task, plan);
	return resource->next_ns;
}

/* --- life ------------------------------------------------------------------- */

static const struct metafora_balancer_ops resource_ops = {
	.abi_version = METAFORA_BALANCER_ABI,
	.size = sizeof(resource_ops),
	.name = "resource",
	.can_claim = resource_can_claim,
	.balance = resource_balance,
	.destroy = free,
};

static void report_memory(struct resource *resource)
{
	static char path[] = MF_MEMINFO_PATH;

	resource->report = mf_meminfo_report;
	resource->report_arg = path;
}

int metafora_balancer_resource_new(struct metafora_balancer **out)
{
	struct resource *resource;
	int error;

	if (!out)
		return METAFORA_EINVAL;
	resource = calloc(1, sizeof(*resource));
	if (!resource)
		return METAFORA_ENOMEM;
	report_memory(resource);
	resource->claim_limit = CLAIM_LIMIT_DEFAULT;
	resource->release_limit = RELEASE_LIMIT_DEFAULT;
	resource->settle_ns = SETTLE_DEFAULT_MS * NS_PER_MS;
	resource->max_claims = CLAIMS_DEFAULT;
	error = metafora_balancer_new(&resource_ops, resource, out);
	if (error)
		free(resource);
	return error;
}

static struct resource *resource_of(struct metafora_balancer *balancer)
{
	return metafora_balancer_state(balancer, &resource_ops);
}

int metafora_balancer_resource_set_reporter(
	struct metafora_balancer *balancer,
	int (*report)(void *arg, double *used, double *total), void *arg)
{
	struct resource *resource = resource_of(balancer);

	if (!resource)
		return METAFORA_EINVAL;
	if (report) {
		resource->report = report;
		resource->report_arg = arg;
	} else {
		report_memory(resource);
	}
	return 0;
}

int metafora_balancer_resource_set_limits(struct metafora_balancer *balancer,
					  double claim_limit,
					  double release_limit)
{
	struct resource *resource = resource_of(balancer);

	if (!resource)
		return METAFORA_EINVAL;
	/* So written that what is no number fails. */
	if (!(claim_limit > 0 && claim_limit < release_limit &&
	      release_limit <= LIMIT_MAX))
		return METAFORA_ERANGE;
	resource->claim_limit = claim_limit;
	resource->release_limit = release_limit;
	return 0;
}

int metafora_balancer_resource_set_settle_ms(struct metafora_balancer *balancer,
					     int64_t settle_ms)
{
	struct resource *resource = resource_of(balancer);

	if (!resource)
		return METAFORA_EINVAL;
	if (settle_ms < SETTLE_MIN_MS || settle_ms > SETTLE_MAX_MS)
		return METAFORA_ERANGE;
	resource->settle_ns = (uint64_t)settle_ms * NS_PER_MS;
	return 0;
}

int metafora_balancer_resource_set_max_claims(
	struct metafora_balancer *balancer, size_t max_claims)
{
	struct resource *resource = resource_of(balancer);

	if (!resource)
		return METAFORA_EINVAL;
	if (max_claims < CLAIMS_MIN || max_claims > CLAIMS_MAX)
		return METAFORA_ERANGE;
	resource->max_claims = max_claims;
	return 0;
}
