/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where the core names plug-ins. */
#ifndef MF_REGISTRY_H
#define MF_REGISTRY_H

#include <metafora/balancer.h>

/* The balancer of a consumer that is given none. */
int mf_default_balancer(struct metafora_balancer **out);

#endif
