/* SPDX-License-Identifier: Apache-2.0 */
/* Coordinator and balancer objects: their tables are checked once. */
#include <metafora.h>
#include <stddef.h>

#include "plugin.h"
#include "tap.h"

/* --- a complete table of each kind; nothing in them is called but two ------ */

static unsigned int n_destroyed;
static void *freed_config;

static enum metafora_can_claim
can_claim(void *state, const struct metafora_balance *balance,
	  const struct metafora_cluster_task *task, uint64_t *until_ns)
{
	(void)state, (void)balance, (void)task, (void)until_ns;
	return METAFORA_CLAIM_YES;
}

static uint64_t balance(void *state, const struct metafora_balance *told,
			struct metafora_plan *plan)
{
	(void)state, (void)told, (void)plan;
	return 0;
}

static void destroy(void *state)
{
	unsigned int *n = state;

	(*n)++;
}

static int node_open(void *config, const struct metafora_host *host,
		     const struct metafora_node_sink *sink,
		     const struct metafora_member_record *record, void **state)
{
	(void)config, (void)host, (void)sink, (void)record, (void)state;
	return METAFORA_ENOTSUP;
}

static void verb(void *state, const struct metafora_entry *entries, size_t n)
{
	(void)state, (void)entries, (void)n;
}

static void publish(void *state, const struct metafora_member_record *record)
{
	(void)state, (void)record;
}

static void ack(void *state, const char *id, int error, const char *result)
{
	(void)state, (void)id, (void)error, (void)result;
}

static void plain(void *state)
{
	(void)state;
}

static int client_open(void *config, const struct metafora_host *host,
		       const struct metafora_client_sink *sink, void **state)
{
	(void)config, (void)host, (void)sink, (void)state;
	return METAFORA_ENOTSUP;
}

static void submit(void *state, uint64_t request,
		   const struct metafora_submission *submissions, size_t n)
{
	(void)state, (void)request, (void)submissions, (void)n;
}

static void by_task(void *state, uint64_t request, const char *task)
{
	(void)state, (void)request, (void)task;
}

static void list(void *state, uint64_t request, const char *prefix,
		 const char *after, size_t limit)
{
	(void)state, (void)request, (void)prefix, (void)after, (void)limit;
}

static void by_request(void *state, uint64_t request)
{
	(void)state, (void)request;
}

static void command(void *state, uint64_t request, const char *node,
		    const void *data, size_t size_bytes)
{
	(void)state, (void)request, (void)node, (void)data, (void)size_bytes;
}

static const struct metafora_balancer_ops full_balancer = {
	.abi_version = METAFORA_BALANCER_ABI,
	.size = sizeof(struct metafora_balancer_ops),
	.name = "test",
	.can_claim = can_claim,
	.balance = balance,
	.destroy = destroy,
};

static const struct metafora_node_ops full_node = {
	.abi_version = METAFORA_COORDINATOR_ABI,
	.size = sizeof(struct metafora_node_ops),
	.name = "test",
	.flags = METAFORA_COORDINATOR_LINES,
	.open = node_open,
	.claim = verb,
	.queue = verb,
	.withdraw = verb,
	.release = verb,
	.done = verb,
	.publish = publish,
	.ack = ack,
	.refresh = plain,
	.close = plain,
	.abandon = plain,
	.free = plain,
};

static const struct metafora_client_ops full_client = {
	.abi_version = METAFORA_COORDINATOR_ABI,
	.size = sizeof(struct metafora_client_ops),
	.name = "test",
	.open = client_open,
	.submit = submit,
	.remove = by_task,
	.list = list,
	.get = by_task,
	.nodes = by_request,
	.command = command,
	.cancel = by_request,
	.close = plain,
	.free = plain,
};

static void free_config(void *config)
{
	freed_config = config;
}

static struct metafora_balancer *balancer;
static struct metafora_coordinator *coordinator;

/* What making one of each kind returns; whatever is made is freed again. */
static int make_balancer(const struct metafora_balancer_ops *ops)
{
	int error = metafora_balancer_new(ops, &n_destroyed, &balancer);

	if (error)
		CU_ASSERT_PTR_NULL(balancer);
	metafora_balancer_free(balancer);
	balancer = NULL;
	return error;
}

static int make_coordinator(const struct metafora_node_ops *node_ops,
			    const struct metafora_client_ops *client_ops)
{
	int error = metafora_coordinator_new(node_ops, client_ops, NULL, NULL,
					     &coordinator);

	if (error)
		CU_ASSERT_PTR_NULL(coordinator);
	metafora_coordinator_free(coordinator);
	coordinator = NULL;
	return error;
}

static int make_node(const struct metafora_node_ops *ops)
{
	return make_coordinator(ops, NULL);
}

static int make_client(const struct metafora_client_ops *ops)
{
	return make_coordinator(NULL, ops);
}

static void setup(void)
{
	n_destroyed = 0;
	freed_config = NULL;
	balancer = NULL;
	coordinator = NULL;
}

/* --- balancers -------------------------------------------------------------- */

static void a_balancer_is_made_and_destroyed_once(void)
{
	CU_ASSERT_EQUAL(make_balancer(&full_balancer), 0);
	CU_ASSERT_EQUAL(n_destroyed, 1);
}

static void a_balancer_without_optional_ops_is_accepted(void)
{
	struct metafora_balancer_ops ops = full_balancer;

	ops.init = NULL;
	ops.destroy = NULL;
	CU_ASSERT_EQUAL(make_balancer(&ops), 0);
	CU_ASSERT_EQUAL(n_destroyed, 0);
}

static void arguments_of_a_balancer_are_checked(void)
{
	struct metafora_balancer_ops ops = full_balancer;

	CU_ASSERT_EQUAL(make_balancer(NULL), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_balancer_new(&ops, &n_destroyed, NULL),
			METAFORA_EINVAL);
	ops.name = NULL;
	CU_ASSERT_EQUAL(make_balancer(&ops), METAFORA_EINVAL);
	metafora_balancer_free(NULL);
	CU_ASSERT_EQUAL(n_destroyed, 0);
}

/*
 * A table whose version or size is wrong, with all operations missing too:
 * they must not be looked at.
 */
#define CHECK_ABI(type, abi, full, make, last)                                \
	do {                                                                  \
		struct type ops = {.abi_version = (abi) + 1,                  \
				   .size = sizeof(ops),                       \
				   .name = "test"};                           \
                                                                              \
		CU_ASSERT_EQUAL(make(&ops), METAFORA_EABI);                   \
		ops.abi_version = (abi) - 1;                                  \
		CU_ASSERT_EQUAL(make(&ops), METAFORA_EABI);                   \
		ops.abi_version = (abi);                                      \
		/* Shorter than the table of version 1, which `last` ends. */ \
		ops.size = offsetof(struct type, last) + sizeof(ops.last) - 1; \
		CU_ASSERT_EQUAL(make(&ops), METAFORA_EABI);                   \
		ops.size = 0;                                                 \
		CU_ASSERT_EQUAL(make(&ops), METAFORA_EABI);                   \
		ops = full;                                                   \
		ops.size += 64; /* of a later version */                      \
		CU_ASSERT_EQUAL(make(&ops), 0);                               \
	} while (0)

/* Each operation missing in turn. */
#define CHECK_OP(type, full, op, make, expected)                              \
	do {                                                                  \
		struct type ops = full;                                       \
                                                                              \
		ops.op = NULL;                                                \
		CU_ASSERT_EQUAL(make(&ops), expected);                        \
	} while (0)

static void a_balancer_of_another_abi_is_refused(void)
{
	CHECK_ABI(metafora_balancer_ops, METAFORA_BALANCER_ABI, full_balancer,
		  make_balancer, destroy);
}

static void a_balancer_without_a_mandatory_op_is_refused(void)
{
#define CHECK(op)                                                             \
	CHECK_OP(metafora_balancer_ops, full_balancer, op, make_balancer,     \
		 METAFORA_EOPMISSING)
	CHECK(can_claim);
	CHECK(balance);
#undef CHECK
	CU_ASSERT_EQUAL(n_destroyed, 0);
}

/* --- coordinators ----------------------------------------------------------- */

static void a_coordinator_may_have_either_side_or_both(void)
{
	CU_ASSERT_EQUAL(make_coordinator(&full_node, &full_client), 0);
	CU_ASSERT_EQUAL(make_coordinator(&full_node, NULL), 0);
	CU_ASSERT_EQUAL(make_coordinator(NULL, &full_client), 0);
}

static void arguments_of_a_coordinator_are_checked(void)
{
	struct metafora_node_ops node = full_node;
	struct metafora_client_ops client = full_client;

	CU_ASSERT_EQUAL(make_coordinator(NULL, NULL), METAFORA_EINVAL);
	CU_ASSERT_EQUAL(metafora_coordinator_new(&node, &client, NULL, NULL,
						 NULL),
			METAFORA_EINVAL);
	node.name = NULL;
	CU_ASSERT_EQUAL(make_node(&node), METAFORA_EINVAL);
	client.name = NULL;
	CU_ASSERT_EQUAL(make_client(&client), METAFORA_EINVAL);
	metafora_coordinator_free(NULL);
}

static void a_node_side_of_another_abi_is_refused(void)
{
	CHECK_ABI(metafora_node_ops, METAFORA_COORDINATOR_ABI, full_node,
		  make_node, free);
}

static void a_client_side_of_another_abi_is_refused(void)
{
	CHECK_ABI(metafora_client_ops, METAFORA_COORDINATOR_ABI, full_client,
		  make_client, free);
}

static void a_node_side_without_a_mandatory_op_is_refused(void)
{
#define CHECK(op)                                                             \
	CHECK_OP(metafora_node_ops, full_node, op, make_node,                 \
		 METAFORA_EOPMISSING)
	CHECK(open);
	CHECK(claim);
	CHECK(queue);
	CHECK(withdraw);
	CHECK(release);
	CHECK(done);
	CHECK(publish);
	CHECK(ack);
	CHECK(refresh);
	CHECK(close);
	CHECK(free);
#undef CHECK
	CHECK_OP(metafora_node_ops, full_node, abandon, make_node, 0);
}

static void a_node_side_without_lines_needs_no_queue(void)
{
	struct metafora_node_ops ops = full_node;

	ops.flags = 0;
	ops.queue = NULL;
	CU_ASSERT_EQUAL(make_node(&ops), 0);
}

static void a_client_side_without_a_mandatory_op_is_refused(void)
{
#define CHECK(op)                                                             \
	CHECK_OP(metafora_client_ops, full_client, op, make_client,           \
		 METAFORA_EOPMISSING)
	CHECK(open);
	CHECK(submit);
	CHECK(remove);
	CHECK(list);
	CHECK(get);
	CHECK(nodes);
	CHECK(command);
	CHECK(cancel);
	CHECK(close);
	CHECK(free);
#undef CHECK
}

static void a_bad_side_is_refused_although_the_other_is_good(void)
{
	struct metafora_node_ops node = full_node;
	struct metafora_client_ops client = full_client;

	client.abi_version++;
	CU_ASSERT_EQUAL(make_coordinator(&full_node, &client), METAFORA_EABI);
	node.open = NULL;
	CU_ASSERT_EQUAL(make_coordinator(&node, &full_client),
			METAFORA_EOPMISSING);
}

static void the_configuration_goes_with_the_last_reference(void)
{
	int config;

	CU_ASSERT_EQUAL_FATAL(metafora_coordinator_new(&full_node, NULL,
						       &config, free_config,
						       &coordinator), 0);
	CU_ASSERT_PTR_EQUAL(mf_coordinator_ref(coordinator), coordinator);
	metafora_coordinator_free(coordinator);
	CU_ASSERT_PTR_NULL(freed_config);
	metafora_coordinator_free(coordinator);
	CU_ASSERT_PTR_EQUAL(freed_config, &config);
}

static void the_configuration_stays_the_callers_when_it_fails(void)
{
	int config;

	CU_ASSERT_EQUAL(metafora_coordinator_new(NULL, NULL, &config,
						 free_config, &coordinator),
			METAFORA_EINVAL);
	CU_ASSERT_PTR_NULL(freed_config);
}

static const struct tap_case cases[] = {
	{"a balancer is made and destroyed once",
	 a_balancer_is_made_and_destroyed_once},
	{"a balancer without optional operations is accepted",
	 a_balancer_without_optional_ops_is_accepted},
	{"arguments of a balancer are checked",
	 arguments_of_a_balancer_are_checked},
	{"a balancer of another ABI is refused",
	 a_balancer_of_another_abi_is_refused},
	{"a balancer without a mandatory operation is refused",
	 a_balancer_without_a_mandatory_op_is_refused},
	{"a coordinator may have either side or both",
	 a_coordinator_may_have_either_side_or_both},
	{"arguments of a coordinator are checked",
	 arguments_of_a_coordinator_are_checked},
	{"a node side of another ABI is refused",
	 a_node_side_of_another_abi_is_refused},
	{"a client side of another ABI is refused",
	 a_client_side_of_another_abi_is_refused},
	{"a node side without a mandatory operation is refused",
	 a_node_side_without_a_mandatory_op_is_refused},
	{"a node side without lines needs no queue",
	 a_node_side_without_lines_needs_no_queue},
	{"a client side without a mandatory operation is refused",
	 a_client_side_without_a_mandatory_op_is_refused},
	{"a bad side is refused although the other is good",
	 a_bad_side_is_refused_although_the_other_is_good},
	{"the configuration goes with the last reference",
	 the_configuration_goes_with_the_last_reference},
	{"the configuration stays the caller's when it fails",
	 the_configuration_stays_the_callers_when_it_fails},
};

TAP_MAIN(cases, setup, NULL)
