/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a batch of tasks. */
#ifndef MF_BATCH_H
#define MF_BATCH_H

#include <stddef.h>

#include <metafora/client.h>
#include <metafora/coordinator.h>

/*
 * Two arrays side by side, so that a run of tasks can be handed to a
 * coordinator as it is, and its answer copied over the errors.
 */
struct metafora_batch {
	struct metafora_submission *tasks; /* IDs and properties are ours */
	int *errors;                       /* of the last submit */
	size_t n;
	size_t room;
};

/*
 * What submit says about one task: 0, METAFORA_EINVAL, METAFORA_EEMPTY,
 * METAFORA_ENAMETOOLONG, METAFORA_ENUL, METAFORA_E2BIG.
 */
int mf_submission_check(const char *id, size_t id_bytes, const void *properties,
			size_t size_bytes);

#endif
