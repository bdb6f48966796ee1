/* SPDX-License-Identifier: Apache-2.0 */
/* The one place where the core names plug-ins. */
#include "registry.h"

#include <metafora/plugins.h>

int mf_default_balancer(struct metafora_balancer **out)
{
	return metafora_balancer_fair_new(out);
}
