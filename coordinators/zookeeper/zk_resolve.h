/* SPDX-License-Identifier: Apache-2.0 */
/* Host lists in the form that suits the ZooKeeper client library. */
#ifndef ZK_RESOLVE_H
#define ZK_RESOLVE_H

#include <stddef.h>

/*
 * Resolve "host:port,host:port" (":port" may be missing: 2181) to a list of
 * numeric addresses, an odd number of them: the library skips servers of an
 * even list when it fails over, because it advances in two places.  May block
 * for long: not on the owner thread.  Hosts that do not resolve are left out;
 * *why (static text) tells of one.  Returns 0, METAFORA_EUNKNOWN (none did),
 * METAFORA_ENOMEM.  The caller frees *out.
 */
int mf_zk_resolve(const char *servers, char **out, const char **why);

#endif
