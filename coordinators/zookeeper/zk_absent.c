/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for the table of calls where the client library is not installed. */
#include "zk_calls.h"

const struct zk_calls *mf_zk_real_calls(void)
{
	return NULL;
}

bool mf_zk_real_has_tls(void)
{
	return false;
}

bool mf_zk_real_has_sasl(void)
{
	return false;
}
